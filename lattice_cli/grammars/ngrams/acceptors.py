"""Back-off models as acceptors: exact, with one path a sequence, or with back-off as epsilon arcs.

Back-off arcs that any word may take also let a word with an n-gram of its own go the other way: the sum over paths is
then too high, and the best path may be too good. Exactly, only words without an n-gram may back off. A table of all
words at every history says that, and grows with histories x words. The other exact form cuts what is left of the
vocabulary at each history into intervals, and those into the nodes of a binary tree over the words, which histories
share; it takes several times as many arcs as there are n-grams. Models that are too large for it are asked instead
(`on_demand`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from math import isfinite

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import UsageError
from lattice_cli.grammars.ngrams.columns import NgramModel
from lattice_cli.graph import EPSILON, Arc, Graph, arc_columns, graph_by_tail, trimmed

#: Up to this many arcs all words are written out at every history.
_TABLE_ARCS = 50_000
#: Beyond so many n-grams, or arcs, which take some seconds and half a gigabyte, none is written out.
_MOST_NGRAMS, _MOST_ARCS = 500_000, 5_000_000
#: Intervals of up to this many words are written out.
_SHORT = 4


def with_epsilon(model: NgramModel) -> Graph:
    """The acceptor in which every word may back off, by an epsilon arc: small, and not exact."""
    tail, word = np.divmod(model.key, len(model.labels))
    said = np.flatnonzero(np.isfinite(model.energy) & (word != (model.end or 0)))
    leaving = np.flatnonzero(np.isfinite(model.leaving))
    final = np.full(model.histories, np.inf if model.end is not None else 0.0)
    if model.end is not None:
        ending = np.flatnonzero(word == model.end)
        final[tail[ending]] = model.energy[ending]
    return _acceptor(
        model,
        np.concatenate([tail[said], leaving]),
        np.concatenate([model.after[said], model.shorter[leaving]]),
        np.concatenate([word[said], np.full(len(leaving), EPSILON)]),
        np.concatenate([model.energy[said], model.leaving[leaving]]),
        final,
    )


def exact(model: NgramModel, most_in_table: int = _TABLE_ARCS) -> Graph:
    """The acceptor in which a word backs off only where it has no n-gram: one path a sequence, at its energy.

    Up to `most_in_table` arcs without epsilon. Raises UsageError for a model that is too large for it.
    """
    if model.histories * len(model.words) <= most_in_table:
        history, word = np.divmod(np.arange(model.histories * len(model.words)), max(1, len(model.words)))
        word = model.words[word]
        energy, after = model.step(history, word)
        possible = np.flatnonzero(np.isfinite(energy))
        return _acceptor(model, history[possible], after[possible], word[possible], energy[possible], model.ends)
    if len(model.key) > _MOST_NGRAMS:
        raise UsageError(_too_large(model))
    return _Intervals(model).graph()


def _too_large(model: NgramModel) -> str:
    return (
        f"{len(model.key):,} n-grams are too many to be written out exactly: as a grammar or a language model the "
        "file itself is asked for what a record needs of it, and back-off by epsilon is smaller"
    )


def _acceptor(
    model: NgramModel, tail: IntArray, head: IntArray, word: IntArray, energy: FloatArray, final: FloatArray
) -> Graph:
    """The part of an acceptor that lies on paths; nodes are histories, and perhaps more."""
    ends = {node: final[node] for node in np.flatnonzero(np.isfinite(final)).tolist()}
    columns = [tail, head, word, word, energy]
    return trimmed(graph_by_tail(columns, {model.first: 0.0}, ends, len(final), model.labels))[0]


class _Intervals:
    """The exact form with shared intervals. Words are in order of their energy alone: those with many n-grams of their
    own then stand together, and what is left are few long intervals. Nodes are histories, then intervals."""

    def __init__(self, model: NgramModel) -> None:
        self.model = model
        self._leaving, self._shorter = model.leaving.tolist(), model.shorter.tolist()
        self._followers: list[dict[int, tuple[float, int]]] = [{} for _ in range(model.histories)]
        history, word = np.divmod(model.key, len(model.labels))
        for tail, each, energy, head in zip(*(c.tolist() for c in (history, word, model.energy, model.after))):
            if each != model.end:
                self._followers[tail][each] = energy, head
        alone = self._followers[0]
        self._order = sorted(alone, key=lambda word: alone[word][0])
        self._place = {word: place for place, word in enumerate(self._order)}
        self._whole = 1 << max(len(self._order) - 1, 0).bit_length()
        self._own = [sorted(self._place[word] for word in each) for each in self._followers]
        self._nodes = model.histories
        self._intervals: dict[tuple[int, int, int], int] = {}
        self._open: list[tuple[int, int, int]] = []
        self._arcs: list[Arc] = []

    def graph(self) -> Graph:
        """All histories, and the intervals that they share."""
        for history in range(self.model.histories):
            self._fill(history, history, 0, self._whole)
            while self._open:
                interval = self._open.pop()
                self._fill(self._intervals[interval], *interval)
            if len(self._arcs) > _MOST_ARCS:
                raise UsageError(_too_large(self.model))
        tail, head, word, _, energy = arc_columns(self._arcs)
        final = np.append(self.model.ends, np.full(self._nodes - self.model.histories, np.inf))
        return _acceptor(self.model, tail, head, word, energy, final)

    def _say(self, tail: int, word: int, energy: float, head: int) -> None:
        if isfinite(energy):
            self._arcs.append((tail, head, word, word, energy))

    def _fill(self, tail: int, history: int, low: int, high: int) -> None:
        """Arcs from a node for all words at places from low to high, after a history."""
        own, followers = self._own[history], self._followers[history]
        begin = low
        for place in own[bisect_left(own, low) : bisect_left(own, high)]:
            word = self._order[place]
            self._say(tail, word, *followers[word])
            self._back_off(tail, history, begin, place)
            begin = place + 1
        self._back_off(tail, history, begin, high)

    def _back_off(self, tail: int, history: int, low: int, high: int) -> None:
        """Arcs for words between two places, none of which has an n-gram after the history."""
        if not history or low >= high or low >= len(self._order):
            return
        for begin, end in _aligned(low, high):
            if begin >= len(self._order):
                break
            if end - begin <= _SHORT:
                self._write_out(tail, history, begin, min(end, len(self._order)))
            else:
                self._lead(tail, history, begin, end)

    def _write_out(self, tail: int, history: int, low: int, high: int) -> None:
        for word in self._order[low:high]:
            spent, at = 0.0, history
            while word not in self._followers[at]:
                spent += self._leaving[at]
                at = self._shorter[at]
            energy, head = self._followers[at][word]
            self._say(tail, word, spent + energy, head)

    def _lead(self, tail: int, history: int, low: int, high: int) -> None:
        """An epsilon arc to an interval of the longest shorter history that has an n-gram in it."""
        spent, history = self._leaving[history], self._shorter[history]
        while history:
            own = self._own[history]
            if bisect_left(own, low) < bisect_left(own, high):
                break
            spent += self._leaving[history]
            history = self._shorter[history]
        if not isfinite(spent):
            return
        interval = (history, low, high)
        head = self._intervals.get(interval)
        if head is None:
            head = self._intervals[interval] = self._nodes
            self._nodes += 1
            self._open.append(interval)
        self._arcs.append((tail, head, EPSILON, EPSILON, spent))


def _aligned(low: int, high: int) -> Iterator[tuple[int, int]]:
    """An interval cut into the fewest nodes of a binary tree: [k 2^n, (k + 1) 2^n)."""
    while low < high:
        size = low & -low if low else 1 << (high.bit_length() - 1)
        while low + size > high:
            size >>= 1
        yield low, low + size
        low += size

"""Back-off models as acceptors: exact, or with back-off as epsilon arcs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from math import isfinite

from lattice_cli.errors import UsageError
from lattice_cli.grammars.ngram import Context, NgramModel
from lattice_cli.graph import EPSILON, Arc, Graph, graph_of

#: Up to this many arcs all words are written out at every history.
_TABLE_ARCS = 50_000
_MOST_ARCS = 30_000_000
#: Intervals of up to this many words are written out.
_SHORT = 4


def with_epsilon(model: NgramModel) -> Graph:
    """The acceptor in which every word may back off, by an epsilon arc: small, and not exact."""
    build = _Building(model)
    for state, context in build.contexts():
        for word, energy in model.followers.get(context, {}).items():
            if word == model.end:
                build.finish(state, energy)
            elif isfinite(energy):
                build.say(state, context, word, energy)
        if model.end is None:
            build.finish(state, 0.0)
        leaving = model.backoff.get(context, 0.0)
        if context and isfinite(leaving):
            build.arcs.append((state, build.state(model.shorter(context)), EPSILON, EPSILON, leaving))
    return build.graph()


def exact(model: NgramModel, most_in_table: int = _TABLE_ARCS) -> Graph:
    """The acceptor in which a word backs off only where it has no n-gram: one path a sequence, at its energy.

    Up to `most_in_table` arcs without epsilon. Raises UsageError beyond 30,000,000 arcs.
    """
    histories = 1 + len({model.kept(context) for context in (*model.followers, *model.backoff)})
    if histories * len(model.words) <= most_in_table:
        return _table(model)
    return _Intervals(model).graph()


def _table(model: NgramModel) -> Graph:
    build = _Building(model)
    for state, context in build.contexts():
        build.finish(state, model.ending(context))
        for word in model.words:
            energy = model.energy(context, word)
            if isfinite(energy):
                build.say(state, context, word, energy)
    return build.graph()


class _Building:
    """States for contexts as they are reached, and arcs."""

    def __init__(self, model: NgramModel) -> None:
        self.model = model
        self.arcs: list[Arc] = []
        self._final: dict[int, float] = {}
        self._states: dict[Context, int] = {}
        self._waiting: list[Context] = []
        self.nodes = 0
        self._start = self.state(model.first)

    def state(self, context: Context) -> int:
        """The node of a context, new if it is."""
        found = self._states.get(context)
        if found is None:
            found = self._states[context] = self.nodes
            self.nodes += 1
            self._waiting.append(context)
        return found

    def contexts(self) -> Iterator[tuple[int, Context]]:
        """(node, context) of all that are reached."""
        while self._waiting:
            context = self._waiting.pop()
            yield self._states[context], context

    def say(self, tail: int, context: Context, word: int, energy: float) -> None:
        """An arc for a word after a context, to what is known then."""
        self.arcs.append((tail, self.state(self.model.kept((*context, word))), word, word, energy))

    def finish(self, state: int, energy: float) -> None:
        """A final energy, if it is one."""
        if isfinite(energy):
            self._final[state] = energy

    def graph(self) -> Graph:
        """What was built."""
        return graph_of(self.arcs, {self._start: 0.0}, self._final, self.nodes, self.model.labels)


class _Intervals(_Building):
    """The exact form with shared intervals. Words are in order of their energy alone: those with many n-grams of their
    own then stand together, and what is left are few long intervals."""

    def __init__(self, model: NgramModel) -> None:
        super().__init__(model)
        alone = model.followers[()]
        self._order = sorted(model.words, key=lambda word: alone[word])
        self._place = {word: place for place, word in enumerate(self._order)}
        self._whole = 1 << max(len(self._order) - 1, 0).bit_length()
        self._own: dict[Context, list[int]] = {}
        self._intervals: dict[tuple[Context, int, int], int] = {}
        self._open: list[tuple[Context, int, int]] = []

    def graph(self) -> Graph:
        """All contexts that are reached, and the intervals that they share."""
        for state, context in self.contexts():
            self.finish(state, self.model.ending(context))
            self._fill(state, context, 0, self._whole)
            while self._open:
                interval = self._open.pop()
                self._fill(self._intervals[interval], *interval)
            if len(self.arcs) > _MOST_ARCS:
                raise UsageError(f"more than {_MOST_ARCS:,} arcs if back-off is exact; back-off by epsilon is smaller")
        return super().graph()

    def _places(self, context: Context) -> list[int]:
        """The places of the words with an n-gram of their own after a context, ascending."""
        found = self._own.get(context)
        if found is None:
            followers = self.model.followers.get(context, {})
            found = self._own[context] = sorted(self._place[word] for word in followers if word in self._place)
        return found

    def _fill(self, tail: int, context: Context, low: int, high: int) -> None:
        """Arcs from a node for all words at places from low to high, after a context."""
        own = self._places(context)
        begin = low
        followers = self.model.followers.get(context, {})
        for place in own[bisect_left(own, low) : bisect_left(own, high)]:
            word = self._order[place]
            if isfinite(followers[word]):
                self.say(tail, context, word, followers[word])
            self._back_off(tail, context, begin, place)
            begin = place + 1
        self._back_off(tail, context, begin, high)

    def _back_off(self, tail: int, context: Context, low: int, high: int) -> None:
        """Arcs for words between two places, none of which has an n-gram after the context."""
        if not context or low >= high or low >= len(self._order):
            return
        for begin, end in _aligned(low, high):
            if begin >= len(self._order):
                break
            if end - begin <= _SHORT:
                self._write_out(tail, context, begin, min(end, len(self._order)))
            else:
                self._lead(tail, context, begin, end)

    def _write_out(self, tail: int, context: Context, low: int, high: int) -> None:
        for word in self._order[low:high]:
            energy = self.model.energy(context, word)
            if isfinite(energy):
                self.say(tail, context, word, energy)

    def _lead(self, tail: int, context: Context, low: int, high: int) -> None:
        """An epsilon arc to an interval of the longest shorter context that has an n-gram in it."""
        spent = self.model.backoff.get(context, 0.0)
        context = self.model.shorter(context)
        while context:
            own = self._places(context)
            if bisect_left(own, low) < bisect_left(own, high):
                break
            spent += self.model.backoff.get(context, 0.0)
            context = self.model.shorter(context)
        if not isfinite(spent):
            return
        interval = (context, low, high)
        head = self._intervals.get(interval)
        if head is None:
            head = self._intervals[interval] = self.nodes
            self.nodes += 1
            self._open.append(interval)
        self.arcs.append((tail, head, EPSILON, EPSILON, spent))


def _aligned(low: int, high: int) -> Iterator[tuple[int, int]]:
    """An interval cut into the fewest nodes of a binary tree: [k 2^n, (k + 1) 2^n)."""
    while low < high:
        size = low & -low if low else 1 << (high.bit_length() - 1)
        while low + size > high:
            size >>= 1
        yield low, low + size
        low += size

"""The best path of an emission matrix through a decoding graph, frame by frame over the pairs that are still of
interest.

Tokens stand at nodes of the decoding graph, and at a history of a scorer if there are any. Of each a lower bound is
known on any path that goes on from it: what it has cost, the least that the decoding graph still costs (a potential),
and the least that the rows still cost. Tokens above a known upper bound are dropped without loss. A beam drops more;
the least lower bound among what it dropped then tells how far from the best path the found one can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import ModuleType
from typing import NamedTuple

import numpy as np

from lattice_cli.arrays import NO_INDICES, BoolArray, FloatArray, IntArray, distinct, picked, run_starts, stable_order
from lattice_cli.emissions.decoding_graph import DecodingGraph
from lattice_cli.emissions.matrix import EmissionMatrix
from lattice_cli.grammars import Scorer
from lattice_cli.graph import EPSILON
from lattice_cli.sweep import kernels_for

#: Energies of the same path summed in two orders differ by rounding: one part in this many.
_ROUNDING = 1e-11
#: So many tables of classes are kept.
_TABLES = 4
#: A row may have one of so many parts of the states that are left, where what is lost makes a search useless.
_SHARES = 24
#: Widths that an exact search tries one after the other, before one that drops only what is above the energy found.
_WIDTHS = (60, 1_000, 20_000)


@dataclass(frozen=True, eq=False)
class BestFound:
    """A search's outcome.

    energy: nats, +inf where no path was found. arcs: the decoding graph's arc of each row. bound: no path is below this
    (up to rounding). widest: the most tokens of a frame.
    """

    energy: float
    arcs: IntArray
    bound: float
    widest: int

    @property
    def exact(self) -> bool:
        """True if nothing that could have won was dropped."""
        return self.bound >= self.energy - slack(self.energy)


def slack(energy: float) -> float:
    """Rounding of sums of about this energy."""
    return _ROUNDING * (1.0 + abs(energy)) if np.isfinite(energy) else 0.0


@dataclass(frozen=True, eq=False)
class Tokens:
    """(tokens,) node of the decoding graph, history, and energy of the best way there."""

    node: IntArray
    history: IntArray
    energy: FloatArray


@dataclass(frozen=True, eq=False)
class Steps:
    """Moves over one row: (moves,) token that is left, arc, energy then, what of it the scorer took for this move, and
    token that is entered."""

    tail: IntArray
    arc: IntArray
    energy: FloatArray
    spent: FloatArray
    head: IntArray

    def into(self, number: IntArray) -> Steps:
        """Those whose tokens have a new number, which is not -1."""
        head = number[self.head]
        keep = head >= 0
        return Steps(self.tail[keep], self.arc[keep], self.energy[keep], self.spent[keep], head[keep])


@dataclass(frozen=True, eq=False)
class TokenLayer:
    """What is behind a row: tokens, (tokens,) the token before and the arc of the best way to each, the least bound of
    what a beam dropped, and every move to these tokens."""

    tokens: Tokens
    tail: IntArray
    arc: IntArray
    dropped: float
    steps: Steps


class _Moves(NamedTuple):
    """Moves as they come: (moves,) token, arc, energy and history then, what the scorer took."""

    tail: IntArray
    arc: IntArray
    energy: FloatArray
    history: IntArray
    spent: FloatArray

    def only(self, keep: BoolArray) -> _Moves:
        """Some of them."""
        tail, arc, energy, history, spent = self
        return _Moves(tail[keep], arc[keep], energy[keep], history[keep], spent[keep])


class Heuristic:
    """What is known of a decoding graph and its scorer before any matrix is seen: potentials, and what arcs gain by
    them. Inputs are the labels that its arcs take; which class of a matrix each of them is `columns` tells."""

    def __init__(self, decoding_graph: DecodingGraph, scorer: Scorer | None = None) -> None:
        graph = decoding_graph.graph
        self.decoding_graph, self.scorer = decoding_graph, scorer
        label = distinct(graph.ilabel)
        place = np.zeros(len(graph.labels), dtype=np.intp)
        place[label] = np.arange(len(label))
        #: (arcs,) the input that each takes.
        self.input = place[graph.ilabel]
        self._inputs = {graph.labels[each]: number for number, each in enumerate(label.tolist())}
        self.columns = lru_cache(maxsize=_TABLES)(self._columns)
        self.outputs = decoding_graph.outputs
        least_end = 0.0
        #: (arcs,) the least that the scorer takes for the words of each.
        self.judged = np.zeros(graph.arcs)
        if scorer is not None:
            spoken = np.where(self.outputs == EPSILON, -1, self.outputs)
            self.judged = picked(scorer.least, spoken, 0.0).sum(axis=1)
            least_end = scorer.least_end
        base = graph.energy + self.judged
        #: (nodes,) about the least energy to an end, +inf where there is no way to one.
        self.ahead = decoding_graph.look_ahead(self.judged)
        possible = np.isfinite(self.ahead)
        #: (arcs,) true for an arc that can be on a path.
        self.usable = np.isfinite(base) & possible[graph.src] & possible[graph.dst]
        usable = np.flatnonzero(self.usable)
        #: (inputs,) the least that an arc of each input costs beyond the potential.
        self.reduced = np.full(len(label), np.inf)
        gained = base[usable] + self.ahead[graph.dst[usable]] - self.ahead[graph.src[usable]]
        np.minimum.at(self.reduced, self.input[usable], gained)
        ends = np.flatnonzero(np.isfinite(graph.final))
        #: The least that ending costs beyond the potential.
        self.ending = float((graph.final[ends] - self.ahead[ends]).min(initial=np.inf)) + least_end

    def _columns(self, classes: tuple[str, ...]) -> IntArray:
        """(inputs,) the class of each input among these labels, -1 for none."""
        found = np.full(len(self._inputs), -1, dtype=np.intp)
        for column, label in enumerate(classes):
            if label in self._inputs:
                found[self._inputs[label]] = column
        return found

    @cached_property
    def looped(self) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
        """(arcs,) what the compiled loops know of each: head, input (-1 where it is on no path), energy, what is
        judged."""
        graph = self.decoding_graph.graph
        return graph.dst, np.where(self.usable, self.input, -1), graph.energy, self.judged


def _loops() -> ModuleType | None:
    """The compiled loops, if they are asked for."""
    if kernels_for(None) is None:
        return None
    from lattice_cli.emissions import token_loops

    return token_loops


def _grouped(key: IntArray, energy: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """(moves,) a stable order of moves by key and the number of the key of each place in it, and (keys,) the place of
    the least energy of each key, the first of equal ones."""
    order = stable_order(key) if len(key) else key
    firsts = run_starts(key[order])
    sorted_energy = energy[order]
    least = np.minimum.reduceat(sorted_energy, firsts) if len(firsts) else sorted_energy
    head = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(order))))
    attaining = np.flatnonzero(sorted_energy == least[head])
    return order, head, attaining[run_starts(head[attaining])]


class BeamSearch:
    """A matrix to be searched, exactly or within limits."""

    def __init__(self, heuristic: Heuristic, matrix: EmissionMatrix) -> None:
        energies = matrix.energies
        self.beam: float = np.inf
        self.max_active: int | None = None
        self.max_states: int | None = None
        self.heuristic, self.decoding_graph, self.scorer = heuristic, heuristic.decoding_graph, heuristic.scorer
        self._rows, self._loops = energies, _loops()
        #: (inputs,) the class of each, -1 for none.
        self.columns = heuristic.columns(matrix.classes)
        known = np.flatnonzero(self.columns >= 0)
        reduced = np.full(energies.shape[1], np.inf)
        reduced[self.columns[known]] = heuristic.reduced[known]
        least = (energies + reduced).min(axis=1, initial=np.inf)
        #: (steps + 1,) the least that the rows from each on, and ending, can cost beyond the potential.
        self.rest = np.append(np.cumsum(least[::-1])[::-1], 0.0) + heuristic.ending

    def limited(self, beam: float = np.inf, max_active: int | None = None, max_states: int | None = None) -> BeamSearch:
        """The same within limits, which may lose paths: tokens are dropped that are `beam` nats above the best of their
        row, and all but so many of a row, or of all rows together: each may have an equal part of what is left."""
        within = copy(self)
        within.beam, within.max_active, within.max_states = beam, max_active, max_states
        return within

    def first(self) -> Tokens:
        """Where paths start."""
        starts = self.decoding_graph.graph.starts
        history = np.full(len(starts), 0 if self.scorer is None else self.scorer.first)
        return Tokens(starts, history, self.decoding_graph.graph.start[starts])

    def bounds(self, time: int, node: IntArray, energy: FloatArray) -> FloatArray:
        """(n,) least energy of any path through each node at this energy, before row `time`."""
        bounds: FloatArray = energy + self.heuristic.ahead[node] + self.rest[time]
        return bounds

    def _moves(self, tokens: Tokens, time: int, above: float) -> _Moves:
        """Every move over row `time` that is not on paths above an energy only."""
        heuristic = self.heuristic
        moves = (self._unscored if self._loops is None else self._looped)(tokens, time, above)
        if self.scorer is None:
            return moves
        for position in range(heuristic.outputs.shape[1]):
            word = heuristic.outputs[moves.arc, position]
            speaking = np.flatnonzero(word != EPSILON)
            if not len(speaking):
                break
            spent, after = self.scorer.step(moves.history[speaking], word[speaking])
            moves.energy[speaking] += spent
            moves.spent[speaking] += spent
            moves.history[speaking] = after
        return self._below(moves, time, above, 0.0)

    def _unscored(self, tokens: Tokens, time: int, above: float) -> _Moves:
        """The moves before the scorer is asked, which takes what it takes at least."""
        graph, heuristic = self.decoding_graph.graph, self.heuristic
        arc, counts = self.decoding_graph.leaving.rows(tokens.node)
        tail = np.repeat(np.arange(len(counts)), counts)
        column = self.columns[heuristic.input[arc]]
        keep = heuristic.usable[arc] & (column >= 0)
        if not keep.all():
            arc, tail, column = arc[keep], tail[keep], column[keep]
        energy = tokens.energy[tail] + (graph.energy[arc] + self._rows[time, column])
        moves = _Moves(tail, arc, energy, tokens.history[tail], np.zeros(len(arc)))
        return self._below(moves, time, above, heuristic.judged[arc])

    def _looped(self, tokens: Tokens, time: int, above: float) -> _Moves:
        """The same by compiled loops."""
        assert self._loops is not None
        leaving, rest = self.decoding_graph.leaving, float(self.rest[time + 1])
        tail, arc, energy = self._loops.moves(
            (tokens.node, tokens.energy),
            (leaving.order, leaving.offsets),
            self.heuristic.looped,
            self.columns,
            self.heuristic.ahead,
            self._rows[time],
            rest,
            above,
        )
        return _Moves(tail, arc, energy, tokens.history[tail], np.zeros(len(arc)))

    def _below(self, moves: _Moves, time: int, above: float, least: FloatArray | float) -> _Moves:
        """The moves that may be on a path up to an energy. least: what the scorer takes at least, if not asked yet."""
        bound = self.bounds(time + 1, self.decoding_graph.graph.dst[moves.arc], moves.energy + least)
        keep = bound <= above if np.isfinite(above) else np.isfinite(bound)
        return moves if keep.all() else moves.only(keep)

    def _merged(self, moves: _Moves) -> tuple[Tokens, Steps, IntArray]:
        """The tokens that moves lead to, the moves sorted by them, and (tokens,) the best move of each."""
        node = self.decoding_graph.graph.dst[moves.arc]
        key = node if self.scorer is None else moves.history * self.decoding_graph.graph.nodes + node
        order, head, best = (_grouped if self._loops is None else self._loops.grouped)(key, moves.energy)
        energy, chosen = moves.energy[order], order[best]
        steps = Steps(moves.tail[order], moves.arc[order], energy, moves.spent[order], head)
        return Tokens(node[chosen], moves.history[chosen], energy[best]), steps, best

    def ended(self, tokens: Tokens) -> FloatArray:
        """(tokens,) energy of the paths that end at each."""
        energy: FloatArray = tokens.energy + self.decoding_graph.graph.final[tokens.node]
        if self.scorer is not None:
            energy = energy + self.scorer.ending(tokens.history)
        return energy

    def layers(self, above: float = np.inf, whole: bool = False) -> Iterator[TokenLayer]:
        """What the limits leave, row by row; ends early where nothing is left.

        above: tokens whose every path is above this energy are dropped, which loses nothing below it. whole: a row may
        have a large part of the states that are left, rather than an equal one.
        """
        tokens, left = self.first(), np.inf if self.max_states is None else self.max_states
        for time in range(len(self._rows)):
            tokens, steps, best = self._merged(self._moves(tokens, time, above))
            share = left / min(len(self._rows) - time, _SHARES if whole else len(self._rows))
            most = min(share, np.inf if self.max_active is None else self.max_active)
            kept, dropped = self._kept(tokens, time + 1, max(1, int(most)) if np.isfinite(most) else None)
            into = steps
            if kept is not None:
                tokens = Tokens(tokens.node[kept], tokens.history[kept], tokens.energy[kept])
                number = np.full(len(best), -1, dtype=np.intp)
                number[kept] = np.arange(len(kept))
                into, best = steps.into(number), best[kept]
            left -= len(best)
            yield TokenLayer(tokens, steps.tail[best], steps.arc[best], dropped, into)
            if not len(best):
                return

    def search(self, above: float = np.inf, whole: bool = False) -> BestFound:
        """The best path that the limits leave, if it is not above an energy. whole: it is given up as soon as they do
        not leave all of a row."""
        tokens, lost, widest = self.first(), np.inf, 0
        backs: list[tuple[IntArray, IntArray]] = []
        for layer in self.layers(above, whole):
            if whole and np.isfinite(layer.dropped):
                return BestFound(np.inf, NO_INDICES, -np.inf, widest)
            tokens, lost, widest = layer.tokens, min(lost, layer.dropped), max(widest, len(layer.tokens.node))
            backs.append((layer.tail, layer.arc))
        ended = self.ended(tokens)
        last = int(ended.argmin()) if len(ended) else -1
        energy = float(ended[last]) if last >= 0 else np.inf
        if not np.isfinite(energy):
            return BestFound(np.inf, NO_INDICES, lost, widest)
        arcs = []
        for tail, arc in reversed(backs):
            arcs.append(int(arc[last]))
            last = int(tail[last])
        return BestFound(energy, np.array(arcs[::-1], dtype=np.intp), min(lost, energy), widest)

    def spent(self, arcs: IntArray) -> tuple[FloatArray, float]:
        """(steps,) what the scorer takes for each arc of a path, and for ending."""
        spent = np.zeros(len(arcs))
        if self.scorer is None:
            return spent, 0.0
        history = np.array([self.scorer.first])
        for step, words in enumerate(self.heuristic.outputs[arcs]):
            for word in words[words != EPSILON]:
                energy, history = self.scorer.step(history, np.array([word]))
                spent[step] += energy[0]
        return spent, float(self.scorer.ending(history)[0])

    def _kept(self, tokens: Tokens, time: int, most: int | None) -> tuple[IntArray | None, float]:
        """The tokens that the beam and a number leave (None: all), and the least bound among the others."""
        if not len(tokens.node) or (most is None and not np.isfinite(self.beam)):
            return None, np.inf
        bound = self.bounds(time, tokens.node, tokens.energy)
        keep: BoolArray = bound <= bound.min() + self.beam
        if most is not None and int(keep.sum()) > most:
            limit = np.partition(bound, most - 1)[most - 1]
            keep &= bound <= limit
            if int(keep.sum()) > most:  # ties for the last place: the first ones stay
                level = np.flatnonzero(keep & (bound == limit))
                keep[level[most - int((keep & (bound < limit)).sum()) :]] = False
        if keep.all():
            return None, np.inf
        return np.flatnonzero(keep), float(bound[~keep].min())

    def best(self) -> BestFound:
        """The best path: searches of growing width, until nothing that could win was dropped, or the states of one
        search are spent.

        Each search has the energy that the last one found as its upper bound, so the one that drops nothing else is
        small as a rule. Where it is not, the last one gives each row an equal part of the states.
        """
        best = BestFound(np.inf, NO_INDICES, -np.inf, 0)
        for most, whole in (*((width, False) for width in _WIDTHS), (None, True), (None, False)):
            within = self.limited(max_active=most, max_states=self.max_states)
            found = within.search(best.energy + slack(best.energy), whole)
            bound, widest = max(best.bound, found.bound), max(best.widest, found.widest)
            # A search up to an energy may find nothing below it, or lose by its width what an earlier one found.
            best = replace(found if found.energy <= best.energy else best, bound=bound, widest=widest)
            if best.exact:
                break
        return best

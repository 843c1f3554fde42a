"""Lattices whose scores may be weighed in any way: errors of their best answers, at a point and along a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.graph import EPSILON, Graph, union
from lattice_cli.search import LineSearch, distances

Words = tuple[str, ...]
#: Lattices are swept together up to this many arcs.
_UNION_ARCS = 200_000


@dataclass(frozen=True, eq=False)
class ScoredLattice:
    """A lattice without cycles and what was said in it.

    columns: (scores, arcs + 2 nodes), rest: (arcs + 2 nodes,) what its energies are made of, see
    `records.cascade.ScoreColumns`. reference: the right words; spelled: the words that labels spell. known: errors of
    answers so far, by their numbers of labels.
    """

    id: str
    graph: Graph
    columns: FloatArray
    rest: FloatArray
    reference: Words
    spelled: Callable[[Words], Words]
    known: dict[tuple[int, ...], int] = field(default_factory=dict)

    def wrong(self, arcs: IntArray | None) -> int:
        """The edit distance of what a path says from the reference; None says nothing."""
        labels = () if arcs is None else self.graph.olabel[arcs].tolist()
        answer = tuple(label for label in labels if label != EPSILON)
        if answer not in self.known:
            words = self.spelled(tuple(self.graph.words(answer)))
            self.known[answer] = int(distances([(self.reference, words)])[0])
        return self.known[answer]


@dataclass(frozen=True, eq=False)
class ErrorProfile:
    """Errors along a line, from left to right. errors: (pieces,) how many; bounds: (pieces - 1,) where they change."""

    bounds: FloatArray
    errors: IntArray

    def widest(self, low: float, high: float) -> float:
        """The middle of the widest piece with fewest errors between these ends, the first of equally wide ones."""
        edges = np.concatenate([[low], self.bounds, [high]])
        width = np.where(self.errors == self.errors.min(), np.diff(edges), -1.0)
        piece = int(width.argmax())
        return float(edges[piece] + edges[piece + 1]) / 2


class ScaledLattices:
    """Lattices with the same scores. Scales are (scores,)."""

    def __init__(self, lattices: Sequence[ScoredLattice]) -> None:
        self.lattices = lattices

    def errors(self, scales: FloatArray) -> IntArray:
        """(lattices,) errors of the best answer of each."""
        return np.array([wrong for part in self._parts for wrong in part.errors(scales)], dtype=np.intp)

    def along(self, scales: FloatArray, direction: FloatArray, low: float, high: float) -> ErrorProfile:
        """The errors of all together at scales + x * direction, for x from low to high; exact."""
        profiles = [each for part in self._parts for each in part.along(scales, direction, low, high)]
        bound = np.concatenate([each.bounds for each in profiles])
        change = np.concatenate([np.diff(each.errors) for each in profiles])
        order = np.argsort(bound, kind="stable")
        bound, first = bound[order], sum(int(each.errors[0]) for each in profiles)
        # Where several change at once, what counts is after the last of them.
        last = np.append(np.diff(bound) > 0, True)[: len(bound)]
        bound, errors = bound[last], first + np.cumsum(change[order])[last]
        errors = np.append(first, errors)
        moved = np.diff(errors) != 0
        return ErrorProfile(bound[moved], np.append(first, errors[1:][moved]))

    def some(self, places: IntArray) -> ScaledLattices:
        """Some of them; what is known of answers is shared."""
        return ScaledLattices([self.lattices[place] for place in places.tolist()])

    @cached_property
    def _parts(self) -> list[_Together]:
        groups: list[list[ScoredLattice]] = []
        arcs = 0
        for each in self.lattices:
            if not groups or arcs + each.graph.arcs > _UNION_ARCS:
                groups.append([])
                arcs = 0
            groups[-1].append(each)
            arcs += each.graph.arcs
        return [_Together(group) for group in groups]


class _Together:
    """Lattices that are swept together."""

    def __init__(self, lattices: Sequence[ScoredLattice]) -> None:
        self._lattices = lattices
        self._search = LineSearch(union([each.graph for each in lattices]))
        self._columns = self._joined([each.columns for each in lattices])
        self._rest = self._joined([each.rest for each in lattices])

    def _joined(self, columns: Sequence[FloatArray]) -> FloatArray:
        """Columns of the lattices as those of the union: all arcs, all starts, all finals."""
        sizes = [(each.graph.arcs, each.graph.arcs + each.graph.nodes) for each in self._lattices]
        parts = [np.split(column, cuts, axis=-1) for column, cuts in zip(columns, sizes)]
        return np.concatenate([part[side] for side in range(3) for part in parts], axis=-1)

    def errors(self, scales: FloatArray) -> list[int]:
        """Errors of each."""
        found = self._search.best(self._rest + scales @ self._columns)
        return [lattice.wrong(arcs) for lattice, arcs in zip(self._lattices, found)]

    def along(self, scales: FloatArray, direction: FloatArray, low: float, high: float) -> list[ErrorProfile]:
        """Errors of each along a line, of which two pieces may have the same."""
        found = self._search.envelopes(self._rest + scales @ self._columns, direction @ self._columns, low, high)
        return [
            ErrorProfile(
                each.bounds, np.array([lattice.wrong(line.arcs) for line in each.lines] or [lattice.wrong(None)])
            )
            for lattice, each in zip(self._lattices, found)
        ]

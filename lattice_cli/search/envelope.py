"""What is best along a line: where energies are linear in a number x, the best path of a graph at every x at once.

The least energy of a graph is then concave in x and made of straight pieces, one for each path that is best somewhere:
the hull of all of its paths. It is found from outside in (Eisner and Severance 1976, "Mathematical techniques for
efficient record segmentation in large shared databases"): where the lines of two paths cross, a sweep either finds one
that is below both, or proves that they are neighbours. So a piece costs about two sweeps, and the graphs of a union
are asked together over one schedule. Macherey, Och, Thayer and Uszkoreit 2008 ("Lattice-based minimum error rate
training for statistical machine translation") have the same hull, carried from node to node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray
from lattice_cli.graph import Graph, columns_of, with_columns
from lattice_cli.search.backpointers import Backpointers
from lattice_cli.sweep import Schedule, schedule_of

#: Sums that differ by less than this share of what they are made of are equal.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Line:
    """A path, whose energy is intercept + x * slope, nats. size: the sums of those without signs, which tell how far
    they may be rounded. arcs: (arcs,) in order, indices of its graph."""

    intercept: float
    slope: float
    size: tuple[float, float]
    arcs: IntArray

    def at(self, x: float) -> float:
        """Its energy."""
        return self.intercept + x * self.slope

    def crosses(self, other: Line) -> bool:
        """Whether the two have different slopes."""
        return abs(self.slope - other.slope) > _ROUNDING * (self.size[1] + other.size[1])

    def below(self, other: Line, x: float) -> bool:
        """Whether its energy is less than that of another."""
        sizes = self.size[0] + other.size[0] + abs(x) * (self.size[1] + other.size[1])
        return self.at(x) < other.at(x) - _ROUNDING * sizes


@dataclass(frozen=True, eq=False)
class Envelope:
    """The paths that are best along a line, from left to right. lines: (pieces,) of falling slope; none where there is
    no path. bounds: (pieces - 1,) the x where each takes over from the one before it, rising."""

    lines: tuple[Line, ...]
    bounds: FloatArray


@dataclass(frozen=True, eq=False)
class LineSearch:
    """Best paths of the members of a union of graphs without cycles, under any energies of arcs and ends.

    Columns of energies are (arcs + 2 nodes,), see `graph.columns_of`; what they say of nodes that are no ends is not
    read.
    """

    graph: Graph

    def best(self, columns: FloatArray) -> list[IntArray | None]:
        """The arcs of the best path of each member, as that member numbers them; None where it has none."""
        places, bounds = self._best(columns)
        return [self._arcs(member, places[low:high]) for member, (low, high) in enumerate(pairwise(bounds.tolist()))]

    def envelopes(
        self, intercept: FloatArray, slope: FloatArray, low: float = -np.inf, high: float = np.inf
    ) -> list[Envelope]:
        """What is best of each member at energies intercept + x * slope, for x from low to high, which may be infinite.

        Paths that are best at one x only, where others meet, have no piece.
        """
        every = dict.fromkeys(range(self.graph.graphs), 0.0)
        left, right = (self._lines(intercept, slope, dict.fromkeys(every, x)) for x in (low, high))
        waiting = {member: [(line, right[member])] for member, line in left.items()}
        found: dict[int, list[tuple[float, Line, Line]]] = {member: [] for member in every}
        while waiting:
            crossing, asking = {}, {}
            for member, pairs in waiting.items():
                while pairs and member not in asking:
                    one, other = pairs.pop()
                    if one.crosses(other):
                        crossing[member] = (other.intercept - one.intercept) / (one.slope - other.slope)
                        asking[member] = one, other
            lines = self._lines(intercept, slope, crossing) if asking else {}
            for member, (one, other) in asking.items():
                x, line = crossing[member], lines[member]
                if line.below(one, x) and line.below(other, x):
                    waiting[member] += [(one, line), (line, other)]
                elif low < x < high:
                    found[member].append((x, one, other))
            waiting = {member: pairs for member, pairs in waiting.items() if pairs}
        alone = [member for member in left if not found[member]]
        inside = self._lines(intercept, slope, dict.fromkeys(alone, _inside(low, high))) if alone else {}
        return [_joined(found[member], inside.get(member)) for member in every]

    def _lines(self, intercept: FloatArray, slope: FloatArray, at: Mapping[int, float]) -> dict[int, Line]:
        """The lines of the best paths of some members, each at its own x; at an infinite one only the slope counts.
        Members without a path are left out."""
        x = np.zeros(self.graph.graphs)
        x[[*at]] = [*at.values()]
        endless = np.isinf(x)
        energy = intercept * (~endless)[self._member] if endless.any() else intercept
        places, bounds = self._best(energy + np.where(endless, np.sign(x), x)[self._member] * slope)
        parts = np.array([intercept[places], slope[places]])
        # Of each member the sums of its links, and without signs their sizes; reduceat has no empty runs.
        there = np.flatnonzero(np.diff(bounds))
        sums, sizes = (np.add.reduceat(each, bounds[there], axis=1).T.tolist() for each in (parts, np.abs(parts)))
        found: dict[int, Line] = {}
        for member, (rest, slopes), size in zip(there.tolist(), sums, sizes):
            arcs = self._arcs(member, places[bounds[member] : bounds[member + 1]]) if member in at else None
            if arcs is not None:
                found[member] = Line(rest, slopes, (size[0], size[1]), arcs)
        return found

    def _best(self, columns: FloatArray) -> tuple[IntArray, IntArray]:
        """The links of the best paths, member by member: a start, arcs, an end, each its place in the columns; and
        (members + 1,) where those of each begin."""
        graph = self.graph
        links, member = Backpointers(with_columns(graph, np.where(self._there, columns, np.inf)), self._schedule).best()
        places = self._schedule.link_id[links]
        ends = places >= graph.arcs  # in the reversed graph final nodes come first
        places[ends] += np.where(places[ends] < graph.arcs + graph.nodes, graph.nodes, -graph.nodes)
        return places, np.searchsorted(member, np.arange(graph.graphs + 1))

    def _arcs(self, member: int, links: IntArray) -> IntArray | None:
        """The arcs of a member's path, as that member numbers them."""
        return links[1:-1] - self.graph.arc_offsets[member] if len(links) else None

    @cached_property
    def _schedule(self) -> Schedule:
        """That of the reversed graph, made once."""
        return schedule_of(self.graph.reversed())

    @cached_property
    def _there(self) -> BoolArray:
        """(arcs + 2 nodes,) true for arcs, and for ends of nodes that are such."""
        return np.isfinite(columns_of(self.graph))

    @cached_property
    def _member(self) -> IntArray:
        """(arcs + 2 nodes,) the member of each column."""
        nodes = self.graph.graph_of_node
        return np.concatenate([np.repeat(np.arange(self.graph.graphs), np.diff(self.graph.arc_offsets)), nodes, nodes])


def _inside(low: float, high: float) -> float:
    """A number between two, either of which may be infinite."""
    if low < 0 < high:
        return 0.0
    return (low + high) / 2 if np.isfinite(low + high) else max(low + 1, min(high - 1, 0.0))


def _joined(crossings: list[tuple[float, Line, Line]], alone: Line | None) -> Envelope:
    """The pieces between the crossings of neighbours. alone: what is best where there are none."""
    if not crossings:
        return Envelope(() if alone is None else (alone,), np.zeros(0))
    ordered = sorted(crossings, key=lambda each: (each[0], -each[1].slope))
    return Envelope((ordered[0][1], *(right for _, _, right in ordered)), np.array([x for x, *_ in ordered]))

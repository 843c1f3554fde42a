"""What is best along a line: where energies are linear in a number x, the best path of a graph at every x at once.

The least energy of a graph is then concave in x and made of straight pieces, one for each path that is best somewhere:
the hull of all of its paths. It is found from outside in (Eisner and Severance 1976, "Mathematical techniques for
efficient record segmentation in large shared databases"): where the lines of two paths cross, a sweep either finds one
that is below both, or proves that they are neighbours. So a piece costs about two sweeps, and the graphs of a union
are asked together over one schedule. Macherey, Och, Thayer and Uszkoreit 2008 ("Lattice-based minimum error rate
training for statistical machine translation") have the same hull, carried from node to node.
"""

from __future__ import annotations

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
        """The links of the best path of each member, None where it has none: a start, arcs, an end; each is its place
        in the columns."""
        graph = self.graph
        links, member = Backpointers(with_columns(graph, np.where(self._there, columns, np.inf)), self._schedule).best()
        places = self._schedule.link_id[links]
        ends = places >= graph.arcs  # in the reversed graph final nodes come first
        places[ends] += np.where(places[ends] < graph.arcs + graph.nodes, graph.nodes, -graph.nodes)
        bounds = np.searchsorted(member, np.arange(graph.graphs + 1)).tolist()
        return [places[low:high] if low < high else None for low, high in pairwise(bounds)]

    def arcs(self, member: int, links: IntArray) -> IntArray:
        """The arcs of a member's path, as that member numbers them."""
        arcs: IntArray = links[1:-1] - self.graph.arc_offsets[member]
        return arcs

    def envelopes(
        self, intercept: FloatArray, slope: FloatArray, low: float = -np.inf, high: float = np.inf
    ) -> list[Envelope]:
        """What is best of each member at energies intercept + x * slope, for x from low to high, which may be infinite.

        Paths that are best at one x only, where others meet, have no piece.
        """
        every = np.zeros(self.graph.graphs)
        left, right = (self._lines(intercept, slope, every + x) for x in (low, high))
        waiting = [[(one, other)] if one and other else [] for one, other in zip(left, right)]
        found: list[list[tuple[float, Line, Line]]] = [[] for _ in waiting]
        while any(waiting):
            crossing, asking = every.copy(), {}
            for member, pairs in enumerate(waiting):
                while pairs and member not in asking:
                    one, other = pairs.pop()
                    if one.crosses(other):
                        crossing[member] = (other.intercept - one.intercept) / (one.slope - other.slope)
                        asking[member] = one, other
            lines = self._lines(intercept, slope, crossing) if asking else []
            for member, (one, other) in asking.items():
                x, line = float(crossing[member]), lines[member]
                if line is not None and line.below(one, x) and line.below(other, x):
                    waiting[member] += [(one, line), (line, other)]
                elif low < x < high:
                    found[member].append((x, one, other))
        between = (
            0.0 if low < 0 < high else (low + high) / 2 if np.isfinite(low + high) else max(low + 1, min(high - 1, 0))
        )
        inside = self._lines(intercept, slope, every + between)
        return [_joined(crossings, line) for crossings, line in zip(found, inside)]

    def _lines(self, intercept: FloatArray, slope: FloatArray, x: FloatArray) -> list[Line | None]:
        """The line of the best path of each member at its own x, (members,). At an infinite x only the slope counts."""
        own = x[self._member]
        endless = np.isinf(own)
        energy = np.where(endless, np.sign(own) * slope, intercept + np.where(endless, 0.0, own) * slope)
        found: list[Line | None] = []
        for member, links in enumerate(self.best(energy)):
            if links is None:
                found.append(None)
                continue
            rest, slopes = intercept[links], slope[links]
            size = float(np.abs(rest).sum()), float(np.abs(slopes).sum())
            found.append(Line(float(rest.sum()), float(slopes.sum()), size, self.arcs(member, links)))
        return found

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


def _joined(crossings: list[tuple[float, Line, Line]], alone: Line | None) -> Envelope:
    """The pieces between the crossings of neighbours. alone: what is best where there are none."""
    if not crossings:
        return Envelope(() if alone is None else (alone,), np.zeros(0))
    ordered = sorted(crossings, key=lambda each: (each[0], -each[1].slope))
    return Envelope((ordered[0][1], *(right for _, _, right in ordered)), np.array([x for x, *_ in ordered]))

"""Where the nodes and arcs of a graph stand on a drawing: columns from left to right, lanes one below the other.

The best path runs straight along lane 0. Every other node belongs to a chain of likely arcs that leaves a node which
has its place and comes back to another. A chain, and every arc that is in none, has the free lane nearest to the nodes
that it joins, the likely ones first. So nothing that is drawn lies upon anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, group_by
from lattice_cli.graph import Graph, evaluation_order

#: So many lanes on each side are looked at for a place, then so many of the outermost ones; then there is a new one.
_MOST_LOOKS = 150
_OUTERMOST = 16
#: An arc of the best path comes before all others, whatever its posterior.
_BEST = 1e9


@dataclass(frozen=True, eq=False)
class Places:
    """column, lane: (nodes,) from the left, and from the best path on: above it below 0. arc_lane: (arcs,) the lane
    along which an arc goes between its ends."""

    column: IntArray
    lane: IntArray
    arc_lane: IntArray


def places(graph: Graph, times: FloatArray | None, weight: FloatArray, best: Sequence[int] = ()) -> Places:
    """Places for a graph. times: (nodes,) seconds, None or nan where they are not known: then levels tell the order.
    weight: (arcs,) how much each should be near the middle. best: the arcs of the path that is to be straight."""
    column = columns(graph, times)
    weight = weight.copy()
    weight[list(best)] += _BEST
    return _Lanes(graph, column, weight).places(best)


def has_times(times: FloatArray | None) -> bool:
    """True if nodes can be placed by time: all of them have one, and not all the same."""
    return times is not None and len(times) > 0 and bool(np.isfinite(times).all()) and bool(np.ptp(times) > 0)


def columns(graph: Graph, times: FloatArray | None) -> IntArray:
    """(nodes,) columns in the order of times; nodes of one time, or all without times, in that of their levels. Every
    arc goes to a later column, but those that go back in time or close a cycle."""
    if times is None or not has_times(times):
        return _levels(graph, graph.src, graph.dst)
    together = times[graph.src] == times[graph.dst]
    level = _levels(graph, graph.src[together], graph.dst[together])
    order = np.lexsort((level, times))
    new = (np.diff(times[order]) != 0) | (np.diff(level[order]) != 0)
    column = np.empty(graph.nodes, dtype=np.intp)
    column[order] = np.append(0, np.cumsum(new))
    return column


def _levels(graph: Graph, src: IntArray, dst: IntArray) -> IntArray:
    """(nodes,) levels. Of what lies on cycles without the arcs that lead back towards where these are entered, or, no
    farther from there, to a node that the file has before."""
    bounds = np.array([0, graph.nodes])
    order = evaluation_order(src, dst, bounds)
    if not order.cyclic:
        return order.level
    inside = (order.component[src] >= 0) & (order.component[src] == order.component[dst])
    depth = _depths(graph, src[inside], dst[inside], _entries(graph, order.component, src[~inside], dst[~inside]))
    onward = ~inside | (depth[dst] > depth[src]) | ((depth[dst] == depth[src]) & (dst > src))
    return evaluation_order(src[onward], dst[onward], bounds).level


def _entries(graph: Graph, component: IntArray, src: IntArray, dst: IntArray) -> BoolArray:
    """(nodes,) where cycles are entered: from outside, at a start, or else at their first node."""
    entry = np.isfinite(graph.start)
    entry[dst] = True
    on_cycles = np.flatnonzero(component >= 0)
    entered = np.zeros(int(component.max()) + 1, dtype=bool)
    entered[component[on_cycles[entry[on_cycles]]]] = True
    kinds, first = np.unique(component[on_cycles], return_index=True)
    entry[on_cycles[first[~entered[kinds]]]] = True
    return entry


def _depths(graph: Graph, src: IntArray, dst: IntArray, entry: BoolArray) -> IntArray:
    """(nodes,) how many of these arcs lie between the nearest entry and each node."""
    depth = np.where(entry, 0, -1)
    leaving = group_by(src, graph.nodes)
    frontier, reached = np.flatnonzero(entry), 0
    while len(frontier):
        reached += 1
        arcs, _ = leaving.rows(frontier)
        heads = np.unique(dst[arcs])
        frontier = heads[depth[heads] < 0]
        depth[frontier] = reached
    return depth


@dataclass
class _Rows:
    """What is taken of each lane: bit 2c + 1 is its crossing with column c, bit 2c + 2 the gap behind that.
    low, high: the outermost lanes."""

    taken: dict[int, int] = field(default_factory=dict)
    low: int = 0
    high: int = 0
    _looked: dict[tuple[int, int, int], int] = field(default_factory=dict)

    def take(self, first: int, last: int, near: int) -> int:
        """The lane nearest to `near` on which all of these bits are free; they are taken then."""
        bits = ((1 << (last - first + 1)) - 1) << first
        # What was taken stays taken: lanes that were looked at for the same bits need not be again.
        key = (first, last, near)
        begin = self._looked.get(key, 0)
        for step in range(begin, begin + _MOST_LOOKS):
            for lane in _either_side(near, step):
                if not self.taken.get(lane, 0) & bits:
                    self._looked[key] = step
                    return self._taken(lane, bits)
        above = near - self.low < self.high - near
        outermost = range(self.low + _OUTERMOST, self.low, -1) if above else range(self.high - _OUTERMOST, self.high)
        free = (lane for lane in outermost if not self.taken.get(lane, 0) & bits)
        return self._taken(next(free, self.low - 1 if above else self.high + 1), bits)

    def _taken(self, lane: int, bits: int) -> int:
        self.taken[lane] = self.taken.get(lane, 0) | bits
        self.low, self.high = min(self.low, lane), max(self.high, lane)
        return lane


def _either_side(near: int, step: int) -> tuple[int, ...]:
    """The lanes so many steps from one: the one nearer to the best path first."""
    if not step:
        return (near,)
    return (near - step, near + step) if near > 0 else (near + step, near - step)


class _Lanes:
    """Lanes being given to nodes and arcs."""

    def __init__(self, graph: Graph, column: IntArray, weight: FloatArray) -> None:
        self._graph, self._weight = graph, weight
        self._rows = _Rows()
        self._column: list[int] = column.tolist()
        self._src, self._dst = graph.src.tolist(), graph.dst.tolist()
        self._lane: list[int | None] = [None] * graph.nodes
        self._arc_lane: list[int | None] = [None] * graph.arcs
        ahead = np.flatnonzero(column[graph.src] < column[graph.dst])
        self._onward = self._likeliest(ahead, graph.src)
        self._back = self._likeliest(ahead, graph.dst)

    def _likeliest(self, arcs: IntArray, end: IntArray) -> list[int]:
        """(nodes,) of these arcs at each node the one of most weight, of those the cheapest; -1 for none."""
        order = arcs[np.lexsort((arcs, self._graph.energy[arcs], -self._weight[arcs]))][::-1]
        found = np.full(self._graph.nodes, -1, dtype=np.intp)
        found[end[order]] = order  # of several the last one stays
        return found.tolist()  # type: ignore[no-any-return]

    def places(self, best: Sequence[int]) -> Places:
        """All of them."""
        self._best_path(best)
        for arc in np.argsort(-self._weight, kind="stable").tolist():
            for node in (self._src[arc], self._dst[arc]):
                if self._lane[node] is None:
                    self._chain(node)
            if self._arc_lane[arc] is None:
                self._arc(arc)
        for node in range(self._graph.nodes):  # those without arcs are left
            if self._lane[node] is None:
                self._chain(node)
        lane, arc_lane = (np.array(column, dtype=np.intp) for column in (self._lane, self._arc_lane))
        return Places(np.array(self._column, dtype=np.intp), lane, arc_lane)

    def _best_path(self, best: Sequence[int]) -> None:
        """Its nodes on lane 0, and its arcs with them, those of a cycle but once."""
        for node in dict.fromkeys(node for arc in best for node in (self._src[arc], self._dst[arc])):
            self._lane[node] = self._rows.take(2 * self._column[node] + 1, 2 * self._column[node] + 1, 0)
        for arc in dict.fromkeys(best):
            self._arc(arc)

    def _chain(self, node: int) -> None:
        """A lane for a node and those before and behind it along the likeliest arcs, up to nodes that have theirs."""
        before, behind = list(self._walk(node, self._back, self._src)), list(self._walk(node, self._onward, self._dst))
        arcs = [*before[::-1], *behind]
        nodes = [node, *(self._src[arc] for arc in before), *(self._dst[arc] for arc in behind)]
        anchors = [each for each in nodes if self._lane[each] is not None]
        first, last = min(self._column[each] for each in nodes), max(self._column[each] for each in nodes)
        # A node that has its lane is not crossed: the chain begins in the gap behind it, or ends in that before.
        opens = bool(before) and self._lane[self._src[before[-1]]] is not None
        closes = bool(behind) and self._lane[self._dst[behind[-1]]] is not None
        lane = self._rows.take(2 * first + 1 + opens, 2 * last + 1 - closes, self._between(anchors))
        for each in nodes:
            if self._lane[each] is None:
                self._lane[each] = lane
        for arc in arcs:
            self._arc_lane[arc] = lane

    def _walk(self, node: int, by: Sequence[int], end: Sequence[int]) -> Iterator[int]:
        """The arcs from a node on, to the first that ends where there is a lane."""
        while by[node] >= 0:
            yield by[node]
            node = end[by[node]]
            if self._lane[node] is not None:
                return

    def _between(self, nodes: Iterable[int]) -> int:
        """The lane in the middle of those that nodes have."""
        lanes = [lane for lane in (self._lane[node] for node in nodes) if lane is not None]
        return round(sum(lanes) / len(lanes)) if lanes else 0

    def _arc(self, arc: int) -> None:
        """A lane for an arc that is in no chain; one that goes back goes around its ends."""
        tail, head = self._column[self._src[arc]], self._column[self._dst[arc]]
        first, last = (2 * tail + 2, 2 * head) if tail < head else (2 * head, 2 * tail + 2)
        self._arc_lane[arc] = self._rows.take(first, last, self._between([self._src[arc], self._dst[arc]]))

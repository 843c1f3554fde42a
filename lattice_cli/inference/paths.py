"""Best paths: the best of each graph, and the n best of one, exactly.

Both start from a hard-minimum sweep of the reversed graph, whose totals are the energy still to come from each node.
The energy of a path is summed as that sweep sums it, from its end to its start: rounding is monotone, so the least
total is exactly the least energy of a path. Of paths with equal energies the one whose arcs come first in the file
comes first.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.errors import GraphError
from lattice_cli.graph.graph import FloatArray, Graph, IntArray
from lattice_cli.graph.reducers import hard_min
from lattice_cli.graph.schedule import Schedule
from lattice_cli.graph.segments import run_starts
from lattice_cli.graph.sweep import Sweep, sweep

#: How many candidates beyond the n-th are looked at, to put those that tie with it in order.
TIES = 16


@dataclass(frozen=True)
class Path:
    """A path from a start to a final node.

    energy: nats, with the start and final energies. arcs: indices in order. nodes: one more than arcs.
    """

    energy: float
    arcs: tuple[int, ...]
    nodes: tuple[int, ...]


def path_energy(graph: Graph, arcs: tuple[int, ...], nodes: tuple[int, ...]) -> float:
    """The energy of a path: final, arcs from the last to the first, start, added in this order."""
    energy = float(graph.final[nodes[-1]])
    for part in reversed(graph.energy[list(arcs)].tolist() if arcs else []):
        energy += part
    return energy + float(graph.start[nodes[0]])


def best_paths(graph: Graph) -> list[Path | None]:
    """The best path of each member of a union, in that member's own indices; None where a member has none.

    Ties go to the same path every time. Raises Diverged where a cycle of negative energy leaves no best path.
    """
    ways = _WaysOn(graph)
    return [ways.best(member) for member in range(graph.graphs)]


def best_with_gap(graph: Graph) -> list[tuple[Path, float] | None]:
    """The best path of each member of a union, and how much worse the second-best is: 0 is a tie, inf the only path."""
    ways = _WaysOn(graph)
    found: list[tuple[Path, float] | None] = []
    for member in range(graph.graphs):
        path = ways.best(member)
        found.append(None if path is None else (path, ways.gap(member)))
    return found


def n_best(graph: Graph, n: int) -> list[Path]:
    """The n best paths of a graph in order, fewer if it has fewer; the first is that of best_paths. Not for a union.

    Every path is the best one with some deviations. A found path gives rise to those that leave it once more, later
    than its own last deviation, or that take the next choice at that deviation: each path arises once (Hoffman and
    Pavley 1959, Lawler 1972), and the energy still to come makes their exact energies known beforehand.
    """
    require_single(graph)
    ways = _WaysOn(graph)
    sink = int(ways.plan.sink[0])
    if sink < 0:
        return []
    found: list[_Walk] = []
    heap: list[tuple[float, int, _Walk]] = [(float(ways.totals[sink]), 0, _Walk((), sink, 0))]
    pushed, last = 1, np.inf
    most = n + TIES
    while heap and len(found) < most and not (len(found) >= n and beyond(heap[0][0], last)):
        energy, _, walk = heapq.heappop(heap)
        found.append(walk)
        last = energy if len(found) <= n else last
        for extra, deviation in ways.deviations(walk, most - len(found)):
            heapq.heappush(heap, (energy + extra, pushed, deviation))
            pushed += 1
    paths = [ways.path(ways.followed(walk)[1]) for walk in found]
    return (paths[:1] + in_order(paths[1:]))[:n]


def require_single(graph: Graph) -> None:
    """Raises GraphError for a union, whose members have to be asked one by one."""
    if graph.graphs != 1:
        raise GraphError(f"a union of {graph.graphs} graphs, expected a single one")


def in_order(paths: list[Path]) -> list[Path]:
    """By energy, equal energies by arcs."""
    return sorted(paths, key=lambda path: (path.energy, path.arcs))


def beyond(energy: float, last: float) -> bool:
    """True if an energy is above another by more than rounding, so that it cannot be a tie."""
    return energy > last + 1e-12 * max(1.0, abs(last))


@dataclass(frozen=True)
class _Walk:
    """A path as the links up to its last deviation: then choice `rank` at `position`, then the best way on."""

    links: tuple[int, ...]
    position: int
    rank: int


class _WaysOn:
    """The ways on from each position of the reversed graph's schedule, best first.

    In that schedule the sink stands before the start nodes and the source behind the final ones, so a path is a walk
    from the sink to position 0, from head to tail of each link.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        swept = sweep(graph.reversed(), hard_min)
        self.plan: Schedule = swept.plan
        self.totals: FloatArray = swept.position_totals
        self._link_energy = swept.link_energy
        self._chosen = self._first_choices(swept)
        self._ranked: dict[int, tuple[list[int], list[float]]] = {}

    def best(self, member: int) -> Path | None:
        """The best path of a member of the union."""
        sink = int(self.plan.sink[member])
        if sink < 0:
            return None
        path = self.path(self.followed(_Walk((), sink, 0))[1])
        first_arc, first_node = int(self._graph.arc_offsets[member]), int(self._graph.node_offsets[member])
        arcs, nodes = (arc - first_arc for arc in path.arcs), (node - first_node for node in path.nodes)
        return Path(path.energy, tuple(arcs), tuple(nodes))

    def _first_choices(self, swept: Sweep) -> IntArray:
        """(positions - 1,) the link to take from each position but the source.

        Of several that are equally good it is the one that comes first in the file; inside a component with cycles it
        is the one the solver took, as only those are sure to lead out again.
        """
        taken = swept.link_share > 0
        good = (self._excess <= 0.0) | taken
        for step in self.plan.components:
            inside = slice(self._head_links[step.first - 1], self._head_links[step.end - 1])
            good[inside] &= swept.edge_share[self.plan.edge_of_link[inside]] > 0
        links = np.flatnonzero(good)
        heads = np.repeat(np.arange(len(self._head_links) - 1), np.diff(self._head_links))[links]
        in_file_order = np.lexsort((self.plan.link_id[links], heads))
        first: IntArray = links[in_file_order][run_starts(heads)]
        return first

    def gap(self, member: int) -> float:
        """The least that a deviation from the member's best path adds: the distance to its second-best path."""
        positions, _ = self.followed(_Walk((), int(self.plan.sink[member]), 0))
        return float(self._second[np.array(positions, dtype=np.intp) - 1].min())

    @cached_property
    def _tail(self) -> IntArray:
        """(links,) position each link leads on to."""
        return self.plan.edge_tail[self.plan.edge_of_link] if self.plan.bundled else self.plan.edge_tail

    @cached_property
    def _head_links(self) -> IntArray:
        """(positions,) first link of each position but the source; the last entry is the end."""
        firsts = self.plan.edge_first[self.plan.head_first] if len(self.plan.head_first) else self.plan.head_first
        return np.append(firsts, len(self.plan.link_id))

    @cached_property
    def _excess(self) -> FloatArray:
        """(links,) how much worse each link is than the chosen one of its head; never below 0."""
        heads = np.repeat(self.totals[1:], np.diff(self._head_links))
        return np.maximum(self.totals[self._tail] + self._link_energy - heads, 0.0)

    @cached_property
    def _second(self) -> FloatArray:
        """(positions - 1,) excess of the second choice at each position; +inf where there is only one."""
        others = self._excess.copy()
        others[self._chosen] = np.inf
        return np.minimum.reduceat(others, self._head_links[:-1])

    def _choices(self, position: int) -> tuple[list[int], list[float]]:
        """Links of a position from best to worst, and their excess; ties in schedule order, the chosen one first."""
        if position not in self._ranked:
            low, high = self._head_links[position - 1], self._head_links[position]
            excess = self._excess[low:high].copy()
            chosen = self._chosen[position - 1] - low
            excess[chosen] = -1.0
            order = np.argsort(excess, kind="stable")
            excess[chosen] = 0.0
            self._ranked[position] = ((order + low).tolist(), excess[order].tolist())
        return self._ranked[position]

    def followed(self, walk: _Walk) -> tuple[list[int], list[int]]:
        """Positions from the walk's deviation on, and all links of the walk."""
        position, links = walk.position, list(walk.links)
        positions = []
        rank = walk.rank
        while position > 0:
            positions.append(position)
            link = self._choices(position)[0][rank] if rank else int(self._chosen[position - 1])
            links.append(link)
            position, rank = int(self._tail[link]), 0
        return positions, links

    def deviations(self, walk: _Walk, most: int) -> list[tuple[float, _Walk]]:
        """Walks that leave this one once more, with the energy they add; at most the `most` best of them."""
        positions, links = self.followed(walk)
        fixed = len(walk.links)
        found = []
        ranked, excess = self._choices(walk.position)
        if walk.rank + 1 < len(ranked):
            extra = excess[walk.rank + 1] - excess[walk.rank]
            found.append((extra, _Walk(walk.links, walk.position, walk.rank + 1)))
        extras = self._second[np.array(positions[1:], dtype=np.intp) - 1]
        for index in np.argsort(extras, kind="stable")[:most].tolist():
            if np.isfinite(extras[index]):
                before = tuple(links[: fixed + index + 1])
                found.append((float(extras[index]), _Walk(before, positions[index + 1], 1)))
        return found

    def path(self, links: list[int]) -> Path:
        """The path that a walk's links make: first a start energy, then arcs, then a final energy."""
        ids = self.plan.link_id[links].tolist()
        graph = self._graph
        arcs = tuple(ids[1:-1])
        # In the reversed graph the start energies are final ones: their ids come last.
        begin = ids[0] - graph.arcs - graph.nodes
        nodes = (begin, *graph.dst[list(arcs)].tolist()) if arcs else (begin,)
        return Path(path_energy(graph, arcs, nodes), arcs, nodes)

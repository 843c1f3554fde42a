"""Best paths: the best of each graph, and the n best of one, exactly.

The energy of a path is summed from its end to its start, as the sweep behind `WaysOn` sums it: rounding is monotone, so
the least total is exactly the least energy of a path. Of paths with equal energies the one whose arcs come first in the
file comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lattice_cli.errors import GraphError
from lattice_cli.graph.graph import Graph, IntArray
from lattice_cli.graph.plan import Schedule
from lattice_cli.inference.ways import WaysOn

#: Of deviations from one path that tie for the last place, how many are kept to be put in order.
_MOST_TIES = 256


class Path(NamedTuple):
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


def path_of_links(graph: Graph, plan: Schedule, links: Sequence[int] | IntArray) -> Path:
    """The path that links of the reversed graph's schedule make, from its sink to its source.

    They are a start energy, then arcs, then a final energy.
    """
    ids = plan.link_id[links].tolist()
    arcs = tuple(ids[1:-1])
    # In the reversed graph the start energies are final ones: their ids come last.
    begin = ids[0] - graph.arcs - graph.nodes
    nodes = (begin, *graph.dst[list(arcs)].tolist()) if arcs else (begin,)
    return Path(path_energy(graph, arcs, nodes), arcs, nodes)


def best_paths(graph: Graph, plan: Schedule | None = None) -> list[Path | None]:
    """The best path of each member of a union, in that member's own indices; None where a member has none.

    Ties go to the same path every time. `plan` is the schedule of the reversed graph, to save making it again. Raises
    Diverged where a cycle of negative energy leaves no best path.
    """
    ways = WaysOn(graph, plan)
    links, member = ways.best()
    ids = ways.plan.link_id[links]
    # A path is a start energy, arcs, and a final energy; each but the last leads to a node.
    inner = np.flatnonzero(ids < graph.arcs)
    node = ids - graph.arcs - graph.nodes
    node[inner] = graph.dst[ids[inner]]
    node -= graph.node_offsets[member]
    ids -= graph.arc_offsets[member]
    # bincount adds up entry by entry: from the end of each path to its start.
    energies = np.bincount(member[::-1], ways.link_energy[links][::-1], graph.graphs).tolist()
    bounds = np.searchsorted(member, np.arange(graph.graphs + 1)).tolist()
    arcs, nodes = ids.tolist(), node.tolist()
    return [
        Path(energy, tuple(arcs[low + 1 : high - 1]), tuple(nodes[low : high - 1])) if low < high else None
        for energy, low, high in zip(energies, bounds, bounds[1:])
    ]


def best_with_gap(graph: Graph) -> list[tuple[Path, float] | None]:
    """The best path of each member of a union, and how much worse the second-best is: 0 is a tie, inf the only path."""
    ways = WaysOn(graph)
    found: list[tuple[Path, float] | None] = []
    for sink, first_arc, first_node in zip(ways.plan.sink.tolist(), graph.arc_offsets, graph.node_offsets):
        if sink < 0:
            found.append(None)
            continue
        path = path_of_links(graph, ways.plan, ways.links_from(sink))
        arcs, nodes = (np.array(path.arcs, dtype=np.intp) - first_arc), (np.array(path.nodes) - first_node)
        gap = float(ways.second[ways.positions_from(sink) - 1].min())
        found.append((Path(path.energy, tuple(arcs.tolist()), tuple(nodes.tolist())), gap))
    return found


def n_best(graph: Graph, n: int) -> list[Path]:
    """The n best paths of a graph in order, fewer if it has fewer; the first is that of best_paths. Not for a union.

    Every path is the best one with some deviations. A found path gives rise to those that leave it once more, later
    than its own last deviation, or that take the next choice at that deviation: each path arises once (Hoffman and
    Pavley 1959, Lawler 1972), after the one it arises from in the order of energies, and of arcs for equal energies.
    """
    require_single(graph)
    ways = WaysOn(graph)
    sink = int(ways.plan.sink[0])
    if sink < 0:
        return []
    found: list[Path] = []
    heap = [_Candidate(graph, ways, _Walk(np.zeros(0, dtype=np.intp), sink, 0))]
    while heap and len(found) < n:
        candidate = heapq.heappop(heap)
        found.append(candidate.path)
        for deviation in candidate.deviations(n - len(found)):
            heapq.heappush(heap, _Candidate(graph, ways, deviation))
    return sorted(found, key=lambda path: path.energy)  # rounding aside they are in order


def require_single(graph: Graph) -> None:
    """Raises GraphError for a union, whose members have to be asked one by one."""
    if graph.graphs != 1:
        raise GraphError(f"a union of {graph.graphs} graphs, expected a single one")


@dataclass(frozen=True, eq=False)
class _Walk:
    """A path as the links up to its last deviation: then choice `rank` at `position`, then the best way on."""

    links: IntArray
    position: int
    rank: int


class _Candidate:
    """A walk in the queue. The energy of its path is known at once; the path itself is made when it is needed."""

    def __init__(self, graph: Graph, ways: WaysOn, walk: _Walk) -> None:
        self._graph, self._ways, self._walk = graph, ways, walk
        link = ways.choices(walk.position)[walk.rank] if walk.rank else int(ways.chosen[walk.position - 1])
        self._link, self._behind = link, int(ways.plan.link_tail[link])
        # Summed from the path's end to its start.
        parts = ways.link_energy[np.append(walk.links, link)[::-1]]
        self.energy = float(np.add.accumulate(np.append(ways.totals[self._behind], parts))[-1])

    @cached_property
    def _positions(self) -> IntArray:
        """Those behind the deviation."""
        return self._ways.positions_from(self._behind)

    @cached_property
    def _links(self) -> IntArray:
        """All links."""
        behind = self._ways.chosen[self._positions - 1]
        return np.concatenate([self._walk.links, [self._link], behind])

    @cached_property
    def path(self) -> Path:
        """The whole path."""
        return path_of_links(self._graph, self._ways.plan, self._links)

    def __lt__(self, other: _Candidate) -> bool:
        """In the order of energies; of equal energies the one whose start node and arcs come first in the file."""
        if self.energy != other.energy:
            return self.energy < other.energy
        return (self.path.nodes[0], self.path.arcs) < (other.path.nodes[0], other.path.arcs)

    def deviations(self, most: int) -> list[_Walk]:
        """Walks that leave this one once more; of those that leave it behind its deviation the `most` >= 0 best."""
        if not most:
            return []
        walk, positions, links = self._walk, self._positions, self._links
        found = []
        firsts = self._ways.plan.head_links
        if walk.rank + 1 < firsts[walk.position] - firsts[walk.position - 1]:
            found.append(_Walk(walk.links, walk.position, walk.rank + 1))
        extras = self._ways.second[positions - 1]
        ranked = np.argsort(extras, kind="stable")
        if most < len(ranked):  # those that tie with the last one count as well
            ranked = ranked[: most + _MOST_TIES][extras[ranked[: most + _MOST_TIES]] <= extras[ranked[most - 1]]]
        fixed = len(walk.links) + 1
        for index in ranked[np.isfinite(extras[ranked])].tolist():
            found.append(_Walk(links[: fixed + index], int(positions[index]), 1))
        return found

"""The n best paths of a graph, exactly."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import NO_INDICES, IntArray
from lattice_cli.graph import Graph
from lattice_cli.search.backpointers import Backpointers
from lattice_cli.search.best_path import Path, path_of_links, require_single

#: Of deviations from one path that tie for the last place, how many are kept to be put in order.
_MOST_TIES = 256


def n_best(graph: Graph, n: int) -> list[Path]:
    """The n best paths of a graph in order, fewer if it has fewer; the first is that of best_paths. Not for a union.

    Every path is the best one with some deviations. A found path gives rise to those that leave it once more, later
    than its own last deviation, or that take the next choice at that deviation: each path arises once (Hoffman and
    Pavley 1959, Lawler 1972), after the one it arises from in the order of energies, and of arcs for equal energies.
    """
    require_single(graph)
    ways = Backpointers(graph)
    sink = int(ways.schedule.sink[0])
    if sink < 0:
        return []
    found: list[Path] = []
    heap = [_Candidate(graph, ways, _Walk(NO_INDICES, sink, 0))]
    while heap and len(found) < n:
        candidate = heapq.heappop(heap)
        found.append(candidate.path)
        for deviation in candidate.deviations(n - len(found)):
            heapq.heappush(heap, _Candidate(graph, ways, deviation))
    return sorted(found, key=lambda path: path.energy)  # rounding aside they are in order


@dataclass(frozen=True, eq=False)
class _Walk:
    """A path as the links up to its last deviation: then choice `rank` at `position`, then the best way on."""

    links: IntArray
    position: int
    rank: int


class _Candidate:
    """A walk in the queue. The energy of its path is known at once; the path itself is made when it is needed."""

    def __init__(self, graph: Graph, ways: Backpointers, walk: _Walk) -> None:
        self._graph, self._ways, self._walk = graph, ways, walk
        link = ways.choices(walk.position)[walk.rank] if walk.rank else int(ways.chosen[walk.position - 1])
        self._link, self._behind = link, int(ways.schedule.link_tail[link])
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
        return path_of_links(self._graph, self._ways.schedule, self._links)

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
        firsts = self._ways.schedule.head_links
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

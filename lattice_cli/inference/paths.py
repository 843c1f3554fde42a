"""Best paths: the best of each graph, and the n best of one, exactly.

Both start from a hard-minimum sweep of the reversed graph, whose totals are the energy still to come from each node.
The energy of a path is summed as that sweep sums it, from its end to its start: rounding is monotone, so the least
total is exactly the least energy of a path. Of paths with equal energies the one whose arcs come first in the file
comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from operator import add

import numpy as np

from lattice_cli.errors import GraphError
from lattice_cli.graph.graph import FloatArray, Graph, IntArray
from lattice_cli.graph.reducers import hard_min
from lattice_cli.graph.schedule import Schedule
from lattice_cli.graph.segments import run_starts
from lattice_cli.graph.sweep import sweep

#: Of deviations from one path that tie for the last place, how many are kept to be put in order.
_MOST_TIES = 256
#: A choice made alone takes as long as some twenty that are made together.
_MANY = 20


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
    return _WaysOn(graph, plan).all_best()


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
    Pavley 1959, Lawler 1972), after the one it arises from in the order of energies, and of arcs for equal energies.
    """
    require_single(graph)
    ways = _WaysOn(graph)
    sink = int(ways.plan.sink[0])
    if sink < 0:
        return []
    found: list[Path] = []
    heap = [_Candidate(ways, _Walk((), sink, 0))]
    while heap and len(found) < n:
        candidate = heapq.heappop(heap)
        found.append(candidate.path)
        for deviation in ways.deviations(candidate.walk, n - len(found)):
            heapq.heappush(heap, _Candidate(ways, deviation))
    return sorted(found, key=lambda path: path.energy)  # rounding aside they are in order


def require_single(graph: Graph) -> None:
    """Raises GraphError for a union, whose members have to be asked one by one."""
    if graph.graphs != 1:
        raise GraphError(f"a union of {graph.graphs} graphs, expected a single one")


@dataclass(frozen=True)
class _Walk:
    """A path as the links up to its last deviation: then choice `rank` at `position`, then the best way on."""

    links: tuple[int, ...]
    position: int
    rank: int


class _Candidate:
    """A walk in the queue. The energy of its path is known at once; the path itself is made when it is needed."""

    def __init__(self, ways: _WaysOn, walk: _Walk) -> None:
        self._ways, self.walk = ways, walk
        self.energy = ways.energy(walk)

    @cached_property
    def path(self) -> Path:
        """The whole path."""
        return self._ways.path(self._ways.followed(self.walk)[1])

    def __lt__(self, other: _Candidate) -> bool:
        """In the order of energies; of equal energies the one whose start node and arcs come first in the file."""
        if self.energy != other.energy:
            return self.energy < other.energy
        return (self.path.nodes[0], self.path.arcs) < (other.path.nodes[0], other.path.arcs)


class _WaysOn:
    """The ways on from each position of the reversed graph's schedule, best first.

    In that schedule the sink stands before the start nodes and the source behind the final ones, so a path is a walk
    from the sink to position 0, from head to tail of each link.
    """

    def __init__(self, graph: Graph, plan: Schedule | None = None) -> None:
        self._graph = graph
        swept = sweep(graph.reversed(), hard_min, plan)
        self.plan: Schedule = swept.plan
        self.totals: FloatArray = swept.position_totals
        self._link_energy = swept.link_energy
        self._swept = swept
        self._ranked: dict[int, list[int]] = {}

    def all_best(self) -> list[Path | None]:
        """The best path of each member: columns are looked up for all of them at once."""
        ways = [self._way(position) for position in self.plan.sink.tolist()]
        bounds = np.append(0, np.cumsum([len(way) for way in ways])).tolist()
        graph, flat = self._graph, np.concatenate([np.zeros(0, dtype=np.intp), *ways])
        member = np.repeat(np.arange(graph.graphs), np.diff(bounds))
        ids = self.plan.link_id[flat]
        # A path is a start energy, arcs, and a final energy; each but the last leads to a node.
        inner = np.flatnonzero(ids < graph.arcs)
        node = ids - graph.arcs - graph.nodes
        node[inner] = graph.dst[ids[inner]]
        node -= graph.node_offsets[member]
        arc = ids - graph.arc_offsets[member]
        columns = (arc.tolist(), node.tolist(), self._link_energy[flat].tolist())
        found: list[Path | None] = []
        for low, high in pairwise(bounds):
            arcs, nodes, energies = (column[low:high] for column in columns)
            energy = reduce(add, reversed(energies)) if energies else 0.0
            found.append(Path(energy, tuple(arcs[1:-1]), tuple(nodes[:-1])) if energies else None)
        return found

    def _way(self, position: int) -> IntArray:
        """The chosen links from a position on."""
        if self.plan.loops is not None:
            way: IntArray = self.plan.loops.way(self._chosen, self.plan.link_tail, position)
            return way
        links = []
        if self._choose_on_the_way:
            firsts, tails, ids = self.plan.head_links.data, self._tails, self.plan.link_id.data
            totals, energies = self.totals.data, self._link_energy.data
            arcs, nodes = self._graph.arcs, self._graph.nodes
            while position > 0:
                total, found = totals[position], []
                for link in range(firsts[position - 1], firsts[position]):
                    if totals[tails[link]] + energies[link] <= total:
                        found.append((-1 if arcs <= ids[link] < arcs + nodes else ids[link], link))
                links.append(min(found)[1])
                position = tails[links[-1]]
        else:
            chosen, tails = self._next
            while position > 0:
                links.append(chosen[position - 1])
                position = tails[links[-1]]
        return np.array(links, dtype=np.intp)

    @cached_property
    def _choose_on_the_way(self) -> bool:
        """True where few positions are on best paths: choices are made there, and not for all positions at once."""
        plan = self.plan
        steps = len(plan.walk.steps) + 1
        plain = not plan.components and not plan.chunks.chunk.size
        return plain and plan.positions > _MANY * steps * self._graph.graphs

    @cached_property
    def _tails(self) -> Sequence[int]:
        """(links,) the tail of each link, quick to read one by one."""
        return np.ascontiguousarray(self.plan.link_tail).data

    @cached_property
    def _next(self) -> tuple[Sequence[int], Sequence[int]]:
        """The chosen link of each position but the source, and the tail of each link, quick to read one by one."""
        return self._chosen.data, self._tails

    def best(self, member: int) -> Path | None:
        """The best path of a member of the union."""
        sink = int(self.plan.sink[member])
        if sink < 0:
            return None
        path = self.path(self.followed(_Walk((), sink, 0))[1])
        first_arc, first_node = int(self._graph.arc_offsets[member]), int(self._graph.node_offsets[member])
        arcs, nodes = (arc - first_arc for arc in path.arcs), (node - first_node for node in path.nodes)
        return Path(path.energy, tuple(arcs), tuple(nodes))

    @cached_property
    def _chosen(self) -> IntArray:
        """(positions - 1,) the link to take from each position but the source.

        Of several that are equally good it is the one that comes first in the file; inside a component with cycles it
        is the one the solver took, as only those are sure to lead out again.
        """
        if self.plan.loops is not None:
            found: IntArray = self.plan.loops.first_choices(
                self.plan.edge_tail,
                self.plan.head_links,
                self._link_energy,
                self.totals,
                self.plan.link_id,
                self._graph.arcs,
                self._graph.nodes,
            )
            return found
        good = self._excess <= 0.0
        if self.plan.components or self.plan.chunks.chunk.size:
            good |= self._swept.link_share > 0  # these totals are added up in another order
        for step in self.plan.components:
            inside = slice(self.plan.head_links[step.first - 1], self.plan.head_links[step.end - 1])
            good[inside] &= self._swept.edge_share[self.plan.edge_of_link[inside]] > 0
        links = np.flatnonzero(good)
        if len(links) == len(self.plan.head_links) - 1:
            return links  # one for each position: no ties
        heads = np.repeat(np.arange(len(self.plan.head_links) - 1), np.diff(self.plan.head_links))[links]
        in_file_order = np.lexsort((self._file_order[links], heads))
        first: IntArray = links[in_file_order][run_starts(heads)]
        return first

    @cached_property
    def _file_order(self) -> IntArray:
        """(links,) where each link comes among equally good ones: to end here, then the arcs as they are numbered."""
        link_id, arcs = self.plan.link_id, self._graph.arcs
        ends = (link_id >= arcs) & (
            link_id < arcs + self._graph.nodes
        )  # final energies are starts of the reversed graph
        return np.where(ends, -1, link_id)

    def gap(self, member: int) -> float:
        """The least that a deviation from the member's best path adds: the distance to its second-best path."""
        positions, _ = self.followed(_Walk((), int(self.plan.sink[member]), 0))
        return float(self._second[np.array(positions, dtype=np.intp) - 1].min())

    @cached_property
    def _excess(self) -> FloatArray:
        """(links,) how much worse each link is than the chosen one of its head; never below 0."""
        heads = np.repeat(self.totals[1:], np.diff(self.plan.head_links))
        return np.maximum(self.totals[self.plan.link_tail] + self._link_energy - heads, 0.0)

    @cached_property
    def _second(self) -> FloatArray:
        """(positions - 1,) excess of the second choice at each position; +inf where there is only one."""
        others = self._excess.copy()
        others[self._chosen] = np.inf
        return np.minimum.reduceat(others, self.plan.head_links[:-1])

    def _choices(self, position: int) -> list[int]:
        """Links of a position from best to worst, the chosen one first; equally good ones as they come in the file."""
        if position not in self._ranked:
            low, high = self.plan.head_links[position - 1], self.plan.head_links[position]
            excess = self._excess[low:high].copy()
            excess[self._chosen[position - 1] - low] = -1.0
            order = np.lexsort((self._file_order[low:high], excess))
            self._ranked[position] = (order + low).tolist()
        return self._ranked[position]

    def followed(self, walk: _Walk) -> tuple[list[int], list[int]]:
        """Positions from the walk's deviation on, and all links of the walk."""
        position, links = walk.position, list(walk.links)
        positions = []
        rank = walk.rank
        chosen, tails = self._next
        while position > 0:
            positions.append(position)
            link = self._choices(position)[rank] if rank else chosen[position - 1]
            links.append(link)
            position, rank = tails[link], 0
        return positions, links

    def energy(self, walk: _Walk) -> float:
        """The energy of the walk's path, summed from its end to its start."""
        link = self._choices(walk.position)[walk.rank]
        parts = self._link_energy[[link, *reversed(walk.links)]]
        return float(np.add.accumulate(np.append(self.totals[self.plan.link_tail[link]], parts))[-1])

    def deviations(self, walk: _Walk, most: int) -> list[_Walk]:
        """Walks that leave this one once more; of those that leave it behind its deviation the `most` >= 0 best."""
        if not most:
            return []
        positions, links = self.followed(walk)
        fixed = len(walk.links)
        found = []
        if walk.rank + 1 < len(self._choices(walk.position)):
            found.append(_Walk(walk.links, walk.position, walk.rank + 1))
        extras = self._second[np.array(positions[1:], dtype=np.intp) - 1]
        ranked = np.argsort(extras, kind="stable")
        if most < len(ranked):  # those that tie with the last one count as well
            ranked = ranked[: most + _MOST_TIES][extras[ranked[: most + _MOST_TIES]] <= extras[ranked[most - 1]]]
        for index in ranked.tolist():
            if np.isfinite(extras[index]):
                found.append(_Walk(tuple(links[: fixed + index + 1]), positions[index + 1], 1))
        return found

    def path(self, links: list[int]) -> Path:
        """The path that a walk's links make: first a start energy, then arcs, then a final energy."""
        return path_of_links(self._graph, self.plan, links)

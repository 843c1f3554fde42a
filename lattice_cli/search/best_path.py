"""Best paths: the best of each graph, and the n best of one, exactly.

The energy of a path is summed from its end to its start, as the sweep behind `Backpointers` sums it: rounding is
monotone, so the least total is exactly the least energy of a path. Of paths with equal energies the one whose arcs come
first in the file comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.errors import GraphError
from lattice_cli.graph import Graph
from lattice_cli.search.backpointers import Backpointers
from lattice_cli.sweep import Schedule


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


def path_of_links(graph: Graph, schedule: Schedule, links: Sequence[int] | IntArray) -> Path:
    """The path that links of the reversed graph's schedule make, from its sink to its source.

    They are a start energy, then arcs, then a final energy.
    """
    ids = schedule.link_id[links].tolist()
    arcs = tuple(ids[1:-1])
    # In the reversed graph the start energies are final ones: their ids come last.
    begin = ids[0] - graph.arcs - graph.nodes
    nodes = (begin, *graph.dst[list(arcs)].tolist()) if arcs else (begin,)
    return Path(path_energy(graph, arcs, nodes), arcs, nodes)


def best_paths(graph: Graph, schedule: Schedule | None = None) -> list[Path | None]:
    """The best path of each member of a union, in that member's own indices; None where a member has none.

    Ties go to the same path every time. `schedule` is that of the reversed graph, to save making it again. Raises
    Diverged where a cycle of negative energy leaves no best path.
    """
    ways = Backpointers(graph, schedule)
    links, member = ways.best()
    ids = ways.schedule.link_id[links]
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
    ways = Backpointers(graph)
    found: list[tuple[Path, float] | None] = []
    for sink, first_arc, first_node in zip(ways.schedule.sink.tolist(), graph.arc_offsets, graph.node_offsets):
        if sink < 0:
            found.append(None)
            continue
        path = path_of_links(graph, ways.schedule, ways.links_from(sink))
        arcs, nodes = (np.array(path.arcs, dtype=np.intp) - first_arc), (np.array(path.nodes) - first_node)
        gap = float(ways.second[ways.positions_from(sink) - 1].min())
        found.append((Path(path.energy, tuple(arcs.tolist()), tuple(nodes.tolist())), gap))
    return found


def require_single(graph: Graph) -> None:
    """Raises GraphError for a union, whose members have to be asked one by one."""
    if graph.graphs != 1:
        raise GraphError(f"a union of {graph.graphs} graphs, expected a single one")

"""The order of evaluation of a graph, made once and used by every sweep over it, whatever its energies.

Only nodes on some path take part, at *positions*: 0 is a source before all start nodes, then the nodes level by level,
then one sink behind the final nodes of each member that has a path. *Links* are the arcs, start energies and final
energies between positions; parallel links form one *edge*. Links are sorted by (head, tail), so the links of an edge,
the edges of a head and the heads of a level are all contiguous, and every segment has at least one entry. Inside a
segment the order is that of the graph's own node and arc numbers: sums are rounded, and ties broken, in the same way
whether a graph is swept alone or in a union.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.graph.graph import FloatArray, Graph, IntArray
from lattice_cli.graph.order import evaluation_order
from lattice_cli.graph.segments import distinct, run_starts, stable_order
from lattice_cli.graph.trim import useful_nodes


@dataclass(frozen=True)
class Step:
    """One stretch of positions that can be evaluated together: a level, or a component with cycles."""

    first: int
    end: int
    edge_first: int
    edge_end: int
    cyclic: bool


@dataclass(frozen=True, eq=False)
class Schedule:
    """How to walk a graph.

    link_id:     (links,) arc, or arcs + node for a start energy, or arcs + nodes + node for a final energy.
    edge_first:  (edges,) first link of each edge.
    edge_tail, edge_head: (edges,) positions.
    head_first:  (positions - 1,) first edge of each position but the source.
    node_at:     (positions,) node at each position; -1 for the source and the sinks.
    position:    (nodes,) position of each node; -1 where no path passes.
    sink:        (graphs,) position of each member's sink; -1 where the member has no path.
    """

    link_id: IntArray
    edge_first: IntArray
    edge_tail: IntArray
    edge_head: IntArray
    head_first: IntArray
    node_at: IntArray
    position: IntArray
    sink: IntArray
    steps: list[Step]

    @property
    def positions(self) -> int:
        """Number of positions: the source, the useful nodes, the sinks."""
        return len(self.node_at)

    @cached_property
    def bundled(self) -> bool:
        """True if some edge has several links."""
        return len(self.edge_first) < len(self.link_id)

    @cached_property
    def edge_of_link(self) -> IntArray:
        """(links,) the edge each link belongs to."""
        return np.repeat(np.arange(len(self.edge_first)), np.diff(self.edge_first, append=len(self.link_id)))

    @cached_property
    def by_tail(self) -> IntArray:
        """(edges,) the edges in order of their tails, those of a tail in order of the nodes they lead to."""
        head_node = self.node_at[self.edge_head]
        head_node = np.where(head_node < 0, len(self.position), head_node)
        by_head = stable_order(head_node, len(self.position) + 1)
        return by_head[stable_order(self.edge_tail[by_head], self.positions)]

    @cached_property
    def tail_first(self) -> IntArray:
        """(positions - sinks + 1,) where each tail's edges begin in `by_tail`; the last entry is the end."""
        return np.searchsorted(self.edge_tail[self.by_tail], np.arange(self.positions - self._sinks + 1))

    @property
    def _sinks(self) -> int:
        return int((self.sink >= 0).sum())

    def link_energy(self, graph: Graph) -> FloatArray:
        """(links,) energies in this order of a graph with this topology."""
        return np.concatenate([graph.energy, graph.start, graph.final])[self.link_id]


def schedule(graph: Graph) -> Schedule:
    """The schedule of a graph (or union): levels where it is acyclic, components where it is not."""
    useful = useful_nodes(graph)
    nodes = np.flatnonzero(useful)
    compact = np.cumsum(useful) - 1
    arcs = np.flatnonzero(useful[graph.src] & useful[graph.dst])
    order = evaluation_order(
        compact[graph.src[arcs]], compact[graph.dst[arcs]], np.searchsorted(nodes, graph.node_offsets)
    )
    # Inside a level the nodes of each component stay together, behind those of none.
    levels = int(order.level.max()) + 1 if len(nodes) else 0
    ranked = stable_order(order.component + 1, int(order.component.max(initial=-1)) + 2)
    ranked = ranked[stable_order(order.level[ranked], levels)]
    position = np.full(graph.nodes, -1, dtype=np.intp)
    position[nodes[ranked]] = np.arange(1, len(nodes) + 1)

    start_nodes = np.flatnonzero(np.isfinite(graph.start) & useful)
    final_nodes = np.flatnonzero(np.isfinite(graph.final) & useful)
    members = distinct(graph.graph_of_node[final_nodes])
    sink = np.full(graph.graphs, -1, dtype=np.intp)
    sink[members] = len(nodes) + 1 + np.arange(len(members))
    positions = len(nodes) + 1 + len(members)

    arcs = arcs[stable_order(graph.src[arcs], graph.nodes)]
    tail = np.concatenate([np.zeros(len(start_nodes), np.intp), position[graph.src[arcs]], position[final_nodes]])
    head = np.concatenate([position[start_nodes], position[graph.dst[arcs]], sink[graph.graph_of_node[final_nodes]]])
    link_id = np.concatenate([graph.arcs + start_nodes, arcs, graph.arcs + graph.nodes + final_nodes])
    sorting = stable_order(head, positions)
    tail, head, link_id = tail[sorting], head[sorting], link_id[sorting]
    edge_first = run_starts(head * positions + tail)
    edge_tail, edge_head = tail[edge_first], head[edge_first]
    head_first = run_starts(edge_head)
    node_at = np.concatenate([[-1], nodes[ranked], np.full(len(members), -1)]).astype(np.intp)
    steps = _steps(order.level[ranked], order.component[ranked], len(members), head_first, len(edge_first))
    return Schedule(link_id, edge_first, edge_tail, edge_head, head_first, node_at, position, sink, steps)


def _steps(level: IntArray, component: IntArray, sinks: int, head_first: IntArray, edges: int) -> list[Step]:
    """Stretches of equal (level, component) among the ranked nodes, and one for the sinks."""
    if not len(level):
        return []
    firsts = run_starts(level * (int(component.max()) + 2) + component + 1)
    cyclic = [*(component[firsts] >= 0).tolist(), False]
    bounds = np.concatenate([firsts, [len(level), len(level) + sinks]])
    edge_bounds = np.append(head_first, edges)[bounds].tolist()
    bounds_list = (bounds + 1).tolist()
    return [
        Step(first, end, edge_first, edge_end, is_cyclic)
        for first, end, edge_first, edge_end, is_cyclic in zip(
            bounds_list, bounds_list[1:], edge_bounds, edge_bounds[1:], cyclic
        )
    ]

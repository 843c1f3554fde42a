"""Which nodes and arcs lie on a path from a start to a final node."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, Groups, IntArray, distinct, group_by
from lattice_cli.graph.graph import Graph


def nodes_on_paths(graph: Graph) -> BoolArray:
    """(nodes,) true where some path from a start node to a final node passes."""
    src, dst = graph.src, graph.dst
    return on_paths(graph, src, dst, group_by(src, graph.nodes), group_by(dst, graph.nodes))


def on_paths(graph: Graph, src: IntArray, dst: IntArray, leaving: Groups, entering: Groups) -> BoolArray:
    """The same, given the ends of its arcs, parallel ones once at least, and these grouped by src and by dst."""
    if not in_numbered_order(src, dst):
        forward = reachable(src, dst, graph.starts, graph.nodes)
        return forward & reachable(dst, src, graph.finals, graph.nodes)
    alive = np.ones(graph.nodes, dtype=bool)
    alive[_unreachable(graph.start, entering, leaving, dst)] = False
    alive[_unreachable(graph.final, leaving, entering, src)] = False
    return alive


def _unreachable(begin: FloatArray, entering: Groups, leaving: Groups, head: IntArray) -> IntArray:
    """Nodes of a graph without cycles to which no arcs lead from a node with a finite `begin`, (nodes,).

    Without cycles those that nothing enters can be taken away, and then those that nothing else enters, and so on;
    usually they are few.
    """
    ways = np.diff(entering.offsets)
    ways += np.isfinite(begin)
    front = np.flatnonzero(ways == 0)
    found = [front]
    while len(front):
        heads = head[leaving.rows(front)[0]]
        np.subtract.at(ways, heads, 1)
        front = distinct(heads[ways[heads] == 0])
        found.append(front)
    return np.concatenate(found)


def climbs(src: IntArray, dst: IntArray) -> bool:
    """True if every arc goes to a higher node."""
    return bool((src[:1] < dst[:1]).all() and (src < dst).all())  # mostly the first one tells


def in_numbered_order(src: IntArray, dst: IntArray) -> bool:
    """True if every arc goes to a higher node, or every arc goes to a lower one."""
    return climbs(src, dst) or climbs(dst, src)


def reachable(src: IntArray, dst: IntArray, seeds: IntArray, nodes: int) -> BoolArray:
    """(nodes,) true for the seeds and all that arcs lead to from them."""
    seen = np.zeros(nodes, dtype=bool)
    seen[seeds] = True
    leaving = group_by(src, nodes)
    frontier = seeds
    while len(frontier):
        arcs, _ = leaving.rows(frontier)
        heads = dst[arcs]
        heads = heads[~seen[heads]]
        seen[heads] = True
        frontier = distinct(heads)
    return seen


def trimmed(graph: Graph) -> tuple[Graph, IntArray, IntArray]:
    """The graph without nodes and arcs that are on no path, and the nodes (nodes,) and arcs (arcs,) that were kept."""
    return restricted(graph, nodes_on_paths(graph))


def restricted(graph: Graph, keep: BoolArray) -> tuple[Graph, IntArray, IntArray]:
    """The graph on the nodes where `keep` is true, in their order, and the kept node and arc indices."""
    kept_nodes = np.flatnonzero(keep)
    kept_arcs = np.flatnonzero(keep[graph.src] & keep[graph.dst])
    new_index = np.cumsum(keep) - 1
    smaller = Graph(
        new_index[graph.src[kept_arcs]],
        new_index[graph.dst[kept_arcs]],
        graph.ilabel[kept_arcs],
        graph.olabel[kept_arcs],
        graph.energy[kept_arcs],
        graph.start[kept_nodes],
        graph.final[kept_nodes],
        graph.labels,
        np.searchsorted(kept_nodes, graph.node_offsets),
        np.searchsorted(kept_arcs, graph.arc_offsets),
    )
    return smaller, kept_nodes, kept_arcs


def without_arcs(graph: Graph, drop: BoolArray) -> Graph:
    """The graph without the arcs where `drop`, (arcs,), is true; its nodes all stay."""
    keep = np.flatnonzero(~drop)
    return replace(
        graph,
        src=graph.src[keep],
        dst=graph.dst[keep],
        ilabel=graph.ilabel[keep],
        olabel=graph.olabel[keep],
        energy=graph.energy[keep],
        arc_offsets=np.searchsorted(keep, graph.arc_offsets),
    )

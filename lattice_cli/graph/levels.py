"""The order in which nodes can be evaluated: levels of an acyclic graph, components of a cyclic one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import NO_INDICES, BoolArray, IntArray, distinct, follow, group_by, stable_order
from lattice_cli.graph.connect import climbs
from lattice_cli.graph.strong_components import strong_components

#: Below this many nodes a level, levels of consecutive nodes are checked against longest-path levels.
_NARROW = 8
#: With fewer members than this, runs are followed one by one.
_FEW = 16


@dataclass(frozen=True, eq=False)
class Order:
    """level: (nodes,) every arc goes to a higher level, except inside a component.

    component: (nodes,) which strongly connected component with a cycle a node is in, -1 for none.
    """

    level: IntArray
    component: IntArray

    @cached_property
    def cyclic(self) -> bool:
        """True if there are components with cycles."""
        return int(self.component.max(initial=-1)) >= 0


def evaluation_order(src: IntArray, dst: IntArray, node_offsets: IntArray) -> Order:
    """Levels (and components, if there are cycles) of the graph with these arcs.

    node_offsets marks the members of a union, which share levels; those of a member do not depend on the others.
    """
    nodes = int(node_offsets[-1])
    none = np.full(nodes, -1, dtype=np.intp)
    if climbs(src, dst):
        return Order(_numbered_levels(src, dst, node_offsets), none)
    if climbs(dst, src):
        return Order(_numbered_levels(*_mirrored(src, dst, nodes), nodes - node_offsets[::-1])[::-1], none)
    if len(node_offsets) > 2:
        return _order_by_kind(src, dst, node_offsets)
    level, done = _kahn_levels(src, dst, nodes)
    if done:
        return Order(level, none)
    component = strong_components(src, dst, nodes)
    between = component[src] != component[dst]
    count = int(component.max()) + 1
    level, _ = _kahn_levels(component[src[between]], component[dst[between]], count)
    size = np.bincount(component, minlength=count)
    cyclic = size > 1
    cyclic[component[src[src == dst]]] = True
    return Order(level[component], np.where(cyclic[component], component, -1))


def _mirrored(src: IntArray, dst: IntArray, nodes: int) -> tuple[IntArray, IntArray]:
    """Arcs with the nodes numbered from the end."""
    return nodes - 1 - src, nodes - 1 - dst


def _order_by_kind(src: IntArray, dst: IntArray, node_offsets: IntArray) -> Order:
    """The order of a union whose members are of several kinds: numbered upwards, numbered downwards, and others."""
    members = len(node_offsets) - 1
    member = np.repeat(np.arange(members), np.diff(node_offsets))
    kind = np.zeros(members, dtype=np.intp)
    climbs, falls = np.ones(members, dtype=bool), np.ones(members, dtype=bool)
    climbs[member[src[src >= dst]]] = False
    falls[member[src[src <= dst]]] = False
    kind[~climbs & falls] = 1
    kind[~climbs & ~falls] = 2
    level = np.zeros(len(member), dtype=np.intp)
    component = np.full(len(member), -1, dtype=np.intp)
    for group in distinct(kind).tolist():
        inside = kind[member] == group
        nodes, arcs = np.flatnonzero(inside), np.flatnonzero(inside[src])
        local = np.cumsum(inside) - 1
        sizes = np.where(kind == group, np.diff(node_offsets), 0)
        offsets = np.append(0, np.cumsum(sizes)) if group < 2 else np.array([0, len(nodes)])
        part = evaluation_order(local[src[arcs]], local[dst[arcs]], offsets)
        level[nodes], component[nodes] = part.level, part.component
    return Order(level, component)


def _numbered_levels(src: IntArray, dst: IntArray, node_offsets: IntArray) -> IntArray:
    """Levels when nodes are numbered in topological order: greedy runs of consecutive nodes.

    A run grows until it meets a node that is entered from inside the run. Where that leaves few nodes to a level the
    longest-path levels are tried as well, as the numbering may follow single paths.
    """
    nodes = int(node_offsets[-1])
    if not nodes:
        return NO_INDICES
    latest = np.full(nodes, -1, dtype=np.intp)
    np.maximum.at(latest, dst, src)
    # How many nodes come before the first that is entered from each node or one behind it.
    first_inside = np.cumsum(np.bincount(np.maximum.accumulate(latest) + 1, minlength=nodes + 1)[:nodes])
    begins = _run_begins(first_inside, node_offsets)
    level: IntArray = np.cumsum(begins, dtype=np.intp)
    filled = np.flatnonzero(np.diff(node_offsets))
    sizes = np.diff(node_offsets)[filled]
    level -= np.repeat(level[node_offsets[filled]], sizes)
    depth = level[node_offsets[filled + 1] - 1] + 1
    narrow = sizes <= depth * _NARROW
    if not narrow.any():
        return level
    # Where every node that is entered is entered from the level before, these are the longest-path levels.
    loose = (latest >= 0) & ((level[latest] != level - 1) | ((level > 1) & (latest[latest] < 0)))
    doubtful = np.logical_or.reduceat(loose, node_offsets[filled]) & narrow
    if doubtful.any():
        by_source = stable_order(src)
        tail, head = src[by_source], dst[by_source]
        for place in np.flatnonzero(doubtful).tolist():
            low, high = node_offsets[filled[place]], node_offsets[filled[place] + 1]
            arcs = slice(*np.searchsorted(tail, [low, high]))
            longest = _longest_path_levels((tail[arcs] - low).tolist(), (head[arcs] - low).tolist(), int(high - low))
            if longest.max() + 1 < depth[place]:
                level[low:high] = longest
    return level


def _run_begins(run_end: IntArray, node_offsets: IntArray) -> BoolArray:
    """(nodes,) true where a run begins: at a member's first node, and where the run before ends."""
    if bool((run_end == np.arange(1, len(run_end) + 1)).all()):
        return np.ones(len(run_end), dtype=bool)
    begins = np.zeros(len(run_end), dtype=bool)
    front, ends = node_offsets[:-1], node_offsets[1:]
    while True:
        going = front < ends
        front, ends = front[going], ends[going]
        if len(front) < _FEW:
            break
        begins[front] = True
        front = run_end[front]
    for node, end in zip(front.tolist(), ends.tolist()):
        after = np.append(run_end[node:end], end)
        np.minimum(after, end, out=after)
        after -= node
        begins[node + follow(after, 0)] = True
    return begins


def _longest_path_levels(src: list[int], dst: list[int], nodes: int) -> IntArray:
    """Longest-path levels of arcs sorted by tail, nodes in topological order."""
    level = [0] * nodes
    for tail, head in zip(src, dst):
        if level[tail] >= level[head]:
            level[head] = level[tail] + 1
    return np.array(level, dtype=np.intp)


def _kahn_levels(src: IntArray, dst: IntArray, nodes: int) -> tuple[IntArray, bool]:
    """Longest-path levels, frontier by frontier; False if a cycle keeps some nodes from getting one (A. Kahn, 1962)."""
    leaving = group_by(src, nodes)
    waiting = np.bincount(dst, minlength=nodes)
    level = np.zeros(nodes, dtype=np.intp)
    frontier = np.flatnonzero(waiting == 0)
    depth, placed = 0, 0
    while len(frontier):
        level[frontier] = depth
        placed += len(frontier)
        arcs, _ = leaving.rows(frontier)
        heads, entered = np.unique(dst[arcs], return_counts=True)
        waiting[heads] -= entered
        frontier = heads[waiting[heads] == 0]
        depth += 1
    return level, placed == nodes

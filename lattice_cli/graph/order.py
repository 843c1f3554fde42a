"""The order in which nodes can be evaluated: levels of an acyclic graph, components of a cyclic one."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.graph import IntArray
from lattice_cli.graph.segments import group_by
from lattice_cli.graph.trim import in_numbered_order

#: Below this many nodes a level, levels of consecutive nodes are checked against longest-path levels.
_NARROW = 8


@dataclass(frozen=True, eq=False)
class Order:
    """level: (nodes,) every arc goes to a higher level, except inside a component.

    component: (nodes,) which strongly connected component with a cycle a node is in, -1 for none.
    """

    level: IntArray
    component: IntArray


def evaluation_order(src: IntArray, dst: IntArray, node_offsets: IntArray) -> Order:
    """Levels (and components, if there are cycles) of the graph with these arcs.

    node_offsets marks the members of a union, which share levels.
    """
    nodes = int(node_offsets[-1])
    none = np.full(nodes, -1, dtype=np.intp)
    if in_numbered_order(src, dst):
        return Order(_numbered_levels(src, dst, node_offsets), none)
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


def _numbered_levels(src: IntArray, dst: IntArray, node_offsets: IntArray) -> IntArray:
    """Levels when nodes are numbered in topological order (or its reverse): greedy runs of consecutive nodes.

    A run grows until it meets a node that is entered from inside the run. Where that leaves few nodes to a level the
    longest-path levels are tried as well, as the numbering may follow single paths.
    """
    nodes = int(node_offsets[-1])
    if len(src) and src[0] > dst[0]:
        mirror = nodes - 1
        offsets = nodes - node_offsets[::-1]
        return _numbered_levels(mirror - src, mirror - dst, offsets)[::-1]
    latest = np.full(nodes, -1, dtype=np.intp)
    by_source = group_by(src, nodes).order
    latest[dst[by_source]] = src[by_source]  # the last write wins, and it is the highest tail
    latest = np.maximum.accumulate(latest) if nodes else latest
    first_inside = np.searchsorted(latest, np.arange(nodes), side="left")
    member_end = np.repeat(node_offsets[1:], np.diff(node_offsets))
    run_end = np.minimum(first_inside, member_end).tolist()
    offsets = node_offsets.tolist()
    level = np.zeros(nodes, dtype=np.intp)
    depth = 0
    for begin, end in itertools.pairwise(offsets):
        node, current = begin, 0
        bounds = []
        while node < end:
            bounds.append(node)
            node = run_end[node]
            current += 1
        level[begin:end] = np.repeat(np.arange(current), np.diff(bounds, append=end)) if bounds else 0
        depth = max(depth, current)
    if nodes > depth * _NARROW * len(offsets):
        return level
    longest = _longest_path_levels(src[by_source].tolist(), dst[by_source].tolist(), nodes)
    return longest if len(longest) and longest.max() + 1 < depth else level


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


def strong_components(src: IntArray, dst: IntArray, nodes: int) -> IntArray:
    """(nodes,) the strongly connected component of each node, numbered in reverse topological order (Tarjan, 1972)."""
    leaving = group_by(src, nodes)
    offsets = leaving.offsets.tolist()
    heads = dst[leaving.order].tolist()
    index = [-1] * nodes
    low = [0] * nodes
    on_stack = [False] * nodes
    component = [-1] * nodes
    stack: list[int] = []
    counter = components = 0
    for root in range(nodes):
        if index[root] >= 0:
            continue
        calls = [(root, offsets[root])]
        while calls:
            node, arc = calls.pop()
            if index[node] < 0:
                index[node] = low[node] = counter
                counter += 1
                stack.append(node)
                on_stack[node] = True
            descended = False
            while arc < offsets[node + 1]:
                head = heads[arc]
                arc += 1
                if index[head] < 0:
                    calls.append((node, arc - 1))  # look at this arc again when the head is done
                    calls.append((head, offsets[head]))
                    descended = True
                    break
                if on_stack[head]:
                    low[node] = min(low[node], low[head])
            if descended:
                continue
            if low[node] == index[node]:
                while True:
                    member = stack.pop()
                    on_stack[member] = False
                    component[member] = components
                    if member == node:
                        break
                components += 1
    return np.array(component, dtype=np.intp)

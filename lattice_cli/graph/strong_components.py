"""Strongly connected components (Tarjan, 1972)."""

from __future__ import annotations

import numpy as np

from lattice_cli.arrays import IntArray, group_by


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

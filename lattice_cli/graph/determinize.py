"""Acceptors without energies, made so that each sequence has one path: subsets of nodes, and the fewest nodes.

Subset construction (Rabin, Scott 1959), minimisation by refinement of the smaller half (Hopcroft 1971).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from lattice_cli.errors import UsageError
from lattice_cli.graph.connect import trimmed
from lattice_cli.graph.construct import Arc, graph_of
from lattice_cli.graph.graph import EPSILON, Graph

_MOST_NODES = 200_000
#: Subsets are looked at node by node: so many in all take some seconds.
_MOST_MEMBERS = 2_000_000


def determinized(graph: Graph) -> Graph:
    """The least deterministic acceptor of the sequences that an acceptor accepts, whatever its energies: they are 0.

    Raises UsageError where it has more than 200,000 nodes, or these stand for more than 2,000,000 of the acceptor's.
    """
    # A node that leads nowhere would keep nodes apart that are otherwise the same.
    rows, final = _subsets(trimmed(graph)[0])
    block = _blocks(rows, final)
    arcs: dict[tuple[int, int], Arc] = {}
    for tail, row in enumerate(rows):
        for label, head in row.items():
            arcs[block[tail], label] = (block[tail], block[head], label, label, 0.0)
    ends = {block[node]: 0.0 for node in final}
    return graph_of(list(arcs.values()), {block[0]: 0.0}, ends, max(block) + 1, graph.labels)


def _subsets(graph: Graph) -> tuple[list[dict[int, int]], set[int]]:
    """Rows label -> node of the deterministic acceptor, whose node 0 is the start, and its final nodes."""
    silent: dict[int, list[int]] = defaultdict(list)
    labelled: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for tail, head, label in zip(graph.src.tolist(), graph.dst.tolist(), graph.ilabel.tolist()):
        if label == EPSILON:
            silent[tail].append(head)
        else:
            labelled[tail].append((label, head))

    def closed(nodes: set[int]) -> frozenset[int]:
        waiting = list(nodes)
        while waiting:
            for head in silent.get(waiting.pop(), ()):
                if head not in nodes:
                    nodes.add(head)
                    waiting.append(head)
        return frozenset(nodes)

    ends = set(np.flatnonzero(np.isfinite(graph.final)).tolist())
    first = closed(set(graph.starts.tolist()))
    number = {first: 0}
    order = [first]
    members = len(first)
    rows: list[dict[int, int]] = []
    for subset in order:
        heads: dict[int, set[int]] = defaultdict(set)
        for node in sorted(subset):
            for label, head in labelled.get(node, ()):
                heads[label].add(head)
        row = {}
        for label, found in heads.items():
            head_set = closed(found)
            members += len(head_set)
            if members > _MOST_MEMBERS:
                raise UsageError(
                    f"needs sets of more than {_MOST_MEMBERS:,} nodes in all if each sequence is to have one path"
                )
            row[label] = number.setdefault(head_set, len(number))
            if row[label] == len(order):
                order.append(head_set)
        rows.append(row)
        if len(order) > _MOST_NODES:
            raise UsageError(f"needs more than {_MOST_NODES:,} nodes if each sequence is to have one path")
    return rows, {node for node, subset in enumerate(order) if subset & ends}


def _blocks(rows: list[dict[int, int]], final: set[int]) -> list[int]:
    """(nodes,) the class of each node; nodes of a class accept the same."""
    entering: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for tail, row in enumerate(rows):
        for label, head in row.items():
            entering[head][label].append(tail)
    members = [block for block in (set(final), set(range(len(rows))) - final) if block]
    block_of = [0] * len(rows)
    for number, block in enumerate(members):
        for node in block:
            block_of[node] = number
    waiting = list(range(len(members)))
    while waiting:
        splitter = waiting.pop()
        leads: dict[int, list[int]] = defaultdict(list)
        for head in sorted(members[splitter]):
            for label, tails in entering[head].items():
                leads[label] += tails
        for tails in leads.values():
            touched: dict[int, set[int]] = defaultdict(set)
            for tail in tails:
                touched[block_of[tail]].add(tail)
            for number, part in touched.items():
                if len(part) == len(members[number]):
                    continue
                rest = members[number] - part
                smaller, larger = (part, rest) if len(part) <= len(rest) else (rest, part)
                members[number] = larger
                new = len(members)
                members.append(smaller)
                for node in smaller:
                    block_of[node] = new
                waiting.append(new)
    # Classes are numbered as their nodes were found, the start first.
    numbers: dict[int, int] = {}
    return [numbers.setdefault(block, len(numbers)) for block in block_of]

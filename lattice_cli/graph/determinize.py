"""Acceptors made so that each sequence has one path: subsets of nodes, and without energies the fewest nodes.

Subset construction (Rabin, Scott 1959), with energies left over for each node (Mohri 1997), minimisation by refinement
of the smaller half (Hopcroft 1971).
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heapify, heappop, heappush

import numpy as np

from lattice_cli.errors import UsageError
from lattice_cli.graph.connect import trimmed
from lattice_cli.graph.construct import Arc, graph_of
from lattice_cli.graph.graph import EPSILON, Graph
from lattice_cli.graph.levels import evaluation_order

_MOST_NODES = 200_000
#: Subsets are looked at node by node: so many in all take some seconds.
_MOST_MEMBERS = 2_000_000
#: Decimals, of nats, by which energies that are left over are told apart: less is rounding.
_DECIMALS = 9


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


def determinized_energies(graph: Graph) -> Graph:
    """The deterministic acceptor of the sequences that an acceptor without cycles accepts, each at the least energy of
    its paths. Node 0 is the start. Raises UsageError as `determinized` does."""
    graph = trimmed(graph)[0]
    level = evaluation_order(graph.src, graph.dst, np.array([0, graph.nodes])).level.tolist()
    leaving: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    columns = (graph.src.tolist(), graph.ilabel.tolist(), graph.dst.tolist(), graph.energy.tolist())
    for tail, label, head, energy in zip(*columns):
        leaving[tail].append((label, head, energy))

    def closed(least: dict[int, float]) -> tuple[float, dict[int, float]]:
        """What nodes are reached without a label, what the nearest costs, and what each costs more than it."""
        waiting = [(level[node], node) for node in least]
        heapify(waiting)
        while waiting:
            tail = heappop(waiting)[1]
            for label, head, energy in leaving[tail]:
                if label == EPSILON:
                    if head not in least:
                        heappush(waiting, (level[head], head))
                    least[head] = min(least.get(head, np.inf), least[tail] + energy)
        first = min(least.values())
        return first, {node: energy - first for node, energy in sorted(least.items())}

    def key(left: dict[int, float]) -> tuple[tuple[int, float], ...]:
        return tuple((node, round(energy, _DECIMALS)) for node, energy in left.items())

    start, first_left = closed({node: float(graph.start[node]) for node in graph.starts.tolist()})
    number, order = {key(first_left): 0}, [first_left]
    arcs: list[Arc] = []
    final: dict[int, float] = {}
    members = 0
    for tail, left in enumerate(order):
        heads: dict[int, dict[int, float]] = defaultdict(dict)
        for node, own in left.items():
            for label, head, energy in leaving[node]:
                if label != EPSILON:
                    heads[label][head] = min(heads[label].get(head, np.inf), own + energy)
        for label, least in heads.items():
            energy, head_left = closed(least)
            members += len(head_left)
            _require_few(len(order), members)
            head = number.setdefault(key(head_left), len(number))
            if head == len(order):
                order.append(head_left)
            arcs.append((tail, head, label, label, energy))
        ends = min(own + float(graph.final[node]) for node, own in left.items())
        if np.isfinite(ends):
            final[tail] = ends
    return graph_of(arcs, {0: start}, final, len(order), graph.labels)


def _require_few(nodes: int, members: int) -> None:
    """Raises UsageError for too many subsets, or of too many nodes in all."""
    if members > _MOST_MEMBERS:
        raise UsageError(f"needs sets of more than {_MOST_MEMBERS:,} nodes in all if each sequence is to have one path")
    if nodes > _MOST_NODES:
        raise UsageError(f"needs more than {_MOST_NODES:,} nodes if each sequence is to have one path")


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
            _require_few(len(order), members)
            row[label] = number.setdefault(head_set, len(number))
            if row[label] == len(order):
                order.append(head_set)
        rows.append(row)
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

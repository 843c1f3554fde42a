"""Where what is left of a rule can end, if it stands at a node of a record: the inside pass of chart parsing.

Sets of nodes of the record are numbers, a bit for each node. What is found for a rule does not depend on who called
it, so that the time is polynomial however many derivations there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.arrays.memory import require_memory
from lattice_cli.grammars.recursion.rules import Rules
from lattice_cli.graph import EPSILON, Graph, evaluation_order

#: Of each node of a graph, label -> the nodes that an arc with it leads to; label 0 is none.
Onward: TypeAlias = list[dict[int, list[int]]]


class Chart:
    """Rules beside a graph without cycles. label: (arcs,) what its arcs say, as a label of the rules.

    after: see onward_of. final: the final nodes.
    ends: of each node of the record, of each node of the rules, where its rule can end. Raises UsageError where that
    may not fit into the memory.
    """

    def __init__(self, rules: Rules, graph: Graph, label: IntArray) -> None:
        pairs = graph.nodes * rules.graph.nodes
        require_memory(pairs * (graph.nodes // 8 + 8), "a chart of the record's nodes and the rules'")
        self.after = onward_of(graph, label)
        self.final = sum(1 << node for node in graph.finals.tolist())
        self._ending = np.isfinite(rules.graph.final).tolist()
        self._entries = rules.entries
        columns = (rules.graph.src, rules.graph.dst, rules.graph.ilabel, rules.call)
        self._leaving: list[list[tuple[int, int, int]]] = [[] for _ in self._ending]
        for src, *rest in zip(*(column.tolist() for column in columns)):
            self._leaving[src].append((rest[0], rest[1], rest[2]))
        self.ends = [[0] * rules.graph.nodes for _ in range(graph.nodes)]
        level = evaluation_order(graph.src, graph.dst, np.array([0, graph.nodes])).level
        self._places, again = rules.innermost_first
        for node in np.argsort(-level, kind="stable").tolist():
            while self._filled(node) and again:
                pass

    def _filled(self, at: int) -> bool:
        """Fill the row of a node of the record, those of all behind it filled; whether that changed it."""
        here, after = self.ends[at], self.after[at]
        known = [*here]
        silent = after.get(EPSILON, ())
        for place in self._places:
            found = 1 << at if self._ending[place] else 0
            for onward in silent:
                found |= self.ends[onward][place]
            for head, label, call in self._leaving[place]:
                if call >= 0:
                    inside = 0
                    for entry in self._entries[call]:
                        inside |= here[entry]
                    for onward in bits(inside):
                        found |= self.ends[onward][head]
                elif label == EPSILON:
                    found |= here[head]
                else:
                    for onward in after.get(label, ()):
                        found |= self.ends[onward][head]
            here[place] = found
        return here != known

    def before(self, place: int, allowed: int) -> int:
        """The nodes of the record from which a rule that stands at `place` can end at one that is allowed."""
        return sum(1 << at for at, row in enumerate(self.ends) if row[place] & allowed)


def onward_of(graph: Graph, label: IntArray) -> Onward:
    """The moves of a graph. label: (arcs,) what its arcs say, as a label of the rules."""
    after: Onward = [{} for _ in range(graph.nodes)]
    for src, dst, said in sorted(set(zip(graph.src.tolist(), graph.dst.tolist(), label.tolist()))):
        after[src].setdefault(said, []).append(dst)
    return after


def bits(number: int) -> Iterator[int]:
    """The bits of a number that are set."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest

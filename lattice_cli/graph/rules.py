"""Grammars over output labels that are asked rather than composed with: deterministic, their states numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from lattice_cli.graph.composition import Composition
from lattice_cli.graph.graph import EPSILON, FloatArray, Graph, IntArray
from lattice_cli.graph.numbering import Numbering
from lattice_cli.graph.segments import group_by
from lattice_cli.graph.trim import restricted, useful_nodes


class Rules(Protocol):
    """A grammar over words that is asked rather than composed with. Histories are numbers."""

    @property
    def first(self) -> int:
        """The history at the start."""

    @property
    def histories(self) -> int:
        """How many there are."""

    @property
    def least(self) -> FloatArray:
        """(labels,) no word's energy is below this after any history."""

    @property
    def least_end(self) -> float:
        """No history's energy of ending is below this."""

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """(n,) energy of each word (an index of the machine's labels) after each history, and the history then."""

    def ending(self, history: IntArray) -> FloatArray:
        """(n,) energy of ending after each history."""


@dataclass(frozen=True, eq=False)
class Both:
    """Two rules at once: energies add up; a history is one of each."""

    one: Rules
    other: Rules

    @property
    def first(self) -> int:
        """See Rules."""
        return self.one.first * self.other.histories + self.other.first

    @property
    def histories(self) -> int:
        """See Rules."""
        return self.one.histories * self.other.histories

    @property
    def least(self) -> FloatArray:
        """See Rules."""
        least: FloatArray = self.one.least + self.other.least
        return least

    @property
    def least_end(self) -> float:
        """See Rules."""
        return self.one.least_end + self.other.least_end

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Rules."""
        first, second = np.divmod(history, self.other.histories)
        energy, first = self.one.step(first, word)
        more, second = self.other.step(second, word)
        return energy + more, first * self.other.histories + second

    def ending(self, history: IntArray) -> FloatArray:
        """See Rules."""
        first, second = np.divmod(history, self.other.histories)
        ends: FloatArray = self.one.ending(first) + self.other.ending(second)
        return ends


def all_rules(parts: Sequence[Rules]) -> Rules | None:
    """Rules together; None for none."""
    rules: Rules | None = None
    for part in parts:
        rules = part if rules is None else Both(rules, part)
    return rules


def with_rules(whole: Composition, rules: Rules) -> Composition:
    """The composition, its outputs judged by rules: a node for each pair of a node and a history that is met.

    Provenance is that of the composition; what the rules take is part of the energies of arcs that output, and of final
    nodes.
    """
    graph = whole.graph
    leaving = group_by(graph.src, graph.nodes)
    numbering = Numbering(graph.nodes * rules.histories)
    frontier, fresh = numbering.number(graph.starts * rules.histories + rules.first)
    found = [fresh]
    tails: list[IntArray] = []
    heads: list[IntArray] = []
    arcs: list[IntArray] = []
    energies: list[FloatArray] = []
    first = 0
    while len(fresh):
        node, history = np.divmod(fresh, rules.histories)
        arc, counts = leaving.rows(node)
        tail, after = np.repeat(np.arange(len(node)) + first, counts), np.repeat(history, counts)
        energy = graph.energy[arc].copy()
        spoken = np.flatnonzero(graph.olabel[arc] != EPSILON)
        spent, after[spoken] = rules.step(after[spoken], graph.olabel[arc[spoken]])
        energy[spoken] += spent
        possible = np.isfinite(energy)
        first += len(fresh)
        head, fresh = numbering.number((graph.dst[arc] * rules.histories + after)[possible])
        found.append(fresh)
        tails.append(tail[possible])
        heads.append(head)
        arcs.append(arc[possible])
        energies.append(energy[possible])
    node, history = np.divmod(np.concatenate(found), rules.histories)
    start = np.full(len(node), np.inf)
    start[frontier] = graph.start[graph.starts]
    return _judged(whole, node, start, graph.final[node] + rules.ending(history), tails, heads, arcs, energies)


def _judged(
    whole: Composition,
    node: IntArray,
    start: FloatArray,
    final: FloatArray,
    tails: Sequence[IntArray],
    heads: Sequence[IntArray],
    arcs: Sequence[IntArray],
    energies: Sequence[FloatArray],
) -> Composition:
    """The trimmed composition of these nodes and arcs."""
    none: list[IntArray] = [np.zeros(0, dtype=np.intp)]
    arc = np.concatenate([*none, *arcs])
    graph = Graph(
        np.concatenate([*none, *tails]),
        np.concatenate([*none, *heads]),
        whole.graph.ilabel[arc],
        whole.graph.olabel[arc],
        np.concatenate([np.zeros(0), *energies]),
        start,
        final,
        whole.graph.labels,
    )
    trimmed, nodes, kept = restricted(graph, useful_nodes(graph))
    arc, node = arc[kept], node[nodes]
    return replace(
        whole,
        graph=trimmed,
        left_arc=whole.left_arc[arc],
        right_arc=whole.right_arc[arc],
        left_node=whole.left_node[node],
        right_node=whole.right_node[node],
    )

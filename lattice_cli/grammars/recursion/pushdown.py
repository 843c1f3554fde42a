"""Rules as a pushdown automaton: a state is a node of a rule, and the stack of nodes that calls come back to.

States and stacks are numbered as they turn up. A path through them is a derivation, one each.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.errors import UsageError
from lattice_cli.grammars.recursion.rules import Rules
from lattice_cli.graph import EPSILON, Graph, trimmed

#: States that are written out.
MOST_STATES = 500_000


class PushdownStep(NamedTuple):
    """A move to the state `head`. arc: of the flow of the rules."""

    arc: int
    label: int
    head: int


class Pushdown:
    """The states of some rules. node, stack: of each state; state 0 and so on are the first ones.

    back, below, depth: of each stack, of which 0 is empty: the node to come back to, the stack below, and how often a
    rule has been called within itself.
    """

    def __init__(self, rules: Rules) -> None:
        graph = rules.graph
        self.rules = rules
        self.node: list[int] = []
        self.stack: list[int] = []
        self.back, self.below, self.depth = [-1], [-1], [0]
        self._states: dict[tuple[int, int], int] = {}
        self._stacks: dict[tuple[int, int], int] = {}
        self._steps: dict[int, list[PushdownStep]] = {}
        self._ending = np.isfinite(graph.final).tolist()
        self._leaving: list[list[tuple[int, int, int, int, bool, bool]]] = [[] for _ in self._ending]
        columns = (graph.src, graph.dst, graph.ilabel, rules.call, rules.last, rules.nested)
        for arc, (src, *rest) in enumerate(zip(*(column.tolist() for column in columns))):
            self._leaving[src].append((arc, *rest))
        self.first = [self._state(entry, 0) for entry in rules.entries[0]]

    def _state(self, node: int, stack: int) -> int:
        state = self._states.setdefault((node, stack), len(self.node))
        if state == len(self.node):
            self.node.append(node)
            self.stack.append(stack)
        return state

    def _pushed(self, stack: int, back: int, nested: bool) -> int:
        found = self._stacks.setdefault((stack, back), len(self.back))
        if found == len(self.back):
            self.back.append(back)
            self.below.append(stack)
            self.depth.append(self.depth[stack] + nested)
        return found

    def steps(self, state: int) -> list[PushdownStep]:
        """Every move out of a state."""
        if state not in self._steps:
            node, stack, flow = self.node[state], self.stack[state], self.rules.flow
            found = []
            for arc, head, label, call, last, nested in self._leaving[node]:
                if call < 0:
                    found.append(PushdownStep(flow.arc[arc, head], label, self._state(head, stack)))
                    continue
                above = stack if last else self._pushed(stack, head, nested)
                for entry in self.rules.entries[call]:
                    found.append(PushdownStep(flow.arc[arc, entry], EPSILON, self._state(entry, above)))
            if stack and self._ending[node]:
                head = self.back[stack]
                found.append(PushdownStep(flow.back[node, head], EPSILON, self._state(head, self.below[stack])))
            self._steps[state] = found
        return self._steps[state]

    def graph(
        self, states: Collection[int], taken: Collection[tuple[int, PushdownStep]]
    ) -> tuple[Graph, IntArray, IntArray]:
        """The graph of these states and of the steps between them, each with its tail; (arcs,) and (nodes,) the arc and
        the node of the rules' flow that each is."""
        number = {state: place for place, state in enumerate(states)}
        ordered = sorted((number[state], step) for state, step in taken)
        columns = ((tail, number[step.head], step.label, step.arc) for tail, step in ordered)
        src, dst, label, arc_of = np.array([*columns], dtype=np.intp).reshape(-1, 4).T
        node_of = np.array([self.node[state] for state in states], dtype=np.intp)
        flow, whole = self.rules.flow.graph, np.array([not self.stack[state] for state in states], dtype=bool)
        first = np.isin(np.array([*states], dtype=np.intp), self.first)
        start, final = np.where(first, flow.start[node_of], np.inf), np.where(whole, flow.final[node_of], np.inf)
        return Graph(src, dst, label, label, flow.energy[arc_of], start, final, self.rules.words), arc_of, node_of


def to_depth(rules: Rules, depth: int) -> Graph:
    """The trimmed graph of all derivations in which no rule is called within itself more than `depth` times, calls with
    nothing to be done behind them not counted. A path is a derivation; calls, and the ways back, are silent arcs.

    Raises UsageError for more than 500,000 states.
    """
    pushdown = Pushdown(rules)
    states = dict.fromkeys(pushdown.first)
    waiting, taken = list(states), []
    while waiting:
        state = waiting.pop()
        for step in pushdown.steps(state):
            if pushdown.depth[pushdown.stack[step.head]] > depth:
                continue
            taken.append((state, step))
            if step.head not in states:
                states[step.head] = None
                waiting.append(step.head)
        if len(states) > MOST_STATES:
            raise UsageError(f"written out to depth {depth} there are more than {MOST_STATES:,} states, expected fewer")
    return trimmed(pushdown.graph(states, taken)[0])[0]

"""Strongly connected components: shortest paths through them, and sums over all their walks.

Both are fixed points. The shortest paths are found by relaxation (Bellman 1958, Ford 1956); the sums solve a linear
system whose convergence is certified, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, group_by, run_starts
from lattice_cli.errors import Diverged, NumericOverflow
from lattice_cli.graph import evaluation_order

#: Components up to this size are solved as one dense system; larger ones by eliminating a feedback node set.
_DENSE_NODES = 256
_LARGEST_ELIMINATION = 50_000_000
#: A radius nearer to 1 than the inverse of this cannot be told from 1 in float64.
_MOST_WALKS = 1e12
_ROUNDING = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class Component:
    """All edges that enter the nodes of one strongly connected component, grouped by head.

    head:      (edges,) local node, 0 .. nodes - 1.
    tail:      (edges,) local node, or -1 for an edge that comes from outside.
    energy:    (edges,) energy of the edge; for one from outside, with the total of its tail already added.
    node_of:   (nodes,) index in the graph of each local node, for messages.
    """

    head: IntArray
    tail: IntArray
    energy: FloatArray
    node_of: IntArray

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_of)

    @cached_property
    def inner(self) -> BoolArray:
        """(edges,) true for edges that stay inside."""
        return self.tail >= 0

    @cached_property
    def starts(self) -> IntArray:
        """(nodes,) first edge of each head; every node of a component is entered."""
        return run_starts(self.head)

    def candidates(self, totals: FloatArray) -> FloatArray:
        """(edges,) energy of reaching each edge's head through it, given the totals of the component's nodes."""
        through: FloatArray = self.energy.copy()
        through[self.inner] += totals[self.tail[self.inner]]
        return through


def shortest_in_component(component: Component) -> tuple[FloatArray, IntArray]:
    """(nodes,) least energy of reaching each node, and the edge it is last reached by, (nodes,).

    Only an improvement beyond rounding counts, so a cycle of zero energy is walked no further, and the chosen edges
    lead back out of the component without a loop. Raises Diverged with the nodes of a cycle of negative energy,
    NumericOverflow.
    """
    totals = np.full(component.nodes, np.inf)
    chosen = np.full(component.nodes, -1, dtype=np.intp)
    scale = float(np.abs(component.energy[component.inner]).max())
    rounds, next_check = 0, 16
    while True:
        through = component.candidates(totals)
        best = np.minimum.reduceat(through, component.starts)
        # Not the rounding of a sum, which may be infinite where both are not.
        slack = _ROUNDING * scale + _ROUNDING * np.where(np.isfinite(totals), np.abs(totals), 0.0)
        better = best < totals - slack
        if not better.any():
            _require_finite(totals, chosen, component)
            return totals, chosen
        attains = np.flatnonzero((through == best[component.head]) & better[component.head])
        first = run_starts(component.head[attains])
        chosen[component.head[attains[first]]] = attains[first]
        totals = np.where(better, best, totals)
        rounds += 1
        if rounds == next_check or rounds == component.nodes + 1:
            next_check *= 2
            _require_no_loop(chosen, component)


def _require_no_loop(chosen: IntArray, component: Component) -> None:
    """Raises Diverged where the chosen edges go round."""
    loop = _loop_of(chosen, component.tail)
    if loop:
        raise Diverged(
            "there is no least energy: a cycle of negative energy", component.node_of[np.array(loop)].tolist()
        )


def _require_finite(totals: FloatArray, chosen: IntArray, component: Component) -> None:
    """What overflows improves no more, whether it goes round or not. Raises Diverged, NumericOverflow."""
    if not np.isfinite(totals).all():
        _require_no_loop(chosen, component)
        raise NumericOverflow("energies of a path add up beyond the range of float64")


def _loop_of(chosen: IntArray, tail: IntArray) -> list[int]:
    """Nodes of a loop among the chosen edges in the order they are walked, or an empty list."""
    before = np.where(chosen >= 0, tail[chosen], -1).tolist()
    seen_from = [-1] * len(before)
    for root in range(len(before)):
        node = root
        while node >= 0 and seen_from[node] < 0:
            seen_from[node] = root
            node = before[node]
        if node >= 0 and seen_from[node] == root:
            loop = [node]
            while before[loop[-1]] != node:
                loop.append(before[loop[-1]])
            return loop[::-1]
    return []


class CyclicSystem:
    """(I - A) x = b for the non-negative A[head, tail] = weight of a component.

    The unknowns of a feedback node set (nodes whose removal leaves no cycle) are found from a dense system of their
    own; the others follow by substitution in topological order. A small component is all feedback: plain elimination.
    """

    def __init__(self, nodes: int, tail: IntArray, head: IntArray, weight: FloatArray) -> None:
        self.nodes = nodes
        used = weight > 0
        tail, head, weight = tail[used], head[used], weight[used]
        self._tail, self._head, self._weight = tail, head, weight
        feedback = np.ones(nodes, dtype=bool)
        if nodes > _DENSE_NODES:
            feedback = _feedback_nodes(nodes, tail, head)
        self._feedback = np.flatnonzero(feedback)
        self._others = np.flatnonzero(~feedback)
        if nodes * len(self._feedback) > _LARGEST_ELIMINATION:
            raise Diverged(
                f"a component of {nodes} nodes needs {len(self._feedback)} of them to break its cycles, "
                "more than can be summed exactly",
                [],
            )
        local = np.empty(nodes, dtype=np.intp)
        local[self._feedback] = np.arange(len(self._feedback))
        local[self._others] = np.arange(len(self._others))
        self._parts = {
            (into, out): (local[head[here]], local[tail[here]], weight[here])
            for into in (True, False)
            for out in (True, False)
            for here in [(feedback[head] == into) & (feedback[tail] == out)]
        }

    @cached_property
    def _substitution(self) -> list[tuple[IntArray, IntArray, FloatArray]]:
        """Edges among the other nodes, level by level."""
        head, tail, weight = self._parts[False, False]
        level = evaluation_order(tail, head, np.array([0, len(self._others)])).level[head]
        by_level = group_by(level, int(level.max()) + 1 if len(level) else 0)
        return [
            (head[rows], tail[rows], weight[rows])
            for low, high in zip(by_level.offsets[:-1], by_level.offsets[1:])
            for rows in [by_level.order[low:high]]
        ]

    def _substituted(self, right_hand: FloatArray) -> FloatArray:
        """x with (I - A_oo) x = right_hand for the other nodes, (others, columns)."""
        solution: FloatArray = right_hand.copy()
        for head, tail, weight in self._substitution:
            np.add.at(solution, head, weight[:, None] * solution[tail])
        return solution

    @cached_property
    def _response(self) -> FloatArray:
        """(others, feedback) what one unit at each feedback node brings to the others."""
        matrix = np.zeros((len(self._others), len(self._feedback)))
        head, tail, weight = self._parts[False, True]
        np.add.at(matrix, (head, tail), weight)
        return self._substituted(matrix)

    @cached_property
    def _schur(self) -> FloatArray:
        """(feedback, feedback) I minus all that leads from feedback node to feedback node."""
        matrix = np.eye(len(self._feedback))
        head, tail, weight = self._parts[True, True]
        np.add.at(matrix, (head, tail), -weight)
        head, tail, weight = self._parts[True, False]
        np.add.at(matrix, head, -weight[:, None] * self._response[tail])
        return matrix

    def solve(self, right_hand: FloatArray) -> FloatArray:
        """x = right_hand + A x, (nodes,). Raises numpy's LinAlgError where I - A is singular."""
        others = self._substituted(right_hand[self._others, None])[:, 0]
        feedback = right_hand[self._feedback].astype(np.float64)
        head, tail, weight = self._parts[True, False]
        np.add.at(feedback, head, weight * others[tail])
        solution = np.empty(self.nodes)
        at_feedback = np.linalg.solve(self._schur, feedback) if len(feedback) else feedback
        solution[self._feedback] = at_feedback
        solution[self._others] = others + self._response @ at_feedback
        return solution

    def require_convergence(self, node_of: IntArray) -> None:
        """Certify that the sum over all walks converges, or raise Diverged with the nodes concerned.

        For a non-negative A the spectral radius is below 1 exactly if (I - A) x = 1 has a positive solution; then
        the radius is at most 1 - 1 / max x (Collatz 1942, Wielandt 1950).
        """
        try:
            walks = self.solve(np.ones(self.nodes))
            again = self.solve(walks)
        except np.linalg.LinAlgError:
            walks = again = np.full(self.nodes, np.nan)
        if not (np.isfinite(walks).all() and (walks >= 1 - 1e-9).all() and (again / walks).max() < _MOST_WALKS):
            raise Diverged(
                "the sum over paths diverges: going round these nodes multiplies the weight of a path by "
                f"{self._radius():.6g}, and it has to be below 1",
                node_of.tolist(),
            )

    def _radius(self) -> float:
        """Estimate of the spectral radius by power iteration on I + A, which also settles on periodic cycles."""
        vector = np.ones(self.nodes)
        growth = 1.0
        for _ in range(1000):
            after = vector.copy()
            np.add.at(after, self._head, self._weight * vector[self._tail])
            growth = float(after.max() / vector.max())
            vector = after / after.max()
        return growth - 1.0


def _feedback_nodes(nodes: int, tail: IntArray, head: IntArray) -> BoolArray:
    """(nodes,) the heads of the back edges of a depth-first search: removing them leaves no cycle."""
    leaving = group_by(tail, nodes)
    offsets, heads = leaving.offsets.tolist(), head[leaving.order].tolist()
    feedback = np.zeros(nodes, dtype=bool)
    state = [0] * nodes  # 0 new, 1 on the way, 2 done
    for root in range(nodes):
        if state[root]:
            continue
        state[root] = 1
        way = [(root, offsets[root])]
        while way:
            node, edge = way.pop()
            if edge == offsets[node + 1]:
                state[node] = 2
                continue
            way.append((node, edge + 1))
            if state[heads[edge]] == 0:
                state[heads[edge]] = 1
                way.append((heads[edge], offsets[heads[edge]]))
            elif state[heads[edge]] == 1:
                feedback[heads[edge]] = True
    return feedback

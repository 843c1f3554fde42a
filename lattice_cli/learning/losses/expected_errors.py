"""Expected edit distance: minimum word error (MWER) and minimum Bayes risk training.

    loss = sum over paths of p(path) * distance(answer of the path, target), p(path) = exp(-beta (E - F))

(Povey and Woodland 2002; Kaiser, Horvat, Kacic 2000; Shannon 2017, "Optimizing expected word error rate via sampling".)
The graph is composed with the edit automaton of the target, in which a path is one path still and its distance a sum
over its arcs, so that loss and gradient are exact sums over all paths:

    d loss / d energy of an arc = beta (E[distance] E[count] - E[distance count])

Where that composition would have more than MOST_ARCS arcs (of an example to learn from, MOST_OF_EXAMPLE), the paths are
those of the n best answers (by best path): p is then theirs alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, require_memory
from lattice_cli.composition import Composition, compose
from lattice_cli.emissions import ARC_BYTES
from lattice_cli.errors import counted
from lattice_cli.grammars import EditAutomaton, TooManyArcs, judged
from lattice_cli.graph import Graph, Target, Targets, columns_of, member, target_acceptor, union, with_columns
from lattice_cli.learning.losses.path_sets import BuiltPathSet, Pull
from lattice_cli.search import Answer, answers
from lattice_cli.sweep import TROPICAL, LogSemiring, Schedule, Semiring, count_covariance, schedule_of

#: A graph is composed with the edit automaton up to this many arcs, else its best answers are.
MOST_ARCS = 2_000_000
#: The same where many are kept, and swept again and again.
MOST_OF_EXAMPLE = 100_000


@dataclass(frozen=True, eq=False)
class ErrorPaths:
    """Paths of a graph with the distance of each to the nearest right answer.

    graph: has one path for each. arc, node: those of the graph that they are from. errors: (arcs,) what each adds to
    the distance; empty: that of the empty answer, which the sums begin with. listed: how many answers they are of,
    None for all.
    """

    graph: Graph
    arc: IntArray
    node: IntArray
    errors: FloatArray
    empty: float
    listed: int | None = None


def error_paths(graph: Graph, right: Graph, most: int | None) -> ErrorPaths | None:
    """All paths of a graph, which is no union; None where they would have more than `most` arcs. right: the acceptor of
    the right answers. Raises GraphError where that has cycles."""
    automaton = EditAutomaton(right, graph.labels)
    try:
        found, _ = judged(graph, automaton, most)
    except TooManyArcs:
        return None
    errors = np.append(found.right.energy, 0.0)[found.right_arc]
    own = found.graph.with_energy(graph.energy[found.left_arc])
    return ErrorPaths(own, found.left_arc, found.left_node, errors, automaton.empty)


def error_paths_within(spelled: Composition, right: Graph, listed: int) -> ErrorPaths:
    """The paths of some answers. spelled: their graph composed with these answers."""
    found = error_paths(spelled.graph, right, None)
    assert found is not None
    arc, node = spelled.left_arc[found.arc], spelled.left_node[found.node]
    return ErrorPaths(found.graph, arc, node, found.errors, found.empty, listed)


def nearest_error_paths(graph: Graph, right: Graph, count: int) -> ErrorPaths:
    """All paths of a graph where they are few, else those of the best answers, up to `count`."""
    return error_paths(graph, right, MOST_ARCS) or _of_best(graph, right, count)


def best_targets(graph: Graph, count: int, below: float = np.inf) -> list[Target] | None:
    """The best different answers, by the best path of each, up to `count`; None where there are not so many up to an
    energy, `below`, that is finite."""
    found = [each for each in islice(answers(graph, TROPICAL), count) if isinstance(each, Answer)]
    if below < np.inf and (len(found) < count or found[-1].energy > below):
        return None
    return [tuple(graph.words(each.output)) for each in found]


def _of_best(graph: Graph, right: Graph, count: int) -> ErrorPaths:
    best = best_targets(graph, count) or []
    return error_paths_within(compose(graph, target_acceptor(best, graph.labels)), right, len(best))


@dataclass(frozen=True, eq=False)
class _Joined:
    """Error paths of several graphs as one union. column: (columns,) that of the union they are from, -1 for none.
    errors: (columns,); empty: (graphs,)."""

    graph: Graph
    column: IntArray
    errors: FloatArray
    empty: FloatArray

    @staticmethod
    def of(whole: Graph, found: Sequence[ErrorPaths]) -> _Joined:
        none = np.zeros(0, dtype=np.intp)
        graph = union([each.graph for each in found])
        arc = np.concatenate([none, *(each.arc + first for each, first in zip(found, whole.arc_offsets.tolist()))])
        node = np.concatenate([none, *(each.node + first for each, first in zip(found, whole.node_offsets.tolist()))])
        start = np.where(np.isfinite(graph.start), whole.arcs + node, -1)
        final = np.where(np.isfinite(graph.final), whole.arcs + whole.nodes + node, -1)
        errors = np.concatenate([*(each.errors for each in found), np.zeros(2 * graph.nodes)])
        column = np.concatenate([arc, start, final]).astype(np.intp)
        return _Joined(graph, column, errors, np.array([each.empty for each in found]))

    @cached_property
    def schedules(self) -> tuple[Schedule, Schedule]:
        """The orders of evaluation from the start and from the end, which energies do not change."""
        return schedule_of(self.graph), schedule_of(self.graph.reversed())

    def solve(self, whole: Graph, beta: float) -> tuple[FloatArray, FloatArray, IntArray]:
        """(graphs,) expected errors, and (columns,) their derivatives by the energies of the union, with the graph
        of each."""
        graph = with_columns(self.graph, np.append(columns_of(whole), np.inf)[self.column])
        arcs, nodes = graph.arcs, graph.nodes
        quantity = self.errors[:arcs], self.errors[arcs : arcs + nodes], self.errors[arcs + nodes :]
        found = count_covariance(graph, beta, quantity, *self.schedules)
        of_node = graph.graph_of_node
        of_column: IntArray = np.concatenate([of_node[graph.src], of_node, of_node])
        return found.mean + self.empty, -beta * found.covariance, of_column


@dataclass(frozen=True, eq=False)
class ErrorPathSet:
    """The expected errors of a batch of records. space: all paths; right: the acceptor of each record's right answers;
    count: answers that are listed where a graph is too large for all."""

    space: BuiltPathSet
    right: Sequence[Graph]
    count: int

    @property
    def empty(self) -> list[int]:
        """Records without a path."""
        return self.space.empty

    @cached_property
    def _all(self) -> list[ErrorPaths | None]:
        graph, arcs = self.space.graph, 0
        found: list[ErrorPaths | None] = []
        for number, right in enumerate(self.right):
            paths = error_paths(member(graph, number), right, MOST_OF_EXAMPLE)
            found.append(paths)
            arcs += 0 if paths is None else paths.graph.arcs
            require_memory(
                ARC_BYTES * arcs, f"the errors of {counted(len(self.right), 'record')}, {arcs:,} arcs so far,"
            )
        return found

    @property
    def listed(self) -> list[int]:
        """Records of which the best answers stand for all."""
        return [number for number, each in enumerate(self._all) if each is None]

    @cached_property
    def _joined(self) -> _Joined:
        return _Joined.of(self.space.graph, [each for each in self._all if each is not None])

    def _joined_at(self, whole: Graph) -> _Joined:
        """Where the best answers hang on the energies."""
        found = [
            each or _of_best(member(whole, number), self.right[number], self.count)
            for number, each in enumerate(self._all)
        ]
        return _Joined.of(whole, found)

    def solve(self, left: FloatArray, right: FloatArray, semiring: Semiring) -> tuple[FloatArray, Pull]:
        """(records,) expected errors, and the way back; see PathSet."""
        assert isinstance(semiring, LogSemiring), "an expectation is a sum"
        whole = self.space.at(left, right)
        joined = self._joined_at(whole) if self.listed else self._joined
        values, gradient, of_column = joined.solve(whole, semiring.beta)

        def pull(seed: FloatArray) -> tuple[FloatArray, FloatArray]:
            by_column = np.bincount(joined.column + 1, gradient * seed[of_column], len(self.space.fixed) + 1)[1:]
            return self.space.scattered(by_column.astype(np.float64), len(left), len(right))

        return values, pull


def right_answers(targets: Targets) -> Graph:
    """The acceptor of right answers, whose distances have nothing to do with its energies."""
    return target_acceptor(targets, ("",))

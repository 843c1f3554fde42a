"""A loss over a batch of examples and its derivatives by the recogniser's and the grammar's energies.

The loss contrasts the paths that spell the correct answer with all paths (nll, mee) or with those of the incorrect
answers: the check reader's two compositions (LeCun, Bottou, Bengio, Haffner 1998, section VI). Graphs are made when a
loss first asks for them; every step of training only changes their energies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.graph import TargetGraph, member
from lattice_cli.learning.losses.answer_graphs import AnswerPaths
from lattice_cli.learning.losses.contrasts import offending_answers
from lattice_cli.learning.losses.expected_errors import ErrorPathSet, right_answers
from lattice_cli.learning.losses.losses import LOSSES, Loss, Settings
from lattice_cli.learning.losses.path_sets import AllPaths, BuiltPathSet, PathSet, Pull, SpelledPaths
from lattice_cli.learning.recognizers import Example
from lattice_cli.sweep import TROPICAL, LogSemiring


@dataclass(frozen=True)
class Objective:
    """What is minimised for each record: a loss. latent: how an answer's energy is taken over its paths.

    budget: prefixes to open in the search for the most offending answer by free energy. nbest: answers that expected
    errors are taken over where a graph is too large for all.
    """

    loss: Loss = LOSSES["nll"]
    settings: Settings = field(default_factory=Settings)
    latent: str = ""
    budget: int = 1000
    nbest: int = 100

    @property
    def taken(self) -> str:
        """viterbi or forward."""
        return self.latent or self.loss.latent


@dataclass(frozen=True, eq=False)
class Outcome:
    """values: (examples,) the loss of each, times what it weighs. pull: the derivatives of their sum by the energies of
    both sides, taken when they are asked for. searches: for a most offending answer by free energy; unproven: how many
    of them the budget ended. listed: examples whose expected errors are those of their best answers."""

    values: FloatArray
    pull: Callable[[], tuple[FloatArray, FloatArray]]
    searches: int = 0
    unproven: int = 0
    listed: Sequence[int] = ()

    @cached_property
    def sides(self) -> tuple[FloatArray, FloatArray]:
        """The derivatives by the recogniser's and by the grammar's energies."""
        return self.pull()

    @property
    def left(self) -> FloatArray:
        """Those by the recogniser's."""
        return self.sides[0]

    @property
    def right(self) -> FloatArray:
        """Those by the grammar's."""
        return self.sides[1]


class Batch:
    """Examples that are swept together, and the graphs that their loss is made of."""

    def __init__(self, examples: Sequence[Example], reading: AnswerPaths, objective: Objective) -> None:
        self.examples, self.reading, self.objective = examples, reading, objective

    @cached_property
    def correct(self) -> SpelledPaths:
        """The paths of the correct answers."""
        return self.reading.correct(self.examples)

    @cached_property
    def everything(self) -> AllPaths:
        """All paths."""
        return self.reading.everything(self.examples)

    @cached_property
    def _wrong(self) -> BuiltPathSet:
        return self.reading.wrong(self.examples)

    @cached_property
    def _best_wrong(self) -> PathSet:
        return self.reading.best_wrong(self.examples)

    @cached_property
    def _errors(self) -> ErrorPathSet:
        right = [right_answers(example.targets) for example in self.examples]
        return ErrorPathSet(self.reading.built(self.examples), right, self.objective.nbest)

    @cached_property
    def _weighted(self) -> bool:
        """Whether right answers have energies of their own."""
        every = [example.targets for example in self.examples]
        return any(isinstance(targets, TargetGraph) and targets.weighted for targets in every)

    @property
    def unspelled(self) -> list[int]:
        """Examples whose target is on no path; for expected errors, which need no such path, those without any."""
        return self._errors.empty if self.objective.loss.counts_errors else self.correct.empty

    def evaluate(self, left: FloatArray, right: FloatArray) -> Outcome:
        """The loss of each example at these energies, times what it weighs, and its derivatives.

        left: (arcs of all examples,) the recogniser's energies; right: (columns,) the grammar's. Raises Diverged,
        NumericOverflow.
        """
        objective = self.objective
        soft = LogSemiring(objective.settings.beta)
        weights = np.array([example.weight for example in self.examples])
        if objective.loss.counts_errors:
            values, of_errors = self._errors.solve(left, right, soft)
            return Outcome(weights * values, partial(of_errors, weights), listed=self._errors.listed)
        how = soft if objective.taken == "forward" else TROPICAL
        correct, pull = self.correct.solve(left, right, how)
        other: FloatArray = np.full(len(correct), np.inf)
        pull_other: Pull | None = None
        searches = unproven = 0
        loss = objective.loss
        # All answers are easier to have than the incorrect ones, and the same if the right ones cost no more there.
        if loss.soft or (loss.over_all and objective.taken == "viterbi" and not self._weighted):
            other, pull_other = self.everything.solve(left, right, soft if loss.soft else TROPICAL)
        elif loss.contrasts and objective.taken == "forward":
            other, pull_other, searches, unproven = self._offending(self._wrong, left, right, soft)
        elif loss.contrasts:
            other, pull_other = self._best_wrong.solve(left, right, how)
        values, by_correct, by_other = objective.loss.many(correct, other, objective.settings)

        def derivatives() -> tuple[FloatArray, FloatArray]:
            by_left, by_right = pull(weights * by_correct)
            if pull_other is None:
                return by_left, by_right
            more_left, more_right = pull_other(weights * by_other)
            return by_left + more_left, by_right + more_right

        return Outcome(weights * values, derivatives, searches, unproven)

    def _offending(
        self, space: BuiltPathSet, left: FloatArray, right: FloatArray, soft: LogSemiring
    ) -> tuple[FloatArray, Pull, int, int]:
        """The free energy of the most offending answer of each example and the way back; how many were searched for,
        and how many of them are not proven."""
        whole = space.at(left, right)
        graphs = (member(whole, number) for number in range(whole.graphs))
        every = offending_answers(whole, graphs, soft, self.objective.budget)
        found = [(number, each) for number, each in enumerate(every) if each is not None]
        totals = np.array([np.inf if each is None else each.energy for each in every])

        def pull(seed: FloatArray) -> tuple[FloatArray, FloatArray]:
            arcs, nodes = whole.arcs, whole.nodes
            gradient = np.zeros(arcs + 2 * nodes)
            for number, each in found:
                own = each.swept.pullback()
                arc, node = int(whole.arc_offsets[number]), int(whole.node_offsets[number])
                np.add.at(gradient, each.spelled.left_arc + arc, seed[number] * own.arcs)
                np.add.at(gradient, each.spelled.left_node + arcs + node, seed[number] * own.start)
                np.add.at(gradient, each.spelled.left_node + arcs + nodes + node, seed[number] * own.final)
            return space.scattered(gradient, len(left), len(right))

        return totals, pull, len(found), sum(each.bound is not None for _, each in found)

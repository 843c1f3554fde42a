"""A loss over a batch of examples and its derivatives by the recogniser's and the grammar's energies.

The loss contrasts the paths that spell the correct answer with all paths (nll, mee) or with those of the incorrect
answers: the check reader's two compositions (LeCun, Bottou, Bengio, Haffner 1998, section VI). All graphs are made
once; every step of training only changes their energies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lattice_cli.arrays.types import FloatArray, IntArray
from lattice_cli.composition.composition import Composition, compose
from lattice_cli.graph.construct import linear_graph
from lattice_cli.graph.graph import EPSILON, Graph
from lattice_cli.graph.unions import member
from lattice_cli.learning.losses.answer_graphs import AnswerGraphs
from lattice_cli.learning.losses.loss_energies import default_latent
from lattice_cli.learning.losses.losses import LOSSES, TIE, Energies, Loss, Settings, Value
from lattice_cli.learning.losses.path_sets import BuiltPathSet, PathSet, Pull
from lattice_cli.learning.recognizers.examples import Example
from lattice_cli.search.best_path import best_paths
from lattice_cli.search.distinct_answers import Answer, answers
from lattice_cli.sweep.forward_backward import Sweep, sweep
from lattice_cli.sweep.semiring import TROPICAL, LogSemiring, Semiring


@dataclass(frozen=True)
class Objective:
    """What is minimised for each record: one of the ten losses. latent: how an answer's energy is taken over its paths.

    budget: prefixes to open in the search for the most offending answer by free energy.
    """

    loss: Loss = LOSSES["nll"]
    settings: Settings = field(default_factory=Settings)
    latent: str = ""
    budget: int = 1000

    @property
    def taken(self) -> str:
        """viterbi or forward."""
        return self.latent or default_latent(self.loss)


@dataclass(frozen=True, eq=False)
class Outcome:
    """values: (examples,) the loss of each. left, right: derivatives of their sum by the energies of both sides."""

    values: FloatArray
    left: FloatArray
    right: FloatArray


class Batch:
    """Examples that are swept together, and the graphs that their loss is made of."""

    def __init__(self, examples: Sequence[Example], reading: AnswerGraphs, objective: Objective) -> None:
        self.examples, self.reading, self.objective = examples, reading, objective
        self.correct = reading.correct(examples)
        loss = objective.loss
        self.contrast: PathSet | None = None
        #: E_C - min over all answers is all that the perceptron asks for, and all answers are easier to have.
        self._over_all = loss.soft or (loss.name == "perceptron" and objective.taken == "viterbi")
        if self._over_all:
            self.contrast = reading.everything(examples)
        elif loss.contrasts:
            self.contrast = reading.wrong(examples)

    @property
    def unspelled(self) -> list[int]:
        """Examples whose target is on no path."""
        return [int(number) for number in np.flatnonzero(np.diff(self.correct.graph.node_offsets) == 0)]

    def evaluate(self, left: FloatArray, right: FloatArray) -> Outcome:
        """The loss of each example at these energies, and its derivatives.

        left: (arcs of all examples,) the recogniser's energies; right: (columns,) the grammar's. Raises Diverged,
        NumericOverflow.
        """
        objective = self.objective
        soft = LogSemiring(objective.settings.beta)
        how = soft if objective.taken == "forward" else TROPICAL
        correct, pull = self.correct.solve(left, right, how)
        other: FloatArray = np.full(len(correct), np.inf)
        pull_other: Pull | None = None
        if self.contrast is not None and self._over_all:
            other, pull_other = self.contrast.solve(left, right, soft if objective.loss.soft else TROPICAL)
        elif isinstance(self.contrast, BuiltPathSet):
            solve = self._least_free if objective.taken == "forward" else self.contrast.solve
            other, pull_other = solve(left, right, how)
        values, by_correct, by_other = self._values(correct, other)
        by_left, by_right = pull(by_correct)
        if pull_other is not None:
            more_left, more_right = pull_other(by_other)
            by_left, by_right = by_left + more_left, by_right + more_right
        return Outcome(values, by_left, by_right)

    def _values(self, correct: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(examples,) losses, and their derivatives by the energies of the correct and of the other answers."""
        loss = self.objective.loss
        if loss.columns is not None:
            return loss.columns(correct, other, self.objective.settings)
        values = [self._value(*energies) for energies in zip(correct.tolist(), other.tolist())]
        slopes = [value.by_all if loss.soft else value.by_offending for value in values]
        return (
            np.array([value.value for value in values]),
            np.array([value.by_correct for value in values]),
            np.array(slopes),
        )

    def _value(self, correct: float, other: float) -> Value:
        loss = self.objective.loss
        energies = Energies(correct, all=other) if loss.soft else Energies(correct, other)
        value = loss.function(energies, self.objective.settings)
        if value.kink == TIE:
            # Of the derivatives on both sides the one that learns: from weights of 0 nothing else would ever leave.
            return replace(value, by_correct=1.0, by_offending=-1.0)
        return value

    def _least_free(self, left: FloatArray, right: FloatArray, how: object) -> tuple[FloatArray, Pull]:
        """The incorrect answer of least free energy of each example, one by one."""
        space = self.contrast
        assert isinstance(space, BuiltPathSet)
        whole = space.at(left, right)
        soft = LogSemiring(self.objective.settings.beta)
        found = []
        totals = np.full(whole.graphs, np.inf)
        for number, best in enumerate(best_paths(whole)):
            if best is None:
                continue
            graph = member(whole, number)
            outputs = graph.olabel[list(best.arcs)]
            spelled, swept = _least_free_answer(graph, outputs[outputs != EPSILON], soft, self.objective.budget)
            totals[number] = swept.totals[0]
            found.append((number, spelled, swept.pullback()))

        def pull(seed: FloatArray) -> tuple[FloatArray, FloatArray]:
            arcs, nodes = whole.arcs, whole.nodes
            gradient = np.zeros(arcs + 2 * nodes)
            for number, spelled, own in found:
                arc, node = int(whole.arc_offsets[number]), int(whole.node_offsets[number])
                np.add.at(gradient, spelled.left_arc + arc, seed[number] * own.arcs)
                np.add.at(gradient, spelled.left_node + arcs + node, seed[number] * own.start)
                np.add.at(gradient, spelled.left_node + arcs + nodes + node, seed[number] * own.final)
            return space.scattered(gradient, len(left), len(right))

        return totals, pull


def _least_free_answer(graph: Graph, best: IntArray, soft: Semiring, budget: int) -> tuple[Composition, Sweep]:
    """The paths of the answer of least free energy, swept; `best`: that of the best path, for want of a proof."""
    found = next(answers(graph, soft, budget))
    outputs = [tuple(best.tolist())]
    if isinstance(found, Answer):
        outputs = [found.output]
    elif found.best is not None:
        outputs.append(found.best.output)
    spelled = [compose(graph, linear_graph(graph.labels, output)) for output in outputs]
    swept = [(each, sweep(each.graph, soft)) for each in spelled]
    return min(swept, key=lambda pair: float(pair[1].totals[0]))

"""The objective of training as a function of one vector of weights, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from lattice_cli.arrays import FloatArray, Kept, memory_there
from lattice_cli.errors import (
    Diverged,
    FormatError,
    LatticeError,
    NotConverged,
    NumericOverflow,
    TrainingFailed,
    UsageError,
    counted,
)
from lattice_cli.graph import Document, Inputs, StepTargets, TargetGraph, steps_of, told
from lattice_cli.learning.grammars import PullColumns
from lattice_cli.learning.losses import LOSSES, Batch, Objective, Outcome, Settings
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import (
    Example,
    PullEnergies,
    StripRecognizer,
    at_steps,
    augmented,
    first_arcs,
)
from lattice_cli.learning.training.config import VARIATIONAL, TrainConfig
from lattice_cli.learning.training.model import Model
from lattice_cli.learning.training.variational_em import (
    PROPOSAL,
    ArcProposal,
    BoundOutcome,
    NetworkProposal,
    Proposal,
    evaluate_bound,
)
from lattice_cli.records import acceptors_of, targets_of
from lattice_cli.search import oracle

#: The part of the memory that what is made of batches may fill.
_PART = 4


def objective_of(config: TrainConfig) -> Objective:
    """The loss that a configuration asks for."""
    told = config.objective
    loss = "nll" if told.loss == VARIATIONAL else told.loss  # what is bounded
    settings = Settings(told.margin, told.cap, told.gamma, told.beta)
    return Objective(LOSSES[loss], settings, told.latent, nbest=told.nbest)


def examples_of(model: Model, records: Sequence[Inputs | Document]) -> list[Example]:
    """Records as the model takes them, with their targets read. Raises FormatError for one that does not fit."""
    outputs = ("", *model.reading.said)
    found = []
    for record in records:
        if record.target is None:
            raise FormatError(f"{record.source}: record {record.id!r} has no target, expected one to learn from")
        example = model.recognizer.example(record)
        costs, steps = len(model.config.recognizer.ode.costs), steps_of(record.target)
        if isinstance(record.target, StepTargets) and len(steps) != costs:
            expected = f"as many as the recogniser has, {costs}"
            if model.config.recognizer.ode.cost != "every":
                expected = "one target: the recogniser has one cost (recognizer.ode.cost: every has one at each step)"
            found_steps = f"has targets for {counted(len(steps), 'step')}"
            raise FormatError(f"{record.source}: record {record.id!r} {found_steps}, expected {expected}")
        by_step = [targets_of(step, outputs) for step in steps]
        for targets in by_step if model.config.objective.unspelled == "error" else ():
            for target in (targets.labels,) if isinstance(targets, TargetGraph) else targets:
                unknown = [label for label in target if label not in outputs]
                if unknown:
                    named = told(targets if isinstance(targets, TargetGraph) else [target])
                    raise FormatError(
                        f"{record.source}: record {record.id!r}: label {unknown[0]!r} of the target {named} "
                        "is not among those that the model knows"
                    )
        found.append(replace(example, targets=by_step[-1], by_step=tuple(by_step) if len(by_step) > 1 else ()))
    return found


@dataclass(frozen=True)
class ObjectiveValue:
    """The objective of some examples. mean: of the loss, without the penalty. gradient: with it. exact: mean of the log
    loss that a variational objective bounds, None for other ones. variances: of a gradient by samples, the mean over
    examples of the variance from one path by the energies of q, without and with the control variate."""

    objective: float
    mean: float
    gradient: FloatArray
    exact: float | None = None
    variances: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Piece:
    """Examples that are swept together, and their place among all such pieces."""

    examples: Sequence[Example]
    number: int = 0


@dataclass(frozen=True, eq=False)
class PreparedBatch:
    """The graphs of a piece, at every step that has a cost, and its inputs ready."""

    batch: Batch
    stacked: object


class Problem:
    """A model and the examples it learns from."""

    def __init__(self, model: Model, examples: Sequence[Example], size: int) -> None:
        """size: examples to a batch. Raises FormatError for a target that its graph cannot spell."""
        self.model, self.config = model, model.config
        self._layout = model.initial(np.random.default_rng(0))
        self.left_out = self.replaced = 0
        #: Searches for a most offending answer by free energy so far, and those that the budget ended.
        self.searches = self.unproven = 0
        #: Examples whose expected errors are those of their best answers.
        self.listed: set[tuple[int, int]] = set()
        self.objective = objective_of(model.config)
        #: What the loss at each step that has one is multiplied by.
        self.costs = model.config.recognizer.ode.costs
        #: What is made of pieces, as far as it fits; examples and grammar are there anyway.
        self.kept = Kept([model.reading, model.graph, *examples], memory_there() // _PART)
        self.pieces: list[Piece] = []
        for low in range(0, len(examples), size):
            self._add(examples[low : low + size])
        self.proposal = self._proposal()
        self._layout = self.initial(np.random.default_rng(0))
        self.count = sum(len(piece.examples) for piece in self.pieces)
        if self.config.data.augment.given:
            _ = self._image_shape  # what is wrong is said before anything is learned

    def _proposal(self) -> Proposal | None:
        """Where q comes from, for a variational objective."""
        if self.config.objective.loss != VARIATIONAL:
            return None
        if self.config.objective.q == "arcs":
            return ArcProposal.of([piece.examples for piece in self.pieces], self.model.reading.classes)
        module = self.model.recognizer.module
        if module is not None and module.buffers():
            raise UsageError(
                "objective.q: network is a second recogniser of the same kind, but the module keeps something beside "
                f"its weights ({next(iter(module.buffers()))}), which would be both's: expected q: arcs, or a module "
                "without"
            )
        return NetworkProposal(self.model.recognizer)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from: the model's, and behind them those of q, if there is one."""
        own = self.model.initial(rng)
        return own if self.proposal is None else {**own, **self.proposal.initial(rng)}

    @cached_property
    def of_model(self) -> int:
        """How many of the weights, the first ones, are the model's; the others are those of q."""
        return sum(array.size for name, array in self._layout.items() if not name.startswith(PROPOSAL))

    def _add(self, examples: Sequence[Example]) -> None:
        """A piece more, without what cannot be spelled if that is to be left out."""
        number = len(self.pieces)
        with _in_memory(len(examples)), self.kept.lent(number, partial(self._prepared, examples)) as prepared:
            unspelled, steps = prepared.batch.unspelled, prepared.batch.examples
        if not unspelled:
            self.pieces.append(Piece(examples, number))
            return
        self.kept.forget(number)
        spelled = self._spelled(examples, steps, unspelled)
        if spelled:
            self.pieces.append(Piece(spelled, number))

    def _prepared(self, examples: Sequence[Example]) -> PreparedBatch:
        batch = Batch(at_steps(examples, self.costs), self.model.reading, self.objective)
        return PreparedBatch(batch, self.model.recognizer.stacked(examples))

    def _spelled(
        self, examples: Sequence[Example], steps: Sequence[Example], unspelled: Sequence[int]
    ) -> list[Example]:
        """The examples with what the configuration wants in place of those that cannot be spelled. steps: what they are
        at every step, see `at_steps`; unspelled: numbers of these."""
        policy = self.config.objective.unspelled
        if policy == "error":
            example = steps[unspelled[0]]
            why = self.model.reading.why_not_spelled(example)
            raise FormatError(f"{example.source}: record {example.id!r}: {why}")
        nearest = {number: self._nearest(steps[number]) for number in unspelled if policy == "nearest"}
        kept = [nearest.get(number, None if number in unspelled else each) for number, each in enumerate(steps)]
        found = []
        for number, example in enumerate(examples):
            own = range(number, len(steps), len(examples))
            by_step = tuple(each.targets for each in (kept[step] for step in own) if each is not None)
            if len(by_step) == len(own):
                found.append(replace(example, targets=by_step[-1], by_step=by_step))
                self.replaced += any(step in nearest for step in own)
        self.left_out += len(examples) - len(found)
        return found

    def _nearest(self, example: Example) -> Example | None:
        """The example with the answer in its graph that is nearest to a target; ties go to the least energy."""
        model = self.model
        graph = model.energies(example, self._layout)
        whole = model.reading.composed(graph, model.right_energies(self._layout)[0])
        near = [each for right in acceptors_of(example.targets) if (each := oracle(whole, right)) is not None]
        if not near:
            return None
        found = min(near, key=lambda each: (each.errors, each.path.energy))
        output = whole.olabel[list(found.path.arcs)]
        return replace(example, targets=(tuple(whole.words(output.tolist())),))

    def flat(self, parameters: Parameters) -> FloatArray:
        """All weights as one vector."""
        return np.concatenate([parameters[name].reshape(-1) for name in self._layout])

    def parameters(self, theta: FloatArray) -> Parameters:
        """The vector as weights by name."""
        found, first = {}, 0
        for name, like in self._layout.items():
            found[name] = theta[first : first + like.size].reshape(like.shape)
            first += like.size
        return found

    def value(
        self, theta: FloatArray, pieces: Sequence[Piece], rng: np.random.Generator | None = None
    ) -> ObjectiveValue:
        """Mean loss of these batches plus the penalty, with its gradient.

        rng: draws the paths of q that the configuration wants the gradient to be estimated from, and what a module
        draws while it learns; None: the gradient is exact, and the module as it is where it decodes.
        Raises TrainingFailed, naming the record, where an energy, a loss or a derivative is not finite.
        """
        parameters = self.parameters(theta)
        right = self.model.right_energies(parameters)
        count = sum(len(piece.examples) for piece in pieces)
        mean, exact, gradient = 0.0, 0.0, np.zeros(len(theta))
        variances = np.zeros(2)
        module = self.model.recognizer.module
        with nullcontext() if module is None or rng is None else module.learning(rng):
            for piece in pieces:
                with (
                    _in_memory(len(piece.examples)),
                    self.kept.lent(piece.number, partial(self._prepared, piece.examples)) as prepared,
                ):
                    found, logs, by_weights, spread = self._of_piece(piece, prepared, parameters, right, count, rng)
                mean += found
                exact += logs
                gradient += by_weights
                variances += spread
        with np.errstate(over="ignore"):
            gradient[: self.of_model] += self.config.objective.l2 * theta[: self.of_model]
            objective = mean + self.penalty(theta)
        if not np.isfinite(objective):
            raise TrainingFailed(f"the squares of the weights add up to {objective}")
        bounded = None if self.proposal is None else exact
        plain, controlled = variances.tolist()
        sampled = self.config.objective.samples and rng is not None
        return ObjectiveValue(objective, mean, gradient, bounded, (plain, controlled) if sampled else None)

    def penalty(self, theta: FloatArray) -> float:
        """l2 / 2 times the sum of the squares of the model's weights; q may be what it likes."""
        l2, own = self.config.objective.l2, theta[: self.of_model]
        return 0.5 * l2 * float(own @ own) if l2 else 0.0

    def _of_piece(
        self,
        piece: Piece,
        prepared: PreparedBatch,
        parameters: Parameters,
        grammar: tuple[FloatArray, PullColumns],
        count: int,
        rng: np.random.Generator | None,
    ) -> tuple[float, float, FloatArray, FloatArray]:
        """Sum of the losses of a batch divided by count, the same of the log losses that are bounded, the gradient of
        the first, and two variances of that, where it is estimated, divided by count."""
        model, steps = self.model, prepared.batch.examples
        right, pull_right = grammar
        with np.errstate(all="ignore"):
            stacked = prepared.stacked if rng is None else self._changed(piece, rng, prepared.stacked)
            left, pull = self._left(piece, steps, stacked, parameters)
            if not np.isfinite(right[np.isfinite(model.reading_columns)]).all():
                raise TrainingFailed("an energy of the grammar is no longer a finite number")
            by_name: Parameters = {}
            try:
                outcome: Outcome | BoundOutcome
                if self.proposal is None:
                    outcome = prepared.batch.evaluate(left, right)
                    self.searches += outcome.searches
                    self.unproven += outcome.unproven
                    self.listed.update((piece.number, number % len(piece.examples)) for number in outcome.listed)
                    by_left, by_right = outcome.sides
                else:
                    q, pull_q = self.proposal.energies(parameters, piece.number, stacked)
                    self._require_finite(steps, q)
                    outcome = evaluate_bound(prepared.batch, left, right, q, self.config.objective.samples, rng)
                    by_name |= pull_q(outcome.proposal / count)
                    by_left, by_right = outcome.left, outcome.right
            except (Diverged, NumericOverflow) as error:
                raise TrainingFailed(self._culprit(steps, left, right, error)) from None
            bad = np.flatnonzero(~np.isfinite(outcome.values))
            if len(bad):
                raise TrainingFailed(f"{_named(steps[bad[0]])}: the loss is {outcome.values[bad[0]]}")
            by_name |= pull(by_left / count)
            by_name |= pull_right(by_right / count)
            gradient = np.concatenate([by_name[name].reshape(-1) for name in self._layout])
        if not np.isfinite(gradient).all():
            raise TrainingFailed(f"{_named(piece.examples[0])} or one beside it: the gradient is not finite")
        spread: FloatArray = np.zeros(2)
        logs = outcome.values
        if isinstance(outcome, BoundOutcome):
            logs = outcome.exact
            spread = np.array(outcome.variances or (0.0, 0.0)) / count
        return float((outcome.values / count).sum()), float((logs / count).sum()), gradient, spread

    def _changed(self, piece: Piece, rng: np.random.Generator, stacked: object) -> object:
        """The inputs of a batch as this step sees them, where images are changed."""
        settings = self.config.data.augment
        if not settings.given:
            return stacked
        changed = [augmented(each.inputs, self._image_shape, settings, rng) for each in piece.examples]
        examples = [replace(example, inputs=inputs) for example, inputs in zip(piece.examples, changed)]
        return self.model.learner.stacked(examples)

    @cached_property
    def _image_shape(self) -> tuple[int, int] | None:
        """Columns and rows of the image that a row of inputs is; None: those of a record are one. Raises UsageError."""
        config, alignment = self.config, self.config.alignment
        if alignment.kind in ("segments", "whole"):
            return alignment.segments.box
        shape = config.data.augment.shape or config.recognizer.shape
        if shape is None and not isinstance(self.model.recognizer, StripRecognizer):
            raise UsageError("data.augment: rows of numbers are no images, expected recognizer.shape or augment.shape")
        if shape is not None and shape[0] * shape[1] > self.model.size:
            raise UsageError(
                f"data.augment: {shape[0]} x {shape[1]} is more than the {self.model.size} numbers of a row"
            )
        return shape

    def _left(
        self, piece: Piece, steps: Sequence[Example], stacked: object, parameters: Parameters
    ) -> tuple[FloatArray, PullEnergies]:
        """The recogniser's energies of a batch, at every step that has a cost. Raises TrainingFailed with the record
        that has none."""
        own = self.model.recognizer_parameters(parameters)
        try:
            left, pull = self.model.learner.energies(own, stacked)
        except NotConverged as error:
            ends = np.cumsum([example.rows for example in piece.examples])
            example = piece.examples[int(np.searchsorted(ends, error.item, side="right"))]
            raise TrainingFailed(f"{_named(example)}: {error}") from None
        self._require_finite(steps, left)
        return left, pull

    def _require_finite(self, examples: Sequence[Example], left: FloatArray) -> None:
        bad = np.flatnonzero(~np.isfinite(left))
        if len(bad):
            ends = first_arcs(examples, self.model.reading.classes)
            example = examples[int(np.searchsorted(ends, bad[0], side="right")) - 1]
            raise TrainingFailed(f"{_named(example)}: the energy of an arc is {left[bad[0]]}")

    def _culprit(self, examples: Sequence[Example], left: FloatArray, right: FloatArray, error: LatticeError) -> str:
        """Which record of a batch an error comes from: each is tried alone."""
        ends = first_arcs(examples, self.model.reading.classes)
        for number, example in enumerate(examples):
            try:
                alone = Batch([example], self.model.reading, self.objective)
                _ = alone.evaluate(left[ends[number] : ends[number + 1]], right).sides
            except (Diverged, NumericOverflow) as own:
                return f"{_named(example)}: {own}"
        return str(error)


@contextmanager
def _in_memory(examples: int) -> Iterator[None]:
    """Say what a batch has to do with it where memory is not enough. Raises MemoryError."""
    try:
        yield
    except MemoryError as error:
        what = f"{error}; " if str(error) else ""
        raise MemoryError(
            f"{what}a batch has {counted(examples, 'example')}, and a smaller training.batch takes less"
        ) from error


def _named(example: Example) -> str:
    return f"record {example.id!r} ({example.source})"


def require_examples(examples: Sequence[object]) -> None:
    """Raises UsageError if there is nothing to learn from."""
    if not examples:
        raise UsageError("no examples to learn from (data.train)")

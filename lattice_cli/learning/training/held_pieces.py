"""What a process holds of the examples to learn from: pieces with their graphs, and what each adds to a batch."""

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
from lattice_cli.learning.training.pieces import Answers, Asked, Piece, PieceLoss, Right, by_name, draws_of
from lattice_cli.learning.variational import ArcProposal, BoundOutcome, NetworkProposal, Proposal, evaluate_bound
from lattice_cli.records import acceptors_of
from lattice_cli.search import oracle

#: What a process makes for itself.
_MADE_AGAIN = ("kept", "_layout", "_network_layout")
#: The part of the memory that what is made of pieces may fill.
_PART = 4


def objective_of(config: TrainConfig) -> Objective:
    """The loss that a configuration asks for."""
    told = config.objective
    loss = "nll" if told.loss == VARIATIONAL else told.loss  # what is bounded
    settings = Settings(told.margin, told.cap, told.gamma, told.beta)
    return Objective(LOSSES[loss], settings, told.latent, nbest=told.nbest)


@dataclass(frozen=True, eq=False)
class PreparedBatch:
    """The graphs of a piece, at every step that has a cost, and its inputs ready."""

    batch: Batch
    stacked: object


class HeldPieces:
    """The pieces of one process, of all that a problem has.

    Nothing of what it does depends on which pieces it has. What it knows besides is made again in any process: it can
    be sent as it was made.
    """

    def __init__(self, model: Model, pieces: Sequence[Piece], processes: int = 1) -> None:
        """processes: of this machine, which share its memory."""
        self.model, self.config = model, model.config
        self.objective = objective_of(model.config)
        #: What the loss at each step that has one is multiplied by.
        self.costs = model.config.recognizer.ode.costs
        self.pieces = {piece.number: piece for piece in pieces}
        self._processes = processes
        self._settled: set[int] = set()

    @cached_property
    def kept(self) -> Kept:
        """What is made of pieces, as far as it fits; examples and grammar are there anyway."""
        examples = [example for piece in self.pieces.values() for example in piece.examples]
        return Kept([self.model.reading, self.model.graph, *examples], memory_there() // _PART // self._processes)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name not in _MADE_AGAIN}

    @cached_property
    def _layout(self) -> Parameters:
        return self.model.initial(np.random.default_rng(0))

    def settle(self, number: int) -> Answers:
        """What is taught of a piece instead of what its records say, which cannot be spelled. Raises FormatError where
        that is not to be."""
        piece = self.pieces[number]
        if number in self._settled:
            return ()
        examples = piece.examples
        with _in_memory(len(examples)), self.kept.lent(number, partial(self._prepared, examples)) as prepared:
            unspelled, steps = prepared.batch.unspelled, prepared.batch.examples
        answers = self._spelled(examples, steps, unspelled) if unspelled else ()
        if unspelled:
            self.kept.forget(number)
        self.pieces[number] = piece.settled(answers)
        self._settled.add(number)
        return answers

    def _prepared(self, examples: Sequence[Example]) -> PreparedBatch:
        batch = Batch(at_steps(examples, self.costs), self.model.reading, self.objective)
        return PreparedBatch(batch, self.model.recognizer.stacked(examples))

    def _spelled(self, examples: Sequence[Example], steps: Sequence[Example], unspelled: Sequence[int]) -> Answers:
        """What the configuration wants in place of what cannot be spelled. steps: the examples at every step, see
        `at_steps`; unspelled: numbers of these."""
        policy = self.config.objective.unspelled
        if policy == "error":
            example = steps[unspelled[0]]
            why = self.model.reading.why_not_spelled(example)
            raise FormatError(f"{example.source}: record {example.id!r}: {why}")
        nearest = {number: self._nearest(steps[number]) for number in unspelled if policy == "nearest"}
        kept = [nearest.get(number, None if number in unspelled else each) for number, each in enumerate(steps)]
        found: list[tuple[Right, ...] | None] = []
        for number in range(len(examples)):
            own = range(number, len(steps), len(examples))
            by_step = tuple(each.targets for each in (kept[step] for step in own) if each is not None)
            if not any(step in unspelled for step in own):
                found.append(None)
            else:
                found.append(by_step if len(by_step) == len(own) else ())
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

    def losses(self, asked: Asked) -> Iterator[PieceLoss | LatticeError | MemoryError]:
        """What each of the pieces that were asked for adds, in their order; the last may be the error that it ends in.

        Errors are TrainingFailed, naming the record, where an energy, a loss or a derivative is not finite.
        """
        proposal = self._proposal(asked.first)
        layout = self._layout if proposal is None else {**self._layout, **self._proposal_layout(proposal)}
        parameters = by_name(asked.theta, layout)
        grammar = self.model.right_energies(parameters)
        module = self.model.recognizer.module
        for number, place in asked.pieces:
            rng = None if asked.seeds is None else draws_of(asked.seeds, place)
            try:
                self.settle(number)
                piece = self.pieces[number]
                with (
                    _in_memory(len(piece.examples)),
                    nullcontext() if module is None or rng is None else module.learning(rng),
                    self.kept.lent(number, partial(self._prepared, piece.examples)) as prepared,
                ):
                    found = self._of_piece(piece, prepared, parameters, layout, grammar, proposal, asked.count, rng)
            except (LatticeError, MemoryError) as error:
                yield error
                return
            yield found

    def _proposal(self, first: Sequence[int]) -> Proposal | None:
        """Where q comes from, for a variational objective. first: see ArcProposal."""
        if self.config.objective.loss != VARIATIONAL:
            return None
        return ArcProposal(first) if first else NetworkProposal(self.model.recognizer)

    def _proposal_layout(self, proposal: Proposal) -> Parameters:
        if isinstance(proposal, ArcProposal):
            return proposal.initial(np.random.default_rng(0))
        return self._network_layout

    @cached_property
    def _network_layout(self) -> Parameters:
        return NetworkProposal(self.model.recognizer).initial(np.random.default_rng(0))

    def _of_piece(
        self,
        piece: Piece,
        prepared: PreparedBatch,
        parameters: Parameters,
        layout: Parameters,
        grammar: tuple[FloatArray, PullColumns],
        proposal: Proposal | None,
        count: int,
        rng: np.random.Generator | None,
    ) -> PieceLoss:
        model, steps = self.model, prepared.batch.examples
        right, pull_right = grammar
        with np.errstate(all="ignore"):
            stacked = prepared.stacked if rng is None else self._changed(piece, rng, prepared.stacked)
            left, pull = self._left(piece, steps, stacked, parameters)
            if not np.isfinite(right[np.isfinite(model.reading_columns)]).all():
                raise TrainingFailed("an energy of the grammar is no longer a finite number")
            by_weight: Parameters = {}
            try:
                outcome: Outcome | BoundOutcome
                if proposal is None:
                    outcome = prepared.batch.evaluate(left, right)
                    by_left, by_right = outcome.sides
                else:
                    q, pull_q = proposal.energies(parameters, piece.number, stacked)
                    self._require_finite(steps, q)
                    outcome = evaluate_bound(prepared.batch, left, right, q, self.config.objective.samples, rng)
                    by_weight |= pull_q(outcome.proposal / count)
                    by_left, by_right = outcome.left, outcome.right
            except (Diverged, NumericOverflow) as error:
                raise TrainingFailed(self._culprit(steps, left, right, error)) from None
            bad = np.flatnonzero(~np.isfinite(outcome.values))
            if len(bad):
                raise TrainingFailed(f"{_named(steps[bad[0]])}: the loss is {outcome.values[bad[0]]}")
            by_weight |= pull(by_left / count)
            by_weight |= pull_right(by_right / count)
            gradient = np.concatenate([by_weight[name].reshape(-1) for name in layout])
        if not np.isfinite(gradient).all():
            raise TrainingFailed(f"{_named(piece.examples[0])} or one beside it: the gradient is not finite")
        mean = float((outcome.values / count).sum())
        if isinstance(outcome, BoundOutcome):
            spread: FloatArray = np.array(outcome.variances or (0.0, 0.0)) / count
            return PieceLoss(mean, float((outcome.exact / count).sum()), gradient, spread)
        listed = frozenset((piece.number, number % len(piece.examples)) for number in outcome.listed)
        return PieceLoss(mean, mean, gradient, np.zeros(2), outcome.searches, outcome.unproven, listed)

    def _changed(self, piece: Piece, rng: np.random.Generator, stacked: object) -> object:
        """The inputs of a batch as this step sees them, where images are changed."""
        settings = self.config.data.augment
        if not settings.given:
            return stacked
        changed = [augmented(each.inputs, self.image_shape, settings, rng) for each in piece.examples]
        examples = [replace(example, inputs=inputs) for example, inputs in zip(piece.examples, changed)]
        return self.model.learner.stacked(examples)

    @cached_property
    def image_shape(self) -> tuple[int, int] | None:
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

"""The objective of training as a function of one vector of weights, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, Kept
from lattice_cli.errors import FormatError, TrainingFailed, UsageError, counted
from lattice_cli.graph import Document, Inputs, StepTargets, TargetGraph, steps_of, told
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example
from lattice_cli.learning.training.config import VARIATIONAL
from lattice_cli.learning.training.crew import Alone, Crew
from lattice_cli.learning.training.held_pieces import HeldPieces, objective_of
from lattice_cli.learning.training.model import Model
from lattice_cli.learning.training.pieces import PIECE, Asked, Piece, batches_of, by_name
from lattice_cli.learning.variational import PROPOSAL, ArcProposal, NetworkProposal, Proposal
from lattice_cli.records import targets_of


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


class Problem:
    """A model and the examples it learns from. batches: as the pieces that each is cut into."""

    def __init__(
        self,
        model: Model,
        examples: Sequence[Example],
        size: int,
        piece: int = PIECE,
        crew: Callable[[Sequence[Sequence[Piece]]], Crew] | None = None,
    ) -> None:
        """size: examples to a batch; piece: at most to a piece of it. crew: makes of the batches those who work on
        them; None: this process does, alone. Raises FormatError for a target that its graph cannot spell."""
        self.model, self.config = model, model.config
        self.objective = objective_of(model.config)
        #: Searches for a most offending answer by free energy so far, and those that the budget ended.
        self.searches = self.unproven = 0
        #: Examples whose expected errors are those of their best answers.
        self.listed: set[tuple[int, int]] = set()
        self.left_out = self.replaced = 0
        cut = batches_of(examples, size, piece)
        self.crew: Crew = Alone(model, cut) if crew is None else crew(cut)
        self.batches = self._settled(cut)
        self.proposal = self._proposal()
        self._layout = self.initial(np.random.default_rng(0))
        self.count = sum(len(piece.examples) for piece in self.pieces)
        if self.config.data.augment.given:
            _ = HeldPieces(model, ()).image_shape  # what is wrong is said before anything is learned

    def _settled(self, cut: Sequence[Sequence[Piece]]) -> list[list[Piece]]:
        """Batches without what cannot be spelled, or with what is taught instead."""
        answers = self.crew.settled()
        batches = []
        for batch in cut:
            kept = []
            for piece in batch:
                found = answers[piece.number]
                settled = piece.settled(found)
                self.left_out += len(piece.examples) - len(settled.examples)
                self.replaced += sum(bool(each) for each in found)
                kept += [settled] if settled.examples else []
            batches += [kept] if kept else []
        return batches

    @property
    def pieces(self) -> list[Piece]:
        """Those of all batches."""
        return [piece for batch in self.batches for piece in batch]

    @property
    def kept(self) -> Kept:
        """Where this process keeps what is made of examples, as far as it fits."""
        return self.crew.kept

    def _proposal(self) -> Proposal | None:
        """Where q comes from, for a variational objective."""
        if self.config.objective.loss != VARIATIONAL:
            return None
        if self.config.objective.q == "arcs":
            examples: dict[int, Sequence[Example]] = {piece.number: piece.examples for piece in self.pieces}
            every = [examples.get(number, ()) for number in range(1 + max(examples, default=-1))]
            return ArcProposal.of(every, self.model.reading.classes)
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

    def flat(self, parameters: Parameters) -> FloatArray:
        """All weights as one vector."""
        return np.concatenate([parameters[name].reshape(-1) for name in self._layout])

    def parameters(self, theta: FloatArray) -> Parameters:
        """The vector as weights by name."""
        return by_name(theta, self._layout)

    def value(self, theta: FloatArray, pieces: Sequence[Piece], seeds: Sequence[int] | None = None) -> ObjectiveValue:
        """Mean loss of these pieces, those of a step, plus the penalty, with its gradient: the sums over the pieces in
        their order, whoever works on them.

        seeds: of the paths of q that the configuration wants the gradient to be estimated from, and of what a module
        draws while it learns; None: the gradient is exact, and the module as it is where it decodes.
        Raises TrainingFailed, naming the record, where an energy, a loss or a derivative is not finite.
        """
        count = sum(len(piece.examples) for piece in pieces)
        mean, exact, gradient = 0.0, 0.0, np.zeros(len(theta))
        variances = np.zeros(2)
        first = self.proposal.first if isinstance(self.proposal, ArcProposal) else ()
        places = [(piece.number, place) for place, piece in enumerate(pieces)]
        for found in self.crew.losses(Asked(theta, places, count, seeds, first)):
            mean += found.mean
            exact += found.exact
            gradient += found.gradient
            variances += found.variances
            self.searches += found.searches
            self.unproven += found.unproven
            self.listed |= found.listed
        with np.errstate(over="ignore"):
            gradient[: self.of_model] += self.config.objective.l2 * theta[: self.of_model]
            objective = mean + self.penalty(theta)
        if not np.isfinite(objective):
            raise TrainingFailed(f"the squares of the weights add up to {objective}")
        bounded = None if self.proposal is None else exact
        plain, controlled = variances.tolist()
        sampled = self.config.objective.samples and seeds is not None
        return ObjectiveValue(objective, mean, gradient, bounded, (plain, controlled) if sampled else None)

    def penalty(self, theta: FloatArray) -> float:
        """l2 / 2 times the sum of the squares of the model's weights; q may be what it likes."""
        l2, own = self.config.objective.l2, theta[: self.of_model]
        return 0.5 * l2 * float(own @ own) if l2 else 0.0


def require_examples(examples: Sequence[object]) -> None:
    """Raises UsageError if there is nothing to learn from."""
    if not examples:
        raise UsageError("no examples to learn from (data.train)")

"""Training: epochs of steps over batches, from a state that can be saved anywhere and gone on from to the bit.

Which epoch's weights are kept goes by the validation error or the validation loss, or they are the last ones.
Everything that is drawn is drawn from the seed and the number of the epoch, so that a state is all there is to know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import (
    Diverged,
    FormatError,
    GraphError,
    LatticeError,
    NotConverged,
    NumericOverflow,
    TrainingFailed,
    UsageError,
    counted,
)
from lattice_cli.learning.optimizers import Adam, Alternating, Lbfgs, Optimizer, Sgd, require_state_like
from lattice_cli.learning.training.config import OptimizerSettings
from lattice_cli.learning.training.diagnosis import hardly_moved, nothing_learned, overfitted, underfitted
from lattice_cli.learning.training.problem import Piece, Problem
from lattice_cli.learning.training.training_state import Epoch, TrainingState
from lattice_cli.learning.training.validation import Measured, Validation

#: Ends the seeds of the paths that a step draws.
_DRAWS = 3


class TrainingListener:
    """Who looks on; by itself it says nothing, and has nothing stopped."""

    def batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        """Batches are done; loss: mean so far in this epoch."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""

    def note(self, text: str) -> None:
        """What a person should know of the examples, the weights or the loss, in a line."""

    def stopped(self) -> bool:
        """True to end after this batch."""
        return False


#: Writes a standing down; True: its best weights are new.
Save: TypeAlias = Callable[[TrainingState, bool], None]


def optimizer_of(settings: OptimizerSettings, steps: int) -> Optimizer:
    """The optimiser that a configuration asks for. steps: of the whole training. Raises UsageError."""
    if settings.method == "torch":
        try:
            from lattice_cli.learning.modules import TorchOptimizer
        except ImportError as error:
            raise UsageError(f"optimizer.method: torch needs PyTorch (the extra torch): {error}") from None
        return TorchOptimizer(settings.torch, settings.rate, settings.clip, steps)
    if settings.method == "lbfgs":
        return Lbfgs(settings.memory, settled=settings.tolerance)
    if settings.method == "sgd":
        return Sgd(settings.rate, settings.momentum, clip=settings.clip)
    return Adam(settings.rate, clip=settings.clip)


class _Saver:
    """Has standings written down, at the end of every epoch unless that took more than a fiftieth of the time."""

    def __init__(self, save: Save) -> None:
        self._save = save
        self._at, self._took = time.monotonic(), 0.0
        self._behind = self._better = False

    @property
    def waited(self) -> float:
        """Seconds since the last time."""
        return time.monotonic() - self._at

    def save(self, standing: TrainingState) -> None:
        """Now."""
        begun = time.monotonic()
        self._save(standing, self._better)
        self._at = time.monotonic()
        self._took = self._at - begun
        self._behind = self._better = False

    def close(self, standing: TrainingState, better: bool) -> None:
        """An epoch is over; better: its weights are the best so far."""
        self._behind = True
        self._better |= better
        if standing.ended or self.waited >= 49 * self._took:
            self.save(standing)

    def flush(self, standing: TrainingState) -> None:
        """Epochs that are not written down yet are to be."""
        if self._behind:
            self.save(standing)


class Training:
    """A problem, an optimiser and what is measured after every epoch."""

    def __init__(self, problem: Problem, validation: Validation | None) -> None:
        self.problem, self.validation = problem, validation
        self.settings = problem.config.training
        self._module = problem.model.recognizer.module
        self.keep = self.settings.keep or ("last" if validation is None else "error")
        if self.keep == "loss" and (validation is None or not validation.spelled):
            raise UsageError(
                "training.keep: loss, but no held-out example has a target in its graph: expected keep: error or last"
            )
        told, period = problem.config.optimizer, problem.config.objective.alternate
        steps = self.settings.epochs * len(problem.batches)
        self.optimizer = optimizer_of(told, steps)
        if period:
            self.optimizer = Alternating(self.optimizer, optimizer_of(told, steps), problem.of_model, period)
        # What takes all examples to a step has one batch to an epoch.
        self._steps: list[list[Piece]] = [problem.pieces] if self.optimizer.full_batch else problem.batches

    @property
    def batches(self) -> int:
        """Steps to an epoch."""
        return len(self._steps)

    def run(self, standing: TrainingState, listener: TrainingListener, save: Save) -> TrainingState:
        """Go on from a standing until there is nothing more to do, or the listener has it stopped.

        Raises TrainingFailed with the epoch, the batch and the record; what was saved by then stays.
        """
        if standing.optimizer:
            self._restore(standing)
        if self._module is not None and standing.epoch + standing.position == 0:
            standing.buffers = standing.best_buffers = self._module.buffers()
        standing.ended = self._ended(standing)
        saver = _Saver(save)
        try:
            self._run(standing, listener, saver)
        except LatticeError:
            saver.flush(standing)
            raise
        except MemoryError:
            if standing.position or standing.epoch:  # its last step is sound: another machine may go on from there
                saver.save(standing)
            raise
        return standing

    def _restore(self, standing: TrainingState) -> None:
        """The optimiser as it was. Raises FormatError for a state that is not its own."""
        weights, of_model = len(standing.theta), self.problem.of_model
        turns = isinstance(self.optimizer, Alternating)
        try:
            for part, size in {"first.": of_model, "second.": weights - of_model}.items() if turns else [("", weights)]:
                require_state_like(self.optimizer.state(), standing.optimizer, part, size)
            self.optimizer.restore(standing.optimizer)
            if self._module is not None:
                self._module.restore(standing.buffers)
        except ValueError as error:
            raise FormatError(f"the checkpoint's state of the optimiser is not sound: {error}") from None
        if standing.position > self.batches:
            raise FormatError(f"the checkpoint is at batch {standing.position}, but there are {self.batches}")

    def _run(self, standing: TrainingState, listener: TrainingListener, saver: _Saver) -> None:
        since = time.monotonic() - standing.seconds
        while not standing.ended:
            order = np.random.default_rng([self.settings.seed, standing.epoch]).permutation(self.batches).tolist()
            with np.errstate(over="ignore"):  # steps that are too long leave weights that are no numbers
                self.optimizer.scale = float(np.float64(self.problem.config.optimizer.decay) ** standing.epoch)
            while standing.position < self.batches:
                self._step(standing, self._steps[order[standing.position]])
                listener.batch(standing.epoch + 1, standing.position, self.batches, self._mean(standing, order))
                standing.seconds = time.monotonic() - since
                if listener.stopped():
                    saver.save(standing)
                    return
                if saver.waited > self.settings.save_every:
                    saver.save(standing)
            epoch = self._close(standing, since)
            since = time.monotonic()
            standing.ended = self._ended(standing)
            listener.epoch(epoch)
            saver.close(standing, epoch.best)

    def _mean(self, standing: TrainingState, order: Sequence[int]) -> float:
        done = sum(len(piece.examples) for step in order[: standing.position] for piece in self._steps[step])
        return standing.partial * (self.problem.count / max(1, done))

    def _step(self, standing: TrainingState, pieces: Sequence[Piece]) -> None:
        """One step of the optimiser; on all examples, a trial that leaves the numbers is one that was too long."""
        means: list[tuple[FloatArray, float]] = []
        logs: list[float] = []
        variances: list[tuple[float, float]] = []

        def evaluate(theta: FloatArray) -> tuple[float, FloatArray]:
            seeds = (self.settings.seed, standing.epoch, standing.position, _DRAWS)
            try:
                value = self.problem.value(theta, pieces, seeds)
            except TrainingFailed as error:
                if self.optimizer.full_batch and not np.array_equal(theta, standing.theta):
                    return np.inf, np.full(len(theta), np.nan)
                raise TrainingFailed(f"{self._where(standing)}: {error}") from None
            standing.begun = value.mean if standing.begun is None else standing.begun
            means.append((theta.copy(), value.mean))
            logs.append(value.exact or 0.0)
            variances.append(value.variances or (0.0, 0.0))
            return value.objective, value.gradient

        with np.errstate(all="ignore"):
            theta, objective = self.optimizer.step(standing.theta, evaluate)
        if not np.isfinite(theta).all():
            raise TrainingFailed(
                f"{self._where(standing)}: a weight is no longer a finite number: the step was too long"
            )
        count = sum(len(piece.examples) for piece in pieces)
        reached = [mean for at, mean in means if self.optimizer.full_batch and np.array_equal(at, theta)]
        if reached:
            mean = reached[-1]
        elif means:
            mean = means[0][1]
        else:
            mean = objective - self.problem.penalty(standing.theta)
        standing.theta = theta
        kept = self.settings.average
        standing.average = kept * standing.average + (1.0 - kept) * theta if kept else theta
        standing.optimizer = self.optimizer.state()
        if self._module is not None:
            standing.buffers = self._module.buffers()
        standing.partial += mean * (count / self.problem.count)
        standing.partial_nll += (logs[-1] if logs else 0.0) * (count / self.problem.count)
        plain, controlled = variances[-1] if variances else (0.0, 0.0)
        standing.partial_variance += plain * (count / self.problem.count)
        standing.partial_controlled += controlled * (count / self.problem.count)
        standing.position += 1

    def _where(self, standing: TrainingState) -> str:
        return f"epoch {standing.epoch + 1}, batch {standing.position + 1} of {self.batches}"

    def _close(self, standing: TrainingState, since: float) -> Epoch:
        """The end of an epoch: measure the error, and keep the weights if they are the best so far. since: when it
        began, by the clock of this process."""
        loss, nll = standing.partial, None if self.problem.proposal is None else standing.partial_nll
        variances: tuple[float | None, float | None] = (None, None)
        if self.problem.config.objective.samples:
            variances = (standing.partial_variance, standing.partial_controlled)
        measured: Measured | None = None
        better = True
        if self.validation is not None:
            try:
                measured = self.validation.measured(self.problem.parameters(standing.average))
            except (Diverged, NotConverged, NumericOverflow, GraphError) as error:
                raise TrainingFailed(f"epoch {standing.epoch + 1}, validation: {error}") from None
            found = self._figures(measured)
            better = self.keep == "last" or found < standing.best_figures
            if better:
                standing.best_figures = found
        standing.epoch += 1
        standing.position, standing.partial, standing.partial_nll, standing.seconds = 0, 0.0, 0.0, 0.0
        standing.partial_variance = standing.partial_controlled = 0.0
        standing.waited = 0 if better else standing.waited + 1
        if better:
            standing.best, standing.best_epoch = standing.average, standing.epoch
            standing.best_buffers = standing.buffers
        figures: tuple[float | None, float | None, float | None] = (None, None, None)
        if measured is not None:
            figures = (measured.loss, measured.label_error, measured.exact_rate)
        epoch = Epoch(standing.epoch, loss, better, *figures, nll, *variances, seconds=time.monotonic() - since)
        standing.epochs.append(epoch)
        return epoch

    def told(self, standing: TrainingState) -> Iterator[str]:
        """What a person should know of a training that is over."""
        epochs, config = standing.epochs, self.problem.config
        if not standing.ended or not epochs:
            return
        # What begins with another model's weights may have nothing to learn, and so may scales of lattices.
        fresh = not self.settings.start and not config.recognizer.entry.lattices
        if fresh and hardly_moved(epochs, standing.begun, self.batches):
            order = np.random.default_rng([self.settings.seed, 0]).permutation(self.batches).tolist()
            now = self.problem.value(standing.average, self._steps[order[0]]).mean
            nothing = nothing_learned(standing.begun, now, config)
            if nothing is not None:
                yield nothing
                return
        said = overfitted(epochs, config, standing.best_epoch)
        if said is None and standing.epoch >= self.settings.epochs:
            said = underfitted(epochs)
        if said is not None:
            yield said

    def _figures(self, measured: Measured) -> tuple[float, float]:
        """What the weights to keep are chosen by, the less the better."""
        if self.keep == "loss" and measured.loss is not None:
            return measured.loss, 0.0
        return measured.label_error, -measured.exact_rate

    def _ended(self, standing: TrainingState) -> str:
        if standing.epoch >= self.settings.epochs:
            return f"{counted(standing.epoch, 'epoch')} done"
        if self.settings.patience and standing.waited >= self.settings.patience:
            return f"no better validation {self.keep} for {counted(standing.waited, 'epoch')}"
        if standing.epoch and not standing.position and self.optimizer.converged:
            return "converged"
        return ""

"""Where a training stands: its epochs so far, its weights, and what a checkpoint has of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.optimizers import State


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to. loss: mean over the examples, as they were met. best: its weights are the ones to keep so
    far. validation_loss: mean over the held-out examples at its end; of a variational objective, of the log loss. nll:
    of a variational objective, whose loss is a bound on it, the mean log loss. variance, variance_with_control: of a
    gradient by samples, see ObjectiveValue. seconds: with validation."""

    number: int
    loss: float
    best: bool
    validation_loss: float | None = None
    label_error: float | None = None
    exact: float | None = None
    nll: float | None = None
    variance: float | None = None
    variance_with_control: float | None = None
    seconds: float | None = field(default=None, compare=False)

    def known(self) -> dict[str, float | int | bool]:
        """What is known of it, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


#: What of a standing is written down, as vectors and as JSON.
_VECTORS = ("theta", "average", "best")
_GROUPS = ("optimizer", "buffers", "best_buffers")
_NUMBERS = ["epoch", "position", "partial", "partial_nll", "partial_variance", "partial_controlled", "seconds"]
_NUMBERS += ["best_epoch", "waited", "ended", "begun"]


@dataclass
class TrainingState:
    """Where a training stands.

    theta: the weights; average: their running mean, which is what is measured and kept (theta itself where the
    configuration wants none). epoch: epochs that are over; position: batches done of the one that is not; partial: what
    they have put into its mean loss.
    buffers, best_buffers: what a module keeps beside its weights, now and with the best of them.
    best: the weights to keep; best_figures: those by which they are, the less the better; waited: epochs since they
    were found. ended: why there is nothing more to do, or empty. begun: the loss of the first batch before the first
    step, None before that. seconds: that the epoch that is not over has taken so far.
    """

    theta: FloatArray
    average: FloatArray
    best: FloatArray
    optimizer: State = field(default_factory=dict)
    buffers: Parameters = field(default_factory=dict)
    best_buffers: Parameters = field(default_factory=dict)
    epoch: int = 0
    position: int = 0
    partial: float = 0.0
    partial_nll: float = 0.0
    partial_variance: float = 0.0
    partial_controlled: float = 0.0
    best_epoch: int = 0
    best_figures: tuple[float, float] = (float("inf"), 0.0)
    waited: int = 0
    ended: str = ""
    begun: float | None = None
    epochs: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The vectors."""
        return _of(self, _VECTORS) | {
            f"{group}/{name}": each for group in _GROUPS for name, each in getattr(self, group).items()
        }

    def numbers(self) -> dict[str, Any]:
        """The rest."""
        figures = [str(each) for each in self.best_figures]  # they may be infinite
        return _of(self, _NUMBERS) | {"best_figures": figures, "epochs": [asdict(each) for each in self.epochs]}

    @property
    def kept_epoch(self) -> Epoch | None:
        """The epoch of the best weights; None where they are those of the start."""
        return next((each for each in self.epochs if each.number == self.best_epoch), None)

    @staticmethod
    def beginning(theta: FloatArray) -> TrainingState:
        """Before the first step."""
        return TrainingState(theta, theta, theta)

    @staticmethod
    def of(arrays: Mapping[str, NDArray[Any]], numbers: Mapping[str, Any]) -> TrainingState:
        """The standing that these were taken from."""
        try:
            told = dict(numbers)
            first, second = (float(each) for each in told.pop("best_figures"))
            epochs = [Epoch(**each) for each in told.pop("epochs")]
            groups: dict[str, Any] = {
                group: {
                    name.removeprefix(f"{group}/"): each
                    for name, each in arrays.items()
                    if name.startswith(f"{group}/")
                }
                for group in _GROUPS
            }
            theta, average, best = (arrays[name] for name in _VECTORS)
            standing = TrainingState(
                theta, average, best, **groups, best_figures=(first, second), epochs=epochs, **told
            )
            standing.require_sound()
        except (KeyError, TypeError, ValueError) as error_found:
            raise FormatError(f"not where a training stands: {error_found!r}") from None
        return standing

    def require_sound(self) -> None:
        """Raises ValueError for contents that no training writes."""
        for name, vector in _of(self, _VECTORS).items():
            if vector.dtype != np.float64 or vector.shape != self.theta.shape or not np.isfinite(vector).all():
                raise ValueError(f"{name} is not a vector of finite float64 numbers")
        for name, number in _of(self, ("epoch", "position", "best_epoch", "waited")).items():
            if not isinstance(number, int) or number < 0:
                raise ValueError(f"{name} is {number!r}")
        sums = (self.partial, self.partial_nll, self.partial_variance, self.partial_controlled, self.seconds)
        if not all(isinstance(each, float) for each in (*sums, self.begun or 0.0)) or not isinstance(self.ended, str):
            raise ValueError("partial, seconds or ended is not what it should be")
        if not all(isinstance(value, (int, float)) for epoch in self.epochs for value in epoch.known().values()):
            raise ValueError("an epoch has something else than numbers")


def _of(standing: TrainingState, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(standing, name) for name in names}

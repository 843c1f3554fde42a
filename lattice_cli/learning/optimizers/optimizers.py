"""Optimisers on one flat vector of parameters: gradient descent with momentum, Adam, L-BFGS.

None of them raises on values that are not finite: whoever trains looks at the objective. The same steps from the same
state give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray
from lattice_cli.learning.optimizers.line_search import Evaluate

#: Arrays by name: all that an optimiser has to know to go on.
State: TypeAlias = dict[str, NDArray[Any]]
#: In the names of what another library keeps.
FOREIGN = "torch."
_NONE: FloatArray = np.zeros(0)


class Optimizer(Protocol):
    """full_batch: a step needs the objective over all data. scale: what a schedule multiplies the rate by."""

    full_batch: bool
    scale: float

    @property
    def converged(self) -> bool:
        """True if no further step can help."""

    def step(self, theta: FloatArray, evaluate: Evaluate) -> tuple[FloatArray, float]:
        """(new theta, objective at the old theta)."""

    def state(self) -> State:
        """All that is needed to go on to the bit."""

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""


def require_state_like(
    like: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]], part: str, size: int
) -> None:
    """Raises ValueError for a state that is not as `like`, that of the same optimiser before its first step.

    part: what the names begin with that are looked at. size: how many parameters it steps on. What another library
    keeps has names of its own, and is numbers, or vectors of as many.
    """
    own = {name: array for name, array in found.items() if FOREIGN not in name}
    if set(own) != set(like):
        raise ValueError(f"found {', '.join(found)}, expected {', '.join(like)}")
    foreign = [(name, array) for name, array in found.items() if name not in own and name.startswith(part)]
    for name, array in foreign:
        if array.shape not in ((), (size,)) or not np.isfinite(array).all():
            raise ValueError(f"{name} is not a number, or {size} of them")
    sizes = set()
    for name in (name for name in like if name.startswith(part) or "." not in name):
        array = found[name]
        if array.dtype != like[name].dtype or array.ndim != like[name].ndim:
            raise ValueError(f"{name} has type {array.dtype} and shape {array.shape}")
        unknown = np.isnan(array).any() and not np.isnan(like[name]).any()
        if unknown or (array.dtype.kind == "i" and (array < 0).any()):
            raise ValueError(f"{name} has numbers that it cannot have")
        if array.ndim and not name.endswith("values"):
            sizes.add(array.shape[-1])
    begun = int(found.get(f"{part}steps", np.array(0))) > 0
    if sizes and sizes != {size} and (sizes != {0} or begun):
        raise ValueError(f"its vectors have {', '.join(map(str, sorted(sizes)))} entries, expected {size}")


def clipped(gradient: FloatArray, clip: float | None) -> FloatArray:
    """The gradient, shortened to the length `clip` if it is longer (Pascanu, Mikolov, Bengio 2013)."""
    if clip is None:
        return gradient
    length = math.sqrt(float(gradient @ gradient))
    return gradient * (clip / length) if length > clip else gradient


@dataclass
class Sgd:
    """v <- momentum v + g; theta <- theta - rate v (Polyak 1964), or theta - rate (g + momentum v) if nesterov.

    clip: longest gradient in use; None for no limit.
    """

    rate: float
    momentum: float = 0.0
    nesterov: bool = False
    clip: float | None = None
    scale: float = 1.0
    full_batch: bool = field(default=False, init=False)
    converged: bool = field(default=False, init=False)
    _velocity: FloatArray = field(default_factory=_NONE.copy, init=False, repr=False)

    def step(self, theta: FloatArray, evaluate: Evaluate) -> tuple[FloatArray, float]:
        """One evaluation, one step."""
        value, gradient = evaluate(theta)
        with np.errstate(all="ignore"):
            gradient = clipped(gradient, self.clip)
            self._velocity = self.momentum * self._velocity + gradient if len(self._velocity) else gradient.copy()
            ahead = gradient + self.momentum * self._velocity if self.nesterov else self._velocity
            return theta - self.rate * self.scale * ahead, value

    def state(self) -> State:
        """velocity: (parameters,), empty before the first step."""
        return {"velocity": self._velocity.copy(), "scale": np.array(self.scale)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        self._velocity, self.scale = state["velocity"].copy(), float(state["scale"])


@dataclass
class Alternating:
    """Two optimisers by turns: `period` steps of the second on theta[split:], then as many of the first on the rest."""

    first: Optimizer
    second: Optimizer
    split: int
    period: int
    full_batch: bool = field(default=False, init=False)
    converged: bool = field(default=False, init=False)
    _steps: int = field(default=0, init=False, repr=False)

    @property
    def scale(self) -> float:
        """Of both."""
        return self.first.scale

    @scale.setter
    def scale(self, scale: float) -> None:
        self.first.scale = self.second.scale = scale

    def step(self, theta: FloatArray, evaluate: Evaluate) -> tuple[FloatArray, float]:
        """A step of the one whose turn it is."""
        of_second = self._steps // self.period % 2 == 0
        own = slice(self.split, None) if of_second else slice(0, self.split)
        self._steps += 1

        def partly(part: FloatArray) -> tuple[float, FloatArray]:
            at = theta.copy()
            at[own] = part
            value, gradient = evaluate(at)
            return value, gradient[own]

        found = theta.copy()
        found[own], value = (self.second if of_second else self.first).step(theta[own], partly)
        return found, value

    def state(self) -> State:
        """That of both, and whose turn it is."""
        parts = (("first", self.first), ("second", self.second))
        inner = {f"{name}.{key}": each for name, part in parts for key, each in part.state().items()}
        return {**inner, "turn": np.array(self._steps)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        for name, part in (("first.", self.first), ("second.", self.second)):
            part.restore({key.removeprefix(name): each for key, each in state.items() if key.startswith(name)})
        self._steps = int(state["turn"])


@dataclass
class Adam:
    """Kingma and Ba 2015, algorithm 1: steps of about the rate whatever the size of the gradient."""

    rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip: float | None = None
    scale: float = 1.0
    full_batch: bool = field(default=False, init=False)
    converged: bool = field(default=False, init=False)
    _steps: int = field(default=0, init=False, repr=False)
    _mean: FloatArray = field(default_factory=_NONE.copy, init=False, repr=False)
    _square: FloatArray = field(default_factory=_NONE.copy, init=False, repr=False)

    def step(self, theta: FloatArray, evaluate: Evaluate) -> tuple[FloatArray, float]:
        """One evaluation, one step."""
        value, gradient = evaluate(theta)
        if not self._steps:
            self._mean, self._square = np.zeros_like(theta), np.zeros_like(theta)
        self._steps += 1
        with np.errstate(all="ignore"):
            gradient = clipped(gradient, self.clip)
            self._mean = self.beta1 * self._mean + (1 - self.beta1) * gradient
            self._square = self.beta2 * self._square + (1 - self.beta2) * gradient**2
            mean = self._mean / (1 - self.beta1**self._steps)
            square = self._square / (1 - self.beta2**self._steps)
            return theta - self.rate * self.scale * mean / (np.sqrt(square) + self.epsilon), value

    def state(self) -> State:
        """mean, square: (parameters,) running moments of the gradient, empty before the first step."""
        return {
            "mean": self._mean.copy(),
            "square": self._square.copy(),
            "steps": np.array(self._steps),
            "scale": np.array(self.scale),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        self._mean, self._square = state["mean"].copy(), state["square"].copy()
        self._steps, self.scale = int(state["steps"]), float(state["scale"])

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

from lattice_cli.graph.graph import FloatArray
from lattice_cli.learning.line_search import Evaluate, Point, noise, search

#: Arrays by name: all that an optimiser has to know to go on.
State: TypeAlias = dict[str, NDArray[Any]]

#: Steps over which L-BFGS looks how far the objective has fallen.
_PERIOD = 10
#: Steps in a row, of rounding only, after which L-BFGS gives up.
_PATIENCE = 10
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


@dataclass
class Lbfgs:
    """Limited-memory quasi-Newton steps (Nocedal and Wright 2006, algorithms 7.4 and 7.5), strong Wolfe line search.

    memory: pairs of changes kept. Converged once |gradient| <= tolerance * max(1, |theta|), or once ten steps have
    lowered the objective by less than the fraction `settled` of it: what is learnt from data is settled long before the
    minimum is exact.
    The value and gradient found at the end of a step open the next. `scale` is for the schedule of other optimisers;
    here the line search sets the step.
    """

    memory: int = 10
    tolerance: float = 1e-6
    settled: float = 0.0
    scale: float = 1.0
    full_batch: bool = field(default=True, init=False)
    _at: FloatArray = field(default_factory=_NONE.copy, init=False, repr=False)
    _value: float = field(default=math.nan, init=False, repr=False)
    _gradient: FloatArray = field(default_factory=_NONE.copy, init=False, repr=False)
    _moved: list[FloatArray] = field(default_factory=list, init=False, repr=False)
    _turned: list[FloatArray] = field(default_factory=list, init=False, repr=False)
    _values: list[float] = field(default_factory=list, init=False, repr=False)
    _flattest: float = field(default=math.inf, init=False, repr=False)
    _fruitless: int = field(default=0, init=False, repr=False)

    @property
    def converged(self) -> bool:
        """True if the gradient is small for the size of theta, the objective settled, or nothing lower was found."""
        stuck = self._fruitless >= _PATIENCE or self._is_settled
        if stuck or not len(self._at):
            return stuck
        with np.errstate(all="ignore"):
            limit = self.tolerance * max(1.0, math.sqrt(float(self._at @ self._at)))
            return math.sqrt(float(self._gradient @ self._gradient)) <= limit

    @property
    def _is_settled(self) -> bool:
        return len(self._values) > _PERIOD and self._values[0] - self._value < self.settled * abs(self._value)

    def step(self, theta: FloatArray, evaluate: Evaluate) -> tuple[FloatArray, float]:
        """One iteration; theta itself once converged."""
        with np.errstate(all="ignore"):
            if not np.array_equal(theta, self._at):
                self._begin(theta, evaluate)
            value = self._value
            if self.converged:
                return theta, value
            point = self._descend(evaluate)
            if point is None:
                self._fruitless = _PATIENCE
                return theta, value
            self._remember(point)
            return point.theta, value

    def _begin(self, theta: FloatArray, evaluate: Evaluate) -> None:
        """At a theta that is not where the last step ended, what was learnt about the curvature is void."""
        value, gradient = evaluate(theta)
        self._at, self._value, self._gradient = theta.copy(), float(value), gradient.copy()
        self._moved, self._turned, self._flattest = [], [], math.inf
        self._values = [self._value]
        self._fruitless = 0 if math.isfinite(value) and np.isfinite(gradient).all() else _PATIENCE

    def _descend(self, evaluate: Evaluate) -> Point | None:
        """The end of a quasi-Newton step; of steepest descent if that finds nothing; or None."""
        if self._moved:
            direction = self._direction()
            if self._gradient @ direction < 0:
                point = search(evaluate, self._at, self._value, self._gradient, direction, 1.0)
                if point is not None:
                    return point
            self._moved, self._turned = [], []
        first = 1.0 / math.sqrt(float(self._gradient @ self._gradient))
        return search(evaluate, self._at, self._value, self._gradient, -self._gradient, first)

    def _direction(self) -> FloatArray:
        """-H g by the two-loop recursion; H starts as the latest curvature along the latest step, times identity."""
        direction = -self._gradient
        kept: list[tuple[FloatArray, FloatArray, float, float]] = []
        for moved, turned in zip(reversed(self._moved), reversed(self._turned)):
            curvature = float(moved @ turned)
            part = float(moved @ direction) / curvature
            direction -= part * turned
            kept.append((moved, turned, curvature, part))
        moved, turned, curvature, _ = kept[0]
        direction *= curvature / float(turned @ turned)
        for moved, turned, curvature, part in reversed(kept):
            direction += (part - float(turned @ direction) / curvature) * moved
        return direction

    def _remember(self, point: Point) -> None:
        """Keep the pair of changes if its curvature is positive, and notice when rounding is all that moves."""
        moved, turned = point.theta - self._at, point.gradient - self._gradient
        if moved @ turned > 1e-12 * (turned @ turned):
            self._moved = [*self._moved, moved][-self.memory :]
            self._turned = [*self._turned, turned][-self.memory :]
        lower = self._value - point.value > noise(self._value)
        slope = float(point.gradient @ point.gradient)
        flatter = slope < 0.5 * self._flattest
        self._flattest = min(self._flattest, slope)
        self._fruitless = 0 if lower or flatter else self._fruitless + 1
        self._at, self._value, self._gradient = point.theta.copy(), point.value, point.gradient.copy()
        self._values = [*self._values, point.value][-_PERIOD - 1 :]

    def state(self) -> State:
        """at, gradient: (parameters,); moved, turned: (pairs, parameters) and values, oldest first."""
        shape = (len(self._moved), len(self._at))
        return {
            "at": self._at.copy(),
            "value": np.array(self._value),
            "gradient": self._gradient.copy(),
            "moved": np.array(self._moved).reshape(shape),
            "turned": np.array(self._turned).reshape(shape),
            "values": np.array(self._values),
            "flattest": np.array(self._flattest),
            "fruitless": np.array(self._fruitless),
            "scale": np.array(self.scale),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        self._at, self._gradient = state["at"].copy(), state["gradient"].copy()
        self._moved, self._turned = list(state["moved"].copy()), list(state["turned"].copy())
        self._value, self._fruitless = float(state["value"]), int(state["fruitless"])
        self._values = state["values"].tolist()
        self._flattest, self.scale = float(state["flattest"]), float(state["scale"])

"""L-BFGS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray
from lattice_cli.learning.optimizers.line_search import Evaluate, Point, noise, search
from lattice_cli.learning.optimizers.optimizers import _NONE, State

#: Steps over which L-BFGS looks how far the objective has fallen.
_PERIOD = 10
#: Steps in a row, of rounding only, after which L-BFGS gives up.
_PATIENCE = 10


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
        """Go on from what `state` gave. Raises ValueError for pairs that no step has left."""
        if state["moved"].shape != state["turned"].shape:
            raise ValueError(f"moved has {len(state['moved'])} steps, but turned has {len(state['turned'])}")
        with np.errstate(all="ignore"):
            curvature = (state["moved"] * state["turned"]).sum(axis=1)
        if not ((curvature > 0) & (curvature < np.inf)).all():
            raise ValueError("the curvature along a step is not above 0")
        self._at, self._gradient = state["at"].copy(), state["gradient"].copy()
        self._moved, self._turned = list(state["moved"].copy()), list(state["turned"].copy())
        self._value, self._fruitless = float(state["value"]), int(state["fruitless"])
        self._values = state["values"].tolist()
        self._flattest, self.scale = float(state["flattest"]), float(state["scale"])

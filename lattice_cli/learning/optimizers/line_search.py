"""How far to go along a direction: a step that satisfies the strong Wolfe conditions.

Nocedal and Wright 2006, "Numerical Optimization", algorithms 3.5 and 3.6, as one loop: a bracket is widened until it
has two ends and then narrowed by cubic interpolation. Close to a minimum the objective no longer resolves the decrease
asked for; there the slopes decide (Hager and Zhang 2005, the approximate Wolfe conditions).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from lattice_cli.arrays import FloatArray

#: Parameters -> the objective and its gradient there.
Evaluate: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]

_DECREASE = 1e-4
_CURVATURE = 0.9
_EVALUATIONS = 30
_WIDEN = 4.0
#: Of |objective|: smaller differences are rounding.
_NOISE = 1e-13


@dataclass(frozen=True, eq=False)
class Point:
    """A place on the line: theta + step * direction. slope: derivative of the value by the step."""

    step: float
    theta: FloatArray
    value: float
    gradient: FloatArray
    slope: float

    @property
    def finite(self) -> bool:
        """False where the objective or its slope overflowed."""
        return math.isfinite(self.value) and math.isfinite(self.slope)


def noise(value: float) -> float:
    """Differences between objectives of this size that mean nothing."""
    return _NOISE * abs(value)


def search(
    evaluate: Evaluate, theta: FloatArray, value: float, gradient: FloatArray, direction: FloatArray, first: float
) -> Point | None:
    """A point that satisfies the strong Wolfe conditions, `first` being the step tried first; the lowest point found if
    none does within 30 evaluations; None if nothing is below the start, where `value` and `gradient` hold."""

    def at(step: float) -> Point:
        there = theta + step * direction
        found, by_theta = evaluate(there)
        return Point(step, there, float(found), by_theta, float(by_theta @ direction))

    origin = Point(0.0, theta, value, gradient, float(gradient @ direction))
    low, high, step = origin, None, first
    for _ in range(_EVALUATIONS):
        point = at(step)
        if _flat(point, origin):
            return point
        if _too_far(point, origin) or point.value >= low.value:
            high = point
        elif abs(point.slope) <= -_CURVATURE * origin.slope:
            return point
        else:
            if point.slope * (1.0 if high is None else high.step - low.step) >= 0:
                high = low
            low = point
        step = low.step * _WIDEN if high is None else _between(low, high)
        if step in (low.step, 0.0):
            break
    return low if low.value < origin.value else None


def _too_far(point: Point, origin: Point) -> bool:
    """True without the sufficient decrease."""
    return not point.finite or point.value > origin.value + _DECREASE * point.step * origin.slope


def _flat(point: Point, origin: Point) -> bool:
    """The approximate Wolfe conditions, where the value differs from the start by no more than rounding."""
    return (
        point.finite
        and abs(point.value - origin.value) <= noise(origin.value)
        and _CURVATURE * origin.slope <= point.slope <= (2 * _DECREASE - 1) * origin.slope
    )


def _between(low: Point, high: Point) -> float:
    """Minimum of the cubic through two points and their slopes, kept off the ends; the middle if there is none."""
    width = high.step - low.step
    middle = low.step + width / 2
    if not high.finite:
        return middle
    first = low.slope + high.slope - 3 * (low.value - high.value) / (low.step - high.step)
    square = first * first - low.slope * high.slope
    if not square >= 0:
        return middle
    second = math.copysign(math.sqrt(square), width)
    divisor = high.slope - low.slope + 2 * second
    if divisor == 0:
        return middle
    part = 1 - (high.slope + second - first) / divisor
    return low.step + width * min(0.9, max(0.1, part)) if math.isfinite(part) else middle

"""Central finite differences: what a function does a step to both sides, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays.types import BoolArray, FloatArray

#: Where there are more numbers to vary, a check takes so many of them, drawn at random.
MOST_VARIED = 200
_EPS = float(np.finfo(np.float64).eps)
#: A slope that jumps by more than this over the step has a kink there: smooth ones change by the step, about 1e-5.
JUMP = 1e-2


@dataclass(frozen=True, eq=False)
class Difference:
    """Of functions of one number each: their values a step up and a step down."""

    up: FloatArray
    down: FloatArray
    step: float

    @property
    def change(self) -> FloatArray:
        """From one side to the other, over `width`."""
        return self.up - self.down

    @property
    def width(self) -> float:
        """From one side to the other."""
        return 2 * self.step

    @property
    def slope(self) -> FloatArray:
        """The central difference, as an estimate of the derivative."""
        with np.errstate(over="ignore", invalid="ignore"):  # a slope that is no number is one that does not agree
            return self.change / self.width

    def bends(self, middle: float) -> BoolArray:
        """True where the slopes of both sides are not those of a smooth function, which is `middle` in between."""
        with np.errstate(over="ignore", invalid="ignore"):
            slopes = (self.up - middle) / self.step, (middle - self.down) / self.step
            found: BoolArray = np.abs(slopes[0] - slopes[1]) > JUMP + noise(middle, self.step)
        return found


def central(function: Callable[[float], FloatArray], step: float) -> Difference:
    """function(change), a step to both sides of 0."""
    return Difference(function(step), function(-step), step)


def noise(size: float, step: float) -> float:
    """What rounding adds to the slope of values of this size."""
    return 100 * _EPS * max(1.0, abs(size)) / step


def balanced_step(size: float, sharpness: float) -> float:
    """The step that balances truncation against rounding, for values of this size whose slopes change over
    1 / sharpness."""
    return float((_EPS * size) ** (1 / 3) / sharpness ** (2 / 3))

"""The scales with the fewest errors: line searches, or every point of a grid.

F. J. Och 2003, "Minimum error rate training in statistical machine translation": along a line through the scales the
errors of best answers are piecewise constant, so that the best point of the line is found exactly. Here answers are
those of all paths of the lattices (`search/envelope`) and not of n-best lists, and nothing has to be decoded again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Protocol

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.learning.tuning.scaled_lattices import ScaledLattices

#: A search from one start goes round its lines at most so often.
_ROUNDS = 20
#: This share of a range is near to its end.
_NEAR = 0.005
#: Digits that scales are given with, as few as do not change the errors.
_DIGITS = (3, 4, 6, 9, 17)


@dataclass(frozen=True, eq=False)
class Tuned:
    """scales: (scores,). errors: of the lattices that they were tuned on, all together."""

    scales: FloatArray
    errors: int


class ScaleSearch(Protocol):
    """A way to find scales."""

    def best(self, places: IntArray) -> Tuned:
        """The scales with the fewest errors of some of the lattices."""


@dataclass(frozen=True)
class Range:
    """Where a scale is looked for. low: at most high; equal for one that stays."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Lines:
    """Line searches along each score and in random directions, from the given scales and from random ones.

    Each line goes to the middle of its widest piece with fewest errors. A search ends when a round of lines has not
    lowered the errors; of several searches the first with the fewest errors counts.

    start: (scores,), within the ranges, one for each. directions: random ones a round. restarts: searches from random
    points, whose scales are drawn evenly, or, where a range is above 0, evenly by their logarithms.
    """

    lattices: ScaledLattices
    start: FloatArray
    ranges: Sequence[Range]
    directions: int = 4
    restarts: int = 2
    seed: int = 0

    def best(self, places: IntArray) -> Tuned:
        """See ScaleSearch."""
        lattices, rng = self.lattices.some(places), np.random.default_rng(self.seed)
        found = [self._from(lattices, scales, rng) for scales in self._starts(rng)]
        least = min(found, key=lambda each: each.errors)
        return _in_few_digits(lattices, least)

    def at_an_end(self, scales: FloatArray) -> IntArray:
        """The places of scales that are as good as at an end of their range, where the errors may fall further."""
        width = self._high - self._low
        near = np.minimum(scales - self._low, self._high - scales) < _NEAR * width
        return np.flatnonzero(near & (width > 0))

    def _starts(self, rng: np.random.Generator) -> Iterator[FloatArray]:
        yield self.start
        for _ in range(self.restarts):
            share = rng.random(len(self.start))
            ratio = np.where(self._low > 0, self._high, 1.0) / np.where(self._low > 0, self._low, 1.0)
            yield np.where(self._low > 0, self._low * ratio**share, self._low + share * (self._high - self._low))

    def _from(self, lattices: ScaledLattices, scales: FloatArray, rng: np.random.Generator) -> Tuned:
        """Where a search from these scales ends."""
        found = Tuned(scales, int(lattices.errors(scales).sum()))
        for _ in range(_ROUNDS):
            before = found.errors
            for direction in self._directions(rng):
                low, high = self._reach(found.scales, direction)
                profile = lattices.along(found.scales, direction, low, high)
                scales = np.clip(found.scales + profile.widest(low, high) * direction, self._low, self._high)
                # Where paths are equally good all along, which of them is taken may be decided in another way.
                errors = int(lattices.errors(scales).sum())
                if errors <= found.errors:
                    found = Tuned(scales, errors)
            if found.errors == before:
                break
        return found

    def _directions(self, rng: np.random.Generator) -> Iterator[FloatArray]:
        """Each score that has a range, and random ones, as wide as the ranges are."""
        width = self._high - self._low
        for place in np.flatnonzero(width):
            yield np.where(np.arange(len(width)) == place, 1.0, 0.0)
        for _ in range(self.directions if np.count_nonzero(width) > 1 else 0):
            yield rng.standard_normal(len(width)) * width

    def _reach(self, scales: FloatArray, direction: FloatArray) -> tuple[float, float]:
        """How far a line through these scales is within the ranges."""
        moving = direction != 0
        ends = np.array([self._low, self._high])[:, moving] - scales[moving]
        ends /= direction[moving]
        return float(ends.min(axis=0).max()), float(ends.max(axis=0).min())

    @cached_property
    def _low(self) -> FloatArray:
        return np.array([each.low for each in self.ranges])

    @cached_property
    def _high(self) -> FloatArray:
        return np.array([each.high for each in self.ranges])


@dataclass(frozen=True, eq=False)
class Grid:
    """Every combination of values of some scores, at the given scales of the others. axes: place of a score -> its
    values. Of points with the same errors the first counts, the last score changing first."""

    lattices: ScaledLattices
    start: FloatArray
    axes: Mapping[int, Sequence[float]]

    def best(self, places: IntArray) -> Tuned:
        """See ScaleSearch."""
        errors = self.errors[:, places].sum(axis=1)
        point = int(errors.argmin())
        return Tuned(self.points[point], int(errors[point]))

    @cached_property
    def points(self) -> FloatArray:
        """(points, scores)."""
        values = np.array([*product(*self.axes.values())])
        points = np.tile(self.start, (len(values), 1))
        points[:, [*self.axes]] = values
        return points

    @cached_property
    def errors(self) -> IntArray:
        """(points, lattices)."""
        return np.array([self.lattices.errors(point) for point in self.points])


def _in_few_digits(lattices: ScaledLattices, found: Tuned) -> Tuned:
    """The same scales with as few digits as do not raise the errors; what is rounding beside the largest is 0."""
    least = 1e-12 * np.abs(found.scales).max()
    kept = np.where(np.abs(found.scales) > least, found.scales, 0.0).tolist()
    for digits in _DIGITS:
        scales = np.array([float(f"{scale:.{digits}g}") for scale in kept])
        errors = int(lattices.errors(scales).sum())
        if errors <= found.errors:
            return Tuned(scales, errors)
    return found

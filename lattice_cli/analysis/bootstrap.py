"""Rates over records and how far to trust them: the percentile bootstrap (Efron 1979; Bisani and Ney 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray

#: Bootstrap samples, and the seed they are drawn with.
SAMPLES = 1000
SEED = 0
#: Probability that an interval holds the true rate.
LEVEL = 0.95
_DRAWN_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class Share:
    """count of all. interval: of their ratio, with probability LEVEL; None for 0 of 0 and for a single record."""

    count: int
    all: int
    interval: tuple[float, float] | None

    @property
    def rate(self) -> float | None:
        """count / all; None for 0 of 0."""
        return self.count / self.all if self.all else None


def share(counts: IntArray, alls: IntArray) -> Share:
    """The sums of both columns, (records,), and the interval of their ratio if the records are drawn anew."""
    count, total = int(counts.sum()), int(alls.sum())
    if not total or len(counts) < 2:
        return Share(count, total, None)
    drawn = drawn_sums(np.stack([counts, alls], axis=1))
    sums = drawn[drawn[:, 1] > 0]  # a sample of records that all have empty references has no rate
    return Share(count, total, interval(sums[:, 0] / sums[:, 1]))


def interval(figures: FloatArray) -> tuple[float, float]:
    """What holds the middle part, LEVEL, of the figures of samples."""
    low, high = np.quantile(figures, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def drawn_sums(columns: IntArray) -> IntArray:
    """(SAMPLES, columns) the sums of columns, (records, columns), over records that are drawn anew.

    Each of SAMPLES samples draws as many records as there are, with replacement. Records with equal numbers are drawn
    as one class: a multinomial over the classes is the same distribution, and there are few of them.
    """
    rng = np.random.default_rng(SEED)
    classes, sizes = np.unique(columns, axis=0, return_counts=True)
    step = max(1, _DRAWN_AT_ONCE // len(sizes))
    draws = [
        rng.multinomial(len(columns), sizes / len(columns), size=min(step, SAMPLES - first)) @ classes
        for first in range(0, SAMPLES, step)
    ]
    return np.concatenate(draws)

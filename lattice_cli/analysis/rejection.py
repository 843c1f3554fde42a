"""What is gained by rejecting answers that are not sure enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray

#: One part in this many: confidences that differ by less are rounding and count as equal.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class RejectCurve:
    """What is accepted if answers below a threshold are rejected, at every threshold that makes a difference.

    records: how many there are; one without an answer is always rejected. threshold: (points,) the least confidence
    that is accepted, falling. accepted, errors: (points,) how many answers that accepts, and how many are wrong.
    area: under the risk-coverage curve, lower is better (Geifman, Uziel, El-Yaniv 2019): the mean, over the
    answers k from the surest on, of the rate of wrong ones among the first k; equally sure ones count evenly.
    None without answers.
    """

    records: int
    threshold: FloatArray
    accepted: IntArray
    errors: IntArray
    area: float | None

    def point(self, limit: float) -> int | None:
        """The point that accepts most while errors are at most this part of all records; None if even the first does
        not."""
        allowed = np.flatnonzero(self.errors <= limit * self.records)
        return int(allowed[-1]) if len(allowed) else None

    def at(self, threshold: float) -> tuple[int, int]:
        """How many answers are accepted whose confidence is at least this, but for rounding; how many are wrong."""
        reached = np.flatnonzero(self.threshold >= threshold * (1 - _ROUNDING))
        return (int(self.accepted[reached[-1]]), int(self.errors[reached[-1]])) if len(reached) else (0, 0)

    def spread(self, most: int) -> list[int]:
        """At most so many points, evenly over what is accepted; the last one among them."""
        if not len(self.accepted):
            return []
        wanted = np.linspace(0, self.accepted[-1], most + 1)[1:]
        return sorted(set(np.searchsorted(self.accepted, wanted - 0.5).tolist()))


def reject_curve(confidences: FloatArray, right: Sequence[bool], records: int) -> RejectCurve:
    """The curve of answers with these confidences, (answers,), that are right or wrong, of so many records."""
    order = np.argsort(-confidences, kind="stable")
    sorted_confidences = confidences[order]
    wrong = ~np.asarray(right, dtype=bool)[order]
    errors = np.cumsum(wrong)
    lower = sorted_confidences[1:] < sorted_confidences[:-1] * (1 - _ROUNDING)
    last = np.append(np.flatnonzero(lower), len(order) - 1) if len(order) else NO_INDICES
    # Inside of a tie errors come evenly, as they do on average over all orders.
    count = np.arange(1, len(order) + 1)
    even = np.interp(count, np.append(0, last + 1), np.append(0, errors[last]))
    area = float((even / count).mean()) if len(order) else None
    return RejectCurve(records, sorted_confidences[last], last + 1, errors[last], area)

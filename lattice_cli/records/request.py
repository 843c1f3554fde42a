"""What is asked of each record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.choices import MAX_STATES

#: Posteriors of a matrix are those of all paths this near to the best, in nats at beta 1.
REACH = 20.0


@dataclass(frozen=True)
class SearchRequest:
    """What is asked of each record: the n best paths, or distinct answers, or the answer of least risk.

    by_sum: answers by their free energies, the sums over all of their paths, instead of their best paths. words: labels
    with places and confidences. posteriors: of answers. steps: the arcs of paths, with all that is known of each.
    scores: what every factor of a cascade has in the energy. risk:
    the answer of least expected edit distance. beta: of sums, 1/nats. beam, max_active:
    limits that the user set, which may lose paths: of a row of a matrix those are dropped that are `beam` nats above
    its best, and all but so many. max_states: an exact search of a matrix ends after so many states, all rows together,
    where they are not enough to prove its answer.
    """

    n: int = 1
    distinct: bool = False
    by_sum: bool = False
    words: bool = False
    posteriors: bool = False
    steps: bool = False
    scores: bool = False
    risk: bool = False
    beta: float = 1.0
    beam: float = np.inf
    max_active: int | None = None
    max_states: int = MAX_STATES

    @property
    def margin(self) -> float:
        """Nats above the best path within which all paths are needed."""
        summed = self.words or self.risk or self.posteriors or self.by_sum
        return REACH / self.beta if summed else 0.0

    @property
    def limited(self) -> bool:
        """True if paths may be lost."""
        return np.isfinite(self.beam) or self.max_active is not None

    @property
    def single(self) -> bool:
        """True if nothing but the best path is wanted."""
        return self.n == 1 and self.margin == 0

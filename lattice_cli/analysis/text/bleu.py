"""BLEU of translations (Papineni, Roukos, Ward, Zhu 2002), of a whole data set with one reference each.

BLEU = brevity penalty * exp(mean over n = 1..4 of ln p_n). p_n: how many n-grams of all answers are in their reference,
each no more often than it is there, of all n-grams of the answers. Brevity penalty: exp(1 - reference / answer), of
lengths in words, where answers are shorter, else 1. Words are taken as they are, case matters, and nothing is smoothed:
without any match of some n it is 0. That is sacreBLEU's (Post 2018) nrefs:1|case:mixed|eff:no|tok:none|smooth:none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.analysis.bootstrap import drawn_sums, interval
from lattice_cli.arrays import FloatArray, IntArray

ORDER = 4

Words = Sequence[str]


@dataclass(frozen=True)
class Bleu:
    """score: 0 to 1. interval: of it if records are drawn anew, None for a single one. matches, totals: (ORDER,) the
    n-grams of answers that are right, and all of them. brevity: the penalty. answered, reference: words."""

    score: float
    interval: tuple[float, float] | None
    matches: tuple[int, ...]
    totals: tuple[int, ...]
    brevity: float
    answered: int
    reference: int

    @property
    def precisions(self) -> list[float | None]:
        """p_n of each n; None where answers have no n-gram at all."""
        return [match / total if total else None for match, total in zip(self.matches, self.totals)]


def bleu(pairs: Sequence[tuple[Words, Words]]) -> Bleu:
    """Of (reference, answer) each."""
    columns = np.array([_counts(*pair) for pair in pairs], dtype=np.intp)
    sums = columns.sum(axis=0)
    score, brevity = _scores(sums[None, :])
    between = interval(_scores(drawn_sums(columns))[0]) if len(pairs) > 1 else None
    matches, totals = tuple(sums[:ORDER].tolist()), tuple(sums[ORDER : 2 * ORDER].tolist())
    return Bleu(float(score[0]), between, matches, totals, float(brevity[0]), int(sums[-2]), int(sums[-1]))


def _counts(reference: Words, answer: Words) -> list[int]:
    """Matches and all n-grams of each n, then words of the answer and of the reference."""
    matches, totals = [], []
    for n in range(1, ORDER + 1):
        found, there = (Counter(zip(*(words[first:] for first in range(n)))) for words in (answer, reference))
        matches.append((found & there).total())
        totals.append(max(0, len(answer) - n + 1))
    return [*matches, *totals, len(answer), len(reference)]


def _scores(sums: IntArray) -> tuple[FloatArray, FloatArray]:
    """(samples,) BLEU and brevity penalties, of sums of counts, (samples, 2 * ORDER + 2)."""
    matches, totals = sums[:, :ORDER], sums[:, ORDER : 2 * ORDER]
    answered, reference = sums[:, -2].astype(np.float64), sums[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        brevity = np.where(answered < reference, np.exp(1 - reference / answered), 1.0)
        mean = np.exp(np.log(matches / totals).mean(axis=1))
    return np.where((matches > 0).all(axis=1), brevity * mean, 0.0), brevity

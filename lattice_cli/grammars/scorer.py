"""Grammars over output labels that are asked rather than composed with: deterministic, their states numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, finite, in_range
from lattice_cli.graph import Labels


class Scorer(Protocol):
    """A grammar over words that is asked rather than composed with. Histories are numbers."""

    @property
    def first(self) -> int:
        """The history at the start."""

    @property
    def histories(self) -> int:
        """How many there are."""

    @property
    def least(self) -> FloatArray:
        """(labels,) no word's energy is below this after any history."""

    @property
    def least_end(self) -> float:
        """No history's energy of ending is below this."""

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """(n,) energy of each word (an index of the label table) after each history, and the history then."""

    def ending(self, history: IntArray) -> FloatArray:
        """(n,) energy of ending after each history."""


class AskedGrammar(Protocol):
    """A grammar that can be asked rather than composed with. Labels are its own: no others are possible."""

    def scorer(self, labels: Labels) -> Scorer:
        """What it says of words out of a label table."""


@dataclass(frozen=True, eq=False)
class ScaledScorer:
    """A scorer whose energies count `scale` times, which is not negative; what is impossible stays so."""

    one: Scorer
    scale: float

    @property
    def first(self) -> int:
        """See Scorer."""
        return self.one.first

    @property
    def histories(self) -> int:
        """See Scorer."""
        return self.one.histories

    @property
    def least(self) -> FloatArray:
        """See Scorer."""
        return self._scaled(self.one.least)

    @property
    def least_end(self) -> float:
        """See Scorer."""
        return float(self._scaled(np.array([self.one.least_end]))[0])

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        energy, after = self.one.step(history, word)
        return self._scaled(energy), after

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        return self._scaled(self.one.ending(history))

    def _scaled(self, energy: FloatArray) -> FloatArray:
        with in_range("the scaled energy of a grammar"):
            return np.where(np.isfinite(energy), self.scale * finite(energy), energy)


@dataclass(frozen=True, eq=False)
class ScorerSum:
    """Two scorers at once: energies add up; a history is one of each."""

    one: Scorer
    other: Scorer

    @property
    def first(self) -> int:
        """See Scorer."""
        return self.one.first * self.other.histories + self.other.first

    @property
    def histories(self) -> int:
        """See Scorer."""
        return self.one.histories * self.other.histories

    @property
    def least(self) -> FloatArray:
        """See Scorer."""
        least: FloatArray = self.one.least + self.other.least
        return least

    @property
    def least_end(self) -> float:
        """See Scorer."""
        return self.one.least_end + self.other.least_end

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        first, second = np.divmod(history, self.other.histories)
        energy, first = self.one.step(first, word)
        more, second = self.other.step(second, word)
        return energy + more, first * self.other.histories + second

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        first, second = np.divmod(history, self.other.histories)
        ends: FloatArray = self.one.ending(first) + self.other.ending(second)
        return ends


def scorer_sum(parts: Sequence[Scorer]) -> Scorer | None:
    """Scorers together; None for none."""
    scorer: Scorer | None = None
    for part in parts:
        scorer = part if scorer is None else ScorerSum(scorer, part)
    return scorer

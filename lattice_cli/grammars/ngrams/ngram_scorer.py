"""Back-off models over a label table, asked word by word for many histories at once: exact, without an acceptor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, finite, in_range
from lattice_cli.grammars.ngrams.columns import NgramModel

_IMPOSSIBLE = -1


@dataclass(frozen=True, eq=False)
class NgramScorer:
    """A back-off model over a label table. word_of: (labels,) the model's word of each label, -1 for one that cannot be
    said. scale: what its energies are multiplied by.

    What is impossible stays so. A negative scale takes a model's energies out of answers that have them.
    """

    model: NgramModel
    word_of: IntArray
    scale: float = 1.0

    @staticmethod
    def of(model: NgramModel, labels: Sequence[str], unknown: Sequence[str] = ()) -> NgramScorer:
        """The model over a label table. unknown: names of the word that stands for those it does not have."""
        number = np.array([model.numbers.get(label, 0) for label in (*labels, *unknown)], dtype=np.intp)
        said = np.zeros(len(model.labels), dtype=bool)
        said[model.words] = True
        number[~said[number]] = _IMPOSSIBLE
        word_of, other = number[: len(labels)], number[len(labels) :]
        word_of[word_of < 0] = next((word for word in other.tolist() if word >= 0), _IMPOSSIBLE)
        word_of[:1] = _IMPOSSIBLE
        return NgramScorer(model, word_of)

    @property
    def first(self) -> int:
        """See Scorer."""
        return self.model.first

    @property
    def histories(self) -> int:
        """See Scorer."""
        return self.model.histories

    def scaled(self, scale: float) -> NgramScorer:
        """The model with its energies times a scale."""
        return replace(self, scale=scale)

    @cached_property
    def least(self) -> FloatArray:
        """See Scorer."""
        bound = self.model.least if self.scale >= 0 else self.model.bound(-1.0)
        own = np.where(self.word_of >= 0, bound[self.word_of], np.inf)
        return self._scaled(own, abs(self.scale))

    @cached_property
    def least_end(self) -> float:
        """See Scorer."""
        ends = self._scaled(self.model.ends)
        return float(ends.min())

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        said = self.word_of[word]
        known = np.flatnonzero(said >= 0)
        energy, after = np.full(len(word), np.inf), np.zeros(len(word), dtype=np.intp)
        spent, after[known] = self.model.step(history[known], said[known])
        energy[known] = self._scaled(spent)
        return energy, after

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        return self._scaled(self.model.ends[history])

    def _scaled(self, energies: FloatArray, scale: float | None = None) -> FloatArray:
        """Energies times the scale; what is impossible stays so."""
        by = self.scale if scale is None else scale
        if by == 1:
            return energies
        with in_range("the scaled energy of an n-gram"):
            return np.where(np.isfinite(energies), by * finite(energies), energies)

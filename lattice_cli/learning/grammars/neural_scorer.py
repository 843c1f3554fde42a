"""Grammars that predict a label from the last ones, asked word by word: contexts get numbers as they are met."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, KeyIndex, distinct
from lattice_cli.graph import Labels

#: Column of the energies for the end of the answer; the others are those of the vocabulary's table.
END = 0
#: Contexts get numbers below this.
_CONTEXTS = 1 << 31
#: So many energies are kept; then they are asked for again.
_KEPT = 1 << 24


class NeuralScorer:
    """See grammars.Scorer. Energies are never below 0, and no better bound is known before a context is. What a stream
    of records asks for is kept, up to a limit."""

    least_end = 0.0

    def __init__(self, ask: Callable[[IntArray], FloatArray], width: int, vocabulary: Labels, labels: Labels) -> None:
        """ask: contexts, (n, width) numbers of the vocabulary, -> (n, vocabulary) energies, column 0 that of the end.
        labels: the label table of what is judged. Labels that are not in the vocabulary are impossible."""
        self._ask, self.width, self._base = ask, width, len(vocabulary)
        number = {label: place for place, label in enumerate(vocabulary) if place}
        #: (labels,) the word of the vocabulary, 0 for none.
        self._word = np.array([0, *(number.get(label, 0) for label in labels[1:])], dtype=np.intp)
        self._index = KeyIndex(self._base**self.width)
        (first,), self._codes = self._index.number(np.zeros(1, dtype=np.intp))
        self.first = int(first)
        #: (contexts,) the row of each in the energies that are kept, -1 for none.
        self._row = np.full(1, -1, dtype=np.intp)
        self._energies = np.empty((0, self._base))
        self._filled = 0

    @property
    def histories(self) -> int:
        """See Scorer."""
        return _CONTEXTS

    @property
    def least(self) -> FloatArray:
        """See Scorer."""
        return np.where(self._word > 0, 0.0, np.inf)

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        own = self._word[word]
        known = own > 0
        energy = np.where(known, self._asked(history)[self._row[history], own], np.inf)
        codes = self._codes[history] % self._base ** (self.width - 1) * self._base + own
        after = np.full(len(word), self.first)
        after[known], fresh = self._index.number(codes[known])
        if len(fresh):
            self._codes = np.append(self._codes, fresh)
            self._row = np.append(self._row, np.full(len(fresh), -1))
        return energy, after

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        ends: FloatArray = self._asked(history)[self._row[history], END]
        return ends

    def _asked(self, history: IntArray) -> FloatArray:
        """(rows, vocabulary) the energies that are kept, those of some contexts among them."""
        contexts = distinct(history)
        new = contexts[self._row[contexts] < 0]
        if not len(new):
            return self._energies
        if (self._filled + len(new)) * self._base > _KEPT:
            self._row[:], self._filled, new = -1, 0, contexts
        needed = self._filled + len(new)
        if needed > len(self._energies):
            larger = np.empty((max(needed, 2 * len(self._energies)), self._base))
            larger[: self._filled] = self._energies[: self._filled]
            self._energies = larger
        powers = self._base ** np.arange(self.width - 1, -1, -1, dtype=np.intp)
        rows = self._codes[new, None] // powers % self._base
        self._energies[self._filled : needed] = self._ask(rows)
        self._row[new] = np.arange(self._filled, needed)
        self._filled = needed
        return self._energies

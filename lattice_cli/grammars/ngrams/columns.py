"""Back-off n-gram models as columns: histories, the words that follow each, and where a history backs off to.

p(w | h) is the n-gram's own where there is one, else backoff(h) p(w | h without its first word) (Katz 1987). That is a
deterministic automaton with failure arcs: an arc for each n-gram, and one for each history that is taken by those words
only that have no arc there. Arcs lie sorted by (history, word); what is not found there backs off, for all that is
asked at once, as often as it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class NgramModel:
    """A back-off model. Words are numbers from 1, into `labels`; energies are -log p in nats, +inf for p = 0.

    Histories are numbers: 0 is the empty one, then those of one word, those of two, and so on. A history is what tells
    anything: words follow it, or it is left for an energy.

    levels:          (order + 1,) where the histories of each number of words begin, and their end.
    begin, end:      the word that stands before a sentence, and the one that ends it; None if there is none: then a
                     sentence may end anywhere, for nothing.
    first:           the history at the start of a sentence.
    key:             (n-grams,) history * len(labels) + word, ascending; every word that can follow follows history 0.
    energy, after:   (n-grams,) of each, and the history then.
    leaving, shorter: (histories,) energy of backing off, +inf for history 0, and where to, which is a lower number.
    ends:            (histories,) energy of ending a sentence.
    """

    labels: tuple[str, ...]
    levels: IntArray
    begin: int | None
    end: int | None
    first: int
    key: IntArray
    energy: FloatArray
    after: IntArray
    leaving: FloatArray
    shorter: IntArray
    ends: FloatArray

    @property
    def order(self) -> int:
        """Words of the longest n-gram."""
        return len(self.levels) - 1

    @property
    def histories(self) -> int:
        """How many there are."""
        return len(self.leaving)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Label -> word, of all, also of those that cannot be said."""
        return {label: word for word, label in enumerate(self.labels) if word}

    @cached_property
    def words(self) -> IntArray:
        """The words that can be said, ascending."""
        alone: IntArray = np.asarray(self.key[: np.searchsorted(self.key, len(self.labels))])
        return alone if self.end is None else alone[alone != self.end]

    @cached_property
    def least(self) -> FloatArray:
        """(words,) no word's energy is below this after any history."""
        return self.bound()

    def bound(self, sign: float = 1.0) -> FloatArray:
        """(words,) a lower bound on the energy of each word, times a sign: the least over its n-grams, each with the
        least energy of backing off to it from anywhere. +inf for those that are never possible."""
        leaving, energy = _signed(self.leaving, sign), _signed(self.energy, sign)
        arriving = np.zeros(self.histories)
        for low, high in zip(self.levels[-2:0:-1].tolist(), self.levels[:0:-1].tolist()):  # longer ones first
            np.minimum.at(arriving, self.shorter[low:high], leaving[low:high] + arriving[low:high])
        history, word = np.divmod(self.key, len(self.labels))
        least = np.full(len(self.labels), np.inf)
        np.minimum.at(least, word, energy + arriving[history])
        return least

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """(n,) the energy of each word after each history, and the history then."""
        energy, after = np.zeros(len(word)), np.zeros(len(word), dtype=np.intp)
        at, open_ = np.array(history, dtype=np.intp), np.arange(len(word))
        while len(open_):
            place, found = self.arcs(at[open_], word[open_])
            done, place = open_[found], place[found]
            energy[done] += self.energy[place]
            after[done] = self.after[place]
            open_ = open_[~found]
            energy[open_] += self.leaving[at[open_]]
            open_ = open_[np.isfinite(energy[open_])]
            at[open_] = self.shorter[at[open_]]
        return energy, after

    def order_of(self, history: IntArray, word: IntArray) -> IntArray:
        """(n,) words of the n-gram that the energy of each word after each history is of: less than can be where it is
        backed off to; 0 for a word that there is none of. Words may be below 0, which are none."""
        order, at, open_ = (
            np.zeros(len(word), dtype=np.intp),
            np.array(history, dtype=np.intp),
            np.flatnonzero(word >= 0),
        )
        while len(open_):
            _, found = self.arcs(at[open_], word[open_])
            order[open_[found]] = np.searchsorted(self.levels, at[open_[found]], side="right")
            open_ = open_[~found & (at[open_] > 0)]
            at[open_] = self.shorter[at[open_]]
        return order

    def arcs(self, history: IntArray, word: IntArray) -> tuple[IntArray, BoolArray]:
        """(n,) the n-gram of each word after each history, and whether there is one."""
        return places_of(history * len(self.labels) + word, self.key)


def places_of(wanted: IntArray, key: IntArray) -> tuple[IntArray, BoolArray]:
    """(n,) where keys are among ascending ones, and whether they are."""
    if not len(key):
        return np.zeros(len(wanted), dtype=np.intp), np.zeros(len(wanted), dtype=bool)
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return place, key[place] == wanted


def _signed(energies: FloatArray, sign: float) -> FloatArray:
    return energies if sign > 0 else np.where(np.isfinite(energies), sign * energies, np.inf)

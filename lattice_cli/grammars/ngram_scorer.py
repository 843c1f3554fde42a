"""Back-off models asked word by word, for many histories at once: exact, without an acceptor.

p(w | h) is the n-gram's own where there is one, else backoff(h) p(w | h without its first word) (Katz 1987). N-grams
lie sorted by (history, word); what is not found there backs off, all at once, as often as it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, finite, in_range
from lattice_cli.grammars.ngram import Context, NgramModel

_IMPOSSIBLE = -1


@dataclass(frozen=True, eq=False)
class NgramScorer:
    """A back-off model as columns.

    key: (n-grams,) history * words + word, ascending; energy, after: of each, and the history then. leaving, shorter:
    (histories,) energy of backing off, and where to. ends: (histories,). word_of: (labels,) the model's word of each
    label, -1 for one that cannot be said.
    """

    first: int
    least: FloatArray
    least_end: float
    words: int
    key: IntArray
    energy: FloatArray
    after: IntArray
    leaving: FloatArray
    shorter: IntArray
    ends: FloatArray
    word_of: IntArray

    @staticmethod
    def of(model: NgramModel, labels: Sequence[str], unknown: Sequence[str] = ()) -> NgramScorer:
        """The model over a label table. unknown: names of the word that stands for those it does not have."""
        contexts = _contexts(model)
        number = {context: place for place, context in enumerate(contexts)}
        sayable = set(model.words)
        names = {model.labels[word]: word for word in model.words}
        other = next((names[name] for name in unknown if name in names), _IMPOSSIBLE)
        word_of = np.array([_IMPOSSIBLE, *(names.get(label, other) for label in labels[1:])], dtype=np.intp)
        words = len(model.labels)
        rows = [
            (number[context] * words + word, energy, number[model.kept((*context, word))])
            for context in contexts
            for word, energy in model.followers.get(context, {}).items()
            if word in sayable
        ]
        columns = list(zip(*rows)) if rows else [(), (), ()]
        key = np.array(columns[0], dtype=np.intp)
        order = np.argsort(key, kind="stable")
        leaving = np.array([model.backoff.get(context, 0.0) if context else np.inf for context in contexts])
        shorter = np.array([number[model.shorter(context)] if context else 0 for context in contexts], dtype=np.intp)
        energy = np.array(columns[1], dtype=np.float64)
        ends = np.array([model.ending(context) for context in contexts])
        least = _least(key[order], energy[order], leaving, shorter, words)
        return NgramScorer(
            number[model.first],
            np.where(word_of >= 0, least[word_of], np.inf),
            float(ends.min()),
            words,
            key[order],
            energy[order],
            np.array(columns[2], dtype=np.intp)[order],
            leaving,
            shorter,
            ends,
            word_of,
        )

    @property
    def histories(self) -> int:
        """See Scorer."""
        return len(self.ends)

    def scaled(self, scale: float, word_energy: float) -> NgramScorer:
        """The model with its energies times a scale, and an energy for each word. What is impossible stays so.

        A negative scale takes a model's energies out of answers that have them.
        """
        bound, end = self.least, self.least_end
        if scale < 0:
            bound = -_least(self.key, -self.energy, -self.leaving, self.shorter, self.words)
            bound = np.where(self.word_of >= 0, bound[self.word_of], np.inf)
            end = float(self.ends[np.isfinite(self.ends)].max(initial=0.0))
        return replace(
            self,
            energy=_times(scale, self.energy) + word_energy,
            leaving=_times(scale, self.leaving),
            ends=_times(scale, self.ends),
            least=_times(scale, bound) + word_energy,
            least_end=scale * end,
        )

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        said = self.word_of[word]
        energy, after = np.zeros(len(word)), np.zeros(len(word), dtype=np.intp)
        energy[said < 0] = np.inf
        open_, at = np.flatnonzero(said >= 0), history.copy()
        while len(open_):
            wanted = at[open_] * self.words + said[open_]
            place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
            found = self.key[place] == wanted
            done = open_[found]
            energy[done] += self.energy[place[found]]
            after[done] = self.after[place[found]]
            open_ = open_[~found]
            energy[open_] += self.leaving[at[open_]]
            open_ = open_[np.isfinite(energy[open_])]
            at[open_] = self.shorter[at[open_]]
        return energy, after

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        return self.ends[history]


def _times(scale: float, energies: FloatArray) -> FloatArray:
    """Scaled energies; what is impossible stays so."""
    with in_range("the scaled energy of an n-gram"):
        return np.where(np.isfinite(energies), scale * finite(energies), energies)


def _contexts(model: NgramModel) -> list[Context]:
    """Every history that can be met, shorter ones first."""
    kept = {model.kept(context) for context in (*model.followers, *model.backoff)}
    return sorted(kept | {(), model.first}, key=lambda context: (len(context), context))


def _least(key: IntArray, energy: FloatArray, leaving: FloatArray, shorter: IntArray, words: int) -> FloatArray:
    """(words,) a lower bound on the energy of each word: the least over its n-grams, each with the least energy of
    backing off to it from anywhere."""
    arriving = np.zeros(len(leaving))
    for history in range(len(leaving) - 1, 0, -1):  # longer ones first
        back = int(shorter[history])
        arriving[back] = min(arriving[back], leaving[history] + arriving[history])
    of_history, word = np.divmod(key, words)
    least = np.full(words, np.inf)
    np.minimum.at(least, word, energy + arriving[of_history])
    return least

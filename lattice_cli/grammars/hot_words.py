"""Hot words: answers gain for each word of a list that they have. Asked label by label, however many words there are.

A word that is an output label gains at once. Any other word is spelled in labels, between white space or the ends of an
answer. Its gain is spread over its labels, as far as prefixes share them, and taken back where the word is not said
after all: what an answer gains in the end is the same, and a search knows early where gains may come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.graph import Labels, Trie, label_index


def unsaid(words: Iterable[str], spoken: Collection[str]) -> frozenset[str]:
    """The words that can neither be output nor spelled. spoken: the labels that can be output."""
    return frozenset(word for word in words if word not in spoken and not _spelled(word, spoken))


def _spelled(word: str, spoken: Collection[str]) -> bool:
    return bool(word) and all(letter in spoken and not letter.isspace() for letter in word)


@dataclass(frozen=True, eq=False)
class HotWords:
    """A scorer over labels. History 0 is behind white space, 1 inside of another word, the rest are prefixes of hot
    words.

    gain: (labels,) nats that a label gains by itself. blank: (labels,) true for white space. key: (prefixes,) history *
    labels + label, ascending; child: the longer prefix. lent: (histories,) what a prefix has been given in advance.
    whole: (histories,) what a word gains that is the prefix.
    """

    labels: int
    gain: FloatArray
    blank: FloatArray
    key: IntArray
    child: IntArray
    lent: FloatArray
    whole: FloatArray

    @staticmethod
    def of(words: Mapping[str, float], labels: Labels, spoken: Collection[str]) -> HotWords:
        """The scorer of words and their gains in nats. spoken: the labels that can be output.

        Words that no answer can have (see `unsaid`) make no difference.
        """
        number = label_index(labels)
        gain = np.zeros(len(labels))
        spelled: dict[str, float] = {}
        for word, bonus in words.items():
            if word in spoken:
                gain[number[word]] += bonus
            elif _spelled(word, spoken):
                spelled[word] = bonus
        trie = Trie()
        paths = [trie.path([number[letter] for letter in word]) for word in spelled]
        lent, whole = [0.0] * (trie.nodes + 1), [0.0] * (trie.nodes + 1)  # history 1 is no prefix
        for path, bonus in zip(paths, spelled.values()):
            for position, node in enumerate(path, 1):
                if (share := bonus * position / len(path)) > lent[node + 1]:
                    lent[node + 1] = share
            whole[path[-1] + 1] = bonus
        tail, label, head = trie.columns()
        key, child = (tail + (tail > 0)) * len(labels) + label, head + 1
        order = np.argsort(key)
        # Rounding aside a prefix lends no less than a shorter one, so that no step but a failure costs anything.
        blank = np.array([0.0, *(float(label.isspace()) for label in labels[1:])])
        return HotWords(len(labels), gain, blank, key[order], child[order], np.array(lent), np.array(whole))

    @property
    def first(self) -> int:
        """See Scorer."""
        return 0

    @property
    def histories(self) -> int:
        """See Scorer."""
        return len(self.lent)

    @property
    def least(self) -> FloatArray:
        """See Scorer."""
        least = np.where(self.blank > 0, np.minimum((self.lent - self.whole).min(), 0.0), 0.0)
        tail, label = np.divmod(self.key, self.labels)
        np.minimum.at(least, label, self.lent[tail] - self.lent[self.child])
        found: FloatArray = least - self.gain
        return found

    @property
    def least_end(self) -> float:
        """See Scorer."""
        return min(0.0, float((self.lent - self.whole).min()))

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        energy = -self.gain[word]
        after = np.ones(len(word), dtype=np.intp)
        if len(self.key):
            wanted = history * self.labels + word
            place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
            found = self.key[place] == wanted
            after[found] = self.child[place[found]]
        boundary = self.blank[word] > 0
        after[boundary] = 0
        energy += self.lent[history] - np.where(boundary, self.whole[history], self.lent[after])
        return energy, after

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        ends: FloatArray = self.lent[history] - self.whole[history]
        return ends

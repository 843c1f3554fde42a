"""Hot words: answers gain for each word of a list that they have. Asked label by label, however many words there are.

A word that is an output label gains at once. Any other word is spelled in labels: characters between white space or the
ends of an answer, or word pieces. Its gain is spread over its prefixes, and taken back where the word is not said after
all: what an answer gains in the end is the same, and a search knows early where gains may come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import NumericOverflow
from lattice_cli.grammars.spelled_words import BETWEEN, WordTrie, spellable
from lattice_cli.grammars.spelling import Spelling, spelling_of
from lattice_cli.graph import Labels, label_index


def unsaid(words: Iterable[str], spoken: Collection[str], spelling: Spelling | None = None) -> frozenset[str]:
    """The words that can neither be output nor spelled. spoken: the labels that can be output."""
    spelling = spelling or spelling_of(frozenset(spoken))
    rest = frozenset(word for word in words if not _is_label(word, spoken, spelling))
    return rest - spellable(rest, spoken, spelling) if spelling.kind != "words" else rest


def _is_label(word: str, spoken: Collection[str], spelling: Spelling) -> bool:
    return word in spoken and spelling.kind != "pieces"


@dataclass(frozen=True, eq=False)
class HotWords:
    """A scorer over labels. Histories are the nodes of the trie of the words that are spelled.

    gain: (labels,) nats that a label gains by itself. lent: (nodes,) what a prefix has been given in advance. whole:
    (nodes,) what a word gains that is the prefix.
    """

    trie: WordTrie
    gain: FloatArray
    lent: FloatArray
    whole: FloatArray

    @staticmethod
    def of(
        words: Mapping[str, float], labels: Labels, spoken: Collection[str], spelling: Spelling | None = None
    ) -> HotWords:
        """The scorer of words and their gains in nats. spoken: the labels that can be output; spelling: how they spell.

        Words that no answer can have (see `unsaid`) make no difference.
        """
        spelling = spelling or spelling_of(frozenset(spoken))
        number = label_index(labels)
        gain = np.zeros(len(labels))
        for word, bonus in words.items():
            if _is_label(word, spoken, spelling):
                gain[number[word]] += bonus
        spelled = [word for word in words if not _is_label(word, spoken, spelling) and spelling.kind != "words"]
        said = tuple(label if label in spoken else "" for label in labels)
        trie = WordTrie.of(spelled, said, spelling)
        lent, whole = np.zeros(trie.nodes), np.zeros(trie.nodes)
        for word, end in zip(spelled, trie.word_node.tolist()):
            node, bonus = end, words[word]
            for position in range(len(word), 0, -1) if end >= 0 else ():
                lent[node] = max(lent[node], bonus * position / len(word))
                node = trie.parent[node]
            if end >= 0:
                whole[end] = bonus
        if not np.isfinite(np.concatenate([gain, lent, whole])).all():
            raise NumericOverflow("what a word gains, times its length, is beyond the range of float64")
        return HotWords(trie, gain, lent, whole)

    @property
    def first(self) -> int:
        """See Scorer."""
        return BETWEEN

    @property
    def histories(self) -> int:
        """See Scorer."""
        return self.trie.nodes

    @property
    def least(self) -> FloatArray:
        """See Scorer."""
        closings = 1.0 * self.trie.begins + self.trie.ends
        found: FloatArray = self.trie.least_moves(-self.lent) + closings * self.least_end - self.gain
        return found

    @property
    def least_end(self) -> float:
        """See Scorer."""
        return min(0.0, float((self.lent - self.whole).min()))

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        begins, ends = self.trie.begins[word], self.trie.ends[word]
        energy = np.where(begins, self.ending(history), 0.0) - self.gain[word]
        node = np.where(begins, BETWEEN, history)
        after = self.trie.moved(node, word)
        energy += self.lent[node] - self.lent[after] + np.where(ends, self.ending(after), 0.0)
        return energy, np.where(ends, BETWEEN, after)

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        ends: FloatArray = self.lent[history] - self.whole[history]
        return ends

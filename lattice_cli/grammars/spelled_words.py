"""Words spelled in labels: the prefixes of a list of words as states, and a model of words asked label by label.

A label moves from a prefix to a longer one by its text, however the word is cut into pieces; a separator, a label that
begins a word, or the end of the answer closes the word before. What a word costs is spread over its prefixes as far as
it is sure, so that a search knows early what is unlikely (language model look-ahead; Ortmanns, Ney and Eiden 1996).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray
from lattice_cli.grammars.ngrams import NgramModel, NgramScorer
from lattice_cli.grammars.spelling import Spelling
from lattice_cli.graph import Labels, Trie

#: Between words; inside of a word that is none of the list. Behind these are the prefixes.
BETWEEN, OTHER = 0, 1


@dataclass(frozen=True, eq=False)
class WordTrie:
    """The prefixes of words as nodes, and how labels lead from one to another.

    nodes: how many. begins, ends: (labels,) whether a label closes the word before, or its own. silent: (labels,)
    whether it has no text. key: (moves,) node * labels + label, ascending; child: the node then; any other move leads
    to OTHER. word_node: (words,) of each whole word, -1 for one that labels cannot spell. parent: (nodes,) of prefixes,
    the one shorter by a character.
    """

    nodes: int
    begins: BoolArray
    ends: BoolArray
    silent: BoolArray
    key: IntArray
    child: IntArray
    word_node: IntArray
    parent: IntArray

    @staticmethod
    def of(words: Sequence[str], labels: Labels, spelling: Spelling) -> WordTrie:
        """The trie of words over a label table."""
        parts = [spelling.part(label) for label in labels]
        by_text: dict[str, list[int]] = defaultdict(list)
        for label, part in enumerate(parts):
            if label and part.text:
                by_text[part.text].append(label)
        longest = max(map(len, by_text), default=0)
        trie, moves = Trie(), dict[tuple[int, int], int]()
        word_node = np.full(len(words), -1, dtype=np.intp)
        for number, word in enumerate(words):
            steps = _spelled(word, by_text, longest, parts)
            if steps:
                path = [BETWEEN, *(node + 1 for node in trie.path(map(ord, word)))]
                moves.update(((path[low], label), path[high]) for low, high, label in steps)
                word_node[number] = path[-1]
        keys = np.array([tail * len(labels) + label for tail, label in moves], dtype=np.intp)
        order = np.argsort(keys)
        parent = np.zeros(trie.nodes + 1, dtype=np.intp)
        tail, _, head = trie.columns()
        parent[head + 1] = tail + (tail > 0)
        return WordTrie(
            trie.nodes + 1,
            np.array([part.begins for part in parts]),
            np.array([part.ends for part in parts]),
            np.array([not part.text for part in parts]),
            keys[order],
            np.fromiter(moves.values(), dtype=np.intp, count=len(moves))[order],
            word_node,
            parent,
        )

    def moved(self, node: IntArray, label: IntArray) -> IntArray:
        """(n,) the node behind each label, the word before being closed where it has to be."""
        after = np.where(self.silent[label], BETWEEN, OTHER)
        if len(self.key):
            wanted = node * len(self.begins) + label
            place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
            found = self.key[place] == wanted
            after[found] = self.child[place[found]]
        return after

    def least_moves(self, lent: FloatArray) -> FloatArray:
        """(labels,) a lower bound on what the text of each label costs, by what prefixes are lent: (nodes,)."""
        least = np.where(self.silent, 0.0, min(0.0, lent[OTHER] - float(lent[np.isfinite(lent)].max(initial=0.0))))
        tail, label = np.divmod(self.key, len(self.begins))
        np.minimum.at(least, label, lent[self.child] - lent[tail])
        return least

    def spread(self, energy: FloatArray) -> FloatArray:
        """(nodes,) what each prefix is lent: the least energy of the words that go on from it. energy: (words,)."""
        lent = np.full(self.nodes, np.inf)
        spelled = self.word_node >= 0
        np.minimum.at(lent, self.word_node[spelled], energy[spelled])
        for node in range(self.nodes - 1, OTHER, -1):  # children are numbered behind their parents
            before = self.parent[node]
            lent[before] = min(lent[before], lent[node])
        lent[BETWEEN] = 0.0
        return lent


def _spelled(
    word: str, by_text: dict[str, list[int]], longest: int, parts: Sequence[tuple[bool, str, bool]]
) -> list[tuple[int, int, int]]:
    """The moves (from, to, label) by which labels can spell a word, empty if they cannot; character positions."""
    size = len(word)
    found = [
        (low, high, label)
        for low in range(size)
        for high in range(low + 1, min(size, low + longest) + 1)
        for label in by_text.get(word[low:high], ())
        if (low == 0 or not parts[label][0]) and (high == size or not parts[label][2])
    ]
    reached = {0}
    for low, high, _ in found:  # in order of `low`
        if low in reached:
            reached.add(high)
    return found if size in reached and size else []


def spellable(words: Iterable[str], labels: Iterable[str], spelling: Spelling) -> frozenset[str]:
    """The words that labels can spell."""
    listed = list(words)
    trie = WordTrie.of(listed, ("", *labels), spelling)
    return frozenset(word for word, node in zip(listed, trie.word_node.tolist()) if node >= 0)


def spells_words(model: NgramModel, labels: frozenset[str], spelling: Spelling) -> bool:
    """Whether the words of a model are spelled in labels, rather than being labels themselves."""
    if spelling.kind == "words":
        return False
    tags = ("<", "[")  # <unk> and its like are no words that were spelled
    names = (model.labels[word] for word in model.words.tolist())
    return any(len(name) > 1 and name not in labels and name[0] not in tags for name in names)


@dataclass(frozen=True, eq=False)
class SpelledModel:
    """A model of words as a scorer of the labels that spell them. A history is the model's history * nodes + node.

    word: (nodes,) the model's label of the word that a prefix is, -1 for none: `unknown` then. lent: (nodes,).
    """

    trie: WordTrie
    model: NgramScorer
    word: IntArray
    lent: FloatArray

    @staticmethod
    def of(model: NgramScorer, words: Labels, labels: Labels, spelling: Spelling) -> SpelledModel:
        """The scorer over a label table. words: the label table of the model, the last one what stands for others."""
        trie = WordTrie.of(words[1:-1], labels, spelling)
        word = np.full(trie.nodes, len(words) - 1, dtype=np.intp)
        spelled = np.flatnonzero(trie.word_node >= 0)
        word[trie.word_node[spelled]] = spelled + 1
        least = model.least[1:]
        lent = trie.spread(least[:-1])
        other = float(least[-1])
        lent[OTHER:] = np.minimum(lent[OTHER:], other)  # any prefix may end in a word that is none
        return SpelledModel(trie, model, word, lent)

    @property
    def first(self) -> int:
        """See Scorer."""
        return self.model.first * self.trie.nodes + BETWEEN

    @property
    def histories(self) -> int:
        """See Scorer."""
        return self.model.histories * self.trie.nodes

    @property
    def least(self) -> FloatArray:
        """See Scorer."""
        closing = min(0.0, self._least_closing)
        least: FloatArray = self.trie.least_moves(self.lent) + closing * (self.trie.begins + 1.0 * self.trie.ends)
        return least

    @property
    def least_end(self) -> float:
        """See Scorer."""
        return min(0.0, self._least_closing) + self.model.least_end

    @property
    def _least_closing(self) -> float:
        """No word costs less than this beyond what its prefix was lent."""
        least, lent = self.model.least[self.word][OTHER:], self.lent[OTHER:]
        possible = np.isfinite(least) & np.isfinite(lent)
        return float((least[possible] - lent[possible]).min(initial=0.0))

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        before, node = np.divmod(history, self.trie.nodes)
        energy, before, node = self._closed(before, node, self.trie.begins[word])
        after = self.trie.moved(node, word)
        energy = _added(energy, self.lent[after] - np.where(np.isfinite(self.lent[node]), self.lent[node], 0.0))
        more, before, after = self._closed(before, after, self.trie.ends[word])
        return _added(energy, more), before * self.trie.nodes + after

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        before, node = np.divmod(history, self.trie.nodes)
        energy, before, _ = self._closed(before, node, np.ones(len(history), dtype=np.bool_))
        return _added(energy, self.model.ending(before))

    def _closed(self, before: IntArray, node: IntArray, wanted: BoolArray) -> tuple[FloatArray, IntArray, IntArray]:
        """(n,) energy, history of the model and node where the words that are wanted have come to their end."""
        energy = np.zeros(len(node))
        closing = np.flatnonzero(wanted & (node != BETWEEN))
        if len(closing):
            before, node = before.copy(), node.copy()
            spent, before[closing] = self.model.step(before[closing], self.word[node[closing]])
            lent = self.lent[node[closing]]
            energy[closing] = _added(spent, -lent)
            node[closing] = BETWEEN
        return energy, before, node


@dataclass(frozen=True, eq=False)
class WordCount:
    """A scorer that charges every word alike. Histories are BETWEEN and OTHER, inside of a word.

    energy: of a word. begins, ends, silent: (labels,) as in WordTrie; where labels are words each of them is one.
    """

    energy: float
    begins: BoolArray
    ends: BoolArray
    silent: BoolArray

    @staticmethod
    def of(labels: Labels, spelling: Spelling | None) -> WordCount:
        """At 1 a word over a label table. spelling: how labels spell words; None: they are words."""
        if spelling is None:
            every = np.ones(len(labels), dtype=np.bool_)
            return WordCount(1.0, every, every, ~every)
        parts = [spelling.part(label) for label in labels]
        columns = zip(*((part.begins, part.ends, not part.text) for part in parts))
        return WordCount(1.0, *(np.array(column, dtype=np.bool_) for column in columns))

    def times(self, energy: float) -> WordCount:
        """The same at another energy."""
        return replace(self, energy=energy)

    @property
    def first(self) -> int:
        """See Scorer."""
        return BETWEEN

    @property
    def histories(self) -> int:
        """See Scorer."""
        return 2

    @property
    def least(self) -> FloatArray:
        """See Scorer."""
        return np.where(self.silent, 0.0, np.where(self.begins, self.energy, min(0.0, self.energy)))

    @property
    def least_end(self) -> float:
        """See Scorer."""
        return 0.0

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        inside = (history == OTHER) & ~self.begins[word]
        energy = np.where(inside | self.silent[word], 0.0, self.energy)
        return energy, np.where((inside | ~self.silent[word]) & ~self.ends[word], OTHER, BETWEEN)

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        return np.zeros(len(history))


def _added(one: FloatArray, other: FloatArray) -> FloatArray:
    """Sums of energies of which either may be infinite."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(one) & np.isfinite(other), one + other, np.inf)

"""Models that score sentences: n-grams and networks, asked word by word for many sentences at once, and any other
grammar, composed with many sentences at once.

A word that a model does not have is read as its unknown word, where it has one; else the sentence has no path. Behind
such a word n-grams go on from the empty history, as in SRILM (lm/src/NgramLM.cc), so that the words after it can still
be judged; of a network or a graph nothing is known then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from lattice_cli.analysis.text.sentence_scores import SentenceScore
from lattice_cli.arrays import FloatArray, IntArray, distinct, stable_order
from lattice_cli.composition import compose, why_empty
from lattice_cli.errors import Diverged, FormatError, quoted
from lattice_cli.grammars import NgramGrammar, NgramModel, Scorer, Spelling, spelling_of
from lattice_cli.grammars.recursion import Expansion, RecursiveGrammar
from lattice_cli.graph import EPSILON, Document, Graph, Labels, linear_graph
from lattice_cli.records.decoder import Grammar
from lattice_cli.search import best_with_gap
from lattice_cli.sweep import LogSemiring, sweep

Words = tuple[str, ...]
_NO_WORD = -1


class TextModel(Protocol):
    """What scores sentences. vocabulary: the words that it has."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that it has."""

    def scores(self, sentences: Sequence[Words]) -> list[SentenceScore]:
        """What it says of each. Raises Diverged."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """numbers: word -> its number in a label table. unknown: the word that stands for all others, "" for none. marks:
    of the begin and the end of sentences, which are no words. split: how labels spell words, one of SPLITS or auto."""

    numbers: dict[str, int]
    unknown: str
    marks: tuple[str, ...]
    split: str

    @cached_property
    def spelling(self) -> Spelling:
        """How its labels spell words."""
        return spelling_of(frozenset(self.numbers), self.split)

    def words(self, text: str, source: str) -> Words:
        """The labels of a line. Raises FormatError for marks in it."""
        found = self.spelling.labels(text)
        for mark in self.marks:
            if mark in found:
                raise FormatError(f"{source}: found {mark!r}, which the model sets itself, expected words only")
        return found

    def number(self, word: str) -> int:
        """The number of a word or of what stands for it, -1 for none."""
        return self.numbers.get(word, self.numbers.get(self.unknown, _NO_WORD))

    def known(self, words: Words) -> tuple[bool, ...]:
        """Whether it has each, other than as an unknown one."""
        return tuple(word in self.numbers and word != self.unknown for word in words)

    def lacks(self, words: Words) -> str:
        """Why a sentence with words that nothing stands for has no path; "" if it has none of them."""
        missing = [] if self.unknown else list(dict.fromkeys(word for word in words if word not in self.numbers))
        return f"no path: the model has no {quoted(missing)}, and no unknown word" if missing else ""


def text_model(
    grammar: Grammar, unknown: Sequence[str], split: str = "auto", by_sum: bool = False, detailed: bool = False
) -> TextModel:
    """A grammar as a model of sentences. unknown: names of the word that stands for unknown ones. by_sum: where several
    paths of a graph say a sentence, their sum rather than the best of them. detailed: with orders and histories."""
    if isinstance(grammar, Document):
        graph = grammar.graph
        heard = distinct(graph.ilabel[graph.ilabel != EPSILON]).tolist()
        return GraphModel(grammar, _vocabulary(((graph.labels[each], each) for each in heard), unknown, split), by_sum)
    table = grammar.labels
    if isinstance(grammar, RecursiveGrammar):
        own = ((label, place) for place, label in enumerate(table) if place != EPSILON)
        return GraphModel(grammar, _vocabulary(own, unknown, split), by_sum)
    scorer = grammar.scorer(table)
    model = grammar.model if isinstance(grammar, NgramGrammar) else None
    said = range(1, len(table)) if model is None else model.words.tolist()
    marks = () if model is None else tuple(table[each] for each in (model.begin, model.end) if each is not None)
    vocabulary = _vocabulary(((table[each], each) for each in said), unknown, split, marks)
    return AskedModel(scorer, table, vocabulary, model, detailed)


def _vocabulary(
    labels: Iterable[tuple[str, int]], unknown: Sequence[str], split: str, marks: tuple[str, ...] = ()
) -> Vocabulary:
    numbers = dict(labels)
    return Vocabulary(numbers, next((each for each in unknown if each in numbers), ""), marks, split)


@dataclass(frozen=True, eq=False)
class AskedModel:
    """A grammar that is asked word by word, over its own labels. ngrams: the model, where it is one of n-grams."""

    scorer: Scorer
    labels: Labels
    vocabulary: Vocabulary
    ngrams: NgramModel | None
    detailed: bool = False

    def scores(self, sentences: Sequence[Words]) -> list[SentenceScore]:
        """See TextModel."""
        lengths = np.array([len(each) for each in sentences], dtype=np.intp)
        longest = int(lengths.max(initial=0))
        word = np.full((len(sentences), longest), _NO_WORD, dtype=np.intp)
        for row, each in enumerate(sentences):
            word[row, : len(each)] = [self.vocabulary.number(label) for label in each]
        energy, order = np.zeros((len(sentences), longest + 1)), np.zeros((len(sentences), longest + 1), dtype=np.intp)
        history = np.full(len(sentences), self.scorer.first, dtype=np.intp)
        for place in range(longest):
            on = np.flatnonzero(lengths > place)
            order[on, place] = self._orders(history[on], word[on, place])
            energy[on, place], history[on] = self._stepped(history[on], word[on, place])
        every = np.arange(len(sentences))
        energy[every, lengths] = self.scorer.ending(history)
        if self.ngrams is not None and self.ngrams.end is not None:
            order[every, lengths] = self._orders(history, np.full(len(sentences), self.ngrams.end))
        return [
            self._score(words, energies[: len(words) + 1], orders[: len(words) + 1])
            for words, energies, orders in zip(sentences, energy.tolist(), order.tolist())
        ]

    def _stepped(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """The energy of each word, +inf for none, and the history then: of n-grams the empty one behind such a word."""
        energy, after = np.full(len(word), np.inf), np.zeros(len(word), dtype=np.intp)
        said = np.flatnonzero(word >= 0)
        energy[said], after[said] = self.scorer.step(history[said], word[said])
        return energy, np.where(np.isfinite(energy), after, 0)

    def _orders(self, history: IntArray, word: IntArray) -> IntArray | int:
        return self.ngrams.order_of(history, word) if self.detailed and self.ngrams is not None else 0

    def _score(self, words: Words, energies: list[float], orders: list[int]) -> SentenceScore:
        total, why = sum(energies), self.vocabulary.lacks(words)
        if not math.isfinite(total) and not why:
            place = next(place for place, energy in enumerate(energies) if not math.isfinite(energy))
            why = f"no path: the model gives {repr(words[place]) if place < len(words) else 'the end'} no probability"
        if not math.isfinite(total) and self.ngrams is None:
            return SentenceScore(words, self.vocabulary.known(words), total, None, why=why)
        ngrams = self.detailed and self.ngrams is not None
        return SentenceScore(
            words,
            self.vocabulary.known(words),
            total,
            tuple(energies),
            tuple(orders) if ngrams else None,
            self._histories(words, energies) if self.detailed else None,
            why=why,
        )

    def _histories(self, words: Words, energies: list[float]) -> tuple[Words, ...]:
        """What each word and the end could be judged by: so many words before it, from the last impossible one on."""
        ngrams = self.ngrams
        width = int(getattr(self.scorer, "width", 0)) if ngrams is None else ngrams.order - 1
        begin: list[str] = [] if ngrams is None or ngrams.begin is None else [self.labels[ngrams.begin]]
        found: list[Words] = []
        for word, energy in zip((*words, ""), energies):
            found.append(tuple(begin[len(begin) - width :] if width < len(begin) else begin))
            seen = word if word in self.vocabulary.numbers else self.vocabulary.unknown
            begin = [*begin[-width:], seen] if width and math.isfinite(energy) else []
        return tuple(found)


@dataclass(frozen=True, eq=False)
class GraphModel:
    """A grammar that sentences are composed with; they are read by its input labels."""

    grammar: Document | RecursiveGrammar
    vocabulary: Vocabulary
    by_sum: bool = False

    @property
    def _labels(self) -> Labels:
        return self.grammar.graph.labels if isinstance(self.grammar, Document) else self.grammar.labels

    def _beside(self, rows: Graph) -> Document:
        """The grammar as a graph to compose these with."""
        return self.grammar if isinstance(self.grammar, Document) else self.grammar.beside(rows)

    def scores(self, sentences: Sequence[Words]) -> list[SentenceScore]:
        """See TextModel."""
        numbers = [[self.vocabulary.number(word) for word in words] for words in sentences]
        said = [place for place, each in enumerate(numbers) if _NO_WORD not in each]
        found = dict(zip(said, self._composed([numbers[place] for place in said])))
        return [
            self._score(words, self.vocabulary.known(words), found.get(place)) for place, words in enumerate(sentences)
        ]

    def _score(
        self, words: Words, known: tuple[bool, ...], found: tuple[float, tuple[float, ...], bool] | None
    ) -> SentenceScore:
        if found is None:
            return SentenceScore(words, known, math.inf, None, why=self.vocabulary.lacks(words) or self._why(words))
        energy, energies, several = found
        return SentenceScore(words, known, energy, None if several and self.by_sum else energies, several=several)

    def _composed(self, sentences: Sequence[Sequence[int]]) -> list[tuple[float, tuple[float, ...], bool] | None]:
        """Energy, that of each word and of the end along the best path, and whether there are others; None: no path.

        Energies of silent arcs and of the start belong to the word that comes next, else to the end.
        """
        if not sentences:
            return []
        rows = _rows(sentences, self._labels)
        right = self._beside(rows)
        whole = compose(rows, right.graph)
        first = np.cumsum([0, *(len(each) + 1 for each in sentences)])
        member = np.searchsorted(first, whole.left_node, "right") - 1
        together, node = _by_member(whole.graph, member, len(sentences))
        try:
            best = best_with_gap(together)
            totals = sweep(together, LogSemiring(1.0)).totals.tolist() if self.by_sum else []
        except Diverged as error:
            own = distinct(whole.right_node[node[np.array(error.nodes, dtype=np.intp)]]).tolist()
            names = [str(right.names[each]) for each in own]
            raise Diverged(error.what, own, names, self.grammar.source) from None
        found: list[tuple[float, tuple[float, ...], bool] | None] = []
        for number, each in enumerate(best):
            if each is None:
                found.append(None)
                continue
            path, gap = each
            arcs = np.array(path.arcs, dtype=np.intp) + together.arc_offsets[number]
            nodes = np.array(path.nodes, dtype=np.intp) + together.node_offsets[number]
            place = whole.left_node[node[together.src[arcs]]] - first[number]
            energies = np.bincount(place, together.energy[arcs], len(sentences[number]) + 1).astype(np.float64)
            energies[0] += together.start[nodes[0]]
            energies[-1] += together.final[nodes[-1]]
            energy = totals[number] if self.by_sum else path.energy
            found.append((energy, tuple(energies.tolist()), gap < math.inf))
        return found

    def _why(self, words: Words) -> str:
        """Why a sentence of which every word is known has no path."""
        row = linear_graph(self._labels, [self.vocabulary.number(word) for word in words])
        right, names = self._beside(row), range(row.nodes)
        if isinstance(right, Expansion) and right.cut:
            return "no path: the rules do not fit the sentence"
        whole, in_part = compose(row, right.graph), isinstance(right, Expansion)
        return why_empty(whole, names, right.names, left_is="the sentence", in_part=in_part)


def _rows(sentences: Sequence[Sequence[int]], labels: Labels) -> Graph:
    """One graph in which each sentence is a path by itself."""
    lengths = np.array([len(each) for each in sentences], dtype=np.intp)
    label = np.array([word for each in sentences for word in each], dtype=np.intp)
    nodes = int(lengths.sum()) + len(sentences)
    last = np.cumsum(lengths + 1) - 1
    start, final = np.full(nodes, np.inf), np.full(nodes, np.inf)
    start[last - lengths], final[last] = 0.0, 0.0
    inner = np.ones(nodes, dtype=bool)
    inner[last] = False
    src = np.flatnonzero(inner)
    return Graph(src, src + 1, label, label, np.zeros(len(label)), start, final, labels)


def _by_member(graph: Graph, member: IntArray, members: int) -> tuple[Graph, IntArray]:
    """The union of the parts of a graph that belong to different members, (nodes,); and which node each of its was."""
    node, arc = stable_order(member), stable_order(member[graph.src])
    number = np.empty(graph.nodes, dtype=np.intp)
    number[node] = np.arange(graph.nodes)
    bounds = np.arange(members + 1)
    offsets = np.searchsorted(member[node], bounds), np.searchsorted(member[graph.src][arc], bounds)
    columns = (number[graph.src[arc]], number[graph.dst[arc]], graph.ilabel[arc], graph.olabel[arc], graph.energy[arc])
    return Graph(*columns, graph.start[node], graph.final[node], graph.labels, *offsets), node

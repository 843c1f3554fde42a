"""Words as a trie."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.graph.construct import Arc, LabelIndex, graph_of
from lattice_cli.graph.graph import Graph
from lattice_cli.graph.record import Document


@dataclass(frozen=True)
class LexiconWord:
    """A word: the labels that spell it, the one label that names it, its energy in nats, where it was read."""

    spelling: tuple[str, ...]
    name: str
    energy: float
    place: str


def spelled(text: str, spell: str, energy: float, at: str) -> LexiconWord:
    """A word from its text; of tokens the white space between them does not matter."""
    spelling = tuple(text) if spell == "characters" else tuple(text.split())
    return LexiconWord(spelling, str(text) if spell == "characters" else " ".join(spelling), energy, at)


def grammar_of(
    words: Iterable[LexiconWord],
    source: str,
    record_id: str,
    *,
    loop: str | None = None,
    around: bool = False,
    by_word: bool = False,
) -> Document:
    """The grammar of these words. loop: the label between words in a row ("" for nothing), None for a single word.

    around: that label may also stand before the first and behind the last word, and several times in a row. by_word:
    the output is one label a word. Raises FormatError if there is no word, if two spellings of one word have different
    energies, if an empty word is to be repeated, or if there is no label to stand around words.
    """
    kept = distinct_words(words, source)
    if not kept:
        raise FormatError(f"{source}: no words, expected at least one")
    if loop is not None and any(not word.spelling for word in kept):
        raise FormatError(f"{source}: an empty word cannot be repeated with loop")
    if around and not loop:
        raise FormatError(f"{source}: around is about the label of loop, and there is none")
    trie = _Trie()
    ends = [trie.end_of(word.spelling) for word in kept]
    return trie.document(kept, ends, source, record_id, loop, around, by_word)


def distinct_words(words: Iterable[LexiconWord], source: str) -> list[LexiconWord]:
    """The words, each once. Raises FormatError where one has two energies."""
    seen: dict[tuple[tuple[str, ...], str], LexiconWord] = {}
    for word in words:
        first = seen.setdefault((word.spelling, word.name), word)
        if first.energy != word.energy:
            raise FormatError(
                f"{word.place}: word {word.name!r} has energy {word.energy}, but {first.energy} at {first.place}"
            )
    return list(seen.values())


class _Trie:
    """Prefixes of the words as nodes, 0 the root."""

    def __init__(self) -> None:
        self._labels = LabelIndex()
        self._child: dict[tuple[int, int], int] = {}

    def end_of(self, spelling: tuple[str, ...]) -> int:
        """The node that a spelling leads to, made as needed."""
        node = 0
        child, number = self._child, self._labels.numbers
        for letter in spelling:
            key = (node, number.setdefault(letter, len(number)))
            node = child.setdefault(key, len(child) + 1)
        return node

    def document(
        self,
        words: list[LexiconWord],
        ends: list[int],
        source: str,
        record_id: str,
        loop: str | None,
        around: bool,
        by_word: bool,
    ) -> Document:
        """The trie with word ends, as a graph: nodes are numbered as they were made, arcs by tail."""
        labels = self._labels
        arcs = [(tail, head, label, 0 if by_word else label, 0.0) for (tail, label), head in self._child.items()]
        nodes = len(self._child) + 1
        final: dict[int, float] = {}
        separator = labels.number(loop) if loop else 0
        if by_word:
            done = nodes  # one node where a word has been said
            nodes += 1
            arcs += [(end, done, 0, labels.number(word.name), word.energy) for word, end in zip(words, ends)]
            final[done] = 0.0
            if loop is not None:
                arcs.append((done, 0, separator, 0, 0.0))
        else:
            for word, end in zip(words, ends):
                final[end] = word.energy
                if loop is not None:
                    arcs.append((end, 0, separator, separator, word.energy))
        if around:
            spoken = 0 if by_word else separator
            arcs += [(node, nodes, separator, spoken, cost) for node, cost in final.items()]
            arcs += [(node, node, separator, spoken, 0.0) for node in (0, nodes)]
            final[nodes] = 0.0
            nodes += 1
        src, dst, ilabel, olabel, energy = zip(*arcs) if arcs else ((),) * 5
        order = np.argsort(np.array(src, dtype=np.intp), kind="stable")
        start, finals = np.full(nodes, np.inf), np.full(nodes, np.inf)
        start[0] = 0.0
        finals[list(final)] = list(final.values())
        graph = Graph(
            np.array(src, dtype=np.intp)[order],
            np.array(dst, dtype=np.intp)[order],
            np.array(ilabel, dtype=np.intp)[order],
            np.array(olabel, dtype=np.intp)[order],
            np.array(energy, dtype=np.float64)[order],
            start,
            finals,
            labels.table,
        )
        return Document(graph, record_id, source, range(nodes))


def _lexicon(words: Collection[LexiconWord], loop: str | None) -> Graph:
    """The trie: prefixes are shared, each word has an arc of its own for its last phone, and there is no epsilon arc.

    With `loop` a second copy of what leaves the root leaves the end of a word, so that no sequence is empty.
    """
    labels = LabelIndex()
    root, done, nodes = 0, 1, 2
    prefixes: dict[tuple[int, int], int] = {}
    arcs: list[Arc] = []
    for word in words:
        node = root
        *before, last = [labels.number(phone) for phone in word.spelling]
        for phone in before:
            head = prefixes.setdefault((node, phone), nodes)
            if head == nodes:
                nodes += 1
                arcs.append((node, head, phone, 0, 0.0))
            node = head
        arcs.append((node, done, last, labels.number(word.name), word.energy))
    if loop:
        arcs.append((done, root, labels.number(loop), 0, 0.0))
    elif loop is not None:
        arcs += [(done, *arc[1:]) for arc in arcs if arc[0] == root]
    return graph_of(arcs, {root: 0.0}, {done: 0.0}, nodes, labels.table)

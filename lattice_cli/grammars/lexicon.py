"""Words as tries: from spellings to spellings or words, from phones to words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.graph import (
    Arc,
    Document,
    Graph,
    LabelIndex,
    Trie,
    arc_columns,
    graph_by_tail,
    numbered_document,
    trimmed,
)


@dataclass(frozen=True)
class LexiconWord:
    """A word: the labels that spell it, the one label that names it, its energy in nats, where it was read.

    A pronunciation may have no name, "": it is nothing that is said.
    """

    spelling: tuple[str, ...]
    name: str
    energy: float
    place: str


def spelled(words: Iterable[tuple[str, float, str]], spell: str) -> list[LexiconWord]:
    """Words from their texts, energies and places; of tokens the white space between them does not matter."""
    if spell == "characters":
        return [LexiconWord(tuple(text), str(text), energy, place) for text, energy, place in words]
    tokens = ((tuple(text.split()), energy, place) for text, energy, place in words)
    return [LexiconWord(spelling, " ".join(spelling), energy, place) for spelling, energy, place in tokens]


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
    return numbered_document(_spelling_graph(kept, loop, around, by_word), record_id, source)


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


def _spelling_graph(words: Collection[LexiconWord], loop: str | None, around: bool, by_word: bool) -> Graph:
    """The trie with word ends, see `grammar_of`: nodes are numbered as they were made, arcs by tail."""
    labels, trie = LabelIndex(), Trie()
    ends = trie.ends([labels.numbered(word.spelling) for word in words])
    tail, label, head = trie.columns()
    none = np.zeros(len(tail), dtype=np.intp)
    inner = (tail, head, label, none if by_word else label, none)
    arcs: list[Arc] = []
    nodes = trie.nodes
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
    columns = [np.concatenate(parts) for parts in zip(inner, arc_columns(arcs))]
    return graph_by_tail(columns, {0: 0.0}, final, nodes, labels.table)


def pronunciation_graph(words: Collection[LexiconWord], loop: str | None) -> Graph:
    """The trie: prefixes are shared, each word has an arc of its own for its last phone, and there is no epsilon arc.

    With `loop` a second copy of what leaves the root leaves the end of a word, so that no sequence is empty.
    """
    labels, trie = LabelIndex(), Trie()
    last: list[tuple[int, int, float]] = []
    sequences = []
    for place, word in enumerate(words):
        *before, phone = labels.numbered(word.spelling)
        last.append((phone, labels.number(word.name or None), word.energy))
        sequences.append([*before, ~place])  # a number that no phone and no other word has
    trie.ends(sequences)
    root, done = 0, 1
    tail, number, head = trie.columns()
    ends = number < 0
    place_of_end = ~number[ends]
    columns = [tail + (tail > root), np.where(ends, done, head + 1), number, np.zeros_like(tail), np.zeros(len(tail))]
    for column, own in zip(columns[2:], zip(*last)):
        column[ends] = np.array(own)[place_of_end]
    if loop:
        more = arc_columns([(done, root, labels.number(loop), 0, 0.0)])
    else:
        more = [column[(tail == root) & (loop is not None)] for column in columns]
        more[0] = np.full(len(more[0]), done)
    columns = [np.concatenate(parts) for parts in zip(columns, more)]
    whole = graph_by_tail(columns, {root: 0.0}, {done: 0.0}, trie.nodes + 1, labels.table)
    return trimmed(whole)[0]

"""Word grammars: a list of words, a trie, or a .txt file, as an acceptor or a spelling-to-word transducer.

Words are merged into a trie; a word may end at an interior node (cut / cute). With `loop`, words follow each other with
a label between them, or nothing; with `around` that label may also stand before, behind, and several times. The output
is what was spelled, or with `output: words` one label a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.arcs import LabelIndex
from lattice_cli.formats.values import Scalar, as_mapping, as_number, as_text, is_null, place, shown
from lattice_cli.graph.document import Document
from lattice_cli.graph.graph import Graph

WORD_KEYS = ("words", "trie", "spell", "loop", "around", "output")


@dataclass(frozen=True)
class Word:
    """A word: the labels that spell it, the one label that names it, its energy in nats, where it was read."""

    spelling: tuple[str, ...]
    name: str
    energy: float
    place: str


def word_grammar(record: dict[Any, Any], source: str, record_id: str) -> Document:
    """The grammar that `words:` or `trie:` describes. Raises FormatError."""
    spell = _choice(record, "spell", ("characters", "tokens"), source)
    output = _choice(record, "output", ("spelling", "words"), source)
    loop = None if is_null(record.get("loop")) else as_text(record["loop"], source, "loop")
    around = record.get("around", False)
    if not isinstance(around, bool):
        around = {"true": True, "false": False}.get(str(around))
        if around is None:
            raise FormatError(f"{place(source, record['around'])}: around is {shown(record['around'])}, expected true")
    words = _listed(record["words"], source, spell) if "words" in record else _in_trie(record["trie"], source, spell)
    return grammar_of(words, source, record_id, loop=loop, around=around, by_word=output == "words")


def word_list(text: str, source: str, record_id: str) -> Document:
    """The grammar of a .txt file: a word a line, optionally a tab and an energy. Raises FormatError."""
    return grammar_of(words_of(text, source), source, record_id)


def _choice(record: dict[Any, Any], key: str, choices: tuple[str, ...], source: str) -> str:
    value = record.get(key, choices[0])
    if value not in choices:
        raise FormatError(f"{place(source, value)}: {key} is {shown(value)}, expected {' or '.join(choices)}")
    return str(value)


def spelled(text: str, spell: str, energy: float, at: str) -> Word:
    """A word from its text; of tokens the white space between them does not matter."""
    spelling = tuple(text) if spell == "characters" else tuple(text.split())
    return Word(spelling, str(text) if spell == "characters" else " ".join(spelling), energy, at)


def _listed(given: Any, source: str, spell: str) -> Iterator[Word]:
    if isinstance(given, dict):
        for text, energy in given.items():
            number = as_number(energy, source, f"the energy of word {shown(text)}")
            yield spelled(text, spell, number, place(source, text))
        return
    if not isinstance(given, list):
        raise FormatError(f"{place(source, given)}: words is {shown(given)}, expected a list or {{word: energy}}")
    for value in given:
        text = as_text(value, source, "a word")
        yield spelled(text, spell, 0.0, place(source, value))


def _in_trie(given: Any, source: str, spell: str) -> Iterator[Word]:
    joiner = "" if spell == "characters" else " "
    waiting: list[tuple[tuple[str, ...], Any]] = [((), given)]
    while waiting:
        spelling, branch = waiting.pop()
        at = f"trie at {joiner.join(spelling)!r}"
        branches = as_mapping(branch, source, at)
        for label, below in reversed(branches.items()):
            if label != "":
                waiting.append(((*spelling, str(label)), below))
        if "" in branches:
            energy = as_number(branches[""], source, f"{at}: the energy of the word that ends here")
            yield Word(spelling, joiner.join(spelling), energy, place(source, branch))
        elif not branches:
            raise FormatError(f'{place(source, branch)}: {at} ends without a word, expected "" with an energy')


def words_of(text: str, source: str, spell: str = "characters") -> Iterator[Word]:
    """The words of a list: one a line, optionally a tab and an energy. Raises FormatError."""
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if not line:
            continue
        word, tab, rest = line.partition("\t")
        at = f"{source}:{number}"
        energy = 0.0
        if tab:
            try:
                energy = as_number(Scalar(rest.strip(), True, 0), at, "")
            except FormatError:
                raise FormatError(
                    f"{at}: found {rest!r} after the tab, expected the energy of {word!r}, a finite number"
                ) from None
        yield spelled(word, spell, energy, at)


def grammar_of(
    words: Iterable[Word],
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


def distinct_words(words: Iterable[Word], source: str) -> list[Word]:
    """The words, each once. Raises FormatError where one has two energies."""
    seen: dict[tuple[tuple[str, ...], str], Word] = {}
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
        words: list[Word],
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

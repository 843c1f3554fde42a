"""Word grammars: a list of words, a trie, or a .txt file, as an acceptor or a spelling-to-word transducer.

Words are merged into a trie; a word may end at an interior node (cut / cute). With `loop`, words follow each other with
a label between them, or nothing; with `around` that label may also stand before, behind, and several times. The output
is what was spelled, or with `output: words` one label a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lattice_cli.errors import FormatError, counted
from lattice_cli.formats.io import ReadOptions, Scalar, as_mapping, as_number, as_text, brief, is_null, location, note
from lattice_cli.grammars import LexiconWord, grammar_of, spelled
from lattice_cli.graph import Document

#: A line of a frequency list or a symbol table, which has no tab.
_COUNTED = re.compile(r" *(?=.*[^0-9 ])([^ ]+ +[0-9]+|[0-9]+ +[^ ]+)")
#: Of a list of counts, not of energies, the largest is at least that.
_COUNT = 100
WORD_KEYS = ("words", "trie", "spell", "loop", "around", "output")


def word_grammar(record: dict[Any, Any], source: str, record_id: str) -> Document:
    """The grammar that `words:` or `trie:` describes. Raises FormatError."""
    spell = _choice(record, "spell", ("characters", "tokens"), source)
    output = _choice(record, "output", ("spelling", "words"), source)
    loop = None if is_null(record.get("loop")) else as_text(record["loop"], source, "loop")
    around = record.get("around", False)
    if not isinstance(around, bool):
        around = {"true": True, "false": False}.get(str(around))
        if around is None:
            raise FormatError(
                f"{location(source, record['around'])}: around is {brief(record['around'])}, expected true"
            )
    words: Iterable[LexiconWord]
    words = _listed(record["words"], source, spell) if "words" in record else _in_trie(record["trie"], source, spell)
    return grammar_of(words, source, record_id, loop=loop, around=around, by_word=output == "words")


def word_list(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The grammar of a .txt file: a word a line, optionally a tab and an energy. Raises FormatError."""
    words = words_of(text, source)
    if options.format == "auto" and not options.as_grammar:
        note(source, f"read as a word list, {counted(len(words), 'word')}")
    return grammar_of(words, source, record_id)


def _choice(record: dict[Any, Any], key: str, choices: tuple[str, ...], source: str) -> str:
    value = record.get(key, choices[0])
    if value not in choices:
        raise FormatError(f"{location(source, value)}: {key} is {brief(value)}, expected {' or '.join(choices)}")
    return str(value)


def _listed(given: Any, source: str, spell: str) -> list[LexiconWord]:
    found: list[tuple[str, float, str]] = []
    if isinstance(given, dict):
        for text, energy in given.items():
            number = as_number(energy, source, f"the energy of word {brief(text)}")
            found.append((text, number, location(source, text)))
        return spelled(found, spell)
    if not isinstance(given, list):
        raise FormatError(f"{location(source, given)}: words is {brief(given)}, expected a list or {{word: energy}}")
    for value in given:
        text = as_text(value, source, "a word")
        found.append((text, 0.0, location(source, value)))
    return spelled(found, spell)


def _in_trie(given: Any, source: str, spell: str) -> Iterator[LexiconWord]:
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
            yield LexiconWord(spelling, joiner.join(spelling), energy, location(source, branch))
        elif not branches:
            raise FormatError(f'{location(source, branch)}: {at} ends without a word, expected "" with an energy')


def words_of(text: str, source: str, spell: str = "characters") -> list[LexiconWord]:
    """The words of a list: one a line, optionally a tab and an energy; white space around a word is none of it.

    That is noted, as is what looks like a comment or a count, but is read as all others. Raises FormatError.
    """
    found = []
    padded = comments = 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if not line:
            continue
        comments += line.startswith("# ")
        word, tab, rest = line.partition("\t")
        if word.strip(" ") not in ("", word):
            word, padded = word.strip(" "), padded + 1
        at = f"{source}:{number}"
        energy = 0.0
        if tab:
            try:
                energy = as_number(Scalar(rest.strip(), True, 0), at, "")
            except FormatError:
                raise FormatError(
                    f"{at}: found {rest!r} after the tab, expected the energy of {word!r}, a finite number"
                ) from None
        found.append((word, energy, at))
    if padded and spell == "characters":
        note(source, f"white space around {counted(padded, 'word')} is not read")
    if comments:
        note(source, f"{counted(comments, 'line')} with # in front read as words: a list has no comments")
    _doubt(found, source, spell)
    return spelled(found, spell)


def _doubt(found: Sequence[tuple[str, float, str]], source: str, spell: str) -> None:
    """Says where counts of words seem to stand for their energies, or for a part of them."""
    energies = [energy for _, energy, _ in found]
    if len(found) > 1 and max(energies) >= _COUNT and all(energy >= 1 and energy.is_integer() for energy in energies):
        note(source, f"the numbers behind tabs are read as energies, but look like counts ({max(energies):.0f})")
    if len(found) > 1 and spell == "characters" and all(_COUNTED.fullmatch(word) for word, _, _ in found):
        said = "every line is a word and a number, and all of it is read as a word"
        note(source, f"{said}, such as {brief(found[0][0])}; a tab stands before an energy")

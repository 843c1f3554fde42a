"""Pronunciation dictionaries, as CMUdict has them: `word PHONE PHONE ...`, further pronunciations as `word(2)`.

As a grammar its input is phones and its output words: a trie of phones, with the word on its last phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ReadOptions, brief, rows_of
from lattice_cli.grammars import LexiconWord, distinct_words, pronunciation_graph
from lattice_cli.graph import Document, numbered_document

_VARIANT = re.compile(r"(.+)\([0-9]+\)")
_DIGITS = re.compile("[0-9]+$")


def pronunciations(text: str, source: str, without_stress: bool = False) -> Iterator[LexiconWord]:
    """The words of a dictionary with their phones; `;;;` and `#` begin comments. Raises FormatError, with the line.

    without_stress: digits at the end of phones are taken off.
    """
    for line, fields in rows_of(text):
        if fields[0].startswith(";;;"):
            continue
        comment = next((place for place, field in enumerate(fields) if place and field.startswith("#")), len(fields))
        variant = _VARIANT.fullmatch(fields[0])
        word, phones = variant[1] if variant else fields[0], fields[1:comment]
        at = f"{source}:{line}"
        if not phones:
            raise FormatError(f"{at}: found {brief(fields[0])} without phones, expected a word and its phones")
        if without_stress:
            phones = [_DIGITS.sub("", phone) or phone for phone in phones]
        yield LexiconWord(tuple(phones), word, 0.0, at)


def read_dictionary(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The grammar of a dictionary file. Raises FormatError."""
    return dictionary(pronunciations(text, source), source, record_id)


def chosen(words: Iterable[LexiconWord], energies: dict[str, float]) -> tuple[list[LexiconWord], list[str]]:
    """The pronunciations of these words at their energies, and the words that have none."""
    found = [
        LexiconWord(word.spelling, word.name, energies[word.name], word.place)
        for word in words
        if word.name in energies
    ]
    known = {word.name for word in found}
    return found, [name for name in energies if name not in known]


def dictionary(words: Iterable[LexiconWord], source: str, record_id: str, loop: str | None = None) -> Document:
    """The grammar from phones to words; loop: the phone between words in a row ("" for nothing), None for one word.

    Raises FormatError where there is no word.
    """
    kept = distinct_words(words, source)
    if not kept:
        raise FormatError(f"{source}: no words, expected at least one")
    return numbered_document(pronunciation_graph(kept, loop), record_id, source)

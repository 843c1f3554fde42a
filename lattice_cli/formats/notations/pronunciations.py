"""Pronunciation dictionaries, as CMUdict has them: `word PHONE PHONE ...`, further pronunciations as `word(2)`.

A probability may stand before the phones, as in Kaldi's lexiconp.txt, and behind it those of silences around the word,
as in lexiconp_silprob.txt and in dictionaries of the Montreal Forced Aligner (parse_dictionary_file in its utils.py); a
pronunciation costs -ln p. What is said of the word may stand in brackets before that, as in HTK's dictionaries; [] is
nothing.

As a grammar its input is phones and its output words: a trie of phones, with the word on its last phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from math import log

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ReadOptions, brief, is_odd_number, note, rows_of
from lattice_cli.grammars import LexiconWord, distinct_words, pronunciation_graph
from lattice_cli.graph import Document, numbered_document

_COLUMNS = 4
_VARIANT = re.compile(r"(.+)\([0-9]+\)")
_DIGITS = re.compile("[0-9]+$")
#: With a point: phones of X-SAMPA and others may be digits. A 1 in a column of its own is one, too.
_PROBABILITY = re.compile(r"[0-9]*\.[0-9]+([eE][-+]?[0-9]+)?", re.ASCII)
_SURE = re.compile(r"^([^\t\n]+\t)1(?=\t)", re.MULTILINE)
_OUTPUT = re.compile(r"\[(.*)\]")


def pronunciations(text: str, source: str, without_stress: bool = False) -> Iterator[LexiconWord]:
    """The words of a dictionary with their phones; `;;;` and `#` begin comments. Raises FormatError, with the line.

    without_stress: digits at the end of phones are taken off.
    """
    likely, odd = False, ""
    for line, fields in rows_of(_SURE.sub(r"\g<1>1.0", text)):
        if fields[0].startswith(";;;") or not fields[0].strip("#"):
            continue
        comment = next((place for place, field in enumerate(fields) if place and field.startswith("#")), len(fields))
        variant = _VARIANT.fullmatch(fields[0])
        word, phones = variant[1] if variant else fields[0], fields[1:comment]
        at = f"{source}:{line}"
        if phones and (output := _OUTPUT.fullmatch(phones[0])):
            word, phones = output[1], phones[1:]
        numbers = list(takewhile(_PROBABILITY.fullmatch, phones))
        phones = phones[len(numbers) :]
        likely |= bool(numbers)
        if not numbers and phones and is_odd_number(phones[0]):
            odd = odd or f"{at}: found {brief(phones[0])} before the phones"
        if likely and odd:
            raise FormatError(f"{odd}, expected a probability, as on other lines")
        if len(numbers) > 1:
            note(source, "probabilities of silences behind those of pronunciations are not read")
        if not phones:
            raise FormatError(f"{at}: found {brief(fields[0])} without phones, expected a word and its phones")
        if without_stress:
            phones = [_DIGITS.sub("", phone) or phone for phone in phones]
        yield LexiconWord(tuple(phones), word, _energy(numbers, at), at)


def _energy(numbers: list[str], at: str) -> float:
    """-ln of the pronunciation probability, which is the first of these columns, if there are any."""
    if not numbers:
        return 0.0
    if len(numbers) > _COLUMNS or not 0.0 < float(numbers[0]) <= 1.0:
        found = f"found {' '.join(numbers)} before the phones"
        raise FormatError(f"{at}: {found}, expected a probability above 0 and up to 1, and up to 3 of silences")
    return 0.0 - log(float(numbers[0]))


def read_dictionary(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The grammar of a dictionary file. Raises FormatError."""
    return dictionary(pronunciations(text, source), source, record_id)


def chosen(words: Iterable[LexiconWord], energies: dict[str, float]) -> tuple[list[LexiconWord], list[str]]:
    """The pronunciations of these words, at the energies of both, and the words that have none."""
    found = [
        LexiconWord(word.spelling, word.name, word.energy + energies[word.name], word.place)
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

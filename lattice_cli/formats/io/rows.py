"""Rows of text in columns."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from lattice_cli.errors import FormatError
from lattice_cli.formats.io.symbols import FIELDS
from lattice_cli.formats.io.values import brief

_NUMBER_CHARACTERS = frozenset("0123456789+-.eE")
_INFINITE = frozenset({"inf", "+inf", "infinity", "+infinity"})
_ODD = re.compile(r"[-+]?(nan|inf|infinity)|badnumber|[-+]?[0-9]*[,_][0-9]+", re.IGNORECASE)
_LONGEST_ID = 18
_SEPARATORS = re.compile("[\x1c-\x1f]")

Row = tuple[int, list[str]]


def rows_of(text: str, first: int = 1) -> Iterator[Row]:
    """(line, fields) of every line that is not blank. first: the number of the first line."""
    # split() alone would also split at the white space of other scripts, and at separators of records
    plain = text.isascii() and not _SEPARATORS.search(text)
    for line, row in enumerate(text.split("\n"), first):
        fields = row.split() if plain else FIELDS.findall(row)
        if fields:
            yield line, fields


def node_of(text: str, at: str) -> int:
    """A node: a whole number from 0 on. Raises FormatError."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise FormatError(f"{at}: node is {brief(text)}, expected a whole number")
    return int(text)


def nodes_of(texts: Sequence[str], source: str, lines: Sequence[int]) -> list[int]:
    """Nodes as numbers. lines: where each was read. Raises FormatError with the line of one that is none."""
    whole = "".join(texts)
    lengths = [*map(len, texts)] or [1]
    if whole.isascii() and (whole.isdigit() or not texts) and 0 < min(lengths) <= max(lengths) <= _LONGEST_ID:
        return [int(text) for text in texts]
    return [node_of(text, f"{source}:{line}") for text, line in zip(texts, lines)]


def weight_of(text: str, at: str, what: str = "weight") -> float:
    """A number, +inf for what is impossible. Raises FormatError."""
    try:
        # float() alone would also take nan, 1_000 and the digits of other scripts
        value = float(text) if _NUMBER_CHARACTERS.issuperset(text) else math.nan
    except ValueError:
        value = math.nan
    if text.lower() in _INFINITE:
        return math.inf
    if not math.isfinite(value):
        raise FormatError(f"{at}: {what} is {brief(text)}, expected a number")
    return value


def is_odd_number(text: str) -> bool:
    """True for what was meant as a number and is none, or no finite one: nan, 0,7, 1_000, OpenFst's BadNumber."""
    return _ODD.fullmatch(text) is not None


def energy_of_score(text: str, at: str) -> float:
    """The energy of a score, where more is better: its negative; +inf for a score of -inf. Raises FormatError."""
    if text.lower() in ("-inf", "-infinity"):
        return math.inf
    score = weight_of(text, at, "score")
    if math.isinf(score):
        raise FormatError(f"{at}: score is {brief(text)}, expected a number")
    return 0.0 - score  # no energy is -0

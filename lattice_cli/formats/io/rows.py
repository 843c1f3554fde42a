"""Rows of text in columns: all fields of a text are found at once, and a column is read at once.

A field that is not as plain as most are (an infinite weight, what is no number at all) is looked at by itself, which
also says what is wrong with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, KeyIndex
from lattice_cli.errors import FormatError
from lattice_cli.formats.io.symbols import FIELDS, Column
from lattice_cli.formats.io.values import brief

_NUMBER_CHARACTERS = frozenset("0123456789+-.eE")
_INFINITE = frozenset({"inf", "+inf", "infinity", "+infinity"})
_ODD = re.compile(r"[-+]?(nan|inf|infinity)|badnumber|[-+]?[0-9]*[,_][0-9]+", re.IGNORECASE)
_LONGEST_ID = 18
_SEPARATORS = re.compile("[\x1c-\x1f]")
#: No white space is above; that is what FIELDS and the end of a line are parted by.
_LAST_WHITE = 32
_WHITE_TEXT = " \t\n\r\f\v"
_WHITE = np.array([chr(code) in _WHITE_TEXT for code in range(_LAST_WHITE + 1)])
#: 0 is behind the end of a field.
_IN_NUMBERS = b"\0" + "".join(sorted(_NUMBER_CHARACTERS)).encode()
_NEWLINE, _ZERO = 10, 48
#: Fields up to so many bytes are told apart as integers, up to so many as rows of a matrix of bytes, others one by one.
_KEY, _WIDE = 8, 64
#: (9,) those of an integer's bytes that so many bytes of text take.
_MASKS = np.array([bytes([255] * size + [0] * (_KEY - size)) for size in range(_KEY + 1)]).view(np.int64)

Row = tuple[int, list[str]]


def rows_of(text: str, first: int = 1) -> Iterator[Row]:
    """(line, fields) of every line that is not blank. first: the number of the first line."""
    # split() alone would also split at the white space of other scripts, and at separators of records
    plain = text.isascii() and not _SEPARATORS.search(text)
    for line, row in enumerate(text.split("\n"), first):
        fields = row.split() if plain else FIELDS.findall(row)
        if fields:
            yield line, fields


@dataclass(frozen=True, eq=False)
class FieldTable:
    """The rows of a text that have fields.

    data: bytes of it; begin, end: (fields,) where each field lies in them; first: (rows,) the first field of a row;
    width: (rows,) how many it has; line: (rows,) where it was read.
    """

    data: bytes
    begin: IntArray
    end: IntArray
    first: IntArray
    width: IntArray
    line: IntArray

    @staticmethod
    def of(text: str, line: int = 1) -> FieldTable:
        """All rows of a text that begins on that line."""
        data = text.rstrip(_WHITE_TEXT).encode()
        values = np.frombuffer(data, dtype=np.uint8)
        white = np.flatnonzero(values <= _LAST_WHITE)
        kind = values[white]
        if not (real := _WHITE[kind]).all():
            white, kind = white[real], kind[real]
        end = np.append(white, len(data))
        begin = np.concatenate([[0], white + 1])
        last = np.append(np.flatnonzero(kind == _NEWLINE), len(white))  # white space that ends a line, and the end
        there = end > begin
        if not there.all():
            last, begin, end = np.cumsum(there)[last] - 1, begin[there], end[there]
        first = np.concatenate([[0], last[:-1] + 1])
        width = last + 1 - first
        rows = np.flatnonzero(width)
        return FieldTable(data, begin, end, first[rows], width[rows], rows + line)

    @staticmethod
    def of_rows(rows: Iterable[Row]) -> FieldTable:
        """The table of rows whose fields were found otherwise."""
        rows = [*rows]
        fields = [field.encode() for _, row in rows for field in row]
        end = np.cumsum([0, *map(len, fields)])
        width = np.array([len(row) for _, row in rows], dtype=np.intp)
        line = np.array([line for line, _ in rows], dtype=np.intp)
        return FieldTable(b"".join(fields), end[:-1], end[1:], np.cumsum(width) - width, width, line)

    def __len__(self) -> int:
        return len(self.first)

    def where(self, chosen: BoolArray | IntArray) -> FieldTable:
        """The rows that are chosen."""
        rows = {name: getattr(self, name)[chosen] for name in ("first", "width", "line")}
        return FieldTable(self.data, self.begin, self.end, **rows)

    def texts(self, place: int | IntArray) -> list[str]:
        """(rows,) the fields of a column that all rows have. place: or that in each row, (rows,)."""
        field = self.first + place
        bounds = zip(self.begin[field].tolist(), self.end[field].tolist())
        return [self.data[begin:end].decode() for begin, end in bounds]

    def column(self, place: int | IntArray) -> Column:
        """The same, each text once."""
        field = self.first + place
        length = self.end[field] - self.begin[field]
        widest = int(length.max(initial=0))
        if widest > _WIDE or b"\0" in self.data:
            return Column.of(self.texts(place), self.line.tolist())
        number = _numbered(self._bytes(field, widest) if widest > _KEY else self._keys(field))
        first = _first_rows(number, int(number.max(initial=-1)) + 1)
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        rows = np.zeros(len(self), dtype=bool)
        rows[first] = True
        found = self.where(rows)
        return Column(found.texts(place if isinstance(place, int) else place[rows]), found.line.tolist(), rank[number])

    def nodes(self, place: int, source: str) -> IntArray:
        """(rows,) a column of nodes: whole numbers from 0 on. Raises FormatError with the line of one that is none."""
        field = self.first + place
        last, length = self.end[field] - 1, self.end[field] - self.begin[field]
        longest = int(length.max(initial=0))
        if longest <= _LONGEST_ID and length.all():
            values = np.frombuffer(self.data, dtype=np.uint8)
            number = np.zeros(len(self), dtype=np.int64)
            whole = True
            for digit in range(longest):
                value = values[last - digit] - np.uint8(_ZERO)  # what is before '0' becomes large
                if digit:  # what is before the field, or at the end of the data, counts for nothing
                    value[length <= digit] = 0
                whole = whole and bool((value < 10).all())
                number += value.astype(np.int64) * 10**digit
            if whole:
                return number.astype(np.intp)
        return np.array(nodes_of(self.texts(place), source, self.line.tolist()), dtype=np.intp)

    def energies(self, place: int, source: str, are_scores: bool = False) -> FloatArray:
        """(rows,) a column of weights as energies, 0 where a row does not have it; are_scores: more is better.

        Raises FormatError with the line of what is no number.
        """
        energy = np.zeros(len(self))
        rows = np.flatnonzero(self.width > place)
        field = self.first[rows] + place
        length = self.end[field] - self.begin[field]
        # A null character would be taken for the end of a field.
        short = np.flatnonzero((length <= _WIDE) & (length > 0) & (b"\0" not in self.data))
        texts = self._bytes(field[short], int(length[short].max(initial=1)))
        if texts.tobytes().translate(None, _IN_NUMBERS):
            plain = np.isin(texts, [*_IN_NUMBERS]).all(axis=1)
            short, texts = short[plain], texts[plain]
        odd = np.ones(len(rows), dtype=bool)
        try:
            numbers = texts.view(f"S{texts.shape[1]}").reshape(-1).astype(np.float64)
            energy[rows[short]] = 0.0 - numbers if are_scores else numbers
            odd[short[np.isfinite(numbers)]] = False
        except ValueError:
            pass
        careful = energy_of_score if are_scores else weight_of
        if odd.any():
            strange = self.where(rows[odd])
            lines = strange.line.tolist()
            energy[rows[odd]] = [careful(text, f"{source}:{line}") for text, line in zip(strange.texts(place), lines)]
        return energy

    def _keys(self, field: IntArray) -> IntArray:
        """(fields,) an integer for each of some fields of up to 8 bytes, the same for the same text."""
        every = np.ndarray(len(self.data), np.int64, self.data + bytes(_KEY), strides=(1,))
        keys: IntArray = every[self.begin[field]] & _MASKS[self.end[field] - self.begin[field]]
        return keys

    def _bytes(self, field: IntArray, width: int) -> Any:
        """(fields, width) the bytes of fields, 0 behind the end of each."""
        padded = np.frombuffer(self.data + bytes(width), dtype=np.uint8)
        found = np.lib.stride_tricks.sliding_window_view(padded, width)[self.begin[field]]
        found *= np.arange(width) < (self.end[field] - self.begin[field])[:, None]
        return found


def _numbered(texts: Any) -> IntArray:
    """(rows,) a number for each integer, or row of bytes: the same for the same ones, from 0 on without a gap."""
    if texts.ndim == 1:
        return KeyIndex(np.iinfo(np.int64).max).number(texts)[0]
    places: dict[bytes, int] = {}
    whole = texts.view(f"S{texts.shape[1]}").reshape(-1).tolist()
    return np.array([places.setdefault(text, len(places)) for text in whole], dtype=np.intp)


def _first_rows(number: IntArray, count: int) -> IntArray:
    """(count,) the first row that has each number."""
    first = np.empty(count, dtype=np.intp)
    first[number[::-1]] = np.arange(len(number))[::-1]  # of several the last one written stays
    return first


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

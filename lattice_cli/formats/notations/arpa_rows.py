"""Rows of n-grams in the ARPA form, many at once: their numbers and words as columns.

A piece of a file is split at white space in one go. That is right where each of its lines has as many columns as the
first, numbers are plain, words are known, and nothing but tabs, spaces and line ends is white space; any other piece is
read row by row, which also finds what is wrong with a row, and says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import brief, decoded, weight_of

#: White space of other scripts, and what ASCII has beside tabs, is part of words.
_COLUMNS = re.compile(r"[^ \t]+")
#: What bytes.split takes for white space as well, and the mark at the end of each line.
_ODD = (b"\0", b"\x0b", b"\x0c")
_MARK = b"\0"
_IN_NUMBERS = b"0123456789+-.eE"
#: A log-probability of that or less stands for probability 0 (SRILM's ngram-format(5)).
_ZERO = -99.0
#: Larger ones are no number in nats any more.
_LARGEST = 1e300
#: Bytes that are split at once: some ten times as many are in use meanwhile.
_PIECE = 1 << 19


@dataclass(frozen=True, eq=False)
class Rows:
    """words: (rows, length) numbers; log_p, weight: (rows,) base 10, -inf for that of 0."""

    words: NDArray[np.int32]
    log_p: FloatArray
    weight: FloatArray


@dataclass(frozen=True, eq=False)
class RowReader:
    """Reads the n-grams of a file. counts: size -> how many n-grams it says it has; numbers: word -> number, which the
    1-grams fill."""

    data: bytes
    source: str
    counts: dict[int, int] = field(default_factory=dict)
    numbers: dict[bytes, int] = field(default_factory=dict)

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return len(self.counts)

    def rows(self, low: int, high: int, size: int) -> Rows:
        """The n-grams of `size` words between two bytes, at the beginnings of lines. Raises FormatError."""
        found = []
        while low < high:
            end = self.data.find(b"\n", min(low + _PIECE, high) - 1) + 1
            end = min(end, high) if end else high
            piece = self.data[low:end]
            found.append(self._at_once(piece, size) or self._one_by_one(piece, low, size))
            low = end
        empty = np.zeros((0, size), dtype=np.int32), np.zeros(0), np.zeros(0)
        return Rows(*(np.concatenate(column) for column in zip(empty, *found)))

    def line(self, low: int, row: int = 0) -> int:
        """The line of a row, counted from 0 among those from a byte on."""
        for line, _, text in self.lines(low):
            row -= bool(text)
            if row < 0:
                return line
        raise AssertionError("there are as many rows")

    def lines(self, low: int = 0) -> Iterator[tuple[int, int, str]]:
        """(line, the byte behind it, text without blanks around it) from a byte on. Raises FormatError."""
        line = self.data.count(b"\n", 0, low)
        while low < len(self.data):
            end = self.data.find(b"\n", low) + 1 or len(self.data)
            line += 1
            yield line, end, decoded(self.data[low:end], self.source, line).strip(" \t\r\n")
            low = end

    def _at_once(self, piece: bytes, size: int) -> tuple[Any, ...] | None:
        """(words, log_p, weight) of a plain piece; None for any other."""
        piece = piece.strip(b" \t\r\n")
        if not piece or any(odd in piece for odd in _ODD) or piece.count(b"\r") != piece.count(b"\r\n"):
            return None
        fields = (piece + b"\n").replace(b"\n", b"\n" + _MARK + b"\n").split()
        width = fields.index(_MARK)
        count, left = divmod(len(fields), width + 1)
        weighed = width == size + 2
        if left or width not in (size + 1, size + 2) or fields[width :: width + 1] != [_MARK] * count:
            return None
        log_p = _plain_numbers(fields[:: width + 1])
        weight = _plain_numbers(fields[size + 1 :: width + 1]) if weighed else np.zeros(count)
        if log_p is None or weight is None or (log_p > 0).any() or (size == self.order and weight.any()):
            return None
        if size == 1:
            for word in fields[1 :: width + 1]:
                self.numbers.setdefault(word, len(self.numbers) + 1)
        number, words = self.numbers.__getitem__, np.empty((count, size), dtype=np.int32)
        try:
            piece.decode()
            for place in range(size):
                words[:, place] = np.fromiter(map(number, fields[place + 1 :: width + 1]), dtype=np.int32, count=count)
        except (KeyError, UnicodeDecodeError):
            return None
        return words, np.where(log_p > _ZERO, log_p, -inf), np.where(weight > _ZERO, weight, -inf)

    def _one_by_one(self, piece: bytes, low: int, size: int) -> tuple[Any, ...]:
        """The same of any piece, which begins at a byte. Raises FormatError."""
        lines = enumerate(decoded(piece, self.source, first := self.data.count(b"\n", 0, low) + 1).split("\n"), first)
        stripped = ((line, text.strip(" \t\r")) for line, text in lines)
        rows = [self._row(text, size, f"{self.source}:{line}") for line, text in stripped if text]
        words, log_p, weight = zip(*rows) if rows else ((), (), ())
        return np.array(words, dtype=np.int32).reshape(-1, size), np.array(log_p, float), np.array(weight, float)

    def _row(self, row: str, size: int, at: str) -> tuple[list[int], float, float]:
        """One n-gram: words, log-probability, and the weight of backing off after them. Raises FormatError."""
        fields = _COLUMNS.findall(row)
        if size == self.order and len(fields) == size + 2:
            if _logarithm(fields[-1], at, "back-off weight"):
                raise FormatError(f"{at}: a longest n-gram has back-off weight {fields[-1]}, expected none, or 0")
            del fields[-1]
        if not size + 1 <= len(fields) <= size + 1 + (size < self.order):
            weight = " and perhaps a back-off weight" if size < self.order else ""
            kind = f"a log-probability, {size} word{'s' * (size > 1)}{weight}"
            raise FormatError(f"{at}: found {len(fields)} columns, expected {kind}")
        log_p = _logarithm(fields[0], at, "log-probability")
        if log_p > 0:
            raise FormatError(f"{at}: log-probability is {fields[0]}, expected at most 0")
        if size == 1:
            self.numbers.setdefault(fields[1].encode(), len(self.numbers) + 1)
        try:
            words = [self.numbers[word.encode()] for word in fields[1 : size + 1]]
        except KeyError as error:
            raise FormatError(f"{at}: word {brief(error.args[0].decode())} is not among the 1-grams") from None
        weighed = len(fields) == size + 2
        return words, log_p, _logarithm(fields[-1], at, "back-off weight") if weighed else 0.0


def _plain_numbers(fields: list[bytes]) -> FloatArray | None:
    """(fields,) finite numbers; None if any is none."""
    if b"".join(fields).translate(None, _IN_NUMBERS):
        return None
    try:
        values = np.fromiter(map(float, fields), dtype=np.float64, count=len(fields))
    except ValueError:
        return None
    return values if (abs(values) <= _LARGEST).all() else None


def _logarithm(text: str, at: str, what: str) -> float:
    """A base 10 logarithm; -inf for what stands for that of 0."""
    if text.lower() in ("-inf", "-infinity"):
        return -inf
    value = weight_of(text, at, what)
    if abs(value) > _LARGEST:
        raise FormatError(f"{at}: {what} is {brief(text)}, expected a number")
    return value if value > _ZERO else -inf

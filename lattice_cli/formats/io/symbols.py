"""Symbol tables: `label id` a line, as OpenFst, Kaldi (words.txt) and k2 keep them beside graphs of integers.

Id 0 is epsilon, whatever the table calls it. Tables are for reading and writing the files of those systems only: labels
of graphs are strings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.io.notes import note
from lattice_cli.formats.io.options import ReadOptions
from lattice_cli.formats.io.sources import read_text
from lattice_cli.formats.io.values import brief
from lattice_cli.graph import LabelIndex

EPSILON_SYMBOL = "<eps>"
#: What epsilon is called without brackets around it.
_NAMES = frozenset({"eps", "epsilon", "EPS", "EPSILON", "ε", "0", "null", "NULL", "blank", "blk"})
_ID = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_SPACES = re.compile(r"( +)\t")  # a label, before a tab
#: A label that is a space, and its number.
_BLANK_ROW = re.compile(r"([ ])[ \t]+([0-9]+)[ \t\r]*")
FIELDS = re.compile(r"[^ \t\r\f\v]+")  # not split(): a no-break space is part of a label


@dataclass
class Symbols:
    """A table that was read, or that grows as labels are numbered. ids: label -> id, epsilon not among them;
    labels: the other way."""

    path: str
    ids: dict[str, int] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    epsilon: str = EPSILON_SYMBOL
    grown: bool = False
    _next: int = 1

    def number(self, label: str) -> int:
        """The id of a label; a new one, behind all others, if it is new."""
        if label not in self.ids:
            self._next = self._next if self.grown else max(self.labels, default=0) + 1
            self.ids[label] = self._next
            self.labels[self._next] = label
            self._next += 1
            self.grown = True
        return self.ids[label]

    def text(self) -> str:
        """The table as a file holds it, by id."""
        rows = [(0, self.epsilon), *sorted(self.labels.items())]
        return "".join(f"{label}\t{number}\n" for number, label in rows)


def read_symbols(path: str, encoding: str | None = None) -> Symbols:
    """The table of a file. Raises FormatError, with the line."""
    text, _ = read_text(path, encoding)
    symbols = Symbols(path)
    for line, row in enumerate(text.split("\n"), 1):
        fields = FIELDS.findall(row)
        if len(fields) == 1 and (blank := _BLANK_ROW.fullmatch(row)):
            fields = [blank[1], blank[2]]
        if not fields:
            continue
        if len(fields) == 1 and (spaces := _SPACES.match(row)):
            fields.insert(0, spaces[1])
        at = f"{path}:{line}"
        if len(fields) != 2 or not _ID.fullmatch(fields[1]):
            raise FormatError(f"{at}: found {brief(row.strip())}, expected a label and its number, as in 'the 17'")
        label, number = fields[0], int(fields[1])
        if number in symbols.labels or label in symbols.ids:
            twice = f"number {number}" if number in symbols.labels else f"label {label!r}"
            raise FormatError(f"{at}: {twice} is there twice, expected each once")
        symbols.ids[label] = number
        symbols.labels[number] = label
    if 0 in symbols.labels:
        symbols.epsilon = symbols.labels.pop(0)
        del symbols.ids[symbols.epsilon]
    return symbols


def read_tables(options: ReadOptions) -> list[Symbols | None]:
    """The tables of input and of output labels, None where there is none. Raises FormatError."""
    paths = (options.isymbols, options.osymbols)
    return [read_symbols(path, options.encoding) if path else None for path in paths]


def is_id(text: str) -> bool:
    """True for the digits of a whole number from 0 on, as OpenFst prints it."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, eq=False)
class Column:
    """The fields of a column, each text once. texts: in order of first use; lines: where each is read first; number:
    (rows,) which of them a row has."""

    texts: Sequence[str]
    lines: Sequence[int]
    number: IntArray

    @staticmethod
    def of(fields: Sequence[str], lines: Sequence[int]) -> Column:
        """The column of fields. lines: where each was read."""
        places: dict[str, int] = {}
        number = np.array([places.setdefault(text, len(places)) for text in fields], dtype=np.intp)
        first = dict(zip(reversed(fields), reversed(lines)))
        return Column([*places], [first[text] for text in places], number)


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """The labels of a column. texts: those there are, None for epsilon; number: (rows,) which of them a row has."""

    texts: Sequence[str | None]
    number: IntArray

    def numbered(self, labels: LabelIndex) -> IntArray:
        """(rows,) their numbers in a label table, which takes up those that it does not have."""
        return labels.column(self.texts)[self.number]


def labels_of(column: Column, symbols: Symbols | None, epsilon: str | None, source: str) -> LabelColumn:
    """The labels of fields that are numbers if all of them are, else as they are written; None for epsilon.

    epsilon: the label that is epsilon; a number: all are numbers; another one: none are. None: <eps>, or what the table
    has for 0. Raises FormatError with the line, also for what is not in the table.
    """
    if is_id(epsilon or "0") and (epsilon is not None or all(map(is_id, column.texts))):
        return from_ids(column, symbols, int(epsilon or 0), source)
    silent = epsilon or (EPSILON_SYMBOL if symbols is None else symbols.epsilon)
    for label, line in zip(column.texts, column.lines):
        if symbols is not None and label != silent and label not in symbols.ids:
            raise FormatError(f"{source}:{line}: label {brief(label)} is not in the symbol table {symbols.path}")
    return LabelColumn([None if label == silent else label for label in column.texts], column.number)


def from_ids(column: Column, symbols: Symbols | None, epsilon: int, source: str) -> LabelColumn:
    """The labels that integers stand for, None for epsilon; without a table a label is its number.

    Raises FormatError with the line of what is no number, or is not in the table.
    """
    found: list[str | None] = []
    table = None if symbols is None else symbols.labels
    for text, line in zip(column.texts, column.lines):
        if not is_id(text) and text != str(epsilon):
            raise FormatError(f"{source}:{line}: label is {brief(text)}, expected a whole number")
        number = int(text)
        if number == epsilon:
            found.append(None)
            if symbols is not None and number == 0 and symbols.epsilon.isalnum() and symbols.epsilon not in _NAMES:
                note(source, f"0 is read as epsilon, which {symbols.path} calls {symbols.epsilon!r}")
        elif table is None:
            found.append(text)
        elif number in table:
            found.append(table[number])
        elif number == 0 and symbols is not None:
            found.append(symbols.epsilon)
        else:
            path = "" if symbols is None else symbols.path
            raise FormatError(f"{source}:{line}: label {text} is not in the symbol table {path}")
    return LabelColumn(found, column.number)

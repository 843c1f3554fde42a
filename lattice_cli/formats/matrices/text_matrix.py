"""Emission matrices as text: a row a line, as spreadsheets, pandas and numpy's savetxt write them.

Columns stand between commas, semicolons, tabs or white space; a line that begins with # is a comment, and a first line
that is no row of numbers has the labels of the columns. A first column that numbers the rows, or has their times, is
none of a class, and neither is a first line 0, 1, 2, ... one of a row: pandas writes both (DataFrame.to_csv).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ReadOptions, brief, is_odd_number, note
from lattice_cli.formats.matrices.emission import matrix_record
from lattice_cli.graph import Document, Inputs

#: Those of fields; a number with a decimal comma stands between semicolons, and is told.
_SEPARATORS = (";", "\t", ",")
#: What a column that numbers rows is called.
_NAMELESS = frozenset({"", "unnamed: 0"})
_ROW_NAMES = _NAMELESS | {"frame", "time", "index", "step", "row", "seconds"}
#: What infinite energies are called: the probability is 0.
_NUMBER_WORDS = frozenset({"inf", "-inf", "+inf", "infinity", "-infinity"})


def read_rows(text: str, source: str, record_id: str, options: ReadOptions) -> Document | Inputs:
    """The record of a matrix of shape (T, C) in lines of text. Raises FormatError, with the line."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip() and line[0] != "#"]
    if not lines:
        raise FormatError(f"{source}: has no rows, expected numbers in columns")
    fields = columns_of([line for _, line in lines])
    labels: list[str] = []
    if not all(map(is_number, fields[0])):
        _require_heading(fields[0], f"{source}:{lines[0][0]}")
        labels, fields, lines = fields[0], fields[1:], lines[1:]
        if not lines:
            raise FormatError(f"{source}: has no rows of numbers, its only line is {brief(','.join(labels))}")
    width = len(labels) or len(fields[0])
    for (line, _), row in zip(lines, fields):
        if len(row) != width:
            raise FormatError(f"{source}:{line}: has {len(row)} columns, but the first line has {width}")
        wrong = next((field for field in row if not is_number(field)), None)
        if wrong is not None:
            raise FormatError(f"{source}:{line}: found {brief(wrong)}, expected a number")
    if _are_numbers(fields[0], fields[1:]):
        labels, fields = fields[0], fields[1:]
    matrix = np.array([[float(field) for field in row] for row in fields]).reshape(len(fields), width)
    if _numbers_rows(fields, matrix, labels):
        named = f" ({labels[0]!r})" if labels and labels[0] else ""
        note(source, f"the first column{named} numbers the rows, and is not read as a class")
        matrix, labels, fields = matrix[:, 1:], labels[1:], [row[1:] for row in fields]
    if options.labels is not None and _counting(labels):
        labels = []  # pandas' own, where there are better ones
    return matrix_record(matrix, source, record_id, options, labels)


def _require_heading(fields: Sequence[str], at: str) -> None:
    """Raises FormatError for a row of numbers of which one is odd: labels of columns are not such."""
    odd = next(field for field in fields if not is_number(field))
    fraction = any(is_number(field) and _has_fraction(field) for field in fields)
    if fraction or all(is_number(field) or is_odd_number(field) for field in fields):
        raise FormatError(f"{at}: found {brief(odd)}, expected a number, or labels in the whole line")


def _counting(fields: Sequence[str], first: int = 0) -> bool:
    """Whether these are 0, 1, 2, ... as whole numbers, or on from another one."""
    return len(fields) > 0 and all(field == str(number) for number, field in enumerate(fields, first))


def _are_numbers(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether the first line has the numbers of the columns, above rows of which none is of whole numbers."""
    return len(first) > 1 and len(rest) > 0 and _counting(first) and all(any(map(_has_fraction, row)) for row in rest)


def _numbers_rows(fields: Sequence[Sequence[str]], matrix: FloatArray, labels: Sequence[str]) -> bool:
    """Whether the first column has the numbers of the rows, or their times, beside columns of fractions."""
    if matrix.shape[1] < 2 or not all(any(map(_has_fraction, row[1:])) for row in fields):
        return False
    column, named = [row[0] for row in fields], bool(labels) and labels[0].lower() in _ROW_NAMES
    if _counting(column) or _counting(column, 1):
        return named or len(fields) > 2
    if labels and labels[0].lower() in _NAMELESS and all(map(str.isdecimal, column)):
        return True
    steps = np.diff(matrix[:, 0]) if named and np.isfinite(matrix[:, 0]).all() else np.zeros(0)
    return len(steps) > 1 and bool((steps > 0).all() and np.allclose(steps, steps[0], rtol=1e-3, atol=0))


def _has_fraction(field: str) -> bool:
    return bool(set(field) & set(".eE"))


def columns_of(lines: Sequence[str]) -> list[list[str]]:
    """The fields of lines, at the separator that the last line has: a label may be a separator, a number has none."""
    separator = next((each for each in _SEPARATORS if each in lines[-1]), None)
    if separator is None:
        return [line.split() for line in lines]
    try:
        rows = [*csv.reader([line.removesuffix("\r") for line in lines], delimiter=separator)]
    except csv.Error:
        rows = []
    if len(rows) != len(lines):  # a quote that is not closed, or goes over lines
        rows = [line.split(separator) for line in lines]
    return [[field.strip(" \r") or field for field in row] for row in rows]


def is_number(field: str) -> bool:
    """True for a number as it stands in a column: digits, a sign, an exponent, or an infinite one."""
    text = field.strip(" \t\r").lower()
    if not text or (text.lstrip("+-")[:1] not in "0123456789." and text not in _NUMBER_WORDS):
        return False
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text

"""Emission matrices as text: a row a line, as spreadsheets, pandas and numpy's savetxt write them.

Columns stand between commas, semicolons, tabs or white space; a line that begins with # is a comment, and a first line
that is no row of numbers has the labels of the columns.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ReadOptions, brief
from lattice_cli.formats.matrices.emission import matrix_record
from lattice_cli.graph import Document, Inputs

#: Those of fields; a number with a decimal comma stands between semicolons, and is told.
_SEPARATORS = (";", "\t", ",")
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
    matrix = np.array([[float(field) for field in row] for row in fields]).reshape(len(fields), width)
    return matrix_record(matrix, source, record_id, options, labels)


def columns_of(lines: Sequence[str]) -> list[list[str]]:
    """The fields of lines, at the separator that the last line has: a label may be a separator, a number has none."""
    separator = next((each for each in _SEPARATORS if each in lines[-1]), None)
    if separator is None:
        return [line.split() for line in lines]
    return [[field.strip(" \r") or field for field in row] for row in csv.reader(lines, delimiter=separator)]


def is_number(field: str) -> bool:
    """True for a number as it stands in a column: digits, a sign, an exponent, or an infinite one."""
    text = field.strip().lower()
    if not text or (text.lstrip("+-")[:1] not in "0123456789." and text not in _NUMBER_WORDS):
        return False
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text

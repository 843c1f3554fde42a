"""Emission matrices to records: recognition graphs, or inputs of recognisers where those are wanted.

A matrix has T steps by C classes of energies, or of what `units` says they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError, UsageError, counted
from lattice_cli.formats.io import (
    MATRIX_OPTIONS,
    ReadOptions,
    as_labels,
    as_list,
    as_number,
    location,
    note,
    plain_numbers,
)
from lattice_cli.formats.matrices.column_labels import blank_among, read_labels
from lattice_cli.formats.matrices.units import doubt, energies_of
from lattice_cli.graph import Document, Inputs, Reference, emission_graph, numbered_document, without_arcs

Target = Reference | None


def emission_document(record: dict[Any, Any], source: str, record_id: str, options: ReadOptions) -> Document:
    """The recognition graph of `{labels: [...], emissions: [[...], ...]}`. Raises FormatError."""
    if "labels" not in record:
        raise FormatError(f"{location(source, record)}: emissions without 'labels', expected a label for each column")
    labels = as_labels(record["labels"], source)
    if options.labels is not None:
        _require_same_labels(labels, options, source)
    matrix = matrix_of_rows(record["emissions"], len(labels), source, "emissions: ", f"there are {len(labels)} labels")
    return matrix_document(matrix, labels, source, record_id, options)


def matrix_of_rows(given: Any, width: int, source: str, what: str, because: str) -> FloatArray:
    """(rows, width) the numbers of a list of lists. Raises FormatError, with the row and the column."""
    rows = as_list(given, source, what.rstrip(": "))
    for step, row in enumerate(rows):
        if len(as_list(row, source, f"{what}row {step}")) != width:
            raise FormatError(f"{location(source, row)}: {what}row {step} has {len(row)} entries, but {because}")
    plain = plain_numbers([*chain.from_iterable(rows)])
    if plain is not None:
        return plain.reshape(len(rows), width)
    numbers = [
        [as_number(value, source, f"{what}row {step}, column {column}") for column, value in enumerate(row)]
        for step, row in enumerate(rows)
    ]
    return np.array(numbers, dtype=np.float64).reshape(len(rows), width)


def matrix_record(
    matrix: Any, source: str, record_id: str, options: ReadOptions, own: Sequence[str] = (), target: Target = None
) -> Document | Inputs:
    """The record of an array of numbers of shape (T, C), or of a batch of one, (1, T, C) or (T, 1, C).

    own: labels of the columns, where the file has them; else the options name a file of them. Raises FormatError,
    UsageError.
    """
    if isinstance(matrix, np.ndarray) and matrix.ndim == 3 and 1 in matrix.shape[:2]:
        matrix = matrix[0] if len(matrix) == 1 else matrix[:, 0]
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind not in "fiub"[: 3 + options.inputs]:
        found = f"shape {matrix.shape} and type {matrix.dtype}" if isinstance(matrix, np.ndarray) else "an archive"
        expected = "(rows, size)" if options.inputs else "(T, C)"
        raise FormatError(f"{source}: an array of {found}, expected numbers of shape {expected}")
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = matrix.astype(np.float64)
    if options.inputs:
        options.require_unused(MATRIX_OPTIONS, source, "is read as inputs of a recogniser")
        require_finite(numbers, source)
        return Inputs(record_id, source, numbers, target)
    labels = _labels(own, matrix.shape, source, options)
    document = matrix_document(numbers, labels, source, record_id, options)
    return document if target is None else replace(document, target=target)


def require_finite(values: FloatArray, source: str) -> None:
    """Raises FormatError for the first entry of a matrix that is not finite."""
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0].tolist()
        raise FormatError(f"{source}: row {row}, column {column} is {values[row, column]}, expected a finite number")


def _labels(own: Sequence[str], shape: tuple[int, ...], source: str, options: ReadOptions) -> Sequence[str]:
    """The labels of the columns of a matrix of this shape."""
    if own and options.labels is not None:
        _require_same_labels(own, options, source)
    if not own and options.labels is None:
        raise UsageError(f"{source}: the columns of this matrix have no labels, expected --labels FILE, a label a line")
    labels = own or read_labels(str(options.labels), shape[1], options.encoding)
    if len(labels) != shape[1]:
        name = options.labels or "the file"
        hint = ""
        if len(labels) == shape[0]:
            hint = f" and the matrix {shape[0]} rows: is it transposed, expected (T, C)?"
        elif len(labels) == shape[1] - 1:
            hint = ": the blank of CTC is not among them? It needs a line, where its column is"
        elif len(labels) == 1:
            hint = ", expected a label a line, or a JSON list"
        raise FormatError(
            f"{source}: the matrix has {shape[1]} columns, but {name} has {counted(len(labels), 'label')}{hint}"
        )
    return labels


def _require_same_labels(own: Sequence[str], options: ReadOptions, source: str) -> None:
    """Raises UsageError where a file of labels contradicts those that a record has."""
    if list(own) != read_labels(str(options.labels), len(own), options.encoding):
        raise UsageError(f"{source}: has labels of its own, and {options.labels} has others")


def matrix_document(
    matrix: FloatArray, labels: Sequence[str], source: str, record_id: str, options: ReadOptions
) -> Document:
    """The recognition graph of a (T, C) matrix. An infinite energy (a probability of 0) leaves its arc out."""
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise FormatError(f"{source}: label {twice!r} is given twice in labels")
    if said := doubt(matrix, options.units):
        note(source, said)
    energies = energies_of(matrix, options.units, source)
    possible = np.isfinite(energies)
    graph = emission_graph(np.where(possible, energies, 0.0), ("", *labels))
    if not possible.all():
        graph = without_arcs(graph, ~possible.reshape(-1))
    return replace(numbered_document(graph, record_id, source), rows=True, blank=blank_among(labels))

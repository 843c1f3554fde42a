"""Emission matrices: T steps by C classes of energies or log-probabilities, from a document or an .npy file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.io import (
    LossyForm,
    ReadOptions,
    WriteOptions,
    Written,
    as_list,
    as_number,
    as_text,
    location,
    read_text,
)
from lattice_cli.graph import EPSILON, Document, Graph, emission_graph, numbered_document, without_arcs


def emission_document(record: dict[Any, Any], source: str, record_id: str, options: ReadOptions) -> Document:
    """The recognition graph of `{labels: [...], emissions: [[...], ...]}`. Raises FormatError."""
    if "labels" not in record:
        raise FormatError(f"{location(source, record)}: emissions without 'labels', expected a label for each column")
    labels = [as_text(label, source, "an entry of labels") for label in as_list(record["labels"], source, "labels")]
    rows = as_list(record["emissions"], source, "emissions")
    for step, row in enumerate(rows):
        if len(as_list(row, source, f"emissions: row {step}")) != len(labels):
            raise FormatError(
                f"{location(source, row)}: emissions: row {step} has {len(row)} entries, "
                f"but there are {len(labels)} labels"
            )
    numbers = [
        [as_number(value, source, f"emissions: row {step}, column {column}") for column, value in enumerate(row)]
        for step, row in enumerate(rows)
    ]
    return matrix_document(np.array(numbers).reshape(len(rows), len(labels)), labels, source, record_id, options)


def read_npy(data: bytes, source: str, record_id: str, options: ReadOptions) -> Document:
    """The recognition graph of a .npy matrix of shape (T, C); labels come from the options. Raises FormatError."""
    if options.labels is None:
        raise UsageError(f"{source}: an .npy matrix has no labels, expected --labels FILE with one label a line")
    try:
        matrix = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # a damaged header makes numpy raise errors of a dozen kinds
        raise FormatError(f"{source}: not a readable .npy file: {first_line(error)}") from None
    if not isinstance(matrix, np.ndarray):
        raise FormatError(f"{source}: an .npz archive, expected an .npy matrix")
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        raise FormatError(
            f"{source}: an array of shape {matrix.shape} and type {matrix.dtype}, expected numbers of shape (T, C)"
        )
    labels = read_labels(options.labels, options.encoding)
    if len(labels) != matrix.shape[1]:
        raise FormatError(
            f"{source}: the matrix has {matrix.shape[1]} columns, but {options.labels} has {len(labels)} labels"
        )
    with np.errstate(over="ignore"):
        return matrix_document(matrix.astype(np.float64), labels, source, record_id, options)


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def read_labels(path: str, encoding: str | None = None) -> list[str]:
    """The labels of a file, one a line; only the line end is taken off, so a space is a label. Raises FormatError."""
    text, _ = read_text(path, encoding)
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines and lines[-1] == "":
        lines.pop()
    twice = next((label for label in lines if lines.count(label) > 1), None)
    if twice is not None:
        raise FormatError(f"{path}: label {twice!r} is on several lines, expected each label once")
    return lines


def matrix_document(
    matrix: FloatArray, labels: Sequence[str], source: str, record_id: str, options: ReadOptions
) -> Document:
    """The recognition graph of a (T, C) matrix. An infinite energy (a probability of 0) leaves its arc out."""
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if list(labels).count(label) > 1)
        raise FormatError(f"{source}: label {twice!r} is given twice in labels")
    energies = -matrix if options.logp else matrix
    unusable = np.isnan(energies) | np.isneginf(energies)
    if unusable.any():
        step, column = np.argwhere(unusable)[0].tolist()
        raise FormatError(
            f"{source}: row {step}, column {column} is {matrix[step, column]}, expected a finite "
            f"{'log-probability' if options.logp else 'energy'}"
        )
    possible = np.isfinite(energies)
    graph = emission_graph(np.where(possible, energies, 0.0), ("", *labels))
    if not possible.all():
        graph = without_arcs(graph, ~possible.reshape(-1))
    return replace(numbered_document(graph, record_id, source), rows=True)


_NAME = "an .npy matrix"


def write_npy(document: Document, options: WriteOptions) -> Written:
    """The matrix of a graph that is a chain of vector arcs; +inf where a step has no arc for a label.

    Raises FormatError for a graph of any other shape.
    """
    fitting = LossyForm(document, _NAME)
    fitting.without_target()
    fitting.without_times()
    fitting.summed_scores()
    if list(document.names) != list(range(document.graph.nodes)):
        fitting.losses.append("names of nodes (they are numbered from 0)")
    fault = _fault(fitting.graph)
    if fault:
        raise fitting.refuse(f"{fault}, expected steps from node 0 to the last, each to the next node, labels in order")
    if options.labels is None:
        fitting.losses.append("labels of columns (--write-labels FILE keeps them)")
    file = io.BytesIO()
    np.save(file, _matrix(fitting.graph))
    return Written(file.getvalue(), tuple(fitting.losses))


def _fault(graph: Graph) -> str:
    """What keeps a graph from being a matrix; "" for nothing."""
    last = graph.nodes - 1
    if last < 1 or len(graph.labels) < 2:
        return "there is no step"
    ends = [graph.starts.tolist(), graph.finals.tolist()] == [[0], [last]]
    if not ends or graph.start[0] != 0 or graph.final[last] != 0:
        return "it does not start at the first node and end at the last at no cost"
    if not np.array_equal(graph.ilabel, graph.olabel) or (graph.ilabel == EPSILON).any():
        return "it has arcs of two labels, or of none"
    skips = np.flatnonzero(graph.dst != graph.src + 1)
    if len(skips):
        arc = int(skips[0])
        return f"arc {arc} goes from node {graph.src[arc]} to node {graph.dst[arc]}"
    place = graph.src * len(graph.labels) + graph.ilabel
    back = np.flatnonzero(np.diff(place) <= 0)
    return f"arc {int(back[0]) + 1} is out of order, or a label is on two arcs of a step" if len(back) else ""


def _matrix(graph: Graph) -> FloatArray:
    """(steps, labels) energies."""
    matrix = np.full((graph.nodes - 1, len(graph.labels) - 1), np.inf)
    matrix[graph.src, graph.ilabel - 1] = graph.energy
    return matrix

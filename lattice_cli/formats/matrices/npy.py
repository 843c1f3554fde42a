"""Emission matrices in .npy files: T steps by C classes."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import LossyForm, ReadOptions, WriteOptions, Written, first_line, read_array
from lattice_cli.formats.matrices.column_labels import blank_among
from lattice_cli.formats.matrices.emission import matrix_record
from lattice_cli.graph import EPSILON, Document, Graph, Inputs


def read_npy(data: bytes, source: str, record_id: str, options: ReadOptions) -> Document | Inputs:
    """The record of a .npy matrix of shape (T, C), (1, T, C) or (T, 1, C). Raises FormatError."""
    try:
        matrix = read_array(io.BytesIO(data), len(data))
    except Exception as error:  # a damaged header makes numpy raise errors of a dozen kinds
        raise FormatError(f"{source}: not a readable .npy file: {first_line(error)}") from None
    return matrix_record(matrix, source, record_id, options)


_NAME = "an .npy matrix"


def write_npy(document: Document, options: WriteOptions) -> Written:
    """The matrix of a graph that is a chain of vector arcs; +inf where a step has no arc for a label.

    Raises FormatError for a graph of any other shape.
    """
    if document.blank == blank_among(document.graph.labels):
        document = replace(document, blank=None)  # its name tells
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

"""Graphs made of sequences, matrices and single arcs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray
from lattice_cli.graph.connect import trimmed
from lattice_cli.graph.graph import Graph, Labels

Arc = tuple[int, int, int, int, float]
#: Of arcs: tail, head, input, output, energy.
Columns = Sequence[NDArray[Any]]


def graph_of(
    arcs: Sequence[Arc], start: dict[int, float], final: dict[int, float], nodes: int, labels: Sequence[str]
) -> Graph:
    """The trimmed graph of these arcs (tail, head, input, output, energy), sorted by tail; labels[0] is epsilon."""
    return trimmed(graph_by_tail(arc_columns(arcs), start, final, nodes, labels))[0]


def arc_columns(arcs: Sequence[Arc]) -> Columns:
    """The columns of arcs: tail, head, input, output, energy."""
    *numbers, energy = zip(*arcs) if arcs else ((),) * 5
    return [*(np.array(column, dtype=np.intp) for column in numbers), np.array(energy, dtype=np.float64)]


def graph_by_tail(
    columns: Columns, start: dict[int, float], final: dict[int, float], nodes: int, labels: Sequence[str]
) -> Graph:
    """The graph of arcs in columns, sorted by tail."""
    order = np.argsort(columns[0], kind="stable")
    src, dst, ilabel, olabel, energy = (column[order] for column in columns)
    ends = end_energies(nodes, start), end_energies(nodes, final)
    return Graph(src, dst, ilabel, olabel, energy, *ends, tuple(labels))


def with_more_arcs(graph: Graph, columns: Columns, start: FloatArray, final: FloatArray) -> Graph:
    """The graph with arcs behind its own. start, final: (nodes,) energies, also of nodes that are new."""
    own = (graph.src, graph.dst, graph.ilabel, graph.olabel, graph.energy)
    src, dst, ilabel, olabel, energy = (np.concatenate(pair) for pair in zip(own, columns))
    return Graph(src, dst, ilabel, olabel, energy, start, final, graph.labels)


def end_energies(nodes: int, energies: Mapping[Any, float]) -> FloatArray:
    """(nodes,) start or final energies: of these nodes, +inf elsewhere."""
    column = np.full(nodes, np.inf)
    for node, energy in energies.items():
        column[node] = energy
    return column


def without_any_arcs(labels: Labels, nodes: int) -> Graph:
    """The graph of these many nodes, where paths without labels start and end at energy 0."""
    both, none = np.zeros(nodes), NO_INDICES
    return Graph(none, none, none, none, np.zeros(0), both, both, labels)


def linear_graph(labels: Labels, sequence: Sequence[int]) -> Graph:
    """The acceptor of one sequence of labels (indices into `labels`) at energy 0: len(sequence) + 1 nodes in a row."""
    steps = np.arange(len(sequence), dtype=np.intp)
    column = np.asarray(sequence, dtype=np.intp)
    nodes = len(sequence) + 1
    start, final = end_energies(nodes, {0: 0.0}), end_energies(nodes, {nodes - 1: 0.0})
    return Graph(steps, steps + 1, column, column, np.zeros(len(sequence)), start, final, labels)


def emission_graph(energies: FloatArray, labels: Labels) -> Graph:
    """The graph of an emission matrix, (steps, classes) energies: `steps` vector arcs in a row.

    `labels` has an entry for epsilon and then one for each class. Arc t * classes + c is class c at step t.
    """
    steps, classes = energies.shape
    src = np.repeat(np.arange(steps, dtype=np.intp), classes)
    label = np.tile(np.arange(1, classes + 1, dtype=np.intp), steps)
    start, final = end_energies(steps + 1, {0: 0.0}), end_energies(steps + 1, {steps: 0.0})
    return Graph(src, src + 1, label, label, energies.reshape(-1), start, final, labels)


@dataclass
class LabelIndex:
    """Labels as they turn up, numbered from 1; epsilon is 0."""

    #: What is asked for and is not there takes the next number.
    numbers: defaultdict[str | None, int] = field(default_factory=lambda: defaultdict(count(1).__next__, {None: 0}))

    def number(self, label: str | None) -> int:
        """The number of a label, a new one if it is new."""
        return self.numbers[label]

    def numbered(self, labels: Iterable[str | None]) -> list[int]:
        """The numbers of labels."""
        return list(map(self.numbers.__getitem__, labels))

    def column(self, labels: Sequence[str | None]) -> IntArray:
        """(labels,) the same as an array."""
        return np.fromiter(map(self.numbers.__getitem__, labels), dtype=np.intp, count=len(labels))

    @property
    def table(self) -> Labels:
        """The label table of a graph."""
        return ("", *cast(Iterable[str], islice(self.numbers, 1, None)))


def label_loop(labels: Sequence[str]) -> Graph:
    """The grammar of all label sequences: one node, an arc for each label, all at energy 0."""
    label = np.arange(1, len(labels) + 1)
    zero = np.zeros(len(labels), dtype=np.intp)
    both = np.zeros(1)
    return Graph(zero, zero, label, label, np.zeros(len(labels)), both, both, ("", *labels))

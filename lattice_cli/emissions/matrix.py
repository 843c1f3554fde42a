"""Emission matrices again: a graph that is a chain of vector arcs, seen as energies of T steps by C classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, picked
from lattice_cli.graph import EPSILON, Graph, Labels


@dataclass(frozen=True, eq=False)
class EmissionMatrix:
    """A chain of vector arcs as a matrix.

    energies: (steps, classes), +inf where a step has no arc of a class. arc: (steps, classes) the arc, -1 where there
    is none. label: (classes,) index of each class in `labels`. ends: start plus final energy.
    """

    energies: FloatArray
    arc: IntArray
    label: IntArray
    labels: Labels
    ends: float

    @property
    def steps(self) -> int:
        """Rows of the matrix."""
        return len(self.energies)

    def only(self, columns: IntArray) -> EmissionMatrix:
        """The matrix with some of its classes."""
        return replace(self, energies=self.energies[:, columns], arc=self.arc[:, columns], label=self.label[columns])

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """(classes,) the label of each."""
        return tuple(self.labels[label] for label in self.label.tolist())

    @property
    def largest(self) -> float:
        """The largest energy, without its sign."""
        if not self.energies.size:
            return 0.0
        highest = float(self.energies.max())
        if not np.isfinite(highest):
            highest = float(self.energies[self.arc >= 0].max(initial=0.0))
        return max(highest, -float(self.energies.min()))


def emission_matrix_of(graph: Graph) -> EmissionMatrix | None:
    """The matrix of a graph, None for a graph that is none: each arc leads from a node to the next, and no two arcs of
    a step have the same label."""
    steps = graph.nodes - 1
    if steps < 1 or not graph.arcs or graph.starts.tolist() != [0] or graph.finals.tolist() != [steps]:
        return None
    if not (graph.dst == graph.src + 1).all() or not (graph.ilabel == graph.olabel).all():
        return None
    used = np.bincount(graph.ilabel, minlength=len(graph.labels)) > 0
    if used[EPSILON]:
        return None
    label = np.flatnonzero(used)
    shape, ends = (steps, len(label)), float(graph.start[0] + graph.final[steps])
    if graph.arcs == steps * len(label) and _in_order(graph, label):
        arc = np.arange(graph.arcs).reshape(shape)
        return EmissionMatrix(graph.energy.reshape(shape), arc, label, graph.labels, ends)
    column = (np.cumsum(used) - 1)[graph.ilabel]
    arc = np.full(shape, -1, dtype=np.intp)
    arc[graph.src, column] = np.arange(graph.arcs)
    if int((arc >= 0).sum()) != graph.arcs:
        return None
    return EmissionMatrix(picked(graph.energy, arc, np.inf), arc, label, graph.labels, ends)


def _in_order(graph: Graph, label: IntArray) -> bool:
    """True if the arcs lie row by row, each with these labels: as a matrix is read. Nothing is to be moved then."""
    rows = np.arange(graph.nodes - 1)[:, None]
    in_order: bool = (graph.ilabel.reshape(-1, len(label)) == label).all()
    return in_order and bool((graph.src.reshape(-1, len(label)) == rows).all())

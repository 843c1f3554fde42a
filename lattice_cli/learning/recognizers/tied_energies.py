"""Energies that depend on weights: a fixed part and a sparse linear one.

Tied grammar arcs (a weight on many arcs), n-grams (a weight an arc) and named scores (a weight times a number on every
arc) are all this: energy = fixed + sum over entries of value * weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray
from lattice_cli.graph import Graph, columns_of


@dataclass(frozen=True, eq=False)
class LinearEnergies:
    """energy[k] = fixed[k] + sum over entries i with column[i] == k of value[i] * weights[weight[i]].

    fixed: (columns,) nats, +inf where nothing stands. column, weight, value: (entries,). names: (weights,) what each
    weight is, for people.
    """

    fixed: FloatArray
    column: IntArray
    weight: IntArray
    value: FloatArray
    names: Sequence[str]

    @property
    def weights(self) -> int:
        """Number of weights."""
        return len(self.names)

    def energies(self, weights: FloatArray) -> FloatArray:
        """(columns,) energies at these weights, (weights,)."""
        if not len(self.column):
            return self.fixed
        energies: FloatArray = self.fixed.copy()
        energies += np.bincount(self.column, self.value * weights[self.weight], len(self.fixed))
        return energies

    def gradient(self, by_energy: FloatArray) -> FloatArray:
        """(weights,) derivative by the weights, from that by the energies, (columns,)."""
        if not len(self.column):
            return np.zeros(self.weights)
        return np.bincount(self.weight, self.value * by_energy[self.column], self.weights).astype(np.float64)


def fixed(graph: Graph) -> LinearEnergies:
    """The energies of a graph with nothing to learn."""
    return LinearEnergies(columns_of(graph), NO_INDICES, NO_INDICES, np.zeros(0), ())


def free(graph: Graph) -> LinearEnergies:
    """A weight for each arc, and for each start and final node, that is added to its energy."""
    columns = columns_of(graph)
    learned = np.flatnonzero(np.isfinite(columns))
    parts = ["arc"] * graph.arcs + ["start"] * graph.nodes + ["final"] * graph.nodes
    places = [*range(graph.arcs), *range(graph.nodes), *range(graph.nodes)]
    names = [f"{parts[column]} {places[column]}" for column in learned.tolist()]
    return LinearEnergies(columns, learned, np.arange(len(learned)), np.ones(len(learned)), names)


def as_they_are(graphs: Sequence[Graph]) -> LinearEnergies:
    """(arcs,) the energies of the graphs' arcs, one graph after the other, with nothing to learn."""
    energies = np.concatenate([np.zeros(0), *(graph.energy for graph in graphs)])
    return LinearEnergies(energies, NO_INDICES, NO_INDICES, np.zeros(0), ())


def by_scores(
    graphs: Sequence[Graph], scores: Sequence[Mapping[str, FloatArray]], names: Sequence[str]
) -> LinearEnergies:
    """A weight for each named score: (arcs,) energies that are sums of weight * score, the graphs one after the other.

    A graph without some score has 0 for it.
    """
    column: list[IntArray] = []
    weight: list[IntArray] = []
    value: list[FloatArray] = []
    first = 0
    for graph, own in zip(graphs, scores):
        for number, name in enumerate(names):
            if name in own:
                used = np.flatnonzero(own[name])
                column.append(used + first)
                weight.append(np.full(len(used), number))
                value.append(own[name][used])
        first += graph.arcs
    values: FloatArray = np.concatenate([np.zeros(0), *value])
    columns, weights = (np.concatenate([NO_INDICES, *parts]) for parts in (column, weight))
    return LinearEnergies(np.zeros(first), columns, weights, values, tuple(names))

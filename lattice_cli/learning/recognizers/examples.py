"""Examples: records to learn from, as the recogniser and the loss take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.graph import Graph, Target, TargetGraph, emission_graph


@dataclass(frozen=True, eq=False)
class Example:
    """A record as its graph: the recogniser gives energies to its arcs.

    targets: the labels of its right answer, or of several, any of which will do, or of all that a lattice has; none
    where it is not known.
    by_step: the same for every step of a recogniser with a cost at each, where they differ; the last are `targets`.
    weight: what its loss counts in that of a batch.
    graph: the recognition graph without its energies; None: a chain of `rows` steps, each with an arc for each class.
    rows: rows of class energies that the recogniser gives for it; 0 where it works on scores of arcs.
    inputs: what the recogniser computes them from, (rows or columns, size).
    names: (nodes,) what results call each node.
    around: (inner cuts, numbers) what is seen of each cut of a field, where cuts have energies.
    """

    id: str
    source: str
    targets: tuple[Target, ...] | TargetGraph
    graph: Graph | None
    rows: int
    inputs: NDArray[np.floating[Any]]
    names: Sequence[int | str]
    scores: Mapping[str, FloatArray] = field(default_factory=dict)
    times: FloatArray | None = None
    around: NDArray[np.floating[Any]] | None = None
    by_step: tuple[tuple[Target, ...] | TargetGraph, ...] = ()
    weight: float = 1.0

    def arcs(self, classes: int) -> int:
        """Number of recognition arcs."""
        return self.rows * classes if self.graph is None else self.graph.arcs

    def recognition(self, labels: tuple[str, ...], energy: FloatArray | None = None) -> Graph:
        """The recognition graph at these energies, (arcs,), or at 0; `labels` is the table of the classes."""
        if self.graph is not None:
            return self.graph if energy is None else self.graph.with_energy(energy)
        classes = len(labels) - 1
        matrix = np.zeros((self.rows, classes)) if energy is None else energy.reshape(self.rows, classes)
        return emission_graph(matrix, labels)


def at_steps(examples: Sequence[Example], weights: Sequence[float]) -> list[Example]:
    """What a batch is made of where each step has a cost: all examples with what is right at the first step, then all
    at the second, and so on, as the recogniser gives their energies. weights: (steps,) of each step's loss."""
    found = []
    for step, weight in enumerate(weights):
        for example in examples:
            targets = example.by_step[step] if example.by_step else example.targets
            source = example.source if len(weights) == 1 else f"{example.source}, step {step + 1}"
            found.append(replace(example, source=source, targets=targets, by_step=(), weight=weight))
    return found


def first_arcs(examples: Sequence[Example], classes: int) -> IntArray:
    """(examples + 1,) index of the first arc of each example in a batch, and the number of all of them."""
    return np.concatenate([[0], np.cumsum([example.arcs(classes) for example in examples])]).astype(np.intp)

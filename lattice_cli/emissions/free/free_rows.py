"""A CTC matrix without a grammar: any label may follow any other, so every choice of a class for each row is a path.

Its best path has the best class of each row, and costs more by what the chosen classes cost above those. So paths up to
an energy are found among the classes that alone are not above it, and a graph of few rows and classes has the n best of
a matrix of any size; sums over all paths are taken row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, boltzmann, spans
from lattice_cli.composition import ADD, Composition, compose
from lattice_cli.emissions.decoding_graph import DecodingGraph
from lattice_cli.emissions.free.answer_chains import AnswerChains
from lattice_cli.emissions.free.row_consensus import RowConsensus
from lattice_cli.emissions.matrix import EmissionMatrix
from lattice_cli.graph import EPSILON, Graph, without_any_arcs

#: Beside the best class of each row, so many others are looked at first, then four times as many, and so on.
_FIRST_OTHERS = 64
_GROWTH = 4


def row_sums(energies: FloatArray, beta: float) -> tuple[FloatArray, FloatArray]:
    """(rows,) the free energy of each row, nats, and (rows, classes) its posterior, which is its derivative."""
    least = energies.min(axis=1, keepdims=True)
    posterior = np.exp(-beta * (energies - least))
    sums = posterior.sum(axis=1, keepdims=True)
    posterior /= sums
    return (least - np.log(sums) / beta)[:, 0], posterior


@dataclass(frozen=True, eq=False)
class FreeRows:
    """record: the matrix as a graph, whose every row has an arc. blank: a class of the matrix."""

    record: Graph
    matrix: EmissionMatrix
    blank: int

    @cached_property
    def lowest(self) -> FloatArray:
        """(rows,) the least energy of each row."""
        found: FloatArray = self.matrix.energies.min(axis=1)
        return found

    @cached_property
    def above(self) -> FloatArray:
        """(rows, classes) nats above the least of the row."""
        found: FloatArray = self.matrix.energies - self.lowest[:, None]
        return found

    @cached_property
    def best(self) -> IntArray:
        """(rows,) the class of each row on the best path; of equal ones the first."""
        found: IntArray = self.matrix.energies.argmin(axis=1)
        return found

    def chosen(self, *paths: IntArray) -> BoolArray:
        """(rows, classes) true for the classes of these paths, (rows,) each."""
        chosen = np.zeros(self.matrix.energies.shape, dtype=bool)
        for path in paths:
            chosen[np.arange(len(path)), path] = True
        return chosen

    def near_best(self, wanted: int) -> Iterator[tuple[BoolArray, float]]:
        """More and more classes, (rows, classes), and how far above the best path they have every path (+inf: all).

        wanted: how many paths or answers are looked for.
        """
        above = np.where(self.chosen(self.best), np.inf, self.above).reshape(-1)
        possible = int(np.isfinite(above).sum())
        others = _FIRST_OTHERS + _GROWTH * wanted
        while others < possible:
            margin = float(np.partition(above, others - 1)[others - 1])
            below, level = above < margin, np.flatnonzero(above == margin)
            below[level[: _GROWTH * others]] = True  # of equal ones too many would be as good
            yield below.reshape(self.above.shape) | self.chosen(self.best), margin
            others *= _GROWTH
        yield self.matrix.arc >= 0, np.inf

    def lattice(self, chosen: BoolArray) -> Composition:
        """The paths over some classes of each row, one of each row at least, read as CTC. A node behind the first one
        is a row with its class."""
        matrix, record = self.matrix, self.record
        row, column = np.nonzero(chosen)
        counts = np.bincount(row, minlength=matrix.steps)
        offsets = np.cumsum(counts) - counts
        onward = np.append(counts, 0)[row + 1]
        tail = np.concatenate([np.full(counts[0], -1), np.repeat(np.arange(len(row)), onward)])
        head = np.concatenate([np.arange(counts[0]), spans(np.append(offsets, 0)[row + 1], onward)])
        label = matrix.label[column]
        silent = (column == self.blank)[head] | ((tail >= 0) & (column[tail] == column[head]))
        energy = matrix.energies[row, column]
        nodes = len(row) + 1
        start, final = np.full((2, nodes), np.inf)
        start[0] = record.start[0]
        final[1 + np.flatnonzero(row == matrix.steps - 1)] = record.final[matrix.steps]
        graph = Graph(
            tail + 1,
            head + 1,
            label[head],
            np.where(silent, EPSILON, label[head]),
            energy[head],
            start,
            final,
            record.labels,
        )
        no_grammar = without_any_arcs(record.labels, 1)
        nothing, nowhere = np.full(len(head), -1), np.zeros(nodes, dtype=np.intp)
        left_arc, left_node = matrix.arc[row, column][head], np.append(0, row + 1)
        return Composition(record, no_grammar, ADD, graph, left_arc, nothing, left_node, nowhere, None)

    def through(self, answers: Graph) -> Composition:
        """All paths with the answers of an acceptor, by arcs of the record."""
        labels = [place for place, label in enumerate(self.record.labels) if label in answers.spoken]
        columns = np.append(np.flatnonzero(np.isin(self.matrix.label, labels)), self.blank)
        arcs = np.sort(self.matrix.arc[:, columns].reshape(-1))
        arcs = arcs[arcs >= 0]
        record = self.record
        src, dst, label, energy = record.src[arcs], record.dst[arcs], record.ilabel[arcs], record.energy[arcs]
        part = Graph(src, dst, label, label, energy, record.start, record.final, record.labels)
        read = DecodingGraph.of(answers, record.labels[self.matrix.label[self.blank]])
        assert read is not None, "an acceptor has no epsilons"
        found = compose(part, read.graph)
        return replace(found, left=record, left_arc=arcs[found.left_arc])

    def free_energy(self, beta: float) -> tuple[float, FloatArray]:
        """Of all paths, nats, and (arcs,) the posterior of every arc of the record."""
        (free, by_class), there = row_sums(self.matrix.energies, beta), self.matrix.arc >= 0
        posterior = np.zeros(self.record.arcs)
        posterior[self.matrix.arc[there]] = by_class[there]
        return float(free.sum()) + self.matrix.ends, posterior

    def alignment(self, answer: Sequence[int]) -> IntArray | None:
        """(rows,) the classes of the best path with an answer, indices of the record's labels; None: it has none."""
        energies, classes = self._chains([self._classes(answer)]).best(self.above)
        return classes if np.isfinite(energies[0]) else None

    def posteriors(self, answers: Sequence[Sequence[str]], beta: float) -> list[float]:
        """P(answer) of each, over all paths."""
        free = float(row_sums(self.above, beta)[0].sum())
        place = {label: index for index, label in enumerate(self.record.labels) if index}
        said = [self._classes([place[label] for label in answer]) for answer in answers]
        energies = np.array([self._chains([each]).sums(self.above, beta).totals[0] for each in said])
        found: list[float] = np.minimum(boltzmann(energies, free, beta), 1.0).tolist()
        return found

    def consensus(self, beta: float) -> RowConsensus:
        """How answers differ, under p(path) = exp(-beta (E - F))."""
        if beta not in self._consensus:
            self._consensus[beta] = RowConsensus(row_sums(self.above, beta)[1], self.matrix.label, self.blank)
        return self._consensus[beta]

    @cached_property
    def _consensus(self) -> dict[float, RowConsensus]:
        return {}

    def _chains(self, answers: Sequence[Sequence[int]]) -> AnswerChains:
        rows, classes = self.above.shape
        return AnswerChains(np.full(len(answers), rows), classes, self.blank, answers)

    def _classes(self, answer: Sequence[int]) -> list[int]:
        place = {label: column for column, label in enumerate(self.matrix.label.tolist())}
        return [place[label] for label in answer]

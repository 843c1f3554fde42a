"""The paths that losses of a matrix are taken over, without composing it with what it is read through.

All answers are summed row by row. The correct ones are few: the grammar is restricted to them, and the matrix to their
labels, before they are composed. The most offending one is looked for among the paths near the best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.composition import Composition, compose
from lattice_cli.emissions import BeamSearch, emission_matrix_of, slack
from lattice_cli.emissions.free import FreeRows
from lattice_cli.emissions.token_lattice import token_lattice
from lattice_cli.errors import NoPath
from lattice_cli.grammars import ctc_topology
from lattice_cli.graph import Document, Graph, Target, Targets, complement_acceptor, target_acceptor, without_arcs
from lattice_cli.learning.losses.contrasts import spoken, too_few_rows, why_not_spelled
from lattice_cli.learning.losses.expected_errors import (
    MOST_ARCS,
    ErrorPaths,
    best_targets,
    error_paths,
    error_paths_within,
)
from lattice_cli.records import Decoder, Interpretation
from lattice_cli.records.matrix_search import MARGINS, Matrix, free_rows_of, matrix_of
from lattice_cli.records.posteriors import LARGE, by_record, product_sums
from lattice_cli.search import best_with_gap

#: How far above the best path the most offending answer is looked for at first: mostly it is among the nearest.
_NEAR = (0.5, 1.0, 2.0)
#: Energies that are nearer to each other than this may be one.
_TIE = 1e-9


class RowEnergies(Protocol):
    """A matrix that is asked row by row; compositions are by arcs of the record."""

    @property
    def said(self) -> Sequence[str]:
        """The labels that answers are made of."""

    def spelled(self, targets: Targets) -> Composition:
        """All paths with these answers."""

    def why_not_spelled(self, targets: Targets, spelled: Composition) -> NoPath:
        """Why there are none."""

    def nearest_wrong(self, targets: Targets) -> Composition:
        """Paths with other answers, the best of them, and one as good if there is one, among them."""

    def best_answers(self, count: int) -> list[Target]:
        """The best different answers, by the best path of each."""

    def error_paths(self, right: Graph, count: int) -> ErrorPaths:
        """All paths with the errors of each where they are few, else those of the best answers, up to `count`. right:
        the acceptor of the right answers."""

    def free_energy(self, beta: float) -> tuple[float, FloatArray]:
        """Of all paths, nats, and (arcs,) the posterior of every arc of the record."""

    @property
    def again(self) -> Callable[[FloatArray, float], float] | None:
        """(arcs,) other energies of the record -> the free energy; None where the record's own graph has it."""


@dataclass(frozen=True, eq=False)
class AskedByRows(Interpretation):
    """A record that is not composed: its graph is the record's own, and its paths are asked of the rows."""

    rows: RowEnergies | None = None


def asked_by_rows(document: Document, decoder: Decoder) -> AskedByRows | None:
    """A matrix that need not be composed with what it is read through, or is too large to be; None for other ones."""
    blank = decoder.reading(document).ctc
    free = free_rows_of(document, decoder, whatever_size=True)
    if free is not None:
        return AskedByRows(document, blank=blank, rows=_Free(document, free))
    matrix = None if not decoder.grammars else matrix_of(document, decoder)
    if matrix is None or matrix.product_arcs <= LARGE or matrix.heuristic.scorer is not None:
        return None
    return AskedByRows(document, matrix.parts, blank=blank, rows=_ThroughGrammar(matrix))


@dataclass(frozen=True, eq=False)
class _Free:
    """CTC without a grammar. See RowEnergies."""

    document: Document
    rows: FreeRows
    again: None = None

    @property
    def said(self) -> Sequence[str]:
        """See RowEnergies."""
        table, blank = self.rows.record.labels, self.rows.blank
        return [table[label] for place, label in enumerate(self.rows.matrix.label.tolist()) if place != blank]

    def spelled(self, targets: Targets) -> Composition:
        """See RowEnergies."""
        return self.rows.through(target_acceptor(targets, self.rows.record.labels))

    def why_not_spelled(self, targets: Targets, spelled: Composition) -> NoPath:
        """See RowEnergies."""
        short = too_few_rows(self.rows.matrix.steps, spelled.right, targets)
        return short or why_not_spelled(spelled, targets, self.document.names)

    def nearest_wrong(self, targets: Targets) -> Composition:
        """See RowEnergies."""
        best = float(self.rows.lowest.sum()) + self.rows.matrix.ends
        for chosen, margin in self.rows.near_best(1):
            near = self.rows.lattice(chosen)
            wrong = all_but(near.graph, targets)
            found = best_with_gap(wrong.graph)[0]
            if found is not None and found[0].energy + found[1] <= best + margin + slack(best):
                break
        return _in(near, wrong, self.rows.record)

    def best_answers(self, count: int) -> list[Target]:
        """See RowEnergies."""
        best = float(self.rows.lowest.sum()) + self.rows.matrix.ends
        for chosen, margin in self.rows.near_best(count):
            found = best_targets(self.rows.lattice(chosen).graph, count, best + margin)
            if found is not None:
                return found
        return []

    def error_paths(self, right: Graph, count: int) -> ErrorPaths:
        """See RowEnergies."""
        matrix = self.rows.matrix
        if matrix.steps * matrix.energies.shape[1] ** 2 <= MOST_ARCS:
            whole = self.rows.lattice(matrix.arc >= 0)
            found = error_paths(whole.graph, right, MOST_ARCS)
            if found is not None:
                return replace(found, arc=whole.left_arc[found.arc], node=whole.left_node[found.node])
        best = self.best_answers(count)
        return error_paths_within(self.spelled(best), right, len(best))

    def free_energy(self, beta: float) -> tuple[float, FloatArray]:
        """See RowEnergies."""
        return self.rows.free_energy(beta)


@dataclass(frozen=True, eq=False)
class _ThroughGrammar:
    """A matrix and its grammar, with CTC or without. See RowEnergies."""

    matrix: Matrix

    @property
    def said(self) -> Sequence[str]:
        """See RowEnergies."""
        return sorted(self.matrix.decoding_graph.spoken)

    @property
    def _names(self) -> Sequence[int | str]:
        """What the nodes of the grammar are called, or of the first of several."""
        first = self.matrix.parts[0].document
        assert first is not None, "a matrix without a grammar is asked as such"
        joined = self.matrix.joined
        return first.names if joined is None else [first.names[node] for node in joined.first.node.tolist()]

    def spelled(self, targets: Targets) -> Composition:
        """See RowEnergies."""
        record, blank = self.matrix.document.graph, self.matrix.blank
        right = self._within(targets).graph
        read = {right.labels[label] for label in right.ilabel.tolist()} - {"", blank}
        if blank is not None:
            right = compose(ctc_topology(("", *sorted(read), blank), len(read) + 1), right).graph
            read.add(blank)
        wanted = np.array([label in read for label in record.labels])[record.ilabel]
        found = compose(without_arcs(record, ~wanted), right)
        arcs = np.append(np.flatnonzero(wanted), -1)
        return replace(found, left=record, left_arc=arcs[found.left_arc])

    def why_not_spelled(self, targets: Targets, spelled: Composition) -> NoPath:
        """See RowEnergies."""
        within, document = self._within(targets), self.matrix.document
        if not within.graph.nodes:
            return why_not_spelled(within, targets, self._names, "the grammar", "the grammar")
        short = too_few_rows(self.matrix.emissions.steps, spelled.right, targets)
        return short or why_not_spelled(spelled, targets, document.names)

    def _within(self, targets: Targets) -> Composition:
        """The grammar with these answers."""
        grammar = self.matrix.decoding_graph.source.source
        return compose(grammar, target_acceptor(targets, grammar.labels))

    def nearest_wrong(self, targets: Targets) -> Composition:
        """See RowEnergies."""
        matrix, record = self.matrix, self.matrix.document.graph
        search = BeamSearch(matrix.heuristic, matrix.emissions)
        best = search.best().energy
        for margin in (*_NEAR, *MARGINS):
            near, complete = token_lattice(record, matrix.emissions, search, best + margin)
            wrong = all_but(near.graph, targets)
            found = best_with_gap(wrong.graph)[0]
            if found is not None and found[0].energy - matrix.emissions.ends + _TIE * max(1.0, abs(best)) < complete:
                break
        return _in(near, wrong, record)

    def best_answers(self, count: int) -> list[Target]:
        """See RowEnergies."""
        matrix, record = self.matrix, self.matrix.document.graph
        search = BeamSearch(matrix.heuristic, matrix.emissions)
        best = search.best().energy
        for margin in MARGINS if np.isfinite(best) else ():
            near, complete = token_lattice(record, matrix.emissions, search, best + margin)
            found = best_targets(near.graph, count, complete + matrix.emissions.ends)
            if found is not None:
                return found
        return []

    def error_paths(self, right: Graph, count: int) -> ErrorPaths:
        """See RowEnergies; a product that is not built has too many paths for all."""
        best = self.best_answers(count)
        return error_paths_within(self.spelled(best), right, len(best))

    def free_energy(self, beta: float) -> tuple[float, FloatArray]:
        """See RowEnergies."""
        found = product_sums(self.matrix, beta)
        posterior = by_record(self.matrix, found.pullback().emissions)
        return float(found.totals[0]) + self.matrix.emissions.ends, posterior

    @cached_property
    def again(self) -> Callable[[FloatArray, float], float]:
        """See RowEnergies."""
        matrix, record = self.matrix, self.matrix.document.graph

        def total(energy: FloatArray, beta: float) -> float:
            emissions = emission_matrix_of(record.with_energy(energy))
            assert emissions is not None, "its graph is the same"
            found = product_sums(replace(matrix, emissions=emissions), beta)
            return float(found.totals[0]) + emissions.ends

        return total


def all_but(graph: Graph, targets: Targets) -> Composition:
    """The paths of all answers but these."""
    return compose(graph, complement_acceptor(targets, graph.labels, spoken(graph)))


def _in(near: Composition, wrong: Composition, record: Graph) -> Composition:
    """Paths within some of a record's, by arcs and nodes of the record."""
    arc, node = near.left_arc[wrong.left_arc], near.left_node[wrong.left_node]
    return replace(wrong, left=record, left_arc=arc, left_node=node)

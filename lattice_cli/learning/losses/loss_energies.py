"""The energies that losses are made of, for records, each with its gradient by every arc of the record.

The correct answer's energy is that of the record's graph composed with the target; the most offending answer's that of
the graph composed with the target's complement, so it is exact over every path and never searched for in an n-best
list; expected errors are by the edit automaton of the target (`expected_errors`). All records of a batch are swept as
one union.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.composition import Composition, compose, has_path
from lattice_cli.errors import Diverged, LatticeError, NumericOverflow, UsageError
from lattice_cli.graph import AnyOf, Document, Graph, Reference, TargetGraph, Targets, target_acceptor, union
from lattice_cli.learning.losses.contrasts import (
    OffendingAnswer,
    offending_answers,
    spoken,
    too_few_rows,
    why_not_spelled,
)
from lattice_cli.learning.losses.expected_errors import ErrorPaths, nearest_error_paths, right_answers
from lattice_cli.learning.losses.loss_results import AnswerEnergy, LossFailure, LossResult
from lattice_cli.learning.losses.losses import Loss, Settings
from lattice_cli.learning.losses.row_energies import AskedByRows, RowEnergies, all_but, asked_by_rows
from lattice_cli.records import Decoder, Interpretation, grouped, in_record_terms, no_path, output_of, targets_of
from lattice_cli.search import best_with_gap
from lattice_cli.sweep import TROPICAL, LogSemiring, Semiring, count_covariance, sweep


def evaluate(
    documents: Iterable[Document],
    losses: Sequence[Loss],
    settings: Settings,
    targets: Sequence[str] | None = None,
    decoder: Decoder | None = None,
    *,
    latent: str | None = None,
    of: str = "recognition",
    budget: int = 1000,
    nbest: int = 100,
) -> list[list[LossResult | LossFailure] | LatticeError]:
    """Each loss of each record, or why it has none (no path, or a target that is not in the graph).

    targets: acceptable answers for every record; None: each record's own. latent: viterbi or forward, None for each
    loss's default. budget: prefixes to open in the search for the most offending answer by free energy. nbest: answers
    that expected errors are taken over where there are too many paths. A loss that
    diverges or overflows is a LossFailure, where another one of the record can be had; in a group of several records
    Diverged and NumericOverflow are raised instead. Raises UsageError.
    """
    decoder = decoder or Decoder()
    results: list[list[LossResult | LossFailure] | LatticeError] = []
    best_only = latent != "forward" or not any(loss.contrasts for loss in losses)
    for group in grouped(_interpretations(documents, decoder, of == "recognition" and best_only)):
        batch = _LossBatch(group, targets, settings, budget, nbest, all(loss.counts_errors for loss in losses))
        for member, interpretation in enumerate(group):
            missing = batch.missing[member]
            if missing is not None:
                results.append(missing)
                continue
            found = [_tried(batch, member, loss, latent or loss.latent, len(group) == 1) for loss in losses]
            failures = [each for each in found if isinstance(each, LossFailure)]
            if len(failures) == len(found):
                results.append(failures[0].error)
                continue
            results.append(
                [each if isinstance(each, LossFailure) else _reported(each, interpretation, of) for each in found]
            )
    return results


def _interpretations(documents: Iterable[Document], decoder: Decoder, by_rows: bool) -> Iterator[Interpretation]:
    """The records to take losses of. by_rows: a matrix may be asked row by row: for all but the free energies of wrong
    answers, and in the terms of the record."""
    for document in documents:
        yield (asked_by_rows(document, decoder) if by_rows else None) or decoder.interpret(document)


def _tried(batch: _LossBatch, member: int, loss: Loss, latent: str, alone: bool) -> LossResult | LossFailure:
    """A loss of a record; the failure of one record among several is left to be found when it is asked alone."""
    try:
        return batch.result(member, loss, latent)
    except (Diverged, NumericOverflow) as error:
        if not alone:
            raise
        names = batch.names(member)
        return LossFailure(loss, error.at(names) if isinstance(error, Diverged) else error)


def _reported(result: LossResult, interpretation: Interpretation, of: str) -> LossResult:
    """The result with its gradient carried to the side asked for."""
    return replace(result, gradient=interpretation.gradient(of, result.gradient))


class _LossBatch:
    """The terms of a group of records; each kind is made for all of them at once, when a loss first asks for it."""

    def __init__(
        self,
        group: Sequence[Interpretation],
        targets: Sequence[str] | None,
        settings: Settings,
        budget: int,
        nbest: int,
        unspelled: bool,
    ) -> None:
        """unspelled: the targets need not be in the graphs."""
        self._group, self._settings, self._budget = group, settings, budget
        self._nbest, self._unspelled = nbest, unspelled
        self.missing: list[LatticeError | None] = []
        self._rows: list[RowEnergies | None] = []
        self._targets: list[Targets] = []
        self._correct: list[Composition] = []
        self._terms: dict[tuple[str, str], list[AnswerEnergy | None]] = {}
        for interpretation in group:
            self._add(interpretation, targets)

    def _add(self, interpretation: Interpretation, targets: Sequence[str] | None) -> None:
        graph, document = interpretation.graph, interpretation.document
        rows = interpretation.rows if isinstance(interpretation, AskedByRows) else None
        own: Reference | None = document.target if targets is None else AnyOf(tuple(targets))
        outputs = ("", *(graph.words(spoken(graph).tolist()) if rows is None else rows.said))
        meant = () if own is None else targets_of(own, outputs, document.split)
        spelled = compose(graph, target_acceptor(meant, graph.labels)) if rows is None else rows.spelled(meant)
        self._rows.append(rows)
        self._targets.append(meant)
        self._correct.append(spelled)
        error: LatticeError | None = None
        if own is None:
            error = _no_target(document)
        elif not spelled.graph.nodes and not (self._unspelled and _has_path(graph, rows)):
            if rows is not None:
                error = rows.why_not_spelled(meant, spelled)
            else:
                error = _not_spelled(interpretation, spelled, meant) if has_path(graph) else no_path(interpretation)
        self.missing.append(error)

    def names(self, member: int) -> Sequence[int | str]:
        """What the record calls its nodes."""
        return self._group[member].document.names

    def result(self, member: int, loss: Loss, latent: str) -> LossResult:
        """One loss of one record; its gradient is by the interpretation's arcs."""
        correct = None if loss.counts_errors else self._term("correct", latent, member)
        contrast = self._term(loss.contrast, "forward" if loss.soft or loss.counts_errors else latent, member)
        energies = [math.nan if term is None else term.energy for term in (correct, contrast)]
        value = loss.at(energies[0], None if contrast is None else energies[1], self._settings)
        interpretation, targets = self._group[member], self._targets[member]
        arcs = interpretation.graph.arcs
        gradient = np.zeros(arcs) if correct is None else value.by_correct * correct.by_interpretation(arcs)
        if contrast is not None and value.by_contrast:
            gradient = gradient + value.by_contrast * contrast.by_interpretation(arcs)
        return LossResult(loss, latent, self._settings, value, correct, contrast, gradient, interpretation, targets)

    def _term(self, what: str, latent: str, member: int) -> AnswerEnergy | None:
        """What a loss contrasts, or "correct"."""
        if what == "nothing":
            return None
        if (what, latent) not in self._terms:
            make = {
                "all": self._all_terms,
                "correct": self._correct_terms,
                "offending": self._offending_terms,
                "errors": self._error_terms,
            }
            self._terms[what, latent] = make[what](latent)
        return self._terms[what, latent][member]

    def _located(self, compositions: Sequence[Composition] | None) -> AbstractContextManager[None]:
        """Divergences where they come from, in graphs made from the interpretations by these compositions."""
        return in_record_terms(self._group, None if compositions is None else compositions[0].left_node)

    def _all_terms(self, latent: str) -> list[AnswerEnergy | None]:
        soft = LogSemiring(self._settings.beta)
        terms: list[AnswerEnergy | None] = [None] * len(self._group)
        composed = []
        for member, rows in enumerate(self._rows):
            if rows is None:
                composed.append(member)
                continue
            graph, (energy, posterior) = self._group[member].graph, rows.free_energy(soft.beta)
            own = np.arange(graph.arcs)
            terms[member] = AnswerEnergy(energy, graph, soft, own, posterior, None, again=rows.again)
        if not composed:
            return terms
        graphs = [self._group[member].graph for member in composed]
        with self._located(None):
            owners = [np.arange(graph.arcs) for graph in graphs]
            for member, term in zip(composed, _soft_terms(graphs, owners, soft, [None] * len(graphs))):
                terms[member] = term
        return terms

    def _correct_terms(self, latent: str) -> list[AnswerEnergy | None]:
        graphs, owners = _graphs_and_owners(self._correct)
        with self._located(self._correct):
            if latent == "viterbi":
                return _hard_terms(graphs, owners)
            outputs = [_first(targets) for targets in self._targets]
            return _soft_terms(graphs, owners, LogSemiring(self._settings.beta), outputs)

    def _offending_terms(self, latent: str) -> list[AnswerEnergy | None]:
        with self._located(self._wrong):
            if latent == "viterbi":
                return _hard_terms(*_graphs_and_owners(self._wrong))
            graphs, soft = [each.graph for each in self._wrong], LogSemiring(self._settings.beta)
            found = offending_answers(union(graphs), graphs, soft, self._budget, gaps=True)
            return [None if each is None else _free_term(each, wrong, soft) for each, wrong in zip(found, self._wrong)]

    def _error_terms(self, latent: str) -> list[AnswerEnergy | None]:
        soft, terms = LogSemiring(self._settings.beta), list[AnswerEnergy | None]()
        for each, rows, targets, error in zip(self._group, self._rows, self._targets, self.missing):
            if error is not None:
                terms.append(None)
                continue
            right = right_answers(targets)
            with in_record_terms([each]):
                if rows is None:
                    paths = nearest_error_paths(each.graph, right, self._nbest)
                else:
                    paths = rows.error_paths(right, self._nbest)
            with in_record_terms([each], paths.node if rows is None else None):
                terms.append(_error_term(paths, soft))
        return terms

    @cached_property
    def _wrong(self) -> list[Composition]:
        """Each record's graph with all answers but the correct ones."""
        return [
            all_but(each.graph, targets) if rows is None else rows.nearest_wrong(targets)
            for each, rows, targets in zip(self._group, self._rows, self._targets)
        ]


def _has_path(graph: Graph, rows: RowEnergies | None) -> bool:
    return has_path(graph) if rows is None else bool(rows.best_answers(1))


def _error_term(paths: ErrorPaths, soft: LogSemiring) -> AnswerEnergy:
    graph, none = paths.graph, np.zeros(paths.graph.nodes)
    found = count_covariance(graph, soft.beta, (paths.errors, none, none))
    gradient = -soft.beta * found.covariance[: graph.arcs]
    return AnswerEnergy(paths.empty + float(found.mean[0]), graph, soft, paths.arc, gradient, None, paths=paths)


def _free_term(found: OffendingAnswer, wrong: Composition, soft: Semiring) -> AnswerEnergy:
    """The answer as a term; wrong: the graph that it was found in."""
    graph, owner = found.spelled.graph, wrong.left_arc[found.spelled.left_arc]
    posterior, output = found.swept.pullback().arcs, wrong.graph.words(found.output)
    return AnswerEnergy(found.energy, graph, soft, owner, posterior, output, found.gap, found.bound)


def _first(targets: Targets) -> list[str] | None:
    """The first of the right answers; of a lattice none is."""
    return list(targets[0]) if not isinstance(targets, TargetGraph) and targets else None


def _no_target(document: Document) -> LatticeError:
    return UsageError('no target was given, and the record has none of its own ("target")')


def _not_spelled(interpretation: Interpretation, spelled: Composition, targets: Targets) -> LatticeError:
    document, whole = interpretation.document, interpretation.composition
    if document.rows:
        reading = None if whole is None else whole.right
        short = (
            None if whole is not None and whole.left_is else too_few_rows(document.graph.nodes - 1, reading, targets)
        )
        if short is not None:
            return short
    names = document.names if whole is None else [document.names[node] for node in whole.first.node.tolist()]
    who = "the graph" if whole is None else "the graph with its grammar"
    return why_not_spelled(spelled, targets, names, who=who)


def _graphs_and_owners(compositions: Sequence[Composition]) -> tuple[list[Graph], list[IntArray]]:
    return [each.graph for each in compositions], [each.left_arc for each in compositions]


def _hard_terms(graphs: Sequence[Graph], owners: Sequence[IntArray]) -> list[AnswerEnergy | None]:
    """The least path of each graph, its gradient the number of times it takes each arc; None without a path."""
    terms: list[AnswerEnergy | None] = []
    for graph, owner, found in zip(graphs, owners, best_with_gap(union(graphs))):
        if found is None:
            terms.append(None)
            continue
        path, gap = found
        taken = np.bincount(np.array(path.arcs, dtype=np.intp), minlength=graph.arcs).astype(np.float64)
        terms.append(AnswerEnergy(path.energy, graph, TROPICAL, owner, taken, output_of(graph, path), gap))
    return terms


def _soft_terms(
    graphs: Sequence[Graph], owners: Sequence[IntArray], semiring: Semiring, outputs: Sequence[list[str] | None]
) -> list[AnswerEnergy | None]:
    """The free energy of each graph, its gradient the posteriors; None without a path."""
    whole = union(graphs)
    swept = sweep(whole, semiring)
    posterior = swept.pullback().arcs
    terms: list[AnswerEnergy | None] = []
    for member, (graph, owner, output) in enumerate(zip(graphs, owners, outputs)):
        own = posterior[whole.arc_offsets[member] : whole.arc_offsets[member + 1]]
        energy = float(swept.totals[member])
        terms.append(AnswerEnergy(energy, graph, semiring, owner, own, output) if np.isfinite(energy) else None)
    return terms

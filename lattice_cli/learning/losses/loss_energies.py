"""The energies that losses are made of, for records, each with its gradient by every arc of the record.

The correct answer's energy is that of the record's graph composed with the target; the most offending answer's that of
the graph composed with the target's complement, so it is exact over every path and never searched for in an n-best
list. All records of a batch are swept as one union.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays.runs import distinct
from lattice_cli.arrays.types import FloatArray, IntArray
from lattice_cli.composition.composition import Composition, compose
from lattice_cli.composition.explain import has_path, why_empty
from lattice_cli.errors import Diverged, FormatError, LatticeError, NoPath, NumericOverflow
from lattice_cli.graph.construct import linear_graph
from lattice_cli.graph.graph import EPSILON, Graph
from lattice_cli.graph.record import Document
from lattice_cli.graph.tries import Target, complement_acceptor, target_acceptor
from lattice_cli.graph.unions import union
from lattice_cli.learning.losses.losses import Energies, Loss, Settings, Value
from lattice_cli.records.batching import grouped, in_record_terms, no_path
from lattice_cli.records.decoder import Decoder
from lattice_cli.records.interpretation import Interpretation, output_of
from lattice_cli.records.targets import target_labels
from lattice_cli.search.best_path import best_with_gap
from lattice_cli.search.distinct_answers import Answer, answers
from lattice_cli.sweep.forward_backward import sweep
from lattice_cli.sweep.semiring import TROPICAL, LogSemiring, Semiring

_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class AnswerEnergy:
    """One energy of a loss.

    graph: whose paths it is taken over, in the way of `semiring`; gradient: (graph arcs,) its derivative. owner: (graph
    arcs,) the interpretation arc each of them comes from. output: the answer, None for all answers. gap: to the
    second-best path where the least path decides; 0 is a tie. bound: where the search for the answer ended without
    proof, what no other answer can be below; else None.
    """

    energy: float
    graph: Graph
    semiring: Semiring
    owner: IntArray
    gradient: FloatArray
    output: list[str] | None
    gap: float = np.inf
    bound: float | None = None

    @property
    def tied(self) -> bool:
        """True if another path is as good, so that the gradient is that of one of several."""
        return self.gap <= _TIE * max(1.0, abs(self.energy))

    def by_interpretation(self, arcs: int) -> FloatArray:
        """(arcs,) the derivative by the interpretation's arcs, of which there are `arcs`."""
        return np.bincount(self.owner, weights=self.gradient, minlength=arcs).astype(np.float64)


@dataclass(frozen=True, eq=False)
class LossResult:
    """A loss of a record. gradient: (arcs,) by the arcs of the side asked for. offending: None if there is none, or if
    the loss asks for none. all: the free energy of all paths, for the losses that contrast with it. targets: all the
    answers that count as correct."""

    loss: Loss
    latent: str
    settings: Settings
    value: Value
    correct: AnswerEnergy
    offending: AnswerEnergy | None
    all: AnswerEnergy | None
    gradient: FloatArray
    interpretation: Interpretation
    targets: Sequence[Target]

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers has to know: ties, kinks, an answer that is not proven, negative energies."""
        found = []
        for term, what in ((self.correct, "E_C"), (self.offending, "E_I")):
            if term is not None and term.tied:
                found.append(f"{what} is a tie: the gradient is that of one of several equally good ones")
            if term is not None and self.loss.at_least_zero and term.energy < 0:
                found.append(f"{self.loss.name} assumes energies of at least 0, but {what} is {term.energy:.6g}")
        if self.value.kink:
            found.append(f"kink ({self.value.kink}): the derivative is one-sided here")
        if self.offending is not None and self.offending.bound is not None:
            found.append(
                f"E_I is not proven: no incorrect answer is below {self.offending.bound:.6g}, this is the best found"
            )
        if self.loss.contrasts and self.offending is None:
            found.append("there is no incorrect answer: E_I is infinite and the loss at its limit")
        if self.loss.name == "square-square" and self.settings.printed:
            found.append("square-square with the lecture's printed sign, which is wrong: it pulls wrong answers down")
        return found


@dataclass(frozen=True)
class LossFailure:
    """A loss of a record that cannot be computed, where others can."""

    loss: Loss
    error: LatticeError


def default_latent(loss: Loss) -> str:
    """How an answer's energy is taken if the user does not say: free energies for nll and mee, else its best path."""
    return "forward" if loss.soft else "viterbi"


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
) -> list[list[LossResult | LossFailure] | LatticeError]:
    """Each loss of each record, or why it has none (no path, or a target that is not in the graph).

    targets: acceptable answers for every record; None: each record's own. latent: viterbi or forward, None for each
    loss's default. budget: prefixes to open in the search for the most offending answer by free energy. A loss that
    diverges or overflows is a LossFailure, where another one of the record can be had; in a group of several records
    Diverged and NumericOverflow are raised instead. Raises UsageError.
    """
    decoder = decoder or Decoder()
    results: list[list[LossResult | LossFailure] | LatticeError] = []
    for group in grouped(map(decoder.interpret, documents)):
        batch = _LossBatch(group, targets, settings, budget)
        for member, interpretation in enumerate(group):
            missing = batch.missing[member]
            if missing is not None:
                results.append(missing)
                continue
            found = [_tried(batch, member, loss, latent or default_latent(loss), len(group) == 1) for loss in losses]
            failures = [each for each in found if isinstance(each, LossFailure)]
            if len(failures) == len(found):
                results.append(failures[0].error)
                continue
            results.append(
                [each if isinstance(each, LossFailure) else _reported(each, interpretation, of) for each in found]
            )
    return results


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
        self, group: Sequence[Interpretation], targets: Sequence[str] | None, settings: Settings, budget: int
    ) -> None:
        self._group, self._settings, self._budget = group, settings, budget
        self.missing: list[LatticeError | None] = []
        self._targets: list[list[Target]] = []
        self._correct: list[Composition] = []
        self._terms: dict[tuple[str, str], list[AnswerEnergy | None]] = {}
        for interpretation in group:
            self._add(interpretation, targets)

    def _add(self, interpretation: Interpretation, targets: Sequence[str] | None) -> None:
        graph, document = interpretation.graph, interpretation.document
        own = targets if targets is not None else _own_target(document)
        outputs = ("", *graph.words(_outputs(graph).tolist()))
        meant = list(dict.fromkeys(target_labels(target, outputs) for target in own or ()))
        spelled = compose(graph, target_acceptor(meant, graph.labels))
        self._targets.append(meant)
        self._correct.append(spelled)
        error: LatticeError | None = None
        if own is None:
            error = _no_target(document)
        elif not spelled.graph.nodes:
            reachable = has_path(graph)
            error = _not_spelled(interpretation, spelled, meant) if reachable else no_path(interpretation)
        self.missing.append(error)

    def names(self, member: int) -> Sequence[int | str]:
        """What the record calls its nodes."""
        return self._group[member].document.names

    def result(self, member: int, loss: Loss, latent: str) -> LossResult:
        """One loss of one record; its gradient is by the interpretation's arcs."""
        correct = self._term("correct", latent, member)
        assert correct is not None, "a record without a correct answer has no losses"
        offending = self._term("offending", latent, member) if loss.contrasts else None
        everything = self._term("all", "forward", member) if loss.soft else None
        energies = Energies(
            correct.energy,
            offending.energy if offending else np.inf,
            everything.energy if everything else np.nan,
        )
        value = loss.function(energies, self._settings)
        interpretation = self._group[member]
        arcs = interpretation.graph.arcs
        gradient = value.by_correct * correct.by_interpretation(arcs)
        for term, slope in ((offending, value.by_offending), (everything, value.by_all)):
            if term is not None and slope:
                gradient = gradient + slope * term.by_interpretation(arcs)
        return LossResult(
            loss,
            latent,
            self._settings,
            value,
            correct,
            offending,
            everything,
            gradient,
            interpretation,
            self._targets[member],
        )

    def _term(self, what: str, latent: str, member: int) -> AnswerEnergy | None:
        if (what, latent) not in self._terms:
            make = {"all": self._all_terms, "correct": self._correct_terms, "offending": self._offending_terms}[what]
            self._terms[what, latent] = make(latent)
        return self._terms[what, latent][member]

    def _located(self, compositions: Sequence[Composition] | None) -> AbstractContextManager[None]:
        """Divergences where they come from, in graphs made from the interpretations by these compositions."""
        return in_record_terms(self._group, None if compositions is None else compositions[0].left_node)

    def _all_terms(self, latent: str) -> list[AnswerEnergy | None]:
        graphs = [each.graph for each in self._group]
        with self._located(None):
            owners = [np.arange(graph.arcs) for graph in graphs]
            return _soft_terms(graphs, owners, LogSemiring(self._settings.beta), [None] * len(graphs))

    def _correct_terms(self, latent: str) -> list[AnswerEnergy | None]:
        graphs, owners = _graphs_and_owners(self._correct)
        with self._located(self._correct):
            if latent == "viterbi":
                return _hard_terms(graphs, owners)
            outputs = [list(targets[0]) if targets else None for targets in self._targets]
            return _soft_terms(graphs, owners, LogSemiring(self._settings.beta), outputs)

    def _offending_terms(self, latent: str) -> list[AnswerEnergy | None]:
        with self._located(self._wrong):
            if latent == "viterbi":
                return _hard_terms(*_graphs_and_owners(self._wrong))
            soft = LogSemiring(self._settings.beta)
            least = [self._term("offending", "viterbi", member) for member in range(len(self._group))]
            return [
                None if term is None else offending_by_free_energy(wrong, term.output or [], soft, self._budget)
                for wrong, term in zip(self._wrong, least)
            ]

    @cached_property
    def _wrong(self) -> list[Composition]:
        """Each record's graph with all answers but the correct ones."""
        return [
            compose(each.graph, complement_acceptor(targets, each.graph.labels, _outputs(each.graph)))
            for each, targets in zip(self._group, self._targets)
        ]


def offending_by_free_energy(wrong: Composition, least: list[str], soft: Semiring, budget: int) -> AnswerEnergy:
    """The incorrect answer of least free energy, by best-first search over prefixes within the budget.

    wrong: the graph with the incorrect answers; least: the one with the best path. If the budget ends the search, the
    better of that answer and the best complete one is taken, with the bound that the search had reached.
    """
    graph = wrong.graph
    search = answers(graph, soft, budget)
    found = next(search)
    index = {label: position for position, label in enumerate(graph.labels)}
    outputs = [tuple(index[label] for label in least)]
    if isinstance(found, Answer):
        outputs = [found.output]
    elif found.best is not None:
        outputs.append(found.best.output)
    spelled = [compose(graph, linear_graph(graph.labels, output)) for output in dict.fromkeys(outputs)]
    graphs, owners = _graphs_and_owners(spelled)
    answers_of = [graph.words(output) for output in dict.fromkeys(outputs)]
    terms = _soft_terms(graphs, [wrong.left_arc[owner] for owner in owners], soft, answers_of)
    best = min((term for term in terms if term is not None), key=lambda term: term.energy)
    if isinstance(found, Answer):
        # Only if another answer can be as good is it worth looking for.
        near = found.beyond - best.energy <= _TIE * max(1.0, abs(best.energy))
        second = next(search, None) if near else None
        return best if second is None else replace(best, gap=max(0.0, second.energy - best.energy))
    return best if best.energy <= found.energy else replace(best, bound=found.energy)


def _own_target(document: Document) -> list[str | tuple[str, ...]] | None:
    return None if document.target is None else [document.target]


def _no_target(document: Document) -> LatticeError:
    return FormatError('no target: expected -t TARGET, or a record with its own "target"')


def _outputs(graph: Graph) -> IntArray:
    """The labels that a graph can output, without epsilon."""
    used: IntArray = distinct(graph.olabel)
    spoken: IntArray = used[used != EPSILON]
    return spoken


def _not_spelled(interpretation: Interpretation, spelled: Composition, targets: Sequence[Target]) -> NoPath:
    """How far the target can be followed, and what the graph offers there."""
    document, whole = interpretation.document, interpretation.composition
    names = document.names if whole is None else [document.names[node] for node in whole.left_node.tolist()]
    places = range(spelled.right.nodes)
    who = "the graph" if whole is None else "the graph with its grammar"
    text = " or ".join(repr(" ".join(target)) for target in targets)
    why = why_empty(spelled, names, places, who, "the target").removeprefix("no path: ")
    return NoPath(f"the target {text} is not in it: {why}")


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

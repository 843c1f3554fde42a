"""Which way a record is searched: composed with its grammar, or, an emission matrix, row by row without composing.

The rule is here and nowhere else. A matrix whose product with the grammar has more than a few thousand arcs is searched
row by row: all states at once by a recursion over whole arrays where the grammar is small enough, else token by token
with bounds. Either way the result is an interpretation like any other, of those paths that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from lattice_cli.arrays.runs import distinct as distinct_numbers
from lattice_cli.arrays.types import IntArray
from lattice_cli.composition.combine import ADD, Combine
from lattice_cli.composition.composition import Composition
from lattice_cli.emissions.beam_search import Beam, BeamSearch, BestFound, Heuristic, slack
from lattice_cli.emissions.decoding_graph import DecodingGraph
from lattice_cli.emissions.matrix import EmissionMatrix, emission_matrix_of
from lattice_cli.emissions.product_sweep import product_best
from lattice_cli.emissions.token_lattice import empty_lattice, path_lattice, token_lattice
from lattice_cli.grammars.scorer_config import Scorers
from lattice_cli.graph.graph import EPSILON, Graph, Labels
from lattice_cli.graph.record import Document
from lattice_cli.records.interpretation import PAIRED_LABELS, Grammar, Interpretation, Search, interpret
from lattice_cli.search.distinct_answers import best_answers
from lattice_cli.search.k_shortest_paths import n_best

#: Up to this many arcs of the product it is built: that is as fast, and small records are swept together.
_SMALL = 2_000
#: All states at once: up to this many arcs of the grammar, and this many numbers for the way back.
_ALL_ARCS = 100_000
_ALL_NUMBERS = 1 << 24
#: Energies that add up to more are left to the composition, which tells where they overflow.
_HIGHEST = 1e300
#: How far above the best path the n best are looked for, at first; then twice as far, and at last everywhere.
_MARGINS = (4.0, 8.0, 16.0, 32.0, 64.0, np.inf)


def searched(
    documents: Iterable[Document], grammar: Grammar | None, ctc: str | None, need: Need, scorers: Scorers | None
) -> Iterator[Interpretation]:
    """What is needed of each record, in order; see search.interpretations."""
    waiting: list[Matrix] = []
    for document in documents:
        matrix = matrix_of(document, grammar, ctc, scorers, best_only=need.single)
        if matrix is not None and matrix.all_at_once(need):
            if waiting and (waiting[0].heuristic is not matrix.heuristic or _numbers(waiting) > _ALL_NUMBERS):
                yield from _all_at_once(waiting)
                waiting = []
            waiting.append(matrix)
            continue
        yield from _all_at_once(waiting)
        waiting = []
        if matrix is None:
            yield interpret(document, grammar, ctc, ADD, scorers)
        else:
            yield _searched(matrix, need)
    yield from _all_at_once(waiting)


@dataclass(frozen=True, eq=False)
class Matrix:
    """A record that is a matrix, and what it is decoded through. unsaid: the hot words that no answer can have."""

    document: Document
    grammar: Document | None
    frames: EmissionMatrix
    heuristic: Heuristic
    unsaid: frozenset[str] = frozenset()

    @property
    def product_arcs(self) -> int:
        """Arcs of the product of matrix and machine."""
        return self.heuristic.machine.graph.arcs * self.frames.steps

    @cached_property
    def columns(self) -> IntArray:
        """(labels,) the class of each label of the machine, -1 for none."""
        return self.frames.columns(self.heuristic.machine.labels)

    def all_at_once(self, need: Need) -> bool:
        """True if the recursion over all states is the way."""
        graph = self.heuristic.machine.graph
        few = graph.arcs <= _ALL_ARCS and self.frames.steps * graph.nodes <= _ALL_NUMBERS
        return need.single and not need.limited and self.heuristic.scorer is None and few

    def interpretation(self, found: Composition, search: Search, why: str | None = None) -> Interpretation:
        """The interpretation that consists of what was found."""
        return Interpretation(self.document, self.grammar, found, None, search, why, self.unsaid)


def _numbers(matrices: Sequence[Matrix]) -> int:
    return sum(each.frames.steps * each.heuristic.machine.graph.nodes for each in matrices)


def matrix_of(
    document: Document,
    grammar: Grammar | None,
    ctc: str | None,
    scorers: Scorers | None = None,
    best_only: bool = False,
) -> Matrix | None:
    """The record as a matrix to be searched row by row; None if it is none, or is better composed.

    best_only: nothing but the best path is wanted.
    """
    graph = document.graph
    if (grammar is None and ctc is None) or not isinstance(grammar, Document | None):
        return None  # a grammar on demand is asked for what the whole record reaches
    frames = emission_matrix_of(graph)
    if frames is None or (ctc is not None and ctc not in frames.labels[1:]):
        return None
    if grammar is None:
        assert ctc is not None
        if len(frames.label) > PAIRED_LABELS:
            if not best_only or scorers is not None:
                return None
            # Where any label may follow any other the best path has the best label of each row.
            frames = frames.only(distinct_numbers(frames.energies.argmin(axis=1)))
        labels = tuple(frames.labels[label] for label in frames.label.tolist())
        machine = _free_machine(("", *labels), ctc)
    else:
        machine = _machine(grammar, ctc)
        labels = tuple(frames.labels[label] for label in frames.label.tolist())
    if machine is None or (machine.graph.arcs * frames.steps <= _SMALL and scorers is None):
        return None
    if frames.steps * (frames.largest + np.abs(machine.graph.energy).max(initial=0.0)) > _HIGHEST:
        return None
    unsaid = frozenset[str]() if scorers is None else scorers.unsaid(_spoken(machine))
    return Matrix(document, grammar, frames, _heuristic(machine, labels, scorers), unsaid)


@lru_cache(maxsize=4)
def _machine(grammar: Document, ctc: str | None) -> DecodingGraph | None:
    return DecodingGraph.of(grammar.graph, ctc)


@lru_cache(maxsize=4)
def _free_machine(labels: Labels, blank: str) -> DecodingGraph | None:
    """CTC without a grammar: any labels in a row."""
    if blank not in labels:
        labels = (*labels, blank)
    said = np.array([label for label in range(1, len(labels)) if labels[label] != blank], dtype=np.intp)
    here, end = np.zeros(len(said), dtype=np.intp), np.zeros(1)
    return DecodingGraph.of(Graph(here, here, said, said, np.zeros(len(said)), end, end, labels), blank)


@lru_cache(maxsize=8)
def _spoken(machine: DecodingGraph) -> frozenset[str]:
    """The labels that its paths can output."""
    outputs = machine.source.source.olabel
    return frozenset(machine.labels[label] for label in distinct_numbers(outputs).tolist() if label != EPSILON)


@lru_cache(maxsize=8)
def _heuristic(machine: DecodingGraph, classes: tuple[str, ...], scorers: Scorers | None) -> Heuristic:
    place = {label: column for column, label in enumerate(classes)}
    columns = np.array([-1, *(place.get(label, -1) for label in machine.labels[1:])], dtype=np.intp)
    scorer = None
    if scorers is not None:
        scorer = scorers.scorer(machine.labels, _spoken(machine))
    return Heuristic(machine, columns, len(classes), scorer)


def _all_at_once(matrices: Sequence[Matrix]) -> Iterator[Interpretation]:
    """The best path of each of some matrices with the same plan."""
    if not matrices:
        return
    heuristic = matrices[0].heuristic
    rows = np.concatenate([each.frames.energies for each in matrices])
    lengths = np.array([each.frames.steps for each in matrices], dtype=np.intp)
    graph = heuristic.machine.graph
    for matrix, path in zip(matrices, product_best(rows, lengths, graph, matrices[0].columns)):
        if path is None:
            yield lost(matrix, BestFound(np.inf, np.zeros(0, dtype=np.intp), np.inf, graph.nodes))
        else:
            arcs = np.array(path.arcs, dtype=np.intp)
            found = path_lattice(matrix.document.graph, matrix.frames, heuristic.machine, arcs)
            yield matrix.interpretation(found, Search(True, path.energy + matrix.frames.ends, graph.nodes))


def _searched(matrix: Matrix, need: Need) -> Interpretation:
    """What is needed of one matrix, by tokens."""
    beam_search = BeamSearch(matrix.heuristic, matrix.frames.energies)
    limits = Beam(need.beam, need.most)
    best = beam_search.search(limits) if need.limited else beam_search.best()
    if not np.isfinite(best.energy):
        return lost(matrix, best)
    if need.single:
        spent, ending = beam_search.spent(best.arcs)
        found = path_lattice(matrix.document.graph, matrix.frames, matrix.heuristic.machine, best.arcs, spent, ending)
        return matrix.interpretation(found, _search(matrix, best, best.exact, best.bound))
    margins = [margin for margin in _MARGINS if margin > need.margin]
    for margin in (need.margin, *margins) if need.margin else margins:
        within = Beam(need.beam, need.most, best.energy + margin)
        found, complete = token_lattice(matrix.document.graph, matrix.frames, beam_search, within)
        last = _nth(found.graph, need)
        if last <= complete + slack(complete) or complete < within.above or not np.isfinite(within.above):
            break
    sure = last <= complete + slack(complete) or not np.isfinite(complete)
    return matrix.interpretation(found, _search(matrix, best, best.exact and sure, min(best.bound, complete)))


def _search(matrix: Matrix, best: BestFound, exact: bool, bound: float) -> Search:
    return Search(exact, min(bound, best.energy) + matrix.frames.ends, best.widest)


def _nth(graph: Graph, need: Need) -> float:
    """The energy of the last one that is wanted; +inf if there are fewer."""
    if need.n == 1:
        return -np.inf
    found = best_answers(graph, need.n) if need.distinct else n_best(graph, need.n)
    return found[-1].energy if len(found) == need.n else np.inf


def lost(matrix: Matrix, best: BestFound) -> Interpretation:
    """The interpretation without a path, and why it has none."""
    steps, machine = matrix.frames.steps, matrix.heuristic.machine
    needed = machine.least_rows()
    bound = best.bound + matrix.frames.ends
    if np.isfinite(bound):
        why = (
            f"no path was left by the beam; one may have an energy of {bound:.6g}: "
            "a wider --beam or more --max-active find it"
        )
    elif needed > steps:
        shortest = "no path at all" if not np.isfinite(needed) else f"none of less than {int(needed)}"
        why = f"no path: the matrix has {steps} rows, and the grammar has {shortest}"
    else:
        judged = "" if matrix.heuristic.scorer is None else ", or the language model has no such words"
        why = f"no path: no answer of the grammar fits {steps} rows of these labels{judged}"
    found = empty_lattice(matrix.document.graph, machine)
    return matrix.interpretation(found, Search(not np.isfinite(bound), bound, best.widest), why)


@dataclass(frozen=True)
class Need:
    """What a search is for: the n best paths or distinct answers, and all paths within `margin` nats of the best.

    beam, most: limits that the user set, which may lose paths (see Beam).
    """

    n: int = 1
    distinct: bool = False
    margin: float = 0.0
    beam: float = np.inf
    most: int | None = None

    @property
    def limited(self) -> bool:
        """True if paths may be lost."""
        return np.isfinite(self.beam) or self.most is not None

    @property
    def single(self) -> bool:
        """True if nothing but the best path is wanted."""
        return self.n == 1 and self.margin == 0


def interpretations(
    documents: Iterable[Document],
    grammar: Grammar | None,
    ctc: str | None,
    combine: Combine = ADD,
    need: Need | None = None,
    scorers: Scorers | None = None,
) -> Iterator[Interpretation]:
    """Each record ready to be searched, in order. need: what is wanted of it, None for all of its paths.

    Raises FormatError if the blank is not a label of a record.
    """
    if need is None or combine is not ADD or (grammar is None and ctc is None):
        for document in documents:
            yield interpret(document, grammar, ctc, combine, scorers)
        return
    pass

    yield from searched(documents, grammar, ctc, need, scorers)

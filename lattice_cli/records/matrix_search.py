"""Emission matrices searched row by row, without composing them with their grammar.

A matrix whose product with the grammar has more than a few thousand arcs is searched row by row: all states at once by
a recursion over whole arrays where the grammar is small enough, else token by token with bounds. Either way the result
is an interpretation like any other, of those paths that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import BoolArray, IntArray, distinct
from lattice_cli.composition import Composition
from lattice_cli.emissions import (
    BeamSearch,
    BestFound,
    DecodingGraph,
    EmissionMatrix,
    Heuristic,
    emission_matrix_of,
    empty_lattice,
    path_lattice,
    product_best,
    slack,
)
from lattice_cli.emissions.free import FreeRows
from lattice_cli.emissions.token_lattice import token_lattice
from lattice_cli.errors import quoted
from lattice_cli.formats.io import note
from lattice_cli.grammars import Judge, Spelling, spelling_of
from lattice_cli.graph import EPSILON, Document, Graph
from lattice_cli.records.batching import between
from lattice_cli.records.decoder import PAIRED_LABELS, Decoder
from lattice_cli.records.interpretation import NO_PART, CascadePart, Interpretation, Search
from lattice_cli.records.request import SearchRequest
from lattice_cli.search import best_answers, n_best

#: Up to this many arcs of the product it is built: that is as fast, and small records are swept together.
_SMALL = 2_000
#: All states at once: up to this many arcs of the grammar, and this many numbers for the way back.
_ALL_ARCS = 100_000
_ALL_NUMBERS = 1 << 24
#: Energies that add up to more are left to the composition, which tells where they overflow.
_HIGHEST = 1e300
#: A matrix without a grammar whose paths within reach are no more than this, in nats, is searched through them.
_FEW = float(np.log(1_000))
#: How far above the best path the n best are looked for, at first; then twice as far, and at last everywhere.
MARGINS = (4.0, 8.0, 16.0, 32.0, 64.0, np.inf)


def searched(documents: Iterable[Document], decoder: Decoder, request: SearchRequest) -> Iterator[Interpretation]:
    """What is asked of each record, in order; a record that is no matrix, or is better composed, is composed."""
    waiting: list[Matrix] = []
    for document in documents:
        free = None if request.by_sum else free_rows_of(document, decoder)
        if free is not None:
            yield from _all_at_once(waiting)
            waiting = []
            yield _free(document, free, decoder, request)
            continue
        matrix = matrix_of(document, decoder)
        if matrix is not None and matrix.all_at_once(request):
            if waiting and not (matrix.beside(waiting[0]) and _numbers(waiting) <= _ALL_NUMBERS):
                yield from _all_at_once(waiting)
                waiting = []
            waiting.append(matrix)
            continue
        yield from _all_at_once(waiting)
        waiting = []
        yield decoder.interpret(document) if matrix is None else _searched(matrix, request)
    yield from _all_at_once(waiting)


@dataclass(frozen=True, eq=False)
class Matrix:
    """A record that is a matrix, and what it is decoded through. parts: the grammars; joined: how several of them were
    composed. unsaid: the hot words that no answer can have. blank: of CTC. strange: labels that the language model does
    not have. judges: what scores answers."""

    document: Document
    emissions: EmissionMatrix
    heuristic: Heuristic
    parts: tuple[CascadePart, ...] = ()
    joined: Composition | None = None
    unsaid: frozenset[str] = frozenset()
    blank: str | None = None
    strange: frozenset[str] = frozenset()
    judges: tuple[Judge, ...] = ()

    @property
    def decoding_graph(self) -> DecodingGraph:
        """What takes its rows."""
        return self.heuristic.decoding_graph

    @property
    def product_arcs(self) -> int:
        """Arcs of the product of matrix and decoding graph."""
        return self.decoding_graph.graph.arcs * self.emissions.steps

    @property
    def columns(self) -> IntArray:
        """(labels,) the class of each label of the decoding graph, -1 for none."""
        labels = self.decoding_graph.graph.label_number
        found = np.full(len(self.decoding_graph.labels), -1, dtype=np.intp)
        for column, label in enumerate(self.emissions.classes):
            if label in labels:
                found[labels[label]] = column
        return found

    def beside(self, other: Matrix) -> bool:
        """True if both have the same classes and are decoded through the same."""
        return self.heuristic is other.heuristic and self.emissions.classes == other.emissions.classes

    def all_at_once(self, request: SearchRequest) -> bool:
        """True if the recursion over all states is the way."""
        graph = self.decoding_graph.graph
        few = graph.arcs <= _ALL_ARCS and self.emissions.steps * graph.nodes <= _ALL_NUMBERS
        return request.single and not request.limited and self.heuristic.scorer is None and few

    def interpretation(self, found: Composition, search: Search, why: str | None = None) -> Interpretation:
        """The interpretation that consists of what was found."""
        found = replace(found, right_is=self.joined)
        return Interpretation(
            self.document,
            self.parts or (NO_PART,),
            found,
            search,
            why,
            self.unsaid,
            self.blank,
            self.strange,
            judges=self.judges,
        )


def _numbers(matrices: Sequence[Matrix]) -> int:
    return sum(each.emissions.steps * each.decoding_graph.graph.nodes for each in matrices)


def free_rows_of(document: Document, decoder: Decoder, whatever_size: bool = False) -> FreeRows | None:
    """A CTC matrix without a grammar and scored words; None for another record, or if it is better composed.

    whatever_size: also one that is so small that it is as well composed.
    """
    decoder = decoder.reading(document)
    if decoder.grammars or not decoder.takes_rows:
        return None
    if decoder.scorers is not None and decoder.scorer(document.graph.labels, *_told(document, decoder)) is not None:
        return None
    emissions = emission_matrix_of(document.graph)
    if emissions is None or decoder.ctc not in emissions.labels[1:]:
        return None
    label = emissions.labels.index(decoder.ctc, 1)
    blank = np.flatnonzero(emissions.label == label)
    small = emissions.steps * len(emissions.label) ** 2 <= _SMALL
    if not len(blank) or (small and not whatever_size) or not np.isfinite(emissions.energies).any(axis=1).all():
        return None
    if emissions.steps * emissions.largest > _HIGHEST:
        return None
    return FreeRows(document.graph, emissions, int(blank[0]))


def matrix_of(document: Document, decoder: Decoder) -> Matrix | None:
    """The record as a matrix to be searched row by row; None if it is none, or is better composed."""
    decoder = decoder.reading(document).by_rows
    alone, ctc, scored = not decoder.grammars, decoder.ctc, decoder.scorers is not None
    if not decoder.takes_rows:
        return None
    emissions = emission_matrix_of(document.graph)
    if emissions is None or (ctc is not None and ctc not in emissions.labels[1:]):
        return None
    if alone and ctc is not None and len(emissions.label) > PAIRED_LABELS:
        return None
    graph = decoder.free_decoding_graph(("", *emissions.classes)) if alone else decoder.decoding_graph
    if graph is None or (graph.graph.arcs * emissions.steps <= _SMALL and not scored):
        return None
    if emissions.steps * (emissions.largest + graph.largest) > _HIGHEST:
        return None
    joined = None if alone or isinstance(decoder.joined, Graph) else decoder.joined
    judged = decoder.heuristic(graph, document.split)
    found = Matrix(document, emissions, judged, decoder.parts, joined, blank=ctc)
    if not scored:
        return found
    told = graph.spoken, spelling_of(graph.spoken, document.split)
    judges = decoder.judges(graph.labels, *told)
    return replace(found, unsaid=decoder.unsaid(*told), strange=decoder.strange(*told), judges=judges)


def _all_at_once(matrices: Sequence[Matrix]) -> Iterator[Interpretation]:
    """The best path of each of some matrices with the same decoding graph."""
    if not matrices:
        return
    decoding_graph = matrices[0].decoding_graph
    rows = np.concatenate([each.emissions.energies for each in matrices])
    lengths = np.array([each.emissions.steps for each in matrices], dtype=np.intp)
    nodes = decoding_graph.graph.nodes
    for matrix, path in zip(matrices, product_best(rows, lengths, decoding_graph.graph, matrices[0].columns)):
        if path is None:
            yield lost(matrix, BestFound(np.inf, np.zeros(0, dtype=np.intp), np.inf, nodes))
        else:
            arcs = np.array(path.arcs, dtype=np.intp)
            found = path_lattice(matrix.document.graph, matrix.emissions, matrix.heuristic, arcs)
            yield matrix.interpretation(found, Search(True, path.energy + matrix.emissions.ends, nodes))


def _searched(matrix: Matrix, request: SearchRequest) -> Interpretation:
    """What is asked of one matrix, by tokens."""
    record, emissions = matrix.document.graph, matrix.emissions
    whole = BeamSearch(matrix.heuristic, emissions).limited(max_states=request.max_states)
    within = whole.limited(request.beam, request.max_active) if request.limited else whole
    best = within.search() if request.limited else whole.best()
    if not np.isfinite(best.energy):
        return lost(matrix, best)
    if request.single:
        spent, ending = whole.spent(best.arcs)
        found = path_lattice(record, emissions, matrix.heuristic, best.arcs, spent, ending)
        return matrix.interpretation(found, _search(matrix, request, best, best.exact, best.bound))
    margins = [margin for margin in MARGINS if margin > request.margin]
    for margin in (request.margin, *margins) if request.margin else margins:
        above = best.energy + margin
        found, complete = token_lattice(record, emissions, within, above)
        last = _nth(found.graph, request)
        if last <= complete + slack(complete) or complete < above or not np.isfinite(above):
            break
    sure = last <= complete + slack(complete) or not np.isfinite(complete)
    return matrix.interpretation(found, _search(matrix, request, best, best.exact and sure, min(best.bound, complete)))


def _told(document: Document, decoder: Decoder) -> tuple[frozenset[str], Spelling]:
    """The labels that answers of CTC without a grammar can have, and how they spell words."""
    spoken = document.graph.spoken - {decoder.ctc or ""}
    return spoken, spelling_of(spoken, document.split)


def _free(document: Document, free: FreeRows, decoder: Decoder, request: SearchRequest) -> Interpretation:
    """What is asked of one matrix without a grammar."""
    decoder = decoder.reading(document)
    best = float(free.lowest.sum())
    unsaid = frozenset[str]() if decoder.scorers is None else decoder.unsaid(*_told(document, decoder))

    def interpretation(chosen: BoolArray, sums: FreeRows | None = free) -> Interpretation:
        search = Search(True, best + free.matrix.ends, int(chosen.sum(axis=1).max()))
        found = free.lattice(chosen)
        return Interpretation(document, (NO_PART,), found, search, None, unsaid, decoder.ctc, free=sums)

    reach = free.above <= request.margin
    if request.margin and np.log(reach.sum(axis=1)).sum() <= _FEW:
        return interpretation(reach, None)  # these are few enough to be listed one by one
    if request.n > 1:
        for chosen, margin in free.near_best(request.n):
            found = interpretation(chosen)
            if _nth(found.graph, request) - free.matrix.ends <= best + margin + slack(best):
                break
        return found
    if not request.risk:
        return interpretation(free.chosen(free.best))
    # The answer of least risk is looked for here, so that its best path is among those that are found.
    label = free.matrix.label[free.best]
    first = label[(free.best != free.blank) & np.append(True, label[1:] != label[:-1])]
    path = free.alignment(free.consensus(request.beta).least_risk(first.tolist()).answer)
    return interpretation(free.chosen(free.best, *([] if path is None else [path])))


def _search(matrix: Matrix, request: SearchRequest, best: BestFound, exact: bool, bound: float) -> Search:
    search = Search(exact, min(bound, best.energy) + matrix.emissions.ends, best.widest)
    if not (exact or request.limited):
        note(
            matrix.document.source,
            f"{request.max_states:,} states were not enough to prove that nothing was missed: the best path found has "
            f"an energy of {best.energy + matrix.emissions.ends:.6g}, and none is below {search.bound:.6g}",
        )
    return search


def _nth(graph: Graph, request: SearchRequest) -> float:
    """The energy of the last one that is wanted; +inf if there are fewer."""
    if request.n == 1:
        return -np.inf
    distinct = request.distinct or request.by_sum
    found = best_answers(graph, request.n) if distinct else n_best(graph, request.n)
    return found[-1].energy if len(found) == request.n else np.inf


def _unjudged(matrix: Matrix) -> str:
    """That the language model may have no such words, for a message, and which it does not have."""
    scorer, graph = matrix.heuristic.scorer, matrix.decoding_graph.source.source
    if scorer is None:
        return ""
    said = distinct(graph.olabel)
    unknown = [graph.labels[label] for label in said[np.isposinf(scorer.least[said]) & (said != EPSILON)].tolist()]
    known = f": it does not have {quoted(unknown)}" if unknown else ""
    return f", or the language model has no such words{known}"


def lost(matrix: Matrix, best: BestFound) -> Interpretation:
    """The interpretation without a path, and why it has none."""
    steps, decoding_graph = matrix.emissions.steps, matrix.decoding_graph
    needed = decoding_graph.least_rows
    bound = best.bound + matrix.emissions.ends
    if np.isfinite(bound):
        why = (
            f"no path was left by the beam; one may have an energy of {bound:.6g}: "
            "a wider beam or more active states find it"
        )
    elif matrix.joined is not None and not matrix.joined.graph.nodes:
        why = between(matrix.joined, matrix.parts)
    elif needed > steps:
        shortest = "no path at all" if not np.isfinite(needed) else f"none of less than {int(needed)}"
        why = f"no path: the matrix has {steps} rows, and the grammar has {shortest}"
    else:
        why = f"no path: no answer of the grammar fits {steps} rows of these labels{_unjudged(matrix)}"
    found = empty_lattice(matrix.document.graph, decoding_graph)
    return matrix.interpretation(found, Search(not np.isfinite(bound), bound, best.widest), why)

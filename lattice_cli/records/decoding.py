"""Decoding records: their best paths and answers, alone or through a grammar, in the terms of the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import GraphError, NoPath, UsageError
from lattice_cli.grammars import Spelling
from lattice_cli.graph import Document, union
from lattice_cli.records.batching import cycle_at, grouped, in_record_terms, no_path
from lattice_cli.records.cascade import PathStep, has_scores, path_scores, spent_on, steps_of
from lattice_cli.records.decoder import Decoder
from lattice_cli.records.interpretation import Interpretation, Search, input_of, output_of
from lattice_cli.records.request import SearchRequest
from lattice_cli.records.strategy import interpretations
from lattice_cli.search import Path, best_paths, n_best

if TYPE_CHECKING:
    from lattice_cli.emissions.free.row_consensus import RowConsensus
    from lattice_cli.search import ConfusionSets


#: Posteriors of answers are swept together up to this many arcs.
_AT_ONCE = 1_000_000
#: Prefixes of answers that a search by sums opens at most.
_PREFIXES = 100_000


@dataclass(frozen=True)
class Word:
    """A label of an answer, or a word that word pieces spell. begin, end: where it is, in seconds, frames of speech or
    rows of a matrix; None where that is not known. confidence: the posterior of the label at its place, of pieces the
    least; None where cycles make that unknown. mean_probability: of its labels in the rows of a matrix that they take,
    each row by itself: it tells whether an answer fits where there is no other to compare it with; None without rows.
    """

    label: str
    begin: float | None
    end: float | None
    confidence: float | None
    mean_probability: float | None = None


@dataclass(frozen=True)
class Risk:
    """errors: the expected edit distance of an answer. exact: over all answers; else by a recursion that bounds it from
    above."""

    errors: float
    exact: bool


@dataclass(frozen=True)
class Decoded:
    """A path in the terms of the side reported on.

    energy: nats, of the whole path; nan for an answer of least risk that no path has, which then has no arcs and nodes
    either. output, input: labels without epsilons; text: the output as one string, as labels spell it. arcs: indices.
    nodes: names, one more than arcs. times: seconds, or frames, at each node (None: not known), or None where the
    record has no times. scores: the record's named scores along the path, not weighed; None where it has none.
    free_energy: of the answer, over all of its paths, where answers are ranked by it. confidence: the posterior of the
    answer, over all of its paths. confidence, words, risk, steps: if asked for.
    """

    energy: float
    output: list[str]
    input: list[str]
    arcs: list[int]
    nodes: list[int | str]
    times: list[float | None] | None
    text: str = ""
    confidence: float | None = None
    words: list[Word] | None = None
    risk: Risk | None = None
    scores: dict[str, float] | None = None
    free_energy: float | None = None
    steps: list[PathStep] | None = None


@dataclass(frozen=True)
class Decoding:
    """What was found for a record. search: how it was searched row by row, or within limits; None for neither.
    confidence: the posterior of the first answer, if asked for. unsaid: the hot words that no answer can have.
    notes: why something that was asked for is not known. spelling: how its labels spell words; None: it has none.
    strange: labels of the best answer that the language model does not have; strange_energy: what its judges charge for
    them, nats."""

    paths: list[Decoded]
    search: Search | None = None
    confidence: float | None = None
    unsaid: frozenset[str] = frozenset()
    notes: Sequence[str] = ()
    spelling: Spelling | None = None
    strange: frozenset[str] = frozenset()
    strange_energy: float = 0.0


def decode(
    documents: Iterable[Document],
    decoder: Decoder | None = None,
    request: SearchRequest | None = None,
    of: str = "recognition",
) -> list[Decoding | NoPath]:
    """What is asked of each record, or why it has no path. Raises Diverged, UsageError."""
    decoder, request = decoder or Decoder(), request or SearchRequest()
    results: list[Decoding | NoPath] = []
    whole = of == "interpretation" or (of != "recognition" and decoder.by_rows is not decoder)
    for group in grouped(interpretations(documents, decoder, None if whole else request)):
        for interpretation, ranking in zip(group, _rankings(group, request)):
            paths, energies = ranking.paths, ranking.energies
            if not paths:
                results.append(no_path(interpretation))
                continue
            views = decoded(interpretation, paths, of, request.steps, request.scores)
            if energies:
                views = [replace(view, free_energy=energy) for view, energy in zip(views, energies)]
            search = interpretation.search
            if search is None and request.limited:  # it was composed: all of it was looked at
                search = Search(True, paths[0].energy, interpretation.graph.nodes)
            spelling = interpretation.spelling if interpretation.outputs else None
            strange = interpretation.strange.intersection(*(view.output for view in views[:1]))
            charged = spent_on(interpretation, paths[0], strange) if strange else 0.0
            found = Decoding(views, search, None, interpretation.unsaid, ranking.notes, spelling, strange, charged)
            results.append(_more(found, interpretation, paths, request, of))
    return results


def found_paths(group: Sequence[Interpretation], n: int, distinct: bool) -> Iterator[list[Path]]:
    """The n best paths (distinct: answers) of each interpretation; none where it has no path. Raises Diverged."""
    if n == 1 and not distinct:
        with in_record_terms(group):
            for path in best_paths(union([interpretation.graph for interpretation in group])):
                yield [] if path is None else [path]
        return
    from lattice_cli.search import best_answers

    for interpretation in group:
        with in_record_terms([interpretation]):
            found = best_answers(interpretation.graph, n) if distinct else n_best(interpretation.graph, n)
        yield found


@dataclass(frozen=True)
class _Ranking:
    """What was found, best first. energies: the free energies of answers that are ranked by them. notes: on these."""

    paths: list[Path]
    energies: list[float]
    notes: list[str]


def _rankings(group: Sequence[Interpretation], asked: SearchRequest) -> Iterator[_Ranking]:
    """What is asked of each interpretation. Raises Diverged."""
    if not asked.by_sum:
        yield from (_Ranking(paths, [], []) for paths in found_paths(group, asked.n, asked.distinct))
        return
    from lattice_cli.search.distinct_answers import Answer, answer_path, answers
    from lattice_cli.sweep import LogSemiring

    for interpretation in group:
        graph, found = interpretation.graph, _Ranking([], [], [])
        with in_record_terms([interpretation]):
            for answer in islice(answers(graph, LogSemiring(asked.beta), _PREFIXES), asked.n):
                if isinstance(answer, Answer):
                    found.energies.append(answer.energy)
                    found.paths.append(answer_path(graph, answer.output))
                    continue
                found.notes.append(
                    f"the search by sums stopped after {_PREFIXES:,} prefixes: the free energy of every answer that is "
                    f"not listed is at least {answer.energy:.7g}"
                )
                if not found.paths and answer.best is not None:
                    found.energies.append(answer.best.energy)
                    found.paths.append(answer_path(graph, answer.best.output))
        yield found


def decoded(
    interpretation: Interpretation, paths: Sequence[Path], of: str, steps: bool = False, scores: bool = False
) -> list[Decoded]:
    """Paths of an interpretation in the terms of one side. steps: with each of their arcs. scores: with the energies of
    every factor, whether they have names of their own or not."""
    graph, side, spelling = interpretation.graph, interpretation.side(of), interpretation.spelling
    found = []
    for path in paths:
        arcs, nodes = side.path(path)
        times = None
        if side.times is not None:
            times = [None if np.isnan(time) else float(time) for time in side.times[nodes]]
        names = [side.names[node] for node in nodes]
        output = output_of(graph, path)
        text = spelling.text(output)
        view = Decoded(path.energy, output, input_of(graph, path), arcs, names, times, text)
        if scores or has_scores(interpretation):
            view = replace(view, scores=path_scores(interpretation, path))
        if steps:
            view = replace(view, steps=steps_of(interpretation, path, of, times or ()))
        found.append(view)
    return found


def _more(
    found: Decoding,
    interpretation: Interpretation,
    paths: Sequence[Path],
    asked: SearchRequest,
    of: str,
) -> Decoding:
    """The same with words, or with the answer of least risk, where they are asked for."""
    if not (asked.words or asked.risk or asked.posteriors):
        return found
    from lattice_cli.search import MinimumRisk, path_of_answer

    graph, views, notes = interpretation.graph, found.paths, [*found.notes]
    consensus: MinimumRisk | RowConsensus | None = None
    try:
        if asked.words or asked.risk:
            free = interpretation.free
            consensus = MinimumRisk(graph, asked.beta) if free is None else free.consensus(asked.beta)
    except GraphError:
        where = cycle_at(interpretation)
        if asked.risk:
            raise UsageError(f"expected edit distances need graphs without cycles, but there is {where}") from None
        notes.append(f"confidences of single labels need graphs without cycles, but there is {where}")
    answers = [tuple(label for label in graph.olabel[list(path.arcs)].tolist() if label) for path in paths]
    chosen: list[Path | None] = list(paths)
    places = [None if consensus is None else consensus.places(answer) for answer in answers]
    if asked.risk and consensus is not None:
        least = consensus.least_risk(answers[0])
        path = path_of_answer(graph, least.answer)
        chosen, places = [path], [least]
        output = graph.words(least.answer)
        text = interpretation.spelling.text(output)
        view = Decoded(np.nan, output, [], [], [], None, text)
        if path is not None:
            (view,) = decoded(interpretation, [path], of, asked.steps, asked.scores)
        views = [replace(view, risk=Risk(least.errors, least.exact))]
    if asked.words:
        clock = _Clock(interpretation)
        spelling, found_at = interpretation.spelling, zip(views, chosen, places)
        views = [
            replace(view, words=_whole_words(clock.words(view, path, slots), spelling))
            for view, path, slots in found_at
        ]
    with in_record_terms([interpretation]):
        sure = _posteriors(
            interpretation, [tuple(view.output) for view, path in zip(views, chosen) if path], asked.beta
        )
    views = [replace(view, confidence=sure.get(tuple(view.output), 0.0)) for view in views]
    return replace(found, paths=views, confidence=views[0].confidence, notes=notes)


def _posteriors(
    interpretation: Interpretation, answers: Sequence[tuple[str, ...]], beta: float
) -> dict[tuple[str, ...], float]:
    """The posterior of each answer, some of them at a time."""
    from lattice_cli.search import answer_posteriors

    different, found = list(dict.fromkeys(answers)), dict[tuple[str, ...], float]()
    if interpretation.free is not None:
        return dict(zip(different, interpretation.free.posteriors(different, beta)))
    graph = interpretation.graph
    some = max(1, _AT_ONCE // max(graph.arcs, 1))
    for first in range(0, len(different), some):
        part = different[first : first + some]
        found.update(zip(part, answer_posteriors([graph] * len(part), part, beta).tolist()))
    return found


def _whole_words(words: list[Word], spelling: Spelling) -> list[Word]:
    """Word pieces as the words that they spell; any other labels as they are."""
    return spelled_words(words, spelling) if spelling.kind == "pieces" else words


def spelled_words(words: Sequence[Word], spelling: Spelling) -> list[Word]:
    """Labels as the words that they spell, each as sure as the least sure of its labels."""
    found = []
    for text, places in spelling.groups([word.label for word in words]):
        own = [words[place] for place in places]
        sure = [word.confidence for word in own if word.confidence is not None]
        fits = [word.mean_probability for word in own if word.mean_probability is not None]
        least = min(sure) if len(sure) == len(own) else None
        found.append(Word(text, own[0].begin, own[-1].end, least, sum(fits) / len(fits) if fits else None))
    return found


@dataclass(frozen=True, eq=False)
class _Clock:
    """When things are on a path: seconds, else frames of speech, or rows of a matrix."""

    interpretation: Interpretation

    def words(self, view: Decoded, path: Path | None, places: ConfusionSets | None) -> list[Word]:
        """The words of an answer, and where its path has them."""
        from lattice_cli.records.word_times import spans

        sure = [None] * len(view.output) if places is None else places.confidences
        if path is None:
            return [Word(label, None, None, confidence) for label, confidence in zip(view.output, sure)]
        where = spans(self.interpretation, path)
        return [
            Word(
                label,
                self._at(path, span and span[0]),
                self._at(path, span and span[1]),
                confidence,
                self._mean_probability(path, span),
            )
            for label, span, confidence in zip(view.output, where, sure)
        ]

    @cached_property
    def _row_energies(self) -> FloatArray:
        """(nodes,) the free energy of the arcs that leave each node of a matrix: of the row behind it."""
        graph = self.interpretation.document.graph
        lowest = np.full(graph.nodes, np.inf)
        np.minimum.at(lowest, graph.src, graph.energy)
        shares = np.bincount(graph.src, np.exp(lowest[graph.src] - graph.energy), graph.nodes)
        return np.where(shares > 0, lowest - np.log(np.maximum(shares, 1.0)), np.inf)

    def _mean_probability(self, path: Path, span: tuple[int, int] | None) -> float | None:
        """The mean of the probabilities, each in its row, of the labels taken in a span; without blanks."""
        document, whole = self.interpretation.document, self.interpretation.composition
        if span is None or not document.rows:
            return None
        graph, arcs = document.graph, np.array(path.arcs[slice(*span)], dtype=np.intp)
        arcs = arcs if whole is None else whole.first.arc[arcs]
        arcs = arcs[arcs >= 0]
        blank = -1 if self.interpretation.blank is None else graph.labels.index(self.interpretation.blank)
        arcs = arcs[graph.ilabel[arcs] != blank]
        if not len(arcs):
            return None
        return float(np.exp(self._row_energies[graph.src[arcs]] - graph.energy[arcs]).mean())

    def _at(self, path: Path, step: int | None) -> float | None:
        """The time of a path's node."""
        if step is None:
            return None
        document, whole = self.interpretation.document, self.interpretation.composition
        node = path.nodes[step] if whole is None else int(whole.first.node[path.nodes[step]])
        if document.clock is not None:
            time = float(document.clock[node])
            return None if np.isnan(time) else time
        return float(node) if document.rows else None

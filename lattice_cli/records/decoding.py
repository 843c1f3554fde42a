"""Decoding records: their best paths and answers, alone or through a grammar, in the terms of the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lattice_cli.errors import GraphError, NoPath, UsageError
from lattice_cli.grammars import Spelling
from lattice_cli.graph import Document, union
from lattice_cli.records.batching import cycle_at, grouped, in_record_terms, no_path
from lattice_cli.records.decoder import Decoder
from lattice_cli.records.interpretation import Interpretation, Search, input_of, output_of
from lattice_cli.records.request import SearchRequest
from lattice_cli.records.strategy import interpretations
from lattice_cli.search import Path, best_paths, n_best

if TYPE_CHECKING:
    from lattice_cli.search import ConfusionSets


@dataclass(frozen=True)
class Word:
    """A label of an answer. begin, end: where it is, in seconds or in rows of a matrix; None where that is not known.
    confidence: the posterior of the label at its place; None where cycles make that unknown."""

    label: str
    begin: float | None
    end: float | None
    confidence: float | None


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
    nodes: names, one more than arcs. times: seconds at each node (None: not known), or None where the record has no
    times. words, risk: if asked for.
    """

    energy: float
    output: list[str]
    input: list[str]
    arcs: list[int]
    nodes: list[int | str]
    times: list[float | None] | None
    text: str = ""
    words: list[Word] | None = None
    risk: Risk | None = None


@dataclass(frozen=True)
class Decoding:
    """What was found for a record. search: how it was searched row by row, or within limits; None for neither.
    confidence: the posterior of the first answer, if asked for. unsaid: the hot words that no answer can have.
    notes: why something that was asked for is not known. spelling: how its labels spell words; None: it has none."""

    paths: list[Decoded]
    search: Search | None = None
    confidence: float | None = None
    unsaid: frozenset[str] = frozenset()
    notes: Sequence[str] = ()
    spelling: Spelling | None = None


def decode(
    documents: Iterable[Document],
    decoder: Decoder | None = None,
    request: SearchRequest | None = None,
    of: str = "recognition",
) -> list[Decoding | NoPath]:
    """What is asked of each record, or why it has no path. Raises Diverged, UsageError."""
    decoder, request = decoder or Decoder(), request or SearchRequest()
    results: list[Decoding | NoPath] = []
    for group in grouped(interpretations(documents, decoder, None if of == "interpretation" else request)):
        for interpretation, paths in zip(group, found_paths(group, request.n, request.distinct)):
            if not paths:
                results.append(no_path(interpretation))
                continue
            views = decoded(interpretation, paths, of)
            search = interpretation.search
            if search is None and request.limited:  # it was composed: all of it was looked at
                search = Search(True, paths[0].energy, interpretation.graph.nodes)
            spelling = interpretation.spelling if interpretation.outputs else None
            found = Decoding(views, search, unsaid=interpretation.unsaid, spelling=spelling)
            results.append(_more(found, interpretation, paths, decoder.ctc, request, of))
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


def decoded(interpretation: Interpretation, paths: Sequence[Path], of: str) -> list[Decoded]:
    """Paths of an interpretation in the terms of one side."""
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
        found.append(Decoded(path.energy, output, input_of(graph, path), arcs, names, times, text))
    return found


def _more(
    found: Decoding,
    interpretation: Interpretation,
    paths: Sequence[Path],
    ctc: str | None,
    asked: SearchRequest,
    of: str,
) -> Decoding:
    """The same with words, or with the answer of least risk, where they are asked for."""
    if not asked.words and not asked.risk:
        return found
    from lattice_cli.search import MinimumRisk, answer_posteriors, path_of_answer

    graph, views, notes = interpretation.graph, found.paths, list[str]()
    try:
        consensus: MinimumRisk | None = MinimumRisk(graph, asked.beta)
    except GraphError:
        where = cycle_at(interpretation)
        if asked.risk:
            raise UsageError(f"expected edit distances need graphs without cycles, but there is {where}") from None
        consensus, notes = None, [f"confidences of single labels need graphs without cycles, but there is {where}"]
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
            (view,) = decoded(interpretation, [path], of)
        views = [replace(view, risk=Risk(least.errors, least.exact))]
    if asked.words:
        clock = _Clock(interpretation, ctc, asked.row_time)
        found_at = zip(views, chosen, places)
        views = [replace(view, words=clock.words(view, path, slots)) for view, path, slots in found_at]
    with in_record_terms([interpretation]):
        confidence = float(answer_posteriors([graph], [views[0].output], asked.beta)[0]) if chosen[0] else 0.0
    return replace(found, paths=views, confidence=confidence, notes=notes)


@dataclass(frozen=True, eq=False)
class _Clock:
    """When things are on a path: seconds of a record that has times, rows or seconds of a matrix."""

    interpretation: Interpretation
    ctc: str | None
    row_time: float | None

    def words(self, view: Decoded, path: Path | None, places: ConfusionSets | None) -> list[Word]:
        """The words of an answer, and where its path has them."""
        from lattice_cli.records.word_times import spans

        sure = [None] * len(view.output) if places is None else places.confidences
        if path is None:
            return [Word(label, None, None, confidence) for label, confidence in zip(view.output, sure)]
        where = spans(self.interpretation, path, self.ctc)
        return [
            Word(label, self._at(path, span and span[0]), self._at(path, span and span[1]), confidence)
            for label, span, confidence in zip(view.output, where, sure)
        ]

    def _at(self, path: Path, step: int | None) -> float | None:
        """The time of a path's node."""
        if step is None:
            return None
        document, whole = self.interpretation.document, self.interpretation.composition
        node = path.nodes[step] if whole is None else int(whole.left_node[path.nodes[step]])
        if document.times is not None:
            time = float(document.times[node])
            return None if np.isnan(time) else time
        if not document.rows:
            return None
        return float(node) if self.row_time is None else node * self.row_time

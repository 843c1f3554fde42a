"""Records with references decoded, for an evaluation: their answers, how sure those are, and the closest paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lattice_cli.analysis.error_rates import Answers, Closest, Labels
from lattice_cli.arrays import FloatArray
from lattice_cli.arrays import distinct as distinct_numbers
from lattice_cli.graph import Document
from lattice_cli.records import (
    Decoder,
    Interpretation,
    SearchRequest,
    found_paths,
    grouped,
    in_record_terms,
    interpretations,
    no_path,
    output_of,
)
from lattice_cli.search import answer_posteriors, oracle, oracles

#: The labels of a record's reference, given the labels that its graph can output.
ReadReference = Callable[[Document, frozenset[str]], Labels]


def assess(
    documents: Iterable[Document],
    reference_of: ReadReference,
    decoder: Decoder,
    request: SearchRequest,
    with_closest: bool = False,
) -> list[Answers]:
    """The answers of each record; a record without a path has none, and why it has none as its message.

    with_closest: the path of fewest errors as well. Raises Diverged, UsageError.
    """
    results: list[Answers] = []
    every_path = request.words or with_closest
    for group in grouped(interpretations(documents, decoder, None if every_path else request)):
        references = [reference_of(each.document, _outputs(each)) for each in group]
        found = [
            [tuple(output_of(each.graph, path)) for path in paths]
            for each, paths in zip(group, found_paths(group, request.n, request.distinct))
        ]
        sure = _confidences(group, found, request.beta if request.words else None)
        closest = _closest(group, references) if with_closest else [None] * len(group)
        for interpretation, reference, outputs, confidence, nearest in zip(group, references, found, sure, closest):
            why = "" if outputs else str(no_path(interpretation))
            confident = None if np.isnan(confidence) else float(confidence)
            results.append(Answers(interpretation.document.id, reference, tuple(outputs), confident, nearest, why))
    return results


def _closest(group: Sequence[Interpretation], references: Sequence[Labels]) -> list[Closest | None]:
    """The closest path of each interpretation; None where there is no path."""
    graphs = [each.graph for each in group]
    if len(group) == 1:
        with in_record_terms(group):
            found = [oracle(graphs[0], references[0])]
    else:
        found = oracles(graphs, references)
    return [
        None if best is None else Closest(best.errors, tuple(output_of(graph, best.path)), best.path.energy)
        for graph, best in zip(graphs, found)
    ]


def _outputs(interpretation: Interpretation) -> frozenset[str]:
    """The labels that can be output; where not all paths are there, those that the grammar or the record would."""
    grammar, graph = interpretation.grammar, interpretation.graph
    if not graph.arcs or interpretation.search is not None:
        graph = interpretation.document.graph if grammar is None else grammar.graph
    return frozenset(graph.words(distinct_numbers(graph.olabel).tolist()))


def _confidences(group: Sequence[Interpretation], found: Sequence[Sequence[Labels]], beta: float | None) -> FloatArray:
    """(group,) the posterior of each first answer; nan where it is not wanted or there is no answer."""
    confidences = np.full(len(group), np.nan)
    answered = [member for member, outputs in enumerate(found) if outputs]
    if beta is not None and answered:
        graphs = [group[member].graph for member in answered]
        with in_record_terms(group):
            confidences[answered] = answer_posteriors(graphs, [found[member][0] for member in answered], beta)
    return confidences

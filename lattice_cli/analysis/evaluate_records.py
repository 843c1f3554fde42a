"""Records with references decoded, for an evaluation: their answers, how sure those are, and the closest paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lattice_cli.analysis.error_rates import Answers, Closest, Labels
from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.grammars import Spelling
from lattice_cli.grammars.spelling import BAR
from lattice_cli.graph import Document, Graph, Reference, TargetGraph, last_of, right_answers_of
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
from lattice_cli.search import answer_posteriors, distances, nearest_answer, oracle, oracles


@dataclass(frozen=True)
class Assessed:
    """A record before its reference is read, which takes all of a data set. reference: as a record gives it.

    spelling: of its labels, None where there are none. closest: the closest path by each way to read the reference.
    The rest as in Answers.
    """

    id: str
    reference: Reference
    answers: tuple[Labels, ...]
    confidence: float | None = None
    spelling: Spelling | None = None
    closest: Mapping[Labels | TargetGraph, Closest | None] = field(default_factory=dict)
    message: str = ""

    def read(self, spelling: Spelling) -> Answers:
        """The record by the spelling of the data set; of several right answers the one nearest to its best answer
        counts, the first of these, or of a lattice the cheapest. Raises UsageError for a lattice of word pieces."""
        right = last_of(self.reference)
        if isinstance(right, TargetGraph):
            return self._against_lattice(right, spelling)
        every = [self._against(reference, spelling) for reference in right_answers_of(right)]
        if len(every) == 1:
            return every[0]
        answer = every[0].answer
        near = every[int(distances([(each.reference, answer) for each in every]).argmin())]
        closest = [each.closest for each in every if each.closest is not None]
        others = tuple(each.reference for each in every)
        nearest = min(closest, key=lambda each: (each.errors, each.energy), default=None)
        return replace(near, others=others, closest=nearest)

    def _against_lattice(self, right: TargetGraph, spelling: Spelling) -> Answers:
        """Of the lattice's answers only those count that are nearest to one of the record's."""
        if _in_pieces(spelling):
            raise UsageError(f"{self.id}: the {right} of a target is compared by labels, and these are word pieces")
        near = [nearest_answer(right.acceptor, answer) for answer in self.answers or ((),)]
        others = tuple(dict.fromkeys(near))
        own = self._against(others[0], spelling)
        closest = self.closest.get(right)
        if closest is not None:
            closest = replace(closest, output=spelling.compared(closest.output))
        return replace(own, closest=closest, others=tuple(spelling.compared(each) for each in others))

    def _against(self, reference: str | Labels, spelling: Spelling) -> Answers:
        labels = reference if isinstance(reference, tuple) else spelling.labels(reference)
        closest = self.closest.get(labels)
        if closest is not None:
            closest = replace(closest, output=spelling.compared(closest.output))
        answers = tuple(spelling.compared(answer) for answer in self.answers)
        words = spelling.kind == "pieces" and spelling.mark != BAR and isinstance(reference, str)
        compared = labels if words else spelling.compared(labels)
        return Answers(self.id, compared, answers, self.confidence, closest, self.message)


def assess(
    documents: Iterable[Document], decoder: Decoder, request: SearchRequest, with_closest: bool = False
) -> list[Assessed]:
    """The answers of each record with its target; one without a path has none, and why it has none as its message.

    with_closest: the path of fewest errors as well. Raises Diverged, UsageError.
    """
    results: list[Assessed] = []
    every_path = request.words or with_closest
    for group in grouped(interpretations(documents, decoder, None if every_path else request)):
        found = [
            [tuple(output_of(each.graph, path)) for path in paths]
            for each, paths in zip(group, found_paths(group, request.n, request.distinct))
        ]
        sure = _confidences(group, found, request.beta if request.words else None)
        closest = _by_reading(group) if with_closest else [{} for _ in group]
        for interpretation, outputs, confidence, nearest in zip(group, found, sure, closest):
            document, spelling = interpretation.document, interpretation.spelling if interpretation.outputs else None
            why = "" if outputs else str(no_path(interpretation))
            confident = None if np.isnan(confidence) else float(confidence)
            assert document.target is not None
            target, answers = document.target, tuple(outputs)
            results.append(Assessed(document.id, target, answers, confident, spelling, nearest, why))
    return results


def _in_pieces(spelling: Spelling) -> bool:
    """Whether labels are pieces of words, so that answers have many spellings."""
    return spelling.kind == "pieces" and bool(spelling.mark) and spelling.mark != BAR


def _by_reading(group: Sequence[Interpretation]) -> list[dict[Labels | TargetGraph, Closest | None]]:
    """The closest path of each interpretation, by each way to read its reference that other records leave open.

    Raises UsageError for word pieces: an answer has many spellings.
    """
    ways = [_readings(each) for each in group]
    asked = [(member, way) for member, each in enumerate(ways) for way in each]
    right = [way.acceptor if isinstance(way, TargetGraph) else way for _, way in asked]
    found = _closest([group[member] for member, _ in asked], right)
    closest: list[dict[Labels | TargetGraph, Closest | None]] = [{} for _ in group]
    for (member, way), each in zip(asked, found):
        closest[member][way] = each
    return closest


def _readings(interpretation: Interpretation) -> list[Labels | TargetGraph]:
    """The labels that the reference of a record may mean."""
    target, own = last_of(interpretation.document.target or ()), interpretation.spelling
    if _in_pieces(own):
        raise UsageError(f"{interpretation.document.source}: the closest path is by labels, and these are word pieces")
    if isinstance(target, TargetGraph):
        return [target]
    others = [own] if own.kind != "characters" else [own, Spelling("words"), Spelling("characters", " ")]
    found: list[Labels | TargetGraph] = []
    for each in right_answers_of(target):
        found += [way.labels(each) for way in others] if isinstance(each, str) else [each]
    return list(dict.fromkeys(found))


def _closest(group: Sequence[Interpretation], references: Sequence[Labels | Graph]) -> list[Closest | None]:
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


def _confidences(group: Sequence[Interpretation], found: Sequence[Sequence[Labels]], beta: float | None) -> FloatArray:
    """(group,) the posterior of each first answer; nan where it is not wanted or there is no answer."""
    confidences = np.full(len(group), np.nan)
    answered = [member for member, outputs in enumerate(found) if outputs]
    if beta is not None and answered:
        graphs = [group[member].graph for member in answered]
        with in_record_terms(group):
            confidences[answered] = answer_posteriors(graphs, [found[member][0] for member in answered], beta)
    return confidences

"""Answers against references: exact answers, error rates of labels and words, confusions, and how sure these are; of
tags entities, of translations BLEU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np

from lattice_cli.analysis.bootstrap import Share, share
from lattice_cli.analysis.rejection import RejectCurve, reject_curve
from lattice_cli.analysis.text.bleu import Bleu, bleu
from lattice_cli.analysis.text.entities import Entities, entities
from lattice_cli.arrays import BoolArray, IntArray
from lattice_cli.grammars import Spelling
from lattice_cli.grammars.spelling import BAR
from lattice_cli.search import Alignment, align_all, distances

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Closest:
    """The path of a lattice with the fewest errors. energy: nats."""

    errors: int
    output: Labels
    energy: float


@dataclass(frozen=True)
class Answers:
    """What is known of one record. answers: the best first; none without a path. confidence: of the first one.
    closest: of the lattice, where it was asked for and there is a path. others: where several answers are right, all of
    them, of a lattice those nearest to any of the answers; the reference is the one nearest to the best answer."""

    id: str
    reference: Labels
    answers: tuple[Labels, ...]
    confidence: float | None = None
    closest: Closest | None = None
    message: str = ""
    others: tuple[Labels, ...] = ()

    @property
    def answer(self) -> Labels:
        """The best answer; empty without a path, so that all of the reference counts as deleted."""
        return self.answers[0] if self.answers else ()


@dataclass(frozen=True)
class Errors:
    """Errors of all answers in one unit. share: errors of all reference units."""

    correct: int
    substitutions: int
    insertions: int
    deletions: int
    share: Share


@dataclass(frozen=True)
class BestOf:
    """The best that could have been chosen: of the n paths of each record, or of all paths of its lattice.

    n: the most paths a record has; 0 for lattices. exact: records whose reference is among them. errors: of the labels.
    """

    n: int
    exact: Share
    errors: Share


@dataclass(frozen=True)
class Confusion:
    """A label of the reference (None: inserted) and of the answer (None: deleted), how often, and of how many."""

    reference: str | None
    answer: str | None
    count: int
    of: int | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All figures. alignments, word_alignments: (records,); joined: whether words are what the joined labels spell."""

    records: Sequence[Answers]
    alignments: Sequence[Alignment]
    word_alignments: Sequence[Alignment]
    joined: bool
    no_path: int
    exact: Share
    labels: Errors
    words: Errors
    best_of: BestOf | None
    closest: BestOf | None
    confusions: Sequence[Confusion]
    curve: RejectCurve | None
    entities: Entities | None = None
    bleu: Bleu | None = None


def evaluate(
    records: Sequence[Answers],
    spelling: Spelling,
    oracle: bool = False,
    reject: bool = False,
    with_entities: bool = False,
    with_bleu: bool = False,
) -> Evaluation:
    """The figures of at least one record.

    spelling: how labels spell words. oracle: every record with a path has its `closest`. reject: every record with a
    path has its confidence. with_entities: labels are tags, which mark spans. with_bleu: answers are translations.
    Raises FormatError for tags that are none.
    """
    joined, words = are_joined(spelling), words_by(spelling)
    pairs = word_pairs = [(record.reference, record.answer) for record in records]
    alignments = spelled = align_all(pairs)
    if joined:
        word_pairs = [(words(reference), words(answer)) for reference, answer in pairs]
        spelled = align_all(word_pairs)
    lengths = np.array([len(record.reference) for record in records], dtype=np.intp)
    right = np.array([record.answers != () and not each.errors for record, each in zip(records, alignments)])
    several = max(len(record.answers) for record in records)
    return Evaluation(
        records,
        alignments,
        spelled,
        joined,
        sum(not record.answers for record in records),
        _exact(right),
        _errors(alignments),
        _errors(spelled),
        _best_of(several, best_errors(records), lengths, records) if several > 1 else None,
        _best_of(0, _closest_errors(records), lengths, records) if oracle else None,
        _confusions(alignments),
        _curve(records, alignments) if reject else None,
        entities([(each.id, each.reference, each.answers[0] if each.answers else None) for each in records])
        if with_entities
        else None,
        bleu(word_pairs) if with_bleu else None,
    )


def are_joined(spelling: Spelling) -> bool:
    """Whether words are what compared labels spell together between white space; else they are the labels."""
    return spelling.kind == "characters" or spelling.mark == BAR


def words_by(spelling: Spelling) -> Callable[[Labels], Labels]:
    """What gives the words of compared labels, which error rates of words count."""
    return Spelling("characters").words if are_joined(spelling) else tuple


def alike_in_form(found: Evaluation) -> list[str]:
    """The words of references that their answers do not have as they are, but in another of Unicode's forms (NFC and
    NFD write \u00e9 as one character and as two): they are counted as errors."""
    alike: dict[str, None] = {}
    for record, each in zip(found.records, found.word_alignments):
        if each.errors:
            of_labels = Spelling("characters" if found.joined else "words").words
            words, said = of_labels(record.reference), frozenset(of_labels(record.answer))
            composed = {normalize("NFC", word) for word in said}
            alike |= dict.fromkeys(w for w in words if w not in said and normalize("NFC", w) in composed)
    return [*alike]


def best_errors(records: Sequence[Answers]) -> IntArray:
    """(records,) errors of the best of each record's answers; of a record without any, all of its reference."""
    pairs = [
        [(right, answer) for right in record.others or (record.reference,) for answer in record.answers or ((),)]
        for record in records
    ]
    counts = np.array([len(each) for each in pairs], dtype=np.intp)
    found = distances([pair for each in pairs for pair in each])
    least: IntArray = np.minimum.reduceat(found, np.cumsum(counts) - counts)
    return least


def _closest_errors(records: Sequence[Answers]) -> IntArray:
    found = [len(record.reference) if record.closest is None else record.closest.errors for record in records]
    return np.array(found, dtype=np.intp)


def _exact(right: BoolArray) -> Share:
    return share(right.astype(np.intp), np.ones(len(right), dtype=np.intp))


def _errors(alignments: Sequence[Alignment]) -> Errors:
    counts = [(each.correct, each.substitutions, each.insertions, each.deletions) for each in alignments]
    correct, substitutions, insertions, deletions = np.array(counts, dtype=np.intp).T
    errors = share(substitutions + insertions + deletions, correct + substitutions + deletions)
    return Errors(int(correct.sum()), int(substitutions.sum()), int(insertions.sum()), int(deletions.sum()), errors)


def _best_of(n: int, errors: IntArray, lengths: IntArray, records: Sequence[Answers]) -> BestOf:
    answered = np.array([record.answers != () for record in records])
    return BestOf(n, _exact((errors == 0) & answered), share(errors, lengths))


def _confusions(alignments: Sequence[Alignment]) -> list[Confusion]:
    """The most frequent first; of equally frequent ones in the order of labels, epsilon last."""
    pairs = Counter(pair for alignment in alignments for pair in alignment.pairs)
    totals: Counter[str | None] = Counter()
    for (reference, _), count in pairs.items():
        totals[reference] += count
    found = [
        Confusion(reference, answer, count, None if reference is None else totals[reference])
        for (reference, answer), count in pairs.items()
        if reference != answer
    ]

    def place(confusion: Confusion) -> tuple[int, bool, str, bool, str]:
        reference, answer = confusion.reference, confusion.answer
        return -confusion.count, reference is None, reference or "", answer is None, answer or ""

    return sorted(found, key=place)


def _curve(records: Sequence[Answers], alignments: Sequence[Alignment]) -> RejectCurve:
    pairs = [(record.confidence, not each.errors) for record, each in zip(records, alignments) if record.answers]
    confidences = np.array([confidence for confidence, _ in pairs], dtype=np.float64)
    return reject_curve(confidences, [right for _, right in pairs], len(records))

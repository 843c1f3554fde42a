"""Spans that tags mark (BIO, and IOBES or BILOU), and how many of them are right: precision, recall, F1.

A tag is O, outside of all spans, or a letter and a type, B-PER: B begins a span, I goes on with one, E (or L) ends one,
S (or U) is one by itself. They are read as conlleval reads them (Tjong Kim Sang and Buchholz 2000, the script of the
CoNLL shared tasks), and seqeval unless it is told to be strict: a span begins at a B or S, and at an I or E that has
none of its type to go on with: behind O, behind an end, behind another type. It ends before the next one, or an O. So
every sequence of tags is spans; the tags I and E that begin one are counted as out of place.

A span of an answer is right if one of the reference has the same place and type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lattice_cli.analysis.bootstrap import Share, share
from lattice_cli.arrays import IntArray
from lattice_cli.errors import FormatError

_OUTSIDE = "O"
#: Letter -> whether it begins a span, and whether it ends one.
_LETTERS = {"B": (True, False), "I": (False, False), "E": (False, True), "L": (False, True)}
_LETTERS |= {"S": (True, True), "U": (True, True)}
#: How answers and references stand to each other.
_FOUND = ("correct", "answered", "reference")


class Span(NamedTuple):
    """Places first up to, not including, end."""

    kind: str
    first: int
    end: int


@dataclass(frozen=True)
class EntityScore:
    """Spans of one type, or of all: Shares of what is right. kind: None for all of them.

    precision: of the answers' spans; recall: of the references'. f1: its count is twice the right ones, of both.
    """

    kind: str | None
    precision: Share
    recall: Share
    f1: Share


@dataclass(frozen=True)
class Entities:
    """all: of every type together (micro average); by_type: of each, in alphabetic order. odd: how many tags of answers
    are out of place; odd_references: of references."""

    all: EntityScore
    by_type: Sequence[EntityScore]
    odd: int
    odd_references: int


def entities(pairs: Sequence[tuple[str, Sequence[str], Sequence[str] | None]]) -> Entities:
    """How the spans of answers are, of (id, reference, answer) each; None for no answer, which has no spans.

    Raises FormatError for a label that is no tag, and for an answer that has not a tag for each of its reference.
    """
    kinds: dict[str, int] = {}
    rows: list[tuple[int, int, int]] = []  # record, type, which of _FOUND
    odd = odd_references = 0
    for number, (record_id, reference, answer) in enumerate(pairs):
        if answer is not None and len(answer) != len(reference):
            lengths = f"{len(answer)} tags in the answer, {len(reference)} in the reference"
            raise FormatError(f"{record_id}: {lengths}, expected a tag for each place: spans are told by their places")
        wanted, more = _spans(reference, f"{record_id}: the reference")
        found, strange = _spans(answer or (), f"{record_id}: the answer")
        odd, odd_references = odd + strange, odd_references + more
        for which, spans in enumerate((wanted & found, found, wanted)):
            rows += [(number, kinds.setdefault(span.kind, len(kinds)), which) for span in spans]
    counts = np.zeros((len(pairs), len(kinds), len(_FOUND)), dtype=np.intp)
    if rows:
        record, kind, which = np.array(rows, dtype=np.intp).T
        np.add.at(counts, (record, kind, which), 1)
    by_type = [_score(kind, counts[:, kinds[kind]]) for kind in sorted(kinds)]
    return Entities(_score(None, counts.sum(axis=1)), by_type, odd, odd_references)


def _score(kind: str | None, counts: IntArray) -> EntityScore:
    """counts: (records, 3) as in _FOUND."""
    correct, answered, reference = counts.T
    return EntityScore(
        kind, share(correct, answered), share(correct, reference), share(2 * correct, answered + reference)
    )


def _spans(tags: Sequence[str], whose: str) -> tuple[set[Span], int]:
    """The spans, and how many tags are out of place. Raises FormatError for a label that is no tag."""
    spans: set[Span] = set()
    first, odd = None, 0
    before: tuple[str, bool] | None = None  # type of the span before this place, and whether it has come to its end
    for place, (letter, kind) in enumerate([*_read(tags, whose), (_OUTSIDE, "")]):
        begins, ends = _LETTERS.get(letter, (False, False))
        goes_on = letter != _OUTSIDE and not begins and before == (kind, False)
        if before is not None and not goes_on:
            assert first is not None
            spans.add(Span(before[0], first, place))
        if letter == _OUTSIDE:
            before = None
            continue
        odd += not begins and not goes_on
        first = first if goes_on else place
        before = (kind, ends)
    return spans, odd


def _read(tags: Sequence[str], whose: str) -> Iterator[tuple[str, str]]:
    """The letter and the type of each tag."""
    for tag in tags:
        letter, dash, kind = tag.partition("-")
        if tag != _OUTSIDE and (letter not in _LETTERS or (dash and not kind)):
            raise FormatError(f"{whose}: found the label {tag!r}, expected O, or one of B- I- E- S- with a type")
        yield letter, kind

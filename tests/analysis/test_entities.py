"""Entities that tags mark, against conlleval's two questions at each place: does a span end before, does one begin."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice_cli.analysis import Answers, evaluate
from lattice_cli.analysis.text.entities import Entities, entities
from lattice_cli.errors import FormatError
from lattice_cli.grammars import Spelling

TAGS = ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in ("PER", "LOC"))]
tagged = st.lists(st.sampled_from(TAGS), max_size=7)
same_length = st.integers(0, 6).flatmap(
    lambda size: st.tuples(*[st.lists(st.sampled_from(TAGS), min_size=size, max_size=size)] * 2)
)


def ends(before: str, tag: str, kind_before: str, kind: str) -> bool:
    """As in conlleval (endOfChunk), with S of seqeval; the letters and types of two tags in a row."""
    if before in ("E", "S"):
        return True
    if (before, tag) in {(a, b) for a in "BI" for b in "BSO"}:
        return True
    return before != "O" and kind_before != kind


def begins(before: str, tag: str, kind_before: str, kind: str) -> bool:
    """As in conlleval (startOfChunk), with S of seqeval."""
    if tag in ("B", "S"):
        return True
    if tag in ("E", "I") and before in ("E", "S", "O"):
        return True
    return tag != "O" and kind_before != kind


def spans(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    found, first, before, kind_before = set(), 0, "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, _, kind = tag.partition("-")
        if ends(before, letter, kind_before, kind):
            found.add((kind_before, first, place))
        if begins(before, letter, kind_before, kind):
            first = place
        before, kind_before = letter, kind
    return found


def score(*pairs: tuple[Sequence[str], Sequence[str] | None]) -> Entities:
    return entities([(str(number), reference, answer) for number, (reference, answer) in enumerate(pairs)])


@given(st.lists(same_length, min_size=1, max_size=5))
def test_counts_are_conllevals(pairs: list[tuple[list[str], list[str]]]) -> None:
    found = score(*pairs)
    wanted = {(number, *span) for number, (reference, _) in enumerate(pairs) for span in spans(reference)}
    answered = {(number, *span) for number, (_, answer) in enumerate(pairs) for span in spans(answer)}
    for each in [*found.by_type, found.all]:
        own = [{span for span in side if each.kind in (None, span[1])} for side in (wanted, answered)]
        right = len(own[0] & own[1])
        assert (each.recall.count, each.recall.all) == (right, len(own[0]))
        assert (each.precision.count, each.precision.all) == (right, len(own[1]))
        if own[0] and own[1] and right:
            precision, recall = right / len(own[1]), right / len(own[0])
            assert each.f1.rate == pytest.approx(2 * precision * recall / (precision + recall))
    assert [each.kind for each in found.by_type] == sorted({span[1] for span in wanted | answered})


def test_the_example_of_seqeval() -> None:
    reference = ["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]
    answer = ["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]
    found = score(*zip(reference, answer))
    assert found.all.f1.rate == 0.5
    assert [(each.kind, each.f1.rate) for each in found.by_type] == [("MISC", 0.0), ("PER", 1.0)]


@pytest.mark.parametrize(
    ("tags", "marked", "odd"),
    [
        ("O I-A I-A", {("A", 1, 3)}, 1),
        ("B-A I-B", {("A", 0, 1), ("B", 1, 2)}, 1),
        ("B-A B-A", {("A", 0, 1), ("A", 1, 2)}, 0),
        ("B-A I-A E-A I-A", {("A", 0, 3), ("A", 3, 4)}, 1),
        ("S-A S-A E-A", {("A", 0, 1), ("A", 1, 2), ("A", 2, 3)}, 1),
        ("B-A L-A U-A", {("A", 0, 2), ("A", 2, 3)}, 0),
        ("B I O", {("", 0, 2)}, 0),
        ("B-A-B I-A-B", {("A-B", 0, 2)}, 0),
    ],
)
def test_tags_that_are_out_of_place_begin_a_span(tags: str, marked: set[tuple[str, int, int]], odd: int) -> None:
    from lattice_cli.analysis.text.entities import _spans

    assert _spans(tags.split(), "x") == (marked, odd)
    found = score((["O"] * len(tags.split()), tags.split()))
    assert (found.odd, found.odd_references, found.all.precision.all) == (odd, 0, len(marked))


def test_no_path_has_no_entities() -> None:
    found = score((["B-A"], None), (["B-A"], ["B-A"]))
    assert (found.all.recall.count, found.all.recall.all, found.all.precision.all) == (1, 2, 1)
    records = [Answers("x", ("B-A", "O"), ()), Answers("y", ("O",), (("O",),))]
    marked = evaluate(records, Spelling("words"), with_entities=True).entities
    assert marked is not None
    assert (marked.all.recall.count, marked.all.recall.all, marked.all.f1.rate) == (0, 1, 0.0)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["O", "PER"], r"a: the answer: found the label 'PER', expected O, or one of B- I- E- S- with a type"),
        (["O", "B-"], "found the label 'B-'"),
        (["O", "O-X"], "found the label 'O-X'"),
        (["O"], "a: 1 tags in the answer, 2 in the reference, expected a tag for each place"),
    ],
)
def test_what_are_no_tags(answer: list[str], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        entities([("a", ["O", "O"], answer)])

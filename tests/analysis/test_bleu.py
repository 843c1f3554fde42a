"""BLEU against its definition in plain Python, and worked by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice_cli.analysis import Answers, evaluate
from lattice_cli.analysis.text.bleu import bleu
from lattice_cli.grammars import Spelling

texts = st.lists(st.sampled_from("abcA"), max_size=9)


def by_definition(pairs: list[tuple[list[str], list[str]]]) -> float:
    """Each n-gram of an answer takes one of the reference away, if there is one."""
    logs = []
    for n in range(1, 5):
        right = total = 0
        for reference, answer in pairs:
            left = [reference[at : at + n] for at in range(len(reference) - n + 1)]
            for at in range(len(answer) - n + 1):
                total += 1
                if answer[at : at + n] in left:
                    left.remove(answer[at : at + n])
                    right += 1
        if not right:
            return 0.0
        logs.append(math.log(right / total))
    answered, wanted = (sum(len(pair[side]) for pair in pairs) for side in (1, 0))
    return min(1.0, math.exp(1 - wanted / answered)) * math.exp(sum(logs) / 4)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
def test_it_is_what_its_definition_says(pairs: list[tuple[list[str], list[str]]]) -> None:
    found = bleu(pairs)
    assert found.score == pytest.approx(by_definition(pairs), abs=1e-12)
    assert (found.interval is None) == (len(pairs) == 1)
    if found.interval is not None:
        low, high = found.interval
        assert 0 <= low <= high <= 1


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=4, max_size=9), min_size=1, max_size=4))
def test_the_reference_itself_has_1(references: list[list[str]]) -> None:
    found = bleu([(each, each) for each in references])
    assert found.score == pytest.approx(1.0)
    assert found.precisions == [1.0] * 4


def test_worked_by_hand() -> None:
    """Papineni's example of clipping has 2 of 7; a shorter answer is punished."""
    clipped = bleu([(["the", "cat", "is", "on", "the", "mat"], ["the"] * 7)])
    assert (clipped.matches, clipped.totals, clipped.score) == ((2, 0, 0, 0), (7, 6, 5, 4), 0.0)
    reference, answer = ["a", "b", "c", "d", "e", "f"], ["a", "b", "c", "d", "e"]
    found = bleu([(reference, answer)])
    assert found.precisions == [1.0] * 4
    assert found.brevity == found.score == pytest.approx(math.exp(1 - 6 / 5))
    two = bleu([(reference, answer), (reference, ["x", "b", "c", "d", "e", "f", "g", "h"])])
    assert (two.matches, two.totals) == ((10, 8, 6, 4), (13, 11, 9, 7))
    assert (two.brevity, two.answered, two.reference) == (1.0, 13, 12)
    assert two.score == pytest.approx((10 / 13 * 8 / 11 * 6 / 9 * 4 / 7) ** 0.25)


def test_case_matters_and_nothing_is_smoothed() -> None:
    assert bleu([(["The", "cat", "sat", "down"], ["the", "cat", "sat", "down"])]).matches == (3, 2, 1, 0)
    assert bleu([(["The", "cat", "sat", "down"], ["the", "cat", "sat", "down"])]).score == 0.0
    assert bleu([(["a"], [])]).brevity == 0.0
    assert bleu([([], [])]).score == 0.0


def test_in_an_evaluation_it_goes_by_words_and_no_path_is_empty() -> None:
    records = [Answers("x", tuple("go on to it"), (tuple("go on to it"),)), Answers("y", tuple("go on"), ())]
    found = evaluate(records, Spelling("characters"), with_bleu=True).bleu
    assert found is not None
    assert (found.matches, found.answered, found.reference) == ((4, 3, 2, 1), 4, 6)
    assert found.score == pytest.approx(math.exp(1 - 6 / 4))
    assert evaluate(records, Spelling("characters")).bleu is None

"""Alignments against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle

from lattice_cli.search import align_all, distances
from lattice_cli.search import edit_distance as edit
from lattice_cli.search.edit_distance import align

LABELS = st.lists(st.sampled_from(["a", "b", "cc"]), max_size=5)
PAIRS = st.lists(st.tuples(LABELS, LABELS), max_size=12)


@given(PAIRS)
def test_distances_are_those_of_the_definition(pairs: list[tuple[list[str], list[str]]]) -> None:
    expected = [oracle.edit_distance(reference, answer) for reference, answer in pairs]
    assert distances(pairs).tolist() == expected
    assert [alignment.errors for alignment in align_all(pairs)] == expected


@given(LABELS, LABELS)
def test_of_the_minimal_alignments_it_is_the_first_in_the_order_of_moves(
    reference: list[str], answer: list[str]
) -> None:
    def errors(pairs: list[tuple[str | None, str | None]]) -> int:
        return sum(one != other for one, other in pairs)

    every = oracle.alignments(reference, answer)
    least = min(errors(pairs) for _, pairs in every)
    moves, pairs = min((each for each in every if errors(each[1]) == least), key=lambda each: each[0])
    found = align(reference, answer)
    assert (found.moves, found.pairs) == (moves, pairs)
    assert found.correct == sum(one == other for one, other in pairs)
    assert found.substitutions == sum(None not in pair and pair[0] != pair[1] for pair in pairs)
    assert found.deletions == sum(other is None for _, other in pairs)
    assert found.insertions == sum(one is None for one, _ in pairs)
    assert found.correct + found.substitutions + found.deletions == len(reference)
    assert found.correct + found.substitutions + found.insertions == len(answer)
    assert found.errors == found.substitutions + found.insertions + found.deletions


def test_a_known_one() -> None:
    found = align("kitten", "sitting")
    assert (found.correct, found.substitutions, found.insertions, found.deletions) == (4, 2, 1, 0)
    assert found.pairs[0] == ("k", "s")
    assert found.pairs[-1] == (None, "g")


def test_ties_prefer_substitution_to_deletion_to_insertion_from_the_start() -> None:
    assert align("ab", "b").pairs == [("a", None), ("b", "b")]
    assert align("ab", "c").pairs == [("a", "c"), ("b", None)]
    assert align("a", "bc").pairs == [("a", "b"), (None, "c")]
    assert align("ab", "ba").pairs == [("a", "b"), ("b", "a")]


def test_nothing_at_all() -> None:
    assert align_all([]) == []
    assert distances([]).tolist() == []
    assert align((), ()).pairs == []
    assert align("ab", "").deletions == 2
    assert align("", "ab").insertions == 2


def test_batches_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    pairs = [
        (rng.choice(list("abc"), rng.integers(0, 9)).tolist(), rng.choice(list("abc"), rng.integers(0, 9)).tolist())
        for _ in range(200)
    ]
    whole = align_all(pairs)
    monkeypatch.setattr(edit, "_TABLE_ENTRIES", 1)
    assert align_all(pairs) == whole
    assert distances(pairs).tolist() == [each.errors for each in whole]

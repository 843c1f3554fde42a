"""The figures of an evaluation against their definitions: rates, intervals, confidences, rejection, confusions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import oracle
from support.strategies import BETAS, graphs, moderate_energies

from lattice_cli.analysis import Answers, evaluate
from lattice_cli.analysis.bootstrap import share
from lattice_cli.analysis.rejection import reject_curve
from lattice_cli.grammars import Spelling, spelling_of, together
from lattice_cli.graph import Graph, linear_graph
from lattice_cli.search import answer_posteriors

CHARACTERS = Spelling("characters")


def answers(reference: str, *found: str, confidence: float | None = None) -> Answers:
    """A record whose labels are single characters."""
    return Answers("x", tuple(reference), tuple(tuple(each) for each in found), confidence)


# Rates ----------------------------------------------------------------------------------------------------------------


def test_a_small_evaluation_by_hand() -> None:
    records = [answers("a bc", "a bc"), answers("abc", "abd", "abc"), answers("ab", "axb"), answers("ab")]
    found = evaluate(records, CHARACTERS)
    assert (found.exact.count, found.exact.all, found.no_path) == (1, 4, 1)
    labels = found.labels
    assert (labels.correct, labels.substitutions, labels.insertions, labels.deletions) == (8, 1, 1, 2)
    assert (labels.share.count, labels.share.all, labels.share.rate) == (4, 11, 4 / 11)
    words = found.words
    assert found.joined
    assert (words.correct, words.substitutions, words.insertions, words.deletions) == (2, 2, 0, 1)
    assert words.share.rate == 3 / 5
    assert found.best_of is not None
    assert (found.best_of.n, found.best_of.exact.count, found.best_of.errors.count) == (2, 2, 3)
    assert found.closest is None
    assert found.curve is None
    assert [(each.reference, each.answer, each.count, each.of) for each in found.confusions] == [
        ("a", None, 1, 4),
        ("b", None, 1, 4),
        ("c", "d", 1, 2),
        (None, "x", 1, None),
    ]


def test_words_are_labels_or_what_characters_spell() -> None:
    one = Answers("x", ("go", "a"), (("go", "b"),))
    assert not evaluate([one], Spelling("words")).joined
    assert evaluate([one], CHARACTERS).words.share.all == 1
    assert evaluate([answers("ab", "ab")], CHARACTERS).joined


def test_a_record_without_a_path_is_never_right() -> None:
    found = evaluate([answers(""), answers("", "")], CHARACTERS)
    assert found.exact.count == 1
    assert found.labels.share.rate is None
    assert found.labels.share.interval is None


def test_intervals_are_those_of_plain_resampling() -> None:
    rng = np.random.default_rng(1)
    alls = rng.integers(1, 30, 400)
    counts = rng.binomial(alls, 0.1)
    found = share(counts, alls)
    drawn = rng.integers(0, 400, (4000, 400))
    rates = counts[drawn].sum(axis=1) / alls[drawn].sum(axis=1)
    assert found.rate == counts.sum() / alls.sum()
    assert found.interval == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=0.003)
    assert share(counts, alls) == found, "the seed is fixed"
    assert share(counts[::-1], alls[::-1]) == found, "the order of records does not matter"


def test_intervals_that_have_no_meaning_are_none() -> None:
    one, zero = np.ones(1, dtype=np.intp), np.zeros(3, dtype=np.intp)
    assert share(one, one).interval is None
    assert share(zero, zero).interval is None
    # Some samples draw no label at all.
    assert share(np.array([1, 0]), np.array([2, 0])).interval == (0.5, 0.5)


# Confidence -----------------------------------------------------------------------------------------------------------


@given(graphs(energies=moderate_energies), BETAS)
def test_confidence_is_the_probability_of_the_answer(graph, beta: float) -> None:
    paths = oracle.all_paths(graph)
    assume(paths)
    outputs = sorted({path.output for path in paths})
    total = oracle.free_energy(paths, beta)
    for output in outputs:
        (found,) = answer_posteriors([graph], [output], beta)
        own = oracle.free_energy([path for path in paths if path.output == output], beta)
        assert found == pytest.approx(math.exp(-beta * (own - total)), rel=1e-9)
    together = answer_posteriors([graph] * len(outputs), outputs, beta)
    assert together.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("base", [0.0, 1e15, -1e15, 1e300])
def test_confidence_is_not_lost_in_the_rounding_of_large_energies(base: float) -> None:
    """Ways to say a or b that all cost the same; those of a part, and meet on the way."""
    label = np.array([1, 1, 1, 2])
    ends = np.array([0.0, np.inf, np.inf]), np.array([np.inf, np.inf, 0.0])
    columns = np.array([0, 0, 1, 0]), np.array([1, 1, 2, 2])
    energy = np.array([base, base, 0.0, base])
    graph = Graph(*columns, label, np.array([0, 0, 1, 2]), energy, *ends, ("", "a", "b"))
    found = answer_posteriors([graph, linear_graph(("", "b"), [1])], [["a"], ["b"]], 1.0)
    assert found.tolist() == pytest.approx([2 / 3, 1.0], rel=1e-12)


def test_confidence_beside_a_cycle_that_costs_little() -> None:
    """a costs 1e9; b may go round for 0.001 as often as it likes, and comes to a thousand times the weight of a."""
    energy = np.array([1e9, 1e9, 0.001, 0.0])
    label = np.array([1, 2, 0, 0])
    ends = np.array([0.0, np.inf, np.inf]), np.array([np.inf, np.inf, 0.0])
    graph = Graph(np.array([0, 0, 1, 1]), np.array([2, 1, 1, 2]), label, label, energy, *ends, ("", "a", "b"))
    (found,) = answer_posteriors([graph], ["a"], 1.0)
    assert found == pytest.approx(1 / (1 + 1 / -math.expm1(-0.001)), rel=1e-12)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.9]), st.booleans()), max_size=6), st.integers(0, 2))
def test_the_curve_is_what_each_threshold_accepts(answered: list[tuple[float, bool]], without: int) -> None:
    confidences = [confidence for confidence, _ in answered]
    curve = reject_curve(np.array(confidences), [right for _, right in answered], len(answered) + without)
    thresholds = sorted(set(confidences), reverse=True)
    assert curve.threshold.tolist() == thresholds
    accepted = [[right for confidence, right in answered if confidence >= threshold] for threshold in thresholds]
    assert curve.accepted.tolist() == [len(rights) for rights in accepted]
    assert curve.errors.tolist() == [rights.count(False) for rights in accepted]
    for limit in (0.0, 0.3, 1.0):
        allowed = [
            point for point, rights in enumerate(accepted) if rights.count(False) <= limit * (len(answered) + without)
        ]
        assert curve.point(limit) == (allowed[-1] if allowed else None)
    for threshold in (0.0, 0.1, 0.1 * (1 + 1e-14), 0.2, 0.5, 0.95, 1.0):  # rounding of a threshold rejects nothing
        rights = [right for confidence, right in answered if confidence >= threshold - 1e-9]
        assert curve.at(threshold) == (len(rights), rights.count(False))


@given(st.lists(st.tuples(st.sampled_from([0.25, 0.5]), st.booleans()), min_size=1, max_size=5))
def test_the_area_is_the_mean_over_the_orders_of_equally_sure_answers(answered: list[tuple[float, bool]]) -> None:
    areas = []
    for order in itertools.permutations(answered):
        if all(one[0] >= other[0] for one, other in itertools.pairwise(order)):
            risks = [sum(not right for _, right in order[:k]) / k for k in range(1, len(order) + 1)]
            areas.append(sum(risks) / len(risks))
    curve = reject_curve(np.array([confidence for confidence, _ in answered]), [right for _, right in answered], 9)
    assert curve.area == pytest.approx(sum(areas) / len(areas))


def test_no_answers_have_no_curve() -> None:
    curve = reject_curve(np.zeros(0), [], 3)
    assert (len(curve.threshold), curve.area, curve.point(1.0), curve.spread(10)) == (0, None, None, [])
    assert curve.at(0.5) == (0, 0)


def test_a_long_curve_is_thinned_evenly() -> None:
    curve = reject_curve(np.linspace(0, 1, 1000), [True] * 1000, 1000)
    points = curve.spread(10)
    assert curve.accepted[points].tolist() == list(range(100, 1001, 100))


def test_rejection_counts_records_without_an_answer_as_rejected() -> None:
    records = [answers("a", "a", confidence=0.9), answers("b", "a", confidence=0.8), answers("c")]
    curve = evaluate(records, CHARACTERS, reject=True).curve
    assert curve is not None
    assert (curve.records, curve.accepted.tolist(), curve.errors.tolist()) == (3, [1, 2], [0, 1])


# References -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "known", "meant"),
    [
        ("34", "34", "34"),
        ("35", "34", "35"),  # a label that no answer has
        ("3 5", "34", "35"),
        ("3 5", "34 ", "3 5"),
        ("a dog", "cat", "a dog"),
        ("a dog\n", "cat", "a dog"),
        ("", "cat", ""),
    ],
)
def test_where_labels_are_characters_a_text_is_characters(text: str, known: str, meant: str) -> None:
    assert spelling_of(frozenset(known)).labels(text) == tuple(meant)


def test_where_labels_are_words_a_text_is_words() -> None:
    spelling = spelling_of(frozenset({"seven", "of", "a", "<unk>"}))
    assert spelling.labels("seven of clubs") == ("seven", "of", "clubs")
    assert spelling.labels("clubs") == ("clubs",)
    assert spelling.labels(" of  a ") == ("of", "a")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["▁he", "llo", "▁wor", "ld"], ("hello", "world")),
        (["he", "▁", "llo", "▁"], ("he", "llo")),
        (["he", "##llo", "wor", "##ld", "a"], ("hello", "world", "a")),
        (["he@@", "llo", "wor@@", "ld"], ("hello", "world")),
        (["|", "h", "i", "|", "|", "y", "o", "|"], ("hi", "yo")),
        (["h", "i", " ", "y"], ("hi", "y")),
        (["hi", "y"], ("hi", "y")),
        ([], ()),
    ],
)
def test_words_are_spelled_by_the_marks_of_pieces(labels: list[str], words: tuple[str, ...]) -> None:
    spelling = spelling_of(frozenset(labels))
    assert spelling.words(labels) == words
    assert spelling.text(labels).split() == list(words)


def test_a_bar_is_a_character_where_white_space_is_one() -> None:
    assert spelling_of(frozenset("ab| ")) == Spelling("characters", " ")
    assert spelling_of(frozenset("ab|")) == Spelling("pieces", "|")
    assert spelling_of(frozenset("ab|")).labels("ab b") == ("a", "b", "|", "b")
    assert spelling_of(frozenset("ab|"), "characters") == Spelling("characters")
    assert spelling_of(frozenset("ab|"), "labels") == spelling_of(frozenset("ab|"), "words") == Spelling("words")


@given(st.lists(st.lists(st.sampled_from(["a", "b", "ab", " ", "▁a", "##b"]), max_size=4), min_size=1, max_size=4))
def test_records_together_spell_as_their_labels_together(records: list[list[str]]) -> None:
    """Each record may show some of the labels only; how texts split does not hang on which."""
    together_ = together(spelling_of(frozenset(each)) for each in records)
    whole = spelling_of(frozenset(label for each in records for label in each))
    assert together_.kind == whole.kind
    if whole.kind == "characters":
        assert together_ == whole

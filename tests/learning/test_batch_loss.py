"""The loss of a batch at changing energies against the loss command's, and its gradients against differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.learning import GRAMMARS, NAMES, SETTINGS, examples, grammar_named
from support.strategies import LABELS

from lattice_cli.arrays import memory
from lattice_cli.errors import NoPath
from lattice_cli.grammars import ctc_topology
from lattice_cli.graph import Document, columns_of, label_loop, member
from lattice_cli.learning.losses import (
    LOSSES,
    AnswerGraphs,
    Batch,
    FreeAnswers,
    LossResult,
    Objective,
    Settings,
    answer_graphs,
    evaluate,
)
from lattice_cli.learning.losses.losses import Loss, Value
from lattice_cli.learning.recognizers import Example
from lattice_cli.records import Decoder
from lattice_cli.search import n_best
from lattice_cli.sweep import TROPICAL, LogSemiring, sweep


def documents(batch: Batch, left: np.ndarray, labels: tuple[str, ...]) -> list[Document]:
    found, first = [], 0
    for example in batch.examples:
        arcs = example.arcs(len(labels) - 1)
        graph = example.recognition(labels, left[first : first + arcs])
        found.append(Document(graph, example.id, "test", range(graph.nodes), target=example.targets[0]))
        first += arcs
    return found


@settings(max_examples=25)
@given(st.data(), st.sampled_from(GRAMMARS), st.sampled_from(["", "viterbi", "forward"]))
def test_all_losses_are_those_of_the_loss_command(data: st.DataObject, name: str, latent: str) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    grammar = grammar_named(name, rng)
    reading = AnswerGraphs(grammar, LABELS)
    chosen = data.draw(examples(reading))
    if not chosen:
        return
    right = columns_of(grammar)
    for loss in LOSSES.values():
        batch = Batch(chosen, reading, Objective(loss, SETTINGS, latent))
        left = rng.normal(size=sum(example.arcs(3) for example in chosen)) + 3.0
        outcome = batch.evaluate(left, right)
        decoder = Decoder(Document(grammar, "g", "g", range(grammar.nodes)))
        theirs = evaluate(documents(batch, left, LABELS), [loss], SETTINGS, None, decoder, latent=latent or None)
        gradients = []
        for value, found in zip(outcome.values, theirs):
            assert isinstance(found, list)
            assert isinstance(found[0], LossResult)
            assert value == pytest.approx(found[0].value.value, abs=1e-9)
            gradients.append(found[0].gradient)
        np.testing.assert_allclose(outcome.left, np.concatenate(gradients), atol=1e-9)


@settings(max_examples=25)
@given(st.data(), st.sampled_from(GRAMMARS))
def test_gradients_reach_both_sides(data: st.DataObject, name: str) -> None:
    """Directional derivatives by the recogniser's energies, and by all of the grammar's, starts and finals included."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    grammar = grammar_named(name, rng)
    reading = AnswerGraphs(grammar, LABELS)
    chosen = data.draw(examples(reading))
    if not chosen:
        return
    right = columns_of(grammar)
    left = rng.normal(size=sum(example.arcs(3) for example in chosen))
    for loss, latent in (("nll", ""), ("mee", ""), ("log", "forward"), ("square-exp", "forward")):
        batch = Batch(chosen, reading, Objective(LOSSES[loss], SETTINGS, latent))
        ahead, along = rng.normal(size=len(left)), np.where(np.isfinite(right), rng.normal(size=len(right)), 0.0)
        outcome = batch.evaluate(left, right)
        step = 1e-5
        plus, minus = (batch.evaluate(left + sign * step * ahead, right + sign * step * along) for sign in (1, -1))
        measured = (plus.values.sum() - minus.values.sum()) / (2 * step)
        assert outcome.left @ ahead + outcome.right @ along == pytest.approx(measured, rel=1e-6, abs=1e-6)


def test_targets_that_cannot_be_spelled_are_told_and_explained() -> None:
    reading = AnswerGraphs(label_loop(NAMES), LABELS)
    good = Example("good", "test", (("a", "b"),), None, 2, np.zeros((2, 1)), range(3))
    long = Example("long", "test", (("a", "b", "c"),), None, 2, np.zeros((2, 1)), range(3))
    unknown = Example("unknown", "test", (("z",),), None, 1, np.zeros((1, 1)), range(2))
    batch = Batch([good, long, unknown], reading, Objective())
    assert batch.unspelled == [1, 2]
    assert reading.why_not_spelled(good) is None
    assert "'a b c'" in str(reading.why_not_spelled(long))
    assert isinstance(reading.why_not_spelled(unknown), NoPath)


@settings(max_examples=40)
@given(st.data(), st.sampled_from(GRAMMARS), st.sampled_from(["soft", "hard"]))
def test_records_of_one_path_are_sums(data: st.DataObject, name: str, how: str) -> None:
    """The sum that is taken where each record has one path, against the sweep."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    grammar = grammar_named(name, rng)
    reading = AnswerGraphs(grammar, LABELS)
    chosen = data.draw(examples(reading))
    if not chosen:
        return
    space = reading.correct(chosen)
    semiring = LogSemiring(1.5) if how == "soft" else TROPICAL
    left, right = rng.normal(size=sum(example.arcs(3) for example in chosen)), columns_of(grammar)
    totals, pull = space.solve(left, right, semiring)
    whole = space.at(left, right)
    swept = sweep(whole, semiring)
    np.testing.assert_allclose(totals, swept.totals, atol=1e-12)
    seed = rng.normal(size=len(chosen))
    found = swept.pullback(seed)
    theirs = space.scattered(np.concatenate([found.arcs, found.start, found.final]), len(left), len(right))
    for mine, other in zip(pull(seed), theirs):
        np.testing.assert_allclose(mine, other, atol=1e-12)
    paths = [len(n_best(member(whole, number), 2)) for number in range(whole.graphs)]
    assert (space._paid is not None) == (max(paths) == 1)


def chain(target: tuple[str, ...]) -> Example:
    return Example("chain", "test", (target,), None, len(target), np.zeros((len(target), 1)), range(len(target) + 1))


@pytest.mark.parametrize(("loss", "kinked"), [("perceptron", 0.0), ("lvq2", 0.0), ("hinge", -0.7), ("log", None)])
def test_training_leaves_a_tie_and_the_loss_command_says_that_it_is_one(loss: str, kinked: float | None) -> None:
    """The one rule for kinks: `at` has the slopes of the flat side, `many` those to learn by."""
    chosen, difference = LOSSES[loss], 0.0 if kinked is None else kinked
    value = chosen.at(1.0 + difference, 1.0, SETTINGS)
    _, by_correct, by_contrast = chosen.many(np.array([1.0 + difference, 9.0]), np.array([1.0, np.inf]), SETTINGS)
    if kinked is None:
        assert (value.by_correct, value.by_contrast) == (by_correct[0], by_contrast[0])
    else:
        assert value.kink
        assert (value.by_correct, value.by_contrast) == (0, 0)
        assert (by_correct.tolist(), by_contrast.tolist()) == ([1, 0], [-1, 0])


def test_where_all_answers_tie_every_loss_that_has_a_slope_learns() -> None:
    reading = AnswerGraphs(label_loop(NAMES), LABELS)
    for loss in ("perceptron", "hinge", "log", "lvq2", "nll"):
        outcome = Batch([chain(("b", "a"))], reading, Objective(LOSSES[loss], SETTINGS)).evaluate(
            np.zeros(6), columns_of(reading.grammar)
        )
        assert outcome.left.any(), loss


def test_a_new_loss_is_a_function_and_works_for_one_record_and_for_many() -> None:
    doubled = Loss("doubled", "0", lambda e, s: Value(2 * (e.correct - e.offending), 2.0, -2.0))
    reading = AnswerGraphs(label_loop(NAMES), LABELS)
    left, right = np.array([0.5, 1.0, 2.0]), columns_of(reading.grammar)
    batch = Batch([chain(("b",))], reading, Objective(doubled, SETTINGS))
    outcome = batch.evaluate(left, right)
    (found,) = evaluate(documents(batch, left, LABELS), [doubled], SETTINGS)
    assert isinstance(found, list)
    assert isinstance(found[0], LossResult)
    assert outcome.values.tolist() == [found[0].value.value] == [1.0]
    assert outcome.left.tolist() == found[0].gradient.tolist() == [-2.0, 2.0, 0.0]


def test_offending_answers_that_are_not_proven_are_counted() -> None:
    """In a CTC lattice an answer has many paths, so that its free energy is below that of its best path."""
    reading = AnswerGraphs(grammar_named("ctc", np.random.default_rng(0)), LABELS)
    left, right = np.zeros(15), columns_of(reading.grammar)
    example = Example("e", "test", (("a",),), None, 5, np.zeros((5, 1)), range(6))
    asked = {budget: Objective(LOSSES["hinge"], Settings(), "forward", budget) for budget in (1, 100_000)}
    found = {budget: Batch([example], reading, each).evaluate(left, right) for budget, each in asked.items()}
    assert (found[1].searches, found[1].unproven) == (1, 1)
    assert (found[100_000].searches, found[100_000].unproven) == (1, 0)
    assert found[1].values[0] <= found[100_000].values[0]
    hard = Batch([example], reading, Objective(LOSSES["hinge"], Settings())).evaluate(left, right)
    assert (hard.searches, hard.unproven) == (0, 0)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(["", "viterbi", "forward"]))
def test_ctc_without_a_grammar_is_what_its_graphs_are(data: st.DataObject, latent: str) -> None:
    """Every loss, its derivatives and the answers: row by row against the composition with the topology."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    classes = data.draw(st.integers(2, 5))
    labels = ("", *"abcd"[: classes - 1], "_")
    free, graphs = FreeAnswers(labels, classes - 1), AnswerGraphs(ctc_topology(labels, classes), labels)
    assert free.said == graphs.said
    chosen = []
    for number in range(data.draw(st.integers(1, 4))):
        rows = data.draw(st.integers(1, 6))
        target = tuple(data.draw(st.lists(st.sampled_from([*labels[1:-1], "z"]), max_size=4)))
        chosen.append(Example(f"r{number}", "test", (target,), None, rows, np.zeros((rows, 1)), range(rows + 1)))
    unspelled = Batch(chosen, graphs, Objective()).unspelled
    assert Batch(chosen, free, Objective()).unspelled == unspelled
    spelled = [example for number, example in enumerate(chosen) if number not in unspelled]
    left, none = 2 * rng.normal(size=sum(example.arcs(classes) for example in spelled)), np.zeros(3)
    right = columns_of(graphs.grammar)
    for loss in LOSSES.values() if spelled else ():
        objective = Objective(loss, SETTINGS, latent, 100_000)
        found = Batch(spelled, free, objective).evaluate(left, none)
        expected = Batch(spelled, graphs, objective).evaluate(left, right)
        np.testing.assert_allclose(found.values, expected.values, atol=1e-9)
        np.testing.assert_allclose(found.left, expected.left, atol=1e-9)
        assert found.right.tolist() == [0.0, 0.0, 0.0]
    if spelled:
        every = [each.everything(spelled).answers(left, right) for each in (free, graphs)]
        assert every[0] == every[1]


def test_targets_of_more_labels_than_rows_are_explained_without_a_grammar() -> None:
    free = FreeAnswers(("", "a", "b", "_"), 2)
    short = Example("short", "test", (("a", "a"),), None, 2, np.zeros((2, 1)), range(3))
    assert Batch([short], free, Objective()).unspelled == [0]
    assert str(free.why_not_spelled(short)) == "the target 'a a' needs 3 rows at least, and there are 2"


@settings(max_examples=30, deadline=None)
@given(st.data(), st.sampled_from(["loop", "bigram", "ctc", "ctc bigram"]))
def test_wrong_answers_of_large_products_are_those_that_are_built(data: st.DataObject, name: str) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    reading = AnswerGraphs(grammar_named(name, rng), LABELS)
    chosen = [example for example in data.draw(examples(reading)) if example.graph is None]
    if not chosen:
        return
    left, right = 3 * rng.normal(size=sum(example.arcs(3) for example in chosen)), columns_of(reading.grammar)
    built = reading.wrong(chosen).solve(left, right, TROPICAL)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(answer_graphs, "_BUILT_ARCS", 0)
        searched = reading.best_wrong(chosen)
    totals, pull = searched.solve(left, right, TROPICAL)
    np.testing.assert_allclose(totals, built[0], atol=1e-12)
    seed = np.where(np.isfinite(totals), rng.normal(size=len(chosen)), 0.0)
    for mine, other in zip(pull(seed), built[1](seed)):
        np.testing.assert_allclose(mine, other, atol=1e-12)


def test_a_batch_that_no_memory_holds_is_refused_with_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_there", lambda: 1_000)
    reading = AnswerGraphs(label_loop(NAMES), LABELS)
    chosen = [chain(("a", "b", "a", "b"))] * 2
    with pytest.raises(MemoryError, match=r"the graphs of 2 records, 8 arcs, take about 0\.0 GB, and"):
        reading.correct(chosen)
    with pytest.raises(MemoryError, match="the states of 90 records, 360 energies, take about"):
        reading.everything(chosen * 45)

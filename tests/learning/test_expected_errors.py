"""Expected edit distance against enumeration of all paths, its gradients against differences of that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT, oracle
from support.learning import GRAMMARS, examples, grammar_named, model_of
from support.strategies import LABELS, graphs

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import GraphError, NoPath, UsageError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.grammars import EditAutomaton
from lattice_cli.graph import Document, Graph, columns_of, linear_graph, target_acceptor, with_columns
from lattice_cli.learning.losses import (
    LOSSES,
    AnswerGraphs,
    Batch,
    LossResult,
    Objective,
    Settings,
    evaluate,
    expected_errors,
    row_energies,
)
from lattice_cli.learning.losses.gradient_check import check
from lattice_cli.records import Decoder, matrix_search
from lattice_cli.sweep import count_covariance

Answers = Sequence[tuple[str, ...]]
MWER = LOSSES["mwer"]
WORDS = st.lists(st.sampled_from([*LABELS[1:], "z"]), max_size=4).map(tuple)
TARGETS = st.lists(WORDS, min_size=1, max_size=3)


def nearest(answer: tuple[str, ...], targets: Answers) -> int:
    return min(oracle.edit_distance(target, answer) for target in targets)


def expected(graph: Graph, targets: Answers, beta: float, best: int | None = None, longest: float = math.inf) -> float:
    """By listing; best: over the paths of so many best answers."""
    paths = oracle.all_paths(graph, longest)
    if best is not None:
        kept = {answer for _, answer in oracle.best_answers(paths)[:best]}
        paths = [path for path in paths if path.output in kept]
    return oracle.expectation(paths, beta, lambda path: nearest(path.output, targets))


def loss_of(document: Document, targets: Answers, beta: float = 1.0, **more: object) -> LossResult:
    told = [" ".join(target) for target in targets]
    assert all(told), "an empty target cannot be told from no labels"
    (found,) = evaluate([document], [MWER], Settings(beta=beta), told, **more)
    assert isinstance(found, list), found
    assert isinstance(found[0], LossResult)
    return found[0]


@given(WORDS, TARGETS)
def test_the_automaton_counts_edits(answer: tuple[str, ...], targets: Answers) -> None:
    automaton = EditAutomaton(target_acceptor(targets, ("",)), (*LABELS, "z"))
    state, total = np.zeros(1, dtype=np.intp), automaton.empty
    for label in answer:
        energy, state = automaton.step(state, np.array([(*LABELS, "z").index(label)]))
        total += float(energy[0])
    assert total == nearest(answer, targets)


def test_beside_a_loop_there_are_finitely_many_states() -> None:
    automaton = EditAutomaton(linear_graph(LABELS, [1, 2, 1]), LABELS)
    seen, fresh = {0}, [0]
    while fresh:
        words = np.arange(1, len(LABELS))
        after = automaton.step(np.repeat(fresh, len(words)), np.tile(words, len(fresh)))[1]
        fresh = sorted(set(after.tolist()) - seen)
        seen.update(fresh)
    assert len(seen) <= 3**3


@given(graphs(max_nodes=5, max_arcs=7), TARGETS, st.sampled_from([0.3, 1.0, 2.5]))
def test_value_and_gradient_are_those_of_all_paths(graph: Graph, targets: Answers, beta: float) -> None:
    columns = np.clip(columns_of(graph), -3, None)
    graph = with_columns(graph, np.where(np.isfinite(columns), np.clip(columns, -3, 3), np.inf))
    right = target_acceptor(targets, ("",))
    paths = expected_errors.error_paths(graph, right, None)
    assert paths is not None
    if not oracle.all_paths(graph):
        assert not paths.graph.nodes
        return
    none = np.zeros(paths.graph.nodes)
    found = count_covariance(paths.graph, beta, (paths.errors, none, none))
    assert paths.empty + found.mean[0] == pytest.approx(expected(graph, targets, beta), abs=1e-9)
    gradient = np.zeros(graph.arcs)
    np.add.at(gradient, paths.arc, -beta * found.covariance[: paths.graph.arcs])
    for arc in range(graph.arcs):
        change = 1e-5 * (np.arange(graph.arcs) == arc)
        high, low = (expected(graph.with_energy(graph.energy + sign * change), targets, beta) for sign in (1, -1))
        assert gradient[arc] == pytest.approx((high - low) / 2e-5, abs=1e-6)


@settings(max_examples=40)
@given(graphs(max_nodes=5, max_arcs=7), st.integers(1, 4), st.data())
def test_over_the_best_answers_it_is_that_of_their_paths(graph: Graph, best: int, data: st.DataObject) -> None:
    energy = np.array(data.draw(st.permutations(range(graph.arcs)))) / 7.0 + np.sqrt(np.arange(1, graph.arcs + 1))
    graph = with_columns(graph, np.append(energy, np.where(np.isfinite(columns_of(graph)[graph.arcs :]), 0, np.inf)))
    if not oracle.all_paths(graph):
        return
    document = Document(graph, "drawn", "drawn", range(graph.nodes))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(expected_errors, "MOST_ARCS", -1)
        found = loss_of(document, [("a", "b")], nbest=best)
    assert found.value.value == pytest.approx(expected(graph, [("a", "b")], 1.0, best), abs=1e-9)
    assert any("of the best" in note for note in found.notes)
    assert not check([found], "recognition", np.random.default_rng(0))[0].failed


def test_a_graph_with_cycles_is_summed_over_all_of_its_paths() -> None:
    document = read_one(str(ROOT / "samples" / "self-loop.yaml"), ReadOptions())
    columns = columns_of(document.graph)
    graph = with_columns(document.graph, np.where(np.isfinite(columns), columns + 1.5, np.inf))
    found = loss_of(replace(document, graph=graph), [("a", "a")])
    assert found.value.value == pytest.approx(expected(graph, [("a", "a")], 1.0, longest=40), abs=1e-7)
    assert not check([found], "recognition", np.random.default_rng(0))[0].failed


@pytest.mark.parametrize("side", ["recognition", "grammar", "interpretation"])
def test_gradients_reach_every_factor(side: str) -> None:
    document = read_one(str(ROOT / "samples" / "lecture-cut.yaml"), ReadOptions())
    words = read_one(str(ROOT / "grammars" / "lecture-words.yaml"), ReadOptions())
    found = loss_of(document, [("c", "u", "t")], 2.0, decoder=Decoder(words), of=side)
    assert np.abs(found.gradient).max() > 1e-3
    assert not check([found], side, np.random.default_rng(0))[0].failed


@settings(max_examples=25, deadline=None)
@given(st.data(), st.sampled_from(GRAMMARS), st.booleans())
def test_a_batch_learns_by_it_on_both_sides(data: st.DataObject, name: str, listed: bool) -> None:
    """Directional derivatives, and the values of one record alone; over the best answers too."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    grammar = grammar_named(name, rng)
    reading = AnswerGraphs(grammar, LABELS)
    chosen = data.draw(examples(reading))
    if not chosen:
        return
    chosen[0] = replace(chosen[0], targets=(("c", "z", "c"),))  # which no path has to spell
    right: FloatArray = columns_of(grammar)
    left = rng.normal(size=sum(example.arcs(3) for example in chosen))
    with pytest.MonkeyPatch.context() as patched:
        if listed:
            patched.setattr(expected_errors, "MOST_OF_EXAMPLE", -1)
        batch = Batch(chosen, reading, Objective(MWER, Settings(beta=1.5), nbest=3))
        assert batch.unspelled == []
        outcome = batch.evaluate(left, right)
        assert len(outcome.listed) == len(chosen) * listed
        ahead, along = rng.normal(size=len(left)), np.where(np.isfinite(right), rng.normal(size=len(right)), 0.0)
        plus, minus = (batch.evaluate(left + s * 1e-6 * ahead, right + s * 1e-6 * along) for s in (1, -1))
    measured = (plus.values.sum() - minus.values.sum()) / 2e-6
    assert outcome.left @ ahead + outcome.right @ along == pytest.approx(measured, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("grammar", [None, "words"])
def test_a_matrix_row_by_row(many: bool, grammar: str | None) -> None:
    """CTC over a matrix that is asked row by row, by all its paths and by those of its best answers."""
    rng = np.random.default_rng(1)
    rows, labels = 4, ("", "a", "b", "_")
    src = np.repeat(np.arange(rows), 3)
    label = np.tile([1, 2, 3], rows)
    ends = np.full((2, rows + 1), np.inf)
    ends[0, 0] = ends[1, -1] = 0.0
    graph = Graph(src, src + 1, label, label, rng.normal(size=3 * rows), *ends, labels)
    document = Document(graph, "m", "m", range(rows + 1))
    words = None if grammar is None else Document(target_acceptor(["ab", "a", "bab"], ("",)), "g", "g", range(6))
    decoder = Decoder(words, "_")
    whole = decoder.interpret(document).graph
    with pytest.MonkeyPatch.context() as patched:
        for module in (expected_errors, row_energies):
            patched.setattr(module, "MOST_ARCS", 10**6 if many else -1)
        patched.setattr(row_energies, "LARGE", -1)
        patched.setattr(matrix_search, "_SMALL", 0)
        found = loss_of(document, [("a", "b", "b")], decoder=decoder, nbest=2)
    by_rows = grammar is not None or not many
    assert found.value.value == pytest.approx(expected(whole, [("a", "b", "b")], 1.0, 2 if by_rows else None))
    assert not check([found], "recognition", np.random.default_rng(0))[0].failed


def test_what_cannot_be_is_told() -> None:
    loop = Graph([0, 0], [0, 1], [1, 1], [1, 1], [0.0, 0.0], [0.0, np.inf], [np.inf, 0.0], ("", "a"))
    with pytest.raises(GraphError, match="have cycles"):
        EditAutomaton(loop, LABELS)
    empty = Graph([], [], [], [], [], [0.0], [np.inf], ("",))
    (found,) = evaluate([Document(empty, "e", "e", range(1))], [MWER], Settings(), ["a"])
    assert isinstance(found, NoPath)
    (found,) = evaluate([Document(loop, "l", "l", range(2))], [MWER], Settings(), None)
    assert isinstance(found, UsageError)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"loss": "mwer", "latent": "viterbi"}, "mwer is of paths"),
        ({"loss": "nll", "nbest": 5}, "objective.nbest is for loss: mwer"),
    ],
)
def test_settings_that_say_nothing_of_it_are_refused(told: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model_of("vectors", {"objective": told})

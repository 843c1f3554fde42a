"""Matrices without a grammar, row by row: the same numbers as the composition with the CTC topology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lattice_cli.arrays import FloatArray
from lattice_cli.composition import compose
from lattice_cli.emissions import emission_matrix_of, product_sweep
from lattice_cli.emissions.free import AnswerChains, FreeRows
from lattice_cli.emissions.free import row_consensus as by_rows
from lattice_cli.grammars.ctc import ctc_topology
from lattice_cli.graph import (
    Graph,
    complement_acceptor,
    emission_graph,
    numbered_document,
    target_acceptor,
    without_arcs,
)
from lattice_cli.learning.losses import LOSSES, LossResult, Settings, checked, evaluate
from lattice_cli.learning.losses.row_energies import AskedByRows
from lattice_cli.records import Decoder, SearchRequest, decode
from lattice_cli.search import answer_posteriors, best_answers, n_best
from lattice_cli.search.minimum_risk import _Recursion
from lattice_cli.sweep import LogSemiring, schedule_of, sweep

LABELS = ("", "_", "a", "b", "c", "d", "e", "f", "g")


@st.composite
def matrices(draw: st.DrawFn, rows: int = 12, flat: bool = False) -> Graph:
    """A matrix as a graph, some of its entries impossible; ties are common."""
    steps, classes = draw(st.integers(1, rows)), draw(st.integers(2, len(LABELS) - 1))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    sharp = 1.0 if flat else draw(st.sampled_from([0.3, 3.0, 15.0]))
    energies = rng.normal(size=(steps, classes)) * sharp
    if draw(st.booleans()):
        energies = np.round(energies)
    gone = rng.random((steps, classes)) < draw(st.sampled_from([0.0, 0.2]))
    gone[:, 0] = gone[0] = False  # every row has a class, and every class is in some row
    graph = emission_graph(energies, LABELS[: classes + 1])
    return without_arcs(graph, gone.reshape(-1)) if gone.any() else graph


def free_rows(graph: Graph) -> FreeRows:
    matrix = emission_matrix_of(graph)
    assert matrix is not None
    return FreeRows(graph, matrix, 0)


def composed(graph: Graph) -> Graph:
    return compose(graph, ctc_topology(graph.labels, 1)).graph


@given(matrices(), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_the_best_paths_are_those_of_the_composition(graph: Graph, n: int) -> None:
    whole = composed(graph)
    rows = free_rows(graph)
    best = float(rows.lowest.sum())
    for search in (n_best, best_answers):
        margin, found = 0.0, list[float]()
        expected = [path.energy for path in search(whole, n)]
        for chosen, margin in rows.near_best(0):
            found = [path.energy for path in search(rows.lattice(chosen).graph, n)]
            for energy, other in zip(found, expected):  # all that is promised below the margin
                assert energy == pytest.approx(other) or other > best + margin - 1e-9
        assert found == pytest.approx(expected)
        assert margin == np.inf


@given(matrices(), st.sampled_from([0.5, 1.0, 2.0]))
@settings(max_examples=60, deadline=None)
def test_posteriors_and_alignments_of_answers(graph: Graph, beta: float) -> None:
    whole, rows = composed(graph), free_rows(graph)
    found = best_answers(whole, 6)
    said = [tuple(whole.olabel[list(path.arcs)][whole.olabel[list(path.arcs)] > 0].tolist()) for path in found]
    words = [whole.words(answer) for answer in said]
    expected = answer_posteriors([whole] * len(words), words, beta)
    assert rows.posteriors(words, beta) == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-12)
    for answer, path in zip(said, found):
        alignment = rows.alignment(answer)
        assert alignment is not None
        energy = rows.matrix.energies[np.arange(len(alignment)), alignment].sum()
        assert energy == pytest.approx(path.energy)
    assert rows.alignment([2] * (len(alignment) + 1)) is None  # more labels than rows


@given(matrices(rows=10), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_places_are_those_of_the_recursion(graph: Graph, which: int) -> None:
    """With every state before a label taken one by one they are the same; by the mean, a weaker bound from above."""
    whole, rows = composed(graph), free_rows(graph)
    recursion = _Recursion(whole, schedule_of(whole), 1.0)
    answers = best_answers(whole, which + 1)
    labels = whole.olabel[list(answers[-1].arcs)]
    answer = tuple(labels[labels > 0].tolist())
    expected = recursion.places(answer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_rows, "_ALONE", 1e-300)
        found = free_rows(graph).consensus(1.0).places(answer)
    assert found.errors == pytest.approx(expected.errors, abs=1e-9)
    mean = rows.consensus(1.0).places(answer)
    assert mean.errors >= expected.errors - 1e-9
    for places in (found, mean):
        assert [sum(slot.values()) for slot in places.slots] == pytest.approx([1.0] * len(places.slots))
        assert min((1.0, *places.confidences)) >= 0.0
        assert places.answer == answer


def test_classes_together_and_windows_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    energies = _peaky(rng, 400, 30)
    labels = ("", *(f"w{number}" for number in range(30)))
    rows = free_rows(emission_graph(energies, labels))
    answer = tuple(label for label in (rows.best + 1).tolist() if label > 1)
    whole = rows.consensus(1.0).places(answer)
    monkeypatch.setattr(by_rows, "_WINDOW", 10_000)
    assert free_rows(rows.record).consensus(1.0).places(answer).errors == pytest.approx(whole.errors, rel=1e-9)
    monkeypatch.undo()
    monkeypatch.setattr(by_rows, "_FEW_CLASSES", 0)
    few = free_rows(rows.record).consensus(1.0).places(answer)
    assert few.errors == pytest.approx(whole.errors, rel=1e-3)
    assert few.confidences == pytest.approx(whole.confidences, abs=1e-3)


def _peaky(rng: np.random.Generator, rows: int, classes: int) -> FloatArray:
    energies = rng.normal(size=(rows, classes)) * 2.0
    peaks = np.where(np.arange(rows) % 2, 0, rng.integers(1, classes, rows))
    energies[np.arange(rows), peaks] -= 12.0
    return energies


def test_thousands_of_classes_are_not_paired() -> None:
    """What is asked of a matrix, through the records: pairs of its classes alone would fill the memory."""
    rng = np.random.default_rng(6)
    classes = 3_000
    labels = ("", "_", *(f"w{number}" for number in range(1, classes)))
    energies = _peaky(rng, 40, classes)
    document = replace(numbered_document(emission_graph(energies, labels), "peaky", "peaky.npy"), rows=True)
    (many,) = decode([document], Decoder(ctc="_"), SearchRequest(n=5, distinct=True, posteriors=True))
    (sure,) = decode([document], Decoder(ctc="_"), SearchRequest(words=True))
    (least,) = decode([document], Decoder(ctc="_"), SearchRequest(risk=True, words=True))
    assert many.search is not None
    assert many.search.exact
    ranked = [path.energy for path in many.paths]
    assert ranked == sorted(ranked)
    assert len({tuple(path.output) for path in many.paths}) == 5
    assert sure.paths[0].output == many.paths[0].output
    assert sure.confidence == many.paths[0].confidence
    assert least.paths[0].risk is not None
    assert least.paths[0].risk.errors > 0
    assert [word.begin for word in sure.paths[0].words or ()] == np.flatnonzero(energies.argmin(axis=1)).tolist()


@given(matrices(rows=6), st.data())
@settings(max_examples=50, deadline=None)
def test_losses_are_those_of_the_composition(graph: Graph, data: st.DataObject) -> None:
    document = numbered_document(graph, "m", "m.npy")
    whole = composed(graph)
    found = best_answers(whole, 4)
    labels = whole.olabel[list(data.draw(st.sampled_from(found)).arcs)]
    target = " ".join(whole.words(labels[labels > 0].tolist()))
    losses = [LOSSES[name] for name in ("nll", "mee", "hinge", "perceptron", "log")]
    # Of free energies of wrong answers too, the record is composed.
    rows = evaluate([document], losses, Settings(), [target], Decoder(ctc="_"))[0]
    plain = evaluate([document], losses, Settings(), [target], Decoder(ctc="_"), of="interpretation")[0]
    assert isinstance(rows, list)
    assert isinstance(plain, list)
    for one, other in zip(rows, plain):
        assert isinstance(one, LossResult)
        assert isinstance(other, LossResult)
        assert isinstance(one.interpretation, AskedByRows)
        assert other.interpretation.free is None
        assert one.value.value == pytest.approx(other.value.value, abs=1e-9)
        if not any("tie" in note for note in other.notes):
            gradient = other.interpretation.gradient("recognition", other.gradient)
            assert one.gradient == pytest.approx(gradient, abs=1e-9)
    record = checked(rows, "recognition")
    assert not [each for each in record.checks.values() if each.failed]


@st.composite
def answered(draw: st.DrawFn) -> tuple[list[Graph], list[list[int]]]:
    """Matrices of the same classes, the first of them the blank, and an answer for each, which it need not have."""
    classes, finite = draw(st.integers(2, 5)), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    graphs, answers = [], []
    for _ in range(draw(st.integers(1, 4))):
        energies = 3 * rng.normal(size=(draw(st.integers(1, 6)), classes))
        if not finite:
            energies[rng.random(energies.shape) < 0.1] = 60.0
        graphs.append(emission_graph(energies, LABELS[: classes + 1]))
        answers.append(draw(st.lists(st.integers(1, classes - 1), max_size=4)))
    return graphs, answers


@given(answered(), st.sampled_from([0.5, 1.0, 2.0]))
@settings(max_examples=120, deadline=None)
def test_chains_of_answers_are_the_composition_with_them(
    made: tuple[list[Graph], list[list[int]]], beta: float
) -> None:
    """Sums and their derivatives, the best alignments, and the best paths that say something else."""
    graphs, answers = made
    classes = len(graphs[0].labels) - 1
    rows = [graph.energy.reshape(-1, classes) for graph in graphs]
    energies, lengths = np.concatenate(rows), np.array([len(each) for each in rows])
    chains = AnswerChains(lengths, classes, 0, answers)
    seed = np.linspace(1.0, -2.0, len(graphs))
    sums = chains.sums(energies, beta)
    slopes = np.split(sums.pullback(seed), np.cumsum(lengths)[:-1])
    found = {}
    for name, (totals, chosen) in {"best": chains.best(energies), "other": chains.nearest_other(energies)}.items():
        found[name] = totals, np.split(chosen, np.cumsum(lengths)[:-1])
    for number, (graph, answer) in enumerate(zip(graphs, answers)):
        whole = compose(graph, ctc_topology(graph.labels, 1))
        target = tuple(graph.labels[each + 1] for each in answer)
        spelled = compose(whole.graph, target_acceptor([target], graph.labels))
        others = compose(whole.graph, complement_acceptor([target], graph.labels, np.arange(2, classes + 1)))
        swept = sweep(spelled.graph, LogSemiring(beta))
        assert sums.totals[number] == pytest.approx(float(swept.totals[0]))
        by_arc = whole.left_gradient(spelled.left_gradient(swept.pullback().arcs)).reshape(-1, classes)
        np.testing.assert_allclose(slopes[number], seed[number] * by_arc, atol=1e-10)
        for name, expected in (("best", spelled.graph), ("other", others.graph)):
            totals, chosen = found[name]
            paths = n_best(expected, 1)
            assert totals[number] == pytest.approx(paths[0].energy if paths else np.inf)
            if paths:
                path = chosen[number]
                assert rows[number][np.arange(len(path)), path].sum() == pytest.approx(totals[number])
                said = path[(path != 0) & np.append(True, path[1:] != path[:-1])].tolist()
                assert (said == answer) == (name == "best")
            else:
                assert (chosen[number] == -1).all()


def test_long_matrices_keep_a_few_rows_and_make_the_others_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    energies, lengths = rng.normal(size=(70, 5)), np.array([40, 30])
    chains = AnswerChains(lengths, 5, 0, [[1, 1, 3], [4]])
    expected = chains.sums(energies, 1.0)
    slope = expected.pullback(np.ones(2))
    monkeypatch.setattr(product_sweep, "_ALL_ALPHAS", 10)
    found = chains.sums(energies, 1.0)
    assert found.alphas.every > 1
    assert found.totals.tolist() == expected.totals.tolist()
    np.testing.assert_array_equal(found.pullback(np.ones(2)), slope)

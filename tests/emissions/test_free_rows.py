"""Matrices without a grammar, row by row: the same numbers as the composition with the CTC topology."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lattice_cli.arrays import FloatArray
from lattice_cli.composition import compose
from lattice_cli.emissions import emission_matrix_of
from lattice_cli.emissions.free import FreeRows
from lattice_cli.emissions.free import row_consensus as by_rows
from lattice_cli.grammars.ctc import ctc_topology
from lattice_cli.graph import Graph, emission_graph, numbered_document, without_arcs
from lattice_cli.learning.losses import LOSSES, LossResult, Settings, checked, evaluate
from lattice_cli.records import Decoder, SearchRequest, decode
from lattice_cli.search import answer_posteriors, best_answers, n_best
from lattice_cli.search.minimum_risk import _Recursion
from lattice_cli.sweep import schedule_of

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
        assert one.interpretation.free is not None
        assert other.interpretation.free is None
        assert one.value.value == pytest.approx(other.value.value, abs=1e-9)
        if not any("tie" in note for note in other.notes):
            gradient = other.interpretation.gradient("recognition", other.gradient)
            assert one.gradient == pytest.approx(gradient, abs=1e-9)
    record = checked(rows, "recognition")
    assert not [each for each in record.checks.values() if each.failed]

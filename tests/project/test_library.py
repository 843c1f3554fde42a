"""Lattices from Python: the same numbers as the commands and the oracle give, arrays in and arrays out."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from hypothesis import given
from support import ROOT
from support.oracle import all_paths, free_energy, gradient
from support.strategies import BETAS, connected_graphs, small

import lattice_cli as lattice

LECTURE = str(ROOT / "samples" / "lecture-34.json")
CUT = str(ROOT / "samples" / "lecture-cut.yaml")
WORDS = str(ROOT / "grammars" / "lecture-words.yaml")


@given(connected_graphs(energies=small, max_nodes=5, max_arcs=8), BETAS)
def test_sums_and_best_paths_of_graphs_are_those_of_enumeration(graph: lattice.Graph, beta: float) -> None:
    paths = all_paths(graph)
    if not paths:
        with pytest.raises(lattice.NoPath):
            lattice.viterbi(graph)
        return
    best = lattice.viterbi(graph, n=3)
    assert [path.energy for path in best] == pytest.approx(sorted(path.energy for path in paths)[:3])
    sums = lattice.forward(graph, beta=beta)
    assert sums.free_energy == pytest.approx(free_energy(paths, beta), abs=1e-9)
    np.testing.assert_allclose(sums.gradient, gradient(graph, paths, beta).arcs, atol=1e-9)


def test_a_record_through_a_grammar() -> None:
    record, words = lattice.read(CUT), lattice.read(WORDS)
    assert "".join(lattice.viterbi(record, words)[0].output) == "cap"
    whole = lattice.compose(record, words)
    assert lattice.forward(whole.graph).free_energy == lattice.forward(record, words).free_energy
    back = whole.left_gradient(lattice.forward(whole.graph).gradient)
    np.testing.assert_allclose(back, lattice.forward(record, words).gradient)


def test_losses_by_name_with_the_record_own_target_or_another() -> None:
    record = lattice.read(LECTURE)
    assert lattice.loss(record).gradient.shape == (record.graph.arcs,)
    assert lattice.loss(record, "34", "perceptron").value.value == pytest.approx(0.1)
    assert lattice.loss(record, ["3", "4"], "perceptron").value.value == pytest.approx(0.1)
    with pytest.raises(lattice.NoPath, match="the target wants 'x'"):
        lattice.loss(record, "x")
    with pytest.raises(lattice.UsageError, match="no loss is called 'hing', expected one of energy"):
        lattice.loss(record, name="hing")


def test_draws_are_those_of_the_seed() -> None:
    record = lattice.read(LECTURE)
    one, other = (lattice.sample(record, 5, rng=np.random.default_rng(seed)) for seed in (0, 0))
    assert [path.arcs for path in one.paths] == [path.arcs for path in other.paths]
    expected = [one.free_energy - path.energy for path in one.paths]
    assert one.log_probabilities == pytest.approx(expected)


def test_what_is_written_is_read_again(tmp_path: pathlib.Path) -> None:
    chain = lattice.linear_graph(("", "a", "b"), [1, 2])
    matrix = lattice.emission_graph(np.array([[0.5, 1.0], [0.25, 2.0]]), ("", "a", "b"))
    path = tmp_path / "two.jsonl"
    lattice.write(path, chain, matrix)
    first, second = lattice.read_all(str(path))
    assert "".join(lattice.viterbi(first)[0].output) == "ab"
    assert np.array_equal(second.graph.energy, matrix.energy)
    with pytest.raises(lattice.FormatError, match="holds 2 documents, expected one"):
        lattice.read(path)


def test_a_matrix_is_read_as_its_units_say() -> None:
    p = np.array([[0.1, 0.8, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    labels = ["_", "a", "b"]
    found = lattice.viterbi(lattice.matrix(p, labels, units="prob"), ctc="_")[0]
    assert found.text == "ab"
    assert found.energy == pytest.approx(-np.log(0.8 * 0.7 * 0.8))
    assert lattice.viterbi(lattice.matrix(-np.log(p), labels), ctc="_")[0] == found
    assert lattice.viterbi(lattice.matrix(np.log(p), labels, units="logp"), ctc="_")[0] == found
    with pytest.warns(UserWarning, match="look like probabilities"):
        lattice.matrix(p, labels)
    with pytest.raises(lattice.UsageError, match="expected \\(T, 2\\)"):
        lattice.matrix(p, labels[:2])
    with pytest.raises(lattice.UsageError, match="no units are called 'p'"):
        lattice.matrix(p, labels, units="p")

"""Emissions x grammar step by step against the product that is built, composed and swept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.products import CLASSES, problems
from support.strategies import BETAS, LABELS, small

from lattice_cli.composition import compose
from lattice_cli.emissions import can_walk, product_best
from lattice_cli.emissions import dense_step as dense
from lattice_cli.emissions import sparse_step as steps
from lattice_cli.emissions.product_sweep import product_sweep
from lattice_cli.emissions.ragged_batch import RaggedBatch
from lattice_cli.emissions.scaled_forward import scaled_sweep
from lattice_cli.errors import NumericOverflow
from lattice_cli.graph import Graph, emission_graph
from lattice_cli.sweep import TROPICAL, LogSemiring, Semiring, sweep

EMISSION_LABELS = ("", "c", "b", "a")  # the grammar's labels in another order
COLUMNS = np.array([-1, 2, 1, 0])


def built(emissions: np.ndarray, lengths: np.ndarray, grammar: Graph, semiring: Semiring, seed: np.ndarray):
    """Totals and gradients by composing each record."""
    totals, by_emission = [], np.zeros(emissions.shape)
    by_grammar = [np.zeros(grammar.arcs), np.zeros(grammar.nodes), np.zeros(grammar.nodes)]
    ends = np.cumsum(lengths)
    for low, high, weight in zip(ends - lengths, ends, seed):
        whole = compose(emission_graph(emissions[low:high], EMISSION_LABELS), grammar)
        swept = sweep(whole.graph, semiring)
        totals.append(swept.totals[0])
        found = swept.pullback(np.array([weight]))
        by_emission[low:high] += whole.left_gradient(found.arcs).reshape(-1, CLASSES)
        by_grammar[0] += whole.right_gradient(found.arcs)
        by_grammar[1] += np.bincount(whole.right_node, found.start, grammar.nodes)
        by_grammar[2] += np.bincount(whole.right_node, found.final, grammar.nodes)
    return np.array(totals), by_emission, by_grammar


def assert_same(problem: tuple[np.ndarray, np.ndarray, Graph], semiring: Semiring) -> None:
    emissions, lengths, grammar = problem
    seed = np.linspace(-1.0, 2.0, len(lengths))
    totals, by_emission, by_grammar = built(emissions, lengths, grammar, semiring, seed)
    swept = product_sweep(emissions, lengths, grammar, COLUMNS, semiring)
    np.testing.assert_allclose(swept.totals, totals, rtol=1e-12, atol=1e-12)
    found = swept.pullback(seed)
    np.testing.assert_allclose(found.emissions, by_emission, atol=1e-10)
    for mine, theirs in zip((found.arcs, found.start, found.final), by_grammar):
        np.testing.assert_allclose(mine, theirs, atol=1e-10)


@given(problems(), BETAS)
def test_the_soft_product_is_the_one_that_is_built(problem, beta) -> None:
    assert_same(problem, LogSemiring(beta))


@given(problems(), BETAS)
def test_the_matrix_step_is_the_one_that_is_built(problem, beta) -> None:
    """The same with matrices wherever nothing underflows, however few arcs there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "_ENTRIES_PER_ARC", 1000)
        assert_same(problem, LogSemiring(beta))


@given(problems())
def test_where_terms_underflow_the_arcs_are_used(problem) -> None:
    """Energies so far apart that exp(-e) is 0: rows of the matrix step fall back one by one."""
    emissions, lengths, grammar = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "_ENTRIES_PER_ARC", 1000)
        far = Graph(
            grammar.src, grammar.dst, grammar.ilabel, grammar.olabel,
            np.round(grammar.energy) * 300.0, grammar.start, grammar.final * 500.0, LABELS,
        )  # fmt: skip
        assert_same((np.round(emissions) * 400.0, lengths, far), LogSemiring(1.0))


@st.composite
def complete_grammars(draw: st.DrawFn) -> Graph:
    """Each state leads to each of some (head, label) pairs, by one arc or more."""
    states = draw(st.integers(1, 3))
    every = [(head, label) for head in range(states) for label in range(1, len(LABELS))]
    groups = draw(st.lists(st.sampled_from(every), min_size=1, max_size=5, unique=True))
    arcs = [(tail, *group) for tail in range(states) for group in groups]
    arcs += draw(st.lists(st.sampled_from(arcs), max_size=3))
    src, dst, label = (np.array(column) for column in zip(*draw(st.permutations(arcs))))
    ends = st.lists(small | st.just(np.inf), min_size=states, max_size=states)
    energy = draw(st.lists(small, min_size=len(arcs), max_size=len(arcs)))
    return Graph(src, dst, label, label, np.array(energy), draw(ends), draw(ends), LABELS)


@given(problems(), complete_grammars(), BETAS)
def test_the_scaled_sums_are_the_ones_that_are_built(problem, grammar, beta) -> None:
    emissions, lengths, _ = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "_ENTRIES_PER_ARC", 1000)
        assert_same((emissions, lengths, grammar), LogSemiring(beta))
        step, table = dense.dense_step(grammar, COLUMNS, LogSemiring(beta)), RaggedBatch.of(lengths)
    assert (scaled_sweep(emissions, table, grammar, step) is None) == np.isposinf(grammar.start).all()


@given(problems(), complete_grammars())
def test_a_step_far_from_underflow_only_is_scaled(problem, grammar) -> None:
    """Emissions some thousand nats apart: the scaled sums stand back, and the totals stay right."""
    emissions, lengths, _ = problem
    far = np.round(emissions) * 500.0 + np.arange(CLASSES) * 700.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "_ENTRIES_PER_ARC", 1000)
        assert_same((far, lengths, grammar), LogSemiring(1.0))


@given(problems())
def test_best_paths_are_those_of_the_built_product(problem) -> None:
    emissions, lengths, grammar = problem
    totals = built(emissions, lengths, grammar, TROPICAL, np.ones(len(lengths)))[0]
    row = 0
    for length, total, path in zip(lengths, totals, product_best(emissions, lengths, grammar, COLUMNS)):
        if path is None:
            assert np.isposinf(total)
        else:
            arcs = list(path.arcs)
            assert len(arcs) == length
            assert path.energy == pytest.approx(total, abs=1e-12)
            assert (grammar.dst[arcs[:-1]] == grammar.src[arcs[1:]]).all()
            paid = grammar.energy[arcs].sum() + emissions[row + np.arange(length), COLUMNS[grammar.ilabel[arcs]]].sum()
            if arcs:
                paid += grammar.start[grammar.src[arcs[0]]] + grammar.final[grammar.dst[arcs[-1]]]
                assert paid == pytest.approx(total, abs=1e-9)
        row += length


def test_blocks_of_records_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 6, 30)
    emissions = rng.normal(size=(lengths.sum(), CLASSES))
    label = [1, 2, 3, 1]
    grammar = Graph([0, 0, 1, 1], [0, 1, 0, 1], label, label, rng.normal(size=4), [0, 1], [0.5, 0], LABELS)
    whole = product_sweep(emissions, lengths, grammar, COLUMNS, LogSemiring(1.0)).pullback()
    monkeypatch.setattr(dense, "_ENTRIES_PER_ARC", 0)
    monkeypatch.setattr(steps, "_BLOCK", 8)
    blocks = product_sweep(emissions, lengths, grammar, COLUMNS, LogSemiring(1.0)).pullback()
    np.testing.assert_allclose(blocks.emissions, whole.emissions, atol=1e-12)
    np.testing.assert_allclose(blocks.arcs, whole.arcs, atol=1e-12)


def test_epsilon_on_the_input_side_cannot_be_walked() -> None:
    def loop(label: int) -> Graph:
        return Graph([0], [0], [label], [1], [0.0], [0.0], [0.0], LABELS)

    assert can_walk(loop(1))
    assert not can_walk(loop(0))


def test_sums_beyond_float64_are_refused() -> None:
    grammar = Graph([0], [0], [1], [1], [-1e308], [0.0], [0.0], LABELS)
    with pytest.raises(NumericOverflow):
        product_sweep(np.full((3, CLASSES), -1e308), np.array([3]), grammar, COLUMNS, LogSemiring(1.0))

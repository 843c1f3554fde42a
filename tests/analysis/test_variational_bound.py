"""Variational bounds against enumeration, the golden numbers, and differences."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.commands import CUT, LECTURE, ROOT, WORDS, run
from support.oracle import all_paths, soft_minimum
from support.strategies import BETAS, connected_graphs, lecture_34, positive_energies, small

from lattice_cli.analysis import bound, gibbs, log_weights, require_same_paths, sampled
from lattice_cli.analysis.variational_bound import weighted, weighted_exactly
from lattice_cli.errors import Diverged, NoPath, UsageError
from lattice_cli.graph import Graph, columns_of, with_columns
from lattice_cli.learning.variational.proposal_fit import TIED, fit, gradient, score_variances, tied
from lattice_cli.sweep import schedule_of

LOOP = str(ROOT / "samples" / "self-loop.yaml")

#: beta of q -> (expected energy, entropy, bound, gap) at beta 1, by enumeration.
GOLDEN = {
    0.0: (3.4624999999999995, 2.772588722239781, 0.6899112777602183, 1.3014309004330173),
    0.5: (2.047553773333891, 2.4424596113462664, -0.39490583801237555, 0.21661378466042358),
    1.0: (1.282663209998058, 1.8941828326708572, -0.6115196226727992, 0.0),
    2.0: (0.8235140476304544, 1.2682790069127405, -0.4447649592822861, 0.16675466339051304),
}
WEIGHTED = {
    0.0: (0.6899112777602188, 0.1265893046944065, -0.10824149052866845, -0.2366099662929978),
    0.5: (-0.39490583801237567, -0.5171113164994205, -0.5531896313430026, -0.5696118917871275),
}


def other_energies(graph: Graph, seed: int) -> Graph:
    """The same graph at other energies everywhere."""
    columns = columns_of(graph)
    drawn = np.random.default_rng(seed).normal(size=len(columns))
    return with_columns(graph, np.where(np.isfinite(columns), drawn, np.inf))


@pytest.mark.parametrize("temperature", GOLDEN)
def test_golden_bounds(temperature: float) -> None:
    graph = lecture_34()
    found = bound(graph, gibbs(graph, temperature), 1.0)
    mine = (found.expected_energy, found.entropy, found.bound, found.gap)
    assert mine == pytest.approx(GOLDEN[temperature], abs=1e-12)


@pytest.mark.parametrize("temperature", WEIGHTED)
def test_golden_importance_weighted_bounds(temperature: float) -> None:
    graph = lecture_34()
    q = gibbs(graph, temperature)
    for k, golden in enumerate(WEIGHTED[temperature], 1):
        exact = weighted_exactly(graph, q, 1.0, k)
        assert exact is not None
        assert exact.bound == pytest.approx(golden, abs=1e-12)
    weights = log_weights(graph, q, 1.0, 20_000, np.random.default_rng(1))
    for k, golden in enumerate(WEIGHTED[temperature], 1):
        estimate = weighted(weights, 1.0, k)
        assert estimate.standard_error is not None
        assert abs(estimate.bound - golden) < 5 * estimate.standard_error < 0.1


@given(connected_graphs(energies=small), st.integers(0, 100), BETAS)
def test_bounds_are_those_of_all_paths(graph: Graph, seed: int, beta: float) -> None:
    q = other_energies(graph, seed)
    ours, theirs = all_paths(graph), all_paths(q)
    normaliser = soft_minimum([path.energy for path in theirs], 1.0)
    log_q = [normaliser - path.energy for path in theirs]
    mean = math.fsum(math.exp(each) * path.energy for each, path in zip(log_q, ours))
    entropy = -math.fsum(math.exp(each) * each for each in log_q)
    found = bound(graph, q, beta)
    assert found.expected_energy == pytest.approx(mean, abs=1e-9)
    assert found.entropy == pytest.approx(entropy, abs=1e-9)
    assert found.bound == pytest.approx(mean - entropy / beta, abs=1e-8)
    assert found.gap == pytest.approx(found.bound - found.free_energy, abs=1e-8)
    assert found.gap >= 0
    if len(ours) ** 2 < 500:
        pairs = itertools.product(range(len(ours)), repeat=2)
        weight = [-beta * path.energy - each for path, each in zip(ours, log_q)]
        expected = math.fsum(
            math.exp(log_q[i] + log_q[j]) * -(np.logaddexp(weight[i], weight[j]) - math.log(2)) / beta for i, j in pairs
        )
        exact = weighted_exactly(graph, q, beta, 2)
        assert exact is not None
        assert exact.bound == pytest.approx(expected, abs=1e-8)
        assert found.free_energy - 1e-9 <= exact.bound <= found.bound + 1e-9


@settings(max_examples=30)
@given(connected_graphs(energies=positive_energies, cyclic=True), st.integers(0, 100))
def test_the_gradient_is_that_of_the_bound(graph: Graph, seed: int) -> None:
    """On graphs with cycles too: by every energy of q, starts and finals included."""
    rng = np.random.default_rng(seed)
    q = gibbs(graph, 1.0)
    columns = columns_of(q)
    along = np.where(np.isfinite(columns), rng.normal(size=len(columns)), 0.0)
    shifted = np.where(np.isfinite(columns), columns + 1.5 + 0.3 * rng.random(len(columns)), np.inf)
    at = with_columns(q, shifted)
    try:
        found = gradient(graph, at, 1.3, schedule_of(graph)) @ along
        bound(graph, at, 1.3)
    except Diverged:
        assume(False)
    plus, minus = (bound(graph, with_columns(q, shifted + sign * 1e-5 * along), 1.3).bound for sign in (1, -1))
    assert found == pytest.approx((plus - minus) / 2e-5, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("tie", TIED)
def test_q_that_is_free_reaches_the_free_energy_and_tied_it_does_not(tie: str) -> None:
    graph = lecture_34()
    rows = [row for row, _ in fit(graph, gibbs(graph, 0.0), 1.0, tie, 300, 50, 0, np.random.default_rng(0))]
    assert rows[-1].gradient < 1e-7
    bounds = [row.bound.bound for row in rows]
    assert bounds == sorted(bounds, reverse=True)
    if tie in ("label", "level"):
        assert rows[-1].bound.gap > 0.1
    else:
        assert rows[-1].bound.gap < 1e-9


def test_the_score_function_estimate_is_unbiased_and_the_control_variate_helps() -> None:
    graph = lecture_34()
    q = other_energies(graph, 3)
    energies = tied(q, schedule_of(q), "arc")
    plain, controlled = score_variances(graph, q, 1.0, energies, 4000, np.random.default_rng(0))
    assert 0 < controlled < 0.8 * plain


def test_samples_estimate_the_bound_and_their_worth() -> None:
    graph = lecture_34()
    q = gibbs(graph, 0.5)
    estimate = sampled(log_weights(graph, q, 1.0, 4000, np.random.default_rng(2)), 1.0)
    assert abs(estimate.bound - GOLDEN[0.5][2]) < 5 * estimate.standard_error < 0.1
    assert 1000 < estimate.effective < 4000
    perfect = sampled(log_weights(graph, gibbs(graph, 1.0), 1.0, 100, np.random.default_rng(2)), 1.0)
    assert perfect.effective == pytest.approx(100)
    assert perfect.bound == pytest.approx(GOLDEN[1.0][2])


def test_a_proposal_has_to_have_the_same_arcs() -> None:
    graph = lecture_34()
    fewer = Graph(
        graph.src[1:], graph.dst[1:], graph.ilabel[1:], graph.olabel[1:], graph.energy[1:], graph.start, graph.final,
        graph.labels,
    )  # fmt: skip
    with pytest.raises(UsageError, match="9 arcs, but the graph has 10"):
        require_same_paths(graph, fewer)
    turned = replace(graph, ilabel=graph.ilabel[::-1])
    with pytest.raises(UsageError, match="arc 0 of the proposal"):
        require_same_paths(graph, turned)
    with pytest.raises(UsageError, match="other final nodes"):
        require_same_paths(graph, replace(graph, final=graph.start))
    empty = Graph([], [], [], [], [], [0.0, np.inf], [np.inf, 0.0])
    with pytest.raises(NoPath):
        bound(empty, empty, 1.0)


def told(*arguments: str) -> dict[str, Any]:
    done = run("bound", *arguments, "--json")
    assert done.status == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_the_command_line() -> None:
    found = told(LECTURE, "--proposal", "gibbs:0.5", "--samples", "500", "--importance", "1,4")
    assert found["bound"] == pytest.approx(GOLDEN[0.5][2])
    assert found["gap"] == pytest.approx(GOLDEN[0.5][3])
    four = {"k": 4, "bound": pytest.approx(WEIGHTED[0.5][3]), "exact": True, "standard_error": None}
    assert found["importance"][1] == four
    assert found["sampled"]["samples"] == 500
    assert told(LECTURE, "--proposal", LECTURE)["gap"] == pytest.approx(0, abs=1e-12)
    fitted = told(LECTURE, "--fit", "100", "--tie", "label", "--samples", "50")
    assert fitted["fit"][-1]["gap"] == pytest.approx(0.3337037794)
    assert told(CUT, "-g", WORDS, "--fit", "50")["gap"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([LECTURE, "--proposal", "gibbs:-1"], 2),
        ([LECTURE, "--proposal", CUT], 2),
        ([LECTURE, "--proposal", "nowhere.json"], 3),
        ([LECTURE, "--importance", "0"], 2),
        ([LECTURE, "--importance", "50"], 2),
        ([LOOP], 4),
    ],
)
def test_what_cannot_be_bounded_is_said(arguments: list[str], status: int) -> None:
    assert run("bound", *arguments).status == status

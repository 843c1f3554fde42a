"""Free energy, expected energy, entropy and variance of the distribution over paths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import oracle, strategies
from support.strategies import BETAS, connected_graphs, graphs, lecture_34

from lattice_cli.errors import Diverged
from lattice_cli.graph import Graph, emission_graph, union
from lattice_cli.sweep import Statistics
from lattice_cli.sweep.statistics import statistics

INF = math.inf
NAMES = ("free_energy", "best_energy", "expected_energy", "entropy", "variance")


def close(found: Statistics, wanted: dict[str, float], within: float) -> None:
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(wanted[name], abs=within, rel=within), name


def listed(graph: Graph, beta: float) -> dict[str, float]:
    paths = oracle.all_paths(graph)
    return {
        "free_energy": oracle.free_energy(paths, beta),
        "best_energy": min(path.energy for path in paths),
        "expected_energy": oracle.expected_energy(paths, beta),
        "entropy": oracle.entropy(paths, beta),
        "variance": oracle.variance(paths, beta),
    }


@given(connected_graphs(energies=strategies.moderate_energies), BETAS)
def test_statistics_of_the_listed_paths(graph: Graph, beta: float) -> None:
    found = statistics(graph, beta)
    assert len(found) == 1
    close(found[0], listed(graph, beta), 1e-9)


@given(connected_graphs(), BETAS)
def test_large_energies_do_not_cancel(graph: Graph, beta: float) -> None:
    """The variance of energies near a million is known to about the rounding of a million, not of its square."""
    wanted = listed(graph, beta)
    found = statistics(graph, beta)[0]
    ends = [*graph.start[graph.starts].tolist(), *graph.final[graph.finals].tolist()]
    size = 1 + math.fsum(map(abs, [*graph.energy.tolist(), *ends]))
    rounding = 1e-9 + 64 * 2.3e-16 * size * (1 + beta)
    for name in ("free_energy", "best_energy"):
        assert getattr(found, name) == pytest.approx(wanted[name], abs=1e-9 + rounding), name
    assert found.entropy == pytest.approx(wanted["entropy"], abs=rounding * (1 + wanted["entropy"]) * 10)
    spread = math.sqrt(wanted["variance"])
    assert found.expected_energy == pytest.approx(wanted["expected_energy"], abs=rounding * (1 + spread) * 10)
    assert found.variance == pytest.approx(wanted["variance"], rel=1e-6, abs=rounding * (1 + spread) ** 2 * 100)


@given(graphs(energies=strategies.moderate_energies), BETAS)
def test_laws_that_bind_the_statistics(graph: Graph, beta: float) -> None:
    found = statistics(graph, beta)[0]
    count = len(oracle.all_paths(graph))
    if not count:
        assert (found.free_energy, found.best_energy) == (INF, INF)
        return
    assert found.free_energy <= found.best_energy + 1e-12
    assert found.best_energy <= found.expected_energy + 1e-9
    assert found.free_energy >= found.best_energy - math.log(count) / beta - 1e-9
    assert -1e-12 <= found.entropy <= math.log(count) + 1e-9
    assert found.variance >= 0
    assert found.expected_energy - found.entropy / beta == pytest.approx(found.free_energy, abs=1e-9)


@given(connected_graphs(energies=strategies.moderate_energies), st.sampled_from([0.5, 1.0, 2.0]))
def test_they_are_the_derivatives_of_the_free_energy_by_beta(graph: Graph, beta: float) -> None:
    """d(beta F)/d beta = <E>, and d<E>/d beta = -variance."""
    step = 1e-4
    low, here, high = (statistics(graph, value)[0] for value in (beta - step, beta, beta + step))
    slope = ((beta + step) * high.free_energy - (beta - step) * low.free_energy) / (2 * step)
    assert here.expected_energy == pytest.approx(slope, abs=1e-5)
    assert here.variance == pytest.approx((low.expected_energy - high.expected_energy) / (2 * step), abs=1e-4)


@given(st.lists(graphs(max_nodes=5, max_arcs=8), min_size=2, max_size=4), BETAS)
def test_a_union_has_the_statistics_of_its_members(members: list[Graph], beta: float) -> None:
    found = statistics(union(members), beta)
    assert len(found) == len(members)
    for member, one in zip(members, found, strict=True):
        alone = statistics(member, beta)[0]
        for name in NAMES:
            assert getattr(one, name) == pytest.approx(getattr(alone, name), rel=1e-12, abs=1e-12, nan_ok=True)


@given(
    connected_graphs(
        energies=st.one_of(strategies.positive_energies, strategies.moderate_energies), cyclic=True, max_arcs=4
    ),
    st.sampled_from([1.0, 2.0, 4.0]),
)
@settings(max_examples=120)
def test_statistics_of_cyclic_graphs_are_exact_or_refused(graph: Graph, beta: float) -> None:
    pivot = oracle.smallest_pivot(graph, beta)
    assume(pivot < -1e-6 or pivot > 1e-3)
    sums = oracle.cyclic_sums(graph, beta)
    if sums is None:
        with pytest.raises(Diverged):
            statistics(graph, beta)
        return
    found = statistics(graph, beta)[0]
    within = 1e-9 / pivot
    assert found.free_energy == pytest.approx(sums.free_energy(), abs=within)
    assert found.best_energy == pytest.approx(min(path.energy for path in oracle.simple_paths(graph)), abs=1e-12)
    assert found.expected_energy == pytest.approx(sums.expected_energy(), rel=within, abs=within)
    assert found.entropy == pytest.approx(sums.entropy(), rel=within, abs=within)
    assert found.variance == pytest.approx(sums.variance(), rel=within, abs=within)


def test_a_single_path_has_no_entropy_and_no_variance() -> None:
    graph = strategies.acceptor([(0, 1, "a", 0.1), (1, 2, "b", 1e6), (2, 3, "c", 1e-3)], 0, 3)
    found = statistics(graph, 1.0)[0]
    assert found.entropy == 0.0
    assert found.variance == pytest.approx(0.0, abs=1e-18)
    assert found.free_energy == found.best_energy == found.expected_energy == pytest.approx(1000000.101, rel=1e-15)


def test_no_path_at_all() -> None:
    found = statistics(union([Graph([], [], [], [], [], [], []), lecture_34()]), 1.0)
    assert (found[0].free_energy, found[0].best_energy) == (INF, INF)
    assert found[1].best_energy == pytest.approx(0.6, rel=1e-12)


def test_a_uniform_distribution() -> None:
    graph = emission_graph(np.full((20, 8), 0.5), ("", *"abcdefgh"))
    found = statistics(graph, 2.0)[0]
    assert found.entropy == pytest.approx(20 * math.log(8), rel=1e-12)
    assert found.expected_energy == pytest.approx(10.0, rel=1e-12)
    assert found.variance == pytest.approx(0.0, abs=1e-20)
    assert found.free_energy == pytest.approx(10.0 - 20 * math.log(8) / 2, rel=1e-12)


def test_the_walks_of_a_loop_are_geometric() -> None:
    graph = strategies.acceptor([(0, 0, "a", 0.1), (0, 1, "b", 0.5)], 0, 1)
    found = statistics(graph, 1.0)[0]
    ratio = math.exp(-0.1)
    turns, variance = ratio / (1 - ratio), ratio / (1 - ratio) ** 2
    assert found.free_energy == pytest.approx(-1.8521684610440903, rel=1e-12)
    assert found.best_energy == 0.5
    assert found.expected_energy == pytest.approx(0.5 + 0.1 * turns, rel=1e-12)
    assert found.variance == pytest.approx(0.01 * variance, rel=1e-10)
    assert found.entropy == pytest.approx(-math.log(1 - ratio) - turns * math.log(ratio), rel=1e-10)


@pytest.mark.parametrize("loop", [0.0, -0.1])
def test_a_diverging_sum_has_no_statistics(loop: float) -> None:
    graph = strategies.acceptor([(0, 0, "a", loop), (0, 1, "b", 0.5)], 0, 1)
    with pytest.raises(Diverged):
        statistics(graph, 1.0)


LECTURE_34 = {
    0.5: (-2.837365449358642, 2.0475537733338913, 2.4424596113462664, 2.186876720294581),
    1.0: (-0.6115196226727991, 1.2826632099980577, 1.8941828326708565, 0.9769181419375081),
    2.0: (0.18937454417408411, 0.8235140476304547, 1.2682790069127408, 0.18160827236195776),
    10.0: (0.5685981739471373, 0.6274212341261912, 0.588230601790541, 0.0023348868455763828),
}


@pytest.mark.parametrize("beta", sorted(LECTURE_34))
def test_lecture_34(beta: float) -> None:
    free, expected, entropy, variance = LECTURE_34[beta]
    found = statistics(lecture_34(), beta)[0]
    assert found.free_energy == pytest.approx(free, rel=1e-12)
    assert found.best_energy == pytest.approx(0.6, rel=1e-12)
    assert found.expected_energy == pytest.approx(expected, rel=1e-12)
    assert found.entropy == pytest.approx(entropy, rel=1e-12)
    assert found.variance == pytest.approx(variance, rel=1e-10)

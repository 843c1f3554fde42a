"""Compiled loops against numpy's, where numba is installed."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import ROOT, strategies
from support.products import Problem, problems
from support.strategies import BETAS, graphs, hidden_order
from support.sweeps import chain, gradient_tolerance, magnitude

from lattice_cli.emissions.product_sweep import product_sweep
from lattice_cli.graph import Graph, in_numbered_order, union
from lattice_cli.search import best_paths, n_best
from lattice_cli.sweep import TROPICAL, LevelPass, LogSemiring, Semiring, Sweep, schedule_of, sweep
from lattice_cli.sweep import compiled as compiled_schedule
from lattice_cli.sweep import compiled as kernels

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")


def numbered(graph: Graph, downwards: bool) -> Graph:
    """The same graph with its nodes in an order in which every arc goes up, or down."""
    order = np.array(hidden_order(graph), dtype=np.intp)
    position = np.empty(graph.nodes, dtype=np.intp)
    position[order] = np.arange(graph.nodes)[:: -1 if downwards else 1]
    by_position = np.argsort(position)
    return Graph(
        position[graph.src],
        position[graph.dst],
        graph.ilabel,
        graph.olabel,
        graph.energy,
        graph.start[by_position],
        graph.final[by_position],
        graph.labels,
    )


def both(graph: Graph, semiring: Semiring, wide: bool = False) -> tuple[Sweep, Sweep]:
    """The sweep by numpy and that by compiled loops; wide: by numpy over a schedule made by compiled loops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lattice_cli.sweep.scheduling.parallel_runs", lambda graph: None)
        patch.setattr(compiled_schedule, "_WIDE", 0 if wide else 10**6)
        patch.setenv("LATTICE_COMPILED", "0")
        plain = sweep(graph, semiring)
        assert plain.schedule.kernels is None
        patch.setenv("LATTICE_COMPILED", "1")
        fast = sweep(graph, semiring)
        assert fast.schedule.kernels is not None
        assert (type(fast.schedule.level_pass) is LevelPass) == (wide and bool((fast.schedule.sink >= 0).any()))
    return plain, fast


def assert_same(graph: Graph, semiring: Semiring, tolerance: float) -> None:
    for wide in (False, True):
        assert_equal(*both(graph, semiring, wide), tolerance)


def assert_equal(plain: Sweep, fast: Sweep, tolerance: float) -> None:
    graph = plain.graph
    size = 1e-12 * magnitude(graph) if tolerance else 0.0
    for name in ("totals", "node_totals"):
        np.testing.assert_allclose(getattr(fast, name), getattr(plain, name), rtol=size and 1e-12, atol=size)
    seed = np.linspace(-1, 2, graph.graphs)
    one, two = fast.pullback(seed), plain.pullback(seed)
    for name in ("arcs", "nodes", "start", "final"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=0, atol=tolerance)
    direction = np.cos(np.arange(graph.arcs))
    np.testing.assert_allclose(
        fast.pushforward(arcs=direction), plain.pushforward(arcs=direction), rtol=0, atol=tolerance * (1 + graph.arcs)
    )


@needs_numba
@given(graphs(max_nodes=9, max_arcs=16), BETAS, st.booleans())
def test_sums_are_those_of_numpy(graph: Graph, beta: float, downwards: bool) -> None:
    graph = numbered(graph, downwards)
    assert_same(graph, LogSemiring(beta), gradient_tolerance(graph, beta))


@needs_numba
@given(graphs(energies=strategies.halves, max_nodes=9, max_arcs=16), st.booleans())
def test_minima_and_their_ties_are_those_of_numpy(graph: Graph, downwards: bool) -> None:
    assert_same(numbered(graph, downwards), TROPICAL, 0.0)


def numbered_union(members: list[Graph]) -> Graph:
    graph = union([numbered(member, False) for member in members])
    assume(in_numbered_order(graph.src, graph.dst))
    return graph


@needs_numba
@given(st.lists(graphs(max_nodes=6, max_arcs=10), min_size=2, max_size=4), BETAS)
def test_sums_of_unions_are_those_of_numpy(members: list[Graph], beta: float) -> None:
    tolerance = max(gradient_tolerance(member, beta) for member in members)
    assert_same(numbered_union(members), LogSemiring(beta), tolerance)


# Which of two paths is the best where rounding alone tells them apart depends on the order of addition: bundles compare
# parallel arcs before the node's total is added. Minima are compared where every sum is exact.
@needs_numba
@given(st.lists(graphs(energies=strategies.halves, max_nodes=6, max_arcs=10), min_size=2, max_size=4))
def test_minima_of_unions_are_those_of_numpy(members: list[Graph]) -> None:
    assert_same(numbered_union(members), TROPICAL, 0.0)


@needs_numba
@given(graphs(energies=strategies.halves, max_nodes=8, max_arcs=16), st.booleans(), st.booleans())
def test_best_paths_are_those_of_numpy(graph: Graph, downwards: bool, wide: bool) -> None:
    graph = numbered(graph, downwards)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_schedule, "_WIDE", 0 if wide else 10**6)
        patch.setenv("LATTICE_COMPILED", "0")
        plain = best_paths(graph), n_best(graph, 5)
        patch.setenv("LATTICE_COMPILED", "1")
        assert (best_paths(graph), n_best(graph, 5)) == plain


@needs_numba
@given(problems(), BETAS)
def test_the_soft_product_is_that_of_numpy(problem: Problem, beta: float) -> None:
    assert_same_product(problem, LogSemiring(beta))


@needs_numba
@given(problems(strategies.halves))
def test_the_hard_product_and_its_ties_are_those_of_numpy(problem: Problem) -> None:
    assert_same_product(problem, TROPICAL)


def assert_same_product(problem: Problem, semiring: Semiring) -> None:
    emissions, lengths, grammar = problem
    columns = np.array([-1, 2, 1, 0])
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for switch in "01":
            patch.setenv("LATTICE_COMPILED", switch)
            swept = product_sweep(emissions, lengths, grammar, columns, semiring)
            back = swept.pullback(np.linspace(-1.0, 2.0, len(lengths)))
            found.append((swept.totals, back.emissions, back.arcs, back.start, back.final))
    for one, two in zip(*found):
        np.testing.assert_allclose(two, one, rtol=1e-12, atol=1e-12)


@needs_numba
def test_graphs_out_of_order_and_cycles_are_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATTICE_COMPILED", "1")
    rng = np.random.default_rng(0)
    graph = chain(random.Random(0), 30, 3, 1)
    shuffled = rng.permutation(graph.nodes)
    mixed = Graph(
        shuffled[graph.src],
        shuffled[graph.dst],
        graph.ilabel,
        graph.olabel,
        graph.energy,
        graph.start[np.argsort(shuffled)],
        graph.final[np.argsort(shuffled)],
        graph.labels,
    )
    assert schedule_of(graph).kernels is not None
    assert schedule_of(mixed).kernels is None
    np.testing.assert_allclose(sweep(mixed, LogSemiring(1)).totals, sweep(graph, LogSemiring(1)).totals, rtol=1e-12)


@needs_numba
def test_emission_matrices_are_left_to_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATTICE_COMPILED", "1")
    steps = np.repeat(np.arange(100), 30)
    none = np.full(101, np.inf)
    start, final = none.copy(), none.copy()
    start[0] = final[100] = 0.0
    matrix = Graph(steps, steps + 1, steps % 2, steps % 2, np.cos(np.arange(3000.0)), start, final, ("", "a"))
    assert schedule_of(matrix).kernels is None
    assert schedule_of(matrix).is_row


def test_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being asked for, loops are for large graphs alone; a union might have been cut in another way."""
    graph = chain(random.Random(0), 30, 3, 1)
    monkeypatch.delenv("LATTICE_COMPILED", raising=False)
    assert kernels.kernels_for(graph) is None
    monkeypatch.setattr(kernels, "LARGE", 10)
    assert (kernels.kernels_for(graph) is not None) == (importlib.util.find_spec("numba") is not None)
    assert kernels.kernels_for(union([graph, graph])) is None
    monkeypatch.setattr(kernels, "LARGE", 10 * graph.arcs)
    assert kernels.kernels_for(graph, walks=9) is None
    assert (kernels.kernels_for(graph, walks=10) is None) == (importlib.util.find_spec("numba") is None)
    monkeypatch.setenv("LATTICE_COMPILED", "0")
    assert kernels.kernels_for(graph) is None


def test_small_commands_do_not_load_numba() -> None:
    script = (
        "import sys; from lattice_cli.cli.main import cli; "
        "cli.main(['viterbi', 'samples/lecture-34.json'], standalone_mode=False); "
        "print({'numba', 'yaml', 'multiprocessing', 'difflib'} & set(sys.modules))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LATTICE_COMPILED"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr


def test_help_loads_neither_numpy_nor_rich() -> None:
    script = (
        "import sys\nfrom lattice_cli.cli.main import cli\n"
        "for arguments in (['--help'], ['viterbi', '--help']):\n"
        "    cli.main(arguments, standalone_mode=False)\n"
        "print({'numpy', 'rich', 'yaml', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr

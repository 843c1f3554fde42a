"""Lanes and the other fast ways through the engine, against the plain sweep."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import strategies
from support.strategies import BETAS, graphs
from support.sweeps import assert_union_is_bitwise, chain, gradient_tolerance, magnitude

from lattice_cli.arrays import Runs, ScatteredSegments, follow, pointers, sorting, stable_order
from lattice_cli.graph import Graph, emission_graph, union
from lattice_cli.search import best_paths, n_best
from lattice_cli.sweep import TROPICAL, LogSemiring, Semiring, schedule_of, sweep
from lattice_cli.sweep import chunking as chunks
from lattice_cli.sweep.passes import ChainPass


@contextmanager
def lanes_from(levels: float) -> Iterator[None]:
    """Lanes for all acyclic members with so many levels, however wide; inf for the plain sweep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "_LONG", levels)
        patch.setattr(chunks, "_NARROW", 10**6)
        patch.setattr(chunks, "_MOST_COPIES", 10**9)
        yield


def assert_as_the_plain_sweep(graph: Graph, semiring: Semiring, tolerance: float) -> None:
    """Totals to 1e-12 of the largest number on a path, derivatives to the tolerance."""
    with lanes_from(np.inf):
        plain_plan = schedule_of(graph)
        assert plain_plan.chunked_scan is None
        plain = sweep(graph, semiring, plain_plan)
    with lanes_from(1):
        schedule = schedule_of(graph)
        swept_apart = schedule.chunked_scan is not None or isinstance(schedule.level_pass, ChainPass)
        assert swept_apart or not (schedule.link_id < graph.arcs).any()
        fast = sweep(graph, semiring, schedule)
    size = 1e-12 * magnitude(graph)
    for name in ("totals", "node_totals"):
        np.testing.assert_allclose(getattr(fast, name), getattr(plain, name), rtol=1e-12, atol=size)
    seed = np.linspace(-1, 2, graph.graphs)
    one, two = fast.pullback(seed), plain.pullback(seed)
    for name in ("arcs", "nodes", "start", "final"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=0, atol=tolerance)
    direction = np.cos(np.arange(graph.arcs))
    rounding = (tolerance or 1e-15) * (1 + graph.arcs)
    np.testing.assert_allclose(
        fast.pushforward(arcs=direction), plain.pushforward(arcs=direction), rtol=0, atol=rounding
    )


@given(graphs(max_nodes=9, max_arcs=16), BETAS)
def test_lanes_find_what_the_plain_sweep_finds(graph: Graph, beta: float) -> None:
    assert_as_the_plain_sweep(graph, LogSemiring(beta), gradient_tolerance(graph, beta))


@given(graphs(energies=strategies.halves, max_nodes=9, max_arcs=16))
def test_lanes_break_ties_as_the_plain_sweep_does(graph: Graph) -> None:
    """Sums of halves are exact, so here the path must be the same, whichever way the sums are taken."""
    assert_as_the_plain_sweep(graph, TROPICAL, 0.0)


@given(st.lists(graphs(max_nodes=6, max_arcs=10), min_size=2, max_size=4), BETAS)
def test_a_union_with_lanes_is_its_members_to_the_last_bit(members: list[Graph], beta: float) -> None:
    for levels in (1, 3):
        with lanes_from(levels):
            assert_union_is_bitwise(members, beta)


@given(
    st.lists(
        st.one_of(
            graphs(energies=strategies.positive_energies, max_nodes=6, max_arcs=10),
            graphs(energies=strategies.positive_energies, max_nodes=3, max_arcs=3, cyclic=True),
        ),
        min_size=2,
        max_size=4,
    )
)
@settings(max_examples=40)
def test_members_with_cycles_stand_next_to_lanes(members: list[Graph]) -> None:
    with lanes_from(3):
        assert_union_is_bitwise(members, 20.0)


@pytest.mark.parametrize(
    ("levels", "width", "skip"), [(150, 1, 1), (400, 3, 1), (700, 2, 2), (1500, 3, 1), (600, 4, 3), (900, 1, 40)]
)
def test_long_graphs_in_lanes(levels: int, width: int, skip: int) -> None:
    rng = random.Random(levels + width)
    members = [chain(rng, levels, width, skip), chain(rng, levels // 2, width, 1), strategies.lecture_34()]
    for graph in (members[0], union(members)):
        for beta in (0.7, 3.0):
            assert_as_the_plain_sweep(graph, LogSemiring(beta), 1e-9)
        assert_as_the_plain_sweep(graph, TROPICAL, 1e-9)


def test_size_decides_about_lanes() -> None:
    rng = random.Random(3)
    assert schedule_of(chain(rng, 400, 3, 1)).chunked_scan is not None
    assert schedule_of(chain(rng, 20, 3, 1)).chunked_scan is None
    assert schedule_of(chain(rng, 150, 30, 1)).chunked_scan is None
    rows = emission_graph(np.zeros((500, 4)), ("", *"abcd"))
    assert schedule_of(rows).is_row
    together = schedule_of(union([rows, chain(rng, 400, 3, 1), rows]))
    assert isinstance(together.level_pass, ChainPass)
    assert len(together.level_pass.rows) == 2
    assert together.chunked_scan is not None


def row(rng: np.random.Generator, values: int, parallel: int, downwards: bool = False) -> Graph:
    """Nodes one behind the other with so many arcs from each to the next, numbered upwards or downwards."""
    made = emission_graph(rng.choice([0.0, 0.5, 1.25, 3.0], (values, parallel)), ("", *"abcdefgh"[:parallel]))
    made = replace(made, start=np.where(np.isfinite(made.start), 0.75, np.inf))
    if not downwards:
        return made
    order = np.arange(made.nodes)[::-1]
    return replace(made, src=order[made.src], dst=order[made.dst], start=made.start[order], final=made.final[order])


@given(st.integers(0, 99), st.integers(1, 40), st.sampled_from([1, 2, 5]), st.booleans(), BETAS)
def test_rows_find_what_the_plain_sweep_finds_to_the_last_bit(
    seed: int, values: int, parallel: int, downwards: bool, beta: float
) -> None:
    graph = row(np.random.default_rng(seed), values, parallel, downwards)
    for semiring in (TROPICAL, LogSemiring(beta)):
        with lanes_from(np.inf):
            plain = sweep(graph, semiring, schedule_of(graph))
        with lanes_from(1):
            schedule = schedule_of(graph)
            # With a start and a final link; a few parallel ones are not worth a bundle.
            assert schedule.is_row == (parallel == 1 or values + 2 <= 0.75 * (parallel * values + 2))
            if not schedule.is_row:
                continue
            fast = sweep(graph, semiring, schedule)
        assert fast.totals.tolist() == plain.totals.tolist()
        assert fast.node_totals.tolist() == plain.node_totals.tolist()
        for name in ("arcs", "nodes", "start", "final"):
            assert getattr(fast.pullback(), name).tolist() == getattr(plain.pullback(), name).tolist()
        direction = np.sin(np.arange(graph.arcs))
        assert fast.pushforward(arcs=direction).tolist() == plain.pushforward(arcs=direction).tolist()


@pytest.mark.parametrize("beta", [0.4, 2.0])
def test_rows_in_a_union_are_as_alone(beta: float) -> None:
    rng = np.random.default_rng(5)
    members = [row(rng, 80, 4), chain(random.Random(2), 200, 3, 1), row(rng, 70, 1, True), strategies.lecture_34()]
    members += [row(rng, 10, 4), row(rng, 90, 2), row(rng, 64, 3)]
    assert_union_is_bitwise(members, beta)
    assert best_paths(union(members)) == [best_paths(member)[0] for member in members]
    for member in members:
        found = n_best(member, 4)
        assert found[0] == best_paths(member)[0]
        assert [path.energy for path in found] == sorted(path.energy for path in found)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.integers(0, 3), st.integers(1, 3))
def test_a_way_is_followed_to_its_end(draws: list[int], stroll: int, strides: int) -> None:
    after = np.array([0, *(draw % (place + 1) for place, draw in enumerate(draws))])
    for begin in range(len(after)):
        wanted, place = [], begin
        while place:
            wanted.append(place)
            place = int(after[place])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pointers, "_STROLL", stroll)
            patch.setattr(pointers, "_STRIDES", strides)
            assert follow(after, begin).tolist() == wanted


def test_lanes_are_refused_where_arcs_lead_everywhere() -> None:
    """Every node a start and final node, and each entered from far away: nearly all nodes would be entries."""
    nodes = 300
    rng = np.random.default_rng(0)
    far = rng.integers(0, nodes, (8 * nodes, 2))
    far = np.sort(far[far[:, 0] != far[:, 1]], axis=1)
    src = np.concatenate([np.arange(nodes - 1), far[:, 0]])
    dst = np.concatenate([np.arange(1, nodes), far[:, 1]])
    label = np.ones(len(src), dtype=int)
    graph = Graph(src, dst, label, label, rng.uniform(0, 2, len(src)), np.zeros(nodes), np.zeros(nodes), ("", "a"))
    assert schedule_of(graph).chunked_scan is None
    assert_as_the_plain_sweep(graph, LogSemiring(1.0), 1e-9)


@given(st.lists(st.integers(0, 2**34), max_size=30), st.lists(st.integers(0, 5), max_size=30), st.integers(1, 6))
def test_stable_order_is_a_stable_sort(wide: list[int], near: list[int], block: int) -> None:
    nearly_sorted = [2 * place + shift for place, shift in enumerate(near)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "_BLOCK", block)
        for keys in (wide, near, nearly_sorted, [key % 70_000 for key in wide]):
            column = np.array(keys, dtype=np.intp)
            assert stable_order(column).tolist() == np.argsort(column, kind="stable").tolist()


@given(st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=9), min_size=1, max_size=6), BETAS)
def test_both_kinds_of_segments_reduce_alike(rows: list[list[float]], beta: float) -> None:
    counts = [len(row) for row in rows]
    starts = np.cumsum(counts) - counts
    entries = np.array([entry for row in rows for entry in row])
    kinds = (Runs(starts, len(entries)), ScatteredSegments(np.repeat(np.arange(len(rows)), counts), len(rows)))
    for semiring in (TROPICAL, LogSemiring(beta)):
        (one, one_shares), (two, two_shares) = (semiring.reduce(entries.copy(), kind) for kind in kinds)
        np.testing.assert_allclose(one, two, rtol=1e-14, atol=1e-13)
        np.testing.assert_allclose(one_shares(), two_shares(), rtol=1e-13)
        np.testing.assert_array_equal(semiring.totals(entries, starts), one)


def test_segments_that_no_way_leads_to_are_infinite() -> None:
    with np.errstate(divide="ignore"):
        for semiring in (TROPICAL, LogSemiring(1.0)):
            totals, _ = semiring.reduce(np.array([np.inf, 1.0, np.inf]), ScatteredSegments(np.array([0, 1, 1]), 3))
            assert totals.tolist() == [np.inf, 1.0, np.inf]

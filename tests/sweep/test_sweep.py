"""The sweep and its adjoint against listed paths, exact cyclic sums, and the lecture's numbers."""

from __future__ import annotations

import json
import math
import pathlib
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import oracle, strategies
from support.strategies import BETAS, connected_graphs, graphs, lecture_34, renumbered
from support.sweeps import INF, assert_union_is_bitwise, chain, check_close, gradient_tolerance, magnitude

from lattice_cli.errors import Diverged
from lattice_cli.graph import Graph, emission_graph, linear_graph, trimmed, union
from lattice_cli.sweep import TROPICAL, Gradient, LogSemiring, sweep


def check_close_gradients(found: Gradient, wanted: oracle.Gradient, tolerance: float) -> None:
    for name in ("arcs", "nodes", "start", "final"):
        check_close(getattr(found, name), getattr(wanted, name), tolerance)


def nothing(graph: Graph) -> oracle.Gradient:
    """The gradient of a graph without paths."""
    return oracle.Gradient([0.0] * graph.arcs, *([0.0] * graph.nodes for _ in range(3)))


def soft_gradient(graph: Graph, beta: float) -> oracle.Gradient:
    paths = oracle.all_paths(graph)
    return oracle.gradient(graph, paths, beta) if paths else nothing(graph)


# Totals --------------------------------------------------------------------------------------------------------------


@given(graphs(), BETAS)
def test_soft_totals_are_the_free_energy_of_the_listed_paths(graph: Graph, beta: float) -> None:
    paths = oracle.all_paths(graph)
    totals = sweep(graph, LogSemiring(beta)).totals
    check_close(totals, [oracle.free_energy(paths, beta)], 1e-9 * magnitude(graph))


@given(graphs())
def test_hard_totals_are_the_least_listed_energy(graph: Graph) -> None:
    paths = oracle.all_paths(graph)
    totals = sweep(graph, TROPICAL).totals
    check_close(totals, [min((path.energy for path in paths), default=INF)], 1e-9 * magnitude(graph))


@given(graphs(), BETAS)
def test_node_totals_sum_the_ways_to_each_node_that_is_on_a_path(graph: Graph, beta: float) -> None:
    prefixes = oracle.prefix_energies(graph, oracle.all_paths(graph))
    soft = [oracle.soft_minimum(ways, beta) for ways in prefixes]
    hard = [min(ways, default=INF) for ways in prefixes]
    check_close(sweep(graph, LogSemiring(beta)).node_totals, soft, 1e-9 * magnitude(graph))
    check_close(sweep(graph, TROPICAL).node_totals, hard, 1e-9 * magnitude(graph))


@given(connected_graphs(energies=strategies.moderate_energies), BETAS)
def test_totals_of_moderate_energies_hold_to_1e_9(graph: Graph, beta: float) -> None:
    wanted = oracle.free_energy(oracle.all_paths(graph), beta)
    assert sweep(graph, LogSemiring(beta)).totals[0] == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_a_graph_without_nodes_has_no_path() -> None:
    empty = Graph([], [], [], [], [], [], [])
    for semiring in (TROPICAL, LogSemiring(1.0)):
        result = sweep(empty, semiring)
        assert result.totals.tolist() == [INF]
        assert result.node_totals.tolist() == []
        assert result.pullback().arcs.tolist() == []


def test_a_node_that_is_start_and_final_is_a_path_without_arcs() -> None:
    graph = Graph([], [], [], [], [], [0.25, INF], [0.5, 0.0])
    for semiring in (TROPICAL, LogSemiring(2.0)):
        result = sweep(graph, semiring)
        assert result.totals[0] == pytest.approx(0.75, rel=1e-15)
        assert result.node_totals.tolist() == [0.25, INF]
        assert result.pullback().start.tolist() == [1.0, 0.0]
        assert result.pullback().final.tolist() == [1.0, 0.0]
        assert result.pullback().nodes.tolist() == [1.0, 0.0]


# Gradients -----------------------------------------------------------------------------------------------------------


@given(graphs(), BETAS)
def test_the_pullback_of_the_free_energy_is_the_posteriors(graph: Graph, beta: float) -> None:
    found = sweep(graph, LogSemiring(beta)).pullback()
    check_close_gradients(found, soft_gradient(graph, beta), gradient_tolerance(graph, beta))


@given(connected_graphs(energies=strategies.moderate_energies), BETAS)
def test_posteriors_of_moderate_energies_hold_to_1e_9(graph: Graph, beta: float) -> None:
    found = sweep(graph, LogSemiring(beta)).pullback()
    check_close_gradients(found, soft_gradient(graph, beta), 1e-9)


@given(graphs())
def test_the_pullback_of_the_hard_minimum_is_one_best_path(graph: Graph) -> None:
    paths = oracle.all_paths(graph)
    result = sweep(graph, TROPICAL)
    gradient = result.pullback()
    if not paths:
        check_close_gradients(gradient, nothing(graph), 0.0)
        return
    chosen = [
        path
        for path in paths
        if gradient.arcs.tolist() == [float(arc in path.arcs) for arc in range(graph.arcs)]
        and gradient.start[path.nodes[0]] == 1.0
    ]
    assert len(chosen) == 1, "the gradient is not the indicator of a path"
    assert chosen[0].energy == pytest.approx(min(path.energy for path in paths), abs=1e-9 * magnitude(graph))
    for name, visited in (("nodes", chosen[0].nodes), ("start", chosen[0].nodes[:1]), ("final", chosen[0].nodes[-1:])):
        assert getattr(gradient, name).tolist() == [float(node in visited) for node in range(graph.nodes)]


@given(st.lists(graphs(max_nodes=5, max_arcs=7), min_size=1, max_size=4), BETAS, st.data())
def test_seeds_weigh_the_members_of_a_union(members: list[Graph], beta: float, data: st.DataObject) -> None:
    seed = data.draw(
        st.lists(st.sampled_from([0.0, 1.0, -1.0, 0.5, -2.5]), min_size=len(members), max_size=len(members))
    )
    together = union(members)
    found = sweep(together, LogSemiring(beta)).pullback(np.array(seed))
    parts = [soft_gradient(member, beta) for member in members]
    for name in ("arcs", "nodes", "start", "final"):
        wanted = [weight * value for weight, part in zip(seed, parts, strict=True) for value in getattr(part, name)]
        check_close(getattr(found, name), wanted, 3 * gradient_tolerance(together, beta))


@given(connected_graphs(), BETAS)
def test_flow_from_source_to_sink_is_one_and_is_conserved(graph: Graph, beta: float) -> None:
    for semiring in (LogSemiring(beta), TROPICAL):
        flow = sweep(graph, semiring).pullback()
        assert flow.start.sum() == pytest.approx(1.0, abs=1e-9)
        assert flow.final.sum() == pytest.approx(1.0, abs=1e-9)
        entering = flow.start + np.bincount(graph.dst, flow.arcs, graph.nodes)
        leaving = flow.final + np.bincount(graph.src, flow.arcs, graph.nodes)
        check_close(entering, flow.nodes.tolist(), 1e-9)
        check_close(leaving, flow.nodes.tolist(), 1e-9)


def directions(data: st.DataObject, size: int) -> np.ndarray:
    return np.array(data.draw(st.lists(st.floats(-1, 1), min_size=size, max_size=size)))


def moved(graph: Graph, step: float, arcs: np.ndarray, start: np.ndarray, final: np.ndarray) -> Graph:
    """The graph with its energies moved along a direction."""
    return Graph(
        graph.src,
        graph.dst,
        graph.ilabel,
        graph.olabel,
        graph.energy + step * arcs,
        graph.start + step * start,
        graph.final + step * final,
        graph.labels,
    )


@given(connected_graphs(energies=strategies.moderate_energies), st.sampled_from([0.5, 1.0, 2.0]), st.data())
def test_pullback_and_pushforward_are_the_derivative(graph: Graph, beta: float, data: st.DataObject) -> None:
    direction = tuple(directions(data, size) for size in (graph.arcs, graph.nodes, graph.nodes))
    result = sweep(graph, LogSemiring(beta))
    gradient = result.pullback()
    inner = float(gradient.arcs @ direction[0] + gradient.start @ direction[1] + gradient.final @ direction[2])
    forward = result.pushforward(*direction)
    assert forward.shape == (1,)
    assert forward[0] == pytest.approx(inner, abs=1e-12 * (1 + graph.arcs))

    def difference(step: float) -> float:
        ends = [oracle.free_energy(oracle.all_paths(moved(graph, way * step, *direction)), beta) for way in (1, -1)]
        return (ends[0] - ends[1]) / (2 * step)

    step = 1e-3
    assert inner == pytest.approx((4 * difference(step) - difference(2 * step)) / 3, abs=1e-7)


@given(st.lists(graphs(max_nodes=5, max_arcs=7), min_size=2, max_size=3), BETAS, st.data())
def test_pushforward_is_the_transpose_of_pullback_on_a_union(
    members: list[Graph], beta: float, data: st.DataObject
) -> None:
    together = union(members)
    direction = tuple(directions(data, size) for size in (together.arcs, together.nodes, together.nodes))
    for semiring in (LogSemiring(beta), TROPICAL):
        result = sweep(together, semiring)
        forward = result.pushforward(*direction)
        for member in np.flatnonzero(np.isfinite(result.totals)).tolist():
            gradient = result.pullback(np.eye(together.graphs)[member])
            inner = gradient.arcs @ direction[0] + gradient.start @ direction[1] + gradient.final @ direction[2]
            assert forward[member] == pytest.approx(float(inner), abs=1e-12 * (1 + together.arcs))


def test_pushforward_of_a_member_without_a_path_is_nan() -> None:
    nowhere = strategies.acceptor([(0, 1, "a", 1.0)], 1, 0)
    forward = sweep(union([nowhere, lecture_34()]), TROPICAL).pushforward(arcs=np.ones(11))
    assert math.isnan(forward[0])
    assert forward[1] == 3.0


def test_pushforward_takes_each_part_alone() -> None:
    result = sweep(lecture_34(), LogSemiring(1.0))
    gradient = result.pullback()
    assert result.pushforward(arcs=np.eye(10)[2])[0] == pytest.approx(gradient.arcs[2], rel=1e-12)
    assert result.pushforward(start=np.array([1.0, 0, 0, 0]))[0] == pytest.approx(1.0, rel=1e-12)
    assert result.pushforward(final=np.array([0, 0, 0, 1.0]))[0] == pytest.approx(1.0, rel=1e-12)


# What changes nothing ------------------------------------------------------------------------------------------------


@given(graphs(), BETAS, st.data())
def test_numbering_does_not_matter(graph: Graph, beta: float, data: st.DataObject) -> None:
    other, nodes, arcs = data.draw(renumbered(graph))
    one, two = sweep(graph, LogSemiring(beta)), sweep(other, LogSemiring(beta))
    check_close(two.totals, one.totals, 1e-9 * magnitude(graph))
    check_close(two.node_totals, one.node_totals[nodes], 1e-9 * magnitude(graph))
    check_close(two.pullback().arcs, one.pullback().arcs[arcs], gradient_tolerance(graph, beta))
    check_close(two.pullback().nodes, one.pullback().nodes[nodes], gradient_tolerance(graph, beta))
    check_close(sweep(other, TROPICAL).totals, sweep(graph, TROPICAL).totals, 1e-9 * magnitude(graph))


@given(graphs(), BETAS)
def test_reading_backwards_changes_nothing(graph: Graph, beta: float) -> None:
    tolerance = gradient_tolerance(graph, beta)
    one, two = sweep(graph, LogSemiring(beta)), sweep(graph.reversed(), LogSemiring(beta))
    check_close(two.totals, one.totals, 1e-9 * magnitude(graph))
    forwards, backwards = one.pullback(), two.pullback()
    check_close(backwards.arcs, forwards.arcs, tolerance)
    check_close(backwards.nodes, forwards.nodes, tolerance)
    check_close(backwards.start, forwards.final, tolerance)
    check_close(backwards.final, forwards.start, tolerance)
    check_close(sweep(graph.reversed(), TROPICAL).totals, sweep(graph, TROPICAL).totals, 1e-9 * magnitude(graph))


@given(st.lists(graphs(max_nodes=6, max_arcs=10), min_size=2, max_size=5), BETAS)
def test_a_union_is_its_members_to_the_last_bit(members: list[Graph], beta: float) -> None:
    assert_union_is_bitwise(members, beta)


@given(st.lists(graphs(energies=strategies.halves, max_nodes=6, max_arcs=10), min_size=2, max_size=4))
@settings(max_examples=100)
def test_ties_in_a_union_are_broken_as_in_each_member_alone(members: list[Graph]) -> None:
    assert_union_is_bitwise(members, 1.0)


def test_ties_do_not_depend_on_how_the_neighbours_are_numbered() -> None:
    tied = strategies.acceptor(
        [(0, 1, "a", 0.0), (0, 3, "a", 0.0), (1, 2, "a", 0.0), (2, 4, "a", 0.0), (3, 4, "a", 0.0)], 0, 4
    )
    unordered = strategies.acceptor([(0, 2, "x", 0.0), (2, 1, "y", 0.0)], 0, 1)
    assert_union_is_bitwise([tied, unordered], 1.0)


@given(
    st.lists(
        st.one_of(
            graphs(energies=strategies.moderate_energies, max_nodes=5, max_arcs=7),
            graphs(energies=strategies.positive_energies, max_nodes=5, max_arcs=7, cyclic=True),
        ),
        min_size=2,
        max_size=4,
    )
)
def test_a_union_with_cyclic_members_is_its_members_to_the_last_bit(members: list[Graph]) -> None:
    assume(all(oracle.smallest_pivot(member, 4.0) > 1e-6 for member in members))
    assert_union_is_bitwise(members, 4.0)


@given(graphs(cyclic=True))
def test_trimming_keeps_what_is_on_a_path(graph: Graph) -> None:
    smaller, nodes, arcs = trimmed(graph)
    assert nodes.tolist() == oracle.nodes_on_paths(graph)
    assert arcs.tolist() == oracle.useful_arcs(graph)
    assert nodes[smaller.src].tolist() == graph.src[arcs].tolist()
    assert nodes[smaller.dst].tolist() == graph.dst[arcs].tolist()
    assert smaller.start.tolist() == graph.start[nodes].tolist()
    assert smaller.final.tolist() == graph.final[nodes].tolist()
    assert smaller.energy.tolist() == graph.energy[arcs].tolist()
    assert smaller.words(smaller.ilabel) == graph.words(graph.ilabel[arcs])
    assert smaller.words(smaller.olabel) == graph.words(graph.olabel[arcs])


@given(st.lists(graphs(cyclic=True), min_size=2, max_size=4))
def test_trimming_a_union_trims_each_member(members: list[Graph]) -> None:
    smaller, _, _ = trimmed(union(members))
    parts = [trimmed(member)[0] for member in members]
    assert smaller.graphs == len(members)
    assert np.diff(smaller.node_offsets).tolist() == [part.nodes for part in parts]
    assert np.diff(smaller.arc_offsets).tolist() == [part.arcs for part in parts]
    assert smaller.energy.tolist() == [energy for part in parts for energy in part.energy.tolist()]


# Shapes that have a way of their own through the engine --------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "width", "skip"),
    [(2, 3, 1), (40, 1, 1), (300, 3, 1), (700, 2, 2), (1500, 3, 1), (1200, 4, 3), (3000, 1, 2), (30, 60, 1)],
)
def test_long_and_wide_graphs_against_the_recursion(levels: int, width: int, skip: int) -> None:
    rng = random.Random(levels * 100 + width * 10 + skip)
    graph = chain(rng, levels, width, skip)
    for beta in (0.7, 3.0):
        result = sweep(graph, LogSemiring(beta))
        reaching, total = oracle.recursion(graph, beta)
        assert result.totals[0] == pytest.approx(total, rel=1e-9, abs=1e-9)
        posteriors = oracle.recursion_posteriors(graph, beta)
        flow = result.pullback()
        check_close(flow.arcs, posteriors, 1e-9)
        useful = oracle.nodes_on_paths(graph)
        check_close(result.node_totals[useful], [reaching[node] for node in useful], 1e-9 * (1 + abs(total)))
        visits = flow.start + np.bincount(graph.dst, posteriors, graph.nodes)
        check_close(flow.nodes, visits, 1e-9)
        assert flow.start.sum() == pytest.approx(1.0, abs=1e-10)
        assert flow.final.sum() == pytest.approx(1.0, abs=1e-10)
        direction = np.array([rng.uniform(-1, 1) for _ in range(graph.arcs)])
        assert result.pushforward(arcs=direction)[0] == pytest.approx(float(direction @ flow.arcs), rel=1e-9, abs=1e-9)
    best = sweep(graph, TROPICAL)
    least = oracle.recursion(graph, None)[1]
    assert best.totals[0] == pytest.approx(least, rel=1e-12)
    path = best.pullback()
    assert set(path.arcs.tolist()) <= {0.0, 1.0}
    cost = graph.energy @ path.arcs
    cost += graph.start[path.start == 1].sum() + graph.final[path.final == 1].sum()
    assert path.start.sum() == path.final.sum() == 1.0
    assert cost == pytest.approx(least, rel=1e-12)
    assert (path.start + np.bincount(graph.dst, path.arcs, graph.nodes) == path.nodes).all()
    assert (path.final + np.bincount(graph.src, path.arcs, graph.nodes) == path.nodes).all()


@pytest.mark.parametrize("numbering", ["forwards", "backwards", "alternating"])
def test_strands_numbered_one_after_the_other_with_long_dead_ends(numbering: str) -> None:
    """Node numbers that follow single paths, not levels; and 100 nodes that lead nowhere or come from nowhere."""
    rng = random.Random(7)
    length = 120
    places = [(strand, step) for strand in range(4) for step in range(length)]
    number = {place: k for k, place in enumerate(places)}
    pairs = [((strand, step), (strand, step + 1)) for strand in range(4) for step in range(length - 1)]
    pairs += [((strand, k), (strand + 1, k + 1)) for strand in range(2) for k in range(0, length - 1, 3)]
    nodes = len(places) + 1
    arcs = [(number[tail], number[head]) for tail, head in pairs] + [(number[2, length - 1], nodes - 1)]
    arcs += [(number[1, 50], number[3, 20]), (number[3, 0], number[3, 60])]
    order = list(range(nodes))
    if numbering == "backwards":
        order.reverse()
    if numbering == "alternating":
        order = [k // 2 if k % 2 else nodes - 1 - k // 2 for k in order]
    assert sorted(order) == list(range(nodes))
    start, final = [INF] * nodes, [INF] * nodes
    start[order[0]], start[order[number[1, 30]]], final[order[nodes - 1]] = 0.0, 0.5, 0.25
    energy = [rng.uniform(-1, 2) for _ in arcs]
    label = [1] * len(arcs)
    graph = Graph(
        [order[tail] for tail, _ in arcs], [order[head] for _, head in arcs], label, label, energy, start, final,
        ("", "a"),
    )  # fmt: skip
    beta = 1.5
    result = sweep(graph, LogSemiring(beta))
    reaching, total = oracle.recursion(graph, beta)
    useful = oracle.nodes_on_paths(graph)
    assert nodes - len(useful) > 100
    assert trimmed(graph)[1].tolist() == useful
    assert result.totals[0] == pytest.approx(total, rel=1e-9)
    check_close(result.node_totals[useful], [reaching[node] for node in useful], 1e-9 * (1 + abs(total)))
    check_close(result.pullback().arcs, oracle.recursion_posteriors(graph, beta), 1e-9)


def test_a_union_of_long_and_short_members_is_bitwise_its_members() -> None:
    rng = random.Random(5)
    members = [chain(rng, levels, width, skip) for levels, width, skip in [(900, 3, 1), (3, 5, 1), (1200, 2, 2)]]
    members.insert(1, lecture_34())
    members.insert(2, linear_graph(("", "a"), []))
    assert_union_is_bitwise(members, 1.5)


def test_many_small_members_at_once() -> None:
    rng = random.Random(11)
    members = [chain(rng, rng.randint(2, 6), 3, 2) for _ in range(200)]
    assert_union_is_bitwise(members, 1.0)
    totals = sweep(union(members), LogSemiring(1.0)).totals
    check_close(totals, [oracle.recursion(member, 1.0)[1] for member in members], 1e-9)


def test_an_emission_matrix_factorises() -> None:
    rng = np.random.default_rng(3)
    energies = rng.normal(size=(50, 30)) * 3
    graph = emission_graph(energies, ("", *(f"class {k}" for k in range(30))))
    beta = 1.3
    rows = [oracle.soft_minimum(row, beta) for row in energies.tolist()]
    result = sweep(graph, LogSemiring(beta))
    assert result.totals[0] == pytest.approx(math.fsum(rows), rel=1e-12)
    wanted = [
        math.exp(-beta * (energy - row))
        for values, row in zip(energies.tolist(), rows, strict=True)
        for energy in values
    ]
    check_close(result.pullback().arcs, wanted, 1e-12)
    assert sweep(graph, TROPICAL).totals[0] == pytest.approx(math.fsum(map(min, energies.tolist())), rel=1e-12)


def test_flow_is_conserved_over_a_very_long_chain() -> None:
    steps = 20_000
    energies = np.random.default_rng(1).normal(size=(steps, 3))
    flow = sweep(emission_graph(energies, ("", "a", "b", "c")), LogSemiring(1.0)).pullback()
    assert np.abs(flow.nodes - 1).max() < 1e-9
    assert np.abs(flow.arcs.reshape(steps, 3).sum(axis=1) - 1).max() < 1e-9


# Cycles --------------------------------------------------------------------------------------------------------------


@given(
    connected_graphs(
        energies=st.one_of(strategies.positive_energies, strategies.moderate_energies), cyclic=True, max_arcs=5
    ),
    st.sampled_from([0.5, 1.0, 2.0, 4.0]),
)
@settings(max_examples=120)
def test_cyclic_sums_are_solved_exactly_or_refused(graph: Graph, beta: float) -> None:
    pivot = oracle.smallest_pivot(graph, beta)
    assume(abs(pivot) > 1e-6)
    sums = oracle.cyclic_sums(graph, beta)
    if sums is None:
        with pytest.raises(Diverged):
            sweep(graph, LogSemiring(beta))
        return
    tolerance = 1e-9 + 1e-13 / pivot
    result = sweep(graph, LogSemiring(beta))
    check_close(result.totals, [sums.free_energy()], tolerance * magnitude(graph))
    check_close(result.node_totals, sums.node_totals(), tolerance * magnitude(graph))
    wanted = sums.gradient()
    size = 1 + max(wanted.nodes)
    check_close_gradients(result.pullback(), wanted, tolerance * size * size)
    flow = result.pullback()
    assert flow.start.sum() == pytest.approx(1.0, abs=tolerance * size)
    assert flow.final.sum() == pytest.approx(1.0, abs=tolerance * size)


@given(
    connected_graphs(energies=strategies.positive_energies, cyclic=True, max_arcs=4),
    st.sampled_from([2.0, 4.0]),
    st.data(),
)
def test_cyclic_pushforward_is_the_transpose_of_pullback(graph: Graph, beta: float, data: st.DataObject) -> None:
    assume(oracle.smallest_pivot(graph, beta) > 1e-2)
    result = sweep(graph, LogSemiring(beta))
    gradient = result.pullback()
    direction = tuple(directions(data, size) for size in (graph.arcs, graph.nodes, graph.nodes))
    inner = float(gradient.arcs @ direction[0] + gradient.start @ direction[1] + gradient.final @ direction[2])
    assert result.pushforward(*direction)[0] == pytest.approx(inner, abs=1e-9 * (1 + float(gradient.arcs.sum())))


@given(graphs(energies=strategies.halves, cyclic=True))
def test_the_hard_minimum_of_a_cyclic_graph_or_a_negative_cycle(graph: Graph) -> None:
    if any(energy < 0 for energy in oracle.cycle_energies(graph)):
        with pytest.raises(Diverged):
            sweep(graph, TROPICAL)
        return
    assert_hard_minimum(graph)


@given(
    st.one_of(
        connected_graphs(energies=st.sampled_from([0.0, 0.0, 0.5]), cyclic=True, max_arcs=8),
        connected_graphs(energies=st.just(0.0), cyclic=True, max_arcs=8),
    )
)
def test_the_hard_minimum_among_cycles_of_zero_energy_is_one_path(graph: Graph) -> None:
    assert_hard_minimum(graph)


def test_tied_nodes_of_a_component_do_not_choose_each_other() -> None:
    arcs = [(2, 0, "a", 0.0), (2, 1, "a", 0.0), (0, 1, "a", 0.0), (1, 0, "a", 0.0), (0, 2, "a", 0.0), (1, 3, "a", 0.0)]
    graph = strategies.acceptor(arcs, 2, 3)
    assert_hard_minimum(graph)
    assert_hard_minimum(graph.reversed())


def assert_hard_minimum(graph: Graph) -> None:
    """Totals are least energies and the gradient is one path without loops; sums of energies must be exact."""
    paths = oracle.simple_paths(graph)
    result = sweep(graph, TROPICAL)
    least = min((path.energy for path in paths), default=INF)
    assert result.totals.tolist() == [least]
    assert result.node_totals.tolist() == oracle.simple_prefix_minima(graph)
    flow = result.pullback()
    if least == INF:
        check_close_gradients(flow, nothing(graph), 0.0)
        return
    chosen = [
        path
        for path in paths
        if flow.arcs.tolist() == [float(arc in path.arcs) for arc in range(graph.arcs)] and flow.start[path.nodes[0]]
    ]
    assert len(chosen) == 1, "the gradient is not the indicator of a path without loops"
    assert chosen[0].energy == least
    assert flow.nodes.tolist() == [float(node in chosen[0].nodes) for node in range(graph.nodes)]
    assert flow.start.sum() == flow.final.sum() == 1.0


@given(connected_graphs(energies=strategies.positive_energies, cyclic=True), st.sampled_from([2.0, 5.0]))
def test_reading_a_cyclic_graph_backwards_changes_nothing(graph: Graph, beta: float) -> None:
    assume(oracle.smallest_pivot(graph, beta) > 1e-3)
    one, two = sweep(graph, LogSemiring(beta)), sweep(graph.reversed(), LogSemiring(beta))
    check_close(two.totals, one.totals, 1e-8)
    check_close(two.pullback().arcs, one.pullback().arcs, 1e-8 * (1 + one.pullback().arcs.max(initial=0.0)))
    check_close(two.pullback().nodes, one.pullback().nodes, 1e-8 * (1 + one.pullback().nodes.max(initial=0.0)))


def cycle_between(energies: Sequence[float], exit_energy: float = 0.5) -> Graph:
    """Node 0 starts; a cycle of these energies through the first nodes; node 0 leaves for the final node."""
    size = len(energies)
    arcs = [(k, (k + 1) % size, "a", energy) for k, energy in enumerate(energies)]
    return strategies.acceptor([*arcs, (0, size, "b", exit_energy)], 0, size)


@pytest.mark.parametrize("energies", [[-0.25], [0.5, -1.0], [1.0, 1.0, -2.5], [-1e-3]])
def test_a_negative_cycle_is_refused(energies: list[float]) -> None:
    graph = cycle_between(energies)
    for semiring in (TROPICAL, LogSemiring(1.0), LogSemiring(20.0)):
        with pytest.raises(Diverged):
            sweep(graph, semiring)


@pytest.mark.parametrize("energies", [[0.0], [0.5, -0.5], [0.1, -0.1], [0.3, -0.2, -0.1], [1.0, 1.0, -2.0], [0.0] * 3])
def test_a_cycle_of_zero_energy_has_a_minimum_but_no_sum(energies: list[float]) -> None:
    graph = cycle_between(energies)
    best = sweep(graph, TROPICAL)
    assert best.totals[0] == pytest.approx(0.5, abs=1e-12)
    flow = best.pullback()
    assert flow.arcs.tolist() == [0.0] * len(energies) + [1.0]
    for beta in (0.5, 1.0, 8.0):
        with pytest.raises(Diverged):
            sweep(graph, LogSemiring(beta))


def test_cycles_that_are_on_no_path_do_no_harm() -> None:
    graph = strategies.acceptor([(0, 1, "a", 1.0), (2, 2, "b", -1.0), (2, 1, "c", 0.0), (0, 3, "d", 0.0)], 0, 1)
    dead_end = Graph(
        [*graph.src, 3], [*graph.dst, 3], [*graph.ilabel, 1], [*graph.olabel, 1], [*graph.energy, -2.0],
        graph.start, graph.final, graph.labels,
    )  # fmt: skip
    for semiring in (TROPICAL, LogSemiring(1.0)):
        result = sweep(dead_end, semiring)
        assert result.totals.tolist() == [1.0]
        assert result.node_totals.tolist() == [0.0, 1.0, INF, INF]
        assert result.pullback().arcs.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_two_loops_whose_sum_is_too_much_are_refused_though_each_is_fine() -> None:
    loops = [(0, 0, "a", 0.6), (0, 0, "b", 0.6), (0, 1, "c", 0.0)]
    with pytest.raises(Diverged, match="sum over paths diverges"):
        sweep(strategies.acceptor(loops, 0, 1), LogSemiring(1.0))
    one = sweep(strategies.acceptor(loops[1:], 0, 1), LogSemiring(1.0)).totals[0]
    assert one == pytest.approx(math.log1p(-math.exp(-0.6)), rel=1e-12)


def test_one_diverging_member_refuses_the_union() -> None:
    members = [lecture_34(), cycle_between([0.0])]
    assert sweep(union(members), TROPICAL).totals.tolist() == pytest.approx([0.6, 0.5], rel=1e-12)
    with pytest.raises(Diverged):
        sweep(union(members), LogSemiring(1.0))


@pytest.mark.parametrize("size", [40, 300, 700])
def test_large_components_against_walks_summed_length_by_length(size: int) -> None:
    rng = random.Random(size)
    arcs = [(k, (k + 1) % size, "a", rng.uniform(0.0, 0.4)) for k in range(size)]
    arcs += [(rng.randrange(size), rng.randrange(size), "b", rng.uniform(2.5, 5.0)) for _ in range(size)]
    arcs += [(size // 2, size, "c", 0.3), (size + 1, 5, "c", 0.1), (7, size + 2, "c", 0.2)]
    graph = strategies.acceptor(arcs, size + 1, size)
    beta = 1.0
    result = sweep(graph, LogSemiring(beta))
    reaching, total = oracle.iterated(graph, beta)
    leaving, _ = oracle.iterated(graph.reversed(), beta)
    assert result.totals[0] == pytest.approx(total, rel=1e-9)
    useful = oracle.nodes_on_paths(graph)
    assert size + 2 not in useful
    check_close(result.node_totals[useful], [reaching[node] for node in useful], 1e-9 * (1 + abs(total)))
    wanted = [
        math.exp(-beta * (reaching[tail] + energy + leaving[head] - total)) if head in set(useful) else 0.0
        for tail, head, _, energy in arcs
    ]
    check_close(result.pullback().arcs, wanted, 1e-9 * (1 + max(wanted)))


@pytest.mark.parametrize("size", [40, 257, 600])
def test_the_hard_minimum_through_a_large_component_is_one_path(size: int) -> None:
    rng = random.Random(size)
    arcs = [(k, (k + 1) % size, "a", rng.randint(0, 8) / 4) for k in range(size)]
    arcs += [(rng.randrange(size), rng.randrange(size), "b", rng.randint(8, 40) / 4) for _ in range(size)]
    graph = strategies.acceptor([*arcs, (size // 2 + 7, size, "c", 0.25)], size // 2 + 9, size)
    result = sweep(graph, TROPICAL)
    flow = result.pullback()
    assert set(flow.arcs.tolist()) == {0.0, 1.0}
    chosen = {int(graph.src[arc]): int(arc) for arc in np.flatnonzero(flow.arcs)}
    assert len(chosen) == flow.arcs.sum()
    node, way = size // 2 + 9, []
    while node != size:
        way.append(chosen.pop(node))
        node = int(graph.dst[way[-1]])
    assert not chosen, "the gradient holds more than one path"
    assert math.fsum(graph.energy[way].tolist()) == result.totals[0]
    least = [INF] * graph.nodes
    least[size // 2 + 9] = 0.0
    for _ in range(graph.nodes):
        for tail, head, energy in zip(graph.src.tolist(), graph.dst.tolist(), graph.energy.tolist(), strict=True):
            least[head] = min(least[head], least[tail] + energy)
    assert result.totals[0] == least[size]
    assert result.node_totals.tolist() == least


@pytest.mark.parametrize("size", [200, 257, 400])
@pytest.mark.parametrize("back", [60.0, 700.0, 2000.0])
def test_a_way_back_that_weighs_nothing_changes_nothing(size: int, back: float) -> None:
    """exp(-2000) is 0 in float64; the component is still a component."""
    ring = [(k, k + 1, "a", 0.5) for k in range(size)]
    graph = strategies.acceptor([*ring, (size, 0, "b", back), (size, size + 1, "c", 0.25)], 0, size + 1)
    for semiring in (LogSemiring(1.0), TROPICAL):
        result = sweep(graph, semiring)
        assert result.totals[0] == pytest.approx(0.5 * size + 0.25, rel=1e-12)
        assert result.node_totals[:-1].tolist() == pytest.approx([0.5 * k for k in range(size + 1)], rel=1e-12)
        flow = result.pullback()
        assert flow.nodes.tolist() == pytest.approx([1.0] * (size + 2), rel=1e-12)
        assert flow.arcs.tolist() == pytest.approx([1.0] * size + [0.0, 1.0], rel=1e-12, abs=1e-20)
        assert result.pushforward(arcs=np.ones(graph.arcs))[0] == pytest.approx(size + 1.0, rel=1e-12)


@pytest.mark.parametrize(("layers", "width"), [(4, 10), (14, 10), (40, 10), (120, 3)])
def test_many_walks_through_a_component_are_not_a_divergence(layers: int, width: int) -> None:
    """width ** layers walks lead from a node back to itself; what counts is their weight together."""
    energy = math.log(width) + 0.05
    arcs = [(0, 1 + k, "a", energy) for k in range(width)]
    for layer in range(layers - 1):
        low = 1 + layer * width
        arcs += [(low + k, low + width + j, "a", energy) for k in range(width) for j in range(width)]
    end = 1 + layers * width
    arcs += [(end - width + k, end, "b", 0.0) for k in range(width)]
    graph = strategies.acceptor([*arcs, (end, 0, "c", 0.3)], 0, end)
    once = math.exp(-0.05 * layers)
    round_trip = once * math.exp(-0.3)
    result = sweep(graph, LogSemiring(1.0))
    assert result.totals[0] == pytest.approx(-math.log(once / (1 - round_trip)), rel=1e-9, abs=1e-9)
    flow = result.pullback()
    assert flow.nodes[0] == pytest.approx(1 / (1 - round_trip), rel=1e-9)
    assert flow.nodes[1:-1].tolist() == pytest.approx([1 / (1 - round_trip) / width] * (layers * width), rel=1e-9)
    with pytest.raises(Diverged):
        sweep(graph.with_energy(np.append(graph.energy[:-1], -0.05 * layers)), LogSemiring(1.0))


# The lecture's numbers -----------------------------------------------------------------------------------------------

LECTURE_34 = {
    0.5: {
        "free_energy": -2.837365449358642,
        "posterior": [
            0.6835140771504531, 0.2275220715839641, 0.3146586695549992, 0.20063522586012053, 0.4589403552550642,
            0.14531739142563854, 0.05537637935991604, 0.033587471905666924, 0.22733117600545427, 0.1684110773138431,
        ],
        "alpha": [0.0, -0.4746706502308615, -1.3796954046721503, -2.837365449358642],
        "backward": [-2.8373654493586415, -2.1763493946674846, -0.450161166372797, 0.0],
        "node_posterior": [1.0, 0.9110361487344171, 0.6042577466807026, 1.0],
    },
    1.0: {
        "free_energy": -0.6115196226727991,
        "posterior": [
            0.87805245884948, 0.09729098564833562, 0.36389466383058827, 0.14794852965502192, 0.4876123032762994,
            0.0488874457114949, 0.018025386419338558, 0.006631169082845573, 0.29926186000326954, 0.16423839100893584,
        ],
        "alpha": [0.0, -0.005083319768695929, 0.006715026706565264, -0.6115196226727989],
        "backward": [-0.6115196226727988, -0.5814706836610677, 0.0044545354020369965, 0.0],
        "node_posterior": [1.0, 0.9753434444978157, 0.5364997489877944, 1.0],
    },
    2.0: {
        "free_energy": 0.18937454417408411,
        "posterior": [
            0.9863628905231654, 0.012109912474725986, 0.4497575249035141, 0.07434441883584338, 0.5203981836773357,
            0.005230957064130236, 0.0013451506569538564, 0.00018204634515476596, 0.36456576190990775,
            0.10980509734862616,
        ],
        "alpha": [0.0, 0.09389870769615195, 0.41595505547072187, 0.18937454417408417],
        "backward": [0.18937454417408411, 0.0962400186559928, 0.09499917397217411, 0.0],
        "node_posterior": [1.0, 0.9984728029978914, 0.525629140741466, 1.0],
    },
    10.0: {
        "free_energy": 0.5685981739471373,
        "posterior": [
            0.9999999997208671, 2.789468092090292e-10, 0.7305056888963285, 9.01515639509006e-05, 0.7305958403854924,
            7.497286573458009e-11, 1.8581622255406757e-13, 8.436043452684921e-18, 0.2687380245761633,
            0.0006661349633711818,
        ],
        "alpha": [0.0, 0.09999999997210532, 0.49998765975310755, 0.5685981739471373],
        "backward": [0.5685981739471374, 0.4685981739750506, 0.09999999998973813, 0.0],
        "node_posterior": [1.0, 0.9999999999998135, 0.7305958404604647, 1.0],
    },
}  # fmt: skip


@pytest.mark.parametrize("beta", sorted(LECTURE_34))
def test_lecture_34(beta: float) -> None:
    golden = LECTURE_34[beta]
    graph = lecture_34()
    result = sweep(graph, LogSemiring(beta))
    flow = result.pullback()
    assert result.totals[0] == pytest.approx(golden["free_energy"], rel=1e-12)
    assert flow.arcs.tolist() == pytest.approx(golden["posterior"], rel=1e-9)
    assert flow.nodes.tolist() == pytest.approx(golden["node_posterior"], rel=1e-12)
    assert result.node_totals.tolist() == pytest.approx(golden["alpha"], rel=1e-12)
    backward = sweep(graph.reversed(), LogSemiring(beta)).node_totals
    assert backward.tolist() == pytest.approx(golden["backward"], rel=1e-12)


def test_the_copied_numbers_are_the_golden_ones(shared: pathlib.Path) -> None:
    golden = json.loads((shared / "golden" / "lecture.json").read_text())
    assert golden["lecture_34"]["arcs"] == [list(arc) for arc in strategies.LECTURE_34_ARCS]
    assert golden["lecture_cut"]["arcs"] == [list(arc) for arc in strategies.LECTURE_CUT_ARCS]
    assert golden["lecture_cut"]["words"] == strategies.LECTURE_WORDS
    for beta, copied in LECTURE_34.items():
        numbers = golden["lecture_34"]["by_beta"][str(beta)]
        for name, value in copied.items():
            assert value == pytest.approx(numbers[name], rel=1e-14)


def test_lecture_34_loses_the_right_answers_probability() -> None:
    correct = oracle.answer_free_energies(oracle.all_paths(lecture_34()), 1.0)["3", "4"]
    assert correct == pytest.approx(0.6939217633982206, rel=1e-12)
    free = sweep(lecture_34(), LogSemiring(1.0)).totals[0]
    assert correct - free == pytest.approx(1.3054413860710197, rel=1e-12)


def test_lecture_34_viterbi() -> None:
    result = sweep(lecture_34(), TROPICAL)
    assert result.totals[0] == pytest.approx(0.6, rel=1e-15)
    assert np.flatnonzero(result.pullback().arcs).tolist() == [0, 2, 4]


def test_self_loop() -> None:
    graph = strategies.acceptor([(0, 0, "a", 0.1), (0, 1, "b", 0.5)], 0, 1)
    result = sweep(graph, LogSemiring(1.0))
    assert result.totals[0] == pytest.approx(-1.8521684610440903, rel=1e-12)
    ratio = math.exp(-0.1)
    assert result.pullback().arcs.tolist() == pytest.approx([ratio / (1 - ratio), 1.0], rel=1e-12)
    assert result.pullback().nodes.tolist() == pytest.approx([1 / (1 - ratio), 1.0], rel=1e-12)
    for energy in (0.0, -0.1):
        with pytest.raises(Diverged):
            sweep(graph.with_energy(np.array([energy, 0.5])), LogSemiring(1.0))


def test_red_node() -> None:
    energies = [0.3, 0.9, 0.4, 0.1]
    graph = strategies.acceptor(
        [(0, 1, "a", energies[0]), (0, 2, "b", energies[1]), (1, 3, "c", energies[2]), (2, 3, "d", energies[3])], 0, 3
    )
    result = sweep(graph, LogSemiring(2.0))
    assert result.totals[0] == pytest.approx(0.4812560247570571, rel=1e-12)
    share = 1 / (1 + math.exp(-2.0 * 0.3))
    assert result.pullback().arcs.tolist() == pytest.approx([share, 1 - share, share, 1 - share], rel=1e-12)


def test_lecture_cut_unconstrained() -> None:
    graph = strategies.lecture_cut()
    assert sweep(graph, TROPICAL).totals[0] == pytest.approx(0.7, rel=1e-12)
    assert sweep(graph, LogSemiring(1.0)).totals[0] == pytest.approx(-1.1987819413319893, rel=1e-12)

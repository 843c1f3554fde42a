"""Best paths, n best paths, n best distinct answers and counts against listed paths."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import islice

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import oracle, strategies
from support.strategies import BETAS, connected_graphs, graphs, lecture_34, transducer

from lattice_cli.composition import compose
from lattice_cli.errors import Diverged
from lattice_cli.graph import Graph, emission_graph, evaluation_order, linear_graph, trimmed, union
from lattice_cli.search import Answer, Bound, Path, answers, best_answers, best_paths, n_best
from lattice_cli.sweep import TROPICAL, LogSemiring, count_paths, sweep

INF = math.inf
NUMBERS = st.sampled_from([1, 2, 3, 5, 10, 1000])


def checked(graph: Graph, path: Path) -> oracle.OnePath:
    """The path as the oracle sees it: it exists in the graph, and its nodes and energy are right."""
    listed = oracle.path_of(oracle.plain(graph), path.nodes[0], path.arcs)
    assert path.nodes == listed.nodes
    assert math.isfinite(path.energy)
    assert path.energy == pytest.approx(listed.energy, abs=tolerance(graph))
    assert all(type(index) is int for index in (*path.arcs, *path.nodes))
    return listed


def tolerance(graph: Graph) -> float:
    ends = [energy for energy in [*graph.start.tolist(), *graph.final.tolist()] if energy < INF]
    return 1e-12 * (1 + math.fsum(map(abs, [*graph.energy.tolist(), *ends])))


def same_energies(found: Sequence[float], wanted: Sequence[float], within: float) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one == pytest.approx(other, abs=within)


def assert_n_best(graph: Graph, found: Sequence[Path], wanted: Sequence[float]) -> None:
    """Real paths, each once, in order, with these energies."""
    for path in found:
        checked(graph, path)
    assert len({(path.nodes[0], path.arcs) for path in found}) == len(found), "a path was given twice"
    assert [path.energy for path in found] == sorted(path.energy for path in found)
    same_energies([path.energy for path in found], wanted, tolerance(graph))


# Best paths ----------------------------------------------------------------------------------------------------------


@given(graphs())
def test_the_best_path_is_the_least_listed(graph: Graph) -> None:
    paths = oracle.all_paths(graph)
    found = best_paths(graph)
    assert len(found) == 1
    if not paths:
        assert found == [None]
        return
    assert found[0] is not None
    checked(graph, found[0])
    assert found[0].energy == pytest.approx(min(path.energy for path in paths), abs=tolerance(graph))


@given(st.lists(graphs(max_nodes=5, max_arcs=8), min_size=2, max_size=5))
def test_the_best_paths_of_a_union_are_those_of_its_members(members: list[Graph]) -> None:
    found = best_paths(union(members))
    assert found == [best_paths(member)[0] for member in members]
    assert [path is None for path in found] == [not oracle.all_paths(member) for member in members]


@given(connected_graphs())
def test_the_best_path_has_the_energy_of_the_hard_sweep(graph: Graph) -> None:
    """To the last bit where the sweep adds from the end to the start, as a path does."""
    path = best_paths(graph)[0]
    assert path is not None
    assert path.energy == sweep(graph.reversed(), TROPICAL).totals[0]
    assert path.energy == pytest.approx(sweep(graph, TROPICAL).totals[0], abs=tolerance(graph))


@given(st.lists(graphs(energies=strategies.halves, max_nodes=6, max_arcs=10), min_size=2, max_size=4))
@settings(max_examples=100)
def test_ties_are_broken_alike_in_any_company(members: list[Graph]) -> None:
    assert best_paths(union(members)) == [best_paths(member)[0] for member in members]


def test_a_path_without_arcs() -> None:
    graph = Graph([], [], [], [], [], [0.25, INF, 3.0], [0.5, 0.0, 4.0])
    assert best_paths(graph) == [Path(0.75, (), (0,))]
    assert n_best(graph, 5) == [Path(0.75, (), (0,)), Path(7.0, (), (2,))]
    assert best_answers(graph, 5) == [Path(0.75, (), (0,))]


def test_no_path_is_none_and_an_empty_list() -> None:
    for graph in (Graph([], [], [], [], [], [], []), Graph([0], [1], [0], [0], [1.0], [INF, 0.0], [0.0, INF])):
        assert best_paths(graph) == [None]
        assert n_best(graph, 3) == []
        assert best_answers(graph, 3) == []
        assert count_paths(graph) == 0


# N best --------------------------------------------------------------------------------------------------------------


@given(graphs(), NUMBERS)
@settings(max_examples=100)
def test_the_n_best_paths_are_the_first_n_listed(graph: Graph, n: int) -> None:
    wanted = sorted(path.energy for path in oracle.all_paths(graph))[:n]
    assert_n_best(graph, n_best(graph, n), wanted)


@given(connected_graphs(energies=strategies.halves, max_nodes=6, max_arcs=9), NUMBERS)
@settings(max_examples=100)
def test_the_n_best_paths_with_many_ties(graph: Graph, n: int) -> None:
    wanted = sorted(path.energy for path in oracle.all_paths(graph))[:n]
    found = n_best(graph, n)
    assert_n_best(graph, found, wanted)
    assert [path.energy for path in found] == wanted  # sums of halves are exact


@given(connected_graphs(energies=strategies.halves))
def test_the_first_of_the_n_best_is_the_best(graph: Graph) -> None:
    assert n_best(graph, 1) == best_paths(graph)
    assert n_best(graph, 4)[0].energy == n_best(graph, 1)[0].energy


@given(connected_graphs(energies=strategies.halves, max_nodes=6, max_arcs=9))
@settings(max_examples=100)
def test_ties_come_in_the_order_of_their_arcs(graph: Graph) -> None:
    """And asking for fewer gives the same ones."""
    found = n_best(graph, 1000)
    assert found == sorted(found, key=lambda path: (path.energy, path.nodes[0], path.arcs))
    for n in range(1, len(found)):
        assert n_best(graph, n) == found[:n]


@given(connected_graphs(energies=st.sampled_from([0.5, 1.0]), max_nodes=4, max_arcs=6, cyclic=True))
def test_answers_that_tie_on_a_cyclic_graph_come_shorter_ones_first(graph: Graph) -> None:
    """As the help of viterbi says."""
    found = best_answers(graph, 12)
    labels = [graph.olabel[list(path.arcs)] for path in found]
    spelled = [tuple(each[each > 0].tolist()) for each in labels]
    keys = [(round(path.energy, 9), len(answer), answer) for path, answer in zip(found, spelled)]
    useful, _, _ = trimmed(graph)
    assume((evaluation_order(useful.src, useful.dst, np.array([0, useful.nodes])).component >= 0).any())
    assert keys == sorted(keys)


def test_no_paths_and_no_answers_asked_for() -> None:
    assert n_best(lecture_34(), 0) == []
    assert best_answers(lecture_34(), 0) == []


def test_n_best_of_a_graph_with_a_million_million_paths() -> None:
    rng = random.Random(8)
    arcs = [
        (step * 3 + tail, step * 3 + 3 + head, "a", rng.uniform(0, 2))
        for step in range(60)
        for tail in range(3)
        for head in range(3)
    ]
    graph = strategies.acceptor(arcs, 1, 180)
    assert_n_best(graph, n_best(graph, 150), oracle.k_best_energies(graph, 150))


def test_n_best_of_vector_arcs() -> None:
    energies = np.random.default_rng(6).normal(size=(12, 9))
    graph = emission_graph(energies, ("", *"abcdefghi"))
    assert_n_best(graph, n_best(graph, 100), oracle.k_best_energies(graph, 100))


@pytest.mark.parametrize("size", [1, 2, 50])
def test_all_parallel_arcs_of_a_pair_of_nodes_in_order(size: int) -> None:
    energies = [float(k * 7 % size) for k in range(size)]
    graph = strategies.acceptor([(0, 1, f"label {k}", energy) for k, energy in enumerate(energies)], 0, 1)
    found = n_best(graph, size + 5)
    assert_n_best(graph, found, sorted(energies))
    assert sorted(path.arcs[0] for path in found) == list(range(size))


# Cycles --------------------------------------------------------------------------------------------------------------


@given(connected_graphs(energies=strategies.positive_energies, cyclic=True), st.sampled_from([1, 2, 5, 20]))
def test_the_n_best_paths_of_a_cyclic_graph(graph: Graph, n: int) -> None:
    assert_n_best(graph, n_best(graph, n), [path.energy for path in islice(oracle.best_first(graph), n)])


@given(graphs(energies=strategies.halves, cyclic=True, max_nodes=5, max_arcs=8))
def test_the_best_path_of_a_cyclic_graph_or_a_negative_cycle(graph: Graph) -> None:
    if any(energy < 0 for energy in oracle.cycle_energies(graph)):
        for question in (best_paths, lambda g: n_best(g, 2), lambda g: best_answers(g, 2)):
            with pytest.raises(Diverged):
                question(graph)
        return
    wanted = min((path.energy for path in oracle.simple_paths(graph)), default=INF)
    path = best_paths(graph)[0]
    if path is None:
        assert wanted == INF
        return
    checked(graph, path)
    assert path.energy == wanted
    assert len(set(path.nodes)) == len(path.nodes), "a cycle of zero energy was walked"


@given(connected_graphs(energies=st.sampled_from([0.0, 0.0, 0.5, 1.0]), cyclic=True, max_nodes=4, max_arcs=4))
def test_cycles_of_zero_energy_give_as_many_paths_as_asked_for(graph: Graph) -> None:
    wanted = [path.energy for path in islice(oracle.best_first(graph), 6)]
    assert_n_best(graph, n_best(graph, 6), wanted)


def test_the_n_best_walks_round_a_loop() -> None:
    graph = strategies.acceptor([(0, 0, "a", 0.25), (0, 1, "b", 0.5)], 0, 1)
    found = n_best(graph, 4)
    assert [path.arcs for path in found] == [(1,), (0, 1), (0, 0, 1), (0, 0, 0, 1)]
    assert [path.energy for path in found] == [0.5, 0.75, 1.0, 1.25]
    assert [path.nodes for path in found] == [(0, 1), (0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 0, 1)]


# Distinct answers ----------------------------------------------------------------------------------------------------


def assert_best_answers(graph: Graph, found: Sequence[Path], wanted: Sequence[tuple[float, tuple[str, ...]]]) -> None:
    """Distinct outputs in order, each by its best path; `wanted` lists all answers that could be among them."""
    listed = [checked(graph, path) for path in found]
    assert len({path.output for path in listed}) == len(found), "an answer was given twice"
    assert [path.energy for path in found] == sorted(path.energy for path in found)
    same_energies([path.energy for path in found], [energy for energy, _ in wanted[: len(found)]], tolerance(graph))
    energy_of = {output: energy for energy, output in wanted}
    for path in listed:
        assert path.energy == pytest.approx(energy_of[path.output], abs=tolerance(graph))


@given(graphs(), NUMBERS)
@settings(max_examples=100)
def test_the_best_answers_are_the_first_n_distinct(graph: Graph, n: int) -> None:
    wanted = oracle.best_answers(oracle.all_paths(graph))
    found = best_answers(graph, n)
    assert len(found) == min(n, len(wanted))
    assert_best_answers(graph, found, wanted)


@given(connected_graphs(energies=strategies.halves, max_nodes=6, max_arcs=8, labels=("", "a")), NUMBERS)
@settings(max_examples=100)
def test_the_best_answers_where_many_paths_spell_the_same(graph: Graph, n: int) -> None:
    wanted = oracle.best_answers(oracle.all_paths(graph))
    found = best_answers(graph, n)
    assert len(found) == min(n, len(wanted))
    assert_best_answers(graph, found, wanted)


@given(connected_graphs(energies=strategies.moderate_energies, max_nodes=6, max_arcs=8, labels=("", "a", "b")), BETAS)
def test_the_answers_by_free_energy(graph: Graph, beta: float) -> None:
    wanted = oracle.answer_free_energies(oracle.all_paths(graph), beta)
    found = list(answers(graph, LogSemiring(beta)))
    assert all(isinstance(answer, Answer) for answer in found)
    energies = [answer.energy for answer in found]
    same_energies(energies, sorted(wanted.values()), 1e-9)
    spelled = [tuple(graph.words(answer.output)) for answer in found if isinstance(answer, Answer)]
    assert sorted(spelled) == sorted(wanted)
    for output, energy in zip(spelled, energies, strict=True):
        assert energy == pytest.approx(wanted[output], abs=1e-9)
    same_energies([oracle.soft_minimum(energies, beta)], sweep(graph, LogSemiring(beta)).totals.tolist(), 1e-9)


@given(connected_graphs(energies=strategies.moderate_energies, max_nodes=6, max_arcs=8), st.integers(0, 6))
def test_a_budget_is_answered_by_a_bound_that_holds(graph: Graph, budget: int) -> None:
    for semiring, wanted in (
        (TROPICAL, [energy for energy, _ in oracle.best_answers(oracle.all_paths(graph))]),
        (LogSemiring(1.0), sorted(oracle.answer_free_energies(oracle.all_paths(graph), 1.0).values())),
    ):
        found = list(answers(graph, semiring, budget))
        given_answers = [answer.energy for answer in found if isinstance(answer, Answer)]
        same_energies(given_answers, wanted[: len(given_answers)], 1e-9)
        bounds = [answer for answer in found if isinstance(answer, Bound)]
        if len(given_answers) < len(wanted):
            assert bounds == found[-1:]
            assert wanted[len(given_answers)] >= bounds[0].energy - 1e-9


@given(
    connected_graphs(
        energies=strategies.positive_energies, cyclic=True, max_nodes=4, max_arcs=4, labels=("", "a", "b")
    ),
    st.sampled_from([1, 3, 8]),
)
@settings(max_examples=60)
def test_the_best_answers_of_a_cyclic_graph(graph: Graph, n: int) -> None:
    paths = list(islice(oracle.best_first(graph), 400))
    everything = len(paths) < 400
    limit = INF if everything else paths[-1].energy - 1e-9
    wanted = [(energy, output) for energy, output in oracle.best_answers(paths) if energy < limit]
    assume(wanted)
    silent = Graph(
        *(column[graph.olabel == 0] for column in (graph.src, graph.dst, graph.ilabel, graph.olabel, graph.energy)),
        graph.start, graph.final, graph.labels,
    )  # fmt: skip
    if not everything and len(wanted) < n:
        assume(not oracle.simple_cycles(silent) or len(oracle.answers(paths)) >= n)
    found = best_answers(graph, n)
    assert len(found) >= min(n, len(wanted))
    known = [path for path in found if path.energy < limit]
    assert len(known) >= min(len(found), len(wanted)) if everything else len(known) == min(n, len(wanted))
    assert_best_answers(graph, known, wanted)


def test_an_answer_with_a_million_paths_does_not_hide_the_next() -> None:
    twins = [(step, step + 1, "a", 0.001 * k) for step in range(20) for k in range(2)]
    graph = strategies.acceptor([*twins, (20, 21, "b", 0.0), (20, 21, "c", 1.0), (19, 21, "d", 2.5)], 0, 21)
    assert count_paths(graph) == 2**21 + 2**19
    found = best_answers(graph, 10)
    assert [graph.words(graph.olabel[list(path.arcs)])[-2:] for path in found] == [["a", "b"], ["a", "c"], ["a", "d"]]
    assert [path.energy for path in found] == [0.0, 1.0, 2.5]


def test_silent_cycles_are_one_answer() -> None:
    graph = transducer(
        [(0, 1, "x", "", 0.5), (1, 0, "y", "", 0.5), (1, 2, "z", "A", 0.0), (0, 2, "z", "B", 0.0)],
        [0.0, INF, INF],
        [INF, INF, 0.0],
    )
    assert [path.arcs for path in best_answers(graph, 5)] == [(3,), (0, 2)]
    free = {answer.output: answer.energy for answer in answers(graph, LogSemiring(2.0)) if isinstance(answer, Answer)}
    loop = math.log1p(-math.exp(-2.0)) / 2
    wanted = {"B": loop, "A": loop + 0.5}
    assert {graph.labels[output[0]]: energy for output, energy in free.items()} == pytest.approx(wanted, rel=1e-12)


def test_answers_that_begin_alike_or_end_inside_each_other() -> None:
    trie = strategies.word_trie()
    found = best_answers(trie, 20)
    assert sorted("".join(trie.words(trie.olabel[list(path.arcs)])) for path in found) == sorted(
        strategies.LECTURE_WORDS
    )
    assert {path.energy for path in found} == {0.0}


# Counting ------------------------------------------------------------------------------------------------------------


@given(graphs(cyclic=True, max_nodes=5, max_arcs=7))
def test_paths_are_counted_or_infinitely_many(graph: Graph) -> None:
    wanted = None if oracle.simple_cycles(graph) else len(oracle.all_paths(oracle_trimmed(graph)))
    assert count_paths(graph) == wanted


def oracle_trimmed(graph: Graph) -> Graph:
    """The graph without the arcs that are on no path, so that cycles off the paths cannot trap the enumeration."""
    keep = oracle.useful_arcs(graph)
    return Graph(
        graph.src[keep], graph.dst[keep], graph.ilabel[keep], graph.olabel[keep], graph.energy[keep],
        graph.start, graph.final, graph.labels,
    )  # fmt: skip


@given(graphs())
def test_paths_of_acyclic_graphs_are_counted(graph: Graph) -> None:
    assert count_paths(graph) == len(oracle.all_paths(graph))


def test_counts_are_exact_integers_however_large() -> None:
    graph = emission_graph(np.zeros((100, 10)), ("", *"0123456789"))
    assert count_paths(graph) == 10**100


def test_a_cycle_on_no_path_does_not_count() -> None:
    graph = strategies.acceptor([(0, 1, "a", 0.0), (2, 2, "b", 0.0), (0, 3, "c", 0.0), (3, 3, "d", 0.0)], 0, 1)
    assert count_paths(graph) == 1


# The lecture's numbers -----------------------------------------------------------------------------------------------

LECTURE_34_PATHS = [
    ("341", 0.6, (0, 2, 4)),
    ("34", 0.7, (0, 8)),
    ("39", 1.3, (0, 9)),
    ("321", 1.5000000000000002, (0, 3, 4)),
    ("541", 2.8, (1, 2, 4)),
    ("344", 2.9, (0, 2, 5)),
]


def spelled(graph: Graph, path: Path) -> str:
    return "".join(graph.words(graph.olabel[list(path.arcs)]))


def test_lecture_34_n_best() -> None:
    graph = lecture_34()
    assert count_paths(graph) == 16
    found = n_best(graph, 6)
    for path, (output, energy, arcs) in zip(found, LECTURE_34_PATHS, strict=True):
        assert path.arcs == arcs
        assert spelled(graph, path) == output
        assert path.energy == pytest.approx(energy, rel=1e-12)
    assert len(n_best(graph, 100)) == 16


def test_lecture_34_n_best_distinct() -> None:
    graph = lecture_34()
    found = best_answers(graph, 6)
    assert [spelled(graph, path) for path in found] == [output for output, _, _ in LECTURE_34_PATHS]
    assert [path.energy for path in found] == pytest.approx([energy for _, energy, _ in LECTURE_34_PATHS], rel=1e-12)
    assert len(best_answers(graph, 100)) == 15


def test_lecture_34_most_offending_answer() -> None:
    """The best answer other than 34 is 341, also by free energy."""
    graph = lecture_34()
    correct = compose(graph, linear_graph(graph.labels, [graph.labels.index(label) for label in "34"]))
    assert n_best(correct.graph, 1)[0].energy == pytest.approx(0.7, rel=1e-12)
    assert sweep(correct.graph, LogSemiring(1.0)).totals[0] == pytest.approx(0.6939217633982206, rel=1e-12)
    first = next(iter(answers(graph, LogSemiring(1.0))))
    assert isinstance(first, Answer)
    assert "".join(graph.words(first.output)) == "341"
    assert first.energy == pytest.approx(0.6, rel=1e-12)


def test_lecture_cut_best() -> None:
    graph = strategies.lecture_cut()
    free = best_paths(graph)[0]
    assert free is not None
    assert (spelled(graph, free), free.energy) == ("cxp", pytest.approx(0.7, rel=1e-12))
    composition = compose(graph, strategies.word_trie())
    found = [(spelled(composition.graph, path), path.energy) for path in n_best(composition.graph, 5)]
    assert [output for output, _ in found] == ["cap", "cat", "cut"]
    assert [energy for _, energy in found] == pytest.approx([0.8, 1.4, 2.0], rel=1e-12)

"""Composition against the list of all pairs of paths, and its provenance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import oracle, strategies
from support.strategies import LABELS, OTHER_LABELS, connected_graphs, graphs, transducer

from lattice_cli.arrays import KeyIndex
from lattice_cli.composition import ADD, OPERATORS, Combine, Composition, compose, operator_of
from lattice_cli.composition.combine import LEFT, MAX, MIN, PRODUCT, RIGHT
from lattice_cli.graph import Graph, emission_graph, linear_graph
from lattice_cli.sweep import TROPICAL, LogSemiring, sweep

INF = math.inf
#: (nodes of left and right path at the start, arcs of the left path, arcs of the right path)
Key = tuple[tuple[int, int], tuple[int, ...], tuple[int, ...]]

LEFTS = connected_graphs(max_nodes=4, max_arcs=4)
RIGHTS = connected_graphs(max_nodes=4, max_arcs=4, labels=OTHER_LABELS)
ANY_LEFTS = graphs(max_nodes=5, max_arcs=8)
ANY_RIGHTS = graphs(max_nodes=5, max_arcs=8, labels=OTHER_LABELS)
#: Labels that often agree: paths of one label and epsilons.
EPSILON_LEFTS = connected_graphs(max_nodes=4, max_arcs=4, labels=("", "a"))
EPSILON_RIGHTS = connected_graphs(max_nodes=4, max_arcs=4, labels=("", "a"))
PAIRS = st.one_of(st.tuples(LEFTS, RIGHTS), st.tuples(EPSILON_LEFTS, EPSILON_RIGHTS), st.tuples(ANY_LEFTS, ANY_RIGHTS))


def expected(pairs: Sequence[oracle.Pair]) -> dict[Key, oracle.Pair]:
    keyed = {((pair.left.nodes[0], pair.right.nodes[0]), pair.left.arcs, pair.right.arcs): pair for pair in pairs}
    assert len(keyed) == len(pairs)
    return keyed


def key_of(composition: Composition, path: oracle.OnePath) -> Key:
    """The pair of paths that an interpretation path came from."""
    first = path.nodes[0]
    left = [int(composition.left_arc[arc]) for arc in path.arcs]
    right = [int(composition.right_arc[arc]) for arc in path.arcs]
    return (
        (int(composition.left_node[first]), int(composition.right_node[first])),
        tuple(arc for arc in left if arc >= 0),
        tuple(arc for arc in right if arc >= 0),
    )


def assert_same_paths(composition: Composition, pairs: Sequence[oracle.Pair]) -> None:
    """Each pair is one path with the right labels and energy, and there is no other path."""
    wanted = expected(pairs)
    paths = oracle.all_paths(composition.graph)
    counts = Counter(key_of(composition, path) for path in paths)
    assert counts == Counter(dict.fromkeys(wanted, 1)), "some pair of paths is missing, counted twice or invented"
    for path in paths:
        pair = wanted[key_of(composition, path)]
        assert path.input == pair.left.input
        assert path.output == pair.right.output
        scale = 1 + abs(pair.left.energy) + abs(pair.right.energy)
        scale += sum(abs(energy) for energy in composition.graph.energy.tolist())
        assert path.energy == pytest.approx(pair.energy, abs=1e-12 * scale)


def assert_trimmed(graph: Graph) -> None:
    assert oracle.nodes_on_paths(graph) == list(range(graph.nodes))
    assert oracle.useful_arcs(graph) == list(range(graph.arcs))


@given(PAIRS)
@settings(max_examples=100)
def test_each_pair_of_paths_is_one_interpretation(pair: tuple[Graph, Graph]) -> None:
    left, right = pair
    composition = compose(left, right)
    assert_same_paths(composition, oracle.composed(left, right))
    assert_trimmed(composition.graph)


@given(PAIRS)
def test_the_multiset_of_labels_and_energies(pair: tuple[Graph, Graph]) -> None:
    left, right = pair

    def rounded(items: Sequence[tuple[tuple[str, ...], tuple[str, ...], float]]) -> Counter[object]:
        return Counter((one, other, round(energy, 4) + 0.0) for one, other, energy in items)

    found = [(path.input, path.output, path.energy) for path in oracle.all_paths(compose(left, right).graph)]
    wanted = [(pair.left.input, pair.right.output, pair.energy) for pair in oracle.composed(left, right)]
    # Compare at a coarse grid, and drop energies that lie on its edge.
    edges = {round(energy, 4) for _, _, energy in wanted if abs((energy * 1e4) % 1 - 0.5) < 1e-3}
    assume(not edges)
    assert rounded(found) == rounded(wanted)


@given(PAIRS, st.sampled_from([*sorted(OPERATORS), "1.5,-0.25"]))
@settings(max_examples=100)
def test_every_operator_combines_every_pair(pair: tuple[Graph, Graph], name: str) -> None:
    left, right = pair
    operator = operator_of(name)
    assert operator is not None
    assert operator.name == name
    composition = compose(left, right, operator)
    assert_same_paths(composition, oracle.composed(left, right, name))
    assert_trimmed(composition.graph)


def test_the_operators_by_name() -> None:
    assert OPERATORS == {"add": ADD, "max": MAX, "min": MIN, "left": LEFT, "right": RIGHT, "product": PRODUCT}
    assert operator_of("min") is MIN
    assert [operator_of(text) for text in ("sum", "1", "1,2,3", "1,inf", "a,b", "")] == [None] * 6


@given(PAIRS)
def test_provenance_names_arcs_that_agree(pair: tuple[Graph, Graph]) -> None:
    left, right = oracle.plain(pair[0]), oracle.plain(pair[1])
    composition = compose(*pair)
    whole = oracle.plain(composition.graph)
    places = list(zip(composition.left_node.tolist(), composition.right_node.tolist(), strict=True))
    assert len(places) == composition.graph.nodes
    assert len(composition.left_arc) == len(composition.right_arc) == composition.graph.arcs
    for index, arc in enumerate(whole.arcs):
        one, other = int(composition.left_arc[index]), int(composition.right_arc[index])
        assert one >= 0 or other >= 0
        spoken = left.arcs[one].olabel if one >= 0 else ""
        heard = right.arcs[other].ilabel if other >= 0 else ""
        assert spoken == heard
        assert arc.ilabel == (left.arcs[one].ilabel if one >= 0 else "")
        assert arc.olabel == (right.arcs[other].olabel if other >= 0 else "")
        for side, own, lists in ((0, one, left), (1, other, right)):
            tail, head = places[arc.src][side], places[arc.dst][side]
            assert (tail, head) == ((lists.arcs[own].src, lists.arcs[own].dst) if own >= 0 else (tail, tail))
    for node, (one, other) in enumerate(places):
        for ends, left_ends, right_ends in (
            (whole.start, left.start, right.start),
            (whole.final, left.final, right.final),
        ):
            if ends[node] < INF:
                assert ends[node] == pytest.approx(left_ends[one] + right_ends[other], rel=1e-15)


# Gradients -----------------------------------------------------------------------------------------------------------

MODERATE = st.one_of(
    st.tuples(
        connected_graphs(energies=strategies.moderate_energies, max_nodes=4, max_arcs=4, labels=("", "a", "b")),
        connected_graphs(energies=strategies.moderate_energies, max_nodes=4, max_arcs=4, labels=("", "b", "a")),
    ),
    st.tuples(
        connected_graphs(energies=strategies.moderate_energies, max_nodes=4, max_arcs=4, labels=("", "a")),
        connected_graphs(energies=strategies.moderate_energies, max_nodes=4, max_arcs=4, labels=("", "a")),
    ),
)


@given(MODERATE, st.sampled_from([0.5, 1.0, 2.0]))
def test_gradients_reach_both_sides_as_posteriors(pair: tuple[Graph, Graph], beta: float) -> None:
    left, right = pair
    pairs = oracle.composed(left, right)
    assume(pairs)
    composition = compose(left, right)
    result = sweep(composition.graph, LogSemiring(beta))
    energies = [one.energy for one in pairs]
    assert result.totals[0] == pytest.approx(oracle.soft_minimum(energies, beta), rel=1e-9, abs=1e-9)
    least = min(energies)
    weights = [math.exp(-beta * (energy - least)) for energy in energies]
    gradient = result.pullback().arcs
    for side, graph, found in (
        ("left", left, composition.left_gradient(gradient)),
        ("right", right, composition.right_gradient(gradient)),
    ):
        assert found.shape == (graph.arcs,)
        wanted = [
            math.fsum(w * getattr(one, side).arcs.count(arc) for w, one in zip(weights, pairs, strict=True))
            / math.fsum(weights)
            for arc in range(graph.arcs)
        ]
        assert found.tolist() == pytest.approx(wanted, abs=1e-9)


@given(MODERATE, st.sampled_from([*sorted(OPERATORS), "1.5,-0.25"]), st.data())
def test_gradients_through_every_operator_are_derivatives(
    pair: tuple[Graph, Graph], name: str, data: st.DataObject
) -> None:
    left, right = pair
    assume(oracle.composed(left, right, name))
    operator = operator_of(name)
    assert operator is not None
    composition = compose(left, right, operator)
    both = (composition.left_arc >= 0) & (composition.right_arc >= 0)
    gaps = np.abs(left.energy[composition.left_arc[both]] - right.energy[composition.right_arc[both]])
    assume(name not in ("max", "min") or gaps.min(initial=1.0) > 1e-2)  # no kink within the step
    gradient = sweep(composition.graph, LogSemiring(1.0)).pullback().arcs
    ways = [np.array(data.draw(st.lists(st.floats(-1, 1), min_size=graph.arcs, max_size=graph.arcs))) for graph in pair]
    inner = float(composition.left_gradient(gradient) @ ways[0] + composition.right_gradient(gradient) @ ways[1])

    def energy(step: float) -> float:
        moved = [graph.with_energy(graph.energy + step * way) for graph, way in zip(pair, ways, strict=True)]
        return oracle.soft_minimum([one.energy for one in oracle.composed(*moved, name)], 1.0)

    step = 1e-3
    close = (energy(step) - energy(-step)) / (2 * step)
    wide = (energy(2 * step) - energy(-2 * step)) / (4 * step)
    assert inner == pytest.approx((4 * close - wide) / 3, abs=1e-7)


def test_gradients_add_up_over_the_interpretation_arcs_of_one_arc() -> None:
    left = transducer([(0, 1, "x", "a", 0.0), (1, 2, "x", "b", 0.0)], [0.0, INF, INF], [INF, INF, 0.0])
    right = transducer(
        [(0, 0, "a", "A", 1.0), (0, 0, "b", "B", 2.0), (0, 0, "b", "C", 3.0), (0, 0, "c", "D", 0.0)], [0.0], [0.0]
    )
    composition = compose(left, right)
    values = np.arange(1.0, composition.graph.arcs + 1)
    by_right = composition.right_gradient(values)
    for arc in range(4):
        assert by_right[arc] == values[composition.right_arc == arc].sum()
    assert composition.left_gradient(values).tolist() == [
        values[composition.left_arc == 0].sum(), values[composition.left_arc == 1].sum(),
    ]  # fmt: skip
    assert by_right[3] == 0.0
    assert by_right.sum() == values.sum()


@pytest.mark.parametrize("operator", [MAX, MIN])
def test_a_tie_belongs_to_the_left_side_alone(operator: Combine) -> None:
    graph = transducer([(0, 1, "a", "a", 0.5)], [0.0, INF], [INF, 0.0])
    composition = compose(graph, graph, operator)
    assert sweep(composition.graph, TROPICAL).totals.tolist() == [0.5]
    assert composition.left_gradient(np.array([3.0])).tolist() == [3.0]
    assert composition.right_gradient(np.array([3.0])).tolist() == [0.0]


# Laws ----------------------------------------------------------------------------------------------------------------


@given(
    graphs(max_nodes=4, max_arcs=5),
    graphs(max_nodes=4, max_arcs=5),
    graphs(max_nodes=4, max_arcs=5, labels=OTHER_LABELS),
)
def test_composition_is_associative(one: Graph, two: Graph, three: Graph) -> None:
    def multiset(graph: Graph) -> list[tuple[tuple[str, ...], tuple[str, ...], float]]:
        return sorted((path.input, path.output, path.energy) for path in oracle.all_paths(graph))

    first = multiset(compose(compose(one, two).graph, three).graph)
    second = multiset(compose(one, compose(two, three).graph).graph)
    assert Counter(item[:2] for item in first) == Counter(item[:2] for item in second)
    scale = 1 + sum(float(np.abs(graph.energy).sum()) for graph in (one, two, three))
    totals = [math.fsum(item[2] for item in items) for items in (first, second)]
    assert totals[0] == pytest.approx(totals[1], abs=1e-9 * scale * (1 + len(first)))


@given(graphs(max_nodes=5, max_arcs=8))
def test_the_loop_over_all_labels_is_neutral(graph: Graph) -> None:
    symbols = list(range(1, len(LABELS)))
    loop = Graph([0] * len(symbols), [0] * len(symbols), symbols, symbols, [0.0] * len(symbols), [0.0], [0.0], LABELS)
    wanted = sorted((path.arcs, path.nodes, path.energy) for path in oracle.all_paths(graph))
    for composition, arc, node in (
        (right := compose(graph, loop), right.left_arc, right.left_node),
        (left := compose(loop, graph), left.right_arc, left.right_node),
    ):
        paths = oracle.all_paths(composition.graph)
        found = sorted(
            (tuple(int(arc[k]) for k in path.arcs), tuple(int(node[k]) for k in path.nodes), path.energy)
            for path in paths
        )
        assert found == wanted


@given(PAIRS)
def test_numbering_of_either_side_does_not_matter(pair: tuple[Graph, Graph]) -> None:
    left, right = pair
    backwards = slice(None, None, -1)
    turned = Graph(
        left.nodes - 1 - left.src[backwards], left.nodes - 1 - left.dst[backwards],
        left.ilabel[backwards], left.olabel[backwards], left.energy[backwards],
        left.start[backwards], left.final[backwards], left.labels,
    )  # fmt: skip
    one, two = compose(left, right), compose(turned, right)
    assert one.graph.arcs == two.graph.arcs
    assert one.graph.nodes == two.graph.nodes
    keys = Counter(key_of(one, path) for path in oracle.all_paths(one.graph))
    mirrored = Counter(
        (
            (left.nodes - 1 - ends[0], ends[1]),
            tuple(left.arcs - 1 - arc for arc in left_arcs),
            right_arcs,
        )
        for ends, left_arcs, right_arcs in (key_of(two, path) for path in oracle.all_paths(two.graph))
    )
    assert keys == mirrored


# Cycles --------------------------------------------------------------------------------------------------------------


@given(
    connected_graphs(energies=strategies.moderate_energies, max_nodes=4, max_arcs=5, epsilon=False),
    connected_graphs(
        energies=strategies.moderate_energies, max_nodes=3, max_arcs=5, cyclic=True, epsilon=False, labels=OTHER_LABELS
    ),
)
def test_an_acyclic_graph_against_a_cyclic_grammar(left: Graph, right: Graph) -> None:
    longest = max(len(path.arcs) for path in oracle.all_paths(left))
    assert_same_paths(compose(left, right), oracle.composed(left, right, longest=longest))


@given(
    connected_graphs(max_nodes=3, max_arcs=2, cyclic=True, labels=("", "a")),
    connected_graphs(max_nodes=3, max_arcs=2, cyclic=True, labels=("", "a")),
)
@settings(max_examples=60)
def test_two_cyclic_graphs_with_epsilon_pair_by_pair(left: Graph, right: Graph) -> None:
    """Every short pair of paths is one path, and every short path is a pair: m and n arcs make at most m + n."""
    longest = 5
    composition = compose(left, right)
    wanted = expected(oracle.composed(left, right, longest=longest))
    paths = oracle.all_paths(composition.graph, longest)
    counts = Counter(key_of(composition, path) for path in paths)
    assert max(counts.values(), default=1) == 1
    for key, pair in wanted.items():
        if len(pair.left.arcs) + len(pair.right.arcs) <= longest:
            assert counts[key] == 1
    assert set(counts) <= set(wanted)


@given(
    connected_graphs(energies=strategies.positive_energies, max_nodes=3, max_arcs=4, cyclic=True, epsilon=False),
    connected_graphs(
        energies=strategies.positive_energies, max_nodes=3, max_arcs=4, cyclic=True, epsilon=False, labels=OTHER_LABELS
    ),
)
@settings(max_examples=60)
def test_the_sum_over_a_cyclic_composition_is_that_of_the_naive_product(left: Graph, right: Graph) -> None:
    one, other = oracle.plain(left), oracle.plain(right)
    width = right.nodes
    matched = [
        (a.src * width + b.src, a.dst * width + b.dst, a.energy + b.energy)
        for a in one.arcs
        for b in other.arcs
        if a.olabel == b.ilabel
    ]
    product = Graph(
        [arc[0] for arc in matched], [arc[1] for arc in matched], [0] * len(matched), [0] * len(matched),
        [arc[2] for arc in matched],
        [a + b for a in one.start for b in other.start], [a + b for a in one.final for b in other.final],
    )  # fmt: skip
    beta = 3.0
    assume(oracle.smallest_pivot(product, beta) > 1e-3)
    sums = oracle.cyclic_sums(product, beta)
    assert sums is not None
    found = sweep(compose(left, right).graph, LogSemiring(beta)).totals[0]
    assert found == pytest.approx(sums.free_energy(), rel=1e-8, abs=1e-8)


# By hand -------------------------------------------------------------------------------------------------------------


def test_mohris_epsilon_example_has_exactly_one_path() -> None:
    """Figures 8 to 10 of Mohri, Weighted automata algorithms (2009): without a filter the pair has several paths."""
    left = transducer(
        [(0, 1, "a", "a", 0.1), (1, 2, "b", "", 0.2), (2, 3, "c", "", 0.4), (3, 4, "d", "d", 0.8)],
        [0.0, INF, INF, INF, INF],
        [INF, INF, INF, INF, 0.0],
    )
    right = transducer(
        [(0, 1, "a", "d", 1.6), (1, 2, "", "e", 3.2), (2, 3, "d", "a", 6.4)],
        [0.0, INF, INF, INF],
        [INF, INF, INF, 0.0],
    )
    paths = oracle.all_paths(compose(left, right).graph)
    assert len(paths) == 1
    assert paths[0].input == ("a", "b", "c", "d")
    assert paths[0].output == ("d", "e", "a")
    assert paths[0].energy == pytest.approx(12.7, rel=1e-12)
    assert sweep(compose(left, right).graph, LogSemiring(1.0)).totals[0] == pytest.approx(12.7, rel=1e-12)


@pytest.mark.parametrize(("many", "few"), [(1, 1), (2, 1), (3, 3), (1, 4)])
def test_runs_of_epsilon_on_both_sides_are_one_path(many: int, few: int) -> None:
    left = transducer([(k, k + 1, "x", "", 1.0) for k in range(many)], [0.0] + [INF] * many, [INF] * many + [0.0])
    right = transducer([(k, k + 1, "", "y", 2.0) for k in range(few)], [0.0] + [INF] * few, [INF] * few + [0.0])
    paths = oracle.all_paths(compose(left, right).graph)
    assert [(path.input, path.output, path.energy) for path in paths] == [(("x",) * many, ("y",) * few, many + 2 * few)]


def test_epsilon_loops_on_both_sides() -> None:
    left = transducer([(0, 0, "x", "", 0.7), (0, 1, "z", "a", 0.0)], [0.0, INF], [INF, 0.0])
    right = transducer([(0, 0, "", "y", 0.9), (0, 1, "a", "w", 0.0)], [0.0, INF], [INF, 0.0])
    total = sweep(compose(left, right).graph, LogSemiring(1.0)).totals[0]
    wanted = math.log1p(-math.exp(-0.7)) + math.log1p(-math.exp(-0.9))
    assert total == pytest.approx(wanted, rel=1e-12)


def test_labels_are_compared_as_strings() -> None:
    left = transducer([(0, 1, "b", "c", 1.0), (0, 1, "b", "a", 2.0)], [0.0, INF], [INF, 0.0])
    right = transducer([(0, 1, "c", "zebra", 10.0), (0, 1, "b", "a", 20.0)], [0.0, INF], [INF, 0.0])
    assert left.labels != right.labels
    paths = oracle.all_paths(compose(left, right).graph)
    assert [(path.input, path.output, path.energy) for path in paths] == [(("b",), ("zebra",), 11.0)]


def test_nothing_in_common_is_an_empty_graph() -> None:
    left = transducer([(0, 1, "a", "a", 1.0)], [0.0, INF], [INF, 0.0])
    right = transducer([(0, 1, "b", "b", 1.0)], [0.0, INF], [INF, 0.0])
    composition = compose(left, right)
    assert (composition.graph.nodes, composition.graph.arcs) == (0, 0)
    assert sweep(composition.graph, TROPICAL).totals.tolist() == [INF]
    assert composition.left_gradient(np.zeros(0)).tolist() == [0.0]
    assert composition.right_gradient(np.zeros(0)).tolist() == [0.0]


@pytest.mark.parametrize(
    "pair",
    [
        (Graph([], [], [], [], [], [], []), linear_graph(("", "a"), [1])),
        (linear_graph(("", "a"), [1]), Graph([], [], [], [], [], [], [])),
        (Graph([], [], [], [], [], [INF], [0.0]), linear_graph(("", "a"), [])),
    ],
)
def test_a_side_without_paths_gives_an_empty_graph(pair: tuple[Graph, Graph]) -> None:
    assert compose(*pair).graph.nodes == 0


def test_two_empty_sequences_meet_in_one_node() -> None:
    composition = compose(linear_graph(("", "a"), []), linear_graph(("", "b"), []))
    assert (composition.graph.nodes, composition.graph.arcs) == (1, 0)
    assert sweep(composition.graph, TROPICAL).totals.tolist() == [0.0]


def test_start_and_final_energies_add() -> None:
    left = transducer([(0, 1, "a", "a", 1.0)], [0.25, INF], [INF, 0.5])
    right = transducer([(0, 1, "a", "b", 2.0)], [0.125, INF], [INF, 4.0])
    assert [path.energy for path in oracle.all_paths(compose(left, right).graph)] == [7.875]


def test_a_large_pair_of_graphs_that_share_a_diagonal() -> None:
    """More possible pairs of nodes than a plain table would hold; the few that are reached must come out right."""
    steps = 6000
    rng = np.random.default_rng(2)
    energies = rng.normal(size=(steps, 2))
    answer = rng.integers(1, 3, size=steps)
    left = emission_graph(energies, ("", "a", "b"))
    composition = compose(left, linear_graph(("", "a", "b"), answer.tolist()))
    assert composition.graph.arcs == steps
    assert composition.left_arc.tolist() == (np.arange(steps) * 2 + answer - 1).tolist()
    assert composition.right_arc.tolist() == list(range(steps))
    wanted = math.fsum(energies[np.arange(steps), answer - 1].tolist())
    assert sweep(composition.graph, TROPICAL).totals[0] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("possible", [1000, 1 << 40])
def test_numbers_are_given_in_order_and_kept(possible: int) -> None:
    rng = np.random.default_rng(4)
    numbering = KeyIndex(possible)
    pool = rng.integers(0, possible, size=600) if possible > 1000 else np.arange(1000)
    known: dict[int, int] = {}
    for size in (0, 1, 5, 300, 40_000, 700):
        keys = rng.choice(pool, size=size) if size < 40_000 else rng.integers(0, possible, size=size)
        before = len(known)
        numbers, fresh = numbering.number(keys)
        assert len(set(fresh.tolist())) == len(fresh)
        assert set(fresh.tolist()) == set(keys.tolist()) - set(known)
        for place, key in enumerate(fresh.tolist()):
            known[key] = before + place
        assert numbers.tolist() == [known[key] for key in keys.tolist()]
        assert numbering.count == len(known)


# The lecture's figure ------------------------------------------------------------------------------------------------

LECTURE_CUT = {
    0.5: {
        "free_energy": -0.8567803398122487,
        "answers": {"cap": 0.4367518169107908, "cat": 0.32355370388335947, "cut": 0.2396944792058498},
        "gradient": [1.0, 0, 0, 0, 0.7603055207941503, 0.2396944792058498, 0.4367518169107908, 0.5632481830892093],
    },
    1.0: {
        "free_energy": 0.1848111998303149,
        "answers": {"cap": 0.5405388318516456, "cat": 0.2966540006808555, "cut": 0.16280716746749874},
        "gradient": [1.0, 0, 0, 0, 0.8371928325325011, 0.16280716746749874, 0.5405388318516456, 0.45946116814835425],
    },
    2.0: {
        "free_energy": 0.6346607698950633,
        "answers": {"cap": 0.7184361377107102, "cat": 0.21638880630702362, "cut": 0.06517505598226614},
        "gradient": [1.0, 0, 0, 0, 0.9348249440177339, 0.06517505598226614, 0.7184361377107102, 0.28156386228928976],
    },
}


def test_lecture_cut_interpretations() -> None:
    composition = compose(strategies.lecture_cut(), strategies.word_trie())
    assert composition.graph.arcs == 6
    found = {
        "".join(path.output): (path.energy, [int(composition.left_arc[arc]) for arc in path.arcs])
        for path in oracle.all_paths(composition.graph)
    }
    assert set(found) == {"cap", "cat", "cut"}
    for answer, energy, arcs in (("cap", 0.8, [0, 4, 6]), ("cat", 1.4, [0, 4, 7]), ("cut", 2.0, [0, 5, 7])):
        assert found[answer][0] == pytest.approx(energy, rel=1e-12)
        assert found[answer][1] == arcs


@pytest.mark.parametrize("beta", sorted(LECTURE_CUT))
def test_lecture_cut(beta: float) -> None:
    golden = LECTURE_CUT[beta]
    composition = compose(strategies.lecture_cut(), strategies.word_trie())
    result = sweep(composition.graph, LogSemiring(beta))
    assert result.totals[0] == pytest.approx(golden["free_energy"], rel=1e-12)
    gradient = result.pullback().arcs
    assert composition.left_gradient(gradient).tolist() == pytest.approx(golden["gradient"], rel=1e-9)
    free = oracle.answer_free_energies(oracle.all_paths(composition.graph), beta)
    shares = {"".join(answer): math.exp(-beta * (energy - result.totals[0])) for answer, energy in free.items()}
    assert shares == pytest.approx(golden["answers"], rel=1e-9)


def test_the_label_table_of_a_grammar_is_not_made_again() -> None:
    grammar = linear_graph(("", "a", "b", "c"), [1, 2])
    record = linear_graph(("", "b", "a"), [2, 1])
    assert compose(record, grammar).graph.labels is grammar.labels
    stranger = linear_graph(("", "x", "a"), [2, 1])
    tables = [compose(stranger, grammar).left.labels for _ in range(2)]
    assert tables[0] == ("", "a", "b", "c", "x")
    assert tables[0] is tables[1]
    for name in map(str, range(20)):
        assert compose(linear_graph(("", name), [1]), grammar).left.labels == ("", "a", "b", "c", name)

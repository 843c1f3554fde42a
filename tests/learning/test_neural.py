"""Neural grammars: the contexts that are reached and the energies, against plain enumeration; gradients by weights."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.strategies import LABELS, OTHER_LABELS, graphs, moderate_energies

from lattice_cli.composition import compose
from lattice_cli.errors import UsageError
from lattice_cli.grammars import context_automaton as contexts
from lattice_cli.grammars import contexts_of
from lattice_cli.graph import Document, Graph, Labels, emission_graph, label_loop, linear_graph, union
from lattice_cli.learning.grammars import (
    NeuralGrammar,
    NeuralSettings,
    ReachedGrammar,
    TextSettings,
    TrainedGrammar,
    learn,
)
from lattice_cli.learning.grammars.neural import followed
from lattice_cli.learning.grammars.text_training import Windows, mean_energy, objective
from lattice_cli.learning.networks import Parameters
from lattice_cli.records import Decoder, output_of
from lattice_cli.search import n_best
from lattice_cli.sweep import LogSemiring, sweep

VOCABULARY: Labels = ("", "b", "a", "d")


def network(
    width: int, labels: Labels = VOCABULARY, hidden: tuple[int, ...] = (5,), scale: float = 1.0
) -> NeuralGrammar:
    return NeuralGrammar(labels, NeuralSettings(width, 3, hidden), scale)


def trained(width: int, seed: int = 0, labels: Labels = VOCABULARY) -> TrainedGrammar:
    neural = network(width, labels)
    rng = np.random.default_rng(seed)
    weights = {name: array + rng.normal(size=array.shape) for name, array in neural.initial(rng).items()}
    return TrainedGrammar(neural, weights, "n", "n.npz")


def plain_energy(grammar: TrainedGrammar, answer: list[str]) -> float:
    """-log of the product of softmaxes, place by place, from the network's definition."""
    labels, width = grammar.neural.labels, grammar.neural.settings.context
    if any(label not in labels[1:] for label in answer):
        return math.inf
    weights = grammar.parameters
    behind, total = [0] * width, 0.0
    for label in [*answer, None]:
        inputs = [number for each in behind for number in weights["embedding"][each].tolist()]
        hidden = np.tanh(np.array(inputs) @ weights["layer0.weight"] + weights["layer0.bias"])
        values = -(hidden @ weights["layer1.weight"] + weights["layer1.bias"])
        index = 0 if label is None else labels.index(label)
        total += float(np.logaddexp.reduce(values) - values[index])
        behind = [*behind, index][-width:]
    return grammar.neural.scale * total


shapes = graphs(energies=moderate_energies, labels=OTHER_LABELS, max_nodes=5, max_arcs=9)


@settings(max_examples=60)
@given(shapes, st.integers(1, 3))
def test_the_contexts_reached_are_those_on_paths_of_known_labels(graph: Graph, width: int) -> None:
    found = contexts_of(graph, VOCABULARY, width)
    reached, said = {(0,) * width}, set()
    for path in oracle.all_paths(graph):
        if not set(path.output) <= set(VOCABULARY):
            continue
        indices = [VOCABULARY.index(label) for label in path.output]
        padded = [0] * width + indices
        reached |= {tuple(padded[place : place + width]) for place in range(len(indices) + 1)}
        said |= {(tuple(padded[place : place + width]), label) for place, label in enumerate(indices)}
    rows = [tuple(row) for row in found.rows.tolist()]
    assert len(set(rows)) == len(rows)
    complete = any(set(path.output) <= set(VOCABULARY) for path in oracle.all_paths(graph))
    assert set(rows) == reached or not complete
    arcs = [(rows[tail], label) for tail, label in zip(found.graph.src.tolist(), found.graph.ilabel.tolist())]
    assert len(set(arcs)) == len(arcs)
    assert set(arcs) == said or not said
    assert len(found.graph.finals) == found.graph.nodes
    for tail, head, label in zip(*(each.tolist() for each in (found.graph.src, found.graph.dst, found.graph.ilabel))):
        assert rows[head] == (*rows[tail], label)[1:]
    names = list(found.names)
    assert names == [" ".join(VOCABULARY[each] for each in row if each) or "start" for row in rows]


@settings(max_examples=60)
@given(shapes, st.integers(1, 3), st.integers(0, 5))
def test_paths_of_the_interpretation_are_those_of_the_graph_with_the_network_s_energy(
    graph: Graph, width: int, seed: int
) -> None:
    grammar = trained(width, seed)
    wanted = [
        (" ".join(path.output), path.energy + plain_energy(grammar, list(path.output)))
        for path in oracle.all_paths(graph)
        if set(path.output) <= set(VOCABULARY)
    ]
    document = Document(graph, "g", "g", range(graph.nodes))
    found = Decoder(grammar).interpret(document)
    ours = [(" ".join(path.output), path.energy) for path in oracle.all_paths(found.graph)]
    assert sorted(text for text, _ in ours) == sorted(text for text, _ in wanted)
    np.testing.assert_allclose(sorted(energy for _, energy in ours), sorted(energy for _, energy in wanted), atol=1e-9)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_cycles_reach_all_contexts_and_sums_over_them_are_1(width: int) -> None:
    grammar = trained(width)
    loop = label_loop(VOCABULARY[1:])
    rules = grammar.beside(loop)
    assert rules.graph.nodes == sum(3**length for length in range(width + 1))
    assert rules.graph.arcs == 3 * rules.graph.nodes
    # All sequences together have the probability 1.
    assert sweep(compose(loop, rules.graph).graph, LogSemiring(1.0)).totals[0] == pytest.approx(0.0, abs=1e-9)
    assert grammar.answer_energy(["a", "d", "a"]) == pytest.approx(plain_energy(grammar, ["a", "d", "a"]))
    assert grammar.answer_energy(["z"]) == math.inf


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(1, 2), st.integers(0, 9))
def test_ctc_reads_its_alignments_through_the_network(steps: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    energies = rng.normal(size=(steps, 3))
    table = ("", "a", "b", "_")
    grammar = trained(width, seed)
    document = Document(emission_graph(energies, table), "g", "g", range(steps + 1))
    found = Decoder(grammar, "_").interpret(document)
    weights = []
    for alignment in itertools.product(range(3), repeat=steps):
        said = [table[1 + label] for label, _ in itertools.groupby(alignment) if label != 2]
        own = sum(energies[step, label] for step, label in enumerate(alignment))
        weights.append(-own - plain_energy(grammar, said))
    total = sweep(found.graph, LogSemiring(1.0)).totals[0]
    assert total == pytest.approx(-np.logaddexp.reduce(weights), abs=1e-9)
    best = n_best(found.graph, 1)[0]
    assert best.energy == pytest.approx(-max(weights), abs=1e-9)
    assert len(found.side("grammar").path(best)[0]) == len(output_of(found.graph, best))
    assert "_" not in output_of(found.graph, best)


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("hidden", [(), (5,), (4, 3)])
@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_gradients_by_every_weight_are_derivatives(width: int, hidden: tuple[int, ...], scale: float) -> None:
    neural = network(width, hidden=hidden, scale=scale)
    rng = np.random.default_rng(2)
    weights = {name: array + 0.3 * rng.normal(size=array.shape) for name, array in neural.initial(rng).items()}
    lattices = union([emission_graph(np.zeros((3, 2)), ("", "a", "b")), linear_graph(VOCABULARY, [1, 3, 3])])
    reached = ReachedGrammar(neural, contexts_of(lattices, VOCABULARY, width))
    columns, pull = reached.energies(weights)
    seed = np.where(np.isfinite(columns), rng.normal(size=len(columns)), 0.0)
    gradient = pull(seed)
    assert list(gradient) == list(weights)
    assert np.array_equal(columns[: reached.contexts.graph.arcs], reached.at(weights).energy)

    def value(at: Parameters) -> float:
        found, _ = reached.energies(at)
        return float(seed @ np.where(np.isfinite(found), found, 0.0))

    for name, array in weights.items():
        along = rng.normal(size=array.shape)
        plus, minus = (value({**weights, name: array + step * along}) for step in (1e-5, -1e-5))
        assert float((gradient[name] * along).sum()) == pytest.approx((plus - minus) / 2e-5, rel=1e-7, abs=1e-8)


def test_followed_places_and_their_ends() -> None:
    rows, following = followed([[3, 1], [], [2]], 2)
    assert rows.tolist() == [[0, 0], [0, 3], [3, 1], [0, 0], [0, 0], [0, 2]]
    assert following.tolist() == [3, 1, 0, 0, 2, 0]


def test_it_learns_what_text_says() -> None:
    """Alternating letters: after the first, nothing is left to chance but the end."""
    rng = np.random.default_rng(0)
    sequences = []
    for _ in range(300):
        first, length = int(rng.integers(1, 3)), 1 + int(rng.geometric(0.3))
        sequences.append([1 + (first - 1 + place) % 2 for place in range(length)])
    neural = network(2, ("", "a", "b"))
    told = TextSettings(epochs=15, batch=64, rate=0.01, hold_out=0.2)
    epochs = list(learn(neural, sequences, told))
    assert [epoch.number for epoch, _ in epochs] == list(range(1, 16))
    assert epochs[-1][0].loss < 0.75 * epochs[0][0].loss
    best = min(epoch.held_out for epoch, _ in epochs if epoch.held_out is not None)
    learned = TrainedGrammar(neural, epochs[-1][1], "n", "n")
    assert learned.answer_energy(["a", "b", "a"]) < learned.answer_energy(["a", "b", "b"]) - 2
    same = list(learn(neural, sequences, told))
    assert all(np.array_equal(array, same[-1][1][name]) for name, array in epochs[-1][1].items())
    assert best == min(epoch.held_out for epoch, _ in same if epoch.held_out is not None)


def test_the_loss_of_text_is_the_mean_energy_of_its_places() -> None:
    grammar = trained(2)
    sequences = [[1, 2, 3], [2]]
    places = Windows.of(sequences, 2)
    wanted = sum(plain_energy(grammar, [VOCABULARY[label] for label in each]) for each in sequences) / 6
    value, gradient = objective(grammar.neural, grammar.parameters, places)
    assert value == pytest.approx(wanted)
    assert mean_energy(grammar.neural, grammar.parameters, places) == pytest.approx(wanted)
    rng = np.random.default_rng(1)
    for name, array in grammar.parameters.items():
        along = rng.normal(size=array.shape)
        plus, minus = (
            objective(grammar.neural, {**grammar.parameters, name: array + step * along}, places)[0]
            for step in (1e-5, -1e-5)
        )
        assert float((gradient[name] * along).sum()) == pytest.approx((plus - minus) / 2e-5, rel=1e-7, abs=1e-8)


def test_too_many_contexts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="cannot be numbered"):
        contexts_of(label_loop(["a", "b"]), LABELS, 40)
    monkeypatch.setattr(contexts, "MOST_CONTEXTS", 100)
    with pytest.raises(UsageError, match="reach more than 100 contexts"):
        contexts_of(label_loop(["a", "b", "c"]), LABELS, 5)

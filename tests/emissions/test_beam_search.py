"""Emission matrices through grammars, row by row: the machine, the search and its bounds, against plain composition."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.oracle import all_paths
from support.strategies import LABELS, graphs, moderate_energies

from lattice_cli.composition import compose
from lattice_cli.emissions import BeamSearch, DecodingGraph, Heuristic, emission_matrix_of
from lattice_cli.emissions import decoding_graph as machine
from lattice_cli.emissions.token_lattice import token_lattice
from lattice_cli.grammars import ctc_topology
from lattice_cli.graph import EPSILON, Graph, emission_graph, without_input_epsilon


def _energies(steps: int) -> st.SearchStrategy[np.ndarray]:
    numbers = st.integers(-6, 12).map(lambda value: value / 4)
    return st.lists(numbers, min_size=3 * steps, max_size=3 * steps).map(lambda flat: np.array(flat).reshape(steps, 3))


matrices = st.integers(1, 4).flatmap(_energies)


def _spoken(graph: Graph) -> Counter[tuple[object, ...]]:
    """Every path by its labels and energy."""
    return Counter((path.input, path.output, round(path.energy, 9)) for path in all_paths(graph))


@given(graphs(energies=moderate_energies))
def test_a_folded_grammar_has_the_same_paths(grammar: Graph) -> None:
    found = without_input_epsilon(grammar)
    if found is None:
        return
    assert not (found.graph.ilabel == EPSILON).any()
    outputs = found.outputs()
    labels = grammar.labels
    spoken: Counter[tuple[object, ...]] = Counter()
    for path in all_paths(found.graph):
        before = found.begin.order[slice(*found.begin.offsets[path.nodes[0] : path.nodes[0] + 2])]
        said = [labels[grammar.olabel[arc]] for arc in before if grammar.olabel[arc]]
        said += [labels[label] for arc in path.arcs for label in outputs[arc] if label]
        spoken[(path.input, tuple(said), round(path.energy, 9))] += 1
    expected = _spoken(grammar)
    # The path without any input stays where it is: at start nodes that are final.
    assert {key: count for key, count in spoken.items() if key[0]} == {
        key: count for key, count in expected.items() if key[0]
    }


@given(matrices, graphs(energies=moderate_energies, cyclic=True), st.booleans())
@settings(max_examples=150)
def test_the_whole_excerpt_is_the_composition(energies: np.ndarray, grammar: Graph, ctc: bool) -> None:
    labels = ("", *LABELS[1:4])
    left = emission_graph(energies, labels)
    blank = labels[1] if ctc else None
    machine = DecodingGraph.of(grammar, blank)
    if machine is None:
        return
    frames = emission_matrix_of(left)
    assert frames is not None
    found, complete = token_lattice(left, frames, BeamSearch(Heuristic(machine), frames))
    assert complete == np.inf
    right = grammar if blank is None else compose(ctc_topology(labels, 1), grammar).graph
    whole = compose(left, right)
    assert _spoken(found.graph) == _spoken(whole.graph)
    taken = found.left_arc >= 0
    assert (found.graph.energy[~taken] == grammar.energy[found.right_arc[~taken]]).all()
    both = taken & (found.right_arc >= 0)
    np.testing.assert_allclose(
        found.graph.energy[both], left.energy[found.left_arc[both]] + grammar.energy[found.right_arc[both]]
    )


@given(matrices, graphs(energies=moderate_energies, cyclic=True), st.booleans(), st.integers(1, 6), st.floats(0, 4))
@settings(max_examples=300)
def test_searches_and_their_bounds(energies: np.ndarray, grammar: Graph, ctc: bool, most: int, beam: float) -> None:
    labels = ("", *LABELS[1:4])
    left = emission_graph(energies, labels)
    machine = DecodingGraph.of(grammar, labels[1] if ctc else None)
    if machine is None:
        return
    frames = emission_matrix_of(left)
    assert frames is not None
    beam_search = BeamSearch(Heuristic(machine), frames)
    every = [path.energy for path in all_paths(token_lattice(left, frames, beam_search)[0].graph)]
    best = min(every, default=np.inf)
    exact = beam_search.best()
    assert exact.exact
    assert exact.energy == pytest.approx(best)
    for limited in (
        beam_search.limited(max_active=most),
        beam_search.limited(beam),
        beam_search.limited(beam, most),
        beam_search.limited(max_states=most),
    ):
        found = limited.search()
        assert found.energy >= best - 1e-9
        assert found.bound <= best + 1e-9
        if found.exact:
            assert found.energy == pytest.approx(best)
    spent = beam_search.limited(max_states=most).best()
    assert min(spent.energy, spent.bound) <= best + 1e-9 <= spent.energy + 2e-9
    for above in (best, best + 1.0):
        if np.isfinite(above):
            for limited in (beam_search, beam_search.limited(beam, most)):
                part, complete = token_lattice(left, frames, limited, above)
                within = sorted(path.energy for path in all_paths(part.graph))
                least = min(complete, above) + (1e-9 if complete > above else -1e-9)
                wanted = sorted(energy for energy in every if energy <= least)
                assert [energy for energy in within if energy <= least] == pytest.approx(wanted)


@given(graphs(energies=st.integers(-3, 4).map(float), cyclic=True))
def test_cycles_of_negative_energy_are_found_early(graph: Graph) -> None:
    """What is found is what all rounds find: the least energies, or that there are none."""
    energy, final = graph.energy, graph.final
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "_FIRST_CHECK", 1 << 60)
        slowly = machine._least_to_end(graph, energy, final)
        patch.setattr(machine, "_FIRST_CHECK", 1)
        patch.setattr(machine, "_ROUNDS", 1 << 20)  # takes minutes if the check does not end it
        found = machine._least_to_end(graph, energy, final)
    assert (found is None) == (slowly is None)
    if found is not None and slowly is not None:
        np.testing.assert_array_equal(found, slowly)


def test_who_comes_round_again() -> None:
    after = np.array([1, 2, 0, 0, 5, 5])  # 0, 1, 2 in a round, 3 leads there, 4 to the end
    assert machine._round_again(after, np.array([3, 1]))
    assert not machine._round_again(after, np.array([3, 4]))

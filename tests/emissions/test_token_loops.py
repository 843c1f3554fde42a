"""The loops over tokens, compiled, beside the arrays they stand for: the same tokens and moves, to the last bit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import LABELS, graphs, moderate_energies

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.emissions import BeamSearch, DecodingGraph, Heuristic, emission_matrix_of
from lattice_cli.graph import Graph, emission_graph

pytest.importorskip("numba")


@dataclasses.dataclass(frozen=True)
class LastWord:
    """A scorer that remembers the last word."""

    table: FloatArray
    first: int = 0
    least_end: float = 0.0

    @property
    def histories(self) -> int:
        return len(self.table)

    @property
    def least(self) -> FloatArray:
        least: FloatArray = self.table.min(axis=0)
        return least

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        return self.table[history, word], word

    def ending(self, history: IntArray) -> FloatArray:
        return np.zeros(len(history))


@given(
    st.integers(0, 2**32 - 1),
    graphs(energies=moderate_energies, cyclic=True),
    st.booleans(),
    st.booleans(),
    st.sampled_from([np.inf, 2.0]),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([np.inf, 5.0]),
)
@settings(max_examples=200, deadline=None)
def test_tokens_and_moves_are_those_of_arrays(
    seed: int, grammar: Graph, ctc: bool, scored: bool, beam: float, most: int | None, above: float
) -> None:
    random = np.random.default_rng(seed)
    energies = random.integers(-8, 8, (int(random.integers(1, 6)), 3)) / 4
    machine = DecodingGraph.of(grammar, LABELS[1] if ctc else None)
    if machine is None:
        return
    frames = emission_matrix_of(emission_graph(energies, ("", *LABELS[1:4])))
    assert frames is not None
    words = len(machine.labels)
    scorer = LastWord(random.integers(0, 8, (words, words)) / 4) if scored else None
    found = []
    for switch in ("0", "1"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LATTICE_COMPILED", switch)
            search = BeamSearch(Heuristic(machine, scorer), frames).limited(beam, most)
            layers = list(search.layers(above))
            found.append((layers, search.search(above), search.best()))
    (layers, *ends), (others, *other_ends) = found
    assert len(layers) == len(others)
    for one, other in zip(layers, others):
        for here, there in ((one.tokens, other.tokens), (one.steps, other.steps)):
            for field in dataclasses.fields(here):
                assert getattr(here, field.name).tolist() == getattr(there, field.name).tolist(), field.name
        assert (one.tail.tolist(), one.arc.tolist(), one.dropped) == (
            other.tail.tolist(),
            other.arc.tolist(),
            other.dropped,
        )
    for end, other_end in zip(ends, other_ends):
        assert (end.energy, end.bound, end.widest) == (other_end.energy, other_end.bound, other_end.widest)
        assert end.arcs.tolist() == other_end.arcs.tolist()

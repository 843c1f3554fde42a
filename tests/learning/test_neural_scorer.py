"""Neural grammars asked word by word: what they say composed with the record, they say on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lattice_cli.graph import Document, emission_graph, numbered_document
from lattice_cli.learning.grammars import NeuralGrammar, NeuralSettings, TrainedGrammar, neural_scorer
from lattice_cli.records import Decoder, Decoding, SearchRequest, decode, interpretations

VOCABULARY = ("", "a", "b", "c")


def grammar(width: int, seed: int) -> TrainedGrammar:
    neural = NeuralGrammar(VOCABULARY, NeuralSettings(width, 3, (4,)), scale=0.7)
    return TrainedGrammar(neural, neural.initial(np.random.default_rng(seed)), "n", "n")


def record(seed: int, rows: int, labels: tuple[str, ...]) -> Document:
    energies = np.random.default_rng(seed).normal(size=(rows, len(labels) - 1)) * 2
    return numbered_document(emission_graph(energies, labels), "m", "m")


@given(st.integers(1, 3), st.integers(0, 999), st.integers(1, 4), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_best_answers_on_the_way_are_those_of_the_composition(
    width: int, seed: int, rows: int, ctc: bool, stranger: bool
) -> None:
    labels = (*VOCABULARY[:3], *(["x"] if stranger else []), *(["_"] if ctc else []))
    document = record(seed, rows, labels)
    decoder = Decoder(grammar(width, seed), "_" if ctc else None)
    request = SearchRequest(n=3, distinct=True)
    (interpretation,) = interpretations([document], decoder, request)
    assert interpretation.search is not None
    assert interpretation.search.exact
    (found,) = decode([document], decoder, request)
    (composed,) = decode([document], decoder, request, of="grammar")
    assert isinstance(found, Decoding)
    assert isinstance(composed, Decoding)
    assert [path.output for path in found.paths] == [path.output for path in composed.paths]
    energies = [path.energy for path in composed.paths]
    assert [path.energy for path in found.paths] == pytest.approx(energies, rel=1e-12)


def test_energies_are_asked_for_again_where_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = grammar(2, 5)
    random = np.random.default_rng(6)
    plain = trained.scorer(VOCABULARY)
    monkeypatch.setattr(neural_scorer, "_KEPT", 20)
    short = trained.scorer(VOCABULARY)
    histories = [np.full(4, scorer.first) for scorer in (plain, short)]
    for _ in range(12):
        words = random.integers(1, 4, 4)
        steps = [scorer.step(history, words) for scorer, history in zip((plain, short), histories)]
        assert steps[0][0] == pytest.approx(steps[1][0], rel=1e-12)
        histories = [after for _, after in steps]
        ends = [scorer.ending(history) for scorer, history in zip((plain, short), histories)]
        assert ends[0] == pytest.approx(ends[1], rel=1e-12)


def test_a_path_costs_what_its_answer_does() -> None:
    trained = grammar(2, 1)
    scorer = trained.scorer(("", "c", "x", "a"))
    history, total = np.array([scorer.first]), 0.0
    for word in (3, 1, 3, 3):
        energy, history = scorer.step(history, np.array([word]))
        total += float(energy[0])
    assert total + float(scorer.ending(history)[0]) == pytest.approx(trained.answer_energy("acaa"))
    assert scorer.step(history, np.array([2]))[0][0] == np.inf
    assert scorer.least.tolist() == [np.inf, 0.0, np.inf, 0.0]

"""Expected edit distances, words with confidences and times, language models and hot words, by plain enumeration."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.grammar_oracle import read_model, word_energies
from support.oracle import all_paths, free_energy
from support.strategies import LABELS, connected_graphs, graphs, lecture_34, moderate_energies

from lattice_cli.composition import compose
from lattice_cli.errors import GraphError
from lattice_cli.formats.notations.arpa import arpa_model
from lattice_cli.grammars import NgramScorer, exact, judged
from lattice_cli.grammars.hot_words import HotWords, unsaid
from lattice_cli.grammars.scorer import ScorerSum
from lattice_cli.graph import Graph
from lattice_cli.search import MinimumRisk
from lattice_cli.search.minimum_risk import _Recursion, descended
from lattice_cli.sweep import schedule_of

ARPA = """
\\data\\
ngram 1=5
ngram 2=4
ngram 3=1

\\1-grams:
-0.7 <s> -0.3
-0.9 </s>
-0.5 a -0.2
-0.8 b 0.1
-1.1 <unk>

\\2-grams:
-0.2 <s> a -0.1
-0.4 a b -0.3
-0.9 b a
-0.6 b </s>

\\3-grams:
-0.1 <s> a b

\\end\\
"""


def edit_distance(one: Sequence[object], other: Sequence[object]) -> int:
    row = list(range(len(other) + 1))
    for count, label in enumerate(one, 1):
        above, row = row, [count]
        for place, another in enumerate(other, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (label != another)))
    return row[-1]


def posteriors(graph: Graph, beta: float) -> dict[tuple[str, ...], float]:
    paths = all_paths(graph)
    total = free_energy(paths, beta)
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for path in paths:
        found[path.output] += math.exp(-beta * (path.energy - total))
    return found


def test_the_lectures_graph() -> None:
    graph = lecture_34()
    found = MinimumRisk(graph, 1.0).least_risk([graph.labels.index(label) for label in "341"])
    assert graph.words(found.answer) == ["3", "4"]
    assert found.errors == pytest.approx(0.9368805379371874, abs=1e-12)
    assert found.exact


@given(connected_graphs(), st.sampled_from([0.5, 1.0, 3.0]))
@settings(max_examples=60)
def test_least_risk_by_listing(graph: Graph, beta: float) -> None:
    sure = posteriors(graph, beta)
    assume(sure and len(sure) < 60)
    consensus = MinimumRisk(graph, beta)
    assert consensus.exact
    found = consensus.least_risk(())
    risks = {answer: sum(weight * edit_distance(answer, other) for other, weight in sure.items()) for answer in sure}
    assert found.errors == pytest.approx(min(risks.values()), abs=1e-9)
    assert risks[tuple(graph.words(found.answer))] == pytest.approx(found.errors, abs=1e-9)
    for place in range(1, len(found.slots), 2):
        assert sum(found.slots[place].values()) == pytest.approx(1.0)


@given(connected_graphs(), st.sampled_from([0.5, 1.0, 3.0]))
@settings(max_examples=60)
def test_the_recursion_is_a_bound(graph: Graph, beta: float) -> None:
    sure = posteriors(graph, beta)
    assume(sure and len(sure) < 60)
    recursion = _Recursion(graph, schedule_of(graph), beta)
    index = {label: place for place, label in enumerate(graph.labels) if place}
    for answer in list(sure)[:5]:
        found = recursion.places(tuple(index[label] for label in answer))
        risk = sum(weight * edit_distance(answer, other) for other, weight in sure.items())
        assert found.errors >= risk - 1e-3  # empty places cost a little more than nothing
        for slot in found.slots:
            assert sum(slot.values()) == pytest.approx(1.0)
        better = descended(recursion.places, found.answer)
        assert better.errors <= found.errors + 1e-12
    if len(sure) == 1:
        assert found.errors == pytest.approx(0.0, abs=1e-9)
        assert found.confidences == pytest.approx([1.0] * len(found.answer))


def test_cycles_have_no_expected_distance() -> None:
    loop = Graph([0], [0], [1], [1], [1.0], [0.0], [0.0], LABELS)
    with pytest.raises(GraphError, match="cycles"):
        MinimumRisk(loop, 1.0)


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=5))
def test_histories_give_the_models_energies(words: list[str]) -> None:
    model = arpa_model(ARPA, "model")
    labels = ("", "a", "b", "c")
    scorer = NgramScorer.of(model, labels, ["<unk>"])
    grams, order = read_model(ARPA)
    *steps, ending = word_energies(tuple(word if (word,) in grams else "<unk>" for word in words), grams, order)
    expected = sum(steps)
    history, found = np.array([scorer.first]), 0.0
    for word in words:
        energy, history = scorer.step(history, np.array([labels.index(word)]))
        found += float(energy[0])
        assert energy[0] >= scorer.least[labels.index(word)] - 1e-12
    assert found == pytest.approx(expected)
    assert float(scorer.ending(history)[0]) == pytest.approx(ending)
    assert float(scorer.ending(history)[0]) >= scorer.least_end
    scaled = scorer.scaled(2.0)
    history, energy_of = np.array([scaled.first]), 0.0
    for word in words:
        energy, history = scaled.step(history, np.array([labels.index(word)]))
        energy_of += float(energy[0])
    assert energy_of == pytest.approx(2 * expected)
    out = scorer.scaled(-1.0)
    history, taken_out = np.array([out.first]), 0.0
    for word in words:
        energy, history = out.step(history, np.array([labels.index(word)]))
        assert energy[0] >= out.least[labels.index(word)] - 1e-12
        taken_out += float(energy[0])
    assert taken_out == pytest.approx(-expected)
    assert out.least_end <= float(out.ending(history)[0]) == pytest.approx(-ending)


@given(graphs(energies=moderate_energies))
@settings(max_examples=80)
def test_rules_are_composition_with_the_exact_model(graph: Graph) -> None:
    model = arpa_model(ARPA, "model", without_unknown=True)
    whole, _ = judged(graph, NgramScorer.of(model, graph.labels))
    composed = compose(graph, exact(model))
    found = sorted((path.output, round(path.energy, 9)) for path in all_paths(whole.graph))
    assert found == sorted((path.output, round(path.energy, 9)) for path in all_paths(composed.graph))
    assert (whole.graph.ilabel == graph.ilabel[whole.left_arc]).all()


def _gain(words: dict[str, float], spoken: set[str], output: Sequence[str]) -> float:
    gained = sum(words[label] for label in output if label in words and label in spoken)
    text = "".join(output).split()
    return gained + sum(words.get(word, 0.0) for word in text if word not in spoken)


@given(
    st.dictionaries(st.sampled_from(["ab", "abc", "ba", "c", "cab"]), st.floats(-2, 4), min_size=1),
    st.lists(st.sampled_from(["a", "b", "c", " "]), max_size=9),
    st.lists(st.sampled_from(["a", "b", "c", " "]), max_size=9),
)
def test_hot_words(words: dict[str, float], output: list[str], other: list[str]) -> None:
    labels = ("", "a", "b", "c", " ")
    spoken = {"a", "b", "c", " "}
    scorer = HotWords.of(words, labels, spoken)
    twice = ScorerSum(scorer, HotWords.of({"c": 1.0}, labels, spoken))
    for each in (output, other):
        history, energy = np.array([scorer.first]), 0.0
        for label in each:
            step, history = scorer.step(history, np.array([labels.index(label)]))
            assert step[0] >= scorer.least[labels.index(label)] - 1e-12
            energy += float(step[0])
        energy += float(scorer.ending(history)[0])
        assert float(scorer.ending(history)[0]) >= scorer.least_end - 1e-12
        assert energy == pytest.approx(-_gain(words, spoken, each), abs=1e-9)
        history, both = np.array([twice.first]), 0.0
        for label in each:
            step, history = twice.step(history, np.array([labels.index(label)]))
            both += float(step[0])
        assert both + float(twice.ending(history)[0]) == pytest.approx(energy - each.count("c"), abs=1e-9)


def test_a_hot_word_that_no_answer_can_have() -> None:
    assert unsaid(["xyz", "a", "aa", "a a", ""], {"a", " "}) == {"xyz", "a a", ""}
    scorer = HotWords.of({"xyz": 1.0}, ("", "a"), {"a"})
    energy, _ = scorer.step(np.array([scorer.first]), np.array([1]))
    assert energy.tolist() == [0.0]

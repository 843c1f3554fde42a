"""Words spelled in labels: a model of words, and hot words, over characters, word pieces and bars."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.grammar_oracle import read_model, sentence_energy
from support.strategies import graphs, moderate_energies

from lattice_cli.formats.notations.arpa import arpa_model
from lattice_cli.grammars import NgramModel, Spelling, judged, scorer_sum, spelling_of
from lattice_cli.grammars.hot_words import HotWords, unsaid
from lattice_cli.grammars.scorer import Scorer
from lattice_cli.grammars.scorer_config import Scorers
from lattice_cli.graph import Graph
from lattice_cli.search import n_best

ARPA = """\\data\\
ngram 1=7
ngram 2=4

\\1-grams:
-1.2 <unk>
-99 <s> -0.3
-0.9 </s>
-0.7 ab -0.25
-0.8 a -0.2
-0.9 cab
-1.1 abc -0.1

\\2-grams:
-0.4 <s> ab
-0.5 ab a
-0.3 a </s>
-0.6 cab ab

\\end\\
"""
#: The same with words of one letter.
SHORTER = ARPA.replace(" abc", " d").replace("cab", "c").replace(" ab", " b")
CHARACTERS = ("", "a", "b", "c", " ")
BARS = ("", "a", "b", "c", "|")
FIRST = ("", "▁a", "▁ab", "▁c", "b", "ab", "c", "▁")
FURTHER = ("", "a", "ab", "c", "##a", "##b", "##c", "##ab")
UNFINISHED = ("", "a@@", "ab@@", "c@@", "a", "b", "ab", "c")
TABLES = [CHARACTERS, BARS, FIRST, FURTHER, UNFINISHED]


def model(unknown: bool = True) -> NgramModel:
    return arpa_model(ARPA, "model", without_unknown=not unknown)


def expected(told: NgramModel, words: Sequence[str], scale: float = 1.0, each: float = 0.0) -> float:
    """The energy of a sentence by the n-grams that the model has."""
    grams, order = read_model(ARPA if "abc" in told.labels else SHORTER)
    known = tuple(word if (word,) in grams and word not in ("<s>", "</s>") else "<unk>" for word in words)
    if "<unk>" in known and told.labels.index("<unk>") not in told.words:
        return math.inf
    return scale * sentence_energy(known, grams, order) + each * len(words)


def asked(scorer: Scorer, labels: Sequence[str], answer: Sequence[str]) -> float:
    """The same by a scorer, label by label; its bounds hold on the way."""
    history, energy = np.array([scorer.first]), 0.0
    for label in answer:
        number = labels.index(label)
        step, history = scorer.step(history, np.array([number]))
        assert step[0] >= scorer.least[number] - 1e-9
        energy += float(step[0])
        if not math.isfinite(energy):
            return energy
        assert 0 <= history[0] < scorer.histories
    ending = float(scorer.ending(history)[0])
    assert ending >= scorer.least_end - 1e-9
    return energy + ending


def of(told: NgramModel, labels: tuple[str, ...], scale: float = 1.0, each: float = 0.0) -> tuple[Scorer, Spelling]:
    spoken = frozenset(labels[1:])
    spelling = spelling_of(spoken)
    scorers = Scorers([("lm", told, scale)], each, ["<unk>"])
    scorer = scorer_sum([judge.scorer for judge in scorers.judges(labels, spoken, spelling)])
    assert scorer is not None
    return scorer, spelling


@pytest.mark.parametrize("labels", TABLES)
@pytest.mark.parametrize("unknown", [True, False])
@given(data=st.data())
def test_a_model_of_words_over_labels_that_spell_them(
    labels: tuple[str, ...], unknown: bool, data: st.DataObject
) -> None:
    told = model(unknown)
    scale, each = data.draw(st.sampled_from([(1.0, 0.0), (0.5, 1.5), (2.0, -1.0)]))
    scorer, spelling = of(told, labels, scale, each)
    answer = data.draw(st.lists(st.sampled_from(labels[1:]), max_size=8))
    assert asked(scorer, labels, answer) == pytest.approx(expected(told, spelling.words(answer), scale, each), abs=1e-9)


@given(graphs(energies=moderate_energies, labels=("a", "b", "c", " ")))
def test_rescoring_by_spelled_words_is_that_of_each_path(graph: Graph) -> None:
    """The best path, spelled out and judged by the model, has the energy that the search says it has."""
    told = model()
    scorer, spelling = of(told, (*graph.labels, *(label for label in CHARACTERS[1:] if label not in graph.labels)))
    whole, _ = judged(graph, scorer)
    for path in n_best(whole.graph, 3) if whole.graph.nodes else []:
        words = spelling.words(whole.graph.words(whole.graph.olabel[list(path.arcs)].tolist()))
        arcs = whole.left_arc[list(path.arcs)]
        nodes = whole.left_node[[path.nodes[0], path.nodes[-1]]]
        own = graph.energy[arcs].sum() + graph.start[nodes[0]] + graph.final[nodes[1]]
        assert path.energy == pytest.approx(own + expected(told, words), abs=1e-9)


def test_a_model_of_labels_is_one_of_labels() -> None:
    characters = arpa_model(SHORTER, "model")
    scorer, _ = of(characters, CHARACTERS[:-1])
    assert asked(scorer, CHARACTERS[:-1], ["a", "b"]) == pytest.approx(expected(characters, ["a", "b"]))


def gained(hot: Mapping[str, float], words: Sequence[str]) -> float:
    return sum(hot.get(word, 0.0) for word in words)


@pytest.mark.parametrize("labels", [BARS, FIRST, FURTHER, UNFINISHED])
@given(
    hot=st.dictionaries(st.sampled_from(["ab", "abc", "ba", "c", "cab", "a"]), st.floats(-2, 4), min_size=1),
    data=st.data(),
)
def test_hot_words_in_pieces(labels: tuple[str, ...], hot: dict[str, float], data: st.DataObject) -> None:
    spoken = frozenset(labels[1:])
    spelling = spelling_of(spoken)
    scorer = HotWords.of(hot, labels, spoken, spelling)
    answer = data.draw(st.lists(st.sampled_from(labels[1:]), max_size=8))
    assert asked(scorer, labels, answer) == pytest.approx(-gained(hot, spelling.words(answer)), abs=1e-9)


def test_hot_words_that_pieces_cannot_spell() -> None:
    assert unsaid(["ab", "ba", "x", "cb"], FIRST[1:]) == {"ba", "x"}
    assert unsaid(["ab", "x", "cab"], UNFINISHED[1:]) == {"x"}


@given(
    st.frozensets(
        st.one_of(
            st.sampled_from(["#", "##", "##a", "@", "@@", "a@@", "\u2581", "\u2581a", "|", " ", "", "a", "b", "ab"]),
            st.sampled_from(["<unk>", "<##a>", "[PAD]", "[", "<", "[a@@", "a#", "#a"]),
        ),
        max_size=6,
    )
)
def test_marks_are_told_from_all_labels_as_from_each(labels: frozenset[str]) -> None:
    plain = [label for label in labels if not re.fullmatch(r"<[^<>\s]+>|\[[A-Z]+\]", label)]
    single = all(len(label) == 1 for label in plain)
    if any(label.startswith("\u2581") for label in plain):
        expected = Spelling("pieces", "\u2581")
    elif any(label.startswith("##") and len(label) > 2 for label in plain):
        expected = Spelling("pieces", "##")
    elif any(label.endswith("@@") and len(label) > 2 for label in plain):
        expected = Spelling("pieces", "@@")
    elif single and "|" in plain and len(plain) > 1 and " " not in plain:
        expected = Spelling("pieces", "|")
    else:
        expected = Spelling("characters" if single else "words", " " if single and " " in plain else "")
    assert spelling_of(labels) == expected

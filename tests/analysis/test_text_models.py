"""Sentences under models of language: against the definition of back-off, networks word by word, and all paths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import ROOT, oracle
from support.grammar_oracle import ngram_texts, read_model, word_energies
from support.strategies import graphs, positive_energies

from lattice_cli.analysis import TextScore, text_model
from lattice_cli.composition import compose
from lattice_cli.errors import Diverged, FormatError
from lattice_cli.formats.notations import UNKNOWN, read_ngrams
from lattice_cli.formats.notations.arpa import arpa_model
from lattice_cli.grammars import NgramGrammar
from lattice_cli.graph import linear_graph, numbered_document
from lattice_cli.learning.grammars import NeuralGrammar, NeuralSettings, TrainedGrammar

STRANGE = "strange"


@given(text=ngram_texts(), data=st.data())
def test_n_grams_are_scored_by_the_definition_of_back_off(text: str, data: st.DataObject) -> None:
    grams, order = read_model(text)
    model = text_model(NgramGrammar(arpa_model(text, "m"), "m", "m"), UNKNOWN, "words", detailed=True)
    words = [gram[0] for gram in grams if len(gram) == 1 and gram[0] not in ("<s>", "</s>")]
    said = data.draw(st.lists(st.lists(st.sampled_from(words), max_size=5).map(tuple), min_size=1, max_size=4))
    for sentence, found in zip(said, model.scores(said)):
        expected = word_energies(sentence, grams, order)
        if any(math.isinf(energy) for energy in expected):
            assert found.energy == math.inf
            assert "no probability" in found.why
            continue
        assert found.energies == pytest.approx(expected, abs=1e-9)
        assert found.energy == pytest.approx(sum(expected), abs=1e-9)
        history = ["<s>", *sentence, "</s>"]
        assert found.orders is not None
        assert found.histories is not None
        for place, (used, seen) in enumerate(zip(found.orders, found.histories), 1):
            context = tuple(history[max(0, place - order + 1) : place]) if order > 1 else ()
            assert seen == context
            longest = next(n for n in range(order, 0, -1) if (*context, history[place])[-n:] in grams)
            assert used == min(longest, len(context) + 1)


@given(text=ngram_texts(), data=st.data())
def test_words_that_n_grams_do_not_have(text: str, data: st.DataObject) -> None:
    """With an unknown word they cost what it costs; else they are left out, and what follows starts afresh (SRILM)."""
    grams, order = read_model(text)
    model = text_model(NgramGrammar(arpa_model(text, "m"), "m", "m"), UNKNOWN, "words")
    words = [gram[0] for gram in grams if len(gram) == 1 and gram[0] not in ("<s>", "</s>", *UNKNOWN)]
    assume(words)
    sentence = tuple(data.draw(st.lists(st.sampled_from([*words, STRANGE]), max_size=6)))
    (found,) = model.scores([sentence])
    assert found.unknown == tuple(word for word in sentence if word == STRANGE)
    unknown = next((name for name in UNKNOWN if (name,) in grams), None)
    if unknown is not None:
        expected = word_energies(tuple(unknown if word == STRANGE else word for word in sentence), grams, order)
    else:
        parts = [
            tuple(part) for strange, part in itertools.groupby(sentence, lambda word: word == STRANGE) if not strange
        ]
        assume(not any(math.isinf(e) for part in parts for e in word_energies(part, grams, order)))
        expected, start = [], True
        for strange, part in itertools.groupby(sentence, lambda word: word == STRANGE):
            own = tuple(part)
            expected += [math.inf] * len(own) if strange else _without_begin(own, grams, order, start)[:-1]
            start = False
        behind = tuple(itertools.takewhile(lambda word: word != STRANGE, reversed(sentence)))[::-1]
        expected.append(_without_begin(behind, grams, order, STRANGE not in sentence)[-1])
    assume(not any(math.isinf(e) for e, word in zip(expected, (*sentence, "")) if word != STRANGE))
    assert found.energies == pytest.approx(expected, abs=1e-9)
    kept = [e for e, word in zip(expected, (*sentence, "")) if word != STRANGE]
    score = TextScore.of(found)
    assert score.ppl == pytest.approx(math.exp(sum(kept) / len(kept)))
    assert score.ppl1 == (pytest.approx(math.exp(sum(kept) / (len(kept) - 1))) if len(kept) > 1 else None)
    assert score.no_path == math.isinf(sum(expected))
    assert score.perplexity == (None if score.no_path else pytest.approx(math.exp(sum(expected) / len(expected))))


def _without_begin(
    words: tuple[str, ...], grams: dict[tuple[str, ...], tuple[float, float]], order: int, start: bool
) -> list[float]:
    """Energies of words and of an end behind them, after the begin of a sentence or after nothing."""
    from support.grammar_oracle import log10_p

    found, history = [], ("<s>",) if start else ()
    for word in (*words, "</s>"):
        context = history[max(0, len(history) - order + 1) :] if order > 1 else ()
        found.append(-log10_p(word, context, grams) * math.log(10))
        history = (*history, word)
    return found


@pytest.mark.parametrize(
    ("sentence", "each", "orders", "unknown"),
    [  # KenLM 0.3.0: full_scores of each word and of the end, log10 in float32; grammars/robot.arpa
        ("go forward ten meters", (-0.301, -0.301, -0.3979, -0.1761, -0.1761), (2, 2, 2, 2, 2), 0),
        ("go to ten", (-0.301, -2.301, -1.301, -1.2041), (2, 1, 1, 1), 1),
        ("", (-1.2041,), (1,), 0),
        ("kan kan", (-2.301, -2.0, -0.9031), (1, 1, 1), 2),
        ("go backward four meter", (-0.301, -0.5229, -1.602, -1.0792, -0.9031), (2, 2, 1, 1, 1), 0),
    ],
)
def test_what_kenlm_says(sentence: str, each: tuple[float, ...], orders: tuple[int, ...], unknown: int) -> None:
    grammar = NgramGrammar(read_ngrams(str(ROOT / "grammars" / "robot.arpa")), "r", "r")
    model = text_model(grammar, UNKNOWN, detailed=True)
    (found,) = model.scores([model.vocabulary.words(sentence, "text:1")])
    assert found.energies == pytest.approx([-log10 * math.log(10) for log10 in each], abs=1e-6)
    assert (found.orders, len(found.unknown)) == (orders, unknown)
    assert TextScore.of(found).log10 == pytest.approx(sum(each), abs=1e-6)


@given(seed=st.integers(0, 99), context=st.integers(1, 3), data=st.data())
def test_networks_are_scored_as_answers_are(seed: int, context: int, data: st.DataObject) -> None:
    neural = NeuralGrammar(("", "a", "b", "<unk>"), NeuralSettings(context, 3, (4,)), 1.5)
    grammar = TrainedGrammar(neural, neural.initial(np.random.default_rng(seed)), "n", "n")
    said = data.draw(st.lists(st.lists(st.sampled_from("abz"), max_size=5).map(tuple), min_size=1, max_size=4))
    for sentence, found in zip(said, text_model(grammar, UNKNOWN).scores(said)):
        read = ["<unk>" if word == "z" else word for word in sentence]
        assert found.energy == pytest.approx(grammar.answer_energy(read), abs=1e-9)
        assert found.energies is not None
        prefixes = [grammar.answer_energy(read[:end]) for end in range(len(read) + 1)]
        assert sum(found.energies) == pytest.approx(prefixes[-1], abs=1e-9)
        assert found.unknown == ("z",) * sentence.count("z")
    (lost,) = text_model(grammar, ()).scores([("a", "z", "a")])
    assert (lost.energy, lost.energies, TextScore.of(lost).ppl) == (math.inf, None, None)
    assert lost.why == "no path: the model has no 'z', and no unknown word"


@given(grammar=graphs(energies=positive_energies, cyclic=True), data=st.data())
def test_graphs_are_scored_by_their_paths(grammar: object, data: st.DataObject) -> None:
    said = data.draw(st.lists(st.lists(st.sampled_from("abcz"), max_size=4).map(tuple), min_size=1, max_size=5))
    document = numbered_document(grammar, "g", "g")  # type: ignore[arg-type]
    heard = {document.graph.labels[each] for each in document.graph.ilabel.tolist() if each}
    wholes = [
        compose(linear_graph(("", *"abcz"), ["abcz".index(word) + 1 for word in each]), document.graph) for each in said
    ]
    for by_sum in (False, True):
        try:
            scores = text_model(document, UNKNOWN, by_sum=by_sum).scores(said)
        except Diverged:
            assert any(oracle.simple_cycles(whole.graph) for whole in wholes)
            return
        for sentence, found, whole in zip(said, scores, wholes):
            assert found.known == tuple(word in heard for word in sentence)
            cyclic = bool(oracle.simple_cycles(whole.graph))
            paths = oracle.simple_paths(whole.graph) if cyclic else oracle.all_paths(whole.graph)
            if not paths:
                assert found.energy == math.inf
                assert found.why
                continue
            best = min(path.energy for path in paths)
            if not by_sum:
                assert found.energy == pytest.approx(best, abs=1e-9)
            elif not cyclic:
                assert found.energy == pytest.approx(oracle.free_energy(paths, 1.0), abs=1e-9)
            assert found.several == (len(paths) > 1 or cyclic)
            if found.energies is not None:
                assert sum(found.energies) == pytest.approx(best, abs=1e-9)
                assert len(found.energies) == len(sentence) + 1


def test_sums_of_several_sentences() -> None:
    model = text_model(NgramGrammar(read_ngrams(str(ROOT / "grammars" / "moves.arpa")), "m", "m"), UNKNOWN)
    said = [("go", "to"), ("foo", "go"), ()]
    total = TextScore()
    for each in model.scores(said):
        total.add(each)
    parts = [TextScore.of(each) for each in model.scores(said)]
    assert (total.sentences, total.words, total.oov, total.no_path) == (3, 4, 1, 1)
    assert total.energy == pytest.approx(parts[0].energy + parts[2].energy)
    assert total.perplexity == pytest.approx(math.exp(total.energy / (2 + 2)))
    assert total.ppl == pytest.approx(math.exp(sum(each.counted_energy for each in parts) / (3 + 3)))
    assert total.unknown == {"foo": 1}


def test_marks_of_the_model_are_no_words() -> None:
    model = text_model(NgramGrammar(read_ngrams(str(ROOT / "grammars" / "moves.arpa")), "m", "m"), UNKNOWN)
    with pytest.raises(FormatError, match=r"t:3: found '</s>', which the model sets itself"):
        model.vocabulary.words("go to </s>", "t:3")

"""N-gram models in the ARPA form: energies of sentences against the definition of back-off, exactly and by epsilon."""

from __future__ import annotations

import gzip
import itertools
import math
import pathlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.grammar_oracle import Gram, energies_of, epsilon_energies, ngram_texts, read_model, sentence_energy

from lattice_cli.composition import compose
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import fresh_notes
from lattice_cli.formats.notations import read_arpa
from lattice_cli.formats.notations.arpa import arpa_model
from lattice_cli.grammars import exact, with_epsilon
from lattice_cli.graph import Graph, linear_graph
from lattice_cli.graph.epsilon_removal import silent_arcs


def sentences(text: str, longest: int) -> list[Gram]:
    grams, _ = read_model(text)
    words = [gram[0] for gram in grams if len(gram) == 1 and gram[0] not in ("<s>", "</s>")]
    return [said for length in range(longest + 1) for said in itertools.product(words, repeat=length)]


@given(text=ngram_texts())
def test_exact_has_one_path_a_sentence_at_its_energy(text: str) -> None:
    grams, order = read_model(text)
    model = arpa_model(text, "model")
    table, intervals = exact(model), exact(model, most_in_table=0)
    assert not silent_arcs(table).any()
    for said in sentences(text, 3):
        expected = sentence_energy(said, grams, order)
        wanted = [] if math.isinf(expected) else [pytest.approx(expected, abs=1e-9)]
        assert energies_of(said, table) == wanted
        assert energies_of(said, intervals) == wanted


@given(text=ngram_texts(), data=st.data())
def test_epsilon_has_a_path_for_every_way_to_back_off(text: str, data: st.DataObject) -> None:
    grams, order = read_model(text)
    graph = with_epsilon(arpa_model(text, "model"))
    for said in sentences(text, 2):
        expected = sorted(epsilon_energies(said, grams, order))
        assert sorted(energies_of(said, graph)) == pytest.approx(expected, abs=1e-9)


@given(text=ngram_texts(most_words=40), data=st.data())
def test_intervals_of_larger_vocabularies(text: str, data: st.DataObject) -> None:
    grams, order = read_model(text)
    graph = exact(arpa_model(text, "model"), most_in_table=0)
    words = [gram[0] for gram in grams if len(gram) == 1 and gram[0] not in ("<s>", "</s>")]
    for _ in range(5):
        said = tuple(data.draw(st.lists(st.sampled_from(words), max_size=5)))
        expected = sentence_energy(said, grams, order)
        wanted = [] if math.isinf(expected) else [pytest.approx(expected, abs=1e-9)]
        assert energies_of(said, graph) == wanted


SMALL = """\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-99\t<s>\t-0.5
-1.0\t</s>
-0.3\ta\t-0.2
-0.7\t<unk>

\\2-grams:
-0.2\t<s> a
-0.4\ta </s>

\\end\\
"""


def test_an_example_by_hand() -> None:
    graph = exact(arpa_model(SMALL, "small.lm"))
    ten = math.log(10)
    assert energies_of(("a",), graph) == [pytest.approx(0.6 * ten)]
    assert energies_of((), graph) == [pytest.approx(1.5 * ten)]
    assert energies_of(("a", "a"), graph) == [pytest.approx((0.2 + 0.2 + 0.3 + 0.4) * ten)]
    assert energies_of(("<unk>",), graph) == [pytest.approx((0.5 + 0.7 + 1.0) * ten)]
    approximate = sorted(energies_of(("a",), with_epsilon(arpa_model(SMALL, "small.lm"))))
    both = [0.2 + 0.4, 0.5 + 0.3 + 0.4, 0.2 + 0.2 + 1.0, 0.5 + 0.3 + 0.2 + 1.0]
    assert approximate == pytest.approx([energy * ten for energy in sorted(both)])


def test_without_unknown_words() -> None:
    model = arpa_model(SMALL, "small.lm", without_unknown=True)
    for graph in (exact(model), exact(model, 0), with_epsilon(model)):
        assert energies_of(("<unk>",), graph) == []
        assert energies_of(("a",), graph)


def test_models_without_tags_begin_and_end_anywhere() -> None:
    text = "\\data\\\nngram 1=1\n\\1-grams:\n-0.5 a\n\\end\\\n"
    graph = exact(arpa_model(text, "loop.lm"))
    assert energies_of(("a", "a"), graph) == [pytest.approx(math.log(10))]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\\data\\\n", "", r"small.lm: no line \\data\\, expected a model in the ARPA form"),
        ("ngram 2=2", "ngram 3=2", "small.lm:3: found ngram 3, expected ngram 2"),
        ("ngram 2=2", "bigrams: 2", "small.lm:3: found 'bigrams: 2', expected ngram 2=COUNT or"),
        ("ngram 1=4", "ngram 1=5", r"small.lm:11: 4 1-grams came before, expected 5 by \\data\\"),
        ("ngram 2=2", "ngram 2=3", r"small.lm:15: 2 2-grams came before, expected 3"),
        ("\\2-grams:", "\\3-grams:", r"small.lm:11: found \\3-grams:, expected \\2-grams:"),
        ("\\2-grams:\n-0.2\t<s> a\n-0.4\ta </s>\n", "", r"small.lm:12: found \\end\\, expected \\2-grams:"),
        ("\\end\\\n", "", r"small.lm: ends without \\end\\"),
        ("-0.3\ta", "0.3\ta", "small.lm:8: log-probability is 0.3, expected at most 0"),
        ("-0.3\ta", "minus\ta", "small.lm:8: log-probability is 'minus', expected a number"),
        ("-0.3\ta\t-0.2", "-0.3\ta\tnan", "small.lm:8: back-off weight is 'nan', expected a number"),
        ("-0.3\ta\t-0.2", "-0.3\ta b c", "small.lm:8: found 4 columns, expected a log-probability, 1 word and perhaps"),
        ("<s> a\n", "<s> b\n", "small.lm:12: word 'b' is not among the 1-grams"),
        ("-0.4\ta </s>", "-0.4\t<s> a", "small.lm:13: n-gram '<s> a' is given twice"),
    ],
)
def test_bad_models(old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(FormatError, match=message):
        arpa_model(SMALL.replace(old, new), "small.lm")


def test_a_context_that_is_not_listed_has_the_probability_of_backing_off_and_the_weight_0() -> None:
    text = SMALL.replace("ngram 2=2\n", "ngram 2=2\nngram 3=1\n")
    text = text.replace("\\end\\", "\\3-grams:\n-0.1 a a a\n\\end\\")
    fresh_notes()
    model = arpa_model(text, "small.lm")
    assert fresh_notes() == [("small.lm", "1 context of n-grams not listed: back-off weight 0")]
    plain = arpa_model(SMALL, "small.lm")
    for graph, without in ((exact(model), exact(plain)), (exact(model, 0), exact(plain, 0))):
        assert energies_of(("a", "a"), graph) == pytest.approx(energies_of(("a", "a"), without))
        # P(a) after <s>, then a a, then the 3-gram, then from a to </s>.
        assert energies_of(("a", "a", "a"), graph) == [pytest.approx((0.2 + 0.2 + 0.3 + 0.1 + 0.4) * math.log(10))]


def best_and_sum(said: Gram, graph: Graph) -> tuple[float, float]:
    labels = ("", *dict.fromkeys(said))
    line = linear_graph(labels, [labels.index(label) for label in said])
    energies = [path.energy for path in oracle.all_paths(compose(line, graph).graph)]
    return min(energies), oracle.soft_minimum(energies, 1.0)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["turtle.ug.lm", "turtle.lm", "100.lm.gz", "en-us_bigram_lattice_vocab.arpa.gz"])
def test_models_of_others(name: str, shared: pathlib.Path) -> None:
    path = shared / "data" / "lexica" / name
    data = path.read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    grams, order = read_model(text)
    model = read_arpa(str(path))
    graph, approximate = exact(model), with_epsilon(model)
    rng = random.Random(7)
    words = sorted(gram[0] for gram in grams if len(gram) == 1 and gram[0] not in ("<s>", "</s>"))
    longest = sorted(gram for gram in grams if len(gram) == order and not {"<s>", "</s>"} & set(gram))
    drawn = [tuple(rng.choices(words, k=rng.randint(0, 5))) for _ in range(10)]
    drawn += [(*rng.choice(longest), *rng.choice(longest))[:4] for _ in range(10)]
    for said in drawn:
        expected = sentence_energy(said, grams, order)
        assert energies_of(said, graph) == [pytest.approx(expected, rel=1e-12)]
        ways = epsilon_energies(said, grams, order)
        best, total = best_and_sum(said, approximate)
        assert best == pytest.approx(min(ways), rel=1e-12)
        assert total == pytest.approx(oracle.soft_minimum(ways, 1.0), rel=1e-12)
        assert total <= expected + 1e-9

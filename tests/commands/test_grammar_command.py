"""The grammar command in real processes: every kind, its end, its errors; and a decoder composed of three."""

from __future__ import annotations

import itertools
import json
import math
import pathlib
from collections.abc import Iterator

import numpy as np
import pytest
from support import ROOT, oracle
from support.commands import Done, imports_of, run
from support.grammar_oracle import Gram, merged, paths_of, read_model, sentence_energy

from lattice_cli.composition import compose
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import Graph, emission_graph

pytestmark = pytest.mark.slow

MODEL = ROOT / "grammars" / "moves.arpa"
DICTIONARY = ROOT / "grammars" / "moves.dict"


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def built(*arguments: str, text: str = "") -> Graph:
    """The graph that `lattice grammar` writes to a file; it is trimmed."""
    done = run("grammar", *arguments, "-o", "built.json", text=text)
    assert (done.status, done.out) == (0, ""), done.err
    graph = read_one("built.json", ReadOptions()).graph
    assert len(oracle.nodes_on_paths(graph)) == graph.nodes
    return graph


def said(graph: Graph, longest: float = math.inf) -> list[tuple[str, float]]:
    return sorted((" ".join(path.output), path.energy) for path in oracle.all_paths(graph, longest))


def refused(done: Done, status: int, message: str) -> None:
    assert (done.status, done.out) == (status, "")
    assert message in done.err
    assert done.err.startswith(("lattice: ", "Usage: "))


KINDS = ["words", "dict", "arpa", "lm", "ctc", "transcript", "regex", "jsgf", "fsg", "neural", "union"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_help_with_an_example_and_does_not_load_the_engine_for_it(kind: str) -> None:
    done, modules = imports_of("grammar", kind, "-h")
    assert done.status == 0
    assert f"Usage: lattice grammar {kind}" in done.out
    assert f"\n  lattice grammar {kind} " in done.out
    assert not {module.split(".")[0] for module in modules} & {"numpy", "rich", "yaml"}


def test_the_kinds_are_listed() -> None:
    listed = run("grammar", "--help").out.partition("Kinds:\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == KINDS


def test_words_from_arguments_files_and_standard_input() -> None:
    pathlib.Path("list.txt").write_text("cut\t0.5\ncute\n")
    expected = [("c u t", 0.5), ("c u t e", 0.0)]
    assert said(built("words", "list.txt")) == expected
    assert said(built("words", "-", text="cut\t0.5\ncute\n")) == expected
    assert said(built("words", "cut", "cute", "--output-words")) == [("cut", 0.0), ("cute", 0.0)]
    assert said(built("words", "to go", "to", "--spell", "tokens")) == [("to", 0.0), ("to go", 0.0)]
    assert said(built("words", "ab", "--loop", "-"), 5) == [("a b", 0.0), ("a b - a b", 0.0)]
    refused(run("grammar", "words", "none.txt"), 3, "none.txt: cannot read: No such file")
    refused(run("grammar", "words", "-", text="a\tb\n"), 3, "standard input:1: found 'b' after the tab")


def test_the_end_of_a_grammar() -> None:
    pathlib.Path("other.json").write_text(run("grammar", "transcript", "no way").out)
    yes = ("words", "yes", "--spell", "tokens")
    assert said(built(*yes, "--union", "other.json", "--energy", "0.5")) == [("no way", 0.5), ("yes", 0.5)]
    assert said(built(*yes, "--optional")) == [("", 0.0), ("yes", 0.0)]
    assert said(built(*yes, "--energy", "0.5", "--plus"), 2) == [("yes", 0.5), ("yes yes", 1.0)]
    assert said(built(*yes, "--energy", "0.5", "--closure"), 2) == [("", 0.0), ("yes", 0.5), ("yes yes", 1.0)]
    assert said(built("union", "other.json", "other.json")) == [("no way", 0.0)] * 2
    assert said(built("union", "other.json", "--closure"), 4)[1:] == [("no way", 0.0), ("no way no way", 0.0)]
    refused(run("grammar", *yes, "--energy", "inf"), 2, "not a finite number")
    refused(run("grammar", "regex", "a*", "--plus"), 2, "lattice: regex: it accepts the empty sequence")
    refused(run("grammar", "union", "-", "--union", "-"), 2, "standard input (-) is given twice")


def test_ids_and_nothing() -> None:
    assert json.loads(run("grammar", "transcript", "cut").out)["id"] == "transcript"
    assert json.loads(run("grammar", "transcript", "cut", "--id", "mine").out)["id"] == "mine"
    done = run("grammar", "jsgf", "-", text="#JSGF V1.0; public <s> = a <VOID>;")
    refused(done, 1, "lattice: standard input: the grammar accepts nothing")


def test_transcripts() -> None:
    assert said(built("transcript", "cut")) == [("c u t", 0.0)]
    assert said(built("transcript", " go  on ")) == [("go on", 0.0)]
    assert said(built("transcript", "go", "--spell", "tokens")) == [("go", 0.0)]
    assert said(built("transcript", "g o", "--spell", "characters")) == [("g   o", 0.0)]
    assert said(built("transcript", "")) == [("", 0.0)]


def test_regular_expressions() -> None:
    pathlib.Path("labels.txt").write_text("a\nb\nc\n")
    assert said(built("regex", "[^b]c?", "--vocabulary", "labels.txt")) == [
        (one, 0.0) for one in ("a", "a c", "c", "c c")
    ]
    refused(run("grammar", "regex", "a)"), 3, "lattice: pattern: column 2: found ')', expected")
    refused(run("grammar", "regex", "."), 2, "--vocabulary FILE says which there are")


def test_ctc() -> None:
    pathlib.Path("labels.txt").write_text("_\na\nb\n")
    listed, added = built("ctc", "labels.txt", "--blank", "_"), built("ctc", "a", "b", "--blank", "_")
    assert paths_of(listed, 3) == paths_of(added, 3)
    assert listed.arcs == 9
    tree = built("ctc", "a", "b", "--blank", "_", "--form", "tree")
    assert {path for path in paths_of(tree, 12) if len(path[0]) <= 2} == set(paths_of(listed, 2))
    refused(run("grammar", "ctc", "a", "a", "--blank", "_"), 3, "label 'a' is given twice")
    refused(run("grammar", "ctc", "a"), 2, "--blank")


def test_a_line_of_text_with_the_tree_is_the_line_read_as_ctc() -> None:
    labels = ROOT / "samples" / "ctc-line.labels.txt"
    line = (str(ROOT / "samples" / "ctc-line.npy"), "--labels", str(labels), "--logp", "--json")
    assert built("ctc", str(labels), "--blank", "<blank>").arcs < 1000
    for command, key in (("forward", "free_energy"), ("viterbi", "paths")):
        direct = json.loads(run(command, *line, "--ctc", "<blank>").out)[key]
        composed = json.loads(run(command, *line, "-g", "built.json").out)[key]
        if command == "viterbi":
            assert composed[0]["output"] == direct[0]["output"]
            direct, composed = direct[0]["energy"], composed[0]["energy"]
        assert composed == pytest.approx(direct, abs=1e-9)


def test_dictionaries() -> None:
    graph = built("dict", str(DICTIONARY))
    assert ("T UW", "two") in {(" ".join(path.input), " ".join(path.output)) for path in oracle.all_paths(graph)}
    pathlib.Path("some.txt").write_text("to\t0.25\nfro\n")
    done = run("grammar", "dict", str(DICTIONARY), "--vocabulary", "some.txt", "-o", "some.json")
    assert done.err == f"lattice: {DICTIONARY}: no pronunciation of 1 of 2 words: 'fro'\n"
    assert said(read_one("some.json", ReadOptions()).graph) == [("to", 0.25)] * 2
    refused(run("grammar", "dict", "-", text="a\n"), 3, "standard input:1: found 'a' without phones")
    refused(run("grammar", "dict", "-", "--vocabulary", "-"), 2, "given twice")


def test_models_say_what_they_are() -> None:
    grams, order = read_model(MODEL.read_text())
    graph = built("arpa", str(MODEL))
    for sentence, energy in said(graph, 3):
        assert energy == pytest.approx(sentence_energy(tuple(sentence.split()), grams, order))
    done = run("grammar", "arpa", str(MODEL), "--backoff", "epsilon", "-o", "e.npz")
    assert done.err == (
        f"lattice: {MODEL}: back-off by epsilon: sums are too large, best paths may be too good; exact is the default\n"
    )
    done = run("grammar", "arpa", "-", text="\\data\\\nngram 1=1\n\\1-grams:\n-0.5 a\n\\end\\\n")
    assert "standard input: the model has no <s> and no </s>: sentences may" in done.err
    refused(run("grammar", "arpa", "-", text="\\data\\\n"), 3, "standard input: ends after \\data\\")


def test_sphinx_grammars() -> None:
    text = "#JSGF V1.0; public <s> = /1/ a | /3/ b; <t> = c;"
    expected = [("a", pytest.approx(-math.log(0.25))), ("b", pytest.approx(-math.log(0.75)))]
    assert said(built("jsgf", "-", text=text)) == expected
    assert said(built("jsgf", "-", "--rule", "t", text=text)) == [("c", 0.0)]
    text = "FSG_BEGIN\nN 2\nS 0\nF 1\nT 0 1 0.5 a\nT 0 1 0.5 b\nFSG_END\n"
    assert said(built("fsg", "-", text=text)) == [("a", math.log(2)), ("b", math.log(2))]
    refused(run("grammar", "fsg", "-", text="{}"), 3, "standard input:1: found '{}', expected FSG_BEGIN")


def spellings(sounds: Gram, words: dict[Gram, list[str]]) -> Iterator[Gram]:
    """Every way to read phones as words."""
    if not sounds:
        yield ()
    for length in range(1, len(sounds) + 1):
        for word in words.get(sounds[:length], ()):
            for rest in spellings(sounds[length:], words):
                yield (word, *rest)


def test_ctc_and_dictionary_and_model_decode_as_enumerated() -> None:
    """The energy of each alignment, and of its words, added up by hand."""
    phones = ["_", "G", "OW", "T", "UW", "AH"]
    steps = 5
    lines = [line.split() for line in DICTIONARY.read_text().splitlines() if not line.startswith(";;;")]
    words: dict[Gram, list[str]] = {}
    for name, *sounds in lines:
        words.setdefault(tuple(sounds), []).append(name.partition("(")[0])
    grams, order = read_model(MODEL.read_text())
    matrix = np.random.default_rng(3).uniform(0, 3, (steps, len(phones)))
    expected = [
        (words_said, float(sum(matrix[step, phones.index(phone)] for step, phone in enumerate(alignment))))
        for alignment in itertools.product(phones, repeat=steps)
        for words_said in spellings(merged(alignment), words)
        if words_said
    ]
    total = sorted(energy + sentence_energy(answer, grams, order) for answer, energy in expected)
    for form in ("pairs", "tree"):
        run("grammar", "ctc", *phones, "--blank", "_", "--form", form, "-o", "ctc.json")
        run("grammar", "dict", str(DICTIONARY), "--loop", "", "-o", "lexicon.json")
        run("grammar", "arpa", str(MODEL), "-o", "model.json")
        lexicon = run("compose", "ctc.json", "lexicon.json")
        decoder = run("compose", "-", "model.json", "-o", "decoder.json", text=lexicon.out)
        assert (lexicon.status, decoder.status) == (0, 0)
        rules = read_one("decoder.json", ReadOptions()).graph
        found = compose(emission_graph(matrix, ("", *phones)), rules).graph
        energies = sorted(path.energy for path in oracle.all_paths(found))
        assert energies == pytest.approx(total, abs=1e-9)

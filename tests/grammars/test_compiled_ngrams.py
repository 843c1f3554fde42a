"""Compiled n-grams: the same scores to the last bit, one message for what is damaged, and grammars on demand."""

from __future__ import annotations

import json
import pathlib
import random
import tempfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.commands import run
from support.grammar_oracle import ngram_texts
from support.strategies import graphs, moderate_energies

from lattice_cli.composition import compose
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ArrayArchive, write_arrays
from lattice_cli.formats.notations import arpa_rows, is_ngrams, read_ngrams, write_ngrams
from lattice_cli.formats.notations.arpa import arpa_model
from lattice_cli.grammars import NgramGrammar, NgramModel, exact
from lattice_cli.graph import Document, Graph, emission_graph
from lattice_cli.records import Decoder, Decoding, SearchRequest, decode, forward

COLUMNS = ("levels", "key", "energy", "after", "leaving", "shorter", "ends", "least")
SMALL = """\\data\\
ngram 1=5
ngram 2=3
ngram 3=1

\\1-grams:
-99\t<s>\t-0.5
-1.0\t</s>
-0.3\ta\t-0.2
-0.7\t<unk>
-0.9\tb

\\2-grams:
-0.2\t<s> a\t-0.1
-0.4\ta </s>
-0.6\ta b

\\3-grams:
-0.3\t<s> a b

\\end\\
"""


def same(one: NgramModel, other: NgramModel) -> bool:
    return (one.labels, one.begin, one.end, one.first) == (other.labels, other.begin, other.end, other.first) and all(
        np.asarray(getattr(one, name)).tobytes() == np.asarray(getattr(other, name)).tobytes() for name in COLUMNS
    )


@given(text=ngram_texts(most_words=12), data=st.data())
@settings(deadline=None)
def test_a_compiled_model_scores_as_the_file_that_it_was_made_of(text: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        arpa, npz = pathlib.Path(folder) / "x.arpa", pathlib.Path(folder) / "x.npz"
        arpa.write_text(text)
        model = read_ngrams(str(arpa))
        write_ngrams(str(npz), model)
        found = read_ngrams(str(npz))
        assert is_ngrams(str(npz))
        assert not is_ngrams(str(arpa))
        assert same(model, found)
        assert not found.key.flags.writeable  # it is mapped
        histories = np.array(data.draw(st.lists(st.integers(0, model.histories - 1), min_size=1, max_size=9)))
        words = np.array([data.draw(st.sampled_from(model.words.tolist())) for _ in histories])
        for mine, theirs in zip(model.step(histories, words), found.step(histories, words)):
            assert mine.tobytes() == theirs.tobytes()


@given(text=ngram_texts(most_words=9), piece=st.integers(1, 300))
def test_rows_are_the_same_in_pieces_of_any_size_and_row_by_row(text: str, piece: int) -> None:
    whole = arpa_model(text, "x")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arpa_rows, "_PIECE", piece)
        assert same(whole, arpa_model(text, "x"))
        patched.setattr(arpa_rows.RowReader, "_at_once", lambda *_: None)
        assert same(whole, arpa_model(text, "x"))


@pytest.fixture
def compiled(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    write_ngrams("x.npz", arpa_model(SMALL, "small.lm"))
    return pathlib.Path("x.npz")


def rewritten(path: pathlib.Path, changed: dict[str, Any]) -> None:
    """The file with other arrays (None: without one), and other entries in its description."""
    arrays = dict(ArrayArchive(path.read_bytes(), str(path)))
    about = json.loads(arrays["ngrams"].tobytes()) | changed.get("about", {})
    arrays |= {"ngrams": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    arrays |= {name: array for name, array in changed.items() if name != "about"}
    write_arrays(str(path), {name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"about": {"version": 0}}, "version 0 of the file, expected 1: lattice grammar lm makes it"),
        ({"about": {"levels": [0, 1, 9]}}, "levels do not end at"),
        ({"about": {"levels": "x"}}, "levels is 'x'"),
        ({"about": {"first": 99}}, "begin, end or first"),
        ({"about": {"end": -1}}, "end is -1"),
        ({"about": {"other": 1}}, "unknown key 'other'"),
        ({"key": None}, "array 'key' of the language model is missing"),
        ({"key": np.arange(3, dtype=np.int32)}, r"array 'key' is int32 of shape \(3,\), expected int64"),
        ({"key": np.zeros(5, dtype=np.int64)}, "array 'energy' does not have 5 entries"),
        ({"shorter": np.array([0, 1, 2, 3])}, "array 'shorter' is not of shorter histories"),
        ({"words": np.frombuffer(b"a\na\nb\nc\nd", dtype=np.uint8)}, "a word is given twice, or empty"),
        ({"least": np.zeros(1)}, "array 'least' is not of the words"),
    ],
)
def test_what_is_no_sound_model_is_said(compiled: pathlib.Path, changed: dict[str, Any], message: str) -> None:
    rewritten(compiled, changed)
    with pytest.raises(FormatError, match=f"^x.npz: .*{message}"):
        read_ngrams(str(compiled))


def test_damaged_files_give_one_message(compiled: pathlib.Path) -> None:
    data, rng = compiled.read_bytes(), random.Random(1)
    refused = 0
    whole = 0
    for number in range(300):
        damaged = bytearray(data[: rng.randrange(4, len(data))] if number % 3 == 0 else data)
        for _ in range(rng.randrange(4)):
            damaged[rng.randrange(4, len(damaged))] = rng.randrange(256)
        pathlib.Path("y.npz").write_bytes(damaged)
        try:
            model = read_ngrams("y.npz")
        except FormatError as error:
            refused += str(error).startswith("y.npz: ")
        else:
            model.step(np.arange(model.histories), np.full(model.histories, 1))
            whole += 1
    assert refused + whole == 300
    assert refused >= 100
    pathlib.Path("record.json").write_text(
        json.dumps({"lattice": 1, "id": "r", "start": 0, "final": 1, "arcs": [[0, 1, "a", 1]]})
    )
    pathlib.Path("y.npz").write_bytes(data[:700])
    done = run("viterbi", "record.json", "--lm", "y.npz")
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)


def test_commands_take_compiled_models(compiled: pathlib.Path) -> None:
    pathlib.Path("small.lm").write_text(SMALL)
    record = {"lattice": 1, "id": "r", "start": 0, "final": 2, "arcs": [[0, 1, "a", 1], [0, 1, "b", 0], [1, 2, "a", 2]]}
    pathlib.Path("record.json").write_text(json.dumps(record))
    assert run("grammar", "lm", "small.lm", "-o", "z.npz").status == 0
    assert pathlib.Path("z.npz").read_bytes() == compiled.read_bytes()
    for option in ("--lm", "-g"):
        told = [run("viterbi", "record.json", option, each, "--json").out for each in ("small.lm", "x.npz")]
        assert told[0] == told[1] != ""
    assert "compiled language model" in run("show", "x.npz").out
    done = run("viterbi", "x.npz")
    assert (done.status, done.out) == (3, "")
    assert "a compiled language model, expected a graph" in done.err
    assert run("grammar", "lm", "small.lm", "-o", "z.json").status == 2


@given(text=ngram_texts(), graph=graphs(energies=moderate_energies, labels=("w0", "w1", "zzz", "</s>")))
@settings(max_examples=60, deadline=None)
def test_what_a_graph_reaches_of_a_model_is_what_composition_has(text: str, graph: Graph) -> None:
    model = arpa_model(text, "x")
    reached = NgramGrammar(model, "x", "x").beside(graph).graph
    found, expected = (
        sorted(
            (path.input, path.output, round(path.energy, 9)) for path in oracle.all_paths(compose(graph, each).graph)
        )
        for each in (reached, exact(model))
    )
    assert found == expected


def test_a_matrix_through_a_model_on_demand_is_that_through_its_graph() -> None:
    rng, labels = np.random.default_rng(5), ("", "_", "a", "<unk>", "b")
    model = arpa_model(SMALL, "small.lm")
    graph = exact(model)
    grammars = (NgramGrammar(model, "g", "g"), Document(graph, "g", "g", range(graph.nodes)))
    for steps in (3, 6, 9):
        emissions = emission_graph(rng.uniform(0, 3, (steps, len(labels) - 1)), labels)
        record = Document(emissions, "m", "m", range(emissions.nodes))
        for request in (SearchRequest(), SearchRequest(n=3, distinct=True)):
            one, other = (decode([record], Decoder(each, "_"), request)[0] for each in grammars)
            assert isinstance(one, Decoding)
            assert isinstance(other, Decoding)
            assert [path.output for path in one.paths] == [path.output for path in other.paths]
            expected = [path.energy for path in other.paths]
            assert [path.energy for path in one.paths] == pytest.approx(expected, abs=1e-9)
        (one,), (other,) = (forward([record], [1.0], Decoder(each, "_")) for each in grammars)
        assert isinstance(one, list)
        assert isinstance(other, list)
        assert one[0].statistics.free_energy == pytest.approx(other[0].statistics.free_energy, abs=1e-9)

"""The score command in real processes: texts under every kind of model, streams, forms of output, bad input."""

from __future__ import annotations

import json
import math
import pathlib

import pytest
from support import ROOT
from support.commands import LECTURE, WORDS, records, run, save

pytestmark = pytest.mark.slow

ROBOT, MOVES = str(ROOT / "grammars" / "robot.arpa"), str(ROOT / "grammars" / "moves.arpa")
AMOUNTS = str(ROOT / "grammars" / "amounts-words.yaml")


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_json_has_a_line_a_sentence_and_the_sums() -> None:
    done = run("score", "-", "-g", ROBOT, "--json", text="go forward\ngo to ten\n")
    assert (done.status, done.err) == (0, "")
    first, second, last = records(done.out)
    energy = (0.301 + 0.301 + 0.301 + 0.9031) * math.log(10)
    assert first == {
        "id": "-:1",
        "status": "ok",
        "text": "go forward",
        "words": 2,
        "oov": [],
        "energy": pytest.approx(energy),
        "log10": pytest.approx(-1.8061),
        "perplexity": pytest.approx(math.exp(energy / 3)),
        "ppl": pytest.approx(math.exp(energy / 3)),
        "ppl1": pytest.approx(math.exp(energy / 2)),
        "oov_energy": 0.0,
    }
    assert (second["oov"], second["oov_energy"]) == (["to"], pytest.approx(2.301 * math.log(10)))
    total = last["total"]
    assert (total["sentences"], total["words"], total["oov"], total["oov_words"]) == (2, 5, 1, {"to": 1})
    assert total["energy"] == pytest.approx(first["energy"] + second["energy"])
    assert total["oov_energy"] == pytest.approx(second["oov_energy"])
    assert total["ppl"] == pytest.approx(math.exp((total["energy"] - second["oov_energy"]) / (5 - 1 + 2)))


def test_a_sentence_without_a_path_is_said_and_the_rest_goes_on() -> None:
    done = run("score", "-", "-g", MOVES, "--json", text="go to\nfoo go\ngo\n")
    assert done.status == 1
    assert "lattice: -:2: no path: the model has no 'foo', and no unknown word\n" in done.err
    found = records(done.out)
    assert [line.get("status") for line in found] == ["ok", "no-path", "ok", "ok"]
    assert (found[1]["energy"], found[1]["perplexity"], found[1]["oov_energy"]) == (None, None, None)
    assert found[1]["ppl"] is not None
    assert found[3]["total"]["no_path"] == 1
    assert run("score", "-", "-g", MOVES, "--no-path-ok", text="foo\n").status == 0


def test_words_one_by_one() -> None:
    done = run("score", "-", "-g", MOVES, "--json", "--per-word", text="go to\n")
    tokens = records(done.out)[0]["tokens"]
    assert [(each["word"], each["order"], each["history"]) for each in tokens] == [
        ("go", 2, ["<s>"]),
        ("to", 2, ["go"]),
        (None, 1, ["to"]),
    ]
    assert sum(each["energy"] for each in tokens) == pytest.approx(records(done.out)[0]["energy"])
    table = run("score", "-", "-g", MOVES, "--per-word", text="go to\n").out
    assert "1 of 2" in table, "backed off"
    rows = run("score", "-", "-g", MOVES, "--per-word", "--tsv", text="go to\n").out.splitlines()
    assert rows[0].split("\t") == ["id", "word", "energy", "log10", "known", "order", "history"]
    assert [row.split("\t")[1] for row in rows[1:]] == ["go", "to", ""]


def test_every_kind_of_model() -> None:
    """The same language as n-grams, compiled, as a graph, and learned: all of them are asked the same."""
    save("text.txt", "go to", "go", "ten two")
    assert run("grammar", "lm", MOVES, "-o", "moves.npz").status == 0
    assert run("grammar", "arpa", MOVES, "-o", "moves.json").status == 0
    assert run("grammar", "arpa", MOVES, "--backoff", "epsilon", "-o", "loose.json").status == 0
    asked, compiled, graph = (
        records(run("score", "text.txt", "-g", name, "--json", "--no-path-ok").out)
        for name in (MOVES, "moves.npz", "moves.json")
    )
    assert asked == compiled
    for one, other in zip(asked, graph):
        assert one.get("energy") == (None if other.get("energy") is None else pytest.approx(other["energy"]))
    best, total = (
        records(run("score", "text.txt", "-g", "loose.json", "--json", "--no-path-ok", "--by", by).out)
        for by in ("path", "sum")
    )
    assert best[0]["ambiguous"]
    assert best[0]["energy"] > total[0]["energy"]
    learned = ("grammar", "neural", "text.txt", "--spell", "tokens", "-o", "n.npz", "--epochs", "1", "--context", "2")
    assert run(*learned).status == 0
    network = records(run("score", "text.txt", "-g", "n.npz", "--json", "--per-word").out)
    assert network[0]["tokens"][1]["history"] == ["go"]
    amounts = run("score", "-", "-g", AMOUNTS, "--json", text="two dollars\ntwo two dollars\n")
    assert [line.get("status") for line in records(amounts.out)] == ["ok", "no-path", "ok"]
    assert "the sentence offers 'two'" in amounts.err
    letters = records(run("score", "-", "-g", WORDS, "--json", text="cap\n").out)
    assert letters[0]["words"] == 3, "the lexicon's labels are characters"
    save("rules.jsgf", "#JSGF V1.0;", "grammar r;", "public <r> = go [slowly] | stop;")
    assert run("score", "-", "-g", "rules.jsgf", text="go slowly\nstop\n").status == 0


def test_the_sum_says_that_there_are_several_paths() -> None:
    arcs = [[0, 1, "a", 1.0], [0, 1, "a", 2.0], [1, 1, "b", 0.5]]
    save("two.json", json.dumps({"lattice": 1, "start": 0, "final": 1, "arcs": arcs}))
    best = run("score", "-", "-g", "two.json", text="a b\n")
    assert "several paths: 1 sentence; energies are of the best path, --by sum: of all" in best.out
    found = records(run("score", "-", "-g", "two.json", "--json", "--by", "sum", text="a b\n").out)
    assert found[0]["energy"] == pytest.approx(-math.log(math.exp(-1.5) + math.exp(-2.5)))
    both = run("score", "-", "-g", "two.json", "--by", "sum", "--per-word", text="a b\n")
    assert (both.status, both.out) == (2, "")
    assert "--per-word is of one path" in both.err


def test_several_texts_in_several_processes_are_the_same() -> None:
    save("one.txt", *["go forward ten meters", "go to kan", ""] * 2000)
    save("two.txt", "go")
    alone, shared = (run("score", "one.txt", "two.txt", "-g", ROBOT, "--json", "--jobs", jobs) for jobs in ("1", "2"))
    assert alone == shared
    assert alone.status == 0
    found = records(alone.out)
    assert len(found) == 6002
    assert found[-2]["id"] == "two.txt:1"
    assert found[-1]["total"]["sentences"] == 6001
    tables = run("score", "one.txt", "two.txt", "-g", ROBOT, "--tsv")
    assert len(tables.out.splitlines()) == 6002


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (b"go\n\xff\n", 3, "standard input:2:"),
        (b"go </s>\n", 3, "standard input:1: found '</s>', which the model sets itself, expected words only"),
        (b'{"lattice": 1}\n', 3, "standard input:1: begins as json does, expected a text, a sentence a line"),
        (b"VERSION=1.0\nN=3 L=2\n", 3, "standard input:1: begins as slf does"),
        (b"\\data\\\nngram 1=3\n", 3, "standard input:1: begins as arpa does"),
        (b"[1] {go} [ 2 ]\n", 0, ""),
        (b"PK\x03\x04rest\n", 3, "standard input: is no text, expected a sentence a line"),
        (b"", 0, ""),
    ],
)
def test_what_is_no_text(data: bytes, status: int, said: str) -> None:
    done = run("score", "-", "-g", ROBOT, text=data)
    assert done.status == status
    assert said in done.err


def test_usage() -> None:
    assert run("score", LECTURE).status == 2
    assert "-g" in run("score", LECTURE).err
    assert run("score", "absent.txt", "-g", ROBOT).status == 3
    assert run("score", "-", "-g", "-").status == 2
    kept = run("score", "-", "-g", ROBOT, "--keep-going", text=b"go\n\xff\ngo\n")
    assert kept.status == 3
    assert "left out: 1 line, not read" in kept.out

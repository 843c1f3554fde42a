"""What show tells of trained models, and that nothing else takes a model for a graph."""

from __future__ import annotations

import io
import json
import pathlib
import sys
from typing import Any

import numpy as np
import pytest
from support.commands import LECTURE, cells, records, run
from support.training_data import lattices, vectors, write_inputs

from lattice_cli.cli.reports.model_report import curve
from lattice_cli.formats import read_config, read_model
from lattice_cli.learning.training import TrainConfig

pytestmark = pytest.mark.slow

CONFIG = """
train: 1
data: {train: train.npz, validation: valid.npz}
recognizer: {kind: mlp, hidden: [5, 4], activation: relu}
grammar: {ngram: 2}
objective: {l2: 0.001}
optimizer: {rate: 0.05, clip: 10}
training: {epochs: 4, batch: 8}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Inputs, a configuration and its model."""
    path = tmp_path_factory.mktemp("models")
    write_inputs(path / "train.npz", *vectors(40, 1))
    write_inputs(path / "valid.npz", *vectors(20, 2))
    (path / "config.yaml").write_text(CONFIG)
    assert run("train", "config.yaml", "-o", "m.npz", cwd=path).status == 0
    (path / "text.txt").write_text("abc\ncab\nabcabc\n")
    assert run("grammar", "neural", "text.txt", "-o", "n.npz", "--context", "2", cwd=path).status == 0
    return path


@pytest.fixture(autouse=True)
def _in_folder(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def shown(*arguments: str) -> dict[str, str]:
    """Heading -> text of the facts."""
    done = run("show", *arguments)
    assert (done.status, done.err) == (0, "")
    return {row[0]: row[1] for row in cells(done.out)}


def test_it_tells_what_is_in_a_model() -> None:
    (told,) = records(run("show", "m.npz", "--json").out)
    assert (told["id"], told["status"], told["read_as"]) == ("m.npz", "ok", "model")
    stored = read_model("m.npz")
    sizes = {name: array.size for name, array in stored.parameters.items() if not name.startswith("grammar")}
    assert told["recognizer"]["parameters"] == sum(sizes.values()) == 3 * 5 + 5 + 5 * 4 + 4 + 4 * 3 + 3
    assert [layer["shapes"]["weight"] for layer in told["recognizer"]["layers"]] == [[3, 5], [5, 4], [4, 3]]
    assert (told["labels"], told["alignment"]) == (["a", "b", "c"], {"kind": "each"})
    assert stored.grammar is not None
    assert told["grammar"]["arcs"] == stored.grammar.graph.arcs
    assert told["grammar"]["learned"] == "2-grams"
    assert told["config"] == json.loads(json.dumps(stored.about["config"]))
    history = [json.loads(line) for line in pathlib.Path("m.npz.history.jsonl").read_text().splitlines()]
    training = told["training"]
    assert training["curve"] == {"of": "label_error", "values": [epoch["label_error"] for epoch in history]}
    assert (training["epochs"], training["examples"], training["ended"]) == (4, 40, "4 epochs done")
    best = min(history, key=lambda epoch: (epoch["label_error"], -epoch["exact"]))
    assert training["best"] == {key: value for key, value in best.items() if key != "best"}


def test_its_table_says_the_same_and_ends_with_the_configuration(tmp_path: pathlib.Path) -> None:
    facts = shown("m.npz")
    assert facts["recogniser"] == "mlp, 59 parameters, from rows of 3 numbers"
    assert facts["layers"] == "layer0 3 x 5, layer1 5 x 4, layer2 4 x 3"
    assert facts["labels"] == "3: a b c"
    assert facts["grammar"].endswith("learned: 2-grams")
    assert facts["ended"].startswith("4 epochs done, 20")
    (told,) = records(run("show", "m.npz", "--json").out)
    assert facts["label error by epoch"] == curve(told["training"]["curve"]["values"])
    text = run("show", "m.npz").out.partition("configuration (what is not at its default):\n")[2]
    (tmp_path / "again.yaml").write_text(text)
    assert read_config(TrainConfig, str(tmp_path / "again.yaml")) == read_config(TrainConfig, "config.yaml")


def test_it_reads_a_model_from_a_pipe_among_others_and_in_other_processes(folder: pathlib.Path) -> None:
    alone = records(run("show", "m.npz", "--json").out)[0]
    piped = records(run("show", "-", "--json", text=(folder / "m.npz").read_bytes()).out)[0]
    assert {**piped, "id": "m.npz"} == alone
    several = ("show", "m.npz", LECTURE, "n.npz", "--json")
    first, graph, network = records(run(*several).out)
    assert (first, graph["nodes"], network["read_as"]) == (alone, 4, "model")
    assert run(*several, "--jobs", "2").out == run(*several).out


def test_a_neural_grammar_tells_its_network() -> None:
    (told,) = records(run("show", "n.npz", "--json").out)
    network = told["grammar"]["network"]
    assert (network["context"], network["labels"], network["hidden"]) == (2, ["a", "b", "c"], [64])
    best = read_model("n.npz").about["trained"]["epoch"]
    assert told["training"]["best"]["perplexity"] == pytest.approx(np.exp(best["loss"]))
    facts = shown("n.npz")
    assert facts["context"] == "the last 2 labels, 16 numbers each"
    assert facts["vocabulary"] == "3: a b c"
    assert "perplexity" in facts["weights of"]


def test_a_neural_grammar_in_a_model_is_told_of_both(folder: pathlib.Path) -> None:
    settings = ["--set", "grammar.ngram=0", "--set", "grammar.neural.context=1", "--set", "training.epochs=1"]
    assert run("train", "config.yaml", "-o", "both.npz", *settings).status == 0
    (told,) = records(run("show", "both.npz", "--json").out)
    assert told["recognizer"]["parameters"] == 59
    assert told["grammar"]["network"]["context"] == 1
    assert told["grammar"]["learned"] == "network"


def test_scales_of_scores_are_told_by_name(tmp_path: pathlib.Path) -> None:
    lattices(tmp_path / "train.jsonl", 10, 1)
    (tmp_path / "s.yaml").write_text("train: 1\ndata: {train: train.jsonl}\nrecognizer: {kind: scores}\n")
    assert run("train", "s.yaml", "-o", "s.npz", "--set", "training.epochs=2", cwd=tmp_path).status == 0
    (told,) = records(run("show", "s.npz", "--json", cwd=tmp_path).out)
    assert list(told["scales"]) == ["good", "bad"]
    assert list(told["scales"].values()) == read_model(str(tmp_path / "s.npz")).parameters["scales"].tolist()
    assert told["grammar"] is None
    assert told["training"]["curve"]["of"] == "loss"
    table = {row[0]: row[1] for row in cells(run("show", "s.npz", cwd=tmp_path).out)}
    assert table["grammar"].startswith("none")
    assert table["scales"].startswith("good x ")


def rewritten(change: dict[str, Any], without: tuple[str, ...] = ()) -> None:
    """odd.npz: the model, its description changed."""
    with np.load("m.npz") as file:
        arrays = {name: file[name] for name in file.files}
    about = {**json.loads(arrays["model"].tobytes()), **change}
    told = {name: value for name, value in about.items() if name not in without}
    np.savez("odd.npz", **{**arrays, "model": np.frombuffer(json.dumps(told).encode(), np.uint8)})


def test_a_model_of_the_older_form_is_shown_without_its_epochs() -> None:
    rewritten({}, ("history", "ended", "written"))
    (told,) = records(run("show", "odd.npz", "--json").out)
    assert told["training"]["epochs"] is None
    assert "curve" not in told["training"]
    facts = shown("odd.npz")
    assert "weights of" in facts
    assert "epochs" not in facts
    assert run("recognize", "odd.npz", "valid.npz").status == 0


@pytest.mark.parametrize(
    "change",
    [
        {"config": 5},
        {"config": {}},
        {"labels": "abc"},
        {"labels": [1]},
        {"size": "3"},
        {"history": 7},
        {"history": [7]},
        {"history": [{"number": 1, "loss": "low"}]},
        {"epoch": {"number": None}},
    ],
)
def test_a_description_that_is_none_is_told(change: dict[str, Any]) -> None:
    rewritten(change)
    done = run("show", "odd.npz")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("lattice: odd.npz: its description is not that of a model: ")


@pytest.mark.parametrize("model", ["m.npz", "n.npz"])
@pytest.mark.parametrize(
    "command", ["viterbi", "forward", "sample", "bound", "prune --beam 1", "loss -t a", "show --arcs"]
)
def test_a_model_is_no_graph(model: str, command: str) -> None:
    done = run(*command.split(), model)
    assert done.status in (2, 3)
    assert f"{model}: a trained model, expected a graph" in done.err


def test_its_grammar_can_be_taken_out_drawn_and_compared() -> None:
    assert run("convert", "m.npz", "grammar.json").status == 0
    same = run("show", "m.npz", "--against", "grammar.json")
    assert "trained model" not in same.err  # its learned energies may have a cycle below 0, which has no least
    assert "digraph" in run("draw", "m.npz", "--to", "dot").out
    assert run("compose", LECTURE, "m.npz").status in (0, 1)


def test_curves_are_lines_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    assert curve([7.0, 3.0, 0.0]) == "█▄▁"
    assert curve([2.0, 2.0]) == "▁▁"
    long = curve([float(n) for n in range(1000)])
    assert (len(long), long[0], long[-1]) == (40, "▁", "█")
    assert list(long) == sorted(long)
    ascii_only = run("show", "m.npz", env={"PYTHONIOENCODING": "ascii"}).out
    assert ascii_only.isascii()

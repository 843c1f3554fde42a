"""A training of several factors from a configuration to a decoded answer, and gone on with."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest
from support.commands import records, run, start
from support.training_data import vectors, write_inputs

from lattice_cli.formats import read_model
from lattice_cli.models import train

CONFIG = """
train: 1
data: {train: train.npz}
recognizer: {kind: linear}
factors:
- {ctc: "_"}
- {file: letters.json, learn: arcs}
- {ngram: 2, name: words}
optimizer: {rate: 0.05}
training: {epochs: 3, batch: 8}
"""
WORDS = {"a": "X", "b": "Y", "c": "Z"}


@pytest.fixture(autouse=True)
def _files(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inputs, targets = vectors(40, 1)
    write_inputs(tmp_path / "train.npz", inputs, [[WORDS[letter] for letter in target] for target in targets])
    arcs = [[0, 0, letter, word, 0.1 * number] for number, (letter, word) in enumerate(WORDS.items())]
    (tmp_path / "letters.json").write_text(json.dumps({"lattice": 1, "start": 0, "final": 0, "arcs": arcs}))
    (tmp_path / "t.yaml").write_text(CONFIG)


def test_a_model_keeps_its_factors_and_stands_for_all_of_them() -> None:
    standing = train("t.yaml", "m.npz")
    assert standing.epochs[-1].loss < standing.epochs[0].loss
    stored = read_model("m.npz")
    assert list(stored.factors) == ["letters", "words"]
    graphs = run("recognize", "m.npz", "train.npz").out
    found = records(run("forward", "-", "-g", "m.npz", "--arcs", "--of", "letters", "--json", text=graphs).out)
    assert len(found) == 40
    assert {arc["output"] for arc in found[0]["arcs"]} == {"X", "Y", "Z"}
    learned = [arc["energy"] for arc in found[0]["arcs"]]
    assert learned == pytest.approx(stored.factors["letters"].graph.energy.tolist())
    assert not np.allclose(learned, [0.0, 0.1, 0.2])
    # The same loss as in training, by the loss command.
    losses = records(run("loss", "-", "-g", "m.npz", "--loss", "nll", "--json", text=graphs).out)
    told = run("train", "t.yaml", "-o", "again.npz", "--set", "training.start=m.npz", "--set", "training.epochs=1",
               "--set", "training.batch=100", "--set", "optimizer.rate=1e-300", "--json")  # fmt: skip
    mean = next(each["loss"] for each in records(told.out) if "loss" in each)
    assert losses[-1]["value"] == pytest.approx(mean, rel=1e-9)


def test_what_it_is_composed_of_is_shown() -> None:
    train("t.yaml", "m.npz")
    shown = run("show", "m.npz").out
    assert "letters" in shown
    assert "energies of arcs" in shown
    assert "2-grams" in shown
    told = records(run("show", "m.npz", "--json").out)[0]
    assert [each["name"] for each in told["factors"]] == ["ctc", "letters", "words"]


def test_a_training_goes_on_with_the_same_factors_only() -> None:
    whole = train("t.yaml", "whole.npz")
    process = start("train", "t.yaml", "-o", "m.npz", "--set", "training.epochs=2")
    process.communicate()
    resumed = train("t.yaml", "m.npz", resume=True)
    assert np.array_equal(resumed.theta, whole.theta)
    text = pathlib.Path("letters.json").read_text()
    pathlib.Path("letters.json").write_text(text.replace("0.1", "0.3"))
    done = run("train", "t.yaml", "-o", "m.npz", "--resume")
    assert done.status == 2
    assert "--resume: letters changed since m.npz.checkpoint" in done.err


def test_a_factor_that_another_grammar_is_called_like_is_told() -> None:
    train("t.yaml", "m.npz", ["training.epochs=1"])
    graphs = run("recognize", "m.npz", "train.npz").out
    done = run("viterbi", "-", "-g", "m.npz", "-g", "letters.json", text=graphs)
    assert done.status == 2
    assert "two factors are called 'letters'" in done.err


def test_a_model_of_several_factors_is_given_no_other_name() -> None:
    train("t.yaml", "m.npz", ["training.epochs=1"])
    graphs = run("recognize", "m.npz", "train.npz").out
    done = run("viterbi", "-", "-g", "m.npz", "--as", "other", text=graphs)
    assert done.status == 2
    assert "m.npz is a model of several factors with names of their own, letters, words, found 'other'" in done.err


def test_lattices_are_read_through_factors_too() -> None:
    rows = [
        {"lattice": 1, "id": str(number), "target": target, "start": 0, "final": 2, "arcs": arcs}
        for number, (target, arcs) in enumerate(
            [
                ("Y X", [[0, 1, "a", 1.0], [0, 1, "b", 0.9], [1, 2, "b", 1.0], [1, 2, "a", 0.7]]),
                ("X Y", [[0, 1, "a", 0.4], [0, 1, "b", 0.9], [1, 2, "b", 0.1], [1, 2, "a", 0.7]]),
            ]
        )
    ]
    pathlib.Path("d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pathlib.Path("t.yaml").write_text(
        "train: 1\ndata: {train: d.jsonl}\nrecognizer: {kind: scores}\nobjective: {loss: mwer}\n"
        "factors: [{file: letters.json, learn: arcs}, {ngram: 2}]\ntraining: {epochs: 30}\noptimizer: {rate: 0.1}\n"
    )
    standing = train("t.yaml", "m.npz")
    assert standing.epochs[-1].loss < 0.8 * standing.epochs[0].loss
    graphs = run("recognize", "m.npz", "d.jsonl").out
    answers = records(run("viterbi", "-", "-g", "m.npz", "--json", text=graphs).out)
    assert [each["paths"][0]["text"] for each in answers] == ["YX", "XY"]

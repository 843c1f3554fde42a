"""Targets of every step from the command line: read, shown, kept through recognition, and the last one counted."""

from __future__ import annotations

import json
import pathlib

import pytest
from support import ROOT
from support.commands import run

pytestmark = pytest.mark.slow

GRAPH = {
    "lattice": 1, "id": "g", "target": {"steps": ["VC", {"any": ["ab", "eb"]}]}, "start": 0, "final": 2,
    "arcs": [[0, 1, "V", 0.1], [0, 1, "a", 0.4], [0, 1, "e", 0.5], [1, 2, "b", 0.2], [1, 2, "C", 0.9]],
}  # fmt: skip


@pytest.fixture
def graph(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "g.json").write_text(json.dumps(GRAPH))
    return tmp_path


def test_everything_but_training_takes_the_last(graph: pathlib.Path) -> None:
    told = run("loss", "g.json", "--json", cwd=graph).out
    assert len(told.splitlines()) > 5
    assert told == run("loss", "g.json", "--json", "-t", "ab", "-t", "eb", cwd=graph).out
    found = run("show", "g.json", cwd=graph).out
    assert "VC then ab or eb" in found
    assert json.loads(run("show", "g.json", "--json", cwd=graph).out)["target"] == GRAPH["target"]
    answers = run("viterbi", "g.json", "--json", cwd=graph).out
    (graph / "answers.jsonl").write_text(answers)
    assert json.loads(answers)["target"] == GRAPH["target"]
    for name in ("g.json", "answers.jsonl"):
        labels = json.loads(run("evaluate", name, "--json", cwd=graph).out)["labels"]
        assert labels["rate"] == 0.5, "Vb for ab or eb"


def test_forms_keep_it_or_say_what_is_lost(graph: pathlib.Path) -> None:
    for name in ("g.yaml", "g.npz", "g.jsonl"):
        assert run("convert", "g.json", name, cwd=graph).status == 0
        assert json.loads(run("show", name, "--json", cwd=graph).out)["target"] == GRAPH["target"]
    done = run("convert", "g.json", "g.slf", cwd=graph)
    assert done.status == 2
    assert "slf cannot hold the target 'VC' then 'ab' or 'eb'; --lossy writes the rest" in done.err


def test_scales_are_tuned_by_the_last(graph: pathlib.Path) -> None:
    done = run("tune", "g.json", cwd=graph)
    assert done.status == 2
    assert "scales are tuned by one right answer, found several: 'ab' or 'eb'" in done.err


def test_a_list_of_another_length_is_bad_data(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sketches.yaml").write_bytes((ROOT / "samples" / "sketches.yaml").read_bytes())
    lines = (ROOT / "samples" / "sketches.jsonl").read_text().splitlines()[:8]
    record = json.loads(lines[2])
    record["target"]["steps"].pop()
    lines[2] = json.dumps(record)
    (tmp_path / "sketches.jsonl").write_text("\n".join(lines))
    done = run("train", "sketches.yaml", "-o", "m.npz", cwd=tmp_path)
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        "lattice: sketches.jsonl:3: record 'word-2' has targets for 3 steps, "
        "expected as many as the recogniser has, 4\n"
    )
    last = run("train", "sketches.yaml", "-o", "m.npz", "--set", "recognizer.ode.cost=last", cwd=tmp_path)
    assert last.status == 3
    assert "sketches.jsonl:1: record 'word-0' has targets for 4 steps, expected one target" in last.err


def test_errors_of_validation_are_those_of_evaluate(tmp_path: pathlib.Path) -> None:
    """Of the last step's answer and target, by the model that was written; what was looked at before knew less."""
    (tmp_path / "sketches.yaml").write_bytes((ROOT / "samples" / "sketches.yaml").read_bytes())
    lines = (ROOT / "samples" / "sketches.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "sketches.jsonl").write_text("".join(lines[:60]))
    (tmp_path / "valid.jsonl").write_text("".join(lines[60:]))
    overrides = ("--set", "data.hold_out=0", "--set", "data.validation=valid.jsonl", "--set", "training.epochs=6")
    epochs = run("train", "sketches.yaml", "-o", "m.npz", "--json", *overrides, cwd=tmp_path).out.splitlines()[:-1]
    least = min(json.loads(line)["label_error"] for line in epochs)
    for steps, same in ((4, True), (2, False)):
        half = ("--set", f"recognizer.ode.steps={steps}", "--set", f"recognizer.ode.time={steps}")
        (tmp_path / "graphs.jsonl").write_text(run("recognize", "m.npz", "valid.jsonl", *half, cwd=tmp_path).out)
        rate = json.loads(run("evaluate", "graphs.jsonl", "--json", cwd=tmp_path).out)["labels"]["rate"]
        assert (rate == pytest.approx(least)) is same
    checked = run("recognize", "m.npz", "valid.jsonl", "--check", "--json", cwd=tmp_path)
    assert checked.status == 0
    assert all(json.loads(line)["difference"] < 1e-6 for line in checked.out.splitlines())

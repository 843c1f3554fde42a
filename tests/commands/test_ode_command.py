"""ODE recognisers from the command line: learned, looked at, and refused."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest
from support.commands import lattice
from support.training_data import strips, vectors, write_inputs

from lattice_cli.formats import read_model

pytestmark = pytest.mark.slow

TEXT = """
train: 1
data: {train: train.npz, validation: valid.npz}
recognizer: {kind: ode, ode: ODE}
objective: {l2: 0.001}
optimizer: {rate: 0.02}
training: {epochs: 12, batch: 8}
"""
FORMS = {
    "euler": "{units: 6}",
    "mean": "{units: 6, cost: mean, stepper: midpoint}",
    "every": "{units: 6, cost: every, stepper: midpoint}",
    "continuous": "{units: 6, stepper: rk4, adjoint: continuous}",
    "checkpoints": "{units: 6, stepper: rk4, checkpoints: 3}",
    "fixed": "fixed-point",
    "anderson": "{form: fixed-point, units: 6, solver: anderson, norm: 0, iterations: 5}",
}


@pytest.fixture
def words(tmp_path: pathlib.Path) -> pathlib.Path:
    write_inputs(tmp_path / "train.npz", *vectors(60, 1))
    write_inputs(tmp_path / "valid.npz", *vectors(20, 2))
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
def test_it_learns_and_can_be_looked_at(words: pathlib.Path, form: str) -> None:
    (words / "c.yaml").write_text(TEXT.replace("ODE", FORMS[form]))
    lines = lattice("train", "c.yaml", "-o", "m.npz", "--json", cwd=words).stdout.splitlines()
    epochs = [json.loads(line) for line in lines[:-1]]
    assert epochs[-1]["loss"] < 0.9 * epochs[0]["loss"]
    graphs = lattice("recognize", "m.npz", "valid.npz", cwd=words).stdout
    found = json.loads(lattice("evaluate", "-", "--json", cwd=words, stdin=graphs).stdout)
    assert found["labels"]["rate"] == pytest.approx(min(epoch["label_error"] for epoch in epochs))
    told_of_it = lattice("recognize", "m.npz", "valid.npz", "--check", "--json", cwd=words).stdout
    records = [json.loads(line) for line in told_of_it.splitlines()]
    assert [record["id"] for record in records] == [f"r{number}" for number in range(20)]
    for record in records:
        assert record["status"] == "ok"
        assert record["difference"] < 1e-5 or form == "continuous"
        if form in ("fixed", "anderson"):
            assert record["fixed_point"]["residual"] <= 1e-10
            assert 0 < record["fixed_point"]["mean_radius"] <= record["fixed_point"]["radius"]
            assert record["fixed_point"]["radius"] < 0.95 or form == "anderson"
        else:
            told = record["adjoint"]
            assert told["kept"] == {"checkpoints": 6, "continuous": 1}.get(form, 8)
            assert 0 < told["continuous"] < {"euler": 1.0, "mean": 0.2, "every": 0.2}.get(form, 0.05)
            assert told["cosine"] > 0.8
    table = lattice("recognize", "m.npz", "valid.npz", "--check", cwd=words).stdout
    assert len(table.splitlines()) == 24


def test_a_checkpointed_training_comes_to_the_same_bits(words: pathlib.Path) -> None:
    (words / "c.yaml").write_text(TEXT.replace("ODE", "{units: 6, stepper: rk4}"))
    for name, checkpoints in (("all", 0), ("some", 2)):
        lattice("train", "c.yaml", "-o", f"{name}.npz", "--set", f"recognizer.ode.checkpoints={checkpoints}", cwd=words)
    ours, theirs = (read_model(str(words / f"{name}.npz")).parameters for name in ("all", "some"))
    assert all(np.array_equal(array, theirs[name]) for name, array in ours.items())


def test_more_checkpoints_than_steps_are_refused(words: pathlib.Path) -> None:
    (words / "c.yaml").write_text(TEXT.replace("ODE", "{units: 6, steps: 4, checkpoints: 4}"))
    once = lattice("train", "c.yaml", "-o", "m.npz", "--set", "training.epochs=1", cwd=words)
    assert "1 epoch done" in once.stdout
    done = lattice("train", "c.yaml", "-o", "n.npz", "--set", "recognizer.ode.checkpoints=999", cwd=words, status=2)
    assert "recognizer.ode.checkpoints: 999 states cannot be kept of 4 steps" in done.stderr
    assert not (words / "n.npz").exists()


def test_a_section_keeps_its_other_keys_when_its_form_is_set(words: pathlib.Path) -> None:
    (words / "c.yaml").write_text(TEXT.replace("ODE", "{units: 5}"))
    overrides = ("--set", "recognizer.ode=fixed-point", "--set", "training.epochs=1")
    lattice("train", "c.yaml", "-o", "m.npz", *overrides, cwd=words)
    about = read_model(str(words / "m.npz")).about["config"]["recognizer"]["ode"]
    assert (about["form"], about["units"]) == ("fixed-point", 5)


def test_segments_of_images(tmp_path: pathlib.Path) -> None:
    write_inputs(tmp_path / "train.npz", *strips(60, 1))
    write_inputs(tmp_path / "valid.npz", *strips(30, 2))
    told = TEXT.replace("ODE", "fixed-point") + "alignment: {kind: segments, segments: {box: [4, 6], lowest: 0.1}}\n"
    (tmp_path / "c.yaml").write_text(told)
    lines = lattice("train", "c.yaml", "-o", "m.npz", "--json", cwd=tmp_path).stdout.splitlines()
    assert min(json.loads(line)["label_error"] for line in lines[:-1]) < 0.1


@pytest.mark.parametrize(
    ("settings", "status", "message"),
    [
        (["recognizer.ode=fixpoint"], 2, "recognizer.ode.form is fixpoint, expected one of steps, fixed-point"),
        (["recognizer.ode.stepper=rk5"], 2, "recognizer.ode.stepper is rk5, expected one of euler, midpoint, rk4"),
        (["recognizer.ode.steps=0"], 2, "recognizer.ode.steps is 0, expected at least 1"),
        (["recognizer.kind=linear", "recognizer.ode.steps=3"], 2, "recognizer.ode is for kind: ode, but kind"),
        (["recognizer.hidden=[3]"], 2, "recognizer.hidden is for kind: mlp, but kind is ode"),
        (["recognizer.ode.time=1e308", "recognizer.ode.steps=1"], 4, "epoch 1, batch"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(words: pathlib.Path, settings: list[str], status: int, message: str) -> None:
    (words / "c.yaml").write_text(TEXT.replace("ODE", "{units: 5}"))
    overrides = [part for each in settings for part in ("--set", each)]
    assert message in lattice("train", "c.yaml", *overrides, cwd=words, status=status).stderr


def test_a_check_writes_no_graphs(words: pathlib.Path) -> None:
    (words / "c.yaml").write_text(TEXT.replace("kind: ode, ode: ODE", "kind: linear"))
    lattice("train", "c.yaml", "-o", "m.npz", "--set", "training.epochs=1", cwd=words)
    command = ("recognize", "m.npz", "valid.npz")
    assert "-o and --check" in lattice(*command, "--check", "-o", "x", cwd=words, status=2).stderr
    assert "--json makes no difference without --check" in lattice(*command, "--json", cwd=words, status=2).stderr
    told = json.loads(lattice(*command, "--check", "--json", cwd=words).stdout.splitlines()[0])
    assert set(told) == {"id", "status", "rows", "gradient", "difference"}

"""A training for each combination of values."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys
import time

import pytest
from support.commands import run, start, training_children
from support.training_data import vectors, write_inputs

from lattice_cli.errors import UsageError
from lattice_cli.formats import read_model
from lattice_cli.learning.recognizers import RecognizerSettings
from lattice_cli.learning.training import TrainConfig
from lattice_cli.models import grid_points

pytestmark = pytest.mark.slow

CONFIG = """
train: 1
data: {train: train.npz, validation: valid.npz}
recognizer: {kind: mlp, hidden: [5]}
optimizer: {method: adam, rate: 0.05}
training: {epochs: 3, batch: 24}
"""


@pytest.fixture
def words(tmp_path: pathlib.Path) -> pathlib.Path:
    write_inputs(tmp_path / "train.npz", *vectors(60, 1))
    write_inputs(tmp_path / "valid.npz", *vectors(40, 2), prefix="v")
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path


def points(*grid: str) -> list[str]:
    config = TrainConfig(recognizer=RecognizerSettings(kind="mlp"))
    return [pathlib.Path(point.output).name for point in grid_points(config, grid, "out")]


def test_every_combination_has_a_file_named_by_its_values() -> None:
    assert points("optimizer.rate=0.1,0.2", "recognizer.hidden=[3],[3, 4]") == [
        "optimizer.rate=0.1,recognizer.hidden=%5B3%5D.npz",
        "optimizer.rate=0.1,recognizer.hidden=%5B3%2C%204%5D.npz",
        "optimizer.rate=0.2,recognizer.hidden=%5B3%5D.npz",
        "optimizer.rate=0.2,recognizer.hidden=%5B3%2C%204%5D.npz",
    ]
    assert points("alignment.blank='a,b',c") == ["alignment.blank=%27a%2Cb%27.npz", "alignment.blank=c.npz"]
    long = points(f"data.train=[{'a' * 300}],[{'a' * 300}b]")
    assert len({*long}) == 2
    assert all(len(name) < 220 for name in long)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        (["optimizer.rate=0.1,0"], "--grid optimizer.rate=0: optimizer.rate is 0, expected a number above 0"),
        (["optimizer.rat=0.1"], "unknown key 'rat' in the optimizer settings; did you mean 'rate'?"),
        (["optimizer.rate"], "--grid optimizer.rate: expected KEY=VALUE,VALUE"),
        (["optimizer.rate=1,"], "--grid optimizer.rate=1,: expected KEY=VALUE,VALUE"),
        (["optimizer.rate=1,1"], "--grid optimizer.rate=1,1: 1 is given twice"),
        (["optimizer.rate=1", "optimizer.rate=2"], "optimizer.rate is given twice, expected all its values together"),
        (["optimizer.method=adam,lbfgs", "optimizer.decay=0.5"], "--grid: optimizer.method=lbfgs, optimizer.decay=0.5"),
        ([f"training.seed={','.join(map(str, range(400)))}", f"training.epochs={','.join(map(str, range(1, 400)))}"],
         "159600 combinations, expected at most 100000"),
    ],
)  # fmt: skip
def test_values_are_checked_before_anything_begins(grid: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        points(*grid)
    assert said in str(refused.value)


def test_the_best_is_first_and_its_model_is_that_of_a_training_by_itself(words: pathlib.Path) -> None:
    grid = ("--grid", "optimizer.rate=0.00001,0.05,0.02", "--grid", "training.batch=24,30")
    outs = [run("train", "c.yaml", *grid, "--json", "-o", f"out{jobs}", "--jobs", jobs, cwd=words) for jobs in "12"]
    assert outs[0].status == 0, outs[0].err
    assert outs[0].out.replace("out1", "") == outs[1].out.replace("out2", "")
    *rows, last = [json.loads(line) for line in outs[0].out.splitlines()]
    assert len(rows) == 6
    figures = [(row["label_error"], -row["exact"]) for row in rows]
    assert figures == sorted(figures)
    assert last == {"status": "ok", "model": rows[0]["model"]}
    rate, batch = rows[0]["values"]["optimizer.rate"], rows[0]["values"]["training.batch"]
    own = ("--set", f"optimizer.rate={rate}", "--set", f"training.batch={batch}")
    single = run("train", "c.yaml", *own, "-o", "m.npz", cwd=words)
    assert single.status == 0
    models = [read_model(str(words / name)).parameters for name in ("m.npz", rows[0]["model"])]
    assert {key: each.tobytes() for key, each in models[0].items()} == {
        key: each.tobytes() for key, each in models[1].items()
    }
    table = run("train", "c.yaml", *grid, "-o", "out1", "--resume", cwd=words, env={"LATTICE_WIDTH": "80"})
    assert table.status == 0
    assert max(map(len, table.out.splitlines())) <= 80
    assert f"best: {rows[0]['model']}" in table.out
    assert table.err.count("done already") == 6


def test_least_loss_is_best_where_that_is_kept(words: pathlib.Path) -> None:
    grid = ("--grid", "optimizer.rate=0.00001,0.05", "--set", "training.keep=loss")
    rows = [json.loads(line) for line in run("train", "c.yaml", *grid, "--json", "-o", "o", cwd=words).out.splitlines()]
    assert rows[0]["validation_loss"] < rows[1]["validation_loss"]
    grid = ("--grid", "optimizer.rate=0.00001,0.05", "--set", "data.validation=[]")
    rows = [json.loads(line) for line in run("train", "c.yaml", *grid, "--json", "-o", "p", cwd=words).out.splitlines()]
    assert rows[0]["loss"] < rows[1]["loss"]


def test_one_that_fails_is_a_row_that_says_why(words: pathlib.Path) -> None:
    grid = ("--grid", "optimizer.rate=1e300,0.05", "--set", "objective.l2=0.01", "-o", "out")
    done = run("train", "c.yaml", *grid, "--json", cwd=words)
    good, bad, last = map(json.loads, done.out.splitlines())
    assert done.status == 4
    assert (good["status"], bad["status"], last["model"]) == ("ok", "diverged", good["model"])
    assert bad["error"].startswith("epoch 1, batch")
    table = run("train", "c.yaml", *grid, cwd=words)
    assert "failed: optimizer.rate=1e300: epoch 1, batch" in table.out
    assert table.status == 4


def test_what_was_stopped_goes_on_and_other_data_is_refused(words: pathlib.Path) -> None:
    grid = ("train", "c.yaml", "--grid", "training.seed=1,2", "--set", "training.save_every=0.000000001", "-o", "out")
    endless = ("--set", "training.epochs=1000000")
    process = start(*grid, *endless, "--jobs", "2", cwd=words, start_new_session=True)
    deadline = time.monotonic() + 60
    files = [words / "out" / f"training.seed={seed}.npz.checkpoint" for seed in (1, 2)]
    while not all(file.exists() for file in files):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    refused = run(*grid, cwd=words)
    assert refused.status == 2
    assert "is a training that was stopped: --resume goes on with it" in " ".join(refused.err.split())
    done = run(*grid, "--resume", "--json", "--set", "training.epochs=1", cwd=words)
    assert done.status == 0, done.err
    write_inputs(words / "train.npz", *vectors(61, 3))
    done = run(*grid, "--resume", "--json", "--set", "training.epochs=1", cwd=words)
    assert done.status == 2
    assert "the examples changed" in done.out
    assert run(*grid, "--restart", "--set", "training.epochs=1", cwd=words).status == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ps --ppid")
def test_a_training_whose_process_is_killed_goes_on_from_its_checkpoint(words: pathlib.Path) -> None:
    more = ("--set", "training.epochs=120", "--set", "training.save_every=0.000000001", "--json")
    grid = ("train", "c.yaml", "--grid", "training.seed=1,2", *more)
    whole = run(*grid, "-o", "whole", cwd=words)
    process = start(*grid, "-o", "killed", "--jobs", "2", cwd=words)
    deadline = time.monotonic() + 60
    while not (words / "killed" / "training.seed=1.npz.checkpoint").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(training_children(process.pid)[-1], signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert b"Traceback" not in err
    assert out.decode().replace("killed/", "") == whole.out.replace("whole/", "")

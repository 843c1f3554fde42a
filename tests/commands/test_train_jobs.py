"""Training by several processes: the bits of one, whatever becomes of the processes."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.clusters import local_cluster
from support.commands import ENVIRONMENT, Done, run, start, training_children
from support.training_data import vectors, write_inputs

from lattice_cli.formats import read_checkpoint, read_model

pytestmark = pytest.mark.slow

CRF = """
train: 1
data: {train: train.npz, validation: valid.npz}
recognizer: {kind: mlp, hidden: [5]}
grammar: {ngram: 2}
objective: {l2: 0.001}
optimizer: {method: METHOD, rate: 0.05}
training: {epochs: 6, batch: 24, piece: 7, save_every: 0.000000001}
"""

#: The command, by a program that has said how processes are started.
BEGUN = """
import multiprocessing

from lattice_cli.cli.main import main

if __name__ == "__main__":
    multiprocessing.set_start_method({begun!r})
    main()
"""


@pytest.fixture
def words(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with words of vectors to learn and to be measured on: steps of three or four pieces."""
    write_inputs(tmp_path / "train.npz", *vectors(60, 1))
    write_inputs(tmp_path / "valid.npz", *vectors(450, 2), prefix="v")  # what is decoded together is three times less
    (tmp_path / "adam.yaml").write_text(CRF.replace("METHOD", "adam"))
    (tmp_path / "lbfgs.yaml").write_text(CRF.replace("METHOD", "lbfgs"))
    return tmp_path


def left(folder: pathlib.Path, name: str) -> tuple[Any, ...]:
    """All that a training leaves, but for times."""
    history = [json.loads(line) for line in (folder / f"{name}.history.jsonl").read_text().splitlines()]
    for epoch in history:
        epoch.pop("seconds")
    about, arrays = read_checkpoint(str(folder / f"{name}.checkpoint"))
    standing = about["standing"]
    for epoch in [standing, *standing["epochs"]]:
        epoch.pop("seconds")
    weights = read_model(str(folder / name)).parameters
    vectors_of = {key: np.asarray(each).tobytes() for key, each in {**arrays, **weights}.items()}
    return history, about, vectors_of


def trained(folder: pathlib.Path, config: str, name: str, *more: str, begun: str = "") -> tuple[str, str]:
    """What it says. begun: how processes are started, where that is not for the tool to say."""
    told = ["train", config, "-o", name, "--json", *more]
    if begun:
        script = folder / "begun.py"
        script.write_text(BEGUN.format(begun=begun))
        argv = [sys.executable, str(script), *told]
        found = subprocess.run(argv, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
        done = Done(found.returncode, found.stdout, found.stderr)
    else:
        done = run(*told, cwd=folder)
    assert done.status == 0, done.err
    return done.out.replace(name, "M"), done.err.replace(name, "M")


@pytest.mark.parametrize("config", ["adam.yaml", "lbfgs.yaml"])
def test_any_number_of_processes_leaves_the_same(words: pathlib.Path, config: str) -> None:
    alone = trained(words, config, "one.npz")
    assert trained(words, config, "two.npz", "--jobs", "2") == alone
    assert trained(words, config, "three.npz", "--jobs", "3", begun="fork") == alone
    assert trained(words, config, "four.npz", "--jobs", "3", begun="spawn") == alone
    assert left(words, "one.npz") == left(words, "two.npz") == left(words, "three.npz") == left(words, "four.npz")


def test_one_that_was_stopped_goes_on_with_another_number(words: pathlib.Path) -> None:
    trained(words, "adam.yaml", "whole.npz", "--set", "training.epochs=9")
    for epochs, jobs in ((2, "2"), (4, "1"), (5, "3"), (9, "2")):
        more = () if epochs == 2 else ("--resume",)
        trained(words, "adam.yaml", "parts.npz", "--jobs", jobs, "--set", f"training.epochs={epochs}", *more)
    assert left(words, "whole.npz") == left(words, "parts.npz")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ps --ppid")
def test_processes_that_are_killed_change_nothing(words: pathlib.Path) -> None:
    settings = ("--set", "training.epochs=150", "--set", "data.validation=[]")
    trained(words, "adam.yaml", "whole.npz", *settings)
    process = start("train", "adam.yaml", "-o", "killed.npz", "--json", "--jobs", "2", *settings, cwd=words)
    rng, killed, deadline = np.random.default_rng(0), 0, time.monotonic() + 120
    while process.poll() is None and killed < 4:
        assert time.monotonic() < deadline
        time.sleep(0.2 + rng.random() * 0.2)
        for victim in training_children(process.pid)[1:][-1:]:  # the first may be about to be a tracker of resources
            os.kill(victim, signal.SIGKILL)
            killed += 1
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert killed
    assert b"Traceback" not in err
    assert left(words, "whole.npz") == left(words, "killed.npz")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ps --ppid")
def test_ctrl_c_leaves_a_checkpoint_and_no_process(words: pathlib.Path) -> None:
    endless = ("--set", "optimizer.method=sgd", "--set", "training.epochs=10000000")
    process = start("train", "lbfgs.yaml", "-o", "m.npz", "--jobs", "2", *endless, cwd=words, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (words / "m.npz.checkpoint").exists() or len(training_children(process.pid)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    working = training_children(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"--resume goes on" in err
    assert b"Traceback" not in err
    deadline = time.monotonic() + 20
    while any(pathlib.Path(f"/proc/{number}").exists() for number in working):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    epoch = read_checkpoint(str(words / "m.npz.checkpoint"))[0]["standing"]["epoch"]
    again = ("--set", "optimizer.method=sgd", "--set", f"training.epochs={epoch + 2}")
    trained(words, "lbfgs.yaml", "m.npz", "--resume", *again)
    trained(words, "lbfgs.yaml", "whole.npz", *again)
    assert left(words, "m.npz") == left(words, "whole.npz")


def test_what_goes_wrong_in_a_process_is_told_as_in_one(words: pathlib.Path) -> None:
    told = ("train", "adam.yaml", "--set", "optimizer.method=sgd", "--set", "optimizer.rate=1e300", "-o")
    alone, shared = run(*told, "a.npz", cwd=words), run(*told, "a.npz", "--jobs", "2", "--restart", cwd=words)
    assert alone.status == shared.status == 4
    assert alone.err == shared.err
    assert "epoch 1, batch" in alone.err
    unknown = ("--set", "labels=ab", "--set", "training.piece=2")
    alone, shared = (run("train", "adam.yaml", *unknown, *more, cwd=words) for more in ((), ("--jobs", "2")))
    assert alone == shared
    assert alone.status == 3
    assert "'c'" in alone.err


def test_a_step_of_one_piece_is_done_by_one_process_which_is_said(words: pathlib.Path) -> None:
    done = run("train", "adam.yaml", "-o", "m.npz", "--jobs", "2", "--set", "training.piece=0", cwd=words)
    why = "a step is one piece, of 24 examples at most (training.piece cuts it)"
    assert done.status == 0
    assert f"one process does all the work: {why}" in " ".join(done.err.split())
    done = run("train", "adam.yaml", "-o", "m.npz", "--jobs", "9", "--set", "training.piece=12", cwd=words)
    assert "2 processes do the work: no step has more pieces (training.piece)" in " ".join(done.err.split())


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with local_cluster() as found:
        yield found


def test_workers_of_a_cluster_come_to_the_same_bits(words: pathlib.Path, cluster: Any) -> None:
    more = ("--set", "training.epochs=60")
    trained(words, "adam.yaml", "one.npz", *more)
    address = cluster.scheduler_address
    process = start("train", "adam.yaml", "-o", "two.npz", "--cluster", address, *more, cwd=words)
    deadline = time.monotonic() + 60
    while not (words / "two.npz.checkpoint").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(next(worker.pid for worker in cluster.workers.values() if worker.pid), signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert left(words, "one.npz") == left(words, "two.npz")
    grid = ("train", "adam.yaml", "--grid", "optimizer.rate=0.1,0.2", "--json", "-o")
    here, there = run(*grid, "here", cwd=words), run(*grid, "there", "--cluster", address, cwd=words)
    assert there.status == 0, there.err
    assert here.out.replace("here/", "") == there.out.replace("there/", "")

"""A training has its output to itself."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import pytest
from support import ROOT
from support.commands import LATTICE, PATIENCE

from lattice_cli.errors import UsageError
from lattice_cli.models.trainings.output_lock import OutputLock

HOLDS = """
import sys
from lattice_cli.models.trainings.output_lock import OutputLock
lock = OutputLock(sys.argv[1])
print("taken", flush=True)
sys.stdin.read()
"""


def holding(path: pathlib.Path) -> subprocess.Popen[str]:
    """A process that has the lock until it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    return process


def test_the_second_is_told_who_has_it(tmp_path: pathlib.Path) -> None:
    with OutputLock(str(tmp_path / "m.npz")):
        expected = rf"m\.npz is being written by a training already \(process {os.getpid()}, since 20\S+\)"
        with pytest.raises(UsageError, match=expected):
            OutputLock(str(tmp_path / "m.npz"))
        OutputLock(str(tmp_path / "other.npz")).release()
    assert not list(tmp_path.iterdir())
    OutputLock(str(tmp_path / "m.npz")).release()


@pytest.mark.parametrize("name", ["*.npz", "m[1].npz", "m.npz"])
def test_what_was_killed_leaves_nothing_and_what_is_like_it_stays(tmp_path: pathlib.Path, name: str) -> None:
    process = holding(tmp_path / name)
    with pytest.raises(UsageError, match=f"process {process.pid}, since"):
        OutputLock(str(tmp_path / name))
    stay = {f".{name}.checkpoint.bak", f".{name}.{process.pid}.toolong_99", f".a{name}.{process.pid}.abcd1234", "d.npz"}
    stay |= {".d.npz.checkpoint.bak", f".{name}.checkpoint.{process.pid + 1}.abcd1234"}
    left = {f".{name}{more}.{process.pid}.abcd_234" for more in ("", ".checkpoint", ".history.jsonl")}
    for each in stay | left:
        (tmp_path / each).write_text("")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    with OutputLock(str(tmp_path / name)):
        assert {path.name for path in tmp_path.iterdir()} == stay | {f"{name}.lock"}
    assert {path.name for path in tmp_path.iterdir()} == stay


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--resume"], ["--restart"]])
def test_a_second_training_is_refused(tmp_path: pathlib.Path, how: list[str]) -> None:
    process = holding(tmp_path / "m.npz")
    (tmp_path / "c.yaml").write_text("train: 1\ndata: {train: absent.jsonl}\n")
    done = subprocess.run(
        [*LATTICE, "train", "c.yaml", "-o", "m.npz", *how],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert done.returncode == 2
    assert f"m.npz is being written by a training already (process {process.pid}" in done.stderr

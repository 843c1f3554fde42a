"""The samples: written whole, never over what is different, and what every example of the help needs."""

from __future__ import annotations

import importlib
import os
import pathlib
import re
import shlex
import subprocess
import sys

import click
import pytest
from support import ROOT
from support.commands import ENVIRONMENT, run

from lattice_cli.cli.main import COMMANDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None


def files_of(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_they_are_written_as_they_are(tmp_path: pathlib.Path) -> None:
    done = run("samples", "here/and there", cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(
        r"here/and there/samples: \d+ files written\nhere/and there/grammars: \d+ files written\n", done.out
    )
    for name in ("samples", "grammars"):
        assert files_of(tmp_path / "here" / "and there" / name) == files_of(ROOT / name)
    again = run("samples", "here/and there", cwd=tmp_path)
    assert re.search(r"samples: 0 files written, \d+ there already\n", again.out)


def test_what_differs_is_not_written_over_unless_asked(tmp_path: pathlib.Path) -> None:
    own = tmp_path / "samples" / "lecture-34.json"
    own.parent.mkdir()
    own.write_text("mine\n")
    done = run("samples", ".", cwd=tmp_path)
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "lattice: 1 file would be written over that differs: samples/lecture-34.json; --force does it\n"
    )
    assert files_of(tmp_path) == {"samples/lecture-34.json": b"mine\n"}, "nothing at all was written"
    assert run("samples", ".", "--force", cwd=tmp_path).status == 0
    assert own.read_bytes() == (ROOT / "samples" / "lecture-34.json").read_bytes()


def test_a_folder_that_cannot_be_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("samples", "file", cwd=tmp_path)
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("lattice: file/samples/README.md: cannot write: ")


@pytest.mark.skipif(tomllib is None, reason="Python 3.10 reads no TOML")
def test_the_wheel_has_every_room_and_every_sample() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    rooms = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "lattice_cli").rglob("__init__.py")}
    elsewhere = {"lattice_cli.examples.samples": "samples", "lattice_cli.examples.grammars": "grammars"}
    assert told["package-dir"] == elsewhere
    assert set(told["packages"]) == rooms | set(elsewhere), "a room that is not in pyproject.toml is not in the wheel"
    for package, folder in elsewhere.items():
        found = {path for pattern in told["package-data"][package] for path in (ROOT / folder).glob(pattern)}
        assert {path for path in found if path.is_file()} == {
            path for path in (ROOT / folder).rglob("*") if path.is_file()
        }


def examples() -> list[tuple[str, str]]:
    """Command and example, of those that need nothing but the samples, or what an earlier one wrote."""
    found = []
    for name in COMMANDS:
        command = getattr(importlib.import_module(f"lattice_cli.cli.commands.{name}"), name)
        for each in [command, *(command.commands.values() if isinstance(command, click.Group) else ())]:
            text = (each.help or "").partition("Examples:\n")[2].partition("\n\n")[0]
            for example in re.split(r"\n(?= {0,6}\S)", text.replace("\\\n", "").replace("|\n", "| ")):
                found.append((name, " ".join(example.split())))
    return found


#: What a user has to bring, or what takes long.
NOT_THERE = (
    "goforward.gram",
    "goforward.fsg",
    "lines.",
    "line.npy",
    "lattices.ark",
    "lattice train samples",
    "check-reader.npz",
    "~/",
    "> ",
)


@pytest.mark.slow
def test_every_example_that_names_samples_works(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "bin" / "lattice"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m lattice_cli "$@"\n')
    program.chmod(0o755)
    env = {**ENVIRONMENT, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    assert run("samples", ".", cwd=tmp_path).status == 0
    tried = 0
    for _, example in examples():
        if example.startswith("lattice") and not any(word in example for word in NOT_THERE):
            shell = ["bash", "-o", "pipefail", "-c", example]
            done = subprocess.run(shell, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0 or "--against" in example, (example, done.stderr)
            tried += 1
    assert tried > 40

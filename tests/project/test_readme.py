"""Every command of the README is run, and what it prints is compared.

`PYTHONPATH=tests python tests/project/test_readme.py` writes the output of each command into the README anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

pytestmark = pytest.mark.slow

README = ROOT / "README.md"
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
_SH = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown below it."""
    found = []
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        found.append((command, output))
    return found


def run(command: str, scratch: Path) -> str:
    """What a command prints, standard error included, in a shell where `lattice` is this package."""
    lattice = scratch / "bin" / "lattice"
    if not lattice.exists():
        lattice.parent.mkdir(exist_ok=True)
        lattice.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lattice_cli "$@"\n')
        lattice.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    environment = {**kept, "PATH": f"{lattice.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    # The README writes its scratch files to /tmp; a test keeps them in a folder of its own.
    command = command.replace("/tmp/", f"{scratch}/")
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.stdout.replace(f"{scratch}/", "/tmp/")


BLOCKS = [commands(block) for block in _CONSOLE.findall(README.read_text())]


@pytest.mark.parametrize("block", BLOCKS, ids=[block[0][0][:60] for block in BLOCKS])
def test_the_output_is_as_printed(block: list[tuple[str, str]], tmp_path: Path) -> None:
    # A command may use a file that an earlier one of its block wrote.
    learned = any(command.startswith("lattice train") for command, _ in block)
    for command, output in block:
        found = run(command, tmp_path)
        if learned:
            assert_alike(found, output)
        else:
            assert found == output, command


def assert_alike(found: str, shown: str) -> None:
    """The same words and numbers near to each other: another machine rounds otherwise, and training amplifies that."""
    parts, expected = (re.sub(r"[│ ╭╮╰╯─┬┴├┤┼*\[\],%()]+", " ", text).split() for text in (found, shown))
    assert len(parts) == len(expected)
    for part, other in zip(parts, expected):
        if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", other):
            assert float(part) == pytest.approx(float(other), rel=0.3, abs=0.05), (part, other)
        else:
            assert part == other


def test_there_is_something_to_compare() -> None:
    assert sum(bool(output) for block in BLOCKS for _, output in block) > 15


def test_tables_fit_a_terminal() -> None:
    lines = [line for block in BLOCKS for _, output in block for line in output.splitlines()]
    tables = [line for line in lines if line.startswith(("│", "╭", "├", "╰"))]
    assert tables
    assert max(map(len, tables)) <= 120


def test_ci_runs_the_second_set_up_command() -> None:
    first, second = _SH.findall(README.read_text())[:2]
    assert "lattice viterbi samples/" in first
    assert "pytest" in second
    assert "second fenced `sh` block" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.skipif(not os.environ.get("CI"), reason="installs from the package index: in CI only")
def test_the_first_set_up_command_works_in_a_clean_copy(tmp_path: Path) -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, files):
        target = tmp_path / "copy" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    command = _SH.findall(README.read_text())[0]
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path / "copy", capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "341" in done.stdout


def update() -> None:
    """Write every command's output into the README."""
    import tempfile

    def filled(found: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            return (
                "```console\n"
                + "".join(f"$ {command}\n{run(command, Path(scratch))}" for command, _ in commands(found[1]))
                + "```"
            )

    README.write_text(_CONSOLE.sub(filled, README.read_text()))


if __name__ == "__main__":
    update()

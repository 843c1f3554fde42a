"""Every command of the README and of the pages is run, and what it prints is compared.

`PYTHONPATH=tests python tests/project/test_pages.py [FILE ...]` writes the output of each command anew, into
these files or into all of them. Tables are 80 columns wide, as on a terminal, and longer lines are folded.
"""

from __future__ import annotations

import doctest
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import click
import pytest
from support import ROOT, warm

from lattice_cli.cli.main import LazyGroup

README = ROOT / "README.md"
PAGES = sorted((ROOT / "lattice_cli" / "pages").glob("*.md"))
COMMANDS = set(LazyGroup("lattice").list_commands(click.Context(click.Command("lattice"))))
FILES = [README, *PAGES, ROOT / "lattice_cli" / "README.md"]
WIDTH = 80
#: The command, in a process that is started; and where many are tried, in one that need not be.
STARTED = f'#!/bin/sh\nexec "{sys.executable}" -m lattice_cli "$@"\n'
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
_PYTHON = re.compile(r"^```pycon\n(.*?)^```$", re.M | re.S)
_SH = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown below it; a line that ends with \\ goes on."""
    found = []
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        lines = part.splitlines(keepends=True)
        last = next(place for place, line in enumerate(lines) if not line.endswith("\\\n"))
        found.append(("".join(lines[: last + 1]).rstrip("\n"), "".join(lines[last + 1 :])))
    return found


def run(command: str, scratch: Path, program: str = STARTED) -> str:
    """What a command prints, standard error included, in a shell where `lattice` is this program.

    Pages write their scratch files to /tmp; a test keeps them in a folder of its own, whose name is as long, so that
    tables stay as wide.
    """
    lattice = scratch / "bin" / "lattice"
    if not lattice.exists():
        lattice.parent.mkdir()
        lattice.write_text(program)
        lattice.chmod(0o755)
        (scratch / "_tmp").mkdir()
        for name in ("samples", "grammars", "benchmarks"):
            (scratch / name).symlink_to(ROOT / name)
    environment = {
        **warm.ENVIRONMENT,
        "PATH": f"{lattice.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "LATTICE_WIDTH": str(WIDTH),
    }
    done = subprocess.run(
        ["bash", "-c", command.replace("/tmp/", "_tmp/")],
        cwd=scratch,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return folded(done.stdout.replace("_tmp/", "/tmp/"))


def folded(text: str) -> str:
    """The text with lines of at most 80 columns: a page is read on a terminal."""
    return "".join(
        part.rstrip() + "\n"
        for line in text.splitlines()
        for part in (textwrap.wrap(line, WIDTH, break_on_hyphens=False) if len(line) > WIDTH else [line])
    )


BLOCKS = [(file, commands(block)) for file in FILES for block in _CONSOLE.findall(file.read_text())]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "block"), BLOCKS, ids=[f"{file.stem}: {b[0][0][:60]}" for file, b in BLOCKS])
def test_the_output_is_as_printed(file: Path, block: list[tuple[str, str]], tmp_path: Path) -> None:
    for extra, module in (("-torch.yaml --set", "torch"), (".onnx", "onnxruntime")):
        if any(extra in command for command, _ in block):
            pytest.importorskip(module)
    # A command may use a file that an earlier one of its block wrote.
    learned = any("lattice train samples" in command for command, _ in block)
    for command, output in block:
        found = run(command, tmp_path, STARTED if file == README else warm.program())
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


@pytest.mark.parametrize("file", [file for file in FILES if "```pycon" in file.read_text()], ids=lambda file: file.stem)
def test_python_prints_what_is_shown(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for block in _PYTHON.findall(file.read_text()):
        if "import torch" in block and importlib.util.find_spec("torch") is None:
            continue
        test = doctest.DocTestParser().get_doctest(block, names, file.stem, str(file), 0)
        said = io.StringIO()
        result = doctest.DocTestRunner().run(test, out=said.write, clear_globs=False)
        names = test.globs
        assert result.attempted
        assert not result.failed, said.getvalue()


def test_there_is_something_to_compare() -> None:
    assert sum(bool(output) for _, block in BLOCKS for _, output in block) > 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_lines_fit_a_terminal(file: Path) -> None:
    # An address cannot be folded, and the set-up commands are to be copied whole.
    long = [
        line
        for line in file.read_text().splitlines()
        if len(line) > WIDTH and "](" not in line and not line.startswith("python3 -m venv")
    ]
    assert not long


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_a_page_has_a_title_and_a_line_that_sums_it_up(file: Path) -> None:
    title, blank, summary = file.read_text().splitlines()[:3]
    assert title.startswith("# ")
    assert not blank
    assert summary.endswith(".")


def test_pages_that_are_named_are_there() -> None:
    there = {file.stem for file in PAGES} | {"architecture"}
    for file in FILES:
        text = file.read_text()
        assert set(re.findall(r"`lattice help ([a-z]+)`", text)) <= there | COMMANDS, file
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (file.parent / link).exists(), (file, link)


def test_the_readme_is_a_front_page() -> None:
    lines = README.read_text().splitlines()
    assert len(lines) <= 250
    assert all(f"lattice_cli/pages/{page.name}" in README.read_text() for page in PAGES)


def test_ci_runs_the_second_set_up_command() -> None:
    first, second = _SH.findall(README.read_text())[:2]
    assert "lattice viterbi samples/" in first
    assert "pytest" in second
    assert "second fenced `sh` block" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.slow
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


def update(files: list[Path]) -> None:
    """Write every command's output into the files."""

    def filled(found: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory() as scratch:
            return (
                "```console\n"
                + "".join(f"$ {command}\n{run(command, Path(scratch))}" for command, _ in commands(found[1]))
                + "```"
            )

    for file in files:
        file.write_text(_CONSOLE.sub(filled, file.read_text()))


if __name__ == "__main__":
    update([Path(name) for name in sys.argv[1:]] or FILES)

"""The pages of .github/adding: what they say is done to a copy of the package, and their commands are run there.

`PYTHONPATH=tests python tests/project/test_adding.py` writes the output of each command into the pages anew.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest
from support import ROOT

pytestmark = pytest.mark.slow

PAGES = sorted((ROOT / ".github" / "adding").glob("*.md"))
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def changed(copy: pathlib.Path, page: str) -> None:
    """Make the files of a page and the changes that it shows."""
    for kind, block in _BLOCK.findall(page):
        if kind == "python":
            name, text = block.split("\n", 1)
            path = copy / name.removeprefix("# ")
            assert not path.exists(), f"{path.name} is there already"
            path.write_text(text)
        elif kind == "diff":
            name, *lines = block.rstrip("\n").split("\n")
            path = copy / name.removeprefix("--- ")
            before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
            after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
            text = path.read_text()
            assert text.count(before) == 1, f"{path.name} has no place for\n{after}"
            path.write_text(text.replace(before, after))


def printed(copy: pathlib.Path, command: str) -> str:
    """What a command prints, `lattice` being the changed copy."""
    script = copy / "bin" / "lattice"
    if not script.exists():
        script.parent.mkdir()
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lattice_cli "$@"\n')
        script.chmod(0o755)
    (copy / "tmp").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    done = subprocess.run(
        ["bash", "-c", command.replace("/tmp/", f"{copy}/tmp/")],
        cwd=copy, env={**kept, "PATH": f"{script.parent}:{os.environ['PATH']}", "PYTHONPATH": str(copy)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.stdout.replace(f"{copy}/tmp/", "/tmp/")


def copied(folder: pathlib.Path) -> pathlib.Path:
    """A copy of what the pages use."""
    for name in ("lattice_cli", "samples", "grammars"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown below it."""
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in re.split(r"^\$ ", block, flags=re.M)[1:]]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_what_a_page_says_works(page: pathlib.Path, tmp_path: pathlib.Path) -> None:
    text = page.read_text(encoding="utf-8")
    copy = copied(tmp_path)
    changed(copy, text)
    shown = [command for kind, block in _BLOCK.findall(text) if kind == "console" for command in commands(block)]
    assert shown
    for command, output in shown:
        # A training rounds otherwise on another machine: then its words are compared.
        found, expected = printed(copy, command), output
        if command.startswith("lattice train"):
            found, expected = (re.sub(r"\d+(\.\d+)?", "0", each) for each in (found, expected))
        assert found == expected, command
    lint = [sys.executable, "-m", "ruff", "check", "--quiet", "--config", str(ROOT / "pyproject.toml"), "lattice_cli"]
    if shutil.which("ruff") or (pathlib.Path(sys.executable).parent / "ruff").exists():
        assert subprocess.run(lint, cwd=copy, capture_output=True, text=True, check=False).stdout == ""


def test_there_is_a_page_for_each_thing_that_is_added() -> None:
    assert [page.stem for page in PAGES] == ["command", "format", "grammar", "loss", "recognizer"]
    contributing = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert all(f"adding/{page.name}" in contributing for page in PAGES)


def update() -> None:
    """Write every command's output into the pages."""
    for page in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            text = page.read_text(encoding="utf-8")
            copy = copied(pathlib.Path(folder))
            changed(copy, text)

            def filled(found: re.Match[str], copy: pathlib.Path = copy) -> str:
                if found[1] != "console":
                    return found[0]
                ran = "".join(f"$ {command}\n{printed(copy, command)}" for command, _ in commands(found[2]))
                return f"```console\n{ran}```"

            page.write_text(_BLOCK.sub(filled, text), encoding="utf-8")


if __name__ == "__main__":
    update()

"""The samples command: the files that examples name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lattice_cli.cli.options import StrictCommand, folder_named
from lattice_cli.errors import FormatError, UsageError, counted, listed

if TYPE_CHECKING:
    from importlib.abc import Traversable

_FOLDERS = ("samples", "grammars")


@click.command(cls=StrictCommand)
@click.argument("folder", metavar="DIR", type=folder_named)
@click.option("--force", is_flag=True, help="Write files over those that are there and differ.")
def samples(folder: str, force: bool) -> None:
    """Write the files that examples name into DIR: DIR/samples and DIR/grammars.

    Then each example of a command's help that begins with "lattice" and names samples/ or grammars/ can be run in DIR.
    README.md in each folder says what the files are, where they come from and on what terms. A file that is there and
    is the same stays; one that differs is not written over without --force, and then nothing is written at all.

    Examples:
      lattice samples .
      lattice samples ~/lattice && cd ~/lattice
    """
    wanted = {Path(name, *rest): found for name in _FOLDERS for rest, found in _under(_home(name), ())}
    new = [path for path, found in wanted.items() if not _same(Path(folder, path), found)]
    there = [str(Path(folder, path)) for path in new if Path(folder, path).exists()]
    if there and not force:
        what = f"{counted(len(there), 'file')} would be written over that {'differs' if len(there) == 1 else 'differ'}"
        raise UsageError(f"{what}: {listed(there)}; --force does it")
    for path in new:
        _write(Path(folder, path), wanted[path])
    for name in _FOLDERS:
        written = sum(path.parts[0] == name for path in new)
        kept = sum(path.parts[0] == name for path in wanted) - written
        same = f", {kept} there already" if kept else ""
        click.echo(f"{Path(folder, name)}: {counted(written, 'file')} written{same}")


def _home(name: str) -> Traversable:
    """Where the files are: in the package where that is installed, beside it in a checkout (see pyproject.toml)."""
    package = files("lattice_cli")
    inside = package / "examples" / name
    home = inside if inside.is_dir() else Path(str(package)).parent / name
    if not (home / "README.md").is_file():
        raise FormatError(f"the package was installed without its {name}")
    return home


def _under(folder: Traversable, names: tuple[str, ...]) -> list[tuple[tuple[str, ...], Traversable]]:
    """All files of a folder, with their names below it."""
    found: list[tuple[tuple[str, ...], Traversable]] = []
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            found += _under(each, (*names, each.name)) if each.name != "__pycache__" else []
        else:
            found.append(((*names, each.name), each))
    return found


def _same(path: Path, found: Traversable) -> bool:
    try:
        return path.read_bytes() == found.read_bytes()
    except OSError:
        return False


def _write(path: Path, found: Traversable) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.read_bytes())
    except OSError as error:
        raise FormatError(f"{path}: cannot write: {error.strerror or error}") from None

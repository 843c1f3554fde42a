"""The screen that results go to, and labels and answers as text for people.

Labels are data: they are never read as markup, control characters are shown as escapes, and a table in a pipe is as
wide as its contents, so nothing is cut off.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Literal

from rich.console import Console
from rich.text import Text

from lattice_cli.errors import UsageError, printable

_UNLIMITED = 1_000_000
_LEAST_WIDTH = 40
#: Rows of a table on a terminal, unless all are asked for.
_MOST_ROWS = 50


class TableConsole(Console):
    """Standard output. most_rows: of a table; None for all."""

    most_rows: int | None = None

    @property
    def unlimited(self) -> bool:
        """True if lines may be of any length."""
        return self.width >= _UNLIMITED

    def on_broken_pipe(self) -> None:
        """Rich would end the process; the command line has its own way to end quietly."""
        raise BrokenPipeError


def console(color: str, every_row: bool = False) -> TableConsole:
    """A console on standard output. Width: the terminal's; where there is none that of LATTICE_WIDTH, or unlimited.

    every_row: tables are not cut short on a terminal.
    """
    terminal = sys.stdout.isatty()
    plain = color == "never" or (color == "auto" and bool(os.environ.get("NO_COLOR")))
    system: Literal["auto", "standard"] | None = "standard" if color == "always" else None if plain else "auto"
    found = TableConsole(
        file=sys.stdout,
        width=_width_of_a_terminal() if terminal else _width_of_a_pipe(),
        force_terminal=True if color == "always" else None,
        no_color=plain if color != "auto" else None,
        color_system=system,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    found.most_rows = _MOST_ROWS if terminal and not every_row else None
    return found


def _width_of_a_terminal() -> int:
    """Columns that COLUMNS has, if that is a number above 0, else those of the terminal."""
    import shutil  # which loads compression: 3 ms that a pipe does not wait for

    return shutil.get_terminal_size().columns


def _width_of_a_pipe() -> int:
    """Columns of a table that goes into a pipe or a file: all that it needs, unless the environment says otherwise."""
    wanted = os.environ.get("LATTICE_WIDTH", "")
    if not wanted:
        return _UNLIMITED
    if not (wanted.isascii() and wanted.isdigit() and int(wanted) >= _LEAST_WIDTH):
        raise UsageError(f"LATTICE_WIDTH is {wanted!r}, expected a whole number of columns from {_LEAST_WIDTH} on")
    return int(wanted)


def label_text(label: str | None) -> str:
    """A label as it is; epsilon, emptiness and control characters made visible."""
    if label is None:
        return "ε"
    if label == "":
        return '""'
    return printable(label) if label.strip() or not label.isprintable() else f'"{label}"'


def answer_text(labels: Sequence[str], text: str) -> str:
    """An answer as its labels spell it; with quotes around labels that would not be seen."""
    if not labels:
        return "(empty)"
    a_word_each = text == " ".join(filter(None, labels))
    return " ".join(label_text(label) for label in labels) if a_word_each else printable(text)


def say(out: TableConsole, text: str) -> None:
    """A line of text under a table; on a terminal it is wrapped between words."""
    out.print(Text(printable(text)), soft_wrap=out.unlimited)

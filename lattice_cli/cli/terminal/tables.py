"""Results as rich tables; with `progress` all that knows rich.

Labels are data: they are never read as markup, control characters are shown as escapes, and a table in a pipe is as
wide as its contents, so nothing is cut off.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lattice_cli.errors import UsageError, printable

_UNLIMITED = 1_000_000
_LEAST_WIDTH = 40
_LEAST_TEXT = 8


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the process; the command line has its own way to end quietly."""
        raise BrokenPipeError


def console(color: str) -> Console:
    """A console on standard output. Width: the terminal's; where there is none that of LATTICE_WIDTH, or unlimited."""
    terminal = sys.stdout.isatty()
    plain = color == "never" or (color == "auto" and bool(os.environ.get("NO_COLOR")))
    system: Literal["auto", "standard"] | None = "standard" if color == "always" else None if plain else "auto"
    return _Console(
        file=sys.stdout,
        width=None if terminal else _width_of_a_pipe(),
        force_terminal=True if color == "always" else None,
        no_color=plain if color != "auto" else None,
        color_system=system,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def _width_of_a_pipe() -> int:
    """Columns of a table that goes into a pipe or a file: all that it needs, unless the environment says otherwise."""
    wanted = os.environ.get("LATTICE_WIDTH", "")
    if not wanted:
        return _UNLIMITED
    if not (wanted.isascii() and wanted.isdigit() and int(wanted) >= _LEAST_WIDTH):
        raise UsageError(f"LATTICE_WIDTH is {wanted!r}, expected a whole number of columns from {_LEAST_WIDTH} on")
    return int(wanted)


def number(value: float | None, digits: int = 7) -> str:
    """A number for people: up to seven significant digits. JSON output has them all."""
    if value is None or value != value:
        return "-"
    return f"{value + 0.0:.{digits}g}"  # + 0.0 makes a 0 of a -0


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


class GrowingTable:
    """A table that grows: rows are kept and printed a hundred at a time, each time under the same headings."""

    def __init__(self, out: Console, columns: Sequence[tuple[str, str]], title: str = "", every: int = 100) -> None:
        """columns: (heading, kind) with kind `number`, `name` (never folded), `text` or `label`.

        every: rows to a printed table; 0: all.
        """
        self._out, self._columns, self._title, self._every = out, columns, title, every
        self._rows: list[Sequence[str]] = []

    def add(self, *cells: str | float | None) -> None:
        """One row, of texts and of numbers to be shown; printed with those before it once there are enough."""
        self._rows.append([cell if isinstance(cell, str) else number(cell) for cell in cells])
        if self._every and len(self._rows) >= self._every:
            self.flush()

    def flush(self) -> None:
        """Print the rows that are waiting."""
        if not self._rows:
            return
        table = Table(box=box.ROUNDED, header_style="bold", pad_edge=True)
        keep_numbers_whole = self._shortened()
        for heading, kind in self._columns:
            table.add_column(
                Text(printable(heading)),
                justify="right" if kind == "number" else "left",
                overflow="fold",
                no_wrap=kind in ("number", "name") and keep_numbers_whole,
                style="cyan" if kind == "label" else None,
            )
        for cells in self._rows:
            table.add_row(*(Text(cell if cell.isprintable() else printable(cell)) for cell in cells))
        if self._title:
            self._out.print(Text(printable(self._title), style="bold"), soft_wrap=self._out.width >= _UNLIMITED)
        self._out.print(table)
        self._rows = []

    def _shortened(self) -> bool:
        """Give numbers fewer digits until they fit on the screen uncut; false if even four do not."""
        if self._fits():
            return True
        kinds, given = [kind for _, kind in self._columns], self._rows
        for digits in (6, 5, 4):
            self._rows = [
                [_fewer_digits(cell, digits) if kind == "number" else cell for cell, kind in zip(cells, kinds)]
                for cells in given
            ]
            if self._fits():
                return True
        return False

    def _fits(self) -> bool:
        """True if names and numbers fit uncut, with some room for each other column to be folded into."""
        width = 1
        for position, (heading, kind) in enumerate(self._columns):
            widest = max(len(heading), *(cell_len(cells[position]) for cells in self._rows))
            width += 3 + (widest if kind in ("number", "name") else min(widest, _LEAST_TEXT))
        return width <= self._out.width


def _fewer_digits(cell: str, digits: int) -> str:
    """A number with fewer significant digits; whole numbers and what is none stay as they are."""
    try:
        return cell if cell.lstrip("-").isdigit() else number(float(cell), digits)
    except ValueError:
        return cell


def say(out: Console, text: str) -> None:
    """A line of text under a table; on a terminal it is wrapped between words."""
    out.print(Text(printable(text)), soft_wrap=out.width >= _UNLIMITED)

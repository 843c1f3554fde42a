"""A table that is printed while it grows: one heading, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich import box
from rich.cells import cell_len
from rich.text import Text

from lattice_cli.cli.terminal.tables import TableConsole, say
from lattice_cli.errors import counted, printable

#: A text column is not made narrower than this while another can be.
_LEAST_TEXT = 8
#: Rows that widths are chosen by, and that are printed at once.
_AT_ONCE = 100
#: Styles of columns; a row of a fault has that of faults in its last cell.
_STYLES = {"label": "cyan"}
_HEADING, _FAULT = "bold", "red"
_NUMBERS = ("number", "figure")


def number(value: float | None, digits: int = 7) -> str:
    """A number for people: up to seven significant digits. JSON output has them all."""
    if value is None or value != value:
        return "-"
    return f"{value + 0.0:.{digits}g}"  # + 0.0 makes a 0 of a -0


class GrowingTable:
    """Rows are kept and printed a hundred at a time, or as many as at_once says. Columns are as wide as the first of
    them need, and grow with what comes where there is room.

    A screen gets out.most_rows rows at most, and then is told how many more there are. Rows of faults, up
    to those that are printed at once, wait for one that is none: a table of nothing but faults says nothing that
    standard error does not.
    """

    def __init__(
        self, out: TableConsole, columns: Sequence[tuple[str, str]], title: str = "", at_once: int = _AT_ONCE
    ) -> None:
        """columns: (heading, kind) with kind `number`, `figure` (a number of five digits, of seven from 100 on), `name`
        (never folded), `text` or `label`."""
        self._out, self._title, self._at_once = out, title, at_once
        self._headings = [_visible(heading) for heading, _ in columns]
        self._kinds = [kind for _, kind in columns]
        self._box = box.ROUNDED.substitute(out.options)
        self._rows: list[tuple[Sequence[str], bool]] = []
        self._widths: list[int] = []
        self._digits: int | None = None
        self._shown = self._left_out = 0
        self._sound = False

    def add(self, *cells: str | float | None, fault: bool = False) -> None:
        """One row, of texts and of numbers to be shown; printed with those before it once there are enough."""
        self._sound |= not fault
        most = self._out.most_rows
        if most is not None and self._shown + len(self._rows) >= most:
            self._left_out += 1
            return
        self._rows.append(([*map(_shown, cells, self._kinds)], fault))
        if len(self._rows) >= self._at_once:
            self._print_rows()

    def flush(self) -> None:
        """Print the rows that are waiting, and end the table: the next row begins another one."""
        if self._rows and self._sound:
            self._print_rows()
        if self._widths:
            self._put(self._box.get_bottom(self._padded))
        if self._left_out and self._shown:
            rows = counted(self._left_out, "more row")
            say(self._out, f"{rows}: --all shows every row, and so does a pipe, or -o FILE")
        self._rows, self._widths, self._shown, self._left_out, self._sound = [], [], 0, 0, False

    @property
    def _padded(self) -> list[int]:
        return [width + 2 for width in self._widths]

    def _print_rows(self) -> None:
        shortened = [self._shortened(cells) for cells, _ in self._rows] if self._widths else self._chosen()
        if not self._widths:
            self._widths = self._fitting(shortened)
            self._begin()
        else:
            wider = [*map(max, self._widths, _widest(shortened))]
            if sum(wider) + 3 * len(wider) < self._out.width:
                self._widths = wider
        for cells, (_, fault) in zip(shortened, self._rows):
            self._row(cells, [None] * (len(cells) - 1) + [_FAULT] if fault else [_STYLES.get(k) for k in self._kinds])
        self._shown += len(self._rows)
        self._rows = []

    def _begin(self) -> None:
        if self._title:
            self._out.print(Text(printable(self._title), style="bold"), soft_wrap=self._out.unlimited)
        self._put(self._box.get_top(self._padded))
        self._row(self._headings, [_HEADING] * len(self._headings), self._box.head_vertical)
        self._put(self._box.get_row(self._padded, "head"))

    def _row(self, cells: Sequence[str], styles: Sequence[str | None], between: str = "") -> None:
        """One row, of as many lines as its longest folded cell."""
        chosen, between = self._box, between or self._box.mid_vertical
        folded = map(self._folded, cells, self._widths)
        for parts in zip_longest(*folded, fillvalue=""):
            spaces = [" " * (width - _width(part)) for part, width in zip(parts, self._widths)]
            if not self._out.color_system:
                padded = [
                    space + part if kind in _NUMBERS else part + space
                    for part, space, kind in zip(parts, spaces, self._kinds)
                ]
                self._put(f"{chosen.mid_left} {f' {between} '.join(padded)} {chosen.mid_right}")
                continue
            line = Text(chosen.mid_left)
            for place, (part, space, kind) in enumerate(zip(parts, spaces, self._kinds)):
                before, behind = (space, "") if kind in _NUMBERS else ("", space)
                line.append(f" {before}").append(part, styles[place]).append(f"{behind} ")
                line.append(between if place < len(parts) - 1 else chosen.mid_right)
            self._out.print(line, soft_wrap=True)

    def _put(self, line: str) -> None:
        self._out.file.write(line + "\n")

    def _folded(self, cell: str, width: int) -> list[str]:
        """A cell in lines: between words where it can be."""
        if _width(cell) <= width:
            return [cell]
        return [line.plain.rstrip() for line in Text(cell).wrap(self._out, width, overflow="fold")]

    def _chosen(self) -> list[Sequence[str]]:
        """The cells of the first rows, with as many digits as fit on the screen; all of them if even four do not."""
        given = [cells for cells, _ in self._rows]
        for self._digits in (None, 6, 5, 4):
            cells = [self._shortened(each) for each in given]
            if self._least(cells) <= self._out.width:
                return cells
        self._digits = None
        return given

    def _shortened(self, cells: Sequence[str]) -> Sequence[str]:
        if self._digits is None:
            return cells
        return [
            _fewer_digits(cell, self._digits) if kind in _NUMBERS else cell for cell, kind in zip(cells, self._kinds)
        ]

    def _needed(self, rows: Iterable[Sequence[str]]) -> list[int]:
        return _widest([self._headings, *rows])

    def _least(self, rows: Iterable[Sequence[str]]) -> int:
        """The narrowest that a table can be with names and numbers uncut, and some room for each other column."""
        needed = self._needed(rows)
        whole = (*_NUMBERS, "name")
        return 1 + sum(
            3 + (width if kind in whole else min(width, _LEAST_TEXT)) for width, kind in zip(needed, self._kinds)
        )

    def _fitting(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """Widths of the columns: the widest texts give way first, and names and numbers where nothing else can."""
        widths = self._needed(rows)
        excess = sum(widths) + 3 * len(widths) + 1 - self._out.width
        texts = [place for place, kind in enumerate(self._kinds) if kind in ("text", "label")]
        for places, least in ((texts, _LEAST_TEXT), (range(len(widths)), 1)):
            while excess > 0 and places and max(widths[place] for place in places) > least:
                widest = max(reversed(places), key=widths.__getitem__)
                widths[widest] -= 1
                excess -= 1
        return widths


def _widest(rows: Iterable[Sequence[str]]) -> list[int]:
    return [max(map(_width, column)) for column in zip(*rows)]


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _visible(text: str) -> str:
    return text if text.isprintable() else printable(text)


def _shown(cell: str | float | None, kind: str) -> str:
    if isinstance(cell, str):
        return _visible(cell)
    return number(cell, 5 if kind == "figure" and cell is not None and abs(cell) < 100 else 7)


def _fewer_digits(cell: str, digits: int) -> str:
    """A number with fewer significant digits; whole numbers and what is none stay as they are."""
    try:
        return cell if cell.lstrip("-").isdigit() else number(float(cell), digits)
    except ValueError:
        return cell

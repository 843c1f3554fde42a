"""Results as lists of fields, from which both their JSON and their tables are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from lattice_cli.cli.terminal import GrowingTable, label_text, number, say

if TYPE_CHECKING:
    from lattice_cli.arrays import IntArray
    from lattice_cli.graph import Graph

_EPSILON = 0
#: A text, or a number to be shown; None where there is none.
Cell: TypeAlias = "str | float | None"


@dataclass(frozen=True)
class Field:
    """A key of a JSON object, a column of a table, or both.

    key, heading: None where it is not in JSON, not in the table. of: the value in a row: an attribute (default: that of
    the name of the key), a place in a tuple, or a function of the row. kind: of the column, see GrowingTable. shown:
    the value as a cell. told: the value in JSON, if that is another. optional: without a value there is no key.
    """

    key: str | None
    heading: str | None = None
    of: str | int | Callable[[Any], Any] = ""
    kind: str = "number"
    shown: Callable[[Any], str] | None = None
    told: Callable[[Any], Any] | None = None
    optional: bool = False

    @cached_property
    def value(self) -> Callable[[Any], Any]:
        """The value in a row."""
        of = self.of if self.of != "" else str(self.key)
        return attrgetter(of) if isinstance(of, str) else itemgetter(of) if isinstance(of, int) else of

    @cached_property
    def json(self) -> Callable[[Any], Any]:
        """The value in JSON."""
        value, told = self.value, self.told
        return value if told is None else lambda row: None if (found := value(row)) is None else told(found)


_ESCAPES = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def plain_text(value: Any) -> str:
    """A value in a column between tabs: nothing for None, true and false, lists with blanks between, tabs escaped."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return " ".join(f"{key}={plain_text(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(map(plain_text, value))
    return str(value).translate(_ESCAPES)


def plain(*keys: str, **further: Any) -> list[Field]:
    """Data under the headings that are their keys."""
    return [Field(key, key, **further) for key in keys]


class Fields(tuple[Field, ...]):
    """The data of a row, in order; what can be known of them beforehand is looked up once."""

    def __new__(cls, *fields: Field) -> Fields:
        """Of these data."""
        return super().__new__(cls, fields)

    @cached_property
    def columns(self) -> list[tuple[str, str]]:
        """(heading, kind) of each column."""
        return [(each.heading, each.kind) for each in self if each.heading is not None]

    @cached_property
    def _values(self) -> list[tuple[str, Callable[[Any], Any]]]:
        return [(each.key, each.json) for each in self if each.key is not None]

    @cached_property
    def _optional(self) -> list[str]:
        return [each.key for each in self if each.optional and each.key is not None]

    def record(self, row: Any) -> dict[str, Any]:
        """A row as a JSON object."""
        record = {key: value(row) for key, value in self._values}
        for key in self._optional:
            if record[key] is None:
                del record[key]
        return record

    @cached_property
    def _as_they_stand(self) -> bool:
        """True if a row has the values of the keys, one by one."""
        return all(
            each.of == place and each.key is not None and each.told is None and not each.optional
            for place, each in enumerate(self)
        )

    def records(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """Rows as JSON objects."""
        if self._as_they_stand:  # lists of arcs are long
            keys = [key for key, _ in self._values]
            return [dict(zip(keys, row)) for row in rows]
        return [self.record(row) for row in rows]

    @cached_property
    def headings(self) -> list[str]:
        """What the columns are called where they are data: by their keys, or by their headings in one word."""
        return [each.key or each.heading.replace(" ", "_") for each in self if each.heading is not None]

    def plain(self, row: Any) -> list[str]:
        """A row as texts without anything for the eye: numbers with every digit, see `plain_text`."""
        return [plain_text(each.value(row)) for each in self if each.heading is not None]

    def cells(self, row: Any) -> list[Cell]:
        """A row as the cells of a table; numbers are for the table to show."""
        return [
            each.value(row) if each.shown is None else each.shown(each.value(row))
            for each in self
            if each.heading is not None
        ]


@dataclass(frozen=True)
class Sheet:
    """A table as it is printed. columns: (heading, kind); rows: cells. empty: what is said where there are no rows."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    empty: str = ""

    def print(self, out: Any) -> None:
        """All of it, on a console."""
        table = GrowingTable(out, self.columns, self.title)
        for cells in self.rows:
            table.add(*cells)
        table.flush()
        if self.empty and not self.rows:
            say(out, self.empty)


@dataclass(frozen=True)
class Listing:
    """A list of rows: JSON objects of their keys, or a table of their columns. rows: read once. empty: see Sheet."""

    fields: Fields
    rows: Iterable[Any]
    title: str = ""
    empty: str = ""

    def records(self) -> list[dict[str, Any]]:
        """The JSON objects."""
        return self.fields.records(self.rows)

    def sheet(self) -> Sheet:
        """The table."""
        return Sheet(self.fields.columns, [self.fields.cells(row) for row in self.rows], self.title, self.empty)


class ArcListing(Listing):
    """Arcs; in JSON `output` is there only where it is not the label."""

    def records(self) -> list[dict[str, Any]]:
        """The JSON objects."""
        records = super().records()
        if any(each.key == "output" for each in self.fields):
            for record in records:
                if record["output"] == record["label"]:
                    del record["output"]
        return records


def small(value: float, least: float = 1e-9) -> str:
    """A residual: what is no more than rounding is said to be below that."""
    return number(value) if abs(value) >= least else f"<{least:g}".replace("e-0", "e-")


def digits(count: int) -> Callable[[float | None], str]:
    """Numbers of so many digits."""
    return lambda value: number(value, count)


def known(text: Callable[[Any], str]) -> Callable[[Any], str]:
    """Nothing in place of what is not there."""
    return lambda value: "" if value is None else text(value)


def rows_of(names: Iterable[Any], *columns: Any) -> list[tuple[Any, ...]]:
    """Names and columns of numbers, (rows,) each, as rows."""
    return list(zip(names, *(column.tolist() for column in columns)))


#: An arc and its ends, the beginning of each row of arcs.
ARC = (Field("arc", "arc", 0, shown=str), Field("from", "from", 1, "text", str), Field("to", "to", 2, "text", str))
#: A column of arcs, (arcs,): values, and how they are put out.
Column = tuple[Field, Sequence[Any]]


def arc_listing(
    graph: Graph, names: Sequence[int | str], title: str = "", *further: Column, number: IntArray | None = None
) -> ArcListing:
    """The arcs of a graph with further columns. number: (arcs,) what they are called; None: as they are counted."""
    labels, sides = graph.labels, [Field("label", "label", 3, "label", label_text)]
    columns = [graph.ilabel]
    if (graph.ilabel != graph.olabel).any():
        sides = [replace(sides[0], heading="input"), Field("output", "output", 4, "label", label_text)]
        columns.append(graph.olabel)
    fields = [*ARC, *sides, Field("energy", "energy", 3 + len(sides))]
    fields += [replace(each, of=place) for place, (each, _) in enumerate(further, len(fields))]
    rows = zip(
        range(graph.arcs) if number is None else number.tolist(),
        [names[tail] for tail in graph.src.tolist()],
        [names[head] for head in graph.dst.tolist()],
        *([None if label == _EPSILON else labels[label] for label in side.tolist()] for side in columns),
        graph.energy.tolist(),
        *(column for _, column in further),
    )
    return ArcListing(Fields(*fields), rows, title, f"{title}: no arcs")

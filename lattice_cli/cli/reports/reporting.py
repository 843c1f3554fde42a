"""The reports of a stream: lines of JSON, or tables, or both from the same entries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from lattice_cli.cli.reports.fields import Cell, Fields, Listing, Sheet, plain_text
from lattice_cli.cli.terminal import GrowingTable, console, put, say, write_json
from lattice_cli.cli.terminal.json_lines import json_lines
from lattice_cli.errors import LatticeError, NoPath

if TYPE_CHECKING:
    from lattice_cli.cli.stream import Item, RunOptions
    from lattice_cli.graph import Document

#: What is printed: cells of the growing table, another table, or a line of text.
Printed: TypeAlias = "list[Cell] | Listing | Sheet | str"


def named(record: Item) -> dict[str, Any]:
    """What a JSON object says of its record."""
    return {"id": record.id}


def identity(record: Item) -> dict[str, Any]:
    """What a JSON object of paths says of its record: the id, and the target where it has one, for evaluate."""
    target = getattr(record, "target", None)
    from lattice_cli.formats.io import target_record

    return named(record) if target is None else {**named(record), "target": target_record(target)}


def print_all(out: Any, printed: Iterable[Any]) -> None:
    """Tables and lines of text on a console."""
    for each in printed:
        if isinstance(each, str):
            say(out, each)
        else:
            (each.sheet() if isinstance(each, Listing) else each).print(out)


@dataclass(frozen=True)
class Entry:
    """row: of the report's fields. below: further keys of its JSON object; listings in it are tables as well. beside:
    what only tables have."""

    row: Any
    below: Mapping[str, Any] = field(default_factory=dict)
    beside: Sequence[Printed] = ()


class StreamReport:
    """Lines of JSON, lines of columns, or tables, of one result after the other, made where it was found: maybe in
    another process.

    fields: of the rows of the growing table, which begin with the id, if there is one. about: what the object of a
    record that failed says of the record. silent: errors of which nothing is shown, since their records have been.
    A report says what `entries` its results are; or what JSON `objects`, rows of `columns` and what is `printed`.
    """

    fields = Fields()
    about: Callable[[Item], dict[str, Any]] = staticmethod(named)
    silent: type[LatticeError] | tuple[()] = ()
    _made_of: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *given: Any, **named: Any) -> StreamReport:
        """A report that knows what it is made of."""
        made: StreamReport = super().__new__(cls)
        made._made_of = given, named
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """How it goes to other processes, where it is made anew: nothing has been shown there."""
        return _made_anew, (type(self), *self._made_of)

    def __init__(self, run: RunOptions) -> None:
        self.form = run.form
        self._begun = False
        if self.as_table:
            self.out = console(run.color, run.every_row)
            self._rows = GrowingTable(self.out, [("id", "text"), *self.fields.columns])

    @property
    def as_json(self) -> bool:
        """True for lines of JSON."""
        return self.form == "json"

    @property
    def as_table(self) -> bool:
        """True for tables."""
        return self.form == "table"

    def entries(self, document: Document, result: Any) -> Iterable[Entry]:
        """What a result is: an object and a row each."""
        return ()

    def objects(self, document: Document, result: Any) -> Iterable[dict[str, Any]]:
        """The JSON objects of a result."""
        for each in self.entries(document, result):
            yield {**self.about(document), "status": "ok", **self.fields.record(each.row), **_told(each.below)}

    @property
    def ending(self) -> str:
        """How the name of a file of such results ends."""
        return {"json": ".jsonl", "table": ".txt", "text": ".txt"}.get(self.form, f".{self.form}")

    @property
    def headings(self) -> Sequence[str]:
        """What the columns between tabs are called."""
        return ["id", *self.fields.headings]

    def columns(self, document: Document, result: Any) -> Iterable[Sequence[str]]:
        """The rows of a result, in columns between tabs."""
        for each in self.entries(document, result):
            yield [document.id, *self.fields.plain(each.row)]

    def lines(self, document: Document, result: Any) -> Iterable[str]:
        """The lines of a result in a form that is neither tables nor JSON."""
        for row in self.columns(document, result):
            yield "\t".join([plain_text(row[0]), *row[1:]])

    def missing(self, record: Item) -> str | None:
        """The line of a record without a path in such a form, None for none."""
        return None

    def printed(self, document: Document, result: Any) -> Iterable[Printed]:
        """The cells of its rows, its tables and lines of text."""
        for each in self.entries(document, result):
            yield [document.id, *self.fields.cells(each.row)]
            yield from _listings(each.below)
            yield from each.beside

    def fault(self, result: Any) -> LatticeError | None:
        """What keeps a result from being one, raised behind it."""
        return None

    def prepare(self, document: Document, result: Any) -> Any:
        """What is put out of a result, and its fault."""
        if self.as_json:
            return json_lines(*self.objects(document, result)), self.fault(result)
        if not self.as_table:
            return "".join(line + "\n" for line in self.lines(document, result)), self.fault(result)
        printed = self.printed(document, result)
        return [each.sheet() if isinstance(each, Listing) else each for each in printed], self.fault(result)

    def show(self, document: Document, prepared: Any) -> None:
        """Put it out. Raises its fault."""
        ready, fault = prepared
        if self.as_table:
            self.print(ready)
        else:
            self.write(ready)
        if fault is not None:
            raise fault

    def write(self, text: str) -> None:
        """Lines to standard output, behind the names of columns if they have any."""
        if self.form == "tsv" and not self._begun:
            self._begun = True
            text = "\t".join(self.headings) + "\n" + text
        if self.as_json:
            sys.stdout.write(text)
        else:
            put(text)

    def print(self, printed: Iterable[Any]) -> None:
        """Rows into the growing table; what else there is stands below those so far."""
        for each in printed:
            if isinstance(each, list):
                self._rows.add(*each)
            else:
                self._rows.flush()
                print_all(self.out, [each])

    def fail(self, record: Item, error: LatticeError) -> None:
        """The status and, in JSON, the message, which goes to standard error anyway."""
        if isinstance(error, self.silent):
            return
        if self.as_json:
            write_json({**self.about(record), "status": error.status, "message": str(error), **error.told})
        elif not self.as_table:
            line = self.missing(record) if isinstance(error, NoPath) else None
            self.write("" if line is None else line + "\n")
        elif self.fields:
            self._rows.add(record.id, *[""] * (len(self.fields.columns) - 1), f"({error.status})", fault=True)

    def finish(self) -> None:
        """Print the rows that are waiting."""
        if self.as_table:
            self._rows.flush()


def _made_anew(kind: type[StreamReport], given: Sequence[Any], named: Mapping[str, Any]) -> StreamReport:
    return kind(*given, **named)


def _told(value: Any) -> Any:
    """A value below an entry in JSON."""
    if isinstance(value, Listing):
        return value.records()
    return {key: _told(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value


def _listings(value: Any) -> Iterator[Listing]:
    """The listings in it."""
    if isinstance(value, Listing):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _listings(inner)

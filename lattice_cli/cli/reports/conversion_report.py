"""Where converted graphs go: a file, a file for each, standard output in any form, or tables on a terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from lattice_cli.cli.reports.graph_report import GraphReport
from lattice_cli.cli.stream import Item
from lattice_cli.cli.terminal import complain, put
from lattice_cli.errors import LatticeError, UsageError
from lattice_cli.formats import Format, form_of, numbered, writable, write_encoded
from lattice_cli.formats.io import Symbols, WriteOptions, Written, read_symbols, require_place, write_whole
from lattice_cli.formats.matrices import labels_text
from lattice_cli.graph import Document

_PLACE = "{id}"


@dataclass(frozen=True)
class Destination:
    """path: of OUT, None or - for standard output. form: as --to has it. symbols, labels: paths of what is written
    beside OUT. color: of tables."""

    path: str | None
    form: str | None
    symbols: str | None
    labels: str | None
    color: str


class Conversion:
    """Documents in the form that was asked for. Raises UsageError for options that do not fit it."""

    def __init__(self, destination: Destination, lossy: bool) -> None:
        self._lossy = lossy
        self._path = None if destination.path == "-" else destination.path
        self._form = _form(self._path, destination.form)
        if destination.symbols and not self._form.numbered:
            raise UsageError(f"--write-symbols is for {', '.join(numbered())}, but {self._form.name} is written")
        if destination.labels and self._form.name != "npy":
            raise UsageError(f"--write-labels is for npy, but {self._form.name} is written")
        for path in (self._path, destination.symbols, destination.labels):
            if path is not None and _PLACE not in path:
                require_place(path)
        stdout = sys.stdout.isatty() and self._path is None
        if stdout and self._form.binary:
            raise UsageError(f"{self._form.name} is binary, and standard output is a terminal: expected OUT")
        self._table = GraphReport(None, destination.color) if stdout and destination.form is None else None
        self._symbols = _table(destination.symbols)
        self._options = WriteOptions(self._symbols, True, destination.labels)
        self._labels: tuple[str, ...] | None = None
        self._parts: list[bytes] = []
        self._paths: set[str] = set()
        self._shown = 0

    def encoded(self, document: Document) -> Written:
        """A document in the form. Raises UsageError for what it cannot hold."""
        if self._table is not None:
            return Written(b"")
        written = self._form.writer(document, self._options)
        written = Written(written.data, (*written.losses, *(f"{what}, which is not read" for what in document.unread)))
        if written.losses and not self._lossy:
            raise UsageError(f"{self._form.name} cannot hold {'; '.join(written.losses)}; --lossy writes the rest")
        return written

    def prepare(self, document: Document, result: Written) -> Document | Written:
        """What is shown of a graph: itself in a table, else its bytes."""
        return result if self._table is None else document

    @property
    def sequential(self) -> bool:
        """True if what a record becomes depends on those before it: numbers of labels grow with the records."""
        return self._symbols is not None

    def show(self, document: Document, result: Document | Written) -> None:
        """One graph."""
        if self._table is not None or isinstance(result, Document):
            assert self._table is not None
            assert isinstance(result, Document)
            self._table.show(document, result)
            return
        if result.losses:
            complain(f"{document.id}: lost in {self._form.name}: {'; '.join(result.losses)}")
        self._keep_labels(document)
        if self._path is None:
            self._print(result.data)
        elif _PLACE in self._path:
            write_encoded(self._place(document), self._form, [result.data])
        else:
            self._parts.append(result.data)
        self._shown += 1

    def _print(self, data: bytes) -> None:
        if self._shown and not self._form.several:
            several = ", ".join(name for name, form in writable().items() if form.several)
            raise UsageError(f"--to {self._form.name}: holds one graph; {several} hold several, or OUT with {_PLACE}")
        if self._shown:
            data = self._form.between + data
        put(data)

    def _place(self, document: Document) -> str:
        """The file of a record, where each has its own."""
        name = document.id.replace(os.sep, "_").replace("\0", "_")
        path = str(self._path).replace(_PLACE, name)
        if path in self._paths or name in ("", ".", ".."):
            raise UsageError(f"{document.id}: the id comes twice or is no file name, but OUT is {self._path}")
        self._paths.add(path)
        return path

    def _keep_labels(self, document: Document) -> None:
        """The labels that --write-labels writes: the same for all records."""
        if self._options.labels is None:
            return
        labels = document.graph.labels[1:]
        if self._labels not in (None, labels):
            raise UsageError(
                f"{document.id}: its labels are not those of the records before, but --write-labels is one file"
            )
        self._labels = labels

    def fail(self, record: Item, error: LatticeError) -> None:
        """A record that cannot be read or written leaves nothing behind."""

    def finish(self) -> None:
        """Files are written at the end, by `write`."""

    def write(self) -> None:
        """Write the files that were asked for, each whole."""
        if self._parts and self._path is not None:
            write_encoded(self._path, self._form, self._parts)
        if self._symbols is not None and self._symbols.grown:
            write_whole(self._symbols.path, self._symbols.text().encode())
        if self._labels is not None and self._options.labels:
            write_whole(self._options.labels, labels_text(self._labels).encode())


def _form(path: str | None, form: str | None) -> Format:
    if form is not None:
        return writable()[form]
    return writable()["jsonl"] if path is None else form_of(path)


def _table(path: str | None) -> Symbols | None:
    """The table that labels are numbered by: the one that is there, else a new one."""
    if path is None:
        return None
    return read_symbols(path) if Path(path).exists() else Symbols(path, grown=False)

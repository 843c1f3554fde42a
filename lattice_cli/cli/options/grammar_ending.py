"""What the kinds of `lattice grammar` share: arguments that may be files, what is done in the end, and output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lattice_cli import formats
from lattice_cli.cli import reports, stream
from lattice_cli.cli.options.groups import grouped
from lattice_cli.cli.options.parameter_types import file_named, file_read, say_waiting
from lattice_cli.cli.options.shared import color_option, encoding_option
from lattice_cli.errors import FormatError, NoPath, UsageError, printable
from lattice_cli.formats import io

if TYPE_CHECKING:
    from lattice_cli.graph import Graph


_LIKE_A_FILE = re.compile(r"/|\.[A-Za-z][A-Za-z0-9]{1,4}$")


@dataclass(frozen=True)
class Ending:
    """What is done to a grammar when it is built, in this order, and where it goes. encoding: of what is read."""

    unions: tuple[str, ...]
    energy: float | None
    plus: bool
    closure: bool
    optional: bool
    name: str | None
    output: str | None
    encoding: str | None
    color: str

    def deliver(self, graph: Graph, source: str, paths: Sequence[str] = ()) -> None:
        """Change the grammar as the options say, and write it. paths: files that were read, of which one may be "-".

        Raises NoPath for a grammar that accepts nothing, UsageError for one that cannot be repeated.
        """
        from lattice_cli.graph import Document

        stream.require_one_stdin(paths, *self.unions)
        result = self._changed(graph, source)
        if not result.nodes:
            raise NoPath(f"{source}: the grammar accepts nothing")
        report = reports.GraphReport(self.output, self.color)
        name = source if self.name is None else self.name
        document = Document(result, name, source, range(result.nodes))
        report.show(document, report.prepare(document, document))
        report.write()

    def _changed(self, graph: Graph, source: str) -> Graph:
        from lattice_cli.graph import alternatives, optional, repeated, trimmed, weighted

        if self.unions:
            reading = io.ReadOptions(encoding=self.encoding)
            graph = alternatives([graph, *(formats.read_one(path, reading).graph for path in self.unions)])
        if self.energy is not None:
            graph = weighted(graph, self.energy)
        if self.plus or self.closure:
            try:
                graph = repeated(graph)
            except UsageError as error:
                raise UsageError(f"{source}: {error}") from None
        if self.optional or self.closure:
            graph = optional(graph)
        return trimmed(graph)[0]


def _finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not abs(value) < float("inf"):
        raise click.BadParameter(f"{value} is not a finite number", ctx, param)
    return value


def _ending(**given: Any) -> Ending:
    """What the options say. Raises UsageError, FormatError where the output cannot be written."""
    ending = Ending(**given)
    if ending.output is not None and ending.output != "-":
        formats.form_of(ending.output)
        io.require_place(ending.output)
    return ending


ending_options = grouped(
    "ending",
    _ending,
    click.option(
        "-o",
        "--output",
        metavar="OUT",
        type=file_named,
        help="The file to write: .json, .npz, .att and so on, or with .gz.",
    ),
    click.option("--id", "name", metavar="ID", help="The grammar's id. Default: the file's name, or the kind."),
    click.option(
        "--union",
        "unions",
        metavar="GRAMMAR",
        type=file_read,
        multiple=True,
        help="Accept what GRAMMAR accepts as well; may be repeated.",
    ),
    click.option("--energy", type=float, metavar="NATS", callback=_finite, help="Energy to add to every path."),
    click.option("--plus", is_flag=True, help="Accept it once or more often in a row (after --union, --energy)."),
    click.option("--closure", is_flag=True, help="Accept it any number of times in a row, none included."),
    click.option("--optional", is_flag=True, help="Accept the empty sequence as well, at energy 0."),
    encoding_option,
    color_option,
)


def file_given(given: Sequence[str]) -> str | None:
    """The file that arguments FILE|WORD... name: a single one that is "-", exists, or ends as a list of words does.

    Among several "-" is a word. What is taken as a word though it looks like a file's name is said. Raises UsageError
    for a file among several.
    """
    files = [each for each in given if each.endswith((".txt", ".txt.gz")) or Path(each).is_file()]
    if [*given] == ["-"]:
        files.append("-")
        say_waiting()
    if files and len(given) > 1:
        way = "cat FILE... | lattice grammar ... - reads several, and words that are called like files"
        raise UsageError(f"{files[0]}: is a file, expected it alone, or words ({way})")
    for word in given if not files else ():
        if _LIKE_A_FILE.search(word):
            say(f"{word!r} is taken as it is: there is no file of that name")
    return files[0] if files else None


def labels_given(given: Sequence[str], encoding: str | None = None) -> list[str]:
    """The labels of arguments FILE|LABEL..., a line of the file each. encoding: of the file.

    Raises FormatError for one given twice.
    """
    return labels_in(file_given(given), encoding, given)


def labels_in(path: str | None, encoding: str | None = None, given: Sequence[str] = ()) -> list[str]:
    """The labels of a file, a line each; where there is none, those that are given. Raises FormatError."""
    labels, source = list(given), "labels"
    if path is not None:
        text, source = io.read_text(path, encoding)
        labels = [line.removesuffix("\r") for line in text.split("\n")]
        if labels[-1] == "":
            labels.pop()
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise FormatError(f"{source}: label {twice!r} is given twice, expected each label once")
    if "" in labels:
        at = f"{source}:{labels.index('') + 1}" if path is not None else source
        raise FormatError(f"{at}: found an empty label, expected a label")
    return labels


def say(message: str) -> None:
    """A remark on standard error."""
    click.echo(f"lattice: {printable(message)}", err=True)

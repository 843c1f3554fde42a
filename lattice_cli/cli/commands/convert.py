"""The convert command: graphs from one form to another."""

from __future__ import annotations

from dataclasses import replace
from inspect import cleandoc
from textwrap import fill

import click

from lattice_cli.cli import reports, stream
from lattice_cli.cli.options import (
    StrictCommand,
    file_named,
    file_read,
    graph_options,
    input_options,
)
from lattice_cli.errors import UsageError
from lattice_cli.executors import Place
from lattice_cli.formats import io, numbered, writable


@click.command(cls=StrictCommand)
@click.argument("source", metavar="IN", type=file_read)
@click.argument("target", metavar="[OUT]", type=file_named, required=False)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=file_named,
    help="The file to write, as a second argument does; {id} makes one a record.",
)
@click.option(
    "--to",
    type=click.Choice([*writable()]),
    metavar="FORM",
    help=f"Form to write, if OUT does not tell it: {', '.join(writable())}.",
)
@click.option("--lossy", is_flag=True, help="Write what the form can hold, say what it cannot hold.")
@click.option(
    "--write-symbols",
    metavar="FILE",
    type=file_named,
    help=f"Symbol table to write: beside {', '.join(numbered())}, which then have numbers for labels; one that is "
    "there is read and added to.",
)
@click.option(
    "--write-labels", metavar="FILE", type=file_named, help="Labels of the columns to write beside npy, one a line."
)
@input_options
@graph_options
def convert(
    source: str,
    target: str | None,
    output: str | None,
    to: str | None,
    lossy: bool,
    write_symbols: str | None,
    write_labels: str | None,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The graphs of IN in another form, in OUT or on standard output.

    What OUT cannot hold (start energies, several final nodes, times, names, a target, ...) is said, and nothing is
    written unless --lossy allows it; then what can be kept is kept: several starts become one with epsilon arcs to
    them, named scores their weighted sum. Everything else comes back as it was, to the last bit. With {id} in its name
    OUT is a file for each record. Without OUT and --to, a terminal gets a table and a pipe JSON Lines.

    FORMS

    Examples:
      lattice convert samples/lecture-34.json lecture.yaml
      lattice convert samples/cards.slf.gz cards.k2 --write-symbols words.txt \\
        --lossy
      lattice convert samples/lecture-34.json --to dot
      lattice convert lattices.ark 'lattices/{id}.slf' --words words.txt
    """
    if output is not None and target is not None:
        raise UsageError(f"OUT is given twice: {target} and -o {output}")
    destination = reports.Destination(target if output is None else output, to, write_symbols, write_labels, run.color)
    report = reports.Conversion(destination, lossy)

    solve = stream.OneByOne(report.encoded)
    reading = replace(reading, models="grammar")
    return stream.write_records(
        [source], reading, solve, report, replace(run, place=Place()) if report.sequential else run
    )


def _notes() -> str:
    """What forms hold, a paragraph of help."""
    told = {name: form.note for name, form in writable().items() if form.note}
    width = max(map(len, told)) + 3
    rows = [f"  {name:<{width - 2}}{note}" for name, note in told.items()]
    return "\n".join(fill(row, 78, subsequent_indent=" " * width) for row in rows)


convert.help = cleandoc(str(convert.help)).replace("FORMS", _notes())

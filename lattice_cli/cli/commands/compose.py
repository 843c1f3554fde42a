"""The compose command: interpretation graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lattice_cli import models
from lattice_cli.cli import reports, stream
from lattice_cli.cli.options import (
    ScorerOptions,
    StrictCommand,
    combine_option,
    ctc_option,
    file_read,
    graph_options,
    graph_output_option,
    grouped,
    input_options,
    records_scales,
    scorer_options,
)
from lattice_cli.errors import UsageError, counted
from lattice_cli.formats import io

if TYPE_CHECKING:
    pass


@click.command(cls=StrictCommand)
@click.argument("graph", metavar="GRAPH", type=file_read)
@click.argument("grammars", metavar="[GRAMMAR]...", type=file_read, nargs=-1)
@graph_output_option
@combine_option
@ctc_option
@grouped("scorers", ScorerOptions, scorer_options)
@click.option(
    "--as",
    "names",
    metavar="NAME",
    multiple=True,
    help="What a GRAMMAR or --lm is called among scores and in --provenance, one for each in their order; scores are "
    "kept then. Default: its file, without the ending.",
)
@click.option(
    "--provenance", is_flag=True, help="For each arc, the arc of every factor that it comes from; --of NAME reads them."
)
@input_options
@graph_options
def compose(
    graph: str,
    grammars: tuple[str, ...],
    output: str | None,
    combine: str,
    ctc: str | None,
    scorers: ScorerOptions,
    names: tuple[str, ...],
    provenance: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The interpretation graph of GRAPH and GRAMMAR: outputs of GRAPH against inputs of GRAMMAR.

    Several GRAMMARs are a cascade, composed from left to right; with --lm, --hot or --word-energy the result is
    rescored, and none is needed.

    On a terminal it is shown as a table; into a pipe or a file it is written as a graph document. A stream of graphs
    gives a stream. If nothing is left, the message says where graph and grammar part, and the exit status is 1.

    Where a factor has named scores, or names are given, arcs carry the scores of all factors; one without has its
    energies under its name (those of GRAPH: recognition). --scale weighs any of them, here or later.

    Examples:
      lattice compose samples/lecture-cut.yaml grammars/lecture-words.yaml
      lattice compose samples/lecture-cut.yaml grammars/lecture-words.yaml \\
        -o cut.npz
      lattice compose samples/lecture-cut.yaml grammars/lecture-words.yaml \\
        --provenance | lattice forward - --of lecture-words --arcs
      lattice compose samples/goforward.slf.gz --lm grammars/robot.arpa \\
        --scale acoustic=0.05 -o rescored.json
    """
    if not (grammars or scorers.files or scorers.word_energy or scorers.hot):
        raise UsageError("nothing to compose with: expected a GRAMMAR, --lm, --hot or --word-energy")
    stream.require_one_stdin([graph], *grammars, *scorers.files)
    files = [*grammars, *scorers.lm]
    if names and len(names) != len(files):
        raise UsageError(f"{counted(len(names), 'name')} (--as) for {counted(len(files), 'file')}, not one for each")
    named = models.factor_names(files, names)
    judges = scorers.read(named[len(grammars) :], reading.scales, reading.encoding)
    own = named[: len(grammars)]
    through = models.read_decoder(grammars, ctc, combine, judges, reading.encoding, own, reading.scales)
    reading = records_scales(reading, through)

    report = reports.ComposedReport(output, run.color, bool(names or judges), provenance)
    return stream.write_records([graph], reading, stream.OneByOne(through.interpret), report, run)

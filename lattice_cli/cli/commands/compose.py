"""The compose command: interpretation graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lattice_cli import models, records
from lattice_cli.cli import reports, stream
from lattice_cli.cli.options import (
    StrictCommand,
    combine_option,
    ctc_option,
    file_read,
    graph_options,
    graph_output_option,
    input_options,
    records_scales,
)
from lattice_cli.errors import UsageError, counted
from lattice_cli.formats import io

if TYPE_CHECKING:
    from lattice_cli.graph import Document


@click.command(cls=StrictCommand)
@click.argument("graph", metavar="GRAPH", type=file_read)
@click.argument("grammars", metavar="GRAMMAR...", type=file_read, nargs=-1, required=True)
@graph_output_option
@combine_option
@ctc_option
@click.option(
    "--as",
    "names",
    metavar="NAME",
    multiple=True,
    help="What a GRAMMAR is called among scores and in --provenance, one for each in their order; its scores are kept "
    "then. Default: its file, without the ending.",
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
    names: tuple[str, ...],
    provenance: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The interpretation graph of GRAPH and GRAMMAR: outputs of GRAPH against inputs of GRAMMAR. Several are a cascade,
    composed from left to right.

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
    """
    from lattice_cli.records.cascade import composed_document

    stream.require_one_stdin([graph], *grammars)
    if names and len(names) != len(grammars):
        raise UsageError(
            f"{counted(len(names), '--as')} for {counted(len(grammars), 'GRAMMAR')}, expected one for each"
        )
    named = models.factor_names(grammars, names)
    through = models.read_decoder(grammars, ctc, combine, None, reading.encoding, named, reading.scales)
    reading = records_scales(reading, through)

    class Composed(reports.GraphReport):
        """Interpretation graphs; an empty one is written too, so that records stay in step, and then explained."""

        def prepare(self, document: Document, result: records.Interpretation) -> Any:  # type: ignore[override]
            composed = composed_document(result, scores=bool(names), provenance=provenance)
            return super().prepare(document, composed), None if result.graph.nodes else records.no_path(result)

        def show(self, document: Document, result: Any) -> None:
            composed, empty = result
            super().show(document, composed)
            if empty is not None:
                raise empty

    def solve(documents: list[Document]) -> list[records.Interpretation]:
        return [through.interpret(document) for document in documents]

    return stream.write_records([graph], reading, solve, Composed(output, run.color), run)

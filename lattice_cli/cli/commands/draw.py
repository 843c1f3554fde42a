"""The draw command: pictures of graphs."""

from __future__ import annotations

import click

from lattice_cli import analysis, graph
from lattice_cli.cli import options, reports, stream
from lattice_cli.cli.options import (
    StrictCommand,
    decoder_options,
    drawing_options,
    file_named,
    file_read,
    input_options,
    of_option,
    positive,
)
from lattice_cli.cli.stream import RunOptions
from lattice_cli.formats import io


@click.command(cls=StrictCommand)
@click.argument("graphs", metavar="GRAPH...", type=file_read, nargs=-1, required=True)
@decoder_options
@click.option(
    "-o", "--output", metavar="FILE", type=file_named, help="The file to write: .txt, .dot, .svg, .png or .pdf."
)
@click.option(
    "--to",
    metavar="FORM",
    type=click.Choice(["text", "dot", "svg", "png", "pdf"]),
    help="Form of the drawing: text, dot, svg, png or pdf. Default: as the file's name tells; text for a terminal, dot "
    "for a pipe.",
)
@click.option(
    "--beta", type=positive, default=1.0, show_default=True, help="Inverse temperature of the posteriors, in 1/nats."
)
@of_option
@input_options
@drawing_options
def draw(
    graphs: tuple[str, ...],
    decoder: options.DecoderOptions,
    output: str | None,
    to: str | None,
    beta: float,
    side: str,
    reading: io.ReadOptions,
    run: RunOptions,
) -> int:
    """A drawing of each GRAPH with its best path marked.

    In text, nodes stand on a line, ▸ before a start node and ((final)) ones in double brackets; arcs go over it, and
    back under it; the best path is heavy. In DOT and the images that Graphviz makes of it, arcs are as wide and as
    dark as they are likely (their posteriors at --beta), and red on the best path. With -g the best path and the
    posteriors are those of the composition.

    Examples:
      lattice draw samples/lecture-34.json
      lattice draw samples/lecture-cut.yaml -g grammars/lecture-words.yaml \\
        --of interpretation
      lattice draw samples/cards.slf.gz --beta 0.05 -o cards.dot
    """
    stream.require_one_stdin(graphs, decoder.grammar)
    stream.require_side(side, decoder.grammar)
    through = decoder.read(reading.encoding)
    report = reports.Drawing(output, reports.form_of(output, to))

    def solve(documents: list[graph.Document]) -> list[analysis.Picture]:
        return [analysis.picture(document, beta, through, side) for document in documents]

    return stream.write_records(graphs, reading, solve, report, run)

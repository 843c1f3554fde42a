"""The draw command: pictures of graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lattice_cli.cli.options.groups import grouped
from lattice_cli.cli.options.shared import decoder_options, input_options, keep_going_option, of_option, positive
from lattice_cli.cli.stream.run_options import RunOptions

if TYPE_CHECKING:
    from lattice_cli.analysis import Picture
    from lattice_cli.cli.options.shared import DecoderOptions
    from lattice_cli.formats.io import ReadOptions
    from lattice_cli.graph import Document


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@decoder_options
@click.option("-o", "--output", metavar="FILE", help="A file: .txt, .dot, .svg, .png or .pdf.")
@click.option(
    "--to",
    type=click.Choice(["text", "dot", "svg", "png", "pdf"]),
    help="Form of the drawing, if no file's name tells; text for a terminal, dot for a pipe.",
)
@click.option("--beta", type=positive, default=1.0, show_default=True, help="Inverse temperature of the posteriors.")
@of_option
@input_options
@grouped("run", RunOptions, keep_going_option)
def draw(
    graphs: tuple[str, ...],
    decoder: DecoderOptions,
    output: str | None,
    to: str | None,
    beta: float,
    side: str,
    reading: ReadOptions,
    run: RunOptions,
) -> int:
    """A drawing of each GRAPH with its best path marked.

    In text, nodes stand on a line, ▸ before a start node and ((final)) ones in double brackets; arcs go over it, and
    back under it; the best path is heavy. In DOT and the images that Graphviz makes of it, arcs are as wide and as
    dark as they are likely (their posteriors at --beta), and red on the best path. With -g the best path and the
    posteriors are those of the composition.

    \b
    Examples:
      lattice draw samples/lecture-34.json
      lattice draw samples/lecture-cut.yaml -g grammars/lecture-words.yaml \\
        --of interpretation
      lattice draw samples/cards.slf.gz --beta 0.05 -o cards.svg
    """
    from lattice_cli.analysis import picture
    from lattice_cli.cli.reports.drawing_report import Drawing, form_of
    from lattice_cli.cli.stream.run import require_one_stdin, require_side, write_records

    require_one_stdin(graphs, decoder.grammar)
    require_side(side, decoder.grammar)
    through = decoder.read()
    report = Drawing(output, form_of(output, to))

    def solve(documents: list[Document]) -> list[Picture]:
        return [picture(document, beta, through, side) for document in documents]

    return write_records(graphs, reading, solve, report, run)

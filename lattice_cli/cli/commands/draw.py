"""The draw command: pictures of graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lattice_cli.cli.options.shared import (
    combine_option,
    ctc_option,
    grammar_option,
    input_options,
    keep_going_option,
    of_option,
    positive,
    read_options,
)

if TYPE_CHECKING:
    from lattice_cli.analysis.pictures import Picture
    from lattice_cli.graph.record import Document


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@grammar_option
@ctc_option
@combine_option
@click.option("-o", "--output", metavar="FILE", help="A file: .txt, .dot, .svg, .png or .pdf.")
@click.option(
    "--to",
    type=click.Choice(["text", "dot", "svg", "png", "pdf"]),
    help="Form of the drawing, if no file's name tells; text for a terminal, dot for a pipe.",
)
@click.option("--beta", type=positive, default=1.0, show_default=True, help="Inverse temperature of the posteriors.")
@of_option
@input_options
@keep_going_option
def draw(
    graphs: tuple[str, ...],
    grammar: str | None,
    ctc: str | None,
    combine: str,
    output: str | None,
    to: str | None,
    beta: float,
    side: str,
    keep_going: bool,
    **reading: Any,
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
    from lattice_cli.analysis.pictures import picture
    from lattice_cli.cli.reports.drawing_report import Drawing, form_of
    from lattice_cli.cli.stream.run import require_one_stdin, require_side, run_records
    from lattice_cli.errors import NoPath
    from lattice_cli.models.grammar_argument import read_decoder

    require_one_stdin(graphs, grammar)
    require_side(side, grammar)
    options = read_options(**reading)
    decoder = read_decoder(grammar, ctc, combine)
    report = Drawing(output, form_of(output, to))

    def solve(documents: list[Document]) -> list[Picture]:
        return [picture(document, beta, decoder, side) for document in documents]

    status = run_records(graphs, options, solve, report, keep_going)
    if keep_going or status <= NoPath.exit_status:
        report.write()
    return status

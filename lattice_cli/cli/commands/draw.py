"""The draw command: pictures of graphs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import click

from lattice_cli import analysis, graph, records
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
from lattice_cli.errors import UsageError
from lattice_cli.formats import io

_PATHS = 10
#: What a browser draws without making one wait.
_MOST_ARCS = 20_000


@click.command(cls=StrictCommand)
@click.argument("graphs", metavar="GRAPH...", type=file_read, nargs=-1, required=True)
@decoder_options
@click.option(
    "-o", "--output", metavar="FILE", type=file_named, help="The file to write: .txt, .dot, .svg, .png, .pdf or .html."
)
@click.option(
    "--to",
    metavar="FORM",
    type=click.Choice(["text", "dot", "svg", "png", "pdf", "html"]),
    help="Form of the drawing: text, dot, svg, png, pdf or html. Default: as the file's name tells; text for a "
    "terminal, dot for a pipe.",
)
@click.option(
    "-t",
    "--target",
    metavar="TARGET",
    help="In html, the correct answer, to compare the best one with. Default: each record's own target.",
)
@click.option(
    "-n",
    "--nbest",
    "count",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"In html, the N best paths in a list. Default: {_PATHS}.",
)
@click.option("--distinct", is_flag=True, help="Best distinct answers in the list of html, instead of paths.")
@click.option(
    "--max-arcs",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Largest drawing in html, in arcs. Default: {_MOST_ARCS}.",
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
    target: str | None,
    count: int | None,
    distinct: bool,
    max_arcs: int | None,
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

    HTML is a page for a browser, one file that needs no network: zoom and pan, arcs below a posterior hidden, a word
    found, the numbers of an arc at a click, the best paths in a list, and two answers compared, the best and the
    target above all. Graphs with times stand by time. Several graphs are a choice on the page.

    Examples:
      lattice draw samples/lecture-34.json
      lattice draw samples/lecture-cut.yaml -g grammars/lecture-words.yaml \\
        --of interpretation
      lattice draw samples/cards.slf.gz --beta 0.05 -o cards.dot
      lattice draw samples/cards.slf.gz --beta 0.05 --distinct -o cards.html
    """
    stream.require_one_stdin(graphs, *decoder.files)
    form = reports.form_of(output, to)
    given = {"--target": target, "-n": count, "--distinct": distinct, "--max-arcs": max_arcs}
    idle = [name for name, value in given.items() if value]
    if idle and form != "html":
        raise UsageError(f"{idle[0]} makes no difference to {form}, expected --to html")
    through, reading = decoder.read(reading)
    decoder.require_side(side, through)
    report = reports.Drawing(output, form, beta, max_arcs or _MOST_ARCS)
    request = records.SearchRequest(count or _PATHS, distinct) if form == "html" else None

    drawn = partial(_drawn, beta=beta, through=through, side=side, request=request, target=target, report=report)
    reading = replace(reading, models="grammar")
    return stream.write_records(graphs, reading, stream.OneByOne(drawn), report, run)


def _drawn(
    document: graph.Document,
    beta: float,
    through: records.Decoder,
    side: str,
    request: records.SearchRequest | None,
    target: Any,
    report: reports.Drawing,
) -> analysis.Picture:
    """What is drawn of a record. request: of a page; None for other forms."""
    if request is None:
        return analysis.picture(document, beta, through, side)
    report.require_size(document.graph.arcs)
    if target is not None:
        document = replace(document, target=target)
    found = analysis.picture(document, beta, through, side, request)
    return analysis.with_reference(found, document, through, side)

"""The prune command: smaller graphs with a guarantee."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from lattice_cli import analysis
from lattice_cli.cli import reports, stream
from lattice_cli.cli.options import (
    DecoderOptions,
    Number,
    StrictCommand,
    decoder_options,
    file_read,
    graph_options,
    graph_output_option,
    input_options,
    not_negative,
    positive,
)
from lattice_cli.errors import UsageError
from lattice_cli.formats import io

if TYPE_CHECKING:
    from lattice_cli.graph import Document
    from lattice_cli.records import Decoder


@click.command(cls=StrictCommand)
@click.argument("graphs", metavar="GRAPH...", type=file_read, nargs=-1, required=True)
@click.option(
    "--beam",
    metavar="NATS",
    type=not_negative,
    help="Leave out arcs whose best path is so much above the best one.",
)
@click.option("--posterior", type=Number(0, 1), help="Leave out arcs whose posterior is below X.")
@click.option(
    "--beta", type=positive, default=1.0, show_default=True, help="Inverse temperature of the posteriors, in 1/nats."
)
@decoder_options
@graph_output_option
@input_options
@graph_options
def prune(
    graphs: tuple[str, ...],
    decoder: DecoderOptions,
    beam: float | None,
    posterior: float | None,
    beta: float,
    output: str | None,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """Each GRAPH without the arcs that hardly matter; names, times, scores and targets stay.

    With --beam every path whose energy is within the beam of the best one is kept. With --posterior the best path is.
    What is left, and how probable the paths were that are gone, is said on standard error. With -g, --lm and the like
    it is the composition that is pruned, and what is left of it has the scores of all factors.

    Examples:
      lattice prune samples/goforward.slf.gz --beta 0.05 --posterior 0.001 \\
        -o small.json
      lattice prune samples/lecture-34.json --beam 1
    """
    if beam is None and posterior is None:
        raise UsageError("prune needs --beam or --posterior")
    stream.require_one_stdin(graphs, *decoder.files)
    through, reading = decoder.read(reading)

    solve = stream.OneByOne(partial(_pruned, through=through, beta=beta, beam=beam, posterior=posterior))
    return stream.write_records(graphs, reading, solve, reports.PrunedReport(output, run.color), run)


def _pruned(
    document: Document, through: Decoder, beta: float, beam: float | None, posterior: float | None
) -> analysis.Pruned:
    """What is left of a record."""
    from lattice_cli.analysis import pruning

    return pruning.prune(document if through.plain else _composed(document, through), beta, beam, posterior)


def _composed(document: Document, through: Decoder) -> Document:
    """A record as it is decoded. Raises NoPath where nothing is left of it."""
    from lattice_cli.records import no_path
    from lattice_cli.records.cascade import composed_document

    found = through.interpret(document)
    if not found.graph.nodes:
        raise no_path(found)
    return composed_document(found, scores=through.scorers is not None)

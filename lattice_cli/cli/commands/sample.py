"""The sample command: paths drawn at random."""

from __future__ import annotations

from functools import partial

import click

from lattice_cli import graph, records
from lattice_cli.cli import options, reports, stream
from lattice_cli.cli.options import (
    StrictCommand,
    decoder_options,
    file_read,
    input_options,
    of_option,
    positive,
    result_options,
    trust_code_option,
)
from lattice_cli.errors import LatticeError
from lattice_cli.formats import io


@click.command(cls=StrictCommand)
@click.argument("graphs", metavar="[MODEL] GRAPH...", type=file_read, nargs=-1, required=True)
@decoder_options
@click.option(
    "-n",
    "--samples",
    "count",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Paths to draw from each graph.",
)
@click.option(
    "--beta", type=positive, default=1.0, show_default=True, help="Inverse temperature of the probabilities, in 1/nats."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random numbers.")
@of_option
@trust_code_option
@input_options
@result_options
def sample(
    graphs: tuple[str, ...],
    decoder: options.DecoderOptions,
    count: int,
    beta: float,
    seed: int,
    side: str,
    trust_code: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """Paths of each GRAPH drawn at random: p(path) = exp(-beta E) / sum over all paths of exp(-beta E).

    The draws are exact and independent, on graphs with cycles too. With -g it is the composition that is drawn from.
    The same seed and N draw the same paths from the same records in the same order. log p is that of the path; several
    paths may spell the same answer. Behind a MODEL that lattice train wrote there are inputs, as for lattice viterbi.

    Examples:
      lattice sample samples/lecture-34.json -n 5
      lattice sample samples/lecture-cut.yaml -g grammars/lecture-words.yaml \\
        -n 3 --beta 2 --seed 7
      lattice sample samples/lecture-34.json -n 100 --json | lattice evaluate -
    """
    stream.require_one_stdin(graphs, *decoder.files)
    given = options.taken(graphs, decoder, reading, trust_code)
    through = given.through
    given.decoder.require_side(side, through)

    solve = stream.OneByOne(partial(_drawn, through=through, count=count, beta=beta, seed=seed, side=side))
    noted = stream.noting_grammars(given.paths, given.decoder.grammars, solve)
    report = reports.SampleReport(run)
    return stream.run_records(given.paths, given.reading, noted, report, run, apart=True, made=given.made)


def _drawn(
    document: graph.Document, number: int, through: records.Decoder, count: int, beta: float, seed: int, side: str
) -> records.Draws | LatticeError:
    """Paths drawn from the record of this number, or why it has none."""
    import numpy as np

    from lattice_cli.records.draws import draws

    # A stream of numbers for each record: what is drawn from one does not hang on how many another one took.
    rng = np.random.default_rng([seed, number])
    return draws(through.interpret(document), count, beta, rng, side)

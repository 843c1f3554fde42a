"""The forward command: free energies, posteriors and gradients."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from lattice_cli.cli import options, reports, stream
from lattice_cli.cli.options import (
    BetaList,
    StrictCommand,
    decoder_options,
    file_read,
    input_options,
    of_option,
    result_options,
    trust_code_option,
)
from lattice_cli.formats import io


@click.command(cls=StrictCommand)
@click.argument("graphs", metavar="[MODEL] GRAPH...", type=file_read, nargs=-1, required=True)
@decoder_options
@click.option(
    "--beta",
    "betas",
    type=BetaList(),
    default="1",
    show_default=True,
    help="Inverse temperature, in 1/nats; several separated by commas give a row (with --json a line) each.",
)
@click.option("--arcs", is_flag=True, help="Gradient of the free energy by every arc: its posterior.")
@click.option("--nodes", is_flag=True, help="Every node's forward and backward energy, and posterior.")
@click.option(
    "--lagrangian",
    is_flag=True,
    help="Lagrange multipliers, checked by differences; exit 4 where they do not hold.",
)
@of_option
@trust_code_option
@input_options
@result_options
def forward(
    graphs: tuple[str, ...],
    decoder: options.DecoderOptions,
    betas: tuple[float, ...],
    arcs: bool,
    nodes: bool,
    lagrangian: bool,
    side: str,
    trust_code: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The free energy F = -(1/beta) log sum exp(-beta E) over all paths of each GRAPH, or of each input of a MODEL.

    Beside it stand the least energy, the expected energy, the entropy (nats) and the variance of the energy under
    p(path) = exp(-beta (E - F)). Cyclic graphs are summed exactly, or refused if the sum diverges (exit 4).

    --lagrangian shows the gradient as stationarity of L = F + sum_i lambda_i (f_i - alpha_i), with f_i the recursion
    for alpha_i: the multipliers lambda_i = dF/dalpha_i >= 0 (the posteriors of nodes; with alpha_i - f_i they would
    have the other sign), the residuals by alpha, lambda and e, and the finite difference of every arc (of up to 200
    arcs). With -g nodes and arcs are those of the interpretation.

    Examples:
      lattice forward samples/lecture-34.json --arcs
      lattice forward samples/lecture-34.json --beta 0.5,1,2,10
      lattice forward samples/lecture-cut.yaml -g grammars/lecture-words.yaml \\
        --nodes
    """
    from lattice_cli.records import posteriors

    stream.require_one_stdin(graphs, *decoder.files)
    stream.require_rows_only(run, {"--arcs": arcs, "--nodes": nodes, "--lagrangian": lagrangian})
    given = options.taken(graphs, decoder, reading, trust_code)
    through = given.through
    given.decoder.require_side(side, through)

    asked: dict[str, Any] = {"arcs": arcs, "nodes": nodes, "lagrangians": lagrangian, "of": side}
    solve = partial(posteriors.forward, betas=betas, decoder=through, **asked)
    noted = stream.noting_grammars(given.paths, given.decoder.grammars, solve)
    return stream.run_records(given.paths, given.reading, noted, reports.ForwardReport(run), run, made=given.made)

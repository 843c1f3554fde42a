"""The bound command: variational bounds on free energies."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import click

from lattice_cli import formats, models
from lattice_cli.choices import FITS, TIES
from lattice_cli.cli import options, reports, stream
from lattice_cli.cli.options import (
    Option,
    StrictCommand,
    decoder_options,
    file_named,
    file_read,
    input_options,
    positive,
    result_options,
    trust_code_option,
)
from lattice_cli.errors import UsageError
from lattice_cli.formats import io
from lattice_cli.learning import training


class Counts(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Numbers of samples, one or several separated by commas."""

    name = "K[,K...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Whole numbers of at least 1."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        if not all(part.isdigit() and int(part) > 0 for part in parts):
            self.fail(f"{value!r} is not a whole number above 0, or several separated by commas", param, ctx)
        return tuple(int(part) for part in parts)


@click.command(cls=StrictCommand)
@click.argument("graphs", metavar="GRAPH...", type=file_read, nargs=-1, required=True)
@decoder_options
@click.option(
    "--proposal",
    metavar="Q",
    type=file_named,
    default="gibbs:0",
    show_default=True,
    help="The distribution q over the paths: gibbs:B is the graph at inverse temperature B (0: uniform over paths); or "
    "a graph file with the same arcs; or a MODEL trained with objective: variational, for its own q: then each GRAPH "
    "is a file of inputs as for recognize, with targets.",
)
@click.option(
    "--beta",
    type=positive,
    show_default="1, or that of the MODEL's objective",
    help="Inverse temperature of the free energy, in 1/nats.",
)
@click.option("--samples", metavar="N", type=click.IntRange(min=1), help="Paths to draw from q, to estimate the bound.")
@click.option("--importance", type=Counts(), default=(), help="Importance-weighted bounds of K samples each.")
@click.option(
    "--seed",
    cls=Option,
    needs=("--samples", "--importance"),
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the random numbers.",
)
@click.option(
    "--fit",
    "steps",
    metavar="N",
    type=click.IntRange(min=1),
    help="Steps of lowering the bound over the energies of q.",
)
@click.option(
    "--tie",
    cls=Option,
    needs=("--fit",),
    type=click.Choice(TIES),
    default="arc",
    show_default=True,
    help="What has an energy of its own in q for --fit: every arc, label, level, or label at a level (mean-field).",
)
@click.option(
    "--gradient",
    "by",
    cls=Option,
    needs=("--fit",),
    type=click.Choice(FITS),
    default="exact",
    show_default=True,
    help="Where the gradient of --fit is from: exact, by sweeps; or estimated at each step from --samples paths drawn "
    "from q, each measured against the mean of the others.",
)
@click.option(
    "--every",
    cls=Option,
    needs=("--fit",),
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Steps of --fit to a row of the table.",
)
@trust_code_option
@input_options
@result_options
def bound(
    graphs: tuple[str, ...],
    decoder: options.DecoderOptions,
    proposal: str,
    beta: float | None,
    samples: int | None,
    importance: tuple[int, ...],
    seed: int,
    steps: int | None,
    tie: str,
    by: str,
    every: int,
    trust_code: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The bound F <= <E>_q - (1/beta) entropy(q) on the free energy of each GRAPH, for a distribution q over its paths.

    q(path) is proportional to exp(-E_q), with E_q the energies of --proposal. Bound, entropy (nats) and gap, which is
    KL(q || p) / beta, are exact, by sweeps. With --samples paths are drawn from q: the estimate of the bound with its
    standard error, and the effective sample size of their importance weights. The K-sample bound of --importance is
    exact where there are few paths, else estimated from the samples in groups of K. --fit lowers the bound over q's own
    energies: with an energy for every arc the gap goes to 0, tied it stops above it; with --samples the variance of the
    score-function gradient (REINFORCE) from one path is shown beside, without and with a control variate.

    With a MODEL for --proposal nothing is composed or read but by the model: it recognises each record of the inputs,
    reads it through its own alignment and grammar, and F is of the paths that spell the record's target. q has the
    energies that the model's second network gives the same inputs. Beside F of all paths stands the bound on nll =
    F(correct) - F(all), which is what training lowered.

    Examples:
      lattice bound samples/lecture-34.json --proposal gibbs:0.5 \\
        --samples 1000 --importance 1,2,4
      lattice bound samples/lecture-34.json --fit 100 --tie label --samples 200
      lattice bound samples/lecture-34.json --fit 100 --gradient samples \\
        --samples 10
    """
    from lattice_cli.learning.training.record_bounds import model_bounds, record_bounds

    stream.require_one_stdin(graphs, *decoder.files, proposal)
    if by == "samples" and (samples or 0) < 2:
        raise UsageError("--gradient samples measures each path against the others, expected --samples N of at least 2")
    tables = {"--samples": samples is not None, "--importance": bool(importance), "--fit": steps is not None}
    stream.require_rows_only(run, tables)
    through, reading = decoder.read(reading)
    held = models.load_model_with_proposal(proposal, trust_code)
    if held is not None:
        if not through.plain:
            raise UsageError(f"--proposal {proposal}: a model reads through its own grammar, expected no other")
        model, parameters = held
        own_beta = model.config.objective.beta if beta is None else beta
        asked = training.BoundRequest(0.0, None, own_beta, samples, importance, seed, steps, tie, every, by)

        solve = stream.OneByOne(partial(model_bounds, asked=asked, model=model, parameters=parameters))
        report = reports.BoundReport(run, of_model=True)
        return stream.run_records(graphs, replace(reading, inputs=True), solve, report, run, apart=True)
    kind, colon, number = proposal.partition(":")
    temperature, other = 0.0, None
    if kind == "gibbs" and colon:
        try:
            temperature = float(number)
        except ValueError:
            temperature = -1.0
        if not 0 <= temperature < float("inf"):
            raise UsageError(f"--proposal {proposal}: expected gibbs:B with a finite B of at least 0, or a file")
    else:
        other = formats.read_one(proposal, reading)
    asked = training.BoundRequest(temperature, other, beta or 1.0, samples, importance, seed, steps, tie, every, by)

    solve = stream.OneByOne(partial(record_bounds, asked=asked, decoder=through))
    noted = stream.noting_grammars(graphs, decoder.grammars, solve)
    return stream.run_records(graphs, reading, noted, reports.BoundReport(run), run, apart=True)

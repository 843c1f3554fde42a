"""The loss command: losses and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from lattice_cli import graph
from lattice_cli.choices import LATENTS, LOSS_FORMULAS, LOSSES
from lattice_cli.cli import options, reports
from lattice_cli.cli.options import (
    StrictCommand,
    decoder_options,
    file_read,
    input_options,
    not_negative,
    of_option,
    positive,
    result_options,
)
from lattice_cli.cli.terminal import complain
from lattice_cli.errors import CheckFailed, LatticeError, UsageError, counted
from lattice_cli.formats import io

if TYPE_CHECKING:
    from lattice_cli.cli.stream import RunOptions


#: Parameter -> the losses that it is of.
_OF = {
    "margin": ("hinge", "square-square"),
    "cap": ("lvq2",),
    "gamma": ("square-exp",),
    "square_square": ("square-square",),
    "nbest": ("mwer",),
    "latent": tuple(name for name in LOSSES if name != "mwer"),
}


#: Losses of free energies, unless --latent says otherwise; the others are of single paths.
_FREE = ("nll", "mee", "mwer")


def _require_use(wanted: Sequence[str], latent: str | None) -> None:
    """Raises UsageError for a parameter that is given, and that none of these losses has."""
    given = click.get_current_context().get_parameter_source
    if given("beta") is ParameterSource.COMMANDLINE and latent != "forward" and not set(_FREE) & set(wanted):
        free = ", ".join(_FREE)
        raise UsageError(f"--beta makes no difference to {', '.join(wanted)}: it is of {free}, and of --latent forward")
    for name, of in _OF.items():
        if given(name) is ParameterSource.COMMANDLINE and not set(of) & set(wanted):
            option = name.replace("_", "-")
            its = " and ".join(of) if len(of) < 3 else "the others"
            raise UsageError(f"--{option} makes no difference to {', '.join(wanted)}: it is of {its}")


def _table() -> str:
    """The losses and their formulas in two columns, as the help has them."""
    rows = list(LOSS_FORMULAS.items())
    left, right = rows[: (len(rows) + 1) // 2], rows[(len(rows) + 1) // 2 :]
    first, second, third = (max(map(len, column)) for column in (*zip(*left), dict(right)))
    return "\n".join(
        f"  {name:<{first + 2}}{formula:<{second + 4}}{other:<{third + 2}}{its}".rstrip()
        for (name, formula), (other, its) in zip_longest(left, right, fillvalue=("", ""))
    )


_HELP = f"""Losses of each GRAPH for a correct answer, with the energies they are made of and the gradient of every arc.

E_C is the energy of the correct answer. E_I is that of the most offending incorrect answer: the least energy among
all answers that differ from it, over every path. d = E_C - E_I. mwer is the mean of the edit distance to the correct
answer, in labels, over all paths by their probability. With several records the mean comes last.

{_table()}

Examples:
  lattice loss samples/lecture-34.json -t 34
  lattice loss samples/lecture-34.json -t 34 --loss perceptron --arcs --check
  lattice loss samples/lecture-cut.yaml -g grammars/lecture-words.yaml \\
    --loss nll --json
"""


@click.command(cls=StrictCommand, help=_HELP)
@click.argument("graphs", metavar="GRAPH...", type=file_read, nargs=-1, required=True)
@click.option(
    "-t",
    "--target",
    "targets",
    metavar="TARGET",
    multiple=True,
    help="The correct answer. Labels with spaces between, or a word spelled in them; repeated for several that are all "
    "correct. Default: the target of each record.",
)
@decoder_options
@click.option(
    "--loss",
    "names",
    type=click.Choice((*LOSSES, "all")),
    metavar="NAME",
    multiple=True,
    default=("all",),
    show_default=True,
    help=f"Name of a loss: {', '.join(LOSSES)}; repeated for several, or all for a table.",
)
@click.option(
    "--beta", type=positive, default=1.0, show_default=True, help="Inverse temperature of free energies, in 1/nats."
)
@click.option(
    "--margin",
    type=not_negative,
    default=1.0,
    show_default=True,
    help="Margin m of the losses hinge and square-square.",
)
@click.option("--cap", type=positive, default=1.0, show_default=True, help="Cap M of the loss lvq2.")
@click.option("--gamma", type=positive, default=1.0, show_default=True, help="Factor gamma of the loss square-exp.")
@click.option(
    "--latent",
    type=click.Choice(LATENTS),
    help="Energy of an answer with several paths: that of the best (viterbi), or their free energy (forward). Default: "
    "forward for nll and mee, viterbi for the others, and mwer has none. By viterbi nll and mee are of the probability "
    "of the best correct path among all paths.",
)
@click.option(
    "--square-square",
    "square_square",
    type=click.Choice(["correct", "printed"]),
    default="correct",
    show_default=True,
    help="Sign of the second term of square-square. printed is the lecture's, which is wrong and pulls wrong answers "
    "down.",
)
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many beginnings of answers --latent forward may look at for the most offending answer.",
)
@click.option(
    "--nbest",
    metavar="N",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many best answers mwer is of where a graph has too many paths for all of them, which is said.",
)
@click.option("--check", is_flag=True, help="Compare gradients with finite differences; exit 4 where they differ.")
@click.option("--arcs/--no-arcs", default=None, help="Gradient of every arc. Default: in --json, and not as a table.")
@of_option
@input_options
@result_options
def loss(
    graphs: tuple[str, ...],
    targets: tuple[str, ...],
    decoder: options.DecoderOptions,
    names: tuple[str, ...],
    beta: float,
    margin: float,
    cap: float,
    gamma: float,
    latent: str | None,
    square_square: str,
    budget: int,
    nbest: int,
    check: bool,
    arcs: bool | None,
    side: str,
    reading: io.ReadOptions,
    run: RunOptions,
) -> int:
    """See the help above."""
    from lattice_cli.cli.stream import noting_grammars, require_one_stdin, require_rows_only, run_records
    from lattice_cli.learning.losses import RecordLosses, checked, evaluate, losses

    require_one_stdin(graphs, *decoder.files)
    require_rows_only(run, {"--arcs": bool(arcs)})
    through, reading = decoder.read(reading)
    decoder.require_side(side, through)
    settings = losses.Settings(margin, cap, gamma, beta, square_square == "printed")
    wanted = LOSSES if "all" in names else tuple(dict.fromkeys(names))
    _require_use(wanted, latent)
    chosen = [losses.LOSSES[name] for name in wanted]
    stream = any(path == "-" or path.removesuffix(".gz").endswith(".jsonl") for path in graphs)
    report = reports.LossReport(run, side, check, stream, run.as_json if arcs is None else arcs)

    own = list(targets) or None
    asked: dict[str, Any] = {"targets": own, "decoder": through, "latent": latent, "of": side, "budget": budget}
    evaluated = partial(evaluate, losses=chosen, settings=settings, nbest=nbest, **asked)
    solve = partial(_solved, evaluated=evaluated, of_record=partial(checked, of=side) if check else RecordLosses)
    status = run_records(graphs, reading, noting_grammars(graphs, decoder.grammars, solve), report, run, apart=check)
    if report.failed_checks:
        complain(f"{counted(report.failed_checks, 'gradient check')} failed")
    if report.failed_checks or report.failed_losses:
        status = max(status, CheckFailed.exit_status)
    return status


def _solved(
    documents: list[graph.Document], *_first: int, evaluated: Callable[..., Any], of_record: Callable[..., Any]
) -> list[Any]:
    """The losses of a batch as they are reported."""
    return [each if isinstance(each, LatticeError) else of_record(each) for each in evaluated(documents)]

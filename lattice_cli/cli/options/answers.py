"""Options of commands that search for answers: how many, within which limits, and what scores them."""

from __future__ import annotations

from typing import Any

import click

from lattice_cli import records
from lattice_cli.choices import MAX_STATES
from lattice_cli.cli.options.groups import Option, grouped
from lattice_cli.cli.options.parameter_types import Number, positive
from lattice_cli.errors import UsageError


def _request(
    beam: float | None, max_active: int | None, max_states: int | None, by: str, **asked: Any
) -> records.SearchRequest:
    if max_states is not None and (beam is not None or max_active is not None):
        raise UsageError("--max-states is that of an exact search; with --beam or --max-active there is none")
    by_sum = by == "sum"
    if asked["risk"] and (asked["n"] > 1 or asked["distinct"] or by_sum):
        raise UsageError("--mbr gives one answer, -n, --distinct and --by give the best ones by energy")
    limits: dict[str, Any] = {"beam": float("inf") if beam is None else beam, "max_active": max_active}
    limits |= {} if max_states is None else {"max_states": max_states}
    return records.SearchRequest(**asked, by_sum=by_sum, **limits)


request_options = grouped(
    "request",
    _request,
    click.option(
        "-n",
        "--nbest",
        "n",
        metavar="N",
        type=click.IntRange(min=1),
        default=1,
        help="How many of the best paths to find.",
    ),
    click.option("--distinct", is_flag=True, help="Best distinct answers (-n) instead of paths; exact."),
    click.option(
        "--by",
        type=click.Choice(["path", "sum"]),
        default="path",
        show_default=True,
        help="Rank by the best path, or answers by the sum over all of their paths: their free energies.",
    ),
    click.option(
        "--mbr",
        "risk",
        is_flag=True,
        help="The answer of least expected edit distance instead of least energy; without cycles.",
    ),
    click.option(
        "--confidence",
        "words",
        is_flag=True,
        help="Posteriors of the answer and of each of its labels; of labels only where there are no cycles.",
    ),
    click.option("--posteriors", is_flag=True, help="Posterior of each answer, over all of its paths."),
    click.option(
        "--beta",
        cls=Option,
        needs=("--confidence", "--mbr", "--posteriors", "--by"),
        type=positive,
        default=1.0,
        show_default=True,
        help="Inverse temperature of the posteriors, in 1/nats.",
    ),
    click.option(
        "--beam",
        metavar="NATS",
        type=positive,
        help="Drop what is that far above the best of its row of a matrix. Default: nothing, the search is exact.",
    ),
    click.option(
        "--max-active",
        metavar="N",
        type=click.IntRange(min=1),
        help="How many states a row of a matrix may have at most. Default: no limit.",
    ),
    click.option(
        "--max-states",
        metavar="N",
        type=click.IntRange(min=1),
        help="How many states an exact search of a matrix may follow before it says how far it came. Default: "
        f"{MAX_STATES:,}.",
    ),
)
#: Seconds: a day.
_LONGEST_ROW = 86_400.0
row_time_option = click.option(
    "--row-time",
    "--frame-time",
    "row_time",
    cls=Option,
    needs=("--confidence", "--to", "--times", "--arcs"),
    metavar="SECONDS",
    type=Number(min=0, min_open=True, max=_LONGEST_ROW),
    help="Seconds from row to row of a matrix, or frame to frame of a Kaldi lattice. Default: times are in these.",
)

"""The lagrangian command: chains of states with costs, and their multipliers."""

from __future__ import annotations

from functools import partial

import click

from lattice_cli import models
from lattice_cli.cli import reports, stream
from lattice_cli.cli.options import StrictCommand, encoding_option, file_read, result_options
from lattice_cli.errors import CheckFailed, NumericOverflow, UsageError
from lattice_cli.formats import io


@click.command(cls=StrictCommand)
@click.argument("chains", metavar="CHAIN...", type=file_read, nargs=-1, required=True)
@click.option(
    "--minimise",
    "steps",
    metavar="N",
    type=click.IntRange(min=1),
    help="Steps of L-BFGS at most over what the file has under learn; the table is that of the chain after them.",
)
@click.option("--check", is_flag=True, help="Compare gradients with finite differences; exit 4 where they differ.")
@encoding_option
@result_options
def lagrangian(
    chains: tuple[str, ...], steps: int | None, check: bool, encoding: str | None, run: stream.RunOptions
) -> int:
    """States z_{k+1} = f_k(z_k, w_k) of a CHAIN with costs C_k(z_k, y_k), and the multipliers that give all gradients.

    CHAIN is a YAML or JSON file: `state` (names and first values), `steps`, `f` (a formula for each state), `weights`
    and `targets` (a number, or one for each step), `cost` (a formula for `each` state, for the `end`, or both) and
    `learn` (weights and first states). Formulas have + - * / ^, exp log sqrt sin cos tanh sigmoid softplus relu abs min
    max, k, and start.NAME, the first value of a state.

    The Lagrangian is L = cost + sum lambda_{k+1} (f_k(z_k, w_k) - z_{k+1}). Where its derivatives by lambda and z are 0
    the states follow f, and the multipliers, computed backwards, are the derivatives of the cost by the states; those
    by w are the gradient. With z - f in place of f - z they would have the other sign. --check goes by differences.

    Examples:
      lattice lagrangian samples/oscillator.yaml
      lattice lagrangian samples/oscillator.yaml --minimise 50 --check
    """
    stream.require_one_stdin(chains)

    solve = stream.OneByOne(partial(_solved, steps=steps, check=check))
    report = reports.ChainReport(run, check, steps is not None)
    status = stream.run_records(chains, io.ReadOptions(encoding=encoding), solve, report, run, models.split_chains)
    return max(status, CheckFailed.exit_status) if report.failed else status


def _solved(record: models.ChainFile, steps: int | None, check: bool) -> reports.ChainResult:
    """The states and multipliers of a chain. Raises UsageError, NumericOverflow."""
    from lattice_cli.learning.chains import NotFinite, checked, fitted, solved

    if steps is not None and not record.learned:
        raise UsageError(f"{record.source}: learn has no weights and no states, which --minimise could change")
    try:
        fit = None if steps is None else fitted(record.chain, record.learned, steps)
        at = solved(record.chain) if fit is None else fit.found
        everything = (*record.chain.weights, *record.chain.states)
        return reports.ChainResult(at, everything, fit, checked(at, everything) if check else None)
    except NotFinite as error:
        raise NumericOverflow(f"{record.source}: no finite value or slope of {error}") from None

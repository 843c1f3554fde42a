"""Trainings over a grid of values, from the command line: a bar, a table of what became of them, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lattice_cli.cli.terminal import GrowingTable, complain, console, say, write_json
from lattice_cli.cli.terminal.progress import progress
from lattice_cli.errors import LatticeError, counted
from lattice_cli.executors import Place
from lattice_cli.formats import read_config
from lattice_cli.learning.training import Epoch, TrainConfig
from lattice_cli.models import GridRow, grid_points, train_grid

#: What an epoch has, and what it is called in the table.
_FIGURES = {
    "loss": "loss",
    "nll": "nll",
    "validation_loss": "valid. loss",
    "label_error": "label error",
    "exact": "exact",
}


def run_grid(
    path: str,
    folder: str,
    overrides: Sequence[str],
    grid: Sequence[str],
    resume: bool,
    restart: bool,
    as_json: bool,
    color: str,
    place: Place,
) -> int:
    """Train at every point of a grid; the exit status: that of the first training that failed. Raises LatticeError."""
    config = read_config(TrainConfig, path, overrides)
    points = grid_points(config, grid, folder)
    with progress(0.0) as bar:

        def told(row: GridRow, done: int) -> None:
            bar.update(done / len(points), f"{done} of {counted(len(points), 'training')}", row.point.name)
            with bar.aside():
                for note in [*row.notes, *(["done already"] if row.before else [])]:
                    complain(f"{row.point.name}: {note}")

        rows = train_grid(path, config, overrides, points, place, resume=resume, restart=restart, told=told)
    best = rows[0] if rows[0].error is None else None
    if as_json:
        for row in rows:
            write_json(_object(row))
        write_json({"status": "ok" if best else "error", "model": best.point.output if best else None})
    else:
        _show(rows, best, color)
    failed = [row.error for row in rows if row.error is not None]
    return _status(failed[0]) if failed else 0


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _status(error: Exception) -> int:
    return error.exit_status if isinstance(error, LatticeError) else 1


def _object(row: GridRow) -> dict[str, Any]:
    told: dict[str, Any] = {"values": row.point.values, "model": row.point.output}
    if row.error is not None:
        status = row.error.status if isinstance(row.error, LatticeError) else "error"
        return {"status": status, **told, "error": _why(row.error)}
    figures = _known(row.kept)
    return {
        "status": "ok",
        **told,
        "epochs": row.epochs,
        "best_epoch": row.kept.number if row.kept else 0,
        **figures,
        "ended": row.ended,
    }


def _known(epoch: Epoch | None) -> dict[str, float]:
    known = {} if epoch is None else epoch.known()
    return {name: known[name] for name in _FIGURES if name in known}


def _show(rows: Sequence[GridRow], best: GridRow | None, color: str) -> None:
    """A table, the best row first, and its model."""
    keys = list(rows[0].point.values)
    lasts = [key.rsplit(".", 1)[-1] for key in keys]
    short = [last if lasts.count(last) == 1 else key for key, last in zip(keys, lasts)]
    figures = [name for name in _FIGURES if any(name in _known(row.kept) for row in rows)]
    columns = [(name, "text") for name in short]
    columns += [("epoch", "number"), *((_FIGURES[name], "number") for name in figures), ("", "text")]
    out = console(color, True)
    table = GrowingTable(out, columns)
    for row in rows:
        known = _known(row.kept)
        cells = [f"{known[name]:.4f}" if name in known else "" for name in figures]
        epoch = "" if row.kept is None else f"{row.kept.number} of {row.epochs}"
        last = "*" if row is best else "" if row.error is None else "failed"
        table.add(*row.point.values.values(), epoch, *cells, last, fault=row.error is not None)
    table.flush()
    for row in rows:
        if row.error is not None:
            say(out, f"failed: {row.point.name}: {_why(row.error)}")
    if best is not None:
        say(out, f"best: {best.point.output}")

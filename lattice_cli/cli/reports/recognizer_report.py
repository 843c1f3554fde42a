"""What `recognize --check` tells of a recogniser, record by record."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lattice_cli.cli.reports.fields import TableReport, small
from lattice_cli.cli.stream.run_options import RunOptions
from lattice_cli.cli.terminal.json_lines import write_json
from lattice_cli.cli.terminal.tables import number
from lattice_cli.errors import CheckFailed
from lattice_cli.graph import Document
from lattice_cli.learning.recognizers import RecognizerCheck

_COLUMNS = ("rows", "gradient", "difference", "states kept", "adjoint", "residual", "iterations", "radius")


def check_report(run: RunOptions) -> Any:
    """Where checks go; one that does not hold is an error of its record, after it has been shown."""
    return _Lines() if run.as_json else _CheckTable(run.color)


def _require_held(found: RecognizerCheck) -> None:
    if found.failed:
        raise CheckFailed(f"the gradient by the weights is off by {found.error:.3g} of what differences say")


def _record(document: Document, found: RecognizerCheck) -> dict[str, Any]:
    line: dict[str, Any] = {"id": document.id, "status": "failed" if found.failed else "ok", "rows": found.rows}
    line |= {"gradient": found.gradient, "difference": found.error}
    if found.adjoint is not None:
        line["adjoint"] = asdict(found.adjoint)
    if found.fixed_point is not None:
        line["fixed_point"] = asdict(found.fixed_point)
    return line


class _Lines:
    """A JSON object a record."""

    def show(self, document: Document, result: RecognizerCheck) -> None:
        """The line of one record, whether it held or not."""
        write_json(_record(document, result))
        _require_held(result)

    def fail(self, record: Any, error: Any) -> None:
        """A line for what could not be checked; a check that did not hold has its line."""
        if not isinstance(error, CheckFailed):
            write_json({"id": record.id, "status": error.status, "message": str(error)})

    def finish(self) -> None:
        """Nothing is kept back."""


class _CheckTable(TableReport):
    """A row a record; what a recogniser does not have is left empty."""

    def __init__(self, color: str) -> None:
        super().__init__(color, [("id", "text"), *((name, "number") for name in _COLUMNS)])

    def show(self, document: Document, result: RecognizerCheck) -> None:
        """The row of one record."""
        adjoint, solved = result.adjoint, result.fixed_point
        cells = [str(result.rows), number(result.gradient), small(result.error, 1e-7)]
        cells += ["", ""] if adjoint is None else [f"{adjoint.kept} of {adjoint.of}", number(adjoint.continuous)]
        if solved is None:
            cells += ["", "", ""]
        else:
            steps = f"{solved.iterations} + {solved.further}" if solved.further else str(solved.iterations)
            cells += [number(solved.residual), steps, number(solved.radius)]
        self.rows.add(document.id, *cells)
        _require_held(result)

    def fail(self, record: Any, error: Any) -> None:
        if not isinstance(error, CheckFailed):
            super().fail(record, error)

"""What becomes of outcomes: shown or said, and the exit status that is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lattice_cli.cli.stream.report import Item, Outcome, Report
from lattice_cli.cli.stream.run_options import RunOptions
from lattice_cli.cli.stream.work import error_at
from lattice_cli.cli.terminal.standard_streams import complain
from lattice_cli.errors import LatticeError, NoPath
from lattice_cli.formats.io import brief


@dataclass
class Tally:
    """status: the worst so far. records, failed: how many."""

    report: Report
    run: RunOptions
    status: int = 0
    records: int = 0
    failed: int = 0

    def take(self, batch: Sequence[Outcome]) -> int | None:
        """Show the results of a batch, say what failed; the number of the input at which all ends, None to go on."""
        for number, record, outcome in batch:
            self.records += 1
            error = _shown(record, outcome, self.report)
            if error is None:
                continue
            self.failed += 1
            if not (self.run.no_path_ok and isinstance(error, NoPath)):
                self.status = max(self.status, error.exit_status)
            self.report.fail(record, error)
            complain(_located(str(error), record.id), error)
            if not (self.run.keep_going or isinstance(error, NoPath)):
                return number
        return None

    def say(self) -> None:
        """How many failed, if there were others."""
        if self.failed and self.records > 1:
            complain(f"{self.failed} of {self.records} records failed")


def _located(message: str, record_id: str) -> str:
    """A message with the record's id before it, unless it has that by itself, or names the file that the id is of."""
    file = record_id.rpartition(":")[0] if record_id.rpartition(":")[2].isdigit() else record_id
    said = message.startswith(f"{'standard input' if file == '-' else file}:") or brief(record_id) in message
    return message if said else f"{record_id}: {message}"


def _shown(record: Item, outcome: Any, report: Report) -> LatticeError | None:
    """Show the record's result, or give the error that stands in its place."""
    if isinstance(outcome, LatticeError):
        return outcome
    try:
        report.show(record, outcome)
    except Exception as error:
        return error_at(error, record)
    return None

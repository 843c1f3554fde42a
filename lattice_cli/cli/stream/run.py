"""Records through a command: read, solve in batches, report in order, and end with the status that is due."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from lattice_cli.cli.stream.outcomes import outcomes_of
from lattice_cli.cli.stream.report import Outcome, Read, Report, Solve
from lattice_cli.cli.stream.run_options import RunOptions
from lattice_cli.cli.stream.share_read import ShareRead
from lattice_cli.cli.stream.tally import Tally
from lattice_cli.cli.stream.work import Made, Work
from lattice_cli.cli.terminal.notes_said import say_notes
from lattice_cli.cli.terminal.progress import progress
from lattice_cli.cli.terminal.standard_streams import complain
from lattice_cli.errors import NoPath, UsageError, counted
from lattice_cli.formats import split_records
from lattice_cli.formats.io import ReadOptions


def require_one_stdin(paths: Sequence[str], *others: str | None) -> None:
    """Standard input can be read once. Raises UsageError if it is asked for twice."""
    if [*paths, *others].count("-") > 1:
        raise UsageError("standard input (-) is given twice, but can be read once")


def require_rows_only(run: RunOptions, tables: Mapping[str, bool]) -> None:
    """Columns between tabs have a row a result. Raises UsageError for further tables that are asked for."""
    asked = [option for option, wanted in tables.items() if wanted]
    if asked and run.form not in ("table", "json"):
        raise UsageError(f"{asked[0]} gives a table of its own, which --tsv has no place for; --json has it")


def run_records(
    paths: Sequence[str],
    options: ReadOptions,
    solve: Solve,
    report: Report,
    run: RunOptions,
    read: Read = split_records,
    apart: bool = False,
    made: Made | None = None,
) -> int:
    """Read every record, solve them batch by batch, report them in order; the exit status.

    solve gives a result, or the error it ends in, for each document of a batch; or raises: then the documents are
    solved one by one, so that the fault of one does not touch the others. A record without a path is a result, and the
    stream goes on; any other error ends it unless run.keep_going, and how many inputs were not read is said. The worst
    status counts, that of records without a path only unless run.no_path_ok. run.place: where records are parsed and
    solved; what is reported, and in which order, does not depend on it. apart: a record takes long, or draws random
    numbers of its own: processes solve record after record, and solve is told as well the number in the stream of the
    first of its documents, among those that could be read. made: what becomes of records before they are solved, in the
    process that parses them.
    """
    tally = Tally(report, run)
    work = Work(solve, report, apart, made or iter)
    if run.shards is not None:
        from lattice_cli.cli.stream.shards import run_shards

        return run_shards(paths, options, work, read, run, run.shards)
    paths = run.part.own(paths)
    share = ShareRead(paths)
    say_notes()  # of grammars; processes that are forked now would send them again
    # Processes are started before the bar, which has a thread of its own.
    with (
        closing(outcomes_of(paths, options, work, read, run.place, share)) as outcomes,
        progress() as bar,
    ):
        for batch, reached in outcomes:
            with bar.aside():
                say_notes()
                if (number := tally.take(batch)) is not None:
                    report.finish()
                    _say_unread(number, len(paths))
                    return tally.status
                sys.stdout.flush()
            bar.update(reached, *_progress(tally.records, batch, len(paths), bar.seconds))
    report.finish()
    tally.say()
    return tally.status


def write_records(
    paths: Sequence[str], options: ReadOptions, solve: Solve, report: Any, run: RunOptions, read: Read = split_records
) -> int:
    """The same for a report that writes a file at the end: one for the whole stream is not replaced by a part of it."""
    status = run_records(paths, options, solve, report, run, read)
    if run.keep_going or status <= NoPath.exit_status:
        report.write()
    return status


def _progress(records: int, batch: Sequence[Outcome], inputs: int, seconds: float) -> Iterator[str]:
    """What is said beside the bar, the most important first."""
    yield counted(records, "record") if records < 1000 else f"{records:,} records"
    if batch and inputs > 1:
        yield f"input {batch[-1][0]:,} of {inputs:,}"
    rate = records / seconds
    yield f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.2g} a second"


def _say_unread(number: int, inputs: int) -> None:
    """What is left of the inputs when a stream ends at a record of this one."""
    if left := inputs - number:
        were = "was" if left == 1 else "were"
        complain(f"stopped at the {_ordinal(number)} of {inputs} inputs; {left} {were} not read (--keep-going goes on)")


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"

"""Records through a command: read, solve in batches, report in order, and end with the status that is due."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from lattice_cli.cli.stream.report import Item, Outcome, Read, Report, Solve
from lattice_cli.cli.stream.run_options import RunOptions
from lattice_cli.cli.stream.share_read import ShareRead
from lattice_cli.cli.stream.work import BATCH_RECORDS, Made, Task, Work, batches, elsewhere, error_at, salvaged
from lattice_cli.cli.terminal.notes_said import say_notes
from lattice_cli.cli.terminal.progress import progress
from lattice_cli.cli.terminal.standard_streams import complain
from lattice_cli.errors import LatticeError, NoPath, UsageError, counted
from lattice_cli.executors import Place, Workers, in_order
from lattice_cli.formats import split_records
from lattice_cli.formats.io import Failure, Pause, ReadOptions, brief, parsed, take_up


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
    status = records = failed = 0
    share, work = ShareRead(paths), Work(solve, report, apart, made or iter)
    say_notes()  # of grammars; processes that are forked now would send them again
    # Processes are started before the bar, which has a thread of its own.
    with (
        closing(_outcomes(paths, options, work, read, run.place, share)) as outcomes,
        progress() as bar,
    ):
        for batch, reached in outcomes:
            with bar.aside():
                say_notes()
                for number, record, outcome in batch:
                    records += 1
                    error = _shown(record, outcome, report)
                    if error is None:
                        continue
                    failed += 1
                    if not (run.no_path_ok and isinstance(error, NoPath)):
                        status = max(status, error.exit_status)
                    report.fail(record, error)
                    complain(_located(str(error), record.id), error)
                    if not (run.keep_going or isinstance(error, NoPath)):
                        report.finish()
                        _say_unread(number, len(paths))
                        return status
                sys.stdout.flush()
            bar.update(reached, *_progress(records, batch, len(paths), bar.seconds))
    report.finish()
    if failed and records > 1:
        complain(f"{failed} of {records} records failed")
    return status


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


def _outcomes(
    paths: Sequence[str], options: ReadOptions, work: Work, read: Read, place: Place, share: ShareRead
) -> Generator[tuple[list[Outcome], float | None], None, None]:
    """The outcomes of all records in order, batch by batch, with the share of the inputs that is behind them."""
    most = 1 if work.apart and not place.here else BATCH_RECORDS

    def _read(path: str) -> Iterator[Any]:
        try:
            yield from read(path, options)
        except LatticeError:
            raise
        except Exception as error:  # what nobody has foreseen ends this input, and no other
            yield Failure.of(path, error)

    def parts() -> Iterator[tuple[int, Any]]:
        # Records have to be known to be numbered, or given away one by one: else it is for the processes to parse.
        for number, path in enumerate(paths, 1):
            found = _read(path)
            for part in share.counted(number, work.made(parsed(found)) if work.apart or place.here else found):
                # What has arrived is not kept waiting; in a file all of it has.
                if path == "-" or not isinstance(part, Pause):
                    yield number, part

    # Tasks are made before their turn, but their outcomes come in the order in which they were made.
    behind: deque[float | None] = deque()

    def tasks() -> Iterator[Task]:
        for task in _numbered(batches(parts(), most)):
            behind.append(share.share)
            yield task

    if place.here:
        yield from ((work.outcomes(task), behind.popleft()) for task in tasks())
        return
    workers = Workers(place, work)
    if workers.note is not None:
        complain(workers.note, says="note")
    for batch, notes in in_order(workers, elsewhere, tasks(), salvaged, _stdin(paths)):
        take_up(notes)
        yield batch, behind.popleft()


def _numbered(batches: Iterator[list[tuple[int, Any]]]) -> Iterator[Task]:
    """Each batch with the number of its first record, of those that could be read."""
    first = 0
    for batch in batches:
        yield first, batch
        first += sum(not isinstance(record, Failure) for _, record in batch)


def _stdin(paths: Sequence[str]) -> int | None:
    """The file number of standard input, if that is read and has one."""
    try:
        return sys.stdin.fileno() if "-" in paths else None
    except (AttributeError, ValueError):  # closed, or no file at all
        return None


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

"""Records through a command: read, solve in batches, report in order, and end with the status that is due."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

from lattice_cli.cli.tables import progress
from lattice_cli.errors import Diverged, LatticeError, NoPath, UsageError
from lattice_cli.formats.options import ReadOptions
from lattice_cli.formats.reading import Failure, Pause, read_records
from lattice_cli.formats.results import Answered
from lattice_cli.formats.values import printable
from lattice_cli.graph.document import Document, Inputs

#: A batch is swept as one union; it is full at this many arcs or records.
_BATCH_ARCS = 100_000
_BATCH_RECORDS = 200


#: What streams are made of; only evaluate reads answers, and only recognize inputs.
Item: TypeAlias = Document | Inputs | Answered | Failure
Read: TypeAlias = Callable[[str, ReadOptions], Iterator[Item | Pause]]


class Report(Protocol):
    """Where results go."""

    def show(self, document: Any, result: Any) -> None:
        """One result. May raise a LatticeError for a result that is none."""

    def fail(self, record: Item, error: LatticeError) -> None:
        """A record without a result."""

    def finish(self) -> None:
        """Everything that was kept back."""


def require_side(side: str, grammar: str | None) -> None:
    """Raises UsageError where the grammar's arcs are asked for and there is no grammar."""
    if side == "grammar" and grammar is None:
        raise UsageError("--of grammar needs a grammar (-g GRAMMAR)")


def require_one_stdin(paths: Sequence[str], *others: str | None) -> None:
    """Standard input can be read once. Raises UsageError if it is asked for twice."""
    if [*paths, *others].count("-") > 1:
        raise UsageError("standard input (-) is given twice, but can be read once")


def run_records(
    paths: Sequence[str],
    options: ReadOptions,
    solve: Callable[[list[Any]], Sequence[Any]],
    report: Report,
    keep_going: bool,
    read: Read = read_records,
) -> int:
    """Read every record, solve them batch by batch, report them in order; the exit status.

    solve gives a result, or the error it ends in, for each document of a batch; or raises: then the documents are
    solved one by one, so that the fault of one does not touch the others. A record without a path is a result, and the
    stream goes on; any other error ends it unless keep_going. The worst status counts.
    """
    status = records = failed = 0
    with progress(None if "-" in paths else len(paths), "records") as advance:
        for batch in _batches(paths, options, read):
            results = iter(_solved([record for record in batch if not isinstance(record, Failure)], solve))
            for record in batch:
                records += 1
                error = _shown(record, results, report)
                if error is None:
                    continue
                failed += 1
                status = max(status, error.exit_status)
                report.fail(record, error)
                _say(error, record)
                if not (keep_going or isinstance(error, NoPath)):
                    report.finish()
                    return status
            sys.stdout.flush()
            advance(len(batch))
    report.finish()
    if failed and records > 1:
        print(f"lattice: {failed} of {records} records failed", file=sys.stderr)
    return status


def _say(error: LatticeError, record: Item) -> None:
    """The message on standard error, behind all output so far."""
    sys.stdout.flush()
    located = str(error) if isinstance(record, Failure) else f"{record.id}: {error}"
    print(f"lattice: {printable(located)}", file=sys.stderr)


def _shown(record: Item, results: Iterator[Any], report: Report) -> LatticeError | None:
    """Show the record's result, or give the error that stands in its place."""
    if isinstance(record, Failure):
        return record.error
    result = next(results)
    if isinstance(result, LatticeError):
        return result
    try:
        report.show(record, result)
    except LatticeError as error:
        return error
    return None


def _solved(documents: list[Document | Inputs | Answered], solve: Callable[[list[Any]], Sequence[Any]]) -> list[Any]:
    """A result or an error for each record."""
    if not documents:
        return []
    try:
        return list(solve(documents))
    except LatticeError as error:
        if len(documents) == 1:
            only = documents[0]
            return [error.at(only.names) if isinstance(error, Diverged) and isinstance(only, Document) else error]
    return [result for document in documents for result in _solved([document], solve)]


def _batches(paths: Sequence[str], options: ReadOptions, read: Read) -> Iterator[list[Item]]:
    """Records in groups that are worth a sweep; what has arrived is never kept waiting for more."""
    batch: list[Item] = []
    arcs = 0
    for path in paths:
        for record in read(path, options):
            if isinstance(record, Pause):
                if batch and path == "-":
                    yield batch
                    batch, arcs = [], 0
                continue
            batch.append(record)
            arcs += record.graph.arcs if isinstance(record, Document) else 0
            if arcs >= _BATCH_ARCS or len(batch) >= _BATCH_RECORDS:
                yield batch
                batch, arcs = [], 0
    if batch:
        yield batch

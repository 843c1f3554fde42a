"""What evaluate reads: answers or graphs, each with its reference, and all of them together at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from lattice_cli.analysis import Answers, Assessed
from lattice_cli.cli.stream import Item, RunOptions, run_records
from lattice_cli.cli.terminal import complain
from lattice_cli.errors import FormatError, LatticeError, UsageError, counted, listed
from lattice_cli.formats import Answered, References, read_results
from lattice_cli.formats.io import Failure, Pause, ReadOptions
from lattice_cli.grammars import Spelling, spelling_of, together
from lattice_cli.graph import Document, last_of, parts_of


class Reader:
    """Reads records and gives each its reference as its target."""

    def __init__(self, references: References | None, needs_graphs: Sequence[str], needs_confidence: bool) -> None:
        """references: None: each record has its own. needs_graphs: options that were given and that only graphs have a
        use for. without: ids of records without a reference, which are left out."""
        self._references = references
        self._needs_graphs, self._needs_confidence = needs_graphs, needs_confidence
        self._records = 0
        self.without: list[str] = []

    def __call__(self, path: str, options: ReadOptions) -> Iterator[Item | Pause]:
        """The records of a file that have a reference, or could not be read. Raises UsageError."""
        for record in read_results(path, options):
            if isinstance(record, Pause):
                yield record
            elif isinstance(record, Failure):
                if self._references is not None:
                    self._references.failed(record.id)
                yield record
            else:
                if isinstance(record, Answered):
                    self._require(record)
                yield from self._with_reference(record)

    def _with_reference(self, record: Document | Answered) -> Iterator[Item]:
        self._records += 1
        target = record.target
        try:
            if self._references is not None:
                target = self._references.of(record.id, record.source)
        except FormatError as error:
            yield Failure(record.id, error)
            return
        if target is None:
            self.without.append(record.id)
        else:
            yield replace(record, target=target)

    def missing(self) -> list[FormatError]:
        """What is wrong at the end: records without a reference, references without a record, all of a kind at once."""
        found = []
        if self.without:
            expected = 'expected "target" in each record, or -r REFERENCES'
            if self._references is not None:
                expected = self._references.expected
            count = f"{len(self.without)} of {counted(self._records, 'record')}"
            have = "has" if len(self.without) == 1 else "have"
            found.append(FormatError(f"{count} {have} no reference: {listed(self.without)} ({expected})"))
        unused = [] if self._references is None else self._references.unused()
        if unused:
            found.append(FormatError(f"{counted(len(unused), 'reference')} without a record: {listed(unused)}"))
        return found

    def _require(self, record: Answered) -> None:
        """Raises UsageError for an option that these results cannot serve."""
        if self._needs_graphs:
            options = ", ".join(self._needs_graphs)
            raise UsageError(f"{record.source}: holds answers, but {options} can only be used on graphs")
        if self._needs_confidence and record.answers and record.confidence is None:
            raise UsageError(
                f"{record.source}: rejecting needs a confidence, and there is none: evaluate the graphs themselves, or "
                'give the path or the record a "confidence"'
            )


class Collected:
    """All answers with their references. How texts split into labels is decided for all of them, so they wait."""

    def __init__(self, split: str) -> None:
        """split: what the user says of it, a kind of Spelling or auto."""
        self.failures: list[tuple[str, LatticeError]] = []
        self.assessed: list[Assessed] = []
        self._split = split

    def show(self, record: Document | Answered, assessed: Assessed) -> None:
        """One record."""
        self.assessed.append(assessed)

    def fail(self, record: Item, error: LatticeError) -> None:
        """A record that is left out."""
        self.failures.append((record.id, error))

    def without_reference(self, ids: Sequence[str]) -> None:
        """Records that are left out as well."""
        self.failures += [(record_id, FormatError("no reference")) for record_id in ids]

    def finish(self) -> None:
        """The figures are made by the command."""

    @cached_property
    def spelling(self) -> Spelling:
        """How the records spell words."""
        given = [right for each in self.assessed for right in parts_of(last_of(each.reference))]
        listed = {label for right in given if isinstance(right, tuple) for label in right}
        if self._split != "auto":
            seen = {label for each in self.assessed for answer in each.answers for label in answer}
            return spelling_of(frozenset(listed | seen), self._split)
        found = [each.spelling for each in self.assessed if each.spelling is not None]
        return together([*found, spelling_of(frozenset(listed))] if listed else found)

    def records(self) -> list[Answers]:
        """All records, their references as labels."""
        return [each.read(self.spelling) for each in self.assessed]


def read_all(
    paths: Sequence[str],
    reading: ReadOptions,
    solve: Callable[[list[Any]], Sequence[Any]],
    collected: Collected,
    run: RunOptions,
    reader: Reader,
    made: Callable[[Iterator[Any]], Iterator[Any]] | None = None,
) -> tuple[int, bool]:
    """Read all records with their references; the exit status so far, and whether to go on with what there is. made:
    see run_records."""
    status = run_records(paths, reading, solve, collected, run, reader, made=made)
    if not status or run.keep_going:
        for error in reader.missing():
            status = max(status, error.exit_status)
            complain(str(error))
        collected.without_reference(reader.without)
    return status, (not status or run.keep_going) and bool(collected.assessed)


def solver(assess: Callable[[list[Document]], list[Assessed]]) -> Callable[[list[Any]], list[Assessed]]:
    """What assesses a batch: graphs are decoded, answers are taken as they are."""

    return partial(_assessed, assess=assess)


def _assessed(batch: list[Any], assess: Callable[[list[Document]], list[Assessed]]) -> list[Assessed]:
    decoded = iter(assess([record for record in batch if isinstance(record, Document)]))
    return [
        next(decoded)
        if isinstance(record, Document)
        else Assessed(record.id, record.target, record.answers, record.confidence, record.spelling)
        for record in batch
    ]

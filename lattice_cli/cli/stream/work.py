"""What is done with the records of a stream, in this process or in others: parsed, solved in batches, made ready.

All of it can be pickled, since it is sent to processes that may be on other machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lattice_cli.cli.stream.report import Item, Outcome, Report, Solve, prepared
from lattice_cli.errors import Diverged, LatticeError, WorkerLost, error_of
from lattice_cli.formats.io import Failure, Note, Pause, RawPart, Reached, fresh_notes, note, parsed, record_place
from lattice_cli.formats.native import ModelFile
from lattice_cli.graph import Document

#: A batch is swept as one union; it is full at this many arcs or records.
_BATCH_ARCS = 100_000
BATCH_RECORDS = 200
#: A batch that is not parsed yet is full at this many bytes: some 100,000 arcs in columns.
_BATCH_BYTES = 3_000_000
#: The number of the first record of a batch, of those that could be read, and the batch: numbers of inputs with records
#: or parts of them.
Task: TypeAlias = "tuple[int, list[tuple[int, Any]]]"
#: The records of an input -> others in their place.
Made: TypeAlias = Callable[[Iterator[Any]], Iterator[Any]]


@dataclass(frozen=True)
class Work:
    """solve, apart, made: see `run_records`. report: makes results ready to be shown."""

    solve: Solve
    report: Report
    apart: bool = False
    made: Made = iter

    def records(self, task: Task) -> Iterator[tuple[int, Any]]:
        """The records of a batch that may not be parsed yet, with the numbers of their inputs."""
        if self.apart:
            yield from task[1]
            return
        for number, part in task[1]:
            for record in self.made(parsed(iter([part]))):
                if not isinstance(record, Pause):
                    yield number, record

    def outcomes(self, task: Task) -> list[Outcome]:
        """The outcome of each record of a batch that is parsed."""
        first, batch = task
        results = iter(self._solved(first, [record for _, record in batch if not isinstance(record, Failure)]))
        return [(number, record, self._outcome(record, results)) for number, record in batch]

    def _outcome(self, record: Item, results: Iterator[Any]) -> Any:
        if isinstance(record, Failure):
            return record.error
        result = next(results)
        if isinstance(result, LatticeError):
            return result
        try:
            return prepared(self.report, record, result)
        except Exception as error:
            return error_at(error, record)

    def _solved(self, first: int, documents: list[Any]) -> list[Any]:
        """A result or an error for each record."""
        if not documents:
            return []
        try:
            return list(self.solve(documents, first) if self.apart else self.solve(documents))
        except Exception as error:
            if len(documents) == 1:
                only, found = documents[0], error_at(error, documents[0])
                return [found.at(only.names) if isinstance(found, Diverged) and isinstance(only, Document) else found]
        return [
            result for number, document in enumerate(documents, first) for result in self._solved(number, [document])
        ]


def elsewhere(work: Work, task: Task) -> tuple[list[Outcome], list[Note]]:
    """The outcomes of a batch, of records without their arrays, and what readers noted: in another process."""
    return _done(work, task[0], work.records(task))


def _done(work: Work, first: int, records: Iterator[tuple[int, Any]]) -> tuple[list[Outcome], list[Note]]:
    found = []
    for batch in batches(records):
        found += [(number, outlined(record), result) for number, record, result in work.outcomes((first, batch))]
    return found, fresh_notes()


def _outlines(work: Work, task: Task) -> list[tuple[int, Item]]:
    """The records of a batch without their arrays."""
    found = [(number, outlined(record)) for number, record in work.records(task)]
    fresh_notes()
    return found


def _of_some(work: Work, given: tuple[Task, int, int]) -> tuple[list[Outcome], list[Note]]:
    """As `elsewhere`, of the records from one number to another."""
    task, low, high = given
    records = [each for number, each in enumerate(work.records(task)) if low <= number < high]
    return _done(work, task[0] + low, iter(records))


def salvaged(task: Task, attempt: Callable[[Callable[..., Any], Any], Any]) -> tuple[list[Outcome], list[Note]]:
    """The outcomes of a batch that ended each process that it was given to: but for some of its records it does not."""
    first, parts = task
    if len(parts) > 1:
        each = [salvaged((first, [part]), attempt) for part in parts]
        return [outcome for outcomes, _ in each for outcome in outcomes], [note for _, notes in each for note in notes]
    told = attempt(_outlines, task)
    if told is None:
        number, part = parts[0]
        source = getattr(part, "path", None) or part.source
        return [(number, Failure(source, _ended("a part of it")), _ended("a part of it"))], []
    outcomes: list[Outcome] = []
    notes: list[Note] = []
    ranges = [(0, len(told))]
    while ranges:
        low, high = ranges.pop()
        found = attempt(_of_some, (task, low, high))
        if found is not None:
            outcomes += found[0]
            notes += found[1]
        elif high - low == 1:
            outcomes.append((*told[low], _ended("it")))
        else:
            middle = (low + high) // 2
            ranges += [(middle, high), (low, middle)]
    return outcomes, notes


def _ended(what: str) -> WorkerLost:
    return WorkerLost(f"each process that works on {what} ends: killed for want of memory, or by a fault in a library?")


def outlined(record: Item) -> Item:
    """A record without its arrays, which its result does not need any more: it has to go from process to process."""
    return record.outline() if isinstance(record, (Document, ModelFile)) else record


def error_at(error: Exception, record: Item) -> LatticeError:
    """What a record ends in. Raises what is not for a record to end in."""
    return error_of(error, record_place(record.id, getattr(record, "source", "")))


def batches(items: Iterable[tuple[int, Any]], most: int = BATCH_RECORDS) -> Iterator[list[tuple[int, Any]]]:
    """Records, or parts of inputs, in groups that are worth a sweep; what has arrived is never kept waiting."""
    batch: list[tuple[int, Any]] = []
    fill = 0.0
    for item in items:
        record = item[1]
        if isinstance(record, Pause):
            if batch and not isinstance(record, Reached):
                yield batch
                batch, fill = [], 0.0
            continue
        batch.append(item)
        if isinstance(record, Document):
            fill += record.graph.arcs / _BATCH_ARCS
        elif isinstance(record, RawPart):
            fill += record.size / _BATCH_BYTES
        if fill >= 1.0 or len(batch) >= most:
            yield batch
            batch, fill = [], 0.0
    if batch:
        yield batch


@dataclass(frozen=True)
class OneByOne:
    """Solves records one by one, where they have nothing in common. one: of a record, or of a record and its number in
    the stream; what it raises is the record's own."""

    one: Callable[..., Any]

    def __call__(self, documents: Sequence[Any], *first: int) -> list[Any]:
        """A result or an error for each."""
        return [self._of(document, *(number + start for start in first)) for number, document in enumerate(documents)]

    def _of(self, document: Any, *number: int) -> Any:
        try:
            return self.one(document, *number)
        except Diverged as error:
            return error.at(document.names) if isinstance(document, Document) else error
        except LatticeError as error:
            return error


#: Forms that hold grammars, which are sound graphs as well, but seldom meant as records.
_GRAMMARS = ("words", "dict", "arpa", "jsgf", "fsg")


@dataclass(frozen=True)
class _Noting:
    """Solves, and notes what looks like a grammar among the records."""

    solve: Solve

    def __call__(self, documents: Sequence[Any], *first: int) -> Sequence[Any]:
        graphs = [each for each in documents if isinstance(each, Document)]
        alike = [each for each in graphs if each.form in _GRAMMARS or not each.graph.energy.any()]
        if 0 < len(alike) < len(graphs):
            note(alike[0].source, "a grammar among the records? -g FILE composes the others with it")
        return self.solve(documents, *first)


def noting_grammars(paths: Sequence[str], grammars: Sequence[str], solve: Solve) -> Solve:
    """The same, and a note on a record that, among others and without a grammar, looks as if it were meant as one."""
    return solve if grammars or len(paths) < 2 else _Noting(solve)

"""What evaluate reads: answers or graphs, each with its reference, and all of them together at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from lattice_cli.analysis import Answers, Labels
from lattice_cli.cli.stream import Item
from lattice_cli.errors import FormatError, LatticeError, UsageError
from lattice_cli.formats import Answered, Reference, References, read_results
from lattice_cli.formats.io import Failure, Pause, ReadOptions
from lattice_cli.graph import Document
from lattice_cli.records import reference_labels


class Reader:
    """Reads records and gives each its reference as its target."""

    def __init__(self, references: References | None, needs_graphs: Sequence[str], needs_confidence: bool) -> None:
        """references: None: each record has its own. needs_graphs: options that were given and that only graphs have a
        use for."""
        self._references = references
        self._needs_graphs, self._needs_confidence = needs_graphs, needs_confidence

    def __call__(self, path: str, options: ReadOptions) -> Iterator[Item | Pause]:
        """The records of a file; one without a reference is a Failure. Raises UsageError."""
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
                yield self._with_reference(record)

    def _with_reference(self, record: Document | Answered) -> Item:
        try:
            if self._references is not None:
                return replace(record, target=self._references.of(record.id, record.source))
            if record.target is None:
                raise FormatError(f'{record.source}: no "target", expected one in each record, or -r REFERENCES')
        except FormatError as error:
            return Failure(record.id, error)
        return record

    def _require(self, record: Answered) -> None:
        """Raises UsageError for an option that these results cannot serve."""
        if self._needs_graphs:
            options = ", ".join(self._needs_graphs)
            raise UsageError(f"{record.source}: holds answers, but {options} can only be used on graphs")
        if self._needs_confidence and record.answers and record.confidence is None:
            raise UsageError(
                f"{record.source}: --reject needs a confidence, and there is none: evaluate the graphs themselves, or "
                'give the path or the record a "confidence"'
            )


class Collected:
    """All answers with their references. A text is read as labels by the labels there are, so some wait for the end."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, LatticeError]] = []
        self._records: list[Answers] = []
        self._waiting: dict[int, Reference] = {}
        self._seen: set[str] = set()

    def show(self, record: Document | Answered, answers: Answers) -> None:
        """One record; without a graph to tell the labels its reference waits."""
        if isinstance(record, Answered) and record.target is not None:
            self._waiting[len(self._records)] = record.target
            self._seen.update(record.target if isinstance(record.target, tuple) else ())
            self._seen.update(label for answer in answers.answers for label in answer)
        self._records.append(answers)

    def fail(self, record: Item, error: LatticeError) -> None:
        """A record that is left out."""
        self.failures.append((record.id, error))

    def finish(self) -> None:
        """The figures are made by the command."""

    def records(self) -> list[Answers]:
        """All records, their references as labels."""
        letters_only = bool(self._seen) and all(len(label) == 1 for label in self._seen)
        return [
            replace(record, reference=reference_labels(self._waiting[index], self._seen, letters_only))
            if index in self._waiting
            else record
            for index, record in enumerate(self._records)
        ]


def own_reference(document: Document, outputs: frozenset[str]) -> Labels:
    """The labels of a record's reference, by the labels that its graph can output."""
    assert document.target is not None
    letters_only = bool(outputs) and all(len(label) == 1 for label in outputs)
    return reference_labels(document.target, outputs, letters_only)


def solver(assess: Callable[[list[Document]], list[Answers]]) -> Callable[[list[Any]], list[Answers]]:
    """What makes answers of a batch: graphs are decoded, answers are taken as they are."""

    def solve(batch: list[Any]) -> list[Answers]:
        decoded = iter(assess([record for record in batch if isinstance(record, Document)]))
        return [
            next(decoded) if isinstance(record, Document) else Answers(record.id, (), record.answers, record.confidence)
            for record in batch
        ]

    return solve

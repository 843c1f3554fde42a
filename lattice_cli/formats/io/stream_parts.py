"""What an input is made of as it is read: parts that can be parsed apart, records that failed, pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice_cli.errors import LatticeError, UsageError, counted, error_of
from lattice_cli.formats.io.notes import note
from lattice_cli.formats.io.values import brief
from lattice_cli.graph import Document


def record_place(record_id: str, source: str) -> str:
    """Which record of which input, for the message of an internal error."""
    return f"record {brief(record_id)}{f' of {source}' if source and source != record_id else ''}"


@dataclass(frozen=True)
class Failure:
    """A record that could not be read: its id, and what was wrong with it."""

    id: str
    error: LatticeError

    @classmethod
    def of(cls, record_id: str, error: Exception, source: str = "") -> Failure:
        """The failure of a record by any exception. source: where the record stands, for what nobody has foreseen."""
        return cls(record_id, error_of(error, record_place(record_id, source)))


@dataclass(frozen=True)
class Pause:
    """All that has arrived so far was given; what comes next may take a while."""


PAUSE = Pause()


@dataclass(frozen=True)
class Reached(Pause):
    """All records of a part were given, or so many of them. share: of the bytes of its file, which are read up to
    there."""

    share: float


@dataclass
class RawPart:
    """A part of an input, as bytes that `parse` makes records of, here or in another process.

    parse: a function of a module. path: of the input. size: in bytes. form: what the input was read as. split: how its
    labels spell words, as the user says; spelling: how they do in this form, but for columns of matrices.
    for_matrices: an option that graphs are not read by, where an archive may hold both; "" for none. labelled: whether
    there are labels, of its matrices alone. taken: bytes of the input that it is made of, where that is not its size.
    reached: the share of its file that is read with it, None where that cannot be known. completed: gives a record of
    the input at a path what it names, such as a lattice of right answers; None: that stays unread.
    """

    parse: Callable[..., Iterator[Any]]
    arguments: tuple[Any, ...]
    path: str
    size: int
    form: str = ""
    split: str = "auto"
    spelling: str = "auto"
    for_matrices: str = ""
    labelled: bool = False
    taken: int | None = None
    reached: float | None = None
    completed: Callable[[Any, str], Any] | None = None

    def records(self) -> Iterator[Any]:
        """Its records; what makes no record is a Failure."""
        try:
            for record in self.parse(*self.arguments):
                if isinstance(record, Reached):  # of a part that is all of its file
                    if self.reached is not None:
                        yield Reached(record.share * self.reached)
                    continue
                if isinstance(record, Document):
                    if self.for_matrices and not record.rows:
                        said = f"is a graph, its numbers are energies: {self.for_matrices} is for matrices"
                        raise UsageError(f"{record.source}: {said}")
                    if self.labelled and not record.rows:
                        note(record.source, "a graph, which --labels is not for; --words has its labels")
                    split = self.spelling if self.split == "auto" and not record.rows else self.split
                    record.read_as(self.form, split)
                    _note_times(record)
                yield record if self.completed is None else self._whole(record)
        except Exception as error:
            yield Failure.of(self.path, error)

    def _whole(self, record: Any) -> Any:
        """The record with what it names, or as a Failure."""
        assert self.completed is not None
        try:
            return self.completed(record, self.path)
        except Exception as error:
            return Failure.of(record.id, error, record.source)


def _note_times(record: Document) -> None:
    """Say that arcs end before they begin: no other system would refuse them, but times of what is on them are odd."""
    if record.times is None:
        return
    graph, times = record.graph, record.times
    back = np.flatnonzero(times[graph.dst] < times[graph.src])
    if len(back):
        arc = int(back[0])
        begin, end = times[graph.src[arc]], times[graph.dst[arc]]
        count = f"{counted(len(back), 'arc')} of {graph.arcs}"
        note(record.source, f"{count} end before they begin: arc {arc} is from {begin:g} to {end:g} s")


def parsed(parts: Iterator[Any]) -> Iterator[Any]:
    """The records of the parts of an input, and what else is between these."""
    for part in parts:
        if isinstance(part, RawPart):
            yield from part.records()
            if part.reached is not None:
                yield Reached(part.reached)
        else:
            yield part

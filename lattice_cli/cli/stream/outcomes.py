"""The outcomes of the records of a stream, in order, wherever they are solved."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.stream.report import Outcome, Read
from lattice_cli.cli.stream.share_read import ShareRead
from lattice_cli.cli.stream.work import BATCH_RECORDS, Task, Work, batches, elsewhere, salvaged
from lattice_cli.cli.terminal.notes_said import say_notes
from lattice_cli.errors import LatticeError
from lattice_cli.executors import Place
from lattice_cli.formats.io import Failure, Pause, ReadOptions, note, parsed, take_up

if TYPE_CHECKING:
    from lattice_cli.executors import Workers


def outcomes_of(
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
    from lattice_cli.executors import Workers, in_order  # which one process does without

    workers = Workers(place, work)
    say_of(workers)
    for batch, notes in in_order(workers, elsewhere, tasks(), salvaged, _stdin(paths)):
        take_up(notes)
        yield batch, behind.popleft()


def say_of(workers: Workers) -> None:
    """What is to be known of them before they begin."""
    if workers.note is not None:
        note(str(workers.place.cluster), workers.note)
        say_notes()


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

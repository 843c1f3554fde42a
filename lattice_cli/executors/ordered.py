"""Tasks to results, in the order of the tasks, memory bounded, whatever becomes of the processes.

What a lost process had is tried again in a new one. Which of the tasks that were given out ended it is not known; one
that has been lost time after time is therefore taken apart, with nothing beside it, until what ends processes is found.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias

from lattice_cli.errors import WorkerLost
from lattice_cli.executors.lifeline import terminable
from lattice_cli.executors.workers import Workers, ended_in

#: Tasks of each process that may be waiting for one before them to be done, and that may be out at once.
_AHEAD, _OUT = 4, 2
#: So often processes may end before they have done anything.
_STARTS = 10

#: work, part -> work(state, part), None where that is lost time after time with nothing beside it.
Attempt: TypeAlias = Callable[[Callable[..., Any], Any], Any]
#: A task that was lost time after time, and how parts of it are tried -> its result.
Salvage: TypeAlias = Callable[[Any, Attempt], Any]


def in_order(
    workers: Workers,
    work: Callable[..., Any],
    tasks: Iterator[Any],
    salvage: Salvage,
    source: int | None = None,
) -> Iterator[Any]:
    """work(state, task) for each task, in their order; the workers are closed in the end.

    source: a file that tasks are made from and that may keep one waiting: results are given while it does. Raises what
    work raises, and WorkerLost where processes end as soon as they are started.
    """
    with terminable(), _Alarm(source) as alarm:
        stream = _Stream(workers, work, salvage, alarm)
        well = False
        try:
            yield from stream.results(tasks)
            well = True
        finally:
            workers.close(at_once=not well)


@dataclass(eq=False)
class _Given:
    """A task that was given out. lost: how often."""

    task: Any
    future: Future[Any]
    lost: int = 0


class _Stream:
    """What is given out, in order."""

    def __init__(self, workers: Workers, work: Callable[..., Any], salvage: Salvage, alarm: _Alarm) -> None:
        self._workers, self._work, self._salvage, self._alarm = workers, work, salvage, alarm
        self._given: deque[_Given] = deque()

    def results(self, tasks: Iterator[Any]) -> Iterator[Any]:
        """The results of all tasks."""
        finished = False
        while not finished or self._given:
            out = [each.future for each in self._given if not each.future.done()]
            count = self._workers.count
            if self._given and self._given[0].future.done():
                yield self._first()
            elif finished or len(self._given) >= _AHEAD * count or len(out) >= _OUT * count:
                wait(out, return_when=FIRST_COMPLETED)
            elif not out or self._alarm.source_ready():
                task = next(tasks, None)
                if task is None:
                    finished = True
                else:
                    self._given.append(_Given(task, self._submitted(task)))

    def _submitted(self, task: Any) -> Future[Any]:
        return self._alarm.watched(self._workers.submit(self._work, task))

    def _lost(self, given: _Given) -> bool:
        return given.future.done() and self._workers.is_lost(ended_in(given.future))

    def _first(self) -> Any:
        """The result of the first task."""
        first = self._given[0]
        while self._lost(first) and first.lost < self._workers.tries:
            self._recover()
            wait([first.future])
        self._given.popleft()
        if self._lost(first):
            wait([each.future for each in self._given])  # nothing is to be beside it
            return self._salvage(first.task, self._attempt)
        return first.future.result()

    def _recover(self) -> None:
        """After a loss: new processes, and what was lost is given out once more unless that has been often enough."""
        self._workers.revive()
        for each in self._given:
            if self._lost(each):
                each.lost += 1
                if each.lost < self._workers.tries:
                    each.future = self._submitted(each.task)

    def _attempt(self, work: Callable[..., Any], part: Any) -> Any:
        for _ in range(self._workers.tries):
            self._begin()
            future = self._workers.submit(work, part)
            if not self._workers.is_lost(ended_in(future)):
                return future.result()
            self._workers.revive()
        return None

    def _begin(self) -> None:
        """Have processes that work: one that ends while it starts says nothing of what it was to do."""
        for _ in range(_STARTS):
            if not self._workers.is_lost(ended_in(self._workers.submit(_nothing, None))):
                return
            self._workers.revive()
        raise WorkerLost("processes end as soon as they are started")


def _nothing(_state: Any, _part: Any) -> bool:
    return True


class _Alarm:
    """Wakes whoever waits for a file when a task is done."""

    def __init__(self, source: int | None) -> None:
        self._source = source if os.name == "posix" else None  # elsewhere such files cannot be waited for
        self._ends: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> _Alarm:
        if self._source is not None:
            self._ends = os.pipe()
            for end in self._ends:
                os.set_blocking(end, False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            ends, self._ends = self._ends, None
        for end in ends or ():
            os.close(end)

    def watched(self, future: Future[Any]) -> Future[Any]:
        """The same, whose end wakes."""
        if self._ends is not None:
            future.add_done_callback(self._ring)
        return future

    def _ring(self, _future: Future[Any]) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):  # full: it rings already
            if self._ends is not None:
                os.write(self._ends[1], b"!")

    def source_ready(self) -> bool:
        """Wait until the source can be read or a task is done; whether it can be."""
        if self._source is None or self._ends is None:
            return True
        from multiprocessing.connection import wait as wait_for

        ready = wait_for([self._source, self._ends[0]])
        if self._ends[0] in ready:
            os.read(self._ends[0], 1 << 10)
        return self._source in ready

"""Work spread over processes: results in the order of the tasks, memory bounded, nothing left behind.

Processes are forked, so that what a command has prepared, a grammar above all, is there without being sent. The parent
reads, hands a task to whoever is idle, and takes results in turn; it is at most a few tasks ahead of what was reported.
Ctrl-C and SIGTERM reach the parent alone, which ends the others. Should it be killed, so are they.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.stream.lifeline import Lifeline, terminable
from lattice_cli.errors import LatticeError, UsageError, error_of

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


#: Tasks of each process that may be waiting for one before them to be done.
_AHEAD = 4
_FOR_THE_PARENT = (signal.SIGINT, signal.SIGTERM)


class WorkerLost(LatticeError):
    """A process that could not be started, or ended before its work did: killed, most likely for want of memory."""

    exit_status = 4


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(tasks: Iterator[Any], work: Callable[[Any], Any], jobs: int, source: int | None = None) -> Iterator[Any]:
    """work(task) for each task, in their order, done by `jobs` processes.

    source: a file that tasks are made from and that may keep one waiting: results are given while it does. Raises what
    work raises, WorkerLost, and UsageError where processes cannot be forked.
    """
    if not hasattr(os, "fork"):
        raise UsageError(f"--jobs {jobs}: this system cannot fork processes, expected --jobs 1")
    with terminable():
        yield from _in_order(tasks, work, jobs, source)


def _in_order(tasks: Iterator[Any], work: Callable[[Any], Any], jobs: int, source: int | None) -> Iterator[Any]:
    pool = _Pool(work, jobs)
    finished = False
    done: dict[int, Any] = {}
    given = taken = 0
    try:
        while not finished or taken < given:
            while taken in done:
                yield done.pop(taken)
                taken += 1
            while not finished and pool.idle and given - taken < _AHEAD * jobs:
                if source is not None and pool.busy and not pool.wait(source):
                    break
                task = next(tasks, None)
                if task is None:
                    finished = True
                else:
                    pool.give(given, task)
                    given += 1
            if pool.busy:
                done.update(pool.results())
    finally:
        pool.close()


class _Pool:
    """Forked processes with a pipe to each."""

    def __init__(self, work: Callable[[Any], Any], jobs: int) -> None:
        self.idle: list[Connection] = []
        self.busy: dict[Connection, int] = {}
        self._all: list[Connection] = []
        self._processes: list[int] = []
        self._lifeline = Lifeline()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # what waits there would be written once more by each process
        try:
            for _ in range(jobs):
                self._start(work)
        except OSError as error:
            self.close()
            begun = f"process {len(self._all) + 1} of --jobs {jobs} cannot be started"
            raise WorkerLost(f"{begun}: {error.strerror}; expected fewer") from None

    def _start(self, work: Callable[[Any], Any]) -> None:
        from multiprocessing.connection import Pipe

        ours, theirs = Pipe()
        # Ctrl-C is for the parent, and so is what it does at SIGTERM; in between they wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_PARENT)
        try:
            process = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_PARENT)
            raise
        if not process:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_PARENT)
            self._lifeline.take_hold()
            for other in (*self._all, ours):
                other.close()
            _serve(theirs, work)
        self._processes.append(process)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_PARENT)
        theirs.close()
        self._all.append(ours)
        self.idle.append(ours)

    def give(self, number: int, task: Any) -> None:
        """Hand a task to an idle process."""
        connection = self.idle.pop()
        self.busy[connection] = number
        try:
            connection.send(task)
        except OSError:
            raise _lost() from None

    def wait(self, source: int) -> bool:
        """Wait until a task is done or the source can be read; whether it can be."""
        from multiprocessing.connection import wait

        return source in wait([source, *self.busy])

    def results(self) -> dict[int, Any]:
        """What has been done by now, waiting for at least one task: number -> result. Raises what the work raised."""
        from multiprocessing.connection import wait

        found = {}
        ready = wait(list(self.busy))
        for connection in [each for each in self.busy if each in ready]:
            number = self.busy.pop(connection)
            try:
                error, result = connection.recv()
            except (OSError, EOFError):
                raise _lost() from None
            if error is not None:
                raise error
            found[number] = result
            self.idle.append(connection)
        return found

    def close(self) -> None:
        """End the processes: by themselves if none of them has work, else at once."""
        for process in self._processes if len(self.idle) < len(self._all) else []:
            os.kill(process, signal.SIGTERM)
        for connection in self._all:
            connection.close()
        for process in self._processes:
            os.waitpid(process, 0)
        self._processes = []
        self._lifeline.let_go()


def _lost() -> WorkerLost:
    return WorkerLost("a process of --jobs ended before its work was done: was it killed, is there too little memory?")


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    """Work until the pipe is closed. Never returns: what the parent still has to do is not for a copy of it."""
    status = 1
    try:
        while True:
            task = connection.recv()
            try:
                message = pickle.dumps((None, work(task)), pickle.HIGHEST_PROTOCOL)
            except (OSError, MemoryError) as error:
                message = pickle.dumps((error, None), pickle.HIGHEST_PROTOCOL)
            except Exception as error:
                message = pickle.dumps((error_of(error), None), pickle.HIGHEST_PROTOCOL)
            connection.send_bytes(message)
    except (EOFError, OSError):
        status = 0
    finally:
        os._exit(status)

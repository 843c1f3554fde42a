"""Workers of this machine: the standard library's pool of processes.

They are forked where that is safe, on Linux in a process without threads: a grammar is then there without being sent.
Elsewhere they are spawned, and what they hold lies in a file that they map.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import tempfile
import threading
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from typing import Any

from lattice_cli.errors import WorkerLost
from lattice_cli.executors.held import hold, perform
from lattice_cli.executors.lifeline import follow_parent, signals_held
from lattice_cli.executors.sealed import Sealed, sealed
from lattice_cli.executors.watch import Watch, cut_off, results_of


class LocalProcesses:
    """A process pool, and a new one where that is lost."""

    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)
    tries = 3
    note = None

    def __init__(self, key: str, state: Any, count: int) -> None:
        self.count = count
        self._key, self._state = key, state
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._sealed: Sealed | None = None
        self._executor: ProcessPoolExecutor | None = None
        self._watch: Watch | None = None
        self._others: set[BaseProcess] = set()

    def submit(self, task: Any, *given: Any) -> Future[Any]:
        """The task to whoever is idle. Raises OSError where no process can be started."""
        if self._executor is None:
            self._executor = self._opened()
        with signals_held():  # the pool starts its processes when it is given tasks
            future = self._executor.submit(perform, self._key, task, *given)
            if self._watch is None:
                self._watch = Watch(self._executor)
            return future

    def _opened(self) -> ProcessPoolExecutor:
        method = start_method()
        state = self._state
        if method != "fork":
            state = self._sealed = self._sealed or self._sealed_in_a_file()
            _start_tracker()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # what waits there would be written once more by each process
        self._others = {*multiprocessing.active_children()}
        context = multiprocessing.get_context(method)
        return ProcessPoolExecutor(self.count, context, _begin, (self._key, state))

    def _sealed_in_a_file(self) -> Sealed:
        """Raises WorkerLost where it cannot be written."""
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="lattice-", ignore_cleanup_errors=True)
            with open(os.path.join(self._folder.name, "held"), "wb") as file:
                return sealed(self._state, file)
        except OSError as error:
            why = error.strerror or error
            raise WorkerLost(f"what processes share cannot be written to a file: {why} (TMPDIR says where)") from None

    def revive(self) -> None:
        """New processes in place of those that are lost."""
        self._end(at_once=True)

    def close(self, at_once: bool) -> None:
        """End the processes. at_once: whatever they are doing."""
        self._end(at_once)
        if self._folder is not None:
            self._folder.cleanup()

    def _end(self, at_once: bool) -> None:
        executor, self._executor = self._executor, None
        if executor is None:
            return
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        if at_once:
            own = getattr(executor, "_processes", None)  # there may be other pools, begun after this one
            begun = {*multiprocessing.active_children()} - self._others
            cut_off([each for each in begun if own is None or each.pid in own], results_of(executor))
            _unblock(executor)
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C: they are ending
            executor.shutdown(wait=True, cancel_futures=True)


def start_method() -> str:
    """How processes are started: as the program that uses this has set, else forked where that is safe. PyTorch has
    threads that Python does not know of, and whoever is forked waits for them for ever."""
    told = multiprocessing.get_start_method(allow_none=True)
    if told is not None:
        return told
    alone = threading.active_count() == 1 and "torch" not in sys.modules
    return "fork" if sys.platform == "linux" and alone else "spawn"


def _start_tracker() -> None:
    """A process of multiprocessing's own, which is started before the first of those that are spawned: whoever starts
    it lets the signals through that are held, and Ctrl-C would end that first one in the middle of its imports."""
    if os.name == "posix":
        from multiprocessing.resource_tracker import ensure_running

        ensure_running()


def _begin(key: str, state: Any) -> None:
    """Of a new process: it follows its parent, and holds the state."""
    follow_parent()
    hold(key, state)


def _unblock(executor: Executor) -> None:
    """Python before 3.11.5 waits for ever to hand a large task to processes that are gone (gh-94777): nobody must seem
    to read what is for them."""
    reader = getattr(getattr(executor, "_call_queue", None), "_reader", None)
    if sys.version_info < (3, 11, 5) and reader is not None:
        with contextlib.suppress(OSError):
            reader.close()

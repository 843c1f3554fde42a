"""A pool of which a process is killed while it hands over a result: left to itself it waits for the rest for ever.

The thread of `ProcessPoolExecutor` that takes results reads a whole one before it looks at anything else, from a pipe
that other processes, and this one, have open for writing. Here a thread of its own sees that a process has ended, ends
the others, which are lost as well, and closes the pipe: then the reading ends too.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

#: Seconds after which processes that were started meanwhile are watched, or ended, as well.
_EVERY, _SOON = 1.0, 0.05


class Watch:
    """Of the processes of a pool that has been given its first task, until it is stopped."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor, self._results = executor, results_of(executor)
        self._stopped, self._stop = multiprocessing.Pipe(duplex=False)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        broken = False
        while True:
            there = [*(self._executor._processes or {}).values()]
            if broken:
                cut_off(there, self._results)
            sentinels = [] if broken else [each.sentinel for each in there]
            ended = wait([self._stopped, *sentinels], _SOON if broken else _EVERY)
            if self._stopped in ended:
                return
            broken |= bool(ended)

    def stop(self) -> None:
        """The pool is to end."""
        self._stop.send(None)  # processes that were forked since may have it open: closing it would say nothing
        self._thread.join()
        self._stop.close()
        self._stopped.close()


def results_of(executor: ProcessPoolExecutor) -> Any:
    """This process's own end of the pipe that results come by; None where a Python has none."""
    return getattr(getattr(executor, "_result_queue", None), "_writer", None)


def cut_off(processes: Iterable[BaseProcess], results: Any) -> None:
    """End processes in the middle of whatever they do, and what waits for their results."""
    for each in processes:
        with contextlib.suppress(OSError, ValueError):  # it is gone by now
            each.kill()
    if results is not None:
        with contextlib.suppress(OSError):
            results.close()

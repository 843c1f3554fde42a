"""Workers that are this process: everything goes to them and back as to another one, pickled, without waiting."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any
from unittest import mock

from lattice_cli.executors import local_processes
from lattice_cli.executors.held import hold, let_go, perform
from lattice_cli.executors.sealed import sealed


class SealedHere:
    """An engine as LocalProcesses is one."""

    lost: tuple[type[BaseException], ...] = ()
    tries = 3
    note = None

    def __init__(self, key: str, state: Any, count: int) -> None:
        self.key, self.count = key, count
        hold(key, sealed(state))

    def submit(self, task: Callable[..., Any], *given: Any) -> Future[Any]:
        future: Future[Any] = Future()
        task, given = pickle.loads(pickle.dumps((task, given)))
        try:
            future.set_result(pickle.loads(pickle.dumps(perform(self.key, task, *given))))
        except Exception as error:
            future.set_exception(pickle.loads(pickle.dumps(error)))
        return future

    def revive(self) -> None:
        raise AssertionError("nothing is lost here")

    def close(self, at_once: bool) -> None:
        let_go(self.key)


@contextmanager
def sealed_here() -> Iterator[None]:
    """Processes of --jobs are this one."""
    with mock.patch.object(local_processes, "LocalProcesses", SealedHere):
        yield

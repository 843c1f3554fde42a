"""What a worker holds, by key: the state of a run, which its tasks are done with.

A worker of a cluster may serve several runs, and may have several threads. What a task does is made for one thread, so
a process does one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lattice_cli.errors import error_of
from lattice_cli.executors.sealed import Sealed

_held: dict[str, Any] = {}
_one = threading.RLock()


class NotHeld(Exception):
    """A task came to a process that was never sent its state, or has been begun anew since."""


class _Unsound:
    """In place of a state that could not be opened: why."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def hold(key: str, state: Any) -> None:
    """Keep a state, unpacked if it is sealed, under this key. What is wrong with it is said by the tasks."""
    try:
        _held[key] = state.opened() if isinstance(state, Sealed) else state
    except Exception as error:
        _held[key] = _Unsound(error)


def let_go(key: str) -> None:
    """The run of this key is over."""
    _held.pop(key, None)


def perform(key: str, task: Callable[..., Any], *given: Any) -> Any:
    """task(state, *given) with the state of this key. Raises NotHeld, LatticeError, OSError, MemoryError."""
    with _one:
        if key not in _held:
            raise NotHeld(key)
        state = _held[key]
        try:
            if isinstance(state, _Unsound):
                raise state.error
            return task(state, *given)
        except Exception as error:
            raise error_of(error) from None

"""Processes that each hold a state, and take tasks that need it: of this machine, or of a cluster."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, Protocol

from lattice_cli.errors import WorkerLost
from lattice_cli.executors.held import NotHeld
from lattice_cli.executors.place import MPI, Place


def ended_in(future: Future[Any]) -> BaseException | None:
    """What a task ends in, None for a result; waits for the end."""
    try:
        return future.exception()
    except CancelledError as error:
        return error


class Engine(Protocol):
    """Who runs processes.

    count: how many there are by now. lost: the errors of tasks whose process has ended. tries: so often a task may be
    lost. note: what is to be said before the work begins. submit, revive, close: see Workers.
    """

    lost: tuple[type[BaseException], ...]
    tries: int

    @property
    def count(self) -> int: ...
    @property
    def note(self) -> str | None: ...

    def submit(self, task: Callable[..., Any], *given: Any) -> Future[Any]: ...
    def revive(self) -> None: ...
    def close(self, at_once: bool) -> None: ...


class Workers:
    """Processes that hold a state. A context: left by an error, it ends them at once."""

    def __init__(self, place: Place, state: Any, count: int | None = None) -> None:
        """state: what tasks are given first; it is pickled, unless processes are forked, and sent once to each process.
        count: of processes, where it is not the place that says it; of a cluster, 1 or all. Raises UsageError,
        WorkerLost."""
        self.place = place
        self._key = uuid.uuid4().hex
        self._engine = _engine(place, self._key, state, count)

    @property
    def count(self) -> int:
        """How many tasks can be at work at once."""
        return max(1, self._engine.count)

    @property
    def note(self) -> str | None:
        """What a person should know of the workers before they begin."""
        return self._engine.note

    @property
    def tries(self) -> int:
        """So often a task may be lost before it is looked at more closely."""
        return self._engine.tries

    def submit(self, task: Callable[..., Any], *given: Any) -> Future[Any]:
        """task(state, *given) in a process; a function of a module. Raises WorkerLost where none can be started."""
        try:
            return self._engine.submit(task, *given)
        except OSError as error:
            raise WorkerLost(f"a process cannot be started: {error.strerror or error}; expected fewer") from None
        except self._engine.lost as error:
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed

    def is_lost(self, error: BaseException | None) -> bool:
        """Whether a task ended in this because its process did."""
        return isinstance(error, (NotHeld, CancelledError, *self._engine.lost))

    def revive(self) -> None:
        """After a loss: new processes in place of those that are gone. What was given to them is lost as well."""
        self._engine.revive()

    def close(self, at_once: bool = False) -> None:
        """No more tasks. at_once: those that are at work are given up."""
        self._engine.close(at_once)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(at_once=kind is not None)


def _engine(place: Place, key: str, state: Any, count: int | None) -> Engine:
    if place.cluster is None:
        from lattice_cli.executors.local_processes import LocalProcesses

        return LocalProcesses(key, state, count or place.jobs)
    if place.cluster == MPI:
        from lattice_cli.executors.mpi_ranks import MpiRanks

        return MpiRanks(key, state)
    from lattice_cli.executors.dask_cluster import DaskCluster, DaskWorker

    return DaskWorker(place.cluster, key, state) if count == 1 else DaskCluster(place.cluster, key, state)


class _HeldState:
    """Of workers that hold several states, one state."""

    def __init__(self, workers: Workers, number: int) -> None:
        self._workers, self._number = workers, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._workers, name)

    def submit(self, task: Callable[..., Any], *given: Any) -> Future[Any]:
        """See Workers."""
        return self._workers.submit(_of_share, self._number, task, *given)


def _of_share(states: Sequence[Any], number: int, task: Callable[..., Any], *given: Any) -> Any:
    return task(states[number], *given)


def held_apart(place: Place, states: Sequence[Any]) -> list[Workers]:
    """Workers of one process for each state, so that a task goes where its state is. Ranks of MPI hold all of them."""
    if place.cluster == MPI:
        workers = Workers(place, tuple(states))
        return [_HeldState(workers, number) for number in range(len(states))]  # type: ignore[misc]
    return [Workers(place, state, 1) for state in states]

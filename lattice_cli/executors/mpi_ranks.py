"""Ranks of MPI as workers, by mpi4py's MPIPoolExecutor.

The program is started as `mpiexec -n N python -m mpi4py.futures -m lattice_cli ...`: one rank runs it, the others
work. Without a launcher MPI starts ranks by itself, where the system lets it. A rank that dies ends all of them: such
is MPI.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lattice_cli.errors import UsageError
from lattice_cli.executors.held import hold, perform
from lattice_cli.executors.sealed import sealed

try:
    from mpi4py.futures import MPIPoolExecutor  # type: ignore[import-not-found,import-untyped,unused-ignore]
except (ImportError, RuntimeError) as _error:  # RuntimeError: no library of MPI
    raise UsageError(f"ranks of MPI need mpi4py and a library of MPI: {_error}") from None


class MpiRanks:
    """mpi4py's executor."""

    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)
    tries = 1
    note = None

    def __init__(self, key: str, state: Any) -> None:
        self._key = key
        self._executor = MPIPoolExecutor(initializer=hold, initargs=(key, sealed(state)))

    @property
    def count(self) -> int:
        """Ranks that work."""
        return int(self._executor.num_workers)

    def submit(self, task: Callable[..., Any], *given: Any) -> Future[Any]:
        """The task to whoever is idle."""
        return self._executor.submit(perform, self._key, task, *given)  # type: ignore[no-any-return]

    def revive(self) -> None:
        """A rank that is lost stays lost."""

    def close(self, at_once: bool) -> None:
        """The ranks may end."""
        self._executor.shutdown(wait=True, cancel_futures=at_once)

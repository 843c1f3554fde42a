"""Workers of Dask: a scheduler at an address, workers that come and go.

A plugin hands each worker the state, those that come later too. Dask itself gives a lost task to another worker, until
as many have died of it as its setting distributed.scheduler.allowed-failures says (3).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from lattice_cli.errors import UsageError, WorkerLost
from lattice_cli.executors.held import hold, let_go, perform
from lattice_cli.executors.sealed import Sealed, sealed

try:
    from distributed import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        Client,
        KilledWorker,
        WorkerPlugin,
    )
    from distributed import TimeoutError as TookTooLong
except ImportError as _error:
    raise UsageError(f"a cluster at an address needs Dask (the extra cluster): {_error}") from None

#: Seconds that a scheduler has to answer.
_PATIENCE = 30
#: Seconds after which a worker that says nothing is looked for.
_LOOK = 2
#: So long is the number of workers taken to be what it was.
_FRESH = 1.0
#: What this process has open: an address -> its client, and how many use it.
_clients: dict[str, tuple[Client, int]] = {}


class _Holding(WorkerPlugin):  # type: ignore[misc,unused-ignore]
    """Hands each worker the state."""

    def __init__(self, key: str, state: Sealed) -> None:
        self.key, self.state = key, state

    def setup(self, worker: Any) -> None:
        """Of a worker that begins, or is there already."""
        hold(self.key, self.state)

    def teardown(self, worker: Any) -> None:
        """The run is over."""
        let_go(self.key)


class _OfDask:
    """What both have: a client, and a state under a key. Raises UsageError for an address that is none, WorkerLost
    where nobody answers."""

    lost: tuple[type[BaseException], ...] = (KilledWorker,)
    tries = 1  # Dask has tried often enough

    def __init__(self, address: str, key: str, state: Any) -> None:
        self._address, self._key, self._state = address, key, sealed(state)
        self._client = _opened(address)
        self._executor = self._client.get_executor(pure=False)
        self._closed = False

    def _workers(self) -> dict[str, int]:
        """Addresses -> threads."""
        with self._reached():
            told = self._client.scheduler_info(n_workers=-1)["workers"]
        return {address: worker["nthreads"] for address, worker in told.items()}

    def submit(self, task: Callable[..., Any], *given: Any) -> Future[Any]:
        """The task to whoever has the state. Raises WorkerLost where there is no scheduler any more."""
        with self._reached():
            return self._executor.submit(perform, self._key, task, *given)  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Whatever goes wrong here while the scheduler cannot be reached is that."""
        try:
            yield
        except Exception:
            if self._client.status == "running":
                raise
            gone = "the scheduler of Dask is gone, and with it the work that was not done"
            raise WorkerLost(f"{self._address}: {gone}") from None

    def _let_go(self) -> None:
        """The state is not needed any more."""

    def close(self, at_once: bool) -> None:
        """The state is let go, and the client closed with its last user."""
        if self._closed:
            return
        self._closed = True
        if self._client.status == "running":
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._let_go()
        client, users = _clients.pop(self._address)
        if users > 1:
            _clients[self._address] = client, users - 1
        else:
            client.close()


class DaskCluster(_OfDask):
    """All workers of Dask, those to come too, each with the state."""

    def __init__(self, address: str, key: str, state: Any) -> None:
        super().__init__(address, key, state)
        self._counted = 0, float("-inf")
        try:
            self._client.register_plugin(_Holding(key, self._state), name=self._name)
        except Exception as error:
            self.close(at_once=True)
            raise UsageError(f"{address}: its workers cannot take this work: {_first_line(error)}") from None

    @property
    def _name(self) -> str:
        return f"lattice-{self._key}"

    @property
    def count(self) -> int:
        """Workers by now, or a moment ago: whoever asks for each task is not to keep the scheduler busy with it."""
        if time.monotonic() > self._counted[1] + _FRESH:
            self._counted = len(self._workers()), time.monotonic()
        return self._counted[0]

    @property
    def note(self) -> str | None:
        """What is to be said of the workers before they begin."""
        threads = self._workers().values()
        if not threads:
            return "no workers yet; what is to be done waits for them"
        if max(threads) > 1:
            return f"workers with up to {max(threads)} threads, of which one works at a time"
        return None

    def revive(self) -> None:
        """Dask begins workers anew by itself. Raises WorkerLost where there is no scheduler any more."""
        with self._reached():
            if self._client.status != "running":
                raise ConnectionError

    def _let_go(self) -> None:
        self._client.unregister_worker_plugin(self._name)


class DaskWorker(_OfDask):
    """One worker of Dask that has the state, and another one when it is lost.

    A task that was meant for a worker may wait for ever for one that is gone: distributed forgets that others would do,
    if there were none at that moment. So whether the worker is there is looked at, and its tasks are given up if not.
    """

    count = 1
    note = None
    _chosen = 0

    def __init__(self, address: str, key: str, state: Any) -> None:
        super().__init__(address, key, state)
        self._place = ""
        self._out: set[Future[Any]] = set()
        self._over = threading.Event()
        self.revive()
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, task: Callable[..., Any], *given: Any) -> Future[Any]:
        """See Workers."""
        future = super().submit(task, *given)
        self._out.add(future)
        future.add_done_callback(self._out.discard)
        return future

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            with contextlib.suppress(Exception):  # no scheduler: then Dask gives the tasks up
                if self._place not in self._workers():
                    for future in [*self._out]:
                        future.cancel()

    def revive(self) -> None:
        """The state to a worker, the next one of all. Raises WorkerLost where there is no scheduler any more."""
        with self._reached():
            while not self._handed():
                if self._client.status != "running":
                    raise ConnectionError

    def _handed(self) -> bool:
        """Whether a worker has taken the state: one that has just ended may still be listed, and never does."""
        self._client.wait_for_workers(1)
        places = sorted(self._workers()) or [""]
        DaskWorker._chosen += 1
        place = places[DaskWorker._chosen % len(places)]
        handed = self._client.submit(hold, self._key, self._state, workers=[place], pure=False)
        while True:
            try:
                handed.result(_LOOK)
                break
            except TookTooLong:
                if place in self._workers():
                    continue
            except (KilledWorker, CancelledError):
                pass
            handed.cancel()
            return False
        self._place = place
        self._executor = self._client.get_executor(pure=False, workers=[place], allow_other_workers=True)
        return True

    def _let_go(self) -> None:
        self._over.set()
        if self._place in self._workers():
            self._executor.submit(let_go, self._key).result(_LOOK)


def _opened(address: str) -> Client:
    """The client of an address, or of the JSON file that its scheduler wrote. Raises UsageError, WorkerLost."""
    if address in _clients:
        client, users = _clients[address]
        _clients[address] = client, users + 1
        return client
    for name in list(logging.root.manager.loggerDict):  # what becomes of the cluster is said by us
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)
    where = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        client = Client(**where, timeout=_PATIENCE, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise WorkerLost(f"{address}: no scheduler of Dask answers: {_first_line(error)}") from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"{address!r} is no address of a scheduler of Dask, such as host:8786: {error}") from None
    _clients[address] = client, 1
    return client


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""How much memory there is, how much of it is in arrays, and what is kept there as far as it fits."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

T = TypeVar("T")

_USUAL = 16 << 30
#: Where Linux says how much a group of processes may have (control groups, version 2 and version 1).
_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_there() -> int:
    """Bytes that this process can have: of the machine, or what it is limited to."""
    limits = []
    with suppress(AttributeError, ValueError, OSError):  # no such thing on this system
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in _GROUP_LIMITS:
        with suppress(ValueError, OSError):  # "max": no limit
            limits.append(int(Path(path).read_text(encoding="ascii")))
    with suppress(ImportError, ValueError, OSError):
        import resource

        allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
        if allowed != resource.RLIM_INFINITY:
            limits.append(allowed)
    return min(limits, default=_USUAL)


def require_memory(needed: int, what: str) -> None:
    """Raises MemoryError, with the numbers, before so many bytes are asked for that there cannot be.

    what: a subject in the plural, for the message.
    """
    there = memory_there()
    if needed > there:
        raise MemoryError(f"{what} take about {needed / 1e9:,.1f} GB, and there are {there / 1e9:,.1f} GB")


def array_bytes(thing: Any, but: Set[int] = frozenset()) -> int:
    """Bytes of all arrays that an object holds, in its fields and what they hold, each counted once; without objects of
    these identities and what only they hold."""
    return sum(each.nbytes for each in _held(thing, but).values() if isinstance(each, np.ndarray) and each.base is None)


def _held(thing: Any, but: Set[int]) -> dict[int, Any]:
    """Objects by their identity: one, and what it holds."""
    held: dict[int, Any] = {}
    waiting = [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in but or id(each) in held:
            continue
        held[id(each)] = each
        if isinstance(each, np.ndarray):
            waiting += [] if each.base is None else [each.base]
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, (list, tuple)):
            waiting += each if each and not isinstance(each[0], (str, int, float)) else []
        elif hasattr(each, "__dict__") and not isinstance(each, type):
            waiting.append(vars(each))
    return held


class Kept:
    """Things by key that are made again whenever they are needed, but for those that fit into so many bytes. Who comes
    first stays: where all are asked for again and again, none is worth more than the others."""

    def __init__(self, shared: Iterable[Any], most: int) -> None:
        """shared: objects that are there anyway. most: bytes."""
        self._there = list(shared)  # as long as they are, nothing else has their identities
        self._shared, self._most = _held(self._there, frozenset()).keys(), most
        self._things: dict[Hashable, Any] = {}
        self._bytes: dict[Hashable, int] = {}
        self._settled: set[Hashable] = set()

    def __reduce__(self) -> tuple[type[Kept], tuple[Any, ...]]:
        """To another process it goes without what it keeps."""
        return Kept, (self._there, self._most)

    @property
    def size(self) -> int:
        """Bytes of all that is kept."""
        return sum(self._bytes.values())

    @contextmanager
    def lent(self, key: Hashable, make: Callable[[], T]) -> Iterator[T]:
        """The thing of this key, made if it is not there; kept for the next time if it fits as it is after its use."""
        there = key in self._things
        thing = cast(T, self._things[key]) if there else make()
        yield thing
        if key in self._settled:
            return
        size, before = array_bytes(thing, self._shared), self._bytes.get(key, 0)
        if self.size - before + size > self._most:
            self.forget(key)
            return
        if there and size == before:  # what is made when it is first asked for has been made
            self._settled.add(key)
        self._things[key], self._bytes[key] = thing, size

    def forget(self, key: Hashable) -> None:
        """Without it from now on."""
        self._things.pop(key, None)
        self._bytes.pop(key, None)
        self._settled.discard(key)

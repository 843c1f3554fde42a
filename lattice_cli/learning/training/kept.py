"""What is made of batches and used in every epoch, as far as it fits: the rest is made again whenever it is needed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from lattice_cli.arrays import array_bytes, memory_there

T = TypeVar("T")

#: The part of the memory that may be filled.
_PART = 4


class Kept:
    """Things by key, up to so many bytes. Who comes first stays: each epoch has another order, so that none is worth
    more than the others."""

    def __init__(self, shared: Iterable[Any] = (), most: int | None = None) -> None:
        """shared: objects that are there anyway. most: bytes; None: a quarter of the memory that there is."""
        self._shared = list(shared)
        self._most = memory_there() // _PART if most is None else most
        self._things: dict[Hashable, Any] = {}
        self._bytes: dict[Hashable, int] = {}
        self._settled: set[Hashable] = set()

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

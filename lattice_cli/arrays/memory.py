"""How much memory there is, and how much of it is in arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

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


def array_bytes(thing: Any, but: Iterable[Any] = ()) -> int:
    """Bytes of all arrays that an object holds, in its fields and what they hold, each counted once; not those of the
    objects in `but`."""
    seen = {id(each) for each in but}
    waiting, found = [thing], 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, np.ndarray):
            if each.base is None:
                found += each.nbytes
            else:
                waiting.append(each.base)
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, (list, tuple)):
            if each and not isinstance(each[0], (str, int, float)):
                waiting += each
        elif hasattr(each, "__dict__") and not isinstance(each, type):
            waiting.append(vars(each))
    return found

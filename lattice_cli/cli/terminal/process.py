"""What the process is told about the machine before it works: threads, memory, garbage."""

from __future__ import annotations

import atexit
import gc
import os
import sys

_OBJECTS = 100_000
#: Parameters of glibc's mallopt (malloc.h), and what they are set to, bytes.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_KEPT, _STEP, _LARGEST = (1 << 31) - 1, 1 << 26, 1 << 25


def one_thread() -> None:
    """One thread for numpy's matrix products, unless the user has said how many; to be called before numpy is loaded.

    Starting the threads is a third of the time that numpy takes to load, and few commands multiply matrices at all.
    Batches of training are small: on two cores that others use as well, two threads wait for each other and are five
    to ten times slower than one.
    """
    if "numpy" not in sys.modules:
        for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")


def collect_seldom() -> None:
    """Look for unreachable cycles of objects once in 100,000 new objects instead of 700, and not at all at the end.

    Little here makes cycles. Loading modules and parsing files make objects that stay: looking through them, and
    through all of them once more before the process ends, is a tenth of the time of a command on a small file.
    """
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)


def keep_freed_memory() -> None:
    """Have freed memory used again instead of given back to the system, where the C library is glibc.

    A sweep makes and frees arrays of megabytes all the time. By itself glibc gives each back at once, and the kernel
    clears every page of the next one: up to half of the time of a command on a large graph. The peak is the same.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None and not any(name.startswith("MALLOC_") for name in os.environ):
        for parameter, value in ((_TRIM_THRESHOLD, _KEPT), (_TOP_PAD, _STEP), (_MMAP_THRESHOLD, _LARGEST)):
            mallopt(parameter, value)

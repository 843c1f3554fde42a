"""No process outlives the one that started it, whatever that one ends by, and whatever it is doing itself.

Linux ends a process when its parent does (prctl(2), PR_SET_PDEATHSIG). Elsewhere a thread waits for the parent's end.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: From sys/prctl.h.
_PR_SET_PDEATHSIG = 1
#: What shells say of a process that SIGTERM has ended.
_TERMINATED = 128 + signal.SIGTERM
_FOR_THE_PARENT = {signal.SIGINT, signal.SIGTERM}


def follow_parent() -> None:
    """Of a process that has just been started: end when its parent does; Ctrl-C is for the parent alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_PARENT)
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if not _told_by_the_system():
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    elif os.getppid() != parent.pid:
        os._exit(1)  # it was gone before that


def _follow(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def signals_held() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait while processes are started: a new one is not to be ended by what is for its parent."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _told_by_the_system() -> bool:
    """Whether the system will kill this process when its parent ends."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):  # a C library without it
        return False


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM, unless somebody has told what it is to do, ends what is done here as an exception does, with 143.

    What is to be put in order is put in order then; a second one ends at once.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def end(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.exit(_TERMINATED)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

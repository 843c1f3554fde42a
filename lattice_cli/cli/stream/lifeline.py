"""No process outlives the one that started it, whatever that one ends by, and whatever it is doing itself.

Linux ends a process when its parent does (prctl(2), PR_SET_PDEATHSIG). Elsewhere a thread waits at a pipe whose other
end the parent alone has: it is closed when the parent is no more.
"""

from __future__ import annotations

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


class Lifeline:
    """Made before processes are forked; each of them takes hold of it, and the parent lets go of it at the end."""

    def __init__(self) -> None:
        self._parent = os.getpid()
        self._theirs, self._ours = os.pipe()

    def take_hold(self) -> None:
        """Of a forked process: end when its parent does."""
        os.close(self._ours)
        if not _told_by_the_system():
            threading.Thread(target=self._wait, daemon=True).start()
        elif os.getppid() != self._parent:
            os._exit(1)  # it was gone before that

    def _wait(self) -> None:
        os.read(self._theirs, 1)
        os._exit(1)

    def let_go(self) -> None:
        """Of the parent: its processes have ended, or are to."""
        for end in (self._theirs, self._ours):
            os.close(end)


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

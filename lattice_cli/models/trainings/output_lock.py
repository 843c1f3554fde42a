"""A training, or a run, has its output to itself: a lock that ends with the process, however that ends.

    with OutputLock("model.npz"):
        ...

The system keeps the lock (flock(2), on Windows msvcrt.locking) on a file beside the model, in which stands whose it is.
What that process left half-written, should it have been killed, is known by its number and removed by the next one.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from time import sleep
from types import TracebackType

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.io import unfinished_name

#: The byte that is locked where a lock keeps others from reading: one that is never written.
_BYTE = 1 << 20
#: Seconds, and tries, until it is held for taken: processes that a killed one has forked may have it a moment longer.
_PATIENCE, _TRIES = 1.0, 20
_OWNER = re.compile(r"process ([0-9]{1,18}), since [-+:0-9T]+\n")


class OutputLock:
    """The lock of an output, taken. note: what there is to say of it, such as that this file system has no locks."""

    def __init__(self, output: str, by: str = "training") -> None:
        """by: what writes it. Raises UsageError, with whose it is, where another process has it; FormatError where it
        cannot be written."""
        target = Path(os.path.realpath(output))
        self._path, self._by, self.note = target.with_name(f"{target.name}.lock"), by, ""
        self._file: int | None = None
        try:
            while self._file is None:
                self._file = self._taken(output)
            previous = _owner(self._file)
            if previous:
                _remove_unfinished(target, int(previous[1]))
            since = datetime.now(timezone.utc).isoformat(timespec="seconds")
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, f"process {os.getpid()}, since {since}\n".encode())
        except OSError as error:
            raise FormatError(f"{self._path}: cannot write: {error.strerror or error}") from None

    def _taken(self, output: str) -> int | None:
        """The file, opened and locked; None if it was removed meanwhile by whoever had it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            for _ in range(_TRIES):
                with suppress(BlockingIOError, PermissionError):
                    _lock(file)
                    break
                sleep(_PATIENCE / _TRIES)
            else:
                _lock(file)
        except (BlockingIOError, PermissionError):
            owner = _owner(file)
            os.close(file)
            whose = owner[0].strip() if owner else "another process"
            raise UsageError(
                f"{output} is being written by a {self._by} already ({whose}): expected another output, or its end"
            ) from None
        except OSError as error:
            self.note = f"{output} is not locked ({error.strerror or error}): no other {self._by} is to write it"
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(self._path)):
                return file
        os.close(file)
        return None

    def release(self) -> None:
        """Let others have the output, if it was not let go of before."""
        if self._file is not None:
            with suppress(OSError):  # what another system keeps open cannot be removed: it is empty of meaning by then
                self._path.unlink()
            os.close(self._file)
            self._file = None

    def __enter__(self) -> OutputLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def _owner(file: int) -> re.Match[str] | None:
    """What stands in a lock."""
    os.lseek(file, 0, os.SEEK_SET)
    return _OWNER.match(os.read(file, 100).decode("ascii", "replace"))


def _lock(file: int) -> None:
    """Lock an open file without waiting. Raises BlockingIOError or PermissionError where another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        os.lseek(file, _BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_unfinished(target: Path, process: int) -> None:
    """What a process that is no more had not finished writing: of the model and of the files beside it."""
    names = [unfinished_name(f"{target.name}{more}", process) for more in ("", ".checkpoint", ".history.jsonl")]
    for path in target.parent.iterdir():
        if any(name.fullmatch(path.name) for name in names):
            with suppress(OSError):
                path.unlink()

"""Standard input, output and error as commands may rely on them, whatever they were started with."""

from __future__ import annotations

import errno
import io
import os
import re
import select
import sys
from typing import Any

from lattice_cli.errors import UNSEEN, InternalError, printable

STDOUT = "standard output"
#: What a terminal would obey, but for the end of a line and the tab.
_OBEYED = rf"[\x00-\x08\x0b-\x1f]|{UNSEEN}"


class _Closed(io.RawIOBase):
    """What a stream that was closed is: it can neither be read nor written."""

    name = STDOUT

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise OSError(errno.EBADF, "it is closed")

    def write(self, data: Any) -> int:
        raise OSError(errno.EBADF, "it is closed", self.name)


class _Output(io.FileIO):
    """Standard output, whose faults name it; one that does not wait for its reader is waited for."""

    def write(self, data: Any) -> int:
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            error.filename = STDOUT
            raise
        return written


class _Messages(_Output):
    """Standard error: what it cannot take is lost, and that changes nothing."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def open_streams() -> None:
    """Standard streams that are all there: to be called first.

    Those that were closed are held open on /dev/null, so that no file that is opened later gets their numbers. What the
    terminal's encoding has no place for is escaped. Streams that someone has put in their place are left alone.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: those below are open by now
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed()), "utf-8")
    out, messages = sys.__stdout__, sys.__stderr__
    if out is None:
        sys.stdout = _text(_Closed(), "utf-8", False)
    elif sys.stdout is out:
        sys.stdout = _text(_Output(1, "wb", closefd=False), out.encoding, out.line_buffering)
    if sys.stderr is messages:
        encoding = "utf-8" if messages is None else messages.encoding
        sys.stderr = _text(_Messages(2, "wb", closefd=False), encoding, True)


def _text(raw: io.RawIOBase, encoding: str, by_line: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=by_line)


def discard_output() -> None:
    """Let what standard output cannot take go into nothing, so that Python does not complain once more when it ends."""
    sys.stdout = _text(io.FileIO(os.devnull, "wb"), "utf-8", False)


def complain(message: str, error: BaseException | None = None, says: str = "lattice") -> None:
    """A message on standard error, behind all output so far: a line, which a terminal gets folded between words.

    error: what it is about; with LATTICE_DEBUG in the environment, where an internal error happened is told as well.
    says: what stands before it.
    """
    sys.stdout.flush()
    line = f"{says}: {printable(message)}"
    print(_folded(line) if sys.stderr.isatty() else line, file=sys.stderr)
    if isinstance(error, InternalError) and os.environ.get("LATTICE_DEBUG"):
        sys.stderr.write(error.trace)


def _folded(line: str) -> str:
    """A line as the terminal of standard error shows it best."""
    import textwrap

    try:
        columns = os.get_terminal_size(2).columns
    except OSError:
        return line
    if len(line) <= columns or not columns:
        return line
    return textwrap.fill(line, columns, break_long_words=False, break_on_hyphens=False)


def put(document: str | bytes) -> None:
    """A document, or lines for programs, on standard output: in UTF-8 whatever the locale.

    A terminal gets text in its own encoding, and nothing that it would obey.
    """
    if not sys.stdout.isatty() and hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(document.encode() if isinstance(document, str) else document)
        return
    text = document if isinstance(document, str) else document.decode()
    if sys.stdout.isatty():
        text = re.sub(_OBEYED, lambda found: repr(found[0])[1:-1], text)
    sys.stdout.write(text)

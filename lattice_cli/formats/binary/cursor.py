"""Bytes taken from the front of an input, with every size checked against the bytes that are there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.errors import FormatError

_INT32, _INT64 = struct.Struct("<i"), struct.Struct("<q")


class Cursor:
    """A place in the bytes of an input, which are asked for as they are needed.

    data: the bytes that have arrived and are not behind the last `begin`. at: the place among them. name: for messages.
    Nothing is allocated by a size that a file states: bytes are waited for first, until there are no more.
    """

    def __init__(self, chunks: Iterator[bytes], name: str, offset: int = 0) -> None:
        """offset: of the first byte in its file."""
        self.name = name
        self.data = bytearray()
        self.at = 0
        self._chunks = chunks
        self._behind = offset

    @property
    def position(self) -> int:
        """The offset of the next byte in the file."""
        return self._behind + self.at

    @property
    def idle(self) -> bool:
        """Whether all that has arrived so far was taken."""
        return self.at == len(self.data)

    def begin(self) -> None:
        """Forget what was taken."""
        self._behind += self.at
        del self.data[: self.at]
        self.at = 0

    def has(self, size: int) -> bool:
        """Whether this many bytes follow."""
        while len(self.data) - self.at < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                return False
            self.data += chunk
        return True

    def require(self, size: int, what: str) -> None:
        """Raises FormatError where fewer bytes follow."""
        if not self.has(size):
            there = max(0, len(self.data) - self.at)
            raise self.error(f"{there} bytes are left, expected {size} of {what}: is the file cut short?")

    def error(self, message: str) -> FormatError:
        """The message with the place in the file."""
        return FormatError(f"{self.name}: byte {self.position}: {message}")

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer at the end; they are not taken."""
        self.has(size)
        return bytes(self.data[self.at : self.at + size])

    def take(self, size: int, what: str) -> bytes:
        """The next bytes. Raises FormatError where there are fewer."""
        self.require(size, what)
        with memoryview(self.data) as view:
            taken = bytes(view[self.at : self.at + size])
        self.at += size
        return taken

    def unpack(self, form: struct.Struct, what: str) -> tuple[Any, ...]:
        """The next values."""
        return form.unpack(self.take(form.size, what))

    def int32(self, what: str) -> int:
        """The next four bytes as a number."""
        number: int = self.unpack(_INT32, what)[0]
        return number

    def int64(self, what: str) -> int:
        """The next eight bytes as a number."""
        number: int = self.unpack(_INT64, what)[0]
        return number

    def array(self, kind: np.dtype[Any], count: int, what: str) -> NDArray[Any]:
        """(count,) the next values of a kind."""
        if count < 0:
            raise self.error(f"the number of {what} is {count}, expected 0 or more")
        return np.frombuffer(self.take(count * kind.itemsize, what), dtype=kind)

    def string(self, what: str) -> bytes:
        """A string with its length, an int32, in front."""
        size = self.int32(f"the length of {what}")
        if size < 0:
            raise self.error(f"the length of {what} is {size}, expected 0 or more")
        return self.take(size, what)

    def line(self) -> bytes:
        """The bytes up to the next line end, which is taken as well; all others where there is none."""
        searched = 0
        while (end := self.data.find(b"\n", self.at + searched)) < 0:
            searched = len(self.data) - self.at
            if not self.has(searched + 1):
                return self.take(searched, "a line")
        return self.take(end + 1 - self.at, "a line")[:-1]

"""Where bytes come from: files, standard input, gzip; and lines of a stream as they arrive.

Text is UTF-8 from here on: what is in another encoding, which has to be said, is recoded as it is read.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.remote import is_remote, opened

if TYPE_CHECKING:
    import gzip


STDIN = "-"
_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
#: How binary forms begin: .npz, .npy, OpenFst's files, and behind a key, if any, Kaldi's objects. No text of more than
#: a byte a character begins so.
_BINARY = re.compile(rb"PK\x03\x04|\x93NUMPY|(\s*[^\s\0]+[ \t])?(\xd6\xfd\xb2\x7e|\0B[A-Z<])")
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",  # which UTF-32 begins with
    codecs.BOM_UTF16_BE: "UTF-16",
}
#: Bytes that tell a form where there is no line end among them.
_TELLING = 256
_USUAL_MEMORY = 16 << 30


#: How many bytes packed or piped input may come to in memory, where it is not read piece by piece.
UNPACKED = "LATTICE_MAX_UNPACKED"


def most_unpacked() -> int:
    """So many bytes: what the environment says, or else half of the memory of the machine. Raises UsageError."""
    told = os.environ.get(UNPACKED, "")
    if told:
        if not (told.isascii() and told.isdigit()) or len(told) > 18:
            raise UsageError(f"{UNPACKED} is {told!r}, expected a number of bytes")
        return int(told)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):  # no such thing on this system
        return _USUAL_MEMORY // 2


def too_much_unpacked(what: str, size: int) -> FormatError:
    """The error of an input that comes to `size` bytes or more."""
    most = f"{most_unpacked():,}"
    return FormatError(
        f"{what}: unpacks to {size:,} bytes or more, expected {most} at most, half of the memory or what "
        f"{UNPACKED} says: a number of bytes there allows more"
    )


class Source:
    """An open input: its name for messages, a look at its first bytes, then all of it or line by line.

    encoding: of its text, None for UTF-8. offset: the byte that reading begins at, of what is no pipe. Raises
    FormatError where it cannot be read, UsageError for an encoding that there is not.
    """

    def __init__(self, path: str, encoding: str | None = None, offset: int = 0) -> None:
        recoder = None if encoding is None else _recoder(encoding)
        self.name = "standard input" if path == STDIN else path
        if path == STDIN and sys.stdin is None:
            raise FormatError(f"{self.name}: is closed")
        try:
            if path == STDIN:
                raw = cast(BinaryIO, sys.stdin.buffer)
            elif is_remote(path):
                raw = cast(BinaryIO, opened(path))
            else:
                raw = Path(path).open("rb")  # noqa: SIM115
        except (OSError, ValueError) as error:  # ValueError: a name with a null character
            raise FormatError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from None
        self._raw = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
        self._file: io.BufferedReader | gzip.GzipFile | _Recoded = self._raw
        self._size = size_of(self._raw)
        self._most: int | None = None
        try:
            self._begin_at(offset)
            self._head = self._read_chunk()
            if self._head.startswith(_GZIP):
                import gzip

                self._file = gzip.GzipFile(fileobj=cast(BinaryIO, _Rest(self._head, self._raw)))
                self._head = self._read_chunk()
            if encoding is not None and recoder is not None and not _BINARY.match(self.head):
                self._file = _Recoded(self._head, self._file, recoder, encoding, self.name)
                self._head = self._read_chunk()
        except FormatError:
            self.close()
            raise

    def _begin_at(self, offset: int) -> None:
        try:
            if offset:
                self._raw.seek(offset)
        except OSError as error:
            raise FormatError(f"{self.name}: cannot read from byte {offset} on: {error.strerror or error}") from None

    @property
    def size(self) -> int | None:
        """The bytes of its file; None for a pipe and the like."""
        return self._size

    @property
    def plain(self) -> bool:
        """Whether it is a file of the system as it lies there, neither packed nor recoded."""
        return self._file is self._raw and self._size is not None and self.name != "standard input"

    @property
    def head(self) -> bytes:
        """The first bytes, as many as came at once, but at least a line, or as much as tells a form."""
        while not self._tells(self._head) and (more := self._read_chunk()):
            self._head += more
        return self._head

    @property
    def first_line(self) -> bytes:
        """The first line that is not blank, whole, however long it takes to arrive."""
        parts = [self.head]
        while b"\n" not in parts[-1].lstrip() and (more := self._read_chunk()):
            parts.append(more)
            self.require_room(len(parts) * _CHUNK)
        self._head = b"".join(parts)
        return self._head.lstrip().partition(b"\n")[0]

    @staticmethod
    def _tells(head: bytes) -> bool:
        """Whether this is enough to tell a form by; programs may write the key of a record by itself."""
        begun = head.lstrip()
        return len(begun) >= _TELLING or b"\n" in begun

    def _read_chunk(self) -> bytes:
        """What is there now, waiting only if nothing is; empty at the end."""
        try:
            return self._file.read1(_CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or error
            raise FormatError(f"{self.name}: cannot read: {reason}") from None

    def everything(self) -> bytes:
        """All bytes."""
        try:
            if self._file is self._raw and self._raw.seekable():
                self._raw.seek(-len(self._head), io.SEEK_CUR)
                return self._raw.read()  # in one piece: large files are not to be held twice
        except OSError as error:
            raise FormatError(f"{self.name}: cannot read: {error.strerror or error}") from None
        return b"".join(self._held(self.chunks()))

    def _held(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Pieces that are kept until there are no more. Raises FormatError where they would fill the memory."""
        size = 0
        for chunk in chunks:
            size += len(chunk)
            self.require_room(size)
            yield chunk

    def require_room(self, size: int) -> None:
        """Raises FormatError where so many bytes of what is no plain file are more than memory should hold."""
        if self._file is not self._raw or self._size is None:
            if self._most is None:
                self._most = most_unpacked()
            if size > self._most:
                raise too_much_unpacked(self.name, size)

    def chunks(self) -> Iterator[bytes]:
        """All bytes, in pieces as they arrive."""
        chunk = self._head
        while chunk:
            yield chunk
            chunk = self._read_chunk()

    def lines(self) -> Iterator[tuple[int, bytes | None]]:
        """(number, line without its end), and None for a line when all that has arrived was given.

        More may take a while.
        """
        number = 0
        for line in self._unnumbered():
            number += line is not None
            yield number, line

    def _unnumbered(self) -> Iterator[bytes | None]:
        parts: list[bytes] = []
        size = 0
        for chunk in self.chunks():
            *complete, rest = chunk.split(b"\n")
            for line in complete:
                yield b"".join([*parts, line])
                parts, size = [], 0
            if rest:
                parts.append(rest)
                size += len(rest)
                self.require_room(size)
            if complete:
                yield None
        if parts:
            yield b"".join(parts)

    def share(self, given: int) -> float | None:
        """Which part of the file is read, once `given` bytes of its contents were given; None for what is no file."""
        size = self._size
        # What is packed or recoded has other sizes than its file: how far that is read is all there is to know.
        read = given if self._file is self._raw else self._raw.tell() if size else 0
        return read / size if size and read <= size else None

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._raw is not getattr(sys.stdin, "buffer", None):
            self._file.close()
            self._raw.close()


def size_of(file: io.BufferedIOBase | BinaryIO) -> int | None:
    """The bytes of an open file; None for a pipe, a terminal, and what is no file of the system."""
    try:
        found = os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


class _Rest(io.RawIOBase):
    """Bytes already read, then the rest of a file, for gzip to read from."""

    def __init__(self, head: bytes, rest: io.BufferedReader) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._head:
            taken = self._head if size < 0 else self._head[:size]
            self._head = self._head[len(taken) :]
            return taken + (self._rest.read() if size < 0 else b"")
        return self._rest.read(size) if size < 0 else self._rest.read1(size)


class _Recoded:
    """Bytes of text in another encoding, as UTF-8. head: those that were read already."""

    def __init__(
        self,
        head: bytes,
        rest: io.BufferedReader | gzip.GzipFile | _Recoded,
        recoder: codecs.IncrementalDecoder,
        encoding: str,
        source: str,
    ) -> None:
        self._head, self._rest, self._recoder = head, rest, recoder
        self._encoding, self._source = encoding, source
        self._line, self._ended = 1, False

    def read1(self, size: int = -1) -> bytes:
        """What is there now; empty at the end. Raises FormatError with the line of a byte that is not so encoded."""
        text = ""
        while not text and not self._ended:
            data, self._head = self._head or self._rest.read1(size), b""
            self._ended = not data
            try:
                text = self._recoder.decode(data, final=self._ended)
            except UnicodeError as error:
                line = self._line + data.count(b"\n", 0, getattr(error, "start", 0))
                reason = getattr(error, "reason", error)
                raise FormatError(f"{self._source}:{line}: is no text in {self._encoding}: {reason}") from None
        self._line += text.count("\n")
        return text.encode("utf-8", "surrogatepass")

    def close(self) -> None:
        """Close what is recoded."""
        self._rest.close()


def _recoder(encoding: str) -> codecs.IncrementalDecoder:
    """What decodes text piece by piece. Raises UsageError for a name of no encoding of text."""
    try:
        with suppress(UnicodeDecodeError):
            b" ".decode(encoding)  # unlike lookup, this refuses what turns bytes into bytes
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        known = "such as utf-8, latin-1, utf-16, cp1252, shift_jis"
        raise UsageError(f"no encoding is called {encoding!r}, expected one that Python knows, {known}") from None


def decoded(data: bytes, source: str, first_line: int = 1) -> str:
    """The text of UTF-8 bytes, a byte order mark taken off. Raises FormatError with the line of a bad byte, and says
    what the text may be instead."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + first_line
        found = f"byte 0x{data[error.start]:02x} is not UTF-8 text"
        raise FormatError(f"{source}:{line}: {found}{_other_encoding(data, error.start)}") from None
    if data.count(b"\0") * 3 > len(data):
        raise FormatError(f"{source}:{first_line}: every other byte is 0{_other_encoding(data, 0)}")
    return text


def _other_encoding(data: bytes, start: int) -> str:
    """What bytes that are not UTF-8 from `start` on may be, for the end of a message."""
    name = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "")
    if name:
        return f": the file is {name} text, --encoding {name.lower()} reads it"
    if data.count(b"\0") * 3 > len(data):
        order = "le" if data[1::2].count(0) > data[::2].count(0) else "be"
        return f": it looks like UTF-16 text, --encoding utf-16-{order} reads it"
    if b"\0" in data or not data[:start].isascii():
        return ""  # no text, or UTF-8 that was damaged
    return f": it is {chr(data[start])!r} if the file is Latin-1, which --encoding latin-1 reads"


def read_text(path: str, encoding: str | None = None) -> tuple[str, str]:
    """The text of a file ("-": standard input), gzipped or not, and its name for messages. Raises FormatError."""
    source = Source(path, encoding)
    try:
        return decoded(source.everything(), source.name), source.name
    finally:
        source.close()

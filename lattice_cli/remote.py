"""Files that are not of this system: whatever fsspec (the extra remote) opens, by their URLs; sole importer of it.

https://..., s3://bucket/name, gs://..., sftp://..., hdfs://... and others, of which some need a package more, as fsspec
says then.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

from lattice_cli.errors import FormatError, UsageError

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.ASCII)


def is_remote(path: str) -> bool:
    """Whether a path is a URL."""
    return _URL.match(path) is not None


def opened(path: str) -> IO[bytes]:
    """The file at a URL, to be read. Raises FormatError where it cannot be, UsageError where nothing knows how."""
    system, place = _system(path)
    with _said(path, "read"):
        return cast("IO[bytes]", io.BufferedReader(system.open(place, "rb")))


def remote_state(path: str) -> tuple[int, int]:
    """The bytes of a file at a URL, and a number that is another one when it has changed. Raises as `opened` does."""
    import hashlib

    system, place = _system(path)
    with _said(path, "read"):
        size = system.info(place).get("size")
        return int(size or 0), int(hashlib.sha256(str(system.ukey(place)).encode()).hexdigest()[:15], 16)


def remote_files(pattern: str) -> list[str]:
    """The URLs of the files that a pattern fits, by their names. Raises as `opened` does."""
    system, place = _system(pattern)
    with _said(pattern, "read"):
        found = [name for name, about in system.glob(place, detail=True).items() if about["type"] == "file"]
        return sorted(system.unstrip_protocol(name) for name in found)


class RemoteFile:
    """A file at a URL that is there whole or not at all, as far as its system can do that: stores of objects can. See
    WholeFile."""

    def __init__(self, path: str) -> None:
        """Raises UsageError where nothing knows how to write there, FormatError where it cannot be written."""
        self.path = path
        system, place = _system(path)
        with _said(path, "write"):
            self._file = system.open(place, "wb", autocommit=False)
        self.file: IO[bytes] = cast("IO[bytes]", self._file)
        self._kept = False

    def keep(self) -> None:
        """It is whole. Raises FormatError where it cannot be written."""
        with _said(self.path, "write"):
            self._file.close()
            self._file.commit()
            self._kept = True

    def __enter__(self) -> RemoteFile:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            with suppress(Exception):  # there is nothing to be kept
                self._file.close()
                self._file.discard()


def _system(path: str) -> tuple[Any, str]:
    """What opens a URL, and the name that it has there."""
    try:
        import fsspec  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise UsageError(f"{path}: a URL needs fsspec (the extra remote): {error}") from None
    try:
        system, place = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{path}: cannot be opened: {error}") from None
    return system, place


@contextmanager
def _said(path: str, what: str) -> Iterator[None]:
    """Whatever systems raise, each in its own way, is that the file cannot be read or written."""
    try:
        yield
    except (OSError, ValueError, ImportError) as error:
        raise FormatError(f"{path}: cannot {what}: {getattr(error, 'strerror', None) or error}") from None
    except Exception as error:
        raise FormatError(f"{path}: cannot {what}: {type(error).__name__}: {error}") from None

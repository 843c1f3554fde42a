"""Arrays as numpy writes them, one in a file (.npy) or by name in an archive (.npz); nothing is unpickled.

What a header says is compared with the bytes that there are before room is made for it, and of an archive only what is
asked for is unpacked. Format: numpy.lib.format; appnote.txt of PKWARE for the archive.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.io.sources import most_unpacked, too_much_unpacked
from lattice_cli.formats.io.values import first_line

_ARRAY = ".npy"


def read_array(file: IO[bytes], size: int) -> Any:
    """The array of an open .npy file of this many bytes. Raises ValueError for what is none, or another size."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of the form, which has names of columns in it")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Python 2 has written, which is as good
        shape, _, kind = header(file)
        told, there = math.prod(shape) * kind.itemsize, size - file.tell()
        if told != there and not kind.hasobject:
            raise ValueError(f"its header says {shape} of {kind}, which is {told:,} bytes, but there are {there:,}")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


class ArrayArchive(Mapping[str, Any]):
    """The arrays of an .npz file by name, each read when it is asked for first."""

    def __init__(self, data: bytes, source: str) -> None:
        """Raises FormatError for what is no archive of arrays."""
        self._source, self._unpacked = source, 0
        self._found: dict[str, Any] = {}
        if not data.startswith(b"PK"):
            raise FormatError(f"{source}: not a readable .npz file: no zip archive")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except Exception as error:  # a damaged archive makes zipfile raise errors of a dozen kinds
            raise self._unreadable(error) from None
        members = self._archive.infolist()
        alien = next((each.filename for each in members if not each.filename.endswith(_ARRAY)), None)
        if alien is not None:
            hint = ": is it of torch.save? numpy.savez writes arrays" if alien.endswith("data.pkl") else ""
            raise FormatError(f"{source}: holds {alien!r}, which is no array, expected an .npz file{hint}")
        self._members = {each.filename.removesuffix(_ARRAY): each for each in members}
        if len(self._members) < len(members):
            names = [each.filename for each in members]
            twice = next(name for name in names if names.count(name) > 1)
            raise FormatError(f"{source}: not a readable .npz file: it holds {twice!r} twice")

    def _unreadable(self, error: Exception) -> FormatError:
        return FormatError(f"{self._source}: not a readable .npz file: {first_line(error)}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __getitem__(self, name: str) -> Any:
        """The array of this name. Raises FormatError for one that is damaged, or larger than memory should hold."""
        if name not in self._found:
            member = self._members[name]
            self._unpacked += member.file_size
            if self._unpacked > most_unpacked():
                raise too_much_unpacked(f"{self._source}: with array {name!r}", self._unpacked)
            try:
                with self._archive.open(member) as file:
                    self._found[name] = read_array(file, member.file_size)
            except Exception as error:  # numpy does so too
                raise self._unreadable(error) from None
        return self._found[name]

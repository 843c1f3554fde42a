"""Arrays as numpy writes them, one in a file (.npy) or by name in an archive (.npz); nothing is unpickled.

What a header says is compared with the bytes that there are before room is made for it, and of an archive only what is
asked for is unpacked, or, where it is not packed, mapped: then several processes share its pages. Format:
numpy.lib.format; appnote.txt of PKWARE for the archive, whose sections 4.3.7 and 4.5 tell where a member's bytes begin.
"""

from __future__ import annotations

import io
import math
import mmap
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.io.files import whole_file
from lattice_cli.formats.io.sources import most_unpacked, too_much_unpacked
from lattice_cli.formats.io.values import first_line

_ARRAY = ".npy"
#: The array that only an archive of n-grams has, and which tells what is in it.
NGRAMS = "ngrams"
#: The fixed part of the header before a member: its mark, and last the lengths of its name and of what is extra.
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_MARK = b"PK\x03\x04"
#: Arrays begin at multiples of so many bytes, by an extra field of zeros, whose kind nobody else uses.
_ALIGNED, _FILLING = 64, 0xD935


def write_arrays(path: str, arrays: Mapping[str, Any]) -> None:
    """Write an .npz file that can be mapped, whole or not at all: nothing in it is packed, and its arrays are aligned.

    Raises FormatError.
    """
    with whole_file(path) as whole:
        try:
            with zipfile.ZipFile(whole.file, "w") as archive:
                for name, array in arrays.items():
                    member = zipfile.ZipInfo(name + _ARRAY)
                    begin = whole.file.tell() + _LOCAL_HEADER.size + len(member.filename) + 4
                    filling = -begin % _ALIGNED
                    member.extra = struct.pack("<HH", _FILLING, filling) + b"\0" * filling
                    file = io.BytesIO()
                    np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
                    archive.writestr(member, file.getbuffer())
        except OSError as error:
            raise FormatError(f"{path}: cannot write: {error.strerror or error}") from None
        whole.keep()


def read_array(file: IO[bytes], size: int) -> Any:
    """The array of an open .npy file of this many bytes. Raises ValueError for what is none, or another size."""
    _header(file, size)
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, Any]:
    """What the header of an .npy file of this many bytes tells; the file is behind it then. Raises ValueError."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of the form, which has names of columns in it")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Python 2 has written, which is as good
        shape, fortran, kind = header(file)
    told, there = math.prod(shape) * kind.itemsize, size - file.tell()
    if told != there and not kind.hasobject:
        raise ValueError(f"its header says {shape} of {kind}, which is {told:,} bytes, but there are {there:,}")
    return shape, fortran, kind


class ArrayArchive(Mapping[str, Any]):
    """The arrays of an .npz file by name, each read when it is asked for first."""

    def __init__(self, data: bytes | mmap.mmap, source: str) -> None:
        """Raises FormatError for what is no archive of arrays."""
        self._source, self._unpacked = source, 0
        self._found: dict[str, Any] = {}
        if data[:2] != b"PK":
            raise FormatError(f"{source}: not a readable .npz file: no zip archive")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else _Part(data, 0, len(data)))
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
            try:
                self._found[name] = self._read(self._members[name])
            except FormatError:
                raise
            except Exception as error:  # numpy does so too
                raise self._unreadable(error) from None
        return self._found[name]

    def _read(self, member: zipfile.ZipInfo) -> Any:
        """The array of a member, unpacked. Raises FormatError for too large a one, ValueError and others."""
        self._unpacked += member.file_size
        if self._unpacked > most_unpacked():
            name = member.filename.removesuffix(_ARRAY)
            raise too_much_unpacked(f"{self._source}: with array {name!r}", self._unpacked)
        with self._archive.open(member) as file:
            return read_array(file, member.file_size)


class _Part(io.RawIOBase):
    """Some of the bytes of a map, as a file to read from."""

    def __init__(self, data: mmap.mmap, begin: int, size: int) -> None:
        self._data, self._begin, self._size, self._at = data, begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._at + size, self._size)
        found = self._data[self._begin + self._at : self._begin + max(end, self._at)]
        self._at += len(found)
        return found


class MappedArchive(ArrayArchive):
    """The same of a file, whose arrays are mapped where they are not packed and lie as the processor wants them.

    What they hold is looked at when it is used; a sum over all of it (CRC) is not formed.
    """

    def __init__(self, path: str) -> None:
        """Raises FormatError for what cannot be read, or is no archive of arrays."""
        try:
            with open(path, "rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise FormatError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from None
        super().__init__(self._bytes, path)

    def _read(self, member: zipfile.ZipInfo) -> Any:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            return super()._read(member)
        head = self._bytes[member.header_offset : member.header_offset + _LOCAL_HEADER.size]
        if len(head) < _LOCAL_HEADER.size or not head.startswith(_LOCAL_MARK):
            raise ValueError("its directory tells of a member where there is none")
        _, name, extra = _LOCAL_HEADER.unpack(head)
        begin, size = member.header_offset + _LOCAL_HEADER.size + name + extra, member.file_size
        if begin + size > len(self._bytes) or member.compress_size != size:
            raise ValueError(f"a member of {size:,} bytes, but the file ends before")
        file = cast("IO[bytes]", _Part(self._bytes, begin, size))
        shape, fortran, kind = _header(file, size)
        begin += file.tell()
        if kind.hasobject or fortran or begin % kind.alignment or not math.prod(shape):
            return super()._read(member)
        return np.frombuffer(self._bytes, kind, math.prod(shape), begin).reshape(shape)

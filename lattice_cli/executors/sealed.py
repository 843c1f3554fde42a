"""A state as it goes to other processes: pickled, its arrays beside it, so that a file of them can be mapped.

Pickle's protocol 5 (PEP 574) gives large arrays out as buffers. They lie in the file behind each other, at places where
arrays may begin, and whoever opens it maps them: processes of one machine share the memory of a large grammar.
"""

from __future__ import annotations

import mmap
import pickle
from dataclasses import dataclass
from typing import IO, Any

from lattice_cli.errors import LatticeError

#: Arrays begin at multiples of it.
_ALIGNED = 64
#: Smaller buffers stay in the pickle.
_LARGE = 1 << 12


@dataclass(frozen=True)
class Sealed:
    """version: of the package. body: the pickle. sizes: of its buffers, in bytes. path: the file of the buffers; rest:
    they themselves, where there is no file."""

    version: str
    body: bytes
    sizes: tuple[int, ...]
    path: str | None = None
    rest: bytes = b""

    def opened(self) -> Any:
        """The state. Its arrays may be written to, which changes them for this process alone. Raises LatticeError
        where it was sealed by another version of the package."""
        if self.version != _version():
            raise LatticeError(f"a worker has lattice {_version()}, expected {self.version}, which gives it work")
        whole: Any = bytearray(self.rest)
        if self.path is not None and self.sizes:
            with open(self.path, "rb") as file:
                whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        view, first, buffers = memoryview(whole), 0, []
        for size in self.sizes:
            buffers.append(view[first : first + size])
            first += _padded(size)
        return pickle.loads(self.body, buffers=buffers)


def sealed(state: Any, file: IO[bytes] | None = None) -> Sealed:
    """A state made ready to be sent. file: takes the buffers, and has a name; None: they are sent as well."""
    buffers: list[memoryview] = []

    def apart(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _LARGE:
            return True  # stays where it is
        buffers.append(raw)
        return False

    body = pickle.dumps(state, 5, buffer_callback=apart)
    sizes = tuple(each.nbytes for each in buffers)
    padded = (part for each in buffers for part in (each, bytes(_padded(each.nbytes) - each.nbytes)))
    if file is None:
        return Sealed(_version(), body, sizes, None, b"".join(padded))
    for part in padded:
        file.write(part)
    file.flush()
    return Sealed(_version(), body, sizes, file.name)


def _version() -> str:
    from lattice_cli import __version__

    return __version__


def _padded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED

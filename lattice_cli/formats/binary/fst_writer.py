"""OpenFst's binary files put together: a VectorFst of columns, with symbol tables inside."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

from lattice_cli.formats.binary.fst_types import ARC_TYPES, HAS_ISYMBOLS, HAS_OSYMBOLS, MAGIC, SYMBOLS_MAGIC, FstFile

_VERSION = 2
#: Properties that a file has to state: that it can be expanded and changed; and whether its arcs have one label.
_EXPANDED_MUTABLE, _ACCEPTOR, _NOT_ACCEPTOR = 0x3, 0x10000, 0x20000


def fst_bytes(fst: FstFile) -> bytes:
    """The bytes of a VectorFst. Arcs are sorted by state."""
    tables = (fst.isymbols, fst.osymbols)
    flags = sum(flag for flag, table in zip((HAS_ISYMBOLS, HAS_OSYMBOLS), tables) if table is not None)
    acceptor = np.array_equal(fst.ilabel, fst.olabel)
    properties = _EXPANDED_MUTABLE | (_ACCEPTOR if acceptor else _NOT_ACCEPTOR)
    numbers = struct.pack("<iiQqqq", _VERSION, flags, properties, fst.start, len(fst.final), 0)
    head = struct.pack("<i", MAGIC) + _string(b"vector") + _string(fst.arc_type.encode()) + numbers
    return b"".join([head, *(_symbols(table) for table in tables if table is not None), *_states(fst)])


def _string(data: bytes) -> bytes:
    return struct.pack("<i", len(data)) + data


def _symbols(table: Mapping[int, str]) -> bytes:
    """A table inside of a file: its name, the next number, its size, and its entries."""
    head = struct.pack("<i", SYMBOLS_MAGIC) + _string(b"labels")
    head += struct.pack("<qq", max(table, default=-1) + 1, len(table))
    return head + b"".join(_string(label.encode()) + struct.pack("<q", number) for number, label in table.items())


def _states(fst: FstFile) -> list[bytes]:
    """Each state's final weight and number of arcs, and then its arcs."""
    kind = ARC_TYPES[fst.arc_type]
    counts = np.bincount(fst.src, minlength=len(fst.final))
    ends = np.cumsum(counts).tolist()
    if kind.strings:
        return _compact_states(fst, counts.tolist())
    heads = np.empty(len(fst.final), dtype=[kind.weight, ("arcs", "<i8")])
    heads["weight"], heads["arcs"] = fst.final, counts
    arcs = np.empty(len(fst.src), dtype=kind.arc)
    arcs["ilabel"], arcs["olabel"], arcs["weight"], arcs["next"] = fst.ilabel, fst.olabel, fst.weight, fst.dst
    head, arc = heads.tobytes(), arcs.tobytes()
    wide, narrow = heads.dtype.itemsize, arcs.dtype.itemsize
    parts = []
    for state, (begin, end) in enumerate(zip([0, *ends], ends)):
        parts.append(head[wide * state : wide * (state + 1)])
        parts.append(arc[narrow * begin : narrow * end])
    return parts


def _compact_states(fst: FstFile, counts: Sequence[int]) -> list[bytes]:
    """The same with strings of transition-ids in the weights."""
    letter = "d" if ARC_TYPES[fst.arc_type].float == "<f8" else "f"
    weight, labels = struct.Struct(f"<2{letter}"), struct.Struct("<ii")
    strings = [_string_of_ids(text) for text in fst.strings]
    columns = zip(fst.ilabel.tolist(), fst.olabel.tolist(), fst.weight.tolist(), fst.string.tolist(), fst.dst.tolist())
    parts = []
    for final, string, count in zip(fst.final.tolist(), fst.end_string.tolist(), counts):
        parts += [weight.pack(*final), strings[string], struct.pack("<q", count)]
        for _ in range(count):
            one, other, costs, string, head = next(columns)
            parts += [labels.pack(one, other), weight.pack(*costs), strings[string], struct.pack("<i", head)]
    return parts


def _string_of_ids(text: str) -> bytes:
    ids = np.array([int(number) for number in text.split("_")] if text else [], dtype="<i4")
    return struct.pack("<i", len(ids)) + ids.tobytes()

"""OpenFst's binary files taken apart: header, symbol tables, and the states and arcs of a VectorFst or ConstFst.

Numbers only, little-endian. A weight is one number (tropical and log semirings) or, in Kaldi's lattices, two of them
and in a CompactLattice a string of transition-ids as well. Sources: OpenFst's fst.cc (FstHeader), symbol-table.cc,
vector-fst.h and const-fst.h; Kaldi's fstext/lattice-weight.h.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.binary.cursor import Cursor

MAGIC, SYMBOLS_MAGIC = 2125659606, 2125658996
HAS_ISYMBOLS, HAS_OSYMBOLS, IS_ALIGNED = 1, 2, 4
_HEADER = struct.Struct("<iiQqqq")
_LONGEST_TYPE = 100
_ALIGNMENT = 16
#: The type of a ConstFst -> that of its counters.
_CONST = {"const": "<u4", "const8": "<u1", "const16": "<u2", "const64": "<u8"}


class ArcType(NamedTuple):
    """float: the type of the numbers of a weight. numbers: how many. strings: whether transition-ids go with them."""

    float: str
    numbers: int = 1
    strings: bool = False

    @property
    def weight(self) -> tuple[Any, ...]:
        """The weight as a field of a numpy record; one number as a row of one."""
        return ("weight", self.float, (self.numbers,))

    @property
    def arc(self) -> list[tuple[Any, ...]]:
        """An arc as the fields of a numpy record."""
        return [("ilabel", "<i4"), ("olabel", "<i4"), self.weight, ("next", "<i4")]


ARC_TYPES = {
    "standard": ArcType("<f4"),
    "log": ArcType("<f4"),
    "log64": ArcType("<f8"),
    "tropical64": ArcType("<f8"),
    "lattice4": ArcType("<f4", 2),
    "lattice8": ArcType("<f8", 2),
    "compactlattice44": ArcType("<f4", 2, True),
    "compactlattice84": ArcType("<f8", 2, True),
}


@dataclass(frozen=True)
class FstFile:
    """What a file holds.

    arc_type: a name of ARC_TYPES. start: the start state, -1 for none. src, dst: (arcs,) states. ilabel, olabel:
    (arcs,) numbers. weight: (arcs, 1 or 2); final: (states, 1 or 2), +inf for what is impossible. string, end_string:
    (arcs,) and (states,) places in `strings`, of transition-ids; place 0 is none. isymbols, osymbols: its tables.
    """

    arc_type: str
    start: int
    src: IntArray
    dst: IntArray
    ilabel: IntArray
    olabel: IntArray
    weight: FloatArray
    final: FloatArray
    string: IntArray
    end_string: IntArray
    strings: Sequence[str] = ("",)
    isymbols: dict[int, str] | None = None
    osymbols: dict[int, str] | None = None


class _Header(NamedTuple):
    fst_type: str
    arc_type: str
    version: int
    flags: int
    properties: int
    start: int
    states: int
    arcs: int


def read_fst_file(cursor: Cursor, alone: bool) -> FstFile:
    """The automaton that begins here. alone: the input ends with it, so that it need not say how many states it has.

    Raises FormatError, with the byte, for what is damaged, and with its name for a type that is not read.
    """
    header = _header(cursor)
    kind = ARC_TYPES[header.arc_type]
    tables = [_symbols(cursor) if header.flags & flag else None for flag in (HAS_ISYMBOLS, HAS_OSYMBOLS)]
    if header.states < 0 and not (alone and header.states == -1 and header.fst_type == "vector"):
        raise cursor.error(f"the number of states is {header.states}, expected 0 or more")
    if header.fst_type != "vector":
        found = _const(cursor, header, kind)
    elif kind.strings:
        found = _compact_lattice(cursor, header)
    else:
        found = _vector(cursor, header, kind)
    _check(found, cursor.name)
    return replace(found, isymbols=tables[0], osymbols=tables[1])


def _header(cursor: Cursor) -> _Header:
    """The header; of types that are read."""
    if cursor.int32("the magic number") != MAGIC:
        raise cursor.error("expected the magic number of an OpenFst file before this byte")
    types = []
    for what in ("the type of the automaton", "the type of its arcs"):
        size = cursor.int32(f"the length of {what}")
        if not 0 < size <= _LONGEST_TYPE:
            raise cursor.error(f"the length of {what} is {size}, expected 1 to {_LONGEST_TYPE}")
        types.append(cursor.take(size, what).decode("latin-1"))
    header = _Header(types[0], types[1], *cursor.unpack(_HEADER, "a header"))
    if header.fst_type != "vector" and header.fst_type not in _CONST:
        raise FormatError(
            f"{cursor.name}: an OpenFst file of type {header.fst_type!r}, expected vector or const "
            "(fstconvert --fst_type=vector makes one)"
        )
    if header.arc_type not in ARC_TYPES:
        raise FormatError(f"{cursor.name}: arcs of type {header.arc_type!r}, expected one of {', '.join(ARC_TYPES)}")
    if header.fst_type != "vector" and ARC_TYPES[header.arc_type].strings:
        raise FormatError(f"{cursor.name}: a ConstFst of a CompactLattice, expected type vector")
    if header.version != 2 and (header.version != 1 or header.fst_type == "vector"):
        raise FormatError(f"{cursor.name}: version {header.version} of the file format, expected 2 (or 1 of const)")
    return header


def _symbols(cursor: Cursor) -> dict[int, str]:
    """A symbol table inside of a file, number -> label. Raises FormatError for a label or number that comes twice."""
    if cursor.int32("the magic number of a symbol table") != SYMBOLS_MAGIC:
        raise cursor.error("expected the magic number of a symbol table before this byte")
    cursor.string("the name of a symbol table")
    cursor.int64("the next number of a symbol table")
    labels: dict[int, str] = {}
    for _ in range(cursor.int64("the size of a symbol table")):
        data = cursor.string("a symbol")
        number = cursor.int64("the number of a symbol")
        try:
            label = data.decode()
        except UnicodeDecodeError:
            raise cursor.error(f"symbol {number} is {data[:40]!r}, expected UTF-8 text") from None
        if number in labels:
            raise cursor.error(f"number {number} is there twice in the symbol table, expected each once")
        labels[number] = label
    if len(set(labels.values())) < len(labels):
        found = sorted(labels.values())
        twice = next(one for one, other in pairwise(found) if one == other)
        raise cursor.error(f"label {twice!r} is there twice in the symbol table, expected each once")
    return labels


def _vector(cursor: Cursor, header: _Header, kind: ArcType) -> FstFile:
    """States one after the other: final weight, number of arcs, arcs. All arcs are made numbers at once."""
    arc = np.dtype(kind.arc)
    head = np.dtype([kind.weight, ("arcs", "<i8")])
    count_at, count_of = head.itemsize - 8, struct.Struct("<q").unpack_from
    data, begin = cursor.data, cursor.at
    at, there = begin, len(cursor.data)
    places: list[int] = []
    while len(places) != header.states:
        cursor.at = at
        if at + head.itemsize > there:
            if header.states < 0 and not cursor.has(1):
                break
            cursor.require(head.itemsize, f"state {len(places)}")
        (count,) = count_of(data, at + count_at)
        places.append(at)
        at += head.itemsize
        if count < 0 or at + count * arc.itemsize > there:
            cursor.at = at
            if count < 0:
                raise cursor.error(f"state {len(places) - 1} has {count} arcs, expected 0 or more")
            cursor.require(count * arc.itemsize, f"{count} arcs of state {len(places) - 1}")
            there = len(data)
        at += count * arc.itemsize
    cursor.at = at
    places.append(at)
    heads = b"".join([data[place : place + head.itemsize] for place in places[:-1]])
    arcs = b"".join([data[place + head.itemsize : end] for place, end in pairwise(places)])
    states = np.frombuffer(heads, dtype=head)
    records = np.frombuffer(arcs, dtype=arc)
    src = np.repeat(np.arange(len(states)), states["arcs"])
    return _numbers(header, src, records["next"], records, states["weight"])


def _const(cursor: Cursor, header: _Header, kind: ArcType) -> FstFile:
    """A table of states, then a table of arcs, as they lie in memory; files of version 1 are always aligned."""
    counter = _CONST[header.fst_type]
    counters = [(name, counter) for name in ("pos", "narcs", "niepsilons", "noepsilons")]
    aligned = header.version == 1 or header.flags & IS_ALIGNED
    tables = []
    for fields, count, what in (([kind.weight, *counters], header.states, "states"), (kind.arc, header.arcs, "arcs")):
        if aligned:
            cursor.take(-cursor.position % _ALIGNMENT, "what aligns a table")
        tables.append(cursor.array(np.dtype(fields, align=True), count, what))
    states, arcs = tables
    counts = states["narcs"].astype(np.float64)  # which does not overflow; below 2 ** 53 it is exact
    before = np.concatenate([[0.0], np.cumsum(counts)])
    wrong = np.flatnonzero((states["pos"] != before[:-1]) & (counts > 0))
    if len(wrong) or before[-1] != len(arcs):
        found = f"state {wrong[0]} begins at arc {states['pos'][wrong[0]]}" if len(wrong) else f"{before[-1]:.0f} arcs"
        raise FormatError(f"{cursor.name}: {found}, expected states that have the {len(arcs)} arcs one after the other")
    src = np.repeat(np.arange(len(states)), states["narcs"].astype(np.intp))
    return _numbers(header, src, arcs["next"], arcs, states["weight"])


def _numbers(header: _Header, src: IntArray, dst: IntArray, arcs: NDArray[Any], final: NDArray[Any]) -> FstFile:
    """The columns of these records."""
    ilabel, olabel = (arcs[name].astype(np.intp) for name in ("ilabel", "olabel"))
    heads: IntArray = dst.astype(np.intp)
    with np.errstate(invalid="ignore"):  # a signalling nan is refused with all others
        weight, ends = arcs["weight"].astype(np.float64), final.astype(np.float64)
    return FstFile(header.arc_type, header.start, src, heads, ilabel, olabel, weight, ends, NO_INDICES, NO_INDICES)


def _compact_lattice(cursor: Cursor, header: _Header) -> FstFile:
    """The same with a string in every weight, so that arcs are of any length: each is found, then all made numbers."""
    kind = ARC_TYPES[header.arc_type]
    end = np.dtype([kind.weight, ("size", "<i4")])
    arc = np.dtype([("ilabel", "<i4"), ("olabel", "<i4"), kind.weight, ("size", "<i4")])
    int32_of, int64_of = struct.Struct("<i").unpack_from, struct.Struct("<q").unpack_from
    data, at, there = cursor.data, cursor.at, len(cursor.data)
    arcs: list[int] = []
    arc_lasts: list[int] = []
    ends: list[int] = []
    end_lasts: list[int] = []
    counts: list[int] = []

    def past(size_at: int, behind: int) -> int:
        """The end of a string, whose length stands at a place, and of what follows it."""
        nonlocal there
        if size_at + 4 > there:
            cursor.at = at
            cursor.require(size_at + 4 - at, f"state {len(ends) - 1}")
            there = len(data)
        (size,) = int32_of(data, size_at)
        if size < 0:
            cursor.at = size_at
            raise cursor.error(f"a string has {size} transition-ids, expected 0 or more")
        last: int = size_at + 4 + 4 * size + behind
        if last > there:
            cursor.at = size_at
            cursor.require(last - size_at, f"{size} transition-ids of state {len(ends) - 1}")
            there = len(data)
        return last

    while len(ends) != header.states and not (header.states < 0 and not _follows(cursor, at)):
        ends.append(at)
        at = past(at + end.itemsize - 4, 8)
        end_lasts.append(at)
        (count,) = int64_of(data, at - 8)
        if count < 0:
            cursor.at = at
            raise cursor.error(f"state {len(ends) - 1} has {count} arcs, expected 0 or more")
        for _ in range(count):
            arcs.append(at)
            at = past(at + arc.itemsize - 4, 4)
            arc_lasts.append(at)
        counts.append(count)
    cursor.at = at
    texts: dict[bytes, int] = {b"": 0}
    heads = np.frombuffer(b"".join([data[begin : begin + arc.itemsize] for begin in arcs]), dtype=arc)
    finals = np.frombuffer(b"".join([data[begin : begin + end.itemsize] for begin in ends]), dtype=end)
    dst = np.frombuffer(b"".join([data[last - 4 : last] for last in arc_lasts]), dtype="<i4")
    strings = [
        [texts.setdefault(bytes(data[begin + head : last - tail]), len(texts)) for begin, last in zip(begins, lasts)]
        for begins, lasts, head, tail in ((arcs, arc_lasts, arc.itemsize, 4), (ends, end_lasts, end.itemsize, 8))
    ]
    src = np.repeat(np.arange(len(ends)), np.array(counts, dtype=np.intp))
    found = _numbers(header, src, dst, heads, finals["weight"])
    string, end_string = (np.array(places, dtype=np.intp) for places in strings)
    return replace(found, string=string, end_string=end_string, strings=[_ids(text, cursor.name) for text in texts])


def _follows(cursor: Cursor, at: int) -> bool:
    """Whether something follows this place."""
    cursor.at = at
    return cursor.has(1)


def _ids(data: bytes, source: str) -> str:
    """A string of transition-ids as text."""
    numbers = np.frombuffer(data, dtype="<i4")
    if len(numbers) and numbers.min() < 1:
        raise FormatError(f"{source}: a transition-id is {numbers.min()}, expected 1 or more")
    return "_".join(map(str, numbers.tolist()))


def _check(found: FstFile, source: str) -> None:
    """That states and labels are there and weights are numbers. Raises FormatError with the arc or state."""
    states = len(found.final)
    if not -1 <= found.start < states:
        raise FormatError(f"{source}: the start state is {found.start}, but there are {states} states")
    for column, low, high, what in (
        (found.dst, 0, states, "goes to state"),
        (found.ilabel, 0, 2**31, "has input label"),
        (found.olabel, 0, 2**31, "has output label"),
    ):
        wrong = np.flatnonzero((column < low) | (column >= high))
        if len(wrong):
            expected = f"0 to {states - 1}" if column is found.dst else "0 or more"
            raise FormatError(f"{source}: arc {wrong[0]} {what} {column[wrong[0]]}, expected {expected}")
    for weights, what in ((found.weight, "arc"), (found.final, "the final weight of state")):
        bad = np.isnan(weights) | np.isneginf(weights)
        if bad.any():
            row = int(np.argwhere(bad)[0][0])
            shown = ",".join(map(str, weights[row].tolist()))
            raise FormatError(f"{source}: {what} {row} has weight {shown}, expected numbers")

"""The states and arcs of OpenFst's binary files: one after the other in a VectorFst, in two tables in a ConstFst.

Arcs are found, and then made numbers all at once.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import NO_INDICES, IntArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.binary.cursor import Cursor
from lattice_cli.formats.binary.fst_types import ARC_TYPES, IS_ALIGNED, ArcType, FstFile, Header

#: The type of a ConstFst -> that of its counters.
COUNTERS = {"const": "<u4", "const8": "<u1", "const16": "<u2", "const64": "<u8"}
_ALIGNMENT = 16


def read_vector(cursor: Cursor, header: Header, kind: ArcType) -> FstFile:
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


def read_const(cursor: Cursor, header: Header, kind: ArcType) -> FstFile:
    """A table of states, then a table of arcs, as they lie in memory; files of version 1 are always aligned."""
    counter = COUNTERS[header.fst_type]
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


def _numbers(header: Header, src: IntArray, dst: IntArray, arcs: NDArray[Any], final: NDArray[Any]) -> FstFile:
    """The columns of these records."""
    ilabel, olabel = (arcs[name].astype(np.intp) for name in ("ilabel", "olabel"))
    heads: IntArray = dst.astype(np.intp)
    with np.errstate(invalid="ignore"):  # a signalling nan is refused with all others
        weight, ends = arcs["weight"].astype(np.float64), final.astype(np.float64)
    return FstFile(header.arc_type, header.start, src, heads, ilabel, olabel, weight, ends, NO_INDICES, NO_INDICES)


def read_compact_lattice(cursor: Cursor, header: Header) -> FstFile:
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

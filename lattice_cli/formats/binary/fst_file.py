"""OpenFst's binary files taken apart: header, symbol tables, and the states and arcs of a VectorFst or ConstFst.

Numbers only, little-endian. A weight is one number (tropical and log semirings) or, in Kaldi's lattices, two of them
and in a CompactLattice a string of transition-ids as well. Sources: OpenFst's fst.cc (FstHeader), symbol-table.cc,
vector-fst.h and const-fst.h; Kaldi's fstext/lattice-weight.h.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.binary.cursor import Cursor
from lattice_cli.formats.binary.fst_states import COUNTERS, read_compact_lattice, read_const, read_vector
from lattice_cli.formats.binary.fst_types import (
    ARC_TYPES,
    HAS_ISYMBOLS,
    HAS_OSYMBOLS,
    MAGIC,
    SYMBOLS_MAGIC,
    FstFile,
    Header,
)

_HEADER = struct.Struct("<iiQqqq")
_LONGEST_TYPE = 100


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
        found = read_const(cursor, header, kind)
    elif kind.strings:
        found = read_compact_lattice(cursor, header)
    else:
        found = read_vector(cursor, header, kind)
    _check(found, cursor.name)
    return replace(found, isymbols=tables[0], osymbols=tables[1])


def _header(cursor: Cursor) -> Header:
    """The header; of types that are read."""
    if cursor.int32("the magic number") != MAGIC:
        raise cursor.error("expected the magic number of an OpenFst file before this byte")
    types = []
    for what in ("the type of the automaton", "the type of its arcs"):
        size = cursor.int32(f"the length of {what}")
        if not 0 < size <= _LONGEST_TYPE:
            raise cursor.error(f"the length of {what} is {size}, expected 1 to {_LONGEST_TYPE}")
        types.append(cursor.take(size, what).decode("latin-1"))
    header = Header(types[0], types[1], *cursor.unpack(_HEADER, "a header"))
    if header.fst_type != "vector" and header.fst_type not in COUNTERS:
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

"""Kaldi's archives and script files: lattices, automata and matrices by their keys, one after the other.

An archive has a key, a space and a value for each record. A value is binary or text, each for itself: OpenFst's magic
number begins a lattice or an automaton, a zero byte and `B` any other binary object, a bracket a matrix, a line end a
lattice in text. A script file (scp) has a key and the place of a value on each line, `file` or `file:offset`. Commands
in it (`gunzip -c x.gz |`) are never run. Source: KaldiObjectHolder in Kaldi's util/kaldi-holder-inl.h and
ParseMatrixRangeSpecifier and ClassifyRxfilename in util/kaldi-io.cc.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.binary.cursor import Cursor
from lattice_cli.formats.binary.fst_documents import fst_document
from lattice_cli.formats.binary.fst_file import read_fst_file
from lattice_cli.formats.binary.fst_types import MAGIC, FstFile
from lattice_cli.formats.binary.kaldi_matrices import read_binary_matrix, read_text_matrix
from lattice_cli.formats.exchange.kaldi import Block, knowing_words, read_lattice, split_kaldi
from lattice_cli.formats.io import (
    FIELDS,
    PAUSE,
    Pause,
    RawPart,
    ReadOptions,
    Source,
    Symbols,
    brief,
    decoded,
    read_tables,
)
from lattice_cli.formats.matrices import matrix_record
from lattice_cli.graph import Document, Inputs

_MAGIC, _BINARY = struct.pack("<i", MAGIC), b"\0B"
_TEXT_MATRIX = re.compile(rb"\s*\S+[ \t]+\[")
_BINARY_VALUE = re.compile(rb"\s*[^\s\0]+[ \t](\0B|" + re.escape(_MAGIC) + rb")")
_LONGEST_KEY = 10_000
#: About what a record of a script file costs to read, which has not been looked at yet.
_UNKNOWN_SIZE = 100_000
_PLACE = re.compile(r"(?P<path>.*?)(:(?P<offset>[0-9]{1,18}))?(\[(?P<range>[^\[\]]*)\])?")
_RANGES = re.compile(r"(:|([0-9]{1,9}):([0-9]{1,9}))?(,(:|([0-9]{1,9}):([0-9]{1,9}))?)?")

_Value = FstFile | FloatArray | Block


@dataclass(frozen=True)
class Reading:
    """How records are made of values. tables: of input and output labels, read once."""

    tables: Sequence[Symbols | None]
    options: ReadOptions

    def record(self, value: _Value, key: str, source: str, place: str) -> Document | Inputs:
        """The record of a value. place: for messages. Raises FormatError."""
        if isinstance(value, Block):
            return read_lattice(value, place, self.tables, self.options).scaled(self.options.scales)
        if isinstance(value, FstFile):
            return fst_document(value, source, place, key, self.tables, self.options)
        return matrix_record(value, place, key, self.options)


def split_archive(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """The records of an archive, as they arrive; one of lattices in text is read line by line."""
    if not (_BINARY_VALUE.match(source.head) or _TEXT_MATRIX.match(source.head)):
        yield from split_kaldi(source, path, options)
        return
    reading, cursor = Reading(read_tables(options), options), Cursor(source.chunks(), source.name)
    while True:
        cursor.begin()
        if cursor.idle:
            yield PAUSE
        key = _key(cursor)
        if key is None:
            return
        begin = cursor.position
        cursor.name = f"{source.name}: {key}"
        value = _value(cursor, key)
        cursor.name = source.name
        size = cursor.position - begin
        if isinstance(value, Block):
            reading = replace(reading, options=knowing_words(value, reading.tables, reading.options))
        yield RawPart(_record, (reading, value, key, source.name, f"{source.name}: {key}"), key, size)


def _record(reading: Reading, *value: object) -> Iterator[Document | Inputs]:
    yield reading.record(*value)  # type: ignore[arg-type]


def _key(cursor: Cursor) -> str | None:
    """The key that comes next, and the white space on both sides of it; None at the end."""
    while (byte := cursor.peek(1)).isspace():
        cursor.take(1, "white space")
    if not byte:
        return None
    size = 0
    while not (byte := cursor.peek(size + 1)[size:]).isspace():
        size += 1
        if not byte or size > _LONGEST_KEY or byte == b"\0":
            found = brief(cursor.peek(min(size, 40)).decode("latin-1"))
            raise cursor.error(f"found {found}, expected the key of a record and a space")
    key = decoded(cursor.take(size, "a key"), cursor.name)
    if byte != b"\n":
        cursor.take(1, "a space")
    return key


def _value(cursor: Cursor, key: str, alone: bool = False) -> _Value:
    """The value that begins here. alone: the input ends with it. Raises FormatError."""
    if cursor.peek(2) == _BINARY:
        cursor.take(2, "a mark")
        if cursor.peek(4) != _MAGIC:
            return read_binary_matrix(cursor)
    if cursor.peek(4) == _MAGIC:
        return read_fst_file(cursor, alone)
    if cursor.peek(1) != b"\n":
        return read_text_matrix(cursor)
    cursor.take(1, "a line end")
    block = Block(key, 0)
    while cursor.has(1):
        fields = FIELDS.findall(decoded(cursor.line(), cursor.name))
        if not fields:
            break
        block.rows.append((len(block.rows) + 1, fields))
    return block


def split_scp(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """The records that the lines of a script file name, each read when it is its turn."""
    reading = Reading(read_tables(options), options)
    for number, line in source.lines():
        if line is None:
            yield PAUSE
        elif line.strip():
            at = f"{source.name}:{number}"
            key, _, place = decoded(line, source.name, number).strip().replace("\t", " ").partition(" ")
            yield RawPart(_entry, (reading, key, place.strip(), at), key, _UNKNOWN_SIZE, taken=len(line))


def _entry(reading: Reading, key: str, place: str, at: str) -> Iterator[Document | Inputs]:
    """The record of a line of a script file. Raises FormatError."""
    if place.startswith("|") or place.endswith("|"):
        raise FormatError(f"{at}: {brief(place)} is a command, which is not run, expected file or file:offset")
    found = _PLACE.fullmatch(place)
    if not found or not found["path"] or found["path"] == "-":
        raise FormatError(f"{at}: found {brief(place)}, expected file or file:offset behind the key")
    if not Path(found["path"]).is_file():
        raise FormatError(f"{at}: no file {found['path']} (paths are from where the command runs, as in Kaldi)")
    name = f"{at}: {place}"
    source = Source(found["path"], reading.options.encoding, int(found["offset"] or 0))
    try:
        cursor = Cursor(source.chunks(), name, int(found["offset"] or 0))
        value = _value(cursor, key, alone=True)
    finally:
        source.close()
    if found["range"] is not None:
        value = _part(value, found["range"], at)
    yield reading.record(value, key, name, name)


def _part(value: _Value, text: str, at: str) -> FloatArray:
    """The rows, and behind a comma the columns, of a matrix that a range names, both ends among them."""
    if isinstance(value, (Block, FstFile)):
        raise FormatError(f"{at}: a range [{text}] of a lattice, expected one of a matrix")
    found = _RANGES.fullmatch(text)
    if not found or not text:
        raise FormatError(f"{at}: found range [{text}], expected [first:last] or [first:last,first:last]")
    for axis, (first, last) in enumerate(((found[2], found[3]), (found[6], found[7]))):
        if first is None:
            continue
        low, high = int(first), int(last)
        if not low <= high < value.shape[axis]:
            what, there = ("rows", "columns")[axis], value.shape[axis]
            raise FormatError(f"{at}: {what} {low}:{high} of a matrix of {there}, expected some that are there")
        value = value[low : high + 1] if axis == 0 else value[:, low : high + 1]
    return value

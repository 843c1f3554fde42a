"""Kaldi's matrices: float, double and compressed, binary or as text; of emissions, a row for each frame.

Compressed ones hold a byte or two bytes an entry, in steps between bounds: those of the matrix (CM2, CM3), or of each
column, in three ranges of equal steps (CM). What comes out is the float32 that Kaldi makes of it. Sources: Matrix::Read
in Kaldi's matrix/kaldi-matrix.cc, CompressedMatrix::Read and CopyToMat in matrix/compressed-matrix.cc.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.binary.cursor import Cursor
from lattice_cli.formats.io import brief, decoded

_HEADER = struct.Struct("<ffii")
_LONGEST_TOKEN = 20
_FLOATS = {"FM": "<f4", "DM": "<f8"}
_STEPS = {"CM2": ("<u2", 65535.0), "CM3": ("u1", 255.0)}
#: What text of a number may be made of; inf and nan are told apart later.
_CHARACTERS = frozenset("0123456789+-.eEinfatyNIFAT")


def read_binary_matrix(cursor: Cursor) -> FloatArray:
    """(rows, columns) the matrix that begins here, behind its mark as binary. Raises FormatError."""
    token = cursor.peek(_LONGEST_TOKEN).partition(b" ")[0].decode("latin-1")
    if token not in _FLOATS and token not in _STEPS and token != "CM":
        expected = "a lattice or a matrix (FM, DM, CM, CM2, CM3)"
        raise FormatError(f"{cursor.name}: found {brief(token)} of Kaldi's binary objects, expected {expected}")
    cursor.take(len(token) + 1, "the kind of a matrix")
    if token in _FLOATS:
        rows, columns = _size(cursor), _size(cursor)
        with np.errstate(invalid="ignore"):  # a signalling nan is refused with all others
            return _shaped(cursor, np.dtype(_FLOATS[token]), rows, columns).astype(np.float64)
    least, extent, rows, columns = cursor.unpack(_HEADER, "the header of a compressed matrix")
    with np.errstate(all="ignore"):  # bounds that are no numbers make entries that are none, which are refused later
        if token == "CM":
            return _by_columns(cursor, np.float32(least), np.float32(extent), rows, columns)
        kind, steps = _STEPS[token]
        step = np.float32(np.float64(np.float32(extent)) * (1.0 / steps))
        entries = _shaped(cursor, np.dtype(kind), rows, columns).astype(np.float32)
        values: FloatArray = (np.float32(least) + entries * step).astype(np.float64)
        return values


def _size(cursor: Cursor) -> int:
    """A number of rows or columns, with its own size in front."""
    width = cursor.take(1, "the size of a number")[0]
    if width != 4:
        raise cursor.error(f"a number of {width} bytes, expected 4, as for the rows or columns of a matrix")
    return cursor.int32("a number of rows or columns")


def _shaped(cursor: Cursor, kind: np.dtype[Any], rows: int, columns: int) -> NDArray[Any]:
    _require_shape(cursor, rows, columns)
    return cursor.array(kind, rows * columns, f"entries of a matrix of {rows} x {columns}").reshape(rows, columns)


def _require_shape(cursor: Cursor, rows: int, columns: int) -> None:
    if min(rows, columns) < 0 or (rows == 0) != (columns == 0):
        raise cursor.error(f"a matrix of {rows} x {columns}, expected numbers above 0, or 0 x 0")


def _by_columns(cursor: Cursor, least: Any, extent: Any, rows: int, columns: int) -> FloatArray:
    """Each column has its least entry, its quartiles and its largest, and bytes that count from one to the next."""
    _require_shape(cursor, rows, columns)
    bounds = cursor.array(np.dtype("<u2"), columns * 4, "bounds of columns").reshape(columns, 4).astype(np.float32)
    low, first, third, high = (least + (extent * np.float32(1.52590218966964e-05)) * bounds).T[:, :, None]
    value = _shaped(cursor, np.dtype("u1"), columns, rows).astype(np.float32)
    ranges = (
        (value <= 64, low, first, value, 64.0),
        (value <= 192, first, third, value - np.float32(64), 128.0),
        (value > 192, third, high, value - np.float32(192), 63.0),
    )
    entries = [
        begin + ((end - begin) * count).astype(np.float64) * (1.0 / steps) for _, begin, end, count, steps in ranges
    ]
    chosen = np.select([inside for inside, *_ in ranges], entries).astype(np.float32)
    return np.ascontiguousarray(chosen.T, dtype=np.float64)


def read_text_matrix(cursor: Cursor) -> FloatArray:
    """(rows, columns) the matrix in brackets that begins here, a row on each line. Raises FormatError."""
    rows: list[list[float]] = []
    begun = False
    while True:
        if not cursor.has(1):
            raise cursor.error("the file ends in a matrix, expected ']'")
        text = decoded(cursor.line(), cursor.name).strip()
        if not begun and not text.startswith("["):
            raise cursor.error(f"found {brief(text)}, expected a matrix in brackets")
        text, begun = text if begun else text[1:], True
        closed = text.endswith("]")
        row = _row(text.removesuffix("]").split(), cursor)
        if row and rows and len(row) != len(rows[0]):
            raise cursor.error(f"a row of {len(row)} numbers behind rows of {len(rows[0])}, expected as many")
        rows += [row] if row else []
        if closed:
            return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)


def _row(fields: list[str], cursor: Cursor) -> list[float]:
    try:
        if _CHARACTERS.issuperset(
            "".join(fields)
        ):  # float() alone would also take 1_000 and the digits of other scripts
            return [float(field) for field in fields]
    except ValueError:
        pass
    raise cursor.error(f"found {brief(' '.join(fields))}, expected a row of numbers")

"""What recognisers compute energies from: matrices of numbers, one a record, from documents, .npz and .npy files.

An .npz holds many records: `inputs` (rows of all of them, size), `lengths` (records,), and as JSON text in bytes
`targets` and `ids` (lists); `scale` is a number that all inputs are divided by.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ReadOptions, as_list, as_number, as_text, is_null, known_keys, location
from lattice_cli.formats.native.document import target_of
from lattice_cli.formats.native.npy import first_line, read_npy
from lattice_cli.graph import Document, Inputs

_KEYS = ("lattice", "id", "target", "inputs")


def inputs_record(record: dict[Any, Any], source: str, record_id: str) -> Inputs:
    """The inputs of `{lattice: 1, inputs: [[...], ...]}`, with its id and target, if any. Raises FormatError."""
    known_keys(record, _KEYS, source, "a document of inputs")
    rows = as_list(record["inputs"], source, "inputs")
    width = len(as_list(rows[0], source, "inputs: row 0")) if rows else 0
    for number, row in enumerate(rows):
        if len(as_list(row, source, f"inputs: row {number}")) != width:
            raise FormatError(
                f"{location(source, row)}: inputs: row {number} has {len(row)} entries, but row 0 has {width}"
            )
    values = [
        [as_number(value, source, f"inputs: row {number}, column {column}") for column, value in enumerate(row)]
        for number, row in enumerate(rows)
    ]
    given = record.get("id")
    name = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    own_id = record_id if is_null(given) else as_text(name, source, "id")
    return Inputs(own_id, source, np.array(values).reshape(len(rows), width), target_of(record, source))


def read_matrix(data: bytes, source: str, record_id: str, options: ReadOptions) -> Document | Inputs:
    """A .npy matrix of shape (rows, size): inputs where they are wanted, else a graph. Raises FormatError."""
    if not options.inputs:
        return read_npy(data, source, record_id, options)
    try:
        matrix = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # a damaged header makes numpy raise errors of a dozen kinds
        raise FormatError(f"{source}: not a readable .npy file: {first_line(error)}") from None
    return Inputs(record_id, source, _matrix(matrix, source, "the array"))


def inputs_of_npz(arrays: dict[str, Any], source: str, path: str) -> Iterator[Inputs]:
    """The records of the arrays of an .npz file. Raises FormatError for arrays that do not fit each other."""
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = _matrix(arrays["inputs"], source, "array 'inputs'") / float(_scalar(arrays, source))
    _require_finite(matrix, source)
    lengths = arrays.get("lengths")
    if lengths is None or lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise FormatError(
            f"{source}: array 'lengths' is missing or not a row of integers, expected rows of each record"
        )
    wrong = lengths[(lengths < 0) | (lengths > len(matrix))]
    if len(wrong):
        raise FormatError(f"{source}: a length is {wrong[0]}, but 'inputs' has {len(matrix)} rows")
    lengths = lengths.astype(np.intp)
    if int(lengths.sum()) != len(matrix):
        raise FormatError(f"{source}: lengths add up to {int(lengths.sum())} rows, but 'inputs' has {len(matrix)}")
    count = len(lengths)
    targets, ids = _texts(arrays, "targets", count, source), _texts(arrays, "ids", count, source)
    ends = np.cumsum(lengths)
    for number, (low, high) in enumerate(zip((ends - lengths).tolist(), ends.tolist())):
        record_id = f"{path}:{number + 1}" if ids is None else as_text(ids[number], source, f"ids: entry {number}")
        place = f"{source}: record {number + 1}"
        target = None if targets is None else target_of({"target": targets[number]}, place)
        yield Inputs(record_id, place, matrix[low:high], target)


def _matrix(matrix: Any, source: str, what: str) -> FloatArray:
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind not in "fiub":
        found = f"shape {matrix.shape} and type {matrix.dtype}" if isinstance(matrix, np.ndarray) else "an archive"
        raise FormatError(f"{source}: {what} is {found}, expected numbers of shape (rows, size)")
    values = matrix.astype(np.float64)
    _require_finite(values, source)
    return values


def _require_finite(values: FloatArray, source: str) -> None:
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0].tolist()
        raise FormatError(f"{source}: row {row}, column {column} is {values[row, column]}, expected a finite number")


def _scalar(arrays: dict[str, Any], source: str) -> Any:
    scale = arrays.get("scale", np.ones(()))
    if scale.size != 1 or scale.dtype.kind not in "fiu" or not 0 < float(scale.reshape(())) < np.inf:
        raise FormatError(f"{source}: array 'scale' is not one number above 0")
    return scale.reshape(())


def _texts(arrays: dict[str, Any], name: str, count: int, source: str) -> list[Any] | None:
    """The list that an array holds as JSON text; None where there is no such array."""
    if name not in arrays:
        return None
    try:
        found = as_list(json.loads(arrays[name].tobytes().decode()), source, name)
        json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is not a character
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{source}: array {name!r} is not JSON text: {first_line(error)}") from None
    if len(found) != count:
        raise FormatError(f"{source}: {name} has {len(found)} entries, but there are {count} records")
    return found

"""Archives of matrices: what numpy's savez makes of many records.

Matrices (T, C), each under its name; or one array (B, T, C), or (sum of T, C) with lengths, with ids, targets and
labels of columns beside it: rows of strings, or a JSON list as bytes. B lengths tell an array (T, B, C), as torch's
ctc_loss takes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError, counted
from lattice_cli.formats.io import Reached, ReadOptions, as_list, as_text, blank_of, first_line, note, target_of
from lattice_cli.formats.matrices.emission import Target, matrix_record, require_finite
from lattice_cli.graph import Document, Inputs

#: Of recognisers, in which each row is one entry of a record's rows.
INPUTS = "inputs"
_LENGTHS = (
    *("lengths", "lens", "length", "sizes", "num_frames", "T"),
    *(f"{what}_{name}" for what in ("input", "output", "out", "encoded", "logit", "x") for name in ("lengths", "lens")),
)
_IDS = ("ids", "id", "keys", "names", "utts")
_TARGETS = ("targets", "target", "texts", "text", "references", "transcripts", "y")
_LABELS = ("labels", "columns", "classes", "vocab", "tokens", "alphabet")


def records_of_arrays(
    arrays: Mapping[str, Any], source: str, path: str, options: ReadOptions
) -> Iterator[Document | Inputs | Reached]:
    """The records of the arrays of an .npz file, and behind each how many of them that were. Raises FormatError for
    arrays that do not fit each other."""
    rest = dict(arrays)
    kinds = (_LENGTHS, _IDS, _TARGETS, _LABELS, ("blank",))
    lengths, ids, targets, labels, blank = (_taken(rest, names, source) for names in kinds)
    scale = _scale(rest.pop("scale", None), source)
    own = [] if labels is None else [as_text(label, source, "a label") for label in _listed(labels, source)]
    matrices = _matrices(rest, lengths, source)
    count = len(matrices)
    named_ids, named_targets = _texts(ids, count, source), _texts(targets, count, source)
    for number, (name, matrix) in enumerate(matrices):
        record_id = name or f"{path}:{number + 1}"
        if named_ids is not None:
            record_id = as_text(named_ids[number], source, f"ids: entry {number}")
        place = f"{source}: {name or f'record {number + 1}'}"
        target: Target = None
        if named_targets is not None:
            target = target_of({"target": named_targets[number]}, place)
        if scale != 1.0:
            with np.errstate(over="ignore", invalid="ignore"):
                matrix = matrix / scale
            require_finite(matrix, place)
        record = matrix_record(matrix, place, record_id, options, own, target)
        if blank is not None and isinstance(record, Document):
            (text,) = _texts(blank, 1, source) or ("",)
            record = replace(record, blank=blank_of(text, record.graph.labels[1:], source))
        yield record
        yield Reached((number + 1) / count)


def _taken(arrays: dict[str, Any], names: Sequence[str], source: str) -> tuple[str, Any] | None:
    """The array of one of these names, taken out; (its name, array)."""
    found = [name for name in names if name in arrays and arrays[name].ndim <= 1]
    if len(found) > 1:
        raise FormatError(f"{source}: arrays {found[0]!r} and {found[1]!r} mean the same, expected one of them")
    return (found[0], arrays.pop(found[0])) if found else None


def _matrices(rest: dict[str, Any], lengths: tuple[str, Any] | None, source: str) -> list[tuple[str, Any]]:
    """(name, rows) of each record; no name where an array holds all of them."""
    shapes = ", ".join(f"{name} {array.shape}" for name, array in rest.items()) or "nothing else"
    if len(rest) == 1 and INPUTS in rest and lengths is None:
        raise FormatError(f"{source}: array 'lengths' is missing, expected rows of each record")
    ((name, only),) = rest.items() if len(rest) == 1 else (("", None),)
    if only is not None and only.ndim == 3 and (lengths is not None or 1 not in only.shape[:2]):
        counts = np.full(len(only), only.shape[1]) if lengths is None else _counts(*lengths, source)
        if len(counts) != len(only) and len(counts) == only.shape[1] and counts.max(initial=0) <= len(only):
            only = only.swapaxes(0, 1)
        elif lengths is None and len(only) > only.shape[1]:
            found = f"array {name!r} {only.shape} is read as (B, T, C), {len(only)} records of"
            other = f"with {only.shape[1]} lengths beside it, it would be (T, B, C)"
            note(source, f"{found} {counted(only.shape[1], 'row')}; {other}")
        if len(counts) != len(only) or (counts > only.shape[1]).any():
            found = f"{len(counts)} lengths, the largest {counts.max(initial=0)}"
            raise FormatError(f"{source}: {found}, but array {name!r} has the shape {only.shape}")
        return [("", matrix[:rows]) for matrix, rows in zip(only, counts.tolist())]
    if only is not None and only.ndim == 2 and lengths is not None:
        counts = _counts(*lengths, source)
        if int(counts.sum()) != len(only):
            raise FormatError(f"{source}: lengths add up to {int(counts.sum())} rows, but {name!r} has {len(only)}")
        return [("", rows) for rows in np.split(only, np.cumsum(counts)[:-1])] if len(counts) else []
    if lengths is None and rest and all(array.ndim in (2, 3) for array in rest.values()):
        return list(rest.items())
    raise FormatError(
        f"{source}: found {shapes}{' and lengths' if lengths else ''}: expected a lattice as lattice convert writes "
        "it, matrices (T, C) by name, or one array (B, T, C), or (sum of T, C) with lengths"
    )


def _counts(name: str, lengths: Any, source: str) -> Any:
    """(records,) rows of each."""
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise FormatError(f"{source}: array {name!r} is not a row of integers, expected rows of each record")
    if (lengths < 0).any() or (lengths > 2**62 // max(len(lengths), 1)).any():
        wrong = lengths[(lengths < 0) | (lengths > 2**62 // max(len(lengths), 1))][0]
        raise FormatError(f"{source}: a length is {wrong}, expected rows of a record")
    return lengths.astype(np.intp)


def _scale(given: Any, source: str) -> float:
    """What all numbers are divided by."""
    if given is None:
        return 1.0
    if given.size != 1 or given.dtype.kind not in "fiu" or not 0 < float(given.reshape(())) < np.inf:
        raise FormatError(f"{source}: array 'scale' is not one number above 0")
    return float(given.reshape(()))


def _listed(given: tuple[str, Any], source: str) -> list[Any]:
    """A row of strings, or a JSON list as bytes."""
    name, array = given
    if array.dtype.kind == "U":
        return [str(text) for text in array.reshape(-1).tolist()]
    if array.dtype.kind not in "Su" or (array.dtype.itemsize > 1 and array.dtype.kind == "u"):
        raise FormatError(f"{source}: array {name!r} holds {array.dtype}, expected strings")
    try:
        if array.dtype.kind == "S" and array.ndim:
            return [text.decode() for text in array.tolist()]
        found = as_list(json.loads(array.tobytes().decode()), source, name)
        json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is not a character
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{source}: array {name!r} is not JSON text: {first_line(error)}") from None
    return found


def _texts(given: tuple[str, Any] | None, count: int, source: str) -> list[Any] | None:
    """An entry for each record; None where there is no such array."""
    if given is None:
        return None
    found = _listed(given, source)
    if len(found) != count:
        raise FormatError(f"{source}: {given[0]} has {len(found)} entries, but there are {count} records")
    return found

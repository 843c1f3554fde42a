"""Networks of any origin as recognisers: ONNX files, run by onnxruntime (the extra onnx); sole importer of it.

What an ONNX file does not say, the command does: the labels of its outputs, and what its numbers are. How a record goes
in is told by the shape of the input: (rows, size) all rows, (1, rows, size) a sequence, (1, 1, size, rows) an image
whose columns the rows are; a second input of whole numbers is the length. The last axis of the output is by label.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.io import ReadOptions
from lattice_cli.formats.matrices import read_labels
from lattice_cli.formats.matrices.emission import matrix_document
from lattice_cli.graph import Document, Inputs

_FLOATS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
_WHOLE = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class OnnxRecognizer:
    """A network whose outputs are the rows of a matrix. Raises FormatError for a file that onnxruntime does not read,
    or whose inputs are not as above; UsageError without labels."""

    def __init__(self, path: str, options: ReadOptions) -> None:
        """options: labels and units are those of the outputs."""
        self.path, self._options = path, options
        if options.labels is None:
            raise UsageError(f"{path}: an ONNX file does not say what its outputs are called, expected --labels FILE")
        try:
            import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError as error:
            raise UsageError(f"{path}: ONNX files need onnxruntime (the extra onnx): {error}") from None
        try:
            told = onnxruntime.SessionOptions()
            told.log_severity_level = 4  # what is wrong is said by the error
            self._session = onnxruntime.InferenceSession(path, told, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no class of their own in common
            raise FormatError(f"{path}: onnxruntime does not read it: {_short(error)}") from None
        inputs = self._session.get_inputs()
        self._lengths = inputs[1] if len(inputs) == 2 and inputs[1].type in _WHOLE else None
        first = inputs[0] if inputs else None
        others = [each.name for each in inputs[1:] if each is not self._lengths]
        if first is None or others or first.type not in _FLOATS or len(first.shape) not in (2, 3, 4):
            shown = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs) or "none"
            raise FormatError(
                f"{path}: its inputs are {shown}; expected one of floating point, of shape (rows, size), "
                "(1, rows, size) or (1, 1, size, rows), and if there is a second, the length of the record"
            )
        self._input = first
        self._labels: list[str] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process, which sees the same files, it is made anew."""
        return OnnxRecognizer, (self.path, self._options)

    def recognized(self, record: Inputs | Document) -> Document:
        """The recognition graph of a record. Raises FormatError for one that does not fit."""
        if isinstance(record, Document):
            raise FormatError(f"{record.source}: a graph, expected inputs for a recogniser")
        rows = self._rows(record)
        if self._labels is None:
            assert self._options.labels is not None, "looked at when it was made"
            self._labels = read_labels(self._options.labels, rows.shape[1], self._options.encoding)
        if len(self._labels) != rows.shape[1]:
            raise FormatError(
                f"{self._options.labels}: {len(self._labels)} labels, "
                f"but {self.path} gives {rows.shape[1]} numbers a row"
            )
        found = matrix_document(rows, self._labels, record.source, record.id, self._options)
        return replace(found, target=record.target)

    def _rows(self, record: Inputs) -> FloatArray:
        """(rows, labels) of what the network gives."""
        values = record.values
        shape, kind = self._input.shape, _FLOATS[self._input.type]
        shaped = {2: values, 3: values[np.newaxis], 4: values.T[np.newaxis, np.newaxis]}[len(shape)]
        for want, have in zip(shape, shaped.shape):
            if isinstance(want, int) and want != have:
                raise FormatError(
                    f"{record.source}: record {record.id!r}: {values.shape[0]} rows of {values.shape[1]} numbers go in "
                    f"with shape {shaped.shape}, but {self.path} takes {tuple(shape)}"
                )
        given: dict[str, Any] = {self._input.name: np.ascontiguousarray(shaped, dtype=kind)}
        if self._lengths is not None:
            given[self._lengths.name] = np.array([len(values)], dtype=_WHOLE[self._lengths.type])
        try:
            found = np.asarray(self._session.run(None, given)[0], dtype=np.float64)
        except Exception as error:
            raise FormatError(f"{record.source}: record {record.id!r}: {self.path}: {_short(error)}") from None
        if found.ndim == 3 and 1 in found.shape[:2]:
            found = found.reshape(-1, found.shape[2])
        if found.ndim != 2:
            raise FormatError(f"{self.path} gives numbers of shape {found.shape}, expected (rows, labels)")
        return found


def _short(error: Exception) -> str:
    told = " ".join(str(error).split())
    return told if len(told) <= 200 else f"{told[:200]}..."

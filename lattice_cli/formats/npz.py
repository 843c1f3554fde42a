"""The columnar form in binary: a document as numpy arrays in an .npz file, with nothing pickled."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError, GraphError
from lattice_cli.graph.document import Document
from lattice_cli.graph.graph import Graph

_VERSION = 1
_COLUMNS = ("src", "dst", "ilabel", "olabel", "energy", "start", "final")
_SCORE = "score:"


def write_npz(document: Document) -> bytes:
    """The bytes of an .npz file. Node names, labels, scales, id and target are JSON text in a byte array."""
    graph = document.graph
    arrays: dict[str, Any] = {name: getattr(graph, name) for name in _COLUMNS}
    if document.times is not None:
        arrays["times"] = document.times
    arrays.update({_SCORE + name: column for name, column in document.scores.items()})
    names = list(document.names)
    about = {
        "lattice": _VERSION,
        "id": document.id,
        "labels": graph.labels[1:],
        "names": None if names == list(range(len(names))) else names,
        "scales": dict(document.scales),
        "target": document.target,
    }
    arrays["about"] = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def read_npz(data: bytes, source: str, record_id: str) -> Document:
    """The document of an .npz file. Raises FormatError."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{source}: not a readable .npz file: {str(error).splitlines()[0]}") from None
    missing = [name for name in (*_COLUMNS, "about") if name not in arrays]
    if missing:
        raise FormatError(f"{source}: not a lattice .npz: array {missing[0]!r} is missing (found {', '.join(arrays)})")
    try:
        about = json.loads(arrays["about"].tobytes().decode())
        if about["lattice"] != _VERSION:
            raise FormatError(f"{source}: document version is {about['lattice']!r}, expected {_VERSION}")
        graph = Graph(**{name: arrays[name] for name in _COLUMNS}, labels=("", *about["labels"]))
        names = range(graph.nodes) if about["names"] is None else about["names"]
        scores = {name[len(_SCORE) :]: column for name, column in arrays.items() if name.startswith(_SCORE)}
        if len(names) != graph.nodes or any(column.shape != graph.energy.shape for column in scores.values()):
            raise FormatError(f"{source}: names or scores do not fit the {graph.nodes} nodes and {graph.arcs} arcs")
        target = about["target"]
        return Document(
            graph,
            about["id"] or record_id,
            source,
            names,
            arrays.get("times"),
            scores,
            about["scales"],
            tuple(target) if isinstance(target, list) else target,
        )
    except GraphError as error:
        raise FormatError(f"{source}: {error}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{source}: not a lattice .npz: {type(error).__name__}: {error}") from None

"""Lattices of right answers: what stands in a target, or in a file that it names.

    target: {graph: {start: 0, final: 2, arcs: [...]}}     a document, without "lattice"
    target: {file: ref.slf}                                a file of any form, in the folder of the record's or below
    target: {file: ref.slf, scale: 0}                      its energies times a number

What is written again stands in the target, so that it goes wherever the record goes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lattice_cli.errors import FormatError, LatticeError
from lattice_cli.formats.io import (
    STDIN,
    ReadOptions,
    UnreadTarget,
    as_mapping,
    as_number,
    as_record,
    as_text,
    brief,
    note,
)
from lattice_cli.graph import (
    Document,
    Reference,
    Right,
    StepTargets,
    TargetGraph,
    evaluation_order,
    times,
    trimmed,
)

#: What a document has and a lattice of right answers has no use for.
_LEFT_OUT = ("lattice", "id", "target", "blank", "factors")


def read_target(target: Reference, path: str, read: Callable[[str], Document]) -> Reference:
    """The target of a record of the file at `path`, with its lattice. read: gives the one document of a file. Raises
    FormatError."""
    if isinstance(target, StepTargets):
        return StepTargets(tuple(_read(each, path, read) for each in target.steps))
    return _read(target, path, read)


def _read(target: Right, path: str, read: Callable[[str], Document]) -> Right:
    if not isinstance(target, UnreadTarget):
        return target
    source, given = target.source, target.given
    scale = as_number(given.get("scale", 1), source, "scale of the target")
    if "file" in given:
        document = _of_file(as_text(given["file"], source, "file of the target"), source, path, read)
    else:
        from lattice_cli.formats.native.document import read_document

        inner = as_mapping(given["graph"], source, "graph of the target")
        document = read_document({"lattice": 1, **inner}, f"{source}: the graph of the target", "target", ReadOptions())
    if document.target is not None:
        note(document.source, "not read: the target of a lattice that is one itself")
    _require_answers(document)
    told = {key: each for key, each in as_record(document).items() if key not in _LEFT_OUT}
    try:
        graph = document.graph if scale == 1 else times(document.graph, scale)
        return TargetGraph.of(graph, {"graph": told} if scale == 1 else {"graph": told, "scale": scale})
    except LatticeError as error:
        raise FormatError(f"{document.source}: as a target: {error}") from None


def _of_file(name: str, source: str, path: str, read: Callable[[str], Document]) -> Document:
    """The document of a file that the record of another one names: who sends data does not choose what else is read."""
    if name == STDIN or os.path.isabs(name) or os.path.normpath(name).split(os.sep)[0] == os.pardir:
        expected = "expected a file in the folder of the record's, or below it"
        raise FormatError(f"{source}: file of the target is {brief(name)}, {expected}")
    found = Path() / name if path == STDIN else Path(path).parent / name
    if not found.is_file():
        raise FormatError(f"{source}: file of the target: {found} is not there, or no file")
    try:
        return read(str(found))
    except LatticeError as error:
        raise FormatError(f"{source}: file of the target: {error}") from None


def _require_answers(document: Document) -> None:
    """Raises FormatError for a lattice without a path, or with endlessly many."""
    part, kept, _ = trimmed(document.graph)
    if not part.nodes:
        raise FormatError(f"{document.source}: as a target: no path, expected one right answer at least")
    cyclic = np.flatnonzero(evaluation_order(part.src, part.dst, np.array([0, part.nodes])).component >= 0)
    if len(cyclic):
        node = document.names[int(kept[cyclic[0]])]
        raise FormatError(
            f"{document.source}: as a target: a cycle at node {brief(node)}, expected a lattice without: right answers "
            "are finitely many"
        )

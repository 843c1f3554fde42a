"""The columnar form in binary: a document as numpy arrays in an .npz file, with nothing pickled."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError, GraphError
from lattice_cli.formats.io import (
    ArrayArchive,
    WriteOptions,
    Written,
    as_labels,
    as_list,
    as_mapping,
    as_node,
    as_number,
    as_text,
    blank_of,
    brief,
    decoded,
    factor_records,
    is_matrix,
    is_null,
    known_keys,
    parse_json,
    target_of,
    target_record,
)
from lattice_cli.formats.native.factors import factors_of
from lattice_cli.graph import Document, Graph, weighted_sum

_VERSION = 1
#: What stands in front of the names of the arrays of the graphs in a model.
GRAMMAR, ALIGNMENT = "grammar/", "alignment/"
_INTEGERS = ("src", "dst", "ilabel", "olabel")
_FLOATS = ("energy", "start", "final")
_ABOUT = ("lattice", "id", "labels", "names", "scores", "scales", "target", "blank", "factors")
#: Whoever adds up in another order gets other last digits.
_ROUNDING = 1e-9
_SCORE = re.compile("score(0|[1-9][0-9]*)")


def write_npz(document: Document, options: WriteOptions) -> Written:
    """An .npz file. Names, labels, scales, id and target are JSON text in a byte array."""
    file = io.BytesIO()
    np.savez(file, **arrays_of(document))
    return Written(file.getvalue())


def arrays_of(document: Document) -> dict[str, Any]:
    """The arrays that an .npz file of a document holds."""
    graph = document.graph
    arrays: dict[str, Any] = {name: getattr(graph, name) for name in (*_INTEGERS, *_FLOATS)}
    if document.times is not None:
        arrays["times"] = document.times
    arrays.update({f"score{number}": column for number, column in enumerate(document.scores.values())})
    names = list(document.names)
    about = {
        "lattice": _VERSION,
        "id": document.id,
        "labels": graph.labels[1:],
        "names": None if names == list(range(len(names))) else names,
        "scores": list(document.scores),
        "scales": dict(document.scales),
        "target": None if document.target is None else target_record(document.target),
        "blank": document.blank,
        **({"factors": factor_records(document)} if document.factors else {}),
    }
    arrays["about"] = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)
    return arrays


def read_npz(data: bytes, source: str, record_id: str) -> Document:
    """The document of an .npz file. Raises FormatError for anything that is not as `write_npz` writes it."""
    return document_of(ArrayArchive(data, source), source, record_id)


def document_of(arrays: Mapping[str, Any], source: str, record_id: str) -> Document:
    """The document of the arrays of an .npz file; of a trained model, its grammar. Raises FormatError."""
    if "model" in arrays:
        arrays = {name.removeprefix(GRAMMAR): arrays[name] for name in arrays if name.startswith(GRAMMAR)}
        if not arrays:
            raise FormatError(
                f"{source}: a trained model without a grammar's graph, expected a graph: lattice recognize makes them, "
                "and a neural grammar has one only beside a graph (-g)"
            )
    _require_columns(arrays, source)
    about = _about(arrays, source)
    labels, scores = (as_labels(about.get(name), source, name) for name in ("labels", "scores"))
    columns = {name: _column(arrays, name, "iu", source) for name in _INTEGERS}
    columns |= {name: _column(arrays, name, "fiu", source) for name in _FLOATS}
    try:
        graph = Graph(**columns, labels=("", *labels))
    except GraphError as error:
        raise FormatError(f"{source}: {error}") from None
    target = target_of(about, source)
    document = Document(
        graph,
        record_id if is_null(about.get("id")) else as_text(about["id"], source, "id"),
        source,
        _names(about.get("names"), graph.nodes, source),
        _times(arrays, graph.nodes, source),
        {name: _score(arrays, number, graph.arcs, source) for number, name in enumerate(scores)},
        _scales(about.get("scales"), scores, source),
        target,
    )
    _require_sums(document)
    blank = None if is_null(about.get("blank")) else blank_of(about["blank"], labels, source)
    factors = () if is_null(about.get("factors")) else factors_of(about["factors"], graph, source)
    return replace(document, rows=len(labels) > 1 and is_matrix(document), blank=blank, factors=factors)


def _require_columns(arrays: Mapping[str, Any], source: str) -> None:
    """Everything a graph needs, each array with one dimension."""
    missing = [name for name in (*_INTEGERS, *_FLOATS, "about") if name not in arrays]
    if missing:
        found = ", ".join(arrays)
        raise FormatError(f"{source}: not a lattice .npz: array {missing[0]!r} is missing (found {found})")
    known_keys(
        arrays, (*_INTEGERS, *_FLOATS, "about", "times", *filter(_SCORE.fullmatch, arrays)), source, "the arrays"
    )
    for name in arrays:
        if arrays[name].ndim != 1:
            raise FormatError(f"{source}: array {name!r} has shape {arrays[name].shape}, expected one dimension")


def _about(arrays: Mapping[str, Any], source: str) -> dict[str, Any]:
    at = f"{source}: array 'about'"
    about = as_mapping(parse_json(decoded(arrays["about"].tobytes(), at), at), source, "about")
    version = about.get("lattice")
    if version is True or version != _VERSION:
        raise FormatError(f"{source}: document version is {brief(version)}, expected {_VERSION}")
    known_keys(about, _ABOUT, source, "about")
    return about


def _column(arrays: Mapping[str, Any], name: str, kinds: str, source: str) -> Any:
    """An array of one of these kinds of numbers."""
    array = arrays[name]
    if array.dtype.kind not in kinds:
        expected = "integers" if kinds == "iu" else "numbers"
        raise FormatError(f"{source}: array {name!r} holds {array.dtype}, expected {expected}")
    return array


def _names(given: Any, nodes: int, source: str) -> Any:
    if is_null(given):
        return range(nodes)
    names = [as_node(name, source, "a node name") for name in as_list(given, source, "names")]
    if len(names) != nodes or len(set(names)) < nodes:
        raise FormatError(f"{source}: names has {len(set(names))} different entries, but there are {nodes} nodes")
    return names


def _times(arrays: Mapping[str, Any], nodes: int, source: str) -> Any:
    if "times" not in arrays:
        return None
    times = _column(arrays, "times", "fiu", source).astype(np.float64)
    if len(times) != nodes or np.isinf(times).any():
        raise FormatError(f"{source}: times has {len(times)} entries for {nodes} nodes, or an infinite one")
    return times


def _score(arrays: Mapping[str, Any], number: int, arcs: int, source: str) -> Any:
    name = f"score{number}"
    if name not in arrays:
        raise FormatError(f"{source}: array {name!r} is missing")
    score = _column(arrays, name, "fiu", source).astype(np.float64)
    if len(score) != arcs or not np.isfinite(score).all():
        found = f"{len(score)} entries for {arcs} arcs, or one that is not finite"
        raise FormatError(f"{source}: array {name!r} of the scores has {found}")
    return score


def _require_sums(document: Document) -> None:
    """Raises FormatError where energies are not the sums of named scores that are given beside them."""
    if not document.scores:
        return
    energy, scores = document.graph.energy, document.scores
    with np.errstate(over="ignore", invalid="ignore"):
        size = sum(abs(document.scales.get(name, 1.0) * column) for name, column in scores.items())
        sums = weighted_sum(scores, document.scales)
        wrong = np.flatnonzero(~(abs(sums - energy) <= _ROUNDING * size))
    if len(wrong):
        arc = int(wrong[0])
        found = f"arc {arc}: energy is {energy[arc]:g}, but its scores add up to {sums[arc]:g}"
        raise FormatError(f"{document.source}: {found}, each of them by its scale")


def _scales(given: Any, scores: list[str], source: str) -> dict[str, float]:
    scales = {}
    for name, scale in as_mapping(given, source, "scales").items():
        if name not in scores:
            raise FormatError(f"{source}: scales has {name!r}, but the arcs carry no such score")
        scales[name] = as_number(scale, source, f"scale {name!r}")
    return scales

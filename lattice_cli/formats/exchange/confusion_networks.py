"""Confusion networks: SRILM's word meshes, and Moses' lattices in the notation of Python (PLF). They are read.

Both give probabilities, and the energy of an arc is -ln of its own; one of probability 0 is left out. `*DELETE*` in a
mesh and `*EPS*` in PLF are epsilon. Sources: wlat-format(5) of SRILM; "Word Lattices" in the manual of Moses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import (
    PAUSE,
    Pause,
    RawPart,
    ReadOptions,
    Source,
    brief,
    decoded,
    node_of,
    note,
    rows_of,
    weight_of,
)
from lattice_cli.graph import Arc, Document, LabelIndex, arc_columns, graph_by_tail, numbered_document

_NOTHING, _SILENT = "*DELETE*", "*EPS*"
#: Lines of a mesh that say where its posteriors come from.
_REMARKS = frozenset({"hyps", "info", "time"})
#: An edge of a PLF: its word in quotes, its probability, and how many nodes on it ends.
_EDGE = re.compile(r"""\(\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*,\s*([-+.0-9eE]+)\s*,\s*([0-9]{1,9})\s*,?\s*\)""")
#: A PLF with `e` for each edge, without white space: a tuple of tuples of edges.
_LATTICE = re.compile(r"\((\((e(,e)*,?)?\)(,\((e(,e)*,?)?\))*,?)?\)")


def read_mesh(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """A word mesh: a chain of positions, each with words and posterior probabilities.

    Posteriors are divided by the `posterior` of the whole mesh; `reference` lines are its target; lines that say where
    posteriors come from are passed over. Raises FormatError, with the line.
    """
    positions, total = 0, 1.0
    words: dict[int, list[tuple[int, str, str]]] = {}
    reference: dict[int, str] = {}
    unread: dict[str, None] = {}
    for line, fields in rows_of(text):
        keyword, at = fields[0], f"{source}:{line}"
        if keyword == "version":
            raise FormatError(f"{at}: a word posterior lattice of SRILM, expected a word mesh (numaligns, align)")
        if keyword not in _REMARKS | {"name", "numaligns", "posterior", "align", "reference"}:
            raise FormatError(f"{at}: found {brief(' '.join(fields))}, expected a line of an SRILM word mesh")
        if keyword in _REMARKS:
            unread[f"lines {keyword}"] = None
            continue
        if len(fields) < 2 or (keyword in ("numaligns", "posterior") and len(fields) != 2):
            raise FormatError(f"{at}: found {len(fields)} columns, expected {keyword} and its value")
        if keyword == "name":
            record_id = " ".join(fields[1:])
        elif keyword == "numaligns":
            positions = node_of(fields[1], at)
        elif keyword == "posterior":
            total = _probability(fields[1], at, most=math.inf)
            if not total:
                raise FormatError(f"{at}: the posterior of the whole mesh is 0, expected more")
        elif keyword == "reference":
            reference[node_of(fields[1], at)] = fields[2] if len(fields) > 2 else _NOTHING
        else:
            position = node_of(fields[1], at)
            if position in words or len(fields) % 2:
                found = f"align {position} again" if position in words else f"{len(fields)} columns"
                raise FormatError(
                    f"{at}: found {found}, expected align, a position, and pairs of a word and a posterior"
                )
            words[position] = [(line, word, text) for word, text in zip(fields[2::2], fields[3::2])]
    _require_positions(positions, words, source)
    labels = LabelIndex()
    arcs = []
    for position, pairs in sorted(words.items()):
        for line, word, posterior in pairs:
            probability = _probability(posterior, f"{source}:{line}", most=math.inf)
            if probability:
                label = labels.number(None if word == _NOTHING else word)
                arcs.append((position, position + 1, label, label, math.log(total) - math.log(probability)))
    document = _chain(arcs, positions, labels, record_id, source)
    if reference:
        document = replace(document, target=tuple(word for _, word in sorted(reference.items()) if word != _NOTHING))
    for what in unread:
        note(source, f"not read: {what}")
    return replace(document, unread=tuple(unread)).scaled(options.scales)


def _require_positions(positions: int, words: Mapping[int, Any], source: str) -> None:
    """That each position has its line, so that no size is taken on trust. Raises FormatError."""
    missing = next((position for position in range(positions) if position not in words), None)
    if missing is not None:
        raise FormatError(f"{source}: numaligns is {positions}, but there is no line align {missing}")
    if len(words) > positions:
        raise FormatError(f"{source}: numaligns is {positions}, but there is a line align {max(words)}")


def _probability(text: str, at: str, most: float = 1.0) -> float:
    """A probability. Raises FormatError."""
    value = weight_of(text, at, "probability")
    if not 0 <= value <= most or math.isinf(value):
        raise FormatError(f"{at}: probability is {brief(text)}, expected 0 to 1")
    return value


def _chain(arcs: Sequence[Arc], last: int, labels: LabelIndex, record_id: str, source: str) -> Document:
    """The record of a graph from node 0 to the last."""
    graph = graph_by_tail(arc_columns(arcs), {0: 0.0}, {last: 0.0}, last + 1, labels.table)
    return numbered_document(graph, record_id, source)


def split_plf(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """The lattices of a PLF file, one a line."""
    for number, line in source.lines():
        if line is None:
            yield PAUSE
        elif line.strip():
            record_id = f"{path}:{number}" if number > 1 else path
            yield RawPart(_plf_record, (line, number, source.name, record_id, options), record_id, len(line))


def _plf_record(line: bytes, number: int, source: str, record_id: str, options: ReadOptions) -> Iterator[Document]:
    """A tuple with a tuple for each node, of edges (word, probability, nodes on). Raises FormatError."""
    text, at = decoded(line, source, number), f"{source}:{number}"
    shape = re.sub(r"\s", "", _EDGE.sub("e", text))
    if not _LATTICE.fullmatch(shape):
        expected = "((('word', probability, nodes on), ...), ...) as in Moses' PLF"
        raise FormatError(f"{at}: found {brief(text.strip())}, expected {expected}")
    last, node = shape.count("(") - 1, -1
    labels, arcs = LabelIndex(), []
    edges = _EDGE.finditer(text)
    for letter in shape[1:]:
        node += letter == "("
        if letter != "e":
            continue
        quoted, score, steps = next(edges).groups()
        word = re.sub(r"\\(.)", r"\1", quoted[1:-1])
        if not 1 <= int(steps) <= last - node:
            raise FormatError(f"{at}: an edge of {word!r} goes {steps} nodes on, expected 1 to {last - node}")
        probability = _probability(score, at)
        if probability:
            label = labels.number(None if word == _SILENT else word)
            arcs.append((node, node + int(steps), label, label, 0.0 - math.log(probability)))
    yield _chain(arcs, last, labels, record_id, at).scaled(options.scales)

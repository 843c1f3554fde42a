"""k2's text form: `src dst label [aux_label] score`, and on the last line the final state.

A score is a log-probability, so an energy is -score. Label 0 is epsilon; an arc that enters the final state has label
-1, and is the final energy of the node it leaves. The start state is 0, the final one has the largest number, and arcs
are sorted by the state they leave. What str(Fsa) and str(FsaVec) print is read as well: names before the first arc, a
list in brackets where an arc has several auxiliary labels, attributes behind. Source: K2FsaFromStream and FsaToString
of k2's fsa_utils.cu, Fsa.to_str of its fsa.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.exchange.text_graph import Ends, TextGraph
from lattice_cli.formats.io import (
    Column,
    FieldTable,
    LossyForm,
    RawPart,
    ReadOptions,
    Row,
    Source,
    WriteOptions,
    Written,
    decoded,
    energy_of_score,
    from_ids,
    node_of,
    note,
    numbered,
    read_tables,
    rows_of,
)
from lattice_cli.graph import Document

_FINAL = "-1"
_NAME = "k2 text"
_AUX = "aux_labels"
_ABOUT = b"properties_str = "
_BEGIN = re.compile(rb"(?:k2\.Fsa|FsaVec\[[0-9]+\]): ?")
_LISTED = re.compile(r"\[([^\]]*)\]|[^ \t\r\f\v\[]+")


def split_k2(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart]:
    """The graph of a file, or those of str(FsaVec): all but the first are called by their place in it."""
    data = source.everything()
    body, _, about = data.partition(_ABOUT)
    begins = [(found.start(), found.end()) for found in _BEGIN.finditer(body)] or [(0, 0)]
    ends = [start for start, _ in begins[1:]] + [len(body)]
    names = _Columns.told(about.decode(errors="replace")) if about else None
    for number, ((_, begin), end) in enumerate(zip(begins, ends), 1):
        record_id = f"{path}:{number}" if number > 1 else path
        line = 1 + data.count(b"\n", 0, begin)
        yield RawPart(_graph, (body[begin:end], source.name, record_id, options, line, names), record_id, end - begin)


class _Columns(NamedTuple):
    """Which attributes of arcs stand between label and score: integers, then lists of integers, by name."""

    single: list[str]
    ragged: list[str]
    others: list[str]

    @staticmethod
    def told(about: str) -> _Columns:
        """What the attributes that str() lists behind the arcs are."""
        found: dict[str, list[str]] = {"single": [], "ragged": [], "others": []}
        parts = re.split(r"^([A-Za-z_]\w*): ", about, flags=re.MULTILINE)
        for name, value in zip(parts[1::2], parts[2::2]):
            ragged = value.startswith(("RaggedTensor", "["))
            kind = "ragged" if ragged else "single" if "int32" in value else "others"
            found[kind].append(name)
        return _Columns(sorted(found["single"]), sorted(found["ragged"]), sorted(found["others"]))


def _graph(
    data: bytes, source: str, record_id: str, options: ReadOptions, first: int, names: _Columns | None
) -> Iterator[Document]:
    yield read_k2(decoded(data, source, first), source, record_id, options, first, names)


def read_k2(
    text: str, source: str, record_id: str, options: ReadOptions, first: int = 1, names: _Columns | None = None
) -> Document:
    """The graph of a text in k2's form, which begins on line `first`. Raises FormatError, with the line.

    A node's arc to the final state is its final energy. Where a node has several, or one with an auxiliary label, they
    stay arcs, with epsilon for -1, and the final state is a node. names: of the columns, where str() has told them;
    those that are not the auxiliary labels are not read. An arc with several auxiliary labels becomes as many, with
    extra nodes behind the final state's number.
    """
    rows = list(_listed_rows(text, first) if "[" in text else rows_of(text, first))
    if not rows and names is not None:
        rows = [(first, ["0"])]  # what str() has of a graph without arcs is nothing
    arcs, final, unread = _parts(rows, source, names)
    found: list[Row] = []
    finals: list[tuple[int, float, int]] = []
    ends = Counter(fields[0] for _, fields in arcs if fields[2] == _FINAL)
    ilabel: list[str] = []
    olabel: list[str] = []
    extra, entered = final, 0
    for line, fields in arcs:
        last = fields[2] == _FINAL
        if last != (fields[1] == str(final)):
            expected = f"label -1 on the arcs that enter the final state, {final}, and only there"
            raise FormatError(
                f"{source}:{line}: label is {fields[2]} on an arc to state {fields[1]}, expected {expected}"
            )
        label = "0" if last else fields[2]
        outputs = [label if len(fields) == 4 else fields[3]]
        if last or " " in outputs[0] or not outputs[0]:
            silent = (_FINAL, "0") if last else ()
            outputs = [output for output in outputs[0].split() if output not in silent] or ["0"]
        if last and ends[fields[0]] == 1 and outputs == ["0"]:
            at = f"{source}:{line}"
            finals.append((node_of(fields[0], at), energy_of_score(fields[-1], at), line))
            continue
        entered = entered or (line if last else 0)
        if len(outputs) == 1:
            found.append((line, [fields[0], fields[1], fields[-1]]))
            ilabel.append(label)
            olabel += outputs
            continue
        between = [str(extra + number) for number in range(1, len(outputs))]
        extra += len(between)
        places = [fields[0], *between, fields[1]]
        for number, (tail, head) in enumerate(pairwise(places)):
            found.append((line, [tail, head, fields[-1] if number == 0 else "0"]))
        ilabel += [label, *["0"] * len(between)]
        olabel += outputs
    isymbols, osymbols = read_tables(options)
    acceptor = all(len(fields) == 4 for _, fields in arcs)
    lines = [line for line, _ in found]
    inputs = from_ids(Column.of(ilabel, lines), (isymbols or osymbols) if acceptor else isymbols, 0, source)
    outputs_found = inputs if acceptor else from_ids(Column.of(olabel, lines), osymbols, 0, source)
    finals += [(final, 0.0, entered)] if entered else []
    starts = Ends(np.zeros(1, dtype=np.intp), np.zeros(1), np.array([first]))
    graph = TextGraph(source, FieldTable.of_rows(found), 2, starts, _ends(finals), scores=True)
    document = graph.document(record_id, inputs, outputs_found)
    return replace(document, unread=unread).scaled(options.scales)


def _ends(found: Sequence[tuple[int, float, int]]) -> Ends:
    """Nodes, energies and lines as columns."""
    nodes, energies, lines = zip(*found) if found else ((), (), ())
    return Ends(np.array(nodes, dtype=np.intp), np.array(energies, dtype=np.float64), np.array(lines, dtype=np.intp))


def _listed_rows(text: str, first: int) -> Iterator[Row]:
    """Rows some of which have lists in brackets: each is a column, its numbers between single spaces."""
    for line, row in enumerate(text.split("\n"), first):
        found = [field[0] if field[1] is None else " ".join(field[1].split()) for field in _LISTED.finditer(row)]
        if found:
            yield line, found


def _parts(rows: Sequence[Row], source: str, names: _Columns | None) -> tuple[list[Row], int, tuple[str, ...]]:
    """The arcs, as src dst label [aux_label] score; the final state of the last line; what is not read."""
    if not rows or len(rows[-1][1]) != 1:
        line = rows[-1][0] if rows else 1
        raise FormatError(f"{source}:{line}: the file ends, expected the final state alone on the last line")
    arcs = rows[:-1]
    if all(len(fields) == 3 for _, fields in arcs):  # K2FsaFromStream takes a missing score for 0
        arcs = [(line, [*fields, "0"]) for line, fields in arcs]
    width = len(arcs[0][1]) if arcs else 4
    columns = [] if names is None else [*names.single, *names.ragged]
    widths = (4, 5) if len(columns) < 2 else (4 + len(columns),)
    for line, fields in arcs:
        if len(fields) not in widths or len(fields) != width:
            like = "" if len(fields) not in widths else f", {width} columns as on line {arcs[0][0]}"
            expected = f"src dst label {' '.join(columns) or '[aux_label]'} score{like}"
            raise FormatError(f"{source}:{line}: found {len(fields)} columns, expected {expected}")
    unread = [name for name in columns if name != _AUX] + ([] if names is None else names.others)
    if unread:
        note(source, f"not read: attributes {', '.join(unread)} of arcs")
    if columns and width == 4 + len(columns):
        kept = [3 + columns.index(_AUX)] if _AUX in columns else []
        arcs = [(line, [*fields[:3], *(fields[place] for place in kept), fields[-1]]) for line, fields in arcs]
    told = (f"attributes {', '.join(unread)} of arcs",) if unread else ()
    return [*arcs], node_of(rows[-1][1][0], f"{source}:{rows[-1][0]}"), told


def write_k2(document: Document, options: WriteOptions) -> Written:
    """A graph in k2's text form."""
    fitting = LossyForm(document, _NAME)
    fitting.without_target()
    fitting.without_times()
    fitting.summed_scores()
    fitting.connected()
    fitting.one_start()
    fitting.start_first()
    fitting.numbered_nodes(dense=True)
    fitting.sorted_arcs()
    graph = fitting.graph
    sides = (graph.ilabel,) if fitting.is_acceptor else (graph.ilabel, graph.olabel)
    labels = [numbered(fitting, side, 1, "0", options.symbols) for side in sides]
    scores = [repr(0.0 - energy) for energy in graph.energy.tolist()]
    columns = zip(graph.src.tolist(), graph.dst.tolist(), *labels, scores)
    arcs = [(arc[0], " ".join(map(str, arc)) + "\n") for arc in columns]
    last = [_FINAL] * len(sides)
    ends = [
        (node, " ".join(map(str, (node, graph.nodes, *last, repr(0.0 - float(graph.final[node]))))) + "\n")
        for node in graph.finals.tolist()
    ]
    tails = np.array([tail for tail, _ in (*arcs, *ends)], dtype=np.intp)
    lines = [line for _, line in (*arcs, *ends)]
    ordered = [lines[place] for place in np.argsort(tails, kind="stable").tolist()]
    return fitting.written("".join(ordered) + f"{graph.nodes}\n")

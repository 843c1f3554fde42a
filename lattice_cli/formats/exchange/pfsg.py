"""SRI's probabilistic finite-state grammars (PFSG), as SRILM's lattice-tool writes them, read; words are on nodes.

A cost is 10000.5 times the natural logarithm of a probability, so that an energy is its negative over 10000.5. `NULL`
is a node without a word. Source: pfsg-format(5) of SRILM; its least integer is a probability of 0.
"""

from __future__ import annotations

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ReadOptions, Row, brief, node_of, rows_of, weight_of
from lattice_cli.graph import Document, Graph, LabelIndex, end_energies

_SCALE = 10000.5
_SILENT = "NULL"
_ZERO = -(2**31)
_KEYWORDS = ("name", "nodes", "initial", "final", "transitions")


def read_pfsg(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The grammar of a file. Arcs have the word of the node that they enter. Raises FormatError, with the line.

    A word on the initial node has an arc of energy 0 that enters it, from an extra node "start".
    """
    rows = list(rows_of(text))
    header = _header(rows, source)
    words = header["nodes"][1][2:]
    name = " ".join(header["name"][1][1:]) or record_id
    ends = {keyword: _node(header[keyword][1][1], len(words), header[keyword][0], source) for keyword in _KEYWORDS[2:4]}
    edges = rows[len(_KEYWORDS) :]
    line, (_, count, *_) = header["transitions"]
    if node_of(count, f"{source}:{line}") != len(edges):
        if len(edges) and any(fields[0] == "name" for _, fields in edges):
            raise FormatError(f"{source}: several PFSGs, which may stand for words of each other, expected one")
        raise FormatError(f"{source}:{line}: transitions {count}, but {len(edges)} lines follow")
    labels = LabelIndex()
    label_of = labels.column([None if word == _SILENT else word for word in words])
    src, dst, cost = [], [], []
    for line, fields in edges:
        if len(fields) != 3:
            raise FormatError(f"{source}:{line}: found {brief(' '.join(fields))}, expected from, to, cost")
        src.append(_node(fields[0], len(words), line, source))
        dst.append(_node(fields[1], len(words), line, source))
        cost.append(weight_of(fields[2], f"{source}:{line}", "cost"))
    names: list[int | str] = [*range(len(words))]
    if label_of[ends["initial"]]:
        names.append("start")
        src, dst, cost = [*src, len(words)], [*dst, ends["initial"]], [*cost, 0.0]
        ends["initial"] = len(words)
    costs, heads = np.array(cost, dtype=np.float64), np.array(dst, dtype=np.intp)
    possible = np.isfinite(costs) & (costs > _ZERO)
    label = label_of[heads[possible]]
    start, final = (end_energies(len(names), {ends[keyword]: 0.0}) for keyword in ("initial", "final"))
    tails = np.array(src, dtype=np.intp)[possible]
    graph = Graph(tails, heads[possible], label, label, (0.0 - costs[possible]) / _SCALE, start, final, labels.table)
    return Document(graph, name, source, names).scaled(options.scales)


def _header(rows: list[Row], source: str) -> dict[str, Row]:
    """The first lines by their keywords, which come in one order."""
    for keyword, (line, fields) in zip(_KEYWORDS, rows):
        if fields[0] != keyword or len(fields) < 2:
            found = brief(" ".join(fields))
            raise FormatError(f"{source}:{line}: found {found}, expected {keyword} and its value, as in a PFSG")
    if len(rows) < len(_KEYWORDS):
        raise FormatError(f"{source}: the file ends, expected {_KEYWORDS[len(rows)]}, as in a PFSG")
    header = dict(zip(_KEYWORDS, rows))
    line, (_, count, *words) = header["nodes"]
    if node_of(count, f"{source}:{line}") != len(words):
        raise FormatError(f"{source}:{line}: nodes {count}, but {len(words)} words follow")
    return header


def _node(text: str, nodes: int, line: int, source: str) -> int:
    node = node_of(text, f"{source}:{line}")
    if node >= nodes:
        raise FormatError(f"{source}:{line}: node {node}, but there are {nodes} nodes")
    return node

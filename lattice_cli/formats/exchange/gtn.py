"""GTN's text form: a line of start nodes, a line of accepting nodes, then `src dst ilabel [olabel [weight]]`.

A weight is a score, so an energy is -weight; labels are whole numbers, -1 is epsilon, and start and accepting nodes
have no weights. Source: loadTxt and saveTxt in GTN's utils.cpp.
"""

from __future__ import annotations

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.exchange.text_graph import Ends, TextGraph
from lattice_cli.formats.io import (
    FieldTable,
    LossyForm,
    ReadOptions,
    WriteOptions,
    Written,
    from_ids,
    node_of,
    numbered,
    read_tables,
)
from lattice_cli.graph import Document

_EPSILON = -1
_NAME = "GTN text"


def read_gtn(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The graph of a file in GTN's text form. Raises FormatError, with the line."""
    rows = FieldTable.of(text)
    count = text.count("\n") + 1
    if count < 2:
        raise FormatError(f"{source}:{count}: the file ends, expected start nodes, then accepting nodes")
    starts, finals = (_ends(rows, line, what, source) for line, what in ((1, "start"), (2, "accepting")))
    arcs = rows.where(rows.line > 2)
    odd = (arcs.width < 3) | (arcs.width > 5)
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        expected = "expected src dst ilabel [olabel [weight]]"
        raise FormatError(f"{source}:{arcs.line[row]}: found {arcs.width[row]} columns, {expected}")
    graph = TextGraph(source, arcs, 4, starts, finals, scores=True)
    sides = (arcs.column(place) for place in (2, np.minimum(arcs.width - 1, 3)))
    labels = (from_ids(side, table, _EPSILON, source) for side, table in zip(sides, read_tables(options)))
    return graph.document(record_id, *labels)


def _ends(rows: FieldTable, line: int, what: str, source: str) -> Ends:
    """The nodes of a line. Raises FormatError."""
    nodes: list[int] = []
    own = rows.where(rows.line == line)
    for place in range(int(own.width.sum())):
        (text,) = own.texts(place)
        if (node := node_of(text, f"{source}:{line}")) in nodes:
            raise FormatError(f"{source}:{line}: node {node} is listed twice among the {what} nodes")
        nodes.append(node)
    return Ends(np.array(nodes, dtype=np.intp), np.zeros(len(nodes)), np.full(len(nodes), line))


def write_gtn(document: Document, options: WriteOptions) -> Written:
    """A graph in GTN's text form."""
    fitting = LossyForm(document, _NAME)
    fitting.without_target()
    fitting.without_times()
    fitting.summed_scores()
    fitting.connected()
    fitting.numbered_nodes()
    fitting.free_ends()
    fitting.within_float32()  # GTN does not load others: std::stof throws
    graph, names = fitting.graph, fitting.names
    ends = [" ".join(str(names[node]) for node in nodes.tolist()) + "\n" for nodes in (graph.starts, graph.finals)]
    src, dst = ([names[node] for node in side.tolist()] for side in (graph.src, graph.dst))
    labels = [numbered(fitting, side, 0, str(_EPSILON), options.symbols) for side in (graph.ilabel, graph.olabel)]
    scores = [repr(0.0 - energy) for energy in graph.energy.tolist()]
    arcs = [" ".join(map(str, arc)) + "\n" for arc in zip(src, dst, *labels, scores)]
    return fitting.written("".join([*ends, *arcs]))

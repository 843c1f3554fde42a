"""GTN's text form: a line of start nodes, a line of accepting nodes, then `src dst ilabel [olabel [weight]]`.

A weight is a score, so an energy is -weight; labels are whole numbers, -1 is epsilon, and start and accepting nodes
have no weights. Source: loadTxt and saveTxt in GTN's utils.cpp.
"""

from __future__ import annotations

from lattice_cli.errors import FormatError
from lattice_cli.formats.exchange.text_graph import TextGraph
from lattice_cli.formats.io import (
    FIELDS,
    LossyForm,
    ReadOptions,
    WriteOptions,
    Written,
    energy_of_score,
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
    rows = [FIELDS.findall(row) for row in text.split("\n")]
    if len(rows) < 2:
        raise FormatError(f"{source}:{len(rows)}: the file ends, expected start nodes, then accepting nodes")
    graph = TextGraph(source)
    for line, (fields, ends, what) in enumerate(
        ((rows[0], graph.starts, "start"), (rows[1], graph.finals, "accepting")), 1
    ):
        for field in fields:
            node = node_of(field, f"{source}:{line}")
            if node in ends:
                raise FormatError(f"{source}:{line}: node {node} is listed twice among the {what} nodes")
            ends[node] = 0.0
    ilabel, olabel = [], []
    for line, fields in enumerate(rows[2:], 3):
        if not fields:
            continue
        if not 3 <= len(fields) <= 5:
            raise FormatError(
                f"{source}:{line}: found {len(fields)} columns, expected src dst ilabel [olabel [weight]]"
            )
        graph.arc(line, fields[0], fields[1], fields[4] if len(fields) == 5 else "0")
        ilabel.append(fields[2])
        olabel.append(fields[min(3, len(fields) - 1)])
    tables = read_tables(options)
    inputs, outputs = (
        from_ids(side, table, _EPSILON, source, graph.lines) for side, table in zip((ilabel, olabel), tables)
    )
    return graph.document(record_id, inputs, outputs, energy_of_score)


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

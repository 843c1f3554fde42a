"""k2's text form: `src dst label [aux_label] score`, and on the last line the final state.

A score is a log-probability, so an energy is -score. Label 0 is epsilon; an arc that enters the final state has label
-1, and is the final energy of the node it leaves. The start state is 0, the final one has the largest number, and arcs
are sorted by the state they leave. Source: K2AcceptorFromStream and K2TransducerFromStream of k2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.exchange.text_graph import TextGraph
from lattice_cli.formats.io import (
    LossyForm,
    ReadOptions,
    Row,
    WriteOptions,
    Written,
    energy_of_score,
    from_ids,
    node_of,
    numbered,
    read_tables,
    rows_of,
)
from lattice_cli.graph import Document

_FINAL = "-1"
_NAME = "k2 text"


def read_k2(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The graph of a file in k2's text form. Raises FormatError, with the line.

    A node's arc to the final state is its final energy. Where a node has several, or one with an auxiliary label, they
    stay arcs, with epsilon for -1, and the final state is a node.
    """
    rows = list(rows_of(text))
    arcs, final = _parts(rows, source)
    graph = TextGraph(source, starts={0: 0.0})
    ends = Counter(fields[0] for _, fields in arcs if fields[2] == _FINAL)
    ilabel: list[str] = []
    olabel: list[str] = []
    for line, fields in arcs:
        last = fields[2] == _FINAL
        if last != (fields[1] == str(final)):
            expected = f"label -1 on the arcs that enter the final state, {final}, and only there"
            raise FormatError(
                f"{source}:{line}: label is {fields[2]} on an arc to state {fields[1]}, expected {expected}"
            )
        label, output = "0" if last else fields[2], fields[-2]
        output = "0" if last and output == _FINAL else output
        if last and ends[fields[0]] == 1 and (len(fields) == 4 or output == "0"):
            at = f"{source}:{line}"
            graph.final(line, node_of(fields[0], at), energy_of_score(fields[-1], at))
            continue
        if last:
            graph.finals[final] = 0.0
        graph.arc(line, fields[0], fields[1], fields[-1])
        ilabel.append(label)
        olabel.append(label if len(fields) == 4 else output)
    isymbols, osymbols = read_tables(options)
    acceptor = all(len(fields) == 4 for _, fields in arcs)
    inputs = from_ids(ilabel, (isymbols or osymbols) if acceptor else isymbols, 0, source, graph.lines)
    outputs = inputs if acceptor else from_ids(olabel, osymbols, 0, source, graph.lines)
    return graph.document(record_id, inputs, outputs, energy_of_score).scaled(options.scales)


def _parts(rows: Sequence[Row], source: str) -> tuple[Sequence[Row], int]:
    """The arcs, and the final state of the last line."""
    if not rows or len(rows[-1][1]) != 1:
        line = rows[-1][0] if rows else 1
        raise FormatError(f"{source}:{line}: the file ends, expected the final state alone on the last line")
    arcs = rows[:-1]
    width = len(arcs[0][1]) if arcs else 4
    for line, fields in arcs:
        if len(fields) not in (4, 5) or len(fields) != width:
            like = "" if len(fields) not in (4, 5) else f", {width} columns as on line {arcs[0][0]}"
            raise FormatError(
                f"{source}:{line}: found {len(fields)} columns, expected src dst label [aux_label] score{like}"
            )
    return arcs, node_of(rows[-1][1][0], f"{source}:{rows[-1][0]}")


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

"""OpenFst's text form, begun by AT&T's tools: `src dst ilabel [olabel] [weight]`, final nodes `node [weight]`.

Tropical and log weights are both energies. The start node is the one that the first line names. Labels are text or
numbers; `<eps>`, or 0 where all labels of a side are numbers, is epsilon. Source: OpenFst's fstcompile and fstprint.
"""

from __future__ import annotations

from collections.abc import Sequence

from lattice_cli.errors import FormatError
from lattice_cli.formats.exchange.text_graph import TextGraph
from lattice_cli.formats.io import (
    EPSILON_SYMBOL,
    LossyForm,
    ReadOptions,
    Row,
    Symbols,
    WriteOptions,
    Written,
    brief,
    from_ids,
    is_id,
    node_of,
    numbers,
    read_tables,
    rows_of,
    texts,
    weight_of,
)
from lattice_cli.graph import Document

_NAME = "OpenFst text"


def read_att(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The graph of a file in OpenFst's text form. Raises FormatError, with the line."""
    rows = list(rows_of(text))
    wide = _label_columns(rows, source, options.acceptor)
    graph = TextGraph(source, starts={node_of(fields[0], f"{source}:{line}"): 0.0 for line, fields in rows[:1]})
    ilabel: list[str] = []
    olabel: list[str] = []
    for line, fields in rows:
        if len(fields) <= 2:
            at = f"{source}:{line}"
            graph.final(line, node_of(fields[0], at), weight_of(fields[1], at) if len(fields) == 2 else 0.0)
            continue
        if not 2 + wide <= len(fields) <= 3 + wide:
            kind = (
                "an acceptor, src dst label [weight]" if wide == 1 else "a transducer, src dst ilabel olabel [weight]"
            )
            raise FormatError(
                f"{source}:{line}: found {len(fields)} columns, expected an arc of {kind}, or a final node"
            )
        graph.arc(line, fields[0], fields[1], fields[2 + wide] if len(fields) == 3 + wide else "0")
        ilabel.append(fields[2])
        olabel.append(fields[1 + wide])
    isymbols, osymbols = read_tables(options)
    if wide == 1:
        labels = _labels(ilabel, isymbols or osymbols, source, graph.lines)
        return graph.document(record_id, labels, labels).scaled(options.scales)
    inputs = _labels(ilabel, isymbols, source, graph.lines)
    outputs = _labels(olabel, osymbols, source, graph.lines)
    return graph.document(record_id, inputs, outputs).scaled(options.scales)


def _label_columns(rows: Sequence[Row], source: str, acceptor: bool | None) -> int:
    """1 for an acceptor, 2 for a transducer. Raises FormatError where it cannot be told."""
    if acceptor is not None:
        return 1 if acceptor else 2
    arcs = [(line, fields) for line, fields in rows if len(fields) > 2]
    widths = {len(fields) for _, fields in arcs}
    if 5 in widths:
        return 2
    if 3 in widths or not arcs:
        return 1
    last = [(line, fields[3]) for line, fields in arcs if len(fields) == 4]
    if not all(_is_weight(text) for _, text in last):
        return 2
    if last and all(is_id(text) for _, text in last):
        line, text = last[0]
        expected = "which of them it is: --acceptor or --transducer"
        raise FormatError(
            f"{source}:{line}: {text} may be the weight or the output label of this arc, expected {expected}"
        )
    return 1


def _is_weight(text: str) -> bool:
    try:
        weight_of(text, "")
    except FormatError:
        return False
    return True


def _labels(fields: list[str], symbols: Symbols | None, source: str, lines: Sequence[int]) -> list[str | None]:
    """The labels of one side: numbers where all of them are numbers, else as they are written."""
    found = dict.fromkeys(fields)
    if all(map(is_id, found)):
        return from_ids(fields, symbols, 0, source, lines)
    epsilon = EPSILON_SYMBOL if symbols is None else symbols.epsilon
    for label in found:
        if symbols is not None and label != epsilon and label not in symbols.ids:
            line = lines[fields.index(label)]
            raise FormatError(f"{source}:{line}: label {brief(label)} is not in the symbol table {symbols.path}")
    return [None if label == epsilon else label for label in fields]


def write_att(document: Document, options: WriteOptions) -> Written:
    """A graph in OpenFst's text form; with a symbol table to write, labels are numbers.

    A line `node Infinity` is a node that is not final: it names the start node where no line of its own comes first,
    and nodes without arcs.
    """
    fitting = LossyForm(document, _NAME)
    fitting.without_target()
    fitting.without_times()
    fitting.summed_scores()
    fitting.numbered_nodes()
    if not fitting.graph.nodes:
        return fitting.written("")
    fitting.one_start()
    graph, names = fitting.graph, fitting.names
    sides = (graph.ilabel,) if fitting.is_acceptor else (graph.ilabel, graph.olabel)
    if options.symbols is not None:
        columns = [numbers(fitting, side, options.symbols, epsilon="0") for side in sides]
    else:
        columns = [texts(fitting, side) for side in sides]
    start = int(graph.starts[0])
    finals = {node: _weight(graph.final[node]) for node in graph.finals.tolist()}
    lines = []
    if start in finals:
        lines.append(f"{names[start]}{finals.pop(start)}\n")
    elif not graph.arcs or graph.src[0] != start:
        lines.append(f"{names[start]}\tInfinity\n")
    src, dst = ([names[node] for node in side.tolist()] for side in (graph.src, graph.dst))
    lines += ["\t".join(map(str, arc)) + "\n" for arc in zip(src, dst, *columns, map(repr, graph.energy.tolist()))]
    lines += [f"{names[node]}{weight}\n" for node, weight in finals.items()]
    lines += [f"{names[node]}\tInfinity\n" for node in fitting.isolated() if node != start]
    return fitting.written("".join(lines))


def _weight(energy: float) -> str:
    return "" if repr(float(energy)) == "0.0" else f"\t{float(energy)!r}"

"""OpenFst's text form, begun by AT&T's tools: `src dst ilabel [olabel] [weight]`, final nodes `node [weight]`.

Tropical and log weights are both energies. The start node is the one that the first line names. Labels are text or
numbers; `<eps>`, or 0 where all labels of a side are numbers, is epsilon. Nodes may have names (fstprint --ssymbols).
Source: OpenFst's fstcompile and fstprint; HFST's HfstBasicTransducer::write_in_att_format, foma's net_print_att and
lttoolbox's Transducer::show, which write `@0@` for epsilon (lttoolbox may write another letter), a line `--` between
transducers, and names for white space, if they do not write a space as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.exchange.text_graph import Ends, TextGraph, nodes_in
from lattice_cli.formats.io import (
    Column,
    FieldTable,
    LabelColumn,
    LossyForm,
    RawPart,
    ReadOptions,
    Row,
    Source,
    Symbols,
    WriteOptions,
    Written,
    decoded,
    is_id,
    is_odd_number,
    labels_of,
    note,
    numbers,
    read_tables,
    rows_of,
    texts,
    weight_of,
)
from lattice_cli.graph import Document

_NAME = "OpenFst text"


#: HFST's names: of epsilon, and of what would part columns.
_EPSILONS = ("@0@", "@_EPSILON_SYMBOL_@")
_WHITE = {"@_SPACE_@": " ", "@_TAB_@": "\t", "@_COLON_@": ":"}
_ALIEN = re.compile(r"@(_(UNKNOWN|IDENTITY)_SYMBOL_|[PNRDCU]\..*)@")
_LTTOOLBOX_EPSILON = "ε"
_BETWEEN = re.compile(rb"^--[^\n]*\n?", re.MULTILINE)
#: Foma writes a space as it is, between tabs.
_SPACE = re.compile(r"\t +(\t|$)")


def split_att(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart]:
    """The graphs of a file; all but the first are called by their place in it."""
    data, begin, line = source.everything(), 0, 1
    cuts = [(found.start(), found.end()) for found in _BETWEEN.finditer(data)] if b"--" in data else []
    if options.epsilon is None and (
        (b"@" in data and _EPSILONS[0].encode() in data) or (cuts and _LTTOOLBOX_EPSILON.encode() not in data)
    ):
        options = replace(options, epsilon=_EPSILONS[0])  # in all of them: OpenFst has no several, and no such symbol
    for number, (end, following) in enumerate([*cuts, (len(data), len(data))], 1):
        part = data[begin:end] if cuts else data
        record_id = f"{path}:{number}" if number > 1 else path
        yield RawPart(_graph, (part, source.name, record_id, options, line), record_id, len(part))
        line += data.count(b"\n", begin, following) if cuts else 0
        begin = following


def _graph(data: bytes, source: str, record_id: str, options: ReadOptions, first: int) -> Iterator[Document]:
    yield read_att(decoded(data, source, first), source, record_id, options, first)


def read_att(text: str, source: str, record_id: str, options: ReadOptions, first: int = 1) -> Document:
    """The graph of a text in OpenFst's form, which begins on line `first`. Raises FormatError, with the line."""
    rows = (
        FieldTable.of_rows(_spaced_rows(text, first)) if " " in text and "\t " in text else FieldTable.of(text, first)
    )
    is_arc = rows.width > 2
    arcs, ends = rows.where(is_arc), rows.where(~is_arc)
    wide = _label_columns(arcs, source, options.acceptor)
    _require_widths(arcs, wide, source)
    begin, named = rows.where(np.arange(len(rows)) < 1), _has_names(rows, arcs)
    graph = TextGraph(
        source,
        arcs,
        2 + wide,
        Ends(nodes_in(begin, 0, source, named), np.zeros(len(begin)), begin.line),
        Ends(nodes_in(ends, 0, source, named), ends.energies(1, source), ends.line),
        named=named,
    )
    fields = [arcs.column(place) for place in range(2, 2 + wide)]
    isymbols, osymbols = read_tables(options)
    epsilon = options.epsilon or next((name for name in _EPSILONS for side in fields if name in side.texts), None)
    inputs = _labels(fields[0], isymbols or (osymbols if wide == 1 else None), epsilon, source)
    outputs = inputs if wide == 1 else _labels(fields[1], osymbols, epsilon, source)
    return graph.document(record_id, inputs, outputs).scaled(options.scales)


def _require_widths(arcs: FieldTable, wide: int, source: str) -> None:
    """Raises FormatError for an arc with too few columns, or too many."""
    odd = (arcs.width < 2 + wide) | (arcs.width > 3 + wide)
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        kind = "an acceptor, src dst label [weight]" if wide == 1 else "a transducer, src dst ilabel olabel [weight]"
        found, expected = f"found {arcs.width[row]} columns", f"expected an arc of {kind}, or a final node"
        raise FormatError(f"{source}:{arcs.line[row]}: {found}, {expected}")


def _spaced_rows(text: str, first: int) -> Iterator[Row]:
    """Rows some of which may have a label that is a space, between tabs."""
    for line, row in enumerate(text.split("\n"), first):
        if _SPACE.search(row := row.rstrip("\r")):
            yield line, row.split("\t")
        else:
            yield from rows_of(row, line)


def _has_names(rows: FieldTable, arcs: FieldTable) -> bool:
    """Whether nodes have names: then no node is a number."""
    if not len(rows) or is_id(rows.where(np.arange(1)).texts(0)[0]):
        return False
    return not any(is_id(text) for column in (rows.column(0), arcs.column(1)) for text in column.texts)


def _label_columns(arcs: FieldTable, source: str, acceptor: bool | None) -> int:
    """1 for an acceptor, 2 for a transducer. Raises FormatError where it cannot be told."""
    if acceptor is not None:
        return 1 if acceptor else 2
    if (arcs.width == 5).any():
        return 2
    if (arcs.width == 3).any() or not len(arcs):
        return 1
    fourth = arcs.where(arcs.width == 4).column(3)
    last = [*zip(fourth.lines, fourth.texts)]
    words = next(((line, text) for line, text in last if not _is_weight(text)), None)
    sure = next(((line, text) for line, text in last if _is_weight(text) and not is_id(text)), None)
    strange = next(((line, text) for line, text in last if is_odd_number(text)), None)
    if words is None and sure is not None:
        return 1
    if words is not None and sure is None and strange is None:
        return 2
    if not last:
        return 2  # no arc has a width that one can have
    line, text = strange or words or last[0]
    expected = "which of them it is: --acceptor or --transducer"
    if words is not None and sure is not None:
        expected = f"a weight like {sure[1]} on line {sure[0]}, or --transducer"
    raise FormatError(f"{source}:{line}: {text} may be the weight or the output label of this arc, expected {expected}")


def _is_weight(text: str) -> bool:
    try:
        weight_of(text, "")
    except FormatError:
        return False
    return True


def _labels(column: Column, symbols: Symbols | None, epsilon: str | None, source: str) -> LabelColumn:
    """The labels of one side. Raises FormatError where it cannot be told whether they are numbers."""
    found = column.texts
    if epsilon is None and found and all(map(is_id, found)):
        if symbols is None and "0" in found:
            note(source, "labels are numbers, so 0 is read as epsilon; --epsilon '<eps>' reads it as a label")
        elif symbols is not None and _read_two_ways(found, symbols):
            expected = f"--epsilon 0 if they are numbers, --epsilon '{symbols.epsilon}' if they are labels"
            both = f"label {found[0]}, like all others, is a number and a label of the symbol table {symbols.path}"
            raise FormatError(f"{source}:{column.lines[0]}: {both}, expected {expected}")
    elif epsilon is None and _LTTOOLBOX_EPSILON in found:
        note(source, f"{_LTTOOLBOX_EPSILON} is read as a label; --epsilon {_LTTOOLBOX_EPSILON} reads it as epsilon")
    labels = labels_of(column, symbols, epsilon, source)
    alien = [label for label in found if _ALIEN.fullmatch(label)]
    if alien:
        note(source, f"{', '.join(alien[:3])}: flags and symbols that stand for others are read as plain labels")
    if any(name in label for label in found for name in _WHITE):
        return LabelColumn([label and _plain(label) for label in labels.texts], labels.number)
    return labels


def _read_two_ways(found: Iterable[str], symbols: Symbols) -> bool:
    """Whether digits are numbers of a table and labels of it as well, but of others."""
    both = all(label in symbols.ids for label in found)
    return both and any(symbols.labels.get(int(label)) != label for label in found)


def _plain(label: str) -> str:
    """A label with white space as it is."""
    for name, text in _WHITE.items():
        label = label.replace(name, text)
    return label


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

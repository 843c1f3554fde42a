"""OpenFst's binary files as records and back: tropical and log weights are both energies.

Labels are those of the symbol tables inside, or of given ones; without any, the numbers. Label 0 is epsilon, whatever a
table calls it. An automaton of Kaldi's lattice weights is read as a Kaldi lattice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lattice_cli.arrays import NO_INDICES, IntArray, distinct
from lattice_cli.errors import FormatError
from lattice_cli.formats.binary.cursor import Cursor
from lattice_cli.formats.binary.fst_file import read_fst_file
from lattice_cli.formats.binary.fst_types import ARC_TYPES, FstFile
from lattice_cli.formats.binary.fst_writer import fst_bytes
from lattice_cli.formats.exchange.kaldi import LatticeColumns, spoken
from lattice_cli.formats.io import (
    EPSILON_SYMBOL,
    LossyForm,
    ReadOptions,
    Symbols,
    WriteOptions,
    Written,
    is_id,
    numbers,
    read_tables,
    whole_numbers,
)
from lattice_cli.formats.io.lossy import LARGEST_NUMBER
from lattice_cli.graph import EPSILON, Document, Graph, LabelIndex, end_energies, numbered_document

_NAME = "an OpenFst file"
#: Labels by their numbers, and where they are from, for messages; None: labels are the numbers themselves.
_Table = tuple[Mapping[int, str], str] | None


def read_fst(data: bytes, source: str, record_id: str, options: ReadOptions) -> Document:
    """The graph of a binary OpenFst file. Raises FormatError."""
    cursor = Cursor(iter([data]), source)
    fst = read_fst_file(cursor, alone=True)
    if cursor.has(1):
        raise cursor.error("the automaton ends, but the file goes on, expected one automaton")
    return fst_document(fst, source, source, record_id, read_tables(options), options)


def fst_document(
    fst: FstFile, source: str, place: str, record_id: str, given: Sequence[Symbols | None], options: ReadOptions
) -> Document:
    """The record of an automaton. place: for messages. given: tables of input and output labels, if not its own.

    Raises FormatError for labels that are in no table, and for what makes no graph.
    """
    tables = _tables(fst, given)
    labels = LabelIndex()
    if ARC_TYPES[fst.arc_type].numbers == 2:
        return _lattice(fst, labels, tables, source, place, options).document(record_id, source).scaled(options.scales)
    ilabel, olabel = (
        _labels(side, labels, _texts(side, table, place)) for side, table in zip((fst.ilabel, fst.olabel), tables)
    )
    possible = np.isfinite(fst.weight[:, 0])
    src, dst, ilabel, olabel = (column[possible] for column in (fst.src, fst.dst, ilabel, olabel))
    start = end_energies(len(fst.final), {} if fst.start < 0 else {fst.start: 0.0})
    graph = Graph(src, dst, ilabel, olabel, fst.weight[possible, 0], start, fst.final[:, 0], labels.table)
    return numbered_document(graph, record_id, source).scaled(options.scales)


def _lattice(
    fst: FstFile, labels: LabelIndex, tables: Sequence[_Table], source: str, place: str, options: ReadOptions
) -> LatticeColumns:
    """A Kaldi lattice: inputs are transition-ids or strings of them, outputs words."""
    if not ARC_TYPES[fst.arc_type].strings:
        ilabel = _labels(fst.ilabel, labels, _texts(fst.ilabel, tables[0], place))
        end_label = np.zeros(len(fst.final), dtype=np.intp)
    else:
        wrong = np.flatnonzero(fst.ilabel != fst.olabel)
        if len(wrong):
            found = f"labels {fst.ilabel[wrong[0]]} and {fst.olabel[wrong[0]]} on arc {wrong[0]} of a CompactLattice"
            raise FormatError(f"{place}: {found}, expected one word")
        strings = labels.column([text or None for text in fst.strings])
        ilabel, end_label = strings[fst.string], strings[fst.end_string]
    olabel = _labels(fst.olabel, labels, spoken(_texts(fst.olabel, tables[1], place), options, source))
    if ARC_TYPES[fst.arc_type].strings and not (ilabel.any() or end_label.any()):
        ilabel = olabel
    states = np.arange(len(fst.final))
    ends = (states, end_label, fst.final)
    return LatticeColumns(
        range(len(states)), fst.start, fst.src, fst.dst, ilabel, olabel, fst.weight, *ends, labels.table
    )


def _tables(fst: FstFile, given: Sequence[Symbols | None]) -> list[_Table]:
    """The tables of both sides. An acceptor with one table has it for both; of a lattice it is that of the words."""
    found: list[_Table] = [
        (inner, "inside of the file") if symbols is None and inner is not None else _table(symbols)
        for symbols, inner in zip(given, (fst.isymbols, fst.osymbols))
    ]
    if np.array_equal(fst.ilabel, fst.olabel) and ARC_TYPES[fst.arc_type].numbers == 1:
        one, other = found
        return [other if one is None else one, one if other is None else other]
    return found


def _table(symbols: Symbols | None) -> _Table:
    return None if symbols is None else ({**symbols.labels, 0: symbols.epsilon}, symbols.path)


def _texts(ids: IntArray, table: _Table, place: str) -> list[str | None]:
    """The labels of the different numbers, ascending; None for epsilon. Raises FormatError for one in no table."""
    used = distinct(ids).tolist()
    if table is None:
        return [None if number == EPSILON else str(number) for number in used]
    known, path = table
    missing = next((number for number in used if number != EPSILON and number not in known), None)
    if missing is not None:
        raise FormatError(f"{place}: label {missing} is not in the symbol table {path}")
    return [None if number == EPSILON else known[number] for number in used]


def _labels(ids: IntArray, labels: LabelIndex, texts: Sequence[str | None]) -> IntArray:
    """(arcs,) labels, in the table of the graph, of numbers. texts: of the different ones, ascending."""
    return labels.column(texts)[np.searchsorted(distinct(ids), ids)]


def write_fst(document: Document, options: WriteOptions) -> Written:
    """A VectorFst of standard arcs: its weights are float32."""
    return _written(document, options, "standard")


def write_fst64(document: Document, options: WriteOptions) -> Written:
    """A VectorFst of log64 arcs, the only ones of OpenFst's programs whose weights are float64."""
    return _written(document, options, "log64")


def _written(document: Document, options: WriteOptions, arc_type: str) -> Written:
    """A graph with its labels in symbol tables inside, unless they are numbers or numbered by a table of their own."""
    fitting = LossyForm(document, _NAME)
    fitting.without_target()
    fitting.without_times()
    fitting.summed_scores()
    fitting.numbered_nodes(dense=True)
    if fitting.graph.nodes:
        fitting.one_start()
    fitting.sorted_arcs()
    if ARC_TYPES[arc_type].float == "<f4":
        fitting.single_precision("--to fst64 keeps them")
    graph = fitting.graph
    (ilabel, olabel), table = _numbered(fitting, options.symbols)
    fst = FstFile(
        arc_type,
        int(graph.starts[0]) if graph.nodes else -1,
        graph.src,
        graph.dst,
        ilabel,
        olabel,
        graph.energy.reshape(-1, 1),
        graph.final.reshape(-1, 1),
        NO_INDICES,
        NO_INDICES,
        isymbols=table,
        osymbols=table,
    )
    return Written(fst_bytes(fst), tuple(fitting.losses))


def _numbered(fitting: LossyForm, symbols: Symbols | None) -> tuple[list[IntArray], dict[int, str] | None]:
    """Inputs and outputs as numbers, and the table that goes inside, of all labels of the graph; None for none."""
    graph = fitting.graph
    sides = [graph.ilabel, graph.olabel]
    if symbols is not None:
        return [_whole(numbers(fitting, side, symbols, "0")) for side in sides], None
    used = [graph.labels[label] for label in distinct(np.concatenate(sides)).tolist() if label != EPSILON]
    if all(is_id(label) and 0 < int(label) < LARGEST_NUMBER for label in used):
        return [_whole(whole_numbers(fitting, side, 1, "0")) for side in sides], None
    epsilon = EPSILON_SYMBOL
    while epsilon in graph.labels[1:]:
        epsilon += "_"  # whatever it is called, 0 is epsilon
    return sides, {0: epsilon, **dict(enumerate(graph.labels[1:], 1))}


def _whole(texts: list[str]) -> IntArray:
    return np.array([int(text) for text in texts], dtype=np.intp)

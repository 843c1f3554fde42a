"""Kaldi lattices as text: an archive (`ark,t`) of records, each a key, rows as OpenFst prints them, and a blank line.

Two forms. A Lattice has rows `src dst transition-id word graph,acoustic`; a CompactLattice, which is what most tools
write, `src dst word graph,acoustic,tid_tid_tid`. The two costs are the named scores `graph` and `acoustic`, energies
both. Outputs are words, and inputs transition-ids: of a CompactLattice, an arc's whole string of them is one input
label, `17_17_18`; where no arc has any, inputs are the words too. Words are numbers, or text where int2sym.pl has been
over them. The weight of a final node is an arc to an extra node `final`, so that it has both scores as well. Source:
LatticeReader in Kaldi's lat/kaldi-lattice.cc.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.exchange.text_graph import TextGraph
from lattice_cli.formats.io import (
    EPSILON_SYMBOL,
    FIELDS,
    PAUSE,
    LossyForm,
    Pause,
    RawPart,
    ReadOptions,
    Row,
    Source,
    Symbols,
    WriteOptions,
    Written,
    brief,
    decoded,
    from_ids,
    labels_of,
    node_of,
    note,
    numbered,
    read_tables,
    weight_of,
    whole_numbers,
)
from lattice_cli.graph import EPSILON, Document

GRAPH, ACOUSTIC = "graph", "acoustic"
SENTENCE_TAGS = ("<s>", "</s>")
_FINAL = "final"
_STRING = re.compile(r"[1-9][0-9]*(_[1-9][0-9]*)*", re.ASCII)
_NAME = "a Kaldi lattice"
#: About the length of a row.
_ROW_BYTES = 30


@dataclass
class Block:
    """A record of an archive, still as text: its key, and the rows under it."""

    key: str
    line: int
    rows: list[Row] = field(default_factory=list)


def blocks(lines: Iterable[tuple[int, bytes | None]], source: str) -> Iterator[Block | None]:
    """The records of an archive; None where all that has arrived so far was given.

    lines: (line, bytes), and None for the bytes where there is a pause.
    """
    block: Block | None = None
    for line, data in lines:
        if data is None:
            yield None
            continue
        fields = FIELDS.findall(decoded(data, source, line))
        if block is not None and fields:
            block.rows.append((line, fields))
        elif block is not None:
            yield block
            block = None
        elif fields:
            block = Block(fields[0] if len(fields) == 1 else "", line)
            if not block.key:
                block.rows.append((line, fields))
    if block is not None:
        yield block


def split_kaldi(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """The lattices of an archive, as they arrive."""
    tables = read_tables(options)
    for block in blocks(source.lines(), source.name):
        if isinstance(block, Block):
            if options.epsilon is None and _has_words(block):  # then so have those that follow, be they digits
                table = tables[1]
                options = replace(options, epsilon=EPSILON_SYMBOL if table is None else table.epsilon)
            size = _ROW_BYTES * len(block.rows)
            yield RawPart(_record, (block, source.name, tables, options), block.key, size)
        else:
            yield PAUSE


def _has_words(block: Block) -> bool:
    """Whether words are text: a word stands before the weight of an arc."""
    return not all(fields[-2].isdigit() for _, fields in block.rows if len(fields) > 3)


def _record(block: Block, source: str, tables: Sequence[Symbols | None], options: ReadOptions) -> Iterator[Document]:
    yield read_lattice(block, source, tables, options).scaled(options.scales)


def read_lattice(block: Block, source: str, tables: Sequence[Symbols | None], options: ReadOptions) -> Document:
    """The lattice of a record. tables: of input and output labels. Sentence tags are epsilon, unless they are to be
    kept, as in SLF: a language model asks for what is between them. Raises FormatError, with the line.
    """
    key, rows = block.key, block.rows
    if not key:
        found = brief(" ".join(rows[0][1]))
        raise FormatError(f"{source}:{block.line}: found {found}, expected the key of a lattice alone on its line")
    compact = _is_compact(rows, source)
    graph = TextGraph(source, starts={node_of(fields[0], f"{source}:{line}"): 0.0 for line, fields in rows[:1]})
    inputs: list[str] = []
    outputs: list[str] = []
    costs: list[tuple[float, float]] = []

    def add(line: int, tail: str, head: str, labels: Sequence[str], weight: _Weight) -> None:
        graph.arc(line, tail, head)
        inputs.append(weight.string if compact else labels[0])
        outputs.append(labels[-1])
        costs.append(weight.costs)

    ends: list[tuple[int, str, _Weight]] = []
    labels = 1 if compact else 2
    for line, fields in rows:
        at = f"{source}:{line}"
        place = 1 if len(fields) <= 2 else 2 + labels
        weight = _weight(fields[place] if len(fields) > place else "", compact, at)
        cost = sum(weight.costs)
        if len(fields) > 2:
            add(line, fields[0], fields[1], fields[2:place], weight)
        elif math.isinf(cost) or weight == _ONE:
            graph.final(line, node_of(fields[0], at), cost)
        else:
            graph.final(line, node_of(fields[0], at), 0.0)
            ends.append((line, fields[0], weight))
    arcs = len(outputs)
    for line, tail, weight in ends:
        del graph.finals[int(tail)]
        graph.named[len(graph.tails)] = _FINAL
        graph.finals[_FINAL] = 0.0
        add(line, tail, "0", "0" * labels, weight)
    silent: list[str | None] = [None] * len(ends)
    graph_costs, acoustic_costs = ([pair[side] for pair in costs] for side in (0, 1))
    words = labels_of(outputs[:arcs], tables[1], options.epsilon, source, graph.lines) + silent
    tags = [] if options.keep_tags else [tag for tag in SENTENCE_TAGS if tag in words]
    if tags:
        note(source, f"{' and '.join(tags)} are read as epsilon; --keep-tags keeps them as labels")
        words = [None if word in tags else word for word in words]
    if not compact:
        tids = from_ids(inputs[:arcs], tables[0], 0, source, graph.lines) + silent
    else:
        tids = [text or None for text in inputs] if any(inputs) else words
    return graph.document(key, tids, words, scores={GRAPH: graph_costs, ACOUSTIC: acoustic_costs})


def _is_compact(rows: Sequence[Row], source: str) -> bool:
    """Whether a record is a CompactLattice: by the number of columns and by the weights. Raises FormatError."""
    compact = plain = None
    for line, fields in rows:
        commas = fields[-1].count(",")
        if len(fields) > 5:
            raise FormatError(f"{source}:{line}: found {len(fields)} columns, expected at most 5")
        if len(fields) == 3 or commas == 2:
            compact = compact or line
        elif len(fields) == 5 or commas == 1 or (len(fields) == 4 and not commas):
            plain = plain or line
    if compact and plain:
        found = f"line {compact} is of a CompactLattice, line {plain} of a Lattice"
        raise FormatError(f"{source}:{max(compact, plain)}: {found}, expected one of them in a record")
    return plain is None


class _Weight(NamedTuple):
    """costs: graph, acoustic. string: transition-ids."""

    costs: tuple[float, float]
    string: str


_ONE = _Weight((0.0, 0.0), "")


def _weight(text: str, compact: bool, at: str) -> _Weight:
    """What a weight says; none is written for no cost. Raises FormatError."""
    if not text:
        return _ONE
    parts = text.split(",")
    string = parts[2] if len(parts) == 3 else ""
    if len(parts) != 2 + compact or (string and not _STRING.fullmatch(string)):
        expected = "graph,acoustic,transition-ids" if compact else "graph,acoustic"
        raise FormatError(f"{at}: weight is {brief(text)}, expected {expected}")
    return _Weight((weight_of(parts[0], at, "graph cost"), weight_of(parts[1], at, "acoustic cost")), string)


def write_kaldi(document: Document, options: WriteOptions) -> Written:
    """A record of a text archive: a Lattice where inputs are transition-ids, else a CompactLattice."""
    fitting = LossyForm(document, _NAME)
    fitting.without_target()
    fitting.without_times()
    fitting.known_scores(GRAPH, (GRAPH, ACOUSTIC))
    fitting.without_scales()
    fitting.added_in_order((GRAPH, ACOUSTIC))
    final = _final_node(document)
    compact = _has_strings(fitting, final)
    if final >= 0 and not (compact or fitting.is_acceptor) and document.graph.ilabel[document.graph.dst == final].any():
        final = -1
    fitting.numbered_nodes(spared=final)
    fitting.keeps_its_words(frozenset(SENTENCE_TAGS), "(read as epsilon; --keep-tags keeps it)")
    key = fitting.one_word(document.id)
    if not document.graph.nodes:
        return fitting.written(f"{key} \n\n")
    fitting.one_start()
    graph, scores = fitting.graph, fitting.document.scores
    words = numbered(fitting, graph.olabel, 1, "0", options.symbols)
    strings = [""] * graph.arcs
    if compact:
        strings = ["" if label == EPSILON else graph.labels[label] for label in graph.ilabel.tolist()]
    plain = not (compact or fitting.is_acceptor)
    none = np.zeros(graph.arcs)
    costs = [scores.get(name, none) for name in (GRAPH, ACOUSTIC)] if scores else [graph.energy, none]
    weights = [f"{cost!r},{acoustic!r}" for cost, acoustic in zip(*(column.tolist() for column in costs))]
    if plain:
        inputs = whole_numbers(fitting, graph.ilabel, 1, "0")
        words = ["\t".join(pair) for pair in zip(inputs, words)]
    else:
        weights = [f"{weight},{string}" for weight, string in zip(weights, strings)]
    return fitting.written(f"{key} \n{_rows(fitting, final, words, weights, '' if plain else ',')}\n")


def _rows(fitting: LossyForm, final: int, labels: list[str], weights: list[str], end: str) -> str:
    """The rows of a record: one that names the start first, arcs, final nodes, nodes without arcs.

    Arcs into `final` are written as final weights. end: what ends a weight without transition-ids.
    """
    graph, names = fitting.graph, fitting.names
    src, dst = graph.src.tolist(), graph.dst.tolist()
    start = int(graph.starts[0])
    ends = {src[arc]: f"{names[src[arc]]}\t{weights[arc]}\n" for arc in np.flatnonzero(graph.dst == final).tolist()}
    for node, energy in zip(graph.finals.tolist(), graph.final[graph.finals].tolist()):
        if node != final:
            ends[node] = f"{names[node]}\t{energy!r},0.0{end}\n" if energy else f"{names[node]}\n"
    nowhere = f"\tInfinity,Infinity{end}\n"
    arcs = np.flatnonzero(graph.dst != final).tolist()
    lines = []
    if not arcs or src[arcs[0]] != start:
        lines.append(ends.pop(start, f"{names[start]}{nowhere}"))
    lines += [f"{names[src[arc]]}\t{names[dst[arc]]}\t{labels[arc]}\t{weights[arc]}\n" for arc in arcs]
    lines += ends.values()
    lines += [f"{names[node]}{nowhere}" for node in fitting.isolated() if node not in (start, final)]
    return "".join(lines)


def _final_node(document: Document) -> int:
    """The node that stands for final weights, as the reader makes it; -1 if there is none."""
    graph, last = document.graph, document.graph.nodes - 1
    if last < 0 or document.names[last] != _FINAL or graph.final[last] != 0 or np.isfinite(graph.start[last]):
        return -1
    into = np.flatnonzero(graph.dst == last)
    tails = graph.src[into]
    trailing = len(into) > 0 and into[0] == graph.arcs - len(into)
    alone = len(np.unique(tails)) == len(tails) and not np.isfinite(graph.final[tails]).any()
    return last if trailing and alone and not graph.olabel[into].any() and not (graph.src == last).any() else -1


def _has_strings(fitting: LossyForm, final: int) -> bool:
    """Whether inputs are strings of transition-ids, of which one is longer than an id, or on a final weight."""
    graph = fitting.graph
    inputs = [graph.labels[label] for label in np.unique(graph.ilabel).tolist() if label != EPSILON]
    if fitting.is_acceptor or not all(map(_STRING.fullmatch, inputs)):
        return False
    return any("_" in label for label in inputs) or bool(final >= 0 and graph.ilabel[graph.dst == final].any())

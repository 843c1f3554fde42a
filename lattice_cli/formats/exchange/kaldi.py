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

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import FormatError, GraphError
from lattice_cli.formats.io import (
    EPSILON_SYMBOL,
    FIELDS,
    PAUSE,
    Column,
    LabelColumn,
    Pause,
    RawPart,
    ReadOptions,
    Row,
    Source,
    Symbols,
    brief,
    decoded,
    from_ids,
    labels_of,
    nodes_of,
    note,
    read_tables,
    weight_of,
)
from lattice_cli.graph import EPSILON, Document, Graph, LabelIndex, Labels, end_energies, weighted_sum

GRAPH, ACOUSTIC = "graph", "acoustic"
#: Words that are read as epsilon, unless they are to be kept: a language model asks for what is between them.
SENTENCE_TAGS = ("<s>", "</s>")
#: What the extra node behind final weights is called.
FINAL = "final"
#: What a string of transition-ids looks like.
STRING = re.compile(r"[1-9][0-9]*(_[1-9][0-9]*)*", re.ASCII)
#: A label that ends a row as a weight would.
_LIKE_A_WEIGHT = re.compile(r"(?=.*[0-9][.,;][-+.]?[0-9])[-+0-9.,;_eE]+", re.ASCII)
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
            options = knowing_words(block, tables, options)
            size = _ROW_BYTES * len(block.rows)
            yield RawPart(_record, (block, source.name, tables, options), block.key, size)
        else:
            yield PAUSE


def knowing_words(block: Block, tables: Sequence[Symbols | None], options: ReadOptions) -> ReadOptions:
    """How the records behind this one are read: where its words are text, those of the others are, be they digits."""
    if options.epsilon is not None or all(fields[-2].isdigit() for _, fields in block.rows if len(fields) > 3):
        return options
    return replace(options, epsilon=EPSILON_SYMBOL if tables[1] is None else tables[1].epsilon)


def spoken(words: Sequence[str | None], options: ReadOptions, source: str) -> Sequence[str | None]:
    """Words with None for sentence tags, which is said, unless they are kept."""
    tags = [] if options.keep_tags else [tag for tag in SENTENCE_TAGS if tag in words]
    if not tags:
        return words
    note(source, f"{' and '.join(tags)} are read as epsilon; --keep-tags keeps them as labels")
    return [None if word in tags else word for word in words]


def _record(block: Block, source: str, tables: Sequence[Symbols | None], options: ReadOptions) -> Iterator[Document]:
    yield read_lattice(block, source, tables, options).scaled(options.scales)


@dataclass(frozen=True)
class LatticeColumns:
    """What a record says, whether it was text or binary.

    names: (nodes,) numbers. start: the start node, -1 for none. src, dst: (arcs,) nodes. ilabel, olabel: (arcs,)
    transition-ids and words, in `labels`. costs: (arcs, 2) graph and acoustic, +inf for what is impossible.
    ends: (ends,) nodes with a final weight. end_label, end_costs: its transition-ids, and (ends, 2) its costs.
    """

    names: Sequence[int]
    start: int
    src: IntArray
    dst: IntArray
    ilabel: IntArray
    olabel: IntArray
    costs: FloatArray
    ends: IntArray
    end_label: IntArray
    end_costs: FloatArray
    labels: Labels

    def document(self, key: str, source: str) -> Document:
        """The record. Raises FormatError for what makes no graph.

        A final weight that is more than "at no cost" is an arc to an extra node; arcs of infinite cost are left out.
        """
        nodes = len(self.names)
        possible = np.isfinite(self.end_costs).all(axis=1)
        plain = (self.end_costs == 0).all(axis=1) & (self.end_label == EPSILON)
        carried = possible & ~plain
        extra = int(carried.any())
        silent = np.zeros(int(carried.sum()), dtype=np.intp)
        costs = np.concatenate([self.costs, self.end_costs[carried]])
        kept = np.isfinite(costs).all(axis=1)
        scores = {name: costs[kept, side] for side, name in enumerate((GRAPH, ACOUSTIC))}
        finals = dict.fromkeys([*self.ends[plain].tolist(), *range(nodes, nodes + extra)], 0.0)
        try:
            graph = Graph(
                np.concatenate([self.src, self.ends[carried]])[kept],
                np.concatenate([self.dst, silent + nodes])[kept],
                np.concatenate([self.ilabel, self.end_label[carried]])[kept],
                np.concatenate([self.olabel, silent])[kept],
                weighted_sum(scores, {}),
                end_energies(nodes + extra, {} if self.start < 0 else {self.start: 0.0}),
                end_energies(nodes + extra, finals),
                self.labels,
            )
        except GraphError as error:
            raise FormatError(f"{source}: {error}") from None
        names: Sequence[int | str] = [*self.names, FINAL] if extra else self.names
        transitions = bool((self.ilabel != self.olabel).any() or self.end_label.any())
        return Document(graph, key, source, names, scores=scores, transitions=transitions)


def read_lattice(block: Block, source: str, tables: Sequence[Symbols | None], options: ReadOptions) -> Document:
    """The lattice of a record. tables: of input and output labels. Raises FormatError, with the line."""
    key, rows = block.key, block.rows
    if not key:
        found = brief(" ".join(rows[0][1]))
        raise FormatError(f"{source}:{block.line}: found {found}, expected the key of a lattice alone on its line")
    compact = _is_compact(rows, source)
    last = 2 if compact else 3
    arcs, ends = ([row for row in rows if (len(row[1]) > 2) == is_arc] for is_arc in (True, False))
    lines, end_lines = ([line for line, _ in part] for part in (arcs, ends))
    weights = [_weight(fields, last + 1, compact, f"{source}:{line}") for line, fields in arcs]
    end_weights = [_weight(fields, 1, compact, f"{source}:{line}") for line, fields in ends]
    tails, heads = (nodes_of([fields[side] for _, fields in arcs], source, lines) for side in (0, 1))
    stops = nodes_of([fields[0] for _, fields in ends], source, end_lines)
    _require_one_weight(stops, end_weights, end_lines, source)
    names = sorted({*tails, *heads, *stops})
    index = {name: place for place, name in enumerate(names)}
    texts = Column.of([fields[last] for _, fields in arcs], lines)
    words = labels_of(texts, tables[1], options.epsilon, source)
    words = LabelColumn(spoken(words.texts, options, source), words.number)
    inputs = words
    if not compact:
        inputs = from_ids(Column.of([fields[2] for _, fields in arcs], lines), tables[0], 0, source)
    elif any(weight.string for weight in weights + end_weights):
        strings = Column.of([weight.string for weight in weights], lines)
        inputs = LabelColumn([string or None for string in strings.texts], strings.number)
    labels = LabelIndex()
    columns = LatticeColumns(
        names,
        -1 if not rows else index[nodes_of([rows[0][1][0]], source, [rows[0][0]])[0]],
        np.array([index[node] for node in tails], dtype=np.intp),
        np.array([index[node] for node in heads], dtype=np.intp),
        inputs.numbered(labels),
        words.numbered(labels),
        np.array([weight.costs for weight in weights], dtype=np.float64).reshape(-1, 2),
        np.array([index[node] for node in stops], dtype=np.intp),
        labels.column([weight.string or None for weight in end_weights]),
        np.array([weight.costs for weight in end_weights], dtype=np.float64).reshape(-1, 2),
        labels.table,
    )
    return columns.document(key, source)


def _require_one_weight(nodes: Sequence[int], weights: Sequence[_Weight], lines: Sequence[int], source: str) -> None:
    """Raises FormatError for a node with two final weights; an infinite one only mentions the node."""
    seen = set()
    for node, weight, line in zip(nodes, weights, lines):
        if node in seen and math.isfinite(sum(weight.costs)):
            raise FormatError(f"{source}:{line}: node {node} is final twice, expected once")
        if math.isfinite(sum(weight.costs)):
            seen.add(node)


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


def _weight(fields: Sequence[str], place: int, compact: bool, at: str) -> _Weight:
    """What the weight in this column of a row says; none is written for no cost. Raises FormatError."""
    text = fields[-1]
    if len(fields) <= place and not (len(fields) > 2 and _LIKE_A_WEIGHT.fullmatch(text)):
        return _Weight((0.0, 0.0), "")
    parts = text.split(",")
    string = parts[2] if len(parts) == 3 else ""
    if len(fields) <= place or len(parts) != 2 + compact or (string and not STRING.fullmatch(string)):
        expected = "graph,acoustic,transition-ids" if compact else "graph,acoustic"
        where = f" in column {place + 1}" if len(fields) <= place else ""
        raise FormatError(f"{at}: weight is {brief(text)}, expected {expected}{where}")
    return _Weight((weight_of(parts[0], at, "graph cost"), weight_of(parts[1], at, "acoustic cost")), string)

"""Emissions x grammar, built for many records at once: the interpretation graphs of chains of steps.

The same graphs as composing each record's emission graph with its grammar, but with one pass over time for all of them;
for many short records that is what makes the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import NO_INDICES, IntArray, distinct, group_by, require_memory
from lattice_cli.errors import counted
from lattice_cli.graph import Graph, union

#: Bytes that an arc comes to in a graph that is swept: its columns, where they come from, its place in the order.
ARC_BYTES = 250
#: Of a move that may be on a path, before that is known.
_MOVE_BYTES = 24


@dataclass(frozen=True, eq=False)
class Unrolled:
    """A union with a member for each record, and where its parts come from.

    graph:   every arc and node is on a path; energies of arcs, starts and finals are those of the grammars alone.
    emission: (arcs,) row * classes + class: the emission of each arc, the rows of all records in order.
    arc:     (arcs,) arc of the record's own grammar.
    node:    (nodes,) node of the record's own grammar; step: (nodes,) the steps taken so far.
    """

    graph: Graph
    emission: IntArray
    arc: IntArray
    node: IntArray
    step: IntArray


def unroll(
    lengths: IntArray, grammars: Sequence[Graph], grammar_of: IntArray, columns: IntArray, classes: int
) -> Unrolled:
    """The interpretation graphs of records of these lengths, each through its own grammar.

    grammar_of: (records,) index of each record's grammar; the grammars share a label table, have no epsilon on their
    input side and are not unions. columns: (labels,) the class of each label, -1 for none. Raises MemoryError before
    they would fill it.
    """
    lengths = np.asarray(lengths, dtype=np.intp)
    pairs = _Pairs.of(lengths, union(grammars), grammar_of)
    usable = np.flatnonzero(columns[pairs.grammar.ilabel] >= 0)
    tail, arc, time = pairs.moves(usable)
    return pairs.graph(tail, arc, time, columns, classes)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of a record and a node of its grammar, as one number each, and which of them a path is at after each step.

    length: (pairs,) steps of the record; record, node: (pairs,) the record, and the node in the union of grammars.
    """

    lengths: IntArray
    grammar: Graph
    grammar_of: IntArray
    record: IntArray
    node: IntArray

    @staticmethod
    def of(lengths: IntArray, grammar: Graph, grammar_of: IntArray) -> _Pairs:
        sizes = np.diff(grammar.node_offsets)[grammar_of]
        base = np.cumsum(sizes) - sizes
        record = np.repeat(np.arange(len(lengths)), sizes)
        node = np.arange(len(record)) - base[record] + grammar.node_offsets[grammar_of][record]
        return _Pairs(lengths, grammar, grammar_of, record, node)

    def moves(self, usable: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Tail (a pair), arc and step of every move that is on a path, step by step."""
        grammar, length = self.grammar, self.lengths[self.record]
        leaving = group_by(grammar.src[usable], grammar.nodes)
        tails, arcs, moves = [], [], 0
        reached = np.flatnonzero(np.isfinite(grammar.start)[self.node])
        for step in range(int(self.lengths.max(initial=0))):
            reached = reached[length[reached] > step]
            rows, counts = leaving.rows(self.node[reached])
            moves += len(rows)
            self._require_memory(_MOVE_BYTES * moves, f"{moves:,} moves so far,")
            tails.append(np.repeat(reached, counts))
            arcs.append(usable[rows])
            reached = distinct(self.head(tails[-1], arcs[-1]))
        ends = np.flatnonzero(np.isfinite(grammar.final)[self.node])
        alive = np.zeros(len(length), dtype=bool)
        for step in range(len(tails) - 1, -1, -1):
            alive[ends[length[ends] == step + 1]] = True
            kept = alive[self.head(tails[step], arcs[step])]
            tails[step], arcs[step] = tails[step][kept], arcs[step][kept]
            alive = np.zeros(len(length), dtype=bool)
            alive[tails[step]] = True
        time = np.repeat(np.arange(len(tails)), [len(part) for part in tails])
        tail, arc = np.concatenate([NO_INDICES, *tails]), np.concatenate([NO_INDICES, *arcs])
        self._require_memory(ARC_BYTES * len(tail), f"{len(tail):,} arcs,")
        order = np.argsort(self.record[tail], kind="stable")
        return tail[order], arc[order], time[order]

    def _require_memory(self, needed: int, what: str) -> None:
        require_memory(needed, f"the graphs of {counted(len(self.lengths), 'record')}, {what}")

    def head(self, tail: IntArray, arc: IntArray) -> IntArray:
        """(moves,) the pair that each move leads to."""
        heads: IntArray = tail + self.grammar.dst[arc] - self.grammar.src[arc]
        return heads

    def graph(self, tail: IntArray, arc: IntArray, time: IntArray, columns: IntArray, classes: int) -> Unrolled:
        """The union of these moves, nodes numbered by record, then by step, then by node of the grammar."""
        grammar, lengths = self.grammar, self.lengths
        both = np.isfinite(grammar.start)[self.node] & np.isfinite(grammar.final)[self.node]
        empty = np.flatnonzero(both & (lengths[self.record] == 0))  # the path without a step
        count, longest = max(len(self.record), 1), int(lengths.max(initial=0)) + 1

        def key(pair: IntArray, step: IntArray) -> IntArray:
            places: IntArray = (self.record[pair] * longest + step) * count + pair
            return places

        tails, heads = key(tail, time), key(self.head(tail, arc), time + 1)
        keys = distinct(np.concatenate([tails, heads, key(empty, np.zeros(len(empty), dtype=np.intp))]))
        pair, step = keys % count, keys // count % longest
        record, node = self.record[pair], self.node[pair]
        of_arc = self.record[tail]
        members = np.arange(len(lengths) + 1)
        union_graph = Graph(
            np.searchsorted(keys, tails),
            np.searchsorted(keys, heads),
            grammar.ilabel[arc],
            grammar.olabel[arc],
            grammar.energy[arc],
            np.where(step == 0, grammar.start[node], np.inf),
            np.where(step == lengths[record], grammar.final[node], np.inf),
            grammar.labels,
            np.searchsorted(record, members),
            np.searchsorted(of_arc, members),
        )
        first_row = np.cumsum(lengths) - lengths
        return Unrolled(
            union_graph,
            (first_row[of_arc] + time) * classes + columns[grammar.ilabel[arc]],
            arc - grammar.arc_offsets[self.grammar_of][of_arc],
            node - grammar.node_offsets[self.grammar_of][record],
            step,
        )

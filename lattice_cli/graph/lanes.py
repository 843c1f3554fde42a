"""Lanes: a long, narrow graph swept as a short, wide one.

Its levels are cut into chunks. The *entries* of a chunk are the outer nodes its edges come from; its *exits* are the
nodes that outer edges leave. Each entry has a lane: the totals of the chunk's nodes as if all paths came from that
entry, at 0. All lanes of all chunks are walked side by side, level by level of their chunks. What a lane finds at an
exit is the transfer energy from entry to exit, and these make a small lattice, the *join*: walking it, chunk by chunk,
gives the totals of all entries. Then the chunks are walked side by side once more, from their entries' true totals.

Transfers of derivatives work in the same way, with shares for energies, so there is nothing special to a reducer
here. Energies are added up in another order than without lanes: totals agree to rounding, not to the last bit. Chunks
are chosen for each member of a union alone, so a member has the same numbers in any union.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.graph import BoolArray, FloatArray, IntArray
from lattice_cli.graph.order import Order
from lattice_cli.graph.reducers import Reducer, Shares
from lattice_cli.graph.segments import run_starts, spans, stable_order
from lattice_cli.graph.walk import Step, Walk

# Lanes are used by members with at least so many levels, at most so many useful nodes a level, and at most so many
# edges in lanes and join for each arc. Measured, plain / lanes, forward and gradient in ms (2 arcs a node, 3 from 8
# nodes a level on): 60 levels of 3 nodes 1.2 / 0.5; 1,000 levels of 3 nodes 12 / 1.4, of 8 nodes 13 / 4, of 16 nodes
# 15 / 11; 10,000 levels of 8 nodes 142 / 32, of 16 nodes 145 / 132. The lanes' share of the schedule is the price: for
# 10,000 levels of 8 nodes it grows from 16 to 32 ms, and of 16 nodes from 25 to 119.
_LONG = 64
_NARROW = 8
_MOST_COPIES = 10


@dataclass(frozen=True, eq=False)
class Chunks:
    """How nodes are cut into chunks. Nodes of members without lanes have chunk -1.

    chunk: (nodes,) running number of the chunk over all members.
    rank:  (nodes,) number of the chunk in its member.
    level: (nodes,) level inside the chunk.
    """

    chunk: IntArray
    rank: IntArray
    level: IntArray

    def of(self, nodes: IntArray) -> Chunks:
        """The same of some nodes."""
        return Chunks(self.chunk[nodes], self.rank[nodes], self.level[nodes])


@dataclass(frozen=True, eq=False)
class Lanes:
    """The walks. In `side` and `join` the first values are the source and the `borders`: all entries and exits.

    position: (values of side,) position of each value of `side` behind the borders.
    edge:     (edges of side,) edge of the schedule for each edge of `side`.
    border:   (borders,) where each border is in `position`.
    copied:   (edges of lane,) edge of `side` that each edge of `lane` copies.
    transfer: (edges of join,) value of `lane` that is the transfer along each edge of `join`.
    """

    side: Walk
    lane: Walk
    join: Walk
    position: IntArray
    edge: IntArray
    border: IntArray
    copied: IntArray
    transfer: IntArray

    @property
    def _entries(self) -> int:
        """Number of values before those of the chunks: the source and the borders."""
        return len(self.border) + 1

    def reduce(self, reducer: Reducer, edge_energy: FloatArray, totals: FloatArray) -> list[Shares]:
        """Fill in `totals`, (positions,), of the chunks; the shares of each step of `side`."""
        energy = edge_energy[self.edge]
        lanes = np.zeros(self.lane.steps[-1].end)
        self.lane.reduce(reducer, energy[self.copied], lanes)
        values = np.zeros(self._entries + len(self.position))
        self.join.reduce(reducer, lanes[self.transfer], values)
        shares = self.side.reduce(reducer, energy, values)
        totals[self.position] = values[self._entries :]
        return shares

    def shares(self, found: list[Shares], share: FloatArray) -> None:
        """Write the shares that `reduce` found to `share`, (edges of the schedule,)."""
        side = np.empty(len(self.edge))
        self.side.shares(found, side)
        share[self.edge] = side

    def transfers(self, share: FloatArray) -> FloatArray:
        """(edges of join,) the derivative of each exit's total by each entry's; share: (edges of the schedule,)."""
        lanes = np.zeros(self.lane.steps[-1].end)
        lanes[0] = 1.0
        self.lane.carry(share[self.edge][self.copied], lanes)
        return lanes[self.transfer]

    def carry(self, share: FloatArray, transfers: FloatArray, values: FloatArray, own: FloatArray) -> None:
        """Fill in `values`, (positions,), of the chunks, as `Walk.carry` does."""
        share = share[self.edge]
        side_own = np.concatenate([np.zeros(self._entries), own[self.position]])
        side = np.zeros(self._entries + len(self.position))
        self.side.carry(share, side, side_own)
        inside = np.concatenate([[0.0], side[self._entries + self.border]])
        side[0] = values[0]
        self.join.carry(transfers, side, inside)
        self.side.carry(share, side, side_own)
        values[self.position] = side[self._entries :]

    def pull(self, share: FloatArray, transfers: FloatArray, flow: FloatArray, edge_flow: FloatArray) -> None:
        """Add to `flow`, (positions,), and write `edge_flow`, (edges of the schedule,), as `Walk.pull` does."""
        leaving = flow[self.position]
        entries = np.concatenate([[0.0], leaving[self.border]])
        self.join.pull(transfers, entries, np.empty(len(transfers)))
        leaving[self.border] = entries[1:]
        side = np.concatenate([np.zeros(self._entries), leaving])
        back = np.empty(len(self.edge))
        self.side.pull(share[self.edge], side, back)
        flow[self.position] = side[self._entries :]
        edge_flow[self.edge] = back


def cut(
    src: IntArray, dst: IntArray, order: Order, useful: BoolArray, ends: tuple[IntArray, IntArray], offsets: IntArray
) -> Chunks:
    """Chunks for the useful nodes of those members of a union that lanes make faster.

    src, dst: (arcs,) between useful nodes; ends: the useful start nodes and final nodes; offsets: (graphs + 1,).
    """
    filled = np.flatnonzero(np.diff(offsets))
    sizes = np.diff(offsets)[filled]
    chunk = np.full(len(useful), -1, dtype=np.intp)
    if not len(filled):
        return Chunks(chunk, chunk, chunk)
    first = offsets[filled]
    levels = np.maximum.reduceat(order.level, first) + 1
    chosen = (levels >= _LONG) & (np.maximum.reduceat(order.component, first) < 0)
    chosen &= np.add.reduceat(useful, first, dtype=np.intp) <= _NARROW * levels
    if not chosen.any():
        return Chunks(chunk, chunk, chunk)
    # A chunk of n levels costs 2 n numpy call sequences, and the join one for each chunk: sqrt(levels / 2) is best.
    length = np.ceil(np.sqrt(levels / 2)).astype(np.intp)
    counts = np.where(chosen, -(-levels // length), 0)
    lengths = np.repeat(length, sizes)
    rank = order.level // lengths
    level = order.level - rank * lengths
    nodes = np.flatnonzero(np.repeat(chosen, sizes) & useful)
    chunk[nodes] = np.repeat(np.cumsum(counts) - counts, sizes)[nodes] + rank[nodes]
    copies, arcs = (
        np.bincount(np.repeat(np.arange(len(filled)), counts), column, len(filled))
        for column in _copies(src, dst, chunk, ends, int(counts.sum()))
    )
    chunk[np.repeat(copies > _MOST_COPIES * arcs, sizes)] = -1
    return Chunks(chunk, rank, level)


def _copies(
    src: IntArray, dst: IntArray, chunk: IntArray, ends: tuple[IntArray, IntArray], chunks: int
) -> tuple[IntArray, IntArray]:
    """(chunks,) edges that lanes and join need for each chunk, and its arcs."""
    starts, finals = (nodes[chunk[nodes] >= 0] for nodes in ends)
    into = chunk[dst]
    crossing = np.flatnonzero((chunk[src] != into) & (into >= 0))
    entries = np.unique(into[crossing] * len(chunk) + src[crossing]) // len(chunk)
    exits = chunk[np.unique(np.concatenate([src[crossing], finals]))]
    lanes = np.bincount(entries, minlength=chunks)
    lanes[chunk[starts]] += 1
    arcs = np.bincount(into[into >= 0], minlength=chunks)
    return lanes * (arcs + np.bincount(exits, minlength=chunks)), arcs


def lanes(edge_tail: IntArray, head_first: IntArray, chunks: Chunks, first: int, finals: IntArray) -> Lanes:
    """Lanes for n consecutive positions of a schedule from `first` on, in the order of (rank, level).

    edge_tail:  (edges,) position each edge of the schedule begins at.
    head_first: (n + 1,) first edge of each position, and the end of the last.
    chunks:     of these positions.
    finals:     positions among them whose edges lead to a sink.
    """
    chunk, rank, level = chunks.chunk, chunks.rank, chunks.level
    order = stable_order(level)
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    counts = np.diff(head_first)[order]
    edge = spans(head_first[order], counts)
    head = np.repeat(np.arange(len(order)), counts)
    tail = np.maximum(edge_tail[edge] - first, -1)  # -1: the source
    into = chunk[order][head]
    crossing = (tail < 0) | (chunk[tail] != into)

    is_border = np.zeros(len(order), dtype=bool)
    is_border[finals - first] = True
    is_border[tail[crossing & (tail >= 0)]] = True
    border = np.flatnonzero(is_border)
    entries = len(border) + 1
    slot = np.where(tail < 0, 0, np.cumsum(is_border)[tail])
    key = into[crossing] * entries + slot[crossing]
    entry, lane_of = np.unique(key, return_inverse=True)
    width = np.bincount(entry // entries, minlength=int(chunk.max()) + 1)
    first_entry = np.cumsum(width) - width

    # Values and edges of the steps: in `side` a level of all chunks, in `lane` all lanes of it.
    wide = width[chunk[order]]
    lane_first = np.cumsum(wide) - wide + 1
    copies = np.where(crossing, 1, width[into])
    bound = np.append(run_starts(level[order]), len(order))
    edge_bound = np.append(np.cumsum(counts) - counts, len(edge))[bound]
    lane_bound = np.append(lane_first, lane_first[-1] + wide[-1])[bound]
    lane_edge_bound = np.append(0, np.cumsum(copies))[edge_bound]
    lane_tail = np.where(crossing, 0, lane_first[place[tail]])
    lane_owner = lane_first[head] - np.repeat(lane_bound[:-1], np.diff(edge_bound))
    lane_owner[crossing] += lane_of - first_entry[into[crossing]]
    owner = head - np.repeat(bound[:-1], np.diff(edge_bound))
    side = _walk(np.where(crossing, slot, entries + place[tail]), owner, entries + bound, edge_bound)
    lane = _walk(spans(lane_tail, copies), spans(lane_owner, copies), lane_bound, lane_edge_bound)

    joined = width[chunk[border]]
    join_bound = np.append(run_starts(rank[border]), len(border))
    join_edge_bound = np.append(0, np.cumsum(joined))[join_bound]
    join_tail = entry[spans(first_entry[chunk[border]], joined)] % entries
    join_owner = np.repeat(np.arange(len(border)) - np.repeat(join_bound[:-1], np.diff(join_bound)), joined)
    join = _walk(join_tail, join_owner, join_bound + 1, join_edge_bound)
    transfer = spans(lane_first[place[border]], joined)
    copied = np.repeat(np.arange(len(edge)), copies)
    return Lanes(side, lane, join, order + first, edge, place[border], copied, transfer)


def _walk(tail: IntArray, owner: IntArray, bounds: IntArray, edge_bounds: IntArray) -> Walk:
    """The walk without cycles whose steps begin at these values and edges."""
    values, edges = bounds.tolist(), edge_bounds.tolist()
    steps = [Step(*step, False) for step in zip(values, values[1:], edges, edges[1:])]
    return Walk(tail, owner, steps, _NO_NODES)


_NO_NODES: IntArray = np.zeros(0, dtype=np.intp)

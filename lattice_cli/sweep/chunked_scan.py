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
from functools import cached_property

import numpy as np

from lattice_cli.arrays import NO_INDICES, BoolArray, FloatArray, IntArray, distinct, run_starts, spans, stable_order
from lattice_cli.sweep.chunking import Chunks
from lattice_cli.sweep.passes import LevelPass, Step
from lattice_cli.sweep.semiring import Semiring, Shares


@dataclass(frozen=True, eq=False)
class ChunkedScan:
    """The walks. In `side` and `join` the first values are the source and the `borders`: all entries and exits.

    position: (values of side,) position of each value of `side` behind the borders.
    edge:     (edges of side,) edge of the schedule for each edge of `side`.
    border:   (borders,) where each border is in `position`.
    copied:   (edges of lane,) edge of `side` that each edge of `lane` copies.
    transfer: (edges of join,) value of `lane` that is the transfer along each edge of `join`.
    """

    side: LevelPass
    lane: LevelPass
    join: LevelPass
    position: IntArray
    edge: IntArray
    border: IntArray
    copied: IntArray
    transfer: IntArray

    @property
    def _entries(self) -> int:
        """Number of values before those of the chunks: the source and the borders."""
        return len(self.border) + 1

    def reduce(self, semiring: Semiring, edge_energy: FloatArray, totals: FloatArray) -> list[Shares]:
        """Fill in `totals`, (positions,), of the chunks; the shares of each step of `side`."""
        energy = edge_energy[self.edge]
        lanes = np.zeros(self.lane.steps[-1].end)
        self.lane.reduce(semiring, energy[self.copied], lanes)
        values = np.zeros(self._entries + len(self.position))
        self.join.reduce(semiring, lanes[self.transfer], values)
        shares = self.side.reduce(semiring, energy, values)
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
        self.lane.pushforward(share[self.edge][self.copied], lanes)
        return lanes[self.transfer]

    def pushforward(self, share: FloatArray, transfers: FloatArray, values: FloatArray, own: FloatArray) -> None:
        """Fill in `values`, (positions,), of the chunks, as `LevelPass.pushforward` does."""
        share = share[self.edge]
        side_own = np.concatenate([np.zeros(self._entries), own[self.position]])
        side = np.zeros(self._entries + len(self.position))
        self.side.pushforward(share, side, side_own)
        inside = np.concatenate([[0.0], side[self._entries + self.border]])
        side[0] = values[0]
        self.join.pushforward(transfers, side, inside)
        self.side.pushforward(share, side, side_own)
        values[self.position] = side[self._entries :]

    def pullback(self, share: FloatArray, transfers: FloatArray, flow: FloatArray, edge_flow: FloatArray) -> None:
        """Add to `flow`, (positions,), and write `edge_flow`, (edges of the schedule,), as `LevelPass` does."""
        leaving = flow[self.position]
        entries = np.concatenate([[0.0], leaving[self.border]])
        self.join.pullback(transfers, entries, np.empty(len(transfers)))
        leaving[self.border] = entries[1:]
        side = np.concatenate([np.zeros(self._entries), leaving])
        back = np.empty(len(self.edge))
        self.side.pullback(share[self.edge], side, back)
        flow[self.position] = side[self._entries :]
        edge_flow[self.edge] = back


@dataclass(frozen=True, eq=False)
class _Layout:
    """The values of `side` that belong to chunks, their edges, and the borders between them.

    order:    (values,) place among the positions; place: its inverse.
    edge:     (edges,) edge of the schedule; tail, head: (edges,) places and values at its ends, tail -1: the source.
    into:     (edges,) the chunk of each edge's head.
    crossing: (edges,) true for those that come from outside of it.
    border:   (borders,) places.
    chunk:    (places,) of each.
    """

    order: IntArray
    place: IntArray
    edge: IntArray
    tail: IntArray
    head: IntArray
    into: IntArray
    crossing: BoolArray
    border: IntArray
    chunk: IntArray

    @cached_property
    def slot(self) -> IntArray:
        """(edges,) 0 for an edge from the source, 1 + the border it comes from for any other that crosses."""
        number = np.zeros(len(self.order) + 1, dtype=np.intp)
        number[self.border] = np.arange(1, len(self.border) + 1)
        return number[self.tail]

    @cached_property
    def _keys(self) -> tuple[IntArray, IntArray]:
        """(entries,) chunk and slot of each entry, in order, and (crossing edges,) the entry of each."""
        crossing = self.crossing
        slots = len(self.border) + 1
        key = self.into[crossing] * slots + self.slot[crossing]
        entry = distinct(key)
        return entry, np.searchsorted(entry, key)

    @property
    def entries(self) -> tuple[IntArray, IntArray]:
        """(entries,) the slot of each entry, chunk by chunk, and (crossing edges,) the entry of each."""
        keys, entry = self._keys
        return keys % (len(self.border) + 1), entry

    @cached_property
    def width(self) -> IntArray:
        """(chunks,) the number of entries of each."""
        chunk = self._keys[0] // (len(self.border) + 1)
        return np.bincount(chunk, minlength=int(self.chunk.max()) + 1)


def chunked_scan(
    edge_tail: IntArray, head_first: IntArray, chunks: Chunks, first: int, finals: IntArray
) -> ChunkedScan:
    """Lanes for n consecutive positions of a schedule from `first` on, in the order of (rank, level).

    edge_tail:  (edges,) position each edge of the schedule begins at.
    head_first: (n + 1,) first edge of each position, and the end of the last.
    chunks:     of these positions.
    finals:     positions among them whose edges lead to a sink.
    """
    order = stable_order(chunks.level)
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    counts = np.diff(head_first)[order]
    edge = spans(head_first[order], counts)
    head = np.repeat(np.arange(len(order)), counts)
    tail = np.maximum(edge_tail[edge] - first, -1)
    into = chunks.chunk[order][head]
    crossing = (tail < 0) | (chunks.chunk[tail] != into)
    is_border = np.zeros(len(order), dtype=bool)
    is_border[finals - first] = True
    is_border[tail[crossing & (tail >= 0)]] = True
    border = np.flatnonzero(is_border)
    layout = _Layout(order, place, edge, tail, head, into, crossing, border, chunks.chunk)

    bound = np.append(run_starts(chunks.level[order]), len(order))
    edge_bound = np.append(np.cumsum(counts) - counts, len(edge))[bound]
    slots = len(border) + 1
    owner = head - np.repeat(bound[:-1], np.diff(edge_bound))
    side = _level_pass(np.where(crossing, layout.slot, slots + place[tail]), owner, slots + bound, edge_bound)
    wide = layout.width[chunks.chunk[order]]
    lane_first = np.cumsum(wide) - wide + 1
    lane, copied = _lane_pass(layout, np.append(lane_first, lane_first[-1] + wide[-1]), bound, edge_bound)
    join = _join_pass(layout, chunks.rank)
    transfer = spans(lane_first[place[border]], layout.width[chunks.chunk[border]])
    return ChunkedScan(side, lane, join, order + first, edge, place[border], copied, transfer)


def _lane_pass(
    layout: _Layout, lane_first: IntArray, bound: IntArray, edge_bound: IntArray
) -> tuple[LevelPass, IntArray]:
    """The pass over lanes, and the edge of `side` that each of its edges copies.

    lane_first: (values of side + 1,) the lanes of each value of `side`, and their end; bound, edge_bound: of the
    steps of `side`. An edge inside a chunk has a copy in each lane, one from an entry only that in the entry's own.
    """
    into, crossing = layout.into, layout.crossing
    copies = np.where(crossing, 1, layout.width[into])
    steps = lane_first[bound]
    tail = np.where(crossing, 0, lane_first[layout.place[layout.tail]])
    owner = lane_first[layout.head] - np.repeat(steps[:-1], np.diff(edge_bound))
    first_entry = np.cumsum(layout.width) - layout.width
    owner[crossing] += layout.entries[1] - first_entry[into[crossing]]
    end = np.append(0, np.cumsum(copies))
    copied = np.repeat(np.arange(len(copies)), copies)
    lane = np.arange(len(copied))  # from the first copy of all on: from that of its edge, if `end` is taken off
    tail -= end[:-1]
    owner -= end[:-1]
    walk = _level_pass(tail[copied] + lane, owner[copied] + lane, steps, end[edge_bound])
    return walk, copied


def _join_pass(layout: _Layout, rank: IntArray) -> LevelPass:
    """The pass over joins: from all entries of a chunk to each of its exits, for the chunks of one rank at a time."""
    border, chunk = layout.border, layout.chunk[layout.border]
    width = layout.width[chunk]
    first_entry = np.cumsum(layout.width) - layout.width
    bound = np.append(run_starts(rank[border]), len(border))
    owner = np.arange(len(border)) - np.repeat(bound[:-1], np.diff(bound))
    tail = layout.entries[0][spans(first_entry[chunk], width)]
    return _level_pass(tail, np.repeat(owner, width), bound + 1, np.append(0, np.cumsum(width))[bound])


def _level_pass(tail: IntArray, owner: IntArray, bounds: IntArray, edge_bounds: IntArray) -> LevelPass:
    """The pass without cycles whose steps begin at these values and edges."""
    values, edges = bounds.tolist(), edge_bounds.tolist()
    steps = [Step(*step, False) for step in zip(values, values[1:], edges, edges[1:])]
    return LevelPass(tail, owner, steps, NO_INDICES)

"""Which members of a union are walked by lanes (see lanes.py), and how their levels are cut into chunks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.graph import BoolArray, IntArray
from lattice_cli.graph.order import Order

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

"""Which members of a union are swept as chains (see `passes`) or in lanes (see `chunked_scan`), and how lanes cut them.

What a member is depends on it alone, so it has the same numbers in any union.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import BoolArray, IntArray, distinct, run_starts
from lattice_cli.graph import Order

# Lanes are used by members with at least so many levels, at most so many useful nodes a level, and at most so many
# edges in lanes and join for each arc. Measured, plain / lanes, forward and gradient in ms (2 arcs a node, 3 from 8
# nodes a level on): 60 levels of 3 nodes 1.2 / 0.5; 1,000 levels of 3 nodes 12 / 1.4, of 8 nodes 13 / 4, of 16 nodes
# 15 / 11; 10,000 levels of 8 nodes 142 / 32, of 16 nodes 145 / 132. The lanes' share of the schedule is the price: for
# 10,000 levels of 8 nodes it grows from 16 to 32 ms, and of 16 nodes from 25 to 119.
_LONG = 64
_NARROW = 8
_MOST_COPIES = 10


#: Parallel links are bundled where that leaves at most this part of all edges.
BUNDLED = 0.75


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


def uncut(nodes: int) -> Chunks:
    """No chunks."""
    none = np.full(nodes, -1, dtype=np.intp)
    return Chunks(none, none, none)


def in_rows(
    src: IntArray,
    dst: IntArray,
    width: IntArray | None,
    order: Order,
    useful: BoolArray,
    ends: tuple[IntArray, IntArray],
    offsets: IntArray,
) -> BoolArray:
    """(nodes,) true for the useful nodes of long members in which one edge leads from each node to the next one.

    Arguments are those of `cut`.
    """
    members = len(offsets) - 1
    filled = np.flatnonzero(np.diff(offsets))
    counts, levels = np.zeros(members, dtype=np.intp), np.zeros(members, dtype=np.intp)
    if len(filled):
        counts[filled] = np.add.reduceat(useful, offsets[filled], dtype=np.intp)
        levels[filled] = np.maximum.reduceat(order.level, offsets[filled]) + 1
    chosen = (levels == counts) & (counts >= _LONG)
    if not chosen.any():
        return np.zeros(len(useful), dtype=bool)
    member = np.repeat(np.arange(members), np.diff(offsets))
    for nodes in ends:
        chosen &= np.bincount(member[nodes], minlength=members) <= 1
    if order.cyclic:
        chosen[member[order.component >= 0]] = False
    firsts = run_starts(src, dst)
    tails = src[firsts]
    chosen[member[tails[order.level[dst[firsts]] - order.level[tails] != 1]]] = False
    arcs = np.bincount(member[src], width, members)
    chosen &= (arcs == counts - 1) | (counts + 1 <= BUNDLED * (arcs + 2))
    return np.repeat(chosen, np.diff(offsets)) & useful


def cut(
    src: IntArray,
    dst: IntArray,
    width: IntArray | None,
    order: Order,
    useful: BoolArray,
    ends: tuple[IntArray, IntArray],
    offsets: IntArray,
) -> Chunks:
    """Chunks for the useful nodes of those members of a union that lanes make faster.

    src, dst: (arcs,) between useful nodes; width: (arcs,) for how many parallel ones each stands, None: one each;
    useful: (nodes,) those on paths, but for those in rows; ends: the start nodes and final nodes among those on paths;
    offsets: (graphs + 1,).
    """
    filled = np.flatnonzero(np.diff(offsets))
    sizes = np.diff(offsets)[filled]
    if not len(filled):
        return uncut(len(useful))
    first = offsets[filled]
    levels = np.maximum.reduceat(order.level, first) + 1
    chosen = (levels >= _LONG) & (np.maximum.reduceat(order.component, first) < 0)
    counts = np.add.reduceat(useful, first, dtype=np.intp)
    chosen &= (counts > 0) & (counts <= _NARROW * levels)
    if not chosen.any():
        return uncut(len(useful))
    # A chunk of n levels costs 2 n numpy call sequences, and the join one for each chunk: sqrt(levels / 2) is best.
    length = np.ceil(np.sqrt(levels / 2)).astype(np.intp)
    counts = np.where(chosen, -(-levels // length), 0)
    if len(sizes) == 1:
        sizes = np.ones(1, dtype=np.intp)  # what holds for the one member is broadcast to its nodes
    lengths = np.repeat(length, sizes)
    rank = order.level // lengths
    level = order.level - rank * lengths
    chunk = np.where(np.repeat(chosen, sizes) & useful, np.repeat(np.cumsum(counts) - counts, sizes) + rank, -1)
    copies, arcs = (
        np.bincount(np.repeat(np.arange(len(filled)), counts), column, len(filled))
        for column in _copies(src, dst, width, chunk, ends, int(counts.sum()))
    )
    np.copyto(chunk, -1, where=np.repeat(copies > _MOST_COPIES * arcs, sizes))
    return Chunks(chunk, rank, level)


def _copies(
    src: IntArray,
    dst: IntArray,
    width: IntArray | None,
    chunk: IntArray,
    ends: tuple[IntArray, IntArray],
    chunks: int,
) -> tuple[IntArray, IntArray]:
    """(chunks,) edges that lanes and join need for each chunk, and its arcs."""
    starts, finals = (nodes[chunk[nodes] >= 0] for nodes in ends)
    into = chunk[dst]
    crossing = np.flatnonzero((chunk[src] != into) & (into >= 0))
    entries = distinct(into[crossing] * len(chunk) + src[crossing]) // len(chunk)
    exits = chunk[distinct(np.concatenate([src[crossing], finals]))]
    lanes = np.bincount(entries, minlength=chunks)
    lanes[chunk[starts]] += 1
    cut_up = into >= 0
    arcs = np.bincount(into[cut_up], None if width is None else width[cut_up], chunks)
    return lanes * (arcs + np.bincount(exits, minlength=chunks)), arcs

"""The order of evaluation of a graph, made once and used by every sweep over it, whatever its energies.

Only nodes on some path take part, at *positions*: 0 is a source before all start nodes, then the nodes level by level,
then one sink behind the final nodes of each member that has a path. *Links* are the arcs, start energies and final
energies between positions. Links are sorted by head, and those of a head are in the order of the file: sums are
rounded, and ties broken, in the same way whether a graph is swept alone or in a union. Where a member has many parallel
links next to each other, these form one *edge*; else each link is an edge. So the links of an edge, the edges of a head
and the heads of a level are all contiguous, and every segment has at least one entry. Members that are rows come behind
the others, and then those that are walked by lanes, chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import NamedTuple

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, Runs, run_lengths, spans
from lattice_cli.graph import Graph
from lattice_cli.sweep.chunked_scan import ChunkedScan, chunked_scan
from lattice_cli.sweep.chunking import Chunks
from lattice_cli.sweep.passes import ChainPass, Pass, Step


class Bundles(NamedTuple):
    """edge: (bundles,) edges with several links; link: these links; runs: which of them belong to each bundle."""

    edge: IntArray
    link: IntArray | slice
    runs: Runs


@dataclass(frozen=True, eq=False)
class Schedule:
    """The order in which a graph is swept.

    link_id:     (links,) arc, or arcs + node for a start energy, or arcs + nodes + node for a final energy.
    edge_first:  (edges,) first link of each edge.
    edge_tail, edge_head: (edges,) positions.
    head_first:  (positions - 1,) first edge of each position but the source.
    node_at:     (positions,) node at each position; -1 for the source and the sinks.
    position:    (nodes,) position of each node; -1 where no path passes.
    sink:        (graphs,) position of each member's sink; -1 where the member has no path.
    level_pass:        the levels and components of the members without lanes.
    sink_pass:       the last step, to the sinks; no step at all where there is no path.
    chunks:      how the members with lanes are cut; their positions lie between those of level_pass and the sinks.
    arcs:        how many the graph has.
    loops:       compiled ones, by which all positions are walked as one step; then each link is an edge of its own.
    """

    link_id: IntArray
    edge_first: IntArray
    edge_tail: IntArray
    edge_head: IntArray
    head_first: IntArray
    node_at: IntArray
    position: IntArray
    sink: IntArray
    level_pass: Pass
    sink_pass: Pass
    chunks: Chunks
    arcs: int
    kernels: ModuleType | None = None

    @cached_property
    def positions(self) -> int:
        """Number of positions: the source, the useful nodes, the sinks."""
        return len(self.node_at)

    @cached_property
    def is_row(self) -> bool:
        """True if all positions are one row: each is reached from the one before."""
        return isinstance(self.level_pass, ChainPass) and self.level_pass.rows[0].end == self.positions - 1

    @cached_property
    def components(self) -> list[Step]:
        """The steps that are components with cycles."""
        return [step for step in self.level_pass.steps if step.cyclic]

    @cached_property
    def chunked_scan(self) -> ChunkedScan | None:
        """The walks of the members with lanes; None if there are none."""
        if not len(self.chunks.chunk):
            return None
        step = self.sink_pass.steps[0]
        first = step.first - len(self.chunks.chunk)
        finals = self.edge_tail[step.edge_first :]
        return chunked_scan(
            self.edge_tail, self.head_first[first - 1 : step.first], self.chunks, first, finals[finals >= first]
        )

    @cached_property
    def bundled(self) -> bool:
        """True if some edge has several links."""
        return len(self.edge_first) < len(self.link_id)

    @cached_property
    def bundles(self) -> Bundles:
        """The edges that have several links."""
        counts = run_lengths(self.edge_first, len(self.link_id))
        edge = np.flatnonzero(counts > 1)
        counts = counts[edge]
        runs = Runs(np.cumsum(counts) - counts, int(counts.sum()))
        low, high = int(edge[0]), int(edge[-1]) + 1
        if high - low == len(edge):
            first = int(self.edge_first[low])
            return Bundles(edge, slice(first, first + runs.entries), runs)
        return Bundles(edge, spans(self.edge_first[edge], counts), runs)

    @cached_property
    def edge_of_link(self) -> IntArray:
        """(links,) the edge each link belongs to."""
        return np.repeat(np.arange(len(self.edge_first)), run_lengths(self.edge_first, len(self.link_id)))

    @cached_property
    def link_tail(self) -> IntArray:
        """(links,) position that each link comes from."""
        return self.edge_tail[self.edge_of_link] if self.bundled else self.edge_tail

    @cached_property
    def head_links(self) -> IntArray:
        """(positions,) first link of each position but the source; the last entry is the end."""
        firsts = self.edge_first[self.head_first] if len(self.head_first) else self.head_first
        return np.append(firsts, len(self.link_id))

    def link_energy(self, graph: Graph) -> FloatArray:
        """(links,) energies in this order of a graph with this topology."""
        return self.in_order(graph.energy, graph.start, graph.final)

    def in_order(self, arcs: FloatArray, start: FloatArray, final: FloatArray) -> FloatArray:
        """(links,) the entries of three columns, (arcs,), (nodes,) and (nodes,), in this order."""
        if not len(arcs):
            return np.concatenate([start, final])[self.link_id]
        if self._slabs is None:
            links = arcs.take(self.link_id, mode="clip")
        else:
            links = np.empty(len(self.link_id))
            where, width, rows = self._slabs
            slabs = links[where].reshape(-1, width)
            arcs.reshape(-1, width).take(rows, axis=0, out=slabs, mode="clip")
        ends, nodes = self._ends
        links[ends] = np.concatenate([start, final])[nodes]
        return links

    @cached_property
    def _slabs(self) -> tuple[slice, int, IntArray] | None:
        """Where all bundles are equally wide, and each is a row of the arcs as a matrix of that width, as it is for
        emission matrices: their links, that width, and the rows."""
        if not self.bundled or not isinstance(self.bundles.link, slice):
            return None
        where, width = self.bundles.link, self.bundles.runs.width
        if not width or self.arcs % width:
            return None
        ids = self.link_id[where].reshape(-1, width)
        rows, rest = np.divmod(ids[:, 0], width)
        # Of the other links, all that are arcs would be missing. Parallel arcs ascend: the last tells of those between.
        if where.stop - where.start < self.arcs or rest.any() or (ids[:, -1] - ids[:, 0] >= width).any():
            return None
        return where, width, rows

    @cached_property
    def _ends(self) -> tuple[IntArray, IntArray]:
        """The links that are start and final energies, and where these are in the two columns one after the other."""
        ends = np.flatnonzero(self.link_id >= self.arcs)
        return ends, self.link_id[ends] - self.arcs


def steps_between(first: list[int], edge: list[int], cyclic: Iterable[bool]) -> list[Step]:
    """Steps one after the other; first, edge: (steps + 1,) where each begins, and the end."""
    return [Step(*step) for step in zip(first, first[1:], edge, edge[1:], cyclic)]

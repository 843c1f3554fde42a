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

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import NamedTuple

import numpy as np

from lattice_cli.graph.chunks import BUNDLED, Chunks, cut, in_rows
from lattice_cli.graph.graph import BoolArray, FloatArray, Graph, IntArray
from lattice_cli.graph.lanes import Lanes, lanes
from lattice_cli.graph.loops import loops_for
from lattice_cli.graph.order import Order, evaluation_order
from lattice_cli.graph.segments import (
    Runs,
    distinct,
    group_by,
    is_sorted,
    run_lengths,
    run_starts,
    spans,
    stable_order,
)
from lattice_cli.graph.trim import in_numbered_order, on_paths
from lattice_cli.graph.walk import CompiledWalk, Passes, Row, Rows, Step, Walk


class Bundles(NamedTuple):
    """edge: (bundles,) edges with several links; link: these links; runs: which of them belong to each bundle."""

    edge: IntArray
    link: IntArray | slice
    runs: Runs


@dataclass(frozen=True, eq=False)
class Schedule:
    """How to walk a graph.

    link_id:     (links,) arc, or arcs + node for a start energy, or arcs + nodes + node for a final energy.
    edge_first:  (edges,) first link of each edge.
    edge_tail, edge_head: (edges,) positions.
    head_first:  (positions - 1,) first edge of each position but the source.
    node_at:     (positions,) node at each position; -1 for the source and the sinks.
    position:    (nodes,) position of each node; -1 where no path passes.
    sink:        (graphs,) position of each member's sink; -1 where the member has no path.
    walk:        the levels and components of the members without lanes.
    sinks:       the last step, to the sinks; no step at all where there is no path.
    chunks:      of the positions between these two, those of the members with lanes.
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
    walk: Passes
    sinks: Passes
    chunks: Chunks
    arcs: int
    loops: ModuleType | None = None

    @property
    def positions(self) -> int:
        """Number of positions: the source, the useful nodes, the sinks."""
        return len(self.node_at)

    @property
    def is_row(self) -> bool:
        """True if all positions are one row: each is reached from the one before."""
        return isinstance(self.walk, Rows) and self.walk.rows[0].end == self.positions - 1

    @property
    def components(self) -> list[Step]:
        """The steps that are components with cycles."""
        return [step for step in self.walk.steps if step.cyclic]

    @cached_property
    def lanes(self) -> Lanes | None:
        """The walks of the members with lanes; None if there are none."""
        if not len(self.chunks.chunk):
            return None
        step = self.sinks.steps[0]
        first = step.first - len(self.chunks.chunk)
        finals = self.edge_tail[step.edge_first :]
        return lanes(
            self.edge_tail, self.head_first[first - 1 : step.first], self.chunks, first, finals[finals >= first]
        )

    @property
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
        links = arcs.take(self.link_id, mode="clip")
        ends, nodes = self._ends
        links[ends] = np.concatenate([start, final])[nodes]
        return links

    @cached_property
    def _ends(self) -> tuple[IntArray, IntArray]:
        """The links that are start and final energies, and where these are in the two columns one after the other."""
        ends = np.flatnonzero(self.link_id >= self.arcs)
        return ends, self.link_id[ends] - self.arcs


def schedule(graph: Graph) -> Schedule:
    """The schedule of a graph (or union): levels where it is acyclic, components where it is not."""
    loops = loops_for(graph)
    if loops is not None and in_numbered_order(graph.src, graph.dst):
        return _compiled_schedule(graph, loops)
    leaving, entering = group_by(graph.src, graph.nodes), group_by(graph.dst, graph.nodes)
    useful = on_paths(graph, leaving, entering)
    arcs, sizes = entering.order, np.diff(entering.offsets)
    if not useful.all():
        kept = useful[graph.src]
        kept &= useful[graph.dst]
        arcs = arcs[kept[arcs]]
        sizes -= np.bincount(graph.dst[~kept], minlength=graph.nodes)
    src, dst = graph.src[arcs], np.repeat(np.arange(graph.nodes), sizes)
    starts, finals = graph.starts[useful[graph.starts]], graph.finals[useful[graph.finals]]
    order = evaluation_order(src, dst, graph.node_offsets)
    in_row = in_rows(src, dst, order, useful, (starts, finals), graph.node_offsets)
    chunks = cut(src, dst, order, useful & ~in_row, (starts, finals), graph.node_offsets)
    plain, laned = _ranked(order, useful & ~in_row, chunks)
    rowed = np.flatnonzero(in_row)
    # Members are contiguous, and levels of a row are its nodes one by one.
    rowed = rowed[stable_order(graph.graph_of_node[rowed] * graph.nodes + order.level[rowed])]

    placed = np.concatenate([plain, rowed, laned])
    inner = len(placed)
    position = np.full(graph.nodes, -1, dtype=np.intp)
    position[placed] = np.arange(1, inner + 1)
    sink = np.full(graph.graphs, -1, dtype=np.intp)
    ended = graph.graph_of_node[finals] if graph.graphs > 1 else np.zeros(len(finals), dtype=np.intp)
    members = distinct(ended)
    sink[members] = inner + 1 + np.arange(len(members))
    node_at = np.concatenate([[-1], placed, np.full(len(members), -1)]).astype(np.intp)

    # Arcs are in the order of their heads already; heads may be in another order than nodes.
    counts = sizes[placed]
    if not is_sorted(placed):
        rows = spans((np.cumsum(sizes) - sizes)[placed], counts)
        arcs, src = arcs[rows], src[rows]
    first = np.cumsum(counts) - counts
    starts = starts[np.argsort(position[starts], kind="stable")]
    before = position[starts] - 1
    link_id = _between(graph.arcs + starts, first[before], arcs, graph.arcs + graph.nodes + finals)
    tail = _between(np.zeros(len(starts), dtype=np.intp), first[before], position[src], position[finals])
    counts[before] += 1
    head = np.repeat(np.arange(1, len(node_at)), np.append(counts, np.bincount(sink[ended] - inner - 1)))
    edge_first = run_starts(head, tail)
    if len(edge_first) < len(link_id):
        edge_first = _worth_bundling(edge_first, head, node_at, sink, graph)
    if len(edge_first) < len(link_id):
        tail, head = tail[edge_first], head[edge_first]
    head_first = run_starts(head)
    levels, sinks = _walks(order, plain, inner, tail, head, head_first, node_at)
    walk = _with_rows(levels, len(plain), graph.graph_of_node[rowed], head_first)
    return Schedule(
        link_id, edge_first, tail, head, head_first, node_at, position, sink, walk, sinks, chunks.of(laned), graph.arcs
    )


def _with_rows(levels: Walk, before: int, member: IntArray, head_first: IntArray) -> Passes:
    """The walk over levels and then the rows behind these positions; member: (positions in rows,)."""
    if not len(member):
        return levels
    firsts = run_starts(member)
    first = (before + 1 + np.append(firsts, len(member))).tolist()
    edges = head_first[before + firsts].tolist()
    return Rows(levels, [Row(low, high, edge) for low, high, edge in zip(first, first[1:], edges)])


def _between(starts: IntArray, places: IntArray, inner: IntArray, finals: IntArray) -> IntArray:
    """One column of the start links, arcs and final links. places: (starts,) where in `inner` they go, ascending."""
    if places.any():  # mostly they all come first
        return np.concatenate([np.insert(inner, places, starts), finals])
    return np.concatenate([starts, inner, finals])


def _worth_bundling(edge_first: IntArray, head: IntArray, node_at: IntArray, sink: IntArray, graph: Graph) -> IntArray:
    """The first links of edges if only members are bundled in which that pays off.

    edge_first: the same if all are. head: (links,) positions.
    """
    if graph.graphs == 1:
        return edge_first if len(edge_first) <= BUNDLED * len(head) else np.arange(len(head))
    member_at = np.empty(len(node_at), dtype=np.intp)
    inner = node_at >= 0
    member_at[inner] = graph.graph_of_node[node_at[inner]]
    member_at[sink[sink >= 0]] = np.flatnonzero(sink >= 0)
    member = member_at[head]
    edges, links = (np.bincount(each, minlength=graph.graphs) for each in (member[edge_first], member))
    first = (edges > BUNDLED * links)[member]
    first[edge_first] = True
    return np.flatnonzero(first)


def _compiled_schedule(graph: Graph, loops: ModuleType) -> Schedule:
    """The schedule of a graph whose nodes are numbered in order, upwards or downwards, for compiled loops."""
    src, dst, none = graph.src, graph.dst, np.zeros(0, dtype=np.intp)
    order = none if is_sorted(src) or is_sorted(dst) else loops.in_order(src, graph.nodes)
    useful = loops.useful(src, dst, order, graph.start, graph.final)
    climbs = not graph.arcs or bool(src[0] < dst[0])
    inner = np.flatnonzero(useful) if climbs else np.flatnonzero(useful)[::-1]
    position = np.full(graph.nodes, -1, dtype=np.intp)
    position[inner] = np.arange(1, len(inner) + 1)
    starts, finals = graph.starts[useful[graph.starts]], graph.finals[useful[graph.finals]]
    sink = np.full(graph.graphs, -1, dtype=np.intp)
    members = distinct(graph.graph_of_node[finals])
    sink[members] = len(inner) + 1 + np.arange(len(members))
    ends = (starts, finals, sink[graph.graph_of_node[finals]])
    link_id, tail, first = loops.links(src, dst, position, ends)
    heads = first[:-1]
    head = np.repeat(np.arange(1, len(first)), np.diff(first))
    node_at = np.concatenate([[-1], inner, np.full(len(members), -1)]).astype(np.intp)
    nowhere = Walk(tail, head, [], node_at)
    edges = np.arange(len(link_id))
    walk = CompiledWalk(tail, first, loops)
    chunks = Chunks(none, none, none)
    return Schedule(
        link_id, edges, tail, head, heads, node_at, position, sink, walk, nowhere, chunks, graph.arcs, loops
    )


def _ranked(order: Order, useful: BoolArray, chunks: Chunks) -> tuple[IntArray, IntArray]:
    """The useful nodes in the order of their positions: those without chunks, then those with."""
    has_chunk = chunks.chunk >= 0
    plain, laned = np.flatnonzero(useful & ~has_chunk), np.flatnonzero(useful & has_chunk)
    # Inside a level the nodes of each component stay together, behind those of none.
    key = order.level[plain]
    if order.cyclic:
        key = key * (int(order.component.max()) + 2) + order.component[plain]
    plain = plain[stable_order(key)]
    levels = int(chunks.level.max(initial=0)) + 1
    return plain, laned[stable_order(chunks.rank[laned] * levels + chunks.level[laned])]


def _walks(
    order: Order, plain: IntArray, inner: int, tail: IntArray, head: IntArray, head_first: IntArray, node_at: IntArray
) -> tuple[Walk, Walk]:
    """The walk over the `plain` nodes, a step for each level and component, and that to the sinks.

    Between them are the nodes with lanes, up to position `inner`.
    """
    firsts = run_starts(order.level[plain], order.component[plain] if order.cyclic else None)
    cyclic = (order.component[plain[firsts]] >= 0).tolist()
    bounds = np.concatenate([firsts, [len(plain), inner, len(head_first)]]) + 1
    edge_bounds = np.append(head_first, len(head))[bounds - 1]
    owner = np.repeat(bounds[:-1], np.diff(edge_bounds))
    np.subtract(head, owner, out=owner)
    first, edge = bounds.tolist(), edge_bounds.tolist()
    steps = [Step(*step) for step in zip(first, first[1:-2], edge, edge[1:-2], cyclic)]
    last = [Step(first[-2], first[-1], edge[-2], edge[-1], False)] if len(head) else []
    return Walk(tail, owner, steps, node_at), Walk(tail, owner, last, node_at)

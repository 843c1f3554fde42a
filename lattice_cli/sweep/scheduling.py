"""How a schedule (`schedule`) is made: nodes into levels or components, arcs in the order of their heads."""

from __future__ import annotations

import numpy as np

from lattice_cli.arrays import (
    BoolArray,
    IntArray,
    distinct,
    group_by,
    is_sorted,
    run_lengths,
    run_starts,
    spans,
    stable_order,
)
from lattice_cli.graph import Graph, Order, evaluation_order, in_numbered_order, on_paths
from lattice_cli.sweep.chunking import BUNDLED, Chunks, cut, in_rows
from lattice_cli.sweep.compiled import compiled_schedule, kernels_for
from lattice_cli.sweep.passes import Chain, ChainPass, LevelPass, Pass, Step
from lattice_cli.sweep.schedule import Schedule, steps_between

#: Of a graph whose arcs may be parallel, how many are looked at first.
_LOOKED_AT = 1_000


def schedule_of(graph: Graph) -> Schedule:
    """The schedule of a graph (or union): levels where it is acyclic, components where it is not."""
    kernels, runs = kernels_for(graph), parallel_runs(graph)
    if kernels is not None and runs is None and in_numbered_order(graph.src, graph.dst):
        return compiled_schedule(graph, kernels)
    # Where most arcs are parallel to the one before, as in emission matrices, such runs of them are put in order.
    src, dst = (graph.src, graph.dst) if runs is None else (graph.src[runs], graph.dst[runs])
    width = None if runs is None else run_lengths(runs, graph.arcs)
    leaving, entering = group_by(src, graph.nodes), group_by(dst, graph.nodes)
    useful = on_paths(graph, src, dst, leaving, entering)
    arcs, sizes = entering.order, np.diff(entering.offsets)
    everything = bool(useful.all())
    if not everything:
        kept = useful[src]
        kept &= useful[dst]
        arcs = np.flatnonzero(kept) if entering.in_order else arcs[kept[arcs]]
        sizes -= np.bincount(dst[~kept], minlength=graph.nodes)
    if not (everything and entering.in_order):
        src, dst = src[arcs], np.repeat(np.arange(graph.nodes), sizes)
        width = None if width is None else width[arcs]
    arcs = arcs if runs is None else runs[arcs]
    starts, finals = graph.starts[useful[graph.starts]], graph.finals[useful[graph.finals]]
    order = evaluation_order(src, dst, graph.node_offsets)
    in_row = in_rows(src, dst, width, order, useful, (starts, finals), graph.node_offsets)
    chunks = cut(src, dst, width, order, useful & ~in_row, (starts, finals), graph.node_offsets)
    plain, laned = _ranked(order, useful & ~in_row, chunks)
    rowed = np.flatnonzero(in_row)
    # A row has one node a level, and members are contiguous: so sorting by member and level is the order of the row.
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
        width = None if width is None else width[rows]
    first = np.cumsum(counts) - counts
    starts = starts[np.argsort(position[starts], kind="stable")]
    before = position[starts] - 1
    link_id = _between(graph.arcs + starts, first[before], arcs, graph.arcs + graph.nodes + finals)
    tail = _between(np.zeros(len(starts), dtype=np.intp), first[before], position[src], position[finals])
    counts[before] += 1
    counts = np.append(counts, np.bincount(sink[ended] - inner - 1))
    head = np.repeat(np.arange(1, len(node_at)), counts)
    if width is not None:
        width = _between(np.ones_like(starts), first[before], width, np.ones_like(finals))
        link_id = spans(link_id, width)
    edge_first, head_first = run_starts(head, tail), np.cumsum(counts) - counts
    if len(edge_first) < len(link_id):
        member_at = np.append(graph.graph_of_node[placed], members) if graph.graphs > 1 else None
        edges = _bundled(edge_first, tail, head, width, member_at)
        if edges is None:
            edge_first = np.arange(len(link_id))
        else:
            tail, head, width = edges
            edge_first, head_first = np.cumsum(width) - width, run_starts(head)
    levels, sinks = _passes(order, plain, inner, tail, head, head_first, node_at)
    level_pass = _with_rows(levels, len(plain), graph.graph_of_node[rowed], head_first)
    return Schedule(
        link_id,
        edge_first,
        tail,
        head,
        head_first,
        node_at,
        position,
        sink,
        level_pass,
        sinks,
        chunks.of(laned),
        graph.arcs,
    )


def parallel_runs(graph: Graph) -> IntArray | None:
    """(runs,) the first arc of each run of parallel arcs next to each other; None where they are not much fewer."""
    first = slice(0, _LOOKED_AT)
    runs = None
    for arcs in (first, slice(None)):  # a look at some saves most graphs the look at all
        src, dst = graph.src[arcs], graph.dst[arcs]
        runs = run_starts(src, dst)
        if len(runs) >= max(1, BUNDLED * len(src)):
            return None
    return runs


def _with_rows(levels: LevelPass, before: int, member: IntArray, head_first: IntArray) -> Pass:
    """The pass over levels and then the chains behind these positions; member: (positions in rows,)."""
    if not len(member):
        return levels
    firsts = run_starts(member)
    first = (before + 1 + np.append(firsts, len(member))).tolist()
    edges = head_first[before + firsts].tolist()
    return ChainPass(levels, [Chain(low, high, edge) for low, high, edge in zip(first, first[1:], edges)])


def _between(starts: IntArray, places: IntArray, inner: IntArray, finals: IntArray) -> IntArray:
    """One column of the start links, arcs and final links. places: (starts,) where in `inner` they go, ascending."""
    if places.any():  # mostly they all come first
        return np.concatenate([np.insert(inner, places, starts), finals])
    return np.concatenate([starts, inner, finals])


def _bundled(
    first: IntArray, tail: IntArray, head: IntArray, width: IntArray | None, member_at: IntArray | None
) -> tuple[IntArray, IntArray, IntArray] | None:
    """Tails, heads and widths of edges, where links side by side form one edge in those members where that pays off.

    tail, head: (runs,) positions; width: (runs,) links in each, None: one; first: those behind which all up to the next
    are parallel. member_at: (positions - 1,) of each but the source, None if there is only one. None: runs are edges.
    """
    if width is None and member_at is None and len(first) > BUNDLED * len(head):
        return None
    width = run_lengths(first, len(head)) if width is None else np.add.reduceat(width, first)
    tail, head = tail[first], head[first]
    if member_at is None:
        apart = np.full(len(head), len(head) > BUNDLED * width.sum())
    else:
        member = member_at[head - 1]
        apart = (np.bincount(member) > BUNDLED * np.bincount(member, width))[member]
    if apart.any():
        copies = np.where(apart, width, 1)
        tail, head, width = (np.repeat(column, copies) for column in (tail, head, np.where(apart, 1, width)))
    return tail, head, width


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


def _passes(
    order: Order, plain: IntArray, inner: int, tail: IntArray, head: IntArray, head_first: IntArray, node_at: IntArray
) -> tuple[LevelPass, LevelPass]:
    """The pass over the `plain` nodes, a step for each level and component, and that to the sinks.

    Between them are the nodes with lanes, up to position `inner`.
    """
    firsts = run_starts(order.level[plain], order.component[plain] if order.cyclic else None)
    cyclic = (order.component[plain[firsts]] >= 0).tolist()
    bounds = np.concatenate([firsts, [len(plain), inner, len(head_first)]]) + 1
    edge_bounds = np.append(head_first, len(head))[bounds - 1]
    owner = np.repeat(bounds[:-1], np.diff(edge_bounds))
    np.subtract(head, owner, out=owner)
    first, edge = bounds.tolist(), edge_bounds.tolist()
    steps = steps_between(first[:-2], edge[:-2], cyclic)
    last = [Step(first[-2], first[-1], edge[-2], edge[-1], False)] if len(head) else []
    return LevelPass(tail, owner, steps, node_at), LevelPass(tail, owner, last, node_at)

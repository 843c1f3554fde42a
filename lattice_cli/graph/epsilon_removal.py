"""Epsilon removal: arcs without labels, and arcs without input, folded into their neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from lattice_cli.arrays import (
    NO_INDICES,
    BoolArray,
    FloatArray,
    Groups,
    IntArray,
    group_by,
    run_lengths,
    run_starts,
    spans,
)
from lattice_cli.graph.connect import trimmed
from lattice_cli.graph.construct import Columns, graph_by_tail
from lattice_cli.graph.graph import EPSILON, Graph
from lattice_cli.graph.levels import evaluation_order

#: Where there are ways of so many arcs, they are asked whether they go round for ever.
_LONG = 50


@dataclass(frozen=True, eq=False)
class InputEpsilonFree:
    """A grammar without input epsilons.

    graph:  every arc takes an input; its outputs are not to be read (`outputs` has them).
    parts:  of folded arc k, the grammar's arcs parts.order[parts.offsets[k]:parts.offsets[k + 1]], in order.
    begin:  of node k likewise, the grammar's arcs that lead to it from a start node, where it is a start node.
    source: the grammar.
    """

    graph: Graph
    parts: Groups
    begin: Groups
    source: Graph

    def outputs(self) -> IntArray:
        """(arcs, k) the labels that each arc outputs, in order, epsilon after them; k is the most that one has."""
        spoken = self.source.olabel[self.parts.order]
        owner = np.repeat(np.arange(self.graph.arcs), np.diff(self.parts.offsets))[spoken != EPSILON]
        spoken = spoken[spoken != EPSILON]
        counts = np.bincount(owner, minlength=self.graph.arcs)
        table = np.zeros((self.graph.arcs, int(counts.max(initial=0))), dtype=np.intp)
        table[owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)] = spoken
        return table


@dataclass(frozen=True, eq=False)
class _EpsilonPaths:
    """Paths of arcs without input: (ways,) the node each leaves and where it ends, its energy, its last arc (-1: it has
    none), and the way that it prolongs (-1: none)."""

    tail: IntArray
    head: IntArray
    energy: FloatArray
    last: IntArray
    before: IntArray

    def depth_first(self) -> IntArray:
        """(ways,) the ways node by node: each before those that prolong it, which come in the order of their arcs."""
        roots, ways = int((self.before < 0).sum()), len(self.tail)
        bounds = [roots]  # where each length begins: the ways of a length prolong those of the one before
        while bounds[-1] < ways:
            bounds.append(int(np.searchsorted(self.before[roots:], bounds[-1])) + roots)
        below = np.ones(ways, dtype=np.intp)
        levels = list(pairwise(bounds))
        for low, high in reversed(levels):
            np.add.at(below, self.before[low:high], below[low:high])
        place = np.cumsum(below) - below  # right for the empty ways, of which there is one a node, in their order
        for low, high in levels:
            owner, size = self.before[low:high], below[low:high]
            earlier = np.cumsum(size) - size
            firsts = run_starts(owner)
            earlier -= np.repeat(earlier[firsts], run_lengths(firsts, len(owner)))
            place[low:high] = place[owner] + 1 + earlier
        return np.argsort(place)

    def arcs(self) -> Groups:
        """The arcs of each way, in order."""
        lengths = np.zeros(len(self.tail), dtype=np.intp)
        at = np.arange(len(self.tail))
        chains = []
        while (self.last[at] >= 0).any():
            going = self.last[at] >= 0
            lengths += going
            chains.append(np.where(going, self.last[at], -1))
            at = np.where(going, self.before[at], at)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        order = np.zeros(offsets[-1], dtype=np.intp)
        for back, chain in enumerate(chains):
            has = chain >= 0
            order[offsets[1:][has] - 1 - back] = chain[has]
        return Groups(order, offsets)


def without_input_epsilon(grammar: Graph) -> InputEpsilonFree | None:
    """The grammar without input epsilons, path by path; None where they form cycles or the result is much larger."""
    silent = np.flatnonzero(grammar.ilabel == EPSILON)
    if not len(silent):
        nodes, arcs = grammar.nodes, np.arange(grammar.arcs)
        none = Groups(NO_INDICES, np.zeros(nodes + 1, dtype=np.intp))
        return InputEpsilonFree(grammar, Groups(arcs, np.arange(grammar.arcs + 1)), none, grammar)
    spoken = np.flatnonzero(grammar.ilabel != EPSILON)
    entered = np.zeros(grammar.nodes, dtype=bool)
    entered[grammar.dst[spoken]] = entered[grammar.starts] = True
    ways = _ways(grammar, silent, np.flatnonzero(entered), 4 * grammar.arcs + 1000)
    if ways is None:
        return None
    useful = np.isfinite(grammar.final)
    useful[grammar.src[spoken]] = True
    kept = np.flatnonzero(useful[ways.head])
    by_tail = group_by(ways.tail[kept], grammar.nodes)
    if int(by_tail.sizes(grammar.dst[spoken]).sum()) > 4 * grammar.arcs + 1000:
        return None
    arcs_of = ways.arcs()
    starts = _starts(grammar, ways, kept, by_tail)
    if starts is None:
        return None
    start, way_of_start = starts
    rows, counts = by_tail.rows(grammar.dst[spoken])
    way, arc = kept[rows], np.repeat(spoken, counts)
    graph = replace(
        grammar,
        src=grammar.src[arc],
        dst=ways.head[way],
        ilabel=grammar.ilabel[arc],
        olabel=np.zeros(len(arc), dtype=np.intp),
        energy=grammar.energy[arc] + ways.energy[way],
        start=start,
        arc_offsets=np.array([0, len(arc)], dtype=np.intp),
    )
    return InputEpsilonFree(graph, _with_first(arc, way, arcs_of), _taken(way_of_start, arcs_of), grammar)


def _ways(graph: Graph, silent: IntArray, entered: IntArray, most: int) -> _EpsilonPaths | None:
    """Every way through silent arcs from the nodes that are entered, the empty ones first, then those of one arc.

    None where silent arcs form cycles, or if there are more ways than `most`.
    """
    leaving = group_by(graph.src[silent], graph.nodes)
    none = np.full(len(entered), -1, dtype=np.intp)
    found = [(entered, entered, np.zeros(len(entered)), none, none)]
    total, first = len(entered), 0
    while True:
        tail, head, energy, _, _ = found[-1]
        rows, counts = leaving.rows(head)
        if not len(rows):
            return _EpsilonPaths(*(np.concatenate(column) for column in zip(*found)))
        owner, arc = np.repeat(np.arange(len(tail)), counts), silent[rows]
        found.append((tail[owner], graph.dst[arc], energy[owner] + graph.energy[arc], arc, owner + first))
        first, total = total, total + len(arc)
        if total > most or (len(found) == _LONG and _cyclic(graph, silent)):
            return None


def _cyclic(graph: Graph, arcs: IntArray) -> bool:
    return evaluation_order(graph.src[arcs], graph.dst[arcs], np.array([0, graph.nodes])).cyclic


def _starts(grammar: Graph, ways: _EpsilonPaths, kept: IntArray, by_tail: Groups) -> tuple[FloatArray, IntArray] | None:
    """(nodes,) start energies, and the way that leads to each start node (-1: it is none).

    None where several ways lead to one node: its start energy can be one of them only.
    """
    rows, counts = by_tail.rows(grammar.starts)
    way = kept[rows]
    node, energy = ways.head[way], np.repeat(grammar.start[grammar.starts], counts) + ways.energy[way]
    if len(run_starts(np.sort(node))) < len(node):
        return None
    start, way_of = np.full(grammar.nodes, np.inf), np.full(grammar.nodes, -1, dtype=np.intp)
    start[node], way_of[node] = energy, way
    return start, way_of


def _with_first(arc: IntArray, way: IntArray, arcs_of: Groups) -> Groups:
    """Each arc followed by those of its way."""
    counts = arcs_of.sizes(way)
    offsets = np.concatenate([[0], np.cumsum(counts + 1)]).astype(np.intp)
    order = np.zeros(offsets[-1], dtype=np.intp)
    order[offsets[:-1]] = arc
    order[spans(offsets[:-1] + 1, counts)] = arcs_of.order[spans(arcs_of.offsets[way], counts)]
    return Groups(order, offsets)


def _taken(way: IntArray, arcs_of: Groups) -> Groups:
    """(nodes,) the arcs of each way; none for -1."""
    taken = np.flatnonzero(way >= 0)
    counts = np.zeros(len(way), dtype=np.intp)
    counts[taken] = arcs_of.sizes(way[taken])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    return Groups(arcs_of.order[spans(arcs_of.offsets[way[taken]], counts[taken])], offsets)


def silent_arcs(graph: Graph) -> BoolArray:
    """(arcs,) true where an arc has neither an input nor an output."""
    silent: BoolArray = (graph.ilabel == EPSILON) & (graph.olabel == EPSILON)
    return silent


def epsilon_free(graph: Graph, most: int | None = None) -> Graph:
    """The trimmed graph without arcs that have neither input nor output; path by path the same labels and energies.

    Paths are not merged, so minimum and sum at every temperature stay what they were. Where epsilon arcs form a cycle,
    or more than `most` arcs would be needed (as a rule twice as many, and a thousand), they stay.
    """
    graph = trimmed(graph)[0]
    silent = silent_arcs(graph)
    if not silent.any():
        return graph
    most = 2 * graph.arcs + 1000 if most is None else most
    entered = np.isfinite(graph.start)
    entered[graph.dst[~silent]] = True
    ways = _ways(graph, np.flatnonzero(silent), np.flatnonzero(entered), most + graph.nodes)
    if ways is None:
        return graph
    order = ways.depth_first()
    tail, head, before = ways.tail[order], ways.head[order], ways.energy[order]
    spoken = np.flatnonzero(~silent)
    rows, counts = group_by(graph.src[spoken], graph.nodes).rows(head)
    if len(rows) > most:
        return graph
    arc = spoken[rows]
    energy = graph.energy[arc] + np.repeat(before, counts)
    columns = [np.repeat(tail, counts), graph.dst[arc], graph.ilabel[arc], graph.olabel[arc], energy]
    ending = before + graph.final[head]
    ends = np.isfinite(ending)
    return _ended(graph, columns, group_by(tail[ends], graph.nodes), ending[ends])


def _ended(graph: Graph, columns: Columns, ends: Groups, energy: FloatArray) -> Graph:
    """The graph of these arcs, with every way to end at a node: its ends have these energies.

    A node has one final energy. Where there are several ways to end, arcs to it are doubled for each: to a last node.
    """
    last, sizes = graph.nodes, np.diff(ends.offsets)
    once = np.flatnonzero(sizes == 1)
    final = dict(zip(once.tolist(), energy[ends.rows(once)[0]].tolist())) | {last: 0.0}
    into = np.flatnonzero(sizes[columns[1]] > 1)
    rows, counts = ends.rows(columns[1][into])
    doubled = [np.repeat(column[into], counts) for column in columns]
    doubled[1], doubled[4] = np.full(len(rows), last), doubled[4] + energy[rows]
    start = {node: float(graph.start[node]) for node in graph.starts.tolist()}
    several = graph.starts[sizes[graph.starts] > 1]
    rows, counts = ends.rows(several)
    alone = (np.repeat(graph.start[several], counts) + energy[rows]).tolist()
    start |= {last + 1 + place: cost for place, cost in enumerate(alone)}
    final |= {last + 1 + place: 0.0 for place in range(len(alone))}
    whole = [np.concatenate(parts) for parts in zip(columns, doubled)]
    return trimmed(graph_by_tail(whole, start, final, last + 1 + len(alone), graph.labels))[0]

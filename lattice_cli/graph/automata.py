"""Operations on grammars that keep their paths: side by side, repeated, optional, without epsilon.

A sum over a grammar counts its paths, so each operation says what becomes of them: one path of the result for each
choice of paths of its parts, labels and energies alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lattice_cli.errors import UsageError
from lattice_cli.graph.graph import EPSILON, BoolArray, FloatArray, Graph, IntArray, union
from lattice_cli.graph.trim import reachable, trimmed

Arc = tuple[int, int, int, int, float]


def graph_of(
    arcs: Sequence[Arc], start: dict[int, float], final: dict[int, float], nodes: int, labels: Sequence[str]
) -> Graph:
    """The trimmed graph of these arcs (tail, head, input, output, energy), sorted by tail; labels[0] is epsilon."""
    src, dst, ilabel, olabel, energy = zip(*arcs) if arcs else ((),) * 5
    order = np.argsort(np.array(src, dtype=np.intp), kind="stable")
    ends = np.full((2, nodes), np.inf)
    for column, given in zip(ends, (start, final)):
        column[list(given)] = list(given.values())
    whole = Graph(
        np.array(src, dtype=np.intp)[order],
        np.array(dst, dtype=np.intp)[order],
        np.array(ilabel, dtype=np.intp)[order],
        np.array(olabel, dtype=np.intp)[order],
        np.array(energy, dtype=np.float64)[order],
        ends[0],
        ends[1],
        tuple(labels),
    )
    return trimmed(whole)[0]


def alternatives(graphs: Sequence[Graph]) -> Graph:
    """One graph with the paths of all of them: side by side, without an epsilon, with a start node for each."""
    whole = union(graphs)
    none = np.zeros(0, dtype=np.intp)
    return replace(whole, node_offsets=none, arc_offsets=none)


def empty_path(graph: Graph) -> Graph:
    """The graph of one path without labels, at energy 0, over the labels of another."""
    none = np.zeros(0, dtype=np.intp)
    return Graph(none, none, none, none, np.zeros(0), np.zeros(1), np.zeros(1), graph.labels)


def optional(graph: Graph) -> Graph:
    """The graph, or nothing at energy 0. A graph that accepts the empty sequence by itself is left as it is."""
    return graph if accepts_empty(graph) else alternatives([graph, empty_path(graph)])


def weighted(graph: Graph, energy: float) -> Graph:
    """The graph with an energy added to every path."""
    return replace(graph, start=graph.start + energy)


def silent_arcs(graph: Graph) -> BoolArray:
    """(arcs,) true where an arc has neither an input nor an output."""
    silent: BoolArray = (graph.ilabel == EPSILON) & (graph.olabel == EPSILON)
    return silent


def accepts_empty(graph: Graph) -> bool:
    """True if some path has no labels at all."""
    silent = silent_arcs(graph)
    found = reachable(graph.src[silent], graph.dst[silent], graph.starts, graph.nodes)
    return bool(found[graph.finals].any())


def repeated(graph: Graph) -> Graph:
    """The graph once or more often, a path for every row of its paths.

    Raises UsageError for a graph that accepts the empty sequence: infinitely many paths would then say the same.
    """
    if accepts_empty(graph):
        raise UsageError("it accepts the empty sequence, so repeating it would give infinitely many paths for each")
    starts, finals = graph.starts, graph.finals
    if len(starts) * len(finals) <= len(starts) + len(finals):
        tails, heads = np.repeat(finals, len(starts)), np.tile(starts, len(finals))
        energy = graph.final[tails] + graph.start[heads]
        return epsilon_free(_with_silent(graph, tails, heads, energy, 0))
    between = np.full(len(finals), graph.nodes), np.full(len(starts), graph.nodes)
    tails, heads = np.concatenate([finals, between[1]]), np.concatenate([between[0], starts])
    energy = np.concatenate([graph.final[finals], graph.start[starts]])
    return epsilon_free(_with_silent(graph, tails, heads, energy, 1))


def _with_silent(graph: Graph, tails: IntArray, heads: IntArray, energy: FloatArray, more: int) -> Graph:
    """The graph with epsilon arcs, and `more` nodes that are neither start nor final."""
    none, idle = np.zeros(len(tails), dtype=np.intp), np.full(more, np.inf)
    return Graph(
        np.concatenate([graph.src, tails]),
        np.concatenate([graph.dst, heads]),
        np.concatenate([graph.ilabel, none]),
        np.concatenate([graph.olabel, none]),
        np.concatenate([graph.energy, energy]),
        np.concatenate([graph.start, idle]),
        np.concatenate([graph.final, idle]),
        graph.labels,
    )


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
    ways = _silent_ways(graph, np.flatnonzero(silent), most)
    if ways is None:
        return graph
    leaving: list[list[int]] = [[] for _ in range(graph.nodes)]
    tails, heads = graph.src.tolist(), graph.dst.tolist()
    for arc in np.flatnonzero(~silent).tolist():
        leaving[tails[arc]].append(arc)
    entered = {*graph.starts.tolist(), *graph.dst[~silent].tolist()}
    if sum(len(leaving[node]) for tail in entered for node, _ in ways[tail]) > most:
        return graph
    inputs, outputs, energies = graph.ilabel.tolist(), graph.olabel.tolist(), graph.energy.tolist()
    arcs: list[Arc] = [
        (tail, heads[arc], inputs[arc], outputs[arc], energies[arc] + before)
        for tail in sorted(entered)
        for node, before in ways[tail]
        for arc in leaving[node]
    ]
    return _ended(graph, arcs, ways, entered)


def _silent_ways(graph: Graph, silent: IntArray, most: int) -> list[list[tuple[int, float]]] | None:
    """Node -> (node, energy) of each way from it by epsilon arcs alone, itself first; None if too many, or a cycle."""
    following: list[list[tuple[int, float]]] = [[] for _ in range(graph.nodes)]
    waits = np.zeros(graph.nodes, dtype=np.intp)
    preceding: list[list[int]] = [[] for _ in range(graph.nodes)]
    for tail, head, energy in zip(*(column[silent].tolist() for column in (graph.src, graph.dst, graph.energy))):
        following[tail].append((head, energy))
        preceding[head].append(tail)
        waits[tail] += 1
    ways: list[list[tuple[int, float]]] = [[] for _ in range(graph.nodes)]
    ready = np.flatnonzero(waits == 0).tolist()
    done = total = 0
    while ready:
        node = ready.pop()
        done += 1
        ways[node] = [(node, 0.0)]
        ways[node] += [(end, energy + rest) for head, energy in following[node] for end, rest in ways[head]]
        total += len(ways[node])
        if total > most + graph.nodes:
            return None
        for tail in preceding[node]:
            waits[tail] -= 1
            if not waits[tail]:
                ready.append(tail)
    return ways if done == graph.nodes else None


def _ended(graph: Graph, arcs: list[Arc], ways: list[list[tuple[int, float]]], entered: set[int]) -> Graph:
    """The graph of these arcs, with every way to end at a node.

    A node has one final energy. Where there are several ways to end, arcs to it are doubled for each: to a last node.
    """
    column = graph.final.tolist()
    final: dict[int, float] = {}
    several: dict[int, list[float]] = {}
    for node in entered:
        ends = [before + column[end] for end, before in ways[node] if np.isfinite(column[end])]
        if len(ends) == 1:
            final[node] = ends[0]
        elif ends:
            several[node] = ends
    start = {node: float(graph.start[node]) for node in graph.starts.tolist()}
    last, nodes = graph.nodes, graph.nodes + 1
    final[last] = 0.0
    arcs += [
        (tail, last, one, other, energy + end)
        for tail, head, one, other, energy in arcs
        for end in several.get(head, ())
    ]
    for node in [node for node in start if node in several]:
        for end in several[node]:
            start[nodes] = start[node] + end
            final[nodes] = 0.0
            nodes += 1
    return graph_of(arcs, start, final, nodes, graph.labels)

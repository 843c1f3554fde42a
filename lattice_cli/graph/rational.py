"""Operations on grammars that keep their paths: side by side, repeated, optional, without epsilon.

A sum over a grammar counts its paths, so each operation says what becomes of them: one path of the result for each
choice of paths of its parts, labels and energies alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray
from lattice_cli.errors import UsageError
from lattice_cli.graph.connect import reachable
from lattice_cli.graph.construct import with_more_arcs, without_any_arcs
from lattice_cli.graph.epsilon_removal import epsilon_free, silent_arcs
from lattice_cli.graph.graph import Graph
from lattice_cli.graph.unions import union


def alternatives(graphs: Sequence[Graph]) -> Graph:
    """One graph with the paths of all of them: side by side, without an epsilon, with a start node for each."""
    whole = union(graphs)
    return replace(whole, node_offsets=NO_INDICES, arc_offsets=NO_INDICES)


def optional(graph: Graph) -> Graph:
    """The graph, or nothing at energy 0. A graph that accepts the empty sequence by itself is left as it is."""
    return graph if accepts_empty(graph) else alternatives([graph, without_any_arcs(graph.labels, 1)])


def weighted(graph: Graph, energy: float) -> Graph:
    """The graph with an energy added to every path."""
    return replace(graph, start=graph.start + energy)


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
    ends = np.append(graph.start, idle), np.append(graph.final, idle)
    return with_more_arcs(graph, (tails, heads, none, none, energy), *ends)

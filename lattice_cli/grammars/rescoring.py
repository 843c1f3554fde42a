"""Compositions whose outputs are judged by scorers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, KeyIndex, group_by, in_range
from lattice_cli.composition import Composition
from lattice_cli.grammars.scorer import Scorer
from lattice_cli.graph import EPSILON, Graph, nodes_on_paths, restricted


def rescored(whole: Composition, scorer: Scorer) -> Composition:
    """The composition, its outputs judged by a scorer: a node for each pair of a node and a history that is met.

    Provenance is that of the composition; what the scorer takes is part of the energies of arcs that output, and of
    final nodes.
    """
    graph = whole.graph
    leaving = group_by(graph.src, graph.nodes)
    numbering = KeyIndex(graph.nodes * scorer.histories)
    frontier, fresh = numbering.number(graph.starts * scorer.histories + scorer.first)
    found = [fresh]
    tails: list[IntArray] = []
    heads: list[IntArray] = []
    arcs: list[IntArray] = []
    energies: list[FloatArray] = []
    first = 0
    while len(fresh):
        node, history = np.divmod(fresh, scorer.histories)
        arc, counts = leaving.rows(node)
        tail, after = np.repeat(np.arange(len(node)) + first, counts), np.repeat(history, counts)
        energy = graph.energy[arc].copy()
        spoken = np.flatnonzero(graph.olabel[arc] != EPSILON)
        spent, after[spoken] = scorer.step(after[spoken], graph.olabel[arc[spoken]])
        with in_range("the energy of an arc and a scorer's"):
            energy[spoken] += spent
        possible = np.isfinite(energy)
        first += len(fresh)
        head, fresh = numbering.number((graph.dst[arc] * scorer.histories + after)[possible])
        found.append(fresh)
        tails.append(tail[possible])
        heads.append(head)
        arcs.append(arc[possible])
        energies.append(energy[possible])
    node, history = np.divmod(np.concatenate(found), scorer.histories)
    start = np.full(len(node), np.inf)
    start[frontier] = graph.start[graph.starts]
    return _judged(whole, node, start, graph.final[node] + scorer.ending(history), tails, heads, arcs, energies)


def _judged(
    whole: Composition,
    node: IntArray,
    start: FloatArray,
    final: FloatArray,
    tails: Sequence[IntArray],
    heads: Sequence[IntArray],
    arcs: Sequence[IntArray],
    energies: Sequence[FloatArray],
) -> Composition:
    """The trimmed composition of these nodes and arcs."""
    arc = np.concatenate([NO_INDICES, *arcs])
    graph = Graph(
        np.concatenate([NO_INDICES, *tails]),
        np.concatenate([NO_INDICES, *heads]),
        whole.graph.ilabel[arc],
        whole.graph.olabel[arc],
        np.concatenate([np.zeros(0), *energies]),
        start,
        final,
        whole.graph.labels,
    )
    trimmed, nodes, kept = restricted(graph, nodes_on_paths(graph))
    arc, node = arc[kept], node[nodes]
    return replace(
        whole,
        graph=trimmed,
        left_arc=whole.left_arc[arc],
        right_arc=whole.right_arc[arc],
        left_node=whole.left_node[node],
        right_node=whole.right_node[node],
    )

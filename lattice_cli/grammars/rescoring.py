"""Graphs composed with grammars that are asked: as much of these becomes a graph as the outputs reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, KeyIndex, distinct, group_by, in_range
from lattice_cli.composition import ADD, Composition
from lattice_cli.grammars.scorer import Scorer
from lattice_cli.graph import EPSILON, Graph, nodes_on_paths, restricted


class TooManyArcs(Exception):
    """A composition that is larger than it may be."""


def judged(graph: Graph, scorer: Scorer, most: int | None = None) -> tuple[Composition, IntArray]:
    """A graph composed with a scorer: a node for each pair of a node and a history that is met.

    The right side has a node for each history that is left, and an arc for each word after it; energies are added. Also
    gives (right nodes,) those histories. Raises TooManyArcs where more than `most` arcs are reached.
    """
    leaving = group_by(graph.src, graph.nodes)
    numbering = KeyIndex(graph.nodes * scorer.histories)
    frontier, fresh = numbering.number(graph.starts * scorer.histories + scorer.first)
    found = [fresh]
    tails: list[IntArray] = []
    heads: list[IntArray] = []
    arcs: list[IntArray] = []
    energies: list[FloatArray] = []
    first = reached = 0
    while len(fresh):
        node, history = np.divmod(fresh, scorer.histories)
        arc, counts = leaving.rows(node)
        tail, after = np.repeat(np.arange(len(node)) + first, counts), np.repeat(history, counts)
        spoken = np.flatnonzero(graph.olabel[arc] != EPSILON)
        spent = np.zeros(len(arc))
        spent[spoken], after[spoken] = scorer.step(after[spoken], graph.olabel[arc[spoken]])
        possible = np.isfinite(spent)
        first += len(fresh)
        head, fresh = numbering.number((graph.dst[arc] * scorer.histories + after)[possible])
        found.append(fresh)
        tails.append(tail[possible])
        heads.append(head)
        arcs.append(arc[possible])
        energies.append(spent[possible])
        reached += len(head)
        if most is not None and reached > most:
            raise TooManyArcs
    node, history = np.divmod(np.concatenate(found), scorer.histories)
    start = np.full(len(node), np.inf)
    start[frontier] = graph.start[graph.starts]
    return _trimmed(graph, scorer, node, history, start, tails, heads, arcs, energies)


def _trimmed(
    graph: Graph,
    scorer: Scorer,
    node: IntArray,
    history: IntArray,
    start: FloatArray,
    tails: Sequence[IntArray],
    heads: Sequence[IntArray],
    arcs: Sequence[IntArray],
    energies: Sequence[FloatArray],
) -> tuple[Composition, IntArray]:
    """The composition of these pairs and arcs, as far as they are on paths."""
    arc, spent = np.concatenate([NO_INDICES, *arcs]), np.concatenate([np.zeros(0), *energies])
    ending = scorer.ending(history)
    with in_range("the energy of an arc and a scorer's"):
        energy, final = graph.energy[arc] + spent, graph.final[node] + ending
    src, dst = np.concatenate([NO_INDICES, *tails]), np.concatenate([NO_INDICES, *heads])
    whole = Graph(src, dst, graph.ilabel[arc], graph.olabel[arc], energy, start, final, graph.labels)
    trimmed, nodes, kept = restricted(whole, nodes_on_paths(whole))
    arc, spent, node, history, ending = arc[kept], spent[kept], node[nodes], history[nodes], ending[nodes]
    histories, first = distinct(history), np.unique(history, return_index=True)[1]
    number = np.searchsorted(histories, history)
    word = trimmed.olabel
    spoken = np.flatnonzero(word != EPSILON)
    _, representative, of_key = np.unique(
        number[trimmed.src[spoken]] * len(graph.labels) + word[spoken], return_index=True, return_inverse=True
    )
    said = spoken[representative]
    right_arc = np.full(trimmed.arcs, -1, dtype=np.intp)
    right_arc[spoken] = of_key.reshape(-1)
    right = Graph(
        number[trimmed.src[said]],
        number[trimmed.dst[said]],
        word[said],
        word[said],
        spent[said],
        np.where(histories == scorer.first, 0.0, np.inf),
        ending[first],
        graph.labels,
    )
    return Composition(graph, right, ADD, trimmed, arc, right_arc, node, number, None), histories

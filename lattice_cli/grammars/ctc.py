"""The graph of connectionist temporal classification, and the same for alphabets of thousands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import IntArray, group_by, picked, run_starts, stable_order
from lattice_cli.graph import EPSILON, Arc, Graph, Labels, end_energies, graph_of

#: Children of a node in the tree of labels: each step by epsilon leaves a quarter of the labels to choose from.
_BRANCHES = 4


def ctc_topology(labels: Labels, blank: int) -> Graph:
    """Alignments to outputs: repeats of a label merge unless the blank stands between, and the blank is not output.

    Node k is "the last frame was label k", with the blank's node as start; entering a node by another label outputs it.
    Each alignment has one path, so sums over alignments are right (Graves et al. 2006). `blank` is an index in labels.
    """
    classes = np.arange(1, len(labels), dtype=np.intp)
    last, now = (grid.ravel() for grid in np.meshgrid(classes, classes, indexing="ij"))
    silent = (now == blank) | (now == last)
    start = end_energies(len(classes), {blank - 1: 0.0})
    output = np.where(silent, EPSILON, now)
    return Graph(last - 1, now - 1, now, output, np.zeros(len(now)), start, np.zeros(len(classes)), labels)


def ctc_tree(labels: Labels, blank: int) -> Graph:
    """The same alignments and outputs, one path each, with about 10 arcs a label instead of one for each pair.

    "Any label but the last" is what takes pairs. Labels are leaves of a tree; from the node of a label, epsilon arcs
    lead up, and from each node on the way down into the branches that the way up did not come from: those cover every
    other label once. The price is a few epsilon arcs a frame, twice the height of the tree at most.
    """
    others = [label for label in range(1, len(labels)) if label != blank]
    hub, nodes = 0, 1 + len(others)
    arcs: list[Arc] = [(hub, hub, blank, EPSILON, 0.0)]
    #: Of each node of a level of the tree: where its labels may be said, and where all others may be.
    within: list[int] = []
    outside = list(range(1, nodes))
    for state, label in enumerate(others, 1):
        arcs += [(state, state, label, EPSILON, 0.0), (state, hub, blank, EPSILON, 0.0)]
        arcs.append((nodes, state, label, label, 0.0))
        within.append(nodes)
        nodes += 1
    while len(within) > 1:
        upper = range(0, len(within), _BRANCHES)
        last = len(upper) == 1
        for first in upper:
            branches = range(first, min(first + _BRANCHES, len(within)))
            for branch in branches:
                arcs.append((nodes, within[branch], EPSILON, EPSILON, 0.0))
                arcs += [
                    (outside[branch], within[other], EPSILON, EPSILON, 0.0) for other in branches if other != branch
                ]
                if not last:
                    arcs.append((outside[branch], nodes + 1, EPSILON, EPSILON, 0.0))
            nodes += 2
        outside = [nodes - 2 * len(upper) + 2 * place + 1 for place in range(len(upper))]
        within = [nodes - 2 * len(upper) + 2 * place for place in range(len(upper))]
    arcs += [(hub, top, EPSILON, EPSILON, 0.0) for top in within]
    final = dict.fromkeys(range(1 + len(others)), 0.0)
    return graph_of(arcs, {hub: 0.0}, final, nodes, labels)


@dataclass(frozen=True, eq=False)
class CtcExpansion:
    """The decoding graph. arc_of: (arcs,) the grammar's arc, -1 for a blank or a repeat. node_of: (nodes,) the
    grammar's node."""

    graph: Graph
    arc_of: IntArray
    node_of: IntArray


def ctc_expansion(grammar: Graph, blank: int) -> CtcExpansion:
    """The decoding graph of a grammar without input epsilons. blank: an index in its labels. Outputs stay."""
    usable = np.flatnonzero(grammar.ilabel != blank)
    label, nodes = grammar.ilabel[usable], grammar.nodes
    key = grammar.dst[usable] * len(grammar.labels) + label
    order = stable_order(key)
    first = run_starts(key[order])
    entry = np.empty(len(key), dtype=np.intp)  # the node that each arc enters
    entry[order] = nodes + np.repeat(np.arange(len(first)), np.diff(np.append(first, len(key))))
    entered, said = grammar.dst[usable][order[first]], label[order[first]]
    behind = nodes + np.arange(len(first))
    # Behind a label: the arcs of its node that take another one.
    rows, counts = group_by(grammar.src[usable], nodes).rows(entered)
    tail, last = np.repeat(behind, counts), np.repeat(said, counts)
    other = label[rows] != last
    tail, rows = tail[other], rows[other]
    everywhere, none = np.arange(nodes), np.full(nodes + 2 * len(first), -1, dtype=np.intp)
    blanks = np.full(nodes, blank, dtype=np.intp)
    arc_of = np.concatenate([usable, usable[rows], none])
    graph = Graph(
        np.concatenate([grammar.src[usable], tail, everywhere, behind, behind]),
        np.concatenate([entry, entry[rows], everywhere, behind, entered]),
        np.concatenate([label, label[rows], blanks, said, np.full(len(first), blank, dtype=np.intp)]),
        picked(grammar.olabel, arc_of, EPSILON),
        picked(grammar.energy, arc_of, 0.0),
        np.append(grammar.start, np.full(len(first), np.inf)),
        np.append(grammar.final, grammar.final[entered]),
        grammar.labels,
    )
    return CtcExpansion(graph, arc_of, np.append(everywhere, entered))

"""CTC and a grammar as one machine, made directly rather than by composing the topology of all labels with it.

Behind a blank any arc of the grammar may be taken; behind a label those that do not take the same label again, for
repeats of a label are one. So a node of the grammar becomes one node "behind a blank" and one for each label that arcs
enter it by. This is the composition of the CTC topology (Graves et al. 2006) with the grammar, path by path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.graph import EPSILON, Graph, IntArray
from lattice_cli.graph.segments import group_by, run_starts, stable_order


@dataclass(frozen=True, eq=False)
class CtcMachine:
    """The machine. arc_of: (arcs,) the grammar's arc, -1 for a blank or a repeat. node_of: (nodes,) the grammar's
    node."""

    graph: Graph
    arc_of: IntArray
    node_of: IntArray


def ctc_machine(grammar: Graph, blank: int) -> CtcMachine:
    """The machine of a grammar without input epsilons; blank: an index in its labels. Outputs are the grammar's."""
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
        np.append(grammar.olabel, EPSILON)[arc_of],
        np.append(grammar.energy, 0.0)[arc_of],
        np.append(grammar.start, np.full(len(first), np.inf)),
        np.append(grammar.final, grammar.final[entered]),
        grammar.labels,
    )
    return CtcMachine(graph, arc_of, np.append(everywhere, entered))

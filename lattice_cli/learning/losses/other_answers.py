"""The best path of each record with another answer than its own, of matrices and a grammar whose product is too large
to be built.

Mostly it is the best path of all. Only where that has the answer itself, the record is searched once more, through the
grammar without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.composition import Composition
from lattice_cli.emissions import product_best
from lattice_cli.graph import Graph, Target, TargetGraph, with_columns
from lattice_cli.learning.losses.path_sets import OnePath, ProductPathSet, Pull, longer_columns, said
from lattice_cli.sweep import Semiring


@dataclass(frozen=True, eq=False)
class OtherAnswers:
    """whole: all paths, of records of one row at least. targets: the right answers of each record; others: the grammar
    with all answers but these."""

    whole: ProductPathSet
    targets: Sequence[tuple[Target, ...] | TargetGraph]
    others: Callable[[tuple[Target, ...] | TargetGraph], Composition]

    def solve(self, left: FloatArray, right: FloatArray, semiring: Semiring) -> tuple[FloatArray, Pull]:
        """See PathSet; of the least energies, whatever the semiring."""
        whole, grammar = self.whole, self.whole.grammar
        emissions = left.reshape(-1, whole.classes)
        ends = np.cumsum(whole.lengths).tolist()
        totals = np.full(len(ends), np.inf)
        paid: list[tuple[IntArray, IntArray]] = []
        for record, (end, path) in enumerate(zip(ends, whole.best(left, right))):
            rows = np.arange(end - whole.lengths[record], end)
            if path is None:
                paid.append((rows[:0], rows[:0]))
                continue
            graph, columns = grammar, whole.columns
            arc_of, node_of = np.arange(grammar.arcs), np.arange(grammar.nodes)
            if said(grammar, np.array(path.arcs, dtype=np.intp)) in self.targets[record]:
                inner = self.others(self.targets[record])
                graph, arc_of, node_of = inner.graph, inner.left_arc, inner.left_node
                columns = longer_columns(columns, len(graph.labels))
                at = with_columns(graph, _energies(graph, _places(graph, grammar, arc_of, node_of), right))
                (path,) = product_best(emissions[rows], np.array([len(rows)]), at, columns)
                if path is None:
                    paid.append((rows[:0], rows[:0]))
                    continue
            totals[record] = path.energy
            arcs = np.array(path.arcs, dtype=np.intp)
            first, last = node_of[graph.src[arcs[0]]], node_of[graph.dst[arcs[-1]]]
            own = grammar.arcs + np.array([first, grammar.nodes + last])
            of_rows = rows * whole.classes + columns[graph.ilabel[arcs]]
            paid.append((np.append(of_rows, [-1, -1]), np.append(arc_of[arcs], own)))
        none = np.zeros(0, dtype=np.intp)
        record_of = np.repeat(np.arange(len(paid)), [len(each) for each, _ in paid])
        lefts, rights = (np.concatenate([none, *side]) for side in zip(*paid)) if paid else (none, none)
        paths = OnePath(record_of, lefts, rights, np.zeros(len(lefts)), len(paid))
        return totals, lambda seed: paths.scattered(seed, len(left), len(right))


def _places(graph: Graph, grammar: Graph, arc_of: IntArray, node_of: IntArray) -> IntArray:
    """(columns of graph,) the column of the grammar that each energy is, -1 for a start or final that it has not."""
    start = np.where(np.isfinite(graph.start), grammar.arcs + node_of, -1)
    final = np.where(np.isfinite(graph.final), grammar.arcs + grammar.nodes + node_of, -1)
    return np.concatenate([arc_of, start, final])


def _energies(graph: Graph, places: IntArray, right: FloatArray) -> FloatArray:
    found: FloatArray = np.append(right, np.inf)[places]
    return found

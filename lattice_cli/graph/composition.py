"""Composition: the interpretation graph of a recognition graph and a grammar, and where each of its arcs came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.combine import ADD, Binary, Combine
from lattice_cli.graph.graph import EPSILON, BoolArray, FloatArray, Graph, IntArray, labelled_like
from lattice_cli.graph.pairs import Moves, Pairs, reach_pairs
from lattice_cli.graph.segments import group_by
from lattice_cli.graph.trim import restricted, trimmed


@dataclass(frozen=True, eq=False)
class Composition:
    """An interpretation graph with its provenance.

    left, right:          the two sides; the label table of the left begins with that of the right.
    graph:                the trimmed graph of pairs, energies combined by `combine`.
    left_arc, right_arc:  (arcs,) the arc of each side an interpretation arc came from, -1 for none.
    left_node, right_node: (nodes,) the pair that each node is.
    reached:              where the result is empty, every pair that was reached, so that it can be said why; else None.
    """

    left: Graph
    right: Graph
    combine: Combine
    graph: Graph
    left_arc: IntArray
    right_arc: IntArray
    left_node: IntArray
    right_node: IntArray
    reached: Pairs | None

    def left_gradient(self, gradient: FloatArray) -> FloatArray:
        """(left arcs,) gradient by the left energies, from a gradient by the interpretation arcs."""
        share = self._share(self.left_arc, self.combine.left_alone, self.combine.left_share)
        return _scatter(self.left_arc, gradient * share, self.left.arcs)

    def right_gradient(self, gradient: FloatArray) -> FloatArray:
        """(right arcs,) gradient by the right energies, from a gradient by the interpretation arcs."""
        share = self._share(self.right_arc, self.combine.right_alone, self.combine.right_share)
        return _scatter(self.right_arc, gradient * share, self.right.arcs)

    def _share(self, own: IntArray, alone: float, matched_share: Binary) -> FloatArray:
        share = np.full(len(own), alone)
        both = (self.left_arc >= 0) & (self.right_arc >= 0)
        share[both] = matched_share(self.left.energy[self.left_arc[both]], self.right.energy[self.right_arc[both]])
        return share


def _scatter(arc: IntArray, values: FloatArray, arcs: int) -> FloatArray:
    known = arc >= 0
    return np.bincount(arc[known], weights=values[known], minlength=arcs).astype(np.float64)


def compose(left: Graph, right: Graph, combine: Combine = ADD) -> Composition:
    """The interpretation graph left o right: left outputs against right inputs.

    Labels are compared as strings. Both graphs may have cycles, epsilons on either or both sides (each pair of paths
    counts once), and several starts and finals, whose energies are combined by the same operator. Neither is a union.
    """
    left = labelled_like(left, right.labels)
    pairs = reach_pairs(left, right)
    moves = pairs.moves
    start_pairs = np.arange(len(pairs.left_node)) < pairs.starts
    whole = Graph(
        moves.pair,
        pairs.head,
        _label_or_epsilon(left.ilabel, moves.left_arc),
        _label_or_epsilon(right.olabel, moves.right_arc),
        _combined_energies(left, right, moves, combine),
        _combined_ends(left.start[pairs.left_node], right.start[pairs.right_node], start_pairs, combine),
        _combined_ends(left.final[pairs.left_node], right.final[pairs.right_node], None, combine),
        left.labels,
    )
    graph, nodes, arcs = _trimmed(whole, pairs)
    return Composition(
        left,
        right,
        combine,
        graph,
        moves.left_arc[arcs],
        moves.right_arc[arcs],
        pairs.left_node[nodes],
        pairs.right_node[nodes],
        None if len(nodes) else pairs,
    )


def _trimmed(whole: Graph, pairs: Pairs) -> tuple[Graph, IntArray, IntArray]:
    """The pairs that lead to a final one, and the kept nodes and arcs.

    All pairs can be reached. Where every move leads to a later frontier (always, if one side has no cycle), one pass
    over the frontiers from the last to the first finds those that lead on.
    """
    depth = pairs.depth
    if not (depth[pairs.head] > depth[pairs.moves.pair]).all():
        return trimmed(whole)
    leads = np.isfinite(whole.final)
    by_frontier = group_by(depth[pairs.moves.pair], int(depth[-1]) + 1 if len(depth) else 0)
    for first, end in zip(by_frontier.offsets[-2::-1].tolist(), by_frontier.offsets[:0:-1].tolist()):
        moves = by_frontier.order[first:end]
        leads[pairs.moves.pair[moves[leads[pairs.head[moves]]]]] = True
    return restricted(whole, leads)


def _label_or_epsilon(label: IntArray, arc: IntArray) -> IntArray:
    """(moves,) the label of each arc; epsilon where there is no arc (-1)."""
    return np.append(label, EPSILON)[arc]


def _combined_energies(left: Graph, right: Graph, moves: Moves, combine: Combine) -> FloatArray:
    """(moves,) energies by the operator; a side that moves alone keeps its own or none, as the operator says."""
    if not len(moves.pair):
        return np.zeros(0)
    energy = np.empty(len(moves.pair))
    left_alone, right_alone = moves.right_arc < 0, moves.left_arc < 0
    both = ~(left_alone | right_alone)
    energy[both] = combine.matched(left.energy[moves.left_arc[both]], right.energy[moves.right_arc[both]])
    energy[left_alone] = combine.left_alone * left.energy[moves.left_arc[left_alone]]
    energy[right_alone] = combine.right_alone * right.energy[moves.right_arc[right_alone]]
    return energy


def _combined_ends(left: FloatArray, right: FloatArray, allowed: BoolArray | None, combine: Combine) -> FloatArray:
    """(pairs,) start or final energies: combined where both nodes have one (and it is allowed), else +inf."""
    both = np.isfinite(left) & np.isfinite(right)
    if allowed is not None:
        both &= allowed
    ends = np.full(len(left), np.inf)
    ends[both] = combine.matched(left[both], right[both])
    return ends

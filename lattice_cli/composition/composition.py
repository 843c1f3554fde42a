"""Composition: the interpretation graph of a recognition graph and a grammar, and where each of its arcs came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, picked
from lattice_cli.composition.combine import ADD, Binary, Combine
from lattice_cli.composition.pair_search import Moves, Pairs, reach_pairs
from lattice_cli.errors import NumericOverflow
from lattice_cli.graph import EPSILON, Graph, labelled_like, reachable, without_any_arcs


@dataclass(frozen=True, eq=False)
class Factor:
    """One of the graphs that a graph is composed of, and where its arcs and nodes are in that.

    arc: (arcs,) the factor's arc that each arc comes from, -1 for none. node: (nodes,) its node. weight: what its
    energies weigh in those of the composition, None where these are no weighted sums. shares: gives `share`.
    """

    graph: Graph
    arc: IntArray
    node: IntArray
    weight: float | None
    shares: Callable[[], FloatArray]

    @cached_property
    def share(self) -> FloatArray:
        """(arcs,) the derivative of each energy by that of the factor's arc."""
        return self.shares()

    def gradient(self, gradient: FloatArray) -> FloatArray:
        """(arcs of the factor,) gradient by its energies, from a gradient by those of the composition."""
        return _scatter(self.arc, gradient * self.share, self.graph.arcs)


@dataclass(frozen=True, eq=False)
class Composition:
    """An interpretation graph with its provenance.

    left, right:          the two sides; the label table of the left begins with that of the right.
    graph:                the trimmed graph of pairs, energies combined by `combine`.
    left_arc, right_arc:  (arcs,) the arc of each side an interpretation arc came from, -1 for none.
    left_node, right_node: (nodes,) the pair that each node is.
    reached:              where the result is empty, every pair that was reached, so that it can be said why; else None.
    left_is, right_is:    how that side was composed itself, None where it was not.
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
    left_is: Composition | None = None
    right_is: Composition | None = None

    def __getstate__(self) -> dict[str, Any]:
        """To another process it goes without its factors, which are made when they are asked for."""
        return {name: value for name, value in self.__dict__.items() if name not in ("factors", "first")}

    def left_gradient(self, gradient: FloatArray) -> FloatArray:
        """(left arcs,) gradient by the left energies, from a gradient by the interpretation arcs."""
        return _scatter(self.left_arc, gradient * self.left_share, self.left.arcs)

    def right_gradient(self, gradient: FloatArray) -> FloatArray:
        """(right arcs,) gradient by the right energies, from a gradient by the interpretation arcs."""
        return _scatter(self.right_arc, gradient * self.right_share, self.right.arcs)

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """The graphs that this one is composed of in the end, from left to right."""
        weights = self.combine.weights or (None, None)
        left = Factor(self.left, self.left_arc, self.left_node, weights[0], lambda: self.left_share)
        right = Factor(self.right, self.right_arc, self.right_node, weights[1], lambda: self.right_share)
        found: list[Factor] = []
        for side, composed in ((left, self.left_is), (right, self.right_is)):
            found += [side] if composed is None else [_through(side, inner) for inner in composed.factors]
        return tuple(found)

    @cached_property
    def first(self) -> Factor:
        """The first of the factors."""
        if self.left_is is None:
            weights = self.combine.weights
            return Factor(self.left, self.left_arc, self.left_node, weights and weights[0], lambda: self.left_share)
        return self.factors[0]

    @cached_property
    def left_share(self) -> FloatArray:
        """(arcs,) derivative of each energy by that of its left arc."""
        return self._share(self.left_arc, self.combine.left_alone, self.combine.left_share)

    @cached_property
    def right_share(self) -> FloatArray:
        """(arcs,) derivative of each energy by that of its right arc."""
        return self._share(self.right_arc, self.combine.right_alone, self.combine.right_share)

    def _share(self, own: IntArray, alone: float, matched_share: Binary) -> FloatArray:
        share = np.full(len(own), alone)
        both = (self.left_arc >= 0) & (self.right_arc >= 0)
        share[both] = matched_share(self.left.energy[self.left_arc[both]], self.right.energy[self.right_arc[both]])
        return share


def _through(side: Factor, inner: Factor) -> Factor:
    """A factor of a side, as one of the composition."""
    weight = None if side.weight is None or inner.weight is None else side.weight * inner.weight
    return Factor(
        inner.graph,
        picked(inner.arc, side.arc, -1),
        inner.node[side.node],
        weight,
        lambda: picked(inner.share, side.arc, 0.0) * side.share,
    )


def alone(graph: Graph) -> Composition:
    """A graph as the composition with a grammar that says nothing: all arcs and nodes are the left side's own."""
    empty = without_any_arcs(graph.labels, 1)
    arcs, nodes = np.arange(graph.arcs), np.arange(graph.nodes)
    return Composition(
        graph, empty, ADD, graph, arcs, np.full(graph.arcs, -1), nodes, np.zeros(graph.nodes, dtype=np.intp), None
    )


def then(before: Composition | Graph, right: Composition | Graph, combine: Combine = ADD) -> Composition:
    """What is composed of two sides that may be compositions themselves, and that it still knows."""
    left, left_is = (before, None) if isinstance(before, Graph) else (before.graph, before)
    right, right_is = (right, None) if isinstance(right, Graph) else (right.graph, right)
    return replace(compose(left, right, combine), left_is=left_is, right_is=right_is)


def _scatter(arc: IntArray, values: FloatArray, arcs: int) -> FloatArray:
    known = arc >= 0
    return np.bincount(arc[known], weights=values[known], minlength=arcs).astype(np.float64)


def compose(left: Graph, right: Graph, combine: Combine = ADD) -> Composition:
    """The interpretation graph left o right: left outputs against right inputs.

    Labels are compared as strings. Both graphs may have cycles, epsilons on either or both sides (each pair of paths
    counts once), and several starts and finals, whose energies are combined by the same operator. Neither is a union.
    """
    left = labelled_like(left, right)
    pairs = reach_pairs(left, right)
    leads = _leads_to_final(left, right, pairs)
    kept, moves, head = np.flatnonzero(leads), pairs.moves, pairs.head
    left_node, right_node = pairs.left_node, pairs.right_node
    if len(kept) < len(leads):
        # All pairs can be reached, so a move is on a path exactly if the pair it leads to is kept.
        on_path = np.flatnonzero(leads[head])
        new_index = np.cumsum(leads) - 1
        moves = Moves(new_index[moves.pair[on_path]], moves.left_arc[on_path], moves.right_arc[on_path])
        head = new_index[head[on_path]]
        left_node, right_node = left_node[kept], right_node[kept]
    graph = Graph(
        moves.pair,
        head,
        picked(left.ilabel, moves.left_arc, EPSILON),
        picked(right.olabel, moves.right_arc, EPSILON),
        _combined_energies(left, right, moves, combine),
        _combined_ends(left.start[left_node], right.start[right_node], kept < pairs.starts, combine),
        _combined_ends(left.final[left_node], right.final[right_node], None, combine),
        left.labels,
    )
    return Composition(
        left,
        right,
        combine,
        graph,
        moves.left_arc,
        moves.right_arc,
        left_node,
        right_node,
        None if len(kept) else pairs,
    )


def _leads_to_final(left: Graph, right: Graph, pairs: Pairs) -> BoolArray:
    """(pairs,) true where a pair leads to one that is final on both sides.

    Where every move leads to a later frontier (always, if one side has no cycle), one pass over the frontiers from the
    last to the first finds them.
    """
    final = np.isfinite(left.final[pairs.left_node]) & np.isfinite(right.final[pairs.right_node])
    tail, head = pairs.moves.pair, pairs.head
    if not pairs.onward:
        return reachable(head, tail, np.flatnonzero(final), len(final))
    for first, end in zip(pairs.fronts[-2::-1], pairs.fronts[:0:-1]):
        final[tail[first:end][final[head[first:end]]]] = True
    return final


def _combined_energies(left: Graph, right: Graph, moves: Moves, combine: Combine) -> FloatArray:
    """(moves,) energies by the operator; a side that moves alone keeps its own or none, as the operator says."""
    if not len(moves.pair):
        return np.zeros(0)
    left_alone, right_alone = moves.right_arc < 0, moves.left_arc < 0
    both = ~(left_alone | right_alone)
    if both.all():
        return _matched(left.energy[moves.left_arc], right.energy[moves.right_arc], combine)
    energy = np.empty(len(moves.pair))
    energy[both] = _matched(left.energy[moves.left_arc[both]], right.energy[moves.right_arc[both]], combine)
    energy[left_alone] = combine.left_alone * left.energy[moves.left_arc[left_alone]]
    energy[right_alone] = combine.right_alone * right.energy[moves.right_arc[right_alone]]
    return energy


def _combined_ends(left: FloatArray, right: FloatArray, allowed: BoolArray | None, combine: Combine) -> FloatArray:
    """(pairs,) start or final energies: combined where both nodes have one (and it is allowed), else +inf."""
    both = np.isfinite(left) & np.isfinite(right)
    if allowed is not None:
        both &= allowed
    ends = np.full(len(left), np.inf)
    ends[both] = _matched(left[both], right[both], combine)
    return ends


def _matched(left: FloatArray, right: FloatArray, combine: Combine) -> FloatArray:
    """Energies of both sides as one. Raises NumericOverflow, with those that are too large."""
    with np.errstate(over="ignore"):
        energy = combine.matched(left, right)
    if not np.isfinite(energy).all():
        pair = int(np.flatnonzero(~np.isfinite(energy))[0])
        both = f"{left[pair]:g} of the graph and {right[pair]:g} of the grammar"
        raise NumericOverflow(f"energies of two arcs or nodes, {both}, add up beyond the range of float64")
    return energy

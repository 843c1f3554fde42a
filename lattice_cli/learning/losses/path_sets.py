"""The paths a loss is made of, for a batch of records, at energies that change from step to step.

A space is what does not change: the interpretation graphs and where each of their energies comes from, the recogniser
("left") or the grammar ("right"). It is solved at given energies, and its pullback goes to both sides through
provenance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray, IntArray, picked
from lattice_cli.composition import Composition
from lattice_cli.emissions import Unrolled, product_best
from lattice_cli.emissions.product_sweep import ProductPath, product_sweep
from lattice_cli.graph import Graph, union, with_columns
from lattice_cli.search import best_paths
from lattice_cli.sweep import Schedule, Semiring, schedule_of, sweep

#: Rows that go through a grammar in a training, at least: many batches of some records. It does not depend on how
#: records are put together, so that a record is the same in any batch.
_WALKS = 1000
_Value = TypeVar("_Value", bound="np.generic[Any]")
#: (records,) seeds -> derivative of sum(seed * totals) by the left and by the right energies.
Pull: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


class PathSet(Protocol):
    """Paths of a batch of records."""

    def solve(self, left: FloatArray, right: FloatArray, semiring: Semiring) -> tuple[FloatArray, Pull]:
        """(records,) energy of all paths of each record, +inf where it has none, and the way back.

        left: the recogniser's energies; right: (columns,) those of the grammar, as `columns_of` orders them.
        """


class AllPaths(PathSet, Protocol):
    """All paths of a batch of records."""

    def answers(self, left: FloatArray, right: FloatArray) -> list[tuple[str, ...] | None]:
        """What the best path of each record says, None where it has no path."""


class SpelledPaths(PathSet, Protocol):
    """The paths of each record that spell one answer."""

    @property
    def empty(self) -> list[int]:
        """Records without a path."""


@dataclass(frozen=True, eq=False)
class BuiltPathSet:
    """Interpretation graphs that are built, as one union; every arc and node is on a path.

    left, right: (arcs + 2 nodes,) the recogniser's and the grammar's energy that is part of each arc, start and final
    energy, -1 for none. fixed: the rest of it.
    """

    graph: Graph
    left: IntArray
    right: IntArray
    fixed: FloatArray

    @property
    def empty(self) -> list[int]:
        """See SpelledPaths."""
        return [int(number) for number in np.flatnonzero(np.diff(self.graph.node_offsets) == 0)]

    @cached_property
    def schedule(self) -> Schedule:
        """The order of evaluation, which energies do not change."""
        return schedule_of(self.graph)

    @cached_property
    def backward_schedule(self) -> Schedule:
        """The order of evaluation from the end."""
        return schedule_of(self.graph.reversed())

    def at(self, left: FloatArray, right: FloatArray) -> Graph:
        """The union at these energies."""
        energy = self.fixed + picked(left, self.left, 0.0)
        energy += picked(right, self.right, 0.0)
        return with_columns(self.graph, energy)

    def proposal(self, left: FloatArray) -> Graph:
        """The union at these energies of recognition arcs alone: a distribution over its paths."""
        fixed = np.where(np.isfinite(self.fixed), 0.0, np.inf)
        return with_columns(self.graph, fixed + picked(left, self.left, 0.0))

    def solve(self, left: FloatArray, right: FloatArray, semiring: Semiring) -> tuple[FloatArray, Pull]:
        """See PathSet."""
        paid = self._paid
        if paid is not None:
            totals = paid.totals(left, right)
            if np.isfinite(totals).all():  # else the sweep will say what is wrong
                return totals, lambda seed: paid.scattered(seed, len(left), len(right))
        swept = sweep(self.at(left, right), semiring, self.schedule)

        def pull(seed: FloatArray) -> tuple[FloatArray, FloatArray]:
            found = swept.pullback(seed)
            return self.scattered(np.concatenate([found.arcs, found.start, found.final]), len(left), len(right))

        return swept.totals, pull

    def answers(self, left: FloatArray, right: FloatArray) -> list[tuple[str, ...] | None]:
        """See AllPaths."""
        whole = self.at(left, right)
        firsts = whole.arc_offsets[:-1].tolist()
        return [
            None if path is None else said(whole, first + np.array(path.arcs, dtype=np.intp))
            for first, path in zip(firsts, best_paths(whole))
        ]

    @cached_property
    def _paid(self) -> OnePath | None:
        """What is paid, if each record has one path, as in a grammar in which an answer has one; else None."""
        graph = self.graph
        arcs, nodes = np.diff(graph.arc_offsets), np.diff(graph.node_offsets)
        if not len(nodes) or not nodes.all() or (arcs != nodes - 1).any():
            return None
        record = np.repeat(np.arange(graph.graphs), nodes)
        for energy, end in ((graph.start, graph.src), (graph.final, graph.dst)):
            if (np.bincount(record, np.isfinite(energy)) != 1).any() or (np.bincount(end) > 1).any():
                return None
        paid = np.flatnonzero(np.isfinite(self.fixed))
        of_column = np.concatenate([np.repeat(np.arange(graph.graphs), arcs), record, record])
        return OnePath(of_column[paid], self.left[paid], self.right[paid], self.fixed[paid], graph.graphs)

    def scattered(self, gradient: FloatArray, left: int, right: int) -> tuple[FloatArray, FloatArray]:
        """A gradient by the columns of the union as one by the left and one by the right energies."""
        return _scatter(self.left, gradient, left), _scatter(self.right, gradient, right)


@dataclass(frozen=True, eq=False)
class OnePath:
    """Records of one path each: sums, whatever the reducer. Of each energy that is paid, the record, and as in
    BuiltPathSet where it comes from."""

    record: IntArray
    left: IntArray
    right: IntArray
    fixed: FloatArray
    records: int

    def totals(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """(records,)"""
        paid = self.fixed + picked(left, self.left, 0.0)
        paid += picked(right, self.right, 0.0)
        return np.bincount(self.record, paid, self.records).astype(np.float64)

    def scattered(self, seed: FloatArray, left: int, right: int) -> tuple[FloatArray, FloatArray]:
        """Derivative of sum(seed * totals) by the left and the right energies."""
        spread = seed[self.record]
        return _scatter(self.left, spread, left), _scatter(self.right, spread, right)


def _scatter(index: IntArray, values: FloatArray, size: int) -> FloatArray:
    """(size,) sums of values by index; index -1 is dropped."""
    return np.bincount(index + 1, values, size + 1)[1:].astype(np.float64)


@dataclass(frozen=True, eq=False)
class ProductPathSet:
    """Emissions x grammar, not built: the left energies are rows of classes. columns: (labels,) class of each label."""

    grammar: Graph
    lengths: IntArray
    columns: IntArray
    classes: int

    def solve(self, left: FloatArray, right: FloatArray, semiring: Semiring) -> tuple[FloatArray, Pull]:
        """See PathSet."""
        emissions = left.reshape(-1, self.classes)
        grammar = with_columns(self.grammar, right)
        swept = product_sweep(emissions, self.lengths, grammar, self.columns, semiring, _WALKS)

        def pull(seed: FloatArray) -> tuple[FloatArray, FloatArray]:
            found = swept.pullback(seed)
            return found.emissions.reshape(-1), np.concatenate([found.arcs, found.start, found.final])

        return swept.totals, pull

    def answers(self, left: FloatArray, right: FloatArray) -> list[tuple[str, ...] | None]:
        """See AllPaths."""
        found = self.best(left, right)
        return [None if path is None else said(self.grammar, np.array(path.arcs, dtype=np.intp)) for path in found]

    def best(self, left: FloatArray, right: FloatArray) -> list[ProductPath | None]:
        """The best path of each record."""
        grammar = with_columns(self.grammar, right)
        return product_best(left.reshape(-1, self.classes), self.lengths, grammar, self.columns, _WALKS)


def longer_columns(columns: IntArray, labels: int) -> IntArray:
    """(labels,) classes for the table of a composition: it has the grammar's at its front, and what targets add to it
    has no class."""
    return np.concatenate([columns, np.full(labels - len(columns), -1)])


def said(graph: Graph, arcs: IntArray) -> tuple[str, ...]:
    """The output labels of arcs, epsilon left out."""
    return tuple(graph.words(graph.olabel[arcs].tolist()))


def path_set_of_steps(
    unrolled: Unrolled, grammar: Graph, within: Sequence[Composition], member: IntArray
) -> BuiltPathSet:
    """The space of emissions unrolled through `within[member]`, graphs composed from the grammar as their left side."""
    arcs = _of_members(unrolled.arc, unrolled.graph.arc_offsets, [each.left_arc for each in within], member)
    nodes = _of_members(unrolled.node, unrolled.graph.node_offsets, [each.left_node for each in within], member)
    fixed = [_of_right(each) for each in within]
    own = _Fixed(
        _of_members(unrolled.arc, unrolled.graph.arc_offsets, [each.arcs for each in fixed], member),
        _of_members(unrolled.node, unrolled.graph.node_offsets, [each.start for each in fixed], member),
        _of_members(unrolled.node, unrolled.graph.node_offsets, [each.final for each in fixed], member),
    )
    return _space(unrolled.graph, unrolled.emission, arcs, nodes, grammar, own)


class _Fixed(NamedTuple):
    """Energies of arcs, starts and finals that do not change: those of right answers, and of a record's ends."""

    arcs: FloatArray
    start: FloatArray
    final: FloatArray


def _of_right(within: Composition) -> _Fixed:
    """What the right side of a composition adds to it."""
    right, node = within.right, within.right_node
    return _Fixed(picked(right.energy, within.right_arc, 0.0), right.start[node], right.final[node])


def _of_members(own: IntArray, offsets: IntArray, maps: Sequence[NDArray[_Value]], member: IntArray) -> NDArray[_Value]:
    """Each entry through the map of its record's member."""
    sizes = np.array([len(each) for each in maps], dtype=np.intp)
    first = (np.cumsum(sizes) - sizes)[member]
    every: Any = np.concatenate(maps) if maps else np.zeros(0, dtype=np.intp)
    found: NDArray[_Value] = every[own + np.repeat(first, np.diff(offsets))]
    return found


def path_set_of_graphs(
    records: Sequence[Composition], within: Sequence[Composition | None], grammar: Graph, first: IntArray
) -> BuiltPathSet:
    """The space of recognition graphs composed with the grammar, or with graphs `within` made from it as left side.

    first: (records,) index of each record's first arc among the left energies.
    """
    lefts, arcs, nodes, fixed = [], [], [], []
    for record, inner, offset in zip(records, within, first.tolist()):
        lefts.append(np.where(record.left_arc < 0, -1, record.left_arc + offset))
        arc, node = record.right_arc, record.right_node
        arcs.append(arc if inner is None else picked(inner.left_arc, arc, -1))
        nodes.append(node if inner is None else inner.left_node[node])
        own = _Fixed(np.zeros(len(arc)), record.left.start[record.left_node], record.left.final[record.left_node])
        if inner is not None:
            more = _of_right(inner)
            start, final = own.start + more.start[node], own.final + more.final[node]
            own = _Fixed(picked(more.arcs, arc, 0.0), start, final)
        fixed.append(own)
    none = np.zeros(0, dtype=np.intp)
    whole = union([record.graph for record in records])
    left, arc, node = (np.concatenate([none, *parts]) for parts in (lefts, arcs, nodes))
    return _space(whole, left, arc, node, grammar, _Fixed(*map(np.concatenate, zip(_NOTHING, *fixed))))


#: Of no records.
_NOTHING = _Fixed(np.zeros(0), np.zeros(0), np.zeros(0))


def _space(graph: Graph, left: IntArray, arc: IntArray, node: IntArray, grammar: Graph, own: _Fixed) -> BuiltPathSet:
    """left: (arcs,) the recogniser's energy; arc, node: the grammar's."""
    nothing = np.full(len(node), -1)
    starts, finals = np.isfinite(graph.start), np.isfinite(graph.final)
    right = [
        arc,
        np.where(starts, grammar.arcs + node, -1),
        np.where(finals, grammar.arcs + grammar.nodes + node, -1),
    ]
    fixed = [own.arcs, np.where(starts, own.start, np.inf), np.where(finals, own.final, np.inf)]
    return BuiltPathSet(graph, np.concatenate([left, nothing, nothing]), np.concatenate(right), np.concatenate(fixed))

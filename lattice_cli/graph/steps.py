"""One step of emissions x grammar, for many records side by side, and its derivative.

A sparse step goes over the grammar's arcs. Where most pairs of states are joined (n-grams), sums over paths are a
product of matrices of exp(-beta e), energies taken relative to the least, which is some twenty times faster; it is used
only as far as no term can underflow, so both steps give the same numbers to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Protocol

import numpy as np

from lattice_cli.graph.graph import BoolArray, FloatArray, Graph, IntArray
from lattice_cli.graph.loops import loops_for
from lattice_cli.graph.reducers import Reducer, SoftMin
from lattice_cli.graph.segments import Runs, run_starts, stable_order

#: A matrix pays off where it has at most this many entries for each arc.
_ENTRIES_PER_ARC = 4
#: exp(-600) is far from the least float64, and so is its square from 0.
RANGE = 600.0
#: Energies of a sparse step at a time: 32 MB.
_BLOCK = 1 << 22


class Step(Protocol):
    """From energies (records, states) before a row of emissions, (records, classes), to those behind it."""

    def forward(self, alpha: FloatArray, rows: FloatArray) -> FloatArray:
        """(records, states) energies after the step, +inf where no path leads."""

    def pull(
        self, alpha: FloatArray, rows: FloatArray, flow: FloatArray, by_arc: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Derivatives by alpha and by rows, from those by the energies after the step; adds those by arc to by_arc."""


@dataclass(frozen=True, eq=False)
class SparseStep:
    """Arcs in the order of their heads, those of heads that several arcs enter before those of heads that one enters.

    heads, starts: the states that arcs enter and where their arcs begin. several: how many heads, and how many arcs are
    of the first kind: only those have anything to combine.
    """

    reducer: Reducer
    states: int
    arc: IntArray
    src: IntArray
    dst: IntArray
    column: IntArray
    energy: FloatArray
    starts: IntArray
    heads: IntArray
    several: tuple[int, int]
    loops: ModuleType | None = None

    @staticmethod
    def of(grammar: Graph, columns: IntArray, reducer: Reducer) -> SparseStep:
        """The step through the arcs whose label is a class."""
        usable = np.flatnonzero(columns[grammar.ilabel] >= 0)
        entering = np.bincount(grammar.dst[usable], minlength=grammar.nodes)
        alone = entering[grammar.dst[usable]] == 1
        arc = usable[stable_order(grammar.dst[usable] + grammar.nodes * alone)] if len(usable) else usable
        dst = grammar.dst[arc]
        starts = run_starts(dst)
        several = int((entering > 1).sum()), len(usable) - int(alone.sum())
        return SparseStep(
            reducer,
            grammar.nodes,
            arc,
            grammar.src[arc],
            dst,
            columns[grammar.ilabel[arc]],
            grammar.energy[arc],
            starts,
            dst[starts],
            several,
            loops_for(grammar),
        )

    def forward(self, alpha: FloatArray, rows: FloatArray) -> FloatArray:
        """See Step."""
        after = np.full((len(alpha), self.states), np.inf)
        if self.loops is not None:
            self.loops.step_forward(alpha, rows, *self._compiled, after)
            return after
        heads, arcs = self.several
        for block in self._blocks(len(alpha)):
            energies = self._energies(alpha[block], rows[block])
            after[block, self.heads[heads:]] = energies[:, arcs:]
            if arcs:
                totals = self.reducer.reduce(energies[:, :arcs].reshape(-1), self._runs(len(energies)))[0]
                after[block, self.heads[:heads]] = totals.reshape(-1, heads)
        return after

    def pull(
        self, alpha: FloatArray, rows: FloatArray, flow: FloatArray, by_arc: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See Step."""
        before, by_row = np.zeros(alpha.shape), np.zeros(rows.shape)
        if self.loops is not None:
            of_arc = np.zeros(len(self.arc))
            self.loops.step_pull(alpha, rows, np.ascontiguousarray(flow), *self._compiled, of_arc, before, by_row)
            by_arc[self.arc] += of_arc
            return before, by_row
        arcs = self.several[1]
        for block in self._blocks(len(alpha)):
            edges = flow[block][:, self.dst]
            if arcs:
                energies = self._energies(alpha[block], rows[block])[:, :arcs]
                with np.errstate(divide="ignore", invalid="ignore"):
                    _, shares = self.reducer.reduce(energies.reshape(-1), self._runs(len(energies)))
                    share = shares().reshape(len(energies), -1)
                into = edges[:, :arcs]
                # A state that no path reaches has no shares, and no flow.
                edges[:, :arcs] = np.where(into != 0, share * into, 0.0)
            by_arc[self.arc] += edges.sum(axis=0) if len(edges) > 1 else edges[0]
            before[block] = self._by_src.summed(edges, self.states)
            by_row[block] = self._by_column.summed(edges, rows.shape[1])
        return before, by_row

    @cached_property
    def _by_src(self) -> _Sums:
        return _Sums.of(self.src)

    @cached_property
    def _by_column(self) -> _Sums:
        return _Sums.of(self.column)

    @cached_property
    def _compiled(self) -> tuple[tuple[IntArray, IntArray, FloatArray], tuple[IntArray, IntArray], float]:
        """Arcs, their bounds and beta, as the compiled loops take them."""
        beta = self.reducer.beta if isinstance(self.reducer, SoftMin) else np.inf
        return (self.src, self.column, self.energy), (np.append(self.starts, len(self.arc)), self.heads), beta

    def _blocks(self, records: int) -> list[slice]:
        if not len(self.arc):
            return []
        size = max(1, _BLOCK // len(self.arc))
        return [slice(low, low + size) for low in range(0, records, size)]

    def _runs(self, records: int) -> Runs:
        """Those of the arcs whose heads several enter."""
        heads, arcs = self.several
        return Runs((np.arange(records)[:, None] * arcs + self.starts[:heads]).reshape(-1), records * arcs)

    def _energies(self, alpha: FloatArray, rows: FloatArray) -> FloatArray:
        """(records, arcs)"""
        energies = alpha.take(self.src, axis=1)
        energies += self.energy
        energies += rows.take(self.column, axis=1)
        return energies


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums of columns that have the same key. order: (entries,) sorts them; starts, found: where each key begins, and
    which it is."""

    key: IntArray
    order: IntArray
    starts: IntArray
    found: IntArray

    @staticmethod
    def of(key: IntArray) -> _Sums:
        """Those of (entries,) keys."""
        order = stable_order(key) if len(key) else key
        starts = run_starts(key[order])
        return _Sums(key, order, starts, key[order][starts])

    def summed(self, values: FloatArray, keys: int) -> FloatArray:
        """(records, keys) from (records, entries)."""
        sums = np.zeros((len(values), keys))
        if len(values) == 1:
            sums[0] = np.bincount(self.key, values[0], keys)
        elif len(self.starts):
            sums[:, self.found] = np.add.reduceat(values[:, self.order], self.starts, axis=1)
        return sums


@dataclass(frozen=True, eq=False)
class DenseStep:
    """Soft minimum by matrix product. A group is a (head, label) pair; groups lie in the order of their heads.

    weight: (states, groups) sum of exp(-beta (e - least)) over the arcs from a state to a group. spread: how far the
    energies of arcs lie apart, nats.
    """

    sparse: SparseStep
    beta: float
    weight: FloatArray
    least: float
    spread: float
    group: IntArray
    column: IntArray
    head: IntArray
    starts: IntArray

    def forward(self, alpha: FloatArray, rows: FloatArray) -> FloatArray:
        """See Step."""
        dense, floor = self._fits(alpha)
        if not dense.all():
            return self._mixed(alpha, rows, dense)
        return self._after(self._groups(*self._sums(alpha, floor), rows))

    def pull(
        self, alpha: FloatArray, rows: FloatArray, flow: FloatArray, by_arc: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See Step."""
        dense, floor = self._fits(alpha)
        if not dense.all():
            before, by_row = np.zeros(alpha.shape), np.zeros(rows.shape)
            for chosen, step in ((dense, self), (~dense, self.sparse)):
                if chosen.any():
                    before[chosen], by_row[chosen] = step.pull(alpha[chosen], rows[chosen], flow[chosen], by_arc)
            return before, by_row
        with np.errstate(divide="ignore", invalid="ignore"):
            weights, sums, floor = self._sums(alpha, floor)
            into = flow[:, self.head]
            if len(self.starts) < len(self.head):
                energies = self._groups(weights, sums, floor, rows)
                share = np.exp(-self.beta * (energies - self._after(energies)[:, self.head]))
                into = np.where(into != 0, into * share, 0.0)
            scaled = np.where(into != 0, into / sums, 0.0)  # a group that no path reaches has no shares
        sparse = self.sparse
        joint = weights.T @ scaled
        by_arc[sparse.arc] += joint[sparse.src, self.group] * np.exp(-self.beta * (sparse.energy - self.least))
        return weights * (scaled @ self.weight.T), self._by_column.summed(into, rows.shape[1])

    @cached_property
    def _by_column(self) -> _Sums:
        return _Sums.of(self.column)

    def _fits(self, alpha: FloatArray) -> tuple[BoolArray, FloatArray]:
        """(records,) whether no term of a record underflows, and its least energy (0 where all are +inf)."""
        floor = alpha.min(axis=1, initial=np.inf)
        highest = np.where(np.isposinf(alpha), -np.inf, alpha).max(axis=1, initial=-np.inf)
        floor = np.where(np.isposinf(floor), 0.0, floor)
        fits: BoolArray = self.beta * (highest - floor + self.spread) < RANGE
        return fits, floor

    def _mixed(self, alpha: FloatArray, rows: FloatArray, dense: BoolArray) -> FloatArray:
        after = np.empty(alpha.shape)
        for chosen, step in ((dense, self), (~dense, self.sparse)):
            if chosen.any():
                after[chosen] = step.forward(alpha[chosen], rows[chosen])
        return after

    def _sums(self, alpha: FloatArray, floor: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Weights (records, states) relative to the least energy; sums over arcs, (records, groups); that least."""
        weights = np.exp(-self.beta * (alpha - floor[:, None]))
        return weights, weights @ self.weight, floor

    def _groups(self, weights: FloatArray, sums: FloatArray, floor: FloatArray, rows: FloatArray) -> FloatArray:
        """(records, groups) energies of all paths that end in each group."""
        energies = np.log(sums)
        energies *= -1.0 / self.beta
        energies += floor[:, None] + self.least
        energies += rows[:, self.column]
        return energies

    def _after(self, groups: FloatArray) -> FloatArray:
        """(records, states) the groups of each head together."""
        after = np.full((len(groups), self.sparse.states), np.inf)
        if len(self.starts) == len(self.head):
            after[:, self.head] = groups
            return after
        records, width = groups.shape
        runs = Runs((np.arange(records)[:, None] * width + self.starts).reshape(-1), records * width)
        totals = self.sparse.reducer.reduce(groups.reshape(-1), runs)[0]
        after[:, self.head[self.starts]] = totals.reshape(records, -1)
        return after


def dense_step(grammar: Graph, columns: IntArray, reducer: Reducer) -> DenseStep | None:
    """The dense step, where it applies and pays off; else None."""
    sparse = SparseStep.of(grammar, columns, reducer)
    if not isinstance(reducer, SoftMin) or not len(sparse.arc):
        return None
    classes = int(columns.max()) + 1
    keys = sparse.dst * classes + sparse.column
    order = stable_order(keys)
    starts = run_starts(keys[order])
    if len(starts) * grammar.nodes > _ENTRIES_PER_ARC * len(sparse.arc):
        return None
    group = np.empty(len(keys), dtype=np.intp)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(keys))))
    least, highest = float(sparse.energy.min()), float(sparse.energy.max())
    weight = np.zeros((grammar.nodes, len(starts)))
    np.add.at(weight, (sparse.src, group), np.exp(-reducer.beta * (sparse.energy - least)))
    first = order[starts]
    head = sparse.dst[first]
    return DenseStep(
        sparse,
        reducer.beta,
        weight,
        least,
        highest - least,
        group,
        sparse.column[first],
        head,
        run_starts(head),
    )

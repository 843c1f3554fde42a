"""A step of emissions x grammar as a product of matrices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, Runs, run_starts, stable_order
from lattice_cli.emissions.sparse_step import SparseStep, _Sums
from lattice_cli.graph import Graph
from lattice_cli.sweep import LogSemiring, Semiring

#: A matrix pays off where it has at most this many entries for each arc.
_ENTRIES_PER_ARC = 4
#: exp(-600) is far from the least float64, and so is its square from 0.
RANGE = 600.0


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
        """See TimeStep."""
        dense, floor = self._fits(alpha)
        if not dense.all():
            return self._mixed(alpha, rows, dense)
        return self._after(self._groups(*self._sums(alpha, floor), rows))

    def pullback(
        self, alpha: FloatArray, rows: FloatArray, flow: FloatArray, by_arc: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See TimeStep."""
        dense, floor = self._fits(alpha)
        if not dense.all():
            before, by_row = np.zeros(alpha.shape), np.zeros(rows.shape)
            for chosen, step in ((dense, self), (~dense, self.sparse)):
                if chosen.any():
                    before[chosen], by_row[chosen] = step.pullback(alpha[chosen], rows[chosen], flow[chosen], by_arc)
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
        totals = self.sparse.semiring.reduce(groups.reshape(-1), runs)[0]
        after[:, self.head[self.starts]] = totals.reshape(records, -1)
        return after


def dense_step(grammar: Graph, columns: IntArray, semiring: Semiring) -> DenseStep | None:
    """The dense step, where it applies and pays off; else None."""
    sparse = SparseStep.of(grammar, columns, semiring)
    if not isinstance(semiring, LogSemiring) or not len(sparse.arc):
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
    np.add.at(weight, (sparse.src, group), np.exp(-semiring.beta * (sparse.energy - least)))
    first = order[starts]
    head = sparse.dst[first]
    return DenseStep(
        sparse,
        semiring.beta,
        weight,
        least,
        highest - least,
        group,
        sparse.column[first],
        head,
        run_starts(head),
    )

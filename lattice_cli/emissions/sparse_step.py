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

from lattice_cli.arrays import FloatArray, IntArray, Runs, run_starts, stable_order
from lattice_cli.graph import Graph
from lattice_cli.sweep import LogSemiring, Semiring, kernels_for

#: Energies of a sparse step at a time: 32 MB.
_BLOCK = 1 << 22


class TimeStep(Protocol):
    """From energies (records, states) before a row of emissions, (records, classes), to those behind it."""

    def forward(self, alpha: FloatArray, rows: FloatArray) -> FloatArray:
        """(records, states) energies after the step, +inf where no path leads."""

    def pullback(
        self, alpha: FloatArray, rows: FloatArray, flow: FloatArray, by_arc: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Derivatives by alpha and by rows, from those by the energies after the step; adds those by arc to by_arc."""


@dataclass(frozen=True, eq=False)
class SparseStep:
    """Arcs in the order of their heads, those of heads that several arcs enter before those of heads that one enters.

    heads, starts: the states that arcs enter and where their arcs begin. several: how many heads, and how many arcs are
    of the first kind: only those have anything to combine.
    """

    semiring: Semiring
    states: int
    arc: IntArray
    src: IntArray
    dst: IntArray
    column: IntArray
    energy: FloatArray
    starts: IntArray
    heads: IntArray
    several: tuple[int, int]
    kernels: ModuleType | None = None

    @staticmethod
    def of(grammar: Graph, columns: IntArray, semiring: Semiring, walks: int = 1) -> SparseStep:
        """The step through the arcs whose label is a class. walks: see `kernels_for`."""
        usable = np.flatnonzero(columns[grammar.ilabel] >= 0)
        entering = np.bincount(grammar.dst[usable], minlength=grammar.nodes)
        alone = entering[grammar.dst[usable]] == 1
        arc = usable[stable_order(grammar.dst[usable] + grammar.nodes * alone)] if len(usable) else usable
        dst = grammar.dst[arc]
        starts = run_starts(dst)
        several = int((entering > 1).sum()), len(usable) - int(alone.sum())
        return SparseStep(
            semiring,
            grammar.nodes,
            arc,
            grammar.src[arc],
            dst,
            columns[grammar.ilabel[arc]],
            grammar.energy[arc],
            starts,
            dst[starts],
            several,
            kernels_for(grammar, walks),
        )

    def forward(self, alpha: FloatArray, rows: FloatArray) -> FloatArray:
        """See TimeStep."""
        after = np.full((len(alpha), self.states), np.inf)
        if self.kernels is not None:
            self.kernels.step_forward(alpha, rows, *self._compiled, after)
            return after
        heads, arcs = self.several
        for block in self._blocks(len(alpha)):
            energies = self._energies(alpha[block], rows[block])
            after[block, self.heads[heads:]] = energies[:, arcs:]
            if arcs:
                totals = self.semiring.totals(energies[:, :arcs].reshape(-1), self._starts(len(energies)))
                after[block, self.heads[:heads]] = totals.reshape(-1, heads)
        return after

    def pullback(
        self, alpha: FloatArray, rows: FloatArray, flow: FloatArray, by_arc: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See TimeStep."""
        before, by_row = np.zeros(alpha.shape), np.zeros(rows.shape)
        if self.kernels is not None:
            of_arc = np.zeros(len(self.arc))
            self.kernels.step_pullback(alpha, rows, np.ascontiguousarray(flow), *self._compiled, of_arc, before, by_row)
            by_arc[self.arc] += of_arc
            return before, by_row
        arcs = self.several[1]
        for block in self._blocks(len(alpha)):
            edges = flow[block][:, self.dst]
            if arcs:
                energies = self._energies(alpha[block], rows[block])[:, :arcs]
                with np.errstate(divide="ignore", invalid="ignore"):
                    _, shares = self.semiring.reduce(
                        energies.reshape(-1), Runs(self._starts(len(energies)), energies.size)
                    )
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
        beta = self.semiring.beta if isinstance(self.semiring, LogSemiring) else np.inf
        return (self.src, self.column, self.energy), (np.append(self.starts, len(self.arc)), self.heads), beta

    def _blocks(self, records: int) -> list[slice]:
        if not len(self.arc):
            return []
        size = max(1, _BLOCK // len(self.arc))
        return [slice(low, low + size) for low in range(0, records, size)]

    def _starts(self, records: int) -> IntArray:
        """Where the runs of the arcs begin whose heads several enter."""
        heads, arcs = self.several
        return (np.arange(records)[:, None] * arcs + self.starts[:heads]).reshape(-1)

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

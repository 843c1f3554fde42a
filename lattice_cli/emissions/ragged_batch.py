"""Many records side by side, step by step: which of them still run, and what comes back of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, stable_order


@dataclass(frozen=True, eq=False)
class RaggedBatch:
    """Records in the order of falling length, so that those still running at a step are the first ones.

    order: (records,) record of each rank. first_row, lengths: (records,) first row and rows of each rank's emissions.
    running: (steps + 1,) how many ranks have a row at each step, the last entry 0.
    """

    order: IntArray
    first_row: IntArray
    lengths: IntArray
    running: list[int]

    @staticmethod
    def of(lengths: IntArray) -> RaggedBatch:
        """The timetable of records of these lengths, whose rows follow one another."""
        order = stable_order(-np.asarray(lengths, dtype=np.intp))
        ordered = lengths[order]
        steps = int(ordered[0]) if len(ordered) else 0
        running = np.searchsorted(-ordered, -np.arange(steps + 1), side="left").tolist()
        return RaggedBatch(order, (np.cumsum(lengths) - lengths)[order], ordered, running)

    @cached_property
    def rows(self) -> list[IntArray]:
        """Of each step, (running,) the emission row of each running record."""
        return [self.first_row[:running] + step for step, running in enumerate(self.running[:-1])]

    @cached_property
    def all_rows(self) -> IntArray:
        """(rows,) the emission rows of all steps, one step after the other."""
        return np.concatenate([NO_INDICES, *self.rows])

    @cached_property
    def steps(self) -> list[slice]:
        """Where each step lies in `all_rows`."""
        ends = np.cumsum(self.running).tolist()
        return [slice(end - running, end) for end, running in zip(ends, self.running[:-1])]


@dataclass(frozen=True, eq=False)
class ProductGradient:
    """Derivative of a weighted sum of totals. emissions: (rows, classes); arcs: (arcs,), start and final: (nodes,) by
    the energies of the grammar."""

    emissions: FloatArray
    arcs: FloatArray
    start: FloatArray
    final: FloatArray

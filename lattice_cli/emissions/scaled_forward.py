"""Sums over emissions x grammar where each state leads to each label: probabilities that are scaled at every step.

Forward probabilities are divided by their sum at every step (Rabiner 1989, "A tutorial on hidden Markov models",
section V.A), so that a step is one product of matrices, without a log or an exp. Loops, bigrams and the CTC topology
are such grammars. As each state leads to each group, energies that do not lie too far apart bound how far apart
probabilities do; where nothing can underflow the numbers are those of the other steps, to rounding.

A group is a (head, label) pair, as in `DenseStep`; probabilities are those of having taken an arc of the group last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, run_starts
from lattice_cli.emissions.dense_step import RANGE, DenseStep
from lattice_cli.emissions.ragged_batch import ProductGradient, RaggedBatch
from lattice_cli.graph import Graph


@dataclass(frozen=True, eq=False)
class ScaledSweep:
    """What one pass over the product found. Rows are those of the timetable, one step after the other.

    emitted: (rows, groups) exp(-beta (e - least of the row)); reached: (rows, groups) probabilities after each row,
    which sum to 1; sums: (rows,) what they were divided by. start, final: (states,) exp(-beta (e - least)). ended:
    (ranks,) energy that was taken out on the way.
    """

    step: DenseStep
    grammar: Graph
    table: RaggedBatch
    classes: int
    emitted: FloatArray
    reached: FloatArray
    sums: FloatArray
    start: FloatArray
    final: FloatArray
    ended: FloatArray

    @cached_property
    def _last(self) -> FloatArray:
        """(ranks, states) probabilities at the end of each record."""
        lengths, steps = self.table.lengths, self.table.steps
        last = np.zeros((len(lengths), len(self.start)))
        last[lengths == 0] = self.start
        begun = np.array([part.start for part in steps], dtype=np.intp)
        some = int((lengths > 0).sum())
        found = self.reached[begun[lengths[:some] - 1] + np.arange(some)]
        heads = _Heads.of(self.step)
        last[:some, heads.states] = heads.gathered(found)
        return last

    @cached_property
    def _accepted(self) -> FloatArray:
        """(ranks,) probability of ending."""
        return self._last @ self.final

    @cached_property
    def totals(self) -> FloatArray:
        """(records,) energy of all paths of each record."""
        totals = np.empty(len(self.table.order))
        with np.errstate(divide="ignore"):
            totals[self.table.order] = self.ended - np.log(self._accepted) / self.step.beta
        return totals

    def pullback(self, seed: FloatArray | None = None) -> ProductGradient:
        """Derivative of sum(seed * totals); seed (records,), ones if not given. Records without a path get zeros."""
        table, step = self.table, self.step
        heads = _Heads.of(step)
        weight = np.ones(len(table.order)) if seed is None else seed[table.order]
        possible = self._accepted > 0
        weight = np.divide(weight, self._accepted, out=np.zeros(len(weight)), where=possible)
        ends = weight[:, None] * self.final
        onward = heads.spread(ends[:, heads.states])
        inner = np.ascontiguousarray(step.weight[heads.states].T)
        joint = np.zeros((len(heads.states), len(step.head)))
        flow = np.empty(self.reached.shape)
        into = back = onward[:0]
        for time in range(len(table.steps) - 1, -1, -1):
            here = table.steps[time]
            back = np.concatenate([back, onward[len(back) : table.running[time]]])
            np.multiply(self.reached[here], back, out=flow[here])
            into = back
            into *= self.emitted[here]
            into /= self.sums[here, None]
            if time:
                before = table.steps[time - 1]
                tails = heads.gathered(self.reached[before.start : before.start + len(into)])
                joint += tails.T @ into
                back = heads.spread(into @ inner)
        first = into.sum(axis=0)
        whole = self.start[:, None] * first
        whole[heads.states] += joint
        empty = ends[table.lengths == 0].sum(axis=0)
        sparse = step.sparse
        arcs = np.zeros(self.grammar.arcs)
        arcs[sparse.arc] = whole[sparse.src, step.group] * np.exp(-step.beta * (sparse.energy - step.least))
        start = self.start * (step.weight @ first + empty)
        return ProductGradient(self._by_emission(flow), arcs, start, (self._last * ends).sum(axis=0))

    def _by_emission(self, flow: FloatArray) -> FloatArray:
        """(rows of the records, classes) from (rows, groups)."""
        column = self.step.column
        found = np.zeros((len(flow), self.classes))
        if len(column) == self.classes and (column == np.arange(self.classes)).all():
            found[self.table.all_rows] = flow
            return found
        of_class = np.zeros((len(column), self.classes))
        of_class[np.arange(len(column)), column] = 1.0
        found[self.table.all_rows] = flow @ of_class
        return found


@dataclass(frozen=True, eq=False)
class _Heads:
    """From groups to the states that they enter, and back. entered: (groups, states) 1 where a group enters a state;
    None where each state has one group."""

    states: IntArray
    entered: FloatArray | None

    @staticmethod
    def of(step: DenseStep) -> _Heads:
        """Those of a step, whose groups lie in the order of their heads."""
        states = step.head[run_starts(step.head)]
        one_to_one = len(states) == len(step.head)
        return _Heads(states, None if one_to_one else np.equal.outer(step.head, states).astype(np.float64))

    def gathered(self, groups: FloatArray) -> FloatArray:
        """(records, states) sums over the groups of each state."""
        return groups if self.entered is None else groups @ self.entered

    def spread(self, heads: FloatArray) -> FloatArray:
        """(records, groups) the value of each group's state."""
        return heads if self.entered is None else heads @ self.entered.T


def scaled_sweep(emissions: FloatArray, table: RaggedBatch, grammar: Graph, step: DenseStep) -> ScaledSweep | None:
    """The sums over all paths, or None where a probability might underflow or not every state leads to every group."""
    start, first = _relative(grammar.start)
    final, last = _relative(grammar.final)
    if not step.weight.all() or not np.isfinite(start).any():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        rows = emissions[table.all_rows]
        if len(step.column) != rows.shape[1] or (step.column != np.arange(rows.shape[1])).any():
            rows = rows[:, step.column]
        least = rows.min(axis=1)
        rows -= least[:, None]
        furthest = 2 * rows.max(initial=0.0) + 2 * step.spread + _widest(start) + _widest(final)
        if not step.beta * furthest < RANGE:
            return None
        rows *= -step.beta
        emitted: FloatArray = np.exp(rows, out=rows)
        started = np.exp(-step.beta * start)
        reached, sums = _forward(step, table, emitted, started)
        taken = least + step.least - np.log(sums) / step.beta
        ended = np.full(len(table.order), first + last)
        for here, running in zip(table.steps, table.running):
            ended[:running] += taken[here]
    if not np.isfinite(ended).all():
        return None
    finished = np.exp(-step.beta * final)
    return ScaledSweep(step, grammar, table, emissions.shape[1], emitted, reached, sums, started, finished, ended)


def _forward(
    step: DenseStep, table: RaggedBatch, emitted: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(rows, groups) probabilities after each row, and (rows,) what they were divided by."""
    heads = _Heads.of(step)
    inner = step.weight[heads.states]
    reached, sums = np.empty(emitted.shape), np.empty(len(emitted))
    for time, here in enumerate(table.steps):
        after = reached[here]
        if time:
            before = table.steps[time - 1].start
            np.matmul(heads.gathered(reached[before : before + len(after)]), inner, out=after)
            after *= emitted[here]
        else:
            np.multiply(emitted[here], start @ step.weight, out=after)
        sums[here] = after.sum(axis=1)
        after /= sums[here, None]
    return reached, sums


def _relative(energies: FloatArray) -> tuple[FloatArray, float]:
    """Energies relative to the least of them, and that; 0 where all are +inf."""
    least = float(energies.min(initial=np.inf))
    least = least if np.isfinite(least) else 0.0
    return energies - least, least


def _widest(energies: FloatArray) -> float:
    """How far finite energies lie from 0."""
    return float(energies[np.isfinite(energies)].max(initial=0.0))

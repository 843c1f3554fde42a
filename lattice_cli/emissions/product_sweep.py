"""Emission matrices x grammar, without building the product: a recursion over time of one vector over grammar states.

alpha_{t+1}(j) = min over grammar arcs (i, j, label) of alpha_t(i) + e_arc + emission_t(label), hard or soft, for many
records side by side; the product of 200 steps with a 10,000-word trie would have 10 million arcs. Its gradient runs the
same steps backwards and gives the derivative by every emission and by every energy of the grammar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, Runs, group_by, run_starts
from lattice_cli.emissions.dense_step import dense_step
from lattice_cli.emissions.ragged_batch import ProductGradient, RaggedBatch
from lattice_cli.emissions.scaled_forward import scaled_sweep
from lattice_cli.emissions.sparse_step import SparseStep, TimeStep
from lattice_cli.errors import NumericOverflow
from lattice_cli.graph import EPSILON, Graph
from lattice_cli.sweep import TROPICAL, Semiring

#: Numbers of all steps that are kept: 128 MB.
_ALL_ALPHAS = 1 << 24


@dataclass(frozen=True)
class ProductPath:
    """A path of the product. energy: nats. arcs: the grammar's arc of each step."""

    energy: float
    arcs: tuple[int, ...]


def can_walk(grammar: Graph) -> bool:
    """True if every arc of the grammar takes one step of the emissions: no epsilon on its input side."""
    return not bool((grammar.ilabel == EPSILON).any())


class Alphas:
    """The energies before each step. Where they are many only those before every so many steps are kept, and those
    between are made again when they are asked for, from the last step to the first: twice the time, and memory as the
    square root."""

    def __init__(self, steps: int, numbers: int, again: Callable[[int, FloatArray], FloatArray]) -> None:
        """numbers: of one step. again: the energies behind a step, from those before it."""
        self.every = 1 if steps * numbers <= _ALL_ALPHAS else max(1, round(steps**0.5))
        self.kept: dict[int, FloatArray] = {}
        self._made: dict[int, FloatArray] = {}
        self._again = again
        self.steps = steps

    def before(self, time: int) -> FloatArray:
        """(running, states)"""
        if time in self.kept:
            return self.kept[time]
        if time not in self._made:
            first = time - time % self.every
            self._made = {first: self.kept[first]}
            for step in range(first, time):
                self._made[step + 1] = self._again(step, self._made[step])
        return self._made[time]


@dataclass(frozen=True, eq=False)
class ProductSweep:
    """What one pass over the product found. totals: (records,) nats, +inf where a record has no path."""

    emissions: FloatArray
    grammar: Graph
    columns: IntArray
    timetable: RaggedBatch
    semiring: Semiring
    step: TimeStep
    alphas: Alphas
    ends: FloatArray

    @cached_property
    def _ended(self) -> tuple[FloatArray, FloatArray]:
        """(ranks,) totals, and (ranks, states) the share of each last state in them."""
        ranks, states = self.ends.shape
        if not ranks or not states:
            return np.full(ranks, np.inf), np.zeros((ranks, states))
        energies = (self.ends + self.grammar.final).reshape(-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            totals, shares = self.semiring.reduce(energies, Runs(np.arange(ranks) * states, ranks * states))
            share = shares().reshape(ranks, states)
        share[np.isposinf(totals)] = 0.0
        return totals, share

    @cached_property
    def totals(self) -> FloatArray:
        """(records,) energy of all paths of each record."""
        totals = np.empty(len(self.timetable.order))
        totals[self.timetable.order] = self._ended[0]
        return totals

    def pullback(self, seed: FloatArray | None = None) -> ProductGradient:
        """Derivative of sum(seed * totals); seed (records,), ones if not given. Records without a path get zeros."""
        table, grammar = self.timetable, self.grammar
        flow = self._ended[1]
        if seed is not None:
            flow = flow * seed[table.order][:, None]
        by_emission, by_arc = np.zeros(self.emissions.shape), np.zeros(grammar.arcs)
        after = flow[:0]
        for time in range(self.alphas.steps - 1, -1, -1):
            after = np.concatenate([after, flow[len(after) : table.running[time]]])
            rows = table.rows[time]
            after, by_emission[rows] = self.step.pullback(self.alphas.before(time), self.emissions[rows], after, by_arc)
        start = after.sum(axis=0) + flow[len(after) :].sum(axis=0)
        return ProductGradient(by_emission, by_arc, start, flow.sum(axis=0))

    def paths(self) -> list[ProductPath | None]:
        """The path of each record that attains its total, for a sweep with the hard minimum; ties always go one way."""
        table, grammar = self.timetable, self.grammar
        totals, share = self._ended
        state = share.argmax(axis=1) if share.size else np.zeros(len(totals), dtype=np.intp)
        possible = np.isfinite(totals)
        into = group_by(grammar.dst, grammar.nodes)
        arcs = np.zeros((self.alphas.steps, len(totals)), dtype=np.intp)
        for time in range(self.alphas.steps - 1, -1, -1):
            before, row = self.alphas.before(time), self.emissions[table.rows[time]]
            ranks = np.flatnonzero(possible[: table.running[time]])
            candidates, counts = into.rows(state[ranks])
            owner = np.repeat(ranks, counts)
            energies = before[owner, grammar.src[candidates]] + grammar.energy[candidates]
            column = self.columns[grammar.ilabel[candidates]]
            energies += np.where(column >= 0, row[owner, column], np.inf)
            starts = np.cumsum(counts) - counts
            least = np.minimum.reduceat(energies, starts) if len(starts) else energies
            first = np.flatnonzero(energies == np.repeat(least, counts))
            chosen = candidates[first[run_starts(owner[first])]]
            arcs[time, ranks] = chosen
            state[ranks] = grammar.src[chosen]
        rank_of = np.argsort(table.order)
        return [
            ProductPath(float(totals[rank]), tuple(arcs[: table.lengths[rank], rank].tolist()))
            if possible[rank]
            else None
            for rank in rank_of.tolist()
        ]


class ProductResult(Protocol):
    """The totals of all records, and their derivatives."""

    @property
    def totals(self) -> FloatArray:
        """(records,) energy of all paths of each record, +inf where it has none."""

    def pullback(self, seed: FloatArray | None = None) -> ProductGradient:
        """Derivative of sum(seed * totals); seed (records,), ones if not given. Records without a path get zeros."""


def product_sweep(
    emissions: FloatArray, lengths: IntArray, grammar: Graph, columns: IntArray, semiring: Semiring, walks: int = 1
) -> ProductResult:
    """Combine the energies of all paths of emissions x grammar, for every record.

    emissions: (sum of lengths, classes) energies, the records one after the other. columns: (labels of the grammar,)
    the class of each label, -1 for none. The grammar has no epsilon on its input side (`can_walk`). walks: how many
    times, at least, its arcs will be gone over, which says if compiled loops pay. Raises NumericOverflow.
    """
    table = RaggedBatch.of(np.asarray(lengths, dtype=np.intp))
    dense = dense_step(grammar, columns, semiring)
    if dense is None:
        return _stepwise(emissions, table, grammar, columns, semiring, SparseStep.of(grammar, columns, semiring, walks))
    scaled = scaled_sweep(emissions, table, grammar, dense)
    return scaled or _stepwise(emissions, table, grammar, columns, semiring, dense)


def _stepwise(
    emissions: FloatArray, table: RaggedBatch, grammar: Graph, columns: IntArray, semiring: Semiring, step: TimeStep
) -> ProductSweep:
    """Step by step in energies."""
    alpha = np.broadcast_to(grammar.start, (len(table.order), grammar.nodes))
    ends = np.array(alpha)

    def stepped(time: int, before: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            after = step.forward(before, emissions[table.rows[time]])
        return np.ascontiguousarray(after[: table.running[time + 1]])

    alphas = Alphas(len(table.running) - 1, alpha.size, stepped)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for time, (running, rows) in enumerate(zip(table.running, table.rows)):
            before = np.ascontiguousarray(alpha[:running])
            if time % alphas.every == 0:
                alphas.kept[time] = before
            alpha = step.forward(before, emissions[rows])
            ends[:running] = alpha
    if np.isnan(ends).any() or np.isneginf(ends).any():
        raise NumericOverflow("energies of a path add up beyond the range of float64")
    return ProductSweep(emissions, grammar, columns, table, semiring, step, alphas, ends)


def product_best(
    emissions: FloatArray, lengths: IntArray, grammar: Graph, columns: IntArray, walks: int = 1
) -> list[ProductPath | None]:
    """The best path of each record through the grammar, None where it has none. walks: see `product_sweep`."""
    table = RaggedBatch.of(np.asarray(lengths, dtype=np.intp))
    step = SparseStep.of(grammar, columns, TROPICAL, walks)
    return _stepwise(emissions, table, grammar, columns, TROPICAL, step).paths()

"""Mean, entropy and variance of the energy of all paths of an emission matrix through a decoding graph, in one pass.

Each state carries, beside the energy of all ways to it, their mean energy, its variance, and their entropy; a step
mixes them by the shares of its arcs. Variance by the law of total variance, entropy by the chain rule: sums of what is
not negative, so nothing cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, Runs, finite, run_starts, stable_order
from lattice_cli.errors import NumericOverflow
from lattice_cli.graph import Graph
from lattice_cli.sweep import Semiring


@dataclass(frozen=True)
class Moments:
    """total: energy of all paths, +inf where there is none; mean: of the energy, nats; variance: nats squared; entropy:
    nats."""

    total: float
    mean: float
    variance: float
    entropy: float


@dataclass(frozen=True, eq=False)
class _State:
    """(states,) of all ways to each state."""

    total: FloatArray
    mean: FloatArray
    variance: FloatArray
    entropy: FloatArray


def product_moments(emissions: FloatArray, grammar: Graph, columns: IntArray, semiring: Semiring) -> Moments:
    """The moments of emissions, (steps, classes), through a grammar without input epsilons.

    columns: (labels of the grammar,) the class of each label, -1 for none. Raises NumericOverflow.
    """
    usable = np.flatnonzero(columns[grammar.ilabel] >= 0)
    arc = usable[stable_order(grammar.dst[usable])] if len(usable) else usable
    src, column, energy = grammar.src[arc], columns[grammar.ilabel[arc]], grammar.energy[arc]
    starts = run_starts(grammar.dst[arc])
    heads = grammar.dst[arc][starts]
    none = np.zeros(grammar.nodes)
    begins = finite(grammar.start)
    state = _State(grammar.start, begins, none, none)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for row in emissions:
            cost = energy + row[column]
            mixed = _mixed(semiring, state, src, cost, starts)
            state = _State(*(_spread(part, heads, grammar.nodes, fill) for part, fill in zip(mixed, _FILL)))
        ends = np.flatnonzero(np.isfinite(grammar.final) & np.isfinite(state.total))
        if not len(ends):
            return Moments(np.inf, np.nan, 0.0, 0.0)
        last = _mixed(semiring, state, ends, grammar.final[ends], np.zeros(1, dtype=np.intp))
    found = [float(part[0]) for part in last]
    if not np.isfinite(found).all():
        raise NumericOverflow("the statistics of the energies are beyond the range of float64")
    return Moments(*found)


_FILL = (np.inf, 0.0, 0.0, 0.0)


def _spread(values: FloatArray, heads: IntArray, states: int, fill: float) -> FloatArray:
    found = np.full(states, fill)
    found[heads] = values
    return found


def _mixed(
    semiring: Semiring, state: _State, src: IntArray, cost: FloatArray, starts: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Total, mean, variance and entropy behind arcs that leave these states at a cost, run by run."""
    if not len(src):
        return np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0)
    runs = Runs(starts, len(src))
    totals, shares = semiring.reduce(state.total[src] + cost, runs)
    share = shares()
    live = share > 0
    share = np.where(live, share, 0.0)
    step = np.where(live, state.mean[src] + cost, 0.0)
    mean = runs.summed(share * step)
    apart = step - runs.spread(mean)
    variance = runs.summed(share * np.where(live, state.variance[src] + apart * apart, 0.0))
    surprise = -np.log(np.where(live, share, 1.0))
    entropy = runs.summed(share * (state.entropy[src] + surprise))
    return totals, mean, variance, entropy

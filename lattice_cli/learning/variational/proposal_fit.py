"""Fitting q: the variational bound minimised over the energies of q, free on every arc or tied.

The gradient is exact, by sweeps, or the score-function estimate from sampled paths (`path_samples`), whose variances
with and without a control variate can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lattice_cli.analysis import VariationalBound, bound
from lattice_cli.arrays import FloatArray, IntArray, distinct, finite, in_range
from lattice_cli.errors import Diverged, NumericOverflow
from lattice_cli.graph import Graph, columns_of, with_columns
from lattice_cli.learning.optimizers import Adam, Lbfgs, Optimizer
from lattice_cli.learning.recognizers import LinearEnergies, free
from lattice_cli.learning.variational.path_samples import path_samples
from lattice_cli.sweep import LogSemiring, Schedule, count_covariance, schedule_of, sweep

#: Nats that a step by samples is long at first; it falls to 0 at the last.
_RATE = 0.2
#: (graph, levels of its arcs) -> (arcs,) equal where arcs share an energy of q; None: each has its own.
TIED: dict[str, Callable[[Graph, IntArray], IntArray] | None] = {
    "arc": None,
    "label": lambda graph, level: _label(graph),
    "level": lambda graph, level: level,
    "mean-field": lambda graph, level: _label(graph) + level * (len(graph.labels) + 1) ** 2,
}


@dataclass(frozen=True)
class LatticeRow:
    """Where a fit stands. gradient: its length. plain, controlled: variance of the score-function estimate from one
    path, summed over the weights, without and with a control variate; nan where none was drawn."""

    step: int
    bound: VariationalBound
    gradient: float
    plain: float
    controlled: float


def tied(graph: Graph, schedule: Schedule, tie: str) -> LinearEnergies:
    """Energies of q to be fitted: added to those that it starts with.

    arc: one for every arc, start and final node. label, level: one for every label, or for every level. mean-field: one
    for every label at every level, so that labels at different levels do not know of each other, as far as the graph
    allows it.
    """
    start = columns_of(graph)
    shared = TIED[tie]
    if shared is None:
        return free(graph)
    key = shared(graph, _level(graph, schedule))
    keys = distinct(key)
    weight = np.searchsorted(keys, key)
    return LinearEnergies(
        start, np.arange(graph.arcs), weight, np.ones(graph.arcs), [str(each) for each in keys.tolist()]
    )


def _label(graph: Graph) -> IntArray:
    """(arcs,) a number for each pair of an input and an output label."""
    return graph.ilabel * (len(graph.labels) + 1) + graph.olabel


def _level(graph: Graph, schedule: Schedule) -> IntArray:
    """(arcs,) how many steps its tail is from a start at most; in a cycle, as the order of evaluation has it."""
    level = np.zeros(schedule.positions, dtype=np.intp)
    for tail, head in zip(schedule.edge_tail.tolist(), schedule.edge_head.tolist()):
        level[head] = max(level[head], level[tail] + 1)
    place = schedule.position[graph.src]
    return np.where(place >= 0, level[place], 0)


def gradient(
    graph: Graph, proposal: Graph, beta: float, schedule: Schedule, backward_schedule: Schedule | None = None
) -> FloatArray:
    """(columns,) derivative of the bound (of a union: of their sum) by each energy of q: arcs, starts, finals.

    With r(path) = E - E_q / beta it is the covariance -cov(count of the arc, r) under q. backward_schedule: that of the
    graph reversed, if there is one.
    """
    pairs = ((graph.energy, proposal.energy), (graph.start, proposal.start), (graph.final, proposal.final))
    arcs, start, final = (finite(ours - finite(theirs) / beta) for ours, theirs in pairs)
    found = count_covariance(proposal, 1.0, (arcs, start, final), schedule, backward_schedule)
    return -found.covariance


def score_variances(
    graph: Graph, proposal: Graph, beta: float, energies: LinearEnergies, samples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Variance of r(path) d log q / d weight for one path, summed over weights; and with the mean of r taken off r.

    The mean is that of the other samples: see path_samples.
    """
    found = sweep(proposal, LogSemiring(1.0)).pullback()
    posterior = np.concatenate([found.arcs, found.start, found.final])
    drawn = path_samples(graph, proposal, beta, samples, rng)
    with in_range("the variance of the score-function gradient"):
        return drawn.variances(posterior, energies.gradient)


def fit(
    graph: Graph,
    proposal: Graph,
    beta: float,
    tie: str,
    steps: int,
    every: int,
    samples: int,
    rng: np.random.Generator,
    by: str = "exact",
) -> Iterator[tuple[LatticeRow, Graph]]:
    """Minimise the bound over the energies of q; a row and q at the start, every so many steps, at the end.

    by: exact, with the gradient by sweeps, L-BFGS; samples, with an estimate from as many paths, drawn anew for every
    step, Adam. samples: paths to estimate variances from; 0: none. Raises what sweeps raise at the start.
    """
    schedule = schedule_of(graph)
    energies = tied(proposal, schedule, tie)
    sampling = by == "samples"
    optimizer: Optimizer = Adam(_RATE) if sampling else Lbfgs(tolerance=1e-10)
    weights = np.zeros(energies.weights)
    # Numbers of its own: what is drawn for a row does not move q.
    drawing = np.random.default_rng(rng.integers(2**63)) if sampling else rng
    backward = schedule_of(proposal.reversed()) if sampling else None

    def at(theta: FloatArray) -> Graph:
        return with_columns(proposal, energies.energies(theta))

    def evaluate(theta: FloatArray) -> tuple[float, FloatArray]:
        if sampling:
            drawn = path_samples(graph, at(theta), beta, samples, drawing, backward)
            return float(drawn.values.mean()), energies.gradient(drawn.gradient)
        try:
            q = at(theta)
            return bound(graph, q, beta, schedule).bound, energies.gradient(gradient(graph, q, beta, schedule))
        except (Diverged, NumericOverflow):
            return np.inf, np.full(len(theta), np.nan)

    for step in range(steps + 1):
        done = step == steps or optimizer.converged
        if step % every == 0 or done:
            q = at(weights)
            reached = bound(graph, q, beta, schedule)  # which tells first if there is no path to draw
            with in_range("the gradient of the bound"):
                length = float(np.linalg.norm(energies.gradient(gradient(graph, q, beta, schedule))))
            variances = (np.nan, np.nan)
            if samples > 1:
                variances = score_variances(graph, q, beta, energies, samples, rng)
            yield LatticeRow(step, reached, length, *variances), q
        if done:
            return
        optimizer.scale = 1.0 - step / steps if sampling else 1.0
        weights, _ = optimizer.step(weights, evaluate)

"""Variational bounds on the free energy: F <= <E>_q + (1/beta) sum q log q for any distribution q over the same paths.

q is given by energies on the same graph: q(path) = exp(-(E_q(path) - F_q)). Everything exact is a sweep; nothing is
enumerated but the expectation of the importance-weighted bound, on graphs with few paths. (Jordan, Ghahramani,
Jaakkola, Saul 1999; importance-weighted bounds: Burda, Grosse, Salakhutdinov 2016.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from lattice_cli.arrays import FloatArray, finite, in_range
from lattice_cli.composition import why_no_path
from lattice_cli.errors import NoPath, NumericOverflow, UsageError
from lattice_cli.graph import Graph
from lattice_cli.search import Sampler, n_best, path_energy
from lattice_cli.sweep import LogSemiring, Schedule, Sweep, count_paths, schedule_of, sweep

#: Tuples of paths over which the expectation of an importance-weighted bound is summed.
_MOST_TUPLES = 200_000


@dataclass(frozen=True)
class VariationalBound:
    """free_energy: F at beta. bound: <E>_q - entropy / beta. expected_energy: <E>_q; entropy: of q. gap: KL(q || p) /
    beta = bound - F, summed from terms of at least 0. All in nats."""

    beta: float
    free_energy: float
    bound: float
    expected_energy: float
    entropy: float
    gap: float


@dataclass(frozen=True)
class SampledBound:
    """Estimates from paths drawn from q. bound: mean of E + log q / beta; standard_error: of that mean (nan for one
    sample). effective: effective sample size of the importance weights, (sum w)^2 / sum w^2."""

    samples: int
    bound: float
    standard_error: float
    effective: float


@dataclass(frozen=True)
class Weighted:
    """-(1/beta) E[log (1/K) sum_k exp(-beta E_k) / q_k] for K paths drawn from q. standard_error: None if exact."""

    k: int
    bound: float
    standard_error: float | None


_ESTIMATE = "an estimate from samples"


def gibbs(graph: Graph, beta: float) -> Graph:
    """q of the graph itself at an inverse temperature; 0 is uniform over paths."""
    with in_range(f"an energy at inverse temperature {beta:g}"):
        ends = [np.where(np.isfinite(end), beta * finite(end), np.inf) for end in (graph.start, graph.final)]
        return Graph(
            graph.src, graph.dst, graph.ilabel, graph.olabel, beta * graph.energy, ends[0], ends[1], graph.labels
        )


def require_same_paths(graph: Graph, proposal: Graph) -> None:
    """Raises UsageError unless both have the same nodes and arcs, in the same order."""
    for name, what in (("nodes", "nodes"), ("arcs", "arcs")):
        ours, theirs = getattr(graph, name), getattr(proposal, name)
        if ours != theirs:
            raise UsageError(f"the proposal has {theirs} {what}, but the graph has {ours}: expected the same arcs")
    same = (graph.src == proposal.src) & (graph.dst == proposal.dst)
    for name in ("ilabel", "olabel"):
        mine, other = ([each.labels[label] for label in getattr(each, name).tolist()] for each in (graph, proposal))
        same &= np.array([left == right for left, right in zip(mine, other)], dtype=bool)
    if not same.all():
        raise UsageError(f"arc {int(np.flatnonzero(~same)[0])} of the proposal is not that of the graph")
    for name in ("start", "final"):
        if not np.array_equal(np.isfinite(getattr(graph, name)), np.isfinite(getattr(proposal, name))):
            raise UsageError(f"the proposal has other {name} nodes than the graph")


def log_shares(swept: Sweep, beta: float) -> FloatArray:
    """(links,) log of the probability of each link, given that its head is reached; finite however small it is."""
    edge = swept.schedule.edge_of_link
    before, after = (swept.position_totals[ends[edge]] for ends in (swept.schedule.edge_tail, swept.schedule.edge_head))
    return -beta * (before + swept.link_energy - after)


def bound(graph: Graph, proposal: Graph, beta: float, schedule: Schedule | None = None) -> VariationalBound:
    """The bound by q, exactly, by two sweeps.

    Paths under q are drawn link by link from their end; by the chain rule energy, entropy and KL(q || p) are expected
    sums over links. Raises Diverged, NumericOverflow as sweeps do, NoPath for a graph without a path.
    """
    schedule = schedule or schedule_of(graph)
    p, q = sweep(graph, LogSemiring(beta), schedule), sweep(proposal, LogSemiring(1.0), schedule)
    sink = int(schedule.sink[0])
    if sink < 0:
        raise NoPath(why_no_path(graph, range(graph.nodes)))
    with np.errstate(over="ignore", invalid="ignore"):
        of_p, of_q = log_shares(p, beta), log_shares(q, 1.0)
        expected, entropy, gap = (
            float(q.pushforward_links(quantity)[sink]) for quantity in (p.link_energy, -of_q, (of_q - of_p) / beta)
        )
    if not np.isfinite([expected, entropy, gap]).all():
        raise NumericOverflow("the bound is beyond the range of float64")
    free_energy = float(p.totals[0])
    return VariationalBound(beta, free_energy, expected - entropy / beta, expected, entropy, max(0.0, gap))


def log_weights(graph: Graph, proposal: Graph, beta: float, samples: int, rng: np.random.Generator) -> FloatArray:
    """(samples,) log of exp(-beta E) / q of paths drawn from q."""
    drawn = Sampler(proposal, 1.0).draw(samples, rng)
    weights = [-beta * path_energy(graph, each.path.arcs, each.path.nodes) - each.log_probability for each in drawn]
    if not np.isfinite(weights).all():
        raise NumericOverflow(f"{_ESTIMATE} is beyond the range of float64")
    return np.array(weights)


def sampled(weights: FloatArray, beta: float) -> SampledBound:
    """The bound as estimated from log weights."""
    with in_range(_ESTIMATE):
        values = -weights / beta
        error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        relative = np.exp(weights - weights.max())
    return SampledBound(len(values), float(values.mean()), error, float(relative.sum() ** 2 / (relative**2).sum()))


def weighted(weights: FloatArray, beta: float, k: int) -> Weighted:
    """The K-sample bound as estimated from log weights, in groups of K. Raises UsageError for fewer than K of them."""
    groups = len(weights) // k
    if not groups:
        raise UsageError(
            f"the importance-weighted bound of {k} needs at least {k} samples, but there are {len(weights)}"
        )
    with in_range(_ESTIMATE):
        values = _log_mean(weights[: groups * k].reshape(groups, k)) / -beta
        error = float(values.std(ddof=1)) / math.sqrt(groups) if groups > 1 else math.nan
    return Weighted(k, float(values.mean()), error)


def weighted_exactly(graph: Graph, proposal: Graph, beta: float, k: int) -> Weighted | None:
    """The K-sample bound, summed over all ways to draw K paths; None if there are too many of them."""
    paths = count_paths(graph)
    if paths is None or math.comb(paths + k - 1, k) > _MOST_TUPLES:
        return None
    found = n_best(graph, paths)
    ours = np.array([path.energy for path in found])
    theirs = np.array([path_energy(proposal, path.arcs, path.nodes) for path in found])
    of_q = -theirs - float(np.logaddexp.reduce(-theirs))
    drawn = np.array(list(combinations_with_replacement(range(paths), k)), dtype=np.intp).reshape(-1, k)
    orders = math.lgamma(k + 1) - _log_repeats(drawn)
    probability = np.exp(of_q[drawn].sum(axis=1) + orders)
    return Weighted(k, float(probability @ _log_mean((-beta * ours - of_q)[drawn])) / -beta, None)


def _log_repeats(drawn: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> FloatArray:
    """(tuples,) log of the product of the factorials of how often each path stands in a tuple (sorted)."""
    total, run = np.zeros(len(drawn)), np.ones(len(drawn))
    for position in range(1, drawn.shape[1]):
        run = np.where(drawn[:, position] == drawn[:, position - 1], run + 1.0, 1.0)
        total += np.log(run)
    return total


def _log_mean(weights: FloatArray) -> FloatArray:
    """(groups,) log of the mean of exp of each row."""
    found: FloatArray = np.logaddexp.reduce(weights, axis=1) - math.log(weights.shape[1])
    return found


def importance(
    graph: Graph, proposal: Graph, beta: float, ks: Sequence[int], weights: FloatArray | None
) -> list[Weighted]:
    """The K-sample bounds: exact where that is possible, else estimated from the samples there are."""
    found = []
    for k in ks:
        exact = weighted_exactly(graph, proposal, beta, k)
        if exact is None and weights is None:
            raise UsageError(
                f"the importance-weighted bound of {k} has too many paths to be exact, expected samples to estimate it"
            )
        found.append(exact if exact is not None else weighted(np.zeros(0) if weights is None else weights, beta, k))
    return found

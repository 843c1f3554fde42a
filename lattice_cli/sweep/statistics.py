"""What a graph's distribution over paths, p(path) = exp(-beta (E - F)), looks like as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.errors import NumericOverflow
from lattice_cli.graph.graph import Graph
from lattice_cli.sweep.forward_backward import Sweep, sweep
from lattice_cli.sweep.schedule import Schedule
from lattice_cli.sweep.scheduling import schedule
from lattice_cli.sweep.semiring import hard_min, soft_min


@dataclass(frozen=True)
class Statistics:
    """beta: 1/nats. free_energy, best_energy, expected_energy: nats, +inf (expected: nan) without a path.
    entropy: nats. variance: of the energy, nats squared."""

    beta: float
    free_energy: float
    best_energy: float
    expected_energy: float
    entropy: float
    variance: float


def statistics(graph: Graph, beta: float, plan: Schedule | None = None) -> list[Statistics]:
    """The statistics of each member of a union at inverse temperature beta. Raises Diverged as sweeps do."""
    plan = plan or schedule(graph)
    return summary(sweep(graph, soft_min(beta), plan), sweep(graph, hard_min, plan), beta)


def summary(soft: Sweep, hard: Sweep, beta: float) -> list[Statistics]:
    """The statistics of each member from its two sweeps.

    Paths are drawn from their end, link by link with the shares; by the chain rule the entropy is the expected sum of
    -log share, and by the law of total variance the energy variance is the expected sum of the squared change in mean.
    Both are sums of non-negative terms: nothing cancels, however large the energies are.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        found = _summary(soft, hard, beta)
    for each in found:
        if each.free_energy < np.inf and not np.isfinite([each.expected_energy, each.entropy, each.variance]).all():
            raise NumericOverflow("the statistics of the energies are beyond the range of float64")
    return found


def _summary(soft: Sweep, hard: Sweep, beta: float) -> list[Statistics]:
    plan = soft.plan
    mean = soft.accumulate(soft.link_energy)
    surprise = np.zeros(len(soft.link_share))
    np.log(soft.link_share, out=surprise, where=soft.link_share > 0)
    entropy = soft.accumulate(-surprise)
    edge = plan.edge_of_link
    step = mean[plan.edge_tail[edge]] + soft.link_energy - mean[plan.edge_head[edge]]
    variance = soft.accumulate(step * step)
    found = []
    for member, sink in enumerate(plan.sink.tolist()):
        if sink < 0:
            found.append(Statistics(beta, np.inf, np.inf, np.nan, 0.0, 0.0))
            continue
        found.append(
            Statistics(
                beta,
                float(soft.totals[member]),
                float(hard.totals[member]),
                float(mean[sink]),
                float(entropy[sink]),
                float(variance[sink]),
            )
        )
    return found


def count_paths(graph: Graph, plan: Schedule | None = None) -> int | None:
    """The number of paths from start to final nodes, an exact integer however large; None if a cycle makes it infinite.

    A union counts the paths of all its members.
    """
    plan = plan or schedule(graph)
    if plan.components:
        return None
    ways: list[int] = [0] * plan.positions
    ways[0] = 1
    parallel: list[int] = np.diff(plan.edge_first, append=len(plan.link_id)).tolist()
    for tail, head, count in zip(plan.edge_tail.tolist(), plan.edge_head.tolist(), parallel):
        ways[head] += ways[tail] * count
    sinks: list[int] = plan.sink[plan.sink >= 0].tolist()
    return sum(ways[sink] for sink in sinks)

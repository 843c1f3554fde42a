"""What a graph's distribution over paths, p(path) = exp(-beta (E - F)), looks like as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import NumericOverflow
from lattice_cli.graph import Graph
from lattice_cli.sweep.forward_backward import Sweep, sweep
from lattice_cli.sweep.schedule import Schedule
from lattice_cli.sweep.scheduling import schedule_of
from lattice_cli.sweep.semiring import TROPICAL, LogSemiring


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


def statistics(graph: Graph, beta: float, schedule: Schedule | None = None) -> list[Statistics]:
    """The statistics of each member of a union at inverse temperature beta. Raises Diverged as sweeps do."""
    schedule = schedule or schedule_of(graph)
    return summary(sweep(graph, LogSemiring(beta), schedule), sweep(graph, TROPICAL, schedule), beta)


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
    schedule = soft.schedule
    mean = soft.pushforward_links(soft.link_energy)
    surprise = np.zeros(len(soft.link_share))
    np.log(soft.link_share, out=surprise, where=soft.link_share > 0)
    entropy = soft.pushforward_links(-surprise)
    edge = schedule.edge_of_link
    step = mean[schedule.edge_tail[edge]] + soft.link_energy - mean[schedule.edge_head[edge]]
    variance = soft.pushforward_links(step * step)
    found = []
    for member, sink in enumerate(schedule.sink.tolist()):
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


@dataclass(frozen=True, eq=False)
class CountCovariance:
    """Of a quantity that adds up along paths. mean: (graphs,) over the paths of each member, nan without a path.
    covariance: (columns,) with how often a path takes each arc, starts and ends at each node."""

    mean: FloatArray
    covariance: FloatArray


def count_covariance(
    graph: Graph,
    beta: float,
    quantity: tuple[FloatArray, FloatArray, FloatArray],
    schedule: Schedule | None = None,
    backward_schedule: Schedule | None = None,
) -> CountCovariance:
    """The mean of a quantity over p(path) = exp(-beta (E - F)), and its covariance with the counts of the columns.

    quantity: of each arc, start and final. -beta times the covariance is the derivative of the mean by the energies
    (the expectation semiring, Eisner 2002; Li and Eisner 2009). The expectation of a count times a sum over the path is
    the posterior times the mean of the sum on the paths through the arc, which is the mean before it, its own part, and
    the mean behind it. backward_schedule: that of the graph reversed, if there is one. Raises what sweeps raise.
    """
    schedule = schedule or schedule_of(graph)
    arcs, start, final = quantity
    forward = sweep(graph, LogSemiring(beta), schedule)
    at = forward.pushforward_links(schedule.in_order(arcs, start, final))
    backward = graph.reversed()
    back_schedule = backward_schedule or schedule_of(backward)
    in_reverse = sweep(backward, LogSemiring(beta), back_schedule)
    before = _at_nodes(schedule, at)
    behind = _at_nodes(back_schedule, in_reverse.pushforward_links(back_schedule.in_order(arcs, final, start)))
    found = forward.pullback()
    src, dst, of_node = graph.src, graph.dst, graph.graph_of_node
    mean = np.where(schedule.sink >= 0, at[schedule.sink], np.nan)
    of_column: IntArray = np.concatenate([of_node[src], of_node, of_node])
    through = np.concatenate([before[src] + arcs + behind[dst], start + behind, before + final])
    posterior = np.concatenate([found.arcs, found.start, found.final])
    return CountCovariance(mean, np.where(posterior > 0, posterior * (through - mean[of_column]), 0.0))


def _at_nodes(schedule: Schedule, at: FloatArray) -> FloatArray:
    """(nodes,) what each position has, 0 for a node on no path."""
    return np.where(schedule.position >= 0, at[schedule.position], 0.0)


def count_paths(graph: Graph, schedule: Schedule | None = None) -> int | None:
    """The number of paths from start to final nodes, an exact integer however large; None if a cycle makes it infinite.

    A union counts the paths of all its members.
    """
    schedule = schedule or schedule_of(graph)
    if schedule.components:
        return None
    ways: list[int] = [0] * schedule.positions
    ways[0] = 1
    parallel: list[int] = np.diff(schedule.edge_first, append=len(schedule.link_id)).tolist()
    for tail, head, count in zip(schedule.edge_tail.tolist(), schedule.edge_head.tolist(), parallel):
        ways[head] += ways[tail] * count
    sinks: list[int] = schedule.sink[schedule.sink >= 0].tolist()
    return sum(ways[sink] for sink in sinks)

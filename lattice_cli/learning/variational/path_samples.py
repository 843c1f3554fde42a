"""The gradient of a variational bound from paths drawn from q, beside the exact one by sweeps.

The bound is <r>_q with r(path) = E + log q / beta. By the energies of q its derivative is <(r - b) d log q>_q for any
number b, since <d log q>_q = 0: the score function (REINFORCE, Williams 1992). b is the mean of r over the other paths
that were drawn, which does not depend on this one, so that the estimate is unbiased (Mnih and Rezende 2016; Kool, van
Hoof, Welling 2019). With d log q = posterior - count these weights of the posterior add up to 0: what is left is minus
the sample covariance of count and r, as the exact gradient is minus their covariance.

By the energies of p no more is needed than the counts of the paths that were drawn: q does not depend on them. By those
of q there is no such way along a path that stays what it is (reparameterisation): drawn as the best path of energies
with noise, it jumps as q moves, and its derivative is 0 wherever it has one. A softmax in its place (Jang, Gu, Poole
2017; Maddison, Mnih, Teh 2017) has derivatives, of another bound: biased, and not done here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, in_range
from lattice_cli.graph import Graph, columns_of
from lattice_cli.search import drawn_counts
from lattice_cli.sweep import Schedule


@dataclass(frozen=True, eq=False)
class PathSamples:
    """Paths drawn from q, as many of each member of a union.

    counts: (paths, columns) of arcs, starts, finals, each in the path of its member; values: (paths, members) r of
    each; member: (columns,) whose they are.
    """

    counts: FloatArray
    values: FloatArray
    member: IntArray

    @property
    def controlled(self) -> FloatArray:
        """(paths, members) r less the mean of the other paths."""
        paths = len(self.values)
        found: FloatArray = (self.values - self.values.mean(axis=0)) * (paths / (paths - 1))
        return found

    @property
    def mean_counts(self) -> FloatArray:
        """(columns,) estimate of the derivative of the sum of the bounds by the energies of p."""
        found: FloatArray = self.counts.mean(axis=0)
        return found

    @property
    def gradient(self) -> FloatArray:
        """(columns,) unbiased estimate of the derivative of the sum of the bounds by the energies of q."""
        found: FloatArray = -(self.controlled[:, self.member] * self.counts).mean(axis=0)
        return found

    def variances(self, posterior: FloatArray, through: Callable[[FloatArray], FloatArray]) -> tuple[float, float]:
        """Variance of the estimate from one path, summed over weights and members, without and with the control.

        Terms that have paths in common are not independent, so that with few paths the second is a rough figure.
        posterior: (columns,) of q; through: from a gradient by the energies of q, (columns,), to that by weights.
        """
        plain, controlled = (
            float(
                np.array([through(row) for row in (posterior - self.counts) * values[:, self.member]])
                .var(axis=0, ddof=1)
                .sum()
            )
            for values in (self.values, self.controlled)
        )
        return plain, controlled


def path_samples(
    graph: Graph,
    proposal: Graph,
    beta: float,
    paths: int,
    rng: np.random.Generator,
    backward_schedule: Schedule | None = None,
) -> PathSamples:
    """At least two paths of each member, drawn from q = exp(-(E_q - F_q)) for the bound on F of `graph` at beta.

    Raises what sweeps raise, and NumericOverflow for paths that are too long to be drawn or energies beyond float64.
    """
    drawn = drawn_counts(proposal, 1.0, paths, rng, backward_schedule)
    with in_range("an estimate from samples"):
        values = drawn.energies(columns_of(graph)) + drawn.log_probability / beta
    arcs, nodes = (
        np.repeat(np.arange(graph.graphs), np.diff(each)) for each in (graph.arc_offsets, graph.node_offsets)
    )
    return PathSamples(
        drawn.counts(graph.arcs + 2 * graph.nodes), values, np.concatenate([arcs, nodes, nodes]).astype(np.intp)
    )

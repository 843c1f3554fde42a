"""Backpropagation through a graph as stationarity of a Lagrangian, with its residuals and finite differences beside it.

    L(alpha, lambda, e) = F(alpha) + sum_i lambda_i (f_i(alpha, e) - alpha_i)

alpha_i is the free energy of all ways to node i, f_i what the recursion makes of the alphas before it, F what the
final nodes make of all of them. Sign convention: f_i - alpha_i, so that lambda_i = dF / d alpha_i >= 0 is the posterior
of the node. (With alpha_i - f_i, as the lecture writes it, every multiplier has the other sign.) Where L is stationary,

    dL/dlambda_i = f_i - alpha_i = 0: the forward recursion,
    dL/dalpha_i = dF/dalpha_i + sum_j lambda_j df_j/dalpha_i - lambda_i = 0: the backward recursion,
    dL/de_a = lambda_head(a) df_head(a)/de_a: the gradient dF/de of the arc, its posterior.

All of it is computed here from the alphas and multipliers alone, not from the sweep that found them. (LeCun 1988, "A
theoretical framework for back-propagation".)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import MOST_VARIED, FloatArray, IntArray, boltzmann, central, finite
from lattice_cli.errors import CheckFailed
from lattice_cli.graph import Graph
from lattice_cli.sweep.forward_backward import sweep
from lattice_cli.sweep.schedule import Schedule
from lattice_cli.sweep.scheduling import schedule_of
from lattice_cli.sweep.semiring import LogSemiring

CONVENTION = "L = F + sum_i lambda_i (f_i - alpha_i), lambda_i = dF/dalpha_i >= 0"
_STEP = 1e-5
#: Residuals and differences above these are a check that did not hold.
_RESIDUAL, _DIFFERENCE = 1e-8, 1e-5


@dataclass(frozen=True, eq=False)
class Lagrangian:
    """Of one graph. alpha: (nodes,) nats, +inf for a node on no path; multiplier: (nodes,) lambda.

    by_multiplier, by_alpha: (nodes,) residuals dL/dlambda and dL/dalpha, 0 for nodes on no path. gradient: (arcs,)
    dF/de of the sweep; by_arc: (arcs,) residual dL/de - dF/de. chosen: arcs whose finite difference is in `difference`.
    """

    free_energy: float
    alpha: FloatArray
    multiplier: FloatArray
    by_multiplier: FloatArray
    by_alpha: FloatArray
    gradient: FloatArray
    by_arc: FloatArray
    chosen: IntArray
    difference: FloatArray

    @property
    def largest(self) -> dict[str, float]:
        """The largest residual by lambda, alpha and e, and the largest error of a finite difference."""
        error = self.gradient[self.chosen] - self.difference
        parts = {"lambda": self.by_multiplier, "alpha": self.by_alpha, "e": self.by_arc, "difference": error}
        return {name: float(np.abs(part).max(initial=0.0)) for name, part in parts.items()}

    def require(self) -> None:
        """Raises CheckFailed where the Lagrangian is not stationary, or the gradient not that of differences."""
        for name, value in self.largest.items():
            limit = _DIFFERENCE if name == "difference" else _RESIDUAL
            scale = max(1.0, float(np.abs(self.alpha[np.isfinite(self.alpha)]).max(initial=0.0)))
            if not value <= limit * scale:
                what = "finite difference" if name == "difference" else f"stationarity by {name}"
                raise CheckFailed(f"Lagrangian: {what} is off by {value:.3g}, expected at most {limit * scale:.3g}")


def lagrangian(graph: Graph, beta: float, rng: np.random.Generator) -> Lagrangian:
    """The Lagrangian of a graph with a path at inverse temperature beta. Raises Diverged as sweeps do."""
    schedule = schedule_of(graph)
    swept = sweep(graph, LogSemiring(beta), schedule)
    found = swept.pullback()
    alpha, multiplier = swept.node_totals, found.nodes
    on_path = np.isfinite(alpha)
    used = np.flatnonzero(on_path[graph.src] & on_path[graph.dst])
    src, dst = graph.src[used], graph.dst[used]
    arriving = alpha[src] + graph.energy[used]
    recursion = _combined(
        np.concatenate([dst, np.arange(graph.nodes)]), np.concatenate([arriving, graph.start]), graph, beta
    )
    # Shares from the alphas: df_j / dalpha_i summed over the arcs from i to j is also df_j / de of each of them.
    share = np.zeros(graph.arcs)
    share[used] = boltzmann(arriving, recursion[dst], beta)
    free_energy = float(swept.totals[0])
    ending = boltzmann(alpha + graph.final, free_energy, beta)  # 0 where a node is on no path, or is not final
    through = multiplier[graph.dst] * share
    onward = np.bincount(graph.src, through, graph.nodes)
    few = graph.arcs <= MOST_VARIED
    arcs = np.arange(graph.arcs) if few else np.sort(rng.choice(graph.arcs, MOST_VARIED, False))
    return Lagrangian(
        free_energy,
        alpha,
        multiplier,
        np.where(on_path, finite(recursion) - finite(alpha), 0.0),
        np.where(on_path, ending + onward - multiplier, 0.0),
        found.arcs,
        through - found.arcs,
        arcs,
        np.array([_difference(graph, beta, arc, schedule) for arc in arcs.tolist()]),
    )


def _combined(node: IntArray, energy: FloatArray, graph: Graph, beta: float) -> FloatArray:
    """(nodes,) -(1/beta) log sum exp(-beta energy) of the energies at each node."""
    least = np.full(graph.nodes, np.inf)
    np.minimum.at(least, node, energy)
    floor = finite(least)
    sums = np.bincount(node, boltzmann(energy, floor[node], beta), graph.nodes)
    with np.errstate(divide="ignore"):
        combined: FloatArray = floor - np.log(sums) / beta
    return combined


def _difference(graph: Graph, beta: float, arc: int, schedule: Schedule) -> float:
    """dF/de of an arc by central differences."""

    def total(change: float) -> FloatArray:
        energy = graph.energy.copy()
        energy[arc] += change
        return sweep(graph.with_energy(energy), LogSemiring(beta), schedule).totals

    return float(central(total, _STEP).slope[0])

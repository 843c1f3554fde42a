"""Weights and first states of least cost, by L-BFGS on the gradients that the multipliers give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.learning.chains.chain import Solved, StateChain, solved
from lattice_cli.learning.chains.expressions import NotFinite
from lattice_cli.learning.optimizers import Lbfgs


@dataclass(frozen=True, eq=False)
class Fit:
    """found: the chain of least cost that was reached. costs: before the first step, and after each. converged: whether
    nothing lower was to be found, or the gradient was as good as 0."""

    found: Solved
    costs: list[float]
    converged: bool


def fitted(chain: StateChain, learned: Sequence[str], steps: int) -> Fit:
    """The chain after so many steps over these weights and first states at most. Raises NotFinite where it begins."""

    def evaluate(theta: FloatArray) -> tuple[float, FloatArray]:
        try:
            at = solved(chain.changed(learned, theta))
        except NotFinite:  # the line search turns back
            return np.inf, np.full(len(theta), np.nan)
        return at.total, at.gradient(learned)

    theta, optimizer = chain.theta(learned), Lbfgs(tolerance=1e-10)
    costs = [solved(chain).total]
    for _ in range(steps):
        after, _ = optimizer.step(theta, evaluate)
        if np.array_equal(after, theta):
            break
        theta = after
        costs.append(evaluate(theta)[0])
    return Fit(solved(chain.changed(learned, theta)), costs, optimizer.converged)

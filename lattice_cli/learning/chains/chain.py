"""A chain z_{k+1} = f_k(z_k, w_k), k = 0 .. K-1, and the cost of its states: sum_k C_k(z_k, y_k) + C(z_K, y_K).

The Lagrangian is L = cost + sum_k lambda_{k+1}^T (f_k(z_k, w_k) - z_{k+1}). Its derivative by each lambda is 0 where
the states follow f; by each z, where lambda_k = dC_k/dz_k + (df_k/dz_k)^T lambda_{k+1}, from lambda_K = dC_K/dz_K
backwards: then lambda_k is the derivative of the cost by z_k, and dL/dw that by w (LeCun 1988; with z - f in place of
f - z the multipliers have the other sign).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import MOST_VARIED, FloatArray, balanced_step
from lattice_cli.learning.chains.expressions import Expression

#: How the value that a state began with is called in formulas.
START = "start."


@dataclass(frozen=True, eq=False)
class StateChain:
    """states: their names; start: (states,) z_0. moves: f, a formula for each state. steps: K. weights: name -> (K,) of
    each step; shared: those that are one number. targets: name -> (K + 1,) of each state. each: C_k, of k = 1 .. K;
    end: of k = K; None for none. Formulas may have the names of states, weights (f only), targets (costs only),
    `start.NAME` of z_0, and k."""

    states: tuple[str, ...]
    start: FloatArray
    moves: tuple[Expression, ...]
    steps: int
    weights: Mapping[str, FloatArray]
    shared: frozenset[str]
    targets: Mapping[str, FloatArray]
    each: Expression | None
    end: Expression | None

    @property
    def beginnings(self) -> tuple[str, ...]:
        """What formulas call the values that states began with."""
        return tuple(START + name for name in self.states)

    def move(self, z: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        """z_{k+1}, and (states, states + weights + states) its derivatives by z_k, w_k and z_0. Raises NotFinite."""
        values = self._values(z, k) | {name: float(column[k]) for name, column in self.weights.items()}
        found = [expression.at(values, [*self.states, *self.weights, *self.beginnings]) for expression in self.moves]
        return np.array([value for value, _ in found]), np.array([slope for _, slope in found])

    def cost(self, z: FloatArray, k: int) -> tuple[float, FloatArray]:
        """C_k of z_k, k from 1 on, and (2 states,) its derivatives by z_k and z_0. Raises NotFinite."""
        values = self._values(z, k) | {name: float(column[k]) for name, column in self.targets.items()}
        by = [*self.states, *self.beginnings]
        total, slopes = 0.0, np.zeros(len(by))
        for expression in (self.each, self.end if k == self.steps else None):
            if expression is not None:
                value, slope = expression.at(values, by)
                total, slopes = total + value, slopes + slope
        return total, slopes

    def _values(self, z: FloatArray, k: int) -> dict[str, float]:
        own = dict(zip(self.states, z.tolist()))
        return {**own, **dict(zip(self.beginnings, self.start.tolist())), "k": float(k)}

    def changed(self, learned: Sequence[str], theta: FloatArray) -> StateChain:
        """The chain with other values of these weights and first states, one after another in theta."""
        start, weights, place = self.start.copy(), dict(self.weights), 0
        for name in learned:
            if name in weights:
                count = 1 if name in self.shared else self.steps
                weights[name] = np.broadcast_to(theta[place : place + count], (self.steps,)).astype(np.float64)
            else:
                count = 1
                start[self.states.index(name)] = theta[place]
            place += count
        return replace(self, start=start, weights=weights)

    def theta(self, learned: Sequence[str]) -> FloatArray:
        """The values of these weights and first states, one after another."""
        parts = [
            self.weights[name][: 1 if name in self.shared else None]
            if name in self.weights
            else self.start[[self.states.index(name)]]
            for name in learned
        ]
        return np.concatenate([np.zeros(0), *parts])


@dataclass(frozen=True, eq=False)
class Solved:
    """z, multipliers: (K + 1, states). costs: (K + 1,) C_k, 0 at first. by_weight: name -> (K,) dL/dw_k. by_start:
    (states,) derivative of the cost by z_0, through `start.NAME` as well. total: the cost. residual_z, residual_lambda:
    (K + 1, states) dL/dz_k and dL/dlambda_k."""

    chain: StateChain
    z: FloatArray
    costs: FloatArray
    multipliers: FloatArray
    by_weight: Mapping[str, FloatArray]
    by_start: FloatArray

    @property
    def total(self) -> float:
        """The cost of all states."""
        return float(self.costs.sum())

    def gradient(self, learned: Sequence[str]) -> FloatArray:
        """The derivative of the cost by these weights and first states, as in StateChain.theta."""
        chain = self.chain
        parts = []
        for name in learned:
            if name not in self.by_weight:
                parts.append(self.by_start[[chain.states.index(name)]])
            elif name in chain.shared:
                parts.append(self.by_weight[name].sum(keepdims=True))
            else:
                parts.append(self.by_weight[name])
        return np.concatenate([np.zeros(0), *parts])

    @cached_property
    def residuals(self) -> tuple[FloatArray, FloatArray]:
        """(K + 1, states) dL/dlambda_k and dL/dz_k, 0 of z_0, which is given: both computed anew from z and lambda."""
        chain, states = self.chain, len(self.chain.states)
        by_multiplier, by_state = np.zeros_like(self.z), np.zeros_like(self.z)
        for k in range(1, chain.steps + 1):
            by_multiplier[k] = chain.move(self.z[k - 1], k - 1)[0] - self.z[k]
            by_state[k] = chain.cost(self.z[k], k)[1][:states] - self.multipliers[k]
            if k < chain.steps:
                by_state[k] += chain.move(self.z[k], k)[1][:, :states].T @ self.multipliers[k + 1]
        return by_multiplier, by_state


def solved(chain: StateChain) -> Solved:
    """States forward, multipliers backward. Raises NotFinite."""
    states, weights = len(chain.states), len(chain.weights)
    z = np.empty((chain.steps + 1, states))
    z[0] = chain.start
    slopes = []
    for k in range(chain.steps):
        z[k + 1], by_all = chain.move(z[k], k)
        slopes.append(by_all)
    costs = np.zeros(chain.steps + 1)
    multipliers = np.zeros_like(z)
    by_weight = {name: np.zeros(chain.steps) for name in chain.weights}
    by_start = np.zeros(states)
    onward = np.zeros(states)
    for k in range(chain.steps, 0, -1):
        costs[k], own = chain.cost(z[k], k)
        multipliers[k] = own[:states] + onward
        by_start += own[states:]
        back = slopes[k - 1].T @ multipliers[k]
        onward = back[:states]
        for place, name in enumerate(chain.weights):
            by_weight[name][k - 1] = back[states + place]
        by_start += back[states + weights :]
    multipliers[0] = onward
    return Solved(chain, z, costs, multipliers, by_weight, by_start + onward)


@dataclass(frozen=True, eq=False)
class Checked:
    """Differences of the cost. multipliers: (K + 1, states), the chain going on from z_k changed, nan where that was
    not asked: of long chains some steps are. gradient: by weights and first states, as in StateChain.theta. error: the
    largest distance to what was computed, relative to the larger of both and 1."""

    multipliers: FloatArray
    gradient: FloatArray
    error: float

    @property
    def failed(self) -> bool:
        """True if it is more than rounding and truncation explain."""
        return not self.error <= 1e-6


def checked(found: Solved, learned: Sequence[str]) -> Checked:
    """Multipliers and gradient by central differences. Raises NotFinite."""
    chain = found.chain
    step = balanced_step(max(1.0, abs(found.total), float(np.abs(found.z).max())), 1.0)
    multipliers = np.full_like(found.z, np.nan)
    most = max(2, MOST_VARIED // len(chain.states))
    for k in np.unique(np.linspace(0, chain.steps, min(most, chain.steps + 1)).astype(int)).tolist():
        for state in range(len(chain.states)):
            sides = []
            for change in (step, -step):
                z = found.z[k].copy()
                z[state] += change
                sides.append(_rest(chain, z, k))
            multipliers[k, state] = (sides[0] - sides[1]) / (2 * step)
    theta, gradient = chain.theta(learned), np.zeros(0)
    if len(theta):
        unit = np.eye(len(theta)) * step
        pairs = [[solved(chain.changed(learned, theta + way)).total for way in (each, -each)] for each in unit]
        gradient = np.array([(up - down) / (2 * step) for up, down in pairs])
    errors = [
        np.abs(one - other) / np.maximum(1.0, np.maximum(np.abs(one), np.abs(other)))
        for one, other in ((multipliers, found.multipliers), (gradient, found.gradient(learned)))
    ]
    return Checked(multipliers, gradient, max(float(each[~np.isnan(each)].max(initial=0.0)) for each in errors))


def _rest(chain: StateChain, z: FloatArray, k: int) -> float:
    """The cost from z_k on, that of z_k among it."""
    total = chain.cost(z, k)[0] if k else 0.0
    for later in range(k, chain.steps):
        z = chain.move(z, later)[0]
        total += chain.cost(z, later + 1)[0]
    return total

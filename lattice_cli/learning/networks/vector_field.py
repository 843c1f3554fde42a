"""The vector field of the ODE recognisers, and explicit Runge-Kutta steps through it with their exact derivatives.

    f(z, W; x) = tanh(z W + u) - z,    u = x U + b

The state decays towards what its weights and the input drive it to, as in a network of leaky neurons (Hopfield 1984);
where f = 0 it stays. Each item is a row, and has an ODE to itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta method: stages[i][j], the part of slope j in the state of stage i; weights of slopes."""

    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


#: By name, in order of accuracy: 1, 2 and 4 (Hairer, Norsett, Wanner 1993, section II.1).
STEPPERS = {
    "euler": Tableau(((),), (1.0,)),
    "midpoint": Tableau(((), (0.5,)), (0.0, 1.0)),
    "rk4": Tableau(((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}


@dataclass(frozen=True, eq=False)
class VectorField:
    """f at a weight, (units, units), and a drive, (items, units)."""

    weight: FloatArray
    drive: FloatArray

    def attracted(self, state: FloatArray) -> FloatArray:
        """tanh(z W + u), (items, units)."""
        values = state @ self.weight
        values += self.drive
        return np.tanh(values, out=values)

    def slope(self, state: FloatArray) -> FloatArray:
        """f, (items, units)."""
        found = self.attracted(state)
        found -= state
        return found

    def pulled(self, state: FloatArray, by_slope: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(items, units) derivative by the drive and by the state, from that by f there."""
        by_drive = self.attracted(state)
        np.square(by_drive, out=by_drive)
        np.subtract(1.0, by_drive, out=by_drive)
        by_drive *= by_slope
        return by_drive, by_drive @ self.weight.T - by_slope


@dataclass
class Gathered:
    """Derivatives by the weight and the drive, added up over the steps."""

    weight: FloatArray
    drive: FloatArray

    @staticmethod
    def nothing(field: VectorField) -> Gathered:
        """Before the first step."""
        return Gathered(np.zeros(field.weight.shape), np.zeros(field.drive.shape))

    def add(self, state: FloatArray, by_drive: FloatArray, share: float = 1.0) -> None:
        """What comes in at a state."""
        self.weight += state.T @ by_drive if share == 1.0 else share * (state.T @ by_drive)
        self.drive += by_drive if share == 1.0 else share * by_drive


def step(field: VectorField, tableau: Tableau, state: FloatArray, length: float) -> FloatArray:
    """The state a step later."""
    _, slopes = _stages(field, tableau, state, length)
    return _combined(state, slopes, tableau.weights, length)


def step_back(
    field: VectorField, tableau: Tableau, state: FloatArray, length: float, multiplier: FloatArray, gathered: Gathered
) -> FloatArray:
    """The multiplier of the state before a step, from that of the state after it: the discrete adjoint.

    With lambda the multiplier after the step, stage i gets kappa_i = length (w_i lambda + sum_j a_ji mu_j), where
    mu_j = J_j^T kappa_j, and the multiplier before is lambda + sum_i mu_i: exact for what `step` computes. (Hager 2000,
    "Runge-Kutta methods in optimal control and the transformed adjoint system".)
    """
    states, _ = _stages(field, tableau, state, length, last=False)
    pulls: list[FloatArray] = []
    for stage in reversed(range(len(states))):
        seed = length * tableau.weights[stage] * multiplier
        for later, by_state in zip(range(len(states) - 1, stage, -1), pulls):
            if tableau.stages[later][stage]:
                seed += length * tableau.stages[later][stage] * by_state
        by_drive, by_state = field.pulled(states[stage], seed)
        gathered.add(states[stage], by_drive)
        pulls.append(by_state)
    return multiplier + sum(pulls[1:], pulls[0])


def flow_back(
    field: VectorField, tableau: Tableau, state: FloatArray, length: float, multiplier: FloatArray, gathered: Gathered
) -> tuple[FloatArray, FloatArray]:
    """(state, multiplier) a step earlier, by integrating backwards from the state after it: the continuous adjoint.

    d lambda/dt = -(df/dz)^T lambda beside dz/dt = f, both by the same method; the gradient by W is the integral of
    lambda^T df/dW. Exact only as steps become short. (Pontryagin 1962; Chen, Rubanova, Bettencourt, Duvenaud 2018.)
    """
    forward: list[FloatArray] = []
    backward: list[FloatArray] = []
    for shares, weight in zip(tableau.stages, tableau.weights):
        here = _combined(state, forward, shares, -length)
        there = _combined(multiplier, backward, shares, length)
        by_drive, by_state = field.pulled(here, there)
        gathered.add(here, by_drive, length * weight)
        forward.append(field.slope(here))
        backward.append(by_state)
    return (
        _combined(state, forward, tableau.weights, -length),
        _combined(multiplier, backward, tableau.weights, length),
    )


def _stages(
    field: VectorField, tableau: Tableau, state: FloatArray, length: float, last: bool = True
) -> tuple[list[FloatArray], list[FloatArray]]:
    """The state of every stage, and the slopes there; `last`: that of the last stage too."""
    states: list[FloatArray] = []
    slopes: list[FloatArray] = []
    for number, shares in enumerate(tableau.stages):
        states.append(_combined(state, slopes, shares, length))
        if last or number + 1 < len(tableau.stages):
            slopes.append(field.slope(states[-1]))
    return states, slopes


def _combined(base: FloatArray, slopes: list[FloatArray], shares: tuple[float, ...], length: float) -> FloatArray:
    """base + length * sum of share * slope."""
    found = base
    for slope, share in zip(slopes, shares):
        if share:
            found = found + (length * share) * slope
    return found

"""The fixed point of the ODE recogniser: the state z with f(z, W; x) = 0, found by solving, differentiated implicitly.

With g(z) = tanh(z W + u) and J = dg/dz, f = g - z. A state always exists (g maps a cube into itself). Rows that damped
iteration has not brought there are solved by Newton's method or by Anderson's (1965). No step of the solver is kept:
at the solution (I - J)^T lambda = dL/dz gives the multiplier, and lambda^T df/dW the gradient (Almeida 1987, Pineda
1987; Bai, Kolter, Koltun 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import NotConverged
from lattice_cli.learning.networks.layers import Parameters, Pullback
from lattice_cli.learning.networks.ode import Driven
from lattice_cli.learning.networks.vector_field import Gathered, VectorField

#: Derivative by the bounded weight -> by the weight itself.
PullWeight: TypeAlias = Callable[[FloatArray], FloatArray]

SOLVERS = ("newton", "anderson")
#: Numbers in the matrices that are solved at once.
_BLOCK = 1 << 21
#: Steps of Newton's or Anderson's method, halvings of a step, and pairs that Anderson's remembers.
_NEWTON, _HALVINGS, _ANDERSON, _MEMORY = 30, 20, 300, 5
#: Where a solver is stuck it begins again from elsewhere: so often, behind so many iterations, so slow.
_ATTEMPTS, _SLOW_STEPS, _SLOW = 8, 50, 0.2


@dataclass(frozen=True, eq=False)
class Solution:
    """state: (items, units). residual: (items,) largest |f| of each. iterations: of the damped iteration, and further:
    (items,) steps of the solver behind it."""

    state: FloatArray
    residual: FloatArray
    iterations: int
    further: IntArray


@dataclass(frozen=True)
class FixedPointNetwork(Driven):
    """(items, inputs) -> (items, outputs) at the fixed point.

    solver: newton or anderson, behind at most `iterations` damped ones z <- z + damping f. tolerance: largest |f|.
    norm: largest spectral norm of the recurrent weight, 0 for no limit.
    """

    solver: str = "newton"
    damping: float = 1.0
    iterations: int = 40
    tolerance: float = 1e-10
    norm: float = 0.0

    def bounded(self, weight: FloatArray) -> tuple[FloatArray, PullWeight]:
        """The recurrent weight, scaled down to a spectral norm of `norm` where its own is larger; and the way back.

        As tanh has slopes of at most 1, a norm below 1 makes g a contraction: one fixed point, that iteration finds.
        """
        if not self.norm:
            return weight, lambda gradient: gradient
        left, values, right = np.linalg.svd(weight)
        if not values[0] > self.norm:
            return weight, lambda gradient: gradient
        scale, direction = self.norm / float(values[0]), np.outer(left[:, 0], right[0])

        def pull(gradient: FloatArray) -> FloatArray:
            # d norm / d weight = direction
            along = float((gradient * weight).sum()) / float(values[0])
            return scale * (gradient - along * direction)

        return scale * weight, pull

    def solve(self, field: VectorField) -> Solution:
        """The fixed point of every item. Raises NotConverged with the item that has none yet."""
        with np.errstate(over="ignore", invalid="ignore"):  # a state that ran away is no fixed point, and told so
            return self._solved(field)

    def _solved(self, field: VectorField) -> Solution:
        state = np.zeros(field.drive.shape)
        further = np.zeros(len(state), dtype=np.intp)
        done = 0
        slope = field.slope(state)
        while done < self.iterations and np.abs(slope).max(initial=0.0) > self.tolerance:
            state = state + self.damping * slope
            slope = field.slope(state)
            done += 1
        residual = np.abs(slope).max(axis=1, initial=0.0)
        how = self._newton if self.solver == "newton" else self._anderson
        for attempt in range(_ATTEMPTS):
            rows = np.flatnonzero(~(residual <= self.tolerance))
            if not len(rows):
                break
            part = VectorField(field.weight, field.drive[rows])
            begin = state[rows] if not attempt else self._elsewhere(part, attempt)
            state[rows], taken = how(part, begin)
            further[rows] += taken
            residual[rows] = np.abs(part.slope(state[rows])).max(axis=1)
        bad = np.flatnonzero(~(residual <= self.tolerance))
        if len(bad):
            raise NotConverged(
                f"no fixed point found: |f| is {residual[bad[0]]:.3g} after {done} iterations and "
                f"{further[bad[0]]} steps of {self.solver}, expected at most {self.tolerance:g}",
                int(bad[0]),
            )
        return Solution(state, residual, done, further)

    def _elsewhere(self, field: VectorField, attempt: int) -> FloatArray:
        """Another place to begin at, where slow iteration from a random state leads; the same every time."""
        state: FloatArray = np.random.default_rng(attempt).uniform(-1.0, 1.0, field.drive.shape)
        for _ in range(_SLOW_STEPS):
            state += _SLOW * field.slope(state)
        return state

    def _newton(self, field: VectorField, state: FloatArray) -> tuple[FloatArray, IntArray]:
        """Newton steps, each as long as it lowers |f|; rows that are there stay."""
        state, taken = state.copy(), np.zeros(len(state), dtype=np.intp)
        slope = field.slope(state)
        for _ in range(_NEWTON):
            size = np.abs(slope).max(axis=1)
            rows = np.flatnonzero(~(size <= self.tolerance))
            if not len(rows):
                break
            taken[rows] += 1
            part = VectorField(field.weight, field.drive[rows])
            # f(z + d) = 0 to first order: d (I - J) = f, with a row for d.
            ahead = _solved(part, part.attracted(state[rows]), slope[rows], transposed=True)
            length = np.ones((len(rows), 1))
            for _ in range(_HALVINGS):
                tried = part.slope(state[rows] + length * ahead)
                worse = ~(np.abs(tried).max(axis=1) < (1 - 1e-4 * length[:, 0]) * size[rows])
                if not worse.any():
                    break
                length[worse] *= 0.5
            state[rows] += length * ahead
            slope[rows] = part.slope(state[rows])
        return state, taken

    def _anderson(self, field: VectorField, state: FloatArray) -> tuple[FloatArray, IntArray]:
        """Anderson mixing: the next state is where the last residuals, combined linearly, would be least."""
        state, taken = state.copy(), np.zeros(len(state), dtype=np.intp)
        slope = field.slope(state)
        states: list[FloatArray] = []
        slopes: list[FloatArray] = []
        for _ in range(_ANDERSON):
            open_rows = ~(np.abs(slope).max(axis=1) <= self.tolerance)
            if not open_rows.any():
                break
            taken[open_rows] += 1
            states, slopes = [*states, state][-_MEMORY - 1 :], [*slopes, slope][-_MEMORY - 1 :]
            ahead = state + self.damping * slope
            if len(states) > 1:
                by_state = np.stack([later - sooner for sooner, later in pairwise(states)], axis=1)
                by_slope = np.stack([later - sooner for sooner, later in pairwise(slopes)], axis=1)
                normal = by_slope @ by_slope.transpose(0, 2, 1)
                ridge = 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] + 1e-300
                mixed = np.linalg.solve(normal + ridge * np.eye(normal.shape[1]), by_slope @ slope[:, :, None])
                ahead = ahead - ((by_state + self.damping * by_slope).transpose(0, 2, 1) @ mixed)[:, :, 0]
            state = np.where(open_rows[:, None], ahead, state)
            slope = field.slope(state)
        return state, taken

    def forward(self, parameters: Parameters, inputs: FloatArray) -> tuple[FloatArray, Pullback]:
        """See Network. Raises NotConverged."""
        bounded, pull = self.bounded(parameters["recurrent.weight"])
        field = self.field({**parameters, "recurrent.weight": bounded}, inputs)
        state = self.solve(field).state

        def pullback(gradient: FloatArray) -> Parameters:
            """gradient: (items, outputs)."""
            source = gradient @ parameters["readout.weight"].T
            gathered = Gathered.nothing(field)
            by_drive = self.multiplier(field, state, source)
            by_drive *= 1.0 - np.square(field.attracted(state))
            gathered.add(state, by_drive)
            gathered.weight = pull(gathered.weight)
            return self.by_parameters(inputs, state, gradient, gathered)

        return state @ parameters["readout.weight"] + parameters["readout.bias"], pullback

    def multiplier(self, field: VectorField, state: FloatArray, source: FloatArray) -> FloatArray:
        """(items, units) lambda with (I - J)^T lambda = source: by iteration where that converges, else solved."""
        inner = 1.0 - np.square(field.attracted(state))
        found: FloatArray = source.copy()
        change = np.full(len(source), np.inf)
        # Relative to the source, which may be small: a derivative is linear in it.
        size = np.maximum(np.abs(source).max(axis=1, initial=0.0), np.finfo(np.float64).tiny)
        for _ in range(self.iterations):
            following: FloatArray = source + (found * inner) @ field.weight.T
            change = np.abs(following - found).max(axis=1, initial=0.0) / size
            found = following
            if change.max(initial=0.0) <= self.tolerance:
                return found
        rows = np.flatnonzero(~(change <= self.tolerance))
        part = VectorField(field.weight, field.drive[rows])
        found[rows] = _solved(part, part.attracted(state[rows]), source[rows], transposed=False)
        return found

    def radius(self, field: VectorField, state: FloatArray) -> FloatArray:
        """(items,) spectral radius of J at the solution; below 1 the state is one that iteration finds."""
        units = field.weight.shape[0]
        found = np.zeros(len(state))
        for low in range(0, len(state), max(1, _BLOCK // units**2)):
            rows = slice(low, low + max(1, _BLOCK // units**2))
            part = VectorField(field.weight, field.drive[rows])
            inner = 1.0 - np.square(part.attracted(state[rows]))
            found[rows] = np.abs(np.linalg.eigvals(field.weight * inner[:, None, :])).max(axis=1)
        return found


def _solved(field: VectorField, attracted: FloatArray, right: FloatArray, transposed: bool) -> FloatArray:
    """(items, units) x with (I - J)^T x = right, J in rows as dg_j/dz_k = (1 - g_j^2) W_kj; or x (I - J)^T = right."""
    units = field.weight.shape[0]
    found = np.empty(right.shape)
    for low in range(0, len(right), max(1, _BLOCK // units**2)):
        rows = slice(low, low + max(1, _BLOCK // units**2))
        matrix = np.eye(units) - field.weight * (1.0 - np.square(attracted[rows]))[:, None, :]
        matrix = matrix.transpose(0, 2, 1) if transposed else matrix
        try:
            found[rows] = np.linalg.solve(matrix, right[rows, :, None])[:, :, 0]
        except np.linalg.LinAlgError:  # one of them is singular: a step or a multiplier of least length instead
            found[rows] = (np.linalg.pinv(matrix) @ right[rows, :, None])[:, :, 0]
    return found

"""A recogniser looked at on some inputs: its gradient against differences, the error of its adjoint, its fixed points.

The seed is a random derivative by the energies, as the graph would give one: what is checked is the whole way from
there to the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from lattice_cli.arrays import FloatArray, central
from lattice_cli.learning.networks import FixedPointNetwork, OdeNetwork, Parameters
from lattice_cli.learning.recognizers.examples import Example
from lattice_cli.learning.recognizers.recognizer import Recognizer

_DIRECTIONS = 5
_STEP = 1e-4
#: Of modules, which may have kinks (relu, max-pooling): a right gradient agrees at one of them, a wrong one at none.
_SHORT_STEPS = (1e-5, 1e-6, 1e-7)
#: Largest relative error of a difference that rounding and truncation explain.
_TOLERANCE = 1e-5
#: |f| at which a difference over such a step has that error.
_RESIDUAL = 1e-13
#: Rows whose Jacobians are looked at, at most.
_ROWS = 200


@dataclass(frozen=True)
class AdjointCheck:
    """Of an ODE. kept: states that the way back holds at once; of: those it passes. continuous: the gradient by the
    continuous adjoint, its distance to the discrete one, relative to that one's length. cosine: of their angle."""

    steps: int
    stepper: str
    kept: int
    of: int
    continuous: float
    cosine: float


@dataclass(frozen=True)
class FixedPointCheck:
    """Of fixed points: largest |f|, damped iterations, most steps of the solver behind them, and the largest and the
    mean spectral radius of dg/dz there, over at most 200 rows."""

    residual: float
    iterations: int
    further: int
    radius: float
    mean_radius: float


@dataclass(frozen=True)
class RecognizerCheck:
    """rows: of class energies. gradient: length of the gradient by all weights. error: largest relative error of a
    central difference along a random direction."""

    rows: int
    gradient: float
    error: float
    adjoint: AdjointCheck | None
    fixed_point: FixedPointCheck | None
    continuous: bool = False

    @property
    def failed(self) -> bool:
        """True if the gradient is not that of the energies; a continuous adjoint does not claim to be."""
        return not self.continuous and not self.error <= _TOLERANCE


def check_recognizer(
    recognizer: Recognizer, parameters: Parameters, examples: Sequence[Example], rng: np.random.Generator
) -> RecognizerCheck:
    """The recogniser on these examples. Raises NotConverged where a fixed point is not found."""
    stacked = recognizer.stacked(examples)
    network = getattr(recognizer, "network", None)
    adjoint, solved, continuous = None, None, False
    steps: Sequence[float] = (_STEP,)
    if isinstance(network, FixedPointNetwork):
        # Of segments the inputs come with the cuts.
        inputs = stacked[0] if isinstance(stacked, tuple) else stacked
        solved = _fixed_points(network, parameters, inputs)
        # Differences need more exact ones.
        exact = replace(network, tolerance=min(network.tolerance, _RESIDUAL))
        recognizer = replace(cast(Any, recognizer), network=exact)
    if network is not None and hasattr(network, "exact"):
        # A module: float32 is too coarse.
        recognizer, steps = replace(cast(Any, recognizer), network=network.exact()), _SHORT_STEPS
    energies, pull = recognizer.energies(parameters, stacked)
    seed = rng.standard_normal(len(energies))
    gradient = pull(seed)
    error = 0.0
    # What a random direction of length 1 meets of a gradient of this length.
    typical = _length(gradient) / np.sqrt(max(1, sum(array.size for array in parameters.values())))
    for _ in range(_DIRECTIONS):
        along = {name: rng.standard_normal(array.shape) for name, array in parameters.items()}
        along = {name: array / _length(along) for name, array in along.items()}

        def moved(change: float, along: Parameters = along) -> FloatArray:
            return recognizer.energies(
                {name: each + change * along[name] for name, each in parameters.items()}, stacked
            )[0]

        wanted = sum(float((gradient[name] * along[name]).sum()) for name in parameters)
        apart = []
        for step in steps:
            found = central(moved, step)
            measured = float(seed @ found.change) / found.width
            apart.append(abs(wanted - measured) / max(abs(wanted), abs(measured), 1e-2 * typical, 1e-300))
        error = max(error, min(apart))
    if isinstance(network, OdeNetwork):
        continuous = network.continuous
        adjoint = _adjoint(recognizer, network, parameters, stacked, seed)
    rows = sum(example.rows for example in examples)
    return RecognizerCheck(rows, _length(gradient), error, adjoint, solved, continuous)


def _length(gradient: Parameters) -> float:
    # In parts of the largest, whose square may be beyond float64.
    largest = max((float(np.abs(array).max(initial=0.0)) for array in gradient.values()), default=0.0) or 1.0
    return largest * float(np.sqrt(sum(float(np.square(array / largest).sum()) for array in gradient.values())))


def _adjoint(
    recognizer: Any, network: OdeNetwork, parameters: Parameters, stacked: Any, seed: FloatArray
) -> AdjointCheck:
    """Both adjoints from the same seed."""
    ours, theirs = (
        replace(recognizer, network=replace(network, continuous=continuous)).energies(parameters, stacked)[1](seed)
        for continuous in (False, True)
    )
    apart = _length({name: theirs[name] - ours[name] for name in ours})
    product = sum(float((ours[name] * theirs[name]).sum()) for name in ours)
    own, other = max(_length(ours), 1e-300), max(_length(theirs), 1e-300)
    kept = network.most_states
    return AdjointCheck(network.steps, network.stepper, kept, network.steps, apart / own, product / (own * other))


def _fixed_points(network: FixedPointNetwork, parameters: Parameters, inputs: FloatArray) -> FixedPointCheck:
    """What the solver comes to at its own tolerance."""
    bounded, _ = network.bounded(parameters["recurrent.weight"])
    field = network.field({**parameters, "recurrent.weight": bounded}, inputs)
    found = network.solve(field)
    some = np.linspace(0, len(inputs) - 1, min(len(inputs), _ROWS)).astype(np.intp)
    radius = network.radius(replace(field, drive=field.drive[some]), found.state[some])
    residual, further = float(found.residual.max()), int(found.further.max())
    return FixedPointCheck(residual, found.iterations, further, float(radius.max()), float(radius.mean()))

"""The neural ODE recogniser: a state that moves along a vector field, read out at the last step or at every one.

    z(0) = 0,    z(t + dt) = z(t) + f(z(t), W; x) dt,    energies = z C + c at z(T), at the mean of the states behind
                                                          the steps, or at each of these by itself

Its backward pass is that of the lecture: the multiplier lambda(t) = dL/dz(t) of the constraint that makes z(t) runs
backwards from what the graph says of the energies (`recognizers`), gets a source wherever a state is read out, and
gives the gradient by W on its way. `discrete` is exact for the steps that were taken; `continuous` integrates the
differential equation of the multiplier instead, keeps no states, and is off by the error of the steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.learning.networks.layers import Parameters, Pullback, scaled_random
from lattice_cli.learning.networks.vector_field import STEPPERS, Gathered, VectorField, flow_back, step, step_back

#: Recurrent weights begin with a spectral radius of about this: well inside where the field has one fixed point.
_RADIUS = 0.5


@dataclass(frozen=True)
class Driven:
    """What the ODE and its fixed point share: an input that drives a state, and a readout. Sizes of both ends."""

    inputs: int
    units: int
    outputs: int

    def __post_init__(self) -> None:
        if min(self.inputs, self.units, self.outputs) < 1:
            sizes = f"{self.inputs} inputs, {self.units} units, {self.outputs} outputs"
            raise UsageError(f"ode: {sizes}, where each needs at least 1")

    def initial(self, rng: np.random.Generator) -> Parameters:
        """drive.weight: (inputs, units), drive.bias, recurrent.weight: (units, units), readout.weight, readout.bias."""
        inputs, units, outputs = self.inputs, self.units, self.outputs
        return {
            "drive.weight": scaled_random(rng, (inputs, units), "tanh", inputs, units),
            "drive.bias": np.zeros(units),
            "recurrent.weight": _RADIUS * scaled_random(rng, (units, units), "tanh", units, units),
            "readout.weight": scaled_random(rng, (units, outputs), "tanh", units, outputs),
            "readout.bias": np.zeros(outputs),
        }

    def field(self, parameters: Parameters, inputs: FloatArray) -> VectorField:
        """The vector field of these items, (items, inputs)."""
        if inputs.ndim != 2 or inputs.shape[1] != self.inputs:
            raise UsageError(f"ode: inputs of shape {inputs.shape}, expected (items, {self.inputs})")
        drive = inputs @ parameters["drive.weight"]
        drive += parameters["drive.bias"]
        return VectorField(parameters["recurrent.weight"], drive)

    def by_parameters(
        self, inputs: FloatArray, read: FloatArray, gradient: FloatArray, gathered: Gathered
    ) -> Parameters:
        """All derivatives, from those by the outputs, the state that was read out, and what came in on the way."""
        return {
            "drive.weight": inputs.T @ gathered.drive,
            "drive.bias": gathered.drive.sum(axis=0),
            "recurrent.weight": gathered.weight,
            "readout.weight": read.T @ gradient,
            "readout.bias": gradient.sum(axis=0),
        }


@dataclass(frozen=True)
class OdeNetwork(Driven):
    """(items, inputs) -> (items, outputs) by `steps` steps over `time`.

    stepper: a name of STEPPERS. cost: what is read out: the `last` state, the `mean` of the states behind the steps, or
    `every` one of these, (steps * items, outputs), all items behind the first step coming first. continuous: the
    multiplier is integrated instead of the steps differentiated. checkpoints: states that are kept, from which the
    others are computed again; 0 keeps all. States that are read out are kept anyway.
    """

    steps: int = 8
    time: float = 4.0
    stepper: str = "euler"
    cost: str = "last"
    continuous: bool = False
    checkpoints: int = 0

    @property
    def length(self) -> float:
        """Of a step, in units of time."""
        return self.time / self.steps

    @property
    def segment(self) -> int:
        """Steps from one state that is kept to the next."""
        return 1 if not self.checkpoints else -(-self.steps // self.checkpoints)

    @property
    def most_states(self) -> int:
        """States that are held at once on the way back."""
        if self.cost == "every":
            return self.steps
        if self.continuous:
            return 1
        return -(-self.steps // self.segment) + (self.segment if self.segment > 1 else 0)

    def _readout(self, number: int) -> tuple[int, float]:
        """Which of the readouts the state behind the step of this number is part of, and its share there."""
        if self.cost == "every":
            return number, 1.0
        return 0, 1.0 / self.steps if self.cost == "mean" else float(number + 1 == self.steps)

    def forward(self, parameters: Parameters, inputs: FloatArray) -> tuple[FloatArray, Pullback]:
        """See Network."""
        field, tableau = self.field(parameters, inputs), STEPPERS[self.stepper]
        state = np.zeros(field.drive.shape)
        readouts = np.zeros((self.steps if self.cost == "every" else 1, *state.shape))
        kept = []
        for number in range(self.steps):
            if not self.continuous and number % self.segment == 0:
                kept.append(state)
            state = step(field, tableau, state, self.length)
            readout, share = self._readout(number)
            if share:
                readouts[readout] += share * state
            if self.cost == "every":
                state = readouts[readout]  # the same numbers, held once
        read = readouts.reshape(-1, self.units)
        last = state

        def pullback(gradient: FloatArray) -> Parameters:
            """gradient: by the outputs, in their shape."""
            sources = (gradient @ parameters["readout.weight"].T).reshape(readouts.shape)
            gathered = self._flowed_back(field, last, sources) if self.continuous else self._back(field, kept, sources)
            return self.by_parameters(inputs, read, gradient, gathered)

        return read @ parameters["readout.weight"] + parameters["readout.bias"], pullback

    def _with_source(self, number: int, multiplier: FloatArray, sources: FloatArray) -> FloatArray:
        """The multiplier of the state behind a step, and what comes from the readout that this is part of. sources:
        (readouts, items, units) derivative by each."""
        readout, share = self._readout(number)
        return multiplier + share * sources[readout] if share else multiplier

    def _back(self, field: VectorField, kept: list[FloatArray], sources: FloatArray) -> Gathered:
        """The discrete adjoint, segment by segment from the last; the states of a segment are computed again."""
        gathered, tableau = Gathered.nothing(field), STEPPERS[self.stepper]
        multiplier = np.zeros(field.drive.shape)
        for number in reversed(range(len(kept))):
            count = min(self.segment, self.steps - number * self.segment)
            states = [kept[number]]
            for _ in range(count - 1):
                states.append(step(field, tableau, states[-1], self.length))
            for place, state in reversed([*enumerate(states, number * self.segment)]):
                multiplier = self._with_source(place, multiplier, sources)
                multiplier = step_back(field, tableau, state, self.length, multiplier, gathered)
        return gathered

    def _flowed_back(self, field: VectorField, state: FloatArray, sources: FloatArray) -> Gathered:
        """The continuous adjoint; where a state was read out the multiplier jumps."""
        gathered, tableau = Gathered.nothing(field), STEPPERS[self.stepper]
        multiplier = np.zeros(field.drive.shape)
        for number in reversed(range(self.steps)):
            multiplier = self._with_source(number, multiplier, sources)
            state, multiplier = flow_back(field, tableau, state, self.length, multiplier, gathered)
        return gathered

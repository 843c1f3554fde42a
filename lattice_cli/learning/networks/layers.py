"""What networks are made of: parameters by name, activations with their derivatives, initial weights.

Backward passes are written by hand. A forward pass returns its outputs and a pullback, which maps the gradient of the
outputs to the gradient by each parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.choices import ActivationName

#: Arrays by name ("layer0.weight"), in an order that is part of the network.
Parameters: TypeAlias = dict[str, FloatArray]
#: Gradient of the outputs -> gradient by each parameter, with the names and shapes of the parameters.
Pullback: TypeAlias = Callable[[FloatArray], Parameters]


class Network(Protocol):
    """A differentiable function of inputs with parameters."""

    @property
    def outputs(self) -> int:
        """Numbers in the last axis of what `forward` gives."""

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""

    def forward(self, parameters: Parameters, inputs: FloatArray) -> tuple[FloatArray, Pullback]:
        """The outputs for `inputs`, and the backward pass."""


#: What the names of parameters of a module of another library, and of what it keeps beside them, begin with.
MODULE, BUFFER = "module.", "buffer."


class Stateful(Protocol):
    """What a network keeps beside its parameters, and what it draws while it learns: a module of another library."""

    def learning(self, draws: np.random.Generator) -> AbstractContextManager[None]:
        """Within it the network is as it is while it learns, and draws from `draws`."""

    def buffers(self) -> Parameters:
        """What it keeps, by name."""

    def restore(self, buffers: Mapping[str, FloatArray]) -> None:
        """Have it keep these. Raises ValueError for some that are not its own."""


@dataclass(frozen=True)
class Activation:
    """An elementwise function; both parts work in place.

    apply: values -> outputs. pull: (gradient by the outputs, outputs) -> gradient by the values. The derivative is
    taken from the outputs, so that the values need not be kept. rectifies: half of the values become 0.
    """

    apply: Callable[[FloatArray], FloatArray]
    pull: Callable[[FloatArray, FloatArray], FloatArray]
    rectifies: bool = False


def _tanh(values: FloatArray) -> FloatArray:
    return np.tanh(values, out=values)


def _pull_tanh(gradient: FloatArray, outputs: FloatArray) -> FloatArray:
    """1 - y^2."""
    slope = np.square(outputs)
    np.subtract(1.0, slope, out=slope)
    gradient *= slope
    return gradient


def _relu(values: FloatArray) -> FloatArray:
    return np.maximum(values, 0.0, out=values)


def _pull_relu(gradient: FloatArray, outputs: FloatArray) -> FloatArray:
    """1 where y > 0; at the kink 0."""
    gradient *= outputs > 0
    return gradient


def _sigmoid(values: FloatArray) -> FloatArray:
    """(1 + tanh(x / 2)) / 2, which does not overflow."""
    values *= 0.5
    np.tanh(values, out=values)
    values += 1.0
    values *= 0.5
    return values


def _pull_sigmoid(gradient: FloatArray, outputs: FloatArray) -> FloatArray:
    """y (1 - y)."""
    slope = np.subtract(1.0, outputs)
    slope *= outputs
    gradient *= slope
    return gradient


ACTIVATIONS: dict[ActivationName, Activation] = {
    "tanh": Activation(_tanh, _pull_tanh),
    "relu": Activation(_relu, _pull_relu, rectifies=True),
    "sigmoid": Activation(_sigmoid, _pull_sigmoid),
}


def scaled_random(
    rng: np.random.Generator, shape: tuple[int, ...], activation: ActivationName, fan_in: int, fan_out: int
) -> FloatArray:
    """Weights of mean 0 that keep the variance from layer to layer.

    Uniform with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010); normal with variance 2 / fan_in where the
    activation is a rectifier (He, Zhang, Ren, Sun 2015).
    """
    if ACTIVATIONS[activation].rectifies:
        return rng.standard_normal(shape) * math.sqrt(2.0 / fan_in)
    limit = math.sqrt(6.0 / (fan_in + fan_out))
    found: FloatArray = rng.uniform(-limit, limit, shape)
    return found

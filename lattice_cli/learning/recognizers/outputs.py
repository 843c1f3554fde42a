"""What becomes of a network's outputs: energies as they are, locally normalised, or kept from falling below 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lattice_cli.arrays import FloatArray

#: (rows, classes) outputs -> energies, and from the gradient by energies to that by outputs.
Output = Callable[[FloatArray], tuple[FloatArray, Callable[[FloatArray], FloatArray]]]


def _energies(values: FloatArray) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
    return values, lambda gradient: gradient


def _log_softmax(values: FloatArray) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
    """energy = -log softmax(-value): exp(-energy) of a row sums to 1."""
    low = values - values.min(axis=1, keepdims=True)
    weights = np.exp(-low)
    sums = weights.sum(axis=1, keepdims=True)
    weights /= sums
    # d energy_c / d value_k = [c = k] - p_k
    return low + np.log(sums), lambda gradient: gradient - weights * gradient.sum(axis=1, keepdims=True)


def _softplus(values: FloatArray) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
    """energy = log(1 + e^value) >= 0."""
    energies = np.logaddexp(0.0, values)
    return energies, lambda gradient: gradient * -np.expm1(-energies)


OUTPUTS: dict[str, Output] = {"energies": _energies, "log-softmax": _log_softmax, "softplus": _softplus}

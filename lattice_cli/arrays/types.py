"""The arrays that everything is made of, and what their numbers may become."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lattice_cli.errors import NumericOverflow

IntArray: TypeAlias = NDArray[np.intp]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

NO_INDICES: IntArray = np.zeros(0, dtype=np.intp)


def finite(values: FloatArray) -> FloatArray:
    """The values, 0 for those that are no finite number: energies of what is on no path, which does not matter."""
    return np.where(np.isfinite(values), values, 0.0)


def boltzmann(energy: FloatArray, floor: FloatArray | float, beta: float) -> FloatArray:
    """exp(-beta (energy - floor)) of energies above a floor: 0 where the exponent is beyond the range of float64."""
    with np.errstate(over="ignore"):
        weights: FloatArray = np.exp(-beta * (energy - floor))
    return weights


@contextmanager
def in_range(what: str) -> Iterator[None]:
    """Raises NumericOverflow, with what it is that overflows, where numbers leave the range of float64."""
    try:
        with np.errstate(over="raise", invalid="raise"):
            yield
    except (FloatingPointError, OverflowError):
        raise NumericOverflow(f"{what} is beyond the range of float64") from None

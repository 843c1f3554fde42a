"""The arrays that everything is made of."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.intp]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

NO_INDICES: IntArray = np.zeros(0, dtype=np.intp)


def finite(values: FloatArray) -> FloatArray:
    """The values, 0 for those that are no finite number: energies of what is on no path, which does not matter."""
    return np.where(np.isfinite(values), values, 0.0)

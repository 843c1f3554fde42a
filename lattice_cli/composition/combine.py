"""How composition makes one energy of two, and how a gradient goes back to both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray

Binary = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class Combine:
    """An operator on energies.

    matched:     energy of an arc both sides agree on, from the energies of both.
    left_share:  derivative of that by the left energy; right_share by the right one.
    left_alone, right_alone: 1 if a move of that side alone (an epsilon) keeps its energy, 0 if it costs nothing.
    """

    name: str
    matched: Binary
    left_share: Binary
    right_share: Binary
    left_alone: float = 1.0
    right_alone: float = 1.0


def _one(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.ones(len(left))


def _zero(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.zeros(len(left))


def _as_float(condition: Callable[[FloatArray, FloatArray], object]) -> Binary:
    return lambda left, right: np.asarray(condition(left, right), dtype=np.float64)


ADD = Combine("add", np.add, _one, _one)
#: Ties of max and min belong to the left side.
MAX = Combine("max", np.maximum, _as_float(np.greater_equal), _as_float(np.less))
MIN = Combine("min", np.minimum, _as_float(np.less_equal), _as_float(np.greater))
LEFT = Combine("left", lambda left, right: left.copy(), _one, _zero, right_alone=0.0)
RIGHT = Combine("right", lambda left, right: right.copy(), _zero, _one, left_alone=0.0)

OPERATORS = {operator.name: operator for operator in (ADD, MAX, MIN, LEFT, RIGHT)}

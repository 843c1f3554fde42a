"""How composition makes one energy of two, and how a gradient goes back to both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray

Binary = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class Combine:
    """An operator on energies.

    matched:     energy of an arc both sides agree on, from the energies of both.
    left_share:  derivative of that by the left energy; right_share by the right one.
    left_alone, right_alone: what the energy of a move of that side alone (an epsilon) is multiplied by; at 0 it costs
    nothing. summed: whether that is what the energies of matched arcs are multiplied by before they are added.
    """

    name: str
    matched: Binary
    left_share: Binary
    right_share: Binary
    left_alone: float = 1.0
    right_alone: float = 1.0
    summed: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """How it goes to other processes: by its name, or by its weights."""
        return (_named, (self.name,)) if self.name in OPERATORS else (weighted, (self.left_alone, self.right_alone))

    @property
    def weights(self) -> tuple[float, float] | None:
        """What the energies of each side are multiplied by in their sum; None where there is no sum."""
        return (self.left_alone, self.right_alone) if self.summed else None


def _one(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.ones(len(left))


def _zero(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.zeros(len(left))


def _as_float(condition: Callable[[FloatArray, FloatArray], object]) -> Binary:
    return lambda left, right: np.asarray(condition(left, right), dtype=np.float64)


ADD = Combine("add", np.add, _one, _one, summed=True)
#: Ties of max and min belong to the left side.
MAX = Combine("max", np.maximum, _as_float(np.greater_equal), _as_float(np.less))
MIN = Combine("min", np.minimum, _as_float(np.less_equal), _as_float(np.greater))
LEFT = Combine("left", lambda left, right: left.copy(), _one, _zero, right_alone=0.0, summed=True)
RIGHT = Combine("right", lambda left, right: right.copy(), _zero, _one, left_alone=0.0, summed=True)
PRODUCT = Combine("product", np.multiply, lambda left, right: right.copy(), lambda left, right: left.copy())

OPERATORS = {operator.name: operator for operator in (ADD, MAX, MIN, LEFT, RIGHT, PRODUCT)}


def _named(name: str) -> Combine:
    return OPERATORS[name]


def weighted(left_weight: float, right_weight: float) -> Combine:
    """The sum of the energies, each times a weight; moves of one side alone weigh as much."""

    def matched(left: FloatArray, right: FloatArray) -> FloatArray:
        return left_weight * left + right_weight * right

    return Combine(
        f"{left_weight:g},{right_weight:g}",
        matched,
        lambda left, right: np.full(len(left), left_weight),
        lambda left, right: np.full(len(left), right_weight),
        left_weight,
        right_weight,
        summed=True,
    )


def operator_of(text: str) -> Combine | None:
    """The operator of a name, or of two weights with a comma between them; None for what is neither."""
    if text in OPERATORS:
        return OPERATORS[text]
    try:
        weights = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return weighted(*weights) if len(weights) == 2 and np.isfinite(weights).all() else None

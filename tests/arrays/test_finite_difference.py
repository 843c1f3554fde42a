"""Finite differences: slopes of smooth functions, and kinks told from them."""

from __future__ import annotations

import numpy as np
import pytest

from lattice_cli.arrays import Difference, balanced_step, central, noise


def test_the_slope_of_smooth_functions() -> None:
    at = np.array([-1.0, 0.3, 2.0])
    step = balanced_step(np.e**2, 1.0)
    found = central(lambda change: np.exp(at + change), step)
    np.testing.assert_allclose(found.slope, np.exp(at), atol=1e-7 + noise(np.e**2, step))
    np.testing.assert_allclose(found.change / found.width, found.slope)


@pytest.mark.parametrize("middle", [0.0, 1.0, 1e6])
def test_a_kink_bends_and_a_curve_does_not(middle: float) -> None:
    step = balanced_step(max(1.0, middle), 1.0)
    found = central(lambda change: middle + np.array([abs(change), max(0.0, change), change, change**2]), step)
    assert found.bends(middle).tolist() == [True, True, False, False]


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_rounding_alone_is_within_the_noise(size: float) -> None:
    step = balanced_step(size, 1.0)
    near = np.nextafter(size, np.inf)
    assert abs(Difference(np.array([near]), np.array([size]), step).slope[0]) <= noise(size, step)

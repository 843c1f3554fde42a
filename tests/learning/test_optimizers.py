"""Optimisers: formulas by hand, known minima, and going on from a saved state to the bit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from lattice_cli.learning.optimizers import Adam, Lbfgs, Optimizer, Sgd
from lattice_cli.learning.optimizers.line_search import search
from lattice_cli.learning.optimizers.optimizers import clipped

Evaluate = Callable[[np.ndarray], tuple[float, np.ndarray]]
MAKERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": lambda: Sgd(0.15),
    "momentum": lambda: Sgd(0.02, 0.9),
    "nesterov": lambda: Sgd(0.02, 0.9, nesterov=True, clip=0.5),
    "adam": lambda: Adam(0.05, 0.9, 0.99, 1e-8, clip=2.0),
    "lbfgs": lambda: Lbfgs(5, 1e-9),
}


def quadratic(eigenvalues: np.ndarray, seed: int = 0) -> tuple[Evaluate, np.ndarray]:
    """(1/2 (t - best)' A (t - best) + 3, best), A of the given eigenvalues in random axes."""
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.standard_normal((len(eigenvalues), len(eigenvalues))))
    matrix, best = (axes * eigenvalues) @ axes.T, rng.standard_normal(len(eigenvalues))

    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray]:
        slope = matrix @ (theta - best)
        return 3.0 + 0.5 * float((theta - best) @ slope), slope

    return evaluate, best


def logistic(seed: int = 1) -> Evaluate:
    """Mean log loss of a logistic regression on 60 noisy points of 4 features, with a small penalty."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((60, 4))
    signs = np.sign(points @ [1.0, -2.0, 0.5, 0.0] + rng.standard_normal(60))

    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray]:
        margin = signs * (points @ theta)
        value = np.logaddexp(0, -margin).mean() + 0.005 * theta @ theta
        return float(value), -(signs / (1 + np.exp(margin))) @ points / 60 + 0.01 * theta

    return evaluate


def rosenbrock(theta: np.ndarray) -> tuple[float, np.ndarray]:
    x, y = theta
    slope = np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])
    return float((1 - x) ** 2 + 100 * (y - x * x) ** 2), slope


def run(optimizer: Optimizer, evaluate: Evaluate, theta: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    values = []
    for _ in range(steps):
        theta, value = optimizer.step(theta, evaluate)
        values.append(value)
    return theta, values


def annealed(optimizer: Optimizer, evaluate: Evaluate, theta: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    """The rate falls as 0.998^step after half of the steps, without which Adam circles round a minimum."""
    theta, before = run(optimizer, evaluate, theta, steps // 2)
    values = []
    for _ in range(steps // 2):
        optimizer.scale *= 0.998
        theta, value = optimizer.step(theta, evaluate)
        values.append(value)
    return theta, before + values


def newton(evaluate: Evaluate, size: int) -> np.ndarray:
    """The minimum to rounding, by Newton steps with a Hessian by differences of gradients."""
    theta = np.zeros(size)
    for _ in range(30):
        columns = [(evaluate(theta + e)[1] - evaluate(theta - e)[1]) / 2e-5 for e in 1e-5 * np.eye(size)]
        theta = theta - np.linalg.solve(np.array(columns), evaluate(theta)[1])
    return theta


def test_momentum_by_hand() -> None:
    """g = t: from t = 1, rate .1, momentum .5."""
    theta, optimizer = np.array([1.0]), Sgd(0.1, 0.5)
    velocity, wanted = 0.0, 1.0
    for _ in range(3):
        theta, value = optimizer.step(theta, lambda t: (float(t[0] ** 2) / 2, t.copy()))
        assert value == pytest.approx(wanted**2 / 2)
        velocity = 0.5 * velocity + wanted
        wanted -= 0.1 * velocity
        assert theta[0] == pytest.approx(wanted, rel=1e-14)
    assert wanted == pytest.approx(0.614)  # v: 1, 1.4, 1.46; t: 0.9, 0.76, 0.614


def test_nesterov_by_hand() -> None:
    theta, optimizer = np.array([1.0]), Sgd(0.1, 0.5, nesterov=True)
    velocity, wanted = 0.0, 1.0
    for _ in range(3):
        theta, _ = optimizer.step(theta, lambda t: (0.0, t.copy()))
        velocity = 0.5 * velocity + wanted
        wanted -= 0.1 * (wanted + 0.5 * velocity)
        assert theta[0] == pytest.approx(wanted, rel=1e-14)


def test_adam_by_hand() -> None:
    """Gradients 1, -2, 4, whatever theta is."""
    theta, optimizer = np.array([0.0]), Adam(0.1, 0.8, 0.9, 1e-3)
    gradients = [1.0, -2.0, 4.0]
    means = [0.2, -0.24, 0.608]
    squares = [0.1, 0.49, 2.041]
    wanted = 0.0
    for count, (gradient, mean, square) in enumerate(zip(gradients, means, squares), start=1):
        theta, value = optimizer.step(theta, lambda t, g=gradient: (7.0, np.array([g])))
        wanted -= 0.1 * (mean / (1 - 0.8**count)) / ((square / (1 - 0.9**count)) ** 0.5 + 1e-3)
        assert theta[0] == pytest.approx(wanted, rel=1e-13)
        assert value == 7.0


def test_the_first_step_of_adam_is_the_rate_and_a_scale_multiplies_it() -> None:
    for scale in (1.0, 0.25):
        optimizer = Adam(0.1, 0.9, 0.999, 1e-12, scale=scale)
        theta, _ = optimizer.step(np.zeros(2), lambda t: (0.0, np.array([1e-3, -50.0])))
        np.testing.assert_allclose(theta, [-0.1 * scale, 0.1 * scale])
    sgd = Sgd(0.1)
    sgd.scale = 0.5
    assert sgd.step(np.zeros(1), lambda t: (0.0, np.ones(1)))[0] == pytest.approx(-0.05)


def test_a_gradient_is_clipped_by_its_length() -> None:
    gradient = np.array([3.0, 4.0])
    np.testing.assert_allclose(clipped(gradient, 1.0), [0.6, 0.8])
    assert clipped(gradient, 5.0) is gradient
    assert clipped(gradient, None) is gradient
    theta, _ = Sgd(1.0, clip=1.0).step(np.zeros(2), lambda t: (0.0, gradient))
    np.testing.assert_allclose(theta, [-0.6, -0.8])


@pytest.mark.parametrize("name", MAKERS)
def test_the_minimum_of_a_quadratic(name: str) -> None:
    evaluate, best = quadratic(np.array([1.0, 2.0, 5.0, 10.0]))
    theta, values = annealed(MAKERS[name](), evaluate, np.zeros(4), 8000)
    np.testing.assert_allclose(theta, best, atol=1e-6)
    assert values[0] == evaluate(np.zeros(4))[0]
    assert values[-1] == pytest.approx(3.0)


@pytest.mark.parametrize("name", MAKERS)
def test_the_minimum_of_a_logistic_regression(name: str) -> None:
    evaluate = logistic()
    theta, _ = annealed(MAKERS[name](), evaluate, np.zeros(4), 12000)
    np.testing.assert_allclose(theta, newton(evaluate, 4), atol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("before", [0, 1, 7])
def test_a_restored_state_goes_on_to_the_bit(name: str, before: int) -> None:
    evaluate, start = logistic(), np.full(4, 0.3)
    first = MAKERS[name]()
    first.scale = 0.5
    theta, _ = run(first, evaluate, start, before)
    state = {key: value.copy() for key, value in first.state().items()}
    assert all(isinstance(value, np.ndarray) and value.dtype != object for value in state.values())
    wanted, values = run(first, evaluate, theta, 5)
    second = MAKERS[name]()
    second.restore(state)
    found, again = run(second, evaluate, theta, 5)
    assert np.array_equal(found, wanted)
    assert again == values
    assert second.converged == first.converged


def test_lbfgs_on_an_ill_conditioned_quadratic() -> None:
    evaluate, best = quadratic(np.logspace(-2, 2, 50))
    optimizer, theta = Lbfgs(20, 1e-7), np.zeros(50)
    steps = 0
    while not optimizer.converged:
        theta, _ = optimizer.step(theta, evaluate)
        steps += 1
        assert steps < 800
    np.testing.assert_allclose(theta, best, atol=1e-3)
    assert evaluate(theta)[0] == pytest.approx(3.0, abs=1e-9)


def test_lbfgs_on_rosenbrock() -> None:
    optimizer, theta = Lbfgs(10, 1e-10), np.array([-1.2, 1.0])
    values = []
    while not optimizer.converged:
        theta, value = optimizer.step(theta, rosenbrock)
        values.append(value)
        assert len(values) < 80
    np.testing.assert_allclose(theta, [1, 1], atol=1e-8)
    assert all(later <= before + 1e-12 for before, later in pairwise(values))


def test_lbfgs_evaluates_nothing_twice() -> None:
    seen: list[bytes] = []
    evaluate = logistic()

    def counted(theta: np.ndarray) -> tuple[float, np.ndarray]:
        seen.append(theta.tobytes())
        return evaluate(theta)

    run(Lbfgs(5, 1e-9), counted, np.zeros(4), 15)
    assert len(seen) == len(set(seen))


def test_lbfgs_stops_where_rounding_leaves_nothing_to_gain() -> None:
    optimizer, theta, evaluate = Lbfgs(5, 0.0), np.zeros(4), logistic()
    for _ in range(200):
        theta, _ = optimizer.step(theta, evaluate)
        if optimizer.converged:
            break
    assert optimizer.converged
    assert np.linalg.norm(evaluate(theta)[1]) < 1e-7
    kept, _ = optimizer.step(theta, evaluate)
    assert np.array_equal(kept, theta)


def test_lbfgs_starts_again_from_elsewhere() -> None:
    evaluate, best = quadratic(np.array([1.0, 2.0, 5.0]))
    optimizer = Lbfgs(5, 1e-9)
    run(optimizer, evaluate, np.zeros(3), 50)
    assert optimizer.converged
    theta, values = run(optimizer, evaluate, np.full(3, 9.0), 50)
    assert values[0] == evaluate(np.full(3, 9.0))[0]
    np.testing.assert_allclose(theta, best, atol=1e-7)


def test_lbfgs_backs_out_of_where_the_objective_overflows() -> None:
    """-log t + t, which is nan or infinite for t <= 0."""

    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(all="ignore"):
            return float(theta[0] - np.log(theta[0])), 1 - 1 / theta

    theta, _ = run(Lbfgs(5, 1e-10), evaluate, np.array([30.0]), 40)
    assert theta[0] == pytest.approx(1.0)


@pytest.mark.parametrize("name", MAKERS)
def test_values_that_are_not_finite_raise_nothing(name: str) -> None:
    for bad in (np.nan, np.inf):
        optimizers = [MAKERS[name]() for _ in range(2)]
        found = [run(optimizer, lambda t, b=bad: (b, np.full(3, b)), np.ones(3), 3) for optimizer in optimizers]
        assert np.array_equal(found[0][0], found[1][0], equal_nan=True)


def test_the_line_search_meets_the_strong_wolfe_conditions() -> None:
    for first in (1e-6, 1e-3, 1.0, 50.0):
        theta = np.array([-1.2, 1.0])
        value, slope = rosenbrock(theta)
        point = search(rosenbrock, theta, value, slope, -slope, first)
        assert point is not None
        along = -float(slope @ slope)
        assert point.value <= value + 1e-4 * point.step * along
        assert abs(point.slope) <= 0.9 * abs(along)
        assert point.value == rosenbrock(point.theta)[0]


def test_a_line_without_a_lower_point_gives_none() -> None:
    theta = np.zeros(1)
    assert search(lambda t: (float(abs(t[0])), np.sign(t)), theta, 0.0, np.array([-1.0]), np.ones(1), 1.0) is None


def test_lbfgs_ends_where_the_objective_has_settled() -> None:
    evaluate, _ = quadratic(np.geomspace(1e-6, 1.0, 30))
    settled, exact = Lbfgs(5, 1e-9, settled=1e-3), Lbfgs(5, 1e-9)
    ends = []
    for optimizer in (settled, exact):
        theta, steps = np.zeros(30), 0
        while not optimizer.converged and steps < 500:
            theta, _ = optimizer.step(theta, evaluate)
            steps += 1
        ends.append((steps, evaluate(theta)[0]))
    assert 10 <= ends[0][0] < ends[1][0]
    assert ends[0][1] == pytest.approx(ends[1][1], rel=5e-3)


def test_lbfgs_goes_on_looking_over_the_same_steps() -> None:
    """What it looks back on is part of its state."""
    evaluate, _ = quadratic(np.geomspace(1e-4, 1.0, 20))
    first = Lbfgs(5, 1e-9, settled=1e-3)
    theta = np.zeros(20)
    for _ in range(7):
        theta, _ = first.step(theta, evaluate)
    second = Lbfgs(5, 1e-9, settled=1e-3)
    second.restore(first.state())
    counts = []
    for optimizer in (first, second):
        at, steps = theta, 0
        while not optimizer.converged:
            at, _ = optimizer.step(at, evaluate)
            steps += 1
        counts.append((steps, at.tolist()))
    assert counts[0] == counts[1]

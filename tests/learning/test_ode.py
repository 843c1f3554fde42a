"""The ODE recognisers: adjoints against directional derivatives for every stepper, cost and memory; fixed points."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lattice_cli.errors import NotConverged, TrainingFailed, UsageError
from lattice_cli.formats import bind
from lattice_cli.graph import Inputs
from lattice_cli.learning.networks import (
    SOLVERS,
    STEPPERS,
    FixedPointNetwork,
    Network,
    OdeNetwork,
    Parameters,
    fixed_point,
)
from lattice_cli.learning.networks.vector_field import VectorField, step
from lattice_cli.learning.training import Problem, TrainConfig, build_model, examples_of


def moved(network: Network, rng: np.random.Generator, size: float = 0.1) -> Parameters:
    """Parameters where every gradient is a general one."""
    return {name: value + size * rng.standard_normal(value.shape) for name, value in network.initial(rng).items()}


def require_gradients(network: Network, parameters: Parameters, inputs: np.ndarray, tolerance: float) -> None:
    rng = np.random.default_rng(3)
    outputs, pullback = network.forward(parameters, inputs)
    seed = rng.standard_normal(outputs.shape)
    gradient = pullback(seed)
    assert list(gradient) == list(parameters) == list(network.initial(rng))
    for name, value in parameters.items():
        along = rng.standard_normal(value.shape)
        above, below = (
            float((seed * network.forward({**parameters, name: value + h * along}, inputs)[0]).sum())
            for h in (1e-5, -1e-5)
        )
        wanted = float((gradient[name] * along).sum())
        assert wanted == pytest.approx((above - below) / 2e-5, rel=tolerance, abs=tolerance)
    again = pullback(seed)
    assert all(np.array_equal(gradient[name], again[name]) for name in parameters)


@pytest.mark.parametrize("stepper", STEPPERS)
@pytest.mark.parametrize("cost", ["last", "mean", "every"])
@pytest.mark.parametrize("checkpoints", [0, 1, 2, 3, 7, 100])
def test_the_discrete_adjoint_is_exact(stepper: str, cost: str, checkpoints: int) -> None:
    network = OdeNetwork(4, 5, 3, steps=7, time=3.0, stepper=stepper, cost=cost, checkpoints=checkpoints)
    rng = np.random.default_rng(1)
    parameters = moved(network, rng, 0.5)
    require_gradients(network, parameters, rng.standard_normal((6, 4)), 1e-7)


@pytest.mark.parametrize("stepper", STEPPERS)
@pytest.mark.parametrize("cost", ["last", "mean", "every"])
def test_checkpoints_change_nothing_but_memory(stepper: str, cost: str) -> None:
    found, most = [], []
    for checkpoints in (0, 1, 4, 6):
        network = OdeNetwork(4, 5, 3, steps=16, time=3.0, stepper=stepper, cost=cost, checkpoints=checkpoints)
        parameters = moved(network, np.random.default_rng(7))
        outputs, pullback = network.forward(parameters, np.ones((2, 4)))
        found.append(pullback(np.ones(outputs.shape)))
        most.append(network.most_states)
    assert most == ([16] * 4 if cost == "every" else [16, 17, 8, 9])
    for other in found[1:]:
        assert all(np.array_equal(array, other[name]) for name, array in found[0].items())


@pytest.mark.parametrize(("stepper", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_steps_have_their_order_and_the_continuous_adjoint_comes_near_with_it(stepper: str, order: int) -> None:
    rng = np.random.default_rng(4)
    base = OdeNetwork(4, 5, 3, time=1.0)
    parameters, inputs = moved(base, rng, 0.3), rng.standard_normal((3, 4))
    exact = OdeNetwork(4, 5, 3, steps=512, time=1.0, stepper="rk4").forward(parameters, inputs)[0]
    errors, apart = [], []
    for steps in (8, 16, 32):
        network = OdeNetwork(4, 5, 3, steps=steps, time=1.0, stepper=stepper)
        outputs, pullback = network.forward(parameters, inputs)
        errors.append(np.abs(outputs - exact).max())
        ahead = OdeNetwork(4, 5, 3, steps=steps, time=1.0, stepper=stepper, continuous=True)
        _, flowing = ahead.forward(parameters, inputs)
        ours, theirs = pullback(np.ones(outputs.shape)), flowing(np.ones(outputs.shape))
        apart.append(max(np.abs(ours[name] - theirs[name]).max() for name in parameters))
        assert ahead.most_states == 1
    for worse, better in ((errors[0], errors[1]), (errors[1], errors[2]), (apart[0], apart[1]), (apart[1], apart[2])):
        assert worse / better == pytest.approx(2**order, rel=0.35)


@pytest.mark.parametrize("stepper", STEPPERS)
def test_what_is_read_at_a_step_is_what_the_steps_so_far_come_to(stepper: str) -> None:
    rng = np.random.default_rng(2)
    network = OdeNetwork(4, 5, 3, steps=6, time=3.0, stepper=stepper, cost="every")
    parameters, inputs = moved(network, rng), rng.standard_normal((2, 4))
    every = network.forward(parameters, inputs)[0].reshape(6, 2, 3)
    for steps, found in enumerate(every, 1):
        short = replace(network, steps=steps, time=steps * network.length, cost="last")
        np.testing.assert_allclose(found, short.forward(parameters, inputs)[0], rtol=1e-12)
    mean = replace(network, cost="mean").forward(parameters, inputs)[0]
    np.testing.assert_allclose(mean, every.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize(("stepper", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
@pytest.mark.parametrize("cost", ["mean", "every"])
def test_the_continuous_adjoint_with_a_source_at_every_step(stepper: str, order: int, cost: str) -> None:
    apart = []
    for steps in (16, 32, 64):
        network = OdeNetwork(4, 5, 3, steps=steps, time=1.0, stepper=stepper, cost=cost)
        parameters, inputs = moved(network, np.random.default_rng(4), 0.3), np.eye(3, 4)
        outputs, pullback = network.forward(parameters, inputs)
        seed = np.full(outputs.shape, 1.0 / len(outputs))
        ours, theirs = pullback(seed), replace(network, continuous=True).forward(parameters, inputs)[1](seed)
        apart.append(max(np.abs(ours[name] - theirs[name]).max() for name in parameters))
    for worse, better in pairwise(apart):
        assert worse / better == pytest.approx(2**order, rel=0.35)


def test_a_step_is_that_of_the_books() -> None:
    rng = np.random.default_rng(6)
    field = VectorField(rng.standard_normal((3, 3)), rng.standard_normal((2, 3)))
    state, dt = rng.standard_normal((2, 3)), 0.3

    def slope(z: np.ndarray) -> np.ndarray:
        return np.tanh(z @ field.weight + field.drive) - z

    first = slope(state)
    second = slope(state + dt / 2 * first)
    third = slope(state + dt / 2 * second)
    fourth = slope(state + dt * third)
    wanted = {
        "euler": state + dt * first,
        "midpoint": state + dt * second,
        "rk4": state + dt / 6 * (first + 2 * second + 2 * third + fourth),
    }
    for name, tableau in STEPPERS.items():
        np.testing.assert_allclose(step(field, tableau, state, dt), wanted[name], rtol=1e-13)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from(SOLVERS), st.sampled_from([0.3, 1.0, 2.5]))
def test_fixed_points_are_found_and_differentiated(seed: int, solver: str, strength: float) -> None:
    rng = np.random.default_rng(seed)
    network = FixedPointNetwork(4, 5, 3, solver=solver, iterations=15)
    parameters = moved(network, rng)
    parameters["recurrent.weight"] *= strength
    inputs = rng.standard_normal((4, 4))
    field = network.field(parameters, inputs)
    solution = network.solve(field)
    assert (np.abs(field.slope(solution.state)) <= 1e-10).all()
    np.testing.assert_array_equal(solution.residual <= 1e-10, True)
    source = rng.standard_normal(solution.state.shape)
    multiplier = network.multiplier(field, solution.state, source)
    inner = 1 - np.tanh(solution.state @ field.weight + field.drive) ** 2
    for row in range(4):
        jacobian = inner[row][:, None] * field.weight.T  # dg_j / dz_k
        np.testing.assert_allclose((np.eye(5) - jacobian).T @ multiplier[row], source[row], atol=1e-7)
        radius = np.abs(np.linalg.eigvals(jacobian)).max()
        assert network.radius(field, solution.state)[row] == pytest.approx(radius)
    if (network.radius(field, solution.state) < 0.9).all():
        # A difference over 1e-5 needs fixed points that are that much more exact.
        require_gradients(replace(network, tolerance=1e-13), parameters, inputs, 1e-6)


@pytest.mark.parametrize("size", [0.2, 1.0, 3.0])
def test_a_bounded_weight_is_a_contraction_and_is_differentiated(size: float) -> None:
    rng = np.random.default_rng(8)
    network = FixedPointNetwork(4, 5, 3, norm=0.9)
    parameters = moved(network, rng, size)
    bounded, _ = network.bounded(parameters["recurrent.weight"])
    own = np.linalg.norm(parameters["recurrent.weight"], 2)
    assert np.linalg.norm(bounded, 2) == pytest.approx(min(own, 0.9))
    require_gradients(network, parameters, rng.standard_normal((4, 4)), 1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_iteration_does_not_find_the_solver_does(solver: str) -> None:
    """A field that turns round: iteration goes round for ever, at any start but the fixed point."""
    network = FixedPointNetwork(2, 2, 1, solver=solver, iterations=30)
    parameters = {
        "drive.weight": np.eye(2), "drive.bias": np.zeros(2), "recurrent.weight": np.array([[0.0, 4.0], [-4.0, 0.0]]),
        "readout.weight": np.ones((2, 1)), "readout.bias": np.zeros(1),
    }  # fmt: skip
    inputs = np.array([[0.3, -0.1], [0.0, 0.2]])
    field = network.field(parameters, inputs)
    solution = network.solve(field)
    assert solution.iterations == 30
    assert (solution.further > 0).all()
    assert (network.radius(field, solution.state) > 1).all()
    require_gradients(network, parameters, inputs, 1e-6)


def test_a_fixed_point_that_is_not_found_is_said_with_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_point, "_NEWTON", 1)
    monkeypatch.setattr(fixed_point, "_ATTEMPTS", 1)
    network = FixedPointNetwork(1, 1, 1, iterations=3)
    with pytest.raises(NotConverged, match=r"no fixed point found: \|f\| is .* after 3 iterations") as caught:
        network.forward(moved(network, np.random.default_rng(0)), np.ones((2, 1)))
    assert caught.value.item == 0
    told: dict[str, Any] = {"recognizer": {"kind": "ode", "ode": {"form": "fixed-point", "iterations": 2}}}
    records = [Inputs(f"r{number}", "test", np.zeros((2, 3)), "ab") for number in range(3)]
    records[1] = Inputs("r1", "test", np.ones((2, 3)), "ab")  # nothing at 0, where the fixed point is 0 exactly
    model = build_model(bind(TrainConfig, told, "test"), "ab", 3)
    problem = Problem(model, examples_of(model, records), 3)
    with pytest.raises(TrainingFailed, match="record 'r1'"):
        problem.value(problem.flat(model.initial(np.random.default_rng(0))), problem.pieces)


def test_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="each needs at least 1"):
        OdeNetwork(0, 1, 1)
    with pytest.raises(UsageError, match="inputs of shape"):
        OdeNetwork(2, 1, 1).forward({}, np.zeros((1, 3)))


@pytest.mark.parametrize("told", ["fixed-point", {"form": "fixed-point"}])
def test_a_section_can_be_given_by_its_form_alone(told: Any) -> None:
    config = bind(TrainConfig, {"recognizer": {"kind": "ode", "ode": told}}, "test")
    assert config.recognizer.ode.form == "fixed-point"

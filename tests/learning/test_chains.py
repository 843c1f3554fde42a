"""Chains with costs: states, multipliers and gradients against plain Python and finite differences."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lattice_cli.learning.chains import FUNCTIONS, Expression, NotFinite, StateChain, checked, fitted, solved

PYTHON = {
    **{name: getattr(math, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tanh")},
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "relu": lambda x: max(x, 0.0),
    "abs": abs,
    "min": min,
    "max": max,
}
NAMES = ("x", "y")


def formulas(depth: int = 3) -> st.SearchStrategy[str]:
    numbers = st.floats(0.25, 3).map(lambda value: f"{value:.3f}")
    leaves = st.one_of(st.sampled_from(NAMES), numbers)
    if not depth:
        return leaves
    inner = formulas(depth - 1)
    return st.one_of(
        leaves,
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda each: f"({' '.join(each)})"),
        st.tuples(inner, st.integers(1, 3)).map(lambda each: f"({each[0]}) ^ {each[1]}"),
        st.tuples(st.sampled_from([*FUNCTIONS]), inner).map(lambda each: f"{each[0]}({each[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda each: f"{each[0]}({each[1]}, {each[2]})"),
        inner.map(lambda each: f"-{each}" if each[0] != "-" else each),
    )


@given(formulas(), st.floats(0.2, 2), st.floats(0.2, 2))
@settings(max_examples=300)
def test_formulas_have_the_values_of_python_and_the_slopes_of_differences(text: str, x: float, y: float) -> None:
    def plain(x: float, y: float) -> float:
        return float(eval(text.replace("^", "**"), {"__builtins__": {}}, {**PYTHON, "x": x, "y": y}))

    expression = Expression.of(text)
    try:
        expected = plain(x, y)
        step = 1e-6
        sides = [[plain(x + a, y + b) for a, b in ((s, 0.0), (0.0, s))] for s in (step, -step)]
        value, slopes = expression.at({"x": x, "y": y}, NAMES)
    except (ArithmeticError, ValueError, TypeError):
        assume(False)
        return
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)
    differences = (np.array(sides[0]) - np.array(sides[1])) / (2 * step)
    smooth = np.abs(np.array(sides[0]) + np.array(sides[1]) - 2 * expected) < 1e-8 * max(1.0, abs(expected))
    size = max(1.0, abs(expected), float(np.abs(differences).max()))
    assume(size < 1e3)
    np.testing.assert_allclose(slopes[smooth], differences[smooth], atol=1e-4 * size)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x +", "is no formula"),
        ("x if y else 1", "has 'x if y else 1' in it"),
        ("__import__('os')", "calls '__import__'"),
        ("x.__class__.y", "has 'x.__class__.y' in it"),
        ("sin(x, y)", "gives sin 2 arguments, expected 1"),
        ("[x]", "has '[x]' in it"),
        ("'a' * 3", "has \"'a'\" in it"),
        ("x" + "+x" * 300, "nested more than"),
        ("1" * 3000, "3000 characters"),
        ("2(x)", "has '2(x)' in it"),
    ],
)
def test_what_is_no_formula_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Expression.of(text)


@pytest.mark.parametrize("text", ["log(x - x)", "1 / (x - x)", "sqrt(x - 3)", "x ^ 9 ^ 9 ^ 9", "exp(1000 * x)"])
def test_what_has_no_value_is_told(text: str) -> None:
    with pytest.raises(NotFinite):
        Expression.of(text).at({"x": 3.0}, ["x"])


@st.composite
def chains(draw: st.DrawFn) -> StateChain:
    numbers = st.floats(-1, 1)
    steps = draw(st.integers(1, 5))
    states = ("p", "q")[: draw(st.integers(1, 2))]
    both = states[-1]
    moves = [
        draw(st.sampled_from([f"tanh(w * {each} + u)", f"{each} + 0.3 * u * {both}", "0.5 * w * p - 0.1 * k + u"]))
        for each in states
    ]
    target = ["", f" + 0.1 * start.{both} * p"][draw(st.integers(0, 1))]
    each = Expression.of(f"(p - y)^2{target}") if draw(st.booleans()) else None
    end = Expression.of(f"cos({both}) * y") if each is None or draw(st.booleans()) else None
    return StateChain(
        states,
        np.array([draw(numbers) for _ in states]),
        tuple(map(Expression.of, moves)),
        steps,
        {"w": np.full(steps, draw(numbers)), "u": np.array([draw(numbers) for _ in range(steps)])},
        frozenset({"w"}),
        {"y": np.array([draw(numbers) for _ in range(steps + 1)])},
        each,
        end,
    )


@given(chains())
@settings(max_examples=100)
def test_multipliers_and_gradients_are_those_of_differences(chain: StateChain) -> None:
    found = solved(chain)
    names = ("w", "u", *chain.states)
    check = checked(found, names)
    assert not check.failed
    assert len(check.gradient) == 1 + chain.steps + len(chain.states)
    for residual in found.residuals:
        np.testing.assert_allclose(residual, 0, atol=1e-12)
    total, z = 0.0, chain.start
    for k in range(chain.steps):
        z = chain.move(z, k)[0]
        total += chain.cost(z, k + 1)[0]
    assert found.total == pytest.approx(total)


def test_a_state_reaches_its_target() -> None:
    """z_K = z_0 prod(w): one weight for all steps, so w = (goal / z_0)^(1/K)."""
    chain = StateChain(
        ("z",),
        np.array([2.0]),
        (Expression.of("w * z"),),
        4,
        {"w": np.full(4, 0.7)},
        frozenset({"w"}),
        {"goal": np.full(5, 5.0)},
        None,
        Expression.of("(z - goal)^2"),
    )
    fit = fitted(chain, ["w"], 100)
    assert fit.converged
    assert fit.costs[0] == solved(chain).total
    assert fit.found.chain.weights["w"] == pytest.approx(np.full(4, 2.5**0.25))
    assert fit.found.total == pytest.approx(0, abs=1e-12)

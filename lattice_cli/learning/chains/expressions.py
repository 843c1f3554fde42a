"""Formulas of one line, such as `tanh(a * x) - 0.5 * y ^ 2`, with their derivatives by every name in them.

Derivatives are taken forward, by dual numbers: each value carries its derivative by every variable (Wengert 1964).
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray

#: A value, and its derivative by each variable; a plain number has none.
Dual: TypeAlias = "tuple[float, FloatArray | float]"
#: Deeper formulas are refused: Python's parser and ours go down them.
_DEEPEST = 200
_LONGEST = 2_000


class NotFinite(ArithmeticError):
    """A formula has no finite value, or no derivative, where it was asked for."""


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


#: Function -> itself and its derivative. relu, abs, min and max have one-sided derivatives at their kinks.
FUNCTIONS: Mapping[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "exp": (math.exp, math.exp),
    "log": (math.log, lambda x: 1 / x),
    "sqrt": (math.sqrt, lambda x: 0.5 / math.sqrt(x)),
    "sin": (math.sin, math.cos),
    "cos": (math.cos, lambda x: -math.sin(x)),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
    "softplus": (_softplus, _sigmoid),
    "relu": (lambda x: max(x, 0.0), lambda x: float(x > 0)),
    "abs": (abs, _sign),
}
_OPERATORS: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}


@dataclass(frozen=True, eq=False)
class Expression:
    """A formula. text: as it was written. names: those in it, `start.x` among them."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    @staticmethod
    def of(text: str) -> Expression:
        """The formula of a text: numbers, names, + - * / ^ (or **), parentheses and FUNCTIONS. Raises ValueError with
        what is wrong and where."""
        if len(text) > _LONGEST:
            raise ValueError(f"has {len(text)} characters, expected {_LONGEST} at most")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Python's, on what is refused below
                tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            place = getattr(error, "offset", None)
            raise ValueError(f"is no formula{'' if place is None else f' from character {place} on'}") from None
        names: dict[str, None] = {}
        _collect(tree, names, 0)
        return Expression(text, tuple(names), tree)

    def at(self, values: Mapping[str, float], by: Sequence[str]) -> tuple[float, FloatArray]:
        """Its value, and (by,) its derivatives by these names. Raises NotFinite."""
        duals: dict[str, Dual] = {name: (value, 0.0) for name, value in values.items()}
        for place, name in enumerate(by):
            unit = np.zeros(len(by))
            unit[place] = 1.0
            duals[name] = values[name], unit
        try:
            with np.errstate(over="raise", invalid="raise"):
                value, slope = _evaluated(self.tree, duals)
        except (ArithmeticError, ValueError):
            raise NotFinite(self.text) from None
        slopes = np.zeros(len(by)) + slope
        if not (math.isfinite(value) and np.isfinite(slopes).all()):
            raise NotFinite(self.text)
        return value, slopes


def _name_of(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return None


def _collect(node: ast.expr, names: dict[str, None], depth: int) -> None:
    """The names of a formula. Raises ValueError for what no formula has."""
    if depth > _DEEPEST:
        raise ValueError(f"is nested more than {_DEEPEST} deep")
    name = _name_of(node)
    if name is not None:
        names[name] = None
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        _collect(node.left, names, depth + 1)
        _collect(node.right, names, depth + 1)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        _collect(node.operand, names, depth + 1)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        called, given = node.func.id, len(node.args)
        if called not in FUNCTIONS and called not in ("min", "max"):
            raise ValueError(f"calls {called!r}, expected one of {', '.join((*FUNCTIONS, 'min', 'max'))}")
        expected = 1 if called in FUNCTIONS else 2
        if given != expected:
            raise ValueError(f"gives {called} {given} arguments, expected {expected}")
        for each in node.args:
            _collect(each, names, depth + 1)
    elif not (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
        raise ValueError(f"has {ast.unparse(node)!r} in it, expected numbers, names, + - * / ^ and functions")


def _evaluated(node: ast.expr, values: Mapping[str, Dual]) -> Dual:
    name = _name_of(node)
    if name is not None:
        return values[name]
    if isinstance(node, ast.Constant):
        return float(node.value), 0.0  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp):
        value, slope = _evaluated(node.operand, values)
        return (-value, -slope) if isinstance(node.op, ast.USub) else (value, slope)
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        arguments = [_evaluated(each, values) for each in node.args]
        if node.func.id in FUNCTIONS:
            function, derivative = FUNCTIONS[node.func.id]
            ((value, slope),) = arguments
            # What does not vary needs no derivative, which sqrt has not at 0.
            return function(value), derivative(value) * slope if np.any(slope) else 0.0
        pick = min if node.func.id == "min" else max
        return pick(arguments, key=lambda each: each[0])
    assert isinstance(node, ast.BinOp)
    return _combined(node.op, _evaluated(node.left, values), _evaluated(node.right, values))


def _combined(operator: ast.operator, one: Dual, other: Dual) -> Dual:
    (a, da), (b, db) = one, other
    if isinstance(operator, ast.Add):
        return a + b, da + db
    if isinstance(operator, ast.Sub):
        return a - b, da - db
    if isinstance(operator, ast.Mult):
        return a * b, da * b + a * db
    if isinstance(operator, ast.Div):
        return a / b, (da - a / b * db) / b
    value = math.pow(a, b)
    slope: FloatArray | float = 0.0
    if np.any(da):
        slope = b * math.pow(a, b - 1) * da if b else 0.0
    if np.any(db):
        slope = slope + value * math.log(a) * db
    return value, slope

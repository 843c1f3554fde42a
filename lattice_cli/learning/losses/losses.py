"""The losses of energy-based learning, as functions of a few energies, with their derivatives.

E_C is the energy of the correct answer, E_I that of the most offending incorrect answer (+inf if there is none), F_all
the free energy of all paths. d = E_C - E_I. (LeCun, Chopra, Hadsell, Ranzato, Huang 2006, "A Tutorial on Energy-Based
Learning", table 1; minimum empirical error and nll as in LeCun, Bottou, Bengio, Haffner 1998.) The lecture prints
square-square with a minus sign, which pulls wrong answers down; here it is a plus, and `printed` shows the other one.
To the ten of the lecture comes the expected edit distance (mwer), which is of no E_C, but of all paths by their errors.

Every loss contrasts E_C with one value at most, E_I, F_all or the expected errors, so its gradient is `by_correct`
times that of E_C plus `by_contrast` times that of the other one. Whoever asks for losses, of one record or of many,
asks `Loss.at` or `Loss.many`: a new loss is a function here and a line in LOSSES.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray, in_range

_TIE = "E_C = E_I"


def negligible(gap: float, energy: float) -> bool:
    """True if energies of this size are the same in spite of this gap between them: a tie."""
    return gap <= 1e-12 * max(1.0, abs(energy))


@dataclass(frozen=True)
class Settings:
    """margin m >= 0 (hinge, square-square), cap M > 0 (lvq2), gamma > 0 (square-exp), beta > 0 in 1/nats (nll, mee, and
    free energies of answers). printed: square-square with the lecture's sign, which is wrong."""

    margin: float = 1.0
    cap: float = 1.0
    gamma: float = 1.0
    beta: float = 1.0
    printed: bool = False


@dataclass(frozen=True)
class Energies:
    """correct: E_C; offending: E_I, +inf without an incorrect answer; all: F_all; errors: the expected edit distance, 0
    without a path; nan where no loss asks for it."""

    correct: float
    offending: float = math.nan
    all: float = math.nan
    errors: float = math.nan

    @property
    def difference(self) -> float:
        """d = E_C - E_I; -inf without an incorrect answer."""
        return self.correct - self.offending


@dataclass(frozen=True)
class Value:
    """A loss and its derivatives by the energies. kink: why the derivative is one-sided here, or empty."""

    value: float
    by_correct: float
    by_offending: float = 0.0
    by_all: float = 0.0
    by_errors: float = 0.0
    kink: str = ""

    @property
    def by_contrast(self) -> float:
        """Derivative by E_I, F_all or the expected errors, whichever the loss contrasts with."""
        return self.by_offending + self.by_all + self.by_errors


#: (E_C, F_all, settings) of many records -> the loss of each and its derivatives by both.
Columns: TypeAlias = Callable[[FloatArray, FloatArray, Settings], tuple[FloatArray, FloatArray, FloatArray]]


@dataclass(frozen=True)
class Loss:
    """A loss as a function of energies.

    margin: what separation it asks for, for the table. contrast: what E_C is held against: "offending", the energy of
    the most offending incorrect answer, "all", the free energy of all paths, or "nothing"; "errors": there is no E_C,
    but the expected edit distance. at_least_zero: it assumes
    energies of at least 0. over_all: E_I may as well be the least energy of all answers, the correct ones included.
    bends: its slope is continuous, but has kinks of its own. as_printed: what is to be said of it with
    settings.printed. columns: the function on many records at once, where there is one.

    at_kink: the derivatives by E_C and E_I that training takes at a kink. Any slope between those of the two sides is a
    subgradient there, and `at` gives that of the flat side: at a tie nothing has to change. But with weights of 0 all
    answers tie, and a training that took the flat side would never leave, so it takes that of the other side.
    """

    name: str
    margin: str
    function: Callable[[Energies, Settings], Value]
    contrast: str = "offending"
    at_least_zero: bool = False
    over_all: bool = False
    bends: bool = False
    as_printed: str = ""
    columns: Columns | None = None
    at_kink: tuple[float, float] = (1.0, -1.0)

    def __reduce__(self) -> tuple[Any, ...]:
        """How it goes to other processes: by its name."""
        return _named, (self.name,)

    @cached_property
    def soft(self) -> bool:
        """True if it contrasts with the free energy of all paths."""
        return self.contrast == "all"

    @cached_property
    def counts_errors(self) -> bool:
        """True if it is of expected errors, and not of E_C: the correct answer need not be in the graph."""
        return self.contrast == "errors"

    @cached_property
    def contrasts(self) -> bool:
        """True if the most offending incorrect answer enters."""
        return self.contrast == "offending"

    @cached_property
    def latent(self) -> str:
        """How an answer's energy is taken if the user does not say: by its free energy, or by its best path."""
        return "forward" if self.soft or self.counts_errors else "viterbi"

    def at(self, correct: float, contrast: float | None, settings: Settings) -> Value:
        """The loss of one record. contrast: E_I, F_all or the expected errors, None where there is none. Raises
        NumericOverflow."""
        if self.counts_errors:
            energies = Energies(correct, errors=0.0 if contrast is None else contrast)
        elif self.soft:
            energies = Energies(correct, all=math.nan if contrast is None else contrast)
        else:
            energies = Energies(correct, math.inf if contrast is None else contrast)
        other = "F_all" if self.soft else "E_I"
        with in_range(f"the loss at E_C = {correct:.6g}" + ("" if contrast is None else f", {other} = {contrast:.6g}")):
            found = self.function(energies, settings)
            if math.isinf(found.value) or math.isinf(found.by_correct):
                raise OverflowError
        return found

    def many(
        self, correct: FloatArray, contrast: FloatArray, settings: Settings
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(records,) losses, and the derivatives to learn by. contrast: (records,) as in `at`, +inf for none."""
        if self.columns is not None:
            return self.columns(correct, contrast, settings)
        values = [self.at(*energies, settings) for energies in zip(correct.tolist(), contrast.tolist())]
        slopes = [self.at_kink if value.kink else (value.by_correct, value.by_contrast) for value in values]
        by_correct, by_contrast = np.array(slopes).reshape(-1, 2).T
        return np.array([value.value for value in values]), by_correct, by_contrast


def _kink(at: float, what: str, e: Energies) -> str:
    """The name of a kink where `at` is 0 for energies of this size."""
    return what if negligible(abs(at), e.correct) else ""


def _energy(e: Energies, s: Settings) -> Value:
    return Value(e.correct, 1.0)


def _perceptron(e: Energies, s: Settings) -> Value:
    """E_C - min over answers of E: nothing once the correct answer is the best."""
    d = e.difference
    active = float(d > 0)
    return Value(max(0.0, d), active, -active, kink=_kink(d, _TIE, e))


def _hinge(e: Energies, s: Settings) -> Value:
    d = e.difference
    active = float(s.margin + d > 0)
    return Value(max(0.0, s.margin + d), active, -active, kink=_kink(s.margin + d, "E_C + margin = E_I", e))


def _log(e: Energies, s: Settings) -> Value:
    d = e.difference
    slope = _sigmoid(d)
    return Value(max(d, 0.0) + math.log1p(math.exp(-abs(d))), slope, -slope)


def _lvq2(e: Energies, s: Settings) -> Value:
    d = e.difference
    active = float(0 < d < s.cap)
    return Value(min(s.cap, max(0.0, d)), active, -active, kink=_kink(d, _TIE, e) or _kink(d - s.cap, "d = cap", e))


def _mce(e: Energies, s: Settings) -> Value:
    d = e.difference
    slope = _sigmoid(d) * _sigmoid(-d)
    return Value(_sigmoid(d), slope, -slope)


def _square_square(e: Energies, s: Settings) -> Value:
    short = max(0.0, s.margin - e.offending)
    sign = -1.0 if s.printed else 1.0
    return Value(e.correct**2 + sign * short**2, 2 * e.correct, -2.0 * sign * short)


def _square_exp(e: Energies, s: Settings) -> Value:
    push = s.gamma * math.exp(-e.offending)
    return Value(e.correct**2 + push, 2 * e.correct, -push)


def _nll(e: Energies, s: Settings) -> Value:
    return Value(e.correct - e.all, 1.0, by_all=-1.0)


def _mee(e: Energies, s: Settings) -> Value:
    """1 - P(correct), with P = exp(-beta (F_C - F_all))."""
    slope = s.beta * math.exp(-s.beta * (e.correct - e.all))
    return Value(-math.expm1(-s.beta * (e.correct - e.all)), slope, by_all=-slope)


def _mwer(e: Energies, s: Settings) -> Value:
    return Value(e.errors, 0.0, by_errors=1.0)


def _nll_columns(correct: FloatArray, all: FloatArray, s: Settings) -> tuple[FloatArray, FloatArray, FloatArray]:
    ones = np.ones(len(correct))
    return correct - all, ones, -ones


def _mee_columns(correct: FloatArray, all: FloatArray, s: Settings) -> tuple[FloatArray, FloatArray, FloatArray]:
    exponent = -s.beta * (correct - all)
    slope = s.beta * np.exp(exponent)
    return -np.expm1(exponent), slope, -slope


def _sigmoid(x: float) -> float:
    """1 / (1 + e^-x) without overflow; 0 at -inf."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


_PRINTED = "square-square with the lecture's printed sign, which is wrong: it pulls wrong answers down"

LOSSES = {
    loss.name: loss
    for loss in (
        Loss("energy", "none", _energy, contrast="nothing"),
        Loss("perceptron", "0", _perceptron, over_all=True),
        Loss("hinge", "m", _hinge),
        Loss("log", "> 0", _log),
        Loss("lvq2", "0", _lvq2),
        Loss("mce", "> 0", _mce),
        Loss("square-square", "m", _square_square, at_least_zero=True, bends=True, as_printed=_PRINTED),
        Loss("square-exp", "> 0", _square_exp, at_least_zero=True),
        Loss("nll", "> 0", _nll, contrast="all", columns=_nll_columns),
        Loss("mee", "> 0", _mee, contrast="all", columns=_mee_columns),
        Loss("mwer", "> 0", _mwer, contrast="errors"),
    )
}


def _named(name: str) -> Loss:
    return LOSSES[name]

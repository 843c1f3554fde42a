"""Gradients against finite differences, in float64, with kinks told from failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lattice_cli.arrays.types import BoolArray, FloatArray, IntArray
from lattice_cli.errors import LatticeError
from lattice_cli.learning.losses.loss_energies import AnswerEnergy, LossFailure, LossResult
from lattice_cli.learning.losses.losses import Value
from lattice_cli.sweep.forward_backward import sweep
from lattice_cli.sweep.scheduling import schedule_of

#: Up to this many arcs all are checked; of more, this many drawn at random, most of them with a gradient.
MOST_ARCS = 200
_EPS = float(np.finfo(np.float64).eps)
#: A slope that jumps by more than this over the step has a kink there: smooth ones change by the step, about 1e-5.
_JUMP = 1e-2


@dataclass(frozen=True, eq=False)
class Check:
    """arcs: (checked,) arcs of the side reported on. difference: (checked,) central differences there. error:
    (checked,) their distance to the gradient. kink: (checked,) true where the loss bends, so that no derivative exists.
    tolerance: what rounding and truncation explain. live: how many of the arcs have a gradient."""

    arcs: IntArray
    difference: FloatArray
    error: FloatArray
    kink: BoolArray
    tolerance: float
    live: int

    @property
    def failed(self) -> bool:
        """True if an error is beyond the tolerance at an arc where the loss is smooth."""
        return bool((self.error[~self.kink] > self.tolerance).any())

    @property
    def worst(self) -> tuple[float, int] | None:
        """The largest error at an arc where the loss is smooth, and the arc; None if there is none such."""
        smooth = np.flatnonzero(~self.kink)
        if not len(smooth):
            return None
        index = smooth[np.argmax(self.error[smooth])]
        return float(self.error[index]), int(self.arcs[index])


@dataclass(frozen=True, eq=False)
class RecordLosses:
    """The losses of a record, or why it does not have one; and of those it has the checks by name, where asked for."""

    losses: Sequence[LossResult | LossFailure]
    checks: Mapping[str, Check] = field(default_factory=dict)

    @property
    def sound(self) -> list[LossResult]:
        """The losses that it has."""
        return [each for each in self.losses if isinstance(each, LossResult)]


def checked(losses: Sequence[LossResult | LossFailure], of: str) -> RecordLosses | LatticeError:
    """The losses of a record with their gradients checked, or why they cannot be.

    Which arcs are looked at is drawn anew for each record, so that it does not hang on the others.
    """
    record = RecordLosses(losses)
    try:
        found = check(record.sound, of, np.random.default_rng(0))
    except LatticeError as error:
        return error
    return replace(record, checks={result.loss.name: each for result, each in zip(record.sound, found)})


def check(results: Sequence[LossResult], of: str, rng: np.random.Generator) -> list[Check]:
    """Central differences of the losses of one record by arcs of the side `of`.

    Each energy that the losses are made of is computed once for each change of an arc, whichever losses use it. The
    step balances truncation against rounding for the size of the energies and the sharpness of beta.
    """
    terms = {id(term): term for result in results for term in result.terms}
    beta = max(1.0, results[0].settings.beta)
    size = max(1.0, *(abs(term.energy) for term in terms.values()))
    step = float((_EPS * size / beta**2) ** (1 / 3))
    arcs = _chosen(results, rng)
    changed = {key: _Changed(term, results[0], of, arcs, step) for key, term in terms.items()}
    return [_checked(result, arcs, changed, step) for result in results]


def _chosen(results: Sequence[LossResult], rng: np.random.Generator) -> IntArray:
    """The arcs to check: all, or a random sample, three quarters of it from arcs by which some loss has a gradient."""
    arcs = len(results[0].gradient)
    if arcs <= MOST_ARCS:
        return np.arange(arcs)
    live = np.flatnonzero(sum(np.abs(result.gradient) for result in results))
    some = rng.choice(live, min(len(live), MOST_ARCS * 3 // 4), replace=False)
    others = np.setdiff1d(np.arange(arcs), some)
    return np.sort(np.concatenate([some, rng.choice(others, MOST_ARCS - len(some), replace=False)]))


class _Changed:
    """An energy with each of some arcs changed by a step up and down: up, down (checked,), and bends (checked,), true
    where it is not smooth, as a minimum over paths is not where the best path changes."""

    def __init__(self, term: AnswerEnergy, result: LossResult, of: str, arcs: IntArray, step: float) -> None:
        owner, share = result.interpretation.owner(of)
        at = np.append(owner, -1)[term.owner]
        weight = np.append(share, 0.0)[term.owner]
        schedule = schedule_of(term.graph)

        def energy(arc: int, change: float) -> float:
            moved = term.graph.with_energy(term.graph.energy + change * weight * (at == arc))
            return float(sweep(moved, term.semiring, schedule).totals[0])

        touched = np.isin(arcs, at)
        self.up, self.down = np.full(len(arcs), term.energy), np.full(len(arcs), term.energy)
        for index in np.flatnonzero(touched).tolist():
            self.up[index], self.down[index] = energy(int(arcs[index]), step), energy(int(arcs[index]), -step)
        slopes = (self.up - term.energy) / step, (term.energy - self.down) / step
        noise = 100 * _EPS * max(1.0, abs(term.energy)) / step
        self.bends: BoolArray = np.abs(slopes[0] - slopes[1]) > _JUMP + noise


def _checked(result: LossResult, arcs: IntArray, changed: dict[int, _Changed], step: float) -> Check:
    gradient = result.gradient[arcs]
    up, down, kink = [], [], np.zeros(len(arcs), dtype=bool)
    own = [changed[id(term)] for term in result.terms]
    for index in range(len(arcs)):
        high, low = (_value(result, changed, index, sign) for sign in (True, False))
        up.append(high.value)
        down.append(low.value)
        kink[index] = any(each.bends[index] for each in own) or _jumps(high, low)
    difference = (np.array(up) - np.array(down)) / (2 * step)
    error = np.abs(difference - gradient)
    size = max(1.0, abs(result.value.value), *(abs(term.energy) for term in result.terms))
    # Where a second derivative jumps a central difference is off by about the step.
    tolerance = 1e-7 + 100 * _EPS * size / step + 2 * step * result.loss.bends
    return Check(arcs, difference, error, kink & (error > tolerance), tolerance, int((gradient != 0).sum()))


def _value(result: LossResult, changed: dict[int, _Changed], index: int, up: bool) -> Value:
    """The loss with one arc changed."""
    correct, *contrast = (
        float((changed[id(term)].up if up else changed[id(term)].down)[index]) for term in result.terms
    )
    return result.loss.at(correct, contrast[0] if contrast else None, result.settings)


def _jumps(high: Value, low: Value) -> bool:
    """True if the loss itself changes its slope over the step, as a hinge does."""
    slopes = ((high.by_correct, low.by_correct), (high.by_contrast, low.by_contrast))
    return any(abs(one - other) > _JUMP * max(1.0, abs(one)) for one, other in slopes)

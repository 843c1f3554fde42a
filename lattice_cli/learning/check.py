"""Gradients against finite differences, in float64, with kinks told from failures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.graph import BoolArray, FloatArray, IntArray
from lattice_cli.graph.schedule import Schedule, schedule
from lattice_cli.graph.sweep import sweep
from lattice_cli.learning.losses import Energies
from lattice_cli.learning.objective import LossResult, Term

#: Up to this many arcs all are checked, of more a random sample of that size.
MOST_ARCS = 500


@dataclass(frozen=True, eq=False)
class Check:
    """arcs: (checked,) arcs of the side reported on. difference: (checked,) central differences there. error:
    (checked,) their distance to the gradient. kink: (checked,) true where the loss bends, so that no derivative exists.
    tolerance: what rounding and truncation explain."""

    arcs: IntArray
    difference: FloatArray
    error: FloatArray
    kink: BoolArray
    tolerance: float

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


def check(result: LossResult, of: str, rng: np.random.Generator) -> Check:
    """Central differences of a loss by arcs of the side `of`, all of them or a random sample of a large graph.

    The step balances truncation against rounding for the size of the energies and the sharpness of beta. Where the
    one-sided differences disagree and the gradient lies between them the loss has a kink.
    """
    arcs = len(result.gradient)
    chosen = np.arange(arcs) if arcs <= MOST_ARCS else np.sort(rng.choice(arcs, MOST_ARCS, replace=False))
    perturbed = _Perturbed(result, of)
    here = perturbed.loss(-1, 0.0)
    beta = max(1.0, result.settings.beta)
    size = max(1.0, abs(here), *(abs(term.energy) for term in perturbed.terms))
    step = float((np.finfo(np.float64).eps * size / beta**2) ** (1 / 3))
    tolerance = 1e-7 + 100 * np.finfo(np.float64).eps * size / step
    up = np.array([perturbed.loss(arc, step) for arc in chosen.tolist()])
    down = np.array([perturbed.loss(arc, -step) for arc in chosen.tolist()])
    difference = (up - down) / (2 * step)
    gradient = result.gradient[chosen]
    error = np.abs(difference - gradient)
    right, left = (up - here) / step, (here - down) / step
    between = (np.minimum(left, right) - tolerance <= gradient) & (gradient <= np.maximum(left, right) + tolerance)
    kink = (error > tolerance) & between & (np.abs(right - left) > 2 * tolerance)
    return Check(chosen, difference, error, kink, tolerance)


class _Perturbed:
    """A loss as a function of the energy of one arc."""

    def __init__(self, result: LossResult, of: str) -> None:
        self._result = result
        self.terms = [term for term in (result.correct, result.offending, result.all) if term is not None]
        self._plans: dict[int, Schedule] = {id(term): schedule(term.graph) for term in self.terms}
        side = result.interpretation.side(of)
        self._owner = {
            id(term): term.owner if side.arc_of is None else np.append(side.arc_of, -1)[term.owner]
            for term in self.terms
        }

    def loss(self, arc: int, change: float) -> float:
        """The loss with the energy of an arc of the side changed (-1: of none)."""
        result = self._result
        correct, offending, everything = (
            None if term is None else self._energy(term, arc, change)
            for term in (result.correct, result.offending, result.all)
        )
        assert correct is not None
        energies = Energies(
            correct, np.inf if offending is None else offending, np.nan if everything is None else everything
        )
        return result.loss.function(energies, result.settings).value

    def _energy(self, term: Term, arc: int, change: float) -> float:
        energy = term.graph.energy
        if arc >= 0:
            energy = energy + change * (self._owner[id(term)] == arc)
        return float(sweep(term.graph.with_energy(energy), term.reducer, self._plans[id(term)]).totals[0])

"""A loss of a record: the energies that it is made of, its gradient, and what a reader of the numbers has to know."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import LatticeError, counted
from lattice_cli.graph import Graph, Targets
from lattice_cli.learning.losses.expected_errors import MOST_ARCS, ErrorPaths
from lattice_cli.learning.losses.losses import Loss, Settings, Value, negligible
from lattice_cli.records import Interpretation
from lattice_cli.sweep import Semiring, Sweep


@dataclass(frozen=True, eq=False)
class AnswerEnergy:
    """One energy of a loss, or its expected errors.

    graph: whose paths it is taken over, in the way of `semiring`; gradient: (graph arcs,) its derivative. owner: (graph
    arcs,) the interpretation arc each of them comes from, -1 for none. output: the answer, None for all. gap: to the
    second-best path where the least path decides; 0 is a tie. bound: where the search for the answer ended without
    proof, what no other answer can be below; else None. again: from other energies of the record's arcs, and beta, to
    this energy, where the graph does not have all paths. paths: of expected errors; the energy is these then.
    """

    energy: float
    graph: Graph
    semiring: Semiring
    owner: IntArray
    gradient: FloatArray
    output: list[str] | None
    gap: float = np.inf
    bound: float | None = None
    again: Callable[[FloatArray, float], float] | None = None
    paths: ErrorPaths | None = None

    def solved(self, swept: Sweep) -> float:
        """The energy where its graph was swept at other energies."""
        if self.paths is None:
            return float(swept.totals[0])
        return self.paths.empty + float(swept.pushforward(self.paths.errors)[0])

    @cached_property
    def tied(self) -> bool:
        """True if another path is as good, so that the gradient is that of one of several."""
        return negligible(self.gap, self.energy)

    def by_interpretation(self, arcs: int) -> FloatArray:
        """(arcs,) the derivative by the interpretation's arcs, of which there are `arcs`."""
        return np.bincount(self.owner + 1, weights=self.gradient, minlength=arcs + 1)[1:].astype(np.float64)


@dataclass(frozen=True, eq=False)
class LossResult:
    """A loss of a record. gradient: (arcs,) by the arcs of the side asked for. contrast: what the loss holds
    against the correct answer; None if there is none, or if it asks for none. correct: None for a loss that is not of
    its energy. targets: all the answers that count as correct."""

    loss: Loss
    latent: str
    settings: Settings
    value: Value
    correct: AnswerEnergy | None
    contrast: AnswerEnergy | None
    gradient: FloatArray
    interpretation: Interpretation
    targets: Targets

    @cached_property
    def offending(self) -> AnswerEnergy | None:
        """The most offending incorrect answer, for a loss that contrasts with it."""
        return self.contrast if self.loss.contrasts else None

    @cached_property
    def all(self) -> AnswerEnergy | None:
        """All answers together, for a loss that contrasts with their free energy."""
        return self.contrast if self.loss.soft else None

    @property
    def terms(self) -> list[AnswerEnergy]:
        """The energies that the loss is made of."""
        return [term for term in (self.correct, self.contrast) if term is not None]

    def at(self, energies: Sequence[float]) -> Value:
        """The loss at other energies of its terms."""
        told = dict(zip(map(id, self.terms), energies))
        return self.loss.at(told.get(id(self.correct), math.nan), told.get(id(self.contrast)), self.settings)

    @cached_property
    def notes(self) -> list[str]:
        """What a reader of the numbers has to know: ties, kinks, an answer that is not proven, negative energies."""
        found = []
        for term, what in ((self.correct, "E_C"), (self.offending, "E_I")):
            if term is not None and term.tied:
                found.append(f"{what} is a tie: the gradient is that of one of several equally good ones")
            if term is not None and self.loss.at_least_zero and term.energy < 0:
                found.append(f"{self.loss.name} assumes energies of at least 0, but {what} is {term.energy:.6g}")
        if self.value.kink:
            found.append(f"kink ({self.value.kink}): the derivative is one-sided here")
        if self.offending is not None and self.offending.bound is not None:
            found.append(
                f"E_I is not proven: no incorrect answer is below {self.offending.bound:.6g}, this is the best found"
            )
        if self.loss.contrasts and self.offending is None:
            found.append("there is no incorrect answer: E_I is infinite and the loss at its limit")
        paths = self.contrast.paths if self.contrast is not None else None
        if paths is not None and paths.listed is not None:
            found.append(
                f"expected errors of the best {counted(paths.listed, 'answer')}: the graph with the edit automaton of "
                f"the target would have more than {MOST_ARCS:,} arcs"
            )
        if self.loss.as_printed and self.settings.printed:
            found.append(self.loss.as_printed)
        return found


@dataclass(frozen=True)
class LossFailure:
    """A loss of a record that cannot be computed, where others can."""

    loss: Loss
    error: LatticeError

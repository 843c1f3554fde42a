"""Gradients against finite differences, in float64, with kinks told from failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lattice_cli.arrays import (
    JUMP,
    MOST_VARIED,
    BoolArray,
    Difference,
    FloatArray,
    IntArray,
    balanced_step,
    central,
    noise,
    picked,
    run_starts,
    stable_order,
)
from lattice_cli.errors import LatticeError
from lattice_cli.graph import Graph
from lattice_cli.learning.losses.loss_results import AnswerEnergy, LossFailure, LossResult
from lattice_cli.learning.losses.losses import Value
from lattice_cli.sweep import LogSemiring, schedule_of, sweep

#: Arcs that are checked where each change goes over all paths of a matrix again, or of a graph of many arcs with what
#: each counts.
_MOST_SUMMED = 8
_MANY_ARCS = 100_000


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

    Each energy that the losses are made of is computed once for each change of an arc, whichever losses use it.
    """
    terms = {id(term): term for result in results for term in result.terms}
    beta = max(1.0, results[0].settings.beta)
    size = max(1.0, *(abs(term.energy) for term in terms.values()))
    step, arcs = balanced_step(size, beta), _chosen(results, rng)
    changed = {key: _changed(term, results[0], of, arcs, step) for key, term in terms.items()}
    return [_checked(result, arcs, [changed[id(term)] for term in result.terms], step) for result in results]


def _chosen(results: Sequence[LossResult], rng: np.random.Generator) -> IntArray:
    """The arcs to check: all, or some drawn at random, three quarters of them from those with a gradient."""
    arcs = len(results[0].gradient)
    dear = any(
        term.again is not None or (term.paths is not None and term.graph.arcs > _MANY_ARCS)
        for result in results
        for term in result.terms
    )
    most = _MOST_SUMMED if dear else MOST_VARIED
    if arcs <= most:
        return np.arange(arcs)
    live = np.flatnonzero(sum(np.abs(result.gradient) for result in results))
    some = rng.choice(live, min(len(live), most * 3 // 4), replace=False)
    others = np.setdiff1d(np.arange(arcs), some)
    return np.sort(np.concatenate([some, rng.choice(others, most - len(some), replace=False)]))


def _changed(term: AnswerEnergy, result: LossResult, of: str, arcs: IntArray, step: float) -> Difference:
    """(checked,) an energy with each of some arcs changed."""
    if term.again is not None:
        return _summed_again(term, term.again, arcs, step)
    owner, share = result.interpretation.owner(of)
    at = picked(owner, term.owner, -1)
    graph, kept = _folded(term, np.isin(at, arcs))
    fixed = np.zeros(graph.arcs - len(kept))
    at, weight = np.append(at[kept], fixed - 1), np.append(picked(share, term.owner[kept], 0.0), fixed)
    schedule = schedule_of(graph)
    up, down = np.full(len(arcs), term.energy), np.full(len(arcs), term.energy)
    for index in np.flatnonzero(np.isin(arcs, at)).tolist():
        along = weight * (at == arcs[index])

        def total(change: float, along: FloatArray = along) -> FloatArray:
            swept = sweep(graph.with_energy(graph.energy + change * along), term.semiring, schedule)
            return np.array([term.solved(swept)])

        found = central(total, step)
        up[index], down[index] = found.up[0], found.down[0]
    return Difference(up, down, step)


def _summed_again(
    term: AnswerEnergy, again: Callable[[FloatArray, float], float], arcs: IntArray, step: float
) -> Difference:
    """The same where all paths are gone over for each change; the graph is the record's."""
    assert isinstance(term.semiring, LogSemiring)
    beta, own = term.semiring.beta, np.arange(term.graph.arcs)
    changes = [[again(term.graph.energy + change * (own == arc), beta) for change in (step, -step)] for arc in arcs]
    up, down = np.array(changes).reshape(-1, 2).T
    return Difference(up, down, step)


def _folded(term: AnswerEnergy, changes: BoolArray) -> tuple[Graph, IntArray]:
    """The term's graph with those of its arcs that do not change, and that lie side by side, as one; and the arcs that
    do change, which come first."""
    if term.paths is not None:  # what arcs count has to stay beside them
        return term.graph, np.arange(term.graph.arcs)
    graph, kept, rest = term.graph, np.flatnonzero(changes), np.flatnonzero(~changes)
    key = graph.src[rest] * graph.nodes + graph.dst[rest]
    order = stable_order(key) if len(key) else key
    firsts = run_starts(key[order])
    energy = graph.energy[rest[order]]
    together = term.semiring.totals(energy, firsts) if len(firsts) else energy
    arcs = np.concatenate([kept, rest[order][firsts]])
    src, dst, ilabel, olabel = (column[arcs] for column in (graph.src, graph.dst, graph.ilabel, graph.olabel))
    energy = np.append(graph.energy[kept], together)
    return Graph(src, dst, ilabel, olabel, energy, graph.start, graph.final, graph.labels), kept


def _checked(result: LossResult, arcs: IntArray, changed: Sequence[Difference], step: float) -> Check:
    """changed: each term of the loss with each of the arcs changed."""
    gradient = result.gradient[arcs]
    high = [result.at(energies) for energies in zip(*(each.up.tolist() for each in changed))]
    low = [result.at(energies) for energies in zip(*(each.down.tolist() for each in changed))]
    kink = np.array([_jumps(one, other) for one, other in zip(high, low)], dtype=bool)
    for each, term in zip(changed, result.terms):
        kink |= each.bends(term.energy)
    up, down = (np.array([value.value for value in values]) for values in (high, low))
    difference = Difference(up, down, step).slope
    error = np.abs(difference - gradient)
    size = max(abs(result.value.value), *(abs(term.energy) for term in result.terms))
    # Where a second derivative jumps a central difference is off by about the step.
    tolerance = 1e-7 + noise(size, step) + 2 * step * result.loss.bends
    return Check(arcs, difference, error, kink & (error > tolerance), tolerance, int((gradient != 0).sum()))


def _jumps(high: Value, low: Value) -> bool:
    """True if the loss itself changes its slope over the step, as a hinge does."""
    slopes = ((high.by_correct, low.by_correct), (high.by_contrast, low.by_contrast))
    return any(abs(one - other) > JUMP * max(1.0, abs(one)) for one, other in slopes)

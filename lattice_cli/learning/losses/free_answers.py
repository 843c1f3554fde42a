"""CTC without a grammar: any label may follow any other, so that nothing is built to learn from.

All paths together are the rows one by one, a target is a chain of its labels and blanks, and what else a matrix says
leaves that chain somewhere (`emissions.free`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.composition import compose
from lattice_cli.emissions.free import AnswerChains, row_sums
from lattice_cli.errors import NoPath
from lattice_cli.grammars import ctc_topology
from lattice_cli.graph import Graph, Labels, Target, TargetGraph, target_acceptor
from lattice_cli.learning.losses.answer_graphs import AnswerGraphs
from lattice_cli.learning.losses.contrasts import too_few_rows
from lattice_cli.learning.losses.path_sets import BuiltPathSet, PathSet, Pull, SpelledPaths
from lattice_cli.learning.recognizers import Example
from lattice_cli.sweep import LogSemiring, Semiring


class FreeAnswers:
    """labels: the table of the recogniser's classes; blank: the class that is not output. See AnswerPaths."""

    def __init__(self, labels: Labels, blank: int) -> None:
        self.labels, self.blank, self.classes = labels, blank, len(labels) - 1
        self._class = {label: place for place, label in enumerate(labels[1:])}

    @property
    def said(self) -> tuple[str, ...]:
        """See AnswerPaths."""
        return tuple(label for place, label in enumerate(self.labels[1:]) if place != self.blank)

    @cached_property
    def _graphs(self) -> AnswerGraphs:
        """The same as graphs, for what has to be looked at arc by arc."""
        return AnswerGraphs(ctc_topology(self.labels, self.blank + 1), self.labels)

    def correct(self, examples: Sequence[Example]) -> SpelledPaths:
        """See AnswerPaths. Where several answers are right they are a graph, and not a chain."""
        if _several(examples):
            return _costing_nothing(self._graphs.correct(examples))
        unspelled = [number for number, example in enumerate(examples) if not self._spelled(example)]
        return TargetChains(self._chains(examples), self.classes, unspelled)

    def wrong(self, examples: Sequence[Example]) -> BuiltPathSet:
        """See AnswerPaths."""
        return _costing_nothing(self._graphs.wrong(examples))

    def built(self, examples: Sequence[Example]) -> BuiltPathSet:
        """See AnswerPaths."""
        return _costing_nothing(self._graphs.built(examples))

    def best_wrong(self, examples: Sequence[Example]) -> PathSet:
        """See AnswerPaths."""
        if _several(examples):
            return self.wrong(examples)
        return OtherChoices(self._chains(examples), self.classes)

    def everything(self, examples: Sequence[Example]) -> FreeChoices:
        """See AnswerPaths."""
        return FreeChoices(self.labels, self.blank, np.array([example.rows for example in examples], dtype=np.intp))

    def why_not_spelled(self, example: Example) -> NoPath | None:
        """See AnswerPaths."""
        blank = self.labels[self.blank + 1]
        said = target_acceptor(example.targets, ("",)).labels[1:]
        return too_few_rows(example.rows, ctc_topology(("", *said, blank), len(said) + 1), example.targets)

    def composed(self, graph: Graph, right: FloatArray) -> Graph:
        """See AnswerPaths."""
        return compose(graph, self._graphs.grammar).graph

    def _chains(self, examples: Sequence[Example]) -> AnswerChains:
        lengths = np.array([example.rows for example in examples], dtype=np.intp)
        answers = [[self._class.get(label, self.blank) for label in _only(example)] for example in examples]
        return AnswerChains(lengths, self.classes, self.blank, answers)

    def _spelled(self, example: Example) -> bool:
        """True if a target has no other labels, and the rows that it needs: one a label, and one between equal ones."""
        target = _only(example)
        needed = len(target) + sum(one == other for one, other in pairwise(target))
        return needed <= example.rows and all(self._class.get(label, self.blank) != self.blank for label in target)


def _several(examples: Sequence[Example]) -> bool:
    return any(isinstance(example.targets, TargetGraph) or len(example.targets) > 1 for example in examples)


def _only(example: Example) -> Target:
    """The right answer of an example that has one."""
    assert not isinstance(example.targets, TargetGraph), "a lattice is not written as a chain"
    (target,) = example.targets
    return target


def _costing_nothing(built: BuiltPathSet) -> BuiltPathSet:
    """Without the energies of the topology, which are 0."""
    return replace(built, right=np.full(len(built.right), -1))


@dataclass(frozen=True, eq=False)
class TargetChains:
    """All alignments of each target. See SpelledPaths."""

    chains: AnswerChains
    classes: int
    empty: list[int]

    def solve(self, left: FloatArray, right: FloatArray, semiring: Semiring) -> tuple[FloatArray, Pull]:
        """See PathSet."""
        energies = left.reshape(-1, self.classes)
        if isinstance(semiring, LogSemiring):
            sums = self.chains.sums(energies, semiring.beta)
            return sums.totals, lambda seed: (sums.pullback(seed).reshape(-1), np.zeros(len(right)))
        totals, chosen = self.chains.best(energies)
        return totals, _taken(chosen, self.chains, self.classes, len(right))


@dataclass(frozen=True, eq=False)
class OtherChoices:
    """The best path of each record that does not say its target. See PathSet."""

    chains: AnswerChains
    classes: int

    def solve(self, left: FloatArray, right: FloatArray, semiring: Semiring) -> tuple[FloatArray, Pull]:
        """See PathSet; of the least energies, whatever the semiring."""
        totals, chosen = self.chains.nearest_other(left.reshape(-1, self.classes))
        return totals, _taken(chosen, self.chains, self.classes, len(right))


@dataclass(frozen=True, eq=False)
class FreeChoices:
    """All paths: of each row any class. See AllPaths."""

    labels: Labels
    blank: int
    lengths: IntArray

    @cached_property
    def _record(self) -> IntArray:
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def solve(self, left: FloatArray, right: FloatArray, semiring: Semiring) -> tuple[FloatArray, Pull]:
        """See PathSet."""
        energies = left.reshape(-1, len(self.labels) - 1)
        if isinstance(semiring, LogSemiring):
            by_row, share = row_sums(energies, semiring.beta)
        else:
            by_row, share = energies.min(axis=1), np.zeros(energies.shape)
            share[np.arange(len(energies)), energies.argmin(axis=1)] = 1.0
        totals = np.bincount(self._record, by_row, len(self.lengths)).astype(np.float64)
        return totals, lambda seed: ((share * seed[self._record][:, None]).reshape(-1), np.zeros(len(right)))

    def answers(self, left: FloatArray, right: FloatArray) -> list[tuple[str, ...] | None]:
        """See AllPaths."""
        best = left.reshape(-1, len(self.labels) - 1).argmin(axis=1)
        found: list[tuple[str, ...] | None] = []
        for path in np.split(best, np.cumsum(self.lengths)[:-1]):
            spoken = path[(path != self.blank) & np.append(True, path[1:] != path[:-1])[: len(path)]]
            found.append(tuple(self.labels[1 + place] for place in spoken.tolist()))
        return found


def _taken(chosen: IntArray, chains: AnswerChains, classes: int, right: int) -> Pull:
    """The way back of paths, (rows,) a class each, -1 for none."""
    rows = np.flatnonzero(chosen >= 0)
    record = chains.record_of_row[rows]

    def pull(seed: FloatArray) -> tuple[FloatArray, FloatArray]:
        found = np.zeros((len(chosen), classes))
        found[rows, chosen[rows]] = seed[record]
        return found.reshape(-1), np.zeros(right)

    return pull

"""How well a model does on examples it does not learn from: the loss, label errors and exact answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Protocol

import numpy as np

from lattice_cli.arrays import FloatArray, Kept
from lattice_cli.errors import NumericOverflow
from lattice_cli.graph import Target, TargetGraph, Targets
from lattice_cli.learning.losses import AllPaths, Batch, Outcome
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example, at_steps, first_arcs
from lattice_cli.learning.training.held_pieces import objective_of
from lattice_cli.learning.training.model import Model
from lattice_cli.search import distances, nearest_answer

#: Examples that are decoded together.
_DECODED = 200


@dataclass(frozen=True)
class Measured:
    """How answers differ from targets. labels: of the targets; wrong: label errors; exact, records: answers. loss: mean
    over the examples whose targets are in their graphs, None where there are none."""

    records: int
    exact: int
    labels: int
    wrong: int
    loss: float | None = None

    @property
    def label_error(self) -> float:
        """Errors for each label of the targets."""
        return self.wrong / max(1, self.labels)

    @property
    def exact_rate(self) -> float:
        """Fraction of answers without an error."""
        return self.exact / max(1, self.records)


@dataclass(frozen=True, eq=False)
class _Decoded:
    """Examples that were decoded together, the first one's number, their answers, and the energies at which. left:
    (steps, arcs) at every step that has a cost; answers are those at the last."""

    first: int
    examples: Sequence[Example]
    answers: Sequence[tuple[str, ...] | None]
    left: FloatArray
    right: FloatArray


@dataclass(frozen=True, eq=False)
class HeldOutCounts:
    """What held-out examples come to. records, exact, labels, wrong: see Measured. losses: of those that have one.
    searches, unproven: for a most offending answer, and those that the budget ended; listed: examples whose expected
    errors are those of their best answers."""

    records: int
    exact: int
    labels: int
    wrong: int
    losses: FloatArray
    searches: int
    unproven: int
    listed: frozenset[int]


class HeldOut:
    """Held-out examples, all of them or a run that a process has. It can be sent as it was made."""

    def __init__(self, model: Model, examples: Sequence[Example], kept: Kept | None = None, first: int = 0) -> None:
        """kept: where their graphs are kept, if they fit; None: nowhere. first: the number of the first of them among
        all."""
        self.model, self.examples, self.first = model, examples, first
        self.kept = kept or Kept([], 0)
        self.objective = objective_of(model.config)
        self._costs = model.config.recognizer.ode.costs

    @cached_property
    def _pieces(self) -> dict[int, list[Sequence[int]]]:
        """Number of the first example that is decoded -> batches of those, by number, that have a loss."""
        size, count = self.model.config.training.batch, len(self.examples)
        chunks = [range(low, min(low + _DECODED, count)) for low in range(0, count, _DECODED)]
        pieces = {
            chunk.start: [self._with_loss(chunk[low : low + size]) for low in range(0, len(chunk), size)]
            for chunk in chunks
        }
        return {first: [piece for piece in found if piece] for first, found in pieces.items()}

    @property
    def spelled(self) -> int:
        """Examples whose targets are in their graphs: those that have a loss."""
        return sum(len(piece) for pieces in self._pieces.values() for piece in pieces)

    def _with_loss(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of the examples whose targets are in their graphs."""
        with self.kept.lent(("loss", *numbers), partial(self._batch, numbers)) as batch:
            unspelled = {number % len(numbers) for number in batch.unspelled}
        if unspelled:
            self.kept.forget(("loss", *numbers))
        return [number for place, number in enumerate(numbers) if place not in unspelled]

    def _batch(self, numbers: Sequence[int]) -> Batch:
        examples = at_steps([self.examples[number] for number in numbers], self._costs)
        return Batch(examples, self.model.reading, self.objective)

    def _prepared(self, examples: Sequence[Example]) -> tuple[AllPaths, object]:
        return self.model.reading.everything(examples), self.model.recognizer.stacked(examples)

    def _decoded(self, parameters: Parameters) -> Iterator[_Decoded]:
        right, _ = self.model.right_energies(parameters)
        for first in self._pieces:
            examples = self.examples[first : first + _DECODED]
            with self.kept.lent(("decoded", first), partial(self._prepared, examples)) as (space, stacked):
                with np.errstate(all="ignore"):
                    own = self.model.recognizer_parameters(parameters)
                    left = self.model.learner.energies(own, stacked)[0].reshape(len(self._costs), -1)
                if not np.isfinite(left).all():
                    raise NumericOverflow(f"an energy is {left[~np.isfinite(left)][0]}")
                answers = space.answers(left[-1], right)
            yield _Decoded(first, examples, answers, left, right)

    def answers(self, parameters: Parameters) -> Iterator[tuple[Example, tuple[str, ...] | None]]:
        """Each example with its best answer, None where it has no path."""
        for decoded in self._decoded(parameters):
            yield from zip(decoded.examples, decoded.answers)

    def counts(self, parameters: Parameters) -> HeldOutCounts:
        """What they come to; of several right answers the nearest counts.

        Raises NumericOverflow where a loss or an energy is not finite, Diverged, NotConverged.
        """
        pairs: list[tuple[Target, Target]] = []
        losses: list[FloatArray] = [np.zeros(0)]
        searches = unproven = 0
        listed: set[int] = set()
        for decoded in self._decoded(parameters):
            pairs += [
                (nearest_target(example.targets, answer or ()), answer or ())
                for example, answer in zip(decoded.examples, decoded.answers)
            ]
            for numbers, outcome in self._outcomes(decoded):
                searches += outcome.searches
                unproven += outcome.unproven
                listed |= {self.first + numbers[place % len(numbers)] for place in outcome.listed}
                losses.append(self._finite(numbers, outcome))
        wrong = distances(pairs)
        labels = sum(len(target) for target, _ in pairs)
        exact, errors = int((wrong == 0).sum()), int(wrong.sum())
        every = np.concatenate(losses)
        return HeldOutCounts(len(pairs), exact, labels, errors, every, searches, unproven, frozenset(listed))

    def _outcomes(self, decoded: _Decoded) -> Iterator[tuple[Sequence[int], Outcome]]:
        """The losses of what was decoded, at the energies that it was decoded by, by the numbers of the examples."""
        ends = first_arcs(decoded.examples, self.model.reading.classes)
        for numbers in self._pieces[decoded.first]:
            places = [number - decoded.first for number in numbers]
            left = np.concatenate([step[ends[place] : ends[place + 1]] for step in decoded.left for place in places])
            with self.kept.lent(("loss", *numbers), partial(self._batch, numbers)) as batch, np.errstate(all="ignore"):
                outcome = batch.evaluate(left, decoded.right)
            yield numbers, outcome

    def _finite(self, numbers: Sequence[int], outcome: Outcome) -> FloatArray:
        values: FloatArray = outcome.values.reshape(len(self._costs), -1).sum(axis=0)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            example, found = self.examples[numbers[bad[0]]], values[bad[0]]
            raise NumericOverflow(f"record {example.id!r} ({example.source}): the loss is {found}")
        return values


class HeldOutRuns(Protocol):
    """Held-out examples as runs of them that processes have."""

    def spelled(self) -> list[int]:
        """How many of each run have a loss."""

    def counts(self, parameters: Parameters) -> list[HeldOutCounts]:
        """What each run comes to, in their order. Raises what HeldOut.counts does."""


class _OneRun:
    """All of them, in this process."""

    def __init__(self, held_out: HeldOut) -> None:
        self._held_out = held_out

    def spelled(self) -> list[int]:
        """See HeldOutRuns."""
        return [self._held_out.spelled]

    def counts(self, parameters: Parameters) -> list[HeldOutCounts]:
        """See HeldOutRuns."""
        return [self._held_out.counts(parameters)]


def runs_of(examples: Sequence[Example], processes: int) -> list[tuple[int, Sequence[Example]]]:
    """Held-out examples as runs, with the number of the first of each: what is decoded together stays together."""
    chunks = -(-len(examples) // _DECODED)
    ends = [_DECODED * (chunks * number // processes) for number in range(processes)] + [len(examples)]
    return [(low, examples[low:high]) for low, high in pairwise(ends)]


class Validation:
    """Examples that are decoded to see how well a model does."""

    def __init__(
        self, model: Model, examples: Sequence[Example], kept: Kept | None = None, runs: HeldOutRuns | None = None
    ) -> None:
        """kept: where their graphs are kept, if they fit. runs: the same examples with those who decode them; None:
        this process does."""
        self.examples = examples
        self._here = HeldOut(model, examples, kept)
        self._runs: HeldOutRuns = runs or _OneRun(self._here)
        #: Searches for a most offending answer so far, those that the budget ended, and examples whose expected errors
        #: are those of their best answers.
        self.searches = self.unproven = 0
        self.listed: set[int] = set()
        #: Examples whose targets are in their graphs: those that have a loss.
        self.spelled = sum(self._runs.spelled())

    def answers(self, parameters: Parameters) -> Iterator[tuple[Example, tuple[str, ...] | None]]:
        """Each example with its best answer, None where it has no path."""
        return self._here.answers(parameters)

    def measured(self, parameters: Parameters) -> Measured:
        """The loss, label errors and exact answers over all examples. Raises what HeldOut.counts does."""
        runs = self._runs.counts(parameters)
        self.searches += sum(run.searches for run in runs)
        self.unproven += sum(run.unproven for run in runs)
        self.listed |= {number for run in runs for number in run.listed}
        losses = np.concatenate([run.losses for run in runs])
        return Measured(
            sum(run.records for run in runs),
            sum(run.exact for run in runs),
            sum(run.labels for run in runs),
            sum(run.wrong for run in runs),
            float(losses.mean()) if len(losses) else None,
        )


def nearest_target(targets: Targets, answer: Target) -> Target:
    """The right answer with the fewest label errors to an answer, the first of these; of a lattice, the cheapest."""
    if isinstance(targets, TargetGraph):
        return nearest_answer(targets.acceptor, answer)
    if len(targets) < 2:
        return targets[0] if targets else ()
    return targets[int(distances([(target, answer) for target in targets]).argmin())]

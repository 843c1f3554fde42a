"""How well a model does on examples it does not learn from: the loss, label errors and exact answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lattice_cli.arrays import FloatArray, Kept
from lattice_cli.errors import NumericOverflow
from lattice_cli.graph import Target, TargetGraph, Targets
from lattice_cli.learning.losses import AllPaths, Batch
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example, at_steps, first_arcs
from lattice_cli.learning.training.model import Model
from lattice_cli.learning.training.problem import objective_of
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


class Validation:
    """Examples that are decoded to see how well a model does."""

    def __init__(self, model: Model, examples: Sequence[Example], kept: Kept) -> None:
        """kept: where their graphs are kept, if they fit."""
        self.model, self.examples, self._kept = model, examples, kept
        self.objective = objective_of(model.config)
        self._costs = model.config.recognizer.ode.costs
        #: Searches for a most offending answer so far, those that the budget ended, and examples whose expected errors
        #: are those of their best answers.
        self.searches = self.unproven = 0
        self.listed: set[int] = set()
        size = model.config.training.batch
        chunks = [range(low, min(low + _DECODED, len(examples))) for low in range(0, len(examples), _DECODED)]
        pieces = {
            chunk.start: [self._with_loss(chunk[low : low + size]) for low in range(0, len(chunk), size)]
            for chunk in chunks
        }
        #: Number of the first example that is decoded -> batches of those, by number, that have a loss.
        self._pieces = {first: [piece for piece in found if piece] for first, found in pieces.items()}

    @property
    def spelled(self) -> int:
        """Examples whose targets are in their graphs: those that have a loss."""
        return sum(len(piece) for pieces in self._pieces.values() for piece in pieces)

    def _with_loss(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of the examples whose targets are in their graphs."""
        with self._kept.lent(("loss", *numbers), partial(self._batch, numbers)) as batch:
            unspelled = {number % len(numbers) for number in batch.unspelled}
        if unspelled:
            self._kept.forget(("loss", *numbers))
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
            with self._kept.lent(("decoded", first), partial(self._prepared, examples)) as (space, stacked):
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

    def measured(self, parameters: Parameters) -> Measured:
        """The loss, label errors and exact answers over all examples; of several right answers the nearest counts.

        Raises NumericOverflow where a loss or an energy is not finite, Diverged, NotConverged.
        """
        pairs: list[tuple[Target, Target]] = []
        losses: list[FloatArray] = []
        for decoded in self._decoded(parameters):
            pairs += [
                (nearest_target(example.targets, answer or ()), answer or ())
                for example, answer in zip(decoded.examples, decoded.answers)
            ]
            losses += self._losses(decoded)
        wrong = distances(pairs)
        every = np.concatenate([np.zeros(0), *losses])
        return Measured(
            len(pairs),
            int((wrong == 0).sum()),
            sum(len(target) for target, _ in pairs),
            int(wrong.sum()),
            float(every.mean()) if len(every) else None,
        )

    def _losses(self, decoded: _Decoded) -> Iterator[FloatArray]:
        """The losses of what was decoded, at the energies that it was decoded by."""
        ends = first_arcs(decoded.examples, self.model.reading.classes)
        for numbers in self._pieces[decoded.first]:
            places = [number - decoded.first for number in numbers]
            left = np.concatenate([step[ends[place] : ends[place + 1]] for step in decoded.left for place in places])
            with self._kept.lent(("loss", *numbers), partial(self._batch, numbers)) as batch, np.errstate(all="ignore"):
                outcome = batch.evaluate(left, decoded.right)
            self.searches += outcome.searches
            self.unproven += outcome.unproven
            self.listed.update(numbers[place % len(numbers)] for place in outcome.listed)
            values = outcome.values.reshape(len(self._costs), -1).sum(axis=0)
            bad = np.flatnonzero(~np.isfinite(values))
            if len(bad):
                example, found = self.examples[numbers[bad[0]]], values[bad[0]]
                raise NumericOverflow(f"record {example.id!r} ({example.source}): the loss is {found}")
            yield values


def nearest_target(targets: Targets, answer: Target) -> Target:
    """The right answer with the fewest label errors to an answer, the first of these; of a lattice, the cheapest."""
    if isinstance(targets, TargetGraph):
        return nearest_answer(targets.acceptor, answer)
    if len(targets) < 2:
        return targets[0] if targets else ()
    return targets[int(distances([(target, answer) for target in targets]).argmin())]

"""How well a model decodes examples it does not learn from: label errors and exact answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lattice_cli.arrays import Kept
from lattice_cli.errors import NumericOverflow
from lattice_cli.graph import Target, TargetGraph, Targets
from lattice_cli.learning.losses import AllPaths
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example
from lattice_cli.learning.training.model import Model
from lattice_cli.search import distances, nearest_answer

#: Examples that are decoded together.
_DECODED = 200


@dataclass(frozen=True)
class ValidationErrors:
    """How answers differ from targets. labels: of the targets; wrong: label errors; exact, records: answers."""

    records: int
    exact: int
    labels: int
    wrong: int

    @property
    def label_error(self) -> float:
        """Errors for each label of the targets."""
        return self.wrong / max(1, self.labels)

    @property
    def exact_rate(self) -> float:
        """Fraction of answers without an error."""
        return self.exact / max(1, self.records)


class Validation:
    """Examples that are decoded to see how well a model does."""

    def __init__(self, model: Model, examples: Sequence[Example], kept: Kept) -> None:
        """kept: where their graphs are kept, if they fit."""
        self.model, self.examples, self._kept = model, examples, kept

    def answers(self, parameters: Parameters) -> Iterator[tuple[Example, tuple[str, ...] | None]]:
        """Each example with its best answer, None where it has no path."""
        right, _ = self.model.right_energies(parameters)
        for low in range(0, len(self.examples), _DECODED):
            examples = self.examples[low : low + _DECODED]
            with self._kept.lent(("decoded", low), partial(self._prepared, examples)) as (space, stacked):
                with np.errstate(all="ignore"):
                    left, _ = self.model.left_energies(parameters, stacked)
                if not np.isfinite(left).all():
                    raise NumericOverflow(f"an energy is {left[~np.isfinite(left)][0]}")
                answers = space.answers(left, right)
            yield from zip(examples, answers)

    def _prepared(self, examples: Sequence[Example]) -> tuple[AllPaths, object]:
        return self.model.reading.everything(examples), self.model.recognizer.stacked(examples)

    def errors(self, parameters: Parameters) -> ValidationErrors:
        """Label errors and exact answers over all examples; of several right answers the nearest counts."""
        pairs = [
            (nearest_target(example.targets, answer or ()), answer or ())
            for example, answer in self.answers(parameters)
        ]
        wrong = distances(pairs)
        return ValidationErrors(
            len(pairs), int((wrong == 0).sum()), sum(len(target) for target, _ in pairs), int(wrong.sum())
        )


def nearest_target(targets: Targets, answer: Target) -> Target:
    """The right answer with the fewest label errors to an answer, the first of these; of a lattice, the cheapest."""
    if isinstance(targets, TargetGraph):
        return nearest_answer(targets.acceptor, answer)
    if len(targets) < 2:
        return targets[0] if targets else ()
    return targets[int(distances([(target, answer) for target in targets]).argmin())]

"""A neural grammar learned from text: each place of each sequence is an example, its energy the loss.

That is the log loss of the sequences under the model, by the chain rule; Adam on batches of places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import TrainingFailed, UsageError
from lattice_cli.learning.grammars.neural import NeuralGrammar, followed
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.optimizers import Adam

#: A mean energy beyond this, of which no exponential can be taken, is that of steps that were too long.
_DIVERGED = 700.0


@dataclass(frozen=True)
class TextSettings:
    """How a neural grammar is learned. decay: factor on the rate after every epoch; hold_out: fraction of the sequences
    that it is measured on instead; seed: of weights, batches, and what is held out."""

    epochs: int = 10
    batch: int = 256
    rate: float = 0.003
    decay: float = 0.85
    hold_out: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class TextEpoch:
    """loss: mean energy of a place as it was met, nats. held_out: on what is held out, None where nothing is. best: of
    all epochs so far."""

    number: int
    loss: float
    held_out: float | None
    best: bool

    @property
    def perplexity(self) -> float:
        """exp of the mean energy of a place, an end counting as one; held out where that is measured."""
        return float(np.exp(self.loss if self.held_out is None else self.held_out))


@dataclass(frozen=True, eq=False)
class Windows:
    """rows: (places, width) contexts; following: (places,) what follows each, 0 the end."""

    rows: IntArray
    following: IntArray

    @staticmethod
    def of(sequences: Sequence[Sequence[int]], width: int) -> Windows:
        """Every place of every sequence, its end included."""
        return Windows(*followed(sequences, width))

    def __len__(self) -> int:
        return len(self.following)


def divided(sequences: Sequence[Sequence[int]], settings: TextSettings) -> tuple[list[Sequence[int]], ...]:
    """(to learn from, held out). Raises UsageError where one of them is left empty."""
    if not sequences:
        raise UsageError("no text to learn from")
    held = round(settings.hold_out * len(sequences))
    if settings.hold_out and (not held or held == len(sequences)):
        raise UsageError(f"holding out {settings.hold_out:g} of {len(sequences)} lines leaves nothing on one side")
    order = np.random.default_rng([settings.seed, 1]).permutation(len(sequences)).tolist()
    back, front = sorted(order[held:]), sorted(order[:held])
    return [sequences[number] for number in back], [sequences[number] for number in front]


def mean_energy(neural: NeuralGrammar, parameters: Parameters, places: Windows) -> float:
    """Mean energy of a place, nats."""
    energies = neural.asked(parameters, places.rows)
    return float(energies[np.arange(len(places)), places.following].mean())


def objective(neural: NeuralGrammar, parameters: Parameters, places: Windows) -> tuple[float, Parameters]:
    """Mean energy of these places and its gradient."""
    energies, pull = neural.energies(parameters, places.rows)
    every = np.arange(len(places))
    gradient = np.zeros(energies.shape)
    gradient[every, places.following] = 1.0 / len(places)
    return float(energies[every, places.following].mean()), pull(gradient)


def learn(
    neural: NeuralGrammar, sequences: Sequence[Sequence[int]], settings: TextSettings, start: Parameters | None = None
) -> Iterator[tuple[TextEpoch, Parameters]]:
    """Each epoch with the best weights so far: of the least energy held out, or the latest where nothing is.

    sequences: indices into the vocabulary's table. The loss does not know of the grammar's scale. Raises
    TrainingFailed where the loss is no longer a number.
    """
    plain = NeuralGrammar(neural.labels, neural.settings)
    taught, kept_back = divided(sequences, settings)
    width = neural.settings.context
    places, held = Windows.of(taught, width), Windows.of(kept_back, width)
    parameters = plain.initial(np.random.default_rng([settings.seed, 0])) if start is None else start
    optimizer, best, kept = Adam(settings.rate), np.inf, parameters
    theta = _flat(parameters)
    for epoch in range(settings.epochs):
        optimizer.scale = settings.decay**epoch
        order = np.random.default_rng([settings.seed, 2, epoch]).permutation(len(places))
        total = 0.0
        for low in range(0, len(order), settings.batch):
            chosen = order[low : low + settings.batch]
            batch = Windows(places.rows[chosen], places.following[chosen])

            def evaluate(at: FloatArray, batch: Windows = batch) -> tuple[float, FloatArray]:
                value, gradient = objective(plain, _shaped(at, parameters), batch)
                return value, _flat(gradient)

            with np.errstate(all="ignore"):
                theta, value = optimizer.step(theta, evaluate)
            total += value * (len(chosen) / len(places))
            if not total < _DIVERGED or not np.isfinite(theta).all():
                raise TrainingFailed(f"epoch {epoch + 1}: the loss or a weight grows without end: a smaller rate")
        found = _shaped(theta, parameters)
        measured = mean_energy(plain, found, held) if len(kept_back) else None
        if measured is not None and not measured < _DIVERGED:
            raise TrainingFailed(f"epoch {epoch + 1}: the loss on what is held out is {measured}: a smaller rate")
        better = measured is None or measured < best
        if better:
            best, kept = measured if measured is not None else best, found
        yield TextEpoch(epoch + 1, total, measured, better), kept


def _flat(parameters: Parameters) -> FloatArray:
    return np.concatenate([array.reshape(-1) for array in parameters.values()])


def _shaped(theta: FloatArray, like: Parameters) -> Parameters:
    found, first = {}, 0
    for name, array in like.items():
        found[name] = theta[first : first + array.size].reshape(array.shape)
        first += array.size
    return found

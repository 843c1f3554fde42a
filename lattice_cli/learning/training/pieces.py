"""The fixed parts of batches, whoever works on them.

A batch is cut into pieces by what the data and the configuration are, and never by how many processes there are. Its
loss and its gradient are the sums over its pieces in their order, each piece is swept by itself and draws numbers of
its own, so that any number of processes comes to the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.graph import Target, TargetGraph
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example

#: Examples of a piece, if nobody says how many. A sweep costs about as much as the work on 20 to 100 small examples
#: (array operations by level), so that a piece of so many makes a step a few percent longer than one that is not cut.
PIECE = 512


#: Right answers, as an example has them.
Right: TypeAlias = "tuple[Target, ...] | TargetGraph"
#: What is taught of each example of a piece where some cannot be spelled: what is right at each step, () for one that
#: is left out, None for what its record says. Empty: all are spelled.
Answers: TypeAlias = "Sequence[tuple[Right, ...] | None]"


@dataclass(frozen=True, eq=False)
class Piece:
    """Examples that are swept together, and their place among all such pieces."""

    examples: Sequence[Example]
    number: int = 0

    def settled(self, answers: Answers) -> Piece:
        """It with these answers."""
        if not answers:
            return self
        found = [
            each if answer is None else replace(each, targets=answer[-1], by_step=answer)
            for each, answer in zip(self.examples, answers)
            if answer != ()
        ]
        return Piece(found, self.number)


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of a process: the losses of pieces, by number, each with its place in the batch, at these weights.

    count: examples of the batch. seeds: of what is drawn for it; None: the gradient is exact, and a module as it is
    where it decodes. first: of a q by arcs, see ArcProposal; empty for any other.
    """

    theta: FloatArray
    pieces: Sequence[tuple[int, int]]
    count: int
    seeds: Sequence[int] | None
    first: Sequence[int] = ()


@dataclass(frozen=True, eq=False)
class PieceLoss:
    """What a piece adds to those of a batch: sum of its losses, and of the log losses that are bounded, the gradient of
    the first, and two variances of that, where it is estimated; each divided by the examples of the batch.

    searches, unproven: see Outcome; listed: examples whose expected errors are those of their best answers.
    """

    mean: float
    exact: float
    gradient: FloatArray
    variances: FloatArray
    searches: int = 0
    unproven: int = 0
    listed: frozenset[tuple[int, int]] = frozenset()


def batches_of(examples: Sequence[Example], size: int, most: int) -> list[list[Piece]]:
    """Batches of `size` examples, each cut into pieces of about the same size: as few as have at most `most` examples,
    and from three on an even number, which two processes do in half of the time."""
    found: list[list[Piece]] = []
    number = 0
    for low in range(0, len(examples), size):
        batch = examples[low : low + size]
        count = -(-len(batch) // most)
        count = min(len(batch), count + count % 2 if count > 2 else count)
        ends = [len(batch) * place // count for place in range(count + 1)]
        found.append([Piece(batch[a:b], number + place) for place, (a, b) in enumerate(pairwise(ends))])
        number += count
    return found


def draws_of(seeds: Sequence[int], place: int) -> np.random.Generator:
    """What a piece draws from. place: in its batch; the first draws what a batch of one piece does."""
    return np.random.default_rng([*seeds, place] if place else [*seeds])


def assigned(batches: Sequence[Sequence[Piece]], processes: int) -> list[list[Piece]]:
    """The pieces of each process: of every batch a run of them, as many as the others have, or one more or less."""
    found: list[list[Piece]] = [[] for _ in range(processes)]
    for batch in batches:
        for place, piece in enumerate(batch):
            found[place * processes // len(batch) if len(batch) >= processes else place].append(piece)
    return found


def most_pieces(batches: Sequence[Sequence[Piece]]) -> int:
    """Pieces of the batch that has the most of them: more processes than that have nothing to do."""
    return max(map(len, batches), default=0)


def by_name(theta: FloatArray, layout: Parameters) -> Parameters:
    """A vector as weights by name, of the shapes that they have in `layout`."""
    found, first = {}, 0
    for name, like in layout.items():
        found[name] = theta[first : first + like.size].reshape(like.shape)
        first += like.size
    return found

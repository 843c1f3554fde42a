"""Who works on the pieces of a problem: this process alone, or several, each with a share of the examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from lattice_cli.arrays import Kept
from lattice_cli.errors import LatticeError, WorkerLost, counted
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example
from lattice_cli.learning.training.held_pieces import HeldPieces
from lattice_cli.learning.training.model import Model
from lattice_cli.learning.training.pieces import Answers, Asked, Piece, PieceLoss, assigned
from lattice_cli.learning.training.validation import HeldOut, HeldOutCounts, runs_of

if TYPE_CHECKING:
    from lattice_cli.executors import Place

#: So often the part of a process that was lost is tried in a new one.
_TRIES = 3
T = TypeVar("T")
#: What a process has found, or why it has not.
Found: TypeAlias = "T | LatticeError | MemoryError"


class Crew(Protocol):
    """See Alone and Spread."""

    kept: Kept

    def close(self, at_once: bool = False) -> None:
        """No more work. at_once: what is at work is given up."""

    def settled(self) -> dict[int, Answers]:
        """What is taught of each piece, by its number. Raises the FormatError of the first that has one."""

    def losses(self, asked: Asked) -> Iterator[PieceLoss]:
        """What the pieces add to a step, in their order. Raises the first error that there is."""


class Alone:
    """This process."""

    def __init__(self, model: Model, batches: Sequence[Sequence[Piece]]) -> None:
        self._held = HeldPieces(model, [piece for batch in batches for piece in batch])
        self.kept = self._held.kept

    def close(self, at_once: bool = False) -> None:
        """See Crew: there is nobody to tell."""

    def settled(self) -> dict[int, Answers]:
        """See Crew."""
        return {number: self._held.settle(number) for number in self._held.pieces}

    def losses(self, asked: Asked) -> Iterator[PieceLoss]:
        """See Crew."""
        yield from map(_sound, self._held.losses(asked))


@dataclass(frozen=True, eq=False)
class _ProcessHolds:
    """What a process of several holds: pieces, and a run of the held-out examples."""

    pieces: HeldPieces
    held_out: HeldOut

    @cached_property
    def run(self) -> HeldOut:
        """The held-out examples, whose graphs are kept with those of the pieces."""
        self.held_out.kept = self.pieces.kept
        return self.held_out


class Spread:
    """Processes that hold a share of the examples each.

    The weights are sent to each process once a step, and it answers with what each of its pieces adds; what is held
    out is decoded by all as well. A process that is lost costs its part of a step, which a new one does, with the same
    examples, three times; then that is an error.
    """

    def __init__(
        self,
        place: Place,
        processes: int,
        model: Model,
        batches: Sequence[Sequence[Piece]],
        held_out: Sequence[Example] = (),
    ) -> None:
        """processes: no more than the pieces of the largest batch. Raises LatticeError where none can be started."""
        self.kept = Kept([], 0)
        local = processes if place.cluster is None else 1
        shares = assigned(batches, processes)
        runs = runs_of(held_out, processes)
        self._home = {piece.number: number for number, share in enumerate(shares) for piece in share}
        self._examples = [sum(len(piece.examples) for piece in share) for share in shares]
        holdings = [
            _ProcessHolds(HeldPieces(model, share, local), HeldOut(model, run, first=first))
            for share, (first, run) in zip(shares, runs)
        ]
        from lattice_cli.executors import held_apart  # who works alone does without it

        self._workers = held_apart(place, holdings)

    def settled(self) -> dict[int, Answers]:
        """See Crew."""
        found = self._all(_settle, dict.fromkeys(range(len(self._workers)), ()))
        by_piece = sorted((pair for answers in found.values() for pair in answers), key=itemgetter(0))
        return {number: _sound(each) for number, each in by_piece}

    def losses(self, asked: Asked) -> Iterator[PieceLoss]:
        """See Crew."""
        shares: dict[int, list[tuple[int, int]]] = {}
        for number, place in asked.pieces:
            shares.setdefault(self._home[number], []).append((number, place))
        given = {
            home: (Asked(asked.theta, share, asked.count, asked.seeds, asked.first),) for home, share in shares.items()
        }
        found = {home: iter(each) for home, each in self._all(_losses, given).items()}
        for number, _ in asked.pieces:
            yield _sound(next(found[self._home[number]]))

    def spelled(self) -> list[int]:
        """How many of each run of the held-out examples have a loss."""
        return [*self._all(_spelled, dict.fromkeys(range(len(self._workers)), ())).values()]

    def counts(self, parameters: Parameters) -> list[HeldOutCounts]:
        """What each run of the held-out examples comes to, in their order. Raises what HeldOut.counts does."""
        found = self._all(_counts, dict.fromkeys(range(len(self._workers)), (parameters,)))
        return [*map(_sound, found.values())]

    def close(self, at_once: bool = False) -> None:
        """See Crew."""
        for workers in self._workers:
            workers.close(at_once)

    def _all(self, task: Callable[..., T], given: Mapping[int, tuple[Any, ...]]) -> dict[int, T]:
        """task(holding, *given) of each process that is given something. Raises WorkerLost."""
        from lattice_cli.executors import ended_in

        futures = {number: self._workers[number].submit(task, *each) for number, each in given.items()}
        found = {}
        for number, each in given.items():
            workers, future, lost = self._workers[number], futures[number], 0
            while workers.is_lost(error := ended_in(future)):
                lost += 1
                if lost > _TRIES:
                    raise WorkerLost(
                        f"a process with {counted(self._examples[number], 'example')} was lost {lost} times in one "
                        f"step: was it killed, is there too little memory?"
                    )
                workers.revive()
                future = workers.submit(task, *each)
            if error is not None:
                raise error
            found[number] = future.result()
        return found


def _sound(found: Found[T]) -> T:
    if isinstance(found, (LatticeError, MemoryError)):
        raise found
    return found


def _settle(holding: _ProcessHolds) -> list[tuple[int, Found[Answers]]]:
    found: list[tuple[int, Found[Answers]]] = []
    for number in holding.pieces.pieces:
        try:
            found.append((number, holding.pieces.settle(number)))
        except (LatticeError, MemoryError) as error:
            return [*found, (number, error)]
    return found


def _losses(holding: _ProcessHolds, asked: Asked) -> list[Found[PieceLoss]]:
    return [*holding.pieces.losses(asked)]


def _spelled(holding: _ProcessHolds) -> int:
    return holding.run.spelled


def _counts(holding: _ProcessHolds, parameters: Parameters) -> Found[HeldOutCounts]:
    try:
        return holding.run.counts(parameters)
    except (LatticeError, MemoryError) as error:
        return error

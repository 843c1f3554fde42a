"""What regular expressions and grammars of rules are built from: pieces of a graph, joined by epsilon.

As in Thompson's construction (1968), a piece has one node to come in by and one to leave by; arcs neither enter the
first nor leave the second from outside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from lattice_cli.errors import FormatError
from lattice_cli.graph import EPSILON, Arc, Graph, LabelIndex, graph_of

#: More is a mistake in a count, or rules that multiply each other.
_MOST_ARCS = 2_000_000


class Fragment(NamedTuple):
    """The nodes that a piece is entered and left by."""

    first: int
    last: int


class Fragments:
    """Pieces over one set of nodes and labels. Raises FormatError, with `source`, beyond 2,000,000 arcs."""

    def __init__(self, source: str) -> None:
        self.labels = LabelIndex()
        self._source = source
        self._arcs: list[Arc] = []
        self._nodes = 0

    def _node(self) -> int:
        self._nodes += 1
        return self._nodes - 1

    def _silent(self, tail: int, head: int, energy: float = 0.0) -> None:
        self._arc(tail, head, EPSILON, energy)

    def _arc(self, tail: int, head: int, label: int, energy: float) -> None:
        self._arcs.append((tail, head, label, label, energy))
        if len(self._arcs) > _MOST_ARCS:
            raise FormatError(f"{self._source}: written out it has more than {_MOST_ARCS:,} arcs, expected fewer")

    def one_label(self, labels: Sequence[str]) -> Fragment:
        """One of these labels; without any, nothing can pass."""
        first, last = self._node(), self._node()
        for label in labels:
            self._arc(first, last, self.labels.number(label), 0.0)
        return Fragment(first, last)

    def nothing(self) -> Fragment:
        """What is passed without a label."""
        first, last = self._node(), self._node()
        self._silent(first, last)
        return Fragment(first, last)

    def row(self, pieces: Sequence[Fragment]) -> Fragment:
        """One after the other."""
        if not pieces:
            return self.nothing()
        for before, after in pairwise(pieces):
            self._silent(before.last, after.first)
        return Fragment(pieces[0].first, pieces[-1].last)

    def choice(self, pieces: Sequence[Fragment], energies: Sequence[float]) -> Fragment:
        """One of several, each at its energy."""
        if len(pieces) == 1 and energies[0] == 0:
            return pieces[0]
        first, last = self._node(), self._node()
        for piece, energy in zip(pieces, energies):
            self._silent(first, piece.first, energy)
            self._silent(piece.last, last)
        return Fragment(first, last)

    def once_or_more(self, piece: Fragment) -> Fragment:
        """A piece, repeated at will."""
        first, last = self._node(), self._node()
        self._silent(first, piece.first)
        self._silent(piece.last, last)
        self._silent(piece.last, piece.first)
        return Fragment(first, last)

    def at_most(self, parts: Sequence[Fragment]) -> Fragment:
        """As many of these in a row, from the first on, as one likes."""
        last = self._node()
        joint = first = self._node()
        for piece in parts:
            self._silent(joint, piece.first)
            self._silent(joint, last)
            joint = self._node()
            self._silent(piece.last, joint)
        self._silent(joint, last)
        return Fragment(first, last)

    def perhaps(self, piece: Fragment) -> Fragment:
        """A piece or nothing, both at energy 0."""
        return self.choice([piece, self.nothing()], [0.0, 0.0])

    def graph(self, piece: Fragment) -> Graph:
        """The trimmed graph of a piece, epsilon arcs included."""
        return graph_of(self._arcs, {piece.first: 0.0}, {piece.last: 0.0}, self._nodes, self.labels.table)


#: Makes a piece; anew each time, as a part that is repeated needs nodes of its own.
Build: TypeAlias = Callable[[Fragments], Fragment]


def labels(given: Sequence[str]) -> Build:
    """One of these labels."""
    return lambda pieces: pieces.one_label(given)


def one_after_another(parts: Sequence[Build]) -> Build:
    """All of them in a row."""
    return lambda pieces: pieces.row([build(pieces) for build in parts])


def one_of(parts: Sequence[Build], energies: Sequence[float] | None = None) -> Build:
    """One of them, at its energy."""
    costs = [0.0] * len(parts) if energies is None else energies
    return lambda pieces: pieces.choice([build(pieces) for build in parts], costs)


def times(part: Build, low: int, high: int | None) -> Build:
    """A part at least `low` and at most `high` times; None: any number of times."""

    def build(pieces: Fragments) -> Fragment:
        if high is None:
            parts = [part(pieces) for _ in range(max(low, 1))]
            parts[-1] = pieces.once_or_more(parts[-1])
            return pieces.row(parts) if low else pieces.perhaps(parts[0])
        always, more = ([part(pieces) for _ in range(count)] for count in (low, high - low))
        return pieces.row([*always, pieces.at_most(more)])

    return build

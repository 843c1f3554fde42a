"""The search behind composition: which pairs of nodes can be reached, and by which moves.

Pairs are found frontier by frontier with whole arrays. Epsilons need care: when the left path has an output epsilon
where the right path has an input epsilon, the two moves could be taken in either order, or at once, and each way would
count as a path of its own. A filter state allows one way only, the left epsilons before the right ones (Mohri,
Pereira, Riley 1996), so each pair of paths is counted once and sums are right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import NO_INDICES, IntArray, KeyIndex
from lattice_cli.composition.matcher import ArcIndex, _input_index, _matched
from lattice_cli.errors import UsageError
from lattice_cli.graph import EPSILON, Graph

#: Moves that a composition may have: about 10 GB.
_MOST_MOVES = 100_000_000


@dataclass(frozen=True, eq=False)
class Moves:
    """Steps from pair to pair: (moves,) the pair left, and the arc each side takes, -1 where it stays."""

    pair: IntArray
    left_arc: IntArray
    right_arc: IntArray


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every pair of nodes that can be reached from a pair of starts, and every move between them.

    left_node, right_node: (pairs,), frontier by frontier, the first of which are the start pairs.
    found:  how many pairs were found in each frontier.
    moves, head: the moves, and the pair each leads to.
    fronts: bounds of the moves that leave each frontier, and their end.
    onward: true if every move leads to a later frontier than the one it leaves.
    """

    left_node: IntArray
    right_node: IntArray
    found: list[int]
    moves: Moves
    head: IntArray
    fronts: list[int]
    onward: bool

    @property
    def starts(self) -> int:
        """How many start pairs there are."""
        return self.found[0]

    @cached_property
    def depth(self) -> IntArray:
        """(pairs,) the frontier each pair was found in."""
        return np.repeat(np.arange(len(self.found)), self.found)

    @cached_property
    def found_by(self) -> IntArray:
        """(pairs,) the first move that led to each pair; -1 for the start pairs."""
        first = np.full(len(self.left_node), -1, dtype=np.intp)
        first[self.head[::-1]] = np.arange(len(self.head))[::-1]  # the last write wins, and it is the first move
        first[: self.starts] = -1
        return first

    def path_to(self, pair: int) -> list[int]:
        """The moves by which a pair was first found, from a start pair on."""
        way = []
        while self.found_by[pair] >= 0:
            way.append(int(self.found_by[pair]))
            pair = int(self.moves.pair[way[-1]])
        return way[::-1]


def reach_pairs(left: Graph, right: Graph) -> Pairs:
    """Breadth-first search over (left node, right node, filter); the left label table begins with the right one.

    Filter 1 means that a right epsilon was taken: no left epsilon until both sides have moved together again. Raises
    UsageError where there are too many moves.
    """
    search = _PairSearch(left, right)
    starts = (left.starts[:, None] * right.nodes + right.starts[None, :]).ravel() * search.filters
    _, frontier = search.numbering.number(starts)
    keys, moves = [frontier], list[list[NDArray[np.int32]]]()
    known, fronts, onward = len(frontier), [0], True
    while len(frontier):
        first = known - len(frontier)
        step, targets = search.expand(frontier)
        fronts.append(fronts[-1] + len(targets))
        if fronts[-1] > _MOST_MOVES:
            raise UsageError(
                f"the composition has more than {_MOST_MOVES:,} arcs, too many to be built: take a smaller grammar or "
                "a pruned graph; best paths and sums of emission matrices do without it (viterbi, forward)"
            )
        head, frontier = search.numbering.number(targets)
        onward = onward and int(head.min(initial=known)) >= known
        known += len(frontier)
        keys.append(frontier)
        # Kept in half the bytes until all are known: most of the time goes into memory that is touched for the first
        # time.
        columns = (step.pair + first, step.left_arc, step.right_arc, head)
        moves.append([column.astype(np.int32) for column in columns])
    pair = np.concatenate(keys) // search.filters
    left_node, right_node = np.divmod(pair, max(right.nodes, 1))
    found = [len(front) for front in keys]
    *taken, head = (np.concatenate(column, dtype=np.intp) for column in zip([NO_INDICES] * 4, *moves))
    return Pairs(left_node, right_node, found, Moves(*taken), head, fronts, onward)


def _joined(moves: list[Moves]) -> Moves:
    pair, left_arc, right_arc = (
        np.concatenate(column) for column in zip(*((step.pair, step.left_arc, step.right_arc) for step in moves))
    )
    return Moves(pair, left_arc, right_arc)


class _PairSearch:
    """The moves out of a frontier of keys; a key is (left node * right nodes + right node) * filters + filter."""

    def __init__(self, left: Graph, right: Graph) -> None:
        self.left, self.right = left, right
        self._outputs = ArcIndex(left, left.olabel)
        self._inputs = _input_index(right)
        self.filters = 2 if self._outputs.has_epsilon and self._inputs.has_epsilon else 1
        self.numbering = KeyIndex(left.nodes * right.nodes * self.filters)

    def expand(self, frontier: IntArray) -> tuple[Moves, IntArray]:
        """Every move out of these pairs (numbered from 0), and the key it leads to."""
        left, right = np.divmod(frontier // self.filters, self.right.nodes)
        moves = [self._together(left, right)]
        targets = [self._key(self.left.dst[moves[0].left_arc], self.right.dst[moves[0].right_arc], 0)]
        if self._outputs.has_epsilon:
            free = np.flatnonzero(frontier % self.filters == 0)
            found, arcs = self._outputs.matching(left[free], np.full(len(free), EPSILON))
            pair = free[found]
            moves.append(Moves(pair, arcs, np.full(len(pair), -1)))
            targets.append(self._key(self.left.dst[arcs], right[pair], 0))
        if self._inputs.has_epsilon:
            pair, arcs = self._inputs.matching(right, np.full(len(right), EPSILON))
            moves.append(Moves(pair, np.full(len(pair), -1), arcs))
            targets.append(self._key(left[pair], self.right.dst[arcs], self.filters - 1))
        return (moves[0], targets[0]) if len(moves) == 1 else (_joined(moves), np.concatenate(targets))

    def _key(self, left: IntArray, right: IntArray, state: int) -> IntArray:
        return (left * self.right.nodes + right) * self.filters + state

    def _together(self, left: IntArray, right: IntArray) -> Moves:
        """Moves on equal labels: the side with fewer arcs here is spread out, the other one looked up."""
        outputs, inputs = self._outputs, self._inputs
        if outputs.by_node.sizes(left).sum() <= inputs.by_node.sizes(right).sum():
            pair, left_arc, right_arc = _matched(outputs, left, inputs, right)
        else:
            pair, right_arc, left_arc = _matched(inputs, right, outputs, left)
        return Moves(pair, left_arc, right_arc)

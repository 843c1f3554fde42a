"""The part of a context grammar that a graph reaches: which last labels a path can have behind it, and what comes next.

A grammar that predicts a label from the k labels before it is an automaton with a node for each context: too many to be
written out. Beside a graph only those count that one of its paths gets to; they are found frontier by frontier. The
same holds for any deterministic automaton whose states are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from lattice_cli.arrays import NO_INDICES, IntArray, KeyIndex, group_by, run_starts, stable_order
from lattice_cli.errors import UsageError
from lattice_cli.graph import EPSILON, Graph, Labels, end_energies, label_index, trimmed, without_arcs

#: More contexts, or pairs of a node and a context, than that are refused.
MOST_CONTEXTS = 1 << 20
MOST_PAIRS = 1 << 21
_LARGEST_CODE = 1 << 62


@dataclass(frozen=True, eq=False)
class Contexts:
    """Contexts that are reached, and the deterministic acceptor over them; its energies are 0.

    rows: (contexts, width) the last labels, the latest in the last column; 0 stands before the first label. Row 0 is
    the empty context. graph: a node for each context, an arc for each label that follows it; an answer may end
    at any. Its labels are those of the vocabulary.
    """

    rows: IntArray
    graph: Graph

    @property
    def names(self) -> ContextNames:
        """(contexts,) what people call each."""
        return ContextNames(self.rows, self.graph.labels)


@dataclass(frozen=True, eq=False)
class ContextNames(Sequence[str]):
    """The labels of each context, white space in them as an open box; `start` for the empty one. Made when asked for:
    there may be very many."""

    rows: IntArray
    labels: Labels

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> ContextNames: ...
    def __getitem__(self, at: int | slice) -> str | ContextNames:
        if isinstance(at, slice):
            return ContextNames(self.rows[at], self.labels)
        shown = (self.labels[each].replace(" ", "\u2423") for each in self.rows[at].tolist() if each)
        return " ".join(shown) or "start"


def contexts_of(graph: Graph, labels: Labels, width: int) -> Contexts:
    """The contexts of up to `width` labels that lie on paths of a graph (or of the members of a union).

    labels: the vocabulary as a label table. Arcs with other output labels are on no path; epsilons leave the context
    as it is. Raises UsageError where there are too many contexts.
    """
    base = len(labels)
    if base**width >= _LARGEST_CODE:
        raise UsageError(f"contexts of {width} out of {base - 1} labels cannot be numbered, expected shorter ones")

    def next_code(code: IntArray, label: IntArray) -> IntArray:
        return code % base ** (width - 1) * base + label if width else code

    codes, found = reached(graph, labels, 0, base**width, next_code, f"contexts of {width} labels")
    powers = base ** np.arange(width - 1, -1, -1, dtype=np.intp)
    return Contexts(codes[:, None] // powers % base, found)


def reached(
    graph: Graph, labels: Labels, first: int, states: int, after: Callable[[IntArray, IntArray], IntArray], what: str
) -> tuple[IntArray, Graph]:
    """The part of a deterministic automaton that the outputs of a graph (or of the members of a union) reach.

    labels: those it takes; arcs with others are on no path, epsilons leave it where it is. first: its state at the
    start, one of the numbers below `states`. after: (n,) states and (n,) labels -> (n,) states then, -1 for none. what:
    its states, in words. Gives (nodes,) the state of each node, and a graph over nodes whose energies are 0, an arc for
    each label that a path has there; paths begin at node 0 and end anywhere. Raises UsageError for too many states.
    """
    index = label_index(labels)
    own = np.array([EPSILON, *(index.get(label, -1) for label in graph.labels[1:])], dtype=np.intp)
    known = without_arcs(graph, own[graph.olabel] < 0)
    spoken, _, _ = trimmed(known)
    if not spoken.nodes:
        spoken = known  # no path; as far as it goes is what an explanation needs
    return _Search(spoken, own[spoken.olabel], labels, states, after, what).found(first)


class _Search:
    """Breadth first over pairs of a node and a state."""

    def __init__(
        self,
        graph: Graph,
        label: IntArray,
        labels: Labels,
        states: int,
        after: Callable[[IntArray, IntArray], IntArray],
        what: str,
    ) -> None:
        self.graph, self.label, self.labels, self.after, self.what = graph, label, labels, after, what
        self.leaving = group_by(graph.src, graph.nodes)
        self.numbering = KeyIndex(states)
        self.pairs = KeyIndex(max(1, graph.nodes) * MOST_CONTEXTS)
        self.states: list[IntArray] = []

    def found(self, first: int) -> tuple[IntArray, Graph]:
        """All that are reached, with the moves between them."""
        nodes, base = max(1, self.graph.nodes), len(self.labels)
        self.number(np.array([first]))
        _, frontier = self.pairs.number(self.graph.starts)  # the first state is number 0
        moves: list[IntArray] = []
        heads: list[IntArray] = []
        while len(frontier):
            number, node = np.divmod(frontier, nodes)
            arcs, counts = self.leaving.rows(node)
            tail, label = np.repeat(number, counts), self.label[arcs]
            state = np.concatenate(self.states)[tail]
            said = label > 0
            state[said] = self.after(state[said], label[said])
            possible = state >= 0
            arcs, tail, label, said = arcs[possible], tail[possible], label[possible], said[possible]
            head = self.number(state[possible])
            if self.numbering.count > MOST_CONTEXTS or self.pairs.count > MOST_PAIRS:
                raise UsageError(
                    f"the paths reach more than {MOST_CONTEXTS:,} {self.what}, or too many places in them: expected "
                    "shorter ones, or a smaller graph (lattice prune)"
                )
            move, place = _different(tail[said] * base + label[said])
            moves.append(move)
            heads.append(head[said][place])
            _, frontier = self.pairs.number(head * nodes + self.graph.dst[arcs])
        return np.concatenate(self.states), self.built(moves, heads)

    def number(self, states: IntArray) -> IntArray:
        """The number of each state; new ones get the next numbers."""
        found, fresh = self.numbering.number(states)
        self.states.append(fresh)
        return found

    def built(self, moves: list[IntArray], heads: list[IntArray]) -> Graph:
        """Moves are tail * labels + label."""
        move, first = _different(np.concatenate([NO_INDICES, *moves]))
        tail, label = np.divmod(move, len(self.labels))
        nodes = self.numbering.count
        head = np.concatenate([NO_INDICES, *heads])[first]
        start = end_energies(nodes, {0: 0.0})
        return Graph(tail, head, label, label, np.zeros(len(move)), start, np.zeros(nodes), self.labels)


def _different(keys: IntArray) -> tuple[IntArray, IntArray]:
    """The different keys in ascending order, and where each stands first."""
    order = stable_order(keys)
    first = order[run_starts(keys[order])]
    return keys[first], first

"""The part of a context grammar that a graph reaches: which last labels a path can have behind it, and what comes next.

A grammar that predicts a label from the k labels before it is an automaton with a node for each context: too many to be
written out. Beside a graph only those count that one of its paths gets to; they are found frontier by frontier.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    _require_codes(len(labels), width)
    index = label_index(labels)
    own = np.array([EPSILON, *(index.get(label, -1) for label in graph.labels[1:])], dtype=np.intp)
    known = without_arcs(graph, own[graph.olabel] < 0)
    spoken, _, _ = trimmed(known)
    if not spoken.nodes:
        spoken = known  # no path; as far as it goes is what an explanation needs
    return _ContextSearch(spoken, own[spoken.olabel], labels, width).contexts()


def _require_codes(base: int, width: int) -> None:
    if base**width >= _LARGEST_CODE:
        raise UsageError(f"contexts of {width} out of {base - 1} labels cannot be numbered, expected shorter ones")


class _ContextSearch:
    """Breadth first over pairs of a node and a context. A context is a number with a digit for each of its labels."""

    def __init__(self, graph: Graph, label: IntArray, labels: Labels, width: int) -> None:
        self.graph, self.label, self.labels, self.width = graph, label, labels, width
        self.base = len(labels)
        self.leaving = group_by(graph.src, graph.nodes)
        self.contexts_found = KeyIndex(self.base**width)
        self.pairs = KeyIndex(max(1, graph.nodes) * MOST_CONTEXTS)
        self.codes: list[IntArray] = []

    def contexts(self) -> Contexts:
        """All that are reached, with the moves between them."""
        nodes, base = max(1, self.graph.nodes), self.base
        self.number(np.zeros(1, dtype=np.intp))
        _, frontier = self.pairs.number(self.graph.starts)  # the empty context is number 0
        moves: list[IntArray] = []
        heads: list[IntArray] = []
        while len(frontier):
            context, node = np.divmod(frontier, nodes)
            arcs, counts = self.leaving.rows(node)
            tail = np.repeat(context, counts)
            label = self.label[arcs]
            head = self.number(self.next(np.concatenate(self.codes)[tail], label))
            if self.contexts_found.count > MOST_CONTEXTS or self.pairs.count > MOST_PAIRS:
                raise UsageError(
                    f"the paths reach more than {MOST_CONTEXTS:,} contexts of {self.width} labels, or too many places "
                    "in them: expected shorter contexts, or a smaller graph (lattice prune)"
                )
            said = label > 0
            move, first = _different(tail[said] * base + label[said])
            moves.append(move)
            heads.append(head[said][first])
            _, frontier = self.pairs.number(head * nodes + self.graph.dst[arcs])
        return self.built(moves, heads)

    def number(self, codes: IntArray) -> IntArray:
        """The number of each context; new ones get the next numbers."""
        found, fresh = self.contexts_found.number(codes)
        self.codes.append(fresh)
        return found

    def next(self, code: IntArray, label: IntArray) -> IntArray:
        """The context after a label; epsilon changes nothing."""
        if not self.width:
            return code
        shifted: IntArray = code % self.base ** (self.width - 1) * self.base + label
        return np.where(label > 0, shifted, code)

    def built(self, moves: list[IntArray], heads: list[IntArray]) -> Contexts:
        """Moves are tail * base + label."""
        move, first = _different(np.concatenate([NO_INDICES, *moves]))
        codes = np.concatenate(self.codes)
        tail, label = np.divmod(move, self.base)
        start = end_energies(len(codes), {0: 0.0})
        head = np.concatenate([NO_INDICES, *heads])[first]
        graph = Graph(tail, head, label, label, np.zeros(len(move)), start, np.zeros(len(codes)), self.labels)
        powers = self.base ** np.arange(self.width - 1, -1, -1, dtype=np.intp)
        return Contexts(codes[:, None] // powers % self.base, graph)


def _different(keys: IntArray) -> tuple[IntArray, IntArray]:
    """The different keys in ascending order, and where each stands first."""
    order = stable_order(keys)
    first = order[run_starts(keys[order])]
    return keys[first], first

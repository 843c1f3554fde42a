"""Right answers: one, several, or all that a lattice has; as records give them, as labels, as acceptors of them and of
all others.

The energies of a lattice of right answers are how much dearer one is than another: costs of transcripts, in nats, that
are added to those of every path that spells the answer, as in the supervision of lattice-free MMI (Povey et al. 2016;
Manohar, Hadian, Povey, Khudanpur 2018) and in the target graphs of GTN (Hannun et al. 2020). An answer that several of
its paths spell is right once, at the least of their energies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.errors import counted
from lattice_cli.graph.connect import trimmed
from lattice_cli.graph.construct import end_energies
from lattice_cli.graph.determinize import determinized, determinized_energies
from lattice_cli.graph.graph import Graph, Labels, label_index
from lattice_cli.graph.levels import evaluation_order

Target = tuple[str, ...]
#: More answers than that are not counted to the last one.
_MANY = 10**15


@dataclass(frozen=True)
class AnyOf:
    """Several right answers, any of which will do: texts or lists of labels, one at least."""

    answers: tuple[str | tuple[str, ...], ...]

    def __str__(self) -> str:
        return " or ".join(repr(each if isinstance(each, str) else " ".join(each)) for each in self.answers)


@dataclass(frozen=True, eq=False)
class TargetGraph:
    """The right answers of a lattice: what its paths output.

    given: as the record has it. acceptor: a path for each answer, none of them silent; its energies are of the answers.
    """

    given: Mapping[str, Any]
    acceptor: Graph

    @staticmethod
    def of(graph: Graph, given: Mapping[str, Any]) -> TargetGraph:
        """The outputs of a graph without cycles on its paths. Raises UsageError for a graph that has too many nodes
        where each answer has one path."""
        part = trimmed(replace(graph, ilabel=graph.olabel))[0]
        ends = part.start[part.starts], part.final[part.finals]
        weighted = any((each != 0).any() for each in (part.energy, *ends))
        return TargetGraph(given, determinized_energies(part) if weighted else determinized(part))

    @cached_property
    def weighted(self) -> bool:
        """Whether some answers cost something."""
        graph = self.acceptor
        return any(each.any() for each in (graph.energy, graph.start[graph.starts], graph.final[graph.finals]))

    @property
    def labels(self) -> Target:
        """The labels of its answers, sorted."""
        return tuple(sorted(self.acceptor.spoken))

    @cached_property
    def _child(self) -> dict[tuple[int, str], int]:
        """(node, label) -> node."""
        graph = self.acceptor
        rows = zip(graph.src.tolist(), graph.olabel.tolist(), graph.dst.tolist())
        return {(tail, graph.labels[label]): head for tail, label, head in rows}

    def __contains__(self, answer: object) -> bool:
        assert isinstance(answer, tuple)
        node: int | None = int(self.acceptor.starts[0])
        for label in answer:
            node = None if node is None else self._child.get((node, label))
        return node is not None and bool(np.isfinite(self.acceptor.final[node]))

    @cached_property
    def count(self) -> int:
        """How many answers there are."""
        graph = self.acceptor
        ways = np.isfinite(graph.start).astype(object)
        order = evaluation_order(graph.src, graph.dst, np.array([0, graph.nodes])).level[graph.src]
        for arc in np.argsort(order, kind="stable").tolist():
            ways[graph.dst[arc]] += ways[graph.src[arc]]
        return int(sum(ways[graph.finals].tolist()))

    def __str__(self) -> str:
        return f"lattice of {counted(self.count, 'answer') if self.count < _MANY else f'more than {_MANY} answers'}"


#: What is right: a text, labels, several of them, or a lattice.
Right: TypeAlias = str | tuple[str, ...] | AnyOf | TargetGraph


@dataclass(frozen=True)
class StepTargets:
    """What is right at each step of a recogniser that has a cost at every step, from the first on, one at least. What
    it recognises is read at the last."""

    steps: tuple[Right, ...]

    def __str__(self) -> str:
        return " then ".join(map(shown, self.steps))


#: What a record may give as its correct answer: what is right, or that at every step.
Reference: TypeAlias = Right | StepTargets
#: The same as labels: one answer at least.
Targets: TypeAlias = Sequence[Target] | TargetGraph


def steps_of(reference: Reference) -> tuple[Right, ...]:
    """What is right at each step; one where there are none."""
    return reference.steps if isinstance(reference, StepTargets) else (reference,)


def last_of(reference: Reference) -> Right:
    """What is right; of what is at each step, that at the last."""
    return steps_of(reference)[-1]


def shown(reference: Reference) -> str:
    """A target, as messages name it behind "the target"."""
    return str(AnyOf((reference,)) if isinstance(reference, (str, tuple)) else reference)


def right_answers_of(reference: str | tuple[str, ...] | AnyOf) -> tuple[str | tuple[str, ...], ...]:
    """The right answers, as they are given: one or more."""
    return reference.answers if isinstance(reference, AnyOf) else (reference,)


def parts_of(reference: Right) -> tuple[str | tuple[str, ...], ...]:
    """What tells the labels of right answers: these themselves; of a lattice, its labels in one list."""
    return (reference.labels,) if isinstance(reference, TargetGraph) else right_answers_of(reference)


def told(targets: Targets) -> str:
    """Right answers, as messages name them behind "the target"."""
    if isinstance(targets, TargetGraph):
        return str(targets)
    return " or ".join(repr(" ".join(target)) for target in targets)


@dataclass(frozen=True, eq=False)
class Trie:
    """Prefixes of sequences of numbers as nodes, 0 the empty one. child: (node, number) -> node, as they were made."""

    child: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def nodes(self) -> int:
        """How many there are."""
        return len(self.child) + 1

    def columns(self) -> tuple[IntArray, IntArray, IntArray]:
        """(nodes - 1,) the nodes but the root, as they were made: the node before each, its own number, itself."""
        pairs = np.fromiter(chain.from_iterable(self.child), dtype=np.intp, count=2 * len(self.child))
        return pairs[::2], pairs[1::2], np.arange(1, self.nodes)

    def path(self, sequence: Iterable[int]) -> list[int]:
        """The nodes of a sequence's prefixes, from that of one number on; made as needed."""
        child, node = self.child, 0
        return [node := child.setdefault((node, number), len(child) + 1) for number in sequence]

    def ends(self, sequences: Iterable[Iterable[int]]) -> list[int]:
        """The node of each sequence, made as needed."""
        child, found = self.child, []
        for sequence in sequences:
            node = 0
            for number in sequence:
                node = child.setdefault((node, number), len(child) + 1)
            found.append(node)
        return found


def target_acceptor(targets: Targets, labels: Labels) -> Graph:
    """The acceptor of these answers, each with one path, at its energy; its table is `labels` and what they add."""
    if isinstance(targets, TargetGraph):
        return _over(targets.acceptor, labels)
    table, trie, ends = _trie(targets, labels)
    tail, number, head = trie.columns()
    order = np.lexsort((number, tail))
    src, label, dst = tail[order], number[order], head[order]
    start, final = end_energies(trie.nodes, {0: 0.0}), end_energies(trie.nodes, dict.fromkeys(ends, 0.0))
    return Graph(src, dst, label, label, np.zeros(len(src)), start, final, table)


def complement_acceptor(targets: Targets, labels: Labels, used: IntArray) -> Graph:
    """The acceptor of every sequence over the labels `used` (indices) that is none of the targets, at energy 0.

    Deterministic and complete: the nodes of the targets, and one node for all that has left them.
    """
    right = target_acceptor(targets, labels)
    child = dict(zip(zip(right.src.tolist(), right.ilabel.tolist()), right.dst.tolist()))
    outside = right.nodes
    tails = np.repeat(np.arange(outside + 1), len(used))
    label = np.tile(used, outside + 1)
    heads = np.array([child.get(pair, outside) for pair in zip(tails.tolist(), label.tolist())], dtype=np.intp)
    start, final = end_energies(outside + 1, {int(right.starts[0]): 0.0}), np.zeros(outside + 1)
    final[right.finals] = np.inf
    return Graph(tails, heads, label, label, np.zeros(len(tails)), start, final, right.labels)


def _trie(targets: Sequence[Target], labels: Labels) -> tuple[Labels, Trie, list[int]]:
    """The label table with the targets' own labels added, the trie of their indices, and the nodes where one ends."""
    index, trie = label_index(labels), Trie()
    ends = trie.ends([index.setdefault(label, len(index) + 1) for label in target] for target in targets)
    return ("", *index), trie, ends


def _over(graph: Graph, labels: Labels) -> Graph:
    """The graph over a label table with its own labels added."""
    index = label_index(labels)
    number = [0, *(index.setdefault(label, len(index) + 1) for label in graph.labels[1:])]
    return graph.relabelled(("", *index), np.array(number, dtype=np.intp))

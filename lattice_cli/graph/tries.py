"""Tries, the acceptors of some answers as tries, and of all others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.graph.construct import end_energies
from lattice_cli.graph.graph import Graph, Labels, label_index

Target = tuple[str, ...]


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


def target_acceptor(targets: Sequence[Target], labels: Labels) -> Graph:
    """The acceptor of these answers, as a trie, so that each has one path; its table is `labels` and what they add."""
    table, trie, ends = _trie(targets, labels)
    tail, number, head = trie.columns()
    order = np.lexsort((number, tail))
    src, label, dst = tail[order], number[order], head[order]
    start, final = end_energies(trie.nodes, {0: 0.0}), end_energies(trie.nodes, dict.fromkeys(ends, 0.0))
    return Graph(src, dst, label, label, np.zeros(len(src)), start, final, table)


def complement_acceptor(targets: Sequence[Target], labels: Labels, used: IntArray) -> Graph:
    """The acceptor of every sequence over the labels `used` (indices) that is none of the targets.

    Deterministic and complete: the trie of the targets, and one node for all that has left it.
    """
    table, trie, ends = _trie(targets, labels)
    outside = trie.nodes
    tails = np.repeat(np.arange(outside + 1), len(used))
    label = np.tile(used, outside + 1)
    heads = np.array([trie.child.get(pair, outside) for pair in zip(tails.tolist(), label.tolist())], dtype=np.intp)
    final = np.zeros(outside + 1)
    final[ends] = np.inf
    return Graph(tails, heads, label, label, np.zeros(len(tails)), end_energies(outside + 1, {0: 0.0}), final, table)


def _trie(targets: Sequence[Target], labels: Labels) -> tuple[Labels, Trie, list[int]]:
    """The label table with the targets' own labels added, the trie of their indices, and the nodes where one ends."""
    index, trie = label_index(labels), Trie()
    ends = trie.ends([index.setdefault(label, len(index) + 1) for label in target] for target in targets)
    return ("", *index), trie, ends

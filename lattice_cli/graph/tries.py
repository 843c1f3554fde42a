"""Acceptors of some answers, as tries, and of all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lattice_cli.arrays.types import IntArray
from lattice_cli.graph.graph import Graph, Labels, label_index

Target = tuple[str, ...]


def target_acceptor(targets: Sequence[Target], labels: Labels) -> Graph:
    """The acceptor of these answers, as a trie, so that each has one path; its table is `labels` and what they add."""
    table, trie, ends = _trie(targets, labels)
    arcs = sorted((tail, label, head) for (tail, label), head in trie.items())
    src, label, dst = (np.array(column, dtype=np.intp) for column in (zip(*arcs) if arcs else ((), (), ())))
    start, final = np.full(len(trie) + 1, np.inf), np.full(len(trie) + 1, np.inf)
    start[0] = 0.0
    final[ends] = 0.0
    return Graph(src, dst, label, label, np.zeros(len(src)), start, final, table)


def complement_acceptor(targets: Sequence[Target], labels: Labels, used: IntArray) -> Graph:
    """The acceptor of every sequence over the labels `used` (indices) that is none of the targets.

    Deterministic and complete: the trie of the targets, and one node for all that has left it.
    """
    table, trie, ends = _trie(targets, labels)
    inside = len(trie) + 1
    tails = np.repeat(np.arange(inside + 1), len(used))
    label = np.tile(used, inside + 1)
    heads = np.array([trie.get(pair, inside) for pair in zip(tails.tolist(), label.tolist())], dtype=np.intp)
    start, final = np.full(inside + 1, np.inf), np.zeros(inside + 1)
    start[0] = 0.0
    final[ends] = np.inf
    return Graph(tails, heads, label, label, np.zeros(len(tails)), start, final, table)


def _trie(targets: Sequence[Target], labels: Labels) -> tuple[Labels, dict[tuple[int, int], int], list[int]]:
    """The label table with the targets' own labels added, children by (node, label), and the nodes where one ends."""
    index = label_index(labels)
    trie: dict[tuple[int, int], int] = {}
    ends = []
    for target in targets:
        node = 0
        for label in target:
            key = (node, index.setdefault(label, len(index) + 1))
            node = trie.setdefault(key, len(trie) + 1)
        ends.append(node)
    return ("", *index), trie, ends

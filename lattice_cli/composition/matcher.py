"""The arcs of one side of a composition by node and label."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from lattice_cli.arrays import Groups, IntArray, run_starts, spans, stable_order
from lattice_cli.graph import EPSILON, Graph

#: Up to this many (node, label) keys arcs are looked up in a table rather than by binary search.
_TABLE_KEYS = 1 << 22
#: And up to so many of them an arc: a small record over the labels of a large grammar makes no large table.
_TABLE_PER_ARC = 64


class ArcIndex:
    """The arcs of one side by (node, label): all arcs of a node, or those with a given label."""

    def __init__(self, graph: Graph, label: IntArray) -> None:
        node, nodes, labels = graph.src, graph.nodes, len(graph.labels)
        self.label = label
        self._labels = labels
        by_label = stable_order(label)
        self.arcs = by_label[stable_order(node[by_label])]
        self._keys = node[self.arcs] * labels + label[self.arcs]
        offsets = np.zeros(nodes + 1, dtype=np.intp)
        np.cumsum(np.bincount(node, minlength=nodes), out=offsets[1:])
        self.by_node = Groups(self.arcs, offsets)

    @cached_property
    def has_epsilon(self) -> bool:
        """True if some arc of this side is an epsilon."""
        return bool((self.label == EPSILON).any())

    @cached_property
    def _single(self) -> IntArray | None:
        """The arc of every key, -1 for none, if no key has two and a table of them all is not too large; else None."""
        size = len(self.by_node.offsets[1:]) * self._labels
        if size > min(_TABLE_KEYS, _TABLE_PER_ARC * len(self.arcs)) or len(run_starts(self._keys)) < len(self._keys):
            return None
        table = np.full(size + 1, -1, dtype=np.intp)  # the last entry is for labels that this side does not know
        table[self._keys] = self.arcs
        return table

    def matching(self, nodes: IntArray, labels: IntArray) -> tuple[IntArray, IntArray]:
        """Which of the (node, label) queries have arcs, repeated for each of them, and the arcs."""
        keys = nodes * self._labels + labels
        if self._labels <= labels.max(initial=0):
            keys[labels >= self._labels] = -1  # no arc has this key
        if self._single is not None:
            arcs = self._single[keys]
            found = np.flatnonzero(arcs >= 0)
            return found, arcs[found]
        first = np.searchsorted(self._keys, keys, side="left")
        counts = np.searchsorted(self._keys, keys, side="right") - first
        return np.repeat(np.arange(len(keys)), counts), self.arcs[spans(first, counts)]


@lru_cache(maxsize=4)
def _input_index(grammar: Graph) -> ArcIndex:
    """The arcs of a grammar by input label; kept, as one grammar is composed with many graphs."""
    return ArcIndex(grammar, grammar.ilabel)


def _matched(
    spread: ArcIndex, here: IntArray, lookup: ArcIndex, there: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """All arcs of `spread` at the nodes `here`, each with the arcs of `lookup` at `there` that have its label."""
    arcs, counts = spread.by_node.rows(here)
    pair = np.repeat(np.arange(len(here)), counts)
    if spread.has_epsilon:
        visible = spread.label[arcs] != EPSILON
        arcs, pair = arcs[visible], pair[visible]
    found, others = lookup.matching(there[pair], spread.label[arcs])
    return pair[found], arcs[found], others

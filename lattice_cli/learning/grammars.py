"""Grammars whose energies are learned: n-grams over labels, and any grammar with tied energies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from lattice_cli.errors import UsageError
from lattice_cli.graph.document import Document
from lattice_cli.graph.graph import FloatArray, Graph, Labels
from lattice_cli.learning.energies import Tied, by_scores, fixed, free, with_columns

#: n-grams beyond this many arcs are a mistake in the order.
_MOST_ARCS = 5_000_000


@dataclass(frozen=True, eq=False)
class LearnedGrammar:
    """A grammar and what its energies depend on.

    document: the grammar, its names and labels; tied: the energies of its arcs, starts and finals (`columns_of`).
    initial: (weights,) where learning starts.
    """

    document: Document
    tied: Tied
    initial: FloatArray

    @property
    def graph(self) -> Graph:
        """The grammar's graph, at the energies that it was made with."""
        return self.document.graph

    def at(self, weights: FloatArray) -> Document:
        """The grammar with the energies of these weights."""
        graph = with_columns(self.graph, self.tied.energies(weights))
        if self.document.scores:
            return replace(self.document, graph=graph, scales=dict(zip(self.tied.names, weights.tolist())))
        return replace(self.document, graph=graph)


def learned_grammar(document: Document, learn: str) -> LearnedGrammar:
    """A grammar of which nothing, every arc by itself, or the scales of its named scores are learned.

    Arcs that carry the score of the same name are tied by it. Raises UsageError where there are no scores.
    """
    if learn == "arcs":
        tied = free(document.graph)
        return LearnedGrammar(replace(document, scores={}, scales={}), tied, np.zeros(tied.weights))
    if learn == "scores":
        if not document.scores:
            raise UsageError(f"{document.source}: grammar.learn: scores needs arcs with named scores, but it has none")
        graph = document.graph
        tied = by_scores([graph], [document.scores], tuple(document.scores))
        tied = replace(tied, fixed=np.concatenate([tied.fixed, graph.start, graph.final]))
        return LearnedGrammar(document, tied, np.array([document.scales.get(name, 1.0) for name in tied.names]))
    return LearnedGrammar(document, fixed(document.graph), np.zeros(0))


def ngram(labels: Sequence[str], order: int) -> LearnedGrammar:
    """All label sequences, with a weight for each label after each context of up to order - 1 labels, and for the end.

    Nodes are contexts: () at the start, then the labels so far until there are order - 1 of them. With order 2 and a
    linear recogniser this is a linear-chain conditional random field (Lafferty, McCallum, Pereira 2001).
    """
    width = order - 1
    contexts: list[tuple[int, ...]] = [()]
    size = float(max(2, len(labels)))
    if width * math.log(size) + math.log(size) > math.log(_MOST_ARCS):
        raise UsageError(f"grammar.ngram: {order} over {len(labels)} labels has more than {_MOST_ARCS:,} arcs")
    for size in range(1, width + 1):
        contexts.extend(product(range(len(labels)), repeat=size))
    number = {context: node for node, context in enumerate(contexts)}
    label = np.tile(np.arange(len(labels)), len(contexts))
    src = np.repeat(np.arange(len(contexts)), len(labels))
    heads = [
        number[((*context, each)[-width:]) if width else ()] for context in contexts for each in range(len(labels))
    ]
    dst = np.array(heads, dtype=np.intp)
    start = np.full(len(contexts), np.inf)
    start[0] = 0.0
    table: Labels = ("", *labels)
    graph = Graph(src, dst, label + 1, label + 1, np.zeros(len(src)), start, np.zeros(len(contexts)), table)
    names = [" ".join(labels[each] for each in context) for context in contexts]
    tied = free(graph)
    keep = tied.column != graph.arcs  # a weight on the only start would add the same to every path
    told = [f"{names[node]} -> {labels[each]}".strip() for node, each in zip(src.tolist(), label.tolist())]
    told += [f"{name} ->".strip() for name in names]
    tied = Tied(tied.fixed, tied.column[keep], np.arange(len(told)), np.ones(len(told)), told)
    document = Document(graph, f"{order}-gram", f"{order}-gram", [name or "start" for name in _unique(names)])
    return LearnedGrammar(document, tied, np.zeros(tied.weights))


def _unique(names: list[str]) -> list[str]:
    """Node names; a label that looks like another context's name gets its number."""
    taken = set()
    found = []
    for position, name in enumerate(names):
        unique = name if name not in taken and name != "start" else f"{name} #{position}"
        taken.add(unique)
        found.append(unique)
    return found


def label_loop(labels: Sequence[str]) -> Graph:
    """The grammar of all label sequences: one node, an arc for each label, all at energy 0."""
    label = np.arange(1, len(labels) + 1)
    zero = np.zeros(len(labels), dtype=np.intp)
    ends = np.zeros(1)
    return Graph(zero, zero, label, label, np.zeros(len(labels)), ends, ends, ("", *labels))

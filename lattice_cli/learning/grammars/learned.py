"""Grammars whose energies are learned: n-grams over labels, and any grammar with tied energies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Protocol, TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.graph import Document, Graph, Labels, columns_of, end_energies, with_columns
from lattice_cli.learning.grammars.neural import NeuralGrammar, ReachedGrammar
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import LinearEnergies, by_scores, fixed, free

#: n-grams beyond this many arcs are a mistake in the order.
MOST_ARCS = 5_000_000
#: What the names of a grammar's parameters begin with, and the one of those that are summed.
GRAMMAR = "grammar."
GRAMMAR_WEIGHTS = "grammar.weights"

#: Derivative by the energies of arcs, starts and finals -> derivative by each parameter.
PullColumns: TypeAlias = Callable[[FloatArray], Parameters]


class LearnedGrammar(Protocol):
    """A grammar whose energies depend on parameters; the names of these begin with "grammar."."""

    @property
    def graph(self) -> Graph:
        """The grammar's graph, at the energies that it was made with."""

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from; {} if there is nothing to learn."""

    def energies(self, parameters: Parameters) -> tuple[FloatArray, PullColumns]:
        """(columns,) energies of arcs, starts and finals (`columns_of`), and the way back to the parameters."""


@dataclass(frozen=True, eq=False)
class TiedGrammar:
    """A grammar whose energies are sums of weights.

    document: the grammar, its names and labels; tied: the energies of its arcs, starts and finals (`columns_of`).
    begin: (weights,) where learning starts.
    """

    document: Document
    tied: LinearEnergies
    begin: FloatArray

    @property
    def graph(self) -> Graph:
        """See LearnedGrammar."""
        return self.document.graph

    def initial(self, rng: np.random.Generator) -> Parameters:
        """See LearnedGrammar."""
        return {GRAMMAR_WEIGHTS: self.begin.copy()}

    def energies(self, parameters: Parameters) -> tuple[FloatArray, PullColumns]:
        """See LearnedGrammar."""
        found = self.tied.energies(parameters[GRAMMAR_WEIGHTS])
        return found, lambda by_column: {GRAMMAR_WEIGHTS: self.tied.gradient(by_column)}

    def at(self, parameters: Parameters) -> Document:
        """The grammar with the energies of these weights."""
        weights = parameters[GRAMMAR_WEIGHTS]
        graph = with_columns(self.graph, self.tied.energies(weights))
        if self.document.scores:
            return replace(self.document, graph=graph, scales=dict(zip(self.tied.names, weights.tolist())))
        return replace(self.document, graph=graph)


@dataclass(frozen=True, eq=False)
class NetworkGrammar:
    """A neural grammar beside the graphs that there are to learn from.

    start: its weights where it is not learned from the beginning. frozen: they stay as they are.
    """

    reached: ReachedGrammar
    start: Parameters | None
    frozen: bool

    @property
    def neural(self) -> NeuralGrammar:
        """The network."""
        return self.reached.neural

    @cached_property
    def graph(self) -> Graph:
        """See LearnedGrammar."""
        return self.reached.contexts.graph if self.start is None else self.reached.at(self.start)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """See LearnedGrammar."""
        if self.frozen:
            return {}
        start = self.neural.initial(rng) if self.start is None else self.start
        return {f"{GRAMMAR}{name}": array.copy() for name, array in start.items()}

    def weights(self, parameters: Parameters) -> Parameters:
        """The network's own among the parameters of a model."""
        if self.frozen and self.start is not None:
            return self.start
        return {name.removeprefix(GRAMMAR): each for name, each in parameters.items() if name.startswith(GRAMMAR)}

    def energies(self, parameters: Parameters) -> tuple[FloatArray, PullColumns]:
        """See LearnedGrammar."""
        if self.frozen:
            return columns_of(self.graph), lambda by_column: {}
        found, pull = self.reached.energies(self.weights(parameters))
        return found, lambda by_column: {f"{GRAMMAR}{name}": each for name, each in pull(by_column).items()}


def learned_grammar(document: Document, learn: str, what: str = "grammar") -> TiedGrammar:
    """A grammar of which nothing, every arc by itself, or the scales of its named scores are learned. what: it is
    called in messages.

    Arcs that carry the score of the same name are tied by it. Raises UsageError where there are no scores.
    """
    if learn == "arcs":
        tied = free(document.graph)
        return TiedGrammar(replace(document, scores={}, scales={}), tied, np.zeros(tied.weights))
    if learn == "scores":
        if not document.scores:
            raise UsageError(f"{document.source}: {what}.learn: scores needs arcs with named scores, but it has none")
        graph = document.graph
        tied = by_scores([graph], [document.scores], tuple(document.scores))
        tied = replace(tied, fixed=np.concatenate([tied.fixed, graph.start, graph.final]))
        return TiedGrammar(document, tied, np.array([document.scales.get(name, 1.0) for name in tied.names]))
    return TiedGrammar(document, fixed(document.graph), np.zeros(0))


def ngram(labels: Sequence[str], order: int) -> TiedGrammar:
    """All label sequences, with a weight for each label after each context of up to order - 1 labels, and for the end.

    Nodes are contexts: () at the start, then the labels so far until there are order - 1 of them. With order 2 and a
    linear recogniser this is a linear-chain conditional random field (Lafferty, McCallum, Pereira 2001).
    """
    width = order - 1
    contexts: list[tuple[int, ...]] = [()]
    size = float(max(2, len(labels)))
    if width * math.log(size) + math.log(size) > math.log(MOST_ARCS):
        raise UsageError(f"grammar.ngram: {order} over {len(labels)} labels has more than {MOST_ARCS:,} arcs")
    for size in range(1, width + 1):
        contexts.extend(product(range(len(labels)), repeat=size))
    number = {context: node for node, context in enumerate(contexts)}
    label = np.tile(np.arange(len(labels)), len(contexts))
    src = np.repeat(np.arange(len(contexts)), len(labels))
    heads = [
        number[((*context, each)[-width:]) if width else ()] for context in contexts for each in range(len(labels))
    ]
    dst = np.array(heads, dtype=np.intp)
    start = end_energies(len(contexts), {0: 0.0})
    table: Labels = ("", *labels)
    graph = Graph(src, dst, label + 1, label + 1, np.zeros(len(src)), start, np.zeros(len(contexts)), table)
    names = [" ".join(labels[each] for each in context) for context in contexts]
    tied = free(graph)
    keep = tied.column != graph.arcs  # a weight on the only start would add the same to every path
    told = [f"{names[node]} -> {labels[each]}".strip() for node, each in zip(src.tolist(), label.tolist())]
    told += [f"{name} ->".strip() for name in names]
    tied = LinearEnergies(tied.fixed, tied.column[keep], np.arange(len(told)), np.ones(len(told)), told)
    document = Document(graph, f"{order}-gram", f"{order}-gram", [name or "start" for name in _unique(names)])
    return TiedGrammar(document, tied, np.zeros(tied.weights))


def _unique(names: list[str]) -> list[str]:
    """Node names; a label that looks like another context's name gets its number."""
    taken = set()
    found = []
    for position, name in enumerate(names):
        unique = name if name not in taken and name != "start" else f"{name} #{position}"
        taken.add(unique)
        found.append(unique)
    return found

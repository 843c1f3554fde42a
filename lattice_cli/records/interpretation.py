"""A record and a grammar as one graph to be searched, and the way back from its arcs to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, TypeAlias

import numpy as np

from lattice_cli.arrays.runs import distinct
from lattice_cli.arrays.types import FloatArray, IntArray
from lattice_cli.choices import SIDES
from lattice_cli.composition.combine import ADD, Combine
from lattice_cli.composition.composition import Composition, alone, compose
from lattice_cli.errors import FormatError, UsageError, quoted
from lattice_cli.grammars.rescoring import rescored
from lattice_cli.grammars.scorer_config import Scorers
from lattice_cli.graph.graph import EPSILON, Graph, Labels
from lattice_cli.graph.record import Document
from lattice_cli.search.best_path import Path

#: Of more labels the CTC topology is a tree rather than an arc for each pair of them.
PAIRED_LABELS = 300


class GrammarOnDemand(Protocol):
    """A grammar too large to be written out, such as a neural one: it is asked for the part that a graph reaches."""

    def beside(self, graph: Graph) -> Document:
        """The grammar as far as the outputs of a graph get in it."""


Grammar: TypeAlias = Document | GrammarOnDemand


@dataclass(frozen=True, eq=False)
class Side:
    """One of the graphs that results can be reported of.

    arc_of, node_of: (interpretation arcs,) and (interpretation nodes,): the arc (-1: none) and node of this side; None
    for the interpretation itself.
    """

    graph: Graph
    names: Sequence[int | str]
    times: FloatArray | None
    arc_of: IntArray | None
    node_of: IntArray | None

    def path(self, path: Path) -> tuple[list[int], list[int]]:
        """The arcs and nodes of this side along a path of the interpretation; without the moves it takes no part in."""
        if self.arc_of is None or self.node_of is None:
            return list(path.arcs), list(path.nodes)
        arcs = self.arc_of[np.array(path.arcs, dtype=np.intp)]
        nodes = self.node_of[np.array(path.nodes, dtype=np.intp)]
        moved = arcs >= 0
        return arcs[moved].tolist(), [int(nodes[0]), *nodes[1:][moved].tolist()]


@dataclass(frozen=True)
class Search:
    """How a matrix was searched row by row. exact: nothing that is wanted can have been lost. bound: no path is below
    this energy, nats. widest: the most states that were followed at once; all of what was composed instead."""

    exact: bool
    bound: float
    widest: int


@dataclass(frozen=True, eq=False)
class Interpretation:
    """What is searched for one record: its own graph, or that composed with a grammar.

    composition: record o grammar, None without a grammar; of a matrix that was searched row by row, what was asked for.
    inner: the CTC topology o grammar, where --ctc is used and they were composed. search: how a matrix was searched;
    why: why it then has no path, if it has none. unsaid: the hot words that no answer can have.
    """

    document: Document
    grammar: Document | None
    composition: Composition | None
    inner: Composition | None
    search: Search | None = None
    why: str | None = None
    unsaid: frozenset[str] = frozenset()

    @property
    def graph(self) -> Graph:
        """The graph to be searched."""
        return self.document.graph if self.composition is None else self.composition.graph

    def side(self, name: str) -> Side:
        """The side to report on: recognition, grammar or interpretation. Raises UsageError for a grammar not given."""
        if name not in SIDES:
            raise UsageError(f"no side is called {name!r}, expected one of {', '.join(SIDES)}")
        document, whole = self.document, self.composition
        if whole is None:
            if name == "grammar":
                raise UsageError("--of grammar needs a grammar (-g GRAMMAR)")
            return Side(document.graph, document.names, document.times, None, None)
        if name == "recognition":
            return Side(document.graph, document.names, document.times, whole.left_arc, whole.left_node)
        if name == "interpretation":
            times = None if document.times is None else document.times[whole.left_node]
            return Side(whole.graph, range(whole.graph.nodes), times, None, None)
        if self.grammar is None:
            raise UsageError("--of grammar needs a grammar (-g GRAMMAR)")
        arc, node = whole.right_arc, whole.right_node
        if self.inner is not None:
            arc, node = np.append(self.inner.right_arc, -1)[arc], self.inner.right_node[node]
        return Side(self.grammar.graph, self.grammar.names, self.grammar.times, arc, node)

    def owner(self, name: str) -> tuple[IntArray, FloatArray]:
        """(interpretation arcs,) the arc of a side that each comes from (-1: none), and its derivative by that arc."""
        graph, whole, side = self.graph, self.composition, self.side(name)
        if whole is None or side.arc_of is None:
            return np.arange(graph.arcs), np.ones(graph.arcs)
        return side.arc_of, whole.left_share if name == "recognition" else whole.right_share

    def gradient(self, name: str, arcs: FloatArray) -> FloatArray:
        """Gradient by the arc energies of a side, from the gradient by those of the interpretation."""
        if self.composition is None or name == "interpretation":
            return arcs
        if name == "recognition":
            return self.composition.left_gradient(arcs)
        gradient = self.composition.right_gradient(arcs)
        return gradient if self.inner is None else self.inner.right_gradient(gradient)


def interpret(
    document: Document,
    grammar: Grammar | None = None,
    ctc: str | None = None,
    combine: Combine = ADD,
    scorers: Scorers | None = None,
) -> Interpretation:
    """The interpretation of a record: composed with the grammar, read as CTC with blank `ctc` where that is given, its
    answers judged.

    Raises FormatError if the blank is not a label of the record, and UsageError if a grammar on demand is reached in
    too many places.
    """
    graph = document.graph
    if ctc is None:
        rules = _written_out(grammar, graph)
        whole = None if rules is None else compose(graph, rules.graph, combine)
        return _rescored(Interpretation(document, rules, whole, None), scorers)
    if ctc not in graph.labels[1:]:
        raise FormatError(f"{document.source}: no label is the blank of --ctc, {ctc!r}")
    _, topology = _ctc_grammar(graph.labels, ctc, None)
    spoken = graph if grammar is None or isinstance(grammar, Document) else compose(graph, topology).graph
    rules = _written_out(grammar, spoken)
    inner, right = _ctc_grammar(graph.labels, ctc, rules)
    return _rescored(Interpretation(document, rules, compose(graph, right, combine), inner), scorers)


def _rescored(interpretation: Interpretation, scorers: Scorers | None) -> Interpretation:
    graph = interpretation.graph
    if scorers is None or not graph.nodes:
        return interpretation
    spoken = frozenset(graph.words(distinct(graph.olabel[graph.olabel != EPSILON]).tolist()))
    interpretation = replace(interpretation, unsaid=scorers.unsaid(spoken))
    rules = scorers.scorer(graph.labels, spoken)
    if rules is None:
        return interpretation
    whole = interpretation.composition
    judged = rescored(alone(graph) if whole is None else whole, rules)
    why = None
    if not judged.graph.nodes:
        unknown = [graph.labels[label] for label in distinct(graph.olabel).tolist() if np.isposinf(rules.least[label])]
        without = f": it does not have {quoted(unknown)}" if unknown else ""
        why = f"no path: the language model allows none of the answers{without}"
    return replace(interpretation, composition=judged, why=why)


def _written_out(grammar: Grammar | None, spoken: Graph) -> Document | None:
    """The grammar as a graph; spoken: the graph whose outputs it is composed with."""
    return grammar if grammar is None or isinstance(grammar, Document) else grammar.beside(spoken)


@lru_cache(maxsize=4)
def _ctc_grammar(labels: Labels, blank: str, grammar: Document | None) -> tuple[Composition | None, Graph]:
    """The topology over these labels, composed with the grammar if there is one."""
    from lattice_cli.grammars.ctc import ctc_topology, ctc_tree

    topology = (ctc_topology if len(labels) <= PAIRED_LABELS else ctc_tree)(labels, labels.index(blank, 1))
    if grammar is None:
        return None, topology
    inner = compose(topology, grammar.graph)
    return inner, inner.graph


def output_of(graph: Graph, path: Path) -> list[str]:
    """The labels that a path outputs, without epsilons."""
    return _spoken(graph, graph.olabel, path.arcs)


def input_of(graph: Graph, path: Path) -> list[str]:
    """The labels that a path takes in, without epsilons."""
    return _spoken(graph, graph.ilabel, path.arcs)


def _spoken(graph: Graph, column: IntArray, arcs: tuple[int, ...]) -> list[str]:
    found = column[np.array(arcs, dtype=np.intp)]
    return graph.words(found[found != EPSILON].tolist())

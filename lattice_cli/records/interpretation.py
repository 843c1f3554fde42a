"""A record and a grammar as one graph to be searched, and the way back from its arcs to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, picked
from lattice_cli.choices import SIDES
from lattice_cli.composition import Composition
from lattice_cli.errors import UsageError
from lattice_cli.grammars import Spelling, spelling_of
from lattice_cli.grammars.recursion import Expansion
from lattice_cli.graph import Document, Graph
from lattice_cli.search import Path

if TYPE_CHECKING:
    from lattice_cli.emissions.free import FreeRows


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
    why: why it then has no path, if it has none. unsaid: the hot words that no answer can have. blank: of
    CTC. strange: labels of answers that the language model does not have. free: a matrix without a grammar,
    of which the graph has only what is wanted: sums over all paths are asked of it.
    """

    document: Document
    grammar: Document | None
    composition: Composition | None
    inner: Composition | None
    search: Search | None = None
    why: str | None = None
    unsaid: frozenset[str] = frozenset()
    blank: str | None = None
    strange: frozenset[str] = frozenset()
    free: FreeRows | None = None

    def tied(self) -> Interpretation:
        """The same in terms of rules where the grammar is a recursive one written out beside the record. Why there is
        no path is said in terms of what was written out."""
        grammar, whole = self.grammar, self.composition
        if not isinstance(grammar, Expansion) or whole is None:
            return self
        if not whole.graph.nodes:
            return replace(self, why="no path: the rules fit no path of the graph") if grammar.cut else self
        if self.inner is None:
            return replace(self, grammar=grammar.rules, composition=grammar.tied(whole))
        return replace(self, grammar=grammar.rules, inner=grammar.tied(self.inner))

    @cached_property
    def outputs(self) -> frozenset[str]:
        """The labels that the grammar, or the record without one, can output."""
        if self.grammar is not None:
            return self.grammar.graph.spoken
        spoken = self.document.graph.spoken
        return spoken if self.blank is None else spoken - {self.blank}

    @cached_property
    def spelling(self) -> Spelling:
        """How answers spell words."""
        return spelling_of(self.outputs, self.document.split)

    @cached_property
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
                raise UsageError("there is no grammar whose arcs could be reported")
            return Side(document.graph, document.names, document.clock, None, None)
        if name == "recognition":
            return Side(document.graph, document.names, document.clock, whole.left_arc, whole.left_node)
        if name == "interpretation":
            times = None if document.clock is None else document.clock[whole.left_node]
            return Side(whole.graph, range(whole.graph.nodes), times, None, None)
        if self.grammar is None:
            raise UsageError("there is no grammar whose arcs could be reported")
        arc, node = whole.right_arc, whole.right_node
        if self.inner is not None:
            arc, node = picked(self.inner.right_arc, arc, -1), self.inner.right_node[node]
        return Side(self.grammar.graph, self.grammar.names, self.grammar.times, arc, node)

    def owner(self, name: str) -> tuple[IntArray, FloatArray]:
        """(interpretation arcs,) the arc of a side that each comes from (-1: none), and its derivative by that arc."""
        graph, whole, side = self.graph, self.composition, self.side(name)
        if whole is None or side.arc_of is None:
            return np.arange(graph.arcs), np.ones(graph.arcs)
        return side.arc_of, whole.left_share if name == "recognition" else whole.right_share

    def posterior(self, name: str, arcs: FloatArray) -> FloatArray:
        """(arcs,) how likely each arc of a side is taken, from how likely those of the interpretation are. Where
        energies are added that is the gradient by them; under another operator it is not."""
        side = self.side(name)
        if side.arc_of is None:
            return arcs
        own = side.arc_of >= 0
        return np.bincount(side.arc_of[own], arcs[own], side.graph.arcs).astype(np.float64)

    def gradient(self, name: str, arcs: FloatArray) -> FloatArray:
        """Gradient by the arc energies of a side, from the gradient by those of the interpretation."""
        if self.composition is None or name == "interpretation":
            return arcs
        if name == "recognition":
            return self.composition.left_gradient(arcs)
        gradient = self.composition.right_gradient(arcs)
        return gradient if self.inner is None else self.inner.right_gradient(gradient)


def output_of(graph: Graph, path: Path) -> list[str]:
    """The labels that a path outputs, without epsilons."""
    return _spoken(graph, graph.olabel, path.arcs)


def input_of(graph: Graph, path: Path) -> list[str]:
    """The labels that a path takes in, without epsilons."""
    return _spoken(graph, graph.ilabel, path.arcs)


def _spoken(graph: Graph, column: IntArray, arcs: tuple[int, ...]) -> list[str]:
    return graph.words(column[np.array(arcs, dtype=np.intp)].tolist())

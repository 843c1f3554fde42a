"""A record and a grammar as one graph to be searched, and the way back from its arcs to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, picked
from lattice_cli.choices import SIDES
from lattice_cli.composition import Composition, Factor
from lattice_cli.errors import UsageError
from lattice_cli.grammars import Spelling, spelling_of
from lattice_cli.graph import Document, Graph, KnownFactor
from lattice_cli.search import Path

if TYPE_CHECKING:
    from lattice_cli.emissions.free import FreeRows
    from lattice_cli.grammars import Judge


@dataclass(frozen=True, eq=False)
class Side:
    """One of the graphs that results can be reported of.

    arc_of, node_of: (interpretation arcs,) and (interpretation nodes,): the arc (-1: none) and node of this side; None
    for the interpretation itself. factor, weight: its derivatives are those of a factor, times a weight.
    number: (arcs,) what its arcs are called; None: as they are counted.
    """

    graph: Graph
    names: Sequence[int | str]
    times: FloatArray | None
    arc_of: IntArray | None
    node_of: IntArray | None
    factor: Factor | None = None
    weight: float = 1.0
    number: IntArray | None = None

    @cached_property
    def share(self) -> FloatArray | None:
        """(interpretation arcs,) the derivative of each energy by that of its arc; None where all of them are 1."""
        if self.factor is None:
            return None if self.weight == 1 or self.arc_of is None else np.full(len(self.arc_of), self.weight)
        return self.factor.share if self.weight == 1 else self.weight * self.factor.share

    def path(self, path: Path) -> tuple[list[int], list[int]]:
        """The arcs and nodes of this side along a path of the interpretation; without the moves it takes no part in."""
        if self.arc_of is None or self.node_of is None:
            return list(path.arcs), list(path.nodes)
        arcs = self.arc_of[np.array(path.arcs, dtype=np.intp)]
        nodes = self.node_of[np.array(path.nodes, dtype=np.intp)]
        moved = arcs >= 0
        return arcs[moved].tolist(), [int(nodes[0]), *nodes[1:][moved].tolist()]


@dataclass(frozen=True, eq=False)
class NamedScore:
    """What the arcs of a factor carry, and what it weighs in its energy. arcs: (arcs,); start, final: (nodes,) what
    that score is of the start and final energies."""

    name: str
    scale: float
    arcs: FloatArray
    start: FloatArray
    final: FloatArray


@dataclass(frozen=True, eq=False)
class CascadePart:
    """A factor of a cascade behind the record. name: what --of and named scores call it; document: None for what is no
    file's, such as the topology of CTC. judge: what answers are scored by, rather than composed with: none of it is
    asked for labels. scores: what its energies are made of, if that is not what its document says."""

    name: str
    document: Document | None
    judge: bool = False
    scores: tuple[NamedScore, ...] | None = None


@dataclass(frozen=True)
class Search:
    """How a matrix was searched row by row. exact: nothing that is wanted can have been lost. bound: no path is below
    this energy, nats. widest: the most states that were followed at once; all of what was composed instead."""

    exact: bool
    bound: float
    widest: int


#: What stands between a record and its grammars, and is neither.
NO_PART = CascadePart("", None)


@dataclass(frozen=True, eq=False)
class Interpretation:
    """What is searched for one record: its own graph, or that composed with grammars.

    parts: what the factors of the composition are behind the record, in order.
    composition: record o CTC o grammars, None without any; of a matrix that was searched row by row, what was asked
    for. search: how a matrix was searched; why: why it then has no path, if it has none. unsaid: the hot words that no
    answer can have. blank: of CTC. strange: labels of answers that the language model does not have. free: a matrix
    without a grammar, of which the graph has only what is wanted: sums over all paths are asked of it. judges: what
    scored the answers and is in the energies, but is no factor: that of a search row by row.
    """

    document: Document
    parts: tuple[CascadePart, ...] = ()
    composition: Composition | None = None
    search: Search | None = None
    why: str | None = None
    unsaid: frozenset[str] = frozenset()
    blank: str | None = None
    strange: frozenset[str] = frozenset()
    free: FreeRows | None = None
    judges: tuple[Judge, ...] = ()

    @cached_property
    def grammars(self) -> tuple[CascadePart, ...]:
        """The parts that are grammars."""
        return tuple(part for part in self.parts if part.document is not None and not part.judge)

    @cached_property
    def outputs(self) -> frozenset[str]:
        """The labels that the last grammar, or the record without one, can output."""
        if self.grammars:
            return _graph_of(self.grammars[-1]).spoken
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
        """The side to report on: recognition, grammar, interpretation, or the number or name of a grammar.

        Raises UsageError for a grammar that is not given, and for "grammar" of several.
        """
        document, whole = self.document, self.composition
        if name == "interpretation" or (name == "recognition" and whole is None):
            times = document.clock if whole is None or document.clock is None else document.clock[whole.first.node]
            names = document.names if whole is None else range(whole.graph.nodes)
            return Side(self.graph, names, times, None, None)
        if name == "recognition":
            assert whole is not None
            own = whole.first
            return Side(document.graph, document.names, document.clock, own.arc, own.node, own)
        known = [factor for factor in document.factors if factor.name == name]
        if known and all(part.name != name for part in self.parts):
            return self._known(known[0])
        place = named_part(name, self.parts, [factor.name for factor in document.factors])
        assert whole is not None, "grammars are composed with"
        factor, grammar = whole.factors[1 + place], self.parts[place].document
        assert grammar is not None
        return Side(grammar.graph, grammar.names, grammar.times, factor.arc, factor.node, factor)

    def _known(self, factor: KnownFactor) -> Side:
        """A factor of the record, which was composed itself."""
        own = self.side("recognition")
        arc, node = factor.arc, factor.node
        if own.arc_of is not None and own.node_of is not None:
            arc, node = picked(arc, own.arc_of, -1), node[own.node_of]
        return Side(factor.graph, factor.names, None, arc, node, own.factor, factor.weight, factor.number)

    def owner(self, name: str) -> tuple[IntArray, FloatArray]:
        """(interpretation arcs,) the arc of a side that each comes from (-1: none), and its derivative by that arc."""
        side = self.side(name)
        own = np.arange(self.graph.arcs) if side.arc_of is None else side.arc_of
        return own, np.ones(self.graph.arcs) if side.share is None else side.share

    def posterior(self, name: str, arcs: FloatArray) -> FloatArray:
        """(arcs,) how likely each arc of a side is taken, from how likely those of the interpretation are. Where
        energies are added that is the gradient by them; under another operator it is not."""
        return _by_side(self.side(name), arcs)

    def gradient(self, name: str, arcs: FloatArray) -> FloatArray:
        """Gradient by the arc energies of a side, from the gradient by those of the interpretation."""
        side = self.side(name)
        return _by_side(side, arcs if side.share is None else arcs * side.share)


def named_part(name: str, parts: Sequence[CascadePart], others: Sequence[str] = ()) -> int:
    """The place of the part that is meant by its name, by its number from 1, or by "grammar" where there is one only.

    others: names that would have been understood. Raises UsageError.
    """
    known = [place for place, part in enumerate(parts) if part.document is not None]
    grammars = [place for place in known if not parts[place].judge]
    if name == "grammar" and len(grammars) == 1:
        return grammars[0]
    if name.isascii() and name.isdigit() and 1 <= int(name) <= len(known):
        return known[int(name) - 1]
    found = [place for place in known if parts[place].name == name]
    if found and name != "grammar":
        return found[0]
    if not known and not others:
        raise UsageError(f"there is no grammar whose arcs could be reported as {name!r}")
    listed = ", ".join([f"{number} ({parts[place].name})" for number, place in enumerate(known, 1)] + [*others])
    if name == "grammar" and grammars:
        raise UsageError(f"there are {len(grammars)} grammars, which of them is to be reported? {listed}")
    raise UsageError(f"no side is called {name!r}, expected one of {', '.join(SIDES)}, or a factor: {listed}")


def _graph_of(part: CascadePart) -> Graph:
    assert part.document is not None
    return part.document.graph


def _by_side(side: Side, arcs: FloatArray) -> FloatArray:
    """(arcs of a side,) the sum of what there is for the arcs of the interpretation that each of them is."""
    if side.arc_of is None:
        return arcs
    own = side.arc_of >= 0
    return np.bincount(side.arc_of[own], arcs[own], side.graph.arcs).astype(np.float64)


def output_of(graph: Graph, path: Path) -> list[str]:
    """The labels that a path outputs, without epsilons."""
    return _spoken(graph, graph.olabel, path.arcs)


def input_of(graph: Graph, path: Path) -> list[str]:
    """The labels that a path takes in, without epsilons."""
    return _spoken(graph, graph.ilabel, path.arcs)


def _spoken(graph: Graph, column: IntArray, arcs: tuple[int, ...]) -> list[str]:
    return graph.words(column[np.array(arcs, dtype=np.intp)].tolist())

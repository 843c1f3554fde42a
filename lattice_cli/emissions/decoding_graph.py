"""What emission matrices are decoded through: a grammar, with CTC or without, made ready to take a row at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, Groups, IntArray, group_by
from lattice_cli.grammars import ctc_expansion
from lattice_cli.graph import Graph, InputEpsilonFree, Labels, without_input_epsilon

#: Rounds of relaxation before a grammar is taken to have a cycle of negative energy.
_ROUNDS = 300
#: After so many rounds, and twice as many, and so on, such a cycle is looked for.
_FIRST_CHECK = 8
_TRIES = 5
#: Sums in another order differ by about this part; gains that small are none.
_ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class DecodingGraph:
    """A grammar whose every arc takes a row of the matrix.

    graph: the decoding graph. arc_of: (arcs,) the epsilon-free grammar's arc, -1 for a blank or a repeat. node_of:
    (nodes,) the grammar's node. source: the grammar without input epsilons, and what its arcs are made of.
    """

    graph: Graph
    arc_of: IntArray
    node_of: IntArray
    source: InputEpsilonFree

    @staticmethod
    def of(grammar: Graph, blank: str | None = None) -> DecodingGraph | None:
        """The decoding graph of a grammar; blank: read rows as CTC. None where arcs without input cannot be removed."""
        source = without_input_epsilon(grammar)
        if source is None:
            return None
        if blank is None:
            return DecodingGraph(source.graph, np.arange(source.graph.arcs), np.arange(source.graph.nodes), source)
        graph = source.graph
        if blank not in graph.labels[1:]:
            graph = graph.relabelled((*graph.labels, blank), np.arange(len(graph.labels)))
        decoding_graph = ctc_expansion(graph, graph.labels.index(blank, 1))
        return DecodingGraph(decoding_graph.graph, decoding_graph.arc_of, decoding_graph.node_of, source)

    @property
    def labels(self) -> Labels:
        """The label table."""
        return self.graph.labels

    @cached_property
    def leaving(self) -> Groups:
        """Arcs by the node that they leave."""
        return group_by(self.graph.src, self.graph.nodes)

    @cached_property
    def outputs(self) -> IntArray:
        """(arcs, k) the labels that each arc outputs, in order, then epsilon."""
        table = self.source.outputs()
        return np.concatenate([table, np.zeros((1, table.shape[1]), dtype=np.intp)])[self.arc_of]

    @property
    def spoken(self) -> frozenset[str]:
        """The labels that its paths can output."""
        return self.source.source.spoken

    @cached_property
    def largest(self) -> float:
        """The largest energy of an arc, without its sign."""
        return float(np.abs(self.graph.energy).max(initial=0.0))

    def grammar_gradient(self, arcs: FloatArray, start: FloatArray) -> FloatArray:
        """(grammar arcs,) from the derivative by the decoding graph's arcs, and by the start energies of its nodes."""
        grammar, parts, begin = self.source.source, self.source.parts, self.source.begin
        own = np.flatnonzero(self.arc_of >= 0)
        by_folded = np.bincount(self.arc_of[own], arcs[own], self.source.graph.arcs)
        found: FloatArray = np.zeros(grammar.arcs)
        found += np.bincount(parts.order, np.repeat(by_folded, np.diff(parts.offsets)), grammar.arcs)
        found += np.bincount(begin.order, np.repeat(start[: grammar.nodes], np.diff(begin.offsets)), grammar.arcs)
        return found

    @cached_property
    def least_rows(self) -> float:
        """The fewest rows that a path takes; +inf if there is no path."""
        ends = np.where(np.isfinite(self.graph.final), 0.0, np.inf)
        least = _least_to_end(self.graph, np.ones(self.graph.arcs), ends)
        assert least is not None, "rows are not negative"
        return float(least[self.graph.starts].min(initial=np.inf))

    def look_ahead(self, extra: FloatArray) -> FloatArray:
        """(nodes,) a potential: about the least energy of the grammar from each node to an end; +inf if there is none.

        extra: (arcs,) least energies that a further grammar adds to each arc. Any potential gives valid bounds; this
        one makes them tight. Where words have negative energies and follow one another there is no least energy, as
        every further word gains some; then an arc's share of the best such gain is taken off each arc first.
        """
        graph = self.source.graph
        own = np.flatnonzero(self.arc_of >= 0)
        energy = np.zeros(graph.arcs)
        energy[self.arc_of[own]] = extra[own]
        energy += graph.energy
        deepest = -min(float(energy.min(initial=0.0)), 0.0)
        shares = [0.0, *(deepest / 2**halvings for halvings in range(_TRIES - 1, -1, -1))] if deepest else [0.0]
        for share in shares:
            least = _least_to_end(graph, energy + share, graph.final)
            if least is not None:
                return least[self.node_of]
        raise AssertionError("without negative energies there is a least one")


def _least_to_end(graph: Graph, energy: FloatArray, final: FloatArray) -> FloatArray | None:
    """(nodes,) least energy to an end, arcs and ends having these, by relaxing all arcs until nothing changes (Bellman,
    Ford); None if that does not come."""
    leaving = group_by(graph.src, graph.nodes)
    tails = np.flatnonzero(np.diff(leaving.offsets))
    firsts = leaving.offsets[tails]
    heads, energies = graph.dst[leaving.order], energy[leaving.order]
    least: FloatArray = final.copy()
    if not len(tails):
        return least
    check = _FIRST_CHECK
    for done in range(_ROUNDS if energy.min() < 0 else graph.nodes + 1):
        ways = energies + least[heads]
        through = np.minimum.reduceat(ways, firsts)
        lower = through + _ROUNDING * (1.0 + np.abs(through)) < least[tails]
        if not lower.any():
            return least
        if done == check and energy.min() < 0:
            best = np.flatnonzero(ways == np.repeat(through, leaving.sizes(tails)))
            first = best[np.searchsorted(best, firsts)]
            after = np.full(graph.nodes + 1, graph.nodes)
            after[tails] = np.where(through <= least[tails], heads[first], graph.nodes)
            if _round_again(after, tails[lower]):
                return None
            check *= 2
        least[tails[lower]] = through[lower]
    return None


def _round_again(after: IntArray, falling: IntArray) -> bool:
    """True if the best arcs make a cycle of negative energy.

    after: (nodes + 1,) the node that the best arc of each leads to, the last entry standing for the end. falling: nodes
    whose energy has just become lower. Every node costs at least its best arc and what the node behind it costs, a
    falling one more; so a cycle of best arcs with a falling node on it has negative energy.
    """
    reached = after
    for _ in range(len(after).bit_length()):
        reached = reached[reached]
    on_cycle = np.zeros(len(after), dtype=bool)
    on_cycle[reached] = True  # after more steps than there are nodes: on a cycle, and on each all of it
    on_cycle[-1] = False
    return bool(on_cycle[falling].any())

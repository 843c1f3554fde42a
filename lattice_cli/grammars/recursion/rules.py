"""Rules as automata side by side, whose arcs take a label or call a rule.

A call goes through a rule from one of its start nodes to one of its final nodes, and comes back to the head of the arc.
Nothing is to be done behind a call whose head is final and has no arcs: it need not come back there, and what ending
there costs is paid when it is made. So rules that call one another at their right ends only are an automaton; others
need a stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import NO_INDICES, BoolArray, IntArray
from lattice_cli.errors import FormatError
from lattice_cli.graph import EPSILON, Arc, Graph, Labels, alternatives, arc_columns, evaluation_order, reachable
from lattice_cli.graph.strong_components import strong_components


@dataclass(frozen=True, eq=False)
class Flow:
    """Rules as one graph in which a call leads into the rule, and the way back out of it. arc: of (call or other arc,
    head), back: of (final node, node to come back to), the arc that it is here."""

    graph: Graph
    arc: dict[tuple[int, int], int]
    back: dict[tuple[int, int], int]


@dataclass(frozen=True, eq=False)
class Rules:
    """graph: all rules side by side: a call has the rule's name in angle brackets as its input, and no output; start
    and final nodes are those of each rule. words: what its label table begins with: what arcs take that are no calls.
    call: (arcs,) the rule that an arc calls, -1 for none. rule: (nodes,) whose each node is. names, at: what each is
    called, and the file and line that defines it; rule 0 is the whole grammar.
    """

    graph: Graph
    words: Labels
    call: IntArray
    rule: IntArray
    names: tuple[str, ...]
    at: tuple[str, ...]

    @cached_property
    def node_names(self) -> list[str]:
        """(nodes,) what each is called: its rule, and a number within it."""
        first = np.searchsorted(self.rule, np.arange(len(self.names)))
        return [f"{self.names[rule]}:{node - first[rule]}" for node, rule in enumerate(self.rule.tolist())]

    @cached_property
    def last(self) -> BoolArray:
        """(arcs,) true for calls with nothing to be done behind them."""
        busy = np.bincount(self.graph.src, minlength=self.graph.nodes) > 0
        head = self.graph.dst
        last: BoolArray = (self.call >= 0) & ~busy[head] & np.isfinite(self.graph.final[head])
        return last

    @cached_property
    def nested(self) -> BoolArray:
        """(arcs,) true for calls through which a rule comes to be called within itself, with more to be done then."""
        within = self._circle[self.rule[self.graph.src]] == self._circle[self.call]
        nested: BoolArray = (self.call >= 0) & ~self.last & within
        return nested

    @cached_property
    def _circle(self) -> IntArray:
        """(rules,) rules that call one another, directly or not, have the same number."""
        calls = np.flatnonzero(self.call >= 0)
        return strong_components(self.rule[self.graph.src[calls]], self.call[calls], len(self.names))

    @cached_property
    def entries(self) -> list[list[int]]:
        """(rules,) the start nodes of each."""
        return self._by_rule(self.graph.starts)

    def _by_rule(self, nodes: IntArray) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self.names]
        for node, rule in zip(nodes.tolist(), self.rule[nodes].tolist()):
            found[rule].append(node)
        return found

    @cached_property
    def _exits(self) -> list[list[int]]:
        """(rules,) where each may be left, by the final nodes of a rule that it calls at its end included."""
        calls = np.flatnonzero(self.last)
        src, dst = self.rule[self.graph.src[calls]], self.call[calls]
        own = self._by_rule(self.graph.finals)
        ends = [np.flatnonzero(reachable(src, dst, np.array([rule]), len(own))).tolist() for rule in range(len(own))]
        return [[node for rule in rules for node in own[rule]] for rules in ends]

    @cached_property
    def flow(self) -> Flow:
        """The rules as one graph. Its paths that come back to where they were called from are the derivations."""
        graph, exits = self.graph, self._exits
        start, final = graph.start.tolist(), graph.final.tolist()
        columns = (graph.src, graph.dst, graph.ilabel, graph.olabel, graph.energy, self.call, self.last)
        arcs: dict[tuple[int, int, int], Arc] = {}  # -1 for the ways back
        for arc, (src, dst, ilabel, olabel, energy, call, last) in enumerate(zip(*(each.tolist() for each in columns))):
            if call < 0:
                arcs[arc, src, dst] = (src, dst, ilabel, olabel, energy)
                continue
            for entry in self.entries[call]:
                cost = energy + start[entry] + (final[dst] if last else 0.0)
                arcs[arc, src, entry] = (src, entry, ilabel, olabel, cost)
            for end in [] if last else exits[call]:
                arcs[-1, end, dst] = (end, dst, EPSILON, EPSILON, final[end])
        keys = sorted(arcs, key=lambda key: (key[1], key))
        whole = np.isin(np.arange(graph.nodes), exits[0])
        ends = np.where(self.rule == 0, graph.start, np.inf), np.where(whole, graph.final, np.inf)
        src, dst, ilabel, olabel, energy = arc_columns([arcs[key] for key in keys])
        number = {key: place for place, key in enumerate(keys)}
        return Flow(
            Graph(src, dst, ilabel, olabel, energy, *ends, graph.labels),
            {(arc, head): place for (arc, _, head), place in number.items() if arc >= 0},
            {(end, head): place for (arc, end, head), place in number.items() if arc < 0},
        )

    def _passable(self, silent: bool) -> BoolArray:
        """(rules,) true where some derivation ends: at all, or without a label."""
        graph, called = self.graph, self.call >= 0
        plain = ~called & (graph.ilabel == EPSILON) if silent else ~called
        passable = np.zeros(len(self.names), dtype=bool)
        while True:
            way = plain | (called & passable[self.call])
            seen = reachable(graph.src[way], graph.dst[way], graph.starts, graph.nodes)
            found = np.zeros_like(passable)
            found[self.rule[graph.finals[seen[graph.finals]]]] = True
            if (found == passable).all():
                return passable
            passable = found

    def require_way_out(self) -> None:
        """Raises FormatError for a rule that calls rules without end."""
        calling = np.zeros(len(self.names), dtype=bool)
        calling[self.call[self.call >= 0]] = True
        for rule in np.flatnonzero(~self._passable(False) & calling).tolist():
            found = f"rule <{self.names[rule]}> refers to itself without a way out"
            raise FormatError(f"{self.at[rule]}: {found}, expected an alternative that ends")

    @cached_property
    def _silent(self) -> BoolArray:
        """(arcs,) true where an arc can be passed without a label."""
        empty = self._passable(True)
        silent: BoolArray = np.where(self.call >= 0, empty[self.call], self.graph.ilabel == EPSILON)
        return silent

    @cached_property
    def innermost_first(self) -> tuple[list[int], bool]:
        """The nodes, each behind all at which one may stand without a label more than at it; and whether there is no
        such order for some, as rules call themselves on their left ends."""
        graph, calls = self.graph, np.flatnonzero(self.call >= 0)
        inner = [self.entries[rule] for rule in self.call[calls].tolist()]
        src = np.concatenate([graph.src[self._silent], np.repeat(graph.src[calls], [len(each) for each in inner])])
        dst = np.concatenate([graph.dst[self._silent], *(np.array(each, dtype=np.intp) for each in inner)])
        order = evaluation_order(src, dst, np.array([0, graph.nodes]))
        return list(np.argsort(-order.level, kind="stable").tolist()), order.cyclic

    def require_progress(self) -> None:
        """Raises FormatError where a derivation may go round without a label: there are infinitely many then."""
        graph, silent = self.graph, self._silent
        src, dst = graph.src[silent], graph.dst[silent]
        component = evaluation_order(src, dst, np.array([0, graph.nodes])).component
        if (component >= 0).any():
            at = self.at[int(self.rule[component >= 0].min())]
            found = "a part that may be empty is under * or +"
            raise FormatError(f"{at}: {found}, expected none: it has infinitely many derivations")
        begun = reachable(src, dst, graph.starts, graph.nodes)
        ended = reachable(dst, src, graph.finals, graph.nodes)
        alone = np.flatnonzero((self.call >= 0) & begun[graph.src] & ended[graph.dst])
        calls = self.rule[graph.src[alone]], self.call[alone]
        component = evaluation_order(*calls, np.array([0, len(self.names)])).component
        for rule in np.flatnonzero(component >= 0).tolist():
            found = f"rule <{self.names[rule]}> can stand for itself and nothing else"
            raise FormatError(f"{self.at[rule]}: {found}, expected a word besides: it has infinitely many derivations")


def rules_of(parts: Sequence[tuple[str, str, Graph]]) -> Rules:
    """The rules of these names, places and automata, in which a label <name> calls the last part of that name. Automata
    have one label table."""
    graph = alternatives([graph for _, _, graph in parts])
    numbers = {f"<{name}>": number for number, (name, _, _) in enumerate(parts)}
    words = [label for label in graph.labels[1:] if label not in numbers]
    calls = [label for label in graph.labels[1:] if label in numbers]
    table = ("", *words, *calls)
    place = {label: number for number, label in enumerate(table)}
    graph = graph.relabelled(table, np.array([place[label] for label in graph.labels], dtype=np.intp))
    of_label = np.array([*[-1] * (1 + len(words)), *(numbers[label] for label in calls)], dtype=np.intp)
    call = of_label[graph.ilabel]
    rule = np.repeat(np.arange(len(parts)), [part.nodes for _, _, part in parts])
    graph = replace(graph, olabel=np.where(call >= 0, EPSILON, graph.olabel), node_offsets=NO_INDICES)
    return Rules(graph, ("", *words), call, rule, tuple(name for name, _, _ in parts), tuple(at for _, at, _ in parts))


def with_ends_merged(graph: Graph) -> Graph:
    """The graph whose nodes with the same ways on, labels and energies alike, are one (Moore 1956): path by path the
    same."""
    leaving: list[list[tuple[int, float, int]]] = [[] for _ in range(graph.nodes)]
    for src, dst, label, energy in zip(*(each.tolist() for each in (graph.src, graph.dst, graph.ilabel, graph.energy))):
        leaving[src].append((label, energy, dst))
    kinds: list[int] = [0] * graph.nodes
    ends = list(zip(graph.start.tolist(), graph.final.tolist()))
    while True:
        signs = (
            (end, kind, tuple(sorted((label, energy, kinds[dst]) for label, energy, dst in arcs)))
            for end, kind, arcs in zip(ends, kinds, leaving)
        )
        numbers: dict[object, int] = {}
        finer = [numbers.setdefault(sign, len(numbers)) for sign in signs]
        if finer == kinds or len(numbers) == len(set(kinds)):
            break
        kinds = finer
    kind, first = np.unique(np.array(kinds, dtype=np.intp), return_index=True)
    kept = np.isin(graph.src, first)
    place = np.searchsorted(kind, np.array(kinds, dtype=np.intp))
    return replace(
        graph,
        src=place[graph.src[kept]],
        dst=place[graph.dst[kept]],
        ilabel=graph.ilabel[kept],
        olabel=graph.olabel[kept],
        energy=graph.energy[kept],
        start=graph.start[first],
        final=graph.final[first],
        node_offsets=NO_INDICES,
        arc_offsets=NO_INDICES,
    )

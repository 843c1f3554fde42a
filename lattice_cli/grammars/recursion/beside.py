"""A recursive grammar beside a record: its pushdown automaton as far as some path of the record gets through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import IntArray, picked
from lattice_cli.composition import Composition
from lattice_cli.errors import UsageError
from lattice_cli.grammars.recursion.chart import Chart, Onward, onward_of
from lattice_cli.grammars.recursion.pushdown import MOST_STATES, Pushdown, PushdownStep
from lattice_cli.grammars.recursion.rules import Rules
from lattice_cli.graph import EPSILON, Document, Graph, Labels, evaluation_order, label_index, trimmed, without_arcs

#: As many places are looked at to say why there is no path.
_EXPLAINED = 20_000


@dataclass(frozen=True, eq=False, kw_only=True)
class Expansion(Document):
    """A recursive grammar written out beside a record. rules: its rules as a record. arc_of, node_of: (arcs,) and
    (nodes,) the arc and the node of the rules that each is. cut: whether there is no path, and more was reached than is
    written out."""

    rules: Document
    arc_of: IntArray
    node_of: IntArray
    cut: bool

    def tied(self, whole: Composition) -> Composition:
        """A composition with this one as one with the rules: an arc of a rule is the same wherever it is used."""
        arcs, nodes = picked(self.arc_of, whole.right_arc, -1), self.node_of[whole.right_node]
        return replace(whole, right=self.rules.graph, right_arc=arcs, right_node=nodes)


@dataclass(frozen=True, eq=False)
class RecursiveGrammar:
    """Rules that call one another as a grammar: what it does to a record without cycles is exact, whatever the depth.
    id, source: as in Document. Labels are words of the rules, and any other label is impossible."""

    rules: Rules
    id: str
    source: str

    @property
    def labels(self) -> Labels:
        """The words, as a label table."""
        return self.rules.words

    @cached_property
    def document(self) -> Document:
        """The rules as a record, in whose terms results are reported."""
        return Document(self.rules.flow.graph, self.id, self.source, self.rules.node_names)

    @property
    def nested(self) -> str:
        """Where which rule is called within itself, for messages."""
        rules = self.rules
        rule = int(rules.call[rules.nested].min())
        return f"{rules.at[rule]}: rule <{rules.names[rule]}> is called within itself"

    def beside(self, graph: Graph) -> Expansion:
        """What the outputs of a graph reach and finish; where they finish nothing, what they reach.

        A path is a derivation. Raises UsageError for a graph with cycles, and for more than 500,000 places.
        """
        if evaluation_order(graph.src, graph.dst, np.array([0, graph.nodes])).cyclic:
            raise UsageError(
                f"{self.source}: the rules are recursive, and go with graphs without cycles; written out to a depth "
                "(lattice grammar jsgf) they go with all"
            )
        number = label_index(self.labels)
        own = np.array([EPSILON, *(number.get(label, -1) for label in graph.labels[1:])], dtype=np.intp)
        said = without_arcs(graph, own[graph.olabel] < 0)
        useful = trimmed(said)[0]
        found, cut = self._finished(useful, own[useful.olabel]), False
        if found is None:
            found, after = _Places(self.rules), onward_of(said, own[said.olabel])
            cut = not found.search(said.starts.tolist(), after, lambda at, state: True, _EXPLAINED, wanted=True)
        expanded, arc_of, node_of = found.pushdown.graph(found.states, found.taken)
        names = [self.rules.node_names[node] for node in node_of.tolist()]
        return Expansion(
            expanded, self.id, self.source, names, rules=self.document, arc_of=arc_of, node_of=node_of, cut=cut
        )

    def _finished(self, graph: Graph, label: IntArray) -> _Places | None:
        """Every place from which an end is reached; None if there is none."""
        chart, places = Chart(self.rules, graph, label), _Places(self.rules)
        pushdown = places.pushdown
        live = [chart.final]  # of each stack: the nodes of the record where what is on top may come back
        same: dict[tuple[int, int], int] = {}

        def alive(at: int, state: int) -> bool:
            stack = pushdown.stack[state]
            while len(live) <= stack:
                key = pushdown.back[len(live)], live[pushdown.below[len(live)]]
                if key not in same:
                    same[key] = chart.before(*key)
                live.append(same[key])
            return bool(chart.ends[at][pushdown.node[state]] & live[stack])

        if not places.search(graph.starts.tolist(), chart.after, alive, MOST_STATES):
            raise UsageError(
                f"{self.source}: the paths reach more than {MOST_STATES:,} places in the rules, with what is open "
                "there: expected a smaller graph (lattice prune), fewer alternatives that begin alike, or rules "
                "written out to a depth (lattice grammar jsgf)"
            )
        return places if places.states else None


class _Places:
    """Pairs of a node of the record and a state: their states, and the steps between them, each with its tail."""

    def __init__(self, rules: Rules) -> None:
        self.pushdown = Pushdown(rules)
        self.states: dict[int, None] = {}
        self.taken: set[tuple[int, PushdownStep]] = set()

    def search(
        self, starts: list[int], after: Onward, alive: Callable[[int, int], bool], most: int, wanted: bool = False
    ) -> bool:
        """All that are reached and alive; False if they are more than `most`, and then some of them. wanted: also the
        steps that no arc of the record goes along with."""
        waiting = [(at, state) for at in starts for state in self.pushdown.first if alive(at, state)]
        seen = set(waiting)
        for at, state in waiting:  # grows
            self.states[state] = None
            moves = [(onward, state) for onward in after[at].get(EPSILON, ())]
            for step in self.pushdown.steps(state):
                heads = [at] if step.label == EPSILON else after[at].get(step.label, [])
                reached = [(head, step.head) for head in heads if alive(head, step.head)]
                if reached or wanted:
                    self.states[step.head] = None
                    self.taken.add((state, step))
                    moves += reached
            for move in moves:
                if move not in seen and alive(*move):
                    seen.add(move)
                    waiting.append(move)
            if len(seen) > most:
                return False
        return True

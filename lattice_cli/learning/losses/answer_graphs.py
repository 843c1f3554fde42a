"""How examples are read: from the recogniser's labels to answers, through alignment and grammar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Protocol

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, Kept, memory_there, require_memory
from lattice_cli.composition import Composition, alone, compose, why_empty
from lattice_cli.emissions import ARC_BYTES, can_walk, unroll
from lattice_cli.errors import NoPath, counted
from lattice_cli.graph import (
    Graph,
    Labels,
    Target,
    TargetGraph,
    Targets,
    complement_acceptor,
    target_acceptor,
    with_columns,
)
from lattice_cli.learning.losses.contrasts import spoken, too_few_rows, why_not_spelled
from lattice_cli.learning.losses.other_answers import OtherAnswers
from lattice_cli.learning.losses.path_sets import (
    AllPaths,
    BuiltPathSet,
    PathSet,
    ProductPathSet,
    SpelledPaths,
    longer_columns,
    path_set_of_graphs,
    path_set_of_steps,
)
from lattice_cli.learning.recognizers import Example, first_arcs

#: The part of the memory that grammars restricted to answers may fill: examples may have them in common.
_PART = 16
#: Of the energies that a sweep without a graph goes over.
_NUMBER_BYTES = 8
#: The wrong answers of a batch are built up to this many arcs, else searched for step by step.
_BUILT_ARCS = 500_000


class AnswerPaths(Protocol):
    """How examples are read: which paths spell their targets, or anything else. Raises MemoryError, with its numbers,
    before what is asked for would fill the memory."""

    labels: Labels
    classes: int

    @property
    def said(self) -> tuple[str, ...]:
        """The labels that answers are made of."""

    def correct(self, examples: Sequence[Example]) -> SpelledPaths:
        """The paths that spell each example's target."""

    def wrong(self, examples: Sequence[Example]) -> BuiltPathSet:
        """The paths that spell anything else."""

    def best_wrong(self, examples: Sequence[Example]) -> PathSet:
        """The same, for the least energy only."""

    def everything(self, examples: Sequence[Example]) -> AllPaths:
        """All paths."""

    def built(self, examples: Sequence[Example]) -> BuiltPathSet:
        """The same, as graphs."""

    def why_not_spelled(self, example: Example) -> NoPath | None:
        """Why no path of the example spells its target, or None if one does."""

    def composed(self, graph: Graph, right: FloatArray) -> Graph:
        """A recognition graph with the grammar at these energies."""


class AnswerGraphs:
    """How examples are read: the grammar between the recogniser's labels and the answers, and the graphs that follow.

    grammar: from the recogniser's labels (inputs) to answers (outputs): an alignment, a grammar, or both composed.
    labels: the table of the recogniser's classes.
    """

    def __init__(self, grammar: Graph, labels: Labels) -> None:
        self.grammar, self.labels, self.classes = grammar, labels, len(labels) - 1
        column = {label: position - 1 for position, label in enumerate(labels) if position}
        self.columns: IntArray = np.array([-1, *(column.get(label, -1) for label in grammar.labels[1:])], dtype=np.intp)
        self._walks = can_walk(grammar)
        self._answers = Kept([grammar], memory_there() // _PART)

    @cached_property
    def outputs(self) -> IntArray:
        """The labels that answers are made of."""
        return spoken(self.grammar)

    @property
    def said(self) -> tuple[str, ...]:
        """See AnswerPaths."""
        return tuple(self.grammar.labels[label] for label in self.outputs.tolist())

    def spelling(self, targets: tuple[Target, ...] | TargetGraph) -> Composition:
        """The grammar restricted to these answers."""
        with self._answers.lent(("spelling", targets), partial(self._composed, target_acceptor, targets)) as found:
            return found

    def others(self, targets: tuple[Target, ...] | TargetGraph) -> Composition:
        """The grammar with all answers but these."""
        but = partial(complement_acceptor, used=self.outputs)
        with self._answers.lent(("others", targets), partial(self._composed, but, targets)) as found:
            return found

    def _composed(self, acceptor: Callable[[Targets, Labels], Graph], targets: Targets) -> Composition:
        return compose(self.grammar, acceptor(targets, self.grammar.labels))

    def correct(self, examples: Sequence[Example]) -> BuiltPathSet:
        """See AnswerPaths."""
        return self._built(examples, [self.spelling(_targets(example)) for example in examples])

    def wrong(self, examples: Sequence[Example]) -> BuiltPathSet:
        """See AnswerPaths."""
        return self._built(examples, [self.others(_targets(example)) for example in examples])

    def best_wrong(self, examples: Sequence[Example]) -> PathSet:
        """See AnswerPaths."""
        rows = [example.rows for example in examples]
        small = sum(rows) * self.grammar.arcs <= _BUILT_ARCS
        if small or not self._chains(examples) or not all(rows):
            return self.wrong(examples)
        return OtherAnswers(self._product(examples), [_targets(example) for example in examples], self.others)

    def everything(self, examples: Sequence[Example]) -> AllPaths:
        """See AnswerPaths; those of chains of steps are not built."""
        if self._chains(examples):
            return self._product(examples)
        whole = _composed([example.recognition(self.labels) for example in examples], [self.grammar] * len(examples))
        return path_set_of_graphs(whole, [None] * len(whole), self.grammar, first_arcs(examples, self.classes)[:-1])

    def built(self, examples: Sequence[Example]) -> BuiltPathSet:
        """See AnswerPaths."""
        return self._built(examples, [self._itself] * len(examples))

    @cached_property
    def _itself(self) -> Composition:
        return alone(self.grammar)

    def _product(self, examples: Sequence[Example]) -> ProductPathSet:
        lengths = np.array([example.rows for example in examples], dtype=np.intp)
        steps = int(lengths.max(initial=0))
        kept = min(steps, 2 * round(steps**0.5)) * len(examples) * self.grammar.nodes
        require_memory(_NUMBER_BYTES * kept, f"the states of {counted(len(examples), 'record')}, {kept:,} energies,")
        return ProductPathSet(self.grammar, lengths, self.columns, self.classes)

    def _chains(self, examples: Sequence[Example]) -> bool:
        return self._walks and all(example.graph is None for example in examples)

    def _built(self, examples: Sequence[Example], within: Sequence[Composition]) -> BuiltPathSet:
        """The paths of each example through its own part of the grammar."""
        if self._chains(examples):
            different = list({id(each): each for each in within}.values())
            number = {id(each): position for position, each in enumerate(different)}
            chosen = np.array([number[id(each)] for each in within], dtype=np.intp)
            lengths = np.array([example.rows for example in examples], dtype=np.intp)
            grammars = [each.graph for each in different]
            unrolled = unroll(lengths, grammars, chosen, self._columns_for(grammars), self.classes)
            return path_set_of_steps(unrolled, self.grammar, different, chosen)
        records = _composed(
            [example.recognition(self.labels) for example in examples], [inner.graph for inner in within]
        )
        return path_set_of_graphs(records, within, self.grammar, first_arcs(examples, self.classes)[:-1])

    def _columns_for(self, grammars: Sequence[Graph]) -> IntArray:
        return longer_columns(self.columns, max(len(graph.labels) for graph in grammars))

    def composed(self, graph: Graph, right: FloatArray) -> Graph:
        """See AnswerPaths."""
        return compose(graph, with_columns(self.grammar, right)).graph

    def why_not_spelled(self, example: Example) -> NoPath | None:
        """See AnswerPaths."""
        whole = compose(example.recognition(self.labels), self.grammar)
        targets = _targets(example)
        spelled = compose(whole.graph, target_acceptor(targets, whole.graph.labels))
        if spelled.graph.nodes:
            return None
        if not whole.graph.nodes:
            why = why_empty(whole, example.names, range(self.grammar.nodes))
            return NoPath(f"its graph has no path at all: {why}")
        if self._chains([example]) and (short := too_few_rows(example.rows, self.grammar, targets)) is not None:
            return short
        names = [example.names[node] for node in whole.left_node.tolist()]
        return why_not_spelled(spelled, targets, names, "its graph")


def _targets(example: Example) -> tuple[Target, ...] | TargetGraph:
    assert example.targets != (), "an example to learn from has a target"
    return example.targets


def _composed(graphs: Sequence[Graph], others: Sequence[Graph]) -> list[Composition]:
    """Each composed with its own, as long as there is memory for all of them."""
    found, arcs = [], 0
    for graph, other in zip(graphs, others):
        found.append(compose(graph, other))
        arcs += found[-1].graph.arcs
        require_memory(ARC_BYTES * arcs, f"the graphs of {counted(len(graphs), 'record')}, {arcs:,} arcs so far,")
    return found

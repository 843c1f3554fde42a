"""How examples are read: from the recogniser's labels to answers, through alignment and grammar."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.composition import Composition, compose, why_empty
from lattice_cli.emissions import can_walk, unroll
from lattice_cli.errors import NoPath
from lattice_cli.graph import Graph, Labels, Target, complement_acceptor, target_acceptor
from lattice_cli.learning.losses.contrasts import spoken, too_few_rows, why_not_spelled
from lattice_cli.learning.losses.path_sets import (
    BuiltPathSet,
    PathSet,
    ProductPathSet,
    path_set_of_graphs,
    path_set_of_steps,
)
from lattice_cli.learning.recognizers import Example, first_arcs


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
        self.spelling = lru_cache(maxsize=20_000)(self._spelling)

    @cached_property
    def outputs(self) -> IntArray:
        """The labels that answers are made of."""
        return spoken(self.grammar)

    def _spelling(self, target: Target) -> Composition:
        """The grammar restricted to one answer."""
        return compose(self.grammar, target_acceptor([target], self.grammar.labels))

    def correct(self, examples: Sequence[Example]) -> BuiltPathSet:
        """The paths that spell each example's target."""
        return self._built(examples, [self.spelling(_target(example)) for example in examples])

    def wrong(self, examples: Sequence[Example]) -> BuiltPathSet:
        """The paths that spell anything else."""
        table = self.grammar.labels
        return self._built(
            examples,
            [compose(self.grammar, complement_acceptor([_target(each)], table, self.outputs)) for each in examples],
        )

    def everything(self, examples: Sequence[Example]) -> PathSet:
        """All paths; those of chains of steps are not built."""
        if self._chains(examples):
            lengths = np.array([example.rows for example in examples], dtype=np.intp)
            return ProductPathSet(self.grammar, lengths, self.columns, self.classes)
        whole = [compose(example.recognition(self.labels), self.grammar) for example in examples]
        return path_set_of_graphs(whole, [None] * len(whole), self.grammar, first_arcs(examples, self.classes)[:-1])

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
        records = [compose(example.recognition(self.labels), inner.graph) for example, inner in zip(examples, within)]
        return path_set_of_graphs(records, within, self.grammar, first_arcs(examples, self.classes)[:-1])

    def _columns_for(self, grammars: Sequence[Graph]) -> IntArray:
        """Compositions keep the grammar's label table at its front; what targets add has no class."""
        longest = max(len(graph.labels) for graph in grammars)
        return np.concatenate([self.columns, np.full(longest - len(self.columns), -1)])

    def why_not_spelled(self, example: Example) -> NoPath | None:
        """Why no path of the example spells its target, or None if one does."""
        whole = compose(example.recognition(self.labels), self.grammar)
        target = _target(example)
        spelled = compose(whole.graph, target_acceptor([target], whole.graph.labels))
        if spelled.graph.nodes:
            return None
        if not whole.graph.nodes:
            why = why_empty(whole, example.names, range(self.grammar.nodes))
            return NoPath(f"its graph has no path at all: {why}")
        if self._chains([example]) and (short := too_few_rows(example.rows, self.grammar, [target])) is not None:
            return short
        names = [example.names[node] for node in whole.left_node.tolist()]
        return why_not_spelled(spelled, [target], names, "its graph")


def _target(example: Example) -> Target:
    assert example.target is not None, "an example to learn from has a target"
    return example.target

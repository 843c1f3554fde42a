"""What stands behind the recogniser: transducers composed from left to right, each fixed or learned.

The energy of an arc of the composition is the sum of those of its factors, each at its own parameters, and the gradient
goes back to every one of them through provenance. An alignment and a grammar are a cascade of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, picked
from lattice_cli.composition import Composition, then
from lattice_cli.errors import UsageError
from lattice_cli.grammars import contexts_of, ctc_topology
from lattice_cli.graph import Document, Graph, columns_of, label_loop, union, with_columns
from lattice_cli.learning.grammars import (
    GRAMMAR,
    MOST_ARCS,
    LearnedGrammar,
    NetworkGrammar,
    NeuralGrammar,
    PullColumns,
    ReachedGrammar,
    TiedGrammar,
    TrainedGrammar,
    learned_grammar,
    ngram,
)
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.training.config import FactorSettings, GrammarSettings, factor_names


@dataclass(frozen=True, eq=False)
class ModelFactor:
    """A factor and its parameters, whose names begin with `prefix` in place of "grammar."."""

    name: str
    learned: LearnedGrammar
    prefix: str = GRAMMAR

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""
        return self._ours(self.learned.initial(rng))

    def energies(self, parameters: Parameters) -> tuple[FloatArray, PullColumns]:
        """(columns,) energies of arcs, starts and finals, and the way back to its parameters."""
        found, pull = self.learned.energies(self._own(parameters))
        return found, lambda by_column: self._ours(pull(by_column))

    def at(self, parameters: Parameters) -> Document:
        """It as a graph with the energies that it has learned; of a network, what of it is reached."""
        own = self._own(parameters)
        if isinstance(self.learned, TiedGrammar):
            return self.learned.at(own)
        graph = with_columns(self.learned.graph, self.learned.energies(own)[0])
        names = self.learned.reached.contexts.names if isinstance(self.learned, NetworkGrammar) else range(graph.nodes)
        return Document(graph, self.name, self.name, names)

    def _own(self, parameters: Parameters) -> Parameters:
        first = len(self.prefix)
        return {GRAMMAR + name[first:]: each for name, each in parameters.items() if name.startswith(self.prefix)}

    def _ours(self, parameters: Parameters) -> Parameters:
        return {self.prefix + name.removeprefix(GRAMMAR): each for name, each in parameters.items()}


@dataclass(frozen=True, eq=False)
class ModelCascade:
    """Factors, and their composition. whole: None for one factor, which is read as it is."""

    factors: Sequence[ModelFactor]
    whole: Composition | None

    @staticmethod
    def of(factors: Sequence[ModelFactor]) -> ModelCascade:
        """Factors in their order. Raises UsageError where nothing goes through them."""
        whole: Composition | None = None
        for before, factor in pairwise(factors):
            whole = _through(before, whole, factor)
        return ModelCascade(factors, whole)

    @property
    def graph(self) -> Graph:
        """From the recogniser's labels to answers, at the energies it was made with."""
        return self.factors[0].learned.graph if self.whole is None else self.whole.graph

    @cached_property
    def _columns(self) -> list[IntArray]:
        """Of each factor, (columns of the graph,) the column of its energies in each, -1 for none."""
        assert self.whole is not None
        graph, found = self.graph, []
        for factor in self.whole.factors:
            arcs, nodes = factor.graph.arcs, factor.graph.nodes
            start = np.where(np.isfinite(graph.start), arcs + factor.node, -1)
            final = np.where(np.isfinite(graph.final), arcs + nodes + factor.node, -1)
            found.append(np.concatenate([factor.arc, start, final]))
        return found

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from, those of all factors."""
        found: Parameters = {}
        for factor in self.factors:
            found |= factor.initial(rng)
        return found

    def energies(self, parameters: Parameters) -> tuple[FloatArray, PullColumns]:
        """(columns,) energies of the graph at these parameters, and the way back to those of every factor."""
        solved = [factor.energies(parameters) for factor in self.factors]
        if self.whole is None:
            return solved[0]
        energies = np.where(np.isfinite(columns_of(self.graph)), 0.0, np.inf)
        for (own, _), column in zip(solved, self._columns):
            energies += picked(own, column, 0.0)

        def pullback(by_column: FloatArray) -> Parameters:
            found: Parameters = {}
            for (own, pull), column in zip(solved, self._columns):
                found |= pull(np.bincount(column + 1, by_column, len(own) + 1)[1:].astype(np.float64))
            return found

        return energies, pullback


def cascade_of(
    settings: Sequence[FactorSettings],
    held: Sequence[Document | TrainedGrammar | None],
    labels: Sequence[str],
    graphs: Sequence[Graph],
) -> ModelCascade:
    """The cascade of a configuration. held: what each factor's file holds, None where it has none. labels: the
    recogniser's, without a blank; graphs: what it reads, where these are lattices. Raises UsageError."""
    factors: list[ModelFactor] = []
    whole: Composition | None = None
    for told, name, own in zip(settings, factor_names(settings), held):
        steps_only = not factors or (len(factors) == 1 and bool(settings[0].ctc))
        before = None if steps_only else factors[0].learned.graph if whole is None else whole.graph
        said = [before] if before is not None else list(graphs) or [label_loop(labels)]
        if told.ctc:
            table = ("", *labels, told.ctc)
            topology = ctc_topology(table, len(table) - 1)
            own = Document(topology, name, name, range(topology.nodes))
        spoken = labels if before is None else sorted(before.spoken)
        learned = grammar_of_settings(told, own, spoken, said, f"factors: {name}")
        factors.append(ModelFactor(name, learned, f"{GRAMMAR}{name}."))
        if len(factors) > 1:
            whole = _through(factors[-2], whole, factors[-1])
    return ModelCascade(factors, whole)


def _through(before: ModelFactor, whole: Composition | None, factor: ModelFactor) -> Composition:
    """A factor more. whole: those before it, composed; None: there is one."""
    found = then(before.learned.graph if whole is None else whole, factor.learned.graph)
    if not found.graph.nodes:
        both = f"{before.name} and {factor.name}" if factor.name else "the alignment and the grammar"
        raise UsageError(f"{both} have no path in common")
    return found


def grammar_of_settings(
    settings: GrammarSettings,
    given: Document | TrainedGrammar | None,
    labels: Sequence[str],
    said: Sequence[Graph],
    what: str = "grammar",
) -> LearnedGrammar:
    """A grammar as it is learned. given: what its file holds. labels: of n-grams and networks that are made; said: what
    is read by it, for the contexts that a network is asked for. what: it is called in messages. Raises UsageError."""
    if isinstance(given, TrainedGrammar):
        if settings.learn not in ("none", "network"):
            raise UsageError(f"{what}.learn: {settings.learn} is not for a neural grammar, expected none or network")
        return _beside(said, given.neural, given.parameters, settings.learn == "none")
    if settings.learn == "network":
        raise UsageError(f"{what}.learn: network, but {settings.file} is not a neural grammar")
    if given is not None:
        return learned_grammar(given, settings.learn, what)
    if settings.ngram:
        return ngram(labels, settings.ngram)
    if settings.neural.context:
        return _beside(said, NeuralGrammar(("", *labels), settings.neural), None, False)
    graph = label_loop(labels)
    return learned_grammar(Document(graph, "any", "any", range(graph.nodes)), "none")


def _beside(said: Sequence[Graph], neural: NeuralGrammar, start: Parameters | None, frozen: bool) -> NetworkGrammar:
    contexts = contexts_of(union(said), neural.labels, neural.settings.context)
    if contexts.graph.arcs > MOST_ARCS:
        raise UsageError(
            f"the neural grammar is asked for {contexts.graph.arcs:,} labels after contexts of "
            f"{neural.settings.context}, expected at most {MOST_ARCS:,}: a shorter context or smaller graphs"
        )
    return NetworkGrammar(ReachedGrammar(neural, contexts), start, frozen)

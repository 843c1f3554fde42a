"""A model: a recogniser, an alignment and a grammar, made from a configuration, with their weights in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, picked
from lattice_cli.composition import Composition, compose
from lattice_cli.errors import UsageError
from lattice_cli.grammars import contexts_of, ctc_topology
from lattice_cli.graph import Document, Graph, Inputs, Labels, columns_of, label_loop, union
from lattice_cli.learning.grammars import (
    MOST_ARCS,
    LearnedGrammar,
    NetworkGrammar,
    NeuralGrammar,
    PullColumns,
    ReachedGrammar,
    TrainedGrammar,
    learned_grammar,
    ngram,
)
from lattice_cli.learning.losses import AnswerGraphs, AnswerPaths, FreeAnswers
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example, PullEnergies, Recognizer, Surroundings
from lattice_cli.learning.training.config import VARIATIONAL, TrainConfig


@dataclass(frozen=True, eq=False)
class Model:
    """What a configuration makes, for labels and inputs of a size.

    labels: of the answers. size: numbers in a row of inputs (0 for lattices). whole: alignment o grammar, None where no
    alignment stands between the recogniser's labels and the grammar, or where it is CTC and there is no grammar.
    """

    config: TrainConfig
    labels: tuple[str, ...]
    size: int
    recognizer: Recognizer
    grammar: LearnedGrammar
    whole: Composition | None

    @cached_property
    def reading(self) -> AnswerPaths:
        """How the recogniser's labels become answers."""
        table, graph = self.recognizer.labels, self.graph
        if _free(self.config):
            return FreeAnswers(table, len(table) - 2)
        return AnswerGraphs(graph, table if len(table) > 1 else graph.labels)

    @property
    def graph(self) -> Graph:
        """The grammar that records are read through, with the alignment."""
        return self.grammar.graph if self.whole is None else self.whole.graph

    @cached_property
    def _grammar_column(self) -> IntArray:
        """(columns of the reading's grammar,) the column of the grammar's energies in each, -1 for none."""
        whole, grammar = self.whole, self.grammar.graph
        assert whole is not None
        arcs, nodes = grammar.arcs, grammar.nodes
        start = np.where(np.isfinite(whole.graph.start), arcs + whole.right_node, -1)
        final = np.where(np.isfinite(whole.graph.final), arcs + nodes + whole.right_node, -1)
        return np.concatenate([whole.right_arc, start, final])

    @cached_property
    def _alignment_part(self) -> FloatArray:
        """(columns,) the energies of the reading's grammar without those of the grammar itself."""
        whole = self.whole
        assert whole is not None
        start = np.where(np.isfinite(whole.graph.start), whole.left.start[whole.left_node], np.inf)
        final = np.where(np.isfinite(whole.graph.final), whole.left.final[whole.left_node], np.inf)
        return np.concatenate([picked(whole.left.energy, whole.left_arc, 0.0), start, final])

    @cached_property
    def reading_columns(self) -> FloatArray:
        """(columns,) what is +inf here is a start or final that the reading's grammar does not have."""
        return columns_of(self.graph)

    def right_energies(self, parameters: Parameters) -> tuple[FloatArray, PullColumns]:
        """(columns,) energies of the reading's grammar at these parameters, and the way back to them."""
        own, pull = self.grammar.energies(parameters)
        if self.whole is None:
            return own, pull
        energies: FloatArray = self._alignment_part + picked(own, self._grammar_column, 0.0)

        def pullback(by_column: FloatArray) -> Parameters:
            by_own = np.bincount(self._grammar_column + 1, by_column, len(own) + 1)[1:]
            return pull(by_own.astype(np.float64))

        return energies, pullback

    def left_energies(self, parameters: Parameters, stacked: object) -> tuple[FloatArray, PullEnergies]:
        """(arcs,) the recogniser's energies of stacked examples, and the way back to its parameters."""
        return self.recognizer.energies(self.recognizer_parameters(parameters), stacked)

    def recognizer_parameters(self, parameters: Parameters) -> Parameters:
        """Those of the recogniser alone."""
        return {name: parameters[name] for name in self._recognizer_names}

    @cached_property
    def _recognizer_names(self) -> list[str]:
        return list(self.recognizer.initial(np.random.default_rng(0)))

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from, the grammar's too."""
        return {**self.recognizer.initial(rng), **self.grammar.initial(rng)}

    def recognized(self, record: Inputs | Document, parameters: Parameters) -> Document:
        """The recognition graph of a record. Raises FormatError for one that does not fit."""
        example = self.recognizer.example(record)
        graph = self.energies(example, parameters)
        alignment, target = self.config.alignment, record.target
        blank = alignment.blank if alignment.kind == "ctc" else None
        names, times = example.names, example.times
        document = Document(graph, record.id, record.source, names, times, target=target, blank=blank)
        if isinstance(record, Document) and example.scores:
            scales = dict(zip(example.scores, parameters["scales"].tolist()))
            others = {name: 0.0 for name in record.scores if name not in scales}
            return replace(document, scores=record.scores, scales={**others, **scales})
        return document

    def energies(self, example: Example, parameters: Parameters) -> Graph:
        """The recognition graph of an example at these parameters."""
        found, _ = self.left_energies(parameters, self.recognizer.stacked([example]))
        return example.recognition(self.reading.labels, found)


def build_model(
    config: TrainConfig,
    labels: Sequence[str],
    size: int,
    grammar: Document | TrainedGrammar | None = None,
    alignment: Document | None = None,
    scores: Mapping[str, float] | None = None,
    graphs: Sequence[Graph] = (),
) -> Model:
    """The model of a configuration.

    labels: of the answers; size: numbers in a row of inputs; grammar, alignment: what grammar.file and alignment.file
    hold; scores: the named scores of the records, with their scales; graphs: the recognition graphs that there are
    already, for a neural grammar to be asked about. Raises UsageError for settings that contradict each other.
    """
    config.require_sense()
    table = _classes(config, labels, alignment)
    recognizer = _recognizer(config, table, size, scores or {})
    said = [alignment.graph] if alignment is not None else list(graphs) or [label_loop(labels)]
    learned = _grammar(config, labels, grammar, said)
    whole = None
    if config.alignment.kind == "ctc" and not _free(config):
        whole = compose(ctc_topology(table, len(table) - 1), learned.graph)
    elif alignment is not None:
        whole = compose(alignment.graph, learned.graph)
    if whole is not None and not whole.graph.nodes:
        raise UsageError("the alignment and the grammar have no path in common")
    return Model(config, tuple(labels), size, recognizer, learned, whole)


def _free(config: TrainConfig) -> bool:
    """True for CTC without a grammar, which needs no graphs; but a variational bound is on the paths of graphs."""
    return config.alignment.kind == "ctc" and not config.grammar.given and config.objective.loss != VARIATIONAL


def _classes(config: TrainConfig, labels: Sequence[str], alignment: Document | None) -> Labels:
    """The table of the labels that the recogniser tells apart: those of the answers, or what the alignment reads."""
    for label in labels:
        if not label or list(labels).count(label) > 1:
            raise UsageError(f"labels: {label!r} is {'given twice' if label else 'not a label'}")
    blank = config.alignment.blank
    if config.alignment.kind == "ctc":
        if not blank:
            raise UsageError("alignment.blank is empty, expected a label")
        if blank in labels:
            raise UsageError(f"alignment.blank: {blank!r} is a label of the answers too")
        return ("", *labels, blank)
    if alignment is not None:
        return ("", *(alignment.graph.labels[label] for label in sorted({*alignment.graph.ilabel.tolist()} - {0})))
    return ("", *labels)


def _recognizer(config: TrainConfig, table: Labels, size: int, scores: Mapping[str, float]) -> Recognizer:
    kind = config.alignment.kind
    segmenter = config.alignment.segments if kind in ("segments", "whole") else None
    around = Surroundings(table, size, segmenter, kind == "whole", scores)
    return config.recognizer.entry.build(config.recognizer, around)


def _grammar(
    config: TrainConfig, labels: Sequence[str], given: Document | TrainedGrammar | None, said: Sequence[Graph]
) -> LearnedGrammar:
    """said: what answers are read from, for the contexts that a neural grammar is asked for."""
    settings = config.grammar
    if isinstance(given, TrainedGrammar):
        if settings.learn not in ("none", "network"):
            raise UsageError(f"grammar.learn: {settings.learn} is not for a neural grammar, expected none or network")
        return _beside(said, given.neural, given.parameters, settings.learn == "none")
    if settings.learn == "network":
        raise UsageError(f"grammar.learn: network, but {settings.file} is not a neural grammar")
    if given is not None:
        return learned_grammar(given, settings.learn)
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

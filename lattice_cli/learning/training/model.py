"""A model: a recogniser and what it is read through, made from a configuration, with their weights in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.grammars import ctc_topology
from lattice_cli.graph import Document, Graph, Inputs, Labels, columns_of, label_loop
from lattice_cli.learning.grammars import PullColumns, TrainedGrammar, learned_grammar
from lattice_cli.learning.losses import AnswerGraphs, AnswerPaths, FreeAnswers
from lattice_cli.learning.modules import UserCode
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example, PullEnergies, Recognizer, RecognizerSettings, Surroundings
from lattice_cli.learning.training.config import VARIATIONAL, TrainConfig
from lattice_cli.learning.training.model_cascade import ModelCascade, ModelFactor, cascade_of, grammar_of_settings


@dataclass(frozen=True, eq=False)
class Model:
    """What a configuration makes, for labels and inputs of a size.

    labels: those that the recogniser tells apart, or of the answers where an alignment graph is between; without a
    blank. size: numbers in a row of inputs (0 for lattices). cascade: what records are read through. learner: the
    recogniser while it learns, with the same parameters: where each step has a cost it gives the energies of all.
    """

    config: TrainConfig
    labels: tuple[str, ...]
    size: int
    recognizer: Recognizer
    cascade: ModelCascade
    learner: Recognizer

    @cached_property
    def reading(self) -> AnswerPaths:
        """How the recogniser's labels become answers."""
        table, graph = self.recognizer.labels, self.graph
        if _free(self.config):
            return FreeAnswers(table, len(table) - 2)
        return AnswerGraphs(graph, table if len(table) > 1 else graph.labels)

    @property
    def graph(self) -> Graph:
        """What records are read through, as one graph."""
        return self.cascade.graph

    @cached_property
    def reading_columns(self) -> FloatArray:
        """(columns,) what is +inf here is a start or final that the reading's grammar does not have."""
        return columns_of(self.graph)

    def right_energies(self, parameters: Parameters) -> tuple[FloatArray, PullColumns]:
        """(columns,) energies of the reading's grammar at these parameters, and the way back to them."""
        return self.cascade.energies(parameters)

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
        """Parameters to start from, those of the factors too."""
        return {**self.recognizer.initial(rng), **self.cascade.initial(rng)}

    def recognized(self, record: Inputs | Document, parameters: Parameters) -> Document:
        """The recognition graph of a record. Raises FormatError for one that does not fit."""
        example = self.recognizer.example(record)
        graph = self.energies(example, parameters)
        blank, target = self.config.blank, record.target
        names, times = example.names, example.times
        document = Document(graph, record.id, record.source, names, times, target=target, blank=blank)
        if isinstance(record, Document) and example.scores:
            scales = dict(zip(example.scores, parameters["scales"].tolist()))
            others = {name: 0.0 for name in record.scores if name not in scales}
            return replace(document, scores=record.scores, scales={**others, **scales})
        own = self.recognizer_parameters(parameters)
        return replace(document, scores=self.recognizer.scores(own, self.recognizer.stacked([example])))

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
    factors: Sequence[Document | TrainedGrammar | None] = (),
    code: UserCode | None = None,
) -> Model:
    """The model of a configuration.

    labels: see Model; size: numbers in a row of inputs; grammar, alignment: what grammar.file and alignment.file hold;
    scores: the named scores of the records, with their scales; graphs: the recognition graphs that there are already,
    for a neural grammar to be asked about; factors: what the file of each factor holds, None where it has none; code:
    of a module of torch. Raises UsageError for settings that contradict each other.
    """
    config.require_sense()
    table = _classes(config, labels, alignment)
    told, recognising = config.recognizer, config.recognizer.recognising
    learner = _recognizer(config, told, table, size, scores or {}, code)
    recognizer = learner if recognising is told else _recognizer(config, recognising, table, size, scores or {}, code)
    if config.factors:
        cascade = cascade_of(config.factors, factors, labels, graphs)
    else:
        said = [alignment.graph] if alignment is not None else list(graphs) or [label_loop(labels)]
        parts = [ModelFactor("", grammar_of_settings(config.grammar, grammar, labels, said))]
        if config.alignment.kind == "ctc" and not _free(config):
            topology = ctc_topology(table, len(table) - 1)
            alignment = Document(topology, "ctc", "ctc", range(topology.nodes))
        if alignment is not None:
            parts.insert(0, ModelFactor("alignment", learned_grammar(alignment, "none"), "alignment."))
        cascade = ModelCascade.of(parts)
    return Model(config, tuple(labels), size, recognizer, cascade, learner)


def _free(config: TrainConfig) -> bool:
    """True for CTC without a grammar, which needs no graphs; but a variational bound is on the paths of graphs."""
    return config.alignment.kind == "ctc" and not config.reads_grammar and config.objective.loss != VARIATIONAL


def _classes(config: TrainConfig, labels: Sequence[str], alignment: Document | None) -> Labels:
    """The table of the labels that the recogniser tells apart: those of the answers, or what the alignment reads."""
    for label in labels:
        if not label or list(labels).count(label) > 1:
            raise UsageError(f"labels: {label!r} is {'given twice' if label else 'not a label'}")
    blank = config.blank
    if blank is not None:
        if not blank:
            raise UsageError("alignment.blank is empty, expected a label")
        if blank in labels:
            where = "factors: ctc" if config.factors else "alignment.blank"
            raise UsageError(f"{where}: {blank!r} is a label of the answers too")
        return ("", *labels, blank)
    if alignment is not None:
        return ("", *(alignment.graph.labels[label] for label in sorted({*alignment.graph.ilabel.tolist()} - {0})))
    return ("", *labels)


def _recognizer(
    config: TrainConfig,
    told: RecognizerSettings,
    table: Labels,
    size: int,
    scores: Mapping[str, float],
    code: UserCode | None,
) -> Recognizer:
    kind = config.alignment.kind
    segmenter = config.alignment.segments if kind in ("segments", "whole") else None
    around = Surroundings(table, size, segmenter, kind == "whole", config.alignment.cuts, scores, code)
    return told.entry.build(told, around)

"""A model: a recogniser, an alignment and a grammar, made from a configuration, with their weights in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np

from lattice_cli.errors import UsageError
from lattice_cli.graph.composition import Composition, compose
from lattice_cli.graph.document import Document, Inputs
from lattice_cli.graph.graph import FloatArray, Graph, IntArray, Labels
from lattice_cli.graph.topology import ctc_topology
from lattice_cli.learning.config import RecognizerSettings, TrainConfig
from lattice_cli.learning.energies import columns_of
from lattice_cli.learning.examples import Example
from lattice_cli.learning.grammars import LearnedGrammar, label_loop, learned_grammar, ngram
from lattice_cli.learning.networks.box import BoxNetwork
from lattice_cli.learning.networks.convolution import ConvolutionNetwork, Kernel
from lattice_cli.learning.networks.dense import DenseNetwork
from lattice_cli.learning.networks.layers import ActivationName, Network, Parameters
from lattice_cli.learning.networks.strip import StripNetwork
from lattice_cli.learning.reading import Reading
from lattice_cli.learning.recognizers import (
    PullEnergies,
    Recognizer,
    RowRecognizer,
    ScoreRecognizer,
    SegmentRecognizer,
    StripRecognizer,
    require_scores,
)

#: The grammar's weights among the parameters.
GRAMMAR_WEIGHTS = "grammar.weights"


@dataclass(frozen=True, eq=False)
class Model:
    """What a configuration makes, for labels and inputs of a size.

    labels: of the answers. size: numbers in a row of inputs (0 for lattices). whole: alignment o grammar, None where no
    alignment stands between the recogniser's labels and the grammar.
    """

    config: TrainConfig
    labels: tuple[str, ...]
    size: int
    recognizer: Recognizer
    grammar: LearnedGrammar
    whole: Composition | None

    @cached_property
    def reading(self) -> Reading:
        """How the recogniser's labels become answers."""
        graph = self.grammar.graph if self.whole is None else self.whole.graph
        table = self.recognizer.labels
        return Reading(graph, table if len(table) > 1 else graph.labels)

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
        return np.concatenate([np.append(whole.left.energy, 0.0)[whole.left_arc], start, final])

    @cached_property
    def reading_columns(self) -> FloatArray:
        """(columns,) what is +inf here is a start or final that the reading's grammar does not have."""
        return columns_of(self.reading.grammar)

    def right_energies(self, parameters: Parameters) -> FloatArray:
        """(columns,) energies of the reading's grammar at these parameters."""
        own = self.grammar.tied.energies(parameters[GRAMMAR_WEIGHTS])
        if self.whole is None:
            return own
        energies: FloatArray = self._alignment_part + np.append(own, 0.0)[self._grammar_column]
        return energies

    def right_gradient(self, by_column: FloatArray) -> FloatArray:
        """(weights,) derivative by the grammar's weights, from that by the columns of the reading's grammar."""
        if self.whole is not None:
            size = len(self.grammar.tied.fixed)
            by_column = np.bincount(self._grammar_column + 1, by_column, size + 1)[1:].astype(np.float64)
        return self.grammar.tied.gradient(by_column)

    def left_energies(self, parameters: Parameters, stacked: object) -> tuple[FloatArray, PullEnergies]:
        """(arcs,) the recogniser's energies of stacked examples, and the way back to its parameters."""
        own = {name: array for name, array in parameters.items() if name != GRAMMAR_WEIGHTS}
        return self.recognizer.energies(own, stacked)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from, the grammar's too."""
        return {**self.recognizer.initial(rng), GRAMMAR_WEIGHTS: self.grammar.initial.copy()}

    def recognized(self, record: Inputs | Document, parameters: Parameters) -> Document:
        """The recognition graph of a record. Raises FormatError for one that does not fit."""
        example = self.recognizer.example(record)
        graph = self.energies(example, parameters)
        document = Document(graph, record.id, record.source, example.names, example.times, target=record.target)
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
    grammar: Document | None = None,
    alignment: Document | None = None,
    scores: Mapping[str, float] | None = None,
) -> Model:
    """The model of a configuration.

    labels: of the answers; size: numbers in a row of inputs; grammar, alignment: the documents of grammar.file and
    alignment.file; scores: the named scores of the records, with their scales. Raises UsageError for settings that
    contradict each other.
    """
    kind = config.alignment.kind
    _require_sense(config)
    for label in labels:
        if not label or list(labels).count(label) > 1:
            raise UsageError(f"labels: {label!r} is {'given twice' if label else 'not a label'}")
    classes = [*labels]
    if kind == "ctc":
        if not config.alignment.blank:
            raise UsageError("alignment.blank is empty, expected a label")
        if config.alignment.blank in labels:
            raise UsageError(f"alignment.blank: {config.alignment.blank!r} is a label of the answers too")
        classes.append(config.alignment.blank)
    elif alignment is not None:
        used = sorted(set(alignment.graph.ilabel.tolist()) - {0})
        classes = [alignment.graph.labels[label] for label in used]
    table: Labels = ("", *classes)
    whole = None
    learned = _grammar(config, labels, grammar)
    if kind == "ctc":
        whole = compose(ctc_topology(table, len(classes)), learned.graph)
    elif alignment is not None:
        whole = compose(alignment.graph, learned.graph)
    if whole is not None and not whole.graph.nodes:
        raise UsageError("the alignment and the grammar have no path in common")
    return Model(config, tuple(labels), size, _recognizer(config, table, size, scores or {}), learned, whole)


def _require_sense(config: TrainConfig) -> None:
    """Raises UsageError for settings that contradict each other."""
    recognizer, kind = config.recognizer, config.alignment.kind
    if recognizer.kind == "scores" and kind != "each":
        raise UsageError(f"recognizer.kind: scores learns scales of lattices, which have no alignment: {kind}")
    if recognizer.hidden and recognizer.kind != "mlp":
        raise UsageError(f"recognizer.hidden is for kind: mlp, but kind is {recognizer.kind}")
    if recognizer.kind == "mlp" and not recognizer.hidden:
        raise UsageError("recognizer.hidden: an mlp needs at least one hidden layer, such as [100]")
    if recognizer.layers and recognizer.kind != "convolution":
        raise UsageError(f"recognizer.layers is for kind: convolution, but kind is {recognizer.kind}")
    for name, kinds in (
        ("window", "convolution"),
        ("shape", "convolution"),
        ("scores", "scores"),
        ("initial", "scores"),
    ):
        if getattr(recognizer, name) and recognizer.kind != kinds:
            raise UsageError(f"recognizer.{name} is for kind: {kinds}, but kind is {recognizer.kind}")
    if len(set(recognizer.scores)) < len(recognizer.scores):
        raise UsageError("recognizer.scores has a name twice")
    if config.optimizer.method == "lbfgs" and (config.optimizer.clip is not None or config.optimizer.decay != 1.0):
        raise UsageError("optimizer.clip and optimizer.decay are for adam and sgd, but method is lbfgs")
    if config.grammar.file and config.grammar.ngram:
        raise UsageError("grammar.file and grammar.ngram are both given, expected one of them")
    if bool(config.alignment.file) != (kind == "graph"):
        raise UsageError("alignment.file and alignment.kind: graph go together, but only one of them is given")
    if config.grammar.learn != "none" and not config.grammar.file:
        raise UsageError("grammar.learn is about grammar.file, which is not given (n-grams are always learned)")


def _grammar(config: TrainConfig, labels: Sequence[str], document: Document | None) -> LearnedGrammar:
    if document is not None:
        return learned_grammar(document, config.grammar.learn)
    if config.grammar.ngram:
        return ngram(labels, config.grammar.ngram)
    graph = label_loop(labels)
    return learned_grammar(Document(graph, "any", "any", range(graph.nodes)), "none")


def _recognizer(config: TrainConfig, table: Labels, size: int, scores: Mapping[str, float]) -> Recognizer:
    settings, kind = config.recognizer, config.alignment.kind
    if settings.kind == "scores":
        names = settings.scores or tuple(scores)
        require_scores(names)
        start = settings.initial or tuple(scores.get(name, 1.0) for name in names)
        if len(start) != len(names):
            raise UsageError(f"recognizer.initial has {len(start)} entries, but there are {len(names)} scores")
        return ScoreRecognizer(names, np.array(start, dtype=np.float64))
    outputs = len(table) - 1
    if kind in ("segments", "whole"):
        segmenter = config.alignment.segments
        network = _item_network(settings, segmenter.size, outputs, segmenter.box)
        return SegmentRecognizer(table, network, settings.output, segmenter, size, kind == "whole")
    if settings.kind == "convolution" and settings.shape is None:
        convolution = ConvolutionNetwork(
            size, _kernels(settings), settings.window or 1, outputs, cast(ActivationName, settings.activation)
        )
        return StripRecognizer(table, StripNetwork(convolution), settings.output)
    return RowRecognizer(table, _item_network(settings, size, outputs, settings.shape), settings.output, size)


def _kernels(settings: RecognizerSettings) -> tuple[Kernel, ...]:
    return tuple(Kernel(layer.channels, layer.size, layer.stride) for layer in settings.layers)


def _item_network(settings: RecognizerSettings, size: int, outputs: int, shape: tuple[int, int] | None) -> Network:
    """A network on items by themselves, which are images of this shape where they are that."""
    activation = cast(ActivationName, settings.activation)
    if settings.kind != "convolution":
        return DenseNetwork(size, settings.hidden, outputs, activation)
    assert shape is not None, "a convolution on items needs their shape"
    columns, rows = shape
    extras = size - columns * rows
    if extras < 0:
        raise UsageError(f"recognizer.shape: {columns} x {rows} is more than the {size} numbers of a row")
    return BoxNetwork(ConvolutionNetwork(rows, _kernels(settings), None, outputs, activation, columns, extras))

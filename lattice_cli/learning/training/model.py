"""A model: a recogniser, an alignment and a grammar, made from a configuration, with their weights in one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.choices import ActivationName
from lattice_cli.composition import Composition, compose
from lattice_cli.errors import UsageError, counted
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
from lattice_cli.learning.losses import AnswerGraphs
from lattice_cli.learning.networks import (
    BoxNetwork,
    ConvolutionNetwork,
    DenseNetwork,
    FixedPointNetwork,
    Kernel,
    Network,
    OdeNetwork,
    Parameters,
    StripNetwork,
)
from lattice_cli.learning.recognizers import (
    Example,
    PullEnergies,
    Recognizer,
    RowRecognizer,
    ScoreRecognizer,
    SegmentRecognizer,
    StripRecognizer,
    require_scores,
)
from lattice_cli.learning.training.config import (
    VARIATIONAL,
    ObjectiveSettings,
    OdeSettings,
    RecognizerSettings,
    TrainConfig,
)


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
    def reading(self) -> AnswerGraphs:
        """How the recogniser's labels become answers."""
        graph = self.grammar.graph if self.whole is None else self.whole.graph
        table = self.recognizer.labels
        return AnswerGraphs(graph, table if len(table) > 1 else graph.labels)

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

    def right_energies(self, parameters: Parameters) -> tuple[FloatArray, PullColumns]:
        """(columns,) energies of the reading's grammar at these parameters, and the way back to them."""
        own, pull = self.grammar.energies(parameters)
        if self.whole is None:
            return own, pull
        energies: FloatArray = self._alignment_part + np.append(own, 0.0)[self._grammar_column]

        def pullback(by_column: FloatArray) -> Parameters:
            by_own = np.bincount(self._grammar_column + 1, by_column, len(own) + 1)[1:]
            return pull(by_own.astype(np.float64))

        return energies, pullback

    def left_energies(self, parameters: Parameters, stacked: object) -> tuple[FloatArray, PullEnergies]:
        """(arcs,) the recogniser's energies of stacked examples, and the way back to its parameters."""
        return self.recognizer.energies(self.recognizer_parameters(parameters), stacked)

    def recognizer_parameters(self, parameters: Parameters) -> Parameters:
        """Those of the recogniser alone."""
        like = self._recognizer_names
        return {name: array for name, array in parameters.items() if name in like}

    @cached_property
    def _recognizer_names(self) -> frozenset[str]:
        return frozenset(self.recognizer.initial(np.random.default_rng(0)))

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from, the grammar's too."""
        return {**self.recognizer.initial(rng), **self.grammar.initial(rng)}

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
    said = [alignment.graph] if alignment is not None else list(graphs) or [label_loop(labels)]
    learned = _grammar(config, labels, grammar, said)
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
        ("ode", "ode"),
    ):
        if getattr(recognizer, name) != getattr(RecognizerSettings(), name) and recognizer.kind != kinds:
            raise UsageError(f"recognizer.{name} is for kind: {kinds}, but kind is {recognizer.kind}")
    if len(set(recognizer.scores)) < len(recognizer.scores):
        raise UsageError("recognizer.scores has a name twice")
    if config.optimizer.method == "lbfgs" and (config.optimizer.clip is not None or config.optimizer.decay != 1.0):
        raise UsageError("optimizer.clip and optimizer.decay are for adam and sgd, but method is lbfgs")
    objective = config.objective
    if objective.loss != VARIATIONAL and (objective.alternate or objective.q != ObjectiveSettings().q):
        raise UsageError(f"objective.q and objective.alternate are for loss: variational, but loss is {objective.loss}")
    if objective.loss == VARIATIONAL and objective.latent == "viterbi":
        raise UsageError("objective.latent: viterbi, but a variational bound is on the sum over paths")
    if objective.alternate and config.optimizer.method == "lbfgs":
        raise UsageError("objective.alternate is for adam and sgd, but optimizer.method is lbfgs")
    given = [
        name
        for name, value in (
            ("file", config.grammar.file),
            ("ngram", config.grammar.ngram),
            ("neural", config.grammar.neural.context),
        )
        if value
    ]
    if len(given) > 1:
        raise UsageError(f"grammar.{given[0]} and grammar.{given[1]} are both given, expected one of them")
    if bool(config.alignment.file) != (kind == "graph"):
        raise UsageError("alignment.file and alignment.kind: graph go together, but only one of them is given")
    if config.grammar.learn != "none" and not config.grammar.file:
        raise UsageError(
            "grammar.learn is about grammar.file, which is not given (n-grams and networks are always learned)"
        )


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
    if settings.kind == "ode":
        return _ode_network(settings.ode, size, outputs)
    if settings.kind != "convolution":
        return DenseNetwork(size, settings.hidden, outputs, activation)
    assert shape is not None, "a convolution on items needs their shape"
    columns, rows = shape
    extras = size - columns * rows
    if extras < 0:
        raise UsageError(f"recognizer.shape: {columns} x {rows} is more than the {size} numbers of a row")
    return BoxNetwork(ConvolutionNetwork(rows, _kernels(settings), None, outputs, activation, columns, extras))


def _ode_network(told: OdeSettings, size: int, outputs: int) -> Network:
    """A state that is driven by an item, after some steps or at its fixed point. Raises UsageError."""
    if told.form == "fixed-point":
        return FixedPointNetwork(
            size, told.units, outputs, told.solver, told.damping, told.iterations, told.tolerance, told.norm
        )
    if told.checkpoints > told.steps:
        raise UsageError(
            f"recognizer.ode.checkpoints: {told.checkpoints} states cannot be kept of {counted(told.steps, 'step')}, "
            f"expected at most {told.steps} (0 keeps all)"
        )
    every, continuous = told.cost == "every", told.adjoint == "continuous"
    return OdeNetwork(
        size, told.units, outputs, told.steps, told.time, told.stepper, every, continuous, told.checkpoints
    )

"""Recognisers: from inputs to the energies of recognition arcs, with the derivative the other way.

This is where the multipliers of the graph drive learning: the derivative of the loss by an arc's energy, the multiplier
of the arc's head times the arc's share in it (`inference.lagrangian`), is all that a recogniser gets to know of the
graph. Its own backward pass goes on from there, layer by layer, to the gradient by its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.graph import Document, Graph, Inputs, Labels, end_energies
from lattice_cli.learning.networks import DenseNetwork, Network, Parameters, Pullback, Stateful
from lattice_cli.learning.recognizers.cut_energies import StackedCuts, initial_cuts, without_cuts
from lattice_cli.learning.recognizers.examples import Example
from lattice_cli.learning.recognizers.outputs import OUTPUTS
from lattice_cli.learning.recognizers.tied_energies import LinearEnergies, as_they_are, by_scores
from lattice_cli.learning.segmentation import Segmenter

#: Derivative by the energies of arcs -> derivative by each parameter.
PullEnergies: TypeAlias = Callable[[FloatArray], Parameters]


class Strips(Protocol):
    """A network on whole records, (columns, height) each: see StripNetwork."""

    @property
    def height(self) -> int:
        """Numbers in a column."""

    def steps(self, columns: int) -> int:
        """Rows of outputs for a record of that many columns."""

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""

    def forward(self, parameters: Parameters, records: Sequence[FloatArray]) -> tuple[FloatArray, Pullback]:
        """(steps of all records, outputs), and the backward pass."""


class Recognizer(Protocol):
    """What turns records into recognition graphs, and gives energies to their arcs."""

    @property
    def labels(self) -> Labels:
        """The label table of the classes it tells apart; ("",) if it has none of its own."""

    @property
    def module(self) -> Stateful | None:
        """What keeps something beside its parameters, and draws while it learns; None where nothing does."""

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""

    def example(self, record: Inputs | Document) -> Example:
        """The record as a graph without energies, its target not yet read. Raises FormatError if it does not fit."""

    def stacked(self, examples: Sequence[Example]) -> Any:
        """The inputs of several examples as `energies` takes them, which is the recogniser's own affair."""

    def energies(self, parameters: Parameters, stacked: Any) -> tuple[FloatArray, PullEnergies]:
        """(arcs of all examples,) energies, and the way back to the parameters; of one that learns with a cost at every
        step those at the first step, then those at the second, and so on."""

    def scores(self, parameters: Parameters, stacked: Any) -> dict[str, FloatArray]:
        """What energies are sums of, by name, (arcs,) each; nothing where they are one thing."""


def _inputs(record: Inputs | Document, size: int, what: str) -> FloatArray:
    """The numbers of a record, of the size that the recogniser was made for."""
    if isinstance(record, Document):
        raise FormatError(f"{record.source}: a graph, expected inputs for a recogniser: rows of {what}")
    if record.values.shape[1] != size:
        raise FormatError(f"{record.source}: rows of {record.values.shape[1]} numbers, expected {size} ({what})")
    if not len(record.values):
        raise FormatError(f"{record.source}: no rows, expected at least one")
    return record.values


@dataclass(frozen=True, eq=False)
class _OnNetwork:
    """A network that gives rows of energies, (rows, classes): of rows, each by itself, or of whole strips."""

    labels: Labels
    network: Network | Strips
    output: str

    @property
    def module(self) -> Stateful | None:
        """See Recognizer."""
        return getattr(self.network, "module", None)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """See Recognizer."""
        return self.network.initial(rng)

    def stacked(self, examples: Sequence[Example]) -> Any:
        """(rows, size)."""
        return np.concatenate([example.inputs for example in examples]).astype(np.float64)

    def energies(self, parameters: Parameters, stacked: Any) -> tuple[FloatArray, PullEnergies]:
        """See Recognizer."""
        values, pull = self.network.forward(parameters, stacked)
        energies, slope = OUTPUTS[self.output](values)
        return energies.reshape(-1), lambda gradient: pull(slope(gradient.reshape(energies.shape)))

    def scores(self, parameters: Parameters, stacked: Any) -> dict[str, FloatArray]:
        """See Recognizer."""
        return {}


@dataclass(frozen=True, eq=False)
class RowRecognizer(_OnNetwork):
    """A row of the inputs is a step: the recognition graph is a chain of them."""

    size: int

    def example(self, record: Inputs | Document) -> Example:
        """See Recognizer."""
        values = _inputs(record, self.size, "numbers to a step")
        return Example(record.id, record.source, (), None, len(values), values, range(len(values) + 1))


@dataclass(frozen=True, eq=False)
class StripRecognizer(_OnNetwork):
    """A network along the inputs (SDNN, TDNN, a module on sequences): a step for every row or every few of them."""

    network: Strips

    def example(self, record: Inputs | Document) -> Example:
        """See Recognizer."""
        values = _inputs(record, self.network.height, "rows of an image, a column each")
        steps = self.network.steps(len(values))
        return Example(record.id, record.source, (), None, steps, values, range(steps + 1))

    def stacked(self, examples: Sequence[Example]) -> tuple[FloatArray, ...]:
        """The images, (columns, height) each."""
        return tuple(np.asarray(example.inputs, dtype=np.float64) for example in examples)


@dataclass(frozen=True, eq=False)
class SegmentRecognizer(_OnNetwork):
    """Images that are cut into segments, or taken whole: an arc for every segment and class. cuts: from what is seen of
    a cut to its energy, which arcs that end at it have beside their own; None: cuts cost nothing."""

    segmenter: Segmenter
    height: int
    whole: bool
    cuts: DenseNetwork | None = None

    def example(self, record: Inputs | Document) -> Example:
        """See Recognizer. Nodes are called by the columns of their cuts."""
        image = _inputs(record, self.height, "rows of an image, a column each")
        try:
            found = self.segmenter.whole(image) if self.whole else self.segmenter.segment(image, self.cuts is not None)
        except FormatError as error:
            raise FormatError(f"{record.source}: {error}") from None
        classes, nodes = len(self.labels) - 1, len(found.cuts)
        label = np.tile(np.arange(1, classes + 1), len(found.src))
        graph = Graph(
            np.repeat(found.src, classes),
            np.repeat(found.dst, classes),
            label,
            label,
            np.zeros(len(label)),
            end_energies(nodes, {0: 0.0}),
            end_energies(nodes, {nodes - 1: 0.0}),
            self.labels,
        )
        features = found.features.astype(np.float32)  # a set of fields has many segments
        around = None if found.around is None else found.around.astype(np.float32)
        names = found.cuts.tolist()
        return Example(record.id, record.source, (), graph, len(found.src), features, names, around=around)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """See Recognizer."""
        own = super().initial(rng)
        return own if self.cuts is None else {**own, **initial_cuts(self.cuts, rng)}

    def stacked(self, examples: Sequence[Example]) -> tuple[FloatArray, StackedCuts | None]:
        """(segments, size), and the cuts."""
        return super().stacked(examples), None if self.cuts is None else StackedCuts.of(examples)

    def energies(self, parameters: Parameters, stacked: Any) -> tuple[FloatArray, PullEnergies]:
        """See Recognizer."""
        segments, cuts = stacked
        if self.cuts is None or cuts is None:
            return super().energies(parameters, segments)
        energies, pull = super().energies(without_cuts(parameters), segments)
        of_cuts, pull_cuts = cuts.energies(self.cuts, parameters)
        steps = energies.reshape(-1, len(of_cuts))  # which cuts do not depend on

        def back(gradient: FloatArray) -> Parameters:
            return {**pull(gradient), **pull_cuts(gradient.reshape(steps.shape).sum(axis=0))}

        return (steps + of_cuts).reshape(-1), back

    def scores(self, parameters: Parameters, stacked: Any) -> dict[str, FloatArray]:
        """See Recognizer: of segments by themselves, and of the cuts at which they end."""
        segments, cuts = stacked
        if self.cuts is None or cuts is None:
            return {}
        energies, _ = super().energies(without_cuts(parameters), segments)
        return {"segments": energies, "cuts": cuts.energies(self.cuts, parameters)[0]}


@dataclass(frozen=True, eq=False)
class ScoreRecognizer:
    """Lattices that carry named scores: energy = sum of scale * score, the scales are learned. Without names the
    energies are those of the lattices, and it has nothing to learn."""

    names: tuple[str, ...]
    start: FloatArray

    @property
    def labels(self) -> Labels:
        """None of its own."""
        return ("",)

    @property
    def module(self) -> None:
        """See Recognizer."""

    def initial(self, rng: np.random.Generator) -> Parameters:
        """See Recognizer."""
        return {"scales": self.start.copy()}

    def example(self, record: Inputs | Document) -> Example:
        """See Recognizer."""
        if isinstance(record, Inputs):
            raise FormatError(f"{record.source}: inputs, expected a graph whose arcs carry named scores")
        missing = [name for name in self.names if name not in record.scores]
        if missing:
            have = ", ".join(record.scores) or "none"
            raise FormatError(f"{record.source}: the arcs carry no score {missing[0]!r} (scores: {have})")
        graph = record.graph
        scores = {name: record.scores[name] for name in self.names}
        return Example(
            record.id, record.source, (), graph, 0, np.zeros((0, 0)), list(record.names), scores, record.times
        )

    def stacked(self, examples: Sequence[Example]) -> LinearEnergies:
        """The energies as they depend on the scales."""
        graphs = [example.graph for example in examples if example.graph is not None]
        if not self.names:
            return as_they_are(graphs)
        return by_scores(graphs, [example.scores for example in examples], self.names)

    def energies(self, parameters: Parameters, stacked: LinearEnergies) -> tuple[FloatArray, PullEnergies]:
        """See Recognizer."""
        return stacked.energies(parameters["scales"]), lambda gradient: {"scales": stacked.gradient(gradient)}

    def scores(self, parameters: Parameters, stacked: LinearEnergies) -> dict[str, FloatArray]:
        """See Recognizer: the records have them already."""
        return {}

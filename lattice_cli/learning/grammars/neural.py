"""Neural grammars: a network that predicts the next label from the last ones (Bengio, Ducharme, Vincent, Jauvin 2003).

energy = -scale * log softmax of the network's outputs, for every label and for the end of the answer. As an automaton
it has a node for each context; beside a graph it is asked only for those that are reached (`graph.contexts`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, run_starts, spans, stable_order
from lattice_cli.choices import ACTIVATIONS, ActivationName
from lattice_cli.grammars import Contexts, contexts_of
from lattice_cli.graph import Document, Graph, Labels, label_index, with_columns
from lattice_cli.learning.grammars.neural_scorer import END, NeuralScorer
from lattice_cli.learning.networks import DenseNetwork, Parameters
from lattice_cli.learning.recognizers import OUTPUTS
from lattice_cli.settings import MOST_UNITS, setting

#: Contexts that the network is asked for at once where no derivative is wanted.
_BLOCK = 1 << 14

PullContexts: TypeAlias = Callable[[FloatArray], Parameters]


@dataclass(frozen=True)
class NeuralSettings:
    """A network that predicts the next label."""

    context: int = setting(0, "how many labels before it predicts one from; 0: no network", least=0, most=MOST_UNITS)
    embedding: int = setting(16, "numbers that stand for a label", least=1, most=MOST_UNITS)
    hidden: tuple[int, ...] = setting((64,), "units of each hidden layer", least=1, most=MOST_UNITS)
    activation: str = setting("tanh", "of hidden layers", choices=ACTIVATIONS)


@dataclass(frozen=True, eq=False)
class NeuralGrammar:
    """The network of a vocabulary. labels: the label table. scale: what -log softmax is multiplied by."""

    labels: Labels
    settings: NeuralSettings
    scale: float = 1.0

    @cached_property
    def network(self) -> DenseNetwork:
        """From the embedded context to a number for the end and each label."""
        told_of = self.settings
        activation: ActivationName = told_of.activation  # type: ignore[assignment]
        return DenseNetwork(told_of.context * told_of.embedding, told_of.hidden, len(self.labels), activation)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """embedding: (labels, numbers), row 0 what stands before the first label; and those of the network."""
        size = self.settings.embedding
        return {"embedding": rng.standard_normal((len(self.labels), size)) / np.sqrt(size), **self.network.initial(rng)}

    def energies(self, parameters: Parameters, rows: IntArray) -> tuple[FloatArray, PullContexts]:
        """rows: (contexts, width) -> (contexts, labels) energies, column 0 that of the end; and the way back."""
        embedding = parameters["embedding"]
        layers = {name: array for name, array in parameters.items() if name != "embedding"}
        values, pull = self.network.through(layers, embedding[rows].reshape(len(rows), -1))
        found, slope = OUTPUTS["log-softmax"](values)

        def pullback(gradient: FloatArray) -> Parameters:
            by_layers, by_inputs = pull(slope(self.scale * gradient))
            return {"embedding": _summed(rows, by_inputs, embedding.shape), **by_layers}

        return self.scale * found, pullback

    def asked(self, parameters: Parameters, rows: IntArray) -> FloatArray:
        """(contexts, labels) energies, without the way back, block by block."""
        blocks = [self.energies(parameters, rows[low : low + _BLOCK])[0] for low in range(0, len(rows), _BLOCK)]
        return np.concatenate([np.zeros((0, len(self.labels))), *blocks])


def _summed(rows: IntArray, gradient: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """The gradient by the embedding, from that by the embedded contexts, (contexts, width * numbers)."""
    label = rows.reshape(-1)
    order = stable_order(label)
    ordered = label[order]
    first = run_starts(ordered)
    found = np.zeros(shape)
    if len(first):
        found[ordered[first]] = np.add.reduceat(gradient.reshape(len(label), -1)[order], first, axis=0)
    return found


@dataclass(frozen=True, eq=False)
class ReachedGrammar:
    """The part of a neural grammar that is reached: a graph whose energies depend on the network's weights."""

    neural: NeuralGrammar
    contexts: Contexts

    def energies(self, parameters: Parameters) -> tuple[FloatArray, PullContexts]:
        """(columns,) energies of arcs, starts and finals of the contexts' graph, and the way back."""
        graph, rows = self.contexts.graph, self.contexts.rows
        found, pull = self.neural.energies(parameters, rows)

        def pullback(by_column: FloatArray) -> Parameters:
            gradient = np.zeros(found.shape)
            gradient[graph.src, graph.ilabel] = by_column[: graph.arcs]  # each arc has an entry to itself
            gradient[:, END] = by_column[graph.arcs + graph.nodes :]
            return pull(gradient)

        return self._columns(found), pullback

    def _columns(self, found: FloatArray) -> FloatArray:
        graph = self.contexts.graph
        return np.concatenate([found[graph.src, graph.ilabel], graph.start, found[:, END]])

    def at(self, parameters: Parameters) -> Graph:
        """The graph at these weights."""
        return with_columns(self.contexts.graph, self._columns(self.neural.asked(parameters, self.contexts.rows)))


@dataclass(frozen=True, eq=False)
class TrainedGrammar:
    """A neural grammar with its weights: a grammar on demand, to be composed with any graph.

    id, source: as in Document.
    """

    neural: NeuralGrammar
    parameters: Parameters
    id: str
    source: str

    @property
    def labels(self) -> Labels:
        """The vocabulary, as a label table."""
        return self.neural.labels

    def scorer(self, labels: Labels) -> NeuralScorer:
        """It asked word by word, over a label table."""
        ask = partial(self.neural.asked, self.parameters)
        return NeuralScorer(ask, self.neural.settings.context, self.labels, labels)

    def beside(self, graph: Graph) -> Document:
        """The part that the outputs of a graph reach, a node for each context. Raises UsageError if it is too large."""
        contexts = contexts_of(graph, self.neural.labels, self.neural.settings.context)
        found = ReachedGrammar(self.neural, contexts).at(self.parameters)
        return Document(found, self.id, self.source, contexts.names)

    def answer_energy(self, answer: Sequence[str]) -> float:
        """Energy of one answer, +inf if a label of it is not in the vocabulary."""
        index = label_index(self.neural.labels)
        if any(label not in index for label in answer):
            return float("inf")
        rows, following = followed([[index[label] for label in answer]], self.neural.settings.context)
        return float(self.neural.asked(self.parameters, rows)[np.arange(len(following)), following].sum())


def followed(sequences: Sequence[Sequence[int]], width: int) -> tuple[IntArray, IntArray]:
    """(places, width) the context at each place of each sequence, its end included, and (places,) what follows."""
    flat = [0] * width
    for sequence in sequences:
        flat += [*sequence, *[0] * max(1, width)]
    text = np.array(flat, dtype=np.intp)
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.intp)
    step = lengths + max(1, width)
    first = np.cumsum(step) - step + width
    places = spans(first, lengths + 1)
    return text[places[:, None] + np.arange(-width, 0)], text[places]

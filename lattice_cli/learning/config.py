"""What a training is told: every key of its configuration, with its default and its meaning.

The classes are the documentation: `lattice train --keys` prints them, and the reader of configurations takes their
names, types and limits from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lattice_cli.learning.losses import LOSSES
from lattice_cli.learning.segmentation import Segmenter

KINDS = ("linear", "mlp", "convolution", "scores")
ALIGNMENTS = ("each", "ctc", "segments", "whole", "graph")
OUTPUTS = ("energies", "log-softmax", "softplus")


def key(default: Any, meaning: str, **limits: Any) -> Any:
    """A key with its meaning. limits: choices (allowed texts), least (smallest number), above (a number below it)."""
    return field(default=default, metadata={"meaning": meaning, **limits})


@dataclass(frozen=True)
class DataSettings:
    """Where examples come from."""

    train: tuple[str, ...] = key((), "files of inputs with targets, relative to the configuration")
    validation: tuple[str, ...] = key((), "files to measure the error on after every epoch")
    hold_out: float = key(
        0.0, "fraction of the training examples kept back for validation instead", least=0.0, below=1.0
    )


@dataclass(frozen=True)
class LayerSettings:
    """A layer of a convolution: sizes and strides are columns by rows."""

    channels: int = key(8, "features that it computes", least=1)
    size: tuple[int, int] = key((5, 5), "columns and rows of its kernel", least=1)
    stride: tuple[int, int] = key((2, 2), "columns and rows from one place to the next", least=1)


@dataclass(frozen=True)
class RecognizerSettings:
    """What turns inputs into energies of labels."""

    kind: str = key("linear", "what computes energies", choices=KINDS)
    hidden: tuple[int, ...] = key((), "mlp: units of each hidden layer", least=1)
    layers: tuple[LayerSettings, ...] = key((), "convolution: its layers")
    window: int | None = key(None, "convolution over a strip: columns of the last layer that one step sees", least=1)
    shape: tuple[int, int] | None = key(
        None, "convolution: columns and rows of the image that a row of inputs is", least=1
    )
    activation: str = key("tanh", "of hidden layers", choices=("tanh", "relu", "sigmoid"))
    output: str = key("energies", "energies as they are, made locally normalised, or at least 0", choices=OUTPUTS)
    scores: tuple[str, ...] = key((), "scores: names of those whose scales are learned; default: all")
    initial: tuple[float, ...] = key((), "scores: where their scales start; default: as the records have them, or 1")


@dataclass(frozen=True)
class AlignmentSettings:
    """How steps of the recogniser become labels of the answer."""

    kind: str = key(
        "each", "each: a label a row; ctc; segments: cut images; whole: one label; graph", choices=ALIGNMENTS
    )
    blank: str = key("_", "ctc: the blank, a label of its own")
    file: str = key("", "graph: a transducer from the recogniser's labels to those of the answer")
    segments: Segmenter = field(default_factory=Segmenter, metadata={"meaning": "how images are cut"})


@dataclass(frozen=True)
class GrammarSettings:
    """Which answers there are, and what they cost."""

    file: str = key("", "a grammar: graph document, words, word list")
    ngram: int = key(
        0, "instead of a file: all label sequences, with learned energies of n-grams (2: bigrams)", least=0
    )
    learn: str = key(
        "none", "of a file: nothing, every arc, or the scales of its named scores", choices=("none", "arcs", "scores")
    )


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is minimised."""

    loss: str = key("nll", "one of the ten losses", choices=tuple(LOSSES))
    latent: str = key(
        "", "energy of an answer over its paths; default: as the loss", choices=("", "viterbi", "forward")
    )
    beta: float = key(1.0, "inverse temperature", above=0.0)
    margin: float = key(1.0, "hinge, square-square: margin m", least=0.0)
    cap: float = key(1.0, "lvq2: cap M", above=0.0)
    gamma: float = key(1.0, "square-exp: weight of the push", above=0.0)
    l2: float = key(0.0, "adds l2 / 2 times the sum of squared weights to the mean loss", least=0.0)
    unspelled: str = key(
        "error",
        "a target that its graph cannot spell: an error, left out, or the nearest answer it can",
        choices=("error", "skip", "nearest"),
    )


@dataclass(frozen=True)
class OptimizerSettings:
    """How weights move."""

    method: str = key(
        "adam", "adam, sgd (with momentum), or lbfgs (all examples a step)", choices=("adam", "sgd", "lbfgs")
    )
    rate: float = key(0.003, "learning rate of adam and sgd", above=0.0)
    decay: float = key(1.0, "factor on the rate after every epoch", above=0.0)
    momentum: float = key(0.9, "of sgd", least=0.0, below=1.0)
    clip: float | None = key(None, "longest gradient", above=0.0)
    memory: int = key(10, "lbfgs: steps it remembers", least=1)
    tolerance: float = key(1e-5, "lbfgs: ends when ten steps lower the objective by less than this fraction", least=0.0)


@dataclass(frozen=True)
class TrainingSettings:
    """How long, and from where."""

    epochs: int = key(20, "passes over the examples; lbfgs: steps", least=1)
    batch: int = key(32, "examples to a step", least=1)
    patience: int = key(0, "stop after so many epochs without a better validation error; 0: never", least=0)
    seed: int = key(1, "of initial weights, batches and what is held out", least=0)
    start: str = key("", "a model whose weights to start from, where they have the same names and sizes")
    average: float = key(
        0.0, "keep a running mean of the weights, this much of the old one at each step (0.99)", least=0.0, below=1.0
    )
    save_every: float = key(30.0, "seconds between checkpoints within an epoch", above=0.0)


@dataclass(frozen=True)
class TrainConfig:
    """A whole configuration."""

    train: int = key(1, "version of this format", choices=(1,))
    labels: tuple[str, ...] = key((), "the recogniser's labels; default: those of the targets")
    data: DataSettings = field(default_factory=DataSettings, metadata={"meaning": "examples"})
    recognizer: RecognizerSettings = field(
        default_factory=RecognizerSettings, metadata={"meaning": "energies of labels"}
    )
    alignment: AlignmentSettings = field(
        default_factory=AlignmentSettings, metadata={"meaning": "from steps to labels"}
    )
    grammar: GrammarSettings = field(default_factory=GrammarSettings, metadata={"meaning": "answers"})
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings, metadata={"meaning": "what is minimised"})
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings, metadata={"meaning": "how weights move"})
    training: TrainingSettings = field(default_factory=TrainingSettings, metadata={"meaning": "how long"})

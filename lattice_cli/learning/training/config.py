"""What a training is told: every key of its configuration, with its default and its meaning.

The classes are the documentation: `lattice train --keys` prints them, and the reader of configurations takes their
names, types and limits from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lattice_cli.choices import ACTIVATIONS, LATENTS, LOSSES, OUTPUTS
from lattice_cli.learning.grammars import NeuralSettings
from lattice_cli.learning.networks import SOLVERS, STEPPERS
from lattice_cli.learning.segmentation import Segmenter
from lattice_cli.settings import setting

KINDS = ("linear", "mlp", "convolution", "ode", "scores")
ALIGNMENTS = ("each", "ctc", "segments", "whole", "graph")
VARIATIONAL = "variational"
COSTS = ("last", "every")
ADJOINTS = ("discrete", "continuous")


@dataclass(frozen=True)
class DataSettings:
    """Where examples come from."""

    train: tuple[str, ...] = setting((), "files of inputs with targets, relative to the configuration")
    validation: tuple[str, ...] = setting((), "files to measure the error on after every epoch")
    hold_out: float = setting(
        0.0, "fraction of the training examples kept back for validation instead", least=0.0, below=1.0
    )


@dataclass(frozen=True)
class LayerSettings:
    """A layer of a convolution: sizes and strides are columns by rows."""

    channels: int = setting(8, "features that it computes", least=1)
    size: tuple[int, int] = setting((5, 5), "columns and rows of its kernel", least=1)
    stride: tuple[int, int] = setting((2, 2), "columns and rows from one place to the next", least=1)


@dataclass(frozen=True)
class OdeSettings:
    """A state that moves along a field f(z) = tanh(z W + x U + b) - z, or rests where f = 0."""

    shorthand: ClassVar[str] = "form"  # `ode: fixed-point` is `ode: {form: fixed-point}`

    form: str = setting("steps", "steps of an ODE, or its fixed point, solved for", choices=("steps", "fixed-point"))
    units: int = setting(64, "numbers in the state", least=1)
    steps: int = setting(8, "steps: how many", least=1)
    time: float = setting(4.0, "steps: from the first to the last, in time constants of the field", above=0.0)
    stepper: str = setting("euler", "steps: the method", choices=tuple(STEPPERS))
    cost: str = setting("last", "steps: energies are read at the last step, or their mean over all", choices=COSTS)
    adjoint: str = setting(
        "discrete", "steps: exact for the steps, or the adjoint ODE integrated backwards", choices=ADJOINTS
    )
    checkpoints: int = setting(0, "steps: states kept for the way back, the others computed again; 0: all", least=0)
    solver: str = setting("newton", "fixed-point: for what iteration does not find", choices=SOLVERS)
    damping: float = setting(1.0, "fixed-point: z <- z + damping f(z)", above=0.0)
    iterations: int = setting(40, "fixed-point: of these at most", least=0)
    tolerance: float = setting(1e-10, "fixed-point: largest |f| at it", above=0.0)
    norm: float = setting(0.95, "fixed-point: largest spectral norm of W; below 1 there is one; 0: no limit", least=0.0)


@dataclass(frozen=True)
class RecognizerSettings:
    """What turns inputs into energies of labels."""

    kind: str = setting("linear", "what computes energies", choices=KINDS)
    hidden: tuple[int, ...] = setting((), "mlp: units of each hidden layer", least=1)
    layers: tuple[LayerSettings, ...] = setting((), "convolution: its layers")
    window: int | None = setting(
        None, "convolution over a strip: columns of the last layer that one step sees", least=1
    )
    shape: tuple[int, int] | None = setting(
        None, "convolution: columns and rows of the image that a row of inputs is", least=1
    )
    ode: OdeSettings = field(default_factory=OdeSettings, metadata={"meaning": "ode: how the state moves"})
    activation: str = setting("tanh", "of hidden layers", choices=ACTIVATIONS)
    output: str = setting("energies", "energies as they are, made locally normalised, or at least 0", choices=OUTPUTS)
    scores: tuple[str, ...] = setting((), "scores: names of those whose scales are learned; default: all")
    initial: tuple[float, ...] = setting(
        (), "scores: where their scales start; default: as the records have them, or 1"
    )


@dataclass(frozen=True)
class AlignmentSettings:
    """How steps of the recogniser become labels of the answer."""

    kind: str = setting(
        "each", "each: a label a row; ctc; segments: cut images; whole: one label; graph", choices=ALIGNMENTS
    )
    blank: str = setting("_", "ctc: the blank, a label of its own")
    file: str = setting("", "graph: a transducer from the recogniser's labels to those of the answer")
    segments: Segmenter = field(default_factory=Segmenter, metadata={"meaning": "how images are cut"})


@dataclass(frozen=True)
class GrammarSettings:
    """Which answers there are, and what they cost."""

    file: str = setting("", "a grammar: graph document, words, word list, or a neural grammar")
    ngram: int = setting(
        0, "instead of a file: all label sequences, with learned energies of n-grams (2: bigrams)", least=0
    )
    neural: NeuralSettings = field(
        default_factory=NeuralSettings, metadata={"meaning": "instead of a file: a network that predicts labels"}
    )
    learn: str = setting(
        "none",
        "of a file: nothing, every arc, the scales of its named scores, or the network of a neural grammar",
        choices=("none", "arcs", "scores", "network"),
    )


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is minimised."""

    shorthand: ClassVar[str] = "loss"  # `objective: variational` is `objective: {loss: variational}`

    loss: str = setting("nll", "one of the ten losses, or a variational bound on nll", choices=(*LOSSES, VARIATIONAL))
    q: str = setting(
        "network", "variational: q by a second recogniser, or by a number for every arc", choices=("network", "arcs")
    )
    alternate: int = setting(0, "variational: batches for q, then as many for the model; 0: both together", least=0)
    latent: str = setting("", "energy of an answer over its paths; default: as the loss", choices=("", *LATENTS))
    beta: float = setting(1.0, "inverse temperature", above=0.0)
    margin: float = setting(1.0, "hinge, square-square: margin m", least=0.0)
    cap: float = setting(1.0, "lvq2: cap M", above=0.0)
    gamma: float = setting(1.0, "square-exp: weight of the push", above=0.0)
    l2: float = setting(0.0, "adds l2 / 2 times the sum of squared weights to the mean loss", least=0.0)
    unspelled: str = setting(
        "error",
        "a target that its graph cannot spell: an error, left out, or the nearest answer it can",
        choices=("error", "skip", "nearest"),
    )


@dataclass(frozen=True)
class OptimizerSettings:
    """How weights move."""

    method: str = setting(
        "adam", "adam, sgd (with momentum), or lbfgs (all examples a step)", choices=("adam", "sgd", "lbfgs")
    )
    rate: float = setting(0.003, "learning rate of adam and sgd", above=0.0)
    decay: float = setting(1.0, "factor on the rate after every epoch", above=0.0)
    momentum: float = setting(0.9, "of sgd", least=0.0, below=1.0)
    clip: float | None = setting(None, "longest gradient", above=0.0)
    memory: int = setting(10, "lbfgs: steps it remembers", least=1)
    tolerance: float = setting(
        1e-5, "lbfgs: ends when ten steps lower the objective by less than this fraction", least=0.0
    )


@dataclass(frozen=True)
class TrainingSettings:
    """How long, and from where."""

    epochs: int = setting(20, "passes over the examples; lbfgs: steps", least=1)
    batch: int = setting(32, "examples to a step", least=1)
    patience: int = setting(0, "stop after so many epochs without a better validation error; 0: never", least=0)
    seed: int = setting(1, "of initial weights, batches and what is held out", least=0)
    start: str = setting("", "a model whose weights to start from, where they have the same names and sizes")
    average: float = setting(
        0.0, "keep a running mean of the weights, this much of the old one at each step (0.99)", least=0.0, below=1.0
    )
    save_every: float = setting(30.0, "seconds between checkpoints within an epoch", above=0.0)


@dataclass(frozen=True)
class TrainConfig:
    """A whole configuration."""

    train: int = setting(1, "version of this format", choices=(1,))
    labels: tuple[str, ...] = setting((), "the recogniser's labels; default: those of the targets")
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

"""What a training is told: every key of its configuration, with its default and its meaning.

The classes are the documentation: `lattice train --keys` prints them, and the reader of configurations takes their
names, types and limits from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import ClassVar

from lattice_cli.choices import LATENTS, LOSSES
from lattice_cli.errors import UsageError
from lattice_cli.learning.grammars import NeuralSettings
from lattice_cli.learning.modules import TorchOptimizerSettings
from lattice_cli.learning.recognizers import AugmentSettings, CutEnergySettings, RecognizerSettings
from lattice_cli.learning.segmentation import Segmenter
from lattice_cli.settings import MOST_STEPS, MOST_UNITS, setting

ALIGNMENTS = ("each", "ctc", "segments", "whole", "graph")
VARIATIONAL = "variational"


@dataclass(frozen=True)
class DataSettings:
    """Where examples come from."""

    train: tuple[str, ...] = setting((), "files of inputs with targets, relative to the configuration")
    validation: tuple[str, ...] = setting((), "files to measure the error on after every epoch")
    hold_out: float = setting(
        0.0, "fraction of the training examples kept back for validation instead", least=0.0, below=1.0
    )
    augment: AugmentSettings = field(
        default_factory=AugmentSettings, metadata={"meaning": "images changed at each step"}
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
    cuts: CutEnergySettings = field(
        default_factory=CutEnergySettings, metadata={"meaning": "segments: what each cut costs"}
    )


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

    @property
    def given(self) -> bool:
        """True where there is a grammar other than all sequences of labels, at no cost."""
        return bool(self.file or self.ngram or self.neural.context)


@dataclass(frozen=True)
class FactorSettings(GrammarSettings):
    """A transducer behind the recogniser, or behind the factor before it."""

    shorthand: ClassVar[str] = "file"  # an entry that is a text is a file, of which nothing is learned

    name: str = setting("", "what it is called; default: its file without folder and ending, or ctc, ngram, neural")
    ctc: str = setting("", "instead of a file, of the first factor: CTC with this blank, a label of its own")

    @property
    def kind(self) -> str:
        """Which of the ways to give one it is: file, ctc, ngram or neural; empty for none or several."""
        ways = {"file": self.file, "ctc": self.ctc, "ngram": self.ngram, "neural": self.neural.context}
        given = [name for name, value in ways.items() if value]
        return given[0] if len(given) == 1 else ""


def factor_names(factors: Sequence[FactorSettings]) -> list[str]:
    """What factors are called: a name that nobody gave and that is taken gets a number behind it. Raises UsageError for
    two that were given the same."""
    taken: set[str] = set()
    for factor in factors:
        if factor.name in taken:
            raise UsageError(f"factors: two are called {factor.name!r}, expected a name for each")
        taken |= {factor.name} - {""}
    found = []
    for factor in factors:
        stem = factor.name or (PurePath(factor.file).name.split(".")[0] if factor.file else factor.kind) or "factor"
        own, number = stem, 2
        while not factor.name and own in taken:
            own, number = f"{stem}{number}", number + 1
        taken.add(own)
        found.append(own)
    return found


@dataclass(frozen=True)
class ObjectiveSettings:
    """What is minimised."""

    shorthand: ClassVar[str] = "loss"  # `objective: variational` is `objective: {loss: variational}`

    loss: str = setting("nll", "a loss, or a variational bound on nll", choices=(*LOSSES, VARIATIONAL))
    q: str = setting(
        "network", "variational: q by a second recogniser, or by a number for every arc", choices=("network", "arcs")
    )
    alternate: int = setting(
        0, "variational: batches for q, then as many for the model; 0: both together", least=0, most=MOST_STEPS
    )
    samples: int = setting(
        0, "variational: paths to draw from q for a gradient by samples, at least 2; 0: exact", least=0, most=MOST_STEPS
    )
    latent: str = setting("", "energy of an answer over its paths; default: as the loss", choices=("", *LATENTS))
    beta: float = setting(1.0, "inverse temperature", above=0.0)
    margin: float = setting(1.0, "hinge, square-square: margin m", least=0.0)
    cap: float = setting(1.0, "lvq2: cap M", above=0.0)
    gamma: float = setting(1.0, "square-exp: weight of the push", above=0.0)
    nbest: int = setting(
        100, "mwer: best answers, where a graph has too many paths for all of them", least=1, most=MOST_STEPS
    )
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
        "adam",
        "adam, sgd (with momentum), lbfgs (all examples a step), or one of torch",
        choices=("adam", "sgd", "lbfgs", "torch"),
    )
    rate: float = setting(0.003, "learning rate of adam, sgd and torch", above=0.0)
    decay: float = setting(1.0, "adam, sgd: factor on the rate after every epoch", above=0.0)
    torch: TorchOptimizerSettings = field(
        default_factory=TorchOptimizerSettings, metadata={"meaning": "torch: which optimiser"}
    )
    momentum: float = setting(0.9, "of sgd", least=0.0, below=1.0)
    clip: float | None = setting(None, "longest gradient", above=0.0)
    memory: int = setting(10, "lbfgs: steps it remembers", least=1, most=MOST_UNITS)
    tolerance: float = setting(
        1e-5, "lbfgs: ends when ten steps lower the objective by less than this fraction", least=0.0
    )


@dataclass(frozen=True)
class TrainingSettings:
    """How long, and from where."""

    epochs: int = setting(20, "passes over the examples; lbfgs: steps", least=1, most=MOST_STEPS)
    batch: int = setting(32, "examples to a step", least=1, most=MOST_STEPS)
    piece: int = setting(
        0,
        "a step is cut into pieces of about as many examples, which processes share; 0: up to 512 (lattice help train)",
        least=0,
        most=MOST_STEPS,
    )
    patience: int = setting(
        0, "stop after so many epochs without a better one, as keep has it; 0: never", least=0, most=MOST_STEPS
    )
    keep: str = setting(
        "",
        "weights of which epoch: least validation error, least validation loss, or last; default: error, or last where "
        "there is no validation",
        choices=("", "error", "loss", "last"),
    )
    seed: int = setting(1, "of initial weights, batches and what is held out", least=0)
    start: str = setting("", "a model, or a state dict of a module (.safetensors, .pt), whose weights to start from")
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
    factors: tuple[FactorSettings, ...] = setting(
        (), "instead of a grammar, and of ctc and graph alignments: transducers behind each other, in their order"
    )
    objective: ObjectiveSettings = field(default_factory=ObjectiveSettings, metadata={"meaning": "what is minimised"})
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings, metadata={"meaning": "how weights move"})
    training: TrainingSettings = field(default_factory=TrainingSettings, metadata={"meaning": "how long"})

    @property
    def blank(self) -> str | None:
        """The blank of CTC, if the recogniser's steps are read by it."""
        if self.factors:
            return self.factors[0].ctc or None
        return self.alignment.blank if self.alignment.kind == "ctc" else None

    @property
    def reads_grammar(self) -> bool:
        """True where answers are read through more than an alignment of steps."""
        return self.grammar.given or any(not factor.ctc for factor in self.factors)

    def _require_factors(self) -> None:
        if not self.factors:
            return
        if self.alignment.kind in ("ctc", "graph") or self.grammar.given:
            other = "grammar" if self.grammar.given else f"alignment.kind: {self.alignment.kind}"
            raise UsageError(f"factors and {other} are both given: a list of factors has all of them in it")
        for number, (factor, name) in enumerate(zip(self.factors, factor_names(self.factors))):
            if "." in factor.name or "/" in factor.name:
                raise UsageError(f"factors: {name!r} is no name, expected one without dots and slashes")
            if not factor.kind:
                raise UsageError(f"factors: {name} is to be one of a file, ctc, ngram and neural")
            if factor.ctc and number:
                raise UsageError(f"factors: {name} is CTC, which reads the recogniser's steps: it is the first or none")
            if factor.ctc and self.recognizer.entry.lattices:
                raise UsageError(f"factors: {name} is CTC, but recognizer.kind: {self.recognizer.kind} reads lattices")
            if factor.learn != "none" and not factor.file:
                raise UsageError(f"factors: {name}: learn is about a file (n-grams and networks are always learned)")

    def require_sense(self) -> None:
        """Raises UsageError for settings that contradict each other."""
        self._require_factors()
        if self.training.patience and self.training.keep == "last":
            raise UsageError(
                "training.patience waits for a better epoch, but training.keep is last: expected error or loss"
            )
        recognizer, kind = self.recognizer, self.alignment.kind
        if recognizer.entry.lattices and kind != "each":
            raise UsageError(
                f"recognizer.kind: {recognizer.kind} learns scales of lattices, which have no alignment: {kind}"
            )
        recognizer.require_sense()
        self.alignment.cuts.require_sense(kind)
        if self.optimizer.method == "lbfgs" and (self.optimizer.clip is not None or self.optimizer.decay != 1.0):
            raise UsageError("optimizer.clip and optimizer.decay are for adam and sgd, but method is lbfgs")
        if self.data.augment.given and self.optimizer.method == "lbfgs":
            raise UsageError("data.augment is for adam, sgd and torch: lbfgs takes all examples as they are")
        if self.optimizer.method == "torch" and self.optimizer.decay != 1.0:
            raise UsageError("optimizer.decay is for adam and sgd, but method is torch (optimizer.torch.schedule)")
        if self.optimizer.method != "torch" and self.optimizer.torch != TorchOptimizerSettings():
            raise UsageError(f"optimizer.torch is for method: torch, but method is {self.optimizer.method}")
        objective = self.objective
        others = objective.alternate or objective.samples or objective.q != ObjectiveSettings().q
        if objective.loss != VARIATIONAL and others:
            raise UsageError(
                "objective.q, objective.alternate and objective.samples are for loss: variational, "
                f"but loss is {objective.loss}"
            )
        if objective.samples == 1:
            raise UsageError(
                "objective.samples: 1, but each path is measured against the others: expected at least 2, or 0 (exact)"
            )
        if objective.loss == VARIATIONAL and objective.latent == "viterbi":
            raise UsageError("objective.latent: viterbi, but a variational bound is on the sum over paths")
        if objective.loss == "mwer" and objective.latent:
            raise UsageError(f"objective.latent: {objective.latent}, but mwer is of paths and not of E_C")
        if objective.loss == VARIATIONAL and recognizer.ode.cost == "every":
            raise UsageError(
                "recognizer.ode.cost: every, but a variational bound has one q, and not one for every step"
            )
        if objective.loss != "mwer" and objective.nbest != ObjectiveSettings().nbest:
            raise UsageError(f"objective.nbest is for loss: mwer, but loss is {objective.loss}")
        for name in ("alternate", "samples"):
            if getattr(objective, name) and self.optimizer.method == "lbfgs":
                raise UsageError(f"objective.{name} is for adam and sgd, but optimizer.method is lbfgs")
        ways = {"file": self.grammar.file, "ngram": self.grammar.ngram, "neural": self.grammar.neural.context}
        given = [name for name, value in ways.items() if value]
        if len(given) > 1:
            raise UsageError(f"grammar.{given[0]} and grammar.{given[1]} are both given, expected one of them")
        if bool(self.alignment.file) != (kind == "graph"):
            raise UsageError("alignment.file and alignment.kind: graph go together, but only one of them is given")
        if self.grammar.learn != "none" and not self.grammar.file:
            raise UsageError(
                "grammar.learn is about grammar.file, which is not given (n-grams and networks are always learned)"
            )

"""The kinds of recognisers: one table, out of which a configuration is offered them, checked, and made into one.

A new kind is a function that builds it, a line in RECOGNIZERS, and a key in RecognizerSettings for what is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, TypeAlias, cast

import numpy as np

from lattice_cli.choices import ACTIVATIONS, OUTPUTS, ActivationName
from lattice_cli.errors import UsageError, counted
from lattice_cli.graph import Labels
from lattice_cli.learning.modules import TorchSettings, UserCode
from lattice_cli.learning.networks import (
    SOLVERS,
    STEPPERS,
    BoxNetwork,
    ConvolutionNetwork,
    DenseNetwork,
    FixedPointNetwork,
    Kernel,
    Network,
    OdeNetwork,
    StripNetwork,
)
from lattice_cli.learning.recognizers.cut_energies import CutEnergySettings
from lattice_cli.learning.recognizers.recognizer import (
    Recognizer,
    RowRecognizer,
    ScoreRecognizer,
    SegmentRecognizer,
    StripRecognizer,
)
from lattice_cli.learning.segmentation import Segmenter
from lattice_cli.settings import MOST_UNITS, setting

_COSTS = ("last", "mean", "every")
_ADJOINTS = ("discrete", "continuous")


@dataclass(frozen=True)
class LayerSettings:
    """A layer of a convolution: sizes and strides are columns by rows."""

    channels: int = setting(8, "features that it computes", least=1, most=MOST_UNITS)
    size: tuple[int, int] = setting((5, 5), "columns and rows of its kernel", least=1, most=MOST_UNITS)
    stride: tuple[int, int] = setting((2, 2), "columns and rows from one place to the next", least=1, most=MOST_UNITS)


@dataclass(frozen=True)
class OdeSettings:
    """A state that moves along a field f(z) = tanh(z W + x U + b) - z, or rests where f = 0."""

    shorthand: ClassVar[str] = "form"  # `ode: fixed-point` is `ode: {form: fixed-point}`

    form: str = setting("steps", "steps of an ODE, or its fixed point, solved for", choices=("steps", "fixed-point"))
    units: int = setting(64, "numbers in the state", least=1, most=MOST_UNITS)
    steps: int = setting(8, "steps: how many", least=1, most=MOST_UNITS)
    time: float = setting(4.0, "steps: from the first to the last, in time constants of the field", above=0.0)
    stepper: str = setting("euler", "steps: the method", choices=tuple(STEPPERS))
    cost: str = setting(
        "last",
        "steps: energies are of the last state or the mean one; every: of each, losses summed, and the last recognises",
        choices=_COSTS,
    )
    weights: tuple[float, ...] = setting(
        (), "cost: every: factors of the steps' losses, which are not normalised; default: 1 each", least=0.0
    )
    adjoint: str = setting(
        "discrete", "steps: exact for the steps, or the adjoint ODE integrated backwards", choices=_ADJOINTS
    )
    checkpoints: int = setting(
        0, "steps: states kept for the way back, the others computed again; 0: all", least=0, most=MOST_UNITS
    )
    solver: str = setting("newton", "fixed-point: for what iteration does not find", choices=SOLVERS)
    damping: float = setting(1.0, "fixed-point: z <- z + damping f(z)", above=0.0)
    iterations: int = setting(40, "fixed-point: of these at most", least=0, most=MOST_UNITS)
    tolerance: float = setting(1e-10, "fixed-point: largest |f| at it", above=0.0)
    norm: float = setting(0.95, "fixed-point: largest spectral norm of W; below 1 there is one; 0: no limit", least=0.0)

    @property
    def costs(self) -> tuple[float, ...]:
        """What the loss at each step that has one is multiplied by."""
        return (self.weights or (1.0,) * self.steps) if self.cost == "every" else (1.0,)

    def require_sense(self) -> None:
        """Raises UsageError for settings that contradict each other."""
        every = self.cost == "every"
        if every and self.form != "steps":
            raise UsageError(f"recognizer.ode.cost: every is for form: steps, but form is {self.form}")
        if every and self.checkpoints:
            raise UsageError(
                f"recognizer.ode.checkpoints: {self.checkpoints}, but with cost: every the state of every step is read "
                "out, and kept: expected 0"
            )
        if self.weights and not every:
            raise UsageError(f"recognizer.ode.weights is for cost: every, but cost is {self.cost}")
        if every and len(self.costs) != self.steps:
            raise UsageError(
                f"recognizer.ode.weights: {len(self.weights)} found, expected one for each of "
                f"{counted(self.steps, 'step')}"
            )
        if self.form == "steps" and self.checkpoints > self.steps:
            raise UsageError(
                f"recognizer.ode.checkpoints: {self.checkpoints} states cannot be kept of "
                f"{counted(self.steps, 'step')}, expected at most {self.steps} (0 keeps all)"
            )


@dataclass(frozen=True)
class Surroundings:
    """What a recogniser is made for, beside its settings.

    labels: the table of its classes. size: numbers in a row of inputs, 0 for lattices. segmenter: of images, None where
    a row is a step; whole: images are not cut; cuts: what cuts cost. scores: the named scores of lattices, with their
    scales. code: the class of a module of torch.
    """

    labels: Labels
    size: int
    segmenter: Segmenter | None = None
    whole: bool = False
    cuts: CutEnergySettings = field(default_factory=CutEnergySettings)
    scores: Mapping[str, float] = field(default_factory=dict)
    code: UserCode | None = None

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return len(self.labels) - 1


Build: TypeAlias = "Callable[[RecognizerSettings, Surroundings], Recognizer]"


@dataclass(frozen=True)
class RecognizerKind:
    """build: makes one, raises UsageError for settings that it cannot be made of. owns: the settings that are for this
    kind only. lattices: it gives energies to the arcs of lattices, and has no labels of its own."""

    build: Build
    owns: tuple[str, ...] = ()
    lattices: bool = False


def on_items(network: Callable[[RecognizerSettings, int, int, tuple[int, int] | None], Network]) -> Build:
    """Recognisers by a network on items by themselves: rows, or segments of images.

    network: made of (settings, numbers in an item, outputs, the shape of the image that an item is or None).
    """

    def build(settings: RecognizerSettings, around: Surroundings) -> Recognizer:
        labels, cut = around.labels, around.segmenter
        if cut is not None:
            own = network(settings, cut.size, around.outputs, cut.box)
            return SegmentRecognizer(labels, own, settings.output, cut, around.size, around.whole, around.cuts.network)
        own = network(settings, around.size, around.outputs, settings.shape)
        return RowRecognizer(labels, own, settings.output, around.size)

    return build


def _dense(settings: RecognizerSettings, size: int, outputs: int, shape: tuple[int, int] | None) -> Network:
    return DenseNetwork(size, settings.hidden, outputs, cast(ActivationName, settings.activation))


def _mlp(settings: RecognizerSettings, size: int, outputs: int, shape: tuple[int, int] | None) -> Network:
    if not settings.hidden:
        raise UsageError("recognizer.hidden: an mlp needs at least one hidden layer, such as [100]")
    return _dense(settings, size, outputs, shape)


def _ode(settings: RecognizerSettings, size: int, outputs: int, shape: tuple[int, int] | None) -> Network:
    """A state that is driven by an item, after some steps or at its fixed point."""
    told = settings.ode
    told.require_sense()
    if told.form == "fixed-point":
        return FixedPointNetwork(
            size, told.units, outputs, told.solver, told.damping, told.iterations, told.tolerance, told.norm
        )
    continuous = told.adjoint == "continuous"
    return OdeNetwork(
        size, told.units, outputs, told.steps, told.time, told.stepper, told.cost, continuous, told.checkpoints
    )


def _on_images(settings: RecognizerSettings, size: int, outputs: int, shape: tuple[int, int] | None) -> Network:
    """A convolution on items, which are images of this shape with further numbers behind."""
    assert shape is not None, "a convolution on items needs their shape"
    columns, rows = shape
    extras = size - columns * rows
    if extras < 0:
        raise UsageError(f"recognizer.shape: {columns} x {rows} is more than the {size} numbers of a row")
    return BoxNetwork(_convolved(settings, rows, None, outputs, columns, extras))


def _torch(settings: RecognizerSettings, around: Surroundings) -> Recognizer:
    """A module of torch, on items or on sequences of them."""
    settings.torch.require_sense()
    code = around.code
    assert code is not None, "a module has code"
    try:
        from lattice_cli.learning.modules import ItemModule, SequenceModule, TorchModule
    except ImportError as error:
        raise UsageError(f"recognizer.kind: torch needs PyTorch (the extra torch): {error}") from None

    def on_item(_: RecognizerSettings, size: int, outputs: int, shape: tuple[int, int] | None) -> Network:
        known = {"inputs": size, "outputs": outputs, "shape": shape}
        return ItemModule(TorchModule(code, settings.torch, known), outputs)

    if settings.torch.reads == "items":
        return on_items(on_item)(settings, around)
    if around.segmenter is not None:
        raise UsageError("recognizer.torch.reads: sequences is for rows that are steps, but alignment.kind cuts images")
    known = {"inputs": around.size, "outputs": around.outputs, "shape": settings.shape}
    module = SequenceModule(TorchModule(code, settings.torch, known), around.size, around.outputs)
    return StripRecognizer(around.labels, module, settings.output)


def _convolution(settings: RecognizerSettings, around: Surroundings) -> Recognizer:
    """On items where they are images, else along the inputs."""
    if around.segmenter is not None or settings.shape is not None:
        return on_items(_on_images)(settings, around)
    convolution = _convolved(settings, around.size, settings.window or 1, around.outputs)
    return StripRecognizer(around.labels, StripNetwork(convolution), settings.output)


def _convolved(
    settings: RecognizerSettings,
    height: int,
    last: int | None,
    outputs: int,
    columns: int | None = None,
    extras: int = 0,
) -> ConvolutionNetwork:
    kernels = tuple(Kernel(layer.channels, layer.size, layer.stride) for layer in settings.layers)
    activation = cast(ActivationName, settings.activation)
    return ConvolutionNetwork(height, kernels, last, outputs, activation, columns, extras)


def _scores(settings: RecognizerSettings, around: Surroundings) -> Recognizer:
    names = settings.scores or tuple(around.scores)
    if len(set(names)) < len(names):
        raise UsageError("recognizer.scores has a name twice")
    if around.size:
        raise UsageError("recognizer.kind: scores is for lattices, with named scores of their arcs or without")
    start = settings.initial or tuple(around.scores.get(name, 1.0) for name in names)
    if len(start) != len(names):
        raise UsageError(f"recognizer.initial has {len(start)} entries, but there are {len(names)} scores")
    return ScoreRecognizer(names, np.array(start, dtype=np.float64))


#: What `recognizer.kind` may be.
RECOGNIZERS: dict[str, RecognizerKind] = {
    "linear": RecognizerKind(on_items(_dense)),
    "mlp": RecognizerKind(on_items(_mlp), ("hidden",)),
    "convolution": RecognizerKind(_convolution, ("layers", "window", "shape")),
    "ode": RecognizerKind(on_items(_ode), ("ode",)),
    "torch": RecognizerKind(_torch, ("torch", "shape")),
    "scores": RecognizerKind(_scores, ("scores", "initial"), lattices=True),
}


@dataclass(frozen=True)
class RecognizerSettings:
    """What turns inputs into energies of labels."""

    kind: str = setting("linear", "what computes energies", choices=RECOGNIZERS)
    hidden: tuple[int, ...] = setting((), "mlp: units of each hidden layer", least=1, most=MOST_UNITS)
    layers: tuple[LayerSettings, ...] = setting((), "convolution: its layers")
    window: int | None = setting(
        None, "convolution over a strip: columns of the last layer that one step sees", least=1, most=MOST_UNITS
    )
    shape: tuple[int, int] | None = setting(
        None, "convolution, torch: columns and rows of the image that a row of inputs is", least=1, most=MOST_UNITS
    )
    ode: OdeSettings = field(default_factory=OdeSettings, metadata={"meaning": "ode: how the state moves"})
    torch: TorchSettings = field(default_factory=TorchSettings, metadata={"meaning": "torch: which module"})
    activation: str = setting("tanh", "of hidden layers", choices=ACTIVATIONS)
    output: str = setting("energies", "energies as they are, made locally normalised, or at least 0", choices=OUTPUTS)
    scores: tuple[str, ...] = setting(
        (), "scores: names of those whose scales are learned; default: all, or the energies as they are"
    )
    initial: tuple[float, ...] = setting(
        (), "scores: where their scales start; default: as the records have them, or 1"
    )

    @property
    def recognising(self) -> RecognizerSettings:
        """The same where nothing is learned: of states that all have a cost the last one is read."""
        return replace(self, ode=replace(self.ode, cost="last", weights=())) if self.ode.cost == "every" else self

    @property
    def entry(self) -> RecognizerKind:
        """The entry of its kind. Raises UsageError for a kind that there is not."""
        if self.kind not in RECOGNIZERS:
            raise UsageError(f"recognizer.kind is {self.kind!r}, expected one of {', '.join(RECOGNIZERS)}")
        return RECOGNIZERS[self.kind]

    def require_sense(self) -> None:
        """Raises UsageError for settings that contradict each other."""
        for each in fields(self):
            owners = [name for name, kind in RECOGNIZERS.items() if each.name in kind.owns]
            if owners and self.kind not in owners and getattr(self, each.name) != getattr(_DEFAULTS, each.name):
                raise UsageError(f"recognizer.{each.name} is for kind: {' or '.join(owners)}, but kind is {self.kind}")


_DEFAULTS = RecognizerSettings()

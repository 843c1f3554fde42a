"""The table of recognisers: a kind that is put into it is offered, checked, trained and read back, and no other is."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import pytest
from support.training_data import vectors, write_inputs

from lattice_cli.arrays import FloatArray
from lattice_cli.cli.main import main
from lattice_cli.errors import UsageError
from lattice_cli.learning.networks import Parameters, Pullback
from lattice_cli.learning.recognizers import (
    RECOGNIZERS,
    LayerSettings,
    RecognizerKind,
    RecognizerSettings,
    RowRecognizer,
    Surroundings,
    on_items,
)
from lattice_cli.learning.recognizers.recognizer_check import _length
from lattice_cli.learning.training import TrainConfig, build_model
from lattice_cli.models import load_model

SMALL = """
train: 1
data: {train: train.npz}
recognizer: {kind: linear}
optimizer: {rate: 0.1}
training: {epochs: 3, batch: 8}
"""


@dataclass(frozen=True)
class Scaled:
    """A toy: the energies are the inputs, each column times a weight."""

    outputs: int

    def initial(self, rng: np.random.Generator) -> Parameters:
        return {"toy": np.zeros(self.outputs)}

    def forward(self, parameters: Parameters, inputs: FloatArray) -> tuple[FloatArray, Pullback]:
        return inputs * parameters["toy"], lambda gradient: {"toy": (gradient * inputs).sum(axis=0)}


def _toy(settings: RecognizerSettings, size: int, outputs: int, shape: tuple[int, int] | None) -> Scaled:
    if settings.hidden == (1,):
        raise UsageError("recognizer.hidden: a toy wants none or more than one")
    return Scaled(outputs)


TOY = RecognizerKind(on_items(_toy), ("hidden",))

Train = Callable[..., int]


@pytest.fixture
def train(tmp_path: pathlib.Path) -> Train:
    """`lattice train` in this process, with these keys set."""
    write_inputs(tmp_path / "train.npz", *vectors(30, 1))
    (tmp_path / "config.yaml").write_text(SMALL)

    def trained(*overrides: str) -> int:
        sets = [part for override in overrides for part in ("--set", override)]
        with pytest.raises(SystemExit) as ended:
            main(["train", str(tmp_path / "config.yaml"), *sets, "-o", str(tmp_path / "m.npz"), "--json"])
        return int(ended.value.code or 0)

    return trained


def test_a_kind_that_is_registered_is_trained(
    train: Train, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECOGNIZERS, "toy", TOY)
    assert train("recognizer.kind=toy") == 0
    losses = [json.loads(line)["loss"] for line in capsys.readouterr().out.splitlines()[:-1]]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    model, parameters = load_model(str(tmp_path / "m.npz"))
    assert isinstance(model.recognizer, RowRecognizer)
    assert model.recognizer.network == Scaled(3)
    assert (parameters["toy"] < 0).all(), "what is seen is what is cheap"


def test_it_is_asked_whether_its_settings_make_sense(
    train: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECOGNIZERS, "toy", TOY)
    assert train("recognizer.kind=toy", "recognizer.hidden=[1]") == 2
    assert "a toy wants none or more than one" in capsys.readouterr().err
    assert train("recognizer.hidden=[2]") == 2
    assert "recognizer.hidden is for kind: mlp or toy, but kind is linear" in capsys.readouterr().err


def test_a_kind_that_is_not_there_is_refused(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("recognizer.kind=gru") == 2
    kinds = "linear, mlp, convolution, ode, torch, scores"
    assert f"recognizer.kind is gru, expected one of {kinds}" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"recognizer\.kind is 'gru', expected one of linear, mlp"):
        build_model(TrainConfig(recognizer=RecognizerSettings(kind="gru")), "ab", 3)


#: A value for each key that one kind owns.
OWNED = {
    "mlp": {"hidden": (4,)},
    "convolution": {"layers": (LayerSettings(),), "window": 2, "shape": (2, 2)},
    "ode": {"ode": object()},
    "torch": {"torch": object(), "shape": (2, 2)},
    "scores": {"scores": ("a",), "initial": (1.0,)},
}


@pytest.mark.parametrize("kind", RECOGNIZERS)
def test_what_a_kind_owns_is_for_no_other(kind: str) -> None:
    assert {key: set(RECOGNIZERS[key].owns) for key in OWNED} == {key: set(values) for key, values in OWNED.items()}
    assert set(RECOGNIZERS[kind].owns) <= {each.name for each in fields(RecognizerSettings)}
    for values in OWNED.values():
        for key, value in values.items():
            settings = RecognizerSettings(kind=kind, **{key: value})  # type: ignore[arg-type]
            owners = [name for name, each in OWNED.items() if key in each]
            if kind in owners:
                settings.require_sense()
                continue
            said = f"^recognizer.{key} is for kind: {' or '.join(owners)}, but kind is {kind}$"
            with pytest.raises(UsageError, match=said):
                settings.require_sense()


def test_an_mlp_has_hidden_layers_and_scores_have_one_name_each() -> None:
    around = Surroundings(("", "x"), 3, scores={"a": 1.0})
    mlp, twice = RecognizerSettings("mlp"), RecognizerSettings("scores", scores=("a", "a"))
    with pytest.raises(UsageError, match="an mlp needs at least one hidden layer"):
        mlp.entry.build(mlp, around)
    with pytest.raises(UsageError, match=r"recognizer\.scores has a name twice"):
        twice.entry.build(twice, around)


#: Settings of each kind that takes rows.
OF_ROWS = {
    "linear": RecognizerSettings(),
    "mlp": RecognizerSettings("mlp", hidden=(4,)),
    "convolution": RecognizerSettings("convolution", shape=(2, 3), layers=(LayerSettings(2, (1, 1), (1, 1)),)),
    "ode": RecognizerSettings("ode"),
}


@pytest.mark.parametrize("kind", OF_ROWS)
def test_every_kind_tells_the_classes_apart_that_it_is_asked_for(kind: str) -> None:
    assert {*OF_ROWS, "torch", "scores"} == set(RECOGNIZERS)
    around = Surroundings(("", "a", "b"), 6)
    made = OF_ROWS[kind].entry.build(OF_ROWS[kind], around)
    assert made.labels == around.labels
    parameters = made.initial(np.random.default_rng(0))
    energies, _ = made.energies(parameters, np.ones((5, 6)))
    assert energies.shape == (5 * around.outputs,)


def test_the_length_of_a_gradient_does_not_leave_float64_on_the_way() -> None:
    assert _length({"w": np.array([3e200, 0.0]), "b": np.array([-4e200])}) == pytest.approx(5e200)
    assert _length({"w": np.zeros(3), "b": np.zeros(0)}) == 0.0

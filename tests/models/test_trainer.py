"""Training from Python: the same model as by the command, seen by a listener, stopped and gone on with."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from support.commands import ROOT, lattice
from support.training_data import vectors, write_inputs

from lattice_cli.errors import UsageError
from lattice_cli.formats import bind, read_model
from lattice_cli.learning.losses import Batch, Outcome
from lattice_cli.learning.training import Epoch, TrainConfig, TrainingListener
from lattice_cli.models import load_model, train

CRF = """
train: 1
data: {train: train.npz, hold_out: 0.25}
recognizer: {kind: mlp, hidden: [5]}
grammar: {ngram: 2}
optimizer: {rate: 0.05}
training: {epochs: 4, batch: 8, save_every: 0.000000001}
"""


class Heard(TrainingListener):
    """Keeps what it hears, and has the training stopped after so many batches."""

    def __init__(self, batches: int = 10**9) -> None:
        self.left = batches
        self.epochs: list[Epoch] = []
        self.notes: list[str] = []

    def batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        self.left -= 1

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def stopped(self) -> bool:
        return self.left <= 0


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    write_inputs(tmp_path / "train.npz", *vectors(60, 1))
    path = tmp_path / "config.yaml"
    path.write_text(CRF)
    return path


def weights(path: pathlib.Path) -> dict[str, np.ndarray]:
    return dict(read_model(str(path)).parameters)


def assert_same(first: pathlib.Path, second: pathlib.Path) -> None:
    ours, theirs = weights(first), weights(second)
    assert ours
    assert set(ours) == set(theirs)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_it_comes_to_what_the_command_comes_to(config: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    heard, ours = Heard(), config.with_name("ours.npz")
    standing = train(config, ours, ["training.epochs=3"], heard)
    assert standing.ended == "3 epochs done"
    assert standing.epochs == heard.epochs
    assert [epoch.number for epoch in heard.epochs] == [1, 2, 3]
    assert capsys.readouterr() == ("", ""), "it says nothing by itself"
    lattice("train", config, "-o", "theirs.npz", "--set", "training.epochs=3", cwd=config.parent)
    assert_same(ours, config.with_name("theirs.npz"))
    model, parameters = load_model(str(ours))
    assert model.labels == ("a", "b", "c")
    assert set(model.recognizer.initial(np.random.default_rng(0))) <= set(parameters)


def test_what_was_stopped_goes_on_to_the_bit(config: pathlib.Path) -> None:
    stopped, whole = config.with_name("stopped.npz"), config.with_name("whole.npz")
    standing = train(config, stopped, listener=Heard(8))
    assert not standing.ended
    assert standing.position == 2, "of the second epoch of six batches"
    assert load_model(str(stopped))[0].labels == ("a", "b", "c"), "the model so far is there"
    with pytest.raises(UsageError, match="is a training that was stopped"):
        train(config, stopped)
    stopped.unlink()
    went_on = Heard()
    assert train(config, stopped, listener=went_on, resume=True).ended == "4 epochs done"
    assert [epoch.number for epoch in went_on.epochs] == [2, 3, 4]
    train(config, whole)
    assert_same(stopped, whole)
    assert [each.number for each in train(config, stopped, restart=True).epochs] == [1, 2, 3, 4]


def test_a_configuration_need_not_be_a_file(config: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(config.parent)
    told = {"data": {"train": "train.npz"}, "training": {"epochs": 1}}
    assert train(bind(TrainConfig, told, "test"), "m.npz", ["training.batch=7"]).ended == "1 epoch done"
    assert read_model("m.npz").about["config"]["training"]["batch"] == 7


def test_notes_reach_the_listener(config: pathlib.Path) -> None:
    heard = Heard()
    train(config, config.with_name("first.npz"), ["training.epochs=1"])
    more = ["training.start=first.npz", "recognizer.kind=linear", "recognizer.hidden=[]", "training.epochs=1"]
    train(config, config.with_name("second.npz"), more, heard)
    assert heard.notes == ["first.npz has no weights for layer0.weight, layer0.bias"]


def test_the_end_says_what_the_epochs_tell(config: pathlib.Path) -> None:
    """Once, when there is nothing more to do: not of a training that was stopped."""
    steps = ["training.epochs=8", "training.batch=5"]
    heard = Heard()
    train(config, config.with_name("still.npz"), [*steps, "optimizer.rate=1e-12"], heard)
    (said,) = heard.notes
    assert said.startswith("nothing was learned: the loss of the first batch was ")
    assert "optimizer.rate (1e-12 now)" in said
    from_it = ["training.start=still.npz", "optimizer.rate=1e-12"]
    train(config, config.with_name("again.npz"), [*steps, *from_it], heard)
    assert len(heard.notes) == 1, "what begins with weights of another model may have nothing to learn"
    more = Heard()
    train(config, config.with_name("more.npz"), ["training.epochs=5", "optimizer.rate=0.02"], more)
    assert [note.split(",")[0] for note in more.notes] == ["the loss was still falling"]
    fitted = Heard()
    too_much = ["recognizer.hidden=[60]", "training.epochs=60", "data.hold_out=0.6"]
    standing = train(config, config.with_name("over.npz"), too_much, fitted)
    (said,) = fitted.notes
    losses = [epoch.validation_loss or 0.0 for epoch in standing.epochs]
    assert said.startswith(f"over-fitting: the validation loss was least at epoch {losses.index(min(losses)) + 1}, ")
    stopped = Heard(150)
    train(config, config.with_name("stopped.npz"), too_much, stopped)
    assert not stopped.notes
    gone_on = Heard()
    train(config, config.with_name("stopped.npz"), too_much, gone_on, resume=True)
    assert gone_on.notes == fitted.notes


def test_held_out_targets_that_cannot_be_spelled_are_counted(config: pathlib.Path) -> None:
    inputs, targets = vectors(20, 2)
    write_inputs(config.with_name("valid.npz"), inputs, [*(each + "ab" for each in targets[:3]), *targets[3:]])
    heard = Heard()
    told = ["data.validation=[valid.npz]", "data.hold_out=0", "training.epochs=1"]
    train(config, config.with_name("m.npz"), told, heard)
    assert heard.notes == ["3 of 20 held-out targets are not in their graphs: left out of the validation loss"]
    write_inputs(config.with_name("valid.npz"), inputs, [each + "ab" for each in targets])
    with pytest.raises(UsageError, match="keep: loss, but no held-out example"):
        train(config, config.with_name("m.npz"), [*told, "training.keep=loss"])
    with pytest.raises(UsageError, match=r"training\.keep: loss needs data\.validation or"):
        train(config, config.with_name("m.npz"), ["data.hold_out=0", "training.keep=loss"])


def test_training_needs_no_terminal(config: pathlib.Path) -> None:
    code = (
        "import sys; from lattice_cli.models import train; train('config.yaml', 'm.npz', ['training.epochs=1']);"
        "sys.exit(any(name in sys.modules for name in ('click', 'rich', 'lattice_cli.cli')))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=config.parent, env=environment, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("after", [1, 3, 9])
def test_where_memory_ends_nothing_is_lost(config: pathlib.Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """What had been learned by then is in the checkpoint, even where nothing had been written yet."""
    told = config.read_text().replace("0.000000001", "1000")
    config.write_text(told.replace("{ngram: 2}", "{ngram: 2}\nobjective: {loss: hinge}"))
    whole, part = config.parent / "whole.npz", config.parent / "part.npz"
    train(config, whole)
    evaluate, steps = Batch.evaluate, []

    def short_of_memory(batch: Batch, left: np.ndarray, right: np.ndarray) -> Outcome:
        steps.append(batch)
        if len(steps) > after:
            raise MemoryError("the graphs of 8 records take about 31.0 GB, and there are 24.0 GB")
        return evaluate(batch, left, right)

    with monkeypatch.context() as patched:
        patched.setattr(Batch, "evaluate", short_of_memory)
        with pytest.raises(MemoryError, match=r"24\.0 GB; a batch has \d examples?, and a smaller training.batch"):
            train(config, part)
    train(config, part, resume=True)
    assert_same(whole, part)

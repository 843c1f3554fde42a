"""The loss on held-out examples against enumeration and against that of training; which epoch is kept; what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.learning import model_of
from support.oracle import all_paths, soft_minimum

from lattice_cli.arrays import Kept
from lattice_cli.choices import LOSSES
from lattice_cli.errors import UsageError
from lattice_cli.formats import bind
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example
from lattice_cli.learning.training import (
    Epoch,
    Model,
    Problem,
    TrainConfig,
    Training,
    TrainingListener,
    TrainingState,
    Validation,
    examples_of,
)
from lattice_cli.learning.training.diagnosis import hardly_moved, nothing_learned, overfitted, underfitted

ALIGNMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "each": ("vectors", {"grammar": {"ngram": 2}}),
    "ctc": ("strips", {"alignment": {"kind": "ctc"}}),
    "ctc bigram": ("strips", {"alignment": {"kind": "ctc"}, "grammar": {"ngram": 2}}),
    "segments": ("strips", {"alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}}}),
    "scores": ("lattices", {"recognizer": {"kind": "scores"}}),
}


def made(name: str, **more: Any) -> tuple[Model, list[Example], Parameters]:
    """A model with weights at random, and examples."""
    kind, settings = ALIGNMENTS[name]
    model, found = model_of(kind, {"recognizer": {"kind": "linear"}, **settings, **more})
    rng = np.random.default_rng(4)
    parameters = {name: each + 0.3 * rng.normal(size=each.shape) for name, each in model.initial(rng).items()}
    return model, examples_of(model, found), parameters


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ALIGNMENTS)
def test_the_loss_is_that_of_training_on_the_same_examples(name: str, loss: str) -> None:
    model, examples, parameters = made(name, objective={"loss": loss}, training={"batch": 3})
    problem = Problem(model, examples, 2)
    value = problem.value(problem.flat(parameters), problem.pieces)
    for kept in (problem.kept, Kept([], 0)):
        validation = Validation(model, examples, kept)
        for _ in range(2):
            found = validation.measured(parameters)
            assert found.loss == pytest.approx(value.mean, rel=1e-12, abs=1e-14)
            assert found.records == validation.spelled == len(examples)


@pytest.mark.parametrize("objective", ["nll", "variational"])
@pytest.mark.parametrize("name", ["each", "segments", "scores"])
def test_the_log_loss_is_that_of_enumeration(name: str, objective: str) -> None:
    """Of a variational objective too: not of its bound."""
    beta = 1.7
    told = {"loss": objective, "beta": beta} | ({"q": "arcs"} if objective == "variational" else {})
    model, examples, parameters = made(name, objective=told)
    rng = np.random.default_rng(0)
    expected = []
    right, _ = model.right_energies(parameters)
    for example in examples:
        whole = model.reading.composed(model.energies(example, parameters), right)
        paths = [(path.energy, tuple(path.output)) for path in all_paths(whole)]
        every = soft_minimum([energy for energy, _ in paths], beta)
        expected.append(soft_minimum([energy for energy, said in paths if said in example.targets], beta) - every)
    problem = Problem(model, examples, 3)
    weights = {**problem.initial(rng), **parameters}
    assert Validation(model, examples, problem.kept).measured(weights).loss == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("name", ["each", "ctc", "ctc bigram", "segments"])
def test_what_cannot_be_spelled_is_decoded_and_has_no_loss(name: str) -> None:
    model, examples, parameters = made(name, objective={"unspelled": "skip"}, training={"batch": 2})
    whole = Validation(model, examples, Kept([], 1 << 20))
    long = tuple(examples[1].targets[0] * 40)
    broken = [replace(each, targets=(long,)) if number in (1, 4) else each for number, each in enumerate(examples)]
    rest = [each for number, each in enumerate(examples) if number not in (1, 4)]
    validation = Validation(model, broken, Kept([], 1 << 20))
    assert (whole.spelled, validation.spelled) == (len(examples), len(examples) - 2)
    found = validation.measured(parameters)
    assert found.records == len(examples)
    assert found.loss == pytest.approx(Validation(model, rest, Kept([], 0)).measured(parameters).loss)
    only = Validation(model, [broken[1]], Kept([], 0))
    assert only.measured(parameters).loss is None
    by_loss = replace(model.config, training=replace(model.config.training, keep="loss"))
    problem = Problem(replace(model, config=by_loss), rest, 2)
    with pytest.raises(UsageError, match="keep: loss, but no held-out example has a target in its graph"):
        Training(problem, only)


def trained(training: dict[str, Any], held_out: bool = True) -> tuple[TrainingState, list[np.ndarray]]:
    """A training that over-fits: many weights, few examples, of which those held out are others. And the weights after
    each epoch."""
    settings = {"recognizer": {"kind": "mlp", "hidden": [30]}, "optimizer": {"rate": 0.1}}
    model, found = model_of("vectors", {**settings, "training": {"batch": 2, "epochs": 8, **training}})
    examples = examples_of(model, found)
    problem = Problem(model, examples[:4], 2)
    run = Training(problem, Validation(model, examples[4:], problem.kept) if held_out else None)
    weights: list[np.ndarray] = []
    beginning = TrainingState.beginning(problem.flat(problem.initial(np.random.default_rng(1))))
    state = run.run(beginning, TrainingListener(), lambda standing, better: weights.append(standing.average.copy()))
    return state, weights


def test_the_weights_kept_are_those_asked_for() -> None:
    states = {keep: trained({"keep": keep})[0] for keep in ("", "error", "loss", "last")}
    epochs = states[""].epochs
    losses = [epoch.validation_loss or 0.0 for epoch in epochs]
    errors = [(epoch.label_error, -(epoch.exact or 0.0)) for epoch in epochs]
    best = {"error": errors.index(min(errors)) + 1, "loss": losses.index(min(losses)) + 1, "last": len(epochs)}
    assert len({*best.values()}) > 1
    for keep, state in states.items():
        assert state.best_epoch == best[keep or "error"]
        assert [each.loss for each in state.epochs] == [each.loss for each in epochs], "it changes no step"
        kept = TrainingState.of(state.arrays(), state.numbers())
        assert (kept.best_epoch, kept.best_figures) == (state.best_epoch, state.best_figures)
    assert np.array_equal(states["last"].best, states["last"].average)
    assert not np.array_equal(states["loss"].best, states["last"].best)
    alone, _ = trained({}, held_out=False)
    assert alone.best_epoch == len(alone.epochs)
    assert alone.epochs[0].validation_loss is None


@pytest.mark.parametrize("keep", ["error", "loss"])
def test_patience_goes_by_what_is_kept(keep: str) -> None:
    state, _ = trained({"keep": keep, "patience": 2, "epochs": 40})
    assert state.ended == f"no better validation {keep} for 2 epochs"
    assert state.best_epoch == len(state.epochs) - 2


def test_patience_with_the_last_is_refused() -> None:
    config = bind(TrainConfig, {"training": {"keep": "last", "patience": 3}}, "test")
    with pytest.raises(UsageError, match=r"patience waits for a better epoch, but training\.keep is last"):
        config.require_sense()


def epochs_of(losses: list[float], held_out: list[float | None] | None = None) -> list[Epoch]:
    held = held_out or [None] * len(losses)
    return [Epoch(number, loss, False, other) for number, (loss, other) in enumerate(zip(losses, held), 1)]


CONFIG = bind(TrainConfig, {}, "test")


@pytest.mark.parametrize(
    ("losses", "held_out", "said"),
    [
        ([3, 2, 1.5, 1, 0.5], [3, 2, 1.9, 2.1, 2.2], True),
        ([3, 2, 1.5, 1, 0.5], [3, 2, 1.9, 1.95, 2.2], False),  # not in both of the last two
        ([3, 2, 1.5, 1, 0.5], [3, 2, 1.9, 1.85, 2.2], False),  # least too late
        ([3, 2, 1.5, 2, 2.5], [3, 2, 1.9, 2.1, 2.2], False),  # the training loss rose as well
        ([3, 2, 1.5, 1, 0.5], [3, 2, 0.01, 0.02, 0.03], False),  # small beside what it was
        ([3, 2], [2, 3], False),
        ([-3, -4, -5, -6], [-3, -4, -2, -1], False),  # an energy has no zero to go by
        ([3, 2, 1, 0.5], None, False),
    ],
)
def test_a_validation_loss_that_rises_is_said(losses: list[float], held_out: list[float] | None, said: bool) -> None:
    found = overfitted(epochs_of(losses, held_out), CONFIG, 5)
    assert (found is not None) == said
    if said:
        assert found == (
            "over-fitting: the validation loss was least at epoch 3, 1.9, and is 2.2 now, while the training loss went "
            "from 1.5 to 0.5; the model is that of epoch 5; what may help: training.keep: loss keeps epoch 3, "
            "objective.l2 (0 now)"
        )
        kept = overfitted(epochs_of(losses, held_out), bind(TrainConfig, {"alignment": {"kind": "whole"}}, "t"), 3)
        assert kept is not None
        assert kept.endswith("the model is that of epoch 3; what may help: objective.l2 (0 now), data.augment")


@pytest.mark.parametrize(
    ("losses", "held_out", "said"),
    [
        ([3, 4, 3, 2, 1], None, True),
        ([3, 4, 3, 2, 1], [3, 4, 3, 2, 1.5], True),
        ([3, 4, 3, 2, 1], [3, 4, 3, 1.4, 1.5], False),  # what is held out does not get better
        ([3, 4, 3, 2, 1.9], None, False),
        ([3, 4, 3, 2.9, 2], None, False),
        ([4, 3, 2, 1], None, False),  # so few epochs that nobody expects more
        ([3, 2, 0.02, 0.01, 0.005], None, False),  # small beside what it was
        ([3, 3, 3, 1, -1], None, False),
    ],
)
def test_a_loss_that_still_falls_is_said(losses: list[float], held_out: list[float] | None, said: bool) -> None:
    found = underfitted(epochs_of(losses, held_out))
    assert (found is not None) == said
    if said:
        assert "still falling, by 50 % in the last epoch" in str(found)
        assert ("and so was the validation loss" in str(found)) == (held_out is not None)


def test_a_loss_that_does_not_move_is_said() -> None:
    still = epochs_of([2.301, 2.299, 2.3])
    assert hardly_moved(still, 2.302, 20)
    for epochs, begun, batches in (
        (still, 2.302, 5),
        (still[:2], 2.302, 100),
        (still, None, 20),
        (still, 0.0, 20),
        (epochs_of([2.301, 2.2, 2.3]), 2.302, 20),
    ):
        assert not hardly_moved(epochs, begun, batches)
    assert nothing_learned(2.302, 2.2, CONFIG) is None
    assert str(nothing_learned(2.302, 2.3, CONFIG)).startswith(
        "nothing was learned: the loss of the first batch was 2.302 before the first step and is 2.3 now; look at "
        "optimizer.rate (0.003 now)"
    )

"""The objective of training as a function of the weights: gradients end to end, and what a resumed standing knows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from support.learning import model_of

from lattice_cli.arrays import Kept
from lattice_cli.graph import Inputs
from lattice_cli.learning.training import (
    Problem,
    Training,
    TrainingListener,
    TrainingState,
    Validation,
    examples_of,
)


def layer(channels: int, size: list[int], stride: list[int]) -> dict[str, Any]:
    return {"channels": channels, "size": size, "stride": stride}


CASES = {
    "linear crf": ("vectors", {"recognizer": {"kind": "linear"}, "grammar": {"ngram": 2}}),
    "mlp trigram": ("vectors", {"recognizer": {"kind": "mlp", "hidden": [4, 3]}, "grammar": {"ngram": 3}}),
    "log-softmax": ("vectors", {"recognizer": {"kind": "linear", "output": "log-softmax"}, "grammar": {"ngram": 2}}),
    "softplus": ("vectors", {"recognizer": {"kind": "mlp", "hidden": [4], "output": "softplus"}}),
    "letters as images": (
        "strips",
        {
            "recognizer": {"kind": "convolution", "shape": [2, 3], "layers": [layer(2, [1, 2], [1, 1])]},
            "alignment": {"kind": "ctc"},
        },
    ),
    "strip ctc bigram": (
        "strips",
        {
            "recognizer": {"kind": "convolution", "layers": [layer(3, [3, 3], [1, 2])], "window": 2},
            "alignment": {"kind": "ctc"},
            "grammar": {"ngram": 2},
        },
    ),
    "segments": (
        "strips",
        {
            "recognizer": {"kind": "mlp", "hidden": [5]},
            "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}},
            "grammar": {"ngram": 2},
        },
    ),
    "segment images": (
        "strips",
        {
            "recognizer": {"kind": "convolution", "layers": [{"channels": 3, "size": [2, 3], "stride": [1, 1]}]},
            "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}},
        },
    ),
    "segments and cuts": (
        "strips",
        {
            "recognizer": {"kind": "linear", "output": "softplus"},
            "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}, "cuts": "linear"},
            "grammar": {"ngram": 2},
        },
    ),
    "fixed points and cuts": (
        "strips",
        {
            "recognizer": {"kind": "ode", "ode": {"form": "fixed-point", "units": 4}},
            "alignment": {
                "kind": "segments",
                "segments": {"box": [4, 6], "lowest": 0.1, "piece": 0.2},
                "cuts": {"kind": "mlp", "hidden": [3]},
            },
        },
    ),
    "scores": ("lattices", {"recognizer": {"kind": "scores"}}),
    "ode": ("vectors", {"recognizer": {"kind": "ode", "ode": {"units": 4, "stepper": "midpoint"}}}),
    "ode segments": (
        "strips",
        {
            "recognizer": {"kind": "ode", "ode": {"units": 3, "stepper": "rk4", "cost": "mean", "checkpoints": 2}},
            "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}},
        },
    ),
    "ode, a cost at every step, and cuts": (
        "strips",
        {
            "recognizer": {"kind": "ode", "ode": {"units": 3, "steps": 3, "cost": "every"}},
            "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}, "cuts": "linear"},
            "grammar": {"ngram": 2},
        },
    ),
    "ode, a cost at every step, ctc": (
        "strips",
        {
            "recognizer": {"kind": "ode", "ode": {"units": 3, "steps": 2, "cost": "every", "weights": [0.5, 2]}},
            "alignment": {"kind": "ctc"},
        },
    ),
    "fixed point ctc": (
        "strips",
        {"recognizer": {"kind": "ode", "ode": {"form": "fixed-point", "units": 4}}, "alignment": {"kind": "ctc"}},
    ),
    "neural": ("vectors", {"recognizer": {"kind": "linear"}, "grammar": {"neural": {"context": 2, "hidden": [4]}}}),
    "neural ctc": (
        "strips",
        {
            "recognizer": {"kind": "mlp", "hidden": [4]},
            "alignment": {"kind": "ctc"},
            "grammar": {"neural": {"context": 1, "embedding": 3, "hidden": [3, 2], "activation": "sigmoid"}},
        },
    ),
    "neural segments": (
        "strips",
        {
            "recognizer": {"kind": "linear"},
            "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}},
            "grammar": {"neural": {"context": 2, "hidden": []}},
        },
    ),
    "scores neural": ("lattices", {"recognizer": {"kind": "scores"}, "grammar": {"neural": {"context": 3}}}),
    "scores bigram": ("lattices", {"recognizer": {"kind": "scores"}, "grammar": {"ngram": 2}}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("loss", ["nll", "mee", "log"])
def test_the_gradient_by_every_weight_is_that_of_the_objective(case: str, loss: str) -> None:
    kind, settings = CASES[case]
    model, found = model_of(kind, {**settings, "objective": {"loss": loss, "l2": 0.1, "beta": 0.8}})
    problem = Problem(model, examples_of(model, found), 3)
    rng = np.random.default_rng(5)
    theta = problem.flat(model.initial(rng))
    theta = theta + 0.3 * rng.normal(size=len(theta))
    value = problem.value(theta, problem.pieces)
    for _ in range(3):
        along = rng.normal(size=len(theta))
        step = 1e-5
        plus, minus = (problem.value(theta + sign * step * along, problem.pieces) for sign in (1, -1))
        measured = (plus.objective - minus.objective) / (2 * step)
        assert value.gradient @ along == pytest.approx(measured, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("case", ["linear crf", "strip ctc bigram", "segments", "segments and cuts"])
def test_batches_of_any_size_have_the_same_mean(case: str) -> None:
    kind, settings = CASES[case]
    model, found = model_of(kind, settings)
    examples = examples_of(model, found)
    theta = None
    values = []
    for size in (1, 3, len(examples)):
        problem = Problem(model, examples, size)
        theta = problem.flat(model.initial(np.random.default_rng(1))) if theta is None else theta
        values.append(problem.value(theta, problem.pieces))
    for other in values[1:]:
        assert other.mean == pytest.approx(values[0].mean, rel=1e-12)
        np.testing.assert_allclose(other.gradient, values[0].gradient, atol=1e-12)


class Still(TrainingListener):
    """Looks on, keeps what it is given, and has the training stopped after some batches."""

    def __init__(self, after: int = 10**9) -> None:
        self.left = after
        self.saved: list[tuple[Any, Any]] = []

    def batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        self.left -= 1

    def save(self, standing: TrainingState, better: bool) -> None:
        # Through JSON and arrays, as a file would.
        arrays = {name: np.array(array) for name, array in standing.arrays().items()}
        self.saved.append((arrays, json.loads(json.dumps(standing.numbers()))))

    def stopped(self) -> bool:
        return self.left <= 0


@pytest.mark.parametrize("method", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("after", [1, 2, 4, 7])
def test_a_standing_is_all_there_is_to_know(method: str, after: int) -> None:
    settings = {
        **CASES["linear crf"][1],
        "optimizer": {"method": method, "decay": 1.0 if method == "lbfgs" else 0.9},
        "training": {"epochs": 4, "batch": 2, "average": 0.8 if method == "sgd" else 0.0},
    }
    model, found = model_of("vectors", settings)
    examples = examples_of(model, found)

    def training() -> Training:
        problem = Problem(model, examples, 2)
        return Training(problem, Validation(model, examples, problem.kept))

    theta = training().problem.flat(model.initial(np.random.default_rng(0)))
    still, watch = Still(), Still(after)
    whole = training().run(TrainingState.beginning(theta), still, still.save)
    training().run(TrainingState.beginning(theta), watch, watch.save)
    resumed = training().run(TrainingState.of(*watch.saved[-1]), still, still.save)
    assert np.array_equal(resumed.theta, whole.theta)
    assert np.array_equal(resumed.best, whole.best)
    assert resumed.epochs == whole.epochs
    assert resumed.ended == whole.ended


def test_validation_counts_errors_of_what_is_decoded() -> None:
    model, found = model_of("vectors", CASES["linear crf"][1])
    validation = Validation(model, examples_of(model, found), Kept([], 0))
    parameters = model.initial(np.random.default_rng(0))
    for letter in range(3):  # energy of a letter is minus its number: every row is read as it is
        parameters["layer0.weight"][letter, letter] = -5.0
    errors = validation.measured(parameters)
    rows = [np.argmax(each.values, axis=1) for each in found if isinstance(each, Inputs)]
    told = [["abc".index(letter) for letter in str(each.target)] for each in found]
    assert errors.wrong == sum(int((row != target).sum()) for row, target in zip(rows, told))
    assert errors.records == len(found)
    assert errors.labels == sum(len(target) for target in told)

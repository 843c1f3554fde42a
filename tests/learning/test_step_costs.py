"""A cost at every step of an ODE recogniser, sum_k w_k C_k(z_k, y_k): against states and paths in plain Python."""

from __future__ import annotations

import json
import math
import pathlib
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from support.learning import model_of
from support.training_data import vectors, write_inputs

from lattice_cli.arrays import Kept
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import bind, read_inputs, read_model
from lattice_cli.formats.io import ReadOptions, target_of, target_record
from lattice_cli.graph import AnyOf, Document, Inputs, StepTargets, right_answers_of
from lattice_cli.learning.losses import LOSSES
from lattice_cli.learning.recognizers import check_recognizer
from lattice_cli.learning.training import Model, Problem, TrainConfig, Validation, build_model, examples_of
from lattice_cli.models import load_model, train

#: Two steps of Euler's method; labels a and b, a row each.
ODE = {"units": 2, "steps": 2, "time": 1.4, "cost": "every"}
TARGETS = StepTargets(("aa", AnyOf(("ab", ("b", "b")))))


def stepping(more: dict[str, Any] | None = None, **ode: Any) -> Model:
    told = {"recognizer": {"kind": "ode", "ode": {**ODE, **ode}}, "grammar": {"ngram": 2}, **(more or {})}
    return build_model(bind(TrainConfig, told, "test"), "ab", 3)


def random_weights(model: Model, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: value + 0.5 * rng.normal(size=value.shape) for name, value in model.initial(rng).items()}


def rows(targets: list[Any], seed: int = 3, length: int = 2) -> list[Inputs | Document]:
    rng = np.random.default_rng(seed)
    return [Inputs(f"r{number}", "test", rng.normal(size=(length, 3)), each) for number, each in enumerate(targets)]


def energies_by_hand(parameters: dict[str, Any], row: list[float]) -> list[list[float]]:
    """The energies of a row's labels behind each of two steps of 0.7, without arrays."""
    told = {name: array.tolist() for name, array in parameters.items()}
    drive = [sum(x * told["drive.weight"][i][j] for i, x in enumerate(row)) + told["drive.bias"][j] for j in range(2)]
    state, found = [0.0, 0.0], []
    for _ in range(2):
        pull = [
            math.tanh(sum(state[i] * told["recurrent.weight"][i][j] for i in range(2)) + drive[j]) for j in range(2)
        ]
        state = [z + 0.7 * (towards - z) for z, towards in zip(state, pull)]
        found.append(
            [sum(state[i] * told["readout.weight"][i][c] for i in range(2)) + told["readout.bias"][c] for c in range(2)]
        )
    return found


@pytest.mark.parametrize("weights", [(), (0.25, 3.0)])
def test_the_loss_is_the_sum_of_those_of_the_steps(weights: tuple[float, ...]) -> None:
    """The log loss of each step: minus the log of what the right paths are of all, by energies of states by hand."""
    model = stepping({"grammar": {}}, weights=list(weights))
    found = rows([TARGETS, StepTargets(("ba", "aa")), "bb"])
    parameters = random_weights(model, 5)
    expected = 0.0
    for record in found:
        by_row = [energies_by_hand(parameters, row) for row in record.values.tolist()]  # type: ignore[union-attr]
        for step in range(2):
            target = record.target
            right = target.steps[step] if isinstance(target, StepTargets) else target
            assert right is not None
            texts = {"".join(answer) for answer in right_answers_of(right)}
            paths = {
                a + b: math.exp(-by_row[0][step]["ab".index(a)] - by_row[1][step]["ab".index(b)])
                for a, b in product("ab", repeat=2)
            }
            loss = -math.log(sum(paths[text] for text in texts) / sum(paths.values()))
            expected += (weights or (1.0, 1.0))[step] * loss / len(found)
    problem = Problem(model, examples_of(model, found), 2)
    value = problem.value(problem.flat(parameters), problem.pieces)
    assert value.mean == pytest.approx(expected, rel=1e-12)
    assert problem.count == 3
    # What is recognised is the last state's.
    document = model.recognized(found[0], parameters)
    by_row = [energies_by_hand(parameters, row)[-1] for row in found[0].values.tolist()]  # type: ignore[union-attr]
    np.testing.assert_allclose(document.graph.energy, np.concatenate(by_row), rtol=1e-12)
    assert document.target is found[0].target


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("stepper", ["euler", "rk4"])
def test_every_loss_has_the_gradient_of_differences(loss: str, stepper: str) -> None:
    objective = {"loss": loss, "l2": 0.1, "beta": 0.8}
    model = stepping({"objective": objective}, stepper=stepper, steps=3, weights=[0.5, 0.0, 2.0])
    found = rows([StepTargets(("aa", "ab", "bb")), StepTargets(("ba", AnyOf(("ab", "aa")), "ab")), "ab"])
    problem = Problem(model, examples_of(model, found), 2)
    rng = np.random.default_rng(7)
    theta = problem.flat(random_weights(model, 4))
    value = problem.value(theta, problem.pieces)
    for _ in range(3):
        along, step = rng.normal(size=len(theta)), 1e-5
        plus, minus = (problem.value(theta + sign * step * along, problem.pieces) for sign in (1, -1))
        measured = (plus.objective - minus.objective) / (2 * step)
        assert value.gradient @ along == pytest.approx(measured, rel=1e-6, abs=1e-7)


def test_one_target_is_that_of_every_step() -> None:
    model = stepping()
    one, same = (rows([target]) for target in ("ab", StepTargets(("ab", "ab"))))
    theta = None
    values = []
    for found in (one, same):
        problem = Problem(model, examples_of(model, found), 2)
        theta = problem.flat(random_weights(model, 1)) if theta is None else theta
        values.append(problem.value(theta, problem.pieces))
    assert values[0].objective == values[1].objective
    assert np.array_equal(values[0].gradient, values[1].gradient)


def test_errors_are_those_at_the_last_step() -> None:
    model = stepping()
    parameters = random_weights(model, 2)
    found = rows([StepTargets(("aa", "ab")), StepTargets(("bb", "ba")), StepTargets(("bb", AnyOf(("aa", "bb"))))])
    ends = [replace(each, target=each.target.steps[-1]) for each in found]  # type: ignore[union-attr]
    at_end = build_model(replace(model.config, recognizer=model.config.recognizer.recognising), "ab", 3)
    wanted = Validation(at_end, examples_of(at_end, ends), Kept([], 0)).measured(parameters)
    examples = examples_of(model, found)
    measured = Validation(model, examples, Kept([], 0)).measured(parameters)
    assert replace(measured, loss=None) == replace(wanted, loss=None)
    problem = Problem(model, examples, 100)
    trained = problem.value(problem.flat(parameters), problem.pieces).mean
    assert measured.loss == pytest.approx(trained), "which is that of all steps, as it is trained"


@pytest.mark.parametrize("policy", ["skip", "nearest", "error"])
def test_a_step_whose_target_cannot_be_spelled(policy: str) -> None:
    """Two rows never say three labels: of a record that is so at some step nothing is learned, or the nearest there."""
    model = stepping({"objective": {"unspelled": policy}})
    found = rows([StepTargets(("aa", "aba")), "ab", StepTargets(("aaa", "bb")), "bb"])
    examples = examples_of(model, found)
    if policy == "error":
        with pytest.raises(FormatError, match="test, step 1: record 'r2': "):
            Problem(model, examples, 4)
        return
    problem = Problem(model, examples, 4)
    taught = problem.pieces[0].examples
    if policy == "skip":
        assert ([each.id for each in taught], problem.left_out, problem.replaced) == (["r1", "r3"], 2, 0)
    else:
        assert (problem.left_out, problem.replaced) == (0, 2)
        assert taught[0].by_step[0] == (("a", "a"),)
        assert taught[2].by_step[1] == (("b", "b"),)
        assert all(len(target) == 2 for each in taught for step in each.by_step for target in step)
    value = problem.value(problem.flat(random_weights(model, 1)), problem.pieces)
    assert math.isfinite(value.objective)


def test_a_list_of_another_length_is_refused() -> None:
    (record,) = rows([StepTargets(("aa", "ab", "bb"))])
    message = "test: record 'r0' has targets for 3 steps, expected as many as the recogniser has, 2"
    with pytest.raises(FormatError, match=message):
        examples_of(stepping(), [record])
    with pytest.raises(FormatError, match="expected one target: the recogniser has one cost"):
        examples_of(stepping(cost="mean"), [record])
    with pytest.raises(FormatError, match="label 'c' of the target 'c b'"):
        examples_of(stepping(), [replace(record, target=StepTargets((("c", "b"), "ab")))])


@pytest.mark.parametrize(
    ("more", "ode", "message"),
    [
        ({}, {"weights": [1, 2, 3]}, r"recognizer\.ode\.weights: 3 found, expected one for each of 2 steps"),
        ({}, {"weights": [1, 2], "cost": "last"}, r"recognizer\.ode\.weights is for cost: every, but cost is last"),
        ({}, {"form": "fixed-point"}, r"recognizer\.ode\.cost: every is for form: steps, but form is fixed-point"),
        ({}, {"checkpoints": 1}, r"recognizer\.ode\.checkpoints: 1, but with cost: every the state of every step"),
        ({"objective": {"loss": "variational"}}, {}, r"recognizer\.ode\.cost: every, but a variational bound has"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(more: dict[str, Any], ode: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stepping(more, **ode)


@pytest.mark.parametrize("cuts", [False, True])
def test_the_check_of_a_recogniser_is_of_every_step(cuts: bool) -> None:
    told: dict[str, Any] = {"recognizer": {"kind": "ode", "ode": {**ODE, "stepper": "rk4"}}}
    if cuts:
        told["alignment"] = {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}, "cuts": "linear"}
    model, found = model_of("strips" if cuts else "vectors", told)
    examples = examples_of(model, found)[:2]
    parameters = model.recognizer_parameters(random_weights(model, 1))
    checked = check_recognizer(model.learner, parameters, examples, np.random.default_rng(0))
    assert not checked.failed
    assert checked.error < 1e-6
    assert checked.adjoint is not None
    assert (checked.adjoint.kept, checked.adjoint.of) == (2, 2)
    energies, pull = model.learner.energies(parameters, model.learner.stacked(examples))
    last, pull_last = model.recognizer.energies(parameters, model.recognizer.stacked(examples))
    assert np.array_equal(energies.reshape(2, -1)[-1], last)
    at_end, seed = np.zeros((2, len(last))), np.random.default_rng(1).normal(size=len(last))
    at_end[1] = seed
    ours, theirs = pull(at_end.reshape(-1)), pull_last(seed)
    assert list(ours) == list(theirs) == list(parameters)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("target", [TARGETS, StepTargets(("ab",)), StepTargets((("a", "b"), ""))])
def test_a_target_is_written_as_it_is_read(target: StepTargets) -> None:
    written = json.loads(json.dumps({"target": target_record(target)}))
    assert target_of(written, "x") == target


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"steps": []}, 'x: a target of no step, expected {"steps": [...]} of one'),
        ({"steps": "ab"}, "x: steps of the target is 'ab', expected a list"),
        ({"steps": ["ab", None]}, "x: target of step 2 is null, expected a text or a list of labels"),
        ({"steps": ["ab", {"any": []}]}, 'x: a target of step 2 of no right answer, expected {"any": [...]} of one'),
        ({"steps": ["ab", ["a", 3]]}, "x: a label of the target of step 2 is 3, expected a string"),
        ({"steps": [{"any": ["ab", 1]}]}, "x: an entry of any of the target of step 1 is 1, expected a text"),
        ({"steps": ["ab"], "any": ["ab"]}, "x: unknown key 'any' in a target of steps"),
        ({"stepz": ["ab"]}, "x: unknown key 'stepz' in a target; did you mean 'steps'?"),
    ],
)  # fmt: skip
def test_a_target_that_is_none_is_told(target: Any, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        target_of({"target": target}, "x")
    assert str(caught.value).startswith(message)


def trained(folder: pathlib.Path, targets: list[Any], ode: dict[str, Any], count: int = 24) -> pathlib.Path:
    """A model that was trained on vectors for an epoch, with labels X and Y beside a, b, c."""
    write_inputs(folder / "train.npz", vectors(count, 1)[0], targets)
    told = {"kind": "ode", "ode": {"units": 4, "steps": 2, **ode}}
    config = {"train": 1, "data": {"train": "train.npz"}, "recognizer": told, "training": {"epochs": 1}}
    (folder / "c.yaml").write_text(json.dumps(config))
    train(folder / "c.yaml", folder / "m.npz")
    return folder / "m.npz"


def test_labels_of_every_step_are_those_of_the_model(tmp_path: pathlib.Path) -> None:
    texts = vectors(24, 1)[1]
    targets = [{"steps": ["X" * len(text), text]} for text in texts]
    path = trained(tmp_path, targets, {"cost": "every"})
    model, _ = load_model(str(path))
    assert model.labels == ("X", "a", "b", "c")
    (record, *_) = (each for each in read_inputs(str(tmp_path / "train.npz"), ReadOptions()) if hasattr(each, "target"))
    assert record.target == StepTargets(("X" * len(texts[0]), texts[0]))


def test_other_targets_of_a_step_are_other_examples(tmp_path: pathlib.Path) -> None:
    """A training that goes on does so with the same targets at every step."""
    texts = vectors(24, 1)[1]
    trained(tmp_path, [{"steps": ["X" * len(text), text]} for text in texts], {"cost": "every"})
    write_inputs(
        tmp_path / "train.npz",
        vectors(24, 1)[0],
        [{"steps": [text[:1] + "X" * (len(text) - 1), text]} for text in texts],
    )
    with pytest.raises(UsageError, match="the examples changed since"):
        train(tmp_path / "c.yaml", tmp_path / "m.npz", ["training.epochs=2"], resume=True)


@pytest.mark.parametrize("cost", ["every", "last"])
def test_a_model_of_before_means_what_it_did(tmp_path: pathlib.Path, cost: str) -> None:
    """`every` was the energies of the mean state before there were weights of steps; nothing else changes."""
    path = trained(tmp_path, vectors(24, 1)[1], {"cost": "mean"})
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays["model"].tobytes())
    ode = about["config"]["recognizer"]["ode"]
    assert ode.pop("weights") == []
    ode["cost"] = cost
    arrays["model"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez(tmp_path / "old.npz", **arrays)
    meant = {"every": "mean"}.get(cost, cost)
    assert read_model(str(tmp_path / "old.npz")).about["config"]["recognizer"]["ode"]["cost"] == meant
    model, parameters = load_model(str(tmp_path / "old.npz"))
    assert model.config.recognizer.ode.cost == meant
    (record,) = rows(["ab"])
    if cost == "every":
        now, same = load_model(str(path))
        ours, theirs = model.recognized(record, parameters), now.recognized(record, same)
        assert np.array_equal(ours.graph.energy, theirs.graph.energy)
    again, _ = load_model(str(trained(tmp_path, vectors(24, 1)[1], {"cost": "every"})))
    assert again.config.recognizer.ode.cost == "every"


def test_a_training_of_before_is_not_gone_on_with(tmp_path: pathlib.Path) -> None:
    """Its cost is another one, and that is said."""
    path = trained(tmp_path, vectors(24, 1)[1], {"cost": "every"})
    checkpoint = path.with_name("m.npz.checkpoint")
    with np.load(checkpoint) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays["checkpoint"].tobytes())
    del about["config"]["recognizer"]["ode"]["weights"]
    arrays["checkpoint"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    with checkpoint.open("wb") as out:
        np.savez(out, **arrays)
    with pytest.raises(UsageError, match=r"has changed since .*: recognizer\.ode\.cost, recognizer\.ode\.weights"):
        train(tmp_path / "c.yaml", path, ["training.epochs=2"], resume=True)

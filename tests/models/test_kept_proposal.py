"""The q of a variational training, kept in the model: bounds by it are those that training had, record by record."""

from __future__ import annotations

import json
import math
import pathlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support import oracle
from support.commands import lattice
from support.training_data import strips, write_inputs

from lattice_cli.composition import compose
from lattice_cli.errors import FormatError, NoPath, UsageError
from lattice_cli.formats import read_inputs, read_model, write_model
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import target_acceptor, with_columns
from lattice_cli.learning.training import BoundRequest, RecordBounds
from lattice_cli.learning.training.record_bounds import model_bounds
from lattice_cli.models import load_model, load_model_with_proposal, train

CONFIG = """
train: 1
data: {train: train.npz}
recognizer: {kind: mlp, hidden: [4]}
alignment: {kind: segments, segments: {box: [4, 6], lowest: 0.1, gap: 0.6, widest: 1.5}}
objective: {loss: variational, beta: 0.8}
optimizer: {method: lbfgs}
training: {epochs: 3}
"""
#: How answers are read, beyond cut images.
READINGS = {
    "segments": [],
    "bigrams": ["grammar.ngram=2"],
    "network": ["grammar.neural.context=1"],
    "ctc": ["alignment.kind=ctc"],
    "ctc and bigrams": ["alignment.kind=ctc", "grammar.ngram=2"],
    "factors": ["alignment.kind=each", "factors=[{ctc: _}, {ngram: 2}]"],
}


@pytest.fixture
def files(tmp_path: pathlib.Path) -> pathlib.Path:
    write_inputs(tmp_path / "train.npz", *strips(12, 1))
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path


def trained(files: pathlib.Path, *overrides: str) -> str:
    train(files / "c.yaml", files / "m.npz", overrides)
    return str(files / "m.npz")


def bounds_of(files: pathlib.Path, *options: str) -> list[dict[str, Any]]:
    said = lattice("bound", "train.npz", "--proposal", "m.npz", "--json", *options, cwd=files).stdout
    return [json.loads(line) for line in said.splitlines()]


@pytest.mark.parametrize("reading", READINGS)
def test_the_bounds_of_the_records_are_what_training_reported(files: pathlib.Path, reading: str) -> None:
    """A step of L-BFGS ends with the objective at the weights that are written."""
    trained(files, *READINGS[reading])
    epoch = read_model(str(files / "m.npz")).about["epoch"]
    found = bounds_of(files)
    assert all(each["beta"] == 0.8 and each["gap"] >= 0 for each in found)
    assert np.mean([each["bound_on_nll"] for each in found]) == pytest.approx(epoch["loss"], abs=1e-9)
    exact = [each["free_energy"] - each["free_energy_of_all"] for each in found]
    assert np.mean(exact) == pytest.approx(epoch["nll"], abs=1e-9)
    for each in found:
        assert each["bound"] - each["free_energy"] == pytest.approx(each["gap"], abs=1e-9)


def one(path: str, rows: int | None = None, **asked: Any) -> Any:
    """The bound of a record of the training data; rows: of its first ones only, and of its first label."""
    held = load_model_with_proposal(path)
    assert held is not None
    source = str(pathlib.Path(path).parent / "train.npz")
    record = next(each for each in read_inputs(source, ReadOptions()) if hasattr(each, "values"))
    if rows is not None:
        record = replace(record, values=record.values[:rows], target=record.target[:1])
    return model_bounds(record, 0, BoundRequest(**asked), *held), record, *held


@pytest.mark.parametrize(("reading", "rows"), [("bigrams", 9), ("bigrams", 14), ("ctc and bigrams", 4)])
def test_a_bound_is_that_of_its_paths_one_by_one(files: pathlib.Path, reading: str, rows: int) -> None:
    """p and q by what the model recognises with its own and with q's weights, through its grammar, all paths listed."""
    found, record, model, parameters = one(trained(files, *READINGS[reading]), rows, beta=1.3)
    assert isinstance(found, RecordBounds)
    of_q = {**parameters, **{name[2:]: each for name, each in parameters.items() if name.startswith("q.")}}
    right = with_columns(model.graph, model.right_energies(parameters)[0])
    free = with_columns(right, np.where(np.isfinite(model.reading_columns), 0.0, np.inf))
    target = target_acceptor([tuple(record.target)], right.labels)
    energies, everything = [], 0.0
    for weights, grammar in ((parameters, right), (of_q, free)):
        whole = compose(model.recognized(record, weights).graph, grammar).graph
        spelled = compose(whole, target).graph
        energies.append([path.energy for path in oracle.all_paths(spelled)])
        if grammar is right:
            everything = -math.log(sum(math.exp(-1.3 * path.energy) for path in oracle.all_paths(whole))) / 1.3
    total = math.log(sum(math.exp(-energy) for energy in energies[1]))
    log_q = [-energy - total for energy in energies[1]]
    bound = sum(math.exp(log) * (energy + log / 1.3) for energy, log in zip(energies[0], log_q))
    assert found.bound.bound == pytest.approx(bound, abs=1e-8)
    assert found.everything == pytest.approx(everything, abs=1e-8)
    assert found.of_loss == pytest.approx(bound - everything, abs=1e-8)


def test_q_is_fitted_and_sampled_like_any_other(files: pathlib.Path) -> None:
    trained(files)
    for each in bounds_of(files, "--fit", "60", "--samples", "50", "--importance", "2"):
        assert each["gap"] < 1e-8
        assert each["fit"][0]["gap"] >= each["gap"]
        assert each["sampled"]["bound"] == pytest.approx(each["free_energy"], abs=1e-3)


def test_a_training_that_goes_on_and_one_that_starts_from_a_model_have_its_q(files: pathlib.Path) -> None:
    adam = ("optimizer.method=adam", "training.batch=4")
    path = trained(files, *adam, "training.epochs=1")
    first = read_model(path).parameters
    train(files / "c.yaml", path, [*adam, "training.epochs=2"], resume=True)
    train(files / "c.yaml", files / "whole.npz", [*adam, "training.epochs=2"])
    went_on, whole = (read_model(str(files / name)).parameters for name in ("m.npz", "whole.npz"))
    assert [name for name in went_on if name.startswith("q.")]
    assert all(np.array_equal(array, whole[name]) for name, array in went_on.items())
    train(files / "c.yaml", path, [*adam, "training.start=whole.npz", "training.epochs=1", "optimizer.rate=1e-12"])
    started = read_model(path).parameters
    for name, array in whole.items():
        np.testing.assert_allclose(started[name], array, atol=1e-9)
    assert any(not np.array_equal(first[name], array) for name, array in whole.items())


def test_show_tells_of_q_and_recognising_needs_none(files: pathlib.Path) -> None:
    path = trained(files)
    size = sum(array.size for name, array in read_model(path).parameters.items() if name.startswith("q."))
    told = json.loads(lattice("show", "m.npz", "--json", cwd=files).stdout)
    assert told["q"] == {"parameters": size}
    assert told["recognizer"]["parameters"] == size
    assert f"a second one of the same form, {size} parameters" in lattice("show", "m.npz", cwd=files).stdout
    _, parameters = load_model(path)
    assert not [name for name in parameters if name.startswith("q.")]


def without_q(path: str) -> None:
    """As models were before they kept it."""
    stored = read_model(path)
    kept = {name: array for name, array in stored.parameters.items() if not name.startswith("q.")}
    write_model(path, stored.about, kept, stored.grammar, stored.alignment)


def test_models_without_q_are_read_and_have_no_bound(files: pathlib.Path) -> None:
    path = trained(files)
    with_q = lattice("recognize", "m.npz", "train.npz", cwd=files).stdout
    without_q(path)
    assert lattice("recognize", "m.npz", "train.npz", cwd=files).stdout == with_q
    assert json.loads(lattice("show", "m.npz", "--json", cwd=files).stdout)["q"] is None
    with pytest.raises(UsageError, match="a model without a q, expected one trained with objective: variational"):
        load_model_with_proposal(path)
    trained(files, "objective.q=arcs")
    said = lattice("bound", "train.npz", "--proposal", "m.npz", cwd=files, status=2).stderr
    assert "q: arcs has numbers for its training examples only" in said


def test_damaged_weights_of_q_are_named(files: pathlib.Path) -> None:
    path = trained(files)
    stored = read_model(path)
    name = next(name for name in stored.parameters if name.startswith("q."))
    write_model(path, stored.about, {**stored.parameters, name: np.zeros(3)}, stored.grammar, stored.alignment)
    with pytest.raises(FormatError, match=rf"weights '{name}': \(3,\), expected shape"):
        load_model_with_proposal(path)


def test_what_does_not_fit_is_said(files: pathlib.Path) -> None:
    path = trained(files)
    (files / "g.json").write_text('{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "a"]]}')
    said = lattice("bound", "train.npz", "--proposal", "m.npz", "-g", "g.json", cwd=files, status=2).stderr
    assert "a model reads through its own grammar, expected no other" in said
    assert "g.json" in lattice("bound", "g.json", "--proposal", "m.npz", cwd=files, status=3).stderr
    inputs, _ = strips(1, 1)
    np.savez(files / "plain.npz", inputs=inputs[0], lengths=[len(inputs[0])])
    assert "has no target" in lattice("bound", "plain.npz", "--proposal", "m.npz", cwd=files, status=3).stderr
    held = load_model_with_proposal(path)
    assert held is not None
    _, record, *_ = one(path)
    assert isinstance(model_bounds(replace(record, target=record.target[0] * 40), 0, BoundRequest(), *held), NoPath)

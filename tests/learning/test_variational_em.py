"""Variational training: the bound against plain enumeration, its gradients, what alternates, what is reported."""

from __future__ import annotations

import json
import math
import pathlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.commands import lattice
from support.learning import GRAMMARS, SETTINGS, examples, grammar_named, model_of
from support.strategies import LABELS
from support.training_data import strips, write_inputs

from lattice_cli.formats import read_model
from lattice_cli.graph import columns_of, member
from lattice_cli.learning.losses import LOSSES, AnswerGraphs, Batch, Objective
from lattice_cli.learning.optimizers import Adam, Alternating, Sgd
from lattice_cli.learning.training import Problem, examples_of
from lattice_cli.learning.variational.variational_em import evaluate_bound


@settings(max_examples=50)
@given(st.data(), st.sampled_from(GRAMMARS))
def test_the_bound_is_that_of_its_definition(data: st.DataObject, name: str) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    grammar = grammar_named(name, rng)
    reading = AnswerGraphs(grammar, LABELS)
    chosen = data.draw(examples(reading))
    if not chosen:
        return
    batch = Batch(chosen, reading, Objective(LOSSES["nll"], SETTINGS))
    size = sum(example.arcs(3) for example in chosen)
    left, proposal, right = rng.normal(size=size), rng.normal(size=size), columns_of(grammar)
    outcome = evaluate_bound(batch, left, right, proposal)
    exact = batch.evaluate(left, right)
    np.testing.assert_allclose(outcome.exact, exact.values, atol=1e-9)
    assert (outcome.values >= outcome.exact - 1e-9).all()
    beta = SETTINGS.beta
    p_graph, q_graph = batch.correct.at(left, right), batch.correct.proposal(proposal)
    for number in range(len(chosen)):
        ours, theirs = (oracle.all_paths(member(each, number)) for each in (p_graph, q_graph))
        energies = {(path.arcs, path.nodes): path.energy for path in ours}
        total = math.log(sum(math.exp(-path.energy) for path in theirs))
        found = 0.0
        for path in theirs:
            log_q = -path.energy - total
            found += math.exp(log_q) * (energies[path.arcs, path.nodes] + log_q / beta)
        free = -math.log(sum(math.exp(-beta * path.energy) for path in ours)) / beta
        assert outcome.values[number] - outcome.exact[number] == pytest.approx(found - free, abs=1e-8)


@settings(max_examples=40)
@given(st.data(), st.sampled_from(GRAMMARS))
def test_gradients_of_the_bound_reach_all_three_sides(data: st.DataObject, name: str) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    grammar = grammar_named(name, rng)
    reading = AnswerGraphs(grammar, LABELS)
    chosen = data.draw(examples(reading))
    if not chosen:
        return
    batch = Batch(chosen, reading, Objective(LOSSES["nll"], SETTINGS))
    size, right = sum(example.arcs(3) for example in chosen), columns_of(grammar)
    sides = [rng.normal(size=size), right, rng.normal(size=size)]
    of_grammar = np.where(np.isfinite(right), rng.normal(size=len(right)), 0.0)
    ways = [rng.normal(size=size), of_grammar, rng.normal(size=size)]
    outcome = evaluate_bound(batch, *sides)
    step = 1e-5
    plus, minus = (
        evaluate_bound(batch, *(side + sign * step * way for side, way in zip(sides, ways))).values.sum()
        for sign in (1, -1)
    )
    found = sum(float(each @ way) for each, way in zip((outcome.left, outcome.right, outcome.proposal), ways))
    assert found == pytest.approx((plus - minus) / (2 * step), rel=1e-6, abs=1e-6)


SEGMENTS: dict[str, Any] = {
    "recognizer": {"kind": "mlp", "hidden": [4]},
    "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1, "gap": 1.0, "widest": 3.0}},
    "grammar": {"ngram": 2},
}


@pytest.mark.parametrize("q", ["network", "arcs"])
@pytest.mark.parametrize("alignment", ["segments", "ctc"])
def test_the_gradient_by_every_weight(q: str, alignment: str) -> None:
    told = {**SEGMENTS, "objective": {"loss": "variational", "q": q, "l2": 0.1, "beta": 0.8}}
    if alignment == "ctc":
        told["alignment"] = {"kind": "ctc"}
    model, found = model_of("strips", told)
    problem = Problem(model, examples_of(model, found), 3)
    rng = np.random.default_rng(5)
    theta = problem.flat(problem.initial(rng))
    theta = theta + 0.3 * rng.normal(size=len(theta))
    value = problem.value(theta, problem.pieces)
    assert value.exact is not None
    assert value.mean > value.exact
    for _ in range(3):
        along = rng.normal(size=len(theta))
        plus, minus = (problem.value(theta + sign * 1e-5 * along, problem.pieces) for sign in (1, -1))
        measured = (plus.objective - minus.objective) / 2e-5
        assert value.gradient @ along == pytest.approx(measured, rel=1e-6, abs=1e-7)


def test_q_with_the_weights_of_the_model_closes_the_gap_where_nothing_else_has_energies() -> None:
    """At beta 1 and without energies of the grammar, the model's own energies are those of the posterior."""
    told = {**SEGMENTS, "grammar": {}, "objective": "variational"}
    model, found = model_of("strips", told)
    problem = Problem(model, examples_of(model, found), 3)
    parameters = problem.initial(np.random.default_rng(2))
    own = {f"q.{name}": array for name, array in model.recognizer_parameters(parameters).items()}
    value = problem.value(problem.flat({**parameters, **own}), problem.pieces)
    assert value.mean == pytest.approx(value.exact, abs=1e-9)
    other = problem.value(problem.flat(parameters), problem.pieces)
    assert other.exact == pytest.approx(value.exact)
    assert other.mean > value.mean + 1e-6


def test_alternating_moves_one_part_at_a_time_and_goes_on() -> None:
    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray]:
        return float(theta @ theta), 2 * theta

    def both() -> Alternating:
        return Alternating(Adam(0.1), Sgd(0.1), 2, 3)

    optimizer, theta = both(), np.arange(1.0, 6.0)
    standings = [theta]
    for _ in range(9):
        theta, _ = optimizer.step(theta, evaluate)
        standings.append(theta)
        saved = optimizer.state()
        optimizer = both()
        optimizer.restore(saved)
    moved = [(before != after).nonzero()[0].tolist() for before, after in pairwise(standings)]
    assert moved == [[2, 3, 4]] * 3 + [[0, 1]] * 3 + [[2, 3, 4]] * 3
    optimizer.scale = 0.5
    assert (optimizer.first.scale, optimizer.second.scale) == (0.5, 0.5)


TEXT = """
train: 1
data: {train: train.npz, validation: valid.npz}
recognizer: {kind: mlp, hidden: [20]}
alignment: {kind: segments, segments: {box: [4, 6], lowest: 0.1, gap: 0.6, widest: 1.5}}
objective: variational
optimizer: {rate: 0.02}
training: {epochs: 12, batch: 10}
"""


@pytest.fixture
def images(tmp_path: pathlib.Path) -> pathlib.Path:
    write_inputs(tmp_path / "train.npz", *strips(80, 1))
    write_inputs(tmp_path / "valid.npz", *strips(40, 2))
    (tmp_path / "c.yaml").write_text(TEXT)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("settings_of", [[], ["objective.q=arcs"], ["objective.alternate=4"]])
def test_a_latent_segmentation_is_learned(images: pathlib.Path, settings_of: list[str]) -> None:
    overrides = [part for each in settings_of for part in ("--set", each)]
    lines = lattice("train", "c.yaml", "-o", "m.npz", "--json", *overrides, cwd=images).stdout.splitlines()
    epochs = [json.loads(line) for line in lines[:-1]]
    assert all(epoch["loss"] >= epoch["nll"] for epoch in epochs)
    assert epochs[-1]["nll"] < 0.5 * epochs[0]["nll"]
    assert min(epoch["label_error"] for epoch in epochs) < 0.1
    stored = read_model(str(images / "m.npz"))
    kept = [name.removeprefix("q.") for name in stored.parameters if name.startswith("q.")]
    own = [name for name in stored.parameters if not name.startswith(("q.", "grammar."))]
    assert kept == ([] if "objective.q=arcs" in settings_of else own)
    graphs = lattice("recognize", "m.npz", "valid.npz", cwd=images).stdout
    found = json.loads(lattice("evaluate", "-", "--json", cwd=images, stdin=graphs).stdout)
    assert found["labels"]["rate"] == pytest.approx(min(epoch["label_error"] for epoch in epochs))


@pytest.mark.slow
def test_it_goes_on_to_the_bit(images: pathlib.Path) -> None:
    by_turns = ("--set", "objective.alternate=3")
    told = lattice("train", "c.yaml", "-o", "a.npz", "--set", "training.epochs=1", *by_turns, cwd=images)
    assert "  nll " in told.stdout
    assert "epoch 1  bound " in told.stdout
    more = ("--set", "training.epochs=3", *by_turns)
    lattice("train", "c.yaml", "-o", "a.npz", "--resume", *more, cwd=images)
    lattice("train", "c.yaml", "-o", "b.npz", *more, cwd=images)
    ours, theirs = (read_model(str(images / name)).parameters for name in ("a.npz", "b.npz"))
    assert all(np.array_equal(array, theirs[name]) for name, array in ours.items())


@pytest.mark.parametrize(
    ("given_settings", "status", "message"),
    [
        (["objective=nll", "objective.q=arcs"], 2, "are for loss: variational, but loss is nll"),
        (["objective.latent=viterbi"], 2, "a variational bound is on the sum over paths"),
        (["objective.alternate=2", "optimizer.method=lbfgs"], 2, "objective.alternate is for adam and sgd"),
        (["objective.q=free"], 2, "objective.q is free, expected one of network, arcs"),
        (["objective=variationl"], 2, "did you mean 'variational'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(images: pathlib.Path, given_settings: list[str], status: int, message: str) -> None:
    overrides = [part for each in given_settings for part in ("--set", each)]
    assert message in lattice("train", "c.yaml", *overrides, cwd=images, status=status).stderr

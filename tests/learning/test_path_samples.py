"""Gradients of bounds by samples of q: unbiased, against all tuples of paths, and against the exact ones on average."""

from __future__ import annotations

import itertools
import json
import math
import pathlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commands import LECTURE, lattice, run
from support.learning import model_of
from support.oracle import all_paths
from support.strategies import BETAS, connected_graphs, lecture_34, small
from support.training_data import strips, write_inputs

from lattice_cli.analysis import gibbs
from lattice_cli.formats import read_model
from lattice_cli.graph import Graph, columns_of, union, with_columns
from lattice_cli.learning.training import Problem, examples_of
from lattice_cli.learning.variational.path_samples import PathSamples, path_samples
from lattice_cli.learning.variational.proposal_fit import fit, gradient
from lattice_cli.search import drawn_counts
from lattice_cli.sweep import LogSemiring, schedule_of, sweep


def other_energies(graph: Graph, seed: int) -> Graph:
    """The same graph at other energies everywhere."""
    columns = columns_of(graph)
    drawn = np.random.default_rng(seed).normal(size=len(columns))
    return with_columns(graph, np.where(np.isfinite(columns), drawn, np.inf))


def counts_of(graph: Graph, path: Any) -> np.ndarray:
    """(columns,) of a path."""
    found = np.zeros(graph.arcs + 2 * graph.nodes)
    np.add.at(found, list(path.arcs), 1.0)
    found[graph.arcs + path.nodes[0]] += 1
    found[graph.arcs + graph.nodes + path.nodes[-1]] += 1
    return found


def listed(graph: Graph, q: Graph, beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(paths, columns) counts, (paths,) probabilities under q and r, of all paths."""
    ours, theirs = all_paths(graph), all_paths(q)
    total = math.log(math.fsum(math.exp(-path.energy) for path in theirs))
    log_q = np.array([-path.energy - total for path in theirs])
    counts = np.array([counts_of(graph, path) for path in ours])
    return counts, np.exp(log_q), np.array([path.energy for path in ours]) + log_q / beta


@settings(max_examples=60)
@given(connected_graphs(energies=small, max_nodes=4, max_arcs=5), st.integers(0, 100), BETAS, st.sampled_from([2, 3]))
def test_the_mean_over_all_tuples_of_paths_is_the_exact_gradient(graph: Graph, seed: int, beta: float, n: int) -> None:
    """No number is drawn here: every tuple of paths, with its probability."""
    q = other_energies(graph, seed)
    counts, probability, values = listed(graph, q, beta)
    if len(values) ** n > 400:
        return
    member = np.zeros(counts.shape[1], dtype=np.intp)
    expected, by_p = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for chosen in itertools.product(range(len(values)), repeat=n):
        drawn = list(chosen)
        samples = PathSamples(counts[drawn], values[drawn][:, None], member)
        weight = probability[drawn].prod()
        expected += weight * samples.gradient
        by_p += weight * samples.mean_counts
        baseline = [(values[drawn].sum() - values[each]) / (n - 1) for each in drawn]
        np.testing.assert_allclose(samples.controlled[:, 0], values[drawn] - baseline, atol=1e-9)
    np.testing.assert_allclose(expected, gradient(graph, q, beta, schedule_of(graph)), atol=1e-8)
    np.testing.assert_allclose(by_p, probability @ counts, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_paths_are_drawn_with_their_probabilities(seed: int) -> None:
    """Of a union, whose members start and end at several nodes."""
    ends = Graph([0, 1, 0, 2], [1, 2, 2, 3], [1, 2, 1, 2], [1, 2, 1, 2], np.zeros(4), [0, 1, 9, 9], [9, 2, 0.5, 0],
                 ("", "a", "b"))  # fmt: skip
    parts = [lecture_34(), ends]
    graph, paths = union(parts), 20_000
    q = other_energies(graph, seed)
    drawn = drawn_counts(q, 1.0, paths, np.random.default_rng(seed))
    samples = path_samples(graph, q, 1.3, paths, np.random.default_rng(seed))
    counts = drawn.counts(graph.arcs + 2 * graph.nodes)
    np.testing.assert_array_equal(samples.counts, counts)
    for number, part in enumerate(parts):
        columns = np.flatnonzero(samples.member == number)
        own = with_columns(part, columns_of(q)[columns])
        every, probability, values = listed(part, own, 1.3)
        place = {row.tobytes(): index for index, row in enumerate(every)}
        found = np.array([place[np.ascontiguousarray(row).tobytes()] for row in counts[:, columns]])
        share = np.bincount(found, minlength=len(every)) / paths
        assert (abs(share - probability) <= 4.5 * np.sqrt(probability * (1 - probability) / paths) + 1e-12).all()
        np.testing.assert_allclose(drawn.log_probability[:, number], np.log(probability)[found], atol=1e-9)
        np.testing.assert_allclose(samples.values[:, number], values[found], atol=1e-9)


@pytest.mark.parametrize("paths", [2, 5])
def test_estimates_with_cycles_are_unbiased_too(paths: int) -> None:
    """Thousands of estimates at once, as the members of a union; within four standard errors of the exact gradient."""
    start, final, label = [0, np.inf, np.inf], [np.inf, 1, 0], [1, 2, 1, 2]
    loops = Graph([0, 0, 1, 1], [0, 1, 1, 2], label, label, [0.9, 0.1, 1.1, 0.4], start, final, ("", "a", "b"))
    q, copies = with_columns(loops, np.where(np.isfinite(columns_of(loops)), columns_of(loops) + 0.4, np.inf)), 4000
    exact = gradient(loops, q, 0.8, schedule_of(loops))
    graph, proposal = (union([each] * copies) for each in (loops, q))
    found = path_samples(graph, proposal, 0.8, paths, np.random.default_rng(paths))
    for each in range(len(exact)):
        arcs, nodes = loops.arcs, loops.nodes
        first, step = (
            (each, arcs)
            if each < arcs
            else (copies * arcs + (each - arcs) % nodes + (each - arcs) // nodes * copies * nodes, nodes)
        )
        own = found.gradient[first : first + copies * step : step]
        assert abs(own.mean() - exact[each]) <= 4 * own.std(ddof=1) / math.sqrt(copies) + 1e-12


def test_variances_are_those_of_the_estimates_from_one_path() -> None:
    """Without a control, against all paths; with it, it falls to nothing where q is p."""
    graph, beta = lecture_34(), 1.0
    q = other_energies(graph, 3)
    counts, probability, values = listed(graph, q, beta)
    posterior = probability @ counts
    terms = values[:, None] * (posterior - counts)
    exact = float((probability @ terms**2 - (probability @ terms) ** 2).sum())
    plain, controlled = path_samples(graph, q, beta, 40_000, np.random.default_rng(0)).variances(posterior, np.copy)
    assert plain == pytest.approx(exact, rel=0.05)
    assert 0 < controlled < 0.8 * plain
    found = sweep(gibbs(graph, 1.0), LogSemiring(1.0)).pullback()
    same = path_samples(graph, gibbs(graph, 1.0), 1.0, 50, np.random.default_rng(0))
    assert same.variances(np.concatenate([found.arcs, found.start, found.final]), np.copy)[1] < 1e-20
    assert abs(same.gradient).max() < 1e-12


def test_a_fit_by_samples_comes_near_the_exact_one() -> None:
    graph = lecture_34()

    def fitted(tie: str, by: str, every: int = 300) -> Any:
        rng = np.random.default_rng(1)
        return [row for row, _ in fit(graph, gibbs(graph, 0.0), 1.0, tie, 300, every, 20, rng, by)]

    assert fitted("arc", "samples")[-1].bound.gap < 1e-3
    exact = fitted("label", "exact")[-1].bound.gap
    assert exact - 1e-9 <= fitted("label", "samples")[-1].bound.gap < exact + 0.05
    assert fitted("label", "samples", 7)[-1].bound == fitted("label", "samples")[-1].bound


SEGMENTS: dict[str, Any] = {
    "recognizer": {"kind": "mlp", "hidden": [4]},
    "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1, "gap": 1.0, "widest": 3.0}},
    "grammar": {"ngram": 2},
}


@pytest.mark.parametrize("q", ["network", "arcs"])
@pytest.mark.parametrize("paths", [2, 6])
def test_gradients_of_training_by_samples_are_unbiased(q: str, paths: int) -> None:
    """By the weights of the recogniser, of the grammar and of q."""
    told = {**SEGMENTS, "objective": {"loss": "variational", "q": q, "beta": 0.8, "samples": paths}}
    model, found = model_of("strips", told)
    problem = Problem(model, examples_of(model, found), 3)
    rng = np.random.default_rng(5)
    theta = problem.flat(problem.initial(rng))
    theta = theta + 0.3 * rng.normal(size=len(theta))
    exact = problem.value(theta, problem.pieces)
    assert exact.variances is None
    model_only = np.arange(len(theta)) < problem.of_model
    ways = [rng.normal(size=len(theta)) * part for part in (model_only, ~model_only) for _ in range(3)]
    estimates = [problem.value(theta, problem.pieces, [seed]) for seed in range(250)]
    assert {each.mean for each in estimates} == {exact.mean}
    for way in ways:
        along = np.array([each.gradient @ way for each in estimates])
        assert along.std() > 0
        assert abs(along.mean() - exact.gradient @ way) <= 4 * along.std(ddof=1) / math.sqrt(len(along))
    plain, controlled = np.mean([each.variances for each in estimates], axis=0)
    assert 0 < controlled < plain


TEXT = """
train: 1
data: {train: train.npz}
recognizer: {kind: mlp, hidden: [8]}
alignment: {kind: segments, segments: {box: [4, 6], lowest: 0.1, gap: 0.6, widest: 1.5}}
objective: {loss: variational, samples: 3}
training: {epochs: 2, batch: 4}
"""


@pytest.fixture
def images(tmp_path: pathlib.Path) -> pathlib.Path:
    write_inputs(tmp_path / "train.npz", *strips(12, 1))
    (tmp_path / "c.yaml").write_text(TEXT)
    return tmp_path


def test_training_by_samples_tells_its_variances_and_goes_on_to_the_bit(images: pathlib.Path) -> None:
    lattice("train", "c.yaml", "-o", "a.npz", "--set", "training.epochs=1", cwd=images)
    lattice("train", "c.yaml", "-o", "a.npz", "--resume", cwd=images)
    said = lattice("train", "c.yaml", "-o", "b.npz", cwd=images).stdout
    assert "  variance " in said
    ours, theirs = (read_model(str(images / name)).parameters for name in ("a.npz", "b.npz"))
    assert all(np.array_equal(array, theirs[name]) for name, array in ours.items())
    history = [json.loads(line) for line in (images / "b.npz.history.jsonl").read_text().splitlines()]
    assert all(each["variance"] > 0 and each["variance_with_control"] >= 0 for each in history)
    exact = lattice("train", "c.yaml", "-o", "c.npz", "--set", "objective.samples=0", "--json", cwd=images).stdout
    assert "variance" not in exact


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        (["objective.samples=1"], "objective.samples: 1, but each path is measured against the others"),
        (["objective.samples=-1"], "objective.samples is -1"),
        (["optimizer.method=lbfgs"], "objective.samples is for adam and sgd, but optimizer.method is lbfgs"),
        (["objective.loss=nll"], "objective.samples are for loss: variational, but loss is nll"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_said(
    images: pathlib.Path, given_settings: list[str], message: str
) -> None:
    overrides = [part for each in given_settings for part in ("--set", each)]
    assert message in lattice("train", "c.yaml", *overrides, cwd=images, status=2).stderr


def test_bound_fits_by_samples(tmp_path: pathlib.Path) -> None:
    told = ("bound", LECTURE, "--fit", "80", "--gradient=samples", "--samples", "20", "--json")
    (found,) = [json.loads(line) for line in run(*told).out.splitlines()]
    assert found["gap"] < 0.01 < found["fit"][0]["gap"]
    assert run(*told).out == run(*told).out
    alone = lattice(*told[:5], status=2, cwd=tmp_path).stderr
    assert "--gradient samples measures each path against the others, expected --samples N of at least 2" in alone
    idle = lattice("bound", LECTURE, "--gradient", "exact", status=2, cwd=tmp_path).stderr
    assert "--gradient makes no difference without --fit" in idle

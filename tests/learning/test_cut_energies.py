"""Energies of cuts: what is seen of them, what paths pay for them, and their posteriors, against plain enumeration."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.learning import model_of

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import bind
from lattice_cli.graph import Document, Inputs
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import CutEnergySettings, check_recognizer
from lattice_cli.learning.segmentation import CUT_SIZE, Segmenter
from lattice_cli.learning.segmentation.cut_features import SEEN
from lattice_cli.learning.segmentation.cuts import contour_distance, crossing_ink
from lattice_cli.learning.training import Model, Problem, TrainConfig, examples_of

SEGMENTS = {"box": [4, 6], "lowest": 0.1, "piece": 0.2, "crossing": 5.0, "widest": 2.0}


def cut_model(cuts: Any = "linear", **more: Any) -> tuple[Model, list[Inputs | Document]]:
    alignment = {"kind": "segments", "segments": SEGMENTS, "cuts": cuts}
    return model_of("strips", {"recognizer": {"kind": "linear"}, "alignment": alignment, **more})


def random_weights(model: Model, seed: int) -> Parameters:
    rng = np.random.default_rng(seed)
    start = model.initial(rng)
    return {name: each + 0.3 * rng.normal(size=each.shape) for name, each in start.items()}


def energies_of_cuts(model: Model, record: Inputs | Document, parameters: Parameters) -> list[float]:
    """Of the inner cuts of a field, one dot product each."""
    around = model.recognizer.example(record).around
    assert around is not None
    weight, bias = parameters["cuts.layer0.weight"], parameters["cuts.layer0.bias"]
    return [sum(float(x) * w for x, w in zip(row, weight[:, 0])) + float(bias[0]) for row in around]


def paths(document: Document) -> list[list[int]]:
    """All of them, as arcs."""
    graph = document.graph
    leaving: dict[int, list[int]] = {}
    for arc, tail in enumerate(graph.src.tolist()):
        leaving.setdefault(tail, []).append(arc)
    found, open_paths = [], [([], 0)]
    while open_paths:
        path, node = open_paths.pop()
        if node == graph.nodes - 1:
            found.append(path)
        open_paths += [([*path, arc], int(graph.dst[arc])) for arc in leaving.get(node, [])]
    return found


def test_a_path_pays_for_each_cut_that_it_makes_and_for_no_other() -> None:
    model, found = cut_model()
    parameters = random_weights(model, 1)
    free = {**parameters, **{name: 0 * each for name, each in parameters.items() if name.startswith("cuts.")}}
    for record in found:
        with_cuts, without = model.recognized(record, parameters), model.recognized(record, free)
        inner = energies_of_cuts(model, record, parameters)
        for path in itertools.islice(paths(with_cuts), 200):
            cost = sum(inner[int(head) - 1] for head in with_cuts.graph.dst[path[:-1]])
            own = sum(float(without.graph.energy[arc]) for arc in path)
            assert sum(float(with_cuts.graph.energy[arc]) for arc in path) == pytest.approx(own + cost, abs=1e-9)


def test_graphs_have_both_parts_as_named_scores() -> None:
    model, found = cut_model({"kind": "mlp", "hidden": [3]})
    parameters = random_weights(model, 2)
    free = {**parameters, **{name: 0 * each for name, each in parameters.items() if name.startswith("cuts.")}}
    for record in found:
        document = model.recognized(record, parameters)
        assert set(document.scores) == {"segments", "cuts"}
        assert np.array_equal(document.graph.energy, document.scores["segments"] + document.scores["cuts"])
        assert np.array_equal(document.scaled({"cuts": 0.0}).graph.energy, model.recognized(record, free).graph.energy)
    assert not model_of("strips", {"alignment": {"kind": "segments"}})[0].recognized(found[0], {
        "layer0.weight": np.zeros((Segmenter().size, 3)), "layer0.bias": np.zeros(3)
    }).scores  # fmt: skip


def test_the_derivative_by_a_cut_is_the_difference_of_its_posteriors() -> None:
    """Of the bias of cuts under nll: how many cuts are expected on correct paths, minus on all, by enumeration."""
    model, found = cut_model()
    parameters = random_weights(model, 3)
    problem = Problem(model, examples_of(model, found), 2)
    value = problem.value(problem.flat(parameters), problem.pieces)
    expected = 0.0
    for record in found:
        document = model.recognized(record, parameters)
        graph = document.graph
        sums = {True: [0.0, 0.0], False: [0.0, 0.0]}
        for path in paths(document):
            weight = math.exp(-sum(float(graph.energy[arc]) for arc in path))
            text = "".join(graph.labels[graph.olabel[arc]] for arc in path)
            for kind in (True, False) if text == record.target else (False,):
                sums[kind][0] += weight
                sums[kind][1] += weight * (len(path) - 1)
        expected += sums[True][1] / sums[True][0] - sums[False][1] / sums[False][0]
    by_name = problem.parameters(value.gradient)
    assert float(by_name["cuts.layer0.bias"][0]) == pytest.approx(expected / len(found), abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 12), st.floats(0.05, 0.9))
def test_what_is_seen_of_a_cut(seed: int, columns: int, rows: int, part: float) -> None:
    """Against one pixel after the other."""
    rng = np.random.default_rng(seed)
    image = np.where(rng.random((columns, rows)) < part, rng.uniform(0.2, 1.0, (columns, rows)), 0.0)
    image[rng.integers(columns), rng.integers(rows)] = 1.0
    segmenter = Segmenter(speck=0.0, crossing=1.5, piece=0.1, spacing=0.0)
    found = segmenter.segment(image, around=True)
    ink = image > segmenter.ink
    cost = crossing_ink(image) + contour_distance(ink)
    cuts = found.cuts.tolist()
    assert found.around is not None
    assert found.around.shape == (len(cuts) - 2, CUT_SIZE)
    for place, cut in enumerate(cuts[1:-1]):
        reach = max(1, round(0.15 * rows))
        lowest = [c for c in range(1, columns) if cost[c] <= cost[c - 1] and cost[c] <= cost[c + 1]]
        left = next((n for n in range(cut) if ink[cut - 1 - n].any()), cut)
        right = next((n for n in range(columns - cut) if ink[cut + n].any()), columns - cut)
        seen = [
            crossing_ink(image)[cut],
            contour_distance(ink)[cut],
            cost[cut] - min(cost[max(0, cut - reach) : cut + reach + 1]),
            min((abs(cut - each) for each in lowest), default=0),
            cut - cuts[place],
            cuts[place + 2] - cut,
            left,
            right,
        ]
        for width in (max(1, round(stretch * rows)) for stretch in (0.04, 0.1, 0.2, 0.35)):
            for part_of in (slice(max(0, cut - width), cut), slice(cut, cut + width)):
                used = [row for row in range(rows) if ink[part_of, row].any()]
                seen += [image[part_of].sum() / width, used[0] if used else 0, used[-1] + 1 if used else 0]
        assert found.around[place] * rows == pytest.approx(np.array(seen), abs=1e-9)
    assert len(SEEN) + 24 == CUT_SIZE


def test_a_field_without_inner_cuts_costs_nothing() -> None:
    model, _ = cut_model()
    bar = np.zeros((3, 6))
    bar[1] = 1.0
    document = model.recognized(Inputs("bar", "test", bar), random_weights(model, 4))
    assert document.graph.nodes == 2
    assert not document.scores["cuts"].any()


def test_the_check_of_a_recogniser_goes_through_the_cuts() -> None:
    model, found = cut_model({"kind": "mlp", "hidden": [4]})
    examples = [model.recognizer.example(each) for each in found]
    own = model.recognizer_parameters(random_weights(model, 5))
    told = check_recognizer(model.recognizer, own, examples, np.random.default_rng(0))
    assert not told.failed


@pytest.mark.parametrize(
    ("alignment", "message"),
    [
        ({"kind": "whole", "cuts": "linear"}, "alignment.cuts: linear is for alignment.kind: segments, but"),
        ({"kind": "segments", "cuts": "mlp"}, "alignment.cuts.hidden: an mlp needs at least one hidden layer"),
        (
            {"kind": "segments", "cuts": {"kind": "linear", "hidden": [3]}},
            "alignment.cuts.hidden is for kind: mlp, but kind is linear",
        ),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other(alignment: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model_of("strips", {"alignment": alignment})


def test_a_kind_that_there_is_not() -> None:
    with pytest.raises(FormatError, match=r"alignment\.cuts\.kind is 'learned', expected one of none, linear, mlp"):
        bind(TrainConfig, {"alignment": {"kind": "segments", "cuts": "learned"}}, "test")
    assert CutEnergySettings().network is None

"""Targets of several right answers: losses and training sum over them, as `-t A -t B` does; round trips; refusals."""

from __future__ import annotations

import json
import math
import pathlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commands import records, run
from support.learning import GRAMMARS, SETTINGS, examples, grammar_named, model_of
from support.oracle import all_paths, edit_distance, soft_minimum
from support.strategies import LABELS
from support.training_data import vectors, write_inputs

from lattice_cli.analysis import picture, with_reference
from lattice_cli.composition import compose
from lattice_cli.graph import AnyOf, Document, Graph, columns_of
from lattice_cli.learning.losses import LOSSES, AnswerGraphs, Batch, LossResult, Objective, evaluate
from lattice_cli.learning.losses.free_answers import FreeAnswers
from lattice_cli.learning.recognizers import Example, first_arcs
from lattice_cli.learning.training import Problem, Validation, examples_of
from lattice_cli.records import Decoder, SearchRequest

#: Two right answers, of which the second is the best path's; three are not.
RECORD = {
    "lattice": 1,
    "id": "a",
    "target": {"any": ["34", ["5", "9"]]},
    "start": 0,
    "final": 2,
    "arcs": [[0, 1, "3", 0.1], [0, 1, "5", 0.05], [1, 2, "4", 0.4], [1, 2, "9", 0.2]],
}


@settings(max_examples=25)
@given(st.data(), st.sampled_from(GRAMMARS))
def test_losses_of_several_right_answers(data: st.DataObject, name: str) -> None:
    """Against the loss command's for the same targets; nll and mwer against all paths; gradients by differences."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    grammar = grammar_named(name, rng)
    reading = AnswerGraphs(grammar, LABELS)
    chosen = data.draw(examples(reading))
    if not chosen:
        return
    more = st.lists(st.sampled_from(LABELS[1:]), max_size=3).map(tuple)
    others = [data.draw(st.lists(more, max_size=2)) for _ in chosen]
    chosen = [replace(each, targets=(*each.targets, *own)) for each, own in zip(chosen, others)]
    right, ends = columns_of(grammar), first_arcs(chosen, 3)
    left = rng.normal(size=ends[-1]) + 3.0
    graphs = [each.recognition(LABELS, left[low:high]) for each, low, high in zip(chosen, ends, ends[1:])]
    decoder = Decoder(Document(grammar, "g", "g", range(grammar.nodes)))
    latents = {"nll": "forward", "hinge": "viterbi", "log": "forward", "mee": "forward", "mwer": ""}
    for loss, latent in latents.items():
        batch = Batch(chosen, reading, Objective(LOSSES[loss], SETTINGS, latent))
        outcome = batch.evaluate(left, right)
        for number, (example, graph) in enumerate(zip(chosen, graphs)):
            document = Document(graph, "r", "test", range(graph.nodes), target=AnyOf(example.targets))
            (own,) = evaluate([document], [LOSSES[loss]], SETTINGS, None, decoder, latent=latent or None)
            assert isinstance(own, list)
            assert isinstance(own[0], LossResult)
            assert outcome.values[number] == pytest.approx(own[0].value.value, abs=1e-9)
            paths = all_paths(compose(graph, grammar).graph)
            energies = [path.energy for path in paths]
            if loss == "nll":
                spelled = [path.energy for path in paths if path.output in example.targets]
                told = soft_minimum(spelled, SETTINGS.beta) - soft_minimum(energies, SETTINGS.beta)
                assert outcome.values[number] == pytest.approx(told, abs=1e-9)
            if loss == "mwer":
                least = min(energies)
                weights = [math.exp(-SETTINGS.beta * (energy - least)) for energy in energies]
                errors = [min(edit_distance(right_one, path.output) for right_one in example.targets) for path in paths]
                told = sum(w * e for w, e in zip(weights, errors)) / sum(weights)
                assert outcome.values[number] == pytest.approx(told, abs=1e-9)
        along = rng.normal(size=len(left))
        if loss != "hinge":
            plus, minus = (batch.evaluate(left + sign * 1e-5 * along, right).values.sum() for sign in (1, -1))
            assert outcome.left @ along == pytest.approx((plus - minus) / 2e-5, rel=1e-5, abs=1e-6)


@given(st.integers(0, 1000), st.sampled_from(["nll", "hinge", "mwer"]))
@settings(max_examples=20)
def test_ctc_without_a_grammar(seed: int, loss: str) -> None:
    """Chains are for one answer: of several it is the same as with the graphs."""
    rng = np.random.default_rng(seed)
    free = FreeAnswers(LABELS, 2)
    targets = ((("a",), ("a", "b")), (("b", "b"),))
    chosen = [Example(f"r{n}", "test", each, None, 3, np.zeros((3, 1)), range(4)) for n, each in enumerate(targets)]
    left = rng.normal(size=18)
    found = [
        Batch(chosen, reading, Objective(LOSSES[loss], SETTINGS)).evaluate(left, right)
        for reading, right in ((free, np.zeros(0)), (free._graphs, columns_of(free._graphs.grammar)))
    ]
    np.testing.assert_allclose(found[0].values, found[1].values, atol=1e-9)
    np.testing.assert_allclose(found[0].left, found[1].left, atol=1e-9)


def test_training_by_differences_and_nearest_in_validation() -> None:
    model, found = model_of("vectors", {"recognizer": {"kind": "linear"}, "grammar": {"ngram": 2}})
    several = [replace(each, target=AnyOf((str(each.target), "abc"[: len(str(each.target))]))) for each in found]
    taught = examples_of(model, several)
    problem = Problem(model, taught, 3)
    rng = np.random.default_rng(5)
    theta = problem.flat(model.initial(rng)) + 0.3 * rng.normal(size=len(problem.flat(model.initial(rng))))
    value = problem.value(theta, problem.pieces)
    for _ in range(3):
        along = rng.normal(size=len(theta))
        plus, minus = (problem.value(theta + sign * 1e-5 * along, problem.pieces) for sign in (1, -1))
        assert value.gradient @ along == pytest.approx((plus.objective - minus.objective) / 2e-5, rel=1e-6, abs=1e-7)
    parameters = problem.parameters(theta)
    validation = Validation(model, taught, problem.kept)
    told = [
        min((edit_distance(target, answer or ()), -len(target)) for target in example.targets)
        for example, answer in validation.answers(parameters)
    ]
    errors = validation.measured(parameters)
    assert errors.wrong == sum(wrong for wrong, _ in told)
    assert errors.exact == sum(wrong == 0 for wrong, _ in told)


def test_the_nearest_answer_in_the_graph_is_taught() -> None:
    settings_of = {"recognizer": {"kind": "linear"}, "objective": {"unspelled": "nearest"}}
    model, found = model_of("vectors", settings_of)
    # A label a row: neither can be spelled, and the second is one label short.
    record = replace(found[0], target=AnyOf(("a" * 9, str(found[0].target)[:-1])))
    problem = Problem(model, examples_of(model, [record]), 1)
    (example,) = problem.pieces[0].examples
    assert problem.replaced == 1
    (taught,) = example.targets
    assert len(taught) == example.rows
    assert edit_distance(tuple(str(found[0].target)[:-1]), taught) == 1


def loss_values(*arguments: str, text: str) -> list[float]:
    done = run("loss", "-", *arguments, "--json", text=text)
    assert (done.status, done.err) == (0, "")
    return [each["value"] for each in records(done.out) if "id" in each]


def test_the_loss_command_takes_them_from_the_record() -> None:
    without = {key: value for key, value in RECORD.items() if key != "target"}
    one = loss_values(text=json.dumps(RECORD))
    other = loss_values("-t", "34", "-t", "59", text=json.dumps(without))
    assert one == other
    assert len(one) == len(LOSSES)


@pytest.mark.parametrize("form", ["json", "yaml", "npz", "jsonl"])
def test_they_come_back_from_every_form_that_holds_a_target(form: str, tmp_path: pathlib.Path) -> None:
    file = tmp_path / f"x.{form}"
    assert run("convert", "-", str(file), text=json.dumps(RECORD)).status == 0
    (back,) = records(run("convert", str(file), "-", "--to", "jsonl").out)
    assert back["target"] == RECORD["target"]


def test_what_cannot_hold_them_says_so() -> None:
    refused = run("convert", "-", "-", "--to", "att", text=json.dumps(RECORD))
    assert refused.status == 2
    assert "cannot hold the target '34' or '5 9'" in refused.err
    tuned = run("tune", "-", text=json.dumps(RECORD))
    assert tuned.status == 2
    assert "scales are tuned by one right answer, found several: '34' or '5 9'" in tuned.err


def test_they_are_shown_and_passed_on_and_any_of_them_counts(tmp_path: pathlib.Path) -> None:
    text = json.dumps(RECORD)
    assert "34 or 5 9" in run("show", "-", text=text).out
    best = run("viterbi", "-", "-n", "4", "--json", text=text).out
    assert records(best)[0]["target"] == RECORD["target"]
    (tmp_path / "r.jsonl").write_text(json.dumps({"id": "a", "target": RECORD["target"]}) + "\n")
    for source, more in ((text, ["--oracle"]), (best, []), (text, ["-r", str(tmp_path / "r.jsonl")])):
        told = json.loads(run("evaluate", "-", *more, "--json", text=source).out)
        assert told["exact"]["count"] == 1, more
        assert told["labels"]["errors"] == 0
    wrong = {**RECORD, "target": {"any": ["33", "3441"]}}  # 59 is two errors from the first, four from the second
    told = json.loads(run("evaluate", "-", "--json", text=json.dumps(wrong)).out)
    assert (told["labels"]["errors"], told["labels"]["reference"]) == (2, 2)
    page = run("draw", "-", "--to", "html", "-o", "-", text=json.dumps(wrong))
    assert page.status == 0


def test_a_picture_has_the_path_nearest_to_any() -> None:
    """39 and 34 are one error from 33, and 39 is the better path; 59 is the best one, and four from 3441."""
    src, dst, label = [0, 0, 1, 1], [1, 1, 2, 2], [1, 3, 2, 4]
    ends = [0.0, math.inf, math.inf], [math.inf, math.inf, 0.0]
    graph = Graph(src, dst, label, label, [0.1, 0.05, 0.4, 0.2], *ends, ("", "3", "4", "5", "9"))
    document = Document(graph, "a", "test", range(3), target=AnyOf(("3441", ("3", "3"))))
    decoder = Decoder()
    nearest = with_reference(picture(document, 1.0, decoder, request=SearchRequest()), document, decoder).nearest
    assert nearest is not None
    assert (nearest.wanted, nearest.errors) == (("3", "3"), 1)
    assert tuple(nearest.path.output) == ("3", "9")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"any": []}, 'a target of no right answer, expected {"any": [...]} of one'),
        ({}, 'a target of no right answer, expected {"any": [...]} of one'),
        ({"all": ["x"]}, "unknown key 'all' in a target"),
        ({"any": [3]}, "an entry of any of the target is 3, expected a text or a list of labels"),
        ({"any": [["a", 3]]}, "is 3, expected"),
        ({"any": "34"}, "any of the target is '34', expected a list"),
        (3, 'target is 3, expected a text or a list of labels, {"any": [...]} for several that are right, or {"graph"'),
    ],
)
def test_what_is_not_a_target(target: Any, message: str) -> None:
    for record in ({**RECORD, "target": target}, {"lattice": 1, "target": target, "words": ["34"]}):
        done = run("loss", "-", text=json.dumps(record))
        assert done.status == 3
        assert message in done.err


@pytest.mark.slow
def test_a_training_from_files(tmp_path: pathlib.Path) -> None:
    inputs, texts = vectors(30, 1)
    targets = [{"any": [text, text[::-1]]} for text in texts]
    write_inputs(tmp_path / "train.npz", inputs, targets)
    lines = (
        json.dumps({"lattice": 1, "id": f"r{number}", "inputs": each.tolist(), "target": target})
        for number, (each, target) in enumerate(zip(inputs, targets))
    )
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    found = []
    for name in ("train.npz", "train.jsonl"):
        (tmp_path / "c.yaml").write_text(f"train: 1\ndata: {{train: {name}}}\ntraining: {{epochs: 3}}\n")
        done = run("train", "c.yaml", "-o", "m.npz", "--restart", "--json", cwd=tmp_path)
        assert (done.status, done.err) == (0, "")
        found.append([json.loads(line)["loss"] for line in done.out.splitlines()[:-1]])
    assert found[0] == found[1]
    passed = records(run("recognize", "m.npz", "train.npz", cwd=tmp_path).out)
    assert [each["target"] for each in passed] == targets

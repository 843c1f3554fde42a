"""Targets that are lattices: against their answers listed, energies against all paths, round trips, refusals."""

from __future__ import annotations

import json
import math
import pathlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.commands import records, run
from support.learning import GRAMMARS, SETTINGS, examples, grammar_named, model_of
from support.oracle import all_paths, edit_distance, fewest_errors, soft_minimum
from support.strategies import LABELS, graphs, moderate_energies
from support.training_data import vectors, write_inputs

from lattice_cli.analysis import assess, picture, with_reference
from lattice_cli.analysis.error_rates import best_errors
from lattice_cli.composition import compose
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.io import as_record
from lattice_cli.grammars import Spelling
from lattice_cli.graph import (
    AnyOf,
    Document,
    Graph,
    Target,
    TargetGraph,
    columns_of,
    complement_acceptor,
    determinize,
    linear_graph,
    target_acceptor,
)
from lattice_cli.learning.losses import LOSSES, AnswerGraphs, Batch, LossResult, Objective, evaluate
from lattice_cli.learning.losses.free_answers import FreeAnswers
from lattice_cli.learning.recognizers import Example, first_arcs
from lattice_cli.learning.training import Problem, Validation, examples_of
from lattice_cli.records import Decoder, SearchRequest
from lattice_cli.search import nearest_answer, oracle

#: Of the paths 34, 39, 54, 59 the second is the best; 34 and 39 are the same answer twice, once with an epsilon.
LATTICE = {
    "start": {"0": 0.5},
    "final": 3,
    "arcs": [[0, 1, "3", 0.0], [0, 1, "5", 0.7], [1, 2, "9", 0.0], [1, 3, "9", 0.2], [1, 2, "4", 0.3], [2, 3, None, 0]],
}
RECORD = {
    "lattice": 1,
    "id": "a",
    "target": {"graph": LATTICE},
    "start": 0,
    "final": 2,
    "arcs": [[0, 1, "3", 0.1], [0, 1, "5", 0.05], [1, 2, "4", 0.4], [1, 2, "9", 0.2], [1, 2, "7", 0.1]],
}


def losses_of(out: str) -> list[dict[str, Any]]:
    """Those of records, without the means."""
    return [each for each in records(out) if "id" in each]


#: What each answer of LATTICE costs.
COSTS = {"34": 0.8, "39": 0.5, "54": 1.5, "59": 1.2}


def costs_of(graph: Graph) -> dict[Target, float]:
    """Answer -> the least energy of its paths, from all of them."""
    found: dict[Target, float] = {}
    for path in all_paths(graph):
        found[path.output] = min(found.get(path.output, math.inf), path.energy)
    return found


@st.composite
def target_lattices(draw: st.DrawFn, weighted: bool | None = None) -> tuple[TargetGraph, dict[Target, float]]:
    """Small lattices with what their answers cost."""
    energies = moderate_energies if weighted or (weighted is None and draw(st.booleans())) else st.just(0.0)
    graph = draw(graphs(energies=energies, max_nodes=5, max_arcs=7))
    costs = costs_of(graph)
    assume(costs)
    return TargetGraph.of(graph, {}), costs


@given(target_lattices())
def test_each_answer_has_one_path_at_its_least_energy(found: tuple[TargetGraph, dict[Target, float]]) -> None:
    target, costs = found
    paths = all_paths(target.acceptor)
    assert len(paths) == len(costs) == target.count
    assert {path.output for path in paths} == set(costs)
    assert all(path.input == path.output and 0 not in target.acceptor.ilabel for path in paths)
    for path in paths:
        assert path.energy == pytest.approx(costs[path.output], abs=1e-8)
    assert target.weighted or not any(costs.values())
    for answer in [*costs, (), ("a",), ("a", "b"), ("z",)]:
        assert (answer in target) == (answer in costs)
    assert target.labels == tuple(sorted({label for answer in costs for label in answer}))


@given(target_lattices(), st.lists(st.sampled_from(LABELS[1:]), max_size=4).map(tuple))
def test_all_other_answers(found: tuple[TargetGraph, dict[Target, float]], answer: Target) -> None:
    target, costs = found
    others = complement_acceptor(target, LABELS, np.array([1, 2, 3]))
    said = linear_graph(LABELS, [LABELS.index(label) for label in answer])
    assert bool(compose(said, others).graph.nodes) == (answer not in costs)
    spelled = compose(said, target_acceptor(target, LABELS)).graph
    assert bool(spelled.nodes) == (answer in costs)
    if spelled.nodes:
        assert all_paths(spelled)[0].energy == pytest.approx(costs[answer], abs=1e-8)


def test_a_lattice_of_too_many_subsets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(determinize, "_MOST_NODES", 3)
    src, dst = [0, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 5]
    label = [1, 2, 1, 2, 1, 2]
    for energy in (0.0, 1.0):
        graph = Graph(src, dst, label, label, [energy] * 6, [0.0] + [9.0] * 5, [9.0] * 5 + [0.0], LABELS)
        with pytest.raises(UsageError, match="more than 3 nodes"):
            TargetGraph.of(graph, {})


@given(graphs(energies=moderate_energies, max_nodes=5, max_arcs=7), target_lattices())
def test_the_path_nearest_to_any_answer(graph: Graph, found: tuple[TargetGraph, dict[Target, float]]) -> None:
    target, costs = found
    expected = [each for answer in costs if (each := fewest_errors(graph, answer)) is not None]
    best = oracle(graph, target.acceptor)
    if not expected:
        assert best is None
        return
    assert best is not None
    errors, energy = min(expected)
    assert best.errors == errors
    assert best.path.energy == pytest.approx(energy, abs=1e-9)
    said = tuple(graph.words(graph.olabel[list(best.path.arcs)].tolist()))
    near = nearest_answer(target.acceptor, said)
    least = min((edit_distance(answer, said), costs[answer]) for answer in costs)
    assert least[0] == errors == edit_distance(near, said)
    assert costs[near] == pytest.approx(least[1], abs=1e-8)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Graph, list[Example], list[dict[Target, float]], np.ndarray]:
    """A grammar, examples whose targets are lattices that can be spelled, what the answers cost, and energies."""
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    grammar = grammar_named(draw(st.sampled_from(GRAMMARS)), rng)
    chosen, costs = [], []
    weighted = draw(st.booleans())
    for example in draw(examples(AnswerGraphs(grammar, LABELS))):
        assert isinstance(example.targets, tuple)
        more = st.lists(st.sampled_from(LABELS[1:]), max_size=3).map(tuple)
        listed = list(dict.fromkeys([*example.targets, *draw(st.lists(more, max_size=2))]))
        energy = draw(st.lists(moderate_energies, min_size=len(listed), max_size=len(listed)))
        own = dict(zip(listed, energy if weighted else [0.0] * len(listed)))
        chosen.append(replace(example, targets=TargetGraph.of(lattice_of(own), {})))
        costs.append(own)
    assume(chosen)
    ends = first_arcs(chosen, 3)
    return grammar, chosen, costs, rng.normal(size=ends[-1]) + 3.0


def lattice_of(costs: dict[Target, float]) -> Graph:
    """A path for each answer, and another one that costs more, beside them."""
    arcs: list[tuple[int, int, int]] = []
    start, final = [], []
    for answer, cost in [*costs.items(), *((answer, cost + 1) for answer, cost in costs.items() if cost)]:
        nodes = range(len(start), len(start) + len(answer) + 1)
        arcs += [(node, node + 1, LABELS.index(label)) for node, label in zip(nodes, answer)]
        start += [cost, *[math.inf] * len(answer)]
        final += [*[math.inf] * len(answer), 0.0]
    src, dst, label = np.array(arcs, dtype=int).reshape(-1, 3).T
    return Graph(src, dst, label, label, np.zeros(len(src)), start, final, LABELS)


@settings(max_examples=40)
@given(problems())
def test_losses_of_a_lattice(problem: tuple[Graph, list[Example], list[dict[Target, float]], np.ndarray]) -> None:
    """Without energies as of its answers listed; with them against all paths; both ways of taking losses; gradients by
    differences."""
    grammar, chosen, costs, left = problem
    reading, right, ends = AnswerGraphs(grammar, LABELS), columns_of(grammar), first_arcs(chosen, 3)
    pictured = [each.recognition(LABELS, left[low:high]) for each, low, high in zip(chosen, ends, ends[1:])]
    decoder = Decoder(Document(grammar, "g", "g", range(grammar.nodes)))
    latents = dict.fromkeys(("nll", "mee", "log", "perceptron", "hinge"), "forward")
    latents |= {"mwer": "", "energy": "viterbi"}
    rng = np.random.default_rng(0)
    for loss, latent in (*latents.items(), ("perceptron", "viterbi"), ("hinge", "viterbi"), ("nll", "viterbi")):
        batch = Batch(chosen, reading, Objective(LOSSES[loss], SETTINGS, latent))
        outcome = batch.evaluate(left, right)
        listed = [replace(each, targets=tuple(own)) for each, own in zip(chosen, costs)]
        if not any(any(own.values()) for own in costs):
            same = Batch(listed, reading, Objective(LOSSES[loss], SETTINGS, latent)).evaluate(left, right)
            np.testing.assert_allclose(outcome.values, same.values, atol=1e-9)
            np.testing.assert_allclose(outcome.left, same.left, atol=1e-9)
            np.testing.assert_allclose(outcome.right, same.right, atol=1e-9)
        for number, (example, graph, own) in enumerate(zip(chosen, pictured, costs)):
            assert isinstance(example.targets, TargetGraph)
            document = Document(graph, "r", "test", range(graph.nodes), target=example.targets)
            (found,) = evaluate([document], [LOSSES[loss]], SETTINGS, None, decoder, latent=latent or None)
            assert isinstance(found, list)
            assert isinstance(found[0], LossResult)
            told = told_by_paths(loss, latent, compose(graph, grammar).graph, own)
            assert found[0].value.value == pytest.approx(told, abs=1e-8)
            assert outcome.values[number] == pytest.approx(told, abs=1e-8)
        along = rng.normal(size=len(left))
        if loss in ("nll", "mee", "mwer") and latent != "viterbi":
            plus, minus = (batch.evaluate(left + sign * 1e-5 * along, right).values.sum() for sign in (1, -1))
            assert outcome.left @ along == pytest.approx((plus - minus) / 2e-5, rel=1e-5, abs=1e-6)


def told_by_paths(loss: str, latent: str, whole: Graph, costs: dict[Target, float]) -> float:
    """A loss from all paths of an interpretation: those of right answers at what these cost besides."""
    beta, paths = SETTINGS.beta, all_paths(whole)
    energies = [path.energy for path in paths]
    right = [path.energy + costs[path.output] for path in paths if path.output in costs]
    wrong: dict[Target, list[float]] = {}
    for path in paths:
        if path.output not in costs:
            wrong.setdefault(path.output, []).append(path.energy)
    if loss == "mwer":
        weights = [math.exp(-beta * (energy - min(energies))) for energy in energies]
        errors = [min(edit_distance(answer, path.output) for answer in costs) for path in paths]
        return sum(w * e for w, e in zip(weights, errors)) / sum(weights)
    taken = min if latent == "viterbi" else lambda each: soft_minimum(each, beta)
    correct = taken(right)
    everything = soft_minimum(energies, beta)
    if loss == "energy":
        return correct
    if loss == "nll":
        return correct - everything
    if loss == "mee":
        return 1 - math.exp(-beta * (correct - everything))
    d = correct - min(map(taken, wrong.values()), default=math.inf)
    if loss == "log":
        return math.log1p(math.exp(d)) if d < 30 else d
    return max(0.0, d + (SETTINGS.margin if loss == "hinge" else 0.0))


@given(st.integers(0, 1000), st.sampled_from(["nll", "hinge", "perceptron", "mwer"]), target_lattices())
@settings(max_examples=30)
def test_ctc_without_a_grammar(seed: int, loss: str, found: tuple[TargetGraph, dict[Target, float]]) -> None:
    """The same as with the graphs."""
    target, costs = found
    assume(any(len(answer) <= 2 and "c" not in answer for answer in costs))  # the third class is the blank
    left, free = np.random.default_rng(seed).normal(size=12), FreeAnswers(LABELS, 2)
    chosen = [Example("r", "test", target, None, 4, np.zeros((4, 1)), range(5))]
    outcomes = [
        Batch(chosen, reading, Objective(LOSSES[loss], SETTINGS)).evaluate(left, right)
        for reading, right in ((free, np.zeros(0)), (free._graphs, columns_of(free._graphs.grammar)))
    ]
    assume(np.isfinite(outcomes[1].values).all())
    np.testing.assert_allclose(outcomes[0].values, outcomes[1].values, atol=1e-9)
    np.testing.assert_allclose(outcomes[0].left, outcomes[1].left, atol=1e-9)


def matrix(target: Any) -> str:
    values = (-np.log(np.random.default_rng(3).dirichlet(np.ones(4), size=5))).tolist()
    emissions = {"labels": ["a", "b", "c", "_"], "blank": "_", "emissions": values}
    return json.dumps({"lattice": 1, "id": "m", "target": target, **emissions})


@pytest.mark.parametrize("more", [[], ["-g", "g.json"]])
def test_matrices_row_by_row(more: list[str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "g.json").write_text(json.dumps({"lattice": 1, "words": ["ab", "ac", "b", "cab"]}))
    lattice = {"start": 0, "final": 2, "arcs": [[0, 1, "a", 0], [1, 2, "b", 0], [1, 2, "c", 0]]}
    found = []
    for target in ({"any": ["ab", "ac"]}, {"graph": lattice}):
        done = run("loss", "-", "--ctc", "_", *more, "--check", "--json", text=matrix(target), cwd=tmp_path)
        assert (done.status, done.err) == (0, "")
        told = [(each["value"], [arc["gradient"] for arc in each["arcs"]]) for each in losses_of(done.out)]
        assert all(each["check"]["ok"] for each in losses_of(done.out))
        found.append(told)
    for (value, gradient), (other, its) in zip(*found):
        assert value == pytest.approx(other, abs=1e-12)
        np.testing.assert_allclose(gradient, its, atol=1e-12)
    priced = {**lattice, "arcs": [[0, 1, "a", 0.25], [1, 2, "b", 0.5], [1, 2, "c", 1.5]]}
    done = run("loss", "-", "--ctc", "_", *more, "--check", "--json", text=matrix({"graph": priced}), cwd=tmp_path)
    assert all(each["check"]["ok"] for each in losses_of(done.out))
    parts = []
    for answer, cost in (("ab", 0.75), ("ac", 1.75)):
        alone = run("loss", "-", "--ctc", "_", *more, "--loss", "nll", "--json", text=matrix(answer), cwd=tmp_path)
        parts.append(losses_of(alone.out)[0]["correct"]["energy"] + cost)
    nll = next(each for each in losses_of(done.out) if each["loss"] == "nll")
    assert nll["correct"]["energy"] == pytest.approx(soft_minimum(parts, 1.0), abs=1e-9)


def lattice_target(answers: dict[str, float]) -> TargetGraph:
    graph = lattice_of({tuple(answer): cost for answer, cost in answers.items()})
    told = as_record(Document(graph, "t", "test", range(graph.nodes)))
    return TargetGraph.of(
        graph, {"graph": {key: told[key] for key in ("start", "final", "nodes", "arcs") if key in told}}
    )


@pytest.mark.parametrize(
    "settings_of",
    [
        {"recognizer": {"kind": "linear"}, "grammar": {"ngram": 2}},
        {"recognizer": {"kind": "linear"}, "grammar": {"ngram": 2}, "objective": {"loss": "mwer"}},
        {"recognizer": {"kind": "linear"}, "objective": {"loss": "variational"}},
    ],
)
def test_training_by_differences_and_nearest_in_validation(settings_of: dict[str, Any]) -> None:
    model, found = model_of("vectors", settings_of)
    several = []
    for each in found:
        text = str(each.target)
        several.append(
            replace(each, target=lattice_target({text: 0.0, "abc"[: len(text)]: 0.4, "abab"[: len(text)]: 1.0}))
        )
    taught = examples_of(model, several)
    problem = Problem(model, taught, 3)
    rng = np.random.default_rng(5)
    start = model.initial(rng) | ({} if problem.proposal is None else problem.proposal.initial(rng))
    theta = problem.flat(start) + 0.3 * rng.normal(size=len(problem.flat(start)))
    value = problem.value(theta, problem.pieces)
    for _ in range(3):
        along = rng.normal(size=len(theta))
        plus, minus = (problem.value(theta + sign * 1e-5 * along, problem.pieces) for sign in (1, -1))
        assert value.gradient @ along == pytest.approx((plus.objective - minus.objective) / 2e-5, rel=1e-6, abs=1e-7)
    if value.exact is not None:
        assert value.exact <= value.mean + 1e-12
    parameters = problem.parameters(theta)
    validation = Validation(model, taught, problem.kept)
    told = []
    for example, answer in validation.answers(parameters):
        assert isinstance(example.targets, TargetGraph)
        every = {path.output for path in all_paths(example.targets.acceptor)}
        told.append(min(edit_distance(target, answer or ()) for target in every))
    errors = validation.measured(parameters)
    assert errors.wrong == sum(told)
    assert errors.exact == told.count(0)


def test_the_nearest_answer_in_the_graph_is_taught_and_unknown_labels_are_named() -> None:
    settings_of = {"recognizer": {"kind": "linear"}, "objective": {"unspelled": "nearest"}}
    model, found = model_of("vectors", settings_of)
    text = str(found[0].target)
    record = replace(found[0], target=lattice_target({"a" * 9: 0.0, text[:-1]: 0.0}))
    problem = Problem(model, examples_of(model, [record]), 1)
    (example,) = problem.pieces[0].examples
    assert problem.replaced == 1
    assert isinstance(example.targets, tuple)
    assert edit_distance(tuple(text[:-1]), example.targets[0]) == 1
    strict, _ = model_of("vectors", {"recognizer": {"kind": "linear"}})
    strange = Graph([0], [1], [1], [1], [0.0], [0.0, math.inf], [math.inf, 0.0], ("", "z"))
    unknown = replace(record, target=TargetGraph.of(strange, {}))
    with pytest.raises(FormatError, match="label 'z' of the target lattice of 1 answer is not among those"):
        examples_of(strict, [unknown])
    longer = examples_of(strict, [replace(record, target=lattice_target({"a" * 9: 0, "b" * 8: 0}))])
    with pytest.raises(FormatError, match="the target lattice of 2 answers needs"):
        Problem(strict, longer, 1)


@settings(max_examples=40)
@given(st.data())
def test_evaluate_counts_as_of_the_same_listed(data: st.DataObject) -> None:
    target, costs = data.draw(target_lattices())
    graph = data.draw(graphs(energies=moderate_energies, max_nodes=5, max_arcs=7))
    assume(all_paths(graph))
    listed = sorted(costs, key=lambda answer: costs[answer])
    found = []
    for own in (target, AnyOf(tuple(listed))):
        document = Document(graph, "r", "test", range(graph.nodes), target=own)
        (assessed,) = assess([document], Decoder(), SearchRequest(3), with_closest=True)
        read = assessed.read(Spelling("words"))
        assert read.closest is not None
        errors = edit_distance(read.reference, read.answer)
        found.append((errors, int(best_errors([read])[0]), read.closest.errors, read.closest.energy))
    assert found[0][:3] == found[1][:3]
    assert found[0][3] == pytest.approx(found[1][3], abs=1e-9)


def test_evaluate_by_the_command(tmp_path: pathlib.Path) -> None:
    text = json.dumps(RECORD)
    wanted = json.dumps({**RECORD, "target": {"any": [*COSTS]}})
    (tmp_path / "r.jsonl").write_text(json.dumps({"id": "a", "target": {"file": "ref.json"}}) + "\n")
    (tmp_path / "ref.json").write_text(json.dumps({"lattice": 1, **LATTICE}))
    plain = json.loads(run("evaluate", "-", "--oracle", "-n", "2", "--json", text=wanted).out)
    for more in ([], ["-r", str(tmp_path / "r.jsonl")]):
        told = json.loads(run("evaluate", "-", "--oracle", "-n", "2", *more, "--json", text=text).out)
        for key in ("labels", "exact", "oracle", "best"):
            assert told.get(key) == plain.get(key)
    passed = run("viterbi", "-", "--json", text=text).out
    assert json.loads(run("evaluate", "-", "--json", text=passed).out)["labels"]["errors"] == 1
    pieces = {"start": 0, "final": 1, "arcs": [[0, 1, "\u2581hi", 0.0]]}
    refused = run("evaluate", "-", text=json.dumps({"lattice": 1, "id": "p", "target": {"graph": pieces}, **pieces}))
    assert refused.status == 2
    assert "p: the lattice of 1 answer of a target is compared by labels, and these are word pieces" in refused.err


def test_losses_by_the_command() -> None:
    done = run("loss", "-", "--check", "--json", text=json.dumps(RECORD))
    assert (done.status, done.err) == (0, "")
    by_name = {each["loss"]: each for each in losses_of(done.out)}
    own = {"34": 0.5, "39": 0.3, "54": 0.45, "59": 0.25}
    assert by_name["energy"]["value"] == pytest.approx(min(own[each] + COSTS[each] for each in own))
    assert by_name["nll"]["correct"]["energy"] == pytest.approx(
        soft_minimum([own[each] + COSTS[each] for each in own], 1)
    )
    assert by_name["nll"]["targets"] == {
        "graph": json.loads(run("convert", "-", "-", text=json.dumps(RECORD)).out)["target"]["graph"]
    }
    assert "correct answers: lattice of 4 answers" in run("loss", "-", text=json.dumps(RECORD)).out
    free = {**RECORD, "target": {"graph": LATTICE, "scale": 0}}
    listed = {**RECORD, "target": {"any": [*COSTS]}}
    values = [
        [each["value"] for each in losses_of(run("loss", "-", "--json", text=json.dumps(record)).out)]
        for record in (free, listed)
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-12)
    none = run("loss", "-", text=json.dumps({**RECORD, "target": {"graph": {**LATTICE, "arcs": [[0, 3, "6", 0]]}}}))
    assert none.status == 1
    assert "the target lattice of 1 answer is not in it" in none.err


def test_more_answers_than_can_be_listed() -> None:
    """Forty places, each by itself: a or b is right, b for more."""
    rng, places = np.random.default_rng(1), range(40)
    energies, costs = rng.normal(size=(40, 3)), rng.exponential(size=40)
    columns = [
        (place, place + 1, label, energies[place, number]) for place in places for number, label in enumerate("abc")
    ]
    right = [[place, place + 1, label, cost] for place in places for label, cost in (("a", 0.0), ("b", costs[place]))]
    record = {"lattice": 1, "id": "long", "start": 0, "final": 40, "arcs": [list(each) for each in columns]}
    text = json.dumps({**record, "target": {"graph": {"start": 0, "final": 40, "arcs": right}}})
    told = {each["loss"]: each["value"] for each in losses_of(run("loss", "-", "--no-arcs", "--json", text=text).out)}
    everything = [soft_minimum(row, 1.0) for row in energies]
    correct = [soft_minimum([row[0], row[1] + cost], 1.0) for row, cost in zip(energies, costs)]
    assert told["nll"] == pytest.approx(sum(correct) - sum(everything), abs=1e-9)
    least = sum(min(row[0], row[1] + cost) for row, cost in zip(energies, costs))
    assert told["energy"] == pytest.approx(least, abs=1e-9)
    best = energies.argmin(axis=1)
    wrong = energies.min(axis=1).sum() if (best == 2).any() else math.nan
    assert told["perceptron"] == pytest.approx(max(0.0, least - wrong), abs=1e-9)
    share = [math.exp(total - row[2]) for total, row in zip(everything, energies)]
    assert told["mwer"] == pytest.approx(sum(share), abs=1e-8)
    counted = json.loads(run("evaluate", "-", "--oracle", "--json", text=text).out)
    assert counted["labels"]["errors"] == int((best == 2).sum())
    assert counted["oracle"]["errors"] == 0
    assert "lattice of 1099511627776 answers" in run("show", "-", text=text).out.replace("\n", "")


@pytest.mark.parametrize("form", ["json", "yaml", "npz", "jsonl"])
@pytest.mark.parametrize("scale", [1, 0.5])
def test_it_comes_back_from_every_form_that_holds_a_target(form: str, scale: float, tmp_path: pathlib.Path) -> None:
    file = tmp_path / f"x.{form}"
    target = {"graph": LATTICE} if scale == 1 else {"graph": LATTICE, "scale": scale}
    text = json.dumps({**RECORD, "target": target})
    assert run("convert", "-", str(file), text=text).status == 0
    (first,) = records(run("convert", "-", "-", text=text).out)
    (back,) = records(run("convert", str(file), "-", "--to", "jsonl").out)
    assert back["target"] == first["target"]
    energies = [
        [each["value"] for each in losses_of(run("loss", *source, "--json", text=text).out)]
        for source in (["-"], [str(file)])
    ]
    assert energies[0] == energies[1]


@pytest.mark.parametrize("form", ["json", "yaml", "npz", "att", "slf", "k2", "gtn"])
def test_a_file_of_any_form(form: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "in").mkdir()
    lattice = json.dumps({"lattice": 1, **LATTICE, "start": 0})
    made = run("convert", "-", str(tmp_path / "in" / f"ref.{form}"), "--to", form, "--lossy", text=lattice)
    if made.status:
        pytest.skip(made.err)
    (tmp_path / "x.jsonl").write_text(json.dumps({**RECORD, "target": {"file": f"in/ref.{form}"}}) + "\n")
    done = run("loss", "x.jsonl", "--loss", "energy", "--json", cwd=tmp_path)
    expected = min(own + COSTS[each] - 0.5 for each, own in {"34": 0.5, "39": 0.3, "54": 0.45, "59": 0.25}.items())
    assert done.status == 0, done.err
    assert records(done.out)[0]["value"] == pytest.approx(expected, abs=1e-5)


def test_what_cannot_hold_or_take_it_says_so() -> None:
    refused = run("convert", "-", "-", "--to", "att", text=json.dumps(RECORD))
    assert refused.status == 2
    assert "cannot hold the target lattice of 4 answers" in refused.err
    tuned = run("tune", "-", text=json.dumps(RECORD))
    assert tuned.status == 2
    assert "scales are tuned by one right answer, found several: lattice of 4 answers" in tuned.err
    assert "lattice of 4 answers, with energies" in run("show", "-", text=json.dumps(RECORD)).out
    assert run("draw", "-", "--to", "html", "-o", "-", text=json.dumps(RECORD)).status == 0


def test_a_picture_has_the_path_nearest_to_any() -> None:
    src, dst, label = [0, 0, 1, 1], [1, 1, 2, 2], [1, 3, 2, 1]
    ends = [0.0, math.inf, math.inf], [math.inf, math.inf, 0.0]
    graph = Graph(src, dst, label, label, [0.1, 0.05, 0.4, 0.2], *ends, LABELS)
    document = Document(graph, "a", "test", range(3), target=lattice_target({"bbbb": 0.0, "ac": 0.0}))
    decoder = Decoder()
    nearest = with_reference(picture(document, 1.0, decoder, request=SearchRequest()), document, decoder).nearest
    assert nearest is not None
    assert (nearest.wanted, nearest.errors) == (("a", "c"), 1)
    assert tuple(nearest.path.output) == ("a", "a")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            {"graph": {**LATTICE, "arcs": [[0, 1, "a", 1], [1, 0, "b", 1], [1, 3, "b", 1]]}},
            "a cycle at node 0, expected a",
        ),
        (
            {"graph": {**LATTICE, "arcs": [[0, 1, "a", 1], [2, 3, "b", 1]]}},
            "no path, expected one right answer at least",
        ),
        (
            {"graph": {"start": 0, "final": 0, "arcs": [[0, 0, "a", 1]]}},
            "a cycle at node 0, expected a lattice without",
        ),
        ({"graph": {"final": 3, "arcs": []}}, "the graph of the target: no 'start' key"),
        ({"graph": {**LATTICE, "arcs": [[0, 1, "a", "x"]]}}, "the graph of the target: arc 0"),
        ({"graph": {**LATTICE, "arks": 1}}, "unknown key 'arks'"),
        ({"graph": 3}, "graph of the target is 3, expected a mapping"),
        ({"graph": LATTICE, "any": ["a"]}, "unknown key 'any' in a target with 'graph'"),
        ({"graph": LATTICE, "scale": "x"}, "scale of the target is 'x', expected a finite number"),
        ({"file": 3}, "file of the target is 3, expected a string"),
        ({"file": "none.json"}, "file of the target: none.json is not there, or no file"),
        ({"file": "."}, "file of the target: . is not there, or no file"),
        ({"file": "-"}, "file of the target is '-', expected a file in the folder of the record's, or below it"),
        ({"file": "../x.json"}, "is '../x.json', expected a file in the folder"),
        ({"file": "a/../../x.json"}, "expected a file in the folder"),
        ({"file": "/etc/passwd"}, "is '/etc/passwd', expected a file in the folder"),
        ({"file": "bad.json"}, "file of the target: bad.json"),
        ({"file": "two.jsonl"}, "file of the target: two.jsonl: holds 2 documents, expected one"),
        ({"file": "ring.json"}, "a cycle at node 0, expected a lattice without: right answers are finitely many"),
        ({"grahp": LATTICE}, "unknown key 'grahp' in a target; did you mean 'graph'?"),
    ],
)
def test_what_is_no_lattice_of_right_answers(target: Any, message: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    own = json.dumps({"lattice": 1, **LATTICE})
    (tmp_path / "two.jsonl").write_text(f"{own}\n{own}\n")
    ring = {"lattice": 1, "start": 0, "final": 0, "arcs": [[0, 0, "a", 1]]}
    (tmp_path / "ring.json").write_text(json.dumps(ring))
    for record in ({**RECORD, "target": target}, {"lattice": 1, "target": target, "words": ["34"]}):
        done = run("loss", "-", text=json.dumps(record), cwd=tmp_path)
        assert done.status == 3
        assert message in done.err.replace("\n", " ")
        assert "Traceback" not in done.err
    references = tmp_path / "r.jsonl"
    references.write_text(json.dumps({"id": "a", "target": target}) + "\n")
    done = run("evaluate", "-", "-r", "r.jsonl", text=json.dumps({**RECORD, "target": "34"}), cwd=tmp_path)
    assert done.status == 3
    assert message in done.err.replace("\n", " ")


def test_a_bad_target_is_that_of_its_record_alone() -> None:
    bad = {**RECORD, "id": "bad", "target": {"file": "none.json"}}
    lines = "".join(json.dumps(each) + "\n" for each in (bad, RECORD))
    done = run("loss", "-", "--keep-going", "--json", text=lines)
    assert done.status == 3
    assert {each.get("status") for each in records(done.out) if each.get("id") == "a"} == {"ok"}
    assert "bad: standard input:1: file of the target: none.json is not there" in done.err


def test_a_target_in_a_target_is_told_of(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ref.json").write_text(json.dumps({"lattice": 1, "target": "34", **LATTICE}))
    done = run("loss", "-", text=json.dumps({**RECORD, "target": {"file": "ref.json"}}), cwd=tmp_path)
    assert done.status == 0
    assert "not read: the target of a lattice that is one itself" in done.err


@pytest.mark.slow
def test_a_training_from_files(tmp_path: pathlib.Path) -> None:
    inputs, texts = vectors(30, 1)
    listed: list[Any] = []
    lattices: list[Any] = []
    for number, text in enumerate(texts):
        listed.append({"any": [*dict.fromkeys((text, text[::-1]))]})
        graph = lattice_target({text: 0.0, text[::-1]: 0.0}).given
        if number % 2:
            (tmp_path / f"{number}.json").write_text(json.dumps({"lattice": 1, **graph["graph"]}))
        lattices.append({"file": f"{number}.json"} if number % 2 else graph)
    found = []
    for name, targets in (("listed", listed), ("lattices", lattices)):
        write_inputs(tmp_path / f"{name}.npz", inputs, targets)
        lines = (
            json.dumps({"lattice": 1, "id": f"r{number}", "inputs": each.tolist(), "target": target})
            for number, (each, target) in enumerate(zip(inputs, targets))
        )
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        for file in (f"{name}.npz", f"{name}.jsonl"):
            (tmp_path / "c.yaml").write_text(
                f"train: 1\ndata: {{train: {file}, hold_out: 0.2}}\ntraining: {{epochs: 3}}\n"
            )
            done = run("train", "c.yaml", "-o", "m.npz", "--restart", "--json", cwd=tmp_path)
            assert (done.status, done.err) == (0, "")
            found.append([json.loads(line)["loss"] for line in done.out.splitlines()[:-1]])
    for each in found[1:]:
        assert each == pytest.approx(found[0], abs=1e-12)
    passed = records(run("recognize", "m.npz", "lattices.npz", cwd=tmp_path).out)
    assert [each["target"].keys() for each in passed] == [{"graph"}] * len(passed)
    again = run("train", "c.yaml", "-o", "m.npz", "--resume", "--set", "training.epochs=4", "--json", cwd=tmp_path)
    assert again.status == 0, again.err

"""The losses: golden numbers, enumeration, finite differences, and every edge."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, oracle
from support.strategies import graphs

from lattice_cli.errors import Diverged, NoPath, NumericOverflow, UsageError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import Document, Graph, linear_graph
from lattice_cli.learning.losses import LOSSES, LossFailure, LossResult, Settings, evaluate
from lattice_cli.learning.losses.gradient_check import check
from lattice_cli.learning.losses.losses import Energies
from lattice_cli.records import Decoder, target_labels

ALL = list(LOSSES.values())


def sample(name: str) -> Document:
    return read_one(str(ROOT / "samples" / name), ReadOptions())


def losses_of(document: Document, *targets: str, beta: float = 1.0, **options: object) -> dict[str, LossResult]:
    settings = Settings(beta=beta)
    (found,) = evaluate([document], ALL, settings, list(targets) or None, **options)
    assert isinstance(found, list), found
    return {result.loss.name: result for result in found}


# ../shared/golden/lecture.json: [value, dL/dE_correct, dL/dE_offending] at margin, cap and gamma 1.
GOLDEN_34 = {
    "energy": (0.7, 1, 0),
    "perceptron": (0.09999999999999998, 1, -1),
    "hinge": (1.1, 1, -1),
    "log": (0.7443966600735709, 0.5249791874789399, -0.5249791874789399),
    "lvq2": (0.09999999999999998, 1, -1),
    "mce": (0.5249791874789399, 0.24937604019289197, -0.24937604019289197),
    "square-square": (0.6499999999999999, 1.4, -0.8),
    "square-exp": (1.0388116360940263, 1.4, -0.5488116360940264),
}
GOLDEN_NLL = {0.5: 3.386998996207062, 1.0: 1.3054413860710197, 2.0: 0.5106068710119733, 10.0: 0.13140182605286266}
GOLDEN_MEE = {0.5: 0.8161250731901413, 1.0: 0.7289471303229562, 2.0: 0.6398424635580898, 10.0: 0.7312619754988003}
NLL_GRADIENT_AT_2 = [
    0.013599940539731792, -0.012109912474725986, -0.4497575249035141, -0.07434441883584338, -0.5203981836773357,
    -0.0051937881270273465, -0.001307981719850967, -0.00018204634515476596, 0.6353970691529894, -0.10980509734862616,
]  # fmt: skip
MEE_GRADIENT_AT_2 = [
    0.009796242161092528, -0.008722952486848934, -0.3239671243309214, -0.05355140547224579, -0.3748506556041478,
    -0.003741163873262824, -0.000942158947865154, -0.00013113072637838835, 0.45768608617710144, -0.07909426669969064,
]  # fmt: skip


def test_the_lectures_table() -> None:
    found = losses_of(sample("lecture-34.json"), "34")
    for name, (value, by_correct, by_offending) in GOLDEN_34.items():
        result = found[name]
        assert result.value.value == pytest.approx(value, abs=1e-9), name
        assert result.value.by_correct == pytest.approx(by_correct, abs=1e-9), name
        assert result.value.by_offending == pytest.approx(by_offending, abs=1e-9), name
        if result.offending is not None:
            assert result.offending.output == ["3", "4", "1"]
            assert result.offending.energy == pytest.approx(0.6, abs=1e-12)


@pytest.mark.parametrize("beta", GOLDEN_NLL)
def test_nll_and_mee_of_the_lecture(beta: float) -> None:
    found = losses_of(sample("lecture-34.json"), "34", beta=beta)
    assert found["nll"].value.value == pytest.approx(GOLDEN_NLL[beta], abs=1e-9)
    assert found["mee"].value.value == pytest.approx(GOLDEN_MEE[beta], abs=1e-9)
    if beta == 2.0:
        assert found["nll"].gradient == pytest.approx(NLL_GRADIENT_AT_2, abs=1e-9)
        assert found["mee"].gradient == pytest.approx(MEE_GRADIENT_AT_2, abs=1e-9)


def test_the_perceptron_figure() -> None:
    gradient = losses_of(sample("lecture-34.json"), "34")["perceptron"].gradient
    assert gradient.tolist() == [0, 0, -1, 0, -1, 0, 0, 0, 1, 0]


def test_the_offending_answer_by_free_energy_of_the_lecture() -> None:
    for beta in GOLDEN_NLL:
        result = losses_of(sample("lecture-34.json"), "34", beta=beta, latent="forward")["hinge"]
        assert result.offending is not None
        assert result.offending.output == ["3", "4", "1"]
        assert result.offending.energy == pytest.approx(0.6, abs=1e-9)
        assert result.offending.bound is None


@pytest.mark.parametrize("latent", ["viterbi", "forward", None])
@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_finite_differences_on_the_lectures_graphs(latent: str | None, beta: float) -> None:
    words = read_one(str(ROOT / "grammars" / "lecture-words.yaml"), ReadOptions())
    for document, grammar, target in (
        (sample("lecture-34.json"), None, "34"),
        (sample("lecture-cut.yaml"), words, "cut"),
        (sample("lecture-cut.yaml"), None, "cut"),
    ):
        for side in ("recognition", "interpretation") if grammar is None else ("recognition", "grammar"):
            results = losses_of(document, target, beta=beta, latent=latent, decoder=Decoder(grammar), of=side)
            for name, result in results.items():
                found = check([result], side, np.random.default_rng(1))[0]
                assert not found.failed, (name, side, found)


def documents(min_outputs: int = 1) -> st.SearchStrategy[Document]:
    return graphs().map(lambda graph: Document(graph, "drawn", "drawn", range(graph.nodes)))


@given(documents(), st.sampled_from([0.3, 1.0, 4.0]), st.data())
def test_energies_against_enumeration(document: Document, beta: float, data: st.DataObject) -> None:
    paths = oracle.all_paths(document.graph)
    if not paths:
        (found,) = evaluate([document], ALL, Settings(beta=beta), ["a"])
        assert isinstance(found, NoPath)
        return
    outputs = sorted({path.output for path in paths})
    target = data.draw(st.sampled_from(outputs))
    by_answer = {output: [path.energy for path in paths if path.output == output] for output in outputs}

    def free(energies: list[float]) -> float:
        least = min(energies)
        return least - math.log(math.fsum(math.exp(-beta * (energy - least)) for energy in energies)) / beta

    size = 1 + max(abs(path.energy) for path in paths)
    with_target = Document(document.graph, "drawn", "drawn", document.names, target=target)
    for latent, energy_of in (("viterbi", min), ("forward", free)):
        (found,) = evaluate([with_target], [LOSSES["hinge"], LOSSES["nll"]], Settings(beta=beta), latent=latent)
        assert isinstance(found, list)
        hinge, nll = found
        assert hinge.correct.energy == pytest.approx(energy_of(by_answer[target]), abs=1e-9 * size)
        others = [energy_of(energies) for output, energies in by_answer.items() if output != target]
        if not others:
            assert hinge.offending is None
            assert hinge.value.value == 0
        else:
            assert hinge.offending is not None
            assert hinge.offending.energy == pytest.approx(min(others), abs=1e-9 * size)
            assert tuple(hinge.offending.output or ()) != target
        assert nll.all is not None
        assert nll.all.energy == pytest.approx(free([path.energy for path in paths]), abs=1e-9 * size)


@given(st.lists(documents(), min_size=2, max_size=4), st.sampled_from([None, "forward"]))
def test_a_batch_gives_the_numbers_of_each_record_alone(records: list[Document], latent: str | None) -> None:
    settings = Settings()
    losses = [loss for loss in ALL if loss.name != "square-exp"]  # which overflows at energies of -710
    together = evaluate(records, losses, settings, ["a b"], latent=latent)
    for record, found in zip(records, together, strict=True):
        (alone,) = evaluate([record], losses, settings, ["a b"], latent=latent)
        if isinstance(found, list):
            assert isinstance(alone, list)
            for one, other in zip(found, alone, strict=True):
                assert one.value == other.value
                assert one.gradient.tolist() == other.gradient.tolist()
        else:
            assert str(found) == str(alone)


# Edges ---------------------------------------------------------------------------------------------------------------


def test_a_target_that_is_not_there_says_how_far_it_can_be_followed() -> None:
    (found,) = evaluate([sample("lecture-cut.yaml")], ALL, Settings(), ["cap t"])
    assert isinstance(found, NoPath)
    (found,) = evaluate([sample("lecture-cut.yaml")], ALL, Settings(), ["caz"])
    assert isinstance(found, NoPath)
    assert "after 'c' 'a'" in str(found)
    assert "offers 'p', 't'" in str(found)
    assert "wants 'z'" in str(found)


def only(*outputs: str, energies: tuple[float, ...] = ()) -> Document:
    """Parallel paths from start to final, one for each label ("" for an epsilon path)."""
    labels = ("", *dict.fromkeys(output for output in outputs if output))
    column = [labels.index(output) if output else 0 for output in outputs]
    count = len(outputs)
    energy = energies or tuple(float(index) for index in range(count))
    graph = Graph([0] * count, [1] * count, column, column, energy, [0.0, math.inf], [math.inf, 0.0], labels)
    return Document(graph, "only", "only", range(2))


def test_the_target_is_the_only_answer() -> None:
    found = losses_of(only("a", "a", energies=(2.0, 3.0)), "a")
    limits = {"energy": 2.0, "perceptron": 0, "hinge": 0, "log": 0, "lvq2": 0, "mce": 0, "square-square": 4.0, "mee": 0}
    for name, limit in limits.items():
        assert found[name].value.value == pytest.approx(limit, abs=1e-12), name
        assert found[name].offending is None
    assert found["square-exp"].value.value == 4.0
    assert found["nll"].value.value == pytest.approx(0, abs=1e-12)
    assert any("no incorrect answer" in note for note in found["hinge"].notes)


def test_an_empty_target_and_an_epsilon_path() -> None:
    graph = Graph([0, 0], [1, 1], [0, 1], [0, 1], [0.5, 0.25], [0.0, math.inf], [math.inf, 0.0], ("", "a"))
    found = losses_of(Document(graph, "g", "g", range(2)), "")
    assert found["energy"].value.value == 0.5
    assert found["perceptron"].value.value == 0.25
    assert found["perceptron"].gradient.tolist() == [1.0, -1.0]
    empty = Document(linear_graph(("",), []), "e", "e", range(1))
    assert losses_of(empty, "")["nll"].value.value == 0.0


def test_several_acceptable_answers() -> None:
    found = losses_of(only("a", "b", "c", energies=(1.0, 0.5, 0.75)), "a", "b")
    assert found["energy"].value.value == 0.5
    assert found["hinge"].offending is not None
    assert found["hinge"].offending.output == ["c"]
    assert found["nll"].correct.energy == pytest.approx(-math.log(math.exp(-1) + math.exp(-0.5)))


def test_kinks_and_ties_are_called_by_name() -> None:
    document = only("a", "b", energies=(1.0, 2.0))
    found = losses_of(document, "a")["hinge"]
    assert found.value.kink
    assert any("kink" in note for note in found.notes)
    checked = check([found], "recognition", np.random.default_rng(0))[0]
    assert checked.kink.all()
    assert not checked.failed
    tied = losses_of(only("a", "b", "c", energies=(1.0, 0.5, 0.5)), "a")["perceptron"]
    assert any("tie" in note for note in tied.notes)
    checked = check([tied], "recognition", np.random.default_rng(0))[0]
    assert not checked.failed
    assert checked.kink.tolist() == [False, True, True]


def test_a_wrong_gradient_fails_the_check() -> None:
    from dataclasses import replace

    result = losses_of(sample("lecture-34.json"), "34")["nll"]
    wrong = replace(result, gradient=result.gradient + 1e-3)
    assert check([wrong], "recognition", np.random.default_rng(0))[0].failed


def test_margin_zero() -> None:
    (found,) = evaluate([only("a", "b")], [LOSSES["hinge"]], Settings(margin=0.0), ["a"])
    assert isinstance(found, list)
    assert found[0].value.value == 0
    assert found[0].gradient.tolist() == [0, 0]


def test_negative_energies_are_noted_by_the_square_losses() -> None:
    found = losses_of(only("a", "b", energies=(-1.0, -2.0)), "a")
    for name, result in found.items():
        expected = name in ("square-square", "square-exp")
        assert any("at least 0" in note for note in result.notes) == expected, name


def test_the_printed_square_square_pulls_wrong_answers_down() -> None:
    document = sample("lecture-34.json")
    (found,) = evaluate([document], [LOSSES["square-square"]], Settings(printed=True), ["34"])
    assert isinstance(found, list)
    assert found[0].value.value == pytest.approx(0.49 - 0.16)
    assert found[0].value.by_offending == pytest.approx(0.8)
    assert any("wrong" in note for note in found[0].notes)


@pytest.mark.parametrize("beta", [1e-3, 1e3])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_extreme_temperatures_and_energies(beta: float, scale: float) -> None:
    document = sample("lecture-34.json")
    scaled = Document(document.graph.with_energy(document.graph.energy * scale), "x", "x", document.names)
    for latent in ("viterbi", "forward"):
        for name, result in losses_of(scaled, "34", beta=beta, latent=latent).items():
            assert math.isfinite(result.value.value), name
            assert np.isfinite(result.gradient).all(), name
            assert not check([result], "recognition", np.random.default_rng(0))[0].failed, name


def test_square_exp_that_overflows_is_refused() -> None:
    (found,) = evaluate([only("a", "b", energies=(0.0, -1e6))], [LOSSES["square-exp"]], Settings(), ["a"])
    assert isinstance(found, NumericOverflow)
    assert "E_I = -1e+06 is beyond the range" in str(found)


def test_a_grammar_with_its_own_energies() -> None:
    document = sample("lecture-cut.yaml")
    words = {"cut": 0.25, "cap": 3.0}
    from lattice_cli.formats.native.document import read_document

    grammar = read_document({"lattice": 1, "words": words}, "g", "g", ReadOptions())
    found = losses_of(document, "cut", decoder=Decoder(grammar))
    assert found["energy"].value.value == pytest.approx(2.0 + 0.25)
    assert found["hinge"].offending is not None
    assert found["hinge"].offending.energy == pytest.approx(0.8 + 3.0)
    assert found["perceptron"].value.value == 0


def test_no_target_is_a_usage_error_of_that_record() -> None:
    (found,) = evaluate([only("a")], ALL, Settings())
    assert isinstance(found, UsageError)


def test_a_search_that_runs_out_of_budget_says_so() -> None:
    steps, width = 9, 3
    src = np.repeat(np.arange(steps), width)
    label = np.tile([1, 2, 3], steps)
    energy = np.random.default_rng(5).uniform(0, 0.3, steps * width)
    start, final = np.full(steps + 1, np.inf), np.full(steps + 1, np.inf)
    start[0] = final[-1] = 0.0
    graph = Graph(src, src + 1, label, label, energy, start, final, ("", "a", "b", "c"))
    document = Document(graph, "g", "g", range(steps + 1))
    target = ["a" * steps]
    (found,) = evaluate([document], [LOSSES["hinge"]], Settings(), target, latent="forward", budget=2)
    (exact,) = evaluate([document], [LOSSES["hinge"]], Settings(), target, latent="forward", budget=10**6)
    assert isinstance(found, list)
    assert isinstance(exact, list)
    assert found[0].offending is not None
    assert exact[0].offending is not None
    assert exact[0].offending.bound is None
    assert found[0].offending.bound is not None
    assert found[0].offending.bound <= exact[0].offending.energy <= found[0].offending.energy
    assert any("not proven" in note for note in found[0].notes)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("34", ("", "3", "4"), ("3", "4")),
        ("ten of", ("", "ten", "of"), ("ten", "of")),
        ("ten", ("", "ten", "of"), ("ten",)),
        ("to be", ("", "t", "o", " ", "b", "e"), ("t", "o", " ", "b", "e")),
        ("t o", ("", "t", "o", " "), ("t", " ", "o")),
        ("", ("", "a"), ()),
        ("caz", ("", "c", "a"), ("c", "a", "z")),
        ("who", ("", "ten", "a"), ("who",)),
        (("a b", "c"), ("", "a"), ("a b", "c")),
    ],
)
def test_what_a_target_means(text: str | tuple[str, ...], labels: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert target_labels(text, labels) == expected


def test_losses_as_functions_at_infinity() -> None:
    for loss in ALL:
        if not loss.soft and not loss.counts_errors:
            value = loss.function(Energies(1.5, math.inf), Settings())
            assert math.isfinite(value.value)
            assert value.by_offending == 0


# Real lattices -------------------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_losses_of_grammar_lattices_against_openfst(shared: Path) -> None:
    folder = shared / "data" / "asr"
    checked = 0
    for name, entry in json.loads((folder / "expected.json").read_text()).items():
        expected = entry.get("losses")
        if not expected or "E_ref" not in expected or expected["E_ref"] is None:
            continue
        document = read_one(str(folder / f"{name}.slf.gz"), ReadOptions())
        for beta in (0.05, 1.0):
            (found,) = evaluate([document], ALL, Settings(beta=beta), [expected["ref"]])
            if not isinstance(found, list):
                assert expected["E_ref"] is None or math.isinf(expected["E_ref"]), name
                continue
            by_name = {result.loss.name: result for result in found}
            hinge, nll = by_name["hinge"], by_name["nll"]
            assert hinge.correct.energy == pytest.approx(expected["E_ref"], abs=1e-4), name
            if expected.get("E_best_incorrect") is not None:
                assert hinge.offending is not None
                assert hinge.offending.energy == pytest.approx(expected["E_best_incorrect"], abs=1e-4), name
            forward = expected[f"beta={beta}"]
            assert nll.correct.energy == pytest.approx(forward["F_ref"], abs=2e-4), name
            assert nll.all is not None
            assert nll.all.energy == pytest.approx(forward["F_all"], abs=2e-4), name
            checked += 1
    assert checked > 20


@pytest.mark.shared
def test_distinct_answers_of_grammar_lattices_against_openfst(shared: Path) -> None:
    from lattice_cli.search import best_answers

    folder = shared / "data" / "asr"
    for name, entry in json.loads((folder / "expected.json").read_text()).items():
        expected = entry.get("losses", {}).get("nbest_distinct_strings")
        if not expected:
            continue
        graph = read_one(str(folder / f"{name}.slf.gz"), ReadOptions()).graph
        found = best_answers(graph, len(expected))
        words = [" ".join(graph.words(graph.olabel[list(path.arcs)].tolist())) for path in found]
        assert [path.energy for path in found] == pytest.approx([energy for energy, _ in expected], abs=1e-4), name
        ties = len({round(energy, 4) for energy, _ in expected}) < len(expected)
        assert ties or words == [text for _, text in expected], name


# Found by a stranger --------------------------------------------------------------------------------------------------


def cyclic(energy: float) -> Document:
    """A loop b of this energy at node `round`, then an arc a of energy 0.5."""
    graph = Graph([0, 0], [0, 1], [1, 2], [1, 2], [energy, 0.5], [0.0, math.inf], [math.inf, 0.0], ("", "b", "a"))
    return Document(graph, "loop", "loop", ["round", "end"])


def test_a_divergence_is_located_at_the_records_own_nodes() -> None:
    (found,) = evaluate([cyclic(-0.1)], [LOSSES["hinge"]], Settings(), ["b b a"])
    assert isinstance(found, Diverged)
    assert found.nodes == [0]
    (found,) = evaluate([cyclic(0.0)], [LOSSES["nll"]], Settings(), ["a"])
    assert isinstance(found, Diverged)
    assert found.nodes == [0]
    assert str(found).endswith("(nodes round)")


def test_a_loss_that_diverges_leaves_the_others() -> None:
    (found,) = evaluate([cyclic(0.0)], ALL, Settings(), ["a"])
    assert isinstance(found, list)
    failed = [each.loss.name for each in found if isinstance(each, LossFailure)]
    assert failed == ["nll", "mee", "mwer"]
    hinge = next(each for each in found if each.loss.name == "hinge")
    assert isinstance(hinge, LossResult)
    assert hinge.value.value == pytest.approx(1.0)


def test_exact_ties_are_kinks_for_every_loss_and_no_failure() -> None:
    tied = only("a", "a", "b", energies=(0.35, 0.35, 3.0))
    for latent in ("viterbi", None):
        found = evaluate([tied], ALL, Settings(), ["a"], latent=latent)[0]
        assert isinstance(found, list)
        for checked in check(found, "recognition", np.random.default_rng(0)):
            assert not checked.failed


def test_square_square_at_the_margin_is_smooth() -> None:
    (found,) = evaluate([only("a", "b", energies=(0.5, 1.0))], [LOSSES["square-square"]], Settings(), ["a"])
    assert isinstance(found, list)
    (checked,) = check(found, "recognition", np.random.default_rng(0))
    assert not checked.kink.any()
    assert not checked.failed


def test_ties_are_said_to_be_ties_by_free_energy_too() -> None:
    tied = only("a", "b", "c", energies=(1.0, 0.5, 0.5))
    result = losses_of(tied, "a", latent="forward")["hinge"]
    assert any("tie" in note for note in result.notes)
    apart = losses_of(only("a", "b", "c", energies=(1.0, 0.5, 0.75)), "a", latent="forward")["hinge"]
    assert not any("tie" in note for note in apart.notes)


def test_a_word_is_a_target_where_words_are_the_output() -> None:
    from lattice_cli.formats.native.document import read_document

    record = {"lattice": 1, "words": ["cut", "cap"], "output": "words", "loop": " "}
    grammar = read_document(record, "g", "g", ReadOptions())
    result = losses_of(sample("lecture-cut.yaml"), "cut", decoder=Decoder(grammar))["energy"]
    assert result.correct.output == ["cut"]


def test_a_check_of_a_large_graph_looks_at_arcs_with_a_gradient() -> None:
    steps = 300
    src = np.repeat(np.arange(steps), 2)
    label = np.tile([1, 2], steps)
    energy = np.random.default_rng(3).uniform(0, 1, 2 * steps)
    start, final = np.full(steps + 1, np.inf), np.full(steps + 1, np.inf)
    start[0] = final[-1] = 0.0
    graph = Graph(src, src + 1, label, label, energy, start, final, ("", "a", "b"))
    found = losses_of(Document(graph, "g", "g", range(steps + 1)), "a" * steps)
    (checked,) = check([found["perceptron"]], "recognition", np.random.default_rng(0))
    assert checked.live > 100
    assert not checked.failed


@pytest.mark.parametrize("operator", ["add", "max", "min", "left", "right"])
def test_gradients_through_every_operator(operator: str) -> None:
    from lattice_cli.composition import OPERATORS
    from lattice_cli.formats.native.document import read_document

    trie = {"lattice": 1, "start": 0, "final": 3, "arcs": [[0, 1, "c", 0.7], [1, 2, "a", 0.1], [1, 2, "u", 0.9]]}
    trie["arcs"] += [[2, 3, "p", 0.3], [2, 3, "t", 0.35]]  # type: ignore[operator]
    grammar = read_document(trie, "g", "g", ReadOptions())
    for side in ("recognition", "grammar"):
        decoder = Decoder(grammar, combine=OPERATORS[operator])
        (found,) = evaluate([sample("lecture-cut.yaml")], ALL, Settings(), ["cut"], decoder, of=side)
        assert isinstance(found, list)
        for checked in check(found, side, np.random.default_rng(0)):
            assert not checked.failed


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 50)), max_size=5), st.sampled_from([0.3, 1.0, 2.0]))
def test_losses_of_many_records_are_those_of_each(pairs: list[tuple[float, float]], beta: float) -> None:
    settings = Settings(beta=beta)
    correct = np.array([first for first, _ in pairs])
    every = correct - np.array([below for _, below in pairs])  # all paths together never cost more than some
    for loss in ALL:
        if loss.columns is None:
            continue
        found = loss.columns(correct, every, settings)
        each = [loss.function(Energies(c, all=a), settings) for c, a in zip(correct.tolist(), every.tolist())]
        np.testing.assert_allclose(found[0], [value.value for value in each], rtol=1e-14)
        np.testing.assert_allclose(found[1], [value.by_correct for value in each], rtol=1e-14)
        np.testing.assert_allclose(found[2], [value.by_all for value in each], rtol=1e-14)

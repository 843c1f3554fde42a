"""Language models, hot words and word energies in every command, and rescored lattices that are written."""

from __future__ import annotations

import itertools
import json
import math
import pathlib
from collections.abc import Sequence

import pytest
from support.commands import records, run
from support.grammar_oracle import read_model, word_energies

OLD = """\\data\\
ngram 1=5
ngram 2=2

\\1-grams:
-99 <s> -0.3
-0.9 </s>
-0.5 a -0.2
-0.8 b
-1.1 <unk>

\\2-grams:
-0.4 <s> b
-0.1 a b

\\end\\
"""
NEW = OLD.replace("-0.5 a", "-1.5 a").replace("-0.1 a b", "-0.7 a b")
#: Two places with three words each; c is none of the models'.
WORDS = ("a", "b", "c")
ARCS = [
    (node, word, 0.3 * place + 0.5 * node, 1.0 - 0.2 * place) for node in (0, 1) for place, word in enumerate(WORDS)
]


@pytest.fixture
def files(tmp_path: pathlib.Path) -> dict[str, str]:
    arcs = [
        {"from": node, "to": node + 1, "label": word, "scores": {"acoustic": acoustic, "lm": own}}
        for node, word, acoustic, own in ARCS
    ]
    record = {"lattice": 1, "id": "two", "start": 0, "final": 2, "arcs": arcs, "target": "a b"}
    texts = {"two.json": json.dumps(record), "old.arpa": OLD, "new.arpa": NEW}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name.split(".")[0]: str(tmp_path / name) for name in texts}


def expected(model: str, words: Sequence[str]) -> float:
    grams, order = read_model(model)
    return sum(word_energies(tuple(word if (word,) in grams else "<unk>" for word in words), grams, order))


def energies() -> dict[tuple[str, ...], float]:
    """acoustic / 2 + lm - old + 2 new, a hot word and half a nat a word, of every answer."""
    found = {}
    for words in itertools.product(WORDS, repeat=2):
        own = {(node, word): acoustic / 2 + lm for node, word, acoustic, lm in ARCS}
        lattice = sum(own[node, word] for node, word in enumerate(words))
        judged = 2 * expected(NEW, words) - expected(OLD, words) - 0.25 * words.count("c") + 0.5 * len(words)
        found[words] = lattice + judged
    return found


def options(files: dict[str, str]) -> list[str]:
    models = ["--lm", files["old"], "--lm-scale", "-1", "--lm", files["new"], "--lm-scale", "2"]
    return [files["two"], "--scale", "acoustic=0.5", *models, "--hot", "c=0.25", "--word-energy", "0.5"]


def free_energy() -> float:
    return -math.log(sum(math.exp(-energy) for energy in energies().values()))


def test_sums_losses_and_bounds(files: dict[str, str]) -> None:
    (found,) = records(run("forward", *options(files), "--json").out)
    assert found["free_energy"] == pytest.approx(free_energy())
    assert found["best_energy"] == pytest.approx(min(energies().values()))
    done = run("loss", *options(files), "--loss", "nll", "--check", "--of", "new", "--json")
    assert done.status == 0
    (loss,) = records(done.out)
    assert loss["value"] == pytest.approx(energies()["a", "b"] - free_energy())
    (bound,) = records(run("bound", *options(files), "--json").out)
    assert bound["free_energy"] == pytest.approx(free_energy())


def test_draws(files: dict[str, str]) -> None:
    (found,) = records(run("sample", *options(files), "-n", "50", "--json").out)
    for path in found["paths"]:
        energy = energies()[tuple(path["output"])]
        assert path["energy"] == pytest.approx(energy)
        assert path["log_probability"] == pytest.approx(free_energy() - energy)


def test_best_answers_and_what_they_are_made_of(files: dict[str, str]) -> None:
    (found,) = records(run("viterbi", *options(files), "-n", "9", "--json").out)
    ranked = sorted(energies().items(), key=lambda pair: pair[1])
    scales = {"acoustic": 0.5, "lm": 1.0, "old": -1.0, "new": 2.0, "words": 0.5, "hot": 1.0}
    for path, (words, energy) in zip(found["paths"], ranked, strict=True):
        assert path["output"] == list(words)
        assert path["energy"] == pytest.approx(energy)
        assert set(path["scores"]) == set(scales)
        assert path["scores"]["new"] == pytest.approx(expected(NEW, words))
        assert path["scores"]["words"] == 2
        assert sum(scales[name] * value for name, value in path["scores"].items()) == pytest.approx(energy)


@pytest.mark.parametrize("command", [["compose"], ["prune", "--beam", "50"]])
def test_a_rescored_lattice_has_all_scores_and_takes_other_scales(files: dict[str, str], command: list[str]) -> None:
    written = run(*command, *options(files))
    assert written.status == 0
    (best,) = records(run("viterbi", "-", "--json", text=written.out).out)
    assert best["paths"][0]["energy"] == pytest.approx(min(energies().values()))
    without = ["--scale", "old=0", "--scale", "new=0", "--scale", "hot=0", "--scale", "words=0", "--scale", "lm=0"]
    (acoustic,) = records(run("viterbi", "-", *without, "--json", text=written.out).out)
    assert acoustic["paths"][0]["energy"] == pytest.approx(0.5 * 0.5)
    assert acoustic["paths"][0]["output"] == ["a", "a"]


def test_evaluation(files: dict[str, str]) -> None:
    (best, _), *_ = sorted(energies().items(), key=lambda pair: pair[1])
    (found,) = records(run("evaluate", *options(files), "--json").out)
    wrong = sum(one != other for one, other in zip(best, ("a", "b")))
    assert found["words"]["errors"] == wrong


def test_what_unknown_words_cost_is_said(files: dict[str, str]) -> None:
    done = run("viterbi", files["two"], "--scale", "acoustic=0", "--scale", "lm=30", "--lm", files["old"])
    assert done.err == (
        "lattice: the language model knows none of the 2 labels of the best answers: not 'c'; they cost "
        f"{2 * 1.1 * math.log(10) + 0.3 * math.log(10):.7g}\n"
    )


def test_a_name_that_both_have_is_refused_with_the_way_out(files: dict[str, str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "lm.arpa").write_text(NEW)
    model = str(tmp_path / "lm.arpa")
    done = run("viterbi", files["two"], "--lm", model, "--scale", "lm=2")
    assert done.status == 2
    assert "both the record and a grammar have a score 'lm'" in done.err
    (found,) = records(run("viterbi", files["two"], "--lm", model, "--as", "new", "--scale", "new=2", "--json").out)
    assert set(found["paths"][0]["scores"]) == {"acoustic", "lm", "new"}
    (found,) = records(run("viterbi", files["two"], "--lm", model, "--json").out)
    assert set(found["paths"][0]["scores"]) == {"acoustic", "lm", "lm2"}
    twice = run("viterbi", files["two"], "--lm", files["new"], "--scale", "new=2", "--lm-scale", "3")
    assert twice.status == 2
    assert "two weights for one model" in twice.err


@pytest.mark.parametrize("command", [["compose"], ["prune", "--beam", "50"]])
def test_hot_words_that_no_answer_can_have_change_nothing_and_are_named(
    files: dict[str, str], command: list[str]
) -> None:
    done = run(*command, files["two"], "--hot", "dog=2")
    assert done.status == 0
    assert "no answer can have these hot words, as labels or spelled: 'dog'" in done.err
    (plain,) = records(run("viterbi", files["two"], "--json").out)
    (found,) = records(run("viterbi", "-", "--json", text=done.out).out)
    assert found["paths"][0]["energy"] == plain["paths"][0]["energy"]


@pytest.mark.parametrize("command", ["compose", "prune", "forward", "sample", "bound", "viterbi"])
def test_a_record_without_nodes_has_no_path_whatever_judges_it(command: str) -> None:
    empty = json.dumps({"lattice": 1, "start": [], "final": [], "arcs": []})
    more = ["--beam", "1"] if command == "prune" else []
    done = run(command, "-", "--hot", "a=1", "--word-energy", "1", *more, text=empty)
    assert done.status == 1
    assert "no path: the graph has no nodes" in done.err

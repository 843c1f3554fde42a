"""Small inputs that once came out wrong, with the right values: by hand, by brute force, or by the system named.

The files were made for this purpose (tests/cases); each is an example of a kind.
"""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest
from support import ROOT
from support.commands import Done, records, run

CASES = ROOT / "tests" / "cases"
B = ("--logp", "--ctc", "_")
LN10 = math.log(10.0)


@pytest.fixture(autouse=True)
def _in_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)


def best(*arguments: str) -> list[tuple[Any, str]]:
    """(energy, answer) of each path of each record of `viterbi`."""
    done = run("viterbi", *arguments, "--json")
    assert done.status == 0, done.err
    return [(path["energy"], " ".join(path["output"])) for each in records(done.out) for path in each["paths"]]


def paths(*expected: tuple[float, str]) -> list[tuple[Any, str]]:
    return [(pytest.approx(energy, abs=1e-6), answer) for energy, answer in expected]


def words(*arguments: str) -> list[tuple[str, float | None, float | None]]:
    """(label, begin, end) of each word of the best answers."""
    found = records(run("viterbi", *arguments, "--confidence", "--json").out)
    return [(word["word"], word["begin"], word["end"]) for each in found for word in each["paths"][0]["words"]]


def errors(*arguments: str) -> tuple[int, int, float]:
    """(words of the references, errors, error rate) of `evaluate`."""
    done = run("evaluate", *arguments, "--json")
    assert done.status == 0, done.err
    found = records(done.out)[-1]["words"]
    return found["reference"], found["errors"], found["rate"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["kaldi-in-a.txt"], [(4.0, "5 6")]),
        (["slf-in-a.txt"], [(2.0, "a c")]),
        (["digits.att", "--epsilon", "<eps>"], [(0.75, "0 2")]),
        (["digits.att", "--epsilon", "<eps>", "--symbols", "digits.syms"], [(0.75, "0 2")]),
        (["srilm-extra-score.slf", "-n", "2"], [(3.7, "blue"), (12.0, "red")]),
        (["srilm-logzero.slf"], [(3 * LN10, "cat")]),
        (["srilm-logzero.slf", "--scale", "lm=0"], [(LN10, "dog")]),
        (["epsilon-at0.att"], [(0.3, "b")]),
        (["enter-exit.slf"], [(4.0, "yes")]),
        (["words-as-text.ark"], [(4.0, "the cat")]),
        (["word-penalty.ark", "--scale", "words=0.5", "-n", "2"], [(2.7, "3"), (3.0, "1 2")]),
        (["latin1-octal.slf", "--encoding", "latin-1"], [(1.0, "März")]),
        (["two-lattices.slf"], [(2.0, "yes"), (2.0, "no")]),
        (["02-sep.npy", "--labels", "02-sep.labels.txt", *B], [(0.8662557, "a | b |")]),
        (["03-redblue.npy", "--labels", "03-redblue.labels.txt", *B, "--lm", "03-words.arpa"],
         [(3.738414, "r e d   b l u e")]),
        (["03-redblue.npy", "--labels", "03-redblue.labels.txt", *B, "--lm", "03-words-nounk.arpa"],
         [(3.738414, "r e d   b l u e")]),
        (["10-bpe.npy", "--labels", "10-bpe.labels.txt", "--logp", "--ctc", "<blank>", "--hot", "hello=2"],
         [(-1.5645758, "▁he llo ▁wor ld")]),
        (["10-bpe.npy", "--labels", "10-tokens.txt", "--logp"], [(0.4354242, "▁he llo ▁wor ld")]),
        (["10-bpe.npy", "--labels", "10-list.json", "--logp"], [(0.4354242, "▁he llo ▁wor ld")]),
        (["11-batch.npz", "--labels", "11-labels.txt", *B], [(2.34276, "b c a c"), (1.606512, "b c")]),
        (["11-one-line.npy", "--labels", "11-labels.txt", *B], [(2.34276, "b c a c")]),
        (["14-probabilities.npy", "--labels", "14-labels.txt", "--prob", "--ctc", "_"], [(2.34276, "b c a c")]),
        (["17-f64.npy", "--labels", "17-alphabet.txt", *B], [(2.34276, "b # a #")]),
    ],
    ids=lambda value: value[0] if isinstance(value[0], str) else "",
)  # fmt: skip
def test_energies_and_answers(arguments: list[str], expected: list[tuple[float, str]]) -> None:
    assert best(*arguments) == paths(*expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["oneletter.ark", "--osymbols", "oneletter.syms", "-r", "oneletter.tsv"], (4, 1, 0.25)),
        (["two.ark", "--osymbols", "two.words", "-r", "two.kaldi-text"], (3, 0, 0.0)),
        (["05-two.ark", "--osymbols", "05-words.txt", "-r", "05-text"], (2, 0, 0.0)),
        (["05-two.ark", "--osymbols", "05-words.txt", "-r", "05-manifest.json"], (2, 0, 0.0)),
        (["enter-exit.slf", "-r", "enter-exit.ref"], (1, 0, 0.0)),
        (["01-dig.npy", "--labels", "01-dig.labels.txt", *B, "-r", "01-dig.ref.txt"], (3, 0, 0.0)),
        (["10-bpe.npy", "--labels", "10-bpe.labels.txt", "--logp", "-r", "10-ref.txt"], (2, 0, 0.0)),
    ],
    ids=lambda value: value[0] if isinstance(value[0], str) else "",
)
def test_error_rates(arguments: list[str], expected: tuple[int, int, float]) -> None:
    assert errors(*arguments) == expected


def test_error_rates_of_answers_are_those_of_graphs() -> None:
    answers = run("viterbi", "oneletter.ark", "--osymbols", "oneletter.syms", "--json").out
    done = run("evaluate", "-", "-r", "oneletter.tsv", "--json", text=answers)
    assert records(done.out)[-1]["words"]["rate"] == 0.25


def test_a_target_with_spaces_is_read_with_them_where_labels_have_one() -> None:
    done = run("loss", "01-dig.npy", "--labels", "01-dig.labels.txt", *B, "-t", "3 4 1", "--loss", "nll", "--json")
    assert records(done.out)[0]["value"] == pytest.approx(5 * -math.log(0.92), abs=1e-5)


def test_times() -> None:
    # Not node numbers for rows, of which the case tells; but frames, one a transition-id.
    assert words("no-times.ark") == [("1", 0.0, 3.0), ("3", 3.0, 5.0)] * 2
    assert words("sphinx4-times.slf") == [("hello", 0.3, 0.7), ("world", 0.7, 1.2)]


@pytest.mark.parametrize("separator", ["|", " ", "xx"])
def test_a_separator_belongs_to_no_word_whatever_it_is_called(separator: str, tmp_path: pathlib.Path) -> None:
    grammar, labels = tmp_path / "x.json", tmp_path / "labels.txt"
    labels.write_text(f"_\na\nb\n{separator}\n")
    made = run(
        "grammar", "words", "-", "--loop", separator, "--around", "--output-words", "-o", str(grammar), text="a\nb\n"
    )
    assert made.status == 0
    found = words("02-sep.npy", "--labels", str(labels), *B, "-g", str(grammar))
    assert found == [("a", 0.0, 2.0), ("b", 10.0, 12.0)]


def test_word_pieces_have_the_times_of_words() -> None:
    found = words("10-bpe.npy", "--labels", "10-bpe.labels.txt", "--logp")
    assert found == [("hello", 0.0, 3.0), ("world", 3.0, 6.0)]


def test_an_answer_that_does_not_fit_shows_though_it_is_the_only_one() -> None:
    wrong = run(
        "viterbi", "12-align.npy", "--labels", "12-labels.txt", *B, "-g", "12-wrong.txt", "--confidence", "--json"
    )
    (path,) = records(wrong.out)[0]["paths"]
    assert [word["confidence"] for word in path["words"]] == pytest.approx([1.0] * 6)
    assert sorted(word["mean_probability"] for word in path["words"]) == pytest.approx([0.02] * 4 + [0.94] * 2)


def test_each_answer_has_its_posterior_over_all_alignments() -> None:
    done = run(
        "viterbi", "13-sum.npy", "--labels", "13-labels.txt", *B, "-n", "2", "--distinct", "--confidence", "--json"
    )
    (found,) = records(done.out)
    assert [(path["text"], path["confidence"]) for path in found["paths"]] == [
        ("", pytest.approx(0.36)),
        ("a", pytest.approx(0.64)),
    ]
    assert found["confidence"] == found["paths"][0]["confidence"]


def best_of_grammar(file: str, sentence: list[str], *arguments: str) -> Done:
    """The energy that a grammar gives a sentence."""
    arcs = [[place, place + 1, word, 0.0] for place, word in enumerate(sentence)]
    text = json.dumps({"lattice": 1, "start": 0, "final": len(sentence), "arcs": arcs})
    return run("viterbi", "-", "-g", file, "--json", *arguments, text=text)


@pytest.mark.parametrize(
    ("file", "sentence", "energy"),
    [
        ("unigram-zero-backoff.arpa", ["a"], 1.386294),
        ("missing-context.arpa", ["a", "b", "a"], 4.842543),
        ("06-u3000.arpa", ["\u3000"], (0.3 + 0.9 + 0.3 + 0.9) * LN10),
        ("07-zero-backoff-highest.arpa", ["red", "blue"], None),
        ("04-mfa.dict", ["r", "e", "d"], -math.log(0.99)),
        ("04-mfa.dict", ["b", "l", "u", "e"], -math.log(0.5)),
    ],
)
def test_language_models_and_dictionaries(file: str, sentence: list[str], energy: float | None) -> None:
    done = best_of_grammar(file, sentence)
    assert done.status == 0, done.err
    if energy is not None:
        assert records(done.out)[0]["paths"][0]["energy"] == pytest.approx(energy, abs=1e-5)


def test_sentence_tags_of_a_kaldi_lattice_are_those_of_the_model() -> None:
    found = best("sentence-tags.ark", "--osymbols", "sentence-tags.words", "--lm", "sentence-tags.arpa")
    assert found == paths((4.0 + (0.5 + 0.6 + 0.3) * LN10, "a b"))


def test_numbers_of_nodes_are_kept(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "out.slf"
    for command in (
        ["convert", "unsorted-ids.slf", str(target)],
        ["prune", "unsorted-ids.slf", "--beam", "9", "-o", str(target)],
    ):
        assert run(*command).status == 0
        assert "I=5" in target.read_text()
        assert "start=5" in target.read_text()


@pytest.mark.parametrize(
    "models",
    [
        ["--lm", "old.arpa", "--lm-scale", "-1", "--lm", "new.arpa"],
        ["--lm", "new.arpa", "--lm", "old.arpa", "--lm-scale", "-1"],
        ["--lm", "new.arpa", "--lm-scale", "1", "--lm", "old.arpa", "--lm-scale=-1"],
    ],
)
def test_a_model_is_taken_out_and_another_put_in(models: list[str]) -> None:
    found = best("rescore.ark", "--osymbols", "rescore.words", "-n", "2", *models)
    assert found == paths((2.134740, "blue"), (4.516291, "red"))


@pytest.mark.parametrize(
    "models",
    [
        ["--lm-scale", "2"],
        ["--lm-scale", "2", "--lm", "old.arpa", "--lm", "new.arpa"],
        ["--lm", "old.arpa", "--lm-scale", "2", "--lm-scale", "1", "--lm", "new.arpa"],
        ["--lm", "old.arpa", "--lm-scale", "inf"],
    ],
)
def test_scales_of_models_that_belong_to_none_are_refused(models: list[str]) -> None:
    done = run("viterbi", "rescore.ark", "--osymbols", "rescore.words", *models)
    assert done.status == 2
    assert "--lm" in done.err


def test_what_a_language_model_does_not_know_is_said(tmp_path: pathlib.Path) -> None:
    """One in another case knows nothing of a lattice, and every word is its unknown one."""
    model = tmp_path / "upper.arpa"
    model.write_text((CASES / "new.arpa").read_text().replace("\tred", "\tRED").replace("\tblue", "\t<unk>"))
    done = run("viterbi", "rescore.ark", "--osymbols", "rescore.words", "--lm", str(model), "-n", "2")
    assert done.status == 0
    said = "lattice: the language model knows none of the 1 label of the best answers: not "
    assert done.err.startswith((f"{said}'blue'; they cost ", f"{said}'red'; it has 'RED'; they cost "))


def test_what_is_guessed_is_said() -> None:
    logp = run("viterbi", "14-probabilities.npy", "--labels", "14-labels.txt", *B)
    assert "look like probabilities: they add up to 1; --prob reads them so" in logp.err
    assert run("viterbi", "latin1-octal.slf").err.count("--encoding latin-1") == 1
    assert "transitions 3, but 4 lines follow" in run("viterbi", "x.pfsg").err


@pytest.mark.skipif(not (ROOT / ".." / "shared" / "cases").is_dir(), reason="the shared cases are not here")
def test_every_case_is_here() -> None:
    """But for those of speed (08, 09), and a script with paths of another machine."""
    elsewhere = {"README.md", "faults", "08-clean-500x28.npy", "08-labels.txt", "09-make-peaky.py", "x.scp"}
    shared = {path.name for path in (ROOT / ".." / "shared" / "cases").iterdir()}
    assert shared - elsewhere == {path.name for path in CASES.iterdir()} - {"faults"}

"""References in the forms that people have them in, and answers read back as what was printed of them."""

from __future__ import annotations

import json
import pathlib
import tempfile
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commands import Done, records, row_of, save

from lattice_cli.cli.main import cli
from lattice_cli.errors import LatticeError

#: Label tables: words of one letter, characters without and with white space, word pieces, bars, words.
TABLES = (
    ["I", "a", "am"],
    ["a", "b", "c"],
    ["a", "b", " "],
    ["\u2581he", "llo", "\u2581a", "b"],
    ["he", "##llo", "a", "##b"],
    ["he@@", "llo", "a"],
    ["a", "b", "|"],
    ["red", "blue", "<unk>"],
)
KALDI = ["u1 the a", "u2 a"]
WORDS = [row_of("the", "a", id="u1"), row_of("a", id="u2")]


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(*arguments: str) -> Done:
    """A command in this process."""
    found = CliRunner().invoke(cli, arguments, standalone_mode=False)
    if isinstance(found.exception, LatticeError):
        return Done(found.exception.exit_status, found.stdout, f"{found.stderr}lattice: {found.exception}\n")
    assert found.exception is None, found.exception
    return Done(found.return_value, found.stdout, found.stderr)


def figures(done: Done) -> dict[str, Any]:
    assert done.status == 0, done.err
    return records(done.out)[-1]


@st.composite
def data_sets(draw: st.DrawFn, whole: bool) -> list[dict[str, Any]]:
    """A few graphs over labels of one table, some with two answers, of which the reference is one.

    whole: each has a path of all labels, so that it tells by itself how they spell words.
    """
    table = draw(st.sampled_from(TABLES))
    # Of texts white space at the ends means nothing.
    answers = st.lists(st.sampled_from(table), max_size=4).filter(lambda labels: " " not in [*labels[:1], *labels[-1:]])
    found = []
    for number in range(draw(st.integers(1, 3))):
        best, other = draw(answers), table if whole else draw(st.none() | answers)
        arcs: list[list[Any]] = [[step, step + 1, label, 0.5] for step, label in enumerate(best)]
        final = [len(best)] if whole or draw(st.integers(0, 3)) else []  # now and then there is no path
        if other is not None:
            first = len(best) + 1
            inner = [0, *range(first, first + len(other))]
            arcs += [[tail, head, label, 5] for tail, head, label in zip(inner, inner[1:], other)]
            final += [inner[-1]] if other else []
        target = draw(st.sampled_from([best, other or best]))
        found.append({"lattice": 1, "id": f"r{number}", "start": 0, "final": final, "arcs": arcs, "target": target})
    return found


@settings(max_examples=60, deadline=None)
@given(st.booleans().flatmap(lambda whole: st.tuples(data_sets(whole), st.just(whole))))
def test_graphs_and_their_answers_are_evaluated_alike(given: tuple[list[dict[str, Any]], bool]) -> None:
    graphs, as_text = given
    with tempfile.TemporaryDirectory() as folder:
        path, told, table = (f"{folder}/{name}" for name in ("graphs.jsonl", "answers.jsonl", "right.tsv"))
        save(path, *graphs)
        answers = said("viterbi", path, "--json")
        assert answers.status <= 1
        pathlib.Path(told).write_text(answers.out, encoding="utf-8")
        references = []
        if as_text:
            texts = {line["id"]: line["paths"][0].get("text") for line in records(answers.out)}
            save(table, *(f"{record_id}\t{text}" for record_id, text in texts.items()))
            references = ["-r", table]
        of_graphs, of_answers = (said("evaluate", each, *references, "--json") for each in (path, told))
    assert of_graphs.out == of_answers.out
    assert of_graphs.status == of_answers.status <= 1
    if as_text:
        assert figures(of_graphs)["labels"]["errors"] == 0, "what is printed reads back as the same answer"


FORMS = {
    "text": KALDI,
    "hyp.trn": [";; of sclite", "the a (u1)", "a (u2)"],
    "manifest.json": [{"audio_filepath": f"x/{each[:2]}.wav", "duration": 1.5, "text": each[3:]} for each in KALDI],
    "named.json": [{"utt_id": "u2", "target": "a"}, {"id": "u1", "text": "the a"}],
    "table.csv": ["path,id,Text", 'x,u1,"the a"', "y,u2,a"],
    "table.tsv": ["id\trank\ttext", "u2\t1\ta", "u1\t1\tthe a"],
}


@pytest.mark.parametrize("name", FORMS)
def test_references_are_recognised_by_their_ids(name: str) -> None:
    save("graphs.jsonl", *WORDS)
    save(name, *FORMS[name])
    done = said("evaluate", "graphs.jsonl", "-r", name, "--json")
    assert (figures(done)["labels"]["reference"], figures(done)["labels"]["errors"]) == (3, 0)


def test_how_ids_were_recognised_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    save("graphs.jsonl", *WORDS)
    for name in ("text", "hyp.trn", "manifest.json", "table.csv"):
        save(name, *FORMS[name])
    assert (
        "text: read as Kaldi's text: the first word of each line is a record's id"
        in said("evaluate", "graphs.jsonl", "-r", "text").err
    )
    assert "hyp.trn: read as sclite's .trn" in said("evaluate", "graphs.jsonl", "-r", "hyp.trn").err
    assert "ids are the names of the files" in said("evaluate", "graphs.jsonl", "-r", "manifest.json").err
    assert "not read: columns 'path'" in said("evaluate", "graphs.jsonl", "-r", "table.csv").err


def test_lines_without_ids_stay_in_the_order_of_the_records() -> None:
    save("graphs.jsonl", *WORDS)
    done = said("evaluate", "graphs.jsonl", "-r", save("lines", "the a", "a"), "--json")
    order = "note: lines: read as a text a line, in the order of the records"
    assert (figures(done)["labels"]["errors"], done.err) == (0, f"{order}; no line has the id 'u1'\n")
    done = said("evaluate", "graphs.jsonl", "-r", save("lines", "a a", "a"), "--json")
    assert done.err == "", "two lines cannot have the same id, so none was guessed"
    done = said("evaluate", "graphs.jsonl", "-r", save("lines", "the a", "u2"), "--json")
    assert "1 id of 2 records is in a line, the first record's is not" in done.err


MISSING = [
    (["u1 the a", "u3 a"], "1 of 2 records has no reference: u2 (found is read as Kaldi's text"),
    (["u1 the a", "u3 a"], "1 reference without a record: u3"),
    (["u1\tthe a", "u4\ta", "u3\ta"], "1 of 2 records has no reference: u2 (expected their ids in found)"),
    (["u1\tthe a", "u4\ta", "u3\ta"], "2 references without a record: u4, u3"),
    (["the a"], "u2 (found ends after 1 line, expected a line for each record; no line has the id 'u1')"),
    (["the a", "a", "", "x"], "2 references without a record: found:3, found:4"),
    (["{ the / a } a (u1)", "a (u2)"], "found:1: alternatives { a / b }, expected one reference"),
    (["id\ttext", "u1"], "found:2: has 1 field, but the heading has id, text"),
    (["id,text", '"u1', "the a"], "found:3: has 1 field, but the heading has id, text"),
    ([{"audio_filepath": "a/u1.wav", "text": "a"}, {"audio_filepath": "b/u1.wav", "text": "a"}], "comes a second time"),
    ([{"audio_filepath": "a/u1.wav"}], 'found:1: no "target" key'),
]


@pytest.mark.parametrize(("lines", "message"), MISSING)
def test_what_is_missing_is_counted_and_named(lines: list[Any], message: str) -> None:
    save("graphs.jsonl", *WORDS)
    done = said("evaluate", "graphs.jsonl", "-r", save("found", *lines))
    assert done.status == 3
    assert message in done.err
    assert done.out == "", "no figures of a part"


def test_long_and_hostile_lines_are_read() -> None:
    save("graphs.jsonl", *WORDS)
    lines = {
        "long": ["a, " * 100_000, "a"],
        "blank": [" " * 200_000 + "x", "a"],
        "braces": ["{" + "/" * 200_000 + " (u1)", "a (u2)"],
        "brackets": ["(" * 200_000, "a"],
        "nul": ["id,\0text", "a"],
    }
    for name, text in lines.items():
        assert said("evaluate", "graphs.jsonl", "-r", save(name, *text), "--json").status == 0
    quoted = said("evaluate", "graphs.jsonl", "-r", save("quoted.csv", "id,text", 'u1,"' + "a" * 200_000))
    assert (quoted.status, "quoted.csv:2: not a table of fields" in quoted.err) == (3, True), quoted.err


def test_records_without_a_reference_are_left_out_and_counted() -> None:
    save("graphs.jsonl", *WORDS)
    done = said("evaluate", "graphs.jsonl", "-r", save("right.tsv", "u2\ta"), "--keep-going", "--per-record", "--json")
    assert done.status == 3
    *each, whole = records(done.out)
    assert [(line["id"], line["status"]) for line in each] == [("u2", "ok"), ("u1", "bad-data")]
    assert (whole["records"], whole["left_out"]) == (1, 1)
    done = said("evaluate", "graphs.jsonl")
    assert 'no reference: u1, u2 (expected "target" in each record, or -r REFERENCES)' in done.err
    assert done.status == 3


def test_another_form_of_unicode_is_told() -> None:
    save("graphs.jsonl", row_of("caf\u00e9", "a", id="u1"))
    done = said("evaluate", "graphs.jsonl", "-r", save("right.tsv", "u1\tcafe\u0301 a"), "--json")
    assert figures(done)["labels"]["errors"] == 1
    assert "the same in another form of Unicode" in done.err
    letters = row_of(*"caf\u00e9", id="u1")
    done = said("evaluate", save("letters.jsonl", letters), "-r", save("right.tsv", "u1\tcafe\u0301"), "--json")
    assert "the same in another form of Unicode" in done.err
    assert said("evaluate", "letters.jsonl", "-r", save("right.tsv", "u1\tcaf\u00e9")).err == ""


def test_words_of_one_letter_in_one_record_are_words_in_all() -> None:
    """The lattice of u2 has only the word I."""
    arcs = ["u1", "0 1 3 1,1,3", "1 2 7 1,1,3", "2", "", "u2", "0 1 6 1,1,3", "1", ""]
    save("two.ark", *arcs)
    save("words.txt", "<eps> 0", "the 3", "I 6", "cat 7", "am 8")
    save("right.tsv", "u1\tthe cat", "u2\tI am")
    done = said("evaluate", "two.ark", "--osymbols", "words.txt", "-r", "right.tsv", "--json")
    found = figures(done)["labels"]
    assert [found[key] for key in ("reference", "correct", "deletions", "rate")] == [4, 3, 1, 0.25]


def test_a_reference_of_digits_between_spaces() -> None:
    """Labels of a matrix are digits and a space, as is the reference."""
    rows = [[5.0 if column != best else 0.1 for column in range(5)] for best in (1, 2, 3, 2, 4)]
    save("digits.json", json.dumps({"lattice": 1, "labels": ["_", "3", " ", "4", "1"], "emissions": rows}))
    done = said("evaluate", "digits.json", "--ctc", "_", "-r", save("right.txt", "3 4 1"), "--json")
    assert (figures(done)["labels"]["errors"], figures(done)["words"]["reference"]) == (0, 3)

"""The evaluate command in real processes: pipes, references in all forms, bad input, exit statuses."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest
from support.commands import CUT, ESCAPE, LECTURE, WORDS, Done, pipe, records, row_of, run, save, terminal

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def result(record_id: str, *outputs: str, **more: Any) -> dict[str, Any]:
    """A line of viterbi --json."""
    paths = [{"energy": float(rank), "output": list(output)} for rank, output in enumerate(outputs)]
    return {"id": record_id, "status": "ok", "paths": paths, **more}


NO_PATH = {"id": "b", "status": "no-path", "message": "no path"}


def three() -> str:
    """a is right, b has no path, c is wrong, but its second answer is right."""
    return save("results.jsonl", result("a", "xy"), NO_PATH, result("c", "x", "xz"))


def summary(done: Done) -> dict[str, Any]:
    """The last object."""
    return records(done.out)[-1]


def test_output_is_as_documented() -> None:
    save("references.txt", "xy", "yx", "xz")
    done = run("evaluate", three(), "-r", "references.txt", "--json", "--per-record")
    assert (done.status, done.err) == (0, "")
    *each, whole = records(done.out)
    assert [(line["id"], line["status"], line["answer"]) for line in each] == [
        ("a", "ok", ["x", "y"]),
        ("b", "no-path", None),
        ("c", "ok", ["x"]),
    ]
    assert each[2] == {
        "id": "c",
        "status": "ok",
        "reference": ["x", "z"],
        "answer": ["x"],
        "correct": 1,
        "substitutions": 0,
        "insertions": 0,
        "deletions": 1,
        "pairs": [["x", "x"], ["z", None]],
        "words": {"correct": 0, "substitutions": 1, "insertions": 0, "deletions": 0},
    }
    assert (whole["records"], whole["no_path"], whole["left_out"]) == (3, 1, 0)
    assert whole["exact"]["count"] == 1
    assert whole["labels"] == {
        "reference": 6,
        "correct": 3,
        "substitutions": 0,
        "insertions": 0,
        "deletions": 3,
        "errors": 3,
        "rate": 0.5,
        "interval": [0.0, 1.0],
    }
    assert (whole["words"]["are"], whole["words"]["rate"]) == ("joined", 2 / 3)
    assert (whole["best_of_n"]["n"], whole["best_of_n"]["errors"], whole["best_of_n"]["exact"]["count"]) == (2, 2, 2)
    assert whole["confusions"][0] == {"reference": "x", "answer": None, "count": 1, "of": 3}
    assert "reject" not in whole
    assert "oracle" not in whole


def test_references_in_every_form_give_the_same() -> None:
    forms = {
        "lines.txt": ["xy", "yx", "xz"],
        "tabs.tsv": ["c\txz", "a\txy", "", "b\tyx"],
        "objects.jsonl": [{"id": "c", "target": "xz"}, {"id": "a", "target": ["x", "y"]}, {"id": "b", "target": "yx"}],
        "graphs.jsonl": [row_of("q", id="b", target="yx"), row_of(id="c", target="xz"), row_of(id="a", target="xy")],
    }
    for name, lines in forms.items():
        save(name, *lines)
    yaml = "lattice: 1\nid: {}\ntarget: {}\nstart: 0\nfinal: 0\narcs: []\n"
    documents = [yaml.format(*pair) for pair in (("a", "xy"), ("b", "yx"), ("c", "xz"))]
    pathlib.Path("graphs.yaml").write_text("---\n".join(documents))
    pathlib.Path("lines-2.txt").write_bytes(b"xy\r\nyx\r\nxz")
    outputs = {run("evaluate", three(), "-r", name, "--json") for name in [*forms, "graphs.yaml", "lines-2.txt"]}
    assert {(done.status, done.err) for done in outputs} == {(0, "")}
    assert len(outputs) == 1
    own = [result("a", "xy", target="xy"), {**NO_PATH, "target": "yx"}, result("c", "x", "xz", target=["x", "z"])]
    assert run("evaluate", save("own.jsonl", *own), "--json") in outputs
    text = pathlib.Path("tabs.tsv").read_bytes()
    assert run("evaluate", three(), "-r", "-", "--json", text=text) in outputs


def test_decode_and_evaluate_in_a_pipe() -> None:
    piped, statuses = pipe(["viterbi", LECTURE, CUT, "--json"], ["evaluate", "-", "--json"])
    assert statuses == [0, 0]
    direct = run("evaluate", LECTURE, CUT, "--json")
    assert piped.decode() == direct.out
    assert summary(direct)["labels"]["errors"] == 3


def test_graphs_are_decoded_with_a_grammar_and_their_closest_paths_found() -> None:
    done = run("evaluate", CUT, "-g", WORDS, "--oracle", "--reject", "-n", "3", "--json", "--per-record")
    assert done.status == 0
    record, whole = records(done.out)
    assert record["answer"] == ["c", "a", "p"]
    assert record["oracle"] == {"errors": 0, "output": ["c", "u", "t"], "energy": pytest.approx(2.0)}
    # Three words at energies 0.8, 1.4 and 2.
    assert record["confidence"] == pytest.approx(1 / (1 + 2.718281828459045**-0.6 + 2.718281828459045**-1.2))
    assert whole["oracle"]["errors"] == 0
    assert whole["best_of_n"]["exact"]["count"] == 1
    assert whole["reject"]["at"] is None
    assert whole["reject"]["area"] == 1.0


def test_rejection_by_the_confidences_of_results() -> None:
    lines = [
        result(str(rank), "x" if rank % 10 else "z", target="x", confidence=1 - rank / 100) for rank in range(1, 31)
    ]
    lines.append({"id": "none", "status": "no-path", "target": "x"})
    done = run("evaluate", save("sure.jsonl", *lines), "--reject-at", "0.04", "--json")
    reject = summary(done)["reject"]
    assert reject["limit"] == 0.04
    assert len(reject["points"]) == 30
    assert reject["at"] == {
        "threshold": pytest.approx(0.81),
        "accepted": 19,
        "errors": 1,
        "correct_rate": 18 / 31,
        "reject_rate": 12 / 31,
        "error_rate": 1 / 31,
    }
    shown = run("evaluate", "sure.jsonl", "--reject")
    assert "at most 1 % error: 29.03 % correct, 70.97 % reject, 0.00 % error, at a confidence of 0.91" in shown.out
    assert "without a path: 1 record, counted" in shown.out


def test_a_threshold_that_was_found_on_other_records_is_applied() -> None:
    found = [
        result(str(rank), "x" if rank % 10 else "z", target="x", confidence=1 - rank / 100) for rank in range(1, 31)
    ]
    save("valid.jsonl", *found)
    others = [(0.95, "x"), (0.82, "z"), (0.81, "x"), (0.8, "x"), (0.5, "z")]
    tested = [result(str(at), said, target="x", confidence=sure) for at, (sure, said) in enumerate(others)]
    save("test.jsonl", *tested, {"id": "none", "status": "no-path", "target": "x"})
    at = run("evaluate", "valid.jsonl", "--reject-at", "0.04", "--json", "--per-record")
    save("at.json", *records(at.out))
    expected = {"accepted": 3, "errors": 1, "correct_rate": 2 / 6, "reject_rate": 3 / 6, "error_rate": 1 / 6}
    for threshold in ("at.json", "0.81"):
        whole = summary(run("evaluate", "test.jsonl", "--threshold", threshold, "--json"))
        assert whole["threshold"] == {"threshold": pytest.approx(0.81), **expected}
        assert "reject" not in whole, "a curve of these records was not asked for"
    both = summary(run("evaluate", "test.jsonl", "--threshold", "0.81", "--reject-at", "0", "--json"))
    assert both["threshold"]["accepted"] == 3
    assert both["reject"]["at"]["threshold"] == 0.95
    shown = run("evaluate", "test.jsonl", "--threshold", "at.json", "--html", "page.html")
    assert "2 answers correct, 3 rejected, 1 wrong, of 6" in shown.out
    assert "risk-coverage" not in shown.out
    assert "3 rejected" in pathlib.Path("page.html").read_text()
    same = summary(run("evaluate", "valid.jsonl", "--threshold", "at.json", "--json"))
    where = records(at.out)[-1]["reject"]["at"]
    assert same["threshold"] == where, "on the records that it was found on it accepts what it did there"
    graphs = summary(run("evaluate", CUT, "-g", WORDS, "--threshold", "0.3", "--beta", "2", "--json"))
    assert graphs["threshold"] == {
        "threshold": 0.3, "accepted": 1, "errors": 1, "correct_rate": 0.0, "reject_rate": 0.0, "error_rate": 1.0,
    }  # fmt: skip


def test_several_files_of_either_kind_are_one_evaluation() -> None:
    graph = save("graph.jsonl", row_of("x", "y", id="g", target="xy"))
    own = save("own.jsonl", result("a", "xy", target="xz"))
    done = run("evaluate", graph, own, "--json")
    assert (done.status, summary(done)["records"], summary(done)["labels"]["errors"]) == (0, 2, 1)


BAD = [
    (["results.jsonl"], 3, '3 of 3 records have no reference: a, b, c (expected "target" in each record, or -r REF'),
    (["results.jsonl", "-r", "absent"], 3, "absent: cannot read"),
    (["absent", "-r", "right.tsv"], 3, "absent: cannot read"),
    (["results.jsonl", "-r", "empty"], 3, "empty: is empty, expected references"),
    (["empty", "-r", "right.tsv"], 3, "empty: is empty"),
    (
        ["results.jsonl", "-r", "two.txt"],
        3,
        "1 of 3 records has no reference: c (two.txt ends after 2 lines, expected a li",
    ),
    (["results.jsonl", "-r", "four.txt"], 3, "1 reference without a record: four.txt:4"),
    (["results.jsonl", "-r", "fewer.tsv"], 3, "1 of 3 records has no reference: c (expected their ids in fewer"),
    (["results.jsonl", "-r", "more.tsv"], 3, "1 reference without a record: d"),
    (["results.jsonl", "-r", "twice.tsv"], 3, "twice.tsv:2: id 'a' comes a second time, it was at twice.tsv:1"),
    (["results.jsonl", "-r", "untabbed.tsv"], 3, "untabbed.tsv:2: no tab"),
    (["results.jsonl", "-r", "tabbed.txt"], 3, "tabbed.txt:2: has a tab"),
    (["results.jsonl", "-r", "targetless.jsonl"], 3, 'targetless.jsonl:1: no "target" key'),
    (["results.jsonl", "-r", "number.jsonl"], 3, "number.jsonl:1: target is 34, expected a text or a list"),
    (["results.jsonl", "-r", "latin.txt"], 3, "latin.txt:2: byte 0xe9 is not UTF-8"),
    (["results.jsonl", "results.jsonl", "-r", "right.tsv"], 3, "results.jsonl:1: id 'a' comes a second time"),
    (["failed.jsonl", "-r", "right.tsv"], 3, "failed.jsonl:1: the record has no result, its status is 'diverged': oh"),
    (["losses.jsonl", "-r", "right.tsv"], 3, 'losses.jsonl:1: no "paths" key, expected a line of lattice viterbi'),
    (["outputless.jsonl", "-r", "right.tsv"], 3, "outputless.jsonl:1: output of a path is null, expected a list"),
    (["broken.jsonl", "-r", "right.tsv"], 3, "broken.jsonl:2: not JSON"),
    (["results.jsonl", "-r", "right.tsv", "--oracle"], 2, "holds answers, but --oracle can only be used on graphs"),
    (["results.jsonl", "-r", "right.tsv", "--ctc", "x", "-n", "2"], 2, "but --ctc, -n can only be used on graphs"),
    (["results.jsonl", "-r", "right.tsv", "--reject"], 2, "results.jsonl:1: rejecting needs a confidence"),
    (["-", "-r", "-"], 2, "standard input (-) is given twice"),
    (["results.jsonl", "--reject-at", "2"], 2, "--reject-at"),
    (["results.jsonl", "--threshold", "1.5"], 2, "1.5 is not a confidence from 0 to 1"),
    (["results.jsonl", "--threshold", "nan"], 2, "nan is not a confidence from 0 to 1"),
    (["results.jsonl", "--threshold", "0.5", "--tsv"], 2, "--threshold gives a table of its own"),
    (["results.jsonl", "-r", "right.tsv", "--threshold", "0.5"], 2, "results.jsonl:1: rejecting needs a confidence"),
    (["results.jsonl", "--threshold", "results.jsonl"], 3, 'results.jsonl: no "reject" key, expected what lattice'),
    (["results.jsonl", "--threshold", "broken.jsonl"], 3, "broken.jsonl:2: not JSON"),
    (["results.jsonl", "--threshold", "nowhere.json"], 3, "nowhere.json: "),
    (["results.jsonl", "--threshold", "all.json"], 3, "all.json: everything has to be rejected there for at most 1 %"),
    (["-", "--threshold", "-"], 2, "standard input (-) is given twice"),
    (["round.jsonl"], 4, "round: there is no least energy"),
]


@pytest.mark.parametrize(("arguments", "status", "message"), BAD, ids=[" ".join(case[0]) for case in BAD])
def test_bad_input_is_named(arguments: list[str], status: int, message: str) -> None:
    three()
    save("empty")
    save("right.tsv", "a\txy", "b\tyx", "c\txz")
    save("all.json", {"status": "ok", "reject": {"limit": 0.01, "at": None}})
    save("two.txt", "xy", "yx")
    save("four.txt", "xy", "yx", "xz", "zz")
    save("fewer.tsv", "a\txy", "b\tyx")
    save("more.tsv", "a\txy", "b\tyx", "c\txz", "d\tzz")
    save("twice.tsv", "a\txy", "a\tyx")
    save("untabbed.tsv", "a\txy", "b yx")
    save("tabbed.txt", "xy", "b\tyx")
    save("targetless.jsonl", {"id": "a"})
    save("number.jsonl", {"id": "a", "target": 34})
    pathlib.Path("latin.txt").write_bytes(b"xy\ncaf\xe9\n")
    save("failed.jsonl", {"id": "a", "status": "diverged", "message": "oh"})
    save("losses.jsonl", {"id": "a", "status": "ok", "loss": "nll", "value": 1})
    save("outputless.jsonl", {"id": "a", "status": "ok", "paths": [{"energy": 1}]})
    save("broken.jsonl", result("a", "xy"), "{")
    loop = {"lattice": 1, "id": "round", "target": "a", "start": 0, "final": 0, "arcs": [[0, 0, "a", -1]]}
    save("round.jsonl", loop)
    done = run("evaluate", *arguments)
    assert done.status == status
    assert message in done.err
    assert done.out == "", "no figures of a part"


def test_keep_going_leaves_out_and_counts() -> None:
    save("mixed.jsonl", result("a", "xy"), "{", {"id": "c", "status": "bad-data"}, result("d", "x"), result("e", "z"))
    save("references.tsv", "a\txy", "c\txz", "e\tz", "f\tw")
    done = run("evaluate", "mixed.jsonl", "-r", "references.tsv", "--keep-going", "--per-record", "--json")
    assert done.status == 3
    *each, whole = records(done.out)
    assert [(line["id"], line["status"]) for line in each] == [
        ("a", "ok"),
        ("e", "ok"),
        ("mixed.jsonl:2", "bad-data"),
        ("c", "bad-data"),
        ("d", "bad-data"),
    ]
    assert (whole["records"], whole["left_out"], whole["exact"]["count"]) == (2, 3, 2)
    assert "1 of 3 records has no reference: d" in done.err
    assert "1 reference without a record: f" in done.err
    assert "2 of 4 records failed" in done.err


def test_an_evaluation_without_any_answer_has_status_1() -> None:
    save("none.jsonl", {**NO_PATH, "target": "yx"})
    done = run("evaluate", "none.jsonl", "--json")
    assert (done.status, done.err) == (1, "lattice: none of 1 record has an answer\n")
    assert summary(done)["labels"]["rate"] == 1.0
    done = run("evaluate", CUT, "-g", save("words.txt", "dog"), "--per-record", "--reject", "--oracle", "--json")
    assert done.status == 1
    record, whole = records(done.out)
    assert "part after" in record["message"]
    assert (record["oracle"], record["confidence"]) == (None, None)
    assert whole["reject"] == {"area": None, "limit": 0.01, "at": None, "points": []}


def test_a_word_that_looks_like_a_key_does_not_make_answers_a_document() -> None:
    line = {"id": "a", "status": "ok", "target": ["lattice"], "paths": [{"energy": 0, "output": ["lattice"]}]}
    assert summary(run("evaluate", save("tricky.jsonl", line), "--json"))["exact"]["count"] == 1


def test_tables_fit_a_terminal() -> None:
    many = [result(f"record-{rank}", "xyxyxyxyxyxyxyxy", "yx", target="yxyxyxzxyxyxyxyyy") for rank in range(30)]
    save("many.jsonl", *(json.dumps({**line, "confidence": 0.123456789}) for line in many))
    done = terminal("evaluate", "many.jsonl", "--per-record", "--reject")
    assert done.status == 0
    assert max(map(len, ESCAPE.sub("", done.out).splitlines())) <= 80
    assert "best of 2" in done.out
    assert "record-29" in done.out


# Entities -------------------------------------------------------------------------------------------------------------


def tagged(record_id: str, reference: str, answer: str | None) -> dict[str, Any]:
    paths = [] if answer is None else [{"energy": 0.0, "output": answer.split()}]
    status = {"status": "ok", "paths": paths} if paths else {"status": "no-path"}
    return {"id": record_id, **status, "target": reference}


def test_entities_of_tags() -> None:
    save(
        "tags.jsonl",
        tagged("a", "B-PER I-PER O B-LOC", "B-PER I-PER O O"),
        tagged("b", "O B-LOC I-LOC", "O I-LOC I-LOC"),
        tagged("c", "B-PER", None),
    )
    found = summary(run("evaluate", "tags.jsonl", "--entities", "--json"))["entities"]
    assert (found["reference"], found["answered"], found["correct"], found["out_of_place"]) == (4, 2, 2, 1)
    assert (found["precision"], found["recall"], found["f1"]) == (1.0, 0.5, pytest.approx(2 / 3))
    assert [(each["type"], each["reference"], each["correct"]) for each in found["by_type"]] == [
        ("LOC", 2, 1),
        ("PER", 2, 1),
    ]
    table = run("evaluate", "tags.jsonl", "--entities", "--html", "page.html").out
    assert "tags out of place, read as a beginning: 1 of answers" in table
    assert "recall %" in pathlib.Path("page.html").read_text(encoding="utf-8")
    assert "entities" not in summary(run("evaluate", "tags.jsonl", "--json"))


def test_what_is_no_tag_and_what_has_no_place() -> None:
    save("words.jsonl", tagged("a", "go now", "go now"))
    done = run("evaluate", "words.jsonl", "--entities")
    assert (done.status, done.out) == (3, "")
    assert "a: the reference: found the label 'go', expected O, or one of B- I- E- S- with a type" in done.err
    save("short.jsonl", tagged("a", "O O", "O"))
    assert "a: 1 tags in the answer, 2 in the reference" in run("evaluate", "short.jsonl", "--entities").err
    done = run("evaluate", "short.jsonl", "--entities", "--tsv")
    assert (done.status, done.out) == (2, "")


# Translations ---------------------------------------------------------------------------------------------------------


def test_bleu_of_translations() -> None:
    save(
        "mt.jsonl",
        tagged("a", "the old dog sleeps on it", "the old dog sleeps on it"),
        tagged("b", "a red house", "a house red"),
        tagged("c", "go on", None),
    )
    found = summary(run("evaluate", "mt.jsonl", "--bleu", "--json"))
    assert found["bleu"]["matches"] == [9, 5, 4, 3]
    assert found["bleu"]["totals"] == [9, 7, 5, 3]
    assert (found["bleu"]["answered"], found["bleu"]["reference"]) == (9, 11)
    brevity = math.exp(1 - 11 / 9)
    assert found["bleu"]["brevity"] == pytest.approx(brevity)
    assert found["bleu"]["score"] == pytest.approx(brevity * (1 * 5 / 7 * 4 / 5 * 1) ** 0.25)
    assert found["bleu"]["precisions"] == [1.0, pytest.approx(5 / 7), 0.8, 1.0]
    assert (found["exact"]["count"], found["words"]["errors"]) == (1, 4)
    table = run("evaluate", "mt.jsonl", "--bleu", "--html", "page.html").out
    assert "100.0/71.4/80.0/100.0" in table
    assert "100.0/71.4/80.0/100.0" in pathlib.Path("page.html").read_text(encoding="utf-8")
    assert run("evaluate", "mt.jsonl", "--bleu", "--tsv").status == 2
    save("short.jsonl", tagged("a", "go", "go"))
    assert summary(run("evaluate", "short.jsonl", "--bleu", "--json"))["bleu"]["precisions"] == [1.0, None, None, None]
    assert "100.0/-/-/-" in run("evaluate", "short.jsonl", "--bleu").out

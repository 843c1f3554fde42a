"""The tune command in real processes: forms of output, the line to copy, what is held out, bad input."""

from __future__ import annotations

import json
import pathlib
import shlex
from typing import Any

import pytest
from support import ROOT
from support.commands import LECTURE, records, run, save

pytestmark = pytest.mark.slow

SCALES = str(ROOT / "samples" / "scales.jsonl")
ROBOT, GOFORWARD = str(ROOT / "grammars" / "robot.arpa"), str(ROOT / "samples" / "goforward.slf.gz")
QUICK = ("--directions", "0", "--restarts", "0")


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tuned(*arguments: str) -> dict[str, Any]:
    done = run("tune", *arguments, "--json")
    assert (done.status, done.err) == (0, "")
    (found,) = records(done.out)
    return found


def word_errors(*arguments: str) -> int:
    """Errors of the best answers, by the other commands."""
    done = run("evaluate", *arguments, "--json")
    assert done.status == 0
    return int(records(done.out)[0]["words"]["errors"])


def test_the_line_to_copy_gives_the_errors_that_are_told() -> None:
    found = tuned(SCALES)
    assert found["given"] == {"acoustic": 1.0, "lm": 1.0, "words": 0.0}
    assert found["ranges"] == {"lm": [0.1, 10.0], "words": [-10.0, 10.0]}
    assert (found["records"], found["words"], found["delivered"]) == (24, 110, word_errors(SCALES))
    assert found["errors"] < found["delivered"]
    assert found["errors"] == word_errors(SCALES, *shlex.split(found["options"]))
    assert found["rate"] == found["errors"] / 110
    assert "held_out" not in found
    table = run("tune", SCALES).out
    assert table.rstrip().endswith(found["options"])
    assert "not tuned: acoustic" in table
    assert run("tune", SCALES, "--json", "--jobs", "2").out == run("tune", SCALES, "--json").out


def test_a_scale_at_an_end_of_its_range_is_told() -> None:
    found = tuned(SCALES, "--tune", "words", "--range", "words=-1:0.5", *QUICK)
    assert found["at_an_end"] == []
    options = ("--tune", "lm", "--range", "lm=0.9:1", "--scale", "words=10", *QUICK)
    assert tuned(SCALES, *options)["scales"]["words"] == 10
    narrow = tuned(SCALES, "--tune", "lm", "--range", "lm=1:1.000001", *QUICK)
    assert narrow["at_an_end"] in ([], ["lm"])


def test_groups_are_held_out_in_turn() -> None:
    found = tuned(SCALES, "--leave-out", r"^(\w+)-", *QUICK)["held_out"]
    groups = found["groups"]
    assert [each["held_out"] for each in groups] == ["ann", "ben", "cleo", "dov"]
    assert [each["records"] for each in groups] == [6, 6, 6, 6]
    for name in ("records", "words", "delivered", "errors"):
        assert found[name] == sum(each[name] for each in groups)
    lines = pathlib.Path(SCALES).read_text().splitlines()
    own, others = (
        save(name, "\n".join(line for line in lines if ('"ann-' in line) == inside))
        for name, inside in (("own.jsonl", True), ("others.jsonl", False))
    )
    scales = [part for name, scale in groups[0]["scales"].items() for part in ("--scale", f"{name}={scale}")]
    assert word_errors(own, *scales) == groups[0]["errors"]
    assert word_errors(own) == groups[0]["delivered"]
    assert word_errors(others, *scales) == groups[0]["fitted"] < groups[0]["tuned_on"] == word_errors(others)
    folds = tuned(SCALES, "--folds", "3", *QUICK)["held_out"]["groups"]
    assert [each["held_out"] for each in folds] == ["1 of 3", "2 of 3", "3 of 3"]
    rows = run("tune", SCALES, "--folds", "3", *QUICK, "--tsv").out.splitlines()
    assert rows[0].split("\t")[:3] == ["held_out", "records", "words"]
    assert [row.split("\t")[0] for row in rows[1:]] == ["1 of 3", "2 of 3", "3 of 3", "all", ""]


def test_every_point_of_a_grid_is_tried() -> None:
    found = tuned(SCALES, "--grid", "lm=1:3:2", "--grid", "words=-1:1:3")
    points = [(each["scales"]["lm"], each["scales"]["words"]) for each in found["grid"]]
    assert points == [(1, -1), (1, 0), (1, 1), (3, -1), (3, 0), (3, 1)]
    errors = [each["errors"] for each in found["grid"]]
    assert errors[1] == found["delivered"]
    assert errors[5] == word_errors(SCALES, "--scale", "lm=3", "--scale", "words=1")
    assert found["errors"] == min(errors)


@pytest.mark.parametrize("how", ["-g", "--lm"])
def test_models_of_words_are_tuned_as_well(how: str) -> None:
    reference = save("ref.jsonl", json.dumps({"id": GOFORWARD, "target": "go forward ten meters"}) + "\n")
    weight = ("--lm-scale", "-10") if how == "--lm" else ("--scale", "robot=-10")
    given = (GOFORWARD, "-r", reference, how, ROBOT, *weight, "--scale", "acoustic=0.05")
    found = tuned(*given, "--range", "robot=-10:5", *QUICK)
    assert [*found["scales"]] == ["acoustic", "words", "robot"]
    assert found["given"] == {"acoustic": 0.05, "words": 0.0, "robot": -10.0}
    assert (found["delivered"], found["errors"]) == (word_errors(*given) if how == "-g" else found["delivered"], 0)
    assert found["delivered"] > 0
    options = shlex.split(found["options"])
    if how == "--lm":
        assert options[-4:-1] == ["--lm", ROBOT, "--lm-scale"]
    answer = run("viterbi", GOFORWARD, *options, *(("-g", ROBOT) if how == "-g" else ()), "--json")
    assert records(answer.out)[0]["paths"][0]["text"] == "go forward ten meters"


def test_records_without_names_have_an_energy_and_words() -> None:
    found = tuned(LECTURE)
    assert [*found["scales"]] == ["energy", "words"]
    assert found["errors"] == word_errors(LECTURE, *shlex.split(found["options"]))


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((SCALES, "--tune", "lm,am"), 2, "no score is called 'am', expected one of acoustic, lm, words"),
        ((SCALES, "--grid", "am=0:1:3"), 2, "no score is called 'am'"),
        (
            (SCALES, "--grid", "lm=0:1:3", "--tune", "lm"),
            2,
            "--tune is of line searches, --grid is what is tried instead",
        ),
        ((SCALES, "--grid", "lm=0:1:3", "--seed", "0"), 2, "--seed is of line searches"),
        ((SCALES, "--grid", "lm=0:1:3", "--grid", "lm=0:2:3"), 2, "--grid lm is given twice"),
        ((SCALES, "--range", "lm=0:1", "--range", "lm=0:2"), 2, "--range lm is given twice"),
        (("empty.json",), 1, "none of 1 record has a path"),
        ((SCALES, "--grid", "lm=0:1:1"), 2, "'lm=0:1:1' is not NAME=LOW:HIGH:STEPS"),
        ((SCALES, "--range", "lm=1:0"), 2, "'lm=1:0' is not NAME=LOW:HIGH with LOW below HIGH"),
        ((SCALES, "--range", "lm=2:3"), 2, "its scale starts at 1"),
        ((SCALES, "--range", "acoustic=0:3"), 2, "--range acoustic: its scale is not tuned, but lm, words"),
        ((SCALES, "--folds", "30"), 2, "there are 24 records"),
        ((SCALES, "--folds", "2", "--leave-out", "."), 2, "two ways to hold out records"),
        ((SCALES, "--leave-out", "("), 2, "is no regular expression"),
        ((SCALES, "--leave-out", "-"), 2, "all records are of one group, '-'"),
        ((SCALES, "--leave-out", "ann|ben"), 3, "cleo-1: --leave-out 'ann|ben' finds nothing in this id"),
        ((GOFORWARD,), 3, "1 of 1 record has no reference"),
        ((GOFORWARD, "-r", "none.txt"), 3, "none.txt"),
        ((str(ROOT / "samples" / "self-loop.yaml"), "-r", "ref.txt"), 2, "no cycles, found a cycle"),
        ((LECTURE, "-g", LECTURE, "--combine", "max"), 2, "nothing to tune"),
        (("answers.jsonl",), 2, "holds answers, but tune can only be used on graphs"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], status: int, said: str) -> None:
    save("ref.txt", "a\n")
    save("empty.json", json.dumps({"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 2, "a", 1.0]], "target": "a"}))
    save("answers.jsonl", json.dumps({"id": "1", "target": "a", "status": "ok", "paths": [{"output": ["a"]}]}) + "\n")
    done = run("tune", *arguments)
    assert done.status == status
    assert said in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""


def test_a_record_without_a_path_is_an_empty_answer() -> None:
    empty = {"lattice": 1, "id": "none", "start": 0, "final": 1, "arcs": [], "target": "turn left"}
    pathlib.Path("more.jsonl").write_text(pathlib.Path(SCALES).read_text() + json.dumps(empty) + "\n")
    found, without = tuned("more.jsonl", *QUICK), tuned(SCALES, *QUICK)
    assert (found["no_path"], without["no_path"]) == (1, 0)
    assert (found["errors"], found["words"]) == (without["errors"] + 2, without["words"] + 2)
    assert "without a path: 1 record, counted as empty answers" in run("tune", "more.jsonl", *QUICK).out


def test_bad_records_are_left_out_with_keep_going() -> None:
    lines = pathlib.Path(SCALES).read_text().splitlines()
    save("some.jsonl", "\n".join([*lines[:3], "{", *lines[3:6]]))
    done = run("tune", "some.jsonl", "--json", "--keep-going", *QUICK)
    assert done.status == 3
    assert records(done.out)[0]["records"] == 6
    assert run("tune", "some.jsonl").out == ""


def test_energies_that_add_up_beyond_all_numbers_are_told() -> None:
    arcs = [{"from": 0, "to": 1, "label": "a", "scores": {"x": 1.2e308, "y": -1.2e308}}]
    record = {"lattice": 1, "id": "r", "start": 0, "final": 1, "arcs": arcs, "target": "a"}
    done = run("tune", "-", text=json.dumps(record))
    assert done.status == 4
    assert "what the scores of" in done.err
    assert "beyond the range of float64" in done.err

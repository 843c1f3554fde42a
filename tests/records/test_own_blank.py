"""Records that say which of their labels is the blank of CTC, and files of labels that name it."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest
from support import ROOT
from support.commands import records, run

CTC = [str(ROOT / "samples" / "ctc-line.npy"), "--labels", str(ROOT / "samples" / "ctc-line.labels.txt"), "--logp"]
SAID = f"note: {CTC[0]}: read as CTC, its blank is '<blank>'\n"


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", ["viterbi", "forward", "sample"])
def test_a_blank_that_is_called_so_need_not_be_told(command: str) -> None:
    told, own = run(command, *CTC, "--ctc", "<blank>", "--json"), run(command, *CTC, "--json")
    assert (own.status, own.out, own.err) == (0, told.out, SAID)
    assert told.err == ""


def test_labels_can_be_taken_as_they_are() -> None:
    (record,) = records(run("viterbi", *CTC, "--json", "--ctc", "").out)
    assert "<blank>" in record["paths"][0]["output"]


def test_a_blank_that_contradicts_is_refused() -> None:
    done = run("viterbi", *CTC, "--ctc", "a")
    assert done.status == 2
    assert "the blank of CTC is '<blank>' there, but 'a' is given" in done.err


def test_a_grammar_that_takes_the_blank_does_so_by_itself() -> None:
    labels = (ROOT / "samples" / "ctc-line.labels.txt").read_text(encoding="utf-8").split("\n")
    own = [label for label in labels if label not in ("", "<blank>", "<other>")]
    assert run("grammar", "ctc", *own, "--blank", "<blank>", "-o", "ctc.json").status == 0
    through = run("viterbi", *CTC, "-g", "ctc.json", "--json")
    assert through.err == ""
    assert records(through.out)[0]["paths"][0]["text"] == "ncomfortably"


def test_a_record_keeps_its_blank_in_documents_and_archives() -> None:
    matrix = -np.log([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])
    record = {"lattice": 1, "id": "x", "labels": ["_", "a", "b"], "blank": "_", "emissions": matrix.tolist()}
    pathlib.Path("x.json").write_text(json.dumps(record))
    np.savez("x.npz", energies=matrix, lengths=[3], labels=np.array(["_", "a", "b"]), blank=np.array(["_"]), ids=["x"])
    for source in ("x.json", "x.npz"):
        (found,) = records(run("viterbi", source, "--json").out)
        assert (found["id"], found["paths"][0]["text"]) == ("x", "a")
    for form in ("y.json", "y.yaml", "y.npz"):
        assert run("convert", "x.json", form).status == 0
        (found,) = records(run("viterbi", form, "--json").out)
        assert found["paths"][0]["text"] == "a"
    lost = run("convert", "x.json", "y.att")
    assert lost.status == 2
    assert "that '_' is the blank of CTC" in lost.err
    record["blank"] = "c"
    pathlib.Path("x.json").write_text(json.dumps(record))
    bad = run("viterbi", "x.json")
    assert (bad.status, "blank is 'c', expected one of the labels" in bad.err) == (3, True)


@pytest.mark.parametrize("command", [["viterbi", "--scores"], ["forward", "--of", "1", "--arcs"]])
def test_scales_of_grammars_hold_where_the_blank_is_the_record_s_own(
    command: list[str], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "words.txt").write_text("uncomfortably\t3\ncomfortably\t1\n")
    through = [*CTC, "-g", str(tmp_path / "words.txt"), "--scale", "words=2", "--json"]
    told, own = run(*command, *through, "--ctc", "<blank>"), run(*command, *through)
    assert told.status == 0
    assert own.out == told.out
    plain = run(*command, *CTC, "-g", str(tmp_path / "words.txt"), "--json")
    assert plain.out != told.out

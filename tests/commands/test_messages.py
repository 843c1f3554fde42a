"""What is said of a fault: once where it is, with the status of its kind, and what would do."""

from __future__ import annotations

import pathlib
import zipfile

import numpy as np
import pytest
from support.commands import records, row_of, run, save

pytestmark = pytest.mark.slow

LOOP = {"lattice": 1, "id": "round", "start": 0, "final": 0, "arcs": [[0, 0, "a", 1]]}
MATRIX = ["x.npy", "--labels", "labels.txt", "--ctc"]


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.ones((3, 3)))
    save("labels.txt", "_", "a", "c")
    save("plain.json", row_of("a", id="u1"))
    save("round.json", LOOP)
    pathlib.Path("x.ark").write_text("u1\n0 1 3 1,1,\n1\n\nu2\n0 1 3 1,x,\n1\n\n")


SAID = [
    (["viterbi", *MATRIX, "0"], 2, "lattice: x.npy: no label is the CTC blank '0'; labels begin '_', 'a', 'c'\n"),
    (["loss", "plain.json"], 2, 'lattice: u1: no target was given, and the record has none of its own ("target")\n'),
    (["loss", *MATRIX, "_", "-t", "aa", "--loss", "nll", "-q"], 0, ""),
    (
        ["loss", *MATRIX, "_", "-t", "aac", "--loss", "nll"],
        1,
        "lattice: x.npy: the target 'a a c' needs 4 rows at least, and there are 3\n",
    ),
    (
        ["loss", *MATRIX[:3], "-t", "acac", "--loss", "nll"],
        1,
        "lattice: x.npy: the target 'a c a c' needs 4 rows at least, and there are 3\n",
    ),
    (
        ["viterbi", "round.json", "--mbr"],
        2,
        "lattice: round: expected edit distances need graphs without cycles, but there is a cycle",
    ),
    (["viterbi", "x.ark"], 3, "lattice: u2: x.ark:6: acoustic cost is 'x', expected a number\n"),
    (
        ["viterbi", "plain.json", "-n", "1,2"],
        2,
        "lattice: Invalid value for '-n' / '--nbest': '1,2' is not a whole number (latt",
    ),
    (["viterbi", "plain.json", "--nodes", "--bestn"], 2, "lattice: No such option '--bestn'"),
    (["viterbi", "plain.json", "--confidence", "--beta", "x"], 2, "'x' is not a number (lattice viterbi --help"),
    (["completion"], 2, "lattice: Missing argument 'bash|zsh|fish'. Choose from: bash, zsh, fish (lattice"),
    (["plain.json"], 2, "lattice: No such command 'plain.json'. It is a file: lattice show plain.json says what is"),
    (["train", "absent.yaml", "--set", "training.epochs"], 3, "lattice: absent.yaml: cannot read"),
]


@pytest.mark.parametrize(("arguments", "status", "message"), SAID, ids=[" ".join(case[0]) for case in SAID])
def test_a_fault_is_said_once_with_its_status(arguments: list[str], status: int, message: str) -> None:
    done = run(*arguments)
    assert (done.status, message in done.err) == (status, True), done.err
    named = arguments[min(1, len(arguments) - 1)]
    assert done.err.count(named) <= max(1, message.count(named)), "the file is named once"


FOREIGN = [
    ("[1, 2]", 'no "lattice" key, found a list of 2: expected a mapping with "lattice": 1'),
    ('{"a": 1, "b": 2}', "no \"lattice\" key, found keys 'a', 'b': expected a mapping with \"lattice\": 1"),
    (
        '{"lattice": 1, "start": 0, "end": 1, "arcs": []}',
        "unknown key 'end' in a graph document; did you mean 'final'?",
    ),
    ('{"lattice": 1, "start": 0, "final": 1, "arc": []}', "unknown key 'arc' in a document; did you mean 'arcs'?"),
    ('{"lattice": 1, "start": 0, "final": 1}', "found none of them, expected one of arcs, emissions, words, trie"),
]


@pytest.mark.parametrize(("text", "message"), FOREIGN)
def test_text_that_is_not_ours_is_told_what_is(text: str, message: str) -> None:
    done = run("viterbi", "-", text=text)
    assert (done.status, message in done.err) == (3, True), done.err


def test_what_failed_has_the_same_status_in_json() -> None:
    done = run("viterbi", "round.json", "--mbr", "--json")
    assert [line["status"] for line in records(done.out)] == ["usage"]


def test_an_archive_of_something_else_is_told() -> None:
    with zipfile.ZipFile("model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"123")
    done = run("viterbi", "model.pt")
    said = "holds 'archive/data.pkl', which is no array, expected an .npz file: is it of torch.save?"
    assert (done.status, done.err) == (3, f"lattice: model.pt: {said} numpy.savez writes arrays\n")

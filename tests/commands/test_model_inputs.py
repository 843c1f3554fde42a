"""`viterbi MODEL INPUTS` and its like: the same as recognising first, and naming blank, alignment and grammar."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest
from support import ROOT
from support.commands import lattice, records, run
from support.sealed_here import sealed_here
from support.training_data import lattices, strips, vectors, write_inputs

from lattice_cli.cli.main import main

pytestmark = pytest.mark.slow

LOOP = {
    "lattice": 1,
    "start": 0,
    "final": 0,
    "arcs": [[0, 0, each, each.upper(), 0.1 * i] for i, each in enumerate("abc")],
}
#: What the model is trained by, and how its recognition graphs are read by hand.
KINDS: dict[str, tuple[str, list[str]]] = {
    "each": ("recognizer: {kind: mlp, hidden: [4]}", []),
    "bigram": ("grammar: {ngram: 2}", ["-g", "m.npz"]),
    "words": ("grammar: {file: words.txt}\nobjective: {unspelled: nearest}", ["-g", "m.npz"]),
    "neural": ("grammar: {neural: {context: 1, hidden: [3]}}", ["-g", "m.npz"]),
    "ctc": ("alignment: {kind: ctc}", ["--ctc", "_"]),
    "ctc bigram": ("alignment: {kind: ctc, blank: '-'}\ngrammar: {ngram: 2}", ["-g", "m.npz", "--ctc", "-"]),
    "graph": ("alignment: {kind: graph, file: loop.json}", ["-g", "loop.json"]),
    "graph bigram": (
        "alignment: {kind: graph, file: loop.json}\ngrammar: {ngram: 2}", ["-g", "loop.json", "-g", "m.npz"],
    ),
    "factors": ("factors: [{file: loop.json, learn: arcs}, {ngram: 2}]", ["-g", "m.npz"]),
    "ctc factors": ("factors: [{ctc: '-'}, {ngram: 2}]", ["-g", "m.npz", "--ctc", "-"]),
    "segments": (
        "alignment: {kind: segments, segments: {box: [4, 6], lowest: 0.1, piece: 0.2}, cuts: {kind: linear}}\n"
        "grammar: {ngram: 2}",
        ["-g", "m.npz"],
    ),
    "scores": ("recognizer: {kind: scores}", []),
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """A trained model of each kind, in a folder of its own."""
    found = {}
    for kind, (text, _) in KINDS.items():
        folder = found[kind] = tmp_path_factory.mktemp("model")
        inputs, targets = (strips if kind == "segments" else vectors)(24, 1)
        if kind.startswith(("graph", "factors")):
            targets = [target.upper() for target in targets]
        if "ctc" in kind:
            inputs = [np.repeat(each, 3, axis=0) for each in inputs]
        name = "train.npz"
        write_inputs(folder / name, inputs, targets)
        if kind == "scores":
            name = "train.jsonl"
            lattices(folder / name, 10)
        (folder / "words.txt").write_text("".join(f"{target}\n" for target in dict.fromkeys(targets[:12])))
        (folder / "loop.json").write_text(json.dumps(LOOP))
        (folder / "c.yaml").write_text(
            f"train: 1\ndata: {{train: {name}}}\ntraining: {{epochs: 2, batch: 8}}\n{text}\n"
        )
        lattice("train", "c.yaml", "-o", "m.npz", cwd=folder)
        (folder / "graphs.jsonl").write_text(lattice("recognize", "m.npz", name, cwd=folder).stdout)
        found[kind] = folder
    return found


def inputs_of(folder: pathlib.Path) -> str:
    return "train.jsonl" if (folder / "train.jsonl").exists() else "train.npz"


def like(found: Any, expected: Any) -> None:
    """The same but for the rounding of energies that were summed in another order."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name, each in expected.items():
            like(found[name], each)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            like(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    else:
        assert found == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "asked",
    [
        ["viterbi", "-n", "3", "--arcs"],
        ["viterbi", "-n", "2", "--distinct", "--confidence", "--nodes"],
        ["forward", "--arcs"],
        ["sample", "-n", "3"],
    ],
    ids=lambda asked: " ".join(asked),
)
def test_it_is_what_the_pipe_finds(folders: dict[str, pathlib.Path], kind: str, asked: list[str]) -> None:
    command, *options = asked
    folder, by_hand = folders[kind], KINDS[kind][1]
    expected = lattice(command, "graphs.jsonl", *by_hand, *options, "--json", cwd=folder)
    found = lattice(command, "m.npz", inputs_of(folder), *options, "--json", cwd=folder)
    like(records(found.stdout), records(expected.stdout))
    assert len(records(found.stdout)) == len((folder / "graphs.jsonl").read_text().splitlines())
    jobs = lattice(command, "m.npz", inputs_of(folder), *options, "--json", "--jobs", "2", cwd=folder)
    assert jobs.stdout == found.stdout


@pytest.mark.parametrize("kind", ["ctc bigram", "graph bigram", "segments"])
def test_answers_are_evaluated_at_once(folders: dict[str, pathlib.Path], kind: str) -> None:
    folder, by_hand = folders[kind], KINDS[kind][1]
    expected = lattice("evaluate", "graphs.jsonl", *by_hand, "--reject", "--json", cwd=folder).stdout
    found = lattice("evaluate", "m.npz", "train.npz", "--reject", "--json", cwd=folder).stdout
    like(json.loads(found), json.loads(expected))


def test_scales_are_those_of_the_graphs(folders: dict[str, pathlib.Path]) -> None:
    for kind, scale in (("segments", "cuts=0"), ("scores", "bad=2"), ("scores", "words=1")):
        folder, by_hand = folders[kind], KINDS[kind][1]
        expected = lattice("viterbi", "graphs.jsonl", *by_hand, "--scale", scale, "--json", cwd=folder).stdout
        found = lattice("viterbi", "m.npz", inputs_of(folder), "--scale", scale, "--json", cwd=folder).stdout
        like(records(found), records(expected))


def test_another_grammar_takes_the_place_of_its_own(folders: dict[str, pathlib.Path]) -> None:
    folder = folders["ctc bigram"]
    expected = lattice("viterbi", "graphs.jsonl", "-g", "words.txt", "--json", cwd=folder)
    found = lattice("viterbi", "m.npz", "train.npz", "-g", "words.txt", "--json", cwd=folder)
    assert found.stdout == expected.stdout
    assert "m.npz: its own grammar is not used, as another one is given" in found.stderr
    both = lattice("viterbi", "m.npz", "train.npz", "-g", "m.npz", "-g", "words.txt", "--json", cwd=folder)
    assert "its own grammar" not in both.stderr
    by_hand = lattice("viterbi", "graphs.jsonl", "-g", "m.npz", "-g", "words.txt", "--json", cwd=folder)
    assert both.stdout == by_hand.stdout


def test_sides_are_those_of_the_cascade(folders: dict[str, pathlib.Path]) -> None:
    folder = folders["graph bigram"]
    asked = ("viterbi", "m.npz", "train.npz", "--json")
    by_hand = ("viterbi", "graphs.jsonl", "-g", "loop.json", "-g", "m.npz", "--json")
    for own, other in (("alignment", "loop"), ("m", "m"), ("2", "2"), ("interpretation", "interpretation")):
        found, expected = lattice(*asked, "--of", own, cwd=folder), lattice(*by_hand, "--of", other, cwd=folder)
        assert found.stdout == expected.stdout
    assert "there are 2 grammars" in lattice(*asked, "--of", "grammar", cwd=folder, status=2).stderr
    one = lattice("viterbi", "m.npz", "train.npz", "--of", "grammar", "--json", cwd=folders["bigram"])
    assert one.stdout == lattice("viterbi", "graphs.jsonl", "-g", "m.npz", "--of", "grammar", "--json",
                                 cwd=folders["bigram"]).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["m.npz"], 3, "m.npz: a trained model, expected a graph (lattice viterbi m.npz INPUTS decodes with it, "),
        (["train.npz", "m.npz"], 3, "train.npz: inputs for a recogniser, expected a graph"),
        (["m.npz", "graphs.jsonl"], 3, "a graph, expected inputs for a recogniser"),
        (["m.npz", "nothing.npz"], 3, "nothing.npz: "),
        (["m.npz", "train.npz", "--ctc", "a"], 2, "the blank of CTC is '-' there, but 'a' is given"),
        (["m.npz", "train.npz", "--labels", "words.txt"], 2, "is read as inputs of a recogniser: --labels makes no"),
        (["graphs.jsonl", "--trust-code"], 2, "--trust-code is about the code of a model before its inputs"),
        (["net.onnx", "train.npz"], 2, "net.onnx: an ONNX file does not say what its outputs are called"),
    ],
)
def test_what_does_not_fit_is_told(
    folders: dict[str, pathlib.Path], arguments: list[str], status: int, message: str
) -> None:
    failed = lattice("viterbi", *arguments, cwd=folders["ctc bigram"], status=status)
    assert message in " ".join(failed.stderr.split())


def test_one_input_that_does_not_fit_is_a_record_that_failed(folders: dict[str, pathlib.Path]) -> None:
    folder = folders["bigram"]
    rows = [{"lattice": 1, "id": "good", "inputs": [[1, 0, 0]]}, {"lattice": 1, "id": "bad", "inputs": [[1, 0]]}]
    text = "\n".join(json.dumps(each) for each in [*rows, {**rows[0], "id": "last"}])
    done = run("viterbi", "m.npz", "-", "--json", "--keep-going", cwd=folder, text=text)
    assert done.status == 3
    assert [(each["id"], each["status"]) for each in records(done.out)] == [
        ("good", "ok"), ("bad", "bad-data"), ("last", "ok"),
    ]  # fmt: skip
    assert "1 of 3 records failed" in done.err


@pytest.mark.parametrize("kind", KINDS)
def test_models_go_to_processes_that_are_not_forked(
    folders: dict[str, pathlib.Path], kind: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folders[kind])
    found = []
    for more in ((), ("--jobs", "2")):
        with sealed_here(), pytest.raises(SystemExit) as over:
            main(["viterbi", "m.npz", inputs_of(folders[kind]), "--json", *more])
        found.append((over.value.code, *capfd.readouterr()))
    assert found[0] == found[1]
    assert found[0][0] == 0


def test_a_network_in_an_onnx_file_goes_there_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(ROOT / "samples")
    inputs = ["check-reader.onnx", "check-reader/fields-valid.npz"]
    told = ["--labels", "check-reader.labels.txt", "--logits", "--ctc", "-", "--json"]
    found = []
    for more in ((), ("--jobs", "2")):
        with sealed_here(), pytest.raises(SystemExit) as over:
            main(["viterbi", *inputs, *told, *more])
        found.append((over.value.code, *capfd.readouterr()))
    assert found[0] == found[1]
    assert found[0][0] == 0

"""Neural grammars from the command line: learned from text, used wherever a grammar goes, learned with a recogniser."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest
from support import ROOT
from support.commands import lattice, run
from support.training_data import lattices, vectors, write_inputs

from lattice_cli.formats import read_model
from lattice_cli.learning.grammars import TrainedGrammar
from lattice_cli.models.grammar_argument import read_grammar_argument

pytestmark = pytest.mark.slow

CUT = str(ROOT / "samples" / "lecture-cut.yaml")
LINE = str(ROOT / "samples" / "ctc-line.npy")
LINE_LABELS = str(ROOT / "samples" / "ctc-line.labels.txt")
FEW = ("--hidden", "6", "--embedding", "4", "--epochs", "3")


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def grammar() -> TrainedGrammar:
    """m.npz, learned from words; and itself."""
    pathlib.Path("words.txt").write_text("cut\ncat\n\ncap\ncup\ncats\n")
    done = run("grammar", "neural", "words.txt", "-o", "m.npz", "--context", "2", *FEW)
    assert (done.status, done.err) == (0, "")
    found = read_grammar_argument("m.npz")
    assert isinstance(found, TrainedGrammar)
    return found


def ends(answer: list[str]) -> float:
    """Energy of an answer in the cut figure."""
    energies = [{"c": 0.4, "o": 1.0, "d": 1.8}, {"x": 0.1, "a": 0.2, "u": 0.8}, {"p": 0.2, "t": 0.8}]
    return sum(each[label] for each, label in zip(energies, answer))


def test_it_is_told_epoch_by_epoch_and_written(grammar: TrainedGrammar) -> None:
    told = run("grammar", "neural", "words.txt", "-o", "n.npz", "--context", "2", *FEW, "--hold-out", "0.2", "--json")
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [line.get("epoch") for line in lines] == [1, 2, 3, None]
    best = min(lines[:-1], key=lambda line: line["held_out"])
    assert lines[-1] == {"status": "ok", "model": "n.npz", "best_epoch": best["epoch"]}
    assert best["perplexity"] == pytest.approx(np.exp(best["held_out"]))
    stored = read_model("n.npz")
    assert stored.about["neural"]["labels"] == list("acpstu")
    assert stored.about["trained"]["lines"] == 5
    again = run("grammar", "neural", "-o", "again.npz", "words.txt", "--context", "2", *FEW)
    assert again.out.splitlines()[-1].startswith("again.npz holds the network of epoch 3, perplexity ")
    for name, array in read_model("m.npz").parameters.items():
        assert np.array_equal(array, read_model("again.npz").parameters[name])


def test_every_command_that_takes_a_grammar_takes_it(grammar: TrainedGrammar) -> None:
    best = json.loads(run("viterbi", CUT, "-g", "m.npz", "-n", "4", "--json").out)["paths"]
    assert [path["energy"] for path in best] == sorted(path["energy"] for path in best)
    for path in best:
        assert path["energy"] == pytest.approx(ends(path["output"]) + grammar.answer_energy(path["output"]))
    free = json.loads(run("forward", CUT, "-g", "m.npz", "--arcs", "--json", "--of", "grammar").out)
    assert sum(arc["gradient"] for arc in free["arcs"] if arc["from"] == "start") == pytest.approx(1.0)
    assert {arc["label"] for arc in free["arcs"]} == set("caput")
    composed = run("compose", CUT, "m.npz").out
    assert json.loads(run("viterbi", "-", "--json", text=composed).out)["paths"][0]["energy"] == best[0]["energy"]
    loss = json.loads(run("loss", CUT, "-g", "m.npz", "-t", "cut", "--loss", "nll", "--json", "--check").out)
    wanted = ends(list("cut")) + grammar.answer_energy(list("cut"))
    assert loss["correct"]["energy"] == pytest.approx(wanted)
    assert loss["value"] == pytest.approx(wanted - free["free_energy"])
    assert run("loss", CUT, "-g", "m.npz", "-t", "cut", "--check", "--of", "grammar").status == 0
    drawn = json.loads(run("sample", CUT, "-g", "m.npz", "--json").out)
    assert drawn["status"] == "ok"
    found = json.loads(run("evaluate", CUT, "-g", "m.npz", "--json").out)
    assert found["labels"]["correct"] + found["labels"]["substitutions"] + found["labels"]["deletions"] == 3
    bound = json.loads(run("bound", CUT, "-g", "m.npz", "--json").out)
    assert bound["free_energy"] == pytest.approx(free["free_energy"])
    assert run("draw", CUT, "-g", "m.npz", "--to", "text").status == 0
    nothing = run("viterbi", CUT, "-g", "m.npz", "--combine", "left", "--json")
    assert json.loads(nothing.out)["paths"][0]["energy"] == pytest.approx(ends(list("cap")))


def test_a_label_that_it_does_not_know_is_on_no_path(grammar: TrainedGrammar) -> None:
    graph = '{"lattice": 1, "start": 0, "final": 2, "arcs": [[0, 1, "c"], [1, 2, "z"]]}'
    done = run("viterbi", "-", "-g", "m.npz", text=graph)
    assert done.status == 1
    assert "or the language model has no such words: it does not have 'z'" in done.err


def test_ctc_with_a_pruned_line(grammar: TrainedGrammar) -> None:
    labels = pathlib.Path(LINE_LABELS).read_text().splitlines()
    pathlib.Path("text.txt").write_text("uncomfortably\n" * 20)
    assert run("grammar", "neural", "text.txt", "-o", "t.npz", "--rate", "0.02", "--epochs", "20").status == 0
    options = ("--labels", LINE_LABELS, "--logp")
    pruned = run("prune", LINE, *options, "--posterior", "0.001").out
    found = json.loads(run("viterbi", "-", "--ctc", labels[0], "-g", "t.npz", "--json", text=pruned).out)
    assert "".join(found["paths"][0]["output"]) == "uncomfortably"
    alone = json.loads(run("viterbi", "-", "--ctc", labels[0], "--json", text=pruned).out)
    rules = read_grammar_argument("t.npz")
    assert isinstance(rules, TrainedGrammar)
    assert found["paths"][0]["energy"] < alone["paths"][0]["energy"] + rules.answer_energy(alone["paths"][0]["output"])


def test_going_on_and_scales(grammar: TrainedGrammar) -> None:
    on = ("grammar", "neural", "words.txt", "--start", "m.npz")
    assert run(*on, "--epochs", "0", "--energy-scale", "0.5", "-o", "h.npz").status == 0
    half = read_grammar_argument("h.npz")
    assert isinstance(half, TrainedGrammar)
    assert half.answer_energy(["c", "u"]) == pytest.approx(0.5 * grammar.answer_energy(["c", "u"]))
    assert run(*on, "--epochs", "30", "--rate", "0.02", "-o", "more.npz").status == 0
    longer = read_grammar_argument("more.npz")
    assert isinstance(longer, TrainedGrammar)
    assert longer.answer_energy(list("cut")) < grammar.answer_energy(list("cut"))


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere.txt", "-o", "x.npz"], 3, "nowhere.txt: cannot read"),
        (["empty.txt", "-o", "x.npz"], 3, "empty.txt: no text to learn from"),
        (["words.txt", "-o", "x.json"], 2, "expected a name that ends with .npz"),
        (["words.txt", "-o", "nowhere/x.npz"], 3, "nowhere/x.npz"),
        (["words.txt", "-o", "x.npz", "--vocabulary", "few.txt"], 3, "label 'u' of 'cut' is not in the vocabulary"),
        (["words.txt", "-o", "x.npz", "--hidden", "a"], 2, "'a' is not a whole number above 0"),
        (["words.txt", "-o", "x.npz", "--epochs", "0"], 2, "--epochs 0 learns nothing"),
        (["words.txt", "-o", "x.npz", "--start", "m.npz", "--context", "3"], 2, "--context and --start are both given"),
        (["words.txt", "-o", "x.npz", "--start", "words.txt"], 3, "not a readable .npz file"),
        (["words.txt", "-o", "x.npz", "--hold-out", "0.01"], 2, "leaves nothing on one side"),
        (["words.txt", "-o", "x.npz", "--rate", "1e300"], 4, "grows without end"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(grammar: TrainedGrammar, arguments: list[str], status: int, message: str) -> None:
    pathlib.Path("empty.txt").write_text("\n\n")
    pathlib.Path("few.txt").write_text("c\nt\n")
    done = run("grammar", "neural", *arguments)
    assert (done.status, "Traceback" in done.err) == (status, False)
    assert message in done.err


def test_damaged_models_are_refused(grammar: TrainedGrammar) -> None:
    with np.load("m.npz") as file:
        arrays = {name: file[name] for name in file.files}
    np.savez("short.npz", **{**arrays, "parameter/grammar.embedding": arrays["parameter/grammar.embedding"][:2]})
    assert "expected shape (7, 4)" in run("viterbi", CUT, "-g", "short.npz").err
    about = json.loads(arrays["model"].tobytes())
    for change in ({"labels": ["a", "a"]}, {"scale": "x"}, {"settings": {"context": 0}}):
        told = json.dumps({**about, "neural": {**about["neural"], **change}}).encode()
        np.savez("odd.npz", **{**arrays, "model": np.frombuffer(told, np.uint8)})
        done = run("viterbi", CUT, "-g", "odd.npz")
        assert (done.status, done.out) == (3, "")
        assert "odd.npz" in done.err
    for command in ("grammar union m.npz", f"recognize m.npz {LINE}"):
        done = run(*command.split())
        assert done.status == 3
        assert "neural grammar" in done.err
    assert run("viterbi", "m.npz").status == 3


TEXT = """
train: 1
data: {train: train.npz, validation: valid.npz}
recognizer: {kind: linear}
grammar: GRAMMAR
objective: {l2: 0.001}
optimizer: {rate: 0.05}
training: {epochs: 8, batch: 8}
"""


def test_recogniser_and_grammar_learn_together(tmp_path: pathlib.Path) -> None:
    write_inputs(tmp_path / "train.npz", *vectors(60, 1))
    write_inputs(tmp_path / "valid.npz", *vectors(40, 2))
    rates = {}
    for name, told in (("none", "{}"), ("neural", "{neural: {context: 2, embedding: 4, hidden: [8]}}")):
        (tmp_path / "c.yaml").write_text(TEXT.replace("GRAMMAR", told))
        lines = lattice("train", "c.yaml", "--json", "-o", f"{name}.npz", cwd=tmp_path).stdout.splitlines()
        rates[name] = min(json.loads(line)["label_error"] for line in lines[:-1])
    assert rates["neural"] < rates["none"]
    graphs = lattice("recognize", "neural.npz", "valid.npz", cwd=tmp_path).stdout
    decoded = lattice("viterbi", "-", "-g", "neural.npz", "--json", cwd=tmp_path, stdin=graphs).stdout
    found = json.loads(lattice("evaluate", "-", "--json", cwd=tmp_path, stdin=decoded).stdout)
    assert found["labels"]["rate"] == pytest.approx(rates["neural"])
    # Learned from text first, then used as it is, or learned on.
    (tmp_path / "text.txt").write_text("\n".join(vectors(200, 3)[1]) + "\n")
    lattice("grammar", "neural", "text.txt", "-o", "lm.npz", "--context", "2", "--epochs", "20", cwd=tmp_path)
    before = read_model(str(tmp_path / "lm.npz")).parameters
    for learn, same in (("none", True), ("network", False)):
        (tmp_path / "c.yaml").write_text(TEXT.replace("GRAMMAR", f"{{file: lm.npz, learn: {learn}}}"))
        lattice("train", "c.yaml", "-o", f"{learn}.npz", "--set", "training.epochs=3", cwd=tmp_path)
        after = read_model(str(tmp_path / f"{learn}.npz")).parameters
        assert all(np.array_equal(array, after[name]) for name, array in before.items()) is same
        decoded = lattice("viterbi", "-", "-g", f"{learn}.npz", "--json", cwd=tmp_path, stdin=graphs).stdout
        assert json.loads(decoded.splitlines()[0])["status"] == "ok"
    # The same to the bit after --resume.
    for epochs, options in ((1, ()), (2, ("--resume",))):
        several = ("--set", f"training.epochs={epochs}", *options)
        lattice("train", "c.yaml", "-o", "resumed.npz", *several, cwd=tmp_path)
    lattice("train", "c.yaml", "-o", "whole.npz", "--set", "training.epochs=2", cwd=tmp_path)
    resumed, whole = (read_model(str(tmp_path / name)).parameters for name in ("resumed.npz", "whole.npz"))
    assert all(np.array_equal(array, whole[name]) for name, array in resumed.items())


def test_over_lattices_it_is_asked_for_what_they_hold(tmp_path: pathlib.Path) -> None:
    lattices(tmp_path / "train.jsonl", 20, 1)
    (tmp_path / "c.yaml").write_text(
        "train: 1\ndata: {train: train.jsonl}\nrecognizer: {kind: scores}\n"
        "grammar: {neural: {context: 4, hidden: [6]}}\ntraining: {epochs: 2, batch: 10}\n"
    )
    lattice("train", "c.yaml", "-o", "m.npz", cwd=tmp_path)
    stored = read_model(str(tmp_path / "m.npz"))
    assert stored.about["neural"]["labels"] == ["one", "two"]
    graphs = lattice("recognize", "m.npz", "train.jsonl", cwd=tmp_path).stdout
    lattice("viterbi", "-", "-g", "m.npz", cwd=tmp_path, stdin=graphs)


@pytest.mark.parametrize(
    ("grammar_section", "status", "message"),
    [
        ("{neural: {context: 2}, ngram: 2}", 2, "grammar.ngram and grammar.neural are both given"),
        ("{neural: {context: 2}, learn: network}", 2, "grammar.learn is about grammar.file"),
        ("{neural: {context: 40}}", 2, "contexts of 40 out of 3 labels cannot be numbered"),
        ("{neural: {context: 14}}", 2, "expected"),
        ("{neural: {contxt: 2}}", 3, "did you mean 'context'"),
        ("{file: words.txt, learn: network}", 2, "words.txt is not a neural grammar"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_its_settings_is_said(
    tmp_path: pathlib.Path, grammar_section: str, status: int, message: str
) -> None:
    write_inputs(tmp_path / "train.npz", *vectors(10, 1))
    (tmp_path / "words.txt").write_text("abc\n")
    (tmp_path / "c.yaml").write_text(
        f"train: 1\ndata: {{train: train.npz}}\ngrammar: {grammar_section}\ntraining: {{epochs: 1}}\n"
    )
    assert message in lattice("train", "c.yaml", cwd=tmp_path, status=status).stderr


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "0"])
@pytest.mark.parametrize("option", ["--energy-scale", "--rate", "--decay", "--hold-out"])
def test_numbers_are_numbers(option: str, value: str) -> None:
    pathlib.Path("words.txt").write_text("cut\n")
    done = run("grammar", "neural", "words.txt", "-o", "n.npz", option, value, *FEW)
    assert done.status == (0 if option == "--hold-out" and value == "0" else 2)
    assert option in done.err or not done.status
    assert pathlib.Path("n.npz").exists() == (done.status == 0)


@pytest.mark.parametrize(
    "command",
    [
        ["grammar", "neural", "-", "-o"],
        ["grammar", "words", "-", "-o"],
        ["compose", "-", "words.txt", "-o"],
        ["prune", "-", "--beam", "1", "-o"],
        ["convert", "-"],
        ["draw", "-", "-o"],
    ],
)
@pytest.mark.parametrize(("folder", "why"), [("missing", "does not exist"), ("m.npz", "it is a folder")])
def test_what_cannot_be_written_is_told_before_anything_is_computed(command: list[str], folder: str, why: str) -> None:
    pathlib.Path("words.txt").write_text("cut\n")
    pathlib.Path("m.npz").mkdir()
    place = f"{folder}/x.npz" if folder == "missing" else folder
    if folder == "m.npz" and command[0] in ("compose", "prune"):
        folder, why = "m.npz", "-: no file, which results in a folder (m.npz) are named by"
        done = run(*command, place, text='{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "x"]]}')
        assert (done.status, done.out, done.err) == (2, "", f"lattice: {why}\n")
        return
    to = ["--to", "dot"] if command[0] == "draw" else []
    done = run(*command, place, *to, text="not to be read\n")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith(f"lattice: {place}: cannot write: ")
    assert done.err.rstrip().endswith(why)

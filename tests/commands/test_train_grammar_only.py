"""Training of a grammar over lattices whose energies are what they are."""

from __future__ import annotations

import json
import pathlib

import pytest
from support.commands import records, run

LATTICES = [
    {"id": "1", "target": "a b", "arcs": [[0, 1, "a", 1.0], [0, 1, "b", 0.9], [1, 2, "b", 1.0], [1, 2, "a", 0.7]]},
    {"id": "2", "target": "b a", "arcs": [[0, 1, "a", 0.4], [0, 1, "b", 0.9], [1, 2, "b", 0.1], [1, 2, "a", 0.7]]},
]
CONFIG = (
    "train: 1\ndata: {train: d.jsonl}\nrecognizer: {kind: scores}\nobjective: {loss: nll}\ntraining: {epochs: 20}\n"
)


@pytest.fixture(autouse=True)
def _files(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"lattice": 1, "start": 0, "final": 2, **record}) + "\n" for record in LATTICES]
    pathlib.Path("d.jsonl").write_text("".join(lines))


def test_a_grammar_is_learned_without_named_scores() -> None:
    pathlib.Path("t.yaml").write_text(CONFIG + "grammar: {ngram: 2}\noptimizer: {method: lbfgs}\n")
    done = run("train", "t.yaml", "-o", "m.npz", "--json")
    assert done.status == 0
    losses = [record["loss"] for record in records(done.out) if "loss" in record]
    assert losses[-1] < losses[0]
    graphs = run("recognize", "m.npz", "d.jsonl").out
    found = [record["arcs"] for record in records(graphs)]
    assert len(found) == 2
    alone, through = (
        [record["paths"][0]["energy"] for record in records(run("viterbi", name, "--json", text=graphs).out)]
        for name in ("d.jsonl", "-")
    )
    assert through == alone  # the energies are those of the lattices
    learned = [
        record["paths"][0]["energy"]
        for record in records(run("viterbi", "-", "-g", "m.npz", "--json", text=graphs).out)
    ]
    assert learned != alone


def test_where_nothing_learns_that_is_said() -> None:
    pathlib.Path("t.yaml").write_text(CONFIG)
    done = run("train", "t.yaml", "-o", "m.npz")
    assert done.status == 2
    assert "there is nothing to learn: the arcs carry no named scores" in done.err
    assert not pathlib.Path("m.npz").exists()

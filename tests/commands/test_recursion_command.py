"""Rules that call rules, in real processes: beside graphs, written out, piped, and refused with the way out."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from support import ROOT
from support.commands import records, run

RULES = str(ROOT / "grammars" / "sums.jsgf")
HEARD = str(ROOT / "samples" / "spoken-sum.yaml")
TARGET = "open two plus open three times four close close"

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def told(*arguments: str, text: str = "") -> list[dict[str, Any]]:
    done = run(*arguments, "--json", text=text)
    assert (done.status, done.err) == (0, "")
    return records(done.out)


def test_written_out_and_beside_a_graph_are_the_same() -> None:
    assert run("grammar", "jsgf", RULES, "--depth", "2", "-o", "sums.npz").status == 0
    beside, written = (told("viterbi", HEARD, "-n", "9", "-g", grammar)[0]["paths"] for grammar in (RULES, "sums.npz"))
    assert [path["text"] for path in beside] == [path["text"] for path in written]
    assert [path["energy"] for path in beside] == pytest.approx([path["energy"] for path in written])
    assert beside[0]["text"] == TARGET
    sums = [told("forward", HEARD, "-g", grammar)[0] for grammar in (RULES, "sums.npz")]
    assert sums[0]["free_energy"] == pytest.approx(sums[1]["free_energy"], rel=1e-12)
    losses = [told("loss", HEARD, "-g", grammar, "--loss", "nll", "--check")[0] for grammar in (RULES, "sums.npz")]
    assert losses[0]["value"] == pytest.approx(losses[1]["value"], rel=1e-12)


def test_a_composition_goes_on_in_a_pipe() -> None:
    (found,) = told("viterbi", "-", text=run("compose", HEARD, RULES).out)
    assert found["paths"][0]["text"] == TARGET
    drawn = run("draw", HEARD, "-g", RULES, "--of", "grammar").out
    assert "<amount>" in drawn


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("grammar", "jsgf", RULES), 2, "sums.jsgf:6: rule <amount> is called within itself, so it is no finite graph"),
        (("show", RULES), 2, "lattice grammar jsgf --depth N writes out what is nested no deeper, and -g FILE takes"),
        (("viterbi", str(ROOT / "samples" / "self-loop.yaml"), "-g", RULES), 2, "go with graphs without cycles"),
        (("viterbi", "two.json", "-g", RULES), 1, "the graph offers nothing at node 2 and can end there; the grammar"),
        (("grammar", "jsgf", RULES, "--depth", "-1"), 2, "--depth"),
        (("train", "learn.yaml", "-o", "m.npz"), 2, "training takes rules written out to a depth"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], status: int, message: str) -> None:
    arcs = [[0, 1, "open", 0.0], [1, 2, "two", 0.0]]
    pathlib.Path("two.json").write_text(json.dumps({"lattice": 1, "start": 0, "final": 2, "arcs": arcs}))
    pathlib.Path("learn.yaml").write_text(
        f"recognizer: {{kind: scores}}\ngrammar: {{file: {RULES}}}\ndata: {{train: [two.json]}}\n"
    )
    done = run(*arguments)
    assert (done.status, done.out) == (status, "")
    assert message in done.err.replace("\n", " ")

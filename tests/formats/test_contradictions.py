"""What contradicts itself is refused, in every form alike."""

from __future__ import annotations

import io
import json
import pathlib
from typing import Any

import numpy as np
import pytest
from support import ROOT

from lattice_cli.errors import FormatError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions, fresh_notes, parse_yaml

CASES = ROOT / "tests" / "cases" / "faults"
ARC = {"arcs": {"from": [0], "to": [1], "label": ["a"], "energy": [1]}}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(name: str, text: str) -> str:
    pathlib.Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(FormatError) as raised:
        read_one(name, ReadOptions())
    return str(raised.value)


def npz(**changed: Any) -> None:
    """A lattice with scores, where some of its description is other."""
    about = {"lattice": 1, "id": "x", "labels": ["a"], "names": None, "scores": ["lm"], "scales": {}} | changed
    arrays = {name: np.array([0]) for name in ("src", "dst")} | {name: np.array([1]) for name in ("ilabel", "olabel")}
    arrays |= {name: np.array([2.0]) for name in ("energy", "score0", "score1")} | {"start": np.zeros(1)}
    if len(about["scores"]) < 2:
        del arrays["score1"]
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, final=np.zeros(1), **arrays)
    pathlib.Path("x.npz").write_bytes(file.getvalue())


@pytest.mark.parametrize("text", ['{"lattice": 1, "labels": ["a", "a"], "start": 0, "final": 1, "arcs": []}',
                                  '{"lattice": 1, "labels": ["a", "a"], "emissions": [[1, 2]]}'])  # fmt: skip
def test_labels_that_are_given_twice(text: str) -> None:
    assert refusal("x.json", text).endswith("'a' is given twice in labels, expected each once")
    assert refusal("x.yaml", text).startswith("x.yaml:1: 'a' is given twice in labels")


@pytest.mark.parametrize("key", ["start", "final"])
def test_a_node_under_two_keys(key: str) -> None:
    ends = {"start": 0, "final": 1, key: {"0": 1, "-0": 2}}
    assert f"{key} names node 0 twice" in refusal("x.json", json.dumps({"lattice": 1, **ends, **ARC}))


def test_scores_that_do_not_add_up_to_the_energy() -> None:
    with pytest.raises(FormatError, match=r"energy is .*, but its scores add up to .*, each of them by its scale"):
        read_one(str(CASES / "npz-scores-contradict-energy.npz"))
    npz()
    assert read_one("x.npz").graph.energy.tolist() == [2.0]
    npz(scales={"lm": 1 + 1e-13})
    assert read_one("x.npz").graph.energy.tolist() == [2.0]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"scores": ["lm", "lm"]}, "'lm' is given twice in scores"),
        ({"labels": ["a", "a"]}, "'a' is given twice in labels"),
        ({"scales": {"lm": 2}}, "arc 0: energy is 2, but its scores add up to 4"),
        ({"lattice": True}, "document version is true, expected 1"),
        ({"labls": 1}, "unknown key 'labls' in about; did you mean 'labels'?"),
    ],
)
def test_descriptions_of_arrays(changed: dict[str, Any], expected: str) -> None:
    npz(**changed)
    with pytest.raises(FormatError) as raised:
        read_one("x.npz")
    assert expected in str(raised.value)


SLF = "VERSION=1.0\nN=2 L=1\nI=0 t=0\nI=1 t={end}\nJ=0 S=0 E=1 W=a a=-1{more}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SLF.format(end=1, more=" a=-5"), "x.slf:5: a= is given twice in one record"),
        (SLF.format(end=1, more=" acoustic=-5"), "x.slf:5: acoustic= is given twice in one record"),
        (SLF.format(end=1, more="\n t=2"), ""),
        (SLF.format(end="1 t=2", more=""), "x.slf:4: t= is given twice in one record"),
        ("lmscale=1 lmscale=2\n" + SLF.format(end=1, more=""), "x.slf:1: lmscale= is given twice in the header"),
    ],
)
def test_fields_of_slf_that_are_given_twice(text: str, expected: str) -> None:
    if expected:
        assert refusal("x.slf", text) == expected
    else:
        pathlib.Path("x.slf").write_text(text)
        assert read_one("x.slf").graph.arcs == 1


def test_times_that_run_backwards_are_noted() -> None:
    pathlib.Path("x.slf").write_text(SLF.format(end=-1, more=""))
    document = {"lattice": 1, "start": 0, "final": 1, "nodes": [0, 1], "times": [0, -1], **ARC}
    pathlib.Path("x.json").write_text(json.dumps(document))
    for name in ("x.slf", "x.json"):
        fresh_notes()
        assert read_one(name).graph.arcs == 1
        assert [text for _, text in fresh_notes()] == ["1 arc of 1 end before they begin: arc 0 is from 0 to -1 s"]


@pytest.mark.parametrize("weight", ["1_0", "٣", "nan", "-1", "1e999"])
def test_weights_of_jsgf_that_are_no_numbers(weight: str) -> None:
    text = f"#JSGF V1.0;\ngrammar g;\npublic <a> = /{weight}/ a | /2/ b;\n"
    assert "expected a weight, a number from 0 on between slashes" in refusal("x.jsgf", text)


def test_text_behind_the_end_of_an_fsg() -> None:
    text = "FSG_BEGIN\nN 2\nS 0\nF 1\nT 0 1 1 a\nFSG_END\n# a comment\n"
    pathlib.Path("x.fsg").write_text(text)
    assert read_one("x.fsg").graph.arcs == 1
    assert refusal("x.fsg", text + "T 0 1 1 b\n") == "x.fsg:8: found 'T 0 1 1 b' behind FSG_END, expected one grammar"


@pytest.mark.parametrize("value", ["!!null a", "!!binary aGk=", "!own a", "!!int '1'", "!!set {a}", "!!python/none ''"])
def test_tags_of_yaml_are_not_read(value: str) -> None:
    with pytest.raises(FormatError, match=r"x\.yaml:2: found the tag '.*', expected values without tags"):
        list(parse_yaml(f"- a\n- {value}", "x.yaml"))


def test_tags_that_say_what_a_value_is_anyway() -> None:
    (found,) = parse_yaml("[!!str 1, ! 2, !!map {a: 1}, !!seq [1]]", "x.yaml")
    assert found == ["1", "2", {"a": "1"}, ["1"]]
    assert not found[0].plain
    assert not found[1].plain

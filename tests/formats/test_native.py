"""The native document in JSON and YAML: every form, every strictness, and the way back to the last bit."""

from __future__ import annotations

import gzip
import json
import math
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import strategies

from lattice_cli.errors import FormatError, LatticeError, UsageError
from lattice_cli.formats import read_one, read_records, write_documents
from lattice_cli.formats.io import Failure, Pause, ReadOptions, as_number, as_record, json_line, plain_numbers
from lattice_cli.formats.native.arcs import arc_table
from lattice_cli.graph import Document, Graph, weighted_sum

INF = math.inf
#: (from, to, input, output, energy) as the file names them; None is epsilon.
Row = tuple[Any, Any, "str | None", "str | None", float]


@pytest.fixture(autouse=True)
def _short_names(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written to, and named relative to, an empty directory."""
    monkeypatch.chdir(tmp_path)


def save(text: str | bytes, name: str) -> str:
    pathlib.Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def read(text: str | bytes, name: str = "in.json", **options: Any) -> Document:
    return read_one(save(text, name), ReadOptions(**options))


def read_all(text: str | bytes, name: str, **options: Any) -> list[Document | Failure]:
    """Every record, good or bad."""
    found = read_records(save(text, name), ReadOptions(**options))
    return [record for record in found if not isinstance(record, Pause)]


def refusal(text: str | bytes, name: str = "in.json", **options: Any) -> str:
    """The message of the FormatError that this text must end in; it names the file."""
    with pytest.raises(FormatError) as caught:
        read(text, name, **options)
    message = str(caught.value)
    assert message.startswith(name), message
    assert "\n" not in message
    return message


def label(graph: Graph, number: int) -> str | None:
    return graph.labels[number] if number else None


def rows(document: Document) -> list[Row]:
    graph, names = document.graph, document.names
    columns = zip(
        graph.src.tolist(), graph.dst.tolist(), graph.ilabel.tolist(), graph.olabel.tolist(), graph.energy.tolist()
    )
    return [
        (names[src], names[dst], label(graph, one), label(graph, other), energy)
        for src, dst, one, other, energy in columns
    ]


def ends(document: Document) -> tuple[dict[Any, float], dict[Any, float]]:
    """The start and the final energies by name of node."""
    graph = document.graph
    both = ((graph.starts, graph.start), (graph.finals, graph.final))
    start, final = ({document.names[node]: float(column[node]) for node in nodes.tolist()} for nodes, column in both)
    return start, final


def bits(values: Any) -> list[str]:
    """Floats to the last bit, the sign of a zero and the nan of an unknown time included."""
    return [float(value).hex() for value in values]


def facts(document: Document) -> dict[str, Any]:
    """All that two records must share to be the same record, to the last bit."""
    graph = document.graph
    return {
        "id": document.id,
        "target": document.target,
        "names": [(type(name), name) for name in document.names],
        "arcs": [row[:4] for row in rows(document)],
        "energy": bits(graph.energy),
        "start": bits(graph.start),
        "final": bits(graph.final),
        "times": None if document.times is None else bits(document.times),
        "scores": {name: bits(column) for name, column in document.scores.items()},
        "scales": dict(document.scales),
    }


# Every form of the document ------------------------------------------------------------------------------------------


def graph_of(arcs: Any, **more: Any) -> dict[str, Any]:
    return {"lattice": 1, "id": "form", "start": 0, "final": 2, "arcs": arcs, **more}


ARC_FORMS: dict[str, tuple[dict[str, Any], list[Row]]] = {
    "rows of 3": (graph_of([[0, 1, "a"], [1, 2, "b"]]), [(0, 1, "a", "a", 0.0), (1, 2, "b", "b", 0.0)]),
    "rows of 4": (graph_of([[0, 1, "a", 0.25], [1, 2, "b", -3]]), [(0, 1, "a", "a", 0.25), (1, 2, "b", "b", -3.0)]),
    "rows of 5": (
        graph_of([[0, 1, "o", "oh", 1.0], [1, 2, None, "x", 0], [1, 2, "y", None, 1e-3], [1, 2, None, None, 2]]),
        [(0, 1, "o", "oh", 1.0), (1, 2, None, "x", 0.0), (1, 2, "y", None, 0.001), (1, 2, None, None, 2.0)],
    ),
    "rows of each length": (
        graph_of([[0, 1, "a"], [0, 1, "b", 0.5], [1, 2, "c", "d", 1.5], [0, 2, None], [0, 2, None, 7]]),
        [
            (0, 1, "a", "a", 0.0),
            (0, 1, "b", "b", 0.5),
            (1, 2, "c", "d", 1.5),
            (0, 2, None, None, 0.0),
            (0, 2, None, None, 7.0),
        ],
    ),
    "mapping with label": (
        graph_of([{"from": 0, "to": 1, "label": "d", "energy": 1.8}, {"from": 1, "to": 2, "label": None}]),
        [(0, 1, "d", "d", 1.8), (1, 2, None, None, 0.0)],
    ),
    "mapping with input and output": (
        graph_of(
            [
                {"from": 0, "to": 1, "input": "a", "output": "b", "energy": 1},
                {"from": 0, "to": 1, "input": "a"},
                {"from": 1, "to": 2, "output": "b"},
                {"from": 1, "to": 2, "input": None, "output": None, "energy": -0.5},
                {"from": 1, "to": 2},
            ]
        ),
        [
            (0, 1, "a", "b", 1.0),
            (0, 1, "a", None, 0.0),
            (1, 2, None, "b", 0.0),
            (1, 2, None, None, -0.5),
            (1, 2, None, None, 0.0),
        ],
    ),
    "vector arcs count label by label": (
        graph_of(
            [
                [0, 1, "z", 9],
                {"from": 0, "to": 1, "energies": {"x": 0.1, "a": 0.2, "u": 0.8}},
                {"from": 1, "to": 2, "energies": {}},
                {"from": 1, "to": 2, "energies": {"": 0.5, "null": 0.25}},
            ]
        ),
        [
            (0, 1, "z", "z", 9.0),
            (0, 1, "x", "x", 0.1),
            (0, 1, "a", "a", 0.2),
            (0, 1, "u", "u", 0.8),
            (1, 2, "", "", 0.5),
            (1, 2, "null", "null", 0.25),
        ],
    ),
    "columns": (
        graph_of({"from": [0, 1, 1], "to": [1, 2, 2], "label": ["a", None, "3"], "energy": [0.5, 1, -2]}),
        [(0, 1, "a", "a", 0.5), (1, 2, None, None, 1.0), (1, 2, "3", "3", -2.0)],
    ),
    "columns without energy": (
        graph_of({"from": [0, 1], "to": [1, 2], "label": ["a", "b"]}),
        [(0, 1, "a", "a", 0.0), (1, 2, "b", "b", 0.0)],
    ),
    "columns without labels": (graph_of({"from": [0], "to": [2], "energy": [1]}), [(0, 2, None, None, 1.0)]),
    "columns of input and output": (
        graph_of({"from": [0, 1], "to": [1, 2], "input": ["a", None], "output": [None, "b"], "energy": [1, 2]}),
        [(0, 1, "a", None, 1.0), (1, 2, None, "b", 2.0)],
    ),
    "a column of input alone": (
        graph_of({"from": [0, 1], "to": [1, 2], "input": ["a", "b"]}),
        [(0, 1, "a", None, 0.0), (1, 2, "b", None, 0.0)],
    ),
    "a column of output alone": (graph_of({"from": [0], "to": [2], "output": ["a"]}), [(0, 2, None, "a", 0.0)]),
    "columns into labels": (
        graph_of({"from": [0, 1, 1], "to": [1, 2, 2], "label": [1, 0, None]}, labels=["no", "7"]),
        [(0, 1, "7", "7", 0.0), (1, 2, "no", "no", 0.0), (1, 2, None, None, 0.0)],
    ),
    "columns of labels beside labels": (
        graph_of({"from": [0, 1], "to": [1, 2], "label": ["b", "a"]}, labels=["a", "b"]),
        [(0, 1, "b", "b", 0.0), (1, 2, "a", "a", 0.0)],
    ),
    "input and output into labels": (
        graph_of({"from": [0, 1], "to": [1, 2], "input": [0, 1], "output": [None, 0]}, labels=["a", "b"]),
        [(0, 1, "a", None, 0.0), (1, 2, "b", "a", 0.0)],
    ),
    "no arcs": (graph_of([]), []),
    "no columns": (graph_of({"from": [], "to": [], "label": [], "energy": []}), []),
    "named nodes": (
        graph_of([["s", "one", "a"], ["one", 2, "b"], ["s", "s", "c"]], start="s", final=["one", 2]),
        [("s", "one", "a", "a", 0.0), ("one", 2, "b", "b", 0.0), ("s", "s", "c", "c", 0.0)],
    ),
    "named nodes in columns": (
        graph_of({"from": ["s", "-"], "to": ["-", 2], "label": ["a", "b"]}, start="s"),
        [("s", "-", "a", "a", 0.0), ("-", 2, "b", "b", 0.0)],
    ),
    "nodes with gaps": (
        graph_of([[40, 7, "a"], [7, -3, "b"]], start=40, final=-3),
        [(40, 7, "a", "a", 0.0), (7, -3, "b", "b", 0.0)],
    ),
}


@pytest.mark.parametrize("form", ARC_FORMS)
def test_each_form_of_arcs_gives_its_arcs_in_order(form: str) -> None:
    value, expected = ARC_FORMS[form]
    assert rows(read(json.dumps(value))) == expected


_MOSTLY = {
    "from": st.integers(0, 3),
    "to": st.integers(0, 3),
    "label": st.sampled_from(["a", "b", None]),
    "input": st.sampled_from(["a", "b", None]),
    "output": st.sampled_from(["a", "c", None]),
    "energy": st.one_of(st.integers(-3, 3), st.floats(-3, 3)),
    "energies": st.dictionaries(st.sampled_from("abc"), st.floats(-3, 3), max_size=3),
}
_ODD = st.sampled_from([None, True, "", "1", "n", 1.5, math.inf, 10**30, [], {}, {"a": None}, {"b": 2}])


@st.composite
def arc_lists(draw: st.DrawFn) -> list[Any]:
    """Mappings of one kind, or rows, some with something missing or odd."""
    keys = draw(st.sampled_from([("label", "energy"), ("input", "output", "energy"), ("energies",), ("label",), ()]))
    odd = draw(st.sampled_from([0, 0, 0, 1]))
    arcs = []
    for _ in range(draw(st.integers(1, 6))):
        arc = {
            key: draw(_MOSTLY[key]) for key in ("from", "to", *keys) if key in ("from", "to") or draw(st.integers(0, 3))
        }
        if odd and draw(st.booleans()):
            arc[draw(st.sampled_from([*_MOSTLY, "other"]))] = draw(_ODD)
        if odd and draw(st.integers(0, 5)) == 0:
            del arc[draw(st.sampled_from([*arc]))]
        arcs.append(arc)
    return [[*arc.values()] for arc in arcs] if draw(st.integers(0, 3)) == 0 else arcs


@given(arcs=arc_lists())
def test_arcs_read_at_once_are_those_read_one_by_one(arcs: list[Any]) -> None:
    def table() -> Any:
        try:
            found = arc_table(arcs, "in.json", None)
        except FormatError as error:
            return str(error)
        assert all(column.dtype == np.intp for column in (found.ilabel, found.olabel))
        nodes = found.integer_nodes and [column.tolist() for column in found.integer_nodes]
        labels = [[found.labels[label] for label in column] for column in (found.ilabel, found.olabel)]
        return [*found.tails], [*found.heads], nodes, labels, found.labels, found.energy.tolist(), found.scores

    at_once = table()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lattice_cli.formats.native.arcs._at_once", lambda rows: None)
        assert at_once == table()


@pytest.mark.parametrize("form", ARC_FORMS)
def test_json_and_yaml_give_the_same_graph(form: str) -> None:
    value, _ = ARC_FORMS[form]
    as_json = facts(read(json.dumps(value), "form.txt", format="json"))
    assert facts(read(json.dumps(value), "form.txt", format="yaml")) == as_json
    assert facts(read(yaml.safe_dump(value, sort_keys=False), "form.txt", format="yaml")) == as_json
    assert facts(read(json.dumps(value, indent=1), "form.txt", format="json")) == as_json


def test_yaml_written_by_hand_is_the_same_graph() -> None:
    text = """\
lattice: 1
id: cut
start: 0
final: 3
arcs:
- [0, 1, c, 0.4]
- [0, 1, o, oh, 1.0]
- {from: 0, to: 1, label: d, energy: 1.8}
- {from: 1, to: 2, energies: {x: 0.1, a: 0.2, u: 0.8}}
- from: 2
  to: 3
  input: 'null'
  output: ~
"""
    assert rows(read(text, "cut.yaml")) == [
        (0, 1, "c", "c", 0.4),
        (0, 1, "o", "oh", 1.0),
        (0, 1, "d", "d", 1.8),
        (1, 2, "x", "x", 0.1),
        (1, 2, "a", "a", 0.2),
        (1, 2, "u", "u", 0.8),
        (2, 3, "null", None, 0.0),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, {0: 0.0}),
        ("0", {0: 0.0}),
        ([0], {0: 0.0}),
        ([0, 2], {0: 0.0, 2: 0.0}),
        ([], {}),
        ({}, {}),
        ({"0": 0.5, "2": -1}, {0: 0.5, 2: -1.0}),
        ("node", {"node": 0.0}),
        (["node", 1], {"node": 0.0, 1: 0.0}),
        ({"node": 1e-3}, {"node": 0.001}),
    ],
)
@pytest.mark.parametrize("end", ["start", "final"])
def test_start_and_final_are_a_node_a_list_or_a_mapping(given: Any, expected: dict[Any, float], end: str) -> None:
    other = "final" if end == "start" else "start"
    value = {"lattice": 1, end: given, other: 1, "arcs": [[0, 1, "a"], [1, 2, "b"]]}
    for document in (read(json.dumps(value)), read(yaml.safe_dump(value), "in.yaml")):
        found = dict(zip(("start", "final"), ends(document)))
        assert found[end] == expected
        assert found[other] == {1: 0.0}


def test_a_node_may_be_start_and_final_and_on_no_arc() -> None:
    document = read('{"lattice": 1, "start": {"9": 0.5}, "final": {"9": 0.25, "far": 1}, "arcs": [[0, 1, "a"]]}')
    assert ends(document) == ({9: 0.5}, {9: 0.25, "far": 1.0})
    assert set(document.names) == {9, 0, 1, "far"}


def test_nodes_give_the_order_and_isolated_nodes() -> None:
    value = graph_of([[0, 2, "a"]], nodes=[5, 2, "lonely", 0], times=[None, 0.5, 0.25, 0])
    for document in (read(json.dumps(value)), read(yaml.safe_dump(value), "in.yaml")):
        assert list(document.names) == [5, 2, "lonely", 0]
        assert document.times is not None
        assert math.isnan(document.times[0])
        assert document.times[1:].tolist() == [0.5, 0.25, 0.0]
        assert rows(document) == [(0, 2, "a", "a", 0.0)]


def test_integer_nodes_come_in_ascending_order_and_named_ones_as_they_appear() -> None:
    assert list(read(json.dumps(graph_of([[0, 30, "a"], [30, 2, "b"], [0, 4, "c"]]))).names) == [0, 2, 4, 30]
    text = '{"lattice": 1, "start": "s", "final": "z", "arcs": [["b", "z", "x"], ["s", "b", "y"]]}'
    assert list(read(text).names) == ["s", "b", "z"]


def test_a_node_of_many_digits_is_one_node_wherever_it_is_named() -> None:
    """A mapping key is a string in JSON; the integer it stands for does not depend on its length."""
    for number in (10**17, 10**19, -(10**17), 2**63):
        value = {"lattice": 1, "start": {str(number): 0.5}, "final": 1, "arcs": [[number, 1, "a"]]}
        document = read(json.dumps(value))
        assert sorted(map(str, document.names)) == sorted([str(number), "1"]), number
        assert ends(document) == ({number: 0.5}, {1: 0.0})


def test_strings_of_digits_name_the_node_of_that_number_and_other_strings_do_not() -> None:
    text = '{"lattice": 1, "start": "0", "final": "02", "arcs": [[0, "1", "a"], [1, "02", "b"], [1, 2, "c"]]}'
    assert [row[:2] for row in rows(read(text))] == [(0, 1), (1, "02"), (1, 2)]


SCORED = {
    "lattice": 1,
    "start": 0,
    "final": 2,
    "arcs": [
        {"from": 0, "to": 1, "label": "a", "scores": {"acoustic": 12.3, "lm": 4.1, "words": 1}},
        {"from": 1, "to": 2, "label": "b", "scores": {"lm": 2.5}},
        [0, 2, None],
    ],
}


def test_energies_are_the_scaled_sums_of_named_scores() -> None:
    document = read(json.dumps(SCORED))
    assert document.graph.energy.tolist() == [0.0 + 12.3 + 4.1 + 1.0, 2.5, 0.0]
    assert document.scores["acoustic"].tolist() == [12.3, 0.0, 0.0]
    assert document.scores["words"].tolist() == [1.0, 0.0, 0.0]


def test_scales_of_the_file_and_of_the_command_line() -> None:
    value = {**SCORED, "scales": {"lm": 2, "words": -0.5}}
    assert read(json.dumps(value)).graph.energy.tolist() == [0.0 + 12.3 + 2 * 4.1 - 0.5, 5.0, 0.0]
    scaled = read(json.dumps(value), scales={"lm": 10.0, "acoustic": 0.0})
    assert scaled.graph.energy.tolist() == [0.0 + 0.0 + 41.0 - 0.5, 25.0, 0.0]
    assert dict(scaled.scales) == {"lm": 10.0, "words": -0.5, "acoustic": 0.0}


def test_columns_of_scores_are_the_same_as_scores_arc_by_arc() -> None:
    columns = {
        "from": [0, 1, 0],
        "to": [1, 2, 2],
        "label": ["a", "b", None],
        "scores": {"acoustic": [12.3, 0, 0], "lm": [4.1, 2.5, 0], "words": [1, 0, 0]},
    }
    scales = {"lm": 0.1}
    value = {**SCORED, "arcs": columns, "scales": scales}
    expected = facts(read(json.dumps({**SCORED, "scales": scales})))
    assert facts(read(json.dumps(value))) == expected
    assert {**facts(read(yaml.safe_dump(value, sort_keys=False), "in.yaml")), "id": "in.json"} == expected


def test_a_scale_without_such_a_score_is_a_usage_error_that_lists_the_scores() -> None:
    with pytest.raises(UsageError, match=r"in\.json.*scale lm2.*acoustic, lm, words"):
        read(json.dumps(SCORED), scales={"lm2": 1.0})
    with pytest.raises(UsageError, match=r"in\.json.*scale lm"):
        read(json.dumps(graph_of([])), scales={"lm": 1.0})


def test_a_scaled_sum_beyond_all_floats_is_an_error_not_a_warning() -> None:
    value = {**SCORED, "arcs": [{"from": 0, "to": 2, "label": "a", "scores": {"lm": 1e300}}]}
    with pytest.raises(LatticeError, match="arc 0"):
        read(json.dumps(value), scales={"lm": 1e300})
    assert "arc 0" in refusal(json.dumps({**value, "scales": {"lm": 1e300}}))


def test_emissions_are_vector_arcs_in_a_row() -> None:
    value = {"lattice": 1, "id": "m", "labels": ["a", " ", "null"], "emissions": [[0.5, 1, 2], [3, 4, -5e-1]]}
    for document in (read(json.dumps(value)), read(yaml.safe_dump(value, sort_keys=False), "in.yaml")):
        assert rows(document) == [
            (0, 1, "a", "a", 0.5),
            (0, 1, " ", " ", 1.0),
            (0, 1, "null", "null", 2.0),
            (1, 2, "a", "a", 3.0),
            (1, 2, " ", " ", 4.0),
            (1, 2, "null", "null", -0.5),
        ]
        assert ends(document) == ({0: 0.0}, {2: 0.0})
        assert document.id == "m"
    assert read(json.dumps(value), units="logp").graph.energy.tolist() == [-0.5, -1.0, -2.0, -3.0, -4.0, 0.5]


def test_emissions_without_steps_are_the_empty_answer() -> None:
    document = read('{"lattice": 1, "labels": ["a"], "emissions": []}')
    assert ends(document) == ({0: 0.0}, {0: 0.0})
    assert document.graph.arcs == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [("34", "34"), ("", ""), (["3", "4"], ("3", "4")), ([], ()), (["null", ""], ("null", "")), (None, None)],
)
def test_the_target_is_a_text_or_a_list_of_labels(given: Any, expected: Any) -> None:
    value = graph_of([], target=given)
    assert read(json.dumps(value)).target == expected
    assert read(yaml.safe_dump(value), "in.yaml").target == expected


def test_a_yaml_target_is_what_was_written() -> None:
    for text in ("34", "no", "1e-3", "on", "0x10"):
        assert read(f"lattice: 1\nstart: 0\nfinal: 0\narcs: []\ntarget: {text}\n", "in.yaml").target == text
    assert read("lattice: 1\nstart: 0\nfinal: 0\narcs: []\ntarget: [3, null, no]\n", "in.yaml").target == (
        "3",
        "null",
        "no",
    )


def test_the_id_is_the_records_own_or_the_name_of_the_file() -> None:
    value = graph_of([])
    assert read(json.dumps(value)).id == "form"
    assert read(json.dumps({**value, "id": 17})).id == "17"
    del value["id"]
    assert read(json.dumps(value, indent=1)).id == "in.json"
    assert read(yaml.safe_dump(value), "in.yaml").id == "in.yaml"
    lines = read_all("\n".join([json.dumps(value), "", json.dumps({**value, "id": "own"})]), "in.jsonl")
    assert [record.id for record in lines] == ["in.jsonl:1", "own"]


# YAML as it was written -----------------------------------------------------------------------------------------------

YAML_HEAD = "lattice: 1\nstart: 0\nfinal: 1\n"
WORDS_AS_WRITTEN = [
    *("no", "No", "on", "off", "yes", "true", "False", "y", "n"),
    *("Null", "NULL", "nil", "none", "NaN", ".nan", ".inf", "-.inf"),
    *("1e-3", "0x10", "0o7", "007", "1_000", "3", "-3", "3.0", "+1", "1:30", "2001-01-01", "=", "<<", "0.1", "日本"),
]


@pytest.mark.parametrize("word", WORDS_AS_WRITTEN)
def test_yaml_labels_stay_what_was_written(word: str) -> None:
    text = (
        f"{YAML_HEAD}arcs:\n- [0, 1, {word}]\n- [0, 1, {word}, x, 2]\n"
        f"- {{from: 0, to: 1, label: {word}}}\n- {{from: 0, to: 1, energies: {{{word}: 0.5}}}}\n"
    )
    assert [row[2] for row in rows(read(text, "in.yaml"))] == [word] * 4
    columns = f"{YAML_HEAD}labels: [{word}]\narcs: {{from: [0, 0], to: [1, 1], label: [{word}, a]}}\n"
    if not word.isdigit():
        columns = columns.replace(", a]", f", {word}]")
        assert [row[2] for row in rows(read(columns, "in.yaml"))] == [word, word]


@pytest.mark.parametrize(
    ("written", "text"),
    [('"null"', "null"), ("'~'", "~"), ('""', ""), ("'3'", "3"), ("|-\n   null", "null")],
)
def test_quoted_yaml_scalars_are_strings(written: str, text: str) -> None:
    (row,) = rows(read(f"{YAML_HEAD}arcs:\n- from: 0\n  to: 1\n  label: {written}\n", "in.yaml"))
    assert row[2:4] == (text, text)


@pytest.mark.parametrize("null", ["null", "~", ""])
def test_plain_null_is_epsilon_where_a_label_stands(null: str) -> None:
    text = f"{YAML_HEAD}arcs:\n- {{from: 0, to: 1, label: {null}}}\n- {{from: 0, to: 1, input: {null}, output: x}}\n"
    assert [row[2:4] for row in rows(read(text, "in.yaml"))] == [(None, None), (None, "x")]
    if null:
        text = f"{YAML_HEAD}arcs:\n- [0, 1, {null}]\n- [0, 1, x, {null}, 1]\n"
        assert [row[2:4] for row in rows(read(text, "in.yaml"))] == [(None, None), ("x", None)]
        text = f"{YAML_HEAD}labels: [a]\narcs: {{from: [0, 0], to: [1, 1], input: [{null}, 0], output: [a, {null}]}}\n"
        assert [row[2:4] for row in rows(read(text, "in.yaml"))] == [(None, "a"), ("a", None)]


@pytest.mark.parametrize("null", ["null", "~"])
def test_plain_null_is_epsilon_in_a_vector_arc_as_in_any_other(null: str) -> None:
    (row,) = rows(read(f"{YAML_HEAD}arcs: [{{from: 0, to: 1, energies: {{{null}: 0.5}}}}]\n", "in.yaml"))
    assert row == (0, 1, None, None, 0.5)


def test_plain_null_is_a_word_in_lists_of_words_and_labels() -> None:
    document = read("lattice: 1\nwords: [null, ~]\nspell: tokens\n", "in.yaml")
    assert {row[2] for row in rows(document)} == {"null", "~"}
    document = read("lattice: 1\nlabels: [null, a]\nemissions: [[1, 2]]\n", "in.yaml")
    assert [row[2] for row in rows(document)] == ["null", "a"]


@pytest.mark.parametrize(
    ("written", "number"),
    [("1e-3", 0.001), ("-.5e+3", -500.0), ("+1", 1.0), ("5.", 5.0), ("0", 0.0), ("007", 7.0), ("0.1", 0.1)],
)
def test_yaml_numbers(written: str, number: float) -> None:
    assert rows(read(f"{YAML_HEAD}arcs: [[0, 1, a, {written}]]\n", "in.yaml"))[0][4] == number


@pytest.mark.parametrize(
    "written", ["no", "0x10", "0o7", "1_000", "1:30", ".inf", "-.inf", ".nan", "1e999", "'1'", '"1"', "１", "~", "[1]"]
)
def test_a_yaml_number_that_is_none_is_an_error_with_its_line(written: str) -> None:
    shown = written.strip("\"'")
    shown = "list" if shown == "[1]" else shown
    cases = {
        f"{YAML_HEAD}arcs:\n- [0, 1, a]\n- [0, 1, a, {written}]\n": (6, "arc 1"),
        f"{YAML_HEAD}arcs:\n- from: 0\n  to: 1\n  energy: {written}\n": (7, "arc 0"),
        f"{YAML_HEAD}arcs:\n- {{from: 0, to: 1, energies: {{x: 1,\n   u: {written}}}}}\n": (6, "arc 0"),
        f"{YAML_HEAD}arcs:\n  from: [0]\n  to: [1]\n  energy: [{written}]\n": (7, "arc 0"),
        f"{YAML_HEAD}arcs:\n- from: 0\n  to: 1\n  scores: {{lm: {written}}}\n": (7, "arc 0"),
        f"lattice: 1\nstart:\n  0: {written}\nfinal: 1\narcs: []\n": (3, "start"),
        f"lattice: 1\nlabels: [a]\nemissions:\n- [1]\n- [{written}]\n": (5, "row 1"),
        f"lattice: 1\nwords:\n  a: 1\n  b: {written}\n": (4, "word b"),
    }
    for text, (line, where) in cases.items():
        message = refusal(text, "in.yaml")
        assert message.startswith(f"in.yaml:{line}: "), message
        assert where in message
        assert shown in message
        assert "expected a finite number" in message


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("lattice: 1\nstart: 0\nfinal: 1\nstart: 1\narcs: []\n", 4, "start"),
        (f"{YAML_HEAD}arcs:\n- {{from: 0, to: 1, label: a, label: b}}\n", 5, "label"),
        (f"{YAML_HEAD}arcs:\n- {{from: 0, to: 1, energies: {{1: 0, '1': 1}}}}\n", 5, "1"),
        ("lattice: 1\nwords:\n  cut: 1\n  but: 1\n  cut: 1\n", 5, "cut"),
        ("lattice: 1\ntrie: {c: {'': 0},\n  c: {'': 0}}\n", 3, "c"),
    ],
)
def test_a_yaml_key_twice_is_an_error_with_its_line(text: str, line: int, key: str) -> None:
    message = refusal(text, "in.yaml")
    assert message.startswith(f"in.yaml:{line}: ")
    assert repr(key) in message
    assert "twice" in message


def test_yaml_anchors_are_what_they_stand_for() -> None:
    text = (
        f"{YAML_HEAD}arcs:\n- {{from: 0, to: 1, energies: &classes {{a: 0.5, b: 1}}}}\n"
        "- {from: 1, to: 1, energies: *classes}\n"
    )
    assert rows(read(text, "in.yaml")) == [
        (0, 1, "a", "a", 0.5),
        (0, 1, "b", "b", 1.0),
        (1, 1, "a", "a", 0.5),
        (1, 1, "b", "b", 1.0),
    ]
    assert "in.yaml:4: " in refusal(f"{YAML_HEAD}arcs: *none\n", "in.yaml")
    refusal(f"{YAML_HEAD}arcs: &arcs [*arcs]\n", "in.yaml")


def limited() -> None:
    """A child that would eat the machine ends early instead."""
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def show(path: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lattice_cli", "show", path]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, preexec_fn=limited
    )


def test_yaml_aliases_of_aliases_do_not_explode() -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]" for depth in range(1, 10)]
    text = f"{YAML_HEAD}arcs: *a9\n"
    found = show(save("lattice: 1\n" + "\n".join(layers) + "\n" + text.removeprefix("lattice: 1\n"), "in.yaml"))
    assert found.returncode == 3
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize("name", ["in.json", "in.yaml"])
def test_deep_nesting_is_an_error_and_no_crash(name: str, depth: int) -> None:
    """100,000 brackets are beyond the C stack of a recursive parser."""
    head = '{"lattice": 1, "start": 0, "final": 1, "arcs": '
    text = f"{head}{'[' * depth}{']' * depth}}}"
    found = show(save(text if name.endswith("json") else f"{YAML_HEAD}arcs: {'[' * depth}{']' * depth}\n", name))
    assert found.returncode == 3, (found.returncode, found.stderr[-300:])
    assert found.stderr.startswith(f"lattice: {name}")
    assert "Traceback" not in found.stderr


def test_several_yaml_documents_are_several_records_each_with_its_own_fault() -> None:
    good = f"{YAML_HEAD}arcs: []\n"
    records = read_all(f"{good}---\n{good}id: own\n---\nlattice: 2\n---\n{good}...\n", "in.yaml")
    assert [isinstance(record, Failure) for record in records] == [False, False, True, False]
    assert [record.id for record in records] == ["in.yaml", "own", "in.yaml:3", "in.yaml:4"]
    bad = records[2]
    assert isinstance(bad, Failure)
    assert str(bad.error).startswith("in.yaml:12: ")
    with pytest.raises(FormatError, match=r"in\.yaml: holds 2 documents, expected one"):
        read(f"{good}---\n{good}", "in.yaml")


def test_yaml_that_breaks_off_keeps_the_documents_before_it() -> None:
    records = read_all(f"{YAML_HEAD}arcs: []\n---\nlattice: [\n", "in.yaml")
    assert isinstance(records[0], Document)
    assert isinstance(records[1], Failure)
    assert str(records[1].error).startswith("in.yaml:7: not YAML")
    assert records[0].id != records[1].id, "two records of a stream share an id"


# JSON as it is defined ------------------------------------------------------------------------------------------------

JSON_HEAD = '{"lattice": 1, "start": 0, "final": 1, '


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_json_has_no_infinities(token: str) -> None:
    for arcs in (f'[[0, 1, "a", {token}]]', f'{{"from": [0], "to": [1], "energy": [{token}]}}'):
        message = refusal(f'{JSON_HEAD}"arcs": {arcs}}}')
        assert token in message
        assert "expected a finite number" in message


@pytest.mark.parametrize("token", ["1e999", "-1e999", "1" * 400, "true", "false", '"1"', "null", "[1]", "{}"])
def test_json_energies_are_finite_numbers(token: str) -> None:
    for arcs in (
        f'[[0, 1, "a"], [0, 1, "a", {token}]]',
        f'[[0, 1, "a"], {{"from": 0, "to": 1, "energies": {{"x": {token}}}}}]',
        f'[[0, 1, "a"], {{"from": 0, "to": 1, "energy": {token}}}]',
        f'[[0, 1, "a"], {{"from": 0, "to": 1, "scores": {{"lm": {token}}}}}]',
        f'{{"from": [0, 0], "to": [1, 1], "energy": [0, {token}]}}',
        f'{{"from": [0, 0], "to": [1, 1], "scores": {{"lm": [0, {token}]}}}}',
    ):
        message = refusal(f'{JSON_HEAD}"arcs": {arcs}}}')
        assert "arc 1: " in message
        assert "expected a finite number" in message
        assert len(message) < 200


@pytest.mark.parametrize("token", ["true", "false", "null"])
def test_messages_show_json_values_as_json_writes_them(token: str) -> None:
    for arcs in (f'[[0, 1, "a", {token}]]', f"[[0, {token}, null]]"):
        assert f"is {token}, " in refusal(f'{JSON_HEAD}"arcs": {arcs}}}')


@pytest.mark.parametrize(
    "digits", [1, pytest.param(5000, id="5000, more than Python turns into an int by default"), 200_000]
)
def test_huge_integers_are_refused_with_the_file_they_are_in(digits: int) -> None:
    number = "1" * digits
    for text in (
        f'{JSON_HEAD}"arcs": [[0, 1, {number}]]}}',
        f'{JSON_HEAD}"target": {number}, "arcs": []}}',
        f'{{"lattice": {number}2, "start": 0, "final": 1, "arcs": []}}',
    ):
        assert len(refusal(text)) < 300


@pytest.mark.parametrize("token", ["true", "1.0", "1.5", "null", "[1]", "{}"])
def test_json_nodes_are_integers_or_strings(token: str) -> None:
    for arcs in (f'[[0, 1, "a"], [0, {token}, "a"]]', f'{{"from": [0, 0], "to": [1, {token}]}}'):
        message = refusal(f'{JSON_HEAD}"arcs": {arcs}}}')
        assert "arc 1: to is " in message
        assert "expected an integer or a string" in message
    for end in ("start", "final"):
        if token != "{}":
            other = "final" if end == "start" else "start"
            given = f"[0, {token}]"
            message = refusal(f'{{"lattice": 1, "{end}": {given}, "{other}": 0, "arcs": []}}')
            assert end in message
            assert "expected an integer or a string" in message


@pytest.mark.parametrize("token", ["true", "1", "1.5", "[1]", '{"a": 1}'])
def test_json_labels_are_strings_or_null(token: str) -> None:
    for arcs in (
        f'[[0, 1, "a"], [0, 1, {token}]]',
        f'[[0, 1, "a"], [0, 1, "x", {token}, 1]]',
        f'[[0, 1, "a"], {{"from": 0, "to": 1, "output": {token}}}]',
        f'{{"from": [0, 0], "to": [1, 1], "label": ["a", {token}]}}',
    ):
        message = refusal(f'{JSON_HEAD}"arcs": {arcs}}}')
        assert "arc 1: " in message
        assert "expected a string or null" in message


@pytest.mark.parametrize("token", ["2", "-1", "true", "0.0", '"z"', "[0]"])
def test_label_columns_hold_positions_in_the_labels_or_labels(token: str) -> None:
    text = f'{JSON_HEAD}"labels": ["a", "b"], "arcs": {{"from": [0, 0], "to": [1, 1], "label": [0, {token}]}}}}'
    message = refusal(text)
    assert "arc 1: label is " in message
    assert "0 to 1" in message


def test_a_label_that_labels_lacks_is_judged_alike_in_json_and_yaml() -> None:
    """A column of strings beside `labels`, one of them not in it."""
    value = graph_of({"from": [0, 1], "to": [1, 2], "label": ["a", "z"]}, labels=["a", "b"])
    outcomes = []
    for text, name in ((json.dumps(value), "in.json"), (yaml.safe_dump(value), "in.yaml")):
        try:
            outcomes.append([row[2] for row in rows(read(text, name))])
        except FormatError as error:
            outcomes.append(re.sub(r"in\.(json|yaml)[:\d]*", "", str(error)).replace("'", ""))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("letter", ["²", "٣", "１"])
def test_only_ascii_digits_are_positions_in_the_labels(letter: str) -> None:
    text = f"{YAML_HEAD}labels: [x, y, z, w, '{letter}']\narcs: {{from: [0], to: [1], label: [{letter}]}}\n"
    assert rows(read(text, "in.yaml"))[0][2] == letter


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"lattice": 1, "start": 0, "start": 1, "final": 1, "arcs": []}', "start"),
        (f'{JSON_HEAD}"arcs": [{{"from": 0, "to": 1, "to": 2}}]}}', "to"),
        (f'{JSON_HEAD}"arcs": [{{"from": 0, "to": 1, "energies": {{"\\u0061": 0, "a": 1}}}}]}}', "a"),
    ],
)
def test_a_json_key_twice_is_an_error(text: str, key: str) -> None:
    message = refusal(text)
    assert f"key {key!r} is given twice" in message
    lines = read_all(f'{JSON_HEAD}"arcs": []}}\n{text}\n', "in.jsonl")
    assert isinstance(lines[1], Failure)
    assert str(lines[1].error).startswith("in.jsonl:2: ")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"lattice": 1,\n "start": 0,\n', 2, 13),
        ('{"lattice": 1,\n "start": 0,, "final": 1}', 2, 13),
        ('{"lattice": 1, "start": [0, 1', 1, 30),
        ('{"lattice": 1, "start": "no end', 1, 25),
        ('{"lattice": 1, "start": 01}', 1, 26),
        ('{"lattice": 1, "id": "tab\there"}', 1, 26),
        ("{'lattice': 1}", 1, 2),
        ('{"lattice": 1} {', 1, 16),
    ],
)
def test_broken_json_is_an_error_with_line_column_and_what_was_found(text: str, line: int, column: int) -> None:
    message = refusal(text)
    assert message.startswith(f"in.json:{line}: not JSON: ")
    assert f"at column {column}, found " in message
    if text.endswith(("\n", "1")):
        assert message.endswith("found the end of the text")


def test_broken_lines_of_a_stream_are_named_by_their_line_alone() -> None:
    good = f'{JSON_HEAD}"arcs": []}}'
    for name in ("in.jsonl", "in.json"):
        records = read_all(f"{good}\r\n\n{good[:-1]}\n{good}\n", name)
        assert [isinstance(record, Failure) for record in records] == [False, True, False]
        assert isinstance(records[1], Failure)
        assert str(records[1].error).startswith(f"{name}:3: not JSON"), "not 3:1, the 1 is no column"
        assert records[1].id == f"{name}:3"
        assert records[2].id == f"{name}:4"


@pytest.mark.parametrize("escape", ["\\ud800", "\\uDFFF", "x\\udc00y", "\\udc00\\ud800"])
def test_half_a_surrogate_pair_is_not_a_character(escape: str) -> None:
    for text in (
        f'{JSON_HEAD}"arcs": [[0, 1, "{escape}"]]}}',
        f'{JSON_HEAD}"arcs": [{{"from": 0, "to": 1, "energies": {{"{escape}": 1}}}}]}}',
        f'{JSON_HEAD}"id": "{escape}", "arcs": []}}',
    ):
        assert "surrogate" in refusal(text)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert rows(read(f'{JSON_HEAD}"arcs": [[0, 1, "\\ud83d\\ude00\\\\ud800"]]}}'))[0][2] == "😀\\ud800"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("in.json", b'{"lattice": 1,\n"start": 0,\n"id": "\xff"}'),
        ("in.yaml", b"lattice: 1\nstart: 0\nid: \xff\n"),
        ("in.txt", b"cut\nbut\nca\xff\n"),
        ("in.yaml", b"lattice: 1\n\nid: \xed\xa0\x80\n"),
    ],
)
def test_what_is_not_utf8_is_an_error_with_line_and_byte(name: str, data: bytes) -> None:
    byte = "0xed" if b"\xed" in data else "0xff"
    letter = chr(int(byte, 16))
    told = f"{name}:3: byte {byte} is not UTF-8 text: it is {letter!r} if the file is Latin-1"
    assert refusal(data, name) == f"{told}, which --encoding latin-1 reads"


def test_a_line_of_a_stream_that_is_not_utf8_has_its_own_number() -> None:
    good = f'{JSON_HEAD}"arcs": []}}'.encode()
    records = read_all(good + b"\n" + good.replace(b"lattice", b"lat\xfftice") + b"\n" + good, "in.jsonl")
    assert isinstance(records[1], Failure)
    assert str(records[1].error).startswith("in.jsonl:2: byte 0xff is not UTF-8 text")
    assert isinstance(records[2], Document)


def test_a_byte_order_mark_is_no_part_of_the_document() -> None:
    for text, name in (
        (f'{JSON_HEAD}"arcs": [[0, 1, "a"]]}}', "in.json"),
        (json.dumps(graph_of([[0, 1, "a"]]), indent=1), "in.json"),
        (f'{JSON_HEAD}"arcs": [[0, 1, "a"]]}}', "in.jsonl"),
        (f"{YAML_HEAD}arcs: [[0, 1, a]]\n", "in.yaml"),
    ):
        assert rows(read(b"\xef\xbb\xbf" + text.encode(), name)) == [(0, 1, "a", "a", 0.0)]


def test_utf16_is_refused_and_not_guessed() -> None:
    assert "is not UTF-8 text" in refusal(f'{JSON_HEAD}"arcs": []}}'.encode("utf-16"))


@pytest.mark.parametrize("name", ["in.json", "in.jsonl", "in.yaml", "in.txt", "in.slf", "in.npz"])
@pytest.mark.parametrize("text", ["", "\n", "  \n\n"])
def test_an_empty_file_says_so(name: str, text: str) -> None:
    assert refusal(text, name) == f"{name}: is empty, expected a document"
    assert refusal(gzip.compress(text.encode()), f"{name}.gz") == f"{name}.gz: is empty, expected a document"


def test_a_file_of_comments_is_empty() -> None:
    assert refusal("# nothing here\n", "in.yaml") == "in.yaml: is empty, expected a document"


def test_gzip_is_known_by_its_bytes_and_may_have_several_members() -> None:
    line = json.dumps(graph_of([[0, 1, "a"]])) + "\n"
    assert rows(read(gzip.compress(line.encode()), "in.json")) == [(0, 1, "a", "a", 0.0)]
    assert rows(read(gzip.compress(YAML_HEAD.encode()) + gzip.compress(b"arcs: [[0, 1, a]]"), "in.yaml.gz"))
    several = b"".join(gzip.compress(line.encode()) for _ in range(3))
    assert len(read_all(several, "in.jsonl.gz")) == 3


def test_damaged_gzip_is_an_error_after_the_records_before_the_damage() -> None:
    rng = np.random.default_rng(1)
    lines = [json.dumps(graph_of([[0, 1, str(number), float(rng.normal())]])) for number in range(1500)]
    whole = gzip.compress("\n".join(lines).encode())
    for data in (whole[: len(whole) // 2], whole[:-4], whole[:-8] + bytes(8), whole + b"more"):
        records = read_all(data, "in.jsonl.gz")
        last = records.pop()
        assert isinstance(last, Failure)
        assert str(last.error).startswith("in.jsonl.gz: cannot read: ")
        assert all(isinstance(record, Document) for record in records)
        assert records
    assert "cannot read" in refusal(b"\x1f\x8b", "in.json")


# What is refused, and how it is said ----------------------------------------------------------------------------------

#: name: (document, what the message holds). `@` stands for the file, with its line where YAML is read.
REFUSED: dict[str, tuple[dict[str, Any] | list[Any] | str | int, list[str]]] = {
    "a list": ([1, 2], ["found a list of 2", "expected a mapping"]),
    "no lattice key": ({"start": 0, "final": 1, "arcs": []}, ["lattice", "expected"]),
    "another version": ({"lattice": 2}, ["version is 2", "expected 1"]),
    "nothing in it": ({"lattice": 1}, ["found none", "arcs, emissions, words, trie"]),
    "two things in it": ({"lattice": 1, "arcs": [], "words": ["a"]}, ["arcs and words", "expected one"]),
    "an unknown key": (graph_of([], finnal=3), ["unknown key 'finnal'", "did you mean 'final'"]),
    "an unknown key of an arc": (
        graph_of([[0, 1, "a"], {"from": 0, "to": 1, "lable": "a"}]),
        ["unknown key 'lable' in arc 1", "did you mean 'label'"],
    ),
    "an unknown column": (graph_of({"from": [], "to": [], "energies": []}), ["unknown key 'energies' in arcs"]),
    "no start": ({"lattice": 1, "final": 0, "arcs": []}, ["no 'start' key", "expected a node"]),
    "no final": ({"lattice": 1, "start": 0, "arcs": []}, ["no 'final' key", "expected a node"]),
    "a start twice": (graph_of([], start=[0, 1, "0"]), ["start names node 0 twice"]),
    "arcs as text": (graph_of("none"), ["arcs is", "none", "expected a list"]),
    "an arc as text": (graph_of([[0, 1, "a"], "b"]), ["arc 1: ", "b", "expected a list or a mapping"]),
    "a row of 2": (graph_of([[0, 1]]), ["arc 0: has 2 items", "expected [from, to, label, energy]"]),
    "a row of 6": (graph_of([[0, 1, "a", "b", 1, 2]]), ["arc 0: has 6 items", "expected [from, to, label, energy]"]),
    "an arc from nowhere": (graph_of([{"to": 1, "label": "a"}]), ["arc 0: has no 'from'"]),
    "an arc to nowhere": (graph_of([{"from": 1, "label": "a"}]), ["arc 0: has no 'to'"]),
    "label and input": (
        graph_of([{"from": 0, "to": 1, "label": "a", "input": "b"}]),
        ["arc 0: has 'label' and 'input'", "expected one or the other"],
    ),
    "energy and energies": (
        graph_of([{"from": 0, "to": 1, "energy": 1, "energies": {"a": 1}}]),
        ["arc 0: has both 'energies' and 'energy'"],
    ),
    "energy and scores": (
        graph_of([{"from": 0, "to": 1, "energy": 1, "scores": {"a": 1}}]),
        ["arc 0: has both 'energy' and 'scores'"],
    ),
    "energies as a list": (
        graph_of([{"from": 0, "to": 1, "energies": [1]}]),
        ["arc 0: energies is a list of 1", "expected a mapping"],
    ),
    "scores as a number": (
        graph_of([{"from": 0, "to": 1, "scores": 2}]),
        ["arc 0: scores is 2", "expected a mapping"],
    ),
    "an energy among scores": (
        graph_of([{"from": 0, "to": 1, "scores": {"a": 1}}, [0, 1, "x", 2.5]]),
        ["arc 1: has an energy", "scores"],
    ),
    "a scale of nothing": (graph_of([], scales={"lm": 2}), ["scales has 'lm'", "no such score"]),
    "a scale that is none": (
        graph_of([{"from": 0, "to": 1, "scores": {"lm": 1}}], scales={"lm": "two"}),
        ["scale", "lm", "two", "expected a finite number"],
    ),
    "no column from": (graph_of({"to": [1]}), ["no column 'from'"]),
    "no column to": (graph_of({"from": [1]}), ["no column 'to'"]),
    "columns of different lengths": (
        graph_of({"from": [0, 0], "to": [1, 1], "energy": [1]}),
        ["column 'energy' of arcs has 1 entries", "'from' has 2"],
    ),
    "columns of scores of different lengths": (
        graph_of({"from": [0, 0], "to": [1, 1], "scores": {"lm": [1, 2, 3]}}),
        ["'scores: lm' of arcs has 3 entries", "'from' has 2"],
    ),
    "a column that is none": (graph_of({"from": [0], "to": [1], "label": "a"}), ["arcs: label is", "expected a list"]),
    "label and input columns": (
        graph_of({"from": [], "to": [], "label": [], "input": []}),
        ["'label' and 'input'", "expected one or the other"],
    ),
    "energy and scores columns": (
        graph_of({"from": [0], "to": [1], "energy": [1], "scores": {"lm": [1]}}),
        ["both 'energy' and 'scores'"],
    ),
    "a label that is a list": (
        graph_of([], labels=["a", ["b"]]),
        ["an entry of labels is a list of 1", "expected a string"],
    ),
    "nodes without a node": (graph_of([[0, 1, "a"]], nodes=[0, 2]), ["node 1 is used", "nodes does not list it"]),
    "nodes without the final node": (graph_of([], nodes=[0]), ["node 2 is used", "nodes does not list it"]),
    "a node twice": (graph_of([], nodes=[0, 2, 0]), ["nodes lists 0 twice"]),
    "too few times": (graph_of([], times=[0.5]), ["times has 1 entries", "there are 2 nodes"]),
    "a time that is none": (graph_of([], times=[0, "now"]), ["a time is", "now", "expected a finite number"]),
    "emissions without labels": ({"lattice": 1, "emissions": [[1]]}, ["emissions without 'labels'", "expected"]),
    "a short row of emissions": (
        {"lattice": 1, "labels": ["a", "b"], "emissions": [[1, 2], [1]]},
        ["row 1 has 1 entries", "there are 2 labels"],
    ),
    "an emission that is none": (
        {"lattice": 1, "labels": ["a", "b"], "emissions": [[1, 2], [1, "x"]]},
        ["row 1, column 1 is", "x", "expected a finite number"],
    ),
    "a label of emissions twice": ({"lattice": 1, "labels": ["a", "a"], "emissions": []}, ["'a' is given twice"]),
    "emissions with arcs keys": (
        {"lattice": 1, "labels": ["a"], "emissions": [], "start": 0},
        ["unknown key 'start' in an emission document"],
    ),
    "an id that is none": (graph_of([], id=["x"]), ["id is a list of 1", "expected a string"]),
    "a target that is none": (
        graph_of([], target={"a": 1}),
        ["unknown key 'a' in a target", "known keys: any"],
    ),
    "a target of lists": (graph_of([], target=["a", ["b"]]), ["a label of the target is a list of 1", "expected"]),
}


@pytest.mark.parametrize("name", ["in.json", "in.yaml"])
@pytest.mark.parametrize("case", REFUSED)
def test_refusals_name_the_place_what_was_found_and_what_was_expected(case: str, name: str) -> None:
    value, parts = REFUSED[case]
    message = refusal(json.dumps(value) if name == "in.json" else yaml.safe_dump(value, sort_keys=False), name)
    for part in parts:
        assert part in message
    assert "Scalar" not in message
    assert "Lined" not in message


def test_a_yaml_refusal_of_an_arc_has_the_line_of_the_arc() -> None:
    for arc, what in (
        ("[0, 1]", "has 2 items"),
        ("{from: 0}", "has no 'to'"),
        ("word", "expected a list or a mapping"),
        ("{from: 0, to: 1, label: [a]}", "expected a string or null"),
        ("{from: 0, to: {}, label: a}", "expected an integer or a string"),
        ("{from: 0, to: 1, lable: a}", "did you mean 'label'"),
    ):
        message = refusal(f"{YAML_HEAD}arcs:\n- [0, 1, a]\n\n- {arc}\n- [0, 1, b]\n", "in.yaml")
        assert message.startswith("in.yaml:7: "), message
        assert "arc 1" in message
        assert what in message


@pytest.mark.parametrize("key", ["start", "final"])
def test_a_yaml_key_without_a_node_is_no_node(key: str) -> None:
    """`start:` and nothing behind it is a slip; it does not name a node "" that no arc knows."""
    text = f"{YAML_HEAD}arcs: [[0, 1, a]]\n".replace(f"{key}: {'0' if key == 'start' else '1'}", f"{key}:")
    message = refusal(text, "in.yaml")
    assert message.startswith(f"in.yaml:{2 if key == 'start' else 3}: ")
    assert "expected" in message


def test_an_empty_yaml_document_is_shown_as_something() -> None:
    message = refusal("---\n...\n", "in.yaml")
    assert re.search(r"found (null|nothing|empty)", message), message


# There and back -------------------------------------------------------------------------------------------------------

STRANGE = (
    "",
    "[red]",
    "a[b]c",
    "日本",
    "x" * 200,
    "\u0085",
    "\u2028",
    "\x7f",
    "😀",
    "\"quotes' and \\backslashes\\",
    "null",
    "~",
    "no",
    "1e-3",
    "3",
    " ",
    "\t",
    "line\nline",
    "\r",
    "\x00",
    "\x1b[31m",
    "\ufeff",
    "\ufffe",
    "- a: b # c",
    "{}",
    "&a *a !t",
    "e\u0301",
)
texts = st.one_of(st.sampled_from(STRANGE), st.text(max_size=6))
node_names = st.one_of(
    st.integers(-(10**12), 10**12), texts.filter(lambda text: not re.fullmatch(r"-?(0|[1-9][0-9]*)", text))
)
doubles = st.floats(allow_nan=False, allow_infinity=False)
ordinary = st.floats(-1e100, 1e100)
times = st.one_of(st.just(math.nan), st.floats(0, 1e4))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A record with strange labels and names, isolated nodes, times, scores, a target."""
    labels = ("", *draw(st.lists(texts, min_size=1, max_size=5, unique=True)))
    energies = doubles.map(lambda energy: energy + 0.0)  # a negative zero has a test of its own
    graph = draw(strategies.graphs(energies=energies, cyclic=True, labels=labels))
    names: list[int | str] = list(range(graph.nodes))
    if draw(st.booleans()):
        names = draw(st.lists(node_names, min_size=graph.nodes, max_size=graph.nodes, unique=True))
    scores, scales = {}, {}
    if draw(st.booleans()):
        score_names = draw(st.lists(texts, min_size=1, max_size=3, unique=True))
        column = st.lists(ordinary, min_size=graph.arcs, max_size=graph.arcs)
        scores = {name: np.array(draw(column), dtype=np.float64) for name in score_names}
        scales = {name: draw(ordinary) for name in score_names if draw(st.booleans())}
        graph = graph.with_energy(weighted_sum(scores, scales))
    timed = draw(st.booleans())
    return Document(
        graph,
        draw(texts.filter(bool)),
        "made up",
        names,
        np.array(draw(st.lists(times, min_size=graph.nodes, max_size=graph.nodes))) if timed else None,
        scores,
        scales,
        draw(st.one_of(st.none(), texts, st.lists(texts, max_size=3).map(tuple))),
    )


def there_and_back(found: list[Document], form: str) -> list[Document]:
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/document{form}"
        write_documents(path, found)
        records = [record for record in read_records(path, ReadOptions()) if not isinstance(record, Pause)]
    for record in records:
        if isinstance(record, Failure):
            raise record.error
    return [record for record in records if isinstance(record, Document)]


@pytest.mark.parametrize("form", [".json", ".jsonl", ".yaml", ".npz"])
@given(document=documents())
def test_what_is_written_is_read_to_the_last_bit(form: str, document: Document) -> None:
    (back,) = there_and_back([document], form)
    assert facts(back) == facts(document)


@pytest.mark.parametrize("form", [".jsonl", ".yaml", ".jsonl.gz", ".yml"])
@settings(max_examples=25)
@given(several=st.lists(documents(), min_size=1, max_size=4))
def test_streams_are_written_and_read_in_order(form: str, several: list[Document]) -> None:
    assert [facts(back) for back in there_and_back(several, form)] == [facts(document) for document in several]


def test_a_named_node_beside_numbers_leaves_them_in_their_order() -> None:
    graph = Graph([1], [2], [0], [0], [0.0], [0.0, INF, INF], [INF, INF, 0.0], ("",))
    document = Document(graph, "0", "made up", ["", 0, -1])
    (back,) = there_and_back([document], ".jsonl")
    assert facts(back) == facts(document)


def line_of(labels: tuple[str, ...], names: list[int | str], **more: Any) -> Document:
    """Nodes in a row, an arc with each label between them."""
    count = len(labels)
    steps, column = list(range(count)), list(range(1, count + 1))
    start, final = [0.0, *[INF] * count], [*[INF] * count, 0.25]
    graph = Graph(steps, column, column, column, [0.1] * count, start, final, ("", *labels))
    return Document(graph, "line", "made up", names, **more)


@pytest.mark.parametrize("form", [".json", ".jsonl", ".yaml", ".npz", ".jsonl.gz", ".yaml.gz", ".npz.gz"])
def test_each_strange_label_and_name_comes_back(form: str) -> None:
    names: list[int | str] = [name for name in STRANGE if name != "3"]
    document = line_of(STRANGE, [*names, 3, -7], target=STRANGE)
    (back,) = there_and_back([document], form)
    assert facts(back) == facts(document)
    assert [row[2] for row in rows(back)] == list(STRANGE)


@pytest.mark.parametrize("form", [".json", ".yaml", ".npz"])
def test_each_strange_name_of_a_score_comes_back(form: str) -> None:
    """No name is too strange for the member of an archive or the key of a mapping."""
    names = [*STRANGE, "x.npy", "a/b", "../up", "file", "/"]
    scores = {name: np.array([number / 7]) for number, name in enumerate(names)}
    scales = dict.fromkeys(names[::2], 0.5)
    graph = line_of(("a",), [0, 1]).graph.with_energy(weighted_sum(scores, scales))
    document = Document(graph, "scored", "made up", [0, 1], None, scores, scales)
    assert facts(there_and_back([document], form)[0]) == facts(document)


@pytest.mark.parametrize("form", [".json", ".yaml", ".npz"])
@pytest.mark.parametrize("letter", ["x", "\u0085", "日", "😀", '"'])
def test_long_labels_and_names_come_back(form: str, letter: str) -> None:
    """YAML takes only so many characters for a key that is not marked as one."""
    for length in (200, 3000):
        document = line_of((letter * length, "a"), ["s", letter * length, letter * (length + 1)])
        (back,) = there_and_back([document], form)
        assert facts(back) == facts(document)


@pytest.mark.parametrize("form", [".json", ".yaml", ".npz", ".json.gz"])
def test_large_graphs_come_back_with_labels_by_position(form: str) -> None:
    rng = np.random.default_rng(1)
    arcs, nodes = 1500, 300
    labels = ("", *STRANGE)
    src = np.sort(rng.integers(0, nodes - 1, arcs))
    ilabel, olabel = rng.integers(0, len(labels), (2, arcs))
    graph = Graph(
        src,
        rng.integers(0, nodes, arcs),
        ilabel,
        olabel,
        rng.normal(size=arcs) * 10.0 ** rng.integers(-300, 300, arcs),
        [0.0, *[INF] * (nodes - 1)],
        [*[INF] * (nodes - 1), 1 / 3],
        labels,
    )
    document = Document(graph, "large", "made up", range(nodes))
    (back,) = there_and_back([document], form)
    assert facts(back) == facts(document)


@pytest.mark.parametrize("form", [".json", ".yaml", ".npz"])
def test_an_empty_id_comes_back(form: str) -> None:
    document = Document(line_of(("a",), [0, 1]).graph, "", "made up", [0, 1])
    assert there_and_back([document], form)[0].id == ""


@pytest.mark.parametrize("form", [".json", ".yaml", ".npz"])
def test_a_negative_zero_comes_back(form: str) -> None:
    """To the last bit means the sign of a zero too, on arcs and at both ends."""
    graph = Graph([0], [1], [1], [1], [-0.0], [-0.0, INF], [INF, -0.0], ("", "a"))
    document = Document(graph, "zero", "made up", [0, 1])
    assert facts(there_and_back([document], form)[0]) == facts(document)


@pytest.mark.parametrize("form", [".json", ".yaml", ".npz"])
@pytest.mark.parametrize("energy", [5e-324, 1.7976931348623157e308, 0.1, 1 / 3, 2.0**53 + 2, 1e22, 1e-7])
def test_floats_keep_every_digit(form: str, energy: float) -> None:
    graph = Graph([0], [1], [1], [1], [energy], [-energy, INF], [INF, energy], ("", "a"))
    document = Document(graph, "float", "made up", [0, 1])
    assert facts(there_and_back([document], form)[0]) == facts(document)


@given(document=documents())
@example(document=line_of(STRANGE, list(range(len(STRANGE) + 1))))
def test_a_written_line_is_one_line_without_infinities(document: Document) -> None:
    line = json_line(as_record(document))
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line, parse_constant=pytest.fail)["lattice"] == 1


@given(st.lists(st.sampled_from([0, -3, 0.5, -0.0, 1e308, 2**53 + 1, 10**400, True, None, "1", INF, [1]]), max_size=6))
def test_numbers_read_at_once_are_those_read_one_by_one(values: list[Any]) -> None:
    """None stands for a list in which something has to be looked at by itself: it is refused, or is not plain."""

    def number(value: Any) -> float | None:
        try:
            return as_number(value, "f", "x")
        except FormatError:
            return None

    found, expected = plain_numbers(values), [number(value) for value in values]
    assert (found is None) == (None in expected)
    assert found is None or found.tolist() == expected

"""Two ways to one answer: the commands agree with each other on whatever graphs they are given."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import strategies

from lattice_cli.choices import COMBINE
from lattice_cli.formats.io import as_record, json_line
from lattice_cli.graph import Graph, numbered_document

from .cases import Case
from .running import run

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

GRAPHS = strategies.graphs(energies=strategies.moderate_energies, min_nodes=2)
STREAMS = st.lists(GRAPHS, min_size=1, max_size=6)


def written(graph: Graph, name: str) -> bytes:
    return json_line(as_record(numbered_document(graph, name, name))).encode() + b"\n"


def answers(*arguments: str, **files: bytes) -> tuple[int, list[dict[str, Any]]]:
    """The status of a command, and what its lines of JSON say. files: by their names, `_` for the point."""
    status, out, err = run(Case(list(arguments), {name.replace("_", "."): data for name, data in files.items()}))
    assert status in (0, 1), err
    return status, [json.loads(line) for line in out.splitlines()]


@given(GRAPHS)
def test_a_sum_at_a_large_beta_is_the_minimum(graph: Graph) -> None:
    data = written(graph, "x")
    status, (best,) = answers("viterbi", "x.json", "--json", x_json=data)
    assert answers("forward", "x.json", "--json", "--beta", "1e6", x_json=data)[0] == status
    if status == 0:
        _, (summed,) = answers("forward", "x.json", "--json", "--beta", "1e6", x_json=data)
        energy = best["paths"][0]["energy"]
        assert energy - 1e-4 <= summed["free_energy"] <= energy + 1e-9


@pytest.mark.parametrize("combine", [*COMBINE, "2,-0.5"])
@given(GRAPHS, GRAPHS)
@settings(max_examples=20)
def test_what_is_composed_first_has_the_same_answers(combine: str, graph: Graph, grammar: Graph) -> None:
    files = {"x_json": written(graph, "x"), "g_json": written(grammar, "g")}
    through = ("-g", "g.json", "--combine", combine)
    _, (composed,) = answers("compose", "x.json", "g.json", "--combine", combine, **files) or (0, [{}])
    whole = {"c_json": json_line(composed).encode()}
    for asked in (["viterbi", "-n", "4"], ["viterbi", "-n", "3", "--distinct"], ["forward"]):
        command, *more = asked
        status, (at_once,) = answers(command, "x.json", *through, *more, "--json", **files)
        other, (then,) = answers(command, "c.json", *more, "--json", **whole)
        assert status == other
        energies = [
            [each.get("free_energy", 0.0), *(path["energy"] for path in each.get("paths", []))]
            for each in (at_once, then)
        ]
        assert energies[0] == pytest.approx(energies[1], abs=1e-9)


@pytest.mark.parametrize(
    "command", [["viterbi", "-n", "3"], ["forward", "--arcs", "--nodes"], ["loss", "-t", "a b"], ["show"], ["sample"]]
)
@given(STREAMS)
@settings(max_examples=15, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes minutes
def test_a_stream_and_several_processes_are_one_by_one(command: list[str], several: list[Graph]) -> None:
    lines = [written(graph, f"r{number}") for number, graph in enumerate(several)]
    name, *more = command
    options = [*more, "--json", "--keep-going"]
    status, stream = answers(name, "x.jsonl", *options, x_jsonl=b"".join(lines))
    assert answers(name, "x.jsonl", *options, "--jobs", "2", x_jsonl=b"".join(lines)) == (status, stream)
    if name != "sample":  # of which each record draws what those before it have left
        alone = [answers(name, "x.jsonl", *options, x_jsonl=line) for line in lines]
        assert [line for _, found in alone for line in found if "id" in line] == [
            line for line in stream if "id" in line
        ]
        assert max(each for each, _ in alone) == status

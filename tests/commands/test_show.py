"""What show finds inside of a lattice, by plain enumeration; and what is different between two."""

from __future__ import annotations

import contextlib
import io
import json
import math
import pathlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import ROOT
from support.oracle import all_paths, free_energy
from support.strategies import connected_graphs, lecture_34

from lattice_cli.analysis import Anatomy, compare
from lattice_cli.cli.main import main
from lattice_cli.graph import Document, Graph

pytestmark = pytest.mark.slow

LECTURE = str(ROOT / "samples" / "lecture-34.json")


def lattice(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as done:
        main(list(arguments))
    assert isinstance(done.value.code, int)
    return done.value.code, out.getvalue(), err.getvalue()


def document(graph: Graph, name: str = "x") -> Document:
    return Document(graph, name, name, range(graph.nodes))


def test_a_pipeline_finds_the_facts_under_their_documented_names() -> None:
    facts = json.loads(lattice("show", LECTURE, "--json")[1])
    assert {"id", "status", "target", "nodes", "useful_nodes", "arcs", "useful_arcs", "epsilon_arcs"} <= set(facts)
    assert {"starts", "finals", "labels", "levels", "paths", "density", "scores", "problems"} <= set(facts)
    assert {"best_energy", "worst_energy", "transducer", "cyclic"} <= set(facts)
    assert len(facts) == 21
    assert (facts["useful_nodes"], facts["useful_arcs"]) == (facts["nodes"], facts["arcs"])


@given(connected_graphs(), st.sampled_from([0.5, 1.0, 2.0]))
def test_labels_and_arcs(graph: Graph, beta: float) -> None:
    paths = all_paths(graph)
    assume(paths)
    total = free_energy(paths, beta)
    weight = [math.exp(-beta * (path.energy - total)) for path in paths]
    best = min(path.energy for path in paths)
    found = Anatomy(document(graph), beta)
    for use in found.labels():
        expected = sum(mass * path.output.count(use.label) for path, mass in zip(paths, weight))
        assert use.expected == pytest.approx(expected, abs=1e-9)
        insisted = min((path.energy for path in paths if use.label in path.output), default=math.inf)
        assert use.detour == pytest.approx(insisted - best, rel=1e-9, abs=1e-9 * max(1, abs(best)))
    for heavy in found.heaviest(3):
        expected = sum(mass for path, mass in zip(paths, weight) if heavy.arc in path.arcs)
        assert heavy.posterior == pytest.approx(expected, abs=1e-9)
    for slot in found.slots(0.0):
        assert sum(mass for _, mass in slot.choices) >= 1 - 1e-9


def test_the_strips_of_the_lectures_graph() -> None:
    strips = Anatomy(document(lecture_34()), 1.0).strips()
    assert [(strip.begin, strip.end, strip.nodes, strip.arcs) for strip in strips] == [
        (0, 1, 1, 4),
        (1, 2, 1, 6),
        (2, 3, 2, 4),
    ]
    assert [label for strip in strips for label in strip.labels] == ["3", "4", "1"]


@given(connected_graphs())
def test_a_lattice_is_like_itself(graph: Graph) -> None:
    assume(all_paths(graph))
    found = compare(document(graph), document(graph, "y"), 1.0)
    assert found.alike
    assert found.same == graph.arcs


def test_what_is_different() -> None:
    graph = lecture_34()
    energy = graph.energy.copy()
    energy[2] += 1.0
    fewer = replace(
        graph,
        src=graph.src[:-1],
        dst=graph.dst[:-1],
        ilabel=graph.ilabel[:-1],
        olabel=graph.olabel[:-1],
        energy=energy[:-1],
        arc_offsets=np.array([0, graph.arcs - 1]),
    )
    found = compare(document(graph), document(fewer), 1.0)
    assert not found.alike
    assert found.labels_here == ["9"]
    assert found.labels_there == []
    assert found.only_here == [(1, 3, "9", "9")]
    (change,) = found.changed
    assert change.arc[:2] == (1, 2)
    assert change.other - change.energy == pytest.approx(1.0)
    assert found.one.answer == ["3", "4", "1"]
    assert found.one.elsewhere == pytest.approx(1.6)
    assert found.other.answer == ["3", "4"]
    assert found.other.elsewhere == pytest.approx(0.7)
    assert found.same == 8


def test_on_the_command_line(tmp_path: pathlib.Path) -> None:
    status, out, _ = lattice("show", LECTURE, "--strip", "--label-uses", "--confusion-sets", "--heaviest", "2")
    assert status == 0
    for heading in ("along its length", "how often an answer has them", "at each place", "heaviest arcs"):
        assert heading in out
    record = json.loads(lattice("show", LECTURE, "--confusion-sets", "--heaviest", "2", "--json")[1])
    assert [slot["word"] for slot in record["confusions"]] == ["3", "4", "1"]
    assert len(record["heaviest"]) == 2
    other = tmp_path / "other.json"
    other.write_text(pathlib.Path(LECTURE).read_text().replace("0.4", "0.45"))
    status, out, _ = lattice("show", LECTURE, "--against", str(other))
    assert status == 1
    assert "0.45" in out
    status, out, _ = lattice("show", LECTURE, "--against", LECTURE, "--json")
    assert status == 0
    assert json.loads(out)["alike"] is True
    assert lattice("show", LECTURE, "--against", str(tmp_path / "none.json"))[0] == 3
    assert lattice("show", LECTURE, LECTURE, "--against", LECTURE)[0] == 2
    loop = str(ROOT / "samples" / "self-loop.yaml")
    status, _, err = lattice("show", loop, "--confusion-sets")
    assert status == 3
    assert "cycles" in err
    assert lattice("show", loop, "--strip", "--label-uses")[0] == 0


DIVERGING = {"lattice": 1, "start": "in", "final": "out", "arcs": [["in", "out", "a"], ["in", "in", None, -1.0]]}
EMPTY = {"lattice": 1, "start": "in", "final": "out", "arcs": [["in", "in", "a"]]}


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(("record", "status", "said"), [(DIVERGING, 4, "(nodes in)"), (EMPTY, 1, "no path")])
def test_what_is_known_is_shown_before_what_cannot_be(
    record: dict[str, object], status: int, said: str, jobs: str, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "odd.json"
    file.write_text(json.dumps(record))
    _, plain, _ = lattice("show", str(file))
    _, facts, _ = lattice("show", str(file), "--json")
    for part in (["--label-uses"], ["--confusion-sets"], ["--heaviest", "2"]):
        found, out, err = lattice("show", str(file), *part, "--jobs", jobs)
        assert (found, out) == (status, plain)
        assert said in err
        found, out, _ = lattice("show", str(file), *part, "--json", "--jobs", jobs)
        told = json.loads(out)
        assert found == status
        assert told.pop("status") != "ok"
        assert said in told.pop("message")
        assert told == {key: value for key, value in json.loads(facts).items() if key != "status"}


def test_cycles_have_labels_if_no_confusion_sets() -> None:
    loop = str(ROOT / "samples" / "self-loop.yaml")
    status, out, err = lattice("show", loop, "--confusion-sets", "--label-uses")
    assert status == 3
    assert "cycles" in err
    assert out == lattice("show", loop, "--label-uses")[1]

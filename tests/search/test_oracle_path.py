"""The path of fewest errors against listing all paths, and against the lattices' known figures."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle as slow
from support.strategies import graphs, moderate_energies, positive_energies

from lattice_cli.errors import Diverged, GraphError, UsageError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import Graph, union
from lattice_cli.search import distances, oracle, oracles
from lattice_cli.search import oracle_path as risk
from lattice_cli.search.oracle_path import Oracle

REFERENCES = st.lists(st.sampled_from(["a", "b", "c", "elsewhere"]), max_size=4)


def require_sound(graph: Graph, reference: Sequence[str], found: Oracle) -> None:
    """The path is one of the graph, and has the errors and the energy that it is said to have."""
    path = slow.path_of(slow.plain(graph), found.path.nodes[0], found.path.arcs)
    assert path.nodes == found.path.nodes
    assert path.energy == pytest.approx(found.path.energy, abs=1e-9)
    assert distances([(reference, path.output)])[0] == found.errors


@given(graphs(energies=moderate_energies), REFERENCES)
def test_it_is_the_best_of_all_paths(graph: Graph, reference: list[str]) -> None:
    found = oracle(graph, reference)
    every = [(slow.edit_distance(reference, path.output), path.energy) for path in slow.all_paths(graph)]
    if not every:
        assert found is None
        return
    assert found is not None
    require_sound(graph, reference, found)
    errors, energy = min(every)
    assert found.errors == errors
    least = min(other for fewest, other in every if fewest == errors)
    assert found.path.energy == pytest.approx(least, abs=1e-9), energy


@given(graphs(energies=positive_energies, cyclic=True), REFERENCES)
def test_cycles_are_gone_round_as_often_as_it_helps(graph: Graph, reference: list[str]) -> None:
    found, expected = oracle(graph, reference), slow.fewest_errors(graph, reference)
    if expected is None:
        assert found is None
        return
    assert found is not None
    require_sound(graph, reference, found)
    assert found.errors == expected[0]
    assert found.path.energy == pytest.approx(expected[1], abs=1e-9)


@given(st.lists(st.tuples(graphs(energies=moderate_energies), REFERENCES), max_size=4))
def test_many_at_once_are_the_same(pairs: list[tuple[Graph, list[str]]]) -> None:
    together = oracles([graph for graph, _ in pairs], [reference for _, reference in pairs])
    assert together == [oracle(graph, reference) for graph, reference in pairs]


def loop(label: int, energy: float, final: float = 0.0) -> Graph:
    """One node, where it starts and ends, and an arc round it."""
    return Graph([0], [0], [label], [label], [energy], [0.0], [final], ("", "a"))


def test_a_loop_says_the_reference_however_long_it_is() -> None:
    found = oracle(loop(1, 0.5), ["a"] * 7)
    assert found is not None
    assert (found.errors, found.path.arcs, found.path.energy) == (0, (0,) * 7, 3.5)


def test_errors_come_before_energy() -> None:
    # Going round is paid for in errors, so even an energy that falls for ever is not worth one.
    found = oracle(loop(1, -1.0), ["a", "a"])
    assert found is not None
    assert (found.errors, found.path.energy) == (0, -2.0)


def test_a_silent_cycle_of_negative_energy_has_no_least() -> None:
    with pytest.raises(Diverged) as raised:
        oracle(loop(0, -1.0), ["a"])
    assert raised.value.nodes == [0]


def test_what_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GraphError):
        oracle(union([loop(1, 0.0), loop(1, 0.0)]), ["a"])
    monkeypatch.setattr(risk, "MOST_ARCS", 10)
    with pytest.raises(UsageError, match="1 arcs and a reference of 9 labels"):
        oracle(loop(1, 0.0), ["a"] * 9)


@pytest.mark.shared
def test_the_lattices_have_the_fewest_errors_that_are_known_of_them(shared: Path) -> None:
    folder = shared / "data" / "asr"
    known = {
        name: figures["oracle"]
        for name, figures in json.loads((folder / "expected.json").read_text()).items()
        if "oracle" in figures
    }
    assert len(known) > 40
    for name, figures in known.items():
        reference = json.loads((folder / f"{name}.json").read_text())["ref"].split()
        graph = read_one(str(folder / f"{name}.slf.gz"), ReadOptions()).graph
        found = oracle(graph, reference)
        assert found is not None
        assert len(reference) == figures["words"], name
        assert found.errors == figures["errors_oracle"], name
        output = graph.words(graph.olabel[list(found.path.arcs)].tolist())
        assert distances([(reference, output)])[0] == found.errors, name
        assert math.isfinite(found.path.energy)

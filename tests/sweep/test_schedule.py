"""The schedule made of runs of parallel arcs is the one made arc by arc."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import graphs
from support.sweeps import chain

from lattice_cli.graph import Graph, emission_graph, linear_graph, union
from lattice_cli.sweep import Schedule, schedule_of
from lattice_cli.sweep.scheduling import parallel_runs


def with_parallel_arcs(graph: Graph, copies: int, reverse: bool) -> Graph:
    """Each arc so many times, or, every other one, once more."""
    times = copies + np.arange(graph.arcs) % 2
    src, dst, label = (np.repeat(column, times) for column in (graph.src, graph.dst, graph.ilabel))
    made = Graph(src, dst, label, label, np.arange(float(len(src))), graph.start, graph.final, graph.labels)
    return made.reversed() if reverse else made


def facts(value: Any) -> Any:
    """All that a schedule says, to be compared."""
    if dataclasses.is_dataclass(value):
        return {field.name: facts(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value.tolist() if isinstance(value, np.ndarray) else value


def made_arc_by_arc(graph: Graph) -> Schedule:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lattice_cli.sweep.scheduling.parallel_runs", lambda graph: None)
        return schedule_of(graph)


@pytest.fixture(autouse=True)
def _by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATTICE_COMPILED", "0")


@given(st.lists(graphs(), min_size=1, max_size=3), st.integers(1, 4), st.booleans())
def test_a_schedule_of_runs_is_that_of_single_arcs(members: list[Graph], copies: int, reverse: bool) -> None:
    graph = with_parallel_arcs(union(members), copies, reverse)
    parts = union([with_parallel_arcs(member, copies, reverse) for member in members])
    for each in (graph, parts):
        assert facts(schedule_of(each)) == facts(made_arc_by_arc(each))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("copies", [1, 4])
def test_so_is_that_of_long_members_beside_others(copies: int, reverse: bool) -> None:
    rng = random.Random(copies)
    rows = emission_graph(np.arange(700.0).reshape(100, 7), ("", *"abcdefg"))
    long, short = (with_parallel_arcs(chain(rng, levels, 3, 2), copies, reverse) for levels in (80, 5))
    rows = rows.reversed() if reverse else rows
    for graph in (rows, long, union([rows, short]), union([short, long, rows]), union([long, short])):
        assert facts(schedule_of(graph)) == facts(made_arc_by_arc(graph))
    assert parallel_runs(rows) is not None
    assert parallel_runs(long) is not None
    assert parallel_runs(linear_graph(rows.labels, [1] * 9)) is None

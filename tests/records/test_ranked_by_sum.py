"""Answers ranked by the sums over all of their paths, against enumeration."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from support.oracle import OnePath, all_paths, free_energy
from support.strategies import BETAS, connected_graphs, small

from lattice_cli.graph import Document, Graph
from lattice_cli.records import Decoding, SearchRequest, decode


@given(connected_graphs(energies=small, max_nodes=5, max_arcs=8), BETAS)
def test_answers_by_sums_are_those_of_enumeration(graph: Graph, beta: float) -> None:
    paths = all_paths(graph)
    if not paths:
        return
    by_answer: dict[tuple[str, ...], list[OnePath]] = {}
    for path in paths:
        by_answer.setdefault(tuple(path.output), []).append(path)
    expected = sorted(free_energy(own, beta) for own in by_answer.values())[:3]
    document = Document(graph, "graph", "graph", range(graph.nodes))
    (found,) = decode([document], None, SearchRequest(3, by_sum=True, beta=beta, posteriors=True))
    assert isinstance(found, Decoding)
    assert [path.free_energy for path in found.paths] == pytest.approx(expected, abs=1e-9)
    total = free_energy(paths, beta)
    for path in found.paths:
        own = by_answer[tuple(path.output)]
        assert path.energy == pytest.approx(min(each.energy for each in own))
        share = math.exp(-beta * (free_energy(own, beta) - total))
        assert path.confidence == pytest.approx(share, abs=1e-9)

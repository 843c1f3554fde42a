"""Pruned graphs: what the guarantee says, against all paths."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import LECTURE, ROOT, run
from support.oracle import all_paths, soft_minimum
from support.strategies import BETAS, connected_graphs, small

from lattice_cli.analysis.pruning import prune
from lattice_cli.graph import Document, Graph


def keys(graph: Graph, names: list[int]) -> list[tuple[object, ...]]:
    """Paths by the names of their nodes, their labels and energies."""
    return sorted(
        (tuple(names[node] for node in path.nodes), path.input, path.output, round(path.energy, 9))
        for path in all_paths(graph)
    )


@given(connected_graphs(energies=small), st.sampled_from([0.0, 0.5, 2.0]), BETAS)
def test_every_path_within_the_beam_is_kept(graph: Graph, beam: float, beta: float) -> None:
    document = Document(graph, "g", "g", range(graph.nodes))
    found = prune(document, beta, beam, None)
    before, after = keys(graph, list(range(graph.nodes))), keys(found.document.graph, list(found.document.names))
    best = min(path[-1] for path in before)
    assert {path for path in before if path[-1] <= best + beam - 1e-6} <= set(after) <= set(before)
    energies = [path.energy for path in all_paths(graph)], [path.energy for path in all_paths(found.document.graph)]
    whole, left = (soft_minimum(each, beta) for each in energies)
    assert found.lost == pytest.approx(max(0.0, -math.expm1(-beta * (left - whole))), abs=1e-9)


@given(connected_graphs(energies=small), st.sampled_from([0.0, 0.3, 1.0]), BETAS)
def test_the_best_path_is_kept_whatever_the_posterior(graph: Graph, posterior: float, beta: float) -> None:
    found = prune(Document(graph, "g", "g", range(graph.nodes)), beta, None, posterior)
    energies = [min(path.energy for path in all_paths(each)) for each in (graph, found.document.graph)]
    assert energies[1] == pytest.approx(energies[0], abs=1e-12)
    if posterior == 0.0:
        assert found.lost == pytest.approx(0.0, abs=1e-12)


def test_the_command_keeps_what_the_record_says() -> None:
    done = run("prune", LECTURE, "--beam", "1")
    assert done.status == 0
    record = json.loads(done.out)
    assert record["target"] == "34"
    assert len(record["arcs"]["energy"]) == 6
    assert "kept 6 of 10 arcs and 4 of 4 nodes; every path within 1 of the best is kept" in done.err
    lattice = str(ROOT / "samples" / "goforward.slf.gz")
    small_one = run("prune", lattice, "--beta", "0.05", "--posterior", "0.001")
    assert len(json.loads(small_one.out)["times"]) < 147
    best = [json.loads(run("viterbi", "-", "--json", text=text).out)["paths"][0] for text in (small_one.out,)]
    assert best[0]["energy"] == pytest.approx(json.loads(run("viterbi", lattice, "--json").out)["paths"][0]["energy"])
    assert run("prune", LECTURE).status == 2
    assert run("prune", LECTURE, "--posterior", "2").status == 2

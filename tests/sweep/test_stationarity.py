"""The Lagrangian view: stationary at what the sweep finds, on graphs of any shape, and told where it is not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from support.commands import CUT, LECTURE, ROOT, WORDS, run
from support.strategies import BETAS, connected_graphs, lecture_34, positive_energies, small

from lattice_cli.errors import CheckFailed, Diverged
from lattice_cli.graph import Graph
from lattice_cli.sweep import lagrangian

RNG = np.random.default_rng(0)


@given(connected_graphs(energies=small), BETAS)
def test_what_a_sweep_finds_is_stationary(graph: Graph, beta: float) -> None:
    found = lagrangian(graph, beta, RNG)
    found.require()
    assert (found.multiplier >= 0).all()
    assert len(found.chosen) == graph.arcs


@given(connected_graphs(energies=positive_energies, cyclic=True), BETAS)
def test_so_it_is_on_graphs_with_cycles(graph: Graph, beta: float) -> None:
    try:
        found = lagrangian(graph, beta, RNG)
    except Diverged:
        assume(False)
    largest = found.largest
    assert max(largest["lambda"], largest["alpha"]) < 1e-7 * max(1.0, found.multiplier.max())
    assert largest["e"] < 1e-7 * max(1.0, found.multiplier.max())


def test_a_wrong_gradient_or_multiplier_is_found() -> None:
    found = lagrangian(lecture_34(), 1.0, RNG)
    with pytest.raises(CheckFailed, match=r"finite difference is off by 0\.1"):
        replace(found, difference=found.difference + 0.1).require()
    with pytest.raises(CheckFailed, match=r"stationarity by alpha is off by 0\.001"):
        replace(found, by_alpha=found.by_alpha - 0.001).require()


def test_the_command_shows_multipliers_residuals_and_differences() -> None:
    done = run("forward", LECTURE, "--lagrangian", "--beta", "1,2", "--json")
    assert done.status == 0
    for line in done.out.splitlines():
        told = json.loads(line)["lagrangian"]
        assert told["convention"].startswith("L = F + sum_i lambda_i (f_i - alpha_i)")
        assert max(told["largest"].values()) < 1e-6
        assert told["nodes"][0]["multiplier"] == pytest.approx(1.0)
        for arc in told["arcs"]:
            assert arc["finite_difference"] == pytest.approx(arc["gradient"], abs=1e-6)
    tables = run("forward", CUT, "-g", WORDS, "--lagrangian").out
    assert "dL/dlambda" in tables
    loop = json.loads(run("forward", str(ROOT / "samples" / "self-loop.yaml"), "--lagrangian", "--json").out)
    # Visits of the node with the loop: more than one.
    assert loop["lagrangian"]["nodes"][0]["multiplier"] == pytest.approx(1 / (1 - np.exp(-0.1)))

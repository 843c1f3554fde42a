"""Paths drawn at random: they are what they are said to be, and come as often as they should."""

from __future__ import annotations

import math
import pathlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from support import oracle
from support.commands import CUT, LECTURE, WORDS, records, row_of, run, save
from support.strategies import BETAS, graphs, moderate_energies, positive_energies

from lattice_cli.errors import Diverged, GraphError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import Graph, emission_graph, union
from lattice_cli.search import Sampler
from lattice_cli.sweep import LogSemiring, sweep

#: Standard deviations that a frequency may be away from its probability.
SIGMAS = 5.0


def require_often(count: float, probability: float, n: int) -> None:
    """A frequency is within its standard error."""
    assert abs(count / n - probability) <= SIGMAS * math.sqrt(probability * (1 - probability) / n) + 1e-9


@given(graphs(energies=moderate_energies), BETAS)
def test_each_is_a_path_with_its_probability(graph: Graph, beta: float) -> None:
    paths = {(path.nodes, path.arcs): path for path in oracle.all_paths(graph)}
    found = list(Sampler(graph, beta).draw(20, np.random.default_rng(0)))
    assert len(found) == (20 if paths else 0)
    probability = dict(zip(paths, oracle.probabilities(list(paths.values()), beta)))
    for each in found:
        path = paths[each.path.nodes, each.path.arcs]
        assert each.path.energy == pytest.approx(path.energy, abs=1e-9)
        log_probability = math.log(probability[each.path.nodes, each.path.arcs])
        assert each.log_probability == pytest.approx(log_probability, abs=1e-6)
        assert each.log_probability <= 0


@given(graphs(energies=positive_energies, cyclic=True))
def test_paths_on_cycles_are_drawn_with_their_probability_too(graph: Graph) -> None:
    beta = 4.0
    try:
        sampler = Sampler(graph, beta)
    except Diverged:
        return
    lists = oracle.plain(graph)
    for each in sampler.draw(20, np.random.default_rng(0)):
        path = oracle.path_of(lists, each.path.nodes[0], each.path.arcs)
        assert path.energy == pytest.approx(each.path.energy)
        assert each.log_probability == pytest.approx(-beta * (path.energy - sampler.free_energy), abs=1e-9)


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_paths_come_as_often_as_they_should(beta: float) -> None:
    graph, n = read_one(LECTURE, ReadOptions()).graph, 20_000
    counts = Counter(each.path.arcs for each in Sampler(graph, beta).draw(n, np.random.default_rng(1)))
    paths = oracle.all_paths(graph)
    for path, probability in zip(paths, oracle.probabilities(paths, beta)):
        require_often(counts[path.arcs], probability, n)


def test_rounds_of_a_cycle_are_geometric() -> None:
    graph = Graph([0, 0], [0, 1], [1, 2], [1, 2], [0.3, 0.0], [0.0, math.inf], [math.inf, 0.0], ("", "a", "b"))
    n, again = 20_000, math.exp(-0.3)
    counts = Counter(len(each.path.arcs) - 1 for each in Sampler(graph, 1.0).draw(n, np.random.default_rng(2)))
    for rounds in range(8):
        require_often(counts[rounds], again**rounds * (1 - again), n)


@pytest.mark.parametrize("shape", [(40, 5), (3000, 3)], ids=["levels", "lanes"])
def test_frequencies_of_arcs_are_their_posteriors(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    graph = emission_graph(rng.normal(0, 1, shape), ("", *(str(label) for label in range(shape[1]))))
    posterior = sweep(graph, LogSemiring(1.0)).pullback().arcs
    n, counts = 2000, np.zeros(graph.arcs)
    for each in Sampler(graph, 1.0).draw(n, np.random.default_rng(4)):
        counts[list(each.path.arcs)] += 1
    deviation = (counts / n - posterior) / np.sqrt(posterior * (1 - posterior) / n)
    assert np.abs(deviation).max() < SIGMAS + 0.5
    assert np.mean(deviation**2) == pytest.approx(1.0, abs=0.15 if shape[0] > 100 else 0.4)


def test_the_seed_decides_and_many_are_drawn_in_parts() -> None:
    graph = read_one(LECTURE, ReadOptions()).graph
    once, again = (list(Sampler(graph, 1.0).draw(2500, np.random.default_rng(5))) for _ in range(2))
    assert len(once) == 2500
    assert once == again
    assert once != list(Sampler(graph, 1.0).draw(2500, np.random.default_rng(6)))


def test_what_it_refuses() -> None:
    graph = read_one(LECTURE, ReadOptions()).graph
    with pytest.raises(GraphError):
        Sampler(union([graph, graph]), 1.0)


# The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_output_is_as_documented() -> None:
    done = run("sample", CUT, "-g", WORDS, "-n", "200", "--beta", "2", "--json")
    assert (done.status, done.err) == (0, "")
    (record,) = records(done.out)
    assert (record["id"], record["target"], record["status"], record["beta"]) == ("lecture-cut", "cut", "ok", 2.0)
    assert len(record["paths"]) == 200
    assert {"".join(path["output"]) for path in record["paths"]} <= {"cap", "cat", "cut"}
    for path in record["paths"]:
        assert path["log_probability"] == pytest.approx(-2 * (path["energy"] - record["free_energy"]))
        assert list(path) == ["energy", "output", "text", "input", "arcs", "nodes", "log_probability"]
    assert run("sample", CUT, "-g", WORDS, "-n", "200", "--beta", "2", "--json").out == done.out
    assert run("sample", CUT, "-g", WORDS, "-n", "200", "--beta", "2", "--json", "--seed", "1").out != done.out


def test_tables_have_a_row_for_each_draw() -> None:
    done = run("sample", LECTURE, "-n", "150")
    assert done.status == 0
    assert sum("lecture-34" in line for line in done.out.splitlines()) == 150


def test_records_that_fail_do_not_change_what_others_give() -> None:
    empty = {"lattice": 1, "id": "none", "start": 0, "final": 9, "arcs": [[0, 1, "a"]]}
    loop = {"lattice": 1, "id": "round", "start": 0, "final": {"0": 1}, "arcs": [[0, 0, "a", 0]]}
    row = row_of("a", "b", id="ok")
    done = run("sample", save("some.jsonl", empty, loop, row), "--json", "--keep-going")
    assert done.status == 4
    assert [line["status"] for line in records(done.out)] == ["no-path", "diverged", "ok"]
    assert "round: the sum over paths diverges" in done.err
    assert run("sample", save("none.jsonl", empty), "--json").status == 1
    assert run("sample", save("bad.jsonl", "{"), "--json").status == 3
    assert run("sample", LECTURE, "--of", "grammar").status == 2
    assert run("sample", LECTURE, "-n", "0").status == 2


def test_a_record_that_diverges_names_its_own_nodes() -> None:
    arcs = [["in", "mid", "a", 0], ["mid", "mid", "a", -1], ["mid", "out", "b", 0]]
    loop = {"lattice": 1, "id": "named", "start": "in", "final": "out", "arcs": arcs}
    done = run("sample", save("named.jsonl", loop))
    assert done.status == 4
    assert "(nodes mid)" in done.err


def test_a_cycle_that_is_hardly_ever_left_is_an_error_and_not_endless_work() -> None:
    loop = {"lattice": 1, "id": "long", "start": 0, "final": {"0": 30}, "arcs": [[0, 0, "a", 1e-9]]}
    done = run("sample", save("long.jsonl", loop))
    assert done.status == 4
    assert "long: a path drawn at random has more than 300,0" in done.err
    assert "going round a cycle is almost certain" in done.err

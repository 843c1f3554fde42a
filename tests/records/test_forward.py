"""Forward results of records: posteriors as the list of paths has them under every operator, betas that diverge."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commands import records, run
from support.oracle import all_paths
from support.strategies import OTHER_LABELS, connected_graphs, moderate_energies

from lattice_cli.composition import ADD, OPERATORS, operator_of
from lattice_cli.errors import Diverged
from lattice_cli.graph import Graph, numbered_document
from lattice_cli.records import Decoder, Forward, forward

LEFTS = connected_graphs(max_nodes=4, max_arcs=5, energies=moderate_energies)
RIGHTS = connected_graphs(max_nodes=4, max_arcs=5, labels=OTHER_LABELS, energies=moderate_energies)


@given(LEFTS, RIGHTS, st.sampled_from([*OPERATORS, "0.5,2"]), st.sampled_from(["recognition", "grammar"]))
@settings(max_examples=150)
def test_posteriors_are_those_of_paths_whatever_the_operator(left: Graph, right: Graph, name: str, of: str) -> None:
    document = numbered_document(left, "r", "r")
    decoder = Decoder(numbered_document(right, "g", "g"), combine=operator_of(name) or ADD)
    (found,) = forward([document], [1.0], decoder, arcs=True, nodes=True, of=of)
    if not isinstance(found, list):
        return
    (view,) = found
    assert isinstance(view, Forward)
    assert view.nodes is not None
    assert view.posterior is not None
    interpretation = decoder.interpret(document)
    side = interpretation.side(of)
    assert side.arc_of is not None
    assert side.node_of is not None
    paths = all_paths(interpretation.graph)
    weights = np.exp([-path.energy for path in paths])
    arcs, nodes = np.zeros(side.graph.arcs), np.zeros(side.graph.nodes)
    for path, weight in zip(paths, weights / weights.sum()):
        nodes[side.node_of[path.nodes[0]]] += weight
        for arc in path.arcs:
            own = side.arc_of[arc]
            if own >= 0:
                arcs[own] += weight
                nodes[side.graph.dst[own]] += weight
    np.testing.assert_allclose(view.posterior, arcs, atol=1e-12)
    np.testing.assert_allclose(view.nodes.posterior, nodes, atol=1e-12)


LOOPS = {"lattice": 1, "id": "loops", "start": 0, "final": 1}
LOOPS["arcs"] = [[0, 0, "a", 0.5], [0, 0, "b", 0.5], [0, 1, "c", 1.0]]


def test_a_beta_that_diverges_is_named_and_the_others_stay() -> None:
    done = run("forward", "-", "--beta", "0.5,1,2,4", "--json", text=json.dumps(LOOPS))
    *rows, fault = records(done.out)
    alone = run("forward", "-", "--beta", "2,4", "--json", text=json.dumps(LOOPS))
    assert rows == records(alone.out)
    assert fault["status"] == "diverged"
    assert fault["betas"] == [0.5, 1.0]
    assert "at beta 0.5 " in fault["message"]
    assert "at beta 1 " in fault["message"]
    assert done.status == 4


def test_in_a_stream_records_behind_it_are_there_too() -> None:
    plain = {**LOOPS, "id": "plain", "arcs": [[0, 1, "c", 1.0]]}
    stream = "".join(json.dumps(record) + "\n" for record in (plain, LOOPS, plain))
    done = run("forward", "-", "--beta", "1,2", "--json", "--keep-going", text=stream)
    told = [(record["id"], record["status"], record.get("beta")) for record in records(done.out)]
    ok, twice = [("plain", "ok", 1.0), ("plain", "ok", 2.0)], [("loops", "ok", 2.0), ("loops", "diverged", None)]
    assert told == [*ok, *twice, *ok]


def test_where_every_beta_diverges_it_is_raised() -> None:
    document = numbered_document(
        Graph(*np.zeros((4, 1), dtype=np.intp), np.zeros(1), np.zeros(1), np.zeros(1)), "loop", "loop"
    )
    with pytest.raises(Diverged, match=r"at beta 1 .*; at beta 2 "):
        forward([document], [1.0, 2.0])

"""Interpretation graphs of emissions built for many records at once, against composing them one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.oracle import all_paths
from support.strategies import graphs, small

from lattice_cli.composition import compose
from lattice_cli.emissions import unroll
from lattice_cli.graph import Graph, emission_graph

CLASSES = 3
EMISSION_LABELS = ("", "c", "b", "a")
COLUMNS = np.array([-1, 2, 1, 0])


def without_input_epsilon(graph: Graph) -> Graph:
    keep = graph.ilabel != 0
    columns = (getattr(graph, name)[keep] for name in ("src", "dst", "ilabel", "olabel", "energy"))
    return Graph(*columns, graph.start, graph.final, graph.labels)


@given(st.data())
def test_the_same_paths_as_composing_record_by_record(data: st.DataObject) -> None:
    members = data.draw(st.lists(graphs(energies=small, cyclic=True, max_nodes=4, max_arcs=8), min_size=1, max_size=3))
    members = [without_input_epsilon(member) for member in members]
    lengths = np.array(data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4)), dtype=np.intp)
    grammar_of = np.array([data.draw(st.integers(0, len(members) - 1)) for _ in lengths], dtype=np.intp)
    emissions = np.random.default_rng(0).normal(size=(lengths.sum(), CLASSES))
    found = unroll(lengths, members, grammar_of, COLUMNS, CLASSES)
    graph = found.graph.with_energy(found.graph.energy + emissions.reshape(-1)[found.emission])
    assert graph.graphs == len(lengths)
    row = 0
    for record, (length, own) in enumerate(zip(lengths.tolist(), grammar_of.tolist())):
        nodes = slice(*graph.node_offsets[record : record + 2])
        arcs = slice(*graph.arc_offsets[record : record + 2])
        first = graph.node_offsets[record]
        member = Graph(
            graph.src[arcs] - first, graph.dst[arcs] - first, graph.ilabel[arcs], graph.olabel[arcs],
            graph.energy[arcs], graph.start[nodes], graph.final[nodes], graph.labels,
        )  # fmt: skip
        whole = compose(emission_graph(emissions[row : row + length], EMISSION_LABELS), members[own])
        mine, theirs = (
            sorted((path.input, path.output, round(path.energy, 9)) for path in all_paths(each))
            for each in (member, whole.graph)
        )
        assert mine == theirs
        assert member.nodes == whole.graph.nodes
        grammar = members[own]
        assert (grammar.olabel[found.arc[arcs]] == member.olabel).all()
        assert (grammar.src[found.arc[arcs]] == found.node[nodes][member.src]).all()
        assert (found.step[nodes][member.dst] == found.step[nodes][member.src] + 1).all()
        row += length

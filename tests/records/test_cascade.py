"""Cascades: against every triple of paths, and what a composition that was written still knows of its factors."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.oracle import OnePath, all_paths
from support.strategies import connected_graphs, moderate_energies

from lattice_cli.composition import ADD, operator_of
from lattice_cli.errors import NoPath, UsageError
from lattice_cli.formats.io import ReadOptions, as_record, fresh_notes
from lattice_cli.formats.native.document import read_document
from lattice_cli.graph import Document, Graph, numbered_document
from lattice_cli.records import Decoder, Forward, SearchRequest, decode, forward
from lattice_cli.records.cascade import composed_document

LABELS = ("", "a", "b")
FACTORS = [connected_graphs(max_nodes=3, max_arcs=4, labels=LABELS, energies=moderate_energies) for _ in range(3)]
NAMES = ("lexicon", "model")
SIDES = ("recognition", *NAMES)


def meeting(one: Sequence[str], other: Sequence[str]) -> bool:
    return list(one) == list(other)


def triples(graphs: Sequence[Graph], weights: Sequence[float] = (1.0, 1.0, 1.0)) -> list[tuple[float, list[OnePath]]]:
    """Every way through all of them: its energy and its path in each."""
    lists = [all_paths(graph) for graph in graphs]
    found = []
    for way in itertools.product(*lists):
        if all(meeting(before.output, behind.input) for before, behind in itertools.pairwise(way)):
            found.append((sum(weight * path.energy for weight, path in zip(weights, way)), list(way)))
    return found


def documents(graphs: Sequence[Graph]) -> list[Document]:
    return [numbered_document(graph, name, f"{name}.json") for graph, name in zip(graphs, SIDES)]


@given(st.tuples(*FACTORS), st.sampled_from([0.5, 1.0, 2.0]))
@settings(max_examples=200)
def test_sums_and_gradients_of_every_factor_are_those_of_all_paths(graphs: tuple[Graph, ...], beta: float) -> None:
    record, *grammars = documents(graphs)
    decoder = Decoder(grammars, names=NAMES)
    ways = triples(graphs)
    for place, side in enumerate(SIDES):
        (found,) = forward([record], [beta], decoder, arcs=True, of=side)
        if not ways:
            assert isinstance(found, NoPath)
            continue
        assert not isinstance(found, NoPath)
        (view,) = found
        assert isinstance(view, Forward)
        lowest = min(energy for energy, _ in ways)
        masses = [math.exp(-beta * (energy - lowest)) for energy, _ in ways]
        assert view.statistics.free_energy == pytest.approx(lowest - math.log(sum(masses)) / beta, abs=1e-10)
        expected = np.zeros(graphs[place].arcs)
        for mass, (_, way) in zip(masses, ways):
            np.add.at(expected, list(way[place].arcs), mass / sum(masses))
        np.testing.assert_allclose(view.gradient, expected, atol=1e-10)
        numbered = forward([record], [beta], decoder, arcs=True, of=str(place))[0] if place else found
        assert isinstance(numbered, list)
        assert isinstance(numbered[0], Forward)
        np.testing.assert_array_equal(numbered[0].gradient, view.gradient)


@given(st.tuples(*FACTORS), st.sampled_from(["add", "0.5,2", "left"]))
@settings(max_examples=100)
def test_what_is_written_knows_its_factors_and_their_scores(graphs: tuple[Graph, ...], operator: str) -> None:
    """Read again, a composition gives the same gradients to each factor."""
    record, *grammars = documents(graphs)
    combine = operator_of(operator) or ADD
    decoder = Decoder(grammars, names=NAMES, combine=combine)
    interpretation = decoder.interpret(record)
    assume(interpretation.graph.nodes)
    whole = composed_document(interpretation, scores=True, provenance=True)
    read = read_document(json.loads(json.dumps(as_record(whole))), "whole.json", "whole", ReadOptions())
    assert [factor.name for factor in read.factors] == ["recognition", *NAMES]
    np.testing.assert_array_equal(read.graph.energy, whole.graph.energy)
    for side in SIDES:
        (direct,) = forward([record], [1.0], decoder, arcs=True, of=side)
        (again,) = forward([replace(read, source="else.json")], [1.0], arcs=True, of=side)
        assert isinstance(direct, list)
        assert isinstance(again, list)
        one, other = direct[0], again[0]
        assert isinstance(one, Forward)
        assert isinstance(other, Forward)
        if side == "recognition":  # the composition itself is what was read
            assert other.statistics.free_energy == pytest.approx(one.statistics.free_energy, abs=1e-9)
            continue
        assert one.gradient is not None
        assert other.gradient is not None
        assert other.side.number is not None
        expected = np.zeros(one.side.graph.arcs)
        expected[other.side.number] = other.gradient
        np.testing.assert_allclose(one.gradient, expected, atol=1e-9)


@given(st.tuples(*FACTORS), st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=3, max_size=3))
@settings(max_examples=150)
def test_scales_weigh_each_factor_now_and_later(graphs: tuple[Graph, ...], weights: list[float]) -> None:
    record, *grammars = documents(graphs)
    ways = triples(graphs, weights)
    assume(ways)
    scales = dict(zip(SIDES, weights))
    now = Decoder(grammars, names=NAMES, scales={name: scales[name] for name in NAMES})
    later = composed_document(Decoder(grammars, names=NAMES).interpret(record), scores=True)
    own = record.scaled({"recognition": weights[0]})
    lowest = min(energy for energy, _ in ways)
    (best,) = decode([own], now, SearchRequest(scores=True))
    assert not isinstance(best, NoPath)
    path = best.paths[0]
    assert path.energy == pytest.approx(lowest, abs=1e-9)
    made_of = sum(scales[name] * value for name, value in (path.scores or {}).items())
    graph = own.graph
    ends = [graph.start[node] + graph.final[other] for node in graph.starts for other in graph.finals]
    assert any(made_of + end == pytest.approx(path.energy, abs=1e-9) for end in ends)
    there = {name: scale for name, scale in scales.items() if name in later.scores}
    (again,) = decode([later.scaled(there)])
    assert not isinstance(again, NoPath)
    assert again.paths[0].energy == pytest.approx(lowest, abs=1e-9)


@given(st.tuples(*FACTORS))
@settings(max_examples=30)
def test_an_operator_that_makes_no_sums_keeps_no_scores(graphs: tuple[Graph, ...]) -> None:
    record, *grammars = documents(graphs)
    found = Decoder(grammars, names=NAMES, combine=operator_of("max") or ADD).interpret(record)
    fresh_notes()
    whole = composed_document(found, scores=True)
    assert not whole.scores
    np.testing.assert_array_equal(whole.graph.energy, found.graph.energy)
    (said,) = fresh_notes()
    assert said[1] == "named scores are not kept: energies under max are no sums of them"
    with pytest.raises(UsageError, match="under max are no sums"):
        composed_document(found, provenance=True)


def test_a_part_is_told_by_name_number_or_not_at_all() -> None:
    single = np.array([0], dtype=np.intp), np.array([1], dtype=np.intp), np.array([1], dtype=np.intp)
    graph = Graph(*single, single[2], np.array([1.0]), np.array([0.0, np.inf]), np.array([np.inf, 0.0]), ("", "a"))
    record, *grammars = documents([graph] * 3)
    found = Decoder(grammars, names=NAMES).interpret(record)
    assert found.side("1").graph is grammars[0].graph
    assert found.side("model").graph is grammars[1].graph
    with pytest.raises(UsageError, match=r"2 grammars, .* 1 \(lexicon\), 2 \(model\)"):
        found.side("grammar")
    with pytest.raises(UsageError, match="no side is called '3'"):
        found.side("3")

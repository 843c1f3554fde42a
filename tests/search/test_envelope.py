"""The envelope of a graph along a line against listing all paths, in fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle as slow
from support.strategies import graphs

from lattice_cli.arrays import FloatArray
from lattice_cli.graph import Graph, columns_of, union, with_columns
from lattice_cli.search import Envelope, LineSearch

QUARTERS = st.integers(-40, 40).map(lambda number: number / 4)
ENDLESS = (-math.inf, math.inf)
Piece = tuple[Fraction, Fraction]


@st.composite
def sloped(draw: st.DrawFn) -> tuple[Graph, FloatArray, FloatArray]:
    """A graph, and intercepts and slopes of its arcs and ends, whose sums are exact."""
    graph = draw(graphs(energies=QUARTERS))
    size = graph.arcs + 2 * graph.nodes
    slope = np.array(draw(st.lists(QUARTERS, min_size=size, max_size=size)), dtype=np.float64)
    columns = columns_of(graph)
    return graph, np.where(np.isfinite(columns), columns, 0.0), slope


def lines(graph: Graph, intercept: FloatArray, slope: FloatArray) -> list[Piece]:
    """Intercept and slope of every path."""
    found = []
    for path in slow.all_paths(graph):
        ends = [graph.arcs + path.nodes[0], graph.arcs + graph.nodes + path.nodes[-1]]
        links = [*path.arcs, *ends]
        found.append((sum(Fraction(intercept[each]) for each in links), sum(Fraction(slope[each]) for each in links)))
    return found


def hull(every: list[Piece], low: float, high: float) -> tuple[list[Piece], list[Fraction]]:
    """The lines that are least somewhere between, from left to right, and where they meet: by trying every crossing."""
    crossings = {(other[0] - one[0]) / (one[1] - other[1]) for one in every for other in every if one[1] != other[1]}
    edges = sorted(each for each in crossings if low < each < high)
    if edges:
        between = [(one + other) / 2 for one, other in pairwise(edges)]
        left = edges[0] - 1 if low == -math.inf else (Fraction(low) + edges[0]) / 2
        right = edges[-1] + 1 if high == math.inf else (Fraction(high) + edges[-1]) / 2
        points = [left, *between, right]
    else:
        points = [
            Fraction(0 if low == -math.inf else low) + (1 if high == math.inf else (Fraction(high) - Fraction(low)) / 2)
        ]
    best = [min(every, key=lambda line: line[0] + point * line[1]) for point in points]
    pieces, bounds = best[:1], []
    for edge, line in zip(edges, best[1:]):
        if line != pieces[-1]:
            pieces.append(line)
            bounds.append(edge)
    return pieces, bounds


def require_right(graph: Graph, found: Envelope, expected: tuple[list[Piece], list[Fraction]]) -> None:
    pieces, bounds = expected
    assert [(line.intercept, line.slope) for line in found.lines] == [tuple(map(float, each)) for each in pieces]
    assert found.bounds.tolist() == [float(each) for each in bounds]


@given(
    sloped(), st.one_of(st.just(ENDLESS), st.tuples(QUARTERS, QUARTERS.map(abs)).map(lambda a: (a[0], a[0] + a[1] + 1)))
)
def test_pieces_and_bounds_are_those_of_all_paths(
    case: tuple[Graph, FloatArray, FloatArray], within: tuple[float, float]
) -> None:
    graph, intercept, slope = case
    every = lines(graph, intercept, slope)
    (found,) = LineSearch(graph).envelopes(intercept, slope, *within)
    if not every:
        assert (found.lines, len(found.bounds)) == ((), 0)
        return
    require_right(graph, found, hull(every, *within))


@given(sloped(), st.lists(QUARTERS, min_size=1, max_size=5))
def test_at_every_point_the_piece_there_is_a_best_path(
    case: tuple[Graph, FloatArray, FloatArray], points: list[float]
) -> None:
    graph, intercept, slope = case
    (found,) = LineSearch(graph).envelopes(intercept, slope)
    for point in points if found.lines else []:
        line = found.lines[int(np.searchsorted(found.bounds, point))]
        there = np.where(np.isfinite(columns_of(graph)), intercept + point * slope, np.inf)
        least = min(path.energy for path in slow.all_paths(with_columns(graph, there)))
        assert line.at(point) == pytest.approx(least, abs=1e-9)
        own = graph.dst[line.arcs[:-1]].tolist() == graph.src[line.arcs[1:]].tolist()
        assert own, "its arcs are a path"


@given(st.lists(sloped(), min_size=1, max_size=4))
def test_members_of_a_union_are_as_they_are_alone(cases: list[tuple[Graph, FloatArray, FloatArray]]) -> None:
    members = [graph for graph, _, _ in cases]
    together = []
    for place in (1, 2):
        parts = [np.split(case[place], [case[0].arcs, case[0].arcs + case[0].nodes]) for case in cases]
        together.append(np.concatenate([part[side] for side in range(3) for part in parts]))
    found = LineSearch(union(members)).envelopes(*together)
    for (graph, intercept, slope), envelope in zip(cases, found):
        (alone,) = LineSearch(graph).envelopes(intercept, slope)
        assert envelope.bounds.tolist() == alone.bounds.tolist()
        assert [(each.intercept, each.slope) for each in envelope.lines] == [
            (each.intercept, each.slope) for each in alone.lines
        ]


def test_a_path_that_is_best_where_two_others_meet_has_no_piece() -> None:
    # Energies x, 1 and 2 - x: all three are 1 at x = 1.
    graph = Graph([0, 0, 0], [1, 1, 1], [1, 2, 3], [1, 2, 3], np.zeros(3), [0, math.inf], [math.inf, 0], ("", *"abc"))
    rest = np.zeros(4)
    (found,) = LineSearch(graph).envelopes(np.append([0.0, 1.0, 2.0], rest), np.append([1.0, 0.0, -1.0], rest))
    assert [line.arcs.tolist() for line in found.lines] == [[0], [2]]
    assert found.bounds.tolist() == [1.0]

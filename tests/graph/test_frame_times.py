"""Frames of nodes: as many as the transition-ids of any way there, where all ways agree."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lattice_cli.graph import Graph
from lattice_cli.graph.construct import arc_columns, graph_by_tail
from lattice_cli.graph.frame_times import frame_times

Arcs = list[tuple[int, int, str]]


def lattice(arcs: Arcs, nodes: int, start: int = 0) -> Graph:
    labels = ["", *dict.fromkeys(label for _, _, label in arcs if label)]
    columns = arc_columns([(tail, head, labels.index(label), labels.index(label), 0.0) for tail, head, label in arcs])
    return graph_by_tail(columns, {start: 0.0}, {}, nodes, labels)


@st.composite
def timed(draw: st.DrawFn) -> tuple[list[int], Arcs, int]:
    """Frames of some nodes, arcs between them that take the difference, and where they start."""
    frames = [0, *draw(st.lists(st.integers(0, 6), min_size=1, max_size=7))]
    order = draw(st.permutations(range(len(frames))))
    arcs = []
    for head in range(1, len(frames)):
        for tail in {draw(st.integers(0, head - 1)) for _ in range(2)}:
            taken = frames[head] - frames[tail]
            if taken >= 0:
                arcs.append((order[tail], order[head], "_".join(["7"] * taken)))
    return [frames[order.index(node)] for node in range(len(frames))], arcs, order[0]


@given(timed())
def test_every_way_takes_the_frames_that_were_meant(case: tuple[list[int], Arcs, int]) -> None:
    frames, arcs, start = case
    found = frame_times(lattice(arcs, len(frames), start))
    if not arcs:
        assert found is None
        return
    assert found is not None
    reached = {start}
    for _ in frames:
        reached |= {head for tail, head, _ in arcs if tail in reached}
    expected = [frames[node] if node in reached else np.nan for node in range(len(frames))]
    np.testing.assert_array_equal(found, expected)


def test_ways_that_disagree_have_no_frames() -> None:
    assert frame_times(lattice([(0, 1, "5_5"), (0, 1, "5")], 2)) is None


def test_a_long_way_is_counted_to_its_end() -> None:
    found = frame_times(lattice([(node, node + 1, "5") for node in range(1000)], 1001))
    assert found is not None
    np.testing.assert_array_equal(found, np.arange(1001))


def test_cycles_have_no_frames() -> None:
    assert frame_times(lattice([(0, 1, "5"), (1, 0, "")], 2)) is None

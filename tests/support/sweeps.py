"""Graphs and tolerances that tests of sweeps share."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np

from lattice_cli.graph import Graph, union
from lattice_cli.sweep import TROPICAL, LogSemiring, sweep

INF = math.inf


EPS = float(np.finfo(float).eps)


def magnitude(graph: Graph) -> float:
    """The largest number that a sum along a path can meet."""
    ends = np.concatenate([graph.start[graph.starts], graph.final[graph.finals]])
    return 1.0 + float(np.abs(graph.energy).sum() + np.abs(ends).sum())


def check_close(found: Sequence[float], wanted: Sequence[float], tolerance: float) -> None:
    """Equal infinities, and finite numbers within the tolerance."""
    found, wanted = np.asarray(found, dtype=float), np.asarray(wanted, dtype=float)
    assert found.shape == wanted.shape
    assert not np.isnan(found).any()
    assert (np.isinf(found) == np.isinf(wanted)).all(), f"{found} != {wanted}"
    finite = np.isfinite(wanted)
    assert (found[~finite] == wanted[~finite]).all()
    error = np.abs(found[finite] - wanted[finite]).max(initial=0.0)
    assert error <= tolerance, f"off by {error}: {found} != {wanted}"


def gradient_tolerance(graph: Graph, beta: float) -> float:
    """1e-9, and what rounding at the size of the energies does to a Gibbs weight."""
    return 1e-9 + 64 * EPS * beta * magnitude(graph)


def assert_union_is_bitwise(members: list[Graph], beta: float) -> None:
    together = union(members)
    for semiring in (TROPICAL, LogSemiring(beta)):
        whole = sweep(together, semiring)
        parts = [sweep(member, semiring) for member in members]
        assert whole.totals.tolist() == [total for part in parts for total in part.totals.tolist()]
        assert whole.node_totals.tolist() == [total for part in parts for total in part.node_totals.tolist()]
        flows = [part.pullback() for part in parts]
        for name in ("arcs", "nodes", "start", "final"):
            assert getattr(whole.pullback(), name).tolist() == [
                value for flow in flows for value in getattr(flow, name).tolist()
            ]


def chain(rng: random.Random, levels: int, width: int, skip: int, density: float = 0.7) -> Graph:
    """Levels of `width` nodes, arcs that skip up to `skip` levels, some levels narrower than others."""
    rows: list[list[int]] = []
    count = 0
    for _ in range(levels):
        row = [count + k for k in range(rng.randint(1, width))]
        count += len(row)
        rows.append(row)
    ids = list(range(count))
    if rng.random() < 0.5:
        rng.shuffle(ids)
    src, dst, energy = [], [], []
    for level, row in enumerate(rows):
        for ahead in range(1, min(skip, levels - 1 - level) + 1):
            for tail in row:
                for head in rows[level + ahead]:
                    if rng.random() < density or (tail == row[0] and head == rows[level + ahead][0]):
                        for _ in range(rng.choice([1, 1, 1, 2])):
                            src.append(ids[tail])
                            dst.append(ids[head])
                            energy.append(rng.uniform(-1, 3))
    start, final = [INF] * count, [INF] * count
    start[ids[0]] = 0.5
    final[ids[rows[-1][0]]] = 0.25
    for _ in range(2):
        start[ids[rng.choice(rows[levels // 3])]] = rng.uniform(0, 3) + levels / 5
        final[ids[rng.choice(rows[levels // 2])]] = rng.uniform(0, 3) + levels / 5
    labels = [1] * len(src)
    return Graph(src, dst, labels, labels, energy, start, final, ("", "a"))

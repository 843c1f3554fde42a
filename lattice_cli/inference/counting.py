"""How many paths a graph has, exactly."""

from __future__ import annotations

import numpy as np

from lattice_cli.graph.graph import Graph
from lattice_cli.graph.plan import Schedule
from lattice_cli.graph.schedule import schedule


def count_paths(graph: Graph, plan: Schedule | None = None) -> int | None:
    """The number of paths from start to final nodes, an exact integer however large; None if a cycle makes it infinite.

    A union counts the paths of all its members.
    """
    plan = plan or schedule(graph)
    if plan.components:
        return None
    ways: list[int] = [0] * plan.positions
    ways[0] = 1
    parallel: list[int] = np.diff(plan.edge_first, append=len(plan.link_id)).tolist()
    for tail, head, count in zip(plan.edge_tail.tolist(), plan.edge_head.tolist(), parallel):
        ways[head] += ways[tail] * count
    sinks: list[int] = plan.sink[plan.sink >= 0].tolist()
    return sum(ways[sink] for sink in sinks)

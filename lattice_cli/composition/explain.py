"""Why there is no path: the furthest point reached, what is offered there and what is wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lattice_cli.arrays import IntArray, distinct
from lattice_cli.composition.composition import Composition
from lattice_cli.composition.pair_search import Pairs
from lattice_cli.errors import quoted
from lattice_cli.graph import EPSILON, Graph, evaluation_order, reachable

_MOST_STEPS = 20
_MOST_NODES = 5
_MOST_PAIRS = 200


def why_no_path(graph: Graph, names: Sequence[int | str]) -> str:
    """Why a graph by itself has no path from a start to a final node."""
    if not graph.nodes:
        return "no path: the graph has no nodes"
    for ends, what in ((graph.starts, "start"), (graph.finals, "final")):
        if not len(ends):
            return f"no path: the graph has no {what} node"
    seen = reachable(graph.src, graph.dst, graph.starts, graph.nodes)
    furthest = _furthest(graph, np.flatnonzero(seen))
    leaving = graph.src == furthest
    onward = "no arc leaves it" if not leaving.any() else "its arcs lead to nothing new"
    finals = ", ".join(str(names[node]) for node in graph.finals[:5].tolist())
    return (
        f"no path: of {graph.nodes} nodes {int(seen.sum())} can be reached from the start, no final node among them "
        f"(final: {finals}); the furthest is node {names[furthest]}, {onward}"
    )


def _furthest(graph: Graph, nodes: IntArray) -> int:
    """The node of a set with the most arcs behind it on its longest way, or the last one where there are cycles."""
    inside = np.isin(graph.src, nodes) & np.isin(graph.dst, nodes)
    level = evaluation_order(graph.src[inside], graph.dst[inside], np.array([0, graph.nodes])).level
    return int(nodes[np.argmax(level[nodes])])


def why_empty(
    composition: Composition,
    left_names: Sequence[int | str],
    right_names: Sequence[int | str],
    left_is: str = "the graph",
    right_is: str = "the grammar",
    in_part: bool = False,
) -> str:
    """Why a composition is empty, in the terms of both sides. in_part: whether the right one has what the left one
    reaches and no more, so that its own paths say nothing."""
    left, right, reached = composition.left, composition.right, composition.reached
    sides = (left, left_names, left_is), (right, right_names, right_is)
    for graph, names, what in sides[:1] if in_part else sides:
        if not len(graph.starts) or not len(graph.finals) or not has_path(graph):
            return f"{what} has {why_no_path(graph, names)}"
    assert reached is not None, "only an empty composition is explained"
    agreed = _agreed(reached)
    furthest = np.flatnonzero(agreed == agreed.max())[:_MOST_PAIRS]
    way = _spoken_on(composition, reached, int(furthest[0]))
    # Several pairs may stand behind the same labels, by epsilons or by other nodes: all of them count.
    pairs = [int(pair) for pair in furthest if _spoken_on(composition, reached, int(pair)) == way]
    after = f"after {quoted_path(way)}" if way else "at the start"
    offers = _side(left, left.olabel, left_names, distinct(reached.left_node[pairs]), left_is, "offers")
    wants = _side(right, right.ilabel, right_names, distinct(reached.right_node[pairs]), right_is, "wants")
    return f"no path: {left_is} and {right_is} part {after}: {offers}; {wants}"


def has_path(graph: Graph) -> bool:
    """True if a final node can be reached from a start node."""
    seen = reachable(graph.src, graph.dst, graph.starts, graph.nodes)
    return bool(seen[graph.finals].any())


def quoted_path(labels: Sequence[str]) -> str:
    """The last labels on a way, for a message."""
    more = "... " if len(labels) > _MOST_STEPS else ""
    return more + " ".join(repr(label) for label in labels[-_MOST_STEPS:])


def _side(graph: Graph, column: IntArray, names: Sequence[int | str], nodes: IntArray, who: str, verb: str) -> str:
    """What a side offers or wants at some nodes, and whether it can end there."""
    labels: dict[str, None] = {}
    for node in nodes.tolist():
        labels.update(dict.fromkeys(_labels(graph, column, node)))
    ends = "can end" if np.isfinite(graph.final[nodes]).any() else "cannot end"
    where = ", ".join(str(names[node]) for node in nodes[:_MOST_NODES].tolist())
    more = f" and {len(nodes) - _MOST_NODES} more" if len(nodes) > _MOST_NODES else ""
    place = f"node{'s' if len(nodes) > 1 else ''} {where}{more}"
    return f"{who} {verb} {quoted(list(labels))} at {place} and {ends} there"


def _labels(graph: Graph, column: IntArray, node: int) -> list[str]:
    """The labels on the arcs out of a node, or that its epsilon arcs lead to, in the order of the table."""
    silent = column == EPSILON
    around = reachable(graph.src[silent], graph.dst[silent], np.array([node]), graph.nodes)
    return graph.words(distinct(column[around[graph.src]]).tolist())


def _agreed(reached: Pairs) -> IntArray:
    """(pairs,) how many labels both sides had agreed on when a pair was first found."""
    together = (reached.moves.left_arc >= 0) & (reached.moves.right_arc >= 0)
    agreed = np.zeros(len(reached.left_node), dtype=np.intp)
    for depth in range(1, int(reached.depth.max()) + 1):
        pairs = np.flatnonzero(reached.depth == depth)
        move = reached.found_by[pairs]
        agreed[pairs] = agreed[reached.moves.pair[move]] + together[move]
    return agreed


def _spoken_on(composition: Composition, reached: Pairs, pair: int) -> list[str]:
    arcs = reached.moves.left_arc[np.array(reached.path_to(pair), dtype=np.intp)]
    return composition.left.words(composition.left.olabel[arcs[arcs >= 0]].tolist())

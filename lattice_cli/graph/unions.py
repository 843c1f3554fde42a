"""Disjoint unions, and label tables that agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import IntArray
from lattice_cli.graph.construct import LabelIndex
from lattice_cli.graph.graph import EPSILON, Graph, Labels


def _same(one: Labels, other: Labels) -> bool:
    """Whether tables are equal. Tuples are compared entry by entry even with themselves."""
    return one is other or one == other


def labelled_like(graph: Graph, other: Graph) -> Graph:
    """The graph over a table that begins with that of another and goes on with the labels only the graph has."""
    if _same(graph.labels, other.labels):
        return graph
    number = other.label_number
    more = tuple(label for label in graph.labels[1:] if label not in number)
    place = {label: position for position, label in enumerate(more, len(other.labels))}
    new_label = [EPSILON, *(place[label] if label in place else number[label] for label in graph.labels[1:])]
    return graph.relabelled(other.labels_and(more), np.array(new_label, dtype=np.intp))


def shared_labels(graphs: Sequence[Graph]) -> list[Graph]:
    """The graphs over one label table, so that equal labels have equal indices. Tables that agree are kept."""
    if all(_same(graph.labels, graphs[0].labels) for graph in graphs):
        return list(graphs)
    index = LabelIndex()
    maps: dict[int, IntArray] = {}  # by identity: large tables are shared, and cost much to be compared
    for graph in graphs:
        if id(graph.labels) not in maps:
            maps[id(graph.labels)] = index.column([None, *graph.labels[1:]])
    table = index.table
    return [graph.relabelled(table, maps[id(graph.labels)]) for graph in graphs]


def union(graphs: Sequence[Graph]) -> Graph:
    """The disjoint union: members side by side in order, nodes and arcs renumbered by the offsets."""
    if len(graphs) == 1:
        return graphs[0]
    members = shared_labels(graphs)
    node_offsets = np.concatenate([[0], np.cumsum([member.nodes for member in members])]).astype(np.intp)
    arc_offsets = np.concatenate([[0], np.cumsum([member.arcs for member in members])]).astype(np.intp)
    shift = np.repeat(node_offsets[:-1], np.diff(arc_offsets))

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(member, name) for member in members])

    return Graph(
        column("src") + shift,
        column("dst") + shift,
        column("ilabel"),
        column("olabel"),
        column("energy"),
        column("start"),
        column("final"),
        members[0].labels,
        node_offsets,
        arc_offsets,
    )


def member(graph: Graph, number: int) -> Graph:
    """One member of a union as a graph of its own."""
    nodes, arcs = (slice(*offsets[number : number + 2].tolist()) for offsets in (graph.node_offsets, graph.arc_offsets))
    first = nodes.start
    return Graph(
        graph.src[arcs] - first,
        graph.dst[arcs] - first,
        graph.ilabel[arcs],
        graph.olabel[arcs],
        graph.energy[arcs],
        graph.start[nodes],
        graph.final[nodes],
        graph.labels,
    )

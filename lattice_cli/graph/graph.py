"""The graph: columns, frozen, validated once when made.

Everything else in the tool is a function of these columns. Energies are costs in nats (lower is better); label 0
is epsilon; `start` and `final` hold an energy for each node, +inf where the node is not a start or final node.
A batch is a disjoint union: one graph whose `node_offsets` and `arc_offsets` mark where each member begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lattice_cli.errors import GraphError

IntArray: TypeAlias = NDArray[np.intp]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]

EPSILON = 0
#: The label table of a graph: position 0 stands for epsilon, every other position is a label.
Labels: TypeAlias = tuple[str, ...]
NO_LABELS: Labels = ("",)
_NONE: IntArray = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Graph:
    """A weighted graph, or several side by side.

    src, dst:        (arcs,) node indices.
    ilabel, olabel:  (arcs,) indices into `labels`; 0 is epsilon.
    energy:          (arcs,) finite, nats.
    start, final:    (nodes,) energy of starting / ending at each node; +inf where one cannot.
    labels:          the label table; entry 0 is a placeholder for epsilon and is never shown.
    node_offsets, arc_offsets: (graphs + 1,) where each member of a union begins; members are contiguous.

    Raises GraphError for columns of different lengths, indices out of range, or energies that are not finite.
    """

    src: IntArray
    dst: IntArray
    ilabel: IntArray
    olabel: IntArray
    energy: FloatArray
    start: FloatArray
    final: FloatArray
    labels: Labels = NO_LABELS
    node_offsets: IntArray = field(default_factory=lambda: _NONE)
    arc_offsets: IntArray = field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        for name in ("src", "dst", "ilabel", "olabel"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.intp))
        for name in ("energy", "start", "final"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64))
        if not len(self.node_offsets):
            object.__setattr__(self, "node_offsets", np.array([0, len(self.start)], dtype=np.intp))
            object.__setattr__(self, "arc_offsets", np.array([0, len(self.src)], dtype=np.intp))
        self._validate()

    def _validate(self) -> None:
        arcs = len(self.src)
        for name in ("dst", "ilabel", "olabel", "energy"):
            if len(getattr(self, name)) != arcs:
                raise GraphError(f"{name} has {len(getattr(self, name))} entries, but src has {arcs}")
        if len(self.final) != len(self.start):
            raise GraphError(f"final has {len(self.final)} entries, but start has {len(self.start)}")
        for name, limit, what in (
            ("src", self.nodes, "nodes"),
            ("dst", self.nodes, "nodes"),
            ("ilabel", len(self.labels), "labels"),
            ("olabel", len(self.labels), "labels"),
        ):
            column = getattr(self, name)
            if arcs and (column.min() < 0 or column.max() >= limit):
                arc = int(np.flatnonzero((column < 0) | (column >= limit))[0])
                raise GraphError(f"arc {arc}: {name} is {column[arc]}, but there are {limit} {what}")
        if not np.isfinite(self.energy).all():
            arc = int(np.flatnonzero(~np.isfinite(self.energy))[0])
            raise GraphError(
                f"arc {arc}: energy is {self.energy[arc]}, expected a finite number (leave an impossible arc out)"
            )
        for name in ("start", "final"):
            column = getattr(self, name)
            if np.isnan(column).any() or np.isneginf(column).any():
                node = int(np.flatnonzero(np.isnan(column) | np.isneginf(column))[0])
                raise GraphError(f"node {node}: {name} energy is {column[node]}, expected a finite number")

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.start)

    @property
    def arcs(self) -> int:
        """Number of arcs."""
        return len(self.src)

    @property
    def graphs(self) -> int:
        """Number of members of the union; 1 for a plain graph."""
        return len(self.node_offsets) - 1

    @cached_property
    def graph_of_node(self) -> IntArray:
        """(nodes,) the member that each node belongs to."""
        return np.repeat(np.arange(self.graphs), np.diff(self.node_offsets))

    @cached_property
    def starts(self) -> IntArray:
        """Nodes with a start energy, in order."""
        return np.flatnonzero(np.isfinite(self.start))

    @cached_property
    def finals(self) -> IntArray:
        """Nodes with a final energy, in order."""
        return np.flatnonzero(np.isfinite(self.final))

    def reversed(self) -> Graph:
        """The graph read from its end: every path backwards, with the same energy. Indices stay what they were."""
        return self._with(src=self.dst, dst=self.src, start=self.final, final=self.start)

    def _with(self, **columns: Any) -> Graph:
        """The same with some columns replaced by others that are known to be valid."""
        other = object.__new__(Graph)
        fields = ("src", "dst", "ilabel", "olabel", "energy", "start", "final", "labels", "node_offsets", "arc_offsets")
        other.__dict__.update({name: columns.get(name, getattr(self, name)) for name in fields})
        return other

    def with_energy(self, energy: FloatArray) -> Graph:
        """The same arcs at other energies, (arcs,)."""
        return replace(self, energy=energy)

    def relabelled(self, labels: Labels, new_label: IntArray) -> Graph:
        """The same graph over another label table; `new_label[old]` is the index in `labels`."""
        return replace(self, ilabel=new_label[self.ilabel], olabel=new_label[self.olabel], labels=labels)

    def words(self, label_indices: Iterable[int]) -> list[str]:
        """The labels at these indices, epsilon left out."""
        return [self.labels[label] for label in label_indices if label != EPSILON]


def linear_graph(labels: Labels, sequence: Sequence[int]) -> Graph:
    """The acceptor of one sequence of labels (indices into `labels`) at energy 0: len(sequence) + 1 nodes in a row."""
    steps = np.arange(len(sequence), dtype=np.intp)
    column = np.asarray(sequence, dtype=np.intp)
    start = np.full(len(sequence) + 1, np.inf)
    final = start.copy()
    start[0] = final[-1] = 0.0
    return Graph(steps, steps + 1, column, column, np.zeros(len(sequence)), start, final, labels)


def emission_graph(energies: FloatArray, labels: Labels) -> Graph:
    """The graph of an emission matrix, (steps, classes) energies: `steps` vector arcs in a row.

    `labels` has an entry for epsilon and then one for each class. Arc t * classes + c is class c at step t.
    """
    steps, classes = energies.shape
    src = np.repeat(np.arange(steps, dtype=np.intp), classes)
    label = np.tile(np.arange(1, classes + 1, dtype=np.intp), steps)
    start = np.full(steps + 1, np.inf)
    final = start.copy()
    start[0] = final[-1] = 0.0
    return Graph(src, src + 1, label, label, energies.reshape(-1), start, final, labels)


def labelled_like(graph: Graph, labels: Labels) -> Graph:
    """The graph over a table that begins with `labels` and goes on with the labels only the graph has."""
    if graph.labels == labels:
        return graph
    index = {label: position for position, label in enumerate(labels) if position != EPSILON}
    new_label = [EPSILON, *(index.setdefault(label, len(index) + 1) for label in graph.labels[1:])]
    return graph.relabelled(("", *index), np.array(new_label, dtype=np.intp))


def shared_labels(graphs: Sequence[Graph]) -> list[Graph]:
    """The graphs over one label table, so that equal labels have equal indices. Tables that agree are kept."""
    if all(graph.labels == graphs[0].labels for graph in graphs):
        return list(graphs)
    index: dict[str, int] = {}
    maps: dict[Labels, IntArray] = {}
    for graph in graphs:
        if graph.labels not in maps:
            maps[graph.labels] = np.array(
                [EPSILON] + [index.setdefault(label, len(index) + 1) for label in graph.labels[1:]], dtype=np.intp
            )
    table = ("", *index)
    return [graph.relabelled(table, maps[graph.labels]) for graph in graphs]


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

"""The graph: columns, frozen, validated once when made.

Everything else in the tool is a function of these columns. Energies are costs in nats (lower is better); label 0
is epsilon; `start` and `final` hold an energy for each node, +inf where the node is not a start or final node.
A batch is a disjoint union: one graph whose `node_offsets` and `arc_offsets` mark where each member begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, distinct, in_range
from lattice_cli.errors import GraphError

EPSILON = 0
#: Up to so many arcs Python's sets are faster than arrays.
_FEW = 1000
#: So many longer label tables are kept.
_TABLES = 4
#: The label table of a graph: position 0 stands for epsilon, every other position is a label.
Labels: TypeAlias = tuple[str, ...]
NO_LABELS: Labels = ("",)


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
    node_offsets: IntArray = field(default_factory=lambda: NO_INDICES)
    arc_offsets: IntArray = field(default_factory=lambda: NO_INDICES)

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
            if arcs and column.view(np.uintp).max() >= limit:  # where a negative one is above all
                arc = int(np.flatnonzero((column < 0) | (column >= limit))[0])
                raise GraphError(f"arc {arc}: {name} is {column[arc]}, but there are {limit} {what}")
        if not np.isfinite(self.energy).all():
            arc = int(np.flatnonzero(~np.isfinite(self.energy))[0])
            raise GraphError(
                f"arc {arc}: energy is {self.energy[arc]}, expected a finite number (leave an impossible arc out)"
            )
        for name in ("start", "final"):
            column = getattr(self, name)
            if not column.min(initial=np.inf) > -np.inf:  # a nan is the least of all
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

    @cached_property
    def spoken(self) -> frozenset[str]:
        """The labels that its arcs output."""
        found = set(self.olabel.tolist()) if self.arcs < _FEW else distinct(self.olabel).tolist()
        return frozenset(self.words(found))

    @cached_property
    def label_number(self) -> dict[str, int]:
        """Label -> its place in the table, without epsilon."""
        return label_index(self.labels)

    @cached_property
    def _longer_tables(self) -> dict[Labels, Labels]:
        return {(): self.labels}

    def labels_and(self, more: Labels) -> Labels:
        """The label table with others behind it. A few are kept: the records that a grammar meets share theirs."""
        kept = self._longer_tables
        if more not in kept:
            if len(kept) > _TABLES:
                kept.clear()
            kept.update({(): self.labels, more: (*self.labels, *more)})
        return kept[more]

    def reversed(self) -> Graph:
        """The graph read from its end: every path backwards, with the same energy. Indices stay what they were."""
        return self._with(src=self.dst, dst=self.src, start=self.final, final=self.start)

    @staticmethod
    def of_valid(
        src: IntArray,
        dst: IntArray,
        ilabel: IntArray,
        olabel: IntArray,
        energy: FloatArray,
        start: FloatArray,
        final: FloatArray,
        labels: Labels,
    ) -> Graph:
        """A graph of contiguous columns that are known to be valid: where records are small, looking at them again
        would be felt."""
        graph = object.__new__(Graph)
        graph.__dict__.update(
            src=src,
            dst=dst,
            ilabel=ilabel,
            olabel=olabel,
            energy=energy,
            start=start,
            final=final,
            labels=labels,
            node_offsets=np.array([0, len(start)], dtype=np.intp),
            arc_offsets=np.array([0, len(src)], dtype=np.intp),
        )
        return graph

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
        return self._with(ilabel=new_label[self.ilabel], olabel=new_label[self.olabel], labels=labels)

    def words(self, label_indices: Iterable[int]) -> list[str]:
        """The labels at these indices, epsilon left out."""
        return [self.labels[label] for label in label_indices if label != EPSILON]


def label_index(labels: Labels) -> dict[str, int]:
    """Label -> its place in the table, without epsilon."""
    return {label: place for place, label in enumerate(labels) if place != EPSILON}


def columns_of(graph: Graph) -> FloatArray:
    """(arcs + 2 nodes,) the energies of arcs, starts and finals of a graph as one column."""
    return np.concatenate([graph.energy, graph.start, graph.final])


def with_columns(graph: Graph, columns: FloatArray) -> Graph:
    """The graph with the energies of such a column."""
    arcs, nodes = graph.arcs, graph.nodes
    return Graph(
        graph.src,
        graph.dst,
        graph.ilabel,
        graph.olabel,
        columns[:arcs],
        columns[arcs : arcs + nodes],
        columns[arcs + nodes :],
        graph.labels,
        graph.node_offsets,
        graph.arc_offsets,
    )


def times(graph: Graph, scale: float) -> Graph:
    """The graph with all of its energies times a scale; what is impossible stays so. Raises NumericOverflow."""
    columns = columns_of(graph)
    there = np.isfinite(columns)
    with in_range("an energy times its scale"):
        columns[there] *= scale
    return with_columns(graph, columns)

"""Graphs in lines of columns, as OpenFst, GTN and k2 write them: from columns of text to a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, distinct
from lattice_cli.errors import FormatError, GraphError
from lattice_cli.formats.io import Column, FieldTable, LabelColumn
from lattice_cli.graph import Document, Graph, LabelIndex

#: Nodes are numbers, or have names.
Nodes = IntArray | Column


@dataclass(frozen=True, eq=False)
class Ends:
    """Start or final nodes with their energies, (ends,) each; an infinite one only mentions the node. lines: where."""

    nodes: Nodes
    energy: FloatArray
    lines: IntArray


@dataclass(frozen=True, eq=False)
class TextGraph:
    """What a file says. arcs: rows that begin with the nodes of an arc. weight: the place of its weight; one that has
    none there weighs nothing. scores: whether more is better. named: whether nodes have names."""

    source: str
    arcs: FieldTable
    weight: int
    starts: Ends
    finals: Ends
    scores: bool = False
    named: bool = False

    def __post_init__(self) -> None:
        """Raises FormatError for a node that is final twice."""
        ending = np.isfinite(self.finals.energy)
        nodes = self.finals.nodes
        number = (nodes.number if isinstance(nodes, Column) else nodes)[ending]
        if len(distinct(number)) == len(number):
            return
        seen: set[int] = set()
        for node, line in zip(number.tolist(), self.finals.lines[ending].tolist()):
            if node in seen:
                name = nodes.texts[node] if isinstance(nodes, Column) else node
                raise FormatError(f"{self.source}:{line}: node {name} is final twice, expected once")
            seen.add(node)

    def document(self, record_id: str, ilabel: LabelColumn, olabel: LabelColumn) -> Document:
        """The document; arcs of infinite energy are left out. Raises FormatError for what makes no graph."""
        energy = self.arcs.energies(self.weight, self.source, self.scores)
        tails, heads = (nodes_in(self.arcs, side, self.source, self.named) for side in (0, 1))
        names, (begin, src, dst, end) = _places([self.starts.nodes, tails, heads, self.finals.nodes])
        labels = LabelIndex()
        possible: Any = slice(None) if (finite := np.isfinite(energy)).all() else finite
        start, final = (np.full(len(names), np.inf) for _ in range(2))
        start[begin] = self.starts.energy
        ending = np.isfinite(self.finals.energy)
        final[end[ending]] = self.finals.energy[ending]
        try:
            graph = Graph(
                src[possible],
                dst[possible],
                ilabel.numbered(labels)[possible],
                olabel.numbered(labels)[possible],
                energy[possible],
                start,
                final,
                labels.table,
            )
        except GraphError as error:
            raise FormatError(f"{self.source}: {error}") from None
        return Document(graph, record_id, self.source, names)


def nodes_in(rows: FieldTable, place: int, source: str, named: bool) -> Nodes:
    """A column of nodes. Raises FormatError with the line of one that is none."""
    return rows.column(place) if named else rows.nodes(place, source)


def _places(columns: Sequence[Nodes]) -> tuple[Sequence[int | str], list[IntArray]]:
    """The nodes in order, numbers ascending, names as they come; and which of them each column has."""
    if any(isinstance(column, Column) for column in columns):
        places: dict[str, int] = {}
        found = []
        for column in columns:
            assert isinstance(column, Column)
            own = [places.setdefault(text, len(places)) for text in column.texts]
            found.append(np.array(own, dtype=np.intp)[column.number])
        return [*places], found
    numbers = [column for column in columns if not isinstance(column, Column)]
    every = distinct(np.concatenate(numbers))
    if not len(every) or (every[0] == 0 and every[-1] == len(every) - 1):
        return range(len(every)), numbers
    return every.tolist(), [np.searchsorted(every, column) for column in numbers]

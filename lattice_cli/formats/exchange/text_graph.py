"""Graphs in lines of columns, as OpenFst, GTN and k2 write them: from rows of text to a document."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError, GraphError
from lattice_cli.formats.io import node_of, nodes_of, weight_of
from lattice_cli.formats.io.rows import _NUMBER_CHARACTERS
from lattice_cli.graph import Document, Graph, LabelIndex, end_energies


@dataclass
class TextGraph:
    """What the rows of a file say, column by column; labels as strings, None for epsilon.

    tails, heads, weights: (arcs,) as text; lines: where each arc was read. starts, finals: node -> energy.
    mentioned: nodes that no arc may have. named_nodes: nodes are names, not numbers.
    """

    source: str
    tails: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    starts: dict[int | str, float] = field(default_factory=dict)
    finals: dict[int | str, float] = field(default_factory=dict)
    mentioned: list[int | str] = field(default_factory=list)
    named_nodes: bool = False

    def node(self, text: str, at: str) -> int | str:
        """A node. Raises FormatError."""
        return text if self.named_nodes else node_of(text, at)

    def arc(self, line: int, tail: str, head: str, weight: str = "0") -> None:
        """One arc; its labels are given for all arcs at once, in the end."""
        self.tails.append(tail)
        self.heads.append(head)
        self.weights.append(weight)
        self.lines.append(line)

    def final(self, line: int, node: int | str, energy: float) -> None:
        """A final node. Raises FormatError if it is one already; an infinite energy only mentions the node."""
        self.mentioned.append(node)
        if math.isinf(energy):
            return
        if node in self.finals:
            raise FormatError(f"{self.source}:{line}: node {node} is final twice, expected once")
        self.finals[node] = energy

    def document(
        self,
        record_id: str,
        ilabel: Sequence[str | None],
        olabel: Sequence[str | None],
        energy_of: Callable[[str, str], float] = weight_of,
    ) -> Document:
        """The document; arcs of infinite energy are left out. Raises FormatError for what makes no graph.

        energy_of: of a weight, and the place it was read at.
        """
        energy = self._energies(energy_of)
        possible = np.isfinite(energy)
        tails, heads = (self._nodes(side) for side in (self.tails, self.heads))
        names = self._names(tails, heads)
        index = {name: position for position, name in enumerate(names)}
        labels = LabelIndex()
        start, final = (
            end_energies(len(names), {index[node]: energy for node, energy in given.items()})
            for given in (self.starts, self.finals)
        )
        try:
            graph = Graph(
                np.array([index[node] for node in tails], dtype=np.intp)[possible],
                np.array([index[node] for node in heads], dtype=np.intp)[possible],
                np.array([labels.number(label) for label in ilabel], dtype=np.intp)[possible],
                np.array([labels.number(label) for label in olabel], dtype=np.intp)[possible],
                energy[possible],
                start,
                final,
                labels.table,
            )
        except GraphError as error:
            raise FormatError(f"{self.source}: {error}") from None
        return Document(graph, record_id, self.source, names)

    def _nodes(self, texts: Sequence[str]) -> Sequence[int | str]:
        """Nodes as numbers, unless they have names. Raises FormatError with the line of one that is none."""
        return texts if self.named_nodes else nodes_of(texts, self.source, self.lines)

    def _energies(self, energy_of: Callable[[str, str], float]) -> FloatArray:
        """(arcs,) the energies of the weights."""
        if energy_of is weight_of and _NUMBER_CHARACTERS.issuperset("".join(self.weights)):
            try:
                energies = np.array([float(text) for text in self.weights], dtype=np.float64)
            except ValueError:
                energies = np.array([np.inf])
            if np.isfinite(energies).all():
                return energies
        pairs = zip(self.weights, self.lines)
        return np.array([energy_of(text, f"{self.source}:{line}") for text, line in pairs], dtype=np.float64)

    def _names(self, tails: Sequence[int | str], heads: Sequence[int | str]) -> list[int | str]:
        """Nodes in order: numbers ascending, then names as they come."""
        found = dict.fromkeys([*self.starts, *tails, *heads, *self.finals, *self.mentioned])
        numbers: list[int | str] = sorted(node for node in found if isinstance(node, int))
        return [*numbers, *(node for node in found if isinstance(node, str))]

"""Graphs in lines of columns, as OpenFst, GTN, k2 and Kaldi write them: from rows of text to a document."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError, GraphError
from lattice_cli.formats.io import node_of, weight_of
from lattice_cli.formats.io.rows import _LONGEST_ID, _NUMBER_CHARACTERS
from lattice_cli.graph import Document, Graph, LabelIndex, end_energies, weighted_sum


@dataclass
class TextGraph:
    """What the rows of a file say, column by column; labels as strings, None for epsilon.

    tails, heads, weights: (arcs,) as text; lines: where each arc was read. named: arc -> head that has a name.
    starts, finals: node -> energy. mentioned: nodes that no arc may have. named_nodes: nodes are names, not numbers.
    """

    source: str
    tails: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    named: dict[int, str] = field(default_factory=dict)
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
        scores: dict[str, list[float]] | None = None,
    ) -> Document:
        """The document; arcs of infinite energy are left out. Raises FormatError for what makes no graph.

        energy_of: of a weight, and the place it was read at. scores: by name, instead of weights.
        """
        columns = {name: np.array(column, dtype=np.float64) for name, column in (scores or {}).items()}
        energy = weighted_sum(columns, {}) if columns else self._energies(energy_of)
        possible = np.isfinite(list(columns.values()) or [energy]).all(axis=0)
        tails: list[int | str] = [*self._nodes(self.tails)]
        heads: list[int | str] = [*self._nodes(self.heads)]
        for arc, name in self.named.items():
            heads[arc] = name
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
        kept = {name: column[possible] for name, column in columns.items()}
        return Document(graph, record_id, self.source, names, scores=kept)

    def _nodes(self, texts: Sequence[str]) -> Sequence[int | str]:
        """Nodes as numbers, unless they have names. Raises FormatError with the line of one that is none."""
        if self.named_nodes:
            return texts
        whole = "".join(texts)
        lengths = [*map(len, texts)] or [1]
        if whole.isascii() and (whole.isdigit() or not texts) and 0 < min(lengths) <= max(lengths) <= _LONGEST_ID:
            return [int(text) for text in texts]
        return [node_of(text, f"{self.source}:{line}") for text, line in zip(texts, self.lines)]

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

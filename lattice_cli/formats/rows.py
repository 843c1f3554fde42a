"""Graphs in lines of columns, as OpenFst, GTN, k2 and Kaldi write them: from rows of text to a document."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lattice_cli.errors import FormatError, GraphError
from lattice_cli.formats.arcs import LabelIndex
from lattice_cli.formats.symbols import FIELDS
from lattice_cli.formats.values import shown
from lattice_cli.graph.document import Document, weighted_sum
from lattice_cli.graph.graph import Graph

_NUMBER_CHARACTERS = frozenset("0123456789+-.eE")
_INFINITE = frozenset({"inf", "+inf", "infinity", "+infinity"})
_LONGEST_ID = 18

Row = tuple[int, list[str]]


def rows_of(text: str) -> Iterator[Row]:
    """(line, fields) of every line that is not blank."""
    for line, row in enumerate(text.split("\n"), 1):
        fields = FIELDS.findall(row)
        if fields:
            yield line, fields


def node_of(text: str, at: str) -> int:
    """A node: a whole number from 0 on. Raises FormatError."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise FormatError(f"{at}: node is {shown(text)}, expected a whole number")
    return int(text)


def weight_of(text: str, at: str, what: str = "weight") -> float:
    """A number, +inf for what is impossible. Raises FormatError."""
    try:
        # float() alone would also take nan, 1_000 and the digits of other scripts
        value = float(text) if _NUMBER_CHARACTERS.issuperset(text) else math.nan
    except ValueError:
        value = math.nan
    if text.lower() in _INFINITE:
        return math.inf
    if not math.isfinite(value):
        raise FormatError(f"{at}: {what} is {shown(text)}, expected a number")
    return value


def energy_of_score(text: str, at: str) -> float:
    """The energy of a score, where more is better: its negative; +inf for a score of -inf. Raises FormatError."""
    if text.lower() in ("-inf", "-infinity"):
        return math.inf
    score = weight_of(text, at, "score")
    if math.isinf(score):
        raise FormatError(f"{at}: score is {shown(text)}, expected a number")
    return 0.0 - score  # no energy is -0


@dataclass
class TextGraph:
    """What the rows of a file say, column by column; labels as strings, None for epsilon.

    starts, finals: node -> energy; lines: where each arc was read; mentioned: nodes that no arc may have.
    """

    source: str
    tails: list[int | str] = field(default_factory=list)
    heads: list[int | str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)
    starts: dict[int | str, float] = field(default_factory=dict)
    finals: dict[int | str, float] = field(default_factory=dict)
    mentioned: list[int | str] = field(default_factory=list)

    def arc(self, line: int, tail: int | str, head: int | str, energy: float) -> None:
        """One arc; its labels are given for all arcs at once, in the end."""
        self.tails.append(tail)
        self.heads.append(head)
        self.lines.append(line)
        self.energies.append(energy)

    def final(self, line: int, node: int, energy: float) -> None:
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
        scores: dict[str, list[float]] | None = None,
    ) -> Document:
        """The document; arcs of infinite energy are left out. Raises FormatError for what makes no graph."""
        names = self._names()
        index = {name: position for position, name in enumerate(names)}
        labels = LabelIndex()
        columns = {name: np.array(column, dtype=np.float64) for name, column in (scores or {}).items()}
        energy = weighted_sum(columns, {}) if columns else np.array(self.energies, dtype=np.float64)
        possible = np.isfinite(list(columns.values()) or [energy]).all(axis=0)
        start, final = np.full((2, len(names)), np.inf)
        for ends, column in ((self.starts, start), (self.finals, final)):
            for node, value in ends.items():
                column[index[node]] = value
        try:
            graph = Graph(
                np.array([index[node] for node in self.tails], dtype=np.intp)[possible],
                np.array([index[node] for node in self.heads], dtype=np.intp)[possible],
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

    def _names(self) -> list[int | str]:
        """Nodes in order: numbers ascending, then names as they come."""
        found = dict.fromkeys([*self.starts, *self.tails, *self.heads, *self.finals, *self.mentioned])
        numbers: list[int | str] = sorted(node for node in found if isinstance(node, int))
        return [*numbers, *(node for node in found if isinstance(node, str))]

"""The `arcs` of a native document: rows, mappings, vector arcs or columns, as one table of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import (
    as_label,
    as_list,
    as_mapping,
    as_node,
    as_number,
    brief,
    is_integer,
    known_keys,
    location,
    plain_numbers,
)
from lattice_cli.graph import LabelIndex, Labels

_ARC_KEYS = ("from", "to", "label", "input", "output", "energy", "energies", "scores")
_COLUMN_KEYS = ("from", "to", "label", "input", "output", "energy", "scores")


@dataclass(frozen=True)
class ArcTable:
    """Arcs as columns, (arcs,) each; nodes by name, and as arrays where all of them are integers."""

    tails: Sequence[int | str]
    heads: Sequence[int | str]
    integer_nodes: tuple[IntArray, IntArray] | None
    ilabel: IntArray
    olabel: IntArray
    labels: Labels
    energy: FloatArray
    scores: dict[str, FloatArray]


def arc_table(given: Any, source: str, labels: Sequence[str] | None) -> ArcTable:
    """The arcs of a document; `labels` is its label list, into which columns may index. Raises FormatError."""
    if isinstance(given, dict):
        return _from_columns(given, source, labels)
    rows = as_list(given, source, "arcs")
    plain = _at_once(rows)
    if plain is not None:
        return plain
    builder = _ArcBuilder(source)
    for index, arc in enumerate(rows):
        builder.add(arc, index)
    return builder.table()


def _at_once(rows: list[Any]) -> ArcTable | None:
    """Arcs without anything odd, all at once; None where there is something that has to be looked at by itself."""
    kinds = set(map(type, rows))
    columns = _of_lists(rows) if kinds == {list} else _of_mappings(rows) if kinds == {dict} else None
    if columns is None:
        return None
    tails, heads, *given, energies = columns
    nodes, index = _both(integers(tails), integers(heads)), LabelIndex()
    kinds, energy = {kind for column in given for kind in map(type, column)}, plain_numbers(energies)
    if nodes is None or energy is None or kinds - {str, type(None)}:
        return None
    numbers = index.column(given[0] if len(given) == 1 else [*chain.from_iterable(zip(*given))])
    ilabel, olabel = (
        np.ascontiguousarray(numbers[:: len(given)]),
        np.ascontiguousarray(numbers[len(given) - 1 :: len(given)]),
    )
    return ArcTable(tails, heads, nodes, ilabel, olabel, index.table, energy, {})


def _of_lists(rows: list[list[Any]]) -> Sequence[Sequence[Any]] | None:
    """Tails, heads, labels (or inputs and outputs) and energies of rows that have all of them."""
    return [*zip(*rows)] if set(map(len, rows)) in ({4}, {5}) else None


def _of_mappings(rows: list[dict[Any, Any]]) -> Sequence[Sequence[Any]] | None:
    """The same of mappings, whose labels and energies may be missing, or of vector arcs."""
    keys = set().union(*rows)
    tails, heads = ([arc.get(key) for arc in rows] for key in ("from", "to"))
    if keys == {"from", "to", "energies"}:
        vectors: list[Any] = [arc.get("energies") for arc in rows]
        if set(map(type, vectors)) != {dict}:
            return None
        sizes = [*map(len, vectors)]
        tails, heads = ([*chain.from_iterable(map(repeat, nodes, sizes))] for nodes in (tails, heads))
        return tails, heads, [*chain.from_iterable(vectors)], [*chain.from_iterable(map(dict.values, vectors))]
    labels = ("label",) if "label" in keys else ("input", "output")
    if not keys <= {"from", "to", *labels, "energy"}:
        return None
    given = ([arc.get(key) for arc in rows] for key in labels)
    return tails, heads, *given, [arc.get("energy", 0.0) for arc in rows]


class _ArcBuilder:
    """Collects arcs given one by one."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._labels = LabelIndex()
        self._tails: list[int | str] = []
        self._heads: list[int | str] = []
        self._ilabel: list[int] = []
        self._olabel: list[int] = []
        self._energy: list[float] = []
        self._scores: list[dict[str, float]] = []

    def add(self, arc: Any, index: int) -> None:
        """One entry of the list: a row or a mapping; a vector arc adds an arc for each of its labels."""
        if isinstance(arc, dict):
            self._add_mapping(arc, index)
        elif isinstance(arc, list):
            self._add_row(arc, index)
        else:
            raise self._error(arc, index, f"found {brief(arc)}, expected a list or a mapping")

    def _error(self, value: Any, index: int, what: str) -> FormatError:
        return FormatError(f"{location(self._source, value)}: arc {index}: {what}")

    def _add_row(self, row: list[Any], index: int) -> None:
        if not 3 <= len(row) <= 5:
            expected = "[from, to, label, energy] or [from, to, input, output, energy]"
            raise self._error(row, index, f"has {len(row)} items, expected {expected}")
        tail, head, *labels = row[:3] if len(row) < 5 else row[:4]
        energy = row[-1] if len(row) > 3 else 0.0
        self._append(index, tail, head, labels[0], labels[-1], self._number(energy, index, "energy"), {})

    def _add_mapping(self, arc: dict[Any, Any], index: int) -> None:
        known_keys(arc, _ARC_KEYS, self._source, f"arc {index}")
        for key in ("from", "to"):
            if key not in arc:
                raise self._error(arc, index, f"has no {key!r}")
        if "energies" in arc:
            extra = next((key for key in arc if key not in ("from", "to", "energies")), None)
            if extra is not None:
                raise self._error(extra, index, f"has both 'energies' and {str(extra)!r}")
            for label, energy in as_mapping(arc["energies"], self._source, f"arc {index}: energies").items():
                number = self._number(energy, index, f"the energy of {brief(label)}")
                self._append(index, arc["from"], arc["to"], label, label, number, {})
            return
        if "label" in arc and ("input" in arc or "output" in arc):
            raise self._error(arc, index, "has 'label' and 'input' or 'output', expected one or the other")
        if "energy" in arc and "scores" in arc:
            raise self._error(arc, index, "has both 'energy' and 'scores', expected one of them")
        scores = {
            str(name): self._number(score, index, f"score {brief(name)}")
            for name, score in as_mapping(arc.get("scores", {}), self._source, f"arc {index}: scores").items()
        }
        energy = self._number(arc.get("energy", 0.0), index, "energy")
        own, other = arc.get("label"), arc.get("label")
        self._append(index, arc["from"], arc["to"], arc.get("input", own), arc.get("output", other), energy, scores)

    def _number(self, value: Any, index: int, what: str) -> float:
        return as_number(value, self._source, f"arc {index}: {what}")

    def _append(
        self, index: int, tail: Any, head: Any, ilabel: Any, olabel: Any, energy: float, scores: dict[str, float]
    ) -> None:
        self._tails.append(as_node(tail, self._source, f"arc {index}: from"))
        self._heads.append(as_node(head, self._source, f"arc {index}: to"))
        self._ilabel.append(self._labels.number(as_label(ilabel, self._source, f"arc {index}: label")))
        self._olabel.append(self._labels.number(as_label(olabel, self._source, f"arc {index}: label")))
        self._energy.append(energy)
        self._scores.append(scores)

    def table(self) -> ArcTable:
        """All arcs that were added."""
        names = list(dict.fromkeys(name for scores in self._scores for name in scores))
        if names:
            for index, scores in enumerate(self._scores):
                if not scores and self._energy[index]:
                    raise FormatError(f"{self._source}: arc {index}: has an energy, but other arcs have named scores")
        return ArcTable(
            self._tails,
            self._heads,
            _both(integers(self._tails), integers(self._heads)),
            np.array(self._ilabel, dtype=np.intp),
            np.array(self._olabel, dtype=np.intp),
            self._labels.table,
            np.array(self._energy, dtype=np.float64),
            {name: np.array([scores.get(name, 0.0) for scores in self._scores]) for name in names},
        )


def _both(tails: IntArray | None, heads: IntArray | None) -> tuple[IntArray, IntArray] | None:
    return None if tails is None or heads is None else (tails, heads)


def integers(column: Sequence[Any]) -> IntArray | None:
    """The column as an array if every entry is an integer that fits, else None."""
    if set(map(type, column)) - {int}:
        return None
    try:
        return np.fromiter(column, dtype=np.intp, count=len(column))  # half the time of np.array
    except OverflowError:
        return None


def _from_columns(columns: dict[Any, Any], source: str, labels: Sequence[str] | None) -> ArcTable:
    """`arcs: {from: [...], to: [...], label: [...], energy: [...]}`: no object for an arc is made on the way."""
    known_keys(columns, _COLUMN_KEYS, source, "arcs")
    for key in ("from", "to"):
        if key not in columns:
            raise FormatError(f"{location(source, columns)}: arcs has no column {key!r}")
    if "label" in columns and ("input" in columns or "output" in columns):
        raise FormatError(f"{source}: arcs has 'label' and 'input' or 'output', expected one or the other")
    scores = as_mapping(columns.get("scores", {}), source, "arcs: scores")
    if scores and "energy" in columns:
        raise FormatError(f"{source}: arcs has both 'energy' and 'scores', expected one of them")
    flat = {str(key): column for key, column in columns.items() if key != "scores"}
    flat.update({f"scores: {name}": column for name, column in scores.items()})
    count = len(as_list(columns["from"], source, "arcs: from"))
    for key, column in flat.items():
        if len(as_list(column, source, f"arcs: {key}")) != count:
            raise FormatError(
                f"{location(source, column)}: column {key!r} of arcs has {len(column)} entries, but 'from' has {count}"
            )
    index = LabelIndex()
    for label in labels or ():
        index.number(label)
    if "label" in flat:
        ilabel = olabel = _label_column(flat["label"], "label", count, source, index, labels)
    else:
        ilabel = _label_column(flat.get("input"), "input", count, source, index, labels)
        olabel = _label_column(flat.get("output"), "output", count, source, index, labels)
    tails, tail_numbers = _node_column(flat["from"], "from", source)
    heads, head_numbers = _node_column(flat["to"], "to", source)
    return ArcTable(
        tails,
        heads,
        _both(tail_numbers, head_numbers),
        ilabel,
        olabel,
        index.table,
        _number_column(flat["energy"], "energy", source) if "energy" in flat else np.zeros(count),
        {str(name): _number_column(column, f"score {name}", source) for name, column in scores.items()},
    )


def _node_column(column: list[Any], key: str, source: str) -> tuple[Sequence[int | str], IntArray | None]:
    """The nodes of a column, and as an array where all are integers."""
    numbers = integers(column)
    if numbers is not None:
        return column, numbers
    nodes = [as_node(node, source, f"arc {arc}: {key}") for arc, node in enumerate(column)]
    return nodes, integers(nodes)


def _number_column(column: list[Any], what: str, source: str) -> FloatArray:
    numbers = plain_numbers(column)
    if numbers is not None:
        return numbers
    return np.array([as_number(value, source, f"arc {arc}: {what}") for arc, value in enumerate(column)])


def _label_column(
    column: list[Any] | None, key: str, count: int, source: str, index: LabelIndex, labels: Sequence[str] | None
) -> IntArray:
    """(arcs,) label numbers; integers are positions in the document's `labels`, null is epsilon."""
    if column is None:
        return np.zeros(count, dtype=np.intp)
    kinds = set(map(type, column))
    if not kinds - {str, type(None)} and (labels is None or set(column) <= {*labels, None}):
        return index.column(column)
    if labels is None:
        return np.array(
            [index.number(as_label(label, source, f"arc {arc}: {key}")) for arc, label in enumerate(column)]
        )
    places = np.array([0, *(index.number(label) for label in labels)], dtype=np.intp)
    given = integers(column)
    if given is not None and len(given) and given.min() >= 0 and given.max() < len(labels):
        return places[given + 1]
    positions = [_position(value, arc, key, source, labels) for arc, value in enumerate(column)]
    return places[np.array(positions, dtype=np.intp) + 1]


def _position(value: Any, arc: int, key: str, source: str, labels: Sequence[str]) -> int:
    """The position in `labels` that an entry of a label column means; -1 for epsilon."""
    position = value
    if isinstance(value, str):
        if as_label(value, source, f"arc {arc}: {key}") is None:
            return -1
        if getattr(value, "plain", False) and is_integer(value) and value[0] != "-":
            position = int(value)
        elif value in labels:
            return labels.index(value)
    elif value is None:
        return -1
    if isinstance(position, int) and not isinstance(position, bool) and 0 <= position < len(labels):
        return position
    raise FormatError(
        f"{location(source, value)}: arc {arc}: {key} is {brief(value)}, expected null, a label of `labels`, or its "
        f"position there, 0 to {len(labels) - 1}"
    )

"""How the results of a stream are put out: JSON lines, or tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.terminal.json_lines import json_lines, write_json
from lattice_cli.cli.terminal.tables import GrowingTable, console, label_text, number, say
from lattice_cli.errors import LatticeError

if TYPE_CHECKING:
    from lattice_cli.cli.stream.report import Item
    from lattice_cli.graph import Document, Graph
    from lattice_cli.records import Decoded


_EPSILON = 0


def _id(record: Item) -> dict[str, Any]:
    return {"id": record.id}


class JsonReport:
    """A line of JSON for each object that `record` makes of a result, and one for each record that failed."""

    def __init__(
        self, record: Callable[[Document, Any], Sequence[dict[str, Any]]], about: Callable[[Item], dict[str, Any]] = _id
    ) -> None:
        """record: the objects of a result. about: what the object of a record that failed says of the record itself."""
        self._record, self._about = record, about

    def prepare(self, document: Document, result: Any) -> str:
        """The lines of one result."""
        return json_lines(*self._record(document, result))

    def show(self, document: Document, lines: str) -> None:
        """Write them."""
        sys.stdout.write(lines)

    def fail(self, record: Item, error: LatticeError) -> None:
        """A line that says what went wrong."""
        write_json({**self._about(record), "status": error.status, "message": str(error), **error.told})

    def finish(self) -> None:
        """Nothing is kept back."""


def identity(record: Item) -> dict[str, Any]:
    """What a JSON object of paths says of its record: the id, and the target where it has one, for evaluate."""
    target = getattr(record, "target", None)
    return _id(record) if target is None else {**_id(record), "target": target}


def path_fields(path: Decoded) -> dict[str, Any]:
    """A path as a JSON object."""
    fields: dict[str, Any] = {
        "energy": None if path.energy != path.energy else path.energy,
        "output": path.output,
        "input": path.input,
        "arcs": path.arcs,
        "nodes": path.nodes,
    }
    if path.times is not None:
        fields["times"] = path.times
    if path.risk is not None:
        fields |= {"expected_errors": path.risk.errors, "exact": path.risk.exact}
    if path.words is not None:
        fields["words"] = [
            {"word": word.label, "begin": word.begin, "end": word.end, "confidence": word.confidence}
            for word in path.words
        ]
    return fields


class TableReport:
    """Rows of one growing table; a record that failed gets a row that says so."""

    def __init__(self, color: str, columns: Sequence[tuple[str, str]]) -> None:
        self.out = console(color)
        self._width = len(columns)
        self.rows = GrowingTable(self.out, columns)

    def fail(self, record: Item, error: LatticeError) -> None:
        """A row with the status; the message itself goes to standard error."""
        self.rows.add(record.id, *[""] * (self._width - 2), f"({error.status})")

    def finish(self) -> None:
        """Print the rows that are waiting."""
        self.rows.flush()


def small(value: float, least: float = 1e-9) -> str:
    """A residual: what is no more than rounding is said to be below that."""
    return number(value) if abs(value) >= least else f"<{least:g}"


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else number(value)


def arc_table(
    out: Any, graph: Graph, names: Sequence[int | str], title: str, columns: Mapping[str, Sequence[float | str]]
) -> None:
    """The arcs of a graph with further columns of numbers, each (arcs,), or of texts that are numbers already."""
    transducer = bool((graph.ilabel != graph.olabel).any())
    labels = ["input", "output"] if transducer else ["label"]
    headings = [("arc", "number"), ("from", "text"), ("to", "text"), *((name, "label") for name in labels)]
    rows = GrowingTable(out, [*headings, ("energy", "number"), *((name, "number") for name in columns)], title, every=0)
    sides = (graph.ilabel.tolist(), graph.olabel.tolist()) if transducer else (graph.ilabel.tolist(),)
    for arc, (tail, head, energy) in enumerate(zip(graph.src.tolist(), graph.dst.tolist(), graph.energy.tolist())):
        shown = [label_text(None if side[arc] == _EPSILON else graph.labels[side[arc]]) for side in sides]
        numbers = [number(energy), *(_cell(column[arc]) for column in columns.values())]
        rows.add(str(arc), str(names[tail]), str(names[head]), *shown, *numbers)
    rows.flush()
    if not graph.arcs:
        say(out, f"{title}: no arcs")


def arc_records(
    graph: Graph, names: Sequence[int | str], gradient: Sequence[float] | None = None
) -> list[dict[str, Any]]:
    """The arcs of a graph as JSON objects, with their gradients if given; `output` only where it is not the label."""
    columns = zip(
        graph.src.tolist(), graph.dst.tolist(), graph.ilabel.tolist(), graph.olabel.tolist(), graph.energy.tolist()
    )
    records = []
    for arc, (tail, head, ilabel, olabel, energy) in enumerate(columns):
        record: dict[str, Any] = {"arc": arc, "from": names[tail], "to": names[head]}
        record["label"] = None if ilabel == _EPSILON else graph.labels[ilabel]
        if olabel != ilabel:
            record["output"] = None if olabel == _EPSILON else graph.labels[olabel]
        record["energy"] = energy
        if gradient is not None:
            record["gradient"] = gradient[arc]
        records.append(record)
    return records

"""How the results of a stream are put out: JSON lines, or tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.tables import Rows, console, label_text, number, say
from lattice_cli.errors import LatticeError
from lattice_cli.formats.writing import json_line

if TYPE_CHECKING:
    from lattice_cli.cli.stream import Item
    from lattice_cli.graph.document import Document
    from lattice_cli.graph.graph import Graph
    from lattice_cli.inference.decoding import Decoded
    from lattice_cli.inference.posteriors import Forward

_EPSILON = 0


def json_lines(*values: Any) -> str:
    """Values as lines of JSON, in ASCII if standard output does not speak UTF-8: JSON is for programs."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    return "".join(json_line(value, ascii_only) + "\n" for value in values)


def write_json(*values: Any) -> None:
    """Values as lines of JSON on standard output."""
    sys.stdout.write(json_lines(*values))


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
        self.rows = Rows(self.out, columns)

    def fail(self, record: Item, error: LatticeError) -> None:
        """A row with the status; the message itself goes to standard error."""
        self.rows.add(record.id, *[""] * (self._width - 2), f"({error.status})")

    def finish(self) -> None:
        """Print the rows that are waiting."""
        self.rows.flush()


class ForwardTables(TableReport):
    """Free energies: a row for each record and beta, and tables of arcs and nodes if asked for."""

    def __init__(self, color: str) -> None:
        headings = ["beta", "free energy", "best", "expected", "entropy", "variance"]
        super().__init__(color, [("id", "text"), *((heading, "number") for heading in headings)])

    def show(self, document: Document, results: list[Forward]) -> None:
        """The rows of one record, and its tables."""
        for result in results:
            found = result.statistics
            figures = (
                found.beta,
                found.free_energy,
                found.best_energy,
                found.expected_energy,
                found.entropy,
                found.variance,
            )
            self.rows.add(document.id, *(number(figure) for figure in figures))
            if result.gradient is not None or result.nodes is not None or result.lagrangian is not None:
                self.rows.flush()
            self._arc_table(document, result)
            self._node_table(document, result)
            self._lagrangian(document, result)

    def _lagrangian(self, document: Document, result: Forward) -> None:
        found, side = result.lagrangian, result.searched
        if found is None or side is None:
            return
        from lattice_cli.inference.lagrangian import CONVENTION

        title = f"{document.id}: multipliers and residuals of each node at beta {number(result.statistics.beta)}"
        headings = ["node", "alpha", "lambda", "dL/dlambda", "dL/dalpha"]
        rows = Rows(self.out, [(each, "text" if each == "node" else "number") for each in headings], title, every=0)
        columns = (found.alpha, found.multiplier, found.by_multiplier, found.by_alpha)
        for name, alpha, multiplier, *residuals in zip(side.names, *(column.tolist() for column in columns)):
            rows.add(str(name), number(alpha), number(multiplier), *(small(each) for each in residuals))
        rows.flush()
        differences = dict(zip(found.chosen.tolist(), found.difference.tolist()))
        columns_of_arcs = {
            "gradient": [number(each) for each in found.gradient.tolist()],
            "dL/de - dF/de": [small(each) for each in found.by_arc.tolist()],
            "difference": [
                number(differences[arc], 6) if arc in differences else "-" for arc in range(side.graph.arcs)
            ],
        }
        arc_table(self.out, side.graph, side.names, f"{document.id}: the same of each arc", columns_of_arcs)
        say(self.out, f"{CONVENTION}; largest error of a finite difference: {small(found.largest['difference'], 1e-6)}")

    def _arc_table(self, document: Document, result: Forward) -> None:
        if result.gradient is None:
            return
        side = result.side
        title = f"{document.id}: gradient dF/de of each arc at beta {number(result.statistics.beta)}"
        arc_table(self.out, side.graph, side.names, title, {"gradient": result.gradient.tolist()})

    def _node_table(self, document: Document, result: Forward) -> None:
        if result.nodes is None:
            return
        view, names = result.nodes, result.side.names
        title = f"{document.id}: alpha, backward and posterior of each node at beta {number(result.statistics.beta)}"
        headings = [("node", "text"), ("alpha", "number"), ("backward", "number"), ("posterior", "number")]
        rows = Rows(self.out, headings, title, every=0)
        for node, (alpha, backward, posterior) in enumerate(
            zip(view.alpha.tolist(), view.backward.tolist(), view.posterior.tolist())
        ):
            rows.add(str(names[node]), *(number(value) for value in (alpha, backward, posterior)))
        rows.flush()


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
    rows = Rows(out, [*headings, ("energy", "number"), *((name, "number") for name in columns)], title, every=0)
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

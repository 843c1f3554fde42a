"""Graphs as results: tables on a terminal, documents into a pipe or a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import Field, arc_listing, known
from lattice_cli.cli.stream import Item, names_folder
from lattice_cli.cli.terminal import complain, console, label_text, number, put
from lattice_cli.errors import LatticeError
from lattice_cli.formats import form_of, write_documents
from lattice_cli.formats.io import as_record, json_line, require_place
from lattice_cli.graph import Document, KnownFactor

if TYPE_CHECKING:
    from lattice_cli.analysis import Pruned
    from lattice_cli.records import Interpretation


class GraphReport:
    """Writes graphs: to a file, as JSON lines, or as tables on a terminal.

    matrices: chains of steps are written as emission matrices, which are smaller and say what they are. Raises
    FormatError, UsageError for a file that cannot be written, before anything is computed for it.
    """

    def __init__(self, output: str | None, color: str, matrices: bool = False) -> None:
        folder = output is not None and names_folder(output)
        self._output = None if output == "-" or folder else output
        if self._output:
            form_of(self._output)
            require_place(self._output)
        self._tables = output is None and sys.stdout.isatty()
        self._color, self._matrices = color, matrices
        self._found: list[Document] = []

    #: How the name of a file of such results ends, where each input has its own.
    ending = ".jsonl"

    def prepare(self, document: Any, result: Document) -> Document | str:
        """A graph as it is shown: as a line of JSON, if it is to be one."""
        if self._output or self._tables:
            return result
        return json_line(as_record(result, self._matrices)) + "\n"

    def show(self, document: Any, result: Document | str) -> None:
        """One graph, prepared or not."""
        ready = result if isinstance(result, str) else GraphReport.prepare(self, document, result)
        if isinstance(ready, str):
            put(ready)
        elif self._output:
            self._found.append(ready)
        else:
            self._table(ready)

    def _table(self, result: Document) -> None:
        graph = result.graph
        ends = f"start {_few(graph.starts.tolist())}, final {_few(graph.finals.tolist())}"
        title = f"{result.id}: {graph.nodes} nodes, {graph.arcs} arcs, {ends}"
        factors = [(Field(None, each.name, kind="text", shown=known(str)), _own_arcs(each)) for each in result.factors]
        arc_listing(graph, result.names, title, *factors).sheet().print(console(self._color))

    def fail(self, record: Item, error: LatticeError) -> None:
        """A record that cannot be read has no graph to write."""

    def finish(self) -> None:
        """Files are written at the end, by `write`."""

    def write(self) -> None:
        """Write the file that was asked for, whole."""
        if self._output and self._found:
            write_documents(self._output, self._found, self._matrices)


class ComposedReport(GraphReport):
    """Interpretation graphs; an empty one is written too, so that records stay in step, and then explained."""

    def __init__(self, output: str | None, color: str, scores: bool, provenance: bool) -> None:
        super().__init__(output, color)
        self._kept = {"scores": scores, "provenance": provenance}

    def prepare(self, document: Document, result: Interpretation) -> Any:  # type: ignore[override]
        """What is written of it, and why it is empty, if it is."""
        from lattice_cli.records import no_path
        from lattice_cli.records.cascade import composed_document

        composed = composed_document(result, **self._kept)
        return super().prepare(document, composed), None if result.graph.nodes else no_path(result)

    def show(self, document: Document, result: Any) -> None:
        """Put it out. Raises NoPath for an empty one."""
        composed, empty = result
        super().show(document, composed)
        if empty is not None:
            raise empty


class PrunedReport(GraphReport):
    """Graphs on standard output, what is left of them on standard error."""

    def prepare(self, document: Document, result: Pruned) -> Any:  # type: ignore[override]
        """What is written of it, and what is said."""
        return super().prepare(document, result.document), result.guarantee

    def show(self, document: Document, result: Any) -> None:
        """Put it out."""
        graph, guarantee = result
        super().show(document, graph)
        complain(f"{document.id}: {guarantee}")


def _own_arcs(factor: KnownFactor) -> list[str | None]:
    """The arc of a factor that each arc of a composition comes from: its number, label and energy; None for none."""
    graph = factor.graph
    both = zip(graph.ilabel.tolist(), graph.olabel.tolist())
    names = [label_text(label or None) for label in graph.labels]
    labels = [names[one] if one == other else f"{names[one]}:{names[other]}" for one, other in both]
    told = [
        f"{arc} {label} {number(energy)}"
        for arc, label, energy in zip(factor.number.tolist(), labels, graph.energy.tolist())
    ]
    return [None if arc < 0 else told[arc] for arc in factor.arc.tolist()]


def _few(nodes: list[int]) -> str:
    return ", ".join(str(node) for node in nodes[:8]) + (f" and {len(nodes) - 8} more" if len(nodes) > 8 else "")

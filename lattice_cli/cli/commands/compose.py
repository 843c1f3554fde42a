"""The compose command: interpretation graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lattice_cli import models, records
from lattice_cli.cli import reports, stream
from lattice_cli.cli.options import (
    StrictCommand,
    combine_option,
    ctc_option,
    file_read,
    graph_options,
    graph_output_option,
    input_options,
)
from lattice_cli.formats import io

if TYPE_CHECKING:
    from lattice_cli.graph import Document


@click.command(cls=StrictCommand)
@click.argument("graph", metavar="GRAPH", type=file_read)
@click.argument("grammar", metavar="GRAMMAR", type=file_read)
@graph_output_option
@combine_option
@ctc_option
@input_options
@graph_options
def compose(
    graph: str,
    grammar: str,
    output: str | None,
    combine: str,
    ctc: str | None,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The interpretation graph of GRAPH and GRAMMAR: outputs of GRAPH against inputs of GRAMMAR.

    On a terminal it is shown as a table; into a pipe or a file it is written as a graph document. A stream of graphs
    gives a stream. If nothing is left, the message says where graph and grammar part, and the exit status is 1.

    Examples:
      lattice compose samples/lecture-cut.yaml grammars/lecture-words.yaml
      lattice compose samples/lecture-cut.yaml grammars/lecture-words.yaml \\
        -o cut.npz
    """
    stream.require_one_stdin([graph], grammar)
    through = models.read_decoder([grammar], ctc, combine, encoding=reading.encoding)

    class Composed(reports.GraphReport):
        """Interpretation graphs; an empty one is written too, so that records stay in step, and then explained."""

        def prepare(self, document: Document, result: records.Interpretation) -> Any:  # type: ignore[override]
            graph = super().prepare(document, _as_document(document, result))
            return graph, None if result.graph.nodes else records.no_path(result)

        def show(self, document: Document, result: Any) -> None:
            graph, empty = result
            super().show(document, graph)
            if empty is not None:
                raise empty

    def solve(documents: list[Document]) -> list[records.Interpretation]:
        return [through.interpret(document) for document in documents]

    return stream.write_records([graph], reading, solve, Composed(output, run.color), run)


def _as_document(document: Document, result: records.Interpretation) -> Document:
    """The interpretation graph as a record, with the id, target and node times of the recognition graph."""
    from lattice_cli.graph import Document

    whole = result.composition
    assert whole is not None, "compose always has a grammar"
    times = None if document.times is None else document.times[whole.left_node]
    names = range(whole.graph.nodes)
    return Document(whole.graph, document.id, document.source, names, times, target=document.target)

"""The compose command: interpretation graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lattice_cli.cli.options.shared import combine_option, ctc_option, graph_options, input_options

if TYPE_CHECKING:
    from lattice_cli.cli.stream.run_options import RunOptions
    from lattice_cli.formats.io import ReadOptions
    from lattice_cli.graph import Document
    from lattice_cli.records import Interpretation


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.argument("grammar", metavar="GRAMMAR")
@click.option("-o", "--output", metavar="OUT", help="Write to a file: .json, .jsonl, .yaml, .npz, or any with .gz.")
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
    reading: ReadOptions,
    run: RunOptions,
) -> int:
    """The interpretation graph of GRAPH and GRAMMAR: outputs of GRAPH against inputs of GRAMMAR.

    On a terminal it is shown as a table; into a pipe or a file it is written as a graph document. A stream of graphs
    gives a stream. If nothing is left, the message says where graph and grammar part, and the exit status is 1.

    \b
    Examples:
      lattice compose samples/lecture-cut.yaml grammars/lecture-words.yaml
      lattice compose samples/lecture-cut.yaml grammars/lecture-words.yaml \\
        -o cut.npz
    """
    from lattice_cli.cli.reports.graph_report import GraphReport
    from lattice_cli.cli.stream.run import require_one_stdin, write_records
    from lattice_cli.models import read_decoder
    from lattice_cli.records import no_path

    require_one_stdin([graph], grammar)
    through = read_decoder(grammar, ctc, combine)

    class Composed(GraphReport):
        """Interpretation graphs; an empty one is written too, so that records stay in step, and then explained."""

        def prepare(self, document: Document, result: Interpretation) -> Any:  # type: ignore[override]
            graph = super().prepare(document, _as_document(document, result))
            return graph, None if result.graph.nodes else no_path(result)

        def show(self, document: Document, result: Any) -> None:
            graph, empty = result
            super().show(document, graph)
            if empty is not None:
                raise empty

    def solve(documents: list[Document]) -> list[Interpretation]:
        return [through.interpret(document) for document in documents]

    return write_records([graph], reading, solve, Composed(output, run.color), run)


def _as_document(document: Document, result: Interpretation) -> Document:
    """The interpretation graph as a record, with the id, target and node times of the recognition graph."""
    from lattice_cli.graph import Document

    whole = result.composition
    assert whole is not None, "compose always has a grammar"
    times = None if document.times is None else document.times[whole.left_node]
    names = range(whole.graph.nodes)
    return Document(whole.graph, document.id, document.source, names, times, target=document.target)

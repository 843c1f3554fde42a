"""The viterbi command: best paths and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lattice_cli.cli.options import (
    combine_option,
    ctc_option,
    grammar_option,
    input_options,
    of_option,
    read_options,
    result_options,
)

if TYPE_CHECKING:
    from lattice_cli.graph.document import Document
    from lattice_cli.inference.decoding import Decoded


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@grammar_option
@ctc_option
@combine_option
@click.option("-n", "count", metavar="N", type=click.IntRange(min=1), default=1, help="The N best paths.")
@click.option("--distinct", is_flag=True, help="The N best distinct answers instead of paths; exact.")
@click.option("--arcs", "show_arcs", is_flag=True, help="A table of the arcs of each path.")
@click.option("--nodes", "show_nodes", is_flag=True, help="The nodes each path goes through.")
@click.option("--times", "show_times", is_flag=True, help="The times of those nodes, where the file has them.")
@of_option
@input_options
@result_options
def viterbi(
    graphs: tuple[str, ...],
    grammar: str | None,
    ctc: str | None,
    combine: str,
    count: int,
    distinct: bool,
    show_arcs: bool,
    show_nodes: bool,
    show_times: bool,
    side: str,
    as_json: bool,
    keep_going: bool,
    color: str,
    **reading: Any,
) -> int:
    """The path of least energy of each GRAPH, or the N best paths or distinct answers.

    With -g the graph is composed with the grammar first; arcs and nodes are still those of GRAPH (see --of). A path's
    energy is the sum of its arcs and of its start and final energies, in nats. Of paths with equal energies the one
    whose arcs come first in the searched graph is given first; of answers, the one whose labels do. With --json a
    record's own "target" is passed on, so that lattice evaluate can follow in a pipe.

    \b
    Examples:
      lattice viterbi samples/lecture-34.json -n 3
      lattice viterbi samples/lecture-cut.yaml -g grammars/lecture-words.yaml
      lattice viterbi samples/cards.slf.gz -n 3 --distinct
    """
    from lattice_cli.cli.reports import JsonReport, ViterbiTables, identity
    from lattice_cli.cli.rules import read_rules
    from lattice_cli.cli.stream import require_one_stdin, require_side, run_records
    from lattice_cli.graph.combine import OPERATORS
    from lattice_cli.inference.decoding import decode

    require_one_stdin(graphs, grammar)
    require_side(side, grammar)
    options = read_options(**reading)
    rules = read_rules(grammar) if grammar else None
    tables = (color, count, show_arcs, show_nodes, show_times)
    report: Any = JsonReport(_record, identity) if as_json else ViterbiTables(*tables)

    def solve(documents: list[Document]) -> list[Any]:
        return decode(documents, rules, ctc, n=count, distinct=distinct, of=side, combine=OPERATORS[combine])

    return run_records(graphs, options, solve, report, keep_going)


def _record(document: Document, paths: list[Decoded]) -> list[dict[str, Any]]:
    """The JSON object of one record."""
    from lattice_cli.cli.reports import identity, path_fields

    return [{**identity(document), "status": "ok", "paths": [path_fields(path) for path in paths]}]

"""The show command: what is in a file."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lattice_cli.cli.options import input_options, jobs_option, read_options, result_options

if TYPE_CHECKING:
    from lattice_cli.cli.stream import Item
    from lattice_cli.errors import LatticeError
    from lattice_cli.graph.document import Document
    from lattice_cli.inference.inventory import Inventory

_LABELS_SHOWN = 20
_LONGEST_COUNT = 30


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@click.option("--arcs", is_flag=True, help="The arcs as a table.")
@input_options
@jobs_option
@result_options
def show(
    graphs: tuple[str, ...], arcs: bool, as_json: bool, keep_going: bool, jobs: int, color: str, **reading: Any
) -> int:
    """What is in each GRAPH: sizes, labels, levels, cycles, the exact number of paths, energies, scores, problems.

    \b
    Examples:
      lattice show samples/lecture-34.json --arcs
      lattice show samples/goforward.slf.gz
      lattice show grammars/lecture-words.yaml
    """
    from lattice_cli.cli.reports import JsonReport
    from lattice_cli.cli.stream import Report, require_one_stdin, run_records
    from lattice_cli.inference.inventory import inventory

    require_one_stdin(graphs)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # the number of paths may have more digits than Python prints by default
    report: Report = (
        JsonReport(lambda document, found: [_record(document, found, arcs)]) if as_json else _Shown(color, arcs)
    )
    return run_records(
        graphs,
        read_options(**reading),
        lambda documents: [inventory(each) for each in documents],
        report,
        keep_going,
        jobs=jobs,
    )


def _record(document: Document, found: Inventory, arcs: bool) -> dict[str, Any]:
    record = {"id": document.id, "status": "ok", **asdict(found)}
    record["scores"] = {name: document.scales.get(name, 1.0) for name in document.scores}
    if document.target is not None:
        record["target"] = document.target
    if arcs:
        from lattice_cli.cli.reports import arc_records

        record["arcs_table"] = arc_records(document.graph, document.names)
    return record


class _Shown:
    """A table of facts for each record, then its problems, then its arcs if asked for."""

    def __init__(self, color: str, arcs: bool) -> None:
        from lattice_cli.cli.tables import console

        self._out, self._arcs = console(color), arcs

    def prepare(self, document: Document, found: Inventory) -> Any:
        """A record is shown with what it holds."""
        return document, found

    def show(self, record: Item, shown: tuple[Document, Inventory]) -> None:
        """The tables of one record."""
        document, found = shown
        from lattice_cli.cli.reports import arc_table
        from lattice_cli.cli.tables import Rows, say

        rows = Rows(self._out, [(document.id, "text"), ("", "text")], every=0)
        for fact, value in _facts(document, found):
            rows.add(fact, value)
        rows.flush()
        for problem in found.problems:
            say(self._out, f"problem: {problem}")
        if self._arcs:
            scores = {name: column.tolist() for name, column in document.scores.items()}
            arc_table(self._out, document.graph, document.names, f"{document.id}: arcs", scores)

    def fail(self, record: Item, error: LatticeError) -> None:
        """The message on standard error says it all."""

    def finish(self) -> None:
        """Nothing is kept back."""


def _facts(document: Document, found: Inventory) -> list[tuple[str, str]]:
    from lattice_cli.cli.tables import label_text, number

    labels = " ".join(label_text(label) for label in found.labels[:_LABELS_SHOWN])
    more = f" and {len(found.labels) - _LABELS_SHOWN} more" if len(found.labels) > _LABELS_SHOWN else ""
    facts = [
        ("nodes", f"{found.nodes}, {found.useful_nodes} on a path"),
        ("arcs", f"{found.arcs}, {found.useful_arcs} on a path, {found.epsilon_arcs} epsilon"),
        ("start, final nodes", f"{found.starts}, {found.finals}"),
        ("kind", f"{'transducer' if found.transducer else 'acceptor'}, {'cyclic' if found.cyclic else 'acyclic'}"),
        ("labels", f"{len(found.labels)}: {labels}{more}" if found.labels else "0"),
        ("levels", "-" if found.levels is None else str(found.levels)),
        ("paths", "infinitely many" if found.paths is None else _count(found.paths)),
        ("best, worst energy", f"{number(found.best_energy)}, {number(found.worst_energy)}"),
    ]
    timed = document.times is not None
    facts.append(("density", f"{number(found.density, 4)} labelled arcs a {'second' if timed else 'level'}"))
    if document.scores:
        scales = ", ".join(f"{name} x {number(document.scales.get(name, 1.0))}" for name in document.scores)
        facts.append(("scores", scales))
    if document.target is not None:
        target = document.target if isinstance(document.target, str) else " ".join(map(label_text, document.target))
        facts.append(("target", target))
    return facts


def _count(paths: int) -> str:
    """The exact number, and its size where it is long; the longest are left to --json."""
    digits = str(paths)
    if len(digits) <= _LONGEST_COUNT:
        return digits
    return f"about {digits[0]}.{digits[1:4]}e{len(digits) - 1} (exact with --json)"

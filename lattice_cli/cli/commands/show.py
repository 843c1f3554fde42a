"""The show command: what is in a file."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from lattice_cli.cli.options.shared import input_options, positive, result_options

if TYPE_CHECKING:
    from lattice_cli.analysis import Inventory
    from lattice_cli.cli.reports.show_report import Parts
    from lattice_cli.cli.stream.report import Item
    from lattice_cli.cli.stream.run_options import RunOptions
    from lattice_cli.errors import LatticeError
    from lattice_cli.formats.io import ReadOptions
    from lattice_cli.graph import Document

    Found: TypeAlias = tuple[Inventory, dict[str, Any], LatticeError | None]


_LABELS_SHOWN = 20
_LONGEST_COUNT = 30


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@click.option("--arcs", is_flag=True, help="The arcs as a table.")
@click.option("--strip", is_flag=True, help="Arcs along the length of the lattice, by time or level, as a chart.")
@click.option("--label-uses", is_flag=True, help="Each label: arcs, how often an answer has it, what it costs.")
@click.option("--confusions", is_flag=True, help="Confusion sets: what may stand at each place of the best answer.")
@click.option("--heaviest", metavar="N", type=click.IntRange(min=1), help="The N arcs with the highest posteriors.")
@click.option("--beta", type=positive, default=1.0, show_default=True, help="Of those posteriors, in 1/nats.")
@click.option("--against", metavar="OTHER", help="What is different in the lattice OTHER; status 1 if anything is.")
@input_options
@result_options
def show(
    graphs: tuple[str, ...],
    arcs: bool,
    strip: bool,
    label_uses: bool,
    confusions: bool,
    heaviest: int | None,
    beta: float,
    against: str | None,
    reading: ReadOptions,
    run: RunOptions,
) -> int:
    """What is in each GRAPH: sizes, labels, levels, cycles, the exact number of paths, energies, scores, problems.

    --strip, --label-uses, --confusions and --heaviest look inside, by posteriors at --beta. A detour is how much worse
    than the best path the best one through an arc, or with a label, is. --against compares one GRAPH with another: arcs
    by their nodes and labels, best answers, and the energy that each gives the other's.

    \b
    Examples:
      lattice show samples/cards.slf.gz --beta 0.05 --confusions
      lattice show before.slf --against after.slf
      lattice show samples/lecture-34.json --arcs
      lattice show samples/goforward.slf.gz
      lattice show grammars/lecture-words.yaml
    """
    from lattice_cli.cli.reports.fields import JsonReport
    from lattice_cli.cli.reports.show_report import Parts
    from lattice_cli.cli.stream.report import Report
    from lattice_cli.cli.stream.run import require_one_stdin, run_records

    require_one_stdin(graphs, against)
    parts = Parts(strip, label_uses, confusions, heaviest or 0, beta)
    if against is not None:
        return _compared(graphs, against, parts, arcs, reading, run)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # the number of paths may have more digits than Python prints by default
    report: Report = (
        JsonReport(lambda document, found: [_record(document, found, arcs)])
        if run.as_json
        else _Shown(run.color, arcs, parts)
    )
    return run_records(graphs, reading, lambda documents: [_found(each, parts) for each in documents], report, run)


def _found(document: Document, parts: Parts) -> Found:
    """The inventory of a record, what else was asked for, and why that cannot be had, if so."""
    from lattice_cli.analysis import inventory
    from lattice_cli.cli.reports.show_report import add_parts
    from lattice_cli.errors import Diverged, GraphError, LatticeError

    found = inventory(document)
    extra: dict[str, Any] = {}
    try:
        if parts.any:
            add_parts(extra, document, parts)
    except Diverged as error:
        return found, extra, error.at(document.names)
    except GraphError as error:
        return found, extra, GraphError(f"{document.source}: {error}")
    except LatticeError as error:
        return found, extra, error
    return found, extra, None


def _compared(
    graphs: tuple[str, ...], against: str, parts: Parts, arcs: bool, reading: ReadOptions, run: RunOptions
) -> int:
    """Two lattices; 1 if they differ."""
    from lattice_cli.analysis import compare
    from lattice_cli.cli.reports.show_report import print_comparison
    from lattice_cli.cli.terminal.json_lines import write_json
    from lattice_cli.cli.terminal.tables import console
    from lattice_cli.errors import UsageError
    from lattice_cli.formats import read_one

    if len(graphs) != 1 or parts.any or arcs:
        raise UsageError("--against compares one GRAPH with one other, and shows nothing else")
    one, other = read_one(graphs[0], reading), read_one(against, reading)
    found = compare(one, other, parts.beta)
    if run.as_json:
        write_json({"id": one.id, "against": other.id, "status": "ok", "alike": found.alike, **asdict(found)})
    else:
        print_comparison(console(run.color), (one.id, other.id if other.id != one.id else against), found)
    return 0 if found.alike else 1


def _record(document: Document, result: Found, arcs: bool) -> dict[str, Any]:
    """The JSON object of a record. Raises what kept a part from being had, with all the rest."""
    found, extra, error = result
    record = {"id": document.id, "status": "ok", **asdict(found), **extra}
    record["scores"] = {name: document.scales.get(name, 1.0) for name in document.scores}
    if document.target is not None:
        record["target"] = document.target
    if arcs:
        from lattice_cli.cli.reports.fields import arc_records

        record["arcs_table"] = arc_records(document.graph, document.names)
    if error is not None:
        error.told = {key: value for key, value in record.items() if key not in ("id", "status")}
        raise error
    return record


class _Shown:
    """A table of facts for each record, then its problems, then its arcs if asked for."""

    def __init__(self, color: str, arcs: bool, parts: Parts) -> None:
        from lattice_cli.cli.terminal.tables import console

        self._out, self._arcs, self._parts = console(color), arcs, parts

    def prepare(self, document: Document, found: Any) -> Any:
        """A record is shown with what it holds."""
        return document, found

    def show(self, record: Item, shown: tuple[Document, Found]) -> None:
        """The tables of one record. Raises what kept a part from being had, behind all the rest."""
        from lattice_cli.cli.reports.show_report import print_parts

        document, (found, extra, error) = shown
        from lattice_cli.cli.reports.fields import arc_table
        from lattice_cli.cli.terminal.tables import GrowingTable, say

        rows = GrowingTable(self._out, [(document.id, "text"), ("", "text")], every=0)
        for fact, value in _facts(document, found):
            rows.add(fact, value)
        rows.flush()
        for problem in found.problems:
            say(self._out, f"problem: {problem}")
        print_parts(self._out, document, extra, self._parts)
        if self._arcs:
            scores = {name: column.tolist() for name, column in document.scores.items()}
            arc_table(self._out, document.graph, document.names, f"{document.id}: arcs", scores)
        if error is not None:
            raise error

    def fail(self, record: Item, error: LatticeError) -> None:
        """The message on standard error says it all."""

    def finish(self) -> None:
        """Nothing is kept back."""


def _facts(document: Document, found: Inventory) -> list[tuple[str, str]]:
    from lattice_cli.cli.terminal.tables import label_text, number

    labels = " ".join(label_text(label) for label in found.labels[:_LABELS_SHOWN])
    more = f" and {len(found.labels) - _LABELS_SHOWN} more" if len(found.labels) > _LABELS_SHOWN else ""
    facts = [
        ("nodes", f"{found.nodes}, {found.nodes_on_paths} on a path"),
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

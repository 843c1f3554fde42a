"""The show command: what is in a file."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from functools import partial

import click

from lattice_cli import analysis, formats, graph, models
from lattice_cli.cli import reports, stream, terminal
from lattice_cli.cli.options import (
    Option,
    StrictCommand,
    file_read,
    input_options,
    positive,
    result_options,
)
from lattice_cli.errors import Diverged, GraphError, LatticeError, NoPath, UsageError
from lattice_cli.formats import io, native, notations


@click.command(cls=StrictCommand)
@click.argument("graphs", metavar="GRAPH...", type=file_read, nargs=-1, required=True)
@click.option("--arcs", is_flag=True, help="Table of the arcs.")
@click.option("--strip", is_flag=True, help="Chart of the arcs along the lattice, by time or level.")
@click.option("--label-uses", is_flag=True, help="Arcs of each label, how often an answer has it, its cost.")
@click.option("--confusion-sets", is_flag=True, help="What may stand at each place of the best answer.")
@click.option(
    "--heaviest",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many of the arcs with the highest posteriors to list.",
)
@click.option(
    "--beta",
    cls=Option,
    needs=("--strip", "--label-uses", "--confusion-sets", "--heaviest", "--against"),
    type=positive,
    default=1.0,
    show_default=True,
    help="Inverse temperature of the posteriors, in 1/nats.",
)
@click.option(
    "--against",
    metavar="FILE",
    type=file_read,
    help="Another lattice, to say what is different in it; status 1 if anything is.",
)
@click.option("--strict", is_flag=True, help="Status 1 if a graph has problems, as a check in scripts.")
@input_options
@result_options
def show(
    graphs: tuple[str, ...],
    arcs: bool,
    strip: bool,
    label_uses: bool,
    confusion_sets: bool,
    heaviest: int | None,
    beta: float,
    against: str | None,
    strict: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """What is in each GRAPH: sizes, labels, levels, cycles, the exact number of paths, energies, scores, problems.
    Of a trained MODEL: its recogniser, labels, grammar, how its training went, and its configuration.

    --strip, --label-uses, --confusion-sets and --heaviest look inside, by posteriors at --beta. A detour is how much
    worse than the best path the best one through an arc, or with a label, is. --against compares one GRAPH with
    another: arcs by their nodes and labels, best answers, and the energy that each gives the other's.

    Examples:
      lattice show samples/lecture-34.json --arcs
      lattice show samples/cards.slf.gz --beta 0.05 --confusion-sets
      lattice show samples/goforward.slf.gz --beta 0.05 --strip --heaviest 5
      lattice show samples/lecture-34.json --against samples/amount-check.json
    """
    stream.require_one_stdin(graphs, against)
    parts = reports.Parts(strip, label_uses, confusion_sets, heaviest or 0, beta)
    asked = {"--strip": strip, "--label-uses": label_uses, "--confusion-sets": confusion_sets}
    stream.require_rows_only(run, {**asked, "--heaviest": heaviest is not None, "--arcs": arcs})
    if against is not None:
        return _compared(graphs, against, parts, arcs, reading, run)
    report = reports.ShowReport(run, arcs)

    solve = stream.OneByOne(partial(_found, parts=parts, arcs=arcs))
    status = stream.run_records(graphs, replace(reading, models="itself"), solve, report, run)
    return max(status, NoPath.exit_status) if strict and report.problems else status


def _found(document: graph.Document | native.ModelFile, parts: reports.Parts, arcs: bool) -> reports.Found:
    """The inventory of a record, what else was asked for, and why that cannot be had, if so; or what a model tells."""
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # the number of paths may have more digits than Python prints by default
    if isinstance(document, native.ModelFile):
        if parts.any or arcs:
            way = "lattice convert MODEL grammar.json takes its grammar out"
            raise UsageError(f"{document.source}: a trained model, expected a graph to look into ({way})")
        if io.NGRAMS in document.arrays:
            return models.described_ngrams(notations.ngrams_of(document.arrays, document.source))
        return models.described(formats.model_of(document.arrays, document.source))
    extra: dict[str, reports.Listing] = {}
    fault: LatticeError | None = None
    try:
        if parts.any:
            reports.add_parts(extra, document, parts)
    except Diverged as error:
        fault = error.at(document.names)
    except GraphError as error:
        fault = GraphError(f"{document.source}: {error}")
    except LatticeError as error:
        fault = error
    return document, analysis.inventory(document), extra, fault


def _compared(
    graphs: tuple[str, ...],
    against: str,
    parts: reports.Parts,
    arcs: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """Two lattices; 1 if they differ."""
    if len(graphs) != 1 or parts.any or arcs:
        raise UsageError("--against compares one GRAPH with one other, and shows nothing else")
    reading = replace(reading, models="grammar")
    one, other = formats.read_one(graphs[0], reading), formats.read_one(against, reading)
    found = analysis.compare(one, other, parts.beta)
    stream.require_rows_only(run, {"--against": True})
    if run.as_json:
        terminal.write_json({"id": one.id, "against": other.id, "status": "ok", "alike": found.alike, **asdict(found)})
    else:
        names = (one.id, other.id if other.id != one.id else against)
        reports.print_all(terminal.console(run.color, run.every_row), reports.comparison(names, found))
    return 0 if found.alike else 1

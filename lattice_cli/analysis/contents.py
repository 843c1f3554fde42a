"""What is in a record, and what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, distinct
from lattice_cli.errors import Diverged
from lattice_cli.graph import EPSILON, Document, Graph, evaluation_order, reachable
from lattice_cli.sweep import TROPICAL, Schedule, count_paths, schedule_of, sweep

_NAMED = 8


@dataclass(frozen=True)
class Inventory:
    """Counts and extremes of a record.

    useful_nodes, useful_arcs: on some path from start to final. levels: nodes on the longest path, None with cycles.
    paths: their exact number, None if infinite. best_energy, worst_energy: nats, None where there is none. density:
    useful arcs that are not epsilon, per second where the nodes have times, else per level; None where undefined.
    problems: sentences about what a user probably did not intend.
    """

    nodes: int
    arcs: int
    useful_nodes: int
    useful_arcs: int
    starts: int
    finals: int
    labels: list[str]
    epsilon_arcs: int
    transducer: bool
    cyclic: bool
    levels: int | None
    paths: int | None
    best_energy: float | None
    worst_energy: float | None
    density: float | None
    problems: list[str]


def inventory(document: Document) -> Inventory:
    """Everything `lattice show` says about a record."""
    graph = document.graph
    schedule = schedule_of(graph)
    useful = schedule.position >= 0
    useful_arcs = useful[graph.src] & useful[graph.dst]
    cyclic = bool(schedule.components)
    has_path = bool((schedule.sink >= 0).any())
    longest = None if cyclic or not has_path else -_least(_with_energies(graph, -1.0, 0.0), schedule)
    levels = None if longest is None else int(longest) + 1
    problems = _problems(document, useful)
    best = worst = None
    if has_path:
        try:
            best = _least(graph, schedule)
        except Diverged as error:
            problems.append(str(error.at(document.names)))
        worst = None if cyclic else 0.0 - _least(_with_energies(graph, -graph.energy, -1.0), schedule)
    used = distinct(np.concatenate([graph.ilabel, graph.olabel]))
    return Inventory(
        nodes=graph.nodes,
        arcs=graph.arcs,
        useful_nodes=int(useful.sum()),
        useful_arcs=int(useful_arcs.sum()),
        starts=len(graph.starts),
        finals=len(graph.finals),
        labels=graph.words(used.tolist()),
        epsilon_arcs=int(((graph.ilabel == EPSILON) & (graph.olabel == EPSILON)).sum()),
        transducer=bool((graph.ilabel != graph.olabel).any()),
        cyclic=cyclic,
        levels=levels,
        paths=count_paths(graph, schedule),
        best_energy=best,
        worst_energy=worst,
        density=_density(document, useful_arcs, levels),
        problems=problems,
    )


def _with_energies(graph: Graph, energy: FloatArray | float, ends: float) -> Graph:
    """The graph with other arc energies, (arcs,) or one for all, and start and final energies times `ends`."""
    start, final = (
        np.multiply(column, ends, out=np.full(graph.nodes, np.inf), where=np.isfinite(column))
        for column in (graph.start, graph.final)
    )
    return replace(graph, energy=np.broadcast_to(energy, (graph.arcs,)), start=start, final=final)


def _least(graph: Graph, schedule: Schedule) -> float:
    return float(sweep(graph, TROPICAL, schedule).totals[0])


def _density(document: Document, useful_arcs: BoolArray, levels: int | None) -> float | None:
    spoken = int((useful_arcs & (document.graph.olabel != EPSILON)).sum())
    if document.times is not None and np.isfinite(document.times).any():
        length = float(np.nanmax(document.times) - np.nanmin(document.times))
        return spoken / length if length > 0 else None
    return spoken / (levels - 1) if levels and levels > 1 else None


def _problems(document: Document, useful: BoolArray) -> list[str]:
    """Sentences about nodes and arcs that take no part, and arcs that look like mistakes."""
    graph = document.graph
    found = []
    for ends, what in ((graph.starts, "start"), (graph.finals, "final")):
        if not len(ends):
            found.append(f"there is no {what} node")
    reached = reachable(graph.src, graph.dst, graph.starts, graph.nodes)
    leads = reachable(graph.dst, graph.src, graph.finals, graph.nodes)
    touched = np.zeros(graph.nodes, dtype=bool)
    touched[graph.src] = touched[graph.dst] = True
    for mask, what in (
        (~touched & ~useful, "on no arc"),
        (touched & ~reached, "not reachable from a start node"),
        (touched & ~leads, "without a way to a final node"),
    ):
        if mask.any():
            found.append(f"{_nodes(document, mask)} {what}")
    key = np.stack([graph.src, graph.dst, graph.ilabel, graph.olabel], axis=1)
    repeated = graph.arcs - len(np.unique(key, axis=0)) if graph.arcs else 0
    if repeated:
        found.append(f"{repeated} arcs repeat the nodes and labels of another arc: each counts as a path of its own")
    if _has_silent_cycle(graph, useful):
        found.append("a cycle of epsilon arcs: some answers have infinitely many paths")
    if document.times is not None:
        back = document.times[graph.dst] < document.times[graph.src]
        if back.any():
            found.append(f"{int(back.sum())} arcs go back in time, the first is arc {int(np.flatnonzero(back)[0])}")
    return found


def _nodes(document: Document, mask: BoolArray) -> str:
    nodes: IntArray = np.flatnonzero(mask)
    names = ", ".join(str(document.names[node]) for node in nodes[:_NAMED].tolist())
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return f"{len(nodes)} node{'s' if len(nodes) > 1 else ''} ({names}{more})"


def _has_silent_cycle(graph: Graph, useful: BoolArray) -> bool:
    silent = (graph.ilabel == EPSILON) & (graph.olabel == EPSILON) & useful[graph.src] & useful[graph.dst]
    order = evaluation_order(graph.src[silent], graph.dst[silent], np.array([0, graph.nodes]))
    return bool((order.component >= 0).any())

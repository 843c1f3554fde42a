"""What losses of one record and of many have in common: the most offending answer by free energy, and why there is no
correct one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import IntArray, distinct
from lattice_cli.composition import Composition, compose, why_empty
from lattice_cli.errors import NoPath, counted
from lattice_cli.graph import EPSILON, Graph, Targets, linear_graph, target_acceptor, told
from lattice_cli.learning.losses.losses import negligible
from lattice_cli.search import Answer, answers, best_paths
from lattice_cli.sweep import Semiring, Sweep, sweep


@dataclass(frozen=True, eq=False)
class OffendingAnswer:
    """The answer of least free energy. output: its labels in the graph's table; spelled: the graph o the answer, all of
    its paths; swept: these. bound: where the search ended without proof, what no other answer can be below; else None.
    gap: how far the next answer is above it, where that was asked for; 0 is a tie, +inf stands for all others.
    """

    output: tuple[int, ...]
    spelled: Composition
    swept: Sweep
    bound: float | None
    gap: float

    @property
    def energy(self) -> float:
        """Its free energy, nats."""
        return float(self.swept.totals[0])


def offending_answers(
    whole: Graph, graphs: Iterable[Graph], soft: Semiring, budget: int, gaps: bool = False
) -> list[OffendingAnswer | None]:
    """The answer of least free energy of each graph, by best-first search over prefixes; None without a path.

    whole: the graphs as a union. budget: prefixes to open for each of them. If it ends the search, the better of the
    answer with the best path and the best complete one is taken, with the bound that the search had reached. gaps:
    look for another answer that is as good.
    """
    return [
        None if best is None else _offending(graph, best.arcs, soft, budget, gaps)
        for graph, best in zip(graphs, best_paths(whole))
    ]


def _offending(graph: Graph, best: Sequence[int], soft: Semiring, budget: int, gaps: bool) -> OffendingAnswer:
    search = answers(graph, soft, budget)
    found = next(search)
    if isinstance(found, Answer):
        outputs = [found.output]
    else:
        along = graph.olabel[list(best)]
        outputs = [tuple(along[along != EPSILON].tolist()), *([] if found.best is None else [found.best.output])]
        outputs = list(dict.fromkeys(outputs))
    spelled = [compose(graph, linear_graph(graph.labels, output)) for output in outputs]
    swept = [sweep(each.graph, soft) for each in spelled]
    energies = [float(each.totals[0]) for each in swept]
    energy = min(energies)
    least = energies.index(energy)
    bound, gap = None, np.inf
    if not isinstance(found, Answer):
        bound = None if energy <= found.energy else found.energy
    elif gaps and negligible(found.beyond - energy, energy):  # only then is another answer worth looking for
        second = next(search, None)
        gap = np.inf if second is None else max(0.0, second.energy - energy)
    return OffendingAnswer(outputs[least], spelled[least], swept[least], bound, gap)


def spoken(graph: Graph) -> IntArray:
    """The labels that a graph can output, without epsilon."""
    used: IntArray = distinct(graph.olabel)
    found: IntArray = used[used != EPSILON]
    return found


def too_few_rows(rows: int, reading: Graph | None, targets: Targets) -> NoPath | None:
    """What is wrong where a matrix has too few rows for any of the targets; None where it has enough.

    reading: from rows to answers, its inputs a row each; None where answers are rows as they are.
    """
    needed = _rows_needed(reading, targets)
    if needed is None or needed <= rows:
        return None
    return NoPath(f"the target {told(targets)} needs {counted(needed, 'row')} at least, and there are {rows}")


def _rows_needed(reading: Graph | None, targets: Targets) -> int | None:
    """The fewest rows that a target can be read from; None if it cannot be read from any."""
    right = target_acceptor(targets, ("",) if reading is None else reading.labels)
    spelled = right if reading is None else compose(reading, right).graph
    start, final = (np.where(np.isfinite(ends), 0.0, np.inf) for ends in (spelled.start, spelled.final))
    rows = (spelled.ilabel != EPSILON).astype(np.float64)
    (best,) = best_paths(replace(spelled, energy=rows, start=start, final=final))
    return None if best is None else int(best.energy)


def why_not_spelled(
    spelled: Composition,
    targets: Targets,
    names: Sequence[int | str],
    where: str = "it",
    who: str = "the graph",
) -> NoPath:
    """How far targets can be followed, and what the graph offers there.

    spelled: the graph o the targets, which is empty. names: what the nodes of the graph are called; who: what the graph
    itself is called, and where: what it is that the target is not in.
    """
    why = why_empty(spelled, names, range(spelled.right.nodes), who, "the target").removeprefix("no path: ")
    return NoPath(f"the target {told(targets)} is not in {where}: {why}")

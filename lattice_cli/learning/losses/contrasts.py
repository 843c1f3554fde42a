"""What losses of one record and of many have in common: the most offending answer by free energy, and why there is no
correct one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import IntArray, distinct
from lattice_cli.composition import Composition, compose, why_empty
from lattice_cli.errors import NoPath
from lattice_cli.graph import EPSILON, Graph, Target, linear_graph
from lattice_cli.learning.losses.losses import negligible
from lattice_cli.search import Answer, Bound, answers, best_paths
from lattice_cli.sweep import Semiring, Sweep, sweep


@dataclass(frozen=True, eq=False)
class OffendingAnswer:
    """The answer of least free energy. output: its labels in the graph's table; spelled: the graph o the answer, all of
    its paths; swept: these. bound: where the search ended without proof, what no other answer can be below; else None.
    rest: the search, to be gone on with, and beyond: what the next answer cannot be below."""

    output: tuple[int, ...]
    spelled: Composition
    swept: Sweep
    bound: float | None
    rest: Iterator[Answer | Bound]
    beyond: float

    @property
    def energy(self) -> float:
        """Its free energy, nats."""
        return float(self.swept.totals[0])

    @cached_property
    def gap(self) -> float:
        """How far the next answer is above it; 0 is a tie, and +inf stands for all that is not near."""
        # Only if another answer can be as good is it worth looking for.
        second = next(self.rest, None) if negligible(self.beyond - self.energy, self.energy) else None
        return np.inf if second is None else max(0.0, second.energy - self.energy)


def offending_answers(
    whole: Graph, graphs: Iterable[Graph], soft: Semiring, budget: int
) -> list[OffendingAnswer | None]:
    """The answer of least free energy of each graph, by best-first search over prefixes; None without a path.

    whole: the graphs as a union. budget: prefixes to open for each of them. If it ends the search, the better of the
    answer with the best path and the best complete one is taken, with the bound that the search had reached.
    """
    return [
        None if best is None else _offending(graph, best.arcs, soft, budget)
        for graph, best in zip(graphs, best_paths(whole))
    ]


def _offending(graph: Graph, best: Sequence[int], soft: Semiring, budget: int) -> OffendingAnswer:
    search = answers(graph, soft, budget)
    found = next(search)
    if isinstance(found, Answer):
        outputs = [found.output]
    else:
        along = graph.olabel[list(best)]
        outputs = [tuple(along[along != EPSILON].tolist()), *([] if found.best is None else [found.best.output])]
    spelled = [compose(graph, linear_graph(graph.labels, output)) for output in dict.fromkeys(outputs)]
    swept = [sweep(each.graph, soft) for each in spelled]
    least = min(range(len(swept)), key=lambda number: float(swept[number].totals[0]))
    proven = isinstance(found, Answer) or swept[least].totals[0] <= found.energy
    beyond = found.beyond if isinstance(found, Answer) else np.inf
    return OffendingAnswer(
        outputs[least], spelled[least], swept[least], None if proven else found.energy, search, beyond
    )


def spoken(graph: Graph) -> IntArray:
    """The labels that a graph can output, without epsilon."""
    used: IntArray = distinct(graph.olabel)
    found: IntArray = used[used != EPSILON]
    return found


def why_not_spelled(
    spelled: Composition,
    targets: Sequence[Target],
    names: Sequence[int | str],
    where: str = "it",
    who: str = "the graph",
) -> NoPath:
    """How far targets can be followed, and what the graph offers there.

    spelled: the graph o the targets, which is empty. names: what the nodes of the graph are called; who: what the graph
    itself is called, and where: what it is that the target is not in.
    """
    text = " or ".join(repr(" ".join(target)) for target in targets)
    why = why_empty(spelled, names, range(spelled.right.nodes), who, "the target").removeprefix("no path: ")
    return NoPath(f"the target {text} is not in {where}: {why}")

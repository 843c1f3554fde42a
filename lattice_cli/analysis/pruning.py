"""Smaller graphs with a guarantee: arcs are left out by posterior, or by how far their best path is from the best."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray
from lattice_cli.composition import why_no_path
from lattice_cli.errors import NoPath
from lattice_cli.graph import Document, Graph, trimmed, without_arcs
from lattice_cli.search import best_paths
from lattice_cli.sweep import TROPICAL, LogSemiring, sweep

#: Sums of energies in two orders may differ by rounding; an arc is not left out for that.
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Pruned:
    """What is left. lost: probability of the paths that are gone, at beta. beam, posterior: what was asked for."""

    document: Document
    arcs: int
    nodes: int
    lost: float
    beta: float
    beam: float | None
    posterior: float | None

    @property
    def guarantee(self) -> str:
        """What can be relied on, in a sentence."""
        graph = self.document.graph
        kept = f"kept {graph.arcs} of {self.arcs} arcs and {graph.nodes} of {self.nodes} nodes"
        sure = "the best path is kept"
        if self.beam is not None and self.posterior is None:
            sure = f"every path within {self.beam:g} of the best is kept"
        return f"{kept}; {sure}; the paths that are gone had a probability of {self.lost:.3g} at beta {self.beta:g}"


def detours(graph: Graph) -> FloatArray:
    """(arcs,) how much worse than the best path the best one through each arc is, nats; +inf on no path."""
    ahead, behind = sweep(graph, TROPICAL), sweep(graph.reversed(), TROPICAL)
    with np.errstate(invalid="ignore"):
        through = ahead.node_totals[graph.src] + graph.energy + behind.node_totals[graph.dst]
    return through - float(ahead.totals[0])


def prune(document: Document, beta: float, beam: float | None, posterior: float | None) -> Pruned:
    """The record without the arcs whose detour is above the beam or whose posterior is below that asked for.

    Arcs of the best path always stay. Raises NoPath, Diverged.
    """
    graph = document.graph
    best = best_paths(graph)[0]
    if best is None:
        raise NoPath(why_no_path(graph, document.names))
    soft = sweep(graph, LogSemiring(beta))
    drop: BoolArray = np.zeros(graph.arcs, dtype=bool)
    if beam is not None:
        drop |= ~(detours(graph) <= beam + _SLACK * max(1.0, abs(best.energy)))
    if posterior is not None:
        drop |= ~(soft.pullback().arcs >= posterior)
    drop[list(best.arcs)] = False
    fewer = without_arcs(graph, drop)
    smaller, nodes, kept = trimmed(fewer)
    arcs = np.flatnonzero(~drop)[kept]
    left = float(sweep(smaller, LogSemiring(beta)).totals[0])
    found = replace(
        document,
        graph=smaller,
        names=[document.names[node] for node in nodes.tolist()],
        times=None if document.times is None else document.times[nodes],
        scores={name: column[arcs] for name, column in document.scores.items()},
        factors=tuple(factor.restricted(arcs, nodes) for factor in document.factors),
    )
    lost = max(0.0, -float(np.expm1(-beta * (left - float(soft.totals[0])))))
    return Pruned(found, graph.arcs, graph.nodes, lost, beta, beam, posterior)

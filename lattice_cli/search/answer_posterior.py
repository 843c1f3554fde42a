"""How sure an answer is: its posterior, and what is gained by rejecting answers that are not sure enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lattice_cli.arrays import FloatArray, boltzmann, finite
from lattice_cli.composition import compose
from lattice_cli.graph import Graph, label_index, linear_graph, member, union
from lattice_cli.sweep import TROPICAL, LogSemiring, sweep


def answer_posteriors(graphs: Sequence[Graph], answers: Sequence[Sequence[str]], beta: float) -> FloatArray:
    """(graphs,) P(answer) = exp(-beta (F(answer) - F(all))), over all paths of each graph that output the answer.

    The confidence of the check reader (LeCun, Bottou, Bengio, Haffner 1998, section VII; there beta = 1). Every graph
    has a path with its answer. Raises Diverged where a sum over cycles does not converge.
    """
    whole = _above_best(union(graphs))
    alone = (member(whole, number) for number in range(whole.graphs))
    spelled = [compose(graph, _acceptor(graph, answer)).graph for graph, answer in zip(alone, answers)]
    of_all = sweep(whole, LogSemiring(beta)).totals  # first: where this diverges, it does so at nodes of the graphs
    found: FloatArray = np.minimum(boltzmann(sweep(union(spelled), LogSemiring(beta)).totals, of_all, beta), 1.0)
    return found


def _above_best(graph: Graph) -> Graph:
    """The same paths, each with the energy that it has more than the best path of its member.

    Each arc costs what the best way over it costs more than the best way to its head. So what is added up later is
    small, and differences of paths are not lost in the rounding of what all of them cost.
    """
    swept = sweep(graph, TROPICAL)
    least = finite(swept.node_totals)  # what is on no path does not matter
    best = finite(swept.totals)[graph.graph_of_node]
    with np.errstate(over="ignore"):  # a path that costs that much more has no share in any sum
        # The difference first: round a cycle it is exactly nothing.
        energy = np.minimum(graph.energy + (least[graph.src] - least[graph.dst]), np.finfo(np.float64).max)
        return replace(graph, energy=energy, start=graph.start - least, final=graph.final + (least - best))


def _acceptor(graph: Graph, answer: Sequence[str]) -> Graph:
    index = label_index(graph.labels)
    return linear_graph(graph.labels, [index[label] for label in answer])

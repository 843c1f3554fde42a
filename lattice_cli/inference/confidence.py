"""How sure an answer is: its posterior, and what is gained by rejecting answers that are not sure enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.graph.composition import compose
from lattice_cli.graph.graph import FloatArray, Graph, IntArray, linear_graph, member, union
from lattice_cli.graph.reducers import hard_min, soft_min
from lattice_cli.graph.sweep import sweep

#: One part in this many: confidences that differ by less are rounding and count as equal.
_ROUNDING = 1e-12


def answer_posteriors(graphs: Sequence[Graph], answers: Sequence[Sequence[str]], beta: float) -> FloatArray:
    """(graphs,) P(answer) = exp(-beta (F(answer) - F(all))), over all paths of each graph that output the answer.

    The confidence of the check reader (LeCun, Bottou, Bengio, Haffner 1998, section VII; there beta = 1). Every graph
    has a path with its answer. Raises Diverged where a sum over cycles does not converge.
    """
    whole = _above_best(union(graphs))
    alone = (member(whole, number) for number in range(whole.graphs))
    spelled = [compose(graph, _acceptor(graph, answer)).graph for graph, answer in zip(alone, answers)]
    of_all = sweep(whole, soft_min(beta)).totals  # first: where this diverges, it does so at nodes of the graphs
    found: FloatArray = np.minimum(np.exp(-beta * (sweep(union(spelled), soft_min(beta)).totals - of_all)), 1.0)
    return found


def _above_best(graph: Graph) -> Graph:
    """The same paths, each with the energy that it has more than the best path of its member.

    Each arc costs what the best way over it costs more than the best way to its head. So what is added up later is
    small, and differences of paths are not lost in the rounding of what all of them cost.
    """
    swept = sweep(graph, hard_min)
    least = np.where(np.isfinite(swept.node_totals), swept.node_totals, 0.0)  # what is on no path does not matter
    best = np.where(np.isfinite(swept.totals), swept.totals, 0.0)[graph.graph_of_node]
    with np.errstate(over="ignore"):  # a path that costs that much more has no share in any sum
        # The difference first: round a cycle it is exactly nothing.
        energy = np.minimum(graph.energy + (least[graph.src] - least[graph.dst]), np.finfo(np.float64).max)
        return replace(graph, energy=energy, start=graph.start - least, final=graph.final + (least - best))


def _acceptor(graph: Graph, answer: Sequence[str]) -> Graph:
    index = {label: position for position, label in enumerate(graph.labels) if position}
    return linear_graph(graph.labels, [index[label] for label in answer])


@dataclass(frozen=True, eq=False)
class RejectCurve:
    """What is accepted if answers below a threshold are rejected, at every threshold that makes a difference.

    records: how many there are; one without an answer is always rejected. threshold: (points,) the least confidence
    that is accepted, falling. accepted, errors: (points,) how many answers that accepts, and how many are wrong.
    area: under the risk-coverage curve, lower is better (Geifman, Uziel, El-Yaniv 2019): the mean, over the
    answers k from the surest on, of the rate of wrong ones among the first k; equally sure ones count evenly.
    None without answers.
    """

    records: int
    threshold: FloatArray
    accepted: IntArray
    errors: IntArray
    area: float | None

    def point(self, limit: float) -> int | None:
        """The point that accepts most while errors are at most this part of all records; None if even the first does
        not."""
        allowed = np.flatnonzero(self.errors <= limit * self.records)
        return int(allowed[-1]) if len(allowed) else None

    def spread(self, most: int) -> list[int]:
        """At most so many points, evenly over what is accepted; the last one among them."""
        if not len(self.accepted):
            return []
        wanted = np.linspace(0, self.accepted[-1], most + 1)[1:]
        return sorted(set(np.searchsorted(self.accepted, wanted - 0.5).tolist()))


def reject_curve(confidences: FloatArray, right: Sequence[bool], records: int) -> RejectCurve:
    """The curve of answers with these confidences, (answers,), that are right or wrong, of so many records."""
    order = np.argsort(-confidences, kind="stable")
    sorted_confidences = confidences[order]
    wrong = ~np.asarray(right, dtype=bool)[order]
    errors = np.cumsum(wrong)
    lower = sorted_confidences[1:] < sorted_confidences[:-1] * (1 - _ROUNDING)
    last = np.append(np.flatnonzero(lower), len(order) - 1) if len(order) else np.zeros(0, dtype=np.intp)
    # Inside of a tie errors come evenly, as they do on average over all orders.
    count = np.arange(1, len(order) + 1)
    even = np.interp(count, np.append(0, last + 1), np.append(0, errors[last]))
    area = float((even / count).mean()) if len(order) else None
    return RejectCurve(records, sorted_confidences[last], last + 1, errors[last], area)

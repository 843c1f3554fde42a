"""What an energy is made of: the named scores of a path, and each of its arcs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.graph import EPSILON
from lattice_cli.records.interpretation import Interpretation
from lattice_cli.search import Path


@dataclass(frozen=True)
class PathStep:
    """An arc of a path. tail, head: names of its nodes. input, output: labels, None for epsilon. energy: nats, of the
    arc of that side. scores: named ones of the record, as its file has them, not weighed. begin, end: seconds at its
    nodes, None where they are not known."""

    arc: int
    tail: int | str
    head: int | str
    input: str | None
    output: str | None
    energy: float
    scores: Mapping[str, float]
    begin: float | None
    end: float | None


def path_scores(interpretation: Interpretation, path: Path) -> dict[str, float] | None:
    """The named scores of a record along a path, each the sum over its arcs, not weighed; None: it has none."""
    scores = interpretation.document.scores
    if not scores:
        return None
    arcs, _ = interpretation.side("recognition").path(path)
    return {name: float(column[arcs].sum()) for name, column in scores.items()}


def steps_of(
    interpretation: Interpretation, arcs: Sequence[int], nodes: Sequence[int], of: str, times: Sequence[float | None]
) -> list[PathStep]:
    """The arcs of a path on one side. arcs, nodes: indices of that side. times: at the nodes; empty: there are none."""
    side = interpretation.side(of)
    graph, chosen = side.graph, np.array(arcs, dtype=np.intp)
    scores = interpretation.document.scores if of == "recognition" else {}
    columns = [column[chosen].tolist() for column in scores.values()]
    labels = [
        [None if label == EPSILON else graph.labels[label] for label in column[chosen].tolist()]
        for column in (graph.ilabel, graph.olabel)
    ]
    names = [side.names[node] for node in nodes]
    return [
        PathStep(
            arc,
            names[place],
            names[place + 1],
            labels[0][place],
            labels[1][place],
            energy,
            {name: column[place] for name, column in zip(scores, columns)},
            times[place] if times else None,
            times[place + 1] if times else None,
        )
        for place, (arc, energy) in enumerate(zip(arcs, graph.energy[chosen].tolist()))
    ]

"""What the energy of a path is made of: its named scores, and each of its arcs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, picked
from lattice_cli.graph import EPSILON
from lattice_cli.records.cascade.scores import cascade_scores, free_name
from lattice_cli.records.interpretation import Interpretation, named_part
from lattice_cli.search import Path

if TYPE_CHECKING:
    from lattice_cli.grammars import Scorer


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
    """The named scores of a record and its grammars along a path, each the sum over its arcs and its ends, not weighed;
    None: there are none."""
    scores, whole = cascade_scores(interpretation), interpretation.composition
    arcs, ends = np.array(path.arcs, dtype=np.intp), np.array([path.nodes[0], path.nodes[-1]], dtype=np.intp)
    found: dict[str, float] = {}
    for each in scores:
        own, nodes = arcs, ends
        if whole is not None:
            factor = whole.factors[each.factor]
            own, nodes = factor.arc[arcs], factor.node[ends]
        score = each.score
        along = float(score.arcs[own[own >= 0]].sum())
        found[each.name] = along + float(score.start[nodes[0]]) + float(score.final[nodes[1]])
    taken = set(found)
    said = _said(interpretation, arcs)
    for judge in interpretation.judges:
        found[free_name(judge.name, taken)] = float(_asked(judge.plain or judge.scorer, said).sum())
    return found or None


def spent_on(interpretation: Interpretation, path: Path, labels: Collection[str]) -> float:
    """What the judges of an interpretation charge a path for these of its labels, nats."""
    arcs = np.array(path.arcs, dtype=np.intp)
    graph, whole, total = interpretation.graph, interpretation.composition, 0.0
    meant = np.array([label in labels for label in graph.words(_said(interpretation, arcs).tolist())], dtype=np.bool_)
    for judge in interpretation.judges:
        total += float(_asked(judge.scorer, _said(interpretation, arcs))[:-1][meant].sum())
    speaking = arcs[graph.olabel[arcs] != EPSILON][meant]
    for place, part in enumerate(interpretation.parts, 1):
        if part.judge and whole is not None:
            factor = whole.factors[place]
            total += float(picked(factor.graph.energy, factor.arc[speaking], 0.0).sum())
    return total


def _said(interpretation: Interpretation, arcs: IntArray) -> IntArray:
    """The labels that a path outputs, without epsilons."""
    said: IntArray = interpretation.graph.olabel[arcs]
    speaking: IntArray = said[said != EPSILON]
    return speaking


def _asked(scorer: Scorer, said: IntArray) -> FloatArray:
    """(labels + 1,) what a scorer charges for each label of an answer, and for its end."""
    history, found = np.array([scorer.first], dtype=np.intp), np.zeros(len(said) + 1)
    for place in range(len(said)):
        energy, history = scorer.step(history, said[place : place + 1])
        found[place] = float(energy[0])
    found[-1] = float(scorer.ending(history)[0])
    return found


def steps_of(interpretation: Interpretation, path: Path, of: str, times: Sequence[float | None]) -> list[PathStep]:
    """The arcs of a path on one side. times: at its nodes there; empty: there are none.

    Scores are those of the side; of the interpretation, those of all factors.
    """
    side = interpretation.side(of)
    arcs, nodes = side.path(path)
    graph, chosen = side.graph, np.array(arcs, dtype=np.intp)
    columns = {name: column[chosen].tolist() for name, column in side_scores(interpretation, of).items()}
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
            {name: column[place] for name, column in columns.items()},
            times[place] if times else None,
            times[place + 1] if times else None,
        )
        for place, (arc, energy) in enumerate(zip(arcs, graph.energy[chosen].tolist()))
    ]


def side_scores(interpretation: Interpretation, of: str) -> dict[str, FloatArray]:
    """Named scores of the arcs of a side, (arcs,) each, not weighed: its own; of the interpretation, of all factors."""
    document, whole = interpretation.document, interpretation.composition
    if of == "recognition" or whole is None:
        return dict(document.scores)
    if of != "interpretation":
        part = interpretation.parts[named_part(of, interpretation.parts)]
        if part.scores is not None:
            return {score.name: score.arcs for score in part.scores}
        return {} if part.document is None else dict(part.document.scores)
    return {
        each.name: picked(each.score.arcs, whole.factors[each.factor].arc, 0.0)
        for each in cascade_scores(interpretation)
    }

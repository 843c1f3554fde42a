"""What an energy is made of: the named scores of a path, and each of its arcs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, in_range, picked
from lattice_cli.graph import EPSILON, Document, Graph, numbered_document, with_columns
from lattice_cli.records.interpretation import Interpretation, NamedScore, CascadePart, named_part
from lattice_cli.search import Path

if TYPE_CHECKING:
    from lattice_cli.grammars import Judge, Scorer


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


def scores_of(document: Document, name: str) -> tuple[NamedScore, ...]:
    """The named scores of a graph; of one without any, its energies under a name, unless they are all zero."""
    graph = document.graph
    if document.scores:
        none = np.zeros(graph.nodes)
        return tuple(
            NamedScore(each, document.scales.get(each, 1.0), column, none, none)
            for each, column in document.scores.items()
        )
    start, final = (np.where(np.isfinite(ends), ends, 0.0) for ends in (graph.start, graph.final))
    if not (graph.energy.any() or start.any() or final.any()):
        return ()
    return (NamedScore(name, 1.0, graph.energy, start, final),)


def weighed(name: str, document: Document, scales: Mapping[str, float]) -> CascadePart:
    """A grammar as a factor, its named scores with other scales; one without such has its energies under its name."""
    own = {each: scale for each, scale in scales.items() if each in document.scores}
    if own or name not in scales or document.scores:
        return CascadePart(name, document.scaled(own))
    scale, graph = scales[name], document.graph
    columns = np.concatenate([graph.energy, graph.start, graph.final])
    with in_range(f"the scaled energy of {document.source}"):
        there = np.isfinite(columns)
        columns[there] *= scale
    scores = tuple(replace(score, scale=scale) for score in scores_of(document, name))
    return CascadePart(name, replace(document, graph=with_columns(graph, columns)), scores=scores)


def part_of(judge: Judge, graph: Graph, histories: IntArray) -> CascadePart:
    """What has scored a record's answers, as a factor. graph: its arcs there; histories: (nodes,) that its nodes are.

    Its energies are those of the scorer times its scale, and the score `words` times what each word costs.
    """
    document = numbered_document(graph, judge.name, judge.name)
    plain = judge.plain
    if plain is None:
        return CascadePart(judge.name, document, True)
    own, _ = plain.step(histories[graph.src], graph.olabel)
    ending = plain.ending(histories)
    ending = np.where(np.isfinite(ending), ending, 0.0)
    nowhere = np.zeros(graph.nodes)
    scores = [NamedScore(judge.name, judge.scale, own, nowhere, ending)]
    if judge.word_energy:
        words = (graph.energy - judge.scale * own) / judge.word_energy
        final = np.where(np.isfinite(graph.final), graph.final - judge.scale * ending, 0.0) / judge.word_energy
        scores.append(NamedScore("words", judge.word_energy, words, nowhere, final))
    return CascadePart(judge.name, document, True, tuple(scores))


@dataclass(frozen=True, eq=False)
class FactorScore:
    """A named score of a factor of a cascade. factor: the place of it among those of the composition. name: its own,
    and a number behind it where several have that name. scale: what it weighs in the energy of the interpretation."""

    factor: int
    name: str
    scale: float
    score: NamedScore


def cascade_scores(interpretation: Interpretation) -> list[FactorScore]:
    """The named scores of all factors that energies of an interpretation are weighted sums of.

    Under an operator that makes no sums of energies there are none. A judge of a search row by row is no factor: see
    `path_scores`.
    """
    whole = interpretation.composition
    weights = [1.0] if whole is None else [factor.weight for factor in whole.factors]
    if any(weight is None for weight in weights):
        return []
    told = [scores_of(interpretation.document, "recognition")]
    for part in interpretation.parts:
        if part.scores is not None:
            told.append(part.scores)
        else:
            told.append(() if part.document is None else scores_of(part.document, part.name))
    found: list[FactorScore] = []
    taken: set[str] = set()
    for factor, (weight, scores) in enumerate(zip(weights, told)):
        for score in scores if weight else ():
            found.append(FactorScore(factor, _free_name(score.name, taken), (weight or 0.0) * score.scale, score))
    return found


def _free_name(name: str, taken: set[str]) -> str:
    """A name, or with the first number behind it under which it is not taken yet; now it is."""
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}{number}", number + 1
    taken.add(free)
    return free


def has_scores(interpretation: Interpretation) -> bool:
    """True if any factor has scores of its own that have names."""
    named = [part.document is not None and bool(part.document.scores) for part in interpretation.parts]
    return bool(interpretation.document.scores) or any(named)


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
    graph = interpretation.graph
    said = graph.olabel[arcs]
    for judge in interpretation.judges:
        for name, value in _judged(judge, said[said != EPSILON]).items():
            found[_free_name(name, taken)] = value
    return found or None


def _judged(judge: Judge, said: IntArray) -> dict[str, float]:
    """What a judge says of an answer, label by label, not weighed."""

    def spent(scorer: Scorer) -> float:
        history, total = np.array([scorer.first], dtype=np.intp), 0.0
        for word in said:
            energy, history = scorer.step(history, np.array([word], dtype=np.intp))
            total += float(energy[0])
        return total + float(scorer.ending(history)[0])

    if judge.plain is None:
        return {judge.name: spent(judge.scorer)}
    own = spent(judge.plain)
    words = (spent(judge.scorer) - judge.scale * own) / judge.word_energy if judge.word_energy else 0.0
    return {judge.name: own} | ({"words": float(round(words))} if judge.word_energy else {})


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

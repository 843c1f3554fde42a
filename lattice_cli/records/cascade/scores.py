"""What the energies of a cascade are made of: the named scores of each of its factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.graph import Document, Graph, numbered_document, times
from lattice_cli.records.interpretation import CascadePart, Interpretation, NamedScore

if TYPE_CHECKING:
    from lattice_cli.grammars import Judge


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
    scale = scales[name]
    scores = tuple(replace(score, scale=scale) for score in scores_of(document, name))
    return CascadePart(name, replace(document, graph=times(document.graph, scale)), scores=scores)


def part_of(judge: Judge, graph: Graph, histories: IntArray) -> CascadePart:
    """What has scored a record's answers as a factor. graph: its arcs there; histories: (nodes,) what its nodes are."""
    document = numbered_document(graph, judge.name, judge.name)
    plain = judge.plain
    if plain is None:
        return CascadePart(judge.name, document, True)
    energy, _ = plain.step(histories[graph.src], graph.olabel)
    ending = plain.ending(histories)
    score = NamedScore(
        judge.name, judge.scale, energy, np.zeros(graph.nodes), np.where(np.isfinite(ending), ending, 0.0)
    )
    return CascadePart(judge.name, document, True, (score,))


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
            found.append(FactorScore(factor, free_name(score.name, taken), (weight or 0.0) * score.scale, score))
    return found


def free_name(name: str, taken: set[str]) -> str:
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

"""The energies of an interpretation as a weighted sum of columns: one for each named score, and the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, in_range, picked
from lattice_cli.graph import columns_of
from lattice_cli.records.cascade.scores import FactorScore, cascade_scores
from lattice_cli.records.interpretation import Interpretation

#: Less than this share of what it is the difference of is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class ScoreColumns:
    """Energies as rest + sum over scores of scale * column; columns are (arcs + 2 nodes,), see `graph.columns_of`.

    names, scales: (scores,) as `cascade_scores` has them. columns: (scores, arcs + 2 nodes). rest: what no name covers;
    0 where a node is no end. judges: the scores that are those of language models, which are asked. again: names that
    several factors have.
    """

    names: tuple[str, ...]
    scales: FloatArray
    columns: FloatArray
    rest: FloatArray
    judges: tuple[str, ...]
    again: tuple[str, ...]


def energy_columns(interpretation: Interpretation) -> ScoreColumns:
    """What the energies of an interpretation are made of. Hot words and what each word costs are rest, and so is
    everything under an operator that makes no sums. Raises NumericOverflow."""
    graph, whole = interpretation.graph, interpretation.composition
    energies = columns_of(graph)
    there = np.isfinite(energies)
    scores = [each for each in cascade_scores(interpretation) if not _beside(interpretation, each)]
    columns = np.zeros((len(scores), len(energies)))
    for column, each in zip(columns, scores):
        score = each.score
        parts = (score.arcs, score.start, score.final)
        if whole is not None:
            factor = whole.factors[each.factor]
            parts = (picked(score.arcs, factor.arc, 0.0), score.start[factor.node], score.final[factor.node])
        column[:] = np.where(there, np.concatenate(parts), 0.0)
    scales, known = np.array([each.scale for each in scores]), np.where(there, energies, 0.0)
    with in_range(f"what the scores of {interpretation.document.source} add up to"):
        rest = known - scales @ columns
        rest[np.abs(rest) <= _ROUNDING * (np.abs(known) + np.abs(scales) @ np.abs(columns))] = 0.0
    names = tuple(each.name for each in scores)
    judges = tuple(each.name for each in scores if each.factor and interpretation.parts[each.factor - 1].judge)
    again = tuple(each.score.name for each in scores if each.score.name != each.name)
    return ScoreColumns(names, scales, columns, rest, judges, again)


def _beside(interpretation: Interpretation, each: FactorScore) -> bool:
    """Whether a score is of a judge, but not what its model says."""
    part = interpretation.parts[each.factor - 1] if each.factor else None
    return part is not None and part.judge and (part.scores is None or part.name == "words")

"""Paths of a record, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.errors import NoPath
from lattice_cli.records.batching import in_record_terms, no_path
from lattice_cli.records.decoding import Decoded, decoded
from lattice_cli.records.interpretation import Interpretation
from lattice_cli.search import Sampler


@dataclass(frozen=True)
class Draws:
    """What was drawn from one record. free_energy: of all paths, nats. log_probabilities: one for each path."""

    beta: float
    free_energy: float
    paths: list[Decoded]
    log_probabilities: list[float]


def draws(interpretation: Interpretation, n: int, beta: float, rng: np.random.Generator, of: str) -> Draws | NoPath:
    """n paths of a record in the terms of one side, or why it has none. Raises Diverged at the record's nodes."""
    with in_record_terms([interpretation]):
        sampler = Sampler(interpretation.graph, beta)
    if sampler.empty:
        return no_path(interpretation)
    found = list(sampler.draw(n, rng))
    paths = decoded(interpretation, [each.path for each in found], of)
    return Draws(beta, sampler.free_energy, paths, [each.log_probability for each in found])

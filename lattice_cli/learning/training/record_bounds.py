"""Variational bounds on the free energies of records: exact, sampled, importance-weighted, fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.analysis import (
    SampledBound,
    VariationalBound,
    Weighted,
    bound,
    gibbs,
    importance,
    log_weights,
    require_same_paths,
    sampled,
)
from lattice_cli.errors import Diverged, LatticeError
from lattice_cli.graph import Document
from lattice_cli.learning.training.proposal_fit import LatticeRow, fit
from lattice_cli.records import Decoder, in_record_terms, no_path


@dataclass(frozen=True)
class BoundRequest:
    """What is asked of every record.

    temperature: q is the record itself at this inverse temperature; proposal: or a graph with the same paths. beta: of
    the free energy. samples: paths to draw from q; importance: K of each K-sample bound. seed: of what is drawn.
    steps: of a fit of q, which then is what the rest is about; tie: what has an energy of its own in it; every: steps
    to a row.
    """

    temperature: float = 0.0
    proposal: Document | None = None
    beta: float = 1.0
    samples: int | None = None
    importance: tuple[int, ...] = ()
    seed: int = 0
    steps: int | None = None
    tie: str = "arc"
    every: int = 10


@dataclass(frozen=True)
class RecordBounds:
    """The bounds of a record; the last row of a fit belongs to what the rest is about."""

    bound: VariationalBound
    sampled: SampledBound | None
    importance: list[Weighted]
    rows: list[LatticeRow]


def record_bounds(
    document: Document, number: int, asked: BoundRequest, decoder: Decoder
) -> RecordBounds | LatticeError:
    """The bounds of a record, or why it has none. number: of the record in its stream."""
    # A stream of numbers for each record: what is drawn for one does not hang on the others.
    rng = np.random.default_rng([asked.seed, number])
    try:
        return _bounds(document, asked, rng, decoder)
    except LatticeError as error:
        return error.at(document.names) if isinstance(error, Diverged) else error


def _bounds(
    document: Document, asked: BoundRequest, rng: np.random.Generator, decoder: Decoder
) -> RecordBounds | LatticeError:
    interpretation = decoder.interpret(document)
    graph, beta, samples = interpretation.graph, asked.beta, asked.samples
    if asked.proposal is None:
        q = gibbs(graph, asked.temperature)
    else:
        require_same_paths(document.graph, asked.proposal.graph)
        q = decoder.interpret(asked.proposal).graph
    with in_record_terms([interpretation]):
        rows: list[LatticeRow] = []
        try:
            if asked.steps is not None:
                steps = list(fit(graph, q, beta, asked.tie, asked.steps, asked.every, samples or 0, rng))
                rows, q = [row for row, _ in steps], steps[-1][1]
            exact = rows[-1].bound if rows else bound(graph, q, beta)
        except LatticeError as error:
            if error.status == "no-path":
                return no_path(interpretation)
            raise
        weights = log_weights(graph, q, beta, samples, rng) if samples else None
        estimate = None if weights is None else sampled(weights, beta)
        return RecordBounds(exact, estimate, importance(graph, q, beta, asked.importance, weights), rows)

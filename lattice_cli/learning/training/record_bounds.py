"""Variational bounds on the free energies of records: exact, sampled, importance-weighted, fitted.

A record is a graph, with a q that is given; or what a trained model reads, with the model's own q.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
from lattice_cli.errors import Diverged, LatticeError, NoPath, NumericOverflow
from lattice_cli.graph import Document, Graph, Inputs
from lattice_cli.learning.losses import BuiltPathSet
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.training.model import Model
from lattice_cli.learning.training.problem import examples_of
from lattice_cli.learning.variational.proposal_fit import LatticeRow, fit
from lattice_cli.learning.variational.variational_em import NetworkProposal
from lattice_cli.records import Decoder, in_record_terms, no_path
from lattice_cli.sweep import LogSemiring


@dataclass(frozen=True)
class BoundRequest:
    """What is asked of every record.

    temperature: q is the record itself at this inverse temperature; proposal: or a graph with the same paths. beta: of
    the free energy. samples: paths to draw from q; importance: K of each K-sample bound. seed: of what is drawn.
    steps: of a fit of q, which then is what the rest is about; tie: what has an energy of its own in it; every: steps
    to a row; by: exact gradients, or samples.
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
    by: str = "exact"


@dataclass(frozen=True)
class RecordBounds:
    """The bounds of a record; the last row of a fit belongs to what the rest is about.

    everything: where q is that of a model, F of all paths, with or without the record's answer.
    """

    bound: VariationalBound
    sampled: SampledBound | None
    importance: list[Weighted]
    rows: list[LatticeRow]
    everything: float | None = None

    @property
    def of_loss(self) -> float | None:
        """The bound on the log loss, F(correct) - F(all): what training by it lowers."""
        return None if self.everything is None else self.bound.bound - self.everything


def record_bounds(
    document: Document, number: int, asked: BoundRequest, decoder: Decoder
) -> RecordBounds | LatticeError:
    """The bounds of a record, or why it has none. number: of the record in its stream."""
    try:
        interpretation = decoder.interpret(document)
        graph = interpretation.graph
        if asked.proposal is None:
            q = gibbs(graph, asked.temperature)
        else:
            require_same_paths(document.graph, asked.proposal.graph)
            q = decoder.interpret(asked.proposal).graph
        with in_record_terms([interpretation]):
            try:
                return _bounds(graph, q, asked, number)
            except LatticeError as error:
                if error.status == "no-path":
                    return no_path(interpretation)
                raise
    except LatticeError as error:
        return error.at(document.names) if isinstance(error, Diverged) else error


def model_bounds(
    record: Inputs | Document, number: int, asked: BoundRequest, model: Model, parameters: Parameters
) -> RecordBounds | LatticeError:
    """The bounds by a model's own q on F of the paths that spell the record's target, as training has them.

    parameters: the model's, and those of its q. beta, samples, importance, seed and the fit are as asked; where q is
    from is not. Raises FormatError for a record that does not fit the model, or has no target.
    """
    (example,) = examples_of(model, [record])
    stacked = model.recognizer.stacked([example])
    right, _ = model.right_energies(parameters)
    spelled, every = (part([example]) for part in (model.reading.correct, model.reading.everything))
    assert isinstance(spelled, BuiltPathSet), "q is a distribution over the paths of graphs"
    try:
        with np.errstate(all="ignore"):
            left, _ = model.left_energies(parameters, stacked)
            q, _ = NetworkProposal(model.recognizer).energies(parameters, 0, stacked)
        if not np.isfinite(left).all() or not np.isfinite(q).all():
            raise NumericOverflow("an energy of a recognition arc is beyond the range of float64")
        if spelled.empty:
            return model.reading.why_not_spelled(example) or NoPath("no path spells its target")
        everything, _ = every.solve(left, right, LogSemiring(asked.beta))
        found = _bounds(spelled.at(left, right), spelled.proposal(q), asked, number)
        return replace(found, everything=float(everything[0]))
    except LatticeError as error:
        return error


def _bounds(graph: Graph, q: Graph, asked: BoundRequest, number: int) -> RecordBounds:
    # A stream of numbers for each record: what is drawn for one does not hang on the others.
    rng = np.random.default_rng([asked.seed, number])
    beta, samples = asked.beta, asked.samples
    rows: list[LatticeRow] = []
    if asked.steps is not None:
        steps = list(fit(graph, q, beta, asked.tie, asked.steps, asked.every, samples or 0, rng, asked.by))
        rows, q = [row for row, _ in steps], steps[-1][1]
    exact = rows[-1].bound if rows else bound(graph, q, beta)
    weights = log_weights(graph, q, beta, samples, rng) if samples else None
    estimate = None if weights is None else sampled(weights, beta)
    return RecordBounds(exact, estimate, importance(graph, q, beta, asked.importance, weights), rows)

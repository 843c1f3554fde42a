"""Variational training: a bound on the log loss by a distribution q over how the correct answer came about.

    nll = F(correct) - F(all)  <=  <E>_q - entropy(q) / beta - F(all)

q is a distribution over the paths that spell the correct answer (segmentations, alignments), by energies of its own on
the same recognition arcs: those of a second network on the same inputs (amortised), or a number for every arc of every
example. The bound is minimised over the model and q, together or by turns; by turns, with a q that is fitted fully each
time, it is expectation maximisation (Neal and Hinton 1998; Jordan, Ghahramani, Jaakkola, Saul 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.learning.losses import Batch, BuiltPathSet
from lattice_cli.learning.networks import Parameters
from lattice_cli.learning.recognizers import Example, PullEnergies, Recognizer
from lattice_cli.learning.variational.path_samples import path_samples
from lattice_cli.learning.variational.proposal_fit import gradient
from lattice_cli.sweep import LogSemiring, sweep

#: What the names of the parameters of q begin with.
PROPOSAL = "q."
_ARCS = "q.arcs"


@dataclass(frozen=True, eq=False)
class BoundOutcome:
    """values: (examples,) the bound on the log loss of each; exact: (examples,) the log loss. left, right, proposal:
    derivatives of the sum of the bounds by the recogniser's, the grammar's and q's energies. variances: where these
    are estimates, the variance of that by q's energies from one path, summed over them, without and with the control.
    """

    values: FloatArray
    exact: FloatArray
    left: FloatArray
    right: FloatArray
    proposal: FloatArray
    variances: tuple[float, float] | None = None


def evaluate_bound(
    batch: Batch,
    left: FloatArray,
    right: FloatArray,
    proposal: FloatArray,
    paths: int = 0,
    rng: np.random.Generator | None = None,
) -> BoundOutcome:
    """The bound on the log loss of each example at these energies. left, proposal: (arcs of all examples,).

    paths: to draw from the q of each example, at least two, for estimates of the derivatives (but not of the values,
    and not of those of F(all)); 0: all are exact. Raises Diverged, NumericOverflow.
    """
    beta = batch.objective.settings.beta
    soft = LogSemiring(beta)
    space = batch.correct
    assert isinstance(space, BuiltPathSet), "q is a distribution over the paths of graphs"
    everything, pull_all = batch.everything.solve(left, right, soft)
    p_graph, q_graph = space.at(left, right), space.proposal(proposal)
    p, q = sweep(p_graph, soft, space.schedule), sweep(q_graph, LogSemiring(1.0), space.schedule)
    energy, own = (q.pushforward_links(each.link_energy)[space.schedule.sink] for each in (p, q))
    entropy = own - q.totals
    values = energy - entropy / beta - everything
    exact = p.totals - everything
    found = q.pullback()
    counts = np.concatenate([found.arcs, found.start, found.final])
    variances: tuple[float, float] | None = None

    def of_q(gradient: FloatArray) -> FloatArray:
        return space.scattered(gradient, len(proposal), len(right))[0]

    if paths and rng is not None:
        drawn = path_samples(p_graph, q_graph, beta, paths, rng, space.backward_schedule)
        variances = drawn.variances(counts, of_q)
        counts, by_q = drawn.mean_counts, drawn.gradient
    else:
        by_q = gradient(p_graph, q_graph, beta, space.schedule, space.backward_schedule)
    by_left, by_right = space.scattered(counts, len(left), len(right))
    all_left, all_right = pull_all(-np.ones(len(values)))
    return BoundOutcome(values, exact, by_left + all_left, by_right + all_right, of_q(by_q), variances)


class Proposal(Protocol):
    """Where the energies of q come from."""

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from; their names begin with "q."."""

    def energies(self, parameters: Parameters, number: int, stacked: object) -> tuple[FloatArray, PullEnergies]:
        """(arcs,) energies of the batch of this number, whose stacked inputs these are, and the way back."""


@dataclass(frozen=True, eq=False)
class NetworkProposal:
    """q by a recogniser of its own on the same inputs."""

    recognizer: Recognizer

    def initial(self, rng: np.random.Generator) -> Parameters:
        """See Proposal."""
        return {f"{PROPOSAL}{name}": array for name, array in self.recognizer.initial(rng).items()}

    def energies(self, parameters: Parameters, number: int, stacked: object) -> tuple[FloatArray, PullEnergies]:
        """See Proposal."""
        own = {name.removeprefix(PROPOSAL): each for name, each in parameters.items() if name.startswith(PROPOSAL)}
        found, pull = self.recognizer.energies(own, stacked)
        return found, lambda gradient: {f"{PROPOSAL}{name}": each for name, each in pull(gradient).items()}


@dataclass(frozen=True, eq=False)
class ArcProposal:
    """q by a number for every recognition arc of every example, (arcs of all batches,). first: where each batch
    begins, and the end."""

    first: Sequence[int]

    @staticmethod
    def of(batches: Sequence[Sequence[Example]], classes: int) -> ArcProposal:
        """For the examples of these batches."""
        sizes = [sum(example.arcs(classes) for example in batch) for batch in batches]
        return ArcProposal(np.concatenate([[0], np.cumsum(sizes)]).astype(int).tolist())

    def initial(self, rng: np.random.Generator) -> Parameters:
        """See Proposal: all paths alike."""
        return {_ARCS: np.zeros(self.first[-1])}

    def energies(self, parameters: Parameters, number: int, stacked: object) -> tuple[FloatArray, PullEnergies]:
        """See Proposal."""
        part = slice(self.first[number], self.first[number + 1])

        def pull(gradient: FloatArray) -> Parameters:
            found = np.zeros(self.first[-1])
            found[part] = gradient
            return {_ARCS: found}

        return parameters[_ARCS][part], pull

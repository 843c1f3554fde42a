"""Energies of cuts, learned: a small network on what is seen of the image around each cut.

The energy of a segment of a class is what the recogniser gives it, and beside that what the cut at its end costs: a
path pays once for each cut that it makes, and not for those that it passes over. The ends of the field are no cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import UsageError
from lattice_cli.learning.networks import DenseNetwork, Parameters, Pullback
from lattice_cli.learning.recognizers.examples import Example
from lattice_cli.learning.segmentation import CUT_SIZE
from lattice_cli.settings import MOST_UNITS, setting

#: What names of their parameters begin with.
CUTS = "cuts."


@dataclass(frozen=True)
class CutEnergySettings:
    """What a cut costs."""

    shorthand: ClassVar[str] = "kind"  # `cuts: linear` is `cuts: {kind: linear}`

    kind: str = setting(
        "none", "what gives cuts an energy, from the image around each", choices=("none", "linear", "mlp")
    )
    hidden: tuple[int, ...] = setting((), "mlp: units of each hidden layer", least=1, most=MOST_UNITS)

    def require_sense(self, alignment: str) -> None:
        """Raises UsageError for settings that contradict each other, or the kind of alignment."""
        if self.kind != "none" and alignment != "segments":
            raise UsageError(f"alignment.cuts: {self.kind} is for alignment.kind: segments, but kind is {alignment}")
        if self.hidden and self.kind != "mlp":
            raise UsageError(f"alignment.cuts.hidden is for kind: mlp, but kind is {self.kind}")
        if self.kind == "mlp" and not self.hidden:
            raise UsageError("alignment.cuts.hidden: an mlp needs at least one hidden layer, such as [16]")

    @property
    def network(self) -> DenseNetwork | None:
        """From what is seen of a cut to its energy; None where cuts have none."""
        return None if self.kind == "none" else DenseNetwork(CUT_SIZE, self.hidden, 1)


@dataclass(frozen=True, eq=False)
class StackedCuts:
    """The inner cuts of several examples. features: (cuts, CUT_SIZE). of_arc: (arcs,) the cut at which each arc ends,
    -1 for one that ends at the end of its field."""

    features: FloatArray
    of_arc: IntArray

    @staticmethod
    def of(examples: Sequence[Example]) -> StackedCuts:
        """For examples with graphs whose nodes are their cuts."""
        features: list[FloatArray] = [np.zeros((0, CUT_SIZE))]
        arcs: list[IntArray] = [np.zeros(0, np.intp)]
        first = 0
        for example in examples:
            assert example.graph is not None, "a field that is cut"
            assert example.around is not None, "a field whose cuts are seen"
            inner = len(example.around)
            head = example.graph.dst
            arcs.append(np.where(head <= inner, head - 1 + first, -1))
            features.append(example.around.astype(np.float64))
            first += inner
        return StackedCuts(np.concatenate(features), np.concatenate(arcs))

    def energies(self, network: DenseNetwork, parameters: Parameters) -> tuple[FloatArray, Pullback]:
        """(arcs,) energies of the cuts at which arcs end, and the way back: a cut's derivative is the sum of those of
        the arcs that end there, which for a log loss is a difference of its posteriors."""
        own = {name.removeprefix(CUTS): each for name, each in parameters.items() if name.startswith(CUTS)}
        values, pull = network.forward(own, self.features)
        of_cuts = np.concatenate([[0.0], values[:, 0]])  # entry 0: no cut

        def back(gradient: FloatArray) -> Parameters:
            by_cut: FloatArray = np.bincount(self.of_arc + 1, gradient, len(of_cuts))[1:].astype(np.float64)
            return {f"{CUTS}{name}": each for name, each in pull(by_cut[:, np.newaxis]).items()}

        return of_cuts[self.of_arc + 1], back


def initial_cuts(network: DenseNetwork, rng: np.random.Generator) -> Parameters:
    """Parameters to start from, the names beginning with `cuts.`."""
    return {f"{CUTS}{name}": each for name, each in network.initial(rng).items()}


def without_cuts(parameters: Parameters) -> Parameters:
    """Those of the recogniser of segments."""
    return {name: each for name, each in parameters.items() if not name.startswith(CUTS)}

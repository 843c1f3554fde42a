"""How the energies that meet at a node become one: the hard minimum of Viterbi, the soft minimum of forward.

A reducer sees segments of energies. It gives their totals, and, to whom asks, the share of each edge in its total,
d total / d energy: one-hot for the hard minimum, the softmin for the soft one. Inside a strongly connected component
it solves the fixed point instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, Runs, Segments
from lattice_cli.errors import Diverged
from lattice_cli.sweep.cyclic import Component, CyclicSystem, shortest_in_component

#: () -> (edges,) derivative of its segment's total by each energy; they sum to 1 in each segment.
Shares: TypeAlias = Callable[[], FloatArray]
_LARGEST = np.finfo(np.float64).max


class Semiring(Protocol):
    """What a sweep asks of a way to combine energies."""

    def reduce(
        self, energies: FloatArray, segments: Segments, out: FloatArray | None = None
    ) -> tuple[FloatArray, Shares]:
        """(segments,) the combined energy of each segment, +inf where all energies are, in `out` if that is given; and
        the shares (edges,)."""

    def totals(self, energies: FloatArray, starts: IntArray) -> FloatArray:
        """(segments,) the combined energy of each of the segments that begin at `starts`."""

    def component(self, component: Component) -> tuple[FloatArray, FloatArray | None]:
        """(nodes,) totals of a component's nodes and, if `reduce` cannot tell, the shares of its edges."""


class TropicalSemiring:
    """min: F_inf = min over paths of E."""

    def reduce(
        self, energies: FloatArray, segments: Segments, out: FloatArray | None = None
    ) -> tuple[FloatArray, Shares]:
        """The minimum; its share is 1 at the first edge that attains it: ties go to the first, every time."""
        least = segments.least(energies, out)

        def shares() -> FloatArray:
            attains = np.flatnonzero(energies == segments.spread(least))
            segment = segments.owner[attains]
            first = np.ones(len(attains), dtype=bool)
            first[1:] = segment[1:] != segment[:-1]
            share = np.zeros(len(energies))
            share[attains[first]] = 1.0
            return share

        return least, shares

    def totals(self, energies: FloatArray, starts: IntArray) -> FloatArray:
        """(segments,) the minimum of each segment."""
        return np.minimum.reduceat(energies, starts)

    def component(self, component: Component) -> tuple[FloatArray, FloatArray | None]:
        """Shortest paths inside the component. Raises Diverged if a cycle of negative energy is in it."""
        totals, chosen = shortest_in_component(component)
        shares = np.zeros(len(component.head))
        shares[chosen] = 1.0
        return totals, shares


@dataclass(frozen=True)
class LogSemiring:
    """-(1/beta) log sum exp(-beta E), beta > 0 in 1/nats."""

    beta: float

    def reduce(
        self, energies: FloatArray, segments: Segments, out: FloatArray | None = None
    ) -> tuple[FloatArray, Shares]:
        """The soft minimum, relative to the hard one so that nothing overflows; its shares are the softmin.

        Shares are normalised by the sum itself, so that flow is conserved to the last bit on long graphs.
        """
        # Where all energies of a segment are +inf, so is its total, and nothing becomes inf - inf on the way.
        least = segments.least(energies)
        np.minimum(least, _LARGEST, out=least)
        weights = segments.spread(least)
        weights -= energies
        if self.beta != 1.0:
            weights *= self.beta
        np.exp(weights, out=weights)
        sums = segments.summed(weights)

        def shares() -> FloatArray:
            return weights / segments.spread(sums)

        return np.subtract(least, np.log(sums) / self.beta, out=out), shares

    def totals(self, energies: FloatArray, starts: IntArray) -> FloatArray:
        """(segments,) the soft minimum of each segment."""
        with np.errstate(over="ignore"):  # what is that much above the least has no share in a sum
            return self.reduce(energies, Runs(starts, len(energies)))[0]

    def component(self, component: Component) -> tuple[FloatArray, FloatArray | None]:
        """The sum over all walks inside the component: x = b + A x with A = exp(-beta E), exactly.

        Energies are taken relative to the shortest paths, which makes every entry of A at most 1 and leaves its
        spectral radius as it is. Raises Diverged where that radius is not below 1.
        """
        try:
            floor, _ = shortest_in_component(component)
        except Diverged as error:
            # Parallel edges were already summed, so the cycle may have a negative energy that no path in it has.
            raise Diverged("the sum over paths diverges: each round of a cycle adds weight", error.nodes) from None
        weight = np.exp(-self.beta * (component.candidates(floor) - floor[component.head]))
        inner = component.inner
        arriving = np.zeros(component.nodes)
        np.add.at(arriving, component.head[~inner], weight[~inner])
        system = CyclicSystem(component.nodes, component.tail[inner], component.head[inner], weight[inner])
        system.require_convergence(component.node_of)
        return floor - np.log(system.solve(arriving)) / self.beta, None


TROPICAL = TropicalSemiring()

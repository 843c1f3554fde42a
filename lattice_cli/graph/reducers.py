"""How the energies that meet at a node become one: the hard minimum of Viterbi, the soft minimum of forward.

A reducer sees segments: `energies` (edges,) cut at `starts` (segments,), every segment with at least one entry. It
gives their totals, and the share of each edge in its total, d total / d energy: one-hot for the hard minimum, the
softmin for the soft one. Inside a strongly connected component it solves the fixed point instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lattice_cli.errors import Diverged
from lattice_cli.graph.components import Component, CyclicSystem, shortest_in_component
from lattice_cli.graph.graph import FloatArray, IntArray
from lattice_cli.graph.segments import run_lengths


class Reducer(Protocol):
    """What a sweep asks of a way to combine energies."""

    def totals(self, energies: FloatArray, starts: IntArray) -> FloatArray:
        """(segments,) the combined energy of each segment."""

    def shares(self, energies: FloatArray, totals: FloatArray, starts: IntArray) -> FloatArray:
        """(edges,) derivative of its segment's total by each energy; they sum to 1 in each segment."""

    def component(self, component: Component) -> tuple[FloatArray, FloatArray | None]:
        """(nodes,) totals of a component's nodes and, if `shares` cannot tell, the shares of its edges."""


class HardMin:
    """min: F_inf = min over paths of E."""

    def totals(self, energies: FloatArray, starts: IntArray) -> FloatArray:
        """(segments,) the minimum of each segment."""
        return np.minimum.reduceat(energies, starts)

    def shares(self, energies: FloatArray, totals: FloatArray, starts: IntArray) -> FloatArray:
        """(edges,) 1 at the first edge that attains its minimum, 0 elsewhere: ties go to the first, every time."""
        counts = run_lengths(starts, len(energies))
        attains = np.flatnonzero(energies == np.repeat(totals, counts))
        segment = np.repeat(np.arange(len(starts)), counts)[attains]
        first = np.ones(len(attains), dtype=bool)
        first[1:] = segment[1:] != segment[:-1]
        shares = np.zeros(len(energies))
        shares[attains[first]] = 1.0
        return shares

    def component(self, component: Component) -> tuple[FloatArray, FloatArray | None]:
        """Shortest paths inside the component. Raises Diverged if a cycle of negative energy is in it."""
        totals, chosen = shortest_in_component(component)
        shares = np.zeros(len(component.head))
        shares[chosen] = 1.0
        return totals, shares


@dataclass(frozen=True)
class SoftMin:
    """-(1/beta) log sum exp(-beta E), beta > 0 in 1/nats."""

    beta: float

    def totals(self, energies: FloatArray, starts: IntArray) -> FloatArray:
        """(segments,) the soft minimum of each segment, relative to its hard minimum so that nothing overflows."""
        least = np.minimum.reduceat(energies, starts)
        excess = energies - np.repeat(least, run_lengths(starts, len(energies)))
        excess *= -self.beta
        np.exp(excess, out=excess)
        return least - np.log(np.add.reduceat(excess, starts)) / self.beta

    def shares(self, energies: FloatArray, totals: FloatArray, starts: IntArray) -> FloatArray:
        """(edges,) the softmin of each segment, normalised so that flow is conserved to the last bit on long graphs."""
        counts = run_lengths(starts, len(energies))
        shares = energies - np.repeat(totals, counts)
        shares *= -self.beta
        np.exp(shares, out=shares)
        shares /= np.repeat(np.add.reduceat(shares, starts), counts)
        return shares

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


hard_min = HardMin()
soft_min = SoftMin

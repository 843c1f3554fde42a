"""Passes: values filled in step by step along edges, and the two linear passes over the same steps.

A sweep is a pass over the positions of a schedule. Where lanes are used, so are three smaller things (`chunked_scan`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, ScatteredSegments
from lattice_cli.sweep.cyclic import Component, CyclicSystem
from lattice_cli.sweep.semiring import Semiring, Shares


class Step(NamedTuple):
    """Values [first, end) that can be found together, from their edges [edge_first, edge_end): a level of nodes, or
    a component with cycles."""

    first: int
    end: int
    edge_first: int
    edge_end: int
    cyclic: bool


class Pass(Protocol):
    """The passes over values and edges, by numpy or by compiled loops. What each does is said at `LevelPass`."""

    @property
    def steps(self) -> list[Step]:
        """The steps, where the passes go by steps."""

    def reduce(self, semiring: Semiring, energy: FloatArray, values: FloatArray) -> list[Shares]:
        """Totals."""

    def shares(self, found: list[Shares], share: FloatArray) -> None:
        """Shares."""

    def pushforward(self, share: FloatArray, values: FloatArray, own: FloatArray | None = None) -> None:
        """Forward derivatives."""

    def pullback(self, share: FloatArray, flow: FloatArray, edge_flow: FloatArray) -> None:
        """Backward derivatives."""


@dataclass(frozen=True, eq=False)
class LevelPass:
    """Steps in the order in which they can be taken.

    tail:    (edges,) the value each edge begins at.
    owner:   (edges,) the value each edge leads to, counted from the first of its step.
    node_at: (values,) node of the graph each value belongs to; used for components with cycles only.
    """

    tail: IntArray
    owner: IntArray
    steps: list[Step]
    node_at: IntArray

    def reduce(self, semiring: Semiring, energy: FloatArray, values: FloatArray) -> list[Shares]:
        """Fill in `values` with the totals of all ways to each; the shares of each step's edges.

        energy: (edges,); values: (values,), the first of them given.
        """
        found = []
        for step in self.steps:
            first, end, low, high, cyclic = step
            if cyclic:
                found.append(self._reduce_component(step, semiring, energy[low:high], values))
                continue
            through = values.take(self.tail[low:high])
            through += energy[low:high]
            found.append(
                semiring.reduce(through, ScatteredSegments(self.owner[low:high], end - first), values[first:end])[1]
            )
        return found

    def _reduce_component(self, step: Step, semiring: Semiring, energy: FloatArray, values: FloatArray) -> Shares:
        tail, owner = self.tail[step.edge_first : step.edge_end], self.owner[step.edge_first : step.edge_end]
        local = np.where(tail >= step.first, tail - step.first, -1)
        entering = energy + np.where(local < 0, values[tail], 0.0)
        node_of = self.node_at[step.first : step.end]
        values[step.first : step.end], solved = semiring.component(Component(owner, local, entering, node_of))
        if solved is None:
            return semiring.reduce(values[tail] + energy, ScatteredSegments(owner, len(node_of)))[1]
        shares: FloatArray = solved
        return lambda: shares

    def shares(self, found: list[Shares], share: FloatArray) -> None:
        """Write the shares that `reduce` found to `share`, (edges,)."""
        for step, shares in zip(self.steps, found):
            share[step.edge_first : step.edge_end] = shares()

    def pushforward(self, share: FloatArray, values: FloatArray, own: FloatArray | None = None) -> None:
        """Fill in `values`: each is its `own`, (values,), and the sum of share times the value at the tail."""
        for step in self.steps:
            first, end, low, high, cyclic = step
            carried = values.take(self.tail[low:high])
            if cyclic:
                carried[self.tail[low:high] >= first] = 0.0
            carried *= share[low:high]
            arriving = ScatteredSegments(self.owner[low:high], end - first).summed(carried)
            if own is not None:
                arriving += own[first:end]
            if cyclic:
                arriving = CyclicSystem(end - first, *self._inner_edges(step, share)).solve(arriving)
            values[first:end] = arriving

    def pullback(self, share: FloatArray, flow: FloatArray, edge_flow: FloatArray) -> None:
        """The transpose of `pushforward`: add to `flow`, (values,), what comes back along the edges, last step first.

        Writes the flow of each edge, share times the flow of its head, to `edge_flow`, (edges,).
        """
        for step in reversed(self.steps):
            first, end, low, high, cyclic = step
            if cyclic:
                tail, head, weight = self._inner_edges(step, share)
                flow[first:end] = CyclicSystem(end - first, head, tail, weight).solve(flow[first:end])
            back = edge_flow[low:high]
            np.multiply(flow[first:end].take(self.owner[low:high]), share[low:high], out=back)
            tail = self.tail[low:high]
            if cyclic:
                outer = tail < first
                tail, back = tail[outer], back[outer]
            np.add.at(flow, tail, back)

    def _inner_edges(self, step: Step, share: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Tails, heads (local) and shares of the edges inside a component."""
        edges = slice(step.edge_first, step.edge_end)
        tail = self.tail[edges] - step.first
        inner = tail >= 0
        return tail[inner], self.owner[edges][inner], share[edges][inner]


class Chain(NamedTuple):
    """Values [first, end), each with one edge, from edge_first on: the first from value 0, the others from the value
    before."""

    first: int
    end: int
    edge_first: int

    @property
    def edges(self) -> slice:
        """The edges of the row."""
        return slice(self.edge_first, self.edge_first + self.end - self.first)


@dataclass(frozen=True, eq=False)
class ChainPass:
    """The same over values in chains, behind those of another pass: running sums.

    They are added up one by one, as by a pass over levels of one value, and every share is 1.
    """

    levels: LevelPass
    rows: list[Chain]

    @property
    def steps(self) -> list[Step]:
        """Those of the other pass."""
        return self.levels.steps

    def reduce(self, semiring: Semiring, energy: FloatArray, values: FloatArray) -> list[Shares]:
        """See LevelPass."""
        for row in self.rows:
            running = np.add.accumulate(np.append(values[0], energy[row.edges]))
            values[row.first : row.end] = running[1:]
        return self.levels.reduce(semiring, energy, values)

    def shares(self, found: list[Shares], share: FloatArray) -> None:
        """See LevelPass."""
        for row in self.rows:
            share[row.edges] = 1.0
        self.levels.shares(found, share)

    def pushforward(self, share: FloatArray, values: FloatArray, own: FloatArray | None = None) -> None:
        """See LevelPass."""
        for row in self.rows:
            parts = np.zeros(row.end - row.first) if own is None else own[row.first : row.end]
            values[row.first : row.end] = np.add.accumulate(np.append(values[0], parts))[1:]
        self.levels.pushforward(share, values, own)

    def pullback(self, share: FloatArray, flow: FloatArray, edge_flow: FloatArray) -> None:
        """See LevelPass."""
        self.levels.pullback(share, flow, edge_flow)
        for row in self.rows:
            backwards = flow[row.first : row.end][::-1]
            np.add.accumulate(backwards, out=backwards)
            edge_flow[row.edges] = flow[row.first : row.end]
            flow[0] += flow[row.first]

"""The one algorithm: a pass over a graph that combines energies, and the two linear passes that differentiate it.

Viterbi is a sweep with the hard minimum, its path the pullback; forward is a sweep with the soft minimum, the
posteriors its pullback. The flow through a node in the pullback is the node's Lagrange multiplier
lambda_i = dF / d alpha_i, its posterior (LeCun, Bottou, Bengio, Haffner 1998, section VI).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.errors import NumericOverflow
from lattice_cli.graph.components import Component, CyclicSystem
from lattice_cli.graph.graph import FloatArray, Graph, IntArray
from lattice_cli.graph.reducers import Reducer
from lattice_cli.graph.schedule import Schedule, Step, schedule


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivative of a weighted sum of totals. arcs: (arcs,) by each arc energy; start, final: (nodes,) by each start
    and final energy; nodes: (nodes,) flow, the derivative by each node's total (its multiplier)."""

    arcs: FloatArray
    nodes: FloatArray
    start: FloatArray
    final: FloatArray


@dataclass(frozen=True, eq=False)
class Sweep:
    """What one pass over a graph found.

    position_totals: (positions,) energy of all paths from a start node to each position of the schedule.
    edge_energy:     (edges,) energy of each bundle of parallel links.
    """

    graph: Graph
    plan: Schedule
    reducer: Reducer
    link_energy: FloatArray
    edge_energy: FloatArray
    position_totals: FloatArray
    solved_shares: dict[int, FloatArray]

    @property
    def totals(self) -> FloatArray:
        """(graphs,) energy of all paths of each member, nats; +inf where it has none."""
        return np.where(self.plan.sink >= 0, self.position_totals[self.plan.sink], np.inf)

    @property
    def node_totals(self) -> FloatArray:
        """(nodes,) alpha: energy of all paths that reach each node, nats; +inf for a node on no path."""
        return np.where(self.plan.position >= 0, self.position_totals[self.plan.position], np.inf)

    @cached_property
    def edge_share(self) -> FloatArray:
        """(edges,) derivative of its head's total by the energy of each edge."""
        plan = self.plan
        through = self.position_totals[plan.edge_tail] + self.edge_energy
        shares = self.reducer.shares(through, self.position_totals[1:], plan.head_first)
        for index, solved in self.solved_shares.items():
            step = plan.steps[index]
            shares[step.edge_first : step.edge_end] = solved
        return shares

    @cached_property
    def link_share(self) -> FloatArray:
        """(links,) derivative of its head's total by the energy of each link."""
        plan = self.plan
        if not plan.bundled:
            return self.edge_share
        inside = self.reducer.shares(self.link_energy, self.edge_energy, plan.edge_first)
        inside *= self.edge_share[plan.edge_of_link]
        return inside

    def pullback(self, seed: FloatArray | None = None) -> Gradient:
        """Derivative of sum(seed * totals); seed (graphs,), ones if not given. Members without a path get zeros."""
        plan = self.plan
        flow = np.zeros(plan.positions)
        alive = plan.sink >= 0
        flow[plan.sink[alive]] = 1.0 if seed is None else seed[alive]
        share = self.edge_share[plan.by_tail]
        head = plan.edge_head[plan.by_tail]
        bounds = plan.tail_first
        for step in reversed(plan.steps[:-1]):
            low, high = bounds[step.first], bounds[step.end]
            arriving = share[low:high] * flow[head[low:high]]
            flow[step.first : step.end] = np.add.reduceat(arriving, bounds[step.first : step.end] - low)
            if step.cyclic:
                tail, inner_head, weight = self._inner_edges(step)
                system = CyclicSystem(step.end - step.first, inner_head, tail, weight)
                flow[step.first : step.end] = system.solve(flow[step.first : step.end])
        links = self.link_share * (flow[plan.edge_head][plan.edge_of_link] if plan.bundled else flow[plan.edge_head])
        return self._by_column(links, flow)

    def _by_column(self, links: FloatArray, flow: FloatArray) -> Gradient:
        """Spread the derivatives of links and positions over the graph's own columns."""
        arcs, nodes = self.graph.arcs, self.graph.nodes
        column = np.zeros(arcs + 2 * nodes)
        column[self.plan.link_id] = links
        at_node = np.where(self.plan.position >= 0, flow[self.plan.position], 0.0)
        return Gradient(column[:arcs], at_node, column[arcs : arcs + nodes], column[arcs + nodes :])

    def pushforward(
        self, arcs: FloatArray | None = None, start: FloatArray | None = None, final: FloatArray | None = None
    ) -> FloatArray:
        """(graphs,) derivative of each total along a direction in arc, start and final energies; nan without a path."""
        graph = self.graph
        columns = [
            np.zeros(size) if direction is None else direction
            for direction, size in ((arcs, graph.arcs), (start, graph.nodes), (final, graph.nodes))
        ]
        at = self.accumulate(np.concatenate(columns)[self.plan.link_id])
        return np.where(self.plan.sink >= 0, at[self.plan.sink], np.nan)

    def accumulate(self, links: FloatArray) -> FloatArray:
        """(positions,) expected sum of a quantity on links, (links,), over the paths to each position.

        Paths are distributed as the shares say: one link into a position is drawn with its share, and so on back to
        the source. With the direction of a change in energies this is the forward derivative.
        """
        plan = self.plan
        weighted = links * self.link_share
        first = plan.edge_first[plan.head_first] if plan.bundled else plan.head_first
        own = np.add.reduceat(weighted, first) if len(first) else weighted
        at = np.zeros(plan.positions)
        for step in plan.steps:
            edges = slice(step.edge_first, step.edge_end)
            carried = self.edge_share[edges] * at[plan.edge_tail[edges]]
            arriving = np.add.reduceat(carried, plan.head_first[step.first - 1 : step.end - 1] - step.edge_first)
            arriving += own[step.first - 1 : step.end - 1]
            if step.cyclic:
                system = CyclicSystem(step.end - step.first, *self._inner_edges(step))
                arriving = system.solve(arriving)
            at[step.first : step.end] = arriving
        return at

    def _inner_edges(self, step: Step) -> tuple[IntArray, IntArray, FloatArray]:
        """Tails, heads (local) and shares of the edges inside a component."""
        edges = slice(step.edge_first, step.edge_end)
        tail = self.plan.edge_tail[edges] - step.first
        inner = tail >= 0
        return tail[inner], self.plan.edge_head[edges][inner] - step.first, self.edge_share[edges][inner]


def sweep(graph: Graph, reducer: Reducer, plan: Schedule | None = None) -> Sweep:
    """Combine the energies of all paths of a graph, or of every member of a union, with `reducer`.

    `plan` is the schedule of a graph with the same topology, to save making it again. Raises Diverged where cycles
    leave no least energy (hard minimum) or no finite sum (soft minimum), NumericOverflow where energies are too large.
    """
    plan = plan or schedule(graph)
    with np.errstate(over="ignore", invalid="ignore"):
        return _swept(graph, reducer, plan)


def _swept(graph: Graph, reducer: Reducer, plan: Schedule) -> Sweep:
    links = plan.link_energy(graph)
    edges = reducer.totals(links, plan.edge_first) if plan.bundled else links
    totals = np.zeros(plan.positions)
    solved: dict[int, FloatArray] = {}
    for index, step in enumerate(plan.steps):
        low, high = step.edge_first, step.edge_end
        tail = plan.edge_tail[low:high]
        if step.cyclic:
            local = np.where(tail >= step.first, tail - step.first, -1)
            energy = edges[low:high] + np.where(local < 0, totals[tail], 0.0)
            node_of = plan.node_at[step.first : step.end]
            found, shares = reducer.component(Component(plan.edge_head[low:high] - step.first, local, energy, node_of))
            totals[step.first : step.end] = found
            if shares is not None:
                solved[index] = shares
        else:
            firsts = plan.head_first[step.first - 1 : step.end - 1] - low
            totals[step.first : step.end] = reducer.totals(totals[tail] + edges[low:high], firsts)
    if not np.isfinite(totals).all():
        raise NumericOverflow("energies of a path add up beyond the range of float64")
    return Sweep(graph, plan, reducer, links, edges, totals, solved)

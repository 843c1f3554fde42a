"""The one algorithm: a pass over a graph that combines energies, and the two linear passes that differentiate it.

Viterbi is a sweep with the hard minimum, its path the pullback; forward is a sweep with the soft minimum, the
posteriors its pullback. The flow through a node in the pullback is the node's Lagrange multiplier
lambda_i = dF / d alpha_i, its posterior (LeCun, Bottou, Bengio, Haffner 1998, section VI).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import Diverged, NumericOverflow
from lattice_cli.graph import Graph
from lattice_cli.sweep.schedule import Schedule
from lattice_cli.sweep.scheduling import schedule_of
from lattice_cli.sweep.semiring import Semiring, Shares


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
    schedule: Schedule
    link_energy: FloatArray
    edge_energy: FloatArray
    position_totals: FloatArray
    _inside: Shares
    _found: tuple[list[Shares], list[Shares], list[Shares]]

    @property
    def totals(self) -> FloatArray:
        """(graphs,) energy of all paths of each member, nats; +inf where it has none."""
        return np.where(self.schedule.sink >= 0, self.position_totals[self.schedule.sink], np.inf)

    @property
    def node_totals(self) -> FloatArray:
        """(nodes,) alpha: energy of all paths that reach each node, nats; +inf for a node on no path."""
        return np.where(self.schedule.position >= 0, self.position_totals[self.schedule.position], np.inf)

    @cached_property
    def edge_share(self) -> FloatArray:
        """(edges,) derivative of its head's total by the energy of each edge."""
        schedule, share = self.schedule, np.empty(len(self.edge_energy))
        levels, chunks, sinks = self._found
        schedule.level_pass.shares(levels, share)
        if schedule.chunked_scan:
            schedule.chunked_scan.shares(chunks, share)
        schedule.sink_pass.shares(sinks, share)
        return share

    @cached_property
    def _share_inside(self) -> FloatArray:
        """(links of bundles,) share of each link in its bundle."""
        return self._inside()

    @cached_property
    def link_share(self) -> FloatArray:
        """(links,) derivative of its head's total by the energy of each link."""
        return self._over_links(self.edge_share)

    @cached_property
    def _transfers(self) -> FloatArray:
        """Derivatives across the chunks of `schedule.chunked_scan`."""
        return self.schedule.chunked_scan.transfers(self.edge_share) if self.schedule.chunked_scan else np.zeros(0)

    def _over_links(self, edges: FloatArray) -> FloatArray:
        """(links,) what each edge has, (edges,), shared out among its links."""
        if not self.schedule.bundled:
            return edges
        links = edges.take(self.schedule.edge_of_link)
        links[self.schedule.bundles.link] *= self._share_inside
        return links

    def pullback(self, seed: FloatArray | None = None) -> Gradient:
        """Derivative of sum(seed * totals); seed (graphs,), ones if not given. Members without a path get zeros."""
        schedule = self.schedule
        flow = np.zeros(schedule.positions)
        alive = schedule.sink >= 0
        flow[schedule.sink[alive]] = 1.0 if seed is None else seed[alive]
        edge_flow = np.empty(len(self.edge_energy))
        schedule.sink_pass.pullback(self.edge_share, flow, edge_flow)
        if schedule.chunked_scan:
            schedule.chunked_scan.pullback(self.edge_share, self._transfers, flow, edge_flow)
        schedule.level_pass.pullback(self.edge_share, flow, edge_flow)
        return self._by_column(self._over_links(edge_flow), flow)

    def _by_column(self, links: FloatArray, flow: FloatArray) -> Gradient:
        """Spread the derivatives of links and positions over the graph's own columns."""
        arcs, nodes = self.graph.arcs, self.graph.nodes
        column = np.zeros(arcs + 2 * nodes)
        column[self.schedule.link_id] = links
        at_node = np.where(self.schedule.position >= 0, flow[self.schedule.position], 0.0)
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
        at = self.pushforward_links(self.schedule.in_order(*columns))
        return np.where(self.schedule.sink >= 0, at[self.schedule.sink], np.nan)

    def pushforward_links(self, links: FloatArray) -> FloatArray:
        """(positions,) expected sum of a quantity on links, (links,), over the paths to each position.

        Paths are distributed as the shares say: one link into a position is drawn with its share, and so on back to
        the source. With the direction of a change in energies this is the forward derivative.
        """
        schedule = self.schedule
        weighted = links * self.link_share
        first = schedule.edge_first[schedule.head_first] if schedule.bundled else schedule.head_first
        own = np.zeros(schedule.positions)
        own[1:] = np.add.reduceat(weighted, first) if len(first) else weighted
        at = np.zeros(schedule.positions)
        schedule.level_pass.pushforward(self.edge_share, at, own)
        if schedule.chunked_scan:
            schedule.chunked_scan.pushforward(self.edge_share, self._transfers, at, own)
        schedule.sink_pass.pushforward(self.edge_share, at, own)
        return at


def sweep(graph: Graph, semiring: Semiring, schedule: Schedule | None = None) -> Sweep:
    """Combine the energies of all paths of a graph, or of every member of a union, with `semiring`.

    `schedule` is the schedule of a graph with the same topology, to save making it again. Raises Diverged where cycles
    leave no least energy (hard minimum) or no finite sum (soft minimum), NumericOverflow where energies are too large.
    """
    schedule = schedule or schedule_of(graph)
    with np.errstate(over="ignore", invalid="ignore"):
        return _swept(graph, semiring, schedule)


def _swept(graph: Graph, semiring: Semiring, schedule: Schedule) -> Sweep:
    links = schedule.link_energy(graph)
    edges, totals = links, np.zeros(schedule.positions)
    inside: Shares = partial(np.ones, 0)
    with np.errstate(divide="ignore"):  # log 0 = -inf is meant where no path of a lane leads
        if schedule.bundled:
            edges, bundles = links[schedule.edge_first], schedule.bundles
            edges[bundles.edge], inside = semiring.reduce(links[bundles.link], bundles.runs)
        levels = schedule.level_pass.reduce(semiring, edges, totals)
        chunks = schedule.chunked_scan.reduce(semiring, edges, totals) if schedule.chunked_scan else []
        sinks = schedule.sink_pass.reduce(semiring, edges, totals)
    if not np.isfinite(totals).all():
        raise NumericOverflow("energies of a path add up beyond the range of float64")
    return Sweep(graph, schedule, links, edges, totals, inside, (levels, chunks, sinks))


@contextmanager
def relocated(nodes: IntArray) -> Iterator[None]:
    """Raise a divergence at other nodes; `nodes` says which one each node of the swept graph is."""
    try:
        yield
    except Diverged as error:
        own = nodes[np.array(error.nodes, dtype=np.intp)].tolist()
        raise Diverged(error.what, list(dict.fromkeys(own))) from None

"""Paths drawn at random from p(path) = exp(-beta E) / sum exp(-beta E), exactly and independently of each other.

Ancestral sampling: with the free energy still to come from each node, the next arc of a path has the probability
exp(-beta (e + F(its head) - F(its tail))), whatever came before. These are the shares of a soft-minimum sweep of the
reversed graph, so cycles need nothing special. (Forward filtering, backward sampling turned round: Fruehwirth-Schnatter
1994.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, require_memory
from lattice_cli.errors import NumericOverflow, counted
from lattice_cli.graph import Graph, columns_of
from lattice_cli.search.best_path import Path, path_of_links, require_single
from lattice_cli.sweep import LogSemiring, Schedule, Sweep, sweep

#: Walks that are drawn side by side, and how many arcs one may have beyond the nodes that there are: a cycle that is
#: hardly ever left has no end.
_WALKS = 1000
_MOST_ROUND = 300_000
#: Of a table of counts, and how many such tables are there at a time where it is worked with.
_NUMBER_BYTES = 8
_COPIES = 4


@dataclass(frozen=True)
class Sampled:
    """A path that was drawn. log_probability: of the path, in nats: -beta (E - F), never above 0."""

    path: Path
    log_probability: float


class Sampler:
    """Draws paths of one graph."""

    def __init__(self, graph: Graph, beta: float) -> None:
        """beta: inverse temperature, 1/nats. Raises Diverged where the sum over cycles is infinite, GraphError for a
        union."""
        require_single(graph)
        self._graph, self._beta = graph, beta
        swept = sweep(graph.reversed(), LogSemiring(beta))
        self.free_energy = float(swept.totals[0])
        self._schedule: Schedule = swept.schedule
        self._choice = _Choice(swept)

    @property
    def empty(self) -> bool:
        """True if the graph has no path to draw."""
        return int(self._schedule.sink[0]) < 0

    def draw(self, n: int, rng: np.random.Generator) -> Iterator[Sampled]:
        """n paths, one after the other; none if the graph has none. The same for the same state of rng.

        Raises NumericOverflow where going round a cycle is so likely that paths have too many arcs to be drawn.
        """
        if self.empty:
            return
        for first in range(0, n, _WALKS):
            for links in self._walks(min(_WALKS, n - first), rng):
                path = path_of_links(self._graph, self._schedule, links)
                yield Sampled(path, min(0.0, -self._beta * (path.energy - self.free_energy)))

    def _walks(self, n: int, rng: np.random.Generator) -> Iterator[IntArray]:
        """The links of n walks from the sink to the source, drawn side by side."""
        walker, links = self._choice.walks(np.full(n, self._schedule.sink[0]), rng)
        order = np.argsort(walker, kind="stable")
        bounds = np.cumsum(np.bincount(walker, minlength=n))[:-1]
        yield from np.split(links[order], bounds)


@dataclass(frozen=True, eq=False)
class PathCounts:
    """Paths drawn side by side, as many of each member of a union; walk number * members + member is a path.

    walk, column: (steps,) a path, and an energy that it pays: of an arc, arcs + node for a start, arcs + nodes + node
    for a final. log_probability: (paths, members) in nats, never above 0.
    """

    walk: IntArray
    column: IntArray
    log_probability: FloatArray

    def energies(self, columns: FloatArray) -> FloatArray:
        """(paths, members) sums of what each path pays. columns: (columns,) energies, +inf where nothing stands."""
        shape = self.log_probability.shape
        found: FloatArray = np.bincount(self.walk, columns[self.column], shape[0] * shape[1]).astype(np.float64)
        return found.reshape(shape)

    def counts(self, columns: int) -> FloatArray:
        """(paths, columns) how often the path of a number pays each energy, in its member."""
        paths, members = self.log_probability.shape
        place = self.walk // members * columns + self.column
        return np.bincount(place, minlength=paths * columns).reshape(paths, columns).astype(np.float64)


def drawn_counts(
    graph: Graph, beta: float, paths: int, rng: np.random.Generator, backward_schedule: Schedule | None = None
) -> PathCounts:
    """Paths of every member of a union, each of which has one, from p(path) = exp(-beta (E - F)).

    backward_schedule: that of the graph reversed, if there is one. Raises Diverged, NumericOverflow as `Sampler` does,
    MemoryError where a table of their counts does not fit.
    """
    columns = graph.arcs + 2 * graph.nodes
    require_memory(_COPIES * _NUMBER_BYTES * paths * columns, f"{counted(paths, 'path')} of {columns:,} energies each")
    swept = sweep(graph.reversed(), LogSemiring(beta), backward_schedule)
    schedule, arcs, nodes = swept.schedule, graph.arcs, graph.nodes
    walk, links = _Choice(swept).walks(np.tile(schedule.sink, paths), rng)
    column = schedule.link_id[links]
    # The start energies of the reversed graph are the final ones of the graph.
    ends = column >= arcs
    column[ends] = arcs + (column[ends] - arcs + nodes) % (2 * nodes)
    found = PathCounts(walk, column, np.zeros((paths, graph.graphs)))
    log_probability = np.minimum(0.0, -beta * (found.energies(columns_of(graph)) - swept.totals))
    return replace(found, log_probability=log_probability)


class _Choice:
    """The links of each position, with the probability of each."""

    def __init__(self, swept: Sweep) -> None:
        self._schedule = swept.schedule
        self._first = swept.schedule.head_links
        # One running sum over the links of all positions: those of a position fill about 1 of it.
        self._until: FloatArray = np.cumsum(swept.link_share)

    def draw(self, position: IntArray, rng: np.random.Generator) -> IntArray:
        """(walks,) a link of each position but the source, with the probability that it has."""
        first, last = self._first[position - 1], self._first[position] - 1
        below = np.where(first > 0, self._until[first - 1], 0.0)
        point = below + rng.random(len(position)) * (self._until[last] - below)
        return np.clip(np.searchsorted(self._until, point, side="right"), first, last)

    def walks(self, position: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        """(steps,) the walk and the link of each step on walks from these positions, (walks,), to the source.

        Raises NumericOverflow where there are too many of them.
        """
        position = position.copy()
        walking = np.arange(len(position))
        walkers: list[IntArray] = [walking[:0]]
        steps: list[IntArray] = [walking[:0]]
        most = self._schedule.positions + _MOST_ROUND
        while len(walking):
            if len(steps) > most:
                raise NumericOverflow(
                    f"a path drawn at random has more than {most:,} arcs: going round a cycle is almost certain"
                )
            links = self.draw(position[walking], rng)
            walkers.append(walking)
            steps.append(links)
            position[walking] = self._schedule.link_tail[links]
            walking = walking[position[walking] > 0]
        return np.concatenate(walkers), np.concatenate(steps)

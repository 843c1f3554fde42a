"""The ways on from each node to the end, best first: what best paths and n best paths are made of.

A hard-minimum sweep of the reversed graph finds the energy still to come from each node. In that graph's schedule the
sink stands before the start nodes and the source behind the final ones, so a path is a way from the sink to position 0,
from head to tail of each link: a start energy, then arcs, then a final energy.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, follow, run_starts, stable_order
from lattice_cli.graph import Graph
from lattice_cli.sweep import TROPICAL, LevelPass, Schedule, sweep

#: A choice made alone takes as long as some twenty that are made together.
_MANY = 20
#: From so many ways on they are followed side by side.
_SIDE_BY_SIDE = 8
#: The last digit of a larger number is not twice that of this one.
_LARGEST = np.finfo(np.float64).max / 2


class Backpointers:
    """The links to take from each position of the reversed graph's schedule.

    Of several that are equally good the first in the file counts as the best; inside a component with cycles it is the
    one the solver took, as only those are sure to lead out again.
    """

    def __init__(self, graph: Graph, schedule: Schedule | None = None) -> None:
        swept = sweep(graph.reversed(), TROPICAL, schedule)
        self.schedule: Schedule = swept.schedule
        self.totals: FloatArray = swept.position_totals
        self.link_energy = swept.link_energy
        self._swept = swept
        self._graph = graph
        self._ranked: dict[int, list[int]] = {}

    def best(self) -> tuple[IntArray, IntArray]:
        """(links,) those of the best path of each member of the union, one path after the other, and (links,) the
        member of each."""
        sinks = self.schedule.sink
        members = np.flatnonzero(sinks >= 0)
        if self.schedule.kernels is not None:
            links, lengths = self.schedule.kernels.best_suffixes(*self._searched, sinks[members])
            return links, np.repeat(members, lengths)
        if self._choose_on_the_way:
            found = [self._chosen_on_the_way(sink) for sink in sinks[members].tolist()]
        elif len(members) < _SIDE_BY_SIDE:
            found = [self.links_from(sink) for sink in sinks[members].tolist()]
        else:
            return self._side_by_side(members)
        return np.concatenate([NO_INDICES, *found]), np.repeat(members, [len(each) for each in found])

    def _side_by_side(self, members: IntArray) -> tuple[IntArray, IntArray]:
        """The same, a step of all ways at a time."""
        position, member = self.schedule.sink[members], members
        passed, owners = [], []
        while len(position):
            passed.append(position)
            owners.append(member)
            position = self._after[position]
            going = position > 0
            position, member = position[going], member[going]
        owner = np.concatenate(owners)
        order = stable_order(owner)
        return self.chosen[np.concatenate(passed)[order] - 1], owner[order]

    @cached_property
    def _choose_on_the_way(self) -> bool:
        """True where few positions are on best paths: choices are made there, and not for all positions at once."""
        schedule = self.schedule
        steps = len(schedule.level_pass.steps)
        plain = type(schedule.level_pass) is LevelPass and not schedule.components and not schedule.chunks.chunk.size
        return plain and 0 < _MANY * steps * self._graph.graphs < schedule.positions

    def _chosen_on_the_way(self, position: int) -> IntArray:
        """The chosen links from a position to the source."""
        links = []
        firsts, tails = self.schedule.head_links.data, np.ascontiguousarray(self.schedule.link_tail).data
        totals, energies = self.totals.data, self.link_energy.data
        while position > 0:
            low, high, total = firsts[position - 1], firsts[position], totals[position]
            for tail, energy in zip(tails[low:high], energies[low:high]):
                if totals[tail] + energy <= total:
                    links.append(low)
                    position = tail
                    break
                low += 1
        return np.array(links, dtype=np.intp)

    @property
    def _searched(self) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
        """What compiled loops look for the best links in."""
        return self.schedule.edge_tail, self.schedule.head_links, self.link_energy, self.totals

    @cached_property
    def _after(self) -> IntArray:
        """(positions,) where the chosen link of each position leads; from the source nowhere."""
        after = np.zeros(self.schedule.positions, dtype=np.intp)
        np.take(self.schedule.link_tail, self.chosen, out=after[1:])
        return after

    def positions_from(self, position: int) -> IntArray:
        """The positions on the best way from one to the source, without the source."""
        if self.schedule.is_row:
            return np.arange(position, 0, -1)
        return follow(self._after, position)

    def links_from(self, position: int) -> IntArray:
        """The links of the best way from a position to the source."""
        return self.chosen[self.positions_from(position) - 1]

    @cached_property
    @np.errstate(over="ignore")  # a way on that is infinitely worse is not taken
    def chosen(self) -> IntArray:
        """(positions - 1,) the link to take from each position but the source."""
        schedule = self.schedule
        if schedule.kernels is not None:
            # Links of a position are in the order of the file, and the loop keeps the first that is best.
            found: IntArray = schedule.kernels.first_choices(*self._searched)
            return found
        edge_energy = self._swept.edge_energy
        through = self.totals.take(schedule.edge_tail)
        through += edge_energy
        least = self.totals[1:]
        if schedule.chunks.chunk.size:  # in lanes totals are added up in another order
            least = np.full(len(least), np.inf)
            np.minimum.at(least, schedule.edge_head - 1, through)
        good = through <= np.repeat(least, np.diff(schedule.head_first, append=len(through)))
        for step in schedule.components:
            inside = slice(step.edge_first, step.edge_end)
            good[inside] = self._swept.edge_share[inside] > 0
        edges = np.flatnonzero(good)
        if len(edges) > len(schedule.head_first):
            edges = edges[run_starts(schedule.edge_head[edges])]
        return self._first_links(through)[edges] if schedule.bundled else edges

    def _first_links(self, through: FloatArray) -> IntArray:
        """(edges,) the first link of each edge by which it is as good as it is; through: (edges,) totals."""
        edge, link, runs = self.schedule.bundles
        energies, least, total = self.link_energy[link], self._swept.edge_energy[edge], through[edge]
        # Sums that are rounded to the same number are of energies that are no further apart than its last digit.
        close = runs.at_most(energies, least + 4.0 * np.spacing(np.minimum(np.abs(total), _LARGEST)))
        if len(close) > len(edge):
            owner = np.searchsorted(runs.starts, close, side="right") - 1
            close = close[self.totals[self.schedule.edge_tail[edge]][owner] + energies[close] <= total[owner]]
            close = close[np.searchsorted(close, runs.starts)]
        links: IntArray = self.schedule.edge_first.copy()
        links[edge] += close - runs.starts
        return links

    @cached_property
    @np.errstate(over="ignore")
    def excess(self) -> FloatArray:
        """(links,) how much worse each link is than the chosen one of its head; never below 0."""
        through = self.totals.take(self.schedule.link_tail)
        through += self.link_energy
        through -= np.repeat(self.totals[1:], np.diff(self.schedule.head_links))
        excess: FloatArray = np.maximum(through, 0.0)
        return excess

    @cached_property
    def second(self) -> FloatArray:
        """(positions - 1,) excess of the second choice at each position; +inf where there is only one."""
        others = self.excess.copy()
        others[self.chosen] = np.inf
        return np.minimum.reduceat(others, self.schedule.head_links[:-1])

    def choices(self, position: int) -> list[int]:
        """Links of a position from best to worst, the chosen one first; equally good ones as they come in the file."""
        if position not in self._ranked:
            low, high = self.schedule.head_links[position - 1], self.schedule.head_links[position]
            excess = self.excess[low:high].copy()
            excess[self.chosen[position - 1] - low] = -1.0
            self._ranked[position] = (np.argsort(excess, kind="stable") + low).tolist()
        return self._ranked[position]

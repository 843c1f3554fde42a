"""Best distinct answers: the label sequences a graph can output, best first, each once.

An answer may have very many paths, so a filter over a list of best paths can come up short. This search goes over
answers instead: best-first over output prefixes, each with the set of nodes it can have reached and the energy of
reaching them (determinisation on the fly). The energy still to come from each node, known from a sweep of the reversed
graph, bounds every answer that begins with the prefix, so the first complete answer taken from the queue is the best.
With the hard minimum the energy of an answer is that of its best path; with the soft minimum its free energy.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, group_by, run_lengths, run_starts, stable_order
from lattice_cli.composition import compose
from lattice_cli.graph import EPSILON, Graph, evaluation_order, linear_graph, reachable
from lattice_cli.search.best_path import Path, best_paths, path_energy, require_single
from lattice_cli.sweep import TROPICAL, Semiring, sweep


@dataclass(frozen=True)
class Answer:
    """A label sequence without epsilons (indices into the graph's labels), and its energy in nats.

    beyond: a bound on the energy of every answer that comes after it.
    """

    energy: float
    output: tuple[int, ...]
    beyond: float = np.inf


@dataclass(frozen=True)
class Bound:
    """A search that ran out of budget: every answer not yet given has at least this energy.

    best: the best answer that was found but could not be proven to be the next one, if any was.
    """

    energy: float
    best: Answer | None


def answers(graph: Graph, semiring: Semiring, budget: int | None = None) -> Iterator[Answer | Bound]:
    """The distinct answers of a graph from best to worst, by the energy that `semiring` gives all paths of an answer.

    Answers of equal energy (to twelve digits) come in the order of their labels in the label table; where the graph has
    cycles, shorter ones first. budget: how many prefixes to open at most; when it is spent a Bound is the last thing
    given.
    """
    search = _PrefixSearch(graph, semiring)
    heap: list[_Queued] = []
    opened = 0
    root = _Prefix(None, EPSILON, 0)
    first = _Reached(graph.starts, graph.start[graph.starts])
    for bound in search.bounds(first, np.zeros(min(len(graph.starts), 1), dtype=np.intp)).tolist():
        if np.isfinite(bound):
            heap.append(_Queued(bound, root, first, search.short_first))
    while heap:
        queued = heapq.heappop(heap)
        if queued.reached is None:
            yield Answer(queued.energy, queued.prefix.labels(), heap[0].energy if heap else np.inf)
            continue
        if budget is not None and opened >= budget:
            complete = [each for each in heap if each.reached is None]
            best = Answer(min(complete).energy, min(complete).prefix.labels()) if complete else None
            yield Bound(queued.energy, best)
            return
        opened += 1
        closed = search.closed(queued.reached)
        end = search.ending(closed)
        if np.isfinite(end):
            heapq.heappush(heap, _Queued(end, queued.prefix, None, search.short_first))
        for label, bound, after in search.continued(closed):
            longer = _Prefix(queued.prefix, label, queued.prefix.length + 1)
            heapq.heappush(heap, _Queued(bound, longer, after, search.short_first))


@dataclass(frozen=True, eq=False)
class _Prefix:
    """The beginning of an answer: a label behind a shorter prefix."""

    before: _Prefix | None
    label: int
    length: int

    def labels(self) -> tuple[int, ...]:
        """All labels from the first on."""
        found = []
        prefix: _Prefix = self
        while prefix.before is not None:
            found.append(prefix.label)
            prefix = prefix.before
        return tuple(reversed(found))


class _Queued:
    """A prefix and what it has reached (None: it is a complete answer), by the least energy it can have."""

    def __init__(self, energy: float, prefix: _Prefix, reached: _Reached | None, short_first: bool) -> None:
        self.energy, self.prefix, self.reached = energy, prefix, reached
        self._short_first = short_first
        self._rank = float(f"{energy:.12e}")  # bounds of one answer differ by rounding as it grows

    def __lt__(self, other: _Queued) -> bool:
        """By energy; equal ones by their labels, and a complete answer before those that go on from it."""
        if self._rank != other._rank:
            return self._rank < other._rank
        if self._short_first and self.prefix.length != other.prefix.length:
            return self.prefix.length < other.prefix.length
        if self.prefix is other.prefix:
            return self.reached is None
        return self.prefix.labels() < other.prefix.labels()


def best_answers(graph: Graph, n: int) -> list[Path]:
    """The n best distinct answers in order, each as its best path; fewer if there are fewer. Not for a union."""
    require_single(graph)
    found = [answer for answer in islice(answers(graph, TROPICAL), n) if isinstance(answer, Answer)]
    return sorted((answer_path(graph, answer.output) for answer in found), key=lambda path: path.energy)


def answer_path(graph: Graph, output: tuple[int, ...]) -> Path:
    """The best path of a graph with this output (indices into its labels, without epsilons), which must exist."""
    path = path_of_answer(graph, output)
    assert path is not None, "the answer was found in this graph"
    return path


def path_of_answer(graph: Graph, output: tuple[int, ...]) -> Path | None:
    """The best path of a graph with this output, None where it has none."""
    spelled = compose(graph, linear_graph(graph.labels, output))
    path = best_paths(spelled.graph)[0]
    if path is None:
        return None
    arcs = tuple(spelled.left_arc[list(path.arcs)].tolist()) if path.arcs else ()
    nodes = tuple(spelled.left_node[list(path.nodes)].tolist())
    return Path(path_energy(graph, arcs, nodes), arcs, nodes)


@dataclass(frozen=True, eq=False)
class _Reached:
    """The nodes that an output prefix leads to, ascending, and the energy of all ways there."""

    nodes: IntArray
    energy: FloatArray


class _PrefixSearch:
    """One step of the search: close a set over epsilon outputs, end there, or go on by a label."""

    def __init__(self, graph: Graph, semiring: Semiring) -> None:
        self._graph, self._reducer = graph, semiring
        swept = sweep(graph.reversed(), semiring)
        self.to_come = swept.node_totals
        useful = np.isfinite(self.to_come[graph.dst]) & np.isfinite(self.to_come[graph.src])
        spoken = graph.olabel != EPSILON
        self._spoken = np.flatnonzero(useful & spoken)
        self._silent = np.flatnonzero(useful & ~spoken)
        self._leaving = group_by(graph.src[self._spoken], graph.nodes)
        self.short_first = bool(swept.schedule.components)
        self._has_silent = np.zeros(graph.nodes, dtype=bool)
        self._has_silent[graph.src[self._silent]] = True

    def bounds(self, reached: _Reached, firsts: IntArray) -> FloatArray:
        """(sets,) the least energy any answer can have that goes on from a set (soft: of all of them together).

        The sets lie one after the other in `reached`, each beginning at one of `firsts`. A set that leads nowhere has
        a bound of +inf.
        """
        energy = reached.energy + self.to_come[reached.nodes]
        finite = np.isfinite(energy)
        if finite.all():
            return self._reducer.totals(energy, firsts)
        owner = np.repeat(np.arange(len(firsts)), run_lengths(firsts, len(energy)))[finite]
        bounds = np.full(len(firsts), np.inf)
        inside = run_starts(owner)
        bounds[owner[inside]] = self._reducer.totals(energy[finite], inside)
        return bounds

    def ending(self, closed: _Reached) -> float:
        """Energy of the answer that ends here; +inf if none does."""
        energy = closed.energy + self._graph.final[closed.nodes]
        energy = energy[np.isfinite(energy)]
        return float(self._reducer.totals(energy, np.zeros(1, dtype=np.intp))[0]) if len(energy) else np.inf

    @cached_property
    def _silent_levels(self) -> list[IntArray] | None:
        """The epsilon arcs level by level, those of a level sorted by head; None if they form a cycle."""
        graph, silent = self._graph, self._silent
        src, dst = graph.src[silent], graph.dst[silent]
        order = evaluation_order(src, dst, np.array([0, graph.nodes]))
        if (order.component >= 0).any():
            return None
        by_head = stable_order(dst)
        level = order.level[dst[by_head]]
        by_level = group_by(level, int(level.max()) + 1)
        return [
            silent[by_head[by_level.order[low:high]]] for low, high in pairwise(by_level.offsets.tolist()) if high > low
        ]

    def closed(self, reached: _Reached) -> _Reached:
        """The set with all that epsilon outputs lead to."""
        if not self._has_silent[reached.nodes].any():
            return reached
        if self._silent_levels is None:
            return self._closed_by_sweep(reached)
        graph = self._graph
        energy = np.full(graph.nodes, np.inf)
        energy[reached.nodes] = reached.energy
        for arcs in self._silent_levels:
            live = arcs[np.isfinite(energy[graph.src[arcs]])]
            if not len(live):
                continue
            firsts = run_starts(graph.dst[live])
            heads = graph.dst[live[firsts]]
            arriving = self._reducer.totals(energy[graph.src[live]] + graph.energy[live], firsts)
            both = np.isfinite(energy[heads])
            pairs = np.stack([energy[heads[both]], arriving[both]], axis=1).ravel()
            if len(pairs):
                arriving[both] = self._reducer.totals(pairs, np.arange(0, len(pairs), 2))
            energy[heads] = arriving
        nodes = np.flatnonzero(np.isfinite(energy))
        return _Reached(nodes, energy[nodes])

    def _closed_by_sweep(self, reached: _Reached) -> _Reached:
        """The same where epsilons form cycles: the general sweep over the epsilon arcs that can be reached."""
        graph, silent = self._graph, self._silent
        seen = reachable(graph.src[silent], graph.dst[silent], reached.nodes, graph.nodes)
        nodes = np.flatnonzero(seen)
        local = np.cumsum(seen) - 1
        arcs = silent[seen[graph.src[silent]]]
        start = np.full(len(nodes), np.inf)
        start[local[reached.nodes]] = reached.energy
        label = np.zeros(len(arcs), dtype=np.intp)
        ends = np.zeros(len(nodes))
        inner = Graph(local[graph.src[arcs]], local[graph.dst[arcs]], label, label, graph.energy[arcs], start, ends)
        return _Reached(nodes, sweep(inner, self._reducer).node_totals)

    def continued(self, closed: _Reached) -> Iterator[tuple[int, float, _Reached]]:
        """Each label that can come next, with the bound of what follows and the set it leads to."""
        graph = self._graph
        rows, counts = self._leaving.rows(closed.nodes)
        if not len(rows):
            return
        arcs = self._spoken[rows]
        energy = np.repeat(closed.energy, counts) + graph.energy[arcs]
        key = graph.olabel[arcs] * graph.nodes + graph.dst[arcs]
        order = np.argsort(key, kind="stable")
        firsts = run_starts(key[order])
        totals = self._reducer.totals(energy[order], firsts)
        labels, nodes = np.divmod(key[order][firsts], graph.nodes)
        sets = run_starts(labels)
        bounds = self.bounds(_Reached(nodes, totals), sets).tolist()
        edges = [*sets.tolist(), len(labels)]
        for label, bound, low, high in zip(labels[sets].tolist(), bounds, edges, edges[1:]):
            yield label, bound, _Reached(nodes[low:high], totals[low:high])

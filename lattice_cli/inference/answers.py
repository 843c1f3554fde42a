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
from itertools import islice, pairwise

import numpy as np

from lattice_cli.graph.composition import compose
from lattice_cli.graph.graph import EPSILON, FloatArray, Graph, IntArray, linear_graph
from lattice_cli.graph.reducers import Reducer, hard_min
from lattice_cli.graph.segments import group_by, run_starts
from lattice_cli.graph.sweep import sweep
from lattice_cli.graph.trim import reachable
from lattice_cli.inference.paths import TIES, Path, best_paths, beyond, in_order, path_energy


@dataclass(frozen=True)
class Answer:
    """A label sequence without epsilons (indices into the graph's labels), and its energy in nats."""

    energy: float
    output: tuple[int, ...]


@dataclass(frozen=True)
class Bound:
    """A search that ran out of budget: every answer not yet given has at least this energy."""

    energy: float


def answers(graph: Graph, reducer: Reducer, budget: int | None = None) -> Iterator[Answer | Bound]:
    """The distinct answers of a graph from best to worst, by the energy that `reducer` gives all paths of an answer.

    budget: how many prefixes to open at most; when it is spent a Bound is the last thing given.
    """
    search = _PrefixSearch(graph, reducer)
    heap: list[tuple[float, int, tuple[int, ...], _Reached | None]] = []
    first = _Reached(graph.starts, graph.start[graph.starts])
    pushed = opened = 0
    if np.isfinite(search.to_come[graph.starts]).any():
        heap.append((search.bound(first), pushed, (), first))
    while heap:
        energy, _, output, reached = heapq.heappop(heap)
        if reached is None:
            yield Answer(energy, output)
            continue
        if budget is not None and opened >= budget:
            yield Bound(energy)
            return
        opened += 1
        closed = search.closed(reached)
        end = search.ending(closed)
        if np.isfinite(end):
            pushed += 1
            heapq.heappush(heap, (end, pushed, output, None))
        for label, after in search.continued(closed):
            pushed += 1
            heapq.heappush(heap, (search.bound(after), pushed, (*output, label), after))


def best_answers(graph: Graph, n: int) -> list[Path]:
    """The n best distinct answers in order, each as its best path; fewer if there are fewer."""
    best = best_paths(graph)[0]
    if best is None:
        return []
    outputs = {
        tuple(label for label in graph.olabel[np.array(best.arcs, dtype=np.intp)].tolist() if label != EPSILON): None
    }
    last = np.inf
    for rank, answer in enumerate(islice(answers(graph, hard_min), n + TIES)):
        if rank >= n and beyond(answer.energy, last):
            break
        last = answer.energy if rank < n else last
        if isinstance(answer, Answer):
            outputs[answer.output] = None
    return in_order([answer_path(graph, output) for output in outputs])[:n]


def answer_path(graph: Graph, output: tuple[int, ...]) -> Path:
    """The best path of a graph with this output (indices into its labels, without epsilons), which must exist."""
    spelled = compose(graph, linear_graph(graph.labels, output))
    path = best_paths(spelled.graph)[0]
    assert path is not None, "the answer was found in this graph"
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

    def __init__(self, graph: Graph, reducer: Reducer) -> None:
        self._graph, self._reducer = graph, reducer
        self.to_come = sweep(graph.reversed(), reducer).node_totals
        useful = np.isfinite(self.to_come[graph.dst]) & np.isfinite(self.to_come[graph.src])
        spoken = graph.olabel != EPSILON
        self._spoken = np.flatnonzero(useful & spoken)
        self._silent = np.flatnonzero(useful & ~spoken)
        self._leaving = group_by(graph.src[self._spoken], graph.nodes)
        self._has_silent = np.zeros(graph.nodes, dtype=bool)
        self._has_silent[graph.src[self._silent]] = True

    def bound(self, reached: _Reached) -> float:
        """The least energy any answer with this prefix can have (soft: of all of them together)."""
        energy = reached.energy + self.to_come[reached.nodes]
        return float(self._reducer.totals(energy[np.isfinite(energy)], np.zeros(1, dtype=np.intp))[0])

    def ending(self, closed: _Reached) -> float:
        """Energy of the answer that ends here; +inf if none does."""
        energy = closed.energy + self._graph.final[closed.nodes]
        energy = energy[np.isfinite(energy)]
        return float(self._reducer.totals(energy, np.zeros(1, dtype=np.intp))[0]) if len(energy) else np.inf

    def closed(self, reached: _Reached) -> _Reached:
        """The set with all that epsilon outputs lead to, by a sweep over the epsilon arcs concerned."""
        if not self._has_silent[reached.nodes].any():
            return reached
        graph, silent = self._graph, self._silent
        seen = reachable(graph.src[silent], graph.dst[silent], reached.nodes, graph.nodes)
        nodes = np.flatnonzero(seen)
        local = np.cumsum(seen) - 1
        arcs = silent[seen[graph.src[silent]]]
        start = np.full(len(nodes), np.inf)
        start[local[reached.nodes]] = reached.energy
        label = np.zeros(len(arcs), dtype=np.intp)
        inner = Graph(
            local[graph.src[arcs]],
            local[graph.dst[arcs]],
            label,
            label,
            graph.energy[arcs],
            start,
            np.zeros(len(nodes)),
        )
        return _Reached(nodes, sweep(inner, self._reducer).node_totals)

    def continued(self, closed: _Reached) -> Iterator[tuple[int, _Reached]]:
        """Each label that can come next, with the set it leads to."""
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
        bounds = [*run_starts(labels).tolist(), len(labels)]
        for low, high in pairwise(bounds):
            yield int(labels[low]), _Reached(nodes[low:high], totals[low:high])

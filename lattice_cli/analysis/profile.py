"""What a lattice looks like inside: level by level, label by label, arc by arc, place by place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.analysis.pruning import detours
from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.composition import why_no_path
from lattice_cli.errors import NoPath
from lattice_cli.graph import EPSILON, Document, evaluation_order, nodes_on_paths
from lattice_cli.search import MinimumRisk, best_paths
from lattice_cli.sweep import LogSemiring, sweep

#: A strip has at most this many rows: longer lattices are cut into so many pieces.
_STRIPS = 40


@dataclass(frozen=True)
class Strip:
    """A stretch of a lattice. begin, end: seconds, or levels. nodes: that lie in it. arcs: useful ones that are open in
    it. entropy: of which arc is taken at its beginning, nats. labels: on the best path there."""

    begin: float
    end: float
    nodes: int
    arcs: int
    entropy: float
    labels: list[str]


@dataclass(frozen=True)
class LabelUse:
    """An output label. arcs: that output it. expected: how often an answer has it, on the average. detour: how much
    worse than the best path the best one with it is, nats."""

    label: str
    arcs: int
    expected: float
    detour: float


@dataclass(frozen=True)
class Heavy:
    """An arc by its weight. posterior: at beta. detour: how much worse than the best path the best one through it."""

    arc: int
    posterior: float
    detour: float


@dataclass(frozen=True)
class Slot:
    """A place of the best answer, or between its labels. choices: (label, None for nothing; posterior), likeliest
    first. word: the best answer's own label, None between them."""

    word: str | None
    choices: list[tuple[str | None, float]]


class Anatomy:
    """A record under p(path) = exp(-beta (E - F)). Raises NoPath, Diverged."""

    def __init__(self, document: Document, beta: float) -> None:
        graph = document.graph
        path = best_paths(graph)[0]
        if path is None:
            raise NoPath(why_no_path(graph, document.names))
        self._document, self._graph, self._beta, self._best = document, graph, beta, path
        self.posterior = sweep(graph, LogSemiring(beta)).pullback().arcs
        self.detour = detours(graph)

    def strips(self) -> list[Strip]:
        """The lattice from its beginning to its end. Without times, and with cycles, there are no strips."""
        graph, times = self._graph, self._document.times
        useful = nodes_on_paths(graph)
        at = self._levels() if times is None or np.isnan(times[useful]).any() else times
        if at is None or not useful.any():
            return []
        low, high = float(at[useful].min()), float(at[useful].max())
        if times is None and high - low < _STRIPS:
            edges = np.arange(low, high + 1)
        else:
            edges = np.linspace(low, high, _STRIPS // 2 + 1)
        if len(edges) < 2:
            return []
        inside = np.flatnonzero(useful[graph.src] & useful[graph.dst])
        path = np.array(self._best.arcs, dtype=np.intp)
        found = []
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist()):
            open_ = inside[(at[graph.src[inside]] < end) & (at[graph.dst[inside]] > begin)]
            last = end == edges[-1]
            nodes = int((useful & (at >= begin) & ((at < end) | (last & (at <= end)))).sum())
            here = path[(at[graph.src[path]] >= begin) & ((at[graph.src[path]] < end) | last)]
            entropy = _entropy(self.posterior[open_[at[graph.src[open_]] <= begin]])
            found.append(Strip(begin, end, nodes, len(open_), entropy, graph.words(graph.olabel[here].tolist())))
        return found

    def _levels(self) -> FloatArray | None:
        order = evaluation_order(self._graph.src, self._graph.dst, np.array([0, self._graph.nodes]))
        return None if (order.component >= 0).any() else order.level.astype(np.float64)

    def labels(self) -> list[LabelUse]:
        """Every output label, the most expected first."""
        graph = self._graph
        size = len(graph.labels)
        arcs = np.bincount(graph.olabel, minlength=size)
        expected = np.bincount(graph.olabel, self.posterior, size)
        detour = np.full(size, np.inf)
        np.minimum.at(detour, graph.olabel, self.detour)
        used = np.flatnonzero(arcs > 0)
        used = used[used != EPSILON]
        order = used[np.lexsort((used, -expected[used]))]
        return [
            LabelUse(graph.labels[label], int(arcs[label]), float(expected[label]), float(detour[label]))
            for label in order.tolist()
        ]

    def heaviest(self, count: int) -> list[Heavy]:
        """The arcs with the highest posteriors."""
        order: IntArray = np.argsort(-self.posterior, kind="stable")[:count]
        return [Heavy(arc, float(self.posterior[arc]), float(self.detour[arc])) for arc in order.tolist()]

    def slots(self, least: float) -> list[Slot]:
        """The confusion sets of the best answer: at each place what else may stand there, from a posterior on.

        Places between labels are left out where nothing is likely to stand. Raises GraphError for cycles.
        """
        graph = self._graph
        answer = [label for label in graph.olabel[list(self._best.arcs)].tolist() if label != EPSILON]
        found = MinimumRisk(graph, self._beta).places(answer)
        slots = []
        for place, slot in enumerate(found.slots):
            choices = sorted(slot.items(), key=lambda choice: (-choice[1], choice[0]))
            shown = [(graph.labels[label] if label else None, mass) for label, mass in choices if mass >= least]
            word = graph.labels[answer[place // 2]] if place % 2 else None
            if word is not None or any(label is not None for label, _ in shown):
                slots.append(Slot(word, shown))
        return slots


def _entropy(masses: FloatArray) -> float:
    """Of masses that are probabilities, nats."""
    some = masses[masses > 0]
    return float(-(some * np.log(some)).sum()) if len(some) else 0.0

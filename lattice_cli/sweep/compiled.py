"""How a schedule is made with compiled loops, for graphs whose nodes are numbered in order."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from types import ModuleType

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, distinct, is_sorted
from lattice_cli.graph import Graph
from lattice_cli.sweep.chunking import Chunks
from lattice_cli.sweep.passes import LevelPass, Pass, Step
from lattice_cli.sweep.schedule import Schedule, steps_between
from lattice_cli.sweep.semiring import LogSemiring, Semiring, Shares, TropicalSemiring

#: Links a level from which numpy walks faster than compiled loops: a level costs it some 10 us, a link 3 ns less.
_WIDE = 5_000


def compiled_schedule(graph: Graph, kernels: ModuleType) -> Schedule:
    """The schedule of a graph whose nodes are numbered in order, upwards or downwards, for compiled loops."""
    src, dst = graph.src, graph.dst
    order = NO_INDICES if is_sorted(src) or is_sorted(dst) else kernels.in_order(src, graph.nodes)
    useful = kernels.useful(src, dst, order, graph.start, graph.final)
    climbs = not graph.arcs or bool(src[0] < dst[0])
    inner = np.flatnonzero(useful) if climbs else np.flatnonzero(useful)[::-1]
    position = np.full(graph.nodes, -1, dtype=np.intp)
    position[inner] = np.arange(1, len(inner) + 1)
    starts, finals = graph.starts[useful[graph.starts]], graph.finals[useful[graph.finals]]
    sink = np.full(graph.graphs, -1, dtype=np.intp)
    members = distinct(graph.graph_of_node[finals])
    sink[members] = len(inner) + 1 + np.arange(len(members))
    ends = (starts, finals, sink[graph.graph_of_node[finals]])
    link_id, tail, first = kernels.links(src, dst, position, ends)
    heads = first[:-1]
    head = np.repeat(np.arange(1, len(first)), np.diff(first))
    node_at = np.concatenate([[-1], inner, np.full(len(members), -1)]).astype(np.intp)
    edges = np.arange(len(link_id))
    level_pass: Pass = CompiledPass(tail, first, kernels)
    levels = kernels.level_starts(tail, first)
    if len(link_id) > _WIDE * len(levels):
        bounds = np.append(levels, len(first))
        edge_bounds = first[bounds - 1]
        owner = head - np.repeat(levels, np.diff(edge_bounds))
        steps = steps_between(bounds.tolist(), edge_bounds.tolist(), repeat(False))
        level_pass = LevelPass(tail, owner, steps, node_at)
    nowhere = LevelPass(tail, head, [], node_at)
    chunks = Chunks(NO_INDICES, NO_INDICES, NO_INDICES)
    return Schedule(
        link_id, edges, tail, head, heads, node_at, position, sink, level_pass, nowhere, chunks, graph.arcs, kernels
    )


#: From so many arcs on a schedule and a sweep by compiled loops are faster than by numpy by more than loading takes.
LARGE = 3_000_000
_SWITCH = "LATTICE_COMPILED"


def kernels_for(graph: Graph | None, walks: int = 1) -> ModuleType | None:
    """The compiled loops, if they are there and this graph is to be walked by them (None: what is no graph), so many
    times."""
    switch = os.environ.get(_SWITCH, "")
    if switch == "0" or (switch != "1" and (graph is None or graph.arcs * walks < LARGE or graph.graphs > 1)):
        return None
    return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> ModuleType | None:
    if importlib.util.find_spec("numba") is None:
        return None
    from lattice_cli.sweep import kernels as compiled

    return compiled


@dataclass(frozen=True, eq=False)
class CompiledPass:
    """The same over all values at once, by compiled loops, where there are no cycles.

    tail: (edges,); first: (values,) first edge of each value but the first, and the end of the last.
    """

    tail: IntArray
    first: IntArray
    kernels: ModuleType

    @property
    def steps(self) -> list[Step]:
        """None: values are found one by one."""
        return []

    def reduce(self, semiring: Semiring, energy: FloatArray, values: FloatArray) -> list[Shares]:
        """See LevelPass."""
        if isinstance(semiring, LogSemiring):
            share: FloatArray = self.kernels.soft(self.tail, self.first, energy, semiring.beta, values)
            return [lambda: share]
        assert isinstance(semiring, TropicalSemiring)
        chosen = self.kernels.hard(self.tail, self.first, energy, values)
        return [lambda: self._one_hot(chosen)]

    def _one_hot(self, chosen: IntArray) -> FloatArray:
        share = np.zeros(len(self.tail))
        share[chosen] = 1.0
        return share

    def shares(self, found: list[Shares], share: FloatArray) -> None:
        """See LevelPass."""
        for shares in found:
            share[:] = shares()

    def pushforward(self, share: FloatArray, values: FloatArray, own: FloatArray | None = None) -> None:
        """See LevelPass."""
        self.kernels.pushforward(self.tail, self.first, share, values, np.zeros(len(values)) if own is None else own)

    def pullback(self, share: FloatArray, flow: FloatArray, edge_flow: FloatArray) -> None:
        """See LevelPass."""
        self.kernels.pullback(self.tail, self.first, share, flow, edge_flow)

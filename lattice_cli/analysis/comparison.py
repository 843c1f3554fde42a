"""What is different between two lattices: their arcs by nodes and labels, their best answers, what each thinks of the
other's.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lattice_cli.graph import EPSILON, Document, Graph, label_index
from lattice_cli.records import output_of
from lattice_cli.search import best_paths, path_of_answer
from lattice_cli.sweep import LogSemiring, sweep

#: Energies that differ by less are the same, rounding aside.
_SAME = 1e-9

Key: TypeAlias = tuple[int | str, int | str, str | None, str | None]


@dataclass(frozen=True)
class SideOf:
    """One of the two. answer: the best one, None without a path; energy: of it, None likewise; elsewhere: the energy
    that the other lattice gives this answer, None if it does not have it. free_energy: nats."""

    nodes: int
    arcs: int
    labels: int
    answer: list[str] | None
    energy: float | None
    elsewhere: float | None
    free_energy: float | None


@dataclass(frozen=True)
class Change:
    """An arc of both, by its nodes and labels, whose energies differ."""

    arc: Key
    energy: float
    other: float


@dataclass(frozen=True)
class Comparison:
    """A record and its counterpart. only_here, only_there: arcs that the other does not have; labels_here, labels_there
    likewise. changed: arcs of both at other energies, the largest difference first. same: how many are alike."""

    one: SideOf
    other: SideOf
    only_here: list[Key]
    only_there: list[Key]
    labels_here: list[str]
    labels_there: list[str]
    changed: list[Change]
    same: int

    @property
    def alike(self) -> bool:
        """True if there is no difference."""
        return not (self.only_here or self.only_there or self.changed) and self.one == self.other


def compare(one: Document, other: Document, beta: float) -> Comparison:
    """What is different. Raises Diverged."""
    mine, theirs = _by_key(one), _by_key(other)
    only_here: list[Key] = []
    only_there: list[Key] = []
    changed: list[Change] = []
    same = 0
    for key in dict.fromkeys([*mine, *theirs]):
        here, there = sorted(mine.get(key, [])), sorted(theirs.get(key, []))
        for first, second in zip(here, there):
            if abs(first - second) <= _SAME * max(1.0, abs(first)):
                same += 1
            else:
                changed.append(Change(key, first, second))
        only_here += [key] * (len(here) - len(there))
        only_there += [key] * (len(there) - len(here))
    changed.sort(key=lambda change: -abs(change.energy - change.other))
    labels = [{label for key in keys for label in key[2:] if label is not None} for keys in (mine, theirs)]
    return Comparison(
        _side(one.graph, other.graph, beta),
        _side(other.graph, one.graph, beta),
        only_here,
        only_there,
        sorted(labels[0] - labels[1]),
        sorted(labels[1] - labels[0]),
        changed,
        same,
    )


def _by_key(document: Document) -> dict[Key, list[float]]:
    """Energies of the arcs between the same nodes with the same labels."""
    graph, names = document.graph, document.names
    found: dict[Key, list[float]] = defaultdict(list)
    columns = (graph.src, graph.dst, graph.ilabel, graph.olabel, graph.energy)
    for tail, head, taken, said, energy in zip(*(column.tolist() for column in columns)):
        labels = [None if label == EPSILON else graph.labels[label] for label in (taken, said)]
        found[names[tail], names[head], labels[0], labels[1]].append(energy)
    return found


def _side(graph: Graph, other: Graph, beta: float) -> SideOf:
    used = len(set(graph.olabel.tolist()) - {EPSILON})
    path = best_paths(graph)[0]
    if path is None:
        return SideOf(graph.nodes, graph.arcs, used, None, None, None, None)
    answer = output_of(graph, path)
    index = label_index(other.labels)
    known = all(label in index for label in answer)
    found = path_of_answer(other, tuple(index[label] for label in answer)) if known else None
    free = float(sweep(graph, LogSemiring(beta)).totals[0])
    elsewhere = None if found is None else found.energy
    return SideOf(graph.nodes, graph.arcs, used, answer, path.energy, elsewhere, free if np.isfinite(free) else None)

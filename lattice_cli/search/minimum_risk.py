"""Answers of least expected edit distance, and how sure each word of an answer is at its place.

Where a graph has few paths, its distinct answers are listed with their posteriors and aligned one by one: exact. Else
the recursion of Xu, Povey, Mangu and Zhu (2011, "Minimum Bayes risk decoding and system combination based on a
recursion for edit distance") goes over the nodes: the distance of all ways to a node from the first q places of a
hypothesis is the mean over the ways into it, so the alignment of a word is chosen with the mean of what came before it
rather than for each path alone. That bounds the expected distance from above. Its derivative gives the posterior of
each word at each place, and the most likely word of every place is a better hypothesis, until nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, boltzmann, run_starts, stable_order
from lattice_cli.errors import GraphError
from lattice_cli.graph import EPSILON, Graph, evaluation_order
from lattice_cli.search.distinct_answers import Answer, answers
from lattice_cli.search.edit_distance import align_all, distances
from lattice_cli.sweep import LogSemiring, Schedule, count_paths, schedule_of, sweep

#: Up to this many paths all answers are listed.
_FEW_PATHS = 1_000
_MOST_ROUNDS = 20
#: A place between words is left empty unless a word there is likelier by this much (Xu et al. 2011, section 4).
_EMPTY_FIRST = 1e-5


@dataclass(frozen=True, eq=False)
class ConfusionSets:
    """What stands at each place of an answer.

    answer: label indices. slots: 2 * words + 1 places, those of the words at odd positions, those between and around
    them at even ones: {label (0: nothing): posterior}, summing to 1. errors: the expected edit distance. exact: all
    answers were listed; else `errors` is an upper bound, and the alignment that of the recursion.
    """

    answer: tuple[int, ...]
    slots: list[dict[int, float]]
    errors: float
    exact: bool

    @property
    def confidences(self) -> list[float]:
        """The posterior of each word of the answer at its place."""
        return [min(1.0, self.slots[2 * word + 1].get(label, 0.0)) for word, label in enumerate(self.answer)]


class MinimumRisk:
    """A graph whose answers are compared with one another, under p(path) = exp(-beta (E - F)).

    Raises GraphError for a graph with cycles, whose answers have no end.
    """

    def __init__(self, graph: Graph, beta: float) -> None:
        self._graph, self._beta = graph, beta
        schedule = schedule_of(graph)
        if schedule.components:
            raise GraphError("the graph has cycles: expected edit distances are taken over graphs without")
        paths = count_paths(graph, schedule)
        assert paths is not None, "only cycles make it infinite"
        self._listed = self._all_answers() if 0 < paths <= _FEW_PATHS else None
        self._recursion = None if self._listed is not None else _Recursion(graph, schedule, beta)

    @property
    def exact(self) -> bool:
        """True if every answer was listed."""
        return self._listed is not None

    def _all_answers(self) -> list[tuple[tuple[int, ...], float]]:
        """(answer, posterior) of each, the most probable first."""
        found = [each for each in answers(self._graph, LogSemiring(self._beta)) if isinstance(each, Answer)]
        energies = np.array([each.energy for each in found])
        weights = boltzmann(energies, energies.min(), self._beta)
        return [(each.output, weight) for each, weight in zip(found, (weights / weights.sum()).tolist())]

    def places(self, answer: Sequence[int]) -> ConfusionSets:
        """The posteriors of all words aligned with an answer (indices of the graph's labels)."""
        if self._listed is None:
            assert self._recursion is not None
            return self._recursion.places(tuple(answer))
        return _listed_places(tuple(answer), self._listed)

    def least_risk(self, first: Sequence[int]) -> ConfusionSets:
        """The answer of least expected edit distance.

        Of all answers of the graph where they were listed (of equal ones the most probable). Else what the recursion
        comes to from a first one, such as the best path's; it need not be an answer of the graph.
        """
        if self._listed is None:
            assert self._recursion is not None
            return descended(self._recursion.places, tuple(first))
        texts = [tuple(map(str, answer)) for answer, _ in self._listed]
        weights = np.array([weight for _, weight in self._listed])
        pairs = [(one, other) for one in texts for other in texts]
        expected = distances(pairs).reshape(len(texts), -1) @ weights
        least = int(np.flatnonzero(expected <= expected.min() * (1 + 1e-12))[0])
        return self.places(self._listed[least][0])


def _listed_places(answer: tuple[int, ...], listed: Sequence[tuple[tuple[int, ...], float]]) -> ConfusionSets:
    """Each answer aligned by itself; labels that are inserted stand together at the place between."""
    slots: list[dict[int, float]] = [{} for _ in range(2 * len(answer) + 1)]
    errors = 0.0
    texts = [(tuple(map(str, answer)), tuple(map(str, other))) for other, _ in listed]
    for alignment, (_, weight) in zip(align_all(texts), listed):
        errors += weight * alignment.errors
        word, inserted = 0, False
        for reference, other in alignment.pairs:
            if reference is None:
                assert other is not None
                slots[2 * word][int(other)] = slots[2 * word].get(int(other), 0.0) + weight
                inserted = True
                continue
            if not inserted:
                slots[2 * word][EPSILON] = slots[2 * word].get(EPSILON, 0.0) + weight
            label = EPSILON if other is None else int(other)
            slots[2 * word + 1][label] = slots[2 * word + 1].get(label, 0.0) + weight
            word, inserted = word + 1, False
        if not inserted:
            slots[2 * word][EPSILON] = slots[2 * word].get(EPSILON, 0.0) + weight
    return ConfusionSets(answer, slots, errors, True)


class Spoken(NamedTuple):
    """(n, places + 1) distances behind a label each: the least, and what it is if no place behind it is skipped, with
    the label at the last place, or at none."""

    arriving: FloatArray
    matched: FloatArray
    passed: FloatArray

    @property
    def source(self) -> IntArray:
        """(n, places + 1) the place at which the label is taken, from where places are skipped."""
        here = self.arriving < np.minimum(self.matched, self.passed) - 1e-12  # this place and its like are skipped
        found: IntArray = np.maximum.accumulate(np.where(here, 0, np.arange(here.shape[1])), axis=1)
        return found

    @property
    def by_match(self) -> BoolArray:
        """(n, places + 1) true where the label stands at the place rather than at none."""
        found: BoolArray = self.matched <= self.passed
        return found


def spoken_over(before: FloatArray, label: IntArray, hypothesis: IntArray, skipped: FloatArray) -> Spoken:
    """From distances (n, places + 1) before a label each, (n,), to those behind it.

    hypothesis: (places,) labels, 0 for a place between words. skipped: (places + 1,) the words before each.
    """
    spoken = (label != EPSILON)[:, None]
    matched = np.full(before.shape, np.inf)
    unlike = label[:, None] != hypothesis
    # What fills an empty place costs a little more than what replaces a word: ties go to the words.
    matched[:, 1:] = before[:, :-1] + unlike + np.where(unlike & (hypothesis == EPSILON), _EMPTY_FIRST, 0.0)
    passed = before + spoken * (1.0 + 2 * _EMPTY_FIRST)
    best = np.minimum(matched, passed)
    return Spoken(np.minimum.accumulate(best - skipped, axis=1) + skipped, matched, passed)


def hypothesis_of(answer: Sequence[int]) -> tuple[IntArray, FloatArray]:
    """An answer with the places between its words, (places,) labels, and (places + 1,) the words before each."""
    hypothesis = np.zeros(2 * len(answer) + 1, dtype=np.intp)
    hypothesis[1::2] = answer
    return hypothesis, np.concatenate([[0.0], np.cumsum((hypothesis != EPSILON).astype(np.float64))])


def descended(places: Callable[[tuple[int, ...]], ConfusionSets], answer: tuple[int, ...]) -> ConfusionSets:
    """From a first answer, the most likely label of every place, until the expected distance falls no more.

    places: what stands at the places of an answer.
    """
    found = places(answer)
    for _ in range(_MOST_ROUNDS):
        likeliest = tuple(label for slot in found.slots if (label := _likeliest(slot)) != EPSILON)
        if likeliest == found.answer:
            return found
        better = places(likeliest)
        if better.errors >= found.errors - 1e-12:
            return found
        found = better
    return found


class _Recursion:
    """The recursion over the links of a schedule, level by level; a hypothesis is nothing, a word, nothing, ..."""

    def __init__(self, graph: Graph, schedule: Schedule, beta: float) -> None:
        swept = sweep(graph, LogSemiring(beta), schedule)
        tail, head = schedule.link_tail, schedule.edge_head[schedule.edge_of_link]
        label = np.append(graph.olabel, np.zeros(2 * graph.nodes, dtype=np.intp))[schedule.link_id]
        level = evaluation_order(tail, head, np.array([0, schedule.positions])).level
        order = stable_order(level[head] * schedule.positions + head) if len(head) else head
        self._positions, self._sink = schedule.positions, int(schedule.sink[0])
        self._tail, self._head, self._label = tail[order], head[order], label[order]
        self._share = swept.link_share[order]
        self._bounds = [*run_starts(level[self._head]).tolist(), len(order)]

    def places(self, answer: tuple[int, ...]) -> ConfusionSets:
        """See MinimumRisk.places."""
        hypothesis, skipped = hypothesis_of(answer)
        distance = np.zeros((self._positions, len(skipped)))
        distance[0] = skipped
        for low, high in pairwise(self._bounds):
            links = slice(low, high)
            over = spoken_over(distance[self._tail[links]], self._label[links], hypothesis, skipped)
            arriving = over.arriving * self._share[links, None]
            firsts = run_starts(self._head[links])
            distance[self._head[links][firsts]] = np.add.reduceat(arriving, firsts, axis=0)
        slots = self._posteriors(distance, hypothesis, skipped)
        return ConfusionSets(answer, slots, float(distance[self._sink, -1]), False)

    def _posteriors(self, distance: FloatArray, hypothesis: IntArray, skipped: FloatArray) -> list[dict[int, float]]:
        """The posteriors of labels at each place: the flow of the sink's distance back through the choices."""
        places = len(hypothesis)
        flow = np.zeros(distance.shape)
        flow[self._sink, -1] = 1.0
        keys: list[IntArray] = []
        masses: list[FloatArray] = []
        empty = np.zeros(places + 1)
        width = places + 1
        for low, high in reversed(list(pairwise(self._bounds))):
            links = slice(low, high)
            over = spoken_over(distance[self._tail[links]], self._label[links], hypothesis, skipped)
            wanted = flow[self._head[links]] * self._share[links, None]
            row, place = np.nonzero(wanted)
            mass = wanted[row, place]
            source = over.source[row, place]
            # Places source + 1 to place are skipped, that is the hypothesis' entries source to place - 1.
            empty += np.cumsum(np.bincount(source, mass, width) - np.bincount(place, mass, width))
            by_match = over.by_match[row, source]
            tail = self._tail[links][row]
            label = self._label[links][row]
            target = source - by_match
            np.add.at(flow.reshape(-1), tail * width + target, mass)
            keys.append((source[by_match] - 1) * (1 << 32) + label[by_match])
            masses.append(mass[by_match])
        # Places that are skipped before the first link.
        at_source = flow[0]
        empty += np.append(np.cumsum(at_source[::-1])[::-1][1:], 0.0)
        return self._slots(np.concatenate(keys), np.concatenate(masses), empty, places)

    def _slots(self, key: IntArray, mass: FloatArray, empty: FloatArray, places: int) -> list[dict[int, float]]:
        slots: list[dict[int, float]] = [{} for _ in range(places)]
        order = stable_order(key) if len(key) else key
        firsts = run_starts(key[order])
        sums = np.add.reduceat(mass[order], firsts) if len(firsts) else mass
        for place_label, total in zip(key[order][firsts].tolist(), sums.tolist()):
            place, label = divmod(place_label, 1 << 32)
            slots[place][label] = total
        for place, total in enumerate(empty[:places].tolist()):
            if total > 0:
                slots[place][EPSILON] = slots[place].get(EPSILON, 0.0) + total
        return slots


def _likeliest(slot: dict[int, float]) -> int:
    """The label with the highest posterior; of equal ones nothing, then the first."""
    return min(slot, key=lambda label: (-slot[label], label), default=EPSILON)

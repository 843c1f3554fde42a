"""One answer of CTC in each of some matrices: the sum over its alignments, the best of them, and the best path that
says something else (Graves et al. 2006, section 4.1).

States are blank, label, blank, label, ..., blank; a row stays in a state, moves on by one, or, between unlike labels,
passes over the blank. Any other class leaves the answer for good, so all paths that have left it are one state more.
The chains of all records lie side by side, and go over the rows together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray
from lattice_cli.emissions.product_sweep import Alphas
from lattice_cli.emissions.ragged_batch import RaggedBatch

#: Of the classes of a row so many are the cheapest ones that leave a state, three at most being ways to stay.
_CHEAPEST = 4
_NONE = -1


@dataclass(frozen=True, eq=False)
class ChainSums:
    """The free energies of answers. totals: (records,) nats, +inf for an answer without an alignment."""

    chains: AnswerChains
    energies: FloatArray
    beta: float
    alphas: Alphas
    ends: FloatArray
    totals: FloatArray

    def pullback(self, seed: FloatArray) -> FloatArray:
        """(rows, classes) derivative of sum(seed * totals)."""
        chains, classes = self.chains, self.energies.shape[1]
        table, first = chains.table, chains.first
        weights = -self.beta * self.totals[table.order]
        with np.errstate(invalid="ignore"):
            share = np.where(chains.final, np.exp(self.ends - np.repeat(weights, chains.sizes)), 0.0)
        share *= np.repeat(np.where(np.isfinite(weights), seed[table.order], 0.0), chains.sizes)
        share[np.isnan(share)] = 0.0
        found = np.zeros(self.energies.shape)
        flow = share[:0]
        for time in range(len(table.running) - 2, -1, -1):
            running = table.running[time]
            states = int(first[running])
            flow = np.concatenate([flow, share[len(flow) : states]])
            by_class = chains.rank[:states] * classes + chains.label[:states]
            found[table.rows[time]] = np.bincount(by_class, flow, running * classes).reshape(running, classes)
            ways = chains.ways(self.alphas.before(time), -np.inf)
            together = np.logaddexp(np.logaddexp(ways[0], ways[1]), ways[2])
            with np.errstate(invalid="ignore"):
                parts = np.exp(ways - together)
            parts *= flow
            parts[:, flow == 0] = 0.0
            flow = parts[0]
            flow[:-1] += parts[1, 1:]
            flow[:-2] += parts[2, 2:]
        return found


class AnswerChains:
    """lengths: (records,) rows of each. classes: of a row. blank: its class. answers: classes of each, no blank.

    Energies are (sum of lengths, classes) nats, the records one after the other, +inf for none.
    """

    def __init__(self, lengths: IntArray, classes: int, blank: int, answers: Sequence[Sequence[int]]) -> None:
        self.table = RaggedBatch.of(np.asarray(lengths, dtype=np.intp))
        #: (rows,) the record of each.
        self.record_of_row: IntArray = np.repeat(np.arange(len(lengths)), lengths)
        ordered = [answers[record] for record in self.table.order.tolist()]
        self.blank, self._classes = blank, classes
        self.sizes: IntArray = np.array([2 * len(answer) + 1 for answer in ordered], dtype=np.intp)
        #: (records + 1,) where the states of each rank begin.
        self.first: IntArray = np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.intp)
        count = int(self.first[-1])
        self.rank: IntArray = np.repeat(np.arange(len(ordered)), self.sizes)
        self.label: IntArray = np.full(count, blank, dtype=np.intp)
        place = np.arange(count) - self.first[self.rank]
        self.label[place % 2 == 1] = [label for answer in ordered for label in answer]
        left = self.sizes[self.rank] - 1 - place
        #: Where a path with the answer ends: at the last label, or at the blank behind it.
        self.final: BoolArray = left <= 1
        self._begun: BoolArray = place > 0
        self._over: BoolArray = (place % 2 == 1) & (place > 1)  # reached over a blank
        self._over[2:] &= self.label[2:] != self.label[:-2]
        #: (states,) the label that goes on with the answer, -1 behind the last one.
        self._next: IntArray = np.full(count, _NONE, dtype=np.intp)
        onward = left > 1
        self._next[onward] = self.label[np.flatnonzero(onward) + np.where(place[onward] % 2 == 1, 2, 1)]
        #: (states,) where each finds the energy of its class in the first row.
        self._cell: IntArray = self.table.first_row[self.rank] * classes + self.label

    def sums(self, energies: FloatArray, beta: float) -> ChainSums:
        """The free energy of each answer at this beta (1/nats)."""
        weights = (-beta * energies).reshape(-1)

        def stepped(time: int, before: FloatArray) -> FloatArray:
            ways = self.ways(before, -np.inf)
            after: FloatArray = np.logaddexp(np.logaddexp(ways[0], ways[1]), ways[2])
            after += self._row(weights, time, len(before))
            return after

        def again(time: int, before: FloatArray) -> FloatArray:
            return stepped(time, before)[: self.first[self.table.running[time + 1]]]

        reached = self._beginning(-np.inf)
        ends = reached.copy()
        steps = len(self.table.running) - 1
        alphas = Alphas(steps, len(reached), again)
        for time in range(steps):
            before = reached[: self.first[self.table.running[time]]]
            if time % alphas.every == 0:
                alphas.kept[time] = before
            reached = stepped(time, before)
            ends[: len(reached)] = reached
        totals = np.zeros(len(self.sizes))
        if len(totals):
            totals[self.table.order] = (
                -np.logaddexp.reduceat(np.where(self.final, ends, -np.inf), self.first[:-1]) / beta
            )
        return ChainSums(self, energies, beta, alphas, ends, totals)

    def best(self, energies: FloatArray) -> tuple[FloatArray, IntArray]:
        """(records,) the least energy of each answer, +inf for none, and (rows,) the classes of that alignment, -1 for
        none. Ties go to the later state."""
        return self._search(energies, None)

    def nearest_other(self, energies: FloatArray) -> tuple[FloatArray, IntArray]:
        """The same of all paths that have another answer."""
        return self._search(energies, _Departures(self, energies))

    def _search(self, energies: FloatArray, departures: _Departures | None) -> tuple[FloatArray, IntArray]:
        """The best path with the answer, or, with departures, the best with another one."""
        flat = energies.reshape(-1)
        reached, backs = self._beginning(np.inf), []
        ends = reached.copy()
        for time in range(len(self.table.running) - 1):
            before = reached[: self.first[self.table.running[time]]]
            if departures is not None:
                departures.step(time, before)
            ways = self.ways(before, np.inf)
            back = ways.argmin(axis=0)
            backs.append(back.astype(np.int8))
            reached = np.take_along_axis(ways, back[None], axis=0)[0]
            reached += self._row(flat, time, len(before))
            ends[: len(reached)] = reached
        wanted = self.final if departures is None else ~self.final
        return self._traced(np.where(wanted, ends, np.inf), backs, departures, len(energies))

    def _traced(
        self, ends: FloatArray, backs: list[IntArray], departures: _Departures | None, rows: int
    ) -> tuple[FloatArray, IntArray]:
        totals, chosen = np.full(len(self.sizes), np.inf), np.full(rows, _NONE, dtype=np.intp)
        for rank, record in enumerate(self.table.order.tolist()):
            low, high = int(self.first[rank]), int(self.first[rank + 1])
            state = high - 1 - int(ends[low:high][::-1].argmin())
            time, row = int(self.table.lengths[rank]), int(self.table.first_row[rank])
            energy = ends[state]
            if departures is not None and departures.energy[rank] < energy:
                energy = departures.energy[rank]
                time, state = departures.back(rank, time, chosen)
            totals[record] = energy
            if not np.isfinite(energy):
                continue
            for step in range(time - 1, -1, -1):
                chosen[row + step] = self.label[state]
                state -= int(backs[step][state])
        return totals, chosen

    def ways(self, reached: FloatArray, none: float) -> FloatArray:
        """(3, states) what is reached by staying, by moving on, and by passing over a blank."""
        states = len(reached)
        ways = np.full((3, states), none)
        ways[0] = reached
        np.copyto(ways[1, 1:], reached[:-1], where=self._begun[1:states])
        np.copyto(ways[2, 2:], reached[:-2], where=self._over[2:states])
        return ways

    def _row(self, flat: FloatArray, time: int, states: int) -> FloatArray:
        """(states,) what each takes for a row."""
        found: FloatArray = flat.take(self._cell[:states] + time * self._classes)
        return found

    def _beginning(self, none: float) -> FloatArray:
        """Before the first row: as if a blank came before."""
        reached = np.full(len(self.label), none)
        reached[self.first[:-1]] = 0.0
        return reached


class _Departures:
    """The best path of each record that has left its answer. energy: (records,) by rank, +inf where there is none."""

    def __init__(self, chains: AnswerChains, energies: FloatArray) -> None:
        self._chains, self._energies = chains, energies
        many = min(_CHEAPEST, energies.shape[1])
        cheap = np.argpartition(energies, many - 1, axis=1)[:, :many]
        order = np.take_along_axis(energies, cheap, axis=1).argsort(axis=1, kind="stable")
        self._cheap = np.take_along_axis(cheap, order, axis=1)
        self._least = np.take_along_axis(energies, self._cheap, axis=1)
        self.energy: FloatArray = np.full(len(chains.sizes), np.inf)
        #: Of each step, the state that the best path has left there, -1 where it left before; and by which class.
        self._left: list[tuple[IntArray, IntArray]] = []

    def step(self, time: int, before: FloatArray) -> None:
        """Go over a row. before: (states,) the energies before it."""
        chains = self._chains
        running, states = chains.table.running[time], len(before)
        rows = chains.table.rows[time]
        cheap = self._cheap[rows][chains.rank[:states]]
        stays = cheap == chains.blank
        stays |= cheap == chains.label[:states, None]
        stays |= cheap == chains._next[:states, None]
        leaving = stays.argmin(axis=1)
        each = np.arange(states)
        energy = before + self._least[rows][chains.rank[:states], leaving]
        energy[stays[each, leaving]] = np.inf
        first = chains.first[:running]
        least = np.minimum.reduceat(energy, first)
        attains = np.flatnonzero(energy == least[chains.rank[:states]])
        state = attains[np.searchsorted(attains, first)]
        onward = self.energy[:running] + self._least[rows, 0]
        goes_on = onward <= least
        self.energy[:running] = np.where(goes_on, onward, least)
        by = np.where(goes_on, self._cheap[rows, 0], cheap[state, leaving[state]])
        self._left.append((np.where(goes_on, _NONE, state), by))

    def back(self, rank: int, time: int, chosen: IntArray) -> tuple[int, int]:
        """Enter the classes from the last row back to where the path left its answer: before which row, and the state
        that it left."""
        row, state = int(self._chains.table.first_row[rank]), _NONE
        while state == _NONE:
            time -= 1
            left, by = self._left[time]
            state = int(left[rank])
            chosen[row + time] = by[rank]
        return time, state

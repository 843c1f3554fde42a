"""What stands at each place of an answer, and the answer of least risk, over all alignments without a grammar.

The recursion of `search.minimum_risk`, row by row: a state is the label that the last row has. Any label may follow any
other, so what comes before a label is the mean over all states but its own, which is what all states have less its own
share, with the few likely ones taken one by one: a row costs labels times places, not pairs of labels. Labels that are
nowhere likely and that the answer does not have are one state together, which counts as some other label: no
probability is left out.

Of a long answer the distances are kept within a window of places that follows the least one; what would be aligned
farther off is not, so that the expected distance stays a bound from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray
from lattice_cli.emissions.product_sweep import Alphas
from lattice_cli.graph import EPSILON
from lattice_cli.search.minimum_risk import ConfusionSets, Spoken, descended, hypothesis_of, spoken_over

#: So many classes all have a state of their own; of more, those that are this likely in some row.
_FEW_CLASSES = 32
_LIKELY = 1e-2
#: Places of a window, and by how many it moves on.
_WINDOW = 160
_STRIDE = 32
#: What comes before a label is one by one where it is this likely, and the mean of the rest.
_ALONE = 0.05
#: What is left of a sum by a difference is nothing below this part of it.
_ROUNDING = 1e-12
#: The label of all that have no state of their own: that of no answer.
_ANY_OTHER = -1


class RowConsensus:
    """A matrix whose rows are independent of one another.

    probabilities: (rows, classes), the rows sum to 1. labels: (classes,) indices above 0. blank: the class that is not
    output, and between repeats of a label that are to be two; None: every row outputs its label.
    """

    def __init__(self, probabilities: FloatArray, labels: IntArray, blank: int | None) -> None:
        self._probabilities, self._labels, self._blank = probabilities, labels, blank
        self._likely = probabilities.max(axis=0, initial=0.0) >= _LIKELY
        if len(labels) <= _FEW_CLASSES:
            self._likely[:] = True
        if blank is not None:
            self._likely[blank] = True
        self._states: dict[bytes, _States] = {}
        self._least: dict[tuple[int, ...], ConfusionSets] = {}

    @property
    def exact(self) -> bool:
        """See MinimumRisk: never of all answers one by one."""
        return False

    def places(self, answer: Sequence[int]) -> ConfusionSets:
        """The posteriors of all words aligned with an answer."""
        own = self._likely | np.isin(self._labels, np.array(answer, dtype=np.intp))
        key = own.tobytes()
        if key not in self._states:
            self._states = {key: _States.of(self._probabilities, self._labels, self._blank, own)}
        return _Aligned(self._states[key], tuple(answer)).places()

    def least_risk(self, first: Sequence[int]) -> ConfusionSets:
        """The answer that the recursion comes to from a first one; it need not be one that has an alignment."""
        key = tuple(first)
        if key not in self._least:
            self._least[key] = descended(self.places, key)
        return self._least[key]


@dataclass(frozen=True, eq=False)
class _States:
    """The states of a row. label: (states,) what each outputs, epsilon for the blank. weight: (rows, states) how likely
    each is. stay: (rows, states) of the ways to a state, those that come from itself without an output."""

    label: IntArray
    weight: FloatArray
    stay: FloatArray

    @staticmethod
    def of(probabilities: FloatArray, labels: IntArray, blank: int | None, own: BoolArray) -> _States:
        """own: (classes,) true for those that have a state of their own."""
        named = np.flatnonzero(own)
        label = labels[named]
        if blank is not None:
            label = np.where(named == blank, EPSILON, label)
        weight = probabilities[:, named]
        stay = np.zeros(weight.shape)
        if blank is not None:
            stay[1:] = weight[:-1]
            stay[:, named == blank] = 0.0
        if len(named) < len(own):
            others = probabilities[:, ~own]
            mass = others.sum(axis=1)
            again = np.zeros(len(mass))
            if blank is not None:
                both = np.einsum("tc,tc->t", others[1:], others[:-1])
                again[1:] = np.divide(both, mass[1:], out=np.zeros(len(both)), where=mass[1:] > 0)
            weight = np.concatenate([weight, mass[:, None]], axis=1)
            stay = np.concatenate([stay, again[:, None]], axis=1)
            label = np.append(label, _ANY_OTHER)
        return _States(label, weight, stay)

    @cached_property
    def repeats(self) -> bool:
        """True if a row may go on with the label before it: else all states of a row are alike."""
        return bool((self.stay > 0).any())

    @cached_property
    def blank(self) -> int | None:
        """The state that outputs nothing."""
        found = np.flatnonzero(self.label == EPSILON)
        return int(found[0]) if len(found) else None

    def before(self, row: int) -> FloatArray:
        """(states,) how likely each is before a row; before the first one all are alike."""
        if row == 0:
            return np.full(len(self.label), 1.0 / len(self.label))
        before: FloatArray = self.weight[row - 1]
        return before


@dataclass(frozen=True, eq=False)
class _Ways:
    """Into states by their labels, from groups of states before the row.

    tails: (groups, states) how likely each state before is, in its group. own: (groups, states) what of the group has
    the same label already. share: (groups, states) how likely the group comes before each state, without that. mean:
    (groups, states, width) the distance before each label, from its group.
    """

    tails: FloatArray
    own: FloatArray
    share: FloatArray
    mean: FloatArray


class _Aligned:
    """All that a matrix says, aligned with one answer."""

    def __init__(self, states: _States, answer: tuple[int, ...]) -> None:
        self._answer, self._of = answer, states
        self._hypothesis, self._skipped = hypothesis_of(answer)
        self._width = min(len(self._skipped), _WINDOW)
        rows = len(states.weight)
        self._first = np.zeros(rows + 1, dtype=np.intp)  # of each row, the first place of its window
        begin = np.tile(self._skipped[: self._width], (len(states.label), 1))
        self._alphas = Alphas(rows, begin.size, self._again)
        distance = begin
        for row in range(rows):
            if row % self._alphas.every == 0:
                self._alphas.kept[row] = distance
            self._first[row + 1] = self._next_window(row, distance)
            distance = self._again(row, distance)
        self._last = distance

    def places(self) -> ConfusionSets:
        """See MinimumRisk.places."""
        states, rows, width = self._of, len(self._of.weight), self._width
        left = len(self._skipped) - int(self._first[rows]) - width  # places behind the last window are skipped
        behind = self._skipped[-1] - self._skipped[len(self._skipped) - 1 - left]
        errors = float(states.weight[-1] @ self._last[:, -1] + behind)
        flow = np.zeros(self._last.shape)
        flow[:, -1] = states.weight[-1]
        matched = np.zeros((len(states.label), len(self._hypothesis) + 1))
        for row in range(rows - 1, -1, -1):
            flow = self._pulled(row, flow, matched)
        return ConfusionSets(self._answer, self._slots(matched[:, 1:]), errors, False)

    def _next_window(self, row: int, distance: FloatArray) -> int:
        """Where the window of a row begins: it moves on with the least distance."""
        first, last = int(self._first[row]), len(self._skipped) - self._width
        if first == last:
            return first
        least = int((self._of.before(row) @ distance).argmin())
        return min(first + _STRIDE, last) if least >= (self._width + _STRIDE) // 2 else first

    def _moved(self, row: int, distance: FloatArray) -> FloatArray:
        """The distances before a row, in its own window: what is new there is reached by skipping places."""
        old, new = int(self._first[row]), int(self._first[row + 1])
        if old == new:
            return distance
        end = old + self._width
        further = self._skipped[end : new + self._width] - self._skipped[end - 1]
        return np.concatenate([distance[:, new - old :], distance[:, -1:] + further], axis=1)

    def _ways(self, row: int, before: FloatArray) -> _Ways:
        """The ways into each state by its label: from each likely state before the row, from all others together."""
        weight, stay = self._of.before(row), self._of.stay[row]
        alone = np.flatnonzero(weight >= (_ALONE if self._of.repeats else np.inf))
        tails = np.zeros((len(alone) + 1, len(weight)))
        tails[np.arange(len(alone)), alone] = weight[alone]
        tails[-1] = weight
        tails[-1, alone] = 0.0
        own = np.where(tails > 0, stay, 0.0)
        total = tails.sum(axis=1, keepdims=True)
        share = total - own
        share[share <= _ROUNDING * total] = 0.0
        mean = (tails @ before)[:, None, :] - own[:, :, None] * before
        mean /= np.where(share > 0, share, 1.0)[:, :, None]
        return _Ways(tails, own, share, mean)

    def _spoken(self, row: int, ways: _Ways) -> Spoken:
        """What the labels of a row make of the distances before them, (groups * states, width)."""
        window = slice(int(self._first[row + 1]), int(self._first[row + 1]) + self._width)
        label = np.tile(self._of.label, len(ways.tails))
        hypothesis, skipped = self._hypothesis[window.start : window.stop - 1], self._skipped[window]
        return spoken_over(ways.mean.reshape(len(label), -1), label, hypothesis, skipped)

    def _again(self, row: int, distance: FloatArray) -> FloatArray:
        """The distances behind a row, from those before it."""
        states, before = self._of, self._moved(row, distance)
        ways = self._ways(row, before)
        arriving = self._spoken(row, ways).arriving.reshape(ways.mean.shape)
        after: FloatArray = np.einsum("gs,gsp->sp", ways.share, arriving)
        after += states.stay[row][:, None] * before
        if states.blank is not None:
            after[states.blank] = states.before(row) @ before
        return after

    def _pulled(self, row: int, flow: FloatArray, matched: FloatArray) -> FloatArray:
        """The derivative by the distances before a row, from those behind it; what stands at a place is added there."""
        states, distance = self._of, self._alphas.before(row)
        before, first, width = self._moved(row, distance), int(self._first[row + 1]), self._width
        ways = self._ways(row, before)
        over = self._spoken(row, ways)
        pulled: FloatArray = states.stay[row][:, None] * flow
        speaking = np.where(ways.share[:, :, None] > 0, flow, 0.0)
        if states.blank is not None:
            pulled += np.outer(states.before(row), flow[states.blank])
            speaking[:, states.blank] = 0.0
        speaking = speaking.reshape(-1, width)
        way, place = np.nonzero(speaking)
        mass = speaking[way, place]
        source = over.source[way, place]
        by_match = over.by_match[way, source]
        into = np.bincount(way * width + source - by_match, mass, speaking.size).reshape(ways.mean.shape)
        mass = mass * ways.share.reshape(-1)[way]
        at = (way * width + source)[by_match]
        taken = np.bincount(at, mass[by_match], speaking.size).reshape(ways.mean.shape)
        matched[:, first : first + width] += taken.sum(axis=0)
        pulled += ways.tails.T @ into.sum(axis=1) - np.einsum("gs,gsp->sp", ways.own, into)
        np.maximum(pulled, 0.0, out=pulled)
        shift = first - int(self._first[row])
        if shift:
            moved = np.zeros(pulled.shape)
            moved[:, shift:] = pulled[:, :-shift]
            moved[:, -1] += pulled[:, -shift:].sum(axis=1)
            pulled = moved
        return pulled

    def _slots(self, matched: FloatArray) -> list[dict[int, float]]:
        """matched: (states, places) how likely each label stands at each place; the rest is nothing."""
        named = self._of.label > 0
        labels = self._of.label[named].tolist()
        nothing = np.maximum(1.0 - matched.sum(axis=0), 0.0)
        place, state = np.nonzero(matched[named].T)
        slots: list[dict[int, float]] = [{EPSILON: rest} if rest > 0 else {} for rest in nothing.tolist()]
        for at, which, mass in zip(place.tolist(), state.tolist(), matched[named][state, place].tolist()):
            slots[at][labels[which]] = mass
        return slots

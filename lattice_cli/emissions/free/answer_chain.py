"""One answer of CTC in a matrix: the sum over its alignments, and the best of them (Graves et al. 2006, section 4.1).

States are blank, label, blank, label, ..., blank; a row stays in a state, moves on by one, or, between unlike labels,
passes over the blank.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray


class AnswerChain:
    """energies: (rows, classes) nats, +inf for none. blank: its class. answer: classes, no blank among them."""

    def __init__(self, energies: FloatArray, blank: int, answer: Sequence[int]) -> None:
        self._states: IntArray = np.full(2 * len(answer) + 1, blank, dtype=np.intp)
        self._states[1::2] = answer
        self._over: BoolArray = np.zeros(len(self._states), dtype=bool)  # a state that is reached over a blank
        self._over[3::2] = self._states[3::2] != self._states[1:-2:2]
        self._energies = energies

    def free_energy(self, beta: float) -> float:
        """Of all alignments, nats at this beta (1/nats); +inf where there is none."""
        reached = self._first()
        for row in self._energies:
            stayed, moved, passed = self._ways(-beta * reached, -np.inf)
            reached = np.logaddexp(np.logaddexp(stayed, moved), passed) / -beta + row[self._states]
        return float(-np.logaddexp(*self._ended(-beta * reached, -np.inf)) / beta)

    def best(self) -> IntArray | None:
        """(rows,) the class of each row in the best alignment, None where there is none. Ties go to the later state."""
        reached, backs = self._first(), []
        for row in self._energies:
            ways = np.stack(self._ways(reached, np.inf))
            back = ways.argmin(axis=0)
            backs.append(back.astype(np.int8))
            reached = ways[back, np.arange(len(back))] + row[self._states]
        ended = self._ended(reached, np.inf)
        if not np.isfinite(min(ended)):
            return None
        state = len(reached) - 1 - int(np.argmin(ended))
        states = []
        for back in reversed(backs):
            states.append(state)
            state -= int(back[state])
        return self._states[states[::-1]]

    def _first(self) -> FloatArray:
        """Before the first row: as if a blank came before."""
        reached = np.full(len(self._states), np.inf)
        reached[0] = 0.0
        return reached

    def _ways(self, reached: FloatArray, none: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(states,) each: what is reached by staying, by moving on, and by passing over a blank."""
        moved, passed = np.full((2, len(reached)), none)
        moved[1:] = reached[:-1]
        passed[2:] = np.where(self._over[2:], reached[:-2], none)
        return reached, moved, passed

    def _ended(self, reached: FloatArray, none: float) -> tuple[float, float]:
        """What ends at the last state, and at the one before it."""
        return float(reached[-1]), float(reached[-2]) if len(reached) > 1 else none

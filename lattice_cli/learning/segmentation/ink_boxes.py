"""Where the ink of each segment of a field lies: its box, and the gaps in it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from lattice_cli.arrays import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class InkBoxes:
    """Of each segment, (segments,): begin, end: its cuts; left, right, top, bottom: the box of its ink, right and
    bottom one past it; gap: the longest run of blank columns inside the ink. Without ink right = left."""

    begin: IntArray
    end: IntArray
    left: IntArray
    right: IntArray
    top: IntArray
    bottom: IntArray
    gap: IntArray

    @property
    def width(self) -> IntArray:
        return self.right - self.left

    @property
    def height(self) -> IntArray:
        return self.bottom - self.top

    def take(self, chosen: IntArray) -> InkBoxes:
        """Some of the segments."""
        return InkBoxes(*(getattr(self, column.name)[chosen] for column in fields(self)))

    @staticmethod
    def of(ink: BoolArray, begin: IntArray, end: IntArray) -> InkBoxes:
        """ink: (columns, rows); begin < end: (segments,) columns."""
        columns, rows = ink.shape
        at = np.arange(columns)
        inked = ink.any(axis=1)
        # The first column with ink from each one on, and one past the last before it.
        onward = np.minimum.accumulate(np.where(inked, at, columns)[::-1])[::-1]
        before = np.maximum.accumulate(np.where(inked, at + 1, 0))
        left, right = onward[begin], before[end - 1]
        right = np.maximum(left, right)
        counts: IntArray = np.concatenate((np.zeros((1, rows), np.intp), np.cumsum(ink, axis=0)))
        used: BoolArray = counts[right] > counts[np.minimum(left, right)]
        top = np.where(used.any(axis=1), used.argmax(axis=1), 0)
        bottom = np.where(used.any(axis=1), rows - used[:, ::-1].argmax(axis=1), 0)
        blank = np.where(inked, 0, at - np.concatenate(([0], before[:-1])) + 1)
        gap = np.array([blank[low:high].max(initial=0) for low, high in zip(left.tolist(), right.tolist())], np.intp)
        return InkBoxes(begin, end, left, right, top, bottom, gap)

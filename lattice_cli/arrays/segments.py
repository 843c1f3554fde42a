"""Idioms on columns that come in runs: ranges side by side, rows grouped by a key, values reduced group by group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from lattice_cli.arrays.runs import run_lengths
from lattice_cli.arrays.types import FloatArray, IntArray


class Segments(Protocol):
    """Entries that belong together: those of a segment are next to each other."""

    @property
    def owner(self) -> IntArray:
        """(entries,) the segment of each entry."""

    def least(self, entries: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """(segments,) the minimum of each segment, in `out` if that is given."""

    def summed(self, entries: FloatArray) -> FloatArray:
        """(segments,) the sum of each segment."""

    def spread(self, values: FloatArray) -> FloatArray:
        """(entries,) the value, (segments,), of each entry's segment."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Segments given by where each begins, none of them empty; best for long ones (20 ns a segment, 1 ns an entry)."""

    starts: IntArray
    entries: int

    @cached_property
    def owner(self) -> IntArray:
        """(entries,) the segment of each entry."""
        return np.repeat(np.arange(len(self.starts)), self.width or self._lengths)

    @cached_property
    def width(self) -> int:
        """The length of the runs if they are equally long, else 0."""
        lengths = self._lengths
        return int(lengths[0]) if len(lengths) and (lengths == lengths[0]).all() else 0

    @cached_property
    def _lengths(self) -> IntArray:
        return run_lengths(self.starts, self.entries)

    def least(self, entries: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """(segments,) the minimum of each segment, in `out` if that is given."""
        return np.minimum.reduceat(entries, self.starts, out=out)

    def summed(self, entries: FloatArray) -> FloatArray:
        """(segments,) the sum of each segment."""
        return np.add.reduceat(entries, self.starts)

    def spread(self, values: FloatArray) -> FloatArray:
        """(entries,) the value, (segments,), of each entry's segment."""
        return np.repeat(values, self.width or self._lengths)

    def at_most(self, entries: FloatArray, limits: FloatArray) -> IntArray:
        """Where entries are at most the limit, (segments,), of their segment."""
        if self.width:
            return np.flatnonzero(entries.reshape(-1, self.width) <= limits[:, np.newaxis])
        return np.flatnonzero(entries <= self.spread(limits))


class ScatteredSegments(NamedTuple):
    """Segments given by the owner of each entry; best for short ones (2 ns an entry).

    A segment may be empty: its least is +inf, its sum 0. Sums go entry by entry, so they do not depend on what other
    segments there are.
    """

    owner: IntArray
    segments: int

    def least(self, entries: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """(segments,) the minimum of each segment, in `out` if that is given."""
        least = np.empty(self.segments) if out is None else out
        least.fill(np.inf)
        np.minimum.at(least, self.owner, entries)
        return least

    def summed(self, entries: FloatArray) -> FloatArray:
        """(segments,) the sum of each segment."""
        sums: FloatArray = np.bincount(self.owner, entries, self.segments)  # type: ignore[assignment]
        return sums

    def spread(self, values: FloatArray) -> FloatArray:
        """(entries,) the value, (segments,), of each entry's segment."""
        return values.take(self.owner)

"""Idioms on columns that come in runs: ranges side by side, rows grouped by a key, values reduced group by group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from lattice_cli.graph.graph import FloatArray, IntArray

#: Keys in an order that is nearly sorted are sorted in blocks of about this many.
_BLOCK = 1 << 15
_ROW = 1 << 10
#: Keys below this many times their number are told apart by counting, which is ten times as fast as sorting.
_DENSE = 4
#: A way is followed place by place for so long, and then in strides of 2 to the power of _STRIDES places.
_STROLL = 2000
_STRIDES = 4


def spans(starts: IntArray, counts: IntArray) -> IntArray:
    """The ranges [starts[i], starts[i] + counts[i]) one after the other, (sum of counts,)."""
    before = np.cumsum(counts) - counts
    ranges: IntArray = np.repeat(starts - before, counts)
    ranges += np.arange(len(ranges))
    return ranges


def run_starts(keys: IntArray, second: IntArray | None = None) -> IntArray:
    """Where each run of equal neighbours, in both columns if there are two, begins, (runs,)."""
    if not len(keys):
        return np.zeros(0, dtype=np.intp)
    changed = np.empty(len(keys), dtype=bool)
    changed[0] = True
    np.not_equal(keys[1:], keys[:-1], out=changed[1:])
    if second is not None:
        changed[1:] |= second[1:] != second[:-1]
    return np.arange(len(keys)) if changed.all() else np.flatnonzero(changed)


def distinct(keys: IntArray) -> IntArray:
    """The different keys in ascending order. (np.unique loads numpy.ma the first time, 10 ms of a command's start.)"""
    if len(keys) > _ROW and keys.min() >= 0 and keys.max() < _DENSE * len(keys):
        return np.flatnonzero(np.bincount(keys))
    ordered = np.sort(keys)
    found: IntArray = ordered[run_starts(ordered)]
    return found


def is_sorted(keys: IntArray) -> bool:
    """True if no key is below the one before it."""
    return bool((keys[1:] >= keys[:-1]).all())


def run_lengths(starts: IntArray, total: int) -> IntArray:
    """Lengths of the runs that begin at `starts` and together cover `total` entries, (runs,)."""
    lengths = np.empty(len(starts), dtype=np.intp)
    if len(starts):
        np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
        lengths[-1] = total - starts[-1]
    return lengths


def stable_order(keys: IntArray) -> IntArray:
    """A stable sorting order of integers, (keys,).

    Radix sort in 16-bit digits, which numpy does in linear time for 16-bit integers only. Keys that are nearly in
    order, as those of a graph written level by level, are sorted block by block: half the digits, and in cache.
    """
    if is_sorted(keys):
        return np.arange(len(keys), dtype=np.intp)
    if len(keys) > _BLOCK:
        bounds = _block_bounds(keys)
        if len(bounds) > 2:
            parts = [_radix_order(keys[low:high]) for low, high in pairwise(bounds)]
            for low, part in zip(bounds, parts):
                part += low
            return np.concatenate(parts)
    return _radix_order(keys)


def _block_bounds(keys: IntArray) -> list[int]:
    """Bounds of blocks of at least _BLOCK keys such that no key is above one of a later block.

    Least and greatest keys of short rows tell which rows can have such a bound inside.
    """
    firsts = np.arange(0, len(keys), _ROW)
    least, greatest = np.minimum.reduceat(keys, firsts), np.maximum.reduceat(keys, firsts)
    before = np.append(least.min(), np.maximum.accumulate(greatest)[:-1])
    after = np.append(np.minimum.accumulate(least[::-1])[::-1][1:], greatest.max())
    bounds, wanted = [0], _BLOCK
    for row in np.flatnonzero(before <= after).tolist():
        low = row * _ROW
        if low + _ROW <= wanted:
            continue
        inside = np.concatenate([before[row : row + 1], keys[low : low + _ROW], after[row : row + 1]])
        upward, downward = np.maximum.accumulate(inside), np.minimum.accumulate(inside[::-1])[::-1]
        splits = low + np.flatnonzero(upward[:-2] <= downward[1:-1])
        splits = splits[splits >= wanted]
        if len(splits):
            bounds.append(int(splits[0]))
            wanted = bounds[-1] + _BLOCK
    return [*bounds, len(keys)]


def _radix_order(keys: IntArray) -> IntArray:
    """A stable sorting order, digit by digit."""
    least = int(keys.min())
    highest = int(keys.max()) - least
    keys = keys - least
    order = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    shift = 16
    while highest >> shift:
        digit = (keys >> shift) & 0xFFFF
        narrow = digit.astype(np.uint8 if highest >> shift < 256 else np.uint16)
        order = order[np.argsort(narrow[order], kind="stable")]
        shift += 16
    return order


def way(after: IntArray, place: int) -> IntArray:
    """The places passed from `place` on, each followed by after[place], before the first that is followed by itself.

    A long way is taken in strides: `after` applied to itself tells where each of them leads, from all places at once.
    """
    passed: list[int] = []
    following = after.data
    while following[place] != place and len(passed) < _STROLL:
        passed.append(place)
        place = following[place]
    found: IntArray = np.array(passed, dtype=np.intp)
    if following[place] == place:
        return found
    jump = after
    for _ in range(_STRIDES):
        jump = jump[jump]
    anchors, following = [], jump.data
    while following[place] != place:
        anchors.append(place)
        place = following[place]
    strides = np.empty((len(anchors), 1 << _STRIDES), dtype=np.intp)
    strides[:, 0] = anchors
    for column in range(1, strides.shape[1]):
        strides[:, column] = after[strides[:, column - 1]]
    return np.concatenate([found, strides[strides != place]])


@dataclass(frozen=True, eq=False)
class Grouping:
    """Rows grouped by a key: those of group k are order[offsets[k]:offsets[k + 1]], in their original order."""

    order: IntArray
    offsets: IntArray

    def sizes(self, groups: IntArray) -> IntArray:
        """(groups,) how many rows each of these groups has."""
        return self.offsets[groups + 1] - self.offsets[groups]

    def rows(self, groups: IntArray) -> tuple[IntArray, IntArray]:
        """The rows of these groups one after the other, (rows,), and how many each group has, (groups,)."""
        counts = self.sizes(groups)
        return self.order[spans(self.offsets[groups], counts)], counts


class Grouped(Grouping):
    """Rows grouped by key in [0, groups), which are sorted only when they are asked for."""

    def __init__(self, keys: IntArray, groups: int) -> None:
        offsets = np.zeros(groups + 1, dtype=np.intp)
        np.cumsum(np.bincount(keys, minlength=groups), out=offsets[1:])
        self.__dict__.update(keys=keys, offsets=offsets)

    @cached_property
    def order(self) -> IntArray:
        """(rows,) the rows group by group."""
        return stable_order(self.__dict__["keys"])

    def rows(self, groups: IntArray) -> tuple[IntArray, IntArray]:
        """See Grouping."""
        if "order" not in self.__dict__ and is_sorted(self.__dict__["keys"]):
            counts = self.sizes(groups)
            return spans(self.offsets[groups], counts), counts
        return super().rows(groups)


def group_by(keys: IntArray, groups: int) -> Grouping:
    """Rows grouped by key in [0, groups)."""
    return Grouped(keys, groups)


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


class Owned(NamedTuple):
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

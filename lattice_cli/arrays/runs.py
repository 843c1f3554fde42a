"""Ranges side by side, and runs of equal neighbours."""

from __future__ import annotations

import numpy as np

from lattice_cli.arrays.types import NO_INDICES, IntArray

#: More keys than these, below this many times their number, are told apart by counting: ten times as fast as sorting.
_FEW, _DENSE = 1 << 10, 4


def spans(starts: IntArray, counts: IntArray) -> IntArray:
    """The ranges [starts[i], starts[i] + counts[i]) one after the other, (sum of counts,)."""
    before = np.cumsum(counts) - counts
    ranges: IntArray = np.repeat(starts - before, counts)
    ranges += np.arange(len(ranges))
    return ranges


def run_starts(keys: IntArray, second: IntArray | None = None) -> IntArray:
    """Where each run of equal neighbours, in both columns if there are two, begins, (runs,)."""
    if not len(keys):
        return NO_INDICES
    changed = np.empty(len(keys), dtype=bool)
    changed[0] = True
    np.not_equal(keys[1:], keys[:-1], out=changed[1:])
    if second is not None:
        changed[1:] |= second[1:] != second[:-1]
    return np.arange(len(keys)) if changed.all() else np.flatnonzero(changed)


def distinct(keys: IntArray) -> IntArray:
    """The different keys in ascending order. (np.unique loads numpy.ma the first time, 10 ms of a command's start.)"""
    if len(keys) > _FEW and keys.min() >= 0 and keys.max() < _DENSE * len(keys):
        return np.flatnonzero(np.bincount(keys))
    ordered = np.sort(keys)
    found: IntArray = ordered[run_starts(ordered)]
    return found


def run_lengths(starts: IntArray, total: int) -> IntArray:
    """Lengths of the runs that begin at `starts` and together cover `total` entries, (runs,)."""
    lengths = np.empty(len(starts), dtype=np.intp)
    if len(starts):
        np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
        lengths[-1] = total - starts[-1]
    return lengths

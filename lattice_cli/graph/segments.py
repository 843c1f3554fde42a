"""Idioms on columns that come in runs: ranges side by side, rows grouped by a key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.graph import IntArray


def spans(starts: IntArray, counts: IntArray) -> IntArray:
    """The ranges [starts[i], starts[i] + counts[i]) one after the other, (sum of counts,)."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()), dtype=np.intp)


def run_starts(keys: IntArray) -> IntArray:
    """Where each run of equal neighbours begins, (runs,)."""
    if not len(keys):
        return np.zeros(0, dtype=np.intp)
    changed = np.empty(len(keys), dtype=bool)
    changed[0] = True
    np.not_equal(keys[1:], keys[:-1], out=changed[1:])
    return np.flatnonzero(changed)


def distinct(keys: IntArray) -> IntArray:
    """The different keys in ascending order. (np.unique loads numpy.ma the first time, 10 ms of a command's start.)"""
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


def stable_order(keys: IntArray, limit: int) -> IntArray:
    """A stable sorting order of keys in [0, limit), (keys,).

    Radix sort in 16-bit digits, which numpy does in linear time for 16-bit integers only.
    """
    if len(keys) < 2 or bool((keys[1:] >= keys[:-1]).all()):
        return np.arange(len(keys), dtype=np.intp)
    order = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    shift = 16
    while limit >> shift:
        digit = ((keys >> shift) & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
        shift += 16
    return order


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


def group_by(keys: IntArray, groups: int) -> Grouping:
    """Rows grouped by key in [0, groups)."""
    offsets = np.zeros(groups + 1, dtype=np.intp)
    np.cumsum(np.bincount(keys, minlength=groups), out=offsets[1:])
    return Grouping(stable_order(keys, groups), offsets)

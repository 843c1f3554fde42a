"""A stable order of integers, by radix."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lattice_cli.arrays.types import IntArray

#: Keys in an order that is nearly sorted are sorted in blocks of about this many.
_BLOCK = 1 << 15
#: Where such a block may end is looked for in rows of so many.
_ROW = 1 << 10


def is_sorted(keys: IntArray) -> bool:
    """True if no key is below the one before it."""
    return bool((keys[1:] >= keys[:-1]).all())


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

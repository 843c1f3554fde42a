"""Rows grouped by a key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays.runs import spans
from lattice_cli.arrays.sorting import is_sorted, stable_order
from lattice_cli.arrays.types import IntArray


@dataclass(frozen=True, eq=False)
class Groups:
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


class SortedGroups(Groups):
    """Rows grouped by key in [0, groups), which are sorted only when they are asked for."""

    def __init__(self, keys: IntArray, groups: int) -> None:
        offsets = np.zeros(groups + 1, dtype=np.intp)
        np.cumsum(np.bincount(keys, minlength=groups), out=offsets[1:])
        self.__dict__.update(keys=keys, offsets=offsets)

    @cached_property
    def in_order(self) -> bool:
        """True if the rows come group by group as they are."""
        return is_sorted(self.__dict__["keys"])

    @cached_property
    def order(self) -> IntArray:
        """(rows,) the rows group by group."""
        keys: IntArray = self.__dict__["keys"]
        return np.arange(len(keys)) if self.in_order else stable_order(keys)

    def rows(self, groups: IntArray) -> tuple[IntArray, IntArray]:
        """See Groups."""
        if self.in_order:
            counts = self.sizes(groups)
            return spans(self.offsets[groups], counts), counts
        return super().rows(groups)


def group_by(keys: IntArray, groups: int) -> SortedGroups:
    """Rows grouped by key in [0, groups)."""
    return SortedGroups(keys, groups)

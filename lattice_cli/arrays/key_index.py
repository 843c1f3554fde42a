"""Consecutive numbers for integer keys as they turn up, many at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays.runs import distinct
from lattice_cli.arrays.types import IntArray

#: Up to this many possible keys a plain table is used: 128 MB at most.
_TABLE_KEYS = 1 << 25
_FIBONACCI = np.uint64(0x9E3779B97F4A7C15)


class KeyIndex:
    """Gives each new key the next number; a plain table where the keys allow it, a hash table where they do not."""

    def __init__(self, possible_keys: int) -> None:
        self.count = 0
        self._table: NDArray[np.int32] | None = None
        if possible_keys <= _TABLE_KEYS:
            self._table = np.full(possible_keys, -1, dtype=np.int32)
        else:
            self._bits = 16
            self._keys = np.full(1 << self._bits, -1, dtype=np.int64)
            self._numbers = np.zeros(1 << self._bits, dtype=np.intp)

    def number(self, keys: IntArray) -> tuple[IntArray, IntArray]:
        """(keys,) the number of each key, and the keys that were new, in order of their new numbers."""
        if self._table is not None:
            return self._number_by_table(self._table, keys)
        while (self.count + len(keys)) * 2 > len(self._keys):
            self._grow()
        slots, fresh_slots = self._place(keys)
        fresh = self._keys[fresh_slots]
        self._numbers[fresh_slots] = np.arange(self.count, self.count + len(fresh))
        self.count += len(fresh)
        return self._numbers[slots], fresh

    def _number_by_table(self, table: NDArray[np.int32], keys: IntArray) -> tuple[IntArray, IntArray]:
        candidates = keys[table[keys] < 0]
        # Each new key keeps the last position that was written for it: one representative, without sorting.
        table[candidates] = np.arange(len(candidates), dtype=np.int32)
        fresh = candidates[table[candidates] == np.arange(len(candidates), dtype=np.int32)]
        table[fresh] = np.arange(self.count, self.count + len(fresh), dtype=np.int32)
        self.count += len(fresh)
        return table[keys].astype(np.intp), fresh

    def _home(self, keys: IntArray) -> IntArray:
        slots: IntArray = ((keys.astype(np.uint64) * _FIBONACCI) >> np.uint64(64 - self._bits)).astype(np.intp)
        return slots

    def _place(self, keys: IntArray) -> tuple[IntArray, IntArray]:
        """The slot of each key, and the slots that were taken anew, by linear probing of all keys at once."""
        slots = self._home(keys)
        mask = len(self._keys) - 1
        searching = np.arange(len(keys), dtype=np.intp)
        taken = []
        while len(searching):
            at, wanted = slots[searching], keys[searching]
            empty = self._keys[at] == -1
            self._keys[at[empty]] = wanted[empty]  # of several keys for one slot the last write wins
            found = self._keys[at] == wanted
            taken.append(at[empty])
            searching = searching[~found]
            slots[searching] = (slots[searching] + 1) & mask
        return slots, distinct(np.concatenate(taken)) if taken else slots

    def _grow(self) -> None:
        used = self._keys >= 0
        keys, numbers = self._keys[used], self._numbers[used]
        self._bits += 2
        self._keys = np.full(1 << self._bits, -1, dtype=np.int64)
        self._numbers = np.zeros(1 << self._bits, dtype=np.intp)
        slots, _ = self._place(keys)
        self._numbers[slots] = numbers

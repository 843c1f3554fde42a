"""Consecutive numbers for integer keys as they turn up, many at a time."""

from __future__ import annotations

import numpy as np

from lattice_cli.arrays.types import IntArray

#: Up to this many possible keys a plain table is used, 128 MB at most, once there is a key for so many of its places:
#: few keys of many do not pay for it.
_TABLE_KEYS = 1 << 25
_PLACES = 64
#: The hash table begins with 2 to this power places.
_BITS = 12
_FIBONACCI = np.uint64(0x9E3779B97F4A7C15)


class KeyIndex:
    """Gives each new key the next number; by a hash table, or a plain one where the keys allow it and are many."""

    def __init__(self, possible_keys: int) -> None:
        self.count = 0
        self._possible = possible_keys
        self._bits = _BITS
        #: (places,) the key at each place, -1 for none; None once keys are places themselves.
        self._keys: IntArray | None = np.full(1 << self._bits, -1, dtype=np.int64)
        #: (places,) the number of the key at each place, -1 for none.
        self._numbers = np.full(1 << self._bits, -1, dtype=np.int32)

    def number(self, keys: IntArray) -> tuple[IntArray, IntArray]:
        """(keys,) the number of each key, and the keys that were new, in order of their new numbers."""
        places = self._places(keys)
        candidates = np.flatnonzero(self._numbers[places] < 0)
        # Each new key keeps the last position that was written for it: one representative, without sorting.
        turn = np.arange(len(candidates), dtype=np.int32)
        self._numbers[places[candidates]] = turn
        fresh = candidates[self._numbers[places[candidates]] == turn]
        self._numbers[places[fresh]] = np.arange(self.count, self.count + len(fresh), dtype=np.int32)
        self.count += len(fresh)
        return self._numbers[places].astype(np.intp), keys[fresh]

    def _places(self, keys: IntArray) -> IntArray:
        """The place of each key; new keys get one."""
        if self._keys is None:
            return keys
        expected = self.count + len(keys)
        if self._possible <= min(_TABLE_KEYS, _PLACES * max(expected, 1 << _BITS)):
            used = self._keys >= 0
            numbers = np.full(self._possible, -1, dtype=np.int32)
            numbers[self._keys[used]] = self._numbers[used]
            self._keys, self._numbers = None, numbers
            return keys
        if expected * 2 > len(self._keys):
            used = self._keys >= 0
            known, numbers = self._keys[used], self._numbers[used]
            self._bits = max((expected * 4).bit_length(), self._bits + 1)
            self._keys = np.full(1 << self._bits, -1, dtype=np.int64)
            self._numbers = np.full(1 << self._bits, -1, dtype=np.int32)
            self._numbers[self._probed(self._keys, known)] = numbers
        return self._probed(self._keys, keys)

    def _probed(self, table: IntArray, keys: IntArray) -> IntArray:
        """The place of each key in the hash table, by linear probing of all keys at once."""
        slots: IntArray = ((keys.astype(np.uint64) * _FIBONACCI) >> np.uint64(64 - self._bits)).astype(np.intp)
        mask = len(table) - 1
        searching = np.arange(len(keys), dtype=np.intp)
        while len(searching):
            at, wanted = slots[searching], keys[searching]
            empty = table[at] == -1
            table[at[empty]] = wanted[empty]  # of several keys for one place the last write wins
            searching = searching[table[at] != wanted]
            slots[searching] = (slots[searching] + 1) & mask
        return slots

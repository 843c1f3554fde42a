"""Consecutive numbers for keys: the same whether they are hashed or looked up in a table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice_cli.arrays import KeyIndex, key_index, picked


@given(
    st.lists(st.lists(st.integers(0, 200)), max_size=6), st.sampled_from([201, 1 << 40]), st.sampled_from([1, 10**9])
)
def test_each_key_has_one_number_and_the_next_ones_are_new(parts: list[list[int]], possible: int, places: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_index, "_PLACES", places)
        patch.setattr(key_index, "_BITS", 2)
        index, known = KeyIndex(possible), dict[int, int]()
        for keys in parts:
            numbers, fresh = index.number(np.array(keys, dtype=np.intp))
            assert fresh.tolist() == list(dict.fromkeys(fresh.tolist()))
            assert set(fresh.tolist()) == set(keys) - set(known)
            known.update({key: len(known) + place for place, key in enumerate(fresh.tolist())})
            assert numbers.tolist() == [known[key] for key in keys]
        assert index.count == len(known)


@given(st.lists(st.lists(st.integers(0, 200), max_size=40), max_size=6))
def test_numbers_do_not_tell_a_hash_from_a_table(parts: list[list[int]]) -> None:
    found = []
    for possible in (201, 1 << 40):
        index = KeyIndex(possible)
        found.append([index.number(np.array(keys, dtype=np.intp))[0].tolist() for keys in parts])
    assert found[0] == found[1]


def test_none_is_picked_where_there_is_no_index() -> None:
    assert picked(np.array([1.5, 2.5]), np.array([1, -1, 0]), 9.0).tolist() == [2.5, 9.0, 1.5]
    assert picked(np.zeros(0), np.array([-1, -1]), 9.0).tolist() == [9.0, 9.0]

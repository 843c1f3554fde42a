"""Indices of which -1 is none, and back-pointers, followed to their roots."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays.types import IntArray

#: A chain is followed place by place for so long, and then in strides of 2 to the power of _STRIDES places.
_STROLL = 2000
_STRIDES = 4


_Value = TypeVar("_Value", np.intp, np.float64)


def picked(column: NDArray[_Value], index: IntArray, none: float) -> NDArray[_Value]:
    """column[index], and `none` where the index is -1. (Costs nothing of the column but what is picked.)"""
    if not len(column):
        return np.full(index.shape, none, dtype=column.dtype)
    found: NDArray[_Value] = column[index]
    found[index < 0] = none
    return found


def follow(after: IntArray, place: int) -> IntArray:
    """Follow back-pointers to the root: the places passed from `place` on, without the root.

    after: (places,) the place behind each; a root points to itself. A long chain is followed in strides: `after`
    applied to itself tells where each of them leads, from all places at once.
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

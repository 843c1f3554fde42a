"""Loops over the tokens of a row, compiled by numba: what `beam_search` does with arrays, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np

from lattice_cli.arrays import FloatArray, IntArray

_Loop = TypeVar("_Loop", bound=Callable[..., Any])
_FIBONACCI = np.uint64(0x9E3779B97F4A7C15)


def _loop(function: _Loop) -> _Loop:
    return cast(_Loop, numba.njit(cache=True, error_model="numpy")(function))


@_loop
def moves(
    tokens: tuple[IntArray, FloatArray],
    leaving: tuple[IntArray, IntArray],
    arcs: tuple[IntArray, IntArray, FloatArray, FloatArray],
    columns: IntArray,
    ahead: FloatArray,
    row: FloatArray,
    rest: float,
    above: float,
) -> tuple[IntArray, IntArray, FloatArray]:
    """(moves,) token, arc and energy then of every move over a row whose least energy to the end is not above `above`.

    tokens: node, energy. leaving: arcs by tail, as order and offsets. arcs: head, input (-1: no path takes the arc),
    energy, what a scorer takes at least. columns: (inputs,) the class of each, -1 for none. ahead: (nodes,) potential;
    rest: that of the rows to come.
    """
    node, energy = tokens
    order, offsets = leaving
    dst, taken, cost, judged = arcs
    most = 0
    for token in range(len(node)):
        most += offsets[node[token] + 1] - offsets[node[token]]
    tail, arc, then = np.empty(most, np.intp), np.empty(most, np.intp), np.empty(most)
    found = 0
    for token in range(len(node)):
        for place in range(offsets[node[token]], offsets[node[token] + 1]):
            each = order[place]
            if taken[each] < 0 or columns[taken[each]] < 0:
                continue
            here = energy[token] + (cost[each] + row[columns[taken[each]]])
            bound = ((here + judged[each]) + ahead[dst[each]]) + rest
            if bound <= above and bound < np.inf:
                tail[found], arc[found], then[found] = token, each, here
                found += 1
    return tail[:found], arc[:found], then[:found]


@_loop
def grouped(key: IntArray, energy: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """(moves,) a stable order of moves by key and the number of the key of each place in it, and (keys,) the place of
    the least energy of each key, the first of equal ones."""
    bits = 4
    while (1 << bits) < 2 * len(key):
        bits += 1
    mask, shift = (1 << bits) - 1, np.uint64(64 - bits)
    slot_key = np.full(1 << bits, -1, np.int64)
    slot_group = np.empty(1 << bits, np.intp)
    group = np.empty(len(key), np.intp)
    keys = np.empty(len(key), np.int64)
    groups = 0
    for move in range(len(key)):
        slot = np.intp((np.uint64(key[move]) * _FIBONACCI) >> shift)
        while slot_key[slot] != key[move] and slot_key[slot] != -1:
            slot = (slot + 1) & mask
        if slot_key[slot] == -1:
            slot_key[slot], slot_group[slot], keys[groups] = key[move], groups, key[move]
            groups += 1
        group[move] = slot_group[slot]
    by_key = np.argsort(keys[:groups])
    rank = np.empty(groups, np.intp)
    rank[by_key] = np.arange(groups)
    first = np.zeros(groups + 1, np.intp)
    for move in range(len(key)):
        group[move] = rank[group[move]]
        first[group[move] + 1] += 1
    for number in range(groups):
        first[number + 1] += first[number]
    fill, best = first[:-1].copy(), first[:-1].copy()
    order, head = np.empty(len(key), np.intp), np.empty(len(key), np.intp)
    for move in range(len(key)):
        place = fill[group[move]]
        order[place], head[place] = move, group[move]
        fill[group[move]] += 1
        if energy[move] < energy[order[best[group[move]]]]:
            best[group[move]] = place
    return order, head, best

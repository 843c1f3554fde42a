"""Loops over a schedule, compiled by numba; the first use on a machine compiles them, later ones read them from disk.

Every function does what the numpy code of the same purpose does, over the same arrays in the same order: minima are
equal to the last bit, sums to rounding. Positions and links are those of `schedule`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray

_Loop = TypeVar("_Loop", bound=Callable[..., Any])


def _loop(function: _Loop) -> _Loop:
    return cast(_Loop, numba.njit(cache=True, error_model="numpy")(function))


@_loop
def in_order(src: IntArray, nodes: int) -> IntArray:
    """(arcs,) the arcs in the order of src: a counting sort."""
    place = np.zeros(nodes + 1, dtype=np.intp)
    for arc in range(len(src)):
        place[src[arc] + 1] += 1
    for node in range(nodes):
        place[node + 1] += place[node]
    order = np.empty(len(src), dtype=np.intp)
    for arc in range(len(src)):
        order[place[src[arc]]] = arc
        place[src[arc]] += 1
    return order


@_loop
def useful(src: IntArray, dst: IntArray, order: IntArray, starts: FloatArray, finals: FloatArray) -> BoolArray:
    """(nodes,) true where a path passes, of a graph whose arcs go to higher nodes (or all of them to lower ones).

    order: the arcs in the order of src; empty: they are in that order, or in that of dst.
    """
    nodes, arcs = len(starts), len(src)
    given, climbs = len(order) > 0, arcs == 0 or src[0] < dst[0]
    reached = np.isfinite(starts)
    leads = np.isfinite(finals)
    for step in range(arcs):
        at = step if climbs else arcs - 1 - step
        arc = order[at] if given else at
        if reached[src[arc]]:
            reached[dst[arc]] = True
    for step in range(arcs):
        at = arcs - 1 - step if climbs else step
        arc = order[at] if given else at
        if leads[dst[arc]]:
            leads[src[arc]] = True
    for node in range(nodes):
        reached[node] &= leads[node]
    return reached


@_loop
def links(
    src: IntArray, dst: IntArray, position: IntArray, ends: tuple[IntArray, IntArray, IntArray]
) -> tuple[IntArray, IntArray, IntArray]:
    """(links,) ids and tails of the links in the order of (head, arc), and (positions,) first link of each
    position but the source, and the end.

    position: (nodes,) -1 for those on no path. ends: start nodes, final nodes, and the sink of each of these.
    """
    starts, finals, sink = ends
    nodes, arcs = len(position), len(src)
    positions = 1 if len(sink) == 0 else sink.max() + 1
    first = np.zeros(positions + 1, dtype=np.intp)
    for node in starts:
        first[position[node] + 1] += 1
    for arc in range(arcs):
        if position[src[arc]] >= 0 and position[dst[arc]] >= 0:
            first[position[dst[arc]] + 1] += 1
    for number in range(len(finals)):
        first[sink[number] + 1] += 1
    for place in range(positions):
        first[place + 1] += first[place]
    total = first[positions]
    link_id, tail = np.empty(total, dtype=np.intp), np.empty(total, dtype=np.intp)
    fill = first.copy()
    for node in starts:
        at = fill[position[node]]
        link_id[at], tail[at] = arcs + node, 0
        fill[position[node]] += 1
    for arc in range(arcs):
        before, after = position[src[arc]], position[dst[arc]]
        if before >= 0 and after >= 0:
            at = fill[after]
            link_id[at], tail[at] = arc, before
            fill[after] += 1
    for number in range(len(finals)):
        at = fill[sink[number]]
        link_id[at], tail[at] = arcs + nodes + finals[number], position[finals[number]]
        fill[sink[number]] += 1
    return link_id, tail, first[1:]


@_loop
def level_starts(tail: IntArray, first: IntArray) -> IntArray:
    """(levels,) the first position of each run of positions that no edge leads to from inside the run, as long as they
    can be; the source is none of them.

    first: as of `links`.
    """
    starts = np.empty(len(first) - 1, dtype=np.intp)
    levels, begin = 0, len(first)
    for head in range(1, len(first)):
        for edge in range(first[head - 1], first[head]):
            if tail[edge] >= begin:
                begin = len(first)
                break
        if begin == len(first):
            begin = head
            starts[levels] = head
            levels += 1
    return starts[:levels]


@_loop
def hard(tail: IntArray, first: IntArray, energy: FloatArray, values: FloatArray) -> IntArray:
    """Fill in `values`, (positions,), with least energies; (positions - 1,) the first edge that attains each.

    Of parallel edges it is the least one, also where the sum is so large that it hides how they differ.
    """
    chosen = np.empty(len(first) - 1, dtype=np.intp)
    for head in range(1, len(first)):
        best, least = first[head - 1], np.inf
        for edge in range(first[head - 1], first[head]):
            through = values[tail[edge]] + energy[edge]
            parallel = through == least and tail[edge] == tail[best] and energy[edge] < energy[best]
            if through < least or parallel:
                best, least = edge, through
        values[head] = least
        chosen[head - 1] = best
    return chosen


@_loop
def soft(tail: IntArray, first: IntArray, energy: FloatArray, beta: float, values: FloatArray) -> FloatArray:
    """Fill in `values`, (positions,), with soft minima; (edges,) the share of each edge."""
    share = np.empty(len(tail))
    for head in range(1, len(first)):
        low, high = first[head - 1], first[head]
        least = np.inf
        for edge in range(low, high):
            through = values[tail[edge]] + energy[edge]
            share[edge] = through
            least = min(least, through)
        total = 0.0
        for edge in range(low, high):
            # The least one needs no exp: of few edges that is a good part of them.
            share[edge] = 1.0 if share[edge] == least else np.exp((least - share[edge]) * beta)
            total += share[edge]
        values[head] = least - (np.log(total) / beta if total != 1.0 else 0.0)
        for edge in range(low, high):
            share[edge] /= total
    return share


@_loop
def pushforward(tail: IntArray, first: IntArray, share: FloatArray, values: FloatArray, own: FloatArray) -> None:
    """Fill in `values`, (positions,): each is its own and the sum of share times the value at the tail."""
    for head in range(1, len(first)):
        total = own[head]
        for edge in range(first[head - 1], first[head]):
            total += share[edge] * values[tail[edge]]
        values[head] = total


@_loop
def pullback(tail: IntArray, first: IntArray, share: FloatArray, flow: FloatArray, edge_flow: FloatArray) -> None:
    """The transpose of `pushforward`: add to `flow`, (positions,), what comes back along edges; write `edge_flow`."""
    for head in range(len(first) - 1, 0, -1):
        for edge in range(first[head - 1], first[head]):
            back = flow[head] * share[edge]
            edge_flow[edge] = back
            flow[tail[edge]] += back


@_loop
def first_choices(tail: IntArray, first: IntArray, energy: FloatArray, values: FloatArray) -> IntArray:
    """(positions - 1,) the first link that attains the value of each position."""
    chosen = np.empty(len(first) - 1, dtype=np.intp)
    for head in range(1, len(first)):
        for link in range(first[head - 1], first[head]):
            if values[tail[link]] + energy[link] <= values[head]:
                chosen[head - 1] = link
                break
    return chosen


@_loop
def best_suffixes(
    tail: IntArray, first: IntArray, energy: FloatArray, values: FloatArray, sinks: IntArray
) -> tuple[IntArray, IntArray]:
    """Follow back-pointers from each of some positions to the source: (links,) the links of these suffixes of best
    paths, one after the other, and (sinks,) how many each has. The suffixes have no position but the source in common.
    """
    links, lengths = np.empty(len(values), dtype=np.intp), np.empty(len(sinks), dtype=np.intp)
    passed = 0
    for number in range(len(sinks)):
        begin, place = passed, sinks[number]
        while place > 0:
            link = first[place - 1]
            while values[tail[link]] + energy[link] > values[place]:
                link += 1
            links[passed] = link
            passed += 1
            place = tail[link]
        lengths[number] = passed - begin
    return links[:passed], lengths


@_loop
def step_forward(
    alpha: FloatArray,
    rows: FloatArray,
    arcs: tuple[IntArray, IntArray, FloatArray],
    bounds: tuple[IntArray, IntArray],
    beta: float,
    after: FloatArray,
) -> None:
    """A step of emissions x grammar (see steps.py): fill in `after`, (records, states), for the states entered.

    arcs: tails, columns and energies, in the order of their heads; bounds: (heads + 1,) first arc of each head and the
    end, and (heads,) the heads. beta: infinite for the minimum.
    """
    (src, column, energy), (first, heads) = arcs, bounds
    for record in range(len(alpha)):
        for number in range(len(heads)):
            least = np.inf
            for arc in range(first[number], first[number + 1]):
                least = min(least, alpha[record, src[arc]] + energy[arc] + rows[record, column[arc]])
            # Most states of a lexicon are entered by one arc: there is nothing to add up.
            if first[number + 1] - first[number] > 1 and np.isfinite(beta) and np.isfinite(least):
                total = 0.0
                for arc in range(first[number], first[number + 1]):
                    through = alpha[record, src[arc]] + energy[arc] + rows[record, column[arc]]
                    total += 1.0 if through == least else np.exp((least - through) * beta)
                least -= np.log(total) / beta
            after[record, heads[number]] = least


@_loop
def step_pullback(
    alpha: FloatArray,
    rows: FloatArray,
    flow: FloatArray,
    arcs: tuple[IntArray, IntArray, FloatArray],
    bounds: tuple[IntArray, IntArray],
    beta: float,
    by_arc: FloatArray,
    before: FloatArray,
    by_row: FloatArray,
) -> None:
    """Its derivative: add to `by_arc`, (arcs in their order,), `before`, as alpha, and `by_row`, as rows."""
    (src, column, energy), (first, heads) = arcs, bounds
    longest = 0
    for number in range(len(heads)):
        longest = max(longest, first[number + 1] - first[number])
    share = np.empty(longest)
    for record in range(len(alpha)):
        for number in range(len(heads)):
            into = flow[record, heads[number]]
            if into == 0.0:
                continue
            low, high, least, best = first[number], first[number + 1], np.inf, -1
            if high == low + 1:
                through = alpha[record, src[low]] + energy[low] + rows[record, column[low]]
                if through < np.inf:
                    by_arc[low] += into
                    before[record, src[low]] += into
                    by_row[record, column[low]] += into
                continue
            for arc in range(low, high):
                share[arc - low] = alpha[record, src[arc]] + energy[arc] + rows[record, column[arc]]
                if share[arc - low] < least:
                    least, best = share[arc - low], arc
            if best < 0:
                continue  # no path enters
            total = 1.0
            if np.isfinite(beta):
                total = 0.0
                for arc in range(high - low):
                    share[arc] = 1.0 if share[arc] == least else np.exp((least - share[arc]) * beta)
                    total += share[arc]
            else:
                share[: high - low] = 0.0
                share[best - low] = 1.0
            for arc in range(low, high):
                part = into * (share[arc - low] / total)
                by_arc[arc] += part
                before[record, src[arc]] += part
                by_row[record, column[arc]] += part

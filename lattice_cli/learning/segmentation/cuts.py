"""Where a field of characters may be cut: in the middle of blank gaps, and where little ink crosses a column boundary.

Boundary c lies between the columns c - 1 and c. A cut through a character costs an arc or two; a cut that is missing
costs the field: so boundaries are chosen generously, the one with the least ink across it first. (LeCun, Bottou,
Bengio, Haffner 1998, section V.A: heuristic over-segmentation.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class CutSettings:
    """In columns, except `crossing`.

    spacing: least distance of two cuts. widest: pieces that are wider are cut again. crossing: cost (in pixels of ink,
    see `crossing_cost`) up to which a boundary is cut even where pieces are narrow enough.
    """

    spacing: int
    widest: int
    crossing: float


def ink_runs(ink: BoolArray) -> tuple[IntArray, IntArray]:
    """First and one past the last column of each run of columns with ink. ink: (columns, rows)."""
    edges = np.diff(np.concatenate(([0], ink.any(axis=1).view(np.int8), [0])))
    return np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)


def crossing_ink(image: FloatArray) -> FloatArray:
    """(columns + 1,) ink that crosses each boundary: of each pixel the part that it shares with its neighbours in the
    next column, straight or diagonal. image: (columns, rows)."""
    found = np.zeros(len(image) + 1)
    if len(image) > 1:
        wide = np.pad(image, ((0, 0), (1, 1)))
        near = np.maximum(np.maximum(wide[:, :-2], wide[:, 2:]), image)
        there = np.minimum(image[:-1], near[1:]).sum(axis=1)
        back = np.minimum(image[1:], near[:-1]).sum(axis=1)
        found[1:-1] = (there + back) / 2
    return found


def contour_distance(ink: BoolArray) -> FloatArray:
    """(columns + 1,) rows from the upper to the lower contour at each boundary, the closer pair of its two columns;
    0 beside a blank column."""
    top, bottom = ink.argmax(axis=1), ink.shape[1] - ink[:, ::-1].argmax(axis=1)
    extent = np.where(ink.any(axis=1), bottom - top, 0)
    found = np.zeros(len(ink) + 1)
    found[1:-1] = np.minimum(extent[1:], extent[:-1])
    return found


def crossing_cost(image: FloatArray, ink: BoolArray) -> FloatArray:
    """(columns + 1,) how bad a cut is: the ink it crosses, and the distance between the contours, which tells a
    ligature from two strokes of one character, such as those of a zero."""
    return crossing_ink(image) + contour_distance(ink)


def candidate_cuts(cost: FloatArray, ink: BoolArray, settings: CutSettings) -> IntArray:
    """Boundaries in ascending order, the first and the last of the field with them. ink: (columns, rows)."""
    first, last = ink_runs(ink)
    found = [0, len(ink), *((last[:-1] + first[1:]) // 2).tolist()]
    for begin, end in zip(first.tolist(), last.tolist()):
        found += _within(cost, begin, end, settings)
    return np.unique(np.array(found, dtype=np.intp))


def _within(cost: FloatArray, begin: int, end: int, settings: CutSettings) -> list[int]:
    """Cuts through a run of columns with ink: cheap local minima, then the cheapest in pieces still too wide."""
    spacing = settings.spacing
    inner = np.arange(begin + spacing, end - spacing + 1)
    at = cost[inner]
    lowest = (at <= cost[inner - 1]) & (at <= cost[inner + 1]) & (at <= settings.crossing)
    chosen = [begin, end]
    for boundary in inner[lowest][np.argsort(at[lowest], kind="stable")].tolist():
        if min(abs(boundary - other) for other in chosen) >= spacing:
            chosen.append(boundary)
    chosen.sort()
    piece = 0
    while piece < len(chosen) - 1:
        low, high = chosen[piece], chosen[piece + 1]
        if high - low > max(settings.widest, 2 * spacing - 1):
            chosen.insert(piece + 1, low + spacing + int(cost[low + spacing : high - spacing + 1].argmin()))
        else:
            piece += 1
    return chosen[1:-1]

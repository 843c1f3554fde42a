"""What is seen of the image around a cut: out of these numbers the energy of the cut is learned.

A segment is seen by itself, scaled into a box. Whether its end is a good place to cut is seen from both sides of it:
how much ink goes across, how far the ink reaches, whether there would be a better place close by.
"""

from __future__ import annotations

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray
from lattice_cli.learning.segmentation.cuts import contour_distance, crossing_ink

#: Of a cut; lengths, and ink of a column, in heights of the image. The heights of the profile come last.
SEEN = (
    "ink that crosses it",
    "rows between the contours",
    "cost beyond the least within reach",
    "columns to the nearest local minimum of the cost",
    "columns to the cut before",
    "columns to the cut behind",
    "blank columns on the left",
    "blank columns on the right",
)
#: Columns on each side whose ink, and whose upper and lower contour, are seen: stretches of this many heights.
_STRETCHES = (0.04, 0.1, 0.2, 0.35)
_PER_STRETCH = 3
#: Within how many heights there might be a better cut.
_REACH = 0.15
#: Numbers of a cut.
CUT_SIZE = len(SEEN) + 2 * _PER_STRETCH * len(_STRETCHES)


def cut_features(image: FloatArray, ink: BoolArray, cuts: IntArray) -> FloatArray:
    """(inner cuts, CUT_SIZE): of all cuts but the first and the last, which are the ends of the field.

    image: (columns, rows) without specks; ink: where it has ink; cuts: ascending boundaries, see `candidate_cuts`.
    """
    columns, height = image.shape
    inner = cuts[1:-1]
    found = np.zeros((len(inner), CUT_SIZE))
    if not len(inner):
        return found
    crossed, contours = crossing_ink(image), contour_distance(ink)
    cost = crossed + contours
    found[:, 0], found[:, 1] = crossed[inner], contours[inner]
    reach = max(1, round(_REACH * height))
    around = np.clip(inner[:, np.newaxis] + np.arange(-reach, reach + 1), 0, columns)
    found[:, 2] = cost[inner] - cost[around].min(axis=1)
    lowest = np.flatnonzero((cost[1:-1] <= cost[:-2]) & (cost[1:-1] <= cost[2:])) + 1
    if len(lowest):
        found[:, 3] = np.abs(inner[:, np.newaxis] - lowest).min(axis=1)
    found[:, 4], found[:, 5] = inner - cuts[:-2], cuts[2:] - inner
    at = np.arange(columns)
    inked = ink.any(axis=1)
    before = np.maximum.accumulate(np.where(inked, at + 1, 0))[inner - 1]
    onward = np.minimum.accumulate(np.where(inked, at, columns)[::-1])[::-1][inner]
    found[:, 6], found[:, 7] = inner - before, onward - inner
    found[:, len(SEEN) :] = _profile(image, ink, inner)
    found /= height
    return found


def _profile(image: FloatArray, ink: BoolArray, inner: IntArray) -> FloatArray:
    """(inner cuts, 2 sides * stretches * 3): mean ink of a column, first and one past the last row with ink, of
    stretches of columns that begin at the cut; rows 0 and 0 where there is none."""
    columns, height = image.shape
    ink_before = np.concatenate([[0.0], np.cumsum(image.sum(axis=1))])
    used_before = np.concatenate([np.zeros((1, height), np.intp), np.cumsum(ink, axis=0)])
    parts = []
    for stretch in _STRETCHES:
        width = max(1, round(stretch * height))
        for low, high in ((np.maximum(inner - width, 0), inner), (inner, np.minimum(inner + width, columns))):
            used: BoolArray = used_before[high] > used_before[low]
            some = used.any(axis=1)
            top = np.where(some, used.argmax(axis=1), 0)
            bottom = np.where(some, height - used[:, ::-1].argmax(axis=1), 0)
            parts += [(ink_before[high] - ink_before[low]) / width, top, bottom]
    found: FloatArray = np.stack(parts, axis=1)
    return found

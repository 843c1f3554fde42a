"""Images scaled to another size, with a filter that averages what it shrinks and interpolates what it enlarges."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lattice_cli.arrays import FloatArray


@lru_cache(maxsize=4096)
def weights(size: int, length: int, box: int) -> FloatArray:
    """(box, size) matrix that scales `size` pixels to `length` pixels in the middle of `box`; other rows are 0.

    The filter is a triangle one pixel wide of the larger grid: bilinear where it enlarges, a smooth average where it
    shrinks. Rows of pixels add up to 1.
    """
    scale = size / length
    width = max(1.0, scale)
    centers = (np.arange(length) + 0.5) * scale - 0.5
    triangle = np.maximum(0.0, 1.0 - np.abs(np.arange(size) - centers[:, np.newaxis]) / width)
    found = np.zeros((box, size))
    first = (box - length) // 2
    found[first : first + length] = triangle / triangle.sum(axis=1, keepdims=True)
    found.flags.writeable = False
    return found


def fitted(image: FloatArray, box: tuple[int, int]) -> FloatArray:
    """An image (columns, rows) scaled into the middle of a box (columns, rows), its aspect ratio kept."""
    columns, rows = image.shape
    scale = min(box[0] / columns, box[1] / rows)
    across, down = (max(1, min(most, round(size * scale))) for size, most in zip(image.shape, box))
    found: FloatArray = weights(columns, across, box[0]) @ image @ weights(rows, down, box[1]).T
    return found

"""Images changed a little at each step of a training: moved, with thicker or thinner strokes, a part of them erased.

Ink is high and paper 0, as images are read. Each draw is from the generator that the step has, so that a training goes
on to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lattice_cli.settings import setting

_Images = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class AugmentSettings:
    """How images are changed while they are learned from."""

    shift: int = setting(0, "columns and rows to move an image by at most, either way", least=0, most=100)
    dilate: float = setting(0.0, "how many images get strokes thicker by a pixel each way, 0 to 1", least=0.0, most=1.0)
    erode: float = setting(0.0, "how many get strokes thinner by one", least=0.0, most=1.0)
    erase: float = setting(0.0, "how many get a rectangle of up to a quarter erased", least=0.0, most=1.0)
    shape: tuple[int, int] | None = setting(
        None, "columns and rows of a row that is an image; default: that of recognizer.shape, of segments", least=1
    )

    @property
    def given(self) -> bool:
        """True where anything is changed."""
        return bool(self.shift or self.dilate or self.erode or self.erase)


def augmented(
    inputs: _Images, shape: tuple[int, int] | None, settings: AugmentSettings, rng: np.random.Generator
) -> _Images:
    """Inputs of a record, (rows, size), changed. shape: columns and rows of the image that each row is, its numbers
    behind those of the image left alone; None: the rows are the columns of one image."""
    found: _Images
    if shape is None:
        found = _changed(inputs[np.newaxis], settings, rng)[0]
        return found
    columns, rows = shape
    size = columns * rows
    images = _changed(inputs[:, :size].reshape(-1, columns, rows), settings, rng)
    found = np.concatenate([images.reshape(-1, size), inputs[:, size:]], axis=1)
    return found


def _changed(images: _Images, settings: AugmentSettings, rng: np.random.Generator) -> _Images:
    """(images, columns, rows)."""
    if settings.shift:
        images = _shifted(images, settings.shift, rng)
    for part, reduce in ((settings.dilate, np.maximum), (settings.erode, np.minimum)):
        if part:
            chosen = rng.random(len(images)) < part
            images = np.where(chosen[:, np.newaxis, np.newaxis], _beside(images, reduce), images)
    if settings.erase:
        images = np.where(_rectangles(images.shape, settings.erase, rng), images.dtype.type(0), images)
    return images


def _shifted(images: _Images, most: int, rng: np.random.Generator) -> _Images:
    """Each moved by its own number of columns and rows, with paper where it was moved from."""
    count, columns, rows = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most)))
    by = rng.integers(0, 2 * most + 1, (2, count))
    found: _Images = padded[
        np.arange(count)[:, np.newaxis, np.newaxis],
        (by[0][:, np.newaxis] + np.arange(columns))[:, :, np.newaxis],
        (by[1][:, np.newaxis] + np.arange(rows))[:, np.newaxis, :],
    ]
    return found


def _beside(images: _Images, reduce: np.ufunc) -> _Images:
    """Each pixel with the four beside it; paper goes on behind the edges."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    found = padded[:, 1:-1, 1:-1]
    for other in (padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]):
        found = reduce(found, other)
    return found


def _rectangles(shape: tuple[int, ...], part: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(images, columns, rows) True in a rectangle of so many of them, up to half of either side (Zhong et al. 2017)."""
    count = shape[0]
    chosen = rng.random(count) < part
    inside: NDArray[np.bool_] = chosen[:, np.newaxis, np.newaxis]
    for axis, size in ((1, shape[1]), (2, shape[2])):
        length = rng.integers(1, max(2, size // 2 + 1), count)
        first = rng.integers(0, np.maximum(size - length, 0) + 1)
        place = np.arange(size)
        along = (place >= first[:, np.newaxis]) & (place < (first + length)[:, np.newaxis])
        inside = inside & (along[:, :, np.newaxis] if axis == 1 else along[:, np.newaxis, :])
    return inside

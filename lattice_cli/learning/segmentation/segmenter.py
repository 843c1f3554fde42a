"""Heuristic over-segmentation of a field of characters into a segmentation graph, and the features of its segments.

Every run of consecutive pieces between two cuts that could be one character is an arc. What a recogniser sees of it is
the ink scaled into a box, and beside it the sizes that scaling removes: half a character and two characters look like
whole ones once they are scaled. (LeCun, Bottou, Bengio, Haffner 1998, sections V.A and VIII.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, spans
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.learning.segmentation.cut_features import cut_features
from lattice_cli.learning.segmentation.cuts import CutSettings, candidate_cuts, crossing_cost, crossing_ink, ink_runs
from lattice_cli.learning.segmentation.ink_boxes import InkBoxes
from lattice_cli.learning.segmentation.scaling import fitted
from lattice_cli.settings import MOST_UNITS, setting

#: Numbers after the pixels of a segment, all but the aspect and the darkness in heights of the image.
EXTRAS = (
    "ink width",
    "ink height",
    "vertical middle of the ink",
    "blank columns on the left",
    "blank columns on the right",
    "aspect: width / (width + height) of the ink",
    "darkness: mean of the pixels around which the ink lies",
    "ink that crosses the left cut",
    "ink that crosses the right cut",
)
#: Features are float32, and sums of pixels among them.
_BRIGHTEST = 1e30


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A segmentation graph. cuts: (nodes,) column of each cut, the first 0, the last all columns; ascending.

    src, dst: (segments,) nodes, src < dst, sorted by (src, dst). features: (segments, pixels of the box + extras).
    around: (inner cuts, CUT_SIZE) what is seen of each cut, where that was asked for.
    """

    cuts: IntArray
    src: IntArray
    dst: IntArray
    features: FloatArray
    around: FloatArray | None = None


@dataclass(frozen=True)
class Segmenter:
    """How images are cut. Lengths are in heights of the image, the ink of pixels being their values."""

    box: tuple[int, int] = setting((20, 20), "columns and rows that a segment is scaled into", least=1, most=MOST_UNITS)
    ink: float = setting(0.1, "pixels above this are ink", least=0.0)
    speck: float = setting(0.01, "less ink between blank columns, in squares of the height, is dirt", least=0.0)
    narrowest: float = setting(0.08, "least ink width of a segment, in heights of the image", least=0.0)
    widest: float = setting(0.75, "greatest ink width of a segment, in heights", least=0.0)
    lowest: float = setting(0.5, "least ink height of a segment, in ink heights of the field", least=0.0)
    gap: float = setting(0.1, "widest blank gap inside a segment, in heights", least=0.0)
    pieces: int = setting(5, "most pieces of a segment", least=1, most=MOST_UNITS)
    spacing: float = setting(0.1, "least distance of cuts through ink, in heights", least=0.0)
    piece: float = setting(0.3, "widest piece that is left uncut, in heights", above=0.0)
    crossing: float = setting(
        0.7, "a local minimum is cut up to this cost: ink crossed and distance of contours", least=0.0
    )

    def __post_init__(self) -> None:
        if min(self.box) < 1 or self.pieces < 1:
            raise UsageError("segmenter: the box and the number of pieces have to be at least 1")
        if not 0 <= self.narrowest <= self.widest:
            raise UsageError(f"segmenter: widths of segments from {self.narrowest} to {self.widest} of the height")

    @property
    def size(self) -> int:
        """Numbers in the features of a segment."""
        return self.box[0] * self.box[1] + len(EXTRAS)

    def images(self, features: FloatArray) -> FloatArray:
        """(segments, columns, rows): the features without the extras."""
        return features[:, : self.box[0] * self.box[1]].reshape(-1, *self.box)

    def segment(self, image: FloatArray, around: bool = False) -> Segmentation:
        """The segmentation graph of a field (columns, rows) with values of 0 (blank) to 1 (ink). around: cuts too are
        to be seen."""
        image, ink = self._clean(image)
        height = image.shape[1]
        settings = CutSettings(
            max(1, round(self.spacing * height)), max(1, round(self.piece * height)), self.crossing * height
        )
        cuts = candidate_cuts(crossing_cost(image, ink), ink, settings)
        nodes = np.arange(len(cuts))
        reach = np.minimum(self.pieces, len(cuts) - 1 - nodes)
        src, dst = np.repeat(nodes, reach), spans(nodes + 1, reach)
        bounds = InkBoxes.of(ink, cuts[src], cuts[dst])
        possible = self._possible(bounds, ink)
        if not _passable(src[possible], dst[possible], len(cuts)):
            possible |= dst == src + 1
        chosen = np.flatnonzero(possible)
        features = self._features(image, bounds.take(chosen))
        return Segmentation(
            cuts, src[chosen], dst[chosen], features, cut_features(image, ink, cuts) if around else None
        )

    def whole(self, image: FloatArray) -> Segmentation:
        """The whole image as one segment."""
        image, ink = self._clean(image)
        cuts = np.array([0, len(image)])
        bounds = InkBoxes.of(ink, cuts[:1], cuts[1:])
        return Segmentation(cuts, np.zeros(1, np.intp), np.ones(1, np.intp), self._features(image, bounds))

    def _clean(self, image: FloatArray) -> tuple[FloatArray, BoolArray]:
        """The image without specks, and where it has ink."""
        if image.ndim != 2 or not image.size:
            raise FormatError(f"the image has shape {image.shape}, expected (columns, rows)")
        if not (np.abs(image) < _BRIGHTEST).all():
            raise FormatError(f"the image has a pixel that is not a finite number below {_BRIGHTEST:g}")
        ink: BoolArray = image > self.ink
        if not ink.any():
            raise FormatError(f"the image has no ink: no pixel is above {self.ink:g}")
        first, last = ink_runs(ink)
        total = np.concatenate(([0.0], np.cumsum(np.where(ink, image, 0.0).sum(axis=1))))
        dirt = total[last] - total[first] < self.speck * image.shape[1] ** 2
        if dirt.any() and not dirt.all():
            blank = spans(first[dirt], (last - first)[dirt])
            image, ink = image.copy(), ink.copy()
            image[blank], ink[blank] = 0.0, False
        return image, ink

    def _possible(self, bounds: InkBoxes, ink: BoolArray) -> BoolArray:
        """(segments,) True for what could be one character by its size."""
        height = ink.shape[1]
        rows = np.flatnonzero(ink.any(axis=0))
        found: BoolArray = (
            (bounds.width >= max(1, self.narrowest * height))
            & (bounds.width <= self.widest * height)
            & (bounds.height >= self.lowest * (rows[-1] + 1 - rows[0]))
            & (bounds.gap <= self.gap * height)
        )
        return found

    def _features(self, image: FloatArray, bounds: InkBoxes) -> FloatArray:
        """(segments, size)."""
        found = np.empty((len(bounds.left), self.size))
        pixels = self.box[0] * self.box[1]
        dark = np.empty(len(found))
        corners = zip(bounds.left.tolist(), bounds.right.tolist(), bounds.top.tolist(), bounds.bottom.tolist())
        for number, (left, right, top, bottom) in enumerate(corners):
            part = image[left:right, top:bottom]
            found[number, :pixels] = fitted(part, self.box).ravel()
            dark[number] = part.sum() / part.size
        crossed, height = crossing_ink(image), image.shape[1]
        lengths = (
            bounds.width,
            bounds.height,
            (bounds.top + bounds.bottom) / 2,
            bounds.left - bounds.begin,
            bounds.end - bounds.right,
            bounds.width / (bounds.width + bounds.height) * height,
            dark * height,
            crossed[bounds.begin],
            crossed[bounds.end],
        )
        found[:, pixels:] = np.stack(lengths, axis=1) / height
        return found


def _passable(src: IntArray, dst: IntArray, nodes: int) -> bool:
    """True if arcs sorted by tail lead from the first node to the last."""
    reached = [True, *[False] * (nodes - 1)]
    for tail, head in zip(src.tolist(), dst.tolist()):
        reached[head] = reached[head] or reached[tail]
    return reached[-1]

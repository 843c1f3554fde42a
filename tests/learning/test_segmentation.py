"""Heuristic segmentation: cuts, segments and features on drawn fields, and the coverage reached on real ones."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.learning.segmentation import Segmenter
from lattice_cli.learning.segmentation.cuts import contour_distance, crossing_ink, ink_runs
from lattice_cli.learning.segmentation.scaling import fitted, weights
from lattice_cli.learning.segmentation.segmenter import EXTRAS, Segmentation

HEIGHT = 28
PIXELS = 400


def zero() -> np.ndarray:
    """A ring, 14 columns and 20 rows, in 28 rows."""
    columns, rows = np.meshgrid(np.arange(14) - 6.5, np.arange(HEIGHT) - 13.5, indexing="ij")
    radius = np.hypot(columns / 7, rows / 10)
    return ((radius < 1) & (radius > 0.65)).astype(float)


def one() -> np.ndarray:
    """A stroke, 3 columns and 20 rows."""
    image = np.zeros((3, HEIGHT))
    image[:, 4:24] = 1.0
    return image


def blank(columns: int) -> np.ndarray:
    return np.zeros((columns, HEIGHT))


def arcs(found: Segmentation) -> set[tuple[int, int]]:
    return {(int(found.cuts[src]), int(found.cuts[dst])) for src, dst in zip(found.src, found.dst)}


def test_gaps_are_cut_in_the_middle() -> None:
    found = Segmenter().segment(np.concatenate([blank(2), one(), blank(6), zero(), blank(4), one(), blank(3)]))
    assert {0, 8, 27, 35} <= set(found.cuts.tolist())
    assert {(0, 8), (8, 27), (27, 35)} <= arcs(found)
    assert not any(low < 8 < high for low, high in arcs(found)), "no segment reaches over a wide gap"


def test_touching_characters_are_cut_where_they_touch() -> None:
    field = np.concatenate([blank(3), zero(), zero(), zero(), blank(3)])
    found = Segmenter().segment(field)
    assert {(0, 17), (17, 31), (31, 48)} <= arcs(found)
    assert (0, 31) not in arcs(found), "two characters are too wide for one"


def test_a_wide_bar_is_cut_everywhere_and_still_has_a_path() -> None:
    bar = np.zeros((60, HEIGHT))
    bar[:, 12:15] = 1.0
    found = Segmenter().segment(bar)
    assert np.diff(found.cuts).max() <= 0.3 * HEIGHT
    assert np.diff(found.cuts).min() >= round(0.1 * HEIGHT)


def test_structure() -> None:
    rng = np.random.default_rng(0)
    segmenter = Segmenter()
    for _ in range(30):
        parts = [part for _ in range(5) for part in ((zero, one)[rng.integers(2)](), blank(int(rng.integers(4))))]
        field = np.concatenate(parts)
        found = segmenter.segment(field)
        assert found.cuts[0] == 0
        assert found.cuts[-1] == len(field)
        assert (np.diff(found.cuts) > 0).all()
        assert (found.src < found.dst).all()
        assert (found.dst - found.src <= segmenter.pieces).all()
        order = np.lexsort((found.dst, found.src))
        assert np.array_equal(order, np.arange(len(order)))
        assert found.features.shape == (len(found.src), segmenter.size)
        assert found.features.dtype == np.float64
        assert np.isfinite(found.features).all()
        assert found.features[:, :PIXELS].min() >= 0
        assert found.features[:, :PIXELS].max() <= 1 + 1e-12
        again = segmenter.segment(field)
        assert np.array_equal(again.features, found.features)
        assert np.array_equal(again.cuts, found.cuts)
        assert leads_through(found)


def test_a_long_strip_takes_time_in_proportion() -> None:
    """20,000 columns; all pairs of its cuts would be some 10 million."""
    found = Segmenter(box=(4, 4)).segment(np.tile(np.concatenate([zero(), blank(1), one(), blank(2)]), (1000, 1)))
    assert len(found.cuts) > 2000
    assert len(found.src) < 5 * len(found.cuts)


def leads_through(found: Segmentation) -> bool:
    reached = {0}
    for src, dst in zip(found.src.tolist(), found.dst.tolist()):
        if src in reached:
            reached.add(dst)
    return len(found.cuts) - 1 in reached


@pytest.mark.parametrize("seed", range(20))
def test_any_scribble_has_a_path_from_the_first_cut_to_the_last(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.where(rng.random((int(rng.integers(1, 70)), int(rng.integers(1, 40)))) < rng.random() ** 3, 1.0, 0.0)
    image[rng.integers(len(image)), 0] = 1.0
    assert leads_through(Segmenter().segment(image))


def test_a_segment_on_its_own_is_the_whole_character() -> None:
    segmenter = Segmenter()
    field = np.concatenate([one(), blank(4), zero(), blank(4), one()])
    found = segmenter.segment(field)
    (number,) = (n for n in range(len(found.src)) if tuple(found.cuts[[found.src[n], found.dst[n]]]) == (5, 23))
    alone = segmenter.whole(np.concatenate([blank(2), zero(), blank(2)]))
    np.testing.assert_allclose(found.features[number], alone.features[0], atol=1e-12)
    assert (alone.cuts.tolist(), alone.src.tolist(), alone.dst.tolist()) == ([0, 18], [0], [1])


def test_extras() -> None:
    extras = dict(zip(EXTRAS, Segmenter().whole(np.concatenate([blank(7), one(), blank(14)])).features[0, PIXELS:]))
    assert list(extras.values()) == pytest.approx([3 / 28, 20 / 28, 0.5, 0.25, 0.5, 3 / 23, 1.0, 0.0, 0.0])


def test_half_a_character_differs_from_a_whole_one() -> None:
    segmenter = Segmenter()
    found = segmenter.segment(np.concatenate([zero(), zero()]))
    crossed = {
        (int(found.cuts[src]), int(found.cuts[dst])): row[-2:]
        for src, dst, row in zip(found.src, found.dst, found.features)
    }
    whole = crossed.pop((0, 14))
    assert whole[0] == 0
    assert all(ends[1] > whole[1] / 2 for (_, end), ends in crossed.items() if end < 14)


def test_the_scale_of_the_image_does_not_matter() -> None:
    field = np.concatenate([blank(3), zero(), blank(1), one(), blank(3), zero(), blank(2)])
    double = np.kron(field, np.ones((2, 2)))
    small, large = Segmenter().segment(field), Segmenter().segment(double)
    assert len(small.features) == pytest.approx(len(large.features), abs=8)
    one_segment, other = Segmenter().whole(zero()).features[0], Segmenter().whole(np.kron(zero(), np.ones((2, 2))))
    np.testing.assert_allclose(one_segment[PIXELS:], other.features[0, PIXELS:], atol=1e-9)
    assert np.abs(one_segment[:PIXELS] - other.features[0, :PIXELS]).mean() < 0.1


def test_a_speck_is_erased_but_an_image_of_specks_is_not() -> None:
    speck = blank(1)
    speck[0, 3] = 1.0
    clean = np.concatenate([blank(4), zero(), blank(4)])
    dirty = np.concatenate([speck, blank(3), zero(), blank(4)])
    np.testing.assert_array_equal(Segmenter().whole(clean).features, Segmenter().whole(dirty).features)
    assert len(Segmenter().segment(speck).src) == 1


def test_the_box_is_a_setting() -> None:
    segmenter = Segmenter(box=(9, 10))
    found = segmenter.whole(zero())
    assert segmenter.size == found.features.shape[1] == 90 + len(EXTRAS)
    images = segmenter.images(found.features)
    assert images.shape == (1, 9, 10)
    # Centred: the ring is as symmetric as before.
    np.testing.assert_allclose(images[0], images[0, ::-1, ::-1], atol=1e-12)


def test_resampling_keeps_constants_and_means() -> None:
    for size, length in ((7, 7), (7, 20), (20, 7), (1, 5), (5, 1)):
        matrix = weights(size, length, 20)
        rows = matrix.sum(axis=1)
        assert np.count_nonzero(rows) == length
        np.testing.assert_allclose(rows[rows > 0], 1.0)
    image = np.random.default_rng(0).random((20, 12))
    np.testing.assert_allclose(fitted(image, (20, 12)), image)
    assert fitted(image, (5, 3)).mean() == pytest.approx(image.mean(), abs=0.05)
    assert fitted(np.ones((3, 9)), (20, 18)).sum() == pytest.approx(6 * 18)


def test_what_cuts_are_made_from() -> None:
    image = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 1]], dtype=float)
    first, last = ink_runs(image > 0)
    assert (first.tolist(), last.tolist()) == ([1, 4], [3, 5])
    # (1, row 1) and (2, row 2) touch diagonally.
    assert crossing_ink(image).tolist() == [0, 0, 1, 0, 0, 0]
    assert contour_distance(image > 0).tolist() == [0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("image", [np.zeros((10, 8)), np.full((10, 8), 0.05)])
def test_a_blank_image(image: np.ndarray) -> None:
    for made in (Segmenter().segment, Segmenter().whole):
        with pytest.raises(FormatError, match="has no ink"):
            made(image)


@pytest.mark.parametrize("image", [np.zeros((0, 8)), np.zeros((8, 0)), np.zeros(8), np.zeros((2, 3, 4))])
def test_an_image_of_the_wrong_shape(image: np.ndarray) -> None:
    with pytest.raises(FormatError, match=r"has shape .* expected \(columns, rows\)"):
        Segmenter().segment(image)


def test_pixels_that_are_not_numbers() -> None:
    image = one()
    image[0, 0] = np.nan
    with pytest.raises(FormatError, match="not a finite number"):
        Segmenter().segment(image)


@pytest.mark.parametrize("settings", [{"box": (0, 20)}, {"pieces": 0}, {"narrowest": 0.9}])
def test_settings_that_make_no_sense(settings: dict) -> None:
    with pytest.raises(UsageError, match="segmenter"):
        Segmenter(**settings)


def covered(found: Segmentation, image: np.ndarray, boxes: list[list[int]]) -> bool:
    """True if some path cuts within 2 columns of the middle between neighbours (or with nothing but a speck between it
    and the middle)."""
    segments = set(zip(found.src.tolist(), found.dst.tolist()))
    reached = {0}
    for (_, end), (begin, _) in pairwise(boxes):
        middle = (end + begin) // 2
        near = {
            node
            for node, cut in enumerate(found.cuts.tolist())
            if abs(cut - (end + begin) / 2) <= 2 or image[min(cut, middle) : max(cut, middle)].sum() < 4
        }
        reached = {node for node in near if any((tail, node) in segments for tail in reached)}
    return any((tail, len(found.cuts) - 1) in segments for tail in reached)


@pytest.mark.shared
def test_most_real_fields_have_their_true_segmentation_among_the_paths(shared: Path) -> None:
    file = np.load(shared / "data" / "digits" / "fields_train.npz")
    boxes = [field["boxes"] for field in json.loads((shared / "data" / "digits" / "fields_train.json").read_text())]
    images = np.split(file["columns"].T / 255.0, np.cumsum(file["widths"])[:-1])
    found = [Segmenter().segment(image) for image in images]
    assert np.mean([covered(*field) for field in zip(found, images, boxes)]) >= 0.975
    assert np.mean([len(field.src) for field in found]) < 46
    assert np.mean([len(field.cuts) for field in found]) < 19

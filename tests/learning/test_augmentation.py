"""Images changed while they are learned from: each change against plain Python, and what it is drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from lattice_cli.learning.recognizers import AugmentSettings, augmented


def images(count: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 5 * 4))


def moved(image: np.ndarray, columns: int, rows: int) -> np.ndarray:
    found = np.zeros_like(image)
    for column in range(image.shape[0]):
        for row in range(image.shape[1]):
            if 0 <= column + columns < image.shape[0] and 0 <= row + rows < image.shape[1]:
                found[column, row] = image[column + columns, row + rows]
    return found


def test_each_is_moved_by_its_own_number_of_columns_and_rows() -> None:
    before = images()
    after = augmented(before, (5, 4), AugmentSettings(shift=2), np.random.default_rng(1))
    seen = set()
    for old, new in zip(before.reshape(-1, 5, 4), after.reshape(-1, 5, 4)):
        ways = [
            (columns, rows)
            for columns in range(-2, 3)
            for rows in range(-2, 3)
            if np.array_equal(new, moved(old, columns, rows))
        ]
        assert len(ways) == 1
        seen.update(ways)
    assert len(seen) > 10, "not all the same way"
    assert {columns for columns, _ in seen} == {rows for _, rows in seen} == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize(("key", "choose"), [("dilate", max), ("erode", min)])
def test_strokes_are_thicker_or_thinner_by_a_pixel(key: str, choose: object) -> None:
    assert callable(choose)
    before = images().reshape(-1, 5, 4)
    settings = AugmentSettings(**{key: 0.5})
    after = augmented(before.reshape(-1, 20), (5, 4), settings, np.random.default_rng(1)).reshape(-1, 5, 4)
    changed = 0
    for old, new in zip(before, after):
        padded = np.pad(old, 1)
        wanted = np.array(
            [
                [
                    choose(
                        padded[x + 1, y + 1],
                        padded[x, y + 1],
                        padded[x + 2, y + 1],
                        padded[x + 1, y],
                        padded[x + 1, y + 2],
                    )
                    for y in range(4)
                ]
                for x in range(5)
            ]
        )
        assert np.array_equal(new, wanted) or np.array_equal(new, old)
        changed += np.array_equal(new, wanted)
    assert 10 < changed < 30


def test_a_rectangle_of_up_to_half_of_either_side_is_erased() -> None:
    before = images(200).reshape(-1, 5, 4)
    after = augmented(before.reshape(-1, 20), (5, 4), AugmentSettings(erase=0.5), np.random.default_rng(1))
    erased = 0
    for old, new in zip(before, after.reshape(-1, 5, 4)):
        gone = new != old
        assert not new[gone].any()
        if gone.any():
            columns, rows = np.flatnonzero(gone.any(axis=1)), np.flatnonzero(gone.any(axis=0))
            assert gone[columns[0] : columns[-1] + 1, rows[0] : rows[-1] + 1].all()
            assert len(columns) <= 2
            assert len(rows) <= 2
            erased += 1
    assert 70 < erased < 130


def test_what_is_behind_an_image_is_left_alone_and_a_record_may_be_one_image() -> None:
    settings = AugmentSettings(shift=1, dilate=0.5, erode=0.5, erase=0.5)
    rows = np.concatenate([images(), np.arange(40.0)[:, np.newaxis]], axis=1)
    found = augmented(rows, (5, 4), settings, np.random.default_rng(0))
    assert np.array_equal(found[:, 20:], rows[:, 20:])
    whole = augmented(images(7), None, settings, np.random.default_rng(0))
    assert whole.shape == (7, 20)
    assert np.array_equal(whole, augmented(images(7), None, settings, np.random.default_rng(0))), "of the seed only"
    single = augmented(images().astype(np.float32), (5, 4), settings, np.random.default_rng(0))
    assert single.dtype == np.float32

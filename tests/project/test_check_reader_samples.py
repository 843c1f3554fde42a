"""The check reader's samples and grammar: sound, disjoint, and what their README says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import ROOT

from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.learning.segmentation import Segmenter

SAMPLES = ROOT / "samples" / "check-reader"
RECORDS = {"fields-train": 400, "fields-valid": 150, "digits-train": 500}


def read(name: str) -> tuple[list[np.ndarray], list[str], list[str]]:
    file = np.load(SAMPLES / f"{name}.npz")
    assert file["inputs"].dtype == np.uint8
    assert len(file["inputs"]) == file["lengths"].sum()
    images = np.split(file["inputs"] / float(file["scale"]), np.cumsum(file["lengths"])[:-1])
    targets, ids = (json.loads(file[key].tobytes().decode("utf-8")) for key in ("targets", "ids"))
    return images, targets, ids


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_is_an_image_with_a_number(name: str) -> None:
    images, targets, ids = read(name)
    assert len(images) == len(targets) == len(set(ids)) == RECORDS[name]
    shortest, longest = (1, 1) if name == "digits-train" else (2, 5)
    for image, target in zip(images, targets):
        assert image.shape[1] == 12
        assert image.min() == 0
        assert image.max() <= 1
        assert target.isdigit()
        assert shortest <= len(target) <= longest
        found = Segmenter().segment(image) if longest > 1 else Segmenter().whole(image)
        assert len(found.src) >= 1
    assert set("".join(targets)) == set("0123456789")


def test_isolated_digits_of_the_training_set_are_in_no_validation_field() -> None:
    fields = np.concatenate(read("fields-valid")[0])
    for image in read("digits-train")[0]:
        digit = image[1:-1]
        windows = np.lib.stride_tricks.sliding_window_view(fields, digit.shape)[:, 0]
        assert not (windows == digit).all(axis=(1, 2)).any()


def test_all_of_it_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < 150_000


def test_the_grammar_accepts_one_to_nine_digits() -> None:
    graph = read_one(str(ROOT / "grammars" / "amounts.yaml"), ReadOptions()).graph
    assert (graph.nodes, graph.arcs) == (10, 90)
    assert not graph.energy.any()
    assert np.isfinite(graph.start).sum() == 1
    assert np.isfinite(graph.final).sum() == 9
    assert np.array_equal(graph.dst, graph.src + 1)

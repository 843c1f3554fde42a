"""Graphs of batches that are kept as far as they fit, and made again where they do not: the same numbers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from support.learning import model_of

from lattice_cli.arrays import Kept, array_bytes, memory_there
from lattice_cli.learning.training import Problem, Validation, examples_of, held_pieces


def test_what_does_not_fit_is_made_again() -> None:
    kept, made = Kept([], 1_000), []

    def make(name: str, size: int) -> np.ndarray:
        made.append(name)
        return np.zeros(size // 8)

    for _ in range(3):
        for name, size in (("a", 400), ("b", 800), ("c", 600)):
            with kept.lent(name, lambda name=name, size=size: make(name, size)) as found:
                assert found.nbytes == size
            assert kept.size <= 1_000
    assert made == ["a", "b", "c", "b", "b"]
    kept.forget("a")
    assert kept.size == 600


def test_things_are_weighed_as_they_are_after_their_use() -> None:
    kept = Kept([], 100)
    grown: dict[str, np.ndarray] = {}
    with kept.lent("x", lambda: grown):
        assert kept.size == 0
    with kept.lent("x", dict) as again:
        assert again is grown
        grown["more"] = np.zeros(100)
    assert kept.size == 0
    with kept.lent("x", dict) as again:
        assert again is not grown


def test_arrays_are_counted_once_and_without_what_is_there_anyway() -> None:
    array, shared = np.zeros(10), np.zeros(1_000)
    assert array_bytes({"a": array, "b": [array[2:], (array,)], "c": shared}, {id(shared)}) == 80
    assert memory_there() > 1_000_000


@pytest.mark.parametrize("loss", ["nll", "hinge"])
@pytest.mark.parametrize("alignment", ["ctc", "segments"])
def test_trainings_do_not_hang_on_what_is_kept(monkeypatch: pytest.MonkeyPatch, loss: str, alignment: str) -> None:
    settings = {
        "recognizer": {"kind": "linear"},
        "alignment": {"kind": alignment},
        "grammar": {"ngram": 2},
        "objective": {"loss": loss},
    }
    model, found = model_of("strips", settings)
    examples, values, answers = examples_of(model, found), [], []
    for most in (1 << 30, 0):
        monkeypatch.setattr(held_pieces, "memory_there", lambda most=most: most)
        made = Problem(model, examples, 3)
        theta = made.flat(model.initial(np.random.default_rng(1))) + 0.1
        values += [made.value(theta, made.pieces) for _ in range(2)]
        measured = Validation(model, examples, made.kept)
        answers += [list(measured.answers(made.parameters(theta))) for _ in range(2)]
        assert (made.kept.size > 0) == (most > 0)
    for value in values[1:]:
        assert value.objective == values[0].objective
        np.testing.assert_array_equal(value.gradient, values[0].gradient)
    assert all(each == answers[0] for each in answers[1:])


def test_to_another_process_goes_nothing_that_is_kept() -> None:
    kept = Kept([], 1 << 20)
    with kept.lent("a", lambda: np.zeros(10)):
        pass
    sent = pickle.loads(pickle.dumps(kept))
    assert (kept.size, sent.size) == (80, 0)
    with sent.lent("a", lambda: np.ones(10)) as made:
        assert made.sum() == 10
    assert sent.size == 80

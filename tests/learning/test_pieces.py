"""Steps by pieces: how batches are cut, and that who works on the pieces changes no bit."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.learning import model_of

from lattice_cli import executors
from lattice_cli.choices import LOSSES
from lattice_cli.errors import FormatError, TrainingFailed, WorkerLost
from lattice_cli.executors import Place
from lattice_cli.graph import Inputs
from lattice_cli.learning.training import (
    Model,
    Piece,
    Problem,
    Spread,
    Training,
    TrainingListener,
    TrainingState,
    Validation,
    examples_of,
)
from lattice_cli.learning.training.pieces import assigned, batches_of


class Elsewhere:
    """A process of a pool, in this one: what goes in and out is pickled. losses: how often it is lost before the first
    task that it does."""

    tries = 3

    def __init__(self, state: Any, losses: int = 0) -> None:
        self._sent, self._losses = pickle.dumps(state), losses
        self._state = pickle.loads(self._sent)
        self.begun = 1

    def submit(self, task: Any, *given: Any) -> Future[Any]:
        found: Future[Any] = Future()
        self._losses -= 1
        if self._losses >= 0:
            found.set_exception(BrokenProcessPool())
        else:
            task, given = pickle.loads(pickle.dumps((task, given)))
            found.set_result(pickle.loads(pickle.dumps(task(self._state, *given))))
        return found

    def is_lost(self, error: BaseException | None) -> bool:
        return isinstance(error, BrokenProcessPool)

    def revive(self) -> None:
        self.begun += 1
        self._state = pickle.loads(self._sent)

    def close(self, at_once: bool = False) -> None:
        self._state = None


def elsewhere(place: Place, states: Sequence[Any]) -> list[Elsewhere]:
    return [Elsewhere(state) for state in states]


class Heard(TrainingListener):
    """Ends a training after so many batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        self.left -= 1

    def stopped(self) -> bool:
        return self.left <= 0


def nothing(standing: TrainingState, better: bool) -> None:
    """Nothing is written down."""


def training_of(model: Model, records: Sequence[Any], size: int, piece: int, processes: int) -> Training:
    examples, held_out = examples_of(model, records), examples_of(model, records[:3])
    if processes == 1:
        problem = Problem(model, examples, size, piece)
        return Training(problem, Validation(model, held_out, problem.kept))
    with mock.patch.object(executors, "held_apart", elsewhere):
        crew = partial(Spread, Place(processes), processes, model, held_out=held_out)
        problem = Problem(model, examples, size, piece, crew)
    assert isinstance(problem.crew, Spread)
    return Training(problem, Validation(model, held_out, None, problem.crew))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), st.integers(1, 7))
def test_batches_are_cut_by_the_data_alone_and_shared_evenly(count: int, size: int, most: int, processes: int) -> None:
    examples: list[Any] = [*range(count)]
    batches = batches_of(examples, size, most)
    pieces = [piece for batch in batches for piece in batch]
    assert [each for piece in pieces for each in piece.examples] == examples
    assert [piece.number for piece in pieces] == [*range(len(pieces))]
    for batch in batches:
        lengths = {len(piece.examples) for piece in batch}
        assert max(lengths) <= most
        assert min(lengths) >= max(lengths) - 1
        assert min(lengths) > 0
        whole = sum(len(piece.examples) for piece in batch)
        assert len(batch) - -(-whole // most) in (0, 1)
        assert len(batch) < 3 or len(batch) % 2 == 0 or len(batch) == whole
    shares = assigned(batches, processes)
    assert sorted(piece.number for share in shares for piece in share) == [*range(len(pieces))]
    for batch in batches:
        own = [len({piece.number for piece in share} & {piece.number for piece in batch}) for share in shares]
        assert max(own) <= -(-len(batch) // processes)


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("vectors", {"recognizer": {"kind": "linear"}, "grammar": {"ngram": 2}}),
    "mlp": ("vectors", {"recognizer": {"kind": "mlp", "hidden": [4]}, "grammar": {"neural": {"context": 1}}}),
    "ctc": ("strips", {"recognizer": {"kind": "linear"}, "alignment": {"kind": "ctc"}}),
    "segments": (
        "strips",
        {
            "recognizer": {"kind": "linear"},
            "alignment": {"kind": "segments", "segments": {"box": [4, 6], "lowest": 0.1}, "cuts": "linear"},
        },
    ),
    "ode": ("vectors", {"recognizer": {"kind": "ode", "ode": {"units": 3, "steps": 2, "cost": "every"}}}),
    "scores": ("lattices", {"recognizer": {"kind": "scores"}, "grammar": {"ngram": 2}}),
}
METHODS = [{"method": "adam"}, {"method": "sgd"}, {"method": "lbfgs"}]
#: Losses, and bounds with what is drawn for them.
OBJECTIVES: list[dict[str, Any]] = [{"loss": loss} for loss in LOSSES]
OBJECTIVES += [{"loss": "variational", "q": q, "samples": samples} for q in ("network", "arcs") for samples in (0, 3)]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([*KINDS]),
    st.sampled_from(OBJECTIVES),
    st.sampled_from(METHODS),
    st.sampled_from([2, 3]),
    st.sampled_from([1, 2]),
    st.booleans(),
)
def test_any_number_of_processes_comes_to_the_same_bits(
    kind: str, objective: dict[str, Any], method: dict[str, Any], processes: int, piece: int, stopped: bool
) -> None:
    what, told = KINDS[kind]
    bounded = objective["loss"] == "variational"
    if bounded and (kind == "ode" or (method["method"] == "lbfgs" and objective["samples"])):
        return  # refused
    full = method["method"] == "lbfgs"
    config = {**told, "objective": {**objective, "l2": 0.01}, "optimizer": method}
    config["training"] = {"epochs": 2, "batch": 4, "average": 0.5}
    model, found = model_of(what, config)
    size = len(found) if full else 4
    standings = []
    for number in (1, processes):
        run = training_of(model, found, size, piece, number)
        standing = TrainingState.beginning(run.problem.flat(run.problem.initial(np.random.default_rng(3))))
        try:
            if stopped:
                run.run(standing, Heard(1), nothing)
                standing = TrainingState.of(standing.arrays(), standing.numbers())
                run = training_of(model, found, size, piece, processes + 1 - number)  # the other one goes on
            run.run(standing, TrainingListener(), nothing)
        except TrainingFailed as error:
            standings.append(str(error))
            continue
        figures = (run.problem.searches, run.problem.unproven, run.problem.listed) if not stopped else ()
        arrays = {name: each.tobytes() for name, each in standing.arrays().items()}
        standings.append(f"{_without_seconds(standing)} {figures} {arrays}")
    assert standings[0] == standings[1]


def _without_seconds(standing: TrainingState) -> str:
    epochs = [replace(epoch, seconds=None) for epoch in standing.epochs]
    return str({**standing.numbers(), "epochs": epochs, "seconds": None})


def crf(**more: Any) -> tuple[Model, list[Any]]:
    return model_of("vectors", {"recognizer": {"kind": "linear"}, "grammar": {"ngram": 2}, **more})


@pytest.mark.parametrize("losses", [0, 1, 3, 4])
def test_what_a_lost_process_had_is_done_by_a_new_one_three_times(losses: int) -> None:
    model, found = crf()
    examples = examples_of(model, found)
    alone = Problem(model, examples, 7, 2)
    theta = np.random.default_rng(1).normal(size=len(alone.flat(alone.initial(np.random.default_rng(0)))))
    expected = alone.value(theta, alone.pieces)
    workers: list[Elsewhere] = []

    def pool(place: Place, states: Sequence[Any]) -> list[Elsewhere]:
        workers.extend(elsewhere(place, states))
        return workers

    with mock.patch.object(executors, "held_apart", pool):
        problem = Problem(model, examples, 7, 2, partial(Spread, Place(2), 2, model))
    workers[1]._losses = losses
    if losses > 3:
        with pytest.raises(WorkerLost, match="a process with 4 examples was lost 4 times in one step"):
            problem.value(theta, problem.pieces)
        return
    value = problem.value(theta, problem.pieces)
    assert value.objective == expected.objective
    assert np.array_equal(value.gradient, expected.gradient)
    assert [each.begun for each in workers] == [1, 1 + losses]


@pytest.mark.parametrize("policy", ["error", "skip", "nearest"])
def test_targets_that_cannot_be_spelled_are_told_as_by_one_process(policy: str) -> None:
    """A grammar without pairs of one letter."""
    model, found = model_of(
        "strips",
        {"recognizer": {"kind": "linear"}, "alignment": {"kind": "segments"}, "objective": {"unspelled": policy}},
    )
    records = [*found, *(Inputs(f"long{number}", "test", found[0].values, "ab" * 9) for number in range(3))]
    outcomes: list[Any] = []
    for number in (1, 2):
        try:
            run = training_of(model, records, 5, 2, number)
        except FormatError as error:
            outcomes.append(str(error))
            continue
        problem = run.problem
        theta = problem.flat(model.initial(np.random.default_rng(1)))
        values = [problem.value(theta, batch).objective for batch in problem.batches]
        taught = [example.targets for piece in problem.pieces for example in piece.examples]
        outcomes.append((problem.left_out, problem.replaced, problem.count, taught, values))
    assert outcomes[0] == outcomes[1]
    assert ("long0" in outcomes[0]) if policy == "error" else outcomes[0][0 if policy == "skip" else 1] == 3


def test_the_first_failure_in_the_order_of_pieces_is_told() -> None:
    model, found = crf()
    examples = examples_of(model, found)
    bad = [
        replace(each, inputs=each.inputs * np.inf) if number in (3, 6) else each for number, each in enumerate(examples)
    ]
    told = []
    for processes in (1, 2, 3):
        with mock.patch.object(executors, "held_apart", elsewhere):
            crew = None if processes == 1 else partial(Spread, Place(processes), processes, model)
            problem = Problem(model, bad, 7, 2, crew)
        with pytest.raises(TrainingFailed) as failed:
            problem.value(problem.flat(model.initial(np.random.default_rng(0))), problem.pieces)
        told.append(str(failed.value))
    assert told == ["record 'r3' (test): the energy of an arc is nan"] * 3


def test_a_piece_without_answers_of_its_own_is_itself() -> None:
    piece = Piece([1, 2], 3)  # type: ignore[list-item]
    assert piece.settled([]) is piece

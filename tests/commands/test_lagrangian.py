"""The lagrangian command: chains from files, in tables and JSON, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import ROOT
from support.commands import records, run

CHAIN: dict[str, Any] = {
    "id": "two",
    "state": {"z": 1},
    "steps": 2,
    "f": {"z": "w * z"},
    "weights": {"w": 3},
    "targets": {"y": [0, 1, 10]},
    "cost": {"each": "0.5 * (z - y)^2"},
    "learn": ["w"],
}


def chain(**changes: Any) -> str:
    return json.dumps({**CHAIN, **changes})


def test_numbers_by_hand() -> None:
    """z = 1, 3, 9; lambda_2 = -1, lambda_1 = 2 + 3 lambda_2 = -1, dL/dw = 1 lambda_1 + 3 lambda_2 = -4."""
    (found,) = records(run("lagrangian", "-", "--check", "--json", text=chain()).out)
    assert [row["z"] for row in found["states"]] == [1, 3, 9]
    assert [row["lambda_z"] for row in found["states"]] == [-3, -1, -1]
    assert [row["cost"] for row in found["states"]] == [0, 2, 0.5]
    assert found["cost"] == 2.5
    gradients = {row["name"]: row for row in found["gradients"]}
    assert gradients["w"]["gradient"] == -4
    assert gradients["w"]["difference"] == pytest.approx(-4)
    assert gradients["z"]["gradient"] == -3
    assert found["error"] < 1e-8


def test_several_chains_and_minimising() -> None:
    done = run("lagrangian", "-", "--minimise", "60", "--json", text=f"{chain()}\n---\n{chain(id='other')}\n")
    assert done.status == 0
    for found in records(done.out):
        (weight,) = [row for row in found["gradients"] if row["name"] == "w"]
        assert weight["gradient"] == pytest.approx(0, abs=1e-6)
        assert found["cost"] < found["first_cost"] == 2.5


@pytest.mark.parametrize("name", ["oscillator", "tracking", "fixed-point"])
def test_samples_reach_what_they_are_for(name: str) -> None:
    done = run("lagrangian", str(ROOT / "samples" / f"{name}.yaml"), "--minimise", "80", "--check", "--json")
    assert done.status == 0
    (found,) = records(done.out)
    assert found["cost"] < 1e-12 < found["first_cost"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": {}}, "state is empty"),
        ({"steps": 0}, "steps is 0, expected 1 to 100,000"),
        ({"steps": 1.5}, "steps is 1.5"),
        ({"f": {}}, "f has no formula for the state 'z'"),
        ({"f": {"z": "w * v"}}, "f of z has 'v' in it, which is none of z, w, start.z, k"),
        ({"f": {"z": "y"}}, "f of z has 'y' in it"),
        ({"f": {"z": "w *"}}, "f of z ('w *') is no formula"),
        ({"cost": {"each": "w"}}, "cost each has 'w' in it"),
        ({"cost": {}}, "there is no cost"),
        ({"cost": {"last": "z"}}, "unknown key 'last'"),
        ({"weights": {"w": [1, 2, 3]}}, "weights w has 3 numbers, expected one or 2"),
        ({"targets": {"y": [1, 2]}}, "targets y has 2 numbers, expected one or 3"),
        ({"weights": {"sin": 1}}, "weights has the name 'sin'"),
        ({"weights": {"z": 1}}, "'z' is in state and in weights"),
        ({"learn": ["y"]}, "learn has 'y', which is no weight and no state"),
        ({"learn": ["w", "w"]}, "learn has 'w' twice"),
        ({"lattice": 1}, "unknown key 'lattice'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(changes: dict[str, Any], said: str) -> None:
    done = run("lagrangian", "-", text=chain(**changes))
    assert done.status == 3, done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_what_overflows_is_said() -> None:
    done = run("lagrangian", "-", text=chain(f={"z": "exp(100 * z)"}, steps=5, targets={"y": 0}))
    assert done.status == 4
    assert "no finite value or slope of exp(100 * z)" in done.err


def test_nothing_to_learn() -> None:
    done = run("lagrangian", "-", "--minimise", "3", text=chain(learn=[]))
    assert done.status == 2
    assert "learn has no weights and no states, which --minimise could change" in done.err

"""Small things to learn: sequences of noisy vectors, strips of bars, lattices with scores."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np


def write_inputs(path: pathlib.Path, inputs: list[np.ndarray], targets: list[Any], prefix: str = "r") -> None:
    """An .npz of records as `lattice train` and `lattice recognize` read them."""
    texts = {"targets": targets, "ids": [f"{prefix}{number}" for number in range(len(inputs))]}
    np.savez(
        path,
        inputs=np.concatenate(inputs) if inputs else np.zeros((0, 1)),
        lengths=np.array([len(each) for each in inputs]),
        **{name: np.frombuffer(json.dumps(each).encode(), dtype=np.uint8) for name, each in texts.items()},
    )


def vectors(count: int, seed: int = 0, noise: float = 0.7) -> tuple[list[np.ndarray], list[str]]:
    """Words over abc, never the same letter twice in a row; each letter a row: its corner of a cube, with noise."""
    rng = np.random.default_rng(seed)
    corner = np.eye(3)
    inputs, targets = [], []
    for _ in range(count):
        word = [int(rng.integers(3))]
        for _ in range(int(rng.integers(1, 5))):
            word.append((word[-1] + int(rng.integers(1, 3))) % 3)
        inputs.append(corner[word] + noise * rng.normal(size=(len(word), 3)))
        targets.append("".join("abc"[letter] for letter in word))
    return inputs, targets


def strips(count: int, seed: int = 0) -> tuple[list[np.ndarray], list[str]]:
    """Images 6 rows high: `l` is a full bar, `i` a bar with a gap, `.` a dot, blank columns between them."""
    rng = np.random.default_rng(seed)
    shapes = {"l": [1, 1, 1, 1, 1, 1], "i": [1, 0, 1, 1, 1, 1], "-": [0, 0, 0, 1, 1, 0]}
    inputs, targets = [], []
    for _ in range(count):
        word = "".join(rng.choice(list(shapes), size=int(rng.integers(1, 4))))
        columns = [np.zeros((2, 6))]
        for letter in word:
            wide = int(rng.integers(2, 4))
            columns += [np.tile(shapes[letter], (wide, 1)).astype(float), np.zeros((int(rng.integers(2, 4)), 6))]
        inputs.append(np.concatenate(columns))
        targets.append(word)
    return inputs, targets


def lattices(path: pathlib.Path, count: int, seed: int = 0) -> None:
    """Lattices whose arcs carry two scores, of which the first tells the truth and the second does not."""
    rng = np.random.default_rng(seed)
    with path.open("w") as file:
        for number in range(count):
            words = [("one", "two")[int(each)] for each in rng.integers(0, 2, 3)]
            arcs = []
            for step, word in enumerate(words):
                for rival in ("one", "two"):
                    scores = {"good": float(rival != word) + 0.3 * rng.normal(), "bad": rng.normal()}
                    arcs.append({"from": step, "to": step + 1, "label": rival, "scores": scores})
            record = {"lattice": 1, "id": f"l{number}", "start": 0, "final": 3, "target": words, "arcs": arcs}
            file.write(json.dumps(record) + "\n")

"""The middle of a cascade: fields of digits learned from their translation, its dictionary fixed or learned.

    python benchmarks/accuracy/translation.py [EPOCHS]

The images are those of samples/check-reader; nobody says which digits they are. What is told is a translation of each,
made up here with a fixed seed: a digit becomes one of three words, with probabilities .7, .2 and .1, and every word is
one that three digits may become. The cascade is a recogniser of segments o the dictionary (which words a digit may
become, at no cost, its arcs in a random order, so that ties tell nothing) o energies of word pairs, or without these.
It is trained by nll with the dictionary as it is and with its energies learned, and its label error is that on 150
other fields after the last epoch; `floor` is that of who knows every digit and says the likeliest word. The last line
is JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lattice_cli.models import train

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["nul", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"]
SHIFTS, CHANCES = (0, 1, 3), (0.7, 0.2, 0.1)
SEED = 7
CONFIG = """
train: 1
labels: "0123456789"
data: {train: train.npz, validation: valid.npz}
alignment: {kind: segments}
recognizer: {kind: mlp, hidden: [60]}
factors: [{file: dictionary.json, learn: LEARN}, PAIRS]
objective: {l2: 0.001}
training: {epochs: EPOCHS, batch: 20}
"""


def translated(digits: str, rng: np.random.Generator) -> list[str]:
    """One translation of a field."""
    return [WORDS[(int(digit) + rng.choice(SHIFTS, p=CHANCES)) % 10] for digit in digits]


def write_fields(name: str, to: Path, rng: np.random.Generator) -> float:
    """The fields of a sample with translations for targets; how many of their words are not the likeliest."""
    arrays: dict[str, Any] = dict(np.load(ROOT / "samples" / "check-reader" / name))
    fields = json.loads(arrays["targets"].tobytes())
    targets = [translated(field, rng) for field in fields]
    arrays["targets"] = np.frombuffer(json.dumps(targets).encode(), dtype=np.uint8)
    np.savez(to, **arrays)
    pairs = [pair for field, words in zip(fields, targets) for pair in zip(field, words)]
    return sum(WORDS[int(digit)] != word for digit, word in pairs) / len(pairs)


def main() -> None:
    """Train all, print a row each."""
    epochs = sys.argv[1] if len(sys.argv) > 1 else "30"
    found: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rng = np.random.default_rng(SEED)
        write_fields("fields-train.npz", place / "train.npz", rng)
        found["floor"] = write_fields("fields-valid.npz", place / "valid.npz", rng)
        arcs = [[0, 0, str(digit), WORDS[(digit + shift) % 10], 0.0] for digit in range(10) for shift in SHIFTS]
        arcs = [arcs[number] for number in rng.permutation(len(arcs)).tolist()]
        (place / "dictionary.json").write_text(json.dumps({"lattice": 1, "start": 0, "final": 0, "arcs": arcs}))
        for pairs in (False, True):
            for learn in ("none", "arcs"):
                told = CONFIG.replace("LEARN", learn).replace("EPOCHS", epochs)
                (place / "t.yaml").write_text(told.replace(", PAIRS", ", {ngram: 2, name: pairs}" * pairs))
                standing = train(place / "t.yaml", place / f"{learn}-{pairs}.npz")
                called = f"{'learned' if learn == 'arcs' else 'fixed'}, {'' if pairs else 'no '}pairs"
                found[called] = standing.epochs[-1].label_error
                print(f"{called:<20}{found[called]:.4f}", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

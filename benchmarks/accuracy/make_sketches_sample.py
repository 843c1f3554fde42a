"""Makes samples/sketches.jsonl: invented words as rows of numbers, with what is right at each of four steps.

    python benchmarks/accuracy/make_sketches_sample.py [FILE]

A letter is a row: its place among six, three vowels far from three consonants, with noise. The target of the first two
steps is which of both each letter is, V or C; that of the last two the letters. The same seed gives the same file, byte
for byte.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SEED, WORDS = 18, 80
VOWELS, CONSONANTS = "aeo", "bdg"
NOISE = 0.4


def record(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """A word as a document of inputs: which of both, and which of the three, as numbers around 0 and 1."""
    letters = [str(rng.choice([*VOWELS, *CONSONANTS])) for _ in range(int(rng.integers(2, 6)))]
    rows = []
    for letter in letters:
        kind = VOWELS if letter in VOWELS else CONSONANTS
        place = [2.0 if kind == VOWELS else -2.0, *(1.0 * (letter == each) for each in kind)]
        rows.append([round(float(each), 2) for each in place + NOISE * rng.normal(size=len(place))])
    coarse = "".join("V" if letter in VOWELS else "C" for letter in letters)
    fine = "".join(letters)
    target = {"steps": [coarse, coarse, fine, fine]}
    return {"lattice": 1, "id": f"word-{number}", "target": target, "inputs": rows}


def main() -> None:
    """The file."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "samples" / "sketches.jsonl"
    rng = np.random.default_rng(SEED)
    path.write_text("".join(json.dumps(record(rng, number)) + "\n" for number in range(WORDS)))


if __name__ == "__main__":
    main()

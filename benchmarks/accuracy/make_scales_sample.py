"""Makes samples/scales.jsonl: invented word lattices with an acoustic score and one of a language model.

    python benchmarks/accuracy/make_scales_sample.py [FILE] [LATTICES]

Every word that was said has rivals, and a short word or nothing may stand before it. Acoustic scores are those of so
many frames that are taken as independent, and so too large; nothing says what a word should cost. Four speakers, whose
names are in the ids. The same seed gives the same file, byte for byte. LATTICES: how many, 24 in the sample.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SEED, LATTICES = 18, 24
SPEAKERS = ("ann", "ben", "cleo", "dov")
WORDS = ("turn", "left", "right", "go", "stop", "wait", "north", "south", "ten", "two", "miles", "back")
SHORT = ("a", "the", "uh")


def lattice(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """A lattice as a graph document with its target."""
    said = rng.choice(WORDS, int(rng.integers(3, 7))).tolist()
    arcs: list[tuple[int, int, str | None, float, float]] = []
    node = 0
    for word in said:
        arcs.append((node, node + 1, None, 0.0, 0.0))
        arcs.append((node, node + 1, str(rng.choice(SHORT)), rng.normal(2, 12), rng.normal(0.3, 0.8)))
        others = [other for other in WORDS if other != word]
        arcs.append((node + 1, node + 2, word, rng.normal(60, 8), rng.normal(2, 0.7)))
        for rival in rng.choice(others, 2, replace=False).tolist():
            arcs.append((node + 1, node + 2, rival, rng.normal(70, 12), rng.normal(3.2, 1)))
        node += 2
    tails, heads, labels, acoustic, lm = zip(*arcs)
    return {
        "lattice": 1,
        "id": f"{SPEAKERS[number % len(SPEAKERS)]}-{number // len(SPEAKERS) + 1}",
        "start": 0,
        "final": node,
        "target": " ".join(said),
        "arcs": {
            "from": tails,
            "to": heads,
            "label": labels,
            "scores": {
                "acoustic": [round(float(each), 1) for each in acoustic],
                "lm": [round(float(each), 2) for each in lm],
            },
        },
    }


def main() -> None:
    """The file."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "samples" / "scales.jsonl"
    rng = np.random.default_rng(SEED)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else LATTICES
    path.write_text("".join(json.dumps(lattice(rng, number)) + "\n" for number in range(count)))


if __name__ == "__main__":
    main()

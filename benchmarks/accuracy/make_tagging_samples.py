"""Makes samples/tagging: invented sentences, names in them tagged, and features of their words.

    python benchmarks/accuracy/make_tagging_samples.py [FOLDER]

Sentences are drawn from patterns and lists of words; half of the names are made of syllables and never come twice, and
some are those of people, towns and companies alike. A row of features a word, 0 or 1: how it is written, in which of 24
drawers its letters and its last two letters fall (CRC-32), and the same, without the ending, of the words before and
behind it. The same seed gives the same files, byte for byte.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SEED, TRAIN, TEST, DRAWERS = 18, 240, 160, 24

FIRST = ["Ada", "Jordan", "Florence", "Sydney", "Austin", "Olga", "Henry", "Ines", "Tom", "Chelsea", "Ravi", "Lena"]
TOWNS = [
    "Florence",
    "Sydney",
    "Austin",
    "Chelsea",
    "Jordan",
    "Oslo",
    "Lima",
    "Turin",
    "Perth",
    "Cairo",
    "Porto",
    "Delft",
]
KINDS = ["Bank", "Motors", "Press", "Airlines", "Foods", "Mills"]
SYLLABLES = ["ba", "do", "ke", "li", "mor", "na", "pel", "ri", "sta", "tor", "vin", "wen", "za", "hal", "gro"]
PATTERNS = [
    "PER flew from LOC to LOC on Monday .",
    "PER of ORG met PER in LOC .",
    "ORG opened a shop in LOC last week .",
    "The talks in LOC between ORG and ORG failed .",
    "Shares of ORG fell after PER left .",
    "PER , who was born in LOC , now works for ORG .",
    "It rained in LOC , said PER .",
    "ORG and PER have sold the mill near LOC .",
    "In LOC PER bought the team from ORG .",
    "Nobody left the house on Monday .",
    "LOC beat LOC by two goals , PER scored .",
    "The town of LOC sued ORG last week .",
    "Letters to PER PER never read .",
]


def name(rng: np.random.Generator) -> str:
    return "".join(rng.choice(SYLLABLES, rng.integers(2, 4))).capitalize()


def entity(kind: str, rng: np.random.Generator) -> list[str]:
    """The words of a name."""
    known = rng.random() < 0.5
    if kind == "PER":
        first = str(rng.choice(FIRST)) if known else name(rng)
        return [first, name(rng)] if rng.random() < 0.6 else [first]
    town = str(rng.choice(TOWNS)) if known else name(rng)
    if kind == "LOC":
        return [str(rng.choice(["New", "Port", "North"])), town] if rng.random() < 0.3 else [town]
    kind_of = str(rng.choice(KINDS))
    ways = [[town, kind_of], ["Bank", "of", town], [name(rng), "and", name(rng)], [name(rng), kind_of], [town]]
    return ways[int(rng.integers(len(ways)))]


def sentence(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Words and tags."""
    words, tags = list[str](), list[str]()
    for slot in str(rng.choice(PATTERNS)).split():
        if slot in ("PER", "LOC", "ORG"):
            own = entity(slot, rng)
            words += own
            tags += [f"B-{slot}", *[f"I-{slot}"] * (len(own) - 1)]
        else:
            words.append(slot)
            tags.append("O")
    return words, tags


def drawer(text: str) -> list[int]:
    found = zlib.crc32(text.encode()) % DRAWERS
    return [int(each == found) for each in range(DRAWERS)]


def features(words: list[str]) -> list[list[int]]:
    """A row a word."""
    rows = []
    for place in range(len(words)):
        row = [int(place == 0)]
        for at in (place, place - 1, place + 1):
            word = words[at] if 0 <= at < len(words) else ""
            row += [int(word == ""), int(word[:1].isupper()), int(word[:1].isalpha()), *drawer(word)]
        rows.append([*row, *drawer(words[place][-2:])])
    return rows


def write(path: Path, prefix: str, sentences: list[tuple[list[str], list[str]]]) -> None:
    def text(strings: list[str]) -> np.ndarray:
        return np.frombuffer(json.dumps(strings).encode(), dtype=np.uint8)

    np.savez_compressed(
        path,
        inputs=np.array([row for words, _ in sentences for row in features(words)], dtype=np.uint8),
        lengths=np.array([len(words) for words, _ in sentences], dtype=np.int32),
        targets=text([" ".join(tags) for _, tags in sentences]),
        ids=text([f"{prefix}-{number:03d}" for number in range(len(sentences))]),
    )


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "samples" / "tagging"
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    made = [sentence(rng) for _ in range(TRAIN + TEST)]
    write(out / "train.npz", "train", made[:TRAIN])
    write(out / "test.npz", "test", made[TRAIN:])
    lines = [f"test-{number:03d}\t{' '.join(words)}\n" for number, (words, _) in enumerate(made[TRAIN:])]
    (out / "test.txt").write_text("".join(lines), encoding="utf-8")
    for path in sorted(out.iterdir()):
        print(f"{path.name}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

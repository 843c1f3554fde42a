"""Make samples/check-reader/: fields of handwritten digits side by side, and isolated digits.

    python benchmarks/accuracy/make_check_reader_samples.py [DIGITS.npz] [OUT]

DIGITS.npz holds the 1,797 UCI digits (default: data/digits/sklearn_digits.npz in ../shared beside the checkout): images
(digits, 8 rows, 8 columns) of 0 to 16, labels. OUT is samples/check-reader by default. The same input gives the same
arrays. Each digit is freed of blank columns and stretched from 8 to 12 rows, as the originals have been squeezed into a
square; the digits of a field stand -1 (the last and the first column fall on each other) to 2 columns apart. The last
third of the digits is for validation alone.

    fields-train.npz, fields-valid.npz    2 to 5 digits a field
    digits-train.npz                      a digit a record

Arrays of a file: inputs (columns of all records, 12) uint8, one row an image column; lengths (records,) columns of each
record; scale: what inputs are divided by to be 0 (paper) to 1 (ink); targets, ids: UTF-8 bytes of a JSON list of
strings.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

SEED = 1998
ROWS = 12
SCALE = 16.0
TRAIN = 1200
FIELDS, VALID_FIELDS, ISOLATED = 400, 150, 500
ROOT = Path(__file__).resolve().parents[2]


def stretched(image: np.ndarray) -> np.ndarray:
    """(8 rows, 8 columns) of 0 to 16 -> (columns with ink, 12 rows), linear between rows."""
    columns = np.flatnonzero(image.any(axis=0))
    at = np.clip((np.arange(ROWS) + 0.5) * len(image) / ROWS - 0.5, 0, len(image) - 1)
    inked = image[:, columns[0] : columns[-1] + 1].astype(float)
    return np.stack([np.interp(at, np.arange(len(image)), column) for column in inked.T])


def field(digits: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """(columns, 12): the digits side by side, a blank column at both ends."""
    place, starts = 1, []
    for digit in digits:
        starts.append(place)
        place += len(digit) + int(rng.integers(-1, 3))
    found = np.zeros((starts[-1] + len(digits[-1]) + 1, ROWS))
    for start, digit in zip(starts, digits):
        part = found[start : start + len(digit)]
        np.maximum(part, digit, out=part)
    return np.rint(found).astype(np.uint8)


def fields(images: list[np.ndarray], labels: np.ndarray, count: int, rng: np.random.Generator) -> list[tuple]:
    """(image, text) of each field; every digit is used before one is used twice."""
    order: list[int] = []
    made = []
    for _ in range(count):
        length = int(rng.integers(2, 6))
        if len(order) < length:
            order += rng.permutation(len(images)).tolist()
        chosen, order = order[:length], order[length:]
        made.append((field([images[number] for number in chosen], rng), "".join(str(labels[n]) for n in chosen)))
    return made


def write(path: Path, name: str, records: list[tuple]) -> None:
    def text(strings: list[str]) -> np.ndarray:
        return np.frombuffer(json.dumps(strings).encode(), dtype=np.uint8)

    np.savez_compressed(
        path,
        inputs=np.concatenate([image for image, _ in records]),
        lengths=np.array([len(image) for image, _ in records], dtype=np.int32),
        scale=np.array(SCALE),
        targets=text([target for _, target in records]),
        ids=text([f"{name}-{number:03d}" for number in range(len(records))]),
    )


def main() -> None:
    source = sys.argv[1] if len(sys.argv) > 1 else ROOT.parent / "shared" / "data" / "digits" / "sklearn_digits.npz"
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "samples" / "check-reader"
    out.mkdir(parents=True, exist_ok=True)
    file = np.load(source)
    images, labels = [stretched(image) for image in file["images"]], file["labels"]
    rng = np.random.default_rng(SEED)
    write(out / "fields-train.npz", "train", fields(images[:TRAIN], labels[:TRAIN], FIELDS, rng))
    write(out / "fields-valid.npz", "valid", fields(images[TRAIN:], labels[TRAIN:], VALID_FIELDS, rng))
    isolated = rng.permutation(TRAIN)[:ISOLATED]
    write(out / "digits-train.npz", "digit", [(field([images[n]], rng), str(labels[n])) for n in isolated])
    for path in sorted(out.glob("*.npz")):
        print(f"{path.name}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

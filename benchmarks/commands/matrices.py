"""Matrices, their losses and trainings at working size: whole commands, seconds beyond the start-up and memory.

    python benchmarks/commands/matrices.py [SHARED] [--rounds 3] [--other PYTHON]

SHARED has data/letters and data/lexica (default: ../shared beside the checkout); rows whose data are absent are left
out. Seconds are processor time (user and system), MB the peak of memory, medians of rounds. --other is a Python with
another version of the package, which runs the same commands in turn. The last line is JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import statistics
import sys
import tempfile
from typing import Any

import growth
import numpy as np


def flat(folder: pathlib.Path, rows: int, classes: int) -> list[str]:
    """A CTC matrix that says little: no class is much likelier than others."""
    made = growth.matrix(folder, rows, classes)
    values = np.random.default_rng(1).normal(size=(rows, classes))
    np.save(made[0], values - np.log(np.exp(values).sum(axis=1, keepdims=True)))
    return made


def training(folder: pathlib.Path, records: int, loss: str) -> list[str]:
    """One epoch over CTC records of 100 rows of 40 numbers, 28 labels."""
    rng = np.random.default_rng(0)
    letters = [*"abcdefghijklmnopqrstuvwxyzA"]
    path = folder / f"records{records}.jsonl"
    if not path.exists():
        with path.open("w") as out:
            for number in range(records):
                inputs = rng.normal(size=(100, 40)).round(3).tolist()
                target = "".join(rng.choice(letters, size=20).tolist())
                out.write(json.dumps({"lattice": 1, "id": str(number), "inputs": inputs, "target": target}) + "\n")
    config = folder / f"{loss}{records}.yaml"
    config.write_text(
        f"train: 1\ndata: {{train: {path}}}\nlabels: {json.dumps(letters)}\nrecognizer: {{kind: linear}}\n"
        f"alignment: {{kind: ctc}}\nobjective: {{loss: {loss}}}\ntraining: {{epochs: 1, batch: 10}}\n"
    )
    return ["train", str(config), "-o", str(folder / f"{loss}{records}.npz"), "--restart"]


def letters(shared: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """100 handwritten words through a neural grammar of context 3."""
    file = np.load(shared / "data" / "letters" / "energies_train0_test1.npz")
    ends = np.cumsum(file["lengths"].astype(int))[:-1]
    stream, text, model = folder / "letters.jsonl", folder / "suffixes.txt", folder / "neural.npz"
    with stream.open("w") as out:
        for number, matrix in enumerate(np.split(file["energies"].astype(float), ends)[:100]):
            labels = [chr(97 + letter) for letter in range(26)]
            record = {"lattice": 1, "id": str(number), "labels": labels, "emissions": matrix.tolist()}
            out.write(json.dumps(record) + "\n")
    words = gzip.decompress((shared / "data" / "letters" / "lexicon_suffixes.txt.gz").read_bytes()).split(b"\n")
    text.write_bytes(b"\n".join(words[:3_000]) + b"\n")
    growth.run(["grammar", "neural", str(text), "--context", "3", "--epochs", "2", "-o", str(model)])
    return ["viterbi", str(stream), "-g", str(model), "--json"]


def rows(shared: pathlib.Path, folder: pathlib.Path) -> dict[str, list[str]]:
    """The commands by what they are called."""
    usual, many = growth.matrix(folder, 500, 28), growth.matrix(folder, 100, 1_000)
    little, target = flat(folder, 100, 1_001), "w1 w2 w3 w4 w5"
    long = growth.matrix(folder, 3_000, 28)
    found = {
        "500 x 28: forward": ["forward", *usual],
        "500 x 28: viterbi --confidence": ["viterbi", *usual, "--confidence", "--json"],
        "500 x 28: viterbi --mbr": ["viterbi", *usual, "--mbr", "--json"],
        "3,000 x 28: viterbi --confidence": ["viterbi", *long, "--confidence", "--json"],
        "3,000 x 28: viterbi --mbr": ["viterbi", *long, "--mbr", "--json"],
        "100 x 1,000: viterbi -n 5 --distinct": ["viterbi", *many, "-n", "5", "--distinct", "--json"],
        "100 x 1,000: viterbi --confidence": ["viterbi", *many, "--confidence", "--json"],
        "100 x 1,000: viterbi --mbr": ["viterbi", *many, "--mbr", "--json"],
        "100 x 1,001, flat: viterbi -n 5 --distinct": ["viterbi", *little, "-n", "5", "--distinct", "--json"],
        "100 x 1,001, flat: viterbi --confidence": ["viterbi", *little, "--confidence", "--json"],
        "100 x 1,001, flat: viterbi --mbr": ["viterbi", *little, "--mbr", "--json"],
        "200 x 32,000: viterbi": ["viterbi", *growth.matrix(folder, 200, 32_000), "--json"],
        "300 x 6,000: loss nll": ["loss", *growth.matrix(folder, 300, 6_000), "-t", target, "--loss", "nll"],
    }
    if shared.is_dir():
        lexicon = folder / "lexicon.npz"
        words = gzip.decompress((shared / "data" / "lexica" / "wamerican_az.txt.gz").read_bytes()).decode().split()
        (folder / "words.txt").write_text("\n".join(words[:25_573]) + "\n")
        growth.run(["grammar", "words", str(folder / "words.txt"), "--output-words", "-o", str(lexicon)])
        spelled = growth.matrix(folder, 120, 27)
        for name in ("nll", "hinge"):
            command = ["loss", *spelled, "-g", str(lexicon), "-t", words[9], "--loss", name, "--no-arcs"]
            found[f"120 x 27, 25,573 words: loss {name}"] = command
        found["100 words, neural grammar: viterbi"] = letters(shared, folder)
    for name in ("nll", "hinge"):
        for count in (100, 200, 400):
            found[f"train on {count} CTC records: {name}"] = training(folder, count, name)
    return found


def main() -> None:
    """Run every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = pathlib.Path(__file__).resolve().parents[3] / "shared"
    parser.add_argument("shared", type=pathlib.Path, nargs="?", default=beside)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--other", metavar="PYTHON")
    given = parser.parse_args()
    pythons = [sys.executable, *([given.other] if given.other else [])]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        commands = {"start-up": ["viterbi", growth.lattices(folder, 1, 32)], **rows(given.shared, folder)}
        print(f"{'':44}" + "".join(f"{name:>11}{'MB':>7}" for name in ("seconds", "other")[: len(pythons)]))
        base = [0.0] * len(pythons)
        for name, command in commands.items():
            line, figures = f"{name:44}", []
            for number, python in enumerate(pythons):
                try:
                    measured = [growth.run(command, python) for _ in range(given.rounds if number == 0 else 1)]
                except SystemExit as error:
                    line += f"{str(error).splitlines()[-1][-16:]:>18}"
                    figures.append(None)
                    continue
                seconds, peak = (statistics.median(column) for column in list(zip(*measured))[:2])
                base[number] = seconds if name == "start-up" else base[number]
                above = seconds if name == "start-up" else max(0.0, seconds - base[number])
                line += f"{above:>11.2f}{peak:>7.0f}"
                figures.append({"seconds": above, "MB": peak})
            found[name] = figures
            print(line, flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

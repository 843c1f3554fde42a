"""What costs grow with: one thing is doubled at a time, and each command is run as a process of its own.

    python benchmarks/commands/growth.py [--only NAME,...] [--rounds 3]

Seconds are processor time (user and system), MB the peak of memory, medians of rounds in which the sizes run in turn.
The exponent is that of the last doubling, of what goes beyond the start-up: 1 is in proportion, 0 no growth. `a record`
is what a further record costs where what it is decoded through grows: the difference of two commands with few and many
records. Tables, and last a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import statistics
import string
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: Records of a grammar's rows: few, and many.
_FEW, _MANY = 5, 405
_LETTERS = string.ascii_lowercase

#: A process starts at the memory of the one that it is forked from: this one is small.
_LAUNCHER = """
import resource, subprocess, sys, time
begun = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
if done.returncode not in (0, 1):
    raise SystemExit(done.stderr)
wall = time.perf_counter() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, wall)
"""


def run(arguments: Sequence[str], python: str = sys.executable) -> tuple[float, float, float]:
    """Seconds of processor time of a command, MB at its peak, seconds by the clock."""
    command = [sys.executable, "-c", _LAUNCHER, python, "-m", "lattice_cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr.strip()}")
    seconds, peak, wall = map(float, done.stdout.split())
    return seconds, peak, wall


def matrix(folder: pathlib.Path, rows: int, classes: int) -> list[str]:
    """A peaky CTC matrix, mostly blanks, and its labels, as arguments."""
    rng = np.random.default_rng(rows * 7 + classes)
    values = rng.normal(size=(rows, classes)) * 2
    spoken = rng.random(rows) < 0.35
    values[np.arange(rows), np.where(spoken, rng.integers(1, classes, rows), 0)] += 14
    values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
    name = folder / f"m{rows}x{classes}"
    np.save(f"{name}.npy", values)
    labels = ["<b>", *(_LETTERS[n] if classes <= 27 else f"w{n}" for n in range(classes - 1))]
    pathlib.Path(f"{name}.labels.txt").write_text("".join(f"{label}\n" for label in labels))
    return [f"{name}.npy", "--labels", f"{name}.labels.txt", "--logp", "--ctc", "<b>"]


def words(folder: pathlib.Path, count: int) -> str:
    """A file of so many different words of 3 to 9 letters; a longer one begins as a shorter one does."""
    rng = np.random.default_rng(1)
    found: dict[str, None] = {}
    while len(found) < count:
        for row in rng.integers(0, 26, (1_000, 9)).tolist():
            found["".join(_LETTERS[letter] for letter in row[: 3 + row[8] % 7])] = None
    path = folder / f"words{count}.txt"
    path.write_text("".join(f"{word}\n" for word in list(found)[:count]))
    return str(path)


def spoken(folder: pathlib.Path, count: int, ctc: bool) -> str:
    """A stream of words that all lexica have, said with some noise: CTC matrices of 20 rows over the letters, or
    lattices of three letters in each place."""
    rng = np.random.default_rng(count)
    path = folder / f"spoken{count}{ctc}.jsonl"
    said = pathlib.Path(words(folder, 1_000)).read_text().split()
    with path.open("w") as out:
        for number, word in enumerate(rng.choice(said, size=count).tolist()):
            record: dict[str, Any] = {"lattice": 1, "id": str(number)}
            if ctc:
                energies = (rng.random((20, 27)) * 3 + 5).round(3)
                energies[:, 26] = 1.0
                energies[2 * np.arange(len(word)), [_LETTERS.index(letter) for letter in word]] = 0.5
                record |= {"labels": [*_LETTERS, "_"], "emissions": energies.tolist()}
            else:
                places = [[letter, *rng.choice([*_LETTERS], size=2).tolist()] for letter in word]
                arcs = [
                    [at, at + 1, each, round(rng.random(), 3)] for at, some in enumerate(places) for each in {*some}
                ]
                record |= {"start": 0, "final": len(word), "arcs": arcs}
            out.write(json.dumps(record) + "\n")
    return str(path)


def lattices(folder: pathlib.Path, count: int, arcs: int, form: str = "jsonl") -> str:
    """Layered lattices of 4 nodes a level, as a stream or as AT&T text of one."""
    rng = np.random.default_rng(count + arcs)
    levels = max(2, arcs // 16)
    path = folder / f"lattices{count}x{arcs}.{form}"
    with path.open("w") as out:
        for number in range(count):
            tail = np.repeat(np.arange(4 * (levels - 1)), 4)
            head = (tail // 4 + 1) * 4 + np.tile(np.arange(4), 4 * (levels - 1))
            label, energy = rng.integers(0, 26, len(tail)), rng.random(len(tail)).round(4)
            rows = zip(tail.tolist(), head.tolist(), label.tolist(), energy.tolist())
            if form == "att":
                out.writelines(f"{a}\t{b}\t{_LETTERS[c]}\t{_LETTERS[c]}\t{e}\n" for a, b, c, e in rows)
                out.write(f"{4 * levels - 1}\n")
            else:
                listed = [[a, b, _LETTERS[c], e] for a, b, c, e in rows]
                record = {"lattice": 1, "id": str(number), "start": 0, "final": 4 * levels - 1, "arcs": listed}
                out.write(json.dumps(record) + "\n")
    return str(path)


def ngrams(folder: pathlib.Path, count: int) -> str:
    """A compiled model of about so many n-grams over words that the letters spell."""
    path = folder / f"model{count}"
    if not path.with_suffix(".npz").exists():
        listed = pathlib.Path(words(folder, count // 4)).read_text().split()
        rng = np.random.default_rng(count)
        pairs = sorted({tuple(pair) for pair in rng.integers(0, len(listed), (3 * count // 4, 2)).tolist()})
        with path.with_suffix(".arpa").open("w") as out:
            out.write(
                f"\\data\\\nngram 1={len(listed) + 2}\nngram 2={len(pairs)}\n\n\\1-grams:\n-99\t<s>\t0\n-2\t</s>\n"
            )
            out.writelines(f"{-6 * value:.4f}\t{word}\t-0.3\n" for word, value in zip(listed, rng.random(len(listed))))
            out.write("\n\\2-grams:\n")
            out.writelines(f"-1.5\t{listed[one]} {listed[two]}\n" for one, two in pairs)
            out.write("\n\\end\\\n")
        run(["grammar", "lm", f"{path}.arpa", "-o", f"{path}.npz"])
    return f"{path}.npz"


def decoded(folder: pathlib.Path, grammar: str, ctc: bool, *more: str) -> tuple[list[str], list[str]]:
    """The commands with many records and with few."""
    options = ["-g", grammar, *(["--ctc", "_"] if ctc else []), *more, "--json", "--no-path-ok"]
    many, few = (["viterbi", spoken(folder, count, ctc), *options] for count in (_MANY, _FEW))
    return many, few


def lexicon(folder: pathlib.Path, count: int) -> str:
    """Words in a row as a grammar, ready to be read."""
    path = folder / f"lexicon{count}.npz"
    if not path.exists():
        run(["grammar", "words", words(folder, count), "--output-words", "-o", str(path)])
    return str(path)


Command = list[str]
Made = Callable[[pathlib.Path, int], "Command | tuple[Command, Command]"]
#: What is doubled: sizes, and commands of a size; two commands stand for the difference of them, by record.
ROWS: dict[str, tuple[Sequence[int], dict[str, Made]]] = {
    "rows of a CTC matrix, 28 classes": (
        (750, 1500, 3000),
        {
            "viterbi": lambda at, n: ["viterbi", *matrix(at, n, 28)],
            "viterbi -n 5 --distinct": lambda at, n: ["viterbi", *matrix(at, n, 28), "-n", "5", "--distinct"],
            "viterbi --confidence": lambda at, n: ["viterbi", *matrix(at, n, 28), "--confidence", "--json"],
            "viterbi --mbr": lambda at, n: ["viterbi", *matrix(at, n, 28), "--mbr", "--json"],
            "forward": lambda at, n: ["forward", *matrix(at, n, 28)],
            "loss nll": lambda at, n: ["loss", *matrix(at, n, 28), "-t", "w1 w2 w3 w4", "--loss", "nll", "--no-arcs"],
        },
    ),
    "classes of a CTC matrix, 100 rows": (
        (1000, 2000, 4000),
        {
            "viterbi": lambda at, n: ["viterbi", *matrix(at, 100, n)],
            "viterbi -n 5 --distinct": lambda at, n: ["viterbi", *matrix(at, 100, n), "-n", "5", "--distinct"],
            "viterbi --confidence": lambda at, n: ["viterbi", *matrix(at, 100, n), "--confidence", "--json"],
            "viterbi --mbr": lambda at, n: ["viterbi", *matrix(at, 100, n), "--mbr", "--json"],
            "forward": lambda at, n: ["forward", *matrix(at, 100, n)],
            "loss nll": lambda at, n: ["loss", *matrix(at, 100, n), "-t", "w1 w2 w3 w4", "--loss", "nll", "--no-arcs"],
        },
    ),
    "words of a lexicon": (
        (1_000, 10_000, 140_000, 500_000),
        {
            "a record, a matrix": lambda at, n: decoded(at, lexicon(at, n), True),
            "a record, a matrix, --beam 8 ...": lambda at, n: decoded(
                at, lexicon(at, n), True, "--beam", "8", "--max-active", "100"
            ),
            "a record, a lattice": lambda at, n: decoded(at, lexicon(at, n), False),
            "viterbi of 5 records": lambda at, n: decoded(at, lexicon(at, n), True)[1],
        },
    ),
    "n-grams of a compiled model": (
        (125_000, 250_000, 500_000),
        {
            "a record, --lm": lambda at, n: decoded(
                at, lexicon(at, 1_000), True, "--lm", ngrams(at, n), "--beam", "8", "--max-active", "100"
            ),
            "viterbi of 5 records": lambda at, n: decoded(at, lexicon(at, 1_000), True, "--lm", ngrams(at, n))[1],
        },
    ),
    "arcs of a lattice": (
        (60_000, 120_000, 240_000),
        {
            "viterbi": lambda at, n: ["viterbi", lattices(at, 1, n)],
            "viterbi, AT&T text": lambda at, n: ["viterbi", lattices(at, 1, n, "att")],
            "viterbi -n 10": lambda at, n: ["viterbi", lattices(at, 1, n), "-n", "10", "--json"],
            "forward --arcs --json": lambda at, n: ["forward", lattices(at, 1, n), "--arcs", "--json"],
            "convert": lambda at, n: ["convert", lattices(at, 1, n), "--to", "att"],
        },
    ),
    "records of a stream": (
        (4_000, 8_000, 16_000),
        {
            "viterbi --json": lambda at, n: ["viterbi", lattices(at, n, 64), "--json"],
            "forward --json": lambda at, n: ["forward", lattices(at, n, 64), "--json"],
        },
    ),
    "processes over 16,000 records": (
        (1, 2, 4),
        {"viterbi --json": lambda at, n: ["viterbi", lattices(at, 16_000, 64), "--json", "--jobs", str(n)]},
    ),
}


def main() -> None:
    """Run every row, print tables, and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: text.split(","), help="beginnings of tables")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        start = statistics.median(run(["viterbi", lattices(folder, 1, 32)])[0] for _ in range(given.rounds))
        print(f"start-up: {start:.2f} s")
        for title, (sizes, commands) in ROWS.items():
            if given.only and not title.startswith(tuple(given.only)):
                continue
            print(f"\n{title}\n{'':38}" + "".join(f"{size:>16,}" for size in sizes) + "  exponent: time memory")
            for name, made in commands.items():
                measured = of_sizes(folder, sizes, made, given.rounds)
                line = "".join(f"{seconds:>9.3f}s{peak:>4.0f}MB" for seconds, peak, _ in measured)
                paid = 0.0 if name.startswith("a record") else start
                (before, low, _), (after, high, _) = measured[-2:]
                doublings = math.log2(sizes[-1] / sizes[-2])
                slope = math.log2(max(after - paid, 1e-4) / max(before - paid, 1e-4)) / doublings
                in_memory = math.log2(high / low) / doublings
                print(f"  {name:36}{line}{slope:>16.2f}{in_memory:>7.2f}", flush=True)
                found[f"{title}: {name}"] = {
                    "sizes": list(sizes),
                    "seconds": [seconds for seconds, _, _ in measured],
                    "MB": [peak for _, peak, _ in measured],
                    "seconds by the clock": [wall for _, _, wall in measured],
                    "exponent": slope,
                    "exponent of memory": in_memory,
                }
    print(json.dumps({"start-up": start, "rows": found}))


def of_sizes(folder: pathlib.Path, sizes: Sequence[int], made: Made, rounds: int) -> list[tuple[float, float, float]]:
    """Of each size: seconds, MB, seconds by the clock; of two commands, what a record costs."""
    commands = [made(folder, size) for size in sizes]
    measured: list[list[tuple[float, float, float]]] = [[] for _ in sizes]
    for _ in range(rounds):
        for command, each in zip(commands, measured):
            if isinstance(command, list):
                each.append(run(command))
            else:
                (many, peak, wall), (few, _, less) = map(run, command)
                each.append(((many - few) / (_MANY - _FEW), peak, (wall - less) / (_MANY - _FEW)))
    return [tuple(map(statistics.median, zip(*each))) for each in measured]  # type: ignore[misc]


if __name__ == "__main__":
    main()

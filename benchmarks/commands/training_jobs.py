"""Training by several processes beside one: a CRF over handwritten letters, L-BFGS, all examples a step.

    python benchmarks/commands/training_jobs.py [../shared] [--jobs 2] [--rounds 3] [--epochs 100]

Rounds run one process and several in turn. `epochs`: seconds by the clock of all epochs after the first, which is what
is shared; `command`: of the whole command. `own` and `others`: processor seconds of the first process and of those that
it has begun, after the first epoch. `ratio` is that of one process to several, by the clock; `if quiet` what it is
where each process has a processor to itself, by the processor seconds: own of one process, by own and the others' share
of several. The weights are compared. Without ../shared/data/letters, nine folds of ten (6,251 words), examples are made
by chance. A table, and last a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]

#: The command, with the processor seconds of this process and of others at the end.
_LAUNCHER = """
import atexit, json, resource, sys
def tell():
    own, others = (resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps([each.ru_utime + each.ru_stime for each in (own, others)]), file=sys.stderr)
atexit.register(tell)
from lattice_cli.cli.main import main
sys.argv[0] = "lattice"
main()
"""


def words(shared: Path, path: Path) -> int:
    """Nine folds of the letters, or as many words by chance, as a file of inputs; how many."""
    found = shared / "data" / "letters" / "letters.npz"
    rng = np.random.default_rng(0)
    if found.exists():
        sys.path.insert(0, str(ROOT / "benchmarks" / "accuracy"))
        from letters import Letters

        split = next(Letters(shared, path.parent).splits("nine"))
        split.train.rename(path)
        return int(split.words)
    lengths = rng.integers(3, 15, 6251)
    letters = rng.integers(0, 26, lengths.sum())
    shapes = rng.random((26, 128)) < 0.3
    pixels = (shapes[letters] ^ (rng.random((len(letters), 128)) < 0.2)).astype(np.uint8)
    text = "".join(chr(97 + letter) for letter in letters.tolist())
    ends = np.cumsum(lengths)
    targets = [text[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist())]
    told = np.frombuffer(json.dumps(targets).encode(), dtype=np.uint8)
    ids = np.frombuffer(json.dumps([str(number) for number in range(len(targets))]).encode(), dtype=np.uint8)
    np.savez(path, inputs=pixels, lengths=lengths, targets=told, ids=ids)
    return len(targets)


def trained(folder: Path, jobs: int, epochs: int, count: int) -> dict[str, float]:
    """Seconds of a training; its model is left behind."""
    model = folder / f"{jobs}.npz"
    told = ["-o", str(model), "--jobs", str(jobs), "--restart"]
    told += ["--set", f"data.train={folder / 'words.npz'}", "--set", f"objective.l2={2.0 / count!r}"]
    told += ["--set", f"training.epochs={epochs}"]
    command = [sys.executable, "-c", _LAUNCHER, "train", str(ROOT / "samples" / "letters-crf.yaml"), *told]
    begun = time.perf_counter()
    # A process that has several threads for its matrices takes the processors of the others.
    environment = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    wall = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr)
    own, others = json.loads(done.stderr.splitlines()[-1])
    lines = Path(f"{model}.history.jsonl").read_text().splitlines()
    seconds = sum(json.loads(line)["seconds"] for line in lines[1:])
    return {"epochs": seconds, "command": wall, "own": own, "others": others}


def beyond_start(folder: Path, jobs: int, epochs: int, count: int) -> dict[str, float]:
    """Seconds of a training; those of processors without what the first step takes, reading and start-up with it."""
    short = trained(folder, jobs, 1, count)
    long = trained(folder, jobs, epochs, count)
    return {**long, "own": long["own"] - short["own"], "others": long["others"] - short["others"]}


def main() -> None:
    """Run all rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    told = parser.parse_args()
    rows: dict[int, list[dict[str, float]]] = {1: [], told.jobs: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = words(told.shared, folder / "words.npz")
        for _ in range(told.rounds):
            for jobs, each in rows.items():
                each.append(beyond_start(folder, jobs, told.epochs, count))
        ours, theirs = (np.load(folder / f"{jobs}.npz") for jobs in rows)
        weights = [key for key in ours.files if key not in ("about", "description")]
        same = all(ours[key].dtype.kind != "f" or np.array_equal(ours[key], theirs[key]) for key in weights)
    found = {jobs: {key: statistics.median(row[key] for row in each) for key in each[0]} for jobs, each in rows.items()}
    print(f"{count} words, {told.epochs} steps of L-BFGS")
    print(f"{'jobs':>4}{'epochs':>9}{'command':>9}{'own':>8}{'others':>8}")
    for jobs, row in found.items():
        print(f"{jobs:>4}{row['epochs']:>9.2f}{row['command']:>9.2f}{row['own']:>8.2f}{row['others']:>8.2f}")
    one, several = found[1], found[told.jobs]
    ratio = statistics.median(a["epochs"] / b["epochs"] for a, b in zip(rows[1], rows[told.jobs]))
    quiet = one["own"] / (several["own"] + several["others"] / told.jobs)
    print(f"ratio {ratio:.2f}, if quiet {quiet:.2f}; the weights are {'the same' if same else 'DIFFERENT'}")
    result = {"words": count, "jobs": told.jobs, "ratio": round(ratio, 3), "if_quiet": round(quiet, 3), "same": same}
    print(json.dumps({**result, "seconds": {str(jobs): row for jobs, row in found.items()}}))


if __name__ == "__main__":
    main()

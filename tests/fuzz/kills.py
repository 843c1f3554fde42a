"""kill -9 at random moments: `python -m tests.fuzz.kills [--kills 200] [--seed 1]`, and how often what was met.

A training that is killed again and again, and each time gone on with, comes to the weights of one that was never
stopped, and leaves nothing but the model, its history and its last checkpoint behind. A stream that is killed has
written whole lines, the first of those of one that was not, into a pipe; and into a file of its own (-o) all or
nothing. No process of --jobs outlives it.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
LATTICE = [sys.executable, "-m", "lattice_cli"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
EPOCHS, LINES = 6, 600
#: Seconds that a process may take to be gone after its parent.
PATIENCE = 60.0


def main() -> int:
    """Run; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    counts: Counter[str] = Counter()
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lost += trainings(folder, given.kills // 2, rng, counts)
        lost += streams(folder, given.kills - given.kills // 2, rng, counts)
    for what, count in sorted(counts.items()):
        print(f"{count:6,}  {what}")
    for what in lost:
        print(f"LOST: {what}")
    return 1 if lost else 0


def killed(arguments: list[str], folder: pathlib.Path, most: float, rng: random.Random, **more: object) -> bool:
    """Start a command and kill it at a random moment; false if it was over by then."""
    process = subprocess.Popen([*LATTICE, *arguments], cwd=folder, env=ENVIRONMENT, **more)  # type: ignore[call-overload]
    try:
        process.wait(rng.uniform(0.0, most))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def weights(path: pathlib.Path) -> dict[str, bytes]:
    """The arrays of a model that training comes to; its description has the time as well."""
    with np.load(path) as arrays:
        return {name: arrays[name].tobytes() for name in arrays.files if name != "model"}


def trainings(folder: pathlib.Path, kills: int, rng: random.Random, counts: Counter[str]) -> list[str]:
    """A training killed again and again."""
    shutil.copytree(ROOT / "samples", folder / "samples")
    shutil.copytree(ROOT / "grammars", folder / "grammars")
    train = ["train", "samples/check-reader.yaml", "--set", f"training.epochs={EPOCHS}", "-o"]
    since = time.monotonic()
    subprocess.run([*LATTICE, *train, "whole.npz"], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    whole, lasted, lost = weights(folder / "whole.npz"), time.monotonic() - since, []
    done = 0
    while done < kills:
        for left in [*folder.glob("m.npz*")]:
            left.unlink()
        while done < kills:
            begun = (folder / "m.npz.checkpoint").exists()
            again = ["--resume"] if begun else []
            if not killed([*train, "m.npz", *again], folder, 0.8 * lasted, rng, stdout=-3, stderr=-3):
                break
            done += 1
            counts["trainings killed"] += 1
        again = ["--resume"] if (folder / "m.npz.checkpoint").exists() else ["--restart"]
        ended = subprocess.run(
            [*LATTICE, *train, "m.npz", *again],
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode or weights(folder / "m.npz") != whole:
            lost.append(f"a training after {done} kills: status {ended.returncode}, {ended.stderr[-300:]}")
        counts["trainings gone on with to the end, to the same bits"] += not ended.returncode
        strange = {path.name for path in folder.glob("*m.npz*")} | {path.name for path in folder.glob(".*m.npz*")}
        if extra := strange - {"m.npz", "m.npz.checkpoint", "m.npz.history.jsonl"}:
            lost.append(f"files left behind: {sorted(extra)}")
    return lost


def streams(folder: pathlib.Path, kills: int, rng: random.Random, counts: Counter[str]) -> list[str]:
    """Streams of several processes killed, some into a pipe, some into a file of their own."""
    one = (ROOT / "samples" / "amount-check.json").read_text().replace("\n", " ")
    (folder / "s.jsonl").write_text(f"{one}\n" * LINES)
    viterbi = ["viterbi", "s.jsonl", "-n", "20", "--distinct", "--json", "--jobs", "2"]
    since = time.monotonic()
    whole = subprocess.run([*LATTICE, *viterbi], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True).stdout
    lasted, lost = time.monotonic() - since, []
    for number in range(kills):
        into_file = bool(number % 2)
        # Whoever still holds the pipe is a process of the command.
        held, writing = os.pipe()
        with (folder / "out.jsonl").open("wb") as out:
            place = ["-o", "own.jsonl"] if into_file else []
            was_killed = killed([*viterbi, *place], folder, lasted, rng, stdout=out, stderr=-3, pass_fds=[writing])
        os.close(writing)
        counts["streams killed" if was_killed else "streams that were over"] += 1
        if not gone(held):
            lost.append(f"a process outlived the kill of stream {number}")
        os.close(held)
        found = (folder / "own.jsonl").read_bytes() if (folder / "own.jsonl").exists() else b""
        if into_file and found not in (b"", whole):
            lost.append(f"half a file of results in stream {number}")
        printed = (folder / "out.jsonl").read_bytes()
        if not into_file and not whole.startswith(printed[: printed.rfind(b"\n") + 1]):
            lost.append(f"stream {number}: lines that are not those of the whole")
        (folder / "own.jsonl").unlink(missing_ok=True)
        for left in folder.glob(".own.jsonl.*"):
            counts["temporary files of killed processes"] += 1
            left.unlink()
    return lost


def gone(held: int) -> bool:
    """Wait until nobody holds the other end of a pipe any more; false if somebody still does after a long while."""
    return bool(select.select([held], [], [], PATIENCE)[0])  # nothing is ever written: what can be read is its end


if __name__ == "__main__":
    sys.exit(main())

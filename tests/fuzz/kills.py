"""kill -9 at random moments: `python -m tests.fuzz.kills [--kills 200] [--workers 50] [--seed 1]`, and how often what
was met.

A training that is killed again and again, and each time gone on with, comes to the weights of one that was never
stopped, and leaves nothing but the model, its history and its last checkpoint behind. A stream that is killed has
written whole lines, the first of those of one that was not, into a pipe; and into a file of its own (-o) all or
nothing. No process of --jobs outlives it. A folder of results is gone on with after each kill, and comes to what it
would have been. Where processes of --jobs are killed, and not the command, nobody can tell from what is written.
"""

from __future__ import annotations

import argparse
import contextlib
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
EPOCHS, LINES, FILES = 6, 6000, 20
#: Seconds that a process may take to be gone after its parent.
PATIENCE = 60.0


def main() -> int:
    """Run; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="Of commands.")
    parser.add_argument("--workers", type=int, default=50, help="Runs whose processes are killed.")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    counts: Counter[str] = Counter()
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_streams(folder)
        third = given.kills // 3
        lost += trainings(folder, third, rng, counts)
        lost += streams(folder, given.kills - 2 * third, rng, counts)
        lost += folders(folder, third, rng, counts)
        lost += workers(folder, given.workers, rng, counts)
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


def write_streams(folder: pathlib.Path) -> None:
    """The same records in one file and in several."""
    one = (ROOT / "samples" / "lecture-34.json").read_text().replace("\n", " ")
    (folder / "s.jsonl").write_text(f"{one}\n" * LINES)
    (folder / "in").mkdir()
    for number in range(FILES):
        (folder / "in" / f"{number}.jsonl").write_text(f"{one}\n" * (LINES // FILES))


STREAM = ["forward", "s.jsonl", "--arcs", "--nodes", "--json", "--jobs", "2"]
SHARDS = ["forward", "in/*.jsonl", "--arcs", "--nodes", "--json", "--jobs", "2", "-o"]


def untouched(arguments: list[str], folder: pathlib.Path) -> tuple[bytes, float]:
    """What a command prints that nobody kills, and the seconds that it takes."""
    since = time.monotonic()
    done = subprocess.run([*LATTICE, *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    return done.stdout, time.monotonic() - since


def streams(folder: pathlib.Path, kills: int, rng: random.Random, counts: Counter[str]) -> list[str]:
    """Streams of several processes killed, some into a pipe, some into a file of their own."""
    lost: list[str] = []
    whole, lasted = untouched(STREAM, folder)
    for number in range(kills):
        into_file = bool(number % 2)
        # Whoever still holds the pipe is a process of the command.
        held, writing = os.pipe()
        with (folder / "out.jsonl").open("wb") as out:
            place = ["-o", "own.jsonl"] if into_file else []
            was_killed = killed([*STREAM, *place], folder, lasted, rng, stdout=out, stderr=-3, pass_fds=[writing])
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


def results(folder: pathlib.Path) -> dict[str, bytes]:
    """All that is in a folder of results, but for its manifest."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != "manifest.jsonl"}


def folders(folder: pathlib.Path, kills: int, rng: random.Random, counts: Counter[str]) -> list[str]:
    """A folder of results whose run is killed, and gone on with until it is over."""
    _, lasted = untouched([*SHARDS, "whole/"], folder)
    whole, lost = results(folder / "whole"), list[str]()
    done = 0
    while done < kills:
        shutil.rmtree(folder / "out", ignore_errors=True)
        while done < kills and killed([*SHARDS, "out/"], folder, 0.8 * lasted, rng, stdout=-3, stderr=-3):
            done += 1
            counts["runs into a folder killed"] += 1
        ended = subprocess.run(
            [*LATTICE, *SHARDS, "out/"], cwd=folder, env=ENVIRONMENT, capture_output=True, check=False
        )
        if ended.returncode or results(folder / "out") != whole:
            lost.append(f"a folder of results after {done} kills: status {ended.returncode}, {ended.stderr[-300:]!r}")
        counts["runs into a folder gone on with to the end"] += 1
    return lost


def workers(folder: pathlib.Path, runs: int, rng: random.Random, counts: Counter[str]) -> list[str]:
    """Streams, and runs into a folder, of which processes are killed: what is written is what it always is."""
    lost = []
    expected, lasted = untouched(STREAM, folder)
    untouched([*SHARDS, "whole/"], folder)
    whole = results(folder / "whole")
    for number in range(runs):
        shards = bool(number % 2)
        shutil.rmtree(folder / "out", ignore_errors=True)
        with (folder / "out.jsonl").open("wb") as out, (folder / "said").open("wb") as said:
            arguments = [*SHARDS, "out/"] if shards else STREAM
            process = subprocess.Popen([*LATTICE, *arguments], cwd=folder, env=ENVIRONMENT, stdout=out, stderr=said)
            for _ in range(rng.choice([1, 1, 2, 4, 8])):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(rng.uniform(0.0, lasted / 2))
                counts["processes of --jobs killed"] += kill_child(process.pid, rng)
            status = process.wait(PATIENCE)
        what = "runs into a folder" if shards else "streams"
        same = results(folder / "out") == whole if shards else (folder / "out.jsonl").read_bytes() == expected
        counts[f"{what} whose processes were killed"] += 1
        counts[f"{what} whose processes were killed, with other results"] += not same
        told = (folder / "said").read_text()
        if not same or status or told != (f"note: out/: {FILES} files written\n" if shards else ""):
            lost.append(f"of {what} number {number}: status {status}, {told}")
    return lost


def kill_child(parent: int, rng: random.Random) -> bool:
    """Kill one of the processes that a process has started; false if there is none."""
    try:
        found = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        os.kill(int(rng.choice(found)), signal.SIGKILL)
    except (OSError, IndexError):
        return False
    return True


def gone(held: int) -> bool:
    """Wait until nobody holds the other end of a pipe any more; false if somebody still does after a long while."""
    return bool(select.select([held], [], [], PATIENCE)[0])  # nothing is ever written: what can be read is its end


if __name__ == "__main__":
    sys.exit(main())

"""Where records are solved: one process, several, workers of Dask; what each costs, and what limits it at scale.

    python benchmarks/commands/places.py [--rounds 3] [--workers 1,2,4] [--stream 2000000]

Two streams, of small records (10 arcs) and of lattices (600 arcs), through `viterbi --json`: by one process, by
`--jobs 2`, and through Dask on this machine if it is installed (the extra cluster). Records and MB a second are of wall
time beyond that of a stream of one record, medians of rounds taken in turn, and so are the ratios. Behind them: the
processor time that the driver, and Dask's scheduler, need for a record, a task and a file of results; and what follows
for 10^9 lattices on many machines. --stream N: a pipe of N small records through --jobs 2, and of a tenth of them: peak
memory of the driver and of its workers. The last line is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
LATTICE = [sys.executable, "-m", "lattice_cli"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
#: Of a machine in the table of many of them: cores, and MB a second that shared storage gives all of them together.
CORES, STORAGE = 32, 10_000.0


def small(number: int) -> str:
    """A record of 10 arcs."""
    arcs = [[step, step + 1, label, (number * 7 + step) % 10 / 10] for step in range(5) for label in "ab"]
    return json.dumps({"lattice": 1, "id": f"r{number}", "start": 0, "final": 5, "arcs": arcs}) + "\n"


def lattice(number: int) -> str:
    """A record of 600 arcs, in columns."""
    tails = [step for step in range(100) for _ in range(6)]
    energies = [((number + place) * 7919 % 1000) / 250 for place in range(600)]
    columns = {
        "from": tails,
        "to": [tail + 1 for tail in tails],
        "label": ["uvwxyz"[place % 6] for place in range(600)],
    }
    record = {"lattice": 1, "id": f"r{number}", "start": 0, "final": 100, "arcs": {**columns, "energy": energies}}
    return json.dumps(record) + "\n"


def run(*arguments: str) -> tuple[float, float]:
    """Wall seconds of a command, and the processor seconds of its driver: without those that it was not the parent of.
    Its processes of --jobs are its own."""
    since = time.perf_counter()
    process = subprocess.Popen([*LATTICE, *arguments], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"status {process.returncode}: {' '.join(arguments)}")
    return time.perf_counter() - since, used.ru_utime + used.ru_stime


@contextlib.contextmanager
def dask(workers: int) -> Iterator[str]:
    """The address of a cluster of Dask on this machine, its scheduler a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder) / "scheduler.json"
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": ENVIRONMENT}
        scheduling = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
        scheduler = subprocess.Popen([*scheduling, "--host", "127.0.0.1", "--scheduler-file", str(place)], **quiet)
        options = ["--nworkers", str(workers), "--nthreads", "1", "--no-dashboard", "--local-directory", folder]
        working = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(place), *options]
        worker = subprocess.Popen(working, **quiet)
        try:
            from distributed import Client

            while not place.exists():
                time.sleep(0.05)
            with Client(scheduler_file=str(place)) as client:
                client.wait_for_workers(workers)
            os.environ["SCHEDULER"] = str(scheduler.pid)
            yield str(place)
        finally:
            worker.terminate()
            worker.wait()
            scheduler.terminate()
            scheduler.wait()


def processor_seconds(process: int) -> float:
    """Of a process that runs, as Linux knows them."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def speeds(folder: pathlib.Path, rounds: int, counts: Sequence[int]) -> dict[str, dict[str, dict[str, float]]]:
    """Stream -> place -> records and MB a second, and the ratio of its time to that of one process."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, make, records in (("small records", small, 60_000), ("lattices", lattice, 4_000)):
        path, one = folder / f"{name}.jsonl", folder / "one.jsonl"
        path.write_text("".join(map(make, range(records))))
        one.write_text(make(0))
        size = path.stat().st_size / 1e6
        places: dict[str, list[str]] = {"one process": [], "--jobs 2": ["--jobs", "2"]}
        with contextlib.ExitStack() as clusters:
            for count in counts:
                places[f"Dask, {count} worker{'s' * (count > 1)}"] = ["--cluster", clusters.enter_context(dask(count))]
            taken: dict[str, list[float]] = {place: [] for place in places}
            for _ in range(rounds):
                for place, options in places.items():
                    begun = run("viterbi", str(one), "--json", *options)[0]
                    taken[place].append(run("viterbi", str(path), "--json", *options)[0] - begun)
        base = taken["one process"]
        found[name] = {}
        for place, seconds in taken.items():
            middle = statistics.median(seconds)
            ratio = statistics.median(each / alone for each, alone in zip(seconds, base))
            found[name][place] = {"records/s": records / middle, "MB/s": size / middle, "ratio": ratio}
    return found


def costs(folder: pathlib.Path) -> dict[str, float]:
    """Processor seconds by record, by task and by byte: of the driver and of Dask's scheduler; of one who solves."""
    sizes, used, scheduled = [], [], []
    with dask(1) as address:
        scheduler = int(os.environ["SCHEDULER"])
        for make, records in ((small, 2_000), (small, 42_000), (lattice, 200), (lattice, 4_200)):
            path = folder / "costs.jsonl"
            path.write_text("".join(map(make, range(records))))
            sizes.append((records, path.stat().st_size))
            before = processor_seconds(scheduler)
            used.append(run("viterbi", str(path), "--json", "--cluster", address)[1])
            scheduled.append(processor_seconds(scheduler) - before)
        files = folder / "files"
        files.mkdir()
        shards = []
        for count in (20, 420):
            for number in range(count):
                (files / f"{number}.jsonl").write_text(lattice(number))
            before = processor_seconds(scheduler)
            driver = run(
                "viterbi", f"{files}/*.jsonl", "--json", "-q", "-o", f"{folder}/of{count}/", "--cluster", address
            )
            shards.append((driver[1], processor_seconds(scheduler) - before))
    # A task of a stream has 200 records or 3 MB.
    tasks = [max(records / 200, size / 3e6) for records, size in sizes]
    of_small = (used[1] - used[0]) / (sizes[1][0] - sizes[0][0])
    alone = [run("viterbi", str(folder / "costs.jsonl"), "--json")[1]]
    path.write_text(lattice(0))
    alone.append(run("viterbi", str(path), "--json")[1])
    return {
        "solve a lattice": (alone[0] - alone[1]) / 4_199,
        "bytes of a lattice": sizes[3][1] / sizes[3][0],
        "driver, a small record": of_small,
        "driver, a lattice": (used[3] - used[2]) / (sizes[3][0] - sizes[2][0]),
        "driver, a file": (shards[1][0] - shards[0][0]) / 400,
        "scheduler, a task": (scheduled[1] - scheduled[0] + scheduled[3] - scheduled[2])
        / (tasks[1] - tasks[0] + tasks[3] - tasks[2]),
        "scheduler, a file": (shards[1][1] - shards[0][1]) / 400,
    }


def at_scale(cost: dict[str, float]) -> list[dict[str, Any]]:
    """Hours for 10^9 lattices on machines of CORES cores, each limit by itself, and the greatest."""
    lattices, found = 1e9, []
    for machines in (10, 100, 1000):
        for way, per_file in (("stream", 0), ("files of 100", 100), ("files of 10,000", 10_000)):
            files = lattices / per_file if per_file else 0
            hours = {
                "workers": lattices * cost["solve a lattice"] / (machines * CORES),
                "driver": files * cost["driver, a file"] if per_file else lattices * cost["driver, a lattice"],
                "scheduler": files * cost["scheduler, a file"]
                if per_file
                else lattices / 200 * cost["scheduler, a task"],
                "storage": lattices * cost["bytes of a lattice"] / 1e6 / STORAGE,
            }
            limit = max(hours, key=hours.__getitem__)
            found.append(
                {
                    "machines": machines,
                    "way": way,
                    **{name: each / 3600 for name, each in hours.items()},
                    "limit": limit,
                }
            )
    return found


def memory(records: int) -> dict[str, float]:
    """Peak MB of the driver and of a worker of --jobs 2, of a pipe of so many small records; records a second."""
    since = time.perf_counter()
    process = subprocess.Popen(
        [*LATTICE, "viterbi", "-", "--json", "--jobs", "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
        cwd=ROOT,
    )
    assert process.stdin
    assert process.stdout
    peaks: dict[int, float] = {}

    def look() -> None:
        for each in (process.pid, *children(process.pid)):
            with contextlib.suppress(OSError, StopIteration):
                status = pathlib.Path(f"/proc/{each}/status").read_text()
                line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
                peaks[each] = int(line.split()[1]) / 1024

    def feed() -> None:
        assert process.stdin
        block = "".join(small(number) for number in range(10_000)).encode()
        for _ in range(records // 10_000):
            process.stdin.write(block)
        process.stdin.close()

    feeding = threading.Thread(target=feed)
    feeding.start()
    lines = 0
    while chunk := process.stdout.read1(1 << 20):  # type: ignore[attr-defined]
        lines += chunk.count(b"\n")
        if lines % 1000 < 50:
            look()
    feeding.join()
    if process.wait() or lines != records:
        raise SystemExit(f"status {process.returncode}, {lines} lines of {records}")
    driver = peaks.pop(process.pid)
    return {"driver MB": driver, "worker MB": max(peaks.values()), "records/s": records / (time.perf_counter() - since)}


def children(process: int) -> list[int]:
    """The processes that this one has started."""
    with contextlib.suppress(OSError):
        text = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text()
        return [int(each) for each in text.split()]
    return []


def main() -> None:
    """Run all of it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--stream", type=int, default=0)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import distributed  # noqa: F401

        counts = [int(each) for each in given.workers.split(",")]
    except ImportError:
        counts = []
        print("Dask is not installed: without its rows", file=sys.stderr)
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        if given.rounds:
            told["speeds"] = speeds(folder, given.rounds, counts)
            for name, places in told["speeds"].items():
                print(f"{name:<24}{'records/s':>12}{'MB/s':>8}{'time, of one':>14}")
                for place, row in places.items():
                    print(f"  {place:<22}{row['records/s']:>12,.0f}{row['MB/s']:>8.1f}{row['ratio']:>14.2f}")
        if counts:
            told["costs"] = costs(folder)
            print(f"\n{'processor time':<32}{'microseconds':>14}")
            for name, cost in told["costs"].items():
                if not name.startswith("bytes"):
                    print(f"  {name:<30}{1e6 * cost:>14,.0f}")
            told["at scale"] = at_scale(told["costs"])
            print(f"\n10^9 lattices, {CORES} cores a machine, storage of {STORAGE / 1000:.0f} GB a second: hours")
            print(f"  {'machines':>8}  {'way':<18}{'workers':>9}{'driver':>9}{'scheduler':>11}{'storage':>9}  limit")
            for row in told["at scale"]:
                hours = "".join(
                    f"{row[name]:>{width}.2f}"
                    for name, width in zip(("workers", "driver", "scheduler", "storage"), (9, 9, 11, 9))
                )
                print(f"  {row['machines']:>8,}  {row['way']:<18}{hours}  {row['limit']}")
    if given.stream:
        told["memory"] = {records: memory(records) for records in (given.stream // 10, given.stream)}
        print(f"\n{'--jobs 2, from a pipe':<24}{'driver MB':>12}{'worker MB':>12}{'records/s':>12}")
        for records, row in told["memory"].items():
            print(
                f"  {records:>12,} records{row['driver MB']:>14.1f}{row['worker MB']:>12.1f}{row['records/s']:>12,.0f}"
            )
    print(json.dumps(told))


if __name__ == "__main__":
    main()

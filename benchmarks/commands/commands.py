"""Whole commands: start-up, files of all forms and sizes, memory, and streams with --jobs.

    python benchmarks/commands/commands.py [--rounds 5] [--largest 2400000] [--only startup,files,jobs]

Commands that are compared run in turn, round after round; times are medians in milliseconds, of processor and wall
time of whole processes, ratios medians of the ratios inside of each round. `read`, `solve` and `print` are stages of a
process of their own, `parse` is json.loads, np.load or yaml's events of the same file in the same process, MB its peak
memory; `whole` is `lattice viterbi --json` with its start-up, and `whole /` its ratio to parse, for npz to parse +
solve; `work /` is the same without start-up: read, solve and print. Graphs are levels of 200 nodes with 4 arcs each
(W3). The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from lattice_cli.formats import write_documents
from lattice_cli.formats.registry import FORMATS
from lattice_cli.graph import Document

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "engine"))
from workloads import graph_of, layered

LATTICE = [sys.executable, "-m", "lattice_cli"]
FORMS_MEASURED = ("json", "jsonl", "yaml", "slf", "npz")
SIZES = (50, 1_000, 20_000, 240_000)
#: Text that is read line by line, or with lines kept for messages, is measured up to this many arcs.
SLOW_FORMS = {"yaml": 20_000, "slf": 240_000}

#: A package that was installed has its modules compiled, whatever the shell at hand says of those that are run.
_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}

_STAGES = """
import io, json, sys, time
clock = time.perf_counter
path = sys.argv[1]


def parse():
    if path.endswith("npz"):
        import numpy

        with numpy.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    elif path.endswith("yaml"):
        import yaml

        for event in yaml.parse(open(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            pass
    elif not path.endswith("slf"):
        json.loads(open(path).read())


from lattice_cli.cli.terminal.process import keep_freed_memory, one_thread
one_thread()
keep_freed_memory()
from lattice_cli.cli.reports.path_report import Shown, ViterbiReport
from lattice_cli.cli.stream.run_options import RunOptions
from lattice_cli.formats.io.options import ReadOptions
from lattice_cli.formats.reading import read_records
from lattice_cli.records.decoding import decode
from lattice_cli.records.request import SearchRequest
import lattice_cli.formats.native.document
parse()  # neither side is to pay for loading zipfile and the like
loaded = clock()
documents = [each for each in read_records(path, ReadOptions()) if hasattr(each, "graph")]
read = clock()
found = decode(documents)
solved = clock()
sys.stdout = io.StringIO()
report = ViterbiReport(RunOptions(as_json=True), Shown(SearchRequest()))
for document, result in zip(documents, found):
    report.show(document, report.prepare(document, result))
shown = clock()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
del documents, found
again = clock()
parse()
parsed = clock()
times = {"read": read - loaded, "solve": solved - read, "print": shown - solved, "parse": parsed - again}
print(json.dumps({**{name: 1e3 * value for name, value in times.items()}, "MB": peak / 1024}), file=sys.__stdout__)
"""


def run(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float]:
    """Milliseconds of processor and wall time of a process."""
    before, begin = os.times(), time.perf_counter()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_COMPILED, **(environment or {})},
    )
    wall, after = time.perf_counter() - begin, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used * 1e3, wall * 1e3


def paired(commands: dict[str, tuple[list[str], dict[str, str]]], rounds: int) -> dict[str, dict[str, float]]:
    """Medians of each command, and of its ratio to the last one in the same round."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, (command, environment) in commands.items():
            measured = run(command, environment)
            if number:
                times[name].append(measured)
    base = times[list(commands)[-1]]
    found = {}
    for name, each in times.items():
        row = {"cpu": statistics.median(cpu for cpu, _ in each), "wall": statistics.median(wall for _, wall in each)}
        row["cpu ratio"] = statistics.median(mine[0] / other[0] for mine, other in zip(each, base))
        row["wall ratio"] = statistics.median(mine[1] / other[1] for mine, other in zip(each, base))
        found[name] = row
    return found


def lattice(arcs: int, seed: int, name: str) -> Document:
    """A graph of about so many arcs."""
    width = 200 if arcs > 1000 else 5
    levels = max(3, arcs // (4 * width))
    graph = graph_of(layered(levels, width, 4, np.random.default_rng(seed)))
    return Document(graph, name, name, range(graph.nodes))


def startup(scratch: pathlib.Path, rounds: int) -> dict[str, Any]:
    path = scratch / "small.json"
    write_documents(str(path), [lattice(50, 0, "small")])
    commands = {
        "lattice --help": ([*LATTICE, "--help"], {}),
        "lattice viterbi, a small file": ([*LATTICE, "viterbi", str(path)], {}),
        "python -c pass": ([sys.executable, "-c", "pass"], {}),
        "import numpy, click, rich.table": ([sys.executable, "-c", "import numpy, click, rich.table"], {}),
    }
    found = paired(commands, 4 * rounds)
    print(f"{'start-up':<36}{'cpu':>8}{'wall':>8}{'cpu /':>8}{'wall /':>8}")
    for name, row in found.items():
        print(f"{name:<36}" + "".join(f"{value:>8.3g}" for value in row.values()))
    return found


def files(scratch: pathlib.Path, rounds: int, largest: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    columns = ("read", "solve", "print", "parse", "MB", "whole", "work /", "whole /")
    print(f"\n{'files':<8}{'arcs':>10}{'file MB':>9}" + "".join(f"{name:>9}" for name in columns))
    for arcs in (*SIZES, *([largest] if largest > SIZES[-1] else [])):
        document = lattice(arcs, 1, "graph")
        for form in FORMS_MEASURED:
            if arcs > SLOW_FORMS.get(form, largest):
                continue
            path = scratch / f"graph.{form}"
            if form == "slf":
                from lattice_cli.formats.io import WriteOptions

                path.write_bytes(FORMATS[form].writer(document, WriteOptions()).data)
            else:
                write_documents(str(path), [document])
            stages = []
            for _ in range(max(1, rounds if arcs <= SIZES[-1] else 2)):
                done = subprocess.run(
                    [sys.executable, "-c", _STAGES, str(path)], check=True, capture_output=True, text=True
                )
                stage = json.loads(done.stdout)
                stage["whole"] = run([*LATTICE, "viterbi", str(path), "--json"])[1]
                stages.append(stage)
            row = {name: statistics.median(stage[name] for stage in stages) for name in stages[0]}
            for stage in stages:
                base = stage["parse"] + (form == "npz") * stage["solve"]
                stage["work /"] = (stage["read"] + stage["solve"] + stage["print"]) / base
                stage["whole /"] = stage["whole"] / base
            for name in ("work /", "whole /"):
                row[name] = statistics.median(stage[name] for stage in stages)
            size = path.stat().st_size / 1e6
            path.unlink()
            found[f"{form} {document.graph.arcs}"] = {"file MB": size, **row}
            cells = [
                f"{row[name]:>9.3g}" if form != "slf" or name not in ("parse", "work /", "whole /") else f"{'-':>9}"
                for name in columns
            ]
            print(f"{form:<8}{document.graph.arcs:>10}{size:>9.3g}" + "".join(cells), flush=True)
    return found


def jobs(scratch: pathlib.Path, rounds: int) -> dict[str, Any]:
    path = scratch / "stream.jsonl"
    write_documents(str(path), [lattice(60_000, number, f"r{number}") for number in range(60)])
    found = {}
    print(f"\n{'60 records of 60,000 arcs':<36}{'cpu':>8}{'wall':>8}{'cpu /':>8}{'wall /':>8}")
    for command in (["viterbi", "--json"], ["forward"], ["forward", "--json", "--arcs"], ["prune", "--beam", "2"]):
        base = [*LATTICE, *command, str(path)]
        rows = paired({"--jobs 2": ([*base, "--jobs", "2"], {}), "--jobs 1": (base, {})}, max(2, rounds // 2))
        for name, row in rows.items():
            found[f"{' '.join(command)} {name}"] = row
            print(f"{' '.join(command) + ' ' + name:<36}" + "".join(f"{value:>8.3g}" for value in row.values()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--largest", type=int, default=2_400_000, metavar="ARCS")
    parser.add_argument("--only", default="startup,files,jobs")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        if "startup" in options.only:
            found["startup"] = startup(scratch, options.rounds)
        if "files" in options.only:
            found["files"] = files(scratch, options.rounds, options.largest)
        if "jobs" in options.only:
            found["jobs"] = jobs(scratch, options.rounds)
    shortened = json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.4g}"))
    print(json.dumps({"unit": "ms", "rounds": options.rounds, **shortened}))


if __name__ == "__main__":
    main()

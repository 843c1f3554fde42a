"""Whole commands on real data: words through a large lexicon, a stream of small records, losses of a large lattice.

    python benchmarks/commands/decode.py [SHARED]

SHARED is the folder with data/letters and data/asr (default: ../shared beside the checkout); rows whose data are absent
are left out. Each row is a process of its own: seconds of wall time and peak memory in MB, the best of three runs. The
last line is JSON.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lattice_cli.formats import read_one, write_documents
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import Document

RUNS = 3

# The command line, and then the peak of the process's own memory, in kB (Linux), on standard error.
_COMMAND = """
import re, sys
from lattice_cli.cli.main import main
try:
    main()
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


def letters(shared: Path, scratch: Path) -> list[str]:
    """704 handwritten words as JSON Lines, and a lexicon of 54,871 words."""
    file = np.load(shared / "data" / "letters" / "energies_train0_test1.npz")
    labels = [chr(ord("a") + number) for number in range(26)]
    ends = np.cumsum(file["lengths"].astype(int))[:-1]
    stream = scratch / "letters.jsonl"
    with stream.open("w") as out:
        for index, matrix in zip(file["word_index"].tolist(), np.split(file["energies"].astype(float), ends)):
            record = {"lattice": 1, "id": str(index), "labels": labels, "emissions": matrix.tolist()}
            out.write(json.dumps(record) + "\n")
    lexicon = scratch / "suffixes.txt"
    lexicon.write_bytes(gzip.decompress((shared / "data" / "letters" / "lexicon_suffixes.txt.gz").read_bytes()))
    return [str(stream), "-g", str(lexicon)]


def small_records(scratch: Path, count: int) -> str:
    """A stream of small lattices."""
    stream = scratch / f"small-{count}.jsonl"
    with stream.open("w") as out:
        for index in range(count):
            arcs = [[0, 1, "a", 0.1 + index % 7], [0, 1, "b", 0.2], [1, 2, "c", 0.3], [1, 3, "d", 1.0]]
            arcs.append([2, 3, "e", 0.1 * (index % 5)])
            out.write(json.dumps({"lattice": 1, "id": f"r{index}", "start": 0, "final": 3, "arcs": arcs}) + "\n")
    return str(stream)


def large_lattice(shared: Path, scratch: Path) -> str:
    """The largest n-gram lattice, acoustic energy / 20 plus language model energy on its links."""
    source = shared / "data" / "asr" / "amount" / "amount_24_slt.slf.gz"
    document = read_one(str(source), ReadOptions())
    name = source.name.replace(".slf.gz", ".arcs.tsv.gz")
    rows = gzip.decompress(source.with_name(name).read_bytes()).decode().splitlines()
    cells = [row.split("\t") for row in rows if row and not row.startswith("#")]
    position = {node: index for index, node in enumerate(document.names)}
    by_ends = {
        (position[int(tail)], position[int(head)]): float(acoustic) / 20 + float(language)
        for tail, head, _, acoustic, language in cells
    }
    graph = document.graph
    energy = [by_ends[ends] for ends in zip(graph.src.tolist(), graph.dst.tolist())]
    path = scratch / "large.json"
    weighed = graph.with_energy(np.array(energy))
    write_documents(str(path), [Document(weighed, "amount_24_slt", str(source), document.names)])
    return str(path)


def measured(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds and peak memory in MB of a command, the best of a few runs."""
    best, memory = float("inf"), 0.0
    for _ in range(RUNS):
        begun = time.perf_counter()
        command = [sys.executable, "-c", _COMMAND, *arguments]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        best = min(best, time.perf_counter() - begun)
        memory = int(done.stderr.split()[-1]) / 1024
    return best, memory


def main() -> None:
    """Run every row and print the table."""
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[3] / "shared"
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        rows = {
            "200 small records": ["viterbi", small_records(scratch, 200), "--json"],
            "20,000 small records": ["viterbi", small_records(scratch, 20_000), "--json"],
        }
        if shared.is_dir():
            words = letters(shared, scratch)
            large = large_lattice(shared, scratch)
            rows["704 words, 54,871 lexicon: viterbi -n 2"] = ["viterbi", *words, "-n", "2", "--json"]
            rows["704 words, 54,871 lexicon: forward"] = ["forward", *words, "--json"]
            target = "and have been of of and than"
            rows["36k-arc lattice: viterbi"] = ["viterbi", large]
            rows["36k-arc lattice: 10 best distinct"] = ["viterbi", large, "-n", "10", "--distinct"]
            rows["36k-arc lattice: forward --arcs"] = ["forward", large, "--arcs", "--json"]
            rows["36k-arc lattice: loss --loss all"] = ["loss", large, "-t", target]
        found = {}
        print(f"{'command':<42}{'seconds':>9}{'MB':>8}")
        for name, arguments in rows.items():
            seconds, memory = measured(arguments)
            found[name] = {"seconds": round(seconds, 3), "megabytes": round(memory, 1)}
            print(f"{name:<42}{seconds:>9.2f}{memory:>8.0f}", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

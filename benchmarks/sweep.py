"""Time the schedule, Viterbi, forward and gradient of the engine beside a hand-written C loop.

    python benchmarks/sweep.py [--rounds 5] [FOLDER]

FOLDER holds W1.npz, W3.npz, ...; without it the workloads are made here (fixed seed). The C loop, limit.c, is compiled
with gcc if there is one: float64, one thread, over arrays that are already in order. Times are the best of several
rounds, in milliseconds, with the schedule made beforehand; ratios are to the C loop in the same run. The gradient
error is the largest difference from the C loop's gradient. The last line is the table as one line of JSON.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lattice_cli.graph.graph import Graph
from lattice_cli.graph.reducers import hard_min, soft_min
from lattice_cli.graph.schedule import schedule
from lattice_cli.graph.sweep import sweep

SEED = 20240607
Columns = dict[str, np.ndarray]


def rng_of(workload: int) -> np.random.Generator:
    return np.random.default_rng([SEED, workload])


def columns(src: Any, dst: Any, energy: Any, nodes: int, start: Any, finals: Any, offsets: Any = None) -> Columns:
    found = {"src": src, "dst": dst, "energy": energy, "n_states": nodes, "start": start, "finals": finals}
    if offsets is not None:
        found["node_off"], found["arc_off"] = offsets
    return {name: np.asarray(column) for name, column in found.items()}


def sausage(steps: int, classes: int, rng: np.random.Generator) -> Columns:
    """An emission matrix as a row of vector arcs."""
    logits = rng.normal(size=(steps, classes)) * 2.0
    top = logits.max(1, keepdims=True)
    energy = top + np.log(np.exp(logits - top).sum(1, keepdims=True)) - logits
    src = np.repeat(np.arange(steps), classes)
    return columns(src, src + 1, energy.ravel(), steps + 1, 0, [steps])


def layer_arcs(levels: int, width: int, degree: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Node 0 leads to a level of nodes, each of which leads to `degree` random nodes of the next level, and so on."""
    level = np.repeat(np.arange(levels - 1), width * degree)
    node = np.tile(np.repeat(np.arange(width), degree), levels - 1)
    src = np.concatenate([np.zeros(width, int), 1 + level * width + node])
    heads = 1 + (level + 1) * width + rng.integers(0, width, size=len(level))
    return src, np.concatenate([1 + np.arange(width), heads])


def layered(levels: int, width: int, degree: int, labels: int, rng: np.random.Generator) -> Columns:
    src, dst = layer_arcs(levels, width, degree, rng)
    rng.integers(1, labels + 1, size=len(src))
    nodes = 1 + levels * width
    return columns(src, dst, rng.uniform(0, 4.0, size=len(src)), nodes, 0, np.arange(nodes - width, nodes))


def batch(members: int, rng: np.random.Generator) -> Columns:
    """Many small layered graphs."""
    parts, nodes, arcs = [], [0], [0]
    for _ in range(members):
        levels, width = int(rng.integers(6, 9)), int(rng.integers(6, 9))
        src, dst = layer_arcs(levels, width, 3, rng)
        sink = 1 + levels * width
        src, dst = np.append(src, np.arange(sink - width, sink)), np.append(dst, np.full(width, sink))
        rng.integers(1, 51, size=len(src))
        parts.append((src + nodes[-1], dst + nodes[-1], rng.uniform(0, 4, size=len(src))))
        nodes.append(nodes[-1] + sink + 1)
        arcs.append(arcs[-1] + len(src))
    src, dst, energy = (np.concatenate(column) for column in zip(*parts))
    return columns(src, dst, energy, nodes[-1], nodes[:-1], np.array(nodes[1:]) - 1, (nodes, arcs))


MAKERS: dict[str, Callable[[], Columns]] = {
    "W1": lambda: sausage(1000, 100, rng_of(1)),
    "W3": lambda: layered(300, 200, 4, 1000, rng_of(6)),
    "W4": lambda: layered(50, 20_000, 3, 1000, rng_of(8)),
    "W5": lambda: layered(100_000, 3, 2, 1000, rng_of(9)),
    "W6": lambda: batch(1000, rng_of(10)),
}


def graph_of(made: Columns) -> Graph:
    start = np.full(int(made["n_states"]), np.inf)
    final = start.copy()
    start[made["start"]], final[made["finals"]] = 0.0, 0.0
    label = np.ones(len(made["src"]), dtype=np.intp)
    offsets = {}
    if "node_off" in made:
        offsets = {"node_offsets": made["node_off"].astype(np.intp), "arc_offsets": made["arc_off"].astype(np.intp)}
    return Graph(made["src"], made["dst"], label, label, made["energy"], start, final, ("", "a"), **offsets)


def timed(rounds: int, call: Callable[[], Any]) -> tuple[float, Any]:
    """Least time of a call in milliseconds, and what it returned."""
    best, found = np.inf, None
    for _ in range(rounds):
        begin = time.perf_counter()
        found = call()
        best = min(best, time.perf_counter() - begin)
    return best * 1e3, found


class Floor:
    """limit.c, called for one member of a union after the other. Ids of nodes and arcs are local to a member."""

    def __init__(self, library: ctypes.CDLL, made: Columns) -> None:
        self._library = library
        library.ref_viterbi.restype = library.ref_forward.restype = ctypes.c_double
        nodes = made.get("node_off", np.array([0, int(made["n_states"])])).tolist()
        arcs = made.get("arc_off", np.array([0, len(made["src"])])).tolist()
        finals, starts = np.atleast_1d(made["finals"]), np.atleast_1d(made["start"]).tolist()
        self._members = [
            self._member(made, slice(low, high), first, end, start, finals[(finals >= first) & (finals < end)])
            for low, high, first, end, start in zip(arcs, arcs[1:], nodes, nodes[1:], starts)
        ]

    def _member(
        self, made: Columns, arcs: slice, first: int, end: int, start: int, finals: np.ndarray
    ) -> dict[str, np.ndarray | int]:
        nodes, count = end - first, arcs.stop - arcs.start
        member: dict[str, Any] = {
            "nodes": nodes,
            "arcs": count,
            "start": start - first,
            "finals": len(finals),
            "src": (made["src"][arcs] - first).astype(np.int32),
            "dst": (made["dst"][arcs] - first).astype(np.int32),
            "energy": np.ascontiguousarray(made["energy"][arcs], dtype=np.float64),
            "final": (finals - first).astype(np.int64),
            "final_energy": np.zeros(len(finals)),
            "offsets": np.zeros(nodes + 1, np.int64),
            "entering": np.zeros(count, np.int32),
            "alpha": np.zeros(nodes),
            "gradient": np.zeros(count),
            "path": np.zeros(nodes, np.int32),
            "length": np.zeros(1, np.int64),
        }
        self._call("ref_csr", member, "nodes arcs dst offsets entering")
        return member

    def _call(self, name: str, member: dict[str, Any], arguments: str, *more: ctypes.c_double) -> float:
        values = [
            ctypes.c_void_p(value.ctypes.data) if isinstance(value, np.ndarray) else ctypes.c_int64(value)
            for value in (member[argument] for argument in arguments.split())
        ]
        return float(getattr(self._library, name)(*values, *more) or 0.0)

    def viterbi(self) -> None:
        for member in self._members:
            self._call("ref_viterbi", member, "nodes arcs src dst energy start finals final final_energy path length")

    def forward(self) -> list[float]:
        which = "nodes arcs src energy offsets entering start finals final final_energy alpha"
        return [self._call("ref_forward", member, which) for member in self._members]

    def gradient(self) -> np.ndarray:
        which = "nodes arcs src energy offsets entering finals final final_energy alpha"
        for member, total in zip(self._members, self.forward()):
            # The last two arguments are the total and where the gradient goes.
            pointer = ctypes.c_void_p(member["gradient"].ctypes.data)
            self._call("ref_backward", member, which, ctypes.c_double(total), pointer)  # type: ignore[arg-type]
        return np.concatenate([member["gradient"] for member in self._members])


#: Headings that let a row fit on a line.
_SHORT = {
    "schedule": "sched",
    "viterbi": "vit",
    "viterbi+path": "path",
    "forward": "fwd",
    "forward+gradient": "fb",
    "floor viterbi+path": "C path",
    "floor forward": "C fwd",
    "floor forward+gradient": "C fb",
    "ratio viterbi+path": "path/C",
    "ratio forward": "fwd/C",
    "ratio forward+gradient": "fb/C",
    "gradient error": "error",
}


def compiled_floor() -> ctypes.CDLL | None:
    """limit.c as a library, or None without gcc."""
    gcc = shutil.which("gcc")
    if gcc is None:
        return None
    source = pathlib.Path(__file__).with_name("limit.c")
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder, "limit.so")
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([gcc, *flags, str(source), "-o", str(library), "-lm"], check=True)
        return ctypes.CDLL(str(library))


def measured(made: Columns, library: ctypes.CDLL | None, rounds: int) -> dict[str, float]:
    """All figures of one workload."""
    graph = graph_of(made)

    def planned() -> Any:
        plan = schedule(graph)
        _ = plan.lanes
        return plan

    row: dict[str, float] = {}
    row["schedule"], plan = timed(rounds, planned)
    row["viterbi"], _ = timed(rounds, lambda: sweep(graph, hard_min, plan).totals)
    row["viterbi+path"], _ = timed(rounds, lambda: sweep(graph, hard_min, plan).pullback())
    row["forward"], _ = timed(rounds, lambda: sweep(graph, soft_min(1.0), plan).totals)
    row["forward+gradient"], gradient = timed(rounds, lambda: sweep(graph, soft_min(1.0), plan).pullback().arcs)
    if library is not None:
        floor = Floor(library, made)
        row["floor viterbi+path"], _ = timed(rounds, floor.viterbi)
        row["floor forward"], _ = timed(rounds, floor.forward)
        row["floor forward+gradient"], exact = timed(rounds, floor.gradient)
        for name in ("viterbi+path", "forward", "forward+gradient"):
            row[f"ratio {name}"] = row[name] / row[f"floor {name}"]
        row["gradient error"] = float(np.abs(gradient - exact).max())
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    library = compiled_floor()
    table: dict[str, dict[str, float]] = {}
    for name, make in MAKERS.items():
        made = make() if options.folder is None else dict(np.load(options.folder / f"{name}.npz"))
        table[name] = {key: float(f"{value:.4g}") for key, value in measured(made, library, options.rounds).items()}
        if len(table) == 1:
            print("ms; vit: viterbi, path: and its path, fwd: forward, fb: and gradients; C: the floor; /C: ratio")
            print("  ", *(f"{_SHORT.get(key, key):>8}" for key in table[name]))
        print(name, *(f"{value:>8.3g}" for value in table[name].values()))
    print(json.dumps({"unit": "ms", "rounds": options.rounds, "workloads": table}))


if __name__ == "__main__":
    main()

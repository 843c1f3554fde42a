"""The engine beside a hand-written C loop and the other systems that are installed, on six workloads.

    python benchmarks/engine/speed.py [--rounds 5] [--only W1,W3] [--no-peers] [--slow 20] [FOLDER]

FOLDER holds W1.npz, W3.npz, ...; without it the workloads are made (workloads.py, fixed seed). All systems solve a task
in turn, round after round, short ones once untimed just before; a system that once took longer than `--slow` seconds
for all rounds of a task runs it once. A peer that fails is named, with what it said, and the others go on. Times are
medians in milliseconds, ratios are medians of the ratios inside of each round. `lattice` is numpy alone, `fast` the
same with the compiled extra, `C` is limit.c: float64, one thread, on arrays in order. Building graphs is not counted,
nor is the schedule, except in the rows that name it (`schedule`: the schedule alone; `+ schedule`: with it).

error: of a total, relative, against the C loop (F) and of a gradient, absolute (dF). For W2 and W2s `compose +` means
the recursion over time for us, which builds no product, and composition followed by the sweep for the others. The last
line is the table as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import peers
from floor import Floor, compiled_floor
from workloads import Columns, columns_of, graph_of, workload

from lattice_cli.cli.terminal import keep_freed_memory
from lattice_cli.composition import Composition, compose
from lattice_cli.emissions import product_best
from lattice_cli.emissions.product_sweep import product_sweep
from lattice_cli.search import best_paths, n_best
from lattice_cli.sweep import LogSemiring, schedule_of, sweep

#: The engine with numpy alone, and with the compiled extra.
OURS = ("lattice", "fast")
SIMPLE = ("W1", "W3", "W4", "W5", "W6")
PRODUCTS = ("W2s", "W2")
Call = Callable[[], Any]


def switched(compiled: bool, call: Call) -> Call:
    """The same with the compiled extra on or off."""

    def run() -> Any:
        os.environ["LATTICE_COMPILED"] = "1" if compiled else "0"
        return call()

    return run


def engine_calls(made: Columns) -> dict[str, Call]:
    """What the engine does with a graph, task by task."""
    graph = graph_of(made)
    backwards = graph.reversed()
    # Viterbi paths are found from the end (inference/paths.py), so that is the schedule they need.
    plans = {"forward": schedule_of(graph), "viterbi": schedule_of(backwards)}
    _ = plans["forward"].chunked_scan, plans["viterbi"].chunked_scan

    def planned() -> None:
        _ = schedule_of(graph).chunked_scan

    def viterbi(schedule: Any = None) -> float:
        return sum(path.energy for path in best_paths(graph, schedule) if path is not None)

    def forward(schedule: Any = None) -> float:
        return float(sweep(graph, LogSemiring(1.0), schedule).totals.sum())

    def gradients(schedule: Any = None) -> np.ndarray:
        return sweep(graph, LogSemiring(1.0), schedule).pullback().arcs

    found: dict[str, Call] = {
        "viterbi": lambda: viterbi(plans["viterbi"]),
        "viterbi + schedule": viterbi,
        "forward": lambda: forward(plans["forward"]),
        "gradients": lambda: gradients(plans["forward"]),
        "gradients + schedule": gradients,
        "schedule": planned,
    }
    if graph.graphs == 1:
        found["n-best"] = lambda: [path.energy for path in n_best(graph, 10)]
    return found


def product_calls(left: Columns, right: Columns) -> dict[str, Call]:
    """What the engine does with emissions x grammar."""
    recognition, grammar = graph_of(left), graph_of(right)
    lengths = np.array([recognition.nodes - 1])
    emissions = recognition.energy.reshape(recognition.nodes - 1, -1)
    labels = {label: column for column, label in enumerate(recognition.labels[1:])}
    columns = np.array([labels.get(label, -1) if label else -1 for label in grammar.labels])

    def best() -> float:
        path = product_best(emissions, lengths, grammar, columns)[0]
        assert path is not None
        return path.energy

    return {
        "compose": lambda: compose(recognition, grammar).graph.arcs,
        "compose + viterbi": best,
        "compose + forward": lambda: float(
            product_sweep(emissions, lengths, grammar, columns, LogSemiring(1.0)).totals.sum()
        ),
        "compose + gradients": lambda: (
            product_sweep(emissions, lengths, grammar, columns, LogSemiring(1.0)).pullback().emissions
        ),
    }


def composed(left: Columns, right: Columns) -> Composition:
    """The product, for the C loop."""
    return compose(graph_of(left), graph_of(right))


def floor_calls(library: Any, made: Columns) -> dict[str, Call]:
    """The C loop's tasks."""
    floor = Floor(library, made)
    found: dict[str, Call] = {
        "viterbi": lambda: float(floor.viterbi().sum()),
        "forward": lambda: float(floor.forward().sum()),
        "gradients": floor.gradients,
    }
    if "node_off" not in made and len(made["src"]) < 1_000_000:
        found["n-best"] = lambda: floor.n_best().tolist()
    return found


#: Milliseconds up to which a task is done once more, untimed, just before it is timed.
_SHORT = 50.0


def paired(
    calls: dict[str, Call], rounds: int, slow: float
) -> tuple[dict[str, list[float]], dict[str, Any], dict[str, str]]:
    """Milliseconds of each system in each round (nan where it was left out), what each found, and why those failed that
    did, which then have no times."""
    calls, failed = dict(calls), {}
    times: dict[str, list[float]] = {name: [] for name in calls}
    found: dict[str, Any] = {}
    for number in range(rounds + 1):  # the first round warms up, unless that is all that can be waited for
        for name, call in [*calls.items()]:
            if number and times[name][0] * rounds > slow * 1e3:
                times[name].append(float("nan") if number > 1 else times[name][0])
                continue
            try:
                if times[name] and times[name][-1] < _SHORT:
                    call()  # else who follows a system that fills the caches would be measured with empty ones
                begin = time.perf_counter()
                found[name] = call()
                times[name].append((time.perf_counter() - begin) * 1e3)
            except Exception as error:
                if name in OURS:
                    raise
                failed[name] = told(error)
                for kept in (calls, times, found):
                    kept.pop(name, None)
    return {name: measured[1:] for name, measured in times.items()}, found, failed


def told(error: Exception) -> str:
    """What an error says, in one line."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def median(values: list[float]) -> float:
    known = [value for value in values if value == value]
    return statistics.median(known) if known else float("nan")


def ratio(ours: list[float], theirs: list[float]) -> float:
    return median([mine / other for mine, other in zip(ours, theirs)])


def error_of(found: Any, exact: Any) -> float | None:
    """Relative error of totals, absolute of gradients; None where there is nothing to compare."""
    if found is None or exact is None or isinstance(found, bool):
        return None
    mine, other = np.asarray(found, dtype=float), np.asarray(exact, dtype=float)
    if mine.shape != other.shape:
        return None
    difference = np.abs(mine - other).max(initial=0.0)
    return float(difference if mine.ndim == 1 and mine.size > 20 else difference / max(1.0, np.abs(other).max()))


def row_of(task: str, systems: dict[str, dict[str, Call]], rounds: int, slow: float, exact: Any) -> dict[str, Any]:
    """The figures of one task."""
    calls = {name: tasks[task] for name, tasks in systems.items() if task in tasks}
    base = task.removesuffix(" + schedule")
    calls |= {name: tasks[base] for name, tasks in systems.items() if name not in calls and base in tasks}
    times, found, failed = paired(calls, rounds, slow)
    exact = found.get("C", exact)
    row: dict[str, Any] = {"ms": {name: median(values) for name, values in times.items()}}
    if failed:
        row["failed"] = failed
    for ours in OURS:
        if ours not in times:
            continue
        if "C" in times:
            row[f"{ours}/C"] = ratio(times[ours], times["C"])
        others = {name: ratio(times[ours], times[name]) for name in times if name not in (*OURS, "C")}
        if others:
            peer = max(others, key=lambda name: others[name])
            row[f"{ours}/best peer"], row["best peer"] = others[peer], peer
    row["error"] = {name: error for name, value in found.items() if (error := error_of(value, exact)) is not None}
    return row


def printed(name: str, task: str, row: dict[str, Any], systems: list[str]) -> str:
    cells = [f"{row['ms'][system]:>9.3g}" if system in row["ms"] else f"{'-':>9}" for system in systems]
    for key in ("lattice/C", "fast/C", "lattice/best peer", "fast/best peer"):
        cells.append(f"{row[key]:>7.2f}" if key in row else f"{'-':>7}")
    cells += [f"{row['error'][key]:>8.0e}" if key in row["error"] else f"{'-':>8}" for key in OURS]
    worst = max((value for key, value in row["error"].items() if key not in (*OURS, "C")), default=None)
    cells.append(f"{'-':>8}" if worst is None else f"{worst:>8.0e}")
    return f"{name:<4}{task:<20}" + " ".join(cells)


def heading(systems: list[str]) -> str:
    cells = [f"{system:>9}" for system in systems]
    cells += [f"{each:>7}" for each in ("/C", "fast/C", "/peer", "fast/p")] + [f"{'err':>8}", f"{'err fast':>8}"]
    return f"{'ms':<24}" + " ".join([*cells, f"{'err peer':>8}"])


def systems_of(
    made: list[Columns], library: Any, others: list[Any], fast: bool
) -> tuple[dict[str, Any], Any, dict[str, str]]:
    """The tasks of each system on a workload, the exact results of those that are not the C loop's, and why peers that
    could not take it could not."""
    found = {}
    for name in OURS[: 1 + fast]:
        compiled = name == "fast"
        make = switched(compiled, lambda: engine_calls(made[0]) if len(made) == 1 else product_calls(*made))
        found[name] = {task: switched(compiled, call) for task, call in make().items()}
    exact: dict[str, Any] = {}
    if library is not None and len(made) == 1:
        found["C"] = floor_calls(library, made[0])
    elif library is not None:
        product = composed(*made)
        floor = floor_calls(library, columns_of(product.graph))
        shape = (int(made[0]["n_states"]) - 1, -1)
        exact = {f"compose + {task}": floor[task]() for task in ("viterbi", "forward")}
        exact["compose + gradients"] = product.left_gradient(floor["gradients"]()).reshape(shape)
    failed = {}
    for peer in others:
        try:
            found[peer.name] = peer.calls(made[0]) if len(made) == 1 else peer.product_calls(*made)
        except Exception as error:  # the others are still to be measured
            failed[peer.name] = told(error)
    return found, exact, failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join((*SIMPLE, *PRODUCTS)), metavar="W1,W3")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--slow", type=float, default=20.0, metavar="SECONDS")
    options = parser.parse_args()
    keep_freed_memory()  # as the command does; it is the peers' memory too
    library = compiled_floor()
    others, absent = ([], {}) if options.no_peers else peers.installed()
    try:
        import numba  # noqa: F401

        fast = True
    except ImportError:
        fast = False
    columns = ["lattice", *["fast"] * fast, *["C"] * (library is not None), *(peer.name for peer in others)]
    print("\n".join(f"absent: {name} ({why})" for name, why in absent.items()))
    print(heading(columns))
    table: dict[str, Any] = {}
    for name in options.only.split(","):
        parts = (f"{name}_em", f"{name}_lex") if name in PRODUCTS else (name,)
        systems, exact, failed = systems_of([workload(part, options.folder) for part in parts], library, others, fast)
        print("".join(f"failed: {peer} on {name}: {why}\n" for peer, why in failed.items()), end="")
        table[name] = {"failed": failed} if failed else {}
        for task in systems["lattice"]:
            row = row_of(task, systems, options.rounds, options.slow, exact.get(task))
            table[name][task] = row
            print(printed(name, task, row, columns), flush=True)
            for peer, why in row.get("failed", {}).items():
                print(f"failed: {peer} on {name}, {task}: {why}", flush=True)
    print(json.dumps({"unit": "ms", "rounds": options.rounds, "absent": absent, "workloads": rounded(table)}))


def rounded(value: Any) -> Any:
    """Numbers of four digits; JSON has no nan."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return float(f"{value:.4g}") if value == value else None
    return value


if __name__ == "__main__":
    main()

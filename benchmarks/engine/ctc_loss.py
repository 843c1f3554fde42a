"""lattice_loss beside torch.nn.functional.ctc_loss: the same batch, value, gradient and time.

    python benchmarks/engine/ctc_loss.py [--rounds 5]

Batches of random logits, lengths and targets, in float64, both on one thread, value and gradient by the logits, in
turn; the quickest of the rounds. `graphs` is the time of lattice_loss where the graphs of the batch are there already,
as they are in a second epoch. Needs the extra torch. Prints a table and, last, one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lattice_cli.torch import LatticeReader, lattice_loss

#: Records, steps at most, labels with the blank, labels of a target at most.
BATCHES = ((32, 100, 30, 20), (32, 400, 30, 60), (8, 1500, 100, 150), (16, 200, 5000, 40))
WIDTHS = (7, 7, 7, 9, 10, 10, 10, 10, 7)


def quickest(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Seconds of each, in turn."""
    found = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            found[name] = min(found[name], time.perf_counter() - begun)
    return found


def measured(
    records: int, steps: int, classes: int, most: int, rounds: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Both on a batch: how far they are apart, and the seconds of each."""
    labels = [f"l{number}" for number in range(classes - 1)] + ["_"]
    lengths = rng.integers(steps // 2, steps + 1, records)
    sizes = rng.integers(most // 2, most + 1, records)
    targets = [rng.integers(0, classes - 1, size).tolist() for size in sizes]
    ids = torch.tensor([each for target in targets for each in target])
    logits = torch.tensor(rng.normal(size=(records, steps, classes)), requires_grad=True)
    reader = LatticeReader(labels, ctc="_")
    kept = reader.graphs(targets, lengths.tolist())

    def theirs() -> tuple[Any, Any]:
        rows, told = logits.log_softmax(-1).transpose(0, 1), (torch.tensor(lengths), torch.tensor(sizes))
        value = torch.nn.functional.ctc_loss(rows, ids, *told, blank=classes - 1, reduction="none")
        return value, torch.autograd.grad(value.sum(), logits)[0]

    def ours(graphs: Any = None) -> tuple[Any, Any]:
        graphs = graphs or reader.graphs(targets, lengths.tolist())
        value = lattice_loss(-logits.log_softmax(-1), graphs, reduction="none")
        return value, torch.autograd.grad(value.sum(), logits)[0]

    apart = [float((one - other).detach().abs().max()) for one, other in zip(theirs(), ours())]
    seconds = quickest({"torch": theirs, "ours": ours, "graphs": lambda: ours(kept)}, rounds)
    ratio = seconds["ours"] / seconds["torch"]
    size = {"records": records, "steps": steps, "labels": classes}
    return {**size, "value": apart[0], "gradient": apart[1], **seconds, "ratio": ratio}


def main() -> None:
    """Every batch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    rows = []
    head = ("records", "steps", "labels", "value", "gradient", "torch ms", "ours ms", "graphs", "ratio")
    print("".join(f"{name:>{width}}" for name, width in zip(head, WIDTHS)))
    for batch in BATCHES:
        row = measured(*batch, rounds, rng)
        cells = [f"{row[name]}" for name in head[:3]] + [f"{row[name]:.1e}" for name in head[3:5]]
        cells += [f"{1e3 * row[name]:.1f}" for name in ("torch", "ours", "graphs")] + [f"{row['ratio']:.2f}"]
        print("".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS)), flush=True)
        rows.append(row)
    print(json.dumps({"benchmark": "ctc_loss", "rows": rows}))


if __name__ == "__main__":
    main()

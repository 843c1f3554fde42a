"""Segmentation that learns: the check reader with and without learned energies of cuts.

    python benchmarks/accuracy/cuts.py [--seeds 5] [--epochs 30] [--mnist ../shared/data/digits]

The small check fields (samples/check-reader.yaml), and with --mnist the fields of MNIST digits, 200 held out
(samples/check-reader-mnist.yaml). Cuts cost nothing, or an energy that is linear in what is seen around them, or a
network's; candidates are as the hand-made rules have them, or more of them. What is measured is the last epoch: none is
chosen by the fields that it is measured on. The same seeds, epochs and steps for all. Prints the mean over the seeds
(and the least and greatest) of the label error and of the fields that are right, and last one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

from check_reader import files

ROOT = pathlib.Path(__file__).resolve().parents[2]
CUTS = {"none": [], "linear": ["alignment.cuts=linear"], "network": ["alignment.cuts={kind: mlp, hidden: [16]}"]}
#: More candidates: pieces half as wide, twice as many of them to a segment.
CANDIDATES = {"hand-made": [], "more": ["alignment.segments={crossing: 1.5, piece: 0.15, pieces: 8}"]}


def last_epoch(config: str, model: pathlib.Path, settings: list[str]) -> dict[str, Any]:
    """The last epoch of a training."""
    told = [part for each in settings for part in ("--set", each)]
    command = [sys.executable, "-m", "lattice_cli", "train", str(ROOT / "samples" / config), "-o", str(model)]
    found = subprocess.run([*command, "--restart", "--json", *told], capture_output=True, text=True, check=True)
    epoch: dict[str, Any] = json.loads(found.stdout.splitlines()[-2])
    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--mnist", type=pathlib.Path, help="the folder of MNIST fields, instead of the small ones")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        config, common = "check-reader.yaml", [f"training.epochs={options.epochs}"]
        kinds: list[tuple[str, list[str]]] = [
            ("network on segments", []),
            ("linear on segments", ["recognizer={kind: linear, hidden: []}"]),
        ]
        if options.mnist:
            data = files(options.mnist, work, 200)
            config, kinds = "check-reader-mnist.yaml", [("convolution on segments", [])]
            common += [f"data={{train: {data['train']}, validation: {data['test']}, hold_out: 0}}"]
        print(f"{'recogniser':26} {'candidates':12} {'cuts':8} {'label error':>22} {'fields right':>22} {'s':>6}")
        for recognizer, own in kinds:
            for candidates, segments in CANDIDATES.items():
                for cuts, energies in CUTS.items():
                    begun = time.perf_counter()
                    found = [
                        last_epoch(
                            config,
                            work / "model.npz",
                            [*common, *own, *segments, *energies, f"training.seed={seed}"],
                        )
                        for seed in range(1, options.seeds + 1)
                    ]
                    seconds = (time.perf_counter() - begun) / options.seeds
                    told = {name: [each[name] for each in found] for name in ("label_error", "exact")}
                    cells = [
                        f"{sum(each) / len(each):.4f} ({min(each):.3f} .. {max(each):.3f})" for each in told.values()
                    ]
                    print(f"{recognizer:26} {candidates:12} {cuts:8} {cells[0]} {cells[1]} {seconds:6.1f}", flush=True)
                    rows.append({"recognizer": recognizer, "candidates": candidates, "cuts": cuts, **told})
    print(json.dumps({"benchmark": "cuts", "seeds": options.seeds, "rows": rows}))


if __name__ == "__main__":
    main()

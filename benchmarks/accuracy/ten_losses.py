"""What happens with each of the losses, the ten of the lecture and mwer, on the small check-reader sample.

    python benchmarks/accuracy/ten_losses.py [--epochs 15]

Three trainings each, of samples/check-reader.yaml with another objective.loss: from random weights; from where three
epochs of nll ended (a loss whose slope is nearly 0 where everything is wrong needs a start); and from random weights
with energies kept above 0 (recognizer.output: softplus), which some losses assume. Prints a table of the mean loss and
of the label error on the validation fields after the last epoch, and last one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from lattice_cli.choices import LOSSES

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "samples" / "check-reader.yaml"


def train(model: pathlib.Path, epochs: int, *settings: str) -> dict[str, Any]:
    """The last epoch of a training."""
    told = [part for each in (f"training.epochs={epochs}", *settings) for part in ("--set", each)]
    command = [sys.executable, "-m", "lattice_cli", "train", str(CONFIG), "-o", str(model), "--restart", "--json"]
    found = subprocess.run([*command, *told], capture_output=True, text=True, check=False)
    if found.returncode:
        return {"error": found.stderr.strip().removeprefix("lattice: ")}
    last: dict[str, Any] = json.loads(found.stdout.splitlines()[-2])
    return last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        train(work / "start.npz", 3)
        print(f"{'':14} {'from random weights':>24} {'from 3 epochs of nll':>24} {'energies above 0':>24}")
        print(f"{'':14}" + f" {'loss':>12} {'label error':>11}" * 3)
        for loss in LOSSES:
            ways = {
                "random": [],
                "started": [f"training.start={work / 'start.npz'}"],
                "above": ["recognizer.output=softplus"],
            }
            found = {
                way: train(work / "model.npz", options.epochs, f"objective.loss={loss}", *settings)
                for way, settings in ways.items()
            }
            cells = [
                f"{each['error'][:24]:>24}" if "error" in each else f"{each['loss']:12.4g} {each['label_error']:11.3f}"
                for each in found.values()
            ]
            print(f"{loss:14} " + " ".join(cells), flush=True)
            rows.append({"loss": loss, **found})
    print(json.dumps({"benchmark": "ten_losses", "epochs": options.epochs, "rows": rows}))


if __name__ == "__main__":
    main()

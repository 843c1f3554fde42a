"""What happens with each of the losses, the ten of the lecture and mwer, on the small check-reader sample.

    python benchmarks/accuracy/ten_losses.py [--epochs 15] [--letters SHARED]

Three trainings each, of samples/check-reader.yaml with another objective.loss, the variational one too: from random
weights; from where three epochs of nll ended (a loss whose slope is nearly 0 where everything is wrong needs a start);
and from random weights with energies kept above 0 (recognizer.output: softplus), which some losses assume. Prints a
table of the mean loss and of the label error on the validation fields after the last epoch, and last one line of JSON.
With --letters instead, the CNN of samples/letters-torch.yaml (the extra torch) with pairs of letters: one fold of the
handwritten words to learn from, another to test on; SHARED is the folder with data/letters.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from letters import Letters

from lattice_cli.choices import LOSSES

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "samples" / "check-reader.yaml"


#: What else a training is told, and the losses that are tried.
LETTERS = (
    "recognizer.torch.arguments={channels: 16}",
    "training.batch=20",
    "optimizer.rate=0.005",
    "optimizer.torch.schedule=''",
)
OBJECTIVES = {loss: f"objective.loss={loss}" for loss in LOSSES} | {
    "variational": "objective={loss: variational, q: arcs}"
}


def train(model: pathlib.Path, config: pathlib.Path, epochs: int, *settings: str) -> dict[str, Any]:
    """The last epoch of a training."""
    told = [part for each in (f"training.epochs={epochs}", *settings) for part in ("--set", each)]
    command = [sys.executable, "-m", "lattice_cli", "train", str(config), "-o", str(model), "--restart", "--json"]
    found = subprocess.run([*command, *told], capture_output=True, text=True, check=False)
    if found.returncode:
        return {"error": found.stderr.strip().removeprefix("lattice: ")}
    last: dict[str, Any] = json.loads(found.stdout.splitlines()[-2])
    return last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--letters", type=pathlib.Path, metavar="SHARED")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        config, always = CONFIG, []
        if options.letters:
            one, other = itertools.islice(Letters(options.letters, work).splits("nine"), 2)
            # The test part of a split is a fold.
            config = ROOT / "samples" / "letters-torch.yaml"
            always = [f"data.train={one.test}", f"data.validation={other.test}", *LETTERS]
        train(work / "start.npz", config, 3, *always)
        print(f"{'':14} {'from random weights':>20} {'from 3 epochs of nll':>20} {'energies above 0':>20}")
        print(f"{'':14}" + f" {'loss':>8} {'label error':>11}" * 3)
        for loss, told in OBJECTIVES.items():
            ways = {
                "random": [],
                "started": [f"training.start={work / 'start.npz'}"],
                "above": ["recognizer.output=softplus"],
            }
            found = {
                way: train(work / "model.npz", config, options.epochs, *always, told, *settings)
                for way, settings in ways.items()
            }
            cells = [
                f"{each['error'][:20]:>20}" if "error" in each else f"{each['loss']:8.4g} {each['label_error']:11.3f}"
                for each in found.values()
            ]
            print(f"{loss:14} " + " ".join(cells), flush=True)
            rows.append({"loss": loss, **found})
    name = "ten_losses, letters" if options.letters else "ten_losses"
    print(json.dumps({"benchmark": name, "epochs": options.epochs, "rows": rows}))


if __name__ == "__main__":
    main()

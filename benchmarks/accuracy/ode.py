"""The ODE recogniser and its fixed point beside a network with a hidden layer and as many parameters.

    python benchmarks/accuracy/ode.py [SHARED] [--quick] [--only check|letters]

check    the fields of samples/check-reader: 400 to learn from, 150 to test on, cut and read through the grammar.
letters  a fold of the handwritten words to learn from, nine to test on, letters by themselves (SHARED is the folder
         with data/letters; default: ../shared beside the checkout).

With the extra torch, the mlp, the ODE by Euler's steps and the fixed point as modules of PyTorch, too, in float32.

Everything runs as users would run it, by `lattice train` and `lattice recognize`. Rates are those of the last epoch on
what is tested, since the epoch that does best there would be chosen by the test. `cpu` and `memory` (largest resident
size) are those of the training process; `adjoint` is how far the gradient of the continuous adjoint is from the exact
one, relative (mean over records); `residual` and `radius` are the largest |f| and spectral radius. Prints tables and,
last, one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from letters import LATTICE, ROOT, Letters

ODE = ("recognizer.kind=ode", "recognizer.hidden=[]", "recognizer.activation=tanh")
AS_MODULE = ("recognizer.kind=torch", "recognizer.hidden=[]", "recognizer.activation=tanh")
SYSTEMS: dict[str, tuple[str, ...]] = {
    "mlp": (),
    "ode, euler, 8 steps": ODE,
    "ode, euler, the mean state": (*ODE, "recognizer.ode.cost=mean"),
    "ode, euler, a cost at every step": (*ODE, "recognizer.ode.cost=every"),
    "ode, midpoint, 4 steps": (*ODE, "recognizer.ode.stepper=midpoint", "recognizer.ode.steps=4"),
    "ode, rk4, 4 steps": (*ODE, "recognizer.ode.stepper=rk4", "recognizer.ode.steps=4"),
    "ode, rk4, 32 steps": (*ODE, "recognizer.ode.stepper=rk4", "recognizer.ode.steps=32"),
    "the same, 6 checkpoints": (
        *ODE, "recognizer.ode.stepper=rk4", "recognizer.ode.steps=32", "recognizer.ode.checkpoints=6",
    ),
    "the same, continuous adjoint": (
        *ODE, "recognizer.ode.stepper=rk4", "recognizer.ode.steps=32", "recognizer.ode.adjoint=continuous",
    ),
    "ode, euler, continuous adjoint": (*ODE, "recognizer.ode.adjoint=continuous"),
    "fixed point, newton": (*ODE, "recognizer.ode=fixed-point"),
    "fixed point, anderson": (*ODE, "recognizer.ode=fixed-point", "recognizer.ode.solver=anderson"),
}  # fmt: skip

#: The same as modules of PyTorch; {}: units.
TORCH: dict[str, str] = {
    "torch: mlp": "Mlp, arguments: {{hidden: 256}}",
    "torch: ode, euler, 8 steps": "Ode, arguments: {{units: {}}}",
    "torch: fixed point": "FixedPoint, arguments: {{units: {}}}",
}
#: Of these the letters are read by, which are many.
ON_LETTERS = ("mlp", "ode, euler, 8 steps", "ode, rk4, 4 steps", "fixed point, newton", "fixed point, anderson", *TORCH)


def units_like(hidden: int, inputs: int, outputs: int) -> int:
    """Units of the ODE that have about as many parameters as so many hidden units."""
    wanted = hidden * (inputs + 1 + outputs) + outputs
    return min(range(1, hidden + 1), key=lambda units: abs(units * (inputs + 1 + units + outputs) + outputs - wanted))


def trained(config: Path, model: Path, settings: list[str]) -> dict[str, Any]:
    """The last epoch of a training, its processor seconds and its memory in MB."""
    overrides = [part for each in settings for part in ("--set", each)]
    command = [*LATTICE, "train", str(config), "-o", str(model), "--restart", "--json", *overrides]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    epoch = json.loads(lines[-2])
    with np.load(model) as file:
        parameters = sum(file[name].size for name in file.files if name.startswith("parameter/"))
    return {
        "label_error": epoch["label_error"],
        "exact": epoch["exact"],
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss / 1024,
        "parameters": parameters,
    }


def checked(model: Path, inputs: Path) -> dict[str, Any]:
    """What `recognize --check` tells of the first 50 records."""
    command = [*LATTICE, "recognize", "--trust-code", str(model), str(inputs), "--check", "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    records = [json.loads(line) for line in told.stdout.splitlines()]
    found: dict[str, Any] = {"difference": max(each["difference"] for each in records)}
    adjoints = [each["adjoint"] for each in records if "adjoint" in each]
    if adjoints:
        found |= {"kept": adjoints[0]["kept"], "adjoint": float(np.mean([each["continuous"] for each in adjoints]))}
    solved = [each["fixed_point"] for each in records if "fixed_point" in each]
    if solved:
        found |= {name: max(each[name] for each in solved) for name in ("residual", "iterations", "further", "radius")}
    return found


def part_of(path: Path, records: int, work: Path) -> Path:
    """The first records of a file of inputs."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    lengths = arrays["lengths"][:records]
    for name in ("targets", "ids"):
        arrays[name] = np.frombuffer(json.dumps(json.loads(arrays[name].tobytes())[:records]).encode(), dtype=np.uint8)
    arrays |= {"inputs": arrays["inputs"][: int(lengths.sum())], "lengths": lengths}
    np.savez(work / "part.npz", **arrays)
    return work / "part.npz"


def table(
    title: str,
    config: Path,
    test: Path,
    settings: list[str],
    sizes: tuple[int, int, int],
    work: Path,
    systems: Sequence[str] = tuple(SYSTEMS),
) -> Any:
    hidden, inputs, outputs = sizes
    units = units_like(hidden, inputs, outputs)
    head = ("parameters", "label err", "exact", "cpu s", "MB", "states", "adjoint", "residual", "radius", "difference")
    print(f"{title:<34}" + "".join(f"{each:>11}" for each in head))
    rows, part = {}, part_of(test, 50, work)
    for name in systems:
        if name in TORCH:
            module = f"{ROOT / 'benchmarks' / 'accuracy' / 'state_networks.py'}:{TORCH[name].format(units)}"
            own, size = AS_MODULE, [f"recognizer.torch={{module: {module}}}"]
        else:
            own = SYSTEMS[name]
            size = [f"recognizer.ode.units={units}"] if own else []
        told = trained(config, work / "model.npz", [*settings, *own, *size])
        if name not in TORCH:  # whose iterations are float32
            told |= checked(work / "model.npz", part)
        rows[name] = told
        texts = [f"{told['parameters']}", f"{told['label_error']:.4f}", f"{told['exact']:.4f}"]
        texts += [f"{told['cpu']:.1f}", f"{told['memory']:.0f}", str(told.get("kept", "")), ""]
        texts[-1] = f"{told['adjoint']:.1e}" if "adjoint" in told else ""
        texts += [f"{told[each]:.1e}" if each in told else "" for each in ("residual", "radius", "difference")]
        print(f"{name:<34}" + "".join(f"{each:>11}" for each in texts), flush=True)
    return rows


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--quick", action="store_true", help="a few epochs, to see that it works")
    parser.add_argument("--only", choices=["check", "letters"])
    told = parser.parse_args()
    found: dict[str, Any] = {"benchmark": "ode"}
    epochs = [f"training.epochs={2 if told.quick else 12}"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if told.only != "letters":
            config, fields = ROOT / "samples" / "check-reader.yaml", ROOT / "samples" / "check-reader"
            found["check"] = table("check reader", config, fields / "fields-valid.npz", epochs, (60, 409, 10), work)
        if told.only != "check":
            if not (told.shared / "data" / "letters" / "letters.npz").exists():
                raise SystemExit(f"{told.shared}/data/letters/letters.npz is not there; see the head of this file")
            split = next(Letters(told.shared, work).splits("one"))
            settings = [f"data.train={split.train}", f"data.validation={split.test}", "grammar.ngram=0", *epochs]
            settings += [f"objective.l2={6.0 / split.words!r}"]
            config = ROOT / "samples" / "letters-mlp.yaml"
            systems = (
                ON_LETTERS if importlib.util.find_spec("torch") else [name for name in ON_LETTERS if name not in TORCH]
            )
            found["letters"] = table("letters", config, split.test, settings, (256, 128, 26), work, systems)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

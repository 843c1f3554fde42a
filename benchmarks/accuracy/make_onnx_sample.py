"""The network of samples/check-reader.onnx: convolutions along fields of digits, read as CTC.

    python benchmarks/accuracy/make_onnx_sample.py FOLDER

Learned by lattice train from samples/check-reader/fields-train.npz (nothing else), written by torch.onnx.export; needs
the extra torch, and the packages onnx and onnxscript. Its outputs are logits of 0 to 9 and the blank, a row for every
column.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from lattice_cli.models import train
from lattice_cli.torch import load_module

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CONFIG = {
    "train": 1,
    "labels": "0123456789",
    "data": {
        "train": str(SAMPLES / "check-reader" / "fields-train.npz"),
        "validation": str(SAMPLES / "check-reader" / "fields-valid.npz"),
    },
    "alignment": {"kind": "ctc", "blank": "-"},
    "recognizer": {
        "kind": "torch",
        "torch": {
            "module": f"{SAMPLES / 'networks.py'}:Tdnn",
            "arguments": {"channels": 32, "dropout": 0.05},
            "reads": "sequences",
        },
    },
    "optimizer": {"method": "torch", "rate": 0.01, "torch": {"schedule": "OneCycleLR"}},
    "training": {"epochs": 60, "batch": 20},
}


class Logits(torch.nn.Module):
    """Logits in place of energies, of one record."""

    def __init__(self, energies: Any) -> None:
        super().__init__()
        self.energies = energies

    def forward(self, columns: Any, length: Any) -> Any:
        return -self.energies(columns, length)


def main() -> None:
    """Train, and write it."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "config.yaml"
        config.write_text(json.dumps(CONFIG))
        standing = train(config, Path(scratch) / "model.npz")
        print(standing.epochs[-1])
        module = load_module(Path(scratch) / "model.npz")
    torch.onnx.export(
        Logits(module),
        (torch.zeros(1, 30, 12), torch.tensor([30])),
        folder / "check-reader.onnx",
        input_names=["columns", "length"],
        output_names=["logits"],
        dynamic_axes={"columns": {1: "n"}, "logits": {1: "n"}},
        dynamo=False,
    )


if __name__ == "__main__":
    main()

"""Weights of modules of torch in files of their own: safetensors, and what torch.save wrote, nothing ever unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.learning.networks import Parameters

#: What the names of such files end in.
WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")


def read_weights(path: str) -> Parameters:
    """Name -> float64 array of a state dict. Raises FormatError for another file, UsageError without torch."""
    try:
        import torch  # type: ignore[import-not-found,import-untyped,unused-ignore]
        from safetensors.torch import load_file  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise UsageError(f"{path}: weights of a module need PyTorch (the extra torch): {error}") from None
    if not Path(path).is_file():
        raise FormatError(f"{path}: is not there, or is no file")
    try:
        if path.endswith(".safetensors"):
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of both libraries, and of what they are made of
        told = " ".join(str(error).split())[:200]
        kind = "safetensors" if path.endswith(".safetensors") else "torch.load, weights only,"
        raise FormatError(f"{path}: {kind} does not read it: {told}") from None
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    tensors = isinstance(found, Mapping) and all(isinstance(each, torch.Tensor) for each in found.values())
    if not tensors or not found:
        raise FormatError(f"{path}: expected a state dict: names, and a tensor for each")
    arrays = {str(name): each.detach().to(torch.float64).numpy().copy() for name, each in found.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise FormatError(f"{path}: {name} has numbers that are not finite")
    return arrays

"""Trained models and checkpoints: arrays and a description in JSON, in one .npz file, nothing ever unpickled."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ArrayArchive, Source, as_list, as_mapping, as_text, decoded, parse_json, write_whole
from lattice_cli.formats.native import ALIGNMENT, GRAMMAR, arrays_of, document_of
from lattice_cli.graph import Document

_VERSION = 1
_PARAMETER = "parameter/"
_STATE = "state/"
_FACTOR = "factor/"


@dataclass(frozen=True, eq=False)
class StoredModel:
    """What a model file holds. about: configuration, labels and whatever else its writer needs, as JSON values.
    factors: what the grammar is composed of, by name, where that is more than itself."""

    source: str
    about: dict[str, Any]
    parameters: dict[str, Any]
    grammar: Document | None
    alignment: Document | None
    factors: Mapping[str, Document] = field(default_factory=dict)


def write_model(
    path: str,
    about: Mapping[str, Any],
    parameters: Mapping[str, Any],
    grammar: Document | None,
    alignment: Document | None,
    factors: Mapping[str, Document] | None = None,
) -> None:
    """Write a model, whole or not at all. Raises FormatError if it cannot be written."""
    factors = factors or {}
    arrays: dict[str, Any] = {"model": _text({"version": _VERSION, **about, "factors": [*factors]})}
    arrays |= {f"{_PARAMETER}{name}": array for name, array in parameters.items()}
    of_factors = [(f"{_FACTOR}{number}/", each) for number, each in enumerate(factors.values())]
    for prefix, document in ((GRAMMAR, grammar), (ALIGNMENT, alignment), *of_factors):
        if document is not None:
            arrays |= {f"{prefix}{name}": array for name, array in arrays_of(document).items()}
    write_whole(path, _npz(arrays))


def read_model(path: str) -> StoredModel:
    """The model of a file. Raises FormatError for anything that is not as `write_model` writes it."""
    return model_of(*_read(path))


def model_of(arrays: Mapping[str, Any], source: str) -> StoredModel:
    """The model that the arrays of a file are. Raises FormatError."""
    if "model" not in arrays:
        raise FormatError(f"{source}: not a trained model: array 'model' is missing (lattice train writes them)")
    about = _about(arrays["model"], source)
    parameters = _under(arrays, _PARAMETER)
    for name, array in parameters.items():
        if array.dtype != np.float64 or not np.isfinite(array).all():
            raise FormatError(f"{source}: array '{_PARAMETER}{name}' is not of finite float64 numbers")
    grammar, alignment = (_document(_under(arrays, prefix), source) for prefix in (GRAMMAR, ALIGNMENT))
    factors: dict[str, Document] = {}
    for number, entry in enumerate(as_list(about.get("factors") or [], source, "factors")):
        found = _document(_under(arrays, f"{_FACTOR}{number}/"), source)
        if found is None:
            raise FormatError(f"{source}: the arrays of factor {number}, {str(entry)!r}, are missing")
        factors[as_text(entry, source, "a factor")] = found
    return StoredModel(source, about, parameters, grammar, alignment, factors)


def read_model_if_one(path: str) -> StoredModel | None:
    """The model of a file; None for what is none, or can be read only once. Raises FormatError for a damaged one."""
    if path == "-" or not Path(path).is_file():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if "model.npy" not in archive.namelist():
                return None
    except (OSError, zipfile.BadZipFile):
        return None
    return read_model(path)


def write_checkpoint(path: str, about: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write where a training stands, whole or not at all."""
    arrays = {f"{_STATE}{name}": array for name, array in state.items()}
    write_whole(path, _npz({"checkpoint": _text({"version": _VERSION, **about}), **arrays}))


def read_checkpoint(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(about, state) of a checkpoint. Raises FormatError."""
    arrays, source = _read(path)
    if "checkpoint" not in arrays:
        raise FormatError(f"{source}: not a checkpoint: array 'checkpoint' is missing")
    return _about(arrays["checkpoint"], source), _under(arrays, _STATE)


def _document(arrays: dict[str, Any], source: str) -> Document | None:
    return document_of(arrays, source, source) if arrays else None


def _under(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}


def _text(value: Mapping[str, Any]) -> Any:
    return np.frombuffer(json.dumps(value, ensure_ascii=False, allow_nan=False).encode(), dtype=np.uint8)


def _npz(arrays: Mapping[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _read(path: str) -> tuple[Mapping[str, Any], str]:
    source = Source(path)
    try:
        return ArrayArchive(source.everything(), source.name), source.name
    finally:
        source.close()


def _about(array: Any, source: str) -> dict[str, Any]:
    at = f"{source}: its description"
    about = as_mapping(parse_json(decoded(array.tobytes(), at), at), source, "its description")
    version = about.get("version")
    if version is True or version != _VERSION:
        raise FormatError(f"{source}: version {version!r} of the file, expected {_VERSION}")
    return _as_now(about)


def _as_now(about: dict[str, Any]) -> dict[str, Any]:
    """A description in today's words. Of ODEs `cost: every` was what is `cost: mean` now, as long as their settings had
    no weights of steps."""
    try:
        ode = about["config"]["recognizer"]["ode"]
        if ode["cost"] == "every" and "weights" not in ode:
            ode["cost"] = "mean"
    except (KeyError, TypeError):
        pass  # no ODE is told of, or nothing that can be; who needs it says what is missing
    return about

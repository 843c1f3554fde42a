"""The code of a model's module: a person's own file, and whether it may be run.

A configuration says which file is run when it is trained from. A model file names the file, the digest of what was in
it, and the configuration; where it is opened, the code is run if that configuration is still there and says the same,
or if whoever opens it trusts the code. Code that is no longer what the model was trained with is run for nobody.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lattice_cli.errors import FormatError, LatticeError, UsageError
from lattice_cli.formats import read_config
from lattice_cli.formats.io import as_mapping, as_text, read_text
from lattice_cli.learning.modules import UserCode
from lattice_cli.learning.training import TrainConfig

#: The key of a model's description.
CODE = "code"


def read_code(config: TrainConfig, base: Path) -> UserCode | None:
    """The code that a configuration names, relative to the folder `base`; None where its recogniser is no module.
    Raises FormatError, UsageError."""
    if config.recognizer.kind != "torch":
        return None
    told = config.recognizer.torch
    told.require_sense()
    return _code(str(base / told.file), told.name)


def _code(file: str, name: str) -> UserCode:
    text, _ = read_text(file)
    return UserCode(file, text, name)


def about_code(code: UserCode, config: str, output: str) -> dict[str, Any]:
    """What a model file at `output` says of its code; paths relative to it. config: where the configuration is, "-" for
    one that is in no file."""
    folder = Path(output).parent.resolve()
    told = {"file": _relative(code.path, folder), "name": code.name, "digest": code.digest}
    return {CODE: {**told, "configuration": _relative(config, folder) if config != "-" else None}}


def _relative(path: str, folder: Path) -> str:
    try:
        return Path(os.path.relpath(Path(path).resolve(), folder)).as_posix()
    except ValueError:  # another drive
        return str(Path(path).resolve())


def code_of_model(about: Mapping[str, Any], config: TrainConfig, model: str, trusted: bool) -> UserCode | None:
    """The code of the module that a model at `model` has, None where it has none.

    Raises FormatError where the file is missing or is not what it was, UsageError where it may not be run.
    """
    if config.recognizer.kind != "torch":
        return None
    told = as_mapping(about.get(CODE), model, CODE)
    file, name, digest = (as_text(told.get(key), model, f"{key} of its code") for key in ("file", "name", "digest"))
    folder = Path(model).parent
    if not (trusted or _said_by(told.get("configuration"), folder, file, name)):
        raise UsageError(
            f"{model}: its recogniser is the class {name!r} of {file}, code that is run only if it is trusted "
            "(--trust-code), or if the configuration that it was trained from lies where it lay and names it"
        )
    try:
        code = _code(str(folder / file), name)
    except FormatError as error:
        raise FormatError(f"{model}: the code of its recogniser: {error}") from None
    if code.digest != digest:
        raise FormatError(
            f"{code.path} is no longer the code that {model} was trained with: its SHA-256 is {code.digest[:12]}..., "
            f"expected {digest[:12]}..."
        )
    return code


def _said_by(configuration: Any, folder: Path, file: str, name: str) -> bool:
    """True if a training configuration names the class of that file."""
    if not isinstance(configuration, str) or not (folder / configuration).is_file():
        return False
    try:
        config = read_config(TrainConfig, str(folder / configuration))
    except LatticeError:
        return False
    told = config.recognizer.torch
    mine = (folder / configuration).parent / told.file
    return config.recognizer.kind == "torch" and told.name == name and mine.resolve() == (folder / file).resolve()

"""N-gram models compiled: the columns of NgramModel in an .npz file, which are mapped rather than read.

Arrays `key`, `energy`, `after`, `leaving`, `shorter`, `ends` and `least` are NgramModel's; `words` are the labels as
UTF-8, a line each; `ngrams` is a description in JSON. Numbers are those of the file that was compiled, as float64.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import (
    NGRAMS,
    ArrayArchive,
    MappedArchive,
    Source,
    as_mapping,
    brief,
    decoded,
    known_keys,
    parse_json,
    write_arrays,
)
from lattice_cli.formats.notations.arpa import arpa_model_of
from lattice_cli.grammars import NgramModel

_VERSION = 1
_ABOUT = ("version", "levels", "begin", "end", "first")
_COLUMNS = {"key": np.int64, "energy": np.float64, "after": np.int64}
_OF_HISTORIES = {"leaving": np.float64, "shorter": np.int64, "ends": np.float64}
_LARGEST_KEY, _MOST_LEVELS = 1 << 62, 100


def write_ngrams(path: str, model: NgramModel) -> None:
    """Write a model, whole or not at all. Raises FormatError if it cannot be written."""
    about = {
        "version": _VERSION,
        "levels": model.levels.tolist(),
        "begin": model.begin,
        "end": model.end,
        "first": model.first,
    }
    arrays: dict[str, Any] = {NGRAMS: _bytes(json.dumps(about)), "words": _bytes("\n".join(model.labels[1:]))}
    arrays |= {name: getattr(model, name) for name in (*_COLUMNS, *_OF_HISTORIES, "least")}
    write_arrays(path, arrays)


def read_ngrams(path: str, encoding: str | None = None) -> NgramModel:
    """The language model of a file, compiled or in the ARPA form: its first bytes tell. encoding: of ARPA.

    A compiled model that is a plain file is mapped. Raises FormatError.
    """
    source = Source(path, encoding)
    try:
        if not source.head.startswith(b"PK"):
            return arpa_model_of(source.everything(), source.name)
        arrays = MappedArchive(path) if source.plain else ArrayArchive(source.everything(), source.name)
        return ngrams_of(arrays, source.name)
    finally:
        source.close()


def is_ngrams(path: str) -> bool:
    """Whether a file is a compiled model, by what its archive holds."""
    if path == "-" or not Path(path).is_file():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{NGRAMS}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def ngrams_of(arrays: Mapping[str, Any], source: str) -> NgramModel:
    """The model that the arrays of a file are. Raises FormatError for what is not as `write_ngrams` writes it."""
    if NGRAMS not in arrays:
        found = ", ".join([*arrays][:8])
        expected = "expected a language model: ARPA, or what lattice grammar lm makes of it"
        raise FormatError(f"{source}: no array {NGRAMS!r} in it (found {found}), {expected}")
    at = f"{source}: its description"
    about = as_mapping(parse_json(decoded(arrays[NGRAMS].tobytes(), at), at), source, "its description")
    if about.get("version") is True or about.get("version") != _VERSION:
        version = brief(about.get("version"))
        raise FormatError(f"{source}: version {version} of the file, expected {_VERSION}: lattice grammar lm makes it")
    known_keys(about, _ABOUT, source, "its description")
    text = decoded(_column(arrays, "words", np.uint8, source).tobytes(), f"{source}: array 'words'")
    labels = ("", *(text.split("\n") if text else ()))
    columns = {name: _column(arrays, name, kind, source) for name, kind in {**_COLUMNS, **_OF_HISTORIES}.items()}
    levels: Any = about.get("levels")
    _require(isinstance(levels, list) and len(levels) <= _MOST_LEVELS, source, f"levels is {brief(levels)}")
    bounds = np.array([_whole(each, source, "an entry of levels") for each in levels], dtype=np.intp)
    begin, end = (None if about.get(name) is None else _whole(about[name], source, name) for name in ("begin", "end"))
    model = NgramModel(labels, bounds, begin, end, _whole(about.get("first"), source, "first"), **columns)
    _require_sound(model, source)
    least = _column(arrays, "least", np.float64, source)
    _require(len(least) == len(labels) and not np.isnan(least).any(), source, "array 'least' is not of the words")
    model.__dict__["least"] = least
    return model


def _bytes(text: str) -> Any:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _column(arrays: Mapping[str, Any], name: str, kind: Any, source: str) -> Any:
    if name not in arrays:
        raise FormatError(f"{source}: array {name!r} of the language model is missing")
    array = arrays[name]
    if array.ndim != 1 or array.dtype != kind:
        found = f"{array.dtype} of shape {array.shape}"
        raise FormatError(f"{source}: array {name!r} is {found}, expected {np.dtype(kind)} of one dimension")
    return array


def _whole(value: Any, source: str, name: str) -> int:
    sound = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_KEY
    _require(sound, source, f"{name} is {brief(value)}")
    return int(value)


def _require(sound: bool, source: str, found: str) -> None:
    if not sound:
        raise FormatError(f"{source}: not a sound language model: {found}; lattice grammar lm makes it again")


def _require_sound(model: NgramModel, source: str) -> None:
    """Raises FormatError where looking something up could fail, or go on for ever."""
    histories, words, levels = model.histories, len(model.labels), model.levels
    ascending = len(levels) > 1 and levels[0] == 0 and levels[1] == 1 and bool((np.diff(levels) >= 0).all())
    _require(ascending and int(levels[-1]) == histories, source, f"levels do not end at {histories} histories")
    _require(words * histories < _LARGEST_KEY, source, f"{words} words and {histories} histories")
    _require(len(set(model.labels)) == words and "" not in model.labels[1:], source, "a word is given twice, or empty")
    tags = [tag for tag in (model.begin, model.end) if tag is not None]
    _require(all(0 < tag < words for tag in tags) and model.first < histories, source, "begin, end or first")
    for names, size in ((_COLUMNS, len(model.key)), (_OF_HISTORIES, histories)):
        short = next((name for name in names if len(getattr(model, name)) != size), None)
        _require(short is None, source, f"array {short!r} does not have {size} entries")
    key, after, shorter = model.key, model.after, model.shorter
    _require(bool((key[1:] > key[:-1]).all()), source, "array 'key' is not ascending")
    _require(not len(key) or (key[0] >= 0 and key[-1] < words * histories), source, "array 'key' is out of range")
    inside = not len(key) or bool(after.min() >= 0 and after.max() < histories)
    _require(inside, source, "array 'after' is out of range")
    low = levels[:-1].repeat(np.diff(levels)) if histories else shorter
    backs_off = bool((shorter[1:] < low[1:]).all()) and int(shorter.min()) >= 0 and int(shorter[0]) == 0
    _require(backs_off, source, "array 'shorter' is not of shorter histories")
    odd = next((name for name in ("energy", "leaving", "ends") if _odd(getattr(model, name))), None)
    _require(odd is None and np.isposinf(model.leaving[0]), source, f"array {odd or 'leaving'!r} is not of energies")


def _odd(energies: Any) -> bool:
    """True for anything but numbers and +inf."""
    return len(energies) > 0 and not energies.min() > -np.inf  # nan is no minimum either

"""Single values of a document, checked: numbers, labels, nodes; and where each stood in its file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError
from lattice_cli.graph import NO_LABELS, AnyOf, Reference, Right, StepTargets, TargetGraph, without_any_arcs

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
#: What others call the keys of graphs.
_SYNONYMS = {
    "end": "final",
    "ends": "final",
    "initial": "start",
    "edges": "arcs",
    "links": "arcs",
    "transitions": "arcs",
}
_NULLS = ("null", "~", "")
_DIGITS = 300
LARGEST_NODE = 10**_DIGITS


class Scalar(str):
    """A scalar of a YAML file, as it was written. plain: without quotes. line: counted from 1."""

    plain: bool
    line: int

    def __new__(cls, text: str, plain: bool, line: int) -> Scalar:
        scalar = super().__new__(cls, text)
        scalar.plain, scalar.line = plain, line
        return scalar


class LinedList(list[Any]):
    """A list of a YAML file and the line it begins on."""

    line: int = 0


class LinedDict(dict[Any, Any]):
    """A mapping of a YAML file and the line it begins on."""

    line: int = 0


def location(source: str, value: object) -> str:
    """`file:line` if the value knows its line, else `file`."""
    line = getattr(value, "line", 0)
    return f"{source}:{line}" if line else source


def brief(value: object) -> str:
    """A value as messages show it: short, and as it would be written."""
    if isinstance(value, Scalar) and value.plain:
        text = str(value) or "nothing"
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, int) and abs(value) >= LARGEST_NODE:
        text = "an integer of several hundred digits"
    elif isinstance(value, Mapping):
        text = f"a mapping with {len(value)} keys"
    elif isinstance(value, (list, tuple)):
        text = f"a list of {len(value)}"
    else:
        text = repr(str(value) if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def is_integer(text: str) -> bool:
    """True for the digits of an integer as JSON writes it."""
    return _INTEGER.fullmatch(text) is not None


def as_number(value: object, source: str, what: str) -> float:
    """A finite number. Raises FormatError with the place, `what` it is for, and what was found."""
    number = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    elif isinstance(value, Scalar) and value.plain and _NUMBER.fullmatch(value):
        number = float(value)
    if not math.isfinite(number):
        raise FormatError(f"{location(source, value)}: {what} is {brief(value)}, expected a finite number")
    return number


def plain_numbers(values: Sequence[Any]) -> FloatArray | None:
    """(values,) finite numbers, read at once; None if anything else is among them, for `as_number` to say what."""
    if set(map(type, values)) - {int, float}:
        return None
    try:
        numbers = np.fromiter(values, dtype=np.float64, count=len(values))  # faster than np.array
    except OverflowError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def is_null(value: object) -> bool:
    """True for a JSON null, and for a plain `null`, `~` or nothing in YAML."""
    return value is None or (isinstance(value, Scalar) and value.plain and value in _NULLS)


def plain_value(value: object) -> Any:
    """A value of a YAML or JSON file as Python has it: null, true and false, whole and other numbers, texts, lists,
    mappings."""
    if isinstance(value, Mapping):
        return {str(key): plain_value(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(each) for each in value]
    if not isinstance(value, Scalar):
        return value
    if is_null(value):
        return None
    if value.plain and value in ("true", "True", "false", "False"):
        return value in ("true", "True")
    if value.plain and len(value) <= _DIGITS and is_integer(value):
        return int(value)
    return float(value) if value.plain and _NUMBER.fullmatch(value) else str(value)


def as_label(value: object, source: str, what: str) -> str | None:
    """A label, or None for epsilon. Raises FormatError for anything but a string or null."""
    if is_null(value):
        return None
    if isinstance(value, str):
        return str(value)
    short = isinstance(value, (int, float)) and abs(value) < LARGEST_NODE
    hint = f' (write "{value}")' if short else ""
    raise FormatError(f"{location(source, value)}: {what} is {brief(value)}, expected a string or null{hint}")


def as_text(value: object, source: str, what: str) -> str:
    """A string. Raises FormatError for anything else; a plain YAML scalar is the string that was written."""
    if isinstance(value, str):
        return str(value)
    raise FormatError(f"{location(source, value)}: {what} is {brief(value)}, expected a string")


def as_node(value: object, source: str, what: str) -> int | str:
    """A node: an integer or a string. A string that is an integer's digits names the same node as the integer."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_NODE:
        return value
    if isinstance(value, str) and not is_null(value):
        return int(value) if len(value) <= _DIGITS and is_integer(value) else str(value)
    raise FormatError(f"{location(source, value)}: {what} is {brief(value)}, expected an integer or a string")


def as_list(value: object, source: str, what: str) -> list[Any]:
    """A list. Raises FormatError for anything else."""
    if isinstance(value, list):
        return value
    raise FormatError(f"{location(source, value)}: {what} is {brief(value)}, expected a list")


def as_labels(value: object, source: str, what: str = "labels") -> list[str]:
    """A list of labels, each of them once. Raises FormatError for anything else."""
    labels = [as_text(label, source, f"an entry of {what}") for label in as_list(value, source, what)]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise FormatError(f"{location(source, value)}: {brief(twice)} is given twice in {what}, expected each once")
    return labels


def as_mapping(value: object, source: str, what: str) -> dict[Any, Any]:
    """A mapping. Raises FormatError for anything else."""
    if isinstance(value, dict):
        return value
    raise FormatError(f"{location(source, value)}: {what} is {brief(value)}, expected a mapping")


class UnreadTarget(TargetGraph):
    """A lattice of right answers as a record gives it: none are known before `formats.target_lattices` reads it.
    source: where it stands."""

    def __init__(self, given: Mapping[str, Any], source: str) -> None:
        super().__init__(given, without_any_arcs(NO_LABELS, 0))
        object.__setattr__(self, "source", source)

    source: str


def target_of(record: Mapping[Any, Any], source: str) -> Reference | None:
    """The target of a record: a text, a list of labels, `{any: [...]}` for several that are right, `{graph: ...}` or
    `{file: ...}` for a lattice, which is still to be read, `{steps: [...]}` for one of these at every step; or None.
    Raises FormatError."""
    given = record.get("target")
    if is_null(given):
        return None
    if not isinstance(given, dict) or "steps" not in given:
        return _right(given, source, "target")
    known_keys(given, ("steps",), source, "a target of steps")
    listed = as_list(given["steps"], source, "steps of the target")
    if not listed:
        raise FormatError(f'{location(source, given)}: a target of no step, expected {{"steps": [...]}} of one')
    return StepTargets(tuple(_right(each, source, f"target of step {n}") for n, each in enumerate(listed, 1)))


def _right(given: Any, source: str, what: str) -> Right:
    """A text, a list of labels, several that are right, or a lattice of them."""
    if not isinstance(given, dict):
        more = ', {"any": [...]} for several that are right, or {"graph": {...}} or {"file": ...} for a lattice of them'
        return _answer(given, source, what, more)
    kinds = [key for key in ("graph", "file") if key in given]
    if kinds:
        known_keys(given, (kinds[0], "scale"), source, f"a {what} with {kinds[0]!r}")
        return UnreadTarget(given, location(source, given))
    known_keys(given, ("any", "graph", "file", "steps"), source, f"a {what}")
    listed = as_list(given["any"], source, f"any of the {what}") if "any" in given else []
    if not listed:
        raise FormatError(f'{location(source, given)}: a {what} of no right answer, expected {{"any": [...]}} of one')
    return AnyOf(tuple(_answer(each, source, f"an entry of any of the {what}") for each in listed))


def _answer(given: Any, source: str, what: str, more: str = "") -> str | tuple[str, ...]:
    if isinstance(given, list):
        return tuple(as_text(label, source, f"a label of {f'the {what}' if more else what}") for label in given)
    if not isinstance(given, str):
        expected = f"expected a text or a list of labels{more}"
        raise FormatError(f"{location(source, given)}: {what} is {brief(given)}, {expected}")
    return str(given)


def target_record(target: Reference) -> Any:
    """A target as a record has it, the inverse of `target_of`."""
    if isinstance(target, StepTargets):
        return {"steps": [target_record(each) for each in target.steps]}
    if isinstance(target, TargetGraph):
        return target.given
    return {"any": list(target.answers)} if isinstance(target, AnyOf) else target


def blank_of(given: Any, labels: Sequence[str], source: str) -> str:
    """The label that a record says is the blank of CTC. Raises FormatError for one that it does not have."""
    blank = as_text(given, source, "blank")
    if blank not in labels:
        raise FormatError(f"{location(source, given)}: blank is {brief(blank)}, expected one of the labels")
    return blank


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def known_keys(mapping: Mapping[Any, Any], known: Iterable[str], source: str, what: str) -> None:
    """Raises FormatError for a key that is not known, with the nearest one that is."""
    known = list(known)
    for key in mapping:
        if key not in known:
            from difflib import get_close_matches

            near = [own for name, own in _SYNONYMS.items() if name == key and own in known]
            near = near or get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(known)}"
            raise FormatError(f"{location(source, key)}: unknown key {brief(str(key))} in {what}{hint}")

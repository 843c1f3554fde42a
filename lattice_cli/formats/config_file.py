"""Configurations: YAML into frozen dataclasses, strictly, with values given on the command line over those of the file.

The dataclasses say what there is: names, types and limits (`choices`, `least`, `most`, `above`, `below` in a
field's metadata).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from lattice_cli.errors import FormatError, LatticeError, UsageError
from lattice_cli.formats.io import (
    Scalar,
    Source,
    as_list,
    as_mapping,
    as_number,
    as_text,
    brief,
    decoded,
    is_null,
    json_line,
    known_keys,
    location,
    parse_yaml,
    plain_value,
)

Settings = TypeVar("Settings")
#: Beyond it a float64, which numbers are read as, does not have every whole number.
_LARGEST_WHOLE = 2**53


def read_config(kind: type[Settings], path: str, overrides: Sequence[str] = ()) -> Settings:
    """The configuration of a YAML file as a `kind`; overrides: `section.key=value`, the value in YAML.

    Raises FormatError with the file and line, or the override, of what is wrong.
    """
    source = Source(path)
    try:
        documents = list(parse_yaml(decoded(source.everything(), source.name), source.name))
    finally:
        source.close()
    if len(documents) != 1:
        raise FormatError(f"{source.name}: holds {len(documents)} documents, expected one configuration")
    mapping = as_mapping(documents[0], source.name, "the configuration")
    given = bind(kind, mapping, source.name)
    return overridden(given, overrides)


def overridden(given: Settings, overrides: Sequence[str]) -> Settings:
    """The configuration with values of `section.key=value` in it, one after the other. Raises UsageError."""
    for override in overrides:
        given = _overridden(given, override)
    return given


def config_lines(told: Mapping[str, Any], like: Mapping[str, Any]) -> list[str]:
    """The lines of a configuration in YAML, its keys that are other than those of `like`; both as JSON values."""
    lines = []
    for key, value in told.items():
        usual = like.get(key)
        if isinstance(value, dict) and isinstance(usual, dict):
            inner = config_lines(value, usual)
            lines += [f"{key}:", *(f"  {line}" for line in inner)] if inner else []
        elif value != usual and isinstance(value, list) and any(isinstance(each, dict) for each in value):
            lines += [f"{key}:", *(f"- {json_line(each)}" for each in value)]
        elif value != usual:
            lines.append(f"{key}: {json_line(value)}")
    return lines


def _overridden(given: Settings, override: str) -> Settings:
    """The configuration with one `section.key=value` in it."""
    name, equals, text = override.partition("=")
    source = f"--set {override}"
    if not equals:
        raise UsageError(f"{source}: expected KEY=VALUE")
    try:
        values = list(parse_yaml(text, source))
        value: Any = values[0] if values else Scalar("", True, 0)
        replaced: Settings = _with(given, name.split("."), value, source)
        return replaced
    except FormatError as error:
        told = str(error).replace(f"{source}:1:", f"{source}:")  # an override has no lines
        raise UsageError(told if told.startswith(source) else f"{source}: {told}") from None


def _with(given: Any, keys: Sequence[str], value: Any, source: str, within: str = "") -> Any:
    name, dotted = keys[0], f"{within}{keys[0]}"
    known_keys({name: value}, [each.name for each in dataclasses.fields(given)], source, _what(type(given)))
    shorthand = getattr(getattr(given, name), "shorthand", "")
    if len(keys) == 1 and shorthand and isinstance(value, str):
        keys = [*keys, shorthand]  # the other keys of the section stay
    if len(keys) == 1:
        bound = _value(_types(type(given))[name], value, source, dotted, _field(type(given), name).metadata)
        return dataclasses.replace(given, **{name: bound})
    inner = getattr(given, name)
    if isinstance(inner, dict) and len(keys) == 2:
        return dataclasses.replace(given, **{name: {**inner, keys[1]: plain_value(value)}})
    if not dataclasses.is_dataclass(inner):
        raise FormatError(f"{source}: {name} has no keys of its own")
    return dataclasses.replace(given, **{name: _with(inner, keys[1:], value, source, f"{dotted}.")})


def _what(kind: type) -> str:
    return f"the {kind.__name__.removesuffix('Settings').removesuffix('Config').lower() or 'configuration'} settings"


def _types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _field(kind: type, name: str) -> Any:
    return next(each for each in dataclasses.fields(kind) if each.name == name)


def bind(kind: type[Settings], mapping: dict[Any, Any], source: str, what: str = "") -> Settings:
    """A dataclass from a mapping; keys that are left out keep their defaults. Raises FormatError."""
    fields = [each for each in dataclasses.fields(kind) if each.init]  # type: ignore[arg-type]
    known_keys(mapping, [each.name for each in fields], source, what or "the configuration")
    hints = _types(kind)
    values = {}
    for each in fields:
        if each.name in mapping:
            name = f"{what}.{each.name}" if what else each.name
            values[each.name] = _value(hints[each.name], mapping[each.name], source, name, each.metadata)
    try:
        return kind(**values)
    except LatticeError as error:
        raise FormatError(f"{location(source, mapping)}: {error}") from None


def _value(hint: Any, value: Any, source: str, name: str, limits: typing.Mapping[str, Any]) -> Any:
    """A value of the type that a field asks for."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if is_null(value):
            return None
        return _value(arguments[0], value, source, name, limits)
    if origin is tuple:
        return _tuple(arguments, value, source, name, limits)
    if origin is Mapping:
        return {
            as_text(key, source, f"a key of {name}"): plain_value(each)
            for key, each in as_mapping(value, source, name).items()
        }
    if dataclasses.is_dataclass(hint):
        shorthand = getattr(hint, "shorthand", "")
        if shorthand and isinstance(value, str):
            value = {shorthand: value}
        return bind(typing.cast(Any, hint), as_mapping(value, source, name), source, name)
    found = _scalar(hint, value, source, name)
    _require_limits(found, value, source, name, limits)
    return found


def _tuple(arguments: Sequence[Any], value: Any, source: str, name: str, limits: typing.Mapping[str, Any]) -> Any:
    if arguments[-1] is Ellipsis:
        if is_null(value):
            return ()
        if isinstance(value, str) and arguments[0] is str:
            # One file is a list of one; labels may be run together.
            if name.endswith("labels"):  # run together, or with white space between
                return tuple(value.split() if len(value.split()) > 1 else value)
            return (str(value),)
        return tuple(
            _value(arguments[0], each, source, f"{name}: entry {number}", limits)
            for number, each in enumerate(as_list(value, source, name))
        )
    values = as_list(value, source, name)
    if len(values) != len(arguments):
        raise FormatError(f"{location(source, value)}: {name} has {len(values)} entries, expected {len(arguments)}")
    return tuple(_value(hint, each, source, name, limits) for hint, each in zip(arguments, values))


def _scalar(hint: Any, value: Any, source: str, name: str) -> Any:
    if hint is str:
        return as_text(value, source, name)
    number = as_number(value, source, name)
    if hint is not int:
        return number
    if number != int(number):
        raise FormatError(f"{location(source, value)}: {name} is {brief(value)}, expected a whole number")
    return int(number)


def _require_limits(found: Any, value: Any, source: str, name: str, limits: typing.Mapping[str, Any]) -> None:
    for problem in _problems(found, limits):
        raise FormatError(f"{location(source, value)}: {name} is {brief(value)}, expected {problem}")


def _problems(found: Any, limits: typing.Mapping[str, Any]) -> Iterator[str]:
    choices = limits.get("choices")
    if choices is not None and found not in choices:
        from difflib import get_close_matches

        near = get_close_matches(str(found), [str(each) for each in choices], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        yield "one of " + ", ".join(str(each) for each in choices if each != "") + hint
    if "least" in limits and found < limits["least"]:
        yield f"at least {limits['least']}"
    most = limits.get("most", _LARGEST_WHOLE if isinstance(found, int) else None)
    if most is not None and found > most:
        yield f"at most {most:,}"
    if "above" in limits and not found > limits["above"]:
        yield f"a number above {limits['above']:g}"
    if "below" in limits and not found < limits["below"]:
        yield f"a number below {limits['below']:g}"

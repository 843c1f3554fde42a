"""Text to values: JSON and YAML, both strict.

YAML is read without its guesses: a scalar is the text that was written, so a label `no` or `1e-3` stays what it is, and
a field that wants a number asks for one. Duplicate keys are errors in both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lattice_cli.errors import FormatError
from lattice_cli.formats.values import LinedDict, LinedList, Scalar, shown

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str, source: str, first_line: int = 1) -> Any:
    """The value of a JSON text. Raises FormatError with line and column; `first_line` is where the text begins."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        if _SURROGATE.search(text):
            _require_characters(value)
        return value
    except json.JSONDecodeError as error:
        line = error.lineno + first_line - 1
        found = shown(text[error.pos : error.pos + 20]) if error.pos < len(text.rstrip()) else "the end of the text"
        raise FormatError(f"{source}:{line}: not JSON: {error.msg} at column {error.colno}, found {found}") from None
    except _BadJson as error:
        raise FormatError(f"{source}:{first_line}: {error}" if first_line > 1 else f"{source}: {error}") from None
    except RecursionError:
        raise FormatError(f"{source}: not a document: nested too deeply") from None


class _BadJson(ValueError):
    pass


def _require_characters(value: Any) -> None:
    """An escape of half a surrogate pair is not a character, and could not be printed again."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _BadJson(
            f"\\u{ord(error.object[error.start]):04x} is half of a surrogate pair, not a character"
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _BadJson(f"key {twice!r} is given twice in one mapping")
    return mapping


def _no_constant(token: str) -> Any:
    raise _BadJson(f"{token} is not a JSON number, expected a finite number (leave an impossible arc out)")


def parse_yaml(text: str, source: str) -> Iterator[Any]:
    """The documents of a YAML text, every scalar as it was written. Raises FormatError with the line."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for node in yaml.compose_all(text, Loader=loader):
            if node is not None:
                yield _plain(node, source, yaml)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source}:{mark.line + 1}" if mark else source
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).split("\n")[0]
        raise FormatError(f"{where}: not YAML: {problem}") from None
    except RecursionError:
        raise FormatError(f"{source}: not a document: nested too deeply") from None


def _plain(node: Any, source: str, yaml: Any) -> Any:
    """A YAML node as lists, mappings and scalars that know their lines."""
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return Scalar(node.value, not node.style, line)
    if isinstance(node, yaml.SequenceNode):
        items = LinedList(_plain(child, source, yaml) for child in node.value)
        items.line = line
        return items
    mapping = LinedDict()
    mapping.line = line
    for key_node, value_node in node.value:
        key = _plain(key_node, source, yaml)
        if not isinstance(key, Scalar):
            raise FormatError(f"{source}:{line}: a key of a mapping is {shown(key)}, expected a string")
        if key in mapping:
            raise FormatError(f"{source}:{key.line}: key {str(key)!r} is given twice in one mapping")
        mapping[key] = _plain(value_node, source, yaml)
    return mapping

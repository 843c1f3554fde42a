"""Text to values: JSON and YAML, both strict.

YAML is read without its guesses: a scalar is the text that was written, so a label `no` or `1e-3` stays what it is, and
a field that wants a number asks for one. Duplicate keys are errors in both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lattice_cli.errors import FormatError
from lattice_cli.formats.io.values import LinedDict, LinedList, Scalar, brief

_DEEPEST = 500
#: So many values may aliases stand for in a document: each may double what the one before it stands for.
_MOST_ALIASED = 100_000
#: The tags that say what a value is anyway.
_OWN_TAGS = {
    f"{kind}Event": f"tag:yaml.org,2002:{tag}"
    for kind, tag in (("Scalar", "str"), ("SequenceStart", "seq"), ("MappingStart", "map"))
}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str, source: str, line: int | None = None) -> Any:
    """The value of a JSON text; `line`: the line it is, of a stream. Raises FormatError with the line and column."""
    at = source if line is None else f"{source}:{line}"
    try:
        value = _DECODER.decode(text)
        if _SURROGATE.search(text):
            _require_characters(value)
        return value
    except json.JSONDecodeError as error:
        found = brief(text[error.pos : error.pos + 20]) if error.pos < len(text.rstrip()) else "the end of the text"
        where = at if line is not None else f"{source}:{error.lineno}"
        raise FormatError(f"{where}: not JSON: {error.msg} at column {error.colno}, found {found}") from None
    except _BadJson as error:
        place = at if line is not None or error.find is None else f"{source}:{error.find(text)}"
        raise FormatError(f"{place}: {error}") from None
    except ValueError:  # Python's own limit on the digits of an integer
        raise FormatError(f"{at}: a number with thousands of digits, expected a finite number") from None
    except RecursionError:
        raise FormatError(f"{at}: not a document: nested too deeply") from None


class _BadJson(ValueError):
    """JSON that Python takes, but we do not; `find`: what finds its line in the text, if anything does."""

    def __init__(self, message: str, find: Callable[[str], int] | None = None) -> None:
        super().__init__(message)
        self.find = find


def _line_of_second(text: str) -> int:
    """The line on which a key first stands that its mapping has already."""
    open_: list[set[str]] = []
    for found in re.finditer(r'("(?:[^"\\]|\\.)*")(\s*:)?|[\[\]{}]', text):
        if found[0] in "[{":
            open_.append(set())
        elif found[0] in "]}":
            open_.pop()
        elif found[2]:
            key = json.loads(found[1])
            if key in open_[-1]:
                return text.count("\n", 0, found.start()) + 1
            open_[-1].add(key)
    return 1


def _line_of(token: str, text: str) -> int:
    """The line on which a token first stands outside of a string."""
    bare = re.compile(rf'"(?:[^"\\\\]|\\\\.)*"|{re.escape(token)}')
    for found in bare.finditer(text):
        if not found[0].startswith('"'):
            return text.count("\n", 0, found.start()) + 1
    return 1


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
        raise _BadJson(f"key {twice!r} is given twice in one mapping", _line_of_second)
    return mapping


def _no_constant(token: str) -> Any:
    raise _BadJson(
        f"{token} is not a JSON number, expected a finite number (leave an impossible arc out)",
        partial(_line_of, token),
    )


#: Made once: for each of many short lines it would take a quarter of the time.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def parse_yaml(text: str, source: str) -> Iterator[Any]:
    """The documents of a YAML text, every scalar as it was written. Raises FormatError with the line.

    Values are built from the parser's events, on a stack of our own: no depth of nesting can exhaust the C stack.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _YamlBuilder(source)
    try:
        events: Iterator[Any] = yaml.parse(text, Loader=loader)
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentEndEvent" and not event.explicit and builder.is_nothing:
                continue  # what stands before the first document, or behind the last
            if kind == "DocumentEndEvent":
                yield builder.taken()
            else:
                builder.add(kind, event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source}:{mark.line + 1}" if mark else source
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).split("\n")[0]
        raise FormatError(f"{where}: not YAML: {problem}") from None


class _YamlBuilder:
    """Lists, mappings and scalars that know their lines, from YAML events."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._anchors: dict[str, Any] = {}
        #: id -> how many values those that are anchored are, with all that is in them
        self._sizes: dict[int, int] = {}
        self._aliased = 0
        self._values = 0
        self._open: list[Any] = []
        self._begun: list[int] = []
        self._keys: list[Any] = []
        self._root: Any = None

    @property
    def is_nothing(self) -> bool:
        """True if the document is empty."""
        return isinstance(self._root, Scalar) and self._root.plain and self._root == ""

    def taken(self) -> Any:
        """The document, and ready for the next."""
        root, self._root = self._root, None
        self._anchors, self._sizes, self._aliased = {}, {}, 0
        return root

    def add(self, kind: str, event: Any) -> None:
        """One event."""
        tag = getattr(event, "tag", None)
        if tag not in (None, "!", _OWN_TAGS.get(kind)):
            line = event.start_mark.line + 1
            raise FormatError(f"{self._source}:{line}: found the tag {brief(tag)}, expected values without tags")
        if kind == "ScalarEvent":
            self._values += 1
            self._put(Scalar(event.value, not event.style and not tag, event.start_mark.line + 1), event.anchor)
        elif kind in ("SequenceStartEvent", "MappingStartEvent"):
            container: Any = LinedList() if kind == "SequenceStartEvent" else LinedDict()
            container.line = event.start_mark.line + 1
            self._put(container, event.anchor)
            self._open.append(container)
            self._begun.append(self._values)
            self._values += 1
            self._keys.append(None)
            if len(self._open) > _DEEPEST:
                raise FormatError(f"{self._source}:{container.line}: not a document: nested too deeply")
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            self._sizes[id(self._open.pop())] = self._values - self._begun.pop()
            self._keys.pop()
        elif kind == "AliasEvent":
            line = event.start_mark.line + 1
            if event.anchor not in self._anchors:
                raise FormatError(f"{self._source}:{line}: not YAML: alias {event.anchor!r} stands for nothing")
            if any(self._anchors[event.anchor] is container for container in self._open):
                raise FormatError(f"{self._source}:{line}: alias {event.anchor!r} stands inside of what it stands for")
            self._count(event.anchor, line)
            self._put(self._anchors[event.anchor], None)

    def _count(self, anchor: str, line: int) -> None:
        """Raises FormatError where aliases stand for more than anyone would have written."""
        size = self._sizes.get(id(self._anchors[anchor]), 1)
        self._values += size
        self._aliased += size
        if self._aliased > _MOST_ALIASED:
            raise FormatError(
                f"{self._source}:{line}: with alias {anchor!r} aliases stand for {self._aliased:,} values, expected "
                f"{_MOST_ALIASED:,} at most: more than that has to be written out"
            )

    def _put(self, value: Any, anchor: str | None) -> None:
        """A value in its place: the root, the next of a list, or the key or value of a mapping."""
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._open:
            self._root = value
            return
        container = self._open[-1]
        if isinstance(container, LinedList):
            container.append(value)
        elif self._keys[-1] is not None:
            container[self._keys[-1]] = value
            self._keys[-1] = None
        else:
            if not isinstance(value, Scalar):
                line = getattr(value, "line", container.line)
                raise FormatError(f"{self._source}:{line}: a key of a mapping is {brief(value)}, expected a string")
            if value in container:
                raise FormatError(f"{self._source}:{value.line}: key {str(value)!r} is given twice in one mapping")
            self._keys[-1] = value

"""The letter of HTK Standard Lattice Format: name=value fields, gathered into a header and tables of nodes and links.

What the fields mean is the business of `slf`. Source: the HTK Book, chapter "HTK Standard Lattice Format"; strings as
HTK's ReadString takes them ("..." or '...', backslash escapes, three octal digits for a byte).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError

NODE_NAMES = {"I": "I", "t": "t", "time": "t", "W": "W", "WORD": "W", "L": "L", "a": "a", "acoustic": "a", "r": "r"}
LINK_NAMES = {
    **{"J": "J", "S": "S", "START": "S", "E": "E", "END": "E", "W": "W", "WORD": "W", "a": "a", "acoustic": "a"},
    **{"l": "l", "language": "l", "n": "n", "ngram": "n", "r": "r"},
}
HEADER_NAMES = {"NODES": "N", "LINKS": "L", "U": "UTTERANCE", "S": "SUBLAT"}

_SPACE = r" \t\r\f\v"  # not \s: a no-break space is part of a word
_QUOTED = rf""""(?:[^"\\]|\\.)*"(?![^{_SPACE}])|'(?:[^'\\]|\\.)*'(?![^{_SPACE}])"""
_FIELD = re.compile(rf"(?=[^{_SPACE}])(?:(\#.*)|([^={_SPACE}]*)(=?)(?:({_QUOTED})|((?:\\.|[^{_SPACE}])*)))")
_RAW_FIELD = re.compile(rf"(?=[^{_SPACE}])(?:(\#.*)|([^={_SPACE}]*)(=?)()([^{_SPACE}]*))")
# SRILM writes \0 and then the whole octal number, HTK three digits; only a control character reads two ways.
_ESCAPE = re.compile(rb"\\(0[1-3][0-7]{2}|[0-3][0-7]{2}|.)", re.DOTALL)
_NUMBER_CHARACTERS = frozenset("0123456789+-.eE")


class Table:
    """Records of one kind, by field: which of them have it, and the text they have there.

    names: what a field may be called -> its short name. unread: the names of fields that are not among them.
    """

    def __init__(self, source: str, names: dict[str, str]) -> None:
        self.source = source
        self.lines: list[int] = []  # where each record begins
        self.unread: dict[str, None] = {}
        self._fields: dict[str, tuple[list[int], list[str]]] = {short: ([], []) for short in names.values()}
        self.columns = {name: self._fields[short] for name, short in names.items()}

    def __len__(self) -> int:
        return len(self.lines)

    def error(self, record: int, message: str) -> FormatError:
        """The message with the place of the record in front."""
        return FormatError(f"{self.source}:{self.lines[record]}: {message}")

    def has(self, name: str) -> NDArray[np.bool_]:
        """(records,) whether each has the field."""
        mask = np.zeros(len(self), dtype=np.bool_)
        mask[self._fields[name][0]] = True
        return mask

    def texts(self, name: str) -> list[str]:
        """The field of each record, "" where it has none."""
        texts = [""] * len(self)
        for record, text in zip(*self._fields[name], strict=True):
            texts[record] = text
        return texts

    def numbers(self, name: str) -> FloatArray:
        """(records,) the field of each record, nan where it has none. FormatError for what is not a finite number."""
        records, texts = self._fields[name]
        numbers: list[float] = []
        try:
            # float() alone would also take nan, 1_000 and the digits of other scripts
            if _NUMBER_CHARACTERS.issuperset("".join(texts)):
                numbers = [float(text) for text in texts]
        except ValueError:
            numbers = []
        if len(numbers) != len(texts) or not np.isfinite(numbers).all():
            # once more, one by one, to name the culprit
            pairs = zip(records, texts, strict=True)
            numbers = [finite(text, f"{self.source}:{self.lines[record]}: {name}") for record, text in pairs]
        column = np.full(len(self), np.nan)
        column[records] = numbers
        return column


@dataclass(frozen=True)
class SlfFile:
    """The fields of a file, still as text. header: name -> (line, value)."""

    source: str
    nodes: Table
    links: Table
    header: dict[str, tuple[int, str]] = field(default_factory=dict)

    def error(self, name: str, message: str) -> FormatError:
        """The message with the place of a header field in front; line 1 where it is missing."""
        return FormatError(f"{self.source}:{self.header.get(name, (1, ''))[0]}: {message}")

    def setting(self, name: str) -> float | None:
        """A number of the header, None where it is not given."""
        if name not in self.header:
            return None
        line, text = self.header[name]
        return finite(text, f"{self.source}:{line}: {name}")

    def count(self, name: str, default: int) -> int:
        """A whole number of the header."""
        if name not in self.header:
            return default
        line, text = self.header[name]
        return whole(text, f"{self.source}:{line}: {name}")


def whole(text: str, what: str) -> int:
    """A whole number, or FormatError."""
    if not re.fullmatch("[+-]?[0-9]{1,18}", text):
        raise FormatError(f"{what}={text}: expected a whole number")
    return int(text)


def finite(text: str, what: str) -> float:
    """A finite number, or FormatError."""
    try:
        value = float(text) if _NUMBER_CHARACTERS.issuperset(text) else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{what}={text}: expected a finite number")
    return value


def written_by_pocketsphinx(text: str) -> bool:
    """Whether the first comment of a file says so."""
    comment = re.search(r"^[ \t]*#.*", text, re.MULTILINE)
    return comment is not None and "pocketsphinx" in comment[0].lower()


def parse(text: str, source: str, *, raw: bool) -> SlfFile:
    """The fields of a file. A record goes on, over lines, until the next I= or J=.

    raw: quotes and backslashes are part of the words, as in pocketsphinx, which writes 'em as it is.
    Raises FormatError for what is not name=value.
    """
    file = SlfFile(source, Table(source, NODE_NAMES), Table(source, LINK_NAMES))
    columns: dict[str, tuple[list[int], list[str]]] | None = None
    table, record = file.nodes, 0
    for line, row in enumerate(text.split("\n"), 1):
        if row.isascii() and "#" not in row and "'" not in row and '"' not in row and "\\" not in row:
            fields = [field.partition("=") for field in row.split()]
        else:
            fields = _careful_fields(row, raw, f"{source}:{line}")
        for name, separator, value in fields:
            if not (separator and name):
                found = f"found {(name + separator + value)[:40]!r}"
                raise FormatError(f"{source}:{line}: {found}, expected name=value, as in HTK SLF")
            if name in {"I", "J"}:
                table = file.nodes if name == "I" else file.links
                columns, record = table.columns, len(table)
                table.lines.append(line)
            if columns is None:
                file.header[HEADER_NAMES.get(name, name)] = line, value
            elif name in columns:
                records, texts = columns[name]
                records.append(record)
                texts.append(value)
            else:
                table.unread[name] = None
    return file


def _careful_fields(row: str, raw: bool, place: str) -> list[tuple[str, str, str]]:
    """(name, "=" or nothing, value) of a line with comments, quotes, escapes or letters beyond ASCII."""
    fields = []
    for comment, name, separator, quoted, bare in (_RAW_FIELD if raw else _FIELD).findall(row):
        if comment:
            break
        value = quoted[1:-1] or bare
        if "\\" in value and not raw:
            try:
                value = _ESCAPE.sub(_unescaped, value.encode()).decode()
            except UnicodeDecodeError:
                raise FormatError(f"{place}: {name}={value}: expected \\ooo escapes to be the bytes of UTF-8") from None
        fields.append((name, separator, value))
    return fields


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    return bytes([int(code, 8)]) if len(code) > 1 else code

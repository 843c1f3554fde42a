"""The letter of HTK Standard Lattice Format: name=value fields, gathered into a header and tables of nodes and links.

What the fields mean is the business of `slf`. Source: the HTK Book, chapter "HTK Standard Lattice Format"; strings as
HTK's ReadString takes them ("..." or '...', backslash escapes, three octal digits for a byte). Who wrote a file shows:
SRILM (HTKLattice.cc) and pocketsphinx (ps_lattice.c) say so in a comment; sphinx4 (Lattice.dumpSlf) always writes
UTTERANCE=test and base=1.0001.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import FormatError

#: SRILM's scores of durations and whatever else it is given.
EXTRA = ("ds", *(f"x{number}" for number in range(1, 10)))
#: Of words, on nodes and on links. v= numbers the pronunciations of a word, and p= is a posterior.
_WORD_NAMES = {
    **{"W": "W", "WORD": "W", "a": "a", "acoustic": "a", "r": "r", "v": "v", "var": "v", "p": "p"},
    **{name: name for name in EXTRA},
}
NODE_NAMES = {"I": "I", "t": "t", "time": "t", "L": "L", **_WORD_NAMES}
LINK_NAMES = {
    **{"J": "J", "S": "S", "START": "S", "E": "E", "END": "E", "l": "l", "language": "l", "n": "n", "ngram": "n"},
    **_WORD_NAMES,
}
HEADER_NAMES = {"NODES": "N", "LINKS": "L", "U": "UTTERANCE", "S": "SUBLAT", "V": "VERSION"}
SCALE_NAMES = {"a": "acscale", "l": "lmscale", "n": "ngscale", "r": "prscale", "ds": "duscale"}
SCALE_NAMES |= {name: f"{name}scale" for name in EXTRA[1:]}
#: What a header may have; of those not named elsewhere, some name models, and amscale is that of p=.
_HEADER = {
    *HEADER_NAMES.values(), *SCALE_NAMES.values(), "base", "start", "end", "dir", "tscale", "wdpenalty", "vocab",
    "hmms", "lmname", "ngname", "amscale", "engineconfig",
}  # fmt: skip
#: A field of a header that no node and no link has: behind these it begins another lattice.
_BEGINS = frozenset({*_HEADER, *HEADER_NAMES}) - {*NODE_NAMES, *LINK_NAMES}
_RECORD = re.compile(rb"[ \t]*[IJ]=")
_FIRST = re.compile(rb"[ \t]*([A-Za-z]+)[ \t]*=")
#: Of a master file: the name of the next lattice, and the end of one.
_ENTRY = re.compile(rb'[ \t]*"(?:[^"]*/)?([^"/]+?)(?:\.lat|\.slf)?"[ \t\r]*')
_END = re.compile(rb"[ \t]*\.[ \t\r]*")

_SPACE = r" \t\r\f\v"  # not \s: a no-break space is part of a word
_QUOTED = rf""""(?:[^"\\]|\\.)*"(?![^{_SPACE}])|'(?:[^'\\]|\\.)*'(?![^{_SPACE}])"""
_FIELD = re.compile(rf"(?=[^{_SPACE}])(?:(\#.*)|([^={_SPACE}]*)(=?)(?:({_QUOTED})|((?:\\.|[^{_SPACE}])*)))")
_RAW_FIELD = re.compile(rf"(?=[^{_SPACE}])(?:(\#.*)|([^={_SPACE}]*)(=?)()([^{_SPACE}]*))")
# SRILM writes \0 and then the whole octal number, HTK three digits; only a control character reads two ways.
_BYTE = r"\\(?:0[1-3][0-7]{2}|[0-3][0-7]{2})"
_ESCAPE = re.compile(rf"((?:{_BYTE})+)|\\(.)", re.DOTALL)
_NUMBER_CHARACTERS = frozenset("0123456789+-.eE")
_NO_PROBABILITY = frozenset({"-inf", "-infinity"})


@dataclass(frozen=True)
class Dialect:
    """What the writer of a file does its own way.

    raw: quotes and backslashes are part of the words. backward: a word on a node is that of the links that leave it,
    where the node begins in time. based: the penalty of words is in the base of the scores. unnamed: UTTERANCE is none.
    """

    raw: bool = False
    backward: bool = False
    based: bool = False
    unnamed: bool = False


def dialect_of(text: str) -> Dialect:
    """The dialect of a file by its comments and its header."""
    comment = re.search(r"^[ \t]*#.*", text, re.MULTILINE)
    said = comment[0].lower() if comment else ""
    if "sphinx" in said:
        return Dialect(raw=True, backward=True)
    header = text[:1000].split()
    if "UTTERANCE=test" in header and "base=1.0001" in header:
        return Dialect(raw=True, backward=True, unnamed=True)
    return Dialect(based="srilm" in said)


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

    def logs(self, name: str) -> FloatArray:
        """(records,) the same for logarithms, which may be -inf."""
        records, texts = self._fields[name]
        none = [text.lower() in _NO_PROBABILITY for text in texts]
        if not any(none):
            return self.numbers(name)
        rest = Table(self.source, {name: name})
        rest.lines = self.lines
        rest._fields[name] = records, ["0" if zero else text for zero, text in zip(none, texts)]
        column = rest.numbers(name)
        column[[record for zero, record in zip(none, records) if zero]] = -np.inf
        return column

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

    @property
    def unread(self) -> list[str]:
        """What of it is not read: fields by where they are."""
        alien = [name for name in self.header if name not in _HEADER]
        found = (("in the header", alien), ("on nodes", self.nodes.unread), ("on links", self.links.unread))
        return [f"{', '.join(f'{name}=' for name in names)} {where}" for where, names in found if names]

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


@dataclass
class Part:
    """A lattice of a file: its lines from number `first` on. name: that a master file has for it."""

    first: int
    name: str = ""
    lines: list[bytes] = field(default_factory=list)


def parts(lines: Iterable[tuple[int, bytes | None]]) -> Iterator[Part | None]:
    """The lattices of a file, cut where a header follows links; None where all that has arrived so far was seen.

    Of a master file, a name in quotes stands before each lattice, and a period behind it (HTK's ScanLLF).
    """
    part, recorded = Part(1), False
    for number, line in lines:
        if line is None:
            yield None
            continue
        entry, first = _ENTRY.fullmatch(line), _FIRST.match(line) if recorded else None
        if entry or _END.fullmatch(line) or (first and first[1].decode() in _BEGINS):
            if recorded:
                said = len(part.lines)
                while part.lines[said - 1].strip()[:1] in (b"#", b""):  # who wrote the next one stands above it
                    said -= 1
                following = Part(number - len(part.lines) + said, lines=part.lines[said:])
                del part.lines[said:]
                yield part
                part, recorded = following, False
            if entry:
                part = Part(number + 1, entry[1].decode(errors="replace"))  # of "*/utt.lat", utt
            if entry or not first:
                continue
        recorded = recorded or _RECORD.match(line) is not None
        part.lines.append(line)
    if recorded or any(line.strip() for line in part.lines):
        yield part


def parse(text: str, source: str, *, raw: bool, first: int = 1, encoding: str = "utf-8") -> SlfFile:
    """The fields of a lattice. A record goes on, over lines, until the next I= or J=.

    raw: quotes and backslashes are part of the words, as in pocketsphinx, which writes 'em as it is. first: the number
    of the first line. encoding: of the bytes that \\ooo stands for.
    Raises FormatError for what is not name=value.
    """
    file = SlfFile(source, Table(source, NODE_NAMES), Table(source, LINK_NAMES))
    columns: dict[str, tuple[list[int], list[str]]] | None = None
    table, record = file.nodes, 0
    for line, row in enumerate(text.split("\n"), first):
        if row.isascii() and "#" not in row and "'" not in row and '"' not in row and "\\" not in row:
            fields = [field.partition("=") for field in row.split()]
        else:
            fields = _careful_fields(row, raw, f"{source}:{line}", encoding)
        for name, separator, value in fields:
            if not (separator and name):
                found = f"found {(name + separator + value)[:40]!r}"
                raise FormatError(f"{source}:{line}: {found}, expected name=value, as in HTK SLF")
            if name in {"I", "J"}:
                table = file.nodes if name == "I" else file.links
                columns, record = table.columns, len(table)
                table.lines.append(line)
            if columns is None:
                if HEADER_NAMES.get(name, name) in file.header:
                    raise FormatError(f"{source}:{line}: {name}= is given twice in the header")
                file.header[HEADER_NAMES.get(name, name)] = line, value
            elif name in columns:
                records, texts = columns[name]
                if records and records[-1] == record:
                    raise FormatError(f"{source}:{line}: {name}= is given twice in one record")
                records.append(record)
                texts.append(value)
            else:
                table.unread[name] = None
    return file


def _careful_fields(row: str, raw: bool, place: str, encoding: str) -> list[tuple[str, str, str]]:
    """(name, "=" or nothing, value) of a line with comments, quotes, escapes or letters beyond ASCII."""
    fields = []
    for comment, name, separator, quoted, bare in (_RAW_FIELD if raw else _FIELD).findall(row):
        if comment:
            break
        value = quoted[1:-1] or bare
        if "\\" in value and not raw:
            try:
                value = _ESCAPE.sub(lambda found: found[2] or _letters(found[1], encoding), value)
            except UnicodeError:
                said = f"expected \\ooo escapes to be the bytes of {encoding.upper()}"
                hint = "; --encoding latin-1 if they are of Latin-1" if encoding == "utf-8" else ""
                raise FormatError(f"{place}: {name}={value}: {said}{hint}") from None
        fields.append((name, separator, value))
    return fields


def _letters(escapes: str, encoding: str) -> str:
    """What octal bytes one after the other stand for."""
    return bytes(int(code, 8) for code in re.findall("[0-7]+", escapes)).decode(encoding)

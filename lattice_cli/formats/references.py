"""References: the right answers, in a file of their own.

What the first line that is not blank looks like tells the form:

    {...}            JSON Lines of objects with an id ("id", "utt_id", or the stem of "audio_filepath", as in the
                     manifests of NVIDIA NeMo) and a reference ("target" or "text")
    id,text          a table with a heading, of fields between tabs, commas or semicolons; see _ID and _TEXT
    u1<TAB>the cat   id<TAB>text on every line
    u1 1 0.3 0.5 cat CTM of NIST's sclite, words in the order of their times
    1, 0:0 --> 0:1   SubRip captions, of one recording
    u1 the cat       Kaldi's `text` (kaldi-asr.org/doc/data_prep.html), if the first word is the id of the first record
    the cat (u1)     .trn of NIST's sclite, if what is in the last brackets is
    the cat          else a reference a line, in the order of the records

YAML and .npz files are told by name, and hold records with id and target.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import PurePosixPath
from typing import Any, Literal

from lattice_cli.errors import FormatError, counted
from lattice_cli.formats.io import (
    Failure,
    ReadOptions,
    Source,
    as_mapping,
    as_text,
    brief,
    decoded,
    is_null,
    note,
    parse_json,
)
from lattice_cli.formats.reading import read_records, reference_of
from lattice_cli.graph import Document, Reference

_FILE = "audio_filepath"
#: Keys, or headings of columns, of ids and of references: the first of them that is there.
_ID = ("id", "utt_id", _FILE)
_TEXT = ("target", "reference", "text", "transcript", "sentence")
_JSON = re.compile(r"\s*\{\s*(\"|\}|$)")
_TRN = "sclite's .trn"
_CTM = re.compile(r"(\S+)\s+\S+\s+([0-9.]+)\s+[0-9.]+\s+(\S+)(\s+[-+0-9.eE]+)?\s*")
_CAPTION_TIMES = re.compile(r"\s*[0-9:,.]+\s+-->\s+[0-9:,.]+.*")
_ID_AT_END = re.compile(r"[^()\s]+\)")
#: What stands for what cannot stand in a column, in the answers that `--tsv` writes.
_ESCAPED, _MEANT = re.compile(r"\\([tnr\\])"), {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
_BRACES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class _Entry:
    """at: `file:line`."""

    reference: Reference
    at: str


@dataclass(frozen=True)
class _ByIdInLine:
    """A way to read lines: each has its id in it. told: what that is called; where: the id stands."""

    told: str
    where: str
    entries: dict[str, _Entry]


class References:
    """The references of a file, asked for record by record."""

    def __init__(
        self,
        name: str,
        by_id: dict[str, _Entry] | None,
        in_order: Sequence[_Entry] = (),
        in_lines: Sequence[_ByIdInLine] = (),
    ) -> None:
        """by_id: None where they are in the order of the records, or else by an id in each line: then the first record
        decides. in_lines: the ways to read them so."""
        self._name, self._by_id, self._in_order = name, by_id, in_order
        self._in_lines = in_lines
        self._chosen: _ByIdInLine | None = None
        self._asked: str | None = None
        self._taken: dict[str, str] = {}
        self._records = self._in_lines_too = 0

    def of(self, record_id: str, at: str) -> Reference | None:
        """The reference of the next record; None if there is none.

        Raises FormatError if the id came before, and for alternatives, as .trn may have.
        """
        if self._asked is None:
            self._choose(record_id)
        self._records += 1
        if self._by_id is None:
            place = self._records - 1
            self._in_lines_too += any(record_id in each.entries for each in self._in_lines)
            return self._in_order[place].reference if place < len(self._in_order) else None
        if record_id in self._taken:
            raise FormatError(f"{at}: id {brief(record_id)} comes a second time, it was at {self._taken[record_id]}")
        self._taken[record_id] = at
        found = self._by_id.get(record_id)
        if found is None:
            return None
        several = any("/" in braces for braces in _BRACES.findall(str(found.reference)))
        if several and self._chosen is not None and self._chosen.told == _TRN:
            raise FormatError(f"{found.at}: alternatives {{ a / b }}, expected one reference")
        return found.reference

    def _choose(self, first: str) -> None:
        """How lines are read, by the id of the first record."""
        self._asked = first
        self._chosen = next((each for each in self._in_lines if first in each.entries), None)
        if self._chosen is not None:
            self._by_id = self._chosen.entries
            note(self._name, f"read as {self._chosen.told}: {self._chosen.where} is a record's id")

    def failed(self, record_id: str) -> None:
        """A record that could not be read: its reference is not missing a result."""
        self._records += 1
        self._taken.setdefault(record_id, record_id)

    @property
    def expected(self) -> str:
        """What is expected of the file, for the end of a message about records without a reference."""
        if self._by_id is None:
            lines = counted(len(self._in_order), "line")
            return f"{self._name} ends after {lines}, expected a line for each record{self._doubt}"
        if self._chosen is None:
            return f"expected their ids in {self._name}"
        return (
            f"{self._name} is read as {self._chosen.told}, {self._chosen.where} being the id, as {brief(self._asked)} "
            "is: expected a line for each id; a text a line, in the order of the records, is read where that is no id"
        )

    @property
    def _doubt(self) -> str:
        """What speaks against a reading by the order of the records."""
        if self._in_lines_too:
            alike = f"{counted(self._in_lines_too, 'id')} of {counted(self._records, 'record')}"
            return f"; {alike} is in a line, the first record's is not"
        texts = any(entry.reference for each in self._in_lines for entry in each.entries.values())
        return f"; no line has the id {brief(self._asked)}" if texts and self._asked is not None else ""

    def unused(self) -> list[str]:
        """Each reference that no record asked for: its id, or in a file without ids its place."""
        if self._by_id is None:
            if self._doubt:
                note(self._name, f"read as a text a line, in the order of the records{self._doubt}")
            return [entry.at for entry in self._in_order[self._records :]]
        return [record_id for record_id in self._by_id if record_id not in self._taken]


def read_references(path: str, encoding: str | None = None) -> References:
    """The references of a file. Raises FormatError with the line of what is wrong."""
    bare = path.removesuffix(".gz")
    if bare.endswith((".yaml", ".yml", ".npz")):
        return References(path, _keyed(_of_records(path, encoding)))
    source = Source(path, encoding)
    try:
        text = decoded(source.everything(), source.name)
    finally:
        source.close()
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise FormatError(f"{source.name}: is empty, expected references")
    places = [(f"{source.name}:{number}", line) for number, line in enumerate(lines, 1)]
    if first.strip().isdigit() and any(_CAPTION_TIMES.fullmatch(line) for line in lines[:3]):
        note(source.name, "read as SubRip captions of one recording")
        return References(path, None, [_captions(places)])
    if _JSON.match(first):
        filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        return References(path, _keyed(_json_entry(line, source.name, number, path) for number, line in filled))
    separator = next((each for each in "\t,;" if each in first), "")
    if separator and (columns := _columns(first, separator, source.name)):
        return References(path, _keyed(_in_table(text, separator, columns, source.name)))
    if separator == "\t":
        return References(path, _keyed(_tabbed(at, line) for at, line in places if line.strip()))
    for at, line in places:
        if "\t" in line:
            raise FormatError(f"{at}: has a tab, but the first line has none: expected id<TAB>text on all or on none")
    return References(path, None, [_Entry(line, at) for at, line in places], [*_with_ids(places)])


def _keyed(entries: Iterable[tuple[str, _Entry]]) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for record_id, entry in entries:
        if record_id in found:
            raise FormatError(f"{entry.at}: id {brief(record_id)} comes a second time, it was at {found[record_id].at}")
        found[record_id] = entry
    return found


def _with_ids(places: Sequence[tuple[str, str]]) -> Iterator[_ByIdInLine]:
    """The ways to read lines that have their ids in them."""
    transcripts = [(at, line) for at, line in places if line.strip() and not line.startswith(";;")]
    words = [(at, _CTM.fullmatch(line.strip())) for at, line in transcripts]
    if all(word for _, word in words):
        timed: dict[str, list[tuple[float, str, str]]] = {}
        for at, word in words:
            assert word is not None
            timed.setdefault(word[1], []).append((_seconds(word[2], at), word[3], at))
        said = {
            name: _Entry(" ".join(each[1] for each in sorted(own, key=_begin)), own[0][2])
            for name, own in timed.items()
        }
        yield _ByIdInLine("sclite's CTM", "the first word of each line", said)
    ended, begun = [], []
    for at, line in transcripts:
        text, _, last = line.rstrip().rpartition("(")
        if _ID_AT_END.fullmatch(last):
            ended.append((last[:-1], _Entry(text.strip(), at)))
    for at, line in places:
        record_id, _, text = line.strip().partition(" ")
        if record_id:
            begun.append((record_id, _Entry(text.strip(), at)))
    if len(ended) == len(transcripts) == len(dict(ended)):
        yield _ByIdInLine(_TRN, "what is in brackets at the end of each line", dict(ended))
    if len(dict(begun)) == len(begun):
        yield _ByIdInLine("Kaldi's text", "the first word of each line", dict(begun))


def _seconds(text: str, at: str) -> float:
    """A time. Raises FormatError."""
    try:
        return float(text)
    except ValueError:
        raise FormatError(f"{at}: found {brief(text)}, expected seconds") from None


def _begin(word: tuple[float, str, str]) -> float:
    return word[0]


def _captions(places: Sequence[tuple[str, str]]) -> _Entry:
    """What captions say, one after the other; their numbers stand alone above a line of times."""
    said = []
    for (_, line), (_, after) in zip(places, [*places[1:], ("", "")]):
        number = line.strip().isdigit() and _CAPTION_TIMES.fullmatch(after)
        if line.strip() and not number and not _CAPTION_TIMES.fullmatch(line):
            said.append(line.strip())
    return _Entry(" ".join(said), places[0][0])


def _json_entry(line: str, source: str, number: int, path: str) -> tuple[str, _Entry]:
    at = f"{source}:{number}"
    record = as_mapping(parse_json(line, source, number), at, "a reference")
    id_key, key = (next((key for key in keys if not is_null(record.get(key))), None) for keys in (_ID, _TEXT))
    for given, name in ((id_key, "id"), (key, "target")):
        if given is None:
            raise FormatError(f'{at}: no "{name}" key, expected an object with "id" and "target", or a NeMo manifest')
    assert id_key is not None
    assert key is not None
    reference = reference_of({"target": record[key]}, at, path)
    assert reference is not None
    return _id_of(id_key, record[id_key], at, source), _Entry(reference, at)


def _id_of(key: str, value: Any, at: str, source: str) -> str:
    """The id that a key or a column gives: that of an audio file is its name without folder and ending."""
    own = str(value) if isinstance(value, int) and not isinstance(value, bool) else as_text(value, at, key)
    if key != _FILE:
        return own
    note(source, f"ids are the names of the files of {_FILE}, without folder and ending")
    return PurePosixPath(own).stem


def _columns(heading: str, separator: str, source: str) -> dict[str, int]:
    """Name -> column of a heading, if that is what a line is: it names ids and references. Else nothing."""
    try:
        row = next(csv.reader([heading], delimiter=separator), [])
    except csv.Error:  # a field of many thousands of characters is none of a heading
        return {}
    names = [name.strip().lower() for name in row]
    if not set(names) & set(_ID) or not set(names) & set(_TEXT):
        return {}
    unread = [name for name in names if name not in (_first(_ID, names), _first(_TEXT, names))]
    if unread:
        note(source, f"not read: columns {', '.join(map(brief, unread))}")
    return {name: column for column, name in reversed(list(enumerate(names)))}


def _first(names: Sequence[str], among: Iterable[str]) -> str:
    return next(name for name in names if name in among)


def _in_table(text: str, separator: str, columns: dict[str, int], source: str) -> Iterator[tuple[str, _Entry]]:
    """The references below a heading. Fields between commas may be quoted; those between tabs are as they are."""
    id_name, text_name = _first(_ID, columns), _first(_TEXT, columns)
    quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    rows = csv.reader(StringIO(text, newline=""), delimiter=separator, quoting=quoting)
    ours, last = {"rank", "energy"} <= set(columns) and separator == "\t", None
    try:
        for number, row in enumerate(row for row in rows if any(map(str.strip, row))):
            if number:
                at = f"{source}:{rows.line_num}"
                if len(row) <= max(columns[id_name], columns[text_name]):
                    raise FormatError(
                        f"{at}: has {counted(len(row), 'field')}, but the heading has {id_name}, {text_name}"
                    )
                record_id, said = _id_of(id_name, row[columns[id_name]].strip(), at, source), row[columns[text_name]]
                if not ours:
                    yield record_id, _Entry(said.strip(), at)
                elif row[columns["rank"]] == "1" and record_id != last:  # a row may be a label
                    yield record_id, _Entry(_ESCAPED.sub(lambda found: _MEANT[found[1]], said), at)
                last = record_id
    except csv.Error as error:
        raise FormatError(f"{source}:{rows.line_num}: not a table of fields: {error}") from None


def _tabbed(at: str, line: str) -> tuple[str, _Entry]:
    record_id, tab, text = line.partition("\t")
    if not tab:
        raise FormatError(f"{at}: no tab, but the first line has one: expected id<TAB>text")
    return record_id.strip(), _Entry(text, at)


def _of_records(path: str, encoding: str | None) -> Iterator[tuple[str, _Entry]]:
    for record in read_records(path, ReadOptions(encoding=encoding)):
        if isinstance(record, Failure):
            raise record.error
        if isinstance(record, Document):
            if record.target is None:
                raise FormatError(f"{record.source}: record {brief(record.id)} has no target")
            yield record.id, _Entry(record.target, record.source)

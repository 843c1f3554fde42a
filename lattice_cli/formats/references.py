"""References: the right answers, in a file of their own.

Three forms, told apart by the first line that is not blank: one that begins with { makes it JSON Lines of objects with
"id" and "target"; one with a tab makes it `id<TAB>text` on every line; any other a reference a line, in the order of
the records. YAML and .npz files are told by name, and hold records with id and target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import (
    Failure,
    ReadOptions,
    Source,
    as_mapping,
    as_text,
    brief,
    decoded,
    is_null,
    parse_json,
)
from lattice_cli.formats.reading import read_records
from lattice_cli.formats.results import read_target
from lattice_cli.graph import Document

Reference = str | tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """at: `file:line`."""

    reference: Reference
    at: str


class References:
    """The references of a file, asked for record by record."""

    def __init__(self, name: str, by_id: dict[str, _Entry] | None, in_order: list[_Entry]) -> None:
        """by_id: None where they are in the order of the records."""
        self._name, self._by_id, self._in_order = name, by_id, in_order
        self._taken: dict[str, str] = {}
        self._records = 0

    def of(self, record_id: str, at: str) -> Reference:
        """The reference of the next record. Raises FormatError if there is none, or if the id came before."""
        self._records += 1
        if self._by_id is None:
            if self._records > len(self._in_order):
                raise FormatError(
                    f"{at}: record {self._records} has no reference: {self._name} ends after {len(self._in_order)} "
                    "lines, expected a line for each record"
                )
            return self._in_order[self._records - 1].reference
        if record_id in self._taken:
            raise FormatError(f"{at}: id {brief(record_id)} comes a second time, it was at {self._taken[record_id]}")
        self._taken[record_id] = at
        if record_id not in self._by_id:
            raise FormatError(f"{at}: {self._name} has no reference with the id {brief(record_id)}")
        return self._by_id[record_id].reference

    def failed(self, record_id: str) -> None:
        """A record that could not be read: its reference is not missing a result."""
        self._records += 1
        self._taken.setdefault(record_id, record_id)

    def unused(self) -> list[FormatError]:
        """What is wrong with each reference that no record asked for."""
        if self._by_id is None:
            extra = self._in_order[self._records :]
            return [FormatError(f"{entry.at}: a reference, but there are {self._records} records") for entry in extra]
        return [
            FormatError(f"{entry.at}: there is no result for the reference with the id {brief(record_id)}")
            for record_id, entry in self._by_id.items()
            if record_id not in self._taken
        ]


def read_references(path: str, encoding: str | None = None) -> References:
    """The references of a file. Raises FormatError with the line of what is wrong."""
    bare = path.removesuffix(".gz")
    if bare.endswith((".yaml", ".yml", ".npz")):
        return References(path, _keyed(_of_records(path, encoding)), [])
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
    if first.lstrip().startswith("{"):
        filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        return References(path, _keyed(_json_entry(line, source.name, number) for number, line in filled), [])
    if "\t" in first:
        return References(path, _keyed(_tabbed(at, line) for at, line in places if line.strip()), [])
    for at, line in places:
        if "\t" in line:
            raise FormatError(f"{at}: has a tab, but the first line has none: expected id<TAB>text on all or on none")
    return References(path, None, [_Entry(line, at) for at, line in places])


def _keyed(entries: Iterator[tuple[str, _Entry]]) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for record_id, entry in entries:
        if record_id in found:
            raise FormatError(f"{entry.at}: id {brief(record_id)} comes a second time, it was at {found[record_id].at}")
        found[record_id] = entry
    return found


def _json_entry(line: str, source: str, number: int) -> tuple[str, _Entry]:
    at = f"{source}:{number}"
    record = as_mapping(parse_json(line, source, number), at, "a reference")
    for key in ("id", "target"):
        if is_null(record.get(key)):
            raise FormatError(f'{at}: no "{key}" key, expected an object with "id" and "target"')
    reference = read_target(record["target"], at)
    assert reference is not None
    return as_text(record["id"], at, "id"), _Entry(reference, at)


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

"""The native forms as they come: JSON documents and lines of them, YAML streams, and .npz files.

An input is cut into parts as it is read, and parts become records: graphs, or inputs for recognisers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import (
    MATRIX_OPTIONS,
    NGRAMS,
    PAUSE,
    STDIN,
    ArrayArchive,
    Failure,
    Pause,
    RawPart,
    Reached,
    ReadOptions,
    Source,
    decoded,
    parse_json,
    parse_yaml,
)
from lattice_cli.graph import Document, Inputs

#: What every lattice document has in it.
_SAYS_SO = b'"lattice"'
#: Bytes that Python needs to keep a line, beside its own.
_LINE = 100
_GRAPH = "is a graph, with labels and energies of its own"


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A trained model as it lies in its file: named arrays."""

    id: str
    source: str
    arrays: Mapping[str, Any]

    def outline(self) -> ModelFile:
        """The same without its arrays."""
        return ModelFile(self.id, self.source, {})


Records = Iterator[Document | Inputs | ModelFile | Failure | Reached]


def _document(value: object, source: str, record_id: str, options: ReadOptions) -> Document | Inputs:
    if isinstance(value, dict) and "inputs" in value:
        from lattice_cli.formats.native.inputs import inputs_record

        _require_wanted(options, source)
        return inputs_record(value, source, record_id)
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        value = value[0] if len(value) == 1 and value[0] and isinstance(value[0][0], list) else value  # a batch of one
        from lattice_cli.formats.matrices import matrix_of_rows, matrix_record

        width = len(value[0])
        rows = matrix_of_rows(value, width, source, "", f"row 0 has {width}")
        return matrix_record(rows, source, record_id, options)
    from lattice_cli.formats.native.document import read_document

    if not (isinstance(value, dict) and "emissions" in value):
        options.require_unused(MATRIX_OPTIONS, source, _GRAPH)
    return read_document(value, source, record_id, options).scaled(options.scales)


def _require_wanted(options: ReadOptions, source: str) -> None:
    if not options.inputs:
        raise FormatError(f"{source}: inputs for a recogniser, expected a graph (lattice recognize makes one of them)")
    options.require_unused(MATRIX_OPTIONS, source, "is read as inputs of a recogniser")


def split_npz(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart]:
    """An .npz file: one part."""
    data = source.everything()
    yield RawPart(_npz_records, (data, source.name, path, options), path, len(data))


def _npz_records(data: bytes, source: str, path: str, options: ReadOptions) -> Records:
    """A graph, or the inputs of many records."""
    from lattice_cli.formats.native.npz import document_of

    arrays = ArrayArchive(data, source)
    if "model" in arrays and options.models != "grammar":
        options.require_unused(("scales", *MATRIX_OPTIONS), source, "is a trained model")
        if options.models == "refused":
            name = "MODEL" if path == STDIN else path
            ways = f"lattice viterbi {name} INPUTS decodes with it, lattice recognize {name} INPUTS makes graphs, "
            ways += f"-g {name} is its grammar, lattice show {name} shows what it is"
            raise FormatError(f"{source}: a trained model, expected a graph ({ways})")
        yield ModelFile(path, source, arrays)
        return
    if NGRAMS in arrays:
        options.require_unused(("scales", *MATRIX_OPTIONS), source, "is a compiled language model")
        if options.models != "itself":
            ways = "--lm and -g take it, lattice show tells what it is"
            raise FormatError(f"{source}: a compiled language model, expected a graph ({ways})")
        yield ModelFile(path, source, arrays)
        return
    if "model" in arrays or "about" in arrays or "src" in arrays:
        options.require_unused(MATRIX_OPTIONS, source, _GRAPH)
        yield document_of(arrays, source, path).scaled(options.scales)
        return
    from lattice_cli.formats.matrices import INPUTS, records_of_arrays

    if INPUTS in arrays:
        _require_wanted(options, source)
    yield from records_of_arrays(arrays, source, path, options)


def split_yaml(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart]:
    """A YAML stream: one part."""
    data = source.everything()
    yield RawPart(_yaml_records, (data, source.name, path, options), path, len(data))


def _yaml_records(data: bytes, source: str, path: str, options: ReadOptions) -> Records:
    count = 0
    values = parse_yaml(decoded(data, source), source)
    while True:
        record_id = f"{path}:{count + 1}" if count else path
        count += 1
        try:
            value = next(values, None)
            if value is None:
                break
            yield _document(value, source, record_id, options)
        except Exception as error:
            yield Failure.of(record_id, error, source)
    if count == 1:
        raise FormatError(f"{source}: is empty, expected a document")


def split_json(source: Source, path: str, options: ReadOptions, lined: bool = False) -> Iterator[RawPart | Pause]:
    """A JSON document, or a stream with a document on each line.

    Which of the two it is shows on the first line that is a document by itself. Until one is found lines are kept: at
    the end they are one document written over several lines. A line is looked at when another one comes, or when a
    pipe has no more for now; one that is a whole file is parsed with the others.
    """
    waiting: list[tuple[int, bytes]] = []
    held = 0
    unseen: int | None = None
    for number, line in source.lines():
        if not lined and unseen is not None and (path == "-" if line is None else line.strip()):
            text = waiting[unseen][1]
            value = _own_document(text) if _SAYS_SO in text else None
            if value is not None:
                lined = True
                for place, (early, text) in enumerate(waiting):
                    if text.strip():
                        own = value if place == unseen else None
                        yield _unread_line(text, early, source.name, path, options, own)
                waiting = []
            unseen = None
        if line is None:
            yield PAUSE
        elif not lined:
            unseen = len(waiting) if line.strip() else unseen
            waiting.append((number, line))
            held += len(line) + _LINE
            source.require_room(held)
        elif line.strip():
            yield _unread_line(line, number, source.name, path, options)
    if any(line.strip() for _, line in waiting):
        size = sum(len(line) for _, line in waiting)
        yield RawPart(_json_whole, (waiting, source.name, path, options), path, size)


def split_jsonl(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """JSON Lines: a part for each line."""
    return split_json(source, path, options, lined=True)


def _unread_line(line: bytes, number: int, source: str, path: str, options: ReadOptions, value: Any = None) -> RawPart:
    return RawPart(_json_line, (line, number, source, path, options, value), path, len(line))


def _json_whole(lines: list[tuple[int, bytes]], source: str, path: str, options: ReadOptions) -> Records:
    """The records of an input that has come to its end: one document, or lines of which only the last may be one."""
    number, last = next((number, line) for number, line in reversed(lines) if line.strip())
    value = _own_document(last)
    if value is None:
        text = decoded(b"\n".join(line for _, line in lines), source)
        yield _document(parse_json(text, source), source, path, options)
        return
    for early, line in lines:
        if line.strip():
            yield from _json_line(line, early, source, path, options, value if early == number else None)


def _own_document(line: bytes) -> Any:
    """The mapping that a line is by itself, if it is one and says it is a lattice document; else None."""
    if not line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{") or _SAYS_SO not in line:
        return None
    try:
        return parse_json(decoded(line, ""), "")
    except FormatError:
        return None


def _json_line(line: bytes, number: int, source: str, path: str, options: ReadOptions, value: Any = None) -> Records:
    """The record of a line; `value` if it was parsed already."""
    # A .json file may hold one document on one line, and is then called by its name alone.
    record_id = path if number == 1 and not path.removesuffix(".gz").endswith(".jsonl") else f"{path}:{number}"
    at = f"{source}:{number}"
    try:
        value = parse_json(decoded(line, source, number), source, number) if value is None else value
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            record_id = value["id"]
        yield _document(value, at, record_id, options)
    except Exception as error:
        yield Failure.of(record_id, error, at)

"""Files to documents, whatever their form: the one door through which input comes.

A file holds one document or a stream of them. What it is is told from its first bytes, and from its name only where
the bytes leave it open (a word list).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lattice_cli.errors import FormatError, LatticeError
from lattice_cli.formats.io.options import ReadOptions
from lattice_cli.formats.io.sources import Source, decoded
from lattice_cli.formats.io.stream_parts import PAUSE, Failure, Pause, RawPart, parsed
from lattice_cli.graph.record import Document, Inputs

FORMATS = (
    *("auto", "json", "jsonl", "yaml", "npz", "npy", "slf", "att", "gtn", "k2", "kaldi"),
    *("words", "dict", "arpa", "jsgf", "fsg"),
)
#: How the names of files end whose bytes leave open what they are.
_ENDINGS = (
    ((".fst.txt", ".att"), "att"),
    ((".gtn", ".gtn.txt"), "gtn"),
    ((".k2", ".k2.txt"), "k2"),
    ((".ark", ".ark.txt", ".lat.txt"), "kaldi"),
    ((".txt",), "words"),
    ((".dict", ".dic"), "dict"),
    ((".arpa", ".lm"), "arpa"),
    ((".jsonl",), "jsonl"),
)
_SLF = re.compile(rb"(\s*#[^\n]*\n|\s)*(VERSION|V|UTTERANCE|U|base|lmname|lmscale|wdpenalty|start|NODES|N)\s*=")
#: A key, and under it a row that ends with graph and acoustic costs, or is a final node's.
_KALDI = re.compile(rb"\s*[^\s=:]+[ \t]*\r?\n[0-9]+([ \t]+[0-9]+){2,3}[ \t]+[-+.0-9eE]+,[-+.0-9eE]+(,[0-9_]*)?\s")
#: Columns of nodes, labels and weights: in none of our own forms does a document begin so.
_COLUMNS = re.compile(rb"\s*[0-9]+([ \t]+[^\s:=]+){0,4}[ \t]*\r?(\n|$)")
#: About the length of a row of an archive.
_ROW_BYTES = 30
_ARPA = re.compile(rb"(^|\n)\\data\\\s*\n\s*ngram\s")
_BINARY = b"\xd6\xfd\xb2\x7e"


Record = Document | Failure


def read_records(path: str, options: ReadOptions) -> Iterator[Record | Pause]:
    """The records of a file ("-": standard input) as they are read, in order; bad ones as Failures."""
    return parsed(split_records(path, options))


def read_inputs(path: str, options: ReadOptions) -> Iterator[Record | Inputs | Pause]:
    """The same, with what recognisers work on among them."""
    return parsed(split_inputs(path, options))


def records_of(source: Source, path: str, options: ReadOptions) -> Iterator[Record | Pause]:
    """The records of an input that is open; it is closed behind them."""
    return parsed(_split(source, path, replace(options, inputs=False)))


def split_records(path: str, options: ReadOptions) -> Iterator[RawPart | Failure | Pause]:
    """A file ("-": standard input) cut into parts that can be parsed apart from each other, as they are read."""
    try:
        source = Source(path)
    except FormatError as error:
        yield Failure(path, error)
        return
    yield from _split(source, path, replace(options, inputs=False))


def split_inputs(path: str, options: ReadOptions) -> Iterator[RawPart | Failure | Pause]:
    """The same, where what recognisers work on is wanted as well."""
    try:
        source = Source(path)
    except FormatError as error:
        yield Failure(path, error)
        return
    yield from _split(source, path, replace(options, inputs=True))


def _split(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Failure | Pause]:
    try:
        form = _form(source, path, options)
        if form in ("json", "jsonl"):
            yield from _split_json(source, path, form == "jsonl", options)
        elif form == "kaldi":
            yield from _split_kaldi(source, path, options)
        else:
            data = source.everything()
            if form == "yaml":
                yield RawPart(_yaml_records, (data, source.name, path, options), path, len(data))
            elif form == "npz":
                yield RawPart(_npz_records, (data, source.name, path, options), path, len(data))
            else:
                yield RawPart(_whole, (form, data, source.name, path, options), path, len(data))
    except LatticeError as error:
        yield Failure(path, error)
    finally:
        source.close()


def read_grammar(path: str) -> Document:
    """The grammar of a file. Options that say how the graphs are to be read do not apply to it. Raises FormatError."""
    return read_one(path, ReadOptions())


def read_one(path: str, options: ReadOptions) -> Document:
    """The one document of a file, such as a grammar. Raises FormatError if it is bad, or if there are several."""
    found = [record for record in read_records(path, options) if not isinstance(record, Pause)]
    for record in found:
        if isinstance(record, Failure):
            raise record.error
    if len(found) != 1:
        raise FormatError(f"{path}: holds {len(found)} documents, expected one")
    document = found[0]
    assert isinstance(document, Document)
    return document


def _form(source: Source, path: str, options: ReadOptions) -> str:
    if options.format != "auto":
        return options.format
    head = source.head
    if not head.strip():
        raise FormatError(f"{source.name}: is empty, expected a document")
    if head.startswith(b"PK\x03\x04"):
        return "npz"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if _BINARY in head[:1000]:
        printed = "fstprint prints it" if head.startswith(_BINARY) else "lattice-copy ark:IN ark,t:OUT prints it"
        raise FormatError(f"{source.name}: a binary OpenFst or Kaldi file, expected text ({printed})")
    name = path.removesuffix(".gz")
    for endings, form in _ENDINGS:
        if name.endswith(endings):
            return form
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"{", b"[")):
        return "json"
    if text.startswith(b"#JSGF"):
        return "jsgf"
    if text.startswith(b"FSG_BEGIN"):
        return "fsg"
    if _ARPA.search(head):
        return "arpa"
    if _KALDI.match(head):
        return "kaldi"
    if _SLF.match(head) or name.endswith((".slf", ".lat")):
        return "slf"
    if _COLUMNS.match(head):
        forms = "att (OpenFst), gtn or k2"
        raise FormatError(f"{source.name}: a graph in columns of text, expected --format to say which: {forms}")
    return "yaml"


def _npz_records(data: bytes, source: str, path: str, options: ReadOptions) -> Iterator[Record | Inputs]:
    """A graph, or the inputs of many records."""
    from lattice_cli.formats.native.npz import document_of, npz_arrays

    arrays = npz_arrays(data, source)
    if "inputs" not in arrays:
        yield document_of(arrays, source, path).scaled(options.scales)
        return
    from lattice_cli.formats.native.inputs import inputs_of_npz

    _require_wanted(options, source)
    yield from inputs_of_npz(arrays, source, path)


def _require_wanted(options: ReadOptions, source: str) -> None:
    if not options.inputs:
        raise FormatError(f"{source}: inputs for a recogniser, expected a graph (lattice recognize makes one of them)")


def _whole(form: str, data: bytes, source: str, record_id: str, options: ReadOptions) -> Iterator[Document | Inputs]:
    """The document of a form that holds one."""
    yield _whole_document(form, data, source, record_id, options)


def _whole_document(form: str, data: bytes, source: str, record_id: str, options: ReadOptions) -> Document | Inputs:
    if form == "npy" and options.inputs:
        from lattice_cli.formats.native.inputs import inputs_of_npy

        return inputs_of_npy(data, source, record_id)
    if form == "npy":
        from lattice_cli.formats.native.npy import read_npy

        return read_npy(data, source, record_id, options)
    text = decoded(data, source)
    if form == "words":
        from lattice_cli.formats.notations.word_list import word_list

        return word_list(text, source, record_id)
    if form in ("dict", "arpa", "jsgf", "fsg"):
        from lattice_cli.formats import registry as grammars

        return grammars.grammar_document(form, text, source, record_id)
    if form in ("att", "gtn", "k2"):
        from lattice_cli.formats.registry import column_reader

        return column_reader(form)(text, source, record_id, options).scaled(options.scales)
    from lattice_cli.formats.exchange.slf import read_slf

    document = read_slf(text, source, record_id, node_words=options.node_words, keep_tags=options.keep_tags)
    return document.scaled(options.scales)


def _split_kaldi(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """The lattices of an archive, as they arrive."""
    from lattice_cli.formats.exchange.kaldi import Block, blocks
    from lattice_cli.formats.io.symbols import read_tables

    tables = read_tables(options.isymbols, options.osymbols)
    for block in blocks(_numbered(source.lines()), source.name):
        if isinstance(block, Block):
            size = _ROW_BYTES * len(block.rows)
            yield RawPart(_kaldi_record, (block, source.name, tables, options), block.key, size)
        else:
            yield PAUSE


def _kaldi_record(block: Any, source: str, tables: Any, options: ReadOptions) -> Iterator[Document]:
    from lattice_cli.formats.exchange.kaldi import read_lattice

    yield read_lattice(block, source, tables).scaled(options.scales)


def _document(value: object, source: str, record_id: str, options: ReadOptions) -> Document | Inputs:
    if isinstance(value, dict) and "inputs" in value:
        from lattice_cli.formats.native.inputs import inputs_record

        _require_wanted(options, source)
        return inputs_record(value, source, record_id)
    from lattice_cli.formats.native.document import read_document

    return read_document(value, source, record_id, options).scaled(options.scales)


def _yaml_records(data: bytes, source: str, path: str, options: ReadOptions) -> Iterator[Record | Inputs]:
    from lattice_cli.formats.io.json_yaml import parse_yaml

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
        except LatticeError as error:
            yield Failure(record_id, error)
    if count == 1:
        raise FormatError(f"{source}: is empty, expected a document")


def _split_json(source: Source, path: str, lined: bool, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """A JSON document, or a stream with a document on each line.

    Which of the two it is shows on the first line that is a document by itself. Until one is found lines are kept: at
    the end they are one document written over several lines. A line is looked at when another one comes, or when a
    pipe has no more for now; one that is a whole file is parsed with the others.
    """
    waiting: list[tuple[int, bytes]] = []
    unseen: int | None = None
    for number, line in _numbered(source.lines()):
        if not lined and unseen is not None and (path == "-" if line is None else line.strip()):
            value = _own_document(waiting[unseen][1])
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
        elif line.strip():
            yield _unread_line(line, number, source.name, path, options)
    if any(line.strip() for _, line in waiting):
        size = sum(len(line) for _, line in waiting)
        yield RawPart(_json_whole, (waiting, source.name, path, options), path, size)


def _unread_line(line: bytes, number: int, source: str, path: str, options: ReadOptions, value: Any = None) -> RawPart:
    return RawPart(_json_line, (line, number, source, path, options, value), path, len(line))


def _json_whole(
    lines: list[tuple[int, bytes]], source: str, path: str, options: ReadOptions
) -> Iterator[Record | Inputs]:
    """The records of an input that has come to its end: one document, or lines of which only the last may be one."""
    from lattice_cli.formats.io.json_yaml import parse_json

    number, last = next((number, line) for number, line in reversed(lines) if line.strip())
    value = _own_document(last)
    if value is None:
        text = decoded(b"\n".join(line for _, line in lines), source)
        yield _document(parse_json(text, source), source, path, options)
        return
    for early, line in lines:
        if line.strip():
            yield from _json_line(line, early, source, path, options, value if early == number else None)


def _numbered(lines: Iterator[bytes | None]) -> Iterator[tuple[int, bytes | None]]:
    number = 0
    for line in lines:
        number += line is not None
        yield number, line


def _own_document(line: bytes) -> Any:
    """The mapping that a line is by itself, if it is one and says it is a lattice document; else None."""
    from lattice_cli.formats.io.json_yaml import parse_json

    if not line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{") or b'"lattice"' not in line:
        return None
    try:
        return parse_json(decoded(line, ""), "")
    except FormatError:
        return None


def _json_line(
    line: bytes, number: int, source: str, path: str, options: ReadOptions, value: Any = None
) -> Iterator[Record | Inputs]:
    """The record of a line; `value` if it was parsed already."""
    from lattice_cli.formats.io.json_yaml import parse_json

    # A .json file may hold one document on one line, and is then called by its name alone.
    record_id = path if number == 1 and not path.removesuffix(".gz").endswith(".jsonl") else f"{path}:{number}"
    at = f"{source}:{number}"
    try:
        value = parse_json(decoded(line, source, number), source, number) if value is None else value
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            record_id = value["id"]
        yield _document(value, at, record_id, options)
    except LatticeError as error:
        yield Failure(record_id, error)

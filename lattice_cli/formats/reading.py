"""Files to documents, whatever their form: the one door through which input comes.

A file holds one document or a stream of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lattice_cli.errors import FormatError, LatticeError
from lattice_cli.formats.io import (
    MATRIX_OPTIONS,
    STDIN,
    Failure,
    Pause,
    RawPart,
    Reached,
    ReadOptions,
    Source,
    decoded,
    parsed,
    target_of,
)
from lattice_cli.formats.matrices.units import ENERGIES, UNITS
from lattice_cli.formats.registry import Format
from lattice_cli.formats.sniffing import form_read
from lattice_cli.formats.target_lattices import read_target
from lattice_cli.graph import Document, Inputs, Reference

Record = Document | Failure


def read_one(path: str, options: ReadOptions | None = None) -> Document:
    """The one document of a file; without options, a grammar.

    Raises FormatError if it is bad, or if there are several.
    """
    records = read_records(path, options or ReadOptions(as_grammar=True))
    found = [record for record in records if not isinstance(record, Pause)]
    for record in found:
        if isinstance(record, Failure):
            raise record.error
    if len(found) != 1:
        raise FormatError(f"{path}: holds {len(found)} documents, expected one")
    document = found[0]
    assert isinstance(document, Document)
    return document


def reference_of(record: Mapping[str, Any], source: str, path: str) -> Reference | None:
    """The target of a record of the file at a path, which is no graph. Raises FormatError."""
    target = target_of(record, source)
    return None if target is None else read_target(target, path, read_one)


def form_of_file(path: str, encoding: str | None = None) -> str:
    """The name of the form of a file that can be read again; "" for a pipe, and for what has none that is known.

    An .npz file of n-grams is told from others by what its archive holds: "ngrams".
    """
    if path == STDIN:
        return ""
    try:
        source = Source(path, encoding)
    except LatticeError:
        return ""
    try:
        form = form_read(source, path, "auto").name if source.size is not None else ""
    except LatticeError:
        return ""
    finally:
        source.close()
    if form != "npz":
        return form
    from lattice_cli.formats.notations import is_ngrams

    return "ngrams" if is_ngrams(path) else form


def read_records(path: str, options: ReadOptions) -> Iterator[Record | Pause]:
    """The records of a file ("-": standard input) as they are read, in order; bad ones as Failures."""
    return (each for each in parsed(split_records(path, options)) if not isinstance(each, Reached))


def read_inputs(path: str, options: ReadOptions) -> Iterator[Record | Inputs | Pause]:
    """The same, with what recognisers work on among them."""
    return read_records(path, replace(options, inputs=True))


def split_records(path: str, options: ReadOptions) -> Iterator[RawPart | Failure | Pause]:
    """A file ("-": standard input) cut into parts that can be parsed apart from each other, as they are read."""
    try:
        source = Source(path, options.encoding)
    except Exception as error:
        yield Failure.of(path, error)
        return
    yield from split_source(source, path, options)


def split_source(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Failure | Pause]:
    """The same of an input that is open; it is closed behind them."""
    try:
        form = form_read(source, path, options.format)
        options.require_unused(_without_use(form), source.name, f"is read as {form.name}")
        split = form.splitter if form.split else partial(_undivided, form)
        kaldi = form.name in _KALDI
        for_matrices = UNITS[options.units][1] if kaldi and options.units != ENERGIES else ""
        given = 0
        for part in split(source, path, options):
            if isinstance(part, RawPart):
                given += part.size if part.taken is None else part.taken
                part.reached = source.share(given)
                part.form, part.split, part.spelling = form.name, options.split, form.spelling
                part.for_matrices, part.labelled = for_matrices, kaldi and options.labels is not None
                part.completed = _with_target
            yield part
    except Exception as error:
        yield Failure.of(path, error)
    finally:
        source.close()


def _with_target(record: Any, path: str) -> Any:
    """A record with its target read, of whatever kind."""
    if not isinstance(record, (Document, Inputs)) or record.target is None:
        return record
    target = read_target(record.target, path, read_one)
    return record if target is record.target else replace(record, target=target)


def _undivided(form: Format, source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """All of an input in a form that holds one document."""
    data = source.everything()
    yield RawPart(_whole, (form, data, source.name, path, options), path, len(data))


def _whole(form: Format, data: bytes, source: str, path: str, options: ReadOptions) -> Iterator[Document | Inputs]:
    """The document of a form that holds one."""
    found = form.reader(data if form.binary else decoded(data, source), source, path, options)
    yield found.scaled(options.scales) if isinstance(found, Document) else found


#: Archives, which may hold matrices and lattices side by side.
_KALDI = ("kaldi", "kaldi-binary", "scp")
#: Field of ReadOptions -> the forms whose files it can make a difference to; of those of symbol tables see `numbered`.
_USES = {
    **dict.fromkeys(MATRIX_OPTIONS, ("json", "jsonl", "yaml", "npz", "npy", "matrix", *_KALDI)),
    "node_words": ("slf",),
    "keep_tags": ("slf", "fst", "fst64", *_KALDI),
    "epsilon": ("att", *_KALDI),
    "acceptor": ("att",),
}


def _without_use(form: Format) -> list[str]:
    """The fields of ReadOptions that make no difference to files of a form."""
    fields = [field for field, forms in _USES.items() if form.name not in forms]
    return fields if form.numbered or form.name in _KALDI else [*fields, "isymbols", "osymbols"]

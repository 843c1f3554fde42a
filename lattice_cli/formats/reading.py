"""Files to documents, whatever their form: the one door through which input comes.

A file holds one document or a stream of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lattice_cli.errors import FormatError, LatticeError
from lattice_cli.formats.io import Failure, Pause, RawPart, ReadOptions, Source, decoded, parsed
from lattice_cli.formats.matrices.units import ENERGIES, UNITS
from lattice_cli.formats.registry import Format
from lattice_cli.formats.sniffing import form_read
from lattice_cli.graph import Document, Inputs

Record = Document | Failure
#: Archives, which may hold matrices and lattices side by side.
_MIXED = ("kaldi", "kaldi-binary", "scp")


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


def read_records(path: str, options: ReadOptions) -> Iterator[Record | Pause]:
    """The records of a file ("-": standard input) as they are read, in order; bad ones as Failures."""
    return parsed(split_records(path, options))


def read_inputs(path: str, options: ReadOptions) -> Iterator[Record | Inputs | Pause]:
    """The same, with what recognisers work on among them."""
    return parsed(split_records(path, replace(options, inputs=True)))


def split_records(path: str, options: ReadOptions) -> Iterator[RawPart | Failure | Pause]:
    """A file ("-": standard input) cut into parts that can be parsed apart from each other, as they are read."""
    try:
        source = Source(path, options.encoding)
    except LatticeError as error:
        yield Failure(path, error)
        return
    yield from split_source(source, path, options)


def split_source(source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Failure | Pause]:
    """The same of an input that is open; it is closed behind them."""
    try:
        form = form_read(source, path, options.format)
        split = form.splitter if form.split else partial(_undivided, form)
        labels = "--labels" if options.labels is not None and form.name not in _MIXED else ""
        for_matrices = labels if options.units == ENERGIES else UNITS[options.units][1]
        for part in split(source, path, options):
            if isinstance(part, RawPart):
                part = replace(
                    part, form=form.name, split=options.split, spelling=form.spelling, for_matrices=for_matrices
                )
            yield part
    except LatticeError as error:
        yield Failure(path, error)
    finally:
        source.close()


def _undivided(form: Format, source: Source, path: str, options: ReadOptions) -> Iterator[RawPart | Pause]:
    """All of an input in a form that holds one document."""
    data = source.everything()
    yield RawPart(_whole, (form, data, source.name, path, options), path, len(data))


def _whole(form: Format, data: bytes, source: str, path: str, options: ReadOptions) -> Iterator[Document | Inputs]:
    """The document of a form that holds one."""
    yield form.reader(data if form.binary else decoded(data, source), source, path, options)

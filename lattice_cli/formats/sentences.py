"""Texts as streams of sentences, a line each, in parts that can be parsed apart from each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import PAUSE, Failure, Pause, RawPart, Reached, ReadOptions, Source, decoded
from lattice_cli.formats.sniffing import signed_form

#: A part is full at this many bytes: enough to be worth a process, little enough to be swept at once.
_PART = 1 << 15
#: Forms whose signatures a line of text may have as well, and what a document of ours has.
_ALSO_TEXT, _DOCUMENT = ("json", "kaldi", "scp"), b'"lattice"'


@dataclass(frozen=True)
class Sentence:
    """A line of a text. id: the file and the number of the line; source: the same, for messages."""

    id: str
    source: str
    text: str


def split_sentences(path: str, options: ReadOptions) -> Iterator[RawPart | Failure | Pause]:
    """A text ("-": standard input) cut into parts of whole lines as they are read; of options the encoding counts."""
    try:
        source = Source(path, options.encoding)
    except Exception as error:
        yield Failure.of(path, error)
        return
    try:
        _require_text(source)
        lines, first, size, given = list[bytes](), 1, 0, 0
        for number, line in source.lines():
            if line is not None:
                lines.append(line)
                size += len(line) + 1
            if lines and (line is None or size >= _PART):
                given += size
                yield RawPart(
                    _sentences, (tuple(lines), first, source.name, path), path, size, reached=source.share(given)
                )
                lines, first, size = [], number + 1, 0
            if line is None:
                share = source.share(given)
                yield PAUSE if share is None else Reached(share)
        if lines:
            yield RawPart(_sentences, (tuple(lines), first, source.name, path), path, size)
    except Exception as error:
        yield Failure.of(path, error)
    finally:
        source.close()


def _require_text(source: Source) -> None:
    """Raises FormatError for what is no text, and for what begins as graphs, grammars and models do."""
    form = signed_form(source.head)
    if b"\0" in source.head or (form is not None and form.binary):
        raise FormatError(f"{source.name}: is no text, expected a sentence a line")
    if form is not None and (form.name not in _ALSO_TEXT or _DOCUMENT in source.head):
        raise FormatError(f"{source.name}:1: begins as {form.name} does, expected a text, a sentence a line")


def _sentences(lines: Sequence[bytes], first: int, source: str, path: str) -> Iterator[Sentence | Failure]:
    for number, line in enumerate(lines, first):
        record_id = f"{path}:{number}"
        try:
            text = decoded(line, source, number).removesuffix("\r")
        except Exception as error:
            yield Failure.of(record_id, error)
        else:
            yield Sentence(record_id, f"{source}:{number}", text)

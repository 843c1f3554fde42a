"""N-gram models in the ARPA form: base 10 logarithms of probabilities and back-off weights, order by order.

A log-probability of -99 or less stands for probability 0 (SRILM's ngram-format(5)). A context that is not listed itself
has the back-off weight 0. Columns are parted by tabs and spaces alone (KenLM's kARPASpaces); a back-off weight of 0
behind the longest n-grams means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log

import numpy as np

from lattice_cli.errors import FormatError, counted
from lattice_cli.formats.io import ReadOptions, Source, brief, decoded, note
from lattice_cli.formats.notations.arpa_rows import RowReader
from lattice_cli.grammars import GivenTwice, Grams, NgramModel, NgramParts, exact, ngram_model
from lattice_cli.graph import Document, numbered_document

_BEGIN, _END = ("<s>", "<S>"), ("</s>", "</S>")
UNKNOWN = ("<unk>", "<UNK>")
_COUNT = re.compile(r"ngram\s+([1-9][0-9]?)\s*=\s*([0-9]{1,12})")
_SECTION = re.compile(rb"\\[1-9][0-9]?-grams:")
_LN10 = log(10.0)


def read_arpa(path: str, without_unknown: bool = False, encoding: str | None = None) -> NgramModel:
    """The model of a file, gzipped or not. without_unknown: words outside of the vocabulary cannot be said.

    Raises FormatError.
    """
    source = Source(path, encoding)
    try:
        data = source.everything()
    finally:
        source.close()
    return arpa_model_of(data, source.name, without_unknown)


def read_arpa_grammar(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The exact acceptor of a model. Raises FormatError; UsageError for one that is too large to be written out."""
    return numbered_document(exact(arpa_model(text, source)), record_id, source)


def arpa_model(text: str, source: str, without_unknown: bool = False) -> NgramModel:
    """The model that a text in the ARPA form describes. Raises FormatError."""
    return arpa_model_of(text.encode(), source, without_unknown)


def arpa_model_of(data: bytes, source: str, without_unknown: bool = False) -> NgramModel:
    """The same of UTF-8. Raises FormatError."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in data:
        decoded(data, source)  # it may be UTF-16
    reader = RowReader(data, source)
    low = _counts(reader)
    counts, levels, begun = reader.counts, list[Grams](), list[int]()
    for begin, end, mark in _marks(data, low):
        size = len(levels) + 1
        rows = reader.rows(low, begin, size)
        at = f"{source}:{reader.line(begin)}"
        if len(rows.log_p) != counts[size]:
            raise FormatError(f"{at}: {len(rows.log_p)} {size}-grams came before, expected {counts[size]} by \\data\\")
        levels.append(Grams(rows.words, 0.0 - rows.log_p * _LN10, 0.0 - rows.weight * _LN10))
        begun.append(low)
        low = end
        expected = f"\\{size + 1}-grams:" if size < len(counts) else "\\end\\"
        if mark != expected:
            raise FormatError(f"{at}: found {mark}, expected {expected}")
        if size == len(counts):
            return _model(reader, levels, begun, without_unknown)
    reader.rows(low, len(data), len(levels) + 1)  # what is wrong with them comes before their end
    raise FormatError(f"{source}: ends without \\end\\, expected it after the {len(counts)}-grams")


def _counts(reader: RowReader) -> int:
    r"""Where the unigrams begin. Tells the reader how many n-grams there are of each size, by \data\."""
    source, counts = reader.source, reader.counts
    lines = reader.lines()
    if not any(row == "\\data\\" for _, _, row in lines):
        raise FormatError(f"{source}: no line \\data\\, expected a model in the ARPA form")
    for line, end, row in lines:
        if not row:
            continue
        found = _COUNT.fullmatch(row)
        if found is None:
            if row == "\\1-grams:" and counts:
                return end
            expected = "ngram 1=COUNT" if not counts else f"ngram {len(counts) + 1}=COUNT or \\1-grams:"
            raise FormatError(f"{source}:{line}: found {brief(row)}, expected {expected}")
        if int(found[1]) != len(counts) + 1:
            raise FormatError(f"{source}:{line}: found ngram {found[1]}, expected ngram {len(counts) + 1}")
        counts[int(found[1])] = int(found[2])
    raise FormatError(f"{source}: ends after \\data\\, expected \\1-grams:")


def _marks(data: bytes, low: int) -> list[tuple[int, int, str]]:
    r"""(first byte, end, text) of the lines from a byte on that are \N-grams: or \end\."""
    found = []
    for pattern in (b"-grams:", b"\\end\\"):
        at = data.find(pattern, low)
        while at >= 0:
            begin, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at) + 1 or len(data)
            text = data[begin:end].strip(b" \t\r\n")
            if text == b"\\end\\" or _SECTION.fullmatch(text):
                found.append((begin, end, text.decode()))
            at = data.find(pattern, end)
    return sorted(found)


def _model(reader: RowReader, levels: list[Grams], begun: Sequence[int], without_unknown: bool) -> NgramModel:
    """The model of all n-grams. begun: the byte that those of each size begin at. Raises FormatError."""
    source, labels = reader.source, ("", *(word.decode() for word in reader.numbers))
    begin, end, *unknown = (
        next((reader.numbers[tag.encode()] for tag in tags if tag.encode() in reader.numbers), None)
        for tags in (_BEGIN, _END, *((tag,) for tag in UNKNOWN))
    )
    left_out = [word for word in unknown if word is not None] if without_unknown else []
    try:
        model, unlisted = ngram_model(NgramParts(labels, levels, begin, end, left_out))
    except GivenTwice as error:
        words = " ".join(labels[word] for word in error.words)
        at = f"{source}:{reader.line(begun[len(error.words) - 1], error.row)}"
        raise FormatError(f"{at}: n-gram {brief(words)} is given twice") from None
    if unlisted:
        note(source, f"{counted(unlisted, 'context')} of n-grams not listed: back-off weight 0")
    if end is not None and np.isinf(model.energy[model.key % len(labels) == end]).all():
        note(source, f"{labels[end]} has probability 0 (-99), so that no sentence can end")
    return model

"""The labels of a matrix' columns, in the forms in which recognisers keep them beside it.

A list, a label a line; `label id` tables (tokens.txt, words.txt, units.txt of Kaldi, k2 and ESPnet); alphabet.txt of
DeepSpeech and Coqui, with comments and `\\#`; JSON: a list, or {label: id} as Hugging Face's vocab.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import as_list, as_mapping, as_text, brief, parse_json, read_text

_ROW = re.compile(r"(.+?)[ \t]+([0-9]{1,9})[ \t]*")
_COMMENT = re.compile(r"#[ \t]|\\#", re.MULTILINE)
#: What the blank of CTC is called where it is called by its name: by ESPnet, icefall, NeMo, torchaudio, PaddleOCR.
BLANKS = ("<blank>", "<blk>", "<ctc_blank>", "[blank]", "<BLANK>", "<BLK>")
#: Symbols that k2 and Kaldi add behind the labels of a network, to tell homophones apart.
_AUXILIARY = re.compile(r"#[0-9]+")


def read_labels(path: str, columns: int, encoding: str | None = None) -> list[str]:
    """The labels of a file in the order of the columns; of two readings the one with as many. Raises FormatError."""
    text, source = read_text(path, encoding)
    labels = _parsed(text, source, columns)
    if not labels:
        raise FormatError(f"{source}: no labels, expected one for each column")
    twice = next((label for label in dict.fromkeys(labels) if labels.count(label) > 1), None)
    if twice is not None:
        raise FormatError(f"{source}: label {twice!r} is there several times, expected each label once")
    return labels


def blank_among(labels: Sequence[str]) -> str | None:
    """The label that is the blank of CTC by its name; beside a bar between words, that of padding (wav2vec 2.0)."""
    names = (*BLANKS, *(("<pad>", "[PAD]") if "|" in labels else ()))
    return next((name for name in names if name in labels), None)


def labels_text(labels: Sequence[str]) -> str:
    """The file of these labels: one a line, or JSON where lines would be read as something else."""
    text = "".join(label + "\n" for label in labels)
    return text if "\n" not in "".join(labels) and _reads_back(text, labels) else json.dumps(list(labels)) + "\n"


def _reads_back(text: str, labels: Sequence[str]) -> bool:
    try:
        return _parsed(text, "", len(labels)) == list(labels)
    except FormatError:
        return False


def _parsed(text: str, source: str, columns: int) -> list[str]:
    if re.match(r"\s*(\[\s*[\"\]]|\{\s*\")", text):
        return _of_json(parse_json(text, source), source)
    lines = [line.removesuffix("\r") for line in text.split("\n")]  # only the end is taken off: a space is a label
    if lines and lines[-1] == "":
        lines.pop()
    rows = [_ROW.fullmatch(line) for line in lines]
    if len(lines) > 1 and all(row or not line for row, line in zip(rows, lines)):
        return _by_number([(row[1], int(row[2]), f"{source}:{line}") for line, row in enumerate(rows, 1) if row])
    plain = [line.removeprefix("\\") if line.startswith("\\#") else line for line in lines if line[:1] != "#"]
    return plain if _COMMENT.search(text) and (len(lines) != columns or len(plain) == columns) else lines


def _of_json(value: Any, source: str) -> list[str]:
    if isinstance(value, dict):
        rows = as_mapping(value, source, "the labels").items()
        wrong = next(((label, number) for label, number in rows if type(number) is not int or number < 0), None)
        if wrong is not None:
            raise FormatError(f"{source}: label {wrong[0]!r} has {brief(wrong[1])}, expected the number of its column")
        return _by_number([(label, number, source) for label, number in rows])
    return [as_text(label, source, "a label") for label in as_list(value, source, "the labels")]


def _by_number(rows: list[tuple[str, int, str]]) -> list[str]:
    """Labels by number. Raises FormatError for a number that is missing or there twice."""
    rows = sorted((row for row in rows if not _AUXILIARY.fullmatch(row[0])), key=lambda row: row[1])
    for place, (label, number, at) in enumerate(rows):
        if number != place:
            found = f"number {number} twice" if number < place else f"no label with the number {place}"
            raise FormatError(f"{at}: {found} (label {label!r} has {number}), expected 0, 1, 2, ...: a column each")
    return [label for label, _, _ in rows]

"""The labels of a matrix' columns, in the forms in which recognisers keep them beside it.

A list, a label a line; `label id` tables (tokens.txt, words.txt, units.txt of Kaldi, k2 and ESPnet), `id label`, and
SpeechBrain's `'label' => id`; alphabet.txt of DeepSpeech and Coqui, with comments and `\\#`; JSON: a list, {label: id}
as in Hugging Face's vocab.json, {id: label}; a list as Python or YAML writes it. Numbers that are no ids:
SentencePiece's .vocab has a score behind each piece, fairseq's dict.txt a count, and four labels come before those that
it lists (Dictionary.__init__ in fairseq/data/dictionary.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import (
    as_list,
    as_mapping,
    as_text,
    brief,
    note,
    parse_json,
    parse_yaml,
    read_text,
)

_ROW = re.compile(r"(?:'(.+)' => |(.+?)[ \t]+)([0-9]{1,9})[ \t]*")
_ID = re.compile(r"[0-9]{1,9}")
_TURNED = re.compile(r"([0-9]{1,9})[ \t](.+)")
_SCORED = re.compile(r"(.+)\t-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?")
#: An item of a YAML list, a key above it, and a list in brackets.
_ITEM, _KEY = re.compile(r"- .+"), re.compile(r"[a-z_]+:[ \t]*")
_PYTHON = re.compile(r"([a-z_]+:\s*)?\[\s*['\"]")
#: The labels that fairseq has before those of a dict.txt.
_FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>"]
_COMMENT = re.compile(r"#[ \t]|\\#", re.MULTILINE)
#: What the blank of CTC is called where it is called by its name: by ESPnet, icefall, NeMo, torchaudio, PaddleOCR.
BLANKS = ("<blank>", "<blk>", "<ctc_blank>", "[blank]", "<BLANK>", "<BLK>")
#: Symbols that k2 and Kaldi add behind the labels of a network, to tell homophones apart.
_AUXILIARY = re.compile(r"#[0-9]+")


def read_labels(path: str, columns: int, encoding: str | None = None) -> list[str]:
    """The labels of a file in the order of the columns; of two readings the one with as many. Raises FormatError."""
    text, source = read_text(path, encoding)
    labels, remark = _parsed(text, source, columns)
    if remark:
        note(source, remark)
    if not labels:
        raise FormatError(f"{source}: no labels, expected one for each column")
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
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
        return _parsed(text, "", len(labels)) == (list(labels), "")
    except FormatError:
        return False


def _parsed(text: str, source: str, columns: int) -> tuple[list[str], str]:
    """The labels, and what is to be said of how they were read."""
    if re.match(r"\s*(\[\s*[\"\]]|\{\s*\")", text):
        return _of_json(parse_json(text, source), source), ""
    lines = [line.removesuffix("\r") for line in text.split("\n")]  # only the end is taken off: a space is a label
    if lines[-1] == "":
        lines.pop()
    while lines and lines[-1] == "" and len(lines) > columns:
        lines.pop()
    under = lines[1:] if lines and _KEY.fullmatch(lines[0]) else lines
    if _PYTHON.match(text) or (any(under) and all(_ITEM.fullmatch(line) for line in under if line)):
        return _of_yaml(text, source), ""
    rule = next((place for place, line in enumerate(lines) if line.startswith("=====")), 0)
    if rule and " => " in lines[0]:
        lines = lines[:rule]  # what SpeechBrain says behind it is of the encoder
    return _of_table([(number, line) for number, line in enumerate(lines, 1) if line], source, columns) or _of_lines(
        lines, columns
    )


def _of_table(lines: list[tuple[int, str]], source: str, columns: int) -> tuple[list[str], str] | None:
    """The labels of lines with a number each; None where they have none."""
    rows = [(found, f"{source}:{line}") for line, text in lines if (found := _ROW.fullmatch(text))]
    numbers = [int(found[3]) for found, _ in rows]
    labels = [found[1] or found[2] for found, _ in rows]
    if len(lines) < 2:
        return None
    if len(rows) == len(lines):
        ids = sorted(numbers) == [*range(columns)]
        if not ids and numbers[0] and numbers == sorted(numbers, reverse=True):
            return _of_counts(labels, numbers, source, columns)
        return _by_number([(label, number, at) for label, number, (_, at) in zip(labels, numbers, rows)]), ""
    scored = [found for _, line in lines if (found := _SCORED.fullmatch(line))]
    if len(scored) == len(lines):
        return [found[1] for found in scored], "the numbers behind labels, SentencePiece's scores, are not read"
    turned = [(found[2], int(found[1]), source) for _, line in lines if (found := _TURNED.fullmatch(line))]
    if sorted(number for _, number, _ in turned) == [*range(len(lines))]:
        return _by_number(turned), "read as an id and a label on each line"
    if len(rows) > 1 and 2 * len(rows) > len(lines) and numbers[:2] == [0, 1]:
        line, text = next((line, text) for line, text in lines if not _ROW.fullmatch(text))
        raise FormatError(f"{source}:{line}: found {brief(text)}, expected a label and its number, as on other lines")
    return None


def _of_counts(labels: list[str], numbers: list[int], source: str, columns: int) -> tuple[list[str], str]:
    """The labels of a table of counts, which fall from line to line, as in fairseq's dict.txt."""
    if columns == len(labels) + len(_FAIRSEQ) and not {*labels} & {*_FAIRSEQ}:
        said = f"read as fairseq's dict.txt: {', '.join(_FAIRSEQ)} come first, and the numbers are counts"
        return [*_FAIRSEQ, *labels], said
    found = f"the numbers fall from {numbers[0]} to {numbers[-1]}, as counts do"
    expected = f"0, 1, 2, ...: a column each (or fairseq's dict.txt for {len(labels) + len(_FAIRSEQ)} columns)"
    raise FormatError(f"{source}: {found}, expected {expected}")


def _of_lines(lines: list[str], columns: int) -> tuple[list[str], str]:
    """A label a line; of the readings with comments and without, the one with as many as there are columns."""
    plain = [line.removeprefix("\\") if line.startswith("\\#") else line for line in lines if line[:1] != "#"]
    if _COMMENT.search("\n".join(lines)) and (len(lines) != columns or len(plain) == columns):
        lines = plain
    padded = next((line for line in lines if line.rstrip(" \t") not in ("", line)), None)
    return lines, "" if padded is None else f"the white space behind {padded!r} is read as a part of the label"


def _of_yaml(text: str, source: str) -> list[str]:
    """A list as YAML or Python writes it, or one under a key."""
    value = next(parse_yaml(text, source))
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return _of_json(value, source)


def _of_json(value: Any, source: str) -> list[str]:
    if isinstance(value, dict) and value and all(_ID.fullmatch(key) and isinstance(value[key], str) for key in value):
        return _by_number([(label, int(number), source) for number, label in value.items()])
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

"""Answers that were decoded before: the JSON lines of `lattice viterbi --json`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lattice_cli.choices import SPLITS
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import (
    OPTIONS,
    PAUSE,
    Failure,
    Pause,
    Reached,
    ReadOptions,
    Source,
    as_list,
    as_mapping,
    as_number,
    as_text,
    brief,
    decoded,
    is_null,
    parse_json,
    parsed,
    read_text,
)
from lattice_cli.formats.reading import Record, reference_of, split_source
from lattice_cli.grammars import Spelling, spelling_of
from lattice_cli.graph import Reference

_DOCUMENT = re.compile(rb'"lattice"\s*:')
_RESULT = re.compile(rb'"(paths|status)"\s*:')


@dataclass(frozen=True)
class Answered:
    """A record that was decoded. answers: labels of each path, the best first; none if it has no path. confidence: of
    the first answer, if the record says so. target: the reference that the record carries. spelling: of its labels."""

    id: str
    source: str
    answers: tuple[tuple[str, ...], ...]
    confidence: float | None
    target: Reference | None
    spelling: Spelling | None = None


def read_results(path: str, options: ReadOptions) -> Iterator[Record | Answered | Pause]:
    """The records of a file, decoded ones or graphs; which of the two its first line tells. Bad ones as Failures."""
    try:
        source = Source(path, options.encoding)
    except Exception as error:
        yield Failure.of(path, error)
        return
    try:
        if not _holds_results(source):
            yield from parsed(split_source(source, path, options))
            return
        options.require_unused(OPTIONS, source.name, "holds answers")
        given = 0
        for number, line in source.lines():
            if line is None:
                share = source.share(given)
                yield PAUSE if share is None else Reached(share)
                continue
            given += len(line)
            if line.strip():
                yield _result(line, number, source.name, path)
    except Exception as error:
        yield Failure.of(path, error)
    finally:
        source.close()


def read_threshold(path: str) -> float:
    """The confidence that an evaluation found for an error rate: what lattice evaluate --json --reject-at printed.

    Raises FormatError for something else, and where it found that everything has to be rejected.
    """
    text, source = read_text(path)
    expected = "expected what lattice evaluate --json --reject-at prints"
    found = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            record = as_mapping(parse_json(line, source, number), f"{source}:{number}", "a line")
            found = record.get("reject", found)
    if found is None:
        raise FormatError(f'{source}: no "reject" key, {expected}')
    reject = as_mapping(found, source, "reject")
    if is_null(reject.get("at")):
        limit = as_number(reject.get("limit"), source, "limit of reject")
        raise FormatError(f"{source}: everything has to be rejected there for at most {100 * limit:g} % error")
    return as_number(as_mapping(reject["at"], source, "at of reject").get("threshold"), source, "threshold of reject")


def _holds_results(source: Source) -> bool:
    """True if the first line is an object of its own that is no document and has paths or a status."""
    if not source.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    line = source.first_line
    return bool(_RESULT.search(line)) and not _DOCUMENT.search(line)


def _result(line: bytes, number: int, source: str, path: str) -> Answered | Failure:
    """The record of a line."""
    record_id, at = f"{path}:{number}", f"{source}:{number}"
    try:
        record = as_mapping(parse_json(decoded(line, source, number), source, number), at, "a result")
        if not is_null(record.get("id")):
            record_id = as_text(record["id"], at, "id")
        return _answered(record, record_id, at, path)
    except Exception as error:
        return Failure.of(record_id, error, at)


def _answered(record: dict[str, Any], record_id: str, at: str, path: str) -> Answered:
    status = record.get("status", "ok")
    target = reference_of(record, at, path)
    if status == "no-path":
        return Answered(record_id, at, (), None, target)
    if status != "ok":
        why = f": {record['message']}" if isinstance(record.get("message"), str) else ""
        raise FormatError(f"{at}: the record has no result, its status is {brief(status)}{why}")
    if "paths" not in record:
        raise FormatError(f'{at}: no "paths" key, expected a line of lattice viterbi --json')
    paths = [as_mapping(path, at, "a path") for path in as_list(record["paths"], at, "paths")]
    outputs = [as_list(path.get("output"), at, "output of a path") for path in paths]
    answers = tuple(tuple(as_text(label, at, "a label of an output") for label in output) for output in outputs)
    given = next((holder["confidence"] for holder in (*paths[:1], record) if "confidence" in holder), None)
    confidence = None if given is None else as_number(given, at, "confidence")
    return Answered(record_id, at, answers, confidence, target, _spelling(record, answers, at))


def _spelling(record: dict[str, Any], answers: tuple[tuple[str, ...], ...], at: str) -> Spelling | None:
    """As the record has it, else by the labels of its answers; None where there are none."""
    labels = frozenset(label for answer in answers for label in answer)
    if is_null(record.get("split")):
        return spelling_of(labels) if labels else None
    if record["split"] not in SPLITS:
        raise FormatError(f"{at}: split is {brief(record['split'])}, expected {', '.join(SPLITS)}")
    separator = "" if is_null(record.get("separator")) else as_text(record["separator"], at, "separator")
    return Spelling("words" if record["split"] == "labels" else record["split"], separator)

"""What a folder of results knows of itself: from which inputs they are made, by which options.

A line of JSON for each result, written when that is there; the last line of a run says how it ended. Runs that share
the inputs (--shard K/N) have a manifest each.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lattice_cli.cli.stream.run_options import RunPart
from lattice_cli.errors import FormatError, UsageError, listed
from lattice_cli.formats.io import brief, note

#: What manifests are called, with the number of the part and of how many.
_NAME = re.compile(r"manifest(?:\.([0-9]{1,6})-of-([0-9]{1,6}))?\.jsonl")
#: How the lines of a manifest begin, those that were broken off too.
_BEGINNINGS = ('{"output": "', '{"inputs": ')


@dataclass(frozen=True)
class Result:
    """output: below the folder; bytes, sha256, written: of it, the last in nanoseconds. input: as it was given; size,
    changed: of that, in bytes and nanoseconds. options: the digest of all that the output depends on besides. status:
    the exit status it is worth where records without a path are failures."""

    output: str
    bytes: int
    sha256: str
    written: int
    input: str
    size: int
    changed: int
    options: str
    records: int
    failed: int
    status: int

    def there(self, folder: str) -> bool:
        """Whether the output is still as it was written."""
        path = os.path.join(folder, self.output)
        try:
            found = os.stat(path)
            if found.st_size != self.bytes:
                return False
            return found.st_mtime_ns == self.written or file_digest(path) == self.sha256
        except OSError:
            return False


#: Key -> kind of value, of the line of a result, and of the last one.
_RESULT = {each.name: {"str": str, "int": int}[str(each.type)] for each in fields(Result)}
_END = {"inputs": int, "without_results": int}


class Manifest:
    """The manifests of a folder, which may not be there yet. A context, in which one of them is written on."""

    def __init__(self, folder: str, part: RunPart) -> None:
        """Raises FormatError where there is one that is not as it is to be."""
        self.path, self._folder = os.path.join(folder, part.manifest), folder
        self._known = _results(folder)

    @property
    def outputs(self) -> set[str]:
        """What was ever written, below the folder."""
        return {*self._known}

    def done(self, output: str, input: str, size: int, changed: int, options: str) -> Result | None:
        """What was written for this input, as it is now, by these options, if that is still there."""
        for result in reversed(self._known.get(output, ())):
            alike = (result.input, result.size, result.changed, result.options) == (input, size, changed, options)
            if alike and result.there(self._folder):
                return result
        return None

    def add(self, result: Result) -> None:
        """A result is there."""
        self._line(asdict(result))

    def end(self, inputs: int, without: int) -> None:
        """The run is over. inputs: it had; without: of these, those that have no results."""
        self._line({"inputs": inputs, "without_results": without})

    def _line(self, record: dict[str, Any]) -> None:
        self._write(json.dumps(record).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise self._unwritten(error) from None

    def _unwritten(self, error: OSError) -> FormatError:
        return FormatError(f"{self.path}: cannot write: {error.strerror or error}")

    def __enter__(self) -> Manifest:
        """Raises FormatError where it cannot be written."""
        try:
            torn = os.path.exists(self.path) and not _ends_with_a_line(self.path)
            self._file = open(self.path, "ab", buffering=0)
        except OSError as error:
            raise self._unwritten(error) from None
        if torn:
            self._write(b"\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def is_manifest(name: str) -> bool:
    """Whether a file of this name in a folder of results is a manifest."""
    return _NAME.fullmatch(name) is not None


def results_in(path: str) -> list[str] | None:
    """The files of results in a folder that has a manifest, by their names; None for anything else.

    Raises UsageError where they are made by different options, FormatError where one is not as it was written.
    """
    if not os.path.isdir(path) or not _manifests(path):
        return None
    known = _results(path)
    if not known:
        raise FormatError(f"{path}: no results yet ({listed([os.path.basename(each) for each in _manifests(path)])})")
    options: dict[str, set[str]] = {}
    for output, results in known.items():
        options[output] = {result.options for result in results if result.there(path)}
        if not options[output]:
            there = os.path.join(path, output)
            raise FormatError(f"{there}: {'changed since it was written' if os.path.exists(there) else 'not there'}")
    if not set.intersection(*options.values()):
        different = {next(iter(each)): output for output, each in options.items()}
        several = listed(list(different.values()))
        raise UsageError(f"{path}: its results were made by {len(different)} different sets of options ({several})")
    for said in _unfinished(path):
        note(path, said)
    return [os.path.join(path, output) for output in sorted(known)]


def _unfinished(folder: str) -> Iterator[str]:
    """What is still to come."""
    parts: dict[int, set[int]] = {}
    for path in _manifests(folder):
        name = os.path.basename(path)
        last = next(iter(deque(_lines(path), 1)), {})
        if "inputs" not in last:
            yield f"{name}: its run is not over, or was broken off: there may be results to come"
        elif last["without_results"]:
            yield f"{name}: {last['without_results']} of {last['inputs']} inputs have no results"
        match = _NAME.fullmatch(name)
        if match and match[2]:
            parts.setdefault(int(match[2]), set()).add(int(match[1]))
    for total, there in parts.items():
        if missing := [str(number) for number in range(1, total + 1) if number not in there]:
            yield f"of {total} parts there is nothing of {listed(missing)}"


def _manifests(folder: str) -> list[str]:
    try:
        names = sorted(filter(is_manifest, os.listdir(folder)))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise FormatError(f"{folder}: cannot read: {error.strerror or error}") from None
    return [os.path.join(folder, name) for name in names]


def _results(folder: str) -> dict[str, list[Result]]:
    """Output -> what all manifests of a folder say of it."""
    found: dict[str, list[Result]] = {}
    for path in _manifests(folder):
        for record in _lines(path):
            if "output" in record:
                found.setdefault(record["output"], []).append(Result(**record))
    return found


def _lines(path: str) -> Iterator[dict[str, Any]]:
    """The lines of a manifest, but for those that were broken off. Raises FormatError for one that is none of ours."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    record = None
                    if any(line.rstrip("\n").startswith(each[: len(line.rstrip("\n"))]) for each in _BEGINNINGS):
                        continue
                if not _is_ours(record):
                    raise FormatError(f"{path}:{number}: {brief(line.strip())}, expected a line as lattice writes them")
                yield record
    except OSError as error:
        raise FormatError(f"{path}: cannot read: {error.strerror or error}") from None


def _is_ours(record: Any) -> bool:
    """Whether a line of a manifest is one of ours; a result is below the folder."""
    kinds = {key: type(value) for key, value in record.items()} if isinstance(record, dict) else {}
    if kinds != _RESULT:
        return kinds == _END
    return not os.path.isabs(record["output"]) and ".." not in Path(record["output"]).parts


def _ends_with_a_line(path: str) -> bool:
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def digest_of(*parts: object) -> str:
    """A digest of what can be told as JSON."""
    import hashlib  # takes a moment to load, and most commands make no digests

    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()


def file_digest(path: str) -> str:
    """The digest of a file's bytes."""
    import hashlib

    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()

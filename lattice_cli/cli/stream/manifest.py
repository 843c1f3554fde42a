"""What a folder of results knows of itself: from which inputs they are made, by which options.

A line of JSON for each result, written when that is there; the last line of a run says how it ended. Runs that share
the inputs (--shard K/N) have a manifest each.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from lattice_cli.errors import FormatError, UsageError, listed
from lattice_cli.formats.io import note


@dataclass(frozen=True)
class Result:
    """output: below the folder; bytes, sha256: of it. input: as it was given; size, changed: of that, in bytes and
    nanoseconds. options: the digest of all that the output depends on besides. status: the exit status it is worth."""

    output: str
    bytes: int
    sha256: str
    input: str
    size: int
    changed: int
    options: str
    records: int
    failed: int
    status: int


@dataclass(frozen=True)
class Part:
    """Of N runs that share inputs, the K-th: every N-th input, from the K-th on."""

    number: int = 1
    of: int = 1

    @property
    def manifest(self) -> str:
        """The name of its manifest."""
        return "manifest.jsonl" if self.of == 1 else f"manifest.{self.number}-of-{self.of}.jsonl"

    def own(self, inputs: Sequence[str]) -> list[str]:
        """Its inputs."""
        return list(inputs[self.number - 1 :: self.of])


class Manifest:
    """The manifests of a folder, of which one is written on. A context."""

    def __init__(self, folder: str, part: Part) -> None:
        """Raises FormatError where it cannot be written."""
        self.path = os.path.join(folder, part.manifest)
        self._known: dict[str, list[Result]] = {}
        for result in _results(folder):
            self._known.setdefault(result.output, []).append(result)
        try:
            torn = Path(self.path).exists() and not Path(self.path).read_bytes().endswith(b"\n")
            self._file: IO[str] = open(self.path, "a", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise FormatError(f"{self.path}: cannot write: {error.strerror or error}") from None
        if torn:
            self._file.write("\n")

    def done(self, output: str, input: str, size: int, changed: int, options: str) -> Result | None:
        """What was written for this input, as it is now, by these options, if that is still there."""
        for result in reversed(self._known.get(output, ())):
            alike = (result.input, result.size, result.changed, result.options) == (input, size, changed, options)
            if alike and _bytes(os.path.join(os.path.dirname(self.path), output)) == result.bytes:
                return result
        return None

    def add(self, result: Result) -> None:
        """A result is there."""
        self._line(asdict(result))

    def end(self, inputs: int, without: int) -> None:
        """The run is over. inputs: it had; without: of these, those that have no results."""
        self._line({"inputs": inputs, "without_results": without})

    def _line(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def names_folder(path: str) -> bool:
    """Whether results are to go into a folder, a file for each input: it is there, or its name ends as that of one."""
    return path.endswith(("/", os.sep)) or os.path.isdir(path)


def results_in(path: str) -> list[str] | None:
    """The files of results in a folder that has a manifest, by their names; None for anything else.

    Raises UsageError where they are made by different options, FormatError where one is not as it was written.
    """
    if not Path(path).is_dir() or not _manifests(path):
        return None
    last = {result.output: result for result in _results(path)}
    for result in last.values():
        there = _bytes(os.path.join(path, result.output))
        if there != result.bytes:
            found = "not there" if there is None else f"{there} bytes"
            raise FormatError(f"{os.path.join(path, result.output)}: {found}, expected {result.bytes} bytes as written")
    if not last:
        raise FormatError(f"{path}: no results yet ({listed([os.path.basename(each) for each in _manifests(path)])})")
    options = {result.options: result.output for result in last.values()}
    if len(options) > 1:
        several = listed(list(options.values()))
        raise UsageError(f"{path}: its results were made by {len(options)} different sets of options ({several})")
    for said in _unfinished(path):
        note(path, said)
    return [os.path.join(path, output) for output in sorted(last)]


def _unfinished(folder: str) -> Iterator[str]:
    """What is still to come."""
    parts: dict[int, set[int]] = {}
    for path in _manifests(folder):
        lines = list(_lines(path))
        name = os.path.basename(path)
        if not lines or "inputs" not in lines[-1]:
            yield f"{name}: its run is not over, or was broken off: there may be results to come"
        elif lines[-1]["without_results"]:
            yield f"{name}: {lines[-1]['without_results']} of {lines[-1]['inputs']} inputs have no results"
        number, _, of = name.removeprefix("manifest.").removesuffix(".jsonl").partition("-of-")
        if of:
            parts.setdefault(int(of), set()).add(int(number))
    for total, there in parts.items():
        if missing := [str(number) for number in range(1, total + 1) if number not in there]:
            yield f"of {total} parts there is nothing of {listed(missing)}"


def _manifests(folder: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(folder), "manifest*.jsonl")))


def _lines(path: str) -> Iterator[dict[str, Any]]:
    """The lines of a manifest; one that was broken off is none."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def _results(folder: str) -> Iterator[Result]:
    for path in _manifests(folder):
        for record in _lines(path):
            if "output" in record:
                try:
                    yield Result(**record)
                except TypeError:
                    raise FormatError(f"{path}: a line is not as lattice writes them: {record}") from None


def _bytes(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def digest_of(*parts: object) -> str:
    """A digest of what can be told as JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()


def file_digest(path: str) -> str:
    """The digest of a file's bytes."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()

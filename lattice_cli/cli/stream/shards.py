"""A file of results for each input: whole or not at all, made once, wherever there is a worker that sees the files."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lattice_cli.cli.stream.manifest import Manifest, Result, file_digest, is_manifest
from lattice_cli.cli.stream.outcomes import outcomes_of, say_of
from lattice_cli.cli.stream.output_file import standard_output_into
from lattice_cli.cli.stream.report import Read
from lattice_cli.cli.stream.run_options import RunOptions, Shards
from lattice_cli.cli.stream.share_read import ShareRead
from lattice_cli.cli.stream.tally import Tally
from lattice_cli.cli.stream.work import Work
from lattice_cli.cli.terminal.notes_said import say_notes
from lattice_cli.cli.terminal.progress import ProgressBar, progress
from lattice_cli.cli.terminal.standard_streams import complain
from lattice_cli.errors import FormatError, NoPath, UsageError, WorkerLost, counted, listed
from lattice_cli.executors import Place, Workers, in_order
from lattice_cli.formats.io import Note, ReadOptions, fresh_notes, note, take_up
from lattice_cli.formats.io.files import WholeFile, remove_unfinished
from lattice_cli.models import OutputLock
from lattice_cli.remote import is_remote, remote_state


@dataclass(frozen=True)
class _Job:
    """What is done with each input."""

    work: Work
    read: Read
    options: ReadOptions
    run: RunOptions


@dataclass(frozen=True)
class _Done:
    """What has become of an input. said: on standard error. written: of its results bytes, digest and when, in
    nanoseconds; None: there are none."""

    status: int
    records: int
    failed: int
    said: str
    notes: list[Note]
    written: tuple[int, str, int] | None


def run_shards(
    paths: Sequence[str], options: ReadOptions, work: Work, read: Read, run: RunOptions, shards: Shards
) -> int:
    """The results of each input in a file of its own; the exit status.

    What is done already is left as it is: the same input, as it was then, by the same options. A fault is that of its
    input, which has no results then, and ends the run unless run.keep_going; so does a run that is broken off keep what
    is done. Raises UsageError for inputs that cannot be told apart or are no files, and where another run is at work in
    the folder; FormatError.
    """
    ending = getattr(work.report, "ending", None)
    if ending is None:
        raise UsageError(f"{shards.folder}: a folder, but what comes out is not of one input each: expected a file")
    if is_remote(shards.folder):
        raise UsageError(f"{shards.folder}: a URL, expected a folder of a file system for results by input")
    outputs = _outputs(paths, shards, ending)
    digest = shards.digest(paths)
    _make(shards.folder)
    with _alone(os.path.join(shards.folder, run.part.manifest)):
        manifest = Manifest(shards.folder, run.part)
        _require_no_results(paths, shards.folder, {*outputs.values(), *manifest.outputs})
        own = [_Source.of(path, outputs[path]) for path in run.part.own(paths)]
        with manifest:
            return _run(own, manifest, digest, _Job(work, read, options, run), shards.folder)


def _run(inputs: Sequence[_Source], manifest: Manifest, digest: str, job: _Job, folder: str) -> int:
    """The results of all inputs that have none yet; the exit status that is due."""
    so_far, todo = _Standing(job.run), []
    for each in inputs:
        known = manifest.done(each.output, each.path, each.size, each.changed, digest) if each.changed else None
        if known is None:
            todo.append(each)
        else:
            so_far.there(known)
    share = _ShareDone([each.size for each in todo])
    files = [os.path.join(folder, each.output) for each in todo]
    remove_unfinished(files)
    say_notes()
    try:
        with closing(_done(job, iter(zip((each.path for each in todo), files)))) as done, progress() as bar:
            for each, found in zip(todo, done):
                with bar.aside():
                    take_up(found.notes)
                    say_notes()
                    _say(found.said)
                so_far.over(found)
                if found.written is not None:
                    counts = (found.records, found.failed, found.status)
                    manifest.add(
                        Result(each.output, *found.written, each.path, each.size, each.changed, digest, *counts)
                    )
                elif not job.run.keep_going:
                    break
                _show(bar, share.after(each.size), so_far.written + so_far.without, len(todo))
    finally:
        remove_unfinished(files)
        left = len(todo) - so_far.written - so_far.without
        so_far.say(folder, left)
        manifest.end(len(inputs), so_far.without + left)
    return so_far.status


@contextmanager
def _alone(manifest: str) -> Iterator[None]:
    """No other run writes this manifest meanwhile. Raises UsageError where one does."""
    with OutputLock(manifest, by="run") as lock:
        if lock.note:
            complain(lock.note, says="note")
        yield


@dataclass(frozen=True)
class _Source:
    """output: its results, below the folder. size, changed: bytes, and when it was changed, in nanoseconds; 0 for one
    that is not there, which is looked for each time."""

    path: str
    output: str
    size: int
    changed: int

    @classmethod
    def of(cls, path: str, output: str) -> _Source:
        """As it is now."""
        if is_remote(path):
            try:
                return cls(path, output, *remote_state(path))
            except FormatError:
                return cls(path, output, 0, 0)
        try:
            found = os.stat(path)
        except OSError:
            return cls(path, output, 0, 0)
        return cls(path, output, found.st_size, found.st_mtime_ns)


@dataclass
class _Standing:
    """How a run stands. status: the worst so far. known, faulty: inputs whose results were there, and those of them
    with records that failed. written, without: inputs that have results now, and those that came to none."""

    run: RunOptions
    status: int = 0
    known: int = 0
    faulty: int = 0
    written: int = 0
    without: int = 0

    def there(self, result: Result) -> None:
        """The results of an input were there already."""
        self.known += 1
        self.faulty += result.failed > 0
        self._due(result.status)

    def over(self, found: _Done) -> None:
        """An input is done."""
        self.written += found.written is not None
        self.without += found.written is None
        self._due(found.status)

    def _due(self, status: int) -> None:
        if not (self.run.no_path_ok and status == NoPath.exit_status):
            self.status = max(self.status, status)

    def say(self, folder: str, left: int) -> None:
        """What there is in the folder. left: inputs that were not begun, or are not over."""
        told = [f"{counted(self.written, 'file')} written"]
        if self.known:
            faulty = f" ({self.faulty} with failed records)" if self.faulty else ""
            told.append(f"{self.known} there already{faulty}")
        told += [f"{counted(self.without, 'input')} without results"] if self.without else []
        told += [f"{left} not begun or not over"] if left else []
        note(folder, ", ".join(told))
        say_notes()


def _done(job: _Job, tasks: Iterator[tuple[str, str]]) -> Generator[_Done, None, None]:
    """What has become of each input, in their order. tasks: inputs and the files of their results."""
    if job.run.place.here:
        yield from (_shard(job, task) for task in tasks)
        return
    workers = Workers(job.run.place, job)
    say_of(workers)
    yield from in_order(workers, _shard, tasks, _salvaged)


def _salvaged(task: tuple[str, str], attempt: Callable[[Callable[..., Any], Any], Any]) -> _Done:
    found = attempt(_shard, task)
    if found is not None:
        return found  # type: ignore[no-any-return]
    why = f"{task[0]}: each process that works on it ends (without -o FOLDER, --jobs 2 tells which record does it)"
    return _Done(WorkerLost.exit_status, 0, 0, f"lattice: {why}\n", [], None)


def _shard(job: _Job, task: tuple[str, str]) -> _Done:
    """The results of an input, in their file."""
    path, output = task
    fresh_notes()
    _make(os.path.dirname(output))
    said = io.StringIO()
    with WholeFile(output) as whole, _standard_error_into(said):
        with standard_output_into(whole.file):
            work = replace(job.work, report=deepcopy(job.work.report))  # which has shown nothing
            tally = Tally(work.report, replace(job.run, no_path_ok=False))
            for batch, _ in outcomes_of([path], job.options, work, job.read, Place(), ShareRead([path])):
                if tally.take(batch) is not None:
                    break
            work.report.finish()
        tally.say()
        well = tally.status <= NoPath.exit_status or job.run.keep_going
        if well:
            whole.keep()
    state = os.stat(output) if well else None
    written = None if state is None else (state.st_size, file_digest(output), state.st_mtime_ns)
    return _Done(tally.status, tally.records, tally.failed, said.getvalue(), fresh_notes(), written)


@contextmanager
def _standard_error_into(text: io.StringIO) -> Iterator[None]:
    screen, sys.stderr = sys.stderr, text
    try:
        yield
    finally:
        sys.stderr = screen


def _outputs(paths: Sequence[str], shards: Shards, ending: str) -> dict[str, str]:
    """Input -> its results, below the folder. Raises UsageError for inputs that are no files, or two of one name."""
    found: dict[str, str] = {}
    inputs: dict[str, str] = {}
    for path in paths:
        if path == "-" or os.path.isdir(path):
            raise UsageError(f"{path}: no file, which results in a folder ({shards.folder}) are named by")
        name = shards.names.get(path, os.path.basename(path)).removesuffix(".gz")
        output = os.path.splitext(name)[0] + ending
        if output.startswith(".."):
            output = os.path.splitext(os.path.basename(name))[0] + ending
        if output in inputs:
            both = f"{inputs[output]} and {path}"
            raise UsageError(f"{both} would both have their results in {os.path.join(shards.folder, output)}")
        if is_manifest(output):
            raise UsageError(f"{path}: its results would be in {os.path.join(shards.folder, output)}, a manifest")
        inputs[output] = path
        found[path] = output
    return found


def _require_no_results(paths: Sequence[str], folder: str, outputs: Iterable[str]) -> None:
    """Raises UsageError where inputs of a run are results in its folder: a pattern may fit both."""
    results = {os.path.realpath(os.path.join(folder, output)) for output in outputs}
    if found := [path for path in paths if os.path.realpath(path) in results]:
        raise UsageError(f"{listed(found)}: results in {folder} cannot be inputs of what is written there")


def _make(folder: str) -> None:
    """A folder, if it is not there. Raises FormatError."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"{folder}: cannot make this folder: {error.strerror or error}") from None


class _ShareDone:
    """How much of the inputs is done, in bytes."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._total, self._done = sum(sizes) or 1, 0

    def after(self, size: int) -> float:
        """The share after an input of this size."""
        self._done += size
        return self._done / self._total


def _show(bar: ProgressBar, share: float, inputs: int, of: int) -> None:
    rate = inputs / bar.seconds
    bar.update(share, f"input {inputs:,} of {of:,}", f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.2g} a second")


def _say(text: str) -> None:
    """Messages of a worker, as this process says them."""
    for line in text.splitlines():
        says, colon, message = line.partition(": ")
        complain(message if colon else line, says=says if colon else "lattice")

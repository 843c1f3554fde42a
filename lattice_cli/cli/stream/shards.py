"""A file of results for each input: whole or not at all, made once, wherever there is a worker that sees the files."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lattice_cli.cli.stream.manifest import Manifest, Result, file_digest, is_manifest
from lattice_cli.cli.stream.outcomes import outcomes_of
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
from lattice_cli.formats.io import Note, ReadOptions, fresh_notes, take_up
from lattice_cli.formats.io.files import WholeFile, remove_unfinished
from lattice_cli.models import OutputLock


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
    outputs = _outputs(paths, shards, ending)
    digest = shards.digest(paths)
    own = {path: outputs[path] for path in run.part.own(paths)}
    files = [os.path.join(shards.folder, output) for output in own.values()]
    manifest = Manifest(shards.folder, run.part)
    _require_no_results(paths, shards.folder, {*outputs.values(), *manifest.outputs})
    _make(shards.folder)
    lock = OutputLock(manifest.path, by="run")
    if lock.note:
        complain(lock.note, says="note")
    with lock, manifest:
        remove_unfinished(files)
        todo: list[tuple[str, str, int, int]] = []
        status = skipped = faulty = 0
        for path, output in own.items():
            size, changed = _state(path)
            known = manifest.done(output, path, size, changed, digest)
            if known is None:
                todo.append((path, output, size, changed))
            else:
                skipped += 1
                faulty += known.failed > 0
                status = max(status, _worth(known.status, run))
        done = without = 0
        share = _ShareDone([size for _, _, size, _ in todo])
        job = _Job(work, read, options, run)
        tasks = iter([(path, os.path.join(shards.folder, output)) for path, output, _, _ in todo])
        say_notes()
        try:
            with progress() as bar:
                for (path, output, size, changed), found in zip(todo, _each(job, tasks, run.place)):
                    status = max(status, _worth(found.status, run))
                    with bar.aside():
                        take_up(found.notes)
                        say_notes()
                        _say(found.said)
                    if found.written is None:
                        without += 1
                        if not run.keep_going:
                            break
                    else:
                        counts = (found.records, found.failed, found.status)
                        manifest.add(Result(output, *found.written, path, size, changed, digest, *counts))
                        done += 1
                    _show(bar, share.after(size), done + without, len(todo))
        finally:
            remove_unfinished(files)
            left = len(todo) - done - without
            _summary(shards.folder, done, skipped, faulty, without, left)
            manifest.end(len(own), without + left)
    return status


def _worth(status: int, run: RunOptions) -> int:
    """The exit status that one is worth in this run."""
    return 0 if run.no_path_ok and status == NoPath.exit_status else status


def _each(job: _Job, tasks: Iterator[tuple[str, str]], place: Place) -> Iterator[_Done]:
    if place.here:
        return (_shard(job, task) for task in tasks)
    workers = Workers(place, job)
    if workers.note is not None:
        complain(workers.note, says="note")
    return in_order(workers, _shard, tasks, _salvaged)


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
    Path(output).parent.mkdir(parents=True, exist_ok=True)
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
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"{folder}: cannot be made: {error.strerror or error}") from None


def _state(path: str) -> tuple[int, int]:
    """Bytes of an input, and when it was changed; what cannot be read has neither."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


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


def _summary(folder: str, done: int, skipped: int, faulty: int, without: int, left: int) -> None:
    """What there is now."""
    told = [f"{counted(done, 'file')} written"]
    told += [f"{skipped} there already{f' ({faulty} with failed records)' if faulty else ''}"] if skipped else []
    told += [f"{counted(without, 'input')} without results"] if without else []
    told += [f"{left} not begun or not over"] if left else []
    complain(f"{folder}: {', '.join(told)}", says="note")

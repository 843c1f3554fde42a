"""Cases run in processes that may be lost, and what was wrong with them.

A process runs case after case as the command line would, its standard streams being files. The processor time of a case
is limited by the system, so that what hangs in compiled code ends too; then another process goes on with the next one.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from .cases import Case, Cases, write

#: Seconds of processor time, and bytes.
SECONDS, MEMORY = 10, 6 << 30
STATUSES = (0, 1, 2, 3, 4)


class Fault(NamedTuple):
    """What was wrong with a case."""

    seed: int
    number: int
    arguments: list[str]
    what: str
    told: str

    def __str__(self) -> str:
        again = f"python -m tests.fuzz --seed {self.seed} --first {self.number} --cases 1 --keep FOLDER"
        return f"{self.what}: lattice {' '.join(self.arguments)!r}\n{self.told[-1500:]}\nagain: {again}"


def judged(status: int, out: str, err: str, arguments: list[str]) -> str:
    """What is wrong with how a command ended; "" for nothing."""
    if status not in STATUSES:
        return f"status {status}"
    for sign in ("Traceback (most recent call last)", "Warning:"):
        if sign in err or sign in out:
            return sign
    if status and not err and not out:
        return f"status {status} without a word"
    if "--json" in arguments:
        for line in out.removesuffix("\n").split("\n"):
            try:
                if line:
                    json.loads(line, parse_constant=_refused)
            except ValueError as error:
                return f"a line that is no JSON: {error}"
    return ""


def _refused(token: str) -> None:
    raise ValueError(token)


def faults(
    cases: Cases, numbers: list[tuple[int, int]], counts: Counter[str], keep: pathlib.Path | None = None
) -> Iterator[Fault]:
    """The faults among the cases of these seeds and numbers. counts: how often each status was met, by command."""
    done = 0
    while done < len(numbers):
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if not process:
            os.close(reading)
            _work(cases, numbers[done:], os.fdopen(writing, "w"), keep)
        os.close(writing)
        with os.fdopen(reading) as lines:
            for line in lines:
                told = json.loads(line)
                if told["what"] == "begun":
                    begun = told
                    continue
                done += 1
                counts[f"{told['arguments'][0]} {told['status']}"] += 1
                if told["what"]:
                    yield _fault(told)
        _, ended = os.waitpid(process, 0)
        if ended:
            done += 1
            signalled = signal.Signals(ended & 127).name if ended & 127 else f"status {ended >> 8}"
            hung = (
                f"more than {SECONDS} s of processor time"
                if signalled in ("SIGPROF", "SIGXCPU")
                else f"ended by {signalled}"
            )
            yield _fault({**begun, "what": hung, "told": ""})


def _fault(told: dict[str, object]) -> Fault:
    return Fault(*(told[name] for name in Fault._fields))  # type: ignore[arg-type]


def _work(cases: Cases, numbers: list[tuple[int, int]], report: IO[str], keep: pathlib.Path | None) -> None:
    """Run cases and report them. Never returns."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        for seed, number in numbers:
            case = cases.case(seed, number)
            told = {"seed": seed, "number": number, "arguments": case.arguments, "what": "begun"}
            print(json.dumps(told), file=report, flush=True)
            ended, out, err = run(case, keep)
            what = judged(ended, out, err, case.arguments)
            more = {"what": what, "told": out[-500:] + err[-3000:] if what else "", "status": ended}
            print(json.dumps({**told, **more}), file=report, flush=True)
        status = 0
    finally:
        report.flush()
        os._exit(status)


def run(case: Case, keep: pathlib.Path | None = None) -> tuple[int, str, str]:
    """The status of a case, and what it printed on standard output and standard error."""
    from lattice_cli.cli.main import main

    folder = pathlib.Path(tempfile.mkdtemp(prefix="fuzz")) if keep is None else keep
    folder.mkdir(exist_ok=True)
    before = os.getcwd()
    os.chdir(folder)
    try:
        write(case, folder)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as nothing:
            with _Redirected({0: nothing.fileno(), 1: out.fileno(), 2: err.fileno()}):
                ended = _limited(lambda: main(case.arguments))
            return ended, *(_contents(each) for each in (out, err))
    finally:
        os.chdir(before)
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _contents(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _limited(command: Callable[[], object]) -> int:
    """The status that a command ends with."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            command()
        return 0
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        return 70
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.flush()
        sys.stderr.flush()


class _Redirected:
    """The standard streams of the process, and Python's, are other files."""

    def __init__(self, files: dict[int, int]) -> None:
        self._files = files

    def __enter__(self) -> None:
        self._kept = {number: os.dup(number) for number in self._files}
        self._streams = sys.stdin, sys.stdout, sys.stderr
        for number, file in self._files.items():
            os.dup2(file, number)
        sys.stdin = open(0, closefd=False)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False, encoding="utf-8") for number in (1, 2))  # noqa: SIM115

    def __exit__(self, *_: object) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.close()
        sys.stdin, sys.stdout, sys.stderr = self._streams
        for number, kept in self._kept.items():
            os.dup2(kept, number)
            os.close(kept)

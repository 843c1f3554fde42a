"""Commands in real processes: run, piped, on pseudo-terminals; and the documents they are given."""

from __future__ import annotations

import json
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from support import ROOT, warm
from support.warm import ENVIRONMENT

LECTURE = str(ROOT / "samples" / "lecture-34.json")


CUT = str(ROOT / "samples" / "lecture-cut.yaml")


WORDS = str(ROOT / "grammars" / "lecture-words.yaml")


LATTICE = [sys.executable, "-m", "lattice_cli"]


PATIENCE = 120.0


class Done(NamedTuple):
    status: int
    out: str
    err: str


def run(
    *arguments: str,
    text: str | bytes = "",
    env: Mapping[str, str] | None = None,
    before: Callable[[], Any] | None = None,
    **more: Any,
) -> Done:
    """A command to its end, with this text on standard input. No command ever ends in a traceback."""
    given = text if isinstance(text, bytes) else text.encode()
    environment = {**ENVIRONMENT, **(env or {})}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    if before is None and warm.like_ours(environment):
        done = warm.run(arguments, given, environment, PATIENCE, **streams)
    else:
        done = subprocess.run(
            [*LATTICE, *arguments], input=given, env=environment, timeout=PATIENCE, preexec_fn=before, **streams
        )
    err = (done.stderr or b"").decode()
    assert "Traceback" not in err, err
    assert "Warning" not in err, err
    return Done(done.returncode, (done.stdout or b"").decode(), err)


def start(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    """A command that goes on running; Ctrl-C reaches it even where the test run ignores it."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    default = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    return subprocess.Popen([*LATTICE, *arguments], env=ENVIRONMENT, preexec_fn=default, **{**pipes, **more})


def next_line(process: subprocess.Popen[bytes], patience: float = PATIENCE) -> bytes:
    """The next line of a process's output, read from the pipe without a buffer; fails if it does not come."""
    assert process.stdout is not None
    line, end = b"", time.monotonic() + patience
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"no answer within {patience} s, only {line!r}"
        letter = os.read(process.stdout.fileno(), 1)
        assert letter, f"the output ends with {line!r}"
        line += letter
    return line


def no_infinity(token: str) -> Any:
    raise AssertionError(f"{token} in JSON output")


def records(out: str) -> list[dict[str, Any]]:
    """The objects of JSON Lines; NaN and Infinity are no JSON."""
    assert out == "" or out.endswith("\n")
    return [json.loads(line, parse_constant=no_infinity) for line in out.split("\n")[:-1]]


def save(name: str, *documents: Any) -> str:
    """Documents as lines of a file."""
    lines = [document if isinstance(document, str) else json.dumps(document) for document in documents]
    pathlib.Path(name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return name


def row_of(*labels: str | None, energy: float = 1.0, **more: Any) -> dict[str, Any]:
    """A graph that says these labels one after the other."""
    arcs = [[step, step + 1, label, energy] for step, label in enumerate(labels)]
    return {"lattice": 1, "start": 0, "final": len(labels), "arcs": arcs, **more}


def words(*found: str, **more: Any) -> dict[str, Any]:
    return {"lattice": 1, "words": list(found), **more}


def imports_of(*arguments: str) -> tuple[Done, set[str]]:
    """What a command says, and the modules it imports on the way."""
    command = [sys.executable, "-X", "importtime", "-m", "lattice_cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=PATIENCE)
    modules = set(re.findall(r"^import time:.*\|\s+(\S+)$", done.stderr, re.M))
    assert "lattice_cli.cli.main" in modules
    return Done(done.returncode, done.stdout, done.stderr), modules


def pipe(*commands: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[bytes, list[int]]:
    """Commands with a pipe between each two, as a shell starts them: the last one's output, all statuses."""
    environment = {**ENVIRONMENT, **(env or {})}
    processes: list[warm.Running | subprocess.Popen[bytes]] = []
    with open(os.devnull, "rb") as nothing:
        source = os.dup(nothing.fileno())
    for arguments in commands:
        after, sink = os.pipe()
        processes.append(begun(arguments, environment, [source, sink, 2]))
        os.close(source)
        os.close(sink)
        source = after
    with open(source, "rb") as last:
        out = last.read()
    return out, [process.wait(timeout=PATIENCE) for process in processes]


def begun(
    arguments: Sequence[str], env: Mapping[str, str], streams: Sequence[int], cwd: Any = None, code: str = ""
) -> warm.Running | subprocess.Popen[bytes]:
    """A command that was begun, with three files as standard streams; code: Python that is run in its place."""
    if warm.like_ours(env):
        return warm.begin(arguments, env, cwd, streams, code)
    command = [sys.executable, "-c", code] if code else LATTICE
    stdin, stdout, stderr = streams
    return subprocess.Popen([*command, *arguments], env=env, stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd)


ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def terminal(
    *arguments: str,
    columns: int = 80,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stderr: str = "",
    cwd: pathlib.Path | None = None,
) -> Done:
    """A command whose standard output is a pseudo-terminal of so many columns."""
    import fcntl
    import pty
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with open(os.devnull, "rb") as nothing, tempfile.TemporaryFile() as errors:
        err = follower if stderr == "terminal" else errors.fileno()
        streams = [nothing.fileno() if stdin is None else stdin, follower, err]
        process = begun(arguments, {**ENVIRONMENT, **(env or {})}, streams, cwd)
        os.close(follower)
        out = b""
        end = time.monotonic() + PATIENCE
        while select.select([leader], [], [], max(0.0, end - time.monotonic()))[0]:
            try:
                chunk = os.read(leader, 1 << 16)
            except OSError:  # Linux: the other side is closed
                break
            if not chunk:
                break
            out += chunk
        status = process.wait(timeout=PATIENCE)
        errors.seek(0)
        told = errors.read()
    os.close(leader)
    assert b"Traceback" not in told + out
    return Done(status, out.decode().replace("\r\n", "\n"), told.decode())


def width(line: str) -> int:
    """Columns that a line takes on a terminal."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in line
    )


def cells(out: str) -> list[list[str]]:
    """The rows of all tables as lists of cells; lines that a long cell was folded into are joined again."""
    rows: list[list[str]] = []
    for line in ESCAPE.sub("", out).splitlines():
        if line.startswith("│"):
            found = [cell.strip() for cell in line.strip("│").split("│")]
            if rows and len(rows[-1]) == len(found) and not found[0]:
                rows[-1] = [before + after for before, after in zip(rows[-1], found)]
            else:
                rows.append(found)
        else:
            rows.append([])
    return [row for row in rows if row]


def lattice(
    *arguments: object, cwd: pathlib.Path, stdin: str = "", status: int = 0
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command, streams = [*map(str, arguments)], {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": cwd}
    if warm.like_ours(environment):
        done = warm.run(command, stdin.encode(), environment, PATIENCE, **streams)
    else:
        done = subprocess.run([*LATTICE, *command], input=stdin.encode(), env=environment, **streams)
    found = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert found.returncode == status, found.stderr + found.stdout
    assert "Traceback" not in found.stderr
    return found


def training_children(process: int) -> list[int]:
    """The processes that a process has begun and that train."""
    found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(process)], capture_output=True, text=True).stdout
    rows = [line.split(None, 1) for line in found.splitlines()]
    return [int(number) for number, command in rows if "resource_tracker" not in command]

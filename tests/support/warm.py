"""Commands in processes that need not start Python and load the libraries: copies of one process that has.

Starting takes ten times as long as most commands that tests run. Here a process, the first one, loads what commands
load, and is forked for each command: that is a process like any other, with its own standard streams, environment,
working folder, signals and exit status, and it runs `python -m lattice_cli` from its first line. Only the modules are
there already. Where there is no fork that can be trusted, commands start as they always do.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from support import ROOT, running
from support.running import Running

#: numpy's threads do not survive a fork on macOS.
POSSIBLE = sys.platform == "linux" and not os.environ.get("LATTICE_TESTS_COLD")
#: What Python, the C library or numpy look at once, when they start.
_LOOKED_AT_ONCE = ("PYTHON", "LC_", "LANG", "MALLOC_", "LD_", "OPENBLAS_", "MKL_", "OMP_", "NUMBA_")
#: What a shell may have set and a test must not depend on.
_FORGOTTEN = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS", "LINES", "LC_ALL")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in _FORGOTTEN}


def like_ours(env: Mapping[str, str]) -> bool:
    """Whether a process with this environment starts as the first one did, and can be a copy of it."""
    return POSSIBLE and _looked_at_once(env) == _looked_at_once(ENVIRONMENT)


def _looked_at_once(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_LOOKED_AT_ONCE) and name != "PYTHONPATH"}


def program() -> str:
    """The text of a shell script that is the command `lattice`, where its environment is like ours."""
    if not POSSIBLE:
        return f'#!/bin/sh\nexec "{sys.executable}" -m lattice_cli "$@"\n'
    return f'#!/bin/sh\nexec "{sys.executable}" -I -S "{running.__file__}" "{address()}" "$@"\n'


def run(
    arguments: Sequence[str],
    given: bytes,
    env: Mapping[str, str],
    patience: float,
    *,
    stdout: Any,
    stderr: Any,
    cwd: str | os.PathLike[str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """A command to its end, as `subprocess.run` runs it: standard input is a pipe, PIPE and DEVNULL are understood."""
    end = time.monotonic() + patience
    with contextlib.ExitStack() as open_files, selectors.DefaultSelector() as selector:
        theirs, told, found = contextlib.ExitStack(), memoryview(given), {}
        with theirs:
            reading, writing = os.pipe()
            theirs.callback(os.close, reading)
            os.set_blocking(writing, False)
            entry = open_files.enter_context(open(writing, "wb", buffering=0))
            selector.register(entry, selectors.EVENT_WRITE)
            streams = [reading]
            for name, stream in (("stdout", stdout), ("stderr", stderr)):
                if stream == subprocess.PIPE:
                    reading, writing = os.pipe()
                    theirs.callback(os.close, writing)
                    found[name] = b""
                    exit_ = open_files.enter_context(open(reading, "rb", buffering=0))
                    selector.register(exit_, selectors.EVENT_READ, name)
                    streams.append(writing)
                elif stream == subprocess.DEVNULL:
                    streams.append(theirs.enter_context(open(os.devnull, "wb")).fileno())
                else:
                    streams.append(stream if isinstance(stream, int) else stream.fileno())
            begun = begin(arguments, env, cwd, streams)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(list(arguments), patience)
            for key, _ in ready:
                if key.fileobj is entry:
                    try:
                        told = told[entry.write(told[: 1 << 16]) or 0 :]
                    except BrokenPipeError:
                        told = told[:0]
                    if not told:
                        selector.unregister(entry)
                        entry.close()
                elif chunk := key.fileobj.read(1 << 16):  # type: ignore[union-attr]
                    found[key.data] += chunk
                else:
                    selector.unregister(key.fileobj)
        status = begun.wait(max(0.1, end - time.monotonic()))
    return subprocess.CompletedProcess(list(arguments), status, found.get("stdout"), found.get("stderr"))


def begin(
    arguments: Sequence[str],
    env: Mapping[str, str],
    cwd: str | os.PathLike[str] | None,
    streams: Sequence[int],
    code: str = "",
) -> Running:
    """Begin `python -m lattice_cli` with arguments, an environment, a folder and three files as standard streams."""
    return Running(address(), arguments, env, cwd or ".", streams, code)


@functools.cache
def address() -> str:
    """Where the first process listens; it is begun, and ends with the one that began it."""
    folder = tempfile.TemporaryDirectory(prefix="warm")
    place = os.path.join(folder.name, "commands")
    first = subprocess.Popen(
        [sys.executable, "-m", "support.warm", place],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT / "tests", env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert first.stdin is not None
    assert first.stdout is not None
    assert first.stdout.readline() == b"ready\n"

    def ended(began: int = os.getpid()) -> None:
        if os.getpid() == began:
            first.stdin.close()  # type: ignore[union-attr]
            first.wait()
            first.stdout.close()  # type: ignore[union-attr]
            folder.cleanup()

    atexit.register(ended)
    return place


def _load() -> None:
    """Every module of the package but those that need an extra."""
    import lattice_cli
    from lattice_cli.cli.terminal import one_thread
    from support.doors import DOORS

    one_thread()
    for module in pkgutil.walk_packages(lattice_cli.__path__, "lattice_cli."):
        if module.name not in DOORS and not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    gc.freeze()


def _serve(place: str) -> None:
    """Fork for each command until standard input ends."""
    _load()
    del sys.path[0]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, selectors.DefaultSelector() as selector:
        listener.bind(place)
        listener.listen(64)
        for file in (0, listener, reading):
            selector.register(file, selectors.EVENT_READ)
        os.write(1, b"ready\n")
        while True:
            for key, _ in selector.select():
                if key.fileobj == 0:
                    for process in running:
                        os.kill(process, signal.SIGKILL)
                    return
                if key.fileobj is listener:
                    connection = listener.accept()[0]
                    length, streams, *_ = socket.recv_fds(connection, 8, 3)
                    told = b""
                    while len(told) < int.from_bytes(length, "big"):
                        told += connection.recv(1 << 20)
                    process = os.fork()
                    if not process:
                        signal.set_wakeup_fd(-1)
                        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                        for file in (listener, connection, *running.values(), selector):
                            file.close()
                        os.close(reading)
                        os.close(writing)
                        _command(streams, *json.loads(told))
                    for file in streams:
                        os.close(file)
                    running[process] = connection
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(reading, 4096)
                    _report_ends(running)


def _report_ends(running: dict[int, socket.socket]) -> None:
    while running:
        process, ended = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        with running.pop(process) as connection, contextlib.suppress(OSError):
            connection.sendall(b"%d" % os.waitstatus_to_exitcode(ended))


def _command(streams: list[int], arguments: list[str], env: dict[str, str], cwd: str, mask: int, code: str) -> NoReturn:
    """Be the command."""
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        like = getattr(sys, f"__{name}__")
        stream = open(  # noqa: SIM115
            number, mode, 1 if number == 2 or os.isatty(number) else -1, like.encoding, like.errors, "\n", closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    assert _looked_at_once(env) == _looked_at_once(ENVIRONMENT), "such a process is to be started"
    threads = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT and name != "PYTHONPATH"}
    os.environ.clear()
    os.environ.update({**threads, **env})  # what a command sets before it loads numpy
    os.chdir(cwd)
    os.umask(mask)
    sys.path.insert(0, cwd)
    sys.argv = ["-c" if code else "-m", *arguments]
    try:
        if code:
            exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
        else:
            runpy.run_module("lattice_cli", run_name="__main__", alter_sys=True)
        status: Any = 0
    except SystemExit as ended:
        status = ended.code or 0
        if not isinstance(status, int):
            raise
    # What Python does at the end, but for taking each loaded module down: that would copy most of the memory first.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve(sys.argv[1])

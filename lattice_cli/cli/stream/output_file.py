"""Results into a file of their own, which appears whole or not at all."""

from __future__ import annotations

import functools
import gzip
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, TypeVar, cast

from lattice_cli.cli.terminal.standard_streams import complain
from lattice_cli.errors import NoPath

Command = TypeVar("Command", bound=Callable[..., Any])


@contextmanager
def standard_output_into(file: IO[bytes]) -> Iterator[None]:
    """What is printed goes into a file."""
    text = io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="\n")
    screen, sys.stdout = sys.stdout, text
    try:
        yield
        text.flush()
    finally:
        sys.stdout = screen
        with suppress(OSError):  # that it cannot take the rest has been raised already
            text.detach()


def delivered(command: Command) -> Command:
    """The command with what it prints in the file of run.output, if there is one, gzipped where its name ends so.

    A stream that ended before its end leaves the file as it was, and that is said.
    """

    @functools.wraps(command)
    def to_file(**given: Any) -> Any:
        run = given["run"]
        if run.output is None:
            return command(**given)
        from lattice_cli.formats.io.files import require_place, whole_file  # help does not wait for numpy

        require_place(run.output)
        with whole_file(run.output) as whole:
            packed = gzip.GzipFile("", "wb", fileobj=whole.file, mtime=0) if run.output.endswith(".gz") else whole.file
            with standard_output_into(cast("IO[bytes]", packed)):
                status = command(**given)
            if packed is not whole.file:
                packed.close()
            if status > NoPath.exit_status and not run.keep_going:
                complain(f"{run.output}: not written, since not all is well")
            else:
                whole.keep()
        return status

    return cast("Command", to_file)

"""Notes of readers on standard error: each once in a command, with the first input that it is said of."""

from __future__ import annotations

import re

from lattice_cli.cli.terminal.standard_streams import complain
from lattice_cli.errors import counted

#: What makes the notes on two inputs differ: their numbers.
_NUMBER = re.compile(r"[0-9][0-9.e+-]*")
#: Kind of note -> how many more inputs it was said of, and its text for these. Of the command that is run.
_more: dict[str, tuple[int, str]] = {}
_quiet = False


def begin_notes(quiet: bool = False) -> None:
    """A command begins, or says that it wants none."""
    global _quiet
    _more.clear()
    _quiet = quiet


def say_notes(last: bool = False) -> None:
    """What readers have noted since the last call, behind all output so far; last: the command ends."""
    from lattice_cli.formats.io import fresh_notes

    lines = []
    for source, text in fresh_notes():
        kind = _NUMBER.sub("0", text)
        if kind not in _more:
            lines.append(f"{source}: {text}")
            _more[kind] = 0, text
        else:
            _more[kind] = _more[kind][0] + 1, text
    if last:
        lines += [f"the same of {counted(count, 'more input')}: {text}" for count, text in _more.values() if count]
        _more.clear()
    if lines and not _quiet:
        for line in lines:
            complain(line, says="note")

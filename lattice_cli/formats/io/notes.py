"""What readers say of a file that is no error: fields that are not read, how it was taken where it reads two ways.

A reader calls `note`. Whoever reads for somebody takes `fresh_notes` and shows them: commands on standard error, each
once; the library as warnings. Processes that parse send theirs with their results, and the parent takes them up.
"""

from __future__ import annotations

from collections.abc import Iterable

_waiting: dict[str, None] = {}


def note(source: str, text: str) -> None:
    """Say something of a source, a file in most cases; what is said of each of its records is shown once."""
    _waiting[f"{source}: {text}"] = None


def take_up(notes: Iterable[str]) -> None:
    """Notes that another process has sent."""
    _waiting.update(dict.fromkeys(notes))


def fresh_notes() -> list[str]:
    """The notes since the last call, each `source: text`."""
    fresh = [*_waiting]
    _waiting.clear()
    return fresh

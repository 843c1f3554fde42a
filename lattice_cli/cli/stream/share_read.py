"""How much of the inputs of a command has been read: what its progress bar shows."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lattice_cli.formats.io import STDIN, RawPart, Reached, size_of


class ShareRead:
    """Counts the parts of inputs as they go by, in bytes. known: False where an input is a pipe, say."""

    def __init__(self, paths: Sequence[str]) -> None:
        sizes = [_size(path) for path in paths]
        self.known = None not in sizes
        self._sizes = [size or 0 for size in sizes]
        self._total = sum(self._sizes) or 1
        self._before = 0
        self._at = 0.0

    @property
    def share(self) -> float | None:
        """What has gone by, of all; None as long as nothing can be told."""
        return self._at / self._total if self.known and self._at else None

    def counted(self, number: int, parts: Iterator[Any]) -> Iterator[Any]:
        """The parts of the input of this number, from 1 on, each counted when it is done with: when the next one is
        wanted."""
        size = self._sizes[number - 1]
        for part in parts:
            yield part
            reached = part.share if isinstance(part, Reached) else part.reached if isinstance(part, RawPart) else None
            if reached is not None:
                self._at = self._before + reached * size
        self._before += size
        self._at = self._before


def _size(path: str) -> int | None:
    """The bytes of an input; None where that cannot be known. What cannot be read has none."""
    if path == STDIN:
        return None if sys.stdin is None else size_of(sys.stdin.buffer)
    if not Path(path).is_file():
        return None if Path(path).exists() and not Path(path).is_dir() else 0
    return Path(path).stat().st_size

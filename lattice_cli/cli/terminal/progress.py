"""Progress bars on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


#: Seconds of work before a progress bar is shown.
DELAY = 1.0


class ProgressBar:
    """How much is done, on standard error: shown only on a terminal, and only once the work has taken a moment.

    What is written to standard output never goes through the bar: that may be a file or a pipe. Where it is a terminal,
    the bar steps aside while something is written.
    """

    def __init__(self, total: int | None, text: str) -> None:
        self._bar: Progress | None = None
        self._begun, self._shown = monotonic(), False
        self._done, self._total, self._text = 0, total, text

    def advance(self, done: int) -> None:
        """So much more is done."""
        self.update(self._done + done, self._total, self._text)

    def update(self, done: int, total: int | None, text: str) -> None:
        """So much is done of so much (None, or less than is done: nobody knows), and what to say beside the bar."""
        self._done, self._total, self._text = done, total, text
        if sys.stderr.isatty() and (self._shown or monotonic() - self._begun > DELAY):
            self._show()

    def _show(self) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
            self._bar.add_task("")
            self._bar.tasks[0].start_time = self._begun
        total = None if self._total is not None and self._done > self._total else self._total
        self._bar.tasks[0].total = total  # update() leaves a total that is None as it was
        self._bar.update(self._bar.tasks[0].id, completed=self._done, description=self._text)
        if not self._shown:
            self._bar.start()
            self._shown = True

    @contextmanager
    def aside(self) -> Iterator[None]:
        """No bar on the terminal that standard output is written to meanwhile."""
        hidden = self._shown and sys.stdout.isatty()
        if hidden:
            self.close()
        yield
        if hidden:
            self._show()

    def close(self) -> None:
        """Takes the bar from the screen."""
        if self._bar is not None and self._shown:
            self._bar.stop()
            self._shown = False


@contextmanager
def progress(total: int | None = None, text: str = "") -> Iterator[ProgressBar]:
    """A progress bar for as long as the work goes on; total: how much there is to do, if that is known."""
    bar = ProgressBar(total, text)
    try:
        yield bar
    finally:
        bar.close()

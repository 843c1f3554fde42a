"""Progress bars on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import BarColumn, Progress


#: Seconds of work before a progress bar is shown.
DELAY = 1.0
#: Columns of the bar.
_LEAST_BAR, _MOST_BAR = 8, 20
#: Columns behind all of it: terminals write ^C there, which must not begin another line.
_SPARE = 3


class ProgressBar:
    """How much is done, on standard error: shown only on a terminal, and only once the work has taken a moment.

    What is written to standard output never goes through the bar: that may be a file or a pipe. Where it is a terminal,
    the bar steps aside while something is written.
    """

    def __init__(self, begun: float = 0.0) -> None:
        """begun: the share that is done already."""
        self._bar: Progress | None = None
        self._column: BarColumn | None = None
        self._since, self._first, self._shown = monotonic(), begun, False
        self._share: float | None = None
        self._said: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Since the beginning, at least a microsecond."""
        return max(1e-6, monotonic() - self._since)

    def update(self, share: float | None, *said: str) -> None:
        """This share is done, None where nobody knows; said: beside the bar, the most important first, and as much as
        there is room for."""
        self._share, self._said = share, said
        if sys.stderr.isatty() and (self._shown or self.seconds > DELAY):
            self._show()

    def _show(self) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._column, text = BarColumn(_MOST_BAR), TextColumn("{task.description}", markup=False)
            console = Console(stderr=True)
            self._bar = Progress(self._column, text, console=console, transient=True, redirect_stdout=False)
            self._bar.add_task("", total=None)
        width = self._bar.console.width - _SPARE
        said = beside(self._share, self._first, self.seconds, self._said, width - _LEAST_BAR - 2)
        assert self._column is not None
        self._column.bar_width = max(_LEAST_BAR, min(_MOST_BAR, width - len(said) - 2))
        self._bar.tasks[0].total = None if self._share is None else 1.0  # update() leaves a total of None as it was
        self._bar.update(self._bar.tasks[0].id, completed=self._share or 0.0, description=said)
        if not self._shown:
            from rich.control import Control
            from rich.segment import ControlType

            # In a pipe of two commands the bar of the other one may stand on this line.
            self._bar.console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
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


def beside(share: float | None, first: float, seconds: float, said: tuple[str, ...], width: int) -> str:
    """What stands beside the bar, in so many columns: what is said, and behind the first of it the share that is done
    and the time that is left.

    first: the share that was done when these seconds began.
    """
    parts = list(said)
    if share is not None:
        parts[1:1] = [f"{int(100 * share)} %"]
        if first < share <= 1.0:
            parts[2:2] = [f"{clock(seconds * (1.0 - share) / (share - first))} left"]
    while len(parts) > 1 and len(", ".join(parts)) > width:
        parts.pop()
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Seconds as 0:41, 12:07, 3:05:10 or 4 days."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 100:
        return f"{hours // 24} days"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def progress(begun: float = 0.0) -> Iterator[ProgressBar]:
    """A progress bar for as long as the work goes on. begun: the share that is done already."""
    bar = ProgressBar(begun)
    try:
        yield bar
    finally:
        bar.close()

"""A training from the command line, and what it says while it goes on: a bar, a line an epoch, or JSON."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from types import FrameType
from typing import Any

from lattice_cli.cli.terminal import GrowingTable, ProgressBar, console, number, say, write_json
from lattice_cli.cli.terminal.progress import progress
from lattice_cli.errors import LatticeError
from lattice_cli.formats import read_config
from lattice_cli.formats.io import json_line
from lattice_cli.learning.recognizers import LayerSettings
from lattice_cli.learning.training import Epoch, TrainConfig, TrainingListener, TrainingState
from lattice_cli.models import Trainer

_INTERRUPTED = 130


def run_training(
    path: str, output: str, overrides: Sequence[str], resume: bool, restart: bool, as_json: bool, color: str
) -> int:
    """Train as a configuration file says; the exit status. Raises LatticeError."""
    config = read_config(TrainConfig, path, overrides)
    watching = Watching(output, as_json, color)
    trainer = Trainer(config, path, output, watching, resume, restart)
    try:
        with watching.looking_on():
            standing = trainer.run()
    except LatticeError:
        watching.show_epochs(trainer.standing)
        raise
    if standing.ended:
        watching.finish(standing)
        return 0
    watching.show_epochs(standing)
    print(
        f"lattice: stopped in epoch {standing.epoch + 1}; {output} holds the model so far, --resume goes on",
        file=sys.stderr,
    )
    return _INTERRUPTED


class Watching(TrainingListener):
    """Shows the epochs of a training, and hears Ctrl-C."""

    def __init__(self, path: str, as_json: bool, color: str) -> None:
        self.path = path
        self._json, self._color = as_json, color
        self._bar = ProgressBar(None, "")
        self._tables = sys.stdout.isatty() and not as_json
        self._last = ""
        self.interrupted = False

    @contextmanager
    def looking_on(self) -> Iterator[None]:
        """A bar on a terminal; the first Ctrl-C asks for an end after this batch, the second ends at once."""
        before = signal.getsignal(signal.SIGINT)

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        signal.signal(signal.SIGINT, interrupt)
        try:
            with progress() as self._bar:
                yield
        finally:
            signal.signal(signal.SIGINT, before)

    def batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        """See TrainingListener."""
        self._bar.update(done, batches, f"epoch {epoch}  loss {number(loss, 5)}{self._last}")

    def epoch(self, epoch: Epoch) -> None:
        """See TrainingListener."""
        if epoch.label_error is not None:
            self._last = f"  label error {number(epoch.label_error, 4)}"
        with self._bar.aside():
            if self._json:
                told = asdict(epoch)
                if told["nll"] is None:
                    told.pop("nll")
                write_json({"status": "ok", "epoch": told.pop("number"), **told})
            elif not (self._tables and sys.stderr.isatty()):
                print(line_of(epoch))
            sys.stdout.flush()

    def note(self, text: str) -> None:
        """See TrainingListener."""
        self._bar.close()
        print(f"lattice: {text}", file=sys.stderr)

    def stopped(self) -> bool:
        """See TrainingListener."""
        return self.interrupted

    def finish(self, standing: TrainingState) -> None:
        """The table of epochs on a terminal, and what has become of it all."""
        if self._json:
            write_json({"status": "ok", "model": self.path, "best_epoch": standing.best_epoch, "ended": standing.ended})
            return
        out = console(self._color)
        self.show_epochs(standing)
        best = "the start" if standing.kept_epoch is None else line_of(standing.kept_epoch).removesuffix(" *")
        say(out, f"{standing.ended}; {self.path} holds the model of {best}")

    def show_epochs(self, standing: TrainingState) -> None:
        """The table of epochs, where they were not printed one by one."""
        if not self._tables or not sys.stderr.isatty() or not standing.epochs:
            return
        bounded = standing.epochs[0].nll is not None
        names = ["epoch", "bound" if bounded else "loss", *(["nll"] if bounded else []), "label error", "exact"]
        headings = [*((name, "number") for name in names), ("", "text")]
        rows = GrowingTable(console(self._color), headings)
        for epoch in standing.epochs:
            logs = (epoch.nll,) if bounded else ()
            figures = (number(value, 5) for value in (epoch.loss, *logs, epoch.label_error, epoch.exact))
            rows.add(str(epoch.number), *figures, "best" if epoch.number == standing.best_epoch else "")
        rows.flush()


def line_of(epoch: Epoch) -> str:
    """An epoch as a line: `*` marks the best so far."""
    loss = f"{epoch.loss:.4f}" if abs(epoch.loss) < 1e6 else f"{epoch.loss:.6g}"
    parts = [f"epoch {epoch.number}", f"loss {loss}" if epoch.nll is None else f"bound {loss}  nll {epoch.nll:.4f}"]
    if epoch.label_error is not None and epoch.exact is not None:
        parts += [f"label error {epoch.label_error:.4f}", f"exact {epoch.exact:.4f}"]
    return "  ".join(parts) + (" *" if epoch.best else "")


def show_keys(color: str) -> None:
    """Every key of a configuration, its default and its meaning."""
    rows = GrowingTable(console(color, True), [("key", "name"), ("default", "text"), ("meaning", "text")])
    for name, default, meaning in keys_of(TrainConfig()):
        rows.add(name, default, meaning)
    rows.flush()


def keys_of(settings: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """(key, default, meaning) of every key of a configuration and its sections."""
    for each in fields(settings):
        value = getattr(settings, each.name)
        if is_dataclass(value):
            yield from keys_of(value, f"{prefix}{each.name}.")
            continue
        if each.name == "layers":
            yield f"{prefix}layers", "-", str(each.metadata["meaning"])
            yield from keys_of(LayerSettings(), f"{prefix}layers[].")
            continue
        meaning = str(each.metadata.get("meaning", ""))
        choices = [str(choice) for choice in each.metadata.get("choices", ()) if choice != ""]
        listed = f" ({', '.join(choices)})" if len(choices) > 1 and not all(each in meaning for each in choices) else ""
        yield f"{prefix}{each.name}", _default(value), meaning + listed


def _default(value: Any) -> str:
    if value is None or value == ():
        return "-"
    return json_line(value) if not isinstance(value, str) else value or "-"

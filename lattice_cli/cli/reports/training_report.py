"""A training from the command line, and what it says: a bar, a row or a line an epoch, JSON, commands to go on with."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import Any

from lattice_cli.cli.terminal import GrowingTable, ProgressBar, complain, console, number, say, write_json
from lattice_cli.cli.terminal.progress import progress
from lattice_cli.executors import Place
from lattice_cli.formats.io import json_line
from lattice_cli.learning.recognizers import LayerSettings
from lattice_cli.learning.training import Epoch, FactorSettings, TrainConfig, TrainingListener, TrainingState
from lattice_cli.models import Trainer

_INTERRUPTED = 130
#: Columns of a number in the table of epochs, whatever it is.
_CELL = 8


def run_training(
    path: str,
    output: str,
    overrides: Sequence[str],
    resume: bool,
    restart: bool,
    as_json: bool,
    color: str,
    place: Place,
) -> int:
    """Train as a configuration file says; the exit status. Raises LatticeError."""
    watching = Watching(output, as_json, color)
    going_on = {"resume": resume, "restart": restart}
    trainer = Trainer(path, output, overrides, watching, **going_on, jobs=place.jobs, cluster=place.cluster)
    with watching.looking_on(trainer):
        standing = trainer.run()
    if standing.ended:
        watching.finish(standing)
        if sys.stderr.isatty() and not as_json:
            sys.stdout.flush()
            print(uses_of(trainer.config, path, output), file=sys.stderr)
        return 0
    complain(f"stopped in epoch {standing.epoch + 1}; {output} holds the model so far, --resume goes on")
    return _INTERRUPTED


class Watching(TrainingListener):
    """Shows the epochs of a training, and hears Ctrl-C."""

    def __init__(self, path: str, as_json: bool, color: str) -> None:
        self.path = path
        self._json, self._color = as_json, color
        self._bar = ProgressBar()
        self._epochs = 1
        self._table: GrowingTable | None = None
        self.interrupted = False

    @contextmanager
    def looking_on(self, trainer: Trainer) -> Iterator[None]:
        """A bar on a terminal; the first Ctrl-C asks for an end after this batch, the second ends at once."""
        before = signal.getsignal(signal.SIGINT)
        self._epochs = trainer.config.training.epochs

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        signal.signal(signal.SIGINT, interrupt)
        try:
            with progress(trainer.done) as self._bar:
                yield
        finally:
            signal.signal(signal.SIGINT, before)
            if self._table is not None:
                self._table.flush()

    def batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        """See TrainingListener."""
        share = min(1.0, (epoch - 1 + done / batches) / self._epochs)
        said = [f"epoch {epoch} of {self._epochs}", f"batch {done} of {batches}", f"loss {number(loss, 5)}"]
        self._bar.update(share, *(said if batches > 1 else [said[0], said[2]]))

    def epoch(self, epoch: Epoch) -> None:
        """See TrainingListener."""
        with self._bar.aside():
            if self._json:
                told = asdict(epoch)
                told.pop("seconds")  # all else is the same each time
                for name in ("nll", "variance", "variance_with_control"):
                    if told[name] is None:
                        told.pop(name)
                write_json({"status": "ok", "epoch": told.pop("number"), **told})
            elif sys.stdout.isatty():
                self._row(epoch)
            else:
                print(line_of(epoch))
            sys.stdout.flush()

    def _row(self, epoch: Epoch) -> None:
        """A row of the table, which is on the terminal at once. Cells are as wide as those of any epoch. Variances are
        in the last line and the history, and so are seconds beside a bound: eighty columns have no place for them."""
        bounded = epoch.nll is not None
        losses = {"bound" if bounded else "loss": epoch.loss, "nll": epoch.nll, "valid. loss": epoch.validation_loss}
        errors = {"label error": epoch.label_error, "exact": epoch.exact}
        figures = {"epoch": str(epoch.number)}
        figures |= {name: _loss(value) for name, value in losses.items() if value is not None}
        figures |= {name: f"{value:.4f}" for name, value in errors.items() if value is not None}
        if self._table is None:
            columns = [*((name, "number") for name in figures), ("best", "text")]
            columns += [] if bounded else [("seconds", "number")]
            self._table = GrowingTable(console(self._color, True), columns, at_once=1)
        number_of, *others = figures.values()
        cells = [number_of.rjust(len(str(self._epochs))), *(cell.rjust(_CELL) for cell in others)]
        seconds = [] if bounded else [f"{epoch.seconds or 0.0:.1f}".rjust(_CELL)]
        self._table.add(*cells, "*" if epoch.best else "", *seconds)

    def note(self, text: str) -> None:
        """See TrainingListener."""
        self._bar.close()
        complain(text)

    def stopped(self) -> bool:
        """See TrainingListener."""
        return self.interrupted

    def finish(self, standing: TrainingState) -> None:
        """What has become of it all."""
        if self._json:
            write_json({"status": "ok", "model": self.path, "best_epoch": standing.best_epoch, "ended": standing.ended})
            return
        best = "the start" if standing.kept_epoch is None else line_of(standing.kept_epoch).removesuffix(" *")
        say(console(self._color), f"{standing.ended}; {self.path} holds the model of {best}")


def uses_of(config: TrainConfig, path: str, model: str) -> str:
    """The commands that use a model, to be copied, with the file that it was measured on. path: of the
    configuration."""
    base = Path(path).parent if path != "-" else Path()
    measured = [*config.data.validation, *config.data.train]
    inputs = quote(str(base / measured[0])) if measured and measured[0] != "-" else "INPUTS"
    own = quote(model)
    return f"To use it, and to see what it is:\n  lattice viterbi {own} {inputs}\n  lattice show {own}"


def _loss(loss: float) -> str:
    return f"{loss:.4f}" if abs(loss) < 1e6 else f"{loss:.6g}"


def line_of(epoch: Epoch) -> str:
    """An epoch as a line: `*` marks the best so far."""
    loss = _loss(epoch.loss)
    parts = [f"epoch {epoch.number}", f"loss {loss}" if epoch.nll is None else f"bound {loss}  nll {epoch.nll:.4f}"]
    if epoch.variance is not None and epoch.variance_with_control is not None:
        parts.append(f"variance {number(epoch.variance, 4)} (with control {number(epoch.variance_with_control, 4)})")
    if epoch.validation_loss is not None:
        parts.append(f"valid. loss {_loss(epoch.validation_loss)}")
    if epoch.label_error is not None and epoch.exact is not None:
        parts += [f"label error {epoch.label_error:.4f}", f"exact {epoch.exact:.4f}"]
    return "  ".join(parts) + (" *" if epoch.best else "")


def show_keys(color: str) -> None:
    """Every key of a configuration, its default and its meaning."""
    rows = GrowingTable(console(color, True), [("key", "name"), ("default", "text"), ("meaning", "text")])
    for name, default, meaning in keys_of(TrainConfig()):
        rows.add(name, default, meaning)
    rows.flush()


#: Keys that are lists, and what each entry of them is.
_ENTRIES: dict[str, type] = {"layers": LayerSettings, "factors": FactorSettings}


def keys_of(settings: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """(key, default, meaning) of every key of a configuration and its sections."""
    for each in fields(settings):
        value = getattr(settings, each.name)
        if is_dataclass(value):
            yield from keys_of(value, f"{prefix}{each.name}.")
            continue
        if each.name in _ENTRIES:
            yield f"{prefix}{each.name}", "-", str(each.metadata["meaning"])
            yield from keys_of(_ENTRIES[each.name](), f"{prefix}{each.name}[].")
            continue
        meaning = str(each.metadata.get("meaning", ""))
        choices = [str(choice) for choice in each.metadata.get("choices", ()) if choice != ""]
        listed = f" ({', '.join(choices)})" if len(choices) > 1 and not all(each in meaning for each in choices) else ""
        yield f"{prefix}{each.name}", _default(value), meaning + listed


def _default(value: Any) -> str:
    if value is None or value == ():
        return "-"
    return json_line(value) if not isinstance(value, str) else value or "-"

"""A training for each combination of values of some keys: a grid, whose trainings are spread over processes.

Each is a training like any other, with a model file, a checkpoint and a history of its own, named by its values in one
folder, and is done by one process from its beginning to its end.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lattice_cli.errors import FormatError, LatticeError, UsageError, WorkerLost, error_of
from lattice_cli.formats import overridden, read_checkpoint, read_config
from lattice_cli.learning.training import Epoch, TrainConfig, TrainingListener, TrainingState
from lattice_cli.models.assemble import assemble
from lattice_cli.models.trainings.trainer import Trainer

if TYPE_CHECKING:
    from lattice_cli.executors import Place, Workers

#: So often a training whose process was lost goes on in a new one.
_TRIES = 3
#: Characters of a file name, checkpoint and all, that every file system takes.
_LONGEST = 200
#: More trainings than anyone waits for: a slip of the pen.
_MOST = 100_000
#: What a name of a file has as it is, and as %XX else; a comma stands between values.
_PLAIN = "=+-._"


@dataclass(frozen=True)
class GridPoint:
    """A combination. values: key -> value, as it was written. output: its model file. keep: see training.keep."""

    values: dict[str, str]
    output: str
    keep: str = ""

    @property
    def overrides(self) -> list[str]:
        """As section.key=value."""
        return [f"{key}={value}" for key, value in self.values.items()]

    @property
    def name(self) -> str:
        """For people."""
        return ", ".join(self.overrides)


@dataclass(frozen=True)
class GridRow:
    """What became of a training. kept: the epoch whose weights the model has; epochs: how many there were; ended: why
    there are no more. error: why there is no model, or None. before: it was done before this run. notes: what was said
    of it."""

    point: GridPoint
    kept: Epoch | None = None
    epochs: int = 0
    ended: str = ""
    error: LatticeError | OSError | MemoryError | None = None
    before: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def rank(self) -> tuple[float, ...]:
        """What rows are sorted by, the best first: by the least validation error, or loss, as training.keep has it;
        without validation by the loss; those without a model last."""
        epoch = self.kept
        if self.error is not None or epoch is None:
            return (1.0,)
        if self.point.keep == "loss" and epoch.validation_loss is not None:
            return (0.0, epoch.validation_loss)
        if epoch.label_error is not None and epoch.exact is not None:
            return (0.0, epoch.label_error, -epoch.exact, epoch.loss)
        return (0.0, epoch.loss)


def grid_points(config: TrainConfig, grid: Sequence[str], folder: str) -> list[GridPoint]:
    """Every combination of values, each checked. grid: KEY=V1,V2 each, values in YAML; folder: where models go.

    The last key changes first. Raises UsageError.
    """
    axes: dict[str, list[str]] = {}
    for each in grid:
        key, equals, text = each.partition("=")
        values = [value.strip() for value in _values(text)]
        if not equals or not key or "" in values:
            raise UsageError(f"--grid {each}: expected KEY=VALUE,VALUE")
        if key in axes:
            raise UsageError(f"--grid {each}: {key} is given twice, expected all its values together")
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise UsageError(f"--grid {each}: {twice} is given twice")
        axes[key] = values
    count = 1
    for values in axes.values():
        count *= len(values)
    if count > _MOST:
        raise UsageError(f"--grid: {count} combinations, expected at most {_MOST}")
    found = []
    for chosen in product(*axes.values()):
        point = GridPoint(dict(zip(axes, chosen)), "")
        told = _checked(config, point)
        place = Path(folder) / f"{_named(point, told)}.npz"
        found.append(GridPoint(point.values, str(place), told.training.keep))
    return found


def _values(text: str) -> Iterator[str]:
    """The parts between commas that stand in no brackets and no quotes."""
    depth, quotes, first = 0, "", 0
    for place, letter in enumerate(text):
        if quotes:
            quotes = "" if letter == quotes else quotes
        elif letter in "'\"":
            quotes = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth <= 0:
            yield text[first:place]
            first = place + 1
    yield text[first:]


def _checked(config: TrainConfig, point: GridPoint) -> TrainConfig:
    try:
        told = overridden(config, point.overrides)
    except LatticeError as error:
        raise UsageError(str(error).replace("--set ", "--grid ", 1)) from None
    try:
        told.require_sense()
    except LatticeError as error:
        raise UsageError(f"--grid: {point.name}: {error}") from None
    return told


def _named(point: GridPoint, config: TrainConfig) -> str:
    name = ",".join(quote(each, safe=_PLAIN) for each in point.overrides)
    if len(name) <= _LONGEST:
        return name
    import hashlib

    digest = hashlib.sha256(json.dumps(asdict(config)).encode()).hexdigest()[:16]
    return f"{name[: _LONGEST - 17]}-{digest}"


@dataclass(frozen=True)
class _Sweep:
    """What every process knows. source: the file of the configuration, or what it said on standard input. folder: where
    files are, for a process that is elsewhere; empty for one that is here. begun: seconds since 1970; a checkpoint that
    is older is of another run."""

    source: str | TrainConfig
    folder: str
    overrides: tuple[str, ...]
    resume: bool
    restart: bool
    begun: float


def train_grid(
    source: str,
    config: TrainConfig,
    overrides: Sequence[str],
    points: Sequence[GridPoint],
    place: Place,
    *,
    resume: bool = False,
    restart: bool = False,
    told: Callable[[GridRow, int], None] = lambda row, done: None,
) -> list[GridRow]:
    """Train at all points, as many at once as the place has processes; the rows, the best first.

    source: the file of the configuration, "-" for one that is in no file; config: what it says with the overrides.
    resume: what was stopped goes on, what is done stays; restart: all begin again. told: hears of each row, and how
    many there are by then. A training that fails is a row. Raises UsageError where a training was stopped and neither
    is given, WorkerLost.
    """
    if not (resume or restart):
        for point in points:
            if _is_stopped(point.output):
                raise UsageError(
                    f"{point.output}.checkpoint is a training that was stopped: --resume goes on with it and leaves "
                    "what is done, --restart begins all again"
                )
    if source == "-" and place.cluster is not None:
        raise UsageError("a configuration from standard input has paths from here, which workers elsewhere do not know")
    folder = "" if place.cluster is None else os.getcwd()
    told_by, more = (config, ()) if source == "-" else (os.path.join(folder, source), tuple(overrides))
    sweep = _Sweep(told_by, folder, more, resume, restart, time.time())
    rows: list[GridRow] = []
    found = map(partial(_row, sweep), points) if place.here else _spread(sweep, points, place)
    for row in found:
        rows.append(row)
        told(row, len(rows))
    order = {point.output: number for number, point in enumerate(points)}
    return sorted(rows, key=lambda row: (row.rank, order[row.point.output]))


def _is_stopped(output: str) -> bool:
    if not Path(f"{output}.checkpoint").exists():
        return False
    try:
        return not read_checkpoint(f"{output}.checkpoint")[0]["standing"]["ended"]
    except (FormatError, KeyError, TypeError):
        return False  # nothing that could be gone on from


def _spread(sweep: _Sweep, points: Sequence[GridPoint], place: Place) -> Iterator[GridRow]:
    """A process for each that is at work; one that is lost goes on in a new one, from its checkpoint, three times."""
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    from lattice_cli.executors import Workers, ended_in, held_apart

    count = place.jobs
    if place.cluster is not None:
        with Workers(place, None) as workers:
            count = workers.count
    idle: list[Workers] = held_apart(place, [sweep] * min(count, len(points)))
    every = [*idle]
    waiting = [*reversed(points)]
    busy: dict[Future[Any], tuple[Workers, GridPoint, int]] = {}
    finished = False
    try:
        while waiting or busy:
            while waiting and idle:
                workers, point = idle.pop(), waiting.pop()
                busy[workers.submit(_row, point)] = (workers, point, 0)
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                workers, point, lost = busy.pop(future)
                error = ended_in(future)
                if error is None:
                    idle.append(workers)
                    yield future.result()
                elif not workers.is_lost(error):
                    raise error
                elif lost < _TRIES:
                    workers.revive()
                    busy[workers.submit(_row, point, True)] = (workers, point, lost + 1)
                else:
                    workers.revive()
                    idle.append(workers)
                    why = f"its process was lost {lost + 1} times: was it killed, is there too little memory?"
                    yield GridRow(point, error=WorkerLost(why))
        finished = True
    finally:
        for workers in every:
            workers.close(at_once=not finished)


class _Listener(TrainingListener):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """See TrainingListener."""
        self.notes.append(text)


def _row(sweep: _Sweep, point: GridPoint, again: bool = False) -> GridRow:
    """The training of a point. again: its process was lost, and it goes on from where it stood."""
    listener = _Listener()
    output = os.path.join(sweep.folder, point.output)
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        overrides = [*sweep.overrides, *point.overrides]
        checkpoint = Path(f"{output}.checkpoint")
        goes_on = checkpoint.exists() and (sweep.resume or (again and checkpoint.stat().st_mtime >= sweep.begun))
        done = _done(sweep.source, output, overrides) if goes_on else None
        standing = (
            done
            or Trainer(
                sweep.source, output, overrides, listener, resume=goes_on, restart=sweep.restart and not goes_on
            ).run()
        )
        return GridRow(
            point,
            standing.kept_epoch,
            standing.epoch,
            standing.ended,
            before=done is not None and not again,
            notes=listener.notes,
        )
    except Exception as error:
        try:
            return GridRow(point, error=error_of(error, point.output), notes=listener.notes)
        except (OSError, MemoryError) as refused:
            return GridRow(point, error=refused, notes=listener.notes)


def _done(source: str | TrainConfig, output: str, overrides: Sequence[str]) -> TrainingState | None:
    """The standing of a training that is over, with its model, and was told the same, of the same examples; None for
    one that goes on. Raises FormatError, UsageError for other examples."""
    checkpoint = f"{output}.checkpoint"
    about, state = read_checkpoint(checkpoint)
    if isinstance(source, TrainConfig):
        config, path = overridden(source, overrides), "-"
    else:
        config, path = read_config(TrainConfig, source, overrides), source
    try:
        same = about["config"] == json.loads(json.dumps(asdict(config)))
        if not same or not about["standing"]["ended"] or not Path(output).exists():
            return None
        theirs = about["fingerprint"]
        standing = TrainingState.of(state, about["standing"])
    except (KeyError, TypeError):
        return None  # the trainer says what is wrong with it
    return standing if theirs == assemble(config, path).fingerprint() else None

"""How losses are put out: a table for each record, or JSON lines; and the means of a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice_cli.cli.reports.fields import ArcListing, Cell, Field, Fields, Sheet, arc_listing
from lattice_cli.cli.reports.reporting import Printed, StreamReport
from lattice_cli.cli.stream import Item, RunOptions
from lattice_cli.cli.terminal import answer_text, complain, number, write_json
from lattice_cli.errors import LatticeError, counted
from lattice_cli.grammars import Spelling
from lattice_cli.graph import Document, TargetGraph, Targets
from lattice_cli.learning.losses import AnswerEnergy, Check, LossFailure, LossResult, RecordLosses

_ZERO = 1e-12
_NOISE = 1e-9  # smaller errors of a finite difference are its own rounding


@dataclass(frozen=True)
class _CheckedLoss:
    """A loss of a record, and its check, if it was checked."""

    result: LossResult
    check: Check | None


class LossReport(StreamReport):
    """The losses of each record, and their means in the end: of a stream, whatever its length, or of several records.

    side: that of the arcs. checked: there are checks. arcs: they are put out.
    """

    def __init__(self, run: RunOptions, side: str, checked: bool, stream: bool, arcs: bool) -> None:
        super().__init__(run)
        self._side, self._arcs, self._stream = side, arcs, stream
        # The check takes the room of the margin on a screen of 80 columns.
        self._fields = Fields(*(each for each in _LOSS if each.heading != ("margin" if checked else "error")))
        self._sums: dict[str, tuple[float, int]] = {}  # of each loss, and over how many records
        self._records = self._failed = self.failed_checks = self.failed_losses = 0

    def prepare(self, document: Document, found: RecordLosses) -> Any:
        """What one record adds to the means, or why it has not that loss; its failed checks; what is put out."""
        values = {
            each.loss.name: each.value.value if isinstance(each, LossResult) else str(each.error)
            for each in found.losses
        }
        return values, sum(each.failed for each in found.checks.values()), super().prepare(document, found)

    def show(self, document: Document, prepared: Any) -> None:
        """The losses of one record."""
        values, failed_checks, ready = prepared
        self._records += 1
        self.failed_checks += failed_checks
        for name, value in values.items():
            if isinstance(value, str):
                self.failed_losses += 1
                continue
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)
        super().show(document, ready)
        for name, why in values.items():
            if isinstance(why, str):
                complain(f"{document.id}: {name}: {why}")

    def fail(self, record: Item, error: LatticeError) -> None:
        """A record without losses, which the means do not have."""
        self._failed += 1
        super().fail(record, error)

    def finish(self) -> None:
        """The means, if there are any to give."""
        if not self._records or not (self._stream or self._records + self._failed > 1):
            return
        means = [(name, total / count, count) for name, (total, count) in self._sums.items()]
        if self.as_json:
            for name, mean, count in means:
                write_json({"mean": True, "loss": name, "value": mean, "records": count, "failed": self._failed})
            return
        if not self.as_table:  # a mean is no record
            return
        title = f"mean of {counted(self._records, 'record')}" + (f", {self._failed} failed" if self._failed else "")
        self.print(
            [Sheet([("loss", "name"), ("mean", "number")], [(name, number(mean)) for name, mean, _ in means], title)]
        )

    @property
    def headings(self) -> Sequence[str]:
        return ["id", *_PLAIN.headings]

    def columns(self, document: Document, found: RecordLosses) -> Iterator[Sequence[str]]:
        """A row a loss; one that could not be computed has its status for a value."""
        for each in found.losses:
            if isinstance(each, LossFailure):
                yield [document.id, each.loss.name, each.error.status, *[""] * (len(_PLAIN) - 2)]
            else:
                yield [document.id, *_PLAIN.plain(each)]

    def objects(self, document: Document, found: RecordLosses) -> Iterator[dict[str, Any]]:
        for each in found.losses:
            if isinstance(each, LossFailure):
                failed = {"id": document.id, "status": each.error.status, "loss": each.loss.name}
                yield {**failed, "message": str(each.error)}
                continue
            row = _CheckedLoss(each, found.checks.get(each.loss.name))
            arcs = {"arcs": self._listing(document, row).records()} if self._arcs else {}
            yield {"id": document.id, "status": "ok", **self._fields.record(row), **arcs}

    def _listing(self, document: Document, row: _CheckedLoss) -> ArcListing:
        side, checked = row.result.interpretation.side(self._side), row.check
        columns = [(_GRADIENT, row.result.gradient.tolist())]
        if checked is not None:
            differences = dict(zip(checked.arcs.tolist(), checked.difference.tolist()))
            columns.append((_DIFFERENCE, [differences.get(arc) for arc in range(side.graph.arcs)]))
        title = f"{document.id}: gradient of {row.result.loss.name} by each arc"
        return arc_listing(side.graph, side.names, title, *columns, number=side.number)

    def printed(self, document: Document, found: RecordLosses) -> Iterator[Printed]:
        sound, failures = found.sound, [each for each in found.losses if isinstance(each, LossFailure)]
        spelling = sound[0].interpretation.spelling
        title = f"{document.id}: {_correct(sound[0].targets, spelling)}"
        yield Sheet(self._fields.columns, [self._cells(each, found) for each in found.losses], title)
        yield from _remarks(found, spelling)
        yield from (f"{each.loss.name}: {each.error}" for each in failures)
        for each in sound if self._arcs else ():
            yield self._listing(document, _CheckedLoss(each, found.checks.get(each.loss.name)))

    def _cells(self, each: LossResult | LossFailure, found: RecordLosses) -> list[Cell]:
        if isinstance(each, LossFailure):
            return [each.loss.name, f"({each.error.status})", *[""] * (len(self._fields.columns) - 2)]
        return self._fields.cells(_CheckedLoss(each, found.checks.get(each.loss.name)))


def _remarks(found: RecordLosses, spelling: Spelling) -> Iterator[str]:
    results = found.sound
    offending = {
        answer_text(result.offending.output, spelling.text(result.offending.output))
        for result in results
        if result.offending is not None and result.offending.output is not None
    }
    if offending:
        yield f"E_I: most offending incorrect answer {', '.join(sorted(offending))}"
    soft = [result for result in results if result.loss.soft]
    if soft:
        summed = soft[0].latent == "forward"
        own = "F(correct)" if summed else "that of the best correct path, whose probability they are of"
        yield f"nll, mee: E_C is {own}; E_I stands for F(all), the free energy of all paths"
    if any(result.loss.counts_errors for result in results):
        yield "mwer: edits to the correct answer that are to be expected, in labels"
    flat = [result.loss.name for result in results if not np.abs(result.gradient).max(initial=0.0) > _ZERO]
    if flat:
        yield f"zero gradient: {', '.join(flat)}"
    by_note: dict[str, list[str]] = {}
    for result in results:
        for note in result.notes:
            by_note.setdefault(note, []).append(result.loss.name)
    for note, names in by_note.items():
        yield f"note: {note}" if len(results) == 1 else f"note ({', '.join(names)}): {note}"
    some = next(iter(found.checks.values()), None)
    if some is not None and results and len(some.arcs) < len(results[0].gradient):
        yield f"checked at {len(some.arcs)} of {len(results[0].gradient)} arcs, drawn at random"


def _correct(targets: Targets, spelling: Spelling) -> str:
    if isinstance(targets, TargetGraph):
        return f"correct answers: {targets}"
    shown = [answer_text(target, spelling.text(target)) for target in targets]
    return f"correct answer{'s' * (len(shown) > 1)} {', '.join(shown)}"


def _targets(targets: Targets) -> Any:
    return targets.given if isinstance(targets, TargetGraph) else targets


def _margin(row: _CheckedLoss) -> Cell:
    loss = row.result.loss
    return row.result.settings.margin if loss.margin == "m" else loss.margin


def _of_correct(result: LossResult, told: Callable[[AnswerEnergy], Cell]) -> Cell:
    """What is told of the correct answer, of a loss that has one."""
    return "-" if result.correct is None else told(result.correct)


def _against(row: _CheckedLoss) -> Cell:
    """What the correct answer is held against: E_I, or for the soft losses F(all)."""
    result = row.result
    if result.loss.soft and result.all is not None:
        return result.all.energy
    if not result.loss.contrasts:
        return "-"
    offending = result.offending
    if offending is None or offending.bound is None:
        return "none" if offending is None else offending.energy
    return f"≤ {number(offending.energy, 5)}"


def _slope(row: _CheckedLoss) -> Cell:
    result = row.result
    if result.loss.soft and result.all is not None:
        return result.value.by_all
    return result.value.by_offending if result.loss.contrasts else "-"


def _term(term: AnswerEnergy) -> dict[str, Any]:
    record: dict[str, Any] = {"energy": term.energy, "output": term.output}
    if term.bound is not None:
        record.update({"exact": False, "bound": term.bound})
    return record


def _slopes(result: LossResult) -> dict[str, float]:
    slopes = {} if result.correct is None else {"correct": result.value.by_correct}
    if result.loss.contrasts:
        slopes["offending"] = result.value.by_offending + 0.0  # a 0, never a -0
    if result.loss.soft:
        slopes["all"] = result.value.by_all
    return slopes


def _check_record(found: Check) -> dict[str, Any]:
    worst = found.worst
    return {
        "ok": not found.failed,
        "checked": len(found.arcs),
        "live": found.live,
        "worst_error": None if worst is None else worst[0],
        "worst_arc": None if worst is None else worst[1],
        "tolerance": found.tolerance,
        "kinks": found.arcs[found.kink].tolist(),
    }


def _worst(found: Check) -> str:
    if found.worst is None:
        return "kink"
    mark = " FAILED" if found.failed else " kink" if found.kink.any() else ""
    error = found.worst[0]
    return (f"{error:.1e}" if error >= _NOISE else "<1e-9") + mark


_LOSS = Fields(
    Field("loss", "loss", "result.loss.name", "name", str),
    Field("value", "value", "result.value.value", "figure"),
    Field(None, "margin", _margin, "figure"),
    Field("correct", of="result.correct", told=_term),
    Field(None, "E_C", lambda row: _of_correct(row.result, lambda term: term.energy), "figure"),
    Field("offending", of="result.offending", told=_term),
    Field(None, "E_I", _against, "figure"),
    Field("slopes", of=lambda row: _slopes(row.result)),
    Field(None, "dL/dE_C", lambda row: _of_correct(row.result, lambda _: row.result.value.by_correct), "figure"),
    Field(None, "dL/dE_I", _slope, "figure"),
    Field("latent", of="result.latent"),
    Field("beta", of="result.settings.beta"),
    Field("targets", of=lambda row: _targets(row.result.targets)),
    Field("notes", of="result.notes"),
    Field("all", of="result.all", told=lambda term: {"energy": term.energy}, optional=True),
    Field("check", "error", "check", shown=_worst, told=_check_record, optional=True),
)
#: Columns between tabs, of a LossResult.
_PLAIN = Fields(
    Field("loss", "loss", "loss.name"),
    Field("value", "value", "value.value"),
    Field("correct", "correct", lambda result: getattr(result.correct, "energy", None)),
    Field("offending", "offending", lambda result: getattr(result.offending, "energy", None)),
    Field("all", "all", lambda result: getattr(result.all, "energy", None)),
    Field("latent", "latent"),
    Field("beta", "beta", "settings.beta"),
)
_GRADIENT = Field("gradient", "gradient")
_DIFFERENCE = Field(
    "difference", "difference", shown=lambda value: number(0.0 if abs(value or 1) < _NOISE else value), optional=True
)

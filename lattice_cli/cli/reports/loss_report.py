"""How losses are put out: a table of the ten for each record, or JSON lines; and the means of a stream."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from lattice_cli.cli.reports.fields import arc_records, arc_table
from lattice_cli.cli.stream.report import Item
from lattice_cli.cli.terminal.json_lines import json_lines, write_json
from lattice_cli.cli.terminal.tables import GrowingTable, answer_text, console, number, say
from lattice_cli.errors import LatticeError, counted
from lattice_cli.graph import Document
from lattice_cli.learning.losses import AnswerEnergy, Check, LossFailure, LossResult, RecordLosses

_ZERO = 1e-12
_NOISE = 1e-9  # smaller errors of a finite difference are its own rounding


class _Means:
    """Sums of each loss over records, and the checks on the way."""

    def __init__(self, side: str, stream: bool) -> None:
        self._side, self._stream = side, stream
        self._sums: dict[str, tuple[float, int]] = {}  # of each loss, and over how many records
        self.records = self.failed = 0
        self.failed_checks = self.failed_losses = 0

    def _add(self, values: Mapping[str, float | None], failed_checks: int) -> None:
        """Add a record to the means: its value of each loss, None for a loss that it has not, and its failed checks."""
        self.records += 1
        self.failed_checks += failed_checks
        for name, value in values.items():
            if value is None:
                self.failed_losses += 1
                continue
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)

    @property
    def _many(self) -> bool:
        """True if there are means to give: of a stream, whatever its length, or of several records."""
        return self.records > 0 and (self._stream or self.records + self.failed > 1)

    def means(self) -> dict[str, float]:
        """The mean of each loss over the records that have one."""
        return {name: total / count for name, (total, count) in self._sums.items()}


class LossJson(_Means):
    """A line for each loss of each record; for several records a last line with `"mean": true` for each loss."""

    def prepare(self, document: Document, found: RecordLosses) -> tuple[dict[str, float | None], int, str]:
        """What one record adds to the means, and its lines."""
        return *_figures(found), self._lines(document, found)

    def show(self, document: Document, ready: tuple[dict[str, float | None], int, str]) -> None:
        """The lines of one record."""
        values, failed_checks, lines = ready
        self._add(values, failed_checks)
        sys.stdout.write(lines)

    def _lines(self, document: Document, found: RecordLosses) -> str:
        records = []
        for result in found.losses:
            if isinstance(result, LossFailure):
                status = {"id": document.id, "status": result.error.status, "loss": result.loss.name}
                records.append({**status, "message": str(result.error)})
            else:
                records.append(self._line(document, result, found.checks.get(result.loss.name)))
        return json_lines(*records)

    def _line(self, document: Document, result: LossResult, checked: Check | None) -> dict[str, Any]:
        side = result.interpretation.side(self._side)
        arcs = arc_records(side.graph, side.names, result.gradient.tolist())
        line: dict[str, Any] = {
            "id": document.id,
            "status": "ok",
            "loss": result.loss.name,
            "value": result.value.value,
            "correct": _term(result.correct),
            "offending": _term(result.offending),
            "slopes": _slopes(result),
            "latent": result.latent,
            "beta": result.settings.beta,
            "targets": result.targets,
            "notes": result.notes,
        }
        if result.all is not None:
            line["all"] = {"energy": result.all.energy}
        if checked is not None:
            line["check"] = _check_record(checked)
            for arc, difference in zip(checked.arcs.tolist(), checked.difference.tolist()):
                arcs[arc]["difference"] = difference
        return {**line, "arcs": arcs}

    def fail(self, record: Item, error: LatticeError) -> None:
        """A line that says what went wrong."""
        self.failed += 1
        write_json({"id": record.id, "status": error.status, "message": str(error)})

    def finish(self) -> None:
        """The means, if there were several records."""
        if self._many:
            for name, value in self.means().items():
                counts = {"records": self._sums[name][1], "failed": self.failed}
                write_json({"mean": True, "loss": name, "value": value, **counts})


def _figures(found: RecordLosses) -> tuple[dict[str, float | None], int]:
    """What a record adds to the means."""
    values = {each.loss.name: each.value.value if isinstance(each, LossResult) else None for each in found.losses}
    return values, sum(each.failed for each in found.checks.values())


def _term(term: AnswerEnergy | None) -> dict[str, Any] | None:
    if term is None:
        return None
    record: dict[str, Any] = {"energy": term.energy, "output": term.output}
    if term.bound is not None:
        record.update({"exact": False, "bound": term.bound})
    return record


def _slopes(result: LossResult) -> dict[str, float]:
    slopes = {"correct": result.value.by_correct}
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


class LossTables(_Means):
    """A table of losses for each record, what is to be said about them, and tables of arcs if asked for."""

    def __init__(self, side: str, checked: bool, stream: bool, arcs: bool, color: str) -> None:
        super().__init__(side, stream)
        self._checked, self._arcs = checked, arcs
        self._out = console(color)

    def show(self, document: Document, found: RecordLosses) -> None:
        """The tables of one record."""
        self._add(*_figures(found))
        sound, checks = found.sound, found.checks
        single = all(len(label) == 1 for result in sound for label in _labels(result))
        targets = [answer_text(target, single) for target in sound[0].targets]
        title = f"{document.id}: correct answer{'s' * (len(targets) > 1)} {', '.join(targets)}"
        headings = ["value", "margin", "E_C", "E_I", "dL/dE_C", "dL/dE_I"]
        if self._checked:
            headings[1:2] = []  # makes room for the check on a screen of 80 columns
            headings.append("error")
        columns = [("loss", "name"), *((heading, "number") for heading in headings)]
        rows = GrowingTable(self._out, columns, title, every=0)
        for result in found.losses:
            if isinstance(result, LossFailure):
                rows.add(result.loss.name, f"({result.error.status})", *[""] * (len(headings) - 1))
                continue
            name, value, margin, *rest = _cells(result)
            rows.add(name, value, *([*rest, _worst(checks[name])] if name in checks else [margin, *rest]))
        rows.flush()
        self._remarks(sound, single, checks)
        for result in found.losses:
            if isinstance(result, LossFailure):
                say(self._out, f"{result.loss.name}: {result.error}")
        if self._arcs:
            self._arc_tables(document, sound, checks)

    def _remarks(self, results: list[LossResult], single: bool, checks: Mapping[str, Check]) -> None:
        offending = {
            answer_text(result.offending.output or [], single)
            for result in results
            if result.offending is not None and result.offending.output is not None
        }
        if offending:
            say(self._out, f"E_I: most offending incorrect answer {', '.join(sorted(offending))}")
        soft = [result for result in results if result.loss.soft]
        if soft:
            own = "F(correct)" if soft[0].latent == "forward" else "that of the best correct path"
            say(self._out, f"nll, mee: E_C is {own}; E_I stands for F(all), the free energy of all paths")
        flat = [result.loss.name for result in results if not np.abs(result.gradient).max(initial=0.0) > _ZERO]
        if flat:
            say(self._out, f"zero gradient: {', '.join(flat)}")
        by_note: dict[str, list[str]] = {}
        for result in results:
            for note in result.notes:
                by_note.setdefault(note, []).append(result.loss.name)
        for note, names in by_note.items():
            say(self._out, f"note: {note}" if len(results) == 1 else f"note ({', '.join(names)}): {note}")
        some = next(iter(checks.values()), None)
        if some is not None and results and len(some.arcs) < len(results[0].gradient):
            say(self._out, f"checked at {len(some.arcs)} of {len(results[0].gradient)} arcs, drawn at random")

    def _arc_tables(self, document: Document, results: list[LossResult], checks: Mapping[str, Check]) -> None:
        for result in results:
            side = result.interpretation.side(self._side)
            columns = {"gradient": result.gradient.tolist()}
            checked = checks.get(result.loss.name)
            if checked is not None:
                differences = np.full(len(result.gradient), np.nan)
                differences[checked.arcs] = np.where(np.abs(checked.difference) < _NOISE, 0.0, checked.difference)
                columns["difference"] = differences.tolist()
            title = f"{document.id}: gradient of {result.loss.name} by each arc"
            arc_table(self._out, side.graph, side.names, title, columns)

    def fail(self, record: Item, error: LatticeError) -> None:
        """A line with the status; the message itself goes to standard error."""
        self.failed += 1
        say(self._out, f"{record.id}: ({error.status})")

    def finish(self) -> None:
        """The means, if there were several records."""
        if not self._many:
            return
        failed = f", {self.failed} failed" if self.failed else ""
        title = f"mean of {counted(self.records, 'record')}{failed}"
        rows = GrowingTable(self._out, [("loss", "name"), ("mean", "number")], title, every=0)
        for name, value in self.means().items():
            rows.add(name, number(value))
        rows.flush()


def _labels(result: LossResult) -> list[str]:
    outputs = [term.output for term in (result.correct, result.offending) if term is not None]
    return [label for output in outputs if output is not None for label in output]


def _figure(value: float) -> str:
    """Five digits, so that a row fits on a screen; seven where five would not show how energies differ."""
    return number(value, 7 if abs(value) >= 100 else 5)


def _cells(result: LossResult) -> list[str]:
    """loss, value, margin, E_C, E_I, and the two derivatives."""
    value, loss = result.value, result.loss
    margin = _figure(result.settings.margin) if loss.margin == "m" else loss.margin
    against, slope = "-", "-"
    if loss.soft and result.all is not None:
        against, slope = _figure(result.all.energy), _figure(value.by_all)
    elif loss.contrasts:
        mark = "" if result.offending is None or result.offending.bound is None else "≤ "
        against = "none" if result.offending is None else mark + _figure(result.offending.energy)
        slope = _figure(value.by_offending)
    figures = [_figure(figure) for figure in (value.value, result.correct.energy, value.by_correct)]
    return [loss.name, figures[0], margin, figures[1], against, figures[2], slope]


def _worst(found: Check) -> str:
    if found.worst is None:
        return "kink"
    mark = " FAILED" if found.failed else " kink" if found.kink.any() else ""
    error = found.worst[0]
    return (f"{error:.1e}" if error >= _NOISE else "<1e-9") + mark

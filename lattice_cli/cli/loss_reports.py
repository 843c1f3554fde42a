"""How losses are put out: a table of the ten for each record, or JSON lines; and the means of a stream."""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice_cli.cli.reports import JsonReport, arc_records, arc_table, status_name, write_json
from lattice_cli.cli.tables import Rows, answer_text, console, number, say
from lattice_cli.errors import LatticeError
from lattice_cli.graph.document import Document
from lattice_cli.learning.check import MOST_ARCS, Check, check
from lattice_cli.learning.objective import LossResult, Term

_ZERO = 1e-12
_NOISE = 1e-9  # smaller errors of a finite difference are its own rounding


class _Means:
    """Sums of each loss over records, and the checks on the way."""

    def __init__(self, side: str, checked: bool, arcs: bool, color: str) -> None:
        self._side, self._checked, self._arcs, self._color = side, checked, arcs, color
        self._sums: dict[str, float] = {}
        self.records = self.failed = 0
        self.failed_checks = 0
        self._rng = np.random.default_rng(0)
        self._warned: set[str] = set()

    def _count(self, results: list[LossResult]) -> list[Check | None]:
        """Add a record to the means; its checks, if they were asked for."""
        self.records += 1
        checks: list[Check | None] = []
        for result in results:
            name = result.loss.name
            self._sums[name] = self._sums.get(name, 0.0) + result.value.value
            found = check(result, self._side, self._rng) if self._checked else None
            self.failed_checks += found is not None and found.failed
            checks.append(found)
        return checks

    def means(self) -> dict[str, float]:
        """The mean of each loss over the records that have one."""
        return {name: total / self.records for name, total in self._sums.items()}


class LossJson(_Means):
    """A line for each loss of each record; for several records a last line with `"mean": true` for each loss."""

    def show(self, document: Document, results: list[LossResult]) -> None:
        """The lines of one record."""
        for result, checked in zip(results, self._count(results)):
            side = result.interpretation.side(self._side)
            arcs = arc_records(side.graph, side.names, result.gradient.tolist())
            if checked is not None:
                for arc, difference in zip(checked.arcs.tolist(), checked.difference.tolist()):
                    arcs[arc]["difference"] = difference
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
                "notes": result.notes,
                "arcs": arcs,
            }
            if result.all is not None:
                line["all"] = {"energy": result.all.energy}
            if checked is not None:
                line["check"] = _check_record(checked)
            write_json(line)

    def fail(self, record_id: str, error: LatticeError) -> None:
        """A line that says what went wrong."""
        self.failed += 1
        JsonReport(lambda document, result: []).fail(record_id, error)

    def finish(self) -> None:
        """The means, if there were several records."""
        if self.records + self.failed > 1 and self.records:
            for name, value in self.means().items():
                line = {"mean": True, "loss": name, "value": value, "records": self.records, "failed": self.failed}
                write_json(line)


def _term(term: Term | None) -> dict[str, Any] | None:
    if term is None:
        return None
    record: dict[str, Any] = {"energy": term.energy, "output": term.output}
    if term.bound is not None:
        record.update({"exact": False, "bound": term.bound})
    return record


def _slopes(result: LossResult) -> dict[str, float]:
    slopes = {"correct": result.value.by_correct}
    if result.loss.contrasts:
        slopes["offending"] = result.value.by_offending
    if result.loss.soft:
        slopes["all"] = result.value.by_all
    return slopes


def _check_record(found: Check) -> dict[str, Any]:
    worst = found.worst
    return {
        "ok": not found.failed,
        "checked": len(found.arcs),
        "worst_error": None if worst is None else worst[0],
        "worst_arc": None if worst is None else worst[1],
        "tolerance": found.tolerance,
        "kinks": found.arcs[found.kink].tolist(),
    }


class LossTables(_Means):
    """A table of losses for each record, what is to be said about them, and tables of arcs if asked for."""

    def __init__(self, side: str, checked: bool, arcs: bool, color: str) -> None:
        super().__init__(side, checked, arcs, color)
        self._out = console(color)

    def show(self, document: Document, results: list[LossResult]) -> None:
        """The tables of one record."""
        checks = self._count(results)
        correct = results[0].correct.output or []
        single = all(len(label) == 1 for result in results for label in _labels(result))
        title = f"{document.id}: correct answer {answer_text(correct, single)}"
        headings = ["value", "margin", "E_C", "E_I", "dL/dE_C", "dL/dE_I"]
        if self._checked:
            headings[1:2] = []  # makes room for the check on a screen of 80 columns
            headings.append("error")
        columns = [("loss", "text"), *((heading, "number") for heading in headings)]
        rows = Rows(self._out, columns, title, every=0)
        for result, checked in zip(results, checks):
            name, value, margin, *rest = _cells(result)
            rows.add(name, value, *([margin, *rest] if checked is None else [*rest, _worst(checked)]))
        rows.flush()
        self._remarks(results, single)
        if self._arcs:
            self._arc_tables(document, results, checks)

    def _remarks(self, results: list[LossResult], single: bool) -> None:
        offending = {
            answer_text(result.offending.output or [], single)
            for result in results
            if result.offending is not None and result.offending.output is not None
        }
        if offending:
            say(self._out, f"E_I: most offending incorrect answer {', '.join(sorted(offending))}")
        if any(result.loss.soft for result in results):
            say(self._out, "nll, mee: E_C is F(correct); E_I stands for F(all), the free energy of all paths")
        flat = [result.loss.name for result in results if not np.abs(result.gradient).max(initial=0.0) > _ZERO]
        if flat:
            say(self._out, f"zero gradient: {', '.join(flat)}")
        by_note: dict[str, list[str]] = {}
        for result in results:
            for note in result.notes:
                by_note.setdefault(note, []).append(result.loss.name)
        for note, names in by_note.items():
            say(self._out, f"note: {note}" if len(results) == 1 else f"note ({', '.join(names)}): {note}")

    def _arc_tables(self, document: Document, results: list[LossResult], checks: list[Check | None]) -> None:
        for result, checked in zip(results, checks):
            side = result.interpretation.side(self._side)
            columns = {"gradient": result.gradient.tolist()}
            if checked is not None:
                differences = np.full(len(result.gradient), np.nan)
                differences[checked.arcs] = checked.difference
                columns["difference"] = differences.tolist()
            title = f"{document.id}: gradient of {result.loss.name} by each arc"
            arc_table(self._out, side.graph, side.names, title, columns)
            if checked is not None and len(checked.arcs) < len(result.gradient):
                say(self._out, f"checked at {MOST_ARCS} arcs drawn at random of {len(result.gradient)}")

    def fail(self, record_id: str, error: LatticeError) -> None:
        """A line with the status; the message itself goes to standard error."""
        self.failed += 1
        say(self._out, f"{record_id}: ({status_name(error)})")

    def finish(self) -> None:
        """The means, if there were several records."""
        if self.records + self.failed < 2 or not self.records:
            return
        rows = Rows(self._out, [("loss", "text"), ("mean", "number")], f"mean of {self.records} records", every=0)
        for name, value in self.means().items():
            rows.add(name, number(value))
        rows.flush()


def _labels(result: LossResult) -> list[str]:
    outputs = [term.output for term in (result.correct, result.offending) if term is not None]
    return [label for output in outputs if output is not None for label in output]


def _cells(result: LossResult) -> list[str]:
    """loss, value, margin, E_C, E_I, and the two derivatives; five digits, so that the row fits on a screen."""
    value, loss = result.value, result.loss
    margin = number(result.settings.margin, 5) if loss.margin == "m" else loss.margin
    against, slope = "-", "-"
    if loss.soft and result.all is not None:
        against, slope = number(result.all.energy, 5), number(value.by_all, 5)
    elif loss.contrasts:
        mark = "" if result.offending is None or result.offending.bound is None else "≤ "
        against = "none" if result.offending is None else mark + number(result.offending.energy, 5)
        slope = number(value.by_offending, 5)
    figures = [number(figure, 5) for figure in (value.value, result.correct.energy, value.by_correct)]
    return [loss.name, figures[0], margin, figures[1], against, figures[2], slope]


def _worst(found: Check) -> str:
    if found.worst is None:
        return "kink"
    mark = " FAILED" if found.failed else " (kink)" if found.kink.any() else ""
    error = found.worst[0]
    return (f"{error:.1e}" if error >= _NOISE else f"< {_NOISE:.0e}") + mark

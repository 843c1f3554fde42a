"""How bounds are put out."""

from __future__ import annotations

import math
from typing import Any

from lattice_cli.analysis import VariationalBound
from lattice_cli.cli.reports.fields import JsonReport, TableReport, identity
from lattice_cli.cli.stream.run_options import RunOptions
from lattice_cli.cli.terminal.tables import GrowingTable, number
from lattice_cli.graph import Document
from lattice_cli.learning.training import RecordBounds


def bound_report(run: RunOptions) -> Any:
    """Where bounds go."""
    return JsonReport(_record, identity) if run.as_json else _BoundTables(run.color)


def _number(value: float) -> float | None:
    """JSON has no nan: null stands for what a single sample cannot tell."""
    return None if math.isnan(value) else value


def _figures(found: VariationalBound) -> dict[str, float]:
    return {
        "free_energy": found.free_energy,
        "bound": found.bound,
        "expected_energy": found.expected_energy,
        "entropy": found.entropy,
        "gap": found.gap,
    }


def _record(document: Document, found: RecordBounds) -> list[dict[str, Any]]:
    line: dict[str, Any] = {**identity(document), "status": "ok", "beta": found.bound.beta, **_figures(found.bound)}
    if found.sampled is not None:
        line["sampled"] = {
            "samples": found.sampled.samples,
            "bound": found.sampled.bound,
            "standard_error": _number(found.sampled.standard_error),
            "effective_sample_size": found.sampled.effective,
        }
    if found.importance:
        line["importance"] = [
            {
                "k": each.k,
                "bound": each.bound,
                "exact": each.standard_error is None,
                "standard_error": None if each.standard_error is None else _number(each.standard_error),
            }
            for each in found.importance
        ]
    if found.rows:
        line["fit"] = [
            {
                "step": row.step,
                **_figures(row.bound),
                "gradient": row.gradient,
                "variance": _number(row.plain),
                "variance_with_control": _number(row.controlled),
            }
            for row in found.rows
        ]
    return [line]


def _small(value: float) -> str:
    """A figure for a table that rounding alone may keep from 0."""
    return "<1e-9" if abs(value) < 1e-9 else number(value)


class _BoundTables(TableReport):
    """A row a record, and tables of what was estimated and fitted."""

    def __init__(self, color: str) -> None:
        headings = ("beta", "F", "bound", "<E>_q", "entropy", "gap")
        super().__init__(color, [("id", "text"), *((heading, "number") for heading in headings)])

    def show(self, document: Document, found: RecordBounds) -> None:
        """The tables of one record."""
        figures = (found.bound.beta, *_figures(found.bound).values())
        self.rows.add(document.id, *(number(figure) for figure in figures[:-1]), _small(figures[-1]))
        if found.rows or found.sampled or found.importance:
            self.rows.flush()
        self._fit(document, found)
        self._estimates(document, found)

    def _fit(self, document: Document, found: RecordBounds) -> None:
        headings = ["step", "bound", "gap", "|gradient|", "variance", "with control"]
        rows = GrowingTable(self.out, [(each, "number") for each in headings], f"{document.id}: fitting q", every=0)
        for row in found.rows:
            shown = (row.bound.bound, row.bound.gap, row.gradient, row.plain, row.controlled)
            rows.add(str(row.step), *(_small(value) for value in shown))
        rows.flush()

    def _estimates(self, document: Document, found: RecordBounds) -> None:
        headings = [("estimate", "name"), ("value", "number"), ("std. error", "number"), ("eff. samples", "number")]
        rows = GrowingTable(self.out, headings, f"{document.id}: from paths drawn from q", every=0)
        if found.sampled is not None:
            told = found.sampled
            name = f"bound, {told.samples} samples"
            rows.add(name, number(told.bound), number(told.standard_error), number(told.effective))
        for each in found.importance:
            error = "exact" if each.standard_error is None else number(each.standard_error)
            rows.add(f"importance-weighted, K = {each.k}", number(each.bound), error, "")
        rows.flush()

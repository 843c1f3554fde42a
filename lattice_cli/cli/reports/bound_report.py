"""How bounds are put out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import Field, Fields, Listing, Sheet
from lattice_cli.cli.reports.reporting import Entry, StreamReport, identity
from lattice_cli.cli.terminal import number
from lattice_cli.graph import Document
from lattice_cli.learning.training import RecordBounds

if TYPE_CHECKING:
    from lattice_cli.cli.stream import RunOptions


def _small(value: float) -> str:
    """A figure for a table that rounding alone may keep from 0."""
    return "<1e-9" if abs(value) < 1e-9 else number(value)


_FIGURES = Fields(
    Field("beta", "beta"),
    Field("free_energy", "F"),
    Field("bound", "bound"),
    Field("expected_energy", "<E>_q"),
    Field("entropy", "entropy"),
    Field("gap", "gap", shown=_small),
)
_ROW = Fields(
    Field("step", "step", shown=str),
    *(
        replace(each, heading=each.key if each.key in ("bound", "gap") else None, of=f"bound.{each.key}", shown=_small)
        for each in _FIGURES[1:]
    ),
    Field("gradient", "|gradient|", shown=_small),
    Field("variance", "variance", "plain", shown=_small),
    Field("variance_with_control", "with control", "controlled", shown=_small),
)
#: What the bound is made of: beside a model's figures a table is too wide for it, but JSON has it.
_PARTS = ("expected_energy", "entropy")
_OF_MODEL = Fields(
    *(replace(each, of=f"bound.{each.key}", heading=None if each.key in _PARTS else each.heading) for each in _FIGURES),
    Field("free_energy_of_all", "F(all)", "everything"),
    Field("bound_on_nll", "bound on nll", "of_loss"),
)
_SAMPLED = Fields(
    Field(None, "estimate", lambda found: f"bound, {found.samples} samples", "name", str),
    Field("samples"),
    Field("bound", "value"),
    Field("standard_error", "std. error"),
    Field("effective_sample_size", "eff. samples", "effective"),
)
_IMPORTANCE = Fields(
    Field(None, "estimate", lambda each: f"importance-weighted, K = {each.k}", "name", str),
    Field("k"),
    Field("bound", "value"),
    Field("exact", of=lambda each: each.standard_error is None),
    Field("standard_error", "std. error", shown=lambda error: "exact" if error is None else number(error)),
    Field(None, "eff. samples", lambda each: "", shown=str),
)


class BoundReport(StreamReport):
    """Bounds: an entry a record, with what was estimated and fitted."""

    about = staticmethod(identity)

    def __init__(self, run: RunOptions, of_model: bool = False) -> None:
        """of_model: q is that of a model, and F is of the paths of the right answer."""
        self.fields = _OF_MODEL if of_model else _FIGURES
        super().__init__(run)

    def entries(self, document: Document, found: RecordBounds) -> Iterator[Entry]:
        below: dict[str, Any] = {}
        estimates = [_IMPORTANCE.cells(each) for each in found.importance]
        if found.sampled is not None:
            below["sampled"] = _SAMPLED.record(found.sampled)
            estimates.insert(0, _SAMPLED.cells(found.sampled))
        if found.importance:
            below["importance"] = _IMPORTANCE.records(found.importance)
        if found.rows:
            below["fit"] = Listing(_ROW, found.rows, f"{document.id}: fitting q")
        sheet = Sheet(_IMPORTANCE.columns, estimates, f"{document.id}: from paths drawn from q")
        yield Entry(found if self.fields is _OF_MODEL else found.bound, below, [sheet] if estimates else [])

"""What `recognize --check` tells of a recogniser, record by record."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import Field, Fields, known, small
from lattice_cli.cli.reports.reporting import Entry, StreamReport
from lattice_cli.cli.terminal import number
from lattice_cli.errors import CheckFailed
from lattice_cli.graph import Document
from lattice_cli.learning.networks import FixedPointNetwork, OdeNetwork
from lattice_cli.learning.recognizers import Recognizer, RecognizerCheck

if TYPE_CHECKING:
    from lattice_cli.cli.stream import RunOptions


def _iterations(solved: Any) -> str:
    return f"{solved.iterations} + {solved.further}" if solved.further else str(solved.iterations)


_FIELDS = (
    Field("status", of=lambda found: "failed" if found.failed else "ok"),
    Field("rows", "rows", shown=str),
    Field("gradient", "gradient"),
    Field("difference", "difference", "error", shown=lambda error: small(error, 1e-7)),
)
#: What only some recognisers have.
_ADJOINT = (
    Field(
        "adjoint",
        "states kept",
        shown=known(lambda found: f"{found.kept} of {found.of}"),
        told=asdict,
        optional=True,
    ),
    Field(None, "adjoint", "adjoint", shown=known(lambda found: number(found.continuous))),
)
_FIXED_POINT = (
    Field("fixed_point", "residual", shown=known(lambda found: number(found.residual)), told=asdict, optional=True),
    Field(None, "iterations", "fixed_point", shown=known(_iterations)),
    Field(None, "radius", "fixed_point", shown=known(lambda found: number(found.radius))),
)


class CheckReport(StreamReport):
    """Where checks go; one that does not hold is an error of its record, after it has been shown. Columns are of what
    the recogniser has."""

    silent = CheckFailed

    def __init__(self, run: RunOptions, recognizer: Recognizer) -> None:
        network = getattr(recognizer, "network", None)
        adjoint = _ADJOINT if isinstance(network, OdeNetwork) else ()
        solved = _FIXED_POINT if isinstance(network, FixedPointNetwork) else ()
        self.fields = Fields(*_FIELDS, *adjoint, *solved)
        super().__init__(run)

    def entries(self, document: Document, found: RecognizerCheck) -> list[Entry]:
        return [Entry(found)]

    def fault(self, found: RecognizerCheck) -> CheckFailed | None:
        if not found.failed:
            return None
        return CheckFailed(f"the gradient by the weights is off by {found.error:.3g} of what differences say")

"""How forward puts out what it found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import Field, Fields, Listing, arc_listing, digits, plain, rows_of, small
from lattice_cli.cli.reports.reporting import Entry, StreamReport
from lattice_cli.cli.terminal import number
from lattice_cli.errors import CheckFailed, Diverged, LatticeError

if TYPE_CHECKING:
    from lattice_cli.graph import Document
    from lattice_cli.records import Forward

_FIGURES = Fields(
    Field("beta", "beta"),
    Field("free_energy", "free energy"),
    Field("best_energy", "best"),
    Field("expected_energy", "expected"),
    *plain("entropy", "variance"),
)
_NODE = Field("node", "node", 0, "text", str)
_ALPHA = Field("alpha", "alpha", 1)
_NODES = Fields(_NODE, _ALPHA, Field("backward", "backward", 2), Field("posterior", "posterior", 3))
_MULTIPLIERS = Fields(
    _NODE,
    _ALPHA,
    Field("multiplier", "lambda", 2),
    Field("residual_lambda", "dL/dlambda", 3, shown=small),
    Field("residual_alpha", "dL/dalpha", 4, shown=small),
)
_GRADIENT = Field("gradient", "gradient")
_RESIDUAL = Field("residual", "dL/de - dF/de", shown=small)
_DIFFERENCE = Field("finite_difference", "difference", shown=digits(6))


class ForwardReport(StreamReport):
    """Free energies: an entry for each beta. A Lagrangian that does not hold is an error of its record, once shown, and
    so is a beta at which the sum diverges."""

    fields = _FIGURES

    def entries(self, document: Document, results: list[Forward | Diverged]) -> Iterator[Entry]:
        for result in results:
            if isinstance(result, Diverged):
                continue
            at, side, view = f"at beta {number(result.statistics.beta)}", result.side, result.nodes
            below: dict[str, Any] = {}
            if result.gradient is not None:
                title = f"{document.id}: gradient dF/de of each arc {at}"
                gradient = _GRADIENT, result.gradient.tolist()
                below["arcs"] = arc_listing(side.graph, side.names, title, gradient, number=side.number)
            if view is not None:
                rows = rows_of(side.names, view.alpha, view.backward, view.posterior)
                below["nodes"] = Listing(
                    _NODES, rows, f"{document.id}: alpha, backward and posterior of each node {at}"
                )
            if result.lagrangian is not None:
                yield _with_lagrangian(document, result, below, at)
            else:
                yield Entry(result.statistics, below)

    def fault(self, results: list[Forward | Diverged]) -> LatticeError | None:
        from lattice_cli.records import at_all

        diverged = [result for result in results if isinstance(result, Diverged)]
        if diverged:
            return at_all(diverged)
        try:
            for result in results:
                assert not isinstance(result, Diverged)
                if result.lagrangian is not None:
                    result.lagrangian.require()
        except CheckFailed as error:
            return error
        return None


def _with_lagrangian(document: Document, result: Forward, below: dict[str, Any], at: str) -> Entry:
    from lattice_cli.sweep import CONVENTION

    found, side = result.lagrangian, result.searched
    assert found is not None
    assert side is not None
    largest, differences = found.largest, dict(zip(found.chosen.tolist(), found.difference.tolist()))
    columns = ((_GRADIENT, found.gradient.tolist()), (_RESIDUAL, found.by_arc.tolist()))
    chosen = (_DIFFERENCE, [differences.get(arc) for arc in range(side.graph.arcs)])
    nodes = rows_of(side.names, found.alpha, found.multiplier, found.by_multiplier, found.by_alpha)
    below["lagrangian"] = {
        "convention": CONVENTION,
        "largest": largest,
        "nodes": Listing(_MULTIPLIERS, nodes, f"{document.id}: multipliers and residuals of each node {at}"),
        "arcs": arc_listing(side.graph, side.names, f"{document.id}: the same of each arc", *columns, chosen),
    }
    told = f"{CONVENTION}; largest error of a finite difference: {small(largest['difference'], 1e-6)}"
    return Entry(result.statistics, below, [told])

"""How forward puts out what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lattice_cli.cli.reports.fields import TableReport, arc_table, small
from lattice_cli.cli.terminal.tables import GrowingTable, number, say

if TYPE_CHECKING:
    from lattice_cli.graph import Document
    from lattice_cli.records import Forward


class ForwardTables(TableReport):
    """Free energies: a row for each record and beta, and tables of arcs and nodes if asked for."""

    def __init__(self, color: str) -> None:
        headings = ["beta", "free energy", "best", "expected", "entropy", "variance"]
        super().__init__(color, [("id", "text"), *((heading, "number") for heading in headings)])

    def show(self, document: Document, results: list[Forward]) -> None:
        """The rows of one record, and its tables."""
        for result in results:
            found = result.statistics
            figures = (
                found.beta,
                found.free_energy,
                found.best_energy,
                found.expected_energy,
                found.entropy,
                found.variance,
            )
            self.rows.add(document.id, *(number(figure) for figure in figures))
            if result.gradient is not None or result.nodes is not None or result.lagrangian is not None:
                self.rows.flush()
            self._arc_table(document, result)
            self._node_table(document, result)
            self._lagrangian(document, result)

    def _lagrangian(self, document: Document, result: Forward) -> None:
        found, side = result.lagrangian, result.searched
        if found is None or side is None:
            return
        from lattice_cli.sweep import CONVENTION

        title = f"{document.id}: multipliers and residuals of each node at beta {number(result.statistics.beta)}"
        headings = ["node", "alpha", "lambda", "dL/dlambda", "dL/dalpha"]
        rows = GrowingTable(
            self.out, [(each, "text" if each == "node" else "number") for each in headings], title, every=0
        )
        columns = (found.alpha, found.multiplier, found.by_multiplier, found.by_alpha)
        for name, alpha, multiplier, *residuals in zip(side.names, *(column.tolist() for column in columns)):
            rows.add(str(name), number(alpha), number(multiplier), *(small(each) for each in residuals))
        rows.flush()
        differences = dict(zip(found.chosen.tolist(), found.difference.tolist()))
        columns_of_arcs = {
            "gradient": [number(each) for each in found.gradient.tolist()],
            "dL/de - dF/de": [small(each) for each in found.by_arc.tolist()],
            "difference": [
                number(differences[arc], 6) if arc in differences else "-" for arc in range(side.graph.arcs)
            ],
        }
        arc_table(self.out, side.graph, side.names, f"{document.id}: the same of each arc", columns_of_arcs)
        say(self.out, f"{CONVENTION}; largest error of a finite difference: {small(found.largest['difference'], 1e-6)}")

    def _arc_table(self, document: Document, result: Forward) -> None:
        if result.gradient is None:
            return
        side = result.side
        title = f"{document.id}: gradient dF/de of each arc at beta {number(result.statistics.beta)}"
        arc_table(self.out, side.graph, side.names, title, {"gradient": result.gradient.tolist()})

    def _node_table(self, document: Document, result: Forward) -> None:
        if result.nodes is None:
            return
        view, names = result.nodes, result.side.names
        title = f"{document.id}: alpha, backward and posterior of each node at beta {number(result.statistics.beta)}"
        headings = [("node", "text"), ("alpha", "number"), ("backward", "number"), ("posterior", "number")]
        rows = GrowingTable(self.out, headings, title, every=0)
        for node, (alpha, backward, posterior) in enumerate(
            zip(view.alpha.tolist(), view.backward.tolist(), view.posterior.tolist())
        ):
            rows.add(str(names[node]), *(number(value) for value in (alpha, backward, posterior)))
        rows.flush()

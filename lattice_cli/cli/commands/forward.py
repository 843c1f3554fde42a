"""The forward command: free energies, posteriors and gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lattice_cli.cli.options.shared import BetaList, decoder_options, input_options, of_option, result_options

if TYPE_CHECKING:
    from lattice_cli.cli.options.shared import DecoderOptions
    from lattice_cli.cli.stream.report import Report
    from lattice_cli.cli.stream.run_options import RunOptions
    from lattice_cli.formats.io import ReadOptions
    from lattice_cli.graph import Document
    from lattice_cli.records import Forward


@click.command()
@click.argument("graphs", metavar="GRAPH...", nargs=-1, required=True)
@decoder_options
@click.option(
    "--beta",
    "betas",
    type=BetaList(),
    default="1",
    show_default=True,
    help="Inverse temperature in 1/nats; several separated by commas give a row (with --json a line) each.",
)
@click.option("--arcs", is_flag=True, help="The gradient dF/de of every arc: its posterior.")
@click.option("--nodes", is_flag=True, help="Alpha, backward and posterior (the Lagrange multiplier) of every node.")
@click.option(
    "--lagrangian",
    is_flag=True,
    help="Multipliers, stationarity residuals and finite differences; exit 4 if they do not hold.",
)
@of_option
@input_options
@result_options
def forward(
    graphs: tuple[str, ...],
    decoder: DecoderOptions,
    betas: tuple[float, ...],
    arcs: bool,
    nodes: bool,
    lagrangian: bool,
    side: str,
    reading: ReadOptions,
    run: RunOptions,
) -> int:
    """The free energy F = -(1/beta) log sum exp(-beta E) over all paths of each GRAPH.

    Beside it stand the least energy, the expected energy, the entropy (nats) and the variance of the energy under
    p(path) = exp(-beta (E - F)). Cyclic graphs are summed exactly, or refused if the sum diverges (exit 4).

    --lagrangian shows the gradient as stationarity of L = F + sum_i lambda_i (f_i - alpha_i), with f_i the recursion
    for alpha_i: the multipliers lambda_i = dF/dalpha_i >= 0 (the posteriors of nodes; with alpha_i - f_i they would
    have the other sign), the residuals by alpha, lambda and e, and the finite difference of every arc (of up to 200
    arcs). With -g nodes and arcs are those of the interpretation.

    \b
    Examples:
      lattice forward samples/lecture-34.json --arcs
      lattice forward samples/lecture-34.json --beta 0.5,1,2,10
      lattice forward samples/lecture-cut.yaml -g grammars/lecture-words.yaml \\
        --nodes
    """
    from lattice_cli.cli.reports.fields import JsonReport
    from lattice_cli.cli.reports.forward_report import ForwardTables
    from lattice_cli.cli.stream.run import require_one_stdin, require_side, run_records
    from lattice_cli.records import posteriors

    require_one_stdin(graphs, decoder.grammar)
    require_side(side, decoder.grammar)
    through = decoder.read()
    report: Report = JsonReport(_records) if run.as_json else ForwardTables(run.color)
    if lagrangian:
        report = _Checked(report)

    def solve(documents: list[Document]) -> list[Any]:
        return posteriors.forward(documents, betas, through, arcs=arcs, nodes=nodes, lagrangians=lagrangian, of=side)

    return run_records(graphs, reading, solve, report, run)


class _Checked:
    """A report of Lagrangians, each of which has to hold."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.fail, self.finish = report.fail, report.finish

    def prepare(self, document: Document, results: list[Forward]) -> Any:
        """What is shown, and the Lagrangians."""
        from lattice_cli.cli.stream.report import prepared

        return prepared(self._report, document, results), [result.lagrangian for result in results]

    def show(self, document: Document, results: Any) -> None:
        """Results are shown whether they hold or not."""
        shown, lagrangians = results
        self._report.show(document, shown)
        for lagrangian in lagrangians:
            if lagrangian is not None:
                lagrangian.require()


def _lagrangian_record(result: Forward) -> dict[str, Any]:
    from lattice_cli.cli.reports.fields import arc_records
    from lattice_cli.sweep import CONVENTION

    found, side = result.lagrangian, result.searched
    assert found is not None
    assert side is not None
    columns = (found.alpha, found.multiplier, found.by_multiplier, found.by_alpha)
    arcs = arc_records(side.graph, side.names, found.gradient.tolist())
    differences = dict(zip(found.chosen.tolist(), found.difference.tolist()))
    for arc, residual in zip(arcs, found.by_arc.tolist()):
        arc |= {"residual": residual, "finite_difference": differences.get(arc["arc"])}
    nodes = [
        {
            "node": name,
            "alpha": _finite(alpha),
            "multiplier": multiplier,
            "residual_lambda": first,
            "residual_alpha": second,
        }
        for name, alpha, multiplier, first, second in zip(side.names, *(column.tolist() for column in columns))
    ]
    return {"convention": CONVENTION, "largest": found.largest, "nodes": nodes, "arcs": arcs}


def _records(document: Document, results: list[Forward]) -> list[dict[str, Any]]:
    """A JSON object for each beta."""
    from lattice_cli.cli.reports.fields import arc_records

    lines = []
    for result in results:
        found, side = result.statistics, result.side
        line: dict[str, Any] = {
            "id": document.id,
            "status": "ok",
            "beta": found.beta,
            "free_energy": found.free_energy,
            "best_energy": found.best_energy,
            "expected_energy": found.expected_energy,
            "entropy": found.entropy,
            "variance": found.variance,
        }
        if result.gradient is not None:
            line["arcs"] = arc_records(side.graph, side.names, result.gradient.tolist())
        if result.nodes is not None:
            view = result.nodes
            line["nodes"] = [
                {"node": side.names[node], "alpha": _finite(alpha), "backward": _finite(backward), "posterior": share}
                for node, (alpha, backward, share) in enumerate(
                    zip(view.alpha.tolist(), view.backward.tolist(), view.posterior.tolist())
                )
            ]
        if result.lagrangian is not None:
            line["lagrangian"] = _lagrangian_record(result)
        lines.append(line)
    return lines


def _finite(value: float) -> float | None:
    """JSON has no infinity: null stands for the energy of no way at all."""
    return None if value == float("inf") else value

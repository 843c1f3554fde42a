"""The recognize command: a trained model and inputs to recognition graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lattice_cli.cli.options import color_option, input_options, jobs_option, keep_going_option, read_options

if TYPE_CHECKING:
    from lattice_cli.graph.document import Document


@click.command()
@click.argument("model", metavar="MODEL")
@click.argument("inputs", metavar="INPUTS...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="Write to a file: .json, .jsonl, .yaml, .npz, or any with .gz.")
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="A key of the model's configuration to read it with, such as alignment.kind=segments.",
)
@input_options
@jobs_option
@keep_going_option
@color_option
def recognize(
    model: str,
    inputs: tuple[str, ...],
    output: str | None,
    overrides: tuple[str, ...],
    keep_going: bool,
    jobs: int,
    color: str,
    **reading: Any,
) -> int:
    """The recognition graphs of INPUTS by a MODEL that lattice train wrote.

    INPUTS are matrices, one a record: an .npz (arrays inputs, lengths, and if there are any targets and ids), an .npy,
    or documents {"lattice": 1, "inputs": [[...], ...]}; for a model of lattice scales, lattices. On a terminal the
    graphs are tables; into a pipe or a file, graph documents with the records' ids and targets. What a model was
    trained with is not done here: give its grammar (-g MODEL) and, for CTC, its blank (--ctc) to the command that
    searches.

    \b
    Examples:
      lattice recognize check-reader.npz samples/check-reader/fields-valid.npz | lattice viterbi - -g check-reader.npz
    """
    from lattice_cli.cli.graph_reports import GraphReport
    from lattice_cli.cli.models import load_model
    from lattice_cli.cli.stream import require_one_stdin, run_records
    from lattice_cli.errors import NoPath
    from lattice_cli.formats.reading import split_inputs

    require_one_stdin(inputs, model)
    found, parameters = load_model(model, overrides)
    report = GraphReport(output, color, matrices=True)

    def solve(records: list[Any]) -> list[Document]:
        return [found.recognized(record, parameters) for record in records]

    status = run_records(inputs, read_options(**reading), solve, report, keep_going, split_inputs, jobs)
    if keep_going or status <= NoPath.exit_status:
        report.write()
    return status

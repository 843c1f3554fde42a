"""The train command: from a configuration and labelled data to a model file."""

from __future__ import annotations

from pathlib import Path

import click

from lattice_cli.cli import reports
from lattice_cli.cli.options import (
    StrictCommand,
    color_option,
    file_named,
    file_read,
)
from lattice_cli.cli.options.shared import cluster_option, jobs_option, place_of
from lattice_cli.errors import UsageError


@click.command(cls=StrictCommand)
@click.argument("config", metavar="CONFIG", type=file_read, required=False)
@click.option(
    "-o",
    "--output",
    metavar="MODEL",
    type=file_named,
    help="The model file to write, or the folder with --grid; default: the name of CONFIG with .npz, or -grid, here.",
)
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a key of the configuration, such as optimizer.rate=0.1; may be repeated.",
)
@click.option(
    "--grid",
    metavar="KEY=V1,V2",
    multiple=True,
    help="Train once with each of these values, with --grid again for each combination; -o is a folder then.",
)
@click.option("--resume", is_flag=True, help="Go on with a training that was stopped, to the same numbers.")
@click.option("--restart", is_flag=True, help="Begin a training again, though there is one that was stopped.")
@jobs_option("Processes that share each step, to the same numbers; 0: one for each processor.")
@cluster_option
@click.option("--keys", is_flag=True, help="List all keys of a configuration, their defaults and meanings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an epoch instead of tables.")
@color_option
def train(
    config: str | None,
    output: str | None,
    overrides: tuple[str, ...],
    grid: tuple[str, ...],
    resume: bool,
    restart: bool,
    jobs: int,
    cluster: str | None,
    keys: bool,
    as_json: bool,
    color: str,
) -> int:
    """Learn a recogniser, and a grammar with it, through the graph, as the YAML file CONFIG says.

    The model of the epoch with the least validation error (training.keep: loss or last for another one; without
    validation the last) is written to MODEL, an .npz with the configuration inside: lattice viterbi MODEL INPUTS
    decodes with it, lattice recognize makes recognition graphs, and -g MODEL is its grammar. Beside it MODEL.checkpoint
    is where the training stands: after Ctrl-C, or a crash, --resume goes on from there and comes to the same numbers;
    MODEL.history.jsonl has an object an epoch. Paths in CONFIG are relative to it.

    Examples:
      lattice train samples/check-reader.yaml
      lattice train samples/check-reader.yaml --set objective.loss=perceptron \\
        -o perceptron.npz
      lattice train --keys
    """
    if keys:
        if config is not None or output is not None or overrides or grid or resume or restart or as_json:
            raise UsageError("--keys lists all keys there are, whatever else is given: expected it alone")
        reports.show_keys(color)
        return 0
    if config is None:
        raise click.UsageError("Missing argument 'CONFIG'.")

    if resume and restart:
        raise UsageError("--resume and --restart are both given, expected one of them")
    stem = "model" if config == "-" else Path(config).name.removesuffix(".gz").rsplit(".", 1)[0]
    place = place_of(jobs, cluster)
    if grid:
        return reports.run_grid(
            config, output or f"{stem}-grid", overrides, grid, resume, restart, as_json, color, place
        )
    return reports.run_training(config, output or f"{stem}.npz", overrides, resume, restart, as_json, color, place)

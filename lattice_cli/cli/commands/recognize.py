"""The recognize command: a trained model and inputs to recognition graphs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import click

from lattice_cli import models
from lattice_cli.cli import reports, stream
from lattice_cli.cli.options import (
    Option,
    StrictCommand,
    file_read,
    graph_options,
    graph_output_option,
    input_options,
    trust_code_option,
)
from lattice_cli.errors import UsageError
from lattice_cli.executors import Place
from lattice_cli.formats import io
from lattice_cli.learning import recognizers


@click.command(cls=StrictCommand)
@click.argument("model", metavar="MODEL", type=file_read)
@click.argument("inputs", metavar="INPUTS...", type=file_read, nargs=-1, required=True)
@graph_output_option
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a key of the model's configuration, such as alignment.kind=segments; may be repeated.",
)
@trust_code_option
@click.option(
    "--check",
    is_flag=True,
    help="Check gradients against differences, an ODE's adjoint and residuals of fixed points; no graphs are made.",
)
@click.option(
    "--json",
    "as_json",
    cls=Option,
    needs=("--check",),
    is_flag=True,
    help="One JSON object a line instead of the table of --check; graphs are JSON into a pipe anyway.",
)
@input_options
@graph_options
def recognize(
    model: str,
    inputs: tuple[str, ...],
    output: str | None,
    overrides: tuple[str, ...],
    trust_code: bool,
    check: bool,
    as_json: bool,
    reading: io.ReadOptions,
    run: stream.RunOptions,
) -> int:
    """The recognition graphs of INPUTS by a MODEL that lattice train wrote, or by a network in an ONNX file.

    INPUTS are matrices, one a record: an .npz (arrays inputs, lengths, and if there are any targets and ids), an .npy,
    or documents {"lattice": 1, "inputs": [[...], ...]}; for a model of lattice scales, lattices. On a terminal the
    graphs are tables; into a pipe or a file, graph documents with the records' ids and targets. What a model was
    trained with is not done here: lattice viterbi MODEL INPUTS does it all. In a pipe, give its grammar (-g MODEL) and,
    for CTC, its blank (--ctc) to the command that searches; an alignment graph is composed with first.

    A model of kind torch has its network in a Python file, which is run if the configuration that it was trained from
    is there and names it, or with --trust-code. Of NET.onnx, run by onnxruntime, --labels names the outputs, and
    --logits, --logp or --prob say what they are; a record goes in as (rows, size), (1, rows, size) or, an image,
    (1, 1, size, rows), as the file wants it.

    With --check, of each record: the length of the gradient by all weights for random derivatives by the energies, and
    the largest error of a central difference, relative; of an ODE, the states that its way back keeps, and how far the
    gradient of the continuous adjoint is from the exact one; of fixed points, the largest residual |f|, the iterations
    (+ steps of the solver), and the largest spectral radius of the Jacobian. Exit status 4 if a gradient is wrong.

    Examples:
      lattice recognize check-reader.npz samples/check-reader/fields-valid.npz \\
        | lattice viterbi - -g check-reader.npz
      lattice recognize check-reader.npz samples/check-reader/fields-valid.npz \\
        --check --json
    """
    stream.require_one_stdin(inputs, model)
    if check and output is not None:
        raise UsageError("-o and --check are both given: a check writes no graphs")
    options = replace(reading, inputs=True)
    if model.endswith(".onnx"):
        if check or overrides or trust_code:
            raise UsageError(f"{model}: an ONNX file has no gradients, configuration or code: without these options")
        recognized = models.OnnxRecognizer(model, reading).recognized
        options = replace(options, labels=None, units="energies")
    else:
        found, parameters = models.load_model(model, overrides, trust_code)
        recognized = partial(found.recognized, parameters=parameters)
        if check:
            told = replace(run, place=Place(), form="json" if as_json else "table")
            return _checked(found, parameters, inputs, options, told)
    report = reports.GraphReport(output, run.color, matrices=True)

    return stream.write_records(inputs, options, stream.OneByOne(recognized), report, run)


def _checked(
    model: Any, parameters: Any, inputs: tuple[str, ...], reading: io.ReadOptions, run: stream.RunOptions
) -> int:
    """Checks instead of graphs; the exit status."""
    import numpy as np

    own = model.recognizer_parameters(parameters)

    def solve(record: Any) -> recognizers.RecognizerCheck:
        example = model.recognizer.example(record)
        return recognizers.check_recognizer(model.learner, own, [example], np.random.default_rng(0))

    return stream.run_records(inputs, reading, stream.OneByOne(solve), reports.CheckReport(run, model.learner), run)

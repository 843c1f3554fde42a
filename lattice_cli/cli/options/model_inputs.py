"""Graphs, or a trained model and behind it its inputs: what commands that decode are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import click

from lattice_cli import formats, models, records
from lattice_cli.cli.options.shared import DecoderOptions
from lattice_cli.errors import UsageError
from lattice_cli.formats import io

trust_code_option = click.option(
    "--trust-code",
    is_flag=True,
    help="Run the Python file that a model of kind torch names; without it, only if its configuration is there too.",
)


@dataclass(frozen=True, eq=False)
class Taken:
    """What a command works on. paths: of records or inputs, read as `reading` says. decoder: what the options and the
    model say; through: the same, read. made: inputs to graphs; None where records are graphs."""

    paths: tuple[str, ...]
    decoder: DecoderOptions
    through: records.Decoder
    reading: io.ReadOptions
    made: Callable[[Iterator[Any]], Iterator[Any]] | None = None


def taken(paths: Sequence[str], decoder: DecoderOptions, reading: io.ReadOptions, trusted: bool) -> Taken:
    """The records of a command. The first of several paths may be a model, whose alignment and blank hold then, and its
    grammar unless there is another one. Raises FormatError, UsageError."""
    model, *inputs = paths
    onnx = model.endswith(".onnx")
    stored = formats.read_model_if_one(model) if inputs and not onnx else None
    if not inputs or not (onnx or (stored is not None and "config" in stored.about)):
        if trusted:
            raise UsageError(f"--trust-code is about the code of a model before its inputs, but {model} is none")
        through, reading = decoder.read(reading)
        return Taken(tuple(paths), decoder, through, reading)
    recognition = models.recognition_of(model, stored, reading, trusted)
    told = replace(decoder, alignment=recognition.alignment)
    if not decoder.grammars:
        told = replace(told, ctc=decoder.ctc or recognition.blank)
        if recognition.has_grammar:
            told = replace(told, grammars=(model,), names=[None, *decoder.names])
    elif recognition.has_grammar and model not in decoder.grammars:
        io.note(model, "its own grammar is not used, as another one is given (-g MODEL is its own)")
    through, of_graphs = told.read(reading)
    made = partial(recognition.graphs, of_graphs)
    # What is said of scales is of the recognition graphs, and of matrices of the outputs of a network.
    own = replace(reading, inputs=True, scales={})
    return Taken(tuple(inputs), told, through, replace(own, labels=None, units="energies") if onnx else own, made)

"""Neural grammars from the command line: text read, a network learned, epochs told, a model written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from lattice_cli.cli.options import labels_in
from lattice_cli.cli.terminal import number, write_json
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import read_model
from lattice_cli.formats.io import read_text, require_place
from lattice_cli.graph import label_index
from lattice_cli.learning.grammars import NeuralGrammar, NeuralSettings, TextEpoch, TextSettings, learn
from lattice_cli.learning.networks import Parameters
from lattice_cli.models import NEURAL, neural_of, save_neural

_NETWORK = ("context", "embedding", "hidden", "activation")


def run_neural(
    path: str,
    output: str,
    spell: str,
    labels: str | None,
    network: Sequence[Any],
    scale: float | None,
    start: str | None,
    told: dict[str, Any],
    as_json: bool,
) -> None:
    """Learn the network from the text at `path` and write it. network: its settings, None where not given.

    Raises FormatError, UsageError, TrainingFailed.
    """
    if not output.endswith(".npz"):
        raise UsageError(f"-o {output}: a neural grammar is a model file, expected a name that ends with .npz")
    require_place(output)
    settings = TextSettings(**told)
    lines, source = _lines(path, spell)
    neural, weights = _network(labels, network, scale, start, lines, source)
    sequences = _indices(lines, neural, source)
    kept, epochs = weights, list[TextEpoch]()
    for epoch, found in learn(neural, sequences, settings, weights):
        epochs.append(epoch)
        kept = found
        _tell(epoch, as_json)
    if kept is None:
        raise UsageError("--epochs 0 learns nothing: expected --start MODEL, or epochs")
    best = next((each for each in reversed(epochs) if each.best), None)
    about = {"trained": {**told, "lines": len(lines), "epoch": None if best is None else asdict(best)}}
    save_neural(output, neural, kept, about)
    _finish(output, neural, best, as_json)


def _lines(path: str, spell: str) -> tuple[list[tuple[str, ...]], str]:
    """The labels of each line; empty lines are left out."""
    text, source = read_text(path)
    rows = [line.removesuffix("\r") for line in text.split("\n")]
    found = [tuple(row.split()) if spell == "tokens" else tuple(row) for row in rows]
    return [row for row in found if row], source


def _network(
    labels: str | None,
    network: Sequence[Any],
    scale: float | None,
    start: str | None,
    lines: Sequence[tuple[str, ...]],
    source: str,
) -> tuple[NeuralGrammar, Parameters | None]:
    """The network that is to be learned, and where it starts if that is not at random."""
    given = {name: value for name, value in zip(_NETWORK, network) if value is not None}
    if start is not None:
        if given or labels is not None:
            name = next(iter(given), "vocabulary")
            raise UsageError(f"--{name} and --start are both given, but {start} has its own")
        stored = read_model(start)
        if NEURAL not in stored.about:
            raise FormatError(f"{start}: a model without a neural grammar, expected one to go on from")
        found = neural_of(stored)
        neural = found.neural if scale is None else replace(found.neural, scale=scale)
        return neural, found.parameters
    if not lines:
        raise FormatError(f"{source}: no text to learn from, expected a sequence of labels a line")
    vocabulary = labels_in(labels) if labels is not None else sorted({each for line in lines for each in line})
    told = NeuralSettings(**{"context": 3, **given})
    return NeuralGrammar(("", *vocabulary), told, 1.0 if scale is None else scale), None


def _indices(lines: Sequence[tuple[str, ...]], neural: NeuralGrammar, source: str) -> list[list[int]]:
    index = label_index(neural.labels)
    for line in lines:
        unknown = next((label for label in line if label not in index), None)
        if unknown is not None:
            shown = "".join(line) if all(len(each) == 1 for each in line) else " ".join(line)
            raise FormatError(f"{source}: label {unknown!r} of {shown[:60]!r} is not in the vocabulary")
    return [[index[label] for label in line] for line in lines]


def _tell(epoch: TextEpoch, as_json: bool) -> None:
    if as_json:
        told = asdict(epoch)
        write_json({"status": "ok", "epoch": told.pop("number"), **told, "perplexity": epoch.perplexity})
    else:
        held = "" if epoch.held_out is None else f"  held out {number(epoch.held_out, 5)}"
        mark = " *" if epoch.best else ""
        print(
            f"epoch {epoch.number}  loss {number(epoch.loss, 5)}{held}  perplexity {number(epoch.perplexity, 4)}{mark}"
        )
    sys.stdout.flush()


def _finish(output: str, neural: NeuralGrammar, best: TextEpoch | None, as_json: bool) -> None:
    if as_json:
        write_json({"status": "ok", "model": output, "best_epoch": None if best is None else best.number})
        return
    labels, context = len(neural.labels) - 1, neural.settings.context
    what = "as it was" if best is None else f"of epoch {best.number}, perplexity {number(best.perplexity, 4)}"
    scaled = "" if neural.scale == 1.0 else f", scale {neural.scale:g}"
    print(f"{output} holds the network {what}: {labels} labels, contexts of {context}{scaled}")

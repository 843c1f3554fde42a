"""What show tells of a trained model: its parts, how its training went, and its configuration."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lattice_cli.cli.reports.fields import Sheet
from lattice_cli.cli.terminal import label_text, number
from lattice_cli.errors import counted
from lattice_cli.formats import config_lines
from lattice_cli.learning.training import TrainConfig

if TYPE_CHECKING:
    from lattice_cli.cli.reports.reporting import Printed

#: From the least of a curve to the most, and where there is nothing but ASCII.
_BLOCKS, _MARKS = "▁▂▃▄▅▆▇█", "_.:-=+*#"
_COLUMNS = 40
_LABELS_SHOWN = 20


def model_sheets(name: str, told: dict[str, Any]) -> Iterator[Printed]:
    """The facts of a model, then its configuration in YAML. told: see `models.described`."""
    yield Sheet([(name, "text"), ("", "text")], list(_facts(told)))
    if "config" in told:
        usual = json.loads(json.dumps(asdict(TrainConfig())))
        yield "configuration (what is not at its default):"
        config = {**told["config"], "labels": _joined(told["config"].get("labels", []))}
        yield from (f"  {line}" for line in ["train: 1", *config_lines(config, usual)])


def _joined(labels: Any) -> Any:
    """Labels of a character each as a configuration may have them: in a text."""
    if isinstance(labels, list) and labels and all(isinstance(label, str) and len(label) == 1 for label in labels):
        return "".join(labels)
    return labels


def _facts(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "ngrams" in told:
        yield "read as", "compiled language model"
        sizes = (f"{count:,} of {counted(size, 'word')}" for size, count in enumerate(told["ngrams"], 1))
        yield "n-grams", ", ".join(sizes)
        yield "words that can be said", f"{told['words']:,}"
        yield "histories", f"{told['histories']:,}"
        yield "sentences begin, end with", ", ".join(told[name] or "nothing" for name in ("begin", "end"))
        return
    recognizer, training = told.get("recognizer"), told["training"]
    yield "read as", "trained model" if recognizer else "neural grammar"
    if recognizer:
        size = f", from rows of {recognizer['size']} numbers" if recognizer["size"] else ", from lattices"
        yield "recogniser", f"{recognizer['kind']}, {counted(recognizer['parameters'], 'parameter')}{size}"
        if "scales" in told:
            yield "scales", ", ".join(f"{name} x {number(scale)}" for name, scale in told["scales"].items())
        else:
            yield "layers", ", ".join(map(_layer, recognizer["layers"]))
        if told["q"]:
            yield "q of its bound", f"a second one of the same form, {counted(told['q']['parameters'], 'parameter')}"
        alignment = told["alignment"]
        more = [alignment[name] for name in ("file", "blank") if name in alignment]
        parts = [alignment["kind"], *(f"{_named(alignment)} {label_text(each)}" for each in more)]
        if alignment.get("cuts", "none") != "none":
            parts.append(f"energies of cuts learned ({alignment['cuts']})")
        yield "alignment", ", ".join(parts)
        yield "labels", _labels(told["labels"])
    factors = told.get("factors")
    if factors:
        yield from ((f"factor {number}", _factor(each)) for number, each in enumerate(factors, 1))
    else:
        yield from _grammar(told["grammar"])
    yield from _training(training)


def _named(alignment: dict[str, Any]) -> str:
    return "blank" if "blank" in alignment else "by"


def _layer(layer: dict[str, Any]) -> str:
    shapes = layer["shapes"]
    shape = shapes.get("weight") or next(iter(shapes.values()))
    return f"{layer['name']} {' x '.join(map(str, shape))}"


def _labels(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _LABELS_SHOWN} more" if len(labels) > _LABELS_SHOWN else ""
    return f"{len(labels)}: {' '.join(map(label_text, labels[:_LABELS_SHOWN]))}{more}"


#: What of a grammar is learned, in words.
_LEARNED = {"arcs": "energies of arcs", "scores": "scales of scores", "network": "network"}


def _factor(factor: dict[str, Any]) -> str:
    if factor["ctc"]:
        return f"{factor['name']}, CTC with blank {label_text(factor['ctc'])}"
    parts = [factor["name"], f"{counted(factor['nodes'], 'node')}, {counted(factor['arcs'], 'arc')}"]
    parts += [f"from {factor['file']}"] if factor["file"] else []
    what = factor["learned"]
    return ", ".join([*parts, "not learned" if what is None else f"learned: {_LEARNED.get(what, what)}"])


def _grammar(grammar: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if grammar is None:
        yield "grammar", "none: every sequence of its labels, at no cost"
        return
    what = grammar["learned"]
    more = [f"from {grammar['file']}"] if grammar["file"] else []
    more.append("not learned" if what is None else f"learned: {_LEARNED.get(what, what)}")
    if "network" not in grammar:
        sizes = f"{counted(grammar['nodes'], 'node')}, {counted(grammar['arcs'], 'arc')}"
        yield "grammar", ", ".join([sizes, *more])
        return
    network = grammar["network"]
    yield "grammar", ", ".join([f"a network, {counted(network['parameters'], 'parameter')}", *more])
    hidden = " ".join(map(str, network["hidden"])) or "none"
    sizes = f"the last {counted(network['context'], 'label')}, {counted(network['embedding'], 'number')} each"
    yield "context", sizes
    yield "hidden layers", f"{hidden} ({network['activation']})"
    yield "vocabulary", _labels(network["labels"])
    if network["scale"] != 1:
        yield "scale of energies", number(network["scale"])


def _training(training: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("examples", "lines"):
        if training.get(name) is not None:
            yield name, str(training[name])
    if training.get("epochs") is not None:
        yield "epochs", str(training["epochs"])
    if training["best"] is not None:
        figures = {name.replace("_", " "): value for name, value in training["best"].items() if name != "seconds"}
        best = figures.pop("epoch")
        shown = [f"{name} {number(value, 5)}" for name, value in figures.items()]
        yield "weights of", ", ".join([f"epoch {best}", *shown])
    elif training.get("epochs") is not None:
        yield "weights of", "the first batches: no epoch is over"
    if training.get("ended") is not None:
        at = f", {training['written'].replace('T', ' ').replace('+00:00', ' UTC')}" if training.get("written") else ""
        yield "ended", f"{training['ended'] or 'not yet'}{at}"
    if "curve" in training:
        values = training["curve"]["values"]
        yield f"{training['curve']['of'].replace('_', ' ')} by epoch", curve(values)
        yield "first, last, least", ", ".join(number(value, 4) for value in (values[0], values[-1], min(values)))


def curve(values: Sequence[float]) -> str:
    """Numbers as a line of blocks, each the mean of a stretch of them where they are many."""
    marks = _BLOCKS if (sys.stdout.encoding or "").lower().startswith("utf") else _MARKS
    count = min(len(values), _COLUMNS)
    cuts = [len(values) * place // count for place in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in itertools.pairwise(cuts)]
    least, most = min(means), max(means)
    step = (most - least) / (len(marks) - 1) or 1.0
    return "".join(marks[round((mean - least) / step)] for mean in means)

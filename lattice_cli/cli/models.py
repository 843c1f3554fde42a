"""Configurations and model files as models: reads what they name, and says what is wrong in its own terms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lattice_cli.cli.neural_files import NEURAL, about_neural, under_grammar
from lattice_cli.cli.rules import read_rules
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.config import bind, overridden
from lattice_cli.formats.models import StoredModel, read_model, write_model
from lattice_cli.formats.options import ReadOptions
from lattice_cli.formats.parts import Failure, Pause
from lattice_cli.formats.reading import read_grammar, read_inputs
from lattice_cli.graph.document import Document, Inputs
from lattice_cli.learning.config import GrammarSettings, TrainConfig
from lattice_cli.learning.examples import Example
from lattice_cli.learning.grammars import GRAMMAR_WEIGHTS, NetworkGrammar, TiedGrammar
from lattice_cli.learning.latent import PROPOSAL
from lattice_cli.learning.model import Model, build_model
from lattice_cli.learning.networks.layers import Parameters
from lattice_cli.learning.problem import examples_of, require_examples
from lattice_cli.learning.targets import labels_of

Source = Inputs | Document


@dataclass(frozen=True, eq=False)
class Assembled:
    """A model that is to be trained, and its examples. alignment: its document, kept with the model."""

    model: Model
    alignment: Document | None
    scores: dict[str, float]
    train: list[Example]
    validation: list[Example]

    def fingerprint(self) -> str:
        """What examples, grammar and alignment are, in short: a training goes on with the same ones only."""
        digest = hashlib.sha256()
        for example in (*self.train, *self.validation):
            digest.update(repr((example.id, example.target)).encode())
            digest.update(np.ascontiguousarray(example.inputs).tobytes())
            for column in example.scores.values():
                digest.update(column.tobytes())
        grammar = self.model.reading.grammar
        for name in ("src", "dst", "ilabel", "olabel", "energy", "start", "final"):
            digest.update(getattr(grammar, name).tobytes())
        return digest.hexdigest()


def assemble(config: TrainConfig, path: str) -> Assembled:
    """What a configuration file at `path` names, read and put together. Raises FormatError, UsageError."""
    base = Path(path).parent if path != "-" else Path()
    if not config.data.train:
        raise UsageError(f"{path}: data.train names no file to learn from")
    records = _records(config.data.train, base)
    kept_back = _records(config.data.validation, base)
    grammar = read_rules(_located(config.grammar.file, base)) if config.grammar.file else None
    alignment = read_grammar(_located(config.alignment.file, base)) if config.alignment.file else None
    scores = _scores(records)
    graphs = [each.graph for each in (*records, *kept_back) if isinstance(each, Document)]
    labels = _labels(config, records, kept_back)
    model = build_model(config, labels, _size(records), grammar, alignment, scores, graphs)
    train, validation = examples_of(model, records), examples_of(model, kept_back)
    require_examples(train)
    if config.data.hold_out:
        if validation:
            raise UsageError(f"{path}: data.validation and data.hold_out are both given, expected one of them")
        order = np.random.default_rng([config.training.seed, 1]).permutation(len(train)).tolist()
        held = round(config.data.hold_out * len(train))
        if not held:
            raise UsageError(
                f"{path}: data.hold_out: {config.data.hold_out:g} of {len(train)} examples is none of them"
            )
        validation = [train[number] for number in sorted(order[:held])]
        train = [train[number] for number in sorted(order[held:])]
        require_examples(train)
    if config.training.patience and not validation:
        raise UsageError(f"{path}: training.patience needs data.validation or data.hold_out")
    return Assembled(model, alignment, scores, train, validation)


def _located(path: str, base: Path) -> str:
    """A path in a configuration is relative to the configuration."""
    return path if path == "-" else str(base / path)


def _records(paths: Sequence[str], base: Path) -> list[Source]:
    found: list[Source] = []
    for path in paths:
        for record in read_inputs(_located(path, base), ReadOptions()):
            if isinstance(record, Failure):
                raise record.error
            if not isinstance(record, Pause):
                found.append(record)
    return found


def _labels(config: TrainConfig, *records: Sequence[Source]) -> tuple[str, ...]:
    """The labels of the answers: as configured; what lattices output; or what targets are made of."""
    if config.labels:
        return config.labels
    every = [record for part in records for record in part]
    if config.recognizer.kind == "scores":
        return tuple(sorted({label for record in every if isinstance(record, Document) for label in _spoken(record)}))
    found = labels_of([record.target for record in every if record.target is not None])
    if not found:
        raise UsageError("no labels: the examples have no targets, and `labels` is not given")
    return found


def _spoken(document: Document) -> list[str]:
    graph = document.graph
    return [graph.labels[label] for label in set(graph.olabel.tolist()) if label]


def _size(records: Sequence[Source]) -> int:
    return next((record.values.shape[1] for record in records if isinstance(record, Inputs)), 0)


def _scores(records: Sequence[Source]) -> dict[str, float]:
    """The named scores of the first record, and what it weighs them with."""
    first = records[0] if records else None
    return {name: first.scales.get(name, 1.0) for name in first.scores} if isinstance(first, Document) else {}


def save_model(path: str, assembled: Assembled, parameters: Parameters, trained: dict[str, Any]) -> None:
    """Write a model file: the configuration, the weights, and the grammar as it was learned."""
    model = assembled.model
    about = {
        "config": asdict(model.config),
        "labels": model.labels,
        "size": model.size,
        "scores": assembled.scores,
        **trained,
    }
    parameters = {name: array for name, array in parameters.items() if not name.startswith(PROPOSAL)}  # q was a means
    grammar = None
    if isinstance(model.grammar, NetworkGrammar):
        about |= about_neural(model.grammar.neural)
        parameters = {**parameters, **under_grammar(model.grammar.weights(parameters))}
    elif isinstance(model.grammar, TiedGrammar) and (model.config.grammar.file or model.config.grammar.ngram):
        grammar = model.grammar.at(parameters)
    write_model(path, about, parameters, grammar, assembled.alignment)


def load_model(path: str, overrides: Sequence[str] = ()) -> tuple[Model, Parameters]:
    """The model of a file, ready to recognise, keys of its configuration replaced. Raises FormatError, UsageError."""
    stored = read_model(path)
    if "config" not in stored.about and NEURAL in stored.about:
        raise FormatError(f"{path}: a neural grammar (-g), expected a model that lattice train wrote")
    try:
        config = overridden(bind(TrainConfig, stored.about["config"], stored.source), overrides)
        labels, size, scores = (stored.about[name] for name in ("labels", "size", "scores"))
        # The grammar is there as it was learned; that it was an n-gram no longer matters.
        file = "grammar" if stored.grammar is not None else ""
        config = replace(config, grammar=GrammarSettings(file=file))
        model = build_model(config, labels, size, stored.grammar, stored.alignment, scores)
        layout = model.recognizer.initial(np.random.default_rng(0))
    except (KeyError, TypeError) as error:
        raise FormatError(f"{path}: its description is not that of a model: {error!r}") from None
    return model, {**_fitting(stored, layout), GRAMMAR_WEIGHTS: np.zeros(0)}


def _fitting(stored: StoredModel, layout: Parameters) -> Parameters:
    """The weights of the recogniser, each of the right shape."""
    for name, like in layout.items():
        shape = stored.parameters[name].shape if name in stored.parameters else "missing"
        if shape != like.shape:
            raise FormatError(f"{stored.source}: weights {name!r}: {shape}, expected shape {like.shape}")
    return {name: stored.parameters[name] for name in layout}


def started_from(path: str, model: Model, initial: Parameters) -> tuple[Parameters, list[str]]:
    """Initial weights, those taken from another model that have the same name and shape; and the names of these.

    Raises UsageError for a model of other labels, whose weights would mean something else, and if nothing fits.
    """
    stored = read_model(path)
    theirs, ours = stored.about.get("labels"), list(model.labels)
    if model.size and theirs != ours:
        raise UsageError(f"training.start: {path} has labels {theirs}, but here they are {ours}")
    same = [
        name
        for name, like in initial.items()
        if like.size and name in stored.parameters and stored.parameters[name].shape == like.shape
    ]
    if not same:
        have = ", ".join(f"{name} {array.shape}" for name, array in stored.parameters.items() if array.size)
        want = ", ".join(f"{name} {array.shape}" for name, array in initial.items() if array.size)
        raise UsageError(f"training.start: {path} has no weights that fit: it has {have}; wanted are {want}")
    return {name: stored.parameters[name] if name in same else like for name, like in initial.items()}, same


def difference(ours: TrainConfig, stored: dict[str, Any]) -> list[str]:
    """Keys in which a configuration differs from that of a checkpoint, beyond how long to go on."""
    mine, theirs = (_flattened(json.loads(json.dumps(each))) for each in (asdict(ours), stored))
    free = ("training.epochs", "training.patience", "training.save_every")
    return [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key) and key not in free]


def _flattened(mapping: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        found |= _flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found

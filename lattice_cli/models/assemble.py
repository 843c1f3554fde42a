"""Configurations as models with their examples."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lattice_cli.errors import UsageError
from lattice_cli.formats import read_inputs, read_one
from lattice_cli.formats.io import Failure, Pause, ReadOptions
from lattice_cli.grammars import NgramGrammar
from lattice_cli.grammars.recursion import RecursiveGrammar
from lattice_cli.graph import Document, Graph, Inputs, TargetGraph, parts_of, steps_of
from lattice_cli.learning.grammars import TrainedGrammar
from lattice_cli.learning.modules import UserCode
from lattice_cli.learning.recognizers import Example
from lattice_cli.learning.training import Model, TrainConfig, build_model, examples_of, require_examples
from lattice_cli.models.grammar_argument import read_grammar_argument
from lattice_cli.models.module_code import read_code
from lattice_cli.records import labels_of

Source = Inputs | Document


@dataclass(frozen=True, eq=False)
class Assembled:
    """A model that is to be trained, and its examples. alignment: its document, kept with the model. code: of its
    module."""

    model: Model
    alignment: Document | None
    scores: dict[str, float]
    train: list[Example]
    validation: list[Example]
    code: UserCode | None = None

    def fingerprint(self) -> dict[str, str]:
        """What examples and each factor are, in short: a training goes on with the same ones only."""
        digest = hashlib.sha256()
        for example in (*self.train, *self.validation):
            every = (example.targets, *example.by_step)
            right = [_digest(each.acceptor) if isinstance(each, TargetGraph) else each for each in every]
            digest.update(repr((example.id, *right)).encode())
            digest.update(np.ascontiguousarray(example.inputs).tobytes())
            if example.around is not None:
                digest.update(example.around.tobytes())
            for column in example.scores.values():
                digest.update(column.tobytes())
        found = {"the examples": digest.hexdigest()}
        if self.code is not None:
            found[self.code.path] = self.code.digest
        for factor in self.model.cascade.factors:
            found[factor.name or "the grammar"] = _digest(factor.learned.graph)
        return found


def _digest(graph: Graph) -> str:
    digest = hashlib.sha256(repr(graph.labels).encode())
    for name in ("src", "dst", "ilabel", "olabel", "energy", "start", "final"):
        digest.update(getattr(graph, name).tobytes())
    return digest.hexdigest()


def assemble(config: TrainConfig, path: str) -> Assembled:
    """What a configuration file at `path` names, read and put together. Raises FormatError, UsageError."""
    base = Path(path).parent if path != "-" else Path()
    if not config.data.train:
        raise UsageError(f"{path}: data.train names no file to learn from")
    records = _records(config.data.train, base)
    kept_back = _records(config.data.validation, base)
    grammar = _grammar(config.grammar.file, base)
    factors = [_grammar(factor.file, base) for factor in config.factors]
    alignment = read_one(_located(config.alignment.file, base)) if config.alignment.file else None
    scores = _scores(records)
    graphs = [each.graph for each in (*records, *kept_back) if isinstance(each, Document)]
    labels = _labels(config, factors, records, kept_back)
    code = read_code(config, base)
    model = build_model(config, labels, _size(records), grammar, alignment, scores, graphs, factors, code)
    if not any(array.size for array in model.initial(np.random.default_rng(0)).values()):
        raise UsageError(
            f"{path}: there is nothing to learn: the arcs carry no named scores for recognizer.kind: scores, and the "
            "grammar learns nothing (grammar.learn, grammar.ngram, grammar.neural, and those of factors)"
        )
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
    if config.training.keep in ("error", "loss") and not validation:
        raise UsageError(f"{path}: training.keep: {config.training.keep} needs data.validation or data.hold_out")
    return Assembled(model, alignment, scores, train, validation, code)


def _grammar(path: str, base: Path) -> Document | TrainedGrammar | None:
    """The grammar of a file, None where none is named. Raises FormatError, UsageError."""
    found = read_grammar_argument(_located(path, base)) if path else None
    if isinstance(found, RecursiveGrammar):
        raise UsageError(f"{found.nested}; training takes rules written out to a depth (lattice grammar jsgf --depth)")
    return found.whole if isinstance(found, NgramGrammar) else found


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


def _labels(
    config: TrainConfig, factors: Sequence[Document | TrainedGrammar | None], *records: Sequence[Source]
) -> tuple[str, ...]:
    """The labels of the recogniser: as configured; what the first factor reads that is a file; what lattices output; or
    what targets are made of."""
    if config.labels:
        return config.labels
    first = next((held for held in factors if held is not None), None)
    if first is not None and not config.recognizer.entry.lattices:
        if isinstance(first, TrainedGrammar):
            return first.labels[1:]
        return tuple(first.graph.labels[label] for label in sorted({*first.graph.ilabel.tolist()} - {0}))
    every = [record for part in records for record in part]
    if config.recognizer.entry.lattices:
        return tuple(sorted({label for record in every if isinstance(record, Document) for label in _spoken(record)}))
    targets = [record.target for record in every if record.target is not None]
    found = labels_of([each for target in targets for step in steps_of(target) for each in parts_of(step)])
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

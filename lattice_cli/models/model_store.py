"""Configurations and model files as models: reads what they name, and says what is wrong in its own terms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from lattice_cli.composition import compose
from lattice_cli.errors import FormatError, UsageError, error_of
from lattice_cli.formats import StoredModel, bind, overridden, read_model, read_model_if_one, write_model
from lattice_cli.formats.io import Failure, ReadOptions, as_list, as_text, is_matrix, record_place
from lattice_cli.graph import Document, Inputs
from lattice_cli.learning.grammars import NetworkGrammar, TiedGrammar, TrainedGrammar
from lattice_cli.learning.networks import BUFFER, MODULE, Parameters
from lattice_cli.learning.training import (
    GrammarSettings,
    Model,
    TrainConfig,
    build_model,
)
from lattice_cli.learning.variational import PROPOSAL, NetworkProposal
from lattice_cli.models.assemble import Assembled
from lattice_cli.models.module_code import code_of_model
from lattice_cli.models.module_weights import WEIGHTS, read_weights
from lattice_cli.models.neural_store import NEURAL, about_neural, neural_of, under_grammar
from lattice_cli.models.onnx_recognizer import OnnxRecognizer


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
    if model.config.objective.q == "arcs":  # numbers of the training examples, which no other record has
        parameters = {name: array for name, array in parameters.items() if not name.startswith(PROPOSAL)}
    grammar, factors = None, {}
    config, last = model.config, model.cascade.factors[-1].learned
    if config.factors:
        # CTC is what records say themselves when they are recognised.
        own = [factor for factor, told in zip(model.cascade.factors, config.factors) if not told.ctc]
        factors = {factor.name: factor.at(parameters) for factor in own}
        grammar = _composed([*factors.values()])
    elif isinstance(last, NetworkGrammar):
        about |= about_neural(last.neural)
        parameters = {**parameters, **under_grammar(last.weights(parameters))}
    elif isinstance(last, TiedGrammar) and (config.grammar.file or config.grammar.ngram):
        grammar = last.at(parameters)
    write_model(path, about, parameters, grammar, assembled.alignment, factors)


def _composed(factors: Sequence[Document]) -> Document | None:
    """Factors as one grammar; one is as it is."""
    if len(factors) < 2:
        return factors[0] if factors else None
    whole = factors[0].graph
    for factor in factors[1:]:
        whole = compose(whole, factor.graph).graph
    return Document(whole, "factors", "factors", range(whole.nodes))


def load_model(path: str, overrides: Sequence[str] = (), trusted: bool = False) -> tuple[Model, Parameters]:
    """The model of a file, ready to recognise, keys of its configuration replaced. trusted: code that it names may be
    run, see module_code. Raises FormatError, UsageError."""
    stored = read_model(path)
    if "config" not in stored.about and NEURAL in stored.about:
        raise FormatError(f"{path}: a neural grammar (-g), expected a model that lattice train wrote")
    return ready_model(stored, stored.grammar, overrides, trusted)


def load_model_with_proposal(path: str, trusted: bool = False) -> tuple[Model, Parameters] | None:
    """The model of a file whose weights have those of its q among them, and whose grammar may be a network; None for a
    file that holds no trained model. Raises FormatError, UsageError for a model without q."""
    stored = read_model_if_one(path)
    if stored is None or "config" not in stored.about:
        return None
    if not any(name.startswith(PROPOSAL) for name in stored.parameters):
        raise UsageError(
            f"{path}: a model without a q, expected one trained with objective: variational and objective.q: network "
            "(q: arcs has numbers for its training examples only)"
        )
    model, parameters = ready_model(
        stored, neural_of(stored) if NEURAL in stored.about else stored.grammar, (), trusted
    )
    return model, {
        **parameters,
        **_fitting(stored, NetworkProposal(model.recognizer).initial(np.random.default_rng(0))),
    }


def ready_model(
    stored: StoredModel,
    grammar: Document | TrainedGrammar | None,
    overrides: Sequence[str] = (),
    trusted: bool = False,
) -> tuple[Model, Parameters]:
    """A stored model with this grammar, keys of its configuration replaced. trusted: see load_model. Raises
    FormatError, UsageError."""
    path = stored.source
    try:
        config = overridden(settings_of(stored), overrides)
        size, scores = stored.about["size"], stored.about["scores"]
        listed = as_list(stored.about["labels"], path, "labels")
        labels = [as_text(label, path, "an entry of labels") for label in listed]
        # The grammar is there as it was learned; what it was, and what it is composed of, no longer matters.
        file = "grammar" if grammar is not None else ""
        if config.factors and config.blank:
            config = replace(config, alignment=replace(config.alignment, kind="ctc", blank=config.blank))
        config = replace(config, grammar=GrammarSettings(file=file), factors=())
        code = code_of_model(stored.about, config, path, trusted)
        model = build_model(config, labels, size, grammar, stored.alignment, scores, code=code)
        layout = model.recognizer.initial(np.random.default_rng(0))
    except (KeyError, TypeError) as error:
        raise FormatError(f"{path}: its description is not that of a model: {error!r}") from None
    if model.recognizer.module is not None:
        try:
            model.recognizer.module.restore(stored.parameters)
        except ValueError as error:
            raise FormatError(f"{path}: {error}") from None
    return model, {**_fitting(stored, layout), **model.cascade.initial(np.random.default_rng(0))}


def settings_of(stored: StoredModel) -> TrainConfig:
    """The configuration that a model was trained with. Raises FormatError, KeyError."""
    return bind(TrainConfig, stored.about["config"], stored.source)


def _fitting(stored: StoredModel, layout: Parameters) -> Parameters:
    """The weights of the recogniser, each of the right shape."""
    for name, like in layout.items():
        shape = stored.parameters[name].shape if name in stored.parameters else "missing"
        if shape != like.shape:
            raise FormatError(f"{stored.source}: weights {name!r}: {shape}, expected shape {like.shape}")
    return {name: stored.parameters[name] for name in layout}


@dataclass(frozen=True, eq=False)
class Recognition:
    """A model at work. recognized: the recognition graph of a record. blank: of CTC, None without. alignment: the graph
    between its labels and those of answers, None without. has_grammar: whether its file is a grammar too."""

    recognized: Callable[[Inputs | Document], Document]
    blank: str | None = None
    alignment: Document | None = None
    has_grammar: bool = False

    def graphs(self, reading: ReadOptions, records: Iterator[Any]) -> Iterator[Any]:
        """Records with recognition graphs in place of inputs; what else is between them stays. An input that does not
        fit is a Failure. reading: its scales are those of the graphs."""
        for record in records:
            if not isinstance(record, (Document, Inputs)):
                yield record
                continue
            try:
                found = self.recognized(record)
                found = replace(found, rows=is_matrix(found)).scaled(reading.scales)
            except Exception as error:
                yield Failure(record.id, error_of(error, record_place(record.id, record.source)))
                continue
            found.read_as("", reading.split)
            yield found


def recognition_of(path: str, stored: StoredModel | None, reading: ReadOptions, trusted: bool = False) -> Recognition:
    """The model of a file, ready to read inputs. stored: what is in it; None: it is an ONNX file.

    reading: what it says of matrices is of the outputs of an ONNX file. trusted: see load_model. Raises FormatError,
    UsageError.
    """
    if stored is None:
        return Recognition(OnnxRecognizer(path, reading).recognized)
    model, parameters = ready_model(stored, stored.grammar, (), trusted)
    recognized = partial(model.recognized, parameters=parameters)
    return Recognition(recognized, model.config.blank, stored.alignment, settings_of(stored).reads_grammar)


def started_from(path: str, model: Model, initial: Parameters) -> tuple[Parameters, list[str]]:
    """Initial weights, those taken from another model, or from the state dict of a module, that have the same name and
    shape; and the names of these. What a module keeps beside its weights it takes from there at once.

    Raises UsageError for a model of other labels, whose weights would mean something else, and if nothing fits.
    """
    module = model.recognizer.module
    if path.endswith(WEIGHTS):
        held = read_weights(path)
        there = {f"{prefix}{name}": array for prefix in (MODULE, BUFFER) for name, array in held.items()}
    else:
        stored = read_model(path)
        theirs, ours = stored.about.get("labels"), list(model.labels)
        if model.size and theirs != ours:
            raise UsageError(f"training.start: {path} has labels {theirs}, but here they are {ours}")
        there = stored.parameters
    kept = {} if module is None else module.buffers()
    if module is not None and all(name in there and there[name].shape == each.shape for name, each in kept.items()):
        module.restore(there)
    same = [name for name, like in initial.items() if like.size and name in there and there[name].shape == like.shape]
    if not same:
        have = ", ".join(f"{name} {array.shape}" for name, array in there.items() if array.size)
        want = ", ".join(f"{name} {array.shape}" for name, array in initial.items() if array.size)
        raise UsageError(f"training.start: {path} has no weights that fit: it has {have}; wanted are {want}")
    return {name: there[name] if name in same else like for name, like in initial.items()}, same


def difference(ours: TrainConfig, stored: dict[str, Any]) -> list[str]:
    """Keys in which a configuration differs from that of a checkpoint, beyond how long to go on."""
    mine, theirs = (_flattened(json.loads(json.dumps(each))) for each in (asdict(ours), stored))
    theirs = {"training.piece": 0, **theirs}  # checkpoints of before there were pieces go on with their default
    free = ("training.epochs", "training.patience", "training.save_every")
    return [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key) and key not in free]


def _flattened(mapping: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        found |= _flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found

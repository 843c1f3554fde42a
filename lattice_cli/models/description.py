"""What is in a model file, as JSON values: recogniser, alignment, labels, grammar, how its training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats import StoredModel, bind
from lattice_cli.grammars import NgramModel
from lattice_cli.learning.grammars import GRAMMAR
from lattice_cli.learning.training import TrainConfig, factor_names
from lattice_cli.learning.variational import PROPOSAL
from lattice_cli.models.neural_store import NEURAL, neural_of

_NUMBER = (int, float)
#: What is known of an epoch, beside its number.
_FIGURES = ("loss", "validation_loss", "nll", "label_error", "exact", "seconds")


def described(stored: StoredModel) -> dict[str, Any]:
    """What a model file tells. Raises FormatError for a description that is not of a model.

    recognizer, alignment, labels, config: not of a neural grammar by itself. q: the network of a variational bound,
    None where there is none. grammar: None where every sequence of labels is an answer. training: `epochs` are None
    where the file is of a form that did not tell them yet.
    """
    if "config" not in stored.about and NEURAL in stored.about:
        return {"grammar": _grammar(stored, {}), "training": _text_training(stored)}
    config = _get(stored, "config", dict)
    sections = {name: _get(stored, name, dict, config) for name in ("recognizer", "alignment", "grammar")}
    recognizer, alignment = sections["recognizer"], sections["alignment"]
    own = {name: array for name, array in stored.parameters.items() if not name.startswith((GRAMMAR, PROPOSAL))}
    of_q = [int(array.size) for name, array in stored.parameters.items() if name.startswith(PROPOSAL)]
    told: dict[str, Any] = {
        "recognizer": {
            "kind": _get(stored, "kind", str, recognizer),
            "size": _get(stored, "size", int),
            "parameters": sum(int(array.size) for array in own.values()),
            "layers": _layers(own),
        },
        "q": {"parameters": sum(of_q)} if of_q else None,
        "alignment": {"kind": _get(stored, "kind", str, alignment)},
        "labels": _labels(stored, stored.about.get("labels")),
        "grammar": _grammar(stored, sections["grammar"]),
        "factors": _factors(stored, config),
        "training": _training(stored),
        "config": config,
    }
    if told["alignment"]["kind"] == "ctc":
        told["alignment"]["blank"] = _get(stored, "blank", str, alignment)
    if told["alignment"]["kind"] == "graph":
        told["alignment"]["file"] = _get(stored, "file", str, alignment)
    if told["alignment"]["kind"] == "segments" and "cuts" in alignment:  # older models do not say
        told["alignment"]["cuts"] = _get(stored, "kind", str, _get(stored, "cuts", dict, alignment))
    scales = stored.parameters.get("scales")
    if scales is not None:
        names = recognizer.get("scores") or _get(stored, "scores", dict)
        told["scales"] = dict(zip(map(str, names), scales.reshape(-1).tolist()))
    return told


def described_ngrams(model: NgramModel) -> dict[str, Any]:
    """What a compiled language model tells."""
    lengths = np.searchsorted(model.levels, np.asarray(model.key) // len(model.labels), side="right")
    counts = np.bincount(lengths, minlength=model.order + 1)[1:]
    begin, end = (None if tag is None else model.labels[tag] for tag in (model.begin, model.end))
    told = {"ngrams": counts.tolist(), "words": len(model.words), "histories": model.histories}
    return {**told, "begin": begin, "end": end}


def _get(stored: StoredModel, name: str, kind: type | tuple[type, ...], of: Mapping[str, Any] | None = None) -> Any:
    value = (stored.about if of is None else of).get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FormatError(f"{stored.source}: its description is not that of a model: {name!r} is {str(value)[:40]!r}")
    return value


def _labels(stored: StoredModel, labels: Any) -> list[str]:
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise FormatError(f"{stored.source}: its description is not that of a model: 'labels' are no list of labels")
    return labels


def _layers(parameters: Mapping[str, np.ndarray[Any, Any]]) -> list[dict[str, Any]]:
    """Weights that stand together: what they are called, their shapes, how many numbers they are."""
    found: dict[str, dict[str, Any]] = {}
    for name, array in parameters.items():
        if array.size:
            layer = found.setdefault(name.rpartition(".")[0] or name, {"parameters": 0, "shapes": {}})
            layer["shapes"][name.rpartition(".")[2]] = list(array.shape)
            layer["parameters"] += int(array.size)
    return [{"name": name, **layer} for name, layer in found.items()]


def _grammar(stored: StoredModel, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """A graph, or a network; what of it is learned, and the file that it is from."""
    learned = settings.get("learn", "none")
    if settings.get("ngram"):
        learned = f"{settings['ngram']}-grams"
    told: dict[str, Any] = {"file": settings.get("file") or None, "learned": None if learned == "none" else learned}
    if NEURAL in stored.about:
        network = neural_of(stored)
        weights = network.parameters
        told["learned"] = told["learned"] if told["file"] else "network"
        told["network"] = {
            **asdict(network.neural.settings),
            "scale": network.neural.scale,
            "parameters": sum(int(array.size) for array in weights.values()),
            "labels": list(network.neural.labels[1:]),
        }
        return told
    if stored.grammar is None:
        return None
    graph = stored.grammar.graph
    return {"nodes": graph.nodes, "arcs": graph.arcs, **told}


def _factors(stored: StoredModel, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each factor of a model that was trained with a list of them: its name, size, file, and what of it is learned."""
    told = bind(TrainConfig, dict(config), stored.source).factors
    found = []
    for factor, name in zip(told, factor_names(told)):
        learned = {"ngram": f"{factor.ngram}-grams", "neural": "network"}.get(factor.kind, factor.learn)
        entry: dict[str, Any] = {"name": name, "file": factor.file or None, "ctc": factor.ctc or None}
        entry["learned"] = None if learned == "none" else learned
        if name in stored.factors:
            graph = stored.factors[name].graph
            entry |= {"nodes": graph.nodes, "arcs": graph.arcs}
        found.append(entry)
    return found


def _training(stored: StoredModel) -> dict[str, Any]:
    """How it went, and the epoch that the weights are of."""
    about = stored.about
    best = _epoch(stored, about["epoch"]) if about.get("epoch") is not None else None
    history = about.get("history")
    epochs = None if history is None else [_epoch(stored, each) for each in _get(stored, "history", list)]
    told = {"examples": about.get("examples"), "best": best, "epochs": None if epochs is None else len(epochs)}
    for name in ("ended", "written"):
        told[name] = str(about[name]) if name in about else None
    by_loss = _get(stored, "config", dict).get("training", {}).get("keep") == "loss"
    curves = ("validation_loss", "loss") if by_loss else ("label_error", "loss")
    curve = next((name for name in curves if epochs and all(name in each for each in epochs)), None)
    if curve is not None and epochs:
        told["curve"] = {"of": curve, "values": [each[curve] for each in epochs]}
    return told


def _epoch(stored: StoredModel, told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise FormatError(f"{stored.source}: its description is not that of a model: an epoch is {str(told)[:40]!r}")
    figures = {name: _get(stored, name, _NUMBER, told) for name in _FIGURES if told.get(name) is not None}
    return {"epoch": _get(stored, "number", int, told), **figures}


def _text_training(stored: StoredModel) -> dict[str, Any]:
    """Of a neural grammar: the epoch it is of, how well it then predicted, and what it was learned from."""
    trained = stored.about.get("trained")
    trained = trained if isinstance(trained, dict) else {}
    told: dict[str, Any] = {"lines": trained.get("lines"), "best": None}
    if isinstance(epoch := trained.get("epoch"), dict):
        names: Sequence[str] = [name for name in ("loss", "held_out") if epoch.get(name) is not None]
        figures = {name: _get(stored, name, _NUMBER, epoch) for name in names}
        told["best"] = {"epoch": _get(stored, "number", int, epoch), **figures}
        with np.errstate(over="ignore"):
            perplexity = float(np.exp(figures[names[-1]])) if names else np.inf
        told["best"]["perplexity"] = perplexity if np.isfinite(perplexity) else None
    return told

"""Neural grammars in model files: what a file tells of one, and one made of what it tells."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from lattice_cli.errors import FormatError
from lattice_cli.formats import StoredModel, bind, write_model
from lattice_cli.learning.grammars import GRAMMAR, NeuralGrammar, NeuralSettings, TrainedGrammar
from lattice_cli.learning.networks import Parameters

#: Under which name a model's description tells of its neural grammar.
NEURAL = "neural"


def neural_of(stored: StoredModel) -> TrainedGrammar:
    """The neural grammar of a model file. Raises FormatError for weights that are not its own."""
    told: Any = stored.about.get(NEURAL)
    try:
        labels, scale = told["labels"], float(told["scale"])
        settings = bind(NeuralSettings, told["settings"], stored.source)
        sound = all(isinstance(label, str) and label for label in labels) and len(set(labels)) == len(labels)
        if not sound or not 0 < scale < np.inf or settings.context < 1:
            raise ValueError("labels, scale or settings")
        neural = NeuralGrammar(("", *labels), settings, scale)
        layout = neural.initial(np.random.default_rng(0))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{stored.source}: its description is not that of a neural grammar: {error!r}") from None
    weights = {}
    for name, like in layout.items():
        found = stored.parameters.get(f"{GRAMMAR}{name}")
        if found is None or found.shape != like.shape:
            shape = "missing" if found is None else found.shape
            raise FormatError(f"{stored.source}: weights {GRAMMAR}{name}: {shape}, expected shape {like.shape}")
        weights[name] = found
    return TrainedGrammar(neural, weights, stored.source, stored.source)


def about_neural(neural: NeuralGrammar) -> dict[str, Any]:
    """What a model's description has to tell of its neural grammar."""
    told = {"labels": neural.labels[1:], "settings": asdict(neural.settings), "scale": neural.scale}
    return {NEURAL: told}


def under_grammar(weights: Parameters) -> Parameters:
    """The network's weights by the names that they have in a model file."""
    return {f"{GRAMMAR}{name}": array for name, array in weights.items()}


def save_neural(path: str, neural: NeuralGrammar, weights: Parameters, trained: dict[str, Any]) -> None:
    """Write a neural grammar as a model file of its own. Raises FormatError if it cannot be written."""
    write_model(path, {**about_neural(neural), **trained}, under_grammar(weights), None, None)

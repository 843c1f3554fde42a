"""Examples, grammars and models to learn with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lattice_cli.composition import compose
from lattice_cli.formats import bind
from lattice_cli.grammars import ctc_topology
from lattice_cli.graph import Document, Graph, Inputs, label_loop, with_columns
from lattice_cli.learning.grammars import ngram
from lattice_cli.learning.losses import AnswerGraphs, Settings
from lattice_cli.learning.recognizers import Example, free
from lattice_cli.learning.training import Model, TrainConfig, build_model
from lattice_cli.records import labels_of
from lattice_cli.search import n_best
from support.strategies import LABELS, connected_graphs, small
from support.training_data import strips, vectors

SETTINGS = Settings(margin=0.7, cap=1.3, gamma=0.8, beta=1.5)


NAMES = LABELS[1:]


GRAMMARS = ("loop", "bigram", "ctc", "ctc bigram", "skips")


def grammar_named(name: str, rng: np.random.Generator) -> Graph:
    """Energies everywhere, starts and finals included; `skips` has epsilons on its input side."""
    if name == "loop":
        graph = label_loop(NAMES)
    elif name == "bigram":
        graph = ngram(NAMES, 2).graph
    elif name == "ctc":
        graph = ctc_topology(LABELS, 3)
    elif name == "ctc bigram":
        graph = compose(ctc_topology(LABELS, 3), ngram(NAMES[:2], 2).graph).graph
    else:
        src, dst, ilabel, olabel = [0, 0, 0, 1, 2], [1, 2, 0, 0, 0], [0, 1, 2, 3, 0], [1, 1, 2, 3, 0]
        graph = Graph(src, dst, ilabel, olabel, np.zeros(5), [0, 9, 9], [0, 1, 9], LABELS)
    tied = free(graph)
    return with_columns(graph, tied.energies(rng.normal(size=tied.weights)))


@st.composite
def examples(draw: st.DrawFn, reading: AnswerGraphs) -> list[Example]:
    """Chains of steps and graphs, each with a target that it can spell."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            graph, rows = None, draw(st.integers(1, 3))
            nodes = rows + 1
        else:
            shape = connected_graphs(energies=small, max_nodes=4, max_arcs=4, epsilon=False, acceptor=True)
            graph, rows = draw(shape), 0
            nodes = graph.nodes
        blank = Example(f"r{number}", "test", (), graph, rows, np.zeros((rows, 1)), range(nodes))
        whole = compose(blank.recognition(reading.labels), reading.grammar).graph
        paths = n_best(whole, 20)
        if not paths:
            continue
        path = draw(st.sampled_from(paths))
        target = tuple(whole.words(whole.olabel[list(path.arcs)].tolist()))
        found.append(Example(f"r{number}", "test", (target,), graph, rows, blank.inputs, range(nodes)))
    return found


LABEL = [1, 2, 1, 2]


LATTICE = Graph([0, 0, 1, 1], [1, 1, 2, 2], LABEL, LABEL, np.zeros(4), [0, 9, 9], [9, 9, 0], ("", "a", "b"))


SCORES = {"x": np.array([0.3, -1.0, 2.0, 0.1]), "y": np.array([1.0, 0.5, -0.2, 0.7])}


def records(kind: str) -> list[Inputs | Document]:
    if kind == "lattices":
        document = Document(LATTICE, "l", "test", range(3), scores=SCORES)
        return [replace(document, target=target) for target in ("ab", "bb", "aa")]
    inputs, targets = vectors(7, 3) if kind == "vectors" else strips(7, 3)
    return [Inputs(f"r{number}", "test", *pair) for number, pair in enumerate(zip(inputs, targets))]


def model_of(kind: str, settings: dict[str, Any]) -> tuple[Model, list[Inputs | Document]]:
    found = records(kind)
    config = bind(TrainConfig, settings, "test")
    size = 0 if isinstance(found[0], Document) else found[0].values.shape[1]
    labels = labels_of([each.target for each in found if each.target])
    graphs = [each.graph for each in found if isinstance(each, Document)]
    return build_model(config, labels, size, scores=dict.fromkeys(SCORES, 1.0), graphs=graphs), found

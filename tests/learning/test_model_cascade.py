"""Several factors behind a recogniser: gradients reach each of them, and the loss is that of all their paths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from support import oracle
from support.grammar_oracle import paths_of

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.formats import bind
from lattice_cli.graph import Document, Graph, Inputs
from lattice_cli.learning.grammars import NeuralGrammar, NeuralSettings, TrainedGrammar
from lattice_cli.learning.losses import LOSSES, LossResult, Settings, evaluate
from lattice_cli.learning.training import Model, Problem, TrainConfig, build_model, examples_of
from lattice_cli.records import Decoder

LETTERS = ("a", "b", "c")


def document(arcs: list[tuple[int, int, str, str, float]], finals: list[int], nodes: int, name: str = "g") -> Document:
    """Of arcs from, to, input, output, energy; from node 0. Arcs with the same letters share a score of that name."""
    table = ("", *sorted({label for arc in arcs for label in arc[2:4]} - {""}))
    src, dst, ilabel, olabel, energy = zip(*arcs)
    columns = [[table.index(label) for label in column] for column in (ilabel, olabel)]
    start, final = np.full((2, nodes), np.inf)
    start[0], final[finals] = 0.0, 0.25
    graph = Graph(src, dst, *columns, np.array(energy), start, final, table)
    scores: dict[str, FloatArray] = {}
    for arc, letters in enumerate(zip(ilabel, olabel)):
        scores.setdefault("".join(letters), np.zeros(len(arcs)))[arc] = energy[arc] or 1.0
    return Document(graph, name, name, range(nodes), scores=scores)


#: Words out of letters, with an epsilon on either side: `ab` is X or Y, `c` is Y, `b` is Z.
LEXICON = document(
    [
        (0, 1, "a", "", 0.1),
        (1, 0, "b", "X", 0.4),
        (1, 0, "b", "Y", 0.9),
        (0, 0, "c", "Y", 0.2),
        (0, 0, "b", "Z", 0.6),
        (1, 0, "", "Z", 1.5),
    ],
    [0],
    2,
    "lexicon",
)
#: Words become others, in place.
SWAP = document([(0, 0, one, other, 0.3) for one in "XYZ" for other in "XY"], [0], 1, "swap")
#: Letters become others.
TYPING = document([(0, 0, one, other, 0.5 * (one != other)) for one in "abc" for other in "abc"], [0], 1, "typing")
ONLY = document([(0, 1, "a", "q", 0.0)], [1], 2, "only")
FILES = {"only": ONLY, "lexicon": LEXICON, "swap": SWAP, "typing": TYPING}
WORDS = NeuralGrammar(("", "X", "Y", "Z"), NeuralSettings(context=1, embedding=2, hidden=(3,)))
TRAINED = TrainedGrammar(WORDS, WORDS.initial(np.random.default_rng(3)), "words", "words")
NETWORK = {"context": 1, "embedding": 2, "hidden": [3]}


def model_of(factors: list[dict[str, Any]], **more: Any) -> tuple[Model, list[Inputs]]:
    rng = np.random.default_rng(0)
    told = {"recognizer": {"kind": "linear"}, "factors": factors, "objective": {"l2": 0.1, "beta": 0.8}, **more}
    config = bind(TrainConfig, told, "test")
    held = [TRAINED if factor.file == "words" else FILES.get(factor.file) for factor in config.factors]
    targets = [("X", "Y"), ("Y", "X", "Y"), ("Y", "Y")]
    return build_model(config, LETTERS, 2, factors=held), [
        Inputs(f"r{number}", "test", rng.normal(size=(4, 2)), target) for number, target in enumerate(targets)
    ]


CASCADES = {
    "ctc, lexicon, n-grams": [{"ctc": "_"}, {"file": "lexicon", "learn": "arcs"}, {"ngram": 2}],
    "a learned transducer before a fixed one": [{"file": "lexicon", "learn": "arcs"}, "swap"],
    "a learned transducer in the middle": ["lexicon", {"file": "swap", "learn": "arcs"}, {"neural": NETWORK}],
    "a learned transducer at the end": [{"ctc": "_"}, "lexicon", {"file": "swap", "learn": "arcs"}],
    "tied energies": [
        {"file": "typing", "learn": "scores"},
        {"file": "lexicon", "learn": "scores"},
        {"file": "swap", "learn": "scores"},
    ],
    "a network first": [{"neural": NETWORK}, {"file": "lexicon", "learn": "arcs"}],
    "networks everywhere": [{"ctc": "_"}, {"neural": NETWORK}, "lexicon", {"neural": NETWORK}, "swap"],
    "n-grams first and last": [{"ngram": 2}, "lexicon", {"ngram": 2}],
    "a network of a file, learned": ["lexicon", {"file": "words", "learn": "network"}, "swap"],
    "a network of a file, fixed": [{"file": "lexicon", "learn": "arcs"}, "words"],
    "one": [{"file": "lexicon", "learn": "arcs"}],
}


@pytest.mark.parametrize("case", CASCADES)
@pytest.mark.parametrize("loss", ["nll", "mwer"])
def test_the_gradient_reaches_every_factor(case: str, loss: str) -> None:
    """Directional derivatives by the weights of each factor alone, and of the recogniser."""
    model, found = model_of(CASCADES[case], objective={"loss": loss, "l2": 0.1, "beta": 0.8})
    problem = Problem(model, examples_of(model, found), 3)
    rng = np.random.default_rng(5)
    parameters = model.initial(rng)
    theta = problem.flat(parameters) + 0.3 * rng.normal(size=len(problem.flat(parameters)))
    value = problem.value(theta, problem.pieces)
    learned = {name for name, array in parameters.items() if array.size}
    prefixes = {name.rsplit(".", 1)[0] if name.startswith("grammar.") else "" for name in learned}
    assert len(prefixes) > 1
    for name in sorted(learned):
        along = problem.flat({key: rng.normal(size=like.shape) * (key == name) for key, like in parameters.items()})
        plus, minus = (problem.value(theta + sign * 1e-5 * along, problem.pieces) for sign in (1, -1))
        measured = (plus.objective - minus.objective) / 2e-5
        assert abs(measured) > 1e-9, name
        assert value.gradient @ along == pytest.approx(measured, rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize("case", CASCADES)
def test_the_loss_is_that_of_the_cascade(case: str) -> None:
    """Against the decoder's own composition, with the factors as they are stored."""
    model, found = model_of(CASCADES[case])
    problem = Problem(model, examples_of(model, found), 3)
    parameters = model.initial(np.random.default_rng(7))
    (piece,) = problem.pieces
    blank = model.config.blank
    factors = [each.at(parameters) for each in model.cascade.factors[blank is not None :]]
    decoder = Decoder(factors, blank, names=[each.name for each in model.cascade.factors[blank is not None :]])
    records = [model.recognized(record, parameters) for record in found]
    losses = evaluate(records, [LOSSES["nll"]], Settings(beta=0.8), None, decoder)
    values = []
    for each in losses:
        assert isinstance(each, list)
        assert isinstance(each[0], LossResult)
        values.append(each[0].value.value)
    assert problem.value(problem.flat(parameters), [piece]).mean == pytest.approx(np.mean(values), rel=1e-9)


def test_the_loss_is_that_of_all_paths() -> None:
    """Recognition, then three transducers, listed in plain Python."""
    model, found = model_of([{"file": "typing", "learn": "arcs"}, "lexicon", {"file": "swap", "learn": "arcs"}])
    found = [Inputs("r", "test", np.random.default_rng(2).normal(size=(3, 2)), ("X", "Y"))]
    rng = np.random.default_rng(1)
    parameters = {name: each + 0.4 * rng.normal(size=each.shape) for name, each in model.initial(rng).items()}
    energies: dict[tuple[str, ...], list[float]] = {}
    ways = [(path.output, path.energy) for path in oracle.all_paths(model.recognized(found[0], parameters).graph)]
    for factor in model.cascade.factors:
        # No factor says more labels than it reads; epsilons of the lexicon follow letters.
        through = paths_of(factor.at(parameters).graph, longest=6)
        ways = [
            (said, energy + own)
            for output, energy in ways
            for (read, said, own), count in through.items()
            for _ in range(count)
            if read == output
        ]
    for output, energy in ways:
        energies.setdefault(output, []).append(energy)
    right = oracle.soft_minimum(energies[("X", "Y")], 0.8)
    every = oracle.soft_minimum([each for group in energies.values() for each in group], 0.8)
    problem = Problem(model, examples_of(model, found), 1)
    value = problem.value(problem.flat(parameters), problem.pieces)
    assert math.isclose(value.mean, right - every, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("factors", "more", "message"),
    [
        (["lexicon"], {"grammar": {"ngram": 2}}, "factors and grammar are both given"),
        (["lexicon"], {"alignment": {"kind": "ctc"}}, "factors and alignment.kind: ctc are both given"),
        (["lexicon", {"ctc": "_"}], {}, "ctc is CTC, which reads the recogniser's steps"),
        ([{"name": "x"}], {}, "x is to be one of a file, ctc, ngram and neural"),
        ([{"file": "lexicon", "ngram": 2}], {}, "lexicon is to be one of"),
        ([{"ngram": 2, "learn": "arcs"}], {}, "learn is about a file"),
        ([{"file": "lexicon", "name": "x"}, {"ngram": 2, "name": "x"}], {}, "two are called 'x'"),
        ([{"file": "lexicon", "name": "x.y"}], {}, "'x.y' is no name"),
        (["only", "lexicon"], {}, "only and lexicon have no path in common"),
        ([{"ctc": "a"}, "lexicon"], {}, "'a' is a label of the answers too"),
        ([{"file": "lexicon", "learn": "network"}], {}, "lexicon is not a neural grammar"),
    ],
)
def test_factors_that_make_no_sense_are_refused(factors: list[Any], more: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        model_of(factors, **more)


def test_names_are_made_unique() -> None:
    model, _ = model_of(["typing", "typing", {"file": "lexicon", "name": "typing3"}, {"ngram": 1}, {"ngram": 1}])
    assert [factor.name for factor in model.cascade.factors] == ["typing", "typing2", "typing3", "ngram", "ngram2"]

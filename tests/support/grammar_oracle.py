"""The slow truth about grammars: languages by listing, back-off by its definition."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

from hypothesis import strategies as st

from lattice_cli.composition import compose
from lattice_cli.graph import Graph, linear_graph
from support import oracle

Gram = tuple[str, ...]


def paths_of(graph: Graph, longest: float = math.inf) -> Counter[tuple[Gram, Gram, float]]:
    """(input, output, energy rounded) of every path, as often as it is there."""
    return Counter((path.input, path.output, round(path.energy, 9)) for path in oracle.all_paths(graph, longest))


def energies_of(sequence: Gram, grammar: Graph) -> list[float]:
    """The energies of the paths that a grammar has for a sequence of labels."""
    labels = ("", *dict.fromkeys(sequence))
    line = linear_graph(labels, [labels.index(label) for label in sequence])
    return [path.energy for path in oracle.all_paths(compose(line, grammar).graph)]


def outputs_of(sequence: Gram, grammar: Graph) -> list[Gram]:
    """The outputs of the paths that a grammar has for a sequence of labels."""
    labels = ("", *dict.fromkeys(sequence))
    line = linear_graph(labels, [labels.index(label) for label in sequence])
    return [path.output for path in oracle.all_paths(compose(line, grammar).graph)]


def read_model(text: str) -> tuple[dict[Gram, tuple[float, float]], int]:
    """n-gram -> (log10 p, log10 back-off) of a text in the ARPA form, and the order."""
    grams: dict[Gram, tuple[float, float]] = {}
    order = 0
    lines = [line.split() for line in text.split("\n")]
    for fields in lines[lines.index(["\\data\\"]) :]:
        if fields and fields[0].endswith("-grams:"):
            order = int(fields[0][1:].removesuffix("-grams:"))
        elif fields == ["\\end\\"]:
            break
        elif order and fields:
            weight = float(fields[order + 1]) if len(fields) == order + 2 else 0.0
            grams[tuple(fields[1 : order + 1])] = (float(fields[0]), weight)
    return grams, order


def log10_p(word: str, context: Gram, grams: dict[Gram, tuple[float, float]]) -> float:
    """log10 p(word | context), by the definition."""
    if (*context, word) in grams:
        found = grams[(*context, word)][0]
        return found if found > -99 else -math.inf
    if not context:
        return -math.inf
    return grams.get(context, (0.0, 0.0))[1] + log10_p(word, context[1:], grams)


def sentence_energy(sentence: Gram, grams: dict[Gram, tuple[float, float]], order: int) -> float:
    """-ln p of a sentence."""
    return sum(word_energies(sentence, grams, order))


def word_energies(sentence: Gram, grams: dict[Gram, tuple[float, float]], order: int) -> list[float]:
    """-ln p of each word of a sentence, and of its end."""
    found, history = [], ("<s>",)
    for word in (*sentence, "</s>"):
        found.append(-log10_p(word, history[len(history) - order + 1 :] if order > 1 else (), grams) * math.log(10))
        history = (*history, word)
    return found


def epsilon_energies(sentence: Gram, grams: dict[Gram, tuple[float, float]], order: int) -> list[float]:
    """The energies of all ways through a model in which any word may back off."""

    def ways(context: Gram, rest: Gram) -> list[float]:
        found = []
        if (*context, rest[0]) in grams and grams[(*context, rest[0])][0] > -99:
            spent = -grams[(*context, rest[0])][0]
            after = (*context, rest[0])[-(order - 1) :] if order > 1 else ()
            while after and after not in grams:
                after = after[1:]
            found += [spent + more for more in (ways(after, rest[1:]) if len(rest) > 1 else [0.0])]
        if context:
            shorter = context[1:]
            while shorter and shorter not in grams:
                shorter = shorter[1:]
            found += [more - grams[context][1] for more in ways(shorter, rest)]
        return found

    return [energy * math.log(10) for energy in ways(("<s>",) if order > 1 else (), (*sentence, "</s>"))]


def merged(alignment: tuple[str, ...]) -> tuple[str, ...]:
    """What an alignment says: repeats merged, blanks left out."""
    return tuple(label for label, _ in itertools.groupby(alignment) if label != "_")


@st.composite
def ngram_texts(draw: st.DrawFn, most_words: int = 3) -> str:
    """A model of one to three words an n-gram, with probabilities of 0 and weights above 1 in it."""
    vocabulary = [f"w{number}" for number in range(draw(st.integers(1, most_words)))]
    order = draw(st.integers(1, 3))
    rng = random.Random(draw(st.integers(0, 10**6)))
    grams: list[list[Gram]] = [[(word,) for word in ("<s>", "</s>", *vocabulary)]]
    for _ in range(1, order):
        longer = [(*gram, word) for gram in grams[-1] if gram[-1] != "</s>" for word in ("</s>", *vocabulary)]
        share = rng.choice([0.1, 0.4, 0.8])
        grams.append([gram for gram in longer if rng.random() < share])
    text = "a comment\n\\data\\\n" + "".join(f"ngram {size}={len(some)}\n" for size, some in enumerate(grams, 1))
    for size, some in enumerate(grams, 1):
        text += f"\n\\{size}-grams:\n"
        for gram in some:
            log_p = -99 if gram == ("<s>",) or rng.random() < 0.05 else round(-3 * rng.random(), 4)
            weight = rng.choice(["", "\t0.0", f"\t{round(rng.uniform(-1, 0.5), 4)}"]) if size < order else ""
            text += f"{log_p}\t{' '.join(gram)}{weight}\n"
    return text + "\n\\end\\\n"

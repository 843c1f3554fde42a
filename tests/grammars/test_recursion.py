"""Rules that call rules: against derivations listed one by one, sums, gradients, depths, and what is refused."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from support import oracle
from support.rules_oracle import Alternative, Grammar, Item, derivations, fewest, goes_round, grammars, text_of
from support.strategies import connected_graphs, graphs, moderate_energies

from lattice_cli.arrays import picked
from lattice_cli.composition import compose
from lattice_cli.errors import FormatError, LatticeError, UsageError
from lattice_cli.formats.notations import jsgf_rules, read_jsgf
from lattice_cli.grammars.recursion import RecursiveGrammar, to_depth
from lattice_cli.graph import Document, Graph, emission_graph, linear_graph, numbered_document
from lattice_cli.records import Decoder, Interpretation, forward, no_path
from lattice_cli.records.posteriors import Forward

HEADER = "#JSGF V1.0;\ngrammar g;\n"
LABELS = ("", "a", "b")


def rules(text: str) -> RecursiveGrammar:
    found = jsgf_rules(HEADER + text, "g.gram")
    assert isinstance(found, RecursiveGrammar)
    return found


def line(words: str) -> Document:
    said = words.split()
    table = ("", *dict.fromkeys(said))
    return numbered_document(linear_graph(table, [table.index(word) for word in said]), "line", "line")


def energies(grammar: RecursiveGrammar, words: str) -> list[float]:
    found = Decoder(grammar).interpret(line(words))
    return sorted(path.energy for path in oracle.all_paths(found.graph))


def language(text: str, longest: float = math.inf, **more: object) -> dict[str, float]:
    paths = oracle.all_paths(read_jsgf(HEADER + text, "g.gram", **more), longest)  # type: ignore[arg-type]
    found = {" ".join(path.input): path.energy for path in paths}
    assert len(found) == len(paths)
    return found


# Right ends: automata


@pytest.mark.parametrize(
    ("recursive", "repeated"),
    [
        # The two of the note, 4.8 and 4.9.
        (
            "public <command> = <action> | (<action> and <command>); <action> = stop | start;",
            "public <command> = <action> (and <action>)*; <action> = stop | start;",
        ),
        ("public <x> = something | <y>; <y> = another thing <x>;", "public <x> = (another thing)* something;"),
        ("public <s> = a [<s>];", "public <s> = a+;"),
        ("public <s> = x <t> y; <t> = {tag} a {tag} [b] c* <t> {tag} | d+ ;", "public <s> = x (a [b] c*)* d+ y;"),
        ("public <s> = <NULL> | a <t>; <t> = b <u>; <u> = <s> | c <t>;", "public <s> = (a b (c b)*)*;"),
        ("public <s> = a <s> <NULL> | b;", "public <s> = a* b;"),
        ("public <s> = <l> and <l>; <l> = one | one <l>;", "public <s> = one+ and one+;"),
        ("public <x> = something | <y>; <y> = another | <x>;", "public <x> = something | another;"),
        ("public <s> = a <s> | b <VOID> | c;", "public <s> = a* c;"),
        ("public <s> = a <s> | b; public <t> = c <s>;", "public <s> = [c] a* b;"),
    ],
)
def test_right_recursion_is_repetition(recursive: str, repeated: str) -> None:
    found, expected = (read_jsgf(HEADER + text, "g.gram") for text in (recursive, repeated))
    assert len(found.labels) >= 2
    assert found.nodes == expected.nodes
    assert language(recursive, 6) == language(repeated, 6)


def test_weights_of_right_recursion() -> None:
    found = language("public <s> = /3/ <a> | /1/ <a> and <s>; <a> = /1/ x | /1/ y;", longest=7)
    assert len(found) == 2 + 4 + 8 + 16
    for sentence, energy in found.items():
        words = len(sentence.split()) // 2 + 1
        assert energy == pytest.approx(-math.log(0.75) - (words - 1) * math.log(0.25) + words * math.log(2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("public <s> = x <t>;\n<t> = a <t>;", "g.gram:4: rule <t> refers to itself without a way out, expected"),
        ("public <s> = a | <t>;\n<t> = a <u>;\n<u> = b <t> c;", "g.gram:4: rule <t> refers to itself without a way"),
        ("public <s> = /1/ a | /1/ <s>;", "g.gram:3: rule <s> can stand for itself and nothing else"),
        ("public <s> = a <s> b | <s> | c;", "g.gram:3: rule <s> can stand for itself and nothing else"),
        ("public <s> = a | <s> <t>;\n<t> = [b];", "g.gram:3: rule <s> can stand for itself and nothing else"),
        ("public <s> = a <s> b | [c];\n<t> = x;\npublic <u> = <s>*;", "g.gram:3: a part that may be empty is under"),
        ("public <s> = \\<s\\> a <s> b | c;", "g.gram:3: the word '<s>' is spelled like the rule"),
    ],
)
def test_recursion_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message.replace("*", r"\*")):
        jsgf_rules(HEADER + text, "g.gram")


# Anywhere: a network


def test_nested_rules() -> None:
    nested = rules("public <s> = a <s> b | c;")
    for depth in (0, 1, 5, 200):
        assert energies(nested, "a " * depth + "c" + " b" * depth) == [0.0]
    assert energies(nested, "a a c b") == []
    assert language("public <s> = a <s> b | c;", depth=2) == dict.fromkeys(("c", "a c b", "a a c b b"), 0.0)
    assert set(language("public <s> = <s> a | b;", depth=2)) == {"b", "b a", "b a a"}
    assert set(language("public <s> = ( <s> ) <s> | x;".replace("( <s> )", "open <s> close"), 7, depth=1)) == {
        "x", "open x close x", "open x close open x close x",
    }  # fmt: skip


@pytest.mark.parametrize("size", range(1, 9))
def test_bracketings_are_counted_by_catalan_numbers(size: int) -> None:
    """The inside probability of a row of words: as many trees, each with p^(size - 1) q^size."""
    pairs = rules("public <s> = /1/ <s> <s> | /3/ a;")
    (found,) = forward([line("a " * size)], [1.0], Decoder(pairs))
    assert isinstance(found, list)
    trees = math.comb(2 * size - 2, size - 1) // size
    assert isinstance(found[0], Forward)
    expected = -math.log(trees * 0.25 ** (size - 1) * 0.75**size)
    assert found[0].statistics.free_energy == pytest.approx(expected, rel=1e-12)


def test_what_begins_alike_does_not_multiply() -> None:
    """Brackets of two kinds, told apart at their ends only: places that come to no end are not reached."""
    kinds = rules("public <s> = /1/ x | /1/ a <s> b | /1/ a <s> c;")
    found = Decoder(kinds).interpret(line("a " * 300 + "x" + " b c c" * 100))
    assert found.graph.arcs < 2000
    sausage = "public <s> = /1/ a <s> a | /1/ b <s> b | /1/ a | /1/ b;"
    labels = ("", "a", "b")
    with pytest.raises(UsageError, match=r"the paths reach more than 500,000 places in the rules.*lattice prune"):
        Decoder(rules(sausage)).interpret(numbered_document(emission_graph(np.zeros((61, 2)), labels), "m", "m"))


@given(grammars(), connected_graphs(labels=LABELS, energies=moderate_energies, max_nodes=5, max_arcs=6), st.booleans())
@settings(max_examples=400)
def test_paths_beside_a_graph_are_its_paths_with_their_derivations(
    grammar: Grammar, graph: Graph, weighted: bool
) -> None:
    text = text_of(grammar, weighted)
    endless = goes_round(grammar)
    try:
        found = jsgf_rules(text, "random.gram")
    except FormatError:
        event("refused")
        if not endless and math.inf not in fewest(grammar).values():
            raise
        return
    assume(not endless)
    event("nested" if isinstance(found, RecursiveGrammar) else "an automaton")
    document = numbered_document(graph, "r", "r")
    decoder = Decoder(numbered_document(found, "g", "g") if isinstance(found, Graph) else found)
    interpretation = decoder.interpret(document)
    paths = [(path.output, path.energy) for path in oracle.all_paths(interpretation.graph)]
    expected = [
        (path.output, path.energy + energy)
        for path in oracle.all_paths(graph)
        for energy in derivations(grammar, path.output, weighted)
    ]
    own = found if isinstance(found, Graph) else found.rules.flow.graph
    if not own.energy.any():  # rules are deterministic then, and derivations with equal steps are one
        assert {words for words, _ in paths} == {words for words, _ in expected}
        assert len(paths) <= len(expected)
        return
    assert Counter(words for words, _ in paths) == Counter(words for words, _ in expected)
    np.testing.assert_allclose([energy for _, energy in sorted(paths)], [energy for _, energy in sorted(expected)])
    if paths and isinstance(found, RecursiveGrammar):
        _consistent(interpretation)


def _consistent(interpretation: Interpretation) -> None:
    """Every arc comes from an arc of the rules and one of the record, with their ends, labels and energies."""
    whole, side = interpretation.composition, interpretation.side("grammar")
    assert whole is not None
    assert side.arc_of is not None
    assert side.node_of is not None
    graph, own = interpretation.graph, np.flatnonzero(side.arc_of >= 0)
    arc = side.arc_of[own]
    np.testing.assert_array_equal(side.graph.src[arc], side.node_of[graph.src[own]])
    np.testing.assert_array_equal(side.graph.dst[arc], side.node_of[graph.dst[own]])
    left = whole.left_arc[own]
    energy = side.graph.energy[arc] + picked(whole.left.energy, left, 0.0)
    np.testing.assert_allclose(energy, graph.energy[own])
    still = np.flatnonzero(side.arc_of < 0)
    np.testing.assert_array_equal(side.node_of[graph.src[still]], side.node_of[graph.dst[still]])


@given(grammars(), st.integers(0, 1), graphs(labels=LABELS, max_nodes=3, max_arcs=5))
@settings(max_examples=40)
def test_a_depth_that_is_enough_is_all(grammar: Grammar, least: int, graph: Graph) -> None:
    """Nothing longer than the graph is nested deeper than it is long; what is less deep is a part of it."""
    assume(not goes_round(grammar) and math.inf not in fewest(grammar).values())
    text = text_of(grammar, False)
    found = jsgf_rules(text, "random.gram")
    assume(isinstance(found, RecursiveGrammar))
    assert isinstance(found, RecursiveGrammar)
    longest = max((len(path.output) for path in oracle.all_paths(graph)), default=0)
    said: list[set[tuple[str, ...]]] = []
    for depth in (least, longest + 1):
        written = compose(graph, to_depth(found.rules, depth)).graph
        said.append({path.output for path in oracle.all_paths(written)})
    beside = Decoder(found).interpret(numbered_document(graph, "r", "r")).graph
    assert said[0] <= said[1] == {path.output for path in oracle.all_paths(beside)}


SUMS = """public <amount> = /4/ <number> | /1/ open <amount> <more> close;
<more> = /3/ <sign> <amount> | /1/ <sign> <amount> <more>;
<sign> = /5/ plus | /3/ times; <number> = one | two;"""


def slots(*each: str) -> Document:
    rng = np.random.default_rng(3)
    labels = ("", "open", "close", "plus", "times", "one", "two")
    arcs = [(at, label) for at, words in enumerate(each) for label in words.split()]
    number = [labels.index(label) for _, label in arcs]
    start = np.full(len(each) + 1, np.inf)
    final = start.copy()
    start[0] = final[-1] = 0.0
    src = np.array([at for at, _ in arcs])
    graph = Graph(src, src + 1, number, number, rng.normal(size=len(arcs)), start, final, labels)
    return numbered_document(graph, "slots", "slots")


SLOTS = slots("open", "one open", "plus one", "open times", "one two", "plus times", "two close", "close plus", "close")


@pytest.mark.parametrize("of", ["grammar", "recognition"])
@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_gradients_are_finite_differences(of: str, beta: float) -> None:
    """An arc of a rule is the same wherever the rule is called."""
    grammar = rules(SUMS)

    def total(changed: np.ndarray) -> float:  # type: ignore[type-arg]
        network = replace(grammar.rules)
        document = SLOTS
        if of == "grammar":
            flow = grammar.rules.flow
            network.__dict__["flow"] = replace(flow, graph=flow.graph.with_energy(changed))
        else:
            document = replace(SLOTS, graph=SLOTS.graph.with_energy(changed))
        (found,) = forward([document], [beta], Decoder(replace(grammar, rules=network)), arcs=True, of=of)
        assert isinstance(found, list)
        assert isinstance(found[0], Forward)
        return float(found[0].statistics.free_energy)

    (found,) = forward([SLOTS], [beta], Decoder(grammar), arcs=True, nodes=True, of=of)
    assert isinstance(found, list)
    assert isinstance(found[0], Forward)
    gradient = found[0].gradient
    assert gradient is not None
    energy = grammar.rules.flow.graph.energy if of == "grammar" else SLOTS.graph.energy
    assert len(oracle.all_paths(Decoder(grammar).interpret(SLOTS).graph)) > 3
    step = 1e-5
    for arc in range(len(energy)):
        more, less = energy.copy(), energy.copy()
        more[arc] += step
        less[arc] -= step
        assert gradient[arc] == pytest.approx((total(more) - total(less)) / (2 * step), abs=1e-7)
    assert gradient.max() > 1.5 if of == "grammar" else gradient.max() <= 1 + 1e-12


def test_a_matrix_read_as_ctc() -> None:
    """Beside the alignments of a matrix a recursive grammar says what it says written out deep enough."""
    labels = ("", "_", "open", "close", "plus", "times", "one", "two")
    rows = np.random.default_rng(5).normal(size=(9, 7))
    document = numbered_document(emission_graph(rows, labels), "m", "m")
    written = numbered_document(read_jsgf(HEADER + SUMS, "g.gram", depth=3), "g", "g")
    results = []
    for grammar in (rules(SUMS), written):
        (found,) = forward([document], [1.0], Decoder(grammar, "_"), arcs=True)
        assert isinstance(found, list)
        assert isinstance(found[0], Forward)
        results.append(found[0])
    assert results[0].statistics.free_energy == pytest.approx(results[1].statistics.free_energy, rel=1e-12)
    np.testing.assert_allclose(results[0].gradient, results[1].gradient, atol=1e-12)
    (found,) = forward([document], [1.0], Decoder(rules(SUMS), "_"), arcs=True, of="grammar")
    assert isinstance(found, list)
    assert isinstance(found[0], Forward)
    side = Decoder(rules(SUMS), "_").interpret(document).side("grammar")
    said = dict.fromkeys(side.graph.labels, 0.0)
    for label, count in zip(side.graph.ilabel.tolist(), found[0].gradient if found[0].gradient is not None else []):
        said[side.graph.labels[label]] += count
    assert said["open"] == pytest.approx(said["close"])
    assert said["one"] + said["two"] == pytest.approx(1 + said["plus"] + said["times"])


# What cannot be


def why(text: str, words: str, ctc: str | None = None) -> str:
    return str(no_path(Decoder(rules(text), ctc).interpret(line(words))))


def test_why_there_is_no_path() -> None:
    assert why(SUMS, "open one plus close") == (
        "no path: the graph and the grammar part after 'open' 'one' 'plus': the graph offers 'close' at node 3 and "
        "cannot end there; the grammar wants 'one', 'two', 'open' at nodes more:0, more:2, amount:4, amount:4 and "
        "cannot end there"
    )
    assert "the graph offers nothing at node 2 and can end there; the grammar wants 'plus'" in why(SUMS, "open one")
    assert "part at the start: the graph offers 'three'" in why(SUMS, "three")
    assert "part after 'one' '_': the graph offers 'two'" in why(SUMS, "one _ two", "_")
    assert why("public <s> = <s> <s> | a;", "a b") == "no path: the rules fit no path of the graph"


def test_a_graph_with_cycles() -> None:
    loop = Graph([0], [0], [1], [1], [1.0], [0.0], [0.0], ("", "one"))
    with pytest.raises(UsageError, match=r"g.gram: the rules are recursive, and go with graphs without cycles"):
        Decoder(rules(SUMS)).interpret(numbered_document(loop, "loop", "loop"))


def test_a_depth_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"g.gram:3: rule <amount> is called within itself, so it is no finite graph"):
        read_jsgf(HEADER + SUMS, "g.gram")
    with pytest.raises(LatticeError, match=r"g.gram: written out to depth 40 there are more than 500,000 states"):
        read_jsgf(HEADER + "public <s> = /1/ a <s> b <s> c | /1/ x;", "g.gram", depth=40)


def test_words_of_calls_are_no_words() -> None:
    grammar = rules("public <s> = a <s> b | c;")
    assert grammar.labels == ("", "a", "b", "c")
    assert energies(grammar, "a <s> b") == []
    assert Item("S").text == "<S>"
    assert derivations({"S": (Alternative((Item("a"),), 1),)}, ["a"], False) == [0.0]
    assert [*itertools.islice(grammar.rules.names, 1)] == ["s"]

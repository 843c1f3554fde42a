"""Dictionaries, JSGF and FSG: what their grammars accept, at which energy; and what is wrong with bad ones."""

from __future__ import annotations

import gzip
import itertools
import math
import pathlib
from collections import Counter

import pytest
from support import oracle
from support.grammar_oracle import energies_of, outputs_of, paths_of

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.notations import read_fsg, read_jsgf
from lattice_cli.formats.notations.pronunciations import chosen, dictionary, pronunciations
from lattice_cli.graph import Graph
from lattice_cli.graph.epsilon_removal import silent_arcs

DICTIONARY = """;;; a comment
read\tR EH D
read(2)\tR IY1 D
red R EH D  # the colour
a AH0
aha AH0 HH AA1

"""


def lexicon(loop: str | None = None, without_stress: bool = False) -> Graph:
    return dictionary(pronunciations(DICTIONARY, "words.dict", without_stress), "words.dict", "words", loop).graph


def test_a_dictionary_has_a_path_for_each_pronunciation() -> None:
    graph = lexicon()
    assert not (graph.ilabel == 0).any()
    said = [("R EH D", "read"), ("R IY1 D", "read"), ("R EH D", "red"), ("AH0", "a"), ("AH0 HH AA1", "aha")]
    assert paths_of(graph) == Counter((tuple(phones.split()), (word,), 0.0) for phones, word in said)
    shared = [arc for arc in oracle.plain(graph).arcs if arc.ilabel == "R"]
    assert len(shared) == 1


def test_stress_and_energies() -> None:
    assert outputs_of(("R", "IY", "D"), lexicon(without_stress=True)) == [("read",)]
    found, missing = chosen(pronunciations(DICTIONARY, "words.dict"), {"read": 0.5, "zebra": 0.0, "a": 0.0})
    assert missing == ["zebra"]
    graph = dictionary(found, "words.dict", "words").graph
    assert energies_of(("R", "IY1", "D"), graph) == [0.5]
    assert energies_of(("AH0", "HH", "AA1"), graph) == []


@pytest.mark.parametrize("loop", ["", "SIL"])
def test_words_in_a_row(loop: str) -> None:
    graph = lexicon(loop)
    once = [(path.input, path.output) for path in oracle.all_paths(lexicon())]
    between = (loop,) if loop else ()
    expected: Counter[object] = Counter(once)
    for one, other in itertools.product(once, repeat=2):
        expected[one[0] + between + other[0], one[1] + other[1]] += 1
    found = Counter((path.input, path.output) for path in oracle.all_paths(graph, 7) if len(path.output) <= 2)
    assert found == expected
    assert not silent_arcs(graph).any()


def test_bad_dictionaries() -> None:
    with pytest.raises(FormatError, match=r"words.dict:2: found 'b' without phones"):
        list(pronunciations("a AH\nb # B\n", "words.dict"))
    with pytest.raises(FormatError, match=r"words.dict: no words"):
        dictionary([], "words.dict", "words")


def language(text: str, rule: str | None = None, longest: float = math.inf) -> dict[str, float]:
    """Sentence -> energy of its one path."""
    graph = read_jsgf("#JSGF V1.0;\ngrammar g;\n" + text, "g.gram", rule)
    paths = oracle.all_paths(graph, longest)
    found = {" ".join(path.input): path.energy for path in paths}
    assert len(found) == len(paths)
    assert not silent_arcs(graph).any()
    return found


def test_rules_groups_options_and_repetitions() -> None:
    found = language(
        """// a comment
        public <s> = <who> [ may | can ] ("go on" | stop {tag} | \\<now\\>) ; /* another; */
        <who> = you | they | you ;"""
    )
    assert found == {
        " ".join(filter(None, parts)): 0.0
        for parts in itertools.product(("you", "they"), ("", "may", "can"), ("go on", "stop", "<now>"))
    }
    assert set(language("public <s> = a+ [b]*;", longest=3)) == {
        "a", "a a", "a a a", "a b", "a b b", "a a b"
    }  # fmt: skip
    assert set(language("public <s> = x <NULL> | y <VOID>; public <t> = z;")) == {"x", "z"}
    assert set(language("public <s> = x; <t> = <s> z;", rule="t")) == {"x z"}


def test_weights_are_shares_of_probability() -> None:
    found = language("public <s> = /3/ yes | /1/ no (/1/ never | /1/ way | /0/ chance);")
    assert found == {
        "yes": pytest.approx(-math.log(0.75)),
        "no never": pytest.approx(-math.log(0.125)),
        "no way": pytest.approx(-math.log(0.125)),
    }


def test_a_weighted_grammar_has_a_path_for_each_derivation() -> None:
    graph = read_jsgf("#JSGF V1.0; public <s> = /1/ a | /3/ <t>; <t> = /1/ a [b] | /1/ c;", "g.gram")
    assert sorted(energies_of(("a",), graph)) == pytest.approx(sorted([-math.log(0.25), -math.log(0.375)]))
    assert energies_of(("c",), graph) == [pytest.approx(-math.log(0.375))]


def test_uniform_alternatives() -> None:
    graph = read_jsgf("#JSGF V1.0; public <s> = (a | b | c) [d];", "g.gram", uniform=True)
    energies = [path.energy for path in oracle.all_paths(graph)]
    assert energies == [pytest.approx(math.log(6))] * 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grammar g;", r"g.gram:1: found 'grammar g;', expected #JSGF V1.0;"),
        ("#JSGF V1.0;\ngrammar g;\n<s> = a;", "g.gram: no public rule, expected one"),
        ("#JSGF V1.0;\npublic <s> = a", r"g.gram:2: found the end of the file, expected ; at the end of <s>"),
        ("#JSGF V1.0;\npublic <s> = (a | b;", r"g.gram:2: found ';', expected \) for the \( of line 2"),
        ("#JSGF V1.0;\npublic <s> = a | ;", "g.gram:2: found ';', expected a word, a <rule>"),
        ("#JSGF V1.0;\npublic <s> =\n <t>;", "g.gram:3: rule <t> is not defined"),
        ("#JSGF V1.0;\npublic <s> = a;\n<s> = b;", "g.gram:3: rule <s> is defined twice, first at g.gram:2"),
        ("#JSGF V1.0;\npublic <s> = /1/ a | b;", "g.gram:2: some alternatives have weights and some have none"),
        ("#JSGF V1.0;\npublic <s> = /x/ a;", "g.gram:2: found '/x/', expected a weight"),
        ("#JSGF V1.0;\npublic <s> = /0/ a;", "g.gram:2: all weights are 0"),
        ("#JSGF V1.0;\nimport <other.*>;", "g.gram:2: import of other grammars is not supported"),
        (
            "#JSGF V1.0;\npublic <s> = a <t>;\n<t> = b <u>;\n<u> = [c] <t>;",
            "g.gram:3: rule <t> refers to itself without a way out, expected an alternative that ends",
        ),
        ("#JSGF V1.0;\npublic <s> = ([/1/ a | /2/ b])*;", "a part that may be empty is under"),
        ("#JSGF V1.0;\npublic <s> = " + "(" * 150, "nested up to 100 deep"),
    ],
)
def test_bad_jsgf(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_jsgf(text, "g.gram")


def test_rules_and_groups_that_are_nested_too_deeply() -> None:
    deep = "(x " * 50 + "<{}>" + ")" * 50
    rules = "".join(f"<r{level}> = {deep.format(f'r{level + 1}')};" for level in range(90))
    with pytest.raises(FormatError, match=r"g.gram: rules and groups are nested too deeply"):
        read_jsgf(f"#JSGF V1.0; {rules} <r90> = y; public <s> = <r0>;", "g.gram")


def test_a_rule_that_is_not_there() -> None:
    with pytest.raises(UsageError, match=r"g.gram: no rule <t>, it has <s>"):
        read_jsgf("#JSGF V1.0; public <s> = a;", "g.gram", "t")


FSG = """FSG_BEGIN yes
NUM_STATES 4
START_STATE 0
FINAL_STATE 3
# Transitions
TRANSITION 0 1 0.25 yes
T 0 2 0.75
TRANSITION 2 1 0.5 no   # really
TRANSITION 2 3 0.5
TRANSITION 1 3 1.0
TRANSITION 1 0 0.0 never
FSG_END
"""


def test_an_fsg() -> None:
    graph = read_fsg(FSG, "yes.fsg")
    assert not silent_arcs(graph).any()
    assert paths_of(graph) == Counter(
        {
            (("yes",), ("yes",), round(-math.log(0.25), 9)): 1,
            (("no",), ("no",), round(-math.log(0.375), 9)): 1,
            ((), (), round(-math.log(0.375), 9)): 1,
        }
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("FSG_BEGIN", "BEGIN", "yes.fsg:1: found 'BEGIN', expected FSG_BEGIN"),
        ("FSG_END\n", "", "yes.fsg: ends without FSG_END"),
        ("NUM_STATES 4\n", "", "yes.fsg:2: found a state before NUM_STATES"),
        ("START_STATE 0\n", "", "yes.fsg:11: the grammar ends without START_STATE"),
        ("0 1 0.25 yes", "0 4 0.25 yes", "yes.fsg:6: state 4, but there are 4 states, expected 0 to 3"),
        ("0 1 0.25 yes", "0 one 0.25 yes", "yes.fsg:6: node is 'one', expected a whole number"),
        ("0 1 0.25 yes", "0 1 1.25 yes", "yes.fsg:6: probability is 1.25, expected 0 to 1"),
        ("0 1 0.25 yes", "0 1", "yes.fsg:6: found 3 columns, expected TRANSITION from to probability"),
        ("START_STATE 0", "BEGIN_STATE 0", "yes.fsg:3: found 'BEGIN_STATE 0', expected NUM_STATES, START_STATE"),
        ("START_STATE 0", "START_STATE 0\nSTART_STATE 1", "yes.fsg:4: START_STATE is given twice"),
    ],
)
def test_bad_fsg(old: str, new: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_fsg(FSG.replace(old, new, 1), "yes.fsg")


@pytest.mark.shared
def test_grammars_of_others(shared: pathlib.Path) -> None:
    lexica = shared / "data" / "lexica"
    cards = read_jsgf((lexica / "cards.gram").read_text(), "cards.gram")
    ranks, suits = 14, 4
    card = 2 * ranks * suits
    # <rank> <card> and <rank> <rank> are the only sentences besides one, two or three cards
    assert len(oracle.all_paths(read_jsgf((lexica / "cards.gram").read_text(), "cards.gram", "card"))) == card
    expected = card + card**2 + card**3 + ranks * card + ranks**2
    assert paths_counted(cards) == expected
    move = read_jsgf((lexica / "goforward.gram").read_text(), "goforward.gram", "<move2>")
    assert len(oracle.all_paths(move)) == 2 * 10 * 3
    assert energies_of(("go", "forward", "ten", "meters"), move) == [0.0]
    forward = read_fsg((lexica / "goforward.fsg").read_text(), "goforward.fsg")
    assert math.fsum(math.exp(-path.energy) for path in oracle.all_paths(forward)) == pytest.approx(1)
    digits = read_fsg((lexica / "tidigits.fsg").read_text(), "tidigits.fsg")
    step = -2 * math.log(0.0909)
    assert energies_of(("oh", "one", "nine"), digits) == [pytest.approx(3 * step)]
    text = gzip.decompress((lexica / "cmudict-en-us.dict.gz").read_bytes()).decode()
    graph = dictionary(pronunciations(text, "cmudict"), "cmudict", "cmudict").graph
    assert graph.arcs < len(text) / 6
    assert {("to",), ("too",), ("two",)} <= set(outputs_of(("T", "UW"), graph))


def paths_counted(graph: Graph) -> int:
    """The number of paths of a graph without cycles."""
    lists = oracle.plain(graph)
    counts: dict[int, int] = {}

    def count(node: int) -> int:
        if node not in counts:
            below = sum(count(lists.arcs[index].dst) for index in lists.leaving(node))
            counts[node] = below + (lists.final[node] < oracle.INF)
        return counts[node]

    return sum(count(node) for node in lists.nodes() if lists.start[node] < oracle.INF)

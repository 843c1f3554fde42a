"""Word grammars: lists, mappings, tries and .txt files accept exactly their words, each in one way, at their energy."""

from __future__ import annotations

import json
import math
import pathlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, oracle

from lattice_cli.errors import FormatError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions
from lattice_cli.formats.notations import word_grammar
from lattice_cli.formats.notations.word_list import word_list
from lattice_cli.grammars import LexiconWord, grammar_of
from lattice_cli.graph import Document, Graph

#: (input labels, output labels) -> the energies of the paths that say so, in order.
Language = dict[tuple[tuple[str, ...], tuple[str, ...]], list[float]]
LECTURE_WORDS = ("barn", "but", "cut", "cute", "cure", "cap", "cat", "card")


@pytest.fixture(autouse=True)
def _short_names(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str | bytes, name: str = "in.json", **options: Any) -> Document:
    pathlib.Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_one(name, ReadOptions(**options))


def grammar(words: Any, **more: Any) -> Document:
    return read(json.dumps({"lattice": 1, "words": words, **more}))


def refusal(text: str | bytes, name: str = "in.json") -> str:
    with pytest.raises(FormatError) as caught:
        read(text, name)
    message = str(caught.value)
    assert message.startswith(name), message
    return message


def paths(graph: Graph, longest: int) -> Iterator[oracle.OnePath]:
    """Every path of at most `longest` input labels; a cycle without any would never end."""
    lists = oracle.plain(graph)
    waiting = [(node, node, (), 0) for node in lists.nodes() if lists.start[node] < math.inf]
    while waiting:
        first, node, arcs, said = waiting.pop()
        assert len(arcs) < 10 * (longest + 2), "a cycle without labels"
        if lists.final[node] < math.inf:
            yield oracle.path_of(lists, first, arcs)
        for arc in lists.leaving(node):
            more = said + bool(lists.arcs[arc].ilabel)
            if more <= longest:
                waiting.append((first, lists.arcs[arc].dst, (*arcs, arc), more))


def language(document: Document, longest: int = 8) -> Language:
    found: Language = {}
    for path in paths(document.graph, longest):
        found.setdefault((path.input, path.output), []).append(path.energy)
    return {said: sorted(energies) for said, energies in found.items()}


def spoken(
    words: Mapping[tuple[str, ...], float], loop: str | None, longest: int, names: Mapping[tuple[str, ...], str] | None
) -> Language:
    """What such a grammar must accept: each word, or each sequence of words, in one way."""
    found: Language = {}
    between = () if not loop else (loop,)
    for count in range(1, 2 if loop is None else longest + 1):
        for sequence in product(words, repeat=count):
            said = [label for word in sequence for label in (*between, *word)][len(between) :]
            if len(said) <= longest:
                out = tuple(names[word] for word in sequence) if names else tuple(said)
                energy = math.fsum(words[word] for word in sequence)
                found.setdefault((tuple(said), out), []).append(energy)
    return {said: sorted(energies) for said, energies in found.items()}


def assert_language(document: Document, expected: Language, longest: int = 8) -> None:
    found = language(document, longest)
    assert set(found) == set(expected)
    for said, energies in expected.items():
        assert found[said] == pytest.approx(energies, abs=1e-12), said


def spelled(words: Sequence[str], energies: Sequence[float] | None = None) -> dict[tuple[str, ...], float]:
    return dict(zip(map(tuple, words), energies or [0.0] * len(words)))


# Lists, mappings and tries --------------------------------------------------------------------------------------------


def test_a_list_of_words_is_those_words_at_no_cost() -> None:
    assert_language(grammar(LECTURE_WORDS), spoken(spelled(LECTURE_WORDS), None, 8, None))


def test_a_word_may_end_inside_another() -> None:
    document = grammar({"cut": 0.5, "cute": 1.2, "c": -3})
    expected = {tuple("cut"): 0.5, tuple("cute"): 1.2, ("c",): -3.0}
    assert_language(document, spoken(expected, None, 8, None))
    assert document.graph.arcs == 4, "the words share their beginning"


def test_yaml_and_json_describe_the_same_grammar() -> None:
    for value in (
        {"words": {"cut": 0.5, "cute": 1e-3}},
        {"words": list(LECTURE_WORDS), "loop": " ", "output": "words"},
        {"trie": {"c": {"u": {"t": {"": 0.5, "e": {"": 1}}}}}, "loop": ""},
    ):
        record = {"lattice": 1, **value}
        expected = language(read(json.dumps(record)))
        assert expected
        assert language(read(yaml.safe_dump(record), "in.yaml")) == expected


def test_the_grammar_of_the_figure() -> None:
    document = read_one(str(ROOT / "grammars" / "lecture-words.yaml"), ReadOptions())
    assert_language(document, spoken(spelled(LECTURE_WORDS), None, 8, None))


def test_a_trie_is_the_words_it_spells() -> None:
    trie = {"c": {"u": {"t": {"": 0.0, "e": {"": 1.2}}}, "a": {"": -1}}, "": 0.25}
    document = read(json.dumps({"lattice": 1, "trie": trie}))
    expected = {tuple("cut"): 0.0, tuple("cute"): 1.2, ("c", "a"): -1.0, (): 0.25}
    assert_language(document, spoken(expected, None, 8, None))


def test_a_trie_in_yaml() -> None:
    document = read('lattice: 1\ntrie: {c: {u: {t: {"": 0.0, e: {"": 1.2}}}}}\n', "in.yaml")
    assert_language(document, spoken({tuple("cut"): 0.0, tuple("cute"): 1.2}, None, 8, None))


def test_labels_of_a_trie_are_as_long_as_they_are_written() -> None:
    trie = {"th": {"e": {"": 1}}, "t": {"h": {"e": {"": 2}}}}
    document = read(json.dumps({"lattice": 1, "trie": trie}))
    assert_language(document, spoken({("th", "e"): 1.0, ("t", "h", "e"): 2.0}, None, 8, None))


def test_tokens_split_words_at_white_space() -> None:
    document = grammar({"sh iy": 1, "sh": 0.5, " ae  t\tax ": 2}, spell="tokens")
    assert_language(document, spoken({("sh", "iy"): 1.0, ("sh",): 0.5, ("ae", "t", "ax"): 2.0}, None, 8, None))


def test_characters_spell_a_word_by_default() -> None:
    assert language(grammar(["a b"], spell="characters")) == language(grammar(["a b"])) == {(("a", " ", "b"),) * 2: [0]}


def test_characters_are_code_points() -> None:
    document = grammar(["日本", "😀x", "e\u0301"])
    assert_language(document, spoken(spelled(["日本", "😀x", "e\u0301"]), None, 8, None))


@pytest.mark.parametrize("word", ["no", "on", "null", "~", "1e-3", "0x10", "3", "true", "Null"])
def test_words_of_a_yaml_list_are_what_was_written(word: str) -> None:
    for text in (f"lattice: 1\nwords: [{word}]\n", f"lattice: 1\nwords: {{{word}: 0}}\n"):
        assert set(language(read(text, "in.yaml"))) == {(tuple(word), tuple(word))}
    trie = read(f"lattice: 1\ntrie: {{{word}: {{'': 0}}}}\n", "in.yaml")
    assert set(language(trie)) == {((word,), (word,))}


# Words in a row -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", [None, "", "-", "a", "sil", "\t"])
@pytest.mark.parametrize("output", ["spelling", "words"])
@pytest.mark.parametrize("words", [["a"], ["a", "ab", "b"], ["ab", "abab", "b"], ["b", "ba", "bab"]])
def test_each_sequence_of_words_has_one_path(words: list[str], loop: str | None, output: str) -> None:
    energies = [0.5, -0.25, 2.0][: len(words)]
    document = grammar(dict(zip(words, energies)), loop=loop, output=output)
    names = {tuple(word): word for word in words} if output == "words" else None
    assert_language(document, spoken(spelled(words, energies), loop, 6, names), 6)


def test_no_word_at_all_is_no_answer_of_a_loop() -> None:
    document = grammar(["ab"], loop="-")
    assert ((), ()) not in language(document)
    assert (tuple("ab-"), tuple("ab-")) not in language(document)


def test_a_loop_of_yaml_may_be_quoted_nothing() -> None:
    text = "lattice: 1\nwords: [a]\nloop: {}\n"
    assert len(language(read(text.format('""'), "in.yaml"), 3)) == 3
    assert len(language(read(text.format('" "'), "in.yaml"), 3)) == 2


@pytest.mark.parametrize("null", ["null", "~", ""])
def test_a_loop_of_null_is_no_loop(null: str) -> None:
    """YAML's null in each of its spellings; `loop: ""` with quotes is the loop with nothing between the words."""
    document = read(f"lattice: 1\nwords: [a]\nloop: {null}\n", "in.yaml")
    assert language(document, 3) == {(("a",), ("a",)): [0.0]}


def test_token_words_that_spell_the_same_are_one_word() -> None:
    """Two spellings of the white space are one sequence of tokens: one path, and no two energies."""
    for loop in (None, "", "-"):
        document = grammar(["a b", "a  b"], spell="tokens", loop=loop)
        assert_language(document, spoken({("a", "b"): 0.0}, loop, 5, None), 5)
    value = {"lattice": 1, "words": {"a b": 1, "a  b": 2}, "spell": "tokens"}
    message = refusal(json.dumps(value))
    assert "1" in message
    assert "2" in message


def test_output_words_names_the_word_as_it_was_written() -> None:
    document = grammar({"sh iy": 1, "sh": 0.5}, spell="tokens", output="words")
    expected = {(("sh", "iy"), ("sh iy",)): [1.0], (("sh",), ("sh",)): [0.5]}
    assert language(document) == expected
    looped = grammar({"sh iy": 1, "sh": 0.5}, spell="tokens", output="words", loop="sil")
    assert language(looped, 4)[("sh", "sil", "sh", "iy"), ("sh", "sh iy")] == [1.5]


def test_output_words_of_a_trie_runs_labels_together() -> None:
    value = {"lattice": 1, "trie": {"c": {"u": {"t": {"": 0.5, "e": {"": 1}}}}}, "output": "words"}
    assert language(read(json.dumps(value))) == {
        (("c", "u", "t"), ("cut",)): [0.5],
        (("c", "u", "t", "e"), ("cute",)): [1.0],
    }
    tokens = {"lattice": 1, "trie": {"sh": {"iy": {"": 0.5}}}, "output": "words", "spell": "tokens"}
    assert language(read(json.dumps(tokens))) == {(("sh", "iy"), ("sh iy",)): [0.5]}


def test_the_empty_word_is_the_empty_path_and_cannot_be_repeated() -> None:
    assert language(grammar({"": 0.5, "a": 1})) == {((), ()): [0.5], (("a",), ("a",)): [1.0]}
    for loop in ("", "-"):
        message = refusal(json.dumps({"lattice": 1, "words": ["", "a"], "loop": loop}))
        assert "empty word" in message
        assert "loop" in message


words_with_energies = st.dictionaries(st.text("ab", min_size=1, max_size=3), st.integers(-4, 8), min_size=1, max_size=5)


@given(
    words=words_with_energies,
    loop=st.sampled_from([None, "", "-", "a"]),
    by_word=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_any_words_give_their_language(words: dict[str, int], loop: str | None, by_word: bool, order: Any) -> None:
    listed = [
        LexiconWord(tuple(word), word, energy / 2, f"made up:{line}")
        for line, (word, energy) in enumerate(words.items())
    ]
    listed += listed[: len(listed) // 2]
    order.shuffle(listed)
    document = grammar_of(listed, "made up", "g", loop=loop, by_word=by_word)
    energies = {tuple(word): energy / 2 for word, energy in words.items()}
    longest = 5 if loop is None else 4
    names = {tuple(word): word for word in words} if by_word else None
    assert_language(document, spoken(energies, loop, longest, names), longest)


@given(words=words_with_energies)
def test_a_list_a_trie_and_a_text_file_are_the_same_grammar(words: dict[str, int]) -> None:
    trie: dict[str, Any] = {}
    for word, energy in words.items():
        branch = trie
        for letter in word:
            branch = branch.setdefault(letter, {})
        branch[""] = energy / 2
    by_list = word_grammar({"words": {word: energy / 2 for word, energy in words.items()}}, "made up", "g")
    by_trie = word_grammar({"trie": trie}, "made up", "g")
    text = "".join(f"{word}\t{energy / 2}\n" for word, energy in words.items())
    expected = language(by_list)
    assert len(expected) == len(words)
    assert language(by_trie) == expected
    assert language(word_list(text, "made up", "g", ReadOptions())) == expected


# Text files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cut\nbut\n", {"cut": 0.0, "but": 0.0}),
        ("cut\nbut", {"cut": 0.0, "but": 0.0}),
        ("cut\t0.5\nbut\t-1e-3\nat\n", {"cut": 0.5, "but": -0.001, "at": 0.0}),
        ("cut\r\nbut\t1\r\n", {"cut": 0.0, "but": 1.0}),
        ("\n\ncut\n\nbut\n\n", {"cut": 0.0, "but": 0.0}),
        ("cut\ncut\nbut\t2\nbut\t2.0\n", {"cut": 0.0, "but": 2.0}),
        ("ice cream\t1\n", {"ice cream": 1.0}),
        ("\ufeffcut\n", {"cut": 0.0}),
        ("日本\n", {"日本": 0.0}),
        ("a\u2028b\nc\u0085\n", {"a\u2028b": 0.0, "c\u0085": 0.0}),
        ("null\nno\n1e-3\n# not a comment\n{}\n", dict.fromkeys(["null", "no", "1e-3", "# not a comment", "{}"], 0.0)),
        ("{\n[\n", {"{": 0.0, "[": 0.0}),
    ],
)
def test_a_text_file_is_a_word_a_line_and_its_energy(text: str, expected: dict[str, float]) -> None:
    language_of_words = spoken(spelled(list(expected), list(expected.values())), None, 20, None)
    assert_language(read(text, "in.txt"), language_of_words, 20)
    assert_language(read(text, "in.words", format="words"), language_of_words, 20)


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("cut\nbut\tx\n", 2, ["'x'", "tab", "energy", "'but'"]),
        ("cut\t\n", 1, ["''", "tab", "energy", "'cut'"]),
        ("cut\n\nbut\tnan\n", 3, ["nan", "'but'", "finite number"]),
        ("cut\tinf\n", 1, ["inf", "'cut'", "finite number"]),
        ("cut\t1e999\n", 1, ["'cut'", "finite number"]),
        ("cut\t0x10\n", 1, ["'0x10'", "energy"]),
        ("cut\t1\t2\n", 1, ["'1\\t2'", "energy"]),
        ("cut\r\nbut\t1 2\r\n", 2, ["'1 2'", "energy"]),
        ("cut\t1\nbut\ncut\t2\n", 3, ["'cut'", "2.0", "1.0", "in.txt:1"]),
        ("cut\nbut\ncut\t2\n", 3, ["'cut'", "2.0", "0.0", "in.txt:1"]),
    ],
)
def test_a_bad_line_of_a_text_file_is_named(text: str, line: int, parts: list[str]) -> None:
    message = refusal(text, "in.txt")
    assert message.startswith(f"in.txt:{line}: ")
    for part in parts:
        assert part in message


@pytest.mark.parametrize("energy", ["1_0", "１", "٣", "infinity"])
def test_an_energy_in_a_text_file_is_a_number_as_in_yaml(energy: str) -> None:
    """Python's float() takes underscores and the digits of all scripts; a data file should not."""
    assert refusal(f"cut\t{energy}\n", "in.txt").startswith("in.txt:1: ")


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("words: []", 0, ["no words", "expected at least one"]),
        ("words: {}", 0, ["no words", "expected at least one"]),
        ("words: 5", 2, ["words is 5", "expected a list or {word: energy}"]),
        ("words:\n- a\n- [b]", 4, ["a word is a list of 1", "expected a string"]),
        ("words:\n  a: 1\n  b: x", 4, ["the energy of word b is x", "expected a finite number"]),
        ("words: {a: .nan}", 2, ["the energy of word a is .nan", "expected a finite number"]),
        ("words: [a]\nspell: letters", 3, ["spell is letters", "expected characters or tokens"]),
        ("words: [a]\noutput: word", 3, ["output is word", "expected spelling or words"]),
        ("words: [a]\nloop: [x]", 3, ["loop is a list of 1", "expected a string"]),
        ("words: [a]\nlop: x", 3, ["unknown key 'lop' in a word grammar", "did you mean 'loop'"]),
        ("words: [a]\nstart: 0", 3, ["unknown key 'start' in a word grammar"]),
        ("words: [a]\ntrie: {a: {'': 0}}", 1, ["words and trie", "expected one of"]),
        ("trie: {}", 2, ["ends without a word", '""']),
        ("trie:\n  c:\n    u: {}", 4, ["trie at 'cu' ends without a word", '""']),
        ("trie:\n  c:\n    u: 1", 4, ["trie at 'cu' is 1", "expected a mapping"]),
        ("trie:\n  c:\n    '': x", 4, ["trie at 'c'", "is x", "expected a finite number"]),
        ("trie: {'': {a: {'': 0}}}", 2, ["trie at ''", "expected a finite number"]),
    ],
)
def test_a_bad_word_grammar_is_named_with_its_line(text: str, line: int, parts: list[str]) -> None:
    message = refusal(f"lattice: 1\n{text}\n", "in.yaml")
    assert message.startswith(f"in.yaml:{line}: " if line else "in.yaml: ")
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([1], ["a word is 1", "expected a string"]),
        ([None], ["a word is null", "expected a string"]),
        ({"a": None}, ["the energy of word 'a' is null", "expected a finite number"]),
        ({"a": "1"}, ["the energy of word 'a' is '1'", "expected a finite number"]),
        ({"a": True}, ["the energy of word 'a' is", "expected a finite number"]),
        ("ab", ["words is 'ab'", "expected a list or {word: energy}"]),
    ],
)
def test_json_words_are_strings_and_their_energies_numbers(words: Any, parts: list[str]) -> None:
    message = refusal(json.dumps({"lattice": 1, "words": words}))
    for part in parts:
        assert part in message


def test_a_large_lexicon_is_read_quickly_and_whole() -> None:
    words = ["".join(letters) for letters in product("abcdefghij", repeat=4)]
    document = word_list("\n".join(words), "made up", "g", ReadOptions())
    assert document.graph.arcs == 10 + 100 + 1000 + 10000
    assert len(document.graph.finals) == len(words)
    assert Counter(document.graph.dst.tolist()).most_common(1)[0][1] == 1, "a trie: one way to each node"

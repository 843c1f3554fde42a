"""Operations on grammars against the listing of their paths; expressions against Python's re."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.grammar_oracle import merged, outputs_of, paths_of
from support.strategies import LABELS, graphs, moderate_energies

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.notations.regular_expression import regular_expression
from lattice_cli.grammars import ctc_topology, ctc_tree
from lattice_cli.graph import Graph, determinized, without_input_epsilon
from lattice_cli.graph import rational as automata

small_graphs = graphs(energies=moderate_energies, max_nodes=5, max_arcs=7)


@given(graph=small_graphs)
def test_epsilon_free_keeps_every_path(graph: Graph) -> None:
    found = automata.epsilon_free(graph, 10**6)
    assert not automata.silent_arcs(found).any()
    assert paths_of(found) == paths_of(graph)


def test_epsilon_arcs_stay_where_they_form_a_cycle_or_would_become_too_many() -> None:
    circle = Graph([0, 1, 0], [1, 0, 2], [0, 0, 1], [0, 0, 1], [1.0] * 3, [0.0, *[oracle.INF] * 2], [1, 1, 0], LABELS)
    assert automata.silent_arcs(automata.epsilon_free(circle)).sum() == 2
    steps = Graph([0, 0, 1], [1, 1, 2], [0, 0, 1], [0, 0, 1], [1.0] * 3, [0.0, 9, 9], [oracle.INF] * 2 + [0], LABELS)
    assert automata.silent_arcs(automata.epsilon_free(steps, 1)).sum() == 2
    assert not automata.silent_arcs(automata.epsilon_free(steps, 4)).any()


def test_long_rows_of_epsilons_go_and_cycles_are_known_at_once() -> None:
    long = 200
    src, label = [*range(long), long - 1], [1, *[0] * (long - 1), 0]
    for last, cycle in ((long, False), (1, True)):
        heads = [*range(1, long + 1), last]
        ends = [[0.0, *[oracle.INF] * long], [*[oracle.INF] * long, 0.0]]
        graph = Graph(src, heads, label, label, [0.5] * (long + 1), *ends, LABELS)
        assert automata.silent_arcs(automata.epsilon_free(graph, 10**6)).any() == cycle
        assert (without_input_epsilon(graph) is None) == cycle


@given(one=small_graphs, other=small_graphs)
def test_alternatives_have_the_paths_of_all(one: Graph, other: Graph) -> None:
    assert paths_of(automata.alternatives([one, other])) == paths_of(one) + paths_of(other)


@given(graph=small_graphs)
def test_optional_adds_one_empty_path(graph: Graph) -> None:
    more = Counter() if automata.accepts_empty(graph) else Counter({((), (), 0.0): 1})
    assert paths_of(automata.optional(graph)) == paths_of(graph) + more
    empty = [path for path in oracle.all_paths(graph) if not path.input and not path.output]
    assert automata.accepts_empty(graph) == bool(empty)


@given(graph=graphs(energies=moderate_energies, max_nodes=4, max_arcs=5, epsilon=False))
def test_repeated_has_a_path_for_each_row_of_paths(graph: Graph) -> None:
    if automata.accepts_empty(graph):
        with pytest.raises(UsageError, match="empty sequence"):
            automata.repeated(graph)
        return
    once = oracle.all_paths(graph)
    longest = 4
    expected: Counter[object] = Counter()
    for count in range(1, longest + 1):
        for row in itertools.product(once, repeat=count):
            said = tuple(label for path in row for label in path.input)
            if len(said) <= longest:
                output = tuple(label for path in row for label in path.output)
                expected[said, output, round(sum(path.energy for path in row), 6)] += 1
    found: Counter[object] = Counter()
    for path in oracle.all_paths(automata.repeated(graph), longest):
        found[path.input, path.output, round(path.energy, 6)] += 1
    assert {key[:2] for key in found} == {key[:2] for key in expected}  # type: ignore[index]
    assert sum(found.values()) == sum(expected.values())
    assert sorted(key[2] for key in found.elements()) == pytest.approx(  # type: ignore[index]
        sorted(key[2] for key in expected.elements()),  # type: ignore[index]
        abs=1e-5,
    )


def test_many_starts_and_ends_are_repeated_through_one_node() -> None:
    several = automata.alternatives([automata.weighted(_word(label), 0.5) for label in ("a", "b", "c")])
    found = automata.repeated(several)
    assert not automata.silent_arcs(found).any()
    assert len([path for path in oracle.all_paths(found, 3) if len(path.input) == 3]) == 27
    assert {path.energy for path in oracle.all_paths(found, 3)} == {0.5, 1.0, 1.5}


def _word(label: str) -> Graph:
    return Graph([0], [1], [1], [1], [0.0], [0.0, oracle.INF], [oracle.INF, 0.0], ("", label))


@given(graph=graphs(acceptor=True, max_nodes=6, max_arcs=10))
def test_one_path_each_accepts_the_same_with_the_fewest_nodes(graph: Graph) -> None:
    language = {path.input for path in oracle.all_paths(graph)}
    found = determinized(graph)
    assert paths_of(found) == Counter({(said, said, 0.0): 1 for said in language})
    prefixes = {said[:length] for said in language for length in range(len(said) + 1)}
    rests = {frozenset(said[len(start) :] for said in language if said[: len(start)] == start) for start in prefixes}
    assert found.nodes == len(rests)  # Myhill, Nerode


def test_what_leads_nowhere_keeps_no_nodes_apart() -> None:
    ends = [0.0, *[oracle.INF] * 4]
    dead_end = Graph([0, 0, 2, 2], [2, 4, 3, 4], [1, 2, 1, 0], [1, 2, 1, 0], [0.0] * 4, ends, ends[::-1], LABELS)
    assert determinized(dead_end).nodes == 2


def patterns() -> st.SearchStrategy[str]:
    leaf = st.sampled_from(["a", "b", "c", "[ab]", "[a-c]", "[^b]", ".", r"\*", "(|a)", "()"])

    def more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        counts = st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "{1,3}", "{0}", "{,2}"])
        return st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map("|".join).map("({})".format),
            st.tuples(inner.map("({})".format), counts).map("".join),
        )

    return st.recursive(leaf, more, max_leaves=6)


@given(pattern=patterns())
def test_regular_expressions_as_in_python_and_one_path_each(pattern: str) -> None:
    found = paths_of(regular_expression(pattern, False, ["a", "b", "c", "*"]), longest=4)
    # Python took {,2} as text before 3.14; [^b] and . stand for all labels, which are only these here
    spelled = re.compile(pattern.replace("{,2}", "{0,2}"))
    language = {
        said
        for length in range(5)
        for said in itertools.product("abc*", repeat=length)
        if spelled.fullmatch("".join(said))
    }
    assert found == Counter({(said, said, 0.0): 1 for said in language})


def test_words_as_labels() -> None:
    found = regular_expression("go (forward|back) [one two-three]{1,2} \\(hm\\)?", True, None)
    said = {" ".join(path.input) for path in oracle.all_paths(found)}
    assert "go back one two-three (hm)" in said
    assert "go forward one" in said
    assert len(said) == 2 * (2 + 4) * 2


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a(b", r"pattern: column 4: found the end, expected \) for the \( in column 2"),
        ("ab)", r"pattern: column 3: found '\)', expected an operator or a label: no group is open"),
        ("*a", r"pattern: column 1: found '\*', expected something to repeat before it"),
        ("a{2", "column 3: found '2', expected a count such as"),
        ("a{3,2}", "the lower one first"),
        ("[a", r"column 3: found the end, expected \] for the \[ in column 1"),
        ("[]", "at least one label"),
        ("[c-a]", "a range that goes up, not c-a"),
        ("a\\", "a character after"),
        ("((((((((((a{99}){99}){99}){99}){99}){99}){99}){99}){99}))", "more than 2,000,000 arcs"),
        ("(" * 200, "nested up to 100 deep"),
    ],
)
def test_bad_patterns(pattern: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        regular_expression(pattern, False, None)


def test_all_labels_have_to_be_told() -> None:
    for pattern in (".", "[^a]"):
        with pytest.raises(UsageError, match="--vocabulary"):
            regular_expression(pattern, False, None)


def test_large_counts_and_deep_groups() -> None:
    found = regular_expression("(" * 99 + "(a|b)" + ")" * 99 + "{3000}c{0,3000}", False, None)
    assert found.nodes == 6001
    assert found.arcs == 9000


def test_too_many_nodes() -> None:
    with pytest.raises(UsageError, match="2,000,000 nodes in all"):
        regular_expression("[ab]*a[ab]{20}", False, None)


@pytest.mark.parametrize("classes", [1, 2, 3, 5, 6, 18])
@given(data=st.data())
def test_both_forms_of_ctc_have_one_path_an_alignment(classes: int, data: st.DataObject) -> None:
    letters = "_abcdefghijklmnopq"[:classes]
    order = data.draw(st.permutations(letters))
    labels = ("", *order)
    alignment = tuple(data.draw(st.lists(st.sampled_from(letters), max_size=6)))
    for topology in (ctc_topology, ctc_tree):
        assert outputs_of(alignment, topology(labels, labels.index("_"))) == [merged(alignment)]


def test_the_ctc_tree_is_small() -> None:
    labels = ("", *(str(number) for number in range(6625)))
    found = ctc_tree(labels, 1)
    assert found.arcs < 10 * 6625
    assert found.nodes < 5 * 6625
    sequence = ("1", "1", "0", "1", "6624", "6624", "77")
    assert outputs_of(sequence, found) == [("1", "1", "6624", "77")]

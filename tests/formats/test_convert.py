"""Forms of other systems: what is written comes back to the last bit, or what is lost is said."""

from __future__ import annotations

import contextlib
import gzip
import json
import pathlib
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle, strategies

from lattice_cli.errors import FormatError, LatticeError, UsageError
from lattice_cli.formats import read_one, read_records, write_documents
from lattice_cli.formats.exchange.slf_writer import quoted
from lattice_cli.formats.io import Failure, Pause, ReadOptions, Symbols, WriteOptions, Written, read_symbols
from lattice_cli.formats.registry import FORMATS
from lattice_cli.graph import Document, Graph, emission_graph
from lattice_cli.sweep import LogSemiring, sweep

pytestmark = pytest.mark.slow

TEXT_FORMS = ("att", "gtn", "k2", "kaldi", "slf")
ALL_FORMS = (*TEXT_FORMS, "fst", "fst64", "kaldi-binary")
NUMBERED = ("att", "gtn", "k2", "kaldi")

#: Labels that formats have other plans for, and ordinary ones.
AWKWARD = ["0", "1", "17", "007", "-1", "the", "<eps>", "<s>", "!NULL", "a b", "a\tb", "\n3", 'say "x"', "it's", "a\\b"]
AWKWARD += ["#0", "x=y", "é", "\u00a0", "\u2028", "a,b", "17_18", "Infinity", "␣", "[red]", "\x01" + "7", "\x7f"]


@st.composite
def documents(draw: st.DrawFn, labels: list[str] = AWKWARD, **limits: Any) -> Document:
    """A random graph over awkward labels, its nodes under names of several kinds."""
    table = ("", *draw(st.lists(st.sampled_from(labels), min_size=3, max_size=3, unique=True)))
    graph = draw(strategies.graphs(labels=table, **limits))
    names: Any = range(graph.nodes)
    if draw(st.integers(0, 3)) == 0:
        names = sorted(draw(st.sets(st.integers(0, 50), min_size=graph.nodes, max_size=graph.nodes)))
    elif draw(st.integers(0, 5)) == 0:
        names = [f"node {node}" for node in range(graph.nodes)]
    return Document(graph, draw(st.sampled_from(["utt-1", "a b", 'q"uote'])), "test", names)


def written(form: str, document: Document, symbols: Symbols | None = None) -> Written:
    return FORMATS[form].writer(document, WriteOptions(symbols))


def read_again(form: str, data: bytes, options: ReadOptions, folder: pathlib.Path) -> Document:
    path = folder / "again"
    path.write_bytes(data)
    return read_one(str(path), replace(options, format=form))


def arcs_of(document: Document) -> list[tuple[Any, ...]]:
    """Arcs with nodes by name and labels as text, None for epsilon; energies as they are."""
    graph, names = document.graph, document.names
    texts = [None, *graph.labels[1:]]
    return [
        (names[src], names[dst], texts[one], texts[other], energy)
        for src, dst, one, other, energy in zip(
            *(getattr(graph, name).tolist() for name in ("src", "dst", "ilabel", "olabel", "energy")), strict=True
        )
    ]


def ends_of(document: Document) -> list[dict[Any, float]]:
    graph = document.graph
    return [
        {document.names[node]: float(column[node]) for node in np.flatnonzero(np.isfinite(column)).tolist()}
        for column in (graph.start, graph.final)
    ]


def without_final_arcs(document: Document) -> Document:
    """A Kaldi lattice with the arcs to its extra node as final energies again."""
    graph = document.graph
    if not graph.nodes or document.names[graph.nodes - 1] != "final":
        return document
    last = graph.nodes - 1
    keep, into = graph.dst != last, np.flatnonzero(graph.dst == last)
    final = graph.final[:last].copy()
    final[graph.src[into]] = graph.energy[into]
    columns = {name: getattr(graph, name)[keep] for name in ("src", "dst", "ilabel", "olabel", "energy")}
    smaller = Graph(**columns, start=graph.start[:last], final=final, labels=graph.labels)
    return replace(document, graph=smaller, names=list(document.names)[:last], scores={})


def document_of(graph: Graph) -> Document:
    return Document(graph, "x", "test", range(graph.nodes))


def paths_of(graph: Graph) -> Counter[Any]:
    return Counter((path.input, path.output, path.energy) for path in oracle.all_paths(graph))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("forms")


@pytest.mark.parametrize("form", ALL_FORMS)
@given(data=st.data())
def test_what_loses_nothing_comes_back_to_the_last_bit(form: str, folder: pathlib.Path, data: st.DataObject) -> None:
    document = data.draw(documents(cyclic=True))
    result = written(form, document)
    again = read_again(form, result.data, ReadOptions(keep_tags=form in ("slf", "kaldi")), folder)
    if result.losses:
        return
    again = without_final_arcs(again) if form.startswith("kaldi") else again
    assert arcs_of(again) == arcs_of(document)
    assert ends_of(again) == ends_of(document)
    assert list(again.names) == list(document.names)
    if form in ("kaldi", "kaldi-binary", "slf"):
        assert again.id == document.id


@pytest.mark.parametrize("form", NUMBERED)
@given(data=st.data())
def test_with_a_symbol_table_labels_come_back(form: str, folder: pathlib.Path, data: st.DataObject) -> None:
    document = data.draw(documents(cyclic=True))
    symbols = Symbols(str(folder / "symbols"))
    result = written(form, document, symbols)
    (folder / "symbols").write_text(symbols.text(), encoding="utf-8")
    options = ReadOptions(isymbols=None if form == "kaldi" else symbols.path, osymbols=symbols.path)
    again = read_again(form, result.data, options, folder)
    if not result.losses:
        again = without_final_arcs(again) if form == "kaldi" else again
        assert arcs_of(again) == arcs_of(document)
        assert ends_of(again) == ends_of(document)


#: Labels that each form holds as they are, and with a symbol table.
ONE_WORD = [label for label in AWKWARD if not any(letter in label for letter in " \t\n") and label != "<eps>"]
HELD = {
    "att": [label for label in ONE_WORD if label != "0"],
    "gtn": ["0", "1", "2", "17", "2147483647"],
    "k2": ["1", "2", "17", "2147483647"],
    "kaldi": ["1", "2", "17", "2147483647"],
    "slf": [label for label in AWKWARD if label not in ("!NULL", "<s>")],
}


@st.composite
def whole_documents(draw: st.DrawFn, form: str, labels: list[str]) -> Document:
    """A random document that the form holds whole: one start node, of energy 0, and so on."""
    document = draw(documents(labels=labels, cyclic=True, min_nodes=1, acceptor=True if form == "slf" else None))
    graph = document.graph
    start, final = np.full((2, graph.nodes), np.inf)
    start[0 if form == "k2" else draw(st.integers(0, graph.nodes - 1))] = 0.0
    ends = draw(st.sets(st.integers(0, graph.nodes - 1), min_size=1, max_size=1 if form == "slf" else 3))
    for node in ends:
        final[node] = 0.0 if form in ("slf", "gtn") else draw(strategies.any_energies)
    # A loop at every node: GTN and k2 have no nodes without arcs.
    loops = np.arange(graph.nodes)
    columns = {
        "src": np.append(graph.src, loops),
        "dst": np.append(graph.dst, loops),
        "ilabel": np.append(graph.ilabel, np.zeros(graph.nodes, dtype=np.intp)),
        "olabel": np.append(graph.olabel, np.zeros(graph.nodes, dtype=np.intp)),
        "energy": np.append(graph.energy, np.ones(graph.nodes)),
    }
    if form == "gtn":  # which reads no energy that is too small for a float32
        columns["energy"] = np.where(np.abs(columns["energy"]) < 1e-37, 0.0, columns["energy"])
    order = np.argsort(columns["src"], kind="stable") if form == "k2" else np.arange(len(columns["src"]))
    ordered = {name: column[order] for name, column in columns.items()}
    whole = Graph(**ordered, start=start, final=final, labels=graph.labels)
    return replace(document, graph=whole, names=range(graph.nodes), id="utt-1" if form == "kaldi" else document.id)


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("form", TEXT_FORMS)
@given(data=st.data())
def test_what_a_form_holds_comes_back_whole(form: str, table: bool, folder: pathlib.Path, data: st.DataObject) -> None:
    if table and form == "slf":
        return
    document = data.draw(whole_documents(form, ONE_WORD if table and form != "kaldi" else HELD[form]))
    symbols = Symbols(str(folder / "symbols")) if table else None
    result = written(form, document, symbols)
    assert not result.losses
    options = ReadOptions(keep_tags=form in ("slf", "kaldi"))
    if symbols is not None:
        (folder / "symbols").write_text(symbols.text(), encoding="utf-8")
        options = ReadOptions(isymbols=None if form == "kaldi" else symbols.path, osymbols=symbols.path)
    again = read_again(form, result.data, options, folder)
    again = without_final_arcs(again) if form == "kaldi" else again
    assert arcs_of(again) == arcs_of(document)
    assert ends_of(again) == ends_of(document)
    assert list(again.names) == list(document.names)


@pytest.mark.parametrize("form", ALL_FORMS)
@given(data=st.data())
def test_what_is_lossy_keeps_every_path_and_its_energy(form: str, folder: pathlib.Path, data: st.DataObject) -> None:
    """Labels that fit; nodes, ends and arcs in any order."""
    document = data.draw(documents(labels=["1", "2", "17"], acceptor=True if form == "slf" else None))
    result = written(form, document)
    again = read_again(form, result.data, ReadOptions(), folder)
    if not any("float32" in loss for loss in result.losses):
        assert paths_of(again.graph) == paths_of(document.graph)
    assert not any("label" in loss for loss in result.losses)


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_every_form_holds_many_graphs_whole(form: str, folder: pathlib.Path) -> None:
    """The exact round trip is not empty talk: most ordinary graphs lose nothing."""
    graph = strategies.lecture_cut() if form == "slf" else strategies.lecture_34()
    document = Document(graph, "x", "test", range(graph.nodes))
    losses = written(form, document).losses
    assert losses == (("the order of arcs (they are sorted by the node they leave)",) if form == "k2" else ())


@given(word=st.text(min_size=1, max_size=6))
def test_every_word_comes_back_from_slf(word: str, folder: pathlib.Path) -> None:
    if word in ("!NULL",) or any("\ud800" <= letter <= "\udfff" for letter in word):
        return
    graph = strategies.acceptor([(0, 1, word, 0.1)], 0, 1)
    again = read_again(
        "slf", written("slf", Document(graph, word, "test", range(2))).data, ReadOptions(keep_tags=True), folder
    )
    assert again.graph.labels == ("", word)
    assert again.id == word
    assert quoted("plain") == "plain"


# What formats are, in their own words ---------------------------------------------------------------------------------


def read_text(form: str, text: str, folder: pathlib.Path, **options: Any) -> Document:
    return read_again(form, text.encode(), ReadOptions(**options), folder)


def test_openfst_acceptor(folder: pathlib.Path) -> None:
    document = read_text("att", "0 1 the 0.5\n0\t2  cat\n1 2 <eps> -1e-3\n2 0.25\n1\n", folder)
    assert arcs_of(document) == [(0, 1, "the", "the", 0.5), (0, 2, "cat", "cat", 0.0), (1, 2, None, None, -0.001)]
    assert ends_of(document) == [{0: 0.0}, {1: 0.0, 2: 0.25}]


def test_openfst_transducer_starts_at_its_first_line(folder: pathlib.Path) -> None:
    document = read_text("att", "3 1 a x 0.5\n1 0 <eps> y\n0 1.5\n", folder)
    assert arcs_of(document) == [(3, 1, "a", "x", 0.5), (1, 0, None, "y", 0.0)]
    assert ends_of(document) == [{3: 0.0}, {0: 1.5}]


def test_openfst_numbers_have_0_for_epsilon_and_words_have_not(folder: pathlib.Path) -> None:
    assert arcs_of(read_text("att", "0 1 0 0.5\n1\n", folder)) == [(0, 1, None, None, 0.5)]
    assert arcs_of(read_text("att", "0 1 0 0.5\n0 1 x 0.5\n1\n", folder))[0] == (0, 1, "0", "0", 0.5)


def test_openfst_infinite_weights_are_left_out(folder: pathlib.Path) -> None:
    document = read_text("att", "0 1 a Infinity\n0 1 b 1.0\n2 Infinity\n1\n", folder)
    assert arcs_of(document) == [(0, 1, "b", "b", 1.0)]
    assert list(document.names) == [0, 1, 2]


def test_four_columns_of_whole_numbers_are_ambiguous(folder: pathlib.Path) -> None:
    text = "0 1 3 5\n1\n"
    with pytest.raises(FormatError, match=r"again:1: 5 may be the weight or .*--acceptor or --transducer"):
        read_text("att", text, folder)
    assert arcs_of(read_text("att", text, folder, acceptor=True)) == [(0, 1, "3", "3", 5.0)]
    assert arcs_of(read_text("att", text, folder, acceptor=False)) == [(0, 1, "3", "5", 0.0)]


def test_symbol_tables_on_either_side(folder: pathlib.Path) -> None:
    (folder / "in.txt").write_text("<eps> 0\na 1\nb 2\n")
    (folder / "out.txt").write_text("- 0\nx 1\n")
    tables = {"isymbols": str(folder / "in.txt"), "osymbols": str(folder / "out.txt")}
    document = read_text("att", "0 1 1 1 0.5\n1 2 2 0 0.5\n2\n", folder, **tables)
    assert arcs_of(document) == [(0, 1, "a", "x", 0.5), (1, 2, "b", None, 0.5)]
    document = read_text("att", "0 1 a x 0.5\n1 2 b - 0.5\n2\n", folder, **tables)
    assert arcs_of(document) == [(0, 1, "a", "x", 0.5), (1, 2, "b", None, 0.5)]
    with pytest.raises(FormatError, match=r"again:1: label 9 is not in the symbol table .*out.txt"):
        read_text("att", "0 1 1 9 0.5\n1\n", folder, **tables)
    with pytest.raises(FormatError, match=r"again:2: label 'c' is not in the symbol table .*in.txt"):
        read_text("att", "0 1 a x 0.5\n1 1 c x 0.5\n1\n", folder, **tables)


def test_gtn(folder: pathlib.Path) -> None:
    document = read_text("gtn", "0 1\n3\n0 1 0\n1 2 5 -1\n2 3 -1 7 -1.5\n", folder)
    arcs = [(0, 1, "0", "0", 0.0), (1, 2, "5", None, 0.0), (2, 3, None, "7", 1.5)]
    assert arcs_of(document) == arcs, "GTN maximises scores: an energy is the negative; -1 is epsilon, 0 a label"
    assert ends_of(document) == [{0: 0.0, 1: 0.0}, {3: 0.0}]


def test_k2(folder: pathlib.Path) -> None:
    document = read_text("k2", "0 1 10 0.1\n0 2 0 0.2\n1 2 30 0.3\n1 3 -1 0.4\n2 3 -1 0.5\n3\n", folder)
    assert arcs_of(document) == [(0, 1, "10", "10", -0.1), (0, 2, None, None, -0.2), (1, 2, "30", "30", -0.3)]
    assert ends_of(document) == [{0: 0.0}, {1: -0.4, 2: -0.5}]


def test_k2_with_auxiliary_labels_and_a_final_arc_that_says_something(folder: pathlib.Path) -> None:
    document = read_text("k2", "0 1 2 10 0.1\n0 1 3 0 0.1\n1 2 -1 7 0.2\n2\n", folder)
    assert arcs_of(document) == [(0, 1, "2", "10", -0.1), (0, 1, "3", None, -0.1), (1, 2, None, "7", -0.2)]
    assert ends_of(document) == [{0: 0.0}, {2: 0.0}]


ARCHIVE = """utt-1\x20
0\t1\t5\t1.5,2.25,17_17_18
0\t2\t6\t1,2,
1\t2\t0\t0.5,-0.125,3
2\t0.5,0.25,9_9

utt-2\x20
0\t1\t17\t5\t1.5,2.25
1\t2\t18\t0\t0.5,0.5
2

"""


def archive(folder: pathlib.Path, text: str = ARCHIVE, **options: Any) -> list[Any]:
    path = folder / "lattices.ark"
    path.write_text(text)
    return [record for record in read_records(str(path), ReadOptions(**options)) if not isinstance(record, Pause)]


def test_kaldi_archives_of_both_kinds(folder: pathlib.Path) -> None:
    (folder / "words.txt").write_text("<eps> 0\nthe 5\ncat 6\n")
    compact, plain = archive(folder, osymbols=str(folder / "words.txt"))
    assert [compact.id, plain.id] == ["utt-1", "utt-2"]
    assert arcs_of(compact) == [
        (0, 1, "17_17_18", "the", 3.75),
        (0, 2, None, "cat", 3.0),
        (1, 2, "3", None, 0.375),
        (2, "final", "9_9", None, 0.75),
    ]
    assert compact.scores["graph"].tolist() == [1.5, 1.0, 0.5, 0.5]
    assert compact.scores["acoustic"].tolist() == [2.25, 2.0, -0.125, 0.25]
    assert arcs_of(plain) == [(0, 1, "17", "the", 3.75), (1, 2, "18", None, 1.0)]
    assert ends_of(plain) == [{0: 0.0}, {2: 0.0}]


def test_kaldi_archives_come_back(folder: pathlib.Path) -> None:
    """To the byte, with words as numbers or through a table; numbers are spelled with all their digits."""
    (folder / "words.txt").write_text("<eps> 0\nthe 5\ncat 6\n")
    for path in (None, str(folder / "words.txt")):
        symbols = None if path is None else read_symbols(path)
        results = [written("kaldi", document, symbols) for document in archive(folder, osymbols=path)]
        if path is None:
            assert not any(result.losses for result in results)
            assert b"".join(result.data for result in results).decode().replace("1.0,2.0,", "1,2,") == ARCHIVE
        else:
            assert results[0].data.decode().replace("1.0,2.0,", "1,2,") == ARCHIVE[: ARCHIVE.index("utt-2")]


def test_an_empty_lattice_is_an_empty_record(folder: pathlib.Path) -> None:
    empty, full = archive(folder, "a \n\nb \n0\t1\t2\t1.0,1.0,\n1\n\n")
    assert (empty.id, empty.graph.nodes, full.id) == ("a", 0, "b")
    assert written("kaldi", empty) == Written(b"a \n\n")
    assert written("att", empty).data == b""
    assert read_text("att", "", folder).graph.nodes == 0


def test_kaldi_scales_reach_final_weights(folder: pathlib.Path) -> None:
    compact, _ = archive(folder, scales={"acoustic": 0.5})
    assert compact.graph.energy.tolist() == [1.5 + 1.125, 2.0, 0.4375, 0.625]


def test_a_bad_record_of_an_archive_does_not_touch_the_others(folder: pathlib.Path) -> None:
    bad = "bad \n0\t1\t5\t1.5;2\n1\n\n0 1 2 3,4,\n\n"
    records = archive(folder, bad + ARCHIVE)
    assert [type(record) for record in records] == [Failure, Failure, Document, Document]
    assert "lattices.ark:2: weight is '1.5;2', expected graph,acoustic" in str(records[0].error)
    assert records[0].id == "bad"
    assert "lattices.ark:5: found '0 1 2 3,4,', expected the key of a lattice" in str(records[1].error)


BAD = [
    ("att", "0 1 a x\n0 x b y 0.5\n", "again:2: node is 'x', expected a whole number"),
    ("att", "0 1 a\n0 1 b nan\n", "again:2: weight is 'nan', expected a number"),
    ("att", "0 1 a\n0 1 a b 0.5 7\n", "again:2: found 6 columns, expected an arc of an acceptor"),
    ("att", "0 1 a\n1\n1 0.5\n", "again:3: node 1 is final twice, expected once"),
    ("gtn", "0", "again:1: the file ends, expected start nodes, then accepting nodes"),
    ("gtn", "0\n1\n0 1 a\n", "again:3: label is 'a', expected a whole number"),
    ("gtn", "0 0\n1\n", "again:1: node 0 is listed twice among the start nodes"),
    ("gtn", "0\n1\n0 1\n", r"again:3: found 2 columns, expected src dst ilabel \[olabel \[weight\]\]"),
    ("gtn", "0\n1\n0 1 2 2 inf\n", "again:3: score is 'inf', expected a number"),
    ("k2", "0 1 2 0.5\n1 2 -1 0.1\n", "again:2: the file ends, expected the final state alone"),
    ("k2", "0 1 -1 0.5\n1 2 -1 0.1\n2\n", "again:1: label is -1 on an arc to state 1, expected label -1 on the arcs"),
    ("k2", "0 2 5 0.5\n2\n", "again:1: label is 5 on an arc to state 2, expected label -1"),
    ("k2", "0 1 2 0.5\n0 1 2 2 0.5\n1 2 -1 0.1\n2\n", "again:2: found 5 columns, .* 4 columns as on line 1"),
    ("kaldi", "key\n0 1 2 0.5,x,\n", "again:2: acoustic cost is 'x', expected a number"),
    ("kaldi", "key\n0 1 2 3 0.5,1.0\n1 0.5,1.0,2\n", "again:3: line 3 is of a CompactLattice, line 2 of a Lattice"),
    ("kaldi", "key\n0 1 2 0.5,1.0,\n1 0.5,1.0,2\n1\n", "again:4: node 1 is final twice, expected once"),
    ("kaldi", "key\n0 1 5 1.5;2\n", "again:2: weight is '1.5;2', expected graph,acoustic in column 5"),
    ("kaldi", "key\n0 1 1.5;2\n", "again:2: weight is '1.5;2', expected graph,acoustic,transition-ids in column 4"),
    ("kaldi", "key\n0 1 5 0.5,1.0\n", "again:2: weight is '0.5,1.0', expected graph,acoustic in column 5"),
    ("kaldi", "key\n0 1 2 0.5,1.0,a_b\n", "again:2: weight is '0.5,1.0,a_b', expected graph,acoustic,transition-ids"),
]


@pytest.mark.parametrize(("form", "text", "message"), BAD)
def test_errors_name_the_line_and_what_was_expected(form: str, text: str, message: str, folder: pathlib.Path) -> None:
    with pytest.raises(FormatError, match=message):
        read_text(form, text, folder)


@given(form=st.sampled_from(["att", "gtn", "k2", "kaldi"]), text=st.text("0123 \n-.,_ae<>\t", max_size=60))
def test_any_text_is_read_or_refused(form: str, text: str, folder: pathlib.Path) -> None:
    with contextlib.suppress(LatticeError):  # and nothing else
        read_text(form, text, folder)


def test_what_a_file_is_shows_in_its_name_or_its_bytes(folder: pathlib.Path) -> None:
    samples = {
        "a.att": "0 1 x 0.5\n1\n",
        "a.fst.txt": "0 1 x 0.5\n1\n",
        "a.gtn": "0\n1\n0 1 5 5 -0.5\n",
        "a.k2": "0 1 5 -0.5\n1 2 -1 0\n2\n",
        "a.ark": "key \n0 1 5 0.25,0.25,\n1\n\n",
        "no-ending": "key \n0 1 5 0.25,0.25,\n1\n\n",
    }
    for name, text in samples.items():
        (folder / name).write_text(text)
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        for path in (name, f"{name}.gz"):
            assert read_one(str(folder / path), ReadOptions()).graph.energy.tolist() == [0.5], path
    (folder / "columns").write_text(samples["a.gtn"])
    with pytest.raises(FormatError, match=r"a graph in columns of text, .* --format to say which: att .* or gtn"):
        read_one(str(folder / "columns"), ReadOptions())


# What is lost -------------------------------------------------------------------------------------------------------


def rich_document() -> Document:
    """A document that has everything a document may have."""
    graph = Graph([0, 0], [1, 1], [1, 2], [1, 0], [3.0, 4.0], [0.5, 0.0], [np.inf, 0.25], ("", "a b", "c"))
    scores = {"lm": np.array([1.0, 2.0]), "tone": np.array([1.0, 1.0])}
    scales = {"tone": 2.0}
    return Document(graph, "rich", "test", ["s", "t"], np.array([0.0, 1.5]), scores, scales, "a b")


EXPECTED = {
    "att": [
        "the target 'a b'",
        "times of nodes",
        "named scores",
        "names of nodes",
        "start energies",
        "'a b'",
    ],
    "gtn": [
        "the target 'a b'",
        "times of nodes",
        "named scores",
        "start energies",
        "final energy",
        "labels that",
    ],
    "k2": [
        "the target 'a b'",
        "times of nodes",
        "named scores",
        "start energies",
        "order of nodes",
        "labels that",
    ],
    "kaldi": ["the target 'a b'", "times of nodes", "lm, tone (added up as 'graph')", "names of nodes", "labels that"],
    "slf": ["the target 'a b'", "input labels", "tone (added up as 'lm')", "final energy of 1 node", "names of nodes"],
    "npy": ["the target 'a b'", "times of nodes"],
}


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_everything_that_is_lost_is_named(form: str, folder: pathlib.Path) -> None:
    result = written(form, rich_document())
    said = "; ".join(result.losses)
    for phrase in EXPECTED[form]:
        assert phrase in said
    again = read_again(form, result.data, ReadOptions(), folder)
    energies = sorted(path.energy for path in oracle.all_paths(again.graph))
    assert energies == pytest.approx(sorted(path.energy for path in oracle.all_paths(rich_document().graph)))


def test_files_of_other_commands_are_refused_where_something_would_be_lost(folder: pathlib.Path) -> None:
    with pytest.raises(UsageError, match=r"rich: slf cannot hold the target .* --lossy writes the rest"):
        write_documents(str(folder / "rich.slf"), [rich_document()])
    assert not (folder / "rich.slf").exists()


def test_slf_keeps_scores_times_and_scales(folder: pathlib.Path) -> None:
    graph = Graph([0, 0], [1, 1], [1, 0], [1, 0], [0.0, 0.0], [0, np.inf], [np.inf, 0], ("", "a"))
    scores = {"acoustic": np.array([1 / 3, 0.1]), "lm": np.array([2.5, 1e-7]), "words": np.array([1.0, 0.0])}
    document = Document(graph, "x", "test", [4, 9], np.array([0.01, np.nan]), scores, {"lm": 1 / 7, "words": -0.3})
    result = written("slf", document.scaled({"lm": 1 / 7}))
    assert not result.losses
    again = read_again("slf", result.data, ReadOptions(), folder)
    assert {name: column.tolist() for name, column in again.scores.items()} == {
        name: column.tolist() for name, column in scores.items()
    }
    assert dict(again.scales) == {"lm": 1 / 7, "words": -0.3}
    assert again.times is not None
    assert again.times[0] == 0.01
    assert np.isnan(again.times[1])


@given(data=st.data())
def test_matrices_come_back(folder: pathlib.Path, data: st.DataObject) -> None:
    steps, classes = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    matrix = np.array(data.draw(st.lists(st.floats(-9, 9), min_size=steps * classes, max_size=steps * classes)))
    labels = ("", "a", " ", "")[: classes + 1]
    graph = emission_graph(matrix.reshape(steps, classes), labels)
    document = Document(graph, "x", "test", range(graph.nodes))
    result = FORMATS["npy"].writer(document, WriteOptions(labels=str(folder / "labels")))
    assert not result.losses
    (folder / "labels").write_text("".join(f"{label}\n" for label in labels[1:]))
    again = read_again("npy", result.data, ReadOptions(labels=str(folder / "labels")), folder)
    assert arcs_of(again) == arcs_of(document)
    assert again.graph.labels == labels


@pytest.mark.parametrize(
    ("arcs", "why"),
    [
        ([(0, 2, "a", 1.0), (1, 2, "a", 1.0)], "arc 0 goes from"),
        ([(0, 1, "b", 1.0), (0, 1, "a", 1.0)], "arc 1 is out of"),
    ],
)
def test_only_chains_are_matrices(arcs: Any, why: str) -> None:
    graph = strategies.acceptor(arcs, 0, max(arc[1] for arc in arcs))
    with pytest.raises(FormatError, match=why):
        written("npy", Document(graph, "x", "test", range(graph.nodes)))


def test_a_symbol_table_is_read_with_its_lines(folder: pathlib.Path) -> None:
    path = folder / "table"
    for text, message in (
        ("a 1\nb\n", "table:2: found 'b', expected a label and its number"),
        ("a 1\nb 1\n", "table:2: number 1 is there twice"),
        ("a 1\na 2\n", "table:2: label 'a' is there twice"),
        ("a x\n", "table:1: found 'a x'"),
    ):
        path.write_text(text)
        with pytest.raises(FormatError, match=message):
            read_symbols(str(path))


def test_gtn_loads_no_energies_beyond_float32(folder: pathlib.Path) -> None:
    graph = strategies.acceptor([(0, 1, "1", 1e-60), (0, 1, "2", 1e60), (0, 1, "3", 0.1)], 0, 1)
    result = written("gtn", document_of(graph))
    assert result.losses == ("energies beyond the range of float32, such as 1e-60 of arc 0 (0 is written)",)
    again = read_again("gtn", result.data, ReadOptions(), folder)
    assert again.graph.energy.tolist() == [0.0, float(np.finfo(np.float32).max), 0.1]


def test_dot_says_what_the_graph_is() -> None:
    graph = Graph([0], [1], [1], [0], [0.25], [0.5, np.inf], [np.inf, 0.0], ("", 'a"\\n'))
    text = FORMATS["dot"].writer(Document(graph, "x", "test", range(2)), WriteOptions()).data.decode()
    assert 'n0 -> n1 [label="a\\"\\\\n:ε/0.25"];' in text
    assert 'n0 [label="0\\n▸ 0.5" style=bold];' in text
    assert 'n1 [label="1" shape=doublecircle];' in text


# Lattices that a recogniser made ------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize("form", TEXT_FORMS)
def test_recognised_lattices_come_back(form: str, shared: pathlib.Path, folder: pathlib.Path) -> None:
    paths = sorted((shared / "data" / "asr").glob("*/*.slf.gz"))
    assert len(paths) > 40
    for path in paths:
        document = read_one(str(path), ReadOptions())
        symbols = Symbols(str(folder / "words")) if form in NUMBERED else None
        result = written(form, document, symbols)
        if symbols is not None:
            (folder / "words").write_text(symbols.text(), encoding="utf-8")
        options = ReadOptions(isymbols=symbols and symbols.path, osymbols=symbols and symbols.path)
        again = read_again(form, result.data, options, folder)
        graph, other = document.graph, again.graph
        if form == "slf":
            assert not result.losses, path
            assert arcs_of(again) == arcs_of(document), path
            assert again.times is not None
            assert np.array_equal(again.times, document.times, equal_nan=True)
        found = [(graph.labels[label], energy) for label, energy in zip(graph.olabel.tolist(), graph.energy.tolist())]
        kept = [(other.labels[label], energy) for label, energy in zip(other.olabel.tolist(), other.energy.tolist())]
        assert sorted(kept) == sorted(found) if form == "k2" else kept == found, path
        free, wanted = (sweep(each, LogSemiring(1.0)).totals[0] for each in (other, graph))
        assert free == pytest.approx(wanted, rel=1e-12)


def test_json_of_the_command_line_is_what_was_read() -> None:
    assert json.loads(FORMATS["jsonl"].writer(rich_document(), WriteOptions()).data)["target"] == "a b"

"""Binary OpenFst files, Kaldi archives and script files: what peers wrote is read, what is written comes back."""

from __future__ import annotations

import gzip
import json
import pathlib
import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import strategies
from support.commands import run

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import read_inputs, read_one, read_records
from lattice_cli.formats.io import Failure, Pause, ReadOptions, Symbols, WriteOptions, fresh_notes
from lattice_cli.formats.registry import FORMATS
from lattice_cli.graph import Document, Graph, Inputs

#: Files that other systems made; a page in the folder says which.
MADE = pathlib.Path(__file__).parent / "made_by_peers"
BINARY = sorted(path for path in MADE.iterdir() if path.suffix in (".fst", ".ark") and path.stem != "edit")
LABELS = ("", "1", "17", "the", "<eps>", "a b", "", "é\n", "0", "007")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("binary")


def arcs_of(document: Document) -> list[tuple[Any, ...]]:
    """Arcs with nodes by name and labels as text, None for epsilon."""
    graph, names = document.graph, document.names
    texts = [None, *graph.labels[1:]]
    columns = (getattr(graph, name).tolist() for name in ("src", "dst", "ilabel", "olabel", "energy"))
    return [
        (names[src], names[dst], texts[one], texts[other], energy) for src, dst, one, other, energy in zip(*columns)
    ]


def assert_same(one: Document, other: Document) -> None:
    """Two records are one to the last bit, whatever places labels have in their tables."""
    assert one.id == other.id
    assert list(one.names) == list(other.names)
    assert arcs_of(one) == arcs_of(other)
    for column in ("energy", "start", "final"):
        assert getattr(one.graph, column).tobytes() == getattr(other.graph, column).tobytes()
    assert list(one.scores) == list(other.scores)
    assert all(one.scores[name].tobytes() == other.scores[name].tobytes() for name in one.scores)


def everything(path: pathlib.Path | str, read: Callable[..., Any] = read_records, **options: Any) -> list[Any]:
    """The records of a file; an error is raised."""
    found = [record for record in read(str(path), ReadOptions(**options)) if not isinstance(record, Pause)]
    for record in found:
        if isinstance(record, Failure):
            raise record.error
    return found


def again(form: str, document: Document, folder: pathlib.Path, symbols: Symbols | None = None) -> Document:
    """A document, written and read."""
    written = FORMATS[form].writer(document, WriteOptions(symbols))
    (folder / "again").write_bytes(written.data)
    table = None
    if symbols is not None:
        table = str(folder / "symbols")
        pathlib.Path(table).write_text(symbols.text(), encoding="utf-8")
    return read_one(str(folder / "again"), ReadOptions(isymbols=table, osymbols=table))


# What other systems made ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["standard-vector", "standard-const", "log64-vector", "log64-const"])
def test_openfst_files_of_both_kinds(kind: str) -> None:
    document = read_one(str(MADE / f"{kind}.fst"))
    tenth = float(np.float32(0.1)) if kind.startswith("standard") else 0.1
    assert arcs_of(document) == [(0, 1, "1", "2", tenth), (0, 1, "3", None, 2.5), (1, 2, "2", "2", 0.0)]
    assert document.graph.final.tolist() == [np.inf, 0.5, 0.25]
    assert document.graph.starts.tolist() == [0]


def test_a_type_that_is_not_read_is_refused_by_its_name() -> None:
    with pytest.raises(FormatError, match=r"edit.fst: an OpenFst file of type 'edit', expected vector or const"):
        read_one(str(MADE / "edit.fst"))


def test_symbol_tables_inside_are_used_unless_others_are_given(folder: pathlib.Path) -> None:
    document = read_one(str(MADE / "symbols.fst"))
    assert [arc[2:4] for arc in arcs_of(document)] == [("the", "cat"), ("é", None), ("cat", "cat")]
    (folder / "words").write_text("<eps> 0\none 1\ntwo 2\nthree 3\n")
    document = read_one(str(MADE / "symbols.fst"), ReadOptions(osymbols=str(folder / "words")))
    assert [arc[2:4] for arc in arcs_of(document)] == [("the", "two"), ("é", None), ("cat", "two")]
    (folder / "words").write_text("<eps> 0\none 1\n")
    with pytest.raises(FormatError, match=r"label 2 is not in the symbol table .*words"):
        read_one(str(MADE / "standard-vector.fst"), ReadOptions(osymbols=str(folder / "words")))


def test_aligned_tables_are_found(folder: pathlib.Path) -> None:
    data = (MADE / "standard-const.fst").read_bytes()
    head, states, arcs = data[:65], data[65 : 65 + 60], data[125:]
    flagged = head[: 4 + 9 + 12 + 4] + struct.pack("<i", 4) + head[4 + 9 + 12 + 8 :]
    aligned = flagged + bytes(-len(head) % 16) + states
    (folder / "aligned.fst").write_bytes(aligned + bytes(-len(aligned) % 16) + arcs)
    aligned_document, document = read_one(str(folder / "aligned.fst")), read_one(str(MADE / "standard-const.fst"))
    assert arcs_of(aligned_document) == arcs_of(document)


@pytest.mark.parametrize("kind", ["compact", "lattice"])
def test_a_binary_lattice_is_the_record_that_its_text_is(kind: str, folder: pathlib.Path) -> None:
    (binary,), (text,) = everything(MADE / f"{kind}.ark"), everything(MADE / f"{kind}.txt", format="kaldi")
    assert_same(binary, text)
    assert list(binary.scores) == ["graph", "acoustic"]
    assert binary.names[-1] == "final"
    alone = folder / "alone"
    alone.write_bytes((MADE / f"{kind}.ark").read_bytes().removeprefix(b"utt "))
    assert arcs_of(read_one(str(alone))) == arcs_of(text)


def test_words_of_a_binary_lattice_come_from_a_table(folder: pathlib.Path) -> None:
    (folder / "words").write_text("<eps> 0\nthe 5\na 6\n")
    (document,) = everything(MADE / "compact.ark", osymbols=str(folder / "words"), scales={"acoustic": 0.1})
    assert [arc[2:4] for arc in arcs_of(document)][:2] == [("17_17_18", "the"), ("17_19", "a")]
    assert document.graph.energy[0] == 1.5 + 0.1 * 2.25


def test_a_file_alone_need_not_say_how_many_states_it_has(folder: pathlib.Path) -> None:
    (folder / "x").write_bytes(
        header(-1) + struct.pack("<fqiifi", np.inf, 1, 5, 6, 0.5, 1) + struct.pack("<fq", 0.25, 0)
    )
    assert arcs_of(read_one(str(folder / "x"))) == [(0, 1, "5", "6", 0.5)]
    (folder / "x").write_bytes(b"utt " + (folder / "x").read_bytes())
    with pytest.raises(FormatError, match=r"utt: byte \d+: the number of states is -1, expected 0 or more"):
        everything(folder / "x")


def test_an_archive_of_automata() -> None:
    one, other = everything(MADE / "graph.ark")
    assert (one.id, other.id) == ("utt1", "utt2")
    assert arcs_of(one) == arcs_of(other) == arcs_of(read_one(str(MADE / "standard-vector.fst")))


@pytest.mark.parametrize("kind", ["FM", "DM", "CM", "CM2", "CM3"])
def test_matrices_are_what_kaldi_reads(kind: str, folder: pathlib.Path) -> None:
    expected = json.loads((MADE / "matrices.json").read_text())[kind]
    inputs = everything(MADE / f"{kind}.ark", read_inputs)
    assert all(isinstance(record, Inputs) for record in inputs)
    assert {record.id: record.values.tolist() for record in inputs} == expected
    (folder / "labels").write_text("x\ny\n")
    graphs = everything(MADE / f"{kind}.ark", labels=str(folder / "labels"), units="logp")
    for record in graphs:
        assert record.graph.energy.tolist() == (0.0 - np.array(expected[record.id])).ravel().tolist()
        assert record.graph.labels == ("", "x", "y")


def test_matrices_as_text() -> None:
    expected = json.loads((MADE / "matrices.json").read_text())["FM"]
    for record in everything(MADE / "FM.txt", read_inputs, format="kaldi"):
        assert record.values == pytest.approx(np.array(expected[record.id]), rel=1e-6)


def test_matrices_need_labels_and_as_many_as_they_have_columns(folder: pathlib.Path) -> None:
    with pytest.raises(UsageError, match=r"FM\.ark: a: the columns of this matrix have no labels, expected --l"):
        everything(MADE / "FM.ark")
    (folder / "labels").write_text("x\ny\nz\n")
    with pytest.raises(FormatError, match=r"a: the matrix has 2 columns, but .*labels has 3 labels"):
        everything(MADE / "FM.ark", labels=str(folder / "labels"))


def words_of(document: Document) -> list[str]:
    return [document.graph.labels[label] for label in document.graph.olabel.tolist()]


@pytest.mark.parametrize("name", ["x.ark", "x.lats", "x.scp"])
@pytest.mark.parametrize("strings", ["", "17_18"])
def test_sentence_tags_are_epsilon_in_binary_as_in_text(
    name: str, strings: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("x.ark").write_text(f"u\n0 1 4 0,0,{strings}\n1 2 1 1,1,\n2 3 5 0,0,\n3\n\n")
    pathlib.Path("x.words").write_text("<eps> 0\na 1\n<s> 4\n</s> 5\n")
    pathlib.Path("x.lats").write_bytes(FORMATS["kaldi-binary"].writer(read_one("x.ark"), WriteOptions()).data)
    pathlib.Path("x.scp").write_text("u x.lats:2\n")
    fresh_notes()
    (document,) = everything(name, osymbols="x.words")
    said = "<s> and </s> are read as epsilon; --keep-tags keeps them as labels"
    assert [text for _, text in fresh_notes()] == [said]
    assert words_of(document) == ["", "a", ""]
    inputs = [document.graph.labels[label] for label in document.graph.ilabel.tolist()]
    assert inputs == (["17_18", "", ""] if strings else ["", "a", ""])
    (document,) = everything(name, osymbols="x.words", keep_tags=True)
    assert words_of(document) == ["<s>", "a", "</s>"]
    assert fresh_notes() == []
    lost = FORMATS["kaldi-binary"].writer(document, WriteOptions(Symbols(""))).losses
    assert "the label '<s>' (read as epsilon; --keep-tags keeps it)" in lost


def test_labels_of_lattices_are_words_and_those_of_matrices_what_they_look_like(folder: pathlib.Path) -> None:
    """In one archive too."""
    (folder / "labels").write_text("x\ny\n")
    (folder / "mixed").write_bytes((MADE / "FM.ark").read_bytes() + (MADE / "compact.ark").read_bytes())
    kinds = [(record.rows, record.split) for record in everything(folder / "mixed", labels=str(folder / "labels"))]
    assert set(kinds[:-1]) == {(True, "auto")}
    assert kinds[-1] == (False, "words")
    options = {"labels": str(folder / "labels"), "split": "characters"}
    assert {record.split for record in everything(folder / "mixed", **options)} == {"characters"}


def test_digits_behind_words_are_words_in_archives_that_begin_with_binary_records(folder: pathlib.Path) -> None:
    text = b"u1 \n0 1 the 1,1,3\n1\n\nu2 \n0 1 0 1,1,3\n1\n\n"
    (folder / "mixed").write_bytes((MADE / "compact.ark").read_bytes() + text)
    assert [words_of(record) for record in everything(folder / "mixed")[1:]] == [["the"], ["0"]]
    (folder / "mixed").write_bytes((MADE / "compact.ark").read_bytes() + b"u1 \n0 1 5 1;2\n1\n\n")
    with pytest.raises(FormatError, match=r"mixed: u1:1: weight is '1;2', expected graph,acoustic in column 5"):
        everything(folder / "mixed")


def test_an_encoding_is_that_of_text_and_tables_not_of_binary_records(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("x.words").write_bytes("<eps> 0\né 5\nü 6\n".encode("utf-16"))
    pathlib.Path("x.scp").write_bytes(f"ö {MADE / 'compact.ark'}:4\n".encode("utf-16"))
    for name, key in ((MADE / "compact.ark", "utt"), ("x.scp", "ö")):
        (document,) = everything(name, osymbols="x.words", encoding="utf-16", format="auto")
        assert (document.id, words_of(document)[:2]) == (key, ["é", "ü"])
    assert len(everything(MADE / "graph.ark", encoding="utf-16")) == 2
    assert arcs_of(read_one(str(MADE / "standard-vector.fst"), ReadOptions(encoding="utf-16")))


# What is written --------------------------------------------------------------------------------------------------


@st.composite
def documents(draw: st.DrawFn, energies: st.SearchStrategy[float]) -> Document:
    """A graph over awkward labels, with one start, as files of states have it."""
    table = ("", *draw(st.lists(st.sampled_from(LABELS), min_size=3, max_size=3, unique=True)))
    graph = draw(strategies.graphs(labels=table, cyclic=True, energies=energies, min_nodes=1))
    start = np.full(graph.nodes, np.inf)
    start[draw(st.integers(0, graph.nodes - 1))] = 0.0
    order = np.argsort(graph.src, kind="stable")
    columns = [getattr(graph, name)[order] for name in ("src", "dst", "ilabel", "olabel", "energy")]
    return Document(Graph(*columns, start, graph.final, table), "utt", "test", range(graph.nodes))


@given(document=documents(strategies.any_energies))
def test_log64_files_hold_a_graph_whole(document: Document, folder: pathlib.Path) -> None:
    assert FORMATS["fst64"].writer(document, WriteOptions()).losses == ()
    found = again("fst64", document, folder)
    assert arcs_of(found) == arcs_of(document)
    assert found.graph.final.tobytes() == document.graph.final.tobytes()
    assert found.graph.start.tobytes() == document.graph.start.tobytes()


@given(document=documents(strategies.any_energies), with_symbols=st.booleans())
def test_standard_files_hold_it_to_a_float32(document: Document, with_symbols: bool, folder: pathlib.Path) -> None:
    symbols = Symbols("") if with_symbols else None
    written = FORMATS["fst"].writer(document, WriteOptions(symbols))
    rounded = [np.float32(document.graph.energy), np.float32(document.graph.final)]
    exact = all(map(np.array_equal, rounded, (document.graph.energy, document.graph.final)))
    assert any("energies that are no float32" in loss for loss in written.losses) == (not exact)
    assert with_symbols or len(written.losses) == (not exact)
    found = again("fst", document, folder, symbols)
    assert found.graph.energy.tolist() == rounded[0].astype(float).tolist()
    assert found.graph.final.tolist() == rounded[1].astype(float).tolist()
    if not with_symbols:
        assert [arc[:4] for arc in arcs_of(found)] == [arc[:4] for arc in arcs_of(document)]


@st.composite
def lattices(draw: st.DrawFn) -> str:
    """A record of an archive, as text."""
    compact, nodes = draw(st.booleans()), draw(st.integers(1, 5))
    cost = st.one_of(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6), st.just(0.0))
    string = st.lists(st.integers(1, 300), max_size=4).map(lambda ids: "_".join(map(str, ids)))
    tail = (lambda: f",{draw(string)}") if compact else (lambda: "")
    rows = []
    for node in range(nodes):
        for _ in range(draw(st.integers(0, 3))):
            labels = [draw(st.integers(0, 20)) for _ in range(1 if compact else 2)]
            weight = f"{draw(cost)!r},{draw(cost)!r}{tail()}"
            rows.append("\t".join(map(str, [node, draw(st.integers(0, nodes - 1)), *labels, weight])))
        kind = draw(st.sampled_from(["final", "free", "no"]))
        end = {"final": f"\t{draw(cost)!r},{draw(cost)!r}{tail()}", "free": "", "no": "\tInfinity,Infinity"}[kind]
        rows.append(f"{node}{end}{',' * compact if kind == 'no' else ''}")
    return "utt\n" + "\n".join(rows) + "\n\n"


@given(text=lattices())
def test_a_lattice_comes_back_from_binary_as_from_text(text: str, folder: pathlib.Path) -> None:
    (folder / "text.ark").write_text(text)
    (document,) = everything(folder / "text.ark")
    written = FORMATS["kaldi-binary"].writer(document, WriteOptions())
    assert written.losses == ()
    (folder / "binary").write_bytes(written.data * 2)
    for found in everything(folder / "binary"):
        assert_same(found, document)


def test_final_weights_stay_where_a_start_node_is_added(folder: pathlib.Path) -> None:
    """The node that stands for them is then not the last one."""
    costs = {name: np.array([1.0, 0.5]) for name in ("graph", "acoustic")}
    graph = Graph([0, 1], [1, 2], [1, 2], [3, 0], [2.0, 1.0], [0.25, 3.0, np.inf], [np.inf, np.inf, 0.0], ("", *"9754"))
    document = Document(graph, "utt", "test", [0, 1, "final"], scores=costs)
    again_document = again("kaldi-binary", document, folder)
    assert [arc[:2] for arc in arcs_of(again_document)] == [(0, 1), (2, 0), (2, 1), (1, "final")]
    assert [arc[4] for arc in arcs_of(again_document)] == [2.0, 0.25, 3.0, 1.0]


def test_costs_are_float32_where_they_can_be(folder: pathlib.Path) -> None:
    for cost, kind in ((0.125, b"lattice4"), (0.1, b"lattice8")):
        (folder / "a.ark").write_text(f"utt\n0 1 7 5 {cost},1.0\n1\n\n")
        (document,) = everything(folder / "a.ark")
        assert kind in FORMATS["kaldi-binary"].writer(document, WriteOptions()).data
    (document,) = everything(MADE / "compact.ark")
    data = FORMATS["kaldi-binary"].writer(document, WriteOptions()).data
    assert len(data) == (MADE / "compact.ark").stat().st_size


def test_transition_ids_that_are_no_int32_are_refused() -> None:
    graph = Graph([0], [1], [1], [2], [1.0], [0.0, np.inf], [np.inf, 0.0], ("", f"{2**31}_1", "5"))
    with pytest.raises(FormatError, match=r"transition-ids are 2147483648_1, expected numbers below 2147483648"):
        FORMATS["kaldi-binary"].writer(Document(graph, "x", "test", range(2)), WriteOptions())


# Streams, script files, commands ----------------------------------------------------------------------------------


def test_an_archive_is_read_gzipped_from_a_pipe_and_by_its_bytes(tmp_path: pathlib.Path) -> None:
    data = (MADE / "compact.ark").read_bytes() + (MADE / "lattice.ark").read_bytes() + (MADE / "graph.ark").read_bytes()
    for name, content in (("x", data), ("x.gz", gzip.compress(data)), ("x.txt", data), ("x.json", data)):
        (tmp_path / name).write_bytes(content)
        assert [record.id for record in everything(tmp_path / name)] == ["utt", "utt", "utt1", "utt2"]


def test_script_files(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MADE)
    script = tmp_path / "x.scp"
    script.write_text(
        "one graph.ark:5\ntwo graph.ark:160\nthree compact.ark:4\nfour standard-vector.fst\nfive lattice.txt:4\n"
    )
    found = everything(script)
    assert [record.id for record in found] == ["one", "two", "three", "four", "five"]
    assert arcs_of(found[0]) == arcs_of(found[1]) == arcs_of(found[3])
    assert arcs_of(found[4]) == arcs_of(everything("lattice.ark")[0])
    script.write_text("a FM.ark:2\nb FM.ark:2[1:3]\nc FM.ark:2[0:4,1:1]\nd FM.ark:2[:,0:0]\ne FM.txt:2\n")
    whole, rows, part, column, text = (record.values for record in everything(script, read_inputs))
    assert rows.tolist() == whole[1:4].tolist()
    assert part.tolist() == whole[:5, 1:2].tolist()
    assert column.tolist() == whole[:, :1].tolist()
    assert text == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "a gunzip -c x.gz |",
            r"x.scp:1: 'gunzip -c x.gz .' is a command, which is not run, expected file or fi",
        ),
        ("a none.ark:7", r"x.scp:1: no file none.ark .paths are from where the command runs, as in Kaldi."),
        ("a -", r"x.scp:1: found '-', expected file or file:offset behind the key"),
        ("a", r"x.scp:1: found '', expected file or file:offset"),
        ("a compact.ark:4[0:1]", r"x.scp:1: a range .0:1. of a lattice, expected one of a matrix"),
        ("a FM.ark:2[0:99]", r"x.scp:1: rows 0:99 of a matrix of 12, expected some that are there"),
        ("a FM.ark:2[x]", r"x.scp:1: found range .x., expected .first:last."),
        ("a FM.ark:9999", r"byte 9999: the file ends in a matrix, expected '.'"),
    ],
)
def test_lines_of_script_files_that_are_wrong(
    line: str, message: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(MADE)
    (tmp_path / "x.scp").write_text(line + "\nb FM.ark:2\n")
    bad, good = (
        record for record in read_inputs(str(tmp_path / "x.scp"), ReadOptions()) if not isinstance(record, Pause)
    )
    assert isinstance(bad, Failure)
    assert bad.id == "a"
    with pytest.raises(FormatError, match=message):
        raise bad.error
    assert isinstance(good, Inputs)


def test_commands_read_and_write_them(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("two.ark").write_text("u1 \n0 1 5 1.5,2.25,17_17_18\n1 0.5,0.25,9\n\nu2 \n0 1 6 0.5,0.1,3\n1\n\n")
    assert run("convert", "two.ark", "two.lats").status == 0
    assert run("convert", "two.lats", "again.ark").status == 0
    assert pathlib.Path("again.ark").read_text() == run("convert", "two.ark", "--to", "kaldi").out
    refused = run("convert", "two.ark", "{id}.fst")
    assert refused.status == 2
    assert "u1: fst cannot hold named scores" in refused.err
    assert run("convert", "two.ark", "{id}.fst", "--lossy").status == 0
    assert run("convert", "two.ark", "{id}.json").status == 0
    rounded = run("convert", "u2.json", "u2.fst")
    assert "no float32, such as 0.6 (0.6000000238418579 is written; --to fst64 keeps them)" in rounded.err


# What is damaged --------------------------------------------------------------------------------------------------


def outcome(data: bytes, form: str, folder: pathlib.Path) -> int:
    """How many records are read of some bytes; what is wrong is a LatticeError of one line, and nothing else."""
    path = folder / "damaged"
    path.write_bytes(data)
    records = [record for read in (read_records, read_inputs) for record in read(str(path), ReadOptions(form))]
    assert not any("\n" in str(record.error) for record in records if isinstance(record, Failure))
    return sum(isinstance(record, (Document, Inputs)) for record in records)


@pytest.mark.parametrize("path", BINARY, ids=[path.name for path in BINARY])
def test_a_file_that_is_cut_short_is_refused_wherever_it_ends(path: pathlib.Path, folder: pathlib.Path) -> None:
    data, form = path.read_bytes(), "fst" if path.suffix == ".fst" else "kaldi-binary"
    whole = outcome(data, form, folder)
    for size in range(len(data)):
        assert outcome(data[:size], form, folder) <= (0 if form == "fst" else whole)


@pytest.mark.slow
@pytest.mark.parametrize("path", BINARY, ids=[path.name for path in BINARY])
def test_a_file_with_any_bytes_changed_is_read_or_refused(path: pathlib.Path, folder: pathlib.Path) -> None:
    data, form, rng = path.read_bytes(), "fst" if path.suffix == ".fst" else "kaldi-binary", random.Random(0)
    for place in range(len(data)):
        for byte in (0, 1, 127, 128, 255, rng.randrange(256)):
            outcome(data[:place] + bytes([byte]) + data[place + 1 :], form, folder)
        size = rng.choice([4, 8])
        outcome(data[:place] + rng.choice([b"\xff", b"\x7f", b"\0"]) * size + data[place + size :], form, folder)


def header(states: int, arcs: int = 0, kind: bytes = b"vector", arc: bytes = b"standard", flags: int = 0) -> bytes:
    """The header of a file of these types and sizes."""
    types = b"".join(struct.pack("<i", len(name)) + name for name in (kind, arc))
    return struct.pack("<i", 2125659606) + types + struct.pack("<iiQqqq", 2, flags, 3, 0, states, arcs)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (header(2**60), r"0 bytes are left, expected 12 of state 0: is the file cut short."),
        (
            header(1) + struct.pack("<fq", 0, 2**58),
            r"0 bytes are left, expected \d+ of 288230376151711744 arcs of st",
        ),
        (header(1) + struct.pack("<fq", 0, -1), r"state 0 has -1 arcs, expected 0 or more"),
        (header(-5), r"the number of states is -5, expected 0 or more"),
        (header(2**60, 0, b"const"), r"0 bytes are left, expected \d+ of states"),
        (header(0, 2**60, b"const"), r"0 bytes are left, expected \d+ of arcs"),
        (header(1, 0, b"const") + struct.pack("<f4I", 0, 0, 9, 0, 0), r"9 arcs, expected states that have the 0 arcs"),
        (header(1, flags=1) + struct.pack("<iiqq", 2125658996, 0, 9, 2**60), r"expected 4 of the length of a symbol"),
        (header(0, kind=b"ngram"), r"an OpenFst file of type 'ngram', expected vector or const .fstconvert"),
        (header(0, arc=b"signed_log"), r"arcs of type 'signed_log', expected one of standard, log, log64"),
        (header(1) + struct.pack("<fq", np.nan, 0), r"the final weight of state 0 has weight nan, expected numbers"),
        (header(1) + struct.pack("<fqiifi", 0, 1, 1, 1, 0, 7), r"arc 0 goes to state 7, expected 0 to 0"),
        (header(1) + struct.pack("<fqiifi", 0, 1, 1, -1, 0, 0), r"arc 0 has output label -1, expected 0 or more"),
        (header(1) + struct.pack("<fq", 0, 0) + b"more", r"the automaton ends, but the file goes on"),
        (
            header(1, arc=b"compactlattice44")
            + struct.pack("<ffiq", 0, 0, 0, 1)
            + struct.pack("<iiffii", 1, 2, 0, 0, 0, 0),
            r"labels 1 and 2 on arc 0 of a CompactLattice, expected one word",
        ),
        (
            header(1, arc=b"compactlattice44") + struct.pack("<ffi", 0, 0, 2**30),
            r"4 bytes are left, expected \d+ of 1073741824 transition-ids of state 0",
        ),
        (
            header(1, arc=b"compactlattice44") + struct.pack("<ffiiq", 0, 0, 1, -7, 0),
            r"a transition-id is -7, expected 1 or more",
        ),
    ],
)
def test_what_is_wrong_is_named(data: bytes, message: str, folder: pathlib.Path) -> None:
    (folder / "wrong").write_bytes(data)
    with pytest.raises(FormatError, match=message):
        read_one(str(folder / "wrong"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"a \0BFM \4" + struct.pack("<i", 2**31 - 1) + b"\4" + struct.pack("<i", 2**31 - 1),
            r"expected \d+ of entries",
        ),
        (b"a \0BFM \4" + struct.pack("<i", -1) + b"\4" + struct.pack("<i", 3), r"a matrix of -1 x 3, expected"),
        (b"a \0BFM \4" + struct.pack("<i", 2**31 - 1) + b"\4" + struct.pack("<i", 0), r"a matrix of 2147483647 x 0"),
        (b"a \0BCM " + struct.pack("<ffii", 0, 1, 2**31 - 1, 2**31 - 1), r"expected \d+ of bounds of columns"),
        (
            b"a \0BFV \4" + struct.pack("<i", 3),
            r"a: found 'FV' of Kaldi's binary objects, expected a lattice or",
        ),
        (b"a \0BFM \x08" + bytes(8), r"a number of 8 bytes, expected 4"),
        (b"a  [\n 1 2\n 3 ]\n", r"a row of 1 numbers behind rows of 2, expected as many"),
        (b"a  [\n 1 x ]\n", r"found '1 x', expected a row of numbers"),
        (b"a  [\n 1 2\n", r"the file ends in a matrix, expected ']'"),
    ],
)
def test_what_is_wrong_with_a_matrix_is_named(data: bytes, message: str, folder: pathlib.Path) -> None:
    (folder / "wrong").write_bytes(data)
    with pytest.raises(FormatError, match=message):
        everything(folder / "wrong", read_inputs)


def test_symbol_tables_inside_have_each_label_once(folder: pathlib.Path) -> None:
    def table(*entries: tuple[bytes, int]) -> bytes:
        head = struct.pack("<iiqq", 2125658996, 0, 9, len(entries))
        return head + b"".join(
            struct.pack("<i", len(name)) + name + struct.pack("<q", number) for name, number in entries
        )

    for entries, message in (
        ([(b"a", 1), (b"b", 1)], "number 1 is there twice in the symbol table"),
        ([(b"a", 1), (b"a", 2)], "label 'a' is there twice in the symbol table"),
        ([(b"\xff", 1)], r"symbol 1 is b'.xff', expected UTF-8 text"),
    ):
        (folder / "wrong").write_bytes(header(1, flags=1) + table(*entries) + struct.pack("<fq", 0, 0))
        with pytest.raises(FormatError, match=message):
            read_one(str(folder / "wrong"))


def test_a_record_that_is_cut_short_leaves_those_before_it() -> None:
    data = (MADE / "graph.ark").read_bytes()
    done = run("viterbi", "-", "--json", text=data[:200])
    assert done.status == 3
    assert '{"id": "utt1", "status": "ok"' in done.out
    assert "standard input: utt2: byte 186: 14 bytes are left, expected 40 of a header" in done.err

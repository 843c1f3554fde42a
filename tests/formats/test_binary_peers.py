"""Binary files given to the systems they are for, and theirs to us, to the last bit; skipped where those are absent.

`pip install -e '.[peers]'` brings pynini, kaldifst and kaldi_native_io. LATTICE_KALDI_PROBE names a program that reads
a lattice and writes it with Kaldi's own functions, made of tests/support/kaldi_probe.cpp.
"""

from __future__ import annotations

import os
import pathlib
import struct
import subprocess
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import strategies

from lattice_cli.formats import read_inputs, read_one
from lattice_cli.formats.io import ReadOptions, WriteOptions
from lattice_cli.formats.registry import FORMATS
from lattice_cli.graph import Document, Graph, Inputs

pytestmark = pytest.mark.slow
FEW = settings(max_examples=40)
PROBE = os.environ.get("LATTICE_KALDI_PROBE")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("peers")


@st.composite
def single_start(draw: st.DrawFn, width: int) -> Graph:
    """A graph of numbers for labels, arcs sorted, that starts at one node; energies are floats of this many bits."""
    energies = st.floats(-1e6, 1e6, width=width)
    graph = draw(strategies.graphs(labels=("", "1", "2", "300"), cyclic=True, energies=energies, min_nodes=1))
    start = np.full(graph.nodes, np.inf)
    start[draw(st.integers(0, graph.nodes - 1))] = 0.0
    order = np.argsort(graph.src, kind="stable")
    columns = [getattr(graph, name)[order] for name in ("src", "dst", "ilabel", "olabel", "energy")]
    return Graph(*columns, start, graph.final, graph.labels)


def written(form: str, graph: Graph, path: pathlib.Path) -> Document:
    """A graph in a file, without loss; as a record."""
    document = Document(graph, str(path), "test", range(graph.nodes))
    result = FORMATS[form].writer(document, WriteOptions())
    assert result.losses == ()
    path.write_bytes(result.data)
    return document


def arcs_of(document: Document) -> list[tuple[Any, ...]]:
    """Arcs with labels as numbers."""
    graph = document.graph
    numbers = [0, *(int(label) for label in graph.labels[1:])]
    columns = (getattr(graph, name).tolist() for name in ("src", "dst", "ilabel", "olabel", "energy"))
    return [(src, dst, numbers[one], numbers[other], energy) for src, dst, one, other, energy in zip(*columns)]


@pytest.mark.parametrize(("form", "width"), [("fst", 32), ("fst64", 64)])
@given(data=st.data())
@FEW
def test_pynini_reads_the_same_arcs_and_gives_them_back(
    form: str, width: int, folder: pathlib.Path, data: st.DataObject
) -> None:
    pywrapfst = pytest.importorskip("pywrapfst")
    document = written(form, data.draw(single_start(width)), folder / "x.fst")
    fst = pywrapfst.Fst.read(str(folder / "x.fst"))
    assert fst.verify()
    arcs = [
        (state, arc.nextstate, arc.ilabel, arc.olabel, float.fromhex(float(arc.weight.to_string()).hex()))
        for state in fst.states()
        for arc in fst.arcs(state)
    ]
    # pynini prints weights in nine digits or so: the numbers themselves come back through its own files
    assert [arc[:4] for arc in arcs] == [arc[:4] for arc in arcs_of(document)]
    assert [arc[4] for arc in arcs] == pytest.approx(document.graph.energy.tolist(), rel=1e-5, abs=1e-30)
    for kind in ("vector", "const"):
        pywrapfst.convert(fst, kind).write(str(folder / "y.fst"))
        again = read_one(str(folder / "y.fst"))
        assert arcs_of(again) == arcs_of(document)
        assert again.graph.start.tobytes() == document.graph.start.tobytes()
        assert again.graph.final.tobytes() == document.graph.final.tobytes()


@given(labels=st.lists(st.text(min_size=1, max_size=4), min_size=2, max_size=2, unique=True))
@FEW
def test_pynini_keeps_the_symbol_tables_inside(labels: list[str], folder: pathlib.Path) -> None:
    pywrapfst = pytest.importorskip("pywrapfst")
    graph = Graph([0, 0], [1, 1], [1, 2], [2, 0], [0.5, 1.5], [0.0, np.inf], [np.inf, 0.0], ("", *labels))
    (folder / "x.fst").write_bytes(FORMATS["fst"].writer(Document(graph, "x", "x", range(2)), WriteOptions()).data)
    pywrapfst.Fst.read(str(folder / "x.fst")).write(str(folder / "y.fst"))
    again = read_one(str(folder / "y.fst")).graph
    assert again.words(again.ilabel) == labels
    assert again.words(again.olabel) == labels[1:]


@given(graph=single_start(32))
@FEW
def test_kaldifst_reads_automata_and_writes_archives_of_them(graph: Graph, folder: pathlib.Path) -> None:
    kaldifst = pytest.importorskip("kaldifst")
    document = written("fst", graph, folder / "x.fst")
    fst = kaldifst.StdVectorFst.read(str(folder / "x.fst"))
    writer = kaldifst.VectorFstWriter(f"ark,scp:{folder / 'x.ark'},{folder / 'x.scp'}")
    writer.write("utt", fst)
    writer.close()
    for path in (folder / "x.ark", folder / "x.scp"):
        again = read_one(str(path))
        assert again.id == "utt"
        assert arcs_of(again) == arcs_of(document)


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 6)),
    seed=st.integers(0, 1000),
    scale=st.sampled_from([1e-3, 1.0, 300.0]),
)
@FEW
def test_kaldi_native_io_reads_the_same_matrices(
    shape: tuple[int, int], seed: int, scale: float, folder: pathlib.Path
) -> None:
    io = pytest.importorskip("kaldi_native_io")
    path = folder / "m.ark"
    matrix = np.random.default_rng(seed).normal(size=shape) * scale
    single = matrix.astype(np.float32)
    with io.FloatMatrixWriter(f"ark:{path}") as writer:
        writer["a"] = single
    assert values(path).tolist() == single.tolist()
    with io.DoubleMatrixWriter(f"ark:{path}") as writer:
        writer["a"] = matrix
    assert values(path).tolist() == matrix.tolist()
    for method in io.CompressionMethod.__members__.values():
        with io.CompressedMatrixWriter(f"ark:{path}") as writer:
            writer.write("a", single, method)
        with io.SequentialFloatMatrixReader(f"ark:{path}") as reader:
            ((_, expected),) = [(key, np.array(value)) for key, value in reader]
        assert values(path).astype(np.float32).tobytes() == expected.tobytes()


def values(path: pathlib.Path) -> Any:
    """The matrix of an archive of one."""
    (record,) = (record for record in read_inputs(str(path), ReadOptions()) if isinstance(record, Inputs))
    return record.values


@st.composite
def kaldi_lattices(draw: st.DrawFn) -> tuple[bool, str]:
    """Whether it is compact, and a lattice without cycles as text, its costs float32."""
    compact, nodes = draw(st.booleans()), draw(st.integers(1, 5))
    cost = st.floats(-1000, 1000, width=32).map(lambda value: value + 0.0)  # a final weight of -0 is none
    string = st.lists(st.integers(1, 300), max_size=4).map(lambda ids: "_".join(map(str, ids)))

    def weight() -> str:
        return f"{draw(cost)!r},{draw(cost)!r}" + (f",{draw(string)}" if compact else "")

    rows = []
    for node in range(nodes):
        for _ in range(draw(st.integers(0, 3)) if node < nodes - 1 else 0):
            labels = [draw(st.integers(0, 20)) for _ in range(1 if compact else 2)]
            rows.append("\t".join(map(str, [node, draw(st.integers(node + 1, nodes - 1)), *labels, weight()])))
        if draw(st.booleans()) or node == nodes - 1:
            rows.append(f"{node}\t{weight()}")
        elif not any(row.startswith(f"{node}\t") for row in rows):
            rows.append(f"{node}")
    return compact, "\n" + "\n".join(rows) + "\n\n"


@pytest.mark.skipif(PROBE is None, reason="LATTICE_KALDI_PROBE names no program")
@given(lattice=kaldi_lattices())
@FEW
def test_kaldi_writes_the_lattices_that_we_write(lattice: tuple[bool, str], folder: pathlib.Path) -> None:
    compact, text = lattice
    (folder / "text").write_text(text)
    (folder / "text.ark").write_text("utt " + text)
    subprocess.run([str(PROBE), "compact" if compact else "lattice", "text", "binary", "kaldi"], check=True, cwd=folder)
    kaldi = (folder / "kaldi").read_bytes()
    (folder / "kaldi.ark").write_bytes(b"utt " + kaldi)
    document, from_text = read_one(str(folder / "kaldi.ark")), read_one(str(folder / "text.ark"))
    assert all(document.scores[name].tobytes() == from_text.scores[name].tobytes() for name in from_text.scores)
    assert list(document.names) == list(from_text.names)
    graphs = (document.graph, from_text.graph)
    assert len({tuple(graph.labels[label] for label in graph.ilabel.tolist()) for graph in graphs}) == 1
    assert len({tuple(graph.labels[label] for label in graph.olabel.tolist()) for graph in graphs}) == 1
    ours = FORMATS["kaldi-binary"].writer(document, WriteOptions()).data.removeprefix(b"utt ")
    kind = "compact" if b"compact" in ours[:40] else "lattice"
    (folder / "ours").write_bytes(ours)
    subprocess.run([str(PROBE), kind, "ours", "binary", "back"], check=True, cwd=folder)
    assert without_properties((folder / "back").read_bytes()) == without_properties(ours)
    if (kind == "compact") == compact:
        assert without_properties(kaldi) == without_properties(ours)


@pytest.mark.skipif(PROBE is None, reason="LATTICE_KALDI_PROBE names no program")
@pytest.mark.parametrize(("kind", "weight"), [("lattice", "17\t5\t0.1,2.25"), ("compact", "5\t0.1,2.25,17_18")])
def test_kaldi_reads_double_costs_and_rounds_them(kind: str, weight: str, folder: pathlib.Path) -> None:
    (folder / "text.ark").write_text(f"utt \n0\t1\t{weight}\n1\n\n")
    data = FORMATS["kaldi-binary"].writer(read_one(str(folder / "text.ark")), WriteOptions()).data
    assert {"lattice": b"lattice8", "compact": b"compactlattice84"}[kind] in data
    (folder / "ours").write_bytes(data.removeprefix(b"utt "))
    subprocess.run([str(PROBE), kind, "ours", "text", "back"], check=True, cwd=folder)
    assert (folder / "back").read_text() == f"\n0\t1\t{weight}\n1\n\n"


def without_properties(data: bytes) -> bytes:
    """A file but for the bits of its header that say what is known of it; any program may know more."""
    (size,) = struct.unpack_from("<i", data, 14)
    place = 18 + size + 8
    return data[:place] + data[place + 8 :]

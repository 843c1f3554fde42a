"""Files that we write, given to the systems they are for; each test is skipped where its system is absent.

OpenFst's tools are Debian's libfst-tools; pynini and kaldifst come from PyPI; GTN is built from its repository, with
tests/support/gtn_probe.cpp, and LATTICE_GTN_PROBE names the program.
"""

from __future__ import annotations

import math
import os
import pathlib
import shutil
import subprocess
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle, strategies

from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions, Symbols, WriteOptions
from lattice_cli.formats.registry import FORMATS
from lattice_cli.graph import Document, Graph
from lattice_cli.records import Decoding, SearchRequest, decode
from lattice_cli.sweep import LogSemiring, sweep

needs_openfst = pytest.mark.skipif(shutil.which("fstcompile") is None, reason="OpenFst's tools are not installed")
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
FEW = settings(max_examples=15)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("systems")


def shell(command: str, folder: pathlib.Path) -> str:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def document_of(graph: Graph) -> Document:
    return Document(graph, "x", "test", range(graph.nodes))


def write_att(document: Document, folder: pathlib.Path) -> list[str]:
    """x.att and words.txt; the flags that compile it."""
    symbols = Symbols(str(folder / "words.txt"))
    (folder / "x.att").write_bytes(FORMATS["att"].writer(document, WriteOptions(symbols)).data)
    (folder / "words.txt").write_text(symbols.text(), encoding="utf-8")
    acceptor = np.array_equal(document.graph.ilabel, document.graph.olabel)
    return ["--acceptor"] if acceptor else []


@needs_openfst
@given(graph=strategies.connected_graphs(energies=strategies.moderate_energies))
@FEW
def test_openfst_finds_the_same_best_path_and_the_same_sum(graph: Graph, folder: pathlib.Path) -> None:
    flags = " ".join(write_att(document_of(graph), folder))
    paths = oracle.all_paths(graph)
    for arcs, expected in (
        ("standard", min(path.energy for path in paths)),
        ("log64", oracle.free_energy(paths, 1.0)),
    ):
        compiled = f"fstcompile {flags} --arc_type={arcs} --keep_state_numbering x.att"
        start = (folder / "x.att").read_text().split()[0]
        lines = shell(f"{compiled} | fstshortestdistance --reverse", folder).splitlines()
        distances = dict(line.split() for line in lines)
        assert float(distances[start]) == pytest.approx(expected, abs=1e-4)


@needs_openfst
@given(graph=strategies.graphs(energies=strategies.halves, cyclic=True, min_nodes=1))
@FEW
def test_what_openfst_prints_is_what_was_written(graph: Graph, folder: pathlib.Path) -> None:
    """Through its binary form and back; halves are exact in float32."""
    flags = write_att(document_of(graph), folder)
    tables = "--isymbols=words.txt --osymbols=words.txt"
    shell(f"fstcompile {' '.join(flags)} x.att x.fst && fstprint {' '.join(flags)} x.fst > ids.att", folder)
    shell(f"fstprint {' '.join(flags)} {tables} x.fst > text.att", folder)
    table = str(folder / "words.txt")
    for name in ("ids.att", "text.att"):
        path = folder / name
        if not path.read_text().strip():
            assert not oracle.all_paths(graph, longest=4)
            return
        again = read_one(str(path), ReadOptions("att", isymbols=table, osymbols=table, acceptor=bool(flags)))
        # longer than the extra arc of the start, for both
        found = [Counter(path[2:] for path in oracle.all_paths(one, 3)) for one in (again.graph, graph)]
        assert found[0] <= found[1] or found[1] <= found[0]
        assert sum(found[0].values()) > 0 or not oracle.all_paths(graph, 2)


def test_pynini_finds_the_same_n_best_paths(folder: pathlib.Path) -> None:
    pynini = pytest.importorskip("pynini")
    pywrapfst = pytest.importorskip("pywrapfst")
    rng = np.random.default_rng(0)
    for _ in range(5):
        graph = random_lattice(rng)
        write_att(document_of(graph), folder)
        compiler = pywrapfst.Compiler(acceptor=True)
        compiler.write((folder / "x.att").read_text())
        compiler.compile().write(str(folder / "x.fst"))
        paths = pynini.shortestpath(pynini.Fst.read(str(folder / "x.fst")), nshortest=5).paths()
        found = []
        while not paths.done():
            found.append(float(str(paths.weight())))
            paths.next()
        (answers,) = decode([document_of(graph)], request=SearchRequest(n=5))
        assert isinstance(answers, Decoding)
        assert sorted(found) == pytest.approx([answer.energy for answer in answers.paths], rel=1e-5)


def random_lattice(rng: np.random.Generator) -> Graph:
    """40 nodes in a row, each with arcs to some of the next."""
    nodes = 40
    src = np.repeat(np.arange(nodes - 1), 3)
    dst = np.minimum(src + rng.integers(1, 4, len(src)), nodes - 1)
    label = rng.integers(1, 6, len(src))
    start, final = np.full((2, nodes), np.inf)
    start[0] = final[-1] = 0.0
    return Graph(src, dst, label, label, rng.normal(size=len(src)), start, final, ("", "a", "b", "c", "d", "e"))


def test_kaldi_lattices_are_printed_as_kaldifst_prints_them(folder: pathlib.Path) -> None:
    """A Lattice that kaldifst builds, printed by it and read by us; written by us, it is the same text."""
    kaldifst = pytest.importorskip("kaldifst")
    lattice = kaldifst.Lattice()
    for _ in range(3):
        lattice.add_state()
    lattice.start = 0
    for tail, one, other, costs, head in (
        (0, 17, 5, (1.5, 2.25), 1),
        (0, 18, 6, (0.5, 0.125), 1),
        (1, 19, 0, (0.25, 4.5), 2),
    ):
        lattice.add_arc(tail, kaldifst.LatticeArc(one, other, kaldifst.LatticeWeight(*costs), head))
    tab = "\t"
    lattice.set_final(2, kaldifst.LatticeWeight(0.5, 0.25))
    printed = f"utt-1 \n{lattice.to_str(fst_field_separator=tab)}\n"
    (folder / "x.ark").write_text(printed)
    document = read_one(str(folder / "x.ark"), ReadOptions())
    assert document.graph.energy.tolist() == [3.75, 0.625, 4.75, 0.75]
    assert document.scores["graph"].tolist() == [1.5, 0.5, 0.25, 0.5]
    assert FORMATS["kaldi"].writer(document, WriteOptions()).data.decode() == printed


@pytest.mark.skipif("LATTICE_GTN_PROBE" not in os.environ, reason="LATTICE_GTN_PROBE is not set")
@given(graph=strategies.connected_graphs(energies=strategies.moderate_energies))
@FEW
def test_gtn_finds_the_same_best_path_and_the_same_sum(graph: Graph, folder: pathlib.Path) -> None:
    data = FORMATS["gtn"].writer(document_of(graph), WriteOptions(Symbols(str(folder / "words.txt")))).data
    (folder / "x.gtn").write_bytes(data)
    nodes, arcs, best, total = shell(f"{os.environ['LATTICE_GTN_PROBE']} x.gtn saved.gtn", folder).split()
    again, saved = (read_one(str(folder / name), ReadOptions("gtn")) for name in ("x.gtn", "saved.gtn"))
    paths = oracle.all_paths(graph)
    assert [int(nodes), int(arcs)] == [again.graph.nodes, again.graph.arcs]
    assert -float(best) == pytest.approx(min(path.energy for path in paths), abs=1e-4)
    assert -float(total) == pytest.approx(oracle.free_energy(paths, 1.0), abs=1e-4)
    assert saved.graph.energy.tolist() == pytest.approx(again.graph.energy.tolist(), rel=1e-5)
    assert saved.graph.src.tolist() == again.graph.src.tolist()


@needs_dot
@given(graph=strategies.graphs(labels=("", 'a"\\', "<b>", "\n")), name=st.sampled_from(["x", 'q"', "a\\"]))
@FEW
def test_graphviz_takes_every_graph(graph: Graph, name: str, folder: pathlib.Path) -> None:
    document = Document(graph, name, "test", range(graph.nodes))
    (folder / "x.dot").write_bytes(FORMATS["dot"].writer(document, WriteOptions()).data)
    assert "<svg" in shell("dot -Tsvg x.dot", folder)


@needs_openfst
@pytest.mark.shared
def test_openfst_on_recognised_lattices(shared: pathlib.Path, folder: pathlib.Path) -> None:
    paths = sorted((shared / "data" / "asr").glob("cards/*.slf.gz"))[:5]
    for path in paths:
        document = read_one(str(path), ReadOptions())
        flags = " ".join(write_att(document, folder))
        (answers,) = decode([document])
        assert isinstance(answers, Decoding)
        start = (folder / "x.att").read_text().split()[0]
        for arcs, expected in (
            ("standard", answers.paths[0].energy),
            ("log64", float(sweep(document.graph, LogSemiring(1.0)).totals[0])),
        ):
            compiled = f"fstcompile {flags} --arc_type={arcs} --keep_state_numbering x.att"
            lines = shell(f"{compiled} | fstshortestdistance --reverse", folder).splitlines()
            distances = dict(line.split() for line in lines if len(line.split()) == 2)
            assert math.isclose(float(distances[start]), expected, rel_tol=1e-5), path

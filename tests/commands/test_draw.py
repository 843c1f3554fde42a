"""Drawings: every label and node is on them, the best path is marked, and what cannot be drawn is said."""

from __future__ import annotations

import pathlib
import shutil

import pytest
from hypothesis import given
from support import strategies
from support.commands import CUT, LECTURE, WORDS, row_of, run, save, terminal

from lattice_cli.analysis import picture
from lattice_cli.cli.reports.drawing_report import styled
from lattice_cli.formats import sketch
from lattice_cli.formats.exchange import arc_labels
from lattice_cli.graph import Document, Graph
from lattice_cli.records import Decoder

pytestmark = pytest.mark.slow

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")

LECTURE_34 = """\
              ╭───────9/1.2───────╮
              ├───────4/0.6───────┤
   ╭───────4/4.4───────╮          │
   ├───────3/3.4───────┤          │
   ├─5/2.3──╮ ├─2/1.3──┤ ╭─4/2.4──┤
   ┣━3/0.1━━┫ ┣━4/0.4━━┫ ┣━1/0.1━━┫
   ╹        ▼ ╹        ▼ ╹        ▼
▸(0)        (1)        (2)        ((3))
"""


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def document_of(graph: Graph) -> Document:
    return Document(graph, "x", "test", range(graph.nodes))


def test_the_perceptron_figure() -> None:
    assert sketch(document_of(strategies.lecture_34()), (0, 2, 4)) == LECTURE_34


@given(graph=strategies.graphs(cyclic=True, energies=strategies.moderate_energies))
def test_every_arc_is_on_the_drawing(graph: Graph) -> None:
    document = document_of(graph)
    drawn = sketch(document)
    wanted = arc_labels(document)
    assert all(drawn.count(label) >= wanted.count(label) for label in wanted)
    assert all(f"({node})" in drawn for node in range(graph.nodes))


@given(graph=strategies.graphs(cyclic=True, energies=strategies.positive_energies))
def test_every_graph_has_a_picture(graph: Graph) -> None:
    found = picture(document_of(graph), 1.0, Decoder())
    assert (found.posterior is None) == bool(found.why)
    text = styled(found)
    assert text.count("->") == graph.arcs
    if found.posterior is not None and found.best is not None:
        assert text.count('color="0.000') == len(set(found.best.arcs))


def test_a_terminal_gets_a_drawing_and_a_pipe_gets_dot() -> None:
    assert LECTURE_34 in terminal("draw", LECTURE).out
    done = run("draw", LECTURE)
    assert done.status == 0
    assert done.out.startswith('digraph "lecture-34" {')
    assert 'n0 -> n1 [label="3/0.1" color="0.000 0.927 0.850" penwidth=3.573 tooltip="posterior 0.878052"];' in done.out


def test_with_a_grammar_the_best_path_is_that_of_the_composition() -> None:
    assert "energy 0.7" in run("draw", CUT, "--to", "text").out
    assert "━a/0.2━" in run("draw", CUT, "-g", WORDS, "--to", "text").out
    assert "energy 0.8" in run("draw", CUT, "-g", WORDS, "--of", "interpretation", "--to", "text").out


@needs_dot
@pytest.mark.parametrize(
    ("ending", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph")]
)
def test_images(ending: str, magic: bytes) -> None:
    assert run("draw", LECTURE, "-o", f"x.{ending}").status == 0
    assert pathlib.Path(f"x.{ending}").read_bytes().startswith(magic)


def test_without_graphviz_images_are_refused() -> None:
    done = run("draw", LECTURE, "-o", "x.svg", env={"PATH": str(pathlib.Path.cwd())})
    assert done.status == 2
    assert "svg is made by Graphviz, but there is no command dot" in done.err
    assert run("draw", LECTURE, "-o", "x.dot", env={"PATH": str(pathlib.Path.cwd())}).status == 0


def test_what_is_not_there_is_said() -> None:
    save("x.json", {"lattice": 1, "id": "x", "start": 0, "final": 2, "arcs": [[0, 1, "a", 0.5]]})
    done = run("draw", "x.json", "--to", "text")
    assert done.status == 0
    assert "x: drawn without a best path: no path" in done.err
    assert "a/0.5" in done.out
    save("y.json", {"lattice": 1, "id": "y", "start": 0, "final": 1, "arcs": [[0, 0, "a", 0], [0, 1, "b", 1]]})
    done = run("draw", "y.json")
    assert "y: drawn without posteriors: the sum over paths diverges" in done.err
    assert 'color="0.000 0.900 0.850"' in done.out


def test_large_graphs_are_not_for_text() -> None:
    save("x.json", row_of(*"a" * 300))
    done = run("draw", "x.json", "--to", "text")
    assert done.status == 2
    assert "300 arcs are too many for a drawing in text; expected --to dot, svg, png or html" in done.err
    assert run("draw", "x.json").status == 0


def test_usage() -> None:
    done = run("draw", LECTURE, "-o", "x.bmp")
    assert done.status == 2
    assert "cannot tell the form from the name, expected .txt, .dot" in done.err
    assert all(form in run("draw", "--help").out for form in ("text", "dot", "svg", "png", "pdf", "html"))

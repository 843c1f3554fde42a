"""Word meshes, PLF and PFSG: probabilities become energies, and what is wrong is named with its line."""

from __future__ import annotations

import math
import pathlib

import pytest

from lattice_cli.errors import FormatError
from lattice_cli.formats import read_one, read_records
from lattice_cli.formats.io import Failure, Pause, ReadOptions, fresh_notes
from lattice_cli.graph import Document

MESH = """name utt-1
numaligns 2
posterior 2
align 0 the 1.5 a 0.5
reference 0 the
align 1 cat 1 *DELETE* 1 dog 0
info 0 the 0.1 0.2 -5 -3 : :
reference 1 *DELETE*
"""
PLF = "((('ei\\'nen',1.0,1),),(('a b',0.5,2),(\"x\",0.25,1),('*EPS*',0.25,1),),(('c',1.0,1),),)\n"
PFSG = "name x\nnodes 4 NULL NULL a b\ninitial 0\nfinal 1\ntransitions 4\n0 2 -100\n0 3 -200\n2 1 0\n3 1 -2147483648\n"


def arcs_of(document: Document) -> list[tuple[object, ...]]:
    graph, names, texts = document.graph, document.names, [None, *document.graph.labels[1:]]
    columns = (getattr(graph, name).tolist() for name in ("src", "dst", "olabel", "energy"))
    return [(names[src], names[dst], texts[label], energy) for src, dst, label, energy in zip(*columns)]


def read(text: str, folder: pathlib.Path) -> Document:
    """The document of a file without a telling name."""
    (folder / "x").write_text(text)
    return read_one(str(folder / "x"), ReadOptions())


def test_a_word_mesh(tmp_path: pathlib.Path) -> None:
    document = read(MESH, tmp_path)
    half, quarters = math.log(2), math.log(2) - math.log(1.5)
    assert arcs_of(document) == [
        (0, 1, "the", quarters),
        (0, 1, "a", math.log(2) - math.log(0.5)),
        (1, 2, "cat", half),
        (1, 2, None, half),
    ]
    assert (document.id, document.target) == ("utt-1", ("the",))
    assert document.graph.finals.tolist() == [2]
    assert (document.unread, document.split) == (("lines info",), "words")
    assert (str(tmp_path / "x"), "not read: lines info") in fresh_notes()


def test_a_lattice_of_moses(tmp_path: pathlib.Path) -> None:
    document = read(PLF, tmp_path)
    assert arcs_of(document) == [
        (0, 1, "ei'nen", 0.0),
        (1, 3, "a b", math.log(2)),
        (1, 2, "x", math.log(4)),
        (1, 2, None, math.log(4)),
        (2, 3, "c", 0.0),
    ]
    (tmp_path / "two.plf").write_text(PLF * 2)
    ids = [
        record.id for record in read_records(str(tmp_path / "two.plf"), ReadOptions()) if not isinstance(record, Pause)
    ]
    assert ids == [str(tmp_path / "two.plf"), f"{tmp_path / 'two.plf'}:2"]


def test_a_grammar_with_words_on_nodes(tmp_path: pathlib.Path) -> None:
    document = read(PFSG, tmp_path)
    assert arcs_of(document) == [(0, 2, "a", 100 / 10000.5), (0, 3, "b", 200 / 10000.5), (2, 1, None, 0.0)]
    assert (document.id, document.graph.starts.tolist(), document.graph.finals.tolist()) == ("x", [0], [1])
    document = read(PFSG.replace("4 NULL NULL", "4 c NULL"), tmp_path)
    assert arcs_of(document)[-1] == ("start", 0, "c", 0.0)
    assert document.graph.starts.tolist() == [4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version 2\nname x\ninitial 0\n", r":1: a word posterior lattice of SRILM, expected a word mesh"),
        ("numaligns 3\nalign 0 a 1\nalign 1 b 1\n", r"numaligns is 3, but there is no line align 2"),
        ("numaligns 1\nalign 0 a 1\nalign 1 b 1\n", r"numaligns is 1, but there is a line align 1"),
        ("numaligns 1\nalign 0 a 1\nalign 0 b 1\n", r":3: found align 0 again, expected align, a position, and pairs"),
        ("numaligns 1\nalign 0 a\n", r":2: found 3 columns, expected align, a position, and pairs"),
        ("numaligns 1\nalign 0 a -1\n", r":2: probability is '-1', expected 0 to 1"),
        ("numaligns 999999999999999999\nalign 0 a 1\n", r"no line align 1"),
        ("numaligns 1\nposterior 0\nalign 0 a 1\n", r":2: the posterior of the whole mesh is 0"),
        ("numaligns 1\nalign 0 a 1\nhello 1\n", r":3: found 'hello 1', expected a line of an SRILM word mesh"),
        ("((('a',1.5,1),),)\n", r":1: probability is '1.5', expected 0 to 1"),
        ("((('a',0.5,2),),)\n", r":1: an edge of 'a' goes 2 nodes on, expected 1 to 1"),
        ("((('a',0.5,0),),)\n", r":1: an edge of 'a' goes 0 nodes on, expected 1 to 1"),
        ("((('a',0.5,0.5,1),),)\n", r":1: found .*, expected .* as in Moses' PLF"),
        (PFSG.replace("transitions 4", "transitions 3"), r":5: transitions 3, but 4 lines follow"),
        (PFSG + PFSG, r"several PFSGs, which may stand for words of each other, expected one"),
        (PFSG.replace("nodes 4", "nodes 5"), r":2: nodes 5, but 4 words follow"),
        (PFSG.replace("0 3 -200", "0 9 -200"), r":7: node 9, but there are 4 nodes"),
        (PFSG.replace("final 1\n", ""), r":4: found 'transitions 4', expected final and its value, as in a PFSG"),
        (
            "# getcwd: x\n#\nFrames 99\n#\nNodes 12 (NODEID WORD)\n",
            r"a word graph of Sphinx-3, which is not read",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(FormatError, match=message):
        read(text, tmp_path)


def test_a_bad_line_of_plf_does_not_touch_the_others(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text(PLF + "(((\n" + PLF)
    found = [record for record in read_records(str(tmp_path / "x"), ReadOptions()) if not isinstance(record, Pause)]
    assert [isinstance(record, Failure) for record in found] == [False, True, False]

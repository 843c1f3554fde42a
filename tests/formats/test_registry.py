"""The table of formats: a new form is a module and a line; names that are not in it are errors."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

import pytest
from support.commands import ENVIRONMENT, LECTURE, Done, records, run

from lattice_cli.errors import UsageError
from lattice_cli.formats import numbered, read_one, readable, writable
from lattice_cli.formats.io import ReadOptions
from lattice_cli.formats.registry import FORMATS

#: A form of one path: its labels on a line behind FOO.
MODULE = """
from lattice_cli.formats.io.lossy import Written
from lattice_cli.graph.construct import graph_of
from lattice_cli.graph.record import numbered_document

def read_foo(text, source, record_id, options):
    words = text.split()[1:]
    arcs = [(place, place + 1, place + 1, place + 1, 0.5) for place in range(len(words))]
    graph = graph_of(arcs, {0: 0.0}, {len(words): 0.0}, len(words) + 1, ("", *words))
    return numbered_document(graph, record_id, source)

def write_foo(document, options):
    words = [document.graph.labels[label] for label in document.graph.olabel.tolist()]
    return Written(("FOO " + " ".join(words) + chr(10)).encode(), ("energies",))
"""
LINE = 'Format("foo", "a path", (".foo",), rb"FOO", read="toy:read_foo", write="toy:write_foo", several=True)'
SCRIPT = f"""
import sys
from lattice_cli.formats.registry import FORMATS, Format
FORMATS["foo"] = {LINE}
from lattice_cli.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("toy.py").write_text(MODULE)
    pathlib.Path("script.py").write_text(SCRIPT)
    pathlib.Path("x.foo").write_text("FOO a b a\n")
    chain = {"from": [0, 1], "to": [1, 2], "label": ["a", "b"], "energy": [0.0, 0.0]}
    pathlib.Path("ab.json").write_text(json.dumps({"lattice": 1, "start": 0, "final": 2, "arcs": chain}))


def extended(*arguments: str, text: str = "") -> Done:
    """A command of a package that has one line more in its table."""
    command = [sys.executable, "script.py", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_line_in_the_table_makes_a_form_that_is_read_by_its_name_its_bytes_and_on_request() -> None:
    pathlib.Path("x.txt2").write_text("FOO a b a\n")
    for source, *options in (["x.foo"], ["x.txt2"], ["x.foo", "--format", "foo"]):
        (line,) = records(extended("viterbi", source, "--json", *options).out)
        assert line["paths"][0]["output"] == ["a", "b", "a"]
        assert line["paths"][0]["energy"] == 1.5
    (line,) = records(extended("viterbi", "-", "--json", text="FOO b\n").out)
    assert line["paths"][0]["output"] == ["b"]


def test_it_is_a_grammar_too() -> None:
    pathlib.Path("g.foo").write_text("FOO a b\n")
    (line,) = records(extended("viterbi", "ab.json", "-g", "g.foo", "--json").out)
    assert line["paths"][0]["output"] == ["a", "b"]
    assert line["paths"][0]["energy"] == 1.0
    assert extended("grammar", "union", "g.foo", "x.foo", "-o", "u.json").status == 0


def test_it_is_written_by_the_name_of_the_file_and_on_request() -> None:
    refused = extended("convert", "ab.json", "y.foo")
    assert (refused.status, refused.err) == (2, "lattice: ab.json: foo cannot hold energies; --lossy writes the rest\n")
    assert extended("convert", "ab.json", "y.foo", "--lossy").status == 0
    assert pathlib.Path("y.foo").read_text() == "FOO a b\n"
    assert extended("convert", "ab.json", "--to", "foo", "--lossy").out == "FOO a b\n"


def test_it_is_in_the_help() -> None:
    assert re.search(r"\n  foo +a path", extended("convert", "--help").out)
    assert ", foo; att is" in " ".join(extended("viterbi", "--help").out.split())
    assert "foo" not in run("convert", "--help").out


@pytest.mark.parametrize("name", ["foo", "dot", ""])
def test_a_name_that_is_not_read_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match=f"no form '{name}' is read, expected one of json, jsonl"):
        read_one(LECTURE, ReadOptions(name))


def test_the_table_is_sound() -> None:
    assert all(name == form.name for name, form in FORMATS.items())
    assert all(bool(form.read) + bool(form.split) <= 1 for form in FORMATS.values())
    assert {*readable(), *writable()} == {*FORMATS}
    assert {*numbered()} <= {*readable()} & {*writable()}
    for forms in (readable().values(), writable().values()):
        endings = [ending for form in forms for ending in form.endings]
        assert len({*endings}) == len(endings)
    assert all(FORMATS[other].by_name for form in FORMATS.values() for other in form.also)


@pytest.mark.parametrize("arguments", [["--help"], ["viterbi", "--help"], ["convert", "--help"]])
def test_help_does_not_wait_for_numpy(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom lattice_cli.cli.main import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    print('numpy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout.splitlines()[-1] == "False"

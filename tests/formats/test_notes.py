"""What readers note is shown once on standard error, whoever has read it, and never stands in the way of results."""

from __future__ import annotations

import gzip
import pathlib

import pytest
from support.commands import records, run

import lattice_cli
from lattice_cli.formats.io import fresh_notes, note, take_up

SLF = "N=2 L=1\nI=0\nI=1 W=yes\nJ=0 S=0 E=1 a=-1 zz=4\n"
SAID = "not read: zz= on links"


def test_notes_are_given_once_in_their_order() -> None:
    fresh_notes()
    note("x.slf", "one")
    note("y.slf", "one")
    note("x.slf", "one")
    take_up([("x.slf", "one"), ("x.slf", "two")])
    assert fresh_notes() == [("x.slf", "one"), ("y.slf", "one"), ("x.slf", "two")]
    assert fresh_notes() == []


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_note_is_shown_once_and_not_on_standard_output(tmp_path: pathlib.Path, jobs: str) -> None:
    names = [str(tmp_path / f"{number}.slf") for number in range(3)]
    for name in names:
        pathlib.Path(name).write_text(SLF, encoding="utf-8")
    done = run("viterbi", *names, *names, "--json", "--jobs", jobs)
    first, rest = done.err.splitlines()
    assert first == f"note: {names[0]}: {SAID}"
    assert rest.startswith("note: the same of ")
    assert rest.endswith(f" more inputs: {SAID}")
    assert [record["paths"][0]["output"] for record in records(done.out)] == [["yes"]] * 6


def test_notes_of_grammars_and_of_commands_without_records_are_shown(tmp_path: pathlib.Path) -> None:
    name = str(tmp_path / "grammar.slf.gz")
    pathlib.Path(name).write_bytes(gzip.compress(SLF.encode()))
    for command in (["viterbi", "-", "-g", name, "--json"], ["grammar", "union", name]):
        done = run(*command, text=SLF.replace(" zz=4", ""))
        assert (done.status, done.err) == (0, f"note: {name}: {SAID}\n")


def test_notes_are_warnings_of_the_library(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.slf"
    path.write_text(SLF, encoding="utf-8")
    for read in (lattice_cli.read, lattice_cli.read_all):
        with pytest.warns(UserWarning, match=SAID) as warned:
            read(path)
        assert [each.filename for each in warned] == [__file__]

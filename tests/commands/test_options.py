"""Options: none is dropped in silence, each means one thing, and what looks like a slip is told."""

from __future__ import annotations

import importlib
import pathlib
from collections.abc import Iterator

import click
import numpy as np
import pytest
from support.commands import CUT, LECTURE, WORDS, records, row_of, run, save

from lattice_cli.cli.main import COMMANDS
from lattice_cli.cli.options import StrictCommand
from lattice_cli.formats.io import OPTIONS, ReadOptions
from lattice_cli.formats.reading import _USES
from lattice_cli.formats.registry import FORMATS

KALDI = "u1\n0 1 3 1,1,\n1\n\n"
SLF = "VERSION=1.0\nN=2 L=1\nI=0\nI=1\nJ=0 S=0 E=1 W=a a=-1\n"


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("x.ark").write_text(KALDI)
    pathlib.Path("x.slf").write_text(SLF)
    pathlib.Path("x.att").write_text("0\t1\t3\t3\t0.5\n1\n")
    pathlib.Path("x.txt").write_text("but\n")
    pathlib.Path("x.syms").write_text("<eps> 0\na 3\n")
    pathlib.Path("ab.txt").write_text("a\nb\n")
    np.save("x.npy", np.array([[0.1, 0.2]]))


def commands() -> Iterator[tuple[str, click.Command]]:
    for name in COMMANDS:
        found = getattr(importlib.import_module(f"lattice_cli.cli.commands.{name}"), name)
        if isinstance(found, click.Group):
            yield from ((f"{name} {each}", found.commands[each]) for each in found.commands)
        else:
            yield name, found


def test_every_command_is_strict() -> None:
    assert [name for name, command in commands() if not isinstance(command, StrictCommand)] == []


def test_an_option_means_the_same_in_every_command() -> None:
    """Whether it takes a value, and what that is called, is the same wherever it is."""
    found: dict[str, set[str]] = {}
    for _, command in commands():
        for option in command.params:
            if isinstance(option, click.Option):
                for name in option.opts:
                    found.setdefault(name, set()).add("" if option.is_flag else option.metavar or option.type.name)
    assert {name: kinds for name, kinds in found.items() if name.startswith("--") and len(kinds) > 1} == {
        "--output": {"OUT", "MODEL", "FILE"},  # a file that is written
        "--beta": {"float range", "B[,B...]"},  # of forward several
        "--grid": {"NAME=LOW:HIGH:STEPS", "KEY=V1,V2"},  # of train values that may be texts
    }


REFUSED = [
    (["loss", LECTURE, "-t", "34", "--beta", "1", "--beta", "2"], "--beta is given twice: 1, 2; expected once"),
    (["viterbi", LECTURE, "-n", "1", "-n", "2", "-n", "3"], "--nbest is given 3 times: 1, 2, 3; expected once"),
    (["viterbi", "x.att", "--acceptor", "--transducer"], "--acceptor is given twice: --acceptor and --transducer"),
    (
        ["viterbi", LECTURE, "-g", WORDS, "--as", "w", "--as", "v"],
        "each --as belongs behind the -g or --lm that it names",
    ),
    (["viterbi", LECTURE, "-g", WORDS, "--as", "w", "-g", WORDS, "--as", "w"], "two factors are called 'w'"),
    (["viterbi", LECTURE, "--beta", "1"], "--beta makes no difference without --confidence or --mbr"),
    (["viterbi", LECTURE, "--row-time", "1"], "--frame-time makes no difference without --confidence"),
    (
        ["viterbi", LECTURE, "--row-time", "1", "--confidence"],
        f"{LECTURE}: is no matrix, and has no frames: --row-time",
    ),
    (["viterbi", LECTURE, "--combine", "max"], "--combine makes no difference without -g"),
    (["viterbi", LECTURE, "--of", "recognition"], "--of makes no difference without -g"),
    (["evaluate", LECTURE, "--beta", "2"], "--beta makes no difference without --reject or --reject-at"),
    (["show", LECTURE, "--beta", "2"], "--beta makes no difference without --strip or --label-uses or"),
    (["loss", LECTURE, "-t", "34", "--loss", "hinge", "--beta", "2"], "--beta makes no difference to hinge: it is of"),
    (["bound", LECTURE, "--seed", "2"], "--seed makes no difference without --samples or --importance"),
    (["train", "--keys", "--resume"], "--keys lists all keys there are, whatever else is given: expected it alone"),
    (["bound", LECTURE, "--tie", "arc"], "--tie makes no difference without --fit"),
    (["grammar", "words", "a", "b", "--around"], "--around makes no difference without --loop"),
    (["loss", LECTURE, "-t", "34", "--loss", "nll", "--margin", "2"], "--margin makes no difference to nll: it is of"),
    (["loss", LECTURE, "-t", "34", "--loss", "hinge", "--square-square", "printed"], "no difference to hinge"),
    (
        ["viterbi", LECTURE, "--logp"],
        f"{LECTURE}: is a graph, with labels and energies of its own: --logp makes",
    ),
    (["viterbi", LECTURE, "--labels", "absent"], "--labels makes no difference, it is for matrices"),
    (
        ["viterbi", LECTURE, "--symbols", "x.syms"],
        f"{LECTURE}: is read as json: --symbols or --isymbols makes no",
    ),
    (
        ["viterbi", "x.npy", "--labels", "ab.txt", "--osymbols", "x.syms"],
        "x.npy: is read as npy: --symbols, --os",
    ),
    (["viterbi", "x.npy", "--labels", "ab.txt", "--scale", "lm=2"], "x.npy: scale lm: the arcs carry no score 'lm'"),
    (["viterbi", "x.txt", "--scale", "lm=2"], "x.txt: scale lm: the arcs carry no score 'lm'"),
    (
        ["viterbi", "x.slf", "--acceptor"],
        "x.slf: is read as slf: --acceptor or --transducer makes no differ",
    ),
    (["viterbi", "x.slf", "--prob"], "x.slf: is read as slf: --prob makes no difference, it is for matrices"),
    (["viterbi", "x.slf", "--epsilon", "a"], "x.slf: is read as slf: --epsilon"),
    (
        ["viterbi", "x.ark", "--node-words", "end"],
        "x.ark: is read as kaldi: --node-words makes no difference, it is for",
    ),
    (
        ["viterbi", "x.att", "--keep-tags"],
        "x.att: is read as att: --keep-tags makes no difference, it is for slf and",
    ),
    (["grammar", "words", "ab.txt", "x.txt"], "ab.txt: is a file, expected it alone, or words"),
    (["grammar", "words", "ab.txt", "c"], "ab.txt: is a file, expected it alone"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[" ".join(case[0][2:]) for case in REFUSED])
def test_what_would_be_dropped_is_a_usage_error(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert message in done.err
    assert done.status == 2


@pytest.mark.slow
def test_what_is_several_is_taken_as_several() -> None:
    both = run("loss", LECTURE, "-t", "34", "--loss", "nll", "--loss", "hinge", "--json")
    assert [line["loss"] for line in records(both.out)] == ["nll", "hinge"]
    assert run("viterbi", LECTURE, "--json", "--json").status == 0, "the same flag again says nothing else"
    assert run("viterbi", CUT, "-g", WORDS, "--of", "grammar", "--combine", "max").status == 0
    assert "--beta" in run("viterbi", "--beta", "1", "--beta", "2", "--help").out


@pytest.mark.slow
def test_options_reach_the_forms_that_have_a_use_for_them() -> None:
    assert records(run("viterbi", "x.ark", "--symbols", "x.syms", "--json").out)[0]["paths"][0]["output"] == ["a"]
    assert records(run("viterbi", "x.att", "--osymbols", "x.syms", "--json").out)[0]["paths"][0]["output"] == ["a"]
    assert run("viterbi", "x.slf", "--node-words", "end", "--keep-tags", "--scale", "acoustic=2").status == 0
    assert run("viterbi", "x.att", "--transducer").status == 0
    listed = run("viterbi", "x.txt", "--scale", "words=2", "--json")
    assert records(listed.out)[0]["paths"][0]["energy"] == 6


@pytest.mark.slow
def test_answers_have_no_use_for_what_is_said_of_graphs() -> None:
    answers = run("viterbi", LECTURE, "--json").out
    for given in (["--symbols", "x.syms"], ["--scale", "lm=2"], ["--logp"], ["--keep-tags"]):
        done = run("evaluate", "-", *given, text=answers)
        assert (done.status, "standard input: holds answers: " in done.err) == (2, True), done.err


def test_the_table_of_options_is_that_of_the_fields() -> None:
    for field, forms in _USES.items():
        assert field in ReadOptions.__dataclass_fields__
        assert set(forms) <= set(FORMATS)
    assert set(_USES) | {"isymbols", "osymbols", "scales"} == set(OPTIONS)


@pytest.mark.slow
def test_slips_in_lists_of_words_are_told() -> None:
    done = run("grammar", "words", "absent.lst", "-o", "g.json")
    assert (done.status, done.err) == (0, "lattice: 'absent.lst' is taken as it is: there is no file of that name\n")
    assert run("grammar", "words", "3.5", "a.", "-o", "g.json").err == ""
    counts = save("counts.txt", "cat\t8123", "dog\t20")
    assert (
        "counts.txt: the numbers behind tabs are read as energies, but look like counts (8123)"
        in run("viterbi", counts).err
    )
    assert "counts" not in run("viterbi", save("energies.txt", "cat\t81.5", "dog\t20")).err
    done = run("viterbi", LECTURE, "--hot-words", save("hot.txt", "3\t2", "4"))
    assert (done.status, done.err) == (
        3,
        "lattice: hot.txt:2: the hot word '4' gains nothing, expected word, tab, nats\n",
    )
    done = run("grammar", "regex", ".", "--vocabulary", "absent")
    assert (done.status, done.err) == (3, "lattice: absent: cannot read: No such file or directory\n")


def test_the_width_of_tables_in_a_pipe_can_be_said() -> None:
    long = save("word" * 40 + ".json", row_of("a"))
    assert max(map(len, run("viterbi", long).out.splitlines())) > 160
    assert max(map(len, run("viterbi", long, env={"LATTICE_WIDTH": "60"}).out.splitlines())) == 60
    done = run("viterbi", LECTURE, env={"LATTICE_WIDTH": "6"})
    assert done.status == 2
    assert "LATTICE_WIDTH is '6', expected a whole number of columns from 40 on" in done.err

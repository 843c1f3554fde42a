"""The convert command in real processes: files, pipes, streams, what is refused, what other commands read."""

from __future__ import annotations

import gzip
import json
import pathlib

import numpy as np
import pytest
from support.commands import CUT, ESCAPE, LECTURE, ROOT, pipe, records, row_of, run, save, terminal

from lattice_cli.formats import readable, writable

pytestmark = pytest.mark.slow

TARGETS = (
    *("json", "jsonl", "yaml", "npz", "npy", "slf", "att", "fst", "fst64", "gtn", "k2", "kaldi", "kaldi-binary", "dot"),
)
READ_ONLY = {"matrix", "words", "dict", "arpa", "jsgf", "fsg", "scp", "mesh", "plf", "pfsg"}
ARCHIVE = "a \n0\t1\t1\t0.5,0.25,3_3\n1\n\nb \n0\t1\t2\t1.5,0.25,4_5\n1\n\n"


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def text(path: str) -> str:
    return pathlib.Path(path).read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["att", "gtn", "k2", "ark", "slf.gz", "fst.txt.gz", "yaml", "npz", "json.gz"])
def test_every_command_reads_what_convert_writes(ending: str) -> None:
    name = f"x.{ending}"
    assert run("convert", LECTURE, name, "--lossy").status == 0
    (line,) = records(run("viterbi", name, "--json", "-n", "3").out)
    assert [path["energy"] for path in line["paths"]] == pytest.approx([0.6, 0.7, 1.3])
    assert line["paths"][0]["output"] == ["3", "4", "1"]
    assert run("forward", name).status == 0
    assert run("show", name).status == 0


def test_what_would_be_lost_is_said_and_nothing_is_written() -> None:
    done = run("convert", LECTURE, "x.att")
    assert (done.status, done.out) == (2, "")
    assert done.err == "lattice: lecture-34: att cannot hold the target '34'; --lossy writes the rest\n"
    assert not pathlib.Path("x.att").exists()
    done = run("convert", LECTURE, "-o", "x.att", "--lossy")
    assert done.status == 0
    assert done.err == "lattice: lecture-34: lost in att: the target '34'\n"
    assert text("x.att").startswith("0\t1\t3\t0.1\n")


def test_standard_output_is_json_lines_or_what_to_says() -> None:
    (line,) = records(run("convert", CUT).out)
    assert line["id"] == "lecture-cut"
    assert run("convert", CUT, "--to", "att", "--lossy").out.startswith("0\t1\tc\t0.4\n")
    assert run("convert", CUT, "-", "--to", "att", "--lossy").out.startswith("0\t1\tc\t0.4\n")


def test_a_terminal_gets_a_table_or_the_text_it_asked_for() -> None:
    plain = {"NO_COLOR": "1"}
    assert "lecture-cut: 4 nodes, 8 arcs, start 0, final 3\n╭" in ESCAPE.sub(
        "", terminal("convert", CUT, env=plain).out
    )
    shown = terminal("convert", CUT, "--to", "att", "--lossy", env=plain).out
    assert shown.split()[:4] == ["0", "1", "c", "0.4"]
    assert terminal("convert", CUT, "--to", "npz").status == 2


def test_commands_join_in_pipes() -> None:
    out, statuses = pipe(["convert", CUT, "--to", "att", "--lossy"], ["viterbi", "-", "--format", "att", "--json"])
    assert records(out.decode())[0]["paths"][0]["output"] == ["c", "x", "p"]
    assert statuses == [0, 0]
    done = run("viterbi", "-", text="0 1 1 0.5\n")
    assert done.status == 3
    assert "standard input: a graph in columns of text, expected --format to say which" in done.err
    done = run("viterbi", "-", text="0 1 a 0.5\n1\n")
    assert (done.status, done.err) == (0, "note: standard input: read as att (OpenFst text)\n")


def test_an_archive_is_a_stream() -> None:
    save("x.ark", ARCHIVE.rstrip("\n") + "\n")
    assert [line["id"] for line in records(run("viterbi", "x.ark", "--json").out)] == ["a", "b"]
    assert run("convert", "x.ark", "--to", "kaldi").out == ARCHIVE
    assert run("convert", "-", "--from", "kaldi", "--to", "kaldi", text=ARCHIVE).out == ARCHIVE
    assert run("convert", "x.ark", "x.yaml").status == 0
    assert run("convert", "x.yaml", "--to", "kaldi").out == ARCHIVE


def test_bad_records_stop_the_stream_or_are_counted() -> None:
    save("x.ark", "a \n0 1 5 0.5,x,\n\n" + ARCHIVE.rstrip("\n") + "\n")
    done = run("convert", "x.ark", "y.jsonl")
    assert done.status == 3
    assert "x.ark:2: acoustic cost is 'x', expected a number" in done.err
    assert not pathlib.Path("y.jsonl").exists()
    done = run("convert", "x.ark", "y.jsonl", "--keep-going")
    assert done.status == 3
    assert "1 of 3 records failed" in done.err
    assert [line["id"] for line in records(text("y.jsonl"))] == ["a", "b"]


def test_several_records_need_a_form_that_holds_them_or_a_file_each() -> None:
    save("x.jsonl", *({"id": name, **row_of("p")} for name in ("a", "b/c")))
    done = run("convert", "x.jsonl", "x.att")
    assert done.status == 2
    expected = "jsonl, yaml, slf, kaldi, kaldi-binary, dot hold several"
    assert f"x.att: 2 graphs for a file that holds one; {expected}" in done.err
    done = run("convert", "x.jsonl", "--to", "att")
    assert done.status == 2
    assert "holds one graph" in done.err
    assert run("convert", "x.jsonl", "{id}.att").status == 0
    assert text("a.att") == text("b_c.att") == "0\t1\tp\t1.0\n1\n"


def test_a_symbol_table_is_written_read_and_added_to() -> None:
    save("x.jsonl", {"id": "x", **row_of("the", "cat", None)})
    assert run("convert", "x.jsonl", "x.k2", "--write-symbols", "words.txt").status == 0
    assert text("words.txt") == "<eps>\t0\nthe\t1\ncat\t2\n"
    assert text("x.k2") == "0 1 1 -1.0\n1 2 2 -1.0\n2 3 0 -1.0\n3 4 -1 0.0\n4\n"
    (line,) = records(run("viterbi", "x.k2", "--symbols", "words.txt", "--json").out)
    assert line["paths"][0]["output"] == ["the", "cat"]
    save("y.jsonl", {"id": "y", **row_of("cat", "sat")})
    assert run("convert", "y.jsonl", "y.gtn", "--write-symbols", "words.txt").status == 0
    assert text("words.txt") == "<eps>\t0\nthe\t1\ncat\t2\nsat\t3\n"
    assert text("y.gtn").split("\n")[2:4] == ["0 1 2 2 -1.0", "1 2 3 3 -1.0"]
    done = run("viterbi", "x.k2", "--symbols", "absent.txt")
    assert done.status == 3
    assert "absent.txt" in done.err


def test_matrices_go_both_ways() -> None:
    samples = ROOT / "samples"
    labels = str(samples / "ctc-line.labels.txt")
    matrix = ["convert", str(samples / "ctc-line.npy"), "--labels", labels, "--logp"]
    assert run(*matrix, "line.json").status == 0
    assert "emissions" in json.loads(text("line.json"))
    done = run("convert", "line.json", "line.npy", "--write-labels", "line.txt")
    assert (done.status, done.err) == (0, "")
    assert text("line.txt") == (samples / "ctc-line.labels.txt").read_text(encoding="utf-8")
    assert np.array_equal(np.load("line.npy"), -np.load(samples / "ctc-line.npy").astype(np.float64))
    done = run("convert", LECTURE, "x.npy", "--lossy")
    assert done.status == 3
    assert "cannot be written as an .npy matrix: arc 6 goes from node 0 to node 2" in done.err


def test_other_commands_write_these_forms_where_nothing_is_lost() -> None:
    save("x.jsonl", {"id": "x", **row_of("a", "b")})
    assert run("compose", "x.jsonl", "x.jsonl", "-o", "xx.att").status == 0
    assert text("xx.att") == "0\t1\ta\t2.0\n1\t2\tb\t2.0\n2\n"
    done = run("compose", LECTURE, LECTURE, "-o", "xx.slf")
    assert done.status == 2
    assert "slf cannot hold the target '34'; lattice convert --lossy writes the rest" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.foo"], "cannot tell the form from the name, expected .json, .jsonl, .yaml"),
        (["x.att", "-o", "y.att"], "OUT is given twice"),
        (["x.slf", "--write-symbols", "w.txt"], "is for att, fst, fst64, gtn, k2, kaldi, kaldi-binary, but slf is"),
        (["x.att", "--write-labels", "w.txt"], "--write-labels is for npy, but att is written"),
        (["x.att", "--to", "foo"], "is not one of"),
    ],
)
def test_usage(arguments: list[str], message: str) -> None:
    done = run("convert", LECTURE, *arguments)
    assert done.status == 2
    assert message in done.err


def test_the_help_lists_every_form() -> None:
    shown = run("convert", "--help").out
    assert all(name in shown for name in TARGETS)
    assert tuple(writable()) == TARGETS
    assert set(readable()) - READ_ONLY == set(TARGETS) - {"dot"}


def test_gzip_both_ways() -> None:
    assert run("convert", CUT, "x.att.gz", "--lossy").status == 0
    assert gzip.decompress(pathlib.Path("x.att.gz").read_bytes()).startswith(b"0\t1\tc")
    assert run("viterbi", "x.att.gz").status == 0

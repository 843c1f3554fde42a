"""Faults: of the tool itself, of the streams it is given, of numbers beyond float64; one odd value among sound ones."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import json
import os
import pathlib
import pickle
import pkgutil
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from support import ROOT
from support.commands import (
    ENVIRONMENT,
    LECTURE,
    PATIENCE,
    Done,
    next_line,
    records,
    row_of,
    run,
    save,
    terminal,
)
from support.doors import DOORS

import lattice_cli
from lattice_cli.cli.main import cli
from lattice_cli.cli.terminal.json_lines import json_lines
from lattice_cli.errors import Diverged, InternalError, LatticeError, NotConverged
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions

CASES = ROOT / "tests" / "cases" / "faults"
#: Labels with controls of C1, of the bidirectional algorithm, and delete.
UNSEEN = ["\x9b31m", "\u202eabc", "\u2067x", "\x7f", "\x85"]


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# What nobody has foreseen ---------------------------------------------------------------------------------------------

#: A tool with a fault in reading the record `read`, one in solving the record `solve`, and one before any is read.
BROKEN = """
import os, sys
from lattice_cli import records
from lattice_cli.cli import stream
from lattice_cli.cli.main import main
from lattice_cli.formats.native import streams

decode, document = records.decode, streams._document

def decoding(documents, *more):
    if any(each.id == "solve" for each in documents):
        raise TypeError("no such\\nthing")
    return decode(documents, *more)

def reading(value, *more):
    if value.get("id") == "read":
        raise KeyError("gone")
    return document(value, *more)

def refusing(*more):
    raise RecursionError("too deep")

records.decode, streams._document = decoding, reading
if "FIRST" in os.environ:
    stream.require_one_stdin = refusing
main(sys.argv[1:])
"""


def broken(*arguments: str, **env: str) -> Done:
    command = [sys.executable, "-c", BROKEN, *arguments]
    done = subprocess.run(command, capture_output=True, env={**ENVIRONMENT, **env}, timeout=PATIENCE, cwd=None)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_internal_error_is_that_of_its_record_alone(jobs: str) -> None:
    save("s.jsonl", *[row_of("a", id=name) for name in ("a", "solve", "b", "read", "c")])
    done = broken("viterbi", "s.jsonl", "--json", "--keep-going", "--jobs", jobs)
    assert done.status == 70
    assert [(each["id"], each["status"]) for each in records(done.out)] == [
        ("a", "ok"), ("solve", "internal-error"), ("b", "ok"), ("read", "internal-error"), ("c", "ok"),
    ]  # fmt: skip
    report = "please report it with the command and the smallest input (lattice --version)"
    assert done.err.split("\n") == [
        f"lattice: internal error: TypeError: no such thing (record 'solve' of s.jsonl:2); {report}",
        f"lattice: internal error: KeyError: 'gone' (record 'read' of s.jsonl:4); {report}",
        "lattice: 2 of 5 records failed",
        "",
    ]


@pytest.mark.slow
def test_an_internal_error_leaves_what_came_before_it_whole() -> None:
    save("s.jsonl", *[row_of("a", id=name) for name in ("a", "solve", "b")])
    done = broken("viterbi", "s.jsonl", "--json")
    assert (done.status, [each["id"] for each in records(done.out)]) == (70, ["a", "solve"])
    pathlib.Path("out.txt").write_text("before")
    done = broken("viterbi", "s.jsonl", "-o", "out.txt")
    assert (done.status, pathlib.Path("out.txt").read_text()) == (70, "before")
    assert "Traceback" not in done.err
    done = broken("viterbi", "s.jsonl", LATTICE_DEBUG="1")
    assert "Traceback" in done.err
    assert "in decoding" in done.err
    assert broken("viterbi", LECTURE, FIRST="1") == Done(
        70, "", "lattice: internal error: RecursionError: too deep; please report it with the command and the smallest "
        "input (lattice --version)\n",
    )  # fmt: skip


def kinds_of_errors() -> list[type[LatticeError]]:
    """Every error of the package, wherever it is defined."""
    for module in pkgutil.walk_packages(lattice_cli.__path__, "lattice_cli."):
        if module.name not in DOORS and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = [], [LatticeError]
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].__subclasses__()
    return [kind for kind in found if kind.__module__.startswith("lattice_cli")]


def test_every_error_goes_from_process_to_process_whole() -> None:
    kinds = kinds_of_errors()
    assert len(kinds) > 10
    made = {Diverged: ("a cycle", [1, 2], ["x", "y"], "g"), NotConverged: ("no", 3), InternalError: ("oh", "trace")}
    for kind in kinds:
        error = kind(*made.get(kind, ("told \x9b once",)))  # type: ignore[arg-type]
        error.told = {"search": {"exact": False}}
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind
        assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))
        assert (again.exit_status, again.status) == (kind.exit_status, kind.status)


@pytest.mark.slow
def test_a_solver_that_does_not_converge_is_told_by_any_process() -> None:
    arguments = [
        str(CASES / "recognize-jobs-not-converged.npz"), str(CASES / "recognize-jobs-not-converged-inputs.jsonl"),
        "--set", "recognizer.ode.tolerance=1e-300", "--set", "recognizer.ode.iterations=1", "--keep-going",
    ]  # fmt: skip
    alone = run("recognize", *arguments)
    assert (alone.status, [each["id"] for each in records(alone.out)]) == (4, ["b"])
    assert run("recognize", *arguments, "--jobs", "2") == alone


# Standard streams -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("closed", [each for size in (1, 2, 3) for each in itertools.combinations((0, 1, 2), size)])
def test_closed_streams_lose_nothing_that_has_another_place(closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    plain = run("viterbi", LECTURE, "--json")
    done = run("viterbi", LECTURE, "--json", before=close)
    assert (done.status, done.out) == ((3, "") if 1 in closed else (0, plain.out))
    if closed == (1,):
        assert done.err == "lattice: standard output: cannot write: it is closed\n"
    assert run("viterbi", LECTURE, "--json", "-o", "out.json", before=close).status == 0
    assert pathlib.Path("out.json").read_text() == plain.out
    assert run("viterbi", "nofile.json", before=close).status == 3
    assert run("viterbi", "-", before=close).status == 3


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_streams_are_told_and_messages_that_are_lost_change_nothing() -> None:
    with open("/dev/full", "wb") as full:
        for arguments in (["viterbi", LECTURE], ["--help"], ["viterbi", "-h"], ["convert", LECTURE], ["help"]):
            done = run(*arguments, stdout=full)
            assert (done.status, done.err) == (
                3, "lattice: standard output: cannot write: No space left on device\n"
            )  # fmt: skip
            assert run(*arguments, stdout=full, stderr=full).status == 3
            assert run(*arguments, stderr=full) == Done(0, run(*arguments).out, "")
        assert run("viterbi", "nofile.json", stderr=full).status == 3
        assert run("viterbi", "--nothing", stderr=full).status == 2


@pytest.mark.slow
@pytest.mark.parametrize("env", [{"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_documents_and_columns_are_utf_8_whatever_the_locale(env: dict[str, str]) -> None:
    save("g.json", row_of("é", "日本", id="ünï"))
    save("any.json", {"lattice": 1, "start": 0, "final": 0, "arcs": [[0, 0, label] for label in ("é", "日本")]})
    for arguments in (
        ["convert", "g.json", "--to", "json"], ["convert", "g.json", "--to", "att"], ["convert", "g.json"],
        ["convert", "g.json", "--to", "slf"], ["draw", "g.json"], ["compose", "g.json", "any.json"],
        ["grammar", "words", "né"], ["prune", "g.json", "--beam", "1"], ["viterbi", "g.json", "--tsv"],
        ["viterbi", "g.json", "--to", "text"],
    ):  # fmt: skip
        plain = run(*arguments)
        assert plain.status == 0
        assert not plain.out.isascii()
        assert run(*arguments, env=env, stderr=subprocess.DEVNULL).out == plain.out
    (record,) = records(run("viterbi", "g.json", "--json", env=env).out)
    assert record["paths"][0]["output"] == ["é", "日本"]


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["0", "1"])
def test_a_terminal_of_no_width_shows_all(columns: str) -> None:
    done = terminal("viterbi", LECTURE, env={"COLUMNS": columns})
    assert done.status == 0
    assert "341" in done.out.replace("\n", "") or {"3", "4", "1"} <= set(done.out)
    if columns == "0":
        assert done == terminal("viterbi", LECTURE)


#: Says that loading has begun, then waits to be interrupted.
LOADING = """
import os, runpy, sys

class Saying:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.write(1, b"loading\\n")
            while True:
                pass

sys.meta_path.insert(0, Saying())
if sys.argv[2] == "module":
    runpy.run_module("lattice_cli", run_name="__main__")
else:
    from lattice_cli.__main__ import main
    sys.exit(main(["--version"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["module", "script"])
@pytest.mark.parametrize("at", ["lattice_cli.cli.main", "click"])
def test_ctrl_c_while_modules_load_is_silent(at: str, how: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LOADING, at, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert next_line(process) == b"loading\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE) == (b"", b"")
    assert process.returncode == 130


@pytest.mark.slow
def test_what_the_machine_refuses_is_told_as_what_it_is() -> None:
    name = "x" * 300
    done = run("viterbi", LECTURE, "-o", name)
    assert (done.status, done.err) == (3, f"lattice: {name}: File name too long\n")
    assert run("convert", LECTURE, "y" * 250, "--to", "json").status == 0  # its temporary name is no longer
    os.symlink("loop", "loop")
    done = run("convert", LECTURE, "loop", "--to", "json")
    assert (done.status, done.err) == (3, "lattice: loop: cannot write: Too many levels of symbolic links\n")

    def few_files() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))

    done = run("viterbi", LECTURE, "--jobs", "30", before=few_files)
    assert done.status == 4
    assert done.err == "lattice: a process cannot be started: Too many open files; expected fewer\n"


# Numbers --------------------------------------------------------------------------------------------------------------


def test_json_has_null_for_what_is_no_finite_number() -> None:
    value = {"a": [1.5, float("inf"), {"b": (-float("inf"), "inf")}], "c": float("nan"), "d": True}
    assert json_lines(value) == '{"a": [1.5, null, {"b": [null, "inf"]}], "c": null, "d": true}\n'


def told(*arguments: str) -> tuple[str, str]:
    """What a command writes, in this process: warnings are errors here, and none is an internal one."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    message = ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main([*arguments], standalone_mode=False)
        except LatticeError as error:
            message = str(error)
    assert "internal error" not in err.getvalue() + message
    out.flush()
    return out.buffer.getvalue().decode(), err.getvalue() + message  # type: ignore[attr-defined]


@pytest.mark.parametrize("part", ["label_uses", "heaviest"])
def test_an_arc_on_no_path_has_no_detour(part: str) -> None:
    asked = ["--label-uses"] if part == "label_uses" else ["--heaviest", "5"]
    (record,) = records(told("show", str(CASES / "show-label-uses-dead-label.json"), *asked, "--json")[0])
    assert [row["detour"] for row in record[part]] == [0.0, None]


def large(energy: float) -> str:
    arcs = [[0, 1, "a", energy], [0, 1, "b", -energy], [1, 2, "c", energy], [1, 2, "d", 0], [0, 2, "e", 1]]
    record = {"lattice": 1, "id": "large", "target": "a c", "start": 0, "final": 2, "arcs": arcs}
    return save(f"large{energy:g}.json", record)


@pytest.mark.parametrize("energy", [1.0, 1e154, 1e300, 8e307])
@pytest.mark.parametrize("beta", ["1e-300", "2", "1e300", "1.7e308"])
def test_absurd_energies_and_temperatures_are_no_internal_errors_and_no_warnings(energy: float, beta: float) -> None:
    path, lm = large(energy), pathlib.Path("lm.arpa")
    grams = "".join(f"-1 {word}\n" for word in ("<s>", "</s>", "a", "c", "d"))
    lm.write_text(f"\\data\\\nngram 1=5\n\n\\1-grams:\n{grams}\n\\end\\\n")
    at = ["--beta", str(beta)]
    for arguments in (
        ["forward", path, "--lagrangian", "--json", *at], ["forward", path, "--arcs", "--nodes", "--json", *at],
        ["viterbi", path, "--mbr", "--confidence", "--json", *at], ["viterbi", path, "--confidence", "-n", "3", *at],
        ["viterbi", path, "--lm", str(lm), "--mbr", "--confidence", "--json", *at],
        ["viterbi", path, "--lm", str(lm), "--lm-scale", str(beta), "--word-energy", "1e308", "--json"],
        ["loss", path, "--json", "--check", *at], ["loss", path, "--loss", "nll", "--loss", "mee", *at],
        ["loss", path, "--loss", "square-square", "--loss", "square-exp", "--margin", str(beta), "--json"],
        ["prune", path, "--beam", "1", *at], ["sample", path, *at],
        ["bound", path, "--samples", "20", "--importance", "1,2", "--json", *at],
        ["bound", path, "--proposal", f"gibbs:{beta}", "--fit", "2", "--samples", "10", "--json"],
        ["show", path, "--label-uses", "--json", *at], ["draw", path, *at],
    ):  # fmt: skip
        out, said = told(*arguments)
        assert out or said
        if "--json" in arguments:
            records(out)


def test_losses_that_overflow_are_told_on_standard_error() -> None:
    out, err = told("loss", str(CASES / "loss-overflow-1e200.json"), "-t", "a a", "--json", "--no-arcs")
    failed = {each["loss"]: each["message"] for each in records(out) if each["status"] == "overflow"}
    assert set(failed) == {"square-square", "square-exp"}
    for name, why in failed.items():
        assert why == "the loss at E_C = 1e+200, E_I = 1 is beyond the range of float64"
        assert f"{name}: {why}\n" in err


def test_weights_of_jsgf_may_add_up_to_anything() -> None:
    (record,) = records(told("grammar", "jsgf", str(CASES / "jsgf-weights-overflow.jsgf"))[0])
    assert record["arcs"]["energy"] == pytest.approx([np.log(2), np.log(2)], abs=1e-15)
    save("far.jsgf", "#JSGF V1.0; grammar far; public <s> = /1e-320/ a | /1e308/ b;")
    (record,) = records(told("grammar", "jsgf", "far.jsgf")[0])
    assert sorted(record["arcs"]["energy"]) == pytest.approx([0.0, np.log(1e308) - np.log(1e-320)])


def test_the_side_that_overflows_is_told() -> None:
    small, high = row_of("a", "a", id="rec"), row_of("a", "a", energy=1e308, id="gr")
    save("rec.json", small)
    save("gr.json", high)
    assert told("viterbi", "rec.json", "-g", "gr.json")[1] == (
        "lattice: rec: energies of a path add up beyond the range of float64; energies go up to 1 in rec.json:1, "
        "1e+308 in gr.json:1\n"
    )
    assert "1e+308 of the graph and 1e+308 of the grammar" in told("viterbi", "gr.json", "-g", "gr.json")[1]


# One odd value --------------------------------------------------------------------------------------------------------

ODD = ["nan", "0,7", "BadNumber", "1_000", "-Infinity"]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("w.att", "0 1 a 0.5\n1 2 b {}\n2\n", "w.att:2: {} may be the weight or the output label of this arc"),
        ("f.att", "0 1 a 0.5\n1 2 b 1.5\n2 {}\n", "f.att:3: weight is '{}', expected a number"),
        ("m.txt", "0.5 0.25\n0.5 {}\n1.5 2.5\n", "m.txt:2: found '{}', expected a number"),
        ("h.txt", "{} 0.25\n0.5 1.5\n1.5 2.5\n", "h.txt:1: found '{}', expected a number"),
        ("h.csv", "0.5;{};1\n0.5;1;1\n", "h.csv:1: found '{}', expected a number"),
        ("w.txt", "cat\t1\ndog\t{}\n", "w.txt:2: found '{}' after the tab"),
        ("p.dict", "cat 0.5 K AE T\ndog {} D AO G\n", "p.dict:2: found '{}' before the phones"),
        ("q.dict", "dog {} D AO G\ncat 0.5 K AE T\n", "q.dict:1: found '{}' before the phones"),
    ],
)
def test_one_odd_value_does_not_decide_what_the_others_are(odd: str, name: str, text: str, message: str) -> None:
    if name in ("m.txt", "h.txt", "h.csv") and odd == "-Infinity":
        return  # a number in a matrix: of probability 0
    pathlib.Path(name).write_text(text.format(odd))
    assert message.format(odd) in told("viterbi", name)[1]


@pytest.mark.parametrize("name", ["att-decimal-comma.att", "att-nan-weight-becomes-transducer.att"])
def test_no_acceptor_becomes_a_transducer(name: str) -> None:
    assert "may be the weight or the output label of this arc, expected" in told("viterbi", str(CASES / name))[1]


def test_a_key_that_is_given_twice_has_a_line() -> None:
    pathlib.Path("twice.json").write_text('{"lattice": 1, "start": 0,\n "arcs": [{"from": "start"}],\n\n"start": 0}')
    assert told("viterbi", "twice.json")[1] == "lattice: twice.json:4: key 'start' is given twice in one mapping\n"


def test_a_file_that_is_not_understood_is_hardly_quoted() -> None:
    pathlib.Path("secret").write_text("root:x:0:0:root:/root:/bin/bash\n")
    pathlib.Path("train.yaml").write_text("train: 1\nlabels: ab\ndata: {train: secret}\n")
    said = told("train", "train.yaml")[1]
    assert "secret: found 'root:x:0:0:root:/roo', in no form that is known" in said
    assert "bash" not in said
    assert "cannot read: embedded null byte" in told("train", str(CASES / "config-nul-in-path.yaml"))[1]


def test_halves_of_characters_in_binary_documents_are_refused() -> None:
    told("convert", LECTURE, "x.npz")
    arrays = dict(np.load("x.npz"))
    about = {**json.loads(arrays["about"].tobytes()), "id": "\ud800"}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez("half.npz", **arrays)
    said = told("convert", "half.npz", "--to", "json")[1]
    assert said == "lattice: half.npz: array 'about': \\ud800 is half of a surrogate pair, not a character\n"


@pytest.mark.parametrize(
    ("key", "value"), [("labels", [["a"]]), ("labels", "ab"), ("size", "x"), ("scores", 1), ("config", [])]
)
def test_damaged_descriptions_of_models_are_bad_data(key: str, value: Any) -> None:
    arrays = dict(np.load(CASES / "recognize-jobs-not-converged.npz"))
    about = {**json.loads(arrays["model"].tobytes()), key: value}
    arrays["model"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez("bad.npz", **arrays)
    out, said = told("recognize", "bad.npz", str(CASES / "recognize-jobs-not-converged-inputs.jsonl"))
    assert (out, said[:7]) == ("", "bad.npz") or key == "scores"


# Terminals and pictures -----------------------------------------------------------------------------------------------


def test_what_steers_a_terminal_is_escaped_in_json_and_reads_back() -> None:
    save("g.json", row_of(*UNSEEN, id="\u202eid"))
    for form in ("json", "yaml", "jsonl"):
        out = told("convert", "g.json", "--to", form)[0]
        assert not any(letter in out for label in UNSEEN for letter in label if not letter.isprintable())
        pathlib.Path(f"again.{form}").write_text(out)
        again = read_one(f"again.{form}", ReadOptions())
        assert [again.id, *again.graph.words(again.graph.ilabel.tolist())] == ["\u202eid", *UNSEEN]
    for arguments in (["viterbi", "g.json", "--json"], ["compose", "g.json", "g.json"], ["show", "g.json", "--json"]):
        out = told(*arguments)[0]
        assert "\\u009b31m" in out
        assert all(letter.isprintable() or letter == "\n" for letter in out)


@pytest.mark.slow
def test_a_document_on_a_terminal_does_not_steer_it() -> None:
    save("g.json", row_of("\x1b[31m", "\x9b32m", "\u202ex"))
    shown = terminal("convert", "g.json", "--to", "att").out
    assert "\\x1b[31m" in shown
    assert all(letter.isprintable() or letter in "\n\t" for letter in shown)


def test_graphviz_reads_no_references_in_labels() -> None:
    save("g.json", row_of("&lt;b&gt;", "&amp;", "&#65;", 'a"b\\N'))
    out = told("draw", "g.json")[0]
    for label in ("&amp;lt;b&amp;gt;/1", "&amp;amp;/1", "&amp;#65;/1", 'a\\"b\\\\N/1'):
        assert f'[label="{label}"' in out
    assert told("draw", str(CASES / "draw-entities.json"))[0].startswith(
        'digraph "\\"><script>alert(2)</script>&amp;lt;" {'
    )

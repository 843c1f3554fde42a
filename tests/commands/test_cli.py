"""The command line in real processes: pipes, streams, terminals, signals, files, exit statuses."""

from __future__ import annotations

import fcntl
import functools
import gzip
import json
import math
import os
import pathlib
import re
import signal
import stat
import struct
import subprocess
import sys
import termios
import unicodedata
from typing import Any

import pytest
from support import oracle
from support.commands import (
    CUT,
    ENVIRONMENT,
    ESCAPE,
    LATTICE,
    LECTURE,
    PATIENCE,
    WORDS,
    Done,
    cells,
    imports_of,
    next_line,
    pipe,
    records,
    row_of,
    run,
    save,
    start,
    terminal,
    width,
    words,
)

from lattice_cli import __version__
from lattice_cli.cli.main import COMMANDS
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@functools.cache
def composed_cut() -> str:
    """The composition of the lecture's figure as the command writes it into a pipe."""
    done = run("compose", CUT, WORDS)
    assert (done.status, done.err) == (0, "")
    return done.out


# Help and usage -------------------------------------------------------------------------------------------------------


def test_a_graph_that_is_swept_as_it_is_loads_no_search_of_matrices() -> None:
    done, modules = imports_of("viterbi", save("graph.json", row_of("a", "b")))
    assert done.status == 0
    for_others = ("lattice_cli.emissions.", "lattice_cli.formats.notations.", "lattice_cli.learning.")
    assert not {name for name in modules if name.startswith(for_others)}


def test_help_lists_the_commands_without_loading_anything_heavy() -> None:
    done, modules = imports_of("--help")
    assert done.status == 0
    for command, line in COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(line[:30])}", done.out, re.M)
    assert not {module.split(".")[0] for module in modules} & {"numpy", "rich", "yaml", "scipy"}
    assert not any(module.startswith("lattice_cli.cli.commands.") for module in modules)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example_and_does_not_load_the_engine_for_it(command: str) -> None:
    done, modules = imports_of(command, "-h")
    assert done.status == 0
    assert f"Usage: lattice {command}" in done.out
    assert re.search(r"^  (lattice|eval) ?", done.out, re.M)
    assert "--help" in done.out
    assert not {module.split(".")[0] for module in modules} & {"numpy", "rich", "yaml"}


def test_version_and_the_console_script() -> None:
    done = run("--version")
    assert (done.status, done.out.partition("\n")[0], done.err) == (0, f"lattice, version {__version__}", "")
    script = pathlib.Path(sys.executable).with_name("lattice")
    if script.exists():
        done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=PATIENCE)
        assert done.stdout.startswith(f"lattice, version {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["viterby", "x"], ["No such command 'viterby'", "Did you mean 'viterbi'"]),
        (["zzz"], ["No such command 'zzz'", "viterbi"]),
        (["viterbi", "--jsno", LECTURE], ["--jsno", "--json"]),
        (["viterbi"], ["GRAPH"]),
        (["viterbi", "-n", "0", LECTURE], ["-n", "0"]),
        (["forward", "--beta", "1,-2", LECTURE], ["--beta", "1,-2"]),
        (["viterbi", "--scale", "lm", LECTURE], ["--scale", "NAME=VALUE"]),
        (["viterbi", "--color", "purple", LECTURE], ["--color", "purple", "always"]),
        (["viterbi", "--of", "grammar", LECTURE], ["--of", "-g"]),
        (["viterbi", "-", "-"], ["standard input", "twice"]),
        (["viterbi", "-", "-g", "-"], ["standard input", "twice"]),
        (["compose", "-", "-"], ["standard input", "twice"]),
        (["compose", CUT, WORDS, "-o", "out.txt"], ["out.txt", ".json", ".npz"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0] in [*COMMANDS, "viterby", "zzz"] else "",
)
def test_usage_errors_end_in_status_2_and_say_what_is_wrong(arguments: list[str], parts: list[str]) -> None:
    done = run(*arguments)
    assert done.status == 2
    assert done.out == ""
    for part in parts:
        assert part in done.err


def test_options_that_do_not_fit_the_data_are_usage_errors_too() -> None:
    done = run("viterbi", LECTURE, "--scale", "lm=2", "--json")
    assert done.status == 2
    assert "'lm'" in done.err
    assert [record["status"] for record in records(done.out)] == ["usage"]


# Files that are not there or not what they should be ------------------------------------------------------------------


def test_bad_files_end_in_status_3_and_are_named() -> None:
    os.mkdir("dir.json")
    save("empty.json")
    parts = {"none.json": "No such file", "dir.json": "directory", "empty.json": "empty"}
    done = run("viterbi", *parts, "--json", "--keep-going")
    assert done.status == 3
    for (path, part), record, line in zip(parts.items(), records(done.out), done.err.splitlines()):
        assert line.startswith(f"lattice: {path}: ")
        assert part in line
        assert (record["id"], record["status"]) == (path, "bad-data")
        assert part in record["message"]
    assert "3 of 3 records failed" in done.err


def test_an_empty_standard_input_is_bad_data() -> None:
    done = run("viterbi", "-")
    assert done.status == 3
    assert done.err == "lattice: standard input: is empty, expected a document\n"


def test_a_bad_grammar_is_named_and_nothing_is_written() -> None:
    for path, part in (("none.yaml", "No such file"), (save("bad.yaml", "lattice: 1", "words: [a"), "bad.yaml:")):
        done = run("viterbi", CUT, "-g", path, "--json")
        assert (done.status, done.out) == (3, "")
        assert path in done.err
        assert part in done.err
    stream = save("two.jsonl", row_of("a"), row_of("b"))
    done = run("compose", CUT, stream)
    assert (done.status, done.out) == (3, "")
    assert "two.jsonl: holds 2 documents, expected one" in done.err


def test_a_missing_file_stops_the_rest_unless_told_to_keep_going() -> None:
    done = run("viterbi", "none.json", LECTURE, "--json")
    assert (done.status, len(records(done.out))) == (3, 1)
    done = run("viterbi", "none.json", LECTURE, "--json", "--keep-going")
    assert done.status == 3
    assert [record["status"] for record in records(done.out)] == ["bad-data", "ok"]
    assert "1 of 2 records failed" in done.err


def test_the_options_of_the_input_are_not_those_of_the_grammar() -> None:
    """A stream's form and scales say nothing about a lexicon."""
    save("words.yaml", "lattice: 1", "words: [a]")
    line = json.dumps(row_of("a"))
    done = run("viterbi", "-", "--format", "jsonl", "-g", "words.yaml", "--json", text=line + "\n")
    assert (done.status, done.err) == (0, "")
    arc = {"from": 0, "to": 1, "label": "a", "scores": {"acoustic": 2, "lm": 1}}
    save("scored.json", {"lattice": 1, "start": 0, "final": 1, "arcs": [arc]})
    done = run("viterbi", "scored.json", "-g", "words.yaml", "--scale", "lm=10", "--json")
    assert (done.status, done.err) == (0, "")
    assert records(done.out)[0]["paths"][0]["energy"] == 12.0


# Pipes of commands ----------------------------------------------------------------------------------------------------


def test_a_pipe_gives_the_same_as_a_file_of_any_form() -> None:
    columns = {"from": [0, 0, 1, 1], "to": [1, 1, 2, 2], "label": ["a", "b", "b", None]}
    arcs = {**columns, "energy": [0.1, 1 / 3, 1e-17, -2.718281828459045]}
    graph = {"lattice": 1, "id": "thirds", "start": {"0": 0.7}, "final": {"2": 1 / 7}, "arcs": arcs}
    save("graph.json", graph)
    save("words.json", {"lattice": 1, "words": {"a": 0.1, "b": 1 / 9, "ab": 2 / 3}, "loop": ""})
    compose = ["compose", "graph.json", "words.json"]
    best = ["-n", "5", "--json"]
    piped, statuses = pipe(compose, ["viterbi", "-", *best])
    assert statuses == [0, 0]
    names = ["out.json", "out.jsonl", "out.yaml", "out.npz", "out.json.gz", "out.npz.gz"]
    for name in names:
        assert run(*compose, "-o", name) == Done(0, "", "")
    assert run("viterbi", *names, *best).out.encode() == piped * len(names)
    compressed = gzip.compress(pathlib.Path("out.npz").read_bytes())
    assert run("viterbi", "-", *best, text=compressed).out.encode() == piped
    (record,) = records(piped.decode())
    assert record["id"] == "thirds"
    assert len(record["paths"]) == 5


def test_viterbi_passes_targets_on_of_records_without_a_path_too() -> None:
    stream = save(
        "targets.jsonl",
        row_of("a", id="ok", target=["a"]),
        {"lattice": 1, "id": "none", "target": "ab", "start": 0, "final": 9, "arcs": [[0, 1, "a"]]},
        row_of("a", id="bare"),
        {"lattice": 1, "id": "round", "target": "a", "start": 0, "final": 0, "arcs": [[0, 0, "a", -1]]},
    )
    done = run("viterbi", stream, "--json", "--keep-going")
    assert done.status == 4
    assert [(line["id"], line["status"], line.get("target")) for line in records(done.out)] == [
        ("ok", "ok", ["a"]),
        ("none", "no-path", "ab"),
        ("bare", "ok", None),
        ("round", "diverged", "a"),
    ]


def test_a_pipe_gives_the_same_as_a_grammar() -> None:
    piped, statuses = pipe(["compose", CUT, WORDS], ["viterbi", "-", "-n", "3", "--json"])
    assert statuses == [0, 0]
    (record,) = records(piped.decode())
    assert record["id"] == "lecture-cut"
    assert [("".join(path["output"]), round(path["energy"], 12)) for path in record["paths"]] == [
        ("cap", 0.8),
        ("cat", 1.4),
        ("cut", 2.0),
    ]
    (direct,) = records(run("viterbi", CUT, "-g", WORDS, "-n", "3", "--json").out)
    assert [path["energy"] for path in direct["paths"]] == [path["energy"] for path in record["paths"]]
    assert direct["paths"][0]["arcs"] == [0, 4, 6], "arcs of the graph, counted label by label"


def test_output_is_as_documented() -> None:
    (record,) = records(run("viterbi", LECTURE, "--json").out)
    assert record == {
        "id": "lecture-34",
        "target": "34",
        "status": "ok",
        "paths": [
            {
                "energy": pytest.approx(0.6, abs=1e-12),
                "output": ["3", "4", "1"],
                "text": "341",
                "input": ["3", "4", "1"],
                "arcs": [0, 2, 4],
                "nodes": [0, 1, 2, 3],
            }
        ],
        "split": "characters",
        "separator": None,
    }


def test_ties_are_broken_the_same_way_every_time() -> None:
    arcs = [[step, step + 1, label, 0.5] for step in range(4) for label in "zyxabc"]
    save("ties.json", {"lattice": 1, "start": 0, "final": 4, "arcs": arcs})
    runs = [run("viterbi", "ties.json", "-n", "20", "--json", env={"PYTHONHASHSEED": seed}).out for seed in ("1", "2")]
    assert runs[0] == runs[1]
    assert records(runs[0])[0]["paths"][0]["output"] == ["z", "z", "z", "z"], "the first in the file"


# Streams --------------------------------------------------------------------------------------------------------------

SOUND = 20


def stream_with(**bad: Any) -> tuple[list[str], list[str]]:
    """Twenty lines r0 to r19, some of them replaced (r7=...), and the ids in order."""
    lines = [json.dumps(row_of("a", "b", energy=number / 7, id=f"r{number}")) for number in range(SOUND)]
    for name, line in bad.items():
        lines[int(name[1:])] = line if isinstance(line, str) else json.dumps({**line, "id": name})
    return lines, [f"r{number}" for number in range(SOUND)]


BROKEN = '{"lattice": 1, "id": "broken", "start": 0,'
NO_NUMBER = row_of("a", energy="x")  # type: ignore[arg-type]
NO_PATH = {"lattice": 1, "start": 0, "final": 2, "arcs": [[0, 1, "a"]]}
ENDLESS = {
    "lattice": 1,
    "start": "s",
    "final": "t",
    "arcs": [["s", "here", "a"], ["here", "here", "b", -1], ["here", "t", "c"]],
}


def test_a_stream_of_twenty_sound_records() -> None:
    lines, ids = stream_with()
    done = run("viterbi", "-", "--json", text="\n".join(lines) + "\n")
    assert (done.status, done.err) == (0, "")
    found = records(done.out)
    assert [record["id"] for record in found] == ids
    assert [record["status"] for record in found] == ["ok"] * SOUND
    assert [record["paths"][0]["energy"] for record in found] == [2 * (number / 7) for number in range(SOUND)]


def test_records_without_a_path_do_not_stop_a_stream() -> None:
    lines, ids = stream_with(r0=NO_PATH, r10=NO_PATH, r19=NO_PATH)
    done = run("viterbi", "-", "--json", text="\n".join(lines))
    assert done.status == 1
    found = records(done.out)
    assert [record["id"] for record in found] == ids
    assert [number for number, record in enumerate(found) if record["status"] == "no-path"] == [0, 10, 19]
    assert all("paths" not in record and "no path" in record["message"] for record in found if record["status"] != "ok")
    assert len(re.findall(r"^lattice: r\d+: no path", done.err, re.M)) == 3
    assert "3 of 20 records failed" in done.err


@pytest.mark.parametrize("source", ["-", "stream.jsonl"])
def test_bad_records_at_the_start_in_the_middle_and_at_the_end_are_reported_and_the_rest_go_on(source: str) -> None:
    lines, ids = stream_with(r0=BROKEN, r10=NO_NUMBER, r19=BROKEN[:5])
    save("stream.jsonl", *lines)
    done = run("viterbi", source, "--json", "--keep-going", text="\n".join(lines) + "\n")
    assert done.status == 3
    found = records(done.out)
    assert [record["status"] for record in found] == ["bad-data", *["ok"] * 9, "bad-data", *["ok"] * 8, "bad-data"]
    assert [record["id"] for record in found][1:19] == ids[1:19]
    name = "standard input" if source == "-" else source
    for number, part in ((0, f"{name}:1"), (10, f"{name}:11"), (19, f"{name}:20")):
        assert part in found[number]["message"]
        assert found[number]["message"] in done.err
    assert "arc 0: energy is 'x', expected a finite number" in found[10]["message"]
    assert "3 of 20 records failed" in done.err


@pytest.mark.parametrize("place", [0, 10])
def test_without_keep_going_the_first_bad_record_ends_the_stream(place: int) -> None:
    lines, ids = stream_with(**{f"r{place}": NO_NUMBER})
    done = run("viterbi", "-", "--json", text="\n".join(lines) + "\n")
    assert done.status == 3
    found = records(done.out)
    assert [record["id"] for record in found] == ids[: place + 1]
    assert [record["status"] for record in found] == ["ok"] * place + ["bad-data"]


def test_the_worst_of_all_statuses_counts() -> None:
    lines, ids = stream_with(r3=NO_PATH, r7=ENDLESS, r12=NO_NUMBER)
    done = run("viterbi", "-", "--json", "--keep-going", text="\n".join(lines) + "\n")
    assert done.status == 4
    found = records(done.out)
    assert [record["id"] for record in found] == ids
    statuses = {record["id"]: record["status"] for record in found if record["status"] != "ok"}
    assert statuses == {"r3": "no-path", "r7": "diverged", "r12": "bad-data"}
    assert "here" in found[7]["message"]


def test_forward_and_the_tables_treat_a_stream_alike() -> None:
    lines, ids = stream_with(r0=NO_NUMBER, r3=NO_PATH, r7=ENDLESS)
    text = "\n".join(lines) + "\n"
    done = run("forward", "-", "--json", "--keep-going", "--beta", "1,2", text=text)
    assert done.status == 4
    expected = [(name, beta) for name in ids for beta in (1.0, 2.0)]
    expected = [pair for pair in expected if pair[0] not in ("r0", "r3", "r7")]
    found = records(done.out)
    assert [(record["id"], record["beta"]) for record in found if record["status"] == "ok"] == expected
    assert [record["id"] for record in found if record["status"] != "ok"] == ["r0", "r3", "r7"]
    table = run("viterbi", "-", "--keep-going", text=text)
    assert table.status == 4
    rows = [line for line in table.out.splitlines() if re.search(r"\br\d+\b", line)]
    assert len(rows) == SOUND
    assert [re.search(r"\br\d+\b", line)[0] for line in rows] == ids  # type: ignore[index]
    assert [line for line in rows if "(bad-data)" in line] == [rows[0]]
    assert [line for line in rows if "(no-path)" in line] == [rows[3]]
    assert [line for line in rows if "(diverged)" in line] == [rows[7]]


def test_compose_keeps_a_stream_in_step() -> None:
    lines, ids = stream_with(r4=row_of("b", "a"), r9=NO_NUMBER)
    save("ab.json", words("ab"))
    done = run("compose", "-", "ab.json", "--keep-going", text="\n".join(lines) + "\n")
    assert done.status == 3
    found = records(done.out)
    assert [record["id"] for record in found] == [name for name in ids if name != "r9"]
    assert [record["id"] for record in found if not record["arcs"]["from"]] == ["r4"]


@pytest.mark.parametrize("command", ["viterbi", "compose", "forward"])
def test_a_record_alone_in_an_open_pipe_is_answered_at_once(command: str) -> None:
    """Also a bad one, once the stream is known to be one."""
    save("ab.json", words("ab"))
    arguments = (
        ["compose", "-", "ab.json", "--keep-going"]
        if command == "compose"
        else [command, "-", "--json", "--keep-going"]
    )
    with start(*arguments, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        try:
            for number in range(3):
                process.stdin.write(json.dumps(row_of("a", "b", id=f"r{number}")).encode() + b"\n")
                process.stdin.flush()
                assert json.loads(next_line(process))["id"] == f"r{number}"
            if command != "compose":
                process.stdin.write(BROKEN.encode() + b"\n")
                process.stdin.flush()
                assert json.loads(next_line(process))["status"] == "bad-data"
            process.stdin.close()
            assert process.wait(PATIENCE) == (0 if command == "compose" else 3)
        finally:
            process.kill()


def test_a_pipe_that_begins_with_a_blank_line_is_not_empty() -> None:
    """What comes first may be a line end alone, and the rest a moment later."""
    with start("viterbi", "-", "--json") as process:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        while process.poll() is None and struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)))[0]:
            os.sched_yield()  # until the line end has been read
        out, err = process.communicate(json.dumps(row_of("a", id="late")).encode() + b"\n", timeout=PATIENCE)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["id"] == "late"


@pytest.mark.parametrize("form", [["--json"], []])
def test_a_broken_pipe_ends_quietly(form: list[str]) -> None:
    """`| head -1`: nothing on standard error, and no status that says something about the data."""
    save("big.jsonl", *[row_of("a", "b", id=f"r{number}") for number in range(3000)])
    with start("viterbi", "big.jsonl", *form, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert next_line(process)
        process.stdout.close()
        err = process.stderr.read()
        status = process.wait(PATIENCE)
    assert err == b""
    assert status in (0, 128 + signal.SIGPIPE, -signal.SIGPIPE)


def test_ctrl_c_ends_with_130_and_without_a_traceback() -> None:
    with start("viterbi", "-", "--json") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps(row_of("a")).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(next_line(process))["status"] == "ok"
        process.send_signal(signal.SIGINT)
        status = process.wait(PATIENCE)
        err = process.stderr.read().decode()
    assert status == 130
    assert err.strip() == ""


def test_two_thousand_records_use_no_more_memory_than_two_hundred() -> None:
    labels = [f"label{number}" for number in range(60)]
    lines = [json.dumps(row_of(*labels, id=f"r{number}")) + "\n" for number in range(2000)]

    def most_memory(count: int) -> float:
        """Megabytes, as the process itself reads them at its end: what the system accounts to a child that was forked
        begins with the size of its parent."""
        pathlib.Path("stream.jsonl").write_text("".join(lines[:count]))
        with open("stream.jsonl", "rb") as source, open("answers.jsonl", "wb") as answers:
            done = subprocess.run(
                [sys.executable, "-c", REPORTING_MEMORY, "viterbi", "-", "--json"],
                stdin=source,
                stdout=answers,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
            )
        assert done.returncode == 0
        assert pathlib.Path("answers.jsonl").read_bytes().count(b"\n") == count
        return int(done.stderr) / 1024

    if not os.path.exists("/proc/self/status"):
        pytest.skip("no /proc here")
    assert most_memory(2000) <= most_memory(200) + 8


#: The command line, and then the peak of the process's memory, in kB, on standard error.
REPORTING_MEMORY = """
import re, sys
from lattice_cli.cli.main import main
try:
    main()
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


# Files that are written -----------------------------------------------------------------------------------------------


def test_output_is_written_whole_with_the_usual_rights() -> None:
    os.umask(0o027)
    try:
        assert run("compose", CUT, WORDS, "-o", "out.json") == Done(0, "", "")
    finally:
        os.umask(0o022)
    assert stat.S_IMODE(os.stat("out.json").st_mode) == 0o640
    assert os.listdir() == ["out.json"]
    assert json.loads(pathlib.Path("out.json").read_text())["id"] == "lecture-cut"


def test_output_into_a_missing_directory_is_bad_data_and_leaves_nothing() -> None:
    os.mkdir("dir.json")
    for command in (["compose", CUT, WORDS, "-o", "missing/out.json"], ["convert", CUT, "dir.json"]):
        done = run(*command)
        assert (done.status, done.out) == (3, "")
        assert done.err.startswith(f"lattice: {command[-1]}: cannot write: ")
    assert os.listdir() == ["dir.json"]


@pytest.mark.parametrize(
    "arguments",
    [["none.json", WORDS], [CUT, "none.yaml"], ["stream.jsonl", WORDS]],
    ids=["no graph", "no grammar", "a bad record in a stream"],
)
def test_a_failed_composition_keeps_the_old_file(arguments: list[str]) -> None:
    """A file that stands for the whole stream is not replaced by a part of it."""
    save("stream.jsonl", *stream_with(r10=NO_NUMBER)[0])
    save("out.jsonl", "old")
    before = sorted(os.listdir())
    done = run("compose", *arguments, "-o", "out.jsonl")
    assert done.status == 3
    assert pathlib.Path("out.jsonl").read_text() == "old\n"
    assert sorted(os.listdir()) == before


def test_with_keep_going_the_sound_records_are_written() -> None:
    save("stream.jsonl", *stream_with(r10=NO_NUMBER)[0])
    save("ab.json", words("ab"))
    done = run("compose", "stream.jsonl", "ab.json", "-o", "out.jsonl", "--keep-going")
    assert (done.status, done.out) == (3, "")
    assert len(records(pathlib.Path("out.jsonl").read_text())) == SOUND - 1


def test_a_link_stays_a_link() -> None:
    save("real.json", "old")
    os.symlink("real.json", "out.json")
    assert run("compose", CUT, WORDS, "-o", "out.json").status == 0
    assert os.path.islink("out.json")
    assert json.loads(pathlib.Path("real.json").read_text())["lattice"] == 1


def test_devices_are_written_to_and_not_replaced() -> None:
    expected = composed_cut()
    for target in ("/dev/null", "/dev/stdout", "-"):
        before = os.stat(target) if target == "/dev/null" else None
        done = run("compose", CUT, WORDS, "-o", target)
        assert (done.status, done.err) == (0, "")
        if before:
            after = os.stat(target)
            assert stat.S_ISCHR(after.st_mode)
            assert (after.st_ino, after.st_rdev) == (before.st_ino, before.st_rdev)
            assert done.out == ""
        else:
            assert done.out == expected
    with open("redirected", "wb") as file:
        assert run("compose", CUT, WORDS, "-o", "/dev/stdout", stdout=file) == Done(0, "", "")
    assert pathlib.Path("redirected").read_text() == expected
    assert os.path.exists("/dev/stdout")


def test_a_full_disk_is_a_message() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = run("viterbi", LECTURE, "--json", stdout=full)
    assert done.status not in (0, 1)
    assert "No space left" in done.err


def test_standard_streams_that_are_closed_are_a_message() -> None:
    done = run("viterbi", "-", before=lambda: os.close(0))
    assert done.status == 3
    assert "standard input" in done.err
    done = run("viterbi", LECTURE, "--json", before=lambda: os.close(1))
    assert done.status not in (0, 1)
    assert done.err


# Why there is no path -------------------------------------------------------------------------------------------------

NO_PATHS: dict[str, tuple[Any, Any, list[str]]] = {
    "they part in the middle": (
        row_of("a", "b", "c"),
        words("abd", "xyz"),
        ["after 'a' 'b'", "the graph offers 'c' at node 2", "the grammar wants 'd'"],
    ),
    "they part at the start": (
        {"lattice": 1, "start": "s", "final": "t", "arcs": [["s", "t", "a"], ["s", "t", "b"]]},
        words("x", "y"),
        ["at the start", "the graph offers 'a', 'b' at node s", "the grammar wants 'x', 'y'"],
    ),
    "the graph ends too early": (
        row_of("c", "u", "t"),
        words("cute"),
        ["after 'c' 'u' 't'", "offers nothing at node 3 and can end there", "wants 'e'", "cannot end there"],
    ),
    "the graph goes on too long": (
        row_of("c", "u", "t", "e"),
        words("cut"),
        ["after 'c' 'u' 't'", "offers 'e' at node 3 and cannot end there", "wants nothing", "can end there"],
    ),
    "labels behind epsilon": (
        row_of("a", None, "b"),
        words("ac"),
        ["after 'a'", "offers 'b'", "wants 'c'"],
    ),
    "an empty grammar": (
        row_of("a"),
        {"lattice": 1, "start": "g", "final": "h", "arcs": []},
        ["the grammar has no path", "(final: h)", "node g", "no arc leaves it"],
    ),
}
#: Graphs that have no path by themselves.
NO_PATHS_ALONE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the graph breaks off": (
        {"lattice": 1, "start": "s", "final": "t", "arcs": [["s", "far", "a"], ["far", "further", "b"]]},
        ["no path", "(final: t)", "the furthest is node further", "no arc leaves it"],
    ),
    "no start": ({"lattice": 1, "start": [], "final": 0, "arcs": []}, ["the graph has no start node"]),
    "no final": ({"lattice": 1, "start": 0, "final": [], "arcs": []}, ["the graph has no final node"]),
    "no nodes": ({"lattice": 1, "start": [], "final": [], "arcs": []}, ["no path", "no nodes"]),
}


@pytest.mark.parametrize("case", NO_PATHS)
def test_without_a_path_the_message_says_how_far_one_gets_and_why(case: str) -> None:
    graph, grammar, parts = NO_PATHS[case]
    done = run("viterbi", save("graph.json", {**graph, "id": "g"}), "-g", save("grammar.json", grammar), "--json")
    assert done.status == 1
    (record,) = records(done.out)
    assert (record["id"], record["status"]) == ("g", "no-path")
    assert done.err == f"lattice: g: {record['message']}\n"
    for part in parts:
        assert part in record["message"]


@pytest.mark.parametrize("command", ["viterbi", "forward"])
def test_a_graph_without_a_path_says_where_it_breaks_off(command: str) -> None:
    save("graphs.jsonl", *[{**graph, "id": case} for case, (graph, _) in NO_PATHS_ALONE.items()])
    done = run(command, "graphs.jsonl", "--json")
    assert done.status == 1
    found = {record["id"]: record for record in records(done.out)}
    for case, (_, parts) in NO_PATHS_ALONE.items():
        assert found[case]["status"] == "no-path"
        assert f"lattice: {case}: {found[case]['message']}\n" in done.err
        for part in parts:
            assert part in found[case]["message"]


def test_an_empty_composition_says_why_and_is_still_a_graph() -> None:
    save("graph.json", row_of("a", "b", "c", id="g"))
    save("grammar.json", words("abd"))
    done = run("compose", "graph.json", "grammar.json")
    assert done.status == 1
    assert "offers 'c'" in done.err
    assert "wants 'd'" in done.err
    (record,) = records(done.out)
    assert (record["id"], record["arcs"]["from"]) == ("g", [])
    after = run("forward", "-", "--json", text=done.out)
    assert after.status == 1
    assert records(after.out)[0]["status"] == "no-path"


def test_with_many_labels_the_message_stays_short() -> None:
    labels = [chr(0x4E00 + number) for number in range(500)]
    save("graph.json", {"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, label] for label in labels]})
    done = run("viterbi", "graph.json", "-g", save("grammar.json", words("x")))
    assert done.status == 1
    assert "more" in done.err
    assert len(done.err) < 500


# Divergence -----------------------------------------------------------------------------------------------------------


def looped(energy: float) -> dict[str, Any]:
    arcs = [
        ["in", "here", "a", 0.5],
        ["here", "there", "b", energy],
        ["there", "here", "b", energy],
        ["here", "out", "c"],
    ]
    return {"lattice": 1, "id": "loop", "start": "in", "final": "out", "arcs": arcs}


@pytest.mark.parametrize("command", ["viterbi", "forward"])
@pytest.mark.parametrize("grammar", [False, True])
def test_divergence_is_status_4_and_names_the_nodes_of_the_file(command: str, grammar: bool) -> None:
    save("loop.json", looped(-0.5 if command == "viterbi" else 0.0))
    save("grammar.json", {"lattice": 1, "start": "g", "final": "g", "arcs": [["g", "g", label] for label in "abc"]})
    done = run(command, "loop.json", "--json", *(["-g", "grammar.json"] if grammar else []))
    assert done.status == 4
    (record,) = records(done.out)
    assert (record["id"], record["status"]) == ("loop", "diverged")
    assert re.search(r"\bhere\b", record["message"])
    assert re.search(r"\bthere\b", record["message"])
    assert not re.search(r"\b(in|out)\b(?!finite)", record["message"].split("(nodes")[-1])
    assert record["message"] in done.err


def test_a_loop_that_converges_is_summed() -> None:
    save("loop.json", looped(0.25))
    (record,) = records(run("forward", "loop.json", "--json").out)
    assert record["free_energy"] == pytest.approx(0.5 + math.log(1 - math.exp(-0.5)), abs=1e-12)


# Forward --------------------------------------------------------------------------------------------------------------


def test_forward_gives_a_line_for_each_beta() -> None:
    betas = (0.5, 1.0, 2.0, 10.0)
    done = run("forward", LECTURE, "--beta", "0.5,1,2,10", "--json")
    assert (done.status, done.err) == (0, "")
    found = records(done.out)
    paths = oracle.all_paths(read_one(LECTURE, ReadOptions()).graph)
    assert [record["beta"] for record in found] == list(betas)
    for record, beta in zip(found, betas):
        assert {"arcs", "nodes"}.isdisjoint(record)
        assert record["free_energy"] == pytest.approx(oracle.free_energy(paths, beta), abs=1e-12)
        assert record["expected_energy"] == pytest.approx(oracle.expected_energy(paths, beta), abs=1e-12)
        assert record["entropy"] == pytest.approx(oracle.entropy(paths, beta), abs=1e-12)
    table = run("forward", LECTURE, "--beta", "0.5,1,2,10")
    assert table.out.count("lecture-34") == len(betas)
    for record in found:
        assert f"{record['free_energy']:.7g}" in table.out


def test_arcs_and_nodes_are_reported_of_the_side_that_is_asked_for() -> None:
    grammar = read_one(WORDS, ReadOptions())
    graph = read_one(CUT, ReadOptions())
    (composed,) = records(composed_cut())
    for side, names, arcs in (
        ("recognition", graph.names, graph.graph.arcs),
        ("grammar", grammar.names, grammar.graph.arcs),
        ("interpretation", None, len(composed["arcs"]["from"])),
    ):
        done = run("forward", CUT, "-g", WORDS, "--arcs", "--nodes", "--of", side, "--json")
        (record,) = records(done.out)
        assert [arc["arc"] for arc in record["arcs"]] == list(range(arcs))
        if names is not None:
            assert [node["node"] for node in record["nodes"]] == list(names)
        nodes = {node["node"]: node["posterior"] for node in record["nodes"]}
        for arc in record["arcs"]:
            assert arc["from"] in nodes
            assert arc["to"] in nodes
            assert 0 <= arc["gradient"] <= 1 + 1e-12
        into: dict[Any, float] = {}
        for arc in record["arcs"]:
            into[arc["to"]] = into.get(arc["to"], 0.0) + arc["gradient"]
        for node, flow in into.items():
            assert flow == pytest.approx(nodes[node], abs=1e-12), (side, node)
        if side == "recognition":
            assert [
                sum(arc["gradient"] for arc in record["arcs"][low:high]) for low, high in ((0, 3), (3, 6), (6, 8))
            ] == [pytest.approx(1.0, abs=1e-12)] * 3
            assert record["arcs"][1] == {"arc": 1, "from": 0, "to": 1, "label": "o", "energy": 1.0, "gradient": 0.0}


def test_paths_are_reported_of_the_side_that_is_asked_for() -> None:
    (record,) = records(run("viterbi", CUT, "-g", WORDS, "--of", "grammar", "--json").out)
    grammar = read_one(WORDS, ReadOptions())
    (path,) = record["paths"]
    said = [grammar.graph.labels[grammar.graph.ilabel[arc]] for arc in path["arcs"]]
    assert said == list("cap")
    assert len(path["nodes"]) == 4
    (record,) = records(run("viterbi", CUT, "-g", WORDS, "--of", "interpretation", "--json").out)
    assert record["paths"][0]["output"] == list("cap")
    assert len(record["paths"][0]["nodes"]) == 4


def test_tables_of_arcs_and_nodes_hold_the_numbers_of_the_json_output() -> None:
    (record,) = records(run("forward", LECTURE, "--arcs", "--nodes", "--json").out)
    table = run("forward", LECTURE, "--arcs", "--nodes").out
    for arc in record["arcs"]:
        assert f"{arc['gradient']:.7g}" in table
    for node in record["nodes"]:
        assert f"{node['alpha']:.7g}" in table
        assert f"{node['posterior']:.7g}" in table
    table = run("viterbi", LECTURE, "--arcs", "--nodes", "-n", "2").out
    assert "0 1 2 3" in table
    assert "0 1 3" in table


def test_json_has_no_infinities_where_there_is_no_way() -> None:
    """Dead ends, isolated nodes, an arc that no path takes; `records` refuses NaN and Infinity."""
    graph = {
        **row_of("a", "b", id="g"),
        "nodes": [0, 1, 2, "dead", "alone", "before"],
        "times": [0, None, 1, None, None, 2],
    }
    graph["arcs"] = [*graph["arcs"], [1, "dead", "x", 2.5], ["before", 1, "y", 1e300]]
    save("graph.json", graph)
    (record,) = records(run("forward", "graph.json", "--arcs", "--nodes", "--json").out)
    nodes = {node["node"]: node for node in record["nodes"]}
    assert nodes["alone"] == {"node": "alone", "alpha": None, "backward": None, "posterior": 0.0}
    assert nodes["dead"]["backward"] is None
    assert nodes["before"]["alpha"] is None
    assert [arc["gradient"] for arc in record["arcs"]] == [1.0, 1.0, 0.0, 0.0]
    (record,) = records(run("viterbi", "graph.json", "--json").out)
    assert record["paths"][0]["times"] == [0.0, None, 1.0]
    sound, pathless = records(run("show", "graph.json", save("none.json", NO_PATH), "--arcs", "--json").out)
    assert (sound["nodes"], sound["paths"]) == (6, 1)
    assert (pathless["best_energy"], pathless["paths"]) == (None, 0)


@pytest.mark.parametrize("command", ["viterbi", "forward", "show"])
def test_sums_beyond_all_floats_are_an_error_and_no_infinity(command: str) -> None:
    done = run(command, save("huge.json", row_of("a", "b", energy=1.7e308)), "--json")
    assert len(records(done.out)) == 1
    assert done.status in ((0, 3, 4) if command == "show" else (3, 4))


# Terminals ------------------------------------------------------------------------------------------------------------

LONG = "".join(chr(ord("A") + number % 26) + str(number % 10) for number in range(100))
TRICKY = ("[red]", "a[b]c", "日本", "", LONG)


@pytest.fixture
def tricky() -> str:
    return save("tricky.json", row_of(*TRICKY, energy=-1.2345678e-5, id="tricky"))


def assert_fits(out: str, columns: int) -> None:
    assert "…" not in out
    assert "..." not in out
    for line in ESCAPE.sub("", out).splitlines():
        assert width(line) <= columns, line


@pytest.mark.parametrize(
    ("command", "columns"), [("forward --arcs", 80), ("show --arcs", 80), ("compose", 80), ("show --arcs", 46)]
)
def test_a_narrow_terminal_folds_labels_and_cuts_nothing(tricky: str, command: str, columns: int) -> None:
    name, *options = command.split()
    done = terminal(name, tricky, *([tricky] if name == "compose" else []), *options, columns=columns)
    assert done.status == 0, done.err
    assert_fits(done.out, columns)
    rows = [row for row in cells(done.out) if row[0].isdigit()]
    assert [row[3] for row in rows] == ["[red]", "a[b]c", "日本", '""', LONG]
    energy = "-2.469136e-05" if name == "compose" else "-1.234568e-05"
    assert [row[4] for row in rows] == [energy] * len(TRICKY)


def test_a_narrow_terminal_shows_whole_answers(tricky: str) -> None:
    done = terminal("viterbi", tricky, "--nodes")
    assert_fits(done.out, 80)
    row = next(row for row in cells(done.out) if row[0] == "tricky")
    assert "".join(row[-1].split()) == f'[red]a[b]c日本""{LONG}'
    assert row[-2] == "0 1 2 3 4 5"


def test_a_pipe_folds_nothing(tricky: str) -> None:
    for name, *options in (["forward", "--arcs"], ["viterbi"]):
        out = run(name, tricky, *options).out
        assert "\x1b" not in out
        for label in TRICKY:
            assert any((label or '""') in line for line in out.splitlines())
        if options:
            lines = [line for line in out.splitlines() if re.match(r"│ +\d+ │", line)]
            assert len(lines) == len(TRICKY)
            assert LONG in lines[-1]


def test_a_wide_terminal_folds_nothing_either(tricky: str) -> None:
    out = terminal("show", tricky, "--arcs", columns=400).out
    assert any(LONG in line for line in out.splitlines())
    assert_fits(out, 400)


def test_numbers_are_whole_on_a_narrow_terminal() -> None:
    numbers = [-1.234567e-12, 123456.7, -7.654321e99, 1.5e-300]
    arcs = [[0, 1, label, number] for label, number in zip("abcd", numbers)]
    save("numbers.json", {"lattice": 1, "id": "n", "start": 0, "final": 1, "arcs": arcs})
    out = terminal("show", "numbers.json", "--arcs", columns=40).out
    assert_fits(out, 40)
    rows = [row for row in cells(out) if row[0].isdigit()]
    # They lose digits before they are cut or folded; --json and a pipe have them all.
    assert [float(row[4]) for row in rows] == pytest.approx(numbers, rel=1e-3)
    wide = terminal("show", "numbers.json", "--arcs", columns=60).out
    assert [float(row[4]) for row in cells(wide) if row[0].isdigit()] == numbers


CONTROLS = "\x1b[31mred\x1b[0m\x07\x9b2J\x08\r\n\tend\u202e"
SHOWN = r"\x1b[31mred\x1b[0m\x07\x9b2J\x08\r\n\tend\u202e"


def controls_in(out: str) -> set[str]:
    """The control and format characters of an output, but for the line ends."""
    return {letter for letter in out if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp")} - {"\n"}


@pytest.mark.parametrize("command", ["show --arcs", "forward --arcs --nodes", "viterbi --nodes --arcs", "compose"])
def test_nothing_a_file_says_reaches_the_terminal_raw(command: str) -> None:
    """An escape sequence in a file could move the cursor, or change what earlier lines seem to say."""
    arc = {"from": CONTROLS, "to": 1, "label": CONTROLS, "scores": {CONTROLS: 1}}
    ends = {"start": CONTROLS, "final": 1}
    graph = {"lattice": 1, "id": CONTROLS, "target": CONTROLS, **ends, "arcs": [arc]}
    save("graph.json", graph)
    save("any.json", {"lattice": 1, "start": 0, "final": 0, "arcs": [[0, 0, CONTROLS]]})
    name, *options = command.split()
    done = terminal(name, "graph.json", *(["any.json"] if name == "compose" else []), *options, "--color", "never")
    assert done.status == 0, done.err
    assert controls_in(done.out) == set()
    assert SHOWN in done.out + "".join("".join(row) for row in cells(done.out))


def test_nothing_a_file_says_reaches_standard_error_raw() -> None:
    arcs = [[CONTROLS, 1, CONTROLS]]
    graph = {"lattice": 1, "id": CONTROLS, "start": CONTROLS, "final": 1, "arcs": arcs}
    save("graphs.jsonl", graph, {**graph, "final": "far"}, {**graph, CONTROLS: 1}, {**graph, "start": {CONTROLS: "x"}})
    done = run("viterbi", "graphs.jsonl", "-g", save("g.json", words("x")), "--keep-going")
    assert done.status == 3
    *lines, _ = done.err.splitlines()
    assert len(lines) == 4
    assert controls_in(done.err) == set()
    assert all(r"\x1b[31mred" in line for line in lines)


def test_messages_on_a_terminal_are_folded_between_words() -> None:
    save("graph.json", row_of("a"))
    arguments = ["viterbi", "graph.json", "--labels", "labels.txt"]
    whole = terminal(*arguments)
    assert whole.err.count("\n") == 1, "a pipe gets a line a message"
    for columns in (80, 40):
        shown = terminal(*arguments, columns=columns, stderr="terminal").out
        assert max(map(len, shown.splitlines())) <= columns
        assert shown.split() == whole.err.split()


def test_json_on_a_terminal_is_a_line_each() -> None:
    """Escaped by JSON itself, and not folded."""
    save("graph.json", row_of(CONTROLS, LONG))
    done = terminal("viterbi", "graph.json", "--json")
    (record,) = records(done.out)
    assert record["paths"][0]["output"] == [CONTROLS, LONG]


def test_compose_shows_a_table_on_a_terminal_and_writes_json_into_a_pipe() -> None:
    shown = terminal("compose", CUT, WORDS, "--color", "never")
    assert shown.status == 0
    assert "│" in shown.out
    assert "lecture-cut" in shown.out
    assert len([row for row in cells(shown.out) if row[0].isdigit()]) == 6
    (record,) = records(composed_cut())
    assert record["lattice"] == 1
    assert len(record["arcs"]["from"]) == 6
    assert terminal("compose", CUT, WORDS, "-o", "out.json").out == ""
    assert json.loads(pathlib.Path("out.json").read_text()) == record


@pytest.mark.parametrize(
    ("colored", "env", "options"),
    [
        (True, {}, []),
        (False, {"NO_COLOR": "1"}, []),
        (False, {"TERM": "dumb"}, []),
        (False, {}, ["--color", "never"]),
    ],
)
def test_colour_on_a_terminal(colored: bool, env: dict[str, str], options: list[str]) -> None:
    done = terminal("show", LECTURE, "--arcs", *options, env=env)
    assert ("\x1b[" in done.out) == colored
    assert "label" in done.out


def test_colour_in_a_pipe_only_if_asked_for() -> None:
    plain = run("show", LECTURE, "--arcs").out
    assert "\x1b" not in plain
    colored = run("show", LECTURE, "--arcs", "--color", "always").out
    assert re.search(r"\x1b\[[0-9;]*36m", colored)
    assert ESCAPE.sub("", colored) == plain


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_what_the_command_line_asks_for_goes_before_the_environment(env: dict[str, str]) -> None:
    """no-color.org: command-line arguments override NO_COLOR."""
    assert re.search(r"\x1b\[[0-9;]*36m", run("show", LECTURE, "--arcs", "--color", "always", env=env).out)


def test_no_progress_but_on_a_terminal_and_messages_on_standard_error() -> None:
    done = run("viterbi", LECTURE, CUT)
    assert (done.status, done.err) == (0, "")
    both = terminal("viterbi", save("none.json", NO_PATH), stderr="terminal")
    assert both.status == 1
    assert "lattice: none.json" in both.out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_other_encodings_do_not_crash_and_json_stays_json(encoding: str) -> None:
    """What a locale cannot show is escaped, in JSON as JSON escapes it; JSON is for programs, and UTF-8 or ASCII."""
    labels = ["é", "日本", "😀", "\x85"]
    save("graph.json", row_of(*labels, id="ü"))
    env = {"PYTHONIOENCODING": encoding}
    table = subprocess.run([*LATTICE, "show", "graph.json", "--arcs"], env={**ENVIRONMENT, **env}, capture_output=True)
    assert table.returncode == 0, table.stderr
    assert table.stdout.decode(encoding)
    (record,) = records(run("viterbi", "graph.json", "--json", env=env).out)
    assert (record["id"], record["paths"][0]["output"]) == ("ü", labels)
    save("any.json", {"lattice": 1, "start": 0, "final": 0, "arcs": [[0, 0, label] for label in labels]})
    out, statuses = pipe(["compose", "graph.json", "any.json"], ["viterbi", "-", "--json"], env=env)
    assert statuses == [0, 0]
    assert records(out.decode())[0]["paths"][0]["output"] == labels


def test_many_records_of_one_table_keep_their_order_and_headings() -> None:
    save("many.jsonl", *[row_of("a", energy=float(number), id=f"r{number}") for number in range(250)])
    rows = cells(run("viterbi", "many.jsonl").out)
    assert [row[0] for row in rows if row[0] != "id"] == [f"r{number}" for number in range(250)]
    assert [float(row[1]) for row in rows if row[0] != "id"] == list(range(250))
    assert all(row == ["id", "energy", "answer"] for row in rows if row[0] == "id")

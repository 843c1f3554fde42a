"""Results in a folder: a file for each input, whole or not at all, made once. Patterns and folders as inputs."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess

import pytest
from support import ROOT
from support.commands import LATTICE, PATIENCE, run

from lattice_cli.cli.options.digest import digest
from lattice_cli.cli.stream import RunPart, expanded, file_digest
from lattice_cli.cli.stream.manifest import Manifest, Result
from lattice_cli.errors import UsageError
from lattice_cli.models import OutputLock

pytestmark = pytest.mark.slow

INPUTS = "lats/*.jsonl.gz"


def record(number: int) -> str:
    arcs = [[0, 1, "a", 0.1 * number], [0, 1, "b", 0.5], [1, 2, "c", 0.3], [1, 2, "d", 0.2]]
    return json.dumps({"lattice": 1, "id": f"r{number}", "target": "ac", "start": 0, "final": 2, "arcs": arcs})


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pathlib.Path("lats").mkdir()
    for number in range(5):
        lines = "".join(record(10 * number + each) + "\n" for each in range(4))
        pathlib.Path(f"lats/l{number}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))


def texts(folder: str) -> dict[str, str]:
    found = pathlib.Path(folder).rglob("*")
    return {str(each.relative_to(folder)): each.read_text() for each in sorted(found) if each.is_file()}


def results(folder: str) -> dict[str, str]:
    return {name: text for name, text in texts(folder).items() if not name.startswith("manifest")}


@pytest.mark.parametrize("form", ["--json", "--tsv", None])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_each_file_is_what_the_command_prints_for_its_input(form: str | None, jobs: str) -> None:
    options = ["-n", "2", *([form] if form else [])]
    done = run("viterbi", INPUTS, *options, "-o", "out/", "--jobs", jobs)
    assert (done.status, done.out, done.err) == (0, "", "note: out/: 5 files written\n")
    ending = {"--json": "jsonl", "--tsv": "tsv", None: "txt"}[form]
    expected = {f"l{each}.{ending}": run("viterbi", f"lats/l{each}.jsonl.gz", *options).out for each in range(5)}
    assert results("out") == expected


def test_graphs_have_their_files_too() -> None:
    assert run("prune", INPUTS, "--beam", "0.1", "-o", "out/", "--jobs", "2", "-q").status == 0
    assert results("out")["l3.jsonl"] == run("prune", "lats/l3.jsonl.gz", "--beam", "0.1", "-q").out


def test_what_is_done_is_left_as_it_is_unless_input_or_options_have_changed() -> None:
    words = pathlib.Path("words.txt")
    words.write_text("ac\n")
    command = ["viterbi", INPUTS, "--json", "-g", "words.txt", "-o", "out/"]

    def said() -> str:
        done = run(*command)
        assert done.status == 0
        return done.err.removeprefix("note: out/: ").rstrip()

    assert said() == "5 files written"
    before = {name: os.stat(f"out/{name}").st_ino for name in results("out")}
    assert said() == "0 files written, 5 there already"
    assert {name: os.stat(f"out/{name}").st_ino for name in before} == before
    os.utime("lats/l1.jsonl.gz")
    assert said() == "1 file written, 4 there already"
    pathlib.Path("out/l2.jsonl").unlink()
    assert said() == "1 file written, 4 there already"
    words.write_text("ac\nbd\n")  # what an option names has changed
    assert said() == "5 files written"
    command += ["--jobs", "2"]  # which changes nothing
    assert said() == "0 files written, 5 there already"
    command += ["-n", "2"]
    assert said() == "5 files written"


def test_a_fault_is_that_of_its_input_and_can_be_mended_later() -> None:
    sound = pathlib.Path("lats/l2.jsonl.gz").read_bytes()
    bad = gzip.compress((record(1) + "\n" + '{"lattice": 1, "arcs": 7}\n').encode())
    pathlib.Path("lats/l2.jsonl.gz").write_bytes(bad)
    done = run("viterbi", INPUTS, "--json", "-o", "out/")
    assert done.status == 3
    assert "lats/l2.jsonl.gz:2" in done.err
    assert "note: out/: 2 files written, 1 input without results, 2 not begun or not over" in done.err
    assert set(results("out")) == {"l0.jsonl", "l1.jsonl"}
    for _ in range(2):  # with its faults in it, it is done
        kept = run("viterbi", INPUTS, "--json", "-o", "out/", "--keep-going", "--jobs", "2")
        assert kept.status == 3
    assert "0 files written, 5 there already" in kept.err
    assert [json.loads(line)["status"] for line in results("out")["l2.jsonl"].splitlines()] == ["ok", "bad-data"]
    pathlib.Path("lats/l2.jsonl.gz").write_bytes(sound)
    assert run("viterbi", INPUTS, "--json", "-o", "out/").status == 0


def test_parts_together_are_the_whole_and_evaluate_takes_them_as_one() -> None:
    run("viterbi", INPUTS, "--json", "-o", "whole/")
    for part in ("1/3", "3/3"):
        assert run("viterbi", INPUTS, "--json", "-o", "parts/", "--shard", part).status == 0
    some = run("evaluate", "parts/", "--json")
    assert some.err == "note: parts/: of 3 parts there is nothing of 2\n"
    run("viterbi", INPUTS, "--json", "-o", "parts/", "--shard", "2/3")
    assert results("parts") == results("whole")
    stream = run("viterbi", INPUTS, "--json").out
    expected = run("evaluate", "-", "--json", "--per-record", text=stream)
    for folder in ("parts", "whole"):
        assert run("evaluate", folder, "--json", "--per-record") == expected
    printed = [run("viterbi", INPUTS, "--json", "--shard", f"{part}/2").out for part in (1, 2)]
    assert sorted("".join(printed).splitlines()) == sorted(stream.splitlines())
    assert run("viterbi", INPUTS, "--shard", "3/2").status == 2


def test_evaluate_says_what_is_missing_or_does_not_fit_together() -> None:
    run("viterbi", INPUTS, "--json", "-o", "out/")
    manifest = pathlib.Path("out/manifest.jsonl")
    whole = manifest.read_text()
    manifest.write_text("\n".join(whole.splitlines()[:3]) + "\n" + '{"output": "l4.js')  # killed while it wrote
    assert "its run is not over, or was broken off" in run("evaluate", "out", "--json").err
    again = run("viterbi", INPUTS, "--json", "-o", "out/")
    assert again.err == "note: out/: 2 files written, 3 there already\n"
    assert run("evaluate", "out", "--json").err == ""
    run("viterbi", "lats/l1.jsonl.gz", "--json", "-n", "2", "-o", "out/")
    mixed = run("evaluate", "out")
    assert (mixed.status, mixed.out) == (2, "")
    assert "made by 2 different sets of options" in mixed.err
    run("viterbi", INPUTS, "--json", "-o", "out/")
    pathlib.Path("out/l3.jsonl").write_text("")
    assert "out/l3.jsonl: changed since it was written" in run("evaluate", "out").err
    pathlib.Path("out/l3.jsonl").unlink()
    assert "out/l3.jsonl: not there" in run("evaluate", "out").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["viterbi", "-", "-o", "out/"], "-: no file, which results in a folder (out/) are named by"),
        (["viterbi", "lats/l1.jsonl.gz", "x/l1.jsonl", "-o", "out/"], "would both have their results in out/l1.txt"),
        (["evaluate", INPUTS, "-o", "out/"], "out/: a folder, but what comes out is not of one input each"),
        (["viterbi", "none/*.gz"], "none/*.gz: no file fits this pattern"),
        (["viterbi", INPUTS, "-g", "-", "-o", "out/"], "-g is standard input: results in a folder need a file there"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], said: str) -> None:
    pathlib.Path("x").mkdir()
    pathlib.Path("x/l1.jsonl").write_text(record(1) + "\n")
    done = run(*arguments, text='{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "x"]]}')
    assert done.status == 2
    assert said in done.err
    assert not results("out") if pathlib.Path("out").exists() else True


def test_a_pattern_stands_for_files_by_their_names_below_its_folder() -> None:
    for name in ("a/1/x.json", "a/2/x.json", "a/10/x.json", "a/2/y[1].json"):
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(name).write_text(record(1))
    names = {"a/1/x.json": "1/x.json", "a/10/x.json": "10/x.json", "a/2/x.json": "2/x.json"}
    assert expanded(["a/*/x.json"]) == [*names.items()]
    assert expanded(["a/**/x.json", "-", "-"]) == [*names.items(), ("-", "-"), ("-", "-")]
    assert expanded(["a/2/y[1].json"]) == [("a/2/y[1].json", "y[1].json")]  # a file of that name is there
    assert run("viterbi", "a/*/x.json", "-o", "out").status == 0  # no folder yet: a file
    assert pathlib.Path("out").is_file()
    assert run("viterbi", "a/*/x.json", "--json", "-o", "other/").status == 0
    assert set(results("other")) == {"1/x.jsonl", "10/x.jsonl", "2/x.jsonl"}


def test_what_a_killed_run_left_is_gone_on_with() -> None:
    """Killed as soon as the first results are there, with a file begun: the same files in the end, and no others."""
    for number in range(5, 60):
        pathlib.Path(f"lats/l{number}.jsonl.gz").write_bytes(pathlib.Path("lats/l1.jsonl.gz").read_bytes())
    process = subprocess.Popen(
        [*LATTICE, "viterbi", INPUTS, "--json", "-o", "out/", "--jobs", "2"], stderr=subprocess.DEVNULL
    )
    manifest = pathlib.Path("out/manifest.jsonl")
    while not (manifest.exists() and manifest.read_bytes()):
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    pathlib.Path("out/.l7.jsonl.4711.abcdefgh").write_text("half")
    assert run("viterbi", INPUTS, "--json", "-o", "out/").status == 0
    run("viterbi", INPUTS, "--json", "-o", "whole/")
    assert {name: text for name, text in texts("out").items() if name != "manifest.jsonl"} == results("whole")


def test_a_manifest_knows_its_results(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.txt").write_text("abc")
    result = Result("a.txt", 3, file_digest(str(tmp_path / "a.txt")), 5, "in", 7, 11, "options", 1, 0, 0)
    with Manifest(str(tmp_path), RunPart()) as manifest:
        assert manifest.done("a.txt", "in", 7, 11, "options") is None
        manifest.add(result)
    with Manifest(str(tmp_path), RunPart(2, 3)) as manifest:
        assert manifest.done("a.txt", "in", 7, 11, "options") == result
        for changed in (
            ("b.txt", "in", 7, 11, "options"),
            ("a.txt", "in", 8, 11, "options"),
            ("a.txt", "in", 7, 11, ""),
        ):
            assert manifest.done(*changed) is None
    assert RunPart(2, 3).own(list("abcdefgh")) == ["b", "e", "h"]


def test_results_are_known_by_what_is_in_them_whichever_run_wrote_them() -> None:
    """Two sets of options whose results are of one size, by turns, in whole and in parts: never those of the other."""
    for beta, parts in (("1", ["1/1"]), ("2", ["1/2", "2/2"]), ("1", ["1/1"]), ("2", ["1/1"]), ("1", ["1/2", "2/2"])):
        options = ["forward", INPUTS, "--tsv", "--beta", beta]
        for part in parts:
            assert run(*options, "-o", "out/", "--shard", part).status == 0
        expected = {f"l{each}.tsv": run("forward", f"lats/l{each}.jsonl.gz", *options[2:]).out for each in range(5)}
        assert results("out") == expected
        assert run("evaluate", "out").status != 2  # they are of one set of options
    shutil.copytree("out", "copied")  # with other times
    os.utime("copied/l1.tsv")
    assert "5 there already" in run("forward", INPUTS, "--tsv", "--beta", "1", "-o", "copied/").err
    pathlib.Path("copied/l1.tsv").write_text(pathlib.Path("out/l2.tsv").read_text())  # as long
    assert "1 file written, 4 there already" in run("forward", INPUTS, "--tsv", "--beta", "1", "-o", "copied/").err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_second_run_has_the_status_of_the_first(jobs: str) -> None:
    no_path = json.dumps({"lattice": 1, "id": "none", "start": 0, "final": 9, "arcs": [[0, 1, "x"]]})
    pathlib.Path("lats/l2.jsonl.gz").write_bytes(gzip.compress(f"{record(1)}\n{no_path}\n".encode()))
    fine, plain = ["--no-path-ok"], list[str]()
    for first, then in ((fine, plain), (plain, fine)):
        for more, status in ((first, len(then)), (then, len(first)), (first, len(then))):
            done = run("viterbi", INPUTS, "--json", "-o", f"out{len(first)}/", "--jobs", jobs, *more)
            assert done.status == status
        assert done.err == f"note: out{len(first)}/: 0 files written, 5 there already (1 with failed records)\n"


def test_inputs_of_two_parts_are_not_written_into_one_file() -> None:
    for name in ("a/x.json", "b/x.json"):
        pathlib.Path(name).parent.mkdir()
        pathlib.Path(name).write_text(record(1))
    for part in ("1/2", "2/2"):
        done = run("viterbi", "a/x.json", "b/x.json", "-o", "out/", "--shard", part)
        assert done.status == 2
        assert "a/x.json and b/x.json would both have their results in out/x.txt" in done.err


def test_results_are_no_inputs_of_their_own_folder() -> None:
    """A folder of results that is that of the inputs, or that a pattern reaches."""
    pathlib.Path("lats/plain.jsonl").write_text(record(1) + "\n")
    done = run("prune", "lats/*.jsonl", "--beam", "1", "-o", "lats/")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert not pathlib.Path("lats/manifest.jsonl").exists()
    assert "lats/plain.jsonl: results in lats/ cannot be inputs" in done.err
    pathlib.Path("manifest.json").write_text(record(1))
    done = run("viterbi", "manifest.json", "--json", "-o", "out/")
    assert "manifest.json: its results would be in out/manifest.jsonl, a manifest" in done.err
    assert run("viterbi", "**/*.jsonl*", "--json", "-o", "out/").status == 0
    done = run("viterbi", "**/*.jsonl*", "--json", "-o", "out/")
    assert done.status == 2
    assert "results in out/ cannot be inputs of what is written there" in done.err


@pytest.mark.parametrize(
    "line",
    [
        '{"audio_filepath": "a.wav", "text": "b"}',
        "[" * 100_000,
        "7",
        '{"output": "l0.jsonl"}',
        '{"inputs": "many", "without_results": 0}',
        '{"inputs": 5}',
        "audio a.wav",
        "../l0.jsonl",
        "/l0.jsonl",
    ],
)
def test_a_manifest_that_is_not_ours_is_refused_and_left_as_it_is(line: str) -> None:
    run("viterbi", INPUTS, "--json", "-o", "out/")
    manifest = pathlib.Path("out/manifest.jsonl")
    first, *more = manifest.read_text().splitlines()
    if line.endswith("/l0.jsonl"):
        line = json.dumps({**json.loads(first), "output": line})
    manifest.write_text("\n".join([first, line, *more]) + "\n")
    before = texts("out")
    for command in (["viterbi", INPUTS, "--json", "-o", "out/"], ["evaluate", "out/"]):
        done = run(*command)
        assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)
        assert "out/manifest.jsonl:2: " in done.err
        assert "expected a line as lattice writes them" in done.err
    assert texts("out") == before


def test_two_runs_do_not_write_one_manifest() -> None:
    pathlib.Path("out").mkdir()
    with OutputLock("out/manifest.jsonl", by="run"):
        done = run("viterbi", INPUTS, "--json", "-o", "out/")
        assert done.status == 2
        assert f"out/manifest.jsonl is being written by a run already (process {os.getpid()}, since" in done.err
        assert run("viterbi", INPUTS, "--json", "-o", "out/", "--shard", "1/2").status == 0
    assert run("viterbi", INPUTS, "--json", "-o", "out/").status == 0


#: The same options in two orders, which mean different things.
ORDERS = [
    ("--lm robot.arpa --lm moves.arpa --lm-scale 2", "--lm robot.arpa --lm-scale 2 --lm moves.arpa"),
    ("-g a.txt -g b.txt", "-g b.txt -g a.txt"),
    ("-g a.txt --as x -g b.txt", "-g a.txt -g b.txt --as x"),
]


@pytest.mark.parametrize(("first", "second"), ORDERS)
def test_the_order_of_options_is_an_option_where_it_matters(first: str, second: str) -> None:
    for name in ("robot.arpa", "moves.arpa"):
        shutil.copy(ROOT / "grammars" / name, name)
    for name in ("a.txt", "b.txt"):
        pathlib.Path(name).write_text("ac\n")
    digests = {_digest("viterbi", INPUTS, *each.split()) for each in (first, second)}
    assert len(digests) == 2
    assert _digest("viterbi", INPUTS, "--json", "-n", "2") == _digest("viterbi", INPUTS, "-n", "2", "--json")


def _digest(command: str, *arguments: str) -> str:
    """What the options of a command come to."""
    made = getattr(importlib.import_module(f"lattice_cli.cli.commands.{command}"), command)
    context = made.make_context(command, [*arguments])
    with context:
        return digest(context, context.params.get("graphs") or [context.params["graph"]])


def test_the_digest_sees_what_is_in_every_file_that_is_named() -> None:
    pathlib.Path("a.txt").write_text("ac\n")
    pathlib.Path("b.txt").write_text("bd\n")
    shutil.copy("a.txt", "c.txt")
    given = {
        "compose": ["lats/l1.jsonl.gz", "a.txt", "b.txt"],
        "bound": [INPUTS, "--proposal", "a.txt"],
        "viterbi": ["c.txt", INPUTS, "--labels", "b.txt", "--hot-words", "a.txt"],
    }
    for command, arguments in given.items():
        before = _digest(command, *arguments)
        assert _digest(command, *arguments) == before
        for name in arguments:
            if name.endswith(".txt") and name != "c.txt":
                text = pathlib.Path(name).read_text()
                pathlib.Path(name).write_text("more\n")
                assert _digest(command, *arguments) != before
                pathlib.Path(name).write_text(text)
    assert _digest("compose", "lats/l1.jsonl.gz", "b.txt", "a.txt") != _digest("compose", *given["compose"])
    assert _digest("compose", "lats/l2.jsonl.gz", "a.txt", "b.txt") == _digest("compose", *given["compose"])
    with pytest.raises(UsageError, match="-g is /dev/null, which is no file"):
        _digest("viterbi", INPUTS, "-g", "/dev/null")


def test_an_input_that_is_not_there_is_looked_for_each_time() -> None:
    command = ["viterbi", "none.json", INPUTS, "--json", "-o", "out/", "--keep-going"]
    for said in ("6 files written", "1 file written, 5 there already"):
        done = run(*command)
        assert done.status == 3
        assert done.err == f"lattice: none.json: cannot read: No such file or directory\nnote: out/: {said}\n"


def test_a_place_that_is_taken_is_named() -> None:
    pathlib.Path("out/l1.jsonl").mkdir(parents=True)
    done = run("viterbi", INPUTS, "--json", "-o", "out/", "--jobs", "2")
    assert (done.status, "lattice: out/l1.jsonl: cannot write: Is a directory\n" in done.err) == (3, True)
    pathlib.Path("file").write_text("")
    done = run("viterbi", INPUTS, "--json", "-o", "file/")
    assert done[:2] == (3, "")
    assert done.err == "lattice: file/: cannot make this folder: File exists\n"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_disk_that_is_full_is_told_with_the_file(jobs: str) -> None:
    """What stands for it is a limit on the size of files (RLIMIT_FSIZE): neither results nor manifest are cut off."""
    lines = "".join(record(each) + "\n" for each in range(200))
    pathlib.Path("lats/l4.jsonl.gz").write_bytes(gzip.compress(lines.encode()))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = run("viterbi", INPUTS, "--json", "-o", "out/", "--jobs", jobs, before=limited)
    assert done.status == 3
    assert done.err == "note: out/: 4 files written, 1 not begun or not over\nlattice: out/l4.jsonl: File too large\n"
    assert {*texts("out")} == {"manifest.jsonl", *(f"l{each}.jsonl" for each in range(4))}
    assert run("viterbi", INPUTS, "--json", "-o", "out/").err == "note: out/: 1 file written, 4 there already\n"


def test_a_disk_that_is_full_is_told_with_a_file_of_all_results_too() -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

    for name in ("out.jsonl", "out.jsonl.gz"):
        done = run("viterbi", *[INPUTS] * 20, "--json", "-o", name, before=limited)
        assert (done.status, done.out, done.err) == (3, "", f"lattice: {name}: File too large\n")
        assert not pathlib.Path(name).exists()

"""--jobs: the same output as one process, and nothing left behind whatever happens."""

from __future__ import annotations

import contextlib
import json
import multiprocessing.connection
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support import ROOT
from support.commands import Done, run
from support.sealed_here import sealed_here

from lattice_cli.cli.main import main
from lattice_cli.cli.stream import RunOptions, run_records
from lattice_cli.errors import InternalError, LatticeError, WorkerLost
from lattice_cli.executors import Place, Workers, in_order, local_processes
from lattice_cli.executors.ordered import Attempt
from lattice_cli.executors.sealed import sealed
from lattice_cli.formats.io import ReadOptions
from lattice_cli.graph import Document

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "lattice_cli"]
#: Seconds after which what has not happened will not happen.
PATIENCE = 120.0


def lattice(*arguments: str, text: str = "") -> Done:
    """Status, output and messages of a command in the folder of samples and grammars."""
    return run(*arguments, text=text, cwd=ROOT)


def record(number: int) -> str:
    """A line of a stream: a small lattice, and now and then one that is bad in some way."""
    arcs = [
        [0, 1, "a", 0.1 * number],
        [0, 1, "b", 0.5],
        [1, 2, "c", 0.3],
        [1, 2, "d", 0.2],
        [2, 2 + number % 3, "e", 1],
    ]
    document = {"lattice": 1, "id": f"r{number}", "target": "ace", "start": 0, "final": 2 + number % 3, "arcs": arcs}
    if number % 17 == 5:
        document["final"] = 9  # no path
    if number % 23 == 7:
        return json.dumps(document)[:-9]
    if number % 29 == 11:
        arcs[0][3] = "much"
    return json.dumps(document)


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("jobs") / "stream.jsonl"
    path.write_text("".join(record(number) + "\n" for number in range(1, 270)))
    return path


COMMANDS = {
    "viterbi": ("viterbi",),
    "tables": ("viterbi", "-n", "2", "--arcs", "--nodes"),
    "json": ("viterbi", "--json"),
    "forward": ("forward", "--json", "--arcs", "--nodes"),
    "forward tables": ("forward", "--beta", "1,2", "--nodes"),
    "lagrangian": ("forward", "--lagrangian"),
    "grammar": ("forward", "--arcs", "-g", "grammars/lecture-words.yaml"),
    "loss": ("loss", "--json"),
    "draw": ("draw", "--to", "text"),
    "sample": ("sample", "-n", "3"),
    "loss tables": ("loss", "--loss", "nll", "--check"),
    "loss check": ("loss", "--loss", "hinge", "--check", "--json"),
    "bound": ("bound", "--samples", "5", "--importance", "1,3"),
    "fitted bound": ("bound", "--fit", "3", "--tie", "label", "--samples", "4", "--json"),
    "evaluate": ("evaluate", "--json", "--per-record"),
    "convert": ("convert", "--to", "k2", "--lossy"),
    "numbered": ("convert", "--to", "kaldi", "--lossy"),
    "prune": ("prune", "--beam", "0.3"),
    "show": ("show", "--arcs"),
    "show json": ("show", "--arcs", "--json"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_output_is_that_of_one_process(name: str, stream: pathlib.Path) -> None:
    command, *options = COMMANDS[name]
    if name in ("lagrangian", "loss tables", "loss check", "fitted bound", "show"):
        # Many lines, or slow: some of the records will do.
        short = stream.with_name(f"{name}.jsonl".replace(" ", "-"))
        short.write_text("".join(line + "\n" for line in stream.read_text().splitlines()[:40]))
        stream = short
    arguments = [command, str(stream), *options, "--keep-going"]
    alone = lattice(*arguments)
    assert lattice(*arguments, "--jobs", "2") == alone
    assert alone[0] == (4 if command == "bound" else 3)  # free loops have no bound
    assert alone[1]


def test_arcs_to_be_checked_are_drawn_for_each_record(tmp_path: pathlib.Path) -> None:
    """Of more than 200 arcs some are drawn: the same ones alone, behind others, and in another process."""
    rng = np.random.default_rng(1)
    lines = []
    for number in range(4):
        arcs = [[step, step + 1, label, rng.uniform()] for step in range(120) for label in "ab"]
        document = {"lattice": 1, "id": f"r{number}", "target": "a" * 120, "start": 0, "final": 120, "arcs": arcs}
        lines.append(json.dumps(document))
    path = tmp_path / "large.jsonl"
    path.write_text("\n".join(lines))
    arguments = ["loss", "--loss", "nll", "--check", "--json"]
    alone = lattice(*arguments, str(path))
    assert alone[0] == 0
    assert lattice(*arguments, str(path), "--jobs", "2") == alone
    path.write_text(lines[2])
    assert lattice(*arguments, str(path))[1].splitlines()[0] == alone[1].splitlines()[2]
    assert json.loads(alone[1].splitlines()[2])["check"]["checked"] == 200


class Shown:
    """A report that keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int, int]] = []

    def prepare(self, document: Document, result: tuple[int, int, int]) -> tuple[int, int, int]:
        return result

    def show(self, document: Document, result: tuple[int, int, int]) -> None:
        self.shown.append(result)

    def finish(self) -> None:
        pass


def _where(documents: list[Document], first: int) -> list[tuple[int, int, int]]:
    return [(os.getpid(), first + number, len(documents)) for number in range(len(documents))]


def test_records_that_take_long_are_given_away_one_by_one() -> None:
    """Two records in one file, which one process would take as a batch, are with two processes."""
    paths = [str(ROOT / "samples" / "lecture-34.json"), str(ROOT / "samples" / "lecture-cut.yaml")] * 2
    for jobs, batch in ((1, 4), (2, 1)):
        report = Shown()
        assert run_records(paths, ReadOptions(), _where, report, RunOptions(place=Place(jobs)), apart=True) == 0  # type: ignore[arg-type]
        assert [(number, together) for _, number, together in report.shown] == [(number, batch) for number in range(4)]
        assert (os.getpid() in {process for process, _, _ in report.shown}) == (jobs == 1)


@pytest.mark.parametrize("command", ["viterbi", "compose"])
def test_standard_input_and_the_first_fault(command: str, stream: pathlib.Path) -> None:
    text = stream.read_text()
    arguments = [command, "-", *(["grammars/lecture-words.yaml"] if command == "compose" else [])]
    alone = lattice(*arguments, text=text)
    assert alone[0] == 3
    assert lattice(*arguments, "--jobs", "3", text=text) == alone


def test_many_files_of_many_forms() -> None:
    samples = [str(path) for path in sorted((ROOT / "samples").iterdir()) if path.suffix in (".json", ".yaml", ".gz")]
    arguments = ["viterbi", *samples, "no-such-file.json", "--json", "--keep-going"]
    assert lattice(*arguments, "--jobs", "2") == lattice(*arguments)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        '{"lattice": 1, "start": 0,\n "final": 1, "arcs": [[0, 1, "x"]]}\n',
        '{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "x"]]}',
        '\n\n{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "x"]]}\n\n',
        '{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "x"]]}\n{"lattice": 1}\n\nno\n',
        'no\n\n{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "x"]]}\n',
        'no\n{"lattice": 1}\n{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "x"]]}',
        "lattice: 1\nstart: 0\nfinal: 1\narcs:\n- [0, 1, x]\n---\nlattice: 2\n",
    ],
)
def test_what_a_stream_is_does_not_depend_on_jobs(text: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "stream"
    path.write_text(text)
    for given, standard_input in ((str(path), ""), ("-", text)):
        arguments = ["viterbi", given, "--json", "--keep-going"]
        assert lattice(*arguments, "--jobs", "2", text=standard_input) == lattice(*arguments, text=standard_input)


def test_results_are_given_while_the_input_waits() -> None:
    """A record that has arrived is answered although the pipe stays open."""
    with subprocess.Popen(
        [*COMMAND, "viterbi", "-", "--json", "--jobs", "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin
        assert process.stdout
        for number in (1, 2, 3):
            process.stdin.write(record(number).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == f"r{number}"
        process.stdin.close()
    assert process.returncode == 0


def children(process: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]


def waiting() -> subprocess.Popen[bytes]:
    """A command that waits for its input, its two processes started."""
    process = subprocess.Popen(
        [*COMMAND, "viterbi", "-", "--json", "--jobs", "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
        # In the background of a script, tests ignore Ctrl-C, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(record(1).encode() + b"\n")
    process.stdin.flush()
    process.stdout.readline()
    return process


def ended(processes: list[int]) -> bool:
    """True once none of these runs any more."""
    paths = [pathlib.Path(f"/proc/{process}/stat") for process in processes]
    end = time.monotonic() + PATIENCE
    while any(map(running, paths)):
        if time.monotonic() > end:
            return False
        os.sched_yield()
    return True


def running(path: pathlib.Path) -> bool:
    """True if the process with this file in /proc is neither gone nor over."""
    try:
        return path.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_nothing_is_left_behind(number: int, status: int) -> None:
    process = waiting()
    workers = children(process.pid)
    assert len(workers) == 2
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, messages = process.communicate(timeout=PATIENCE)
    assert process.returncode == status
    assert messages.strip() == b""
    assert ended(workers)


#: Processes that work for ever, and say so; without, if that is asked for, what Linux has to end them.
ENDLESS = """
import multiprocessing, os, sys
from lattice_cli.executors import Place, Workers, in_order, lifeline

class Endless:
    def __reduce__(self):
        return begun, (sys.argv[1],)

def begun(way):
    if way == "thread":
        lifeline._told_by_the_system = lambda: False
    return Endless()

def work(state, task):
    os.write(1, f"{os.getpid()}\\n".encode())
    while True:
        pass

if __name__ == "__main__":
    begun(sys.argv[1])
    multiprocessing.set_start_method(sys.argv[2])
    list(in_order(Workers(Place(2), Endless()), work, iter(range(2)), None))
"""


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(("way", "method"), [("system", "fork"), ("thread", "fork"), ("system", "spawn")])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9), (signal.SIGHUP, -1)])
def test_processes_at_work_end_with_their_parent(
    number: int, status: int, way: str, method: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    command = [sys.executable, str(tmp_path / "endless.py"), way, method]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment())
    assert process.stdout
    workers = [int(process.stdout.readline()) for _ in range(2)]
    process.send_signal(number)
    assert process.wait(PATIENCE) == status
    assert ended(workers)
    process.stdout.close()


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_what_a_process_had_that_is_killed_is_done_by_another() -> None:
    process = waiting()
    workers = children(process.pid)
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):  # the others are ended as soon as one is missed
            os.kill(worker, signal.SIGKILL)
    assert ended(workers)
    out, messages = process.communicate((record(2) + "\n").encode(), timeout=PATIENCE)
    assert (process.returncode, messages) == (0, b"")
    assert json.loads(out)["id"] == "r2"


#: Whether Ctrl-C is held back in processes that are spawned, until they have been told to leave it to their parent.
SPAWNED = """
import multiprocessing, os, signal, time
from lattice_cli.executors import Place, Workers, in_order

if __name__ == "__mp_main__":
    os.write(1, b"held\\n" if signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []) else b"free\\n")

def work(state, task):
    time.sleep(0.1)

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    list(in_order(Workers(Place(2), 0), work, iter(range(4)), None))
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be held here")
def test_ctrl_c_is_held_back_from_processes_that_begin(tmp_path: pathlib.Path) -> None:
    (tmp_path / "spawned.py").write_text(SPAWNED)
    command = [sys.executable, str(tmp_path / "spawned.py")]
    done = subprocess.run(command, capture_output=True, env=environment(), check=True)
    assert done.stdout.split() == [b"held", b"held"]


def test_broken_pipe_is_quiet(stream: pathlib.Path) -> None:
    command = " ".join([*COMMAND, "forward", str(stream), "--json", "--arcs", "--keep-going", "--jobs", "2"])
    script = f"set -o pipefail; {command} 2>messages | head -1 > /dev/null; echo $?"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=stream.parent, check=False, env=environment()
    )
    assert done.stdout.strip() == b"0"
    assert b"Traceback" not in (stream.parent / "messages").read_bytes()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def squared(patience: float, task: int) -> int:
    if task == 99:
        raise ZeroDivisionError("seen")
    return task * task


def test_order_is_kept_and_faults_are_raised() -> None:
    assert list(in_order(Workers(Place(3), 0), squared, iter(range(20)), never)) == [task**2 for task in range(20)]
    with pytest.raises(InternalError, match="seen"):
        list(in_order(Workers(Place(2), 0), squared, iter([1, 99, 2]), never))


def never(task: Any, attempt: Attempt) -> Any:
    raise AssertionError("nothing is lost here")


def deadly(folder: str, tasks: list[int]) -> list[int]:
    """Ends its process: at 13 always, at 7 the first time."""
    first = pathlib.Path(folder) / "seven"
    if 7 in tasks and not first.exists():
        first.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if 13 in tasks:
        os.kill(os.getpid(), signal.SIGKILL)
    return [task * task for task in tasks]


def taken_apart(tasks: list[int], attempt: Attempt) -> list[int]:
    found = [attempt(deadly, [task]) for task in tasks]
    return [square for each in found for square in each or [-1]]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_ends_processes_is_found_and_all_else_is_done(
    method: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "fork" and threading.active_count() > 1:
        pytest.skip("this process has threads, and Python warns of forking it")
    monkeypatch.setattr(local_processes, "start_method", lambda: method)
    tasks = [[number, number + 1] for number in range(0, 30, 2)]
    found = list(in_order(Workers(Place(2), str(tmp_path)), deadly, iter(tasks), taken_apart))
    assert found == [[-1 if number == 13 else number**2 for number in task] for task in tasks]


#: Bytes of a result that is more than a pipe holds.
LARGE = 50_000_000


def large(folder: str, task: int) -> Any:
    """At 1 a large result; the first time its process is killed while it hands that over."""
    flag = pathlib.Path(folder) / str(task)
    if task == 1 and not flag.exists():
        flag.touch()
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return bytes(LARGE) if task == 1 else task


def slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first large result is read a little at a time, so that its process is killed in the middle of it."""
    slow = 100

    def slowly(file: int, count: int) -> bytes:
        nonlocal slow
        if count > 1_000_000 and slow:
            slow -= 1
            time.sleep(0.01)
            count = 4_096
        return os.read(file, count)

    monkeypatch.setattr(multiprocessing.connection.Connection._recv, "__defaults__", (slowly,))


@pytest.mark.skipif(os.name != "posix", reason="reads from pipes as posix has them")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_killed_in_the_middle_of_a_result(
    method: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "fork" and threading.active_count() > 1:
        pytest.skip("this process has threads, and Python warns of forking it")
    monkeypatch.setattr(local_processes, "start_method", lambda: method)
    slow_reader(monkeypatch)
    assert [*in_order(Workers(Place(2), str(tmp_path)), large, iter(range(3)), never)] == [0, bytes(LARGE), 2]
    assert (tmp_path / "1").exists()


class Dying:
    """Workers of which these tasks are lost, by their number among all that are ever given out."""

    count, tries = 1, 3

    def __init__(self, *lost: int) -> None:
        self.lost, self.given = lost, 0

    def submit(self, task: Callable[..., Any], *given: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.given += 1
        if self.given in self.lost:
            future.set_exception(EOFError())
        else:
            future.set_result(task(None, *given))
        return future

    def is_lost(self, error: BaseException | None) -> bool:
        return isinstance(error, EOFError)

    def revive(self) -> None:
        pass

    def close(self, at_once: bool) -> None:
        pass


def doubled(_state: None, task: int) -> int:
    return 2 * task


def salvaged(task: int, attempt: Attempt) -> Any:
    return attempt(doubled, task)


def test_a_process_that_ends_while_it_starts_says_nothing_of_its_task() -> None:
    """Three losses, then processes that do not begin, by turns with a task that is lost twice more: it is done."""

    def results(*lost: int) -> list[Any]:
        return list(in_order(Dying(*lost), doubled, iter([7]), salvaged))  # type: ignore[arg-type]

    assert results(1, 2, 3, *range(4, 12), 13, 14, 16) == [14]
    assert results(1, 2, 3, 5, 7, 9) == [None]
    with pytest.raises(WorkerLost, match="processes end as soon as they are started"):
        results(*range(1, 14))


#: A record whose solver kills the process that it is in.
DEADLY = """
import os, signal, sys
from lattice_cli import records
decode = records.decode
def deadly(documents, *given, **more):
    documents = list(documents)
    if any(document.id in ("r41", "r2") for document in documents):
        os.kill(os.getpid(), signal.SIGKILL)
    return decode(documents, *given, **more)
records.decode = deadly
from lattice_cli.__main__ import main
main()
"""


def test_a_record_that_ends_processes_is_named_and_the_others_have_their_results(
    stream: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    given = ["viterbi", str(stream), "--json", "--keep-going"]
    done = subprocess.run(
        [sys.executable, "-c", DEADLY, *given, "--jobs", "2"], capture_output=True, cwd=ROOT, check=False
    )
    _, alone, _ = lattice(*given)
    assert done.returncode == 4
    ended_by = {"r2": "worker-lost", "r41": "worker-lost"}
    for found, expected in zip(done.stdout.decode().splitlines(), alone.splitlines(), strict=True):
        identity = json.loads(expected)["id"]
        assert json.loads(found)["status"] == ended_by[identity] if identity in ended_by else found == expected
    assert b"r41: each process that works on it ends" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_all_that_a_command_does_goes_to_processes_that_are_not_forked(
    name: str, stream: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is sent and what comes back is pickled: the same output."""
    command, *options = COMMANDS[name]
    short = stream.with_name("short.jsonl")
    short.write_text("".join(line + "\n" for line in stream.read_text().splitlines()[:30]))
    monkeypatch.chdir(ROOT)
    found = []
    for more in ((), ("--jobs", "2")):
        with sealed_here(), pytest.raises(SystemExit) as over:
            main([command, str(short), *options, "--keep-going", *more])
        found.append((over.value.code, *capfd.readouterr()))
    assert found[0] == found[1]


def test_a_large_state_is_mapped_and_whole(tmp_path: pathlib.Path) -> None:
    arrays = [np.arange(5000.0), np.arange(7, dtype=np.int8), np.ones((300, 300), dtype=np.float32)]
    with (tmp_path / "held").open("wb") as file:
        packed = sealed({"arrays": arrays, "more": "x"}, file)
    assert len(packed.body) < 5000
    assert (tmp_path / "held").stat().st_size >= sum(each.nbytes for each in arrays if each.nbytes > 4096)
    for opened in (packed.opened(), sealed({"arrays": arrays}).opened()):
        for found, expected in zip(opened["arrays"], arrays, strict=True):
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected)
        opened["arrays"][0][0] = 5.0  # for this process alone
    assert packed.opened()["arrays"][0][0] == 0.0
    with pytest.raises(LatticeError, match=r"a worker has lattice .*, expected 0\.0"):
        replace(packed, version="0.0").opened()

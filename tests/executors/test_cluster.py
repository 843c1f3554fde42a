"""Workers of Dask and ranks of MPI: the output of one process, whatever becomes of them. Skipped without the extras."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from support import ROOT
from support.clusters import local_cluster
from support.commands import ENVIRONMENT, LATTICE, PATIENCE, run

from lattice_cli.errors import WorkerLost
from lattice_cli.executors import Place, Workers, held_apart, in_order
from lattice_cli.executors.ordered import Attempt

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with local_cluster() as found:
        yield found


def record(number: int) -> str:
    arcs = [[step, step + 1, label, (number * step) % 7 / 7] for step in range(30) for label in "abcd"]
    document = {"lattice": 1, "id": f"r{number}", "target": "a" * 30, "start": 0, "final": 30, "arcs": arcs}
    if number % 50 == 7:
        document["final"] = 99
    return json.dumps(document) if number % 50 != 13 else '{"lattice": 1, "arcs": 7}'


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("cluster") / "stream.jsonl"
    path.write_text("".join(record(number) + "\n" for number in range(1000)))
    return path


@pytest.mark.parametrize(
    "command",
    [
        ["viterbi", "-n", "3", "--json"],
        ["viterbi", "-n", "2"],
        ["sample", "-n", "2", "--seed", "5"],
        ["prune", "--beam", "0.5"],
        ["viterbi", "-g", str(ROOT / "grammars" / "lecture-words.yaml"), "--tsv"],
    ],
)
def test_output_is_that_of_one_process(command: list[str], stream: pathlib.Path, cluster: Any) -> None:
    short = stream.with_name("short.jsonl")
    short.write_text("".join(line + "\n" for line in stream.read_text().splitlines()[:120]))
    arguments = [command[0], str(short), *command[1:], "--keep-going"]
    alone = run(*arguments)
    assert alone.out
    assert run(*arguments, "--cluster", cluster.scheduler_address) == alone


def workers_of(cluster: Any) -> list[int]:
    return [worker.pid for worker in cluster.workers.values() if worker.pid]


def test_what_a_killed_worker_had_is_done_by_another(
    stream: pathlib.Path, cluster: Any, tmp_path: pathlib.Path
) -> None:
    arguments = ["viterbi", str(stream), "-n", "20", "--json", "--keep-going"]
    alone = run(*arguments)
    with (tmp_path / "messages").open("w") as messages:
        process = subprocess.Popen(
            [*LATTICE, *arguments, "--cluster", cluster.scheduler_address],
            stdout=subprocess.PIPE,
            stderr=messages,
            env=ENVIRONMENT,
            cwd=ROOT,
        )
    assert process.stdout
    with process.stdout:
        first = process.stdout.readline()
        os.kill(workers_of(cluster)[0], signal.SIGKILL)
        found = (first + process.stdout.read()).decode()
    assert (process.wait(PATIENCE), found, (tmp_path / "messages").read_text()) == alone


def test_each_input_has_its_file(tmp_path: pathlib.Path, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pathlib.Path("lats").mkdir()
    for number in range(6):
        pathlib.Path(f"lats/{number}.jsonl").write_text(record(number + 1) + "\n")
    options = [str(tmp_path / "lats" / "*.jsonl"), "--json"]  # workers have a folder of their own
    done = run("viterbi", *options, "-o", f"{tmp_path}/out/", "--cluster", cluster.scheduler_address)
    assert (done.status, done.err) == (0, f"note: {tmp_path}/out/: 6 files written\n")
    written = "".join(pathlib.Path(f"out/{number}.jsonl").read_text() for number in range(6))
    assert written == run("viterbi", *options).out


def deadly(_state: object, tasks: list[int]) -> list[int]:
    if 5 in tasks:
        os.kill(os.getpid(), signal.SIGKILL)
    return [task * task for task in tasks]


def taken_apart(tasks: list[int], attempt: Attempt) -> list[int]:
    found = [attempt(deadly, [task]) for task in tasks]
    return [square for each in found for square in each or [-1]]


def test_what_ends_workers_is_found(cluster: Any) -> None:
    tasks = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    workers = Workers(Place(cluster=cluster.scheduler_address), None)
    found = list(in_order(workers, deadly, iter(tasks), taken_apart))
    assert found == [[-1 if number == 5 else number**2 for number in task] for task in tasks]


def told(state: str, task: int) -> tuple[str, int, int]:
    return state, task, os.getpid()


def test_a_state_is_held_by_one_worker_and_by_another_when_that_is_lost(cluster: Any) -> None:
    with cluster.get_client() as client:
        client.wait_for_workers(2)  # one may have been killed by a test before
    held = held_apart(Place(cluster=cluster.scheduler_address), ["one", "two"])
    first = [workers.submit(told, 1).result() for workers in held]
    again = [workers.submit(told, 1).result() for workers in held]
    assert first == again
    assert [state for state, *_ in first] == ["one", "two"]
    assert first[0][2] != first[1][2]
    os.kill(first[0][2], signal.SIGKILL)
    while True:  # until the loss shows
        future = held[0].submit(told, 2)
        error = future.exception()
        if held[0].is_lost(error):
            held[0].revive()
        elif future.result()[2] != first[0][2]:
            break
    assert future.result()[:2] == ("one", 2)
    for workers in held:
        workers.close()


def test_a_cluster_that_is_not_there_is_told() -> None:
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    lecture = str(ROOT / "samples" / "lecture-34.json")
    quick = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    gone = run("viterbi", lecture, "--cluster", "tcp://127.0.0.1:1", env=quick)
    assert (gone.status, gone.out) == (4, "")
    assert "tcp://127.0.0.1:1: no scheduler of Dask answers" in gone.err
    strange = run("viterbi", lecture, "--cluster", "smoke://x", env=quick)
    assert strange.status == 2
    assert "'smoke://x' is no address of a scheduler of Dask" in strange.err
    assert run("viterbi", lecture, "--cluster", "tcp://127.0.0.1:1", "--jobs", "2").status == 2


def test_what_is_done_when_the_scheduler_goes_is_kept(stream: pathlib.Path, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    quick = {**ENVIRONMENT, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s", "PYTHONPATH": str(ROOT)}
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    place = tmp_path / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": quick}
    scheduler = subprocess.Popen([*dask, *options], **quiet)  # type: ignore[call-overload]
    more = ["--scheduler-file", str(place), "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path)]
    worker = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_worker", *more], **quiet)  # type: ignore[call-overload]
    try:
        while not place.exists() or not place.read_bytes():
            os.sched_yield()
        process = subprocess.Popen(
            [*LATTICE, "viterbi", "-", "--json", "--cluster", str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=quick,
            cwd=ROOT,
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(record(1).encode() + b"\n")
        process.stdin.flush()
        first = process.stdout.readline()
        scheduler.kill()
        rest, messages = process.communicate(record(2).encode() + b"\n", timeout=PATIENCE)
        assert json.loads(first)["id"] == "r1"
        assert process.returncode == 4
        assert rest == b""
        assert b"the scheduler of Dask is gone" in messages
        assert b"Traceback" not in messages
    finally:
        scheduler.kill()
        worker.terminate()
        worker.wait(PATIENCE)


def test_ranks_of_mpi_give_the_output_of_one_process(stream: pathlib.Path) -> None:
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    launcher = shutil.which("mpiexec", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    if launcher is None:
        pytest.skip("there is no mpiexec")
    command = ["viterbi", str(stream), "--json", "--keep-going"]
    started = [launcher, "-n", "3", sys.executable, "-m", "mpi4py.futures", "-m", "lattice_cli", *command]
    done = subprocess.run(
        [*started, "--cluster", "mpi"], capture_output=True, text=True, env=ENVIRONMENT, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stdout) == run(*command)[:2]


def test_workers_of_the_room_say_what_they_are() -> None:
    assert Place().here
    assert not Place(2).here
    assert not Place(cluster="mpi").here
    assert WorkerLost.exit_status == 4

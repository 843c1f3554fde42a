"""What is printed while a progress bar is on the terminal: results reach standard output, whatever that is, whole."""

from __future__ import annotations

import errno
import gzip
import json
import os
import pathlib
import pty
import re
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import ROOT
from support.commands import PATIENCE, begun
from support.training_data import vectors, write_inputs

from lattice_cli.cli.terminal.progress import beside

pytestmark = pytest.mark.slow

#: Runs a command whose bar appears at once, or never: what a second of work would do, without waiting for it.
SCRIPT = """
import sys
from lattice_cli.cli.terminal import progress
progress.DELAY = float(sys.argv.pop(1))
from lattice_cli.cli.main import main
main(sys.argv[1:])
"""
AT_ONCE, NEVER = "-1", "inf"
TERMINAL, FILE = "terminal", "file"

#: Every command that can show how far it is, with results in JSON, which are the same on a terminal and in a file.
JSON_COMMANDS = {
    "viterbi": "viterbi many.jsonl --json",
    "viterbi from a pipe": "viterbi - --json",
    "viterbi, some records bad": "viterbi bad.jsonl --json --keep-going",
    "viterbi, two processes": "viterbi many.jsonl --json --jobs 2",
    "forward": "forward many.jsonl --json",
    "loss": "loss many.jsonl -t a --loss hinge --json",
    "bound": "bound many.jsonl --json",
    "sample": "sample many.jsonl --seed 1 --json",
    "show": "show many.jsonl --json",
    "evaluate": "evaluate many.jsonl --json",
    "train": "train config.yaml -o model.npz --restart --json",
}
#: Those whose results look different on a terminal.
OTHER_COMMANDS = {
    "viterbi as tables": "viterbi many.jsonl",
    "compose": "compose many.jsonl grammar.yaml",
    "convert": "convert many.jsonl --to jsonl",
    "draw": "draw many.jsonl --to dot",
    "prune": "prune many.jsonl --beam 1",
    "recognize": "recognize trained.npz train.npz",
    "train with rows": "train config.yaml -o model.npz --restart",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """More records than a batch holds, a grammar, inputs and a model."""
    path = tmp_path_factory.mktemp("progress")
    arcs = {"from": [0, 0], "to": [1, 1], "label": ["a", "b"]}
    record = {"lattice": 1, "start": 0, "final": 1, "target": "a"}
    lines = [json.dumps({**record, "id": f"r{n}", "arcs": {**arcs, "energy": [n, 1]}}) for n in range(450)]
    (path / "many.jsonl").write_text("".join(f"{line}\n" for line in lines))
    lines[210] = lines[430] = '{"lattice": 1, "start": 0, "final": 1, "arcs": 7}'
    (path / "bad.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (path / "grammar.yaml").write_text("lattice: 1\nwords: [a, b]\nspell: characters\n")
    (path / "config.yaml").write_text(
        "train: 1\ndata: {train: train.npz}\nrecognizer: {kind: linear}\ntraining: {epochs: 4, batch: 100}\n"
    )
    write_inputs(path / "train.npz", *vectors(450, 1))
    subprocess.run(
        [sys.executable, "-m", "lattice_cli", "train", "config.yaml", "-o", "trained.npz"],
        cwd=path, env=environment(), check=True, capture_output=True,
    )  # fmt: skip
    (path / "packed.jsonl.gz").write_bytes(gzip.compress((path / "many.jsonl").read_bytes()))
    decoded = [{"id": f"r{n}", "target": "a", "status": "ok", "paths": [{"output": ["a"]}]} for n in range(450)]
    (path / "decoded.jsonl").write_text("".join(json.dumps(each) + "\n" for each in decoded))
    return path


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100"}


class _Sink:
    """Where a stream of a command goes, and all bytes that came."""

    def __init__(self, descriptor: int, source: int) -> None:
        self.descriptor, self._source = descriptor, source
        self._thread = threading.Thread(target=self._read)
        self._seen = b""
        self._thread.start()

    def _read(self) -> None:
        try:
            while chunk := os.read(self._source, 1 << 16):
                self._seen += chunk
        except OSError as error:
            if error.errno != errno.EIO:  # Linux: the other side of a terminal is closed
                raise

    def bytes(self) -> bytes:
        """Everything, once the command is over."""
        self._thread.join()
        return self._seen


@contextmanager
def sink(kind: str) -> Iterator[_Sink]:
    """A pseudo-terminal that changes no byte, or a pipe."""
    source, descriptor = pty.openpty() if kind == TERMINAL else os.pipe()
    if kind == TERMINAL:
        tty.setraw(descriptor)
    opened = _Sink(descriptor, source)
    try:
        yield opened
    finally:
        os.close(source)


def ran(
    folder: pathlib.Path, command: str, delay: str, out: str, err: str, shared: bool = False
) -> tuple[bytes, bytes]:
    """What a command writes to its standard output and its standard error; shared: both are one terminal."""
    with sink(out) as outputs, sink(err) as messages:
        with (folder / "many.jsonl").open("rb") as source:
            errors = outputs.descriptor if shared else messages.descriptor
            streams = [source.fileno(), outputs.descriptor, errors]
            process = begun([delay, *command.split()], environment(), streams, folder, SCRIPT)
        os.close(outputs.descriptor)
        os.close(messages.descriptor)
        process.wait(PATIENCE)
        return outputs.bytes(), messages.bytes()


SHARES = {
    "viterbi": "viterbi many.jsonl --json",
    "from a file as standard input": "viterbi - --json",
    "two processes": "viterbi many.jsonl --json --jobs 2",
    "gzipped": "viterbi packed.jsonl.gz --json",
    "two inputs": "viterbi many.jsonl many.jsonl --json",
    "evaluate": "evaluate decoded.jsonl --json",
    "train": "train config.yaml -o model.npz --restart --json",
}


@pytest.mark.parametrize("name", SHARES)
def test_where_the_share_is_known_it_is_shown_with_the_time_that_is_left(folder: pathlib.Path, name: str) -> None:
    _, messages = ran(folder, SHARES[name], AT_ONCE, FILE, TERMINAL)
    said = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", messages).decode()
    shares = [int(share) for share in re.findall(r"(\d+) %", said)]
    assert shares == sorted(shares)
    assert shares[-1] >= 95
    assert re.search(r"\d %, \d+:\d\d left", said)
    units = {"train": ["epoch 4 of 4", "batch 5 of 5"], "two inputs": ["900 records", "input 2 of 2", "a second"]}
    assert all(unit in said for unit in units.get(name, ["450 records", "a second"]))


def test_of_a_pipe_only_the_count_and_the_rate_are_known(folder: pathlib.Path) -> None:
    with sink(TERMINAL) as messages:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, AT_ONCE, "viterbi", "-", "--json"],
            cwd=folder, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=messages.descriptor,
        )  # fmt: skip
        os.close(messages.descriptor)
        process.communicate((folder / "many.jsonl").read_bytes())
        said = messages.bytes().decode()
    assert "450 records" in said
    assert "a second" in said
    assert "%" not in said
    assert "left" not in said


@pytest.mark.parametrize(
    ("share", "seconds", "width", "text"),
    [
        (0.25, 10.0, 80, "7 records, 25 %, 0:30 left, 3 a second"),
        (0.25, 10.0, 30, "7 records, 25 %, 0:30 left"),
        (0.25, 10.0, 5, "7 records"),
        (None, 10.0, 80, "7 records, 3 a second"),
        (1.0, 10.0, 80, "7 records, 100 %, 0:00 left, 3 a second"),
        (0.001, 40.0, 80, "7 records, 0 %, 11:06:00 left, 3 a second"),
    ],
)
def test_what_stands_beside_the_bar(share: float | None, seconds: float, width: int, text: str) -> None:
    assert beside(share, 0.0, seconds, ("7 records", "3 a second"), width) == text


def test_what_was_done_before_says_nothing_of_the_pace() -> None:
    assert beside(0.75, 0.5, 10.0, ("epoch 3 of 4",), 80) == "epoch 3 of 4, 75 %, 0:10 left"


@pytest.mark.parametrize("name", JSON_COMMANDS)
def test_results_are_the_same_wherever_the_streams_go(folder: pathlib.Path, name: str) -> None:
    expected, _ = ran(folder, JSON_COMMANDS[name], NEVER, FILE, FILE)
    assert len(expected.splitlines()) >= (450 if name not in ("evaluate", "train") else 1)
    for out in (TERMINAL, FILE):
        for err in (TERMINAL, FILE):
            for delay in (AT_ONCE, NEVER):
                results, messages = ran(folder, JSON_COMMANDS[name], delay, out, err)
                assert results == expected, (out, err, delay)
                shown = b"\x1b[" in messages
                assert shown == (err == TERMINAL and delay == AT_ONCE), (out, err, delay, messages)


@pytest.mark.parametrize("name", OTHER_COMMANDS)
def test_tables_and_documents_are_whole_beside_a_bar(folder: pathlib.Path, name: str) -> None:
    for out in (TERMINAL, FILE):
        expected, _ = ran(folder, OTHER_COMMANDS[name], NEVER, out, FILE)
        assert expected
        for err in (TERMINAL, FILE):
            for delay in (AT_ONCE, NEVER):
                results, _ = ran(folder, OTHER_COMMANDS[name], delay, out, err)
                assert timeless(results) == timeless(expected), (out, err, delay)


def timeless(results: bytes) -> bytes:
    """The same without how long each epoch took, the last column of its row."""
    return re.sub(rb" +[0-9.]+( \xe2\x94\x82\r?\n)", rb"\1", results)


def test_on_one_terminal_the_bar_steps_aside(folder: pathlib.Path) -> None:
    """Results and a bar on the same screen: every result has its line for itself."""
    command = JSON_COMMANDS["viterbi, some records bad"]
    expected, _ = ran(folder, command, NEVER, FILE, FILE)
    screen, _ = ran(folder, command, AT_ONCE, TERMINAL, FILE, shared=True)
    assert "━".encode() in screen
    lines = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\r", b"", screen).decode().splitlines()
    assert [line for line in lines if line.startswith("{")] == expected.decode().splitlines()

"""What a stream that stops at a bad record says of the inputs behind it, and runs whose records have no path."""

from __future__ import annotations

import gzip
import json
import pathlib

import pytest
from support.commands import LECTURE, WORDS, records, row_of, run, save
from support.training_data import vectors, write_inputs

from lattice_cli.cli.stream.share_read import ShareRead
from lattice_cli.formats import read_results, split_records
from lattice_cli.formats.io import Pause, ReadOptions, parsed

pytestmark = pytest.mark.slow

BAD = {"lattice": 1, "id": "bad", "start": 0, "final": 1, "arcs": 7}
NO_PATH = {"lattice": 1, "id": "none", "start": 0, "final": 9, "arcs": [[0, 1, "x"]]}
GOES_ON = "(--keep-going goes on)"


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save("bad.json", BAD)
    save("many.jsonl", *(row_of("a", id=f"r{n}") for n in range(5)), BAD, row_of("b"))
    save("none.json", NO_PATH)


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([LECTURE, "bad.json", LECTURE], "stopped at the 2nd of 3 inputs; 1 was not read"),
        (["missing.json", LECTURE, LECTURE], "stopped at the 1st of 3 inputs; 2 were not read"),
        ([LECTURE, LECTURE, "many.jsonl", "missing.json"], "stopped at the 3rd of 4 inputs; 1 was not read"),
        ([*[LECTURE] * 10, "bad.json", LECTURE], "stopped at the 11th of 12 inputs; 1 was not read"),
        (["none.json", "-", LECTURE], "stopped at the 2nd of 3 inputs; 1 was not read"),
        ([LECTURE, "bad.json"], ""),
        (["many.jsonl"], ""),
    ],
)  # fmt: skip
def test_what_was_not_read_is_said_once(inputs: list[str], said: str, jobs: str) -> None:
    done = run("viterbi", *inputs, "--json", "--jobs", jobs, text=json.dumps(BAD) + "\n")
    assert done.status == 3
    assert done.err.count("stopped at") == bool(said)
    assert done.err.endswith(f"lattice: {said} {GOES_ON}\n") if said else GOES_ON not in done.err
    going = run("viterbi", *inputs, "--json", "--jobs", jobs, "--keep-going", text=json.dumps(BAD) + "\n")
    assert going.status == 3
    assert "stopped at" not in going.err
    assert len(records(going.out)) >= len(inputs)


def test_a_record_without_a_path_stops_nothing() -> None:
    done = run("viterbi", "none.json", LECTURE, "--json")
    assert done.status == 1
    assert "stopped at" not in done.err


@pytest.mark.parametrize("command", ["convert bad.json out.json", "show bad.json", "compose bad.json " + WORDS])
def test_a_single_input_has_none_behind_it(command: str) -> None:
    done = run(*command.split())
    assert done.status == 3
    assert "stopped at" not in done.err


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("command", ["viterbi", "forward", "sample", "loss -t a", "bound", "prune --beam 1"])
def test_with_no_path_ok_a_record_without_a_path_is_told_but_no_failure(command: str, jobs: str) -> None:
    if command == "sample" and jobs == "2":
        save("none.json", NO_PATH, NO_PATH)
    arguments = [*command.split(), "none.json", "--jobs", jobs]
    plain, fine = run(*arguments), run(*arguments, "--no-path-ok")
    assert (plain.status, fine.status) == (1, 0)
    assert (plain.out, plain.err) == (fine.out, fine.err)
    assert "no path" in fine.err


def test_anything_else_still_counts_with_no_path_ok() -> None:
    save("both.jsonl", NO_PATH, BAD, NO_PATH)
    assert run("viterbi", "both.jsonl", "--no-path-ok").status == 3
    assert run("viterbi", "both.jsonl", "--no-path-ok", "--keep-going").status == 3
    assert run("viterbi", "none.json", LECTURE, "--no-path-ok").status == 0


def test_with_no_path_ok_the_output_is_written_as_ever() -> None:
    done = run("viterbi", "none.json", LECTURE, "--json", "--no-path-ok", "-o", "out.jsonl")
    assert (done.status, done.out) == (0, "")
    written = records(pathlib.Path("out.jsonl").read_text())
    assert [record["status"] for record in written] == ["no-path", "ok"]


def shares(*paths: str) -> list[float | None]:
    """How much has been read behind each part of each input."""
    counted = ShareRead(paths)
    found = []
    for number, path in enumerate(paths, 1):
        for _ in counted.counted(number, split_records(path, ReadOptions())):
            found.append(counted.share)
    return [*found, counted.share]


def test_the_share_that_is_read_goes_by_bytes_and_ends_with_all_of_it() -> None:
    line = json.dumps(row_of("a")) + "\n"
    pathlib.Path("ten.jsonl").write_text(10 * line)
    pathlib.Path("packed.jsonl.gz").write_bytes(gzip.compress((10 * line).encode()))
    found = shares("ten.jsonl")
    assert found[-1] == 1.0
    assert found[1] == pytest.approx((len(line) - 1) / (10 * len(line)))
    assert [share for share in found if share is not None] == sorted(filter(None, found))
    both = shares("ten.jsonl", "ten.jsonl")
    assert 0.5 in both
    assert both[-1] == 1.0
    assert shares("packed.jsonl.gz", "missing.jsonl")[-1] == 1.0


def test_of_a_document_that_is_not_over_nothing_is_known() -> None:
    assert shares(LECTURE)[0] is None
    assert ShareRead([LECTURE]).known
    assert not ShareRead([LECTURE, "/dev/null"]).known


def test_records_of_one_file_of_arrays_are_counted_one_by_one() -> None:
    write_inputs(pathlib.Path("four.npz"), *vectors(4, 1))
    counted = ShareRead(["four.npz"])
    parts = counted.counted(1, parsed(split_records("four.npz", ReadOptions(inputs=True))))
    assert [counted.share for part in parts if not isinstance(part, Pause)] == [None, 0.25, 0.5, 0.75]


def test_answers_are_counted_by_the_line_and_pipes_not_at_all() -> None:
    lines = [json.dumps({"id": f"r{n}", "status": "ok", "paths": [{"output": ["a"]}]}) for n in range(9)]
    save("answers.jsonl", *lines)
    counted = ShareRead(["answers.jsonl"])
    list(counted.counted(1, read_results("answers.jsonl", ReadOptions())))
    assert counted.share == 1.0

"""Files at URLs, by fsspec: what stands there is read as a file is; the extra is asked for where it is missing."""

from __future__ import annotations

import gzip
import pathlib
import shutil
import sys

import pytest
from support import ROOT
from support.commands import run

from lattice_cli import remote
from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import read_one, read_records
from lattice_cli.formats.io import ReadOptions

SAMPLES = ROOT / "samples"


@pytest.fixture
def _fsspec() -> None:
    pytest.importorskip("fsspec", reason="the extra remote is not installed")


@pytest.mark.usefixtures("_fsspec")
@pytest.mark.parametrize("name", ["lecture-34.json", "lecture-cut.yaml", "cards.slf.gz"])
def test_what_is_read_at_a_url_is_what_is_read_here(name: str) -> None:
    there, here = read_one(f"file://{SAMPLES / name}", ReadOptions()), read_one(str(SAMPLES / name), ReadOptions())
    assert there.graph.energy.tobytes() == here.graph.energy.tobytes()
    assert there.graph.labels == here.graph.labels


@pytest.mark.usefixtures("_fsspec")
def test_arrays_and_their_labels_are_read_at_urls() -> None:
    options = ReadOptions(labels=f"file://{SAMPLES / 'ctc-line.labels.txt'}", units="logp")
    (there,) = read_records(f"file://{SAMPLES / 'ctc-line.npy'}", options)
    assert there.graph.arcs == read_one(str(SAMPLES / "ctc-line.npy"), options).graph.arcs


@pytest.mark.usefixtures("_fsspec")
@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("file:///no/such/file.json", FormatError, "file:///no/such/file.json: cannot read: No such file or directory"),
        ("smoke://x/y.json", UsageError, "smoke://x/y.json: cannot be opened: Protocol not known: smoke"),
    ],
)
def test_what_is_not_there_is_told(url: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as raised:
        read_one(url, ReadOptions())
    assert str(raised.value) == said


def test_without_the_extra_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"s3://b/x\.json: a URL needs fsspec \(the extra remote\)"):
        read_one("s3://b/x.json", ReadOptions())


@pytest.mark.usefixtures("_fsspec")
def test_patterns_and_changes_at_urls(tmp_path: pathlib.Path) -> None:
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / name).write_text(name)
    assert remote.remote_files(f"file://{tmp_path}/*.json") == [
        f"file://{tmp_path}/{name}" for name in ("a.json", "b.json")
    ]
    size, before = remote.remote_state(f"file://{tmp_path}/a.json")
    assert size == 6
    (tmp_path / "a.json").write_text("longer than it was")
    assert remote.remote_state(f"file://{tmp_path}/a.json")[1] != before
    assert not remote.is_remote("C:/x")
    assert not remote.is_remote("/a/b")
    assert remote.is_remote("s3://b/x")


@pytest.mark.usefixtures("_fsspec")
@pytest.mark.slow
def test_commands_read_and_write_at_urls(tmp_path: pathlib.Path) -> None:
    there = f"file://{tmp_path}"
    for number in (1, 2):
        shutil.copy(SAMPLES / "lecture-34.json", tmp_path / f"{number}.json")
    done = run("viterbi", f"{there}/*.json", "--json", "-o", f"{there}/out.jsonl.gz")
    assert (done.status, done.out, done.err) == (0, "", "")
    written = gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).decode()
    assert written == run("viterbi", f"{tmp_path}/*.json", "--json").out
    assert run("convert", f"{there}/1.json", f"{there}/1.yaml").status == 0
    assert run("show", f"{there}/1.yaml").status == 0
    bad = run("viterbi", f"{there}/1.json", f"{there}/none.json", "--json", "-o", f"{there}/bad.jsonl")
    assert bad.status == 3
    assert not (tmp_path / "bad.jsonl").exists()


@pytest.mark.usefixtures("_fsspec")
@pytest.mark.slow
def test_inputs_at_urls_have_their_results_in_a_folder(tmp_path: pathlib.Path) -> None:
    there = f"file://{tmp_path}"
    for name in ("1.yaml", "2.yaml"):
        shutil.copy(SAMPLES / "lecture-cut.yaml", tmp_path / name)
    command = ["viterbi", f"{there}/*.yaml", "-g", f"file://{ROOT}/grammars/lecture-words.yaml", "--json", "-o"]
    for said in ("2 files written", "0 files written, 2 there already"):
        assert run(*command, f"{tmp_path}/out/").err.endswith(f"note: {tmp_path}/out/: {said}\n")
    (tmp_path / "1.yaml").write_text((SAMPLES / "lecture-cut.yaml").read_text() + "\n")
    assert "1 file written, 1 there already" in run(*command, f"{tmp_path}/out/").err
    refused = run(*command, f"{there}/out/")
    assert (refused.status, refused.out) == (2, "")
    assert f"{there}/out/: a URL, expected a folder of a file system" in refused.err


@pytest.mark.usefixtures("_fsspec")
def test_a_file_at_a_url_is_there_whole_or_not_at_all(tmp_path: pathlib.Path) -> None:
    path = f"file://{tmp_path}/out.txt"
    with remote.RemoteFile(path) as given_up:
        given_up.file.write(b"half")
    assert list(tmp_path.iterdir()) == []
    with remote.RemoteFile(path) as whole:
        whole.file.write(b"all of it")
        whole.keep()
    assert (tmp_path / "out.txt").read_bytes() == b"all of it"

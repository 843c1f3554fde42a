"""Small inputs that stand for much more: refused before the work is begun, with what the limit is."""

from __future__ import annotations

import gzip
import io
import pathlib
import re
import zipfile

import numpy as np
import pytest
from support import ROOT

from lattice_cli.errors import Diverged, FormatError, UsageError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import parse_yaml, read_array
from lattice_cli.formats.notations.regular_expression import regular_expression
from lattice_cli.search import best_paths

CASES = ROOT / "tests" / "cases" / "faults"
MEGABYTE = 1_000_000


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATTICE_MAX_UNPACKED", str(MEGABYTE))


def test_aliases_that_double_are_refused() -> None:
    with pytest.raises(FormatError, match=r"trie-alias-bomb.yaml:2: with alias 'a13' aliases stand for 147,363 values"):
        read_one(str(CASES / "trie-alias-bomb.yaml"))


@pytest.mark.parametrize("key", ["arcs", "emissions"])
def test_rows_by_alias_are_counted_with_all_that_is_in_them(key: str) -> None:
    text = f"lattice: 1\n{key}: [&a [{'1, ' * 99}1], {'*a, ' * 991}*a]"
    with pytest.raises(FormatError, match="aliases stand for 100,091 values, expected 100,000 at most"):
        list(parse_yaml(text, "in.yaml"))
    (few,) = parse_yaml(text.replace("*a, " * 991, "*a, " * 900), "in.yaml")
    assert len(few[key]) == 902


def test_aliases_are_counted_anew_in_each_document() -> None:
    text = f"[&a [{'1, ' * 99}1], {'*a, ' * 899}*a]"
    assert len(list(parse_yaml(f"{text}\n---\n{text}", "in.yaml"))) == 2


def test_a_loop_of_hugely_negative_energy_has_no_best_path() -> None:
    graph = read_one(str(CASES / "viterbi-hang-negative-cycle-1e308.json")).graph
    with pytest.raises(Diverged, match="a cycle of negative energy"):
        best_paths(graph)


@pytest.mark.parametrize("pattern", ["((a?){100}){100}", "[ab]*a[ab]{1000}"])
def test_patterns_whose_subsets_explode_are_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="pattern: needs sets of more than 2,000,000 nodes in all"):
        regular_expression(pattern, False, None)


@pytest.mark.parametrize("text", [b" ", b"[1,\n", b"\n", b"#\n"])
@pytest.mark.parametrize("name", ["x.json.gz", "x.yaml.gz", "x.att.gz"])
def test_what_is_gzipped_has_to_fit_into_memory(text: bytes, name: str) -> None:
    begun = {"x.json.gz": b'{"lattice": 1, "arcs": [', "x.yaml.gz": b"lattice: 1\n", "x.att.gz": b"0 1 a 1\n"}[name]
    pathlib.Path(name).write_bytes(gzip.compress(begun + text * (2 * MEGABYTE // len(text))))
    with pytest.raises(FormatError, match=rf"{name}: unpacks to [0-9,]+ bytes or more, expected 1,000,000 at most"):
        read_one(name)


def test_a_stream_of_lines_is_not_held_and_may_be_longer() -> None:
    line = b'{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "a", 1]]}\n'
    pathlib.Path("x.jsonl.gz").write_bytes(gzip.compress(line * (2 * MEGABYTE // len(line))))
    with pytest.raises(FormatError, match=f"holds {2 * MEGABYTE // len(line)} documents, expected one"):
        read_one("x.jsonl.gz")


def packed(**arrays: bytes) -> None:
    with zipfile.ZipFile("x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in arrays.items():
            archive.writestr(f"{name}.npy", data)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_arrays_are_unpacked_as_long_as_there_is_room() -> None:
    packed(a=npy(np.zeros((200, 300))), b=npy(np.ones((200, 400))))
    with pytest.raises(FormatError, match=r"x\.npz: with array 'b': unpacks to 1,120,256 bytes or more"):
        read_one("x.npz")


def test_arrays_that_are_not_known_are_not_unpacked() -> None:
    columns = dict.fromkeys(("src", "dst", "ilabel", "olabel", "energy", "start", "final", "about"), npy(np.zeros(1)))
    packed(bomb=npy(np.zeros(MEGABYTE)), **columns)
    with pytest.raises(FormatError, match="unknown key 'bomb' in the arrays"):
        read_one("x.npz")


@pytest.mark.parametrize("shape", [(10**12, 3), (2, 3), (0,), (2**63, 2**63)])
def test_a_header_that_lies_is_not_believed(shape: tuple[int, ...]) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    data = header.getvalue() + b"\0" * 24
    with pytest.raises(ValueError, match=re.escape(f"its header says {shape} of float64")):
        read_array(io.BytesIO(data), len(data))
    packed(emissions=data)
    with pytest.raises(FormatError, match=r"x\.npz: not a readable \.npz file: its header says"):
        read_one("x.npz")


def test_a_limit_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATTICE_MAX_UNPACKED", "1G")
    pathlib.Path("x.yaml.gz").write_bytes(gzip.compress(b"lattice: 1"))
    with pytest.raises(UsageError, match="LATTICE_MAX_UNPACKED is '1G', expected a number of bytes"):
        read_one("x.yaml.gz")

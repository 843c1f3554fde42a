"""Binary input: .npz documents and .npy matrices. Nothing is unpickled, and whatever is wrong is a FormatError."""

from __future__ import annotations

import io
import json
import math
import pathlib
import pickle
import random
import subprocess
import sys
import zipfile
from typing import Any

import numpy as np
import pytest
from support import ROOT

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import read_one, write_documents
from lattice_cli.formats.io import ReadOptions, WriteOptions
from lattice_cli.formats.matrices.npy import read_npy
from lattice_cli.formats.native.npz import read_npz, write_npz
from lattice_cli.graph import Document, Graph


@pytest.fixture(autouse=True)
def _short_names(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("labels.txt").write_text("a\nb\n")


class Trap:
    """An object whose unpickling leaves a mark in the working directory."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("open('sprung', 'w').close()",))


def archive(arrays: dict[str, Any], allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=allow_pickle)
            members.writestr(f"{name}.npy", member.getvalue())
    return file.getvalue()


def document() -> Document:
    """Three nodes in a row with times and a score."""
    graph = Graph(
        [0, 1],
        [1, 2],
        [1, 0],
        [1, 2],
        [0.25, 1.0],
        [0.0, math.inf, math.inf],
        [math.inf, math.inf, 0.5],
        ("", "a", "b"),
    )
    scores = {"lm": np.array([0.25, 1.0])}
    return Document(graph, "doc", "made up", [0, 1, "z"], np.array([0, 0.5, math.nan]), scores, {}, ("a", "b"))


def arrays(**changed: Any) -> dict[str, Any]:
    """The arrays of a good file, some replaced, or left out where None is given; `score` stands for its score."""
    with np.load(io.BytesIO(write_npz(document(), WriteOptions()).data)) as file:
        found = {name: file[name] for name in file.files}
    score = next(name for name in found if name.startswith("score"))
    found.update({score if name == "score" else name: array for name, array in changed.items()})
    return {name: array for name, array in found.items() if array is not None}


def about(**changed: Any) -> np.ndarray:
    """The JSON part of a good file with some of its values replaced."""
    value = {**json.loads(arrays()["about"].tobytes()), **changed}
    return np.frombuffer(json.dumps(value).encode(), dtype=np.uint8)


def npz_refusal(data: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        read_npz(data, "in.npz", "in.npz")
    message = str(caught.value)
    assert message.startswith("in.npz: "), message
    assert "\n" not in message
    return message


def npy(array: Any, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


def matrix(array: Any, labels: str | None = "labels.txt", **options: Any) -> Document:
    return read_npy(npy(np.asarray(array)), "in.npy", "in.npy", ReadOptions(labels=labels, **options))


def npy_refusal(data: bytes, **options: Any) -> str:
    with pytest.raises(FormatError) as caught:
        read_npy(data, "in.npy", "in.npy", ReadOptions(labels="labels.txt", **options))
    message = str(caught.value)
    assert message.startswith("in.npy: "), message
    assert "\n" not in message
    return message


def arcs(found: Document) -> list[tuple[int, int, str, float]]:
    graph = found.graph
    return [
        (src, dst, graph.labels[label], energy)
        for src, dst, label, energy in zip(
            graph.src.tolist(), graph.dst.tolist(), graph.ilabel.tolist(), graph.energy.tolist()
        )
    ]


# Nothing is unpickled -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["src", "energy", "start", "times", "score", "about", "unknown"])
def test_an_npz_with_objects_is_refused_and_not_unpickled(name: str) -> None:
    trap = np.array([Trap(), Trap()], dtype=object)
    expected = "unknown key 'unknown'" if name == "unknown" else "pickle"  # it is not even looked at
    assert expected in npz_refusal(archive(arrays(**{name: trap}), allow_pickle=True))
    assert not pathlib.Path("sprung").exists()


def test_an_npy_with_objects_is_refused_and_not_unpickled() -> None:
    assert "pickle" in npy_refusal(npy(np.array([[Trap(), Trap()]], dtype=object), allow_pickle=True))
    assert "not a readable .npy file: the magic string" in npy_refusal(pickle.dumps(Trap()))
    assert "no zip archive" in npz_refusal(pickle.dumps(Trap()))
    assert not pathlib.Path("sprung").exists()


def test_pickles_end_in_status_3_on_the_command_line() -> None:
    trap = np.array([[Trap(), Trap()]], dtype=object)
    pathlib.Path("trap.npz").write_bytes(archive(arrays(energy=trap[0]), allow_pickle=True))
    pathlib.Path("trap.npy").write_bytes(npy(trap, allow_pickle=True))
    pathlib.Path("bare.npy").write_bytes(pickle.dumps(Trap()))
    for arguments in (["trap.npz"], ["trap.npy", "--labels", "labels.txt"], ["bare.npy", "--format", "npy"]):
        command = [sys.executable, "-m", "lattice_cli", "viterbi", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 3, done.stderr
        assert done.stderr.startswith(f"lattice: {arguments[0]}: ")
        assert "Traceback" not in done.stderr
    assert not pathlib.Path("sprung").exists()


# Damaged and foreign .npz files ---------------------------------------------------------------------------------------


def test_a_good_npz_is_read_as_it_was_written() -> None:
    found, expected = read_npz(write_npz(document(), WriteOptions()).data, "in.npz", "in.npz"), document()
    assert (found.id, list(found.names), found.target) == ("doc", [0, 1, "z"], ("a", "b"))
    assert found.graph.labels == expected.graph.labels
    for column in ("src", "dst", "ilabel", "olabel", "energy", "start", "final"):
        assert np.array_equal(getattr(found.graph, column), getattr(expected.graph, column))
    assert found.times is not None
    assert np.array_equal(found.times, [0, 0.5, math.nan], equal_nan=True)
    assert found.scores["lm"].tolist() == [0.25, 1.0]


def test_compressed_npz_files_are_read_too() -> None:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays())
    assert read_npz(file.getvalue(), "in.npz", "in.npz").graph.arcs == 2


@pytest.mark.parametrize("name", ["src", "dst", "ilabel", "olabel", "energy", "start", "final", "about"])
def test_a_missing_array_is_named(name: str) -> None:
    message = npz_refusal(archive(arrays(**{name: None})))
    assert f"array {name!r} is missing" in message
    assert "found " in message


def test_an_npz_of_something_else_is_no_lattice() -> None:
    assert "not a lattice .npz" in npz_refusal(archive({"x": np.zeros(3), "y": np.zeros(2)}))


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"dst": np.array([1])}, ["dst has 1 entries", "src has 2"]),
        ({"ilabel": np.array([1, 1, 1])}, ["ilabel has 3 entries", "src has 2"]),
        ({"energy": np.array([])}, ["energy has 0 entries", "src has 2"]),
        ({"final": np.array([0.0])}, ["final has 1 entries", "start has 3"]),
        ({"score": np.array([1.0])}, ["scores", "2 arcs"]),
        ({"times": np.array([0.0, 1.0])}, ["times", "3 nodes"]),
        ({"src": np.array([0, 3])}, ["arc 1: src is 3", "3 nodes"]),
        ({"dst": np.array([-1, 1])}, ["arc 0: dst is -1", "3 nodes"]),
        ({"olabel": np.array([1, 7])}, ["arc 1: olabel is 7", "3 labels"]),
        ({"energy": np.array([0, np.inf])}, ["arc 1: energy is inf", "expected a finite number"]),
        ({"energy": np.array([np.nan, 0])}, ["arc 0: energy is nan", "expected a finite number"]),
        ({"start": np.array([0, np.nan, 0])}, ["node 1: start energy is nan", "expected a finite number"]),
        ({"final": np.array([0, 0, -np.inf])}, ["node 2: final energy is -inf", "expected a finite number"]),
    ],
)
def test_columns_that_make_no_graph_are_named(changed: dict[str, Any], parts: list[str]) -> None:
    message = npz_refusal(archive(arrays(**changed)))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"src": np.array([0.5, 1.0])}, id="half a node"),
        pytest.param({"src": np.array([np.nan, 1.0])}, id="node nan"),
        pytest.param({"ilabel": np.array([1.9, 0.0])}, id="half a label"),
        pytest.param({"src": np.array([2**64 - 1, 0], dtype=np.uint64)}, id="node beyond the integers"),
        pytest.param({"src": np.array([[0], [1]])}, id="a column with two dimensions"),
        pytest.param({"energy": np.array([[0.0], [1.0]])}, id="energies with two dimensions"),
        pytest.param({"start": np.zeros((3, 1))}, id="starts with two dimensions"),
        pytest.param({"energy": np.array([1j, 2j])}, id="complex energies"),
        pytest.param({"energy": np.array(["1", "2"])}, id="energies as text"),
        pytest.param({"score": np.array(["a", "b"])}, id="scores as text"),
        pytest.param({"score": np.array([np.nan, 0.0])}, id="a score nan"),
        pytest.param({"times": np.array(["a", "b", "c"])}, id="times as text"),
        pytest.param({"times": np.array([0.0, np.inf, 1.0])}, id="a time at infinity"),
        pytest.param({"times": np.zeros((3, 1))}, id="times with two dimensions"),
    ],
)
def test_arrays_of_the_wrong_kind_are_refused_not_cast(changed: dict[str, Any]) -> None:
    assert npz_refusal(archive(arrays(**changed))).startswith("in.npz")


@pytest.mark.parametrize(
    "changed",
    [
        {"lattice": 2},
        {"labels": [1, 2]},
        {"labels": ["a", None]},
        {"labels": ["a", "a"]},
        {"labels": "ab"},
        {"labels": ["a"]},
        {"names": [0, 1]},
        {"names": [0, 1, 1]},
        {"names": [[0], {}, None]},
        {"names": [0, 1, 2.5]},
        {"names": [0, 1, True]},
        {"id": 5.5},
        {"id": ["x"]},
        {"target": 5},
        {"target": ["a", None]},
        {"scales": [1]},
        {"scales": {"lm": "two"}},
        {"scales": {"lm": math.inf}},
        {"scales": {"nothing": 1}},
    ],
    ids=repr,
)
def test_names_labels_and_the_like_are_checked_as_in_a_text_document(changed: dict[str, Any]) -> None:
    assert npz_refusal(archive(arrays(about=about(**changed)))).startswith("in.npz")


@pytest.mark.parametrize(
    "data", [b"", b"x", b"[1]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"lattice": 1'], ids=lambda data: repr(data[:12])
)
def test_an_about_that_is_none_is_refused(data: bytes) -> None:
    assert npz_refusal(archive(arrays(about=np.frombuffer(data, dtype=np.uint8)))).startswith("in.npz")


def test_a_damaged_zip_is_an_error_wherever_the_damage_is() -> None:
    """Each byte once with one bit turned over, and each length: a document or a FormatError, never anything else."""
    data = write_npz(document(), WriteOptions()).data
    rng = random.Random(1)
    refused = 0
    surprises: dict[str, int] = {}
    damaged = [data[:length] for length in range(0, len(data), 5)]
    for place in range(len(data)):
        turned = bytearray(data)
        turned[place] ^= 1 << rng.randrange(8)
        damaged.append(bytes(turned))
    for candidate in damaged:
        try:
            read_npz(candidate, "in.npz", "in.npz")
        except FormatError:
            refused += 1
        except Exception as error:
            surprises[f"{type(error).__name__}: {error}"] = surprises.get(f"{type(error).__name__}: {error}", 0) + 1
    assert not surprises
    assert refused > len(damaged) // 2


def test_what_is_no_zip_is_refused_also_when_npz_is_asked_for() -> None:
    for data in (b"", b"text", npy(np.zeros((2, 2))), b"PK\x03\x04", write_npz(document(), WriteOptions()).data[:60]):
        assert "not a readable .npz" in npz_refusal(data)


def test_an_npz_is_known_by_its_bytes_whatever_its_name() -> None:
    write_documents("graph.npz", [document()])
    pathlib.Path("graph.txt").write_bytes(pathlib.Path("graph.npz").read_bytes())
    assert read_one("graph.txt", ReadOptions()).graph.arcs == 2
    pathlib.Path("cut.npz").write_bytes(pathlib.Path("graph.npz").read_bytes()[:100])
    with pytest.raises(FormatError, match=r"cut\.npz: not a readable"):
        read_one("cut.npz", ReadOptions())


# .npy matrices --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int8, np.int64, np.uint8, ">f4", ">i2"])
def test_a_matrix_is_steps_by_labels(kind: Any) -> None:
    found = matrix(np.array([[1, 2], [3, 0]], dtype=kind))
    assert arcs(found) == [(0, 1, "a", 1.0), (0, 1, "b", 2.0), (1, 2, "a", 3.0), (1, 2, "b", 0.0)]
    assert found.graph.starts.tolist() == [0]
    assert found.graph.finals.tolist() == [2]


def test_a_matrix_in_columns_first_order_is_the_same() -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert arcs(matrix(np.asfortranarray(values))) == arcs(matrix(values))


def test_log_probabilities_are_negated() -> None:
    found = matrix(np.log([[0.25, 0.75]]), units="logp")
    assert found.graph.energy.tolist() == [-math.log(0.25), -math.log(0.75)]


def test_a_probability_of_zero_leaves_its_arc_out() -> None:
    with np.errstate(divide="ignore"):
        found = matrix(np.log([[0.0, 1.0], [0.5, 0.5]]), units="logp")
    assert [arc[:3] for arc in arcs(found)] == [(0, 1, "b"), (1, 2, "a"), (1, 2, "b")]
    assert np.isfinite(found.graph.energy).all()
    assert arcs(matrix([[math.inf, 1.0]])) == [(0, 1, "b", 1.0)]


def test_a_step_without_any_arc_is_read_and_has_no_path() -> None:
    found = matrix([[-math.inf, -math.inf], [0.0, 0.0]], units="logp")
    assert [arc[:2] for arc in arcs(found)] == [(1, 2), (1, 2)]
    assert found.graph.nodes == 3


@pytest.mark.parametrize(
    ("value", "units", "expected"),
    [
        (math.nan, "energies", "energy"),
        (math.nan, "logp", "log-probability"),
        (-math.inf, "energies", "energy"),
        (math.inf, "logp", "log-probability"),
    ],
)
def test_a_number_that_is_none_is_named_by_row_and_column(value: float, units: str, expected: str) -> None:
    message = npy_refusal(npy(np.array([[0.0, 1.0], [2.0, value]])), units=units)
    assert f"row 1, column 1 is {value}" in message
    assert f"expected a finite {expected}" in message


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(2),
        np.zeros(()),
        np.zeros((2, 2, 2)),
        np.zeros((1, 2), dtype=bool),
        np.zeros((1, 2), dtype=complex),
        np.array([["a", "b"]]),
        np.zeros((1, 2), dtype="M8[s]"),
        np.zeros((1, 2), dtype=[("x", "f8")]),
        np.zeros((1, 2), dtype="V3"),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_an_array_that_is_no_matrix_of_numbers_is_refused(array: np.ndarray) -> None:
    message = npy_refusal(npy(array))
    assert str(array.shape) in message
    assert "expected numbers of shape (T, C)" in message


@pytest.mark.parametrize("shape", [(2, 3), (2, 1), (2, 0), (0, 3)])
def test_columns_and_labels_must_be_as_many(shape: tuple[int, int]) -> None:
    message = npy_refusal(npy(np.zeros(shape)))
    assert f"{shape[1]} columns" in message
    assert "labels.txt has 2 labels" in message


def test_no_steps_are_the_empty_answer() -> None:
    found = matrix(np.zeros((0, 2)))
    assert (found.graph.nodes, found.graph.arcs) == (1, 0)
    assert found.graph.starts.tolist() == found.graph.finals.tolist() == [0]


def test_a_number_beyond_all_doubles_is_an_error_not_a_warning() -> None:
    if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
        huge = np.array([[1, 2]], dtype=np.longdouble) * np.longdouble("1e400")
        assert npy_refusal(npy(huge), units="logp").startswith("in.npy")


@pytest.mark.parametrize(
    "shape",
    ["(-2, -2)", "(2, 2), (", "(20000000000000, 2)", "(9999999999999999999999999999, 2)", "(2.0, 2)", "'ab'", "2"],
)
def test_a_header_that_lies_is_refused(shape: str) -> None:
    """A short file that claims tebibytes must not be believed; nor may its header be anything but a header."""
    good = npy(np.zeros((2, 2)))
    length = int.from_bytes(good[8:10], "little")
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    data = good[:10] + header.ljust(length - 1).encode() + b"\n" + good[10 + length :]
    assert len(data) == len(good)
    assert "not a readable .npy" in npy_refusal(data)


def test_a_damaged_npy_is_an_error_wherever_the_damage_is() -> None:
    data = npy(np.arange(4.0).reshape(2, 2))
    damaged = [data[:length] for length in range(len(data))]
    for place in range(len(data)):
        for bit in (0, 3, 6):
            turned = bytearray(data)
            turned[place] ^= 1 << bit
            damaged.append(bytes(turned))
    surprises: dict[str, int] = {}
    for candidate in damaged:
        try:
            read_npy(candidate, "in.npy", "in.npy", ReadOptions(labels="labels.txt"))
        except FormatError:
            pass
        except Exception as error:
            surprises[f"{type(error).__name__}: {error}"] = surprises.get(f"{type(error).__name__}: {error}", 0) + 1
    assert not surprises


# The labels of a matrix -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        (" \nb\n", [" ", "b"]),
        ("a\n \n", ["a", " "]),
        ("a\n\n", ["a", ""]),
        ("\tx \nb\n", ["\tx ", "b"]),
        ("[red]\n日本\n", ["[red]", "日本"]),
        ("null\n# b\n", ["null", "# b"]),
        ("a\u2028b\n\u0085\n", ["a\u2028b", "\u0085"]),
        ("\ufeffa\nb\n", ["a", "b"]),
    ],
)
def test_a_label_is_a_line_without_its_end(text: str, expected: list[str]) -> None:
    pathlib.Path("labels.txt").write_bytes(text.encode())
    assert [arc[2] for arc in arcs(matrix([[1.0, 2.0]]))] == expected


def test_a_label_twice_is_named() -> None:
    pathlib.Path("labels.txt").write_text("a\na\n")
    with pytest.raises(FormatError, match=r"labels\.txt: label 'a' is there several times, expected each label once"):
        matrix([[1.0, 2.0]])


def test_labels_that_cannot_be_read_are_named() -> None:
    with pytest.raises(FormatError, match=r"none\.txt: cannot read"):
        matrix([[1.0, 2.0]], "none.txt")
    with pytest.raises(FormatError, match=r"^\.: cannot read"):
        matrix([[1.0, 2.0]], ".")
    pathlib.Path("labels.txt").write_bytes(b"a\n\xff\n")
    with pytest.raises(FormatError, match=r"labels\.txt.*0xff"):
        matrix([[1.0, 2.0]])


def test_a_matrix_without_labels_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"in\.npy.*--labels FILE"):
        matrix([[1.0, 2.0]], None)


def test_the_sample_has_a_space_among_its_labels() -> None:
    options = ReadOptions(labels=str(ROOT / "samples" / "ctc-line.labels.txt"), units="logp")
    found = read_one(str(ROOT / "samples" / "ctc-line.npy"), options)
    assert " " in found.graph.labels
    assert "<blank>" in found.graph.labels
    assert len(found.graph.labels) == 1 + 97
    assert found.graph.arcs == 40 * 97

"""Emission matrices from other systems: units and what they look like, labels of columns, batches, text."""

from __future__ import annotations

import json
import math
import pathlib
import zipfile
from typing import Any

import numpy as np
import pytest

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats import read_inputs, read_one, read_records
from lattice_cli.formats.io import ReadOptions, fresh_notes
from lattice_cli.formats.matrices import labels_text, read_labels
from lattice_cli.formats.matrices.units import UNITS, doubt, energies_of
from lattice_cli.graph import Document, Inputs

PEAKED = np.array([[9.0, 2.0, -1.0, 0.5], [0.0, 7.0, 1.0, -2.0], [1.0, -3.0, 8.0, 0.0], [6.0, 1.0, 0.0, -1.0]])
P = np.exp(PEAKED) / np.exp(PEAKED).sum(axis=1, keepdims=True)
FORMS = {
    "energies": -np.log(P),
    "logp": np.log(P),
    "log10": np.log10(P),
    "prob": P,
    "logits": PEAKED,
}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("labels.txt").write_text("_\na\nb\nc\n")
    fresh_notes()


def options(**given: Any) -> ReadOptions:
    return ReadOptions(**{"labels": "labels.txt", **given})


def energies(record: Any, rows: int = 4, columns: int = 4) -> np.ndarray:
    assert isinstance(record, Document), record
    return record.graph.energy.reshape(rows, columns)


# Units ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", UNITS)
def test_all_units_give_the_same_energies(units: str) -> None:
    np.testing.assert_allclose(energies_of(FORMS[units], units, "m"), -np.log(P), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("given", UNITS)
@pytest.mark.parametrize("held", UNITS)
def test_a_matrix_in_other_units_is_told_with_the_option_that_fits(given: str, held: str) -> None:
    said = doubt(FORMS[held], given)
    if given == held or (given, held) == ("logits", "logp"):  # softmax of log-probabilities are the probabilities
        assert said == ""
        return
    option = UNITS["logp" if given == "energies" else given][1] if held == "energies" else UNITS[held][1]
    assert option in said, said
    assert "leave" in said or held != "energies"


def test_what_is_right_is_not_doubted() -> None:
    rng = np.random.default_rng(0)
    for rows in (1, 2, 8, 50):
        plain = rng.uniform(0.0, 5.0, (rows, 6))
        assert doubt(plain, "energies") == ""
        assert doubt(np.zeros((rows, 1)), "energies") == ""
    assert doubt(np.array([[0.25, 0.75]]), "energies") == ""  # energies that add up to 1 by chance
    assert doubt(-np.array([[4.0, 9.0, 1.0], [2.0, 5.0, 1.5]]), "logp") == ""  # scores that are not normalised
    with np.errstate(divide="ignore"):
        assert doubt(np.log(np.eye(4)), "logp") == ""
    assert doubt(-PEAKED, "energies") == ""  # energies of a network: the smallest stands out
    assert doubt(P.astype(np.float16).astype(float), "prob") == ""


def test_log_probabilities_of_a_sure_network_are_not_log10() -> None:
    rows = np.arange(40)
    scores = np.random.default_rng(0).normal(size=(40, 6))
    scores[rows, rows % 6] += 14.0
    logp = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    assert (np.abs(np.power(10.0, logp).sum(axis=1) - 1) < 0.01).all()
    assert "--logp reads them so" in doubt(logp, "log10")
    assert "--log10 reads them so" in doubt(logp / math.log(10), "logp")
    assert doubt(logp, "logp") == doubt(logp, "logits") == doubt(logp / math.log(10), "log10") == ""
    assert doubt(np.round(logp, 2), "logp") == doubt(np.round(logp, 2), "logits") == ""


def test_rows_from_all_over_a_matrix_are_looked_at() -> None:
    silence = np.tile([0.0, -20.0, -20.0, -20.0], (20, 1))
    assert "--log10 reads them so" in doubt(np.vstack([silence, np.log10(P)]), "logp")


@pytest.mark.parametrize("held", ["logp", "log10", "prob"])
def test_a_distribution_without_its_small_probabilities_is_told(held: str) -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(30, 20)) * 2
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    p[p < np.sort(p, axis=1)[:, -5:-4]] = 0.0
    with np.errstate(divide="ignore"):
        matrix = {"logp": np.log(p), "log10": np.log10(p), "prob": p}[held]
    assert doubt(matrix, held) == ""
    for given in UNITS:
        if (held, given) not in {(held, held), ("logp", "logits"), ("logp", "log10")}:
            assert f"{UNITS[held][1]} reads them so" in doubt(matrix, given), given


def test_energies_that_are_skewed_are_no_logits() -> None:
    rng = np.random.default_rng(2)
    for rows in (3, 8, 100):
        assert doubt(rng.exponential(3.0, (rows, 10)), "energies") == ""
        assert doubt(rng.normal(size=(rows, 40)) * 3, "energies") == ""
    shifted = rng.normal(size=(20, 2)) * 9
    assert doubt(shifted - shifted.max(axis=1, keepdims=True), "logits") == ""


def test_a_square_matrix_that_is_transposed_is_told() -> None:
    for units in ("energies", "logp", "prob"):
        assert "is it transposed?" in doubt(FORMS[units].T, units)


def test_what_a_matrix_looks_like_is_noted_once_with_its_file() -> None:
    np.save("m.npy", FORMS["logp"])
    read_one("m.npy", options())
    ((source, text),) = fresh_notes()
    assert source == "m.npy"
    assert text == (
        "read as energies, but the rows look like log-probabilities: exp(x) adds up to 1; --logp reads them so"
    )
    read_one("m.npy", options(units="logp"))
    assert fresh_notes() == []


@pytest.mark.parametrize(
    ("value", "units", "message"),
    [
        (-0.1, "prob", "row 1, column 0 is -0.1, expected a number from 0 to 1, a probability"),
        (1.5, "prob", "row 1, column 0 is 1.5, expected a number from 0 to 1, a probability"),
        (math.inf, "logits", "row 1, column 0 is inf, expected a finite logit"),
        (math.nan, "log10", "expected a finite log-probability to base 10"),
    ],
)
def test_a_number_that_its_unit_cannot_have_is_named(value: float, units: str, message: str) -> None:
    matrix = np.full((2, 2), 0.5)
    matrix[1, 0] = value
    with pytest.raises(FormatError, match=message):
        energies_of(matrix, units, "m")


def test_an_impossible_class_is_left_out_whatever_the_unit() -> None:
    for units, matrix in (("prob", [[0.0, 1.0]]), ("logits", [[-math.inf, 3.0]]), ("log10", [[-math.inf, 0.0]])):
        assert energies_of(np.array(matrix), units, "m").tolist() == [[math.inf, 0.0]]


@pytest.mark.parametrize("given", [{"units": "logp"}, {"labels": "labels.txt"}])
def test_what_is_said_of_matrices_is_refused_for_a_graph(given: dict[str, str]) -> None:
    pathlib.Path("g.json").write_text('{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "a", -0.5]]}')
    (found,) = read_records("g.json", ReadOptions(**given))
    assert isinstance(found.error, UsageError)
    assert "g.json:1: is a graph, with labels and energies of its own" in str(found.error)


@pytest.mark.parametrize("given", [{"units": "logp"}, {"labels": "labels.txt"}])
@pytest.mark.parametrize(
    ("name", "text"), [("w.txt", "but\ncute\n"), ("g.att", "0 1 a 0.5\n1\n"), ("m.txt", "north 1.5\nwest 3.5\n")]
)
def test_no_form_of_graphs_is_read_with_options_of_matrices(given: dict[str, str], name: str, text: str) -> None:
    pathlib.Path(name).write_text(text)
    (found,) = read_records(name, ReadOptions(**given))
    assert isinstance(found.error, UsageError)
    assert f"{name}: is read as " in str(found.error)
    assert "is for matrices" in str(found.error)


def test_labels_of_columns_are_not_lost_on_a_lattice_of_an_archive_in_silence(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.ark").write_text("u1 \n0 1 5 0.5,1,17\n1\n\n")
    (tmp_path / "labels").write_text("a\nb\n")
    fresh_notes()
    records = read_records(str(tmp_path / "a.ark"), ReadOptions(labels=str(tmp_path / "labels")))
    (found,) = (record for record in records if isinstance(record, Document))
    assert found.graph.labels[1:] == ("17", "5")
    ((_, said),) = fresh_notes()
    assert "a graph, which --labels is not for; --words has its labels" in said


# Labels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("<blk> 0\na 1\nb 2\n", ["<blk>", "a", "b"]),
        ("b\t2\na  1\n<blk> 0\n", ["<blk>", "a", "b"]),
        ("  0\na 1\n", [" ", "a"]),
        ("a 0\nb 1\n#0 2\n#1 3\n", ["a", "b"]),
        ('["<s>", " ", "a"]', ["<s>", " ", "a"]),
        ('{"b": 1, "a": 0, "|": 2}\n', ["a", "b", "|"]),
        ("# the alphabet\n_\na\n\\#\n# end\n", ["_", "a", "#"]),
        ("a\n#\n##b\n", ["a", "#", "##b"]),
        ("a 1x\nb\n", ["a 1x", "b"]),
        ("7\n", ["7"]),
    ],
)
def test_labels_are_read_in_the_forms_that_recognisers_keep(text: str, labels: list[str]) -> None:
    pathlib.Path("x.labels").write_text(text)
    assert read_labels("x.labels", len(labels)) == labels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 0\nb 2\n", r"x\.labels:2: no label with the number 1 \(label 'b' has 2\)"),
        ("a 0\nb 0\n", r"x\.labels:2: number 0 twice \(label 'b' has 0\)"),
        ('{"a": "0"}', r"label 'a' has '0', expected the number of its column"),
        ('{"a": true}', r"label 'a' has true, expected the number of its column"),
        ('["a", 1]', r"a label is 1, expected a string"),
        ("", r"x\.labels: no labels, expected one for each column"),
    ],
)
def test_labels_that_do_not_number_columns_are_refused(text: str, message: str) -> None:
    pathlib.Path("x.labels").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_labels("x.labels", 2)


@pytest.mark.parametrize(
    "labels", [["a", "b"], ["# a", "b"], ["a 0", "b 1"], ["a\nb", "c"], ["\\#", "# x"], [" ", ""], ['["a"]', "x\r"]]
)
def test_labels_that_are_written_read_back(labels: list[str]) -> None:
    pathlib.Path("x.labels").write_text(labels_text(labels), newline="")
    assert read_labels("x.labels", len(labels)) == labels


def test_too_few_labels_are_told_with_what_is_likely() -> None:
    for matrix, message in (
        (np.zeros((4, 6)), "6 columns, but labels.txt has 4 labels and the matrix 4 rows: is it transposed"),
        (np.zeros((2, 5)), "5 columns, but labels.txt has 4 labels: the blank of CTC is not among them"),
    ):
        np.save("m.npy", matrix)
        (found,) = read_records("m.npy", options())
        assert message in str(found.error)


# Batches --------------------------------------------------------------------------------------------------------------


def batch(**arrays: Any) -> list[Any]:
    np.savez("batch.npz", **arrays)
    return list(read_records("batch.npz", options(units="logp")))


def test_a_batch_of_one_is_one_matrix() -> None:
    np.save("m.npy", FORMS["logp"][None])
    np.testing.assert_allclose(energies(read_one("m.npy", options(units="logp"))), -np.log(P))


def test_a_padded_batch_is_cut_by_its_lengths() -> None:
    logp = np.stack([FORMS["logp"], FORMS["logp"][::-1]])
    for name in ("lengths", "lens", "input_lengths"):
        one, two = batch(logp=logp, **{name: [4, 2]}, ids=np.array(["x", "y"]), targets=np.array(["ab", "c"]))
        assert (one.id, one.target, two.id, two.target) == ("x", "ab", "y", "c")
        np.testing.assert_array_equal(energies(two, 2), -logp[1, :2])
    whole = batch(anything=logp)
    assert [record.id for record in whole] == ["batch.npz:1", "batch.npz:2"]
    np.testing.assert_array_equal(energies(whole[1]), -logp[1])


def test_rows_of_all_records_in_one_array_are_cut_by_lengths() -> None:
    logp = FORMS["logp"]
    one, none, two = batch(logp=logp, lens=[1, 0, 3], ids=[b"p", b"q", b"r"])
    assert (one.id, none.id, two.id) == ("p", "q", "r")
    assert (one.graph.arcs, none.graph.arcs) == (4, 0)
    np.testing.assert_array_equal(energies(two, 3), -logp[1:])


def test_matrices_by_name_are_records_by_name() -> None:
    one, two = batch(utt1=FORMS["logp"], utt2=FORMS["logp"][None, :2])
    assert (one.id, two.id) == ("utt1", "utt2")
    np.testing.assert_array_equal(energies(two, 2), -FORMS["logp"][:2])


def test_labels_in_an_archive_are_used_and_must_agree_with_those_given() -> None:
    np.savez("batch.npz", logp=FORMS["logp"], lens=[4], columns=np.array(list("_xyz")))
    (found,) = read_records("batch.npz", ReadOptions(units="logp"))
    assert found.graph.labels == ("", "_", "x", "y", "z")
    (found,) = read_records("batch.npz", options())
    assert isinstance(found.error, UsageError)
    assert "has labels of its own, and labels.txt has others" in str(found.error)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"logp": np.zeros((2, 3, 4)), "lengths": [3, 4]}, "2 lengths, the largest 4, but array 'logp'"),
        ({"logp": np.zeros((2, 3, 4)), "lengths": [3]}, "1 lengths, the largest 3, but array 'logp'"),
        ({"logp": np.zeros((3, 4)), "lens": [1, 1]}, "lengths add up to 2 rows, but 'logp' has 3"),
        ({"logp": np.zeros((3, 4)), "lens": [1.5, 1.5]}, "array 'lens' is not a row of integers"),
        ({"logp": np.zeros((3, 4)), "lens": [-1, 4]}, "a length is -1"),
        ({"logp": np.zeros((3, 4)), "lens": [3], "ids": np.array(["a", "b"])}, "ids has 2 entries, but there are 1"),
        ({"logp": np.zeros((3, 4)), "lens": [3], "lengths": [3]}, "arrays 'lengths' and 'lens' mean the same"),
        (
            {"logp": np.zeros((3, 4)), "lens": [3], "ids": np.array([1.0])},
            "array 'ids' holds float64, expected strings",
        ),
        ({"a": np.zeros((3, 4)), "b": np.zeros(3)}, r"found a \(3, 4\), b \(3,\): expected a lattice"),
        ({}, "found nothing else"),
    ],
)
def test_arrays_that_do_not_fit_are_told(arrays: dict[str, Any], message: str) -> None:
    np.savez("batch.npz", **arrays)
    (found,) = read_records("batch.npz", options())
    with pytest.raises(FormatError, match=message):
        raise found.error


def test_recognisers_take_the_same_archives() -> None:
    np.savez("batch.npz", X=np.ones((2, 3, 4)), lengths=[3, 2], y=np.array(["ab", "c"]))
    one, two = read_inputs("batch.npz", ReadOptions())
    assert isinstance(one, Inputs)
    assert isinstance(two, Inputs)
    assert (one.target, one.values.shape, two.target, two.values.shape) == ("ab", (3, 4), "c", (2, 4))


# Text -----------------------------------------------------------------------------------------------------------------


def saved(name: str, **given: Any) -> str:
    np.savetxt(name, FORMS["logp"], **given)
    return name


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("m.csv", {"delimiter": ","}),
        ("m.tsv", {"delimiter": "\t"}),
        ("m.txt", {}),
        ("m.txt", {"delimiter": ","}),
        ("m.txt", {"header": "log-probabilities"}),
        ("m.dat", {"delimiter": ";", "fmt": "%.17g"}),
        ("m.csv", {"delimiter": ",", "header": "_,a,b,c", "comments": ""}),
        ("m.txt", {"delimiter": "\t", "newline": "\r\n"}),
    ],
)
def test_a_matrix_in_text_is_known_by_its_rows(name: str, given: dict[str, Any]) -> None:
    record = read_one(saved(name, **given), options(units="logp"))
    assert record.form == "matrix"
    np.testing.assert_allclose(energies(record), -np.log(P), rtol=1e-15)


def test_a_first_line_of_text_has_the_labels() -> None:
    pathlib.Path("m.csv").write_text('_,"a,b",c\n-0.5,-1,-inf\n')
    record = read_one("m.csv", ReadOptions(units="logp"))
    assert record.graph.words(record.graph.ilabel.tolist()) == ["_", "a,b"]
    assert record.graph.energy.tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n1,2\n", r"m\.csv:2: has 2 columns, but the first line has 3"),
        ("1.5,2\n1,x\n", r"m\.csv:2: found 'x', expected a number"),
        ("from,to,label\n0,1,a\n", r"m\.csv:2: found 'a', expected a number"),
        ("a;b\n", r"m\.csv: has no rows of numbers"),
        ("0,5;1,5\n0,5;1,5\n", r"m\.csv:1: found '0,5', expected a number"),
        ("# only\n", r"m\.csv: has no rows"),
    ],
)
def test_text_that_is_no_matrix_is_told_by_line(text: str, message: str) -> None:
    pathlib.Path("m.csv").write_text(text)
    (found,) = read_records("m.csv", options())
    with pytest.raises(FormatError, match=message):
        raise found.error


def test_a_list_of_lists_in_json_is_a_matrix() -> None:
    pathlib.Path("m.json").write_text(json.dumps(FORMS["logp"].tolist()))
    np.testing.assert_array_equal(energies(read_one("m.json", options(units="logp"))), -FORMS["logp"])
    pathlib.Path("m.json").write_text("[[1, 2], [3]]")
    (found,) = read_records("m.json", options())
    assert str(found.error) == "m.json: row 1 has 1 entries, but row 0 has 2"


# What other systems write ---------------------------------------------------------------------------------------------


def table(rows: np.ndarray, separator: str, header: list[str] | None, index: list[str] | None) -> str:
    """A matrix as DataFrame.to_csv writes it."""
    lines = [[repr(float(number)) for number in row] for row in rows]
    if index is not None:
        lines = [[name, *row] for name, row in zip(index, lines)]
    return "".join(separator.join(line) + "\n" for line in ([header] if header else []) + lines)


@pytest.mark.parametrize(
    ("header", "index", "said"),
    [
        (["", "_", "a", "b", "c"], ["0", "1", "2", "3"], "the first column numbers the rows"),
        (["frame", "_", "a", "b", "c"], ["1", "2", "3", "4"], "the first column ('frame') numbers the rows"),
        (["time", "_", "a", "b", "c"], ["0.0", "0.02", "0.04", "0.06"], "the first column ('time') numbers the rows"),
        (["", "0", "1", "2", "3"], ["0", "1", "2", "3"], "the first column numbers the rows"),
        (["", "_", "a", "b", "c"], ["17", "5", "9", "40"], "the first column numbers the rows"),
        (None, ["0", "1", "2", "3"], "the first column numbers the rows"),
        (["0", "1", "2", "3"], None, ""),
        (["_", "a", "b", "c"], None, ""),
    ],
)
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_row_numbers_and_column_numbers_of_pandas_are_no_scores(
    header: list[str] | None, index: list[str] | None, said: str, separator: str
) -> None:
    pathlib.Path("m.csv").write_text(table(FORMS["energies"], separator, header, index))
    record = read_one("m.csv", options())
    np.testing.assert_array_equal(energies(record), FORMS["energies"])
    assert record.graph.labels == ("", "_", "a", "b", "c")
    assert [text.partition(",")[0] for _, text in fresh_notes()] == [said] * bool(said)


def test_columns_of_whole_numbers_that_number_nothing_stay_scores() -> None:
    pathlib.Path("m.csv").write_text("".join(f"{number},2.5,1.5,3.5\n" for number in (0, 2, 1, 3)))
    assert energies(read_one("m.csv", options()))[:, 0].tolist() == [0, 2, 1, 3]
    assert fresh_notes() == []


def test_a_batch_of_one_may_be_the_first_axis_or_the_second() -> None:
    for shape in ((1, 4, 4), (4, 1, 4)):
        np.save("m.npy", FORMS["energies"].reshape(shape))
        np.testing.assert_array_equal(energies(read_one("m.npy", options())), FORMS["energies"])


def test_lengths_tell_which_axis_is_the_batch() -> None:
    both = np.stack([FORMS["energies"], FORMS["energies"][::-1]])
    for name, array in (("lengths", both), ("input_lengths", both.swapaxes(0, 1)), ("encoded_lengths", both)):
        np.savez("m.npz", log_probs=array, **{name: np.array([4, 3])})
        first, second = read_records("m.npz", options())
        np.testing.assert_array_equal(energies(first), FORMS["energies"])
        np.testing.assert_array_equal(energies(second, 3), FORMS["energies"][::-1][:3])
    fresh_notes()
    np.savez("m.npz", log_probs=both.swapaxes(0, 1))
    assert len([*read_records("m.npz", options())]) == 4
    assert "is read as (B, T, C), 4 records of 2 rows" in fresh_notes()[0][1]


@pytest.mark.parametrize(
    ("text", "labels", "said"),
    [
        ("<unk>\t0\n<s>\t0\n\u2581the\t-2.34\ns\t-3.1\n", ["<unk>", "<s>", "\u2581the", "s"], "SentencePiece's scores"),
        ("<unk>\t0\n\u2581t\t-0\nhe\t-1\n", ["<unk>", "\u2581t", "he"], "SentencePiece's scores"),
        ("| 94802\nE 51860\nT 51860\n", ["<s>", "<pad>", "</s>", "<unk>", "|", "E", "T"], "fairseq's dict.txt"),
        ("c 2\nb 1\na 0\n", ["<s>", "<pad>", "</s>", "<unk>", "c", "b", "a"], "fairseq's dict.txt"),
        ("0 _\n1 a\n2  \n", ["_", "a", " "], "read as an id and a label"),
        ("0\t_\n1\t7\n", ["_", "7"], "read as an id and a label"),
        ("'<blank>' => 0\n'it's' => 1\n=====\n'starting_index' => 0\n", ["<blank>", "it's"], ""),
        ("- _\n- a\n- ' '\n", ["_", "a", " "], ""),
        ("labels:\n- _\n- a\n", ["_", "a"], ""),
        ("['_', \"'\", 'a']\n", ["_", "'", "a"], ""),
        ('{"1": "a", "0": "_"}', ["_", "a"], ""),
        ("_ \na\n \n", ["_ ", "a", " "], "the white space behind '_ ' is read as a part of the label"),
        ("_\na\n\n\n", ["_", "a"], ""),
        ("_\n\na\n", ["_", "", "a"], ""),
    ],
)
def test_labels_with_scores_counts_and_ids_are_told_apart(text: str, labels: list[str], said: str) -> None:
    pathlib.Path("x.labels").write_text(text)
    assert read_labels("x.labels", len(labels)) == labels
    notes = [text for _, text in fresh_notes()]
    assert len(notes) == bool(said)
    assert said in "".join(notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("| 94\nE 51\n", "the numbers fall from 94 to 51, as counts do"),
        ("_ 0\na 1\nb 2\nzz\n", r"x\.labels:4: found 'zz', expected a label and its number"),
        ("['a'", "not YAML"),
        ("- a\n- b: 1\n", "expected a string"),
    ],
)
def test_tables_that_number_no_columns_are_refused(text: str, message: str) -> None:
    pathlib.Path("x.labels").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_labels("x.labels", 4)


def test_a_file_of_torch_is_refused_with_what_it_is() -> None:
    with zipfile.ZipFile("m.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02")
        archive.writestr("archive/data/0", b"\0" * 96)
    (found,) = read_records("m.pt", options())
    assert "holds 'archive/data.pkl', which is no array, expected an .npz file: is it of torch.save?" in str(
        found.error
    )
    with zipfile.ZipFile("m.npz", "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    (found,) = read_records("m.npz", options())
    assert "holds 'word/document.xml', which is no array" in str(found.error)


@pytest.mark.parametrize("name", ["m.txt", "m"])
@pytest.mark.parametrize("header", [["", "_", "a", "b", "c"], ["_", "a", "b", "c"], ["", "0", "1", "2", "3"]])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_table_is_told_under_another_name(separator: str, header: list[str], name: str) -> None:
    index = ["0", "1", "2", "3"] if header[0] == "" else None
    pathlib.Path(name).write_text(table(FORMS["energies"], separator, header, index))
    np.testing.assert_array_equal(energies(read_one(name, options())), FORMS["energies"])


def test_a_batch_of_one_in_json_is_a_matrix() -> None:
    pathlib.Path("m.json").write_text(json.dumps([FORMS["energies"].tolist()]))
    np.testing.assert_array_equal(energies(read_one("m.json", options())), FORMS["energies"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("_,a,b,c\r1,2,3,4\r", r"m\.csv: has no rows of numbers"),
        ('_,a,b,c\n1,2,"3,4\n1,2,3,4\n', r"m\.csv:2: found '\"3', expected a number"),
        ("_,a,b,c\n1,2,3,4\x1e\n", r"m\.csv:2: found '4\\x1e', expected a number"),
        ("1,2,3," + "4" * 200_000 + "\n", "row 0, column 3 is inf"),
    ],
)
def test_a_table_that_is_damaged_is_an_error_with_its_line(text: str, message: str) -> None:
    pathlib.Path("m.csv").write_text(text, newline="")
    with pytest.raises(FormatError, match=message):
        read_one("m.csv", options(units="logp"))


def test_a_first_column_without_numbers_is_no_time() -> None:
    pathlib.Path("m.csv").write_text("time,_,a\n" + "-inf,-0.5,-0.9\n" * 3)
    assert read_one("m.csv", ReadOptions(units="logp")).graph.labels == ("", "time", "_", "a")

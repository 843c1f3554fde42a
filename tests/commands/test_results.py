"""Results in the forms that people use: columns between tabs, transcripts, files, long tables."""

from __future__ import annotations

import gzip
import json
import pathlib

import pytest
from support import ROOT
from support.commands import CUT, LECTURE, WORDS, cells, records, row_of, run, save, terminal

pytestmark = pytest.mark.slow

CARDS, GO = (str(ROOT / "samples" / name) for name in ("cards.slf.gz", "goforward.slf.gz"))
LINE = [str(ROOT / "samples" / "ctc-line.npy"), "--labels", str(ROOT / "samples" / "ctc-line.labels.txt"), "--logp"]


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def columns(*arguments: str, status: int = 0) -> list[dict[str, str]]:
    """The rows of --tsv by the names of their columns."""
    done = run(*arguments, "--tsv")
    assert done.status == status, done.err
    names, *rows = [line.split("\t") for line in done.out.splitlines()]
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_columns_have_every_digit_and_the_text() -> None:
    (path,) = records(run("viterbi", CUT, "--json").out)[0]["paths"]
    (row,) = columns("viterbi", CUT)
    assert row == {"id": "lecture-cut", "rank": "1", "energy": repr(path["energy"]), "text": "cxp"}
    assert [row["text"] for row in columns("viterbi", LECTURE, "-n", "3", "--distinct")] == ["341", "34", "39"]


def test_with_confidences_a_row_is_a_label() -> None:
    rows = columns("viterbi", CARDS, "--confidence", "--beta", "0.05")
    assert [row["label"] for row in rows] == ["seven", "of", "clubs"]
    assert [row["begin"] for row in rows] == ["0.07", "0.57", "0.7"]
    assert {row["text"] for row in rows} == {"seven of clubs"}
    words = records(run("viterbi", CARDS, "--confidence", "--beta", "0.05", "--json").out)[0]["paths"][0]["words"]
    assert [float(row["confidence"]) for row in rows] == [word["confidence"] for word in words]


def test_every_result_command_has_columns() -> None:
    beta = columns("forward", LECTURE, "--beta", "1,2")
    assert [float(row["free_energy"]) for row in beta] == [
        each["free_energy"] for each in records(run("forward", LECTURE, "--beta", "1,2", "--json").out)
    ]
    found = {row["loss"]: row for row in columns("loss", LECTURE)}
    told = {each["loss"]: each for each in records(run("loss", LECTURE, "--json").out)}
    assert {name: float(row["value"]) for name, row in found.items()} == {n: t["value"] for n, t in told.items()}
    drawn = columns("sample", LECTURE, "-n", "3")
    assert [float(row["energy"]) for row in drawn] == [
        each["energy"] for each in records(run("sample", LECTURE, "-n", "3", "--json").out)[0]["paths"]
    ]
    assert {row["key"]: row["value"] for row in columns("show", LECTURE)}["paths"] == "16"
    assert float(columns("bound", LECTURE)[0]["gap"]) == records(run("bound", LECTURE, "--json").out)[0]["gap"]
    pathlib.Path("said.txt").write_text("34\n")
    (aligned,) = columns("evaluate", LECTURE, "-r", "said.txt", "--per-record")
    assert (aligned["errors"], aligned["reference"], aligned["answer"]) == ("1", "3 4", "3 4 1")
    assert columns("evaluate", LECTURE, "-r", "said.txt")[0]["rate"] == "0.5"


def test_a_tab_or_line_break_of_a_label_does_not_make_a_column() -> None:
    save("odd.json", row_of("a\tb", "c\nd\\"))
    (row,) = columns("viterbi", "odd.json")
    assert row["text"] == "a\\tb c\\nd\\\\"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["viterbi", LECTURE, "--tsv", "--json"], "--json and --tsv are two forms of the same results"),
        (["viterbi", LECTURE, "--tsv", "--to", "trn"], "--to trn and --tsv are two forms of the same results"),
        (["viterbi", LECTURE, "--tsv", "--arcs"], "--arcs gives a table of its own, which --tsv has no place for"),
        (["forward", LECTURE, "--tsv", "--nodes"], "--nodes gives a table of its own"),
        (["show", LECTURE, "--tsv", "--label-uses"], "--label-uses gives a table of its own"),
        (["viterbi", LECTURE, "--to", "trn", "--arcs"], "--arcs is of tables and --json: --to trn has no place for it"),
        (["viterbi", LECTURE, "--to", "text", "--scores"], "--scores is of tables and --json: --to text has no place"),
        (["viterbi", GO, "--to", "srt", "--confidence"], "--confidence is of tables and --json: --to srt has no"),
        (["viterbi", CARDS, "--to", "ctm", "-n", "2"], "--to ctm has the best answer only"),
        (["viterbi", *LINE, "--to", "ctm"], "--to ctm needs seconds: --row-time is those of a row"),
        (["viterbi", CARDS, GO, "--to", "srt"], "captions are of one recording"),
        (["viterbi", *LINE, "--to", "ctm", "--row-time", "1e308"], "1e+308 is not in the range"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.status == 2
    assert message in done.err


def test_frames_that_disagree_are_no_times_and_a_frame_time_is_not_asked_for() -> None:
    """Two ways to a node, of two frames and of one."""
    save("u.ark", "u1 ", "0 1 the 1,1,3_4", "0 1 a 1,1,3", "1", "")
    done = run("viterbi", "u.ark", "--to", "ctm")
    assert (done.status, done.err) == (3, "lattice: u1: its words have no times, which CTM and captions are made of\n")


def test_transcripts_of_a_lattice() -> None:
    ctm = run("viterbi", CARDS, "--to", "ctm").out.splitlines()
    assert [line.split()[1:5] for line in ctm] == [
        ["1", "0.070", "0.500", "seven"],
        ["1", "0.570", "0.130", "of"],
        ["1", "0.700", "0.830", "clubs"],
    ]
    assert run("viterbi", CARDS, "--to", "trn").out == f"seven of clubs ({CARDS})\n"
    assert run("viterbi", CARDS, "--to", "text").out == f"{CARDS} seven of clubs\n"
    n_best = run("viterbi", CARDS, "--to", "text", "-n", "2", "--distinct").out
    assert n_best == f"{CARDS}-1 seven of clubs\n{CARDS}-2 eight seven of clubs\n"
    captions = run("viterbi", GO, "--to", "srt").out
    assert captions == "1\n00:00:00,460 --> 00:00:02,120\ngo forward ten meters\n\n"


def test_characters_of_a_matrix_are_words_with_times() -> None:
    done = run("viterbi", *LINE, "--to", "ctm", "--row-time", "0.02")
    (line,) = done.out.splitlines()
    assert line.split()[1:5] == ["1", "0.020", "0.280", "ncomfortably"]


KALDI = "utt-1 \n0 1 5 1.5,2.25,17_17_18\n0 1 6 1.0,2.5,17_19_19\n1 2 5 0,0,3_3\n2 0.5,0.25,\n\n"


def test_transition_ids_of_kaldi_lattices_are_frames() -> None:
    pathlib.Path("a.ark").write_text(KALDI)
    pathlib.Path("words.txt").write_text("<eps> 0\nthe 5\na 6\n")
    lattice = ["a.ark", "--words", "words.txt"]
    (path,) = records(run("viterbi", *lattice, "--confidence", "--times", "--json").out)[0]["paths"]
    assert [(word["begin"], word["end"]) for word in path["words"]] == [(0.0, 3.0), (3.0, 5.0)]
    assert path["times"] == [0.0, 3.0, 5.0, 5.0]
    ctm = run("viterbi", *lattice, "--to", "ctm", "--frame-time", "0.03").out.splitlines()
    assert [line.split()[2:5] for line in ctm] == [["0.000", "0.090", "a"], ["0.090", "0.060", "the"]]
    refused = run("viterbi", *lattice, "--to", "ctm")
    assert refused.status == 2
    assert "--to ctm needs seconds: --frame-time is those of a frame" in refused.err
    done = run("viterbi", LECTURE, "--times", "--frame-time", "1")
    assert (done.status, "is no matrix, and has no frames" in done.err) == (2, True)
    run("convert", "a.ark", "a.json")
    assert "times" not in json.loads(pathlib.Path("a.json").read_text())  # those are seconds


def test_words_without_times_are_no_ctm() -> None:
    done = run("viterbi", LECTURE, "--to", "ctm")
    assert (done.status, done.out) == (3, "")
    assert "lecture-34: its words have no times, which CTM and captions are made of" in done.err


def test_a_record_without_a_path_is_an_empty_answer() -> None:
    save("two.jsonl", row_of("a", id="one"), {**row_of("a", id="two"), "final": 7})
    assert run("viterbi", "two.jsonl", "--to", "trn").out == "a (one)\n(two)\n"
    assert run("viterbi", "two.jsonl", "--to", "text").out == "one a\ntwo\n"


@pytest.mark.parametrize("form", ["--tsv", "--to trn", "--to text"])
def test_evaluate_reads_back_what_was_printed(form: str) -> None:
    save("two.jsonl", row_of("seven", "of", "clubs", id="a"), row_of("go", "ten", id="b"))
    done = run("viterbi", "two.jsonl", *form.split())
    path = f"said.{form.split()[-1].strip('-')}"
    pathlib.Path(path).write_text(done.out)
    scored = run("evaluate", "two.jsonl", "-r", path, "--json")
    assert scored.status == 0, scored.err
    assert records(scored.out)[0]["exact"]["count"] == 2


@pytest.mark.parametrize("form", [["--to", "ctm"], ["--to", "srt"], ["--tsv", "--confidence"], ["--tsv", "-n", "3"]])
def test_evaluate_reads_back_what_has_times_or_ranks(form: list[str]) -> None:
    done = run("viterbi", GO, *form)
    pathlib.Path("said").write_text(done.out)
    scored = run("evaluate", GO, "-r", "said", "--json")
    assert scored.status == 0, scored.err
    assert records(scored.out)[0]["exact"]["count"] == 1


def test_columns_read_back_what_was_escaped() -> None:
    save("odd.json", row_of("a\tb", "c\\nd", "\\"))
    pathlib.Path("said.tsv").write_text(run("viterbi", "odd.json", "--tsv").out)
    scored = run("evaluate", "odd.json", "-r", "said.tsv", "--split", "labels", "--json", "--per-record")
    assert records(scored.out)[0]["reference"] is not None


def test_results_in_a_file_are_whole_or_not_there() -> None:
    done = run("viterbi", LECTURE, CUT, "--json", "-o", "out.json")
    assert (done.status, done.out) == (0, "")
    assert pathlib.Path("out.json").read_text() == run("viterbi", LECTURE, CUT, "--json").out
    before = pathlib.Path("out.json").read_bytes()
    done = run("viterbi", LECTURE, "nofile.json", "--json", "-o", "out.json")
    assert done.status == 3
    assert "lattice: out.json: not written, since not all is well" in done.err
    assert pathlib.Path("out.json").read_bytes() == before
    done = run("viterbi", LECTURE, "nofile.json", "--json", "-o", "out.json", "--keep-going")
    assert done.status == 3
    assert len(records(pathlib.Path("out.json").read_text())) == 2
    run("forward", LECTURE, "-o", "table.txt.gz")
    assert gzip.decompress(pathlib.Path("table.txt.gz").read_bytes()).decode() == run("forward", LECTURE).out
    assert sorted(path.name for path in pathlib.Path().iterdir()) == ["out.json", "table.txt.gz"]
    assert "its folder does not exist" in run("viterbi", LECTURE, "-o", "no/where.json").err


def test_the_arcs_of_a_path_tell_why_it_wins() -> None:
    done = run("viterbi", CARDS, "--arcs", "--scores")
    table = cells(done.out)
    assert ["arc", "from", "to", "label", "energy", "acoustic", "begin", "end"] in table
    assert ["370", "103", "98", "seven", "71.16444", "71.16444", "0.07", "0.57"] in table
    (path,) = records(run("viterbi", CARDS, "--arcs", "--json").out)[0]["paths"]
    assert [step["arc"] for step in path["steps"]] == path["arcs"]
    assert sum(step["energy"] for step in path["steps"]) == pytest.approx(path["energy"])
    assert path["scores"] == {"acoustic": pytest.approx(path["energy"])}


def test_scores_of_answers_are_those_of_the_file_not_weighed() -> None:
    scored = {**row_of("a", "b"), "arcs": [[0, 1, "a"], [1, 2, "b"]]}
    scored["arcs"] = [
        {"from": 0, "to": 1, "label": "a", "scores": {"acoustic": 2.0, "lm": 1.0}},
        {"from": 1, "to": 2, "label": "b", "scores": {"acoustic": 3.0, "lm": 0.5}},
    ]
    save("scored.json", scored)
    (row,) = columns("viterbi", "scored.json", "--scores", "--scale", "lm=10")
    assert row["scores"] == "acoustic=5.0 lm=1.5"
    assert float(row["energy"]) == 20.0


def test_a_matrix_by_sums() -> None:
    pathlib.Path("words.txt").write_text("uncomfortably\ncomfortably\nuncomfortable\n")
    done = run("viterbi", *LINE, "--ctc", "<blank>", "-g", "words.txt", "-n", "3", "--by", "sum", "--json")
    paths = records(done.out)[0]["paths"]
    for path in paths:
        pathlib.Path("word.txt").write_text(path["text"] + "\n")
        alone = records(run("forward", *LINE, "--ctc", "<blank>", "-g", "word.txt", "--json").out)[0]
        assert path["free_energy"] == pytest.approx(alone["free_energy"], rel=1e-6)
    assert len(paths) == 3


def test_a_long_table_on_a_terminal_is_cut_and_says_how_to_see_the_rest() -> None:
    save("many.jsonl", *(row_of("x", id=str(number)) for number in range(130)))
    shown = terminal("viterbi", "many.jsonl")
    assert len(cells(shown.out)) == 51
    assert "80 more rows: --all shows every row, and so does a pipe, or -o FILE" in shown.out
    assert len(cells(terminal("viterbi", "many.jsonl", "--all").out)) == 131
    assert len(cells(run("viterbi", "many.jsonl").out)) == 131


def test_faults_at_the_beginning_do_not_hide_the_answers_behind_them() -> None:
    cut = [{**row_of("x", id=f"cut{number}"), "final": 9} for number in range(60)]
    save("late.jsonl", *cut, row_of("x", id="late"))
    shown = terminal("viterbi", "late.jsonl")
    assert len(cells(shown.out)) == 51
    assert "11 more rows" in shown.out
    save("none.jsonl", *cut)
    assert terminal("viterbi", "none.jsonl").out == ""


def test_a_stream_has_one_heading_and_columns_grow() -> None:
    save("many.jsonl", *(row_of("x", id="i" * (number // 50 + 1)) for number in range(430)))
    out = run("viterbi", "many.jsonl").out
    assert out.count("energy") == 1
    assert len({len(line) for line in out.splitlines()}) > 1
    assert [row[0] for row in cells(out)[1:]] == ["i" * (number // 50 + 1) for number in range(430)]


def test_nothing_but_faults_is_no_table() -> None:
    done = run("viterbi", CUT, "-g", save("no.json", row_of("z")))
    assert (done.status, done.out) == (1, "")
    assert "no path" in done.err
    both = run("viterbi", CUT, LECTURE, "-g", WORDS)
    assert [row[-1] for row in cells(both.out)] == ["answer", "cap", "(no-path)"]
    assert json.loads(run("viterbi", CUT, "-g", "no.json", "--json").out)["status"] == "no-path"


def test_losses_without_their_arcs() -> None:
    whole, short = (records(run("loss", LECTURE, "--json", *more).out) for more in ([], ["--no-arcs"]))
    assert [{key: value for key, value in each.items() if key != "arcs"} for each in whole] == short
    assert all(len(each["arcs"]) == 10 for each in whole)


def test_a_check_in_scripts_fails_where_there_are_problems() -> None:
    whole = {"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "a", 1]]}
    save("whole.json", whole)
    save("cut.json", {**whole, "final": 5})
    assert run("show", "whole.json", "--strict").status == 0
    assert run("show", "cut.json").status == 0
    done = run("show", "whole.json", "cut.json", "--strict", "--json", "--jobs", "2")
    assert done.status == 1
    assert [bool(each["problems"]) for each in records(done.out)] == [False, True]

"""What a file is, its bytes tell before its name; what is guessed is said."""

from __future__ import annotations

import pathlib

import pytest
from support.commands import records, run

from lattice_cli.errors import LatticeError
from lattice_cli.formats import read_one
from lattice_cli.formats.io import ReadOptions, fresh_notes

JSON = '{"lattice": 1, "start": 0, "final": 1, "arcs": [[0, 1, "a", 0.5]]}\n'
YAML = "lattice: 1\nstart: 0\nfinal: 1\narcs:\n- [0, 1, a, 0.5]\n"
SLF = "VERSION=1.0\nN=2 L=1\nI=0\nI=1 W=a\nJ=0 S=0 E=1 a=-0.5\n"
KALDI = "u1\n0 1 5 0.5,0,1_2\n1 0,0,\n"
ATT = "0\t1\ta\ta\t0.5\n1\n"
K2 = "0 1 1 -0.5\n1 2 -1 0\n2\n"
GTN = "0\n1\n0 1 1 2 -0.5\n"
ARPA = "\\data\\\nngram 1=1\n\n\\1-grams:\n-0.5 a\n\n\\end\\\n"
JSGF = "#JSGF V1.0;\ngrammar g;\npublic <s> = a;\n"
FSG = "FSG_BEGIN\nNUM_STATES 2\nSTART_STATE 0\nFINAL_STATE 1\nTRANSITION 0 1 1.0 a\nFSG_END\n"
WORDS = "barn\nbut\t0.5\n"
DICT = "red R EH D\nblue B L UW\n"
TOLD = {"json": JSON, "slf": SLF, "kaldi": KALDI, "att": ATT, "k2": K2, "arpa": ARPA, "jsgf": JSGF, "fsg": FSG}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fresh_notes()


def form(name: str, text: str) -> str:
    pathlib.Path(name).write_text(text)
    return read_one(name, ReadOptions()).form


@pytest.mark.parametrize("form_told", TOLD)
@pytest.mark.parametrize("name", ["x.txt", "x", "x.dat", "x.dict", "x.yaml"])
def test_bytes_come_before_names(form_told: str, name: str) -> None:
    expected = "yaml" if (form_told, name) == ("json", "x.yaml") else form_told
    assert form(name, TOLD[form_told]) == expected


@pytest.mark.parametrize("name", ["x.att", "x.slf", "x.k2", "x.csv", "x.ark"])
@pytest.mark.parametrize("form_told", ["json", "slf", "kaldi", "arpa"])
def test_a_signature_is_believed_whatever_the_name(form_told: str, name: str) -> None:
    assert form(name, TOLD[form_told]) == form_told


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.txt", WORDS, "words"),
        ("x.txt", DICT, "words"),
        ("x.dict", DICT, "dict"),
        ("x.dict", "{BRACE B R EY S\n[x] B AE K\n", "dict"),
        ("x.txt", "{brace\n[x]\n", "words"),
        ("x.txt", "7\t1.25\n8\t0.5\n", "words"),
        ("x.txt", "7\n8\n", "words"),
        ("x.jsonl", JSON + JSON.replace("0.5", "1"), "jsonl"),
        ("x", YAML, "yaml"),
        ("x.yml", "{lattice: 1, start: 0, final: 1, arcs: []}", "yaml"),
        ("x", "# a comment\n---\n" + YAML, "yaml"),
        ("x.gtn", GTN, "gtn"),
        ("x.k2", "0 1 1 -0.5\n1 2 -1 0\n2\n", "k2"),
        ("x.txt", "0.5 1.5\n2.5 0.25\n", "matrix"),
    ],
)
def test_a_name_decides_between_readings_that_fit(name: str, text: str, expected: str) -> None:
    pathlib.Path(name).write_text(text)
    pathlib.Path("two.labels").write_text("a\nb\n")
    from lattice_cli.formats import read_records

    options = ReadOptions(labels="two.labels" if expected == "matrix" else None)
    assert next(iter(read_records(name, options))).form == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x", GTN, "expected --format to say which: att (OpenFst) or gtn (GTN)"),
        ("x", "0 1 1 0.5\n", "expected --format to say which: att (OpenFst) or k2 (k2)"),
        ("x", WORDS, "found 'barn', in no form that is known"),
        ("x", WORDS, "words for a word list"),
        ("x", "╭───╮\n│ id │\n", "a table of results, expected graphs (with --json"),
        ("x.json", "hello\n", "found 'hello', in no form that is known"),
        ("x", "from,to,label\n0,1,a\n", "found 'from,to,label', in no form"),
    ],
)
def test_what_cannot_be_told_is_named_with_the_option_that_says_it(name: str, text: str, message: str) -> None:
    with pytest.raises(LatticeError) as caught:
        form(name, text)
    assert message in str(caught.value)


def test_a_guess_is_said_once_and_not_with_quiet() -> None:
    for name in ("one.txt", "two.txt"):
        pathlib.Path(name).write_text(WORDS)
    done = run("viterbi", "one.txt", "two.txt", "--json")
    said = "read as a word list, 2 words"
    assert done.err == f"note: one.txt: {said}\nnote: the same of 1 more input: {said}\n"
    quiet = run("viterbi", "one.txt", "two.txt", "--json", "--quiet")
    assert (quiet.err, quiet.out) == ("", done.out)
    assert run("viterbi", "-", "-g", "one.txt", text=JSON.replace('"a"', '"b"')).err.startswith("lattice: ")


def test_a_grammar_among_records_is_told() -> None:
    pathlib.Path("words.yaml").write_text("lattice: 1\nwords: [a, b]\n")
    pathlib.Path("x.json").write_text(JSON)
    said = "note: words.yaml: a grammar among the records? -g FILE composes the others with it\n"
    for command in ("viterbi", "forward", "sample"):
        assert run(command, "x.json", "words.yaml", "--json").err == said
        assert run(command, "x.json", "x.json", "--json").err == ""
        assert run(command, "x.json", "-g", "words.yaml", "--json").err == ""


def test_a_dictionary_read_as_a_word_list_is_told_as_a_grammar_too() -> None:
    pathlib.Path("lexicon.txt").write_text(DICT)
    done = run("viterbi", "-", "-g", "lexicon.txt", text=JSON)
    assert "--format dict reads pronunciations" in done.err


def test_show_says_what_a_file_was_read_as() -> None:
    pathlib.Path("x.txt").write_text(KALDI)
    (told,) = records(run("show", "x.txt", "--json").out)
    assert told["read_as"] == "kaldi"
    assert "│ read as            │ kaldi" in run("show", "x.txt").out
